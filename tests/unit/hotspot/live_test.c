/* Readings one by one against the whole map at once. */
#include "geo/hotspot/live.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { N = 60 };

static double random_01(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

/* Uneven weights, one-sided pairs, some own weights, some places alone. */
static struct ww_weights *some_weights(uint64_t *seed) {
    static struct ww_weight_pair pairs[N * N];
    struct ww_weights *w;
    size_t n = 0;
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t j = 0; j < N; j++)
            if (random_01(seed) < (i == j ? 0.3 : i % 9 == 4 ? 0 : 0.08))
                pairs[n++] = (struct ww_weight_pair){i, j, 0.2 + random_01(seed)};
    assert_true(WW_OK == ww_weights_from_pairs(pairs, n, N, &w, NULL));
    return w;
}

static void same(double got, double want, const char *what, uint32_t place) {
    if (isnan(got) != isnan(want) || fabs(got - want) > 1e-8 * fmax(1, fabs(want)))
        fail_msg("%s of %u: %.12g is not %.12g", what, place, got, want);
}

/* All answers against hotspot.h on the places that have a value. */
static void compare(const struct ww_live *live, const struct ww_weights *w, const double *value,
                    const bool *has, bool standardised) {
    struct ww_weights *kept;
    double x[N], star[N], g[N], all[N];
    struct ww_moran local[N], global;
    uint32_t n = 0;
    assert_true(WW_OK == ww_weights_keep(w, has, &kept, NULL));
    for (uint32_t i = 0; i < N; i++)
        if (has[i])
            x[n++] = value[i];
    assert_true(ww_live_count(live) == n);
    ww_hotspot_gstar(kept, x, star);
    ww_hotspot_g(kept, x, g);
    if (standardised)
        ww_weights_standardise(kept);
    ww_hotspot_local_moran(kept, x, local);
    assert_true(WW_OK == ww_hotspot_moran(kept, x, &global));
    ww_live_gstar_all(live, all);
    for (uint32_t i = 0, k = 0; i < N; i++) {
        assert_true(ww_live_has(live, i) == has[i]);
        struct ww_moran m = ww_live_local_moran(live, i);
        same(ww_live_gstar(live, i), has[i] ? star[k] : NAN, "Gi*", i);
        same(all[i], has[i] ? star[k] : NAN, "Gi* of all", i);
        same(ww_live_g(live, i), has[i] ? g[k] : NAN, "Gi", i);
        same(m.i, has[i] ? local[k].i : NAN, "I", i);
        same(m.z, has[i] ? local[k].z : NAN, "z of I", i);
        k += has[i];
    }
    if (n >= 4)
        same(ww_live_moran_i(live), global.i, "global I", 0);
    ww_weights_free(kept);
}

static void answers_are_those_of_the_whole_map(void **state) {
    (void)state;
    for (uint64_t round = 1; round <= 4; round++) {
        uint64_t seed = round;
        bool standardised = round % 2, has[N] = {false};
        double value[N] = {0};
        struct ww_weights *w = some_weights(&seed);
        struct ww_live *live =
            ww_live_new(w, standardised ? WW_LIVE_ROWS_STANDARDISED : WW_LIVE_ROWS_AS_THEY_ARE);
        for (int step = 0; step < 3000; step++) {
            uint32_t i = (uint32_t)(random_01(&seed) * N);
            if (random_01(&seed) < 0.3) {
                ww_live_forget(live, i);
                has[i] = false;
            } else {
                value[i] = 300 + 10 * random_01(&seed) + (i < 5 ? 20 : 0);
                ww_live_set(live, i, value[i]);
                has[i] = true;
            }
            if (step % 500 == 250)
                ww_live_recount(live);
            if (step % 37 == 0)
                compare(live, w, value, has, standardised);
        }
        ww_live_free(live);
        ww_weights_free(w);
    }
}

static void a_map_that_empties_forgets_everything(void **state) {
    (void)state;
    uint64_t seed = 9;
    struct ww_weights *w = some_weights(&seed);
    struct ww_live *live = ww_live_new(w, WW_LIVE_ROWS_STANDARDISED);
    double value[N];
    bool has[N];
    assert_true(isnan(ww_live_gstar(live, 0)) && isnan(ww_live_moran_i(live)));
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < N; i++) {
            value[i] = random_01(&seed) * pow(10, round);
            has[i] = true;
            ww_live_set(live, i, value[i]);
        }
        compare(live, w, value, has, true);
        for (uint32_t i = 0; i < N; i++)
            ww_live_forget(live, i);
        assert_true(ww_live_count(live) == 0 && isnan(ww_live_gstar(live, 3)));
    }
    for (uint32_t i = 0; i < N; i++)
        ww_live_set(live, i, 0.1);
    assert_true(isnan(ww_live_gstar(live, 0)) && isnan(ww_live_g(live, 0)) &&
                isnan(ww_live_local_moran(live, 0).i));
    ww_live_free(live);
    ww_weights_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_the_whole_map),
        cmocka_unit_test(a_map_that_empties_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
