/* A live scan on a made-up grid of places: what it sees, what becomes of its alerts, and that its state is a
 * function of the counts and the day. Time is a number that the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "geo/instant.h"
#include "geo/scan/random.h"
#include "ingest/space/scan_pace.h"

enum { SIDE = 5, N = SIDE * SIDE, DAY = 20000, PAST = 40 };

struct bench {
    struct ww_arena *arena;
    struct ww_scan_spot spot[N];
    char key[N][8];
    struct ww_scan_watch *watch;
    int64_t now_us;
    char said[64 << 10]; /* the actions of the last decision, as a JSON array */
};

#define CIRCLES                                                                                              \
    "{\"events\":{\"property\":\"x\"},\"places\":\"thing\",\"max_radius_m\":1600,\"max_days\":3,"            \
    "\"memory_days\":30,\"recurrence_interval_days\":100,"                                                   \
    "\"clear\":{\"recurrence_interval_days\":20,\"after_h\":6}"

static struct ww_scan_watch *open_watch(struct bench *b, const char *config) {
    struct ww_scan_watch *watch;
    struct ww_error err;
    struct ww_scan_watch_setup setup = {
        .rule_id = 7, .version = 3, .severity = 2, .spots = b->spot, .n_spots = N, .code = WW_STR("made-up")};
    setup.config = ww_str_of(config);
    assert_int_equal(ww_scan_rule_parse(b->arena, setup.config, &setup.how, &err), WW_OK);
    assert_int_equal(ww_scan_watch_new(&setup, DAY, &watch, &err), WW_OK);
    return watch;
}

static void open_bench(struct bench *b, const char *config) {
    *b = (struct bench){.arena = ww_arena_new(1 << 20), .now_us = INT64_C(1800000000) * WW_SECOND_US};
    for (uint32_t i = 0; i < N; i++) { /* a kilometre apart; a ward a row */
        snprintf(b->key[i], sizeof b->key[i], "p%u", i);
        b->spot[i] = (struct ww_scan_spot){.id = 100 + i,
                                           .key = ww_str_of(b->key[i]),
                                           .at = {107 + 0.0103 * (i % SIDE), 29 + 0.009 * (i / SIDE)},
                                           .ward_id = 1 + i / SIDE,
                                           .population = 1000};
    }
    b->watch = open_watch(b, config);
    for (uint32_t day = 1; day < PAST; day++)
        for (uint32_t i = 0; i < N; i++)
            ww_scan_watch_count(b->watch, i, DAY - day, (i + day) % 2);
}

static void close_bench(struct bench *b) {
    ww_scan_watch_free(b->watch);
    ww_arena_free(b->arena);
}

static struct ww_scan_moves decide(struct bench *b, bool heard) {
    struct ww_buf out;
    ww_buf_init(&out, 1 << 20);
    ww_buf_char(&out, '[');
    struct ww_buf actions;
    ww_buf_init(&actions, 1 << 20);
    struct ww_scan_moves moves = ww_scan_watch_decide(b->watch, b->now_us, heard, &actions);
    ww_buf_str_add(&out, ww_buf_str(&actions));
    ww_buf_char(&out, ']');
    assert_true(out.len < sizeof b->said);
    snprintf(b->said, sizeof b->said, "%.*s", WW_STR_ARG(ww_buf_str(&out)));
    ww_buf_clear(&actions);
    ww_buf_clear(&out);
    return moves;
}

static struct ww_scan_moves look(struct bench *b, int64_t day) {
    ww_scan_watch_begin(b->watch, day, &(struct ww_known){.message = 1});
    ww_scan_watch_look(b->watch);
    assert_string_equal(ww_scan_watch_trouble(b->watch), "");
    return decide(b, true);
}

/* A member of the n-th action, by a path of names. */
static const struct ww_json_node *said(struct bench *b, int n, const char *one, const char *two) {
    struct ww_json_node *root;
    assert_int_equal(ww_json_parse(b->arena, ww_str_of(b->said), &root, NULL), WW_OK);
    const struct ww_json_node *node = root->child;
    while (n-- > 0 && node)
        node = node->next;
    node = ww_json_get(node, one);
    return two ? ww_json_get(node, two) : node;
}

/* It rains in one ward until a moment; told of which cluster it was asked. */
struct made_up_rain {
    int64_t ward, until_us;
    struct ww_mute_subject asked;
};

