/* Blocks of ids are used in the order they came, to their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/path_internal.h"

static void ids_grow_from_block_to_block(void **state) {
    (void)state;
    struct id_pool pool = {.blocks = {1, 5001, 9001}, .n_blocks = 3};
    assert_int_equal(id_pool_left(&pool), 3 * ID_BLOCK);
    int64_t last = 0;
    for (int i = 0; i < 3 * ID_BLOCK; i++) {
        int64_t id = id_pool_take(&pool);
        assert_true(id > last);
        last = id;
        if (i == ID_BLOCK) { /* blocks that come later are used later */
            assert_int_equal(id, 5001);
            pool.blocks[pool.n_blocks++] = 20001;
        }
    }
    assert_int_equal(last, 9000 + ID_BLOCK);
    assert_int_equal(id_pool_take(&pool), 20001);
    assert_int_equal(id_pool_left(&pool), ID_BLOCK - 1);
}

static void an_empty_pool_gives_nothing(void **state) {
    (void)state;
    struct id_pool pool = {0};
    assert_int_equal(id_pool_take(&pool), 0);
    assert_int_equal(id_pool_left(&pool), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_grow_from_block_to_block),
        cmocka_unit_test(an_empty_pool_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
