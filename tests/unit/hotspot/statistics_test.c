/* The statistics against published answers, and their moments against dealing out all orders of a small map.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/hotspot/hotspot.h"
#include "geo/hotspot/rates.h"
#include "geo/hotspot/tail.h"
#include "tests/unit/hotspot/published.h"

enum { MOST = 512 };
static double x[MOST], y[MOST], value[MOST], want[MOST], z[MOST];

static void assert_near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g", a, b);
}

static void assert_all_near(const double *got, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        assert_near(got[i], want[i], 1e-6);
}

/* ---- Published ---- */

static void getis_and_ord_have_their_grid_back(void **state) {
    (void)state;
    struct ww_buf grid, answers;
    if (!published("getisord_grid/grid_xyz.csv", &grid))
        skip();
    assert_true(published("getisord_grid/local_G.csv", &answers));
    uint32_t n = column(&grid, "x", x, MOST);
    assert_int_equal(n, 256);
    column(&grid, "y", y, MOST);
    column(&grid, "val", value, MOST);
    double at[MOST][2];
    for (uint32_t i = 0; i < n; i++) {
        at[i][0] = x[i];
        at[i][1] = y[i];
    }
    const double book[] = {1.221979, 1.748098, 1.986135, 1.893374, 1.237454};
    for (int d = 1; d <= 5; d++) {
        struct ww_weights *w;
        char name[16];
        assert_int_equal(ww_weights_by_distance((const double(*)[2])at, n, 30 * d, WW_NEAR_PLANE, &w, NULL),
                         WW_OK);
        snprintf(name, sizeof name, "G%d", 30 * d);
        column(&answers, name, want, MOST);
        ww_hotspot_g(w, value, z);
        assert_all_near(z, n);
        assert_near(z[119], book[d - 1], 5e-7);
        snprintf(name, sizeof name, "Gstar%d", 30 * d);
        column(&answers, name, want, MOST);
        ww_hotspot_gstar(w, value, z);
        assert_all_near(z, n);
        if (d == 1)
            assert_near(z[119], 1.450780, 5e-7);
        ww_weights_free(w);
    }
    ww_buf_clear(&grid);
    ww_buf_clear(&answers);
}

static struct ww_weights *sids_weights(void) {
    struct ww_buf text;
    static double from[MOST], to[MOST];
    static struct ww_weight_pair pairs[MOST];
    struct ww_weights *w;
    if (!published("sids_spdep/ncCR85_pairs.csv", &text))
        return NULL;
    uint32_t n = column(&text, "i", from, MOST);
    column(&text, "j", to, MOST);
    for (uint32_t k = 0; k < n; k++)
        pairs[k] = (struct ww_weight_pair){(uint32_t)from[k] - 1, (uint32_t)to[k] - 1, 1};
    assert_int_equal(ww_weights_from_pairs(pairs, n, 100, &w, NULL), WW_OK);
    ww_buf_clear(&text);
    return w;
}

static void north_carolina_is_as_published(void **state) {
    (void)state;
    struct ww_weights *w = sids_weights();
    struct ww_buf text;
    static struct ww_moran local[MOST];
    struct ww_moran all;
    if (!w)
        skip();
    assert_true(published("sids_spdep/nc_sids_local_stats.csv", &text));
    static double births[MOST], deaths[MOST], made[MOST];
    column(&text, "BIR74", births, MOST);
    column(&text, "SID74", deaths, MOST);
    for (int standardised = 0; standardised < 2;
         standardised++) { /* one z either way: rows of equal weights */
        column(&text, "ft74", value, MOST);
        column(&text, "Gstar_ft74", want, MOST);
        ww_hotspot_gstar(w, value, z);
        assert_all_near(z, 100);
        column(&text, "r74", value, MOST);
        column(&text, "G_r74", want, MOST);
        ww_hotspot_g(w, value, z);
        assert_all_near(z, 100);
        ww_weights_standardise(w);
    }
    ww_rates_freeman_tukey(deaths, births, 100, made);
    column(&text, "ft74", want, MOST);
    assert_all_near(made, 100);
    assert_int_equal(ww_hotspot_moran(w, made, &all), WW_OK);
    assert_near(all.i, 0.24719261, 5e-9);
    assert_near(all.z, 3.9250, 5e-5);
    column(&text, "r74", value, MOST);
    assert_int_equal(ww_hotspot_moran(w, value, &all), WW_OK);
    assert_near(all.i, 0.23851723, 5e-9);
    assert_near(all.expected, -0.01010101, 5e-9);
    assert_near(all.variance, 0.00413265, 5e-9);
    assert_near(all.z, 3.8674, 5e-5);
    ww_hotspot_local_moran(w, value, local);
    const char *const names[] = {"Ii_r74", "E_r74", "Var_r74", "Z_r74"};
    for (int c = 0; c < 4; c++) {
        column(&text, names[c], want, MOST);
        for (uint32_t i = 0; i < 100; i++)
            z[i] = c == 0 ? local[i].i : c == 1 ? local[i].expected : c == 2 ? local[i].variance : local[i].z;
        assert_all_near(z, 100);
    }
    ww_buf_clear(&text);
    ww_weights_free(w);
}

