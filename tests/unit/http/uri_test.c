/* Request targets: decoding, dot segments, parameters, forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/base/buf.h"
#include "server/http/uri.h"

static const struct {
    const char *target;
    const char *expected; /* path, then |name=value each; NULL: refused */
} cases[] = {
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/%E5%8C%BA", "/\xe5\x8c\xba"},
    {"/a%20b+c", "/a b+c"},
    {"/a%2520", "/a%20"},
    {"/Things('a%2Fb')", "/Things('a/b')"},
    {"/a...b/.c/..d", "/a...b/.c/..d"},
    {"//a", "//a"},
    {"/a?", "/a"},
    {"/a?x=1&y=2", "/a|x=1|y=2"},
    {"/a?x", "/a|x="},
    {"/a?x=", "/a|x="},
    {"/a?x=1=2", "/a|x=1=2"},
    {"/a?&&x=1&", "/a|x=1"},
    {"/a?q=a+b%2Bc%26d", "/a|q=a b+c&d"},
    {"/a?%78=1", "/a|x=1"},
    {"/a?b=?/..", "/a|b=?/.."},
    {"http://host:80/a?b=c", "/a|b=c"},
    {"HTTP://HOST:80/a", "/a"},
    {"http://host:80", "/"},
    {"http://host:80?b", NULL},
    {"http://other/a", NULL},
    {"http://host:80@other/a", NULL},
    {"http:///a", NULL},
    {"https://host:80/a", NULL},
    {"host:80", NULL},
    {"*", NULL},
    {"a", NULL},
    {"?a", NULL},
    {"/a#b", NULL},
    {"/.", NULL},
    {"/..", NULL},
    {"/a/../b", NULL},
    {"/a/./b", NULL},
    {"/a/%2e%2E/b", NULL},
    {"/a/%2e./b", NULL},
    {"/a%2F..%2Fb", NULL},
    {"/a%2F..", NULL},
    {"/%00", NULL},
    {"/%0d%0aX:%20y", NULL},
    {"/%7f", NULL},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4g", NULL},
    {"/%u0041", NULL},
    {"/%ff", NULL},
    {"/%c0%ae", NULL},
    {"/a?x=%00", NULL},
    {"/a?x=%zz", NULL},
    {"/a?x=%ff", NULL},
    {"/a?x=1&x=2", NULL},
    {"/a?x=1&%78=2", NULL},
};

static void each_target_is_read_or_refused_as_the_table_says(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_http_uri uri;
        struct ww_error err;
        struct ww_buf got;
        ww_buf_init(&got, 4096);
        enum ww_status st =
            ww_http_uri_parse(arena, ww_str_of(cases[i].target), WW_STR("host:80"), &uri, &err);
        if (st == WW_OK) {
            ww_buf_str_add(&got, uri.path);
            for (int p = 0; p < uri.param_count; p++)
                ww_buf_printf(&got, "|%.*s=%.*s", WW_STR_ARG(uri.params[p].name),
                              WW_STR_ARG(uri.params[p].value));
        }
        bool good = cases[i].expected ? st == WW_OK && ww_str_is(ww_buf_str(&got), cases[i].expected)
                                      : st == WW_BAD_INPUT;
        if (!good) {
            print_error("%s: %d %s\n", cases[i].target, st, got.data ? got.data : "");
            wrong++;
        }
        ww_buf_clear(&got);
        ww_arena_free(arena);
    }
    assert_int_equal(wrong, 0);
}

static void more_than_a_hundred_parameters_are_refused(void **state) {
    (void)state;
    for (int n = 100; n <= 101; n++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_http_uri uri;
        struct ww_buf target;
        ww_buf_init(&target, 1 << 16);
        ww_buf_text(&target, "/?");
        for (int i = 0; i < n; i++)
            ww_buf_printf(&target, "p%d=%d&", i, i);
        enum ww_status st = ww_http_uri_parse(arena, ww_buf_str(&target), WW_STR("h"), &uri, NULL);
        assert_int_equal(st, n == 100 ? WW_OK : WW_BAD_INPUT);
        ww_buf_clear(&target);
        ww_arena_free(arena);
    }
}

static void a_repeated_parameter_is_named_in_the_error(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_http_uri uri;
    struct ww_error err;
    assert_int_equal(ww_http_uri_parse(arena, WW_STR("/?ward=1&ward=2"), WW_STR("h"), &uri, &err),
                     WW_BAD_INPUT);
    assert_string_equal(err.field, "ward");
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_is_read_or_refused_as_the_table_says),
        cmocka_unit_test(more_than_a_hundred_parameters_are_refused),
        cmocka_unit_test(a_repeated_parameter_is_named_in_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
