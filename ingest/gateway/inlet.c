/* Inlets: messages in order, handed to the path until they are committed. */
#include "ingest/gateway/inlet.h"

#include <assert.h>
#include <stdio.h>
#include <sys/queue.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"

enum {
    DEFAULT_INTAKE_BYTES = 64 << 20,
    DEFAULT_INLET_BYTES = 64 << 10,
    DEFAULT_INLET_MESSAGES = 64,
    RETRY_MS = 20,       /* the path is busy: a rate, a share */
    RETRY_DOWN_MS = 500, /* it is away: it tells when it is back; this is the belt to those braces */
    MESSAGE_COST = 256   /* of bookkeeping */
};

enum message_state { MESSAGE_WAITING, MESSAGE_SUBMITTED, MESSAGE_DONE };

struct message {
    struct message *next;
    struct ww_inlet *inlet;
    ww_inlet_cb cb;
    uint64_t tag;
    enum message_state state;
    int32_t account_id;
    struct ww_str feed, content_type, body; /* in `bytes` */
    size_t cost;
    enum ww_status status; /* when done */
    struct ww_receipt receipt;
    struct ww_error err;
    char bytes[];
};

struct ww_inlet {
    struct ww_intake *intake;
    TAILQ_ENTRY(ww_inlet) all;
    TAILQ_ENTRY(ww_inlet) room; /* of those that wait for room */
    TAILQ_ENTRY(ww_inlet) pump; /* of those with something to hand in or to release */
    struct message *head, *tail;
    uint32_t held;
    size_t held_bytes;
    uint32_t max_messages;
    size_t max_bytes;
    void (*on_room)(void *arg);
    void *arg;
    bool wants_room, wants_pump;
    bool is_releasing;
    bool is_detached; /* its owner is gone: no callbacks, freed when empty */
    char peer[64];
};

TAILQ_HEAD(inlet_list, ww_inlet);

struct ww_intake {
    struct event_base *base;
    struct ww_path *path;
    struct ww_path_listener listener;
    struct event *retry;
    struct event *soon; /* releases, room: never from inside a caller's call */
    struct inlet_list all, room, pump;
    uint32_t n_pump;
    size_t max_bytes;
    struct ww_intake_counters counters;
    void (*on_empty)(void *arg);
    void *on_empty_arg;
    bool is_closing;
};

/* ---- Fullness ---- */

static bool is_full(const struct ww_inlet *inlet) {
    const struct ww_intake *intake = inlet->intake;
    return inlet->held >= inlet->max_messages || inlet->held_bytes >= inlet->max_bytes ||
           (inlet->held > 0 && intake->counters.held_bytes >= intake->max_bytes) ||
           intake->counters.held_bytes >= 2 * intake->max_bytes;
}

/* Some slack, so that a socket isn't switched on and off with each message. */
static bool has_room(const struct ww_inlet *inlet) {
    return !is_full(inlet) && inlet->held <= inlet->max_messages / 2 &&
           inlet->held_bytes <= inlet->max_bytes / 2;
}

static void want_room(struct ww_inlet *inlet) {
    if (inlet->wants_room || inlet->is_detached)
        return;
    inlet->wants_room = true;
    TAILQ_INSERT_TAIL(&inlet->intake->room, inlet, room);
    inlet->intake->counters.full_inlets++;
}

static void forget_room(struct ww_inlet *inlet) {
    if (!inlet->wants_room)
        return;
    inlet->wants_room = false;
    TAILQ_REMOVE(&inlet->intake->room, inlet, room);
    inlet->intake->counters.full_inlets--;
}

bool ww_inlet_is_full(const struct ww_inlet *inlet) {
    bool full = is_full(inlet);
    if (full)
        want_room((struct ww_inlet *)(uintptr_t)inlet); /* who asks and hears yes waits for on_room */
    return full;
}

uint32_t ww_inlet_held(const struct ww_inlet *inlet) {
    return inlet->held;
}

static void act_soon(struct ww_intake *intake) {
    event_active(intake->soon, EV_TIMEOUT, 0);
}

static void want_pump(struct ww_inlet *inlet) {
    if (inlet->wants_pump)
        return;
    inlet->wants_pump = true;
    TAILQ_INSERT_TAIL(&inlet->intake->pump, inlet, pump);
    inlet->intake->n_pump++;
}

static void forget_pump(struct ww_inlet *inlet) {
    if (!inlet->wants_pump)
        return;
    inlet->wants_pump = false;
    TAILQ_REMOVE(&inlet->intake->pump, inlet, pump);
    inlet->intake->n_pump--;
}

/* ---- Releasing: callbacks in order ---- */

static void free_inlet(struct ww_inlet *inlet) {
    forget_room(inlet);
    forget_pump(inlet);
    TAILQ_REMOVE(&inlet->intake->all, inlet, all);
    inlet->intake->counters.inlets--;
    ww_free(inlet);
}

static struct message *take_head(struct ww_inlet *inlet) {
    struct message *m = inlet->head;
    inlet->head = m->next;
    if (!inlet->head)
        inlet->tail = NULL;
    inlet->held--;
    inlet->held_bytes -= m->cost;
    inlet->intake->counters.held_messages--;
    inlet->intake->counters.held_bytes -= m->cost;
    return m;
}

