/* Reads MQTT control packets off a buffer. */
#include "ingest/mqtt/mqtt.h"

/* ---- Fields ---- */

struct cursor {
    const unsigned char *at, *end;
    bool short_; /* a field did not fit */
};

static uint8_t take_u8(struct cursor *c) {
    if (c->end - c->at < 1) {
        c->short_ = true;
        return 0;
    }
    return *c->at++;
}

static uint16_t take_u16(struct cursor *c) {
    uint16_t high = take_u8(c);
    return (uint16_t)(high << 8 | take_u8(c));
}

static uint32_t take_u32(struct cursor *c) {
    uint32_t high = take_u16(c);
    return high << 16 | take_u16(c);
}

static struct ww_str take_binary(struct cursor *c) {
    size_t len = take_u16(c);
    if (c->short_ || (size_t)(c->end - c->at) < len) {
        c->short_ = true;
        return WW_STR_NONE;
    }
    struct ww_str bytes = {(const char *)c->at, len};
    c->at += len;
    return bytes;
}

/* UTF-8 without NUL; ww_str_is_utf8 refuses surrogates and overlong forms. */
static bool is_text(struct ww_str text) {
    return text.len == 0 || (!memchr(text.ptr, 0, text.len) && ww_str_is_utf8(text));
}

static struct ww_str take_text(struct cursor *c) {
    struct ww_str text = take_binary(c);
    if (!is_text(text))
        c->short_ = true;
    return text;
}

/* A variable byte integer of at most four bytes. */
static uint32_t take_varint(struct cursor *c) {
    uint32_t value = 0;
    for (int shift = 0; shift < 28; shift += 7) {
        uint8_t byte = take_u8(c);
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    c->short_ = true;
    return 0;
}

/* ---- Properties of MQTT 5 (section 2.2.2.2) ---- */

enum value_kind { KIND_NONE, KIND_BYTE, KIND_U16, KIND_U32, KIND_VARINT, KIND_TEXT, KIND_BINARY, KIND_PAIR };
#define IN(type) (1u << (type))
#define WILL     (1u << 0)
#define ACKS     (IN(WW_MQTT_PUBACK) | IN(WW_MQTT_PUBREC) | IN(WW_MQTT_PUBREL) | IN(WW_MQTT_PUBCOMP))
#define ANSWERS                                                                                              \
    (IN(WW_MQTT_CONNACK) | ACKS | IN(WW_MQTT_SUBACK) | IN(WW_MQTT_UNSUBACK) | IN(WW_MQTT_DISCONNECT) |       \
     IN(WW_MQTT_AUTH))

static const struct property {
    uint8_t id;
    enum value_kind kind;
    uint32_t in; /* packets that may carry it */
} properties[] = {
    {0x01, KIND_BYTE, IN(WW_MQTT_PUBLISH) | WILL},
    {0x02, KIND_U32, IN(WW_MQTT_PUBLISH) | WILL},
    {0x03, KIND_TEXT, IN(WW_MQTT_PUBLISH) | WILL},
    {0x08, KIND_TEXT, IN(WW_MQTT_PUBLISH) | WILL},
    {0x09, KIND_BINARY, IN(WW_MQTT_PUBLISH) | WILL},
    {0x0B, KIND_VARINT, IN(WW_MQTT_PUBLISH) | IN(WW_MQTT_SUBSCRIBE)},
    {0x11, KIND_U32, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK) | IN(WW_MQTT_DISCONNECT)},
    {0x12, KIND_TEXT, IN(WW_MQTT_CONNACK)},
    {0x13, KIND_U16, IN(WW_MQTT_CONNACK)},
    {0x15, KIND_TEXT, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK) | IN(WW_MQTT_AUTH)},
    {0x16, KIND_BINARY, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK) | IN(WW_MQTT_AUTH)},
    {0x17, KIND_BYTE, IN(WW_MQTT_CONNECT)},
    {0x18, KIND_U32, WILL},
    {0x19, KIND_BYTE, IN(WW_MQTT_CONNECT)},
    {0x1A, KIND_TEXT, IN(WW_MQTT_CONNACK)},
    {0x1C, KIND_TEXT, IN(WW_MQTT_CONNACK) | IN(WW_MQTT_DISCONNECT)},
    {0x1F, KIND_TEXT, ANSWERS},
    {0x21, KIND_U16, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK)},
    {0x22, KIND_U16, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK)},
    {0x23, KIND_U16, IN(WW_MQTT_PUBLISH)},
    {0x24, KIND_BYTE, IN(WW_MQTT_CONNACK)},
    {0x25, KIND_BYTE, IN(WW_MQTT_CONNACK)},
    {0x26, KIND_PAIR, ~0u},
    {0x27, KIND_U32, IN(WW_MQTT_CONNECT) | IN(WW_MQTT_CONNACK)},
    {0x28, KIND_BYTE, IN(WW_MQTT_CONNACK)},
    {0x29, KIND_BYTE, IN(WW_MQTT_CONNACK)},
    {0x2A, KIND_BYTE, IN(WW_MQTT_CONNACK)},
};

