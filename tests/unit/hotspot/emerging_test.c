/* Trends and classes of emerging hot spots. */
#include "geo/hotspot/emerging.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void near_to(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g is not %.12g", got, want);
}

static void the_trend_is_mann_and_kendalls(void **state) {
    (void)state;
    struct ww_trend t;
    const double up[] = {1, 2, 3, 4, 5, 6, 7, 8}, down[] = {5, 4, NAN, 3, 2, 1};
    assert_true(WW_OK == ww_trend_of(up, 8, &t));
    near_to(t.s, 28, 0);
    near_to(t.variance, 8 * 7 * 21 / 18.0, 1e-12);
    near_to(t.z, 27 / sqrt(8 * 7 * 21 / 18.0), 1e-12);
    near_to(t.tau, 1, 0);
    assert_true(WW_OK == ww_trend_of(down, 6, &t));
    near_to(t.s, -10, 0);
    assert_true(t.n == 5);
    /* Ties by hand: 23, 24, 29, 6, 29, 24, 24, 29, 23; groups 2, 3, 3. S counted pair by pair: -1+… */
    const double tied[] = {23, 24, 29, 6, 29, 24, 24, 29, 23};
    double s = 0;
    for (int i = 0; i < 9; i++)
        for (int j = i + 1; j < 9; j++)
            s += (tied[j] > tied[i]) - (tied[j] < tied[i]);
    assert_true(WW_OK == ww_trend_of(tied, 9, &t));
    near_to(t.s, s, 0);
    near_to(t.variance, (9 * 8 * 23 - 2 * 1 * 9 - 2 * (3 * 2 * 11)) / 18.0, 1e-12);
    double grown = 0;
    for (uint32_t i = 0; i < 9; i++)
        grown += ww_trend_gain(tied, i, tied[i]);
    near_to(grown, s, 0);
    const double flat[] = {2, 2, 2, 2};
    assert_true(WW_OK == ww_trend_of(flat, 4, &t));
    assert_true(t.z == 0 && t.p == 1);
    assert_true(WW_OK == ww_trend_of(up, 2, &t));
    assert_true(t.z == 0 && t.p == 1);
}

