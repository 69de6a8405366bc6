/* One subscription at a broker: connects, subscribes, takes messages, acknowledges them after COMMIT,
 * returns.
 *
 * The session at the broker is kept (clean start off, an expiry of a week), so whatever we did not
 * acknowledge comes again. At QoS 1 a message that comes again is taken again: the path knows it as a
 * duplicate, and only the connection that brought it acknowledges it. At QoS 2 the identifiers that were
 * taken are remembered over connections until PUBREL, as long as the broker says that the session is the
 * same.
 *
 * A message whose topic matches no pattern (of an older subscription of the same session) is handed in like
 * any other: what can't be made of it becomes a dead letter with its topic, and it is acknowledged.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/decode.h"
#include "ingest/gateway/mqtt_client_internal.h"

enum {
    MAX_PACKET = 16 << 20,
    READ_AHEAD = 64 << 10,
    MAX_OUTPUT = 1 << 20,  /* of acknowledgements that the broker doesn't read */
    MAX_WRITE = 256 << 10, /* 64 filters of 1 KiB, and room */
    PACKETS_A_TURN = 100,
    INLET_MESSAGES = 1000, /* also what version 5 tells the broker */
    INLET_BYTES = 4 << 20,
    GREETING_MS = 20000, /* address, TCP, TLS, CONNACK, SUBACK: each step */
    FIRST_RETRY_MS = 500,
    LAST_RETRY_MS = 60000,
    SESSION_EXPIRY_S = 7 * 86400,
    N_IDS = 65536
};

static void connect_now(struct subscriber *s);
static void attend(struct subscriber *s);

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void wait_ms(struct subscriber *s, int64_t ms) {
    const struct timeval wait = {ms / 1000, ms % 1000 * 1000};
    evtimer_add(s->timer, &wait);
}

static void set_state(struct subscriber *s, enum subscriber_state state) {
    s->state = state;
    s->shown.connected = state == SUBSCRIBER_UP && !s->has_refused;
}

/* ---- Failing ---- */

static void hang_up(struct subscriber *s) {
    if (s->bev) {
        bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
        bufferevent_free(s->bev);
    }
    s->bev = NULL;
    evtimer_del(s->timer);
    evtimer_del(s->soon);
}

/* 0.5, 1, 2 … 60 s, of which a random part of up to a half is left out: many clients of a broker that was
 * away do not come back in step. */
static int64_t backoff_ms(struct subscriber *s) {
    uint32_t doublings = s->failures_in_a_row < 8 ? s->failures_in_a_row : 8, random;
    int64_t wait = (int64_t)FIRST_RETRY_MS << doublings;
    wait = wait < LAST_RETRY_MS ? wait : LAST_RETRY_MS;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    return wait - (int64_t)(random % (uint32_t)(wait / 2 + 1));
}

static void say_why(struct subscriber *s, const char *why) {
    if (strncmp(s->shown.why_not, why, sizeof s->shown.why_not - 1) == 0)
        return; /* said already */
    snprintf(s->shown.why_not, sizeof s->shown.why_not, "%s", why);
    ww_log(WW_LOG_WARN, "mqtt_client=failed feed=%s reason=\"%s\"", s->plan.feed, s->shown.why_not);
}

static void fail(struct subscriber *s, const char *why) {
    hang_up(s);
    say_why(s, why);
    if (s->state == SUBSCRIBER_STOPPED)
        return;
    set_state(s, SUBSCRIBER_WAITING);
    wait_ms(s, backoff_ms(s));
    s->failures_in_a_row++;
}

static const struct {
    uint8_t reason;
    const char *text;
} reasons[] = {{WW_MQTT_UNSUPPORTED_VERSION, "it does not speak this version of MQTT"},
               {WW_MQTT_BAD_CLIENT_ID, "it does not accept the client_id"},
               {WW_MQTT_BAD_LOGIN, "wrong username or password"},
               {WW_MQTT_NOT_AUTHORIZED, "not authorized"},
               {WW_MQTT_UNAVAILABLE, "it is not available"},
               {WW_MQTT_SHUTTING_DOWN, "it is shutting down"},
               {WW_MQTT_KEEP_ALIVE_TIMEOUT, "it heard nothing from us in time"},
               {WW_MQTT_TAKEN_OVER, "another client has connected with the same client_id"},
               {WW_MQTT_TOPIC_INVALID, "it does not accept the topic"},
               {WW_MQTT_QUOTA_EXCEEDED, "a quota is exceeded"},
               {0x8F, "it does not accept the topic filter"},
               {0x8A, "this client is banned"},
               {0x9E, "it has no shared subscriptions"}};

