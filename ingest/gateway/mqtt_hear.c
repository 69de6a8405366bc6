/* What an MQTT packet means: logs in, publishes, releases; answers after COMMIT, in the order of receipt.
 *
 * Every PUBLISH gets a place in the queue of answers, at QoS 0 too. What the path stores is answered when it
 * is committed; what is refused at once waits for those before it.
 */
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/decode.h"
#include "ingest/gateway/mqtt_endpoint_internal.h"

/* ---- QoS 2: identifiers that are taken and not released ---- */

static struct unreleased *find_unreleased(struct session *s, uint16_t id) {
    for (uint32_t i = 0; i < s->n_unreleased; i++)
        if (s->unreleased[i].id == id)
            return &s->unreleased[i];
    return NULL;
}

static bool add_unreleased(struct session *s, uint16_t id) {
    if (s->n_unreleased == s->cap_unreleased) {
        uint32_t cap = s->cap_unreleased ? 2 * s->cap_unreleased : 8;
        struct unreleased *grown = ww_try_realloc(s->unreleased, cap * sizeof *grown);
        if (!grown)
            return false;
        s->unreleased = grown;
        s->cap_unreleased = cap;
    }
    s->unreleased[s->n_unreleased++] = (struct unreleased){.id = id};
    return true;
}

static void release(struct session *s, struct unreleased *u) {
    *u = s->unreleased[--s->n_unreleased];
}

/* ---- Answers ---- */

static void write_ack(struct session *s, enum ww_mqtt_type type, uint16_t id, uint8_t reason) {
    ww_mqtt_write_ack(&s->endpoint->out, s->version, type, id, reason);
    ww_mqtt_session_send(s);
}

static void send_answer(struct session *s, const struct answer *a) {
    bool is_good = a->reason == WW_MQTT_SUCCESS;
    struct unreleased *u = a->qos == 2 ? find_unreleased(s, a->id) : NULL;
    if (a->qos > 0 && (a->qos == 1 || !is_good))
        s->n_in_flight--;
    if (u && is_good)
        u->is_stored = true;
    else if (u)
        release(s, u);
    if (!is_good && s->version != 5) { /* 3.1.1 can't say no to one message */
        ww_mqtt_session_retire(s, a->reason == WW_MQTT_NOT_AUTHORIZED
                                      ? "it may not send to that topic's feed, or the feed is off"
                                      : "a topic that no feed takes");
        return;
    }
    if (a->qos == 0)
        return;
    s->endpoint->counters.acknowledged += is_good;
    write_ack(s, a->qos == 1 ? WW_MQTT_PUBACK : WW_MQTT_PUBREC, a->id, a->reason);
}

/* Sends what stands at the head and is known, up to the next that is still being stored. */
static void send_known(struct session *s) {
    struct answer *a;
    while (s->state != SESSION_RETIRED && (a = STAILQ_FIRST(&s->answers)) && a->is_known) {
        STAILQ_REMOVE_HEAD(&s->answers, next);
        send_answer(s, a);
        ww_free(a);
    }
}

static void on_stored(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                      const struct ww_error *err) {
    struct session *s = arg;
    struct answer *a = STAILQ_FIRST(&s->answers);
    (void)tag;
    (void)receipt;
    (void)err;
    assert(a && !a->is_known); /* the inlet answers in the order of taking */
    a->is_known = true;
    a->reason = status == WW_OK          ? WW_MQTT_SUCCESS
                : status == WW_NOT_FOUND ? WW_MQTT_TOPIC_INVALID
                                         : WW_MQTT_NOT_AUTHORIZED;
    send_known(s);
    ww_mqtt_session_end_when_answered(s);
}

static void on_room(void *arg) {
    ww_mqtt_session_resume(arg, PAUSE_FULL);
}

/* ---- Which feed ---- */

