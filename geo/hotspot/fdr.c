/* From z to p, from p to q (Benjamini and Hochberg 1995). */
#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/hotspot.h"

void ww_hotspot_p(const double *z, size_t n, enum ww_sides sides, double *p) {
    for (size_t i = 0; i < n; i++)
        p[i] = sides == WW_TWO_SIDED  ? erfc(fabs(z[i]) / M_SQRT2)
               : sides == WW_HOT_SIDE ? erfc(z[i] / M_SQRT2) / 2
                                      : erfc(-z[i] / M_SQRT2) / 2;
}

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *pa, const void *pb) {
    const struct ranked *a = pa, *b = pb;
    return a->p < b->p ? -1 : a->p > b->p;
}

enum ww_status ww_hotspot_q(const double *p, size_t n, double *q) {
    struct ranked *ranked = ww_try_calloc(n ? n : 1, sizeof *ranked);
    size_t m = 0;
    double least = 1;
    if (!ranked)
        return WW_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(p[i]))
            ranked[m++] = (struct ranked){p[i], i};
        q[i] = NAN;
    }
    qsort(ranked, m, sizeof *ranked, by_p);
    for (size_t k = m; k-- > 0;) {
        least = fmin(least, ranked[k].p * (double)m / (double)(k + 1));
        q[ranked[k].index] = least;
    }
    ww_free(ranked);
    return WW_OK;
}
