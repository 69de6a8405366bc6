/* A live map against the same map computed whole, however readings come: late, moved, grown old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/hotspot/hotspot.h"
#include "geo/scan/random.h"
#include "ingest/space/hotspot_watch.h"

enum { SIDE = 7, N = SIDE * SIDE, PER_WARD = 2 };
static const int64_t start_us = INT64_C(1800000000) * WW_SECOND_US;

struct bench {
    struct ww_arena *arena;
    struct ww_scan_rule as_wards;
    struct ww_hotspot_watch *watch;
    struct ww_weights *weights;
};

static void open_bench(struct bench *b, const char *config) {
    struct ww_error err;
    *b = (struct bench){.arena = ww_arena_new(1 << 20), .as_wards = {.places = WW_PLACE_WARD}};
    struct ww_hotspot_setup setup = {.rule_id = 3,
                                     .version = 1,
                                     .severity = 2,
                                     .code = WW_STR("heat"),
                                     .config = ww_str_of(config),
                                     .property_unit = WW_STR("ug/m3"),
                                     .wards = ww_scan_spots_new(&b->as_wards)};
    assert_int_equal(ww_hotspot_rule_parse(b->arena, setup.config, &setup.how, &err), WW_OK);
    struct ww_weight_pair pair[4 * N];
    uint32_t n_pairs = 0;
    for (uint32_t i = 0; i < N; i++) { /* wards in a square; ids from 1 */
        char code[16], touching[64] = "";
        size_t len = 0;
        uint32_t x = i % SIDE, y = i / SIDE, other[4], n = 0;
        if (x > 0)
            other[n++] = i - 1;
        if (x + 1 < SIDE)
            other[n++] = i + 1;
        if (y > 0)
            other[n++] = i - SIDE;
        if (y + 1 < SIDE)
            other[n++] = i + SIDE;
        for (uint32_t k = 0; k < n; k++) {
            len +=
                (size_t)snprintf(touching + len, sizeof touching - len, "%s%u", k ? "," : "", other[k] + 1);
            pair[n_pairs++] = (struct ww_weight_pair){i, other[k], 1};
        }
        struct ww_scan_ward_row row = {.id = i + 1,
                                       .code = {code, (size_t)snprintf(code, sizeof code, "w%u", i)},
                                       .at = {NAN, NAN},
                                       .west = NAN,
                                       .population = NAN,
                                       .touching = {touching, len}};
        assert_int_equal(ww_scan_spots_add_ward(setup.wards, &row, &err), WW_OK);
    }
    assert_int_equal(ww_scan_spots_finish(setup.wards, NULL, &err), WW_OK);
    assert_int_equal(ww_weights_from_pairs(pair, n_pairs, N, &b->weights, &err), WW_OK);
    assert_int_equal(ww_hotspot_watch_new(&setup, &b->watch, &err), WW_OK);
}

static void close_bench(struct bench *b) {
    ww_hotspot_watch_free(b->watch);
    ww_weights_free(b->weights);
    ww_arena_free(b->arena);
}

static void settle(struct bench *b, int64_t now_us) {
    ww_hotspot_watch_begin(b->watch, now_us, &(struct ww_known){.message = 1});
    ww_hotspot_watch_settle(b->watch);
    ww_hotspot_watch_end(b->watch);
}

static void set(struct bench *b, int64_t thing, uint32_t ward, int64_t time_us, double value) {
    assert_true(ww_hotspot_watch_set(b->watch, thing, ward + 1, NULL, time_us, value));
}

