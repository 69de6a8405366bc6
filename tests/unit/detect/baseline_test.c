/* The seasonal baseline: what it learns, what it does not, what it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "geo/detect/baseline.h"
#include "tests/unit/detect/random.h"

#define MONDAY_US INT64_C(1740960000000000) /* 2025-03-03T00:00Z */
#define MINUTE_US (60 * WW_SECOND_US)

struct series {
    struct ww_baseline state;
    struct ww_baseline_verdict v;
    struct random random;
    int64_t at_us, step_us;
};

static void start(struct series *s, uint64_t seed, int64_t step_us) {
    ww_baseline_init(&s->state);
    s->random = (struct random){seed};
    s->at_us = MONDAY_US;
    s->step_us = step_us;
}

static void give(struct series *s, double value) {
    struct ww_reading reading = {.time_us = s->at_us, .value = value, .flag = 'N'};
    ww_baseline_step(&ww_baseline_params_default, &s->state, &reading, &s->v);
    s->at_us += s->step_us;
}

static void give_noise(struct series *s, int n, double mean, double sd) {
    for (int i = 0; i < n; i++)
        give(s, mean + sd * random_normal(&s->random));
}

static double daily(const struct series *s, double low, double high) {
    int64_t hour = (s->at_us / WW_HOUR_US) % 24;
    return hour >= 8 && hour < 18 ? high : low;
}

static void give_days(struct series *s, int days, double low, double high, double sd) {
    for (int64_t end = s->at_us + days * WW_DAY_US; s->at_us < end;)
        give(s, daily(s, low, high) + sd * random_normal(&s->random));
}

static void the_same_readings_give_the_same_state_bit_for_bit(void **state) {
    (void)state;
    struct series a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0xff, sizeof b);
    start(&a, 1, 5 * MINUTE_US);
    start(&b, 1, 5 * MINUTE_US);
    give_days(&a, 9, 10, 50, 2);
    give_days(&b, 9, 10, 50, 2);
    assert_memory_equal(&a.state, &b.state, sizeof a.state);
    assert_true(sizeof(struct ww_baseline) <= 1024);
}

static void an_outlier_is_seen_on_the_first_day(void **state) {
    (void)state;
    struct series s;
    start(&s, 2, 5 * MINUTE_US);
    give_noise(&s, WW_BASELINE_YOUNG, 7, 0.1);
    assert_int_equal(s.v.kind, WW_BASELINE_LEARNING);
    give_noise(&s, 120, 7, 0.1);
    assert_int_equal(s.v.kind, WW_BASELINE_JUDGED);
    double usual = ww_score_of_months(s.v.months);
    give(&s, 12);
    assert_true(ww_score_of_months(s.v.months) > usual + 0.1);
    assert_true(s.v.reasons & WW_BASELINE_RECENT);
    assert_true(s.v.observed > s.v.upper && s.v.z > 20);
}

static void nothing_is_learned_from_outliers(void **state) {
    (void)state;
    struct series s;
    start(&s, 3, 5 * MINUTE_US);
    give_noise(&s, 2000, 7, 0.1);
    struct ww_baseline before = s.state;
    for (int i = 0; i < 20; i++) {
        give(&s, 12);
        assert_true(s.v.reasons & WW_BASELINE_RECENT);
    }
    assert_memory_equal(s.state.recent.level, before.recent.level, sizeof before.recent.level);
    assert_true(s.state.recent.dev == before.recent.dev && s.state.rest.dev == before.rest.dev);
    give(&s, 7);
    assert_true(s.v.lower < 7 && s.v.upper > 7);
}

