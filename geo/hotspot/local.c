/* Gi, Gi* and local Moran by their closed forms.
 *
 * Values are taken relative to their mean first: sum x²/n - m² would otherwise cancel for readings that are
 * large against their spread. With d = x - mean and SS = sum d², what is left without place i has the mean
 * -d_i/(n-1) and the sum of squares about it SS - d_i² n/(n-1).
 */
#include <math.h>

#include "geo/hotspot/hotspot.h"

struct row {
    double sum, sum2, lag; /* weights, their squares, weights times values */
};

static struct row row_of(const struct ww_weights *w, uint32_t i, const double *x, double level) {
    struct row r = {0, 0, 0};
    for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
        r.sum += w->weight[k];
        r.sum2 += w->weight[k] * w->weight[k];
        r.lag += w->weight[k] * (x[w->index[k]] - level);
    }
    return r;
}

struct spread {
    double mean, squares; /* sum of squares about the mean; exactly 0 when all are equal */
};

/* Of all but `without` (UINT32_MAX: of all). */
static struct spread spread_of(const double *x, uint32_t n, uint32_t without) {
    struct spread s = {0, 0};
    double sum = 0, rest = 0, low = INFINITY, high = -INFINITY;
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i == without)
            continue;
        sum += x[i];
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
        m++;
    }
    s.mean = sum / m;
    if (!(low < high)) {
        s.mean = low;
        return s;
    }
    for (uint32_t i = 0; i < n; i++)
        rest += i == without ? 0 : x[i] - s.mean;
    s.mean += rest / m; /* the second pass takes most of the first one's rounding away */
    for (uint32_t i = 0; i < n; i++)
        s.squares += i == without ? 0 : (x[i] - s.mean) * (x[i] - s.mean);
    return s;
}

static double over_root(double value, double variance) {
    return variance > 0 ? value / sqrt(variance) : NAN;
}

void ww_hotspot_gstar(const struct ww_weights *w, const double *x, double *z) {
    double n = w->n;
    struct spread s = spread_of(x, w->n, UINT32_MAX);
    for (uint32_t i = 0; i < w->n; i++) {
        struct row r = row_of(w, i, x, s.mean);
        double own = ww_weights_own(w, i);
        r.sum += own;
        r.sum2 += own * own;
        r.lag += own * (x[i] - s.mean);
        /* a row that holds all places with one weight has no variance: rounding must not make one */
        double free_weight = n * r.sum2 - r.sum * r.sum;
        z[i] =
            free_weight > 1e-12 * n * r.sum2 ? over_root(r.lag, s.squares / n * free_weight / (n - 1)) : NAN;
    }
}

void ww_hotspot_g(const struct ww_weights *w, const double *x, double *z) {
    double n = w->n;
    struct spread all = spread_of(x, w->n, UINT32_MAX);
    for (uint32_t i = 0; i < w->n; i++) {
        struct row r = row_of(w, i, x, all.mean);
        double d = x[i] - all.mean, mean = -d / (n - 1), squares = all.squares - d * d * n / (n - 1);
        if (squares <
            1e-6 * all.squares) { /* the others may be all equal: look, for subtraction can't tell */
            struct spread others = spread_of(x, w->n, i);
            mean = others.mean - all.mean;
            squares = others.squares;
        }
        double free_weight = (n - 1) * r.sum2 - r.sum * r.sum;
        z[i] = w->n > 2 && free_weight > 1e-12 * n * r.sum2
                   ? over_root(r.lag - r.sum * mean, squares / (n - 1) * free_weight / (n - 2))
                   : NAN;
    }
}

void ww_hotspot_local_moran(const struct ww_weights *w, const double *x, struct ww_moran *out) {
    double n = w->n;
    struct spread s = spread_of(x, w->n, UINT32_MAX);
    double m2 = s.squares / n;
    for (uint32_t i = 0; i < w->n; i++) {
        struct row r = row_of(w, i, x, s.mean);
        double z = x[i] - s.mean;
        struct ww_moran *o = &out[i];
        *o = (struct ww_moran){NAN, NAN, NAN, NAN};
        if (w->start[i] == w->start[i + 1] || !(m2 > 0))
            continue;
        o->i = z / m2 * r.lag;
        if (w->n < 3)
            continue;
        o->expected = -z * z * r.sum / ((n - 1) * m2);
        o->variance =
            z / m2 * (z / m2) * n / (n - 2) * (r.sum2 - r.sum * r.sum / (n - 1)) * (m2 - z * z / (n - 1));
        if (r.sum2 * (n - 1) - r.sum * r.sum > 1e-12 * n * r.sum2 && m2 - z * z / (n - 1) > 1e-12 * m2)
            o->z = over_root(o->i - o->expected, o->variance);
    }
}
