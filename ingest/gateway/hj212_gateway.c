/* The HJ 212 gateway: listens, keeps the caps, tends its sessions and stations, ends. */
#include "ingest/gateway/hj212_gateway.h"

#include <arpa/inet.h>
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
#include "geo/instant.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum {
    ACCEPTS_A_TURN = 64,
    ACCEPT_PAUSE_MS = 250,
    TICK_MS = 250,
    SESSIONS_EVERY = 4, /* ticks */
    LOOK_EVERY = 20,
    COUNTS_EVERY = 20,
    RESERVED_FDS = 256, /* database, files, HTTP */
    FD_SAFETY = 32,
    SET_TIMEOUT_MS = 30000,
    MAX_SETS = 10000,
    MAX_EVENTS = 10000,
    MAX_REGISTRATIONS = 1000,
    MAX_ARRIVALS = 20000
};

int64_t ww_hj212_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1; /* never 0, which means "not begun" */
}

int64_t ww_hj212_clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

/* ---- How many connections an address has ---- */

static struct ww_str address_of(const char *peer) {
    return ww_str_of(peer);
}

static uint64_t count_of(const struct ww_hj212_gateway *g, const char *peer) {
    uint64_t n;
    return ww_map_get(g->per_address, address_of(peer), &n) ? n : 0;
}

/* The map forgets nothing: when it knows many addresses that are gone it is made anew. */
static void tidy_addresses(struct ww_hj212_gateway *g) {
    if (ww_map_count(g->per_address) < 1024 + 4 * (size_t)g->counters.connections)
        return;
    struct ww_map *fresh = ww_map_new(1024);
    struct session *s;
    TAILQ_FOREACH(s, &g->open, all) {
        uint64_t n = 0;
        (void)ww_map_get(fresh, address_of(s->peer), &n);
        if (ww_map_put(fresh, address_of(s->peer), n + 1) != WW_OK) {
            ww_map_free(fresh);
            return;
        }
    }
    ww_map_free(g->per_address);
    g->per_address = fresh;
}

/* ---- The end of a turn: attend to those that are due, free what was retired ---- */

void ww_hj212_gateway_wake(struct ww_hj212_gateway *g) {
    if (g->turn_is_due)
        return;
    g->turn_is_due = true;
    event_active(g->turn, EV_TIMEOUT, 1);
}

void ww_hj212_gateway_forget(struct session *s) {
    struct ww_hj212_gateway *g = s->gateway;
    uint64_t n = count_of(g, s->peer);
    TAILQ_REMOVE(&g->open, s, all);
    TAILQ_INSERT_TAIL(&g->retired, s, all);
    if (s->is_due) {
        s->is_due = false;
        TAILQ_REMOVE(&g->due, s, due);
    }
    if (s->has_answers) {
        s->has_answers = false;
        TAILQ_REMOVE(&g->to_send, s, to_send);
    }
    g->counters.connections--;
    if (n > 0)
        (void)!ww_map_put(g->per_address, address_of(s->peer), n - 1); /* replaced: needs no memory */
    ww_hj212_gateway_wake(g);
}

static void send_answers(struct ww_hj212_gateway *g) {
    struct session *s;
    while ((s = TAILQ_FIRST(&g->to_send))) {
        TAILQ_REMOVE(&g->to_send, s, to_send);
        s->has_answers = false;
        ww_hj212_session_send_out(s);
    }
}

