/* The listener, the caps, the janitor and the sweep; birth and end of the server. */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "server/http/internal.h"

#define ACCEPTS_A_TURN   64
#define ACCEPT_PAUSE_MS  250
#define JANITOR_MS       250
#define RESERVED_FDS     256 /* database, files, HJ 212 and MQTT listeners, lingering refusals */
#define MAX_REFUSED_OPEN 64  /* told why; beyond them connections are just closed */
#define FD_SAFETY        32

int64_t ww_http_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ww_http_now_ms(void) {
    return ww_http_now_us() / 1000;
}

/* IMF-fixdate (RFC 9110 section 5.6.7), made once a second; not strftime, whose names follow the locale. */
const char *ww_http_server_date(struct ww_http_server *server) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    if (now != server->date_s || !server->date[0]) {
        struct tm tm;
        gmtime_r(&now, &tm);
        snprintf(server->date, sizeof server->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                 days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        server->date_s = now;
    }
    return server->date;
}

void ww_http_server_wake(struct ww_http_server *server) {
    if (!server->turn_is_due) {
        server->turn_is_due = true;
        event_active(server->turn, EV_TIMEOUT, 1);
    }
}

void ww_http_server_forget(struct ww_http_server *server, struct ww_http_conn *conn) {
    TAILQ_REMOVE(&server->open, conn, all);
    TAILQ_INSERT_TAIL(&server->retired, conn, all);
    if (conn->is_due) {
        conn->is_due = false;
        TAILQ_REMOVE(&server->due, conn, due);
    }
    if (conn->refused) {
        server->refused_open--;
    } else {
        server->counters.open_connections--;
        ww_peer_table_remove(server->peers, &conn->peer_key);
    }
    ww_http_server_wake(server);
}

/* ---- The end of a turn: attend to what was scheduled, free what was retired ---- */

