/* The JSON reader: what RFC 8259 accepts and refuses, places of errors, skipping, escapes, the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "geo/base/json_reader.h"

/* Pulls to the end; returns the status. */
static enum ww_status read_all(struct ww_str text, struct ww_error *err) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, text);
    for (;;) {
        enum ww_status st = ww_json_next(&r, &ev, err);
        if (st != WW_OK || ev.type == WW_JSON_END)
            return st;
    }
}

static void every_text_that_the_grammar_allows_is_read(void **state) {
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1.5e-3",
                                       "1E+9",
                                       "\"\"",
                                       " [ ] ",
                                       "{}",
                                       "null",
                                       "true",
                                       "false",
                                       "[1,2,[3,{\"a\":[]}]]",
                                       "{\"a\":{\"b\":null},\"c\":[true,false]}\r\n\t ",
                                       "\"\\u00e9\\n\\\"\\\\\\/\"",
                                       "\"长寿区, longer than eight bytes\"",
                                       "\"\xF0\x9F\x98\x80\"",
                                       "\"\x7F\""};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (read_all(ww_str_of(good[i]), NULL) != WW_OK)
            fail_msg("refused: %s", good[i]);
}

static void every_text_outside_the_grammar_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "-",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "NaN",
                                      "Infinity",
                                      "tru",
                                      "nul",
                                      "'a'",
                                      "\"a",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\",
                                      "\"\t\"",
                                      "\"\xFF\"",
                                      "\"\xC0\x80\"",
                                      "\"\xED\xA0\x80\"",
                                      "[1,]",
                                      "[1 2]",
                                      "[",
                                      "]",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{1:2}",
                                      "[1}",
                                      "{\"a\":1]",
                                      "1 2",
                                      "[] []",
                                      "// a\n1",
                                      "\xEF\xBB\xBF[]",
                                      "[,1]",
                                      "{\"a\" 1}",
                                      "-a",
                                      "1.e5",
                                      "truefalse"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_all(ww_str_of(bad[i]), NULL) != WW_BAD_INPUT)
            fail_msg("taken: %s", bad[i]);
}

static void a_string_may_end_at_every_offset_from_a_word_border(void **state) {
    (void)state;
    char text[64];
    for (size_t len = 0; len < 40; len++) {
        text[0] = '"';
        memset(text + 1, 'x', len);
        text[len + 1] = '"';
        struct ww_json_reader r;
        struct ww_json_event ev;
        ww_json_reader_init(&r, (struct ww_str){text, len + 2});
        assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
        assert_int_equal(ev.text.len, len);
        for (size_t at = 0; at < len; at++) { /* a control character anywhere is found */
            text[1 + at] = 0x1F;
            assert_int_equal(read_all((struct ww_str){text, len + 2}, NULL), WW_BAD_INPUT);
            text[1 + at] = 'x';
        }
    }
}

static void sixty_four_levels_are_read_and_one_more_is_refused(void **state) {
    (void)state;
    char text[2 * WW_JSON_MAX_DEPTH + 2];
    memset(text, '[', WW_JSON_MAX_DEPTH);
    memset(text + WW_JSON_MAX_DEPTH, ']', WW_JSON_MAX_DEPTH);
    assert_int_equal(read_all((struct ww_str){text, 2 * WW_JSON_MAX_DEPTH}, NULL), WW_OK);
    memset(text, '[', WW_JSON_MAX_DEPTH + 1);
    memset(text + WW_JSON_MAX_DEPTH + 1, ']', WW_JSON_MAX_DEPTH + 1);
    struct ww_error err;
    assert_int_equal(read_all((struct ww_str){text, sizeof text}, &err), WW_BAD_INPUT);
    assert_int_equal(err.offset, WW_JSON_MAX_DEPTH);
}

static void an_error_names_line_column_and_offset(void **state) {
    (void)state;
    struct ww_error err;
    assert_int_equal(read_all(WW_STR("{\"a\":1,\n  \"b\":x}"), &err), WW_BAD_INPUT);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 7);
    assert_int_equal(err.offset, 14);
}

static void after_an_error_the_reader_stays_broken(void **state) {
    (void)state;
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, WW_STR("[1,,2]"));
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_BAD_INPUT);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_BAD_INPUT);
}

static void skipping_passes_over_a_whole_value_and_gives_its_bytes(void **state) {
    (void)state;
    struct ww_json_reader r;
    struct ww_json_event ev;
    struct ww_str span;
    ww_json_reader_init(&r, WW_STR("{\"a\": {\"x\":[1,{}]} , \"b\":\"s\",\"c\":[2 ]}"));
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ww_json_skip(&r, &ev, &span, NULL), WW_OK);
    assert_true(ww_str_is(span, "{\"x\":[1,{}]}"));
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ev.type, WW_JSON_KEY);
    assert_int_equal(ww_json_skip(&r, &ev, &span, NULL), WW_OK);
    assert_true(ww_str_is(span, "\"s\""));
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ev.type, WW_JSON_ARRAY);
    assert_int_equal(ww_json_skip(&r, &ev, &span, NULL), WW_OK);
    assert_true(ww_str_is(span, "[2 ]"));
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ev.type, WW_JSON_END_OBJECT);
    assert_int_equal(ww_json_next(&r, &ev, NULL), WW_OK);
    assert_int_equal(ev.type, WW_JSON_END);
}

