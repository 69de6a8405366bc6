/* The live scan against the general one: the same windows, ratios and p, however events arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/live.h"
#include "geo/scan/random.h"

#define assert_near(a, b, within) assert_true(fabs((a) - (b)) <= (within))

enum { N = 60, DAYS = 40, M = 5, MOST = 60000 };

struct city {
    double at[N][3];
    uint32_t count[N][DAYS]; /* the last day is today */
    double expected[N][M];   /* days ago */
    uint32_t population[N];
    struct ww_scan_zones *zones;
};

static void make_city(struct city *c, uint64_t seed, double mean) {
    struct ww_random rng = ww_random_of(seed, 0);
    memset(c, 0, sizeof *c);
    for (uint32_t i = 0; i < N; i++) {
        c->at[i][0] = ww_random_unit(&rng);
        c->at[i][1] = ww_random_unit(&rng);
        double weight = mean * (0.2 + 2 * ww_random_unit(&rng));
        c->population[i] =
            i % 5 == 0 ? 1 + i : 100 + (uint32_t)(1e5 * weight); /* some are hardly inhabited */
        for (uint32_t t = 0; t < DAYS; t++)
            c->count[i][t] = (uint32_t)ww_random_poisson(&rng, weight);
        for (uint32_t d = 0; d < M; d++)
            c->expected[i][d] = weight * (0.7 + 0.6 * ww_random_unit(&rng));
    }
    c->expected[7][1] = 0; /* a silent feed: the cell is left out, with its cases */
    c->count[7][DAYS - 2] = 3;
    struct ww_scan_places places = {N, false, (const double(*)[3])c->at};
    struct ww_scan_limits limits = {0.4, NULL, 0};
    assert_int_equal(ww_scan_zones_circles(&places, &limits, &c->zones, NULL), WW_OK);
}

/* ---- The general scan of the same city ---- */

struct general {
    uint32_t count[N * (M + 1)], place[MOST], time[MOST], n;
    double measure[N * (M + 1)];
    struct ww_scan_data data;
    struct ww_scan_run *run;
    struct ww_scan_result result;
};

/* Of a place in the first days (slot 0) or on one of the last M. */
static double population_share(const struct city *c, uint32_t place, uint32_t slot) {
    double all = 0;
    for (uint32_t i = 0; i < N; i++)
        all += c->population[i];
    return c->population[place] / all * (slot == 0 ? DAYS - M : 1) / DAYS;
}

static void run_general(struct general *g, const struct city *c, enum ww_scan_model model,
                        uint32_t replicas) {
    double of_time[M + 1] = {0};
    memset(g, 0, sizeof *g);
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t t = 0; t < DAYS; t++) {
            uint32_t slot = t < DAYS - M ? 0 : t - (DAYS - M) + 1, n = c->count[i][t];
            if (model == WW_SCAN_EXPECTATION && (slot == 0 || c->expected[i][DAYS - 1 - t] <= 0))
                continue;
            g->count[i * (M + 1) + slot] += n;
            of_time[slot] += n;
            for (; n > 0; n--) {
                g->place[g->n] = i;
                g->time[g->n++] = slot;
            }
        }
    for (uint32_t i = 0; i < N; i++) {
        double own = 0;
        for (uint32_t t = 0; t <= M; t++)
            own += g->count[i * (M + 1) + t];
        for (uint32_t t = 0; t <= M; t++)
            g->measure[i * (M + 1) + t] = model == WW_SCAN_PERMUTATION ? own * of_time[t] / g->n
                                          : model == WW_SCAN_POISSON   ? g->n * population_share(c, i, t)
                                          : t == 0                     ? 0
                                                                       : c->expected[i][M - t];
    }
    g->data = (struct ww_scan_data){model, N, M + 1, g->count, g->measure, g->place, g->time, &g->n, 1};
    struct ww_scan_windows windows = {1, M, true};
    struct ww_scan_rules rules = {
        .min_cases = 2, .max_clusters = 5, .replicas = replicas, .seed = 3, .days_between_runs = 1};
    assert_int_equal(ww_scan_start(&g->data, c->zones, &windows, &rules, &g->run, NULL), WW_OK);
    (void)ww_scan_step(g->run, replicas);
    ww_scan_result(g->run, &g->result);
}

