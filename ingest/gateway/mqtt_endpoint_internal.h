/* What the files of the MQTT endpoint share.
 *
 *   mqtt_endpoint.c  life, TLS, the turn's end, the janitor, who is who
 *   mqtt_session.c   one connection: reads, cuts packets, pauses, writes, ends
 *   mqtt_hear.c      what a packet means: logs in, publishes, releases; answers after COMMIT, in order
 *
 * Sessions are retired, never freed in their own callbacks; the turn's end frees them.
 */
#ifndef WW_GATEWAY_MQTT_ENDPOINT_INTERNAL_H
#define WW_GATEWAY_MQTT_ENDPOINT_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/queue.h>

#include "geo/base/buf.h"
#include "ingest/catalog.h"
#include "ingest/gateway/device_listener.h"
#include "ingest/gateway/mqtt_endpoint.h"
#include "ingest/mqtt/mqtt.h"

enum {
    MQTT_PACKETS_A_TURN = 32,   /* of one connection; then the others */
    MQTT_READ_AHEAD = 16 << 10, /* of input a connection; a longer packet raises it while it comes */
    MQTT_MAX_OUTPUT = 64 << 10, /* answers that a peer does not read */
    MQTT_PACKET_S = 60,         /* a begun packet must be whole by then */
    MQTT_MOST_IN_FLIGHT = 1024, /* identifiers at QoS 1 and 2 that are not done */
    MQTT_MAX_CLIENT_ID = 1024,
    MQTT_ENDED_LINGER_MS = 30000,
    MQTT_SESSION_BUCKETS = 8192
};

enum session_state {
    SESSION_GREETING, /* before CONNECT is accepted */
    SESSION_OPEN,
    SESSION_ENDED, /* the peer has: what came is still taken */
    SESSION_RETIRED
};
enum { PAUSE_FULL = 1, PAUSE_WORLD = 2, PAUSE_STOPPED = 4 };

/* A PUBLISH that was heard and is not answered yet. Of the queue's head the answer is always still awaited.
 */
struct answer {
    STAILQ_ENTRY(answer) next;
    uint16_t id;
    uint8_t qos;
    uint8_t reason;
    bool is_known; /* refused without storing: waits for those before it */
};

/* QoS 2: taken, and the sender has not released the identifier. */
struct unreleased {
    uint16_t id;
    bool is_stored; /* PUBREC was sent */
};

struct session {
    struct ww_mqtt_endpoint *endpoint;
    struct bufferevent *bev;
    struct ww_inlet *inlet; /* NULL before the first message */
    TAILQ_ENTRY(session) all, due;
    LIST_ENTRY(session) same_bucket;
    enum session_state state;
    unsigned pauses;
    bool is_due, is_mute, is_attended, is_named;
    bool has_left; /* DISCONNECT came: nothing behind it counts */
    int version;   /* 4 or 5; 0 before CONNECT */
    int keep_alive_s;
    int64_t opened_ms, last_in_ms, begun_ms /* of the packet that is not whole; 0 = none */, ended_ms;
    struct ww_mqtt_login login;
    char *client_id; /* owned */
    STAILQ_HEAD(, answer) answers;
    struct unreleased *unreleased; /* owned, grows */
    uint32_t n_unreleased, cap_unreleased;
    uint32_t n_in_flight; /* QoS 1 and 2 that are not done, as 5 counts them */
    char peer[WW_PEER_TEXT];
};
TAILQ_HEAD(session_list, session);

struct ww_mqtt_endpoint {
    struct event_base *base;
    struct ww_intake *intake;
    struct ww_path *path;
    struct ww_mqtt_endpoint_options options;
    struct ww_path_listener path_listener;
    struct ww_device_listener *listener;
    void *tls; /* SSL_CTX; NULL = plain */
    struct event *turn, *janitor;
    struct session_list open, retired, due;
    LIST_HEAD(, session) by_client[MQTT_SESSION_BUCKETS];
    uint64_t names_given;
    bool is_stopped, turn_is_due;
    struct ww_buf out; /* one packet being written */
    struct ww_mqtt_endpoint_counters counters;
};

/* ---- mqtt_endpoint.c ---- */

int64_t ww_mqtt_now_ms(void);                                  /* monotonic, never 0 */
void ww_mqtt_endpoint_wake(struct ww_mqtt_endpoint *endpoint); /* the turn's end comes */
void ww_mqtt_endpoint_forget(struct session *session);         /* no longer open: to the retired */
/* The session becomes its account's client of that id; one that was is ended. */
void ww_mqtt_endpoint_name(struct session *session);

/* ---- mqtt_session.c ---- */

struct session *ww_mqtt_session_open(struct ww_mqtt_endpoint *endpoint, struct bufferevent *bev,
                                     const char *peer);
void ww_mqtt_session_free(struct session *session); /* by the turn's end */
void ww_mqtt_session_attend(struct session *session, int most_packets);
void ww_mqtt_session_schedule(struct session *session);
void ww_mqtt_session_retire(struct session *session, const char *why);
/* Says the reason to a peer of version 5, then ends. */
void ww_mqtt_session_refuse(struct session *session, uint8_t reason, const char *why);
void ww_mqtt_session_check(struct session *session, int64_t now_ms); /* deadlines */
void ww_mqtt_session_pause(struct session *session, unsigned why);
void ww_mqtt_session_resume(struct session *session, unsigned why);
/* Sends what stands in endpoint->out. */
void ww_mqtt_session_send(struct session *session);
void ww_mqtt_session_end_when_answered(struct session *session);

/* ---- mqtt_hear.c ---- */

/* False: nothing was taken, the bytes stay buffered (the session is paused). */
bool ww_mqtt_hear(struct session *session, const struct ww_mqtt_packet *packet);

#endif
