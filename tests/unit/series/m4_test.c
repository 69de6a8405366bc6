/* M4 against a plain oracle that keeps everything, and against the pixels of both charts. */
#include "geo/series/m4.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 3000

static uint64_t state;
static uint64_t draw(uint64_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % below;
}

static size_t run(const struct ww_m4_point *all, size_t n, int64_t from, int64_t to, uint32_t columns,
                  struct ww_m4_point *out) {
    struct ww_m4 m4;
    size_t got = 0;
    ww_m4_init(&m4, from, to, columns);
    for (size_t i = 0; i < n; i++)
        got += ww_m4_push(&m4, all[i].time_us, all[i].value, out + got);
    return got + ww_m4_end(&m4, out + got);
}

/* Column by column, each looked through from its beginning: first, last, first smallest, first largest. */
static size_t oracle(const struct ww_m4_point *all, size_t n, int64_t from, int64_t to, uint32_t columns,
                     struct ww_m4_point *out) {
    size_t got = 0;
    for (uint32_t c = 0; c < columns; c++) {
        size_t first = SIZE_MAX, last = 0, min = 0, max = 0;
        for (size_t i = 0; i < n; i++) {
            const long double at = (long double)(all[i].time_us - from) * columns / (long double)(to - from);
            if (all[i].time_us < from || all[i].time_us >= to || !isfinite(all[i].value) ||
                (uint32_t)floorl(at) != c)
                continue;
            if (first == SIZE_MAX)
                first = min = max = i;
            if (all[i].value < all[min].value)
                min = i;
            if (all[i].value > all[max].value)
                max = i;
            last = i;
        }
        for (size_t i = first; first != SIZE_MAX && i <= last; i++)
            if (i == first || i == last || i == min || i == max)
                out[got++] = all[i];
    }
    return got;
}

static size_t make(struct ww_m4_point *all, int64_t span) {
    const size_t n = draw(MOST);
    int64_t t = -(int64_t)draw(5);
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct ww_m4_point){t, (double)draw(9) - 4};
        if (draw(40) == 0)
            all[i].value = draw(2) ? NAN : INFINITY;
        t += (int64_t)draw((uint64_t)(2 * span) / MOST + 2);
    }
    return n;
}

static void it_keeps_what_the_oracle_keeps(void **unused) {
    static struct ww_m4_point all[MOST], got[MOST], wanted[MOST];
    (void)unused;
    for (state = 1; state < 400; state += 1) {
        const uint64_t seed = state;
        const int64_t span = 1 + (int64_t)draw(5000);
        const uint32_t columns = 1 + (uint32_t)draw(50);
        const size_t n = make(all, span);
        const size_t n_got = run(all, n, 0, span, columns, got),
                     n_wanted = oracle(all, n, 0, span, columns, wanted);
        assert_int_equal(n_got, n_wanted);
        assert_memory_equal(got, wanted, n_got * sizeof *got);
        assert_true(n_got <= 4 * (size_t)columns);
        state = seed;
    }
}

/* For each of the chart's columns the rows that the line covers within it, by the points and by the lines
 * between columns: the paper's claim. */
static void draw_chart(const struct ww_m4_point *p, size_t n, int64_t span, uint32_t width, double low[],
                       double high[]) {
    for (uint32_t c = 0; c < width; c++)
        low[c] = INFINITY, high[c] = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = (uint32_t)(p[i].time_us * width / span);
        low[c] = fmin(low[c], p[i].value);
        high[c] = fmax(high[c], p[i].value);
        if (i + 1 == n)
            continue;
        const uint32_t d = (uint32_t)(p[i + 1].time_us * width / span);
        for (uint32_t edge = c + 1; edge <= d; edge++) { /* where the line crosses into the next column */
            const double x = (double)edge * (double)span / width;
            const double v = p[i].value + (p[i + 1].value - p[i].value) * (x - (double)p[i].time_us) /
                                              (double)(p[i + 1].time_us - p[i].time_us);
            low[edge - 1] = fmin(low[edge - 1], v), high[edge - 1] = fmax(high[edge - 1], v);
            low[edge] = fmin(low[edge], v), high[edge] = fmax(high[edge], v);
        }
    }
}

static void the_chart_is_the_same_pixel_by_pixel(void **unused) {
    static struct ww_m4_point all[MOST], got[MOST];
    double low[2][64], high[2][64];
    (void)unused;
    for (int round = 0; round < 50; round++) {
        size_t n = 0;
        state = 77 + (uint64_t)round;
        for (int64_t t = (int64_t)draw(4); t < 6400 && n < MOST; t += 1 + (int64_t)draw(6))
            all[n++] = (struct ww_m4_point){t, (double)draw(1000) / 7};
        const size_t n_got = run(all, n, 0, 6400, 64, got);
        assert_true(n_got < n / 2);
        draw_chart(all, n, 6400, 64, low[0], high[0]);
        draw_chart(got, n_got, 6400, 64, low[1], high[1]);
        assert_memory_equal(low[0], low[1], sizeof low[0]);
        assert_memory_equal(high[0], high[1], sizeof high[0]);
    }
}

static void the_example_of_the_header_holds(void **unused) {
    const struct ww_m4_point all[] = {{0, 3}, {500000, 9}, {1000000, 1}, {1500000, 4}, {2000000, 7}};
    struct ww_m4_point out[4];
    struct ww_m4 m4;
    (void)unused;
    ww_m4_init(&m4, 0, 4000000, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ww_m4_push(&m4, all[i].time_us, all[i].value, out), 0);
    assert_int_equal(ww_m4_push(&m4, all[4].time_us, all[4].value, out), 4);
    assert_memory_equal(out, all, sizeof out);
    assert_int_equal(ww_m4_end(&m4, out), 1);
    assert_memory_equal(out, all + 4, sizeof *out);
    assert_int_equal(m4.taken, 5);
}

static void the_ends_of_all_times_overflow_nothing(void **unused) {
    const int64_t from = INT64_C(-62135596800000000), to = INT64_C(253402300799999999);
    const struct ww_m4_point all[] = {{from, 1}, {to - 1, 2}, {to, 3}};
    struct ww_m4_point out[8];
    (void)unused;
    assert_int_equal(run(all, 3, from, to, UINT32_MAX, out), 2);
    assert_memory_equal(out, all, 2 * sizeof *out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_keeps_what_the_oracle_keeps),
        cmocka_unit_test(the_chart_is_the_same_pixel_by_pixel),
        cmocka_unit_test(the_example_of_the_header_holds),
        cmocka_unit_test(the_ends_of_all_times_overflow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
