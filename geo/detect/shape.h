/* Has this series ever looked like this? Histograms of the last readings against those of its past.
 *
 * Values fall into six bins whose edges are slowly learned quantiles of the series (2, 20, 50, 80, 98 %). A
 * histogram forgets within WW_SHAPE_MEMORY readings. It is compared with the shapes that are known, by
 * relative entropy: 2 n KL is about chi² of five degrees when nothing has changed. When it has been above 20
 * (once in a thousand by that yardstick, which correlated readings exceed more often) against every known
 * shape for WW_SHAPE_MEMORY readings, it becomes a known shape itself, in the place of the oldest. So a
 * level, a spread, a density of spikes that is new stands out once, and what comes back does not: the morning
 * is known on the third day.
 *
 * Source: relative entropy of windows as an anomaly score, Wang, Talwar, Schwan and Ranganathan 2011.
 */
#ifndef WW_GEO_DETECT_SHAPE_H
#define WW_GEO_DETECT_SHAPE_H

#include <stdint.h>

#define WW_SHAPE_BINS   6
#define WW_SHAPES       24
#define WW_SHAPE_MEMORY 64

struct ww_shape {
    float edge[WW_SHAPE_BINS - 1];
    float share[WW_SHAPE_BINS];
    float known[WW_SHAPES][WW_SHAPE_BINS]; /* ln of smoothed shares, the oldest first */
    uint32_t n;
    uint16_t new_for;
    uint16_t kept;
};

void ww_shape_init(struct ww_shape *shape);
/* Learns x, whose usual spread is `sd`; returns sqrt(2 n KL) to the nearest known shape, 0 while too young.
 */
double ww_shape_step(struct ww_shape *shape, double x, double sd);

#endif
