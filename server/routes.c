/* Takes each request to its row of the route table: method, rights, parameters, then the handler.
 *
 * Rights are checked before the body is read, so that strangers can't make us read one, and again when it is
 * there, because the token may have been revoked meanwhile.
 */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "geo/base/buf.h"
#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "server/route_table.h"
#include "server/static_files.h"

#define JSON_TYPE "application/json"

/* ---- Who asks ---- */

bool ww_request_token(const struct ww_http_request *req, struct ww_str *token, bool *from_cookie) {
    struct ww_str header = ww_http_header(req, "Authorization");
    *from_cookie = false;
    if (header.len) {
        struct ww_str scheme = {header.ptr, header.len < 7 ? header.len : 7};
        *token = WW_STR_NONE; /* another scheme is a wrong token, not nobody */
        if (ww_str_eq_nocase(scheme, WW_STR("Bearer ")))
            *token = ww_str_trim((struct ww_str){header.ptr + 7, header.len - 7});
        return true;
    }
    *from_cookie = true;
    return ww_http_cookie(req, "ww_session", token);
}

/* Desktop programs know names and passwords, but not bearers: the password is the token, the name is not
 * looked at. Only where nothing can be changed, because a browser sends such a header by itself. */
static bool token_from_basic(struct ww_http_request *req, struct ww_str *token) {
    struct ww_str header = ww_http_header(req, "Authorization");
    static const struct ww_str scheme = WW_STR("Basic ");
    if (header.len < scheme.len || !ww_str_eq_nocase((struct ww_str){header.ptr, scheme.len}, scheme))
        return false;
    struct ww_str text = ww_str_trim((struct ww_str){header.ptr + scheme.len, header.len - scheme.len});
    unsigned char *out = text.len < 4096 ? ww_arena_alloc(ww_http_arena(req), text.len + 4) : NULL;
    *token = WW_STR_NONE;
    if (!out || text.len % 4 != 0)
        return true;
    int n = EVP_DecodeBlock(out, (const unsigned char *)text.ptr, (int)text.len);
    if (n < 0)
        return true;
    for (size_t i = text.len; i > 0 && text.ptr[i - 1] == '='; i--)
        n--; /* the padding is counted as bytes */
    const char *colon = n > 0 ? memchr(out, ':', (size_t)n) : NULL;
    if (colon)
        *token = (struct ww_str){colon + 1, (size_t)n - (size_t)(colon + 1 - (const char *)out)};
    return true;
}

bool ww_request_is_same_origin(const struct ww_http_request *req) {
    struct ww_str origin = ww_http_header(req, "Origin");
    if (!origin.len)
        return ww_str_is(ww_http_header(req, "Sec-Fetch-Site"), "same-origin");
    struct ww_str host = ww_http_header(req, "Host");
    size_t scheme = ww_str_starts(origin, WW_STR("https://"))  ? 8
                    : ww_str_starts(origin, WW_STR("http://")) ? 7
                                                               : 0;
    return scheme && host.len &&
           ww_str_eq_nocase((struct ww_str){origin.ptr + scheme, origin.len - scheme}, host);
}

static bool changes_something(enum ww_http_method method) {
    return method != WW_HTTP_GET && method != WW_HTTP_HEAD && method != WW_HTTP_OPTIONS;
}

static void refuse(struct ww_route_call *call, int http_status, enum ww_status status, const char *message) {
    struct ww_error err;
    ww_error_set(&err, status, "%s", message);
    if (http_status == 401)
        ww_http_add_header(call->req, "WWW-Authenticate", "Bearer");
    ww_http_respond_error(call->req, http_status, &err);
}

/* Fills call->account; false when the request was answered with a refusal. */
static bool authorize(struct ww_route_call *call) {
    const struct ww_route *route = call->route;
    struct ww_str token = WW_STR_NONE;
    bool from_cookie = false;
    call->account = NULL;
    if (route->flags & WW_ROUTE_PUBLIC)
        return true;
    bool may_be_nobody = (route->flags & WW_ROUTE_ANONYMOUS) && call->app->anonymous_read;
    bool has_token = ww_request_token(call->req, &token, &from_cookie);
    if (has_token && !from_cookie && (route->flags & WW_ROUTE_OGC))
        (void)token_from_basic(call->req, &token);
    if (has_token && !ww_accounts_are_loaded(call->app->accounts)) {
        refuse(call, 503, WW_UNAVAILABLE, "accounts are not loaded yet");
        return false;
    }
    if (has_token)
        call->account = ww_accounts_by_token(call->app->accounts, token);
    if (!call->account) {
        /* A cookie that has run out makes nobody of its reader; a wrong bearer token is a mistake to be told.
         */
        if (may_be_nobody && (!has_token || from_cookie))
            return true;
        refuse(call, 401, WW_DENIED,
               has_token ? "the token is unknown, expired or revoked" : "a token is needed");
        return false;
    }
    if (!(route->roles & WW_MAY(call->account->role))) {
        refuse(call, 403, WW_DENIED, "the role of this account may not do that");
        return false;
    }
    if ((route->flags & WW_ROUTE_ALL_WARDS) && !call->account->all_wards) {
        refuse(call, 403, WW_DENIED, "only accounts over all wards may do that");
        return false;
    }
    if (from_cookie && changes_something(ww_http_method(call->req)) &&
        !ww_request_is_same_origin(call->req)) {
        refuse(call, 403, WW_DENIED, "a change with the session cookie must come from a page of this server");
        return false;
    }
    return true;
}