static struct ww_mute rain_gate(void *arg, const struct ww_mute_subject *subject, int64_t at_us,
                                int64_t just_us) {
    struct made_up_rain *rain = arg;
    rain->asked = *subject;
    bool holds = subject->ward_id == rain->ward && at_us - just_us <= rain->until_us;
    return (struct ww_mute){
        .reason = holds ? WW_MUTE_RAIN : WW_MUTE_NONE, .until_us = rain->until_us, .datastream = 77};
}

static void a_cluster_in_the_rain_is_recorded_and_told_when_it_outlasts_it(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, CIRCLES "}");
    struct made_up_rain rain = {.ward = 3, .until_us = b.now_us + 2 * WW_HOUR_US};
    ww_scan_watch_set_gate(b.watch, rain_gate, &rain);
    ww_scan_watch_count(b.watch, 12, DAY, 9);
    struct ww_scan_moves m = look(&b, DAY);
    assert_int_equal(m.opened, 0);
    assert_int_equal(m.muted[WW_MUTE_RAIN], 1);
    assert_int_equal(rain.asked.rule_id, 7);
    assert_true(rain.asked.has_place && fabs(rain.asked.place.lat_deg - 29.018) < 0.02);
    assert_true(ww_str_is(said(&b, 0, "op", NULL)->text, "mute"));
    assert_true(ww_str_is(said(&b, 0, "subject", NULL)->text, "3"));
    assert_true(ww_str_is(said(&b, 0, "muted", "gauge")->text, "77"));
    assert_true(ww_str_is(said(&b, 0, "explanation", "method")->text, "scan"));
    assert_true(ww_scan_watch_has_pending(b.watch));
    assert_int_equal(ww_scan_watch_open_count(b.watch), 0);

    b.now_us += WW_HOUR_US; /* once is enough */
    ww_scan_watch_count(b.watch, 12, DAY, 1);
    m = look(&b, DAY);
    assert_string_equal(b.said, "[]");

    struct ww_scan_watch *other = open_watch(&b, CIRCLES "}"); /* built anew, with what was recorded */
    ww_scan_watch_take_muted(other, 3);
    ww_scan_watch_set_gate(other, rain_gate, &rain);
    for (uint32_t day = 1; day < PAST; day++)
        for (uint32_t i = 0; i < N; i++)
            ww_scan_watch_count(other, i, DAY - day, (i + day) % 2);
    ww_scan_watch_count(other, 12, DAY, 10);
    ww_scan_watch_free(b.watch);
    b.watch = other;
    m = look(&b, DAY);
    assert_string_equal(b.said, "[]");

    b.now_us += 2 * WW_HOUR_US;
    m = decide(&b, true); /* no event is needed for that */
    assert_int_equal(m.opened, 1);
    assert_true(ww_str_is(said(&b, 0, "op", NULL)->text, "unmute"));
    assert_true(ww_str_is(said(&b, 0, "raised", NULL)->text, "true"));
    assert_true(ww_str_is(said(&b, 1, "op", NULL)->text, "open"));
    assert_true(ww_str_is(ww_json_get(said(&b, 1, "explanation", "muted_until"), "reason")->text, "rain"));
    close_bench(&b);

    open_bench(&b, CIRCLES "}"); /* over before the rain is; and rain elsewhere */
    rain.until_us = b.now_us + 24 * WW_HOUR_US;
    ww_scan_watch_set_gate(b.watch, rain_gate, &rain);
    ww_scan_watch_count(b.watch, 12, DAY, 9);
    m = look(&b, DAY);
    assert_int_equal(m.muted[WW_MUTE_RAIN], 1);
    ww_scan_watch_count(b.watch, 12, DAY, -9);
    m = look(&b, DAY);
    assert_int_equal(m.opened, 0);
    assert_true(ww_str_is(said(&b, 0, "op", NULL)->text, "unmute"));
    assert_true(ww_str_is(said(&b, 0, "raised", NULL)->text, "false"));
    rain.ward = 4;
    ww_scan_watch_count(b.watch, 12, DAY, 9);
    m = look(&b, DAY);
    assert_int_equal(m.opened, 1);
    close_bench(&b);
}

