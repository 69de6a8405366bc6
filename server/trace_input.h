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
    struct ww_attribute_table network, points, readings, discharges;
    struct ww_net *net;
    struct ww_str *reach_id;
    uint32_t n_reaches, n_points, n_readings;
    struct ww_trace_point *point;
    struct ww_trace_reading *reading; /* by time */
    const char *file;                 /* that an error is about */
};

/* `readings` may be NULL: then there are none. `velocity_ms` where the network says none; NAN: it must. */
enum ww_status ww_trace_read(struct ww_trace_input *in, const char *network, const char *points,
                             const char *readings, double velocity_ms, const struct ww_zone *zone,
                             struct ww_error *err) WW_MUST_CHECK;
/* Discharges that are known: a file of site, from, to and, maybe, times (how much likelier than others, 20).
 */
struct ww_trace_discharge {
    uint32_t point;
    double from_s, to_s, times;
};
enum ww_status ww_trace_read_discharges(struct ww_trace_input *in, const char *path,
                                        const struct ww_zone *zone, struct ww_trace_discharge **out,
                                        uint32_t *n, struct ww_error *err) WW_MUST_CHECK;
/* The site of that name; NULL: none. */
const struct ww_trace_point *ww_trace_site(const struct ww_trace_input *in, struct ww_str id);
void ww_trace_clear(struct ww_trace_input *in);

#endif
