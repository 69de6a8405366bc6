/* Seeded random numbers for the detectors' tests (splitmix64), and numbers that are near each other. */
#ifndef WW_TESTS_DETECT_RANDOM_H
#define WW_TESTS_DETECT_RANDOM_H

#include <math.h>
#include <stdint.h>

#define assert_near(value, expected, tolerance)                                                              \
    do {                                                                                                     \
        double assert_v = (value), assert_e = (expected);                                                    \
        if (!(fabs(assert_v - assert_e) <= (tolerance)))                                                     \
            fail_msg("%s is %.9g, not %.9g", #value, assert_v, assert_e);                                    \
    } while (0)

struct random {
    uint64_t state;
};

static inline uint64_t random_bits(struct random *r) {
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline double random_unit(struct random *r) {
    return (double)(random_bits(r) >> 11) * 0x1p-53;
}

static inline double random_normal(struct random *r) {
    double u = 1 - random_unit(r), v = random_unit(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
