/* Reads PostgreSQL's binary format.
 *
 * Oids are those of PostgreSQL's pg_type.dat, which never change. A numeric is a head of four 16-bit numbers
 * (how many digits, weight of the first, sign, how many decimals to show) and digits of base 10,000, the most
 * significant first: 1234567.89 is  3 · 1 · + · 2 · 123 4567 8900,  that is 123·10000¹ + 4567·10000⁰ +
 * 8900·10000⁻¹.
 */
#include "sql/pg_binary.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "geo/base/buf.h"
#include "sql/pg_internal.h"

#define EPOCH_2000_US  INT64_C(946684800000000) /* PostgreSQL counts from 2000-01-01 */
#define EPOCH_2000_DAY 10957

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18, /* "char" */
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802
};

static const struct {
    Oid oid;
    enum ww_pg_type type;
} types[] = {
    {OID_BOOL, WW_PG_BOOL},       {OID_BYTEA, WW_PG_BYTES},       {OID_CHAR, WW_PG_TEXT},
    {OID_NAME, WW_PG_TEXT},       {OID_INT8, WW_PG_INT},          {OID_INT2, WW_PG_INT},
    {OID_INT4, WW_PG_INT},        {OID_TEXT, WW_PG_TEXT},         {OID_OID, WW_PG_INT},
    {OID_JSON, WW_PG_JSON},       {OID_FLOAT4, WW_PG_FLOAT},      {OID_FLOAT8, WW_PG_FLOAT},
    {OID_UNKNOWN, WW_PG_TEXT},    {OID_BPCHAR, WW_PG_TEXT},       {OID_VARCHAR, WW_PG_TEXT},
    {OID_DATE, WW_PG_DATE},       {OID_TIMESTAMP, WW_PG_INSTANT}, {OID_TIMESTAMPTZ, WW_PG_INSTANT},
    {OID_NUMERIC, WW_PG_NUMERIC}, {OID_JSONB, WW_PG_JSON},
};

enum ww_pg_type ww_pg_type(const struct ww_pg_result *r, int column) {
    assert(column >= 0 && column < PQnfields(r->pg));
    Oid oid = PQftype(r->pg, column);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].oid == oid)
            return types[i].type;
    return WW_PG_OTHER;
}

struct ww_str ww_pg_name(const struct ww_pg_result *r, int column) {
    return ww_str_of(PQfname(r->pg, column));
}

/* The bytes of one value; ptr NULL for NULL. */
static struct ww_str bytes_of(const struct ww_pg_result *r, int row, int column) {
    assert(row >= 0 && row < PQntuples(r->pg) && column >= 0 && column < PQnfields(r->pg));
    assert(PQfformat(r->pg, column) == 1);
    if (PQgetisnull(r->pg, row, column))
        return WW_STR_NONE;
    return (struct ww_str){PQgetvalue(r->pg, row, column), (size_t)PQgetlength(r->pg, row, column)};
}

static uint64_t be_bits(const char *bytes, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)bytes[i];
    return v;
}

static int64_t whole_of(struct ww_str b) {
    switch (b.len) {
    case 2:
        return (int16_t)be_bits(b.ptr, 2);
    case 4:
        return (int32_t)be_bits(b.ptr, 4);
    default:
        assert(b.len == 8);
        return (int64_t)be_bits(b.ptr, 8);
    }
}

int64_t ww_pg_bin_i64(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    assert(ww_pg_type(r, column) == WW_PG_INT);
    if (!b.ptr)
        return 0;
    return PQftype(r->pg, column) == OID_OID ? (int64_t)be_bits(b.ptr, 4) : whole_of(b);
}

