/* The grid against the formulas of the scheme, written out plainly, and its keys against containment. */
#include "geo/tile/tile_grid.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double random_01(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

static struct ww_place random_place(uint64_t *seed) {
    const double lon = random_01(seed) * 360 - 180;
    return (struct ww_place){lon, random_01(seed) * 170 - 85};
}

static void known_places_lie_in_their_known_tiles(void **state) {
    /* lon, lat, zoom, x, y: floor(2^z (lon + 180) / 360), floor(2^z (1 - asinh(tan lat) / pi) / 2) by hand.
     */
    static const struct {
        double lon, lat;
        int zoom;
        uint32_t x, y;
    } rows[] = {
        {0, 0, 0, 0, 0},
        {-0.0001, 0.0001, 1, 0, 0},
        {0.0001, -0.0001, 1, 1, 1},
        {-180, 85.06, 5, 0, 0},
        {180, -85.06, 5, 31, 31},
        {107.08, 29.83, 10, 816, 423},
        {13.3777, 52.5163, 12, 2200, 1343},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct ww_tile tile =
            ww_tile_of(ww_spot_of((struct ww_place){rows[i].lon, rows[i].lat}), rows[i].zoom);
        assert_int_equal(tile.x, rows[i].x);
        assert_int_equal(tile.y, rows[i].y);
    }
}

static void a_place_comes_back_from_its_spot(void **state) {
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct ww_place p = random_place(&seed), q = ww_spot_place(ww_spot_of(p));
        assert_true(fabs(p.lon_deg - q.lon_deg) < 360 / 4294967296.0);
        assert_true(fabs(p.lat_deg - q.lat_deg) < 360 / 4294967296.0);
    }
}

static void a_place_lies_within_the_bounds_of_its_tile(void **state) {
    uint64_t seed = 2;
    (void)state;
    for (int i = 0; i < 5000; i++) {
        const struct ww_place p = random_place(&seed);
        const int zoom = (int)(random_01(&seed) * (WW_TILE_MAX_ZOOM + 1));
        double b[4];
        ww_tile_bounds(ww_tile_of(ww_spot_of(p), zoom), b);
        assert_true(p.lon_deg >= b[0] - 1e-7 && p.lon_deg <= b[2] + 1e-7);
        assert_true(p.lat_deg >= b[1] - 1e-7 && p.lat_deg <= b[3] + 1e-7);
    }
}

static void the_keys_of_a_tile_are_those_of_its_spots(void **state) {
    uint64_t seed = 3;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct ww_spot a = ww_spot_of(random_place(&seed)), b = ww_spot_of(random_place(&seed));
        const int zoom = (int)(random_01(&seed) * 12);
        const struct ww_tile tile = ww_tile_of(a, zoom), other = ww_tile_of(b, zoom);
        uint64_t first, last;
        ww_tile_keys(tile, &first, &last);
        assert_true(ww_spot_of_key(ww_spot_key(a)).x == a.x && ww_spot_of_key(ww_spot_key(a)).y == a.y);
        assert_true(ww_spot_key(a) >= first && ww_spot_key(a) <= last);
        assert_int_equal(ww_spot_key(b) >= first && ww_spot_key(b) <= last,
                         tile.x == other.x && tile.y == other.y);
        assert_true(tile.x == ww_tile_above(ww_tile_of(a, zoom + 4), 4).x);
    }
}

static void no_two_tiles_have_one_number(void **state) {
    uint64_t next = 0;
    (void)state;
    for (int zoom = 0; zoom < 6; zoom++) {
        uint64_t sum = 0, n = (uint64_t)1 << (2 * zoom);
        for (uint32_t y = 0; y < 1u << zoom; y++)
            for (uint32_t x = 0; x < 1u << zoom; x++) {
                const uint64_t number = ww_tile_number((struct ww_tile){x, y, (uint8_t)zoom});
                assert_true(number >= next && number < next + n);
                sum += number - next;
            }
        assert_int_equal(sum, n * (n - 1) / 2);
        next += n;
    }
}

static void units_run_east_and_south_and_round_the_world(void **state) {
    const struct ww_tile west = {0, 1, 2}, east = {3, 1, 2};
    int32_t x, y;
    (void)state;
    ww_tile_units(west, (struct ww_spot){0, 1u << 30}, &x, &y);
    assert_int_equal(x, 0);
    assert_int_equal(y, 0);
    ww_tile_units(west, (struct ww_spot){(1u << 30) - 1, UINT32_MAX}, &x, &y);
    assert_int_equal(x, 4095);
    assert_int_equal(y, 3 * 4096 - 1);
    ww_tile_units(west, (struct ww_spot){UINT32_MAX, 1u << 30}, &x, &y);
    assert_int_equal(x, -1);
    ww_tile_units(east, (struct ww_spot){0, 1u << 30}, &x, &y);
    assert_int_equal(x, 4096);
    ww_tile_units((struct ww_tile){0, 0, 22}, (struct ww_spot){512, 1}, &x, &y);
    assert_int_equal(x, 2048);
    assert_int_equal(y, 4);
}

static void what_is_no_tile_is_refused(void **state) {
    static const struct {
        const char *zoom, *x, *y, *field; /* field NULL: it is one */
        enum ww_status status;
    } cases[] = {
        {"0", "0", "0", NULL, WW_OK},
        {"22", "4194303", "4194303.mvt", NULL, WW_OK},
        {"14", "13040", "6789.pbf", NULL, WW_OK},
        {"0", "1", "0", "x", WW_NOT_FOUND},
        {"3", "0", "8.mvt", "y", WW_NOT_FOUND},
        {"23", "0", "0", "z", WW_NOT_FOUND},
        {"22", "4194304", "0", "x", WW_NOT_FOUND},
        {"18446744073709551615", "0", "0", "z", WW_NOT_FOUND},
        {"-1", "0", "0", "z", WW_BAD_INPUT},
        {"3", "", "0", "x", WW_BAD_INPUT},
        {"3", "1.5", "0", "x", WW_BAD_INPUT},
        {"3", "1.mvt", "0", "x", WW_BAD_INPUT},
        {"3", "1", ".mvt", "y", WW_BAD_INPUT},
        {"3", "1", "1.mvt.mvt", "y", WW_BAD_INPUT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_error err = {0};
        struct ww_tile tile;
        assert_int_equal(ww_tile_parse(ww_str_of(cases[i].zoom), ww_str_of(cases[i].x), ww_str_of(cases[i].y),
                                       WW_TILE_MAX_ZOOM, &tile, &err),
                         cases[i].status);
        assert_string_equal(err.field, cases[i].field ? cases[i].field : "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_places_lie_in_their_known_tiles),
        cmocka_unit_test(a_place_comes_back_from_its_spot),
        cmocka_unit_test(a_place_lies_within_the_bounds_of_its_tile),
        cmocka_unit_test(the_keys_of_a_tile_are_those_of_its_spots),
        cmocka_unit_test(no_two_tiles_have_one_number),
        cmocka_unit_test(units_run_east_and_south_and_round_the_world),
        cmocka_unit_test(what_is_no_tile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
