/* The hub of the event stream: see sse_hub.h for how events travel. */
#include "server/sse_hub.h"

#include <inttypes.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/buf.h"
#include "geo/base/log.h"

#define RING_EVENTS   10000
#define READ_EVENTS   1000 /* rows of one look into the database */
#define EVENT_CEILING ((size_t)64 << 10)
#define TILES_BACKLOG ((size_t)64 << 10) /* waiting bytes beyond which a reader is spared news of tiles */
#define ON_CONNECT    "SET timezone = 'UTC'; LISTEN ww_alert; LISTEN ww_catalog"

struct ring_event {
    int64_t id;
    int32_t ward_id;    /* 0 = outside all wards */
    struct ww_str text; /* owned */
};

enum reader_state {
    READER_LIVE,     /* has all there is; falling behind by the ceiling cuts it */
    READER_CATCHING, /* fed from the ring as it drains */
};

struct reader {
    struct reader *prev, *next; /* in hub->readers */
    struct ww_sse_hub *hub;
    struct ww_http_request *req;
    int64_t sent; /* all events up to this id were sent or are not its to see */
    enum reader_state state;
    bool anonymous, wants_tiles, missed_tiles;
    int32_t account_id; /* 0 = anonymous */
    unsigned char hash[32];
};

struct ww_sse_hub {
    struct ww_sse_options options;
    struct ww_pg *pg;
    struct event *heart;
    struct ring_event *ring; /* [RING_EVENTS], from `first` on, in id order */
    uint32_t first, count;
    int64_t evicted; /* ids up to this one are not in the ring */
    int64_t last_id;
    bool started; /* `evicted` is known */
    bool ready, reading, again, closed, freed;
    struct reader *readers;
    void (*on_events)(void *arg);
    void *on_events_arg;
    struct ww_sse_counters counters;
};

/* ---- The ring ---- */

static struct ring_event *ring_at(const struct ww_sse_hub *hub, uint32_t index) {
    return &hub->ring[(hub->first + index) % RING_EVENTS];
}

