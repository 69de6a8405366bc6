/* Streams the past through a judge, some datastreams at a time; all at once for a detector that compares
 * them. */
#include <assert.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "ingest/backtest_internal.h"

enum {
    CONNECT_MS = 30000,
    MOST_TOGETHER = 1000,   /* datastreams of one query … */
    ROWS_TOGETHER = 200000, /* … and about so many readings: what PostgreSQL sorts at once */
    PAGE_ROWS = 10000,      /* of the cursor: some MB */
    LIST_CEILING = 16 << 20
};
#define ASK_US (50 * INT64_C(1000)) /* between two questions whether to go on */

/* ---- Opening ---- */

void backtest_watch(struct ww_backtest *bt, uint32_t datastream) {
    bt->watched[bt->progress.watched++] = datastream;
}

static enum ww_status find_watched(struct ww_backtest *bt, struct ww_error *err) {
    const struct ww_catalog *c = bt->world->catalog;
    bt->watched = ww_must_calloc(c->n_datastreams + 1, sizeof *bt->watched);
    switch (bt->kind->engine) {
    case WW_ENGINE_SPACE:
        return backtest_space_find(bt, err);
    case WW_ENGINE_HEALTH:
        backtest_senders_find(bt);
        return WW_OK;
    case WW_ENGINE_JUDGE:
    case WW_ENGINE_LEARNED:
        break;
    }
    for (uint32_t i = 0; i < c->n_datastreams; i++) {
        bool is_gauge = c->datastreams[i].first_gauge != WW_CATALOG_NONE;
        bt->is_joint = bt->is_joint || is_gauge; /* it rains on the others */
        if (is_gauge || ww_judge_watches(&c->datastreams[i]))
            backtest_watch(bt, i);
    }
    return WW_OK;
}

/* A backend whose client has gone ends what it is at. What is sorted as a whole takes longer than what comes
 * series by series. */
static enum ww_status begin(struct ww_backtest *bt, struct ww_error *err) {
    bool sorts_all = bt->kind->engine == WW_ENGINE_SPACE || bt->kind->compares_series;
    return ww_pg_sync_exec(bt->sync,
                           sorts_all ? "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                       "SET LOCAL application_name = 'wardwatch back-test';"
                                       "SET LOCAL client_connection_check_interval = '1s';"
                                       "SET LOCAL statement_timeout = '1h'; SET LOCAL work_mem = '64MB'"
                                     : "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                       "SET LOCAL application_name = 'wardwatch back-test';"
                                       "SET LOCAL client_connection_check_interval = '1s';"
                                       "SET LOCAL statement_timeout = '120s'; SET LOCAL work_mem = '64MB'",
                           NULL, NULL, err);
}

enum ww_status ww_backtest_open(const char *conninfo, const struct ww_rule_row *rule,
                                struct ww_backtest **out, struct ww_error *err) {
    *out = NULL;
    struct ww_backtest *bt = ww_must_calloc(1, sizeof *bt);
    bt->progress.clock_us = WW_INSTANT_NONE;
    bt->kind = ww_rule_kind_find(rule->detector);
    enum ww_status st = bt->kind ? WW_OK
                                 : ww_error_set(err, WW_NOT_FOUND, "this program has no detector %.*s",
                                                WW_STR_ARG(rule->detector));
    if (st == WW_OK)
        st = ww_pg_sync_open(conninfo, CONNECT_MS, &bt->sync, err);
    if (st == WW_OK)
        st = begin(bt, err);
    if (st == WW_OK)
        st = ww_world_read(bt->sync, rule, &bt->world, err);
    bt->is_joint = bt->kind && bt->kind->compares_series;
    if (st == WW_OK)
        st = find_watched(bt, err);
    if (st == WW_OK && bt->is_joint)
        st = ww_pg_sync_exec(bt->sync, "SET LOCAL statement_timeout = '1h'", NULL, NULL, err);
    if (st != WW_OK) {
        ww_backtest_close(bt);
        return st;
    }
    ww_buf_init(&bt->actions, 64 << 20);
    bool by_clock = ww_backtest_usual_every_us(rule->detector) > 0;
    bt->alerts = ww_alert_log_new(WW_BACKTEST_MOST_ALERTS, by_clock);
    ww_alert_log_explain_first(bt->alerts, WW_BACKTEST_EXPLAINED);
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
    char separator = '{';
    for (uint32_t i = 0; i < bt->progress.watched; i++) {
        const struct ww_cat_datastream *ds = &bt->world->catalog->datastreams[bt->watched[i]];
        if (ds->first_gauge != WW_CATALOG_NONE && !ww_judge_watches(ds) &&
            bt->kind->engine == WW_ENGINE_LEARNED) /* a rain gauge */
            continue;
        ww_buf_printf(out, "%c%lld", separator, (long long)ds->id);
        separator = ',';
    }
    ww_buf_text(out, separator == '{' ? "{}" : "}");
}

