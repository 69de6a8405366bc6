/* The inside of a run, shared by run.c, observed.c and replicas.c. Not a public header. */
#ifndef WW_SCAN_RUN_H
#define WW_SCAN_RUN_H

#include "geo/scan/random.h"
#include "geo/scan/scan.h"

/* Draws an index by weight in constant time (Walker 1977, Vose 1991). */
struct ww_scan_alias {
    uint32_t n;
    uint32_t *other; /* [n] */
    uint32_t *keep;  /* [n] keep the index when 32 random bits are below this … */
    bool *always;    /* [n] … or always */
};

struct ww_scan_run {
    const struct ww_scan_data *data;
    const struct ww_scan_zones *zones;
    struct ww_scan_windows windows;
    struct ww_scan_rules rules;
    struct ww_scan_totals totals;

    /* [n_places * (n_times + 1)] sums over the times before: a window is a difference of two */
    double *measure_sum;
    uint32_t *count_sum;
    double *zone_measure; /* [n_times + 1] of the zone at hand */
    uint32_t *zone_count;

    /* replicas */
    struct ww_scan_alias alias;
    uint32_t *individual; /* Bernoulli: the cell of each; permutation: the times to shuffle */
    uint32_t n_individuals;
    uint32_t *swapped; /* Bernoulli: with which each of the drawn was swapped */
    double *least;     /* by count: the least measure of a window that holds so many */
    uint32_t room_least;
    double *maximum; /* [rules.replicas] of the replicas made */
    uint32_t n_done;
    uint32_t n_reached; /* the first cluster */
    bool stopped;

    struct ww_scan_cluster *clusters;
    uint32_t n_clusters;
    uint64_t n_zones, n_windows;
};

/* observed.c: fills clusters. */
enum ww_status ww_scan_observe(struct ww_scan_run *run, struct ww_error *err) WW_MUST_CHECK;
/* select.c: order for qsort; whether a zone holds a taken place; taking its places, filling what follows. */
int ww_scan_best_first(const void *left, const void *right);
bool ww_scan_touches(const struct ww_scan_zones *zones, const struct ww_scan_cluster *cluster,
                     const bool *taken);
void ww_scan_take(const struct ww_scan_zones *zones, const struct ww_scan_totals *totals,
                  struct ww_scan_cluster *cluster, bool *taken);
/* replicas.c */
enum ww_status ww_scan_replicas_prepare(struct ww_scan_run *run, struct ww_error *err) WW_MUST_CHECK;
void ww_scan_replicas_clear(struct ww_scan_run *run);
/* The maximum of replica number `n`. */
double ww_scan_replica(struct ww_scan_run *run, uint32_t n);

/* run.c: p and recurrence of a cluster that `reached` is known of, after n replicas. */
void ww_scan_infer(struct ww_scan_cluster *cluster, const struct ww_scan_rules *rules, uint32_t n,
                   bool stopped, double null_mean, double null_sd);

/* The reach test: sums in another order must not make a tie a miss. */
static inline bool ww_scan_reaches(double replica, double observed) {
    return replica >= observed - 1e-9 * (1 + observed);
}

/* alias.c */
enum ww_status ww_scan_alias_init(struct ww_scan_alias *alias, const double *weight, uint32_t n,
                                  struct ww_error *err) WW_MUST_CHECK;
void ww_scan_alias_clear(struct ww_scan_alias *alias);

static inline uint32_t ww_scan_alias_draw(const struct ww_scan_alias *alias, struct ww_random *rng) {
    uint64_t bits = ww_random_next(rng);
    uint32_t i = (uint32_t)((bits >> 32) * alias->n >> 32);
    return alias->always[i] || (uint32_t)bits < alias->keep[i] ? i : alias->other[i];
}

#endif
