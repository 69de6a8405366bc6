/* Applies actions to a table in memory, with what alert_apply (sql/migrations) does to the table alert. */
#include "ingest/alert_log.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/base/map.h"
#include "geo/instant.h"

enum { EXPLANATIONS_CEILING = 256 << 20, ACTIONS_CEILING = 256 << 20 };
#define NOT_OPEN  UINT64_MAX
#define TOO_LARGE "the explanations of the alerts are too large"

struct ww_alert_log {
    uint32_t most, n, cap;
    bool keeps_explanations;
    uint32_t most_explained;
    struct ww_logged_alert *alerts;
    struct ww_map *open; /* rule, kind and subject → index, or NOT_OPEN */
    struct ww_arena *explanations;
    uint32_t first_of_group; /* numbers of openings count within one group of actions */
};

struct ww_alert_log *ww_alert_log_new(uint32_t most, bool keeps_explanations) {
    struct ww_alert_log *log = ww_must_calloc(1, sizeof *log);
    log->most = most;
    log->keeps_explanations = keeps_explanations;
    log->most_explained = UINT32_MAX;
    log->open = ww_map_new(256);
    log->explanations = ww_arena_new(EXPLANATIONS_CEILING);
    assert(log->explanations);
    return log;
}

void ww_alert_log_explain_first(struct ww_alert_log *log, uint32_t n) {
    log->most_explained = n;
}

void ww_alert_log_free(struct ww_alert_log *log) {
    if (!log)
        return;
    ww_map_free(log->open);
    ww_arena_free(log->explanations);
    ww_free(log->alerts);
    ww_free(log);
}

const struct ww_logged_alert *ww_alert_log_all(const struct ww_alert_log *log, uint32_t *count) {
    *count = log->n;
    return log->alerts;
}

/* ---- Members of an action ---- */

static int64_t int_of(const struct ww_json_node *action, const char *key, int64_t otherwise) {
    int64_t value;
    return ww_json_as_i64(ww_json_get(action, key), &value) ? value : otherwise;
}

static void take_int(const struct ww_json_node *action, const char *key, int64_t *out) {
    *out = int_of(action, key, *out);
}

static void take_double(const struct ww_json_node *action, const char *key, double *out) {
    double value;
    if (ww_json_as_double(ww_json_get(action, key), &value))
        *out = value;
}

static void take_instant(const struct ww_json_node *action, const char *key, int64_t *out) {
    struct ww_str text;
    int64_t at_us;
    if (ww_json_as_str(ww_json_get(action, key), &text) &&
        ww_instant_parse(text, NULL, &at_us, NULL) == WW_OK)
        *out = at_us;
}

static void take_numbers(const struct ww_json_node *action, struct ww_logged_alert *alert) {
    take_int(action, "count", &alert->count);
    take_double(action, "last", &alert->last);
    take_double(action, "peak", &alert->peak);
    take_instant(action, "peak_at", &alert->peak_us);
    take_instant(action, "last_at", &alert->last_us);
}

/* {kind, subject}, or {datastream}. */
static int64_t subject_of(const struct ww_json_node *action, struct ww_str *kind) {
    if (ww_json_as_str(ww_json_get(action, "kind"), kind))
        return int_of(action, "subject", 0);
    *kind = WW_STR("datastream");
    return int_of(action, "datastream", 0);
}

/* ---- Moves ---- */

static void put_open(struct ww_alert_log *log, struct ww_str key, uint64_t index) {
    enum ww_status st = ww_map_put(log->open, key, index);
    assert(st == WW_OK);
    (void)st;
}

static enum ww_status keep(struct ww_alert_log *log, const struct ww_json_node *node, struct ww_str *out,
                           struct ww_error *err) {
    if (!log->keeps_explanations || log->n > log->most_explained || !node)
        return WW_OK;
    *out = ww_arena_copy(log->explanations, node->text);
    return out->ptr ? WW_OK : ww_error_set(err, WW_TOO_LARGE, TOO_LARGE);
}

