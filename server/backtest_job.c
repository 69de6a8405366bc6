/* Requests and reports of back-tests. */
#include "server/backtest_job.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"
#include "server/rule_draft.h"

enum { CONNECT_MS = 30000, ARENA_CEILING = 16 << 20, LIST_CEILING = 32 << 20, ALERTS_CEILING = 60 << 20 };
#define WEEK_US      (7 * WW_DAY_US)
#define MOST_SPAN_US (36600 * WW_DAY_US)

/* ---- Requests ---- */

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status read_instant(const struct ww_json_node *root, const char *key, int64_t *out,
                                   struct ww_error *err) {
    struct ww_str text;
    const struct ww_json_node *node = ww_json_get(root, key);
    if (!node)
        return refuse(err, key, "is missing");
    if (!ww_json_as_str(node, &text) || ww_instant_parse(text, NULL, out, NULL) != WW_OK)
        return refuse(err, key, "must be a time such as 2026-11-23T01:02:03Z");
    return WW_OK;
}

/* An error of the draft names its member as "rule.member". */
static enum ww_status inside_rule(struct ww_error *err, enum ww_status st) {
    char field[sizeof err->field];
    snprintf(field, sizeof field, "rule%s%.55s", err->field[0] ? "." : "", err->field);
    if (strcmp(err->field, "rule") != 0)
        snprintf(err->field, sizeof err->field, "%s", field);
    return st;
}

enum ww_status ww_backtest_request_check(const struct ww_backtest_request *request, struct ww_error *err) {
    if (request->time.from_us >= request->time.to_us)
        return refuse(err, "to", "must be after from");
    if (request->time.to_us - request->time.from_us > MOST_SPAN_US)
        return refuse(err, "to", "is more than a century after from");
    return WW_OK;
}

enum ww_status ww_backtest_read_clock(struct ww_str word, struct ww_backtest_time *out,
                                      struct ww_error *err) {
    out->by_phenomenon = ww_str_is(word, "phenomenon");
    return out->by_phenomenon || ww_str_is(word, "arrival")
               ? WW_OK
               : refuse(err, "clock", "must be arrival or phenomenon");
}

enum ww_status ww_backtest_read_every(double seconds, struct ww_backtest_time *out, struct ww_error *err) {
    if (!(seconds >= (double)WW_BACKTEST_LEAST_EVERY_US / (double)WW_SECOND_US && seconds <= 86400))
        return refuse(err, "look_every_s", "must be from 0.25 to 86400");
    out->look_every_us = llround(seconds * (double)WW_SECOND_US);
    return WW_OK;
}

static enum ww_status read_looks(const struct ww_json_node *root, struct ww_backtest_time *out,
                                 struct ww_error *err) {
    const struct ww_json_node *clock = ww_json_get(root, "clock"), *every = ww_json_get(root, "look_every_s");
    struct ww_str word = WW_STR("");
    double seconds = NAN;
    if (clock)
        (void)ww_json_as_str(clock, &word);
    if (every)
        (void)ww_json_as_double(every, &seconds);
    enum ww_status st = clock ? ww_backtest_read_clock(word, out, err) : WW_OK;
    return st == WW_OK && every ? ww_backtest_read_every(seconds, out, err) : st;
}

enum ww_status ww_backtest_request_read(struct ww_arena *arena, struct ww_str json,
                                        struct ww_backtest_request *out, struct ww_error *err) {
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return ww_error_set(err, WW_BAD_INPUT, "the body must be an object");
    for (const struct ww_json_node *m = root->child; m; m = m->next) {
        static const char *const known[] = {"rule", "from", "to", "look_every_s", "clock"};
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || ww_str_is(m->key, known[i]);
        if (is_known)
            continue;
        ww_error_set(err, WW_BAD_INPUT, "unknown member %.*s", m->key.len > 60 ? 60 : (int)m->key.len,
                     m->key.ptr);
        ww_error_at_field(err, m->key, WW_STR_NONE);
        return WW_BAD_INPUT;
    }
    memset(out, 0, sizeof *out);
    const struct ww_json_node *rule = ww_json_get(root, "rule");
    if (!rule)
        return refuse(err, "rule", "is missing");
    if (!ww_json_as_str(rule, &out->code)) {
        if (rule->type != WW_JSON_OBJECT)
            return refuse(err, "rule", "must be the code of a rule, or a rule");
        out->code = WW_STR("");
        if ((st = ww_rule_draft_read(arena, rule, &out->draft, err)) != WW_OK)
            return inside_rule(err, st);
    } else if (out->code.len == 0) {
        return refuse(err, "rule", "must not be empty");
    }
    if ((st = read_instant(root, "from", &out->time.from_us, err)) != WW_OK ||
        (st = read_instant(root, "to", &out->time.to_us, err)) != WW_OK ||
        (st = read_looks(root, &out->time, err)) != WW_OK)
        return st;
    return ww_backtest_request_check(out, err);
}