static void a_cluster_opens_one_alert_that_grows_moves_and_clears(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, CIRCLES "}");
    assert_true(ww_scan_watch_is_due(b.watch, DAY));
    struct ww_scan_moves m = look(&b, DAY);
    assert_int_equal(m.opened + m.updated + m.cleared, 0);
    assert_false(ww_scan_watch_is_due(b.watch, DAY));

    ww_scan_watch_count(b.watch, 12, DAY, 7);
    ww_scan_watch_count(b.watch, 13, DAY, 3);
    assert_true(ww_scan_watch_is_due(b.watch, DAY));
    m = look(&b, DAY);
    assert_int_equal(m.opened, 1);
    assert_true(ww_str_is(said(&b, 0, "op", NULL)->text, "open"));
    assert_true(ww_str_is(said(&b, 0, "subject", NULL)->text, "3")); /* the ward of its cases */
    double days, cases;
    assert_true(ww_json_as_double(said(&b, 0, "last", NULL), &cases));
    assert_true(cases >= 7);
    double before = cases;
    assert_true(ww_str_eq(said(&b, 0, "explanation", "cases")->text, said(&b, 0, "last", NULL)->text));
    assert_true(ww_str_is(said(&b, 0, "explanation", "to")->text, "2024-10-04"));
    assert_true(ww_json_as_double(said(&b, 0, "explanation", "recurrence_interval_days"), &days));
    assert_true(days >= 100);

    m = look(&b, DAY); /* nothing new */
    assert_int_equal(m.opened + m.updated + m.cleared, 0);

    ww_scan_watch_count(b.watch, 17, DAY, 9); /* the ward of most cases is another now: the same alert */
    m = look(&b, DAY);
    assert_int_equal(m.opened, 0);
    assert_int_equal(m.updated, 1);
    assert_true(ww_str_is(said(&b, 0, "subject", NULL)->text, "3"));
    assert_true(ww_json_as_double(said(&b, 0, "latest", "cases"), &cases));
    assert_true(cases > before);
    assert_true(ww_str_eq(said(&b, 0, "peak", NULL)->text, said(&b, 0, "latest", "cases")->text));

    b.now_us += 5 * WW_DAY_US; /* it has left the windows */
    ww_scan_watch_begin(b.watch, DAY + 5, &(struct ww_known){.message = 1});
    ww_scan_watch_look(b.watch);
    assert_int_equal(decide(&b, false).cleared, 0); /* nobody was heard: that is no good news */
    assert_int_equal(decide(&b, true).cleared, 1);
    assert_true(ww_str_is(said(&b, 0, "op", NULL)->text, "clear"));
    assert_int_equal(ww_scan_watch_open_count(b.watch), 0);
    close_bench(&b);
}

static void it_clears_only_after_the_time_that_the_rule_says(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, CIRCLES "}");
    ww_scan_watch_count(b.watch, 12, DAY, 9);
    assert_int_equal(look(&b, DAY).opened, 1);
    ww_scan_watch_count(b.watch, 12, DAY, -9); /* taken back */
    b.now_us += 5 * WW_HOUR_US;
    assert_int_equal(look(&b, DAY).cleared, 0);
    b.now_us += WW_HOUR_US;
    assert_int_equal(decide(&b, true).cleared, 1);
    close_bench(&b);
}

static void two_clusters_are_two_alerts_and_each_names_the_other(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, CIRCLES "}");
    ww_scan_watch_count(b.watch, 0, DAY, 12);
    ww_scan_watch_count(b.watch, 24, DAY, 11);
    assert_int_equal(look(&b, DAY).opened, 2);
    assert_true(ww_str_is(said(&b, 0, "subject", NULL)->text, "1"));
    assert_true(ww_str_is(said(&b, 1, "subject", NULL)->text, "5"));
    const struct ww_json_node *other = said(&b, 0, "explanation", "secondary")->child;
    assert_true(ww_str_is(ww_json_get(other, "cases")->text, "11"));
    close_bench(&b);
}

/* The same counts by another way: counted day by day, some twice and taken back, through two midnights. */
static void the_state_is_a_function_of_counts_and_day(void **state) {
    (void)state;
    static const char *const models[] = {"stp", "ebp", "poisson"};
    for (int i = 0; i < 3; i++) {
        struct bench b, c;
        char config[512];
        snprintf(config, sizeof config, CIRCLES ",\"model\":\"%s\",\"population\":\"n\"}", models[i]);
        open_bench(&b, config);
        (void)look(&b, DAY);
        ww_scan_watch_count(b.watch, 3, DAY, 2);
        (void)look(&b, DAY);
        ww_scan_watch_count(b.watch, 7, DAY + 1, 8);
        ww_scan_watch_count(b.watch, 8, DAY - 20, 1); /* late: what is expected changes */
        (void)look(&b, DAY + 1);
        ww_scan_watch_count(b.watch, 7, DAY + 1, -3);
        (void)look(&b, DAY + 2);

        open_bench(&c, config);
        ww_scan_watch_free(c.watch);
        c.watch = open_watch(&c, config);
        ww_scan_watch_begin(c.watch, DAY + 2, &(struct ww_known){.message = 1});
        for (uint32_t p = 0; p < N; p++)
            for (uint32_t day = 1; day < PAST; day++)
                ww_scan_watch_count(c.watch, p, DAY - day, (p + day) % 2);
        ww_scan_watch_count(c.watch, 3, DAY, 2);
        ww_scan_watch_count(c.watch, 7, DAY + 1, 5);
        ww_scan_watch_count(c.watch, 8, DAY - 20, 1);
        (void)look(&c, DAY + 2);

        const struct ww_scan_seen *x, *y;
        uint32_t n = ww_scan_watch_seen(b.watch, &x);
        assert_true(n > 0);
        assert_int_equal(n, ww_scan_watch_seen(c.watch, &y));
        for (uint32_t k = 0; k < n; k++) {
            assert_memory_equal(&x[k].is.llr, &y[k].is.llr, sizeof x[k].is.llr);
            assert_memory_equal(&x[k].recurrence_days, &y[k].recurrence_days, sizeof x[k].recurrence_days);
            assert_int_equal(x[k].first_day, y[k].first_day);
        }
        close_bench(&b);
        close_bench(&c);
    }
}