static void a_new_normal_is_accepted_after_the_stated_time_and_not_before(void **state) {
    (void)state;
    struct series s;
    start(&s, 4, 5 * MINUTE_US);
    give_noise(&s, 3000, 7, 0.1);
    int64_t from_us = s.at_us;
    int accepted = -1;
    for (int i = 0; i < 100 && accepted < 0; i++) {
        give(&s, 9 + 0.1 * random_normal(&s.random));
        if (s.v.new_normal)
            accepted = i;
        else if (i > 0)
            assert_int_equal(s.v.since_us, from_us);
    }
    assert_int_equal(accepted, 4 * 12); /* four hours of five minutes */
    give(&s, 9);
    assert_near(s.v.expected, 9, 0.2);
    assert_true(s.v.lower < 9 && s.v.upper > 9);
    /* The old normal is no outlier either. */
    give(&s, 7);
    assert_true(s.v.lower < 7 && s.v.upper > 7);
}

static void silence_widens_the_band_of_a_wandering_series_and_hardly_that_of_a_steady_one(void **state) {
    (void)state;
    struct series s;
    double widened[2];
    for (int wanders = 0; wanders < 2; wanders++) {
        start(&s, 5, 5 * MINUTE_US);
        double level = 50;
        for (int i = 0; i < 1000; i++) {
            level += wanders * random_normal(&s.random);
            give(&s, level + (wanders ? 0 : random_normal(&s.random)));
        }
        double width = s.v.upper - s.v.lower;
        s.at_us += 30 * s.step_us;
        give(&s, level);
        widened[wanders] = (s.v.upper - s.v.lower) / width;
    }
    assert_true(widened[0] < 1.5);
    assert_true(widened[1] > 3);
}

static void one_step_of_the_resolution_is_never_an_outlier(void **state) {
    (void)state;
    struct series s;
    start(&s, 6, 5 * MINUTE_US);
    for (int i = 0; i < 4000; i++) {
        give(&s, 7 + (i % 97 == 0 ? 0.1 : 0));
        if (i >= 97) /* once it was seen */
            assert_true(7.1 < s.v.upper);
    }
    give(&s, 9);
    assert_true(s.v.upper < 9 && (s.v.reasons & WW_BASELINE_RECENT));
}

static void the_usual_change_of_the_day_is_no_event_and_its_absence_is(void **state) {
    (void)state;
    struct series s;
    start(&s, 7, 10 * MINUTE_US);
    give_days(&s, 28, 10, 50, 2);
    int alarms = 0;
    for (int i = 0; i < 24 * 6; i++) { /* a usual Monday */
        give(&s, daily(&s, 10, 50) + 2 * random_normal(&s.random));
        alarms += s.v.months >= 1;
    }
    assert_int_equal(alarms, 0);
    give_noise(&s, 8 * 6, 10, 2);
    give_noise(&s, 12, 10, 2); /* it should have risen */
    assert_true(s.v.months >= 1 && s.v.by_season && (s.v.reasons & WW_BASELINE_SEASON));
    assert_near(s.v.expected, 50, 5);
}

static void a_weekend_has_its_own_course(void **state) {
    (void)state;
    struct series s;
    start(&s, 8, 30 * MINUTE_US);
    int alarms = 0;
    for (int day = 0; day < 70; day++) {
        for (int i = 0; i < 48; i++) {
            double usual = day % 7 >= 5 ? 20 : daily(&s, 20, 60);
            give(&s, usual + 2 * random_normal(&s.random));
            alarms += day >= 28 && s.v.months >= 1;
        }
    }
    assert_true(alarms <= 4);
}

static void a_late_reading_is_judged_and_teaches_nothing(void **state) {
    (void)state;
    struct series s;
    start(&s, 9, 5 * MINUTE_US);
    give_noise(&s, 500, 7, 0.1);
    struct ww_baseline before = s.state;
    s.at_us -= 10 * s.step_us;
    give(&s, 12);
    assert_int_equal(s.v.kind, WW_BASELINE_LATE);
    assert_true(s.v.z > 20);
    assert_int_equal(s.state.n, before.n);
    assert_memory_equal(&s.state.recent, &before.recent, sizeof before.recent);
    assert_memory_equal(&s.state.season, &before.season, sizeof before.season);
}

