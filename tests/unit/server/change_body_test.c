/* Bodies of changing requests: what is taken, and which member a mistake is pinned on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/change_body.h"

static struct ww_arena *arena;

static int open_arena(void **state) {
    (void)state;
    arena = ww_arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int close_arena(void **state) {
    (void)state;
    ww_arena_free(arena);
    return 0;
}

#define CONFIG "{\"thing\":\"s\",\"property\":\"p\",\"value\":\"v\",\"time\":\"t\"}"

static void test_a_feed_is_read_and_what_is_not_given_is_told_apart(void **state) {
    struct ww_feed_body body;
    struct ww_error err;
    (void)state;
    const char *whole = "{\"name\":\"air-1\",\"config\":" CONFIG ",\"enabled\":false}";
    assert_int_equal(ww_feed_body_read(arena, ww_str_of(whole), true, &body, &err), WW_OK);
    assert_true(ww_str_is(body.name, "air-1"));
    assert_true(ww_str_is(body.config, CONFIG));
    assert_true(ww_str_is(body.enabled, "false"));
    assert_null(body.title.ptr);
    assert_int_equal(ww_feed_body_read(arena, WW_STR("{\"title\":\"\"}"), false, &body, &err), WW_OK);
    assert_non_null(body.title.ptr);
    assert_null(body.config.ptr);
}

static void test_a_bad_feed_names_its_member(void **state) {
    static const char *const cases[][2] = {
        {"{\"config\":" CONFIG "}", "name"},
        {"{\"name\":\"Air\",\"config\":" CONFIG "}", "name"},
        {"{\"name\":\"-air\",\"config\":" CONFIG "}", "name"},
        {"{\"name\":\"a\",\"config\":[]}", "config"},
        {"{\"name\":\"a\",\"config\":" CONFIG ",\"enabled\":1}", "enabled"},
        {"{\"name\":\"a\",\"config\":" CONFIG ",\"x\":1}", "x"},
        {"[]", ""},
        {"{", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ww_feed_body body;
        struct ww_error err;
        assert_int_equal(ww_feed_body_read(arena, ww_str_of(cases[i][0]), true, &body, &err), WW_BAD_INPUT);
        assert_string_equal(err.field, cases[i][1]);
    }
}

#define RULE(severity, config)                                                                               \
    "{\"code\":\"r\",\"name_zh\":\"z\",\"name_en\":\"e\",\"detector\":\"limit\",\"severity\":" severity      \
    ",\"config\":" config "}"
#define LIMITED "{\"property\":\"cod\",\"standard\":\"S\",\"averaging\":\"24h\""

static void test_a_rule_is_read_with_its_config(void **state) {
    struct ww_rule_body body;
    struct ww_error err;
    (void)state;
    const char *text = RULE("4", LIMITED ",\"fire\":[2,24]}");
    assert_int_equal(ww_rule_body_read(arena, ww_str_of(text), true, &body, &err), WW_OK);
    assert_int_equal(body.severity, 4);
    assert_true(body.enabled);
    assert_true(ww_str_is(body.facts.property, "cod"));
    assert_true(ww_str_is(body.facts.standard, "S"));
    assert_true(ww_str_is(body.facts.feed, ""));
}

static void test_a_bad_rule_names_its_member(void **state) {
    static const char *const cases[][2] = {
        {RULE("0", LIMITED "}"), "severity"},
        {RULE("1.5", LIMITED "}"), "severity"},
        {RULE("1", LIMITED ",\"fire\":[2,25]}"), "config.fire"},
        {RULE("1", LIMITED ",\"clear\":[0,1]}"), "config.clear"},
        {RULE("1", "{\"property\":\"cod\"}"), "config.standard"},
        {RULE("1", LIMITED ",\"who\":1}"), "config.who"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ww_rule_body body;
        struct ww_error err;
        assert_int_equal(ww_rule_body_read(arena, ww_str_of(cases[i][0]), true, &body, &err), WW_BAD_INPUT);
        assert_string_equal(err.field, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_feed_is_read_and_what_is_not_given_is_told_apart),
        cmocka_unit_test(test_a_bad_feed_names_its_member),
        cmocka_unit_test(test_a_rule_is_read_with_its_config),
        cmocka_unit_test(test_a_bad_rule_names_its_member),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
