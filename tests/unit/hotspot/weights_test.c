/* Neighbours against plain oracles, and the files that name them. */
#include "geo/hotspot/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/contiguity.h"
#include "geo/hotspot/hex.h"
#include "geo/hotspot/weight_file.h"

enum { N = 160 };
static double at[N][2];

static double random_01(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

static double metres2(uint32_t a, uint32_t b) {
    double dx = at[a][0] - at[b][0], dy = at[a][1] - at[b][1];
    return dx * dx + dy * dy;
}

/* ---- Near ---- */

static void bands_and_nearest_are_those_of_comparing_all_pairs(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int grid = 0; grid < 2; grid++) {
        for (uint32_t i = 0; i < N; i++)
            for (int a = 0; a < 2; a++)
                at[i][a] = grid ? floor(random_01(&seed) * 12) : random_01(&seed) * 12;
        struct ww_weights *w;
        double d = grid ? 2 : 1.7;
        assert_true(WW_OK == ww_weights_by_distance((const double(*)[2])at, N, d, WW_NEAR_PLANE, &w, NULL));
        for (uint32_t i = 0; i < N; i++)
            for (uint32_t j = 0; j < N; j++)
                assert_true((ww_weights_between(w, i, j) == 1) == (i != j && metres2(i, j) <= d * d));
        ww_weights_free(w);
        for (uint32_t k = 1; k < 30; k += 7) {
            assert_true(WW_OK == ww_weights_nearest((const double(*)[2])at, N, k, WW_NEAR_PLANE, &w, NULL));
            for (uint32_t i = 0; i < N; i++)
                for (uint32_t j = 0; j < N; j++) {
                    uint32_t nearer = 0; /* places that come before j */
                    for (uint32_t o = 0; o < N; o++)
                        nearer += o != i && (metres2(i, o) < metres2(i, j) ||
                                             (metres2(i, o) == metres2(i, j) && o < j));
                    assert_true((ww_weights_between(w, i, j) == 1) == (i != j && nearer < k));
                }
            ww_weights_free(w);
        }
    }
}

static void steps_of_a_tenth_are_within_a_tenth(void **state) {
    (void)state;
    struct ww_weights *w;
    for (uint32_t i = 0; i < 20; i++) {
        at[i][0] = 0.1 * i;
        at[i][1] = 0;
    }
    assert_true(WW_OK == ww_weights_by_distance((const double(*)[2])at, 20, 0.1, WW_NEAR_PLANE, &w, NULL));
    assert_true(w->start[20] == 38);
    ww_weights_free(w);
}

static void neighbours_across_the_antimeridian_are_found(void **state) {
    (void)state;
    struct ww_weights *w;
    const double fiji[4][2] = {{179.99, -17}, {-179.99, -17}, {178, -17}, {0, 0}};
    assert_true(WW_OK == ww_weights_by_distance(fiji, 4, 3000, WW_NEAR_EARTH_M, &w, NULL));
    assert_true(w->start[4] == 2 && ww_weights_between(w, 0, 1) == 1 && ww_weights_between(w, 1, 0) == 1);
    ww_weights_free(w);
    assert_true(WW_OK == ww_weights_nearest(fiji, 4, 1, WW_NEAR_EARTH_M, &w, NULL));
    assert_true(ww_weights_between(w, 1, 0) == 1 && ww_weights_between(w, 2, 0) == 1);
    ww_weights_free(w);
}

static void impossible_neighbourhoods_are_refused(void **state) {
    (void)state;
    struct ww_weights *w = NULL;
    struct ww_error err;
    assert_true(WW_BAD_INPUT == ww_weights_nearest((const double(*)[2])at, 5, 5, 0, &w, &err));
    assert_string_equal(err.message, "5 nearest neighbours of 5 places: must be from 1 to 4");
    assert_true(WW_BAD_INPUT == ww_weights_nearest((const double(*)[2])at, 5, 0, 0, &w, &err));
    assert_true(WW_BAD_INPUT == ww_weights_by_distance((const double(*)[2])at, 5, 0, 0, &w, &err));
    assert_true(WW_BAD_INPUT == ww_weights_by_distance((const double(*)[2])at, 5, NAN, 0, &w, &err));
    for (long nth = 1; nth < 9; nth++) {
        ww_alloc_fail_after(nth);
        assert_true(WW_NO_MEMORY == ww_weights_nearest((const double(*)[2])at, 5, 2, 0, &w, &err));
        ww_alloc_fail_after(nth);
        assert_true(WW_NO_MEMORY == ww_weights_by_distance((const double(*)[2])at, 5, 2, 0, &w, &err));
    }
    ww_alloc_fail_after(0);
}