static void alerts_of_before_a_restart_go_on(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, CIRCLES "}");
    ww_scan_watch_take_open(b.watch, 4, b.now_us - WW_HOUR_US, 12,
                            WW_STR("[{\"key\":\"p12\",\"cases\":9},{\"key\":\"gone\"}]"), WW_STR(""));
    ww_scan_watch_count(b.watch, 12, DAY, 10);
    struct ww_scan_moves m = look(&b, DAY);
    assert_int_equal(m.opened, 0);
    assert_int_equal(m.updated, 1);
    assert_true(ww_str_is(said(&b, 0, "subject", NULL)->text, "4"));
    assert_true(ww_str_is(said(&b, 0, "peak", NULL)->text, "12"));
    close_bench(&b);
}

/* Far shorter than tests/bench/scan_rate_bench.c, which measures it. */
static void in_a_city_where_nothing_happens_it_signals_as_rarely_as_it_says(void **state) {
    (void)state;
    static const char *const models[] = {"stp", "ebp", "poisson"};
    enum { DAYS = 200, LOOKS = 3, R = 10 };
    for (int i = 0; i < 3; i++) {
        struct bench b;
        char config[512];
        uint32_t signals = 0;
        snprintf(config, sizeof config, CIRCLES ",\"model\":\"%s\",\"population\":\"n\"}", models[i]);
        open_bench(&b, config);
        struct ww_random rng = ww_random_of(5, 0);
        for (uint32_t day = 0; day < 30 + DAYS; day++) {
            bool signal = false;
            for (uint32_t k = 0; k < LOOKS; k++) {
                const struct ww_scan_seen *seen;
                for (uint32_t p = 0; p < N; p++)
                    ww_scan_watch_count(b.watch, p, DAY + day, (int32_t)ww_random_poisson(&rng, 0.1));
                ww_scan_watch_begin(b.watch, DAY + day, &(struct ww_known){.message = 1});
                ww_scan_watch_look(b.watch);
                signal = signal || (ww_scan_watch_seen(b.watch, &seen) > 0 && seen[0].recurrence_days >= R);
            }
            signals += signal && day >= 30;
        }
        assert_in_range(signals, DAYS / R / 4, DAYS / R * 2);
        close_bench(&b);
    }
}

static bool stop_at_once(void *arg) {
    ++*(int *)arg;
    return true;
}

static void a_look_can_be_stopped_between_slices_and_taken_again(void **state) {
    (void)state;
    struct bench b;
    int asked = 0;
    open_bench(&b, CIRCLES ",\"replicas\":99999}");
    ww_scan_watch_count(b.watch, 12, DAY, 12);
    ww_scan_watch_stop_when(b.watch, stop_at_once, &asked);
    ww_scan_watch_begin(b.watch, DAY, &(struct ww_known){.message = 1});
    ww_scan_watch_look(b.watch);
    assert_string_equal(ww_scan_watch_trouble(b.watch), "stopped");
    assert_int_equal(asked, 1); /* of some hundred slices */
    const struct ww_scan_seen *seen;
    assert_int_equal(ww_scan_watch_seen(b.watch, &seen), 0);
    ww_scan_watch_stop_when(b.watch, NULL, NULL);
    ww_scan_watch_begin(b.watch, DAY, &(struct ww_known){.message = 1});
    ww_scan_watch_look(b.watch);
    assert_string_equal(ww_scan_watch_trouble(b.watch), "");
    assert_true(ww_scan_watch_seen(b.watch, &seen) > 0 && seen[0].is.cases >= 12);
    close_bench(&b);
}

