/* Traces of made-up rivers and winds, and reaches as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/arena.h"
#include "geo/base/json_reader.h"
#include "geo/near.h"
#include "ingest/space/reach_lines.h"
#include "ingest/space/trace_case.h"

static const int64_t now_us = INT64_C(1800000000) * WW_SECOND_US;

struct bench {
    struct ww_trace_case *c;
    struct ww_arena *arena;
    struct ww_buf trace, geojson;
};

static void open_bench(struct bench *b, enum ww_trace_kind kind) {
    *b = (struct bench){
        ww_trace_case_new(kind, now_us - WW_HOUR_US, now_us), ww_arena_new(16 << 20), {0}, {0}};
    ww_buf_init(&b->trace, 1 << 20);
    ww_buf_init(&b->geojson, 1 << 20);
}

static void close_bench(struct bench *b) {
    ww_buf_clear(&b->trace);
    ww_buf_clear(&b->geojson);
    ww_arena_free(b->arena);
    ww_trace_case_free(b->c);
}

/* A reach of about a kilometre eastwards, on the meridian's row. */
static void add_reach(struct bench *b, const char *code, const char *into, int column,
                      const char *properties) {
    char line[128];
    snprintf(line, sizeof line, "{\"type\":\"LineString\",\"coordinates\":[[%.2f,29],[%.2f,29]]}",
             107 + 0.01 * column, 107.01 + 0.01 * column);
    assert_int_equal(ww_trace_add_reach(b->c, ww_str_of(code), ww_str_of(into), ww_str_of(line),
                                        ww_str_of(properties), NULL),
                     WW_OK);
}

/* 7 is the subject. */
static void add_sensor(struct bench *b, int64_t id, const char *key, double lon, const char *site,
                       const char *limit_class) {
    struct ww_trace_thing thing = {id,        ww_str_of(key), ww_str_of(site), ww_str_of(limit_class),
                                   {lon, 29}, id == 7};
    assert_int_equal(ww_trace_add_sensor(b->c, &thing, NULL), WW_OK);
}

/* Half an hour apart; high for the last hours. */
static void add_readings(struct bench *b, int64_t thing, double high_h) {
    for (double h = 60; h > 0; h -= 0.5)
        assert_int_equal(ww_trace_add_reading(b->c, thing, now_us - (int64_t)(h * (double)WW_HOUR_US),
                                              h <= high_h ? 90 : 20 + fmod(h * 2, 3), NULL),
                         WW_OK);
}

static const struct ww_json_node *run(struct bench *b) {
    struct ww_json_node *root, *collection;
    ww_trace_run(b->c, &b->trace, &b->geojson);
    assert_int_equal(ww_json_parse(b->arena, ww_buf_str(&b->trace), &root, NULL), WW_OK);
    assert_int_equal(ww_json_parse(b->arena, ww_buf_str(&b->geojson), &collection, NULL), WW_OK);
    assert_true(ww_str_is(ww_json_get(collection, "type")->text, "FeatureCollection"));
    return root;
}

static struct ww_str verdict(const struct ww_json_node *trace) {
    return ww_json_get(trace, "verdict")->text;
}

