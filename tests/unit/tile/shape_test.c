/* Lines and areas in tiles: cut where they should be, without gaps between neighbours. */
#include "geo/tile/shape.h"

#include "tests/unit/tile/mvt_reader.h"

#include <math.h>
#include <stdlib.h>

static struct read_feature features[READ_MOST];
static struct read_position positions[READ_MOST];
static size_t ends[64];

static uint64_t seed = 1;
static double random_01(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

/* ---- WKB by hand ---- */

static unsigned char wkb[1 << 16];
static size_t wkb_len;
static bool big_endian;

static void put(const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        wkb[wkb_len++] = ((const unsigned char *)bytes)[big_endian ? n - 1 - i : i];
}

static void put_head(uint32_t type) {
    wkb[wkb_len++] = !big_endian;
    put(&type, 4);
}

static void put_path(const double (*at)[2], uint32_t n) {
    put(&n, 4);
    for (uint32_t i = 0; i < n; i++) {
        put(&at[i][0], 8);
        put(&at[i][1], 8);
    }
}

static void put_polygon(const double (*at)[2], uint32_t n) {
    const uint32_t one = 1;
    put_head(3);
    put(&one, 4);
    put_path(at, n);
}

static struct ww_map_shape *shape_of_wkb(void) {
    struct ww_map_shape *shape;
    struct ww_error err;
    const enum ww_status st = ww_map_shape_from_wkb((struct ww_str){(char *)wkb, wkb_len}, &shape, &err);
    if (st != WW_OK)
        fail_msg("%s", err.message);
    return shape;
}

static struct ww_map_shape *area(const double (*at)[2], uint32_t n) {
    wkb_len = 0;
    put_polygon(at, n);
    return shape_of_wkb();
}

static struct ww_map_shape *line(const double (*at)[2], uint32_t n) {
    wkb_len = 0;
    put_head(2);
    put_path(at, n);
    return shape_of_wkb();
}

/* Draws alone; returns the number of paths, which are in `positions` and `ends`. */
static size_t draw(const struct ww_map_shape *shape, struct ww_tile tile, int32_t margin) {
    struct ww_mvt *mvt = ww_mvt_new();
    struct ww_buf out;
    struct read_layer layer = {.features = features};
    size_t paths = 0;
    ww_buf_init(&out, 16 << 20);
    ww_mvt_layer(mvt, WW_STR("shape"));
    ww_mvt_feature(mvt, 1, ww_map_shape_type(shape));
    ww_map_shape_draw(shape, tile, margin, mvt);
    const bool drawn = ww_mvt_feature_end(mvt);
    assert_int_equal(ww_mvt_layer_end(mvt, &out), WW_OK);
    if (drawn) {
        read_layer(ww_buf_str(&out), &layer);
        paths = read_paths(&layer.features[0], positions, ends);
    }
    for (size_t i = 0; paths && i < ends[paths - 1]; i++)
        assert_true(positions[i].x >= -margin && positions[i].x <= 4096 + margin &&
                    positions[i].y >= -margin && positions[i].y <= 4096 + margin);
    ww_mvt_free(mvt);
    ww_buf_clear(&out);
    return paths;
}

static int64_t drawn_area2(const struct ww_map_shape *shape, struct ww_tile tile) {
    const size_t paths = draw(shape, tile, 64);
    int64_t sum = 0;
    for (size_t i = 0, from = 0; i < paths; from = ends[i++])
        sum += read_area2(positions + from, ends[i] - from);
    return sum;
}

/* ---- Areas ---- */

static const double square[5][2] = {{100, 20}, {110, 20}, {110, 30}, {100, 30}, {100, 20}};

static void an_area_that_covers_a_tile_fills_it_and_its_margin(void **state) {
    struct ww_map_shape *shape = area(square, 5);
    (void)state;
    assert_int_equal(ww_map_shape_vertices(shape), 4);
    assert_int_equal(draw(shape, ww_tile_of(ww_spot_of((struct ww_place){105, 25}), 12), 64), 1);
    assert_int_equal(ends[0], 4);
    assert_int_equal(read_area2(positions, 4), 2 * (int64_t)(4096 + 128) * (4096 + 128));
    assert_int_equal(draw(shape, ww_tile_of(ww_spot_of((struct ww_place){111, 25}), 12), 64), 0);
    assert_int_equal(draw(shape, ww_tile_of(ww_spot_of((struct ww_place){105, 31}), 12), 64), 0);
    assert_int_equal(draw(shape, (struct ww_tile){0, 0, 0}, 64), 1);
    ww_map_shape_free(shape);
}

/* A town cut in two by a ragged border, with each half starting anywhere and running either way. */
enum { BORDER = 200 };
static double town[2][BORDER + 5][2];

static uint32_t rotate(double (*at)[2], uint32_t n, uint32_t by, bool reverse) {
    double copy[BORDER + 5][2];
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t from = ((reverse ? n - i : i) + by) % n;
        copy[i][0] = at[from][0], copy[i][1] = at[from][1];
    }
    memcpy(at, copy, n * sizeof(*at));
    at[n][0] = at[0][0], at[n][1] = at[0][1];
    return n + 1;
}

