/* Wards, things and reaches as places; a watch over them. */
#include "ingest/space_places.h"

#include <math.h>

enum step { WARDS, THINGS, REACHES, ALL };
enum { THINGS_PAGE = 5000 };

enum ww_status space_places_begin(struct space_places *p, const struct ww_space_rule *rule,
                                  struct ww_error *err) {
    *p = (struct space_places){.rule = rule, .step = WARDS, .when = space_moment_now(0)};
    if (!rule->is_map) {
        p->spots[0] = ww_scan_spots_new(&rule->scan);
        return p->spots[0] ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for its places");
    }
    /* What the spots look at is a scan rule's places. */
    const struct ww_hotspot_rule *how = &rule->hotspot;
    const struct ww_scan_rule as_wards = {.places = WW_PLACE_WARD, .hexagon_m = how->hexagon_m};
    const struct ww_scan_rule as_hexagons = {.places = WW_PLACE_HEXAGON, .hexagon_m = how->hexagon_m};
    bool has_wards = how->places != WW_HOTSPOT_HEXAGONS, has_hexagons = how->places != WW_HOTSPOT_WARDS;
    if (has_wards)
        p->spots[SPACE_WARDS] = ww_scan_spots_new(&as_wards);
    if (has_hexagons)
        p->spots[SPACE_HEXAGONS] = ww_scan_spots_new(&as_hexagons);
    return (p->spots[SPACE_WARDS] || !has_wards) && (p->spots[SPACE_HEXAGONS] || !has_hexagons)
               ? WW_OK
               : ww_error_set(err, WW_NO_MEMORY, "no memory for its places");
}

void space_places_clear(struct space_places *p) {
    for (int i = 0; i < SPACE_KINDS; i++) {
        ww_scan_spots_free(p->spots[i]);
        p->spots[i] = NULL;
    }
}

/* ---- Questions ---- */

static struct ww_str population_of(const struct ww_space_rule *rule) {
    return rule->is_map ? WW_STR("") : rule->scan.population;
}

const char *space_places_ask(const struct space_places *p, struct ww_pg_args *args) {
    const struct ww_space_rule *rule = p->rule;
    switch ((enum step)p->step) {
    case WARDS:
        ww_pg_arg_str(args, population_of(rule));
        return "space_wards";
    case THINGS:
        ww_pg_arg_str(args, rule->is_map ? rule->hotspot.property : rule->scan.property);
        ww_pg_arg_str(args, rule->is_map ? rule->hotspot.feed : rule->scan.feed);
        ww_pg_arg_str(args, rule->is_map ? rule->hotspot.thing_class : rule->scan.thing_class);
        ww_pg_arg_str(args, population_of(rule));
        ww_pg_arg_i64(args, p->after);
        ww_pg_arg_i64(args, p->when.known.thing);
        ww_pg_arg_i64(args, p->when.known.datastream);
        space_ask_things_at(&p->when, args);
        return "space_things";
    case REACHES:
        return "space_reaches";
    case ALL:
        break;
    }
    return NULL;
}

/* ---- Answers ---- */

static double number(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? NAN : ww_pg_double(r, row, column);
}

static enum ww_status take_wards(struct space_places *p, const struct ww_pg_result *r, struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_scan_ward_row row = {.id = ww_pg_i64(r, i, 0),
                                       .code = ww_pg_str(r, i, 1),
                                       .at = {number(r, i, 2), number(r, i, 3)},
                                       .west = number(r, i, 4),
                                       .south = number(r, i, 5),
                                       .east = number(r, i, 6),
                                       .north = number(r, i, 7),
                                       .population = number(r, i, 8),
                                       .touching = ww_pg_str(r, i, 9)};
        for (int k = 0; k < SPACE_KINDS && st == WW_OK; k++)
            if (p->spots[k])
                st = ww_scan_spots_add_ward(p->spots[k], &row, err);
    }
    bool needs_things =
        p->rule->is_map ? p->spots[SPACE_HEXAGONS] != NULL : p->rule->scan.places != WW_PLACE_WARD;
    p->step = needs_things ? THINGS : ALL;
    return st;
}