/* ---- Parameters ---- */

static const struct ww_param *find_query_param(const struct ww_route *route, struct ww_str name) {
    const struct ww_param *param;
    for (size_t i = 0; (param = ww_route_param(route, i)); i++) {
        if (param->in == WW_IN_QUERY && ww_str_is(name, param->name))
            return param;
    }
    return NULL;
}

static bool params_are_good(struct ww_route_call *call, struct ww_error *err) {
    struct ww_str name, value;
    const struct ww_param *param;
    for (int i = 0; ww_http_param_at(call->req, i, &name, &value); i++) {
        param = find_query_param(call->route, name);
        if (!param) {
            ww_error_set(err, WW_BAD_INPUT, "unknown parameter %.*s", name.len > 60 ? 60 : (int)name.len,
                         name.ptr);
            ww_error_at_field(err, name, value);
            return false;
        }
        struct ww_str first;
        if (ww_http_param(call->req, param->name, &first) && first.ptr != value.ptr) {
            ww_error_set(err, WW_BAD_INPUT, "parameter %s is given twice", param->name);
            ww_error_at_field(err, name, value);
            return false;
        }
        if (ww_param_check(param, value, err) != WW_OK)
            return false;
    }
    size_t n_path = 0;
    for (size_t i = 0; (param = ww_route_param(call->route, i)); i++) {
        if (param->in == WW_IN_PATH && ww_param_check(param, call->path_arg[n_path++], err) != WW_OK)
            return false;
        if (param->in == WW_IN_QUERY && param->required && !ww_http_param(call->req, param->name, &value)) {
            ww_error_set(err, WW_BAD_INPUT, "parameter %s is required", param->name);
            ww_error_at_field(err, ww_str_of(param->name), WW_STR_NONE);
            return false;
        }
    }
    return true;
}

/* ---- The two steps of a request ---- */

static void respond_without_route(struct ww_app *app, struct ww_http_request *req, unsigned allowed) {
    struct ww_error err;
    enum ww_http_method method = ww_http_method(req);
    if (allowed) {
        char allow[64];
        struct ww_str path = ww_http_path(req);
        bool is_layer = ww_str_is(path, "/ogc") || ww_str_starts(path, WW_STR("/ogc/"));
        if (is_layer && method == WW_HTTP_OPTIONS)
            allowed |= 1u << WW_HTTP_OPTIONS;
        ww_route_allow_text(allowed, allow);
        ww_http_add_header(req, "Allow", allow);
        if (is_layer && method == WW_HTTP_OPTIONS) { /* QGIS asks what it may do */
            ww_http_respond(req, 204, NULL, WW_STR_NONE);
            return;
        }
        ww_error_set(&err, WW_BAD_INPUT, "this path takes %s", allow);
        ww_http_respond_error(req, 405, &err);
        return;
    }
    if (app->web && (method == WW_HTTP_GET || method == WW_HTTP_HEAD) && ww_static_respond(app->web, req))
        return;
    ww_error_set(&err, WW_NOT_FOUND, "there is nothing at this path");
    ww_http_respond_error(req, 404, &err);
}

