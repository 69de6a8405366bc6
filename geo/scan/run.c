/* A run from its start to its p: checks, steps, the rank among the replicas, the Gumbel tail. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/scan/run.h"

static enum ww_status check(const struct ww_scan_data *d, const struct ww_scan_zones *zones,
                            const struct ww_scan_windows *w, const struct ww_scan_rules *rules,
                            struct ww_scan_totals *totals, struct ww_error *err) {
    assert(zones->n_places == d->n_places);
    if (d->n_places == 0 || d->n_times == 0 || d->n_places > WW_SCAN_MAX_CELLS / d->n_times)
        return ww_error_set(err, WW_TOO_LARGE, "%u places by %u times: from 1 to %u cells can be scanned",
                            d->n_places, d->n_times, WW_SCAN_MAX_CELLS);
    if (w->min_length < 1 || w->min_length > w->max_length || w->max_length > d->n_times)
        return ww_error_set(err, WW_BAD_INPUT, "windows of %u to %u intervals do not fit %u intervals",
                            w->min_length, w->max_length, d->n_times);
    if (rules->replicas > WW_SCAN_MAX_REPLICAS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %u replicas", WW_SCAN_MAX_REPLICAS);
    double cases = 0, measure = 0;
    for (size_t i = 0; i < (size_t)d->n_places * d->n_times; i++) {
        double m = d->measure[i];
        if (!(m >= 0) || !isfinite(m) || (d->count[i] > 0 && m <= 0) ||
            (d->model == WW_SCAN_BERNOULLI && (m < d->count[i] || m != floor(m))))
            return ww_error_set(err, WW_BAD_INPUT, "place %zu, interval %zu: %u cases on a measure of %g",
                                i / d->n_times + 1, i % d->n_times + 1, d->count[i], m);
        cases += d->count[i];
        measure += m;
    }
    if (cases > WW_SCAN_MAX_CASES || (d->model >= WW_SCAN_BERNOULLI && measure > WW_SCAN_MAX_CASES))
        return ww_error_set(err, WW_TOO_LARGE, "more than %u cases", WW_SCAN_MAX_CASES);
    if (cases == 0 || (d->model == WW_SCAN_BERNOULLI && cases == measure))
        return ww_error_set(err, WW_BAD_INPUT, cases == 0 ? "there are no cases" : "there are no controls");
    *totals = (struct ww_scan_totals){d->model, cases, measure};
    return WW_OK;
}

/* Sums over the times before. */
static bool sum_up(struct ww_scan_run *run) {
    const struct ww_scan_data *d = run->data;
    uint32_t T = d->n_times;
    size_t n = (size_t)d->n_places * (T + 1);
    run->measure_sum = ww_try_calloc(n, sizeof *run->measure_sum);
    run->count_sum = ww_try_calloc(n, sizeof *run->count_sum);
    run->zone_measure = ww_try_calloc((size_t)T + 1, sizeof *run->zone_measure);
    run->zone_count = ww_try_calloc((size_t)T + 1, sizeof *run->zone_count);
    if (!run->measure_sum || !run->count_sum || !run->zone_measure || !run->zone_count)
        return false;
    for (uint32_t p = 0; p < d->n_places; p++)
        for (uint32_t t = 0; t < T; t++) {
            size_t to = (size_t)p * (T + 1) + t + 1, from = (size_t)p * T + t;
            run->measure_sum[to] = run->measure_sum[to - 1] + d->measure[from];
            run->count_sum[to] = run->count_sum[to - 1] + d->count[from];
        }
    return true;
}

