/* Configs of scan rules: what they mean, and which member is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "ingest/space/scan_rule.h"

static enum ww_status parse(const char *json, struct ww_scan_rule *out, struct ww_error *err) {
    static struct ww_arena *arena;
    ww_arena_free(arena);
    arena = ww_arena_new(1 << 20);
    return ww_scan_rule_parse(arena, ww_str_of(json), out, err);
}

static void what_is_not_said_is_as_documented(void **state) {
    (void)state;
    struct ww_scan_rule r;
    struct ww_error err;
    assert_int_equal(parse("{\"events\":{\"property\":\"complaint\"},\"places\":\"hexagon\"}", &r, &err),
                     WW_OK);
    assert_int_equal(r.model, WW_SCAN_PERMUTATION);
    assert_int_equal(r.zones, WW_ZONE_CIRCLE);
    assert_true(r.hexagon_m == 500 && r.max_radius_m == 3000 && r.max_days == 7 && r.memory_days == 90);
    assert_true(r.replicas == 999 && r.seed == 1 && r.min_cases == 3 && r.recurrence_days == 365);
    assert_true(fabs(r.clear_recurrence_days - sqrt(365)) < 1e-12 && r.clear_after_h == 24);
    assert_true(isnan(r.above) && isnan(r.below));
    assert_string_equal(r.flags, "N");
    assert_int_equal(parse("{\"events\":{\"property\":\"x\"},\"places\":\"ward\"}", &r, &err), WW_OK);
    assert_int_equal(r.zones, WW_ZONE_ADJACENT);
    assert_int_equal(parse("{\"events\":{\"property\":\"x\"},\"places\":\"reach\"}", &r, &err), WW_OK);
    assert_int_equal(r.zones, WW_ZONE_RIVER);
}

static void a_wrong_member_is_named(void **state) {
    (void)state;
    static const struct {
        const char *json, *field;
    } wrong[] = {
        {"[]", "config"},
        {"{}", "events"},
        {"{\"events\":{}}", "events.property"},
        {"{\"events\":{\"property\":\"x\",\"count\":\"alerts\"}}", "events.rule"},
        {"{\"events\":{\"property\":\"x\",\"rule\":\"y\"}}", "events.rule"},
        {"{\"events\":{\"property\":\"x\",\"count\":\"values\",\"below\":3}}", "events.below"},
        {"{\"events\":{\"property\":\"x\",\"flags\":\"n\"}}", "events.flags"},
        {"{\"events\":{\"property\":\"x\",\"speed\":1}}", "events.speed"},
        {"{\"events\":{\"property\":\"x\"},\"places\":\"street\"}", "places"},
        {"{\"events\":{\"property\":\"x\"},\"places\":\"thing\",\"zones\":\"river\"}", "zones"},
        {"{\"events\":{\"property\":\"x\"},\"model\":\"poisson\"}", "population"},
        {"{\"events\":{\"property\":\"x\"},\"max_days\":2.5}", "max_days"},
        {"{\"events\":{\"property\":\"x\"},\"memory_days\":14,\"max_days\":8}", "memory_days"},
        {"{\"events\":{\"property\":\"x\"},\"clear\":{\"recurrence_interval_days\":400}}",
         "clear.recurrence_interval_days"},
        {"{\"events\":{\"property\":\"x\"},\"replicas\":10}", "replicas"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ww_scan_rule r;
        struct ww_error err;
        assert_int_equal(parse(wrong[i].json, &r, &err), WW_BAD_INPUT);
        assert_string_equal(err.field, wrong[i].field);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_as_documented),
        cmocka_unit_test(a_wrong_member_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
