/* Topic patterns against topics, and the content type that carries a topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/decode/decode.h"

struct match_case {
    const char *pattern, *topic, *filter;
    bool matches;
    const char *values; /* with a bar behind each */
};

static const struct match_case cases[] = {
    {"a", "a", "a", true, ""},
    {"a", "b", "a", false, ""},
    {"a", "a/", "a", false, ""},
    {"a/", "a/", "a/", true, ""},
    {"/a", "/a", "/a", true, ""},
    {"a/{x}", "a/1", "a/+", true, "1|"},
    {"a/{x}", "a", "a/+", false, ""},
    {"a/{x}", "a/", "a/+", true, "|"},
    {"a/{x}", "a/1/2", "a/+", false, ""},
    {"{x}/+/{y}", "1/2/3", "+/+/+", true, "1|3|"},
    {"#", "a/b/c", "#", true, ""},
    {"#", "$SYS/x", "#", false, ""},
    {"{x}/y", "$SYS/y", "+/y", false, ""},
    {"$SYS/{x}", "$SYS/up", "$SYS/+", true, "up|"},
    {"a/{x}/#", "a/1", "a/+/#", true, "1|"},
    {"a/{x}/#", "a/1/2/3", "a/+/#", true, "1|"},
    {"a/#", "a", "a/#", true, ""},
    {"a/#", "ab", "a/#", false, ""},
    {"a//b", "a//b", "a//b", true, ""},
};

static void a_pattern_matches_as_mqtt_says_and_keeps_what_it_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct match_case *c = &cases[i];
        struct ww_arena *arena = ww_arena_new(1 << 16);
        struct ww_topic_pattern p;
        struct ww_str values[8];
        char got[100] = "";
        assert_int_equal(ww_topic_pattern_parse(ww_str_of(c->pattern), arena, &p, NULL), WW_OK);
        assert_true(ww_str_is(p.filter, c->filter));
        bool matches = ww_topic_pattern_match(&p, ww_str_of(c->topic), values);
        if (matches != c->matches)
            fail_msg("\"%s\" and \"%s\"", c->pattern, c->topic);
        for (uint32_t k = 0, n = 0; matches && k < p.n_levels; k++) {
            if (p.levels[k].kind != WW_TOPIC_NAME)
                continue;
            (void)strncat(got, values[n].ptr, values[n].len);
            (void)strcat(got, "|");
            n++;
        }
        assert_string_equal(got, c->values);
        assert_int_equal(ww_topic_pattern_match(&p, ww_str_of(c->topic), NULL), matches);
        ww_arena_free(arena);
    }
}

static void a_topic_is_carried_as_a_token(void **state) {
    (void)state;
    struct ww_buf out;
    ww_buf_init(&out, 1000);
    assert_int_equal(ww_content_type_with_topic(WW_STR("text/plain"), WW_STR("a/B-1; %\xE9\n"), &out), WW_OK);
    assert_true(ww_str_is(ww_buf_str(&out), "text/plain; topic=a%2FB-1%3B%20%25%E9%0A"));
    ww_buf_clear(&out);
    ww_buf_init(&out, 8);
    assert_int_equal(ww_content_type_with_topic(WW_STR("text/plain"), WW_STR("a"), &out), WW_TOO_LARGE);
    ww_buf_clear(&out);
}

static void every_format_has_a_content_type_that_leads_back(void **state) {
    (void)state;
    static const enum ww_format formats[] = {WW_FORMAT_NDJSON, WW_FORMAT_JSON, WW_FORMAT_GEOJSON,
                                             WW_FORMAT_CSV,    WW_FORMAT_TEXT, WW_FORMAT_NGSI_LD,
                                             WW_FORMAT_HJ212,  WW_FORMAT_AUTO};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        assert_int_equal(ww_format_of_content_type(ww_format_content_type(formats[i])), formats[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_as_mqtt_says_and_keeps_what_it_names),
        cmocka_unit_test(a_topic_is_carried_as_a_token),
        cmocka_unit_test(every_format_has_a_content_type_that_leads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
