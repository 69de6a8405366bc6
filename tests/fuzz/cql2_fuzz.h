/* What both targets of filters check of a filter that was taken: written as text and as JSON it reads again
 * and writes the same; its SQL is made of our own words and names only; rows can be asked. */
#ifndef WW_TESTS_CQL2_FUZZ_H
#define WW_TESTS_CQL2_FUZZ_H

#include <assert.h>
#include <string.h>

#include "server/cql2/cql2.h"

#define COLUMN(name, type)                                                                                   \
    { WW_STR(name), WW_CQL2_##type, WW_STR("t." name) }
static const struct ww_cql2_property fuzz_columns[] = {
    COLUMN("s", TEXT), COLUMN("n", INTEGER), COLUMN("x", NUMBER),   COLUMN("b", BOOLEAN),
    COLUMN("d", DATE), COLUMN("t", INSTANT), COLUMN("g", GEOMETRY), COLUMN("a", ARRAY)};
static const struct ww_cql2_schema fuzz_schema = {fuzz_columns, 8, 4490};

static void fuzz_value(void *row, size_t property, struct ww_cql2_value *out) {
    static const struct ww_cql2_element elements[] = {{.type = WW_CQL2_TEXT, .text = {"a", 1}},
                                                      {.type = WW_CQL2_INTEGER, .integer = 1}};
    out->is_null = row == NULL;
    switch (fuzz_columns[property].type) {
    case WW_CQL2_TEXT:
        out->text = WW_STR("a%Ä\\");
        break;
    case WW_CQL2_NUMBER:
        out->number = 1.5;
        break;
    case WW_CQL2_BOOLEAN:
        out->boolean = true;
        break;
    case WW_CQL2_GEOMETRY:
        out->is_place = true;
        out->place = (struct ww_place){1, 1};
        break;
    case WW_CQL2_ARRAY:
        out->array.elements = elements;
        out->array.n = 2;
        break;
    default:
        out->integer = 20000;
        break;
    }
}

static void check_sql(const struct ww_cql2_expr *filter) {
    struct ww_buf sql;
    struct ww_pg_args args;
    struct ww_error err;
    ww_buf_init(&sql, 16 << 20);
    ww_pg_args_init(&args);
    enum ww_status st = ww_cql2_to_sql(filter, &fuzz_schema, &sql, &args, &err);
    assert(st == WW_OK || st == WW_TOO_LARGE);
    assert(args.count <= WW_PG_ARGS_MAX);
    int depth = 0;
    for (size_t i = 0; st == WW_OK && i < sql.len; i++) {
        char c = sql.data[i];
        depth += (c == '(') - (c == ')');
        assert(c >= ' ' && c < 0x7F && !strchr(";\\`{}!?&|~#", c) && depth >= 0);
    }
    assert(st != WW_OK || depth == 0);
    ww_pg_args_clear(&args);
    ww_buf_clear(&sql);
}

static void check_rows(const struct ww_cql2_expr *filter) {
    struct ww_cql2_evaluator *evaluator;
    struct ww_error err;
    int row = 0;
    if (ww_cql2_evaluator_new(filter, &evaluator, &err) != WW_OK)
        return; /* a geometry that GEOS does not take */
    (void)ww_cql2_test(evaluator, fuzz_value, NULL);
    (void)ww_cql2_test(evaluator, fuzz_value, &row);
    ww_cql2_evaluator_free(evaluator);
}

static void check_writing(const struct ww_cql2_expr *filter, struct ww_arena *arena) {
    struct ww_buf text, json, again;
    struct ww_cql2_expr *reread;
    struct ww_error err;
    ww_buf_init(&text, 16 << 20);
    ww_buf_init(&json, 16 << 20);
    ww_buf_init(&again, 16 << 20);
    ww_cql2_write_json(filter, &json);
    assert(ww_buf_status(&json) == WW_OK);
    assert(ww_cql2_parse_json(ww_buf_str(&json), &fuzz_schema, WW_CQL2_CRS84, arena, &reread, &err) == WW_OK);
    ww_cql2_write_json(reread, &again);
    assert(ww_str_eq(ww_buf_str(&json), ww_buf_str(&again)));
    if (ww_cql2_write_text(filter, &text, &err) == WW_OK) {
        enum ww_status st =
            ww_cql2_parse_text(ww_buf_str(&text), &fuzz_schema, WW_CQL2_CRS84, arena, &reread, &err);
        assert(st == WW_OK);
        ww_buf_reset(&again);
        ww_cql2_write_json(reread, &again);
        assert(ww_str_eq(ww_buf_str(&json), ww_buf_str(&again)));
    } else
        assert(memchr(json.data, '\\', json.len));
    ww_buf_clear(&text);
    ww_buf_clear(&json);
    ww_buf_clear(&again);
}

typedef enum ww_status (*fuzz_parse)(struct ww_str, const struct ww_cql2_schema *, struct ww_cql2_crs,
                                     struct ww_arena *, struct ww_cql2_expr **, struct ww_error *);

static void check_filter(fuzz_parse parse, struct ww_str input) {
    struct ww_arena *arena = ww_arena_new(64 << 20);
    struct ww_cql2_expr *filter;
    struct ww_error err;
    enum ww_status st = parse(input, &fuzz_schema, WW_CQL2_CRS84, arena, &filter, &err);
    if (st == WW_OK) {
        check_sql(filter);
        check_rows(filter);
        check_writing(filter, arena);
    } else {
        assert((st == WW_BAD_INPUT || st == WW_TOO_LARGE) && err.status == st && err.message[0]);
        assert(err.line > 0 && err.column > 0 && err.offset <= input.len);
    }
    ww_arena_free(arena);
}

#endif