static enum ww_status open_alert(struct ww_alert_log *log, const struct ww_json_node *action,
                                 struct ww_str kind, int64_t subject, struct ww_str key,
                                 struct ww_error *err) {
    uint64_t at;
    if (ww_map_get(log->open, key, &at) && at != NOT_OPEN)
        return WW_OK; /* one event, one alert */
    if (log->n == log->most)
        return ww_error_set(err, WW_TOO_LARGE,
                            "more than %u alerts: choose a shorter time or a stricter rule", log->most);
    if (log->n == log->cap) {
        log->cap = log->cap ? log->cap * 2 : 64;
        log->alerts = ww_try_realloc(log->alerts, log->cap * sizeof *log->alerts);
        assert(log->alerts);
    }
    struct ww_logged_alert *alert = &log->alerts[log->n];
    *alert = (struct ww_logged_alert){.rule_id = (int32_t)int_of(action, "rule", 0),
                                      .subject = subject,
                                      .ward_id = int_of(action, "ward", 0),
                                      .severity = (int)int_of(action, "severity", 0),
                                      .opened_us = WW_INSTANT_NONE,
                                      .cleared_us = WW_INSTANT_NONE,
                                      .last_us = WW_INSTANT_NONE,
                                      .peak_us = WW_INSTANT_NONE,
                                      .last = NAN,
                                      .peak = NAN,
                                      .number = (uint32_t)int_of(action, "number", 0)};
    struct ww_str category = WW_STR("pollution");
    (void)ww_json_as_str(ww_json_get(action, "category"), &category);
    snprintf(alert->kind, sizeof alert->kind, "%.*s", WW_STR_ARG(kind));
    snprintf(alert->category, sizeof alert->category, "%.*s", WW_STR_ARG(category));
    take_instant(action, "at", &alert->opened_us);
    alert->raised_us = alert->opened_us;
    take_numbers(action, alert);
    alert->open_count = alert->count;
    alert->open_last = alert->last;
    alert->open_peak = alert->peak;
    put_open(log, key, log->n++);
    return keep(log, ww_json_get(action, "explanation"), &alert->explanation, err);
}

/* The reasons of what was taken over go on behind those of the rule that has it now. */
static enum ww_status add_reasons(struct ww_alert_log *log, struct ww_logged_alert *alert,
                                  struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(ACTIONS_CEILING);
    struct ww_json_node *before = NULL;
    const struct ww_json_node *reasons = NULL;
    struct ww_str own = alert->explanation;
    char *whole = NULL;
    if (arena && ww_json_parse(arena, alert->before, &before, NULL) == WW_OK)
        reasons = ww_json_get(before, "reasons");
    bool goes_on = reasons && reasons->child && own.len > 2 && own.ptr[own.len - 2] == ']';
    if (goes_on && (whole = ww_arena_alloc(log->explanations, own.len + reasons->text.len))) {
        memcpy(whole, own.ptr, own.len - 2); /* before "]}" */
        whole[own.len - 2] = ',';
        memcpy(whole + own.len - 1, reasons->text.ptr + 1, reasons->text.len - 1);
        whole[own.len + reasons->text.len - 2] = '}';
        alert->explanation = (struct ww_str){whole, own.len + reasons->text.len - 1};
    }
    ww_arena_free(arena);
    return goes_on && !whole ? ww_error_set(err, WW_TOO_LARGE, TOO_LARGE) : WW_OK;
}

/* A stronger rule makes an open alert its own: `open` with `takes`. */
static enum ww_status raise_alert(struct ww_alert_log *log, const struct ww_json_node *action, uint64_t at,
                                  int64_t subject, struct ww_str key, struct ww_error *err) {
    struct ww_logged_alert *alert = &log->alerts[at];
    int severity = (int)int_of(action, "severity", 0);
    alert->rule_id = (int32_t)int_of(action, "rule", 0);
    alert->subject = subject;
    alert->severity = severity > alert->severity ? severity : alert->severity;
    alert->number = (uint32_t)int_of(action, "number", 0);
    take_instant(action, "at", &alert->raised_us);
    take_numbers(action, alert);
    alert->open_count = alert->count;
    alert->open_last = alert->last;
    alert->open_peak = alert->peak;
    alert->before = alert->explanation;
    put_open(log, key, at);
    enum ww_status st = keep(log, ww_json_get(action, "explanation"), &alert->explanation, err);
    return st == WW_OK && log->keeps_explanations ? add_reasons(log, alert, err) : st;
}