static void release(struct ww_inlet *inlet) {
    if (inlet->is_releasing)
        return;
    struct ww_intake *intake = inlet->intake;
    uint32_t before = inlet->held;
    inlet->is_releasing = true;
    while (inlet->head && inlet->head->state == MESSAGE_DONE) {
        struct message *m = take_head(inlet);
        if (m->status == WW_OK)
            intake->counters.committed++;
        else
            intake->counters.refused++;
        if (m->cb && !inlet->is_detached)
            m->cb(inlet->arg, m->tag, m->status, m->status == WW_OK ? &m->receipt : NULL,
                  m->status == WW_OK ? NULL : &m->err);
        ww_free(m);
    }
    inlet->is_releasing = false;
    bool released = inlet->held < before;
    if (inlet->is_detached && !inlet->head)
        free_inlet(inlet);
    /* Only when something changed: an event that activates itself again keeps the loop from its sockets. */
    if (!released)
        return;
    if (!TAILQ_EMPTY(&intake->room) || (intake->on_empty && intake->counters.held_messages == 0))
        act_soon(intake);
}

/* ---- Submitting ---- */

static void retry_later(struct ww_intake *intake, int ms) {
    if (evtimer_pending(intake->retry, NULL))
        return;
    const struct timeval delay = {ms / 1000, ms % 1000 * 1000};
    evtimer_add(intake->retry, &delay);
}

/* The world is down, or full: not the message's fault. */
static bool passes(enum ww_status status) {
    return status == WW_UNAVAILABLE || status == WW_BUSY || status == WW_NO_MEMORY || status == WW_CONFLICT;
}

static void finish(struct message *m, enum ww_status status, const struct ww_receipt *receipt,
                   const struct ww_error *err) {
    m->state = MESSAGE_DONE;
    m->status = status;
    if (receipt) {
        m->receipt = *receipt;
        m->receipt.dead_rows = NULL;
        m->receipt.n_dead_rows = 0;
    }
    if (err)
        m->err = *err;
    if (status != WW_OK)
        ww_log(WW_LOG_WARN, "message=refused feed=%.*s peer=%s status=%s reason=\"%s\"", WW_STR_ARG(m->feed),
               m->inlet->peer, ww_status_name(status), m->err.message);
}

static void on_path(void *arg, enum ww_status status, const struct ww_receipt *receipt,
                    const struct ww_error *err) {
    struct message *m = arg;
    struct ww_inlet *inlet = m->inlet;
    struct ww_intake *intake = inlet->intake;
    if (intake->is_closing)
        return;
    if (passes(status)) {
        m->state = MESSAGE_WAITING;
        intake->counters.retried++;
        want_pump(inlet);
        retry_later(intake, status == WW_UNAVAILABLE ? RETRY_DOWN_MS : RETRY_MS);
        return;
    }
    finish(m, status, receipt, err);
    release(inlet);
}

/* Hands in what waits, in order, until the path has had enough. False: try again later. */
static bool pump(struct ww_inlet *inlet) {
    struct ww_intake *intake = inlet->intake;
    for (struct message *m = inlet->head; m; m = m->next) {
        if (m->state != MESSAGE_WAITING)
            continue;
        struct ww_submission submission = {.feed = m->feed,
                                           .content_type = m->content_type,
                                           .body = m->body,
                                           .peer = inlet->peer,
                                           .account_id = m->account_id,
                                           .must_keep = true};
        struct ww_error err;
        enum ww_status st = ww_path_submit(intake->path, &submission, on_path, m, &err);
        if (st == WW_OK) {
            m->state = MESSAGE_SUBMITTED;
        } else if (passes(st)) {
            retry_later(intake, st == WW_UNAVAILABLE ? RETRY_DOWN_MS : RETRY_MS);
            return false;
        } else {
            finish(m, st, NULL, &err);
            want_pump(inlet); /* released from the loop */
            act_soon(intake);
        }
    }
    return true;
}

