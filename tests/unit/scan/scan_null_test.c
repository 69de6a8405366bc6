/* False alarms: over a thousand and more days on which nothing happens, the live scan signals as often as it
 * says.
 *
 *   unit_scan_null [days]       1,200 by default
 *
 * A city of 60 places is fed day by day with Poisson counts around its own expectation, weekdays and all;
 * each evening a judge with 199 replicas gives the recurrence interval of the best window. Days follow each
 * other with overlapping windows, so signals come in runs: the 95 % interval of their rate is from the means
 * of blocks of days, not from the days.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/scan/live.h"
#include "geo/scan/random.h"

enum { N = 60, M = 4, HISTORY = 60, BLOCKS = 40, REPLICAS = 199, CUTS = 2 };

static uint32_t n_days = 1200;

struct city {
    double at[N][3], weight[N];
    struct ww_scan_zones *zones;
    struct ww_scan_live *live;
    struct ww_random rng;
    bool expects;
};

static void open_city(struct city *c, enum ww_scan_model model) {
    c->rng = ww_random_of(20261128, (uint64_t)model);
    c->expects = model == WW_SCAN_EXPECTATION;
    for (uint32_t i = 0; i < N; i++) {
        c->at[i][0] = ww_random_unit(&c->rng);
        c->at[i][1] = ww_random_unit(&c->rng);
        c->weight[i] = 0.1 + 0.4 * ww_random_unit(&c->rng);
    }
    struct ww_scan_places places = {N, false, (const double(*)[3])c->at};
    struct ww_scan_limits limits = {0.3, NULL, 0};
    assert_int_equal(ww_scan_zones_circles(&places, &limits, &c->zones, NULL), WW_OK);
    struct ww_scan_live_config config = {
        .model = model, .n_durations = M, .n_days = HISTORY, .min_cases = 2, .at = (const double(*)[3])c->at};
    assert_int_equal(ww_scan_live_new(c->zones, &config, &c->live, NULL), WW_OK);
}

static void live_a_day(struct city *c, uint32_t day) {
    static const double weekday[7] = {1.2, 1.1, 1, 1, 1.1, 0.8, 0.6};
    double expected[N];
    for (uint32_t i = 0; i < N; i++)
        expected[i] = c->weight[i] * weekday[day % 7];
    ww_scan_live_day(c->live, c->expects ? expected : NULL);
    for (uint32_t i = 0; i < N; i++) {
        int32_t n = (int32_t)ww_random_poisson(&c->rng, expected[i]);
        assert_int_equal(ww_scan_live_put(c->live, i, 0, n, NULL), WW_OK);
    }
}

static double recurrence(struct city *c, uint32_t day) {
    struct ww_scan_rules rules = {
        .max_clusters = 1, .replicas = REPLICAS, .seed = day, .days_between_runs = 1};
    struct ww_scan_judge *judge;
    struct ww_scan_result result;
    assert_int_equal(ww_scan_judge_new(c->live, &rules, &judge, NULL), WW_OK);
    while (!ww_scan_judge_step(judge, UINT64_MAX))
        continue;
    ww_scan_judge_result(judge, &result);
    double days = result.n_clusters > 0 ? result.clusters[0].recurrence_days : 1;
    ww_scan_judge_free(judge);
    return days;
}

struct rate {
    double mean, low, high;
};

static struct rate rate_of(const double *block) {
    double sum = 0, squares = 0;
    for (int i = 0; i < BLOCKS; i++)
        sum += block[i];
    double mean = sum / BLOCKS;
    for (int i = 0; i < BLOCKS; i++)
        squares += (block[i] - mean) * (block[i] - mean);
    double half = 1.96 * sqrt(squares / (BLOCKS - 1) / BLOCKS);
    return (struct rate){mean, mean - half, mean + half};
}

static void signals_come_at_their_stated_rate(enum ww_scan_model model, const char *name) {
    static const double cuts[CUTS] = {20, 100};
    static struct city c;
    double block[CUTS][BLOCKS] = {{0}};
    uint32_t per_block = n_days / BLOCKS;
    open_city(&c, model);
    for (uint32_t day = 0; day < HISTORY; day++)
        live_a_day(&c, day);
    for (uint32_t day = 0; day < per_block * BLOCKS; day++) {
        live_a_day(&c, HISTORY + day);
        double days = recurrence(&c, day);
        for (int k = 0; k < CUTS; k++)
            block[k][day / per_block] += (days >= cuts[k] * (1 - 1e-9)) / (double)per_block;
    }
    for (int k = 0; k < CUTS; k++) {
        struct rate r = rate_of(block[k]);
        printf(
            "%s: once in %.0f days or rarer by its own word: on %.4f of %u null days, 95 %% %.4f to %.4f\n",
            name, cuts[k], r.mean, per_block * BLOCKS, r.low, r.high);
        assert_true(r.low <= 1 / cuts[k]); /* not more often than stated … */
        /* … and not much more rarely: ties between small counts make p a little too large */
        assert_true(r.high >= 0.7 / cuts[k]);
    }
    ww_scan_live_free(c.live);
    ww_scan_zones_free(c.zones);
}

static void the_permutation_form_signals_at_its_stated_rate(void **state) {
    (void)state;
    signals_come_at_their_stated_rate(WW_SCAN_PERMUTATION, "permutation");
}

static void the_expectation_form_signals_at_its_stated_rate(void **state) {
    (void)state;
    signals_come_at_their_stated_rate(WW_SCAN_EXPECTATION, "expectation");
}

int main(int argc, char **argv) {
    if (argc > 1)
        n_days = (uint32_t)atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_permutation_form_signals_at_its_stated_rate),
        cmocka_unit_test(the_expectation_form_signals_at_its_stated_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
