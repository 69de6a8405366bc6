/* One back-test from its request to its report; the same for the command line and the API.
 *
 *   struct ww_backtest_request request;
 *   st = ww_backtest_request_read(arena, body, &request, &err);        // {"rule":"code" or {…}, "from":…,
 * "to":…} st = ww_backtest_report(conninfo, &request, go_on, arg, &json, &err);   // blocks
 */
#ifndef WW_SERVER_BACKTEST_JOB_H
#define WW_SERVER_BACKTEST_JOB_H

#include "ingest/backtest.h"

/* What a report takes at most: 100,000 alerts with their names. */
#define WW_BACKTEST_REPORT_CEILING ((size_t)128 << 20)

struct ww_backtest_request {
    struct ww_str code; /* of a rule that is there; or, empty, … */
    struct ww_rule_row draft;
    struct ww_backtest_time time;
};

/* Texts live in the arena. The error's field names the member: "from", "rule.config.fire". */
enum ww_status ww_backtest_request_read(struct ww_arena *arena, struct ww_str json,
                                        struct ww_backtest_request *out, struct ww_error *err) WW_MUST_CHECK;
/* The time asked for: `from` before `to`, no more than a century; looks no closer than a server's. */
enum ww_status ww_backtest_request_check(const struct ww_backtest_request *request,
                                         struct ww_error *err) WW_MUST_CHECK;

/* "arrival" or "phenomenon"; seconds. The error's field is the member of a request. */
enum ww_status ww_backtest_read_clock(struct ww_str word, struct ww_backtest_time *out,
                                      struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_backtest_read_every(double seconds, struct ww_backtest_time *out,
                                      struct ww_error *err) WW_MUST_CHECK;

/* Runs it and writes the report (docs/API.md, "Back-tests"). WW_BUSY "cancelled" when `go_on` said so. */
enum ww_status ww_backtest_report(const char *conninfo, const struct ww_backtest_request *request,
                                  ww_backtest_cb go_on, void *arg, struct ww_buf *out,
                                  struct ww_error *err) WW_MUST_CHECK;

#endif
