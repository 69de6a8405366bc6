/* People's acts on an alert: each row of the table, and random histories against an oracle that keeps every
 * act that was done and finds what holds by looking back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "geo/alert/work.h"

static struct ww_error err;
static struct ww_work work;

static struct ww_act act_of(enum ww_act_kind kind, const char *actor) {
    return (struct ww_act){.kind = kind,
                           .actor = ww_str_of(actor),
                           .reason = WW_STR("because"),
                           .whom = WW_STR("li"),
                           .until_us = 2000,
                           .level = 1,
                           .was = WW_STR("discharge"),
                           .effect = WW_STR("minor"),
                           .now_us = 1000};
}

static enum ww_act_result does(enum ww_act_kind kind, const char *actor) {
    struct ww_act act = act_of(kind, actor);
    return ww_work_do(&work, &act, &err);
}

#define assert_refused(result, with, text)                                                                   \
    do {                                                                                                     \
        assert_int_equal(result, WW_REFUSED);                                                                \
        assert_int_equal(err.status, with);                                                                  \
        assert_non_null(strstr(err.message, text));                                                          \
    } while (0)

static void test_the_same_act_again_changes_nothing(void **state) {
    (void)state;
    static const struct {
        enum ww_act_kind does, undoes;
    } pairs[] = {{WW_ACT_ACKNOWLEDGE, WW_ACT_UNACKNOWLEDGE},
                 {WW_ACT_ASSIGN, WW_ACT_UNASSIGN},
                 {WW_ACT_SNOOZE, WW_ACT_UNSNOOZE},
                 {WW_ACT_RESOLVE, WW_ACT_REOPEN}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        work = (struct ww_work){.is_open = true};
        assert_int_equal(does(pairs[i].undoes, "wang"), WW_ALREADY);
        assert_int_equal(does(pairs[i].does, "wang"), WW_DONE);
        assert_int_equal(does(pairs[i].does, "wang"), WW_ALREADY);
        assert_int_equal(does(pairs[i].undoes, "chen"), WW_DONE);
        assert_int_equal(does(pairs[i].undoes, "chen"), WW_ALREADY);
    }
    work = (struct ww_work){.is_open = true};
    assert_int_equal(does(WW_ACT_COMMENT, "wang"), WW_DONE);
    assert_int_equal(does(WW_ACT_COMMENT, "wang"), WW_ALREADY);
    assert_int_equal(does(WW_ACT_COMMENT, "chen"), WW_DONE); /* another says the same */
    assert_int_equal(does(WW_ACT_COMMENT, "wang"), WW_DONE);
}

static void test_nobody_is_pushed_aside_unseen(void **state) {
    (void)state;
    work = (struct ww_work){.is_open = true};
    assert_int_equal(does(WW_ACT_ACKNOWLEDGE, "wang"), WW_DONE);
    assert_refused(does(WW_ACT_ACKNOWLEDGE, "chen"), WW_CONFLICT, "wang");
    assert_true(ww_str_is(work.acknowledged_by, "wang"));
}

static void test_escalating_goes_up_only_and_needs_somebody_new(void **state) {
    (void)state;
    struct ww_act act = act_of(WW_ACT_ESCALATE, "wang");
    work = (struct ww_work){.is_open = true, .acknowledged_by = WW_STR("wang")};
    act.level = 2;
    assert_int_equal(ww_work_do(&work, &act, &err), WW_DONE);
    assert_int_equal(work.acknowledged_by.len, 0);
    assert_int_equal(ww_work_do(&work, &act, &err), WW_ALREADY);
    act.level = 1;
    assert_refused(ww_work_do(&work, &act, &err), WW_CONFLICT, "further");
    for (act.level = 0; act.level <= 4; act.level += 4)
        assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "level");
}

static void test_a_snooze_ends_by_time_and_when_it_clears(void **state) {
    (void)state;
    work = (struct ww_work){.is_open = true};
    assert_int_equal(does(WW_ACT_SNOOZE, "wang"), WW_DONE);
    assert_true(ww_work_is_snoozed(&work, 1999));
    assert_false(ww_work_is_snoozed(&work, 2000));
    work.is_open = false;
    assert_false(ww_work_is_snoozed(&work, 1999));
    assert_refused(does(WW_ACT_SNOOZE, "wang"), WW_CONFLICT, "cleared");
    work.is_open = true;
    struct ww_act act = act_of(WW_ACT_SNOOZE, "wang");
    act.until_us = 1000;
    assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "passed");
    act.until_us = 1001 + WW_WORK_LONGEST_SNOOZE;
    assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "92 days");
    act.until_us = WW_WORK_UNTIL_CLEARED;
    assert_int_equal(ww_work_do(&work, &act, &err), WW_DONE);
    assert_true(ww_work_is_snoozed(&work, INT64_MAX - 1));
}

