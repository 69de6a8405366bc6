/* Accepts connections of devices within caps. */
#include "ingest/gateway/device_listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"

enum {
    ACCEPTS_A_TURN = 64,
    ACCEPT_PAUSE_MS = 250,
    RESERVED_FDS = 256, /* database, files, HTTP */
    FD_SAFETY = 32,
    N_BUCKETS = 4096
};

struct address {
    LIST_ENTRY(address) same_bucket;
    int connections;
    char peer[WW_PEER_TEXT];
};

struct ww_device_listener {
    struct event_base *base;
    struct ww_device_listener_options options;
    int fd, port, fd_ceiling;
    struct event *accepting, *again;
    LIST_HEAD(, address) buckets[N_BUCKETS];
    struct ww_device_listener_counters counters;
    bool is_stopped;
};

/* ---- How many connections an address has ---- */

static struct address *find_address(struct ww_device_listener *l, const char *peer, bool make) {
    size_t bucket = ww_str_hash(ww_str_of(peer)) % N_BUCKETS;
    struct address *a;
    LIST_FOREACH(a, &l->buckets[bucket], same_bucket)
    if (strcmp(a->peer, peer) == 0)
        return a;
    a = make ? ww_try_calloc(1, sizeof *a) : NULL;
    if (a) {
        snprintf(a->peer, sizeof a->peer, "%s", peer);
        LIST_INSERT_HEAD(&l->buckets[bucket], a, same_bucket);
    }
    return a;
}

static void leave_address(struct address *a) {
    if (--a->connections > 0)
        return;
    LIST_REMOVE(a, same_bucket);
    ww_free(a);
}

void ww_device_listener_gone(struct ww_device_listener *l, const char *peer) {
    struct address *a = find_address(l, peer, false);
    assert(a && l->counters.connections > 0);
    l->counters.connections--;
    leave_address(a);
}

/* ---- Accepting ---- */

static void pause_accepting(struct ww_device_listener *l, const char *why) {
    const struct timeval pause = {0, ACCEPT_PAUSE_MS * 1000};
    ww_log(WW_LOG_WARN, "%s=accept_paused ms=%d open=%d cause=%s", l->options.protocol, ACCEPT_PAUSE_MS,
           l->counters.connections, why);
    event_del(l->accepting);
    event_add(l->again, &pause);
}

static void on_again(evutil_socket_t fd, short what, void *arg) {
    struct ww_device_listener *l = arg;
    (void)fd;
    (void)what;
    if (!l->is_stopped)
        event_add(l->accepting, NULL);
}

static void name_peer(const struct sockaddr *address, char out[WW_PEER_TEXT]) {
    const struct sockaddr_in6 *v6 = (const void *)address;
    const struct sockaddr_in *v4 = (const void *)address;
    out[0] = '\0';
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, out, WW_PEER_TEXT);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, WW_PEER_TEXT);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, out, WW_PEER_TEXT);
}

static bool may_come(const struct ww_device_listener *l, const struct address *a) {
    return l->counters.connections < l->options.max_connections &&
           a->connections < l->options.max_per_address;
}

static void take_connection(struct ww_device_listener *l, int fd, const struct sockaddr *from) {
    char peer[WW_PEER_TEXT];
    int one = 1, idle_s = 120;
    name_peer(from, peer);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    struct address *a = find_address(l, peer, true);
    bool is_taken = false;
    if (a) {
        bool may = may_come(l, a);
        a->connections++;
        l->counters.connections++;
        is_taken = may && l->options.take(l->options.arg, fd, peer);
        if (!is_taken)
            ww_device_listener_gone(l, peer);
    }
    if (is_taken) {
        l->counters.accepted++;
    } else {
        l->counters.refused++;
        evutil_closesocket(fd);
    }
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg) {
    struct ww_device_listener *l = arg;
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= l->fd_ceiling) {
            evutil_closesocket(fd);
            l->counters.refused++;
            pause_accepting(l, "descriptors");
            return;
        }
        if (fd >= 0) {
            take_connection(l, fd, (struct sockaddr *)&address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(l, "system");
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else that one failed before it was taken: the next may be well */
    }
}

/* ---- Life ---- */

