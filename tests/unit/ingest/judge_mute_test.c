/* What rain and maintenance keep back: when a signal is muted, what is recorded, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/json_reader.h"
#include "ingest/judge.h"
#include "ingest/learned_config.h"
#include "made_up_catalog.h"

enum { STEP_S = 300, HOUR = 12, DAY = 288, LEARN = 10 * DAY, LIMIT_RULE = 1, LEARNED = 3 };
static const int64_t start_us = INT64_C(1767225600) * WW_SECOND_US;

/* Outfall "a" of the first ward, at site 9; gauges, told by the property noise: "near" 1.1 km away in the
 * same ward, "far" 9 km away in the second. */
struct bench {
    struct ww_catalog *catalog;
    struct ww_judge *judge;
    struct ww_arena *arena;
    struct ww_buf said;
    uint32_t outfall, near, far;
    const struct ww_json_node *actions[8]; /* of the last transaction, but for updates */
    int n;
};

static uint32_t add_gauge(struct bench *b, const char *key, int64_t id, uint32_t ward, double lon) {
    struct ww_cat_thing thing = b->catalog->things[0];
    thing.id = id;
    thing.ward_id = ward;
    thing.raw.x = lon;
    thing.site_id = 0;
    uint32_t index = ww_catalog_add_thing(b->catalog, ww_str_of(key), &thing);
    return ww_catalog_add_datastream(
        b->catalog, &(struct ww_cat_datastream){.id = id * 10, .thing = index, .property = NOISE});
}

static void add_rule(struct bench *b, int32_t id, const char *detector, const char *config) {
    struct ww_rule_row rule = {id, 1, 2, ww_str_of(detector), ww_str_of(detector), ww_str_of(config)};
    struct ww_error err;
    if (ww_judge_add_rule(b->judge, b->catalog, &rule, NULL, &err) != WW_OK)
        fail_msg("%s: %s", config, err.message);
}

