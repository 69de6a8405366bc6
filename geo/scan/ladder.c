/* Rows of like expectation, and the table of thresholds for each rung. */
#include "geo/scan/ladder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"

/* Fewer for expectations, which fall into rows only by rounding: a rung's table then stays in the nearest
 * cache. */
enum { MAX_ROWS = 4096, MAX_ROUNDED = 1024, ALIGN = 64 };

/* ---- Rows ---- */

/* Permutation: a row for each number of cases that a zone has over all days, or for each few of them. */
static void rows_of_permutation(struct ww_scan_ladder *l, const struct ww_scan_live *s) {
    uint64_t most = 0;
    for (uint32_t k = 0; k < s->n_chains; k++) {
        uint64_t zone = 0;
        for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++)
            zone += s->weight[s->step_place[i]];
        most = zone > most ? zone : most;
    }
    unsigned shift = 0;
    while (most >> shift >= MAX_ROWS)
        shift++;
    l->exact = shift == 0;
    l->n_rows = (uint32_t)(most >> shift) + 1;
    for (uint32_t k = 0; k < s->n_chains; k++) {
        uint64_t zone = 0;
        for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++) {
            zone += s->weight[s->step_place[i]];
            l->row[i] = (uint16_t)(zone >> shift);
        }
    }
    for (uint32_t r = 0; r < l->n_rows;
         r++) { /* the first of several holds one case at least, or none comes */
        uint64_t least = (uint64_t)r << shift;
        for (uint32_t d = 0; d < l->n_durations; d++)
            l->least[r][d] = (double)(least > 0 || shift == 0 ? least : 1) * ww_scan_live_share(s, d);
    }
}

/* A float's bits grow with it, about evenly in its logarithm. */
static uint32_t bits_of(double x) {
    float f = (float)x;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* What a place expects within 1 … 8 days, added to b: of its own, or by its population. */
static inline void add_expected(const struct ww_scan_live *s, uint16_t place, const double *share,
                                double *b) {
    if (s->expected) {
        const double *expected = s->recent_expected + (size_t)place * WW_SCAN_LANES;
        for (uint32_t d = 0; d < WW_SCAN_LANES; d++)
            b[d] += expected[d];
    } else {
        for (uint32_t d = 0; d < WW_SCAN_LANES; d++)
            b[d] += s->weight[place] * share[d];
    }
}

static void range_of_expectation(const struct ww_scan_live *s, const double *share, uint32_t *low,
                                 uint32_t *high) {
    uint32_t last = s->config.n_durations - 1;
    *low = UINT32_MAX;
    *high = 0;
    for (uint32_t k = 0; k < s->n_chains; k++) {
        double b[WW_SCAN_LANES] = {0};
        for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++) {
            add_expected(s, s->step_place[i], share, b);
            if (b[last] > 0 && bits_of(b[last]) < *low)
                *low = bits_of(b[last]);
        }
        if (b[last] > 0 && bits_of(b[last]) > *high)
            *high = bits_of(b[last]);
    }
}

/* Expectation and Poisson: a row for each small step of the logarithm of what a zone expects; row 0: nothing.
 */
static void rows_of_expectation(struct ww_scan_ladder *l, const struct ww_scan_live *s) {
    uint32_t low, high;
    unsigned shift = 0;
    double share[WW_SCAN_LANES] = {0};
    for (uint32_t d = 0; d < l->n_durations && !s->expected; d++)
        share[d] = ww_scan_live_share(s, d);
    range_of_expectation(s, share, &low, &high);
    while (high >= low && (high - low) >> shift >= MAX_ROUNDED - 2)
        shift++;
    l->exact = false;
    l->n_rows = high >= low ? ((high - low) >> shift) + 2 : 1;
    for (uint32_t r = 0; r < l->n_rows; r++)
        for (uint32_t d = 0; d < l->n_durations; d++)
            l->least[r][d] = INFINITY;
    for (uint32_t k = 0; k < s->n_chains; k++) {
        double b[WW_SCAN_LANES] = {0};
        for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++) {
            add_expected(s, s->step_place[i], share, b);
            double all = b[l->n_durations - 1];
            uint16_t row = (uint16_t)(all > 0 ? ((bits_of(all) - low) >> shift) + 1 : 0);
            l->row[i] = row;
            for (uint32_t d = 0; d < l->n_durations; d++)
                if (b[d] > 0 && b[d] < l->least[row][d])
                    l->least[row][d] = b[d];
        }
    }
    for (uint32_t r = l->n_rows - 1; r-- > 0;) /* thresholds must not fall along a chain */
        for (uint32_t d = 0; d < l->n_durations; d++)
            l->least[r][d] = fmin(l->least[r][d], l->least[r + 1][d]);
}

/* ---- Thresholds ---- */

