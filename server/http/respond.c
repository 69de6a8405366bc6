/* Whole answers: status line, headers, body; errors as JSON; gzip when it is worth it. */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "server/http/internal.h"

#define GZIP_ABOVE ((size_t)1024)

static const struct {
    int status;
    const char *text;
} reasons[] = {{100, "Continue"},
               {200, "OK"},
               {201, "Created"},
               {202, "Accepted"},
               {204, "No Content"},
               {206, "Partial Content"},
               {301, "Moved Permanently"},
               {302, "Found"},
               {303, "See Other"},
               {304, "Not Modified"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {406, "Not Acceptable"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {410, "Gone"},
               {412, "Precondition Failed"},
               {413, "Content Too Large"},
               {415, "Unsupported Media Type"},
               {417, "Expectation Failed"},
               {422, "Unprocessable Content"},
               {428, "Precondition Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};

static const char *reason_of(int status) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return ""; /* the phrase is optional */
}

int ww_http_status_of(enum ww_status status) {
    switch (status) {
    case WW_OK:
        return 200;
    case WW_BAD_INPUT:
        return 400;
    case WW_TOO_LARGE:
        return 413;
    case WW_NOT_FOUND:
        return 404;
    case WW_CONFLICT:
        return 409;
    case WW_DENIED:
        return 403;
    default:
        return 503;
    }
}

/* The ww_status that a status of the layer's own is reported under. */
static enum ww_status kind_of(int http_status) {
    switch (http_status) {
    case 413:
    case 431:
        return WW_TOO_LARGE;
    case 429:
    case 503:
        return WW_BUSY;
    default:
        return WW_BAD_INPUT;
    }
}

void ww_http_add_header(struct ww_http_request *req, const char *name, const char *value) {
    ww_buf_text(&req->headers, name);
    ww_buf_text(&req->headers, ": ");
    /* A value may hold what a user wrote; it must not be able to begin a line of its own. */
    for (const char *c = value; *c; c++)
        ww_buf_char(&req->headers, ww_http_is_value_byte((unsigned char)*c) ? *c : ' ');
    ww_buf_text(&req->headers, "\r\n");
}

bool ww_http_has_header(const struct ww_http_request *req, const char *name) {
    struct ww_str rest = ww_buf_str(&req->headers), wanted = ww_str_of(name);
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        if (!end)
            return false;
        size_t line = (size_t)(end - rest.ptr) + 1;
        if (line > wanted.len && rest.ptr[wanted.len] == ':' &&
            ww_str_eq_nocase((struct ww_str){rest.ptr, wanted.len}, wanted))
            return true;
        rest = (struct ww_str){rest.ptr + line, rest.len - line};
    }
    return false;
}

static void begin_head(struct ww_buf *head, struct ww_http_server *server, int status,
                       const char *content_type) {
    int class = status / 100;
    assert(class >= 2 && class <= 5);
    server->counters.responses[class]++;
    ww_buf_printf(head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason_of(status),
                  ww_http_server_date(server));
    if (content_type)
        ww_buf_printf(head, "Content-Type: %s\r\n", content_type);
}

static void end_head(struct ww_buf *head, struct ww_http_conn *conn, const char *framing) {
    if (framing)
        ww_buf_text(head, framing);
    if (conn->closing)
        ww_buf_text(head, "Connection: close\r\n");
    ww_buf_text(head, "\r\n");
}

/* What the socket takes at once is neither copied nor waits for an event of its own, which is most of what a
 * small answer costs. What it does not take, or refuses, is the bufferevent's affair. */
static size_t send_at_once(struct ww_http_conn *conn, struct ww_str head, struct ww_str body) {
    struct iovec parts[2] = {{(char *)(uintptr_t)head.ptr, head.len},
                             {(char *)(uintptr_t)body.ptr, body.len}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.len ? 2 : 1};
    if (evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0)
        return 0; /* in its turn */
    const ssize_t n = sendmsg(bufferevent_getfd(conn->bev), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
        return 0;
    conn->wrote_ms = ww_http_now_ms();
    conn->server->counters.bytes_out += (uint64_t)n;
    return (size_t)n;
}

static void send_rest(struct ww_http_conn *conn, struct ww_str part, size_t sent) {
    if (sent < part.len)
        bufferevent_write(conn->bev, part.ptr + sent, part.len - sent);
}

static void send_whole(struct ww_http_conn *conn, struct ww_buf *head, struct ww_str body) {
    if (ww_buf_status(head) == WW_OK) {
        const struct ww_str text = ww_buf_str(head);
        const size_t sent = send_at_once(conn, text, body);
        send_rest(conn, text, sent);
        send_rest(conn, body, sent > text.len ? sent - text.len : 0);
    } else {
        ww_log(WW_LOG_ERROR, "http=head_of_answer status=%s peer=%s", ww_status_name(head->failed),
               conn->peer);
        conn->closing = true; /* nothing is sent: the peer sees the close */
    }
    ww_buf_clear(head);
}

void ww_http_write_head(struct ww_http_request *req, int status, const char *content_type,
                        const char *framing, struct ww_str body) {
    struct ww_http_conn *conn = req->conn;
    struct ww_buf head;
    ww_buf_init(&head, (size_t)32 << 10);
    if (!req->body_complete || !req->parser.head.keep_alive || req->server->draining)
        conn->closing = true;
    begin_head(&head, req->server, status, content_type);
    ww_buf_str_add(&head, ww_buf_str(&req->headers));
    end_head(&head, conn, framing);
    send_whole(conn, &head, body);
}

static bool is_text_like(const char *type) {
    static const char *const marks[] = {"text/", "json", "xml", "javascript"};
    for (size_t i = 0; type && i < sizeof marks / sizeof *marks; i++)
        if (strstr(type, marks[i]))
            return true;
    return false;
}

/* True when `packed` holds the body to send instead. */
static bool pack(struct ww_http_request *req, const char *content_type, struct ww_str body,
                 struct ww_buf *packed) {
    if (body.len <= GZIP_ABOVE || !is_text_like(content_type) || ww_http_has_header(req, "Content-Encoding"))
        return false;
    if (!ww_http_has_header(req, "Vary"))
        ww_http_add_header(req, "Vary", "Accept-Encoding");
    if (!ww_http_accepts_gzip(ww_http_header(req, "Accept-Encoding")) ||
        ww_http_gzip(body, packed) != WW_OK || packed->len >= body.len)
        return false;
    ww_http_add_header(req, "Content-Encoding", "gzip");
    return true;
}

void ww_http_respond(struct ww_http_request *req, int status, const char *content_type, struct ww_str body) {
    assert(!req->answered && !req->streaming);
    req->answered = true;
    req->status = status;
    struct ww_http_conn *conn = req->conn;
    if (!conn) {
        ww_http_request_release(req, 499);
        return;
    }
    struct ww_buf packed;
    ww_buf_init(&packed, body.len + body.len / 8 + 1024);
    if (pack(req, content_type, body, &packed))
        body = ww_buf_str(&packed);
    if (req->headers.failed) {
        ww_log(WW_LOG_ERROR, "http=headers_too_long request=%llu", (unsigned long long)req->id);
        ww_buf_reset(&req->headers);
        req->status = status = 500;
        body = WW_STR("");
    }
    bool bodiless = status == 204 || status == 304;
    char framing[48];
    snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body.len);
    const bool sends_body = !bodiless && req->parser.head.method != WW_HTTP_HEAD;
    ww_http_write_head(req, status, bodiless ? NULL : content_type, bodiless ? NULL : framing,
                       sends_body ? body : WW_STR_NONE);
    ww_buf_clear(&packed);
    ww_http_body_drop(req); /* `body` may have pointed there */
    ww_http_conn_enter(conn, CONN_WRITE);
}

static void write_error(struct ww_buf *out, const struct ww_error *err) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    ww_json_key(&w, "error");
    ww_json_object(&w);
    ww_json_key(&w, "status");
    ww_json_text(&w, ww_status_name(err->status));
    ww_json_key(&w, "message");
    ww_json_text(&w, err->message);
    if (err->field[0]) {
        ww_json_key(&w, "field");
        ww_json_text(&w, err->field);
    }
    if (err->value[0]) {
        ww_json_key(&w, "value");
        ww_json_text(&w, err->value);
    }
    if (err->line) {
        ww_json_key(&w, "line");
        ww_json_int(&w, (int64_t)err->line);
    }
    if (err->column) {
        ww_json_key(&w, "column");
        ww_json_int(&w, (int64_t)err->column);
    }
    ww_json_end_object(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}

void ww_http_respond_error(struct ww_http_request *req, int http_status, const struct ww_error *err) {
    if (http_status == 0)
        http_status = ww_http_status_of(err->status);
    if ((http_status == 503 || http_status == 429) && !ww_http_has_header(req, "Retry-After"))
        ww_http_add_header(req, "Retry-After", err->status == WW_UNAVAILABLE ? "5" : "1");
    struct ww_buf body;
    ww_buf_init(&body, 4096);
    write_error(&body, err);
    ww_http_respond(req, http_status, "application/json", ww_buf_str(&body));
    ww_buf_clear(&body);
}

void ww_http_write_refusal(struct ww_http_conn *conn, int status, const char *why) {
    struct ww_error err;
    ww_error_set(&err, kind_of(status), "%s", why);
    if (conn->req) {
        ww_http_respond_error(conn->req, status, &err);
        return;
    }
    struct ww_buf body, head;
    ww_buf_init(&body, 4096);
    ww_buf_init(&head, 4096);
    write_error(&body, &err);
    begin_head(&head, conn->server, status, "application/json");
    if (status == 503 || status == 429)
        ww_buf_text(&head, "Retry-After: 1\r\n");
    ww_buf_printf(&head, "Content-Length: %zu\r\n", body.len);
    end_head(&head, conn, NULL);
    send_whole(conn, &head, ww_buf_str(&body));
    ww_buf_clear(&body);
    ww_http_conn_enter(conn, CONN_WRITE);
}
