/* The tile cache against a plain list, while tiles come, are used, change and make room. */
#include "server/tiles/tile_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/alloc.h"

static struct ww_tile_key key(uint16_t layer, uint32_t x, uint16_t view) {
    return (struct ww_tile_key){{x, 0, 10}, layer, view};
}

static bool sees_odd(void *arg, uint16_t view) {
    (void)arg;
    return view % 2 == 1;
}

static void what_was_kept_comes_back_for_its_view_only(void **state) {
    struct ww_tile_cache *cache = ww_tile_cache_new(1 << 20);
    (void)state;
    ww_tile_cache_put(cache, key(1, 5, 0), WW_STR("all"), 11);
    ww_tile_cache_put(cache, key(1, 5, 1), WW_STR("some"), 12);
    ww_tile_cache_put(cache, key(1, 5, 2), WW_STR_NONE, 13);
    assert_true(ww_str_eq(ww_tile_cache_get(cache, key(1, 5, 0))->packed, WW_STR("all")));
    assert_true(ww_str_eq(ww_tile_cache_get(cache, key(1, 5, 1))->packed, WW_STR("some")));
    assert_int_equal(ww_tile_cache_get(cache, key(1, 5, 2))->packed.len, 0);
    assert_null(ww_tile_cache_get(cache, key(1, 5, 3)));
    assert_null(ww_tile_cache_get(cache, key(2, 5, 0)));
    assert_null(ww_tile_cache_get(cache, key(1, 6, 0)));
    ww_tile_cache_put(cache, key(1, 5, 0), WW_STR("newer"), 14);
    assert_int_equal(ww_tile_cache_get(cache, key(1, 5, 0))->hash, 14);
    ww_tile_cache_free(cache);
}

static void a_change_drops_a_tile_for_those_who_see_it(void **state) {
    struct ww_tile_cache *cache = ww_tile_cache_new(1 << 20);
    (void)state;
    for (uint16_t view = 0; view < 4; view++) {
        ww_tile_cache_put(cache, key(1, 5, view), WW_STR("a"), 1);
        ww_tile_cache_put(cache, key(1, 6, view), WW_STR("b"), 2);
    }
    assert_int_equal(ww_tile_cache_drop(cache, 1, (struct ww_tile){5, 0, 10}, sees_odd, NULL), 2);
    for (uint16_t view = 0; view < 4; view++) {
        assert_int_equal(ww_tile_cache_get(cache, key(1, 5, view)) != NULL, view % 2 == 0);
        assert_non_null(ww_tile_cache_get(cache, key(1, 6, view)));
    }
    assert_int_equal(ww_tile_cache_drop(cache, 1, (struct ww_tile){5, 0, 10}, NULL, NULL), 2);
    assert_int_equal(ww_tile_cache_drop(cache, 1, (struct ww_tile){5, 0, 10}, NULL, NULL), 0);
    ww_tile_cache_free(cache);
}

enum { TILES = 60, VIEWS = 3 };

/* With room for some twenty: the list says which are the longest unused. */
static void the_longest_unused_make_room(void **state) {
    struct ww_tile_cache *cache = ww_tile_cache_new(20 * 200);
    struct ww_tile_cache_counters counters;
    struct ww_tile_key list[TILES * VIEWS];
    static char bytes[104];
    size_t n = 0;
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 50000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const struct ww_tile_key k = key(3, (uint32_t)(seed >> 33) % TILES, (uint16_t)(seed >> 50) % VIEWS);
        size_t at = 0;
        while (at < n && memcmp(&list[at], &k, sizeof k) != 0)
            at++;
        switch (seed >> 61) {
        case 0:
            ww_tile_cache_drop(cache, 3, k.tile, NULL, NULL);
            for (size_t j = n; j > 0; j--)
                if (list[j - 1].tile.x == k.tile.x)
                    memmove(&list[j - 1], &list[j], (--n - (j - 1)) * sizeof *list);
            break;
        case 1:
        case 2:
        case 3:
            ww_tile_cache_put(cache, k, (struct ww_str){bytes, sizeof bytes}, 7);
            if (at < n)
                memmove(&list[at], &list[at + 1], (--n - at) * sizeof *list);
            list[n++] = k;
            if (n > 20)
                memmove(&list[0], &list[1], --n * sizeof *list);
            break;
        default:
            assert_int_equal(ww_tile_cache_get(cache, k) != NULL, at < n);
            if (at < n) {
                memmove(&list[at], &list[at + 1], (n - 1 - at) * sizeof *list);
                list[n - 1] = k;
            }
        }
        ww_tile_cache_get_counters(cache, &counters);
        assert_int_equal(counters.tiles, n);
        assert_int_equal(counters.bytes, n * 200);
    }
    assert_true(counters.evicted > 1000);
    ww_tile_cache_clear(cache);
    ww_tile_cache_get_counters(cache, &counters);
    assert_int_equal(counters.bytes, 0);
    ww_tile_cache_free(cache);
}

static void what_is_too_large_or_finds_no_memory_is_not_kept(void **state) {
    struct ww_tile_cache *cache = ww_tile_cache_new(1000);
    static char bytes[2000];
    struct ww_tile_cache_counters counters;
    (void)state;
    ww_tile_cache_put(cache, key(0, 1, 0), (struct ww_str){bytes, sizeof bytes}, 1);
    assert_null(ww_tile_cache_get(cache, key(0, 1, 0)));
    for (long n = 1; n < 4; n++) {
        ww_alloc_fail_after(n);
        ww_tile_cache_put(cache, key(0, (uint32_t)n, 1), WW_STR("x"), 1);
        ww_alloc_fail_after(0);
        assert_null(ww_tile_cache_get(cache, key(0, (uint32_t)n, 1)));
    }
    ww_tile_cache_get_counters(cache, &counters);
    assert_int_equal(counters.tiles, 0);
    ww_tile_cache_put(cache, key(0, 1, 1), WW_STR("x"), 1);
    assert_non_null(ww_tile_cache_get(cache, key(0, 1, 1)));
    ww_tile_cache_free(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_comes_back_for_its_view_only),
        cmocka_unit_test(a_change_drops_a_tile_for_those_who_see_it),
        cmocka_unit_test(the_longest_unused_make_room),
        cmocka_unit_test(what_is_too_large_or_finds_no_memory_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
