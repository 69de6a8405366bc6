/* The MQTT endpoint that devices connect to: 3.1.1 and 5, TCP and TLS.
 *
 * Not a broker: what is published goes down the one path, and PUBACK (QoS 1) or PUBREC (QoS 2) is sent after
 * COMMIT, in the order of receipt. Nothing is delivered to subscribers; a SUBSCRIBE is answered with failure
 * for each filter. Topics choose the feed (feed_source.h); a topic that no feed takes is answered with reason
 * code 0x90 (5), or the connection is closed (3.1.1). A device logs in with an account's name and a token as
 * password.
 */
#ifndef WW_GATEWAY_MQTT_ENDPOINT_H
#define WW_GATEWAY_MQTT_ENDPOINT_H

#include "ingest/gateway/inlet.h"

struct ww_mqtt_endpoint;

/* Who the device is; false: refused. `feeds`: whether the account may write to that feed. */
struct ww_mqtt_login {
    int32_t account_id;
    char name[64];
};
struct ww_mqtt_endpoint_options {
    const char *host;
    int port;                         /* 0 picks one */
    const char *tls_certificate_file; /* PEM chain; NULL = plain TCP */
    const char *tls_key_file;
    int max_connections;       /* 0 = 20 000, lowered to fit RLIMIT_NOFILE */
    int max_per_address;       /* 0 = three quarters of max_connections */
    int connect_s;             /* CONNECT must be whole by then; 0 = 10 */
    uint32_t max_packet_bytes; /* 0 = 1 MiB; announced to MQTT 5 */
    uint16_t receive_maximum; /* QoS 1 and 2 in flight a connection, announced; 0 = 32. Overrun is borne up to
                                 1 024 */
    bool (*login)(void *arg, struct ww_str name, struct ww_str password, struct ww_mqtt_login *out);
    bool (*may_feed)(void *arg, int32_t account_id,
                     struct ww_str feed); /* asked for each message: rights may change */
    void *arg;
};
enum ww_status ww_mqtt_endpoint_open(struct event_base *base, struct ww_intake *intake,
                                     const struct ww_mqtt_endpoint_options *options,
                                     struct ww_mqtt_endpoint **out, struct ww_error *err) WW_MUST_CHECK;
int ww_mqtt_endpoint_port(const struct ww_mqtt_endpoint *endpoint);
/* Accepts and reads no more; what was read is still stored and answered. */
void ww_mqtt_endpoint_stop(struct ww_mqtt_endpoint *endpoint);
void ww_mqtt_endpoint_free(struct ww_mqtt_endpoint *endpoint);

struct ww_mqtt_endpoint_counters {
    int connections, paused;
    uint64_t accepted, refused, bad_packets, bad_logins, cut_slow, cut_silent;
    uint64_t bytes_in, publishes[3]; /* by QoS */
    uint64_t acknowledged, no_feed, denied;
};
void ww_mqtt_endpoint_get_counters(const struct ww_mqtt_endpoint *endpoint,
                                   struct ww_mqtt_endpoint_counters *out);

#endif