void ww_routes_on_head(void *app_arg, struct ww_http_request *req) {
    struct ww_app *app = app_arg;
    struct ww_route_match match = ww_route_find(ww_http_method(req), ww_http_path(req));
    if (!match.route) {
        respond_without_route(app, req, match.allowed);
        return;
    }
    bool is_layer = match.route->flags & WW_ROUTE_OGC;
    ww_http_add_header(req, "X-Content-Type-Options", "nosniff");
    const bool is_tile = ww_str_starts(ww_http_path(req), WW_STR("/tiles/"));
    const bool is_checked = is_layer || is_tile || (match.route->flags & WW_ROUTE_CHECKED);
    ww_http_add_header(req, "Cache-Control", is_checked ? "private, no-cache" : "no-store");
    struct ww_error err;
    struct ww_route_call *call = ww_arena_calloc(ww_http_arena(req), 1, sizeof *call);
    if (!call) {
        ww_error_set(&err, WW_NO_MEMORY, "no memory for this request");
        ww_http_respond_error(req, 503, &err);
        return;
    }
    call->app = app;
    call->req = req;
    call->route = match.route;
    memcpy(call->path_arg, match.path_arg, sizeof call->path_arg);
    if (!authorize(call))
        return;
    if (!is_layer && !params_are_good(call, &err)) {
        ww_http_respond_error(req, 400, &err);
        return;
    }
    ww_http_set_context(req, call);
    ww_http_set_max_body(req, call->route->max_body ? call->route->max_body : 1024);
}

void ww_routes_on_request(void *app, struct ww_http_request *req) {
    struct ww_route_call *call = ww_http_context(req);
    (void)app;
    if (!ww_http_is_head_only(req) && !authorize(call))
        return;
    /* Accounts may be loaded anew while the database is asked: the request goes on as it began. */
    if (call->account && !(call->account = ww_account_copy(ww_http_arena(req), call->account)))
        refuse(call, 503, WW_NO_MEMORY, "no memory for this request");
    else
        call->route->handle(call);
}

/* ---- What handlers share ---- */

void ww_call_fail(struct ww_route_call *call, enum ww_status status, const char *field, const char *fmt,
                  ...) {
    struct ww_error err;
    char message[sizeof err.message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    ww_error_set(&err, status, "%s", message);
    if (*field)
        ww_error_at_field(&err, ww_str_of(field), WW_STR_NONE);
    ww_http_respond_error(call->req, ww_http_status_of(status), &err);
}

void ww_call_fail_db(struct ww_route_call *call, enum ww_status status, const struct ww_error *err) {
    if (status == WW_UNAVAILABLE || status == WW_BUSY) {
        if (err && err->field[0]) /* the database did answer: somebody may have to do something */
            ww_log(WW_LOG_WARN, "request=%llu route=%s sqlstate=%s reason=\"%s\"",
                   (unsigned long long)ww_http_request_id(call->req), call->route->path, err->field,
                   err->message);
        ww_call_fail(call, status, "", "the database does not answer now");
        return;
    }
    if (status == WW_CONFLICT) {
        ww_call_fail(call, status, "", "there is one already");
        return;
    }
    ww_log(WW_LOG_WARN, "request=%llu route=%s sqlstate=%s reason=\"%s\"",
           (unsigned long long)ww_http_request_id(call->req), call->route->path, err ? err->field : "",
           err ? err->message : "");
    ww_call_fail(call, status, "", "the database refuses a value of this request");
}

void ww_call_answer_json(struct ww_route_call *call, int status, struct ww_str json) {
    ww_http_respond(call->req, status, JSON_TYPE, json);
}

struct ww_str ww_call_wards(struct ww_route_call *call) {
    const struct ww_account *account = call->account;
    if (!account || account->all_wards)
        return WW_STR_NONE;
    size_t room = account->n_wards * 12 + 3; /* "-2147483648," */
    char *text = ww_arena_alloc(ww_http_arena(call->req), room);
    if (!text)
        return WW_STR("{}"); /* without memory nobody sees more */
    size_t len = 0;
    text[len++] = '{';
    for (size_t i = 0; i < account->n_wards; i++)
        len += (size_t)snprintf(text + len, room - len, "%s%d", i ? "," : "", account->ward_ids[i]);
    text[len++] = '}';
    return (struct ww_str){text, len};
}

struct ww_pg_reader ww_call_reader(struct ww_route_call *call) {
    const struct ww_account *account = call->account;
    return (struct ww_pg_reader){
        .wards = ww_call_wards(call),
        .account_id = account ? account->id : 0,
        .account_role = account ? ww_role_name(account->role) : NULL,
    };
}

enum ww_status ww_call_query(struct ww_route_call *call, const struct ww_sql *sql,
                             const struct ww_pg_args *args, ww_pg_cb cb, void *arg) {
    struct ww_pg_reader reader = ww_call_reader(call);
    return ww_pg_pool_query_as(call->app->pool, &reader, sql, args, cb, arg);
}

void ww_call_arg(struct ww_pg_args *args, struct ww_str text) {
    if (text.ptr)
        ww_pg_arg_str(args, text);
    else
        ww_pg_arg_null(args);
}
