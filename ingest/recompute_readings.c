/* An alert about readings, computed again by the judge. */
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "ingest/recompute_internal.h"

enum { PAGE_ROWS = 10000, ACTIONS_CEILING = 64 << 20 };

struct readings_run {
    struct recompute *of;
    bool has_before; /* an alert before ours was open when the first version began */
    struct ww_logged_alert before;
    struct ww_buf actions;
    int64_t learned_since_us; /* the first reading that the detector's state came from; INT64_MIN: all */

    /* of one version */
    struct world *world;
    const struct ww_cat_datastream *ds;
    int64_t since_us, until_us;
    bool is_live;
    enum ww_status failed;
};

/* What the first version found open when it began: an alert before ours. */
static enum ww_status read_open_before(struct readings_run *c) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, c->of->alert.rule_id);
    ww_pg_arg_i64(&args, c->of->alert.subject);
    ww_pg_arg_i64(&args, c->of->alert.id);
    ww_pg_arg_instant(&args, c->of->versions[0].since_us);
    enum ww_status st = ww_pg_sync_query(c->of->sync, ww_sql_find("recompute_open"), &args, &r, c->of->err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && ww_pg_rows(r) > 0)
        c->before = (struct ww_logged_alert){.count = ww_pg_i64(r, 0, 0),
                                             .peak = ww_pg_double(r, 0, 1),
                                             .peak_us = ww_pg_i64(r, 0, 2),
                                             .last_us = ww_pg_i64(r, 0, 3)};
    c->has_before = st == WW_OK && ww_pg_rows(r) > 0;
    return st;
}

/* Of that rule about that datastream, one is open when a version begins: ours, or one before it. */
static void open_as_it_was(struct readings_run *c) {
    uint32_t n;
    const struct ww_logged_alert *all = ww_alert_log_all(c->of->log, &n);
    const struct ww_logged_alert *open = n > 0 ? &all[n - 1] : &c->before;
    if (n > 0 ? open->cleared_us == WW_INSTANT_NONE : c->has_before)
        (void)ww_judge_set_open(c->world->judge, c->ds, c->of->alert.rule_id, open->count, open->peak,
                                open->peak_us, open->last_us);
}

static enum ww_status log_actions(struct readings_run *c) {
    uint64_t opened, cleared;
    ww_buf_reset(&c->actions);
    enum ww_status st = ww_judge_take_actions(c->world->judge, &c->actions, &opened, &cleared);
    return st == WW_OK
               ? ww_alert_log_apply(c->of->log, ww_buf_str(&c->actions), c->of->err)
               : ww_error_set(c->of->err, st, "the rule moves more alerts at once than can be written");
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct readings_run *c = arg;
    int n = ww_pg_rows(r);
    bool is_over = false;
    for (int i = 0; i < n && !is_over; i++) {
        int64_t received_us = ww_pg_i64(r, i, 7);
        struct ww_str flag = ww_pg_str(r, i, 4);
        struct ww_reading reading = {.time_us = ww_pg_i64(r, i, 1),
                                     .interval_us = ww_pg_i64(r, i, 2) * WW_SECOND_US,
                                     .value = ww_pg_double(r, i, 3),
                                     .flag = flag.len > 0 ? flag.ptr[0] : 'N'};
        is_over = received_us >= c->until_us;
        if (is_over)
            break;
        if (reading.time_us < c->learned_since_us)
            continue;
        c->of->out->readings++;
        if (!c->is_live && received_us < c->since_us) {
            ww_judge_replay(c->world->judge, c->ds, &reading, WW_INSTANT_NONE);
            continue;
        }
        if (!c->is_live) {
            ww_judge_end_replay(c->world->judge);
            open_as_it_was(c);
            c->is_live = true;
        }
        ww_judge_step(c->world->judge, c->ds, &reading, (uint32_t)ww_pg_i64(r, i, 5));
    }
    if (c->failed == WW_OK)
        c->failed = log_actions(c);
    const struct ww_logged_alert *alert = recompute_find(c->of);
    return c->failed == WW_OK && !is_over && !(alert && alert->cleared_us != WW_INSTANT_NONE);
}

static const struct ww_cat_datastream *find_datastream(const struct ww_catalog *catalog, int64_t id) {
    for (uint32_t i = 0; i < catalog->n_datastreams; i++)
        if (catalog->datastreams[i].id == id)
            return &catalog->datastreams[i];
    return NULL;
}

static enum ww_status run_version(struct readings_run *c, uint32_t i) {
    const struct version *v = &c->of->versions[i];
    enum ww_status st = ww_world_read(c->of->sync, &v->rule, &c->world, c->of->err);
    if (st != WW_OK)
        return st;
    c->ds = find_datastream(c->world->catalog, c->of->alert.subject);
    c->since_us = v->since_us;
    c->until_us = i + 1 < c->of->n_versions ? c->of->versions[i + 1].since_us : INT64_MAX;
    c->is_live = false;
    c->failed = WW_OK;
    if (c->ds && ww_judge_watches(c->ds)) {
        struct ww_pg_args args;
        char list[32];
        ww_pg_args_init(&args);
        snprintf(list, sizeof list, "{%lld}", (long long)c->ds->id);
        ww_pg_arg_str(&args, ww_str_of(list));
        st = ww_pg_sync_each(c->of->sync, ww_sql_find("recompute_readings"), &args, PAGE_ROWS, take_page, c,
                             c->of->err);
        ww_pg_args_clear(&args);
        if (c->failed != WW_OK)
            st = c->failed;
    }
    c->of->out->last_version = v->rule.version;
    world_free(c->world);
    c->world = NULL;
    return st;
}

/* What a detector that learns has learned began somewhere: a start of the server knows some weeks. The
 * explanation says where ("learned"). */
static enum ww_status read_learned(struct readings_run *c) {
    struct ww_json_node *explanation;
    struct ww_str since;
    enum ww_status st = ww_json_parse(c->of->arena, c->of->alert.explanation, &explanation, c->of->err);
    c->learned_since_us = INT64_MIN;
    if (st == WW_OK && ww_json_as_str(ww_json_get(ww_json_get(explanation, "learned"), "since"), &since) &&
        ww_instant_parse(since, NULL, &c->learned_since_us, NULL) != WW_OK)
        c->learned_since_us = INT64_MIN;
    return st;
}

enum ww_status recompute_by_readings(struct recompute *of) {
    struct readings_run run = {.of = of}, *c = &run;
    ww_buf_init(&c->actions, ACTIONS_CEILING);
    enum ww_status st = read_open_before(c);
    if (st == WW_OK)
        st = read_learned(c);
    c->of->out->first_version = c->of->versions[0].rule.version;
    for (uint32_t i = 0; st == WW_OK && i < c->of->n_versions; i++) {
        const struct ww_logged_alert *alert = recompute_find(c->of);
        if (i > 0 && (!alert || alert->cleared_us != WW_INSTANT_NONE))
            break; /* over, or it should have opened by now */
        if (c->of->versions[i].enabled)
            st = run_version(c, i);
    }
    world_free(c->world);
    ww_buf_clear(&c->actions);
    return st;
}
