/* Moving points by tile: which rows lie in this tile, at any zoom?
 *
 * The caller numbers its rows from 0; this knows only where each lies. Rows are kept sorted by the Morton key
 * of their spot, so that a tile is one run of them; the few that moved lately wait in a short tail that is
 * searched in full and merged when it grows. Put and drop are cheap; a search costs what it finds, and a
 * margin some forty binary searches.
 *
 *   struct ww_points *points = ww_points_new();
 *   st = ww_points_put(points, row, ww_spot_of(place));       // adds or moves
 *   n = ww_points_in(points, tile, 256, &found);              // valid until the next call
 *   for (size_t i = 0; i < n; i++) draw(found[i].row);
 *   ww_points_free(points);
 *
 * One thread.
 */
#ifndef WW_GEO_TILE_POINTS_H
#define WW_GEO_TILE_POINTS_H

#include <stddef.h>

#include "geo/base/status.h"
#include "geo/tile/tile_grid.h"

struct ww_points;

struct ww_point {
    uint64_t key; /* of its spot: ww_spot_of_key */
    uint32_t row;
};

struct ww_points *ww_points_new(void); /* NULL: no memory */
void ww_points_free(struct ww_points *points);
/* WW_NO_MEMORY leaves the row where it was. */
enum ww_status ww_points_put(struct ww_points *points, uint32_t row, struct ww_spot spot) WW_MUST_CHECK;
void ww_points_drop(struct ww_points *points, uint32_t row); /* one that is not there is no fault */
bool ww_points_has(const struct ww_points *points, uint32_t row);
struct ww_spot ww_points_spot(const struct ww_points *points, uint32_t row); /* of one that is there */
size_t ww_points_count(const struct ww_points *points);

/* The points of a tile and of a margin around it (in 4096ths of its side, at most 512; across the
 * antimeridian too), by their keys, so that those of one smaller tile within stand together. Memory short:
 * nothing is found. */
size_t ww_points_in(struct ww_points *points, struct ww_tile tile, int32_t margin,
                    const struct ww_point **out);

#endif
