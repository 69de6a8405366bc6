/* What the files of this folder share: server, connection, request. Nobody else includes it.
 *
 * Life of a connection (one function, ww_http_conn_enter, changes the state):
 *
 *   IDLE → HEAD → BODY → ANSWER → WRITE → IDLE …        keep-alive
 *                           ↘ STREAM ↗  ↘ LINGER → CLOSED
 *
 *   IDLE    nothing of a request is read          deadline keep_alive_ms (the first time idle_ms)
 *   HEAD    a head is arriving                    idle_ms and head_ms
 *   BODY    a body is arriving                    idle_ms and min_body_bytes_s
 *   ANSWER  the application has the request       its own affair
 *   STREAM  it sends a streamed answer            write_ms without progress
 *   WRITE   the complete answer is leaving        write_ms without progress
 *   LINGER  our side is shut; the peer's bytes are dropped so that it can read our answer instead of
 *           a reset                               idle_ms, LINGER_BYTES
 *   CLOSED  retired, freed by the sweep at the end of the turn
 *
 * Nothing is freed in a callback: closed connections and finished requests go on the server's
 * retired lists, which its `turn` event sweeps. While a request is being answered reading stops at
 * READ_WATERMARK, so a peer that pours bytes costs no more than that.
 *
 * Owners: the server owns connections; a connection owns its request until on_request has
 * handed it out, from then on until the answer the application keeps it alive (a
 * request whose connection is gone has conn == NULL).
 */
#ifndef WW_SERVER_HTTP_INTERNAL_H
#define WW_SERVER_HTTP_INTERNAL_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/queue.h>

#include "geo/base/buf.h"
#include "server/http/body_coding.h"
#include "server/http/chunked.h"
#include "server/http/head_parser.h"
#include "server/http/peer_table.h"
#include "server/http/uri.h"

#define READ_WATERMARK ((size_t)64 << 10)
#define LINGER_BYTES   ((size_t)32 << 20)

enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_ANSWER,
    CONN_STREAM,
    CONN_WRITE,
    CONN_LINGER,
    CONN_CLOSED
};

struct ww_http_conn {
    TAILQ_ENTRY(ww_http_conn) all; /* on server.open, or server.retired when CLOSED */
    TAILQ_ENTRY(ww_http_conn) due; /* on server.due when is_due */
    struct ww_http_server *server;
    struct bufferevent *bev;
    struct ww_http_request *req;
    enum conn_state state;
    bool is_due;
    bool overdue;       /* the janitor found a deadline passed */
    bool closing;       /* no further request after this answer */
    bool peer_eof;      /* the peer has shut its side */
    bool refused;       /* over a cap: answered and lingering, in no count */
    bool served;        /* a first request was answered: keep_alive_ms applies */
    int64_t since_ms;   /* when the state was entered */
    int64_t read_ms;    /* last byte read */
    int64_t wrote_ms;   /* last progress in writing */
    size_t state_bytes; /* read since the state was entered */
    struct ww_http_head_parser parser;
    struct ww_peer_key peer_key;
    char peer[INET6_ADDRSTRLEN];
};

struct ww_http_request {
    TAILQ_ENTRY(ww_http_request) link; /* on server.requests, or server.dead */
    struct ww_http_server *server;     /* NULL when the server was freed first */
    struct ww_http_conn *conn;         /* NULL when the peer is gone */
    struct ww_http_head_parser parser; /* owns the head's bytes */
    struct ww_http_uri uri;
    struct ww_arena *arena;
    uint64_t id;
    int64_t start_us;
    char peer[INET6_ADDRSTRLEN];
    void *context;
    /* the body */
    size_t max_body;
    struct ww_buf body;
    size_t body_counted; /* its share of counters.body_bytes_held */
    uint64_t body_left;  /* of Content-Length */
    uint64_t wire_bytes;
    struct ww_http_chunked chunked;
    struct ww_http_decoder *decoder;
    bool body_complete;
    /* the answer */
    struct ww_buf headers;
    int status;
    bool handed_out; /* on_request was called */
    bool answered;   /* a complete answer, or the end of a stream */
    bool streaming;
    bool stream_raw; /* HTTP/1.0: no chunked framing, ended by the close */
    bool was_busy;
    bool shown; /* to the application */
    bool released;
    void (*on_gone)(void *arg);
    void *on_gone_arg;
    void (*on_drain)(void *arg);
    void *on_drain_arg;
};

TAILQ_HEAD(ww_http_conn_list, ww_http_conn);
TAILQ_HEAD(ww_http_request_list, ww_http_request);

struct ww_http_server {
    struct event_base *base;
    struct ww_http_limits limits;
    struct ww_http_handlers handlers;
    struct ww_http_counters counters;
    int listen_fd;
    int port;
    int fd_ceiling; /* an accepted descriptor at or above it: stop accepting for a while */
    struct event *accept_event;
    struct event *janitor;
    struct event *turn;
    int64_t accept_again_ms; /* 0: accepting */
    struct ww_http_conn_list open, retired, due;
    struct ww_http_request_list requests, dead;
    struct ww_peer_table *peers;
    int refused_open;
    bool turn_is_due;
    uint64_t last_id;
    int64_t date_s;
    char date[64];
    bool draining;
    int64_t cut_ms; /* when draining ends by force */
    void (*on_drained)(void *arg);
    void *on_drained_arg;
};

int64_t ww_http_now_us(void);
int64_t ww_http_now_ms(void);

/* connection.c */
void ww_http_conn_open(struct ww_http_server *server, int fd, const struct ww_peer_key *key, const char *peer,
                       int refuse_status);
void ww_http_conn_enter(struct ww_http_conn *conn, enum conn_state state);
void ww_http_conn_close(struct ww_http_conn *conn);
void ww_http_conn_attend(struct ww_http_conn *conn); /* called by the turn */
bool ww_http_conn_is_overdue(const struct ww_http_conn *conn, int64_t now_ms);
void ww_http_conn_schedule(struct ww_http_conn *conn);
/* The answer of the layer itself: to the connection's request if it has one. Closes afterwards. */
void ww_http_conn_refuse(struct ww_http_conn *conn, int status, const char *why);

/* body.c: both answer true when the state is no longer BODY or more bytes may be taken at once. */
void ww_http_body_begin(struct ww_http_request *req);
bool ww_http_body_read(struct ww_http_request *req);
void ww_http_body_drop(struct ww_http_request *req);

/* request.c */
struct ww_http_request *ww_http_request_new(struct ww_http_conn *conn);
void ww_http_request_release(struct ww_http_request *req, int status); /* on_done, then to the dead */
void ww_http_request_free(struct ww_http_request *req);                /* called by the sweep */

/* respond.c */
void ww_http_write_head(struct ww_http_request *req, int status, const char *content_type,
                        const char *framing, struct ww_str body);
void ww_http_write_refusal(struct ww_http_conn *conn, int status, const char *why);
bool ww_http_has_header(const struct ww_http_request *req, const char *name);

/* server.c */
void ww_http_server_wake(struct ww_http_server *server);
void ww_http_server_forget(struct ww_http_server *server, struct ww_http_conn *conn);
const char *ww_http_server_date(struct ww_http_server *server);

#endif
