/* Back-test: what would a rule have raised, had it been switched on at `from`?
 *
 * The rule, of the database or a draft, gets a world of its own (load.c) and the code that runs live; what
 * that would tell the database goes into an alert_log. Three engines, as live (rule_kind.h):
 *
 * - Reading by reading (backtest.c): the stored readings go through the judge in the order in which they came
 *   in, superseded versions too: late readings are late again, corrections are corrections. `from` and `to`
 * are phenomenon times.
 * - Many places at once (backtest_space.c), and senders (backtest_senders.c): these go by the clock. A
 * simulated one runs from `from` to `to`; readings and messages come in at the moments at which they were
 * received, and between them the rule is looked at whenever it is due, no more often than `look_every_us`.
 *
 * What came before `from` and is remembered by the detector warms it up in silence, as after a start of the
 * server.
 *
 *   struct ww_backtest *bt;
 *   st = ww_backtest_open(conninfo, &rule, &bt, &err);      // connects, loads: the draft's mistakes are
 * found here st = ww_backtest_run(bt, &time, go_on, arg, &err);      // minutes, for years of minute values
 *   alerts = ww_alert_log_all(ww_backtest_alerts(bt), &n);
 *   ww_backtest_close(bt);
 *
 * Everything is read in one READ ONLY transaction on a connection of its own: one state of the database, and
 * nothing that is live can be touched. Memory: the catalog, the detector's states, a page of readings or
 * messages, the alerts. Blocks: not for the event loop. One thread at a time.
 */
#ifndef WW_INGEST_BACKTEST_H
#define WW_INGEST_BACKTEST_H

#include "ingest/alert_log.h"
#include "ingest/world.h"
#include "sql/pg.h"

/* A rule that raises more has no use, and would fill the memory. */
#define WW_BACKTEST_MOST_ALERTS 100000u
/* The first so many alerts of rules that go by the clock are explained. */
#define WW_BACKTEST_EXPLAINED 200u
/* The least look_every_us: that of a server's clock. */
#define WW_BACKTEST_LEAST_EVERY_US (WW_SECOND_US / 4)

struct ww_backtest;

/* WW_BAD_INPUT or WW_NOT_FOUND: the rule's mistake, `err->field` names the member. */
enum ww_status ww_backtest_open(const char *conninfo, const struct ww_rule_row *rule,
                                struct ww_backtest **out, struct ww_error *err) WW_MUST_CHECK;
void ww_backtest_close(struct ww_backtest *bt); /* NULL is allowed */

struct ww_backtest_time {
    int64_t from_us, to_us;
    /* Of rules that go by the clock: */
    int64_t look_every_us; /* 0: as ww_backtest_usual_every_us says */
    /* Each reading comes in at the end of what it measured, not when it was received: for archives that were
     * loaded later. Not for rules about senders, which are about that very difference: WW_BAD_INPUT. */
    bool by_phenomenon;
};
/* 0: the detector does not go by the clock. */
int64_t ww_backtest_usual_every_us(struct ww_str detector);

struct ww_backtest_progress {
    uint64_t readings;      /* that went through the detector, those that warm it up too */
    uint32_t done, watched; /* datastreams */
    uint64_t looks;
    int64_t clock_us; /* the simulated one; WW_INSTANT_NONE: there is none */
};
/* Asked after every page of readings, several times a second while a rule is looked at, and while PostgreSQL
 * works; false cancels: WW_BUSY, "cancelled". */
typedef bool (*ww_backtest_cb)(void *arg, const struct ww_backtest_progress *progress);
enum ww_status ww_backtest_run(struct ww_backtest *bt, const struct ww_backtest_time *time,
                               ww_backtest_cb go_on, void *arg, struct ww_error *err) WW_MUST_CHECK;

const struct ww_alert_log *ww_backtest_alerts(const struct ww_backtest *bt);
const struct ww_backtest_progress *ww_backtest_progress(const struct ww_backtest *bt);
/* "{1,2,3}": the datastreams that the rule watches. */
void ww_backtest_watched(const struct ww_backtest *bt, struct ww_buf *out);
/* The property that the rule's alerts have by themselves; "": that of their datastream. */
struct ww_str ww_backtest_property(const struct ww_backtest *bt);
/* The connection, inside the read-only transaction, for reports. */
struct ww_pg_sync *ww_backtest_sync(struct ww_backtest *bt);

#endif
