/* A small strict HTTP/1.1 server on libevent's bufferevents.
 *
 * It refuses what other servers might read differently (request smuggling), gives every
 * wait a deadline and every buffer a ceiling; docs/decisions/ says why evhttp is not used.
 *
 * Life of a request: the head is read and checked → `on_head` → the body is read (decoded
 * from chunked, gzip or zstd) → `on_request` → the application answers, now or
 * later, exactly once: ww_http_respond, or ww_http_stream_begin … ww_http_stream_end.
 * A `struct ww_http_request` stays valid until it has been answered, even when the peer is gone
 * (answers then go nowhere). After the answer it must not be touched. One thread.
 *
 *   static void on_request(void *arg, struct ww_http_request *req) {
 *       ww_http_add_header(req, "Cache-Control", "no-store");
 *       ww_http_respond(req, 200, "text/plain; charset=utf-8", WW_STR("ok\n"));
 *   }
 */
#ifndef WW_SERVER_HTTP_H
#define WW_SERVER_HTTP_H

#include <event2/event.h>

#include "geo/base/arena.h"
#include "geo/base/status.h"

struct ww_http_server;
struct ww_http_request;

enum ww_http_method {
    WW_HTTP_GET,
    WW_HTTP_HEAD,
    WW_HTTP_POST,
    WW_HTTP_PUT,
    WW_HTTP_PATCH,
    WW_HTTP_DELETE,
    WW_HTTP_OPTIONS
};

struct ww_http_limits {    /* 0 takes the default */
    int max_connections;   /* in all; default 10 000, lowered to fit RLIMIT_NOFILE */
    int max_per_address;   /* default 5 000: a district may come through one NAT */
    size_t max_head_bytes; /* default 16 KiB → 431 */
    int max_headers;       /* default 100 → 431 */
    size_t max_body_bytes; /* default 1 MiB, decoded; on_head may raise it for one request → 413 */
    size_t max_body_total; /* bytes of bodies held in all connections; default 256 MiB → 503 + Retry-After */
    int head_ms;           /* from first byte to end of head; default 10 000 → 408 */
    int idle_ms; /* nothing read while a head or body is due; default 5 000 (keep-alive between requests: 60
                    000) */
    int keep_alive_ms;
    int min_body_bytes_s;    /* after a grace of head_ms; default 1 024 → 408 */
    size_t max_output_bytes; /* waiting in one stream; default 256 KiB → the stream is cut */
    int write_ms;            /* no progress in writing an answer; default 30 000 → cut */
};

struct ww_http_counters { /* since start; read by /metrics */
    uint64_t accepted, refused_connections, requests, bad_requests, timeouts, too_large, cut_readers;
    uint64_t bytes_in, bytes_out, responses[6]; /* by class 1xx … 5xx */
    int open_connections;
    size_t body_bytes_held;
};

struct ww_http_handlers {
    /* The head is good; nothing of the body is read. May answer at once (401, 404, 405, 413):
     * the connection then closes if a body was announced. May be NULL. */
    void (*on_head)(void *arg, struct ww_http_request *req);
    void (*on_request)(void *arg, struct ww_http_request *req);
    /* Answered, or peer gone before: for the access log and metrics. May be NULL. */
    void (*on_done)(void *arg, const struct ww_http_request *req, int status, int64_t duration_us);
    void *arg;
};

/* Binds and listens ("127.0.0.1", 8080; port 0 picks one). The error is one clear sentence
 * ("port 8080 on 127.0.0.1 is taken by another program"). */
enum ww_status ww_http_server_open(struct event_base *base, const char *host, int port,
                                   const struct ww_http_limits *limits,
                                   const struct ww_http_handlers *handlers, struct ww_http_server **out,
                                   struct ww_error *err) WW_MUST_CHECK;
int ww_http_server_port(const struct ww_http_server *server);
const struct ww_http_counters *ww_http_server_counters(const struct ww_http_server *server);
/* Stops accepting; open requests may finish; `on_drained` is called when no connection is left,
 * or after `grace_ms`, when the rest are cut. */
void ww_http_server_shutdown(struct ww_http_server *server, int grace_ms, void (*on_drained)(void *arg),
                             void *arg);
void ww_http_server_free(struct ww_http_server *server);

/* ---- Reading a request ---- */