static void sweep(struct ww_hj212_gateway *g) {
    struct session *s;
    while ((s = TAILQ_FIRST(&g->retired))) {
        TAILQ_REMOVE(&g->retired, s, all);
        ww_hj212_session_free(s);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_hj212_gateway *g = arg;
    struct session *s, *last = TAILQ_LAST(&g->due, session_list);
    (void)fd;
    (void)what;
    g->turn_is_due = false;
    /* Those that are due now, once: who has more comes again in the next turn, behind what else happened. */
    while ((s = TAILQ_FIRST(&g->due))) {
        TAILQ_REMOVE(&g->due, s, due);
        s->is_due = false;
        bool was_last = s == last;
        ww_hj212_session_attend(s, HJ212_FRAMES_A_TURN);
        if (was_last)
            break;
    }
    if (!TAILQ_EMPTY(&g->due))
        ww_hj212_gateway_wake(g);
    ww_hj212_commands_look(g);
    send_answers(g);
    sweep(g);
}

/* ---- The janitor ---- */

static void check_sessions(struct ww_hj212_gateway *g, int64_t now) {
    struct session *s, *next;
    for (s = TAILQ_FIRST(&g->open); s; s = next) {
        next = TAILQ_NEXT(s, all); /* a check ends no other session */
        ww_hj212_session_check(s, now);
    }
    tidy_addresses(g);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct ww_hj212_gateway *g = arg;
    int64_t now = ww_hj212_now_ms();
    (void)fd;
    (void)what;
    g->ticks++;
    if (g->accept_again_ms && now >= g->accept_again_ms && !g->is_stopped) {
        g->accept_again_ms = 0;
        event_add(g->accepting, NULL);
    }
    if (g->ticks % SESSIONS_EVERY == 0)
        check_sessions(g, now);
    if (g->ticks % LOOK_EVERY == 0)
        g->look_at_all = true;
    if (g->ticks % COUNTS_EVERY == 0)
        ww_hj212_stations_tell_counts(g);
    ww_hj212_packets_expire(g->packets, now, ww_hj212_hear_lost_set, g);
    ww_hj212_commands_tick(g, now);
    ww_hj212_batch_flush(&g->registrations);
    ww_hj212_batch_flush(&g->arrivals);
    ww_hj212_batch_flush(&g->events);
    ww_hj212_batch_flush(&g->deviations);
    ww_hj212_commands_look(g);
}

void ww_hj212_gateway_look(struct ww_hj212_gateway *g) {
    g->look_at_all = true;
    ww_hj212_gateway_wake(g);
}

static void on_notify(void *arg, struct ww_str channel, struct ww_str payload) {
    (void)channel;
    (void)payload;
    ww_hj212_gateway_look(arg);
}

static void on_world(void *arg) {
    struct ww_hj212_gateway *g = arg;
    struct session *s;
    TAILQ_FOREACH(s, &g->open, all)
    if (s->pauses & (PAUSE_WORLD | PAUSE_WAIT))
        ww_hj212_session_look_at_world(s);
}

/* ---- Accepting ---- */

static void pause_accepting(struct ww_hj212_gateway *g, const char *why) {
    ww_log(WW_LOG_WARN, "hj212=accept_paused ms=%d open=%d cause=%s", ACCEPT_PAUSE_MS,
           g->counters.connections, why);
    event_del(g->accepting);
    g->accept_again_ms = ww_hj212_now_ms() + ACCEPT_PAUSE_MS;
}

static void name_peer(const struct sockaddr *address, char out[INET6_ADDRSTRLEN]) {
    const struct sockaddr_in6 *v6 = (const void *)address;
    const struct sockaddr_in *v4 = (const void *)address;
    out[0] = '\0';
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, out, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, out, INET6_ADDRSTRLEN);
}

