/* The tables of factors and information codes against what the database is given, and against the standard's
 * list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/map.h"
#include "geo/unit.h"
#include "ingest/hj212/hj212.h"

/* ---- The observed properties of the migrations ---- */

enum { MAX_PROPERTIES = 1000 };
static struct property {
    char code[64], unit[32];
    double molar_mass;
} properties[MAX_PROPERTIES];
static size_t n_properties;

static void add_property(const char *code, const char *unit, double molar_mass) {
    assert_true(n_properties < MAX_PROPERTIES);
    struct property *p = &properties[n_properties++];
    (void)snprintf(p->code, sizeof p->code, "%s", code);
    (void)snprintf(p->unit, sizeof p->unit, "%s", unit);
    p->molar_mass = molar_mass;
}

/* ('code', 'name', 'name', 'unit', mass, …): the lines of INSERT INTO observed_property. */
static void read_migration(const char *name) {
    char path[400], *line = NULL, code[64], zh[200], en[200], unit[32], mass[32];
    size_t room = 0;
    bool is_inside = false;
    (void)snprintf(path, sizeof path, WW_SOURCE_DIR "/sql/migrations/%s", name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    while (getline(&line, &room, f) >= 0) {
        if (strncmp(line, "INSERT INTO observed_property", 29) == 0)
            is_inside = true;
        if (!is_inside)
            continue;
        if (sscanf(line, "('%63[^']', '%199[^']', '%199[^']', '%31[^']', %31[^,],", code, zh, en, unit,
                   mass) == 5)
            add_property(code, unit, strcmp(mass, "NULL") == 0 ? 0 : strtod(mass, NULL));
        if (strchr(line, ';') && strstr(line, ");"))
            is_inside = false;
    }
    free(line);
    (void)fclose(f);
}

static int read_migrations(void **state) {
    (void)state;
    read_migration("0002_properties_and_limits.sql");
    read_migration("0005_hj212_properties.sql");
    for (size_t i = n_properties; i-- > 0;) { /* … and the masses that 0005 makes of them */
        char code[80];
        const char *u = properties[i].unit;
        (void)snprintf(code, sizeof code, "%.58s_mass", properties[i].code);
        if (strcmp(u, "mg/L") == 0 || strcmp(u, "ug/m3") == 0 || strcmp(u, "mg/m3") == 0 ||
            strcmp(u, "ng/m3") == 0)
            add_property(code, "kg", 0);
    }
    return n_properties > 200 ? 0 : -1;
}

static const struct property *find_property(const char *code) {
    for (size_t i = 0; i < n_properties; i++)
        if (strcmp(properties[i].code, code) == 0)
            return &properties[i];
    return NULL;
}

static void must_fit(const char *code, const char *property, const char *unit) {
    struct ww_conversion conversion;
    struct ww_error err;
    const struct property *p = find_property(property);
    if (!p)
        fail_msg("%s: the property %s is in no migration", code, property);
    else if (*unit && ww_unit_conversion(ww_str_of(unit), ww_str_of(p->unit), p->molar_mass, &conversion,
                                         &err) != WW_OK)
        fail_msg("%s: %s of %s does not become %s", code, unit, property, p->unit);
}

/* ---- Tests ---- */

static void every_property_of_the_tables_is_in_the_database_and_every_unit_converts(void **state) {
    (void)state;
    size_t n;
    const struct ww_hj212_factor *factors = ww_hj212_factors(&n);
    for (size_t i = 0; i < n; i++) {
        const struct ww_hj212_factor *f = &factors[i];
        must_fit(f->code, f->property, f->unit);
        must_fit(f->code, f->property, f->standard_unit);
        must_fit(f->code, f->property, f->ambient_unit);
        if (*f->sum_property)
            must_fit(f->code, f->sum_property, f->sum_unit);
    }
    const struct ww_hj212_info *infos = ww_hj212_infos(&n);
    for (size_t i = 0; i < n; i++)
        must_fit(infos[i].code, infos[i].property, infos[i].unit);
    /* Those that the decoder names itself. */
    static const char *const own[] = {"facility_state", "facility_hours", "serial_number", "check_result",
                                      "sample_bottle",  "logger_restart", "alarm_event"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        must_fit("own", own[i], "");
}

static void no_property_is_there_twice(void **state) {
    (void)state;
    struct ww_map *seen = ww_map_new(64);
    uint64_t at;
    for (size_t i = 0; i < n_properties; i++) {
        if (ww_map_get(seen, ww_str_of(properties[i].code), &at))
            fail_msg("%s is there twice", properties[i].code);
        assert_int_equal(ww_map_put(seen, ww_str_of(properties[i].code), i), WW_OK);
    }
    ww_map_free(seen);
}

static void codes_are_found_by_new_and_old_name_in_any_case(void **state) {
    (void)state;
    size_t n;
    const struct ww_hj212_factor *factors = ww_hj212_factors(&n);
    for (size_t i = 0; i < n; i++) {
        char upper[8];
        for (size_t k = 0; k < sizeof upper; k++)
            upper[k] = factors[i].code[k] >= 'a' && factors[i].code[k] <= 'z'
                           ? (char)(factors[i].code[k] - 32)
                           : factors[i].code[k];
        assert_ptr_equal(ww_hj212_factor(ww_str_of(factors[i].code)), &factors[i]);
        assert_ptr_equal(ww_hj212_factor(ww_str_of(upper)), &factors[i]);
        if (factors[i].old_code[0])
            assert_ptr_equal(ww_hj212_factor(ww_str_of(factors[i].old_code)), &factors[i]);
    }
    static const char *const strangers[] = {"",         "w",          "w0101", "w010188",
                                            "w01018x8", "w01018-Rtd", "011x",  "ldnx"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_null(ww_hj212_factor(ww_str_of(strangers[i])));
    assert_null(ww_hj212_factor(WW_STR("\0w01018")));
}

static void a_code_without_its_letter_is_its_station_s(void **state) {
    (void)state;
    assert_string_equal(ww_hj212_factor_without_letter(WW_STR("32"), WW_STR("01018"))->code, "w01018");
    assert_string_equal(ww_hj212_factor_without_letter(WW_STR("31"), WW_STR("21026"))->code, "a21026");
    assert_null(ww_hj212_factor_without_letter(WW_STR("91"), WW_STR("01018")));
    assert_null(ww_hj212_factor_without_letter(WW_STR("32"), WW_STR("011")));
    assert_null(ww_hj212_factor_without_letter(WW_STR("32"), WW_STR("99999")));
}

static void information_codes_are_found_with_any_part_s_digit(void **state) {
    (void)state;
    assert_string_equal(ww_hj212_info(WW_STR("i12001"))->property, "instrument_state");
    assert_string_equal(ww_hj212_info(WW_STR("I33327"))->property, "furnace_middle_temperature");
    assert_null(ww_hj212_info(WW_STR("i3332x")));
    assert_null(ww_hj212_info(WW_STR("i12")));
    assert_null(ww_hj212_info(WW_STR("")));
}

/* ---- The standard's list, when it is there ---- */

static const char *unit_code(const char *zh) {
    static const char *const units[][2] = {{"毫克/升", "mg/L"},
                                           {"微克/升", "ug/L"},
                                           {"纳克/升", "ng/L"},
                                           {"毫克/立方米", "mg/m3"},
                                           {"微克/立方米", "ug/m3"},
                                           {"纳克/立方米", "ng/m3"},
                                           {"升/秒", "L/s"},
                                           {"立方米/秒", "m3/s"},
                                           {"摄氏度", "degC"},
                                           {"千帕", "kPa"},
                                           {"米/秒", "m/s"},
                                           {"千克", "kg"},
                                           {"克", "g"},
                                           {"毫克", "mg"},
                                           {"立方米", "m3"},
                                           {"分贝", "dB(A)"},
                                           {"微西[门子]/厘米", "uS/cm"},
                                           {"%", "%"},
                                           {"贝可[勒尔]/升", "Bq/L"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i][0], zh) == 0)
            return units[i][1];
    return NULL;
}

/* The fields of a tab-separated line, empty ones too. */
static size_t split(char *line, char *fields[], size_t most) {
    size_t n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; p && n < most; n++) {
        fields[n] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    return n;
}

static void check_standard_row(char *fields[]) {
    const struct ww_hj212_factor *f = ww_hj212_factor(ww_str_of(fields[0]));
    if (!f)
        fail_msg("%s is not in the table", fields[0]);
    if (strcmp(f->old_code, fields[2]) != 0)
        fail_msg("%s: the code of 2005 is \"%s\", not \"%s\"", fields[0], fields[2], f->old_code);
    const char *unit = unit_code(fields[3]), *of_sum = unit_code(fields[4]);
    const char *ours = *f->standard_unit ? f->standard_unit : f->unit;
    if (unit && strcmp(unit, ours) != 0)
        fail_msg("%s: the standard's unit is %s, not %s", fields[0], unit, ours);
    if (of_sum && strcmp(of_sum, f->sum_unit) != 0)
        fail_msg("%s: the standard's sums are in %s, not \"%s\"", fields[0], of_sum, f->sum_unit);
    if (!of_sum && fields[4][0] == '\0' && *f->sum_unit)
        fail_msg("%s: the standard has no sum of it", fields[0]);
}

static void all_factors_of_the_standard_are_there_in_its_units(void **state) {
    (void)state;
    const char *folder = getenv("WW_SHARED_DATA");
    char path[400], *line = NULL, *fields[8];
    size_t room = 0, n = 0;
    (void)snprintf(path, sizeof path, "%s/hj212/factors_2017.tsv",
                   folder ? folder : WW_SOURCE_DIR "/../shared/data");
    FILE *f = fopen(path, "r");
    if (!f) {
        (void)fprintf(stderr, "skipped: %s is not there\n", path);
        skip();
    }
    for (; getline(&line, &room, f) >= 0; n++)
        if (split(line, fields, 8) >= 5 && strcmp(fields[0], "code") != 0)
            check_standard_row(fields);
    free(line);
    (void)fclose(f);
    assert_true(n > 190);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_property_of_the_tables_is_in_the_database_and_every_unit_converts),
        cmocka_unit_test(no_property_is_there_twice),
        cmocka_unit_test(codes_are_found_by_new_and_old_name_in_any_case),
        cmocka_unit_test(a_code_without_its_letter_is_its_station_s),
        cmocka_unit_test(information_codes_are_found_with_any_part_s_digit),
        cmocka_unit_test(all_factors_of_the_standard_are_there_in_its_units),
    };
    return cmocka_run_group_tests(tests, read_migrations, NULL);
}
