/* One MQTT connection: reads, cuts packets, stops reading when its inlet is full, writes, ends.
 *
 * What was read off the socket is taken to its end, also when the peer has gone meanwhile: a sender at QoS 0
 * can't be told to send again.
 */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/mqtt_endpoint_internal.h"

/* ---- Pausing ---- */

/* libevent looks at its watermark only while reading is enabled: what was drained while it was not would
 * leave reading suspended for ever, so the mark is set again. */
static void apply_reading(struct session *s, size_t read_ahead) {
    if (s->pauses == 0 && s->state <= SESSION_OPEN) {
        bufferevent_enable(s->bev, EV_READ);
        bufferevent_setwatermark(s->bev, EV_READ, 0, read_ahead);
    } else {
        bufferevent_disable(s->bev, EV_READ);
    }
}

void ww_mqtt_session_pause(struct session *s, unsigned why) {
    if (s->state == SESSION_RETIRED || (s->pauses & why) == why)
        return;
    if (why & ~s->pauses & PAUSE_FULL)
        s->endpoint->counters.paused++;
    s->pauses |= why;
    apply_reading(s, MQTT_READ_AHEAD);
}

void ww_mqtt_session_resume(struct session *s, unsigned why) {
    if (s->state == SESSION_RETIRED || !(s->pauses & why))
        return;
    if (s->pauses & why & PAUSE_FULL)
        s->endpoint->counters.paused--;
    s->pauses &= ~why;
    if (s->pauses & ~(unsigned)PAUSE_STOPPED)
        return;
    /* While we did not read, the peer could not be in time. */
    int64_t now = ww_mqtt_now_ms();
    s->last_in_ms = now;
    if (s->begun_ms)
        s->begun_ms = now;
    apply_reading(s, MQTT_READ_AHEAD);
    ww_mqtt_session_schedule(s);
}

void ww_mqtt_session_schedule(struct session *s) {
    if (s->is_due || s->state == SESSION_RETIRED)
        return;
    s->is_due = true;
    TAILQ_INSERT_TAIL(&s->endpoint->due, s, due);
    ww_mqtt_endpoint_wake(s->endpoint);
}

/* ---- Writing ---- */

void ww_mqtt_session_send(struct session *s) {
    struct ww_buf *out = &s->endpoint->out;
    bool is_whole = ww_buf_status(out) == WW_OK;
    if (s->state != SESSION_RETIRED && !s->is_mute && is_whole) {
        if (evbuffer_get_length(bufferevent_get_output(s->bev)) + out->len > MQTT_MAX_OUTPUT)
            ww_mqtt_session_retire(s, "it does not read its answers");
        else
            bufferevent_write(s->bev, out->data, out->len);
    }
    ww_buf_reset(out);
    if (!is_whole)
        ww_mqtt_session_retire(s, "no memory for its answer");
}

void ww_mqtt_session_refuse(struct session *s, uint8_t reason, const char *why) {
    if (s->state == SESSION_OPEN && s->version == 5) {
        ww_mqtt_write_disconnect(&s->endpoint->out, 5, reason);
        ww_mqtt_session_send(s);
    }
    ww_mqtt_session_retire(s, why);
}

/* ---- Cutting ---- */

/* The whole length of the packet that begins here; 0 while its head is not whole. */
static size_t packet_length(struct evbuffer *input) {
    unsigned char head[5];
    ev_ssize_t n = evbuffer_copyout(input, head, sizeof head);
    size_t length = 0;
    for (ev_ssize_t i = 1; i < n; i++) {
        length |= (size_t)(head[i] & 0x7F) << (7 * (i - 1));
        if (!(head[i] & 0x80))
            return (size_t)i + 1 + length;
    }
    return n == sizeof head ? sizeof head : 0; /* a length of more than 4 bytes: the codec says so */
}

static void break_off(struct session *s, uint8_t reason) {
    s->endpoint->counters.bad_packets++;
    if (s->state == SESSION_GREETING && reason == WW_MQTT_UNSUPPORTED_VERSION) {
        ww_mqtt_write_connack(&s->endpoint->out, 4, &(struct ww_mqtt_connack){.reason = reason});
        ww_mqtt_session_send(s);
        ww_mqtt_session_retire(s, "an MQTT version that is not spoken here");
        return;
    }
    char why[64];
    snprintf(why, sizeof why, "no packet of MQTT, reason 0x%02X", reason);
    ww_mqtt_session_refuse(s, reason, why);
}

