/* An alert about readings, computed again by the judge.
 *
 * What judged it, judge_world tells: from which message on, with which rules, knowing which series. So the
 * world is built as it was then, by the same loader (ww_world_read_past), and each message that came in from
 * there on goes through it, until another world followed, which inherits from it or learns anew as it did
 * live. All rules of then judge the alert's own series, those of its place, and those that they are compared
 * with: signals that joined, or an exceedance that took the alert over, come by themselves.
 */
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "ingest/recompute_internal.h"

enum { PAGE_ROWS = 10000, ACTIONS_CEILING = 64 << 20, LIST_CEILING = 16 << 20 };

struct past_world {
    int64_t id, last_message, last_datastream, last_limit, begun_us;
    uint32_t learned_readings;
    bool inherits, opens;
};

struct arrival {
    uint32_t datastream;
    int64_t message;
};

struct judged_run {
    struct recompute *of;
    struct past_world *worlds;
    uint32_t n_worlds;
    int64_t *series;
    uint32_t n_series;
    int64_t last_message; /* none later moves the alert */
    struct ww_buf actions;

    /* of one world */
    struct world *world;
    struct arrival *arrivals; /* of series that registered themselves meanwhile */
    uint32_t n_arrivals, next_arrival;
    enum ww_status failed;
};

/* ---- What judged ---- */

static enum ww_status read_worlds(struct judged_run *c) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_instant(&args, c->of->alert.detected_us);
    if (c->of->alert.clear_detected_us == WW_INSTANT_NONE)
        ww_pg_arg_null(&args);
    else
        ww_pg_arg_instant(&args, c->of->alert.clear_detected_us);
    enum ww_status st = ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_worlds"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    c->n_worlds = (uint32_t)ww_pg_rows(r);
    c->worlds = ww_arena_calloc(c->of->arena, c->n_worlds + 1, sizeof *c->worlds);
    if (c->n_worlds == 0)
        return ww_error_set(c->of->err, WW_CONFLICT,
                            "it was raised before the server kept what it judged with (judge_world)");
    if (!c->worlds)
        return ww_error_set(c->of->err, WW_NO_MEMORY, "no memory");
    for (uint32_t i = 0; i < c->n_worlds; i++)
        c->worlds[i] = (struct past_world){.id = ww_pg_i64(r, (int)i, 0),
                                           .inherits = ww_pg_bool(r, (int)i, 1),
                                           .last_message = ww_pg_i64(r, (int)i, 2),
                                           .last_datastream = ww_pg_i64(r, (int)i, 3),
                                           .last_limit = ww_pg_i64(r, (int)i, 4),
                                           .learned_readings = (uint32_t)ww_pg_i64(r, (int)i, 5),
                                           .begun_us = ww_pg_i64(r, (int)i, 6),
                                           .opens = ww_pg_bool(r, (int)i, 7)};
    return WW_OK;
}

static enum ww_status read_series(struct judged_run *c) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, c->of->alert.id);
    enum ww_status st = ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_series"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    uint32_t n = (uint32_t)ww_pg_rows(r);
    c->series = ww_arena_calloc(c->of->arena, n + 1, sizeof *c->series);
    if (!c->series)
        return ww_error_set(c->of->err, WW_NO_MEMORY, "no memory");
    for (uint32_t i = 0; i < n; i++) {
        c->series[c->n_series++] = ww_pg_i64(r, (int)i, 0);
        c->last_message = ww_pg_i64(r, (int)i, 1);
    }
    return WW_OK;
}

/* Rules that are gone since are left out: they judged other series, or the comparison says so. */
static enum ww_status read_rules(struct judged_run *c, int64_t world_id, struct ww_rule_row **rules,
                                 uint32_t *n_rules) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, world_id);
    enum ww_status st =
        ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_world_rules"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    uint32_t n = (uint32_t)ww_pg_rows(r);
    *rules = ww_arena_calloc(c->of->arena, n + 1, sizeof **rules);
    *n_rules = n;
    if (!*rules)
        return ww_error_set(c->of->err, WW_NO_MEMORY, "no memory");
    for (uint32_t i = 0; i < n; i++) {
        (*rules)[i] = (struct ww_rule_row){.id = (int32_t)ww_pg_i64(r, (int)i, 0),
                                           .version = (int32_t)ww_pg_i64(r, (int)i, 1),
                                           .severity = (int)ww_pg_i64(r, (int)i, 2),
                                           .code = ww_arena_copy(c->of->arena, ww_pg_str(r, (int)i, 3)),
                                           .detector = ww_arena_copy(c->of->arena, ww_pg_str(r, (int)i, 4)),
                                           .config = ww_arena_copy(c->of->arena, ww_pg_str(r, (int)i, 5))};
        if ((*rules)[i].id == c->of->alert.rule_id)
            c->of->out->last_version = (*rules)[i].version;
    }
    return WW_OK;
}

/* ---- What was open ---- */