struct ww_str ww_backtest_property(const struct ww_backtest *bt) {
    switch (bt->kind->engine) {
    case WW_ENGINE_HEALTH:
        return ww_str_of(bt->kind->detector); /* called alike */
    case WW_ENGINE_SPACE: {
        const struct ww_space_rule *rule = &bt->world->space_rules->rule[0];
        return rule->is_map ? rule->hotspot.property : WW_STR("event_cluster");
    }
    case WW_ENGINE_JUDGE:
    case WW_ENGINE_LEARNED:
        break;
    }
    return WW_STR("");
}

int64_t ww_backtest_usual_every_us(struct ww_str detector) {
    /* Live they are looked at as events come, every second, four times a second: of months that would be
     * hours. */
    static const struct {
        const char *detector;
        int64_t every_us;
    } usual[] = {{"scan", 900 * WW_SECOND_US},
                 {"hotspot", 60 * WW_SECOND_US},
                 {"silence", 60 * WW_SECOND_US},
                 {"clock_drift", 60 * WW_SECOND_US}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (ww_str_is(detector, usual[i].detector))
            return usual[i].every_us;
    return 0;
}

/* ---- For all ---- */

static int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

bool backtest_goes_on(struct ww_backtest *bt) {
    int64_t now_us = monotonic_us();
    if (bt->failed != WW_OK || now_us - bt->asked_us < ASK_US)
        return bt->failed == WW_OK;
    bt->asked_us = now_us;
    if (!bt->go_on(bt->go_on_arg, &bt->progress))
        bt->failed = ww_error_set(bt->err, WW_BUSY, "cancelled");
    return bt->failed == WW_OK;
}

/* While PostgreSQL works. */
static bool waits_on(void *arg) {
    return backtest_goes_on(arg);
}

bool backtest_log(struct ww_backtest *bt) {
    if (bt->actions.len == 0)
        return true;
    struct ww_buf array;
    ww_buf_init(&array, bt->actions.ceiling + 2);
    ww_buf_char(&array, '[');
    ww_buf_str_add(&array, ww_buf_str(&bt->actions));
    ww_buf_char(&array, ']');
    enum ww_status st = ww_buf_status(&bt->actions);
    if (st == WW_OK)
        st = ww_buf_status(&array);
    bt->failed = st == WW_OK
                     ? ww_alert_log_apply(bt->alerts, ww_buf_str(&array), bt->err)
                     : ww_error_set(bt->err, st, "the rule moves more alerts at once than can be written");
    ww_buf_clear(&array);
    ww_buf_reset(&bt->actions);
    return bt->failed == WW_OK;
}

int64_t backtest_instant(const struct ww_pg_result *r, int row, int column) {
    int64_t at_us = WW_INSTANT_NONE;
    enum ww_status st = ww_instant_parse(ww_pg_str(r, row, column), NULL, &at_us, NULL);
    assert(st == WW_OK); /* PostgreSQL's own */
    (void)st;
    return at_us;
}

/* ---- One page of readings ---- */

/* Readings before `from` only fill the detector's memory, until the first that lies in the time asked for:
 * what comes later counts, as it would live. */
static void take_reading(struct ww_backtest *bt, const struct ww_pg_result *r, int i) {
    struct ww_judge *judge = bt->world->judge;
    uint32_t place = (uint32_t)ww_pg_i64(r, i, 0);
    const struct ww_cat_datastream *ds = &bt->world->catalog->datastreams[bt->at[place - 1]];
    struct ww_str flag = ww_pg_str(r, i, 4);
    struct ww_reading reading = {.time_us = backtest_instant(r, i, 1),
                                 .interval_us = ww_pg_i64(r, i, 2) * WW_SECOND_US,
                                 .value = ww_pg_double(r, i, 3),
                                 .flag = flag.len > 0 ? flag.ptr[0] : 'N'};
    uint32_t phase = bt->is_joint ? 1 : place; /* whose memory fills */
    if (bt->live != phase && reading.time_us < bt->time.from_us) {
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
    ww_judge_hear_rain(judge, ds, &reading);
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
        rows +=
            expected_rows(bt, readings + (span_us + bt->time.to_us - bt->time.from_us) / (60 * WW_SECOND_US));
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
    ww_pg_arg_instant(&args, bt->time.from_us);
    ww_pg_arg_instant(&args, bt->time.to_us);
    ww_pg_arg_bool(&args, bt->is_joint);
    bt->at = bt->watched + bt->progress.done;
    bt->live = bt->warmed = 0;
    enum ww_status st =
        ww_pg_sync_each(bt->sync, ww_sql_find("backtest_readings"), &args, PAGE_ROWS, take_page, bt, bt->err);
    ww_pg_args_clear(&args);
    bt->progress.done += n;
    return bt->failed != WW_OK ? bt->failed : st;
}

static enum ww_status run_readings(struct ww_backtest *bt) {
    enum ww_status st = ww_pg_sync_query(bt->sync, ww_sql_find("walks_begin"), NULL, NULL, bt->err);
    while (st == WW_OK && bt->progress.done < bt->progress.watched) {
        st = run_some(bt);
        if (st == WW_OK && !bt->go_on(bt->go_on_arg, &bt->progress))
            st = ww_error_set(bt->err, WW_BUSY, "cancelled");
    }
    return st == WW_OK ? ww_pg_sync_query(bt->sync, ww_sql_find("walks_end"), NULL, NULL, bt->err) : st;
}

enum ww_status ww_backtest_run(struct ww_backtest *bt, const struct ww_backtest_time *time,
                               ww_backtest_cb go_on, void *arg, struct ww_error *err) {
    bt->time = *time;
    if (time->look_every_us == 0)
        bt->time.look_every_us = ww_backtest_usual_every_us(ww_str_of(bt->kind->detector));
    bt->go_on = go_on;
    bt->go_on_arg = arg;
    bt->err = err;
    bt->failed = WW_OK;
    ww_pg_sync_wait_while(bt->sync, waits_on, bt);
    enum ww_status st = bt->kind->engine == WW_ENGINE_SPACE    ? backtest_space_run(bt)
                        : bt->kind->engine == WW_ENGINE_HEALTH ? backtest_senders_run(bt)
                                                               : run_readings(bt);
    if (bt->failed != WW_OK) /* and what PostgreSQL said of it is not the reason */
        st = bt->failed;
    if (st == WW_OK && bt->progress.clock_us != WW_INSTANT_NONE)
        bt->progress.done = bt->progress.watched;
    if (st == WW_OK && !go_on(arg, &bt->progress))
        st = ww_error_set(err, WW_BUSY, "cancelled");
    ww_pg_sync_wait_while(bt->sync, NULL, NULL);
    return st;
}