static const struct property *find_property(uint8_t id) {
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (properties[i].id == id)
            return &properties[i];
    return NULL;
}

struct value {
    uint32_t number;
    struct ww_str text;
};

static struct value take_value(struct cursor *c, enum value_kind kind) {
    struct value v = {0, WW_STR_NONE};
    switch (kind) {
    case KIND_NONE:
        break;
    case KIND_BYTE:
        v.number = take_u8(c);
        break;
    case KIND_U16:
        v.number = take_u16(c);
        break;
    case KIND_U32:
        v.number = take_u32(c);
        break;
    case KIND_VARINT:
        v.number = take_varint(c);
        break;
    case KIND_TEXT:
        v.text = take_text(c);
        break;
    case KIND_BINARY:
        v.text = take_binary(c);
        break;
    case KIND_PAIR:
        take_text(c);
        take_text(c);
        break;
    }
    return v;
}

static uint8_t keep_value(struct ww_mqtt_packet *p, uint8_t id, struct value v) {
    switch (id) {
    case 0x11:
        p->session_expiry_s = v.number;
        break;
    case 0x12:
        p->assigned_client_id = v.text;
        break;
    case 0x13:
        p->server_keep_alive_s = (uint16_t)v.number;
        p->has_server_keep_alive = true;
        break;
    case 0x21:
        if (v.number == 0)
            return WW_MQTT_PROTOCOL_ERROR;
        p->receive_maximum = (uint16_t)v.number;
        break;
    case 0x23:
        if (v.number == 0)
            return WW_MQTT_TOPIC_ALIAS_INVALID;
        p->topic_alias = (uint16_t)v.number;
        break;
    case 0x27:
        if (v.number == 0)
            return WW_MQTT_PROTOCOL_ERROR;
        p->maximum_packet_size = v.number;
        break;
    default:
        break;
    }
    return WW_MQTT_SUCCESS;
}

/* 0, or the reason why they are none. `where`: the packet's bit, or WILL. */
static uint8_t read_properties(struct cursor *c, uint32_t where, struct ww_mqtt_packet *p) {
    size_t len = take_varint(c);
    if (c->short_ || (size_t)(c->end - c->at) < len)
        return WW_MQTT_MALFORMED;
    struct cursor inner = {c->at, c->at + len, false};
    c->at += len;
    uint64_t seen = 0;
    while (inner.at < inner.end) {
        uint8_t id = take_u8(&inner);
        const struct property *known = find_property(id);
        if (!known)
            return WW_MQTT_MALFORMED;
        bool may_repeat = known->kind == KIND_PAIR || (id == 0x0B && where == IN(WW_MQTT_PUBLISH));
        if (!(known->in & where) || (!may_repeat && (seen & (1ull << id))))
            return WW_MQTT_PROTOCOL_ERROR;
        seen |= 1ull << id;
        struct value v = take_value(&inner, known->kind);
        if (inner.short_)
            return WW_MQTT_MALFORMED;
        uint8_t fault = where == WILL ? WW_MQTT_SUCCESS : keep_value(p, id, v);
        if (fault)
            return fault;
    }
    return WW_MQTT_SUCCESS;
}

