/* A rule about many places, over the past: the watches that run live (ingest/space), a simulated clock
 * instead of the loop's, no thread.
 *
 *   before `from`: events are counted, values set; nobody looks
 *   then:   what came in at t ─▶ noted; before the clock goes on from t, the rule is looked at as often as it
 * is due on the way, at the moment at which it is; a look takes no time of that clock
 *
 * Live, a scan rests a quarter of a second and four times as long as its last look took, a map a second; here
 * both rest look_every_us, and the report says how long that was.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/backtest_internal.h"
#include "ingest/space/scan_pace.h"
#include "ingest/space_places.h"

enum { PAGE_ROWS = 10000, LIST_CEILING = 16 << 20 };

struct space_run {
    struct ww_backtest *bt;
    const struct ww_space_rule *rule;
    struct ww_scan_spots *spots; /* of a scan */
    struct ww_scan_watch *scan;
    struct ww_scan_pace pace;
    struct ww_hotspot_watch *map; /* or of a map */
    int64_t now_us, today, tomorrow_us;
};

enum ww_status backtest_space_find(struct ww_backtest *bt, struct ww_error *err) {
    const struct ww_catalog *c = bt->world->catalog;
    const struct ww_space_rule *rule = &bt->world->space_rules->rule[0];
    struct ww_space_series series = ww_space_series_of(rule, c);
    if (!rule->is_map && rule->scan.mute.rain) {
        ww_error_set(err, WW_BAD_INPUT, "back-tests of scans do not hear the rain: try it without");
        ww_error_at_field(err, WW_STR("config.mute.rain"), WW_STR_NONE);
        return WW_BAD_INPUT;
    }
    for (uint32_t i = 0; i < c->n_datastreams && series.property != WW_CATALOG_NONE; i++) {
        int32_t feed_id = c->things[c->datastreams[i].thing].feed_id;
        uint32_t feed = 0;
        while (feed < c->n_feeds && c->feeds[feed].id != feed_id)
            feed++;
        struct ww_str name = feed < c->n_feeds ? ww_str_of(c->feeds[feed].name) : WW_STR("");
        if (ww_space_series_has(&series, c, &c->datastreams[i], name))
            backtest_watch(bt, i);
    }
    if (!rule->is_map || rule->hotspot.alerts)
        return WW_OK;
    ww_error_set(err, WW_BAD_INPUT, "a hot-spot rule without \"alert\" draws a map and raises nothing");
    ww_error_at_field(err, WW_STR("config.alert"), WW_STR_NONE);
    return WW_BAD_INPUT;
}

/* Alerts that never were are not computed again. */
static const struct ww_known unknown;

/* ---- The clock ---- */

static void set_clock(struct space_run *run, int64_t now_us) {
    const struct ww_zone *zone = run->bt->world->zone;
    run->now_us = run->bt->progress.clock_us = now_us;
    if (now_us >= run->tomorrow_us) {
        run->today = ww_instant_day(now_us, zone);
        run->tomorrow_us = ww_day_start(run->today + 1, zone);
    }
}

static bool is_cancelled(void *arg) {
    struct space_run *run = arg;
    return !backtest_goes_on(run->bt);
}

static void look_at_scan(struct space_run *run) {
    struct ww_backtest *bt = run->bt;
    enum ww_scan_due due = ww_scan_pace_due(&run->pace, run->scan, run->now_us, run->today);
    assert(due != WW_SCAN_NOTHING);
    if (due == WW_SCAN_LOOK) {
        ww_scan_watch_begin(run->scan, run->today, &unknown);
        ww_scan_watch_look(run->scan);
        ww_scan_pace_looked(&run->pace, run->now_us, bt->time.look_every_us);
        bt->progress.looks++;
        const char *trouble = ww_scan_watch_trouble(run->scan);
        if (bt->failed == WW_OK && trouble[0]) { /* live it is off, and says so; here it would seem quiet */
            char at[40];
            ww_instant_text(run->now_us, at);
            bt->failed =
                ww_error_set(bt->err, WW_CONFLICT, "at %s the rule can't be looked at: %s", at, trouble);
        }
        if (bt->failed != WW_OK)
            return;
    }
    (void)ww_scan_pace_decide(&run->pace, run->scan, run->now_us, &bt->actions);
}

