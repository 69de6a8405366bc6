/* Emerging hot spots: Gi* for each place and time bin, then where it is heading.
 *
 * Pure. Values stand bin by bin, NaN where nothing was measured. A place's z in a bin compares its
 * neighbourhood in this bin and in the `lag` bins before with the mean of all values (of the whole cube, or
 * of those bins alone). A bin counts as hot or cold when q <= fdr among the places of that bin, so that a new
 * bin never changes what was said of older ones. Then Mann and Kendall's test on the z series (ties
 * corrected). Classes are those of the ArcGIS tool of this name, in its order of precedence.
 */
#ifndef WW_GEO_HOTSPOT_EMERGING_H
#define WW_GEO_HOTSPOT_EMERGING_H

#include "geo/hotspot/hotspot.h"

/* ---- Mann and Kendall ---- */

struct ww_trend {
    double s;        /* pairs that rise less pairs that fall */
    double variance; /* of s without trend, ties corrected */
    double z, p;     /* two-sided, with continuity correction; 0 and 1 below 3 values */
    double tau;      /* s / (n (n-1)/2) */
    uint32_t n;      /* values that are not NaN */
};
enum ww_status ww_trend_of(const double *series, uint32_t n, struct ww_trend *out) WW_MUST_CHECK;
/* What s gains when `value` follows the series: O(n), for a new bin. */
double ww_trend_gain(const double *series, uint32_t n, double value);

/* ---- Classes ---- */

enum ww_emerging {
    WW_EMERGING_NONE,         /* no pattern */
    WW_EMERGING_NEW,          /* hot in the last bin and never before */
    WW_EMERGING_CONSECUTIVE,  /* one unbroken run of at least two to the last bin, none before, < 90 % of bins
                               */
    WW_EMERGING_INTENSIFYING, /* hot in 90 % of bins and the last, z rising */
    WW_EMERGING_PERSISTENT,   /* the same, no trend */
    WW_EMERGING_DIMINISHING,  /* the same, z falling */
    WW_EMERGING_SPORADIC,     /* hot in the last bin, on and off before, < 90 %, never cold */
    WW_EMERGING_OSCILLATING,  /* hot in the last bin, cold in an earlier one, < 90 % */
    WW_EMERGING_HISTORICAL    /* hot in 90 % of bins, not in the last */
};
/* "new", "intensifying", … Never NULL. */
const char *ww_emerging_name(enum ww_emerging class);

struct ww_emerging_place {
    enum ww_emerging class;
    int side; /* 1 hot, -1 cold, 0 when the class is none */
    struct ww_trend trend;
    uint32_t hot_bins, cold_bins;
};
/* From side[n_bins] (1 hot, -1 cold, 0 neither) and the trend; a trend counts when its p <= 0.05. */
struct ww_emerging_place ww_emerging_classify(const int8_t *side, uint32_t n_bins, struct ww_trend trend);

struct ww_emerging_options {
    uint32_t lag;    /* bins before that belong to the neighbourhood */
    bool whole_cube; /* mean and spread of all bins, or of the neighbourhood's bins alone */
    double fdr;
};
/* values[bin * n + place]; z and side the same shape (may not be NULL), places[n]. Weights count as 1 each.
 */
enum ww_status ww_emerging_map(const struct ww_weights *weights, const double *values, uint32_t n_bins,
                               const struct ww_emerging_options *options, double *z, int8_t *side,
                               struct ww_emerging_place *places, struct ww_error *err) WW_MUST_CHECK;

#endif
