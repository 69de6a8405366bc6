/* Tails, the binomial discriminator, CUSUM run lengths: against plain sums, published tables and simulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "geo/detect/tails.h"
#include "tests/unit/detect/random.h"

/* ---- binomial ---- */

static double choose(int n, int r) {
    double c = 1;
    for (int i = 1; i <= r; i++)
        c *= (double)(n - r + i) / i;
    return c;
}

static double plain_tail(int n, int r, double p) {
    double sum = 0;
    for (int i = r; i <= n; i++)
        sum += choose(n, i) * pow(p, i) * pow(1 - p, n - i);
    return sum;
}

static void binomial_surprise_equals_the_plain_sum(void **state) {
    (void)state;
    static const double ps[] = {0.01, 0.05, 0.5, 0.9};
    for (int n = 1; n <= 64; n += 7)
        for (int r = 0; r <= n; r++)
            for (size_t i = 0; i < sizeof ps / sizeof *ps; i++)
                assert_near(ww_binomial_surprise(n, r, ps[i]), -log10(plain_tail(n, r, ps[i])), 1e-9);
}

/* CANARY's published settings: n = 6, 0.85 means 4 of 6 (0.891); n = 8, 0.90 means 6 of 8 (0.965). */
static void binomial_surprise_gives_canarys_probabilities(void **state) {
    (void)state;
    assert_near(1 - pow(10, -ww_binomial_surprise(6, 5, 0.5)), 0.891, 5e-4);
    assert_near(1 - pow(10, -ww_binomial_surprise(8, 7, 0.5)), 0.965, 5e-4);
    assert_near(ww_binomial_surprise(6, 0, 0.5), 0, 0);
}

/* ---- four at once ---- */

/* Four tails in floats against one after the other in doubles: the same estimate and the same surprise to
 * some millionths, after thousands of steps with wild ones among them. A detector's thresholds are known far
 * less well than that: a tail's 200 excesses leave an error of some per cent. */
static void four_tails_at_once_are_four_tails(void **state) {
    (void)state;
    struct random r = {7};
    struct ww_tails four;
    struct ww_tail one[4];
    unsigned far = 0;
    for (int i = 0; i < 4; i++) {
        one[i] = ww_tail_of(1 + 0.5 * i, 0.25 + 0.2 * i);
        ww_tails_set(&four, i, one[i]);
    }
    for (uint32_t n = 0; n < 30000; n++) {
        ww_four y;
        float parts[4];
        for (int i = 0; i < 4; i++) {
            double z = fabs(random_normal(&r));
            y[i] = (float)(i == 3 && n % 2 ? 0 : z * (1 + i) * (random_unit(&r) < 0.003 ? 10 : 1));
            parts[i] = (float)(i == 2 && n % 3 ? 0 : ww_tail_part(n)); /* this one learns now and then */
        }
        ww_four surprise = ww_tails_surprise(&four, y, 2 + n / 80.0);
        for (int i = 0; i < 4; i++) {
            double plain = ww_tail_surprise(&one[i], (double)y[i], 2 + n / 80.0);
            far += y[i] > one[i].rare;
            assert_near((double)surprise[i], plain, 2e-4 * (1 + plain));
            if (parts[i] > 0)
                ww_tail_learn(&one[i], (double)y[i], ww_tail_part(n));
        }
        ww_tails_learn(&four, y, ww_four_load(parts));
    }
    assert_true(far > 300);
    for (int i = 0; i < 4; i++) {
        struct ww_tail tail = ww_tails_get(&four, i);
        assert_near((double)tail.usual, (double)one[i].usual, 2e-4 * (double)one[i].usual);
        assert_near((double)tail.rare, (double)one[i].rare, 2e-4 * (double)one[i].rare);
        assert_near((double)tail.beta, (double)one[i].beta, 2e-4 * (double)one[i].beta);
    }
}

/* ---- CUSUM ---- */