static void look_at_map(struct space_run *run) {
    struct ww_backtest *bt = run->bt;
    ww_hotspot_watch_begin(run->map, run->now_us, &unknown);
    ww_hotspot_watch_settle(run->map);
    ww_hotspot_watch_end(run->map);
    bt->progress.looks++;
    (void)ww_hotspot_watch_decide(run->map, run->now_us, &bt->actions);
}

/* Lets the clock run until then, that moment not included: what comes in at one moment is seen as one. False:
 * `failed` is set. */
static bool advance(struct space_run *run, int64_t until_us) {
    struct ww_backtest *bt = run->bt;
    while (bt->failed == WW_OK) {
        int64_t next_us = run->map
                              ? ww_hotspot_watch_due_us(run->map, bt->time.look_every_us)
                              : ww_scan_pace_next_us(&run->pace, run->scan, run->today, run->tomorrow_us);
        if (next_us < run->now_us)
            next_us = run->now_us;
        if (next_us >= until_us)
            break;
        set_clock(run, next_us);
        if (run->map)
            look_at_map(run);
        else
            look_at_scan(run);
        if (bt->failed == WW_OK && backtest_log(bt))
            (void)backtest_goes_on(bt);
    }
    if (bt->failed == WW_OK)
        set_clock(run, until_us);
    return bt->failed == WW_OK;
}

/* ---- What comes in ---- */

struct event {
    int64_t at_us, time_us, thing_id;
    uint32_t ward_id;
    struct ww_place place; /* NAN: where its thing stands */
    double value;
    char flag;
};

static double number(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? NAN : ww_pg_double(r, row, column);
}

static char flag_of(const struct ww_pg_result *r, int row, int column) {
    struct ww_str flag = ww_pg_str(r, row, column);
    return flag.len > 0 ? flag.ptr[0] : '\0';
}

static struct event read_event(const struct ww_pg_result *r, int i) {
    return (struct event){.at_us = backtest_instant(r, i, 0),
                          .thing_id = ww_pg_i64(r, i, 1),
                          .ward_id = (uint32_t)ww_pg_i64(r, i, 2),
                          .place = {number(r, i, 3), number(r, i, 4)},
                          .time_us = backtest_instant(r, i, 5),
                          .value = number(r, i, 6),
                          .flag = flag_of(r, i, 7)};
}

/* What it supersedes, in its stead. */
static struct event read_former(const struct ww_pg_result *r, int i, const struct event *e) {
    struct event former = *e;
    former.value = ww_pg_double(r, i, 8);
    former.flag = flag_of(r, i, 9);
    former.ward_id = (uint32_t)ww_pg_i64(r, i, 10);
    former.place = (struct ww_place){number(r, i, 11), number(r, i, 12)};
    return former;
}

static const struct ww_place *own_place(const struct event *e) {
    return isnan(e->place.lon_deg) ? NULL : &e->place;
}

static void count(struct space_run *run, const struct event *e, int sign) {
    const struct ww_scan_rule *how = &run->rule->scan;
    int32_t n = how->count == WW_COUNT_ALERTS ? e->flag != '\0' : ww_scan_rule_events(how, e->value, e->flag);
    if (n == 0 || e->flag == '\0')
        return;
    uint32_t spot = ww_scan_spots_find(run->spots, e->thing_id, e->ward_id, own_place(e));
    if (spot == WW_SPOT_NONE || spot == WW_SPOT_UNKNOWN)
        return;
    int64_t day = ww_instant_day(e->time_us, run->bt->world->zone);
    if (ww_scan_watch_count(run->scan, spot, day, sign * n))
        return;
    ww_scan_watch_absorb(run->scan, run->today);
    if (!ww_scan_watch_count(run->scan, spot, day, sign * n))
        run->bt->failed = ww_error_set(run->bt->err, WW_NO_MEMORY, "no memory for the events of a scan");
}

static void note(struct space_run *run, const struct ww_pg_result *r, int i) {
    struct event e = read_event(r, i);
    if (run->map) {
        if (strchr(run->rule->hotspot.flags, e.flag) && e.flag != '\0')
            (void)ww_hotspot_watch_set(run->map, e.thing_id, e.ward_id, own_place(&e), e.time_us, e.value);
        return;
    }
    if (run->rule->scan.count != WW_COUNT_ALERTS || e.flag == '\0')
        run->pace.heard_us = e.at_us;
    if (!ww_pg_is_null(r, i, 8)) {
        struct event former = read_former(r, i, &e);
        count(run, &former, -1);
    }
    count(run, &e, 1);
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct space_run *run = arg;
    struct ww_backtest *bt = run->bt;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n && bt->failed == WW_OK; i++) {
        int64_t at_us = backtest_instant(r, i, 0);
        if (at_us > run->now_us && !advance(run, at_us))
            break;
        note(run, r, i);
        bt->progress.readings++;
    }
    return backtest_goes_on(bt);
}

