/* Hot spots: Getis-Ord Gi, Gi* and G, local and global Moran, false discovery rates.
 *
 * Pure. n places with a finite value each and weights between them. Statistics are in standard deviations
 * (z); means and variances are those of the published formulas: Getis and Ord 1992 and Ord and Getis 1995 (s²
 * divides by n, without the place itself by n-1), Anselin 1995 and Sokal, Oden and Thomson 1998 for local
 * Moran with conditional moments, Cliff and Ord 1981 for global Moran under randomisation, Benjamini and
 * Hochberg 1995 for q. Gi, Moran and G leave a place's own weight out.
 *
 *   ww_hotspot_gstar(w, values, z);                                // z[n]
 *   ww_hotspot_p(z, n, WW_TWO_SIDED, p); st = ww_hotspot_q(p, n, q);
 *   …hot when z[i] > 0 and q[i] <= 0.05…
 *
 * Values that are all equal give NaN, and so do Gi and local Moran of a place without neighbours: nothing is
 * known, not "normal". See permute.h and tail.h for p of skewed values, live.h for readings that come one by
 * one.
 */
#ifndef WW_GEO_HOTSPOT_HOTSPOT_H
#define WW_GEO_HOTSPOT_HOTSPOT_H

#include "geo/hotspot/weights.h"

/* z[n] each. */
void ww_hotspot_gstar(const struct ww_weights *weights, const double *values, double *z);
void ww_hotspot_g(const struct ww_weights *weights, const double *values, double *z);

struct ww_moran {
    double i, expected, variance, z;
};
/* out[n]; the conditional moments hold the place's own value fixed. */
void ww_hotspot_local_moran(const struct ww_weights *weights, const double *values, struct ww_moran *out);
/* Of the whole map, under randomisation. NaN with fewer than 4 places or without any pair. */
enum ww_status ww_hotspot_moran(const struct ww_weights *weights, const double *values,
                                struct ww_moran *out) WW_MUST_CHECK;
/* The general G (`i` is G), under randomisation: are high values near high ones? NaN when a value is below 0.
 */
enum ww_status ww_hotspot_general_g(const struct ww_weights *weights, const double *values,
                                    struct ww_moran *out) WW_MUST_CHECK;

enum ww_sides {
    WW_TWO_SIDED, /* hot or cold: 2 (1 - Phi(|z|)) */
    WW_HOT_SIDE,  /* 1 - Phi(z) */
    WW_COLD_SIDE  /* Phi(z) */
};
/* From z, taken as normal. NaN stays NaN. */
void ww_hotspot_p(const double *z, size_t n, enum ww_sides sides, double *p);
/* The smallest false discovery rate at which each would be reported; NaNs are left out of the count. */
enum ww_status ww_hotspot_q(const double *p, size_t n, double *q) WW_MUST_CHECK;

#endif
