/* Detectors that learn, live in the judge: what opens, clears, joins and is taken over, and that a judge
 * rebuilt from the past goes on like the one that lived through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/json_reader.h"
#include "ingest/judge.h"
#include "made_up_catalog.h"

enum { STEP_S = 300, DAY = 288, LEARN = 10 * DAY, SENSORS = 6, LIMIT_RULE = 1, LEARNED = 3 };
static const int64_t start_us = INT64_C(1767225600) * WW_SECOND_US;

/* Thing "a" is sensor 0; 1 … 5 stand within two kilometres in the first ward, of the same class. */
struct bench {
    struct ww_catalog *catalog;
    struct ww_judge *judge;
    struct ww_arena *arena;
    struct ww_buf said;
    uint32_t series[SENSORS];
    uint64_t opened, cleared;
    const struct ww_json_node *first; /* of the actions taken last */
};

static void add_rule(struct bench *b, int32_t id, const char *detector, const char *config) {
    struct ww_rule_row rule = {id, 1, 2, ww_str_of(detector), ww_str_of(detector), ww_str_of(config)};
    struct ww_error err;
    if (ww_judge_add_rule(b->judge, b->catalog, &rule, NULL, &err) != WW_OK)
        fail_msg("%s: %s", config, err.message);
}

static void open_bench(struct bench *b) {
    *b = (struct bench){
        .catalog = made_up_catalog("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
        .judge = ww_judge_new(),
        .arena = ww_arena_new(64 << 20)};
    ww_buf_init(&b->said, 1 << 20);
    for (uint32_t i = 1; i < SENSORS; i++) {
        char key[8];
        snprintf(key, sizeof key, "n%u", i);
        struct ww_cat_thing thing = b->catalog->things[0];
        thing.id = 200 + i;
        thing.raw.x += 0.004 * i;
        uint32_t index = ww_catalog_add_thing(b->catalog, ww_str_of(key), &thing);
        b->series[i] = ww_catalog_add_datastream(
            b->catalog, &(struct ww_cat_datastream){.id = 2000 + i, .thing = index, .property = COD});
    }
    struct ww_limit limit = {
        .id = 41, .lower = -INFINITY, .upper = 60, .valid_from_us = INT64_MIN, .valid_to_us = INT64_MAX};
    ww_judge_add_limit(b->judge, &limit, COD, WW_STR("TEST 1-2026"), WW_STR("strict"), WW_STR("instant"),
                       WW_STR("{\"upper\":60}"));
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

/* Even noise of ±2, the same each time. */
static double noise(uint32_t sensor, int step) {
    uint64_t z = (uint64_t)step * UINT64_C(0x9E3779B97F4A7C15) + sensor * UINT64_C(0xD1B54A32D192ED03);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53 * 4 - 2;
}

static struct ww_reading reading_at(int step, double value) {
    return (struct ww_reading){
        .time_us = start_us + (int64_t)step * STEP_S * WW_SECOND_US, .value = value, .flag = 'N'};
}

/* Rounded to a tenth, as instruments send. */
static double usual(uint32_t sensor, int step) {
    return round((30 + noise(sensor, step)) * 10) / 10;
}

static void step(struct bench *b, uint32_t sensor, int n, double value) {
    struct ww_reading reading = reading_at(n, value);
    ww_judge_step(b->judge, &b->catalog->datastreams[b->series[sensor]], &reading, FIRST_WARD);
}

/* Ends a transaction; the number of actions that are no updates. */
static int take(struct bench *b) {
    struct ww_json_node *root;
    struct ww_error err;
    int n = 0;
    ww_buf_reset(&b->said);
    b->first = NULL;
    assert_int_equal(ww_judge_take_actions(b->judge, &b->said, &b->opened, &b->cleared), WW_OK);
    if (b->said.len == 0)
        return 0;
    assert_int_equal(ww_json_parse(b->arena, ww_arena_copy(b->arena, ww_buf_str(&b->said)), &root, &err),
                     WW_OK);
    for (const struct ww_json_node *a = root->child; a; a = a->next) {
        bool is_update = ww_str_is(ww_json_get(a, "op")->text, "update");
        if (!is_update && n++ == 0)
            b->first = a;
    }
    return n;
}

static void check(const struct ww_json_node *node, const char *path, const char *wanted) {
    char keys[64];
    snprintf(keys, sizeof keys, "%s", path);
    for (char *key = strtok(keys, "."); key; key = strtok(NULL, "."))
        node = strcmp(key, "0") == 0 ? (node ? node->child : NULL) : ww_json_get(node, key);
    if (!node)
        fail_msg("%s is not there", path);
    if (!ww_str_is(node->text, wanted))
        fail_msg("%s is %.*s, not %s", path, WW_STR_ARG(node->text), wanted);
}

static void learn(struct bench *b, uint32_t sensors, int steps) {
    for (int i = 0; i < steps; i++) {
        for (uint32_t s = 0; s < sensors; s++)
            step(b, s, i, usual(s, i));
        if (take(b) != 0)
            fail_msg("something was told at step %d: %.*s", i, WW_STR_ARG(ww_buf_str(&b->said)));
    }
}

#define BASELINE "{\"property\":\"cod\",\"side\":\"up\",\"false_alarms_per_month\":1}"
#define LIMIT    "{\"property\":\"cod\",\"standard\":\"TEST 1\",\"averaging\":\"instant\",\"fire\":[2,3]}"

static void a_jump_opens_an_alert_that_explains_itself(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "baseline", BASELINE);
    attach(&b);
    learn(&b, 1, LEARN);
    step(&b, 0, LEARN, 58);
    assert_int_equal(take(&b), 0); /* two of three */
    step(&b, 0, LEARN + 1, 59);
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "open");
    check(b.first, "rule", "3");
    check(b.first, "category", "pollution");
    check(b.first, "detector", "baseline");
    check(b.first, "property", "cod");
    check(b.first, "ward", "11");
    check(b.first, "datastream", "1000");
    check(b.first, "at", "2026-01-11T00:05:00Z");
    check(b.first, "explanation.method", "seasonal robust baseline, k of n");
    check(b.first, "explanation.rule.version", "1");
    check(b.first, "explanation.observed.value", "59");
    check(b.first, "explanation.observed.unit", "mg/L");
    check(b.first, "explanation.learned.readings", "2882");
    check(b.first, "explanation.learned.since", "2026-01-01T00:00:00Z");
    check(b.first, "explanation.fire.hits", "2");
    check(b.first, "explanation.false_alarms_per_month.allowed", "1");
    check(b.first, "explanation.reasons.0.detector", "baseline");
    double upper, expected, months;
    const struct ww_json_node *why = ww_json_get(b.first, "explanation");
    assert_true(ww_json_as_double(ww_json_get(ww_json_get(why, "expected"), "upper"), &upper));
    assert_true(ww_json_as_double(ww_json_get(ww_json_get(why, "expected"), "value"), &expected));
    assert_true(ww_json_as_double(ww_json_get(why, "months"), &months));
    assert_true(expected > 28 && expected < 32 && upper > expected && upper < 50);
    assert_true(months >= 1); /* one false alarm a month is what the rule allows */
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    for (int i = 0; i < 6; i++) { /* six of six clear */
        assert_int_equal(take(&b), 0);
        step(&b, 0, LEARN + 2 + i, 30);
    }
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "clear");
    check(b.first, "count", "2");
    check(b.first, "peak", "59");
    assert_int_equal(ww_judge_open_count(b.judge), 0);
    close_bench(&b);
}

