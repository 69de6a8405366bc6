/* The k-d tree against looking at every point. */
#include "geo/near.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/alloc.h"

enum { MOST = 1500 };
static double points[MOST][2];
static struct ww_near_hit got[MOST + 8], want[MOST];

static double random_01(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

/* Haversine: another formula than the tree's. */
static double metres_between(const double a[2], const double b[2], double radius_m) {
    if (radius_m == WW_NEAR_PLANE)
        return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]));
    double r = M_PI / 180, u = sin((b[1] - a[1]) * r / 2), v = sin((b[0] - a[0]) * r / 2);
    return 2 * radius_m * asin(fmin(1, sqrt(u * u + cos(a[1] * r) * cos(b[1] * r) * v * v)));
}

static void look_at_all(uint32_t n, const double at[2], double radius_m) {
    for (uint32_t i = 0; i < n; i++)
        want[i] = (struct ww_near_hit){metres_between(at, points[i], radius_m), i};
    ww_near_sort(want, n);
}

/* The k nearest and all within the k-th distance; `exact`: ties are told by index too. */
static void check(const struct ww_near *near, uint32_t n, const double at[2], uint32_t k, double radius_m,
                  bool exact) {
    double tolerance = radius_m > 0 ? 1e-6 * radius_m / WW_NEAR_EARTH_M + 1e-7 : 0;
    look_at_all(n, at, radius_m);
    uint32_t expected = k < n ? k : n;
    assert_int_equal(ww_near_nearest(near, at, k, got), expected);
    for (uint32_t i = 0; i < expected; i++) {
        assert_true(fabs(got[i].metres - want[i].metres) <= tolerance);
        if (exact)
            assert_int_equal(got[i].index, want[i].index);
        assert_true(ww_near_metres(at, points[got[i].index], radius_m) == got[i].metres);
    }
    if (expected == 0)
        return;
    double limit = want[expected - 1].metres + (exact ? 0 : 1e-3);
    uint32_t within = expected;
    while (within < n && want[within].metres <= limit)
        within++;
    assert_int_equal(ww_near_within(near, at, limit, got, MOST), within);
    ww_near_sort(got, within);
    for (uint32_t i = 0; i < within; i++) {
        assert_true(fabs(got[i].metres - want[i].metres) <= tolerance);
        if (exact)
            assert_int_equal(got[i].index, want[i].index);
    }
}

static void answers_on_a_plane_are_those_of_looking_at_every_point(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (uint32_t n = 0; n < MOST; n = n * 3 / 2 + 1) {
        for (uint32_t i = 0; i < n; i++)
            for (int a = 0; a < 2; a++)
                points[i][a] = random_01(&seed) * 1e4;
        struct ww_near *near = ww_near_new((const double(*)[2])points, n, WW_NEAR_PLANE);
        for (uint32_t q = 0; q < 40; q++) {
            double at[2] = {random_01(&seed) * 1.2e4 - 1e3, random_01(&seed) * 1.2e4 - 1e3};
            check(near, n, q < n && q % 2 ? points[q] : at, q % 13, WW_NEAR_PLANE, true);
        }
        ww_near_free(near);
    }
}

static void ties_go_to_the_smaller_index(void **state) {
    (void)state;
    /* A grid of integers, each point three times: distances are exact and most are equal. */
    uint32_t n = 0;
    for (int copy = 0; copy < 3; copy++)
        for (int x = 0; x < 20; x++)
            for (int y = 0; y < 20; y++, n++) {
                points[n][0] = (x * 7 + copy) % 20;
                points[n][1] = (y * 11 + copy * 3) % 20;
            }
    struct ww_near *near = ww_near_new((const double(*)[2])points, n, WW_NEAR_PLANE);
    for (uint32_t i = 0; i < n; i += 5)
        for (uint32_t k = 1; k < 40; k += 3)
            check(near, n, points[i], k, WW_NEAR_PLANE, true);
    check(near, n, points[3], n + 5, WW_NEAR_PLANE, true);
    ww_near_free(near);
    for (uint32_t i = 0; i < 1000; i++) /* all at one place */
        points[i][0] = points[i][1] = 4;
    near = ww_near_new((const double(*)[2])points, 1000, WW_NEAR_PLANE);
    check(near, 1000, points[999], 9, WW_NEAR_PLANE, true);
    ww_near_free(near);
}