static enum ww_status take_things(struct space_places *p, const struct ww_pg_result *r,
                                  struct ww_error *err) {
    struct ww_scan_spots *spots = p->spots[p->rule->is_map ? SPACE_HEXAGONS : 0];
    enum ww_status st = WW_OK;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n && st == WW_OK; i++) {
        p->after = ww_pg_i64(r, i, 0);
        p->seen.thing = p->after > p->seen.thing ? p->after : p->seen.thing;
        p->seen.datastream =
            ww_pg_i64(r, i, 6) > p->seen.datastream ? ww_pg_i64(r, i, 6) : p->seen.datastream;
        struct ww_place at = {number(r, i, 2), number(r, i, 3)};
        st = ww_scan_spots_add_thing(spots, p->after, ww_pg_str(r, i, 1), at, (uint32_t)ww_pg_i64(r, i, 4),
                                     number(r, i, 5), err);
    }
    if (n < THINGS_PAGE)
        p->step = !p->rule->is_map && p->rule->scan.places == WW_PLACE_REACH ? REACHES : ALL;
    return st;
}

static enum ww_status take_reaches(struct space_places *p, const struct ww_pg_result *r,
                                   struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (int i = 0; i < ww_pg_rows(r) && st == WW_OK; i++)
        st = ww_scan_spots_add_reach(p->spots[0], ww_pg_i64(r, i, 0), ww_pg_str(r, i, 1), ww_pg_str(r, i, 2),
                                     ww_pg_str(r, i, 3), err);
    p->step = ALL;
    return st;
}

enum ww_status space_places_take(struct space_places *p, const struct ww_pg_result *r, struct ww_error *err) {
    static enum ww_status (*const take[])(struct space_places *, const struct ww_pg_result *,
                                          struct ww_error *) = {
        [WARDS] = take_wards, [THINGS] = take_things, [REACHES] = take_reaches};
    return take[p->step](p, r, err);
}

enum ww_status space_places_finish(struct space_places *p, const struct ww_ward_index *wards,
                                   struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (int i = 0; i < SPACE_KINDS && st == WW_OK; i++)
        if (p->spots[i])
            st = ww_scan_spots_finish(p->spots[i], wards, err);
    return st;
}

/* ---- Watches ---- */

enum ww_status space_places_scan(const struct space_places *p, int64_t today, struct ww_scan_watch **out,
                                 struct ww_error *err) {
    const struct ww_space_rule *rule = p->rule;
    struct ww_scan_watch_setup setup = {.rule_id = rule->id,
                                        .version = rule->version,
                                        .severity = rule->severity,
                                        .code = rule->code,
                                        .config = rule->config,
                                        .how = rule->scan};
    setup.spots = ww_scan_spots_list(p->spots[0], &setup.n_spots, &setup.lists);
    return ww_scan_watch_new(&setup, today, out, err);
}

enum ww_status space_places_hotspot(struct space_places *p, const struct ww_catalog *catalog,
                                    struct ww_hotspot_watch **out, struct ww_error *err) {
    const struct ww_space_rule *rule = p->rule;
    uint32_t property = ww_catalog_property(catalog, rule->hotspot.property);
    struct ww_hotspot_setup setup = {
        .rule_id = rule->id,
        .version = rule->version,
        .severity = rule->severity,
        .code = rule->code,
        .config = rule->config,
        .property_unit = property == WW_CATALOG_NONE ? WW_STR("1") : catalog->properties[property].unit,
        .how = rule->hotspot,
        .wards = p->spots[SPACE_WARDS],
        .hexagons = p->spots[SPACE_HEXAGONS]};
    p->spots[SPACE_WARDS] = p->spots[SPACE_HEXAGONS] = NULL;
    return ww_hotspot_watch_new(&setup, out, err);
}