static void escapes_are_decoded_and_lone_surrogates_replaced(void **state) {
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {{"\"a\\n\\t\\r\\b\\f\\/\\\\\\\"\"", "a\n\t\r\b\f/\\\""},
                 {"\"\\u0041\\u00e9\\u957f\"", "A\xC3\xA9\xE9\x95\xBF"},
                 {"\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80"},
                 {"\"\\uD83Dx\"", "\xEF\xBF\xBDx"},
                 {"\"\\uDE00\"", "\xEF\xBF\xBD"},
                 {"\"\\uD83D\\uD83D\\uDE00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
                 {"\"\\uD83D\\n\"", "\xEF\xBF\xBD\n"}};
    struct ww_arena *arena = ww_arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_json_node *root;
        struct ww_str text;
        assert_int_equal(ww_json_parse(arena, ww_str_of(cases[i].json), &root, NULL), WW_OK);
        assert_true(ww_json_as_str(root, &text));
        if (!ww_str_is(text, cases[i].text))
            fail_msg("%s came out as %.*s", cases[i].json, WW_STR_ARG(text));
    }
    ww_arena_free(arena);
}

static void the_tree_finds_members_and_reads_types(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_json_node *root;
    struct ww_str text;
    double real;
    int64_t whole;
    bool truth;
    assert_int_equal(
        ww_json_parse(arena, WW_STR("{\"n\":-12,\"r\":1.5,\"s\":\"x\",\"b\":false,\"o\":{\"k\":[1, 2]}}"),
                      &root, NULL),
        WW_OK);
    assert_true(ww_json_as_i64(ww_json_get(root, "n"), &whole));
    assert_int_equal(whole, -12);
    assert_true(ww_json_as_double(ww_json_get(root, "r"), &real));
    assert_true(real == 1.5);
    assert_false(ww_json_as_i64(ww_json_get(root, "r"), &whole));
    assert_true(ww_json_as_str(ww_json_get(root, "s"), &text));
    assert_true(ww_json_as_bool(ww_json_get(root, "b"), &truth));
    assert_false(truth);
    const struct ww_json_node *list = ww_json_get(ww_json_get(root, "o"), "k");
    assert_true(ww_str_is(list->text, "[1, 2]"));
    assert_true(ww_str_is(list->child->next->text, "2"));
    assert_null(list->child->next->next);
    assert_null(ww_json_get(root, "none"));
    assert_null(ww_json_get(list, "k"));
    assert_null(ww_json_get(NULL, "k"));
    ww_arena_free(arena);
}

static void the_tree_refuses_a_key_that_is_there_twice(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_json_node *root;
    struct ww_error err;
    assert_int_equal(ww_json_parse(arena, WW_STR("{\"a\":1,\"b\":{\"a\":1},\"\\u0061\":2}"), &root, &err),
                     WW_BAD_INPUT);
    assert_string_equal(err.field, "a");
    assert_int_equal(err.offset, 28);
    char many[2000] = "{";
    size_t n = 1;
    for (int i = 0; i < 100; i++)
        n += (size_t)sprintf(many + n, "\"k%d\":%d,", i, i);
    (void)sprintf(many + n, "\"k37\":0}");
    assert_int_equal(ww_json_parse(arena, ww_str_of(many), &root, &err), WW_BAD_INPUT);
    assert_string_equal(err.field, "k37");
    (void)sprintf(many + n, "\"k100\":0}");
    assert_int_equal(ww_json_parse(arena, ww_str_of(many), &root, &err), WW_OK);
    ww_arena_free(arena);
}

static void a_tree_that_does_not_fit_says_so(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(256);
    struct ww_json_node *root;
    assert_int_equal(ww_json_parse(arena, WW_STR("[1,2,3,4,5,6,7,8]"), &root, NULL), WW_NO_MEMORY);
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_that_the_grammar_allows_is_read),
        cmocka_unit_test(every_text_outside_the_grammar_is_refused),
        cmocka_unit_test(a_string_may_end_at_every_offset_from_a_word_border),
        cmocka_unit_test(sixty_four_levels_are_read_and_one_more_is_refused),
        cmocka_unit_test(an_error_names_line_column_and_offset),
        cmocka_unit_test(after_an_error_the_reader_stays_broken),
        cmocka_unit_test(skipping_passes_over_a_whole_value_and_gives_its_bytes),
        cmocka_unit_test(escapes_are_decoded_and_lone_surrogates_replaced),
        cmocka_unit_test(the_tree_finds_members_and_reads_types),
        cmocka_unit_test(the_tree_refuses_a_key_that_is_there_twice),
        cmocka_unit_test(a_tree_that_does_not_fit_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
