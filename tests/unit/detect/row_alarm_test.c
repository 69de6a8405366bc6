/* When the score is an alarm: as seldom as promised, for what is far or new, as long as it lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "geo/detect/row_alarm.h"
#include "tests/unit/detect/random.h"

static const double step_s = 600, month_s = 30.44 * 86400;

struct place {
    struct ww_novelty novelty;
    struct ww_row_score row;
    struct ww_row_alarm alarm;
    struct random random;
    bool is, was; /* an alarm, at one a month */
};

static void start(struct place *p, uint64_t seed) {
    ww_novelty_init(&p->novelty);
    ww_row_score_init(&p->row);
    ww_row_alarm_init(&p->alarm);
    p->random = (struct random){seed};
    p->is = false;
}

static void give(struct place *p, double value) {
    const struct ww_novelty_reading reading = {.value = value, .season = NAN};
    struct ww_novelty_verdict v;
    ww_novelty_step(&p->novelty, &reading, &v);
    double score = ww_row_score_step(&p->row, &v, 1);
    p->was = p->is;
    p->is = ww_row_alarm_step(&p->alarm, &p->row, score, step_s, true) >= 1;
}

static int give_noise(struct place *p, int n) {
    int alarms = 0;
    for (int i = 0; i < n; i++) {
        give(p, 7 + 0.1 * random_normal(&p->random));
        alarms += p->is && !p->was;
    }
    return alarms;
}

/* Noise that wanders, that remembers, that has violent times: none of it is an event. */
static void false_alarms_come_no_more_often_than_promised(void **state) {
    (void)state;
    enum { N = 20000, SERIES = 30 };
    int alarms = 0;
    for (uint64_t seed = 1; seed <= SERIES; seed++) {
        struct place p;
        start(&p, seed);
        double x = 0, wander = 0;
        for (int i = 0; i < N; i++) {
            double e = random_normal(&p.random);
            if (seed % 3 == 0)
                e *= exp(random_normal(&p.random));
            x = (seed % 2 ? 0.9 * x : 0) + e;
            wander += seed % 5 == 0 ? 0.05 * random_normal(&p.random) : 0;
            give(&p, 20 + x + wander);
            alarms += p.is && !p.was;
        }
    }
    double promised = SERIES * N * step_s / month_s;
    print_message("%d alarms, %.0f promised\n", alarms, promised);
    assert_true(alarms <= promised + 2 * sqrt(promised));
    assert_true(alarms > 0.05 * promised); /* nor is it deaf */
}

static void what_stays_away_is_one_alarm(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct place p;
        int rows = 0, alarms = 0, first = -1;
        start(&p, seed);
        (void)give_noise(&p, 5000);
        for (int i = 0; i < 12; i++) {
            give(&p, 9);
            rows += p.is;
            alarms += p.is && !p.was;
            first = p.is && first < 0 ? i : first;
        }
        assert_in_range(first, 0, 2);
        assert_true(alarms <= 2 && rows >= 5);
        assert_true(give_noise(&p, 200) <= 1);
        assert_false(p.is);
    }
}

/* Twenty sd once a day are its way, and a thousand are not. */
static void a_place_that_often_goes_far_must_go_further(void **state) {
    (void)state;
    int usual = 0;
    struct place p;
    start(&p, 3);
    for (int day = 0; day < 200; day++) {
        (void)give_noise(&p, 140);
        for (int i = 0; i < 4; i++) {
            give(&p, 9);
            usual += p.is && !p.was && day >= 100;
        }
    }
    assert_true(usual <= 5);
    (void)give_noise(&p, 140);
    for (int i = 0; i < 3; i++)
        give(&p, 107);
    assert_true(p.is);
}

static void rows_that_do_not_teach_leave_it_alone(void **state) {
    (void)state;
    struct place p;
    start(&p, 4);
    (void)give_noise(&p, 1000);
    const struct ww_row_alarm before = p.alarm;
    p.row.held = 1e6f;
    double months = ww_row_alarm_step(&p.alarm, &p.row, 0.4, step_s, false);
    assert_true(months > 1 && isfinite(months));
    assert_memory_equal(&p.alarm, &before, sizeof before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(false_alarms_come_no_more_often_than_promised),
        cmocka_unit_test(what_stays_away_is_one_alarm),
        cmocka_unit_test(a_place_that_often_goes_far_must_go_further),
        cmocka_unit_test(rows_that_do_not_teach_leave_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
