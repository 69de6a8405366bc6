/* A network of reaches, points on it and readings, from CSV and GeoJSON. */
#include "server/trace_input.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/base/map.h"
#include "geo/near.h"
#include "server/commands.h"

enum { MAX_FILE = 1 << 30 };

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the network");
}

static enum ww_status load(struct ww_trace_input *in, const char *path, struct ww_attribute_table *table,
                           struct ww_error *err) {
    struct ww_buf text;
    in->file = path;
    enum ww_status st = ww_read_file(path, MAX_FILE, &text, err);
    if (st == WW_OK)
        st = ww_attribute_table_read(ww_buf_str(&text), table, err);
    ww_buf_clear(&text);
    return st;
}

/* The first of two names that the table has. */
static uint32_t either(const struct ww_attribute_table *t, const char *a, const char *b) {
    uint32_t column = ww_attribute_table_find(t, a);
    return column != UINT32_MAX ? column : ww_attribute_table_find(t, b);
}

static enum ww_status number(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                             double otherwise, double *out, struct ww_error *err) {
    *out = NAN;
    enum ww_status st = column == UINT32_MAX ? WW_OK : ww_attribute_table_number(t, row, column, out, err);
    if (st == WW_OK && isnan(*out))
        *out = otherwise;
    return st;
}

/* Along great circles; NAN for what is no LineString. */
static double length_of(struct ww_str geometry) {
    struct ww_arena *arena = geometry.len > 0 ? ww_arena_new(geometry.len * 64 + (1 << 16)) : NULL;
    struct ww_json_node *root = NULL;
    struct ww_str type;
    double sum = NAN, at[2], last[2] = {0, 0};
    if (arena && ww_json_parse(arena, geometry, &root, NULL) == WW_OK &&
        ww_json_as_str(ww_json_get(root, "type"), &type) && ww_str_is(type, "LineString") &&
        ww_json_get(root, "coordinates")) {
        sum = 0;
        for (const struct ww_json_node *p = ww_json_get(root, "coordinates")->child; p; p = p->next) {
            if (!p->child || !ww_json_as_double(p->child, &at[0]) ||
                !ww_json_as_double(p->child->next, &at[1]))
                continue;
            if (p != ww_json_get(root, "coordinates")->child)
                sum += ww_near_metres(last, at, WW_NEAR_EARTH_M);
            last[0] = at[0];
            last[1] = at[1];
        }
    }
    ww_arena_free(arena);
    return sum;
}

struct links {
    struct ww_reach_link *link;
    uint32_t n;
};

/* "r7", or "r7:0.3;r8:0.7" at a split; empty at an outlet. */
static enum ww_status read_links(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                                 const struct ww_map *ids, struct links *links, struct ww_error *err) {
    struct ww_str text = ww_attribute_table_cell(t, row, column);
    while (text.len > 0) {
        const char *end = memchr(text.ptr, ';', text.len);
        struct ww_str part = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        text = end ? (struct ww_str){end + 1, text.len - part.len - 1} : WW_STR_NONE;
        uint64_t to;
        struct ww_reach_link link = {row, 0, 1};
        struct ww_str name = ww_str_trim(part);
        if (!ww_map_get(ids, name, &to)) {
            const char *colon = memchr(part.ptr, ':', part.len);
            struct ww_str share = WW_STR_NONE;
            if (colon) {
                name = ww_str_trim((struct ww_str){part.ptr, (size_t)(colon - part.ptr)});
                share = ww_str_trim((struct ww_str){colon + 1, part.len - (size_t)(colon - part.ptr) - 1});
            }
            if (!colon || !ww_map_get(ids, name, &to) || !ww_str_to_double(share, &link.share))
                return ww_attribute_table_refuse(t, row, column, err, "no reach \"%.*s\"",
                                                 name.len < 60 ? (int)name.len : 60, name.ptr);
        }
        link.to = (uint32_t)to;
        struct ww_reach_link *grown = ww_try_realloc(links->link, (links->n + (size_t)1) * sizeof *grown);
        if (!grown)
            return no_memory(err);
        links->link = grown;
        links->link[links->n++] = link;
    }
    return WW_OK;
}

static enum ww_status read_reach(const struct ww_attribute_table *t, uint32_t row, double velocity_ms,
                                 struct ww_reach *r, struct ww_error *err) {
    enum ww_status st =
        number(t, row, either(t, "length_m", "length"), length_of(t->rows[row].geometry), &r->length_m, err);
    if (st == WW_OK)
        st = number(t, row, either(t, "flow_m3s", "flow"), NAN, &r->flow_m3s, err);
    if (st == WW_OK)
        st = number(t, row, either(t, "velocity_ms", "velocity"), velocity_ms, &r->velocity_ms, err);
    if (st == WW_OK)
        st = number(t, row, either(t, "dispersion_m2s", "dispersion"), 0, &r->dispersion_m2s, err);
    if (st != WW_OK)
        return st;
    if (!(r->length_m > 0) || !(r->flow_m3s > 0))
        return ww_attribute_table_refuse(t, row, UINT32_MAX, err, "a reach needs %s above 0",
                                         r->length_m > 0 ? "flow_m3s" : "length_m (or a LineString)");
    if (!(r->velocity_ms > 0))
        return ww_attribute_table_refuse(t, row, UINT32_MAX, err,
                                         "a reach needs velocity_ms above 0, or --velocity");
    return WW_OK;
}

