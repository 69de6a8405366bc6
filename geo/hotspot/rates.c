/* Rates of small places: raw, Freeman-Tukey, empirical Bayes. */
#include "geo/hotspot/rates.h"

#include <math.h>

void ww_rates_raw(const double *cases, const double *population, uint32_t n, double *out) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = cases[i] / population[i];
}

void ww_rates_freeman_tukey(const double *cases, const double *population, uint32_t n, double *out) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = sqrt(1000) * (sqrt(cases[i] / population[i]) + sqrt((cases[i] + 1) / population[i]));
}

void ww_rates_empirical_bayes(const double *cases, const double *population, uint32_t n, double *out) {
    double all_cases = 0, all = 0, spread = 0;
    for (uint32_t i = 0; i < n; i++) {
        all_cases += cases[i];
        all += population[i];
    }
    double b = all_cases / all;
    for (uint32_t i = 0; i < n; i++) {
        double off = cases[i] / population[i] - b;
        spread += population[i] * off * off;
    }
    double a = spread / all - b / (all / n);
    for (uint32_t i = 0; i < n; i++) {
        double variance = a + b / population[i];
        if (!(variance > 0))
            variance = b / population[i];
        out[i] = b > 0 ? (cases[i] / population[i] - b) / sqrt(variance) : NAN;
    }
}