/* With own_topics the level {thing} must be the account's name. */
static bool is_own(const struct session *s, const struct ww_topic_pattern *pattern,
                   const struct ww_str *values) {
    uint32_t name = 0;
    for (uint32_t i = 0; i < pattern->n_levels; i++) {
        if (pattern->levels[i].kind != WW_TOPIC_NAME)
            continue;
        if (ww_str_is(pattern->levels[i].text, "thing") && !ww_str_is(values[name], s->login.name))
            return false;
        name++;
    }
    return true;
}

static bool takes(const struct session *s, const struct ww_mqtt_source *source, struct ww_str topic,
                  bool *is_foreign) {
    struct ww_str values[64]; /* a pattern has no more levels */
    for (uint32_t i = 0; i < source->n_topics; i++) {
        if (!ww_topic_pattern_match(&source->topics[i], topic, values))
            continue;
        if (!source->own_topics || is_own(s, &source->topics[i], values))
            return true;
        *is_foreign = true;
    }
    return false;
}

/* The first feed that takes the topic and that the account may write to. */
static uint8_t choose_feed(const struct session *s, struct ww_str topic, const struct ww_cat_feed **out) {
    const struct ww_mqtt_endpoint *e = s->endpoint;
    const struct ww_catalog *catalog = ww_path_catalog(e->path);
    bool is_foreign = false;
    for (uint32_t i = 0; i < catalog->n_feeds; i++) {
        const struct ww_cat_feed *feed = &catalog->feeds[i];
        const struct ww_feed_source *source = ww_feed_config_source(feed->config);
        if (!feed->enabled || source->protocol != WW_PROTOCOL_MQTT ||
            !takes(s, &source->mqtt, topic, &is_foreign))
            continue;
        if (e->options.may_feed(e->options.arg, s->login.account_id, ww_str_of(feed->name))) {
            *out = feed;
            return WW_MQTT_SUCCESS;
        }
        is_foreign = true;
    }
    return is_foreign ? WW_MQTT_NOT_AUTHORIZED : WW_MQTT_TOPIC_INVALID;
}

/* ---- PUBLISH ---- */

static bool store(struct session *s, const struct ww_cat_feed *feed, const struct ww_mqtt_packet *p) {
    struct ww_buf type;
    struct ww_error err;
    ww_buf_init(&type, 256 << 10); /* a topic of 64 KiB, each byte as three */
    enum ww_status st =
        ww_content_type_with_topic(ww_feed_config_content_type(feed->config), p->topic, &type);
    if (!s->inlet)
        s->inlet = ww_inlet_new(s->endpoint->intake,
                                &(struct ww_inlet_options){.peer = s->peer, .on_room = on_room, .arg = s});
    struct ww_message message = {.feed = ww_str_of(feed->name),
                                 .content_type = ww_buf_str(&type),
                                 .body = p->payload,
                                 .account_id = s->login.account_id};
    if (st == WW_OK)
        st = ww_inlet_take(s->inlet, &message, on_stored, 0, &err);
    ww_buf_clear(&type);
    if (st == WW_BUSY)
        ww_mqtt_session_pause(s, PAUSE_FULL);
    return st == WW_OK;
}

static bool answer_later(struct session *s, const struct ww_mqtt_packet *p, uint8_t reason, bool is_known) {
    struct answer *a = ww_try_calloc(1, sizeof *a);
    if (!a) {
        ww_mqtt_session_refuse(s, WW_MQTT_QUOTA_EXCEEDED, "no memory for its message");
        return false;
    }
    *a = (struct answer){.id = p->id, .qos = (uint8_t)p->qos, .reason = reason, .is_known = is_known};
    STAILQ_INSERT_TAIL(&s->answers, a, next);
    return true;
}

/* An identifier at QoS 2 that is not released yet: the same message again, which is never stored twice. */
static bool is_repeat(struct session *s, const struct ww_mqtt_packet *p) {
    const struct unreleased *u = p->qos == 2 ? find_unreleased(s, p->id) : NULL;
    if (u && u->is_stored)
        write_ack(s, WW_MQTT_PUBREC, p->id, WW_MQTT_SUCCESS);
    return u != NULL;
}