/* ---- The live one ---- */

static struct ww_scan_live *open_live(const struct city *c, enum ww_scan_model model) {
    struct ww_scan_live_config config = {.model = model,
                                         .n_durations = M,
                                         .n_days = DAYS,
                                         .min_cases = 2,
                                         .at = (const double(*)[3])c->at,
                                         .weight = model == WW_SCAN_POISSON ? c->population : NULL};
    struct ww_scan_live *live;
    assert_int_equal(ww_scan_live_new(c->zones, &config, &live, NULL), WW_OK);
    return live;
}

/* Every event in a random order, some days late, some counted once too often and taken back. */
static void feed(struct ww_scan_live *live, const struct city *c, enum ww_scan_model model, uint64_t seed) {
    static uint32_t event[MOST][2];
    struct ww_random rng = ww_random_of(seed, 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t t = 0; t < DAYS; t++)
            for (uint32_t k = 0; k < c->count[i][t]; k++, n++) {
                event[n][0] = i;
                event[n][1] = DAYS - 1 - t;
            }
    for (uint32_t k = n; k > 1; k--) {
        uint32_t other = ww_random_below(&rng, k), swap[2];
        memcpy(swap, event[k - 1], sizeof swap);
        memcpy(event[k - 1], event[other], sizeof swap);
        memcpy(event[other], swap, sizeof swap);
    }
    for (uint32_t k = 0; k < n; k++) {
        if (k == n / 2 && model == WW_SCAN_EXPECTATION) /* expectations may come in the middle of it */
            for (uint32_t i = 0; i < N; i++)
                for (uint32_t d = 0; d < M; d++)
                    ww_scan_live_expect(live, i, d, c->expected[i][d]);
        if (k == n / 2 && model == WW_SCAN_EXPECTATION)
            ww_scan_live_refresh(live);
        int32_t twice = k % 7 == 0;
        assert_int_equal(ww_scan_live_add(live, event[k][0], event[k][1], 1 + twice, NULL), WW_OK);
        if (twice)
            assert_int_equal(ww_scan_live_add(live, event[k][0], event[k][1], -1, NULL), WW_OK);
    }
}

static struct ww_scan_result judge(struct ww_scan_live *live, uint32_t replicas, uint32_t stop_after,
                                   uint64_t slice, struct ww_scan_judge **out) {
    struct ww_scan_rules rules = {.min_cases = 2,
                                  .max_clusters = 5,
                                  .replicas = replicas,
                                  .stop_after = stop_after,
                                  .seed = 9,
                                  .days_between_runs = 1};
    assert_int_equal(ww_scan_judge_new(live, &rules, out, NULL), WW_OK);
    while (!ww_scan_judge_step(*out, slice))
        continue;
    struct ww_scan_result result;
    ww_scan_judge_result(*out, &result);
    return result;
}

/* The same places, maybe from another centre: two chains may hold one set, and rounding says which is taken.
 */
static void assert_same_places(const struct ww_scan_zones *zones, const struct ww_scan_cluster *x,
                               const struct ww_scan_cluster *y) {
    bool in[N] = {false};
    assert_int_equal(x->length, y->length);
    for (uint32_t i = 0; i < x->length; i++)
        in[zones->place[zones->start[x->chain] + i]] = true;
    for (uint32_t i = 0; i < y->length; i++)
        assert_true(in[zones->place[zones->start[y->chain] + i]]);
}

