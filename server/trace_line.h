/* The line of a reach on the map: places and pieces of it as GeoJSON geometry.
 *
 *   if (ww_trace_line_read(arena, geometry_text, &line)) ww_trace_line_put(&w, &line, 0.25, 0.5);
 *
 * Shares run along the line as it is drawn, in great-circle metres, from 0 at its upper end to 1: a reach
 * whose length_m is not the line's is stretched evenly. Degrees, longitude first.
 */
#ifndef WW_SERVER_TRACE_LINE_H
#define WW_SERVER_TRACE_LINE_H

#include "geo/base/arena.h"
#include "geo/base/json_writer.h"

struct ww_trace_line {
    double (*at)[2];
    uint32_t n; /* two at least */
    double length_m;
};

/* False for what is no LineString of two points. The points live in the arena. */
bool ww_trace_line_read(struct ww_arena *arena, struct ww_str geometry, struct ww_trace_line *out);
void ww_trace_line_at(const struct ww_trace_line *line, double share, double at[2]);
/* A LineString from one share to another; a Point where they are the same. */
void ww_trace_line_put(struct ww_json *w, const struct ww_trace_line *line, double from, double to);

#endif
