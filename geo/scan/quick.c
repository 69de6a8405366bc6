/* A table into a live scan, and its clusters back into the table's times. */
#include "geo/scan/quick.h"

#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/live.h"

enum { MOST_DAYS = 4000, MOST_EXPECTED = 30000 };

struct ww_scan_quick {
    struct ww_scan_live *live;
    struct ww_scan_judge *judge;
    struct ww_scan_cluster *clusters;
};

bool ww_scan_quick_fits(const struct ww_scan_table_data *t, const struct ww_scan_windows *windows,
                        const struct ww_scan_rules *rules) {
    const struct ww_scan_data *d = &t->data;
    bool permutes = d->model == WW_SCAN_PERMUTATION && d->n_strata == 1 && d->n_times <= MOST_DAYS;
    if (!windows->now_only || windows->min_length != 1 || windows->max_length > WW_SCAN_LANES ||
        rules->any_window || d->n_places > UINT16_MAX || (!permutes && d->model != WW_SCAN_EXPECTATION))
        return false;
    uint64_t recent = 0;
    double expected = 0;
    for (size_t i = 0; i < (size_t)d->n_places * d->n_times; i++)
        if (i % d->n_times + windows->max_length >= d->n_times) {
            recent += d->count[i];
            expected += d->measure[i];
        }
    return recent <= WW_SCAN_MAX_RECENT && expected <= MOST_EXPECTED;
}

void ww_scan_quick_free(struct ww_scan_quick *q) {
    if (!q)
        return;
    ww_scan_judge_free(q->judge);
    ww_scan_live_free(q->live);
    ww_free(q->clusters);
    ww_free(q);
}

static enum ww_status load(struct ww_scan_quick *q, const struct ww_scan_data *d, uint32_t n_days,
                           struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (uint32_t p = 0; p < d->n_places; p++)
        for (uint32_t ago = 0; ago < n_days && st == WW_OK; ago++) {
            size_t cell = (size_t)p * d->n_times + d->n_times - 1 - ago;
            if (d->model == WW_SCAN_EXPECTATION)
                ww_scan_live_expect(q->live, p, ago, d->measure[cell]);
            if (d->count[cell] > 0)
                st = ww_scan_live_put(q->live, p, ago, (int32_t)d->count[cell], err);
        }
    return st;
}

/* The days of the longest window are the last intervals of the table. */
static enum ww_status take_result(struct ww_scan_quick *q, uint32_t shift, struct ww_scan_result *result,
                                  struct ww_error *err) {
    ww_scan_judge_result(q->judge, result);
    q->clusters = ww_try_calloc((size_t)result->n_clusters + 1, sizeof *q->clusters);
    if (!q->clusters)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the clusters");
    memcpy(q->clusters, result->clusters, result->n_clusters * sizeof *q->clusters);
    for (uint32_t k = 0; k < result->n_clusters; k++) {
        q->clusters[k].time_from += shift;
        q->clusters[k].time_end += shift;
    }
    result->clusters = q->clusters;
    return WW_OK;
}

enum ww_status ww_scan_quick_run(const struct ww_scan_table_data *t, const struct ww_scan_zones *zones,
                                 const struct ww_scan_windows *windows, const struct ww_scan_rules *rules,
                                 struct ww_scan_quick **out, struct ww_scan_result *result,
                                 struct ww_error *err) {
    uint32_t m = windows->max_length;
    struct ww_scan_live_config config = {.model = t->data.model,
                                         .n_durations = m,
                                         .n_days = t->data.model == WW_SCAN_PERMUTATION ? t->data.n_times : m,
                                         .min_cases = rules->min_cases,
                                         .at = (const double(*)[3])t->at};
    struct ww_scan_quick *q = ww_try_calloc(1, sizeof *q);
    enum ww_status st = q ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
    if (st == WW_OK)
        st = ww_scan_live_new(zones, &config, &q->live, err);
    if (st == WW_OK)
        st = load(q, &t->data, config.n_days, err);
    if (st == WW_OK)
        st = ww_scan_judge_new(q->live, rules, &q->judge, err);
    if (st == WW_OK) {
        while (!ww_scan_judge_step(q->judge, UINT64_MAX))
            continue;
        st = take_result(q, t->data.n_times - m, result, err);
    }
    if (st != WW_OK) {
        ww_scan_quick_free(q);
        q = NULL;
    }
    *out = q;
    return st;
}
