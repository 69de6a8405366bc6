/* Tails of a weighted sum with skewness: the third moment, and the Pearson type III law.
 *
 * With values d_1…d_n that sum to 0, dealt out to positions with weights c_j, and A_k = sum c_j^k:
 *   E(sum c d)³ = mu3 (A3 - 3 (A2 A1 - A3)/(n-1) + 2 (A1³ - 3 A1 A2 + 2 A3)/((n-1)(n-2))),  mu3 = sum d³/n,
 * because E d1² d2 = -mu3/(n-1) and E d1 d2 d3 = 2 mu3/((n-1)(n-2)) for three different positions.
 */
#include <math.h>

#include "geo/hotspot/tail.h"

void ww_hotspot_gstar_skewness(const struct ww_weights *w, const double *x, double *skewness) {
    double n = w->n, mean = 0, m2 = 0, m3 = 0;
    for (uint32_t i = 0; i < w->n; i++)
        mean += x[i] / n;
    for (uint32_t i = 0; i < w->n; i++) {
        double d = x[i] - mean;
        m2 += d * d / n;
        m3 += d * d * d / n;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        double own = ww_weights_own(w, i), a1 = own, a2 = own * own, a3 = own * own * own;
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
            double c = w->weight[k];
            a1 += c;
            a2 += c * c;
            a3 += c * c * c;
        }
        double third = m3 * (a3 - 3 * (a2 * a1 - a3) / (n - 1) +
                             2 * (a1 * a1 * a1 - 3 * a1 * a2 + 2 * a3) / ((n - 1) * (n - 2)));
        double variance = m2 * (n * a2 - a1 * a1) / (n - 1);
        skewness[i] = w->n > 2 && variance > 0 ? third / (variance * sqrt(variance)) : NAN;
    }
}

/* Q(shape, x) by its series below the hump and Lentz's continued fraction above (Abramowitz and
 * Stegun 6.5.29, 6.5.31). */
double ww_gamma_upper(double a, double x) {
    if (!(x > 0))
        return 1;
    double front = exp(a * log(x) - x - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int k = 1; k < 100000 && term > sum * 1e-16; k++)
            sum += term *= x / (a + k);
        return fmax(0, 1 - front * sum);
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < 100000; k++) {
        double an = -k * (k - a);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return front * h;
}

/* The lower tail's share, exact where it is small: P(shape, x). */
static double gamma_lower(double a, double x) {
    if (!(x > 0))
        return 0;
    if (x >= a + 1)
        return 1 - ww_gamma_upper(a, x);
    double front = exp(a * log(x) - x - lgamma(a)), term = 1 / a, sum = term;
    for (int k = 1; k < 100000 && term > sum * 1e-16; k++)
        sum += term *= x / (a + k);
    return front * sum;
}

double ww_pearson3_upper(double z, double skewness) {
    if (isnan(z) || isnan(skewness))
        return NAN;
    double g = fabs(skewness);
    if (g < 1e-4) /* shape above 4e8: the gamma law is the normal one to 5 digits, and its sums get long */
        return erfc(z / M_SQRT2) / 2;
    double shape = 4 / (g * g), up = skewness > 0 ? z : -z;
    double x = shape + up * sqrt(shape);
    return skewness > 0 ? ww_gamma_upper(shape, x) : gamma_lower(shape, x);
}
