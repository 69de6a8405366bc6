/* Files of `wardwatch trace`: a network, points on it, readings. */
#ifndef WW_SERVER_TRACE_INPUT_H
#define WW_SERVER_TRACE_INPUT_H

#include "geo/instant.h"
#include "geo/trace/source.h"
#include "server/attribute_table.h"

struct ww_trace_point {
    struct ww_str id;
    bool is_sensor;
    struct ww_spot at;
    double weight, sd, usual; /* NAN: not given */
};
struct ww_trace_reading {
    uint32_t sensor; /* number among the sensors */
    double t_s, value;
};
struct ww_trace_input {
    struct ww_arena *arena;
    struct ww_attribute_table network, points, readings;
    struct ww_net *net;
    struct ww_str *reach_id;
    uint32_t n_reaches, n_points, n_readings;
    struct ww_trace_point *point;
    struct ww_trace_reading *reading; /* by time */
    const char *file;                 /* that an error is about */
};

/* `velocity_ms` where the network says none; NAN: it must. */
enum ww_status ww_trace_read(struct ww_trace_input *in, const char *network, const char *points,
                             const char *readings, double velocity_ms, const struct ww_zone *zone,
                             struct ww_error *err) WW_MUST_CHECK;
void ww_trace_clear(struct ww_trace_input *in);

#endif
