/* wardwatch load: the district's own data from files into the database. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "geo/base/json_writer.h"
#include "geo/coordinate.h"
#include "geo/unit.h"
#include "geo/ward_index.h"
#include "ingest/decode/feed_config.h"
#include "ingest/rule_config.h"
#include "server/change_body.h"
#include "server/commands.h"
#include "server/geojson_file.h"
#include "server/rule_facts.h"

enum { FILE_CEILING = 1 << 30, PAGE_ROWS = 500, PAGE_CEILING = 60 << 20, PAGE_FULL = 8 << 20 };

static const char help[] =
    "usage: wardwatch load wards FILE --code PROP --name PROP [--name-en PROP] [--datum D] --db CONNINFO\n"
    "       wardwatch load sites|things|waterways FILE [--datum D] --db CONNINFO\n"
    "       wardwatch load facts|feeds|limits|rules FILE --db CONNINFO\n"
    "       wardwatch load district DIR --db CONNINFO     all of them: district.json, wards.geojson, "
    "sites.geojson,\n"
    "                                                     waterways.geojson, feeds.json, things.geojson, "
    "rules.json;\n"
    "                                                     limits.json when it is there\n\n"
    "wards: GeoJSON polygons; PROP names the property that holds the code (default \"code\") and the name. "
    "Invalid polygons\n"
    "  are repaired and reported. Things and sites are placed again afterwards.\n"
    "sites, things: GeoJSON points with code|key, name_zh, name_en, kind|class, limit_class, feed and site "
    "(things), …\n"
    "facts: JSON object {name_zh, name_en, time_zone, synthetic, attribution}: days and nights follow its "
    "time_zone.\n"
    "feeds: JSON array of {name, title, config}; rules: JSON array of {code, name_zh, name_en, severity, "
    "config, detector?}.\n"
    "limits: JSON array of the columns of limit_value, property as its code; a row that is there is left "
    "alone.\n"
    "D: WGS84 (default), CGCS2000, GCJ-02, BD-09 or EPSG:n. Each file is loaded whole or not at all; loading "
    "it again\n"
    "changes what differs. Running servers take it up at once.\n";

struct load {
    struct ww_pg_sync *sync;
    const char *file;
    const char *code, *name, *name_en; /* properties of wards */
    struct ww_datum *datum;
    const char *query;
    struct ww_buf page; /* a JSON array that is growing */
    struct ww_json json;
    uint32_t page_rows;
    uint64_t rows, repaired, outside;
};

/* ---- Pages of rows ---- */

static enum ww_status flush(struct load *l, struct ww_error *err) {
    if (l->page_rows == 0)
        return WW_OK;
    ww_json_end_array(&l->json);
    enum ww_status st = ww_buf_status(&l->page);
    if (st != WW_OK)
        return ww_error_set(err, st, "a row is too large");
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&l->page));
    st = ww_pg_sync_query(l->sync, ww_sql_find(l->query), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && ww_pg_rows(r) == 1)
        l->outside += (uint64_t)ww_pg_i64(r, 0, 0);
    if (st == WW_OK && ww_pg_rows(r) == 1 && ww_pg_columns(r) == 2 && ww_pg_str(r, 0, 1).len > 0)
        st = ww_error_set(err, WW_NOT_FOUND, "there is no %.*s", WW_STR_ARG(ww_pg_str(r, 0, 1)));
    ww_buf_reset(&l->page);
    l->page_rows = 0;
    return st;
}

static void begin_row(struct load *l) {
    if (l->page_rows == 0) {
        ww_json_init(&l->json, &l->page);
        ww_json_array(&l->json);
    }
    ww_json_object(&l->json);
}

static enum ww_status end_row(struct load *l, struct ww_error *err) {
    ww_json_end_object(&l->json);
    l->rows++;
    if (++l->page_rows == PAGE_ROWS || l->page.len > PAGE_FULL)
        return flush(l, err);
    return WW_OK;
}