static void open_bench(struct bench *b, const char *mute) {
    char config[300];
    *b = (struct bench){
        .catalog = made_up_catalog("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
        .judge = ww_judge_new(),
        .arena = ww_arena_new(64 << 20)};
    ww_buf_init(&b->said, 1 << 20);
    b->catalog->things[0].site_id = 9;
    b->near = add_gauge(b, "near", 300, FIRST_WARD, 107.0613);
    b->far = add_gauge(b, "far", 301, SECOND_WARD, 107.1424);
    struct ww_limit limit = {
        .id = 41, .lower = -INFINITY, .upper = 60, .valid_from_us = INT64_MIN, .valid_to_us = INT64_MAX};
    ww_judge_add_limit(b->judge, &limit, COD, WW_STR("TEST 1-2026"), WW_STR("strict"), WW_STR("instant"),
                       WW_STR("{\"upper\":60}"));
    snprintf(config, sizeof config,
             "{\"property\":\"cod\",\"side\":\"up\",\"false_alarms_per_month\":1,\"mute\":%s}", mute);
    add_rule(b, LEARNED, "baseline", config);
}

static void attach(struct bench *b) {
    for (uint32_t i = 0; i < b->catalog->n_datastreams; i++)
        ww_judge_attach(b->judge, b->catalog, i);
}

static void close_bench(struct bench *b) {
    ww_judge_free(b->judge);
    ww_catalog_free(b->catalog);
    ww_arena_free(b->arena);
    ww_buf_clear(&b->said);
}

static int64_t at(int step) {
    return start_us + (int64_t)step * STEP_S * WW_SECOND_US;
}

static void tell(struct bench *b, uint32_t series, int step, double value) {
    struct ww_reading reading = {.time_us = at(step), .value = value, .flag = 'N'};
    const struct ww_cat_datastream *ds = &b->catalog->datastreams[series];
    ww_judge_hear_rain(b->judge, ds, &reading);
    ww_judge_step(b->judge, ds, &reading, b->catalog->things[ds->thing].ward_id);
}

/* Ends a transaction; how many actions there are that are no updates. */
static int take(struct bench *b) {
    struct ww_json_node *root;
    struct ww_error err;
    uint64_t opened, cleared;
    ww_buf_reset(&b->said);
    b->n = 0;
    assert_int_equal(ww_judge_take_actions(b->judge, &b->said, &opened, &cleared), WW_OK);
    if (b->said.len == 0)
        return 0;
    assert_int_equal(ww_json_parse(b->arena, ww_arena_copy(b->arena, ww_buf_str(&b->said)), &root, &err),
                     WW_OK);
    for (const struct ww_json_node *a = root->child; a; a = a->next)
        if (!ww_str_is(ww_json_get(a, "op")->text, "update"))
            b->actions[b->n++] = a;
    return b->n;
}

static void check(const struct ww_json_node *node, const char *path, const char *wanted) {
    char keys[64];
    snprintf(keys, sizeof keys, "%s", path);
    for (char *key = strtok(keys, "."); key; key = strtok(NULL, "."))
        node = ww_json_get(node, key);
    if (!node)
        fail_msg("%s is not there", path);
    if (!ww_str_is(node->text, wanted))
        fail_msg("%s is %.*s, not %s", path, WW_STR_ARG(node->text), wanted);
}

static double usual(int step) {
    uint64_t z = (uint64_t)step * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return round((28 + (double)((z ^ (z >> 31)) >> 11) * 0x1p-53 * 4) * 10) / 10;
}

static void learn(struct bench *b) {
    for (int i = 0; i < LEARN; i++)
        tell(b, b->outfall, i, usual(i));
    assert_int_equal(take(b), 0);
}

static int jump(struct bench *b, int step) {
    tell(b, b->outfall, step, 57);
    tell(b, b->outfall, step + 1, 58);
    return take(b);
}

static uint64_t muted(struct bench *b, enum ww_mute_reason reason) {
    uint64_t n[WW_MUTE_REASONS];
    ww_judge_take_muted(b->judge, n);
    return n[reason];
}

#define RAIN "{\"rain\":{\"property\":\"noise_leq\",\"above\":0.2,\"hours\":2}}"

static void what_rain_explains_is_recorded_and_raised_when_it_outlasts_the_rain(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    add_rule(&b, LIMIT_RULE, "limit",
             "{\"property\":\"cod\",\"standard\":\"TEST 1\",\"averaging\":\"instant\",\"fire\":[2,3]}");
    attach(&b);
    learn(&b);
    tell(&b, b.near, LEARN - 2, 3.5);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "mute");
    check(b.actions[0], "rule", "3");
    check(b.actions[0], "datastream", "1000");
    check(b.actions[0], "ward", "11");
    check(b.actions[0], "at", "2026-01-11T00:05:00Z");
    check(b.actions[0], "muted.reason", "rain");
    check(b.actions[0], "muted.gauge", "3000");
    check(b.actions[0], "muted.until", "2026-01-11T01:50:00Z"); /* two hours after 23:50 */
    check(b.actions[0], "explanation.method", "seasonal robust baseline, k of n");
    assert_int_equal(muted(&b, WW_MUTE_RAIN), 1);
    assert_int_equal(ww_judge_open_count(b.judge), 0);

    tell(&b, b.outfall, LEARN + 2, 65); /* the law knows no rain */
    tell(&b, b.outfall, LEARN + 3, 66);
    assert_int_equal(take(&b), 1);
    check(b.actions[0], "op", "open");
    check(b.actions[0], "rule", "1");
    for (int i = 4; i < 10; i++)
        tell(&b, b.outfall, LEARN + i, 58); /* below the limit, odd still */
    assert_int_equal(take(&b), 1);
    check(b.actions[0], "op", "clear");
    check(b.actions[0], "rule", "1");

    tell(&b, b.outfall, LEARN + 22, 58); /* 01:50: the last moment … */
    assert_int_equal(take(&b), 0);
    tell(&b, b.outfall, LEARN + 23, 59); /* … and after it */
    assert_int_equal(take(&b), 2);
    check(b.actions[0], "op", "unmute");
    check(b.actions[0], "raised", "true");
    check(b.actions[0], "count", "10");
    check(b.actions[1], "op", "open");
    check(b.actions[1], "rule", "3");
    check(b.actions[1], "explanation.muted_until.reason", "rain");
    check(b.actions[1], "explanation.muted_until.gauge", "3000");
    check(b.actions[1], "explanation.muted_until.until", "2026-01-11T01:50:00Z");
    assert_int_equal(muted(&b, WW_MUTE_RAIN), 0);
    tell(&b, b.near, LEARN + 24, 9); /* what is told goes on, rain or not */
    tell(&b, b.outfall, LEARN + 25, 60);
    for (int i = 26; i < 32; i++)
        tell(&b, b.outfall, LEARN + i, 30);
    assert_int_equal(take(&b), 1);
    check(b.actions[0], "op", "clear");
    close_bench(&b);
}

