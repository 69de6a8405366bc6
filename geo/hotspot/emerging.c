/* Emerging hot spots: space-time Gi*, Mann-Kendall, classes. */
#include "geo/hotspot/emerging.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"

/* ---- Mann and Kendall ---- */

double ww_trend_gain(const double *series, uint32_t n, double value) {
    double gain = 0;
    for (uint32_t i = 0; i < n; i++)
        gain += (value > series[i]) - (value < series[i]); /* NaN is neither */
    return gain;
}

static int by_value(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? -1 : a > b;
}

enum ww_status ww_trend_of(const double *series, uint32_t n, struct ww_trend *out) {
    double *sorted = ww_try_calloc(n ? n : 1, sizeof *sorted);
    *out = (struct ww_trend){.p = 1};
    if (!sorted)
        return WW_NO_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(series[i]))
            continue;
        out->s += ww_trend_gain(series, i, series[i]);
        sorted[out->n++] = series[i];
    }
    double m = out->n;
    out->variance = m * (m - 1) * (2 * m + 5) / 18;
    qsort(sorted, out->n, sizeof *sorted, by_value);
    for (uint32_t i = 0, j; i < out->n; i = j) {
        for (j = i + 1; j < out->n && sorted[j] == sorted[i];)
            j++;
        double t = j - i;
        out->variance -= t * (t - 1) * (2 * t + 5) / 18;
    }
    ww_free(sorted);
    if (out->n < 3 || !(out->variance > 0))
        return WW_OK;
    out->tau = out->s / (m * (m - 1) / 2);
    double sign = (out->s > 0) - (out->s < 0);
    out->z = (out->s - sign) / sqrt(out->variance);
    out->p = erfc(fabs(out->z) / M_SQRT2);
    return WW_OK;
}

/* ---- Classes ---- */

static const char *const class_names[] = {"none",         "new",         "consecutive",
                                          "intensifying", "persistent",  "diminishing",
                                          "sporadic",     "oscillating", "historical"};

const char *ww_emerging_name(enum ww_emerging class) {
    return class_names[class];
}

/* Hot and cold are one rule with the sign turned. */
static enum ww_emerging class_of_side(const int8_t *side, uint32_t n, int sign,
                                      const struct ww_trend *trend) {
    uint32_t mine = 0, other = 0, run = 0;
    for (uint32_t b = 0; b < n; b++) {
        mine += side[b] == sign;
        other += side[b] == -sign;
        run = side[b] == sign ? run + 1 : 0;
    }
    bool most = mine * 10 >= n * 9;
    double rising = trend->p <= 0.05 ? sign * trend->z : 0;
    if (mine == 0)
        return WW_EMERGING_NONE;
    if (run == 0)
        return most ? WW_EMERGING_HISTORICAL : WW_EMERGING_NONE;
    if (mine == 1 && n > 1) /* of one bin alone, "new" would say that there was a before */
        return WW_EMERGING_NEW;
    if (most)
        return rising > 0   ? WW_EMERGING_INTENSIFYING
               : rising < 0 ? WW_EMERGING_DIMINISHING
                            : WW_EMERGING_PERSISTENT;
    if (other > 0)
        return WW_EMERGING_OSCILLATING;
    return run == mine && run >= 2 ? WW_EMERGING_CONSECUTIVE : WW_EMERGING_SPORADIC;
}

struct ww_emerging_place ww_emerging_classify(const int8_t *side, uint32_t n_bins, struct ww_trend trend) {
    struct ww_emerging_place p = {.trend = trend};
    for (uint32_t b = 0; b < n_bins; b++) {
        p.hot_bins += side[b] > 0;
        p.cold_bins += side[b] < 0;
    }
    enum ww_emerging hot = class_of_side(side, n_bins, 1, &trend);
    enum ww_emerging cold = class_of_side(side, n_bins, -1, &trend);
    p.class = hot != WW_EMERGING_NONE ? hot : cold;
    p.side = hot != WW_EMERGING_NONE ? 1 : cold != WW_EMERGING_NONE ? -1 : 0;
    return p;
}

/* ---- The cube ---- */

struct cube {
    const struct ww_weights *weights;
    const double *values;
    uint32_t n, n_bins, lag;
    double level;
};

struct sums {
    double n, sum, squares;
};