/* ---- All orders of a small map ---- */

enum { SMALL = 6 };

/* Uneven, one-sided in places, and place 5 without neighbours. */
static struct ww_weights *small_weights(bool with_own) {
    static struct ww_weight_pair pairs[] = {{0, 1, 1},    {1, 0, 0.5}, {1, 2, 2},   {2, 1, 2},
                                            {2, 3, 0.25}, {3, 2, 1},   {3, 4, 1.5}, {0, 4, 3},
                                            {4, 0, 1},    {4, 1, 1},   {0, 0, 0.7}};
    struct ww_weights *w;
    assert_int_equal(ww_weights_from_pairs(pairs, with_own ? 11 : 10, SMALL, &w, NULL), WW_OK);
    return w;
}

/* Calls with every order of the values from `first` on. */
static void each_order(double *v, uint32_t at, uint32_t n, void (*call)(const double *v, void *arg),
                       void *arg) {
    if (at == n) {
        call(v, arg);
        return;
    }
    for (uint32_t i = at; i < n; i++) {
        double a = v[at], b = v[i];
        v[at] = b;
        v[i] = a;
        each_order(v, at + 1, n, call, arg);
        v[at] = a;
        v[i] = b;
    }
}

struct moments {
    const struct ww_weights *w;
    uint32_t place;
    double (*statistic)(const struct ww_weights *w, const double *v, uint32_t place);
    double n, sum, sum2, sum3;
};

static void add(const double *v, void *arg) {
    struct moments *m = arg;
    double s = m->statistic(m->w, v, m->place);
    m->n++;
    m->sum += s;
    m->sum2 += s * s;
    m->sum3 += s * s * s;
}

static double moran_i(const struct ww_weights *w, const double *v, uint32_t place) {
    struct ww_moran m;
    (void)place;
    assert_int_equal(ww_hotspot_moran(w, v, &m), WW_OK);
    return m.i;
}
static double general_g(const struct ww_weights *w, const double *v, uint32_t place) {
    struct ww_moran m;
    (void)place;
    assert_int_equal(ww_hotspot_general_g(w, v, &m), WW_OK);
    return m.i;
}
static double local_i(const struct ww_weights *w, const double *v, uint32_t place) {
    struct ww_moran m[SMALL];
    ww_hotspot_local_moran(w, v, m);
    return m[place].i;
}
static double gi_star(const struct ww_weights *w, const double *v, uint32_t place) {
    double g[SMALL];
    ww_hotspot_gstar(w, v, g);
    return g[place];
}
static double gi(const struct ww_weights *w, const double *v, uint32_t place) {
    double g[SMALL];
    ww_hotspot_g(w, v, g);
    return g[place];
}

static const double small_values[SMALL] = {3, 1, 4, 1.5, 9, 2.6};

/* The order of all but the first `fixed` positions, after bringing `place` to the front by hand is not
 * needed: only place 0 is ever held. */
static struct moments all_orders(const struct ww_weights *w, uint32_t place, bool hold_place,
                                 double (*statistic)(const struct ww_weights *, const double *, uint32_t)) {
    double v[SMALL];
    struct moments m = {.w = w, .place = place, .statistic = statistic};
    for (uint32_t i = 0; i < SMALL; i++)
        v[i] = small_values[i];
    assert_true(!hold_place || place == 0);
    each_order(v, hold_place, SMALL, add, &m);
    return m;
}

