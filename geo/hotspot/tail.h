/* p of a neighbourhood's sum when values are skewed.
 *
 * Pure. Concentrations and counts have long upper tails, and then the sum over a small neighbourhood is
 * skewed as well: the normal law calls too many places hot. Here the law is that of dealing the map's own
 * values out to the places at random, as permutation does, but computed instead of drawn: no draws bound p
 * from below, and nothing is random. For Gi* all places are dealt out; for Gi and local Moran the place's own
 * value is held.
 *
 *   struct ww_deal *deal = ww_deal_new(values, n);
 *   st = ww_deal_p_gstar(deal, weights, WW_TWO_SIDED, p);       // p[n]
 *   ww_deal_free(deal);
 *
 * How: see tail.c. Rows of equal weights (all binary and all row-standardised ones) are right to a few
 * percent of p, however small p is; of other rows the first three moments are.
 */
#ifndef WW_GEO_HOTSPOT_TAIL_H
#define WW_GEO_HOTSPOT_TAIL_H

#include "geo/hotspot/hotspot.h"

struct ww_deal;
struct ww_deal *ww_deal_new(const double *values, uint32_t n); /* copies; NULL: no memory */
void ww_deal_free(struct ww_deal *deal);                       /* NULL is allowed */
/* P(the sum of k of the values, drawn without putting back, reaches `sum`): at least (upper), at most
 * (lower). `without`: this one can't be drawn; UINT32_MAX: all can. */
double ww_deal_upper(const struct ww_deal *deal, uint32_t without, uint32_t k, double sum);
double ww_deal_lower(const struct ww_deal *deal, uint32_t without, uint32_t k, double sum);

/* p[n]. Where |z| is below 1.5 the normal law's p, about 0.1 and more, is kept. */
enum ww_status ww_deal_p_gstar(const struct ww_deal *deal, const struct ww_weights *weights,
                               enum ww_sides sides, double *p) WW_MUST_CHECK;
/* Of Gi and, two-sided, of local Moran too: both rest on the neighbours' sum with the own value held. */
enum ww_status ww_deal_p_g(const struct ww_deal *deal, const struct ww_weights *weights, enum ww_sides sides,
                           double *p) WW_MUST_CHECK;
/* The largest |skewness| of any place's Gi* when dealt out: above 0.1 or so the normal law misleads. */
enum ww_status ww_deal_skewness(const struct ww_deal *deal, const struct ww_weights *weights,
                                double *largest) WW_MUST_CHECK;

/* ---- The Pearson type III law (a shifted gamma), for rows of unequal weights ---- */

/* skewness[n] of each place's Gi* under random dealing. */
void ww_hotspot_gstar_skewness(const struct ww_weights *weights, const double *values, double *skewness);
/* Upper tail of the standardised law, and of the gamma law with this shape. */
double ww_pearson3_upper(double z, double skewness);
double ww_gamma_upper(double shape, double x);

#endif
