/* Polygons on their way in: what is read, what is repaired, what is refused, and how it is said. */
#include <geos_c.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/coordinate.h"
#include "geo/ward_index.h"

static struct ww_polygon_report report;
static struct ww_error err;

/* Reads one geometry; on WW_OK `*geometry` is what the EWKB holds, for the caller to free. */
static enum ww_status read_polygon(const char *datum_name, const char *json, GEOSContextHandle_t geos,
                                   GEOSGeometry **geometry) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_datum *datum = NULL;
    struct ww_str ewkb;
    memset(&err, 0, sizeof err);
    assert_int_equal(ww_datum_open(ww_str_of(datum_name), &datum, NULL), WW_OK);
    enum ww_status st = ww_polygon_from_geojson(arena, ww_str_of(json), datum, &ewkb, &report, &err);
    if (geometry && st == WW_OK)
        *geometry = GEOSGeomFromWKB_buf_r(geos, (const unsigned char *)ewkb.ptr, ewkb.len);
    ww_datum_close(datum);
    ww_arena_free(arena);
    return st;
}

/* What was read equals this WKT as a set of points. */
static void check_read(const char *datum, const char *json, const char *wkt) {
    GEOSContextHandle_t geos = GEOS_init_r();
    GEOSGeometry *got = NULL;
    if (read_polygon(datum, json, geos, &got) != WW_OK)
        fail_msg("%s: %s", json, err.message);
    assert_non_null(got);
    assert_int_equal(GEOSGetSRID_r(geos, got), 4490);
    assert_int_equal(GEOSGeomTypeId_r(geos, got), GEOS_MULTIPOLYGON);
    assert_int_equal(GEOSisValid_r(geos, got), 1);
    GEOSGeometry *want = GEOSGeomFromWKT_r(geos, wkt);
    if (GEOSEquals_r(geos, got, want) != 1)
        fail_msg("%s is not %s", json, wkt);
    GEOSGeom_destroy_r(geos, want);
    GEOSGeom_destroy_r(geos, got);
    GEOS_finish_r(geos);
}

static void check_refused(const char *json, const char *message, const char *field) {
    enum ww_status st = read_polygon("WGS84", json, NULL, NULL);
    if (st != WW_BAD_INPUT || strcmp(err.field, field) != 0 || !strstr(err.message, message))
        fail_msg("%s: status %d field '%s' message '%s'", json, st, err.field, err.message);
}

static void a_polygon_with_a_hole_is_read_whatever_the_order_of_its_members(void **state) {
    (void)state;
    check_read("WGS84",
               "{\"coordinates\":[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1,7],[2,1,7],[2,2,7],[1,1,7]]],"
               "\"bbox\":[0,0,4,4],\"type\":\"Polygon\"}",
               "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))");
    assert_false(report.repaired);
    assert_string_equal(report.reason, "");
    assert_int_equal(report.parts, 1);
    assert_int_equal(report.vertices, 9);
    assert_true(fabs(report.area_before_deg2 - 15.5) < 1e-12);
    assert_true(report.area_after_deg2 == report.area_before_deg2);
}

static void a_multipolygon_keeps_its_parts_and_holes(void **state) {
    (void)state;
    check_read(
        "WGS84",
        "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[4,0],[4,4],[0,0]],[[2,1],[3,1],[3,2],[2,1]]],"
        "[[[9,9],[10,9],[10,10],[9,9]]]]}",
        "MULTIPOLYGON(((0 0,4 0,4 4,0 0),(2 1,3 1,3 2,2 1)),((9 9,10 9,10 10,9 9)))");
    assert_int_equal(report.parts, 2);
}

static void a_bow_tie_becomes_two_triangles_and_says_so(void **state) {
    (void)state;
    check_read("WGS84", "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,2],[2,0],[0,2],[0,0]]]}",
               "MULTIPOLYGON(((0 0,1 1,0 2,0 0)),((2 0,2 2,1 1,2 0)))");
    assert_true(report.repaired);
    assert_string_equal(report.reason, "Self-intersection at 1, 1");
    assert_true(fabs(report.area_after_deg2 - 2) < 1e-12);
    assert_int_equal(report.parts, 2);
}

static void the_overlap_of_two_parts_stays_in_the_ward(void **state) {
    (void)state;
    check_read("WGS84",
               "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[2,0],[2,2],[0,2],[0,0]]],"
               "[[[1,0],[3,0],[3,2],[1,2],[1,0]]]]}",
               "POLYGON((0 0,3 0,3 2,0 2,0 0))");
    assert_true(report.repaired);
    assert_true(fabs(report.area_before_deg2 - 8) < 1e-12);
    assert_true(fabs(report.area_after_deg2 - 6) < 1e-12);
}

