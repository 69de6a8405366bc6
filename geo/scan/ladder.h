/* Thresholds of the live scan's replicas: which count reaches which ratio. Not a public header.
 *
 * A ladder has rungs x_0 ≤ x_1 ≤ …: the ratios of the reported clusters and a grid of quarters between. Steps
 * of chains that expect alike share a row; for each rung and row a table says, for windows of 1 … 8 days, the
 * least count whose ratio reaches the rung. A replica climbs: it is compared with the rung above the highest
 * that it has reached, so that where it stands in the end is its rank against all clusters at once.
 */
#ifndef WW_SCAN_LADDER_H
#define WW_SCAN_LADDER_H

#include "geo/scan/live_state.h"

#define WW_SCAN_NEVER 32767 /* a threshold that no count reaches */

struct ww_scan_ladder {
    struct ww_scan_totals totals;
    uint32_t n_durations;
    uint32_t n_rows;
    uint16_t *row;                  /* [n_steps] */
    double (*least)[WW_SCAN_LANES]; /* [n_rows] the least measure of the row's steps; exact: of all of them */
    bool exact;
    uint32_t n_rungs;
    double *rung;    /* [n_rungs] */
    uint16_t *table; /* [n_rungs + 1][n_rows][WW_SCAN_LANES]; the last: never */
};

/* rung (n_rungs of them, in order) passes to the ladder. */
enum ww_status ww_scan_ladder_init(struct ww_scan_ladder *ladder, const struct ww_scan_live *live,
                                   double *rung, uint32_t n_rungs, uint32_t min_cases,
                                   struct ww_error *err) WW_MUST_CHECK;
void ww_scan_ladder_clear(struct ww_scan_ladder *ladder);

static inline const uint16_t *ww_scan_ladder_table(const struct ww_scan_ladder *l, uint32_t rung) {
    return l->table + (size_t)rung * l->n_rows * WW_SCAN_LANES;
}

#endif
