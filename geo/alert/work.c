/* The table of acts: what each needs, and what it does. work.h says what they mean. */
#include "geo/alert/work.h"

const char ww_work_was[] = "discharge|sensor_fault|tampering|permitted|natural|duplicate|unknown";
const char ww_work_effects[] = "none|minor|serious|unknown";

/* ---- Words ---- */

static bool is_word_of(const char *words, struct ww_str word) {
    while (*words) {
        size_t len = strcspn(words, "|");
        if (ww_str_eq(word, (struct ww_str){words, len}))
            return true;
        words += len + (words[len] == '|');
    }
    return false;
}

static enum ww_act_result refuse(struct ww_error *err, enum ww_status status, const char *field,
                                 const char *message, struct ww_str name) {
    ww_error_set(err, status, "%s%.*s", message, name.len > 63 ? 63 : (int)name.len,
                 name.len ? name.ptr : "");
    if (err && *field)
        ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_REFUSED;
}

/* ---- Acts ---- */

static enum ww_act_result acknowledge(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    if (ww_str_eq(work->acknowledged_by, act->actor))
        return WW_ALREADY;
    if (work->acknowledged_by.len > 0)
        return refuse(err, WW_CONFLICT, "", "it is acknowledged already by ", work->acknowledged_by);
    work->acknowledged_by = act->actor;
    return WW_DONE;
}

static enum ww_act_result unacknowledge(struct ww_work *work, const struct ww_act *act,
                                        struct ww_error *err) {
    (void)act, (void)err;
    if (work->acknowledged_by.len == 0)
        return WW_ALREADY;
    work->acknowledged_by = WW_STR_NONE;
    return WW_DONE;
}

static enum ww_act_result assign(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    if (act->whom.len == 0)
        return refuse(err, WW_BAD_INPUT, "assignee", "assignee is missing", WW_STR_NONE);
    if (ww_str_eq(work->assignee, act->whom))
        return WW_ALREADY;
    work->assignee = act->whom;
    return WW_DONE;
}

static enum ww_act_result unassign(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    (void)act, (void)err;
    if (work->assignee.len == 0)
        return WW_ALREADY;
    work->assignee = WW_STR_NONE;
    return WW_DONE;
}

static enum ww_act_result comment(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    (void)err;
    if (ww_str_eq(work->comment, act->reason) && ww_str_eq(work->commenter, act->actor))
        return WW_ALREADY;
    work->comment = act->reason;
    work->commenter = act->actor;
    return WW_DONE;
}

bool ww_work_is_snoozed(const struct ww_work *work, int64_t now_us) {
    return work->is_open && work->snoozed_until_us > now_us;
}

static enum ww_act_result snooze(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    if (act->until_us <= act->now_us)
        return refuse(err, WW_BAD_INPUT, "until", "until has passed already", WW_STR_NONE);
    if (act->until_us != WW_WORK_UNTIL_CLEARED && act->until_us - act->now_us > WW_WORK_LONGEST_SNOOZE)
        return refuse(err, WW_BAD_INPUT, "until", "a snooze lasts 92 days at most", WW_STR_NONE);
    if (ww_work_is_snoozed(work, act->now_us) && work->snoozed_until_us == act->until_us)
        return WW_ALREADY;
    work->snoozed_until_us = act->until_us;
    return WW_DONE;
}

static enum ww_act_result unsnooze(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    (void)err;
    if (!ww_work_is_snoozed(work, act->now_us))
        return WW_ALREADY;
    work->snoozed_until_us = 0;
    return WW_DONE;
}

static enum ww_act_result escalate(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    if (act->level < 1 || act->level > WW_WORK_TOP_LEVEL)
        return refuse(err, WW_BAD_INPUT, "level", "level must be 1, 2 or 3", WW_STR_NONE);
    if (act->level == work->level)
        return WW_ALREADY;
    if (act->level < work->level)
        return refuse(err, WW_CONFLICT, "level", "it is escalated further than that", WW_STR_NONE);
    work->level = act->level;
    work->acknowledged_by = WW_STR_NONE;
    return WW_DONE;
}