static void a_spike_is_cut_off(void **state) {
    (void)state;
    check_read("WGS84",
               "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,1],[9,1],[2,1],[2,2],[0,2],[0,0]]]}",
               "POLYGON((0 0,2 0,2 2,0 2,0 0))");
    assert_true(report.repaired);
}

static void a_polygon_without_area_is_refused(void **state) {
    (void)state;
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[2,2],[0,0]]]}",
                  "nothing with an area", "");
}

static void vertices_are_converted_from_the_datum(void **state) {
    (void)state;
    GEOSContextHandle_t geos = GEOS_init_r();
    GEOSGeometry *got = NULL;
    const char *json =
        "{\"type\":\"Polygon\",\"coordinates\":[[[411097.488,3303840.998],[412000,3303840.998],"
        "[412000,3304000],[411097.488,3303840.998]]]}";
    assert_int_equal(read_polygon("EPSG:4545", json, geos, &got), WW_OK);
    double west = 0;
    double south = 0;
    assert_int_equal(GEOSGeom_getXMin_r(geos, got, &west), 1);
    assert_int_equal(GEOSGeom_getYMin_r(geos, got, &south), 1);
    assert_true(fabs(west - 107.08) < 1e-6);
    assert_true(fabs(south - 29.85) < 1e-4);
    GEOSGeom_destroy_r(geos, got);
    GEOS_finish_r(geos);
}

static void what_is_no_polygon_is_refused_with_ring_and_position(void **state) {
    (void)state;
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,1]]]}",
                  "ring 1: it is not closed: it begins at 0, 0 and ends at 0, 1", "coordinates[0]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,1],[1,1]]]}",
                  "ring 2: a ring needs at least four positions and has 3", "coordinates[1]");
    check_refused("{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,91],[0,0]]]]}",
                  "part 1, ring 1, position 3: latitude 91 is outside -90", "coordinates[0][0][2]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1e999,0],[1,1],[0,0]]]}",
                  "position 2: 1e999 is not a finite number", "coordinates[0][1]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1],[1,1],[0,0]]]}",
                  "position 2: a position needs two numbers", "coordinates[0][1]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,\"0\"],[1,1],[0,0]]]}",
                  "position 2: a position holds numbers only", "coordinates[0][1]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[[[-179,0],[179,0],[179,1],[-179,0]]]}",
                  "position 2: the edge to it crosses the antimeridian", "coordinates[0][1]");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":[]}", "a polygon needs a ring", "coordinates");
    check_refused("{\"type\":\"MultiPolygon\",\"coordinates\":[]}", "needs a part", "coordinates");
    check_refused("{\"type\":\"Polygon\",\"coordinates\":7}", "coordinates is an array", "coordinates");
    check_refused("{\"type\":\"Polygon\"}", "has no coordinates", "coordinates");
    check_refused("{\"coordinates\":[]}", "has no type", "coordinates");
    check_refused("{\"type\":\"Point\",\"coordinates\":[0,0]}", "is a Point, not a Polygon", "type");
    check_refused("[]", "is an object", "coordinates");
}

static void an_error_names_line_and_column(void **state) {
    (void)state;
    check_refused("{\"type\":\"Polygon\",\n\"coordinates\":[[[0,0],\n [200,0],[1,1],[0,0]]]}",
                  "longitude 200", "coordinates[0][1]");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 2);
}

static void broken_json_is_refused(void **state) {
    (void)state;
    static const char *const broken[] = {
        "", "{", "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0]",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]} x"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(read_polygon("WGS84", broken[i], NULL, NULL), WW_BAD_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_polygon_with_a_hole_is_read_whatever_the_order_of_its_members),
        cmocka_unit_test(a_multipolygon_keeps_its_parts_and_holes),
        cmocka_unit_test(a_bow_tie_becomes_two_triangles_and_says_so),
        cmocka_unit_test(the_overlap_of_two_parts_stays_in_the_ward),
        cmocka_unit_test(a_spike_is_cut_off),
        cmocka_unit_test(a_polygon_without_area_is_refused),
        cmocka_unit_test(vertices_are_converted_from_the_datum),
        cmocka_unit_test(what_is_no_polygon_is_refused_with_ring_and_position),
        cmocka_unit_test(an_error_names_line_and_column),
        cmocka_unit_test(broken_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
