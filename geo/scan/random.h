/* Random numbers of the scan: the same seed gives the same replicas on any machine.
 *
 * xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64 from the run's seed and the replica's number,
 * so that a replica does not depend on how many threads or slices the others were made in. Draws use integers
 * and IEEE additions only; libm comes in by exp and log, whose last bit may differ between machines: that
 * changes a draw about once in 10^15.
 *
 *   struct ww_random rng = ww_random_of(seed, replica);
 *   uint32_t place = ww_random_below(&rng, n_places);
 */
#ifndef WW_SCAN_RANDOM_H
#define WW_SCAN_RANDOM_H

#include <math.h>
#include <stdint.h>

struct ww_random {
    uint64_t s[4];
};

static inline uint64_t ww_random_split(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline struct ww_random ww_random_of(uint64_t seed, uint64_t stream) {
    struct ww_random rng;
    uint64_t state = seed;
    state = ww_random_split(&state) ^ stream * 0xd6e8feb86659fd93u;
    for (int i = 0; i < 4; i++)
        rng.s[i] = ww_random_split(&state);
    return rng;
}

static inline uint64_t ww_random_next(struct ww_random *rng) {
    uint64_t *s = rng->s;
    uint64_t sum = s[0] + s[3];
    uint64_t out = ((sum << 23) | (sum >> 41)) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return out;
}

/* 0 … n-1, each exactly as likely (Lemire 2019); n > 0. */
static inline uint32_t ww_random_below(struct ww_random *rng, uint32_t n) {
    uint64_t product = (ww_random_next(rng) >> 32) * n;
    if ((uint32_t)product < n) {
        uint32_t least = (uint32_t)(-n) % n;
        while ((uint32_t)product < least)
            product = (ww_random_next(rng) >> 32) * n;
    }
    return (uint32_t)(product >> 32);
}

/* [0, 1) */
static inline double ww_random_unit(struct ww_random *rng) {
    return (double)(ww_random_next(rng) >> 11) * 0x1p-53;
}

/* A Poisson number: stretches of mean 8 by inversion, so that exp stays in range for any mean. O(mean). */
static inline uint64_t ww_random_poisson(struct ww_random *rng, double mean) {
    static const double stretch = 8, none = 3.3546262790251185e-4; /* exp(-8) */
    uint64_t total = 0;
    while (mean > 0) {
        double part = mean < stretch ? mean : stretch;
        double p = mean < stretch ? exp(-mean) : none;
        double u = ww_random_unit(rng);
        for (uint32_t k = 1; u >= p && k < 200; k++) {
            u -= p;
            p *= part / k;
            total++;
        }
        mean -= stretch;
    }
    return total;
}

/* A standard normal number (Marsaglia's polar method; the second of the pair is dropped). */
static inline double ww_random_normal(struct ww_random *rng) {
    for (;;) {
        double x = 2 * ww_random_unit(rng) - 1, y = 2 * ww_random_unit(rng) - 1;
        double r = x * x + y * y;
        if (r > 0 && r < 1)
            return x * sqrt(-2 * log(r) / r);
    }
}

#endif
