/* Which points lie near a place: a k-d tree over points.
 *
 * Pure; built once, then read only: any number of threads may ask. Points are {x, y} in metres of a plane, or
 * {longitude, latitude} in degrees on a sphere whose radius the caller names (then across the antimeridian
 * and over the poles as well); distances come in metres, on the sphere along great circles. Of equally near
 * points the smaller index comes first, so that answers do not depend on the tree. All numbers must be
 * finite.
 *
 *   struct ww_near *near = ww_near_new(at, n, WW_NEAR_EARTH_M);
 *   struct ww_near_hit hits[8];
 *   uint32_t m = ww_near_nearest(near, at[i], 8, hits);   // hits[0] is i itself, or one at its very place
 *   ww_near_free(near);
 */
#ifndef WW_GEO_NEAR_H
#define WW_GEO_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WW_NEAR_PLANE   0.0
#define WW_NEAR_EARTH_M 6371008.8 /* mean radius, IUGG */

struct ww_near;
struct ww_near_hit {
    double metres;
    uint32_t index;
};

/* radius_m: of the sphere for degrees, or WW_NEAR_PLANE. Copies `at`. NULL: no memory. */
struct ww_near *ww_near_new(const double (*at)[2], uint32_t n, double radius_m);
void ww_near_free(struct ww_near *near); /* NULL is allowed */
/* The k nearest to a place, nearest first. Writes at most k; returns how many. */
uint32_t ww_near_nearest(const struct ww_near *near, const double at[2], uint32_t k, struct ww_near_hit *out);
/* All within `metres` (that distance included) of a place, in any order. Returns how many there are, which
 * may be more than `room`: then only `room` were written. */
uint32_t ww_near_within(const struct ww_near *near, const double at[2], double metres,
                        struct ww_near_hit *out, uint32_t room);
/* From one place to another, by the same arithmetic. */
double ww_near_metres(const double a[2], const double b[2], double radius_m);
/* Nearest first, of equally near ones the smaller index. */
void ww_near_sort(struct ww_near_hit *hits, size_t n);

#endif
