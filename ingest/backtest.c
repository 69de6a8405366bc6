/* Streams the past through a judge, some datastreams at a time; all at once for a detector that compares
 * them. */
#include "ingest/backtest.h"

#include <assert.h>

#include "geo/base/alloc.h"

enum {
    CONNECT_MS = 30000,
    MOST_TOGETHER = 1000,   /* datastreams of one query … */
    ROWS_TOGETHER = 200000, /* … and about so many readings: what PostgreSQL sorts at once */
    PAGE_ROWS = 10000,      /* of the cursor: some MB */
    LIST_CEILING = 16 << 20
};

struct ww_backtest {
    struct ww_pg_sync *sync;
    struct world *world;
    struct ww_alert_log *alerts;
    uint32_t *watched; /* indexes of datastreams */
    bool is_joint;     /* all series in one order: the detector compares them */
    struct ww_backtest_progress progress;

    /* of a run */
    int64_t from_us, to_us;
    const uint32_t *at; /* of the query at hand: the datastream with place 1 */
    uint32_t live;      /* the place of the datastream whose readings count by now; 0 = none */
    uint32_t warmed;    /* the place of the one that is being warmed up */
    ww_backtest_cb go_on;
    void *go_on_arg;
    struct ww_buf actions;
    enum ww_status failed;
    struct ww_error *err;
};

static void find_watched(struct ww_backtest *bt) {
    const struct ww_catalog *c = bt->world->catalog;
    bt->watched = ww_must_calloc(c->n_datastreams + 1, sizeof *bt->watched);
    for (uint32_t i = 0; i < c->n_datastreams; i++)
        if (ww_judge_watches(&c->datastreams[i]))
            bt->watched[bt->progress.watched++] = i;
}

enum ww_status ww_backtest_open(const char *conninfo, const struct ww_rule_row *rule,
                                struct ww_backtest **out, struct ww_error *err) {
    *out = NULL;
    const struct ww_rule_kind *kind = ww_rule_kind_find(rule->detector);
    if (kind && kind->engine != WW_ENGINE_JUDGE && kind->engine != WW_ENGINE_LEARNED) {
        ww_error_set(err, WW_BAD_INPUT,
                     "rules that do not go by single readings can't be tried on stored ones");
        ww_error_at_field(err, WW_STR("detector"), rule->detector);
        return WW_BAD_INPUT;
    }
    struct ww_backtest *bt = ww_must_calloc(1, sizeof *bt);
    enum ww_status st = ww_pg_sync_open(conninfo, CONNECT_MS, &bt->sync, err);
    if (st == WW_OK)
        st = ww_pg_sync_exec(bt->sync,
                             "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                             "SET LOCAL application_name = 'wardwatch back-test';"
                             "SET LOCAL statement_timeout = '120s'; SET LOCAL work_mem = '64MB'",
                             NULL, NULL, err);
    if (st == WW_OK)
        st = ww_world_read(bt->sync, rule, &bt->world, err);
    if (st != WW_OK) {
        ww_backtest_close(bt);
        return st;
    }
    find_watched(bt);
    bt->is_joint = kind->compares_series;
    ww_buf_init(&bt->actions, 64 << 20);
    bt->alerts = ww_alert_log_new(WW_BACKTEST_MOST_ALERTS, false);
    *out = bt;
    return WW_OK;
}

void ww_backtest_close(struct ww_backtest *bt) {
    if (!bt)
        return;
    ww_pg_sync_close(bt->sync); /* its transaction ends with it */
    world_free(bt->world);
    ww_alert_log_free(bt->alerts);
    ww_buf_clear(&bt->actions);
    ww_free(bt->watched);
    ww_free(bt);
}

const struct ww_alert_log *ww_backtest_alerts(const struct ww_backtest *bt) {
    return bt->alerts;
}

const struct ww_backtest_progress *ww_backtest_progress(const struct ww_backtest *bt) {
    return &bt->progress;
}

struct ww_pg_sync *ww_backtest_sync(struct ww_backtest *bt) {
    return bt->sync;
}

void ww_backtest_watched(const struct ww_backtest *bt, struct ww_buf *out) {
    ww_buf_char(out, '{');
    for (uint32_t i = 0; i < bt->progress.watched; i++)
        ww_buf_printf(out, "%s%lld", i ? "," : "",
                      (long long)bt->world->catalog->datastreams[bt->watched[i]].id);
    ww_buf_char(out, '}');
}

/* ---- One page of readings ---- */

/* Readings before `from` only fill the detector's memory, until the first that lies in the time asked for:
 * what comes later counts, as it would live. */