static void sweep(struct ww_http_server *server) {
    struct ww_http_conn *conn;
    while ((conn = TAILQ_FIRST(&server->retired))) {
        TAILQ_REMOVE(&server->retired, conn, all);
        bufferevent_free(conn->bev);
        ww_http_head_parser_clear(&conn->parser);
        ww_free(conn);
    }
    struct ww_http_request *req;
    while ((req = TAILQ_FIRST(&server->dead))) {
        TAILQ_REMOVE(&server->dead, req, link);
        ww_http_request_free(req);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_http_server *server = arg;
    struct ww_http_conn *conn;
    (void)fd, (void)what;
    server->turn_is_due = false;
    while ((conn = TAILQ_FIRST(&server->due))) {
        TAILQ_REMOVE(&server->due, conn, due);
        conn->is_due = false;
        ww_http_conn_attend(conn);
    }
    sweep(server);
    if (server->draining && server->on_drained && server->counters.open_connections == 0) {
        void (*cb)(void *) = server->on_drained;
        server->on_drained = NULL;
        cb(server->on_drained_arg); /* may free the server: the last thing done here */
    }
}

static void on_janitor(evutil_socket_t fd, short what, void *arg) {
    struct ww_http_server *server = arg;
    int64_t now = ww_http_now_ms();
    (void)fd, (void)what;
    bool cut_all = server->draining && now >= server->cut_ms;
    struct ww_http_conn *conn;
    /* Only marks here: what an ending connection calls may end others and change the list. */
    TAILQ_FOREACH(conn, &server->open, all) {
        if (!cut_all && ww_http_conn_is_overdue(conn, now)) {
            conn->overdue = true;
            ww_http_conn_schedule(conn);
        }
    }
    while (cut_all && (conn = TAILQ_FIRST(&server->open)))
        ww_http_conn_close(conn);
    if (server->accept_again_ms && now >= server->accept_again_ms && !server->draining) {
        server->accept_again_ms = 0;
        event_add(server->accept_event, NULL);
    }
}

/* ---- Accepting ---- */

static void pause_accepting(struct ww_http_server *server, const char *why) {
    ww_log(WW_LOG_WARN, "http=accept_paused ms=%d open=%d cause=%s", ACCEPT_PAUSE_MS,
           server->counters.open_connections, why);
    event_del(server->accept_event);
    server->accept_again_ms = ww_http_now_ms() + ACCEPT_PAUSE_MS;
}

static void take_connection(struct ww_http_server *server, int fd, const struct sockaddr *address) {
    struct ww_peer_key key;
    char peer[INET6_ADDRSTRLEN];
    int one = 1, refuse = 0;
    ww_peer_key_of(address, &key, peer);
    if (server->counters.open_connections >= server->limits.max_connections)
        refuse = 503;
    else if (ww_peer_table_count(server->peers, &key) >= server->limits.max_per_address)
        refuse = 429;
    if (refuse) {
        server->counters.refused_connections++;
        if (server->refused_open >= MAX_REFUSED_OPEN) {
            evutil_closesocket(fd);
            return;
        }
    } else {
        server->counters.accepted++;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    ww_http_conn_open(server, fd, &key, peer, refuse);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg) {
    struct ww_http_server *server = arg;
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= server->fd_ceiling) {
            evutil_closesocket(fd);
            server->counters.refused_connections++;
            pause_accepting(server, "descriptors");
            return;
        }
        if (fd >= 0) {
            take_connection(server, fd, (struct sockaddr *)&address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(server, "system");
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else that one connection failed before it was taken: the next may be well */
    }
}

/* ---- Opening ---- */

static int or_default(int value, int fallback) {
    return value ? value : fallback;
}

static void set_limits(struct ww_http_server *server, const struct ww_http_limits *given) {
    struct ww_http_limits *l = &server->limits;
    if (given)
        *l = *given;
    l->max_connections = or_default(l->max_connections, 10000);
    l->max_per_address = or_default(l->max_per_address, 5000);
    l->max_headers = or_default(l->max_headers, 100);
    l->head_ms = or_default(l->head_ms, 10000);
    l->idle_ms = or_default(l->idle_ms, 5000);
    l->keep_alive_ms = or_default(l->keep_alive_ms, 60000);
    l->min_body_bytes_s = or_default(l->min_body_bytes_s, 1024);
    l->write_ms = or_default(l->write_ms, 30000);
    l->max_head_bytes = l->max_head_bytes ? l->max_head_bytes : (size_t)16 << 10;
    l->max_body_bytes = l->max_body_bytes ? l->max_body_bytes : (size_t)1 << 20;
    l->max_body_total = l->max_body_total ? l->max_body_total : (size_t)256 << 20;
    l->max_output_bytes = l->max_output_bytes ? l->max_output_bytes : (size_t)256 << 10;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1 << 20)
        files.rlim_cur = 1 << 20;
    int fds = (int)files.rlim_cur;
    server->fd_ceiling = fds > 4 * FD_SAFETY ? fds - FD_SAFETY : fds;
    int most = fds > 2 * RESERVED_FDS ? fds - RESERVED_FDS : fds / 2;
    if (l->max_connections > most) {
        ww_log(WW_LOG_INFO, "http=max_connections asked=%d given=%d open_files=%d", l->max_connections, most,
               fds);
        l->max_connections = most;
    }
}

static enum ww_status fail_listen(struct ww_error *err, const char *host, int port, int error) {
    switch (error) {
    case EADDRINUSE:
        return ww_error_set(err, WW_CONFLICT, "port %d on %s is taken by another program", port, host);
    case EACCES:
        return ww_error_set(err, WW_DENIED, "this user may not listen on port %d of %s", port, host);
    case EADDRNOTAVAIL:
        return ww_error_set(err, WW_BAD_INPUT, "this machine does not have the address %s", host);
    default:
        return ww_error_set(err, WW_UNAVAILABLE, "cannot listen on port %d of %s: %s", port, host,
                            strerror(error));
    }
}

static enum ww_status listen_on(struct ww_http_server *server, const char *host, int port,
                                struct ww_error *err) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[16];
    int one = 1;
    snprintf(service, sizeof service, "%d", port);
    if (port < 0 || port > 65535)
        return ww_error_set(err, WW_BAD_INPUT, "%d is not a port", port);
    if (getaddrinfo(host, service, &hints, &found) != 0 || !found)
        return ww_error_set(err, WW_BAD_INPUT, "%s is not an address to listen on", host);
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    enum ww_status st = WW_OK;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
        st = fail_listen(err, host, port, errno);
        if (fd >= 0)
            close(fd);
    } else {
        struct sockaddr_storage bound;
        socklen_t len = sizeof bound;
        server->listen_fd = fd;
        (void)getsockname(fd, (struct sockaddr *)&bound, &len);
        if (bound.ss_family == AF_INET6)
            server->port = ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
        else
            server->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    }
    freeaddrinfo(found);
    return st;
}

