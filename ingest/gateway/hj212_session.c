/* One connection: reads, cuts frames, stops reading when its inlet is full, answers after COMMIT, ends.
 *
 * What was read off the socket is taken to its end, also when the peer has gone meanwhile: a device that asks
 * for no answers can't be told to send again. Only a frame that we did not want to read (a wrong address, an
 * unknown station of a feed that refuses them) ends a connection with bytes unread.
 */
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum { ENDED_LINGER_MS = 30000, MOST_ENDED = 1000 };

/* ---- Pausing ---- */

/* libevent looks at its watermark only while reading is enabled: what was drained while it was not would
 * leave reading suspended for ever, so the mark is set again. */
static void apply_reading(struct session *s) {
    if (s->pauses == 0 && s->state == SESSION_OPEN) {
        bufferevent_enable(s->bev, EV_READ);
        bufferevent_setwatermark(s->bev, EV_READ, 0, HJ212_READ_AHEAD);
    } else {
        bufferevent_disable(s->bev, EV_READ);
    }
}

void ww_hj212_session_pause(struct session *s, unsigned why) {
    if (s->state == SESSION_RETIRED || (s->pauses & why) == why)
        return;
    if (why & ~s->pauses & PAUSE_FULL)
        s->gateway->counters.paused++;
    s->pauses |= why;
    apply_reading(s);
}

void ww_hj212_session_resume(struct session *s, unsigned why) {
    if (s->state == SESSION_RETIRED || !(s->pauses & why))
        return;
    if (s->pauses & why & PAUSE_FULL)
        s->gateway->counters.paused--;
    s->pauses &= ~why;
    if (s->pauses & ~(unsigned)PAUSE_STOPPED)
        return;
    /* While we did not read, the peer could not be in time. */
    int64_t now = ww_hj212_now_ms();
    s->last_in_ms = now;
    if (s->begun_ms)
        s->begun_ms = now;
    apply_reading(s);
    ww_hj212_session_schedule(s);
}

static void on_room(void *arg) {
    ww_hj212_session_resume(arg, PAUSE_FULL);
}

void ww_hj212_session_schedule(struct session *s) {
    if (s->is_due || s->state == SESSION_RETIRED)
        return;
    s->is_due = true;
    TAILQ_INSERT_TAIL(&s->gateway->due, s, due);
    ww_hj212_gateway_wake(s->gateway);
}

/* ---- Waiting for the registry ---- */

static bool is_there(const struct session *s) {
    const struct wait *w = s->wait;
    const struct ww_catalog *catalog = ww_path_catalog(s->gateway->path);
    const struct ww_hj212_station *record =
        catalog ? ww_hj212_station_find(catalog->stations, ww_str_of(w->mn)) : NULL;
    if (!record)
        return false;
    if (w->kind == WAIT_KEY)
        return record->how.sm4_key && w->value_len == 16 && memcmp(record->how.sm4_key, w->value, 16) == 0;
    if (w->kind == WAIT_PASSWORD)
        return ww_str_eq(record->password, (struct ww_str){(const char *)w->value, w->value_len});
    return true;
}

bool ww_hj212_session_wait(struct session *s, enum wait_kind kind, struct ww_str mn, struct ww_str value,
                           int64_t for_ms) {
    if (!s->wait)
        s->wait = ww_try_calloc(1, sizeof *s->wait);
    if (!s->wait || mn.len >= sizeof s->wait->mn || value.len > sizeof s->wait->value)
        return false;
    *s->wait = (struct wait){.kind = kind, .until_ms = ww_hj212_now_ms() + for_ms, .value_len = value.len};
    memcpy(s->wait->mn, mn.ptr, mn.len);
    if (value.len > 0)
        memcpy(s->wait->value, value.ptr, value.len);
    ww_hj212_session_pause(s, PAUSE_WAIT);
    ww_hj212_session_look_at_world(s);
    return true;
}