static enum ww_status read_network(struct ww_trace_input *in, double velocity_ms, struct ww_map *ids,
                                   struct ww_error *err) {
    const struct ww_attribute_table *t = &in->network;
    struct links links = {NULL, 0};
    uint32_t id = either(t, "id", "code"), down;
    enum ww_status st = ww_attribute_table_column(t, "downstream", &down, err);
    if (st == WW_OK && id == UINT32_MAX)
        st = ww_attribute_table_column(t, "id", &id, err);
    if (st != WW_OK)
        return st;
    in->n_reaches = t->n_rows;
    in->reach_id = ww_arena_calloc(in->arena, t->n_rows, sizeof *in->reach_id);
    struct ww_reach *reaches = ww_arena_calloc(in->arena, t->n_rows, sizeof *reaches);
    if (!in->reach_id || !reaches)
        return no_memory(err);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        uint64_t before;
        in->reach_id[r] = ww_attribute_table_cell(t, r, id);
        if (in->reach_id[r].len == 0 || ww_map_get(ids, in->reach_id[r], &before))
            return ww_attribute_table_refuse(t, r, id, err, "a reach needs a name of its own");
        st = ww_map_put(ids, in->reach_id[r], r);
        if (st == WW_OK)
            st = read_reach(t, r, velocity_ms, &reaches[r], err);
    }
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++)
        st = read_links(t, r, down, ids, &links, err);
    if (st == WW_OK)
        st = ww_net_new(reaches, t->n_rows, links.link, links.n, &in->net, err);
    ww_free(links.link);
    return st;
}

static enum ww_status read_points(struct ww_trace_input *in, const struct ww_map *reaches,
                                  struct ww_map *sensors, struct ww_error *err) {
    const struct ww_attribute_table *t = &in->points;
    uint32_t id, kind, reach, at, n_sensors = 0;
    enum ww_status st = ww_attribute_table_column(t, "id", &id, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "kind", &kind, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "reach", &reach, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "at_m", &at, err);
    if (st != WW_OK)
        return st;
    in->n_points = t->n_rows;
    in->point = ww_arena_calloc(in->arena, t->n_rows, sizeof *in->point);
    if (!in->point)
        return no_memory(err);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        struct ww_trace_point *p = &in->point[r];
        struct ww_str what = ww_attribute_table_cell(t, r, kind);
        uint64_t number_of;
        p->id = ww_attribute_table_cell(t, r, id);
        p->is_sensor = ww_str_is(what, "sensor");
        if (!p->is_sensor && !ww_str_is(what, "site") && !ww_str_is(what, "outfall"))
            return ww_attribute_table_refuse(t, r, kind, err, "kind is sensor, site or outfall");
        if (!ww_map_get(reaches, ww_attribute_table_cell(t, r, reach), &number_of))
            return ww_attribute_table_refuse(t, r, reach, err, "no such reach in the network");
        p->at.reach = (uint32_t)number_of;
        st = number(t, r, at, NAN, &p->at.at_m, err);
        if (st == WW_OK && !(p->at.at_m >= 0 && p->at.at_m <= ww_net_reach(in->net, p->at.reach)->length_m))
            return ww_attribute_table_refuse(t, r, at, err, "must be from 0 to the reach's length, %.10g",
                                             ww_net_reach(in->net, p->at.reach)->length_m);
        if (st == WW_OK)
            st = number(t, r, ww_attribute_table_find(t, "weight"), 1, &p->weight, err);
        if (st == WW_OK)
            st = number(t, r, ww_attribute_table_find(t, "sd"), NAN, &p->sd, err);
        if (st == WW_OK)
            st = number(t, r, ww_attribute_table_find(t, "usual"), NAN, &p->usual, err);
        if (st == WW_OK && (!(p->weight > 0) || p->sd <= 0))
            return ww_attribute_table_refuse(t, r, UINT32_MAX, err, "weight and sd must be above 0");
        if (st == WW_OK && p->is_sensor)
            st = ww_map_put(sensors, p->id, n_sensors++);
    }
    return st;
}

static int by_time(const void *pa, const void *pb) {
    const struct ww_trace_reading *a = pa, *b = pb;
    if (a->t_s != b->t_s)
        return a->t_s < b->t_s ? -1 : 1;
    return a->sensor < b->sensor ? -1 : a->sensor > b->sensor;
}

