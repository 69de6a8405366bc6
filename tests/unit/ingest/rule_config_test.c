/* Configurations of limit rules, good and bad: one line each in the tables below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ingest/judge.h"
#include "ingest/rule_config.h"

#define BASE "\"property\":\"cod\",\"standard\":\"GB 18466-2005\""

static const struct {
    const char *json;
    uint8_t fire_k, fire_n, clear_k, clear_n;
    int64_t bucket_us;
    double clear_ratio, min_coverage;
    const char *flags;
} good[] = {
    {"{" BASE ",\"averaging\":\"instant\"}", 1, 1, 1, 1, 0, 1, 0.75, "N"},
    {"{" BASE ",\"averaging\":\"24h\",\"judge\":\"reading\",\"fire\":[2,3],\"clear\":[3,24]}", 2, 3, 3, 24, 0,
     1, 0.75, "N"},
    {"{" BASE ",\"averaging\":\"1h\",\"judge\":\"mean\",\"clear_ratio\":0.9,\"min_coverage\":0}", 1, 1, 1, 1,
     WW_HOUR_US, 0.9, 0, "N"},
    {"{" BASE ",\"averaging\":\"8h\",\"judge\":\"mean\",\"flags\":\"NM\"}", 1, 1, 1, 1, 8 * WW_HOUR_US, 1,
     0.75, "NM"},
    {"{" BASE ",\"averaging\":\"24h\",\"judge\":\"mean\",\"expected_step_s\":60}", 1, 1, 1, 1, WW_DAY_US, 1,
     0.75, "N"},
    {"{" BASE ",\"averaging\":\"1year\",\"limit_class\":\"x\",\"thing_class\":\"y\"}", 1, 1, 1, 1, 0, 1, 0.75,
     "N"},
};

static const struct {
    const char *json, *field;
} bad[] = {
    {"[]", "config"},
    {"{\"standard\":\"x\",\"averaging\":\"1h\"}", "property"},
    {"{\"property\":\"\",\"standard\":\"x\",\"averaging\":\"1h\"}", "property"},
    {"{\"property\":\"cod\",\"averaging\":\"1h\"}", "standard"},
    {"{" BASE "}", "averaging"},
    {"{" BASE ",\"averaging\":\"2h\"}", "averaging"},
    {"{" BASE ",\"averaging\":\"1h\",\"judge\":\"median\"}", "judge"},
    {"{" BASE ",\"averaging\":\"instant\",\"judge\":\"mean\"}", "judge"},
    {"{" BASE ",\"averaging\":\"1year\",\"judge\":\"mean\"}", "judge"},
    {"{" BASE ",\"averaging\":\"1h\",\"fire\":[3,2]}", "fire"},
    {"{" BASE ",\"averaging\":\"1h\",\"fire\":[0,2]}", "fire"},
    {"{" BASE ",\"averaging\":\"1h\",\"fire\":[1,25]}", "fire"},
    {"{" BASE ",\"averaging\":\"1h\",\"fire\":[1,2,3]}", "fire"},
    {"{" BASE ",\"averaging\":\"1h\",\"fire\":2}", "fire"},
    {"{" BASE ",\"averaging\":\"1h\",\"clear\":[1]}", "clear"},
    {"{" BASE ",\"averaging\":\"1h\",\"clear_ratio\":0}", "clear_ratio"},
    {"{" BASE ",\"averaging\":\"1h\",\"clear_ratio\":1.01}", "clear_ratio"},
    {"{" BASE ",\"averaging\":\"1h\",\"min_coverage\":-0.1}", "min_coverage"},
    {"{" BASE ",\"averaging\":\"1h\",\"expected_step_s\":0}", "expected_step_s"},
    {"{" BASE ",\"averaging\":\"1h\",\"flags\":\"n\"}", "flags"},
    {"{" BASE ",\"averaging\":\"1h\",\"flags\":\"ABCDEFGH\"}", "flags"},
    {"{" BASE ",\"averaging\":\"1h\",\"thing_class\":5}", "thing_class"},
    {"{" BASE ",\"averaging\":\"1h\",\"fires\":[1,2]}", "fires"},
};

static void good_configs_mean_what_they_say(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_rule_config c;
        struct ww_error err;
        if (ww_rule_config_parse(arena, ww_str_of(good[i].json), &c, &err) != WW_OK)
            fail_msg("%s: %s", good[i].json, err.message);
        assert_true(ww_str_is(c.property, "cod") && ww_str_is(c.standard, "GB 18466-2005"));
        assert_int_equal(c.fire_k, good[i].fire_k);
        assert_int_equal(c.fire_n, good[i].fire_n);
        assert_int_equal(c.clear_k, good[i].clear_k);
        assert_int_equal(c.clear_n, good[i].clear_n);
        assert_int_equal(c.bucket_us, good[i].bucket_us);
        assert_true(c.clear_ratio == good[i].clear_ratio && c.min_coverage == good[i].min_coverage);
        assert_string_equal(c.flags, good[i].flags);
        assert_int_equal(ww_judge_check_config(ww_str_of(good[i].json), &err), WW_OK);
        ww_arena_free(arena);
    }
}

static void bad_configs_name_their_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ww_error err;
        if (ww_judge_check_config(ww_str_of(bad[i].json), &err) != WW_BAD_INPUT)
            fail_msg("%s was taken", bad[i].json);
        if (strcmp(err.field, bad[i].field) != 0)
            fail_msg("%s: field is %s, not %s", bad[i].json, err.field, bad[i].field);
    }
    struct ww_error err;
    assert_int_equal(ww_judge_check_config(WW_STR("{\"property\":"), &err), WW_BAD_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_configs_mean_what_they_say),
        cmocka_unit_test(bad_configs_name_their_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
