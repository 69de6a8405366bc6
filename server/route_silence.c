/* Silences are made and ended; lists and single ones are route_list.c's. */
#include <inttypes.h>
#include <stdio.h>

#include "server/alert_acts.h"
#include "server/route_table.h"

struct silence_run {
    struct ww_route_call *call;
    int http; /* of the answer */
    char id[24];
};

static void on_shown(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct silence_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is no such silence, or it is not yours to see");
    else
        ww_call_answer_json(run->call, run->http, ww_pg_str(r, 0, 1));
}

static void show(struct silence_run *run, int64_t id) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_null(&args);
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, 1);
    ww_pg_arg_bool(&args, false);
    ww_pg_arg_null(&args);
    snprintf(run->id, sizeof run->id, "%" PRId64, id);
    ww_pg_arg_str(&args, ww_str_of(run->id));
    enum ww_status st = ww_call_query(run->call, ww_sql_find("api_silences"), &args, on_shown, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

static void on_made(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct silence_run *run = arg;
    struct ww_error problem;
    int64_t id;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_silence_made(r, &id, &problem) != WW_OK)
        ww_http_respond_error(run->call->req, ww_http_status_of(problem.status), &problem);
    else
        show(run, id);
}

static void on_ended(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct silence_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is no such silence, or it is not yours to end");
    else
        show(run, ww_pg_i64(r, 0, 0));
}

static void ask(struct ww_route_call *call, int http, const char *query, struct ww_pg_args *args,
                ww_pg_cb cb) {
    struct silence_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    enum ww_status st = WW_NO_MEMORY;
    if (run) {
        *run = (struct silence_run){.call = call, .http = http};
        st = ww_pg_pool_query(call->app->pool, ww_sql_find(query), args, cb, run);
    }
    ww_pg_args_clear(args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

void ww_handle_silence_create(struct ww_route_call *call) {
    struct ww_silence_body body;
    struct ww_error err;
    struct ww_pg_args args;
    if (ww_silence_body_read(ww_http_arena(call->req), ww_http_body(call->req), &body, &err) != WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    ww_pg_args_init(&args);
    ww_silence_args(&body, ww_str_of(call->account->name), ww_call_wards(call), &args);
    ask(call, 201, "silence_make", &args, on_made);
}

void ww_handle_silence_end(struct ww_route_call *call) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    ww_call_arg(&args, ww_call_wards(call));
    ask(call, 200, "silence_over", &args, on_ended);
}