static const char *reason_text(uint8_t reason) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].reason == reason)
            return reasons[i].text;
    return "no reason that we know";
}

static void fail_with_reason(struct subscriber *s, const char *what, uint8_t reason) {
    char why[160];
    snprintf(why, sizeof why, "%s: %s (0x%02x)", what, reason_text(reason), reason);
    fail(s, why);
}

/* ---- Writing ---- */

/* Sends what is in `out`. */
static void send_out(struct subscriber *s) {
    if (s->bev && ww_buf_status(&s->out) == WW_OK)
        bufferevent_write(s->bev, s->out.data, s->out.len);
    ww_buf_clear(&s->out);
    s->spoke_ms = now_ms();
}

static void send_ack(struct subscriber *s, enum ww_mqtt_type type, uint16_t id) {
    ww_mqtt_write_ack(&s->out, s->plan.source.version, type, id, WW_MQTT_SUCCESS);
    send_out(s);
}

static void send_connect(struct subscriber *s) {
    const struct ww_mqtt_source *source = &s->plan.source;
    ww_mqtt_write_connect(&s->out, &(struct ww_mqtt_connect){.version = source->version,
                                                             .clean = false,
                                                             .keep_alive_s = (uint16_t)source->keep_alive_s,
                                                             .client_id = source->client_id,
                                                             .username = source->username,
                                                             .password = source->password,
                                                             .has_username = source->has_username,
                                                             .has_password = source->has_password,
                                                             .session_expiry_s = SESSION_EXPIRY_S,
                                                             .receive_maximum = INLET_MESSAGES});
    send_out(s);
}

static uint16_t take_id(struct subscriber *s) {
    if (++s->next_id == 0)
        s->next_id = 1;
    return s->next_id;
}

static void send_subscribe(struct subscriber *s) {
    s->subscribe_id = take_id(s);
    ww_mqtt_write_subscribe(&s->out, s->plan.source.version, s->subscribe_id, s->plan.filters,
                            s->plan.n_filters, s->plan.source.qos);
    send_out(s);
}

/* ---- Up ---- */

static void ping_later(struct subscriber *s) {
    wait_ms(s, s->keep_alive_s * INT64_C(1000) / 4);
}

static void get_up(struct subscriber *s) {
    s->failures_in_a_row = 0;
    set_state(s, SUBSCRIBER_UP);
    if (!s->has_refused) {
        if (s->shown.why_not[0])
            ww_log(WW_LOG_INFO, "mqtt_client=recovered feed=%s", s->plan.feed);
        s->shown.why_not[0] = '\0';
    }
    ping_later(s);
}

static void on_connack(struct subscriber *s, const struct ww_mqtt_packet *p) {
    if (p->reason != WW_MQTT_SUCCESS) {
        fail_with_reason(s, "the broker refused the connection", p->reason);
        return;
    }
    s->shown.connects++;
    s->keep_alive_s = s->plan.source.keep_alive_s;
    if (p->has_server_keep_alive && p->server_keep_alive_s > 0)
        s->keep_alive_s = p->server_keep_alive_s;
    if (!p->session_present && s->exchanges)
        memset(s->exchanges, 0, N_IDS * sizeof *s->exchanges);
    if (p->session_present && s->is_subscribed) {
        get_up(s);
        return;
    }
    s->is_subscribed = false;
    set_state(s, SUBSCRIBER_SUBSCRIBING);
    wait_ms(s, GREETING_MS);
    send_subscribe(s);
}

/* What an earlier plan subscribed in this session: else it would go on coming. */
static void give_up_old(struct subscriber *s) {
    if (s->n_old_filters > 0) {
        ww_mqtt_write_unsubscribe(&s->out, s->plan.source.version, take_id(s), s->old_filters,
                                  s->n_old_filters);
        send_out(s);
    }
    ww_arena_free(s->old_arena);
    s->old_arena = NULL;
    s->n_old_filters = 0;
}

