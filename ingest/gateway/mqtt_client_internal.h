/* What mqtt_client.c (the set of feeds), mqtt_client_plan.c (what is wanted), mqtt_client_session.c (one
 * connection) and mqtt_client_tls.c share. Only these include it.
 */
#ifndef WW_GATEWAY_MQTT_CLIENT_INTERNAL_H
#define WW_GATEWAY_MQTT_CLIENT_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <sys/queue.h>

#include "geo/base/arena.h"
#include "geo/base/buf.h"
#include "ingest/catalog.h"
#include "ingest/gateway/mqtt_client.h"
#include "ingest/mqtt/mqtt.h"

/* WAITING ─▶ CONNECTING ─▶ GREETING ─▶ SUBSCRIBING ─▶ UP
 *    ▲           │ (any failure)                      │        STOPPED: after ww_mqtt_clients_stop
 *    └───────────┴────────────────────────────────────┘
 * Messages may come from GREETING's answer on: a resumed session sends what it owes at once. */
enum subscriber_state {
    SUBSCRIBER_WAITING,
    SUBSCRIBER_CONNECTING,
    SUBSCRIBER_GREETING,
    SUBSCRIBER_SUBSCRIBING,
    SUBSCRIBER_UP,
    SUBSCRIBER_STOPPED
};

/* What of a feed matters here, with memory of its own: catalogs come and go. */
struct client_plan {
    struct ww_arena *arena;
    char feed[64];
    struct ww_mqtt_source source; /* its patterns are not copied: */
    struct ww_str *filters;       /* as they are subscribed, $share/… and all */
    uint32_t n_filters;
    struct ww_str content_type;
    struct ww_str key; /* all of the above as bytes: equal keys, equal plans */
};
enum ww_status client_plan_make(const struct ww_cat_feed *feed, struct client_plan *out) WW_MUST_CHECK;
void client_plan_clear(struct client_plan *plan);

/* A packet identifier at QoS 2. A repeat of what is TAKEN or STORED is not taken again; PUBREL frees it. */
enum exchange_state { EXCHANGE_NONE, EXCHANGE_TAKEN, EXCHANGE_STORED };
struct exchange {
    uint32_t serial; /* of the message that was taken last under this identifier */
    uint8_t state;
};

struct subscriber {
    TAILQ_ENTRY(subscriber) all;
    struct ww_mqtt_clients *clients;
    struct client_plan plan;
    enum subscriber_state state;
    struct bufferevent *bev;
    struct event
        *timer;         /* the next attempt, the deadline of a greeting, or the next look at the keep-alive */
    struct event *soon; /* more was read than one turn takes */
    struct ww_inlet *inlet;
    struct exchange *exchanges; /* [65536], QoS 2 only */
    struct ww_buf out, type;
    uint32_t serial, first_serial; /* of messages; first of this connection */
    uint32_t failures_in_a_row;
    uint16_t next_id, subscribe_id;
    int keep_alive_s;
    int64_t heard_ms, spoke_ms;
    bool is_wanted, is_full, is_subscribed; /* subscribed: the broker's session has this plan's filters */
    bool has_refused;                       /* some filter: asked again with each keep-alive */
    struct ww_str *old_filters;             /* of an earlier plan, to be given up; in old_arena */
    uint32_t n_old_filters;
    struct ww_arena *old_arena;
    struct ww_mqtt_client_state shown;
};
TAILQ_HEAD(subscriber_list, subscriber);

struct ww_mqtt_clients {
    struct event_base *base;
    struct evdns_base *dns;
    struct ww_intake *intake;
    struct ww_path *path;
    struct ww_path_listener listener;
    struct subscriber_list all;
    bool is_stopping;
};

/* ---- mqtt_client_session.c ---- */

/* Takes over `plan`; connects at once. */
struct subscriber *subscriber_new(struct ww_mqtt_clients *clients, struct client_plan *plan);
/* Filters of `old` that the new plan has no more are given up when the session is resumed. */
void subscriber_succeed(struct subscriber *subscriber, const struct subscriber *old);
void subscriber_start(struct subscriber *subscriber);
void subscriber_stop(struct subscriber *subscriber);
void subscriber_free(struct subscriber *subscriber);

/* ---- mqtt_client_tls.c ---- */

/* A connection that will check the broker's chain and name. NULL, and `err` says why. */
struct bufferevent *client_tls_new(struct event_base *base, const struct ww_mqtt_source *source,
                                   struct ww_error *err);
/* Why the connection failed: the certificate, or what OpenSSL says. */
void client_tls_why(struct bufferevent *bev, char *out, size_t room);

#endif
