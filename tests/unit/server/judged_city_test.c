/* The short form of tests/bench/rules_bench.c: two weeks to learn, three to be judged, two seeds. All shipped
 * rules find what the script does, and call nothing else by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/judged_city.h"

static void the_shipped_rules_find_what_happens_and_little_else(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct judged_city s;
        judge_city(seed, 14, 21, &s);
        assert_true(s.events > 80 && s.faults > 30);
        assert_true(s.found >= 0.95 * s.events);
        assert_true(s.median_delay_intervals <= 2);
        assert_true(s.false_alerts <= s.ward_months);
        assert_true(s.faults_called >= 0.95 * s.faults);
        assert_true(s.false_faults <= 0.2 * s.ward_months);
        assert_true(s.more_than_one <= 0.02 * s.events); /* one event, one alert */
        assert_true(s.joined > 0 && s.found_by_learning >= 0.4 * s.events);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_rules_find_what_happens_and_little_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
