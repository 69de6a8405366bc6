/* The judge on a made-up catalog: what the database is told when alerts open, go on and clear, and that a
 * judge rebuilt from the past goes on like the one that lived through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "ingest/judge.h"
#include "made_up_catalog.h"

#define SPOT                                                                                                 \
    "{\"property\":\"cod\",\"standard\":\"TEST "                                                             \
    "1\",\"averaging\":\"instant\",\"fire\":[2,3],\"clear\":[2,2]}"
#define MEAN                                                                                                 \
    "{\"property\":\"cod\",\"standard\":\"TEST "                                                             \
    "1\",\"averaging\":\"1h\",\"judge\":\"mean\",\"expected_step_s\":900,"                                   \
    "\"limit_class\":\"strict\"}"
static const int64_t start_us = INT64_C(1767225600) * WW_SECOND_US;

struct bench {
    struct ww_catalog *catalog;
    struct ww_judge *judge;
    struct ww_arena *arena;
    struct ww_buf said;
    uint64_t opened, cleared;
};

static void add_limit(struct bench *b, int64_t id, const char *averaging) {
    struct ww_limit limit = {
        .id = id, .lower = -INFINITY, .upper = 60, .valid_from_us = INT64_MIN, .valid_to_us = INT64_MAX};
    ww_judge_add_limit(b->judge, &limit, COD, WW_STR("TEST 1-2026"), WW_STR("strict"), ww_str_of(averaging),
                       WW_STR("{\"upper\":60}"));
}

static void open_bench(struct bench *b, const char *config) {
    *b = (struct bench){
        .catalog = made_up_catalog("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
        .judge = ww_judge_new(),
        .arena = ww_arena_new(1 << 20)};
    ww_buf_init(&b->said, 1 << 20);
    add_limit(b, 41, "instant");
    add_limit(b, 42, "1h");
    struct ww_error err;
    struct ww_rule_row rule = {3, 2, 4, WW_STR("r"), WW_STR("limit"), ww_str_of(config)};
    assert_int_equal(ww_judge_add_rule(b->judge, b->catalog, &rule, NULL, &err), WW_OK);
    for (uint32_t i = 0; i < b->catalog->n_datastreams; i++)
        ww_judge_attach(b->judge, b->catalog, i);
}

static void close_bench(struct bench *b) {
    ww_judge_free(b->judge);
    ww_catalog_free(b->catalog);
    ww_arena_free(b->arena);
    ww_buf_clear(&b->said);
}

static struct ww_reading at_step(int step, double value) {
    return (struct ww_reading){.time_us = start_us + step * 900 * WW_SECOND_US, .value = value, .flag = 'N'};
}

static void step(struct bench *b, int n, double value) {
    struct ww_reading reading = at_step(n, value);
    ww_judge_step(b->judge, &b->catalog->datastreams[0], &reading, FIRST_WARD);
}

/* Ends a transaction; the actions' array, or NULL. */
static const struct ww_json_node *take(struct bench *b) {
    struct ww_json_node *root;
    struct ww_error err;
    ww_buf_reset(&b->said);
    assert_int_equal(ww_judge_take_actions(b->judge, &b->said, &b->opened, &b->cleared), WW_OK);
    if (b->said.len == 0)
        return NULL;
    struct ww_str copy = ww_arena_copy(b->arena, ww_buf_str(&b->said));
    assert_int_equal(ww_json_parse(b->arena, copy, &root, &err), WW_OK);
    return root;
}

static void check_text(const struct ww_json_node *action, const char *key, const char *wanted) {
    const struct ww_json_node *node = ww_json_get(action, key);
    assert_non_null(node);
    if (!ww_str_is(node->text, wanted))
        fail_msg("%s is %.*s, not %s", key, WW_STR_ARG(node->text), wanted);
}

