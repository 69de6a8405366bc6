/* Inside of back-tests: backtest.c opens, closes and runs rules that judge reading by reading,
 * backtest_space.c those about many places, backtest_senders.c those about senders. Only they include this.
 */
#ifndef WW_INGEST_BACKTEST_INTERNAL_H
#define WW_INGEST_BACKTEST_INTERNAL_H

#include "ingest/backtest.h"

struct ww_backtest {
    struct ww_pg_sync *sync;
    struct world *world;
    const struct ww_rule_kind *kind;
    bool
        is_joint; /* all series in one order: they are compared, or muted by rain that one of them tells of */
    struct ww_alert_log *alerts;
    uint32_t *watched; /* indexes of datastreams; progress.watched of them */
    struct ww_backtest_progress progress;

    /* of a run */
    struct ww_backtest_time time;
    ww_backtest_cb go_on;
    void *go_on_arg;
    int64_t asked_us; /* whether to go on, by the real clock */
    struct ww_buf actions;
    enum ww_status failed;
    struct ww_error *err;

    /* of a run that judges reading by reading */
    const uint32_t *at; /* of the query at hand: the datastream with place 1 */
    uint32_t live;      /* the place of the datastream whose readings count by now; 0 = none */
    uint32_t warmed;    /* the place of the one that is being warmed up */
};

void backtest_watch(struct ww_backtest *bt, uint32_t datastream);
/* Which of the catalog's datastreams the rule watches: told at open. */
enum ww_status backtest_space_find(struct ww_backtest *bt, struct ww_error *err) WW_MUST_CHECK;
void backtest_senders_find(struct ww_backtest *bt);
/* Each runs the whole time. */
enum ww_status backtest_space_run(struct ww_backtest *bt) WW_MUST_CHECK;
enum ww_status backtest_senders_run(struct ww_backtest *bt) WW_MUST_CHECK;

/* Whether to go on; asks only some times a second, so it may be called as often as one likes. False: `failed`
 * is set. */
bool backtest_goes_on(struct ww_backtest *bt);
/* Logs bt->actions (objects with commas between) and empties it. False: `failed` is set. */
bool backtest_log(struct ww_backtest *bt);
/* PostgreSQL's text. */
int64_t backtest_instant(const struct ww_pg_result *r, int row, int column);

#endif
