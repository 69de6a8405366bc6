/* Collects a trace case, knows usual levels, frames the answer. */
#include "ingest/space/trace_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/json_reader.h"
#include "ingest/space/trace_internal.h"

struct ww_trace_case *ww_trace_case_new(enum ww_trace_kind kind, int64_t opened_us, int64_t now_us) {
    struct ww_trace_case *c = ww_try_calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->arena = ww_arena_new((size_t)64 << 20);
    c->lines = ww_reach_lines_new();
    c->things = ww_map_new(64);
    c->kind = kind;
    c->opened_us = opened_us;
    c->now_us = now_us;
    c->ended_us = now_us;
    c->subject = UINT32_MAX;
    if (!c->arena || !c->lines) {
        ww_trace_case_free(c);
        return NULL;
    }
    return c;
}

void ww_trace_cleared(struct ww_trace_case *c, int64_t cleared_us) {
    c->ended_us = cleared_us;
}

void ww_trace_case_free(struct ww_trace_case *c) {
    if (!c)
        return;
    ww_arena_free(c->arena);
    ww_reach_lines_free(c->lines);
    ww_map_free(c->things);
    ww_free(c->reach);
    ww_free(c->site);
    ww_free(c->sensor);
    ww_free(c->reading);
    ww_free(c->wind);
    ww_free(c);
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the trace");
}

static struct ww_str thing_key(const int64_t *id) {
    return (struct ww_str){(const char *)id, sizeof *id};
}

/* ---- What it is about ---- */

static double member(const struct ww_json_node *root, const char *name, double low, double high) {
    double x;
    return ww_json_as_double(ww_json_get(root, name), &x) && x >= low && x <= high ? x : NAN;
}

enum ww_status ww_trace_add_reach(struct ww_trace_case *c, struct ww_str code, struct ww_str downstream,
                                  struct ww_str geojson, struct ww_str properties, struct ww_error *err) {
    struct ww_json_node *root = NULL;
    if (!ww_grown(&c->reach, c->n_reaches, &c->cap_reaches, sizeof *c->reach))
        return no_memory(err);
    enum ww_status st = ww_reach_lines_add(c->lines, geojson, err);
    if (st != WW_OK)
        return st;
    (void)!ww_json_parse(c->arena, properties, &root, NULL);
    c->reach[c->n_reaches++] = (struct trace_reach){.code = ww_arena_copy(c->arena, code),
                                                    .downstream = ww_arena_copy(c->arena, downstream),
                                                    .velocity_ms = member(root, "velocity_ms", 1e-4, 20),
                                                    .flow_m3s = member(root, "flow_m3s", 1e-6, 1e6),
                                                    .dispersion_m2s = member(root, "dispersion_m2s", 0, 1e4)};
    return WW_OK;
}

enum ww_status ww_trace_add_site(struct ww_trace_case *c, struct ww_str code, struct ww_str name_zh,
                                 struct ww_str name_en, struct ww_place at, struct ww_error *err) {
    if (!ww_grown(&c->site, c->n_sites, &c->cap_sites, sizeof *c->site))
        return no_memory(err);
    c->site[c->n_sites++] = (struct trace_site){.code = ww_arena_copy(c->arena, code),
                                                .name_zh = ww_arena_copy(c->arena, name_zh),
                                                .name_en = ww_arena_copy(c->arena, name_en),
                                                .at = at};
    return WW_OK;
}

bool ww_trace_is_outlet(struct ww_str site, struct ww_str limit_class) {
    static const char *const waste[] = {"medical.", "wastewater.", "wwtp."};
    bool is_waste = false;
    if (ww_str_starts(limit_class, WW_STR("surface_water.")) ||
        ww_str_starts(limit_class, WW_STR("lake_water.")))
        return false;
    for (size_t i = 0; i < sizeof waste / sizeof *waste; i++)
        is_waste = is_waste || ww_str_starts(limit_class, ww_str_of(waste[i]));
    return is_waste || site.len > 0;
}

enum ww_status ww_trace_add_sensor(struct ww_trace_case *c, const struct ww_trace_thing *thing,
                                   struct ww_error *err) {
    if (!ww_grown(&c->sensor, c->n_sensors, &c->cap_sensors, sizeof *c->sensor))
        return no_memory(err);
    if (ww_map_put(c->things, thing_key(&thing->id), c->n_sensors) != WW_OK)
        return no_memory(err);
    if (thing->is_subject)
        c->subject = c->n_sensors;
    c->sensor[c->n_sensors++] =
        (struct trace_sensor){.thing_id = thing->id,
                              .key = ww_arena_copy(c->arena, thing->key),
                              .site = ww_arena_copy(c->arena, thing->site),
                              .at = thing->at,
                              .is_outlet = ww_trace_is_outlet(thing->site, thing->limit_class)};
    return WW_OK;
}

enum ww_status ww_trace_add_reading(struct ww_trace_case *c, int64_t thing_id, int64_t time_us, double value,
                                    struct ww_error *err) {
    uint64_t s;
    if (!ww_map_get(c->things, thing_key(&thing_id), &s))
        return WW_OK;
    if (!ww_grown(&c->reading, c->n_readings, &c->cap_readings, sizeof *c->reading))
        return no_memory(err);
    c->reading[c->n_readings++] = (struct trace_reading){(uint32_t)s, time_us, value};
    c->sensor[s].n_readings++;
    return WW_OK;
}

