/* The MQTT endpoint: life, TLS, the end of a turn, the janitor, who is who. */
#include "ingest/gateway/mqtt_endpoint.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/mqtt_endpoint_internal.h"

int64_t ww_mqtt_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

/* ---- The end of a turn: attend to those that are due, free what was retired ---- */

void ww_mqtt_endpoint_wake(struct ww_mqtt_endpoint *e) {
    if (e->turn_is_due)
        return;
    e->turn_is_due = true;
    event_active(e->turn, EV_TIMEOUT, 1);
}

void ww_mqtt_endpoint_forget(struct session *s) {
    struct ww_mqtt_endpoint *e = s->endpoint;
    TAILQ_REMOVE(&e->open, s, all);
    TAILQ_INSERT_TAIL(&e->retired, s, all);
    if (s->is_due) {
        s->is_due = false;
        TAILQ_REMOVE(&e->due, s, due);
    }
    if (s->is_named) {
        s->is_named = false;
        LIST_REMOVE(s, same_bucket);
    }
    ww_device_listener_gone(e->listener, s->peer);
    ww_mqtt_endpoint_wake(e);
}

static void sweep(struct ww_mqtt_endpoint *e) {
    struct session *s;
    while ((s = TAILQ_FIRST(&e->retired))) {
        TAILQ_REMOVE(&e->retired, s, all);
        ww_mqtt_session_free(s);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_mqtt_endpoint *e = arg;
    struct session *s, *last = TAILQ_LAST(&e->due, session_list);
    (void)fd;
    (void)what;
    e->turn_is_due = false;
    /* Those that are due now, once: who has more comes again in the next turn, behind what else happened. */
    while ((s = TAILQ_FIRST(&e->due))) {
        TAILQ_REMOVE(&e->due, s, due);
        s->is_due = false;
        bool was_last = s == last;
        ww_mqtt_session_attend(s, MQTT_PACKETS_A_TURN);
        if (was_last)
            break;
    }
    if (!TAILQ_EMPTY(&e->due))
        ww_mqtt_endpoint_wake(e);
    sweep(e);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct ww_mqtt_endpoint *e = arg;
    int64_t now = ww_mqtt_now_ms();
    struct session *s, *next;
    (void)fd;
    (void)what;
    for (s = TAILQ_FIRST(&e->open); s; s = next) {
        next = TAILQ_NEXT(s, all); /* a check ends no other session */
        ww_mqtt_session_check(s, now);
    }
}

static void on_world(void *arg) {
    struct ww_mqtt_endpoint *e = arg;
    struct session *s;
    if (!ww_path_catalog(e->path))
        return;
    TAILQ_FOREACH(s, &e->open, all)
    ww_mqtt_session_resume(s, PAUSE_WORLD);
}

/* ---- Who is who ---- */

void ww_mqtt_endpoint_name(struct session *s) {
    struct ww_mqtt_endpoint *e = s->endpoint;
    uint64_t bucket =
        (ww_str_hash(ww_str_of(s->client_id)) + (uint64_t)s->login.account_id) % MQTT_SESSION_BUCKETS;
    struct session *other, *next;
    for (other = LIST_FIRST(&e->by_client[bucket]); other; other = next) {
        next = LIST_NEXT(other, same_bucket);
        if (other->login.account_id == s->login.account_id && strcmp(other->client_id, s->client_id) == 0)
            ww_mqtt_session_refuse(other, WW_MQTT_TAKEN_OVER, "its client connected anew");
    }
    LIST_INSERT_HEAD(&e->by_client[bucket], s, same_bucket);
    s->is_named = true;
}

/* ---- Accepting ---- */

static struct bufferevent *new_bufferevent(struct ww_mqtt_endpoint *e, int fd) {
    if (!e->tls)
        return bufferevent_socket_new(e->base, fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = SSL_new(e->tls);
    if (!ssl)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(e->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    else
        SSL_free(ssl);
    return bev;
}

/* On failure the descriptor stays the listener's, so the bufferevent must not close it: it is made last. */
static bool take(void *arg, int fd, const char *peer) {
    struct ww_mqtt_endpoint *e = arg;
    struct bufferevent *bev = new_bufferevent(e, fd);
    struct session *s = bev ? ww_mqtt_session_open(e, bev, peer) : NULL;
    if (s) {
        TAILQ_INSERT_TAIL(&e->open, s, all);
        return true;
    }
    if (bev) {
        bufferevent_setfd(bev, -1);
        bufferevent_free(bev);
    }
    return false;
}

/* ---- Opening ---- */

static void set_options(struct ww_mqtt_endpoint *e, const struct ww_mqtt_endpoint_options *given) {
    struct ww_mqtt_endpoint_options *o = &e->options;
    *o = *given;
    o->connect_s = o->connect_s ? o->connect_s : 10;
    o->max_packet_bytes = o->max_packet_bytes ? o->max_packet_bytes : 1 << 20;
    o->receive_maximum = o->receive_maximum ? o->receive_maximum : 32;
}

static enum ww_status fail_tls(struct ww_error *err, const char *what, const char *file) {
    char why[160];
    ERR_error_string_n(ERR_get_error(), why, sizeof why);
    ERR_clear_error();
    return ww_error_set(err, WW_BAD_INPUT, "%s %s can't be used: %s", what, file, why);
}

static enum ww_status open_tls(struct ww_mqtt_endpoint *e, struct ww_error *err) {
    const struct ww_mqtt_endpoint_options *o = &e->options;
    if (!o->tls_certificate_file)
        return WW_OK;
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls)
        return ww_error_set(err, WW_NO_MEMORY, "TLS can't be begun");
    e->tls = tls;
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_use_certificate_chain_file(tls, o->tls_certificate_file) != 1)
        return fail_tls(err, "the certificate", o->tls_certificate_file);
    if (SSL_CTX_use_PrivateKey_file(tls, o->tls_key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        return fail_tls(err, "the key", o->tls_key_file);
    return WW_OK;
}

static enum ww_status open_listener(struct ww_mqtt_endpoint *e, struct ww_error *err) {
    const struct ww_device_listener_options options = {.host = e->options.host,
                                                       .port = e->options.port,
                                                       .protocol = "MQTT",
                                                       .max_connections = e->options.max_connections,
                                                       .max_per_address = e->options.max_per_address,
                                                       .take = take,
                                                       .arg = e};
    return ww_device_listener_open(e->base, &options, &e->listener, err);
}

static bool add_events(struct ww_mqtt_endpoint *e) {
    const struct timeval every = {1, 0};
    e->turn = event_new(e->base, -1, 0, on_turn, e);
    e->janitor = event_new(e->base, -1, EV_PERSIST, on_tick, e);
    return e->turn && e->janitor && event_add(e->janitor, &every) == 0;
}

enum ww_status ww_mqtt_endpoint_open(struct event_base *base, struct ww_intake *intake,
                                     const struct ww_mqtt_endpoint_options *options,
                                     struct ww_mqtt_endpoint **out, struct ww_error *err) {
    struct ww_mqtt_endpoint *e = ww_must_calloc(1, sizeof *e);
    e->base = base;
    e->intake = intake;
    e->path = ww_intake_path(intake);
    TAILQ_INIT(&e->open);
    TAILQ_INIT(&e->retired);
    TAILQ_INIT(&e->due);
    ww_buf_init(&e->out, MQTT_MAX_OUTPUT);
    set_options(e, options);
    e->path_listener = (struct ww_path_listener){.on_change = on_world, .arg = e};
    ww_path_listen(e->path, &e->path_listener);
    enum ww_status st = open_tls(e, err);
    if (st == WW_OK && !add_events(e))
        st = ww_error_set(err, WW_NO_MEMORY, "the event loop cannot take the endpoint");
    if (st == WW_OK)
        st = open_listener(e, err);
    if (st != WW_OK) {
        ww_mqtt_endpoint_free(e);
        e = NULL;
    }
    *out = e;
    return st;
}

int ww_mqtt_endpoint_port(const struct ww_mqtt_endpoint *e) {
    return ww_device_listener_port(e->listener);
}

void ww_mqtt_endpoint_get_counters(const struct ww_mqtt_endpoint *e, struct ww_mqtt_endpoint_counters *out) {
    struct ww_device_listener_counters listener;
    ww_device_listener_get_counters(e->listener, &listener);
    *out = e->counters;
    out->connections = listener.connections;
    out->accepted = listener.accepted;
    out->refused = listener.refused;
}

/* ---- Ending ---- */

void ww_mqtt_endpoint_stop(struct ww_mqtt_endpoint *e) {
    if (e->is_stopped)
        return;
    e->is_stopped = true;
    ww_device_listener_stop(e->listener);
    struct session *s, *next;
    for (s = TAILQ_FIRST(&e->open); s; s = next) {
        next = TAILQ_NEXT(s, all);
        ww_mqtt_session_pause(s, PAUSE_STOPPED);
        ww_mqtt_session_attend(s, MQTT_READ_AHEAD); /* all that was read */
    }
}

void ww_mqtt_endpoint_free(struct ww_mqtt_endpoint *e) {
    if (!e)
        return;
    ww_path_unlisten(e->path, &e->path_listener);
    struct session *s;
    while ((s = TAILQ_FIRST(&e->open)))
        ww_mqtt_session_refuse(s, WW_MQTT_SHUTTING_DOWN, NULL);
    sweep(e);
    if (e->turn)
        event_free(e->turn);
    if (e->janitor)
        event_free(e->janitor);
    ww_device_listener_free(e->listener);
    SSL_CTX_free(e->tls);
    ww_buf_clear(&e->out);
    ww_free(e);
}