/* One packet off the front; how many bytes are done with, 0 = none now. */
static size_t take_one(struct session *s, struct ww_str bytes) {
    const struct ww_mqtt_reading reading = {
        .version = s->version, .max_packet = s->endpoint->options.max_packet_bytes, .from_client = true};
    struct ww_mqtt_packet packet;
    size_t used;
    switch (ww_mqtt_next(bytes, &reading, &used, &packet)) {
    case WW_MQTT_PACKET:
        return ww_mqtt_hear(s, &packet) ? used : 0;
    case WW_MQTT_BROKEN:
        break_off(s, packet.reason);
        return 0;
    default:
        return 0;
    }
}

static bool may_take(struct session *s) {
    if (s->state == SESSION_RETIRED || s->has_left || (s->pauses & ~(unsigned)PAUSE_STOPPED))
        return false;
    if (!ww_path_catalog(s->endpoint->path)) {
        ww_mqtt_session_pause(s, PAUSE_WORLD);
        return false;
    }
    if (s->inlet && ww_inlet_is_full(s->inlet)) { /* on_room comes */
        ww_mqtt_session_pause(s, PAUSE_FULL);
        return false;
    }
    return true;
}

/* What is left begins a packet: room for all of it, and a deadline. */
static void await_rest(struct session *s, struct evbuffer *input) {
    size_t left = evbuffer_get_length(input);
    if (left == 0)
        s->begun_ms = 0;
    else if (s->begun_ms == 0)
        s->begun_ms = ww_mqtt_now_ms();
    size_t length = left > 0 ? packet_length(input) : 0;
    if (length > s->endpoint->options.max_packet_bytes)
        length = s->endpoint->options.max_packet_bytes;
    if (s->pauses == 0 && s->state <= SESSION_OPEN)
        apply_reading(s, length > MQTT_READ_AHEAD ? length : MQTT_READ_AHEAD);
}

/* Not while something that was read waits for room: it is taken first. */
void ww_mqtt_session_end_when_answered(struct session *s) {
    if (s->state != SESSION_ENDED || s->is_attended || s->is_due || (s->pauses & ~(unsigned)PAUSE_STOPPED))
        return;
    if (s->is_mute || (STAILQ_EMPTY(&s->answers) && evbuffer_get_length(bufferevent_get_output(s->bev)) == 0))
        ww_mqtt_session_retire(s, NULL);
}

/* All whole packets that are there. A packet that is not whole is not linearised again and again. */
static size_t take_packets(struct session *s, struct evbuffer *input, int most) {
    size_t len = evbuffer_get_length(input), at = 0, length = packet_length(input);
    if (length == 0 || (length > len && length <= s->endpoint->options.max_packet_bytes))
        return 0;
    const char *bytes = (const char *)evbuffer_pullup(input, -1);
    for (int n = 0; bytes && at < len && may_take(s); n++) {
        if (n == most) {
            ww_mqtt_session_schedule(s); /* behind the others */
            break;
        }
        size_t taken = take_one(s, (struct ww_str){bytes + at, len - at});
        if (taken == 0)
            break;
        at += taken;
        s->begun_ms = 0;
    }
    return at;
}

void ww_mqtt_session_attend(struct session *s, int most_packets) {
    struct evbuffer *input = bufferevent_get_input(s->bev);
    s->is_attended = true;
    size_t taken = take_packets(s, input, most_packets);
    s->is_attended = false;
    if (s->state == SESSION_RETIRED)
        return;
    evbuffer_drain(input, taken);
    await_rest(s, input);
    /* What can't become whole any more is dropped; what waits for room is not. */
    ww_mqtt_session_end_when_answered(s);
}

/* ---- What the socket says ---- */

static void on_read(struct bufferevent *bev, void *arg) {
    struct session *s = arg;
    (void)bev;
    s->last_in_ms = ww_mqtt_now_ms();
    if (!s->is_due)
        ww_mqtt_session_attend(s, MQTT_PACKETS_A_TURN);
}

