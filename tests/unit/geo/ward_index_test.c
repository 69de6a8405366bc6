/* The ward index against a plain, slow oracle: GEOS `covers` on every ward, one after another. */
#include <geos_c.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/base/alloc.h"
#include "geo/ward_index.h"

#define MAX_WARDS 512

static GEOSContextHandle_t geos;
static uint64_t random_state;

static double random_unit(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Wards as GEOS geometries; ward i has id 100 + i and code "i", three digits. */
struct world {
    GEOSGeometry *ward[MAX_WARDS];
    const GEOSPreparedGeometry *prepared[MAX_WARDS];
    uint32_t n;
    struct ww_ward_index *index;
};

static void world_add(struct world *w, GEOSGeometry *g) {
    assert_non_null(g);
    assert_true(w->n < MAX_WARDS);
    w->ward[w->n] = g;
    w->prepared[w->n++] = GEOSPrepare_r(geos, g);
}

static void world_add_text(struct world *w, const char *wkt) {
    world_add(w, GEOSGeomFromWKT_r(geos, wkt));
}

static enum ww_status add(struct ww_ward_index_builder *b, uint32_t id, const char *code,
                          const GEOSGeometry *g, struct ww_error *err) {
    size_t len = 0;
    unsigned char *wkb = GEOSGeomToWKB_buf_r(geos, g, &len);
    enum ww_status st = ww_ward_index_add_wkb(b, id, ww_str_of(code), wkb, len, err);
    GEOSFree_r(geos, wkb);
    return st;
}

static void world_build(struct world *w) {
    struct ww_ward_index_builder *b = ww_ward_index_builder_new();
    struct ww_error err;
    for (uint32_t i = w->n; i-- > 0;) { /* backwards: the code decides, not the order */
        char code[16];
        snprintf(code, sizeof code, "%03u", i);
        assert_int_equal(add(b, 100 + i, code, w->ward[i], &err), WW_OK);
    }
    assert_int_equal(ww_ward_index_build(b, &w->index, &err), WW_OK);
    assert_int_equal(ww_ward_index_count(w->index), w->n);
}

static void world_clear(struct world *w) {
    for (uint32_t i = 0; i < w->n; i++) {
        GEOSPreparedGeom_destroy_r(geos, w->prepared[i]);
        GEOSGeom_destroy_r(geos, w->ward[i]);
    }
    ww_ward_index_free(w->index);
}

static void check_place(const struct world *w, struct ww_place p) {
    GEOSCoordSequence *seq = GEOSCoordSeq_copyFromBuffer_r(geos, &p.lon_deg, 1, 0, 0);
    GEOSGeometry *point = GEOSGeom_createPoint_r(geos, seq);
    uint32_t first = 0;
    uint32_t covering = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (GEOSPreparedCovers_r(geos, w->prepared[i], point) == 1 && covering++ == 0)
            first = 100 + i;
    GEOSGeom_destroy_r(geos, point);
    bool shared = false;
    uint32_t found = ww_ward_index_find(w->index, p, &shared);
    if (found != first || shared != (covering > 1) || ww_ward_index_find(w->index, p, NULL) != first)
        fail_msg("%.17g %.17g: found %u shared %d, GEOS says %u of %u", p.lon_deg, p.lat_deg, found, shared,
                 first, covering);
}

/* Places on a ward's border or a few of the smallest steps beside it: on vertices, on edges as
 * well as doubles can say, and on the grid of the index. */
static void check_border_places(const struct world *w, uint32_t ward, int count) {
    const GEOSGeometry *part = GEOSGetGeometryN_r(geos, w->ward[ward], 0);
    const GEOSCoordSequence *seq = GEOSGeom_getCoordSeq_r(geos, GEOSGetExteriorRing_r(geos, part));
    unsigned n = 0;
    GEOSCoordSeq_getSize_r(geos, seq, &n);
    for (int i = 0; i < count; i++) {
        unsigned at = (unsigned)(random_unit() * (n - 1));
        double ax, ay, bx, by;
        GEOSCoordSeq_getXY_r(geos, seq, at, &ax, &ay);
        GEOSCoordSeq_getXY_r(geos, seq, at + 1, &bx, &by);
        double t = i % 4 == 0 ? 0 : i % 4 == 1 ? 0.5 : random_unit();
        struct ww_place p = {ax + t * (bx - ax), ay + t * (by - ay)};
        check_place(w, p);
        check_place(w, (struct ww_place){nextafter(p.lon_deg, 999), p.lat_deg});
        check_place(w, (struct ww_place){p.lon_deg, nextafter(p.lat_deg, -999)});
        check_place(w, (struct ww_place){p.lon_deg, by}); /* level with a vertex */
        check_place(w, (struct ww_place){floor(p.lon_deg * 1024) / 1024, p.lat_deg}); /* on a cell's side */
    }
}

static GEOSGeometry *polygon(const struct ww_place *ring, unsigned n) {
    GEOSCoordSequence *seq = GEOSCoordSeq_copyFromBuffer_r(geos, &ring[0].lon_deg, n, 0, 0);
    return GEOSGeom_createPolygon_r(geos, GEOSGeom_createLinearRing_r(geos, seq), NULL, 0);
}

/* A jittered tessellation of `side` × `side` wards; with step 0 its corners lie on a raster
 * of 1/8 degree, so that borders run along the cells of the index. */
static void world_tessellate(struct world *w, uint32_t side, double jitter) {
    static struct ww_place mesh[24][24];
    for (uint32_t i = 0; i <= side; i++)
        for (uint32_t j = 0; j <= side; j++)
            mesh[i][j] = (struct ww_place){106 + i * 0.125 + jitter * (random_unit() - 0.5),
                                           29 + j * 0.125 + jitter * (random_unit() - 0.5)};
    for (uint32_t i = 0; i < side; i++)
        for (uint32_t j = 0; j < side; j++) {
            struct ww_place ring[] = {mesh[i][j], mesh[i + 1][j], mesh[i + 1][j + 1], mesh[i][j + 1],
                                      mesh[i][j]};
            world_add(w, polygon(ring, 5));
        }
    world_build(w);
}

static void check_world(const struct world *w, struct ww_place from, double size, int random, int border) {
    for (int i = 0; i < random; i++)
        check_place(
            w, (struct ww_place){from.lon_deg + size * random_unit(), from.lat_deg + size * random_unit()});
    for (uint32_t i = 0; i < w->n; i++)
        check_border_places(w, i, border);
}

static void a_tessellation_answers_as_geos_does(void **state) {
    (void)state;
    random_state = 1;
    struct world w = {.n = 0};
    world_tessellate(&w, 10, 0.06);
    check_world(&w, (struct ww_place){105.9, 28.9}, 1.5, 20000, 120);
    world_clear(&w);
}

static void borders_along_the_cells_of_the_index_answer_as_geos_does(void **state) {
    (void)state;
    random_state = 2;
    struct world w = {.n = 0};
    world_tessellate(&w, 8, 0);
    check_world(&w, (struct ww_place){105.9, 28.9}, 1.3, 10000, 100);
    world_clear(&w);
}

/* Stars with many vertices, some with a hole, that overlap each other freely. */
static void overlapping_stars_with_holes_answer_as_geos_does(void **state) {
    (void)state;
    random_state = 3;
    struct world w = {.n = 0};
    for (int s = 0; s < 40; s++) {
        struct ww_place ring[301];
        unsigned n = 5 + (unsigned)(random_unit() * 290);
        double lon = 107 + random_unit();
        double lat = 30 + random_unit();
        double radius = 0.02 + 0.3 * random_unit() * random_unit();
        for (unsigned i = 0; i < n; i++) {
            double r = radius * (0.5 + random_unit());
            ring[i] = (struct ww_place){lon + r * cos(2 * M_PI * i / n), lat + r * sin(2 * M_PI * i / n)};
        }
        ring[n] = ring[0];
        GEOSGeometry *star = polygon(ring, n + 1);
        if (s % 3 == 0) {
            GEOSGeometry *hole = GEOSBuffer_r(geos, star, -radius / 4, 3);
            GEOSGeometry *holed = GEOSDifference_r(geos, star, hole);
            GEOSGeom_destroy_r(geos, hole);
            GEOSGeom_destroy_r(geos, star);
            star = holed;
        }
        world_add(&w, star);
    }
    world_build(&w);
    check_world(&w, (struct ww_place){106.5, 29.5}, 2, 20000, 150);
    world_clear(&w);
}

/* Long thin triangles share one vertex and edges that no double lies on: rounding decides. */
static void a_fan_of_needles_answers_as_geos_does(void **state) {
    (void)state;
    random_state = 4;
    struct world w = {.n = 0};
    const struct ww_place hub = {107.1, 29.9};
    for (int i = 0; i < 200; i++) {
        double a = 2 * M_PI * i / 200;
        double b = 2 * M_PI * (i + 1) / 200;
        struct ww_place ring[] = {hub,
                                  {hub.lon_deg + cos(a) * 3.3, hub.lat_deg + sin(a) * 3.3},
                                  {hub.lon_deg + cos(b) * 3.3, hub.lat_deg + sin(b) * 3.3},
                                  hub};
        if (i == 199)
            ring[2] = (struct ww_place){hub.lon_deg + 3.3, hub.lat_deg};
        world_add(&w, polygon(ring, 4));
    }
    world_build(&w);
    check_world(&w, (struct ww_place){103.5, 26.3}, 7.2, 5000, 60);
    check_world(&w, (struct ww_place){107.1 - 1e-9, 29.9 - 1e-9}, 2e-9, 5000, 0);
    world_clear(&w);
}

static void many_wards_over_one_another_stay_small(void **state) {
    (void)state;
    struct world w = {.n = 0};
    for (int i = 0; i < 300; i++)
        world_add_text(&w, "POLYGON((107 29.5, 107.7 29.6, 107.5 30.1, 107.1 29.9, 107 29.5))");
    world_build(&w);
    random_state = 5;
    for (int i = 0; i < 300; i++)
        check_place(&w, (struct ww_place){106.9 + random_unit(), 29.4 + random_unit()});
    assert_true(ww_ward_index_bytes(w.index) < 8 << 20);
    world_clear(&w);
}

static void a_hole_is_outside_and_its_border_inside(void **state) {
    (void)state;
    struct world w = {.n = 0};
    world_add_text(
        &w, "POLYGON((107 29,108 29,108 30,107 30,107 29),(107.25 29.25,107.75 29.25,107.75 29.75,107.25 "
            "29.75,107.25 29.25))");
    world_add_text(
        &w, "MULTIPOLYGON(((107.4 29.4,107.6 29.4,107.6 29.6,107.4 29.4)),((109 29,110 29,110 30,109 29)))");
    world_build(&w);
    bool shared = true;
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){107.3, 29.5}, &shared), WW_WARD_NONE);
    assert_false(shared);
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){107.25, 29.5}, NULL), 100);
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){107.55, 29.45}, NULL), 101);
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){109.9, 29.5}, NULL), 101);
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){108.5, 29.5}, NULL), WW_WARD_NONE);
    world_clear(&w);
}

