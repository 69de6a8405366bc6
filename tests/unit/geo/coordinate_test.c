/* Coordinates: published vectors from a file, and properties over all of China. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/coordinate.h"

#define METRES_A_DEGREE 111320.0

/* Metres between two longitude/latitude pairs, good for small distances. */
static double distance_m(double lon1, double lat1, double lon2, double lat2) {
    double dx = (lon2 - lon1) * cos(lat1 * M_PI / 180) * METRES_A_DEGREE;
    return hypot(dx, (lat2 - lat1) * METRES_A_DEGREE);
}

struct group {
    struct ww_datum *from, *to;
    double tolerance_m;
};

static void open_group(struct group *g, const char *line, int number) {
    char from[32], to[32];
    struct ww_error err;
    if (sscanf(line, "from %31s to %31s tolerance %lf m", from, to, &g->tolerance_m) != 3)
        fail_msg("coordinate.cases:%d: cannot read: %s", number, line);
    ww_datum_close(g->from);
    ww_datum_close(g->to);
    if (ww_datum_open(ww_str_of(from), &g->from, &err) != WW_OK ||
        ww_datum_open(ww_str_of(to), &g->to, &err) != WW_OK)
        fail_msg("coordinate.cases:%d: %s", number, err.message);
}

static void run_case(const struct group *g, const char *line, int number) {
    struct ww_raw_place raw, want, got;
    struct ww_place place;
    struct ww_error err = {.message = ""};
    char word[16] = "";
    int n = sscanf(line, "%lf %lf -> %lf %lf", &raw.x, &raw.y, &want.x, &want.y);
    bool refuse = n == 2 && sscanf(line, "%*f %*f -> %15s", word) == 1 && strcmp(word, "refuse") == 0;
    if (!g->from || (n != 4 && !refuse))
        fail_msg("coordinate.cases:%d: cannot read: %s", number, line);
    enum ww_status st = ww_datum_to_place(g->from, raw, &place, &err);
    if (st == WW_OK)
        st = ww_datum_from_place(g->to, place, &got, &err);
    if (refuse) {
        if (st != WW_BAD_INPUT || !err.message[0])
            fail_msg("coordinate.cases:%d: not refused: %s", number, line);
        return;
    }
    if (st != WW_OK)
        fail_msg("coordinate.cases:%d: %s", number, err.message);
    double off = fabs(want.x) <= 360 ? distance_m(want.x, want.y, got.x, got.y)
                                     : hypot(want.x - got.x, want.y - got.y);
    if (!(off <= g->tolerance_m))
        fail_msg("coordinate.cases:%d: %.12f %.12f is %.9f m off (%s)", number, got.x, got.y, off, line);
}