static void write_text(struct load *l, const char *key, struct ww_str text) {
    ww_json_key(&l->json, key);
    ww_json_str(&l->json, text);
}

/* A property as text: strings as they are, numbers by their digits, "" when absent. */
static struct ww_str text_of(const struct ww_json_node *properties, const char *key) {
    const struct ww_json_node *node = key ? ww_json_get(properties, key) : NULL;
    return node && (node->type == WW_JSON_STRING || node->type == WW_JSON_NUMBER) ? node->text : WW_STR("");
}

static enum ww_status required_text(const struct ww_feature *f, const char *key, struct ww_str *out,
                                    struct ww_error *err) {
    *out = text_of(f->properties, key);
    return out->len > 0 ? WW_OK : ww_error_set(err, WW_BAD_INPUT, "property \"%s\" is missing or empty", key);
}

static void write_properties(struct load *l, const struct ww_feature *f) {
    ww_json_key(&l->json, "properties");
    ww_json_raw(&l->json, f->properties ? f->properties->text : WW_STR("{}"));
}

/* ---- One feature of each kind ---- */

static enum ww_status add_ward(void *arg, const struct ww_feature *f, struct ww_arena *arena,
                               struct ww_error *err) {
    struct load *l = arg;
    struct ww_str code;
    enum ww_status st = required_text(f, l->code, &code, err);
    if (st != WW_OK)
        return st;
    if (f->geometry.len == 0)
        return ww_error_set(err, WW_BAD_INPUT, "ward %.*s has no geometry", WW_STR_ARG(code));
    struct ww_str ewkb;
    struct ww_polygon_report report;
    if ((st = ww_polygon_from_geojson(arena, f->geometry, l->datum, &ewkb, &report, err)) != WW_OK)
        return st;
    if (report.repaired) {
        l->repaired++;
        printf("repaired ward %.*s: %s\n", WW_STR_ARG(code), report.reason);
    }
    char *hex = ww_arena_alloc(arena, ewkb.len * 2 + 1);
    if (!hex)
        return ww_error_set(err, WW_NO_MEMORY, "the polygon is too large");
    for (size_t i = 0; i < ewkb.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)ewkb.ptr[i]);
    struct ww_str name = text_of(f->properties, l->name);
    struct ww_str name_en = text_of(f->properties, l->name_en);
    bool synthetic = false;
    ww_json_as_bool(ww_json_get(f->properties, "synthetic"), &synthetic);
    begin_row(l);
    write_text(l, "code", code);
    write_text(l, "name_zh", name.len > 0 ? name : code);
    write_text(l, "name_en", name_en.len > 0 ? name_en : name.len > 0 ? name : code);
    write_text(l, "ewkb", (struct ww_str){hex, ewkb.len * 2});
    write_text(l, "datum", ww_str_of(ww_datum_name(l->datum)));
    write_text(l, "repaired", ww_str_of(report.reason));
    ww_json_key(&l->json, "synthetic");
    ww_json_bool(&l->json, synthetic);
    const struct ww_json_node *seat = ww_json_get(f->properties, "seat");
    ww_json_key(&l->json, "seat");
    ww_json_raw(&l->json, seat && seat->type == WW_JSON_ARRAY ? seat->text : WW_STR("null"));
    write_properties(l, f);
    return end_row(l, err);
}

