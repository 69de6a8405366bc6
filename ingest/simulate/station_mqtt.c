/* A simulated station that speaks MQTT 3.1.1: logs in as an account, publishes to FEED/STATION at QoS 1 or 2.
 *
 * The session is kept at the server (clean session off), the station's name is the client's. At QoS 2 a
 * message counts as acknowledged with PUBCOMP: a broker passes it on only after our PUBREL. A message on its
 * way is sent again under the identifier that it had.
 */
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/buf.h"
#include "ingest/mqtt/mqtt.h"
#include "ingest/simulate/stations.h"

enum { VERSION = 4, KEEP_ALIVE_S = 90, MAX_PACKET = 64 << 10 };

/* ---- Writing ---- */

static void send_out(struct evbuffer *out, struct ww_buf *bytes) {
    if (ww_buf_status(bytes) == WW_OK)
        evbuffer_add(out, bytes->data, bytes->len);
    ww_buf_clear(bytes);
}

static void on_connected(struct ww_station *s) {
    struct ww_buf bytes;
    ww_buf_init(&bytes, MAX_PACKET);
    const struct ww_mqtt_connect connect = {.version = VERSION,
                                            .keep_alive_s = KEEP_ALIVE_S,
                                            .client_id = ww_str_of(s->name),
                                            .username = ww_str_of(s->options->account),
                                            .password = ww_str_of(s->options->token),
                                            .has_username = true,
                                            .has_password = true};
    ww_mqtt_write_connect(&bytes, &connect);
    send_out(s->out, &bytes);
}

static void write_body(const struct ww_station *s, uint64_t message, struct ww_buf *body) {
    int64_t ms = ww_station_time(s, message) / 1000;
    for (uint32_t i = 0; i < s->options->factors; i++) {
        const struct ww_station_factor *f = ww_station_factor(i);
        ww_buf_printf(body,
                      "{\"thing\":\"%s\",\"property\":\"%s\",\"unit\":\"%s\",\"time\":%" PRId64
                      ",\"value\":%.3f}\n",
                      s->name, f->property, f->unit, ms, ww_station_value(s, i, message));
    }
}

/* 1 … 65,535 in turn: a window of at most 1,000 never has one twice. */
static uint16_t id_of(uint64_t message) {
    return (uint16_t)(message % 65535 + 1);
}

static void write_publish(const struct ww_station *s, uint64_t message, bool again, struct evbuffer *out) {
    int qos = s->options->no_answer ? 0 : s->options->qos;
    char topic[160];
    struct ww_buf body, bytes;
    ww_buf_init(&body, MAX_PACKET);
    ww_buf_init(&bytes, MAX_PACKET);
    write_body(s, message, &body);
    snprintf(topic, sizeof topic, "%s/%s", s->options->feed, s->name);
    ww_mqtt_write_publish(&bytes, VERSION, ww_str_of(topic), ww_buf_str(&body), qos, again && qos > 0,
                          qos > 0 ? id_of(message) : 0);
    send_out(out, &bytes);
    ww_buf_clear(&body);
}

static void write_message(struct ww_station *s, uint64_t message, bool again) {
    s->key[message % s->options->window] = id_of(message);
    write_publish(s, message, again, s->out);
}

static void keep_alive(struct ww_station *s) {
    struct ww_buf bytes;
    ww_buf_init(&bytes, MAX_PACKET);
    ww_mqtt_write_empty(&bytes, WW_MQTT_PINGREQ);
    send_out(s->out, &bytes);
}

/* Logs in, then begins to publish; the server must not wait for the rest for ever. */
static void write_beginning(struct ww_station *s, struct evbuffer *out) {
    struct evbuffer *whole = evbuffer_new(), *had = s->out;
    if (!whole)
        return;
    s->out = whole;
    on_connected(s);
    s->out = had;
    size_t login = evbuffer_get_length(whole);
    write_publish(s, 0, false, whole);
    evbuffer_remove_buffer(whole, out, login + (evbuffer_get_length(whole) - login) / 2);
    evbuffer_free(whole);
}

/* ---- Reading ---- */

static void release(struct ww_station *s, uint16_t id) {
    struct ww_buf bytes;
    ww_buf_init(&bytes, MAX_PACKET);
    ww_mqtt_write_ack(&bytes, VERSION, WW_MQTT_PUBREL, id, WW_MQTT_SUCCESS);
    send_out(s->out, &bytes);
}

/* False: refused. */
static bool hear(struct ww_station *s, const struct ww_mqtt_packet *p) {
    if (p->type == WW_MQTT_CONNACK && p->reason != WW_MQTT_SUCCESS) {
        ww_station_refused(s);
        return false;
    }
    if (p->type == WW_MQTT_CONNACK)
        s->is_ready = true;
    else if (p->type == WW_MQTT_PUBREC)
        release(s, p->id);
    if (p->type == WW_MQTT_PUBACK || p->type == WW_MQTT_PUBCOMP)
        ww_station_key_acked(s, p->id);
    return true;
}

static bool on_read(struct ww_station *s) {
    const struct ww_mqtt_reading reading = {.version = VERSION, .max_packet = MAX_PACKET};
    while (s->in) {
        struct ww_mqtt_packet p;
        size_t len = evbuffer_get_length(s->in), used;
        struct ww_str bytes = {len > 0 ? (const char *)evbuffer_pullup(s->in, -1) : NULL, len};
        switch (ww_mqtt_next(bytes, &reading, &used, &p)) {
        case WW_MQTT_MORE:
            return true;
        case WW_MQTT_BROKEN:
            return false;
        case WW_MQTT_PACKET:
            if (!hear(s, &p))
                return false;
            evbuffer_drain(s->in, used);
        }
    }
    return true;
}

const struct ww_station_protocol ww_station_mqtt = {.name = "mqtt",
                                                    .on_connected = on_connected,
                                                    .write = write_message,
                                                    .on_read = on_read,
                                                    .keep_alive = keep_alive,
                                                    .write_beginning = write_beginning};
