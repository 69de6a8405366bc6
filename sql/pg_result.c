/* Reads the values of a result: text that PostgreSQL wrote, as numbers, texts and bytes. */
#include <assert.h>
#include <math.h>

#include "geo/base/arena.h"
#include "sql/pg_internal.h"

int ww_pg_rows(const struct ww_pg_result *r) {
    return PQntuples(r->pg);
}

int ww_pg_columns(const struct ww_pg_result *r) {
    return PQnfields(r->pg);
}

static void check_place(const struct ww_pg_result *r, int row, int column) {
    assert(row >= 0 && row < PQntuples(r->pg) && column >= 0 && column < PQnfields(r->pg));
}

bool ww_pg_is_null(const struct ww_pg_result *r, int row, int column) {
    check_place(r, row, column);
    return PQgetisnull(r->pg, row, column);
}

struct ww_str ww_pg_str(const struct ww_pg_result *r, int row, int column) {
    check_place(r, row, column);
    return (struct ww_str){PQgetvalue(r->pg, row, column), (size_t)PQgetlength(r->pg, row, column)};
}

int64_t ww_pg_i64(const struct ww_pg_result *r, int row, int column) {
    struct ww_str text = ww_pg_str(r, row, column);
    int64_t v = 0;
    if (ww_pg_is_null(r, row, column))
        return 0;
    bool is_number = ww_str_to_i64(text, &v);
    assert(is_number);
    (void)is_number;
    return v;
}

double ww_pg_double(const struct ww_pg_result *r, int row, int column) {
    if (ww_pg_is_null(r, row, column))
        return NAN;
    struct ww_str text = ww_pg_str(r, row, column);
    double v;
    if (ww_str_to_double(text, &v))
        return v;
    if (ww_str_is(text, "Infinity"))
        return INFINITY;
    if (ww_str_is(text, "-Infinity"))
        return -INFINITY;
    assert(ww_str_is(text, "NaN"));
    return NAN;
}

bool ww_pg_bool(const struct ww_pg_result *r, int row, int column) {
    return ww_str_is(ww_pg_str(r, row, column), "t");
}

struct ww_str ww_pg_tag(const struct ww_pg_result *r) {
    return ww_str_of(PQcmdStatus(r->pg));
}

uint64_t ww_pg_affected(const struct ww_pg_result *r) {
    uint64_t n = 0;
    return ww_str_to_u64(ww_str_of(PQcmdTuples(r->pg)), &n) ? n : 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum ww_status ww_pg_bytes(const struct ww_pg_result *r, int row, int column, struct ww_arena *arena,
                           struct ww_str *out) {
    struct ww_str text = ww_pg_str(r, row, column);
    *out = WW_STR_NONE;
    if (ww_pg_is_null(r, row, column))
        return WW_OK;
    if (text.len < 2 || text.len % 2 != 0 || memcmp(text.ptr, "\\x", 2) != 0)
        return WW_BAD_INPUT;
    size_t n = text.len / 2 - 1;
    char *bytes = ww_arena_alloc(arena, n ? n : 1);
    if (!bytes)
        return WW_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text.ptr[2 + 2 * i]);
        int low = hex_digit(text.ptr[3 + 2 * i]);
        if (high < 0 || low < 0)
            return WW_BAD_INPUT;
        bytes[i] = (char)(high << 4 | low);
    }
    *out = (struct ww_str){bytes, n};
    return WW_OK;
}