static void classes_follow_their_definitions(void **state) {
    (void)state;
    static const struct {
        const char *bins; /* H hot, C cold, . neither */
        double trend_z;
        const char *name;
        int side;
    } cases[] = {
        {"..........", 0, "none", 0},
        {".........H", 0, "new", 1},
        {".........C", 0, "new", -1},
        {".......HHH", 0, "consecutive", 1},
        {"HHHHHHHHHH", 0, "persistent", 1},
        {"HHHHHHHHHH", 3, "intensifying", 1},
        {"HHHHHHHHHH", -3, "diminishing", 1},
        {"CCCCCCCCCC", -3, "intensifying", -1},
        {"CCCCCCCCCC", 3, "diminishing", -1},
        {"H.HHHHHHHH", 0, "persistent", 1},
        {"H.H.HH..HH", 3, "sporadic", 1},
        {"C..H..H..H", 0, "oscillating", 1},
        {"C.......HH", 0, "oscillating", 1},
        {"C........H", 0, "new", 1}, /* never hot before, though cold: "new" comes first */
        {"HHHHHHHHH.", 0, "historical", 1},
        {"HHHHH.....", 0, "none", 0},
        {"H...H.....", 0, "none", 0},
        {".H.....H.C", 0, "new", -1},
        {".H....C..C", 0, "oscillating", -1},
        {"H", 0, "persistent", 1},
        {"HH", 0, "persistent", 1},
        {".HH", 0, "consecutive", 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int8_t side[16];
        uint32_t n = (uint32_t)strlen(cases[c].bins);
        for (uint32_t b = 0; b < n; b++)
            side[b] = (int8_t)((cases[c].bins[b] == 'H') - (cases[c].bins[b] == 'C'));
        struct ww_trend t = {.z = cases[c].trend_z, .p = erfc(fabs(cases[c].trend_z) / M_SQRT2)};
        struct ww_emerging_place p = ww_emerging_classify(side, n, t);
        if (strcmp(ww_emerging_name(p.class), cases[c].name) != 0 ||
            (cases[c].side && p.side != cases[c].side))
            fail_msg("%s: %s, side %d", cases[c].bins, ww_emerging_name(p.class), p.side);
    }
}

enum { SIDE = 12, N = SIDE * SIDE, BINS = 10 };

/* One bin alone is Gi* of its values; several are Gi* of the places of all bins with neighbours in time. */
static void the_cube_is_gi_star_in_space_and_time(void **state) {
    (void)state;
    static double values[BINS * N], z[BINS * N], want[BINS * N], at[N][2];
    static int8_t side[BINS * N];
    static struct ww_emerging_place places[N];
    static struct ww_weight_pair pairs[400000];
    struct ww_weights *w, *cube;
    uint64_t seed = 1;
    for (int i = 0; i < N; i++) {
        at[i][0] = i % SIDE;
        at[i][1] = i / SIDE;
    }
    for (int i = 0; i < BINS * N; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = 50 + (double)(seed >> 40) / 1e6;
    }
    assert_true(WW_OK == ww_weights_by_distance((const double(*)[2])at, N, 1.5, 0, &w, NULL));
    struct ww_emerging_options alone = {.lag = 0, .whole_cube = false, .fdr = 0.05};
    assert_true(WW_OK == ww_emerging_map(w, values, BINS, &alone, z, side, places, NULL));
    for (int b = 0; b < BINS; b++) {
        ww_hotspot_gstar(w, values + b * N, want);
        for (int i = 0; i < N; i++)
            near_to(z[b * N + i], want[i], 1e-9);
    }
    size_t n = 0;
    for (int b = 0; b < BINS; b++)
        for (int i = 0; i < N; i++)
            for (int c = b > 2 ? b - 2 : 0; c <= b; c++)
                for (int j = 0; j < N; j++)
                    if (b * N + i != c * N + j && hypot(at[i][0] - at[j][0], at[i][1] - at[j][1]) <= 1.5)
                        pairs[n++] = (struct ww_weight_pair){(uint32_t)(b * N + i), (uint32_t)(c * N + j), 1};
    assert_true(WW_OK == ww_weights_from_pairs(pairs, n, BINS * N, &cube, NULL));
    ww_hotspot_gstar(cube, values, want);
    struct ww_emerging_options whole = {.lag = 2, .whole_cube = true, .fdr = 0.05};
    assert_true(WW_OK == ww_emerging_map(w, values, BINS, &whole, z, side, places, NULL));
    for (int i = 0; i < BINS * N; i++)
        near_to(z[i], want[i], 1e-9);
    ww_weights_free(cube);
    ww_weights_free(w);
}

static void a_growing_spot_intensifies_and_a_late_one_is_new(void **state) {
    (void)state;
    static double values[BINS * N], z[BINS * N], at[N][2];
    static int8_t side[BINS * N];
    static struct ww_emerging_place places[N];
    struct ww_weights *w;
    uint64_t seed = 2;
    for (int i = 0; i < N; i++) {
        at[i][0] = i % SIDE;
        at[i][1] = i / SIDE;
    }
    for (int b = 0; b < BINS; b++)
        for (int i = 0; i < N; i++) {
            int x = i % SIDE, y = i / SIDE;
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            values[b * N + i] = (double)(seed >> 40) / 16777216;
            if (x <= 2 && y <= 2)
                values[b * N + i] += 2 + 0.5 * b; /* from the first bin on, growing */
            if (x >= 9 && y >= 9 && b == BINS - 1)
                values[b * N + i] += 6;
            if (b == 4 && i == 70)
                values[b * N + i] = NAN;
        }
    assert_true(WW_OK == ww_weights_by_distance((const double(*)[2])at, N, 1.5, 0, &w, NULL));
    struct ww_emerging_options o = {.lag = 0, .whole_cube = true, .fdr = 0.05};
    assert_true(WW_OK == ww_emerging_map(w, values, BINS, &o, z, side, places, NULL));
    assert_string_equal(ww_emerging_name(places[1 * SIDE + 1].class), "intensifying");
    assert_string_equal(ww_emerging_name(places[10 * SIDE + 10].class), "new");
    assert_string_equal(ww_emerging_name(places[5 * SIDE + 6].class), "none");
    assert_true(isnan(z[4 * N + 70]) && side[4 * N + 70] == 0);
    ww_weights_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trend_is_mann_and_kendalls),
        cmocka_unit_test(classes_follow_their_definitions),
        cmocka_unit_test(the_cube_is_gi_star_in_space_and_time),
        cmocka_unit_test(a_growing_spot_intensifies_and_a_late_one_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
