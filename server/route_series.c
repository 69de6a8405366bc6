/* A datastream over time, made small: in buckets (PostgreSQL makes them) and as a chart shows it
 * (geo/series/m4.h).
 *
 * The chart's readings come as a stream, a page at a time, and each goes through M4 as it comes: a year of
 * minutes takes no more memory than a page and the four points of each column. The answer is complete before
 * it is sent, so an error is an error and no cut.
 */
#include <stdio.h>

#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "geo/instant.h"
#include "geo/series/m4.h"
#include "server/ogc/ogc.h"
#include "server/route_table.h"

#define MOST_BUCKETS 10000
#define MOST_COLUMNS 4000
#define CHART_BYTES  ((size_t)4 << 20) /* 16,000 points of at most 70 bytes, and the rest */
enum { PAGE_ROWS = 5000 };

static struct ww_str param(struct ww_route_call *call, const char *name) {
    struct ww_str value;
    return ww_http_param(call->req, name, &value) ? value : WW_STR_NONE;
}

/* Both are required, and checked by the table. */
static bool read_span(struct ww_route_call *call, int64_t *from_us, int64_t *to_us) {
    struct ww_error err;
    if (ww_instant_parse(param(call, "from"), NULL, from_us, &err) != WW_OK ||
        ww_instant_parse(param(call, "to"), NULL, to_us, &err) != WW_OK) {
        ww_http_respond_error(call->req, 400, &err);
        return false;
    }
    if (*to_us <= *from_us)
        ww_call_fail(call, WW_BAD_INPUT, "to", "to must be later than from");
    return *to_us > *from_us;
}

/* ---- Buckets ---- */

void ww_handle_buckets(struct ww_route_call *call) {
    const struct ww_str width = param(call, "width"), points = param(call, "points");
    int64_t from_us, to_us;
    uint64_t n = 0;
    if (!read_span(call, &from_us, &to_us))
        return;
    if (!width.ptr == !points.ptr) {
        ww_call_fail(call, WW_BAD_INPUT, width.ptr ? "points" : "width", "give either width or points");
        return;
    }
    if (points.ptr && (!ww_str_to_u64(points, &n) || n < 1 || n > MOST_BUCKETS)) {
        ww_call_fail(call, WW_BAD_INPUT, "points", "points must be from 1 to %d", MOST_BUCKETS);
        return;
    }
    ww_handle_list(call);
}

/* ---- Charts ---- */

struct chart {
    struct ww_route_call *call;
    struct ww_pg_stream *rows;
    struct ww_m4 m4;
    struct ww_buf out;
    struct ww_json json;
    bool csv;
};

static void add_points(struct chart *x, const struct ww_m4_point *points, size_t n) {
    char text[40];
    for (size_t i = 0; i < n; i++) {
        const struct ww_str time = {text, (size_t)ww_instant_text(points[i].time_us, text)};
        if (x->csv) {
            ww_buf_str_add(&x->out, time);
            ww_buf_char(&x->out, ',');
            ww_buf_add(&x->out, text, (size_t)ww_double_text(points[i].value, text));
            ww_buf_text(&x->out, "\r\n");
            continue;
        }
        ww_json_array(&x->json);
        ww_json_str(&x->json, time);
        ww_json_double(&x->json, points[i].value);
        ww_json_end_array(&x->json);
    }
}

static void begin(struct chart *x, struct ww_str datastream) {
    char text[40];
    if (x->csv) {
        ww_buf_text(&x->out, "time,value\r\n");
        return;
    }
    ww_json_init(&x->json, &x->out);
    ww_json_object(&x->json);
    ww_json_key(&x->json, "datastream");
    ww_json_raw(&x->json, datastream);
    ww_json_key(&x->json, "from");
    ww_json_str(&x->json, (struct ww_str){text, (size_t)ww_instant_text(x->m4.from_us, text)});
    ww_json_key(&x->json, "to");
    ww_json_str(&x->json, (struct ww_str){text, (size_t)ww_instant_text(x->m4.to_us, text)});
    ww_json_key(&x->json, "columns");
    ww_json_int(&x->json, x->m4.columns);
    ww_json_key(&x->json, "points");
    ww_json_array(&x->json);
}

