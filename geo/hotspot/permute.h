/* How likely is a place's neighbourhood by chance, with no normal law taken for granted: conditional
 * permutation.
 *
 * Pure; the same seed gives the same p. The place's own value stays, its neighbours' values are drawn again
 * and again from those of all other places; Gi, Gi* and local Moran rise and fall with the one sum of
 * weighted neighbours that is compared here, so one set of draws serves all three. One table of random
 * neighbour sets is drawn once and shared by all places (the idea of GeoDa's authors: a tenth of the time of
 * new draws for each).
 *
 * The smallest p is 1/(draws+1): to survive a false discovery rate q among n places it must be below q/n, so
 * 10,000 places need 200,000 draws or another way (tail.h). Use it for the few places that matter.
 */
#ifndef WW_GEO_HOTSPOT_PERMUTE_H
#define WW_GEO_HOTSPOT_PERMUTE_H

#include "geo/hotspot/weights.h"

/* p of the neighbourhood's sum being this high, and this low: (r+1)/(draws+1), r = draws that reach it. */
struct ww_permuted {
    double high, low;
};

/* For places[n_places], or for all when `places` is NULL (then n_places is not read); out[n_places]. A place
 * without neighbours gets NaN. WW_TOO_LARGE when the table would pass 1 GiB. */
enum ww_status ww_hotspot_permute(const struct ww_weights *weights, const double *values,
                                  const uint32_t *places, uint32_t n_places, uint32_t draws, uint64_t seed,
                                  struct ww_permuted *out, struct ww_error *err) WW_MUST_CHECK;
/* min(1, 2 min(high, low)). */
double ww_permuted_two_sided(struct ww_permuted p);

#endif
