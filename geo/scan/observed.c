/* The observed scan: the best window of each chain, then the clusters that share no place. */
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/run.h"

static void consider(const struct ww_scan_run *run, struct ww_scan_cluster *best, uint32_t chain,
                     uint32_t length, uint32_t from, uint32_t end) {
    double c = run->zone_count[end] - run->zone_count[from];
    if (c < run->rules.min_cases)
        return;
    double m = run->zone_measure[end] - run->zone_measure[from];
    double llr = ww_scan_llr(&run->totals, c, m);
    if (llr > best->llr)
        *best = (struct ww_scan_cluster){.chain = chain,
                                         .length = length,
                                         .time_from = from,
                                         .time_end = end,
                                         .cases = c,
                                         .measure = m,
                                         .llr = llr};
}

/* `taken` (may be NULL): a zone that holds one of these places does not count, nor what grows from it. */
static void best_of_chain(struct ww_scan_run *run, uint32_t chain, const bool *taken,
                          struct ww_scan_cluster *best) {
    const struct ww_scan_zones *zones = run->zones;
    uint32_t T = run->data->n_times, least = run->windows.min_length, most = run->windows.max_length;
    memset(run->zone_count, 0, (T + 1) * sizeof *run->zone_count);
    memset(run->zone_measure, 0, (T + 1) * sizeof *run->zone_measure);
    *best = (struct ww_scan_cluster){.chain = chain};
    uint64_t first = zones->start[chain];
    for (uint64_t i = first; i < zones->start[chain + 1]; i++) {
        uint32_t place = zones->place[i], length = (uint32_t)(i - first) + 1;
        if (taken && taken[place])
            return;
        const uint32_t *count = run->count_sum + (size_t)place * (T + 1);
        const double *measure = run->measure_sum + (size_t)place * (T + 1);
        for (uint32_t t = 1; t <= T; t++) {
            run->zone_count[t] += count[t];
            run->zone_measure[t] += measure[t];
        }
        if (length < zones->eval_from[chain])
            continue;
        if (run->windows.now_only) {
            for (uint32_t n = least; n <= most; n++)
                consider(run, best, chain, length, T - n, T);
        } else {
            for (uint32_t from = 0; from + least <= T; from++)
                for (uint32_t end = from + least; end <= T && end - from <= most; end++)
                    consider(run, best, chain, length, from, end);
        }
    }
}

static void count_windows(struct ww_scan_run *run) {
    const struct ww_scan_zones *zones = run->zones;
    uint64_t T = run->data->n_times, per_zone = 0;
    for (uint64_t n = run->windows.min_length; n <= run->windows.max_length; n++)
        per_zone += run->windows.now_only ? 1 : T - n + 1;
    run->n_zones = 0;
    for (uint32_t k = 0; k < zones->n_chains; k++) {
        uint64_t length = zones->start[k + 1] - zones->start[k];
        run->n_zones += length >= zones->eval_from[k] ? length - zones->eval_from[k] + 1 : 0;
    }
    run->n_windows = run->n_zones * per_zone;
}

static void add_cluster(struct ww_scan_run *run, const struct ww_scan_cluster *found, bool *taken) {
    struct ww_scan_cluster *c = &run->clusters[run->n_clusters++];
    *c = *found;
    ww_scan_take(run->zones, &run->totals, c, taken);
}

enum ww_status ww_scan_observe(struct ww_scan_run *run, struct ww_error *err) {
    uint32_t n = run->zones->n_chains;
    struct ww_scan_cluster *best = ww_try_calloc((size_t)n + 1, sizeof *best);
    bool *taken = ww_try_calloc((size_t)run->data->n_places + 1, sizeof *taken);
    enum ww_status st = best && taken ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    count_windows(run);
    for (uint32_t k = 0; k < n && st == WW_OK; k++)
        best_of_chain(run, k, NULL, &best[k]);
    if (st == WW_OK)
        qsort(best, n, sizeof *best, ww_scan_best_first);
    for (uint32_t k = 0; k < n && st == WW_OK && run->n_clusters < run->rules.max_clusters; k++) {
        if (best[k].llr <= 0)
            break;
        if (!ww_scan_touches(run->zones, &best[k], taken)) {
            add_cluster(run, &best[k], taken);
        } else if (run->rules.any_window) { /* what else does this chain hold? Then it takes its turn again */
            best_of_chain(run, best[k].chain, taken, &best[k]);
            for (uint32_t j = k; j + 1 < n && ww_scan_best_first(&best[j], &best[j + 1]) > 0; j++) {
                struct ww_scan_cluster c = best[j];
                best[j] = best[j + 1];
                best[j + 1] = c;
            }
            k--;
        }
    }
    ww_free(best);
    ww_free(taken);
    return st;
}
