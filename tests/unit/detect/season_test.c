/* The course of days, packed: what comes out is what a plain average would say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/detect/season.h"
#include "tests/unit/detect/random.h"

/* One visit of six readings around `level`, off by `error`. */
static void visit(struct ww_season *s, int cell, double level, double error) {
    ww_season_enter(s, cell);
    for (int i = 0; i < 6; i++)
        ww_season_add(s, level + (i % 2 ? 0.5 : -0.5), error, error / 2);
}

static void levels_and_spreads_are_kept_within_their_digits(void **state) {
    (void)state;
    static const double scales[] = {1e-12, 1e-3, 1, 1e6, 1e20};
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        struct ww_season s;
        ww_season_init(&s);
        double scale = scales[k];
        for (int day = 0; day < 60; day++)
            for (int hour = 0; hour < 24; hour++) {
                ww_season_enter(&s, hour);
                ww_season_add(&s, scale * (100 + hour * hour), scale * (1 + hour), scale * (2 + hour));
            }
        for (int hour = 0; hour < 24; hour++) {
            double level = 0;
            ww_season_enter(&s, (hour + 1) % 24); /* packed: not the hour that goes on */
            assert_true(ww_season_level(&s, hour, &level));
            /* Of a range of 529: ten units of a 16,000th, and 1/1000 of the parents' weight. */
            assert_near(level / scale, 100 + hour * hour, 529 * 0.003);
            assert_near(ww_season_spread(&s, hour, scale * (1 + hour)) / scale, 1 + hour, 0.05 * (1 + hour));
            assert_near(ww_season_local_spread(&s, hour, scale * (2 + hour)) / scale, 2 + hour,
                        0.05 * (2 + hour));
        }
    }
}

static void the_hour_that_goes_on_says_what_it_says_from_outside(void **state) {
    (void)state;
    struct ww_season s;
    ww_season_init(&s);
    for (int day = 0; day < 9; day++)
        for (int cell = 0; cell < WW_SEASON_CELLS; cell++)
            visit(&s, cell, 10 * cell, 1 + cell % 3);
    for (int cell = 0; cell < WW_SEASON_CELLS; cell++) {
        double inside = 0, outside = 1;
        ww_season_enter(&s, cell);
        assert_true(ww_season_level(&s, cell, &inside));
        double spread = ww_season_spread(&s, cell, 3), local = ww_season_local_spread(&s, cell, 3);
        ww_season_enter(&s, (cell + 7) % WW_SEASON_CELLS);
        assert_true(ww_season_level(&s, cell, &outside));
        assert_near(inside, outside, 1e-3);
        assert_near(spread, ww_season_spread(&s, cell, 3), 1e-5);
        assert_near(local, ww_season_local_spread(&s, cell, 3), 1e-5);
    }
}

static void one_far_hour_does_not_blur_the_others(void **state) {
    (void)state;
    struct ww_season s;
    ww_season_init(&s);
    for (int day = 0; day < 30; day++)
        for (int hour = 0; hour < 24; hour++)
            visit(&s, hour, hour == 3 ? 5000 : 10 + hour, 0.5);
    for (int hour = 4; hour < 24; hour++) {
        double level = 0;
        ww_season_enter(&s, 2);
        assert_true(ww_season_level(&s, hour, &level));
        assert_near(level, 10 + hour, 3); /* the unit is 5,000 / 16,000 at most */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_and_spreads_are_kept_within_their_digits),
        cmocka_unit_test(the_hour_that_goes_on_says_what_it_says_from_outside),
        cmocka_unit_test(one_far_hour_does_not_blur_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
