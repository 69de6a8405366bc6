/* /api/v1/backtests: starts, shows and cancels back-tests. */
#include "server/backtest_job.h"
#include "server/backtests.h"
#include "server/route_table.h"
#include "server/rule_facts.h"

struct start_run {
    struct ww_route_call *call;
    struct ww_rule_facts facts; /* of a draft */
};

static int64_t id_of(const struct ww_route_call *call) {
    int64_t id;
    return ww_str_to_i64(call->path_arg[0], &id) ? id : 0;
}

static void answer(struct ww_route_call *call, int http_status, int64_t id, bool with_report) {
    struct ww_buf out;
    ww_buf_init(&out, WW_BACKTEST_REPORT_CEILING + ((size_t)1 << 20));
    if (!ww_backtests_show(call->app->backtests, id, with_report, &out))
        ww_call_fail(call, WW_NOT_FOUND, "", "there is no such back-test (any more)");
    else if (ww_buf_status(&out) != WW_OK)
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    else
        ww_call_answer_json(call, http_status, ww_buf_str(&out));
    ww_buf_clear(&out);
}

static void start(struct ww_route_call *call) {
    struct ww_error err;
    int64_t id;
    if (ww_backtests_start(call->app->backtests, ww_http_body(call->req), call->account->name, &id, &err) !=
        WW_OK)
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
    else
        answer(call, 201, id, false);
}

/* What a draft names must be there; its members are told as "rule.config.member". */
static void on_facts(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct start_run *run = arg;
    struct ww_error problem;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_rule_facts_check(&run->facts, r, &problem) != WW_OK)
        ww_call_fail(run->call, WW_BAD_INPUT,
                     strcmp(problem.field, "config.property") == 0   ? "rule.config.property"
                     : strcmp(problem.field, "config.standard") == 0 ? "rule.config.standard"
                     : strcmp(problem.field, "config.feed") == 0     ? "rule.config.feed"
                                                                     : "rule.config.wards",
                     "%s", problem.message);
    else
        start(run->call);
}

static void on_rule(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct start_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_BAD_INPUT, "rule", "there is no rule of that code");
    else
        start(run->call);
}

void ww_handle_backtest_start(struct ww_route_call *call) {
    struct ww_arena *arena = ww_http_arena(call->req);
    struct start_run *run = ww_arena_calloc(arena, 1, sizeof *run);
    struct ww_backtest_request request;
    struct ww_error err;
    struct ww_pg_args args;
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    run->call = call;
    if (ww_backtest_request_read(arena, ww_http_body(call->req), &request, &err) != WW_OK) {
        ww_http_respond_error(call->req, ww_http_status_of(err.status), &err);
        return;
    }
    bool is_draft = request.code.len == 0;
    ww_pg_args_init(&args);
    if (is_draft) {
        const struct ww_rule_kind *kind = ww_rule_kind_find(request.draft.detector);
        if (kind->check(kind, arena, request.draft.config, &run->facts, &err) != WW_OK) {
            ww_pg_args_clear(&args);
            ww_http_respond_error(call->req, 400, &err);
            return;
        }
        ww_rule_facts_ask(&run->facts, &args);
    } else {
        ww_pg_arg_str(&args, request.code);
    }
    enum ww_status st = ww_call_query(call, ww_sql_find(is_draft ? "api_rule_facts" : "api_rule"), &args,
                                      is_draft ? on_facts : on_rule, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

void ww_handle_backtest_list(struct ww_route_call *call) {
    struct ww_buf out;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_backtests_list(call->app->backtests, &out);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

void ww_handle_backtest_show(struct ww_route_call *call) {
    answer(call, 200, id_of(call), true);
}

/* Answered with what it is now: a running one says "cancelled" a moment later, a finished one is gone after
 * that. */
void ww_handle_backtest_cancel(struct ww_route_call *call) {
    answer(call, 200, id_of(call), false);
    (void)ww_backtests_cancel(call->app->backtests, id_of(call));
}
