/* An alert's states: what the header promises, one by one; then random lives against an oracle that keeps
 * every signal and finds each answer by looking back over all of them, with no state but what it has said
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "geo/alert/lifecycle.h"

#define MINUTE  INT64_C(60000000)
#define M(move) WW_ALERT_MOVE(WW_ALERT_##move)
#define FIRES   WW_ALERT_FIRES
#define BETWEEN WW_ALERT_BETWEEN
#define RESTS   WW_ALERT_RESTS
#define SILENT  WW_ALERT_SILENT
#define FAILS   WW_ALERT_FAILS

static struct ww_alert_life life;
static unsigned step(const struct ww_alert_policy *p, enum ww_alert_signal signal, int severity, int minute) {
    return ww_alert_step(p, &life, signal, severity, minute * MINUTE);
}

static void test_without_conditions_one_signal_opens_and_one_clears(void **state) {
    (void)state;
    const struct ww_alert_policy p = {0};
    life = WW_ALERT_LIFE_NEW;
    assert_int_equal(step(&p, FIRES, 2, 0), M(OPENED));
    assert_int_equal(life.state, WW_ALERT_OPEN);
    assert_int_equal(life.severity, 2);
    assert_int_equal(step(&p, FIRES, 2, 1), 0);
    assert_int_equal(step(&p, BETWEEN, 0, 2), 0);
    assert_int_equal(step(&p, RESTS, 0, 3), M(WENT_OVER));
    assert_int_equal(life.state, WW_ALERT_CLEARED);
    assert_int_equal(step(&p, RESTS, 0, 4), 0);
    assert_int_equal(life.state, WW_ALERT_QUIET); /* a gap of nothing: another would be another event */
}

static void test_it_opens_after_so_many_that_last_so_long(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.pending = {.count = 3, .duration_us = 5 * MINUTE}};
    life = WW_ALERT_LIFE_NEW;
    assert_int_equal(step(&p, FIRES, 1, 0), M(WAITS));
    assert_int_equal(step(&p, FIRES, 1, 1), 0);
    assert_int_equal(step(&p, FIRES, 1, 2), 0);   /* enough of them, too short */
    assert_int_equal(step(&p, BETWEEN, 0, 9), 0); /* neither counts nor breaks */
    assert_int_equal(life.state, WW_ALERT_PENDING);
    assert_int_equal(step(&p, FIRES, 1, 10), M(OPENED));
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 0);
    (void)step(&p, FIRES, 1, 4);
    assert_int_equal(step(&p, RESTS, 0, 5), M(WITHDRAWN));
    assert_int_equal(step(&p, FIRES, 1, 6), M(WAITS)); /* from the beginning */
    assert_int_equal(step(&p, FIRES, 1, 20), 0);       /* long enough, too few */
}

static void test_either_condition_is_enough_where_it_says_so(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.pending = {.count = 3, .duration_us = 5 * MINUTE, .either = true}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 0);
    assert_int_equal(step(&p, FIRES, 1, 5), M(OPENED));
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 0);
    (void)step(&p, FIRES, 1, 1);
    assert_int_equal(step(&p, FIRES, 1, 2), M(OPENED));
}

static void test_a_return_while_it_recovers_begins_the_recovery_anew(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.recovering = {.count = 2, .duration_us = 10 * MINUTE}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 0);
    assert_int_equal(step(&p, RESTS, 0, 1), M(RECOVERS));
    assert_true(ww_alert_is_open(&life));
    assert_int_equal(step(&p, FIRES, 1, 10), M(RETURNED));
    assert_int_equal(step(&p, RESTS, 0, 11), M(RECOVERS));
    assert_int_equal(step(&p, RESTS, 0, 20), 0);
    assert_int_equal(step(&p, RESTS, 0, 21), M(WENT_OVER));
    assert_false(ww_alert_is_open(&life));
}

static void test_silence_never_clears_and_what_waited_waits_anew(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.recovering = {.count = 2}, .pending = {.count = 2}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 3, 0);
    (void)step(&p, FIRES, 3, 1);
    (void)step(&p, RESTS, 0, 2);
    assert_int_equal(step(&p, SILENT, 0, 60), M(BLINDED));
    assert_int_equal(life.state, WW_ALERT_NO_DATA);
    assert_true(ww_alert_is_open(&life));
    assert_int_equal(step(&p, SILENT, 0, 1000), 0);
    assert_int_equal(step(&p, FAILS, 0, 1001), M(BLINDED));
    assert_int_equal(life.state, WW_ALERT_ERROR);
    assert_int_equal(step(&p, RESTS, 0, 1002), M(SEES) | M(RECOVERS));
    assert_int_equal(life.severity, 3);
    assert_int_equal(step(&p, RESTS, 0, 1003), M(WENT_OVER));
    (void)step(&p, FIRES, 1, 3000);
    (void)step(&p, SILENT, 0, 3001);
    assert_false(ww_alert_is_open(&life));
    assert_int_equal(step(&p, FIRES, 1, 3002), M(SEES) | M(WAITS));
}