/* Alerts that were open when the first world began: the log knows of them as if it had opened them. */
static enum ww_status log_open_before(struct judged_run *c) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_json json;
    ww_pg_args_init(&args);
    ww_pg_arg_instant(&args, c->worlds[0].begun_us);
    enum ww_status st = ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_open"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK || ww_pg_rows(r) == 0)
        return st;
    ww_buf_reset(&c->actions);
    ww_json_init(&json, &c->actions);
    ww_json_array(&json);
    for (int i = 0; i < ww_pg_rows(r); i++) {
        static const char *const numbers[] = {"rule", "datastream", "ward", "severity"};
        ww_json_object(&json);
        ww_json_key(&json, "op");
        ww_json_text(&json, "open");
        for (int k = 0; k < 4; k++) {
            ww_json_key(&json, numbers[k]);
            ww_json_int(&json, ww_pg_i64(r, i, k));
        }
        ww_json_key(&json, "count");
        ww_json_int(&json, ww_pg_i64(r, i, 5));
        ww_json_key(&json, "last");
        ww_json_double(&json, ww_pg_double(r, i, 6));
        ww_json_key(&json, "peak");
        ww_json_double(&json, ww_pg_double(r, i, 7));
        static const char *const times[] = {"at", "last_at", "peak_at"};
        for (int k = 0; k < 3; k++) {
            ww_json_key(&json, times[k]);
            ww_json_str(&json, ww_pg_str(r, i, 4));
        }
        ww_json_end_object(&json);
    }
    ww_json_end_array(&json);
    return ww_alert_log_apply(c->of->log, ww_buf_str(&c->actions), c->of->err);
}

static void open_as_it_was(struct judged_run *c) {
    uint32_t n;
    const struct ww_logged_alert *all = ww_alert_log_all(c->of->log, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ds = all[i].cleared_us == WW_INSTANT_NONE ? ww_world_datastream(c->world, all[i].subject)
                                                           : WW_CATALOG_NONE;
        if (ds != WW_CATALOG_NONE)
            (void)ww_judge_set_open(c->world->judge, &c->world->catalog->datastreams[ds], all[i].rule_id,
                                    all[i].count, all[i].peak, all[i].peak_us, all[i].last_us);
    }
}

/* ---- Judging ---- */

static enum ww_status log_actions(struct judged_run *c) {
    uint64_t opened, cleared;
    ww_buf_reset(&c->actions);
    enum ww_status st = ww_judge_take_actions(c->world->judge, &c->actions, &opened, &cleared);
    return st == WW_OK
               ? ww_alert_log_apply(c->of->log, ww_buf_str(&c->actions), c->of->err)
               : ww_error_set(c->of->err, st, "the rules move more alerts at once than can be written");
}

/* Series that registered themselves are known from the message on that brought them. */
static void attach_arrived(struct judged_run *c, int64_t message) {
    while (c->next_arrival < c->n_arrivals && c->arrivals[c->next_arrival].message <= message)
        ww_judge_attach(c->world->judge, c->world->catalog, c->arrivals[c->next_arrival++].datastream);
}

static bool is_over(const struct judged_run *c) {
    const struct ww_logged_alert *alert = recompute_find(c->of);
    return alert && alert->cleared_us != WW_INSTANT_NONE;
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct judged_run *c = arg;
    const struct ww_catalog *catalog = c->world->catalog;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        const struct ww_cat_datastream *ds =
            &catalog->datastreams[ww_world_datastream(c->world, ww_pg_i64(r, i, 0))];
        struct ww_str flag = ww_pg_str(r, i, 4);
        struct ww_reading reading = {.time_us = ww_pg_i64(r, i, 1),
                                     .interval_us = ww_pg_i64(r, i, 2) * WW_SECOND_US,
                                     .value = ww_pg_double(r, i, 3),
                                     .flag = flag.len > 0 ? flag.ptr[0] : 'N'};
        attach_arrived(c, ww_pg_i64(r, i, 6));
        ww_judge_hear_rain(c->world->judge, ds, &reading);
        if (ww_judge_watches(ds))
            ww_judge_step(c->world->judge, ds, &reading, (uint32_t)ww_pg_i64(r, i, 5));
    }
    c->of->out->readings += (uint64_t)n;
    c->failed = log_actions(c);
    if (c->failed == WW_OK && !recompute_goes_on(c->of))
        c->failed = ww_error_set(c->of->err, WW_BUSY, "cancelled");
    return c->failed == WW_OK && !is_over(c);
}

static bool is_gauge(const struct ww_cat_datastream *ds) {
    return ds->first_gauge != WW_CATALOG_NONE;
}

/* "{1,2,3}": what is judged, of series newer than that one; of all, also the rain gauges that rules ask. */
static void list_judged(const struct judged_run *c, int64_t newer_than, struct ww_buf *list) {
    const struct ww_catalog *catalog = c->world->catalog;
    ww_buf_char(list, '{');
    for (uint32_t i = 0; i < catalog->n_datastreams; i++)
        if ((c->world->judged[i] || (newer_than == 0 && is_gauge(&catalog->datastreams[i]))) &&
            catalog->datastreams[i].id > newer_than)
            ww_buf_printf(list, "%s%lld", list->len > 1 ? "," : "", (long long)catalog->datastreams[i].id);
    ww_buf_char(list, '}');
}

