/* Arguments of one statement, collected before it is queued (part of pg.h; don't include alone). */
#ifndef WW_SQL_PG_ARGS_H
#define WW_SQL_PG_ARGS_H

#include "geo/base/buf.h"

#define WW_PG_ARGS_MAX 128 /* filters (server/cql2) need many; a statement of our own a dozen */

struct ww_pg_args {
    struct ww_buf bytes; /* the values, each followed by NUL */
    int count;
    size_t start[WW_PG_ARGS_MAX];
    int length[WW_PG_ARGS_MAX]; /* -1 = NULL */
    char binary[WW_PG_ARGS_MAX];
};

void ww_pg_args_init(struct ww_pg_args *args); /* ceiling 64 MiB in all */
void ww_pg_args_clear(struct ww_pg_args *args);
void ww_pg_arg_null(struct ww_pg_args *args);
void ww_pg_arg_str(struct ww_pg_args *args,
                   struct ww_str text); /* a NUL inside: the queueing call says WW_BAD_INPUT */
void ww_pg_arg_i64(struct ww_pg_args *args, int64_t v);
void ww_pg_arg_double(struct ww_pg_args *args, double v);
void ww_pg_arg_bool(struct ww_pg_args *args, bool v);
void ww_pg_arg_bytea(struct ww_pg_args *args, struct ww_str bytes); /* binary format */
/* timestamptz from microseconds since 1970, as ISO text; INT64_MIN ("none") is NULL. */
void ww_pg_arg_instant(struct ww_pg_args *args, int64_t instant_us);

#endif
