/* Reads and checks a feed's configuration.
 *
 * Whatever is not understood is refused with the member's name: a mistyped "timezone" that
 * was silently ignored would shift a district's data by eight hours.
 */
#include "ingest/decode/feed_config_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "geo/base/alloc.h"

enum { CONFIG_MEMORY = 4 << 20, MAX_CONFIG_BYTES = 256 << 10, MAX_INTERVAL_S = 366 * 86400 };

typedef const struct ww_json_node *node_t;

struct parser {
    struct ww_feed_config *config;
    struct ww_error *err;
};

/* The error names the member by its path; `node` (may be NULL) gives the place and value. */
static enum ww_status bad(struct parser *p, const char *path, node_t node, const char *message) {
    (void)ww_error_set(p->err, WW_BAD_INPUT, "%s %s", path, message);
    ww_error_at_field(p->err, ww_str_of(path), node ? node->text : WW_STR_NONE);
    if (p->err && node)
        p->err->offset = node->offset;
    return WW_BAD_INPUT;
}

static enum ww_status no_memory(struct parser *p) {
    return ww_error_set(p->err, WW_NO_MEMORY, "no memory for a feed configuration");
}

/* Only members out of `allowed` (blank-separated) may stand in `object`. */
static enum ww_status check_members(struct parser *p, node_t object, const char *path, const char *allowed) {
    if (object->type != WW_JSON_OBJECT)
        return bad(p, path, object, "must be an object");
    for (node_t m = object->child; m; m = m->next) {
        bool known = false;
        for (const char *a = allowed; *a && !known;) {
            size_t len = strcspn(a, " ");
            known = ww_str_eq(m->key, (struct ww_str){a, len});
            a += len + (a[len] == ' ');
        }
        if (known)
            continue;
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s%.*s", *path ? path : "", *path ? "." : "",
                       (int)(m->key.len > 40 ? 40 : m->key.len), m->key.ptr ? m->key.ptr : "");
        return bad(p, name, m, "is not known here");
    }
    return WW_OK;
}

static enum ww_status field_source(struct parser *p, node_t name, const char *path, bool required,
                                   struct source *out) {
    if (name->type != WW_JSON_STRING || name->text.len == 0 || name->text.len > 256)
        return bad(p, path, name, "must name a field in 1 to 256 bytes");
    int32_t field = ww_feed_field_add(p->config, name->text, required);
    if (field < 0)
        return p->config->n_fields == MAX_FIELDS ? bad(p, path, name, "is one field too many") : no_memory(p);
    *out = (struct source){.kind = SOURCE_FIELD, .field = (uint32_t)field};
    return WW_OK;
}

enum source_flags { BARE_IS_FIELD = 0, BARE_IS_CONST = 1, OPTIONAL_COLUMN = 2 };

/* {"field":…}, {"const":…} or a bare string; leaves SOURCE_NONE when the node is NULL. */
static enum ww_status parse_source(struct parser *p, node_t node, const char *path, unsigned flags,
                                   struct source *out) {
    *out = (struct source){.kind = SOURCE_NONE};
    if (!node)
        return WW_OK;
    node_t constant = NULL, field = NULL;
    if (node->type == WW_JSON_STRING) {
        *((flags & BARE_IS_CONST) ? &constant : &field) = node;
    } else {
        enum ww_status st = check_members(p, node, path, "field const");
        if (st != WW_OK)
            return st;
        field = ww_json_get(node, "field");
        constant = ww_json_get(node, "const");
    }
    if ((field == NULL) == (constant == NULL))
        return bad(p, path, node, "needs either \"field\" or \"const\"");
    if (field)
        return field_source(p, field, path, !(flags & OPTIONAL_COLUMN), out);
    if (constant->type != WW_JSON_STRING && constant->type != WW_JSON_NUMBER)
        return bad(p, path, constant, "needs a text or number as \"const\"");
    *out = (struct source){.kind = SOURCE_CONST, .text = constant->text};
    return WW_OK;
}

/* The thing, property or unit of one value; the feed's own when it has none. */
static enum ww_status parse_series_source(struct parser *p, node_t entry, const char *member,
                                          const struct source *common, uint32_t i, struct source *out) {
    char path[64];
    (void)snprintf(path, sizeof path, "values.%u.%s", i, member);
    enum ww_status st = parse_source(p, ww_json_get(entry, member), path, BARE_IS_CONST, out);
    if (st == WW_OK && out->kind == SOURCE_NONE)
        *out = *common;
    return st;
}

