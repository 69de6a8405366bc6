/* Computes an alert again and compares it with what is stored. */
#include "ingest/recompute.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_compare.h"
#include "geo/base/json_writer.h"
#include "ingest/recompute_internal.h"

enum { CONNECT_MS = 30000, MOST_ALERTS = 100000, ARENA_CEILING = 64 << 20, SIDE_CEILING = 4 << 20 };

/* ---- What is stored ---- */

static int64_t instant_at(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? WW_INSTANT_NONE : ww_pg_i64(r, row, column);
}

static enum ww_status read_alert(struct recompute *c, int64_t id) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, id);
    enum ww_status st = ww_pg_sync_query(c->sync, ww_sql_find("explain_alert"), &args, &r, c->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(c->err, WW_NOT_FOUND, "there is no alert %lld", (long long)id);
    c->alert = (struct stored_alert){.id = id,
                                     .rule_id = (int32_t)ww_pg_i64(r, 0, 0),
                                     .rule_version = (int32_t)ww_pg_i64(r, 0, 1),
                                     .kind = ww_arena_copy(c->arena, ww_pg_str(r, 0, 2)),
                                     .subject = ww_pg_i64(r, 0, 3),
                                     .ward_id = ww_pg_i64(r, 0, 4),
                                     .severity = ww_pg_i64(r, 0, 5),
                                     .detector = ww_arena_copy(c->arena, ww_pg_str(r, 0, 6)),
                                     .code = ww_arena_copy(c->arena, ww_pg_str(r, 0, 7)),
                                     .opened_us = ww_pg_i64(r, 0, 8),
                                     .cleared_us = instant_at(r, 0, 9),
                                     .last_us = instant_at(r, 0, 10),
                                     .peak_us = instant_at(r, 0, 11),
                                     .count = ww_pg_i64(r, 0, 12),
                                     .last = ww_pg_double(r, 0, 13),
                                     .peak = ww_pg_double(r, 0, 14),
                                     .explanation = ww_arena_copy(c->arena, ww_pg_str(r, 0, 15)),
                                     .open_last = ww_pg_double(r, 0, 16),
                                     .open_peak = ww_pg_double(r, 0, 17),
                                     .open_count = ww_pg_i64(r, 0, 18),
                                     .told_opened_us = ww_pg_i64(r, 0, 19),
                                     .before = ww_arena_copy(c->arena, ww_pg_str(r, 0, 20)),
                                     .joined = ww_arena_copy(c->arena, ww_pg_str(r, 0, 21)),
                                     .detected_us = ww_pg_i64(r, 0, 22),
                                     .clear_detected_us = instant_at(r, 0, 23),
                                     .latest = ww_arena_copy(c->arena, ww_pg_str(r, 0, 24))};
    return WW_OK;
}

enum ww_status recompute_rule(struct recompute *c, int32_t version, struct ww_rule_row *out) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, c->alert.rule_id);
    ww_pg_arg_i64(&args, version);
    enum ww_status st = ww_pg_sync_query(c->sync, ww_sql_find("recompute_version"), &args, &r, c->err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(c->err, WW_CONFLICT, "version %d of rule %.*s has not been kept", version,
                            WW_STR_ARG(c->alert.code));
    *out = (struct ww_rule_row){.id = c->alert.rule_id,
                                .version = version,
                                .severity = (int)ww_pg_i64(r, 0, 0),
                                .code = ww_arena_copy(c->arena, ww_pg_str(r, 0, 1)),
                                .detector = ww_arena_copy(c->arena, ww_pg_str(r, 0, 2)),
                                .config = ww_arena_copy(c->arena, ww_pg_str(r, 0, 3))};
    return WW_OK;
}

const struct ww_logged_alert *recompute_find(const struct recompute *c) {
    uint32_t n;
    const struct ww_logged_alert *all = ww_alert_log_all(c->log, &n);
    for (uint32_t i = 0; i < n; i++)
        if (all[i].raised_us == c->alert.opened_us && all[i].rule_id == c->alert.rule_id &&
            all[i].subject == c->alert.subject && all[i].ward_id == c->alert.ward_id &&
            ww_str_is(c->alert.kind, all[i].kind))
            return &all[i];
    return NULL;
}