static void on_suback(struct subscriber *s, const struct ww_mqtt_packet *p) {
    if (p->id != s->subscribe_id)
        return;
    uint32_t bad = 0;
    while (bad < p->n_filters && (uint8_t)p->filters.ptr[bad] < 0x80) {
        if ((uint8_t)p->filters.ptr[bad] < s->plan.source.qos)
            ww_log(WW_LOG_WARN, "mqtt_client=lower_qos feed=%s filter=%u granted=%u", s->plan.feed, bad,
                   (unsigned)p->filters.ptr[bad]);
        bad++;
    }
    s->has_refused = bad < p->n_filters || p->n_filters != s->plan.n_filters;
    s->is_subscribed = !s->has_refused;
    if (s->has_refused) {
        char why[160];
        struct ww_str filter = bad < s->plan.n_filters ? s->plan.filters[bad] : WW_STR("?");
        snprintf(why, sizeof why, "the broker refused to subscribe %.*s: %s",
                 (int)(filter.len < 60 ? filter.len : 60), filter.ptr,
                 reason_text(bad < p->n_filters ? (uint8_t)p->filters.ptr[bad] : 0));
        say_why(s, why);
    }
    give_up_old(s);
    get_up(s);
}

/* ---- Messages ---- */

/* Serial, QoS and identifier, for on_stored. */
static uint64_t tag_of(uint32_t serial, int qos, uint16_t id) {
    return (uint64_t)serial << 32 | (uint64_t)qos << 16 | id;
}

static void acknowledge(struct subscriber *s, uint32_t serial, int qos, uint16_t id) {
    if (qos == 2) {
        struct exchange *x = &s->exchanges[id];
        if (x->state != EXCHANGE_TAKEN || x->serial != serial)
            return; /* the broker began anew meanwhile */
        x->state = EXCHANGE_STORED;
    } else if (serial < s->first_serial) {
        return; /* an earlier connection's: the broker sends it again */
    }
    if (s->state < SUBSCRIBER_SUBSCRIBING || !s->bev)
        return;
    send_ack(s, qos == 2 ? WW_MQTT_PUBREC : WW_MQTT_PUBACK, id);
    s->shown.acknowledged++;
    if (evbuffer_get_length(bufferevent_get_output(s->bev)) > MAX_OUTPUT)
        fail(s, "the broker does not read our acknowledgements");
}

static void on_stored(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                      const struct ww_error *err) {
    struct subscriber *s = arg;
    int qos = (int)(tag >> 16 & 3);
    uint16_t id = (uint16_t)(tag & 0xFFFF);
    (void)receipt;
    if (qos == 0)
        return;
    if (status == WW_OK) {
        acknowledge(s, (uint32_t)(tag >> 32), qos, id);
        return;
    }
    /* Nothing was stored (the feed has just been switched off), so nothing is acknowledged. */
    if (qos == 2 && s->exchanges[id].serial == (uint32_t)(tag >> 32))
        s->exchanges[id].state = EXCHANGE_NONE;
    if (s->bev)
        fail(s, err->message);
}

static void stop_reading(struct subscriber *s) {
    bufferevent_disable(s->bev, EV_READ);
    s->is_full = s->shown.paused = true;
}

/* False: no room now, the same packet comes again. */
static bool take_message(struct subscriber *s, const struct ww_mqtt_packet *p) {
    uint32_t serial = s->serial + 1;
    ww_buf_reset(&s->type);
    if (ww_content_type_with_topic(s->plan.content_type, p->topic, &s->type) != WW_OK) {
        fail(s, "a topic that can't be kept");
        return false;
    }
    const struct ww_message message = {
        .feed = ww_str_of(s->plan.feed), .content_type = ww_buf_str(&s->type), .body = p->payload};
    struct ww_error err;
    if (ww_inlet_take(s->inlet, &message, on_stored, tag_of(serial, p->qos, p->id), &err) != WW_OK) {
        stop_reading(s);
        return false;
    }
    s->serial = serial;
    s->shown.messages++;
    if (p->qos == 2)
        s->exchanges[p->id] = (struct exchange){.serial = serial, .state = EXCHANGE_TAKEN};
    return true;
}