/* Its Receive Maximum is announced; brokers in the field that are bridged to us overrun it after a reconnect,
 * which costs us nothing: at QoS 1 the inlet bounds what is read. So only far beyond it the connection ends.
 */
static bool is_far_too_much(struct session *s, const struct ww_mqtt_packet *p) {
    if (p->qos == 0 || s->n_in_flight < MQTT_MOST_IN_FLIGHT)
        return false;
    ww_mqtt_session_refuse(s, WW_MQTT_RECEIVE_MAXIMUM_EXCEEDED, "far more in flight than its maximum");
    return true;
}

static bool refuse_topic(struct session *s, const struct ww_mqtt_packet *p, uint8_t reason) {
    struct ww_mqtt_endpoint_counters *c = &s->endpoint->counters;
    bool is_housekeeping = reason == WW_MQTT_TOPIC_INVALID && ww_str_starts(p->topic, WW_STR("$"));
    if (reason == WW_MQTT_NOT_AUTHORIZED)
        c->denied++;
    else
        c->no_feed++;
    if (is_housekeeping) /* of a broker that is bridged to us: "$SYS/broker/connection/…/state" */
        reason = WW_MQTT_SUCCESS;
    else
        ww_log(WW_LOG_INFO, "mqtt=topic_refused peer=%s account=%s reason=0x%02X topic=\"%.*s\"", s->peer,
               s->login.name, reason, p->topic.len > 100 ? 100 : (int)p->topic.len, p->topic.ptr);
    return answer_later(s, p, reason, true);
}

static bool hear_publish(struct session *s, const struct ww_mqtt_packet *p) {
    const struct ww_cat_feed *feed = NULL;
    if (is_repeat(s, p))
        return true;
    if (is_far_too_much(s, p))
        return false;
    uint8_t reason = choose_feed(s, p->topic, &feed);
    if (feed && !store(s, feed, p))
        return false;
    s->endpoint->counters.publishes[p->qos]++;
    if (p->qos > 0)
        s->n_in_flight++;
    if (p->qos == 2 && !add_unreleased(s, p->id)) {
        ww_mqtt_session_refuse(s, WW_MQTT_QUOTA_EXCEEDED, "no memory for its identifiers");
        return false;
    }
    if (!(feed ? answer_later(s, p, WW_MQTT_SUCCESS, false) : refuse_topic(s, p, reason)))
        return false;
    send_known(s);
    return true;
}

static void hear_release(struct session *s, uint16_t id) {
    struct unreleased *u = find_unreleased(s, id);
    if (u && !u->is_stored) {
        ww_mqtt_session_refuse(s, WW_MQTT_PROTOCOL_ERROR, "PUBREL before PUBREC");
        return;
    }
    if (u) {
        release(s, u);
        s->n_in_flight--;
    }
    write_ack(s, WW_MQTT_PUBCOMP, id, u ? WW_MQTT_SUCCESS : WW_MQTT_ID_NOT_FOUND);
}

/* ---- CONNECT ---- */

static void refuse_connect(struct session *s, uint8_t reason, const char *why) {
    ww_mqtt_write_connack(&s->endpoint->out, s->version, &(struct ww_mqtt_connack){.reason = reason});
    ww_mqtt_session_send(s);
    ww_mqtt_session_retire(s, why);
}

/* The client's own name, or one that we give. False: it was refused. */
static bool take_client_id(struct session *s, const struct ww_mqtt_packet *p, struct ww_str *assigned) {
    char given[48];
    struct ww_str id = p->client_id;
    *assigned = WW_STR_NONE;
    if (id.len == 0) {
        snprintf(given, sizeof given, "wardwatch-%lld-%llu", (long long)ww_mqtt_now_ms(),
                 (unsigned long long)++s->endpoint->names_given);
        id = ww_str_of(given);
    }
    if ((p->client_id.len == 0 && !p->clean && p->version != 5) || id.len > MQTT_MAX_CLIENT_ID) {
        refuse_connect(s, WW_MQTT_BAD_CLIENT_ID, "a client identifier that can't be taken");
        return false;
    }
    s->client_id = ww_try_calloc(1, id.len + 1);
    if (!s->client_id) {
        refuse_connect(s, WW_MQTT_UNAVAILABLE, "no memory for its name");
        return false;
    }
    memcpy(s->client_id, id.ptr, id.len);
    if (p->client_id.len == 0)
        *assigned = ww_str_of(s->client_id);
    return true;
}