/* ---- Pairs ---- */

static void pairs_make_rows(void **state) {
    (void)state;
    const struct ww_weight_pair pairs[] = {{2, 0, 3}, {0, 2, 1}, {0, 1, 2}, {1, 1, 5}};
    struct ww_weights *w, *less;
    assert_true(WW_OK == ww_weights_from_pairs(pairs, 4, 3, &w, NULL));
    assert_true(w->start[1] == 2 && w->start[2] == 2 && w->start[3] == 3);
    assert_true(w->index[0] == 1 && w->index[1] == 2 && w->index[2] == 0);
    assert_true(ww_weights_between(w, 0, 2) == 1 && ww_weights_between(w, 2, 1) == 0);
    assert_true(ww_weights_own(w, 0) == 1.5); /* its neighbours' mean */
    assert_true(ww_weights_own(w, 1) == 5);   /* as given */
    const bool keep[] = {true, false, true};
    assert_true(WW_OK == ww_weights_keep(w, keep, &less, NULL));
    assert_true(less->n == 2 && ww_weights_between(less, 0, 1) == 1 && ww_weights_between(less, 1, 0) == 3);
    ww_weights_standardise(w);
    assert_true(ww_weights_between(w, 0, 1) == 2.0 / 3 && ww_weights_between(w, 2, 0) == 1);
    ww_weights_free(less);
    ww_weights_free(w);
}

static void bad_pairs_are_named(void **state) {
    (void)state;
    struct ww_weights *w;
    struct ww_error err;
    const struct ww_weight_pair range[] = {{0, 1, 1}, {0, 3, 1}}, zero[] = {{0, 1, 0}},
                                twice[] = {{0, 1, 1}, {1, 0, 1}, {0, 1, 2}}, nan[] = {{0, 1, NAN}};
    assert_true(WW_BAD_INPUT == ww_weights_from_pairs(range, 2, 3, &w, &err) && err.offset == 1);
    assert_true(WW_BAD_INPUT == ww_weights_from_pairs(zero, 1, 3, &w, &err));
    assert_true(WW_BAD_INPUT == ww_weights_from_pairs(nan, 1, 3, &w, &err));
    assert_true(WW_BAD_INPUT == ww_weights_from_pairs(twice, 3, 3, &w, &err) && err.offset == 2);
}

/* ---- Files ---- */

static struct ww_map *names(const char *const *list, uint32_t n) {
    struct ww_map *map = ww_map_new(n);
    for (uint32_t i = 0; i < n; i++)
        assert_true(WW_OK == ww_map_put(map, ww_str_of(list[i]), i));
    return map;
}

static const char *const counties[] = {"ashe", "500115001", "c", "d"};

static struct ww_weights *from_file(const char *text, enum ww_weight_format format, bool *by_number) {
    struct ww_weight_file f;
    struct ww_weights *w;
    struct ww_error err;
    struct ww_map *map = names(counties, 4);
    if (ww_weight_file_read(ww_str_of(text), format, map, 4, &f, &err) != WW_OK)
        fail_msg("line %d: %s", (int)err.line, err.message);
    assert_true(WW_OK == ww_weight_file_weights(&f, 4, &w, &err));
    *by_number = f.by_number;
    ww_weight_file_clear(&f);
    ww_map_free(map);
    return w;
}

