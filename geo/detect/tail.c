/* Learns the upper tail of a statistic; see tail.h. */
#include "geo/detect/tail.h"

#include <assert.h>
#include <math.h>

static const double ln10 = 2.302585092994046;

static const double at_usual = 1.3010299956639813, at_rare = 2.3010299956639813; /* -log10 of 0.05, 0.005 */

struct ww_tail ww_tail_of(double usual, double beta) {
    return (struct ww_tail){(float)usual, (float)(usual + beta * ln10), (float)beta};
}

double ww_tail_far_surprise(const struct ww_tail *tail, double y, double k) {
    return at_rare + k * log1p((y - tail->rare) / (k * tail->beta)) / ln10;
}

double ww_tail_value(const struct ww_tail *tail, double surprise, double k) {
    if (surprise <= at_usual)
        return surprise > 0 ? tail->usual * surprise / at_usual : 0;
    if (surprise <= at_rare)
        return tail->usual + (surprise - at_usual) * (tail->rare - tail->usual);
    return tail->rare + k * tail->beta * expm1((surprise - at_rare) * ln10 / k);
}

double ww_binomial_surprise(int n, int r, double p) {
    assert(n > 0 && n <= 64 && p > 0 && p < 1);
    if (r <= 0)
        return 0;
    /* The first term by logarithms, the others by their ratio. */
    double term = exp(lgamma(n + 1) - lgamma(r + 1) - lgamma(n - r + 1) + r * log(p) + (n - r) * log1p(-p));
    double sum = term;
    for (int i = r; i < n; i++) {
        term *= (double)(n - i) / (i + 1) * p / (1 - p);
        sum += term;
    }
    return sum >= 1 ? 0 : -log10(sum);
}

double ww_cusum_arl(double k, double h) {
    double b = h + 1.166;
    return (exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k) / 2;
}

double ww_cusum_threshold(double k, double arl) {
    double low = 0, high = 1;
    while (ww_cusum_arl(k, high) < arl && high < 1e6)
        high *= 2;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (ww_cusum_arl(k, middle) < arl)
            low = middle;
        else
            high = middle;
    }
    return high;
}