static void neighbours_leave_no_gap_at_any_zoom(void **state) {
    static const double outside[5][2] = {{106, 29}, {107, 29}, {107, 30}, {106, 30}, {106, 29}};
    (void)state;
    for (int round = 0; round < 40; round++) {
        uint32_t n[2] = {0, 0};
        for (int i = 0; i <= BORDER; i++) {
            const double lat = 29 + (double)i / BORDER;
            const double lon = 106.5 + (i > 0 && i < BORDER ? 0.02 * random_01() : 0);
            for (int side = 0; side < 2; side++)
                town[side][n[side]][0] = lon, town[side][n[side]++][1] = lat;
        }
        for (int side = 0; side < 2; side++) {
            const double lon = side ? 107 : 106;
            town[side][n[side]][0] = lon, town[side][n[side]++][1] = 30;
            town[side][n[side]][0] = lon, town[side][n[side]++][1] = 29;
            n[side] = rotate(town[side], n[side], (uint32_t)(random_01() * n[side]), random_01() < 0.5);
        }
        struct ww_map_shape *whole = area(outside, 5), *half[2];
        for (int side = 0; side < 2; side++)
            half[side] = area((const double(*)[2])town[side], n[side]);
        for (int zoom = 0; zoom <= 18; zoom++) {
            const struct ww_place p = {106.5 + 0.02 * random_01(), 29 + random_01()};
            const struct ww_tile tile = ww_tile_of(ww_spot_of(p), zoom);
            const int64_t together = drawn_area2(half[0], tile) + drawn_area2(half[1], tile);
            /* Where a border leaves the margin, two halves may round a crossing apart by one unit. */
            assert_true(llabs(together - drawn_area2(whole, tile)) <= 4 * 4224);
        }
        ww_map_shape_free(whole);
        ww_map_shape_free(half[0]);
        ww_map_shape_free(half[1]);
    }
}

static void a_small_map_has_fewer_vertices(void **state) {
    double at[2001][2];
    (void)state;
    for (int i = 0; i <= 2000; i++) {
        const double a = 2 * M_PI * (i % 2000) / 2000;
        at[i][0] = 106.5 + 0.3 * cos(a), at[i][1] = 29.5 + 0.3 * sin(a);
    }
    struct ww_map_shape *shape = area((const double(*)[2])at, 2001);
    size_t before = 0;
    for (int zoom = 2; zoom <= 9; zoom++) {
        const size_t paths = draw(shape, ww_tile_of(ww_spot_of((struct ww_place){106.5, 29.5}), zoom), 64);
        if (zoom == 2)
            assert_true(paths == 0 || ends[0] < 20);
        if (paths && zoom < 8) {
            assert_true(ends[0] >= before);
            before = ends[0];
        }
    }
    ww_map_shape_free(shape);
}