/* ---- Packets: each returns 0 or the reason why it is none ---- */

bool ww_mqtt_topic_is_name(struct ww_str topic) {
    return topic.len > 0 && !memchr(topic.ptr, '+', topic.len) && !memchr(topic.ptr, '#', topic.len);
}

static uint8_t read_will(struct cursor *c, struct ww_mqtt_packet *p) {
    uint8_t fault = p->version == 5 ? read_properties(c, WILL, p) : WW_MQTT_SUCCESS;
    if (fault)
        return fault;
    struct ww_str topic = take_text(c);
    take_binary(c);
    return c->short_ || !ww_mqtt_topic_is_name(topic) ? WW_MQTT_MALFORMED : WW_MQTT_SUCCESS;
}

static uint8_t read_connect(struct cursor *c, struct ww_mqtt_packet *p) {
    struct ww_str name = take_text(c);
    p->version = take_u8(c);
    uint8_t flags = take_u8(c);
    p->keep_alive_s = take_u16(c);
    if (c->short_ || !(ww_str_is(name, "MQTT") || ww_str_is(name, "MQIsdp")))
        return WW_MQTT_MALFORMED;
    if (!ww_str_is(name, "MQTT") || (p->version != 4 && p->version != 5))
        return WW_MQTT_UNSUPPORTED_VERSION;
    bool has_will = flags & 4;
    int will_qos = flags >> 3 & 3;
    p->clean = flags & 2;
    p->has_username = flags & 0x80;
    p->has_password = flags & 0x40;
    if (flags & 1 || will_qos == 3 || (!has_will && flags & 0x38) ||
        (p->version == 4 && p->has_password && !p->has_username))
        return WW_MQTT_MALFORMED;
    uint8_t fault = p->version == 5 ? read_properties(c, IN(WW_MQTT_CONNECT), p) : WW_MQTT_SUCCESS;
    if (fault)
        return fault;
    p->client_id = take_text(c);
    if (has_will && (fault = read_will(c, p)))
        return fault;
    if (p->has_username)
        p->username = take_text(c);
    if (p->has_password)
        p->password = take_binary(c);
    return WW_MQTT_SUCCESS;
}

/* 3.1.1's five codes as those of 5. */
static uint8_t reason_of_return_code(uint8_t code) {
    static const uint8_t reasons[] = {WW_MQTT_SUCCESS,       WW_MQTT_UNSUPPORTED_VERSION,
                                      WW_MQTT_BAD_CLIENT_ID, WW_MQTT_UNAVAILABLE,
                                      WW_MQTT_BAD_LOGIN,     WW_MQTT_NOT_AUTHORIZED};
    return code < sizeof reasons ? reasons[code] : WW_MQTT_UNSPECIFIED;
}

static uint8_t read_connack(struct cursor *c, int version, struct ww_mqtt_packet *p) {
    uint8_t flags = take_u8(c);
    p->reason = take_u8(c);
    if (flags > 1)
        return WW_MQTT_MALFORMED;
    p->session_present = flags;
    if (version == 5)
        return read_properties(c, IN(WW_MQTT_CONNACK), p);
    p->reason = reason_of_return_code(p->reason);
    return WW_MQTT_SUCCESS;
}

static uint8_t read_publish(struct cursor *c, int version, uint8_t flags, struct ww_mqtt_packet *p) {
    p->dup = flags & 8;
    p->qos = flags >> 1 & 3;
    p->retain = flags & 1;
    if (p->qos == 3 || (p->dup && p->qos == 0))
        return WW_MQTT_MALFORMED;
    p->topic = take_text(c);
    if (p->qos > 0)
        p->id = take_u16(c);
    if (c->short_)
        return WW_MQTT_MALFORMED;
    if (p->qos > 0 && p->id == 0)
        return WW_MQTT_PROTOCOL_ERROR;
    uint8_t fault = version == 5 ? read_properties(c, IN(WW_MQTT_PUBLISH), p) : WW_MQTT_SUCCESS;
    if (fault)
        return fault;
    if (p->topic.len == 0 && p->topic_alias == 0)
        return WW_MQTT_PROTOCOL_ERROR;
    if (p->topic.len > 0 && !ww_mqtt_topic_is_name(p->topic))
        return WW_MQTT_TOPIC_INVALID;
    p->payload = (struct ww_str){(const char *)c->at, (size_t)(c->end - c->at)};
    c->at = c->end;
    return WW_MQTT_SUCCESS;
}