static void test_what_comes_back_soon_is_another_episode_of_the_same(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.episode_gap_us = 60 * MINUTE, .pending = {.count = 2}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 0);
    assert_int_equal(step(&p, FIRES, 1, 1), M(OPENED));
    (void)step(&p, RESTS, 0, 2);
    (void)step(&p, FIRES, 1, 62); /* the run began within the gap, and counts by that */
    assert_int_equal(step(&p, FIRES, 1, 63), M(CAME_BACK));
    assert_int_equal(life.episode, 2);
    (void)step(&p, RESTS, 0, 64);
    assert_int_equal(life.state, WW_ALERT_CLEARED);
    (void)step(&p, FIRES, 1, 125);
    assert_int_equal(step(&p, FIRES, 1, 126), M(OPENED));
    assert_int_equal(life.episode, 1);
}

static void test_severity_moves_both_ways_each_by_its_own_condition(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.raising = {.count = 2}, .lowering = {.duration_us = 30 * MINUTE}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 2, 0);
    assert_int_equal(step(&p, FIRES, 4, 1), 0);
    assert_int_equal(step(&p, FIRES, 3, 2), M(RAISED));
    assert_int_equal(life.severity, 3); /* of the run 4, 3 the least */
    assert_int_equal(step(&p, FIRES, 1, 10), 0);
    assert_int_equal(step(&p, FIRES, 2, 39), 0);
    assert_int_equal(step(&p, FIRES, 1, 40), M(LOWERED));
    assert_int_equal(life.severity, 2); /* of 1, 2, 1 the greatest */
    assert_int_equal(step(&p, FIRES, 4, 50), 0);
    assert_int_equal(step(&p, FIRES, 2, 51), 0); /* what asked for more is broken off */
    assert_int_equal(step(&p, FIRES, 4, 52), 0);
}

static void test_flapping_is_told_once_and_ends_by_itself(void **state) {
    (void)state;
    const struct ww_alert_policy p = {
        .episode_gap_us = 600 * MINUTE, .flap_turns = 4, .flap_window_us = 60 * MINUTE};
    unsigned moves;
    life = WW_ALERT_LIFE_NEW;
    moves = step(&p, FIRES, 1, 0);
    assert_int_equal(ww_alert_told(&life, moves), M(OPENED));
    moves = step(&p, RESTS, 0, 1);
    assert_int_equal(ww_alert_told(&life, moves), M(WENT_OVER));
    (void)step(&p, FIRES, 1, 2);
    moves = step(&p, RESTS, 0, 3);
    assert_int_equal(moves, M(WENT_OVER) | M(FLAPS));
    assert_int_equal(ww_alert_told(&life, moves), M(FLAPS));
    moves = step(&p, FIRES, 1, 4);
    assert_int_equal(moves, M(CAME_BACK));
    assert_int_equal(ww_alert_told(&life, moves), 0);
    moves = step(&p, FIRES, 2, 5);
    assert_int_equal(ww_alert_told(&life, moves), M(RAISED)); /* what is worse is told in any case */
    moves = step(&p, FIRES, 2, 63);
    assert_int_equal(moves, M(STEADY)); /* 3 and 4 are left */
    assert_int_equal(ww_alert_told(&life, moves), M(STEADY));
    moves = step(&p, RESTS, 0, 64);
    assert_int_equal(ww_alert_told(&life, moves), M(WENT_OVER));
}

static void test_time_that_goes_back_counts_as_the_last(void **state) {
    (void)state;
    const struct ww_alert_policy p = {.pending = {.duration_us = 5 * MINUTE}};
    life = WW_ALERT_LIFE_NEW;
    (void)step(&p, FIRES, 1, 10);
    assert_int_equal(step(&p, FIRES, 1, 4), 0);
    assert_int_equal(step(&p, FIRES, 1, 15), M(OPENED));
}

/* ---- The oracle ---- */