static void an_alert_opens_goes_on_and_clears(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, SPOT);
    step(&b, 0, 70);
    assert_null(take(&b));
    step(&b, 1, 90);
    const struct ww_json_node *actions = take(&b);
    const struct ww_json_node *open = actions->child;
    assert_null(open->next);
    check_text(open, "op", "open");
    check_text(open, "rule", "3");
    check_text(open, "version", "2");
    check_text(open, "severity", "4");
    check_text(open, "datastream", "1000");
    check_text(open, "ward", "11");
    check_text(open, "limit", "41");
    check_text(open, "count", "2");
    check_text(open, "peak", "90");
    check_text(open, "at", "2026-01-01T00:15:00Z");
    const struct ww_json_node *explanation = ww_json_get(open, "explanation");
    check_text(ww_json_get(explanation, "limit"), "upper", "60");
    assert_non_null(ww_json_get(explanation, "window")->child->next);
    assert_int_equal(b.opened, 1);
    assert_int_equal(ww_judge_open_count(b.judge), 1);

    for (int i = 2; i < 10; i++) /* one transaction tells once how it goes on */
        step(&b, i, 60.0 + i * 5);
    const struct ww_json_node *update = take(&b)->child;
    assert_null(update->next);
    check_text(update, "op", "update");
    check_text(update, "count", "10");
    check_text(update, "peak", "105");
    check_text(update, "peak_at", "2026-01-01T02:15:00Z");
    assert_null(take(&b));

    step(&b, 10, 200);
    step(&b, 11, 1);
    step(&b, 12, 2);
    const struct ww_json_node *clear = take(&b)->child;
    assert_null(clear->next); /* what was to be updated is in the clearing */
    check_text(clear, "op", "clear");
    check_text(clear, "count", "11");
    check_text(clear, "peak", "200");
    check_text(clear, "last", "2");
    assert_int_equal(b.cleared, 1);
    assert_int_equal(ww_judge_open_count(b.judge), 0);
    close_bench(&b);
}

static void a_rule_watches_only_what_its_limits_are_for(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, SPOT);
    uint32_t readings;
    int64_t span_us;
    char flags[16];
    assert_true(ww_judge_memory(b.judge, &b.catalog->datastreams[0], &readings, &span_us, flags));
    assert_int_equal(readings, 3);
    assert_string_equal(flags, "N");
    /* "b" has no limit class of its own, and the rule names none. */
    assert_false(ww_judge_memory(b.judge, &b.catalog->datastreams[1], &readings, &span_us, flags));
    close_bench(&b);
    open_bench(&b, MEAN);
    assert_true(ww_judge_memory(b.judge, &b.catalog->datastreams[1], &readings, &span_us, flags));
    assert_int_equal(span_us, 3 * WW_HOUR_US);
    assert_int_equal(readings, 12); /* as many as that time holds: where there are gaps, further back */
    struct ww_error err;
    struct ww_rule_row rule = {4,
                               1,
                               1,
                               WW_STR("x"),
                               WW_STR("limit"),
                               WW_STR("{\"property\":\"none\",\"standard\":\"T\",\"averaging\":\"1h\"}")};
    assert_int_equal(ww_judge_add_rule(b.judge, b.catalog, &rule, NULL, &err), WW_NOT_FOUND);
    assert_string_equal(err.field, "property");
    close_bench(&b);
}

static void an_open_alert_is_gone_on_with_after_a_rebuild(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, SPOT);
    struct ww_cat_datastream *ds = &b.catalog->datastreams[0];
    struct ww_reading reading = at_step(0, 70);
    ww_judge_replay(b.judge, ds, &reading, WW_INSTANT_NONE);
    reading = at_step(1, 99);
    ww_judge_replay(b.judge, ds, &reading, WW_INSTANT_NONE);
    ww_judge_end_replay(b.judge);
    assert_false(ww_judge_set_open(b.judge, ds, 99, 1, 1, 1, 1)); /* a rule that is not there */
    assert_true(ww_judge_set_open(b.judge, ds, 3, 17, 150, start_us, start_us));
    assert_int_equal(ww_judge_open_count(b.judge), 1);
    assert_null(take(&b)); /* rebuilding says nothing */
    step(&b, 2, 80);
    const struct ww_json_node *update = take(&b)->child;
    check_text(update, "op", "update");
    check_text(update, "count", "18");
    check_text(update, "peak", "150");
    close_bench(&b);
}