static void all_known_vectors_are_met(void **state) {
    (void)state;
    FILE *f = fopen("tests/data/coordinate.cases", "r");
    assert_non_null(f);
    struct group g = {NULL, NULL, 0};
    char line[256];
    int cases = 0;
    for (int number = 1; fgets(line, sizeof line, f); number++) {
        line[strcspn(line, "#\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (strncmp(line, "from ", 5) == 0) {
            open_group(&g, line, number);
            continue;
        }
        run_case(&g, line, number);
        cases++;
    }
    fclose(f);
    ww_datum_close(g.from);
    ww_datum_close(g.to);
    assert_true(cases >= 30);
}

static void round_trips_over_china_return_within_a_hundredth_of_a_micrometre(void **state) {
    (void)state;
    double worst_gcj = 0, worst_bd = 0;
    for (double lon = 73.5; lon <= 135.1; lon += 0.0937)
        for (double lat = 3.8; lat <= 53.6; lat += 0.0911) {
            struct ww_place p = {lon, lat};
            struct ww_place gcj = ww_wgs84_to_gcj02(p);
            struct ww_place a = ww_gcj02_to_wgs84(gcj);
            struct ww_place b = ww_bd09_to_gcj02(ww_gcj02_to_bd09(gcj));
            worst_gcj = fmax(worst_gcj, distance_m(lon, lat, a.lon_deg, a.lat_deg));
            worst_bd = fmax(worst_bd, distance_m(gcj.lon_deg, gcj.lat_deg, b.lon_deg, b.lat_deg));
        }
    print_message("worst: GCJ-02 %.2g m, BD-09 %.2g m\n", worst_gcj, worst_bd);
    assert_true(worst_gcj < 1e-8);
    assert_true(worst_bd < 1e-8);
}

static void the_offset_in_changshou_is_490_to_526_m(void **state) {
    (void)state;
    for (double lon = 106.85; lon <= 107.46; lon += 0.01)
        for (double lat = 29.7; lat <= 30.2; lat += 0.01) {
            struct ww_place g = ww_wgs84_to_gcj02((struct ww_place){lon, lat});
            double off = distance_m(lon, lat, g.lon_deg, g.lat_deg);
            assert_true(off > 485 && off < 531);
        }
}

static void names_are_read_in_any_spelling(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"wgs84", "WGS84"},         {" WGS-84 ", "WGS84"},        {"EPSG:4326", "WGS84"},
        {"ogc:crs84", "WGS84"},     {"CGCS2000", "CGCS2000"},     {"epsg:4490", "CGCS2000"},
        {"gcj02", "GCJ-02"},        {"GCJ-02", "GCJ-02"},         {"Bd_09", "BD-09"},
        {"epsg:4545", "EPSG:4545"}, {"EPSG:32648", "EPSG:32648"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ww_datum *datum;
        assert_int_equal(ww_datum_open(ww_str_of(names[i][0]), &datum, NULL), WW_OK);
        assert_string_equal(ww_datum_name(datum), names[i][1]);
        ww_datum_close(datum);
    }
}

static void unknown_names_are_refused_with_the_name(void **state) {
    (void)state;
    static const char *const names[] = {"",       "WGS72",   "EPSG:",       "EPSG:x",
                                        "EPSG:0", "EPSG:-1", "EPSG:999998", "EPSG:99999999999999999999",
                                        "4545"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ww_datum *datum = NULL;
        struct ww_error err;
        assert_int_equal(ww_datum_open(ww_str_of(names[i]), &datum, &err), WW_NOT_FOUND);
        assert_null(datum);
        assert_string_equal(err.field, "datum");
        assert_string_equal(err.value, names[i]);
    }
}

static void systems_that_are_not_horizontal_are_refused(void **state) {
    (void)state;
    struct ww_datum *datum;
    struct ww_error err;
    assert_int_equal(ww_datum_open(WW_STR("EPSG:4479"), &datum, &err), WW_BAD_INPUT); /* geocentric */
    assert_int_equal(ww_datum_open(WW_STR("EPSG:5773"), &datum, &err), WW_BAD_INPUT); /* heights */
}

static void a_refused_coordinate_names_number_and_range(void **state) {
    (void)state;
    struct ww_datum *datum;
    struct ww_place place;
    struct ww_error err;
    assert_int_equal(ww_datum_open(WW_STR("WGS84"), &datum, NULL), WW_OK);
    assert_int_equal(ww_datum_to_place(datum, (struct ww_raw_place){29.85, 107.08}, &place, &err),
                     WW_BAD_INPUT);
    assert_string_equal(err.field, "lat");
    assert_string_equal(err.value, "107.08");
    assert_non_null(strstr(err.message, "107.08 is outside -90"));
    ww_datum_close(datum);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_known_vectors_are_met),
        cmocka_unit_test(round_trips_over_china_return_within_a_hundredth_of_a_micrometre),
        cmocka_unit_test(the_offset_in_changshou_is_490_to_526_m),
        cmocka_unit_test(names_are_read_in_any_spelling),
        cmocka_unit_test(unknown_names_are_refused_with_the_name),
        cmocka_unit_test(systems_that_are_not_horizontal_are_refused),
        cmocka_unit_test(a_refused_coordinate_names_number_and_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
