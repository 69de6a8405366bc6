/* Builds the world from the database: the catalog, the rules, and the judging state by replaying the
 * recent past through the same detectors.
 *
 * A chain of steps, each one query; a step that reads pages repeats until its page is short.
 * The writer stands still meanwhile, and the first step waits for transactions of backends that
 * a dead server (or a dead connection of ours) has left behind, so what is read is what has
 * been committed. At the end the new world replaces the old one.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/statistic.h"
#include "ingest/load_internal.h"
#include "ingest/path_internal.h"
#include "ingest/rule_kind.h"

enum { DATASTREAM_PAGE = 1000, READINGS_PAGE = 200000, STATION_PAGE = 5000, WKB_CEILING = 512 << 20 };

/* Of whom a step is: most of them make the world that is judged live; some make one for the past, where rules
 * about senders need to decode messages too, and what judged then has learned from what was before it. */
enum { LIVE = 1, PAST = 2, SENDERS = 4, JUDGED = 8 };

struct step {
    const char *query;
    bool (*ask)(struct loader *l, struct ww_pg_args *args);       /* false: nothing to ask, next step */
    bool (*take)(struct loader *l, const struct ww_pg_result *r); /* true: ask again (next page) */
    unsigned of;
};

void world_free(struct world *w) {
    if (!w)
        return;
    ww_judge_free(w->judge);
    ww_health_rules_free(w->health_rules);
    ww_space_rules_free(w->space_rules);
    ww_catalog_free(w->catalog);
    ww_zone_close(w->zone);
    ww_free(w->judged);
    ww_free(w);
}

void world_release(struct world *w) {
    assert(w->users > 0);
    if (--w->users == 0 && w->retired)
        world_free(w);
}

/* ---- Small helpers ---- */

static void *grown(void *table, uint32_t count, uint32_t *cap, size_t row) {
    if (count < *cap)
        return table;
    *cap = *cap ? *cap * 2 : 64;
    void *fresh = ww_try_realloc(table, *cap * row);
    assert(fresh);
    return fresh;
}

static void put(struct ww_map *map, struct ww_str key, uint64_t value) {
    enum ww_status st = ww_map_put(map, key, value);
    assert(st == WW_OK);
    (void)st;
}

static uint32_t property_by_id(const struct loader *l, struct ww_str id) {
    uint64_t index;
    return ww_map_get(l->property_index, id, &index) ? (uint32_t)index : WW_CATALOG_NONE;
}

static bool ask_nothing(struct loader *l, struct ww_pg_args *args) {
    (void)l;
    (void)args;
    return true;
}

static bool ask_after(struct loader *l, struct ww_pg_args *args) {
    ww_pg_arg_i64(args, l->after);
    return true;
}

static bool take_nothing(struct loader *l, const struct ww_pg_result *r) {
    (void)l;
    (void)r;
    return false;
}

/* ---- Steps: the catalog ---- */

static bool take_district(struct loader *l, const struct ww_pg_result *r) {
    struct ww_str name = ww_pg_rows(r) > 0 ? ww_pg_str(r, 0, 0) : WW_STR("");
    struct ww_error err;
    if (name.len > 0 && ww_zone_open(name, &l->world->zone, &err) != WW_OK)
        ww_log(WW_LOG_ERROR, "setting=district time_zone=\"%.*s\" reason=\"%s\"; UTC is used",
               WW_STR_ARG(name), err.message);
    if (!l->world->zone && ww_zone_open(WW_STR("UTC"), &l->world->zone, &err) != WW_OK)
        assert(0 && "UTC is always there");
    return false;
}