bool ww_hj212_session_waited_in_vain(const struct session *s, struct ww_str mn) {
    return s->wait && s->wait->is_over && ww_str_is(mn, s->wait->mn);
}

void ww_hj212_session_look_at_world(struct session *s) {
    if (ww_path_catalog(s->gateway->path))
        ww_hj212_session_resume(s, PAUSE_WORLD);
    if ((s->pauses & PAUSE_WAIT) && is_there(s)) {
        ww_free(s->wait);
        s->wait = NULL;
        ww_hj212_session_resume(s, PAUSE_WAIT);
    }
}

/* ---- Answers ----
 *
 * A commit answers thousands of frames in one turn. What is written gathers in the output buffer, whose
 * bufferevent does not watch the socket, and goes out with the turn's end in one system call a connection;
 * only what the socket does not take then is left to the bufferevent.
 */

void ww_hj212_session_write(struct session *s, struct ww_str bytes) {
    if (s->state == SESSION_RETIRED || s->is_mute || bytes.len == 0)
        return;
    struct evbuffer *out = bufferevent_get_output(s->bev);
    if (evbuffer_get_length(out) + bytes.len > HJ212_MAX_OUTPUT) {
        ww_hj212_session_retire(s, "it does not read its answers");
        return;
    }
    bufferevent_write(s->bev, bytes.ptr, bytes.len);
    if (s->has_answers)
        return;
    s->has_answers = true;
    TAILQ_INSERT_TAIL(&s->gateway->to_send, s, to_send);
    ww_hj212_gateway_wake(s->gateway);
}

static void end_when_answered(struct session *s);

static void write_at_once(struct session *s) {
    struct evbuffer *out = bufferevent_get_output(s->bev);
    evbuffer_unfreeze(out, 1); /* a bufferevent lets nobody else drain what it sends */
    (void)evbuffer_write(out, bufferevent_getfd(s->bev));
    evbuffer_freeze(out, 1);
}

void ww_hj212_session_send_out(struct session *s) {
    if (s->is_mute || (bufferevent_get_enabled(s->bev) & EV_WRITE)) /* it is slow: the bufferevent goes on */
        return;
    write_at_once(s);
    if (evbuffer_get_length(bufferevent_get_output(s->bev)) > 0)
        bufferevent_enable(s->bev, EV_WRITE); /* also when it failed: then on_event hears of it */
    else
        end_when_answered(s);
}

static void on_stored(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                      const struct ww_error *err) {
    struct session *s = arg;
    (void)tag;
    (void)receipt;
    (void)err;
    struct answer *a = STAILQ_FIRST(&s->answers);
    assert(a); /* the inlet answers in the order of taking */
    STAILQ_REMOVE_HEAD(&s->answers, next);
    if (status == WW_OK && a->len > 0) {
        s->gateway->counters.answers++;
        ww_hj212_session_write(s, (struct ww_str){a->bytes, a->len});
    }
    ww_free(a);
    end_when_answered(s);
}

bool ww_hj212_session_store(struct session *s, struct ww_str feed, struct ww_str content_type,
                            struct ww_str body, struct ww_str answer) {
    struct answer *a = ww_try_calloc(1, sizeof *a + answer.len);
    if (!a)
        return false;
    a->len = answer.len;
    if (answer.len > 0)
        memcpy(a->bytes, answer.ptr, answer.len);
    if (!s->inlet)
        s->inlet = ww_inlet_new(s->gateway->intake,
                                &(struct ww_inlet_options){.peer = s->peer, .on_room = on_room, .arg = s});
    struct ww_message message = {.feed = feed, .content_type = content_type, .body = body};
    struct ww_error err;
    if (ww_inlet_take(s->inlet, &message, on_stored, 0, &err) != WW_OK) {
        ww_free(a);
        ww_hj212_session_pause(s, PAUSE_FULL);
        return false;
    }
    STAILQ_INSERT_TAIL(&s->answers, a, next);
    return true;
}

/* ---- Cutting ---- */