static void what_is_over_before_the_rain_is_raises_nothing(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    attach(&b);
    learn(&b);
    tell(&b, b.near, LEARN - 2, 3.5);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "mute");
    for (int i = 2; i < 8; i++)
        tell(&b, b.outfall, LEARN + i, 30);
    assert_int_equal(take(&b), 1);
    check(b.actions[0], "op", "unmute");
    check(b.actions[0], "raised", "false");
    assert_int_equal(jump(&b, LEARN + DAY), 1); /* the next day's is told, and has nothing to do with it */
    check(b.actions[0], "op", "open");
    assert_null(ww_json_get(ww_json_get(b.actions[0], "explanation"), "muted_until"));
    close_bench(&b);
}

static void an_alert_that_fires_just_after_the_rain_says_so(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    attach(&b);
    learn(&b);
    tell(&b, b.near, LEARN - 6 * HOUR, 1);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "open");
    check(b.actions[0], "explanation.muted_until.until", "2026-01-10T20:00:00Z");
    close_bench(&b);
}

/* Which gauge counts, by the rule's words. */
static void only_rain_that_is_near_mutes(void **state) {
    (void)state;
    static const struct {
        const char *rain; /* members besides the property */
        bool far;         /* at which gauge it rains */
        double mm;
        int before; /* steps */
        bool mutes;
    } rows[] = {
        {"", false, 1, 1, true},
        {"", true, 1, 1, false}, /* another ward */
        {"", false, 0, 1, false},
        {",\"above\":2", false, 2, 1, false},
        {",\"within_m\":2000", false, 1, 1, true},
        {",\"within_m\":2000", true, 1, 1, false},
        {",\"within_m\":10000", true, 1, 1, true},
        {",\"feed\":\"water\",\"thing\":\"far\"", true, 1, 1, true},
        {",\"feed\":\"water\",\"thing\":\"far\"", false, 1, 1, false},
        {",\"hours\":1", false, 1, 11, true}, /* the signal fires one step after the jump */
        {",\"hours\":1", false, 1, 12, false},
        {",\"hours\":0", false, 1, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        char mute[200];
        snprintf(mute, sizeof mute, "{\"rain\":{\"property\":\"noise_leq\"%s}}", rows[i].rain);
        open_bench(&b, mute);
        attach(&b);
        learn(&b);
        tell(&b, rows[i].far ? b.far : b.near, LEARN - rows[i].before, rows[i].mm);
        assert_int_equal(jump(&b, LEARN), 1);
        bool is_muted = ww_str_is(ww_json_get(b.actions[0], "op")->text, "mute");
        if (is_muted != rows[i].mutes)
            fail_msg("row %zu: %s", i, is_muted ? "muted" : "not muted");
        close_bench(&b);
    }
}

static void rain_in_the_same_message_counts_wherever_it_stands(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    attach(&b);
    learn(&b);
    struct ww_reading rain = {.time_us = at(LEARN - 1), .value = 2, .flag = 'N'};
    ww_judge_hear_rain(b.judge, &b.catalog->datastreams[b.near], &rain);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "mute");
    close_bench(&b);

    open_bench(&b, RAIN); /* what somebody has marked as no measurement is no rain */
    attach(&b);
    learn(&b);
    rain.flag = 'C';
    ww_judge_hear_rain(b.judge, &b.catalog->datastreams[b.near], &rain);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "open");
    close_bench(&b);
}

