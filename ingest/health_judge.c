/* The janitor's look: passes over all things, some thousand at a time, and what each pass decides.
 *
 * A thing is *overdue* when nothing came from it for longer than a silence rule allows, *suspect* after half
 * of that. When the first of a feed's things is overdue, the others that fell silent with it are suspect
 * already, since everything that sends in step was heard last within one step. So the first one is enough to
 * see whether it is the whole feed: when enough of its things are suspect, or when several are and nothing at
 * all came from the feed in that time.
 */
#include <math.h>

#include "ingest/health_internal.h"

/* After we were deaf, senders have so long to find us again; less where a rule is shorter. */
#define RECONNECT_US (60 * WW_SECOND_US)
/* What another server has heard is written at the latest so much later. */
#define OTHERS_LAG_US (45 * WW_SECOND_US)
/* A row that nothing changed is written again, for its completeness. */
#define WRITE_US      (25 * WW_SECOND_US)
#define WRITE_IDLE_US (300 * WW_SECOND_US)

static float seconds(int64_t us) {
    return (float)((double)us / (double)WW_SECOND_US);
}

/* ---- One thing ---- */

/* Its step and rhythm. */
static float look_at_rhythm(struct health_thing *t) {
    float learned = 0;
    if (ww_health_clock_learn(&t->clock, &learned))
        t->expected_from = FROM_LEARNED;
    t->expected_s = learned;
    if (t->configured_s > 0) {
        t->expected_s = t->configured_s;
        t->expected_from = t->configured_from;
        t->clock.half_step_s = t->configured_s / 2;
    }
    if (t->expected_s == 0)
        t->expected_from = FROM_NOTHING;
    t->spacing_s =
        t->expected_s > 0 ? fminf(HEALTH_MOST_SPACING_S, t->expected_s / 2) : HEALTH_MOST_SPACING_S;
    /* What an operator says is expected counts as it is; what was learned may come in bursts. */
    return t->configured_s > 0 ? t->configured_s : ww_health_rhythm_s(&t->clock, t->expected_s);
}

static void note_due(struct ww_health *h, uint32_t thing, uint32_t rule, float allowed, float value,
                     int64_t now_us) {
    if (h->n_due < MOST_DUE)
        h->due[h->n_due++] = (struct health_due){thing, rule, allowed, value, now_us};
}

struct look {
    int64_t now_us, elapsed_us; /* heard nothing for so long, while we listened */
    int64_t plain_us;           /* … by the wall */
    float rhythm_s, patience_s; /* the least that a silence rule allows; 0: none judges */
    bool judges, silent, drifting, beyond;
};

static void look_for_silence(struct ww_health *h, uint32_t index, uint32_t rule, struct look *look) {
    struct health_thing *t = &h->things[index];
    const struct ww_sensor_rule *how = &h->rules->rules[rule].how;
    struct health_feed *f = &h->feeds[t->feed];
    uint32_t bit = 1u << rule;
    bool can_judge = t->clock.is_live && !(how->multiple > 0 && look->rhythm_s <= 0);
    float allowed = fmaxf((float)how->multiple * look->rhythm_s, (float)how->after_s);
    if (!can_judge) {
        if (look->judges && (t->open & bit) && t->clock.last_received_us > t->silent_since_us)
            health_clear_thing(h, t, rule, seconds(look->plain_us), look->now_us);
        look->silent = look->silent || (t->open & bit);
        return;
    }
    float elapsed = seconds(look->elapsed_us);
    int64_t hearing_us = look->now_us - (h->n_deaf > 0 ? h->deaf[h->n_deaf - 1].until_us : 0);
    bool overdue = elapsed > allowed && seconds(hearing_us) >= fminf(allowed, seconds(RECONNECT_US));
    if (!(t->open & bit)) { /* one that was silent before says nothing of the feed */
        f->tally[rule].watched++;
        f->tally[rule].suspect += elapsed > allowed / 2;
        f->tally[rule].overdue += overdue;
    }
    look->patience_s = look->patience_s > 0 ? fminf(look->patience_s, allowed) : allowed;
    if ((t->open & bit) && seconds(look->plain_us) <= allowed) {
        if (look->judges)
            health_clear_thing(h, t, rule,
                               t->silent_since_us == WW_INSTANT_NONE
                                   ? 0
                                   : seconds(t->clock.last_received_us - t->silent_since_us),
                               look->now_us);
    } else if (t->open & bit) {
        look->silent = true;
    } else if (overdue) {
        look->silent = true;
        if (look->judges)
            note_due(h, index, rule, allowed, elapsed, look->now_us);
    }
}

