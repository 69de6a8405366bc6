/* The inner loop twice: with 256-bit registers where the processor has them, and in plain vectors of C. */
#include "geo/scan/walk.h"

enum { BLOCK = 4 };

typedef int16_t lanes __attribute__((vector_size(16)));

static inline int any_reaches(const lanes *sum, const lanes *threshold) {
    typedef int64_t words __attribute__((vector_size(16)));
    words hit = (words)(*sum >= *threshold);
    return (hit[0] | hit[1]) != 0;
}

static uint64_t walk_plain(const struct ww_scan_walk *w, uint64_t from, uint64_t to, uint16_t *sum) {
    const lanes *count = (const lanes *)(const void *)w->count;
    const lanes *low = (const lanes *)(const void *)w->threshold[0];
    const lanes *high = (const lanes *)(const void *)w->threshold[1];
    lanes *total = (lanes *)(void *)sum;
    lanes a = total[0], b = total[1];
    uint64_t i = from;
    while (i < to) {
        lanes next_a = a, next_b = b;
        uint64_t end = to - i < BLOCK ? to : i + BLOCK;
        for (uint64_t j = i; j < end; j++) {
            next_a += count[2 * w->place[j]];
            next_b += count[2 * w->place[j] + 1];
        }
        if (any_reaches(&next_a, &low[w->row[i]]) || any_reaches(&next_b, &high[w->row[i]])) {
            for (; i < end; i++) {
                a += count[2 * w->place[i]];
                b += count[2 * w->place[i] + 1];
                if (any_reaches(&a, &low[w->row[i]]) || any_reaches(&b, &high[w->row[i]]))
                    goto out;
            }
        }
        a = next_a;
        b = next_b;
        i = end;
    }
out:
    total[0] = a;
    total[1] = b;
    return i;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

AVX2 int all_below(const struct ww_scan_walk *w, uint64_t step, __m256i sum) {
    const __m128i *low = (const __m128i *)(const void *)w->threshold[0] + w->row[step];
    const __m128i *high = (const __m128i *)(const void *)w->threshold[1] + w->row[step];
    __m256i both =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(low)), _mm_load_si128(high), 1);
    return _mm256_movemask_epi8(_mm256_cmpgt_epi16(both, sum)) == -1;
}

__attribute__((target("avx2"))) static uint64_t walk_avx2(const struct ww_scan_walk *w, uint64_t from,
                                                          uint64_t to, uint16_t *sum) {
    const __m256i *count = (const __m256i *)(const void *)w->count;
    const uint16_t *place = w->place;
    __m256i *total = (__m256i *)(void *)sum, now = *total;
    uint64_t i = from;
    for (; i + BLOCK <= to; i += BLOCK) {
        __m256i first = _mm256_add_epi16(count[place[i]], count[place[i + 1]]);
        __m256i second = _mm256_add_epi16(count[place[i + 2]], count[place[i + 3]]);
        __m256i next = _mm256_add_epi16(now, _mm256_add_epi16(first, second));
        if (!all_below(w, i, next))
            for (uint64_t j = i; j < i + BLOCK; j++) {
                now = _mm256_add_epi16(now, count[place[j]]);
                if (!all_below(w, j, now)) {
                    *total = now;
                    return j;
                }
            }
        now = next;
    }
    for (; i < to; i++) { /* the rest */
        now = _mm256_add_epi16(now, count[place[i]]);
        if (!all_below(w, i, now))
            break;
    }
    *total = now;
    return i;
}

uint64_t ww_scan_walk(const struct ww_scan_walk *w, uint64_t from, uint64_t to, uint16_t *sum) {
    return __builtin_cpu_supports("avx2") ? walk_avx2(w, from, to, sum) : walk_plain(w, from, to, sum);
}
#else
uint64_t ww_scan_walk(const struct ww_scan_walk *w, uint64_t from, uint64_t to, uint16_t *sum) {
    return walk_plain(w, from, to, sum);
}
#endif