static void silence_and_late_readings_move_nothing(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "baseline", BASELINE);
    attach(&b);
    learn(&b, 1, LEARN);
    step(&b, 0, LEARN, 58);
    step(&b, 0, LEARN + 1, 59);
    assert_int_equal(take(&b), 1);
    for (int i = 0; i < 20; i++) /* older than the newest, and all in order */
        step(&b, 0, LEARN - 20 + i, 30);
    assert_int_equal(take(&b), 0);
    step(&b, 0, LEARN + 2 * DAY, 30); /* after two days of silence: one calm reading of the six */
    assert_int_equal(take(&b), 0);
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    close_bench(&b);

    open_bench(&b);
    add_rule(&b, LEARNED, "quality",
             "{\"property\":\"cod\",\"signs\":[\"range\"],\"most\":500,\"clear\":[3,3]}");
    attach(&b);
    learn(&b, 1, DAY);
    step(&b, 0, DAY, 999);
    assert_int_equal(take(&b), 1);
    for (int i = 0; i < 5; i++) /* late ones in order do not make the sensor well … */
        step(&b, 0, DAY - 5 + i, 30);
    step(&b, 0, DAY, 30); /* … nor does a correction: the next readings do */
    assert_int_equal(take(&b), 0);
    for (int i = 1; i <= 3; i++)
        step(&b, 0, DAY + i, 30);
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "clear");
    step(&b, 0, DAY + 2, 999); /* nor is it broken because of a late one */
    assert_int_equal(take(&b), 0);
    close_bench(&b);
}