/* Values that wander around the limit, the same for the same seed. */
static void wander(double *values, int n, unsigned seed) {
    double v = 55;
    for (int i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        v += (double)(seed >> 16 & 1023) / 1023 * 20 - 10 + (60 - v) * 0.1;
        values[i] = v;
    }
}

enum { STEPS = 200 };

/* What is said of steps [from, STEPS), by a judge that lived through all of them, or one rebuilt at `from`
 * from the readings since `since`. */
static struct ww_str story(struct bench *b, const char *config, const double *values, int from, int since,
                           bool rebuilt, int64_t *open_count) {
    open_bench(b, config);
    struct ww_cat_datastream *ds = &b->catalog->datastreams[0];
    struct ww_reading first = at_step(since, 0);
    for (int i = rebuilt ? since : 0; i < from; i++) {
        struct ww_reading reading = at_step(i, values[i]);
        if (rebuilt)
            ww_judge_replay(b->judge, ds, &reading, since > 0 ? first.time_us : WW_INSTANT_NONE);
        else
            step(b, i, values[i]);
    }
    if (rebuilt) {
        ww_judge_end_replay(b->judge);
        if (*open_count)
            assert_true(ww_judge_set_open(b->judge, ds, 3, *open_count, 0, start_us, start_us));
    } else {
        take(b);
        *open_count = ww_judge_open_count(b->judge);
    }
    ww_buf_reset(&b->said);
    for (int i = from; i < STEPS; i++)
        step(b, i, values[i]);
    struct ww_buf ops;
    ww_buf_init(&ops, 1 << 20);
    const struct ww_json_node *actions = take(b);
    for (const struct ww_json_node *a = actions ? actions->child : NULL; a; a = a->next)
        if (!ww_str_is(ww_json_get(a, "op")->text, "update"))
            ww_buf_printf(&ops, "%.*s %.*s\n", WW_STR_ARG(ww_json_get(a, "op")->text),
                          WW_STR_ARG(ww_json_get(a, "at")->text));
    struct ww_str text = ww_arena_copy(b->arena, ww_buf_str(&ops));
    ww_buf_clear(&ops);
    return text;
}

static void check_rebuilt(const char *config) {
    double values[STEPS];
    for (unsigned seed = 1; seed <= 20; seed++) {
        wander(values, STEPS, seed);
        for (int from = 1; from < STEPS; from += 7) {
            struct bench lived, rebuilt;
            int64_t open_count;
            struct ww_str wanted = story(&lived, config, values, from, 0, false, &open_count);
            uint32_t readings;
            int64_t span_us;
            char flags[16];
            assert_true(
                ww_judge_memory(lived.judge, &lived.catalog->datastreams[0], &readings, &span_us, flags));
            int back = (int)(span_us / (900 * WW_SECOND_US)) + 1;
            back = back < (int)readings ? (int)readings : back;
            int since = from > back ? from - back : 0;
            struct ww_str got = story(&rebuilt, config, values, from, since, true, &open_count);
            if (!ww_str_eq(got, wanted))
                fail_msg("seed %u, rebuilt at %d:\n%.*s\ninstead of\n%.*s", seed, from, WW_STR_ARG(got),
                         WW_STR_ARG(wanted));
            close_bench(&lived);
            close_bench(&rebuilt);
        }
    }
}

static void a_rebuilt_judge_goes_on_like_one_that_lived_through_it(void **state) {
    (void)state;
    check_rebuilt(SPOT);
    check_rebuilt(MEAN);
    check_rebuilt("{\"property\":\"cod\",\"standard\":\"TEST "
                  "1\",\"averaging\":\"1h\",\"judge\":\"mean\",\"expected_step_s\":900,"
                  "\"min_coverage\":0.2,\"fire\":[2,3],\"clear\":[2,4]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_opens_goes_on_and_clears),
        cmocka_unit_test(a_rule_watches_only_what_its_limits_are_for),
        cmocka_unit_test(an_open_alert_is_gone_on_with_after_a_rebuild),
        cmocka_unit_test(a_rebuilt_judge_goes_on_like_one_that_lived_through_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