static void test_what_is_resolved_is_left_alone_until_it_is_reopened(void **state) {
    (void)state;
    work = (struct ww_work){.is_open = true};
    assert_int_equal(does(WW_ACT_RESOLVE, "wang"), WW_DONE);
    for (int kind = 0; kind < WW_ACTS; kind++) {
        bool refused = kind == WW_ACT_ACKNOWLEDGE || kind == WW_ACT_ASSIGN || kind == WW_ACT_SNOOZE ||
                       kind == WW_ACT_ESCALATE;
        struct ww_work copy = work;
        struct ww_act act = act_of((enum ww_act_kind)kind, "chen");
        assert_int_equal(ww_work_do(&copy, &act, &err) == WW_REFUSED, refused);
    }
    struct ww_act better = act_of(WW_ACT_RESOLVE, "chen");
    better.was = WW_STR("permitted");
    assert_int_equal(ww_work_do(&work, &better, &err), WW_DONE);
    assert_true(work.is_open); /* readings alone clear it */
    assert_true(ww_work_came_back(&work));
    assert_false(work.resolved || ww_work_came_back(&work));
}

static void test_words_and_reasons_that_are_missing_are_named(void **state) {
    (void)state;
    struct ww_act act = act_of(WW_ACT_RESOLVE, "wang");
    work = (struct ww_work){.is_open = true};
    act.was = WW_STR("pollution");
    assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "discharge|sensor_fault");
    assert_string_equal(err.field, "was");
    act.was = WW_STR("natural");
    act.effect = WW_STR_NONE;
    assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "none|minor");
    act = act_of(WW_ACT_ASSIGN, "wang");
    act.whom = WW_STR_NONE;
    assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "assignee");
    for (int kind = 0; kind < WW_ACTS; kind++) {
        act = act_of((enum ww_act_kind)kind, "wang");
        act.reason = WW_STR(" \n");
        bool needs = kind == WW_ACT_COMMENT || kind == WW_ACT_SNOOZE || kind == WW_ACT_ESCALATE;
        work = (struct ww_work){.is_open = true};
        if (needs)
            assert_refused(ww_work_do(&work, &act, &err), WW_BAD_INPUT, "reason");
        else
            assert_true(ww_work_do(&work, &act, &err) != WW_REFUSED);
    }
}

static void test_an_outcome_says_whether_the_rule_was_right(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"discharge", "pollution", "confirmed"}, {"sensor_fault", "pollution", "false"},
        {"sensor_fault", "sensor", "confirmed"}, {"natural", "sensor", "false"},
        {"tampering", "lead", "confirmed"},      {"permitted", "pollution", "false"},
        {"duplicate", "pollution", "unknown"},   {"unknown", "lead", "unknown"},
        {"discharge", "weather", "unknown"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(ww_work_verdict(ww_str_of(rows[i][0]), ww_str_of(rows[i][1])), rows[i][2]);
}

/* ---- Random histories ---- */

enum { MOST = 200 };
static struct {
    struct ww_act act[MOST];
    int n, cleared; /* acts before it can snooze no more */
} done;

