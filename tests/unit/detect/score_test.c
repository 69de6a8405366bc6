/* What the score column relies on: peaks, shapes, looks, and how they become one number that ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "geo/detect/row_score.h"
#include "tests/unit/detect/random.h"

struct series {
    struct ww_novelty state;
    struct ww_novelty_verdict v;
    struct ww_row_score row;
    struct random random;
    double score;
};

static void start(struct series *s, uint64_t seed) {
    ww_novelty_init(&s->state);
    ww_row_score_init(&s->row);
    s->random = (struct random){seed};
}

static void give_season(struct series *s, double value, double season, double dev) {
    const struct ww_novelty_reading reading = {.value = value, .season = season, .season_dev = dev};
    ww_novelty_step(&s->state, &reading, &s->v);
    s->score = ww_row_score_step(&s->row, &s->v, 1);
}

static void give(struct series *s, double value) {
    give_season(s, value, NAN, 0);
}

static void give_noise(struct series *s, int n, double mean, double sd) {
    for (int i = 0; i < n; i++)
        give(s, mean + sd * random_normal(&s->random));
}

/* ---- peaks ---- */

static void feed_peaks(struct ww_peaks *peaks, struct random *r, int n) {
    for (int i = 0; i < n; i++)
        ww_peaks_step(peaks, fabs(random_normal(r)));
}

static void the_higher_peak_is_always_the_rarer_one(void **state) {
    (void)state;
    struct ww_peaks peaks;
    struct random r = {1};
    ww_peaks_init(&peaks);
    feed_peaks(&peaks, &r, 20000);
    double before = 0;
    for (double y = 0.1; y < 1e9; y *= 1.1) {
        double period = ww_peaks_period(&peaks, y);
        assert_true(period > before && isfinite(period));
        before = period;
    }
}

/* Isolated peaks of a known law: one in 50 readings, its height above 1 falling as the cube. */
static double peak_of(struct random *r) {
    return random_unit(r) < 0.02 ? pow(1 - random_unit(r), -1.0 / 3) : 0;
}

static void a_period_is_how_long_one_waits(void **state) {
    (void)state;
    double wait = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct ww_peaks peaks;
        struct random r = {seed};
        ww_peaks_init(&peaks);
        for (int i = 0; i < 20000; i++)
            ww_peaks_step(&peaks, peak_of(&r));
        wait += log(ww_peaks_period(&peaks, 6)) /
                40; /* 6³ · 50 = 10,800, peaks that come close together count once */
    }
    assert_in_range(exp(wait), 7000, 18000);
}

static void an_event_hides_the_next_one_only_in_part(void **state) {
    (void)state;
    struct ww_peaks peaks;
    struct random r = {2};
    ww_peaks_init(&peaks);
    feed_peaks(&peaks, &r, 5000);
    double first = ww_peaks_period(&peaks, 40), highest = (double)peaks.highest[0];
    ww_peaks_step(&peaks, 40);
    assert_false(ww_peaks_rises(&peaks, 39));
    feed_peaks(&peaks, &r, 2 * WW_PEAK_QUIET);
    assert_true((double)peaks.highest[0] <= 1.51 * highest);
    assert_true(ww_peaks_rises(&peaks, 40));
    double second = ww_peaks_period(&peaks, 40);
    assert_true(second < first && second > 5000);
}

static void what_stays_high_is_one_peak(void **state) {
    (void)state;
    struct ww_peaks peaks;
    ww_peaks_init(&peaks);
    for (int i = 0; i < 1000; i++)
        ww_peaks_step(&peaks, 5 + i % 3);
    assert_int_equal(peaks.kept, 0);
    for (int i = 0; i < WW_PEAK_QUIET; i++)
        ww_peaks_step(&peaks, 1);
    assert_int_equal(peaks.kept, 1);
    assert_near(peaks.highest[0], 7, 0);
    assert_near(ww_peaks_period(&peaks, 100), 0, 0); /* one peak is no past */
}

/* ---- shape ---- */

static void a_shape_is_new_once(void **state) {
    (void)state;
    struct ww_shape shape;
    struct random r = {3};
    ww_shape_init(&shape);
    double usual = 0, first = 0, second = 0;
    for (int i = 0; i < 4000; i++)
        usual = fmax(i > 2000 ? usual : 0, ww_shape_step(&shape, random_normal(&r), 1));
    for (int i = 0; i < 200; i++) /* as wide, but of two values */
        first = fmax(first, ww_shape_step(&shape, i % 2 ? 1 : -1, 1));
    for (int i = 0; i < 1000; i++)
        (void)ww_shape_step(&shape, random_normal(&r), 1);
    for (int i = 0; i < 200; i++)
        second = fmax(second, ww_shape_step(&shape, i % 2 ? 1 : -1, 1));
    assert_true(first > 1.5 * usual);
    assert_true(second < 0.7 * first);
    assert_true(shape.kept <= WW_SHAPES);
}

/* ---- looks ---- */

