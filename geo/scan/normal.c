/* Sums of residuals over windows; replicas of normal numbers. */
#include "geo/scan/normal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/run.h"

struct sums {
    double pull; /* sum r/v */
    double hold; /* sum 1/v */
    double n;
};

struct ww_scan_normal {
    const struct ww_scan_zones *zones;
    struct ww_scan_windows windows;
    struct ww_scan_rules rules;
    uint32_t n_places, n_times;
    double *weight;    /* [n_places * n_times] 1/v; 0: missing */
    struct sums *cell; /* [n_places * (n_times + 1)] of the times before: a window is a difference of two */
    struct sums *zone; /* [n_times + 1] */
    struct ww_scan_cluster *clusters;
    uint32_t n_clusters;
    double *maximum;
    uint32_t n_done, n_reached;
    bool stopped;
    uint64_t n_zones, n_windows;
};

void ww_scan_normal_free(struct ww_scan_normal *run) {
    if (!run)
        return;
    ww_free(run->weight);
    ww_free(run->cell);
    ww_free(run->zone);
    ww_free(run->clusters);
    ww_free(run->maximum);
    ww_free(run);
}

static void set_cells(struct ww_scan_normal *run, const double *value, struct ww_random *rng) {
    uint32_t T = run->n_times;
    for (uint32_t p = 0; p < run->n_places; p++)
        for (uint32_t t = 0; t < T; t++) {
            size_t from = (size_t)p * T + t, to = (size_t)p * (T + 1) + t;
            double w = run->weight[from];
            run->cell[to + 1] = run->cell[to];
            if (w <= 0)
                continue;
            run->cell[to + 1].pull += rng ? ww_random_normal(rng) * sqrt(w) : value[from] * w;
            run->cell[to + 1].hold += w;
            run->cell[to + 1].n++;
        }
}

static void judge(const struct ww_scan_normal *run, struct ww_scan_cluster *best, uint32_t chain,
                  uint32_t length, uint32_t from, uint32_t end) {
    const struct sums *a = &run->zone[from], *b = &run->zone[end];
    double pull = b->pull - a->pull, hold = b->hold - a->hold, n = b->n - a->n;
    if (pull <= 0 || n < run->rules.min_cases || hold <= 0)
        return;
    double llr = pull * pull / (2 * hold);
    if (llr > best->llr)
        *best = (struct ww_scan_cluster){.chain = chain,
                                         .length = length,
                                         .time_from = from,
                                         .time_end = end,
                                         .cases = n,
                                         .measure = pull / hold,
                                         .expected = NAN,
                                         .relative_risk = NAN,
                                         .llr = llr};
}

static void judge_windows(struct ww_scan_normal *run, struct ww_scan_cluster *best, uint32_t chain,
                          uint32_t length) {
    uint32_t T = run->n_times, least = run->windows.min_length, most = run->windows.max_length;
    if (run->windows.now_only) {
        for (uint32_t n = least; n <= most; n++, run->n_windows++)
            judge(run, best, chain, length, T - n, T);
        return;
    }
    for (uint32_t from = 0; from + least <= T; from++)
        for (uint32_t end = from + least; end <= T && end - from <= most; end++, run->n_windows++)
            judge(run, best, chain, length, from, end);
}

static void best_of_chain(struct ww_scan_normal *run, uint32_t chain, struct ww_scan_cluster *best) {
    const struct ww_scan_zones *zones = run->zones;
    uint32_t T = run->n_times, length = 0;
    memset(run->zone, 0, (T + 1) * sizeof *run->zone);
    for (uint64_t i = zones->start[chain]; i < zones->start[chain + 1]; i++) {
        const struct sums *cell = run->cell + (size_t)zones->place[i] * (T + 1);
        for (uint32_t t = 1; t <= T; t++) {
            run->zone[t].pull += cell[t].pull;
            run->zone[t].hold += cell[t].hold;
            run->zone[t].n += cell[t].n;
        }
        if (++length >= zones->eval_from[chain]) {
            judge_windows(run, best, chain, length);
            run->n_zones++;
        }
    }
}

static enum ww_status observe(struct ww_scan_normal *run, struct ww_error *err) {
    uint32_t n = run->zones->n_chains;
    struct ww_scan_cluster *best = ww_try_calloc((size_t)n + 1, sizeof *best);
    bool *taken = ww_try_calloc((size_t)run->n_places + 1, sizeof *taken);
    bool good = best && taken;
    for (uint32_t k = 0; k < n && good; k++)
        best_of_chain(run, k, &best[k]);
    if (good)
        qsort(best, n, sizeof *best, ww_scan_best_first);
    for (uint32_t k = 0; k < n && good && run->n_clusters < run->rules.max_clusters && best[k].llr > 0; k++)
        if (!ww_scan_touches(run->zones, &best[k], taken)) {
            run->clusters[run->n_clusters++] = best[k];
            uint64_t first = run->zones->start[best[k].chain];
            for (uint64_t i = first; i < first + best[k].length; i++)
                taken[run->zones->place[i]] = true;
        }
    ww_free(best);
    ww_free(taken);
    return good ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
}

