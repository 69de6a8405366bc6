/* An example application on server/http, for tests/integration/test_http_wire.py.
 *
 *   http_echo --idle-ms 500 --head-ms 1000 …    prints "ready PORT", ends on SIGTERM
 *
 * GET /            "ok"                         POST /echo   the decoded body
 * GET /target      path, then name=value lines  POST /length the decoded body's length
 * GET /text?n=     n bytes of text              POST /early  401 from on_head
 * GET /later?ms=   "later" after a while        POST /large  as /length, up to 64 MiB
 * GET /stream?n=   n bytes, streamed            GET  /events a stream of ticks until the reader goes
 * GET /flood       a stream cut when full       GET  /stuck  a stream that fills up and waits
 * GET /counters    counters and RSS as JSON     GET  /cookie?name=
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "server/http/http.h"

static struct event_base *base;
static struct ww_http_server *server;
static int gone, done;

/* ---- Streams: one timer or drain callback each ---- */

struct stream {
    struct ww_http_request *req;
    struct event *timer;
    size_t left;
};

static void end_stream(struct stream *s) {
    if (s->timer)
        event_free(s->timer);
    ww_free(s);
}

static void stream_gone(void *arg) {
    struct stream *s = arg;
    gone++;
    ww_http_stream_end(s->req);
    end_stream(s);
}

static struct stream *begin_stream(struct ww_http_request *req, const char *type) {
    struct stream *s = ww_must_calloc(1, sizeof *s);
    s->req = req;
    ww_http_stream_begin(req, 200, type);
    ww_http_on_gone(req, stream_gone, s);
    return s;
}

static void tick_every(struct stream *s, event_callback_fn cb, int ms) {
    struct timeval every = {ms / 1000, ms % 1000 * 1000};
    s->timer = event_new(base, -1, EV_PERSIST, cb, s);
    event_add(s->timer, &every);
}

static void send_tick(evutil_socket_t fd, short what, void *arg) {
    struct stream *s = arg;
    (void)fd, (void)what;
    if (ww_http_stream_write(s->req, WW_STR("data: tick\n\n")) == WW_BUSY)
        return;
}

static void send_flood(evutil_socket_t fd, short what, void *arg) {
    struct stream *s = arg;
    static char block[16384];
    (void)fd, (void)what;
    memset(block, 'f', sizeof block);
    for (int i = 0; i < 16; i++) {
        enum ww_status st = ww_http_stream_write(s->req, (struct ww_str){block, sizeof block});
        if (st == WW_OK)
            continue;
        struct ww_http_request *req = s->req;
        end_stream(s);
        ww_http_stream_abort(req);
        return;
    }
}

static void send_more(void *arg) {
    struct stream *s = arg;
    static char block[4096];
    memset(block, 's', sizeof block);
    while (s->left > 0) {
        size_t len = s->left < sizeof block ? s->left : sizeof block;
        if (ww_http_stream_write(s->req, (struct ww_str){block, len}) != WW_OK)
            return; /* WW_BUSY: called again on drain */
        s->left -= len;
    }
    ww_http_stream_end(s->req);
    end_stream(s);
}

/* ---- Routes ---- */

static void answer_later(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    ww_http_respond(arg, 200, "text/plain", WW_STR("later"));
}

static size_t number_of(struct ww_http_request *req, const char *name) {
    struct ww_str text;
    uint64_t n = 0;
    if (ww_http_param(req, name, &text) && !ww_str_to_u64(text, &n))
        return 0;
    return (size_t)n;
}

static long rss_kib(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (status)
        fclose(status);
    return kib;
}

static void answer_counters(struct ww_http_request *req) {
    const struct ww_http_counters *c = ww_http_server_counters(server);
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"accepted", (int64_t)c->accepted},
                {"refused_connections", (int64_t)c->refused_connections},
                {"requests", (int64_t)c->requests},
                {"bad_requests", (int64_t)c->bad_requests},
                {"timeouts", (int64_t)c->timeouts},
                {"too_large", (int64_t)c->too_large},
                {"cut_readers", (int64_t)c->cut_readers},
                {"open", c->open_connections},
                {"body_bytes_held", (int64_t)c->body_bytes_held},
                {"responses_4xx", (int64_t)c->responses[4]},
                {"gone", gone},
                {"done", done},
                {"rss_kib", rss_kib()}};
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, 4096);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ww_json_key(&w, rows[i].name);
        ww_json_int(&w, rows[i].value);
    }
    ww_json_end_object(&w);
    ww_http_respond(req, 200, "application/json", ww_buf_str(&out));
    ww_buf_clear(&out);
}

static void answer_target(struct ww_http_request *req) {
    struct ww_buf out;
    struct ww_str name, value;
    ww_buf_init(&out, 65536);
    ww_buf_str_add(&out, ww_http_path(req));
    for (int i = 0; ww_http_param_at(req, i, &name, &value); i++)
        ww_buf_printf(&out, "\n%.*s=%.*s", WW_STR_ARG(name), WW_STR_ARG(value));
    ww_http_respond(req, 200, "text/plain; charset=utf-8", ww_buf_str(&out));
    ww_buf_clear(&out);
}

static void answer_text(struct ww_http_request *req) {
    size_t n = number_of(req, "n");
    char *text = ww_must_calloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 26);
    ww_http_respond(req, 200, "text/plain", (struct ww_str){text, n});
    ww_free(text);
}

