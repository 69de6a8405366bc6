/* Inside of computing alerts again: recompute.c knows what is stored and compares; recompute_judge.c runs the
 * judge, recompute_senders.c health, recompute_space.c scans and hot spots. Only they include this.
 */
#ifndef WW_INGEST_RECOMPUTE_INTERNAL_H
#define WW_INGEST_RECOMPUTE_INTERNAL_H

#include "ingest/alert_log.h"
#include "ingest/recompute.h"
#include "ingest/world.h"
#include "sql/pg.h"

/* The row of the alert. */
struct stored_alert {
    int64_t id, subject, ward_id, severity;
    int32_t rule_id, rule_version;
    struct ww_str kind, detector, code;
    int64_t opened_us;      /* by the rule that has it: raised, if it was another's before … */
    int64_t told_opened_us; /* … and as the row says it */
    int64_t cleared_us, last_us, peak_us, count;
    double last, peak;
    struct ww_str explanation, latest; /* latest: "" = nothing was told later */
    int64_t open_count;
    double open_last, open_peak;
    struct ww_str before, joined; /* explanation of what it was; reasons that joined, an array; "": none */
    int64_t detected_us;          /* when it was committed, and … */
    int64_t clear_detected_us;    /* … when its clearing was */
};

struct recompute {
    struct ww_pg_sync *sync; /* inside a READ ONLY transaction */
    struct ww_arena *arena;
    struct ww_recomputed *out;
    struct ww_error *err;
    struct stored_alert alert;
    struct ww_rule_row rule;  /* in the version that the alert names */
    struct ww_alert_log *log; /* what becomes of it */
    bool clears_by_looks; /* when it cleared is no number that its explanation has: which looks found nothing
                             any more is not kept */
    ww_recompute_cb goes_on;
    void *arg;
};

/* Each runs what judged the alert over what was known, into the log. */
enum ww_status recompute_by_readings(struct recompute *c) WW_MUST_CHECK;
enum ww_status recompute_by_looks(struct recompute *c) WW_MUST_CHECK;
enum ww_status recompute_by_messages(struct recompute *c) WW_MUST_CHECK;

/* The alert's rule in another version. WW_CONFLICT: it was not kept. */
enum ww_status recompute_rule(struct recompute *c, int32_t version, struct ww_rule_row *out) WW_MUST_CHECK;
/* The alert that is looked at, as far as it has come; NULL before it opened. */
const struct ww_logged_alert *recompute_find(const struct recompute *c);
/* False: cancelled. */
bool recompute_goes_on(const struct recompute *c);

#endif
