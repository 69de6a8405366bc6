/* The quick logarithm and exponential against libm's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/detect/quick_math.h"
#include "tests/unit/detect/random.h"

static void ln1p_is_within_its_bound_and_rises(void **state) {
    (void)state;
    double before = -1;
    for (double z = 1e-9; z < 1e30; z *= 1.0007) {
        double y = ww_quick_ln1p(z);
        assert_near(y, log1p(z), 3e-8);
        assert_true(y > before);
        before = y;
    }
    assert_near(ww_quick_ln1p(0), 0, 0);
}

static void exp_is_within_its_bound(void **state) {
    (void)state;
    for (double x = -690; x < 690; x += 0.0137)
        assert_near(ww_quick_exp(x) / exp(x), 1, 2e-7);
    assert_near(ww_quick_exp(0), 1, 0);
    assert_near(ww_quick_exp(-1000), 0, 0);
    assert_true(isfinite(ww_quick_exp(1e9)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ln1p_is_within_its_bound_and_rises),
        cmocka_unit_test(exp_is_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