static bool on_publish(struct subscriber *s, const struct ww_mqtt_packet *p) {
    if (p->qos == 2 && !s->exchanges) {
        fail(s, "the broker sent at QoS 2, which was not asked for");
        return false;
    }
    if (p->qos == 2 && p->dup && s->exchanges[p->id].state == EXCHANGE_TAKEN)
        return true; /* is answered when it is stored */
    if (p->qos == 2 && p->dup && s->exchanges[p->id].state == EXCHANGE_STORED) {
        send_ack(s, WW_MQTT_PUBREC, p->id);
        return true;
    }
    return take_message(s, p);
}

static void on_pubrel(struct subscriber *s, const struct ww_mqtt_packet *p) {
    if (s->exchanges)
        s->exchanges[p->id].state = EXCHANGE_NONE;
    send_ack(s, WW_MQTT_PUBCOMP, p->id);
}

/* False: it was not taken, or the connection is gone. */
static bool hear(struct subscriber *s, const struct ww_mqtt_packet *p) {
    if ((s->state == SUBSCRIBER_GREETING) != (p->type == WW_MQTT_CONNACK)) {
        fail(s, "the broker does not follow the protocol");
        return false;
    }
    switch (p->type) {
    case WW_MQTT_CONNACK:
        on_connack(s, p);
        break;
    case WW_MQTT_SUBACK:
        on_suback(s, p);
        break;
    case WW_MQTT_PUBLISH:
        return on_publish(s, p);
    case WW_MQTT_PUBREL:
        on_pubrel(s, p);
        break;
    case WW_MQTT_DISCONNECT:
        fail_with_reason(s, "the broker ended the connection", p->reason);
        break;
    default: /* PINGRESP, UNSUBACK: that something came is all there is to know */
        break;
    }
    return s->bev != NULL;
}

/* ---- Reading ---- */

/* Bytes of the packet that begins `input`; 0: not known yet. More than is allowed when it is too long. */
static size_t packet_len(struct evbuffer *input) {
    unsigned char head[5];
    ev_ssize_t n = evbuffer_copyout(input, head, sizeof head);
    size_t len = 0;
    for (ev_ssize_t i = 1; i < n; i++) {
        len |= (size_t)(head[i] & 0x7F) << (7 * (i - 1));
        if (!(head[i] & 0x80))
            return (size_t)i + 1 + len;
    }
    return n == sizeof head ? SIZE_MAX : 0;
}

/* Takes the packet that begins the input. False: it isn't whole, could not be taken, or that was the end. */
static bool take_packet(struct subscriber *s) {
    struct evbuffer *input = bufferevent_get_input(s->bev);
    struct ww_mqtt_reading reading = {.version = s->plan.source.version, .max_packet = MAX_PACKET};
    struct ww_mqtt_packet p;
    size_t len = packet_len(input), used = 0;
    if (len > MAX_PACKET) {
        fail(s, len == SIZE_MAX ? "the broker does not speak MQTT" : "a message has more than 16 MiB");
        return false;
    }
    bufferevent_setwatermark(s->bev, EV_READ, 0, len > READ_AHEAD ? len : READ_AHEAD);
    if (len == 0 || evbuffer_get_length(input) < len)
        return false;
    struct ww_str bytes = {(const char *)evbuffer_pullup(input, (ev_ssize_t)len), len};
    if (!bytes.ptr)
        return false;
    if (ww_mqtt_next(bytes, &reading, &used, &p) != WW_MQTT_PACKET) {
        fail_with_reason(s, "the broker does not follow the protocol", p.reason);
        return false;
    }
    if (!hear(s, &p))
        return false;
    evbuffer_drain(input, used);
    return true;
}

static void attend(struct subscriber *s) {
    for (int n = 0; s->bev && s->state != SUBSCRIBER_STOPPED; n++) {
        if (ww_inlet_is_full(s->inlet)) { /* on_room comes */
            stop_reading(s);
            return;
        }
        if (n == PACKETS_A_TURN) {
            event_active(s->soon, EV_TIMEOUT, 0);
            return;
        }
        if (!take_packet(s))
            return;
    }
}