static bool take_wards(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    struct ww_arena *arena = ww_arena_new(WKB_CEILING);
    assert(arena);
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        struct ww_cat_ward ward = {(uint32_t)ww_pg_i64(r, i, 0), ww_arena_copy(c->arena, ww_pg_str(r, i, 1))};
        c->wards = grown(c->wards, c->n_wards, &l->cap_wards, sizeof *c->wards);
        c->wards[c->n_wards++] = ward;
        put(c->ward_by_code, ward.code, ward.id);
        l->after = ward.id;
        if (ww_pg_is_null(r, i, 2))
            continue;
        struct ww_str wkb;
        struct ww_error err;
        if (ww_pg_bytes(r, i, 2, arena, &wkb) != WW_OK ||
            ww_ward_index_add_wkb(l->wards, ward.id, ward.code, wkb.ptr, wkb.len, &err) != WW_OK)
            ww_log(WW_LOG_ERROR, "ward=%.*s reason=\"%s\"; readings there count as outside",
                   WW_STR_ARG(ward.code), err.message);
    }
    ww_arena_free(arena);
    if (n == 1000)
        return true;
    struct ww_error err;
    struct ww_ward_index_builder *builder = l->wards;
    l->wards = NULL;
    if (ww_ward_index_build(builder, &c->ward_index, &err) != WW_OK) {
        ww_log(WW_LOG_ERROR, "ward_index=failed reason=\"%s\"", err.message);
        assert(0 && "valid polygons build an index");
    }
    return false;
}

static bool take_properties(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        c->properties = grown(c->properties, c->n_properties, &l->cap_properties, sizeof *c->properties);
        struct ww_cat_property *p = &c->properties[c->n_properties];
        *p = (struct ww_cat_property){.id = (int32_t)ww_pg_i64(r, i, 0),
                                      .code = ww_arena_copy(c->arena, ww_pg_str(r, i, 1)),
                                      .unit = ww_arena_copy(c->arena, ww_pg_str(r, i, 2)),
                                      .molar_mass_g_mol = ww_pg_double(r, i, 3)};
        put(c->property_by_code, p->code, c->n_properties);
        put(l->property_index, ww_pg_str(r, i, 0), c->n_properties++);
    }
    return false;
}

static bool take_feeds(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_cat_feed feed = {.id = (int32_t)ww_pg_i64(r, i, 0), .enabled = ww_pg_bool(r, i, 3)};
        snprintf(feed.name, sizeof feed.name, "%.*s", WW_STR_ARG(ww_pg_str(r, i, 1)));
        struct ww_error err;
        if (ww_feed_config_parse(ww_pg_str(r, i, 2), &feed.config, &err) != WW_OK) {
            ww_log(WW_LOG_ERROR, "feed=%s field=%s reason=\"%s\"; the feed is off", feed.name, err.field,
                   err.message);
            continue;
        }
        c->feeds = grown(c->feeds, c->n_feeds, &l->cap_feeds, sizeof *c->feeds);
        put(c->feed_by_name, ww_str_of(feed.name), c->n_feeds);
        c->feeds[c->n_feeds++] = feed;
    }
    return false;
}

static bool ask_stations(struct loader *l, struct ww_pg_args *args) {
    ww_pg_arg_str(args, l->after_text);
    return true;
}

static bool take_stations(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    int n = ww_pg_rows(r);
    struct ww_arena *arena = ww_arena_new(1 << 20);
    assert(arena);
    for (int i = 0; i < n; i++) {
        struct ww_str mn = ww_pg_str(r, i, 0), key, previous;
        struct ww_error err;
        l->after_text = ww_arena_copy(c->arena, mn);
        if (ww_pg_bytes(r, i, 4, arena, &key) != WW_OK || ww_pg_bytes(r, i, 5, arena, &previous) != WW_OK)
            assert(0 && "1 MiB holds a page of keys");
        if (ww_hj212_stations_add(c->stations, mn, (int32_t)ww_pg_i64(r, i, 1), ww_pg_bool(r, i, 2),
                                  ww_pg_str(r, i, 3), key, previous, ww_pg_str(r, i, 6), &err) != WW_OK)
            ww_log(WW_LOG_ERROR, "station=%.*s field=%s reason=\"%s\"; it counts as unknown", WW_STR_ARG(mn),
                   err.field, err.message);
    }
    ww_arena_free(arena);
    for (uint32_t i = 0; n < STATION_PAGE && i < c->n_feeds; i++)
        ww_feed_config_set_stations(c->feeds[i].config, c->stations, c->feeds[i].id);
    return n == STATION_PAGE;
}