static void a_hole_stays_a_hole_and_never_stands_alone(void **state) {
    static const double outer[5][2] = {{106, 29}, {107, 29}, {107, 30}, {106, 30}, {106, 29}};
    static const double hole[5][2] = {
        {106.4, 29.4}, {106.6, 29.4}, {106.6, 29.6}, {106.4, 29.6}, {106.4, 29.4}};
    static const double speck[4][2] = {
        {106.5, 29.5}, {106.5000001, 29.5}, {106.5, 29.5000001}, {106.5, 29.5}};
    const struct ww_tile tile = ww_tile_of(ww_spot_of((struct ww_place){106.5, 29.5}), 7);
    const uint32_t two = 2;
    struct ww_map_shape *shape;
    (void)state;
    wkb_len = 0;
    put_head(3);
    put(&two, 4);
    put_path(outer, 5);
    put_path(hole, 5);
    shape = shape_of_wkb();
    assert_int_equal(draw(shape, tile, 64), 2);
    assert_true(read_area2(positions, ends[0]) > 0);
    assert_true(read_area2(positions + ends[0], ends[1] - ends[0]) < 0);
    ww_map_shape_free(shape);
    wkb_len = 0;
    put_head(3);
    put(&two, 4);
    put_path(speck, 4);
    put_path(hole, 5);
    shape = shape_of_wkb();
    assert_int_equal(draw(shape, tile, 64), 0);
    ww_map_shape_free(shape);
}

/* ---- Lines ---- */

static void a_line_is_cut_where_it_leaves_and_begun_where_it_returns(void **state) {
    const struct ww_tile tile = {16, 16, 5};
    const double w = 360.0 / 32;
    /* In tile widths from the tile's north-west corner: through it, round beyond it, and through it again. */
    const double at[6][2] = {{-2 * w, -0.1}, {0.5 * w, -0.1}, {3 * w, -0.1},
                             {3 * w, -5},    {0.25 * w, -5},  {-2 * w, -5}};
    struct ww_map_shape *shape = line(at, 6);
    (void)state;
    assert_int_equal(ww_map_shape_type(shape), WW_MVT_LINE);
    assert_int_equal(draw(shape, tile, 64), 2);
    assert_int_equal(positions[0].x, -64);
    assert_int_equal(positions[ends[0] - 1].x, 4160);
    assert_int_equal(positions[ends[0]].x, 4160);
    assert_int_equal(positions[ends[1] - 1].x, -64);
    assert_int_equal(draw(shape, (struct ww_tile){16, 20, 5}, 64), 0);
    ww_map_shape_free(shape);
}

/* Each position of the uncut line that lies inside must be on the drawn one. */
static void no_vertex_inside_is_lost(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        double at[60][2];
        for (int i = 0; i < 60; i++)
            at[i][0] = 106 + random_01(), at[i][1] = 29 + random_01();
        struct ww_map_shape *shape = line((const double(*)[2])at, 60);
        const struct ww_tile tile = ww_tile_of(ww_spot_of((struct ww_place){at[30][0], at[30][1]}), 14);
        size_t paths = draw(shape, tile, 64);
        for (int i = 0; i < 60; i++) {
            int32_t x, y;
            bool found = false;
            ww_tile_units(tile, ww_spot_of((struct ww_place){at[i][0], at[i][1]}), &x, &y);
            if (x < -64 || y < -64 || x > 4160 || y > 4160)
                continue;
            for (size_t k = 0; paths && k < ends[paths - 1]; k++)
                found |= positions[k].x == x && positions[k].y == y;
            assert_true(found);
        }
        ww_map_shape_free(shape);
    }
}

/* ---- Reading ---- */

static void every_form_of_wkb_is_read(void **state) {
    const uint32_t srid = 4490, two = 2, one = 1;
    const double z = 300;
    (void)state;
    for (int big = 0; big < 2; big++) {
        big_endian = big;
        wkb_len = 0;
        put_head(6 | 0x20000000u);
        put(&srid, 4);
        put(&two, 4);
        put_polygon(square, 5);
        put_polygon(square, 5);
        struct ww_map_shape *shape = shape_of_wkb();
        assert_int_equal(ww_map_shape_vertices(shape), 8);
        ww_map_shape_free(shape);
        for (int iso = 0; iso < 2; iso++) {
            wkb_len = 0;
            put_head(iso ? 1003 : 3 | 0x80000000u);
            put(&one, 4);
            const uint32_t n = 5;
            put(&n, 4);
            for (int i = 0; i < 5; i++)
                put(&square[i][0], 8), put(&square[i][1], 8), put(&z, 8);
            shape = shape_of_wkb();
            assert_int_equal(ww_map_shape_vertices(shape), 4);
            ww_map_shape_free(shape);
        }
    }
    big_endian = false;
}