static void answer_length(struct ww_http_request *req) {
    char text[32];
    int len = snprintf(text, sizeof text, "%zu", ww_http_body(req).len);
    ww_http_respond(req, 200, "text/plain", (struct ww_str){text, (size_t)len});
}

static void answer_cookie(struct ww_http_request *req) {
    struct ww_str name, value = WW_STR("");
    if (ww_http_param(req, "name", &name) && ww_http_cookie(req, name.ptr, &value))
        ww_http_add_header(req, "X-Found", "yes\r\nInjected: no");
    ww_http_respond(req, 200, "text/plain", value);
}

static void on_head(void *arg, struct ww_http_request *req) {
    (void)arg;
    if (ww_str_is(ww_http_path(req), "/early"))
        ww_http_respond(req, 401, "text/plain", WW_STR("no\n"));
    else if (ww_str_is(ww_http_path(req), "/large"))
        ww_http_set_max_body(req, (size_t)64 << 20);
}

static void on_request(void *arg, struct ww_http_request *req) {
    struct ww_str path = ww_http_path(req);
    struct ww_error err;
    (void)arg;
    if (ww_str_is(path, "/")) {
        ww_http_respond(req, 200, "text/plain", WW_STR("ok\n"));
    } else if (ww_str_is(path, "/echo")) {
        ww_http_respond(req, 200, "application/octet-stream", ww_http_body(req));
    } else if (ww_str_is(path, "/length") || ww_str_is(path, "/large")) {
        answer_length(req);
    } else if (ww_str_is(path, "/text")) {
        answer_text(req);
    } else if (ww_str_is(path, "/counters")) {
        answer_counters(req);
    } else if (ww_str_is(path, "/cookie")) {
        answer_cookie(req);
    } else if (ww_str_is(path, "/later")) {
        size_t ms = number_of(req, "ms");
        struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
        event_base_once(base, -1, EV_TIMEOUT, answer_later, req, &wait);
    } else if (ww_str_is(path, "/stream")) {
        struct stream *s = begin_stream(req, "text/plain");
        s->left = number_of(req, "n");
        ww_http_on_drain(req, send_more, s);
        send_more(s);
    } else if (ww_str_is(path, "/events")) {
        tick_every(begin_stream(req, "text/event-stream"), send_tick, 50);
    } else if (ww_str_is(path, "/flood")) {
        tick_every(begin_stream(req, "text/event-stream"), send_flood, 5);
    } else if (ww_str_is(path, "/stuck")) {
        struct stream *s = begin_stream(req, "text/plain");
        s->left = (size_t)1 << 40;
        ww_http_on_drain(req, send_more, s);
        send_more(s);
    } else if (ww_str_starts(path, WW_STR("/target"))) {
        answer_target(req);
    } else {
        ww_error_set(&err, WW_NOT_FOUND, "there is nothing here");
        ww_http_respond_error(req, 0, &err);
    }
}

static void on_done(void *arg, const struct ww_http_request *req, int status, int64_t duration_us) {
    (void)arg, (void)req, (void)status, (void)duration_us;
    done++;
}

static void on_drained(void *arg) {
    (void)arg;
    event_base_loopbreak(base);
}

static void on_term(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what, (void)arg;
    ww_http_server_shutdown(server, 500, on_drained, NULL);
}

int main(int argc, char **argv) {
    struct ww_http_limits limits = {0};
    static const struct option options[] = {{"idle-ms", 1, 0, 'i'},
                                            {"head-ms", 1, 0, 'h'},
                                            {"keep-alive-ms", 1, 0, 'k'},
                                            {"write-ms", 1, 0, 'w'},
                                            {"max-body", 1, 0, 'b'},
                                            {"max-total", 1, 0, 't'},
                                            {"per-address", 1, 0, 'a'},
                                            {"connections", 1, 0, 'c'},
                                            {"min-rate", 1, 0, 'r'},
                                            {"max-output", 1, 0, 'o'},
                                            {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int n = optarg ? atoi(optarg) : 0;
        switch (c) {
        case 'i':
            limits.idle_ms = n;
            break;
        case 'h':
            limits.head_ms = n;
            break;
        case 'k':
            limits.keep_alive_ms = n;
            break;
        case 'w':
            limits.write_ms = n;
            break;
        case 'b':
            limits.max_body_bytes = (size_t)n;
            break;
        case 't':
            limits.max_body_total = (size_t)n;
            break;
        case 'a':
            limits.max_per_address = n;
            break;
        case 'c':
            limits.max_connections = n;
            break;
        case 'r':
            limits.min_body_bytes_s = n;
            break;
        case 'o':
            limits.max_output_bytes = (size_t)n;
            break;
        default:
            return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    struct ww_http_handlers handlers = {on_head, on_request, on_done, NULL};
    struct ww_error err;
    if (ww_http_server_open(base, "127.0.0.1", 0, &limits, &handlers, &server, &err) != WW_OK) {
        fprintf(stderr, "http_echo: %s\n", err.message);
        return 1;
    }
    struct event *term = evsignal_new(base, SIGTERM, on_term, NULL);
    event_add(term, NULL);
    printf("ready %d\n", ww_http_server_port(server));
    fflush(stdout);
    event_base_dispatch(base);
    ww_http_server_free(server);
    event_free(term);
    event_base_free(base);
    return 0;
}