static void finish(struct chart *x) {
    struct ww_route_call *call = x->call;
    struct ww_m4_point points[4];
    add_points(x, points, ww_m4_end(&x->m4, points));
    if (!x->csv) {
        ww_json_end_array(&x->json);
        ww_json_key(&x->json, "count");
        ww_json_int(&x->json, (int64_t)x->m4.taken);
        ww_json_end_object(&x->json);
    }
    struct ww_buf out = x->out; /* the answer frees the arena that `x` lives in */
    if (ww_buf_status(&out) == WW_OK)
        ww_http_respond(call->req, 200,
                        x->csv ? "text/csv; charset=utf-8; header=present" : "application/json",
                        ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

static void on_gone(void *arg) {
    struct chart *x = arg;
    ww_pg_stream_cancel(x->rows);
    ww_buf_clear(&x->out);
    ww_call_fail(x->call, WW_UNAVAILABLE, "",
                 "the client hung up"); /* nobody reads it: the request is over */
}

static void on_rows(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                    const struct ww_error *err) {
    struct chart *x = arg;
    struct ww_m4_point points[4];
    if (status != WW_OK) {
        ww_http_on_gone(x->call->req, NULL, NULL);
        ww_buf_clear(&x->out);
        if (err && strcmp(err->field, "57014") == 0)
            ww_call_fail(x->call, WW_UNAVAILABLE, "to",
                         "this took the database too long: ask for a shorter time");
        else
            ww_call_fail_db(x->call, status, err);
        return;
    }
    for (int i = 0; i < ww_pg_rows(page); i++) {
        const size_t n =
            ww_m4_push(&x->m4, ww_pg_bin_instant(page, i, 0), ww_pg_bin_double(page, i, 1), points);
        add_points(x, points, n);
    }
    if (!last) {
        ww_pg_stream_next(x->rows);
        return;
    }
    ww_http_on_gone(x->call->req, NULL, NULL);
    finish(x);
}

static enum ww_status open_rows(struct chart *x, struct ww_str datastream) {
    struct ww_route_call *call = x->call;
    char from[40], to[40];
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, ww_call_wards(call));
    ww_pg_arg_str(&args, datastream);
    ww_pg_arg_str(&args, (struct ww_str){from, (size_t)ww_instant_text(x->m4.from_us, from)});
    ww_pg_arg_str(&args, (struct ww_str){to, (size_t)ww_instant_text(x->m4.to_us, to)});
    ww_call_arg(&args, param(call, "flags"));
    const struct ww_pg_stream_query query = {.reader = ww_call_reader(call),
                                             .sql = ww_sql_find("series_points")->text,
                                             .args = &args,
                                             .page_rows = PAGE_ROWS,
                                             .cb = on_rows,
                                             .arg = x};
    const enum ww_status st = ww_pg_stream_open(call->app->ogc->rows, &query, &x->rows);
    ww_pg_args_clear(&args);
    return st;
}

void ww_handle_chart(struct ww_route_call *call) {
    const struct ww_str datastream = param(call, "datastream"), columns = param(call, "columns");
    struct chart *x = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *x);
    int64_t from_us, to_us;
    uint64_t n = 800;
    if (!x) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    if (!read_span(call, &from_us, &to_us))
        return;
    if (columns.ptr && (!ww_str_to_u64(columns, &n) || n < 1 || n > MOST_COLUMNS)) {
        ww_call_fail(call, WW_BAD_INPUT, "columns", "columns must be from 1 to %d", MOST_COLUMNS);
        return;
    }
    x->call = call;
    x->csv = ww_str_is(param(call, "format"), "csv");
    ww_m4_init(&x->m4, from_us, to_us, (uint32_t)n);
    ww_buf_init(&x->out, CHART_BYTES);
    begin(x, datastream);
    const enum ww_status st = open_rows(x, datastream);
    if (st == WW_OK) {
        ww_http_on_gone(call->req, on_gone, x);
        return;
    }
    ww_buf_clear(&x->out);
    ww_call_fail_db(call, st, NULL);
}
