/* One connection: its states, its deadlines, and what happens when bytes come, go, or stop. */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "server/http/internal.h"

/* Bytes a read or a write may move at once: few system calls for a large body, and still a
 * fair turn for the other connections. */
#define BYTES_A_CALL ((size_t)64 << 10)

static void advance(struct ww_http_conn *conn);

void ww_http_conn_enter(struct ww_http_conn *conn, enum conn_state state) {
    int64_t now = ww_http_now_ms();
    assert(conn->state != CONN_CLOSED);
    conn->state = state;
    conn->since_ms = now;
    conn->read_ms = now;
    conn->state_bytes = 0;
    size_t low = state == CONN_STREAM ? conn->server->limits.max_output_bytes / 4 : 0;
    bufferevent_setwatermark(conn->bev, EV_WRITE, low, 0);
    /* Whatever is waiting now must be seen again by the write callback; nothing waiting, by the turn. */
    if (state == CONN_WRITE && evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0)
        ww_http_conn_schedule(conn);
}

void ww_http_conn_schedule(struct ww_http_conn *conn) {
    if (!conn->is_due) {
        conn->is_due = true;
        TAILQ_INSERT_TAIL(&conn->server->due, conn, due);
    }
    ww_http_server_wake(conn->server);
}

void ww_http_conn_close(struct ww_http_conn *conn) {
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
    bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    ww_http_server_forget(conn->server, conn);
    struct ww_http_request *req = conn->req;
    if (!req)
        return;
    conn->req = NULL;
    req->conn = NULL;
    if (req->answered || !req->handed_out) {
        /* 499: the code that logs use for "the client left before the answer". */
        ww_http_request_release(req, req->answered ? req->status : 499);
    } else if (req->on_gone) {
        void (*cb)(void *) = req->on_gone;
        req->on_gone = NULL;
        cb(req->on_gone_arg);
    }
}

void ww_http_conn_refuse(struct ww_http_conn *conn, int status, const char *why) {
    struct ww_http_counters *counters = &conn->server->counters;
    conn->closing = true;
    if (status == 408)
        counters->timeouts++;
    else if (status == 413 || status == 431)
        counters->too_large++;
    else if (status < 500 && status != 429)
        counters->bad_requests++;
    ww_http_write_refusal(conn, status, why);
}

/* A cut that the reader can see: a reset, which also frees what the kernel still holds. */
static void cut(struct ww_http_conn *conn) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn->server->counters.cut_readers++;
    ww_http_conn_close(conn);
}

/* ---- Deadlines ---- */

static bool body_is_slow(const struct ww_http_conn *conn, int64_t now) {
    int64_t elapsed = now - conn->since_ms;
    /* The grace is the time that a head may take: 10 s unless configured. */
    if (elapsed <= conn->server->limits.head_ms)
        return false;
    return (int64_t)conn->state_bytes * 1000 / elapsed < conn->server->limits.min_body_bytes_s;
}

bool ww_http_conn_is_overdue(const struct ww_http_conn *conn, int64_t now) {
    const struct ww_http_limits *limits = &conn->server->limits;
    switch (conn->state) {
    case CONN_IDLE:
        return now - conn->since_ms > (conn->served ? limits->keep_alive_ms : limits->idle_ms);
    case CONN_HEAD:
        return now - conn->since_ms > limits->head_ms || now - conn->read_ms > limits->idle_ms;
    case CONN_BODY:
        return now - conn->read_ms > limits->idle_ms || body_is_slow(conn, now);
    case CONN_STREAM:
    case CONN_WRITE:
        return evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0 &&
               now - conn->wrote_ms > limits->write_ms;
    case CONN_LINGER:
        return now - conn->since_ms > limits->idle_ms;
    default:
        return false;
    }
}

