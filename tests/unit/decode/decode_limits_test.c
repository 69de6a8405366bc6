/* Limits of decoding: rows, memory, names, formats by content type, and the dictionary of series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/buf.h"
#include "ingest/decode/decode.h"

static const char plain_config[] =
    "{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":\"u\",\"time\":\"at\",\"keep\":[\"note\"]}";

static struct ww_feed_config *parse_config(const char *json) {
    struct ww_feed_config *config = NULL;
    struct ww_error err;
    if (ww_feed_config_parse(ww_str_of(json), &config, &err) != WW_OK)
        fail_msg("%s", err.message);
    return config;
}

static void write_lines(struct ww_buf *out, int lines, int things) {
    ww_buf_init(out, 16 << 20);
    for (int i = 0; i < lines; i++)
        ww_buf_printf(out,
                      "{\"t\":\"T%d\",\"p\":\"cod\",\"u\":\"%s\",\"v\":%d,\"at\":\"2026-11-23T01:02:03Z\","
                      "\"note\":\"n\\u00e9\"}\n",
                      i % things, i % 2 ? "mg/L" : "g/L", i);
}

static void more_values_than_allowed_are_too_large(void **state) {
    (void)state;
    struct ww_feed_config *config = parse_config(plain_config);
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_batch batch;
    struct ww_error err;
    struct ww_buf body;
    write_lines(&body, 10, 3);
    assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 10, arena, &batch, &err), WW_OK);
    assert_int_equal(batch.n_rows, 10);
    assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 9, arena, &batch, &err),
                     WW_TOO_LARGE);
    ww_buf_text(&body, "broken\n"); /* dead rows count as well */
    assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 10, arena, &batch, &err),
                     WW_TOO_LARGE);
    ww_buf_clear(&body);
    ww_arena_free(arena);
    ww_feed_config_free(config);
}

static void the_dictionary_names_each_series_once(void **state) {
    (void)state;
    struct ww_feed_config *config = parse_config(plain_config);
    struct ww_arena *arena = ww_arena_new(32 << 20);
    struct ww_batch batch;
    struct ww_buf body;
    write_lines(&body, 6000, 1001); /* odd number of things: each occurs with both units */
    assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 10000, arena, &batch, NULL),
                     WW_OK);
    assert_int_equal(batch.n_rows, 6000);
    assert_int_equal(batch.n_series, 2002);
    for (uint32_t i = 0; i < batch.n_rows; i++) {
        char thing[16];
        const struct ww_series_name *s = &batch.series[batch.series_of[i]];
        (void)snprintf(thing, sizeof thing, "T%u", i % 1001);
        assert_true(ww_str_is(s->thing, thing));
        assert_true(ww_str_is(s->unit, i % 2 ? "mg/L" : "g/L"));
        assert_true(batch.value[i] == (double)i);
        assert_int_equal(batch.line[i], i + 1);
    }
    ww_buf_clear(&body);
    ww_arena_free(arena);
    ww_feed_config_free(config);
}

static void a_full_arena_is_too_large_and_never_a_crash(void **state) {
    (void)state;
    struct ww_feed_config *config = parse_config(plain_config);
    struct ww_buf body;
    bool done = false;
    write_lines(&body, 100, 7);
    for (size_t ceiling = 256; !done; ceiling += 256) {
        struct ww_arena *arena = ww_arena_new(ceiling);
        struct ww_batch batch;
        struct ww_error err;
        enum ww_status st = ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 1000, arena, &batch, &err);
        done = st == WW_OK;
        assert_true(st == WW_OK || st == WW_TOO_LARGE);
        assert_true(ceiling < 1 << 20);
        ww_arena_free(arena);
    }
    ww_buf_clear(&body);
    ww_feed_config_free(config);
}

static void any_failing_allocation_is_reported(void **state) {
    (void)state;
    struct ww_buf body;
    bool done = false;
    write_lines(&body, 100, 7);
    for (long n = 1; !done; n++) {
        struct ww_feed_config *config = NULL;
        struct ww_arena *arena = NULL;
        struct ww_batch batch;
        struct ww_error err;
        ww_alloc_fail_after(n);
        enum ww_status st = ww_feed_config_parse(ww_str_of(plain_config), &config, &err);
        assert_true(st == WW_OK || st == WW_NO_MEMORY);
        if (st == WW_OK && (arena = ww_arena_new(1 << 20)) != NULL) {
            st = ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 1000, arena, &batch, &err);
            assert_true(st == WW_OK || st == WW_TOO_LARGE);
            done = st == WW_OK && n > 1;
        }
        ww_alloc_fail_after(0);
        ww_arena_free(arena);
        ww_feed_config_free(config);
        assert_true(n < 1000);
    }
    ww_buf_clear(&body);
}

