/* Hands rows of the database to the events and values of rules about space. */
#include "ingest/space_rows.h"

#include <math.h>

static double number(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? NAN : ww_pg_double(r, row, column);
}

struct space_moment space_moment_now(int64_t now_us) {
    return (struct space_moment){now_us, INT64_MAX, WW_KNOWN_ALL};
}

void space_ask_things_at(const struct space_moment *when, struct ww_pg_args *args) {
    if (when->things_at_us == INT64_MAX)
        ww_pg_arg_str(args, WW_STR("infinity"));
    else
        ww_pg_arg_instant(args, when->things_at_us);
}

/* ---- Events ---- */

static void add_bound(struct ww_pg_args *args, double bound) {
    if (isnan(bound))
        ww_pg_arg_null(args);
    else
        ww_pg_arg_double(args, bound);
}

const char *space_ask_events(const struct ww_scan_rule *rule, const struct space_moment *when,
                             struct ww_pg_args *args) {
    if (rule->count == WW_COUNT_ALERTS) {
        ww_pg_arg_str(args, rule->alerts_of);
        ww_pg_arg_i64(args, (int64_t)rule->memory_days);
        ww_pg_arg_instant(args, when->now_us);
        ww_pg_arg_i64(args, when->known.event);
        space_ask_things_at(when, args);
        return "space_scan_alerts";
    }
    ww_pg_arg_str(args, rule->property);
    ww_pg_arg_str(args, rule->feed);
    ww_pg_arg_str(args, rule->thing_class);
    ww_pg_arg_i64(args, (int64_t)rule->memory_days);
    ww_pg_arg_str(args, ww_str_of(rule->flags));
    add_bound(args, rule->above);
    add_bound(args, rule->below);
    ww_pg_arg_bool(args, rule->count == WW_COUNT_VALUES);
    ww_pg_arg_instant(args, when->now_us);
    ww_pg_arg_i64(args, when->known.message);
    space_ask_things_at(when, args);
    return "space_scan_events";
}

enum space_row space_take_event(const struct ww_pg_result *r, int row, struct space_event *event,
                                int64_t *message_id, struct ww_known *seen) {
    if (ww_pg_is_null(r, row, 4)) {
        bool is_newest = ww_pg_is_null(r, row, 1);
        if (is_newest) {
            seen->message = ww_pg_i64(r, row, 5);
            seen->event = ww_pg_i64(r, row, 0);
        } else {
            *message_id = ww_pg_i64(r, row, 1);
        }
        return is_newest ? SPACE_NEWEST : SPACE_MESSAGE;
    }
    *event = (struct space_event){.thing_id = ww_pg_i64(r, row, 0),
                                  .ward_id = (uint32_t)ww_pg_i64(r, row, 1),
                                  .has_place = !ww_pg_is_null(r, row, 2),
                                  .place = {number(r, row, 2), number(r, row, 3)},
                                  .day = ww_pg_i64(r, row, 4),
                                  .n = (int32_t)(ww_pg_i64(r, row, 5) & INT32_MAX)};
    return SPACE_EVENT;
}

/* ---- Values ---- */

const char *space_ask_values(const struct ww_hotspot_rule *rule, const struct space_moment *when,
                             struct ww_pg_args *args) {
    ww_pg_arg_str(args, rule->property);
    ww_pg_arg_str(args, rule->feed);
    ww_pg_arg_str(args, rule->thing_class);
    ww_pg_arg_double(args, rule->max_age_s);
    ww_pg_arg_str(args, ww_str_of(rule->flags));
    ww_pg_arg_instant(args, when->now_us);
    ww_pg_arg_i64(args, when->known.message);
    space_ask_things_at(when, args);
    return "space_latest";
}

void space_take_values(const struct ww_pg_result *r, struct ww_hotspot_watch *watch, struct ww_known *seen) {
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_place at = {number(r, i, 2), number(r, i, 3)};
        if (ww_pg_is_null(r, i, 0)) /* the last row: the newest message */
            seen->message = ww_pg_i64(r, i, 4);
        else
            (void)ww_hotspot_watch_set(watch, ww_pg_i64(r, i, 0), (uint32_t)ww_pg_i64(r, i, 1),
                                       isnan(at.lon_deg) ? NULL : &at, ww_pg_i64(r, i, 4),
                                       ww_pg_double(r, i, 5));
    }
}