bool recompute_goes_on(const struct recompute *c) {
    return !c->goes_on || c->goes_on(c->arg, c->out->readings);
}

/* ---- Comparing ---- */

static void add_difference(void *arg, const char *path, struct ww_str stored, struct ww_str computed) {
    struct ww_recomputed *out = arg;
    if (out->n_differences == out->cap_differences) {
        out->cap_differences = out->cap_differences ? out->cap_differences * 2 : 16;
        out->differences = ww_try_realloc(out->differences, out->cap_differences * sizeof *out->differences);
        assert(out->differences);
    }
    out->differences[out->n_differences++] = (struct ww_recomputed_difference){
        ww_arena_copy(out->arena, ww_str_of(path)), ww_arena_copy(out->arena, stored),
        ww_arena_copy(out->arena, computed)};
}

static void write_double(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}

static void write_int(struct ww_json *w, const char *key, int64_t value) {
    ww_json_key(w, key);
    ww_json_int(w, value);
}

static void write_instant(struct ww_json *w, const char *key, int64_t at_us) {
    char text[40];
    ww_json_key(w, key);
    if (at_us == WW_INSTANT_NONE) {
        ww_json_null(w);
        return;
    }
    ww_instant_text(at_us, text);
    ww_json_text(w, text);
}

/* One side of the comparison; the members' names are those of `GET /api/v1/alerts/{id}`. */
struct side {
    int64_t severity, opened_us, cleared_us, last_us, peak_us, count, open_count;
    double last, peak, open_last, open_peak;
    struct ww_str explanation, latest, before;
    const struct ww_str *joined; /* reasons, or one array of them */
    uint32_t n_joined;
};

static void write_side(struct ww_buf *out, const struct side *s) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    write_int(&w, "severity", s->severity);
    write_instant(&w, "opened_at", s->opened_us);
    write_instant(&w, "cleared_at", s->cleared_us);
    write_instant(&w, "last_exceeded_at", s->last_us);
    write_int(&w, "exceed_count", s->count);
    write_double(&w, "last_value", s->last);
    write_double(&w, "peak_value", s->peak);
    write_instant(&w, "peak_at", s->peak_us);
    ww_json_key(&w, "when_opened");
    ww_json_object(&w);
    write_double(&w, "value", s->open_last);
    write_double(&w, "peak_value", s->open_peak);
    write_int(&w, "exceed_count", s->open_count);
    ww_json_end_object(&w);
    ww_json_key(&w, "explanation");
    ww_json_raw(&w, s->explanation);
    if (s->latest.len > 0) {
        ww_json_key(&w, "latest");
        ww_json_raw(&w, s->latest);
    }
    if (s->before.len > 0) {
        ww_json_key(&w, "before");
        ww_json_raw(&w, s->before);
    }
    ww_json_key(&w, "joined");
    bool is_array = s->n_joined > 0 && s->joined[0].ptr[0] == '[';
    if (!is_array)
        ww_json_array(&w);
    for (uint32_t i = 0; i < s->n_joined; i++)
        ww_json_raw(&w, s->joined[i]);
    if (!is_array)
        ww_json_end_array(&w);
    ww_json_end_object(&w);
}

static enum ww_status compare_sides(struct recompute *c, const struct side sides[2]) {
    struct ww_json_node *root[2] = {NULL, NULL};
    struct ww_buf text[2];
    enum ww_status st = WW_OK;
    for (int i = 0; i < 2; i++) {
        ww_buf_init(&text[i], SIDE_CEILING);
        write_side(&text[i], &sides[i]);
        if (st == WW_OK && (st = ww_buf_status(&text[i])) != WW_OK)
            ww_error_set(c->err, st, "the explanation is too large");
        if (st == WW_OK)
            st = ww_json_parse(c->arena, ww_arena_copy(c->arena, ww_buf_str(&text[i])), &root[i], c->err);
        ww_buf_clear(&text[i]);
    }
    if (st == WW_OK)
        c->out->compared = ww_json_compare(root[0], root[1], add_difference, c->out);
    return st;
}