static void a_place_is_found_along_a_line_and_back(void **state) {
    (void)state;
    struct ww_reach_lines *lines = ww_reach_lines_new();
    struct ww_error err;
    assert_int_equal(
        ww_reach_lines_add(
            lines, WW_STR("{\"type\":\"LineString\",\"coordinates\":[[107,29],[107.01,29],[107.01,29.02]]}"),
            &err),
        WW_OK);
    assert_int_equal(ww_reach_lines_add(lines, WW_STR("{\"type\":\"Point\",\"coordinates\":[107,29]}"), &err),
                     WW_BAD_INPUT);
    assert_int_equal(
        ww_reach_lines_add(lines, WW_STR("{\"type\":\"LineString\",\"coordinates\":[[107,29],[107,29]]}"),
                           &err),
        WW_BAD_INPUT);
    assert_int_equal(ww_reach_lines_count(lines), 1);
    double length_m = ww_reach_lines_length_m(lines, 0);
    assert_true(fabs(length_m - 3196) < 5);
    for (double at_m = 0; at_m <= length_m; at_m += 100) {
        struct ww_place place = ww_reach_lines_place(lines, 0, at_m);
        struct ww_reach_spot spot = ww_reach_lines_find(lines, place, 5);
        assert_int_equal(spot.reach, 0);
        assert_true(fabs(spot.at_m - at_m) < 1 && spot.off_m < 1);
    }
    struct ww_place beside = {107.0121, 29.01};
    assert_true(fabs(ww_reach_lines_find(lines, beside, 500).off_m - 204) < 2);
    assert_int_equal(ww_reach_lines_find(lines, beside, 150).reach, WW_REACH_NONE);
    struct ww_buf piece;
    ww_buf_init(&piece, 4096);
    ww_reach_lines_write(lines, 0, 500, 1500, &piece); /* around the bend */
    assert_non_null(strstr(piece.data, "[107.010000,29.000000]"));
    ww_buf_clear(&piece);
    ww_reach_lines_free(lines);
}

static void one_sensor_tells_a_stretch_and_faster_water_an_earlier_arrival(void **state) {
    (void)state;
    int64_t front[2];
    for (int fast = 0; fast < 2; fast++) {
        struct bench b;
        open_bench(&b, WW_TRACE_WATER);
        const char *properties = fast ? "{\"velocity_ms\":0.9}" : "{}";
        add_reach(&b, "A", "B", 0, properties);
        add_reach(&b, "B", "C", 1, properties);
        add_reach(&b, "C", "D", 2, properties);
        add_reach(&b, "D", "", 3, properties);
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("works"), WW_STR("厂"), WW_STR("Works"),
                                           (struct ww_place){107.005, 29.001}, NULL),
                         WW_OK);
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("intake"), WW_STR(""), WW_STR(""),
                                           (struct ww_place){107.035, 29.001}, NULL),
                         WW_OK);
        add_sensor(&b, 7, "gauge", 107.025, "", "");
        add_readings(&b, 7, 1);
        add_readings(&b, 8, 1); /* nobody's: passed over */
        const struct ww_json_node *trace = run(&b);
        assert_true(ww_str_is(verdict(trace), "stretch"));
        assert_non_null(ww_json_get(trace, "next_sample"));
        const struct ww_json_node *below = ww_json_get(trace, "downstream")->child;
        assert_true(ww_str_is(ww_json_get(below, "site")->text, "intake") && !below->next);
        assert_int_equal(ww_instant_parse(ww_json_get(below, "front_at")->text, NULL, &front[fast], NULL),
                         WW_OK);
        double sum = 0, p;
        for (const struct ww_json_node *s = ww_json_get(trace, "sources")->child; s; s = s->next) {
            assert_true(ww_json_as_double(ww_json_get(s, "probability"), &p));
            sum += p;
        }
        assert_true(sum > 0.5 && sum < 1.001);
        close_bench(&b);
    }
    int64_t slow_us = front[0] - (now_us - WW_HOUR_US), fast_us = front[1] - (now_us - WW_HOUR_US);
    assert_true(fast_us > 0 && llabs(slow_us - 3 * fast_us) < 10 * WW_SECOND_US);
}

static double chance_of(const struct ww_json_node *trace, const char *site) {
    struct ww_str code;
    double p = 0;
    for (const struct ww_json_node *s = ww_json_get(trace, "sources")->child; s; s = s->next)
        if (ww_json_as_str(ww_json_get(s, "site"), &code) && ww_str_is(code, site))
            assert_true(ww_json_as_double(ww_json_get(s, "probability"), &p));
    return p;
}

/* A meter beside the river, between the works and the gauge, that reads as usual: as a gauge it would have
 * seen what comes from the works, and would speak against it. */
