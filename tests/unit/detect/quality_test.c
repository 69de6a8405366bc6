/* Checks of sensors: each finds what it is for, and leaves alone what only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "geo/detect/quality.h"
#include "tests/unit/detect/random.h"

#define START_US INT64_C(1740960000000000)

struct sensor {
    struct ww_quality state;
    struct ww_quality_verdict v;
    struct ww_quality_params params;
    struct random random;
    int64_t at_us;
    unsigned seen; /* signs so far */
};

static void start(struct sensor *s, uint64_t seed) {
    memset(s, 0, sizeof *s);
    ww_quality_init(&s->state);
    s->params = ww_quality_params_none;
    s->random = (struct random){seed};
    s->at_us = START_US;
}

static void give_at(struct sensor *s, double value, char flag, double delay_s) {
    struct ww_reading reading = {.time_us = s->at_us, .value = value, .flag = flag};
    ww_quality_step(&s->params, &s->state, &reading, s->at_us + (int64_t)(delay_s * 1e6), &s->v);
    s->seen |= s->v.signs;
    s->at_us += 300 * WW_SECOND_US;
}

static void give(struct sensor *s, double value) {
    give_at(s, value, 'N', 2);
}

static double rounded(double x, double step) {
    return round(x / step) * step;
}

static void give_noise(struct sensor *s, int n, double mean, double sd, double step) {
    for (int i = 0; i < n; i++)
        give(s, rounded(mean + sd * random_normal(&s->random), step));
}

static void ordinary_readings_show_next_to_nothing(void **state) {
    (void)state;
    int spikes = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sensor s;
        start(&s, seed);
        for (int i = 0; i < 20000; i++) {
            give_noise(&s, 1, 50, 3, 0.1);
            spikes += s.v.signs == WW_QUALITY_SPIKE;
        }
        assert_int_equal(s.seen & ~(unsigned)WW_QUALITY_SPIKE, 0);
    }
    assert_true(spikes <= 4); /* of 200,000 */
    assert_true(sizeof(struct ww_quality) <= 256);
}

static void equal_values_are_stuck_when_they_never_were_so_long(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 1);
    give_noise(&s, 2000, 7, 0.5, 0.1);
    assert_int_equal(s.seen, 0);
    int at = 0;
    while (!(s.v.signs & WW_QUALITY_STUCK) && at < 100) {
        give(&s, 7.2);
        at++;
    }
    assert_in_range(at, 6, 20);
    assert_true(s.v.run > s.v.run_allowed);
    /* Being stuck does not make it usual. */
    for (int i = 0; i < 300; i++)
        give(&s, 7.2);
    give_noise(&s, 200, 7, 0.5, 0.1);
    for (int i = 0; i < 40; i++)
        give(&s, 7.3);
    assert_true(s.v.signs & WW_QUALITY_STUCK);
}

/* A value in coarse steps repeats itself for hours each night. */
static void a_coarse_instrument_is_not_stuck(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 2);
    for (int i = 0; i < 288 * 60; i++)
        give(&s, rounded(15 + 4 * sin(i * 6.2831853 / 288) + 0.2 * random_normal(&s.random), 1));
    assert_int_equal(s.seen & WW_QUALITY_STUCK, 0);
}

static void dry_weather_and_quiet_nights_are_not_stuck_and_a_dead_sensor_is(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 3);
    for (int day = 0; day < 60; day++) /* flow after rain on some days, noise by day else */
        for (int i = 0; i < 288; i++)
            give(&s, day % 9 == 3 && i < 60 ? 5 + random_unit(&s.random) : 0);
    assert_int_equal(s.seen & WW_QUALITY_STUCK, 0);
    for (int i = 0; i < 288 * 30; i++)
        give(&s, 0); /* the longest drought so far */
    assert_int_equal(s.seen & WW_QUALITY_STUCK, 0);

    start(&s, 4); /* one that was never zero */
    give_noise(&s, 2000, 7, 0.5, 0.01);
    for (int i = 0; i < 30; i++)
        give(&s, 0);
    assert_true(s.v.signs & WW_QUALITY_STUCK);
}

static void silence_is_a_gap(void **state) {
    (void)state;
    struct sensor s;
    double silence_s;
    start(&s, 5);
    give_noise(&s, 100, 7, 0.5, 0.1);
    int64_t last = s.at_us - 300 * WW_SECOND_US;
    assert_false(ww_quality_silence(&s.state, last + 890 * WW_SECOND_US, NULL));
    assert_true(ww_quality_silence(&s.state, last + 910 * WW_SECOND_US, &silence_s));
    assert_near(silence_s, 910, 1e-6);
    s.at_us += 900 * WW_SECOND_US;
    give(&s, 7);
    assert_int_equal(s.v.signs, WW_QUALITY_GAP);
    give(&s, 7.1);
    assert_int_equal(s.v.signs, 0);
}

static void outside_the_instrument_is_out_of_range(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 6);
    s.params.least = 0;
    s.params.most = 14;
    give(&s, 14);
    assert_int_equal(s.v.signs, 0);
    give(&s, -0.1);
    assert_int_equal(s.v.signs, WW_QUALITY_RANGE);
}