/* The index of the first event with a higher id; count when there is none. */
static uint32_t ring_after(const struct ww_sse_hub *hub, int64_t id) {
    uint32_t low = 0, high = hub->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ring_at(hub, middle)->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void ring_add(struct ww_sse_hub *hub, int64_t id, int32_t ward_id, struct ww_str text) {
    if (hub->count == RING_EVENTS) {
        struct ring_event *oldest = ring_at(hub, 0);
        hub->evicted = oldest->id;
        ww_free((char *)(uintptr_t)oldest->text.ptr);
        hub->first = (hub->first + 1) % RING_EVENTS;
        hub->count--;
    }
    *ring_at(hub, hub->count++) = (struct ring_event){id, ward_id, text};
    hub->last_id = id;
    hub->counters.events++;
}

static void ring_clear(struct ww_sse_hub *hub) {
    for (uint32_t i = 0; i < hub->count; i++)
        ww_free((char *)(uintptr_t)ring_at(hub, i)->text.ptr);
    hub->count = 0;
}

/* ---- Readers ---- */

/* NULL also for one whose account may only send now: events are not for it. */
static const struct ww_account *account_of(const struct reader *r) {
    const struct ww_account *account =
        r->anonymous ? NULL : ww_accounts_by_hash(r->hub->options.accounts, r->hash);
    return account && account->role != WW_ROLE_FEED ? account : NULL;
}

/* Takes the reader off; its request must be answered by the caller. */
static struct ww_http_request *remove_reader(struct reader *r) {
    struct ww_http_request *req = r->req;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->hub->readers = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->hub->counters.streams--;
    ww_http_on_gone(req, NULL, NULL);
    ww_free(r);
    return req;
}

static void cut(struct reader *r) {
    r->hub->counters.cut++;
    ww_http_stream_abort(remove_reader(r));
}

/* Whether the reader is still there after a write. One whose peer has gone was removed by on_gone. */
static bool stays(struct reader *r, enum ww_status written) {
    if (written != WW_OK && written != WW_NOT_FOUND)
        cut(r);
    return written == WW_OK;
}

static void end_session(struct reader *r) {
    struct ww_http_request *req = remove_reader(r);
    if (ww_http_stream_write(req, WW_STR("event: session_end\ndata: {}\n\n")) == WW_OK)
        ww_http_stream_end(req);
    else
        ww_http_stream_abort(req);
}

static void on_gone(void *arg) {
    ww_http_stream_abort(remove_reader(arg));
}

static void on_drain(void *arg);

/* Tells a reader that it can't be brought up to date event by event. */
static enum ww_status send_reset(struct reader *r) {
    char text[128];
    int64_t newest = r->hub->last_id;
    int len =
        snprintf(text, sizeof text, "id: %" PRId64 "\nevent: reset\ndata: {\"newest_id\":%" PRId64 "}\n\n",
                 newest, newest);
    r->hub->counters.resets++;
    r->sent = newest;
    return ww_http_stream_write(r->req, (struct ww_str){text, (size_t)len});
}

/* Sends all that the reader has not got yet, as far as it drains. May remove it. */
static void pump(struct reader *r) {
    struct ww_sse_hub *hub = r->hub;
    const struct ww_account *account = account_of(r);
    bool lagged = ww_http_stream_waiting(r->req) > 0;
    if (!account && !r->anonymous) {
        end_session(r);
        return;
    }
    if (r->sent < hub->evicted && !stays(r, send_reset(r)))
        return;
    for (uint32_t i = ring_after(hub, r->sent); i < hub->count; i++) {
        const struct ring_event *event = ring_at(hub, i);
        if (!account || ww_account_sees_ward(account, event->ward_id)) {
            enum ww_status st = ww_http_stream_write(r->req, event->text);
            /* Many events at once are no fault of a reader that had taken all before them. */
            if (st == WW_BUSY && (r->state == READER_CATCHING || !lagged)) {
                r->state = READER_CATCHING;
                ww_http_on_drain(r->req, on_drain, r);
                return;
            }
            if (!stays(r, st))
                return;
            hub->counters.sent++;
        }
        r->sent = event->id;
    }
    r->state = READER_LIVE;
}

static void on_drain(void *arg) {
    struct reader *r = arg;
    const bool missed = r->missed_tiles;
    r->missed_tiles = false;
    if (missed &&
        !stays(r, ww_http_stream_write(
                      r->req, WW_STR("event: tiles\ndata: {\"layer\":\"\",\"tiles\":[\"0/0/0\"]}\n\n"))))
        return;
    pump(r);
}

void ww_sse_hub_on_events(struct ww_sse_hub *hub, void (*cb)(void *arg), void *arg) {
    hub->on_events = cb;
    hub->on_events_arg = arg;
}

void ww_sse_hub_tell_tiles(struct ww_sse_hub *hub,
                           struct ww_str (*text_for)(void *arg, const struct ww_account *account),
                           void *arg) {
    for (struct reader *r = hub->readers, *next; r; r = next) {
        const struct ww_account *account = account_of(r);
        next = r->next;
        if (!r->wants_tiles || (!account && !r->anonymous))
            continue;
        if (r->missed_tiles)
            continue;
        const struct ww_str text = text_for(arg, account);
        if (text.len == 0)
            continue;
        if (ww_http_stream_waiting(r->req) > TILES_BACKLOG) {
            r->missed_tiles = true;
            ww_http_on_drain(r->req, on_drain, r);
            continue;
        }
        (void)stays(r, ww_http_stream_write(r->req, text));
    }
}

static void pump_live(struct ww_sse_hub *hub) {
    for (struct reader *r = hub->readers, *next; r; r = next) {
        next = r->next;
        if (r->state == READER_LIVE)
            pump(r);
    }
}

static void on_accounts_changed(void *arg) {
    struct ww_sse_hub *hub = arg;
    for (struct reader *r = hub->readers, *next; r; r = next) {
        next = r->next;
        if (!r->anonymous && !account_of(r))
            end_session(r);
    }
}

/* ---- Joining ---- */

static void refuse(struct ww_http_request *req, int http_status, enum ww_status status, const char *message) {
    struct ww_error err;
    ww_error_set(&err, status, "%s", message);
    ww_http_respond_error(req, http_status, &err);
}

static int count_of_account(const struct ww_sse_hub *hub, int32_t account_id) {
    int n = 0;
    for (const struct reader *r = hub->readers; r; r = r->next)
        n += r->account_id == account_id;
    return n;
}

static bool may_join(const struct ww_sse_hub *hub, struct ww_http_request *req, int32_t account_id) {
    int most = account_id ? hub->options.max_per_account : hub->options.max_streams / 2;
    if (hub->closed || !hub->ready) {
        refuse(req, 503, WW_UNAVAILABLE,
               hub->closed ? "the server is stopping" : "events are not loaded yet");
        return false;
    }
    if (hub->counters.streams >= hub->options.max_streams) {
        refuse(req, 503, WW_BUSY, "too many event streams are open");
        return false;
    }
    if (count_of_account(hub, account_id) >= most) {
        refuse(req, 429, WW_BUSY, "this account has too many event streams open");
        return false;
    }
    return true;
}

void ww_sse_hub_join(struct ww_sse_hub *hub, struct ww_http_request *req, const unsigned char *hash,
                     int64_t resume_after, bool wants_tiles) {
    const struct ww_account *account = hash ? ww_accounts_by_hash(hub->options.accounts, hash) : NULL;
    if (hash && !account) {
        refuse(req, 401, WW_DENIED, "the token is unknown, expired or revoked");
        return;
    }
    if (!may_join(hub, req, account ? account->id : 0))
        return;
    if (ww_http_is_gone(req)) {
        refuse(req, 503, WW_UNAVAILABLE, "the reader has gone");
        return;
    }
    struct reader *r = ww_try_calloc(1, sizeof *r);
    if (!r) {
        refuse(req, 503, WW_NO_MEMORY, "no memory for another stream");
        return;
    }
    r->hub = hub;
    r->req = req;
    r->anonymous = !hash;
    r->wants_tiles = wants_tiles;
    r->account_id = account ? account->id : 0;
    if (hash)
        memcpy(r->hash, hash, sizeof r->hash);
    r->next = hub->readers;
    if (r->next)
        r->next->prev = r;
    hub->readers = r;
    hub->counters.streams++;
    hub->counters.joined++;

    ww_http_add_header(req, "X-Accel-Buffering", "no"); /* nginx would hold events back */
    ww_http_stream_begin(req, 200, "text/event-stream; charset=utf-8");
    ww_http_on_gone(req, on_gone, r);
    r->state = READER_CATCHING;
    r->sent = resume_after < 0 ? hub->last_id : resume_after;
    if (!stays(r, ww_http_stream_write(req, WW_STR("retry: 2000\n\n"))))
        return;
    /* An id from the future is from another database, or from before a restore. */
    if (r->sent > hub->last_id && !stays(r, send_reset(r)))
        return;
    pump(r);
}

/* ---- From the database ---- */

static void read_more(struct ww_sse_hub *hub);
static void destroy(struct ww_sse_hub *hub);

static bool add_row(struct ww_sse_hub *hub, const struct ww_pg_result *r, int row) {
    struct ww_buf text;
    int64_t id = ww_pg_i64(r, row, 0);
    struct ww_str kind = ww_pg_str(r, row, 2), data = ww_pg_str(r, row, 3);
    ww_buf_init(&text, EVENT_CEILING);
    ww_buf_printf(&text, "id: %" PRId64 "\nevent: %.*s\ndata: ", id, WW_STR_ARG(kind));
    ww_buf_str_add(&text, data);
    ww_buf_text(&text, "\n\n");
    enum ww_status st = ww_buf_status(&text);
    if (st != WW_OK) {
        ww_buf_clear(&text);
        ww_log(WW_LOG_WARN, "sse=event_not_kept id=%" PRId64 " reason=%s", id, ww_status_name(st));
        if (st != WW_TOO_LARGE)
            return false;
        /* It would stand in the way of all that follow: readers are reset, and look at the alerts anew. */
        ring_clear(hub);
        hub->evicted = hub->last_id = id;
        return true;
    }
    ring_add(hub, id, (int32_t)ww_pg_i64(r, row, 1), ww_buf_str(&text)); /* the ring owns the bytes now */
    return true;
}

static void on_events(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct ww_sse_hub *hub = arg;
    if (hub->freed) {
        destroy(hub);
        return;
    }
    hub->reading = false;
    if (status != WW_OK) {
        ww_log(WW_LOG_WARN, "sse=events_not_read reason=\"%s\"", err->message);
        return; /* the next beat, or the next connection, looks again */
    }
    int rows = ww_pg_rows(r);
    bool whole = true;
    for (int i = 0; i < rows && whole; i++)
        whole = add_row(hub, r, i);
    if (whole && rows < READ_EVENTS)
        hub->ready = true;
    pump_live(hub);
    if (hub->on_events && rows > 0)
        hub->on_events(hub->on_events_arg);
    if (whole && (rows == READ_EVENTS || hub->again))
        read_more(hub);
}

static void on_start(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct ww_sse_hub *hub = arg;
    if (hub->freed) {
        destroy(hub);
        return;
    }
    hub->reading = false;
    if (status != WW_OK) {
        ww_log(WW_LOG_WARN, "sse=events_not_read reason=\"%s\"", err->message);
        return;
    }
    hub->evicted = ww_pg_i64(r, 0, 0);
    hub->last_id = hub->evicted;
    hub->started = true;
    read_more(hub);
}

/* Looks for events above the last id; while a look is under way, another follows it. */
static void read_more(struct ww_sse_hub *hub) {
    struct ww_pg_args args;
    if (hub->reading) {
        hub->again = true;
        return;
    }
    hub->again = false;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, hub->started ? hub->last_id : RING_EVENTS);
    if (hub->started)
        ww_pg_arg_i64(&args, READ_EVENTS);
    enum ww_status st = hub->started
                            ? ww_pg_query(hub->pg, ww_sql_find("api_events_after"), &args, on_events, hub)
                            : ww_pg_query(hub->pg, ww_sql_find("api_event_start"), &args, on_start, hub);
    ww_pg_args_clear(&args);
    hub->reading = st == WW_OK;
}

