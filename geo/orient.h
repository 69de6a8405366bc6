/* On which side of a line does a point lie? Always the right answer, usually fast.
 *
 * The sign of the determinant | a-c  b-c | is computed in doubles; when the rounding error
 * could hide it, it is computed again without any rounding. The bound of the first step is
 * the one of J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust
 * Geometric Predicates" (1997), (3 + 16e)e with e = 2^-53.
 */
#ifndef WW_GEO_ORIENT_H
#define WW_GEO_ORIENT_H

#include "geo/place.h"

#define WW_ORIENT_BOUND 3.3306690738754716e-16

/* Numbers must be 0 or have a magnitude of 1e-100 … 1e100, so that no product underflows. */
int ww_orient_exact(struct ww_place a, struct ww_place b, struct ww_place c);

/* 1: c lies left of a → b; -1: right; 0: exactly on the line. */
static inline int ww_orient(struct ww_place a, struct ww_place b, struct ww_place c) {
    double left = (a.lon_deg - c.lon_deg) * (b.lat_deg - c.lat_deg);
    double right = (a.lat_deg - c.lat_deg) * (b.lon_deg - c.lon_deg);
    double det = left - right;
    double bound = WW_ORIENT_BOUND * (__builtin_fabs(left) + __builtin_fabs(right));
    if (det > bound)
        return 1;
    if (-det > bound)
        return -1;
    return ww_orient_exact(a, b, c);
}

/* The same for a point that is moved by (e, e²) with an infinitely small e > 0, so that it
 * lies on no line: never 0, as long as a and b differ. */
static inline int ww_orient_nudged(struct ww_place a, struct ww_place b, struct ww_place c) {
    int side = ww_orient(a, b, c);
    if (side != 0)
        return side;
    if (a.lat_deg != b.lat_deg)
        return b.lat_deg > a.lat_deg ? -1 : 1;
    return b.lon_deg > a.lon_deg ? 1 : -1;
}

#endif
