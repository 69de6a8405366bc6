/* The expectation-based normal scan: a plain search finds the same, and chance is called chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/normal.h"
#include "geo/scan/random.h"

#define assert_near(a, b, within) assert_true(fabs((a) - (b)) <= (within))

enum { N = 20, T = 6 };

struct world {
    double at[N][3], value[N * T], variance[N * T];
    struct ww_scan_zones *zones;
    struct ww_scan_residuals residuals;
};

static void make_world(struct world *w, uint64_t seed) {
    struct ww_random rng = ww_random_of(seed, 0);
    memset(w, 0, sizeof *w);
    for (uint32_t i = 0; i < N; i++)
        for (int k = 0; k < 2; k++)
            w->at[i][k] = ww_random_unit(&rng);
    for (uint32_t i = 0; i < N * T; i++) {
        w->variance[i] = 0.5 + 2 * ww_random_unit(&rng);
        w->value[i] = ww_random_normal(&rng) * sqrt(w->variance[i]);
        if (i % 11 == 0)
            w->value[i] = NAN; /* then its variance does not matter */
        if (i % 22 == 0)
            w->variance[i] = 0;
    }
    struct ww_scan_places places = {N, false, (const double(*)[3])w->at};
    struct ww_scan_limits limits = {0.5, NULL, 0};
    assert_int_equal(ww_scan_zones_circles(&places, &limits, &w->zones, NULL), WW_OK);
    w->residuals = (struct ww_scan_residuals){N, T, w->value, w->variance};
}

static const struct ww_scan_windows any_window = {1, 3, false};

/* Every prefix of every chain, every window, cell by cell. */
static double plain_maximum(const struct world *w) {
    double best = 0;
    for (uint32_t k = 0; k < w->zones->n_chains; k++)
        for (uint64_t last = w->zones->start[k]; last < w->zones->start[k + 1]; last++)
            for (uint32_t from = 0; from < T; from++)
                for (uint32_t end = from + 1; end <= T && end - from <= 3; end++) {
                    double pull = 0, hold = 0;
                    for (uint64_t i = w->zones->start[k]; i <= last; i++)
                        for (uint32_t t = from; t < end; t++) {
                            size_t cell = (size_t)w->zones->place[i] * T + t;
                            if (isnan(w->value[cell]))
                                continue;
                            pull += w->value[cell] / w->variance[cell];
                            hold += 1 / w->variance[cell];
                        }
                    if (pull > 0)
                        best = fmax(best, pull * pull / (2 * hold));
                }
    return best;
}

static struct ww_scan_cluster first_cluster(const struct world *w, const struct ww_scan_windows *windows,
                                            uint64_t seed, uint32_t step) {
    struct ww_scan_rules rules = {
        .min_cases = 1, .max_clusters = 3, .replicas = 99, .seed = seed, .days_between_runs = 1};
    struct ww_scan_normal *run;
    struct ww_scan_result result;
    assert_int_equal(ww_scan_normal_start(&w->residuals, w->zones, windows, &rules, &run, NULL), WW_OK);
    while (!ww_scan_normal_step(run, step))
        continue;
    ww_scan_normal_result(run, &result);
    assert_int_equal(result.replicas, 99);
    struct ww_scan_cluster c = result.clusters[0];
    ww_scan_normal_free(run);
    return c;
}

static void a_plain_search_finds_the_same(void **state) {
    (void)state;
    static struct world w;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_world(&w, seed);
        struct ww_scan_cluster c = first_cluster(&w, &any_window, 1, 99),
                               again = first_cluster(&w, &any_window, 1, 1);
        assert_near(c.llr, plain_maximum(&w), 1e-9);
        assert_memory_equal(&c, &again, sizeof c);
        ww_scan_zones_free(w.zones);
    }
}

static void a_common_shift_is_found_and_measured(void **state) {
    (void)state;
    static struct world w;
    make_world(&w, 9);
    uint64_t first = w.zones->start[4];
    for (uint64_t i = first; i < first + 4; i++)
        for (uint32_t t = T - 2; t < T; t++)
            w.value[w.zones->place[i] * T + t] += 4;
    struct ww_scan_windows now = {1, 3, true};
    struct ww_scan_cluster c = first_cluster(&w, &now, 1, 99);
    assert_int_equal(c.reached, 0);
    assert_near(c.p, 0.01, 1e-12);
    assert_near(c.recurrence_days, 100, 1e-9);
    assert_near(c.measure, 4, 1.5);
    assert_int_equal(c.time_end, T);
    ww_scan_zones_free(w.zones);
}

static void chance_is_called_chance(void **state) {
    (void)state;
    static struct world w;
    struct ww_scan_windows now = {1, 3, true};
    enum { WORLDS = 400 };
    int below = 0;
    for (uint64_t seed = 0; seed < WORLDS; seed++) {
        make_world(&w, 100 + seed);
        below += first_cluster(&w, &now, seed, 99).p <= 0.1 + 1e-12;
        ww_scan_zones_free(w.zones);
    }
    assert_near(below / (double)WORLDS, 0.1, 1.96 * sqrt(0.09 / WORLDS));
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    static struct world w;
    make_world(&w, 3);
    struct ww_scan_rules rules = {.max_clusters = 1, .replicas = 3};
    struct ww_scan_normal *run;
    struct ww_error err;
    enum ww_status st = WW_NO_MEMORY;
    for (long n = 1; st != WW_OK; n++) {
        ww_alloc_fail_after(n);
        st = ww_scan_normal_start(&w.residuals, w.zones, &any_window, &rules, &run, NULL);
        ww_alloc_fail_after(0);
        assert_true(st == WW_OK || (st == WW_NO_MEMORY && !run && n < 50));
    }
    ww_scan_normal_free(run);
    w.variance[1] = 0;
    assert_int_equal(ww_scan_normal_start(&w.residuals, w.zones, &any_window, &rules, &run, &err),
                     WW_BAD_INPUT);
    ww_scan_zones_free(w.zones);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_search_finds_the_same),
        cmocka_unit_test(a_common_shift_is_found_and_measured),
        cmocka_unit_test(chance_is_called_chance),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