static void assert_same_clusters(const struct ww_scan_zones *zones, const struct ww_scan_result *a,
                                 const struct ww_scan_result *b) {
    assert_int_equal(a->n_clusters, b->n_clusters);
    for (uint32_t k = 0; k < a->n_clusters; k++) {
        const struct ww_scan_cluster *x = &a->clusters[k], *y = &b->clusters[k];
        assert_near(x->llr, y->llr, 1e-9);
        assert_same_places(zones, x, y);
        assert_int_equal(x->time_end - x->time_from, y->time_end - y->time_from);
        assert_near(x->cases, y->cases, 0);
        assert_near(x->expected, y->expected, 1e-9);
        assert_near(x->relative_risk, y->relative_risk, 1e-9);
    }
}

static void both_forms_find_the_same(enum ww_scan_model model, double mean) {
    static struct city c;
    static struct general g;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        make_city(&c, seed, mean);
        run_general(&g, &c, model, 999);
        struct ww_scan_live *live = open_live(&c, model);
        feed(live, &c, model, seed);
        struct ww_scan_judge *j;
        struct ww_scan_result r = judge(live, 999, 0, UINT64_MAX, &j);
        assert_same_clusters(c.zones, &g.result, &r);
        for (uint32_t k = 0; k < r.n_clusters; k++) { /* two estimates of the same p */
            double p = (g.result.clusters[k].p_rank + r.clusters[k].p_rank) / 2;
            assert_near(g.result.clusters[k].p_rank, r.clusters[k].p_rank,
                        4 * sqrt(2 * fmax(p * (1 - p), 1e-3) / 999));
        }
        if (!isnan(r.null_mean)) {
            assert_near(r.null_mean, g.result.null_mean, 0.25);
            assert_near(r.null_sd, g.result.null_sd, 0.3); /* of two times 999, with a long tail */
        }
        ww_scan_judge_free(j);
        ww_scan_live_free(live);
        ww_scan_free(g.run);
        ww_scan_zones_free(c.zones);
    }
}

static void the_permutation_form_agrees_with_the_general_scan(void **state) {
    (void)state;
    both_forms_find_the_same(WW_SCAN_PERMUTATION, 0.3);
}

static void the_expectation_form_agrees_with_the_general_scan(void **state) {
    (void)state;
    both_forms_find_the_same(WW_SCAN_EXPECTATION, 0.3);
}

static void the_poisson_form_agrees_with_the_general_scan(void **state) {
    (void)state;
    both_forms_find_the_same(WW_SCAN_POISSON, 0.3);
    both_forms_find_the_same(WW_SCAN_POISSON, 4); /* populations fall into shared rows of thresholds */
}

static void many_cases_share_rows_of_thresholds_without_error(void **state) {
    (void)state;
    both_forms_find_the_same(WW_SCAN_PERMUTATION, 7); /* zones of more than 4,096 cases */
}

static void slices_change_nothing(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 5, 0.4);
    for (int model = WW_SCAN_POISSON; model <= WW_SCAN_EXPECTATION; model++) {
        if (model == WW_SCAN_BERNOULLI)
            continue;
        struct ww_scan_live *live = open_live(&c, (enum ww_scan_model)model);
        feed(live, &c, (enum ww_scan_model)model, 1);
        struct ww_scan_judge *whole, *cut;
        struct ww_scan_result a = judge(live, 301, 0, UINT64_MAX, &whole), b = judge(live, 301, 0, 1, &cut);
        assert_int_equal(a.replicas, 301);
        assert_int_equal(b.replicas, 301);
        assert_memory_equal(a.clusters, b.clusters, a.n_clusters * sizeof *a.clusters);
        ww_scan_judge_free(whole);
        ww_scan_judge_free(cut);
        ww_scan_live_free(live);
    }
    ww_scan_zones_free(c.zones);
}

