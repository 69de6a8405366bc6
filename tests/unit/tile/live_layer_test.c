/* A live layer against a plain table that is searched in full, while rows come, change, move and go. */
#include "geo/tile/live_layer.h"

#include "tests/unit/tile/mvt_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"

enum { ROWS = 700, WARDS = 5, CLUSTER_BELOW = 9 };

static struct read_feature features[READ_MOST];
static struct {
    bool there;
    int32_t ward;
    struct ww_spot spot;
    int64_t severity; /* -1: none */
    int64_t ill;      /* 0: none */
} table[ROWS];

static uint64_t seed;
static uint32_t random_32(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static struct ww_spot random_spot(void) {
    const uint32_t reach = 1u << (16 + random_32() % 13);
    return (struct ww_spot){0xc0000000u + random_32() % reach, 0x60000000u + random_32() % reach};
}

static struct ww_live_layer *new_layer(uint32_t max_rows) {
    return ww_live_layer_new(&(struct ww_live_options){.name = WW_STR("thing"),
                                                       .max_rows = max_rows,
                                                       .cluster_below = CLUSTER_BELOW,
                                                       .state = WW_STR("severity"),
                                                       .sum = WW_STR("ill")});
}

static void touch(struct ww_live_layer *layer, uint16_t severity) {
    const uint32_t i = random_32() % ROWS;
    switch (random_32() % 6) {
    case 0:
        ww_live_layer_drop(layer, i);
        table[i].there = false;
        break;
    case 1:
    case 2:
        table[i].spot = random_spot();
        table[i].ward = (int32_t)(random_32() % WARDS);
        if (!table[i].there)
            table[i].severity = -1, table[i].ill = 0;
        table[i].there = true;
        assert_int_equal(ww_live_layer_place(layer, i, table[i].ward, table[i].spot), WW_OK);
        break;
    default:
        if (table[i].there) {
            table[i].severity = random_32() % 6 ? (int64_t)(random_32() % 4) : -1;
            assert_int_equal(ww_live_layer_set(layer, i, severity,
                                               table[i].severity < 0
                                                   ? (struct ww_live_value){WW_LIVE_NOTHING, {{0}}}
                                                   : ww_live_integer(table[i].severity)),
                             WW_OK);
            table[i].ill = random_32() % 4 == 0;
            assert_int_equal(ww_live_layer_set(layer, i, ww_live_layer_column(layer, WW_STR("ill")),
                                               table[i].ill ? ww_live_integer(1)
                                                            : (struct ww_live_value){WW_LIVE_NOTHING, {{0}}}),
                             WW_OK);
        } else {
            assert_int_equal(ww_live_layer_set(layer, i, severity, ww_live_integer(1)), WW_NOT_FOUND);
        }
    }
}

static bool sees(const struct ww_live_view *view, int32_t ward) {
    bool found = view->all;
    for (size_t i = 0; i < view->n_wards; i++)
        found |= view->wards[i] == ward;
    return found;
}

static bool in_tile(struct ww_spot spot, struct ww_tile tile) {
    const struct ww_tile t = ww_tile_of(spot, tile.zoom);
    return t.x == tile.x && t.y == tile.y;
}

static size_t draw(struct ww_live_layer *layer, struct ww_tile tile, const struct ww_live_view *view,
                   struct ww_mvt *mvt, struct ww_buf *out, struct read_layer *read) {
    ww_buf_reset(out);
    assert_int_equal(ww_live_layer_draw(layer, tile, view, mvt, out), WW_OK);
    *read = (struct read_layer){.features = features};
    if (out->len == 0)
        return 0;
    read_layer(ww_buf_str(out), read);
    return read->n_features;
}

static int64_t tag_number(const struct read_layer *read, size_t feature, const char *key, int64_t none) {
    const struct ww_str v = read_tag(read, feature, key);
    return v.len == 0 ? none : v.ptr[1] & 127; /* numbers here are below 128: a tag and one byte, or two */
}

static void check(struct ww_live_layer *layer, struct ww_tile tile, const struct ww_live_view *view,
                  struct ww_mvt *mvt, struct ww_buf *out) {
    struct read_layer read;
    static uint64_t cells[ROWS];
    static int64_t worst[ROWS], count[ROWS], ill[ROWS];
    const size_t n = draw(layer, tile, view, mvt, out, &read);
    size_t want = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        size_t k = 0;
        if (!table[i].there || !sees(view, table[i].ward) || !in_tile(table[i].spot, tile))
            continue;
        /* One feature a row, or one a square of the sixteenth. */
        const uint64_t cell =
            tile.zoom < CLUSTER_BELOW ? ww_tile_number(ww_tile_of(table[i].spot, tile.zoom + 4)) : i;
        while (k < want && cells[k] != cell)
            k++;
        if (k == want)
            cells[want] = cell, worst[want] = -1, ill[want] = 0, count[want++] = 0;
        count[k]++;
        ill[k] += table[i].ill;
        worst[k] = table[i].severity > worst[k] ? table[i].severity : worst[k];
    }
    assert_int_equal(n, want);
    int64_t sums[2] = {0, 0}, worsts[2] = {0, 0}, ills[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        sums[0] += count[i] > 100 ? 100 : count[i]; /* two-byte numbers are not told apart */
        const struct ww_str v = read_tag(&read, i, "count");
        sums[1] += v.len == 0 ? 1 : v.len > 2 ? 100 : v.ptr[1] > 100 ? 100 : v.ptr[1];
        worsts[0] += worst[i];
        worsts[1] += tag_number(&read, i, "severity", -1);
        ills[0] += ill[i] > 100 ? 100 : ill[i];
        const struct ww_str ill_tag = read_tag(&read, i, "ill");
        ills[1] += ill_tag.len == 0 ? 0 : ill_tag.len > 2 ? 100 : ill_tag.ptr[1] > 100 ? 100 : ill_tag.ptr[1];
    }
    assert_int_equal(sums[0], sums[1]);
    assert_int_equal(worsts[0], worsts[1]);
    assert_int_equal(ills[0], ills[1]);
}