static void files_of_the_field_are_read(void **state) {
    (void)state;
    bool by_number;
    struct ww_weights *w =
        from_file("0 4 sids NAME\r\nashe 2\r\n500115001 c\r\n500115001 1\r\nashe\r\nc 0\r\n\r\nd 1\r\nc\r\n",
                  WW_WEIGHTS_GAL, &by_number);
    assert_true(!by_number && w->start[4] == 4 && ww_weights_between(w, 3, 2) == 1);
    ww_weights_free(w);
    w = from_file("4\n1 2\n2 3\n2 1\n1\n3 0\n4 1\n3", WW_WEIGHTS_GAL, &by_number);
    assert_true(by_number && w->start[4] == 4 && ww_weights_between(w, 3, 2) == 1);
    ww_weights_free(w);
    w = from_file("0 4 \"my shape\" NAME\n\"ashe\" c  0.25\nc d 1.5e3\nd d 1\n", WW_WEIGHTS_GWT, &by_number);
    assert_true(w->start[4] == 2 && ww_weights_between(w, 2, 3) == 1500 && ww_weights_own(w, 3) == 1);
    ww_weights_free(w);
    w = from_file("\xef\xbb\xbf"
                  "i,j\n1,2\n4, 3\n",
                  WW_WEIGHTS_CSV, &by_number);
    assert_true(by_number && w->start[4] == 2 && ww_weights_between(w, 3, 2) == 1);
    ww_weights_free(w);
    w = from_file("from,to,weight\nashe,d,2\n", WW_WEIGHTS_CSV, &by_number);
    assert_true(!by_number && ww_weights_between(w, 0, 3) == 2);
    ww_weights_free(w);
}

static void bad_files_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        enum ww_weight_format format;
        const char *text, *says, *value;
        uint64_t line;
    } cases[] = {
        {WW_WEIGHTS_GAL, "", "begins with the number of places", "", 1},
        {WW_WEIGHTS_GAL, "x\n", "begins with the number of places", "x", 1},
        {WW_WEIGHTS_GAL, "4\nashe 1\nnobody\n", "no place has this name", "nobody", 3},
        {WW_WEIGHTS_GAL, "4\nashe\nc\n", "the number of its neighbours", "", 2},
        {WW_WEIGHTS_GAL, "4\nashe 99999999999\n", "the number of its neighbours", "99999999999", 2},
        {WW_WEIGHTS_GAL, "4\nashe 2\nc", "name is missing", "", 3},
        {WW_WEIGHTS_GAL, "4\nashe 1\nc\n", "another number of places", "", 4},
        {WW_WEIGHTS_GWT, "0 4\nashe c\n", "must be a number", "", 2},
        {WW_WEIGHTS_GWT, "0 4\nashe c x\n", "must be a number", "x", 2},
        {WW_WEIGHTS_GWT, "0 4\n1 2 1\n2 5 1\n", "no place has this name", "5", 3},
        {WW_WEIGHTS_CSV, "from\n", "needs a head", "from", 1},
    };
    struct ww_map *map = names(counties, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_weight_file f;
        struct ww_error err;
        assert_true(WW_BAD_INPUT ==
                    ww_weight_file_read(ww_str_of(cases[i].text), cases[i].format, map, 4, &f, &err));
        if (!strstr(err.message, cases[i].says) || err.line != cases[i].line ||
            strcmp(err.value, cases[i].value) != 0)
            fail_msg("case %d: line %d, \"%s\": %s", (int)i, (int)err.line, err.value, err.message);
    }
    struct ww_weight_file f;
    struct ww_weights *w;
    struct ww_error err;
    assert_true(WW_OK == ww_weight_file_read(WW_STR("a b\nashe c\n\nc d\nashe c\n"), WW_WEIGHTS_CSV, map, 4,
                                             &f, &err));
    assert_true(WW_BAD_INPUT == ww_weight_file_weights(&f, 4, &w, &err) && err.line == 5);
    ww_weight_file_clear(&f);
    ww_map_free(map);
}

/* ---- Polygons ---- */

static void add_box(struct ww_polygons *set, double x0, double y0, double x1, double y1) {
    char text[512];
    struct ww_error err;
    snprintf(
        text, sizeof text,
        "{\"type\":\"Polygon\",\"coordinates\":[[[%.15g,%.15g],[%.15g,%.15g],[%.15g,%.15g],[%.15g,%.15g],"
        "[%.15g,%.15g]]]}",
        x0, y0, x1, y0, x1, y1, x0, y1, x0, y0);
    if (ww_polygons_add(set, ww_str_of(text), &err) != WW_OK)
        fail_msg("%s", err.message);
}

