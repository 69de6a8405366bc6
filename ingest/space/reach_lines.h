/* Reaches as lines on the map: which one is nearest, and where along it.
 *
 *   struct ww_reach_lines *lines = ww_reach_lines_new();
 *   st = ww_reach_lines_add(lines, geojson_linestring, &err);         // each in its turn, in flow direction
 *   struct ww_reach_spot at = ww_reach_lines_find(lines, place, 500);
 *
 * Pure; made once, then read only. Distances on a plane that touches the sphere at the place: right to a
 * thousandth within some tens of kilometres.
 */
#ifndef WW_INGEST_SPACE_REACH_LINES_H
#define WW_INGEST_SPACE_REACH_LINES_H

#include "geo/base/buf.h"
#include "geo/place.h"

#define WW_REACH_NONE UINT32_MAX

struct ww_reach_lines;
struct ww_reach_spot {
    uint32_t reach; /* WW_REACH_NONE: none so near */
    double at_m;    /* from its upper end */
    double off_m;   /* from the line */
};

struct ww_reach_lines *ww_reach_lines_new(void);        /* NULL: no memory */
void ww_reach_lines_free(struct ww_reach_lines *lines); /* NULL is allowed */
/* A LineString of at least two different points. */
enum ww_status ww_reach_lines_add(struct ww_reach_lines *lines, struct ww_str geojson,
                                  struct ww_error *err) WW_MUST_CHECK;
uint32_t ww_reach_lines_count(const struct ww_reach_lines *lines);
double ww_reach_lines_length_m(const struct ww_reach_lines *lines, uint32_t reach);
struct ww_place ww_reach_lines_place(const struct ww_reach_lines *lines, uint32_t reach, double at_m);
/* The nearest reach within most_m; of equally near ones the first. */
struct ww_reach_spot ww_reach_lines_find(const struct ww_reach_lines *lines, struct ww_place place,
                                         double most_m);
/* Appends the coordinates "[[lon,lat],…]" of a piece of a reach. */
void ww_reach_lines_write(const struct ww_reach_lines *lines, uint32_t reach, double from_m, double to_m,
                          struct ww_buf *out);

#endif