static bool take_limits(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        uint32_t property = property_by_id(l, ww_pg_str(r, i, 1));
        l->last_limit = ww_pg_i64(r, i, 0);
        if (property == WW_CATALOG_NONE || (l->past && l->last_limit > l->past->last_limit))
            continue;
        const struct ww_cat_property *p = &c->properties[property];
        struct ww_conversion to_own;
        struct ww_error err;
        if (ww_unit_conversion(ww_pg_str(r, i, 7), p->unit, p->molar_mass_g_mol, &to_own, &err) != WW_OK) {
            ww_log(WW_LOG_ERROR, "limit=%lld reason=\"%s\"; it is left out", (long long)ww_pg_i64(r, i, 0),
                   err.message);
            continue;
        }
        double lower = ww_pg_double(r, i, 5), upper = ww_pg_double(r, i, 6);
        struct ww_limit limit = {.id = ww_pg_i64(r, i, 0),
                                 .lower = isnan(lower) ? -INFINITY : lower * to_own.factor + to_own.offset,
                                 .upper = isnan(upper) ? INFINITY : upper * to_own.factor + to_own.offset,
                                 .hour_from = (int16_t)ww_pg_i64(r, i, 8),
                                 .hour_to = (int16_t)ww_pg_i64(r, i, 9),
                                 .valid_from_us = ww_pg_is_null(r, i, 10) ? INT64_MIN : ww_pg_i64(r, i, 10),
                                 .valid_to_us = ww_pg_is_null(r, i, 11) ? INT64_MAX : ww_pg_i64(r, i, 11)};
        ww_judge_add_limit(l->world->judge, &limit, property, ww_pg_str(r, i, 2), ww_pg_str(r, i, 3),
                           ww_pg_str(r, i, 4), ww_pg_str(r, i, 12));
    }
    return false;
}

static enum ww_status add_space_rule(struct world *world, const struct ww_rule_row *rule,
                                     struct ww_error *err) {
    enum ww_status st = ww_space_add_rule(world->space_rules, rule, err);
    if (st != WW_OK)
        return st;
    const struct ww_space_rule *added = &world->space_rules->rule[world->space_rules->n - 1];
    if (!added->is_map)
        ww_mutes_add_rule(ww_judge_mutes(world->judge), rule->id, &added->scan.mute);
    return WW_OK;
}

static enum ww_status add_rule(struct loader *l, const struct ww_rule_row *rule, struct ww_error *err) {
    const struct ww_rule_kind *kind = ww_rule_kind_find(rule->detector);
    struct world *world = l->world;
    ww_error_set(err, WW_NOT_FOUND, "this program has no detector %.*s", WW_STR_ARG(rule->detector));
    if (!kind)
        return WW_NOT_FOUND;
    switch (kind->engine) {
    case WW_ENGINE_HEALTH:
        return ww_health_add_rule(world->health_rules, ww_sensor_detector_find(rule->detector), rule->id,
                                  rule->version, rule->severity, rule->code, rule->config, err);
    case WW_ENGINE_SPACE:
        return add_space_rule(world, rule, err);
    case WW_ENGINE_JUDGE:
    case WW_ENGINE_LEARNED:
        break;
    }
    return ww_judge_add_rule(world->judge, world->catalog, rule, world->zone, err);
}

/* As add_rule leaves one that can't be read: off. */
static void add_past_rules(struct loader *l) {
    for (uint32_t i = 0; i < l->past->n_rules; i++) {
        const struct ww_rule_kind *kind = ww_rule_kind_find(l->past->rules[i].detector);
        struct ww_error err;
        if (kind && (kind->engine == WW_ENGINE_JUDGE || kind->engine == WW_ENGINE_LEARNED) &&
            add_rule(l, &l->past->rules[i], &err) != WW_OK)
            continue;
    }
    ww_judge_set_learned_memory(l->world->judge, l->past->learned_readings);
    if (l->past->donor)
        ww_judge_inherit(l->world->judge, l->past->donor);
}