static void global_moments_are_those_of_all_orders(void **state) {
    (void)state;
    struct ww_weights *w = small_weights(false);
    struct ww_moran got;
    struct moments m = all_orders(w, 0, false, moran_i);
    assert_int_equal(ww_hotspot_moran(w, small_values, &got), WW_OK);
    assert_near(got.expected, m.sum / m.n, 1e-12);
    assert_near(got.variance, m.sum2 / m.n - m.sum * m.sum / m.n / m.n, 1e-12);
    m = all_orders(w, 0, false, general_g);
    assert_int_equal(ww_hotspot_general_g(w, small_values, &got), WW_OK);
    assert_near(got.expected, m.sum / m.n, 1e-12);
    assert_near(got.variance, m.sum2 / m.n - m.sum * m.sum / m.n / m.n, 1e-12);
    ww_weights_free(w);
}

static void local_moments_are_those_of_all_orders(void **state) {
    (void)state;
    struct ww_weights *w = small_weights(true);
    struct ww_moran got[SMALL];
    double skewness[SMALL];
    ww_hotspot_local_moran(w, small_values, got);
    struct moments m = all_orders(w, 0, true, local_i);
    assert_near(got[0].expected, m.sum / m.n, 1e-12);
    assert_near(got[0].variance, m.sum2 / m.n - m.sum * m.sum / m.n / m.n, 1e-12);
    m = all_orders(w, 0, true, gi);
    assert_near(m.sum, 0, 1e-9);
    assert_near(m.sum2 / m.n, 1, 1e-12);
    ww_hotspot_gstar_skewness(w, small_values, skewness);
    for (uint32_t place = 0; place < SMALL; place++) {
        m = all_orders(w, place, false, gi_star);
        assert_near(m.sum, 0, 1e-9);
        assert_near(m.sum2 / m.n, 1, 1e-12);
        assert_near(skewness[place], m.sum3 / m.n, 1e-12);
    }
    ww_weights_free(w);
}

/* ---- Where nothing can be known ---- */

static void equal_values_and_lonely_places_are_not_a_number(void **state) {
    (void)state;
    struct ww_weights *w = small_weights(false);
    struct ww_moran m[SMALL], all;
    double v[SMALL], g[SMALL], skewness[SMALL];
    for (uint32_t i = 0; i < SMALL; i++)
        v[i] = 0.1; /* whose sum is not 6 times it */
    ww_hotspot_gstar(w, v, g);
    ww_hotspot_local_moran(w, v, m);
    for (uint32_t i = 0; i < SMALL; i++)
        assert_true(isnan(g[i]) && isnan(m[i].z));
    ww_hotspot_g(w, v, g);
    assert_true(isnan(g[0]));
    assert_int_equal(ww_hotspot_moran(w, v, &all), WW_OK);
    assert_true(isnan(all.z));
    v[2] = 1e6; /* without place 2 all are still equal: no Gi there, Gi* everywhere */
    ww_hotspot_g(w, v, g);
    assert_true(isnan(g[2]));
    assert_true(!isnan(g[1]));
    ww_hotspot_g(w, small_values, g);
    assert_true(isnan(g[5])); /* no neighbour */
    ww_hotspot_gstar(w, small_values, g);
    assert_true(!isnan(g[5])); /* its own value against the mean */
    ww_hotspot_gstar_skewness(w, small_values, skewness);
    assert_true(!isnan(skewness[5]));
    v[0] = -1;
    assert_int_equal(ww_hotspot_general_g(w, v, &all), WW_OK);
    assert_true(isnan(all.i));
    ww_weights_free(w);
}

static void large_levels_do_not_cancel(void **state) {
    (void)state;
    struct ww_weights *w = small_weights(false);
    double v[SMALL], g[SMALL], h[SMALL];
    for (uint32_t i = 0; i < SMALL; i++)
        v[i] = small_values[i] + 1e9;
    ww_hotspot_gstar(w, small_values, g);
    ww_hotspot_gstar(w, v, h);
    for (uint32_t i = 0; i < SMALL; i++)
        assert_near(g[i], h[i], 1e-6);
    ww_weights_free(w);
}

/* ---- p and q ---- */