static void rank_is_kept_among_extremes(void **state) {
    (void)state;
    double before = 0, onset_before = 0;
    for (double size = 5; size < 1e8; size *= 3) {
        struct series s;
        start(&s, 4);
        give_noise(&s, 3000, 7, 0.1);
        give(&s, 7 + 0.1 * size);
        double onset = s.score;
        give(&s, 7 + 0.1 * size);
        give(&s, 7 + 0.1 * size);
        assert_true(s.v.deviation > before);
        assert_true(onset > onset_before && onset < 1);
        before = s.v.deviation;
        onset_before = onset;
    }
}

static void the_onset_stands_above_what_goes_on(void **state) {
    (void)state;
    struct series s;
    start(&s, 5);
    give_noise(&s, 3000, 7, 0.1);
    double usual = s.score;
    give(&s, 10);
    assert_true(s.score >= 0.5);
    int again = 0; /* as the slower looks see it too */
    for (int i = 0; i < 20; i++) {
        give(&s, 10);
        again += s.score >= 0.5;
        if (i > 0)
            assert_true(s.score > usual + 0.05);
    }
    assert_in_range(again, 0, 4);
    give(&s, 60); /* worse by far is told again */
    assert_true(s.score >= 0.5);
}

static void one_wild_reading_is_an_onset_and_no_state(void **state) {
    (void)state;
    struct series s;
    start(&s, 6);
    give_noise(&s, 3000, 7, 0.1);
    give(&s, 12);
    assert_true(s.score >= 0.5);
    give(&s, 7);
    assert_true(s.v.deviation < 4);
    assert_true(s.score < ww_score_of_state(4));
}

static void one_step_of_the_resolution_is_one_sd_at_most(void **state) {
    (void)state;
    struct series s;
    start(&s, 7);
    for (int i = 0; i < 4000; i++) {
        give(&s, 7 + (i % 97 == 0 ? 0.1 : 0));
        if (i > 97) /* once it was seen */
            assert_true(s.v.look[WW_LOOK_LEVEL] < 1.01);
    }
    give(&s, 8);
    assert_true(s.v.look[WW_LOOK_LEVEL] > 9);
}

static void outliers_hardly_enter_level_and_spread(void **state) {
    (void)state;
    struct series s;
    start(&s, 8);
    give_noise(&s, 4000, 7, 0.1);
    struct ww_novelty before = s.state;
    give(&s, 1e6);
    give(&s, -1e6);
    give(&s, 1e6);
    for (int i = 0; i < 2; i++) {
        assert_near(s.state.near[i].level, before.near[i].level, 0.06);
        assert_true(s.state.near[i].dev < 1.06f * before.near[i].dev);
    }
}

static void what_stays_becomes_the_new_normal(void **state) {
    (void)state;
    struct series s;
    start(&s, 9);
    give_noise(&s, 4000, 7, 0.1);
    int outside = 0, onsets = 0;
    for (int i = 0; i < 2000; i++) {
        give_noise(&s, 1, 8, 0.1);
        outside += s.v.look[WW_LOOK_LEVEL] > 4;
        onsets += s.score >= 0.5;
        if (i > 1000)
            assert_true(s.v.look[WW_LOOK_LEVEL] < 4);
    }
    assert_true(outside > 15);
    assert_in_range(onsets, 1, 5);
}

static void the_missing_course_of_a_day_is_seen_by_the_season_alone(void **state) {
    (void)state;
    struct series s;
    start(&s, 10);
    for (int i = 0; i < 20 * 144; i++) {
        double usual = i / 72 % 2 ? 20 : 10;
        give_season(&s, usual + random_normal(&s.random), usual, 0.8);
    }
    double most = 0;
    for (int i = 0; i < 72; i++) { /* it should have gone to 10, then to 20 */
        give_season(&s, 20 + random_normal(&s.random), 10, 0.8);
        assert_true(i == 0 || s.v.look[WW_LOOK_LEVEL] < 6);
        most = fmax(most, s.v.look[WW_LOOK_SEASON]);
    }
    assert_true(most > 6);
}

static void the_young_are_quiet(void **state) {
    (void)state;
    struct series s;
    start(&s, 11);
    for (int i = 0; i < WW_NOVELTY_YOUNG; i++) {
        give(&s, i % 13 == 5 ? 1000 : random_normal(&s.random));
        assert_true(s.score < 0.5 && s.v.period == 0);
    }
}

static void silence_widens_what_is_expected(void **state) {
    (void)state;
    struct series s[2];
    for (int i = 0; i < 2; i++) {
        start(&s[i], 12);
        give_noise(&s[i], 1000, 7, 0.1);
        const struct ww_novelty_reading reading = {9, NAN, 0, i * 2000.0};
        ww_novelty_step(&s[i].state, &reading, &s[i].v);
    }
    assert_true(s[1].v.look[WW_LOOK_LEVEL] < 0.9 * s[0].v.look[WW_LOOK_LEVEL]);
}