static enum ww_status check(const struct ww_scan_residuals *r, const struct ww_scan_windows *w,
                            const struct ww_scan_rules *rules, struct ww_error *err) {
    if (r->n_places == 0 || r->n_times == 0 || r->n_places > WW_SCAN_MAX_CELLS / r->n_times)
        return ww_error_set(err, WW_TOO_LARGE, "%u places by %u times: from 1 to %u cells can be scanned",
                            r->n_places, r->n_times, WW_SCAN_MAX_CELLS);
    if (w->min_length < 1 || w->min_length > w->max_length || w->max_length > r->n_times)
        return ww_error_set(err, WW_BAD_INPUT, "windows of %u to %u intervals do not fit %u intervals",
                            w->min_length, w->max_length, r->n_times);
    if (rules->replicas > WW_SCAN_MAX_REPLICAS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %u replicas", WW_SCAN_MAX_REPLICAS);
    for (size_t i = 0; i < (size_t)r->n_places * r->n_times; i++)
        if (!isnan(r->value[i]) &&
            (!isfinite(r->value[i]) || !(r->variance[i] > 0) || !isfinite(1 / r->variance[i])))
            return ww_error_set(err, WW_BAD_INPUT, "place %zu, time %zu: residual %g with variance %g",
                                i / r->n_times + 1, i % r->n_times + 1, r->value[i], r->variance[i]);
    return WW_OK;
}

static bool make_room(struct ww_scan_normal *run) {
    size_t T = run->n_times, n = run->n_places;
    run->weight = ww_try_calloc(n * T, sizeof *run->weight);
    run->cell = ww_try_calloc(n * (T + 1), sizeof *run->cell);
    run->zone = ww_try_calloc(T + 1, sizeof *run->zone);
    run->clusters = ww_try_calloc((size_t)run->rules.max_clusters + 1, sizeof *run->clusters);
    run->maximum = ww_try_calloc((size_t)run->rules.replicas + 1, sizeof *run->maximum);
    return run->weight && run->cell && run->zone && run->clusters && run->maximum;
}

enum ww_status ww_scan_normal_start(const struct ww_scan_residuals *r, const struct ww_scan_zones *zones,
                                    const struct ww_scan_windows *windows, const struct ww_scan_rules *rules,
                                    struct ww_scan_normal **out, struct ww_error *err) {
    assert(zones->n_places == r->n_places);
    *out = NULL;
    enum ww_status st = check(r, windows, rules, err);
    if (st != WW_OK)
        return st;
    struct ww_scan_normal *run = ww_try_calloc(1, sizeof *run);
    if (!run)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    *run = (struct ww_scan_normal){
        .zones = zones, .windows = *windows, .rules = *rules, .n_places = r->n_places, .n_times = r->n_times};
    run->rules.gumbel_below = 0;
    st = make_room(run) ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    if (st == WW_OK) {
        for (size_t i = 0; i < (size_t)r->n_places * r->n_times; i++)
            run->weight[i] = isnan(r->value[i]) ? 0 : 1 / r->variance[i];
        set_cells(run, r->value, NULL);
        st = observe(run, err);
    }
    if (st != WW_OK) {
        ww_scan_normal_free(run);
        run = NULL;
    }
    *out = run;
    return st;
}

bool ww_scan_normal_step(struct ww_scan_normal *run, uint32_t n) {
    uint64_t zones = run->n_zones, windows = run->n_windows; /* of the observed scan */
    while (n-- > 0 && run->n_done < run->rules.replicas && !run->stopped) {
        struct ww_random rng = ww_random_of(run->rules.seed, run->n_done);
        struct ww_scan_cluster best = {0};
        set_cells(run, NULL, &rng);
        for (uint32_t k = 0; k < run->zones->n_chains; k++)
            best_of_chain(run, k, &best);
        run->maximum[run->n_done++] = best.llr;
        run->n_reached += run->n_clusters > 0 && ww_scan_reaches(best.llr, run->clusters[0].llr);
        run->stopped = run->rules.stop_after > 0 && run->n_reached >= run->rules.stop_after;
    }
    run->n_zones = zones;
    run->n_windows = windows;
    return run->stopped || run->n_done == run->rules.replicas;
}

void ww_scan_normal_result(struct ww_scan_normal *run, struct ww_scan_result *out) {
    *out = (struct ww_scan_result){.clusters = run->clusters,
                                   .n_clusters = run->n_clusters,
                                   .replicas = run->n_done,
                                   .null_mean = NAN,
                                   .null_sd = NAN,
                                   .n_zones = run->n_zones,
                                   .n_windows = run->n_windows};
    for (uint32_t k = 0; k < run->n_clusters; k++) {
        struct ww_scan_cluster *c = &run->clusters[k];
        c->reached = 0;
        for (uint32_t i = 0; i < run->n_done; i++)
            c->reached += ww_scan_reaches(run->maximum[i], c->llr);
        ww_scan_infer(c, &run->rules, run->n_done, run->stopped, NAN, NAN);
    }
}
