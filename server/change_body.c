/* Reads and checks the bodies of changing requests by small tables of members. */
#include "server/change_body.h"

#include <stdio.h>

#include "geo/base/json_reader.h"
#include "geo/coordinate.h"
#include "geo/instant.h"
#include "geo/unit.h"
#include "geo/ward_index.h"
#include "ingest/decode/feed_config.h"

enum member_type {
    MEMBER_TEXT,
    MEMBER_NAME,
    MEMBER_OBJECT,
    MEMBER_BOOL,
    MEMBER_NUMBER,
    MEMBER_HOUR,
    MEMBER_INSTANT,
    MEMBER_UNIT,
    MEMBER_WORD
};

struct member {
    const char *name;
    enum member_type type;
    bool required;
    const char *words;
};

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static bool name_is_good(struct ww_str name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    if (name.len < 1 || name.len > 63 || !name.ptr[0] || !strchr(first, name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        if (!c || (!strchr(first, c) && !strchr("._-", c)))
            return false;
    }
    return true;
}

static bool word_is_listed(const char *words, struct ww_str value) {
    for (; *words; words += strcspn(words, "|") + (words[strcspn(words, "|")] == '|')) {
        if (ww_str_eq(value, (struct ww_str){words, strcspn(words, "|")}))
            return true;
    }
    return false;
}

static enum ww_status check_text(const struct member *m, struct ww_str text, struct ww_error *err) {
    int64_t instant;
    if (text.len && memchr(text.ptr, '\0', text.len))
        return refuse(err, m->name, "holds a NUL");
    if (m->type == MEMBER_NAME && !name_is_good(text))
        return refuse(err, m->name, "must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit");
    if (m->type == MEMBER_INSTANT && ww_instant_parse(text, NULL, &instant, NULL) != WW_OK)
        return refuse(err, m->name, "must be a time such as 2026-11-23T01:02:03Z");
    if (m->type == MEMBER_UNIT && !ww_unit_code(text))
        return refuse(err, m->name, "is not a unit that is known");
    if (m->type == MEMBER_WORD && !word_is_listed(m->words, text)) {
        ww_error_set(err, WW_BAD_INPUT, "%s must be one of %s", m->name, m->words);
        ww_error_at_field(err, ww_str_of(m->name), text);
        return WW_BAD_INPUT;
    }
    if (m->required && text.len == 0)
        return refuse(err, m->name, "must not be empty");
    return WW_OK;
}

/* The member's value as the text that goes to the database. */
static enum ww_status read_member(const struct member *m, const struct ww_json_node *node, struct ww_str *out,
                                  struct ww_error *err) {
    double number;
    int64_t hour;
    bool truth;
    switch (m->type) {
    case MEMBER_OBJECT:
        if (node->type != WW_JSON_OBJECT)
            return refuse(err, m->name, "must be an object");
        *out = node->text;
        return WW_OK;
    case MEMBER_BOOL:
        if (!ww_json_as_bool(node, &truth))
            return refuse(err, m->name, "must be true or false");
        *out = truth ? WW_STR("true") : WW_STR("false");
        return WW_OK;
    case MEMBER_NUMBER:
        if (!ww_json_as_double(node, &number))
            return refuse(err, m->name, "must be a number");
        *out = node->text;
        return WW_OK;
    case MEMBER_HOUR:
        if (!ww_json_as_i64(node, &hour) || hour < 0 || hour > 23)
            return refuse(err, m->name, "must be an hour from 0 to 23");
        *out = node->text;
        return WW_OK;
    default:
        if (!ww_json_as_str(node, out))
            return refuse(err, m->name, "must be a text");
        return check_text(m, *out, err);
    }
}

static const struct member *find_member(const struct member *members, size_t n, struct ww_str name) {
    for (size_t i = 0; i < n; i++) {
        if (ww_str_is(name, members[i].name))
            return &members[i];
    }
    return NULL;
}

/* values[i] belongs to members[i]; a null counts as not given. */
static enum ww_status read_members(struct ww_arena *arena, struct ww_str json, const struct member *members,
                                   size_t n, struct ww_str *values, struct ww_error *err) {
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return ww_error_set(err, WW_BAD_INPUT, "the body must be an object");
    for (const struct ww_json_node *node = root->child; node; node = node->next) {
        const struct member *m = find_member(members, n, node->key);
        if (!m) {
            ww_error_set(err, WW_BAD_INPUT, "unknown member %.*s",
                         node->key.len > 60 ? 60 : (int)node->key.len, node->key.ptr);
            ww_error_at_field(err, node->key, WW_STR_NONE);
            return WW_BAD_INPUT;
        }
        if (node->type != WW_JSON_NULL && (st = read_member(m, node, &values[m - members], err)) != WW_OK)
            return st;
    }
    for (size_t i = 0; i < n; i++) {
        if (members[i].required && !values[i].ptr)
            return refuse(err, members[i].name, "is missing");
    }
    return WW_OK;
}

/* An error inside config names its member as "config.member". */
static enum ww_status inside_config(struct ww_error *err) {
    char field[sizeof err->field];
    snprintf(field, sizeof field, "config%s%.55s", err->field[0] ? "." : "", err->field);
    snprintf(err->field, sizeof err->field, "%s", field);
    return err->status;
}

enum ww_status ww_feed_body_read(struct ww_arena *arena, struct ww_str json, bool is_new,
                                 struct ww_feed_body *out, struct ww_error *err) {
    const struct member members[] = {{"name", MEMBER_NAME, is_new, NULL},
                                     {"title", MEMBER_TEXT, false, NULL},
                                     {"config", MEMBER_OBJECT, is_new, NULL},
                                     {"enabled", MEMBER_BOOL, false, NULL}};
    struct ww_str values[4] = {{NULL, 0}};
    enum ww_status st = read_members(arena, json, members, 4, values, err);
    if (st != WW_OK)
        return st;
    *out = (struct ww_feed_body){values[0], values[1], values[2], values[3]};
    if (out->config.ptr) {
        struct ww_feed_config *config;
        if (ww_feed_config_parse(out->config, &config, err) != WW_OK)
            return inside_config(err);
        ww_feed_config_free(config);
    }
    return WW_OK;
}

enum ww_status ww_rule_body_parse_config(struct ww_arena *arena, struct ww_rule_body *body,
                                         struct ww_error *err) {
    const struct ww_rule_kind *kind = ww_rule_kind_find(body->detector);
    if (!kind) {
        ww_error_set(err, WW_BAD_INPUT, "detector must be one of %s", ww_rule_kind_words());
        ww_error_at_field(err, WW_STR("detector"), body->detector);
        return WW_BAD_INPUT;
    }
    enum ww_status st = kind->check(kind, arena, body->config, &body->facts, err);
    return st == WW_OK ? WW_OK : inside_config(err);
}

enum ww_status ww_rule_body_read(struct ww_arena *arena, struct ww_str json, bool is_new,
                                 struct ww_rule_body *out, struct ww_error *err) {
    const struct member members[] = {
        {"code", MEMBER_NAME, is_new, NULL},     {"name_zh", MEMBER_TEXT, true, NULL},
        {"name_en", MEMBER_TEXT, true, NULL},    {"detector", MEMBER_TEXT, true, NULL},
        {"severity", MEMBER_NUMBER, true, NULL}, {"enabled", MEMBER_BOOL, false, NULL},
        {"config", MEMBER_OBJECT, true, NULL}};
    struct ww_str values[7] = {{NULL, 0}};
    enum ww_status st = read_members(arena, json, members, 7, values, err);
    if (st != WW_OK)
        return st;
    memset(out, 0, sizeof *out);
    out->code = values[0];
    out->name_zh = values[1];
    out->name_en = values[2];
    out->detector = values[3];
    if (!ww_str_to_i64(values[4], &out->severity) || out->severity < 1 || out->severity > 4)
        return refuse(err, "severity", "must be 1, 2, 3 or 4");
    out->enabled = !values[5].ptr || ww_str_is(values[5], "true");
    out->config = values[6];
    return ww_rule_body_parse_config(arena, out, err);
}

enum ww_status ww_limit_body_read(struct ww_arena *arena, struct ww_str json, struct ww_limit_body *out,
                                  struct ww_error *err) {
    static const struct member members[WW_LIMIT_COLUMNS] = {
        {"property", MEMBER_TEXT, true, NULL},
        {"standard_no", MEMBER_TEXT, true, NULL},
        {"edition", MEMBER_TEXT, false, NULL},
        {"class", MEMBER_TEXT, true, NULL},
        {"phase", MEMBER_TEXT, false, NULL},
        {"averaging", MEMBER_WORD, true, "instant|1h|8h|24h|1month|1year"},
        {"lower", MEMBER_NUMBER, false, NULL},
        {"upper", MEMBER_NUMBER, false, NULL},
        {"unit", MEMBER_UNIT, true, NULL},
        {"hour_from", MEMBER_HOUR, false, NULL},
        {"hour_to", MEMBER_HOUR, false, NULL},
        {"jurisdiction", MEMBER_TEXT, false, NULL},
        {"valid_from", MEMBER_INSTANT, true, NULL},
        {"valid_to", MEMBER_INSTANT, false, NULL},
        {"status", MEMBER_WORD, true, "verified|check"},
        {"source", MEMBER_TEXT, true, NULL},
        {"note", MEMBER_TEXT, false, NULL},
    };
    memset(out, 0, sizeof *out);
    enum ww_status st = read_members(arena, json, members, WW_LIMIT_COLUMNS, out->column, err);
    if (st != WW_OK)
        return st;
    double lower, upper;
    bool has_lower = out->column[6].ptr && ww_str_to_double(out->column[6], &lower);
    bool has_upper = out->column[7].ptr && ww_str_to_double(out->column[7], &upper);
    if (!has_lower && !has_upper)
        return refuse(err, "upper", "or lower must be given");
    if (has_lower && has_upper && lower > upper)
        return refuse(err, "upper", "is below lower");
    int64_t from = 0, to = INT64_MAX;
    if (ww_instant_parse(out->column[12], NULL, &from, err) != WW_OK ||
        (out->column[13].ptr && ww_instant_parse(out->column[13], NULL, &to, err) != WW_OK))
        return WW_BAD_INPUT;
    if (from >= to)
        return refuse(err, "valid_to", "must be after valid_from");
    return WW_OK;
}

/* ---- Maintenance windows ---- */

static enum ww_status as_utc(struct ww_arena *arena, const char *field, struct ww_str *text, int64_t *at_us,
                             struct ww_error *err) {
    char *room = ww_arena_alloc(arena, 40);
    if (!room)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for this request");
    if (ww_instant_parse(*text, NULL, at_us, NULL) != WW_OK)
        return refuse(err, field, "must be a time such as 2026-11-23T01:02:03Z");
    *text = (struct ww_str){room, (size_t)ww_instant_text(*at_us, room)};
    return WW_OK;
}

enum ww_status ww_window_body_check(struct ww_arena *arena, struct ww_window_body *b, struct ww_error *err) {
    const int64_t longest_us = 92 * WW_DAY_US;
    int64_t from_us = INT64_MIN, to_us;
    int n = (b->thing.ptr != NULL) + (b->key.ptr != NULL) + (b->site.ptr != NULL) + (b->ward.ptr != NULL);
    if (n != 1)
        return refuse(err, "thing", "or feed and key, or site, or ward: exactly one of these must be given");
    if ((b->feed.ptr != NULL) != (b->key.ptr != NULL))
        return refuse(err, "feed", "and key go together");
    if (b->property.ptr && (b->site.ptr || b->ward.ptr))
        return refuse(err, "property", "goes with a thing");
    if (!b->to.ptr)
        return refuse(err, "to", "is missing");
    if (!b->reason.ptr || b->reason.len == 0 || b->reason.len > 1000)
        return refuse(err, "reason", "must be a text of at most 1000 bytes");
    enum ww_status st = as_utc(arena, "to", &b->to, &to_us, err);
    if (st == WW_OK && b->from.ptr)
        st = as_utc(arena, "from", &b->from, &from_us, err);
    if (st != WW_OK)
        return st;
    if (b->from.ptr && (from_us >= to_us || to_us - from_us > longest_us))
        return refuse(err, "to", "must be after from, and at most 92 days after it");
    if (!b->from.ptr)
        b->from = WW_STR("now");
    return WW_OK;
}

enum ww_status ww_window_body_read(struct ww_arena *arena, struct ww_str json, struct ww_window_body *out,
                                   struct ww_error *err) {
    static const struct member members[] = {
        {"thing", MEMBER_NUMBER, false, NULL}, {"feed", MEMBER_TEXT, false, NULL},
        {"key", MEMBER_TEXT, false, NULL},     {"property", MEMBER_TEXT, false, NULL},
        {"site", MEMBER_TEXT, false, NULL},    {"ward", MEMBER_TEXT, false, NULL},
        {"from", MEMBER_INSTANT, false, NULL}, {"to", MEMBER_INSTANT, true, NULL},
        {"reason", MEMBER_TEXT, true, NULL}};
    struct ww_str v[9] = {{NULL, 0}};
    int64_t id;
    enum ww_status st = read_members(arena, json, members, 9, v, err);
    if (st != WW_OK)
        return st;
    if (v[0].ptr && !ww_str_to_i64(v[0], &id))
        return refuse(err, "thing", "must be the id of a thing");
    *out = (struct ww_window_body){v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]};
    return ww_window_body_check(arena, out, err);
}

