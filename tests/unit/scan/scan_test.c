/* The scan's parts: ratios that others published, dates, orders of equally distant places, zones against a
 * plain search, replicas that do not depend on how they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/date.h"
#include "geo/scan/random.h"
#include "geo/scan/scan.h"

#define assert_near(a, b, within) assert_true(fabs((a) - (b)) <= (within))

/* ---- Ratios ---- */

static void ratios_are_those_of_the_reference(void **state) {
    (void)state;
    struct ww_scan_totals poisson = {WW_SCAN_POISSON, 1175, 1175};
    assert_near(ww_scan_llr(&poisson, 10, 1), 14.060436, 1e-6);
    assert_near(ww_scan_llr(&poisson, 2, 1), 0.386720, 5e-7);
    assert_near(ww_scan_llr(&poisson, 1, 2), 0, 0); /* low rates count nothing */
    assert_true(isfinite(ww_scan_llr(&poisson, 1175, 3)));
    assert_true(isinf(ww_scan_relative_risk(&poisson, 1175, 3)));
}

static void bernoulli_ratio_is_the_gain_of_two_rates_over_one(void **state) {
    (void)state;
    struct ww_scan_totals all = {WW_SCAN_BERNOULLI, 30, 100};
    double two = 8 * log(0.8) + 2 * log(0.2) + 22 * log(22 / 90.) + 68 * log(68 / 90.);
    double one = 30 * log(0.3) + 70 * log(0.7);
    assert_near(ww_scan_llr(&all, 8, 10), two - one, 1e-10);
    assert_near(ww_scan_llr(&all, 3, 10), 0, 0);
    assert_near(ww_scan_expected(&all, 10), 3, 1e-12);
}

static void a_gumbel_tail_is_that_of_its_distribution(void **state) {
    (void)state;
    /* Standard Gumbel: mean 0.57722, sd pi/sqrt(6); P(X > 0) = 1 - 1/e. */
    assert_near(ww_scan_gumbel_p(0, 0.57721566490153286, M_PI / sqrt(6)), 1 - exp(-1), 1e-12);
}

/* ---- Dates ---- */

static struct ww_scan_date date_of(const char *text) {
    struct ww_scan_date date;
    if (!ww_scan_date_parse(ww_str_of(text), false, &date))
        fail_msg("%s is no date", text);
    return date;
}

static void dates_are_read_in_the_forms_of_the_field(void **state) {
    (void)state;
    struct ww_scan_date whole = date_of("1991/12/31"), american = date_of("12/31/1991"),
                        dashed = date_of("1991-12-31");
    assert_int_equal(ww_scan_date_first(&whole), 8034);
    assert_int_equal(ww_scan_date_first(&american), 8034);
    assert_int_equal(ww_scan_date_first(&dashed), 8034);
    struct ww_scan_date month = date_of("1992/2"), year = date_of("1992");
    assert_int_equal(ww_scan_date_last(&month) - ww_scan_date_first(&month), 28);
    assert_int_equal(ww_scan_date_last(&year) - ww_scan_date_first(&year), 365);
    assert_int_equal(ww_scan_date_middle(&year) - ww_scan_date_first(&year), 31 + 29 + 31 + 30 + 31 + 30);
    assert_int_equal(ww_scan_date_unit(&month), WW_SCAN_MONTH);
    static const char *const bad[] = {"",       "1991/13", "1991/2/30", "1991/0/1", "1991/1/0", "1/2/3/4",
                                      "1991//", "199",     "x",         "1991/1/x", "-1991",    "0001"};
    struct ww_scan_date date;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ww_scan_date_parse(ww_str_of(bad[i]), false, &date))
            fail_msg("%s passes for a date", bad[i]);
}

static void two_digits_are_the_year_nearest_to_the_period(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int first, last, year;
    } rows[] = {{"82", 1973, 1991, 1982}, {"00", 1980, 1998, 2000}, {"95", 2001, 2009, 1995},
                {"69", 1, 0, 2069},       {"70", 1, 0, 1970},       {"50", 1900, 1999, 1950}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ww_scan_date date = date_of(rows[i].text);
        ww_scan_date_settle(&date, rows[i].first, rows[i].last);
        assert_int_equal(date.year, rows[i].year);
    }
}