/* ---- Reports ---- */

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

static void write_int(struct ww_json *w, const char *key, int64_t value) {
    ww_json_key(w, key);
    ww_json_int(w, value);
}

static void write_double(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}

static double rounded(double value) {
    return round(value * 1000) / 1000;
}

/* As backtest_report.sql takes them. */
static void write_alerts(const struct ww_alert_log *log, struct ww_buf *out) {
    uint32_t n;
    const struct ww_logged_alert *alerts = ww_alert_log_all(log, &n);
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_array(&w);
    for (uint32_t i = 0; i < n; i++) {
        const struct ww_logged_alert *a = &alerts[i];
        ww_json_object(&w);
        ww_json_key(&w, "kind");
        ww_json_text(&w, a->kind);
        write_int(&w, "subject", a->subject);
        if (a->ward_id != 0)
            write_int(&w, "ward", a->ward_id);
        write_int(&w, "severity", a->severity);
        write_instant(&w, "opened_at", a->opened_us);
        write_instant(&w, "cleared_at", a->cleared_us);
        write_instant(&w, "last_at", a->last_us);
        write_instant(&w, "peak_at", a->peak_us);
        write_int(&w, "count", a->count);
        write_double(&w, "last", a->last);
        write_double(&w, "peak", a->peak);
        if (a->explanation.len > 0) {
            ww_json_key(&w, "explanation");
            ww_json_raw(&w, a->explanation);
        }
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
}

/* A rule's alerts are all of one category. */
static struct ww_str category_of(const struct ww_alert_log *log, const struct ww_rule_row *rule) {
    uint32_t n;
    const struct ww_logged_alert *alerts = ww_alert_log_all(log, &n);
    const struct ww_rule_kind *kind = ww_rule_kind_find(rule->detector);
    bool is_of_senders = kind && kind->engine == WW_ENGINE_HEALTH;
    return n > 0 ? ww_str_of(alerts[0].category) : is_of_senders ? WW_STR("sensor") : WW_STR("pollution");
}

static enum ww_status ask_report(struct ww_backtest *bt, const struct ww_backtest_request *request,
                                 const struct ww_rule_row *rule, const struct ww_pg_result **r,
                                 struct ww_error *err) {
    struct ww_buf alerts, watched;
    ww_buf_init(&alerts, ALERTS_CEILING);
    ww_buf_init(&watched, LIST_CEILING);
    write_alerts(ww_backtest_alerts(bt), &alerts);
    ww_backtest_watched(bt, &watched);
    enum ww_status st = ww_buf_status(&alerts) != WW_OK ? ww_buf_status(&alerts) : ww_buf_status(&watched);
    if (st == WW_OK) {
        struct ww_pg_args args;
        ww_pg_args_init(&args);
        ww_pg_arg_str(&args, ww_buf_str(&alerts));
        ww_pg_arg_instant(&args, request->time.from_us);
        ww_pg_arg_instant(&args, request->time.to_us);
        ww_pg_arg_str(&args, ww_buf_str(&watched));
        ww_pg_arg_str(&args, category_of(ww_backtest_alerts(bt), rule));
        ww_pg_arg_str(&args, ww_backtest_property(bt));
        ww_pg_arg_bool(&args, ww_rule_kind_find(rule->detector)->engine == WW_ENGINE_SPACE);
        st = ww_pg_sync_query(ww_backtest_sync(bt), ww_sql_find("backtest_report"), &args, r, err);
        ww_pg_args_clear(&args);
    } else {
        ww_error_set(err, st, "the report is too large");
    }
    ww_buf_clear(&alerts);
    ww_buf_clear(&watched);
    return st;
}

static void write_rule(struct ww_json *w, const struct ww_rule_row *rule, bool is_draft) {
    ww_json_key(w, "rule");
    ww_json_object(w);
    ww_json_key(w, "code");
    ww_json_str(w, rule->code);
    ww_json_key(w, "version");
    if (is_draft)
        ww_json_null(w);
    else
        ww_json_int(w, rule->version);
    ww_json_key(w, "detector");
    ww_json_str(w, rule->detector);
    ww_json_key(w, "config");
    ww_json_raw(w, rule->config);
    ww_json_end_object(w);
}

/* By which clock, and how often, a rule was looked at that goes by the clock. */
static void write_looks(struct ww_json *w, const struct ww_backtest_request *request,
                        const struct ww_rule_row *rule, const struct ww_backtest_progress *p) {
    int64_t usual_us = ww_backtest_usual_every_us(rule->detector), every_us = request->time.look_every_us;
    ww_json_key(w, "looks");
    if (usual_us == 0) {
        ww_json_null(w);
        return;
    }
    ww_json_object(w);
    ww_json_key(w, "clock");
    ww_json_text(w, request->time.by_phenomenon ? "phenomenon" : "arrival");
    write_double(w, "every_s", (double)(every_us > 0 ? every_us : usual_us) / (double)WW_SECOND_US);
    write_int(w, "count", (int64_t)p->looks);
    ww_json_end_object(w);
}

static void write_report(struct ww_backtest *bt, const struct ww_backtest_request *request,
                         const struct ww_rule_row *rule, const struct ww_pg_result *r, int64_t took_ms,
                         struct ww_buf *out) {
    uint32_t n;
    (void)ww_alert_log_all(ww_backtest_alerts(bt), &n);
    const struct ww_backtest_progress *p = ww_backtest_progress(bt);
    double weeks = (double)(request->time.to_us - request->time.from_us) / (double)WEEK_US;
    int64_t wards = ww_pg_i64(r, 0, 2), confirmed = ww_pg_i64(r, 0, 3), wrong = ww_pg_i64(r, 0, 4);
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    write_rule(&w, rule, request->code.len == 0);
    write_instant(&w, "from", request->time.from_us);
    write_instant(&w, "to", request->time.to_us);
    write_int(&w, "readings", (int64_t)p->readings);
    write_int(&w, "datastreams", p->watched);
    write_int(&w, "wards", wards);
    write_looks(&w, request, rule, p);
    write_double(&w, "weeks", rounded(weeks));
    write_int(&w, "alert_count", n);
    write_double(&w, "alerts_per_week", rounded(n / weeks));
    write_double(&w, "alerts_per_ward_week", wards > 0 ? rounded(n / weeks / (double)wards) : NAN);
    ww_json_key(&w, "outcomes");
    ww_json_object(&w);
    write_int(&w, "confirmed", confirmed);
    write_int(&w, "false", wrong);
    write_int(&w, "unknown", ww_pg_i64(r, 0, 5));
    write_int(&w, "none", ww_pg_i64(r, 0, 6));
    write_int(&w, "missed", ww_pg_i64(r, 0, 7));
    ww_json_end_object(&w);
    write_double(&w, "precision",
                 confirmed + wrong > 0 ? rounded((double)confirmed / (double)(confirmed + wrong)) : NAN);
    ww_json_key(&w, "by_ward");
    ww_json_raw(&w, ww_pg_str(r, 0, 1));
    ww_json_key(&w, "alerts");
    ww_json_raw(&w, ww_pg_str(r, 0, 0));
    write_int(&w, "took_ms", took_ms);
    ww_json_end_object(&w);
}

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The rule that is meant: the draft, or the one of that code as it is now; and whether what it names is
 * there. */
static enum ww_status find_rule(const char *conninfo, const struct ww_backtest_request *request,
                                struct ww_arena *arena, struct ww_rule_row *out, struct ww_error *err) {
    struct ww_pg_sync *sync;
    enum ww_status st = ww_pg_sync_open(conninfo, CONNECT_MS, &sync, err);
    if (st != WW_OK)
        return st;
    *out = request->draft;
    if (request->code.len > 0)
        st = ww_rule_by_code(sync, arena, request->code, out, err);
    if (st == WW_OK && (st = ww_rule_row_check(sync, arena, out, err)) != WW_OK &&
        (st == WW_BAD_INPUT || st == WW_NOT_FOUND) && err->field[0])
        st = err->status = inside_rule(err, WW_BAD_INPUT);
    ww_pg_sync_close(sync);
    return st;
}

enum ww_status ww_backtest_report(const char *conninfo, const struct ww_backtest_request *request,
                                  ww_backtest_cb go_on, void *arg, struct ww_buf *out, struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(ARENA_CEILING);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory");
    int64_t began_ms = monotonic_ms();
    struct ww_backtest *bt = NULL;
    struct ww_rule_row rule;
    const struct ww_pg_result *r;
    enum ww_status st = find_rule(conninfo, request, arena, &rule, err);
    if (st == WW_OK && (st = ww_backtest_open(conninfo, &rule, &bt, err)) == WW_BAD_INPUT)
        st = inside_rule(err, st);
    if (st == WW_OK)
        st = ww_backtest_run(bt, &request->time, go_on, arg, err);
    if (st == WW_OK)
        st = ask_report(bt, request, &rule, &r, err);
    if (st == WW_OK) {
        write_report(bt, request, &rule, r, monotonic_ms() - began_ms, out);
        if ((st = ww_buf_status(out)) != WW_OK)
            ww_error_set(err, st, "the report is too large");
    }
    ww_backtest_close(bt);
    ww_arena_free(arena);
    return st;
}
