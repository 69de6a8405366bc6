/* Back-test: what would a rule have raised, had it been switched on at `from`?
 *
 * The rule, of the database or a draft, gets a world and a judge of its own (load.c, judge.c: the ones that
 * run live), and the stored readings go through it in the order in which they came in, superseded versions
 * too: late readings are late again, corrections are corrections. What the judge would tell the database goes
 * into an alert_log. The readings before `from` that the detector remembers warm it up in silence, as after a
 * start of the server.
 *
 *   struct ww_backtest *bt;
 *   st = ww_backtest_open(conninfo, &rule, &bt, &err);            // connects, loads: the draft's mistakes
 * are found here st = ww_backtest_run(bt, from_us, to_us, go_on, arg, &err);   // minutes, for years of
 * minute values alerts = ww_alert_log_all(ww_backtest_alerts(bt), &n); ww_backtest_close(bt);
 *
 * Everything is read in one READ ONLY transaction on a connection of its own: one state of the database, and
 * nothing that is live can be touched. Memory: the catalog, the detector's states, a page of readings, the
 * alerts. Blocks: not for the event loop. One thread at a time.
 */
#ifndef WW_INGEST_BACKTEST_H
#define WW_INGEST_BACKTEST_H

#include "ingest/alert_log.h"
#include "ingest/world.h"
#include "sql/pg.h"

/* A rule that raises more has no use, and would fill the memory. */
#define WW_BACKTEST_MOST_ALERTS 100000u

struct ww_backtest;

/* WW_BAD_INPUT or WW_NOT_FOUND: the rule's mistake, `err->field` names the member. */
enum ww_status ww_backtest_open(const char *conninfo, const struct ww_rule_row *rule,
                                struct ww_backtest **out, struct ww_error *err) WW_MUST_CHECK;
void ww_backtest_close(struct ww_backtest *bt); /* NULL is allowed */

struct ww_backtest_progress {
    uint64_t readings;      /* that went through the judge, those that warm it up too */
    uint32_t done, watched; /* datastreams */
};
/* Asked after every page of readings; false cancels: WW_BUSY, "cancelled". */
typedef bool (*ww_backtest_cb)(void *arg, const struct ww_backtest_progress *progress);
enum ww_status ww_backtest_run(struct ww_backtest *bt, int64_t from_us, int64_t to_us, ww_backtest_cb go_on,
                               void *arg, struct ww_error *err) WW_MUST_CHECK;

const struct ww_alert_log *ww_backtest_alerts(const struct ww_backtest *bt);
const struct ww_backtest_progress *ww_backtest_progress(const struct ww_backtest *bt);
/* "{1,2,3}": the datastreams that the rule watches. */
void ww_backtest_watched(const struct ww_backtest *bt, struct ww_buf *out);
/* The connection, inside the read-only transaction, for reports. */
struct ww_pg_sync *ww_backtest_sync(struct ww_backtest *bt);

#endif