enum ww_status ww_trace_add_wind(struct ww_trace_case *c, int64_t hour_us, double from_deg, double speed_ms,
                                 double spread_deg, struct ww_error *err) {
    if (!ww_grown(&c->wind, c->n_winds, &c->cap_winds, sizeof *c->wind))
        return no_memory(err);
    c->wind[c->n_winds++] = (struct trace_wind){hour_us, {from_deg, speed_ms, spread_deg}};
    return WW_OK;
}

/* ---- Readings by sensor, usual levels ---- */

static bool order_readings(struct ww_trace_case *c) {
    struct trace_reading *ordered = ww_try_calloc((size_t)c->n_readings + 1, sizeof *ordered);
    uint32_t *at = ww_try_calloc((size_t)c->n_sensors + 1, sizeof *at);
    bool good = ordered && at;
    for (uint32_t s = 0, first = 0; s < c->n_sensors && good; first += c->sensor[s++].n_readings)
        c->sensor[s].first_reading = at[s] = first;
    for (uint32_t i = 0; i < c->n_readings && good; i++)
        ordered[at[c->reading[i].sensor]++] = c->reading[i];
    ww_free(at);
    ww_free(good ? c->reading : ordered);
    if (good) {
        c->reading = ordered;
        c->cap_readings = c->n_readings + 1;
    }
    return good;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double median(double *v, uint32_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n == 0 ? NAN : n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Median, and 1.48 times the median distance below it: what rises above does not count. As `wardwatch trace`.
 */
static bool know_usual(struct ww_trace_case *c) {
    double *values = ww_try_calloc((size_t)c->n_readings + 1, sizeof *values);
    if (!values)
        return false;
    for (uint32_t s = 0; s < c->n_sensors; s++) {
        uint32_t n = 0, below = 0;
        for (const struct trace_reading *r = c->reading + c->sensor[s].first_reading;
             n < c->sensor[s].n_readings; n++)
            values[n] = r[n].value;
        double usual = median(values, n);
        for (; below < n && values[below] <= usual; below++)
            values[below] = usual - values[below];
        double sd = below > 0 ? 1.4826 * median(values, below) : NAN, least = 0.02 * fabs(usual);
        c->sensor[s].usual = usual;
        c->sensor[s].sd = sd > least ? sd : least > 0 ? least : 0.01;
    }
    ww_free(values);
    return true;
}

/* ---- Writing ---- */

void trace_put_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

void trace_put_str(struct ww_json *w, const char *key, struct ww_str text) {
    ww_json_key(w, key);
    ww_json_str(w, text);
}

void trace_put_number(struct ww_json *w, const char *key, double x) {
    double unit = x != 0 && isfinite(x) ? pow(10, floor(log10(fabs(x))) - 4) : 1;
    ww_json_key(w, key);
    ww_json_double(w, isfinite(x) ? round(x / unit) * unit : x);
}

void trace_put_time(struct ww_json *w, const char *key, int64_t at_us) {
    char text[40];
    ww_instant_text(at_us / WW_SECOND_US * WW_SECOND_US, text);
    trace_put_text(w, key, text);
}

static struct ww_str place_text(struct ww_place at, char room[64]) {
    return (struct ww_str){room, (size_t)snprintf(room, 64, "[%.6f,%.6f]", at.lon_deg, at.lat_deg)};
}

void trace_put_place(struct ww_json *w, struct ww_place at) {
    char room[64];
    ww_json_key(w, "place");
    ww_json_raw(w, place_text(at, room));
}

void trace_begin_feature(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson,
                         const char *geometry, struct ww_str coordinates, const char *role) {
    if (c->n_features++ > 0)
        ww_buf_char(geojson, ',');
    ww_json_init(w, geojson);
    ww_json_object(w);
    trace_put_text(w, "type", "Feature");
    ww_json_key(w, "id");
    ww_json_int(w, c->n_features);
    ww_json_key(w, "geometry");
    ww_json_object(w);
    trace_put_text(w, "type", geometry);
    ww_json_key(w, "coordinates");
    ww_json_raw(w, coordinates);
    ww_json_end_object(w);
    ww_json_key(w, "properties");
    ww_json_object(w);
    trace_put_text(w, "role", role);
}

void trace_end_feature(struct ww_json *w) {
    ww_json_end_object(w);
    ww_json_end_object(w);
}

void trace_point_feature(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson,
                         struct ww_place at, const char *role) {
    char room[64];
    trace_begin_feature(c, w, geojson, "Point", place_text(at, room), role);
}

void ww_trace_run(struct ww_trace_case *c, struct ww_buf *trace, struct ww_buf *geojson) {
    struct ww_json w;
    ww_buf_text(geojson, "{\"type\":\"FeatureCollection\",\"features\":[");
    ww_json_init(&w, trace);
    ww_json_object(&w);
    trace_put_text(&w, "kind", c->kind == WW_TRACE_WATER ? "water" : "air");
    trace_put_time(&w, "as_of", c->now_us);
    if (c->subject == UINT32_MAX || c->sensor[c->subject].n_readings == 0 || !order_readings(c) ||
        !know_usual(c))
        trace_put_text(&w, "verdict", "nothing");
    else if (c->kind == WW_TRACE_WATER)
        trace_water(c, &w, geojson);
    else
        trace_air(c, &w, geojson);
    ww_json_end_object(&w);
    ww_buf_text(geojson, "]}");
}