/* ---- Acts on alerts ---- */

enum ww_status ww_act_until_read(struct ww_str text, int64_t *out, struct ww_error *err) {
    *out = WW_WORK_UNTIL_CLEARED;
    if (!ww_str_is(text, "cleared") && ww_instant_parse(text, NULL, out, NULL) != WW_OK)
        return refuse(err, "until", "must be a time such as 2026-11-23T01:02:03Z, or cleared");
    return WW_OK;
}

enum ww_status ww_act_body_read(struct ww_arena *arena, struct ww_str json, enum ww_act_kind kind,
                                struct ww_act *out, struct ww_error *err) {
    enum { REASON_MOST = 4000 };
    /* What is asked of it besides the reason. */
    static const struct member wants[WW_ACTS][2] = {
        [WW_ACT_ASSIGN] = {{"assignee", MEMBER_TEXT, true, NULL}},
        [WW_ACT_SNOOZE] = {{"until", MEMBER_TEXT, true, NULL}},
        [WW_ACT_ESCALATE] = {{"level", MEMBER_NUMBER, true, NULL}},
        [WW_ACT_RESOLVE] = {{"was", MEMBER_WORD, true, ww_work_was},
                            {"effect", MEMBER_WORD, true, ww_work_effects}},
    };
    struct member members[3] = {{kind == WW_ACT_COMMENT ? "comment" : "reason", MEMBER_TEXT, false, NULL}};
    struct ww_str v[3] = {{NULL, 0}};
    size_t n = 1;
    for (int i = 0; i < 2 && wants[kind][i].name; i++)
        members[n++] = wants[kind][i];
    enum ww_status st =
        read_members(arena, ww_str_trim(json).len > 0 ? json : WW_STR("{}"), members, n, v, err);
    int64_t level = 0;
    if (st != WW_OK)
        return st;
    if (v[0].len > REASON_MOST)
        return refuse(err, members[0].name, "must be at most 4000 bytes");
    out->kind = kind;
    out->reason = v[0];
    out->whom = kind == WW_ACT_ASSIGN ? v[1] : WW_STR_NONE;
    out->was = kind == WW_ACT_RESOLVE ? v[1] : WW_STR_NONE;
    out->effect = kind == WW_ACT_RESOLVE ? v[2] : WW_STR_NONE;
    if (kind == WW_ACT_ESCALATE && (!ww_str_to_i64(v[1], &level) || level < 1 || level > WW_WORK_TOP_LEVEL))
        return refuse(err, "level", "must be 1, 2 or 3");
    out->level = (int)level;
    return kind == WW_ACT_SNOOZE ? ww_act_until_read(v[1], &out->until_us, err) : WW_OK;
}

