/* Creates and changes HJ 212 stations, queues and cancels their commands.
 *
 * Each changes by one query and then answers with the object as the reading route shows it, so that there is
 * one place that knows what may be shown.
 */
#include "server/route_table.h"
#include "server/station_body.h"

enum { BODY_CEILING = 1 << 20, QUEUE_MOST = 100 };

struct station_run {
    struct ww_route_call *call;
    int http_status;   /* of the answer */
    const char *show;  /* the query that shows the object … */
    int n_empty;       /* … with so many empty filters before the key */
    struct ww_str key; /* MN, or the command's id */
    char id[24];
};

static struct station_run *new_run(struct ww_route_call *call, int http_status, const char *show,
                                   int n_empty) {
    struct station_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    *run = (struct station_run){.call = call, .http_status = http_status, .show = show, .n_empty = n_empty};
    return run;
}

static void finish_query(struct station_run *run, enum ww_status st, struct ww_pg_args *args) {
    ww_pg_args_clear(args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

static void run_query(struct station_run *run, const char *query, struct ww_pg_args *args, ww_pg_cb cb) {
    finish_query(run, ww_pg_pool_query(run->call->app->pool, ww_sql_find(query), args, cb, run), args);
}

static void fail(struct station_run *run, const struct ww_error *err) {
    ww_http_respond_error(run->call->req, ww_http_status_of(err->status), err);
}

static void on_shown(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct station_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "it was there and is gone");
    else
        ww_call_answer_json(run->call, run->http_status, ww_pg_str(r, 0, 1));
}

static void show(struct station_run *run) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_null(&args); /* wards: the route is for accounts over all of them */
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, 1);
    ww_pg_arg_bool(&args, false);
    for (int i = 0; i < run->n_empty; i++)
        ww_pg_arg_null(&args);
    ww_pg_arg_str(&args, run->key);
    finish_query(run, ww_call_query(run->call, ww_sql_find(run->show), &args, on_shown, run), &args);
}

/* ---- Stations ---- */

static void on_written(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct station_run *run = arg;
    struct ww_error problem;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_station_problem(ww_pg_str(r, 0, 1), &problem) != WW_OK)
        fail(run, &problem);
    else
        show(run);
}

static void write_station(struct ww_route_call *call, bool is_new) {
    struct station_run *run = new_run(call, is_new ? 201 : 200, "api_station", 0);
    struct ww_arena *arena = ww_http_arena(call->req);
    struct ww_json_node *root;
    struct ww_error err;
    struct ww_buf rows;
    struct ww_json json;
    if (!run)
        return;
    struct ww_str mn = is_new ? WW_STR_NONE : call->path_arg[0];
    ww_buf_init(&rows, BODY_CEILING);
    ww_json_init(&json, &rows);
    ww_json_array(&json);
    enum ww_status st = ww_json_parse(arena, ww_http_body(call->req), &root, &err);
    if (st == WW_OK)
        st = ww_station_body_write(root, mn, is_new, 0, &json, &err);
    if (st != WW_OK) {
        ww_buf_clear(&rows);
        fail(run, &err);
        return;
    }
    ww_json_end_array(&json);
    if (is_new)
        ww_json_as_str(ww_json_get(root, "mn"), &mn);
    run->key = mn;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&rows));
    ww_pg_arg_str(&args, is_new ? WW_STR("create") : WW_STR("replace"));
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    st = ww_buf_status(&rows);
    ww_buf_clear(&rows);
    if (st != WW_OK) {
        ww_pg_args_clear(&args);
        ww_call_fail(call, st, "", "the body is too large");
        return;
    }
    run_query(run, "station_write", &args, on_written);
}

void ww_handle_station_create(struct ww_route_call *call) {
    write_station(call, true);
}

void ww_handle_station_replace(struct ww_route_call *call) {
    write_station(call, false);
}

/* ---- Commands ---- */

static void on_queued(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct station_run *run = arg;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
    } else if (ww_pg_rows(r) == 0) {
        ww_call_fail(run->call, WW_NOT_FOUND, "mn", "there is no station with this MN");
    } else if (!ww_pg_bool(r, 0, 0)) {
        ww_call_fail(run->call, WW_CONFLICT, "mn", "this station is switched off");
    } else if (ww_pg_is_null(r, 0, 2)) {
        ww_call_fail(run->call, WW_BUSY, "mn", "%d commands wait for this station already", QUEUE_MOST);
    } else {
        struct ww_str id = ww_pg_str(r, 0, 2);
        size_t len = id.len < sizeof run->id ? id.len : sizeof run->id - 1;
        memcpy(run->id, id.ptr, len);
        run->key = (struct ww_str){run->id, len};
        show(run);
    }
}

void ww_handle_station_command_create(struct ww_route_call *call) {
    struct station_run *run = new_run(call, 201, "api_station_commands", 3);
    struct ww_station_command command;
    struct ww_error err;
    if (!run)
        return;
    if (ww_station_command_read(ww_http_arena(call->req), ww_http_body(call->req), &command, &err) != WW_OK) {
        fail(run, &err);
        return;
    }
    struct ww_buf fields;
    struct ww_json json;
    ww_buf_init(&fields, BODY_CEILING);
    ww_json_init(&json, &fields);
    ww_station_fields_write(&command, &json);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    ww_pg_arg_i64(&args, command.cn);
    ww_pg_arg_str(&args, ww_buf_str(&fields));
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    ww_buf_clear(&fields);
    run_query(run, "station_command_add", &args, on_queued);
}

static void on_cancelled(void *arg, enum ww_status status, const struct ww_pg_result *r,
                         const struct ww_error *err) {
    struct station_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is no such command");
    else if (!ww_pg_bool(r, 0, 1))
        ww_call_fail(run->call, WW_CONFLICT, "state", "this command is %.*s already",
                     WW_STR_ARG(ww_pg_str(r, 0, 0)));
    else
        show(run);
}

void ww_handle_station_command_cancel(struct ww_route_call *call) {
    struct station_run *run = new_run(call, 200, "api_station_commands", 3);
    if (!run)
        return;
    run->key = call->path_arg[0];
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, run->key);
    ww_pg_arg_str(&args, ww_str_of(call->account->name));
    run_query(run, "station_command_cancel", &args, on_cancelled);
}
