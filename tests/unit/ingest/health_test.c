/* Health on a made-up catalog: who is silent, when it is the whole feed, when nobody listened, whose clock is
 * off, and what a restart goes on with. Time is a number that the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "ingest/health.h"
#include "made_up_catalog.h"

enum { THINGS = 10, STEP_S = 60 };
static const int64_t start_us = INT64_C(1767225600) * WW_SECOND_US;
#define QUIET "{\"multiple\":3,\"feed_share\":0.5,\"feed_least\":3}"
#define CLOCK "{\"limit_s\":60,\"for_s\":100}"

struct bench {
    struct ww_catalog *catalog;
    struct ww_health_rules *rules;
    struct ww_health *health;
    struct ww_arena *arena;
    int64_t now_us;
    char said[8192];     /* the actions of the last look, as JSON */
    char rows[64 << 10]; /* the things' rows that were written last */
    uint64_t opened, cleared;
};

static void open_bench(struct bench *b) {
    *b = (struct bench){
        .catalog = made_up_catalog(
            "{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\",\"expected_step_s\":60}"),
        .rules = ww_health_rules_new(),
        .health = ww_health_new(),
        .arena = ww_arena_new(16 << 20),
        .now_us = start_us};
    for (int i = 2; i < THINGS; i++) {
        char key[8];
        snprintf(key, sizeof key, "t%d", i);
        struct ww_cat_thing thing = {
            .id = 100 + i, .ward_id = FIRST_WARD, .raw = {NAN, NAN}, .feed_id = FEED_ID};
        uint32_t index = ww_catalog_add_thing(b->catalog, ww_str_of(key), &thing);
        ww_catalog_add_datastream(
            b->catalog, &(struct ww_cat_datastream){.id = 1000 + i, .thing = index, .property = COD});
    }
    struct ww_error err;
    assert_int_equal(
        ww_health_add_rule(b->rules, WW_SENSOR_SILENCE, 5, 1, 2, WW_STR("quiet"), WW_STR(QUIET), &err),
        WW_OK);
    assert_int_equal(
        ww_health_add_rule(b->rules, WW_SENSOR_CLOCK_DRIFT, 6, 1, 1, WW_STR("clock"), WW_STR(CLOCK), &err),
        WW_OK);
    ww_health_attach(b->health, b->catalog, b->rules);
}

static void close_bench(struct bench *b) {
    ww_health_free(b->health);
    ww_health_rules_free(b->rules);
    ww_catalog_free(b->catalog);
    ww_arena_free(b->arena);
}

/* One message with a reading of each thing from..to (not included). */
static void send_ahead(struct bench *b, uint32_t from, uint32_t to, int64_t ahead_us) {
    uint32_t row[THINGS], datastream[THINGS], n = 0;
    int64_t time_us[THINGS];
    int32_t interval_s[THINGS] = {0};
    for (uint32_t i = from; i < to; i++) {
        row[n] = n;
        datastream[n] = i;
        time_us[n++] = b->now_us;
    }
    struct ww_batch batch = {.n_rows = n,
                             .time_us = time_us,
                             .interval_s = interval_s,
                             .sender_time_us = ahead_us ? b->now_us + ahead_us : WW_INSTANT_NONE};
    struct ww_located located = {.n_rows = n, .row = row, .datastream = datastream};
    struct ww_health_message m = {.feed = 0, .received_us = b->now_us, .batch = &batch, .located = &located};
    ww_health_note(b->health, &m);
}

static void send(struct bench *b, uint32_t from, uint32_t to) {
    send_ahead(b, from, to, 0);
}

static void look(struct bench *b) {
    struct ww_health_page page;
    assert_true(ww_health_sweep(b->health, b->now_us, 1000, true));
    (void)ww_health_write_page(b->health, b->now_us, &page);
    snprintf(b->said, sizeof b->said, "%.*s", WW_STR_ARG(ww_buf_str(&page.actions)));
    if (page.n_things > 0)
        snprintf(b->rows, sizeof b->rows, "%.*s", WW_STR_ARG(ww_buf_str(&page.things)));
    b->opened += page.opened;
    b->cleared += page.cleared;
    ww_buf_clear(&page.things);
    ww_buf_clear(&page.feeds);
    ww_buf_clear(&page.actions);
}

static void wait_s(struct bench *b, int s) {
    b->now_us += s * WW_SECOND_US;
}

/* Some rounds of all things, looked at each second. */
static void live(struct bench *b, int rounds, uint32_t from, uint32_t to) {
    for (int i = 0; i < rounds; i++) {
        for (uint32_t t = from; t < to; t++) { /* out of step, as stations are */
            send(b, t, t + 1);
            wait_s(b, STEP_S / THINGS);
            look(b);
        }
        wait_s(b, STEP_S / THINGS * (int)(THINGS - (to - from)));
    }
}

static void wait_and_look(struct bench *b, int s) {
    for (int i = 0; i < s; i++) {
        wait_s(b, 1);
        look(b);
    }
}

static bool said(const struct bench *b, const char *text) {
    return strstr(b->said, text) != NULL;
}