/* ---- The whole ---- */

static enum ww_status load_places(struct space_run *run, struct space_places *p) {
    struct ww_backtest *bt = run->bt;
    enum ww_status st = space_places_begin(p, run->rule, bt->err);
    while (st == WW_OK) {
        struct ww_pg_args args;
        const struct ww_pg_result *r;
        ww_pg_args_init(&args);
        const char *query = space_places_ask(p, &args);
        if (query)
            st = ww_pg_sync_query(bt->sync, ww_sql_find(query), &args, &r, bt->err);
        ww_pg_args_clear(&args);
        if (!query)
            break;
        if (st == WW_OK)
            st = space_places_take(p, r, bt->err);
    }
    return st == WW_OK ? space_places_finish(p, bt->world->catalog->ward_index, bt->err) : st;
}

static struct ww_mute is_muted(void *arg, const struct ww_mute_subject *subject, int64_t at_us,
                               int64_t just_us) {
    const struct world *world = ((struct space_run *)arg)->bt->world;
    return ww_mutes_find(ww_judge_mutes(world->judge), world->catalog, subject, at_us, just_us);
}

static enum ww_status make_watch(struct space_run *run) {
    struct ww_backtest *bt = run->bt;
    struct space_places places;
    enum ww_status st = load_places(run, &places);
    if (st == WW_OK && run->rule->is_map)
        st = space_places_hotspot(&places, bt->world->catalog, &run->map, bt->err);
    else if (st == WW_OK)
        st = space_places_scan(&places, run->today, &run->scan, bt->err);
    if (run->scan) {
        ww_scan_watch_stop_when(run->scan, is_cancelled, run);
        ww_scan_watch_set_gate(run->scan, is_muted, run);
        run->spots = places.spots[0];
        places.spots[0] = NULL;
    }
    space_places_clear(&places);
    return st;
}

static int64_t memory_us(const struct ww_space_rule *rule) {
    return rule->is_map ? (int64_t)(rule->hotspot.max_age_s * 1e6)
                        : (int64_t)rule->scan.memory_days * WW_DAY_US;
}

static enum ww_status play(struct space_run *run) {
    struct ww_backtest *bt = run->bt;
    bool counts_alerts = !run->rule->is_map && run->rule->scan.count == WW_COUNT_ALERTS;
    struct ww_buf watched;
    struct ww_pg_args args;
    ww_buf_init(&watched, LIST_CEILING);
    ww_pg_args_init(&args);
    ww_backtest_watched(bt, &watched);
    enum ww_status st = ww_buf_status(&watched);
    assert(st == WW_OK);
    ww_pg_arg_str(&args, counts_alerts ? run->rule->scan.alerts_of : ww_buf_str(&watched));
    ww_pg_arg_instant(&args, bt->time.from_us - memory_us(run->rule));
    ww_pg_arg_instant(&args, bt->time.to_us);
    ww_pg_arg_bool(&args, bt->time.by_phenomenon);
    st = ww_pg_sync_each(bt->sync, ww_sql_find(counts_alerts ? "backtest_alerts" : "backtest_events"), &args,
                         PAGE_ROWS, take_page, run, bt->err);
    ww_pg_args_clear(&args);
    ww_buf_clear(&watched);
    if (st == WW_OK && bt->failed == WW_OK)
        (void)advance(run, bt->time.to_us);
    return bt->failed != WW_OK ? bt->failed : st;
}

enum ww_status backtest_space_run(struct ww_backtest *bt) {
    struct space_run run = {.bt = bt, .rule = &bt->world->space_rules->rule[0], .tomorrow_us = INT64_MIN};
    set_clock(&run, bt->time.from_us);
    enum ww_status st = make_watch(&run);
    if (st == WW_OK)
        st = play(&run);
    ww_scan_watch_free(run.scan);
    ww_scan_spots_free(run.spots);
    ww_hotspot_watch_free(run.map);
    return st;
}
