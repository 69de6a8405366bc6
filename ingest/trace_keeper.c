/* Traces of alerts: the oldest that waits is read from the database, worked out on a thread of its own,
 * written beside the alert, and worked out again every ten minutes while the alert is open, and after it has
 * cleared for as long as gauges below may still see what passed.
 *
 *   due? ▶ points ▶ readings ▶ reaches or wind ▶ worker ▶ write
 *
 * One at a time, and no queue in memory: when 200 alerts open at once, 199 wait in their table, the one that
 * has waited longest is next, and its answer or the reason that there is none dates it.
 */
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/space/trace_case.h"
#include "ingest/space_internal.h"

enum { TRACE_CEILING = 16 << 20 };
#define LOOK_US (2 * WW_SECOND_US) /* whether an alert waits */

struct trace_seat {
    struct ww_job job; /* first */
    struct space_keeper *keeper;
    struct ww_worker_pool *worker;
    struct ww_trace_case *is; /* NULL: none is under way */
    int64_t alert_id, thing_id, looked_us;
    char property[128];
    bool is_air, is_working, is_done;
    struct ww_buf trace, geojson;
};

static void drop(struct trace_seat *t) {
    ww_trace_case_free(t->is);
    t->is = NULL;
    t->is_done = false;
    ww_buf_clear(&t->trace);
    ww_buf_clear(&t->geojson);
}

/* ---- Working ---- */

static void work(struct ww_job *job) {
    struct trace_seat *t = (struct trace_seat *)job;
    ww_trace_run(t->is, &t->trace, &t->geojson);
}

static void on_worked(struct ww_job *job) {
    struct trace_seat *t = (struct trace_seat *)job;
    t->is_working = false;
    t->is_done = true;
    space_go_on(t->keeper);
}

static void begin_work(struct trace_seat *t) {
    ww_buf_init(&t->trace, TRACE_CEILING);
    ww_buf_init(&t->geojson, TRACE_CEILING);
    t->is_working = true;
    t->job.work = work;
    t->job.done = on_worked;
    ww_worker_pool_submit(t->worker, &t->job);
}

/* ---- Reading ---- */

static double number(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? NAN : ww_pg_double(r, row, column);
}

/* True: goes on with the case. */
static bool answered(struct space_keeper *k, enum ww_status status, const struct ww_error *err) {
    if (space_answered(k, status, err))
        return k->trace->is != NULL;
    if (k->path)
        drop(k->trace);
    return false;
}

static void on_written(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct space_keeper *k = arg;
    (void)r;
    if (space_answered(k, status, err))
        space_go_on(k);
}

static void write_answer(struct space_keeper *k, struct ww_str trace, struct ww_str geojson) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, k->trace->alert_id);
    ww_pg_arg_str(&args, trace);
    ww_pg_arg_str(&args, geojson);
    space_ask(k, "trace_write", &args, on_written);
    drop(k->trace);
}

/* What can't be traced is said, and dated as an answer is: else it would be the one that has waited longest
 * for ever, and all others would wait behind it. */
static void lost(struct space_keeper *k, const struct ww_error *err) {
    struct ww_buf trace;
    struct ww_json w;
    ww_log(WW_LOG_WARN, "trace=failed alert=%lld reason=\"%s\"", (long long)k->trace->alert_id, err->message);
    ww_buf_init(&trace, 1 << 16);
    ww_json_init(&w, &trace);
    ww_json_object(&w);
    ww_json_key(&w, "kind");
    ww_json_text(&w, k->trace->is_air ? "air" : "water");
    ww_json_key(&w, "verdict");
    ww_json_text(&w, "nothing");
    ww_json_key(&w, "failed");
    ww_json_text(&w, err->message);
    ww_json_end_object(&w);
    write_answer(k, ww_buf_str(&trace), WW_STR("{\"type\":\"FeatureCollection\",\"features\":[]}"));
    ww_buf_clear(&trace);
}

static void on_surroundings(void *arg, enum ww_status status, const struct ww_pg_result *r,
                            const struct ww_error *why) {
    struct space_keeper *k = arg;
    struct ww_error err = {.status = WW_OK};
    if (!answered(k, status, why))
        return;
    enum ww_status st = WW_OK;
    for (int i = 0; i < ww_pg_rows(r) && st == WW_OK; i++)
        st = k->trace->is_air ? ww_trace_add_wind(k->trace->is, ww_pg_i64(r, i, 0), number(r, i, 1),
                                                  number(r, i, 2), number(r, i, 3), &err)
                              : ww_trace_add_reach(k->trace->is, ww_pg_str(r, i, 1), ww_pg_str(r, i, 2),
                                                   ww_pg_str(r, i, 3), ww_pg_str(r, i, 4), &err);
    if (st != WW_OK) {
        lost(k, &err);
        return;
    }
    begin_work(k->trace);
    space_go_on(k);
}