enum ww_http_method ww_http_method(const struct ww_http_request *req);
const char *ww_http_method_name(enum ww_http_method method);
/* Percent-decoded once, UTF-8, no NUL, no "." or ".." segment (refused before), begins with "/". */
struct ww_str ww_http_path(const struct ww_http_request *req);
/* The raw target as sent, for logs. */
struct ww_str ww_http_target(const struct ww_http_request *req);
/* The first header of that name (any case); len 0 when absent. Duplicates of single-valued headers are
 * refused before. */
struct ww_str ww_http_header(const struct ww_http_request *req, const char *name);
/* Whether If-None-Match names `etag` (weak comparison, RFC 9110 §13.1.2): the answer is 304. */
bool ww_http_has_etag(const struct ww_http_request *req, const char *etag);
/* "https://map.example.org:8443", as the client sees us: a proxy says so in X-Forwarded-Proto and
 * X-Forwarded-Host; what is no host's name is not believed. In the request's arena. */
struct ww_str ww_http_origin(struct ww_http_request *req);
/* A query parameter, percent- and plus-decoded; false when absent. A target that gives one name
 * two values, or more than 100 parameters, is refused (400) before on_head. */
bool ww_http_param(const struct ww_http_request *req, const char *name, struct ww_str *out);
/* Walks all parameters in order; false at the end. */
bool ww_http_param_at(const struct ww_http_request *req, int index, struct ww_str *name,
                      struct ww_str *value);
bool ww_http_cookie(const struct ww_http_request *req, const char *name, struct ww_str *out);
struct ww_str ww_http_body(const struct ww_http_request *req); /* decoded; valid until answered */
/* The request has no body: on_request follows on_head at once, nothing happens in between. */
bool ww_http_is_head_only(const struct ww_http_request *req);
/* Peer's address as text, without port. */
const char *ww_http_peer(const struct ww_http_request *req);
uint64_t ww_http_request_id(const struct ww_http_request *req); /* counts up; for logs */
struct ww_arena *ww_http_arena(struct ww_http_request *req);    /* freed with the request */
/* Raises or lowers this request's body ceiling (in on_head). */
void ww_http_set_max_body(struct ww_http_request *req, size_t bytes);
void ww_http_set_context(struct ww_http_request *req, void *context); /* the application's own pointer */
void *ww_http_context(const struct ww_http_request *req);
/* Told once when the peer goes before the answer is complete. The request stays valid: it must still be
 * answered (a stream: ended or aborted), which may be done in `cb`. A peer that only shuts its sending side
 * counts as gone from a stream, but may still read a whole answer. */
void ww_http_on_gone(struct ww_http_request *req, void (*cb)(void *arg), void *arg);
bool ww_http_is_gone(const struct ww_http_request *req);

/* ---- Answering ---- */

void ww_http_add_header(struct ww_http_request *req, const char *name, const char *value);
/* Copies the body. Compresses with gzip when the client accepts it, the type is text-like and
 * it is longer than 1 KiB. HEAD sends no body. */
void ww_http_respond(struct ww_http_request *req, int status, const char *content_type, struct ww_str body);
/* {"error":{"status":"bad_input","message":…,"field":…,"line":…,"column":…}} with the HTTP
 * status that fits err->status (400 413 404 409 403 503 503); 503 and 429 carry Retry-After. */
void ww_http_respond_error(struct ww_http_request *req, int http_status, const struct ww_error *err);
int ww_http_status_of(enum ww_status status);

/* Chunked. Not compressed for text/event-stream. No write deadline of the whole, only of progress. */
void ww_http_stream_begin(struct ww_http_request *req, int status, const char *content_type);
/* WW_BUSY: more than max_output_bytes would wait: nothing was added (when nothing waits, one larger
 * write is taken). WW_NOT_FOUND: peer is gone. */
enum ww_status ww_http_stream_write(struct ww_http_request *req, struct ww_str bytes) WW_MUST_CHECK;
size_t ww_http_stream_waiting(const struct ww_http_request *req); /* bytes not yet given to the kernel */
/* Told when the waiting bytes fall below a quarter of the ceiling after a WW_BUSY. */
void ww_http_on_drain(struct ww_http_request *req, void (*cb)(void *arg), void *arg);
void ww_http_stream_end(struct ww_http_request *req);
/* Cuts the connection instead of ending properly: the reader can see that it is incomplete. */
void ww_http_stream_abort(struct ww_http_request *req);

#endif
