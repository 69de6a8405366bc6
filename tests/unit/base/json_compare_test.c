/* Two JSON values side by side: what differs, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/json_compare.h"

struct seen {
    char text[512];
};

static void note(void *arg, const char *path, struct ww_str a, struct ww_str b) {
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%s:%.*s/%.*s ", path, WW_STR_ARG(a), WW_STR_ARG(b));
}

static uint32_t compare(const char *a, const char *b, struct seen *seen) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_json_node *x, *y;
    struct ww_error err;
    assert_int_equal(ww_json_parse(arena, ww_str_of(a), &x, &err), WW_OK);
    assert_int_equal(ww_json_parse(arena, ww_str_of(b), &y, &err), WW_OK);
    seen->text[0] = '\0';
    uint32_t n = ww_json_compare(x, y, note, seen);
    ww_arena_free(arena);
    return n;
}

static void order_and_spelling_of_numbers_make_no_difference(void **state) {
    (void)state;
    struct seen seen;
    assert_int_equal(
        compare("{\"a\":1.50,\"b\":[1e2,null,\"x\"]}", "{\"b\":[100,null,\"x\"],\"a\":1.5}", &seen), 4);
    assert_string_equal(seen.text, "");
}

static void what_differs_is_named_by_its_path(void **state) {
    (void)state;
    struct seen seen;
    compare("{\"a\":{\"b\":[1,2,{\"c\":true}]}}", "{\"a\":{\"b\":[1,3,{\"c\":false}]}}", &seen);
    assert_string_equal(seen.text, "a.b[1]:2/3 a.b[2].c:true/false ");
}

static void the_last_bit_of_a_number_counts(void **state) {
    (void)state;
    struct seen seen;
    compare("[0.1]", "[0.10000000000000002]", &seen);
    assert_string_equal(seen.text, "[0]:0.1/0.10000000000000002 ");
}

static void what_one_side_lacks_is_told(void **state) {
    (void)state;
    struct seen seen;
    assert_int_equal(compare("{\"a\":1,\"l\":[1]}", "{\"b\":2,\"l\":[1,{\"x\":1}]}", &seen), 4);
    assert_string_equal(seen.text, "a:1/ l[1]:/{\"x\":1} b:/2 ");
}

static void types_are_told_apart(void **state) {
    (void)state;
    struct seen seen;
    compare("{\"a\":\"1\",\"b\":null,\"c\":{}}", "{\"a\":1,\"b\":0,\"c\":[]}", &seen);
    assert_string_equal(seen.text, "a:1/1 b:null/0 c:{}/[] ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_spelling_of_numbers_make_no_difference),
        cmocka_unit_test(what_differs_is_named_by_its_path),
        cmocka_unit_test(the_last_bit_of_a_number_counts),
        cmocka_unit_test(what_one_side_lacks_is_told),
        cmocka_unit_test(types_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