static void a_chessboard_has_rooks_and_queens(void **state) {
    (void)state;
    struct ww_polygons *set = ww_polygons_new();
    struct ww_weights *w;
    for (int i = 0; i < 64; i++) /* metres, far from 0, with steps that do not fit doubles */
        add_box(set, 5e5 + 0.1 * (i % 8), 3e6 + 0.1 * (i / 8), 5e5 + 0.1 * (i % 8 + 1),
                3e6 + 0.1 * (i / 8 + 1));
    for (int kind = 0; kind < 2; kind++) {
        enum ww_contiguity rule = kind ? WW_ROOK : WW_QUEEN;
        assert_true(WW_OK == ww_polygons_weights(set, rule, ww_polygons_snap(set), &w, NULL));
        for (int a = 0; a < 64; a++)
            for (int b = 0; b < 64; b++) {
                int dx = abs(a % 8 - b % 8), dy = abs(a / 8 - b / 8);
                bool want = kind ? dx + dy == 1 : dx <= 1 && dy <= 1 && a != b;
                assert_true((ww_weights_between(w, (uint32_t)a, (uint32_t)b) == 1) == want);
            }
        ww_weights_free(w);
    }
    double centre[2];
    assert_true(WW_OK == ww_polygons_centre(set, 9, centre, NULL));
    assert_true(fabs(centre[0] - 500000.15) < 1e-6 && fabs(centre[1] - 3000000.15) < 1e-6);
    ww_polygons_free(set);
}

static void wards_drawn_by_different_hands_still_meet(void **state) {
    (void)state;
    struct ww_polygons *set = ww_polygons_new();
    struct ww_weights *w;
    add_box(set, 0, 0, 1, 1);
    add_box(set, 1.0001, 0.3, 2, 0.7);    /* a sliver between; its corners lie on no vertex of the first */
    add_box(set, 0.9999, 0.7, 2, 1.5);    /* overlaps the first */
    add_box(set, 1.0001, -1, 2, -0.0001); /* a corner */
    assert_true(WW_OK == ww_polygons_weights(set, WW_ROOK, 0, &w, NULL));
    assert_true(ww_weights_between(w, 0, 1) == 0 && ww_weights_between(w, 0, 2) == 1 &&
                ww_weights_between(w, 1, 2) == 1);
    ww_weights_free(w);
    assert_true(WW_OK == ww_polygons_weights(set, WW_ROOK, 0.001, &w, NULL));
    assert_true(ww_weights_between(w, 0, 1) == 1 && ww_weights_between(w, 0, 3) == 0);
    ww_weights_free(w);
    assert_true(WW_OK == ww_polygons_weights(set, WW_QUEEN, 0.001, &w, NULL));
    assert_true(ww_weights_between(w, 0, 3) == 1 && ww_weights_between(w, 1, 3) == 0);
    ww_weights_free(w);
    ww_polygons_free(set);
}

static void what_is_no_polygon_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"{",
                                      "{}",
                                      "{\"type\":\"Point\",\"coordinates\":[1,2]}",
                                      "{\"type\":\"Polygon\"}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[]}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[0,0]]]}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,2]]]}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1],[1,1],[0,0]]]}",
                                      "{\"type\":\"MultiPolygon\",\"coordinates\":[[]]}",
                                      "{\"type\":\"MultiPolygon\",\"coordinates\":[7]}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[7]}",
                                      "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,0],[0,0]]]}"};
    struct ww_polygons *set = ww_polygons_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ww_error err;
        assert_true(WW_BAD_INPUT == ww_polygons_add(set, ww_str_of(bad[i]), &err));
    }
    assert_true(ww_polygons_count(set) == 0);
    assert_true(WW_OK ==
                ww_polygons_add(
                    set,
                    WW_STR("{\"coordinates\":[[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,2],[2,2],[1,1]]],"
                           "[[[9,9],[9,8],[8,8],[9,9]]]],\"type\":\"MultiPolygon\"}"),
                    NULL));
    ww_polygons_free(set);
}

/* ---- Hexagons ---- */

