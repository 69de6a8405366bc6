/* Configs of the detectors that learn: what they mean, and which member a mistake is pinned on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "geo/detect/quality.h"
#include "ingest/learned_config.h"

#define B WW_LEARNED_BASELINE
#define N WW_LEARNED_NEIGHBOUR
#define Q WW_LEARNED_QUALITY

static const struct {
    enum ww_learned_detector detector;
    const char *json, *field;
} bad[] = {
    {B, "[]", "config"},
    {B, "{\"propety\":\"cod\"}", "propety"},
    {B, "{\"property\":5}", "property"},
    {B, "{\"property\":\"\"}", "property"},
    {B, "{\"properties\":\"cod\"}", "properties"},
    {B, "{\"properties\":[1]}", "properties"},
    {B, "{\"wards\":[]}", "wards"},
    {B, "{\"polygon\":[[107,29],[108,29]]}", "polygon"},
    {B, "{\"polygon\":[[107,29],[108,29],[108,290]]}", "polygon"},
    {B, "{\"statistic\":\"middle\"}", "statistic"},
    {B, "{\"interval_s\":-1}", "interval_s"},
    {B, "{\"false_alarms_per_month\":0}", "false_alarms_per_month"},
    {B, "{\"false_alarms_per_month\":\"few\"}", "false_alarms_per_month"},
    {B, "{\"fire\":[3,2]}", "fire"},
    {B, "{\"fire\":[1,25]}", "fire"},
    {B, "{\"clear\":6}", "clear"},
    {B, "{\"fire_for_s\":-1}", "fire_for_s"},
    {B, "{\"side\":\"left\"}", "side"},
    {B, "{\"small_shifts\":1}", "small_shifts"},
    {B, "{\"flags\":\"n\"}", "flags"},
    {B, "{\"new_normal_h\":0}", "new_normal_h"},
    {B, "{\"verdict\":\"area\"}", "verdict"},
    {B, "{\"signs\":[\"stuck\"]}", "signs"},
    {N, "{\"verdict\":\"both\"}", "verdict"},
    {N, "{\"new_normal_h\":5}", "new_normal_h"},
    {Q, "{\"signs\":[]}", "signs"},
    {Q, "{\"signs\":[\"odd\"]}", "signs"},
    {Q, "{\"signs\":[\"stuck\",\"digits\"]}", "signs"},
    {Q, "{\"least\":5,\"most\":1}", "most"},
    {Q, "{\"side\":\"up\"}", "side"},
    {Q, "{\"flags\":\"N\"}", "flags"},
    {Q, "{\"false_alarms_per_month\":1}", "false_alarms_per_month"},
};

static void bad_configs_name_their_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_learned_config c;
        struct ww_error err;
        if (ww_learned_config_parse(arena, bad[i].detector, ww_str_of(bad[i].json), &c, &err) != WW_BAD_INPUT)
            fail_msg("%s was taken", bad[i].json);
        if (strcmp(err.field, bad[i].field) != 0)
            fail_msg("%s: field is %s, not %s", bad[i].json, err.field, bad[i].field);
        ww_arena_free(arena);
    }
}

static void good_configs_mean_what_they_say(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_learned_config c;
    struct ww_error err;
    assert_int_equal(ww_learned_config_parse(arena, B, WW_STR("{}"), &c, &err), WW_OK);
    assert_true(c.fire_k == 2 && c.fire_n == 3 && c.clear_k == 6 && c.clear_n == 6 && c.side == 0);
    assert_true(c.false_alarms_per_month == 0.05 && !c.small_shifts);
    assert_int_equal(c.new_normal_us, WW_DAY_US);
    assert_string_equal(c.flags, "N");
    assert_string_equal(ww_learned_category(&c), "pollution");
    assert_int_equal(
        ww_learned_config_parse(
            arena, B,
            WW_STR("{\"properties\":[\"cod\"],\"side\":\"down\",\"fire\":[1,2],\"fire_for_s\":600,"
                   "\"clear_for_s\":60,\"new_normal_h\":2,\"small_shifts\":true,\"wards\":[\"w\"],"
                   "\"polygon\":[[1,2],[3,4],[5,6]]}"),
            &c, &err),
        WW_OK);
    assert_true(c.side == -1 && c.fire_n == 2 && c.small_shifts && c.scope.n_ring == 3 && c.scope.wards);
    assert_int_equal(c.fire_for_us, 600 * WW_SECOND_US);
    assert_int_equal(c.clear_for_us, 60 * WW_SECOND_US);
    assert_int_equal(c.new_normal_us, 2 * WW_HOUR_US);
    assert_int_equal(ww_learned_config_parse(arena, N, WW_STR("{\"verdict\":\"area\"}"), &c, &err), WW_OK);
    assert_string_equal(ww_learned_category(&c), "pollution");
    assert_int_equal(ww_learned_config_parse(arena, N, WW_STR("{}"), &c, &err), WW_OK);
    assert_string_equal(ww_learned_category(&c), "sensor");
    assert_int_equal(ww_learned_config_parse(arena, Q, WW_STR("{\"most\":9}"), &c, &err), WW_OK);
    assert_true(isnan(c.least) && c.most == 9 && (c.signs & WW_QUALITY_STUCK));
    assert_string_equal(ww_learned_category(&c), "sensor");
    assert_int_equal(ww_learned_config_parse(arena, Q, WW_STR("{\"signs\":[\"digits\"]}"), &c, &err), WW_OK);
    assert_int_equal(c.signs, WW_QUALITY_DIGITS);
    assert_string_equal(ww_learned_category(&c), "lead");
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_configs_name_their_member),
        cmocka_unit_test(good_configs_mean_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