static void a_level_that_stays_becomes_usual_after_the_stated_time(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "baseline", "{\"property\":\"cod\",\"side\":\"up\",\"new_normal_h\":6}");
    attach(&b);
    learn(&b, 1, 3 * DAY);
    int cleared_at = 0;
    for (int i = 0; i < DAY && cleared_at == 0; i++) {
        step(&b, 0, 3 * DAY + i, usual(0, i) + 40);
        if (take(&b) > 0 && ww_str_is(ww_json_get(b.first, "op")->text, "clear"))
            cleared_at = i;
    }
    assert_in_range(cleared_at, 72, 100); /* six hours are 72 steps */
    close_bench(&b);
}

static void an_exceedance_takes_the_alert_over_and_others_join(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LIMIT_RULE, "limit", LIMIT);
    add_rule(&b, LEARNED, "baseline", BASELINE);
    attach(&b);
    learn(&b, 1, LEARN);
    step(&b, 0, LEARN, 58);
    step(&b, 0, LEARN + 1, 65); /* unusual twice, above the limit once */
    assert_int_equal(take(&b), 1);
    check(b.first, "detector", "baseline");
    step(&b, 0, LEARN + 2, 66);
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "open");
    check(b.first, "rule", "1");
    check(b.first, "takes.rule", "3");
    check(b.first, "takes.datastream", "1000");
    check(b.first, "explanation.reasons.0.detector", "limit");
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    step(&b, 0, LEARN + 3, 30); /* within the limit: the limit's alert clears with the limit */
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "clear");
    check(b.first, "rule", "1");
    assert_int_equal(ww_judge_open_count(b.judge), 0);
    for (int i = 4; i < 20; i++)
        step(&b, 0, LEARN + i, 30);
    assert_int_equal(take(&b), 0);
    /* The other way round: at once far beyond both; the limit comes first, the baseline is its second reason.
     */
    step(&b, 0, LEARN + 20, 90);
    step(&b, 0, LEARN + 21, 90);
    assert_int_equal(take(&b), 2);
    check(b.first, "op", "open");
    check(b.first, "rule", "1");
    assert_null(ww_json_get(b.first, "takes"));
    check(b.first->next, "op", "join");
    check(b.first->next, "rule", "1");
    check(b.first->next, "reason.detector", "baseline");
    check(b.first->next, "of", "1");
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    close_bench(&b);
}

#define STUCK "{\"property\":\"cod\",\"signs\":[\"stuck\",\"spike\"],\"clear\":[3,3]}"

static void a_stuck_sensor_is_a_sensor_alert_and_hides_no_exceedance(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LIMIT_RULE, "limit", LIMIT);
    add_rule(&b, LEARNED, "quality", STUCK);
    attach(&b);
    learn(&b, 1, 3 * DAY);
    int told = 0, at = 3 * DAY;
    for (; told == 0 && at < 3 * DAY + 60; at++) {
        step(&b, 0, at, 31.5);
        told = take(&b);
    }
    assert_int_equal(told, 1);
    check(b.first, "op", "open");
    check(b.first, "category", "sensor");
    check(b.first, "detector", "quality");
    check(b.first, "explanation.signs.0", "stuck");
    step(&b, 0, at++, 80);
    step(&b, 0, at++, 81);
    assert_int_equal(take(&b),
                     1); /* stuck or not: an exceedance is an exceedance, and says what stands beside it */
    check(b.first, "rule", "1");
    check(b.first, "explanation.reasons.0.detector", "limit");
    const struct ww_json_node *reasons = ww_json_get(ww_json_get(b.first, "explanation"), "reasons");
    check(reasons->child->next, "detector", "quality");
    check(reasons->child->next, "explains", "true");
    close_bench(&b);
}

