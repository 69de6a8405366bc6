/* Writes MQTT control packets. */
#include <assert.h>

#include "ingest/mqtt/mqtt.h"

static void put_u8(struct ww_buf *out, unsigned value) {
    ww_buf_char(out, (char)(unsigned char)value);
}

static void put_u16(struct ww_buf *out, unsigned value) {
    put_u8(out, value >> 8 & 0xff);
    put_u8(out, value & 0xff);
}

static void put_u32(struct ww_buf *out, uint32_t value) {
    put_u16(out, value >> 16);
    put_u16(out, value & 0xffff);
}

static void put_text(struct ww_buf *out, struct ww_str text) {
    assert(text.len <= UINT16_MAX);
    put_u16(out, (unsigned)text.len);
    ww_buf_str_add(out, text);
}

static size_t varint_len(size_t value) {
    return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

static void put_varint(struct ww_buf *out, size_t value) {
    assert(value < 268435456);
    do {
        unsigned byte = value & 0x7f;
        value >>= 7;
        put_u8(out, value ? byte | 0x80 : byte);
    } while (value);
}

static void put_head(struct ww_buf *out, enum ww_mqtt_type type, unsigned flags, size_t len) {
    put_u8(out, (unsigned)type << 4 | flags);
    put_varint(out, len);
}

static size_t text_len(struct ww_str text) {
    return 2 + text.len;
}

void ww_mqtt_write_connect(struct ww_buf *out, const struct ww_mqtt_connect *c) {
    bool five = c->version == 5;
    size_t properties = five ? 5 + (c->receive_maximum ? 3u : 0u) : 0;
    size_t len = 10 + (five ? varint_len(properties) + properties : 0) + text_len(c->client_id) +
                 (c->has_username ? text_len(c->username) : 0) +
                 (c->has_password ? text_len(c->password) : 0);
    put_head(out, WW_MQTT_CONNECT, 0, len);
    put_text(out, WW_STR("MQTT"));
    put_u8(out, (unsigned)c->version);
    put_u8(out, (c->clean ? 2u : 0u) | (c->has_username ? 0x80u : 0u) | (c->has_password ? 0x40u : 0u));
    put_u16(out, c->keep_alive_s);
    if (five) {
        put_varint(out, properties);
        put_u8(out, 0x11);
        put_u32(out, c->session_expiry_s);
        if (c->receive_maximum) {
            put_u8(out, 0x21);
            put_u16(out, c->receive_maximum);
        }
    }
    put_text(out, c->client_id);
    if (c->has_username)
        put_text(out, c->username);
    if (c->has_password)
        put_text(out, c->password);
}

/* What 3.1.1 has for a reason of 5. */
static uint8_t return_code_of(uint8_t reason) {
    switch (reason) {
    case WW_MQTT_SUCCESS:
        return 0;
    case WW_MQTT_UNSUPPORTED_VERSION:
        return 1;
    case WW_MQTT_BAD_CLIENT_ID:
        return 2;
    case WW_MQTT_BAD_LOGIN:
        return 4;
    case WW_MQTT_NOT_AUTHORIZED:
        return 5;
    default:
        return 3;
    }
}

void ww_mqtt_write_connack(struct ww_buf *out, int version, const struct ww_mqtt_connack *c) {
    if (version != 5) {
        put_head(out, WW_MQTT_CONNACK, 0, 2);
        put_u8(out, 0);
        put_u8(out, return_code_of(c->reason));
        return;
    }
    bool good = c->reason == WW_MQTT_SUCCESS;
    size_t properties =
        good ? 3 + 5 + 2 + 2 + 2 + 2 + (c->assigned_client_id.len ? 1 + text_len(c->assigned_client_id) : 0)
             : 0;
    put_head(out, WW_MQTT_CONNACK, 0, 2 + varint_len(properties) + properties);
    put_u8(out, 0);
    put_u8(out, c->reason);
    put_varint(out, properties);
    if (!good)
        return;
    put_u8(out, 0x21);
    put_u16(out, c->receive_maximum);
    put_u8(out, 0x27);
    put_u32(out, c->maximum_packet_size);
    static const unsigned char not_offered[] = {
        0x25, 0x28, 0x29, 0x2A}; /* retain; wildcard, identified, shared subscriptions */
    for (size_t i = 0; i < sizeof not_offered; i++) {
        put_u8(out, not_offered[i]);
        put_u8(out, 0);
    }
    if (c->assigned_client_id.len) {
        put_u8(out, 0x12);
        put_text(out, c->assigned_client_id);
    }
}

void ww_mqtt_write_publish(struct ww_buf *out, int version, struct ww_str topic, struct ww_str payload,
                           int qos, bool dup, uint16_t id) {
    size_t len = text_len(topic) + (qos > 0 ? 2u : 0u) + (version == 5 ? 1u : 0u) + payload.len;
    put_head(out, WW_MQTT_PUBLISH, (unsigned)qos << 1 | (dup ? 8u : 0u), len);
    put_text(out, topic);
    if (qos > 0)
        put_u16(out, id);
    if (version == 5)
        put_u8(out, 0);
    ww_buf_str_add(out, payload);
}

void ww_mqtt_write_ack(struct ww_buf *out, int version, enum ww_mqtt_type type, uint16_t id, uint8_t reason) {
    bool says = version == 5 && reason != WW_MQTT_SUCCESS;
    put_head(out, type, type == WW_MQTT_PUBREL ? 2 : 0, says ? 3 : 2);
    put_u16(out, id);
    if (says)
        put_u8(out, reason);
}

void ww_mqtt_write_subscribe(struct ww_buf *out, int version, uint16_t id, const struct ww_str *filters,
                             uint32_t n, int qos) {
    size_t len = 2 + (version == 5 ? 1u : 0u);
    for (uint32_t i = 0; i < n; i++)
        len += text_len(filters[i]) + 1;
    put_head(out, WW_MQTT_SUBSCRIBE, 2, len);
    put_u16(out, id);
    if (version == 5)
        put_u8(out, 0);
    for (uint32_t i = 0; i < n; i++) {
        put_text(out, filters[i]);
        put_u8(out, (unsigned)qos);
    }
}

void ww_mqtt_write_unsubscribe(struct ww_buf *out, int version, uint16_t id, const struct ww_str *filters,
                               uint32_t n) {
    size_t len = 2 + (version == 5 ? 1u : 0u);
    for (uint32_t i = 0; i < n; i++)
        len += text_len(filters[i]);
    put_head(out, WW_MQTT_UNSUBSCRIBE, 2, len);
    put_u16(out, id);
    if (version == 5)
        put_u8(out, 0);
    for (uint32_t i = 0; i < n; i++)
        put_text(out, filters[i]);
}

void ww_mqtt_write_suback(struct ww_buf *out, int version, enum ww_mqtt_type type, uint16_t id, uint32_t n,
                          uint8_t reason) {
    bool lists = version == 5 || type == WW_MQTT_SUBACK; /* 3.1.1's UNSUBACK has no payload */
    put_head(out, type, 0, 2 + (version == 5 ? 1u : 0u) + (lists ? n : 0));
    put_u16(out, id);
    if (version == 5)
        put_u8(out, 0);
    for (uint32_t i = 0; lists && i < n; i++)
        put_u8(out, version == 5 ? reason : reason == WW_MQTT_SUCCESS ? 0u : 0x80u);
}

void ww_mqtt_write_empty(struct ww_buf *out, enum ww_mqtt_type type) {
    put_head(out, type, 0, 0);
}

void ww_mqtt_write_disconnect(struct ww_buf *out, int version, uint8_t reason) {
    bool says = version == 5 && reason != WW_MQTT_SUCCESS;
    put_head(out, WW_MQTT_DISCONNECT, 0, says ? 1 : 0);
    if (says)
        put_u8(out, reason);
}
