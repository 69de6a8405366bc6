/* The orientation test where plain doubles are known to be wrong.
 *
 * Around (0.5, 0.5), on a raster of the smallest steps, against the line through (12, 12) and
 * (24, 24): the example of Kettner, Mehlhorn, Pion, Schirra and Yap, "Classroom examples of
 * robustness problems in geometric computations" (2008). The truth is plain: y compared with x. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "geo/orient.h"

static int sign(int v) {
    return (v > 0) - (v < 0);
}

static void points_next_to_a_long_line_are_told_apart(void **state) {
    (void)state;
    const struct ww_place a = {12, 12};
    const struct ww_place b = {24, 24};
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < 256; j++) {
            struct ww_place p = {0.5 + i * 0x1p-53, 0.5 + j * 0x1p-53};
            int truth = p.lat_deg == p.lon_deg ? 0 : sign(p.lat_deg > p.lon_deg ? 1 : -1);
            assert_int_equal(ww_orient(a, b, p), truth);
            assert_int_equal(ww_orient(b, p, a), truth);
            assert_int_equal(ww_orient(p, a, b), truth);
            assert_int_equal(ww_orient(b, a, p), -truth);
        }
}

static void a_nudged_point_lies_on_no_line(void **state) {
    (void)state;
    const struct ww_place p = {107, 29};
    const struct ww_place other[] = {{108, 29}, {107, 30}, {108, 30}, {106, 30}, {106, 28}};
    /* Moved a little east, and far less north, p lies left of a way due east, right of one due north. */
    const int truth[] = {1, -1, -1, -1, 1};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_int_equal(ww_orient(p, other[i], p), 0);
        assert_int_equal(ww_orient_nudged(p, other[i], p), truth[i]);
        assert_int_equal(ww_orient_nudged(other[i], p, p), -truth[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_next_to_a_long_line_are_told_apart),
        cmocka_unit_test(a_nudged_point_lies_on_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