static void on_room(void *arg) {
    struct subscriber *s = arg;
    s->is_full = s->shown.paused = false;
    if (!s->bev || s->state == SUBSCRIBER_STOPPED)
        return;
    s->heard_ms = now_ms(); /* while we did not read, nothing could be heard */
    bufferevent_enable(s->bev, EV_READ);
    attend(s);
}

static void on_soon(evutil_socket_t fd, short what, void *arg) {
    struct subscriber *s = arg;
    (void)fd;
    (void)what;
    if (s->bev && !s->is_full)
        attend(s);
}

static void on_read(struct bufferevent *bev, void *arg) {
    struct subscriber *s = arg;
    (void)bev;
    s->heard_ms = now_ms();
    if (!s->is_full)
        attend(s);
}

/* ---- Connecting ---- */

static void on_failed(struct subscriber *s, short what) {
    char why[160] = "";
    int dns = bufferevent_socket_get_dns_error(s->bev), code = EVUTIL_SOCKET_ERROR();
    if (s->plan.source.tls && (what & BEV_EVENT_ERROR))
        client_tls_why(s->bev, why, sizeof why);
    if (dns)
        snprintf(why, sizeof why, "the broker's name can't be found: %s", evutil_gai_strerror(dns));
    else if (!why[0] && (what & BEV_EVENT_EOF))
        snprintf(why, sizeof why, "the broker closed the connection");
    else if (!why[0])
        snprintf(why, sizeof why, "no connection to the broker: %s",
                 code ? evutil_socket_error_to_string(code) : "it ended");
    fail(s, why);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct subscriber *s = arg;
    if (what & BEV_EVENT_CONNECTED) {
        set_state(s, SUBSCRIBER_GREETING);
        s->heard_ms = now_ms();
        wait_ms(s, GREETING_MS);
        if (!s->is_full)
            bufferevent_enable(bev, EV_READ);
        send_connect(s);
    } else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        on_failed(s, what);
    }
}

static void connect_now(struct subscriber *s) {
    const struct ww_mqtt_source *source = &s->plan.source;
    char host[256];
    struct ww_error err;
    ww_error_set(&err, WW_NO_MEMORY, "no memory for a connection");
    assert(!s->bev);
    s->first_serial = s->serial + 1;
    s->bev = source->tls ? client_tls_new(s->clients->base, source, &err)
                         : bufferevent_socket_new(s->clients->base, -1,
                                                  BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!s->bev) {
        fail(s, err.message);
        return;
    }
    snprintf(host, sizeof host, "%.*s", WW_STR_ARG(source->host));
    set_state(s, SUBSCRIBER_CONNECTING);
    wait_ms(s, GREETING_MS);
    bufferevent_setcb(s->bev, on_read, NULL, on_event, s);
    bufferevent_setwatermark(s->bev, EV_READ, 0, READ_AHEAD);
    bufferevent_enable(s->bev, EV_WRITE);
    if (bufferevent_socket_connect_hostname(s->bev, s->clients->dns, AF_UNSPEC, host, source->port) != 0 &&
        s->bev)
        on_failed(s, BEV_EVENT_ERROR);
}

/* ---- Time ---- */