/* The past is judged by its own rules, or by one, which may be nobody's yet. */
static bool ask_rules(struct loader *l, struct ww_pg_args *args) {
    (void)args;
    if (l->past)
        add_past_rules(l);
    if (l->past || !l->only_rule)
        return !l->past;
    l->failed = add_rule(l, l->only_rule, &l->err);
    return false;
}

static bool take_rules(struct loader *l, const struct ww_pg_result *r) {
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_rule_row rule = {.id = (int32_t)ww_pg_i64(r, i, 0),
                                   .version = (int32_t)ww_pg_i64(r, i, 1),
                                   .severity = (int)ww_pg_i64(r, i, 2),
                                   .code = ww_pg_str(r, i, 3),
                                   .config = ww_pg_str(r, i, 4),
                                   .detector = ww_pg_str(r, i, 5)};
        struct ww_error err;
        ww_buf_printf(&l->rules, "%c[%d,%d]", l->rules.len ? ',' : '[', rule.id, rule.version);
        if (add_rule(l, &rule, &err) != WW_OK)
            ww_log(WW_LOG_ERROR, "rule=%.*s field=%s reason=\"%s\"; the rule is off", WW_STR_ARG(rule.code),
                   err.field, err.message);
    }
    if (l->donor)
        ww_judge_inherit(l->world->judge, l->donor);
    return false;
}

static bool ask_things_then(struct loader *l, struct ww_pg_args *args) {
    ww_pg_arg_i64(args, l->after);
    ww_pg_arg_instant(args, l->past->at_us);
    return true;
}

static bool take_things(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        struct ww_cat_thing thing = {.id = ww_pg_i64(r, i, 0),
                                     .feed_id = (int32_t)ww_pg_i64(r, i, 1),
                                     .class_index = ww_catalog_name(c, ww_pg_str(r, i, 3)),
                                     .limit_class_index = ww_catalog_name(c, ww_pg_str(r, i, 4)),
                                     .ward_id = (uint32_t)ww_pg_i64(r, i, 5),
                                     .raw = {ww_pg_double(r, i, 6), ww_pg_double(r, i, 7)},
                                     .expected_step_s = (int32_t)ww_pg_i64(r, i, 8),
                                     .site_id = ww_pg_i64(r, i, 9)};
        ww_catalog_add_thing(c, ww_pg_str(r, i, 2), &thing);
        l->after = thing.id;
    }
    return n == 5000;
}

/* The shortest of its datastreams', where the thing itself has none. */
static void expect_step(struct ww_cat_thing *thing, int32_t step_s) {
    if (step_s == 0 || (thing->expected_step_s > 0 &&
                        !(thing->expected_is_of_datastream && step_s < thing->expected_step_s)))
        return;
    thing->expected_step_s = step_s;
    thing->expected_is_of_datastream = true;
}

static bool take_datastreams(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        l->after = ww_pg_i64(r, i, 0);
        uint32_t thing = ww_catalog_thing(c, (int32_t)ww_pg_i64(r, i, 1), ww_pg_str(r, i, 2));
        uint32_t property = property_by_id(l, ww_pg_str(r, i, 3));
        struct ww_cat_datastream series = {.id = l->after,
                                           .thing = thing,
                                           .property = (uint16_t)property,
                                           .statistic = ww_statistic_find(ww_pg_str(r, i, 4)),
                                           .interval_s = (int32_t)ww_pg_i64(r, i, 5)};
        if (thing == WW_CATALOG_NONE || property == WW_CATALOG_NONE ||
            series.statistic == WW_STATISTIC_UNKNOWN)
            continue;
        uint32_t ds = ww_catalog_add_datastream(c, &series);
        if (!l->past) /* else when all are known */
            ww_judge_attach(l->world->judge, c, ds);
        expect_step(&c->things[thing], (int32_t)ww_pg_i64(r, i, 6));
    }
    return n == 5000;
}