static void take_connection(struct ww_hj212_gateway *g, int fd, const struct sockaddr *address) {
    char peer[INET6_ADDRSTRLEN];
    int one = 1, idle_s = 120;
    name_peer(address, peer);
    uint64_t n = count_of(g, peer);
    struct session *s = NULL;
    if (g->counters.connections < g->options.max_connections && n < (uint64_t)g->options.max_per_address &&
        ww_map_put(g->per_address, address_of(peer), n + 1) == WW_OK) {
        s = ww_hj212_session_open(g, fd, peer);
        if (!s)
            (void)!ww_map_put(g->per_address, address_of(peer), n);
    }
    if (!s) {
        g->counters.refused++;
        evutil_closesocket(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    g->counters.accepted++;
    g->counters.connections++;
    TAILQ_INSERT_TAIL(&g->open, s, all);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg) {
    struct ww_hj212_gateway *g = arg;
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= g->fd_ceiling) {
            evutil_closesocket(fd);
            g->counters.refused++;
            pause_accepting(g, "descriptors");
            return;
        }
        if (fd >= 0) {
            take_connection(g, fd, (struct sockaddr *)&address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(g, "system");
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else that one failed before it was taken: the next may be well */
    }
}

/* ---- Opening ---- */

static void set_options(struct ww_hj212_gateway *g, const struct ww_hj212_gateway_options *given) {
    struct ww_hj212_gateway_options *o = &g->options;
    *o = *given;
    o->max_connections = o->max_connections ? o->max_connections : 20000;
    o->idle_s = o->idle_s ? o->idle_s : 7200;
    o->frame_s = o->frame_s ? o->frame_s : 60;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1 << 20)
        files.rlim_cur = 1 << 20;
    int fds = (int)files.rlim_cur;
    g->fd_ceiling = fds > 4 * FD_SAFETY ? fds - FD_SAFETY : fds;
    int most = fds > 2 * RESERVED_FDS ? fds - RESERVED_FDS : fds / 2;
    if (o->max_connections > most) {
        ww_log(WW_LOG_INFO, "hj212=max_connections asked=%d given=%d open_files=%d", o->max_connections, most,
               fds);
        o->max_connections = most;
    }
    if (!o->max_per_address)
        o->max_per_address = o->max_connections - o->max_connections / 4;
}

static enum ww_status fail_listen(struct ww_error *err, const char *host, int port, int error) {
    if (error == EADDRINUSE)
        return ww_error_set(err, WW_CONFLICT, "port %d on %s is taken by another program", port, host);
    if (error == EACCES)
        return ww_error_set(err, WW_DENIED, "this user may not listen on port %d of %s", port, host);
    return ww_error_set(err, WW_UNAVAILABLE, "cannot listen for HJ 212 on port %d of %s: %s", port, host,
                        strerror(error));
}

static enum ww_status bind_to(struct ww_hj212_gateway *g, const struct addrinfo *found,
                              struct ww_error *err) {
    int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    g->listen_fd = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
        return fail_listen(err, g->options.host, g->options.port, errno);
    g->port = bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                          : ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return WW_OK;
}

static enum ww_status listen_on(struct ww_hj212_gateway *g, struct ww_error *err) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[16];
    if (g->options.port < 0 || g->options.port > 65535)
        return ww_error_set(err, WW_BAD_INPUT, "%d is not a port", g->options.port);
    snprintf(service, sizeof service, "%d", g->options.port);
    if (getaddrinfo(g->options.host, service, &hints, &found) != 0 || !found)
        return ww_error_set(err, WW_BAD_INPUT, "%s is not an address to listen on", g->options.host);
    enum ww_status st = bind_to(g, found, err);
    freeaddrinfo(found);
    return st;
}

static void init_tables(struct ww_hj212_gateway *g) {
    TAILQ_INIT(&g->open);
    TAILQ_INIT(&g->retired);
    TAILQ_INIT(&g->due);
    TAILQ_INIT(&g->to_send);
    TAILQ_INIT(&g->stations);
    TAILQ_INIT(&g->looks);
    TAILQ_INIT(&g->runs);
    g->per_address = ww_map_new(1024);
    g->by_mn = ww_map_new(1024);
    g->packets = ww_hj212_packets_new(MAX_SETS, SET_TIMEOUT_MS);
    ww_hj212_batch_init(&g->events, g, "station_event_add", MAX_EVENTS, NULL);
    ww_hj212_batch_init(&g->deviations, g, "station_deviation_add", MAX_EVENTS, NULL);
    ww_hj212_batch_init(&g->registrations, g, "station_register", MAX_REGISTRATIONS, NULL);
    ww_hj212_batch_init(&g->arrivals, g, "station_arrive", MAX_ARRIVALS, ww_hj212_stations_arrived);
}

static bool add_events(struct ww_hj212_gateway *g) {
    const struct timeval every = {TICK_MS / 1000, TICK_MS % 1000 * 1000};
    g->turn = event_new(g->base, -1, 0, on_turn, g);
    g->janitor = event_new(g->base, -1, EV_PERSIST, on_tick, g);
    g->accepting = event_new(g->base, g->listen_fd, EV_READ | EV_PERSIST, on_accept, g);
    return g->turn && g->janitor && g->accepting && event_add(g->janitor, &every) == 0 &&
           event_add(g->accepting, NULL) == 0;
}