static void tiles_show_what_a_plain_table_has(void **state) {
    static const int32_t some[] = {1, 3}, none[] = {77};
    static const struct ww_live_view views[] = {
        {true, NULL, 0}, {false, some, 2}, {false, none, 1}, {false, NULL, 0}};
    struct ww_live_layer *layer = new_layer(ROWS);
    struct ww_mvt *mvt = ww_mvt_new();
    struct ww_buf out;
    const uint16_t severity = ww_live_layer_column(layer, WW_STR("severity"));
    (void)state;
    ww_buf_init(&out, 16 << 20);
    seed = 3;
    memset(table, 0, sizeof(table));
    for (int round = 0; round < 3000; round++) {
        for (int i = 0; i < 20; i++)
            touch(layer, severity);
        const struct ww_tile tile = ww_tile_of(random_spot(), (int)(random_32() % 17));
        check(layer, tile, &views[round % 4], mvt, &out);
    }
    ww_mvt_free(mvt);
    ww_buf_clear(&out);
    ww_live_layer_free(layer);
}

/* Whatever tile looks other than before lies under a box that was told, of a ward that may see it. */
static void each_tile_that_changes_was_told(void **state) {
    struct ww_live_layer *layer = new_layer(ROWS);
    struct ww_mvt *mvt = ww_mvt_new();
    struct ww_buf out[2];
    const uint16_t severity = ww_live_layer_column(layer, WW_STR("severity"));
    const struct ww_live_view all = {.all = true};
    struct read_layer read;
    size_t changed = 0, told = 0;
    (void)state;
    ww_buf_init(&out[0], 16 << 20);
    ww_buf_init(&out[1], 16 << 20);
    seed = 4;
    memset(table, 0, sizeof(table));
    for (int i = 0; i < 3000; i++)
        touch(layer, severity);
    const struct ww_live_change *boxes;
    (void)ww_live_layer_changes(layer, &boxes);
    assert_int_equal(ww_live_layer_changes(layer, &boxes), 0);
    for (int round = 0; round < 4000; round++) {
        const struct ww_tile tile = ww_tile_of(table[random_32() % ROWS].spot, (int)(random_32() % 17));
        (void)draw(layer, tile, &all, mvt, &out[0], &read);
        for (int i = 0; i < 3; i++)
            touch(layer, severity);
        (void)draw(layer, tile, &all, mvt, &out[1], &read);
        const bool differs = out[0].len != out[1].len || memcmp(out[0].data, out[1].data, out[0].len) != 0;
        const size_t n = ww_live_layer_changes(layer, &boxes);
        bool under = false;
        for (size_t i = 0; i < n; i++) {
            assert_true(boxes[i].is_point && boxes[i].ward >= 0 && boxes[i].ward < WARDS);
            under |= in_tile(boxes[i].north_west, tile);
        }
        assert_true(under || !differs);
        changed += differs;
        told += under;
    }
    assert_true(changed > 200 && told < 3500); /* and not simply everything */
    ww_mvt_free(mvt);
    ww_buf_clear(&out[0]);
    ww_buf_clear(&out[1]);
    ww_live_layer_free(layer);
}

