/* Announces and ends maintenance windows. Running servers learn of it by NOTIFY ww_catalog. */
#include "server/change_body.h"
#include "server/route_table.h"

static void answer(struct ww_route_call *call, enum ww_status status, const struct ww_pg_result *r,
                   const struct ww_error *err, int http, const char *missing) {
    if (status != WW_OK)
        ww_call_fail_db(call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(call, WW_NOT_FOUND, "", "%s", missing);
    else
        ww_call_answer_json(call, http, ww_pg_str(r, 0, 0));
}

static void on_created(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    answer(arg, status, r, err, 201,
           "what it is about is not there or not yours to see, or the window has no or too long a time");
}

static void on_ended(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    answer(arg, status, r, err, 200, "there is no such window, it is over, or it is not yours to see");
}

static void ask(struct ww_route_call *call, const char *query, struct ww_pg_args *args, ww_pg_cb cb) {
    enum ww_status st = ww_pg_pool_query(call->app->pool, ww_sql_find(query), args, cb, call);
    ww_pg_args_clear(args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

void ww_handle_maintenance_create(struct ww_route_call *call) {
    struct ww_window_body body;
    struct ww_error err;
    struct ww_pg_args args;
    if (ww_window_body_read(ww_http_arena(call->req), ww_http_body(call->req), &body, &err) != WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    ww_pg_args_init(&args);
    ww_call_arg(&args, body.thing);
    ww_call_arg(&args, body.property);
    ww_call_arg(&args, body.site);
    ww_call_arg(&args, body.ward);
    ww_call_arg(&args, body.from);
    ww_call_arg(&args, body.to);
    ww_call_arg(&args, body.reason);
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    ww_call_arg(&args, ww_call_wards(call));
    ww_call_arg(&args, body.feed);
    ww_call_arg(&args, body.key);
    ask(call, "api_maintenance_create", &args, on_created);
}

void ww_handle_maintenance_end(struct ww_route_call *call) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    ww_call_arg(&args, ww_call_wards(call));
    ask(call, "api_maintenance_end", &args, on_ended);
}