enum { MOST = 400 };
static struct {
    enum ww_alert_signal signal[MOST];
    int severity[MOST];
    int64_t at[MOST];
    int n;
    /* What was said of the past: indices of signals, -1 = never. */
    int opened_at, cleared_at, weighed_at;
    bool open, flaps;
    int is_severe;
    uint32_t episode;
    int64_t turns[MOST];
    int n_turns;
} past;

/* The run that ends at the newest signal: back over signals of its kind and those between, not past `after`.
 */
static uint32_t run_of(enum ww_alert_signal kind, int after, int64_t *since) {
    uint32_t count = 0;
    for (int i = past.n - 1; i > after; i--) {
        if (past.signal[i] == kind) {
            count++;
            *since = past.at[i];
        } else if (past.signal[i] != BETWEEN) {
            break;
        }
    }
    return count;
}

static bool holds(struct ww_alert_condition c, uint32_t count, int64_t since) {
    int64_t lasts = past.at[past.n - 1] - since;
    if (c.count > 0 && c.duration_us > 0)
        return c.either ? count >= c.count || lasts >= c.duration_us
                        : count >= c.count && lasts >= c.duration_us;
    return c.count > 0 ? count >= c.count : lasts >= c.duration_us;
}

/* The severity that the signals since the last change ask for; 0: none. */
static int asks_for(struct ww_alert_condition c, int sign) {
    uint32_t count = 0;
    int64_t since = 0;
    int to = 0;
    for (int i = past.n - 1; i > past.weighed_at; i--) {
        if (past.signal[i] == BETWEEN)
            continue;
        if (past.signal[i] != FIRES || (past.severity[i] - past.is_severe) * sign <= 0)
            break;
        count++;
        since = past.at[i];
        if (to == 0 || (past.severity[i] - to) * sign < 0)
            to = past.severity[i];
    }
    return count > 0 && holds(c, count, since) ? to : 0;
}

static int turns_within(int64_t window) {
    int n = 0;
    for (int i = 0; i < past.n_turns; i++)
        n += past.at[past.n - 1] - past.turns[i] <= window;
    return n < WW_ALERT_MOST_TURNS ? n : WW_ALERT_MOST_TURNS;
}

static bool is_remembered(const struct ww_alert_policy *p, int64_t at) {
    return past.cleared_at >= 0 && at - past.at[past.cleared_at] <= p->episode_gap_us;
}

static enum ww_alert_state oracle(const struct ww_alert_policy *p, enum ww_alert_signal signal, int severity,
                                  int64_t at) {
    int now = past.n++, turn = 0;
    int64_t since = at;
    past.signal[now] = signal;
    past.severity[now] = severity;
    past.at[now] = at;
    if (past.flaps && turns_within(p->flap_window_us) <= (int)p->flap_turns / 2)
        past.flaps = false;
    uint32_t fires = run_of(FIRES, past.cleared_at, &since);
    if (!past.open && signal == FIRES && holds(p->pending, fires, since)) {
        past.episode = is_remembered(p, since) ? past.episode + 1 : 1;
        past.open = true;
        past.opened_at = past.weighed_at = now;
        past.is_severe = severity;
        turn = 1;
        fires = 0;
    } else if (past.open && signal == FIRES) {
        int up = asks_for(p->raising, 1), down = asks_for(p->lowering, -1);
        if (up || down) {
            past.is_severe = up ? up : down;
            past.weighed_at = now;
        }
    }
    uint32_t rests = run_of(RESTS, past.opened_at, &since);
    if (past.open && signal == RESTS && holds(p->recovering, rests, since)) {
        past.open = false;
        past.cleared_at = now;
        turn = 1;
    }
    if (turn && p->flap_turns > 0) {
        past.turns[past.n_turns++] = at;
        past.flaps = past.flaps || turns_within(p->flap_window_us) >= (int)p->flap_turns;
    }
    if (signal == SILENT)
        return WW_ALERT_NO_DATA;
    if (signal == FAILS)
        return WW_ALERT_ERROR;
    if (past.open)
        return run_of(RESTS, past.opened_at, &since) > 0 ? WW_ALERT_RECOVERING : WW_ALERT_OPEN;
    if (run_of(FIRES, past.cleared_at, &since) > 0)
        return WW_ALERT_PENDING;
    return is_remembered(p, at) ? WW_ALERT_CLEARED : WW_ALERT_QUIET;
}