/* The open alert that an opening takes over, which is nobody's then; NOT_OPEN: none. */
static uint64_t take_open(struct ww_alert_log *log, const struct ww_json_node *takes, struct ww_str key) {
    char text[80];
    uint64_t at, own;
    int len = snprintf(text, sizeof text, "%lld datastream %lld", (long long)int_of(takes, "rule", 0),
                       (long long)int_of(takes, "datastream", 0));
    struct ww_str its_key = {text, (size_t)len};
    if (!takes || !ww_map_get(log->open, its_key, &at) || at == NOT_OPEN ||
        (ww_map_get(log->open, key, &own) && own != NOT_OPEN))
        return NOT_OPEN;
    put_open(log, its_key, NOT_OPEN);
    return at;
}

static bool has_joined(const struct ww_logged_alert *alert, const struct ww_json_node *reason) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_str rule = WW_STR(""), other;
    bool found = false;
    (void)ww_json_as_str(ww_json_get(reason, "rule"), &rule);
    for (uint32_t i = 0; arena && i < alert->n_joined && !found; i++) {
        struct ww_json_node *node;
        found = ww_json_parse(arena, alert->joined[i], &node, NULL) == WW_OK &&
                ww_json_as_str(ww_json_get(node, "rule"), &other) && ww_str_eq(rule, other) &&
                int_of(node, "datastream", 0) == int_of(reason, "datastream", 0);
    }
    ww_arena_free(arena);
    return found;
}

/* Another reason for it: it goes no further by that. */
static enum ww_status join_alert(struct ww_alert_log *log, const struct ww_json_node *action,
                                 struct ww_logged_alert *alert, struct ww_error *err) {
    const struct ww_json_node *reason = ww_json_get(action, "reason");
    if (!log->keeps_explanations || !alert || !reason ||
        alert->n_joined == sizeof alert->joined / sizeof *alert->joined || has_joined(alert, reason))
        return WW_OK;
    return keep(log, reason, &alert->joined[alert->n_joined++], err);
}

/* The alert that an update or a clearing means; NULL: none. */
static struct ww_logged_alert *find(struct ww_alert_log *log, const struct ww_json_node *action,
                                    struct ww_str key) {
    int64_t of = int_of(action, "of", 0);
    for (uint32_t i = log->first_of_group; of > 0 && i < log->n; i++)
        if (log->alerts[i].number == of)
            return &log->alerts[i];
    uint64_t at;
    return ww_map_get(log->open, key, &at) && at != NOT_OPEN ? &log->alerts[at] : NULL;
}

static enum ww_status apply(struct ww_alert_log *log, const struct ww_json_node *action,
                            struct ww_error *err) {
    struct ww_str op, kind;
    int64_t subject = subject_of(action, &kind);
    char text[80];
    int len = snprintf(text, sizeof text, "%lld %.*s %lld", (long long)int_of(action, "rule", 0),
                       WW_STR_ARG(kind), (long long)subject);
    struct ww_str key = {text, (size_t)len};
    if (!ww_json_as_str(ww_json_get(action, "op"), &op))
        return ww_error_set(err, WW_BAD_INPUT, "an action without op");
    if (ww_str_is(op, "open")) {
        uint64_t taken = take_open(log, ww_json_get(action, "takes"), key);
        return taken == NOT_OPEN ? open_alert(log, action, kind, subject, key, err)
                                 : raise_alert(log, action, taken, subject, key, err);
    }
    struct ww_logged_alert *alert = find(log, action, key);
    if (ww_str_is(op, "join"))
        return join_alert(log, action, alert, err);
    bool is_clearing = ww_str_is(op, "clear");
    if (!alert || (!is_clearing && !ww_str_is(op, "update")))
        return WW_OK;
    take_numbers(action, alert);
    if (is_clearing) {
        take_instant(action, "at", &alert->cleared_us);
        put_open(log, key, NOT_OPEN);
    }
    return keep(log, ww_json_get(action, "latest"), &alert->latest, err);
}

enum ww_status ww_alert_log_apply(struct ww_alert_log *log, struct ww_str actions, struct ww_error *err) {
    if (actions.len == 0)
        return WW_OK;
    log->first_of_group = log->n;
    struct ww_arena *arena = ww_arena_new(ACTIONS_CEILING);
    struct ww_json_node *root = NULL;
    enum ww_status st =
        arena ? ww_json_parse(arena, actions, &root, err) : ww_error_set(err, WW_NO_MEMORY, "no memory");
    for (const struct ww_json_node *a = st == WW_OK ? root->child : NULL; a && st == WW_OK; a = a->next)
        st = apply(log, a, err);
    ww_arena_free(arena);
    return st;
}