static void a_fault_within_an_exceedance_is_a_reason_and_goes_on_by_itself_after_it(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LIMIT_RULE, "limit", LIMIT);
    add_rule(&b, LEARNED, "quality", "{\"property\":\"cod\",\"signs\":[\"range\"],\"most\":500}");
    attach(&b);
    learn(&b, 1, DAY);
    step(&b, 0, DAY, 80);
    step(&b, 0, DAY + 1, 90);
    assert_int_equal(take(&b), 1);
    step(&b, 0, DAY + 2, 999);
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "join");
    check(b.first, "reason.category", "sensor");
    check(b.first, "reason.explains", "true");
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    step(&b, 0, DAY + 3, 40); /* the exceedance is over */
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "clear");
    step(&b, 0, DAY + 4, 40);
    step(&b, 0, DAY + 5, 999);
    assert_int_equal(take(&b), 1); /* the sensor is still broken: now it says so by itself */
    check(b.first, "op", "open");
    check(b.first, "category", "sensor");
    close_bench(&b);
}

/* All go up and down together; sensor `odd` is off by `by`. */
static int live_together(struct bench *b, int from, int to, uint32_t odd, double by, double area) {
    for (int i = from; i < to; i++) {
        double common = 6 * sin(i * 0.05) + area;
        for (uint32_t s = 0; s < SENSORS; s++)
            step(b, s, i, 40 + common + noise(s, i) + (s == odd ? by : 0));
        int n = take(b);
        if (n > 0)
            return n;
    }
    return 0;
}

static void neighbours_tell_a_fault_from_an_area_event(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "neighbour", "{\"property\":\"cod\",\"false_alarms_per_month\":0.1}");
    add_rule(&b, LEARNED + 1, "neighbour",
             "{\"property\":\"cod\",\"verdict\":\"area\",\"side\":\"up\",\"false_alarms_per_month\":0.1}");
    attach(&b);
    assert_int_equal(live_together(&b, 0, 5 * DAY, SENSORS, 0, 0), 0);
    assert_int_equal(live_together(&b, 5 * DAY, 5 * DAY + 12, 2, 40, 0), 1);
    check(b.first, "category", "sensor");
    check(b.first, "datastream", "2002");
    check(b.first, "explanation.verdict", "fault");
    check(b.first, "explanation.voters", "5");
    assert_non_null(ww_json_get(ww_json_get(b.first, "explanation"), "members"));
    close_bench(&b);

    open_bench(&b);
    add_rule(&b, LEARNED, "neighbour", "{\"property\":\"cod\",\"false_alarms_per_month\":0.1}");
    add_rule(&b, LEARNED + 1, "neighbour",
             "{\"property\":\"cod\",\"verdict\":\"area\",\"side\":\"up\",\"false_alarms_per_month\":0.1}");
    attach(&b);
    assert_int_equal(live_together(&b, 0, 5 * DAY, SENSORS, 0, 0), 0);
    int n = live_together(&b, 5 * DAY, 5 * DAY + 12, SENSORS, 0, 40);
    assert_true(n >= 1);
    check(b.first, "op", "open");
    check(b.first, "category", "pollution");
    check(b.first, "explanation.verdict", "area event");
    int opened = 0, joined = 0; /* one alert for the area, however many see it */
    for (const struct ww_json_node *a = b.first; a; a = a->next) {
        opened += ww_str_is(ww_json_get(a, "op")->text, "open");
        joined += ww_str_is(ww_json_get(a, "op")->text, "join");
    }
    for (int i = 12; i < 24; i++)
        if (live_together(&b, 5 * DAY + i, 5 * DAY + i + 1, SENSORS, 0, 40) > 0)
            for (const struct ww_json_node *a = b.first; a; a = a->next) {
                opened += ww_str_is(ww_json_get(a, "op")->text, "open");
                joined += ww_str_is(ww_json_get(a, "op")->text, "join");
            }
    assert_int_equal(opened, 1);
    assert_true(joined >= 3);
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    close_bench(&b);
}

