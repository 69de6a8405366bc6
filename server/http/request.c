/* What an application may ask of a request, and the request's birth and end. */
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "server/http/internal.h"

/* For what applications build for one answer; an answer itself is not kept there. */
#define ARENA_CEILING   ((size_t)64 << 20)
#define HEADERS_CEILING ((size_t)16 << 10)

static const char *const method_names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

struct ww_http_request *ww_http_request_new(struct ww_http_conn *conn) {
    struct ww_http_server *server = conn->server;
    struct ww_http_request *req = ww_try_calloc(1, sizeof *req);
    if (req)
        req->arena = ww_arena_new(ARENA_CEILING);
    if (!req || !req->arena) {
        ww_free(req);
        ww_http_head_parser_clear(&conn->parser);
        return NULL;
    }
    req->server = server;
    req->conn = conn;
    req->parser = conn->parser; /* moved, with its memory */
    ww_http_head_parser_init(&conn->parser, server->limits.max_head_bytes, server->limits.max_headers);
    req->id = ++server->last_id;
    req->start_us = ww_http_now_us();
    req->max_body = server->limits.max_body_bytes;
    snprintf(req->peer, sizeof req->peer, "%s", conn->peer);
    ww_buf_init(&req->headers, HEADERS_CEILING);
    ww_buf_init(&req->body, req->max_body);
    TAILQ_INSERT_TAIL(&server->requests, req, link);
    return req;
}

void ww_http_request_release(struct ww_http_request *req, int status) {
    assert(!req->released);
    struct ww_http_server *server = req->server;
    req->released = true;
    if (!server) { /* freed before the answer: nobody is left to tell */
        ww_http_request_free(req);
        return;
    }
    if (req->shown && server->handlers.on_done)
        server->handlers.on_done(server->handlers.arg, req, status, ww_http_now_us() - req->start_us);
    ww_http_body_drop(req);
    if (req->conn)
        req->conn->req = NULL;
    req->conn = NULL;
    TAILQ_REMOVE(&server->requests, req, link);
    TAILQ_INSERT_TAIL(&server->dead, req, link);
    ww_http_server_wake(server);
}

void ww_http_request_free(struct ww_http_request *req) {
    ww_http_body_drop(req);
    ww_http_head_parser_clear(&req->parser);
    ww_buf_clear(&req->headers);
    ww_arena_free(req->arena);
    ww_free(req);
}

enum ww_http_method ww_http_method(const struct ww_http_request *req) {
    return req->parser.head.method;
}

const char *ww_http_method_name(enum ww_http_method method) {
    assert((size_t)method < sizeof method_names / sizeof *method_names);
    return method_names[method];
}

struct ww_str ww_http_path(const struct ww_http_request *req) {
    return req->uri.path;
}

struct ww_str ww_http_target(const struct ww_http_request *req) {
    return req->parser.head.target;
}

struct ww_str ww_http_header(const struct ww_http_request *req, const char *name) {
    const struct ww_http_field *field = ww_http_head_find(&req->parser.head, ww_str_of(name));
    return field ? field->value : WW_STR_NONE;
}

static struct ww_str opaque_tag(struct ww_str tag) {
    return ww_str_starts(tag, WW_STR("W/")) ? (struct ww_str){tag.ptr + 2, tag.len - 2} : tag;
}

bool ww_http_has_etag(const struct ww_http_request *req, const char *etag) {
    struct ww_str list = ww_http_header(req, "If-None-Match"), ours = opaque_tag(ww_str_of(etag));
    struct ww_str one;
    while (ww_http_list_next(&list, &one))
        if (ww_str_is(one, "*") || ww_str_eq(opaque_tag(one), ours))
            return true;
    return false;
}

static bool is_host(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       (c && strchr(".-:[]_", c));
        if (!is_good)
            return false;
    }
    return text.len > 0 && text.len < 256;
}

struct ww_str ww_http_origin(struct ww_http_request *req) {
    bool is_secure = ww_str_is(ww_http_header(req, "X-Forwarded-Proto"), "https");
    struct ww_str host = ww_http_header(req, "X-Forwarded-Host");
    if (!is_host(host))
        host = ww_http_header(req, "Host");
    if (!is_host(host))
        host = WW_STR("localhost");
    char text[300];
    int n = snprintf(text, sizeof text, "%s://%.*s", is_secure ? "https" : "http", WW_STR_ARG(host));
    return ww_arena_copy(req->arena, (struct ww_str){text, (size_t)n});
}

bool ww_http_param(const struct ww_http_request *req, const char *name, struct ww_str *out) {
    struct ww_str wanted = ww_str_of(name);
    for (int i = 0; i < req->uri.param_count; i++) {
        if (ww_str_eq(req->uri.params[i].name, wanted)) {
            *out = req->uri.params[i].value;
            return true;
        }
    }
    return false;
}

bool ww_http_param_at(const struct ww_http_request *req, int index, struct ww_str *name,
                      struct ww_str *value) {
    if (index < 0 || index >= req->uri.param_count)
        return false;
    *name = req->uri.params[index].name;
    *value = req->uri.params[index].value;
    return true;
}

bool ww_http_cookie(const struct ww_http_request *req, const char *name, struct ww_str *out) {
    struct ww_str rest = ww_http_header(req, "Cookie"), wanted = ww_str_of(name);
    while (rest.len) {
        const char *semi = memchr(rest.ptr, ';', rest.len);
        size_t len = semi ? (size_t)(semi - rest.ptr) : rest.len;
        struct ww_str pair = ww_str_trim((struct ww_str){rest.ptr, len});
        const char *equals = memchr(pair.ptr, '=', pair.len);
        if (equals && ww_str_eq((struct ww_str){pair.ptr, (size_t)(equals - pair.ptr)}, wanted)) {
            *out = (struct ww_str){equals + 1, pair.len - wanted.len - 1};
            return true;
        }
        size_t step = semi ? len + 1 : len;
        rest = (struct ww_str){rest.ptr + step, rest.len - step};
    }
    return false;
}

struct ww_str ww_http_body(const struct ww_http_request *req) {
    return ww_buf_str(&req->body);
}

bool ww_http_is_head_only(const struct ww_http_request *req) {
    return !req->parser.head.chunked && req->parser.head.content_length == 0;
}

const char *ww_http_peer(const struct ww_http_request *req) {
    return req->peer;
}

uint64_t ww_http_request_id(const struct ww_http_request *req) {
    return req->id;
}

struct ww_arena *ww_http_arena(struct ww_http_request *req) {
    return req->arena;
}

void ww_http_set_max_body(struct ww_http_request *req, size_t bytes) {
    req->max_body = bytes;
}

void ww_http_set_context(struct ww_http_request *req, void *context) {
    req->context = context;
}

void *ww_http_context(const struct ww_http_request *req) {
    return req->context;
}

void ww_http_on_gone(struct ww_http_request *req, void (*cb)(void *arg), void *arg) {
    req->on_gone = cb;
    req->on_gone_arg = arg;
}

bool ww_http_is_gone(const struct ww_http_request *req) {
    return !req->conn;
}
