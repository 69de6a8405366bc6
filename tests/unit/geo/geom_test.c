/* Geometry from (E)WKB: arrays, GeoJSON, WKT, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/base/alloc.h"
#include "geo/geom.h"

/* As PostGIS writes them: SELECT encode(ST_AsEWKB(…), 'hex'). */
static const struct {
    const char *name, *hex, *json, *wkt;
} cases[] = {
    {"a point with an SRID", "01010000208A1100000000000000C05A400000000000003D40",
     "{\"type\":\"Point\",\"coordinates\":[107,29]}", "POINT (107 29)"},
    {"the same in the other byte order", "002000000100001 18A405AC00000000000403D000000000000",
     "{\"type\":\"Point\",\"coordinates\":[107,29]}", "POINT (107 29)"},
    {"an empty point", "0101000000000000000000F87F000000000000F87F", "null", "POINT EMPTY"},
    {"a point with a height", "0101000080000000000000F03F00000000000000400000000000000840",
     "{\"type\":\"Point\",\"coordinates\":[1,2,3]}", "POINT Z (1 2 3)"},
    {"the same in ISO's way", "01E9030000000000000000F03F00000000000000400000000000000840",
     "{\"type\":\"Point\",\"coordinates\":[1,2,3]}", "POINT Z (1 2 3)"},
    {"a point with a measure", "0101000040000000000000F03F00000000000000400000000000000840",
     "{\"type\":\"Point\",\"coordinates\":[1,2]}", "POINT (1 2)"},
    {"a line", "010200000002000000000000000000000000000000000000000000 00000000F03F000000000000F83F",
     "{\"type\":\"LineString\",\"coordinates\":[[0,0],[1,1.5]]}", "LINESTRING (0 0, 1 1.5)"},
    {"an empty line", "010200000000000000", "{\"type\":\"LineString\",\"coordinates\":[]}",
     "LINESTRING EMPTY"},
    {"a polygon",
     "0103000000010000000400000000000000000000000000000000000000000000000000F03F0000000000000000000000000000F"
     "03F0000000000"
     "00F03F00000000000000000000000000000000",
     "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}", "POLYGON ((0 0, 1 0, 1 1, 0 0))"},
    {"two points",
     "0104000000020000000101000000000000000000F03F00000000000000400101000000000000000000084000000000000 "
     "01040",
     "{\"type\":\"MultiPoint\",\"coordinates\":[[1,2],[3,4]]}", "MULTIPOINT ((1 2), (3 4))"},
    {"a collection", "0107000000010000000101000000000000000000F03F0000000000000040",
     "{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"Point\",\"coordinates\":[1,2]}]}",
     "GEOMETRYCOLLECTION (POINT (1 2))"},
};

static struct ww_str unhex(const char *hex, char out[1024]) {
    size_t n = 0;
    unsigned int byte;
    char digits[3] = {0};
    size_t have = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        digits[have++] = *hex;
        if (have == 2) {
            assert_int_equal(sscanf(digits, "%2x", &byte), 1);
            out[n++] = (char)byte;
            have = 0;
        }
    }
    return (struct ww_str){out, n};
}

static void test_every_kind_is_read_and_written(void **state) {
    (void)state;
    struct ww_geom geom;
    struct ww_buf out;
    char bytes[1024];
    ww_geom_init(&geom);
    ww_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_str wkb = unhex(cases[i].hex, bytes);
        print_message("%s\n", cases[i].name);
        assert_int_equal(ww_geom_read(&geom, wkb, NULL), WW_OK);
        ww_buf_reset(&out);
        ww_geom_geojson(&geom, 8, &out);
        assert_string_equal(out.data, cases[i].json);
        ww_buf_reset(&out);
        ww_geom_wkt(&geom, 8, &out);
        assert_string_equal(out.data, cases[i].wkt);
        for (size_t n = 0; n < wkb.len; n++) /* cut anywhere: refused, never read beyond */
            assert_int_equal(ww_geom_read(&geom, (struct ww_str){wkb.ptr, n}, NULL), WW_BAD_INPUT);
    }
    assert_int_equal(ww_geom_read(&geom, unhex(cases[0].hex, bytes), NULL), WW_OK);
    assert_int_equal(geom.srid, 4490);
    ww_buf_clear(&out);
    ww_geom_clear(&geom);
}

static void test_what_lies_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "0108000000000000000000",                       /* a circular string */
        "0102000000FFFFFFFF",                           /* more points than bytes */
        "0103000000FFFFFF0F00000000",                   /* more rings than bytes */
        "010700000001000000",                           /* a part that is missing */
        "010100000000000000000000000000000000000000FF", /* a byte too many */
        "0107000000010000000107000000010000000107000000010000000107000000010000000107000000010000000107000000"
        "010000000107000000"
        "0100000001070000000100000001070000000100000001070000000100000001070000000100000001070000000100000001"
        "07000000010000000107"
        "0000000100000001070000000100000001070000000100000001070000000100000001070000000000000000"};
    struct ww_geom geom;
    struct ww_error err;
    char bytes[1024];
    ww_geom_init(&geom);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ww_geom_read(&geom, unhex(wrong[i], bytes), &err), WW_BAD_INPUT);
        assert_true(err.message[0]);
    }
    ww_geom_clear(&geom);
}

static void test_numbers_are_short_and_right(void **state) {
    (void)state;
    static const struct {
        double v;
        int decimals;
        const char *text;
    } numbers[] = {{0, 8, "0"},
                   {-0.0, 8, "0"},
                   {107.1, 8, "107.1"},
                   {107.123456789, 8, "107.12345679"},
                   {-0.00000001, 8, "-0.00000001"},
                   {0.000000001, 8, "0"},
                   {-179.99999999999, 8, "-180"},
                   {100, 4, "100"},
                   {35500000.12344999, 4, "35500000.1234"},
                   {1234.5, 0, "1235"},
                   {0.05, 2, "0.05"},
                   {1e300, 4, "1e300"},
                   {9007199254740993.0, 8, "9007199254740992"}};
    struct ww_buf out;
    ww_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ww_buf_reset(&out);
        ww_geom_number(numbers[i].v, numbers[i].decimals, &out);
        assert_string_equal(out.data, numbers[i].text);
    }
    srand(7);
    for (int i = 0; i < 100000; i++) { /* against printf, which rounds the exact value */
        double v = (rand() - RAND_MAX / 2) / 1e6;
        ww_buf_reset(&out);
        ww_geom_number(v, 7, &out);
        assert_true(fabs(strtod(out.data, NULL) - v) <= 0.5000001e-7);
    }
    ww_buf_clear(&out);
}

static void test_memory_may_run_out(void **state) {
    (void)state;
    char bytes[1024];
    struct ww_str wkb = unhex(cases[8].hex, bytes);
    enum ww_status st;
    for (long n = 1;; n++) {
        struct ww_geom geom;
        ww_geom_init(&geom);
        ww_alloc_fail_after(n);
        st = ww_geom_read(&geom, wkb, NULL);
        ww_alloc_fail_after(0);
        ww_geom_clear(&geom);
        if (st == WW_OK)
            break;
        assert_int_equal(st, WW_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_read_and_written), cmocka_unit_test(test_what_lies_is_refused),
        cmocka_unit_test(test_numbers_are_short_and_right), cmocka_unit_test(test_memory_may_run_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