static enum ww_status parse_wide_value(struct parser *p, node_t entry, const struct value_source *common,
                                       uint32_t i, struct value_source *out) {
    char path[64];
    (void)snprintf(path, sizeof path, "values.%u", i);
    enum ww_status st = check_members(p, entry, path, "field property unit thing");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(entry, "field");
    if (!field)
        return bad(p, path, entry, "needs a \"field\"");
    (void)snprintf(path, sizeof path, "values.%u.field", i);
    st = field_source(p, field, path, false, &out->value);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "thing", &common->thing, i, &out->thing);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "property", &common->property, i, &out->property);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "unit", &common->unit, i, &out->unit);
    if (st != WW_OK)
        return st;
    (void)snprintf(path, sizeof path, "values.%u.%s", i,
                   out->thing.kind == SOURCE_NONE ? "thing" : "property");
    if (out->thing.kind == SOURCE_NONE || out->property.kind == SOURCE_NONE)
        return bad(p, path, entry, "is missing, and the feed has none for all values");
    return WW_OK;
}

static uint32_t count_children(node_t node) {
    uint32_t n = 0;
    for (node_t c = node->child; c; c = c->next)
        n++;
    return n;
}

static enum ww_status parse_values(struct parser *p, node_t root) {
    struct value_source common = {0};
    enum ww_status st = parse_source(p, ww_json_get(root, "thing"), "thing", BARE_IS_FIELD, &common.thing);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "property"), "property", BARE_IS_FIELD, &common.property);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "value"), "value", BARE_IS_FIELD, &common.value);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "unit"), "unit", BARE_IS_FIELD, &common.unit);
    if (st != WW_OK)
        return st;
    node_t values = ww_json_get(root, "values");
    p->config->wide = values != NULL;
    if (values && ww_json_get(root, "value"))
        return bad(p, "value", values, "and \"values\" exclude each other");
    if (values && (values->type != WW_JSON_ARRAY || !values->child || count_children(values) > MAX_FIELDS))
        return bad(p, "values", values, "must be an array of 1 to 1024 entries");
    p->config->n_values = values ? count_children(values) : 1;
    p->config->values = ww_arena_calloc(p->config->arena, p->config->n_values, sizeof *p->config->values);
    if (!p->config->values)
        return no_memory(p);
    if (!values) {
        const char *lacks = common.thing.kind == SOURCE_NONE      ? "thing"
                            : common.property.kind == SOURCE_NONE ? "property"
                            : common.value.kind == SOURCE_NONE    ? "value"
                                                                  : NULL;
        p->config->values[0] = common;
        return lacks ? bad(p, lacks, NULL, "is missing") : WW_OK;
    }
    uint32_t i = 0;
    for (node_t entry = values->child; entry && st == WW_OK; entry = entry->next, i++)
        st = parse_wide_value(p, entry, &common, i, &p->config->values[i]);
    return st;
}

/* Only what ww_instant_parse_format knows may follow a per cent sign. */
static bool is_time_pattern(struct ww_str pattern) {
    if (memchr(pattern.ptr, '\0', pattern.len) || !memchr(pattern.ptr, '%', pattern.len))
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] != '%')
            continue;
        if (++i == pattern.len || !strchr("YymdHMSfzsbpI%", pattern.ptr[i]))
            return false;
    }
    return true;
}

static enum ww_status parse_time_format(struct parser *p, node_t format) {
    struct ww_feed_config *config = p->config;
    struct ww_str text = WW_STR("iso");
    if (format && (!ww_json_as_str(format, &text) || text.len == 0 || text.len > 100))
        return bad(p, "time.format", format, "must be a text of 1 to 100 bytes");
    if (!format && config->n_time_parts > 1) {
        config->time_format = TIME_PARTS;
    } else if (ww_str_is(text, "iso")) {
        config->time_format = TIME_ISO;
    } else if (ww_str_is(text, "epoch")) {
        config->time_format = TIME_EPOCH;
    } else if (ww_str_is(text, "epoch_ms")) {
        config->time_format = TIME_EPOCH_MS;
    } else if (is_time_pattern(text)) {
        config->time_format = TIME_STRPTIME;
        struct ww_str copy = ww_arena_copy(config->arena, text);
        if (!copy.ptr)
            return no_memory(p);
        config->time_pattern = (char *)(uintptr_t)copy.ptr;
    } else {
        return bad(p, "time.format", format,
                   "must be iso, epoch, epoch_ms or a pattern of %Y %y %m %d %H %M %S %f %z %s %b %p %I");
    }
    return WW_OK;
}