/* {"type":"Point","coordinates":[x,y]} → our place, both written into the row. */
static enum ww_status write_point(struct load *l, const struct ww_feature *f, struct ww_arena *arena,
                                  struct ww_error *err) {
    struct ww_json_node *geometry = NULL;
    if (f->geometry.len > 0) {
        enum ww_status st = ww_json_parse(arena, f->geometry, &geometry, err);
        if (st != WW_OK)
            return st;
    }
    const struct ww_json_node *type = ww_json_get(geometry, "type");
    const struct ww_json_node *coordinates = ww_json_get(geometry, "coordinates");
    const struct ww_json_node *first = coordinates ? coordinates->child : NULL;
    struct ww_raw_place raw;
    if (!type || !ww_str_is(type->text, "Point") || !ww_json_as_double(first, &raw.x) ||
        !ww_json_as_double(first->next, &raw.y))
        return ww_error_set(err, WW_BAD_INPUT, "the geometry must be a Point");
    struct ww_place place;
    enum ww_status st = ww_datum_to_place(l->datum, raw, &place, err);
    if (st != WW_OK)
        return st;
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"x", raw.x}, {"y", raw.y}, {"lon", place.lon_deg}, {"lat", place.lat_deg}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ww_json_key(&l->json, numbers[i].key);
        ww_json_double(&l->json, numbers[i].value);
    }
    write_text(l, "datum", ww_str_of(ww_datum_name(l->datum)));
    return WW_OK;
}

static enum ww_status add_point(struct load *l, const struct ww_feature *f, struct ww_arena *arena,
                                const char *const *required, const char *const *optional,
                                struct ww_error *err) {
    enum ww_status st;
    struct ww_str text;
    for (const char *const *key = required; *key; key++)
        if ((st = required_text(f, *key, &text, err)) != WW_OK)
            return st;
    begin_row(l);
    for (const char *const *key = required; *key; key++)
        write_text(l, *key, text_of(f->properties, *key));
    for (const char *const *key = optional; *key; key++)
        write_text(l, *key, text_of(f->properties, *key));
    if ((st = write_point(l, f, arena, err)) != WW_OK)
        return st;
    const struct ww_json_node *datastreams = ww_json_get(f->properties, "datastreams");
    if (datastreams && datastreams->type == WW_JSON_ARRAY) {
        ww_json_key(&l->json, "datastreams");
        ww_json_raw(&l->json, datastreams->text);
    }
    write_properties(l, f);
    return end_row(l, err);
}

static enum ww_status add_site(void *arg, const struct ww_feature *f, struct ww_arena *arena,
                               struct ww_error *err) {
    static const char *const required[] = {"code", "kind", NULL};
    static const char *const optional[] = {"name_zh", "name_en", "limit_class", "uscc", NULL};
    return add_point(arg, f, arena, required, optional, err);
}

static enum ww_status add_thing(void *arg, const struct ww_feature *f, struct ww_arena *arena,
                                struct ww_error *err) {
    static const char *const required[] = {"feed", "key", NULL};
    static const char *const optional[] = {"name_zh", "name_en", "class", "limit_class", "site", NULL};
    return add_point(arg, f, arena, required, optional, err);
}

static enum ww_status add_waterway(void *arg, const struct ww_feature *f, struct ww_arena *arena,
                                   struct ww_error *err) {
    (void)arena;
    struct load *l = arg;
    struct ww_str code;
    enum ww_status st = required_text(f, "code", &code, err);
    if (st != WW_OK)
        return st;
    bool synthetic = false;
    ww_json_as_bool(ww_json_get(f->properties, "synthetic"), &synthetic);
    begin_row(l);
    write_text(l, "code", code);
    write_text(l, "name_zh", text_of(f->properties, "name_zh"));
    write_text(l, "name_en", text_of(f->properties, "name_en"));
    write_text(l, "downstream", text_of(f->properties, "downstream"));
    ww_json_key(&l->json, "synthetic");
    ww_json_bool(&l->json, synthetic);
    ww_json_key(&l->json, "geometry");
    ww_json_raw(&l->json, f->geometry.len > 0 ? f->geometry : WW_STR("null"));
    write_properties(l, f);
    return end_row(l, err);
}

/* ---- JSON arrays: feeds and rules; the district ---- */

