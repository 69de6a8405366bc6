/* The id map against an array, while ids come and go in crowded runs. */
#include "geo/base/id_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/base/alloc.h"

enum { MOST = 3000 };

static void ids_are_found_as_in_an_array(void **state) {
    static uint32_t want[MOST];
    static bool there[MOST];
    struct ww_id_map map = {0};
    uint64_t seed = 5;
    size_t count = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const uint32_t at = (uint32_t)(seed >> 33) % MOST;
        const uint64_t id = (uint64_t)at << (at % 3 * 20);
        if (seed >> 62 == 0) {
            ww_id_map_remove(&map, id);
            count -= there[at];
            there[at] = false;
        } else if (seed >> 62 == 1) {
            assert_int_equal(ww_id_map_put(&map, id, (uint32_t)i), WW_OK);
            count += !there[at];
            there[at] = true;
            want[at] = (uint32_t)i;
        } else {
            uint32_t value = 0;
            assert_int_equal(ww_id_map_get(&map, id, &value), there[at]);
            if (there[at])
                assert_int_equal(value, want[at]);
        }
        assert_int_equal(map.count, count);
    }
    ww_id_map_clear(&map);
}

static void short_memory_leaves_it_as_it_was(void **state) {
    struct ww_id_map map = {0};
    uint32_t value, n = 0;
    (void)state;
    ww_alloc_fail_after(2);
    while (ww_id_map_put(&map, n, n) == WW_OK)
        n++;
    ww_alloc_fail_after(0);
    assert_int_equal(map.count, n);
    for (uint32_t i = 0; i < n; i++)
        assert_true(ww_id_map_get(&map, i, &value) && value == i);
    assert_false(ww_id_map_get(&map, n, &value));
    ww_id_map_clear(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found_as_in_an_array),
        cmocka_unit_test(short_memory_leaves_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