static enum ww_status read_readings(struct ww_trace_input *in, const struct ww_map *sensors,
                                    const struct ww_zone *zone, struct ww_error *err) {
    const struct ww_attribute_table *t = &in->readings;
    uint32_t sensor, time, value;
    enum ww_status st = ww_attribute_table_column(t, "sensor", &sensor, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "time", &time, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "value", &value, err);
    if (st != WW_OK)
        return st;
    in->reading = ww_arena_calloc(in->arena, t->n_rows, sizeof *in->reading);
    if (!in->reading)
        return no_memory(err);
    for (uint32_t r = 0; r < t->n_rows; r++) {
        struct ww_trace_reading *x = &in->reading[in->n_readings];
        uint64_t k;
        int64_t us;
        struct ww_error inner;
        if (!ww_map_get(sensors, ww_attribute_table_cell(t, r, sensor), &k))
            return ww_attribute_table_refuse(t, r, sensor, err, "no such sensor among the points");
        if (ww_instant_parse(ww_attribute_table_cell(t, r, time), zone, &us, &inner) != WW_OK)
            return ww_attribute_table_refuse(t, r, time, err, "%.120s", inner.message);
        st = ww_attribute_table_number(t, r, value, &x->value, err);
        if (st != WW_OK)
            return st;
        x->sensor = (uint32_t)k;
        x->t_s = (double)us / 1e6;
        in->n_readings += isnan(x->value) ? 0 : 1;
    }
    qsort(in->reading, in->n_readings, sizeof *in->reading, by_time);
    return in->n_readings > 0 ? WW_OK : ww_error_set(err, WW_BAD_INPUT, "no reading has a value");
}

enum ww_status ww_trace_read(struct ww_trace_input *in, const char *network, const char *points,
                             const char *readings, double velocity_ms, const struct ww_zone *zone,
                             struct ww_error *err) {
    *in = (struct ww_trace_input){.arena = ww_arena_new((size_t)1 << 34)};
    if (!in->arena)
        return no_memory(err);
    struct ww_map *reaches = ww_map_new(1024), *sensors = ww_map_new(64);
    enum ww_status st = load(in, network, &in->network, err);
    if (st == WW_OK)
        st = read_network(in, velocity_ms, reaches, err);
    if (st == WW_OK)
        st = load(in, points, &in->points, err);
    if (st == WW_OK)
        st = read_points(in, reaches, sensors, err);
    if (st == WW_OK && readings)
        st = load(in, readings, &in->readings, err);
    if (st == WW_OK && readings)
        st = read_readings(in, sensors, zone, err);
    ww_map_free(reaches);
    ww_map_free(sensors);
    return st;
}

const struct ww_trace_point *ww_trace_site(const struct ww_trace_input *in, struct ww_str id) {
    for (uint32_t i = 0; i < in->n_points; i++)
        if (!in->point[i].is_sensor && ww_str_eq(in->point[i].id, id))
            return &in->point[i];
    return NULL;
}

static enum ww_status read_moment(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                                  const struct ww_zone *zone, double *out_s, struct ww_error *err) {
    int64_t us;
    struct ww_error inner;
    if (ww_instant_parse(ww_attribute_table_cell(t, row, column), zone, &us, &inner) != WW_OK)
        return ww_attribute_table_refuse(t, row, column, err, "%.120s", inner.message);
    *out_s = (double)us / 1e6;
    return WW_OK;
}

enum ww_status ww_trace_read_discharges(struct ww_trace_input *in, const char *path,
                                        const struct ww_zone *zone, struct ww_trace_discharge **out,
                                        uint32_t *n, struct ww_error *err) {
    const struct ww_attribute_table *t = &in->discharges;
    uint32_t site, from, to;
    enum ww_status st = load(in, path, &in->discharges, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "site", &site, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "from", &from, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "to", &to, err);
    if (st != WW_OK)
        return st;
    *n = t->n_rows;
    *out = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof **out);
    if (!*out)
        return no_memory(err);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        struct ww_trace_discharge *d = &(*out)[r];
        const struct ww_trace_point *p = ww_trace_site(in, ww_attribute_table_cell(t, r, site));
        if (!p)
            return ww_attribute_table_refuse(t, r, site, err, "no such site among the points");
        d->point = (uint32_t)(p - in->point);
        st = read_moment(t, r, from, zone, &d->from_s, err);
        if (st == WW_OK)
            st = read_moment(t, r, to, zone, &d->to_s, err);
        if (st == WW_OK)
            st = number(t, r, ww_attribute_table_find(t, "times"), 20, &d->times, err);
        if (st == WW_OK && (!(d->to_s > d->from_s) || !(d->times > 0)))
            return ww_attribute_table_refuse(t, r, to, err,
                                             "a discharge ends after it begins, and times is above 0");
    }
    return st;
}

void ww_trace_clear(struct ww_trace_input *in) {
    struct ww_attribute_table *tables[] = {&in->network, &in->points, &in->readings, &in->discharges};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (tables[i]->arena)
            ww_attribute_table_clear(tables[i]);
    ww_net_free(in->net);
    ww_arena_free(in->arena);
}
