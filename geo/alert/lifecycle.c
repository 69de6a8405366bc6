/* The table of an alert's states, and the few functions that it names. lifecycle.h says what they mean. */
#include "geo/alert/lifecycle.h"

#include <assert.h>
#include <string.h>

/* Where a signal leads: to `met` when the state's condition is met by the run it belongs to, else to `else`.
 * REST is QUIET, or CLEARED while the event is remembered. */
enum { REST = WW_ALERT_STATES, BEHIND };
enum test { ALWAYS, IF_PENDING, IF_RECOVERING };
struct row {
    enum test test;
    int met, otherwise;
};

#define GO(state)                                                                                            \
    { ALWAYS, state, state }
#define OPENS                                                                                                \
    { IF_PENDING, WW_ALERT_OPEN, WW_ALERT_PENDING }
#define CLEARS                                                                                               \
    { IF_RECOVERING, WW_ALERT_CLEARED, WW_ALERT_RECOVERING }
#define BLIND GO(WW_ALERT_NO_DATA), GO(WW_ALERT_ERROR)

/* clang-format off */
static const struct row table[WW_ALERT_STATES][WW_ALERT_SIGNALS] = {
    /*                       fires               between                   rests       silent, fails */
    [WW_ALERT_QUIET]      = {OPENS,              GO(REST),                 GO(REST),   BLIND},
    [WW_ALERT_PENDING]    = {OPENS,              GO(WW_ALERT_PENDING),     GO(REST),   BLIND},
    [WW_ALERT_OPEN]       = {GO(WW_ALERT_OPEN),  GO(WW_ALERT_OPEN),        CLEARS,     BLIND},
    [WW_ALERT_RECOVERING] = {GO(WW_ALERT_OPEN),  GO(WW_ALERT_RECOVERING),  CLEARS,     BLIND},
    [WW_ALERT_CLEARED]    = {OPENS,              GO(REST),                 GO(REST),   BLIND},
    [WW_ALERT_NO_DATA]    = {GO(BEHIND),         GO(BEHIND),               GO(BEHIND), BLIND},
    [WW_ALERT_ERROR]      = {GO(BEHIND),         GO(BEHIND),               GO(BEHIND), BLIND},
};
/* clang-format on */

static const char *const state_names[WW_ALERT_STATES] = {"quiet",   "pending", "open", "recovering",
                                                         "cleared", "no_data", "error"};

const char *ww_alert_state_name(enum ww_alert_state state) {
    return state_names[state];
}

/* ---- Runs and conditions ---- */

static void run_add(struct ww_alert_run *run, int64_t at_us) {
    if (run->count == 0)
        run->since_us = at_us;
    if (run->count < UINT32_MAX)
        run->count++;
}

static bool is_met(const struct ww_alert_condition *c, const struct ww_alert_run *run, int64_t at_us) {
    bool by_count = run->count >= c->count, by_time = at_us - run->since_us >= c->duration_us;
    if (!c->either || c->count == 0 || c->duration_us == 0) /* what is not given is met by any run */
        return by_count && by_time;
    return by_count || by_time;
}

/* ---- Flapping ---- */

static void forget_turns(const struct ww_alert_policy *policy, struct ww_alert_life *life) {
    uint32_t old = 0;
    while (old < life->n_turns && life->last_us - life->turns_us[old] > policy->flap_window_us)
        old++;
    life->n_turns -= old;
    memmove(life->turns_us, life->turns_us + old, life->n_turns * sizeof *life->turns_us);
}

static unsigned note_turn(const struct ww_alert_policy *policy, struct ww_alert_life *life) {
    if (policy->flap_turns == 0)
        return 0;
    if (life->n_turns == WW_ALERT_MOST_TURNS) /* the oldest says nothing more */
        memmove(life->turns_us, life->turns_us + 1, --life->n_turns * sizeof *life->turns_us);
    life->turns_us[life->n_turns++] = life->last_us;
    if (life->flaps || life->n_turns < policy->flap_turns)
        return 0;
    life->flaps = true;
    return WW_ALERT_MOVE(WW_ALERT_FLAPS);
}

static unsigned calm_down(const struct ww_alert_policy *policy, struct ww_alert_life *life) {
    forget_turns(policy, life);
    if (!life->flaps || life->n_turns > policy->flap_turns / 2)
        return 0;
    life->flaps = false;
    return WW_ALERT_MOVE(WW_ALERT_STEADY);
}

/* ---- Severity ---- */

static void forget_severities(struct ww_alert_life *life) {
    life->up = life->down = (struct ww_alert_run){0};
}

static unsigned weigh(const struct ww_alert_policy *policy, struct ww_alert_life *life, int severity) {
    unsigned moves = 0;
    if (severity > life->severity) {
        life->down = (struct ww_alert_run){0};
        life->up_to = life->up.count > 0 && life->up_to < severity ? life->up_to : severity;
        run_add(&life->up, life->last_us);
        if (is_met(&policy->raising, &life->up, life->last_us)) {
            life->severity = life->up_to;
            moves = WW_ALERT_MOVE(WW_ALERT_RAISED);
        }
    } else if (severity < life->severity) {
        life->up = (struct ww_alert_run){0};
        life->down_to = life->down.count > 0 && life->down_to > severity ? life->down_to : severity;
        run_add(&life->down, life->last_us);
        if (is_met(&policy->lowering, &life->down, life->last_us)) {
            life->severity = life->down_to;
            moves = WW_ALERT_MOVE(WW_ALERT_LOWERED);
        }
    }
    if (moves || severity == life->severity)
        forget_severities(life);
    return moves;
}

/* ---- States ---- */

static bool is_blind(enum ww_alert_state state) {
    return state == WW_ALERT_NO_DATA || state == WW_ALERT_ERROR;
}

