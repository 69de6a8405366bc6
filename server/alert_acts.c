/* Work on alerts as rows: alert_acts.h. */
#include "server/alert_acts.h"

#include "geo/instant.h"

enum ww_status ww_alert_now_read(struct ww_arena *arena, const struct ww_pg_result *r,
                                 struct ww_alert_now *out, struct ww_error *err) {
    struct ww_str text[11];
    for (int i = 0; i < 11; i++) {
        text[i] = ww_arena_copy(arena, ww_pg_str(r, 0, i));
        if (!text[i].ptr)
            return ww_error_set(err, WW_NO_MEMORY, "no memory for this request");
    }
    *out = (struct ww_alert_now){.version = ww_pg_i64(r, 0, 0), .category = text[2]};
    out->work = (struct ww_work){.is_open = ww_str_is(text[1], "t"),
                                 .acknowledged_by = text[3],
                                 .assignee = text[4],
                                 .snoozed_until_us = ww_pg_i64(r, 0, 5),
                                 .level = (int)ww_pg_i64(r, 0, 6),
                                 .resolved = text[7].len > 0,
                                 .was = text[7],
                                 .effect = text[8],
                                 .comment = text[9],
                                 .commenter = text[10]};
    return WW_OK;
}

static void put(struct ww_pg_args *args, struct ww_str text) {
    ww_pg_arg_str(args, text.ptr ? text : WW_STR(""));
}

void ww_alert_act_args(struct ww_str alert, const struct ww_alert_now *now, const struct ww_act *act,
                       struct ww_pg_args *args) {
    const struct ww_work *work = &now->work;
    char until[40];
    ww_pg_arg_str(args, alert);
    ww_pg_arg_i64(args, now->version);
    ww_pg_arg_str(args, ww_str_of(ww_act_event(act->kind)));
    put(args, act->actor);
    put(args, act->reason);
    put(args, work->acknowledged_by);
    put(args, work->assignee);
    ww_pg_arg_i64(args, work->level);
    if (!ww_work_is_snoozed(work, act->now_us))
        ww_pg_arg_null(args);
    else if (work->snoozed_until_us == WW_WORK_UNTIL_CLEARED)
        ww_pg_arg_str(args, WW_STR("infinity"));
    else
        ww_pg_arg_str(args, (struct ww_str){until, (size_t)ww_instant_text(work->snoozed_until_us, until)});
    put(args, work->was);
    put(args, work->effect);
    ww_pg_arg_str(args, ww_str_of(work->resolved ? ww_work_verdict(work->was, now->category) : ""));
}

enum ww_status ww_alert_act_wrote(const struct ww_pg_result *r, struct ww_error *err) {
    struct ww_str said = ww_pg_str(r, 0, 0);
    if (ww_str_is(said, "done"))
        return WW_OK;
    if (ww_str_is(said, "moved"))
        return ww_error_set(err, WW_BUSY, "others work on this alert at the same moment");
    ww_error_set(err, WW_BAD_INPUT, "assignee must be an account that sees this alert");
    ww_error_at_field(err, WW_STR("assignee"), WW_STR_NONE);
    return WW_BAD_INPUT;
}

/* ---- Silences ---- */

static void put_or_null(struct ww_pg_args *args, struct ww_str text) {
    if (text.ptr)
        ww_pg_arg_str(args, text);
    else
        ww_pg_arg_null(args);
}

void ww_silence_args(const struct ww_silence_body *b, struct ww_str author, struct ww_str wards,
                     struct ww_pg_args *args) {
    put_or_null(args, b->rule);
    put_or_null(args, b->feed);
    put_or_null(args, b->key);
    put_or_null(args, b->thing);
    put_or_null(args, b->property);
    put_or_null(args, b->site);
    put_or_null(args, b->ward);
    if (b->polygon.ptr)
        ww_pg_arg_bytea(args, b->polygon);
    else
        ww_pg_arg_null(args);
    ww_pg_arg_i64(args, b->severity);
    ww_pg_arg_str(args, b->until);
    ww_pg_arg_str(args, b->reason);
    ww_pg_arg_str(args, author);
    put_or_null(args, wards);
}

enum ww_status ww_silence_made(const struct ww_pg_result *r, int64_t *id, struct ww_error *err) {
    if (ww_pg_is_null(r, 0, 0))
        return ww_error_set(err, WW_NOT_FOUND, "what is named is not there, or it is not yours to see");
    *id = ww_pg_i64(r, 0, 0);
    if (*id == 0)
        return ww_error_set(err, WW_CONFLICT, "nothing is open there that could clear");
    return WW_OK;
}
