/* Checks stations and commands that people enter, and writes them as the database takes them. */
#include "server/station_body.h"

#include <stdio.h>

#include "ingest/hj212/stations.h"

enum { MAX_TEXT = 256, MAX_MN = 32, MAX_PASSWORD = 24 };

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status unknown_member(struct ww_error *err, const char *where, struct ww_str key) {
    (void)ww_error_set(err, WW_BAD_INPUT, "unknown member %s%.*s", where, key.len > 60 ? 60 : (int)key.len,
                       key.ptr);
    ww_error_at_field(err, key, WW_STR_NONE);
    return WW_BAD_INPUT;
}

static bool is_printable(struct ww_str text, const char *but_not) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || strchr(but_not, text.ptr[i]))
            return false;
    return true;
}

static bool is_hex(struct ww_str text) {
    static const char digits[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < text.len; i++)
        if (!text.ptr[i] || !strchr(digits, text.ptr[i]))
            return false;
    return true;
}

/* ---- One checker a member ---- */

typedef enum ww_status check_fn(const struct ww_json_node *node, const char *name, struct ww_error *err);

static enum ww_status check_text(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text))
        return refuse(err, name, "must be a text");
    if (text.len > MAX_TEXT || (text.len && memchr(text.ptr, '\0', text.len)))
        return refuse(err, name, "must have at most 256 bytes and no NUL");
    return WW_OK;
}

static enum ww_status check_mn(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text) || text.len < 1 || text.len > MAX_MN || !is_printable(text, "/;&="))
        return refuse(err, name, "must have 1 to 32 printable ASCII characters and none of / ; & =");
    return WW_OK;
}

static enum ww_status check_password(const struct ww_json_node *node, const char *name,
                                     struct ww_error *err) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text) || text.len > MAX_PASSWORD || !is_printable(text, ";&="))
        return refuse(err, name, "must have at most 24 printable ASCII characters and none of ; & =");
    return WW_OK;
}

static enum ww_status check_key(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text) || (text.len != 0 && text.len != 32) || !is_hex(text))
        return refuse(err, name, "must have 32 hexadecimal digits, or none to take the key away");
    return WW_OK;
}

static enum ww_status check_bool(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    bool truth;
    return ww_json_as_bool(node, &truth) ? WW_OK : refuse(err, name, "must be true or false");
}

static enum ww_status check_config(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    if (node->type != WW_JSON_OBJECT)
        return refuse(err, name, "must be an object");
    if (ww_hj212_station_check(node->text, err) == WW_OK)
        return WW_OK;
    char field[sizeof err->field];
    snprintf(field, sizeof field, "config%s%.55s", err->field[0] ? "." : "", err->field);
    snprintf(err->field, sizeof err->field, "%s", field);
    return err->status;
}

static enum ww_status check_place(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    double lon, lat;
    const struct ww_json_node *first = node->type == WW_JSON_ARRAY ? node->child : NULL;
    if (!first || !first->next || first->next->next || !ww_json_as_double(first, &lon) ||
        !ww_json_as_double(first->next, &lat) || lon < -180 || lon > 180 || lat < -90 || lat > 90)
        return refuse(err, name, "must be [longitude, latitude] in degrees");
    return WW_OK;
}

static check_fn check_thing;

struct member {
    const char *name;
    check_fn *check;
};
static const struct member station_members[] = {
    {"mn", check_mn},       {"feed", check_text},     {"enabled", check_bool}, {"password", check_password},
    {"sm4_key", check_key}, {"config", check_config}, {"thing", check_thing},  {NULL, NULL}};
static const struct member thing_members[] = {
    {"name_zh", check_text}, {"name_en", check_text}, {"class", check_text}, {"limit_class", check_text},
    {"site", check_text},    {"place", check_place},  {NULL, NULL}};

