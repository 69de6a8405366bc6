/* MQTT control packets, versions 3.1.1 (OASIS 2014) and 5 (OASIS 2019), as a server and as a client need
 * them.
 *
 * Pure: bytes in, structs out, and back; no socket, no session. Bytes that are no packet are BROKEN with the
 * reason code that MQTT 5 has for it; after that the connection is of no use.
 *
 *   while ((cut = ww_mqtt_next(bytes, &reading, &used, &packet)) == WW_MQTT_PACKET) { …; bytes moves on by
 * used }
 *
 * Strings are checked as the standard wants: UTF-8 without NUL and surrogates; topics of PUBLISH without
 * wildcards.
 */
#ifndef WW_MQTT_MQTT_H
#define WW_MQTT_MQTT_H

#include "geo/base/buf.h"
#include "geo/base/status.h"

enum ww_mqtt_type {
    WW_MQTT_CONNECT = 1,
    WW_MQTT_CONNACK,
    WW_MQTT_PUBLISH,
    WW_MQTT_PUBACK,
    WW_MQTT_PUBREC,
    WW_MQTT_PUBREL,
    WW_MQTT_PUBCOMP,
    WW_MQTT_SUBSCRIBE,
    WW_MQTT_SUBACK,
    WW_MQTT_UNSUBSCRIBE,
    WW_MQTT_UNSUBACK,
    WW_MQTT_PINGREQ,
    WW_MQTT_PINGRESP,
    WW_MQTT_DISCONNECT,
    WW_MQTT_AUTH
};

enum { /* reason codes of MQTT 5; 3.1.1's CONNACK codes are mapped from and to them */
       WW_MQTT_SUCCESS = 0x00,
       WW_MQTT_NO_SUBSCRIPTION_EXISTED = 0x11,
       WW_MQTT_UNSPECIFIED = 0x80,
       WW_MQTT_MALFORMED = 0x81,
       WW_MQTT_PROTOCOL_ERROR = 0x82,
       WW_MQTT_UNSUPPORTED_VERSION = 0x84,
       WW_MQTT_BAD_CLIENT_ID = 0x85,
       WW_MQTT_BAD_LOGIN = 0x86,
       WW_MQTT_NOT_AUTHORIZED = 0x87,
       WW_MQTT_UNAVAILABLE = 0x88,
       WW_MQTT_SHUTTING_DOWN = 0x8B,
       WW_MQTT_KEEP_ALIVE_TIMEOUT = 0x8D,
       WW_MQTT_TAKEN_OVER = 0x8E,
       WW_MQTT_TOPIC_INVALID = 0x90,
       WW_MQTT_ID_NOT_FOUND = 0x92,
       WW_MQTT_RECEIVE_MAXIMUM_EXCEEDED = 0x93,
       WW_MQTT_TOPIC_ALIAS_INVALID = 0x94,
       WW_MQTT_PACKET_TOO_LARGE = 0x95,
       WW_MQTT_QUOTA_EXCEEDED = 0x97
};

struct ww_mqtt_packet {
    enum ww_mqtt_type type;
    int version; /* CONNECT: of the sender: 4 or 5 (another one: BROKEN with UNSUPPORTED_VERSION) */

    /* PUBLISH */
    bool dup, retain;
    int qos;
    struct ww_str topic, payload;

    uint16_t id;    /* packet identifier; 0 where there is none */
    uint8_t reason; /* of acknowledgements, CONNACK, DISCONNECT; SUBACK: of the first filter */
    bool session_present;

    /* CONNECT */
    bool clean, has_username, has_password;
    uint16_t keep_alive_s;
    struct ww_str client_id, username, password;

    /* SUBSCRIBE, UNSUBSCRIBE: the filters lie in `filters`, read with ww_mqtt_filter; SUBACK: a reason each
     */
    struct ww_str filters;
    uint32_t n_filters;

    /* properties of 5 that we look at; 0 = not given */
    uint16_t receive_maximum;
    uint32_t maximum_packet_size, session_expiry_s;
    uint16_t topic_alias;
    uint16_t server_keep_alive_s;
    bool has_server_keep_alive;
    struct ww_str assigned_client_id;
};

struct ww_mqtt_reading {
    int version;         /* of the connection; CONNECT itself says its own */
    uint32_t max_packet; /* bytes of a whole packet */
    bool from_client;    /* the direction decides which types may come */
};

enum ww_mqtt_cut { WW_MQTT_MORE, WW_MQTT_PACKET, WW_MQTT_BROKEN };

/* `used` is set with PACKET. With BROKEN, `packet->reason` says why. Views `bytes`. */
enum ww_mqtt_cut ww_mqtt_next(struct ww_str bytes, const struct ww_mqtt_reading *reading, size_t *used,
                              struct ww_mqtt_packet *packet);
/* The next filter of a SUBSCRIBE or UNSUBSCRIBE; *at begins with 0. False at the end. */
bool ww_mqtt_filter(const struct ww_mqtt_packet *packet, int version, size_t *at, struct ww_str *filter,
                    int *qos);
/* A topic that may be published to: not empty, no wildcards. */
bool ww_mqtt_topic_is_name(struct ww_str topic);

/* ---- Writing; each appends one packet. Lengths above 65,535 bytes of a string are our own mistake ---- */

struct ww_mqtt_connect {
    int version;
    bool clean;
    uint16_t keep_alive_s;
    struct ww_str client_id, username, password;
    bool has_username, has_password;
    uint32_t session_expiry_s; /* 5 */
    uint16_t receive_maximum;  /* 5; 0 = not said */
};
void ww_mqtt_write_connect(struct ww_buf *out, const struct ww_mqtt_connect *connect);
struct ww_mqtt_connack {
    uint8_t reason;
    uint16_t receive_maximum; /* 5 … */
    uint32_t maximum_packet_size;
    struct ww_str assigned_client_id; /* len 0: none */
};
void ww_mqtt_write_connack(struct ww_buf *out, int version, const struct ww_mqtt_connack *connack);
void ww_mqtt_write_publish(struct ww_buf *out, int version, struct ww_str topic, struct ww_str payload,
                           int qos, bool dup, uint16_t id);
/* PUBACK, PUBREC, PUBREL, PUBCOMP. 3.1.1 has no reason. */
void ww_mqtt_write_ack(struct ww_buf *out, int version, enum ww_mqtt_type type, uint16_t id, uint8_t reason);
void ww_mqtt_write_subscribe(struct ww_buf *out, int version, uint16_t id, const struct ww_str *filters,
                             uint32_t n, int qos);
void ww_mqtt_write_unsubscribe(struct ww_buf *out, int version, uint16_t id, const struct ww_str *filters,
                               uint32_t n);
/* SUBACK and UNSUBACK with the same reason for each filter. */
void ww_mqtt_write_suback(struct ww_buf *out, int version, enum ww_mqtt_type type, uint16_t id, uint32_t n,
                          uint8_t reason);
/* PINGREQ, PINGRESP. */
void ww_mqtt_write_empty(struct ww_buf *out, enum ww_mqtt_type type);
void ww_mqtt_write_disconnect(struct ww_buf *out, int version, uint8_t reason);

#endif
