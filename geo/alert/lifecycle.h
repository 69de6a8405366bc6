/* What becomes of an alert as its detector goes on judging: one state machine, driven by a table.
 *
 * A detector says, at each look, whether its condition holds: it *fires*, it *rests*, it is *between* (past
 * the threshold to clear, short of the one to fire), nothing came (*silent*), or it could not judge
 * (*fails*). The machine makes states of that, and says which moves were made:
 *
 *   const struct ww_alert_policy policy = {
 *       .pending = {.count = 3, .duration_us = 5 * WW_MINUTE_US},     // three in a row that last five
 * minutes .recovering = {.count = 2, .duration_us = 10 * WW_MINUTE_US}, .raising = {.count = 2}, .lowering =
 * {.duration_us = WW_HOUR_US}, .episode_gap_us = WW_DAY_US, .flap_turns = 6, .flap_window_us = WW_HOUR_US};
 *   struct ww_alert_life life = WW_ALERT_LIFE_NEW;
 *   unsigned moves = ww_alert_step(&policy, &life, WW_ALERT_FIRES, severity, at_us);
 *   if (moves & WW_ALERT_MOVE(WW_ALERT_OPENED)) …                     // written, whatever happens
 *   if (ww_alert_told(&life, moves)) …                                // people are told of these only
 *
 * States. PENDING: the condition holds, not yet for long enough; nobody is told. OPEN. RECOVERING: it rests,
 * not yet for long enough: still an alert. CLEARED: over, but young enough that a return is the same event.
 * QUIET: nothing, or forgotten. NO_DATA and ERROR: it is not known; what was known before is kept.
 *
 *   - Silence and errors never clear: who was open is open behind NO_DATA, and what waited (a pending, a
 *     recovery, a change of severity) waits anew when data are back.
 *   - A return within `episode_gap_us` of the clearing is the next episode of the same event.
 *   - Severity moves on the same alert, up and down, each by its own condition: up to the least severity of
 *     the run that asks for it, down to the greatest.
 *   - Flapping: `flap_turns` openings and clearings within `flap_window_us`. It is told once; then, until no
 * more than half as many are left in the window, only what is worse is told. States go on as ever.
 *
 * Conditions are about runs: the signals of one kind in a row, counted, and the time from the first to this
 * one. BETWEEN neither counts nor breaks a run. A condition is judged at a signal of its run, never by time
 * alone: nothing happens without a look.
 *
 * Pure: no clock, no memory of its own; the same signals give the same states. Times must not go back: an
 * earlier one counts as the last. `life` is a plain struct that may be copied. What people do with an alert
 * is another matter, and another machine: work.h. Neither changes the other's state.
 */
#ifndef WW_GEO_ALERT_LIFECYCLE_H
#define WW_GEO_ALERT_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

enum ww_alert_state {
    WW_ALERT_QUIET,
    WW_ALERT_PENDING,
    WW_ALERT_OPEN,
    WW_ALERT_RECOVERING,
    WW_ALERT_CLEARED,
    WW_ALERT_NO_DATA,
    WW_ALERT_ERROR,
    WW_ALERT_STATES
};

enum ww_alert_signal {
    WW_ALERT_FIRES,
    WW_ALERT_BETWEEN,
    WW_ALERT_RESTS,
    WW_ALERT_SILENT,
    WW_ALERT_FAILS,
    WW_ALERT_SIGNALS
};

/* Bits of what a step returns are 1 << these; in the order in which they happened. */
enum ww_alert_move {
    WW_ALERT_BLINDED,   /* became NO_DATA or ERROR */
    WW_ALERT_SEES,      /* data are back */
    WW_ALERT_WAITS,     /* became PENDING */
    WW_ALERT_WITHDRAWN, /* a pending that came to nothing */
    WW_ALERT_OPENED,    /* a new event */
    WW_ALERT_CAME_BACK, /* its next episode */
    WW_ALERT_RECOVERS,  /* became RECOVERING */
    WW_ALERT_RETURNED,  /* fires again while it recovered */
    WW_ALERT_WENT_OVER, /* cleared */
    WW_ALERT_RAISED,
    WW_ALERT_LOWERED,
    WW_ALERT_FLAPS,  /* began to flap */
    WW_ALERT_STEADY, /* no longer */
    WW_ALERT_MOVES
};
#define WW_ALERT_MOVE(move) (1u << (move))

/* count AND duration, or (`either`) whichever is given and met first. Nothing given: met at once. */
struct ww_alert_condition {
    uint32_t count;
    int64_t duration_us;
    bool either;
};

enum { WW_ALERT_MOST_TURNS = 16 };
struct ww_alert_policy {
    struct ww_alert_condition pending, recovering, raising, lowering;
    int64_t episode_gap_us;
    uint32_t flap_turns; /* 0 = flapping is not looked for; at most WW_ALERT_MOST_TURNS */
    int64_t flap_window_us;
};

struct ww_alert_run {
    uint32_t count;
    int64_t since_us;
};

struct ww_alert_life {
    enum ww_alert_state state;
    enum ww_alert_state behind; /* NO_DATA, ERROR: QUIET, OPEN or CLEARED */
    int severity;               /* while it is open; 0 = it is not */
    uint32_t episode;           /* of the event, from 1; 0 = none that is remembered */
    int64_t last_us, cleared_us;
    struct ww_alert_run run; /* of PENDING or RECOVERING */
    struct ww_alert_run up, down;
    int up_to, down_to;
    int64_t turns_us[WW_ALERT_MOST_TURNS]; /* openings and clearings, oldest first */
    uint32_t n_turns;
    bool flaps;
};
#define WW_ALERT_LIFE_NEW ((struct ww_alert_life){.state = WW_ALERT_QUIET, .last_us = INT64_MIN})

/* One look. `severity` (from 1) counts when it fires. Returns the bits of the moves made. */
unsigned ww_alert_step(const struct ww_alert_policy *policy, struct ww_alert_life *life,
                       enum ww_alert_signal signal, int severity, int64_t at_us);

/* An alert that somebody has to look after: OPEN, RECOVERING, or one of these behind NO_DATA or ERROR. */
bool ww_alert_is_open(const struct ww_alert_life *life);

/* Of the moves of the step that made `life` what it is: those that people are told of. */
unsigned ww_alert_told(const struct ww_alert_life *life, unsigned moves);

/* "pending", "no_data" …; never NULL. */
const char *ww_alert_state_name(enum ww_alert_state state);

#endif