static void on_written_out(struct bufferevent *bev, void *arg) {
    (void)bev;
    ww_mqtt_session_end_when_answered(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct session *s = arg;
    (void)bev;
    if (s->state > SESSION_OPEN || !(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    s->state = SESSION_ENDED;
    s->ended_ms = ww_mqtt_now_ms();
    s->is_mute = (what & BEV_EVENT_ERROR) != 0;
    apply_reading(s, MQTT_READ_AHEAD);
    ww_mqtt_session_schedule(s);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
    struct session *s = arg;
    (void)buffer;
    s->endpoint->counters.bytes_in += info->n_added;
}

/* ---- Deadlines ---- */

void ww_mqtt_session_check(struct session *s, int64_t now) {
    struct ww_mqtt_endpoint_counters *c = &s->endpoint->counters;
    if (s->state == SESSION_ENDED) {
        if (now - s->ended_ms > MQTT_ENDED_LINGER_MS && !(s->pauses & ~(unsigned)PAUSE_STOPPED))
            ww_mqtt_session_retire(s, NULL);
    } else if (s->pauses) {
        return;
    } else if (s->state == SESSION_GREETING) {
        if (now - s->opened_ms > s->endpoint->options.connect_s * INT64_C(1000)) {
            c->cut_slow++;
            ww_mqtt_session_retire(s, "no CONNECT in time");
        }
    } else if (s->begun_ms && now - s->begun_ms > MQTT_PACKET_S * INT64_C(1000)) {
        c->cut_slow++;
        ww_mqtt_session_refuse(s, WW_MQTT_UNSPECIFIED, "a packet was not whole in time");
    } else if (s->keep_alive_s > 0 && now - s->last_in_ms > s->keep_alive_s * INT64_C(1500)) {
        c->cut_silent++;
        ww_mqtt_session_refuse(s, WW_MQTT_KEEP_ALIVE_TIMEOUT, "silent for longer than its keep-alive");
    }
}

/* ---- Life ---- */

struct session *ww_mqtt_session_open(struct ww_mqtt_endpoint *endpoint, struct bufferevent *bev,
                                     const char *peer) {
    struct session *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->endpoint = endpoint;
    s->bev = bev;
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    STAILQ_INIT(&s->answers);
    s->opened_ms = s->last_in_ms = ww_mqtt_now_ms();
    bufferevent_setcb(bev, on_read, on_written_out, on_event, s);
    evbuffer_add_cb(bufferevent_get_input(bev), on_input, s);
    if (!ww_path_catalog(endpoint->path))
        s->pauses |= PAUSE_WORLD;
    bufferevent_enable(bev, EV_WRITE);
    apply_reading(s, MQTT_READ_AHEAD);
    return s;
}

void ww_mqtt_session_retire(struct session *s, const char *why) {
    if (s->state == SESSION_RETIRED)
        return;
    if (why)
        ww_log(WW_LOG_INFO, "mqtt=cut peer=%s account=%s reason=\"%s\"", s->peer, s->login.name, why);
    if (s->pauses & PAUSE_FULL)
        s->endpoint->counters.paused--;
    s->state = SESSION_RETIRED;
    bufferevent_disable(s->bev, EV_READ);
    ww_inlet_free(
        s->inlet); /* what it holds is still stored; commits that come before the sweep find nobody */
    s->inlet = NULL;
    ww_mqtt_endpoint_forget(s);
}

void ww_mqtt_session_free(struct session *s) {
    struct evbuffer *out = bufferevent_get_output(s->bev);
    /* Once: whoever does not read now has had the time. TLS writes by itself as soon as it can. */
    if (!s->is_mute && !s->endpoint->tls && evbuffer_get_length(out) > 0) {
        evbuffer_unfreeze(out, 1); /* a bufferevent lets nobody else drain what it sends */
        (void)evbuffer_write(out, bufferevent_getfd(s->bev));
    }
    bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
    bufferevent_free(s->bev);
    struct answer *a;
    while ((a = STAILQ_FIRST(&s->answers))) {
        STAILQ_REMOVE_HEAD(&s->answers, next);
        ww_free(a);
    }
    ww_free(s->unreleased);
    ww_free(s->client_id);
    ww_free(s);
}