static void look_at_clock(struct ww_health *h, uint32_t index, uint32_t rule, struct look *look) {
    struct health_thing *t = &h->things[index];
    const struct ww_sensor_rule *how = &h->rules->rules[rule].how;
    uint32_t bit = 1u << rule;
    float drift;
    bool known = ww_health_drift(&t->clock, (float)how->limit_s, &drift);
    bool beyond = known && fabsf(drift) > (float)how->limit_s;
    look->beyond = look->beyond || beyond;
    if (beyond && t->drift_since_us == WW_INSTANT_NONE)
        t->drift_since_us = look->now_us;
    bool lasts = beyond && look->now_us - t->drift_since_us >= (int64_t)(how->for_s * (double)WW_SECOND_US);
    if (t->open & bit) {
        if (look->judges && known && fabsf(drift) <= (float)(how->limit_s * how->clear_ratio))
            health_clear_thing(h, t, rule, drift, look->now_us);
        else
            look->drifting = true;
    } else if (lasts) {
        look->drifting = true;
        if (look->judges)
            note_due(h, index, rule, (float)how->limit_s, drift, look->now_us);
    }
}

static void set_state(struct ww_health *h, uint32_t index, const struct look *look) {
    struct health_thing *t = &h->things[index];
    int64_t end_us = ww_health_newest_end_us(&t->clock);
    enum ww_health_state state = WW_HEALTH_OK;
    if (look->silent)
        state = WW_HEALTH_SILENT;
    else if (look->drifting)
        state = WW_HEALTH_DRIFTING;
    else if (look->rhythm_s <= 0)
        state = WW_HEALTH_UNKNOWN;
    else if (look->patience_s > 0 && end_us != WW_INSTANT_NONE &&
             seconds(health_heard_us(h, end_us, look->now_us)) > look->patience_s)
        state = WW_HEALTH_LATE;
    else if (!t->clock.is_live)
        state = WW_HEALTH_LATE; /* an archive */
    if (state == WW_HEALTH_SILENT && t->silent_since_us == WW_INSTANT_NONE)
        t->silent_since_us = t->clock.last_received_us;
    else if (state != WW_HEALTH_SILENT)
        t->silent_since_us = WW_INSTANT_NONE;
    if (state == t->state && t->expected_from == t->remembered_from)
        return;
    t->state = (uint8_t)state;
    t->dirty = t->urgent = true;
}

static void look_at_thing(struct ww_health *h, uint32_t index, int64_t now_us, bool judges) {
    struct health_thing *t = &h->things[index];
    struct health_feed *f = &h->feeds[t->feed];
    if (t->clock.last_received_us == WW_INSTANT_NONE) {
        f->things[WW_HEALTH_UNKNOWN]++;
        return;
    }
    struct look look = {.now_us = now_us, .judges = judges};
    look.rhythm_s = look_at_rhythm(t);
    int64_t base_us = t->clock.last_received_us > f->grace_us ? t->clock.last_received_us : f->grace_us;
    look.elapsed_us = health_heard_us(h, base_us, now_us) - (h->has_others ? OTHERS_LAG_US : 0);
    look.plain_us = now_us - t->clock.last_received_us;
    for (uint32_t left = t->rules | t->open; left; left &= left - 1) {
        uint32_t rule = (uint32_t)__builtin_ctz(left);
        if (h->rules->rules[rule].how.detector == WW_SENSOR_SILENCE)
            look_for_silence(h, index, rule, &look);
        else
            look_at_clock(h, index, rule, &look);
    }
    if (!look.beyond)
        t->drift_since_us = WW_INSTANT_NONE;
    set_state(h, index, &look);
    float drift;
    f->things[t->state]++;
    if (!isnan(t->clock.lag_s) && t->state != WW_HEALTH_SILENT) {
        f->lag_sum += (double)t->clock.lag_s;
        f->n_lag++;
    }
    if (!isnan(t->completeness)) {
        f->complete_sum += (double)t->completeness;
        f->n_complete++;
    }
    if (ww_health_drift(&t->clock, INFINITY, &drift) && !(fabsf(drift) <= fabsf(f->worst_drift_s)))
        f->worst_drift_s = drift;
    if (t->expected_s > 0 && !(f->least_expected_s <= t->expected_s))
        f->least_expected_s = t->expected_s;
    if (t->urgent || now_us - t->written_us > (t->dirty ? WRITE_US : WRITE_IDLE_US))
        health_queue(h, index);
}

/* ---- One feed, at the end of a pass ---- */

static void begin_pass(struct ww_health *h) {
    h->n_due = 0;
    for (uint32_t i = 0; i <= h->n_feeds; i++) {
        struct health_feed *f = &h->feeds[i];
        memset(f->tally, 0, sizeof f->tally);
        memset(f->things, 0, sizeof f->things);
        f->n_lag = f->n_complete = 0;
        f->lag_sum = f->complete_sum = 0;
        f->worst_drift_s = f->least_expected_s = NAN;
    }
}

