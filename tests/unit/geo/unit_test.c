/* Units: the spellings that feeds use, and conversions against values worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "geo/unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void every_spelling_leads_to_its_code(void **state) {
    (void)state;
    static const struct {
        const char *spelling;
        const char *code;
    } cases[] = {
        {"mg/L", "mg/L"},
        {"mg/l", "mg/L"},
        {"MG/L", "mg/L"},
        {"ug/m3", "ug/m3"},
        {"µg/m³", "ug/m3"},
        {"μg/m³", "ug/m3"},
        {"UG/M3", "ug/m3"},
        {"µg/m3", "ug/m3"},
        {"µg·m⁻³", "ug/m3"},
        {"ug/m^3", "ug/m3"},
        {"mg/m³", "mg/m3"},
        {" ppb ", "ppb"},
        {"PPM", "ppm"},
        {"℃", "degC"},
        {"°C", "degC"},
        {"Cel", "degC"},
        {"°F", "degF"},
        {"mph", "[mi_i]/h"},
        {"MPH", "[mi_i]/h"},
        {"km/h", "km/h"},
        {"°", "deg"},
        {"hPa", "hPa"},
        {"mbar", "hPa"},
        {"dBA", "dB(A)"},
        {"dB(A)", "dB(A)"},
        {"μS/cm", "uS/cm"},
        {"mS/cm", "mS/cm"},
        {"cfs", "[cft_i]/s"},
        {"m³/h", "m3/h"},
        {"MPN/100ML", "MPN/100mL"},
        {"pH", "[pH]"},
        {"W/m²", "W/m2"},
        {"%", "%"},
        {"倍", NULL},
        {"furlong", NULL},
        {"", NULL},
        {"mg", "mg"},
        {"t/(km2.30d)", "t/km2/mo"},
        {"m²", "m2"},
        {"PCU", "[Pt-Co]"},
        {"mg/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L/L", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *code = ww_unit_code(ww_str_of(cases[i].spelling));
        if (!code || !cases[i].code ? code != cases[i].code : strcmp(code, cases[i].code) != 0) {
            fail_msg("%s is %s, not %s", cases[i].spelling, code ? code : "unknown", cases[i].code);
        }
    }
}

static void values_become_what_a_calculator_says(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *from, *to;
        double molar_mass, expected;
    } cases[] = {
        {1.5, "mg/L", "mg/L", 0, 1.5},
        {1.5, "mg/L", "ug/L", 0, 1500},
        {35, "ug/m3", "mg/m3", 0, 0.035},
        {1, "mg/L", "ug/m3", 0, 1e6},
        {0.02, "ppm", "ug/m3", 34.081, 27.86102595544656}, /* H2S: 20 ppb * 34.081 / 24.465 */
        {40, "ppb", "ug/m3", 47.998, 78.47618475},         /* O3 */
        {1, "ppm", "mg/m3", 28.010, 1.14490088},           /* CO */
        {78.47618475, "ug/m3", "ppb", 47.998, 40},
        {10, "[mi_i]/h", "m/s", 0, 4.4704},
        {36, "km/h", "m/s", 0, 10},
        {20, "degC", "K", 0, 293.15},
        {68, "degF", "degC", 0, 20},
        {-40, "degC", "degF", 0, -40},
        {29.92, "[in_i'Hg]", "hPa", 0, 1013.20748},
        {1, "[in_i]", "mm", 0, 25.4},
        {36, "m3/h", "L/s", 0, 10},
        {864, "m3/d", "L/s", 0, 10},
        {1, "[cft_i]/s", "L/s", 0, 28.316846592},
        {23, "MPN/100mL", "MPN/L", 0, 230},
        {1000, "1/L", "MPN/L", 0, 1000},
        {1.2, "mS/cm", "uS/cm", 0, 1200},
        {2, "h", "s", 0, 7200},
        {50, "%", "1", 0, NAN}, /* a percentage is no plain number */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ww_conversion c = {0, 0};
        enum ww_status status = ww_unit_conversion(ww_str_of(cases[i].from), ww_str_of(cases[i].to),
                                                   cases[i].molar_mass, &c, NULL);
        if (isnan(cases[i].expected)) {
            assert_int_equal(status, WW_CONFLICT);
            continue;
        }
        assert_int_equal(status, WW_OK);
        double got = cases[i].value * c.factor + c.offset;
        if (!(fabs(got - cases[i].expected) <= 1e-7 * fmax(1, fabs(cases[i].expected)))) {
            fail_msg("%g %s is %.9g %s, not %.9g", cases[i].value, cases[i].from, got, cases[i].to,
                     cases[i].expected);
        }
    }
}

static void the_same_unit_changes_no_bit(void **state) {
    (void)state;
    struct ww_conversion c;
    assert_int_equal(ww_unit_conversion(WW_STR("µg/m³"), WW_STR("ug/m3"), 0, &c, NULL), WW_OK);
    assert_true(c.factor == 1 && c.offset == 0);
}

static void what_cannot_be_converted_names_the_unit(void **state) {
    (void)state;
    struct ww_conversion c;
    struct ww_error err;
    assert_int_equal(ww_unit_conversion(WW_STR("mg/L"), WW_STR("degC"), 0, &c, &err), WW_CONFLICT);
    assert_string_equal(err.field, "unit");
    assert_string_equal(err.value, "mg/L");
    assert_int_equal(ww_unit_conversion(WW_STR("furlong"), WW_STR("m"), 0, &c, &err), WW_NOT_FOUND);
    assert_string_equal(err.value, "furlong");
    /* ppm of something without a molar mass, such as dust */
    assert_int_equal(ww_unit_conversion(WW_STR("ppm"), WW_STR("ug/m3"), 0, &c, &err), WW_CONFLICT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_leads_to_its_code),
        cmocka_unit_test(values_become_what_a_calculator_says),
        cmocka_unit_test(the_same_unit_changes_no_bit),
        cmocka_unit_test(what_cannot_be_converted_names_the_unit),
    };
    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