struct told {
    int64_t ids[2 * THINGS];
    uint32_t n, silent;
};

static void tell(void *arg, int64_t thing_id, enum ww_health_state health) {
    struct told *told = arg;
    told->ids[told->n++] = thing_id;
    told->silent += health == WW_HEALTH_SILENT;
}

/* Each thing once, in parts. */
static uint32_t count_silent(const struct bench *b) {
    struct told told = {.n = 0};
    uint32_t at = 0;
    do {
        const uint32_t before = told.n;
        at = ww_health_each_thing(b->health, at, 4, tell, &told);
        assert_in_range(told.n - before, 1, 4);
    } while (at != 0);
    assert_int_equal(told.n, THINGS);
    for (uint32_t i = 0; i < told.n; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(told.ids[i], told.ids[j]);
    return told.silent;
}

static void one_of_many_is_silent_and_comes_back(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    live(&b, 3, 0, THINGS);
    live(&b, 2, 1, THINGS);
    assert_int_equal(b.opened, 0);
    live(&b, 2, 1, THINGS);
    assert_int_equal(b.opened, 1);
    assert_int_equal(ww_health_open_count(b.health), 1);
    assert_int_equal(count_silent(&b), 1);
    live(&b, 5, 1, THINGS);
    assert_int_equal(b.opened, 1);
    send(&b, 0, 1);
    look(&b);
    assert_int_equal(b.cleared, 1);
    assert_true(said(&b, "\"op\":\"clear\",\"rule\":5,\"kind\":\"thing\",\"subject\":100"));
    assert_int_equal(ww_health_open_count(b.health), 0);
    assert_int_equal(count_silent(&b), 0);
    close_bench(&b);
}

static void the_opening_says_where_what_and_why(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    send(&b, 0, 1);
    wait_and_look(&b, 180);
    assert_int_equal(b.opened, 0);
    wait_and_look(&b, 1);
    assert_true(
        said(&b, "\"op\":\"open\",\"rule\":5,\"kind\":\"thing\",\"subject\":100,\"version\":1,\"severity\":2,"
                 "\"category\":\"sensor\",\"detector\":\"silence\",\"property\":\"silence\",\"count\":3,"
                 "\"last\":181,"));
    assert_true(said(&b, "\"ward\":11"));
    assert_true(said(&b, "\"expected\":{\"lower\":null,\"upper\":180,\"unit\":\"s\"}"));
    assert_true(said(&b, "\"expected_from\":\"feed\""));
    close_bench(&b);
}

static void a_feed_that_falls_silent_is_one_alert(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    live(&b, 3, 0, THINGS);
    wait_and_look(&b, 600);
    assert_int_equal(b.opened, 1);
    assert_int_equal(ww_health_open_count(b.health), 1);
    live(&b, 1, 0, 4); /* a few come back: it is not over */
    assert_int_equal(b.cleared, 0);
    live(&b, 2, 0, THINGS);
    assert_int_equal(b.cleared, 1);
    assert_int_equal(b.opened, 1);
    close_bench(&b);
}

static void those_that_stay_away_when_the_feed_is_back_are_told_one_by_one(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    live(&b, 3, 0, THINGS);
    wait_and_look(&b, 300);
    live(&b, 2, 2, THINGS); /* all but two */
    assert_int_equal(b.cleared, 1);
    assert_int_equal(b.opened, 1);
    live(&b, 4, 2, THINGS);
    assert_int_equal(b.opened, 3);
    assert_int_equal(ww_health_open_count(b.health), 2);
    close_bench(&b);
}

static void nobody_is_silent_while_we_do_not_listen(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    live(&b, 3, 0, THINGS);
    int64_t since_us = b.now_us;
    wait_s(&b, 7200);
    ww_health_deaf(b.health, since_us, b.now_us);
    look(&b);
    wait_and_look(&b, 100); /* more than the minute to find us again, less than the rule allows */
    assert_int_equal(b.opened, 0);
    wait_and_look(&b, 300);
    assert_int_equal(b.opened, 1); /* but it is told once we do */
    close_bench(&b);
}

static void a_clock_is_off_only_when_it_lasts(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    for (int i = 0; i < 60; i++) {
        send_ahead(&b, 0, 1, (i < 30 ? 50 : 90) * WW_SECOND_US);
        wait_s(&b, 10);
        look(&b);
        if (i == 35)
            assert_int_equal(b.opened, 0);
    }
    assert_int_equal(b.opened, 1);
    for (int i = 0; i < 10; i++) {
        send_ahead(&b, 0, 1, 55 * WW_SECOND_US); /* less than the limit, more than it clears at */
        wait_s(&b, 10);
        look(&b);
    }
    assert_int_equal(b.cleared, 0);
    for (int i = 0; i < 10; i++) {
        send_ahead(&b, 0, 1, 10 * WW_SECOND_US);
        wait_s(&b, 10);
        look(&b);
    }
    assert_int_equal(b.cleared, 1);
    assert_int_equal(b.opened, 1);
    close_bench(&b);
}

static void a_new_world_keeps_what_is_known_and_a_rule_that_is_gone_clears_its_alert(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    send(&b, 0, 1);
    wait_and_look(&b, 181);
    assert_int_equal(b.opened, 1);
    ww_health_attach(b.health, b.catalog, b.rules);
    assert_int_equal(ww_health_open_count(b.health), 0);
    assert_true(ww_health_take_alert(b.health, 5, false, 100, b.now_us, 1, b.now_us));
    wait_and_look(&b, 10);
    assert_int_equal(b.opened, 1); /* none beside it */
    assert_false(ww_health_take_alert(b.health, 77, false, 100, b.now_us, 1, b.now_us));
    look(&b);
    assert_true(said(&b, "\"op\":\"clear\",\"rule\":77,\"kind\":\"thing\",\"subject\":100"));
    close_bench(&b);
}

static void a_restart_goes_on_with_what_was_written(void **state) {
    (void)state;
    struct bench b, after;
    open_bench(&b);
    ww_health_free(b.health);
    b.health = ww_health_new();
    ww_feed_config_free(b.catalog->feeds[0].config); /* nothing is configured: it must be learned */
    struct ww_error err;
    assert_int_equal(
        ww_feed_config_parse(WW_STR("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
                             &b.catalog->feeds[0].config, &err),
        WW_OK);
    ww_health_attach(b.health, b.catalog, b.rules);
    for (int i = 0; i < 8; i++) {
        send(&b, 0, 1);
        wait_s(&b, STEP_S);
        look(&b);
    }
    wait_s(&b, 301);
    look(&b);
    struct ww_json_node *rows;
    assert_int_equal(ww_json_parse(b.arena, ww_arena_copy(b.arena, ww_str_of(b.rows)), &rows, &err), WW_OK);
    const struct ww_json_node *memory = ww_json_get(rows->child, "m");
    assert_non_null(memory);
    assert_true(ww_str_is(ww_json_get(rows->child, "ef")->text, "learned"));

    open_bench(&after);
    ww_feed_config_free(after.catalog->feeds[0].config);
    assert_int_equal(
        ww_feed_config_parse(WW_STR("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
                             &after.catalog->feeds[0].config, &err),
        WW_OK);
    ww_health_attach(after.health, after.catalog, after.rules);
    struct ww_health_row row = {.id = 100,
                                .state = WW_STR("ok"),
                                .silent_since_us = WW_INSTANT_NONE,
                                .last_received_us = b.now_us - 361 * WW_SECOND_US,
                                .last_time_us = b.now_us - 361 * WW_SECOND_US,
                                .memory = memory->text};
    assert_true(ww_health_take_thing(after.health, &row, true));
    after.now_us = b.now_us;
    look(&after);
    assert_int_equal(after.opened, 1); /* six steps, by the rhythm that was learned before */
    assert_non_null(strstr(after.rows, "\"ex\":60,\"ef\":\"learned\""));
    close_bench(&b);
    close_bench(&after);
}

static void what_comes_by_chance_is_never_silent(void **state) {
    (void)state;
    struct bench b;
    struct ww_error err;
    open_bench(&b);
    ww_feed_config_free(b.catalog->feeds[0].config);
    assert_int_equal(
        ww_feed_config_parse(WW_STR("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
                             &b.catalog->feeds[0].config, &err),
        WW_OK);
    ww_health_attach(b.health, b.catalog, b.rules);
    static const int gaps_s[] = {100, 7, 300, 41, 900, 13, 77, 510, 3, 222};
    for (size_t i = 0; i < sizeof gaps_s / sizeof *gaps_s; i++) {
        send(&b, 0, 1);
        wait_s(&b, gaps_s[i]);
        look(&b);
    }
    wait_and_look(&b, 7200);
    assert_int_equal(b.opened, 0);
    assert_non_null(strstr(b.rows, "\"st\":\"unknown\""));
    close_bench(&b);
}

static void a_feed_that_is_switched_off_is_not_expected_to_speak(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    live(&b, 3, 0, THINGS);
    b.catalog->feeds[0].enabled = false;
    ww_health_attach(b.health, b.catalog, b.rules);
    wait_and_look(&b, 600);
    assert_int_equal(b.opened, 0);
    assert_false(ww_health_take_alert(b.health, 5, true, FEED_ID, b.now_us, 10, b.now_us));
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_many_is_silent_and_comes_back),
        cmocka_unit_test(the_opening_says_where_what_and_why),
        cmocka_unit_test(a_feed_that_falls_silent_is_one_alert),
        cmocka_unit_test(those_that_stay_away_when_the_feed_is_back_are_told_one_by_one),
        cmocka_unit_test(nobody_is_silent_while_we_do_not_listen),
        cmocka_unit_test(a_clock_is_off_only_when_it_lasts),
        cmocka_unit_test(a_new_world_keeps_what_is_known_and_a_rule_that_is_gone_clears_its_alert),
        cmocka_unit_test(a_restart_goes_on_with_what_was_written),
        cmocka_unit_test(what_comes_by_chance_is_never_silent),
        cmocka_unit_test(a_feed_that_is_switched_off_is_not_expected_to_speak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
