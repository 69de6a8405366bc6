/* Reads and checks a limit rule's config. */
#include "ingest/rule_config.h"

#include "geo/base/json_reader.h"
#include "ingest/decode/statistic.h"
#include "ingest/judge.h"

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s: %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static const struct {
    const char *name;
    int64_t length_us; /* 0: no mean of that length is kept */
} averagings[] = {
    {"instant", 0},     {"1h", WW_HOUR_US}, {"8h", 8 * WW_HOUR_US},
    {"24h", WW_DAY_US}, {"1month", 0},      {"1year", 0},
};

static enum ww_status read_text(const struct ww_json_node *root, const char *key, bool required,
                                struct ww_str *out, struct ww_error *err) {
    const struct ww_json_node *node = ww_json_get(root, key);
    *out = WW_STR("");
    if (!node)
        return required ? refuse(err, key, "is missing") : WW_OK;
    if (!ww_json_as_str(node, out) || (required && out->len == 0))
        return refuse(err, key, "must be a text");
    return WW_OK;
}

static enum ww_status read_number(const struct ww_json_node *root, const char *key, double low, double high,
                                  double *out, struct ww_error *err) {
    const struct ww_json_node *node = ww_json_get(root, key);
    if (!node)
        return WW_OK;
    if (!ww_json_as_double(node, out) || *out < low || *out > high) {
        ww_error_set(err, WW_BAD_INPUT, "%s: must be a number from %g to %g", key, low, high);
        ww_error_at_field(err, ww_str_of(key), node->text);
        return WW_BAD_INPUT;
    }
    return WW_OK;
}

/* [k, n]: k of the last n. */
static enum ww_status read_k_of_n(const struct ww_json_node *root, const char *key, uint8_t *k, uint8_t *n,
                                  struct ww_error *err) {
    const struct ww_json_node *node = ww_json_get(root, key);
    *k = *n = 1;
    if (!node)
        return WW_OK;
    const struct ww_json_node *first = node->type == WW_JSON_ARRAY ? node->child : NULL;
    const struct ww_json_node *second = first ? first->next : NULL;
    int64_t a, b;
    if (!second || second->next || !ww_json_as_i64(first, &a) || !ww_json_as_i64(second, &b) || a < 1 ||
        a > b || b > WW_LIMIT_WINDOW) {
        ww_error_set(err, WW_BAD_INPUT, "%s: must be [k, n] with 1 <= k <= n <= %d", key, WW_LIMIT_WINDOW);
        ww_error_at_field(err, ww_str_of(key), node->text);
        return WW_BAD_INPUT;
    }
    *k = (uint8_t)a;
    *n = (uint8_t)b;
    return WW_OK;
}

static enum ww_status read_bucket(struct ww_rule_config *c, struct ww_str judged, struct ww_error *err) {
    int64_t length_us = -1;
    for (size_t i = 0; i < sizeof averagings / sizeof *averagings; i++)
        if (ww_str_is(c->averaging, averagings[i].name))
            length_us = averagings[i].length_us;
    if (length_us < 0)
        return refuse(err, "averaging", "must be instant, 1h, 8h, 24h, 1month or 1year");
    if (judged.len == 0 || ww_str_is(judged, "reading"))
        return WW_OK;
    if (!ww_str_is(judged, "mean"))
        return refuse(err, "judge", "must be \"reading\" or \"mean\"");
    if (length_us == 0)
        return refuse(err, "judge", "means are kept over 1h, 8h and 24h only");
    c->bucket_us = length_us;
    return WW_OK;
}

static enum ww_status read_series(const struct ww_json_node *root, struct ww_rule_config *c,
                                  struct ww_error *err) {
    struct ww_str statistic;
    double interval_s = 0;
    enum ww_status st = read_text(root, "statistic", false, &statistic, err);
    if (st != WW_OK || (st = read_number(root, "interval_s", 0, 31622400, &interval_s, err)) != WW_OK)
        return st;
    c->statistic = ww_statistic_find(statistic);
    if (c->statistic == WW_STATISTIC_UNKNOWN)
        return refuse(err, "statistic", "is none of the known ones (mean, min, max, sum …)");
    c->interval_s = (int32_t)interval_s;
    return WW_OK;
}