static void degrees_wrap_at_the_antimeridian_and_over_the_poles(void **state) {
    (void)state;
    uint64_t seed = 11;
    const double middles[][2] = {{180, 0}, {-180, 65}, {0, 90}, {120, -89.9}, {107.1, 29.8}};
    for (size_t m = 0; m < sizeof middles / sizeof *middles; m++) {
        uint32_t n = 700;
        for (uint32_t i = 0; i < n; i++) {
            double lat = middles[m][1] + (random_01(&seed) - 0.5) * 4;
            double lon = middles[m][0] + (random_01(&seed) - 0.5) * (fabs(lat) > 85 ? 360 : 4);
            lat = lat > 90 ? 180 - lat : lat < -90 ? -180 - lat : lat;
            points[i][0] = lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon;
            points[i][1] = lat;
        }
        struct ww_near *near = ww_near_new((const double(*)[2])points, n, WW_NEAR_EARTH_M);
        for (uint32_t q = 0; q < 60; q++)
            check(near, n, q % 2 ? points[q] : middles[m], 1 + q % 17, WW_NEAR_EARTH_M, false);
        ww_near_free(near);
    }
    double two[2][2] = {{-179.999, 10}, {179.999, 10}}, here[2] = {180, 10};
    struct ww_near *near = ww_near_new((const double(*)[2])two, 2, WW_NEAR_EARTH_M);
    assert_int_equal(ww_near_within(near, here, 110, got, MOST), 2); /* 0.001° at 10° north: 109.5 m */
    assert_int_equal(ww_near_within(near, here, 109, got, MOST), 0);
    ww_near_free(near);
    double same[2][2] = {{180, 10}, {-180, 10}};
    near = ww_near_new((const double(*)[2])same, 2, WW_NEAR_EARTH_M);
    assert_int_equal(ww_near_nearest(near, same[1], 2, got), 2);
    assert_int_equal(got[0].index, 0); /* one place: a tie */
    assert_true(got[1].metres == 0);
    ww_near_free(near);
}

static void half_a_world_is_all_within(void **state) {
    (void)state;
    double two[2][2] = {{0, 0}, {180, 0}};
    struct ww_near *near = ww_near_new((const double(*)[2])two, 2, WW_NEAR_EARTH_M);
    assert_int_equal(ww_near_within(near, two[0], M_PI * WW_NEAR_EARTH_M, got, MOST), 2);
    assert_int_equal(ww_near_within(near, two[0], 2.0e7, got, MOST), 1);
    assert_int_equal(ww_near_within(near, two[0], -1, got, MOST), 0);
    assert_int_equal(ww_near_within(near, two[0], NAN, got, MOST), 0);
    ww_near_free(near);
}

static void hits_beyond_the_room_are_counted_and_not_written(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        points[i][0] = i;
        points[i][1] = 0;
    }
    struct ww_near *near = ww_near_new((const double(*)[2])points, 100, WW_NEAR_PLANE);
    memset(got, 0xff, sizeof got);
    assert_int_equal(ww_near_within(near, points[50], 10, got, 4), 21);
    assert_int_equal(got[4].index, UINT32_MAX);
    ww_near_free(near);
}

static void short_memory_gives_null(void **state) {
    (void)state;
    for (long nth = 1; nth <= 4; nth++) {
        ww_alloc_fail_after(nth);
        assert_null(ww_near_new((const double(*)[2])points, 10, WW_NEAR_PLANE));
    }
    ww_alloc_fail_after(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_on_a_plane_are_those_of_looking_at_every_point),
        cmocka_unit_test(ties_go_to_the_smaller_index),
        cmocka_unit_test(degrees_wrap_at_the_antimeridian_and_over_the_poles),
        cmocka_unit_test(half_a_world_is_all_within),
        cmocka_unit_test(hits_beyond_the_room_are_counted_and_not_written),
        cmocka_unit_test(short_memory_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