static enum ww_status parse_time_parts(struct parser *p, node_t fields) {
    if (fields->type != WW_JSON_ARRAY || !fields->child || count_children(fields) > MAX_TIME_PARTS)
        return bad(p, "time.fields", fields, "must be an array of 1 to 6 field names");
    for (node_t f = fields->child; f; f = f->next) {
        enum ww_status st =
            field_source(p, f, "time.fields", true, &p->config->time_parts[p->config->n_time_parts++]);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

static enum ww_status parse_time(struct parser *p, node_t time) {
    if (!time)
        return bad(p, "time", NULL, "is missing");
    if (time->type == WW_JSON_STRING) {
        p->config->n_time_parts = 1;
        return field_source(p, time, "time", true, &p->config->time_parts[0]);
    }
    enum ww_status st = check_members(p, time, "time", "field const fields format");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(time, "field"), fields = ww_json_get(time, "fields");
    node_t constant = ww_json_get(time, "const");
    if ((field != NULL) + (fields != NULL) + (constant != NULL) != 1)
        return bad(p, "time", time, "needs one of \"field\", \"fields\" and \"const\"");
    if (fields) {
        st = parse_time_parts(p, fields);
    } else {
        p->config->n_time_parts = 1;
        if (field)
            st = field_source(p, field, "time.field", true, &p->config->time_parts[0]);
        else if (constant->type == WW_JSON_STRING || constant->type == WW_JSON_NUMBER)
            p->config->time_parts[0] = (struct source){.kind = SOURCE_CONST, .text = constant->text};
        else
            st = bad(p, "time.const", constant, "must be a text or number");
    }
    return st == WW_OK ? parse_time_format(p, ww_json_get(time, "format")) : st;
}

static enum ww_status parse_interval(struct parser *p, node_t interval) {
    if (!interval || interval->type != WW_JSON_NUMBER)
        return parse_source(p, interval, "interval_s", BARE_IS_FIELD, &p->config->interval);
    int64_t seconds;
    if (!ww_json_as_i64(interval, &seconds) || seconds < 0 || seconds > MAX_INTERVAL_S)
        return bad(p, "interval_s", interval, "must be whole seconds from 0 to a year");
    p->config->interval_s = (int32_t)seconds;
    return WW_OK;
}

static enum ww_status parse_place(struct parser *p, node_t place) {
    if (!place)
        return WW_OK;
    enum ww_status st = check_members(p, place, "place", "x y ward");
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "x"), "place.x", BARE_IS_FIELD, &p->config->place_x);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "y"), "place.y", BARE_IS_FIELD, &p->config->place_y);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "ward"), "place.ward", BARE_IS_FIELD, &p->config->ward);
    if (st != WW_OK)
        return st;
    bool x = p->config->place_x.kind != SOURCE_NONE, y = p->config->place_y.kind != SOURCE_NONE;
    bool ward = p->config->ward.kind != SOURCE_NONE;
    if (x != y || x == ward)
        return bad(p, "place", place, "needs either x and y, or ward");
    return WW_OK;
}

static bool as_flag(node_t node, char *out) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text) || text.len != 1)
        return false;
    char c = text.ptr[0];
    *out = c;
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static enum ww_status parse_flag_map(struct parser *p, node_t map) {
    if (map->type != WW_JSON_OBJECT)
        return bad(p, "quality.map", map, "must be an object");
    p->config->flags = ww_arena_calloc(p->config->arena, count_children(map) + 1, sizeof *p->config->flags);
    if (!p->config->flags)
        return no_memory(p);
    for (node_t entry = map->child; entry; entry = entry->next) {
        struct flag_map *flag = &p->config->flags[p->config->n_flags++];
        flag->text = entry->key;
        if (!as_flag(entry, &flag->flag))
            return bad(p, "quality.map", entry, "must give one letter or digit for each text");
    }
    return WW_OK;
}

static enum ww_status parse_quality(struct parser *p, node_t quality) {
    if (!quality || quality->type == WW_JSON_STRING)
        return parse_source(p, quality, "quality", BARE_IS_FIELD, &p->config->quality);
    enum ww_status st = check_members(p, quality, "quality", "field const map default");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(quality, "field"), constant = ww_json_get(quality, "const");
    node_t map = ww_json_get(quality, "map"), fallback = ww_json_get(quality, "default");
    if ((field == NULL) == (constant == NULL))
        return bad(p, "quality", quality, "needs either \"field\" or \"const\"");
    st = parse_source(p, field ? field : constant, "quality", field ? BARE_IS_FIELD : BARE_IS_CONST,
                      &p->config->quality);
    if (st == WW_OK && map)
        st = parse_flag_map(p, map);
    if (st == WW_OK && fallback && !as_flag(fallback, &p->config->default_flag))
        st = bad(p, "quality.default", fallback, "must be one letter or digit");
    return st;
}

