/* People's acts on alerts: acknowledge, assign, comment, snooze, escalate, resolve (geo/alert/work.h judges
 * them).
 *
 * An act reads the work with the eyes of whoever acts (what is not his is 404), decides, and writes if nobody
 * was faster; else it reads again. With If-Match the work must be as the caller saw it, else 412, and nothing
 * is written. What is so already is answered as if it had just been done, so that a request may be repeated.
 */
#include "server/alert_acts.h"
#include "server/change_body.h"
#include "server/route_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

struct act_run {
    struct ww_route_call *call;
    struct ww_act act;
    struct ww_alert_now now;
    int64_t expected; /* version; -1 = any */
    int tries;
};

static void read_work(struct act_run *run);

/* ---- The answer: the alert as it is then ---- */

static void on_shown(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct act_run *run = arg;
    struct ww_route_call *call = run->call;
    if (status != WW_OK)
        ww_call_fail_db(call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(call, WW_NOT_FOUND, "", "there is no such thing, or it is not yours to see");
    else
        ww_call_answer_json(call, 200, ww_pg_str(r, 0, 1));
}

static void show(struct act_run *run) {
    enum { AFTER_THE_ID = 6 };
    struct ww_route_call *call = run->call;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, ww_call_wards(call));
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, 1);
    ww_pg_arg_bool(&args, false);
    for (int i = 0; i < 6; i++) /* api_alerts.sql has so many filters before the id */
        ww_pg_arg_null(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    for (int i = 0; i < AFTER_THE_ID; i++)
        ww_pg_arg_null(&args);
    enum ww_status st = ww_call_query(call, ww_sql_find("api_alerts"), &args, on_shown, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

/* ---- Deciding and writing ---- */

static void on_written(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct act_run *run = arg;
    struct ww_error problem;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
        return;
    }
    enum ww_status st = ww_alert_act_wrote(r, &problem);
    if (st == WW_OK)
        show(run);
    else if (st == WW_BUSY && ++run->tries < WW_ALERT_ACT_TRIES)
        read_work(run);
    else
        ww_http_respond_error(run->call->req, ww_http_status_of(st), &problem);
}

static void write_work(struct act_run *run) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_alert_act_args(run->call->path_arg[0], &run->now, &run->act, &args);
    enum ww_status st =
        ww_pg_pool_query(run->call->app->pool, ww_sql_find("alert_work_write"), &args, on_written, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

static void decide(struct act_run *run) {
    struct ww_error err;
    switch (ww_work_do(&run->now.work, &run->act, &err)) {
    case WW_ALREADY:
        show(run);
        return;
    case WW_REFUSED:
        ww_http_respond_error(run->call->req, ww_http_status_of(err.status), &err);
        return;
    case WW_DONE:
        if (run->expected < 0 || run->expected == run->now.version) {
            write_work(run);
            return;
        }
        ww_error_set(&err, WW_CONFLICT, "it is at version %" PRId64 " by now: look at it again",
                     run->now.version);
        ww_error_at_field(&err, WW_STR("If-Match"), WW_STR_NONE);
        ww_http_respond_error(run->call->req, 412, &err);
        return;
    }
}

static void on_work(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct act_run *run = arg;
    struct ww_error problem;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is no such thing, or it is not yours to see");
    else if (ww_alert_now_read(ww_http_arena(run->call->req), r, &run->now, &problem) != WW_OK)
        ww_http_respond_error(run->call->req, ww_http_status_of(problem.status), &problem);
    else
        decide(run);
}

static void read_work(struct act_run *run) {
    struct ww_route_call *call = run->call;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, ww_call_wards(call));
    ww_pg_arg_str(&args, call->path_arg[0]);
    enum ww_status st = ww_call_query(call, ww_sql_find("alert_work_read"), &args, on_work, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

/* ---- The request ---- */

/* If-Match: "7" or 7, the work's version; * or nothing: any. */
static bool read_expected(struct act_run *run) {
    struct ww_str text = ww_str_trim(ww_http_header(run->call->req, "If-Match"));
    uint64_t version;
    run->expected = -1;
    if (text.len == 0 || ww_str_is(text, "*"))
        return true;
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (struct ww_str){text.ptr + 1, text.len - 2};
    if (!ww_str_to_u64(text, &version) || version > INT32_MAX) {
        ww_call_fail(run->call, WW_BAD_INPUT, "If-Match", "If-Match must be the version of the alert's work");
        return false;
    }
    run->expected = (int64_t)version;
    return true;
}

void ww_handle_alert_act(struct ww_route_call *call) {
    struct act_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    struct ww_error err;
    struct timespec now;
    enum ww_act_kind kind;
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    run->call = call;
    bool is_known = ww_act_find(ww_str_of(strrchr(call->route->path, '/') + 1), &kind);
    assert(is_known); /* the routes are named after the acts */
    if (ww_act_body_read(ww_http_arena(call->req), ww_http_body(call->req), kind, &run->act, &err) != WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    if (!read_expected(run))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    run->act.now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    /* Kept: the account may be another by the time the database answers. */
    run->act.actor = ww_arena_copy(ww_http_arena(call->req), ww_str_of(call->account->name));
    if (run->act.actor.ptr)
        read_work(run);
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
}