struct logs {
    double *of;   /* [n] ln c */
    double *rest; /* [n] ln (C - c) */
    uint32_t n;
};

static bool open_logs(struct logs *logs, const struct ww_scan_ladder *l, uint32_t most) {
    logs->n = most + 1;
    logs->of = ww_try_calloc(logs->n, sizeof *logs->of);
    logs->rest = ww_try_calloc(logs->n, sizeof *logs->rest);
    if (!logs->of || !logs->rest)
        return false;
    for (uint32_t c = 1; c < logs->n; c++)
        logs->of[c] = log(c);
    for (uint32_t c = 0; c < logs->n && c < l->totals.cases; c++)
        logs->rest[c] = log(l->totals.cases - c);
    return true;
}

/* As ww_scan_llr, with the logarithms of whole numbers looked up. */
static double ratio(const struct ww_scan_ladder *l, const struct logs *logs, uint32_t c, double m,
                    double ln_m, double ln_rest) {
    if (l->totals.model == WW_SCAN_EXPECTATION)
        return c * (logs->of[c] - ln_m) + m - c;
    double out = l->totals.cases - c;
    return c * (logs->of[c] - ln_m) + (out > 0 ? out * (logs->rest[c] - ln_rest) : 0);
}

static void fill_cell(struct ww_scan_ladder *l, const struct logs *logs, uint32_t row, uint32_t d,
                      uint32_t most, uint32_t min_cases) {
    double m = l->least[row][d], rest = l->totals.cases - m;
    size_t stride = (size_t)l->n_rows * WW_SCAN_LANES;
    uint16_t *cell = l->table + (size_t)row * WW_SCAN_LANES + d;
    if (!(m > 0) || !isfinite(m))
        return;
    double ln_m = log(m), ln_rest = rest > 0 ? log(rest) : 0;
    uint32_t g = 0;
    for (uint32_t c = m < most ? (uint32_t)m + 1 : most + 1; c <= most && g < l->n_rungs; c++) {
        if (c < min_cases)
            continue;
        double x = ratio(l, logs, c, m, ln_m, ln_rest);
        /* a hair below the rung, as the test of a tie: who is let in here is computed exactly there */
        for (; g < l->n_rungs && x >= l->rung[g] - 2e-9 * (1 + l->rung[g]); g++)
            cell[g * stride] = (uint16_t)c;
    }
}

static bool fill_table(struct ww_scan_ladder *l, const struct ww_scan_live *s, uint32_t min_cases) {
    bool permutes = l->totals.model == WW_SCAN_PERMUTATION;
    uint32_t most = permutes ? (uint32_t)s->n_recent[l->n_durations - 1] : WW_SCAN_MAX_RECENT;
    if (l->totals.model == WW_SCAN_POISSON && l->totals.cases < most)
        most = (uint32_t)l->totals.cases;
    size_t n = (size_t)(l->n_rungs + 1) * l->n_rows * WW_SCAN_LANES;
    size_t bytes = (n * sizeof *l->table + ALIGN - 1) / ALIGN * ALIGN;
    struct logs logs = {0};
    l->table = ww_try_malloc(bytes);
    bool good = l->table && open_logs(&logs, l, most);
    if (good) {
        for (size_t i = 0; i < n; i++)
            l->table[i] = WW_SCAN_NEVER;
        for (uint32_t row = 0; row < l->n_rows; row++)
            for (uint32_t d = 0; d < l->n_durations; d++)
                fill_cell(l, &logs, row, d, permutes ? (uint32_t)s->n_recent[d] : most, min_cases);
    }
    ww_free(logs.of);
    ww_free(logs.rest);
    return good;
}

enum ww_status ww_scan_ladder_init(struct ww_scan_ladder *l, const struct ww_scan_live *s, double *rung,
                                   uint32_t n_rungs, uint32_t min_cases, struct ww_error *err) {
    *l = (struct ww_scan_ladder){.totals = ww_scan_live_totals(s),
                                 .n_durations = s->config.n_durations,
                                 .rung = rung,
                                 .n_rungs = n_rungs};
    l->row = ww_try_calloc((size_t)s->n_steps + 1, sizeof *l->row);
    l->least = ww_try_calloc(MAX_ROWS, sizeof *l->least);
    bool good = l->row && l->least;
    if (good) {
        if (l->totals.model != WW_SCAN_PERMUTATION)
            rows_of_expectation(l, s);
        else
            rows_of_permutation(l, s);
        good = fill_table(l, s, min_cases);
    }
    if (good)
        return WW_OK;
    ww_scan_ladder_clear(l);
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the replicas of the scan");
}

void ww_scan_ladder_clear(struct ww_scan_ladder *l) {
    ww_free(l->row);
    ww_free(l->least);
    ww_free(l->rung);
    ww_free(l->table);
    *l = (struct ww_scan_ladder){0};
}