static void set_caps(struct ww_device_listener *l) {
    struct ww_device_listener_options *o = &l->options;
    struct rlimit files;
    o->max_connections = o->max_connections ? o->max_connections : 20000;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1 << 20)
        files.rlim_cur = 1 << 20;
    int fds = (int)files.rlim_cur;
    l->fd_ceiling = fds > 4 * FD_SAFETY ? fds - FD_SAFETY : fds;
    int most = fds > 2 * RESERVED_FDS ? fds - RESERVED_FDS : fds / 2;
    if (o->max_connections > most) {
        ww_log(WW_LOG_INFO, "%s=max_connections asked=%d given=%d open_files=%d", o->protocol,
               o->max_connections, most, fds);
        o->max_connections = most;
    }
    if (!o->max_per_address)
        o->max_per_address = o->max_connections - o->max_connections / 4;
}

static enum ww_status fail_listen(const struct ww_device_listener *l, struct ww_error *err, int error) {
    const struct ww_device_listener_options *o = &l->options;
    if (error == EADDRINUSE)
        return ww_error_set(err, WW_CONFLICT, "port %d on %s is taken by another program", o->port, o->host);
    if (error == EACCES)
        return ww_error_set(err, WW_DENIED, "this user may not listen on port %d of %s", o->port, o->host);
    return ww_error_set(err, WW_UNAVAILABLE, "cannot listen for %s on port %d of %s: %s", o->protocol,
                        o->port, o->host, strerror(error));
}

static enum ww_status bind_to(struct ww_device_listener *l, const struct addrinfo *found,
                              struct ww_error *err) {
    int one = 1;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(l->fd, found->ai_addr, found->ai_addrlen) != 0 || listen(l->fd, 1024) != 0 ||
        getsockname(l->fd, (struct sockaddr *)&bound, &len) != 0)
        return fail_listen(l, err, errno);
    l->port = bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                          : ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return WW_OK;
}

static enum ww_status listen_on(struct ww_device_listener *l, struct ww_error *err) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[16];
    if (l->options.port < 0 || l->options.port > 65535)
        return ww_error_set(err, WW_BAD_INPUT, "%d is not a port", l->options.port);
    snprintf(service, sizeof service, "%d", l->options.port);
    if (getaddrinfo(l->options.host, service, &hints, &found) != 0 || !found)
        return ww_error_set(err, WW_BAD_INPUT, "%s is not an address to listen on", l->options.host);
    enum ww_status st = bind_to(l, found, err);
    freeaddrinfo(found);
    return st;
}

enum ww_status ww_device_listener_open(struct event_base *base,
                                       const struct ww_device_listener_options *options,
                                       struct ww_device_listener **out, struct ww_error *err) {
    struct ww_device_listener *l = ww_must_calloc(1, sizeof *l);
    l->base = base;
    l->options = *options;
    l->fd = -1;
    set_caps(l);
    enum ww_status st = listen_on(l, err);
    if (st == WW_OK) {
        l->again = event_new(base, -1, 0, on_again, l);
        l->accepting = event_new(base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
        if (!l->again || !l->accepting || event_add(l->accepting, NULL) != 0)
            st = ww_error_set(err, WW_NO_MEMORY, "the event loop cannot take the listener");
    }
    if (st != WW_OK) {
        ww_device_listener_free(l);
        l = NULL;
    }
    *out = l;
    return st;
}

int ww_device_listener_port(const struct ww_device_listener *l) {
    return l->port;
}

void ww_device_listener_stop(struct ww_device_listener *l) {
    if (l->is_stopped)
        return;
    l->is_stopped = true;
    event_del(l->accepting);
    event_del(l->again);
    close(l->fd);
    l->fd = -1;
}

void ww_device_listener_free(struct ww_device_listener *l) {
    if (!l)
        return;
    if (l->accepting)
        event_free(l->accepting);
    if (l->again)
        event_free(l->again);
    if (l->fd >= 0)
        close(l->fd);
    for (size_t i = 0; i < N_BUCKETS; i++)
        while (!LIST_EMPTY(&l->buckets[i])) {
            struct address *a = LIST_FIRST(&l->buckets[i]);
            LIST_REMOVE(a, same_bucket);
            ww_free(a);
        }
    ww_free(l);
}

void ww_device_listener_get_counters(const struct ww_device_listener *l,
                                     struct ww_device_listener_counters *out) {
    *out = l->counters;
}