static enum ww_status read_flags(const struct ww_json_node *root, struct ww_rule_config *c,
                                 struct ww_error *err) {
    struct ww_str flags;
    enum ww_status st = read_text(root, "flags", false, &flags, err);
    if (st != WW_OK)
        return st;
    if (flags.len == 0)
        flags = WW_STR("N");
    if (flags.len >= sizeof c->flags)
        return refuse(err, "flags", "at most 7 letters");
    for (size_t i = 0; i < flags.len; i++)
        if (flags.ptr[i] < 'A' || flags.ptr[i] > 'Z')
            return refuse(err, "flags", "must be capital letters, as in \"N\"");
    memcpy(c->flags, flags.ptr, flags.len);
    return WW_OK;
}

static const char *const known_members[] = {
    "property", "thing_class", "limit_class",  "standard",        "averaging", "judge",     "fire",
    "clear",    "clear_ratio", "min_coverage", "expected_step_s", "flags",     "statistic", "interval_s"};

static enum ww_status check_members(const struct ww_json_node *root, struct ww_error *err) {
    for (const struct ww_json_node *m = root->child; m; m = m->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof known_members / sizeof *known_members; i++)
            known = known || ww_str_is(m->key, known_members[i]);
        if (!known) {
            ww_error_set(err, WW_BAD_INPUT, "config has no member \"%.*s\"", WW_STR_ARG(m->key));
            ww_error_at_field(err, m->key, WW_STR_NONE);
            return WW_BAD_INPUT;
        }
    }
    return WW_OK;
}

enum ww_status ww_rule_config_parse(struct ww_arena *arena, struct ww_str json, struct ww_rule_config *out,
                                    struct ww_error *err) {
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return refuse(err, "config", "must be an object");
    memset(out, 0, sizeof *out);
    struct ww_str judged;
    double step_s = 3600;
    out->clear_ratio = 1;
    out->min_coverage = 0.75;
    if ((st = check_members(root, err)) != WW_OK ||
        (st = read_text(root, "property", true, &out->property, err)) != WW_OK ||
        (st = read_text(root, "standard", true, &out->standard, err)) != WW_OK ||
        (st = read_text(root, "averaging", true, &out->averaging, err)) != WW_OK ||
        (st = read_text(root, "thing_class", false, &out->thing_class, err)) != WW_OK ||
        (st = read_text(root, "limit_class", false, &out->limit_class, err)) != WW_OK ||
        (st = read_text(root, "judge", false, &judged, err)) != WW_OK ||
        (st = read_series(root, out, err)) != WW_OK || (st = read_bucket(out, judged, err)) != WW_OK ||
        (st = read_k_of_n(root, "fire", &out->fire_k, &out->fire_n, err)) != WW_OK ||
        (st = read_k_of_n(root, "clear", &out->clear_k, &out->clear_n, err)) != WW_OK ||
        (st = read_number(root, "clear_ratio", 0.01, 1, &out->clear_ratio, err)) != WW_OK ||
        (st = read_number(root, "min_coverage", 0, 1, &out->min_coverage, err)) != WW_OK ||
        (st = read_number(root, "expected_step_s", 1, 86400, &step_s, err)) != WW_OK ||
        (st = read_flags(root, out, err)) != WW_OK)
        return st;
    out->expected_step_us = (int64_t)(step_s * (double)WW_SECOND_US);
    return WW_OK;
}

enum ww_status ww_judge_check_config(struct ww_str config, struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    struct ww_rule_config parsed;
    enum ww_status st = ww_rule_config_parse(arena, config, &parsed, err);
    ww_arena_free(arena);
    return st;
}