static enum ww_act_result resolve(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    if (!is_word_of(ww_work_was, act->was))
        return refuse(err, WW_BAD_INPUT, "was", "was must be one of ", ww_str_of(ww_work_was));
    if (!is_word_of(ww_work_effects, act->effect))
        return refuse(err, WW_BAD_INPUT, "effect", "effect must be one of ", ww_str_of(ww_work_effects));
    if (work->resolved && ww_str_eq(work->was, act->was) && ww_str_eq(work->effect, act->effect))
        return WW_ALREADY;
    work->resolved = true;
    work->was = act->was;
    work->effect = act->effect;
    return WW_DONE;
}

static enum ww_act_result reopen(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    (void)act, (void)err;
    return ww_work_came_back(work) ? WW_DONE : WW_ALREADY;
}

bool ww_work_came_back(struct ww_work *work) {
    bool was_resolved = work->resolved;
    work->resolved = false;
    work->was = work->effect = WW_STR_NONE;
    return was_resolved;
}

void ww_work_cleared(struct ww_work *work) {
    work->is_open = false;
    work->snoozed_until_us = 0;
}

/* ---- The table ---- */

#define WHILE_OPEN       1 /* refused when the alert has cleared */
#define WHILE_UNRESOLVED 2
#define WITH_REASON      4

static const struct act {
    const char *name, *event;
    unsigned needs;
    enum ww_act_result (*run)(struct ww_work *work, const struct ww_act *act, struct ww_error *err);
} acts[WW_ACTS] = {
    [WW_ACT_ACKNOWLEDGE] = {"acknowledge", "acknowledged", WHILE_UNRESOLVED, acknowledge},
    [WW_ACT_UNACKNOWLEDGE] = {"unacknowledge", "unacknowledged", 0, unacknowledge},
    [WW_ACT_ASSIGN] = {"assign", "assigned", WHILE_UNRESOLVED, assign},
    [WW_ACT_UNASSIGN] = {"unassign", "unassigned", 0, unassign},
    [WW_ACT_COMMENT] = {"comment", "commented", WITH_REASON, comment},
    [WW_ACT_SNOOZE] = {"snooze", "snoozed", WHILE_OPEN | WHILE_UNRESOLVED | WITH_REASON, snooze},
    [WW_ACT_UNSNOOZE] = {"unsnooze", "unsnoozed", 0, unsnooze},
    [WW_ACT_ESCALATE] = {"escalate", "escalated", WHILE_UNRESOLVED | WITH_REASON, escalate},
    [WW_ACT_RESOLVE] = {"resolve", "resolved", 0, resolve},
    [WW_ACT_REOPEN] = {"reopen", "reopened", 0, reopen},
};

enum ww_act_result ww_work_do(struct ww_work *work, const struct ww_act *act, struct ww_error *err) {
    const struct act *row = &acts[act->kind];
    if ((row->needs & WITH_REASON) && ww_str_trim(act->reason).len == 0)
        return refuse(err, WW_BAD_INPUT, "reason", "a reason is needed to ", ww_str_of(row->name));
    if ((row->needs & WHILE_OPEN) && !work->is_open)
        return refuse(err, WW_CONFLICT, "", "it has cleared: nothing is left to ", ww_str_of(row->name));
    if ((row->needs & WHILE_UNRESOLVED) && work->resolved)
        return refuse(err, WW_CONFLICT, "", "it is resolved: reopen it to ", ww_str_of(row->name));
    return row->run(work, act, err);
}

const char *ww_act_name(enum ww_act_kind kind) {
    return acts[kind].name;
}

const char *ww_act_event(enum ww_act_kind kind) {
    return acts[kind].event;
}

bool ww_act_find(struct ww_str name, enum ww_act_kind *out) {
    for (int i = 0; i < WW_ACTS; i++) {
        if (!ww_str_is(name, acts[i].name))
            continue;
        *out = (enum ww_act_kind)i;
        return true;
    }
    return false;
}

/* ---- What it says of the rule ---- */

const char *ww_work_verdict(struct ww_str was, struct ww_str category) {
    static const struct {
        const char *category, *right;
    } rights[] = {{"pollution", "discharge"}, {"sensor", "sensor_fault"}, {"lead", "tampering"}};
    if (ww_str_is(was, "unknown") || ww_str_is(was, "duplicate"))
        return "unknown";
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        if (ww_str_is(category, rights[i].category))
            return ww_str_is(was, rights[i].right) ? "confirmed" : "false";
    }
    return "unknown";
}