/* One frame or piece of garbage off the front; how many bytes are done with, 0 = none now. */
static size_t take_one(struct session *s, struct ww_str bytes, bool at_end) {
    struct ww_hj212_frame frame;
    size_t consumed;
    switch (ww_hj212_next(bytes, at_end, &consumed, &frame)) {
    case WW_HJ212_CUT_FRAME:
        return ww_hj212_hear_frame(s, &frame) ? consumed : 0;
    case WW_HJ212_CUT_GARBAGE:
        return ww_hj212_hear_garbage(s, frame.whole) ? consumed : 0;
    default:
        if (at_end && bytes.len > 0)
            return ww_hj212_hear_garbage(s, bytes) ? bytes.len : 0;
        return 0;
    }
}

static bool may_take(struct session *s) {
    if (s->state == SESSION_RETIRED || (s->pauses & ~(unsigned)PAUSE_STOPPED))
        return false;
    if (!ww_path_catalog(s->gateway->path)) {
        ww_hj212_session_pause(s, PAUSE_WORLD);
        return false;
    }
    if (s->inlet && ww_inlet_is_full(s->inlet)) { /* on_room comes */
        ww_hj212_session_pause(s, PAUSE_FULL);
        return false;
    }
    return true;
}

/* When nothing whole is left: is a frame begun, and since when? */
static void note_begun(struct session *s, size_t left) {
    if (left == 0)
        s->begun_ms = 0;
    else if (s->begun_ms == 0)
        s->begun_ms = ww_hj212_now_ms();
}

static void end_when_answered(struct session *s) {
    if (s->state != SESSION_ENDED || s->is_attended || evbuffer_get_length(bufferevent_get_input(s->bev)) > 0)
        return;
    if (s->is_mute || (STAILQ_EMPTY(&s->answers) && evbuffer_get_length(bufferevent_get_output(s->bev)) == 0))
        ww_hj212_session_retire(s, NULL);
}

void ww_hj212_session_attend(struct session *s, int most_frames) {
    struct evbuffer *input = bufferevent_get_input(s->bev);
    size_t len = evbuffer_get_length(input), at = 0;
    bool at_end = s->state == SESSION_ENDED || s->is_overdue, wants_more = len > 0;
    const char *bytes = len > 0 ? (const char *)evbuffer_pullup(input, -1) : NULL;
    s->is_attended = true;
    for (int n = 0; bytes && at < len && wants_more && may_take(s); n++) {
        if (n == most_frames) {
            ww_hj212_session_schedule(s); /* behind the others */
            break;
        }
        size_t taken = take_one(s, (struct ww_str){bytes + at, len - at}, at_end);
        wants_more = taken > 0;
        at += taken;
        if (taken > 0)
            s->begun_ms = 0;
    }
    s->is_attended = false;
    if (s->state == SESSION_RETIRED)
        return;
    evbuffer_drain(input, at);
    note_begun(s, len - at);
    if (s->is_overdue && at == len)
        ww_hj212_session_retire(s, "a frame was not whole in time");
    else if (s->state == SESSION_ENDED && at == len) {
        ww_hj212_station_unlink_all(s);
        end_when_answered(s);
    }
}

/* ---- What the socket says ---- */

static void on_read(struct bufferevent *bev, void *arg) {
    struct session *s = arg;
    (void)bev;
    s->last_in_ms = ww_hj212_now_ms();
    /* At most HJ212_FRAMES_A_TURN here; the rest when the others have had theirs. */
    if (!s->is_due)
        ww_hj212_session_attend(s, HJ212_FRAMES_A_TURN);
}

