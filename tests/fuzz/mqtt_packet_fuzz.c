/* ww_link: ww_mqtt
 * Any bytes as MQTT packets, of both versions and from both sides: what is cut lies inside, is the same
 * however the stream is cut, and what we write of it is read back the same. The first byte chooses version
 * and side. */
#include <assert.h>

#include "ingest/mqtt/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PACKET = 4096 };

static void check_view(struct ww_str view, struct ww_str bytes) {
    if (view.len > 0)
        assert(view.ptr >= bytes.ptr && view.ptr + view.len <= bytes.ptr + bytes.len);
}

static void check_filters(const struct ww_mqtt_packet *p, int version) {
    struct ww_str filter;
    size_t at = 0;
    uint32_t n = 0;
    int qos;
    while (ww_mqtt_filter(p, version, &at, &filter, &qos)) {
        check_view(filter, p->filters);
        assert(filter.len > 0 && qos >= 0 && qos <= 2);
        n++;
    }
    assert(n == p->n_filters);
}

static void read_back(const struct ww_buf *out, const struct ww_mqtt_reading *reading,
                      struct ww_mqtt_packet *p) {
    size_t used;
    assert(ww_buf_status(out) == WW_OK);
    assert(ww_mqtt_next(ww_buf_str(out), reading, &used, p) == WW_MQTT_PACKET);
    assert(used == out->len);
}

static void check_written_again(const struct ww_mqtt_packet *p, const struct ww_mqtt_reading *reading) {
    struct ww_mqtt_reading wide = *reading;
    struct ww_mqtt_packet again;
    struct ww_buf out;
    wide.max_packet = 4 * MAX_PACKET;
    ww_buf_init(&out, 8 * MAX_PACKET);
    if (p->type == WW_MQTT_PUBLISH && p->topic.len > 0) {
        ww_mqtt_write_publish(&out, reading->version, p->topic, p->payload, p->qos, p->dup, p->id);
        read_back(&out, &wide, &again);
        assert(ww_str_eq(again.topic, p->topic) && ww_str_eq(again.payload, p->payload));
        assert(again.qos == p->qos && again.dup == p->dup && again.id == p->id);
        assert(ww_mqtt_topic_is_name(p->topic));
    } else if (p->type >= WW_MQTT_PUBACK && p->type <= WW_MQTT_PUBCOMP) {
        ww_mqtt_write_ack(&out, reading->version, p->type, p->id, p->reason);
        read_back(&out, &wide, &again);
        assert(again.id == p->id && again.type == p->type && again.reason == p->reason);
    }
    ww_buf_clear(&out);
}

/* A shorter piece of the same bytes must not say anything else than "more" before the packet is whole. */
static void check_prefix(struct ww_str bytes, size_t used, const struct ww_mqtt_reading *reading) {
    struct ww_mqtt_packet p;
    size_t n;
    for (size_t len = used > 16 ? used - 3 : 0; len < used; len++)
        assert(ww_mqtt_next((struct ww_str){bytes.ptr, len}, reading, &n, &p) == WW_MQTT_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct ww_mqtt_reading reading = {
        .version = data[0] & 1 ? 5 : 4, .max_packet = MAX_PACKET, .from_client = (data[0] & 2) != 0};
    struct ww_str bytes = {(const char *)data + 1, size - 1};
    struct ww_mqtt_packet p;
    size_t used;
    while (bytes.len > 0 && ww_mqtt_next(bytes, &reading, &used, &p) == WW_MQTT_PACKET) {
        assert(used >= 2 && used <= bytes.len);
        const struct ww_str views[] = {p.topic,    p.payload, p.client_id,         p.username,
                                       p.password, p.filters, p.assigned_client_id};
        for (size_t i = 0; i < sizeof views / sizeof *views; i++)
            check_view(views[i], bytes);
        if (p.type == WW_MQTT_SUBSCRIBE || p.type == WW_MQTT_UNSUBSCRIBE)
            check_filters(&p, reading.version);
        check_written_again(&p, &reading);
        check_prefix(bytes, used, &reading);
        if (p.type == WW_MQTT_CONNECT)
            reading.version = p.version;
        bytes.ptr += used;
        bytes.len -= used;
    }
    return 0;
}
