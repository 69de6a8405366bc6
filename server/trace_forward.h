/* `wardwatch trace --forward`: when does a discharge pass where, and how strong? And `--wind`: sources of air
 * pollution. */
#ifndef WW_SERVER_TRACE_FORWARD_H
#define WW_SERVER_TRACE_FORWARD_H

#include "geo/base/buf.h"
#include "server/trace_input.h"

/* From a spot: arrivals at the lower end of every reach below and at every sensor, by time, as JSON. */
enum ww_status ww_trace_forward(const struct ww_trace_input *in, struct ww_spot from,
                                struct ww_release release, struct ww_dispersal how, struct ww_buf *out,
                                struct ww_error *err) WW_MUST_CHECK;

/* Files: points with id, kind, lon, lat (weight; usual, sd of a sensor); readings sensor, time, value; wind
 * time, from_deg, speed_ms, spread_deg. A reading counts with the wind of its hour. JSON: sources by
 * probability, and each sensor's conditional probability function. `file` names the one that an error is
 * about. */
enum ww_status ww_trace_wind(const char *points, const char *readings, const char *wind,
                             const struct ww_zone *zone, struct ww_buf *out, const char **file,
                             struct ww_error *err) WW_MUST_CHECK;

#endif
