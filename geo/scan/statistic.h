/* The likelihood ratios of the scan, as functions of what stands in a window.
 *
 * c = cases in the window, m = its measure, C = all cases. All are 0 unless the window holds more than
 * expected, and all fall when m grows and c stays: that is why the Monte Carlo needs only the least measure
 * for each count (replicas.c).
 *
 *   model            measure m        ln likelihood ratio
 *   Poisson, STP     expected cases   c ln(c/m) + (C-c) ln((C-c)/(C-m))
 *   Bernoulli        cases+controls   two binomials, in and out, against one
 *   expectation      baseline b       c ln(c/b) + b - c
 *
 * For the permutation form m = cases of the zone * cases of the interval / C, and the value is a test
 * statistic, not a likelihood ratio. Sources: Kulldorff 1997; Kulldorff et al. 2005 (permutation); Neill et
 * al. 2005 (expectation-based).
 */
#ifndef WW_SCAN_STATISTIC_H
#define WW_SCAN_STATISTIC_H

#include <math.h>
#include <stdint.h>

enum ww_scan_model { WW_SCAN_POISSON, WW_SCAN_BERNOULLI, WW_SCAN_PERMUTATION, WW_SCAN_EXPECTATION };

struct ww_scan_totals {
    enum ww_scan_model model;
    double cases;   /* C */
    double measure; /* of everything: C for Poisson and STP, N = cases + controls for Bernoulli, B */
};

/* x ln(x/y), 0 for x = 0. */
static inline double ww_scan_xlog(double x, double y) {
    return x > 0 ? x * log(x / y) : 0;
}

static inline double ww_scan_llr(const struct ww_scan_totals *all, double c, double m) {
    double C = all->cases, N = all->measure;
    switch (all->model) {
    case WW_SCAN_EXPECTATION:
        return c > m ? ww_scan_xlog(c, m) + m - c : 0;
    case WW_SCAN_BERNOULLI: {
        if (c * N <= m * C)
            return 0;
        double out = N - m, c_out = C - c;
        double value = ww_scan_xlog(c, m) + ww_scan_xlog(m - c, m) + ww_scan_xlog(c_out, out) +
                       ww_scan_xlog(out - c_out, out) - ww_scan_xlog(C, N) - ww_scan_xlog(N - C, N);
        return value > 0 ? value : 0;
    }
    case WW_SCAN_POISSON:
    case WW_SCAN_PERMUTATION:
        break;
    }
    return c > m ? ww_scan_xlog(c, m) + ww_scan_xlog(C - c, C - m) : 0;
}

/* What would be expected in a window of measure m. */
static inline double ww_scan_expected(const struct ww_scan_totals *all, double m) {
    return all->model == WW_SCAN_BERNOULLI ? m * all->cases / all->measure : m;
}

/* The risk inside against that outside; INFINITY when all cases are inside. Expectation-based: c / b. */
static inline double ww_scan_relative_risk(const struct ww_scan_totals *all, double c, double m) {
    double mu = ww_scan_expected(all, m);
    if (all->model == WW_SCAN_EXPECTATION)
        return c / mu;
    return all->cases > c ? c / mu / ((all->cases - c) / (all->cases - mu)) : INFINITY;
}

#endif
