/* Alerts in memory: what alert_apply would have written, for actions that must not reach the database.
 *
 * Takes the same JSON actions, of whichever detector, and keeps of each alert when it opened and cleared and
 * how far it went; where asked also its explanation, the reasons that joined it, and what it was before
 * another rule took it over. One open alert a (rule, subject), as the judge has it.
 */
#ifndef WW_INGEST_ALERT_LOG_H
#define WW_INGEST_ALERT_LOG_H

#include "geo/base/arena.h"
#include "geo/base/buf.h"
#include "geo/base/status.h"

struct ww_logged_alert {
    int32_t rule_id;
    char kind[16]; /* of the subject: datastream, thing, feed … */
    char category[16];
    int64_t subject;
    int64_t ward_id; /* 0 = outside all wards */
    int severity;
    int64_t opened_us, cleared_us; /* cleared: WW_INSTANT_NONE while open */
    int64_t raised_us;             /* by the rule that has it now; else as opened_us */
    int64_t last_us, peak_us;      /* WW_INSTANT_NONE: the detector does not say */
    int64_t count;
    double last, peak;
    /* Of the opening itself, or of the raising, as the alert event says it. */
    int64_t open_count;
    double open_last, open_peak;
    struct ww_str explanation; /* empty unless kept, as … */
    struct ww_str latest;      /* … what was told of it last, and … */
    struct ww_str before;      /* … that which it had before it was raised, and … */
    struct ww_str joined[16];  /* … the reasons that joined, as JSON */
    uint32_t n_joined;
    uint32_t number; /* of its opening in the group of actions at hand; 0 = none */
};

struct ww_alert_log;

/* More than `most` alerts are WW_TOO_LARGE. `keeps_explanations`: each costs some hundred bytes. */
struct ww_alert_log *ww_alert_log_new(uint32_t most, bool keeps_explanations);
/* Keeps those of the first `n` alerts only. */
void ww_alert_log_explain_first(struct ww_alert_log *log, uint32_t n);
void ww_alert_log_free(struct ww_alert_log *log); /* NULL is allowed */
/* `actions`: a JSON array, as ww_judge_take_actions gives it; empty: nothing. */
enum ww_status ww_alert_log_apply(struct ww_alert_log *log, struct ww_str actions,
                                  struct ww_error *err) WW_MUST_CHECK;
/* In the order in which they opened; valid until the next apply. */
const struct ww_logged_alert *ww_alert_log_all(const struct ww_alert_log *log, uint32_t *count);

#endif