static uint8_t read_ack(struct cursor *c, int version, struct ww_mqtt_packet *p) {
    p->id = take_u16(c);
    if (!c->short_ && p->id == 0)
        return WW_MQTT_PROTOCOL_ERROR;
    if (version != 5 || c->at == c->end)
        return WW_MQTT_SUCCESS;
    p->reason = take_u8(c);
    return c->at == c->end ? WW_MQTT_SUCCESS : read_properties(c, IN(p->type), p);
}

bool ww_mqtt_filter(const struct ww_mqtt_packet *p, int version, size_t *at, struct ww_str *filter,
                    int *qos) {
    (void)version;
    struct cursor c = {(const unsigned char *)p->filters.ptr + *at,
                       (const unsigned char *)p->filters.ptr + p->filters.len, false};
    if (*at >= p->filters.len)
        return false;
    *filter = take_text(&c);
    *qos = p->type == WW_MQTT_SUBSCRIBE ? take_u8(&c) & 3 : 0;
    *at = (size_t)(c.at - (const unsigned char *)p->filters.ptr);
    return !c.short_;
}

static uint8_t read_filters(struct cursor *c, int version, struct ww_mqtt_packet *p) {
    p->id = take_u16(c);
    if (c->short_)
        return WW_MQTT_MALFORMED;
    if (p->id == 0)
        return WW_MQTT_PROTOCOL_ERROR;
    uint8_t fault = version == 5 ? read_properties(c, IN(p->type), p) : WW_MQTT_SUCCESS;
    if (fault)
        return fault;
    p->filters = (struct ww_str){(const char *)c->at, (size_t)(c->end - c->at)};
    while (c->at < c->end) {
        struct ww_str filter = take_text(c);
        uint8_t options = p->type == WW_MQTT_SUBSCRIBE ? take_u8(c) : 0;
        uint8_t reserved = version == 5 ? 0xC0 : 0xFC;
        if (c->short_ || filter.len == 0 || options & reserved || (options & 3) == 3 ||
            (options & 0x30) == 0x30)
            return WW_MQTT_MALFORMED;
        p->n_filters++;
    }
    return p->n_filters > 0 ? WW_MQTT_SUCCESS : WW_MQTT_PROTOCOL_ERROR;
}

static uint8_t read_suback(struct cursor *c, int version, struct ww_mqtt_packet *p) {
    p->id = take_u16(c);
    uint8_t fault = version == 5 && !c->short_ ? read_properties(c, IN(p->type), p) : WW_MQTT_SUCCESS;
    if (fault)
        return fault;
    p->filters = (struct ww_str){(const char *)c->at, (size_t)(c->end - c->at)};
    p->n_filters = (uint32_t)p->filters.len;
    p->reason = p->filters.len > 0 ? *c->at : WW_MQTT_SUCCESS;
    c->at = c->end;
    return WW_MQTT_SUCCESS;
}

static uint8_t read_disconnect(struct cursor *c, int version, struct ww_mqtt_packet *p) {
    if (version != 5 || c->at == c->end)
        return WW_MQTT_SUCCESS;
    p->reason = take_u8(c);
    return c->at == c->end ? WW_MQTT_SUCCESS : read_properties(c, IN(p->type), p);
}

/* ---- Any packet ---- */

#define FROM_CLIENT                                                                                          \
    (IN(WW_MQTT_CONNECT) | IN(WW_MQTT_PUBLISH) | ACKS | IN(WW_MQTT_SUBSCRIBE) | IN(WW_MQTT_UNSUBSCRIBE) |    \
     IN(WW_MQTT_PINGREQ) | IN(WW_MQTT_DISCONNECT) | IN(WW_MQTT_AUTH))