static uint64_t seed;
static uint32_t chance(uint32_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* The newest act that is one of two kinds; NULL: neither was done. */
static const struct ww_act *newest(enum ww_act_kind a, enum ww_act_kind b) {
    for (int i = done.n - 1; i >= 0; i--) {
        if (done.act[i].kind == a || done.act[i].kind == b)
            return &done.act[i];
    }
    return NULL;
}

static struct ww_str who_acknowledged(void) {
    for (int i = done.n - 1; i >= 0; i--) {
        if (done.act[i].kind == WW_ACT_ACKNOWLEDGE)
            return done.act[i].actor;
        if (done.act[i].kind == WW_ACT_UNACKNOWLEDGE || done.act[i].kind == WW_ACT_ESCALATE)
            break;
    }
    return WW_STR_NONE;
}

static bool is_kind(const struct ww_act *act, enum ww_act_kind kind) {
    return act && act->kind == kind;
}

static void check_by_looking_back(int64_t now_us) {
    const struct ww_act *a = newest(WW_ACT_ASSIGN, WW_ACT_UNASSIGN);
    assert_true(ww_str_eq(work.acknowledged_by, who_acknowledged()));
    assert_true(ww_str_eq(work.assignee, is_kind(a, WW_ACT_ASSIGN) ? a->whom : WW_STR_NONE));
    a = newest(WW_ACT_RESOLVE, WW_ACT_REOPEN);
    assert_int_equal(work.resolved, is_kind(a, WW_ACT_RESOLVE));
    assert_true(ww_str_eq(work.was, is_kind(a, WW_ACT_RESOLVE) ? a->was : WW_STR_NONE));
    a = newest(WW_ACT_ESCALATE, WW_ACT_ESCALATE);
    assert_int_equal(work.level, a ? a->level : 0);
    a = newest(WW_ACT_SNOOZE, WW_ACT_UNSNOOZE);
    assert_int_equal(ww_work_is_snoozed(&work, now_us), work.is_open && is_kind(a, WW_ACT_SNOOZE) &&
                                                            a >= done.act + done.cleared &&
                                                            a->until_us > now_us);
    a = newest(WW_ACT_COMMENT, WW_ACT_COMMENT);
    assert_true(ww_str_eq(work.comment, a ? a->reason : WW_STR_NONE));
}

static void test_random_histories_are_as_looking_back_finds_them(void **state) {
    (void)state;
    static const char *const names[] = {"wang", "chen", "li"}, *const words[] = {"discharge", "natural"};
    uint32_t results[3] = {0};
    for (uint32_t round = 0; round < 3000; round++) {
        seed = round;
        work = (struct ww_work){.is_open = true};
        done.n = done.cleared = 0;
        for (int i = 0; i < MOST; i++) {
            bool opens = work.is_open;
            struct ww_act act = act_of((enum ww_act_kind)chance(WW_ACTS), names[chance(3)]);
            act.now_us = 1000 + i;
            act.until_us = act.now_us + 1 + (int64_t)chance(5);
            act.whom = ww_str_of(names[chance(3)]);
            act.was = ww_str_of(words[chance(2)]);
            act.reason = ww_str_of(words[chance(2)]);
            act.level = 1 + (int)chance(3);
            struct ww_work before = work;
            enum ww_act_result result = ww_work_do(&work, &act, &err);
            results[result]++;
            if (result == WW_DONE)
                done.act[done.n++] = act;
            else
                assert_memory_equal(&work, &before, sizeof work);
            assert_int_equal(work.is_open, opens);
            if (result != WW_REFUSED) /* done, it need not be done again */
                assert_int_equal(ww_work_do(&work, &act, &err), WW_ALREADY);
            check_by_looking_back(act.now_us);
            if (chance(20) == 0 && !work.is_open) {
                work.is_open = true; /* the detector's, whenever it likes */
            } else if (chance(20) == 0) {
                ww_work_cleared(&work);
                done.cleared = done.n;
            }
        }
    }
    for (int i = 0; i < 3; i++)
        assert_true(results[i] > 50000);
}

static void test_names_are_found_again(void **state) {
    (void)state;
    enum ww_act_kind kind;
    for (int i = 0; i < WW_ACTS; i++) {
        assert_true(ww_act_find(ww_str_of(ww_act_name((enum ww_act_kind)i)), &kind));
        assert_int_equal(kind, i);
        assert_true(ww_act_event(kind)[0] != '\0');
    }
    assert_false(ww_act_find(WW_STR("delete"), &kind));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_act_again_changes_nothing),
        cmocka_unit_test(test_nobody_is_pushed_aside_unseen),
        cmocka_unit_test(test_escalating_goes_up_only_and_needs_somebody_new),
        cmocka_unit_test(test_a_snooze_ends_by_time_and_when_it_clears),
        cmocka_unit_test(test_what_is_resolved_is_left_alone_until_it_is_reopened),
        cmocka_unit_test(test_words_and_reasons_that_are_missing_are_named),
        cmocka_unit_test(test_an_outcome_says_whether_the_rule_was_right),
        cmocka_unit_test(test_random_histories_are_as_looking_back_finds_them),
        cmocka_unit_test(test_names_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
