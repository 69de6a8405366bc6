/* Who counts as whose neighbour, and how much: rows of spatial weights.
 *
 * Pure. Made once from pairs, from coordinates or from polygons (contiguity.h), read from files of the field
 * (weight_file.h), or as the rings of hexagons (hex.h); then read only.
 *
 *   struct ww_weights *w;
 *   st = ww_weights_by_distance(at, n, 1000, WW_NEAR_EARTH_M, &w, &err);   // all within 1 km, weight 1
 *   for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) …w->index[k], w->weight[k]…
 *   ww_weights_free(w);
 */
#ifndef WW_GEO_HOTSPOT_WEIGHTS_H
#define WW_GEO_HOTSPOT_WEIGHTS_H

#include "geo/base/status.h"
#include "geo/near.h"

/* Row i's neighbours are index[start[i] … start[i+1]-1], ascending, without i itself. */
struct ww_weights {
    uint32_t n;
    uint32_t *start; /* [n+1] */
    uint32_t *index;
    double *weight; /* above 0 */
    double *own;    /* [n] of each place with itself, 0: not given; NULL when none is */
};
void ww_weights_free(struct ww_weights *weights); /* NULL is allowed */

struct ww_weight_pair {
    uint32_t from, to; /* equal: a place's own weight, which only Gi* uses */
    double weight;
};
/* WW_BAD_INPUT: a pair out of range, twice, or with a weight that is not above 0; the error's offset is the
 * pair's number from 0. Sorts a copy. */
enum ww_status ww_weights_from_pairs(const struct ww_weight_pair *pairs, size_t n_pairs, uint32_t n,
                                     struct ww_weights **out, struct ww_error *err) WW_MUST_CHECK;

/* at[i] and radius_m as in near.h. Weight 1 each. */
/* The k nearest; of equally far ones those with the smaller number. */
enum ww_status ww_weights_nearest(const double (*at)[2], uint32_t n, uint32_t k, double radius_m,
                                  struct ww_weights **out, struct ww_error *err) WW_MUST_CHECK;
/* All within `metres`, that distance included, also where rounding exceeds it by a part in 10^9: on a grid of
 * 0.1 some steps are 0.1 + 3e-17. WW_TOO_LARGE above 200 million pairs. */
enum ww_status ww_weights_by_distance(const double (*at)[2], uint32_t n, double metres, double radius_m,
                                      struct ww_weights **out, struct ww_error *err) WW_MUST_CHECK;
/* Divides each row by the sum of its neighbours' weights (the own weight too). */
void ww_weights_standardise(struct ww_weights *weights);
/* The rows of the places that are kept, numbered anew in their order; neighbours that are not kept go. */
enum ww_status ww_weights_keep(const struct ww_weights *weights, const bool *keep, struct ww_weights **out,
                               struct ww_error *err) WW_MUST_CHECK;

/* Of one place with itself in Gi*: as given, else the mean of its neighbours' weights (so that weights that
 * are all alike stay so), else 1. */
double ww_weights_own(const struct ww_weights *weights, uint32_t i);
/* Of `from` to `to`; 0 when they are no neighbours. */
double ww_weights_between(const struct ww_weights *weights, uint32_t from, uint32_t to);

#endif