static void late_rain_counts_when_it_is_heard(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    attach(&b);
    learn(&b);
    for (int i = 6; i > 0; i--) /* six spells a day apart, the newest first: the oldest give way */
        tell(&b, b.near, LEARN - 1 - (6 - i) * DAY, 2);
    assert_int_equal(jump(&b, LEARN), 1);
    check(b.actions[0], "op", "mute");
    close_bench(&b);
}

/* A window of each kind, and what it leaves alone. */
static void a_window_mutes_what_it_names_while_it_holds(void **state) {
    (void)state;
    const int64_t all = INT64_C(100) * WW_DAY_US;
    const struct {
        struct ww_mute_window window;
        const char *mute;
        bool mutes;
    } rows[] = {
        {{.id = 5, .thing_id = 100, .property = -1, .to_us = all}, "{}", true},
        {{.id = 5, .thing_id = 100, .property = COD, .to_us = all}, "{}", true},
        {{.id = 5, .thing_id = 100, .property = NOISE, .to_us = all}, "{}", false},
        {{.id = 5, .thing_id = 101, .property = -1, .to_us = all}, "{}", false},
        {{.id = 5, .site_id = 9, .to_us = all}, "{}", true},
        {{.id = 5, .site_id = 8, .to_us = all}, "{}", false},
        {{.id = 5, .ward_id = FIRST_WARD, .to_us = all}, "{}", true},
        {{.id = 5, .ward_id = SECOND_WARD, .to_us = all}, "{}", false},
        {{.id = 5, .ward_id = FIRST_WARD, .to_us = all}, "{\"maintenance\":false}", false},
        {{.id = 5, .ward_id = FIRST_WARD, .to_us = STEP_S * WW_SECOND_US + 1}, "{}", true},
        {{.id = 5, .ward_id = FIRST_WARD, .to_us = STEP_S * WW_SECOND_US}, "{}", false}, /* [from, to) */
        {{.id = 5, .ward_id = FIRST_WARD, .from_us = STEP_S * WW_SECOND_US, .to_us = all}, "{}", true},
        {{.id = 5, .ward_id = FIRST_WARD, .from_us = STEP_S * WW_SECOND_US + 1, .to_us = all}, "{}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        open_bench(&b, rows[i].mute);
        struct ww_mute_window window = rows[i].window;
        window.from_us += at(LEARN);
        window.to_us += at(LEARN);
        ww_mutes_add_window(ww_judge_mutes(b.judge), &window);
        attach(&b);
        learn(&b);
        assert_int_equal(jump(&b, LEARN), 1);
        bool is_muted = ww_str_is(ww_json_get(b.actions[0], "op")->text, "mute");
        if (is_muted != rows[i].mutes)
            fail_msg("row %zu: %s", i, is_muted ? "muted" : "not muted");
        if (is_muted) {
            check(b.actions[0], "muted.reason", "maintenance");
            check(b.actions[0], "muted.window", "5");
            assert_int_equal(muted(&b, WW_MUTE_MAINTENANCE), 1);
        }
        close_bench(&b);
    }
}

static void a_judge_that_was_rebuilt_goes_on_with_what_is_muted(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, RAIN);
    attach(&b);
    for (int i = 0; i < LEARN + 2; i++) {
        struct ww_reading reading = {.time_us = at(i), .value = i < LEARN ? usual(i) : 57, .flag = 'N'};
        ww_judge_replay(b.judge, &b.catalog->datastreams[b.outfall], &reading, WW_INSTANT_NONE);
    }
    uint32_t readings;
    int64_t span_us;
    char flags[16];
    const struct ww_cat_datastream *gauge = &b.catalog->datastreams[b.near];
    assert_true(ww_judge_memory(b.judge, gauge, &readings, &span_us, flags));
    assert_true(span_us >= 2 * WW_HOUR_US && readings >= 1);
    assert_string_equal(flags, "N");
    struct ww_reading rain = {.time_us = at(LEARN - 2), .value = 3, .flag = 'N'};
    ww_judge_replay(b.judge, gauge, &rain, WW_INSTANT_NONE);
    ww_judge_end_replay(b.judge);
    assert_true(ww_judge_set_muted(b.judge, &b.catalog->datastreams[b.outfall], LEARNED, 1, 57));
    assert_false(ww_judge_set_muted(b.judge, &b.catalog->datastreams[b.outfall], LIMIT_RULE, 1, 57));
    tell(&b, b.outfall, LEARN + 2, 57);
    assert_int_equal(take(&b), 0); /* it is recorded already */
    tell(&b, b.outfall, LEARN + 23, 59);
    assert_int_equal(take(&b), 2);
    check(b.actions[0], "op", "unmute");
    check(b.actions[0], "count", "2");
    check(b.actions[1], "op", "open");
    close_bench(&b);
}

