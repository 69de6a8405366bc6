/* Rates of small places: counts over populations, made comparable.
 *
 * Pure. 1 case among 100 people and 100 among 10,000 are one rate and not one evidence. Each function writes
 * out[n] from cases[n] (0 or more) and population[n] (above 0; the caller refuses others).
 */
#ifndef WW_GEO_HOTSPOT_RATES_H
#define WW_GEO_HOTSPOT_RATES_H

#include <stdint.h>

/* cases / population. */
void ww_rates_raw(const double *cases, const double *population, uint32_t n, double *out);
/* Freeman and Tukey 1950, as Cressie and Read use it: sqrt(1000) (sqrt(c/n) + sqrt((c+1)/n)): its variance
 * hardly depends on the rate. */
void ww_rates_freeman_tukey(const double *cases, const double *population, uint32_t n, double *out);
/* Empirical Bayes standardisation, Assuncao and Reis 1999: the rate's distance from the rate of all, in
 * standard deviations that a place of this population has: (p_i - b) / sqrt(a + b/n_i). Where a + b/n_i is
 * not above 0 (little spread between the places), b/n_i. No case anywhere: NaN. */
void ww_rates_empirical_bayes(const double *cases, const double *population, uint32_t n, double *out);

#endif
