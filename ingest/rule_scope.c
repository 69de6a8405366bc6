/* Reads a scope's members and tells whether a series is in it. */
#include "ingest/rule_scope.h"

#include "ingest/decode/statistic.h"

static enum ww_status refuse(struct ww_error *err, struct ww_str field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%.*s: %s", WW_STR_ARG(field), why);
    ww_error_at_field(err, field, WW_STR_NONE);
    return WW_BAD_INPUT;
}

void ww_rule_scope_init(struct ww_rule_scope *scope) {
    *scope =
        (struct ww_rule_scope){.property = WW_STR(""), .thing_class = WW_STR(""), .limit_class = WW_STR("")};
}

static enum ww_status take_text(const struct ww_json_node *m, struct ww_str *out, struct ww_error *err) {
    if (!ww_json_as_str(m, out) || out->len == 0 || out->len > 128)
        return refuse(err, m->key, "must be a text of at most 128 bytes");
    return WW_OK;
}

static enum ww_status take_codes(const struct ww_json_node *m, const struct ww_json_node **out,
                                 struct ww_error *err) {
    struct ww_str code;
    if (m->type != WW_JSON_ARRAY || !m->child)
        return refuse(err, m->key, "must be a list of codes");
    for (const struct ww_json_node *w = m->child; w; w = w->next)
        if (!ww_json_as_str(w, &code) || code.len == 0)
            return refuse(err, m->key, "must be a list of codes");
    *out = m;
    return WW_OK;
}

static bool read_point(const struct ww_json_node *node, struct ww_place *out) {
    const struct ww_json_node *x = node->type == WW_JSON_ARRAY ? node->child : NULL;
    const struct ww_json_node *y = x ? x->next : NULL;
    return y && !y->next && ww_json_as_double(x, &out->lon_deg) && ww_json_as_double(y, &out->lat_deg) &&
           out->lon_deg >= -180 && out->lon_deg <= 180 && out->lat_deg >= -90 && out->lat_deg <= 90;
}

static enum ww_status take_polygon(struct ww_rule_scope *s, struct ww_arena *arena,
                                   const struct ww_json_node *m, struct ww_error *err) {
    uint32_t n = 0;
    for (const struct ww_json_node *p = m->type == WW_JSON_ARRAY ? m->child : NULL; p; p = p->next)
        n++;
    if (n < 3 || n > WW_SCOPE_MOST_POINTS)
        return refuse(err, m->key, "must be a ring of 3 to 1000 points [longitude, latitude]");
    s->ring = ww_arena_calloc(arena, n, sizeof *s->ring);
    if (!s->ring)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    for (const struct ww_json_node *p = m->child; p; p = p->next)
        if (!read_point(p, &s->ring[s->n_ring++]))
            return refuse(err, m->key, "must be a ring of 3 to 1000 points [longitude, latitude]");
    return WW_OK;
}

enum ww_status ww_rule_scope_take(struct ww_rule_scope *s, struct ww_arena *arena,
                                  const struct ww_json_node *m, struct ww_error *err) {
    if (ww_str_is(m->key, "property"))
        return take_text(m, &s->property, err);
    if (ww_str_is(m->key, "thing_class"))
        return take_text(m, &s->thing_class, err);
    if (ww_str_is(m->key, "limit_class"))
        return take_text(m, &s->limit_class, err);
    if (ww_str_is(m->key, "wards"))
        return take_codes(m, &s->wards, err);
    if (ww_str_is(m->key, "properties"))
        return take_codes(m, &s->properties, err);
    if (ww_str_is(m->key, "polygon"))
        return take_polygon(s, arena, m, err);
    if (ww_str_is(m->key, "statistic")) {
        struct ww_str name;
        s->statistic = ww_json_as_str(m, &name) ? ww_statistic_find(name) : WW_STATISTIC_UNKNOWN;
        return s->statistic == WW_STATISTIC_UNKNOWN
                   ? refuse(err, m->key, "is none of the known ones (mean, min, max, sum …)")
                   : WW_OK;
    }
    if (ww_str_is(m->key, "interval_s")) {
        int64_t seconds;
        if (!ww_json_as_i64(m, &seconds) || seconds < 0 || seconds > 31622400)
            return refuse(err, m->key, "must be a whole number of seconds, at most a year");
        s->interval_s = (int32_t)seconds;
        return WW_OK;
    }
    return WW_NOT_FOUND;
}

/* Even-odd rule; a place on the border may fall either way. */
static bool ring_holds(const struct ww_rule_scope *s, struct ww_place p) {
    bool inside = false;
    for (uint32_t i = 0, j = s->n_ring - 1; i < s->n_ring; j = i++) {
        struct ww_place a = s->ring[i], b = s->ring[j];
        if ((a.lat_deg > p.lat_deg) == (b.lat_deg > p.lat_deg))
            continue;
        double lon = a.lon_deg + (p.lat_deg - a.lat_deg) / (b.lat_deg - a.lat_deg) * (b.lon_deg - a.lon_deg);
        if (p.lon_deg < lon)
            inside = !inside;
    }
    return inside;
}

static bool wards_hold(const struct ww_rule_scope *s, const struct ww_catalog *catalog, uint32_t ward_id) {
    struct ww_str code;
    for (const struct ww_json_node *w = s->wards->child; w; w = w->next)
        if (ward_id != WW_WARD_NONE && ww_json_as_str(w, &code) &&
            ww_catalog_ward_by_code(catalog, code) == ward_id)
            return true;
    return false;
}

static bool property_is_listed(const struct ww_rule_scope *s, struct ww_str property) {
    struct ww_str code;
    for (const struct ww_json_node *p = s->properties->child; p; p = p->next)
        if (ww_json_as_str(p, &code) && ww_str_eq(code, property))
            return true;
    return false;
}

bool ww_rule_scope_holds(const struct ww_rule_scope *s, const struct ww_catalog *catalog,
                         const struct ww_cat_datastream *ds) {
    const struct ww_cat_thing *thing = &catalog->things[ds->thing];
    struct ww_place place;
    if (ds->statistic != s->statistic || ds->interval_s != s->interval_s)
        return false;
    if (s->property.len > 0 && !ww_str_eq(s->property, catalog->properties[ds->property].code))
        return false;
    if (s->properties && !property_is_listed(s, catalog->properties[ds->property].code))
        return false;
    if (s->thing_class.len > 0 && !ww_str_eq(s->thing_class, catalog->names[thing->class_index]))
        return false;
    if (s->limit_class.len > 0 && !ww_str_eq(s->limit_class, catalog->names[thing->limit_class_index]))
        return false;
    if (s->wards && !wards_hold(s, catalog, thing->ward_id))
        return false;
    return s->n_ring == 0 || (ww_catalog_place(catalog, thing, &place) && ring_holds(s, place));
}
