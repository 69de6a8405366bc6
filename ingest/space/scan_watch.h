/* One scan rule, live: counts of events by place and day, the clusters in them now, and which of those are
 * alerts.
 *
 *   st = ww_scan_watch_new(&setup, today, &watch, &err);
 *   ww_scan_watch_count(watch, spot, day, 1);              // the past, then each event as it comes
 *   ww_scan_watch_begin(watch, today, &known);             // takes what came
 *   ww_scan_watch_look(watch);                             // on a worker: tens of milliseconds to a second
 *   ww_scan_watch_decide(watch, now_us, heard, actions);   // on the loop: what becomes of the alerts
 *
 * Pure: no clock, no database. Between begin and decide only `count` may be called: events that come
 * meanwhile are kept for the next look. Days are days since 1970-01-01 in the district's time. State is a
 * function of the counts and of the day: a watch that is built anew from stored events goes on with the same
 * numbers, and the same counts, day and seed give the same p.
 *
 * How often. A look is taken whenever events have come, so that a cluster is told within seconds, but the
 * stated recurrence interval counts days: `recurrence = 1 / (p · looks)`. Expectation-based and Poisson:
 * today's expectation is that of the whole day, so that a zone's ratio can only grow until midnight, the
 * day's last look is its highest, and all looks of a day are as one (looks = 1). Permutation: each look is
 * conditioned on what has come so far, and the highest of a day is as one of `looks` days: 2, measured
 * (tests/bench/scan_rate_bench.c).
 *
 * Expectation-based: expectations are learned from the days before the longest window, and the replicas are
 * as uncertain as such a baseline is (geo/scan/judge.c).
 */
#ifndef WW_INGEST_SPACE_SCAN_WATCH_H
#define WW_INGEST_SPACE_SCAN_WATCH_H

#include "geo/base/json_writer.h"
#include "geo/place.h"
#include "geo/scan/scan.h"
#include "ingest/space/known.h"
#include "ingest/space/scan_rule.h"

/* A place that events are counted at. */
struct ww_scan_spot {
    int64_t id;        /* of the ward, thing or reach; 0: a hexagon */
    struct ww_str key; /* ward code, hexagon's name, thing's key, reach's code */
    struct ww_place at;
    uint32_t ward_id;  /* 0 = none */
    double population; /* Poisson */
};

struct ww_scan_watch_setup {
    int32_t rule_id, version, severity;
    struct ww_str code, config; /* of the rule */
    struct ww_scan_rule how;
    const struct ww_scan_spot *spots;
    uint32_t n_spots;
    struct ww_scan_lists lists; /* adjacent: who touches whom; river: who flows into whom */
};

struct ww_scan_watch;
/* Copies all. WW_BAD_INPUT: places without coordinates, or without a population. */
enum ww_status ww_scan_watch_new(const struct ww_scan_watch_setup *setup, int64_t today,
                                 struct ww_scan_watch **out, struct ww_error *err) WW_MUST_CHECK;
void ww_scan_watch_free(struct ww_scan_watch *watch); /* NULL is allowed */

/* n events (negative: taken back). Days before what is remembered are passed over; a later day than today's
 * counts as today. False: too many wait, build the watch anew. */
bool ww_scan_watch_count(struct ww_scan_watch *watch, uint32_t spot, int64_t day, int32_t n);
/* Events wait, or a new day has begun. */
bool ww_scan_watch_is_due(const struct ww_scan_watch *watch, int64_t today);

/* `known`: up to where what was counted is all; an explanation says it. */
void ww_scan_watch_begin(struct ww_scan_watch *watch, int64_t today, const struct ww_known *known);
void ww_scan_watch_look(struct ww_scan_watch *watch);
/* Makes room for more events without a look: what came is counted, and the next look is due as before. */
void ww_scan_watch_absorb(struct ww_scan_watch *watch, int64_t today);
/* Asked in the middle of looks, every few milliseconds: true ends the look, which then has trouble. */
void ww_scan_watch_stop_when(struct ww_scan_watch *watch, bool (*stop)(void *arg), void *arg);

/* Adds the actions for alert_apply and alert_note (objects with commas between them) to `actions`. `heard`:
 * since the last look somebody whose events we count has sent something: silence clears nothing. */
struct ww_scan_moves {
    uint32_t opened, updated, cleared;
    uint32_t muted[WW_MUTE_REASONS];
};
struct ww_scan_moves ww_scan_watch_decide(struct ww_scan_watch *watch, int64_t now_us, bool heard,
                                          struct ww_buf *actions);
/* Asked before an alert opens: is a cluster muted? As ww_mutes_find; without one nothing ever is. */
typedef struct ww_mute (*ww_scan_gate)(void *arg, const struct ww_mute_subject *subject, int64_t at_us,
                                       int64_t just_us);
void ww_scan_watch_set_gate(struct ww_scan_watch *watch, ww_scan_gate gate, void *arg);
/* A cluster of that ward is recorded as muted, and has not ended. */
void ww_scan_watch_take_muted(struct ww_scan_watch *watch, int64_t ward);
/* Why the last look gave nothing; "" when it did. */
const char *ww_scan_watch_trouble(const struct ww_scan_watch *watch);

/* An alert that is open in the database: its subject, when it was last seen, its members as the explanation
 * has them (a JSON array of objects with "key"), and the look at which it was largest (`looked_at`, `known`;
 * "": not told). */
void ww_scan_watch_take_open(struct ww_scan_watch *watch, int64_t ward, int64_t last_us, double peak,
                             struct ww_str members, struct ww_str peak_look);
void ww_scan_watch_forget_alerts(struct ww_scan_watch *watch);
uint32_t ww_scan_watch_open_count(const struct ww_scan_watch *watch);
/* Alerts that are open or muted: to be decided about again as time goes by. */
bool ww_scan_watch_has_pending(const struct ww_scan_watch *watch);

/* ---- What the last look saw ---- */

struct ww_scan_seen {
    struct ww_scan_cluster is;
    double recurrence_days; /* looks taken into account */
    const uint32_t *spot;   /* [is.length] members */
    const uint32_t *cases;  /* [is.length] of each within the window */
    uint32_t ward_id;       /* where most of its cases are */
    int64_t first_day, last_day;
};
uint32_t ww_scan_watch_seen(const struct ww_scan_watch *watch, const struct ww_scan_seen **out);

#endif
