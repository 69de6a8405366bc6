/* Tiles as the specification writes them out, and read back by a plain reader. */
#include "geo/tile/mvt.h"

#include "tests/unit/tile/mvt_reader.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"

static struct read_feature features[READ_MOST];
static struct ww_mvt *mvt;
static struct ww_buf out;

static int setup(void **state) {
    (void)state;
    mvt = ww_mvt_new();
    ww_buf_init(&out, 16 << 20);
    ww_mvt_layer(mvt, WW_STR("layer"));
    return mvt == NULL;
}

static int teardown(void **state) {
    (void)state;
    ww_mvt_free(mvt);
    ww_buf_clear(&out);
    return 0;
}

static struct read_layer end_and_read(void) {
    struct read_layer layer = {.features = features};
    assert_int_equal(ww_mvt_layer_end(mvt, &out), WW_OK);
    read_layer(ww_buf_str(&out), &layer);
    return layer;
}

static void expect_geometry(const uint32_t *want, size_t n) {
    assert_true(ww_mvt_feature_end(mvt));
    const struct read_layer layer = end_and_read();
    assert_int_equal(layer.features[0].n_geometry, n);
    assert_memory_equal(layer.features[0].geometry, want, n * sizeof(*want));
}

/* The examples of the specification, 4.3.5. */
static void a_point_is_written_as_in_the_specification(void **state) {
    static const uint32_t want[] = {9, 50, 34};
    (void)state;
    ww_mvt_feature(mvt, 1, WW_MVT_POINT);
    ww_mvt_position(mvt, 25, 17);
    expect_geometry(want, 3);
}

static void points_are_written_as_in_the_specification(void **state) {
    static const uint32_t want[] = {17, 10, 14, 3, 9};
    (void)state;
    ww_mvt_feature(mvt, 1, WW_MVT_POINT);
    ww_mvt_position(mvt, 5, 7);
    ww_mvt_position(mvt, 3, 2);
    expect_geometry(want, 5);
}

static void lines_are_written_as_in_the_specification(void **state) {
    static const uint32_t want[] = {9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8};
    (void)state;
    ww_mvt_feature(mvt, 1, WW_MVT_LINE);
    ww_mvt_position(mvt, 2, 2);
    ww_mvt_position(mvt, 2, 10);
    ww_mvt_position(mvt, 10, 10);
    ww_mvt_line_end(mvt);
    ww_mvt_position(mvt, 1, 1);
    ww_mvt_position(mvt, 3, 5);
    ww_mvt_line_end(mvt);
    expect_geometry(want, 14);
}

static void an_area_is_written_as_in_the_specification(void **state) {
    static const uint32_t want[] = {9, 6, 12, 18, 10, 12, 24, 44, 15};
    (void)state;
    ww_mvt_feature(mvt, 1, WW_MVT_POLYGON);
    ww_mvt_position(mvt, 3, 6);
    ww_mvt_position(mvt, 8, 12);
    ww_mvt_position(mvt, 20, 34);
    assert_true(ww_mvt_ring_end(mvt, true));
    expect_geometry(want, 9);
}

static void ring(int32_t low, int32_t high, bool clockwise) {
    ww_mvt_position(mvt, low, low);
    ww_mvt_position(mvt, clockwise ? high : low, clockwise ? low : high);
    ww_mvt_position(mvt, high, high);
    ww_mvt_position(mvt, clockwise ? low : high, clockwise ? high : low);
    ww_mvt_position(mvt, low, low);
}

static void rings_are_turned_and_closed(void **state) {
    struct read_position p[READ_MOST];
    size_t ends[8];
    (void)state;
    for (int way = 0; way < 4; way++) {
        ww_buf_reset(&out);
        ww_mvt_layer(mvt, WW_STR("layer"));
        ww_mvt_feature(mvt, 1, WW_MVT_POLYGON);
        ring(0, 100, way & 1);
        assert_true(ww_mvt_ring_end(mvt, true));
        ring(40, 60, way & 2);
        assert_true(ww_mvt_ring_end(mvt, false));
        assert_true(ww_mvt_feature_end(mvt));
        const struct read_layer layer = end_and_read();
        assert_int_equal(read_paths(&layer.features[0], p, ends), 2);
        assert_int_equal(ends[0], 4); /* the closing position is not repeated */
        assert_int_equal(read_area2(p, 4), 20000);
        assert_int_equal(read_area2(p + 4, 4), -800);
    }
}

static void what_has_no_size_is_left_out(void **state) {
    (void)state;
    ww_mvt_feature(mvt, 1, WW_MVT_POLYGON);
    ww_mvt_position(mvt, 0, 0);
    ww_mvt_position(mvt, 5, 5);
    ww_mvt_position(mvt, 9, 9);
    assert_false(ww_mvt_ring_end(mvt, true));
    assert_false(ww_mvt_feature_end(mvt));
    ww_mvt_feature(mvt, 2, WW_MVT_LINE);
    ww_mvt_position(mvt, 3, 3);
    ww_mvt_position(mvt, 3, 3);
    ww_mvt_line_end(mvt);
    assert_false(ww_mvt_feature_end(mvt));
    assert_int_equal(ww_mvt_layer_end(mvt, &out), WW_OK);
    assert_int_equal(out.len, 0); /* a layer without features is not there */
}

