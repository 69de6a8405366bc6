/* The clockwork of one sender against a plain oracle that keeps everything, over made-up senders with gaps,
 * late and doubled readings, bursts and wrong clocks; and what it says of a few plain cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/health_clock.h"

static const int64_t start_us = INT64_C(1767225600) * WW_SECOND_US; /* 2026-01-01T00:00:00Z */

static uint64_t seed;
static uint32_t chance(uint32_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* ---- The oracle: every reading is kept, every figure is counted anew ---- */

enum { MOST = 4000 };
struct oracle {
    int64_t time[MOST], received[MOST];
    int n;
    int64_t newest[MOST]; /* of the newest times, in their order */
    int n_newest;
    int64_t last_received, last_late, first;
    int64_t counted[MOST]; /* times that count for completeness */
    int n_counted;
    double lag;
};

static void oracle_note(struct oracle *o, int64_t received_us, int64_t time_us) {
    if (o->n == 0 || received_us > o->last_received)
        o->last_received = received_us;
    o->time[o->n] = time_us;
    o->received[o->n++] = received_us;
    bool is_newest = o->n_newest == 0 || time_us > o->newest[o->n_newest - 1];
    bool is_late = !is_newest && time_us != o->newest[o->n_newest - 1] && time_us != o->last_late;
    if (o->n_newest == 0 || time_us < o->first)
        o->first = o->n_newest == 0 || is_late ? time_us : o->first;
    if (is_newest) {
        double lag = (double)(received_us - time_us) / 1e6;
        o->lag = o->n_newest == 0 ? lag : o->lag + (lag - o->lag) / 8;
        o->newest[o->n_newest++] = time_us;
    }
    if (is_late)
        o->last_late = time_us;
    if (is_newest || is_late)
        o->counted[o->n_counted++] = time_us;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double oracle_step(const struct oracle *o) {
    double gaps[8];
    int n = 0;
    for (int i = o->n_newest - 1; i > 0 && n < 8; i--)
        gaps[n++] = (double)(o->newest[i] - o->newest[i - 1]) / 1e6;
    if (n < 5)
        return 0;
    qsort(gaps, (size_t)n, sizeof *gaps, by_value);
    double middle = gaps[(n - 1) / 2], tolerance = fmax(middle / 10, fmin(2, middle / 2));
    int near = 0;
    for (int i = 0; i < n; i++)
        near += fabs(gaps[i] - middle) <= tolerance * (1 + 1e-6);
    return near * 4 >= n * 3 ? middle : 0;
}

static double oracle_completeness(const struct oracle *o, double step_s, int64_t now_us) {
    double expected = 0, there = 0;
    int64_t hour = now_us / WW_HOUR_US;
    for (int64_t h = hour - 23; h <= hour; h++) {
        double from = fmax((double)h * 3600, (double)o->first / 1e6);
        double to = fmin((double)(h + 1) * 3600, (double)now_us / 1e6 - step_s);
        double n = 0;
        for (int i = 0; i < o->n_counted; i++)
            n += o->counted[i] / WW_HOUR_US == h;
        expected += fmax(0, to - from) / step_s;
        there += fmin(n, fmax(1, 3600 / step_s));
    }
    return expected > 0 ? fmin(1, there / expected) : NAN;
}

/* ---- Both on the same made-up sender ---- */

static void compare(const struct ww_health_clock *c, const struct oracle *o, int64_t now_us) {
    struct ww_health_clock copy = *c;
    float step;
    (void)ww_health_clock_learn(&copy, &step);
    double wanted = oracle_step(o);
    if (fabs((double)step - wanted) > 1e-3 * (1 + wanted))
        fail_msg("step %g, not %g, after %d readings", (double)step, wanted, o->n);
    assert_int_equal(c->last_received_us, o->last_received);
    assert_int_equal(c->last_time_us, o->newest[o->n_newest - 1]);
    if (fabs((double)c->lag_s - o->lag) > 1e-2 * (1 + fabs(o->lag)))
        fail_msg("lag %g, not %g", (double)c->lag_s, o->lag);
    if (wanted <= 0)
        return;
    double complete = (double)ww_health_completeness(c, (float)wanted, now_us);
    double should = oracle_completeness(o, wanted, now_us);
    if (fabs(complete - should) > 2e-3 && !(isnan(complete) && isnan(should)))
        fail_msg("completeness %g, not %g, after %d readings", complete, should, o->n);
}

static void one_sender(int number) {
    static struct oracle o;
    struct ww_health_clock c;
    seed = (uint64_t)number * 977 + 5;
    memset(&o, 0, sizeof o);
    o.last_late = WW_INSTANT_NONE;
    ww_health_clock_init(&c);
    int64_t step_us = (int64_t)(10 + chance(3000)) * WW_SECOND_US;
    uint32_t jitter_s = chance(2) ? chance(4) : 0;
    int64_t time_us = start_us + chance(86400) * WW_SECOND_US, now_us = time_us;
    for (int i = 0; i < 600; i++) {
        switch (chance(20)) {
        case 0: /* a gap */
            time_us += step_us * (1 + chance(30));
            break;
        case 1: /* a late one, or the same again */
            if (i > 5) {
                int64_t late_us = time_us - step_us * chance(40);
                ww_health_note_message(&c, now_us);
                ww_health_note_reading(&c, now_us, late_us, 0);
                oracle_note(&o, now_us, late_us);
            }
            break;
        default:
            break;
        }
        time_us += step_us + (jitter_s ? (int64_t)chance(jitter_s) * WW_SECOND_US : 0);
        now_us = (time_us > now_us ? time_us : now_us) + chance(5000000);
        if (chance(50) == 0) /* from the future */
            now_us = time_us - chance(300) * WW_SECOND_US > o.last_received ? time_us - WW_SECOND_US : now_us;
        ww_health_note_message(&c, now_us);
        ww_health_note_reading(&c, now_us, time_us, 0);
        oracle_note(&o, now_us, time_us);
        compare(&c, &o, now_us);
        compare(&c, &o, now_us + (int64_t)chance(90000) * WW_SECOND_US); /* and after a silence */
    }
}

static void test_it_says_what_one_who_keeps_everything_counts(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++)
        one_sender(i);
}

/* ---- Plain cases ---- */

static void note(struct ww_health_clock *c, double received_s, double time_s, int interval_s) {
    int64_t received_us = start_us + (int64_t)(received_s * 1e6);
    ww_health_note_message(c, received_us);
    ww_health_note_reading(c, received_us, start_us + (int64_t)(time_s * 1e6), interval_s);
}

static void test_the_header_s_example(void **state) {
    (void)state;
    struct ww_health_clock c;
    float step;
    ww_health_clock_init(&c);
    for (int i = 0; i < 6; i++) {
        assert_false(ww_health_clock_learn(&c, &step));
        note(&c, 36000 + i * 300, 36000 + i * 300, 0);
    }
    assert_true(ww_health_clock_learn(&c, &step));
    assert_float_equal(step, 300, 0.01);
    assert_float_equal(ww_health_completeness(&c, step, start_us + 38400 * WW_SECOND_US), 6.0f / 7, 1e-4);
}

static void test_what_comes_by_chance_has_no_step(void **state) {
    (void)state;
    int learned = 0;
    seed = 1;
    for (int sender = 0; sender < 300; sender++) {
        struct ww_health_clock c;
        double at = 0;
        float step;
        ww_health_clock_init(&c);
        for (int i = 0; i < 100; i++) {
            at += -1000 * log((1 + chance(1000000)) / 1000001.0);
            note(&c, at, at, 0);
            bool has_step = ww_health_clock_learn(&c, &step);
            learned += has_step;
            assert_true(has_step || ww_health_rhythm_s(&c, step) == 0);
        }
    }
    assert_in_range(learned, 0, 15); /* of 30,000 looks */
}

static void test_a_day_s_values_in_one_message_make_a_rhythm_of_a_day(void **state) {
    (void)state;
    struct ww_health_clock c;
    float step;
    ww_health_clock_init(&c);
    for (int day = 0; day < 6; day++) {
        for (int hour = 0; hour < 24; hour++)
            note(&c, (day + 1) * 86400 + 600 + hour * 0.01, day * 86400 + hour * 3600, 3600);
        (void)ww_health_clock_learn(&c, &step);
    }
    assert_float_equal(step, 3600, 0.01);
    assert_float_equal(ww_health_rhythm_s(&c, step), 86400, 10);
}

static void test_a_backlog_is_no_slow_clock_and_a_slow_clock_is_none_of_a_backlog(void **state) {
    (void)state;
    struct ww_health_clock c;
    float drift;
    ww_health_clock_init(&c);
    for (int i = 0; i < 50; i++) { /* five hours ago, each a minute's worth in a second */
        int64_t at = start_us + i * 1000000;
        ww_health_note_offset(&c, at, (-18000 + i * 59) * WW_SECOND_US, 10 * WW_SECOND_US, WW_DRIFT_CLOCK);
    }
    assert_false(ww_health_drift(&c, 300, &drift));
    ww_health_clock_init(&c);
    for (int i = 0; i < 50; i++) { /* an accident in between is not heard */
        int64_t offset_s = i == 47 ? 9000 : -18000;
        ww_health_note_offset(&c, start_us + i * 60 * WW_SECOND_US, offset_s * WW_SECOND_US,
                              10 * WW_SECOND_US, WW_DRIFT_CLOCK);
    }
    assert_true(ww_health_drift(&c, 300, &drift));
    assert_float_equal(drift, -18000, 0.01);
}

static void test_means_that_come_between_minutes_do_not_count(void **state) {
    (void)state;
    struct ww_health_clock c;
    ww_health_clock_init(&c);
    for (int minute = 0; minute < 120; minute += 2) { /* every other minute is missing */
        note(&c, minute * 60, minute * 60, 0);
        if (minute % 10 == 0)
            note(&c, minute * 60 + 1, minute * 60 - 600, 600);
    }
    assert_float_equal(ww_health_completeness(&c, 60, start_us + 7200 * WW_SECOND_US), 0.504, 0.01);
}

static void test_an_archive_is_not_alive(void **state) {
    (void)state;
    struct ww_health_clock c;
    ww_health_clock_init(&c);
    for (int i = 0; i < 10; i++)
        note(&c, 1e8 + i, i * 3600, 0);
    assert_false(c.is_live);
    note(&c, 1e8 + 20, 1e8 - 3600, 0);
    assert_true(c.is_live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_says_what_one_who_keeps_everything_counts),
        cmocka_unit_test(test_the_header_s_example),
        cmocka_unit_test(test_what_comes_by_chance_has_no_step),
        cmocka_unit_test(test_a_day_s_values_in_one_message_make_a_rhythm_of_a_day),
        cmocka_unit_test(test_a_backlog_is_no_slow_clock_and_a_slow_clock_is_none_of_a_backlog),
        cmocka_unit_test(test_means_that_come_between_minutes_do_not_count),
        cmocka_unit_test(test_an_archive_is_not_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