static void on_written_out(struct bufferevent *bev, void *arg) {
    bufferevent_disable(bev, EV_WRITE);
    end_when_answered(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct session *s = arg;
    (void)bev;
    if (s->state != SESSION_OPEN || !(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
        return;
    s->state = SESSION_ENDED;
    s->ended_ms = ww_hj212_now_ms();
    s->is_mute = (what & BEV_EVENT_ERROR) != 0;
    s->gateway->n_ended++;
    apply_reading(s);
    ww_hj212_session_schedule(s);
}

/* Counts what comes in as it is read, whatever becomes of it. */
static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg) {
    struct session *s = arg;
    (void)buffer;
    s->gateway->counters.bytes_in += info->n_added;
}

/* ---- Deadlines ---- */

void ww_hj212_session_check(struct session *s, int64_t now) {
    const struct ww_hj212_gateway_options *o = &s->gateway->options;
    if (s->garbage_ms && now - s->garbage_ms >= 60000)
        ww_hj212_garbage_sum_up(s, false);
    if ((s->pauses & PAUSE_WAIT) && now >= s->wait->until_ms) {
        s->wait->is_over = true;
        ww_hj212_session_resume(s, PAUSE_WAIT);
    }
    if (s->state == SESSION_ENDED) {
        bool is_empty = evbuffer_get_length(bufferevent_get_input(s->bev)) == 0;
        if ((is_empty && now - s->ended_ms > ENDED_LINGER_MS) || s->gateway->n_ended > MOST_ENDED)
            ww_hj212_session_retire(s, is_empty ? NULL : "too many ended connections wait to be stored");
    } else if (s->pauses) {
        return;
    } else if (s->begun_ms && now - s->begun_ms > o->frame_s * INT64_C(1000)) {
        s->gateway->counters.cut_slow++;
        s->is_overdue = true;
        ww_hj212_session_schedule(s);
    } else if (STAILQ_EMPTY(&s->answers) && now - s->last_in_ms > o->idle_s * INT64_C(1000)) {
        s->gateway->counters.cut_idle++;
        ww_hj212_session_retire(s, "nothing came for long");
    }
}

/* ---- Life ---- */

struct session *ww_hj212_session_open(struct ww_hj212_gateway *gateway, int fd, const char *peer) {
    struct session *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->bev = bufferevent_socket_new(gateway->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!s->bev) {
        ww_free(s);
        return NULL;
    }
    s->gateway = gateway;
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    STAILQ_INIT(&s->answers);
    SLIST_INIT(&s->links);
    s->last_in_ms = ww_hj212_now_ms();
    bufferevent_setcb(s->bev, on_read, on_written_out, on_event, s);
    bufferevent_setwatermark(s->bev, EV_READ, 0, HJ212_READ_AHEAD);
    evbuffer_add_cb(bufferevent_get_input(s->bev), on_input, s);
    if (!ww_path_catalog(gateway->path))
        s->pauses |= PAUSE_WORLD;
    bufferevent_disable(s->bev, EV_WRITE); /* until the socket does not take all at once */
    apply_reading(s);
    return s;
}

void ww_hj212_session_retire(struct session *s, const char *why) {
    if (s->state == SESSION_RETIRED)
        return;
    if (why)
        ww_log(WW_LOG_INFO, "hj212=cut peer=%s reason=\"%s\"", s->peer, why);
    ww_hj212_garbage_sum_up(s, true);
    if (s->pauses & PAUSE_FULL)
        s->gateway->counters.paused--;
    if (s->state == SESSION_ENDED)
        s->gateway->n_ended--;
    s->state = SESSION_RETIRED;
    ww_hj212_station_unlink_all(s);
    bufferevent_disable(s->bev, EV_READ | EV_WRITE);
    ww_hj212_gateway_forget(s);
}

void ww_hj212_session_free(struct session *s) {
    if (!s->is_mute && evbuffer_get_length(bufferevent_get_output(s->bev)) > 0)
        write_at_once(s); /* once: whoever does not read now has had the time */
    bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
    bufferevent_free(s->bev);
    if (s->inlet)
        ww_inlet_free(s->inlet); /* what it holds is still stored */
    struct answer *a;
    while ((a = STAILQ_FIRST(&s->answers))) {
        STAILQ_REMOVE_HEAD(&s->answers, next);
        ww_free(a);
    }
    ww_hj212_station_unlink_all(s);
    ww_free(s->wait);
    ww_free(s);
}