static void on_notify(void *arg, struct ww_str channel, struct ww_str payload) {
    struct ww_sse_hub *hub = arg;
    if (hub->closed)
        return;
    if (ww_str_is(channel, "ww_alert"))
        read_more(hub);
    else if (ww_str_is(payload, "account") || ww_str_is(payload, "token") || ww_str_is(payload, "membership"))
        ww_accounts_reload(hub->options.accounts);
}

/* What was notified while the connection was down is unknown: look at everything again. */
static void on_state(void *arg, struct ww_pg *pg, bool up) {
    struct ww_sse_hub *hub = arg;
    (void)pg;
    if (!up || hub->closed)
        return;
    ww_accounts_reload(hub->options.accounts);
    read_more(hub);
}

/* ---- Beating ---- */

static void on_beat(evutil_socket_t fd, short what, void *arg) {
    struct ww_sse_hub *hub = arg;
    (void)fd;
    (void)what;
    for (struct reader *r = hub->readers, *next; r; r = next) {
        next = r->next;
        if (!r->anonymous && !account_of(r))
            end_session(r);
        else if (r->state == READER_LIVE)
            (void)stays(r, ww_http_stream_write(r->req, WW_STR(":\n\n")));
    }
    read_more(hub);
}

/* ---- Life ---- */