static void what_a_site_discharges_is_not_what_flows_in_the_river(void **state) {
    (void)state;
    static const struct {
        const char *site, *limit_class;
        bool is_gauge;
    } meters[] = {{"", "", true},
                  {"", "surface_water.III", true},
                  {"lower", "surface_water.III", true}, /* the river's own, at a site */
                  {"lower", "", false},
                  {"", "wastewater.L1", false},
                  {"", "wwtp.1A", false},
                  {"", "medical.discharge", false}};
    double chance[7];
    for (size_t i = 0; i < 7; i++) {
        struct bench b;
        int64_t sensors;
        open_bench(&b, WW_TRACE_WATER);
        add_reach(&b, "A", "B", 0, "{}");
        add_reach(&b, "B", "C", 1, "{}");
        add_reach(&b, "C", "", 2, "{}");
        const struct ww_place upper = {107.005, 29.001}, lower = {107.015, 29.001};
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("upper"), WW_STR(""), WW_STR(""), upper, NULL), WW_OK);
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("lower"), WW_STR(""), WW_STR(""), lower, NULL), WW_OK);
        add_sensor(&b, 7, "gauge", 107.025, "", "surface_water.III");
        add_sensor(&b, 9, "meter", 107.0149, meters[i].site, meters[i].limit_class);
        add_readings(&b, 7, 1);
        add_readings(&b, 9, 0);
        const struct ww_json_node *trace = run(&b);
        assert_true(ww_json_as_i64(ww_json_get(trace, "sensors"), &sensors));
        assert_int_equal(sensors, meters[i].is_gauge ? 2 : 1);
        chance[i] = chance_of(trace, "upper");
        close_bench(&b);
    }
    for (size_t i = 0; i < 7; i++)
        assert_true(meters[i].is_gauge ? chance[i] < chance[3] / 2 : fabs(chance[i] - chance[3]) < 1e-9);
}

static void a_sites_own_meter_names_its_site_and_what_lies_below(void **state) {
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct bench b;
        open_bench(&b, WW_TRACE_WATER);
        add_reach(&b, "A", "B", 0, "{}");
        add_reach(&b, "B", "C", 1, "{}");
        add_reach(&b, "C", "", 2, "{}");
        const struct ww_place upper = {107.005, 29.001}, lower = {107.015, 29.001};
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("upper"), WW_STR(""), WW_STR(""), upper, NULL), WW_OK);
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("lower"), WW_STR("厂"), WW_STR(""), lower, NULL),
                         WW_OK);
        assert_int_equal(ww_trace_add_site(b.c, WW_STR("intake"), WW_STR(""), WW_STR(""),
                                           (struct ww_place){107.0255, 29.001}, NULL),
                         WW_OK);
        add_sensor(&b, 7, "meter", 107.015, known ? "lower" : "", "wastewater.L1");
        add_sensor(&b, 8, "gauge", 107.025, "", "surface_water.III");
        add_sensor(&b, 9, "other", 107.026, "", "wwtp.1A"); /* not in the river: nothing reaches it */
        add_readings(&b, 7, 1);
        add_readings(&b, 8, 0);
        add_readings(&b, 9, 0);
        const struct ww_json_node *trace = run(&b), *source = ww_json_get(trace, "sources")->child;
        assert_true(ww_str_is(verdict(trace), "place") && !source->next);
        assert_true(ww_str_is(ww_json_get(source, "kind")->text, known ? "site" : "reach"));
        assert_true(!known || chance_of(trace, "lower") == 1);
        assert_true(ww_str_is(ww_json_get(source, "reach")->text, "B"));
        const struct ww_json_node *below = ww_json_get(trace, "downstream")->child;
        if (!known) /* whose the meter is nobody has said: the site beside it is one of those below */
            below = below->next;
        assert_true(ww_str_is(ww_json_get(below, "site")->text, "intake"));
        below = below->next;
        assert_true(ww_str_is(ww_json_get(below, "thing")->text, "gauge") && !below->next);
        close_bench(&b);
    }
}