/* Of the past only what is asked for is judged, with what belongs to it, and what was known then. */
static bool attach_past(struct loader *l, struct ww_pg_args *args) {
    (void)args;
    struct world *w = l->world;
    w->judged = ww_must_calloc(w->catalog->n_datastreams + 1, sizeof *w->judged);
    for (uint32_t i = 0; i < l->past->n_series; i++) {
        uint32_t ds = ww_world_datastream(w, l->past->series[i]);
        if (ds != WW_CATALOG_NONE)
            w->judged[ds] = true;
    }
    ww_judge_narrow(w->judge, w->catalog, w->judged);
    for (uint32_t i = 0; i < w->catalog->n_datastreams; i++)
        if (!w->judged[i]) /* it may be a rain gauge */
            ww_mutes_attach(ww_judge_mutes(w->judge), w->catalog, i);
        else if (w->catalog->datastreams[i].id <= l->past->last_datastream)
            ww_judge_attach(w->judge, w->catalog, i);
    return false;
}

/* ---- Steps: the recent past ---- */

static void add_array(struct ww_pg_args *args, struct ww_buf *list) {
    ww_buf_char(list, '}');
    assert(ww_buf_status(list) == WW_OK);
    ww_pg_arg_str(args, ww_buf_str(list));
    ww_buf_clear(list);
}

static bool ask_times(struct loader *l, struct ww_pg_args *args) {
    const struct ww_catalog *c = l->world->catalog;
    l->page_first = (uint32_t)l->after;
    if (l->page_first >= c->n_datastreams)
        return false;
    struct ww_buf ids;
    ww_buf_init(&ids, 1 << 20);
    for (uint32_t i = l->page_first; i < c->n_datastreams && i < l->page_first + DATASTREAM_PAGE; i++)
        ww_buf_printf(&ids, "%c%lld", i == l->page_first ? '{' : ',', (long long)c->datastreams[i].id);
    add_array(args, &ids);
    return true;
}

static bool take_times(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    for (int i = 0; i < ww_pg_rows(r); i++)
        c->datastreams[l->page_first + (uint32_t)ww_pg_i64(r, i, 0) - 1].last_time_us = ww_pg_i64(r, i, 1);
    l->after += DATASTREAM_PAGE;
    return true;
}

/* The next page of datastreams that a rule watches and that have readings. */
static bool ask_readings(struct loader *l, struct ww_pg_args *args) {
    const struct ww_catalog *c = l->world->catalog;
    struct ww_buf lists[4];
    for (int k = 0; k < 4; k++)
        ww_buf_init(&lists[k], 1 << 20);
    uint32_t n = 0;
    int64_t rows = 0; /* that the page will bring, roughly: at most one a minute of the span */
    uint32_t i = (uint32_t)l->after;
    for (; i < c->n_datastreams && n < DATASTREAM_PAGE && rows < READINGS_PAGE; i++) {
        uint32_t readings;
        int64_t span_us;
        char flags[16];
        if ((c->datastreams[i].last_time_us == WW_INSTANT_NONE && !l->past) ||
            !ww_judge_memory(l->world->judge, &c->datastreams[i], &readings, &span_us, flags))
            continue;
        rows += readings + span_us / (60 * WW_SECOND_US);
        char separator = n == 0 ? '{' : ',';
        ww_buf_printf(&lists[0], "%c%lld", separator, (long long)c->datastreams[i].id);
        ww_buf_printf(&lists[1], "%c%u", separator, readings);
        ww_buf_printf(&lists[2], "%c%lld", separator, (long long)span_us);
        ww_buf_printf(&lists[3], "%c%s", separator, flags);
        l->watched[n++] = i;
    }
    l->after = i;
    for (int k = 0; k < 4; k++) {
        if (n > 0)
            add_array(args, &lists[k]);
        ww_buf_clear(&lists[k]);
    }
    if (n > 0)
        ww_pg_arg_i64(args, l->past ? l->past->last_message : INT64_MAX);
    return n > 0;
}