static void end_overdue(struct ww_http_conn *conn) {
    switch (conn->state) {
    case CONN_IDLE:
        if (!conn->served)
            conn->server->counters.timeouts++;
        ww_http_conn_close(conn); /* no answer: nothing was asked */
        break;
    case CONN_HEAD:
        ww_http_conn_refuse(conn, 408, "the head of the request came too slowly");
        break;
    case CONN_BODY:
        ww_http_conn_refuse(conn, 408, "the body of the request came too slowly");
        break;
    case CONN_STREAM:
    case CONN_WRITE:
        cut(conn);
        break;
    default:
        ww_http_conn_close(conn);
        break;
    }
}

/* ---- A request comes ---- */

static void deliver(struct ww_http_request *req) {
    struct ww_http_server *server = req->server;
    req->handed_out = true;
    ww_http_conn_enter(req->conn, CONN_ANSWER);
    server->handlers.on_request(server->handlers.arg, req);
}

static void begin_request(struct ww_http_conn *conn) {
    struct ww_http_server *server = conn->server;
    struct ww_http_request *req = ww_http_request_new(conn);
    if (!req) {
        ww_http_conn_refuse(conn, 503, "the server is short of memory");
        return;
    }
    conn->req = req;
    ww_http_conn_enter(conn, CONN_ANSWER);
    server->counters.requests++;
    const struct ww_http_head *head = &req->parser.head;
    struct ww_error err;
    enum ww_status st = ww_http_uri_parse(req->arena, head->target, head->host, &req->uri, &err);
    if (st != WW_OK) {
        ww_http_conn_refuse(conn, ww_http_status_of(st), err.message);
        return;
    }
    req->shown = true;
    req->body_complete = !head->chunked && head->content_length == 0;
    if (server->handlers.on_head)
        server->handlers.on_head(server->handlers.arg, req);
    if (conn->state != CONN_ANSWER) /* answered, or cut, at once */
        return;
    if (req->body_complete)
        deliver(req);
    else
        ww_http_body_begin(req);
}

/* True when the head is complete or refused. */
static bool read_head(struct ww_http_conn *conn) {
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    struct evbuffer_iovec piece;
    while (evbuffer_peek(input, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        size_t used;
        enum ww_http_parse result =
            ww_http_head_feed(&conn->parser, (struct ww_str){piece.iov_base, piece.iov_len}, &used);
        evbuffer_drain(input, used);
        if (result == WW_HTTP_REFUSED) {
            int status = conn->parser.refused_status;
            const char *why = conn->parser.refused_why;
            ww_http_head_parser_clear(&conn->parser);
            ww_http_conn_refuse(conn, status, why);
            return true;
        }
        if (result == WW_HTTP_DONE) {
            begin_request(conn);
            return true;
        }
    }
    return false;
}

static bool read_body(struct ww_http_conn *conn) {
    struct ww_http_request *req = conn->req;
    if (!ww_http_body_read(req))
        return false;
    if (conn->state == CONN_BODY && req->body_complete)
        deliver(req);
    return true;
}

/* ---- An answer has left ---- */

static void begin_linger(struct ww_http_conn *conn) {
    if (conn->peer_eof || shutdown(bufferevent_getfd(conn->bev), SHUT_WR) != 0) {
        ww_http_conn_close(conn);
        return;
    }
    ww_http_conn_enter(conn, CONN_LINGER);
}

static void finish_answer(struct ww_http_conn *conn) {
    if (conn->req)
        ww_http_request_release(conn->req, conn->req->status);
    if (conn->state != CONN_WRITE)
        return;
    if (conn->closing || conn->server->draining) {
        begin_linger(conn);
    } else {
        conn->served = true;
        ww_http_conn_enter(conn, CONN_IDLE);
    }
}

static void drop_input(struct ww_http_conn *conn) {
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (conn->state_bytes > LINGER_BYTES)
        ww_http_conn_close(conn);
}

/* One step; false when there is nothing more to do until the next event. */
static bool step(struct ww_http_conn *conn) {
    switch (conn->state) {
    case CONN_IDLE:
        if (evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0) {
            if (conn->server->draining)
                ww_http_conn_close(conn);
            return false;
        }
        ww_http_conn_enter(conn, CONN_HEAD);
        return true;
    case CONN_HEAD:
        return read_head(conn);
    case CONN_BODY:
        return read_body(conn);
    case CONN_LINGER:
        drop_input(conn);
        return false;
    default:
        return false;
    }
}

static void advance(struct ww_http_conn *conn) {
    while (step(conn))
        continue;
    bool wants_bytes = conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_BODY;
    if (conn->peer_eof && wants_bytes)
        ww_http_conn_close(conn);
}

void ww_http_conn_attend(struct ww_http_conn *conn) {
    if (conn->overdue) {
        conn->overdue = false;
        /* Something may have happened since the janitor looked. */
        if (ww_http_conn_is_overdue(conn, ww_http_now_ms()))
            end_overdue(conn);
        return;
    }
    if (conn->state == CONN_WRITE && evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0)
        finish_answer(conn);
    advance(conn);
}

/* ---- Callbacks of libevent ---- */

static void on_read(struct bufferevent *bev, void *arg) {
    (void)bev;
    advance(arg);
}

static void on_write(struct bufferevent *bev, void *arg) {
    struct ww_http_conn *conn = arg;
    if (conn->state == CONN_STREAM) {
        struct ww_http_request *req = conn->req;
        if (req->was_busy && req->on_drain) {
            req->was_busy = false;
            req->on_drain(req->on_drain_arg);
        }
    } else if (conn->state == CONN_WRITE && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        finish_answer(conn);
        advance(conn);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct ww_http_conn *conn = arg;
    (void)bev;
    if (!(what & BEV_EVENT_EOF)) {
        ww_http_conn_close(conn);
        return;
    }
    /* A peer that has shut its side after its request may still read the answer. A reader
     * of a stream that does so has left: nothing else tells us before the next write. */
    conn->peer_eof = true;
    if (conn->state != CONN_ANSWER && conn->state != CONN_WRITE)
        ww_http_conn_close(conn);
}

static void on_input_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
    struct ww_http_conn *conn = arg;
    (void)buffer;
    if (info->n_added == 0)
        return;
    conn->read_ms = ww_http_now_ms();
    conn->state_bytes += info->n_added;
    conn->server->counters.bytes_in += info->n_added;
}

static void on_output_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
    struct ww_http_conn *conn = arg;
    (void)buffer;
    if (info->n_deleted > 0 || info->orig_size == 0)
        conn->wrote_ms = ww_http_now_ms();
    conn->server->counters.bytes_out += info->n_deleted;
}

