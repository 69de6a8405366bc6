/* One number for the whole map: Moran's I and Getis and Ord's general G, under randomisation. */
#include <math.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/hotspot.h"

struct whole {
    double s0, s1, s2; /* of Cliff and Ord: sum w, sum (w_ij + w_ji)²/2, sum (row + column)² */
};

static enum ww_status sum_weights(const struct ww_weights *w, struct whole *out) {
    double *both = ww_try_calloc(w->n ? w->n : 1, sizeof *both); /* row and column sums together */
    *out = (struct whole){0, 0, 0};
    if (!both)
        return WW_NO_MEMORY;
    for (uint32_t i = 0; i < w->n; i++)
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
            double there = w->weight[k], back = ww_weights_between(w, w->index[k], i);
            out->s0 += there;
            /* a pair of both directions is met twice, one of a single direction once */
            out->s1 += back > 0 ? (there + back) * (there + back) / 2 : there * there;
            both[i] += there;
            both[w->index[k]] += there;
        }
    for (uint32_t i = 0; i < w->n; i++)
        out->s2 += both[i] * both[i];
    ww_free(both);
    return WW_OK;
}

static double cross_products(const struct ww_weights *w, const double *x, double level) {
    double cross = 0;
    for (uint32_t i = 0; i < w->n; i++)
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++)
            cross += w->weight[k] * (x[i] - level) * (x[w->index[k]] - level);
    return cross;
}

static void finish(struct ww_moran *out, double variance) {
    out->variance = variance;
    out->z = variance > 0 ? (out->i - out->expected) / sqrt(variance) : NAN;
}

enum ww_status ww_hotspot_moran(const struct ww_weights *w, const double *x, struct ww_moran *out) {
    double n = w->n, mean = 0, m2 = 0, m4 = 0;
    struct whole s;
    *out = (struct ww_moran){NAN, NAN, NAN, NAN};
    if (sum_weights(w, &s) != WW_OK)
        return WW_NO_MEMORY;
    bool differ = false;
    for (uint32_t i = 0; i < w->n; i++) {
        mean += x[i] / n;
        differ |= x[i] != x[0];
    }
    for (uint32_t i = 0; i < w->n; i++) {
        double z = x[i] - mean;
        m2 += z * z / n;
        m4 += z * z * z * z / n;
    }
    if (!(s.s0 > 0) || !differ || w->n < 4)
        return WW_OK;
    double b2 = m4 / (m2 * m2), s02 = s.s0 * s.s0;
    out->i = cross_products(w, x, mean) / (s.s0 * m2);
    out->expected = -1 / (n - 1);
    double first = n * ((n * n - 3 * n + 3) * s.s1 - n * s.s2 + 3 * s02);
    double second = b2 * ((n * n - n) * s.s1 - 2 * n * s.s2 + 6 * s02);
    finish(out, (first - second) / ((n - 1) * (n - 2) * (n - 3) * s02) - out->expected * out->expected);
    return WW_OK;
}

/* E(G²) after Getis and Ord 1992, written with power sums p1…p4 of the values. */
enum ww_status ww_hotspot_general_g(const struct ww_weights *w, const double *x, struct ww_moran *out) {
    double n = w->n, p1 = 0, p2 = 0, p3 = 0, p4 = 0;
    struct whole s;
    *out = (struct ww_moran){NAN, NAN, NAN, NAN};
    if (sum_weights(w, &s) != WW_OK)
        return WW_NO_MEMORY;
    bool below_zero = false;
    for (uint32_t i = 0; i < w->n; i++) {
        below_zero |= x[i] < 0;
        p1 += x[i];
        p2 += x[i] * x[i];
        p3 += x[i] * x[i] * x[i];
        p4 += x[i] * x[i] * x[i] * x[i];
    }
    double pairs = p1 * p1 - p2; /* sum of x_i x_j, i ≠ j */
    if (!(s.s0 > 0) || w->n < 4 || below_zero || !(pairs > 1e-12 * p2))
        return WW_OK;
    double s02 = s.s0 * s.s0;
    double b0 = (n * n - 3 * n + 3) * s.s1 - n * s.s2 + 3 * s02;
    double b1 = -((n * n - n) * s.s1 - 2 * n * s.s2 + 6 * s02);
    double b2 = -(2 * n * s.s1 - (n + 3) * s.s2 + 6 * s02);
    double b3 = 4 * (n - 1) * s.s1 - 2 * (n + 1) * s.s2 + 8 * s02;
    double b4 = s.s1 - s.s2 + s02;
    out->i = cross_products(w, x, 0) / pairs;
    out->expected = s.s0 / (n * (n - 1));
    double square = (b0 * p2 * p2 + b1 * p4 + b2 * p1 * p1 * p2 + b3 * p1 * p3 + b4 * p1 * p1 * p1 * p1) /
                    (pairs * pairs * n * (n - 1) * (n - 2) * (n - 3));
    finish(out, square - out->expected * out->expected);
    return WW_OK;
}