static void add_value(const struct cube *c, struct sums *s, uint32_t bin, uint32_t place) {
    double v = c->values[(size_t)bin * c->n + place];
    if (isnan(v))
        return;
    s->n++;
    s->sum += v - c->level;
    s->squares += (v - c->level) * (v - c->level);
}

static struct sums sums_of_bins(const struct cube *c, uint32_t first, uint32_t last) {
    struct sums s = {0, 0, 0};
    for (uint32_t b = first; b <= last; b++)
        for (uint32_t i = 0; i < c->n; i++)
            add_value(c, &s, b, i);
    return s;
}

static double z_of(const struct cube *c, struct sums all, uint32_t first, uint32_t bin, uint32_t i) {
    struct sums near = {0, 0, 0};
    if (isnan(c->values[(size_t)bin * c->n + i]))
        return NAN;
    for (uint32_t b = first; b <= bin; b++) {
        add_value(c, &near, b, i);
        for (uint32_t k = c->weights->start[i]; k < c->weights->start[i + 1]; k++)
            add_value(c, &near, b, c->weights->index[k]);
    }
    double mean = all.sum / all.n, s2 = all.squares / all.n - mean * mean;
    double variance = s2 * (all.n * near.n - near.n * near.n) / (all.n - 1);
    return s2 > 1e-13 * all.squares / all.n && variance > 0 ? (near.sum - near.n * mean) / sqrt(variance)
                                                            : NAN;
}

/* p and q are scratch [n]. */
static enum ww_status judge_bin(const double *z, uint32_t n, double fdr, double *p, double *q, int8_t *side) {
    ww_hotspot_p(z, n, WW_TWO_SIDED, p);
    enum ww_status st = ww_hotspot_q(p, n, q);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        side[i] = (int8_t)(q[i] <= fdr ? (z[i] > 0) - (z[i] < 0) : 0);
    return st;
}

static double mean_of_known(const double *values, size_t n) {
    double sum = 0, known = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            known++;
        }
    return known > 0 ? sum / known : 0;
}

/* Each place's column of z and side, its trend and class. */
static enum ww_status judge_places(const struct cube *c, const double *z, const int8_t *side,
                                   struct ww_emerging_place *places) {
    double *series = ww_try_calloc(c->n_bins, sizeof *series);
    int8_t *sides = ww_try_calloc(c->n_bins, sizeof *sides);
    enum ww_status st = series && sides ? WW_OK : WW_NO_MEMORY;
    for (uint32_t i = 0; i < c->n && st == WW_OK; i++) {
        struct ww_trend trend;
        for (uint32_t b = 0; b < c->n_bins; b++) {
            series[b] = z[(size_t)b * c->n + i];
            sides[b] = side[(size_t)b * c->n + i];
        }
        st = ww_trend_of(series, c->n_bins, &trend);
        places[i] = ww_emerging_classify(sides, c->n_bins, trend);
    }
    ww_free(series);
    ww_free(sides);
    return st;
}

enum ww_status ww_emerging_map(const struct ww_weights *w, const double *values, uint32_t n_bins,
                               const struct ww_emerging_options *options, double *z, int8_t *side,
                               struct ww_emerging_place *places, struct ww_error *err) {
    struct cube c = {w, values, w->n, n_bins, options->lag, mean_of_known(values, (size_t)n_bins * w->n)};
    if (n_bins < 1)
        return ww_error_set(err, WW_BAD_INPUT, "no time bin");
    double *scratch = ww_try_calloc(w->n ? 2 * (size_t)w->n : 1, sizeof *scratch);
    enum ww_status st = scratch ? WW_OK : WW_NO_MEMORY;
    struct sums all = sums_of_bins(&c, 0, n_bins - 1);
    for (uint32_t b = 0; b < n_bins && st == WW_OK; b++) {
        uint32_t first = b > c.lag ? b - c.lag : 0;
        if (!options->whole_cube)
            all = sums_of_bins(&c, first, b);
        for (uint32_t i = 0; i < c.n; i++)
            z[(size_t)b * c.n + i] = z_of(&c, all, first, b, i);
        st =
            judge_bin(z + (size_t)b * c.n, c.n, options->fdr, scratch, scratch + c.n, side + (size_t)b * c.n);
    }
    if (st == WW_OK)
        st = judge_places(&c, z, side, places);
    ww_free(scratch);
    return st == WW_OK ? st : ww_error_set(err, st, "no memory for %u bins of %u places", n_bins, w->n);
}
