/* Which page a pulled feed asks for next, for each way of paging; what a body says about the page after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/gateway/pull_page.h"
#include "ingest/gateway/pull_round.h"

#define HOME   "http://api.example.org/data?k=v"
#define MINUTE (60 * WW_SECOND_US)
#define NOON   (INT64_C(1780056000) * WW_SECOND_US) /* 2026-05-29T12:00:00Z */

static struct ww_pull_source source_by(enum ww_paging paging) {
    return (struct ww_pull_source){.url = WW_STR(HOME),
                                   .paging = paging,
                                   .param = WW_STR("page"),
                                   .size_param = WW_STR("limit"),
                                   .field = WW_STR(""),
                                   .from = WW_STR("from"),
                                   .to = WW_STR("to"),
                                   .time_format = WW_STR("epoch"),
                                   .window_s = 600,
                                   .start_us = WW_INSTANT_NONE};
}

static void ask(struct ww_pull_round *round, const char *expected) {
    struct ww_error err;
    assert_int_equal(ww_pull_round_ask(round, NULL, &err), WW_OK);
    assert_string_equal(round->url.data, expected);
}

static bool take(struct ww_pull_round *round, const char *body) {
    const struct ww_pull_page page = {.url = round->url.data,
                                      .body = ww_str_of(body),
                                      .link = WW_STR(""),
                                      .format = WW_FORMAT_JSON,
                                      .records = WW_STR("")};
    struct ww_error err;
    assert_int_equal(ww_pull_round_read(round, &page, &err), WW_OK);
    ww_pull_round_move(round);
    return round->more;
}

static void assert_position(const struct ww_pull_round *round, const char *expected) {
    assert_true(ww_str_is(ww_buf_str(&round->position), expected));
}

static void test_pages_are_counted_until_one_is_short(void **state) {
    (void)state;
    struct ww_pull_source source = source_by(WW_PAGING_PAGE);
    struct ww_pull_round round;
    source.first = 1;
    source.size = 2;
    ww_pull_round_init(&round, &source);
    ww_pull_round_begin(&round, NOON);
    ask(&round, HOME "&page=1&limit=2");
    assert_true(take(&round, "[1,2]"));
    ask(&round, HOME "&page=2&limit=2");
    assert_false(take(&round, "[1]"));
    assert_position(&round, "");
    ww_pull_round_clear(&round);
}

static void test_an_offset_grows_by_the_size_of_a_page(void **state) {
    (void)state;
    struct ww_pull_source source = source_by(WW_PAGING_OFFSET);
    struct ww_pull_round round;
    source.size = 3;
    ww_pull_round_init(&round, &source);
    ww_pull_round_begin(&round, NOON);
    ask(&round, HOME "&page=0&limit=3");
    assert_true(take(&round, "[1,2,3]"));
    assert_position(&round, "3");
    ask(&round, HOME "&page=3&limit=3");
    assert_true(take(&round, "[1,2,3]"));
    ask(&round, HOME "&page=6&limit=3");
    assert_false(take(&round, "[]"));
    ww_pull_round_clear(&round);
}

static void test_a_window_is_left_when_all_its_pages_are_stored(void **state) {
    (void)state;
    struct ww_pull_source source = source_by(WW_PAGING_TIME);
    struct ww_pull_round round;
    source.first = 1;
    source.size = 2;
    source.start_us = NOON - 15 * MINUTE;
    ww_pull_round_init(&round, &source);
    ww_pull_round_begin(&round, NOON);
    ask(&round, HOME "&from=1780055100&to=1780055700&page=1&limit=2");
    assert_true(take(&round, "[1,2]"));
    assert_position(&round, "");
    ask(&round, HOME "&from=1780055100&to=1780055700&page=2&limit=2");
    assert_true(take(&round, "[1]"));
    assert_position(&round, "2026-05-29T11:55:00Z");
    ask(&round, HOME "&from=1780055700&to=1780056000&page=1&limit=2");
    assert_true(take(&round, "[1,2]"));
    /* Another process, or a failure: the window begins with its first page, up to its new end. */
    ww_pull_round_begin(&round, NOON + MINUTE);
    ask(&round, HOME "&from=1780055700&to=1780056060&page=1&limit=2");
    assert_false(take(&round, ""));
    assert_position(&round, "2026-05-29T12:01:00Z");
    ww_pull_round_clear(&round);
}

static void test_a_window_whose_records_can_not_be_counted_stays(void **state) {
    (void)state;
    struct ww_pull_source source = source_by(WW_PAGING_TIME);
    struct ww_pull_round round;
    struct ww_error err;
    source.size = 2;
    ww_pull_round_init(&round, &source);
    ww_pull_round_begin(&round, NOON);
    assert_int_equal(ww_pull_round_ask(&round, NULL, &err), WW_OK);
    const struct ww_pull_page page = {
        .url = HOME, .body = WW_STR("{\"rows\":[1]}"), .format = WW_FORMAT_JSON};
    assert_int_equal(ww_pull_round_read(&round, &page, &err), WW_BAD_INPUT);
    ww_pull_round_move(&round);
    assert_position(&round, "");
    ww_pull_round_clear(&round);
}

/* ---- Members ---- */

static const struct member_case {
    const char *body, *path, *expected; /* NULL: it is refused */
} members[] = {
    {"{\"@iot.nextLink\":\"?$skip=2\"}", "@iot.nextLink", "?$skip=2"},
    {"{\"meta\":{\"cursor\":17}}", "meta.cursor", "17"},
    {"{\"meta\":{\"cursor\":null}}", "meta.cursor", ""},
    {"{\"meta\":[1]}", "meta.cursor", ""},
    {"{\"links\":[{\"rel\":\"self\",\"href\":\"/a\"},{\"type\":\"x\",\"href\":\"\\/b\",\"rel\":\"next\"}]}",
     "links", "/b"},
    {"{\"links\":[{\"rel\":\"self\",\"href\":\"/a\"},7,null,[1,{\"rel\":\"next\"}]]}", "links", ""},
    {"{\"links\":[{\"rel\":\"next\",\"href\":5}]}", "links", ""},
    {"{\"links\":[{\"rel\":\"next\",\"href\":\"/1\",\"body\":{\"href\":\"/"
     "x\"}},{\"rel\":\"next\",\"href\":\"/2\"}]}",
     "links", "/1"},
    {"{\"links\":[{\"rel\":\"next\",\"href\":\"a\\nb\"}]}", "links", NULL},
    {"{\"links\":[{\"rel\":\"next\",", "links", NULL},
};

static void test_the_next_page_is_found_in_a_member_or_a_list_of_links(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct ww_buf out;
        struct ww_error err;
        ww_buf_init(&out, 1024);
        enum ww_status st =
            ww_pull_member(ww_str_of(members[i].body), ww_str_of(members[i].path), &out, &err);
        if (!members[i].expected)
            assert_int_equal(st, WW_BAD_INPUT);
        else if (st != WW_OK || !ww_str_is(ww_buf_str(&out), members[i].expected))
            fail_msg("%s: \"%.*s\", not \"%s\"", members[i].body, (int)out.len, out.data,
                     members[i].expected);
        ww_buf_clear(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_are_counted_until_one_is_short),
        cmocka_unit_test(test_an_offset_grows_by_the_size_of_a_page),
        cmocka_unit_test(test_a_window_is_left_when_all_its_pages_are_stored),
        cmocka_unit_test(test_a_window_whose_records_can_not_be_counted_stays),
        cmocka_unit_test(test_the_next_page_is_found_in_a_member_or_a_list_of_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