static void what_is_absorbed_without_a_look_is_seen_by_the_next(void **state) {
    (void)state;
    struct bench b, plain;
    const struct ww_scan_seen *seen, *expected;
    open_bench(&b, CIRCLES "}");
    open_bench(&plain, CIRCLES "}");
    for (int day = 0; day < 3; day++) {
        look(&b, DAY + day);
        look(&plain, DAY + day);
        for (uint32_t i = 0; i < N; i++) {
            ww_scan_watch_count(b.watch, i, DAY + day + 1, i == 7 ? 6 : 1);
            ww_scan_watch_count(plain.watch, i, DAY + day + 1, i == 7 ? 6 : 1);
            if (i % 5 == 0)
                ww_scan_watch_absorb(b.watch, DAY + day + 1);
        }
        assert_true(ww_scan_watch_is_due(b.watch, DAY + day + 1));
    }
    look(&b, DAY + 3);
    look(&plain, DAY + 3);
    assert_false(ww_scan_watch_is_due(b.watch, DAY + 3));
    uint32_t n = ww_scan_watch_seen(b.watch, &seen);
    assert_int_equal(n, ww_scan_watch_seen(plain.watch, &expected));
    assert_true(n > 0);
    assert_true(seen[0].is.llr == expected[0].is.llr && seen[0].is.p == expected[0].is.p);
    close_bench(&b);
    close_bench(&plain);
}

/* Played by the clock alone: it looks when events wait and a rest is over, else at midnight, and decides
 * while something is open. */
static void the_pace_says_when_it_is_due(void **state) {
    (void)state;
    struct bench b;
    struct ww_buf actions;
    struct ww_scan_pace pace = {0};
    int64_t now = b.now_us = INT64_C(1800000000) * WW_SECOND_US, tomorrow = now + WW_HOUR_US;
    open_bench(&b, CIRCLES "}");
    ww_buf_init(&actions, 1 << 20);
    assert_int_equal(ww_scan_pace_due(&pace, b.watch, now, DAY), WW_SCAN_LOOK);
    look(&b, DAY);
    ww_scan_pace_looked(&pace, now, 60 * WW_SECOND_US);
    (void)ww_scan_pace_decide(&pace, b.watch, now, &actions);
    assert_int_equal(ww_scan_pace_next_us(&pace, b.watch, DAY, tomorrow), tomorrow);
    ww_scan_watch_count(b.watch, 12, DAY, 12);
    pace.heard_us = now;
    assert_int_equal(ww_scan_pace_due(&pace, b.watch, now + 59 * WW_SECOND_US, DAY), WW_SCAN_NOTHING);
    assert_int_equal(ww_scan_pace_next_us(&pace, b.watch, DAY, tomorrow), now + 60 * WW_SECOND_US);
    assert_int_equal(ww_scan_pace_due(&pace, b.watch, now + 60 * WW_SECOND_US, DAY), WW_SCAN_LOOK);
    assert_int_equal(look(&b, DAY).opened, 1);
    now += 60 * WW_SECOND_US;
    ww_scan_pace_looked(&pace, now, 60 * WW_SECOND_US);
    (void)ww_scan_pace_decide(&pace, b.watch, now, &actions);
    assert_int_equal(ww_scan_pace_next_us(&pace, b.watch, DAY, tomorrow), now + 10 * WW_SECOND_US);
    assert_int_equal(ww_scan_pace_due(&pace, b.watch, now + 10 * WW_SECOND_US, DAY), WW_SCAN_DECIDE);
    assert_int_equal(ww_scan_pace_due(&pace, b.watch, now + 61 * WW_SECOND_US, DAY + 1), WW_SCAN_LOOK);
    ww_buf_clear(&actions);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_opens_one_alert_that_grows_moves_and_clears),
        cmocka_unit_test(a_cluster_in_the_rain_is_recorded_and_told_when_it_outlasts_it),
        cmocka_unit_test(it_clears_only_after_the_time_that_the_rule_says),
        cmocka_unit_test(two_clusters_are_two_alerts_and_each_names_the_other),
        cmocka_unit_test(the_state_is_a_function_of_counts_and_day),
        cmocka_unit_test(alerts_of_before_a_restart_go_on),
        cmocka_unit_test(in_a_city_where_nothing_happens_it_signals_as_rarely_as_it_says),
        cmocka_unit_test(a_look_can_be_stopped_between_slices_and_taken_again),
        cmocka_unit_test(what_is_absorbed_without_a_look_is_seen_by_the_next),
        cmocka_unit_test(the_pace_says_when_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