/* Whether what is due is due because the whole feed is gone. */
static bool is_whole_feed(const struct ww_health *h, const struct health_feed *f,
                          const struct health_due *due, int64_t now_us) {
    const struct ww_sensor_rule *how = &h->rules->rules[due->rule].how;
    const struct health_tally *tally = &f->tally[due->rule];
    if (how->feed_share > 1 || tally->suspect < (uint32_t)how->feed_least)
        return false;
    bool nothing_came = f->last_received_us != WW_INSTANT_NONE &&
                        seconds(health_heard_us(h, f->last_received_us, now_us)) > due->allowed / 2;
    return nothing_came || tally->suspect >= how->feed_share * tally->watched;
}

static void clear_feeds(struct ww_health *h, int64_t now_us) {
    for (uint32_t i = 0; i < h->n_feeds; i++) {
        struct health_feed *f = &h->feeds[i];
        for (uint32_t left = f->open; left; left &= left - 1) {
            uint32_t rule = (uint32_t)__builtin_ctz(left);
            bool came = f->last_received_us != WW_INSTANT_NONE && f->last_received_us > f->opened_us[rule];
            if (!came || f->tally[rule].overdue * 2 > f->members[rule])
                continue;
            health_clear_feed(h, f, rule, now_us);
            /* Those that are not back yet have as long as the rule allows to come, one by one. */
            f->grace_us = now_us;
        }
    }
}

static void open_what_is_due(struct ww_health *h, int64_t now_us) {
    for (uint32_t i = 0; i < h->n_due && h->n_moves < MOST_MOVES; i++) {
        const struct health_due *due = &h->due[i];
        struct health_thing *t = &h->things[due->thing];
        struct health_feed *f = &h->feeds[t->feed];
        uint32_t bit = 1u << due->rule;
        if (h->rules->rules[due->rule].how.detector == WW_SENSOR_SILENCE) {
            bool just_cleared = f->grace_us == now_us;
            if (!(f->open & bit) && !just_cleared && is_whole_feed(h, f, due, now_us))
                health_open_feed(h, f, due->rule, due, now_us);
            if ((f->open & bit) || just_cleared)
                continue;
        }
        health_open_thing(h, due, now_us);
    }
    h->n_due = 0;
}

static void set_feed_state(struct health_feed *f, int64_t now_us) {
    uint32_t known = 0;
    for (int s = WW_HEALTH_OK; s < WW_HEALTH_STATES; s++)
        known += f->things[s];
    enum ww_health_state state = WW_HEALTH_UNKNOWN;
    if (f->open || (known > 0 && f->things[WW_HEALTH_SILENT] == known))
        state = WW_HEALTH_SILENT;
    else if (known > 0 && f->things[WW_HEALTH_DRIFTING] * 2 > known)
        state = WW_HEALTH_DRIFTING;
    else if (known > 0 && f->things[WW_HEALTH_LATE] * 2 > known)
        state = WW_HEALTH_LATE;
    else if (known > 0)
        state = WW_HEALTH_OK;
    if (state == WW_HEALTH_SILENT && f->silent_since_us == WW_INSTANT_NONE)
        f->silent_since_us = f->last_received_us;
    else if (state != WW_HEALTH_SILENT)
        f->silent_since_us = WW_INSTANT_NONE;
    if (state != f->state)
        f->dirty = f->urgent = true;
    f->state = (uint8_t)state;
    if (f->n_lag) /* else as it was while something still came */
        f->lag_s = (float)(f->lag_sum / f->n_lag);
    f->completeness = f->n_complete ? (float)(f->complete_sum / f->n_complete) : NAN;
    f->drift_s = f->worst_drift_s;
    f->expected_s = f->least_expected_s;
    memcpy(f->shown, f->things, sizeof f->shown);
    if (now_us - f->written_us > WRITE_US)
        f->dirty = true;
}

bool ww_health_sweep(struct ww_health *h, int64_t now_us, uint32_t most, bool judges) {
    h->judges = judges;
    if (h->at == 0)
        begin_pass(h);
    for (; most > 0 && h->at < h->n_things; most--)
        look_at_thing(h, h->at++, now_us, judges && h->n_moves < MOST_MOVES);
    if (h->at < h->n_things)
        return false;
    h->at = 0;
    if (judges)
        clear_feeds(h, now_us);
    open_what_is_due(h, now_us);
    for (uint32_t i = 0; i < h->n_feeds; i++)
        set_feed_state(&h->feeds[i], now_us);
    return true;
}