static bool value_is(struct ww_str got, const char *bytes, size_t n) {
    return got.len == n && memcmp(got.ptr, bytes, n) == 0;
}

static void values_of_each_kind_come_back(void **state) {
    static const char pi[] = "\x19\x18\x2d\x44\x54\xfb\x21\x09\x40";
    (void)state;
    const uint32_t a = ww_mvt_key(mvt, WW_STR("a")), b = ww_mvt_key(mvt, WW_STR("b"));
    const uint32_t c = ww_mvt_key(mvt, WW_STR("c")), d = ww_mvt_key(mvt, WW_STR("d"));
    const uint32_t e = ww_mvt_key(mvt, WW_STR("e"));
    ww_mvt_feature(mvt, 300, WW_MVT_POINT);
    ww_mvt_tag_text(mvt, a, WW_STR("街镇"));
    ww_mvt_tag_i64(mvt, b, 300);
    ww_mvt_tag_i64(mvt, c, INT64_MIN);
    ww_mvt_tag_double(mvt, d, M_PI);
    ww_mvt_tag_bool(mvt, e, true);
    ww_mvt_position(mvt, -64, 4160);
    assert_true(ww_mvt_feature_end(mvt));
    const struct read_layer layer = end_and_read();
    assert_int_equal(layer.features[0].id, 300);
    assert_true(value_is(read_tag(&layer, 0, "a"), "\x0a\x06街镇", 8));
    assert_true(value_is(read_tag(&layer, 0, "b"), "\x28\xac\x02", 3));
    assert_true(value_is(read_tag(&layer, 0, "c"), "\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
    assert_true(value_is(read_tag(&layer, 0, "d"), pi, 9));
    assert_true(value_is(read_tag(&layer, 0, "e"), "\x38\x01", 2));
}

static void a_value_is_kept_once_a_layer(void **state) {
    char text[2000][8];
    (void)state;
    for (int layer_no = 0; layer_no < 3; layer_no++) { /* nothing is left of the layer before */
        ww_buf_reset(&out);
        ww_mvt_layer(mvt, WW_STR("layer"));
        const uint32_t name = ww_mvt_key(mvt, WW_STR("name")), n = ww_mvt_key(mvt, WW_STR("n"));
        for (int i = 0; i < 2000; i++) {
            snprintf(text[i], sizeof(text[i]), "%d", i % 500);
            ww_mvt_feature(mvt, (uint64_t)i, WW_MVT_POINT);
            ww_mvt_tag_text(mvt, name, (struct ww_str){text[i], strlen(text[i])});
            ww_mvt_tag_i64(mvt, n, i % 7);
            ww_mvt_position(mvt, i, i);
            assert_true(ww_mvt_feature_end(mvt));
        }
        const struct read_layer layer = end_and_read();
        assert_int_equal(layer.n_values, 507);
        for (size_t i = 0; i < 2000; i++) {
            char want[16];
            const int len = snprintf(want, sizeof(want), "\x0a%c%zu", (int)strlen(text[i]), i % 500);
            assert_true(value_is(read_tag(&layer, i, "name"), want, (size_t)len));
        }
    }
}

static void short_memory_is_told_and_nothing_is_written(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        struct ww_mvt *w;
        enum ww_status st = WW_NO_MEMORY;
        ww_buf_reset(&out);
        ww_alloc_fail_after(n);
        if ((w = ww_mvt_new())) {
            ww_mvt_layer(w, WW_STR("layer"));
            const uint32_t key = ww_mvt_key(w, WW_STR("a"));
            ww_mvt_feature(w, 1, WW_MVT_LINE);
            ww_mvt_tag_text(w, key, WW_STR("b"));
            for (int i = 0; i < 100; i++)
                ww_mvt_position(w, i, i * i);
            ww_mvt_line_end(w);
            (void)ww_mvt_feature_end(w);
            st = ww_mvt_layer_end(w, &out);
        }
        ww_alloc_fail_after(0);
        ww_mvt_free(w);
        if (st == WW_OK)
            break;
        assert_true(n < 100);
        ww_buf_clear(&out);
        ww_buf_init(&out, 16 << 20);
    }
    struct read_layer layer = {.features = features};
    read_layer(ww_buf_str(&out), &layer);
    assert_int_equal(layer.n_features, 1);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_point_is_written_as_in_the_specification),
        TEST(points_are_written_as_in_the_specification),
        TEST(lines_are_written_as_in_the_specification),
        TEST(an_area_is_written_as_in_the_specification),
        TEST(rings_are_turned_and_closed),
        TEST(what_has_no_size_is_left_out),
        TEST(values_of_each_kind_come_back),
        TEST(a_value_is_kept_once_a_layer),
        TEST(short_memory_is_told_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