static void a_clock_that_was_set_back_is_believed_in_the_end(void **state) {
    (void)state;
    struct series s;
    start(&s, 10, 5 * MINUTE_US);
    give_noise(&s, 500, 7, 0.1);
    s.at_us -= 30 * WW_DAY_US;
    int late = 0;
    for (int i = 0; i < 200; i++) {
        give_noise(&s, 1, 7, 0.1);
        late += s.v.kind == WW_BASELINE_LATE;
    }
    assert_int_equal(late, 23);
    assert_int_equal(s.v.kind, WW_BASELINE_JUDGED);
}

/* The promise, on independent, on autocorrelated and on heavy-tailed noise: months >= 1 about once a month.
 */
static void false_alarms_come_as_often_as_promised(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        int alarms = 0;
        double months = 0;
        for (uint64_t seed = 1; seed <= 6; seed++) {
            struct series s;
            start(&s, seed, 10 * MINUTE_US);
            double x = 0;
            bool was = false;
            for (int i = 0; i < 6 * 24 * 120; i++) {
                double e = random_normal(&s.random);
                if (kind == 2)
                    e /= sqrt((pow(random_normal(&s.random), 2) + pow(random_normal(&s.random), 2) +
                               pow(random_normal(&s.random), 2)) /
                              3); /* Student's t with 3 degrees */
                x = (kind == 1 ? 0.9 * x : 0) + e;
                give(&s, 20 + x);
                bool is = s.v.months >= 1;
                alarms += is && !was;
                was = is;
            }
            months += 120 / 30.44;
        }
        /* 24 months: between a fifth and twice of what is allowed. */
        assert_true(alarms <= 2 * months);
        assert_true(alarms >= 0.05 * months);
    }
}

/* Whatever comes, numbers stay numbers. */
static void any_values_keep_the_numbers_in_their_bounds(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct series s;
        start(&s, seed, MINUTE_US);
        double scale = pow(10, random_unit(&s.random) * 40 - 15);
        for (int i = 0; i < 3000; i++) {
            double u = random_unit(&s.random), value = scale * random_normal(&s.random);
            if (u < 0.02)
                value *= 1e4;
            else if (u < 0.3)
                value = scale;
            s.at_us += u > 0.99 ? (int64_t)(u * 1e12) : u < 0.05 ? -3 * MINUTE_US : 0;
            give(&s, value);
            assert_true(ww_score_of_months(s.v.months) >= 0 && ww_score_of_months(s.v.months) <= 1);
            assert_true(isfinite(s.v.expected) && isfinite(s.v.lower) && isfinite(s.v.upper));
            assert_true(s.v.lower <= s.v.expected && s.v.expected <= s.v.upper);
            assert_true(s.v.surprise >= 0 && isfinite(s.v.months) && isfinite(s.v.z));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_readings_give_the_same_state_bit_for_bit),
        cmocka_unit_test(an_outlier_is_seen_on_the_first_day),
        cmocka_unit_test(nothing_is_learned_from_outliers),
        cmocka_unit_test(a_new_normal_is_accepted_after_the_stated_time_and_not_before),
        cmocka_unit_test(silence_widens_the_band_of_a_wandering_series_and_hardly_that_of_a_steady_one),
        cmocka_unit_test(one_step_of_the_resolution_is_never_an_outlier),
        cmocka_unit_test(the_usual_change_of_the_day_is_no_event_and_its_absence_is),
        cmocka_unit_test(a_weekend_has_its_own_course),
        cmocka_unit_test(a_late_reading_is_judged_and_teaches_nothing),
        cmocka_unit_test(a_clock_that_was_set_back_is_believed_in_the_end),
        cmocka_unit_test(false_alarms_come_as_often_as_promised),
        cmocka_unit_test(any_values_keep_the_numbers_in_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