/* Each that wants it now, once: what still can't be handed in comes again with the next try. */
static void pump_all(struct ww_intake *intake) {
    for (uint32_t n = intake->n_pump; n > 0 && !TAILQ_EMPTY(&intake->pump); n--) {
        struct ww_inlet *inlet = TAILQ_FIRST(&intake->pump);
        forget_pump(inlet);
        if (!pump(inlet))
            want_pump(inlet);
        release(inlet);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_intake *intake = arg;
    pump_all(intake);
    if (!TAILQ_EMPTY(&intake->room))
        act_soon(intake);
}

static void on_path_change(void *arg) {
    struct ww_intake *intake = arg;
    evtimer_del(intake->retry);
    pump_all(intake);
    if (!TAILQ_EMPTY(&intake->room))
        act_soon(intake);
}

/* ---- From the loop ---- */

static void tell_room(struct ww_intake *intake) {
    for (uint32_t n = intake->counters.full_inlets; n > 0 && !TAILQ_EMPTY(&intake->room); n--) {
        struct ww_inlet *inlet = TAILQ_FIRST(&intake->room);
        forget_room(inlet);
        if (!has_room(inlet))
            want_room(inlet); /* behind the others */
        else if (inlet->on_room)
            inlet->on_room(inlet->arg);
    }
}

static void on_soon(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_intake *intake = arg;
    pump_all(intake);
    tell_room(intake);
    if (intake->on_empty && intake->counters.held_messages == 0) {
        void (*on_empty)(void *) = intake->on_empty;
        intake->on_empty = NULL;
        on_empty(intake->on_empty_arg);
    }
}

/* ---- Taking ---- */

static struct ww_str put_text(char **at, struct ww_str text) {
    struct ww_str copy = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

enum ww_status ww_inlet_take(struct ww_inlet *inlet, const struct ww_message *message, ww_inlet_cb cb,
                             uint64_t tag, struct ww_error *err) {
    struct ww_intake *intake = inlet->intake;
    assert(!inlet->is_detached);
    if (ww_inlet_is_full(inlet))
        return ww_error_set(err, WW_BUSY, "too much of this sender waits to be stored");
    size_t n = message->feed.len + message->content_type.len + message->body.len;
    struct message *m = ww_try_calloc(1, sizeof *m + n);
    if (!m) {
        want_room(inlet);
        retry_later(intake, RETRY_MS); /* nothing else may be held whose end would tell of room */
        return ww_error_set(err, WW_BUSY, "no memory for this message now");
    }
    char *at = m->bytes;
    m->inlet = inlet;
    m->cb = cb;
    m->tag = tag;
    m->account_id = message->account_id;
    m->feed = put_text(&at, message->feed);
    m->content_type = put_text(&at, message->content_type);
    m->body = put_text(&at, message->body);
    m->cost = sizeof *m + n + MESSAGE_COST;
    if (inlet->tail)
        inlet->tail->next = m;
    else
        inlet->head = m;
    inlet->tail = m;
    inlet->held++;
    inlet->held_bytes += m->cost;
    intake->counters.taken++;
    intake->counters.held_messages++;
    intake->counters.held_bytes += m->cost;
    /* Behind others that could not be handed in yet, it waits for their turn. */
    if (!inlet->wants_pump && !pump(inlet))
        want_pump(inlet);
    return WW_OK;
}

/* ---- Life ---- */

struct ww_inlet *ww_inlet_new(struct ww_intake *intake, const struct ww_inlet_options *options) {
    struct ww_inlet *inlet = ww_must_calloc(1, sizeof *inlet);
    inlet->intake = intake;
    inlet->max_messages = options->max_messages ? options->max_messages : DEFAULT_INLET_MESSAGES;
    inlet->max_bytes = options->max_bytes ? options->max_bytes : DEFAULT_INLET_BYTES;
    inlet->on_room = options->on_room;
    inlet->arg = options->arg;
    snprintf(inlet->peer, sizeof inlet->peer, "%s", options->peer ? options->peer : "");
    TAILQ_INSERT_TAIL(&intake->all, inlet, all);
    intake->counters.inlets++;
    return inlet;
}

void ww_inlet_free(struct ww_inlet *inlet) {
    if (!inlet)
        return;
    assert(!inlet->is_detached);
    forget_room(inlet);
    inlet->is_detached = true;
    if (!inlet->head && !inlet->is_releasing)
        free_inlet(inlet);
}

struct ww_intake *ww_intake_new(struct event_base *base, struct ww_path *path,
                                const struct ww_intake_options *options) {
    struct ww_intake *intake = ww_must_calloc(1, sizeof *intake);
    intake->base = base;
    intake->path = path;
    intake->max_bytes = options && options->max_bytes ? options->max_bytes : DEFAULT_INTAKE_BYTES;
    TAILQ_INIT(&intake->all);
    TAILQ_INIT(&intake->room);
    TAILQ_INIT(&intake->pump);
    intake->retry = evtimer_new(base, on_retry, intake);
    intake->soon = evtimer_new(base, on_soon, intake);
    assert(intake->retry && intake->soon);
    intake->listener = (struct ww_path_listener){.on_change = on_path_change, .arg = intake};
    ww_path_listen(path, &intake->listener);
    return intake;
}

void ww_intake_close(struct ww_intake *intake) {
    intake->is_closing = true;
    ww_path_unlisten(intake->path, &intake->listener);
}

void ww_intake_free(struct ww_intake *intake) {
    if (!intake)
        return;
    struct ww_inlet *inlet;
    while ((inlet = TAILQ_FIRST(&intake->all))) {
        while (inlet->head)
            ww_free(take_head(inlet));
        free_inlet(inlet);
    }
    event_free(intake->retry);
    event_free(intake->soon);
    ww_free(intake);
}

struct ww_path *ww_intake_path(const struct ww_intake *intake) {
    return intake->path;
}

void ww_intake_get_counters(const struct ww_intake *intake, struct ww_intake_counters *out) {
    *out = intake->counters;
}

void ww_intake_when_empty(struct ww_intake *intake, void (*cb)(void *arg), void *arg) {
    intake->on_empty = cb;
    intake->on_empty_arg = arg;
    act_soon(intake);
}