static double float_of(struct ww_str b) {
    if (b.len == 4) {
        uint32_t bits = (uint32_t)be_bits(b.ptr, 4);
        float f;
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    }
    assert(b.len == 8);
    uint64_t bits = be_bits(b.ptr, 8);
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

double ww_pg_bin_double(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    enum ww_pg_type type = ww_pg_type(r, column);
    if (!b.ptr)
        return NAN;
    if (type == WW_PG_INT)
        return (double)ww_pg_bin_i64(r, row, column);
    if (type == WW_PG_FLOAT)
        return float_of(b);
    assert(type == WW_PG_NUMERIC);
    struct ww_buf text;
    ww_buf_init(&text, (size_t)256 << 10); /* 131,072 digits before the point, 16,383 behind it */
    ww_pg_bin_numeric(r, row, column, &text);
    double v = ww_buf_status(&text) == WW_OK ? strtod(text.data, NULL) : NAN;
    ww_buf_clear(&text);
    return v;
}

bool ww_pg_bin_bool(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    assert(ww_pg_type(r, column) == WW_PG_BOOL);
    return b.len == 1 && b.ptr[0];
}

int64_t ww_pg_bin_instant(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    assert(ww_pg_type(r, column) == WW_PG_INSTANT);
    if (!b.ptr)
        return INT64_MIN;
    int64_t us = whole_of(b);
    if (us == INT64_MAX)
        return WW_PG_INSTANT_INFINITY;
    return us == INT64_MIN ? WW_PG_INSTANT_MINUS_INFINITY
                           : us + EPOCH_2000_US; /* ends in 294276: no overflow */
}

int32_t ww_pg_bin_day(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    assert(ww_pg_type(r, column) == WW_PG_DATE);
    if (!b.ptr)
        return INT32_MIN;
    int64_t day = whole_of(b);
    if (day == INT32_MAX || day == INT32_MIN)
        return day > 0 ? INT32_MAX : INT32_MIN + 1;
    return (int32_t)(day + EPOCH_2000_DAY);
}

struct ww_str ww_pg_bin_str(const struct ww_pg_result *r, int row, int column) {
    struct ww_str b = bytes_of(r, row, column);
    if (b.len > 0 && PQftype(r->pg, column) == OID_JSONB) { /* a version byte, 1, stands before the text */
        b.ptr++;
        b.len--;
    }
    return b;
}

/* ---- numeric ---- */

#define NUMERIC_NEGATIVE  0x4000u
#define NUMERIC_NAN       0xC000u
#define NUMERIC_PLUS_INF  0xD000u
#define NUMERIC_MINUS_INF 0xF000u

/* The digit of base 10,000 with this weight; 0 where there is none. */
static unsigned digit_at(struct ww_str b, int n_digits, int first_weight, int weight) {
    int i = first_weight - weight;
    return i >= 0 && i < n_digits ? (unsigned)be_bits(b.ptr + 8 + 2 * i, 2) : 0;
}

static void add_decimals(struct ww_str b, int n_digits, int first_weight, int scale, struct ww_buf *out) {
    ww_buf_char(out, '.');
    for (int done = 0, weight = -1; done < scale; done += 4, weight--) {
        char four[5];
        unsigned digit = digit_at(b, n_digits, first_weight, weight);
        for (int i = 3; i >= 0; i--, digit /= 10)
            four[i] = (char)('0' + digit % 10);
        ww_buf_add(out, four, (size_t)(scale - done < 4 ? scale - done : 4));
    }
}

void ww_pg_bin_numeric(const struct ww_pg_result *r, int row, int column, struct ww_buf *out) {
    struct ww_str b = bytes_of(r, row, column);
    assert(ww_pg_type(r, column) == WW_PG_NUMERIC);
    if (!b.ptr)
        return;
    assert(b.len >= 8);
    int n_digits = (int)be_bits(b.ptr, 2);
    int first_weight = (int16_t)be_bits(b.ptr + 2, 2);
    unsigned sign = (unsigned)be_bits(b.ptr + 4, 2);
    int scale = (int)be_bits(b.ptr + 6, 2);
    assert(b.len == 8 + 2 * (size_t)n_digits);
    if (sign == NUMERIC_NAN || sign == NUMERIC_PLUS_INF || sign == NUMERIC_MINUS_INF) {
        ww_buf_text(out, sign == NUMERIC_NAN ? "NaN" : sign == NUMERIC_PLUS_INF ? "Infinity" : "-Infinity");
        return;
    }
    if (sign == NUMERIC_NEGATIVE)
        ww_buf_char(out, '-');
    ww_buf_printf(out, "%u", first_weight >= 0 ? digit_at(b, n_digits, first_weight, first_weight) : 0);
    for (int weight = first_weight - 1; weight >= 0; weight--)
        ww_buf_printf(out, "%04u", digit_at(b, n_digits, first_weight, weight));
    if (scale > 0)
        add_decimals(b, n_digits, first_weight, scale, out);
}