static void a_common_border_belongs_to_the_smaller_code_and_is_shared(void **state) {
    (void)state;
    struct world w = {.n = 0};
    world_add_text(&w, "POLYGON((107.3 29,108 29,108 30,107.3 30,107.3 29))");
    world_add_text(&w, "POLYGON((107 29,107.3 29,107.3 30,107 30,107 29))");
    world_build(&w);
    bool shared = false;
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){107.3, 29.5}, &shared), 100);
    assert_true(shared);
    assert_int_equal(ww_ward_index_find(w.index, (struct ww_place){nextafter(107.3, 0), 29.5}, &shared), 101);
    assert_false(shared);
    world_clear(&w);
}

static void odd_places_are_in_no_ward(void **state) {
    (void)state;
    struct world w = {.n = 0};
    world_add_text(&w, "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))");
    struct ww_ward_index_builder *b = ww_ward_index_builder_new();
    struct ww_error err;
    assert_int_equal(add(b, 1, "world", w.ward[0], &err), WW_BAD_INPUT); /* its edges cross 180 */
    assert_non_null(strstr(err.message, "antimeridian"));
    ww_ward_index_builder_free(b);
    world_clear(&w);

    struct world east = {.n = 0};
    world_add_text(&east, "POLYGON((170 -10,180 -10,180 10,170 10,170 -10))");
    world_build(&east);
    const struct ww_place odd[] = {{NAN, 0},  {175, NAN}, {INFINITY, 0}, {175, -INFINITY}, {181, 0},
                                   {-181, 0}, {175, 91},  {1e300, 0},    {-179.9, 0}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(ww_ward_index_find(east.index, odd[i], NULL), WW_WARD_NONE);
    assert_int_equal(ww_ward_index_find(east.index, (struct ww_place){180, 0}, NULL), 100);
    assert_int_equal(ww_ward_index_find(east.index, (struct ww_place){-180, 0}, NULL), 100);
    world_clear(&east);
}

static void no_wards_make_an_empty_index(void **state) {
    (void)state;
    struct ww_ward_index *index;
    assert_int_equal(ww_ward_index_build(ww_ward_index_builder_new(), &index, NULL), WW_OK);
    assert_int_equal(ww_ward_index_find(index, (struct ww_place){0, 0}, NULL), WW_WARD_NONE);
    ww_ward_index_free(index);
}

static void bad_wards_are_refused_and_leave_the_builder_as_it_was(void **state) {
    (void)state;
    struct world w = {.n = 0};
    world_add_text(&w, "POLYGON((107 29,108 29,108 30,107 29))");
    world_add_text(&w, "POLYGON((107 29,190 29,108 30,107 29))");
    world_add_text(&w, "POLYGON EMPTY");
    world_add_text(&w, "LINESTRING(107 29,108 30)");
    struct ww_ward_index_builder *b = ww_ward_index_builder_new();
    struct ww_error err;
    assert_int_equal(add(b, 7, "500115001", w.ward[0], &err), WW_OK);
    assert_int_equal(add(b, 8, "500115001", w.ward[0], &err), WW_CONFLICT);
    assert_string_equal(err.value, "500115001");
    for (uint32_t i = 1; i < w.n; i++)
        assert_int_equal(add(b, 8, "500115002", w.ward[i], &err), WW_BAD_INPUT);
    assert_int_equal(ww_ward_index_add_wkb(b, 8, WW_STR("x"), "\1\3\0\0\0\1", 6, &err), WW_BAD_INPUT);
    assert_int_equal(ww_ward_index_add_wkb(b, 8, WW_STR("x"), "", 0, &err), WW_BAD_INPUT);
    struct ww_ward_index *index;
    assert_int_equal(ww_ward_index_build(b, &index, &err), WW_OK);
    assert_int_equal(ww_ward_index_count(index), 1);
    assert_int_equal(ww_ward_index_find(index, (struct ww_place){107.9, 29.5}, NULL), 7);
    ww_ward_index_free(index);
    world_clear(&w);
}

static void short_memory_is_reported_whichever_allocation_fails(void **state) {
    (void)state;
    struct world w = {.n = 0};
    world_add_text(&w, "POLYGON((107 29,108 29,108 30,107 29))");
    world_add_text(&w, "POLYGON((107.2 29,108.2 29,108 30,107.2 29))");
    bool failed = true;
    long n = 1;
    for (; failed && n < 200; n++) {
        struct ww_ward_index *index = NULL;
        enum ww_status st = WW_NO_MEMORY;
        ww_alloc_fail_after(n);
        struct ww_ward_index_builder *b = ww_ward_index_builder_new();
        if (b && (st = add(b, 1, "a", w.ward[0], NULL)) == WW_OK &&
            (st = add(b, 2, "b", w.ward[1], NULL)) == WW_OK)
            st = ww_ward_index_build(b, &index, NULL);
        else
            ww_ward_index_builder_free(b);
        ww_alloc_fail_after(0);
        failed = st != WW_OK;
        if (failed)
            assert_int_equal(st, WW_NO_MEMORY);
        else
            assert_int_equal(ww_ward_index_find(index, (struct ww_place){107.9, 29.5}, NULL), 1);
        ww_ward_index_free(index);
    }
    assert_true(n > 10 && n < 200);
    world_clear(&w);
}

int main(void) {
    geos = GEOS_init_r();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tessellation_answers_as_geos_does),
        cmocka_unit_test(borders_along_the_cells_of_the_index_answer_as_geos_does),
        cmocka_unit_test(overlapping_stars_with_holes_answer_as_geos_does),
        cmocka_unit_test(a_fan_of_needles_answers_as_geos_does),
        cmocka_unit_test(many_wards_over_one_another_stay_small),
        cmocka_unit_test(a_hole_is_outside_and_its_border_inside),
        cmocka_unit_test(a_common_border_belongs_to_the_smaller_code_and_is_shared),
        cmocka_unit_test(odd_places_are_in_no_ward),
        cmocka_unit_test(no_wards_make_an_empty_index),
        cmocka_unit_test(bad_wards_are_refused_and_leave_the_builder_as_it_was),
        cmocka_unit_test(short_memory_is_reported_whichever_allocation_fails),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    GEOS_finish_r(geos);
    return failures;
}