static void hexagons_hold_the_places_that_are_nearest_to_them(void **state) {
    (void)state;
    uint64_t seed = 5;
    struct ww_hex_grid g;
    assert_true(WW_OK ==
                ww_hex_grid_init(&g, 500, ww_hex_origin_near((struct ww_place){107.08, 29.86}), NULL));
    assert_true(g.origin.lon_deg == 107 && g.origin.lat_deg == 30);
    for (int i = 0; i < 2000; i++) {
        struct ww_place p = {106.6 + random_01(&seed), 29.4 + random_01(&seed)};
        double here[2], centre[2], beside[2], back[2];
        ww_hex_project(&g, p, here);
        struct ww_place again = ww_hex_unproject(&g, here);
        assert_true(fabs(again.lon_deg - p.lon_deg) < 1e-9 && fabs(again.lat_deg - p.lat_deg) < 1e-9);
        struct ww_hex h = ww_hex_of(&g, p);
        ww_hex_project(&g, ww_hex_centre(&g, h), centre);
        double d = hypot(here[0] - centre[0], here[1] - centre[1]);
        assert_true(d <= 500 / sqrt(3) + 1e-3);
        static const struct ww_hex steps[] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
        for (int k = 0; k < 6; k++) {
            struct ww_hex o = {h.q + steps[k].q, h.r + steps[k].r};
            assert_true(ww_hex_steps(h, o) == 1);
            ww_hex_project(&g, ww_hex_centre(&g, o), beside);
            assert_true(fabs(hypot(beside[0] - centre[0], beside[1] - centre[1]) - 500) < 1e-3);
            assert_true(hypot(here[0] - beside[0], here[1] - beside[1]) >= d - 1e-3);
        }
        struct ww_place corners[6];
        ww_hex_corners(&g, h, corners);
        double area2 = 0;
        for (int k = 0; k < 6; k++) {
            ww_hex_project(&g, corners[k], here);
            ww_hex_project(&g, corners[(k + 1) % 6], back);
            area2 += here[0] * back[1] - here[1] * back[0];
        }
        assert_true(fabs(area2 / 2 - 500.0 * 500 * sqrt(3) / 2) < 1); /* anticlockwise */
    }
    char name[64];
    ww_hex_name(&g, (struct ww_hex){12, -7}, name, sizeof name);
    assert_string_equal(name, "h500_107_30_12_-7");
}

/* Vectors of PROJ 9: +proj=laea +lat_0=30 +lon_0=107 +ellps=GRS80: longitude, latitude, metres east, north.
 */
static void the_projection_is_lamberts(void **state) {
    (void)state;
    static const double vectors[][4] = {
        {107, 30, 0.0000, 0.0000},
        {106.5, 29.2, -48625.6362, -88571.5563},
        {107.9, 30.7, 86222.8087, 77938.6039},
        {109.2, 28.1, 216196.1873, -208547.9228},
        {104, 33, -280411.8217, 336324.2334},
    };
    struct ww_hex_grid g;
    assert_true(WW_OK == ww_hex_grid_init(&g, 500, (struct ww_place){107, 30}, NULL));
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        double xy[2];
        ww_hex_project(&g, (struct ww_place){vectors[i][0], vectors[i][1]}, xy);
        assert_true(fabs(xy[0] - vectors[i][2]) < 2e-4 && fabs(xy[1] - vectors[i][3]) < 2e-4);
    }
}

static void rings_of_hexagons_are_those_by_steps(void **state) {
    (void)state;
    struct ww_hex hexes[120];
    uint32_t n = 0;
    for (int r = -5; r < 5; r++)
        for (int q = -6; q < 6; q++)
            if ((q * 7 + r * 3) % 5 != 0) /* with gaps */
                hexes[n++] = (struct ww_hex){q, r};
    qsort(hexes, n, sizeof *hexes, ww_hex_compare);
    for (uint32_t rings = 1; rings <= 3; rings++) {
        struct ww_weights *w;
        assert_true(WW_OK == ww_weights_hexes(hexes, n, rings, &w, NULL));
        for (uint32_t a = 0; a < n; a++)
            for (uint32_t b = 0; b < n; b++)
                assert_true((ww_weights_between(w, a, b) == 1) ==
                            (a != b && ww_hex_steps(hexes[a], hexes[b]) <= rings));
        ww_weights_free(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_and_nearest_are_those_of_comparing_all_pairs),
        cmocka_unit_test(steps_of_a_tenth_are_within_a_tenth),
        cmocka_unit_test(neighbours_across_the_antimeridian_are_found),
        cmocka_unit_test(impossible_neighbourhoods_are_refused),
        cmocka_unit_test(pairs_make_rows),
        cmocka_unit_test(bad_pairs_are_named),
        cmocka_unit_test(files_of_the_field_are_read),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(a_chessboard_has_rooks_and_queens),
        cmocka_unit_test(wards_drawn_by_different_hands_still_meet),
        cmocka_unit_test(what_is_no_polygon_is_refused),
        cmocka_unit_test(hexagons_hold_the_places_that_are_nearest_to_them),
        cmocka_unit_test(the_projection_is_lamberts),
        cmocka_unit_test(rings_of_hexagons_are_those_by_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