/* On noise of any kind the promise is 1 in 2,000 for each look; five looks are hardly five times that. */
static void onsets_are_as_rare_as_they_say(void **state) {
    (void)state;
    int onsets = 0, very = 0;
    enum { N = 20000, SERIES = 10 };
    for (uint64_t seed = 1; seed <= SERIES; seed++) {
        struct series s;
        start(&s, seed);
        double x = 0, wander = 0;
        for (int i = 0; i < N; i++) {
            double e = random_normal(&s.random);
            if (seed % 3 == 0)
                e *= exp(random_normal(&s.random));
            x = (seed % 2 ? 0.9 * x : 0) + e;
            wander += seed % 5 == 0 ? 0.05 * random_normal(&s.random) : 0;
            give(&s, 20 + x + wander);
            onsets += s.score >= 0.5;
            very += s.score >= ww_score_of_onset(100 * WW_ONSET_READINGS);
        }
    }
    double promised = (double)SERIES * N / WW_ONSET_READINGS;
    assert_true(onsets < 5 * promised && onsets > 0.3 * promised);
    assert_true(very < 5 * promised / 20);
}

/* ---- rows ---- */

static double joined_peak(bool all) {
    struct series s[3];
    struct ww_row_score row;
    double score = 0;
    ww_row_score_init(&row);
    for (int c = 0; c < 3; c++)
        start(&s[c], 20 + (uint64_t)c);
    for (int i = 0; i < 3000; i++) {
        struct ww_novelty_verdict v[3];
        for (int c = 0; c < 3; c++) {
            give(&s[c], 10 + random_normal(&s[c].random) + (i == 2999 && (all || c == 0) ? 7 : 0));
            v[c] = s[c].v;
        }
        score = ww_row_score_step(&row, v, 3);
    }
    return score;
}

static void channels_that_agree_outweigh_one(void **state) {
    (void)state;
    assert_true(joined_peak(true) > joined_peak(false));
}

static void a_row_without_readings_holds_and_forgets(void **state) {
    (void)state;
    struct ww_row_score row;
    struct ww_novelty_verdict v = {.deviation = 50};
    ww_row_score_init(&row);
    double first = ww_row_score_step(&row, &v, 1), last = first;
    for (int i = 0; i < 100; i++) {
        double next = ww_row_score_step(&row, NULL, 0);
        assert_true(next < last);
        last = next;
    }
    assert_true(first > 0.3 && last < 0.01);
}

static void the_two_bands_do_not_meet(void **state) {
    (void)state;
    assert_near(ww_score_of_state(0), 0, 0);
    assert_near(ww_score_of_onset(WW_ONSET_READINGS), 0.5, 1e-12);
    assert_near(ww_score_of_onset(10.0 * WW_ONSET_READINGS), 0.85, 0.005);
    assert_near(ww_score_of_onset(100.0 * WW_ONSET_READINGS), 0.91, 0.005);
    assert_true(ww_score_of_state(1e30) < 0.5 && ww_score_of_onset(1e300) < 1);
}

static void the_same_readings_give_the_same_state_bit_for_bit(void **state) {
    (void)state;
    struct series a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0xff, sizeof b);
    start(&a, 30);
    start(&b, 30);
    give_noise(&a, 3000, 5, 2);
    give_noise(&b, 3000, 5, 2);
    assert_memory_equal(&a.state, &b.state, sizeof a.state);
    assert_memory_equal(&a.row, &b.row, sizeof a.row);
}

static void any_values_keep_the_numbers_in_their_bounds(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct series s;
        start(&s, seed);
        double scale = pow(10, random_unit(&s.random) * 40 - 15);
        for (int i = 0; i < 3000; i++) {
            double u = random_unit(&s.random), value = scale * random_normal(&s.random);
            value = u < 0.02 ? value * 1e4 : u < 0.3 ? scale : value;
            give_season(&s, value, u < 0.5 ? scale : NAN, scale);
            assert_true(s.score >= 0 && s.score < 1);
            assert_true(isfinite(s.v.deviation) && isfinite(s.v.period));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_peak_is_always_the_rarer_one),
        cmocka_unit_test(a_period_is_how_long_one_waits),
        cmocka_unit_test(an_event_hides_the_next_one_only_in_part),
        cmocka_unit_test(what_stays_high_is_one_peak),
        cmocka_unit_test(a_shape_is_new_once),
        cmocka_unit_test(rank_is_kept_among_extremes),
        cmocka_unit_test(the_onset_stands_above_what_goes_on),
        cmocka_unit_test(one_wild_reading_is_an_onset_and_no_state),
        cmocka_unit_test(one_step_of_the_resolution_is_one_sd_at_most),
        cmocka_unit_test(outliers_hardly_enter_level_and_spread),
        cmocka_unit_test(what_stays_becomes_the_new_normal),
        cmocka_unit_test(the_missing_course_of_a_day_is_seen_by_the_season_alone),
        cmocka_unit_test(the_young_are_quiet),
        cmocka_unit_test(silence_widens_what_is_expected),
        cmocka_unit_test(onsets_are_as_rare_as_they_say),
        cmocka_unit_test(channels_that_agree_outweigh_one),
        cmocka_unit_test(a_row_without_readings_holds_and_forgets),
        cmocka_unit_test(the_two_bands_do_not_meet),
        cmocka_unit_test(the_same_readings_give_the_same_state_bit_for_bit),
        cmocka_unit_test(any_values_keep_the_numbers_in_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