void ww_http_conn_open(struct ww_http_server *server, int fd, const struct ww_peer_key *key, const char *peer,
                       int refuse_status) {
    struct ww_http_conn *conn = ww_try_calloc(1, sizeof *conn);
    struct bufferevent *bev = conn ? bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!bev || (!refuse_status && !ww_peer_table_add(server->peers, key))) {
        if (bev)
            bufferevent_free(bev);
        else
            evutil_closesocket(fd);
        ww_free(conn);
        server->counters.refused_connections++;
        return;
    }
    conn->server = server;
    conn->bev = bev;
    conn->peer_key = *key;
    conn->refused = refuse_status != 0;
    snprintf(conn->peer, sizeof conn->peer, "%s", peer);
    ww_http_head_parser_init(&conn->parser, server->limits.max_head_bytes, server->limits.max_headers);
    TAILQ_INSERT_TAIL(&server->open, conn, all);
    if (conn->refused)
        server->refused_open++;
    else
        server->counters.open_connections++;
    bufferevent_set_max_single_read(bev, BYTES_A_CALL);
    bufferevent_set_max_single_write(bev, BYTES_A_CALL);
    bufferevent_setwatermark(bev, EV_READ, 0, READ_WATERMARK);
    evbuffer_add_cb(bufferevent_get_input(bev), on_input_bytes, conn);
    evbuffer_add_cb(bufferevent_get_output(bev), on_output_bytes, conn);
    bufferevent_setcb(bev, on_read, on_write, on_event, conn);
    ww_http_conn_enter(conn, CONN_IDLE);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (refuse_status)
        ww_http_conn_refuse(conn, refuse_status,
                            refuse_status == 429 ? "too many connections from this address"
                                                 : "too many connections");
}