static bool take_readings(struct loader *l, const struct ww_pg_result *r) {
    for (int i = 0; i < ww_pg_rows(r); i++) {
        uint32_t nth = (uint32_t)ww_pg_i64(r, i, 0);
        int64_t cut_us = ww_pg_is_null(r, i, 5) ? WW_INSTANT_NONE : ww_pg_i64(r, i, 5);
        const struct ww_cat_datastream *ds = &l->world->catalog->datastreams[l->watched[nth - 1]];
        struct ww_str flag = ww_pg_str(r, i, 4);
        struct ww_reading reading = {.time_us = ww_pg_i64(r, i, 1),
                                     .interval_us = ww_pg_i64(r, i, 2) * WW_SECOND_US,
                                     .value = ww_pg_double(r, i, 3),
                                     .flag = flag.len > 0 ? flag.ptr[0] : 'N'};
        ww_judge_replay(l->world->judge, ds, &reading, cut_us);
    }
    return true;
}

static bool ask_open_alerts(struct loader *l, struct ww_pg_args *args) {
    if (l->after == 0) /* the first page */
        ww_judge_end_replay(l->world->judge);
    return ask_after(l, args);
}

static bool take_open_alerts(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        l->after = ww_pg_i64(r, i, 0);
        uint32_t thing = ww_catalog_thing(c, (int32_t)ww_pg_i64(r, i, 2), ww_pg_str(r, i, 3));
        uint32_t property = property_by_id(l, ww_pg_str(r, i, 4));
        struct ww_cat_datastream series = {.thing = thing,
                                           .property = (uint16_t)property,
                                           .statistic = ww_statistic_find(ww_pg_str(r, i, 9)),
                                           .interval_s = (int32_t)ww_pg_i64(r, i, 10)};
        uint32_t ds = thing == WW_CATALOG_NONE || property == WW_CATALOG_NONE
                          ? WW_CATALOG_NONE
                          : ww_catalog_datastream(c, &series);
        if (ds == WW_CATALOG_NONE ||
            !ww_judge_set_open(l->world->judge, &c->datastreams[ds], (int32_t)ww_pg_i64(r, i, 1),
                               ww_pg_i64(r, i, 5), ww_pg_double(r, i, 6), ww_pg_i64(r, i, 7),
                               ww_pg_i64(r, i, 8)))
            ww_log(WW_LOG_WARN, "alert=%lld is open, but its rule watches it no longer", (long long)l->after);
    }
    return n == 5000;
}

/* What judges from here on, so that its alerts can be computed again. */
static bool ask_note(struct loader *l, struct ww_pg_args *args) {
    const struct ww_catalog *c = l->world->catalog;
    if (l->donor)
        ww_pg_arg_i64(args, l->donor_id);
    else
        ww_pg_arg_null(args);
    ww_pg_arg_i64(args, c->n_datastreams ? c->datastreams[c->n_datastreams - 1].id : 0);
    ww_pg_arg_i64(args, l->last_limit);
    ww_pg_arg_i64(args, ww_judge_learned_memory(l->world->judge));
    ww_buf_text(&l->rules, l->rules.len ? "]" : "[]");
    ww_pg_arg_str(args, ww_buf_str(&l->rules));
    return true;
}

static bool take_note(struct loader *l, const struct ww_pg_result *r) {
    l->world->record_id = ww_pg_i64(r, 0, 0);
    return false;
}

/* ---- Steps: what mutes ---- */

static bool take_windows(struct loader *l, const struct ww_pg_result *r) {
    struct ww_mutes *mutes = ww_judge_mutes(l->world->judge);
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        l->after = ww_pg_i64(r, i, 0);
        uint32_t property = ww_pg_is_null(r, i, 2) ? WW_CATALOG_NONE : property_by_id(l, ww_pg_str(r, i, 2));
        const struct ww_mute_window window = {.id = l->after,
                                              .thing_id = ww_pg_i64(r, i, 1),
                                              .property =
                                                  property == WW_CATALOG_NONE ? -1 : (int32_t)property,
                                              .site_id = ww_pg_i64(r, i, 3),
                                              .ward_id = (uint32_t)ww_pg_i64(r, i, 4),
                                              .from_us = ww_pg_i64(r, i, 5),
                                              .to_us = ww_pg_i64(r, i, 6)};
        ww_mutes_add_window(mutes, &window);
    }
    return n == 5000;
}