static void the_order_of_events_changes_nothing(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 6, 0.4);
    for (int model = WW_SCAN_PERMUTATION; model <= WW_SCAN_EXPECTATION; model++) {
        struct ww_scan_judge *j[2];
        struct ww_scan_result r[2];
        struct ww_scan_live *live[2];
        for (int i = 0; i < 2; i++) {
            live[i] = open_live(&c, (enum ww_scan_model)model);
            feed(live[i], &c, (enum ww_scan_model)model, (uint64_t)i);
            r[i] = judge(live[i], 99, 0, UINT64_MAX, &j[i]);
        }
        assert_memory_equal(r[0].clusters, r[1].clusters, r[0].n_clusters * sizeof *r[0].clusters);
        for (int i = 0; i < 2; i++) {
            ww_scan_judge_free(j[i]);
            ww_scan_live_free(live[i]);
        }
    }
    ww_scan_zones_free(c.zones);
}

static void the_expectation_form_is_exact_after_every_event(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 8, 0.3);
    struct ww_scan_live *live = open_live(&c, WW_SCAN_EXPECTATION);
    feed(live, &c, WW_SCAN_EXPECTATION, 4);
    struct ww_random rng = ww_random_of(1, 5);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ww_scan_live_add(live, ww_random_below(&rng, N), ww_random_below(&rng, M), 1, NULL),
                         WW_OK);
        double known = ww_scan_live_best(live);
        ww_scan_live_refresh(live);
        assert_near(known, ww_scan_live_best(live), 0);
    }
    ww_scan_live_free(live);
    ww_scan_zones_free(c.zones);
}

/* A city that is fed day by day ends where one ends that is fed at once. */
static void days_go_by_and_the_oldest_is_forgotten(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 9, 0.4);
    for (int model = WW_SCAN_PERMUTATION; model <= WW_SCAN_EXPECTATION; model++) {
        bool expects = model == WW_SCAN_EXPECTATION;
        struct ww_scan_live *at_once = open_live(&c, (enum ww_scan_model)model);
        struct ww_scan_live *daily = open_live(&c, (enum ww_scan_model)model);
        feed(at_once, &c, (enum ww_scan_model)model, 1);
        double expected[N];
        for (int t = -10; t < DAYS; t++) { /* ten days that are forgotten again */
            for (uint32_t i = 0; i < N; i++)
                expected[i] = t < DAYS - M ? 0.5 : c.expected[i][DAYS - 1 - t];
            ww_scan_live_day(daily, expects ? expected : NULL);
            for (uint32_t i = 0; i < N; i++) {
                uint32_t n = t < 0 ? 2 : c.count[i][t];
                if (n > 0)
                    assert_int_equal(ww_scan_live_add(daily, i, 0, (int32_t)n, NULL), WW_OK);
            }
        }
        struct ww_scan_judge *j[2];
        struct ww_scan_result a = judge(at_once, 99, 0, UINT64_MAX, &j[0]),
                              b = judge(daily, 99, 0, UINT64_MAX, &j[1]);
        assert_near(a.totals.cases, b.totals.cases, 0);
        assert_same_clusters(c.zones, &a, &b);
        assert_int_equal(a.clusters[0].reached, b.clusters[0].reached);
        ww_scan_judge_free(j[0]);
        ww_scan_judge_free(j[1]);
        ww_scan_live_free(at_once);
        ww_scan_live_free(daily);
    }
    ww_scan_zones_free(c.zones);
}