static void one_reading_and_back_is_a_spike_told_two_later(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 7);
    give_noise(&s, 1000, 50, 1, 0.1);
    int64_t at = s.at_us;
    give(&s, 90);
    give_noise(&s, 1, 50, 1, 0.1);
    assert_int_equal(s.v.signs & WW_QUALITY_SPIKE, 0);
    give_noise(&s, 1, 50, 1, 0.1);
    assert_true(s.v.signs & WW_QUALITY_SPIKE);
    assert_int_equal(s.v.spike_time_us, at);
    assert_near(s.v.spike_value, 90, 1e-9);
}

static void an_event_that_stays_is_no_spike(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 8);
    give_noise(&s, 1000, 50, 1, 0.1);
    for (int i = 0; i < 5; i++) /* a pulse of five, a step that stays, a ramp */
        give(&s, 90 + i);
    give_noise(&s, 50, 50, 1, 0.1);
    give_noise(&s, 50, 80, 1, 0.1);
    for (int i = 0; i < 20; i++)
        give(&s, 80 + 5 * i);
    assert_int_equal(s.seen & WW_QUALITY_SPIKE, 0);
}

static void readings_cut_off_at_the_limit_are_a_lead(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 9);
    s.params.limit = 60;
    for (int i = 0; i < 3000; i++) {
        double x = 55 + 6 * random_normal(&s.random);
        give(&s, x > 60 ? 59.2 + 0.7 * random_unit(&s.random) : x);
    }
    assert_true(s.v.signs & WW_QUALITY_CLIPPED);
    assert_true(s.v.clipped_z > 5);
}

/* Honest plants: well below, straddling, and run on a plateau close to the permit. */
static void smooth_readings_around_the_limit_are_no_lead(void **state) {
    (void)state;
    static const double plants[][2] = {{40, 10}, {60, 5}, {54, 2}, {57.5, 0.8}, {57, 0.6}};
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        struct sensor s;
        start(&s, 10 + i);
        s.params.limit = 60;
        for (int j = 0; j < 5000; j++)
            give(&s, plants[i][0] + plants[i][1] * random_normal(&s.random));
        assert_int_equal(s.seen & WW_QUALITY_CLIPPED, 0);
    }
}

static void invented_digits_are_a_lead(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 20);
    for (int i = 0; i < 1500; i++) { /* a person likes 5 and 0 */
        double x = rounded(50 + 6 * random_normal(&s.random), 0.1);
        give(&s, random_unit(&s.random) < 0.4 ? rounded(x, 0.5) : x);
    }
    assert_true(s.v.signs & WW_QUALITY_DIGITS);
}

static void a_clock_that_walks_is_seen_and_a_slow_line_is_not(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 21);
    for (int i = 0; i < 288 * 20; i++) /* delays vary, the least does not */
        give_at(&s, 7 + random_unit(&s.random), 'N', 1 + 300 * pow(random_unit(&s.random), 3));
    assert_int_equal(s.seen & WW_QUALITY_CLOCK, 0);
    start(&s, 22);
    for (int i = 0; i < 288 * 20; i++)
        give_at(&s, 7 + random_unit(&s.random), 'N', 5 + i / 288.0 * 4);
    assert_true(s.v.signs & WW_QUALITY_CLOCK);
    assert_near(s.v.drift_s_a_day, 4, 0.5);
}

static void a_flag_that_is_always_normal_is_told_by_its_neighbours(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 23);
    give_noise(&s, 500, 7, 0.5, 0.01);
    assert_false(ww_quality_never_marked(&s.state, 0.02)); /* 0.98^500 = 4e-5 */
    give_noise(&s, 300, 7, 0.5, 0.01);
    assert_true(ww_quality_never_marked(&s.state, 0.02));
    assert_false(ww_quality_never_marked(&s.state, 0));
    give_at(&s, 7, 'C', 2);
    assert_false(ww_quality_never_marked(&s.state, 0.02));
}

static void calibrations_and_late_readings_are_not_judged(void **state) {
    (void)state;
    struct sensor s;
    start(&s, 24);
    s.params.least = 0;
    s.params.most = 14;
    give_noise(&s, 200, 7, 0.5, 0.01);
    give_at(&s, 99, 'C', 2);
    assert_int_equal(s.v.signs, 0);
    s.at_us -= 3000 * WW_SECOND_US;
    give(&s, 99);
    assert_int_equal(s.v.signs, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_readings_show_next_to_nothing),
        cmocka_unit_test(equal_values_are_stuck_when_they_never_were_so_long),
        cmocka_unit_test(a_coarse_instrument_is_not_stuck),
        cmocka_unit_test(dry_weather_and_quiet_nights_are_not_stuck_and_a_dead_sensor_is),
        cmocka_unit_test(silence_is_a_gap),
        cmocka_unit_test(outside_the_instrument_is_out_of_range),
        cmocka_unit_test(one_reading_and_back_is_a_spike_told_two_later),
        cmocka_unit_test(an_event_that_stays_is_no_spike),
        cmocka_unit_test(readings_cut_off_at_the_limit_are_a_lead),
        cmocka_unit_test(smooth_readings_around_the_limit_are_no_lead),
        cmocka_unit_test(invented_digits_are_a_lead),
        cmocka_unit_test(a_clock_that_walks_is_seen_and_a_slow_line_is_not),
        cmocka_unit_test(a_flag_that_is_always_normal_is_told_by_its_neighbours),
        cmocka_unit_test(calibrations_and_late_readings_are_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