static void leads_are_not_muted_by_maintenance_unless_the_rule_says_so(void **state) {
    (void)state;
    static const struct {
        const char *detector, *config;
        bool maintenance, rain;
    } rows[] = {
        {"baseline", "{}", true, false},
        {"baseline", "{\"mute\":{\"maintenance\":false}}", false, false},
        {"baseline", "{\"mute\":{\"rain\":{}}}", true, true},
        {"quality", "{}", true, false},
        {"quality", "{\"signs\":[\"clipped\"]}", false, false},
        {"quality", "{\"signs\":[\"clipped\"],\"mute\":{\"maintenance\":true}}", true, false},
    };
    struct ww_arena *arena = ww_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ww_learned_config c;
        struct ww_error err;
        assert_int_equal(ww_learned_config_parse(arena, ww_learned_detector_find(rows[i].detector),
                                                 ww_str_of(rows[i].config), &c, &err),
                         WW_OK);
        assert_int_equal(c.mute.maintenance, rows[i].maintenance);
        assert_int_equal(c.mute.rain, rows[i].rain);
    }
    ww_arena_free(arena);
}

static void mistakes_in_mute_are_named(void **state) {
    (void)state;
    static const struct {
        const char *mute, *field;
    } rows[] = {
        {"1", "mute"},
        {"{\"snow\":true}", "mute"},
        {"{\"maintenance\":1}", "mute.maintenance"},
        {"{\"rain\":true}", "mute.rain"},
        {"{\"rain\":{\"hour\":1}}", "mute.rain"},
        {"{\"rain\":{\"property\":3}}", "mute.rain.property"},
        {"{\"rain\":{\"hours\":241}}", "mute.rain.hours"},
        {"{\"rain\":{\"hours\":-1}}", "mute.rain.hours"},
        {"{\"rain\":{\"above\":-0.1}}", "mute.rain.above"},
        {"{\"rain\":{\"within_m\":0}}", "mute.rain.within_m"},
        {"{\"rain\":{\"thing\":\"g\"}}", "mute.rain.thing"},
        {"{\"rain\":{\"feed\":\"f\"}}", "mute.rain.thing"},
        {"{\"rain\":{\"feed\":\"f\",\"thing\":\"\"}}", "mute.rain.thing"},
        {"{\"rain\":{\"feed\":\"f\",\"thing\":\"g\",\"within_m\":5}}", "mute.rain.within_m"},
    };
    struct ww_arena *arena = ww_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char config[200];
        struct ww_learned_config c;
        struct ww_error err;
        snprintf(config, sizeof config, "{\"mute\":%s}", rows[i].mute);
        assert_int_equal(ww_learned_config_parse(arena, WW_LEARNED_BASELINE, ww_str_of(config), &c, &err),
                         WW_BAD_INPUT);
        assert_string_equal(err.field, rows[i].field);
    }
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rain_explains_is_recorded_and_raised_when_it_outlasts_the_rain),
        cmocka_unit_test(what_is_over_before_the_rain_is_raises_nothing),
        cmocka_unit_test(an_alert_that_fires_just_after_the_rain_says_so),
        cmocka_unit_test(only_rain_that_is_near_mutes),
        cmocka_unit_test(rain_in_the_same_message_counts_wherever_it_stands),
        cmocka_unit_test(late_rain_counts_when_it_is_heard),
        cmocka_unit_test(a_window_mutes_what_it_names_while_it_holds),
        cmocka_unit_test(a_judge_that_was_rebuilt_goes_on_with_what_is_muted),
        cmocka_unit_test(leads_are_not_muted_by_maintenance_unless_the_rule_says_so),
        cmocka_unit_test(mistakes_in_mute_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
