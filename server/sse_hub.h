/* The event stream: alert events from the database to every reader who may see them.
 *
 * One connection listens to ww_alert. A notification only says "look": the hub reads the
 * rows of alert_event above the last id it knows, in id order. That is commit order, since writers
 * hold a lock from taking the id to COMMIT, so no lower id can appear later. Each event is
 * made into text once, kept in a ring of the last 10,000, and sent to each reader whose account
 * sees its ward at that moment: a membership taken away works at once.
 *
 *            LISTEN ww_alert                ring (10,000)
 *   database ───────────────▶ read > last ──▶ │ 7 │ 8 │ 9 │ ──▶ pump(reader): all ids > reader.sent
 *
 * A reader is a position in the ring. One that resumes, or gets many events at once, is fed as fast as it
 * drains (the HTTP layer cuts it when it takes nothing for 30 s); one that lets event after event pile up to
 * 256 KiB is cut and resumes by id. One timer beats for all, every 15 s.
 * One thread.
 */
#ifndef WW_SERVER_SSE_HUB_H
#define WW_SERVER_SSE_HUB_H

#include "server/accounts.h"

struct ww_sse_options {
    const char *conninfo;
    struct ww_accounts *accounts; /* reloaded when ww_catalog tells of account, token or membership */
    int max_streams;              /* 0 = 5 000 */
    int max_per_account; /* 0 = 50; all anonymous readers together count as one account with max_streams / 2
                          */
    int heartbeat_ms;    /* 0 = 15 000 */
};

struct ww_sse_hub *ww_sse_hub_new(struct event_base *base, const struct ww_sse_options *options);
/* Ends every stream and takes no new one. */
void ww_sse_hub_close(struct ww_sse_hub *hub);
void ww_sse_hub_free(struct ww_sse_hub *hub);
/* Events of the past are known, so that streams can resume. */
bool ww_sse_hub_is_ready(const struct ww_sse_hub *hub);

/* Answers the request with the stream. `hash` (of the token; NULL = anonymous) is looked up again for
 * every event. `resume_after` < 0: begin with what comes next. */
void ww_sse_hub_join(struct ww_sse_hub *hub, struct ww_http_request *req, const unsigned char *hash,
                     int64_t resume_after, bool wants_tiles);

/* One listener, told after alert events were read; NULL takes it away. */
void ww_sse_hub_on_events(struct ww_sse_hub *hub, void (*cb)(void *arg), void *arg);
/* Sends each reader that wants tiles what `text_for` writes for its account (NULL: anonymous); nothing when
 * that is empty. Such events have no id: after a gap a reader fetches all that it shows. One that has 64 KiB
 * waiting is left out of it, and told `{"layer":"","tiles":["0/0/0"]}` when it has drained. */
void ww_sse_hub_tell_tiles(struct ww_sse_hub *hub,
                           struct ww_str (*text_for)(void *arg, const struct ww_account *account), void *arg);

struct ww_sse_counters {
    int streams;
    uint64_t joined, events, sent, resets, cut;
    int64_t last_event_id;
};
void ww_sse_hub_get_counters(const struct ww_sse_hub *hub, struct ww_sse_counters *out);

#endif