static enum ww_status store_feed(struct load *l, const struct ww_json_node *feed, struct ww_error *err) {
    const struct ww_json_node *config = ww_json_get(feed, "config");
    struct ww_str name = text_of(feed, "name");
    if (name.len == 0 || !config)
        return ww_error_set(err, WW_BAD_INPUT, "a feed needs \"name\" and \"config\"");
    struct ww_feed_config *parsed;
    enum ww_status st = ww_feed_config_parse(config->text, &parsed, err);
    if (st != WW_OK)
        return st;
    ww_feed_config_free(parsed);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, name);
    ww_pg_arg_str(&args, text_of(feed, "title"));
    ww_pg_arg_str(&args, config->text);
    st = ww_pg_sync_query(l->sync, ww_sql_find("load_feed"), &args, NULL, err);
    ww_pg_args_clear(&args);
    return st;
}

static enum ww_status store_json(struct load *l, const char *query, struct ww_str json,
                                 struct ww_error *err) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, json);
    enum ww_status st = ww_pg_sync_query(l->sync, ww_sql_find(query), &args, NULL, err);
    ww_pg_args_clear(&args);
    return st;
}

static enum ww_status check_rule_facts(struct load *l, const struct ww_rule_facts *facts,
                                       struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_rule_facts_ask(facts, &args);
    enum ww_status st = ww_pg_sync_query(l->sync, ww_sql_find("api_rule_facts"), &args, &r, err);
    ww_pg_args_clear(&args);
    return st == WW_OK ? ww_rule_facts_check(facts, r, err) : st;
}

static enum ww_status store_rule(struct load *l, const struct ww_json_node *rule, struct ww_error *err) {
    const struct ww_json_node *config = ww_json_get(rule, "config");
    int64_t severity;
    if (!config)
        return ww_error_set(err, WW_BAD_INPUT, "a rule needs \"config\"");
    if (!ww_json_as_i64(ww_json_get(rule, "severity"), &severity) || severity < 1 || severity > 4)
        return ww_error_set(err, WW_BAD_INPUT, "\"severity\" must be 1, 2, 3 or 4");
    struct ww_arena *arena = ww_arena_new(1 << 20);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    struct ww_str detector = text_of(rule, "detector");
    struct ww_rule_body body = {.detector = detector.len > 0 ? detector : WW_STR("limit"),
                                .config = config->text};
    enum ww_status st = ww_rule_body_parse_config(arena, &body, err);
    if (st == WW_OK)
        st = check_rule_facts(l, &body.facts, err);
    if (st == WW_OK)
        st = store_json(l, "load_rule", rule->text, err);
    ww_arena_free(arena);
    return st;
}