static void one_site_has_one_alert_and_another_ward_its_own(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    for (uint32_t s = 0; s < 3; s++) /* two outlets of one site, and a third one in the next ward */
        b.catalog->things[b.catalog->datastreams[b.series[s]].thing].site_id = 77;
    add_rule(&b, LEARNED, "baseline", BASELINE);
    attach(&b);
    learn(&b, SENSORS, LEARN);
    for (int i = 0; i < 2; i++) {
        for (uint32_t s = 0; s < 4; s++) {
            struct ww_reading reading = reading_at(LEARN + i, 58 + i);
            ww_judge_step(b.judge, &b.catalog->datastreams[b.series[s]], &reading,
                          s == 2 ? SECOND_WARD : FIRST_WARD);
        }
    }
    assert_int_equal(take(&b), 4);
    const struct ww_json_node *second = b.first->next, *third = second->next, *fourth = third->next;
    check(b.first, "op", "open");
    check(second, "op", "join"); /* the site's other outlet */
    check(second, "datastream", "1000");
    check(second, "reason.datastream", "2001");
    check(third, "op", "open"); /* its people would not see the first ward's alert */
    check(third, "ward", "12");
    check(fourth, "op", "open"); /* another site */
    assert_int_equal(ww_judge_open_count(b.judge), 3);
    for (int i = 2; i < 8; i++) /* the first outlet is in order again, the second is not */
        for (uint32_t s = 0; s < 2; s++)
            step(&b, s, LEARN + i, s == 0 ? 30 : 59);
    assert_int_equal(take(&b), 0);
    for (int i = 8; i < 14; i++)
        step(&b, 1, LEARN + i, 30);
    assert_int_equal(take(&b), 1); /* the event is over with the last who sees it */
    check(b.first, "op", "clear");
    check(b.first, "datastream", "1000");
    close_bench(&b);
}

static void readings_kept_just_below_the_limit_are_a_lead(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "quality", "{\"property\":\"cod\",\"signs\":[\"clipped\"]}");
    attach(&b);
    int told = 0;
    for (int i = 0; i < 3 * DAY && told == 0; i++) { /* would go up to 70, were it not for the limit of 60 */
        double value = 50 + 10 * noise(0, i);
        step(&b, 0, i, value > 60 ? 59.2 + 0.3 * noise(1, i) : value);
        told = take(&b);
    }
    assert_int_equal(told, 1);
    check(b.first, "category", "lead");
    check(b.first, "explanation.kind", "tampering");
    check(b.first, "explanation.signs.0", "clipped");
    check(b.first, "explanation.limit", "60");
    close_bench(&b);
}

static void a_judge_rebuilt_from_the_past_says_the_same(void **state) {
    (void)state;
    struct bench lived, rebuilt;
    struct bench *both[2] = {&lived, &rebuilt};
    for (int k = 0; k < 2; k++) {
        open_bench(both[k]);
        add_rule(both[k], LEARNED, "baseline", BASELINE);
        add_rule(both[k], LEARNED + 1, "neighbour", "{\"property\":\"cod\"}");
        add_rule(both[k], LEARNED + 2, "quality", STUCK);
        attach(both[k]);
    }
    learn(&lived, SENSORS, 3 * DAY);
    for (uint32_t s = 0; s < SENSORS; s++) /* series by series, as load.c does */
        for (int i = 0; i < 3 * DAY; i++) {
            struct ww_reading reading = reading_at(i, usual(s, i));
            ww_judge_replay(rebuilt.judge, &rebuilt.catalog->datastreams[rebuilt.series[s]], &reading,
                            WW_INSTANT_NONE);
        }
    ww_judge_end_replay(rebuilt.judge);
    uint32_t readings;
    int64_t span_us;
    char flags[16];
    assert_true(ww_judge_memory(rebuilt.judge, &rebuilt.catalog->datastreams[rebuilt.series[0]], &readings,
                                &span_us, flags));
    assert_int_equal(readings, 4032); /* two weeks of five minutes */
    int told = 0;
    for (int i = 3 * DAY; i < 4 * DAY; i++) {
        for (uint32_t s = 0; s < SENSORS; s++) {
            double value = usual(s, i) + (s == 1 && i > 3 * DAY + 100 ? 30 : 0);
            step(&lived, s, i, value);
            step(&rebuilt, s, i, value);
        }
        told += take(&lived);
        assert_int_equal(take(&rebuilt) > 0, lived.first != NULL);
        assert_int_equal(rebuilt.said.len, lived.said.len);
        assert_true(lived.said.len == 0 || memcmp(lived.said.data, rebuilt.said.data, lived.said.len) == 0);
    }
    assert_true(told >= 2);
    for (int k = 0; k < 2; k++)
        close_bench(both[k]);
}