static bool take_muted(struct loader *l, const struct ww_pg_result *r) {
    struct ww_catalog *c = l->world->catalog;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        l->after = ww_pg_i64(r, i, 0);
        uint32_t thing = ww_catalog_thing(c, (int32_t)ww_pg_i64(r, i, 2), ww_pg_str(r, i, 3));
        uint32_t property = property_by_id(l, ww_pg_str(r, i, 4));
        struct ww_cat_datastream series = {.thing = thing,
                                           .property = (uint16_t)property,
                                           .statistic = ww_statistic_find(ww_pg_str(r, i, 5)),
                                           .interval_s = (int32_t)ww_pg_i64(r, i, 6)};
        uint32_t ds = thing == WW_CATALOG_NONE || property == WW_CATALOG_NONE
                          ? WW_CATALOG_NONE
                          : ww_catalog_datastream(c, &series);
        if (ds != WW_CATALOG_NONE)
            (void)ww_judge_set_muted(l->world->judge, &c->datastreams[ds], (int32_t)ww_pg_i64(r, i, 1),
                                     ww_pg_i64(r, i, 7), ww_pg_double(r, i, 8));
    }
    return n == 5000;
}

static const struct step steps[] = {
    {"writers_end", ask_nothing, take_nothing, LIVE},
    {"catalog_district", ask_nothing, take_district, LIVE | PAST | JUDGED},
    {"catalog_wards", ask_after, take_wards, LIVE | PAST | JUDGED},
    {"catalog_properties", ask_nothing, take_properties, LIVE | PAST | JUDGED},
    {"catalog_feeds", ask_nothing, take_feeds, LIVE | PAST | JUDGED},
    {"catalog_stations", ask_stations, take_stations, LIVE | SENDERS},
    {"catalog_limits", ask_nothing, take_limits, LIVE | PAST | JUDGED},
    {"catalog_rules", ask_rules, take_rules, LIVE | PAST | JUDGED},
    {"catalog_windows", ask_after, take_windows, LIVE | PAST | JUDGED},
    {"catalog_things", ask_after, take_things, LIVE | PAST},
    {"recompute_things", ask_things_then, take_things, JUDGED},
    {"catalog_datastreams", ask_after, take_datastreams, LIVE | PAST | JUDGED},
    {"catalog_datastreams", attach_past, take_nothing, JUDGED},
    {"walks_begin", ask_nothing, take_nothing, LIVE | JUDGED},
    {"recent_times", ask_times, take_times, LIVE},
    {"recent_readings", ask_readings, take_readings, LIVE | JUDGED},
    {"walks_end", ask_nothing, take_nothing, LIVE | JUDGED},
    {"catalog_open_alerts", ask_open_alerts, take_open_alerts, LIVE},
    {"catalog_muted", ask_after, take_muted, LIVE},
    {"judge_world_note", ask_note, take_note, LIVE},
};

/* ---- Running the chain ---- */

struct loader *loader_new(uint64_t generation, const struct ww_rule_row *only_rule,
                          const struct ww_world_past *past) {
    struct loader *l = ww_must_calloc(1, sizeof *l);
    const struct ww_rule_kind *kind = only_rule ? ww_rule_kind_find(only_rule->detector) : NULL;
    l->only_rule = only_rule;
    l->past = past;
    ww_buf_init(&l->rules, 1 << 20);
    l->for_senders = kind && kind->engine == WW_ENGINE_HEALTH;
    l->world = ww_must_calloc(1, sizeof *l->world);
    l->world->catalog = ww_catalog_new(generation);
    l->world->judge = ww_judge_new();
    l->world->health_rules = ww_health_rules_new();
    l->world->space_rules = ww_space_rules_new();
    l->after_text = WW_STR("");
    l->wards = ww_ward_index_builder_new();
    l->property_index = ww_map_new(256);
    l->watched = ww_must_calloc(DATASTREAM_PAGE, sizeof *l->watched);
    return l;
}

