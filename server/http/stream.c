/* Streamed answers: chunked, bounded, cut visibly when they cannot be completed.
 *
 * Each write is one chunk. A write that would leave more than max_output_bytes waiting is refused with
 * WW_BUSY, except when nothing waits at all: then even a larger one is taken, for it could never be
 * sent otherwise, and its caller holds as much memory already.
 */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>

#include "server/http/internal.h"

void ww_http_stream_begin(struct ww_http_request *req, int status, const char *content_type) {
    assert(!req->answered && !req->streaming);
    req->streaming = true;
    req->handed_out = true; /* a stream may begin in on_head */
    req->status = status;
    if (!req->conn)
        return;
    req->stream_raw = req->parser.head.minor == 0;
    ww_http_write_head(req, status, content_type, req->stream_raw ? NULL : "Transfer-Encoding: chunked\r\n",
                       WW_STR_NONE);
    ww_http_conn_enter(req->conn, CONN_STREAM);
}

size_t ww_http_stream_waiting(const struct ww_http_request *req) {
    return req->conn ? evbuffer_get_length(bufferevent_get_output(req->conn->bev)) : 0;
}

enum ww_status ww_http_stream_write(struct ww_http_request *req, struct ww_str bytes) {
    assert(req->streaming && !req->answered);
    if (!req->conn)
        return WW_NOT_FOUND;
    if (bytes.len == 0 || req->parser.head.method == WW_HTTP_HEAD)
        return WW_OK; /* an empty chunk would end the stream */
    size_t waiting = ww_http_stream_waiting(req), ceiling = req->server->limits.max_output_bytes;
    if (waiting > 0 && (waiting > ceiling || bytes.len > ceiling - waiting)) {
        req->was_busy = true;
        return WW_BUSY;
    }
    struct evbuffer *output = bufferevent_get_output(req->conn->bev);
    char size[20];
    int size_len = snprintf(size, sizeof size, "%zx\r\n", bytes.len);
    bool good = req->stream_raw || evbuffer_add(output, size, (size_t)size_len) == 0;
    good = good && evbuffer_add(output, bytes.ptr, bytes.len) == 0;
    good = good && (req->stream_raw || evbuffer_add(output, "\r\n", 2) == 0);
    if (good)
        return WW_OK;
    /* Out of memory between the parts of a chunk: the stream cannot be continued. */
    ww_http_conn_close(req->conn);
    return WW_NOT_FOUND;
}

void ww_http_on_drain(struct ww_http_request *req, void (*cb)(void *arg), void *arg) {
    req->on_drain = cb;
    req->on_drain_arg = arg;
}

void ww_http_stream_end(struct ww_http_request *req) {
    assert(req->streaming && !req->answered);
    req->answered = true;
    if (!req->conn) {
        ww_http_request_release(req, req->status);
        return;
    }
    if (!req->stream_raw && req->parser.head.method != WW_HTTP_HEAD)
        bufferevent_write(req->conn->bev, "0\r\n\r\n", 5);
    ww_http_conn_enter(req->conn, CONN_WRITE);
}

void ww_http_stream_abort(struct ww_http_request *req) {
    assert(req->streaming && !req->answered);
    req->answered = true;
    struct ww_http_conn *conn = req->conn;
    if (!conn) {
        ww_http_request_release(req, req->status);
        return;
    }
    if (req->was_busy)
        req->server->counters.cut_readers++;
    /* A reset: without it the end of an HTTP/1.0 stream would look complete. */
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ww_http_conn_close(conn);
}
