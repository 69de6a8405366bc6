/* What people do with an alert: acknowledge, assign, comment, snooze, escalate, resolve. A second machine.
 *
 * It is orthogonal to lifecycle.h: no act of a person changes what the detector says, and nothing that the
 * detector says takes away who works on it. What it needs to know of the other is whether the alert is open.
 *
 *   struct ww_work work = {.is_open = true, …as it is stored…};
 *   struct ww_act act = {.kind = WW_ACT_ASSIGN, .actor = me, .whom = WW_STR("li"), .now_us = now};
 *   switch (ww_work_do(&work, &act, &err)) {
 *   case WW_DONE:    …write `work` and the event ww_act_event(act.kind), if nobody was faster…
 *   case WW_ALREADY: …nothing to write: it is so…
 *   case WW_REFUSED: …err says why: WW_CONFLICT the state, WW_BAD_INPUT the act itself…
 *   }
 *
 * The same act again is WW_ALREADY, not a second event: a request whose answer was lost may be repeated. For
 * a comment that means the same words by the same person, with no other comment since.
 *
 *   acknowledge    "I'm on it". Another's is not taken over silently: refused with his name.
 *   unacknowledge  by whomever: it lies there for all again.
 *   assign         to one account; whoever had it has it no more. Unassign: to nobody.
 *   snooze         nobody is told of it until `until_us`, or until it clears (WW_WORK_UNTIL_CLEARED). It
 * covers the severity that it had: what grows worse is told. escalate       to a level from 1
 * (WW_WORK_TOP_LEVEL at most), never down. It needs somebody new: the acknowledgement goes. resolve what it
 * was and what effect it had. Ends the work, not the alert: readings alone clear it. May be done again when
 * one knows better. reopen         the work goes on; also by itself, when a resolved event comes back
 * (ww_work_came_back).
 *
 * Texts are views; ww_work_do keeps those of the act in the work. Pure.
 */
#ifndef WW_GEO_ALERT_WORK_H
#define WW_GEO_ALERT_WORK_H

#include "geo/base/status.h"

enum ww_act_kind {
    WW_ACT_ACKNOWLEDGE,
    WW_ACT_UNACKNOWLEDGE,
    WW_ACT_ASSIGN,
    WW_ACT_UNASSIGN,
    WW_ACT_COMMENT,
    WW_ACT_SNOOZE,
    WW_ACT_UNSNOOZE,
    WW_ACT_ESCALATE,
    WW_ACT_RESOLVE,
    WW_ACT_REOPEN,
    WW_ACTS
};

#define WW_WORK_UNTIL_CLEARED  INT64_MAX
#define WW_WORK_LONGEST_SNOOZE ((int64_t)92 * 24 * 3600 * 1000000) /* as a maintenance window */
enum { WW_WORK_TOP_LEVEL = 3 };

/* Empty texts: none. */
struct ww_work {
    bool is_open; /* the detector's business */
    struct ww_str acknowledged_by, assignee;
    int64_t snoozed_until_us; /* 0 = not snoozed; over once it has passed, or when the alert has cleared */
    int level;                /* 0 = not escalated */
    bool resolved;
    struct ww_str was, effect;        /* how */
    struct ww_str comment, commenter; /* the last one */
};

struct ww_act {
    enum ww_act_kind kind;
    struct ww_str actor, reason;
    struct ww_str whom;        /* assign */
    int64_t until_us;          /* snooze */
    int level;                 /* escalate */
    struct ww_str was, effect; /* resolve: words of ww_work_was, ww_work_effects */
    int64_t now_us;
};

enum ww_act_result { WW_DONE, WW_ALREADY, WW_REFUSED };

enum ww_act_result ww_work_do(struct ww_work *work, const struct ww_act *act,
                              struct ww_error *err) WW_MUST_CHECK;
bool ww_work_is_snoozed(const struct ww_work *work, int64_t now_us);
/* The alert has cleared: nothing is snoozed any more. Who has it, and what it was found to be, stays. */
void ww_work_cleared(struct ww_work *work);
/* A resolved event has another episode: true when the work goes on by that. */
bool ww_work_came_back(struct ww_work *work);

/* "acknowledge"; its event "acknowledged". Never NULL. */
const char *ww_act_name(enum ww_act_kind kind);
const char *ww_act_event(enum ww_act_kind kind);
bool ww_act_find(struct ww_str name, enum ww_act_kind *out);

/* What an alert may turn out to have been, and to have done: "discharge|sensor_fault|…" */
extern const char ww_work_was[], ww_work_effects[];
/* What that says of the rule: "confirmed" (it was right), "false", or "unknown" (says nothing). A broken
 * sensor confirms a rule that watches sensors, and no other. */
const char *ww_work_verdict(struct ww_str was, struct ww_str category);

#endif
