/* Receives a body: frame (Content-Length or chunked), coding (none, gzip, zstd), ceilings.
 *
 * A body of known length without a coding is copied once, from libevent's buffer into memory
 * reserved for the whole of it. Reserved memory costs nothing until bytes arrive (the kernel maps pages when
 * they are touched), so max_body_total counts bytes received, not bytes announced.
 */
#include "geo/base/alloc.h"
#include "server/http/internal.h"

/* What a coding may add to a body that does not compress; more wire bytes than this are padding. */
#define CODING_SLACK ((size_t)4096)

void ww_http_body_drop(struct ww_http_request *req) {
    if (req->server)
        req->server->counters.body_bytes_held -= req->body_counted;
    req->body_counted = 0;
    ww_buf_clear(&req->body);
    ww_http_decoder_free(req->decoder);
    req->decoder = NULL;
}

void ww_http_body_begin(struct ww_http_request *req) {
    struct ww_http_conn *conn = req->conn;
    const struct ww_http_head *head = &req->parser.head;
    enum ww_http_coding coding = ww_http_coding_of(ww_http_header(req, "Content-Encoding"));
    if (coding == WW_HTTP_CODING_UNKNOWN) {
        ww_http_add_header(req, "Accept-Encoding", "gzip, zstd");
        ww_http_conn_refuse(conn, 415, "the Content-Encoding is not known here");
        return;
    }
    size_t slack = coding == WW_HTTP_IDENTITY ? 0 : CODING_SLACK;
    if (head->content_length > slack && head->content_length - slack > req->max_body) {
        ww_http_conn_refuse(conn, 413, "the body is too large");
        return;
    }
    ww_buf_init(&req->body, req->max_body);
    ww_http_chunked_init(&req->chunked);
    req->body_left = head->content_length;
    bool good = true;
    if (coding != WW_HTTP_IDENTITY)
        good = (req->decoder = ww_http_decoder_new(coding)) != NULL;
    else if (!head->chunked)
        good = ww_buf_reserve(&req->body, (size_t)head->content_length) != NULL;
    if (!good) {
        ww_http_conn_refuse(conn, 503, "the server is short of memory");
        return;
    }
    if (head->expect_continue && evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0) {
        bufferevent_write(conn->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        conn->server->counters.responses[1]++;
    }
    ww_http_conn_enter(conn, CONN_BODY);
}

static int status_of_failure(enum ww_status status) {
    return status == WW_TOO_LARGE ? 413 : status == WW_NO_MEMORY ? 503 : 400;
}

/* Takes payload bytes (the frame is off). False when the request was refused. */
static bool take_payload(struct ww_http_request *req, struct ww_str bytes) {
    struct ww_error err;
    enum ww_status st;
    req->wire_bytes += bytes.len;
    if (req->decoder) {
        st = req->wire_bytes > req->max_body + CODING_SLACK
                 ? ww_error_set(&err, WW_TOO_LARGE, "the compressed body is too large")
                 : ww_http_decoder_feed(req->decoder, bytes, &req->body, &err);
    } else {
        ww_buf_str_add(&req->body, bytes);
        st = ww_buf_status(&req->body);
        if (st != WW_OK)
            ww_error_set(&err, st,
                         st == WW_TOO_LARGE ? "the body is too large" : "the server is short of memory");
    }
    if (st == WW_OK)
        return true;
    ww_http_conn_refuse(req->conn, status_of_failure(st), err.message);
    return false;
}

/* The body grew: does everybody's together still fit? False when the request was refused. */
static bool count_body(struct ww_http_request *req) {
    struct ww_http_server *server = req->server;
    server->counters.body_bytes_held += req->body.len - req->body_counted;
    req->body_counted = req->body.len;
    if (server->counters.body_bytes_held <= server->limits.max_body_total)
        return true;
    ww_http_conn_refuse(req->conn, 503, "the server holds too many bodies at once");
    return false;
}

static bool complete(struct ww_http_request *req) {
    struct ww_error err;
    if (req->decoder && req->wire_bytes > 0 && ww_http_decoder_end(req->decoder, &err) != WW_OK) {
        ww_http_conn_refuse(req->conn, 400, err.message);
        return true;
    }
    ww_http_decoder_free(req->decoder);
    req->decoder = NULL;
    if (req->body.data)
        req->body.data[req->body.len] = '\0';
    req->body_complete = true;
    return true;
}

/* Known length, no coding: straight into its place. */
static void read_plain(struct ww_http_request *req, struct evbuffer *input) {
    size_t len = evbuffer_get_length(input);
    if (len > req->body_left)
        len = (size_t)req->body_left;
    int got = evbuffer_remove(input, req->body.data + req->body.len, len);
    if (got > 0) {
        req->body.len += (size_t)got;
        req->body_left -= (uint64_t)got;
    }
}

/* One contiguous piece of the input. False when the request was refused. */
static bool read_piece(struct ww_http_request *req, struct evbuffer *input, struct ww_str piece, bool *done) {
    if (!req->parser.head.chunked) {
        if (piece.len > req->body_left)
            piece.len = (size_t)req->body_left;
        req->body_left -= piece.len;
        *done = req->body_left == 0;
        bool good = take_payload(req, piece);
        evbuffer_drain(input, piece.len);
        return good;
    }
    while (piece.len > 0) {
        struct ww_str data;
        size_t used;
        enum ww_http_parse result = ww_http_chunked_feed(&req->chunked, piece, &used, &data);
        bool good = result != WW_HTTP_REFUSED && (data.len == 0 || take_payload(req, data));
        evbuffer_drain(input, used);
        if (result == WW_HTTP_REFUSED)
            ww_http_conn_refuse(req->conn, 400, req->chunked.refused_why);
        if (!good)
            return false;
        *done = result == WW_HTTP_DONE;
        if (*done)
            return true;
        piece = (struct ww_str){piece.ptr + used, piece.len - used};
    }
    return true;
}

bool ww_http_body_read(struct ww_http_request *req) {
    struct evbuffer *input = bufferevent_get_input(req->conn->bev);
    if (!req->decoder && !req->parser.head.chunked) {
        read_plain(req, input);
        if (!count_body(req))
            return true;
        return req->body_left == 0 && complete(req);
    }
    struct evbuffer_iovec piece;
    bool done = false;
    while (!done && evbuffer_peek(input, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        if (!read_piece(req, input, (struct ww_str){piece.iov_base, piece.iov_len}, &done) ||
            !count_body(req))
            return true;
    }
    return done && complete(req);
}
