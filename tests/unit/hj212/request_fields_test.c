/* What a host may ask of a station, and what not. */
#include "ingest/hj212/request_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* "A=1;B=2" as fields. */
static enum ww_status check(int cn, const char *text, struct ww_error *err) {
    struct ww_hj212_field fields[WW_HJ212_MAX_FIELDS];
    size_t n = 0;
    for (const char *at = text; *at; n++) {
        size_t name = strcspn(at, "="), value = strcspn(at + name + 1, ";");
        fields[n].name = (struct ww_str){at, name};
        fields[n].value = (struct ww_str){at + name + 1, value};
        at += name + 1 + value;
        at += *at == ';';
    }
    return ww_hj212_request_check(cn, fields, n, err);
}

static const struct {
    int cn;
    const char *fields;
    enum ww_status status;
    const char *field;
} cases[] = {
    {1000, "OverTime=5;ReCount=3", WW_OK, ""},
    {1000, "OverTime=5", WW_BAD_INPUT, "fields.ReCount"},
    {1000, "OverTime=0;ReCount=3", WW_BAD_INPUT, "fields.OverTime"},
    {1000, "OverTime=100;ReCount=3", WW_BAD_INPUT, "fields.OverTime"},
    {1000, "OverTime=5;OverTime=5;ReCount=3", WW_BAD_INPUT, "fields.OverTime"},
    {1011, "", WW_OK, ""},
    {1011, "PolId=w01018", WW_OK, ""},
    {1011, "PolId=", WW_BAD_INPUT, "fields.PolId"},
    {1012, "SystemTime=20261124120000", WW_OK, ""},
    {1012, "SystemTime=20260230120000", WW_BAD_INPUT, "fields.SystemTime"},
    {1012, "SystemTime=20240229120000", WW_OK, ""},
    {1012, "SystemTime=20261124240000", WW_BAD_INPUT, "fields.SystemTime"},
    {1012, "SystemTime=2026112412000", WW_BAD_INPUT, "fields.SystemTime"},
    {1014, "NewSK=0123456789abcdefFEDCBA9876543210", WW_OK, ""},
    {1014, "SKCreateTime=20260101000000;NewSK=0123456789abcdefFEDCBA9876543210", WW_OK, ""},
    {1002, "i23005-Info=DL-0001", WW_OK, ""},
    {1002, "", WW_BAD_INPUT, "fields.i23005-Info"},
    {2013, "BeginTime=20260101000000;EndTime=20260101010000", WW_OK, ""},
    {2052, "BeginTime=20260101000000;EndTime=20260101010000", WW_OK, ""},
    {2062, "BeginTime=20260101020000;EndTime=20260101010000", WW_BAD_INPUT, "fields.EndTime"},
    {3022, "PolId=w01018", WW_OK, ""},
    {3024, "", WW_BAD_INPUT, "fields.PolId"},
    {1014, "NewSK=0123456789abcdefFEDCBA987654321", WW_BAD_INPUT, "fields.NewSK"},
    {1061, "", WW_OK, ""},
    {1061, "RtdInterval=30", WW_BAD_INPUT, "fields.RtdInterval"},
    {1062, "RtdInterval=30", WW_OK, ""},
    {1062, "RtdInterval=3600", WW_OK, ""},
    {1062, "RtdInterval=29", WW_BAD_INPUT, "fields.RtdInterval"},
    {1062, "RtdInterval=3601", WW_BAD_INPUT, "fields.RtdInterval"},
    {1062, "RtdInterval=30s", WW_BAD_INPUT, "fields.RtdInterval"},
    {1064, "MinInterval=12", WW_OK, ""},
    {1064, "MinInterval=7", WW_BAD_INPUT, "fields.MinInterval"},
    {1064, "MinInterval=60", WW_BAD_INPUT, "fields.MinInterval"},
    {1072, "NewPW=654321", WW_OK, ""},
    {1072, "NewPW=a&&b", WW_BAD_INPUT, "fields.NewPW"},
    {2061, "BeginTime=20261101000000;EndTime=20261102000000", WW_OK, ""},
    {2061, "BeginTime=20261103000000;EndTime=20261102000000", WW_BAD_INPUT, "fields.EndTime"},
    {2061, "BeginTime=20261101000000", WW_BAD_INPUT, "fields.EndTime"},
    {3015, "PolId=w01018", WW_OK, ""},
    {3016, "PolId=w01018;CstartTime=080000;Ctime=2", WW_OK, ""},
    {3016, "PolId=w01018;CstartTime=250000;Ctime=2", WW_BAD_INPUT, "fields.CstartTime"},
    {3020, "PolId=w01018;InfoId=i11001;BeginTime=20261101000000", WW_BAD_INPUT, "fields.EndTime"},
    {3021, "PolId=w01018;InfoId=i13004;i13004-Info=168", WW_OK, ""},
    {3021, "PolId=w01018;InfoId=i13004", WW_BAD_INPUT, "fields.-Info"},
    {2081, "", WW_NOT_FOUND, "cn"},
    {9014, "", WW_NOT_FOUND, "cn"},
    {7, "", WW_NOT_FOUND, "cn"},
};

static void requests_are_taken_and_refused_as_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_error err = {0};
        enum ww_status st = check(cases[i].cn, cases[i].fields, &err);
        if (st != cases[i].status || strcmp(err.field, cases[i].field) != 0)
            fail_msg("%d %s: %s, field \"%s\": %s", cases[i].cn, cases[i].fields, ww_status_name(st),
                     err.field, err.message);
        assert_null(strstr(err.value, "0123456789")); /* a key is not repeated in an answer */
    }
}

static void every_command_describes_itself_and_one_line_names_a_range(void **state) {
    (void)state;
    char line[160];
    size_t n = 0;
    bool has_range = false;
    for (; ww_hj212_request_describe(n, line); n++)
        has_range = has_range || strcmp(line, "1062 RtdInterval=30…3600") == 0;
    assert_true(n > 20);
    assert_true(has_range);
}

static void only_passwords_and_keys_are_secret(void **state) {
    (void)state;
    assert_true(ww_hj212_field_is_secret(WW_STR("NewPW")));
    assert_true(ww_hj212_field_is_secret(WW_STR("newsk")));
    assert_false(ww_hj212_field_is_secret(WW_STR("PolId")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_taken_and_refused_as_the_table_says),
        cmocka_unit_test(every_command_describes_itself_and_one_line_names_a_range),
        cmocka_unit_test(only_passwords_and_keys_are_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