static void going_back_months_stays_in_the_calendar(void **state) {
    (void)state;
    char text[24];
    struct ww_scan_date date = date_of("2024/03/31");
    (void)ww_scan_day_text(ww_scan_day_back(ww_scan_date_first(&date), WW_SCAN_MONTH, 1), WW_SCAN_DAY, text);
    assert_string_equal(text, "2024-02-29");
    (void)ww_scan_day_text(ww_scan_day_back(ww_scan_date_first(&date), WW_SCAN_YEAR, 25), WW_SCAN_DAY, text);
    assert_string_equal(text, "1999-03-31");
}

/* ---- Zones ---- */

static const struct ww_scan_limits no_limits = {INFINITY, NULL, 0};

static void equally_distant_places_come_by_their_coordinates(void **state) {
    (void)state;
    static const double at[5][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {-1, 0, 0}, {0, -1, 0}};
    struct ww_scan_places places = {5, false, at};
    struct ww_scan_zones *zones;
    assert_int_equal(ww_scan_zones_circles(&places, &no_limits, &zones, NULL), WW_OK);
    static const uint32_t order[5] = {0, 3, 4, 2, 1}; /* (-1,0) (0,-1) (0,1) (1,0) */
    assert_memory_equal(zones->place, order, sizeof order);
    ww_scan_zones_free(zones);
}

static void a_circle_ends_before_it_is_too_heavy_or_too_wide(void **state) {
    (void)state;
    static const double at[4][3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {3, 0, 0}};
    static const double weight[4] = {5, 1, 1, 3};
    struct ww_scan_places places = {4, false, at};
    struct ww_scan_limits heavy = {INFINITY, weight, 5}, wide = {2, NULL, 0};
    struct ww_scan_zones *zones;
    assert_int_equal(ww_scan_zones_circles(&places, &heavy, &zones, NULL), WW_OK);
    static const uint64_t start[5] = {0, 1, 2, 5, 8}; /* {0} {1} {2,1,3} {3,2,1} */
    assert_memory_equal(zones->start, start, sizeof start);
    ww_scan_zones_free(zones);
    assert_int_equal(ww_scan_zones_circles(&places, &wide, &zones, NULL), WW_OK);
    assert_int_equal(zones->start[1], 3); /* 2 away is within 2 */
    ww_scan_zones_free(zones);
}

static void degrees_are_measured_along_great_circles(void **state) {
    (void)state;
    static const double at[2][3] = {{120, 30, 0}, {120, 31, 0}};
    struct ww_scan_places places = {2, true, at};
    assert_near(ww_scan_distance(&places, 0, 1), 6367000 * M_PI / 180, 0.01);
}

/* Wards on a grid of 3 by 3 that touch by their sides. */
static void grid_borders(uint32_t *start, uint32_t *item) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < 9; i++) {
        start[i] = n;
        if (i % 3 < 2)
            item[n++] = i + 1; /* one way is enough */
        if (i / 3 < 2)
            item[n++] = i + 3;
    }
    start[9] = n;
}

static bool hangs(uint32_t set) {
    uint32_t reached = set & -set, before = 0;
    while (before != reached) {
        before = reached;
        for (uint32_t i = 0; i < 9; i++)
            for (uint32_t j = 0; j < 9; j++) {
                uint32_t across = i % 3 > j % 3 ? i % 3 - j % 3 : j % 3 - i % 3;
                uint32_t down = i / 3 > j / 3 ? i / 3 - j / 3 : j / 3 - i / 3;
                if (across + down == 1 && reached >> i & 1 && set >> j & 1)
                    reached |= 1u << j;
            }
    }
    return reached == set;
}

static void connected_sets_are_all_there_and_once(void **state) {
    (void)state;
    uint32_t start[10], item[24], n_expected = 0;
    grid_borders(start, item);
    struct ww_scan_lists lists = {9, start, item};
    struct ww_scan_zones *zones;
    assert_int_equal(ww_scan_zones_connected(&lists, 9, &no_limits, &zones, NULL), WW_OK);
    bool seen[512] = {false};
    for (uint32_t k = 0; k < zones->n_chains; k++) {
        uint32_t set = 0;
        for (uint64_t i = zones->start[k]; i < zones->start[k + 1]; i++)
            set |= 1u << zones->place[i];
        assert_false(seen[set]);
        assert_true(hangs(set));
        assert_int_equal(zones->eval_from[k], zones->start[k + 1] - zones->start[k]);
        seen[set] = true;
    }
    for (uint32_t set = 1; set < 512; set++)
        n_expected += hangs(set);
    assert_int_equal(zones->n_chains, n_expected);
    ww_scan_zones_free(zones);
}

