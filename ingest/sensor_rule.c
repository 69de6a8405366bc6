/* Reads and checks the config of a silence or clock drift rule by a table of members. */
#include "ingest/sensor_rule.h"

#include <stddef.h>

#include "geo/base/json_reader.h"

static const char *const names[] = {"", "silence", "clock_drift"};

enum ww_sensor_detector ww_sensor_detector_find(struct ww_str name) {
    for (int i = WW_SENSOR_SILENCE; i <= WW_SENSOR_CLOCK_DRIFT; i++)
        if (ww_str_is(name, names[i]))
            return (enum ww_sensor_detector)i;
    return WW_SENSOR_NONE;
}

const char *ww_sensor_detector_name(enum ww_sensor_detector detector) {
    return names[detector];
}

static enum ww_status refuse(struct ww_error *err, struct ww_str field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%.*s: %s", WW_STR_ARG(field), why);
    ww_error_at_field(err, field, WW_STR_NONE);
    return WW_BAD_INPUT;
}

#define AT(member) offsetof(struct ww_sensor_rule, member)

/* Zero stands for "either": members of both detectors. */
static const struct member {
    const char *name;
    enum ww_sensor_detector of;
    bool is_text;
    size_t at;
    double low, high;
} members[] = {
    {"feed", WW_SENSOR_NONE, true, AT(feed), 0, 0},
    {"thing_class", WW_SENSOR_NONE, true, AT(thing_class), 0, 0},
    {"property", WW_SENSOR_NONE, true, AT(property), 0, 0},
    {"multiple", WW_SENSOR_SILENCE, false, AT(multiple), 0, 10000},
    {"after_s", WW_SENSOR_SILENCE, false, AT(after_s), 0, 31622400},
    {"feed_share", WW_SENSOR_SILENCE, false, AT(feed_share), 0.01, 2},
    {"clear_ratio", WW_SENSOR_CLOCK_DRIFT, false, AT(clear_ratio), 0.01, 1},
    {"limit_s", WW_SENSOR_CLOCK_DRIFT, false, AT(limit_s), 0.1, 31622400},
    {"for_s", WW_SENSOR_CLOCK_DRIFT, false, AT(for_s), 0, 31622400},
};

static enum ww_status read_member(const struct ww_json_node *node, struct ww_sensor_rule *out,
                                  struct ww_error *err) {
    if (out->detector == WW_SENSOR_SILENCE && ww_str_is(node->key, "feed_least")) {
        int64_t least;
        if (!ww_json_as_i64(node, &least) || least < 2 || least > 1000000)
            return refuse(err, node->key, "must be a whole number from 2 to 1000000");
        out->feed_least = (int)least;
        return WW_OK;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct member *m = &members[i];
        if (!ww_str_is(node->key, m->name) || (m->of != WW_SENSOR_NONE && m->of != out->detector))
            continue;
        if (m->is_text) {
            struct ww_str text;
            if (!ww_json_as_str(node, &text) || text.len == 0 || text.len > 128)
                return refuse(err, node->key, "must be a text of at most 128 bytes");
            *(struct ww_str *)(void *)((char *)out + m->at) = text;
            return WW_OK;
        }
        double *value = (double *)(void *)((char *)out + m->at);
        if (!ww_json_as_double(node, value) || !(*value >= m->low && *value <= m->high)) {
            ww_error_set(err, WW_BAD_INPUT, "%s: must be a number from %g to %g", m->name, m->low, m->high);
            ww_error_at_field(err, node->key, node->text);
            return WW_BAD_INPUT;
        }
        return WW_OK;
    }
    ww_error_set(err, WW_BAD_INPUT, "config has no member \"%.*s\" with detector %s", WW_STR_ARG(node->key),
                 names[out->detector]);
    ww_error_at_field(err, node->key, WW_STR_NONE);
    return WW_BAD_INPUT;
}

enum ww_status ww_sensor_rule_parse(struct ww_arena *arena, enum ww_sensor_detector detector,
                                    struct ww_str json, struct ww_sensor_rule *out, struct ww_error *err) {
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return refuse(err, WW_STR("config"), "must be an object");
    *out = (struct ww_sensor_rule){.detector = detector,
                                   .feed = WW_STR(""),
                                   .thing_class = WW_STR(""),
                                   .property = WW_STR(""),
                                   .feed_share = 0.5,
                                   .feed_least = 3,
                                   .for_s = 600,
                                   .clear_ratio = 0.8};
    for (const struct ww_json_node *node = root->child; node; node = node->next)
        if ((st = read_member(node, out, err)) != WW_OK)
            return st;
    if (detector == WW_SENSOR_SILENCE && out->multiple == 0 && out->after_s == 0)
        return refuse(err, WW_STR("multiple"), "or after_s must say how long is too long");
    if (detector == WW_SENSOR_SILENCE && out->multiple > 0 && out->multiple < 1.5)
        return refuse(err, WW_STR("multiple"),
                      "must be 0 or at least 1.5: the next value is never there at once");
    if (detector == WW_SENSOR_CLOCK_DRIFT && out->limit_s == 0)
        return refuse(err, WW_STR("limit_s"), "is missing");
    return WW_OK;
}