static void the_live_map_is_that_of_the_newest_values(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, "{\"property\":\"x\",\"places\":\"ward\"}");
    struct ww_random rng = ww_random_of(4, 0);
    static double newest[N * PER_WARD], mean[N], z[N];
    static uint32_t ward_of[N * PER_WARD];
    for (int k = 0; k < 4000; k++) {
        uint32_t thing = k < N * PER_WARD ? (uint32_t)k : ww_random_below(&rng, N * PER_WARD);
        double value = exp(ww_random_normal(&rng)) * (thing / PER_WARD == N / 2 ? 8 : 1);
        ward_of[thing] =
            k < N * PER_WARD || k % 3 ? thing / PER_WARD : ww_random_below(&rng, N); /* some move */
        set(&b, thing, ward_of[thing], start_us + k, value);
        newest[thing] = value;
        set(&b, thing, 3, start_us - 1000, 1e6); /* late: the newest stays */
    }
    for (uint32_t w = 0; w < N; w++) { /* back home, so that each ward has a value */
        set(&b, w * PER_WARD, w, start_us + 5000, newest[w * PER_WARD]);
        ward_of[w * PER_WARD] = w;
    }
    settle(&b, start_us + 6000);
    for (uint32_t w = 0; w < N; w++) {
        double sum = 0, n = 0;
        for (uint32_t t = 0; t < N * PER_WARD; t++)
            if (ward_of[t] == w) {
                sum += newest[t];
                n++;
            }
        mean[w] = sum / n;
    }
    ww_hotspot_gstar(b.weights, mean, z);
    for (uint32_t w = 0; w < N; w++) {
        struct ww_hotspot_place p = ww_hotspot_watch_place(b.watch, false, w);
        assert_true(fabs(p.value - mean[w]) < 1e-9 * (1 + mean[w]));
        assert_true(fabs(p.z - z[w]) < 1e-7);
        assert_true(p.q >= p.p);
    }
    close_bench(&b);
}

static void hot_places_are_hot_and_on_an_empty_map_hardly_any_is(void **state) {
    (void)state;
    struct bench b;
    uint32_t maps = 0;
    open_bench(&b, "{\"property\":\"x\",\"places\":\"ward\",\"q\":0.05}");
    struct ww_random rng = ww_random_of(8, 0);
    for (int k = 0; k < 300; k++) { /* skewed values, nothing planted */
        bool some = false;
        for (uint32_t w = 0; w < N; w++)
            set(&b, w, w, start_us + k, exp(ww_random_normal(&rng)));
        settle(&b, start_us + k);
        for (uint32_t w = 0; w < N; w++)
            some = some || ww_hotspot_watch_place(b.watch, false, w).class != WW_CLASS_NONE;
        maps += some;
    }
    assert_in_range(maps, 0, 30); /* 15 are allowed on average */
    for (uint32_t w = 0; w < N; w++) {
        bool hot = w / SIDE >= 2 && w / SIDE <= 4 && w % SIDE >= 2 && w % SIDE <= 4;
        set(&b, w, w, start_us + 1000, hot ? 60 + w % 3 : 20 + w % 5);
    }
    settle(&b, start_us + 1000);
    struct ww_hotspot_place middle = ww_hotspot_watch_place(b.watch, false, N / 2);
    assert_int_equal(middle.class, WW_CLASS_HOT);
    assert_int_equal(middle.moran, WW_MORAN_HIGH_HIGH);
    assert_int_equal(ww_hotspot_watch_place(b.watch, false, 0).class, WW_CLASS_NONE);
    close_bench(&b);
}

static struct ww_hotspot_moves decide(struct bench *b, int64_t now_us) {
    struct ww_buf actions;
    ww_buf_init(&actions, 1 << 20);
    struct ww_hotspot_moves m = ww_hotspot_watch_decide(b->watch, now_us, &actions);
    assert_int_equal(actions.len > 0, m.opened + m.cleared > 0);
    ww_buf_clear(&actions);
    return m;
}

static void alerts_wait_and_silence_clears_none(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, "{\"property\":\"x\",\"places\":\"ward\",\"max_age_s\":3600,\"alert\":{\"for_s\":600}}");
    int64_t now = start_us;
    for (int step = 0; step < 3; step++, now += 400 * WW_SECOND_US) {
        for (uint32_t w = 0; w < N; w++)
            set(&b, w, w, now,
                w == N / 2 || w == N / 2 + 1 || w == N / 2 - SIDE || w == N / 2 + SIDE ? 90 : 20 + w % 3);
        settle(&b, now);
        struct ww_hotspot_moves m = decide(&b, now);
        assert_int_equal(m.opened > 0, step == 2); /* hot for 800 s by then */
    }
    now += 2 * WW_HOUR_US; /* all have grown old */
    settle(&b, now);
    assert_true(isnan(ww_hotspot_watch_place(b.watch, false, 0).value));
    assert_int_equal(decide(&b, now).cleared, 0);
    for (uint32_t w = 0; w < N; w++)
        set(&b, w, w, now, 20 + w % 3);
    settle(&b, now);
    assert_true(decide(&b, now).cleared > 0);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_live_map_is_that_of_the_newest_values),
        cmocka_unit_test(hot_places_are_hot_and_on_an_empty_map_hardly_any_is),
        cmocka_unit_test(alerts_wait_and_silence_clears_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