static enum ww_status parse_keep(struct parser *p, node_t keep) {
    if (!keep)
        return WW_OK;
    if (keep->type != WW_JSON_ARRAY || count_children(keep) > MAX_FIELDS)
        return bad(p, "keep", keep, "must be an array of field names");
    p->config->keep = ww_arena_calloc(p->config->arena, count_children(keep) + 1, sizeof *p->config->keep);
    if (!p->config->keep)
        return no_memory(p);
    for (node_t k = keep->child; k; k = k->next) {
        struct source source;
        enum ww_status st = field_source(p, k, "keep", true, &source);
        if (st != WW_OK)
            return st;
        for (uint32_t i = 0; i < p->config->n_keep; i++)
            if (p->config->keep[i] == source.field)
                return bad(p, "keep", k, "names a field twice");
        p->config->keep[p->config->n_keep++] = source.field;
    }
    return WW_OK;
}

static enum ww_status parse_missing(struct parser *p, node_t missing) {
    static struct ww_str usual[] = {{"", 0}, {"NA", 2}, {"NULL", 4}};
    if (!missing) {
        p->config->missing = usual;
        p->config->n_missing = sizeof usual / sizeof *usual;
        return WW_OK;
    }
    if (missing->type != WW_JSON_ARRAY || count_children(missing) > 64)
        return bad(p, "missing", missing, "must be an array of at most 64 texts");
    p->config->missing =
        ww_arena_calloc(p->config->arena, count_children(missing) + 1, sizeof *p->config->missing);
    if (!p->config->missing)
        return no_memory(p);
    for (node_t m = missing->child; m; m = m->next) {
        if (m->type != WW_JSON_STRING && m->type != WW_JSON_NUMBER)
            return bad(p, "missing", m, "must hold texts or numbers");
        p->config->missing[p->config->n_missing++] = m->text;
    }
    return WW_OK;
}

static enum ww_status parse_format(struct parser *p, node_t root) {
    static const struct {
        const char *name;
        enum ww_format format;
    } formats[] = {{"auto", WW_FORMAT_AUTO},
                   {"ndjson", WW_FORMAT_NDJSON},
                   {"json", WW_FORMAT_JSON},
                   {"csv", WW_FORMAT_CSV},
                   {"geojson", WW_FORMAT_GEOJSON}};
    node_t format = ww_json_get(root, "format"), records = ww_json_get(root, "records");
    bool known = format == NULL;
    for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++) {
        if (format->type == WW_JSON_STRING && ww_str_is(format->text, formats[i].name)) {
            p->config->format = formats[i].format;
            known = true;
        }
    }
    if (!known)
        return bad(p, "format", format, "must be csv, ndjson, json, geojson or auto");
    if (records && (records->type != WW_JSON_STRING ||
                    !ww_feed_path_split(records->text, p->config->records, &p->config->n_records)))
        return bad(p, "records", records, "must be a path like \"data.items\"");
    return WW_OK;
}

static enum ww_status parse_bool(struct parser *p, node_t root, const char *name, bool usual, bool *out) {
    node_t node = ww_json_get(root, name);
    *out = usual;
    if (node && !ww_json_as_bool(node, out))
        return bad(p, name, node, "must be true or false");
    return WW_OK;
}

static enum ww_status parse_manner(struct parser *p, node_t root) {
    node_t mode = ww_json_get(root, "mode"), class = ww_json_get(root, "thing_class");
    struct ww_str text = WW_STR("lenient");
    if (mode && !ww_json_as_str(mode, &text))
        return bad(p, "mode", mode, "must be strict or lenient");
    p->config->strict = ww_str_is(text, "strict");
    if (!p->config->strict && !ww_str_is(text, "lenient"))
        return bad(p, "mode", mode, "must be strict or lenient");
    if (class && (!ww_json_as_str(class, &p->config->thing_class) || p->config->thing_class.len > 64))
        return bad(p, "thing_class", class, "must be a text of at most 64 bytes");
    enum ww_status st = parse_bool(p, root, "register", false, &p->config->registers);
    return st == WW_OK ? parse_bool(p, root, "keep_raw", true, &p->config->keeps_raw) : st;
}

