/* Inside of computing alerts again: recompute.c knows what is stored and compares, recompute_readings.c runs
 * the judge, recompute_senders.c health. Only they include this.
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
    int64_t opened_us, cleared_us, last_us, peak_us, count;
    double last, peak;
    struct ww_str explanation;
    bool is_raised; /* from another rule's alert: what it had before stays in opened_at and severity */
    int64_t open_count;
    double open_last, open_peak;
    bool is_joined;         /* other rules saw the event too */
    int64_t told_opened_us; /* opened_at as the row says it; opened_us is by the event */
};

struct version {
    struct ww_rule_row rule;
    bool enabled;
    int64_t since_us;
};

struct recompute {
    struct ww_pg_sync *sync; /* inside a READ ONLY transaction */
    struct ww_arena *arena;
    struct ww_recomputed *out;
    struct ww_error *err;
    struct stored_alert alert;
    struct version *versions; /* that of the alert and those after it */
    uint32_t n_versions;
    struct ww_alert_log *log; /* what they make of it */
};

/* Each runs the alert's rule over what was known, into the log. */
enum ww_status recompute_by_readings(struct recompute *c) WW_MUST_CHECK;
enum ww_status recompute_by_messages(struct recompute *c) WW_MUST_CHECK;

/* The alert that is looked at, as far as it has come; NULL before it opened. */
const struct ww_logged_alert *recompute_find(const struct recompute *c);

#endif
