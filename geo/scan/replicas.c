/* Replicas of the table under the null hypothesis, and their maxima.
 *
 * For a given count the likelihood ratio falls as the measure grows, so a replica keeps for each count only
 * the least measure that it saw: one logarithm a count instead of one a window.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/run.h"

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the replicas of the scan");
}

static bool room_for_count(struct ww_scan_run *run, uint64_t most) {
    if (most < run->room_least)
        return true;
    uint64_t room = most + most / 4 + 16;
    double *bigger = room <= UINT32_MAX ? ww_try_realloc(run->least, room * sizeof *bigger) : NULL;
    if (!bigger)
        return false;
    run->least = bigger;
    run->room_least = (uint32_t)room;
    return true;
}

static enum ww_status prepare_bernoulli(struct ww_scan_run *run, struct ww_error *err) {
    uint64_t n_cells = (uint64_t)run->data->n_places * run->data->n_times;
    run->n_individuals = (uint32_t)run->totals.measure;
    run->individual = ww_try_calloc((size_t)run->n_individuals + 1, sizeof *run->individual);
    run->swapped = ww_try_calloc((size_t)run->totals.cases + 1, sizeof *run->swapped);
    if (!run->individual || !run->swapped)
        return no_memory(err);
    uint32_t n = 0;
    for (uint64_t cell = 0; cell < n_cells; cell++)
        for (uint32_t i = (uint32_t)run->data->measure[cell]; i > 0; i--)
            run->individual[n++] = (uint32_t)cell;
    assert(n == run->n_individuals);
    return WW_OK;
}

enum ww_status ww_scan_replicas_prepare(struct ww_scan_run *run, struct ww_error *err) {
    const struct ww_scan_data *d = run->data;
    run->maximum = ww_try_calloc((size_t)run->rules.replicas + 1, sizeof *run->maximum);
    if (!run->maximum || !room_for_count(run, (uint64_t)run->totals.cases))
        return no_memory(err);
    if (run->rules.replicas == 0)
        return WW_OK;
    switch (d->model) {
    case WW_SCAN_POISSON:
    case WW_SCAN_EXPECTATION:
        return ww_scan_alias_init(&run->alias, d->measure, d->n_places * d->n_times, err);
    case WW_SCAN_BERNOULLI:
        return prepare_bernoulli(run, err);
    case WW_SCAN_PERMUTATION:
        run->n_individuals = (uint32_t)run->totals.cases;
        run->individual = ww_try_malloc(((size_t)run->n_individuals + 1) * sizeof *run->individual);
        return run->individual ? WW_OK : no_memory(err);
    }
    return WW_OK;
}

void ww_scan_replicas_clear(struct ww_scan_run *run) {
    ww_scan_alias_clear(&run->alias);
    ww_free(run->individual);
    ww_free(run->swapped);
    ww_free(run->least);
    ww_free(run->maximum);
}

/* ---- Drawing ---- */

static void add_case(struct ww_scan_run *run, uint32_t place, uint32_t time) {
    run->count_sum[(size_t)place * (run->data->n_times + 1) + time + 1]++;
}

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t c = *a;
    *a = *b;
    *b = c;
}

static void draw_permutation(struct ww_scan_run *run, struct ww_random *rng) {
    const struct ww_scan_data *d = run->data;
    memcpy(run->individual, d->case_time, run->n_individuals * sizeof *run->individual);
    for (uint32_t s = 0, begin = 0; s < d->n_strata; begin = d->stratum_end[s++])
        for (uint32_t n = d->stratum_end[s] - begin; n > 1; n--)
            swap(&run->individual[begin + n - 1], &run->individual[begin + ww_random_below(rng, n)]);
    for (uint32_t i = 0; i < run->n_individuals; i++)
        add_case(run, d->case_place[i], run->individual[i]);
}

