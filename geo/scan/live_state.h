/* The inside of a live scan, shared by live.c and judge.c. Not a public header.
 *
 * Places and chains are kept in an order of our own, in which neighbours on the map are neighbours in memory
 * (`place_at` and `chain_at` lead there); steps of all chains stand in one array.
 */
#ifndef WW_SCAN_LIVE_STATE_H
#define WW_SCAN_LIVE_STATE_H

#include "geo/scan/live.h"

typedef uint16_t ww_scan_lanes[WW_SCAN_LANES];

struct ww_scan_best { /* the best window of a chain */
    double llr;
    double measure;
    uint32_t cases;
    uint32_t length;
    uint32_t duration; /* 1 … */
};

struct ww_scan_live {
    const struct ww_scan_zones *zones;
    struct ww_scan_live_config config;
    uint32_t n_places, n_chains;
    uint64_t n_steps;
    uint16_t *place_at;     /* [n_places] the caller's place → ours */
    uint32_t *chain_of;     /* [n_chains] ours → the caller's */
    uint64_t *start;        /* [n_chains + 1] */
    uint32_t *eval_from;    /* [n_chains] */
    uint16_t *step_place;   /* [n_steps] */
    uint64_t *holder_start; /* [n_places + 1] */
    uint32_t *holder;       /* [n_steps] the chains that hold a place */

    uint32_t today;   /* slot of the ring */
    uint32_t *ring;   /* [n_days][n_places] */
    double *expected; /* [n_durations][n_places], its own ring; NULL: permutation */
    uint32_t today_expected;
    uint32_t *total;         /* [n_places] of all days */
    uint32_t *weight;        /* [n_places] what measures go by: `total`, or populations of its own */
    double weight_sum;       /* Poisson */
    ww_scan_lanes *recent;   /* [n_places] cases of the last 1, 2, … days; lanes beyond n_durations are 0 */
    double *recent_expected; /* [n_places][WW_SCAN_LANES] likewise */
    float *roughly_expected; /* the same, for a first look */
    uint64_t n_cases;        /* C: of all days, or of the last n_durations (expectation) */
    uint64_t n_recent[WW_SCAN_LANES]; /* C_d */
    struct ww_scan_best *best;        /* [n_chains] */
    uint64_t steps;
};

/* The count of a place on a day. */
static inline uint32_t *ww_scan_live_cell(const struct ww_scan_live *s, uint32_t place, uint32_t days_ago) {
    uint32_t slot = (s->today + s->config.n_days - days_ago) % s->config.n_days;
    return &s->ring[(size_t)slot * s->n_places + place];
}

static inline double *ww_scan_live_expected(const struct ww_scan_live *s, uint32_t place, uint32_t days_ago) {
    uint32_t slot = (s->today_expected + s->config.n_durations - days_ago) % s->config.n_durations;
    return &s->expected[(size_t)slot * s->n_places + place];
}

/* Permutation and Poisson: a zone of one unit of weight expects so many cases in the last d+1 days. */
static inline double ww_scan_live_share(const struct ww_scan_live *s, uint32_t d) {
    if (s->n_cases == 0)
        return 0;
    if (s->config.model == WW_SCAN_POISSON)
        return (double)s->n_cases * (d + 1) / s->config.n_days / s->weight_sum;
    return (double)s->n_recent[d] / (double)s->n_cases;
}

static inline struct ww_scan_totals ww_scan_live_totals(const struct ww_scan_live *s) {
    double measure = (double)s->n_cases;
    if (s->expected) {
        measure = 0;
        for (uint32_t p = 0; p < s->n_places; p++)
            measure += s->recent_expected[(size_t)p * WW_SCAN_LANES + s->config.n_durations - 1];
    }
    return (struct ww_scan_totals){s->config.model, (double)s->n_cases, measure};
}

#endif
