/* Inside of a trace case. Only trace_case.c, water_trace.c and air_trace.c include this. */
#ifndef WW_INGEST_SPACE_TRACE_INTERNAL_H
#define WW_INGEST_SPACE_TRACE_INTERNAL_H

#include "geo/base/arena.h"
#include "geo/base/json_writer.h"
#include "geo/base/map.h"
#include "geo/trace/source.h"
#include "geo/trace/wind.h"
#include "ingest/space/reach_lines.h"
#include "ingest/space/trace_case.h"

struct trace_reach {
    struct ww_str code, downstream;
    double velocity_ms, flow_m3s, dispersion_m2s; /* NAN: not said */
};
struct trace_site {
    struct ww_str code, name_zh, name_en;
    struct ww_place at;
    struct ww_reach_spot spot;
};
struct trace_sensor {
    int64_t thing_id;
    struct ww_str key, site;
    struct ww_place at;
    bool is_outlet; /* measures what a site discharges: on the water, never a gauge */
    struct ww_reach_spot spot;
    double usual, sd;
    uint32_t n_readings, first_reading; /* in the case's readings, once they are ordered */
};
struct trace_reading {
    uint32_t sensor;
    int64_t time_us;
    double value;
};
struct trace_wind {
    int64_t hour_us;
    struct ww_wind is;
};

struct ww_trace_case {
    struct ww_arena *arena;
    enum ww_trace_kind kind;
    int64_t opened_us, now_us;
    int64_t ended_us; /* of the exceedance: cleared, or now */
    struct ww_reach_lines *lines;
    struct ww_map *things; /* id to sensor */
    struct trace_reach *reach;
    struct trace_site *site;
    struct trace_sensor *sensor;
    struct trace_reading
        *reading; /* from ww_trace_run on: a sensor after the other, each in its time's order */
    struct trace_wind *wind;
    uint32_t n_reaches, cap_reaches, n_sites, cap_sites, n_sensors, cap_sensors, n_readings, cap_readings,
        n_winds, cap_winds;
    uint32_t subject; /* UINT32_MAX: not there */
    uint32_t n_features;
};

void trace_put_text(struct ww_json *w, const char *key, const char *text);
void trace_put_str(struct ww_json *w, const char *key, struct ww_str text);
void trace_put_number(struct ww_json *w, const char *key, double x);
void trace_put_time(struct ww_json *w, const char *key, int64_t at_us);
void trace_put_place(struct ww_json *w, struct ww_place at); /* "place":[lon,lat] */
/* Begins a feature up to its properties, which the caller fills and ends by trace_end_feature. */
void trace_begin_feature(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson,
                         const char *geometry, struct ww_str coordinates, const char *role);
void trace_end_feature(struct ww_json *w);
void trace_point_feature(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson,
                         struct ww_place at, const char *role);

/* Writes members into the object that `w` is in, and features. */
void trace_water(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson);
void trace_air(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson);

#endif