static enum ww_status add_messages(struct ww_pg_args *args, struct ww_buf *list, int64_t after, int64_t to,
                                   struct ww_error *err) {
    enum ww_status st = ww_buf_status(list);
    ww_pg_args_init(args);
    ww_pg_arg_str(args, ww_buf_str(list));
    ww_pg_arg_i64(args, after);
    ww_pg_arg_i64(args, to);
    return st == WW_OK ? st : ww_error_set(err, st, "too many series are compared with each other");
}

static enum ww_status read_arrivals(struct judged_run *c, const struct past_world *w, int64_t to) {
    struct ww_buf list;
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    c->n_arrivals = c->next_arrival = 0;
    ww_buf_init(&list, LIST_CEILING);
    list_judged(c, w->last_datastream, &list);
    enum ww_status st = add_messages(&args, &list, w->last_message, to, c->of->err);
    if (st == WW_OK)
        st = ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_arrivals"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    ww_buf_clear(&list);
    if (st != WW_OK)
        return st;
    uint32_t n = (uint32_t)ww_pg_rows(r);
    ww_free(c->arrivals);
    c->arrivals = ww_must_calloc(n + 1, sizeof *c->arrivals);
    for (uint32_t i = 0; i < n; i++)
        c->arrivals[c->n_arrivals++] =
            (struct arrival){ww_world_datastream(c->world, ww_pg_i64(r, (int)i, 0)), ww_pg_i64(r, (int)i, 1)};
    return WW_OK;
}

static enum ww_status judge_messages(struct judged_run *c, const struct past_world *w, int64_t to) {
    struct ww_buf list;
    struct ww_pg_args args;
    enum ww_status st = read_arrivals(c, w, to);
    if (st != WW_OK)
        return st;
    ww_buf_init(&list, LIST_CEILING);
    list_judged(c, 0, &list);
    st = add_messages(&args, &list, w->last_message, to, c->of->err);
    c->failed = WW_OK;
    if (st == WW_OK)
        st = ww_pg_sync_each(c->of->sync, ww_sql_find("recompute_readings"), &args, PAGE_ROWS, take_page, c,
                             c->of->err);
    ww_pg_args_clear(&args);
    ww_buf_clear(&list);
    return c->failed != WW_OK ? c->failed : st;
}

/* ---- The whole ---- */

static enum ww_status begin_world(struct judged_run *c, const struct past_world *w) {
    struct ww_rule_row *rules = NULL;
    struct world *before = c->world;
    struct ww_world_past past = {.at_us = w->begun_us,
                                 .last_message = w->last_message,
                                 .last_datastream = w->last_datastream,
                                 .last_limit = w->last_limit,
                                 .learned_readings = w->learned_readings,
                                 .series = c->series,
                                 .n_series = c->n_series,
                                 .donor = w->inherits && before ? before->judge : NULL};
    enum ww_status st = read_rules(c, w->id, &rules, &past.n_rules);
    past.rules = rules;
    if (st == WW_OK)
        st = ww_world_read_past(c->of->sync, &past, &c->world, c->of->err);
    if (st == WW_OK)
        ww_judge_end_replay(c->world->judge); /* takes over what it inherits */
    if (c->world != before)
        world_free(before);
    if (st != WW_OK)
        return st;
    open_as_it_was(c);
    return recompute_goes_on(c->of) ? WW_OK : ww_error_set(c->of->err, WW_BUSY, "cancelled");
}

static enum ww_status run_worlds(struct judged_run *c) {
    enum ww_status st = WW_OK;
    bool has_opened = false;
    for (uint32_t i = 0; st == WW_OK && i < c->n_worlds && !is_over(c); i++) {
        const struct past_world *w = &c->worlds[i];
        int64_t to = i + 1 < c->n_worlds ? c->worlds[i + 1].last_message : c->last_message;
        if (has_opened && !recompute_find(c->of) && !c->of->alert.before.len)
            break; /* it should be there by now */
        st = begin_world(c, w);
        if (st == WW_OK)
            st = judge_messages(c, w, to < c->last_message ? to : c->last_message);
        has_opened = has_opened || w->opens;
    }
    return st;
}

enum ww_status recompute_by_readings(struct recompute *of) {
    struct judged_run run = {.of = of}, *c = &run;
    ww_buf_init(&c->actions, ACTIONS_CEILING);
    of->out->first_version = of->out->last_version = of->alert.rule_version;
    enum ww_status st = read_worlds(c);
    if (st == WW_OK)
        st = read_series(c);
    if (st == WW_OK)
        st = log_open_before(c);
    if (st == WW_OK)
        st = run_worlds(c);
    world_free(c->world);
    ww_free(c->arrivals);
    ww_buf_clear(&c->actions);
    return st;
}