static void take_reading(struct ww_backtest *bt, const struct ww_pg_result *r, int i) {
    struct ww_judge *judge = bt->world->judge;
    uint32_t place = (uint32_t)ww_pg_i64(r, i, 0);
    const struct ww_cat_datastream *ds = &bt->world->catalog->datastreams[bt->at[place - 1]];
    struct ww_str flag = ww_pg_str(r, i, 4);
    struct ww_reading reading = {.time_us = WW_INSTANT_NONE,
                                 .interval_us = ww_pg_i64(r, i, 2) * WW_SECOND_US,
                                 .value = ww_pg_double(r, i, 3),
                                 .flag = flag.len > 0 ? flag.ptr[0] : 'N'};
    enum ww_status st = ww_instant_parse(ww_pg_str(r, i, 1), NULL, &reading.time_us, NULL);
    assert(st == WW_OK); /* PostgreSQL's own */
    (void)st;
    uint32_t phase = bt->is_joint ? 1 : place; /* whose memory fills */
    if (bt->live != phase && reading.time_us < bt->from_us) {
        int64_t cut_us = ww_pg_is_null(r, i, 6) ? WW_INSTANT_NONE : ww_pg_i64(r, i, 6);
        ww_judge_replay(judge, ds, &reading, cut_us);
        bt->warmed = phase;
        return;
    }
    if (bt->warmed == phase) {
        ww_judge_end_replay(judge);
        bt->warmed = 0;
    }
    bt->live = phase;
    ww_judge_step(judge, ds, &reading, (uint32_t)ww_pg_i64(r, i, 5));
}

static enum ww_status log_actions(struct ww_backtest *bt) {
    uint64_t opened, cleared;
    ww_buf_reset(&bt->actions);
    enum ww_status st = ww_judge_take_actions(bt->world->judge, &bt->actions, &opened, &cleared);
    if (st != WW_OK)
        return ww_error_set(bt->err, st, "the rule moves more alerts at once than can be written");
    return ww_alert_log_apply(bt->alerts, ww_buf_str(&bt->actions), bt->err);
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct ww_backtest *bt = arg;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++)
        take_reading(bt, r, i);
    bt->progress.readings += (uint64_t)n;
    bt->failed = log_actions(bt);
    if (bt->failed == WW_OK && !bt->go_on(bt->go_on_arg, &bt->progress))
        bt->failed = ww_error_set(bt->err, WW_BUSY, "cancelled");
    return bt->failed == WW_OK;
}

/* ---- Some datastreams at a time ---- */

/* Of one datastream: a value a minute, until it is known how many those before had. */
static int64_t expected_rows(const struct ww_backtest *bt, int64_t of_minutes) {
    if (bt->progress.done == 0)
        return of_minutes;
    int64_t mean = (int64_t)(bt->progress.readings / bt->progress.done);
    return mean + mean / 2 + 1;
}

/* The next of them, as the query wants them; returns how many. */
static uint32_t write_lists(const struct ww_backtest *bt, struct ww_buf lists[4]) {
    const struct ww_catalog *c = bt->world->catalog;
    int64_t rows = 0;
    uint32_t n = 0;
    for (uint32_t i = bt->progress.done;
         i < bt->progress.watched && (bt->is_joint || (n < MOST_TOGETHER && rows < ROWS_TOGETHER));
         i++, n++) {
        const struct ww_cat_datastream *ds = &c->datastreams[bt->watched[i]];
        uint32_t readings;
        int64_t span_us;
        char flags[16];
        (void)ww_judge_memory(bt->world->judge, ds, &readings, &span_us, flags);
        rows += expected_rows(bt, readings + (span_us + bt->to_us - bt->from_us) / (60 * WW_SECOND_US));
        char separator = n == 0 ? '{' : ',';
        ww_buf_printf(&lists[0], "%c%lld", separator, (long long)ds->id);
        ww_buf_printf(&lists[1], "%c%u", separator, readings);
        ww_buf_printf(&lists[2], "%c%lld", separator, (long long)span_us);
        ww_buf_printf(&lists[3], "%c%s", separator, flags);
    }
    return n;
}

static enum ww_status run_some(struct ww_backtest *bt) {
    struct ww_buf lists[4];
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    for (int k = 0; k < 4; k++)
        ww_buf_init(&lists[k], LIST_CEILING);
    uint32_t n = write_lists(bt, lists);
    for (int k = 0; k < 4; k++) {
        ww_buf_char(&lists[k], '}');
        assert(ww_buf_status(&lists[k]) == WW_OK);
        ww_pg_arg_str(&args, ww_buf_str(&lists[k]));
        ww_buf_clear(&lists[k]);
    }
    ww_pg_arg_instant(&args, bt->from_us);
    ww_pg_arg_instant(&args, bt->to_us);
    ww_pg_arg_bool(&args, bt->is_joint);
    bt->at = bt->watched + bt->progress.done;
    bt->live = bt->warmed = 0;
    enum ww_status st =
        ww_pg_sync_each(bt->sync, ww_sql_find("backtest_readings"), &args, PAGE_ROWS, take_page, bt, bt->err);
    ww_pg_args_clear(&args);
    bt->progress.done += n;
    return bt->failed != WW_OK ? bt->failed : st;
}

enum ww_status ww_backtest_run(struct ww_backtest *bt, int64_t from_us, int64_t to_us, ww_backtest_cb go_on,
                               void *arg, struct ww_error *err) {
    bt->from_us = from_us;
    bt->to_us = to_us;
    bt->go_on = go_on;
    bt->go_on_arg = arg;
    bt->err = err;
    bt->failed = WW_OK;
    enum ww_status st = ww_pg_sync_query(bt->sync, ww_sql_find("walks_begin"), NULL, NULL, err);
    while (st == WW_OK && bt->progress.done < bt->progress.watched) {
        st = run_some(bt);
        if (st == WW_OK && !go_on(arg, &bt->progress))
            st = ww_error_set(err, WW_BUSY, "cancelled");
    }
    return st == WW_OK ? ww_pg_sync_query(bt->sync, ww_sql_find("walks_end"), NULL, NULL, err) : st;
}