/* ---- Silences ---- */

static enum ww_status read_polygon(struct ww_arena *arena, struct ww_str *polygon, struct ww_error *err) {
    struct ww_datum *datum = NULL;
    struct ww_polygon_report report;
    enum ww_status st = ww_datum_open(WW_STR("CGCS2000"), &datum, err);
    if (st == WW_OK)
        st = ww_polygon_from_geojson(arena, *polygon, datum, polygon, &report, err);
    ww_datum_close(datum);
    if (st == WW_BAD_INPUT)
        ww_error_at_field(err, WW_STR("polygon"), WW_STR_NONE);
    return st;
}

enum ww_status ww_silence_body_check(struct ww_arena *arena, struct ww_silence_body *b,
                                     struct ww_error *err) {
    int64_t until_us;
    if (!b->rule.ptr && !b->key.ptr && !b->thing.ptr && !b->site.ptr && !b->ward.ptr && !b->polygon.ptr)
        return refuse(err, "rule", "or thing, feed and key, site, ward or polygon must be given");
    if ((b->feed.ptr != NULL) != (b->key.ptr != NULL) || (b->key.ptr && b->thing.ptr))
        return refuse(err, "feed", "and key go together, and in place of thing");
    if (ww_str_trim(b->reason).len == 0 || b->reason.len > 1000)
        return refuse(err, "reason", "must be a text of at most 1000 bytes");
    if (b->severity < 1 || b->severity > 4)
        return refuse(err, "severity", "must be from 1 to 4");
    enum ww_status st = ww_act_until_read(b->until, &until_us, err);
    if (st != WW_OK)
        return st;
    if (until_us == WW_WORK_UNTIL_CLEARED)
        b->until = WW_STR("infinity");
    else
        st = as_utc(arena, "until", &b->until, &until_us, err);
    return st == WW_OK && b->polygon.ptr ? read_polygon(arena, &b->polygon, err) : st;
}