void loader_free(struct loader *l) {
    world_free(l->world);
    ww_ward_index_builder_free(l->wards);
    ww_map_free(l->property_index);
    ww_buf_clear(&l->rules);
    ww_free(l->watched);
    ww_free(l);
}

const char *loader_ask(struct loader *l, struct ww_pg_args *args) {
    unsigned wanted = l->past ? JUDGED : !l->only_rule ? LIVE : l->for_senders ? PAST | SENDERS : PAST;
    for (; l->step < sizeof steps / sizeof *steps && l->failed == WW_OK; l->step++) {
        const struct step *step = &steps[l->step];
        if ((step->of & wanted) && step->ask(l, args))
            return step->query;
        l->after = 0;
    }
    return NULL;
}

void loader_take(struct loader *l, const struct ww_pg_result *result) {
    if (steps[l->step].take(l, result))
        return;
    l->step++;
    l->after = 0;
}

/* ---- On the path's connection ---- */

static int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static void finish(struct loader *l) {
    struct ww_path *path = l->path;
    struct world *old = path->world;
    path->world = l->world;
    path->loader = NULL;
    l->world = NULL;
    health_keeper_world_changed(path->health);
    space_keeper_world_changed(path->space);
    if (old) {
        old->retired = true;
        if (old->users == 0)
            world_free(old);
    }
    const struct ww_catalog *c = path->world->catalog;
    path->totals.rebuilds++;
    ww_log(WW_LOG_INFO, "loaded wards=%u feeds=%u things=%u datastreams=%u rules=%u open_alerts=%u ms=%lld",
           c->n_wards, c->n_feeds, c->n_things, c->n_datastreams, ww_judge_rule_count(path->world->judge),
           ww_judge_open_count(path->world->judge), (long long)((monotonic_us() - l->started_us) / 1000));
    loader_free(l);
    path_tell(path);
    path_set_state(path, WRITER_IDLE, "");
    path_kick(path);
}

static void next_question(struct loader *l);

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    struct loader *l = arg;
    l->query_running = false;
    if (!l->path) {
        loader_free(l);
        return;
    }
    if (status != WW_OK) {
        struct ww_path *path = l->path;
        ww_log(WW_LOG_ERROR, "load=failed query=%s reason=\"%s\"", steps[l->step].query, err->message);
        char why[256];
        snprintf(why, sizeof why, "loading failed: %.200s", err->message);
        path_set_state(path, WRITER_DOWN, why);
        load_stop(path);
        if (ww_pg_is_up(path->pg))
            ww_pg_drop(path->pg); /* reconnecting, with its back-off, tries again */
        return;
    }
    loader_take(l, result);
    next_question(l);
}

static void next_question(struct loader *l) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    const char *query = loader_ask(l, &args);
    enum ww_status st = WW_OK;
    if (query) {
        st = ww_pg_query(l->path->pg, ww_sql_find(query), &args, on_answer, l);
        l->query_running = st == WW_OK;
    }
    ww_pg_args_clear(&args);
    if (!query)
        finish(l);
    else if (st != WW_OK) /* went down: on_pg_state begins again */
        load_stop(l->path);
}

void load_start(struct ww_path *path, bool is_clean) {
    load_stop(path);
    path_set_state(path, WRITER_LOADING, path->world ? NULL : "loading the district from the database");
    struct loader *l = loader_new(++path->generation, NULL, NULL);
    l->path = path;
    l->donor = is_clean && path->world ? path->world->judge : NULL;
    l->donor_id = l->donor ? path->world->record_id : 0;
    l->started_us = monotonic_us();
    path->loader = l;
    next_question(l);
}

void load_stop(struct ww_path *path) {
    struct loader *l = path->loader;
    if (!l)
        return;
    path->loader = NULL;
    l->path = NULL;
    if (!l->query_running)
        loader_free(l);
}
