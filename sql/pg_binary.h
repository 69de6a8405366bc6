/* Values of results in binary format, as ww_pg_stream gives them.
 *
 * What PostgreSQL sends is in network byte order and as long as its type; each accessor takes every type that
 * fits into what it returns, and asserts that the column is one of these:
 *
 *   ww_pg_bin_i64      int2 int4 int8 oid              0 for NULL
 *   ww_pg_bin_double   the same, float4 float8 numeric NAN for NULL
 *   ww_pg_bin_bool     bool                            false for NULL
 *   ww_pg_bin_instant  timestamptz timestamp           microseconds since 1970, INT64_MIN for NULL
 *   ww_pg_bin_day      date                            days since 1970, INT32_MIN for NULL
 *   ww_pg_bin_str      text varchar name "char" json jsonb, bytea and types of extensions as their bytes
 * (PostGIS: geometry is EWKB); a view of the page, "" for NULL ww_pg_bin_numeric  numeric as PostgreSQL would
 * print it, appended to a buffer
 *
 * ww_pg_type tells what a column is, so that a writer may choose its accessor once a stream.
 */
#ifndef WW_SQL_PG_BINARY_H
#define WW_SQL_PG_BINARY_H

#include "sql/pg.h"

enum ww_pg_type {
    WW_PG_OTHER, /* ww_pg_bin_str gives its bytes */
    WW_PG_BOOL,
    WW_PG_INT,
    WW_PG_FLOAT,
    WW_PG_NUMERIC,
    WW_PG_TEXT,
    WW_PG_INSTANT,
    WW_PG_DATE,
    WW_PG_BYTES,
    WW_PG_JSON
};
enum ww_pg_type ww_pg_type(const struct ww_pg_result *r, int column);
/* Of the column; lives as long as the result. */
struct ww_str ww_pg_name(const struct ww_pg_result *r, int column);

/* '-infinity' and 'infinity' of an instant. */
#define WW_PG_INSTANT_MINUS_INFINITY (INT64_MIN + 1)
#define WW_PG_INSTANT_INFINITY       INT64_MAX

int64_t ww_pg_bin_i64(const struct ww_pg_result *r, int row, int column);
double ww_pg_bin_double(const struct ww_pg_result *r, int row, int column);
bool ww_pg_bin_bool(const struct ww_pg_result *r, int row, int column);
int64_t ww_pg_bin_instant(const struct ww_pg_result *r, int row, int column);
int32_t ww_pg_bin_day(const struct ww_pg_result *r, int row, int column);
struct ww_str ww_pg_bin_str(const struct ww_pg_result *r, int row, int column);
struct ww_buf;
void ww_pg_bin_numeric(const struct ww_pg_result *r, int row, int column, struct ww_buf *out);

#endif
