/* What hostile filters meet: every bound of cql2.h, told as such and at once; and memory that runs out
 * anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "server/cql2/cql2.h"

#define COLUMN(name, type)                                                                                   \
    { WW_STR(name), WW_CQL2_##type, WW_STR("t." name) }
static const struct ww_cql2_property columns[] = {COLUMN("s", TEXT),    COLUMN("n", INTEGER),
                                                  COLUMN("b", BOOLEAN), COLUMN("g", GEOMETRY),
                                                  COLUMN("t", INSTANT), COLUMN("a", ARRAY)};
static const struct ww_cql2_schema schema = {columns, 6, 4490};

/* `head`, `n` times `piece`, `middle`, `n` times `close`, `tail`. */
static struct ww_buf make(const char *head, const char *piece, size_t n, const char *middle,
                          const char *close, const char *tail) {
    struct ww_buf out;
    ww_buf_init(&out, 64 << 20);
    ww_buf_text(&out, head);
    for (size_t i = 0; i < n; i++)
        ww_buf_text(&out, piece);
    ww_buf_text(&out, middle);
    for (size_t i = 0; i < n; i++)
        ww_buf_text(&out, close);
    ww_buf_text(&out, tail);
    assert_int_equal(ww_buf_status(&out), WW_OK);
    return out;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The status of reading, then of writing SQL; `words` must be in the message. */
static void expect(struct ww_buf filter, bool json, enum ww_status expected, const char *words) {
    struct ww_arena *arena = ww_arena_new(256 << 20);
    struct ww_cql2_expr *expr;
    struct ww_error err = {.message = ""};
    struct ww_pg_args args;
    struct ww_buf sql;
    double began = seconds();
    ww_pg_args_init(&args);
    ww_buf_init(&sql, 64 << 20);
    enum ww_status st = (json ? ww_cql2_parse_json : ww_cql2_parse_text)(ww_buf_str(&filter), &schema,
                                                                         WW_CQL2_CRS84, arena, &expr, &err);
    if (st == WW_OK)
        st = ww_cql2_to_sql(expr, &schema, &sql, &args, &err);
    if (st != expected || !strstr(err.message, words))
        fail_msg("%.80s…: %s, %s, not %s, %s", filter.data, ww_status_name(st), err.message,
                 ww_status_name(expected), words);
    assert_true(seconds() - began < 2); /* of CPU; a megabyte takes some hundredths */
    ww_pg_args_clear(&args);
    ww_buf_clear(&sql);
    ww_buf_clear(&filter);
    ww_arena_free(arena);
}

static void what_is_nested_too_deeply_is_refused(void **state) {
    (void)state;
    expect(make("", "(", 60, "b", ")", ""), false, WW_OK, "");
    expect(make("", "(", 65, "b", ")", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("", "(", 400000, "b", ")", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("", "NOT ", 23, "b", "", ""), false, WW_OK, "");
    expect(make("", "NOT ", 24, "b", "", ""), false, WW_TOO_LARGE, "nested more than 24 deep");
    expect(make("", "NOT ", 200000, "b", "", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("n = ", "-", 500000, "n", "", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("n = 2", " ^ 2", 200000, "", "", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("n = 1", " + 1", 100, "", "", ""), false, WW_TOO_LARGE, "nested more than 24 deep");
    expect(make("s = ", "CASEI(", 100000, "s", ")", ""), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("A_EQUALS(a, ", "[", 100000, "1", "]", ")"), false, WW_TOO_LARGE, "nested more than 64 deep");
    expect(make("", "{\"op\":\"not\",\"args\":[", 20, "true", "]}", ""), true, WW_OK, "");
    expect(make("", "{\"op\":\"not\",\"args\":[", 24, "true", "]}", ""), true, WW_TOO_LARGE,
           "nested more than 24 deep");
    expect(make("", "{\"op\":\"not\",\"args\":[", 40000, "true", "]}", ""), true, WW_BAD_INPUT, "deep");
    expect(make("", "[", 500000, "", "]", ""), true, WW_BAD_INPUT, "deep");
}

static void what_is_too_long_is_refused(void **state) {
    (void)state;
    expect(make("b", " OR b", 4000, "", "", ""), false, WW_OK, "");
    expect(make("b", " OR b", 200000, "", "", ""), false, WW_TOO_LARGE, "at most 4096");
    expect(make("n IN (1", ",1", 999, ")", "", ""), false, WW_OK, "");
    expect(make("n IN (1", ",1", 1000, ")", "", ""), false, WW_TOO_LARGE, "");
    expect(make("n IN (1", ",1", 500000, ")", "", ""), false, WW_TOO_LARGE, "at most 1000");
    expect(make("A_EQUALS(a, (1", ",1", 1000, "))", "", ""), false, WW_TOO_LARGE, "at most 1000");
    expect(make("{\"op\":\"in\",\"args\":[{\"property\":\"n\"},[1", ",1", 400000, "]]}", "", ""), true,
           WW_TOO_LARGE, "at most 1000");
    expect(make("S_INTERSECTS(g, g", ", g", 200000, ")", "", ""), false, WW_BAD_INPUT, "takes 2 operands");
    expect(make("s = '", "x", WW_CQL2_MAX_BYTES - 6, "'", "", ""), false, WW_OK, "");
    expect(make("s = '", "x", WW_CQL2_MAX_BYTES, "'", "", ""), false, WW_TOO_LARGE, "at most 1048576 bytes");
    expect(make("\"", "x", WW_CQL2_MAX_BYTES, "\"", "", ""), true, WW_TOO_LARGE, "at most 1048576 bytes");
    expect(make("n = ", "9", 1000000, "", "", ""), false, WW_BAD_INPUT, "not a number");
    expect(make("s LIKE '", "%_", 500000, "'", "", ""), false, WW_OK, "");
    expect(make("CASEI(s) LIKE CASEI('", "\\%ß", 200000, "')", "", ""), false, WW_OK, "");
}

static void geometries_have_a_ceiling(void **state) {
    (void)state;
    expect(make("S_INTERSECTS(g, LINESTRING(0 0", ",1 1", 19999, "))", "", ""), false, WW_OK, "");
    expect(make("S_INTERSECTS(g, LINESTRING(0 0", ",1 1", 20000, "))", "", ""), false, WW_TOO_LARGE,
           "at most 20000");
    expect(make("S_INTERSECTS(g, MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0))", ",((0 0, 1 0, 1 1, 0 0))", 30000, "))",
                "", ""),
           false, WW_TOO_LARGE, "at most 20000");
    expect(make("S_INTERSECTS(g, POINT(1 1))", " OR S_INTERSECTS(g, POINT(1 1))", 126, "", "", ""), false,
           WW_OK, "");
    expect(make("S_INTERSECTS(g, POINT(1 1))", " OR S_INTERSECTS(g, POINT(1 1))", 128, "", "", ""), false,
           WW_TOO_LARGE, "at most 128 values");
    /* Of two collections of several kinds every pair is compared: the arguments end that soon. */
    expect(make("S_INTERSECTS(GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)", ",POINT(1 1)", 5000,
                "), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1), POINT(1 1)))", "", ""),
           false, WW_TOO_LARGE, "at most 128 values");
    expect(make("{\"op\":\"s_within\",\"args\":[{\"property\":\"g\"},{\"type\":\"MultiPoint\","
                "\"coordinates\":[[0,0]",
                ",[1,1]", 100000, "]}]}", "", ""),
           true, WW_TOO_LARGE, "at most 20000");
}

static void bytes_that_are_no_text_are_refused(void **state) {
    (void)state;
    expect(make("s = '", "\xff", 1, "'", "", ""), false, WW_BAD_INPUT, "UTF-8");
    expect(make("s = ", "\x01", 1, "", "", ""), false, WW_BAD_INPUT, "control character");
    expect(make("\xC2\xA0s\xE3\x80\x80=\t's'", "\n", 3, "", "", ""), false, WW_OK,
           ""); /* blanks of Unicode */
}

static void get_null(void *row, size_t property, struct ww_cql2_value *out) {
    (void)row;
    (void)property;
    out->is_null = true;
}

static void large_geometries_are_asked_in_memory_only_what_has_an_index(void **state) {
    static const struct {
        const char *head, *tail;
        enum ww_status expected;
    } cases[] = {
        {"S_INTERSECTS(g, LINESTRING(0 0", "))", WW_OK},
        {"S_DISJOINT(LINESTRING(0 0", "), g)", WW_OK},
        {"S_WITHIN(g, POLYGON((0 0, 0 2", ", 0 0)))", WW_OK},
        {"S_CONTAINS(POLYGON((0 0, 0 2", ", 0 0)), g)", WW_OK},
        {"S_CONTAINS(g, POLYGON((0 0, 0 2", ", 0 0)))", WW_TOO_LARGE},
        {"S_WITHIN(g, LINESTRING(0 0", "))", WW_TOO_LARGE},
        {"S_TOUCHES(g, POLYGON((0 0, 0 2", ", 0 0)))", WW_TOO_LARGE},
        {"S_EQUALS(LINESTRING(0 0", "), g)", WW_TOO_LARGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_buf filter = make(cases[i].head, ", 1 1, 2 2", 150, cases[i].tail, "", "");
        struct ww_arena *arena = ww_arena_new(16 << 20);
        struct ww_cql2_evaluator *evaluator;
        struct ww_cql2_expr *expr;
        struct ww_error err;
        if (ww_cql2_parse_text(ww_buf_str(&filter), &schema, WW_CQL2_CRS84, arena, &expr, &err) != WW_OK)
            fail_msg("%s", err.message);
        assert_int_equal(ww_cql2_evaluator_new(expr, &evaluator, &err), cases[i].expected);
        if (cases[i].expected == WW_OK)
            assert_int_equal(ww_cql2_test(evaluator, get_null, NULL), WW_CQL2_UNKNOWN);
        ww_cql2_evaluator_free(evaluator);
        ww_arena_free(arena);
        ww_buf_clear(&filter);
    }
}

/* Reads, writes and asks with the n-th allocation failing, until none fails. */
static void memory_may_run_out_anywhere(void **state) {
    static const char text[] = "(CASEI(s) LIKE CASEI('a%') OR S_INTERSECTS(g, GEOMETRYCOLLECTION(POINT(1 1), "
                               "LINESTRING(0 0, 1 1)))) AND "
                               "n IN (1, 2, 3) AND A_CONTAINS(a, ('a', 1)) AND T_DURING(t, "
                               "INTERVAL('2026-01-01', '..')) AND s <> 'it''s'";
    int failures = 0;
    (void)state;
    for (long n = 1;; n++) {
        struct ww_cql2_evaluator *evaluator = NULL;
        struct ww_cql2_expr *expr;
        struct ww_pg_args args;
        struct ww_error err;
        struct ww_buf sql, json;
        ww_alloc_fail_after(0);
        struct ww_arena *arena = ww_arena_new(1 << 20);
        ww_pg_args_init(&args);
        ww_buf_init(&sql, 1 << 20);
        ww_buf_init(&json, 1 << 20);
        ww_alloc_fail_after(n);
        enum ww_status st = ww_cql2_parse_text(ww_str_of(text), &schema, WW_CQL2_CRS84, arena, &expr, &err);
        if (st == WW_OK) {
            ww_cql2_write_json(expr, &json);
            st = ww_buf_status(&json);
        }
        if (st == WW_OK)
            st = ww_cql2_to_sql(expr, &schema, &sql, &args, &err);
        if (st == WW_OK)
            st = ww_cql2_evaluator_new(expr, &evaluator, &err);
        ww_alloc_fail_after(0);
        assert_true(st == WW_OK || st == WW_NO_MEMORY || st == WW_TOO_LARGE);
        ww_cql2_evaluator_free(evaluator);
        ww_pg_args_clear(&args);
        ww_buf_clear(&sql);
        ww_buf_clear(&json);
        ww_arena_free(arena);
        if (st == WW_OK)
            break;
        failures++;
    }
    assert_true(failures > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_nested_too_deeply_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(geometries_have_a_ceiling),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(large_geometries_are_asked_in_memory_only_what_has_an_index),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