static enum ww_status compare(struct recompute *c) {
    const struct stored_alert *a = &c->alert;
    const struct ww_logged_alert *l = recompute_find(c);
    if (!l) {
        char text[48];
        int n = snprintf(text, sizeof text, "\"");
        n += ww_instant_text(a->opened_us, text + n);
        snprintf(text + n, sizeof text - (size_t)n, "\"");
        add_difference(c->out, "opened_at", ww_str_of(text), WW_STR(""));
        c->out->compared = 1;
        return WW_OK;
    }
    c->out->is_found = true;
    const struct side sides[2] = {{a->severity, a->told_opened_us, a->cleared_us, a->last_us, a->peak_us,
                                   a->count, a->open_count, a->last, a->peak, a->open_last, a->open_peak,
                                   a->explanation, a->latest, a->before, &a->joined, a->joined.len > 0},
                                  {l->severity, l->opened_us,
                                   c->clears_by_looks ? a->cleared_us : l->cleared_us, l->last_us, l->peak_us,
                                   l->count, l->open_count, l->last, l->peak, l->open_last, l->open_peak,
                                   l->explanation, l->latest, l->before, l->joined, l->n_joined}};
    return compare_sides(c, sides);
}

/* ---- The whole ---- */

/* By whoever judged it: the rule's detector as it was then says who. */
static enum ww_status run(struct recompute *c) {
    const struct ww_rule_kind *kind = ww_rule_kind_find(c->rule.detector);
    if (!kind)
        return ww_error_set(c->err, WW_CONFLICT, "this program has no detector %.*s",
                            WW_STR_ARG(c->rule.detector));
    switch (kind->engine) {
    case WW_ENGINE_JUDGE:
    case WW_ENGINE_LEARNED:
        return recompute_by_readings(c);
    case WW_ENGINE_HEALTH:
        return recompute_by_messages(c);
    case WW_ENGINE_SPACE:
        c->clears_by_looks = true;
        return recompute_by_looks(c);
    }
    assert(0 && "every engine is named");
    return WW_CONFLICT;
}

static enum ww_status recompute(struct recompute *c, const char *conninfo, int64_t alert_id) {
    enum ww_status st = ww_pg_sync_open(conninfo, CONNECT_MS, &c->sync, c->err);
    if (st == WW_OK)
        st = ww_pg_sync_exec(c->sync,
                             "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                             "SET LOCAL application_name = 'wardwatch explain'; SET LOCAL work_mem = '64MB'",
                             NULL, NULL, c->err);
    if (st == WW_OK && (st = read_alert(c, alert_id)) == WW_OK)
        st = recompute_rule(c, c->alert.rule_version, &c->rule);
    if (st == WW_OK && (st = run(c)) == WW_OK)
        st = compare(c);
    return st;
}

enum ww_status ww_recompute(const char *conninfo, int64_t alert_id, ww_recompute_cb goes_on, void *arg,
                            struct ww_recomputed **out, struct ww_error *err) {
    struct ww_recomputed *done = ww_must_calloc(1, sizeof *done);
    done->arena = ww_arena_new(ARENA_CEILING);
    assert(done->arena);
    struct recompute c = {.arena = done->arena, .out = done, .err = err, .goes_on = goes_on, .arg = arg};
    c.log = ww_alert_log_new(MOST_ALERTS, true);
    enum ww_status st = recompute(&c, conninfo, alert_id);
    ww_alert_log_free(c.log);
    ww_pg_sync_close(c.sync);
    *out = st == WW_OK ? done : NULL;
    if (st != WW_OK)
        ww_recomputed_free(done);
    return st;
}

void ww_recomputed_free(struct ww_recomputed *done) {
    if (!done)
        return;
    ww_arena_free(done->arena);
    ww_free(done->differences);
    ww_free(done);
}
