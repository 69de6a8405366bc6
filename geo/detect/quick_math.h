/* Logarithm and exponential where seven digits do, without a call: a detector takes a dozen a reading.
 *
 *   ww_quick_ln1p(z)   ln(1 + z), z >= 0, within 3e-8 of it
 *   ww_quick_exp(x)    e^x within one part in 2e-7; 0 below -700, as at 700 above it
 *
 * Pure arithmetic on doubles (no table, no libm), so the same numbers on every machine that rounds as IEEE
 * 754 says.
 */
#ifndef WW_GEO_DETECT_QUICK_MATH_H
#define WW_GEO_DETECT_QUICK_MATH_H

#include <stdint.h>
#include <string.h>

/* 1 + z = 2^e m, m in [sqrt ½, sqrt 2); ln m = 2 artanh s, s = (m - 1)/(m + 1), |s| < 0.172: next term 2
 * s^11/11 < 1e-9. */
static inline double ww_quick_ln1p(double z) {
    double y = 1 + z;
    uint64_t bits;
    memcpy(&bits, &y, sizeof bits);
    int64_t e = (int64_t)((bits + UINT64_C(0x00095f619980c433)) >> 52) -
                1023; /* 2 - sqrt 2: rounds up from sqrt 2 on */
    bits -= (uint64_t)e << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1) / (m + 1), q = s * s;
    return (double)e * 0.6931471805599453 +
           2 * s * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q / 9))));
}

/* x = n ln 2 + r, |r| <= 0.347: Taylor to r^6, next term r^7/5040 < 2e-7. */
static inline double ww_quick_exp(double x) {
    if (x < -700)
        return 0;
    x = x > 700 ? 700 : x;
    double scaled = x * 1.4426950408889634;
    int64_t n = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    double r = x - (double)n * 0.6931471805599453;
    double p = 1 + r * (1 + r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r / 720)))));
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

#endif