static enum ww_status open_zone_and_datum(struct parser *p, node_t root) {
    node_t zone = ww_json_get(root, "time_zone"), datum = ww_json_get(root, "datum");
    struct ww_str zone_name = WW_STR("UTC"), datum_name = WW_STR("WGS84");
    if (zone && !ww_json_as_str(zone, &zone_name))
        return bad(p, "time_zone", zone, "must be a text");
    if (datum && !ww_json_as_str(datum, &datum_name))
        return bad(p, "datum", datum, "must be a text");
    enum ww_status st = ww_zone_open(zone_name, &p->config->zone, p->err);
    if (st != WW_OK) {
        ww_error_at_field(p->err, WW_STR("time_zone"), zone_name);
        return st;
    }
    st = ww_datum_open(datum_name, &p->config->datum, p->err);
    if (st != WW_OK)
        ww_error_at_field(p->err, WW_STR("datum"), datum_name);
    return st;
}

static enum ww_status parse_root(struct parser *p, node_t root) {
    if (root->type != WW_JSON_OBJECT)
        return bad(p, "config", root, "must be an object");
    enum ww_status st =
        check_members(p, root, "",
                      "format records thing property value unit values time interval_s place "
                      "quality keep missing time_zone datum mode register thing_class keep_raw");
    if (st == WW_OK)
        st = parse_format(p, root);
    if (st == WW_OK)
        st = parse_values(p, root);
    if (st == WW_OK)
        st = parse_time(p, ww_json_get(root, "time"));
    if (st == WW_OK)
        st = parse_interval(p, ww_json_get(root, "interval_s"));
    if (st == WW_OK)
        st = parse_place(p, ww_json_get(root, "place"));
    if (st == WW_OK)
        st = parse_quality(p, ww_json_get(root, "quality"));
    if (st == WW_OK)
        st = parse_keep(p, ww_json_get(root, "keep"));
    if (st == WW_OK)
        st = parse_missing(p, ww_json_get(root, "missing"));
    if (st == WW_OK)
        st = parse_manner(p, root);
    if (st == WW_OK)
        st = open_zone_and_datum(p, root);
    if (st == WW_OK && ww_feed_fields_index(p->config) != WW_OK)
        st = no_memory(p);
    return st;
}

enum ww_status ww_feed_config_parse(struct ww_str json, struct ww_feed_config **out, struct ww_error *err) {
    if (json.len > MAX_CONFIG_BYTES)
        return ww_error_set(err, WW_TOO_LARGE, "a feed configuration may have 256 KiB");
    struct ww_arena *arena = ww_arena_new(CONFIG_MEMORY);
    struct ww_feed_config *config = arena ? ww_arena_calloc(arena, 1, sizeof *config) : NULL;
    struct ww_str copy = config ? ww_arena_copy(arena, json) : WW_STR_NONE;
    if (!copy.ptr) {
        ww_arena_free(arena);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a feed configuration");
    }
    config->arena = arena;
    struct ww_json_node *root = NULL;
    struct parser p = {.config = config, .err = err};
    enum ww_status st = ww_json_parse(arena, copy, &root, err);
    if (st == WW_OK) {
        st = parse_root(&p, root);
        if (st != WW_OK && err && err->offset > 0)
            ww_text_place(copy, err->offset, &err->line, &err->column);
    }
    if (st != WW_OK) {
        ww_feed_config_free(config);
        return st;
    }
    *out = config;
    return WW_OK;
}

void ww_feed_config_free(struct ww_feed_config *config) {
    if (!config)
        return;
    ww_zone_close(config->zone);
    ww_datum_close(config->datum);
    ww_arena_free(config->arena);
}

bool ww_feed_config_is_strict(const struct ww_feed_config *config) {
    return config->strict;
}

bool ww_feed_config_registers(const struct ww_feed_config *config) {
    return config->registers;
}

bool ww_feed_config_keeps_raw(const struct ww_feed_config *config) {
    return config->keeps_raw;
}

struct ww_str ww_feed_config_thing_class(const struct ww_feed_config *config) {
    return config->thing_class;
}

struct ww_datum *ww_feed_config_datum(const struct ww_feed_config *config) {
    return config->datum;
}

const struct ww_zone *ww_feed_config_zone(const struct ww_feed_config *config) {
    return config->zone;
}
