/* The one path: bytes → decode → locate → judge → commit → answer.
 *
 * Live feeds, replays and re-submitted dead letters all come through here. Submissions are
 * decoded and placed at once, then wait in a bounded queue; one writer takes all that wait,
 * judges them and commits them in ONE transaction (group commit) with alert transitions,
 * outbox rows, dead letters and ledger leaves. The callback says WW_OK only after COMMIT.
 *
 * Optimistic: rows newer than all that is known of their datastream are COPYed straight into
 * observation, where the primary key is the judge; everything else goes through a staging table
 * that tells duplicates and corrections apart. When a commit fails or its outcome is unknown,
 * the submissions are answered WW_UNAVAILABLE and the judging state is rebuilt from the
 * database, as at start. One thread (the event loop's).
 */
#ifndef WW_INGEST_PATH_H
#define WW_INGEST_PATH_H

#include <event2/event.h>

#include "ingest/decode/batch.h"
#include "sql/pg.h"

struct ww_catalog; /* ingest/catalog.h */
struct ww_located; /* ingest/locate.h */
struct ww_path;

struct ww_path_options {
    const char *conninfo;
    size_t max_waiting_bytes; /* bodies and batches waiting or being written; 0 = 256 MiB → WW_BUSY */
    size_t max_group_rows;    /* rows of one transaction; 0 = 100 000 */
};

/* Opens its own connections; not usable before ww_path_is_ready. */
struct ww_path *ww_path_new(struct event_base *base, const struct ww_path_options *options);
/* Answers what waits and what is being written WW_UNAVAILABLE; what is being decoded gets no answer. */
void ww_path_free(struct ww_path *path);
bool ww_path_is_ready(const struct ww_path *path);
const char *ww_path_why_not_ready(const struct ww_path *path); /* "" when ready */
/* Stops taking submissions, answers what waits, then calls `on_idle`. */
void ww_path_drain(struct ww_path *path, void (*on_idle)(void *arg), void *arg);

struct ww_submission {
    struct ww_str feed;
    struct ww_str content_type;
    struct ww_str body; /* must stay until the callback */
    const char *peer;
    int32_t account_id; /* 0 = none */
    bool must_keep;     /* from a device that can't be told: what can't be read becomes one dead letter, never
                           WW_BAD_INPUT */
};

struct ww_receipt {
    int64_t raw_message_id;
    uint64_t received, stored, corrections, duplicates, dead;
    const struct ww_dead_row *dead_rows; /* the first 100; live until the callback returns */
    size_t n_dead_rows;
};

/* `receipt` is NULL unless WW_OK. Never called from inside ww_path_submit. */
typedef void (*ww_path_cb)(void *arg, enum ww_status status, const struct ww_receipt *receipt,
                           const struct ww_error *err);

/* Submissions of one feed are taken in their order; feeds take turns by the rows that they bring, and what
 * one feed may have waiting shrinks as the room does, so that a flood leaves room for the others (WW_BUSY for
 * the feed that is over its share or over its own rate). Anything but WW_OK: refused at once, `err` says why,
 * the callback is not called. */
enum ww_status ww_path_submit(struct ww_path *path, const struct ww_submission *submission, ww_path_cb cb,
                              void *arg, struct ww_error *err) WW_MUST_CHECK;

/* Rows that were just committed, as they were located; `outcome` (enum ww_row_outcome, ingest/health.h): one
 * a row, NULL when all were stored. Valid until the callback returns. */
struct ww_stored_rows {
    const struct ww_catalog *catalog;
    const struct ww_batch *batch;
    const struct ww_located *located;
    const uint8_t *outcome;
};

/* on_change: told after each load of the world (start, changed feeds, stations, rules; recovery), and when
 * the path begins or ceases to take submissions; from the loop, never from inside a call. on_stored: after
 * each COMMIT, once a submission; it must not submit. Either may be NULL. The listener stays the caller's. */
struct ww_path_listener {
    void (*on_change)(void *arg);
    void (*on_stored)(void *arg, const struct ww_stored_rows *rows);
    void *arg;
    struct ww_path_listener *next; /* the path's */
};
void ww_path_listen(struct ww_path *path, struct ww_path_listener *listener);
void ww_path_unlisten(struct ww_path *path, struct ww_path_listener *listener);
/* What the path knows of the district; NULL before the first load. Valid until the end of the turn. */
const struct ww_catalog *ww_path_catalog(const struct ww_path *path);

/* Totals since start: received = stored + duplicates + dead + in_flight + refused, at all times. */
struct ww_path_counters {
    uint64_t received, stored, corrections, duplicates, dead, refused, in_flight;
    uint64_t messages, commits, fast_commits, failed_commits, rebuilds, late, alerts_opened, alerts_cleared;
    uint64_t muted_by_rain, muted_by_maintenance; /* signals that were kept back */
    uint64_t outside_wards;
    uint64_t looks; /* of live scans */
    size_t waiting_bytes;
    uint32_t things, datastreams, wards, rules, open_alerts;
};
void ww_path_get_counters(const struct ww_path *path, struct ww_path_counters *out);
/* How the senders are (ingest/health.h); NULL before the first load. Valid until the end of the turn. */
struct ww_health;
const struct ww_health *ww_path_health(const struct ww_path *path);
/* Per feed: calls `each` for every feed that is known. */
void ww_path_each_feed(const struct ww_path *path,
                       void (*each)(void *arg, const char *feed, const struct ww_path_counters *counters),
                       void *arg);

#endif
