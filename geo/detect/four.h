/* Four floats side by side: what a detector does four times over, done once.
 *
 *   ww_four y = ww_four_load(values);
 *   y = ww_four_where(y > ww_four_all(3), ww_four_all(3), y);          // lane by lane
 *
 * GCC's and clang's vector types: one instruction where the machine has such, four where not. Each lane is
 * rounded as a float by itself (IEEE 754), so the numbers are the same on every machine.
 */
#ifndef WW_GEO_DETECT_FOUR_H
#define WW_GEO_DETECT_FOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef float ww_four __attribute__((vector_size(16)));
typedef int32_t ww_four_is
    __attribute__((vector_size(16))); /* of a comparison: all bits of a lane, or none */

static inline ww_four ww_four_all(float x) {
    return (ww_four){x, x, x, x};
}
static inline ww_four ww_four_load(const float values[4]) {
    ww_four x;
    memcpy(&x, values, sizeof x);
    return x;
}
static inline void ww_four_store(float values[4], ww_four x) {
    memcpy(values, &x, sizeof x);
}
static inline ww_four ww_four_where(ww_four_is is, ww_four yes, ww_four no) {
    return (ww_four)(((ww_four_is)yes & is) | ((ww_four_is)no & ~is));
}
static inline ww_four ww_four_larger(ww_four a, ww_four b) {
    return ww_four_where(a > b, a, b);
}
static inline ww_four ww_four_lower(ww_four a, ww_four b) {
    return ww_four_where(a < b, a, b);
}
static inline ww_four ww_four_abs(ww_four x) {
    return (ww_four)((ww_four_is)x & INT32_MAX);
}
static inline bool ww_four_any(ww_four_is is) {
    int64_t half[2];
    memcpy(half, &is, sizeof half);
    return (half[0] | half[1]) != 0;
}

#endif