static double simulated_arl(double k, double h, int runs, uint64_t seed) {
    struct random r = {seed};
    double readings = 0;
    for (int i = 0; i < runs; i++) {
        double up = 0, down = 0;
        while (up < h && down < h) {
            double z = random_normal(&r);
            up = fmax(0, up + z - k);
            down = fmax(0, down - z - k);
            readings++;
        }
    }
    return readings / runs;
}

static void cusum_run_lengths_are_those_of_the_table_and_of_simulation(void **state) {
    (void)state;
    /* Two-sided, k = 0.5, h = 4, 5: 169 and 472 by simulation. */
    assert_near(ww_cusum_arl(0.5, 4), 169, 0.04 * 169);
    assert_near(ww_cusum_arl(0.5, 5), 472, 0.04 * 472);
    assert_near(ww_cusum_arl(0.5, 6), 1263, 0.04 * 1263);
    assert_near(ww_cusum_arl(0.5, 8), 9612, 0.04 * 9612);
    for (double h = 3; h <= 5; h++) {
        double simulated = simulated_arl(0.5, h, 4000, 11);
        assert_near(ww_cusum_arl(0.5, h), simulated, 0.08 * simulated);
    }
}

static void the_cusum_threshold_is_the_inverse_of_the_run_length(void **state) {
    (void)state;
    for (double arl = 50; arl < 1e7; arl *= 3)
        assert_near(ww_cusum_arl(0.5, ww_cusum_threshold(0.5, arl)) / arl, 1, 1e-6);
    /* One false alarm a month of minutes: about 9.5. */
    assert_near(ww_cusum_threshold(0.5, 43200), 9.5, 0.2);
}

/* ---- learned tails ---- */

static double exponential(struct random *r, double mean) {
    return -mean * log(1 - random_unit(r));
}

static void a_tail_learns_how_often_its_series_goes_how_far(void **state) {
    (void)state;
    struct random r = {5};
    struct ww_tail tail = ww_tail_of(1, 0.25);
    for (uint32_t n = 0; n < 100000; n++)
        ww_tail_step(&tail, exponential(&r, 3), n);
    assert_near(tail.usual, 3 * log(20), 0.4);
    assert_near(tail.rare, 3 * log(200), 0.8);
    assert_near(tail.beta, 3, 0.5);
    /* Of 100,000 further readings about 100 are as surprising as 3. */
    int seen = 0;
    for (int i = 0; i < 100000; i++)
        seen += ww_tail_surprise(&tail, exponential(&r, 3), 200) >= 3;
    assert_in_range(seen, 70, 140);
}

static void a_young_tail_claims_less_and_value_is_its_inverse(void **state) {
    (void)state;
    struct ww_tail tail = ww_tail_of(1, 0.5);
    double before = 0;
    for (double y = 0; y < 12; y += 0.05) {
        double surprise = ww_tail_surprise(&tail, y, 50);
        assert_true(surprise >= before);
        assert_near(ww_tail_value(&tail, surprise, 50), y, 1e-9);
        assert_true(ww_tail_surprise(&tail, y, 3) <= surprise + 1e-12);
        before = surprise;
    }
}

static void one_event_teaches_a_tail_little(void **state) {
    (void)state;
    struct random r = {6};
    struct ww_tail tail = ww_tail_of(1, 0.25);
    for (uint32_t n = 0; n < 5000; n++)
        ww_tail_step(&tail, exponential(&r, 1), n);
    double before = ww_tail_surprise(&tail, 20, 60);
    ww_tail_step(&tail, 1e6, 5000);
    assert_true(ww_tail_surprise(&tail, 20, 60) > 0.75 * before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_tails_at_once_are_four_tails),
        cmocka_unit_test(binomial_surprise_equals_the_plain_sum),
        cmocka_unit_test(binomial_surprise_gives_canarys_probabilities),
        cmocka_unit_test(cusum_run_lengths_are_those_of_the_table_and_of_simulation),
        cmocka_unit_test(the_cusum_threshold_is_the_inverse_of_the_run_length),
        cmocka_unit_test(a_tail_learns_how_often_its_series_goes_how_far),
        cmocka_unit_test(a_young_tail_claims_less_and_value_is_its_inverse),
        cmocka_unit_test(one_event_teaches_a_tail_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