/* The first n of a shuffle. It is taken back, so that a replica does not depend on those before it. */
static void draw_bernoulli(struct ww_scan_run *run, struct ww_random *rng, uint32_t n) {
    uint32_t T = run->data->n_times;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i + ww_random_below(rng, run->n_individuals - i);
        swap(&run->individual[i], &run->individual[j]);
        add_case(run, run->individual[i] / T, run->individual[i] % T);
        run->swapped[i] = j;
    }
    while (n-- > 0)
        swap(&run->individual[n], &run->individual[run->swapped[n]]);
}

/* Fills count_sum with a table of the null hypothesis; returns its number of cases. */
static uint64_t draw(struct ww_scan_run *run, struct ww_random *rng) {
    uint32_t T = run->data->n_times, n_places = run->data->n_places;
    memset(run->count_sum, 0, (size_t)n_places * (T + 1) * sizeof *run->count_sum);
    uint64_t n = (uint64_t)run->totals.cases;
    switch (run->data->model) {
    case WW_SCAN_EXPECTATION:
        n = ww_random_poisson(rng, run->totals.measure);
        /* fall through */
    case WW_SCAN_POISSON:
        for (uint64_t i = 0; i < n; i++) {
            uint32_t cell = ww_scan_alias_draw(&run->alias, rng);
            add_case(run, cell / T, cell % T);
        }
        break;
    case WW_SCAN_BERNOULLI:
        draw_bernoulli(run, rng, (uint32_t)n);
        break;
    case WW_SCAN_PERMUTATION:
        draw_permutation(run, rng);
        break;
    }
    for (uint32_t p = 0; p < n_places; p++) {
        uint32_t *sum = run->count_sum + (size_t)p * (T + 1);
        for (uint32_t t = 0; t < T; t++)
            sum[t + 1] += sum[t];
    }
    return n;
}

/* ---- Scanning ---- */

static void note(struct ww_scan_run *run, uint32_t from, uint32_t end) {
    uint32_t c = run->zone_count[end] - run->zone_count[from];
    double m = run->zone_measure[end] - run->zone_measure[from];
    if (m < run->least[c])
        run->least[c] = m;
}

static void note_windows(struct ww_scan_run *run) {
    uint32_t T = run->data->n_times, least = run->windows.min_length, most = run->windows.max_length;
    if (run->windows.now_only) {
        for (uint32_t n = least; n <= most; n++)
            note(run, T - n, T);
        return;
    }
    for (uint32_t from = 0; from + least <= T; from++)
        for (uint32_t end = from + least; end <= T && end - from <= most; end++)
            note(run, from, end);
}

static void note_chain(struct ww_scan_run *run, uint32_t chain) {
    const struct ww_scan_zones *zones = run->zones;
    uint32_t T = run->data->n_times;
    memset(run->zone_count, 0, (T + 1) * sizeof *run->zone_count);
    memset(run->zone_measure, 0, (T + 1) * sizeof *run->zone_measure);
    uint64_t first = zones->start[chain], judged = first + zones->eval_from[chain] - 1;
    for (uint64_t i = first; i < zones->start[chain + 1]; i++) {
        const uint32_t *count = run->count_sum + (size_t)zones->place[i] * (T + 1);
        const double *measure = run->measure_sum + (size_t)zones->place[i] * (T + 1);
        for (uint32_t t = 1; t <= T; t++) {
            run->zone_count[t] += count[t];
            run->zone_measure[t] += measure[t];
        }
        if (i >= judged)
            note_windows(run);
    }
}

double ww_scan_replica(struct ww_scan_run *run, uint32_t n) {
    struct ww_random rng = ww_random_of(run->rules.seed, n);
    uint64_t cases = draw(run, &rng);
    if (!room_for_count(run, cases))
        return INFINITY; /* no memory: counted against the cluster, never for it */
    for (uint64_t c = 0; c <= cases; c++)
        run->least[c] = INFINITY;
    for (uint32_t k = 0; k < run->zones->n_chains; k++)
        note_chain(run, k);
    double maximum = 0;
    for (uint64_t c = run->rules.min_cases; c <= cases; c++) {
        if (run->least[c] < INFINITY)
            maximum = fmax(maximum, ww_scan_llr(&run->totals, (double)c, run->least[c]));
    }
    return maximum;
}
