/* Points by tile against looking at every point, while they come, move and go. */
#include "geo/tile/points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/alloc.h"

enum { MOST = 6000 };
static struct ww_spot spots[MOST];
static bool there[MOST], seen[MOST];

static uint64_t seed;
static uint32_t random_32(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

/* Crowded about two places: in a town, and at the antimeridian. */
static struct ww_spot random_spot(void) {
    const uint32_t reach = 1u << (20 + random_32() % 12);
    if (random_32() % 3 == 0)
        return (struct ww_spot){random_32() % reach - reach / 2, 0x60000000u + random_32() % reach};
    return (struct ww_spot){0xc0000000u + random_32() % reach, 0x60000000u + random_32() % reach};
}

static struct ww_tile random_tile(void) {
    struct ww_tile tile =
        ww_tile_of(random_32() % 4 ? spots[random_32() % MOST] : random_spot(), (int)(random_32() % 15));
    return tile;
}

static void check(struct ww_points *points, struct ww_tile tile, int32_t margin) {
    const struct ww_point *found;
    const size_t n = ww_points_in(points, tile, margin, &found);
    size_t want = 0;
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < n; i++) {
        assert_true(found[i].row < MOST && there[found[i].row] && !seen[found[i].row]);
        seen[found[i].row] = true;
    }
    for (uint32_t i = 0; i < MOST; i++) {
        int32_t x, y;
        if (!there[i])
            continue;
        ww_tile_units(tile, spots[i], &x, &y);
        const int32_t m = tile.zoom == 0 ? 0 : margin;
        const bool in = x >= -m && y >= -m && x < 4096 + m && y < 4096 + m;
        assert_int_equal(seen[i], in);
        want += in;
    }
    assert_int_equal(n, want);
}

static void points_are_found_as_by_looking_at_all(void **state) {
    struct ww_points *points = ww_points_new();
    size_t live = 0;
    (void)state;
    seed = 7;
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 400; i++) {
            const uint32_t row = random_32() % MOST;
            if (random_32() % 5 == 0) {
                ww_points_drop(points, row);
                live -= there[row];
                there[row] = false;
                continue;
            }
            spots[row] = random_spot();
            assert_int_equal(ww_points_put(points, row, spots[row]), WW_OK);
            live += !there[row];
            there[row] = true;
        }
        assert_int_equal(ww_points_count(points), live);
        for (int i = 0; i < 40; i++)
            check(points, random_tile(), (int32_t)(random_32() % 513));
    }
    ww_points_free(points);
}

static void rows_of_one_smaller_tile_stand_together(void **state) {
    struct ww_points *points = ww_points_new();
    (void)state;
    seed = 9;
    for (uint32_t i = 0; i < MOST; i++) {
        spots[i] = random_spot();
        assert_int_equal(ww_points_put(points, i, spots[i]), WW_OK);
    }
    for (int i = 0; i < 200; i++) {
        const struct ww_tile tile = random_tile();
        const struct ww_point *found;
        const size_t n = ww_points_in(points, tile, 64, &found);
        uint64_t ended[4096];
        size_t n_ended = 0, at = 0;
        while (at < n) { /* no small tile is met again after it ended */
            const uint64_t small = ww_tile_number(ww_tile_of(spots[found[at].row], tile.zoom + 4));
            for (size_t k = 0; k < n_ended; k++)
                assert_true(ended[k] != small);
            assert_true(n_ended < sizeof(ended) / sizeof(*ended));
            ended[n_ended++] = small;
            while (at < n && ww_tile_number(ww_tile_of(spots[found[at].row], tile.zoom + 4)) == small)
                at++;
        }
    }
    ww_points_free(points);
}

static void short_memory_leaves_a_row_where_it_was(void **state) {
    const struct ww_spot a = {1, 2}, b = {3u << 30, 4};
    (void)state;
    for (long n = 1; n <= 8; n++) {
        struct ww_points *points = ww_points_new();
        uint32_t row = 0;
        enum ww_status st = WW_OK;
        assert_int_equal(ww_points_put(points, 0, a), WW_OK);
        ww_alloc_fail_after(n);
        while (st == WW_OK && row < 5000)
            st = ww_points_put(points, ++row, b);
        ww_alloc_fail_after(0);
        assert_int_equal(st, WW_NO_MEMORY);
        assert_false(ww_points_has(points, row));
        assert_int_equal(ww_points_count(points), row);
        ww_alloc_fail_after(n);
        st = ww_points_put(points, 100000, b);
        ww_alloc_fail_after(0);
        assert_int_equal(ww_points_put(points, 0, b), WW_OK);
        assert_true(ww_points_spot(points, 0).x == b.x);
        ww_points_free(points);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_found_as_by_looking_at_all),
        cmocka_unit_test(rows_of_one_smaller_tile_stand_together),
        cmocka_unit_test(short_memory_leaves_a_row_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