static uint64_t seed;
static uint32_t chance(uint32_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static struct ww_alert_condition any_condition(void) {
    return (struct ww_alert_condition){
        .count = chance(4), .duration_us = chance(4) * 5 * MINUTE, .either = chance(2)};
}

static void test_random_lives_are_as_an_oracle_finds_them(void **state) {
    (void)state;
    uint32_t seen[WW_ALERT_STATES] = {0}, opened = 0, came_back = 0, flapped = 0, weighed = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        seed = round;
        struct ww_alert_policy p = {.pending = any_condition(),
                                    .recovering = any_condition(),
                                    .raising = any_condition(),
                                    .lowering = any_condition(),
                                    .episode_gap_us = chance(4) * 20 * MINUTE,
                                    .flap_turns = chance(7),
                                    .flap_window_us = 60 * MINUTE};
        uint32_t likely = 1 + chance(5); /* how long it stays as it is */
        int64_t at = 0;
        enum ww_alert_signal signal = RESTS;
        past.n = past.n_turns = past.is_severe = 0;
        past.opened_at = past.cleared_at = past.weighed_at = -1;
        past.open = past.flaps = false;
        past.episode = 0;
        life = WW_ALERT_LIFE_NEW;
        for (int i = 0; i < 100; i++) {
            at += chance(4) * 3 * MINUTE;
            if (chance(likely) == 0)
                signal = chance(8) == 0 ? SILENT + chance(2) : chance(3);
            int severity = signal == FIRES ? 1 + (int)chance(4) : 0;
            unsigned moves = ww_alert_step(&p, &life, signal, severity, at);
            enum ww_alert_state should = oracle(&p, signal, severity, at);
            if (life.state != should)
                fail_msg("round %u, signal %d: %s, should be %s", round, i, ww_alert_state_name(life.state),
                         ww_alert_state_name(should));
            assert_int_equal(ww_alert_is_open(&life), past.open);
            assert_int_equal(life.severity, past.open ? past.is_severe : 0);
            assert_int_equal(life.flaps, past.flaps);
            if (past.open)
                assert_int_equal(life.episode, past.episode);
            seen[life.state]++;
            opened += (moves & M(OPENED)) != 0;
            came_back += (moves & M(CAME_BACK)) != 0;
            flapped += (moves & M(FLAPS)) != 0;
            weighed += (moves & (M(RAISED) | M(LOWERED))) != 0;
        }
    }
    for (int i = 0; i < WW_ALERT_STATES; i++)
        assert_true(seen[i] > 10000);
    assert_true(opened > 10000 && came_back > 10000 && flapped > 5000 && weighed > 10000);
}

/* Whoever writes down the moves knows the state: nothing changes without one. */
static void test_the_moves_tell_the_whole_life(void **state) {
    (void)state;
    for (uint32_t round = 0; round < 5000; round++) {
        seed = round;
        struct ww_alert_policy p = {
            .pending = any_condition(), .recovering = any_condition(), .episode_gap_us = 20 * MINUTE};
        bool open = false;
        int64_t at = 0;
        life = WW_ALERT_LIFE_NEW;
        for (int i = 0; i < 100; i++) {
            struct ww_alert_life before = life;
            at += chance(4) * 3 * MINUTE;
            enum ww_alert_signal signal = (enum ww_alert_signal)chance(WW_ALERT_SIGNALS);
            unsigned moves = ww_alert_step(&p, &life, signal, 1, at);
            if (moves & (M(OPENED) | M(CAME_BACK)))
                open = true;
            if (moves & M(WENT_OVER)) {
                open = false;
                assert_int_equal(signal, RESTS);
            }
            assert_int_equal(open, ww_alert_is_open(&life));
            if (before.state != life.state && life.state != WW_ALERT_QUIET)
                assert_true(moves != 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_conditions_one_signal_opens_and_one_clears),
        cmocka_unit_test(test_it_opens_after_so_many_that_last_so_long),
        cmocka_unit_test(test_either_condition_is_enough_where_it_says_so),
        cmocka_unit_test(test_a_return_while_it_recovers_begins_the_recovery_anew),
        cmocka_unit_test(test_silence_never_clears_and_what_waited_waits_anew),
        cmocka_unit_test(test_what_comes_back_soon_is_another_episode_of_the_same),
        cmocka_unit_test(test_severity_moves_both_ways_each_by_its_own_condition),
        cmocka_unit_test(test_flapping_is_told_once_and_ends_by_itself),
        cmocka_unit_test(test_time_that_goes_back_counts_as_the_last),
        cmocka_unit_test(test_random_lives_are_as_an_oracle_finds_them),
        cmocka_unit_test(test_the_moves_tell_the_whole_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