static bool is_over(enum ww_alert_state state) {
    return state == WW_ALERT_QUIET || state == WW_ALERT_CLEARED;
}

/* An event that ended too long ago is no longer gone on with. */
static enum ww_alert_state rest_state(const struct ww_alert_policy *policy, struct ww_alert_life *life) {
    if (life->episode > 0 && life->last_us - life->cleared_us <= policy->episode_gap_us)
        return WW_ALERT_CLEARED;
    life->episode = 0;
    return WW_ALERT_QUIET;
}

/* What is there when all that waits is left out. */
static enum ww_alert_state settled(const struct ww_alert_policy *policy, struct ww_alert_life *life,
                                   enum ww_alert_state state) {
    return state == WW_ALERT_OPEN || state == WW_ALERT_RECOVERING ? WW_ALERT_OPEN : rest_state(policy, life);
}

static unsigned open_up(const struct ww_alert_policy *policy, struct ww_alert_life *life, int severity) {
    bool goes_on = life->episode > 0;
    life->episode++;
    life->severity = severity;
    forget_severities(life);
    return WW_ALERT_MOVE(goes_on ? WW_ALERT_CAME_BACK : WW_ALERT_OPENED) | note_turn(policy, life);
}

static unsigned clear(const struct ww_alert_policy *policy, struct ww_alert_life *life) {
    life->cleared_us = life->last_us;
    life->severity = 0;
    return WW_ALERT_MOVE(WW_ALERT_WENT_OVER) | note_turn(policy, life);
}

/* The one place where the state changes. */
static unsigned enter(const struct ww_alert_policy *policy, struct ww_alert_life *life,
                      enum ww_alert_state next, int severity) {
    enum ww_alert_state before = life->state;
    life->state = next;
    if (next != WW_ALERT_PENDING && next != WW_ALERT_RECOVERING)
        life->run = (struct ww_alert_run){0};
    if (before == next)
        return 0;
    switch (next) {
    case WW_ALERT_PENDING:
        return WW_ALERT_MOVE(WW_ALERT_WAITS);
    case WW_ALERT_OPEN:
        return before == WW_ALERT_RECOVERING ? WW_ALERT_MOVE(WW_ALERT_RETURNED)
                                             : open_up(policy, life, severity);
    case WW_ALERT_RECOVERING:
        return WW_ALERT_MOVE(WW_ALERT_RECOVERS);
    case WW_ALERT_CLEARED:
        if (before == WW_ALERT_OPEN || before == WW_ALERT_RECOVERING)
            return clear(policy, life);
        /* fall through */
    case WW_ALERT_QUIET:
        return before == WW_ALERT_PENDING ? WW_ALERT_MOVE(WW_ALERT_WITHDRAWN) : 0;
    case WW_ALERT_NO_DATA:
    case WW_ALERT_ERROR:
    default:
        if (!is_blind(before))
            life->behind = settled(policy, life, before);
        forget_severities(life);
        return WW_ALERT_MOVE(WW_ALERT_BLINDED);
    }
}

static unsigned follow(const struct ww_alert_policy *policy, struct ww_alert_life *life,
                       enum ww_alert_signal signal, int severity) {
    const struct row *row = &table[life->state][signal];
    bool met = true;
    if (row->test != ALWAYS) {
        run_add(&life->run, life->last_us);
        met = is_met(row->test == IF_PENDING ? &policy->pending : &policy->recovering, &life->run,
                     life->last_us);
    }
    int next = met ? row->met : row->otherwise;
    if (next == BEHIND) { /* as if nothing had come between, and then the signal */
        life->state = life->behind;
        return WW_ALERT_MOVE(WW_ALERT_SEES) | follow(policy, life, signal, severity);
    }
    return enter(policy, life, next == REST ? rest_state(policy, life) : (enum ww_alert_state)next, severity);
}

unsigned ww_alert_step(const struct ww_alert_policy *policy, struct ww_alert_life *life,
                       enum ww_alert_signal signal, int severity, int64_t at_us) {
    assert(policy->flap_turns <= WW_ALERT_MOST_TURNS && (signal != WW_ALERT_FIRES || severity > 0));
    life->last_us = at_us > life->last_us ? at_us : life->last_us;
    unsigned moves = calm_down(policy, life);
    if (is_over(life->state))
        life->state = rest_state(policy, life);
    else if (is_blind(life->state))
        life->behind = settled(policy, life, life->behind);
    moves |= follow(policy, life, signal, severity);
    if (life->state == WW_ALERT_OPEN && signal == WW_ALERT_FIRES)
        moves |= weigh(policy, life, severity);
    else if (signal == WW_ALERT_RESTS)
        forget_severities(life);
    return moves;
}

bool ww_alert_is_open(const struct ww_alert_life *life) {
    enum ww_alert_state state = is_blind(life->state) ? life->behind : life->state;
    return state == WW_ALERT_OPEN || state == WW_ALERT_RECOVERING;
}

unsigned ww_alert_told(const struct ww_alert_life *life, unsigned moves) {
    const unsigned told = WW_ALERT_MOVE(WW_ALERT_OPENED) | WW_ALERT_MOVE(WW_ALERT_CAME_BACK) |
                          WW_ALERT_MOVE(WW_ALERT_WENT_OVER) | WW_ALERT_MOVE(WW_ALERT_RAISED) |
                          WW_ALERT_MOVE(WW_ALERT_LOWERED);
    const unsigned calmed = WW_ALERT_MOVE(WW_ALERT_FLAPS) | WW_ALERT_MOVE(WW_ALERT_STEADY);
    return moves & (life->flaps ? calmed | WW_ALERT_MOVE(WW_ALERT_RAISED) : calmed | told);
}