static void the_same_value_again_is_no_change(void **state) {
    struct ww_live_layer *layer = new_layer(10);
    const uint16_t name = ww_live_layer_column(layer, WW_STR("name"));
    const uint16_t cod = ww_live_layer_column(layer, WW_STR("cod"));
    const struct ww_live_change *boxes;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ww_live_layer_place(layer, 1, 4, (struct ww_spot){5, 6}), WW_OK);
        assert_int_equal(ww_live_layer_set(layer, 1, name, ww_live_text(WW_STR("晏家污水厂"))), WW_OK);
        assert_int_equal(ww_live_layer_set(layer, 1, cod, ww_live_number(589.8)), WW_OK);
        assert_int_equal(ww_live_layer_changes(layer, &boxes), i == 0 ? 1 : 0);
    }
    const struct ww_live_value v = ww_live_layer_get(layer, 1, name);
    assert_true(v.type == WW_LIVE_TEXT && ww_str_eq(v.text, WW_STR("晏家污水厂")));
    assert_true(ww_live_layer_get(layer, 1, cod).number == 589.8);
    assert_int_equal(ww_live_layer_set(layer, 1, cod, ww_live_number(0.0 / 0.0)), WW_OK);
    assert_int_equal(ww_live_layer_get(layer, 1, cod).type, WW_LIVE_NOTHING);
    assert_int_equal(ww_live_layer_changes(layer, &boxes), 1);
    ww_live_layer_free(layer);
}

static void a_full_layer_refuses_and_goes_on(void **state) {
    struct ww_live_layer *layer = new_layer(2);
    (void)state;
    assert_int_equal(ww_live_layer_place(layer, 1, 0, (struct ww_spot){1, 1}), WW_OK);
    assert_int_equal(ww_live_layer_place(layer, 2, 0, (struct ww_spot){2, 2}), WW_OK);
    assert_int_equal(ww_live_layer_place(layer, 3, 0, (struct ww_spot){3, 3}), WW_TOO_LARGE);
    assert_int_equal(ww_live_layer_place(layer, 2, 0, (struct ww_spot){9, 9}), WW_OK);
    ww_live_layer_drop(layer, 1);
    assert_int_equal(ww_live_layer_place(layer, 3, 0, (struct ww_spot){3, 3}), WW_OK);
    assert_int_equal(ww_live_layer_rows(layer), 2);
    for (int i = 0; i < WW_LIVE_COLUMNS; i++) {
        char name[16];
        const int n = snprintf(name, sizeof(name), "c%d", i);
        assert_int_equal(ww_live_layer_column(layer, (struct ww_str){name, (size_t)n}) == UINT16_MAX,
                         i >= WW_LIVE_COLUMNS - 2); /* `severity` and `ill` have one each */
    }
    ww_live_layer_free(layer);
}

static struct ww_map_shape *box_shape(double west, double south, double east, double north) {
    const double at[5][2] = {{west, south}, {east, south}, {east, north}, {west, north}, {west, south}};
    const uint32_t head[3] = {3, 1, 5};
    char wkb[1 + sizeof(head) + sizeof(at)];
    struct ww_map_shape *shape;
    wkb[0] = 1;
    memcpy(wkb + 1, head, sizeof(head));
    memcpy(wkb + 1 + sizeof(head), at, sizeof(at));
    assert_int_equal(ww_map_shape_from_wkb((struct ww_str){wkb, sizeof(wkb)}, &shape, NULL), WW_OK);
    return shape;
}