/* Often enough that no deadline is missed by more than a quarter of itself. */
static int janitor_ms(const struct ww_http_limits *l) {
    int least = JANITOR_MS * 4;
    const int all[] = {l->head_ms, l->idle_ms, l->keep_alive_ms, l->write_ms};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] < least)
            least = all[i];
    return least < 40 ? 10 : least / 4;
}

enum ww_status ww_http_server_open(struct event_base *base, const char *host, int port,
                                   const struct ww_http_limits *limits,
                                   const struct ww_http_handlers *handlers, struct ww_http_server **out,
                                   struct ww_error *err) {
    struct ww_http_server *server = ww_must_calloc(1, sizeof *server);
    server->base = base;
    server->handlers = *handlers;
    server->listen_fd = -1;
    TAILQ_INIT(&server->open);
    TAILQ_INIT(&server->retired);
    TAILQ_INIT(&server->due);
    TAILQ_INIT(&server->requests);
    TAILQ_INIT(&server->dead);
    server->peers = ww_peer_table_new();
    set_limits(server, limits);
    enum ww_status st = listen_on(server, host, port, err);
    if (st == WW_OK) {
        int every_ms = janitor_ms(&server->limits);
        struct timeval every = {every_ms / 1000, every_ms % 1000 * 1000};
        server->turn = event_new(base, -1, 0, on_turn, server);
        server->janitor = event_new(base, -1, EV_PERSIST, on_janitor, server);
        server->accept_event = event_new(base, server->listen_fd, EV_READ | EV_PERSIST, on_accept, server);
        if (!server->turn || !server->janitor || !server->accept_event ||
            event_add(server->janitor, &every) != 0 || event_add(server->accept_event, NULL) != 0)
            st = ww_error_set(err, WW_NO_MEMORY, "the event loop cannot take the listener");
    }
    if (st != WW_OK) {
        ww_http_server_free(server);
        server = NULL;
    }
    *out = server;
    return st;
}

int ww_http_server_port(const struct ww_http_server *server) {
    return server->port;
}

const struct ww_http_counters *ww_http_server_counters(const struct ww_http_server *server) {
    return &server->counters;
}

/* ---- Ending ---- */

static void stop_listening(struct ww_http_server *server) {
    if (server->accept_event)
        event_free(server->accept_event);
    server->accept_event = NULL;
    server->accept_again_ms = 0;
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server->listen_fd = -1;
}

void ww_http_server_shutdown(struct ww_http_server *server, int grace_ms, void (*on_drained)(void *arg),
                             void *arg) {
    assert(!server->draining);
    stop_listening(server);
    server->draining = true;
    server->cut_ms = ww_http_now_ms() + grace_ms;
    server->on_drained = on_drained;
    server->on_drained_arg = arg;
    struct ww_http_conn *conn;
    TAILQ_FOREACH(conn, &server->open, all)
    ww_http_conn_schedule(conn); /* the idle ones end in this turn */
    ww_http_server_wake(server);
}

void ww_http_server_free(struct ww_http_server *server) {
    if (!server)
        return;
    stop_listening(server);
    server->on_drained = NULL;
    struct ww_http_conn *conn;
    while ((conn = TAILQ_FIRST(&server->open)))
        ww_http_conn_close(conn);
    sweep(server);
    struct ww_http_request *req;
    while ((req = TAILQ_FIRST(&server->requests))) { /* the application still has to answer them */
        TAILQ_REMOVE(&server->requests, req, link);
        req->server = NULL;
    }
    if (server->janitor)
        event_free(server->janitor);
    if (server->turn)
        event_free(server->turn);
    ww_peer_table_free(server->peers);
    ww_free(server);
}
