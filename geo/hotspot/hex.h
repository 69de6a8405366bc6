/* Hexagons of one size over a district, with names that stay.
 *
 * Pure. Places are projected by Lambert's azimuthal equal-area projection (GRS 80) around an origin, so that
 * all hexagons have the same area to the last metre and, within 100 km of the origin, the same shape to a
 * hundredth of a percent. There a pointy-topped grid of hexagons stands, `across_m` wide from flat side to
 * flat side, hexagon (0, 0) centred on the origin. A hexagon is named by size, origin and axial numbers:
 * "h500_107_30_12_-7" is the same piece of ground in every run, on every machine.
 *
 *   struct ww_hex_grid g;
 *   st = ww_hex_grid_init(&g, 500, ww_hex_origin_near(place), &err);
 *   struct ww_hex h = ww_hex_of(&g, place);
 *   ww_hex_corners(&g, h, corners);                 // six, anticlockwise
 */
#ifndef WW_GEO_HOTSPOT_HEX_H
#define WW_GEO_HOTSPOT_HEX_H

#include "geo/hotspot/weights.h"
#include "geo/place.h"

struct ww_hex_grid {
    double across_m;
    struct ww_place origin;
    double sin_b, cos_b, radius_m, stretch; /* of the projection */
};
struct ww_hex {
    int32_t q, r; /* axial: q steps to the east, then r steps to the north-east */
};

/* The whole degree nearest to a place: a district's data of one day and the next have the same. Where a
 * district lies half-way between two, name the origin instead. */
struct ww_place ww_hex_origin_near(struct ww_place place);
/* WW_BAD_INPUT: a size below 1 m or above 100 km, an origin beyond 85° north or south. */
enum ww_status ww_hex_grid_init(struct ww_hex_grid *grid, double across_m, struct ww_place origin,
                                struct ww_error *err) WW_MUST_CHECK;
/* Metres east and north of the origin, and back. Not for the other side of the world. */
void ww_hex_project(const struct ww_hex_grid *grid, struct ww_place place, double xy[2]);
struct ww_place ww_hex_unproject(const struct ww_hex_grid *grid, const double xy[2]);

struct ww_hex ww_hex_of(const struct ww_hex_grid *grid, struct ww_place place);
struct ww_place ww_hex_centre(const struct ww_hex_grid *grid, struct ww_hex hex);
void ww_hex_corners(const struct ww_hex_grid *grid, struct ww_hex hex, struct ww_place corners[6]);
/* Writes the name; `room` of 64 is enough. */
void ww_hex_name(const struct ww_hex_grid *grid, struct ww_hex hex, char *name, size_t room);
/* By r, then q. */
int ww_hex_compare(const void *a, const void *b);
/* Steps from one to the other. */
uint32_t ww_hex_steps(struct ww_hex a, struct ww_hex b);

/* Each hexagon of `hexes` (sorted by ww_hex_compare, each once) with those at most `rings` steps away. */
enum ww_status ww_weights_hexes(const struct ww_hex *hexes, uint32_t n, uint32_t rings,
                                struct ww_weights **out, struct ww_error *err) WW_MUST_CHECK;

#endif
