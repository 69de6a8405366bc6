/* The table of detectors: each is found by its name, says what its config refers to, and pins a mistake on
 * its member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/rule_kind.h"

static enum ww_status check(struct ww_arena *arena, const char *detector, const char *config,
                            struct ww_rule_facts *facts, struct ww_error *err) {
    const struct ww_rule_kind *kind = ww_rule_kind_find(ww_str_of(detector));
    if (!kind)
        fail_msg("there is no %s", detector);
    return kind->check(kind, arena, ww_str_of(config), facts, err);
}

static void every_word_is_a_detector_and_nothing_else_is(void **state) {
    (void)state;
    const char *word = ww_rule_kind_words();
    int n = 0;
    for (size_t len; *word; word += len + (word[len] == '|'), n++) {
        len = strcspn(word, "|");
        const struct ww_rule_kind *kind = ww_rule_kind_find((struct ww_str){word, len});
        assert_non_null(kind);
        assert_int_equal(strlen(kind->detector), len);
    }
    assert_true(n >= 3);
    assert_null(ww_rule_kind_find(WW_STR("limits")));
    assert_null(ww_rule_kind_find(WW_STR("")));
}

static void facts_name_what_the_config_refers_to(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_rule_facts f;
    struct ww_error err;
    assert_int_equal(
        check(arena, "limit",
              "{\"property\":\"cod\",\"standard\":\"S\",\"averaging\":\"24h\",\"limit_class\":\"c\"}", &f,
              &err),
        WW_OK);
    assert_true(ww_str_is(f.property, "cod") && ww_str_is(f.standard, "S"));
    assert_true(ww_str_is(f.averaging, "24h") && ww_str_is(f.limit_class, "c"));
    assert_true(ww_str_is(f.feed, "") && ww_str_is(f.wards, ""));
    assert_int_equal(check(arena, "silence", "{\"feed\":\"air\",\"multiple\":3}", &f, &err), WW_OK);
    assert_true(ww_str_is(f.feed, "air") && ww_str_is(f.property, "") && ww_str_is(f.standard, ""));
    assert_int_equal(check(arena, "clock_drift", "{\"multiple\":3}", &f, &err), WW_BAD_INPUT);
    assert_string_equal(err.field, "multiple");
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_a_detector_and_nothing_else_is),
        cmocka_unit_test(facts_name_what_the_config_refers_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