static void look_at_keep_alive(struct subscriber *s) {
    int64_t now = now_ms(), keep_alive_ms = s->keep_alive_s * INT64_C(1000);
    if (!s->is_full && now - s->heard_ms > keep_alive_ms * 3 / 2) {
        fail(s, "the broker answered no more");
        return;
    }
    if (s->has_refused)
        send_subscribe(s);
    else if (now - s->spoke_ms >= keep_alive_ms / 2 || now - s->heard_ms >= keep_alive_ms / 2) {
        ww_mqtt_write_empty(&s->out, WW_MQTT_PINGREQ);
        send_out(s);
    }
    ping_later(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct subscriber *s = arg;
    (void)fd;
    (void)what;
    switch (s->state) {
    case SUBSCRIBER_WAITING:
        connect_now(s);
        break;
    case SUBSCRIBER_CONNECTING:
    case SUBSCRIBER_GREETING:
    case SUBSCRIBER_SUBSCRIBING:
        if (s->is_full) /* its answer may have come: we don't read */
            wait_ms(s, GREETING_MS);
        else
            fail(s, "the broker did not answer in time");
        break;
    case SUBSCRIBER_UP:
        look_at_keep_alive(s);
        break;
    case SUBSCRIBER_STOPPED:
        break;
    }
}

/* ---- Life ---- */

struct subscriber *subscriber_new(struct ww_mqtt_clients *clients, struct client_plan *plan) {
    struct subscriber *s = ww_must_calloc(1, sizeof *s);
    char peer[64];
    s->clients = clients;
    s->plan = *plan;
    snprintf(s->shown.feed, sizeof s->shown.feed, "%s", plan->feed);
    snprintf(peer, sizeof peer, "%.*s:%d", (int)(plan->source.host.len < 50 ? plan->source.host.len : 50),
             plan->source.host.ptr, plan->source.port);
    s->inlet = ww_inlet_new(clients->intake, &(struct ww_inlet_options){.peer = peer,
                                                                        .max_messages = INLET_MESSAGES,
                                                                        .max_bytes = INLET_BYTES,
                                                                        .on_room = on_room,
                                                                        .arg = s});
    if (plan->source.qos == 2)
        s->exchanges = ww_must_calloc(N_IDS, sizeof *s->exchanges);
    ww_buf_init(&s->out, MAX_WRITE);
    ww_buf_init(&s->type, MAX_WRITE);
    s->timer = evtimer_new(clients->base, on_timer, s);
    s->soon = evtimer_new(clients->base, on_soon, s);
    assert(s->timer && s->soon);
    TAILQ_INSERT_TAIL(&clients->all, s, all);
    return s;
}

static bool has_filter(const struct client_plan *plan, struct ww_str filter) {
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (ww_str_eq(plan->filters[i], filter))
            return true;
    return false;
}

void subscriber_succeed(struct subscriber *s, const struct subscriber *old) {
    uint32_t n = 0, most = old->plan.n_filters + old->n_old_filters;
    s->shown.connects = old->shown.connects;
    s->shown.messages = old->shown.messages;
    s->shown.acknowledged = old->shown.acknowledged;
    s->old_arena = ww_arena_new(1 << 20);
    s->old_filters = s->old_arena ? ww_arena_calloc(s->old_arena, most + 1, sizeof *s->old_filters) : NULL;
    for (uint32_t i = 0; s->old_filters && i < most && n < 64; i++) {
        struct ww_str filter =
            i < old->plan.n_filters ? old->plan.filters[i] : old->old_filters[i - old->plan.n_filters];
        if (!has_filter(&s->plan, filter) && (s->old_filters[n] = ww_arena_copy(s->old_arena, filter)).ptr)
            n++;
    }
    s->n_old_filters = n;
}

void subscriber_start(struct subscriber *s) {
    connect_now(s);
}

/* Reads no more; what is held is still acknowledged. */
void subscriber_stop(struct subscriber *s) {
    if (s->bev && s->state < SUBSCRIBER_SUBSCRIBING)
        hang_up(s);
    if (s->bev)
        bufferevent_disable(s->bev, EV_READ);
    evtimer_del(s->timer);
    set_state(s, SUBSCRIBER_STOPPED);
}

/* A farewell, if it fits now; else the broker sees the end, and the session is kept all the same. */
static void say_goodbye(struct subscriber *s) {
    if (!s->bev || s->state < SUBSCRIBER_SUBSCRIBING || s->plan.source.tls ||
        evbuffer_get_length(bufferevent_get_output(s->bev)) > 0)
        return;
    ww_mqtt_write_disconnect(&s->out, s->plan.source.version, WW_MQTT_SUCCESS);
    if (ww_buf_status(&s->out) == WW_OK)
        (void)send(bufferevent_getfd(s->bev), s->out.data, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    ww_buf_clear(&s->out);
}

void subscriber_free(struct subscriber *s) {
    say_goodbye(s);
    hang_up(s);
    TAILQ_REMOVE(&s->clients->all, s, all);
    ww_inlet_free(s->inlet);
    event_free(s->timer);
    event_free(s->soon);
    ww_buf_clear(&s->out);
    ww_buf_clear(&s->type);
    ww_arena_free(s->old_arena);
    ww_free(s->exchanges);
    client_plan_clear(&s->plan);
    ww_free(s);
}
