/* Logging in, asking who one is, logging out.
 *
 * A session is one more token of the account, of 12 hours, kept in an HttpOnly cookie. The answer
 * goes out when the accounts in memory have it (or have it no more), so that the very next
 * request finds what the answer said.
 */
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"
#include "server/route_table.h"

#define SESSION_S (12 * 3600)

struct session_run {
    struct ww_route_call *call;
    char token[WW_TOKEN_TEXT];
    unsigned char hash[32];
};

static void add_cookie(struct ww_http_request *req, const char *token, int max_age_s) {
    char cookie[256];
    /* Behind a proxy that speaks TLS the cookie must not travel without it. */
    bool tls = ww_str_eq_nocase(ww_http_header(req, "X-Forwarded-Proto"), WW_STR("https"));
    snprintf(cookie, sizeof cookie, "ww_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", token,
             max_age_s, tls ? "; Secure" : "");
    ww_http_add_header(req, "Set-Cookie", cookie);
}

static void answer_account(struct ww_route_call *call, const struct ww_account *account,
                           struct ww_str wards) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "account");
    ww_json_object(&w);
    ww_json_key(&w, "name");
    ww_json_text(&w, account->name);
    ww_json_key(&w, "role");
    ww_json_text(&w, ww_role_name(account->role));
    ww_json_key(&w, "all_wards");
    ww_json_bool(&w, account->all_wards);
    ww_json_key(&w, "wards");
    ww_json_raw(&w, wards);
    ww_json_end_object(&w);
    ww_json_end_object(&w);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

static struct session_run *new_run(struct ww_route_call *call) {
    struct session_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    if (run)
        run->call = call;
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
    return run;
}

/* ---- Showing ---- */

static void on_ward_codes(void *arg, enum ww_status status, const struct ww_pg_result *r,
                          const struct ww_error *err) {
    struct session_run *run = arg;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
        return;
    }
    const struct ww_account *account = ww_accounts_by_hash(run->call->app->accounts, run->hash);
    if (!account)
        ww_call_fail(run->call, WW_UNAVAILABLE, "", "the account changed just now");
    else
        answer_account(run->call, account, ww_pg_str(r, 0, 0));
}

/* The account of run->hash, with the codes of its wards. */
static void show_account(struct session_run *run, const struct ww_account *account) {
    struct ww_pg_args args;
    if (account->all_wards) {
        answer_account(run->call, account, WW_STR("[]"));
        return;
    }
    run->call->account = account;
    ww_pg_args_init(&args);
    ww_call_arg(&args, ww_call_wards(run->call));
    enum ww_status st = ww_call_query(run->call, ww_sql_find("api_ward_codes"), &args, on_ward_codes, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

void ww_handle_session_show(struct ww_route_call *call) {
    struct session_run *run = new_run(call);
    struct ww_str token;
    bool from_cookie;
    if (!run)
        return;
    if (ww_request_token(call->req, &token, &from_cookie))
        ww_token_hash(token, run->hash);
    show_account(run, call->account);
}

/* ---- Logging in ---- */

static void on_opened_loaded(void *arg, bool loaded) {
    struct session_run *run = arg;
    const struct ww_account *account = ww_accounts_by_hash(run->call->app->accounts, run->hash);
    if (!loaded || !account) {
        ww_call_fail(run->call, WW_UNAVAILABLE, "", "the session could not be opened now");
        return;
    }
    add_cookie(run->call->req, run->token, SESSION_S);
    show_account(run, account);
}

static void on_opened(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct session_run *run = arg;
    (void)r;
    if (status == WW_OK)
        status = ww_accounts_reload_then(run->call->app->accounts, on_opened_loaded, run);
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
}

static bool read_login(struct ww_route_call *call, struct ww_str *token) {
    struct ww_json_node *root;
    struct ww_error err;
    if (ww_json_parse(ww_http_arena(call->req), ww_http_body(call->req), &root, &err) != WW_OK) {
        ww_http_respond_error(call->req, 400, &err);
        return false;
    }
    if (!ww_json_as_str(ww_json_get(root, "token"), token)) {
        ww_call_fail(call, WW_BAD_INPUT, "token", "the body must be {\"token\":\"…\"}");
        return false;
    }
    return true;
}

void ww_handle_session_open(struct ww_route_call *call) {
    struct ww_accounts *accounts = call->app->accounts;
    struct ww_str token;
    /* Another site must not be able to log its visitor in as somebody of its choice. */
    if (ww_http_header(call->req, "Origin").len && !ww_request_is_same_origin(call->req)) {
        ww_call_fail(call, WW_DENIED, "", "log in from a page of this server");
        return;
    }
    if (!read_login(call, &token))
        return;
    if (!ww_accounts_are_loaded(accounts)) {
        ww_call_fail(call, WW_UNAVAILABLE, "", "accounts are not loaded yet");
        return;
    }
    const struct ww_account *account = ww_accounts_by_token(accounts, ww_str_trim(token));
    if (!account) {
        ww_call_fail(call, WW_DENIED, "token", "the token is unknown, expired or revoked");
        return;
    }
    struct session_run *run = new_run(call);
    if (!run)
        return;
    struct ww_pg_args args;
    ww_token_make(run->token, run->hash);
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, account->id);
    ww_pg_arg_bytea(&args, (struct ww_str){(const char *)run->hash, sizeof run->hash});
    enum ww_status st = ww_pg_pool_query(call->app->pool, ww_sql_find("session_open"), &args, on_opened, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

/* ---- Logging out ---- */

static void on_closed_loaded(void *arg, bool loaded) {
    struct session_run *run = arg;
    (void)loaded; /* it is revoked in the database in any case, and the next load will see it */
    add_cookie(run->call->req, "", 0);
    ww_http_respond(run->call->req, 200, "application/json", WW_STR("{\"account\":null}"));
}

static void on_closed(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct session_run *run = arg;
    (void)r;
    if (status == WW_OK)
        status = ww_accounts_reload_then(run->call->app->accounts, on_closed_loaded, run);
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
}

void ww_handle_session_close(struct ww_route_call *call) {
    struct session_run *run = new_run(call);
    struct ww_str token;
    bool from_cookie;
    if (!run)
        return;
    if (ww_request_token(call->req, &token, &from_cookie))
        ww_token_hash(token, run->hash);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_bytea(&args, (struct ww_str){(const char *)run->hash, sizeof run->hash});
    enum ww_status st =
        ww_pg_pool_query(call->app->pool, ww_sql_find("session_close"), &args, on_closed, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}