static void broken_wkb_is_refused_at_its_byte(void **state) {
    struct ww_map_shape *shape;
    struct ww_error err;
    const uint32_t many = 0xffffffffu;
    (void)state;
    wkb_len = 0;
    put_polygon(square, 5);
    for (size_t n = 0; n < wkb_len; n++) {
        char *copy = malloc(n ? n : 1); /* so that a sanitizer sees a step beyond */
        memcpy(copy, wkb, n);
        assert_int_equal(ww_map_shape_from_wkb((struct ww_str){copy, n}, &shape, &err), WW_BAD_INPUT);
        assert_null(shape);
        assert_true(err.offset <= n);
        free(copy);
    }
    memcpy(wkb + 5, &many, 4);
    assert_int_equal(ww_map_shape_from_wkb((struct ww_str){(char *)wkb, wkb_len}, &shape, &err),
                     WW_BAD_INPUT);
    wkb_len = 0;
    put_head(1);
    assert_int_equal(ww_map_shape_from_wkb((struct ww_str){(char *)wkb, wkb_len}, &shape, &err),
                     WW_BAD_INPUT);
    wkb_len = 0;
    const double bad[4][2] = {{0, 0}, {1, NAN}, {1, 1}, {0, 0}};
    put_polygon(bad, 4);
    assert_int_equal(ww_map_shape_from_wkb((struct ww_str){(char *)wkb, wkb_len}, &shape, &err),
                     WW_BAD_INPUT);
}

static void an_empty_geometry_draws_nothing(void **state) {
    const uint32_t none = 0;
    (void)state;
    wkb_len = 0;
    put_head(6);
    put(&none, 4);
    struct ww_map_shape *shape = shape_of_wkb();
    assert_int_equal(draw(shape, (struct ww_tile){0, 0, 0}, 64), 0);
    assert_int_equal(ww_map_shape_tile(shape, 14).zoom, 0);
    ww_map_shape_free(shape);
}

static void the_smallest_tile_about_a_shape_is_known(void **state) {
    static const double small[4][2] = {
        {106.501, 29.501}, {106.502, 29.501}, {106.502, 29.502}, {106.501, 29.501}};
    static const double wide[4][2] = {{-10, -10}, {10, -10}, {10, 10}, {-10, -10}};
    struct ww_map_shape *shape = area(small, 4);
    struct ww_tile tile = ww_map_shape_tile(shape, 14);
    (void)state;
    assert_true(tile.zoom >= 10 && ww_map_shape_touches(shape, tile, 0));
    for (int dx = -1; dx <= 1; dx += 2)
        assert_false(
            ww_map_shape_touches(shape, (struct ww_tile){tile.x + (uint32_t)dx, tile.y, tile.zoom}, 0));
    ww_map_shape_free(shape);
    shape = area(wide, 4);
    assert_int_equal(ww_map_shape_tile(shape, 14).zoom, 0);
    ww_map_shape_free(shape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_area_that_covers_a_tile_fills_it_and_its_margin),
        cmocka_unit_test(neighbours_leave_no_gap_at_any_zoom),
        cmocka_unit_test(a_small_map_has_fewer_vertices),
        cmocka_unit_test(a_hole_stays_a_hole_and_never_stands_alone),
        cmocka_unit_test(a_line_is_cut_where_it_leaves_and_begun_where_it_returns),
        cmocka_unit_test(no_vertex_inside_is_lost),
        cmocka_unit_test(every_form_of_wkb_is_read),
        cmocka_unit_test(broken_wkb_is_refused_at_its_byte),
        cmocka_unit_test(an_empty_geometry_draws_nothing),
        cmocka_unit_test(the_smallest_tile_about_a_shape_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
