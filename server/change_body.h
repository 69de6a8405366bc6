/* Reads the JSON bodies of changing requests: feeds, rules, limits, maintenance windows, silences, acts on
 * alerts.
 *
 * Pure, so that every mistake can be tested without a server: each text gives either the values
 * or an error whose field names the member. Members that are not known are mistakes.
 */
#ifndef WW_SERVER_CHANGE_BODY_H
#define WW_SERVER_CHANGE_BODY_H

#include "geo/alert/work.h"
#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "ingest/rule_kind.h"

/* Texts live in the arena; ptr NULL = not given. */
struct ww_feed_body {
    struct ww_str name, title, config, enabled; /* enabled: "true" or "false" */
};
struct ww_rule_body {
    struct ww_str code, name_zh, name_en, detector, config;
    int64_t severity;
    bool enabled;
    struct ww_rule_facts facts; /* what its config refers to */
};
/* In the order of api_limit_create.sql. */
enum { WW_LIMIT_COLUMNS = 17 };
struct ww_limit_body {
    struct ww_str column[WW_LIMIT_COLUMNS];
};

/* Of a maintenance window. thing: an id, or feed and key. */
struct ww_window_body {
    struct ww_str thing, feed, key, property, site, ward, from, to, reason; /* from: "now" or UTC */
};

/* `is_new`: name (or code) and config are required. */
enum ww_status ww_feed_body_read(struct ww_arena *arena, struct ww_str json, bool is_new,
                                 struct ww_feed_body *out, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_rule_body_read(struct ww_arena *arena, struct ww_str json, bool is_new,
                                 struct ww_rule_body *out, struct ww_error *err) WW_MUST_CHECK;
/* Its config by its detector: fills `facts`. The error's field is "detector" or "config.member". */
enum ww_status ww_rule_body_parse_config(struct ww_arena *arena, struct ww_rule_body *body,
                                         struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_limit_body_read(struct ww_arena *arena, struct ww_str json, struct ww_limit_body *out,
                                  struct ww_error *err) WW_MUST_CHECK;
/* Times become UTC texts that PostgreSQL reads; "from" left out is "now". */
enum ww_status ww_window_body_read(struct ww_arena *arena, struct ww_str json, struct ww_window_body *out,
                                   struct ww_error *err) WW_MUST_CHECK;
/* What must fit together, also of what the command line gives. */
enum ww_status ww_window_body_check(struct ww_arena *arena, struct ww_window_body *body,
                                    struct ww_error *err) WW_MUST_CHECK;
/* Of a silence: what is named, all of it must fit. polygon: EWKB. until: UTC, or "infinity" (until it has
 * cleared). */
struct ww_silence_body {
    struct ww_str rule, feed, key, thing, property, site, ward, polygon, until, reason;
    int64_t severity; /* the greatest that it hides */
};
enum ww_status ww_silence_body_read(struct ww_arena *arena, struct ww_str json, struct ww_silence_body *out,
                                    struct ww_error *err) WW_MUST_CHECK;
/* What must fit together, also of what the command line gives: its polygon is GeoJSON before, EWKB after. */
enum ww_status ww_silence_body_check(struct ww_arena *arena, struct ww_silence_body *body,
                                     struct ww_error *err) WW_MUST_CHECK;

/* What a person says in an act on an alert; an empty body says nothing. `until` is a time or "cleared". Of
 * the act only what the body holds is set: ww_work_do judges the rest. */
enum ww_status ww_act_body_read(struct ww_arena *arena, struct ww_str json, enum ww_act_kind kind,
                                struct ww_act *out, struct ww_error *err) WW_MUST_CHECK;
/* "cleared", or a time. */
enum ww_status ww_act_until_read(struct ww_str text, int64_t *out, struct ww_error *err) WW_MUST_CHECK;

#endif