static enum ww_status check_members(const struct ww_json_node *object, const struct member *members,
                                    const char *where, struct ww_error *err) {
    for (const struct ww_json_node *node = object->child; node; node = node->next) {
        const struct member *m = members;
        while (m->name && !ww_str_is(node->key, m->name))
            m++;
        if (!m->name)
            return unknown_member(err, where, node->key);
        char field[64];
        snprintf(field, sizeof field, "%s%s", where, m->name);
        enum ww_status st = node->type == WW_JSON_NULL ? WW_OK : m->check(node, field, err);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

static enum ww_status check_thing(const struct ww_json_node *node, const char *name, struct ww_error *err) {
    if (node->type != WW_JSON_OBJECT)
        return refuse(err, name, "must be an object");
    return check_members(node, thing_members, "thing.", err);
}

/* ---- Stations ---- */

static void write_value(struct ww_json *out, const struct ww_json_node *node) {
    if (node->type == WW_JSON_STRING)
        ww_json_str(out, node->text);
    else if (node->type == WW_JSON_TRUE || node->type == WW_JSON_FALSE)
        ww_json_bool(out, node->type == WW_JSON_TRUE);
    else
        ww_json_raw(out, node->text);
}

/* A null counts as not given. */
static void write_thing(struct ww_json *out, const struct ww_json_node *thing) {
    ww_json_object(out);
    for (const struct ww_json_node *node = thing->child; node; node = node->next) {
        if (node->type == WW_JSON_NULL)
            continue;
        ww_json_key_str(out, node->key);
        write_value(out, node);
    }
    ww_json_end_object(out);
}

enum ww_status ww_station_body_write(const struct ww_json_node *station, struct ww_str mn, bool is_new,
                                     uint64_t line, struct ww_json *out, struct ww_error *err) {
    struct ww_str in_body = WW_STR_NONE, feed;
    if (station->type != WW_JSON_OBJECT)
        return ww_error_set(err, WW_BAD_INPUT, "the body must be an object");
    enum ww_status st = check_members(station, station_members, "", err);
    if (st != WW_OK)
        return st;
    bool names_itself = ww_json_as_str(ww_json_get(station, "mn"), &in_body);
    if (!names_itself && !mn.ptr)
        return refuse(err, "mn", "is missing");
    if (names_itself && mn.ptr && !ww_str_eq(in_body, mn))
        return refuse(err, "mn", "cannot be changed");
    if (is_new && !ww_json_as_str(ww_json_get(station, "feed"), &feed))
        return refuse(err, "feed", "is missing");
    ww_json_object(out);
    ww_json_key(out, "mn");
    ww_json_str(out, mn.ptr ? mn : in_body);
    if (line > 0) {
        ww_json_key(out, "line");
        ww_json_int(out, (int64_t)line);
    }
    for (const struct ww_json_node *node = station->child; node; node = node->next) {
        if (node->type == WW_JSON_NULL || ww_str_is(node->key, "mn"))
            continue;
        ww_json_key_str(out, node->key);
        if (ww_str_is(node->key, "thing"))
            write_thing(out, node);
        else
            write_value(out, node);
    }
    ww_json_end_object(out);
    return WW_OK;
}

enum ww_status ww_station_problem(struct ww_str problem, struct ww_error *err) {
    static const struct {
        const char *problem;
        enum ww_status status;
        const char *field, *message;
    } rows[] = {
        {"there", WW_CONFLICT, "mn", "there is a station with this MN already"},
        {"absent", WW_NOT_FOUND, "mn", "there is no station with this MN"},
        {"twice", WW_CONFLICT, "mn", "this MN is there twice"},
        {"feed", WW_BAD_INPUT, "feed", "there is no such feed"},
        {"no feed", WW_BAD_INPUT, "feed", "feed is missing"},
        {"protocol", WW_BAD_INPUT, "feed", "this feed's protocol is not hj212"},
        {"site", WW_BAD_INPUT, "thing.site", "there is no such site"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (ww_str_is(problem, rows[i].problem)) {
            (void)ww_error_set(err, rows[i].status, "%s", rows[i].message);
            ww_error_at_field(err, ww_str_of(rows[i].field), WW_STR_NONE);
            return rows[i].status;
        }
    return WW_OK;
}

/* ---- Commands ---- */

static enum ww_status add_field(struct ww_station_command *out, struct ww_str name,
                                const struct ww_json_node *value, struct ww_error *err) {
    if (out->n_fields == WW_HJ212_MAX_FIELDS)
        return refuse(err, "fields", "has too many fields");
    if (!value || (value->type != WW_JSON_STRING && value->type != WW_JSON_NUMBER))
        return refuse(err, "fields", "must hold texts or numbers");
    out->fields[out->n_fields++] = (struct ww_hj212_field){name, value->text};
    return WW_OK;
}

static enum ww_status read_fields(const struct ww_json_node *fields, struct ww_station_command *out,
                                  struct ww_error *err) {
    enum ww_status st = WW_OK;
    if (!fields || fields->type == WW_JSON_NULL)
        return WW_OK;
    if (fields->type != WW_JSON_OBJECT && fields->type != WW_JSON_ARRAY)
        return refuse(err, "fields", "must be an object, or a list of pairs");
    for (const struct ww_json_node *n = fields->child; n && st == WW_OK; n = n->next) {
        if (fields->type == WW_JSON_OBJECT) {
            st = add_field(out, n->key, n, err);
            continue;
        }
        const struct ww_json_node *name = n->type == WW_JSON_ARRAY ? n->child : NULL;
        if (!name || name->type != WW_JSON_STRING || !name->next || name->next->next)
            return refuse(err, "fields", "must be an object, or a list of pairs");
        st = add_field(out, name->text, name->next, err);
    }
    return st;
}

enum ww_status ww_station_command_read(struct ww_arena *arena, struct ww_str json,
                                       struct ww_station_command *out, struct ww_error *err) {
    struct ww_json_node *root;
    int64_t cn;
    memset(out, 0, sizeof *out);
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return ww_error_set(err, WW_BAD_INPUT, "the body must be an object");
    for (const struct ww_json_node *n = root->child; n; n = n->next)
        if (!ww_str_is(n->key, "cn") && !ww_str_is(n->key, "fields"))
            return unknown_member(err, "", n->key);
    if (!ww_json_as_i64(ww_json_get(root, "cn"), &cn) || cn < 1000 || cn > 9999)
        return refuse(err, "cn", "must be a command's number such as 1062");
    out->cn = (int)cn;
    st = read_fields(ww_json_get(root, "fields"), out, err);
    if (st == WW_OK)
        st = ww_hj212_request_check(out->cn, out->fields, out->n_fields, err);
    if (st == WW_NOT_FOUND) /* a wrong value of a body, not a missing page */
        st = err->status = WW_BAD_INPUT;
    return st;
}

void ww_station_fields_write(const struct ww_station_command *command, struct ww_json *out) {
    ww_json_array(out);
    for (size_t i = 0; i < command->n_fields; i++) {
        ww_json_array(out);
        ww_json_str(out, command->fields[i].name);
        ww_json_str(out, command->fields[i].value);
        ww_json_end_array(out);
    }
    ww_json_end_array(out);
}