static void tails_are_those_of_known_laws(void **state) {
    (void)state;
    const double zs[] = {0, 1.959963984540054, -1.959963984540054, NAN, 6};
    double p[5];
    ww_hotspot_p(zs, 5, WW_TWO_SIDED, p);
    assert_near(p[0], 1, 1e-15);
    assert_near(p[1], 0.05, 1e-14);
    assert_near(p[2], 0.05, 1e-14);
    assert_true(isnan(p[3]));
    assert_near(p[4], 1.973175290075e-9, 1e-20);
    ww_hotspot_p(zs, 5, WW_HOT_SIDE, p);
    assert_near(p[1], 0.025, 1e-14);
    ww_hotspot_p(zs, 5, WW_COLD_SIDE, p);
    assert_near(p[1], 0.975, 1e-14);
    /* Q(1, x) = exp(-x), Q(2, x) = (1+x) exp(-x), Q(1/2, x) = erfc(sqrt x) */
    for (double at = 0.01; at < 40; at *= 1.7) {
        assert_near(ww_gamma_upper(1, at) / exp(-at), 1, 1e-12);
        assert_near(ww_gamma_upper(2, at) / ((1 + at) * exp(-at)), 1, 1e-12);
        assert_near(ww_gamma_upper(0.5, at) / erfc(sqrt(at)), 1, 1e-12);
    }
    /* skewness 2: a shifted exponential; z = -1 is its lower end */
    assert_near(ww_pearson3_upper(1.5, 2), exp(-2.5), 1e-14);
    assert_near(ww_pearson3_upper(-1.5, 2), 1, 0);
    assert_near(ww_pearson3_upper(-1.5, -2), 1 - exp(-2.5), 1e-14);
    /* near the normal law: Edgeworth's first term is skewness/6 (z² - 1) phi(z) */
    assert_near(ww_pearson3_upper(2, 1e-3), erfc(2 / M_SQRT2) / 2 + 0.5e-3 * 0.05399096651, 1e-7);
    assert_near(ww_pearson3_upper(2, 1.1e-4), ww_pearson3_upper(2, 0.9e-4), 5e-6);
}

static void q_is_the_smallest_rate_that_reports(void **state) {
    (void)state;
    /* Benjamini and Hochberg's own fifteen (1995, section 3.2): four are rejected at 0.05. */
    const double p[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
    double q[15];
    int reported = 0;
    assert_true(WW_OK == ww_hotspot_q(p, 15, q));
    for (int i = 0; i < 15; i++)
        reported += q[i] <= 0.05;
    assert_int_equal(reported, 4);
    assert_near(q[0], 0.0015, 1e-12);
    assert_near(q[3], 0.0095 * 15 / 4, 1e-12);
    assert_near(q[5], q[6], 0); /* 0.0278 * 15/6 is above 0.0298 * 15/7 */
    assert_near(q[6], 0.0298 * 15 / 7, 1e-12);
    const double with_gaps[] = {0.04, NAN, 0.01};
    assert_true(WW_OK == ww_hotspot_q(with_gaps, 3, q));
    assert_near(q[0], 0.04, 1e-15);
    assert_near(q[2], 0.02, 1e-15);
    assert_true(isnan(q[1]));
    assert_true(WW_OK == ww_hotspot_q(p, 0, q));
}

/* ---- Rates ---- */

static void empirical_bayes_follows_its_formula(void **state) {
    (void)state;
    const double cases[] = {0, 2, 5, 1}, people[] = {100, 200, 100, 400};
    double out[4];
    /* b = 0.01, sum n (p-b)²: 0.01 + 0 + 0.16 + 0.0225 = 0.1925; a = 0.1925/800 - 0.01/200 = 0.000190625 */
    ww_rates_empirical_bayes(cases, people, 4, out);
    assert_near(out[0], -0.01 / sqrt(0.000190625 + 0.0001), 1e-12);
    assert_near(out[1], 0, 1e-12);
    assert_near(out[2], 0.04 / sqrt(0.000190625 + 0.0001), 1e-12);
    assert_near(out[3], -0.0075 / sqrt(0.000190625 + 0.000025), 1e-12);
    /* equal rates: a = -b/mean(n) < 0, and in the smaller places a + b/n_i is above 0 still */
    const double even[] = {1, 4, 1, 4}, of[] = {100, 400, 100, 400};
    ww_rates_empirical_bayes(even, of, 4, out);
    for (int i = 0; i < 4; i++)
        assert_near(out[i], 0, 1e-12);
    const double none[] = {0, 0, 0, 0};
    ww_rates_empirical_bayes(none, of, 4, out);
    assert_true(isnan(out[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getis_and_ord_have_their_grid_back),
        cmocka_unit_test(north_carolina_is_as_published),
        cmocka_unit_test(global_moments_are_those_of_all_orders),
        cmocka_unit_test(local_moments_are_those_of_all_orders),
        cmocka_unit_test(equal_values_and_lonely_places_are_not_a_number),
        cmocka_unit_test(large_levels_do_not_cancel),
        cmocka_unit_test(tails_are_those_of_known_laws),
        cmocka_unit_test(q_is_the_smallest_rate_that_reports),
        cmocka_unit_test(empirical_bayes_follows_its_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