/* The limit's unit must be one that the property's values can be compared in. */
static enum ww_status check_limit_unit(struct load *l, const struct ww_limit_body *limit,
                                       struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, limit->column[0]);
    enum ww_status st = ww_pg_sync_query(l->sync, ww_sql_find("api_property_unit"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(err, WW_NOT_FOUND, "there is no property %.*s", WW_STR_ARG(limit->column[0]));
    struct ww_conversion conversion;
    return ww_unit_conversion(limit->column[8], ww_pg_str(r, 0, 0), ww_pg_double(r, 0, 1), &conversion, err);
}

static enum ww_status store_limit(struct load *l, const struct ww_json_node *item, struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    struct ww_limit_body limit;
    enum ww_status st = ww_limit_body_read(arena, item->text, &limit, err);
    if (st == WW_OK)
        st = check_limit_unit(l, &limit, err);
    if (st == WW_OK) {
        struct ww_pg_args args;
        ww_pg_args_init(&args);
        for (int i = 0; i < WW_LIMIT_COLUMNS; i++) {
            if (limit.column[i].ptr)
                ww_pg_arg_str(&args, limit.column[i]);
            else
                ww_pg_arg_null(&args);
        }
        st = ww_pg_sync_query(l->sync, ww_sql_find("load_limit"), &args, NULL, err);
        ww_pg_args_clear(&args);
        if (st == WW_CONFLICT)
            ww_error_set(err, st, "%.*s already has another limit for %.*s at that time",
                         WW_STR_ARG(limit.column[1]), WW_STR_ARG(limit.column[0]));
    }
    ww_arena_free(arena);
    return st;
}

static enum ww_status store_district(struct load *l, const struct ww_json_node *district,
                                     struct ww_error *err) {
    struct ww_zone *zone;
    enum ww_status st = ww_zone_open(text_of(district, "time_zone"), &zone, err);
    if (st != WW_OK)
        return st;
    ww_zone_close(zone);
    return store_json(l, "load_district", district->text, err);
}

typedef enum ww_status store_fn(struct load *l, const struct ww_json_node *item, struct ww_error *err);

/* Says which of the array's items is wrong. */
static void name_item(const struct ww_json_node *item, uint64_t number, struct ww_error *err) {
    struct ww_str name = text_of(item, "code");
    name = name.len > 0 ? name : text_of(item, "name");
    char message[sizeof err->message];
    snprintf(message, sizeof message, "item %llu%s%.*s: %.200s", (unsigned long long)number,
             name.len > 0 ? ", " : "", name.len > 60 ? 60 : (int)name.len, name.len > 0 ? name.ptr : "",
             err->message);
    memcpy(err->message, message, sizeof message);
    err->line = err->column = 0; /* they count inside the item */
}

static enum ww_status load_json(struct load *l, struct ww_str text, store_fn *store, bool is_list,
                                struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(FILE_CEILING);
    struct ww_json_node *root;
    enum ww_status st =
        arena ? ww_json_parse(arena, text, &root, err) : ww_error_set(err, WW_NO_MEMORY, "out of memory");
    if (st == WW_OK && is_list && root->type != WW_JSON_ARRAY)
        st = ww_error_set(err, WW_BAD_INPUT, "not a JSON array");
    if (st == WW_OK && !is_list) {
        st = store(l, root, err);
        l->rows++;
    } else if (st == WW_OK) {
        for (const struct ww_json_node *item = root->child; item && st == WW_OK; item = item->next) {
            l->rows++;
            if ((st = store(l, item, err)) != WW_OK)
                name_item(item, l->rows, err);
        }
    }
    ww_arena_free(arena);
    return st;
}

/* ---- Kinds ---- */

static const struct kind {
    const char *name;
    const char *file; /* in a district's directory */
    enum ww_status (*each)(void *arg, const struct ww_feature *f, struct ww_arena *arena,
                           struct ww_error *err);
    const char *query;
    store_fn *store; /* for JSON files */
    bool is_list;
} kinds[] = {
    /* in the order in which a district is loaded: what others refer to comes first */
    {"facts", "district.json", NULL, NULL, store_district, false},
    {"wards", "wards.geojson", add_ward, "load_wards", NULL, false},
    {"sites", "sites.geojson", add_site, "load_sites", NULL, false},
    {"waterways", "waterways.geojson", add_waterway, "load_waterways", NULL, false},
    {"feeds", "feeds.json", NULL, NULL, store_feed, true},
    {"things", "things.geojson", add_thing, "load_things", NULL, false},
    {"limits", "limits.json", NULL, NULL, store_limit, true},
    {"rules", "rules.json", NULL, NULL, store_rule, true},
};

static enum ww_status after_wards(struct load *l, struct ww_error *err) {
    const struct ww_pg_result *r;
    enum ww_status st = ww_pg_sync_query(l->sync, ww_sql_find("load_place_again"), NULL, &r, err);
    if (st == WW_OK && (ww_pg_i64(r, 0, 0) > 0 || ww_pg_i64(r, 0, 1) > 0))
        printf("placed again: %lld things, %lld sites in another ward\n", (long long)ww_pg_i64(r, 0, 0),
               (long long)ww_pg_i64(r, 0, 1));
    return st;
}

static enum ww_status load_text(struct load *l, const struct kind *kind, struct ww_str text,
                                struct ww_error *err) {
    if (kind->store)
        return load_json(l, text, kind->store, kind->is_list, err);
    l->query = kind->query;
    if (ww_str_starts(text, WW_STR("\x1f\x8b")))
        return ww_error_set(err, WW_BAD_INPUT, "is gzipped: unpack it first (gunzip)");
    enum ww_status st = ww_geojson_each(text, kind->each, l, err);
    if (st == WW_OK)
        st = flush(l, err);
    if (st == WW_OK && kind->each == add_ward)
        st = after_wards(l, err);
    if (st == WW_OK) /* things have no trigger, because servers register some themselves */
        st = ww_pg_sync_exec(l->sync, "NOTIFY ww_catalog, 'thing'", NULL, NULL, err);
    return st;
}

static enum ww_status load_file(struct load *l, const struct kind *kind, const char *path,
                                struct ww_error *err) {
    struct ww_buf text;
    l->file = path;
    l->rows = l->repaired = l->outside = 0;
    enum ww_status st = ww_read_file(path, FILE_CEILING, &text, err);
    if (st == WW_OK)
        st = ww_pg_sync_exec(l->sync, "BEGIN", NULL, NULL, err);
    if (st == WW_OK) {
        ww_buf_init(&l->page, PAGE_CEILING);
        l->page_rows = 0;
        st = load_text(l, kind, ww_buf_str(&text), err);
        ww_buf_clear(&l->page);
        struct ww_error rollback;
        if (st == WW_OK)
            st = ww_pg_sync_exec(l->sync, "COMMIT", NULL, NULL, err);
        else if (ww_pg_sync_exec(l->sync, "ROLLBACK", NULL, NULL, &rollback) != WW_OK)
            fprintf(stderr, "wardwatch load: %s\n", rollback.message);
    }
    ww_buf_clear(&text);
    if (st != WW_OK)
        return st;
    if (kind->store && !kind->is_list)
        printf("loaded the district's %s", kind->name);
    else
        printf("loaded %llu %s", (unsigned long long)l->rows, kind->name);
    if (l->repaired)
        printf(", %llu repaired", (unsigned long long)l->repaired);
    if (l->outside)
        printf(", %llu outside all wards: is the datum right?", (unsigned long long)l->outside);
    putchar('\n');
    return WW_OK;
}

static enum ww_status load_directory(struct load *l, const char *dir, struct ww_error *err) {
    static char path[4096];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, kinds[i].file);
        if (kinds[i].store == store_limit && access(path, F_OK) != 0)
            continue; /* the law's own limits came with the migrations */
        enum ww_status st = load_file(l, &kinds[i], path, err);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

int ww_cmd_load(int argc, char **argv) {
    const char *db = NULL, *datum = "WGS84";
    struct load l = {.code = "code"};
    const struct ww_option options[] = {
        {"db", &db, NULL},       {"datum", &datum, NULL},       {"code", &l.code, NULL},
        {"name", &l.name, NULL}, {"name-en", &l.name_en, NULL}, {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    const struct kind *kind = NULL;
    bool directory = rest == 2 && strcmp(argv[1], "district") == 0;
    for (size_t i = 0; rest == 2 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    if (!kind && !directory) {
        fputs(help, stderr);
        return 2;
    }
    l.name_en = l.name_en ? l.name_en : l.name ? NULL : "name_en";
    l.name = l.name ? l.name : "name_zh";
    struct ww_error err;
    if (ww_datum_open(ww_str_of(datum), &l.datum, &err) != WW_OK)
        return ww_complain("load", "--datum", &err);
    l.sync = ww_db_open("load", db);
    enum ww_status st = WW_UNAVAILABLE;
    if (l.sync) {
        st = directory ? load_directory(&l, argv[2], &err) : load_file(&l, kind, argv[2], &err);
        if (st != WW_OK)
            ww_complain("load", l.file, &err);
    }
    ww_pg_sync_close(l.sync);
    ww_datum_close(l.datum);
    return st == WW_OK ? 0 : 1;
}