struct ww_sse_hub *ww_sse_hub_new(struct event_base *base, const struct ww_sse_options *options) {
    struct ww_sse_hub *hub = ww_must_calloc(1, sizeof *hub);
    hub->options = *options;
    hub->options.conninfo = NULL;
    if (!hub->options.max_streams)
        hub->options.max_streams = 5000;
    if (!hub->options.max_per_account)
        hub->options.max_per_account = 50;
    if (!hub->options.heartbeat_ms)
        hub->options.heartbeat_ms = 15000;
    hub->ring = ww_must_calloc(RING_EVENTS, sizeof *hub->ring);
    hub->heart = event_new(base, -1, EV_PERSIST, on_beat, hub);
    struct timeval beat = {hub->options.heartbeat_ms / 1000, hub->options.heartbeat_ms % 1000 * 1000};
    evtimer_add(hub->heart, &beat);
    struct ww_pg_options pg = {
        .conninfo = options->conninfo,
        .application = "wardwatch events",
        .on_connect = ON_CONNECT,
        .on_notify = on_notify,
        .notify_arg = hub,
    };
    hub->pg = ww_pg_new(base, &pg, on_state, hub);
    ww_accounts_on_change(options->accounts, on_accounts_changed, hub);
    return hub;
}

void ww_sse_hub_close(struct ww_sse_hub *hub) {
    hub->closed = true;
    while (hub->readers)
        ww_http_stream_end(remove_reader(hub->readers));
}

static void destroy(struct ww_sse_hub *hub) {
    ring_clear(hub);
    ww_free(hub->ring);
    ww_free(hub);
}

void ww_sse_hub_free(struct ww_sse_hub *hub) {
    if (!hub)
        return;
    ww_sse_hub_close(hub);
    ww_accounts_on_change(hub->options.accounts, NULL, NULL);
    event_free(hub->heart);
    ww_pg_free(hub->pg);
    /* An answer may still come, from inside the connection's own end. */
    if (hub->reading)
        hub->freed = true;
    else
        destroy(hub);
}

bool ww_sse_hub_is_ready(const struct ww_sse_hub *hub) {
    return hub->ready;
}

void ww_sse_hub_get_counters(const struct ww_sse_hub *hub, struct ww_sse_counters *out) {
    *out = hub->counters;
    out->last_event_id = hub->last_id;
}