static void a_river_is_seen_from_above_and_from_below(void **state) {
    (void)state;
    /* 0 and 1 flow into 2, 2 into 3 */
    static const uint32_t start[5] = {0, 1, 2, 3, 3}, item[3] = {2, 2, 3};
    struct ww_scan_lists lists = {4, start, item};
    struct ww_scan_zones *zones;
    assert_int_equal(ww_scan_zones_river(&lists, 10, &no_limits, &zones, NULL), WW_OK);
    static const uint32_t expected[] = {1, 5, 13, 2, 6, 14, 4, 12, 7, 8, 15}; /* bit patterns */
    bool found[16] = {false};
    for (uint32_t k = 0; k < zones->n_chains; k++) {
        uint32_t set = 0;
        for (uint64_t i = zones->start[k]; i < zones->start[k + 1]; i++)
            set |= 1u << zones->place[i];
        assert_false(found[set]);
        found[set] = true;
    }
    assert_int_equal(zones->n_chains, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(found[expected[i]]);
    ww_scan_zones_free(zones);
}

/* ---- Runs ---- */

enum { N = 25, T = 12 };

struct world {
    double at[N][3];
    uint32_t count[N * T];
    double measure[N * T];
    uint32_t case_place[4000], case_time[4000], end[1];
    struct ww_scan_data data;
    struct ww_scan_zones *zones;
};

static void make_world(struct world *w, enum ww_scan_model model) {
    struct ww_random rng = ww_random_of(1, 2);
    memset(w, 0, sizeof *w);
    double of_place[N] = {0}, of_time[T] = {0}, all = 0;
    for (uint32_t i = 0; i < N; i++) {
        w->at[i][0] = ww_random_unit(&rng);
        w->at[i][1] = ww_random_unit(&rng);
        for (uint32_t t = 0; t < T; t++) {
            uint32_t n = (uint32_t)ww_random_poisson(&rng, 2);
            w->count[i * T + t] = n;
            of_place[i] += n;
            of_time[t] += n;
            for (uint32_t k = 0; k < n; k++) {
                w->case_place[w->end[0]] = i;
                w->case_time[w->end[0]++] = t;
            }
            all += n;
        }
    }
    for (uint32_t i = 0; i < N * T; i++)
        w->measure[i] = model == WW_SCAN_BERNOULLI     ? w->count[i] + 3.0
                        : model == WW_SCAN_PERMUTATION ? of_place[i / T] * of_time[i % T] / all
                        : model == WW_SCAN_POISSON     ? all / (N * T)
                                                       : 2;
    struct ww_scan_places places = {N, false, (const double(*)[3])w->at};
    assert_int_equal(ww_scan_zones_circles(&places, &no_limits, &w->zones, NULL), WW_OK);
    w->data = (struct ww_scan_data){.model = model,
                                    .n_places = N,
                                    .n_times = T,
                                    .count = w->count,
                                    .measure = w->measure,
                                    .case_place = w->case_place,
                                    .case_time = w->case_time,
                                    .stratum_end = w->end,
                                    .n_strata = 1};
}

static struct ww_scan_result run_in_steps(struct world *w, uint32_t step, struct ww_scan_run **run) {
    static const struct ww_scan_windows windows = {1, 4, false};
    static const struct ww_scan_rules rules = {
        .min_cases = 2, .max_clusters = 5, .replicas = 60, .seed = 11, .days_between_runs = 1};
    struct ww_scan_result result;
    assert_int_equal(ww_scan_start(&w->data, w->zones, &windows, &rules, run, NULL), WW_OK);
    while (!ww_scan_step(*run, step))
        continue;
    ww_scan_result(*run, &result);
    return result;
}

static void replicas_do_not_depend_on_how_they_are_cut(void **state) {
    (void)state;
    static struct world w;
    for (int model = WW_SCAN_POISSON; model <= WW_SCAN_EXPECTATION; model++) {
        make_world(&w, (enum ww_scan_model)model);
        struct ww_scan_run *whole, *cut;
        struct ww_scan_result a = run_in_steps(&w, 1000, &whole), b = run_in_steps(&w, 1, &cut);
        assert_int_equal(a.n_clusters, b.n_clusters);
        assert_int_equal(a.replicas, 60);
        assert_memory_equal(a.clusters, b.clusters, a.n_clusters * sizeof *a.clusters);
        assert_near(a.null_mean, b.null_mean, 0);
        ww_scan_free(whole);
        ww_scan_free(cut);
        ww_scan_zones_free(w.zones);
    }
}

static void a_table_without_sense_is_refused(void **state) {
    (void)state;
    static struct world w;
    make_world(&w, WW_SCAN_POISSON);
    struct ww_scan_windows windows = {1, 4, false};
    struct ww_scan_rules rules = {.max_clusters = 1};
    struct ww_scan_run *run;
    struct ww_error err;
    uint32_t cell = 0;
    while (w.count[cell] == 0)
        cell++;
    w.measure[cell] = 0;
    assert_int_equal(ww_scan_start(&w.data, w.zones, &windows, &rules, &run, &err), WW_BAD_INPUT);
    assert_null(run);
    memset(w.count, 0, sizeof w.count);
    assert_int_equal(ww_scan_start(&w.data, w.zones, &windows, &rules, &run, &err), WW_BAD_INPUT);
    assert_string_equal(err.message, "there are no cases");
    windows.max_length = T + 1;
    assert_int_equal(ww_scan_start(&w.data, w.zones, &windows, &rules, &run, &err), WW_BAD_INPUT);
    ww_scan_zones_free(w.zones);
}

static void no_allocation_that_fails_does_harm(void **state) {
    (void)state;
    static struct world w;
    make_world(&w, WW_SCAN_BERNOULLI);
    struct ww_scan_windows windows = {1, 4, false};
    struct ww_scan_rules rules = {.max_clusters = 1, .replicas = 1};
    struct ww_scan_run *run;
    enum ww_status st = WW_NO_MEMORY;
    for (long n = 1; st != WW_OK; n++) {
        ww_alloc_fail_after(n);
        st = ww_scan_start(&w.data, w.zones, &windows, &rules, &run, NULL);
        assert_true(st == WW_OK || (st == WW_NO_MEMORY && !run && n < 100));
    }
    ww_alloc_fail_after(0);
    ww_scan_free(run);
    ww_scan_zones_free(w.zones);
}

/* ---- Random numbers ---- */

static void random_numbers_are_the_same_everywhere(void **state) {
    (void)state;
    struct ww_random rng = ww_random_of(1, 0);
    uint64_t first = ww_random_next(&rng);
    struct ww_random again = ww_random_of(1, 0);
    assert_int_equal(first, ww_random_next(&again));
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; i++) {
        double n = (double)ww_random_poisson(&rng, 21.5);
        sum += n;
        squares += n * n;
    }
    double mean = sum / 20000, variance = squares / 20000 - mean * mean;
    assert_near(mean, 21.5, 4 * sqrt(21.5 / 20000));
    assert_near(variance, 21.5, 1.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratios_are_those_of_the_reference),
        cmocka_unit_test(bernoulli_ratio_is_the_gain_of_two_rates_over_one),
        cmocka_unit_test(a_gumbel_tail_is_that_of_its_distribution),
        cmocka_unit_test(dates_are_read_in_the_forms_of_the_field),
        cmocka_unit_test(two_digits_are_the_year_nearest_to_the_period),
        cmocka_unit_test(going_back_months_stays_in_the_calendar),
        cmocka_unit_test(equally_distant_places_come_by_their_coordinates),
        cmocka_unit_test(a_circle_ends_before_it_is_too_heavy_or_too_wide),
        cmocka_unit_test(degrees_are_measured_along_great_circles),
        cmocka_unit_test(connected_sets_are_all_there_and_once),
        cmocka_unit_test(a_river_is_seen_from_above_and_from_below),
        cmocka_unit_test(replicas_do_not_depend_on_how_they_are_cut),
        cmocka_unit_test(a_table_without_sense_is_refused),
        cmocka_unit_test(no_allocation_that_fails_does_harm),
        cmocka_unit_test(random_numbers_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