enum ww_status ww_scan_start(const struct ww_scan_data *data, const struct ww_scan_zones *zones,
                             const struct ww_scan_windows *windows, const struct ww_scan_rules *rules,
                             struct ww_scan_run **out, struct ww_error *err) {
    struct ww_scan_run *run = ww_try_calloc(1, sizeof *run);
    *out = NULL;
    if (!run)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    run->data = data;
    run->zones = zones;
    run->windows = *windows;
    run->rules = *rules;
    enum ww_status st = check(data, zones, windows, rules, &run->totals, err);
    if (st == WW_OK) {
        run->clusters = ww_try_calloc((size_t)rules->max_clusters + 1, sizeof *run->clusters);
        if (!run->clusters || !sum_up(run))
            st = ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    }
    if (st == WW_OK)
        st = ww_scan_observe(run, err);
    if (st == WW_OK)
        st = ww_scan_replicas_prepare(run, err);
    if (st != WW_OK) {
        ww_scan_free(run);
        run = NULL;
    }
    *out = run;
    return st;
}

void ww_scan_free(struct ww_scan_run *run) {
    if (!run)
        return;
    ww_scan_replicas_clear(run);
    ww_free(run->measure_sum);
    ww_free(run->count_sum);
    ww_free(run->zone_measure);
    ww_free(run->zone_count);
    ww_free(run->clusters);
    ww_free(run);
}

bool ww_scan_step(struct ww_scan_run *run, uint32_t n) {
    while (n-- > 0 && run->n_done < run->rules.replicas && !run->stopped) {
        double maximum = ww_scan_replica(run, run->n_done);
        run->maximum[run->n_done++] = maximum;
        run->n_reached += run->n_clusters > 0 && ww_scan_reaches(maximum, run->clusters[0].llr);
        run->stopped = run->rules.stop_after > 0 && run->n_reached >= run->rules.stop_after;
    }
    return run->stopped || run->n_done == run->rules.replicas;
}

/* ---- From maxima to p ---- */

static void moments(const struct ww_scan_run *run, double *mean, double *sd) {
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < run->n_done; i++)
        sum += run->maximum[i];
    *mean = run->n_done > 0 ? sum / run->n_done : NAN;
    for (uint32_t i = 0; i < run->n_done; i++)
        squares += (run->maximum[i] - *mean) * (run->maximum[i] - *mean);
    *sd = run->n_done > 1 ? sqrt(squares / (run->n_done - 1)) : NAN;
}

double ww_scan_gumbel_p(double x, double mean, double sd) {
    double beta = sd * sqrt(6) / M_PI, mode = mean - 0.57721566490153286 * beta;
    return -expm1(-exp(-(x - mode) / beta));
}

void ww_scan_infer(struct ww_scan_cluster *c, const struct ww_scan_rules *rules, uint32_t n, bool stopped,
                   double mean, double sd) {
    /* A stopped run ends with a replica that reaches: the plain share (Besag and Clifford 1991). */
    c->replicas = n;
    c->p_rank = stopped ? (double)c->reached / n : (c->reached + 1.0) / (n + 1.0);
    c->p_gumbel = n >= 20 && sd > 0 ? ww_scan_gumbel_p(c->llr, mean, sd) : NAN;
    c->p = c->reached < rules->gumbel_below && !isnan(c->p_gumbel) ? c->p_gumbel : c->p_rank;
    c->recurrence_days = fmin(rules->days_between_runs / c->p, WW_SCAN_MOST_RECURRENCE_DAYS);
}

void ww_scan_result(struct ww_scan_run *run, struct ww_scan_result *out) {
    *out = (struct ww_scan_result){.clusters = run->clusters,
                                   .n_clusters = run->n_clusters,
                                   .replicas = run->n_done,
                                   .totals = run->totals,
                                   .n_zones = run->n_zones,
                                   .n_windows = run->n_windows};
    moments(run, &out->null_mean, &out->null_sd);
    for (uint32_t k = 0; k < run->n_clusters; k++) {
        struct ww_scan_cluster *c = &run->clusters[k];
        c->reached = 0;
        for (uint32_t i = 0; i < run->n_done; i++)
            c->reached += ww_scan_reaches(run->maximum[i], c->llr);
        ww_scan_infer(c, &run->rules, run->n_done, run->stopped, out->null_mean, out->null_sd);
    }
}
