/* Creates and replaces feeds, rules and limits. Running servers learn of it by NOTIFY ww_catalog. */
#include "geo/instant.h"
#include "geo/unit.h"
#include "server/change_body.h"
#include "server/route_table.h"
#include "server/rule_facts.h"

struct change_run {
    struct ww_route_call *call;
    bool is_new;
    struct ww_str name; /* of what is replaced */
    struct ww_feed_body feed;
    struct ww_rule_body rule;
    struct ww_limit_body limit;
};

static struct change_run *new_run(struct ww_route_call *call, bool is_new) {
    struct change_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    run->call = call;
    run->is_new = is_new;
    run->name = call->path_arg[0];
    return run;
}

/* One row with the object as JSON; no row when there is nothing of that name. */
static void on_changed(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct change_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is nothing of that name");
    else
        ww_call_answer_json(run->call, run->is_new ? 201 : 200, ww_pg_str(r, 0, 0));
}

static void run_query(struct change_run *run, const char *query, struct ww_pg_args *args, ww_pg_cb cb) {
    enum ww_status st = ww_pg_pool_query(run->call->app->pool, ww_sql_find(query), args, cb, run);
    ww_pg_args_clear(args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

/* A name in the body of a replacement may only repeat the one in the path. */
static bool name_fits(struct change_run *run, struct ww_str in_body, const char *field) {
    if (run->is_new) {
        run->name = in_body;
        return true;
    }
    if (in_body.ptr && !ww_str_eq(in_body, run->name)) {
        ww_call_fail(run->call, WW_BAD_INPUT, field, "%s cannot be changed", field);
        return false;
    }
    return true;
}

/* ---- Feeds ---- */

static void change_feed(struct ww_route_call *call, bool is_new) {
    struct change_run *run = new_run(call, is_new);
    struct ww_error err;
    if (!run)
        return;
    if (ww_feed_body_read(ww_http_arena(call->req), ww_http_body(call->req), is_new, &run->feed, &err) !=
        WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    if (!name_fits(run, run->feed.name, "name"))
        return;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, run->name);
    ww_call_arg(&args, run->feed.title);
    ww_call_arg(&args, run->feed.config);
    ww_call_arg(&args, run->feed.enabled);
    run_query(run, call->route->query, &args, on_changed);
}

void ww_handle_feed_create(struct ww_route_call *call) {
    change_feed(call, true);
}

void ww_handle_feed_replace(struct ww_route_call *call) {
    change_feed(call, false);
}

/* ---- Rules ---- */

static void write_rule(struct change_run *run) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, run->name);
    ww_call_arg(&args, run->rule.name_zh);
    ww_call_arg(&args, run->rule.name_en);
    ww_call_arg(&args, run->rule.detector);
    ww_pg_arg_i64(&args, run->rule.severity);
    ww_pg_arg_bool(&args, run->rule.enabled);
    ww_call_arg(&args, run->rule.config);
    run_query(run, run->call->route->query, &args, on_changed);
}

static void on_rule_facts(void *arg, enum ww_status status, const struct ww_pg_result *r,
                          const struct ww_error *err) {
    struct change_run *run = arg;
    struct ww_error missing;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_rule_facts_check(&run->rule.facts, r, &missing) != WW_OK)
        ww_call_fail(run->call, WW_BAD_INPUT, missing.field, "%s", missing.message);
    else
        write_rule(run);
}

static void change_rule(struct ww_route_call *call, bool is_new) {
    struct change_run *run = new_run(call, is_new);
    struct ww_error err;
    if (!run)
        return;
    if (ww_rule_body_read(ww_http_arena(call->req), ww_http_body(call->req), is_new, &run->rule, &err) !=
        WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    if (!name_fits(run, run->rule.code, "code"))
        return;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_rule_facts_ask(&run->rule.facts, &args);
    run_query(run, "api_rule_facts", &args, on_rule_facts);
}

void ww_handle_rule_create(struct ww_route_call *call) {
    change_rule(call, true);
}

void ww_handle_rule_replace(struct ww_route_call *call) {
    change_rule(call, false);
}

/* ---- Limits ---- */

static void insert_limit(struct change_run *run) {
    struct ww_pg_args args;
    int64_t instant;
    ww_pg_args_init(&args);
    for (int i = 0; i < WW_LIMIT_COLUMNS; i++) {
        bool is_instant = i == 12 || i == 13; /* valid_from, valid_to */
        struct ww_str text = run->limit.column[i];
        if (is_instant && text.ptr && ww_instant_parse(text, NULL, &instant, NULL) == WW_OK)
            ww_pg_arg_instant(&args, instant);
        else
            ww_call_arg(&args, text);
    }
    run_query(run, run->call->route->query, &args, on_changed);
}

static void on_property(void *arg, enum ww_status status, const struct ww_pg_result *r,
                        const struct ww_error *err) {
    struct change_run *run = arg;
    struct ww_conversion conversion;
    struct ww_error unit_err;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
        return;
    }
    if (ww_pg_rows(r) == 0) {
        ww_call_fail(run->call, WW_BAD_INPUT, "property", "the property %.*s is not known",
                     WW_STR_ARG(run->limit.column[0]));
        return;
    }
    if (ww_unit_conversion(run->limit.column[8], ww_pg_str(r, 0, 0), ww_pg_double(r, 0, 1), &conversion,
                           &unit_err) != WW_OK) {
        ww_call_fail(run->call, WW_BAD_INPUT, "unit", "%s", unit_err.message);
        return;
    }
    insert_limit(run);
}

void ww_handle_limit_create(struct ww_route_call *call) {
    struct change_run *run = new_run(call, true);
    struct ww_error err;
    if (!run)
        return;
    if (ww_limit_body_read(ww_http_arena(call->req), ww_http_body(call->req), &run->limit, &err) != WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, run->limit.column[0]);
    run_query(run, "api_property_unit", &args, on_property);
}
