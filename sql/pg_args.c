/* Collects a statement's arguments as libpq wants them: text or bytes, each followed by NUL. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/json_writer.h"
#include "sql/pg.h"

#define ARGS_CEILING ((size_t)64 << 20)

void ww_pg_args_init(struct ww_pg_args *args) {
    memset(args, 0, sizeof *args);
    ww_buf_init(&args->bytes, ARGS_CEILING);
}

void ww_pg_args_clear(struct ww_pg_args *args) {
    ww_buf_clear(&args->bytes);
    args->count = 0;
}

static void add_value(struct ww_pg_args *args, struct ww_str value, char binary) {
    assert(args->count < WW_PG_ARGS_MAX);
    int i = args->count++;
    args->start[i] = args->bytes.len;
    args->length[i] = (int)value.len; /* too long for an int is far above the ceiling: then `bytes` failed */
    args->binary[i] = binary;
    ww_buf_add(&args->bytes, value.ptr, value.len);
    ww_buf_char(&args->bytes, '\0');
}

void ww_pg_arg_null(struct ww_pg_args *args) {
    add_value(args, WW_STR_NONE, 0);
    args->length[args->count - 1] = -1;
}

void ww_pg_arg_str(struct ww_pg_args *args, struct ww_str text) {
    /* libpq would silently cut at the NUL, and PostgreSQL's text can't hold one. */
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        args->bytes.failed = WW_BAD_INPUT;
        text = WW_STR_NONE;
    }
    add_value(args, text, 0);
}

void ww_pg_arg_i64(struct ww_pg_args *args, int64_t v) {
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)v);
    add_value(args, (struct ww_str){text, (size_t)n}, 0);
}

void ww_pg_arg_double(struct ww_pg_args *args, double v) {
    char text[32];
    if (isnan(v))
        add_value(args, WW_STR("NaN"), 0);
    else if (isinf(v))
        add_value(args, v > 0 ? WW_STR("Infinity") : WW_STR("-Infinity"), 0);
    else
        add_value(args, (struct ww_str){text, (size_t)ww_double_text(v, text)}, 0);
}

void ww_pg_arg_bool(struct ww_pg_args *args, bool v) {
    add_value(args, v ? WW_STR("t") : WW_STR("f"), 0);
}

void ww_pg_arg_bytea(struct ww_pg_args *args, struct ww_str bytes) {
    add_value(args, bytes, 1);
}

void ww_pg_arg_instant(struct ww_pg_args *args, int64_t instant_us) {
    if (instant_us == INT64_MIN) {
        ww_pg_arg_null(args);
        return;
    }
    int64_t us = instant_us % 1000000;
    if (us < 0)
        us += 1000000;
    time_t seconds = (time_t)((instant_us - us) / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char text[64];
    int n = snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)us);
    add_value(args, (struct ww_str){text, (size_t)n}, 0);
}