static void kept_fields_beyond_a_mebibyte_kill_their_own_record_only(void **state) {
    (void)state;
    struct ww_feed_config *config = parse_config(plain_config);
    struct ww_arena *arena = ww_arena_new(16 << 20);
    struct ww_batch batch;
    struct ww_buf body;
    write_lines(&body, 1, 1);
    ww_buf_text(&body,
                "{\"t\":\"B\",\"p\":\"cod\",\"u\":\"\",\"v\":1,\"at\":\"2026-11-23T01:02:03Z\",\"note\":\"");
    for (int i = 0; i < (1 << 20) / 16 + 1; i++)
        ww_buf_text(&body, "0123456789abcdef");
    ww_buf_text(&body, "\"}\n");
    struct ww_str first = ww_buf_str(&body);
    ww_buf_str_add(&body, (struct ww_str){first.ptr, 60});
    assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 10, arena, &batch, NULL), WW_OK);
    assert_int_equal(batch.n_rows, 1);
    assert_int_equal(batch.n_dead, 2); /* the endless one, and the last line, cut off */
    assert_string_equal(batch.dead[0].field, "keep");
    ww_buf_clear(&body);
    ww_arena_free(arena);
    ww_feed_config_free(config);
}

static void names_end_at_their_limits(void **state) {
    (void)state;
    struct ww_feed_config *config = parse_config(plain_config);
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_batch batch;
    struct ww_buf body;
    static const struct {
        int thing, property, unit;
        const char *dead_field;
    } cases[] = {{128, 64, 64, NULL}, {129, 1, 0, "thing"}, {1, 65, 0, "property"}, {1, 1, 65, "unit"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ww_buf_init(&body, 4096);
        ww_buf_printf(&body, "{\"t\":\"%0*d\",\"p\":\"%0*d\",\"u\":\"%.*s\",\"v\":1,\"at\":\"2026-11-23\"}\n",
                      cases[i].thing, 0, cases[i].property, 0, cases[i].unit,
                      "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu");
        assert_int_equal(ww_decode(config, WW_FORMAT_NDJSON, ww_buf_str(&body), 10, arena, &batch, NULL),
                         WW_OK);
        assert_int_equal(batch.n_dead, cases[i].dead_field ? 1 : 0);
        if (cases[i].dead_field)
            assert_string_equal(batch.dead[0].field, cases[i].dead_field);
        ww_buf_clear(&body);
    }
    ww_arena_free(arena);
    ww_feed_config_free(config);
}

static void content_types_name_formats_whatever_their_case_and_parameters(void **state) {
    (void)state;
    assert_int_equal(ww_format_of_content_type(WW_STR("application/x-ndjson")), WW_FORMAT_NDJSON);
    assert_int_equal(ww_format_of_content_type(WW_STR("Application/JSON; charset=utf-8")), WW_FORMAT_JSON);
    assert_int_equal(ww_format_of_content_type(WW_STR(" application/geo+json ")), WW_FORMAT_GEOJSON);
    assert_int_equal(ww_format_of_content_type(WW_STR("text/csv;header=present")), WW_FORMAT_CSV);
    assert_int_equal(ww_format_of_content_type(WW_STR("text/plain")), WW_FORMAT_TEXT);
    assert_int_equal(ww_format_of_content_type(WW_STR("text/csvx")), WW_FORMAT_AUTO);
    assert_int_equal(ww_format_of_content_type(WW_STR_NONE), WW_FORMAT_AUTO);
}

static void the_first_bytes_tell_the_format_when_nobody_says_it(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"t\":\"A\",\"p\":\"p\",\"v\":1,\"at\":\"2026-11-23\"}\n{\"t\":\"B\",\"p\":\"p\",\"v\":1,\"at\":"
        "\"2026-11-23\"}\n",
        "[{\"t\":\"A\",\"p\":\"p\",\"v\":1,\"at\":\"2026-11-23\"},\n{\"t\":\"B\",\"p\":\"p\",\"v\":1,\"at\":"
        "\"2026-11-23\"}]",
        "\xEF\xBB\xBFt,p,v,u,at,note\nA,p,1,,2026-11-23,\nB,p,1,,2026-11-23,\n",
        "{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{\"t\":\"A\",\"p\":\"p\",\"v\":1,"
        "\"at\":\"2026-11-23\"}},"
        "{\"properties\":{\"t\":\"B\",\"p\":\"p\",\"v\":1,\"at\":\"2026-11-23\"}}]}"};
    struct ww_feed_config *config = parse_config(plain_config);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_batch batch;
        assert_int_equal(ww_decode(config, WW_FORMAT_AUTO, ww_str_of(bodies[i]), 10, arena, &batch, NULL),
                         WW_OK);
        assert_int_equal(batch.n_rows, 2);
        assert_int_equal(batch.n_dead, 0);
        ww_arena_free(arena);
    }
    ww_feed_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_values_than_allowed_are_too_large),
        cmocka_unit_test(the_dictionary_names_each_series_once),
        cmocka_unit_test(a_full_arena_is_too_large_and_never_a_crash),
        cmocka_unit_test(any_failing_allocation_is_reported),
        cmocka_unit_test(kept_fields_beyond_a_mebibyte_kill_their_own_record_only),
        cmocka_unit_test(names_end_at_their_limits),
        cmocka_unit_test(content_types_name_formats_whatever_their_case_and_parameters),
        cmocka_unit_test(the_first_bytes_tell_the_format_when_nobody_says_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