static void hear_connect(struct session *s, const struct ww_mqtt_packet *p) {
    const struct ww_mqtt_endpoint_options *o = &s->endpoint->options;
    struct ww_str assigned;
    s->version = p->version;
    if (!p->has_username || !p->has_password || !o->login(o->arg, p->username, p->password, &s->login)) {
        s->endpoint->counters.bad_logins++;
        snprintf(s->login.name, sizeof s->login.name, "%.*s", /* whose token is to be looked at */
                 (int)(p->username.len < 48 ? p->username.len : 48), p->has_username ? p->username.ptr : "");
        refuse_connect(s, WW_MQTT_BAD_LOGIN, "wrong name or token");
        return;
    }
    if (!take_client_id(s, p, &assigned))
        return;
    s->keep_alive_s = p->keep_alive_s;
    s->state = SESSION_OPEN;
    ww_mqtt_endpoint_name(s);
    struct ww_mqtt_connack connack = {.reason = WW_MQTT_SUCCESS,
                                      .receive_maximum = o->receive_maximum,
                                      .maximum_packet_size = o->max_packet_bytes,
                                      .assigned_client_id = assigned};
    ww_mqtt_write_connack(&s->endpoint->out, s->version, &connack);
    ww_mqtt_session_send(s);
}

/* ---- All packets ---- */

static void hear_subscribe(struct session *s, const struct ww_mqtt_packet *p) {
    bool is_subscribe = p->type == WW_MQTT_SUBSCRIBE;
    uint8_t reason = !is_subscribe     ? WW_MQTT_NO_SUBSCRIPTION_EXISTED
                     : s->version == 5 ? WW_MQTT_NOT_AUTHORIZED
                                       : WW_MQTT_UNSPECIFIED;
    ww_mqtt_write_suback(&s->endpoint->out, s->version, is_subscribe ? WW_MQTT_SUBACK : WW_MQTT_UNSUBACK,
                         p->id, p->n_filters, reason);
    ww_mqtt_session_send(s);
}

bool ww_mqtt_hear(struct session *s, const struct ww_mqtt_packet *p) {
    if ((s->version == 0) != (p->type == WW_MQTT_CONNECT)) {
        s->endpoint->counters.bad_packets++;
        ww_mqtt_session_refuse(s, WW_MQTT_PROTOCOL_ERROR, "CONNECT must come once, and first");
        return false;
    }
    switch (p->type) {
    case WW_MQTT_CONNECT:
        hear_connect(s, p);
        break;
    case WW_MQTT_PUBLISH:
        return hear_publish(s, p);
    case WW_MQTT_PUBREL:
        hear_release(s, p->id);
        break;
    case WW_MQTT_SUBSCRIBE:
    case WW_MQTT_UNSUBSCRIBE:
        hear_subscribe(s, p);
        break;
    case WW_MQTT_PINGREQ:
        ww_mqtt_write_empty(&s->endpoint->out, WW_MQTT_PINGRESP);
        ww_mqtt_session_send(s);
        break;
    case WW_MQTT_DISCONNECT: /* a will, had it one, would be dropped with it: none is kept here */
        s->has_left = true;
        s->state = SESSION_ENDED;
        s->ended_ms = ww_mqtt_now_ms();
        ww_mqtt_session_pause(s, PAUSE_STOPPED);
        break;
    default: /* answers to what we never sent; AUTH without its method */
        s->endpoint->counters.bad_packets++;
        ww_mqtt_session_refuse(s, WW_MQTT_PROTOCOL_ERROR, "a packet that makes no sense here");
        return false;
    }
    return s->state != SESSION_RETIRED;
}