static void it_is_worth_making_again_until_the_last_gauge_below_has_seen_it(void **state) {
    (void)state;
    int64_t until[3] = {0};
    for (int kind = 0; kind < 3; kind++) { /* no gauge below; one; and the alert has cleared */
        struct bench b;
        open_bench(&b, WW_TRACE_WATER);
        add_reach(&b, "A", "B", 0, "{}");
        add_reach(&b, "B", "C", 1, "{}");
        add_reach(&b, "C", "", 2, "{}");
        add_sensor(&b, 7, "gauge", 107.015, "", "");
        add_sensor(&b, 8, "other", kind > 0 ? 107.025 : 107.005, "", "");
        add_readings(&b, 7, 1);
        add_readings(&b, 8, 0);
        if (kind == 2)
            ww_trace_cleared(b.c, now_us - WW_HOUR_US / 2);
        const struct ww_json_node *is = ww_json_get(run(&b), "until");
        assert_true((is != NULL) == (kind > 0));
        if (is)
            assert_int_equal(ww_instant_parse(is->text, NULL, &until[kind], NULL), WW_OK);
        close_bench(&b);
    }
    /* 973 m at 0.8 · 0.3 m/s, and two standard deviations behind the last of it */
    assert_true(fabs((double)(until[1] - now_us) / 1e6 - 973 / 0.24 * (1 + 2 * 0.055)) < 10);
    assert_true(until[1] - until[2] == WW_HOUR_US / 2);
}

static void without_readings_water_or_wind_nothing_is_said(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct bench b;
        open_bench(&b, kind == 3 ? WW_TRACE_AIR : WW_TRACE_WATER);
        if (kind == 1) /* off the water */
            add_reach(&b, "A", "", 20, "{}");
        add_sensor(&b, 7, "gauge", 107.025, "", "");
        if (kind > 0)
            add_readings(&b, 7, 1);
        assert_true(ww_str_is(verdict(run(&b)), "nothing"));
        close_bench(&b);
    }
}

static void a_site_that_is_upwind_when_it_smells_comes_first(void **state) {
    (void)state;
    struct bench b;
    open_bench(&b, WW_TRACE_AIR);
    assert_int_equal(
        ww_trace_add_site(b.c, WW_STR("west"), WW_STR(""), WW_STR(""), (struct ww_place){106.98, 29}, NULL),
        WW_OK);
    assert_int_equal(
        ww_trace_add_site(b.c, WW_STR("east"), WW_STR(""), WW_STR(""), (struct ww_place){107.02, 29}, NULL),
        WW_OK);
    add_sensor(&b, 7, "nose", 107, "", "");
    for (int h = 40; h > 0; h--) {
        bool west = h % 5 == 0;
        int64_t hour_us = now_us / WW_HOUR_US * WW_HOUR_US - h * WW_HOUR_US;
        assert_int_equal(ww_trace_add_wind(b.c, hour_us, west ? 270 : 90, 3, NAN, NULL), WW_OK);
        assert_int_equal(ww_trace_add_reading(b.c, 7, hour_us + 1, west ? 80 : 20 + h % 3, NULL), WW_OK);
    }
    const struct ww_json_node *first = ww_json_get(run(&b), "sources")->child;
    double p;
    assert_true(ww_str_is(ww_json_get(first, "site")->text, "west"));
    assert_true(ww_json_as_double(ww_json_get(first, "probability"), &p) && p > 0.9);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_found_along_a_line_and_back),
        cmocka_unit_test(one_sensor_tells_a_stretch_and_faster_water_an_earlier_arrival),
        cmocka_unit_test(what_a_site_discharges_is_not_what_flows_in_the_river),
        cmocka_unit_test(a_sites_own_meter_names_its_site_and_what_lies_below),
        cmocka_unit_test(it_is_worth_making_again_until_the_last_gauge_below_has_seen_it),
        cmocka_unit_test(without_readings_water_or_wind_nothing_is_said),
        cmocka_unit_test(a_site_that_is_upwind_when_it_smells_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
