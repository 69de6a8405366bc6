/* The space-time scan: which zone and interval holds the cases that are least likely by chance?
 *
 * Kulldorff's scan statistic over a table of counts, place by time. Every zone (zones.h) is combined with
 * every interval that the windows allow; the likelihood ratio of each (statistic.h) is computed, the best are
 * kept, and replicas of the table under the null hypothesis tell how often chance alone makes a maximum as
 * large: one p for the whole search.
 *
 *   struct ww_scan_run *run;
 *   st = ww_scan_start(&data, zones, &windows, &rules, &run, &err);   // the observed scan
 *   while (!ww_scan_step(run, 10)) … other work …                     // ten replicas at a time
 *   ww_scan_result(run, &result);
 *   ww_scan_free(run);                                                // and the result with it
 *
 * Pure: data, zones and rules are the caller's and must outlive the run. One thread at a time per run. The
 * same data, zones, rules and seed give the same result, however the replicas are cut into steps. This is the
 * general form for any model and any windows; live.h is the fast one for windows that end now.
 *
 * Nulls: Poisson: the C cases fall on cells in proportion to their measure. Bernoulli: which C of the N
 * individuals are cases is drawn without replacement. Permutation: the dates are shuffled among the cases of
 * each stratum. Expectation: each cell is Poisson with its baseline as mean.
 */
#ifndef WW_SCAN_SCAN_H
#define WW_SCAN_SCAN_H

#include <stdbool.h>

#include "geo/base/status.h"
#include "geo/scan/statistic.h"
#include "geo/scan/zones.h"

#define WW_SCAN_MAX_CELLS    (UINT32_C(1) << 26) /* places * times */
#define WW_SCAN_MAX_CASES    UINT32_C(50000000)  /* and controls */
#define WW_SCAN_MAX_REPLICAS UINT32_C(999999)

struct ww_scan_data {
    enum ww_scan_model model;
    uint32_t n_places;
    uint32_t n_times;      /* intervals in order; the last is now; 1 for a purely spatial scan */
    const uint32_t *count; /* [n_places * n_times], a place's times side by side */
    /* Same shape. Poisson and permutation: expected cases, their sum that of the cases. Bernoulli: cases and
     * controls. Expectation: the baseline; a cell without one (0) must be without cases. */
    const double *measure;
    /* Permutation only: the cases one by one, stratum after stratum. */
    const uint32_t *case_place, *case_time; /* [number of cases] */
    const uint32_t *stratum_end;            /* [n_strata] ends in the arrays above */
    uint32_t n_strata;
};

struct ww_scan_windows {
    uint32_t min_length, max_length; /* intervals, 1 ≤ min ≤ max ≤ n_times */
    bool now_only;                   /* prospective: only windows that end with the last interval */
};

struct ww_scan_rules {
    uint32_t min_cases;    /* windows with fewer are no clusters; the reference takes 2 */
    uint32_t max_clusters; /* how many are reported at most */
    uint32_t replicas;
    uint32_t
        stop_after; /* stop once so many replicas reached the first cluster (Besag and Clifford); 0: never */
    uint32_t gumbel_below; /* p is the Gumbel tail where fewer replicas than this reached; 10 as the reference
                              does */
    uint64_t seed;
    double days_between_runs; /* for recurrence intervals; 0: none (retrospective) */
    /* Secondary clusters: false: the best window of each centre, then those that share no place with a
     * better one (what the reference reports); true: any window that shares no place with a better one. */
    bool any_window;
};

/* Beyond a hundred years a fitted tail tells nothing that anybody could check: recurrence intervals end
 * there, in numbers (finite, also where p is 0 to the computer) and in words ("less than once in 100 years").
 * p stays. */
#define WW_SCAN_MOST_RECURRENCE_DAYS 36525.0

struct ww_scan_cluster {
    uint32_t chain;
    uint32_t length;              /* the zone: the first `length` places of the chain */
    uint32_t time_from, time_end; /* intervals, the end exclusive */
    double cases;
    double measure;
    double expected;
    double relative_risk; /* INFINITY when every case is inside */
    double llr;
    uint32_t reached;       /* replicas whose maximum reached llr */
    uint32_t replicas;      /* of so many that were made */
    double p_rank;          /* (reached + 1) / (replicas + 1); of a stopped run: reached / replicas */
    double p_gumbel;        /* from the replica maxima; NAN with fewer than 20 replicas */
    double p;               /* p_rank, or p_gumbel where fewer than rules.gumbel_below replicas reached */
    double recurrence_days; /* days_between_runs / p */
};

struct ww_scan_result {
    const struct ww_scan_cluster *clusters; /* best first */
    uint32_t n_clusters;
    uint32_t replicas; /* made */
    struct ww_scan_totals totals;
    double null_mean, null_sd;   /* of the replica maxima */
    uint64_t n_zones, n_windows; /* that were looked at */
};

struct ww_scan_run;

/* Checks the data, then the observed scan. */
enum ww_status ww_scan_start(const struct ww_scan_data *data, const struct ww_scan_zones *zones,
                             const struct ww_scan_windows *windows, const struct ww_scan_rules *rules,
                             struct ww_scan_run **out, struct ww_error *err) WW_MUST_CHECK;
/* Makes at most `n` replicas; true when all are made, or enough to stop. */
bool ww_scan_step(struct ww_scan_run *run, uint32_t n);
/* What is known now; may be asked between steps. Valid until the next step. */
void ww_scan_result(struct ww_scan_run *run, struct ww_scan_result *out);
void ww_scan_free(struct ww_scan_run *run); /* NULL is allowed */

/* The chance that a Gumbel number with this mean and deviation reaches x. */
double ww_scan_gumbel_p(double x, double mean, double sd);

#endif