static void areas_are_rows_too(void **state) {
    struct ww_live_layer *layer = new_layer(10);
    struct ww_mvt *mvt = ww_mvt_new();
    struct ww_buf out;
    struct read_layer read;
    const int32_t mine[] = {7};
    const struct ww_live_view all = {.all = true}, view = {.wards = mine, .n_wards = 1};
    const struct ww_live_change *boxes;
    const struct ww_tile tile = ww_tile_of(ww_spot_of((struct ww_place){106.5, 29.5}), 10);
    const uint16_t severity = ww_live_layer_column(layer, WW_STR("severity"));
    (void)state;
    ww_buf_init(&out, 1 << 20);
    assert_int_equal(ww_live_layer_shape(layer, 1, 7, box_shape(106, 29, 106.5, 30)), WW_OK);
    assert_int_equal(ww_live_layer_shape(layer, 2, 8, box_shape(106.5, 29, 107, 30)), WW_OK);
    assert_int_equal(ww_live_layer_changes(layer, &boxes), 2);
    assert_int_equal(draw(layer, tile, &all, mvt, &out, &read), 2);
    assert_int_equal(draw(layer, tile, &view, mvt, &out, &read), 1);
    assert_int_equal(features[0].id, 1);
    assert_int_equal(ww_live_layer_set(layer, 2, severity, ww_live_integer(3)), WW_OK);
    assert_int_equal(ww_live_layer_changes(layer, &boxes), 1);
    assert_true(!boxes[0].is_point && boxes[0].ward == 8 && boxes[0].north_west.x < boxes[0].south_east.x);
    /* Another shape for the same row: what it covered before is told as well. */
    assert_int_equal(ww_live_layer_shape(layer, 2, 8, box_shape(106.7, 29, 107, 30)), WW_OK);
    assert_int_equal(ww_live_layer_changes(layer, &boxes), 2);
    assert_int_equal(draw(layer, tile, &all, mvt, &out, &read), 1);
    assert_int_equal(ww_live_layer_place(layer, 2, 8, ww_spot_of((struct ww_place){106.5, 29.5})), WW_OK);
    assert_int_equal(draw(layer, tile, &all, mvt, &out, &read), 2);
    ww_live_layer_drop(layer, 1);
    ww_live_layer_drop(layer, 2);
    assert_int_equal(draw(layer, (struct ww_tile){0, 0, 0}, &all, mvt, &out, &read), 0);
    ww_mvt_free(mvt);
    ww_buf_clear(&out);
    ww_live_layer_free(layer);
}

static void short_memory_never_loses_a_change(void **state) {
    (void)state;
    for (long n = 1; n < 40; n++) {
        struct ww_live_layer *layer = new_layer(1000);
        const uint16_t severity = ww_live_layer_column(layer, WW_STR("severity"));
        const struct ww_live_change *boxes;
        size_t rows = 0, told;
        ww_alloc_fail_after(n);
        for (uint64_t id = 1; id <= 300; id++) {
            if (ww_live_layer_place(layer, id, 1, (struct ww_spot){(uint32_t)id << 20, 5}) != WW_OK)
                continue;
            rows++;
            if (ww_live_layer_set(layer, id, severity, ww_live_integer(1)) != WW_OK)
                continue; /* the row is there, without it */
        }
        ww_alloc_fail_after(0);
        assert_int_equal(ww_live_layer_rows(layer), rows);
        assert_int_equal(ww_live_layer_place(layer, 999, 1, (struct ww_spot){7, 7}), WW_OK);
        told = ww_live_layer_changes(layer, &boxes);
        assert_true(told == rows + 1 || (told == 1 && boxes[0].south_east.x == UINT32_MAX));
        ww_live_layer_free(layer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_show_what_a_plain_table_has),
        cmocka_unit_test(each_tile_that_changes_was_told),
        cmocka_unit_test(the_same_value_again_is_no_change),
        cmocka_unit_test(a_full_layer_refuses_and_goes_on),
        cmocka_unit_test(areas_are_rows_too),
        cmocka_unit_test(short_memory_never_loses_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