static void what_was_learned_goes_along_when_other_rules_change(void **state) {
    (void)state;
    struct bench before, after;
    struct bench *both[2] = {&before, &after};
    for (int k = 0; k < 2; k++) {
        open_bench(both[k]);
        add_rule(both[k], LEARNED + 1, "neighbour", "{\"property\":\"cod\"}");
        if (k == 1) /* a new one, in front of the old ones */
            add_rule(both[k], LEARNED + 3, "baseline", "{\"property\":\"noise_leq\"}");
        add_rule(both[k], LEARNED, "baseline", BASELINE);
        add_rule(both[k], LEARNED + 2, "quality", STUCK);
        if (k == 1) {
            learn(&before, SENSORS, 3 * DAY);
            ww_judge_inherit(after.judge, before.judge);
        }
        attach(both[k]);
    }
    uint32_t readings;
    int64_t span_us;
    char flags[16];
    for (uint32_t s = 0; s < SENSORS; s++) /* nothing of the past is wanted */
        assert_false(ww_judge_memory(after.judge, &after.catalog->datastreams[after.series[s]], &readings,
                                     &span_us, flags));
    ww_judge_end_replay(after.judge);
    int told = 0;
    for (int i = 3 * DAY; i < 4 * DAY; i++) {
        for (uint32_t s = 0; s < SENSORS; s++) {
            double value = usual(s, i) + (s == 1 && i > 3 * DAY + 100 ? 30 : 0);
            step(&before, s, i, value);
            step(&after, s, i, value);
        }
        told += take(&before);
        (void)take(&after);
        assert_int_equal(after.said.len, before.said.len);
        assert_true(before.said.len == 0 || memcmp(before.said.data, after.said.data, before.said.len) == 0);
    }
    assert_true(told >= 2);
    for (int k = 0; k < 2; k++)
        close_bench(both[k]);
}

static void an_alert_that_is_open_is_gone_on_with(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b);
    add_rule(&b, LEARNED, "baseline", BASELINE);
    attach(&b);
    for (int i = 0; i < LEARN; i++) {
        struct ww_reading reading = reading_at(i, usual(0, i));
        ww_judge_replay(b.judge, &b.catalog->datastreams[0], &reading, WW_INSTANT_NONE);
    }
    ww_judge_end_replay(b.judge);
    assert_true(ww_judge_set_open(b.judge, &b.catalog->datastreams[0], LEARNED, 9, 70, start_us, start_us));
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    step(&b, 0, LEARN, 90);
    step(&b, 0, LEARN + 1, 90);
    assert_int_equal(take(&b), 0); /* goes on: nothing opens twice */
    for (int i = 2; i < 8; i++)
        step(&b, 0, LEARN + i, 30);
    assert_int_equal(take(&b), 1);
    check(b.first, "op", "clear");
    check(b.first, "count", "11");
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jump_opens_an_alert_that_explains_itself),
        cmocka_unit_test(silence_and_late_readings_move_nothing),
        cmocka_unit_test(a_level_that_stays_becomes_usual_after_the_stated_time),
        cmocka_unit_test(an_exceedance_takes_the_alert_over_and_others_join),
        cmocka_unit_test(a_stuck_sensor_is_a_sensor_alert_and_hides_no_exceedance),
        cmocka_unit_test(a_fault_within_an_exceedance_is_a_reason_and_goes_on_by_itself_after_it),
        cmocka_unit_test(neighbours_tell_a_fault_from_an_area_event),
        cmocka_unit_test(one_site_has_one_alert_and_another_ward_its_own),
        cmocka_unit_test(readings_kept_just_below_the_limit_are_a_lead),
        cmocka_unit_test(a_judge_rebuilt_from_the_past_says_the_same),
        cmocka_unit_test(what_was_learned_goes_along_when_other_rules_change),
        cmocka_unit_test(an_alert_that_is_open_is_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