static void on_readings(void *arg, enum ww_status status, const struct ww_pg_result *r,
                        const struct ww_error *why) {
    struct space_keeper *k = arg;
    struct ww_error err = {.status = WW_OK};
    struct ww_pg_args args;
    if (!answered(k, status, why))
        return;
    enum ww_status st = WW_OK;
    for (int i = 0; i < ww_pg_rows(r) && st == WW_OK; i++)
        st = ww_trace_add_reading(k->trace->is, ww_pg_i64(r, i, 0), ww_pg_i64(r, i, 1), ww_pg_double(r, i, 2),
                                  &err);
    if (st != WW_OK) {
        lost(k, &err);
        return;
    }
    ww_pg_args_init(&args);
    if (k->trace->is_air)
        ww_pg_arg_i64(&args, k->trace->thing_id);
    space_ask(k, k->trace->is_air ? "trace_wind" : "space_reaches", &args, on_surroundings);
}

static void ask_around(struct space_keeper *k, const char *query, ww_pg_cb cb) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(k->trace->property));
    ww_pg_arg_i64(&args, k->trace->thing_id);
    space_ask(k, query, &args, cb);
}

static void on_points(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *why) {
    struct space_keeper *k = arg;
    struct trace_seat *t = k->trace;
    struct ww_error err = {.status = WW_OK};
    if (!answered(k, status, why))
        return;
    enum ww_status st = WW_OK;
    for (int i = 0; i < ww_pg_rows(r) && st == WW_OK; i++) {
        struct ww_place at = {ww_pg_double(r, i, 5), ww_pg_double(r, i, 6)};
        int64_t id = ww_pg_i64(r, i, 1);
        st = ww_str_is(ww_pg_str(r, i, 0), "site")
                 ? ww_trace_add_site(t->is, ww_pg_str(r, i, 2), ww_pg_str(r, i, 3), ww_pg_str(r, i, 4), at,
                                     &err)
                 : ww_trace_add_sensor(t->is,
                                       &(struct ww_trace_thing){.id = id,
                                                                .key = ww_pg_str(r, i, 2),
                                                                .site = ww_pg_str(r, i, 7),
                                                                .limit_class = ww_pg_str(r, i, 8),
                                                                .at = at,
                                                                .is_subject = id == t->thing_id},
                                       &err);
    }
    if (st != WW_OK)
        lost(k, &err);
    else
        ask_around(k, "trace_readings", on_readings);
}

static void on_due(void *arg, enum ww_status status, const struct ww_pg_result *r,
                   const struct ww_error *why) {
    struct space_keeper *k = arg;
    struct trace_seat *t = k->trace;
    if (!space_answered(k, status, why))
        return;
    if (ww_pg_rows(r) == 0) {
        space_go_on(k);
        return;
    }
    struct ww_str property = ww_pg_str(r, 0, 2);
    t->alert_id = ww_pg_i64(r, 0, 0);
    t->thing_id = ww_pg_i64(r, 0, 1);
    t->is_air = ww_pg_bool(r, 0, 3);
    t->looked_us = 0; /* another may wait */
    snprintf(t->property, sizeof t->property, "%.*s", WW_STR_ARG(property));
    t->is = ww_trace_case_new(t->is_air ? WW_TRACE_AIR : WW_TRACE_WATER, ww_pg_i64(r, 0, 4), space_now_us());
    if (t->is && !ww_pg_is_null(r, 0, 5))
        ww_trace_cleared(t->is, ww_pg_i64(r, 0, 5));
    if (t->is)
        ask_around(k, "trace_points", on_points);
    else
        t->looked_us = space_now_us() + 30 * LOOK_US; /* no memory: later */
}

/* ---- Writing ---- */

static void write_trace(struct space_keeper *k) {
    struct trace_seat *t = k->trace;
    struct ww_error err;
    if (ww_buf_status(&t->trace) == WW_OK && ww_buf_status(&t->geojson) == WW_OK) {
        write_answer(k, ww_buf_str(&t->trace), ww_buf_str(&t->geojson));
        return;
    }
    ww_error_set(&err, WW_NO_MEMORY, "the answer needs too much memory");
    lost(k, &err);
}

void trace_go_on(struct space_keeper *k, int64_t now) {
    struct trace_seat *t = k->trace;
    struct ww_pg_args args;
    if (t->is_working || (t->is && !t->is_done))
        return;
    if (t->is_done) {
        write_trace(k);
        return;
    }
    if (now - t->looked_us < LOOK_US)
        return;
    t->looked_us = now;
    ww_pg_args_init(&args);
    space_ask(k, "trace_due", &args, on_due);
}

/* The connection is gone; what is being worked out is written when it is back. */
void trace_forget(struct space_keeper *k) {
    if (!k->trace->is_working)
        drop(k->trace);
}

/* ---- Life ---- */

struct trace_seat *trace_new(struct space_keeper *k) {
    struct trace_seat *t = ww_must_calloc(1, sizeof *t);
    t->keeper = k;
    t->worker = ww_worker_pool_new(k->path->base, 1);
    return t;
}

void trace_stop(struct space_keeper *k) {
    ww_worker_pool_free(k->trace->worker); /* waits for what is under way */
    k->trace->worker = NULL;
}

void trace_free(struct space_keeper *k) {
    drop(k->trace);
    ww_free(k->trace);
}
