/* What pull.c (the set of feeds) and pull_runner.c (one feed) share. Only these two include it. */
#ifndef WW_GATEWAY_PULL_INTERNAL_H
#define WW_GATEWAY_PULL_INTERNAL_H

#include <sys/queue.h>

#include "geo/base/arena.h"
#include "ingest/catalog.h"
#include "ingest/gateway/pull.h"
#include "ingest/gateway/pull_fetch.h"
#include "ingest/gateway/pull_round.h"

/* LOADING ─▶ WAITING ─▶ READY ─▶ FETCHING ─▶ STORING ─▶ SAVING ─▶ READY (the next page) | WAITING
 *                ▲                   │ (failed, nothing new)           STOPPED: after ww_pull_stop
 *                └───────────────────┘
 * READY: due, but the path takes nothing or too much is being fetched; in pull->ready. */
enum runner_state {
    RUNNER_LOADING,
    RUNNER_WAITING,
    RUNNER_READY,
    RUNNER_FETCHING,
    RUNNER_STORING,
    RUNNER_SAVING,
    RUNNER_STOPPED
};

/* What of a feed matters here, with memory of its own: catalogs come and go. */
struct pull_plan {
    struct ww_arena *arena;
    char feed[64];
    struct ww_pull_source source;
    struct ww_str content_type; /* of the feed's own format; "" = the answer says */
    enum ww_format format;
    struct ww_str records;
    struct ww_str key;  /* all of the above as bytes: equal keys, equal plans */
    char source_id[20]; /* hash of what a position belongs to: address and paging */
};
enum ww_status pull_plan_make(const struct ww_cat_feed *feed, struct pull_plan *out) WW_MUST_CHECK;
void pull_plan_clear(struct pull_plan *plan);

struct runner_call; /* a query under way */

struct runner {
    TAILQ_ENTRY(runner) all;
    TAILQ_ENTRY(runner) ready;
    struct ww_pull *pull;
    struct pull_plan plan;
    enum runner_state state;
    struct event *timer;
    struct ww_inlet *inlet;
    struct ww_pull_round round;
    struct ww_buf etag, last_modified; /* of the address that a round begins with */
    struct ww_buf new_etag, new_last_modified;
    struct ww_fetch *fetch;
    struct runner_call *call, *note; /* note: nobody waits for it */
    struct ww_error page_error;      /* the page at hand is to be stored, but leads nowhere */
    size_t page_bytes;
    uint32_t failures_in_a_row;
    bool in_round, is_wanted, is_reported;
    struct ww_pull_feed_state shown;
    char noted[160], noting[160]; /* pull_state.last_error: as it is, and as it is being written */
};
TAILQ_HEAD(runner_list, runner);

struct ww_pull {
    struct event_base *base;
    struct ww_intake *intake;
    struct ww_path *path;
    struct ww_pg_pool *pool;
    struct ww_fetcher *fetcher;
    struct ww_path_listener listener;
    struct runner_list all, ready;
    bool is_stopping;
};

/* ---- pull.c ---- */

/* Those that are due begin as far as there is room, in the order of waiting. */
void pull_wake(struct ww_pull *pull);
/* The zone of the feed in the catalog of this turn; NULL = UTC. */
const struct ww_zone *pull_zone_of(const struct ww_pull *pull, const char *feed);
int64_t pull_now_us(void);

/* ---- pull_runner.c ---- */

/* Takes over `plan`. */
struct runner *runner_new(struct ww_pull *pull, struct pull_plan *plan);
void runner_free(struct runner *runner);
/* In READY: begins, when there is room. False: there isn't. */
bool runner_begin(struct runner *runner);
/* The path takes again: an answer that stands still goes on. */
void runner_resume(struct runner *runner);
void runner_stop(struct runner *runner);

#endif