enum ww_status ww_silence_body_read(struct ww_arena *arena, struct ww_str json, struct ww_silence_body *out,
                                    struct ww_error *err) {
    static const struct member members[] = {
        {"rule", MEMBER_TEXT, false, NULL},      {"feed", MEMBER_TEXT, false, NULL},
        {"key", MEMBER_TEXT, false, NULL},       {"thing", MEMBER_NUMBER, false, NULL},
        {"property", MEMBER_TEXT, false, NULL},  {"site", MEMBER_TEXT, false, NULL},
        {"ward", MEMBER_TEXT, false, NULL},      {"polygon", MEMBER_OBJECT, false, NULL},
        {"until", MEMBER_TEXT, true, NULL},      {"reason", MEMBER_TEXT, true, NULL},
        {"severity", MEMBER_NUMBER, false, NULL}};
    struct ww_str v[11] = {{NULL, 0}};
    int64_t id, severity = 4;
    enum ww_status st = read_members(arena, json, members, 11, v, err);
    if (st != WW_OK)
        return st;
    if (v[3].ptr && !ww_str_to_i64(v[3], &id))
        return refuse(err, "thing", "must be the id of a thing");
    if (v[10].ptr && !ww_str_to_i64(v[10], &severity))
        return refuse(err, "severity", "must be from 1 to 4");
    *out = (struct ww_silence_body){v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], severity};
    return ww_silence_body_check(arena, out, err);
}