static void a_stop_comes_after_the_same_replica_however_it_is_cut(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 10, 0.4);
    struct ww_scan_live *live = open_live(&c, WW_SCAN_PERMUTATION);
    feed(live, &c, WW_SCAN_PERMUTATION, 1);
    struct ww_scan_judge *j[2];
    struct ww_scan_result a = judge(live, 9999, 7, UINT64_MAX, &j[0]), b = judge(live, 9999, 7, 3, &j[1]);
    assert_true(a.replicas < 9999);
    assert_int_equal(a.replicas, b.replicas);
    assert_int_equal(a.clusters[0].reached, 7);
    assert_near(a.clusters[0].p_rank, 7.0 / a.replicas, 1e-12);
    ww_scan_judge_free(j[0]);
    ww_scan_judge_free(j[1]);
    ww_scan_live_free(live);
    ww_scan_zones_free(c.zones);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 11, 0.3);
    struct ww_scan_live *live = open_live(&c, WW_SCAN_PERMUTATION);
    struct ww_error err;
    assert_int_equal(ww_scan_live_add(live, 0, DAYS, 1, &err), WW_NOT_FOUND);
    assert_int_equal(ww_scan_live_add(live, 0, 0, -1, &err), WW_BAD_INPUT);
    assert_int_equal(ww_scan_live_add(live, 0, 0, WW_SCAN_MAX_RECENT, &err), WW_OK);
    assert_int_equal(ww_scan_live_add(live, 1, M - 1, 1, &err), WW_TOO_LARGE);
    assert_int_equal(ww_scan_live_add(live, 1, M, 1, &err), WW_OK); /* not within the longest window */
    struct ww_scan_judge *j;                                        /* no count overflows at the limit */
    struct ww_scan_result r = judge(live, 19, 0, UINT64_MAX, &j);
    assert_int_equal(r.replicas, 19);
    ww_scan_judge_free(j);
    ww_scan_live_free(live);
    ww_scan_zones_free(c.zones);
}

static void an_empty_city_has_no_clusters(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 12, 0.3);
    for (int model = WW_SCAN_PERMUTATION; model <= WW_SCAN_EXPECTATION; model++) {
        struct ww_scan_live *live = open_live(&c, (enum ww_scan_model)model);
        struct ww_scan_judge *j;
        struct ww_scan_result r = judge(live, 9, 0, UINT64_MAX, &j);
        assert_int_equal(r.n_clusters, 0);
        ww_scan_judge_free(j);
        ww_scan_live_free(live);
    }
    ww_scan_zones_free(c.zones);
}

static void no_allocation_that_fails_does_harm(void **state) {
    (void)state;
    static struct city c;
    make_city(&c, 13, 0.3);
    for (int model = WW_SCAN_PERMUTATION; model <= WW_SCAN_EXPECTATION; model++) {
        enum ww_status st = WW_NO_MEMORY;
        for (long n = 1; st != WW_OK; n++) {
            struct ww_scan_live_config config = {(enum ww_scan_model)model, M,    DAYS, 2,
                                                 (const double(*)[3])c.at,  NULL, 0};
            struct ww_scan_rules rules = {.max_clusters = 3, .replicas = 2};
            struct ww_scan_live *live = NULL;
            struct ww_scan_judge *j = NULL;
            ww_alloc_fail_after(n);
            st = ww_scan_live_new(c.zones, &config, &live, NULL);
            if (st == WW_OK) {
                if (model == WW_SCAN_EXPECTATION)
                    ww_scan_live_expect(live, 0, 0, 1);
                st = ww_scan_live_add(live, 0, 0, 3, NULL);
            }
            if (st == WW_OK)
                st = ww_scan_judge_new(live, &rules, &j, NULL);
            ww_alloc_fail_after(0);
            ww_scan_judge_free(j);
            ww_scan_live_free(live);
            assert_true(st == WW_OK || (st == WW_NO_MEMORY && n < 100));
        }
    }
    ww_scan_zones_free(c.zones);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_permutation_form_agrees_with_the_general_scan),
        cmocka_unit_test(the_expectation_form_agrees_with_the_general_scan),
        cmocka_unit_test(the_poisson_form_agrees_with_the_general_scan),
        cmocka_unit_test(many_cases_share_rows_of_thresholds_without_error),
        cmocka_unit_test(slices_change_nothing),
        cmocka_unit_test(the_order_of_events_changes_nothing),
        cmocka_unit_test(the_expectation_form_is_exact_after_every_event),
        cmocka_unit_test(days_go_by_and_the_oldest_is_forgotten),
        cmocka_unit_test(a_stop_comes_after_the_same_replica_however_it_is_cut),
        cmocka_unit_test(what_does_not_fit_is_refused_and_changes_nothing),
        cmocka_unit_test(an_empty_city_has_no_clusters),
        cmocka_unit_test(no_allocation_that_fails_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