static void listen_for_commands(struct ww_hj212_gateway *g) {
    if (!g->options.conninfo)
        return;
    const struct ww_pg_options options = {.conninfo = g->options.conninfo,
                                          .application = "wardwatch hj212",
                                          .queue_max = 1,
                                          .on_connect = "LISTEN ww_station",
                                          .on_notify = on_notify,
                                          .notify_arg = g};
    g->listener_pg = ww_pg_new(g->base, &options, NULL, NULL);
}

enum ww_status ww_hj212_gateway_open(struct event_base *base, struct ww_intake *intake,
                                     struct ww_pg_pool *pool, const struct ww_hj212_gateway_options *options,
                                     struct ww_hj212_gateway **out, struct ww_error *err) {
    struct ww_hj212_gateway *g = ww_must_calloc(1, sizeof *g);
    g->base = base;
    g->intake = intake;
    g->path = ww_intake_path(intake);
    g->pool = pool;
    g->listen_fd = -1;
    init_tables(g);
    set_options(g, options);
    g->path_listener = (struct ww_path_listener){.on_change = on_world, .arg = g};
    ww_path_listen(g->path, &g->path_listener);
    enum ww_status st = listen_on(g, err);
    if (st == WW_OK && !add_events(g))
        st = ww_error_set(err, WW_NO_MEMORY, "the event loop cannot take the listener");
    if (st != WW_OK) {
        ww_hj212_gateway_free(g);
        *out = NULL;
        return st;
    }
    listen_for_commands(g);
    *out = g;
    return WW_OK;
}

int ww_hj212_gateway_port(const struct ww_hj212_gateway *g) {
    return g->port;
}

void ww_hj212_gateway_get_counters(const struct ww_hj212_gateway *g, struct ww_hj212_gateway_counters *out) {
    *out = g->counters;
}

/* ---- Ending ---- */

void ww_hj212_gateway_stop(struct ww_hj212_gateway *g) {
    if (g->is_stopped)
        return;
    g->is_stopped = true;
    event_del(g->accepting);
    close(g->listen_fd);
    g->listen_fd = -1;
    struct session *s, *next;
    for (s = TAILQ_FIRST(&g->open); s; s = next) {
        next = TAILQ_NEXT(s, all);
        ww_hj212_session_pause(s, PAUSE_STOPPED);
        ww_hj212_session_attend(s, HJ212_READ_AHEAD); /* all that was read */
    }
    ww_hj212_stations_tell_counts(g);
    ww_hj212_batch_flush(&g->deviations);
}

bool ww_hj212_gateway_query_done(struct ww_hj212_gateway *g) {
    assert(g->n_queries > 0);
    g->n_queries--;
    if (!g->is_gone)
        return true;
    if (g->n_queries == 0)
        ww_free(g);
    return false;
}

static void free_stations(struct ww_hj212_gateway *g) {
    struct station *station;
    while ((station = TAILQ_FIRST(&g->stations))) {
        TAILQ_REMOVE(&g->stations, station, all);
        ww_hj212_station_free(station);
    }
}

static void free_events(struct ww_hj212_gateway *g) {
    struct event *events[] = {g->accepting, g->turn, g->janitor};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    if (g->listener_pg)
        ww_pg_free(g->listener_pg);
    if (g->listen_fd >= 0)
        close(g->listen_fd);
}

void ww_hj212_gateway_free(struct ww_hj212_gateway *g) {
    if (!g)
        return;
    g->is_stopped = true;
    g->is_gone = true;
    ww_path_unlisten(g->path, &g->path_listener);
    struct session *s;
    while ((s = TAILQ_FIRST(&g->open))) {
        TAILQ_REMOVE(&g->open, s, all);
        TAILQ_INSERT_TAIL(&g->retired, s, all);
    }
    free_events(g); /* nothing wakes any more */
    sweep(g);
    free_stations(g);
    ww_hj212_packets_free(g->packets);
    ww_map_free(g->per_address);
    ww_map_free(g->by_mn);
    ww_hj212_batch_clear(&g->events);
    ww_hj212_batch_clear(&g->registrations);
    ww_hj212_batch_clear(&g->arrivals);
    ww_hj212_batch_clear(&g->deviations);
    if (g->n_queries == 0)
        ww_free(g);
}