#define FROM_SERVER                                                                                          \
    (IN(WW_MQTT_CONNACK) | IN(WW_MQTT_PUBLISH) | ACKS | IN(WW_MQTT_SUBACK) | IN(WW_MQTT_UNSUBACK) |          \
     IN(WW_MQTT_PINGRESP) | IN(WW_MQTT_DISCONNECT) | IN(WW_MQTT_AUTH))

/* The type may come, and its four flag bits are as the standard fixes them. */
static uint8_t check_head(uint8_t head, const struct ww_mqtt_reading *reading) {
    unsigned type = head >> 4, flags = head & 15;
    uint32_t may = reading->from_client ? FROM_CLIENT : FROM_SERVER;
    if (type == 0 || (type == WW_MQTT_AUTH && reading->version != 5))
        return WW_MQTT_MALFORMED;
    if (!(may & IN(type)))
        return WW_MQTT_PROTOCOL_ERROR;
    unsigned wanted =
        type == WW_MQTT_PUBREL || type == WW_MQTT_SUBSCRIBE || type == WW_MQTT_UNSUBSCRIBE ? 2 : 0;
    return type == WW_MQTT_PUBLISH || flags == wanted ? WW_MQTT_SUCCESS : WW_MQTT_MALFORMED;
}

static uint8_t read_body(struct cursor *c, int version, uint8_t flags, struct ww_mqtt_packet *p) {
    switch (p->type) {
    case WW_MQTT_CONNECT:
        return read_connect(c, p);
    case WW_MQTT_CONNACK:
        return read_connack(c, version, p);
    case WW_MQTT_PUBLISH:
        return read_publish(c, version, flags, p);
    case WW_MQTT_PUBACK:
    case WW_MQTT_PUBREC:
    case WW_MQTT_PUBREL:
    case WW_MQTT_PUBCOMP:
        return read_ack(c, version, p);
    case WW_MQTT_SUBSCRIBE:
    case WW_MQTT_UNSUBSCRIBE:
        return read_filters(c, version, p);
    case WW_MQTT_SUBACK:
    case WW_MQTT_UNSUBACK:
        return read_suback(c, version, p);
    case WW_MQTT_PINGREQ:
    case WW_MQTT_PINGRESP:
        return WW_MQTT_SUCCESS;
    case WW_MQTT_DISCONNECT:
    case WW_MQTT_AUTH:
        return read_disconnect(c, version, p);
    }
    return WW_MQTT_MALFORMED;
}

static enum ww_mqtt_cut broken(struct ww_mqtt_packet *p, uint8_t reason) {
    p->reason = reason;
    return WW_MQTT_BROKEN;
}

enum ww_mqtt_cut ww_mqtt_next(struct ww_str bytes, const struct ww_mqtt_reading *reading, size_t *used,
                              struct ww_mqtt_packet *p) {
    memset(p, 0, sizeof *p);
    if (bytes.len == 0)
        return WW_MQTT_MORE;
    struct cursor c = {(const unsigned char *)bytes.ptr, (const unsigned char *)bytes.ptr + bytes.len, false};
    uint8_t head = take_u8(&c);
    uint8_t fault = check_head(head, reading);
    if (fault)
        return broken(p, fault);
    p->type = (enum ww_mqtt_type)(head >> 4);
    p->version = reading->version;
    size_t have = bytes.len - 1 < 4 ? bytes.len - 1 : 4;
    bool ends = false; /* the length's last byte is there */
    for (size_t i = 0; i < have && !ends; i++)
        ends = !(c.at[i] & 0x80);
    if (!ends)
        return have < 4 ? WW_MQTT_MORE : broken(p, WW_MQTT_MALFORMED);
    size_t len = take_varint(&c);
    size_t whole = (size_t)((const char *)c.at - bytes.ptr) + len;
    if (whole > reading->max_packet)
        return broken(p, WW_MQTT_PACKET_TOO_LARGE);
    if (whole > bytes.len)
        return WW_MQTT_MORE;
    c.end = c.at + len;
    fault = read_body(&c, reading->version, head & 15, p);
    if (!fault && (c.short_ || c.at != c.end))
        fault = WW_MQTT_MALFORMED;
    if (fault)
        return broken(p, fault);
    *used = whole;
    return WW_MQTT_PACKET;
}
