/* Moments: tests/data/instant.cases line by line, and what the case file cannot say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "geo/instant.h"

#define CASE_FILE WW_SOURCE_DIR "/tests/data/instant.cases"

struct test_case {
    struct ww_str kind, text, zone, expected, extra;
};

static struct ww_str next_column(struct ww_str *rest) {
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '|') {
        len++;
    }
    struct ww_str column = ww_str_trim((struct ww_str){rest->ptr, len});
    len += len < rest->len;
    *rest = (struct ww_str){rest->ptr + len, rest->len - len};
    return column;
}

static struct ww_zone *open_zone(const char *name) {
    struct ww_zone *zone = NULL;
    struct ww_error err;
    if (ww_zone_open(ww_str_of(name), &zone, &err) != WW_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    return zone;
}

static struct ww_zone *zone_of_case(const struct test_case *c) {
    char name[80];
    if (ww_str_is(c->zone, "-")) {
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%.*s", WW_STR_ARG(c->zone));
    return open_zone(name);
}

static enum ww_status run_case(const struct test_case *c, const struct ww_zone *zone, char got[40]) {
    struct ww_error err;
    char extra[80];
    int64_t at = 0;
    enum ww_status status = WW_OK;
    (void)snprintf(extra, sizeof extra, "%.*s", WW_STR_ARG(c->extra));
    if (ww_str_is(c->kind, "format")) {
        status = ww_instant_parse_format(c->text, extra, zone, &at, &err);
    } else {
        status = ww_instant_parse(c->text, ww_str_is(c->kind, "parse") ? zone : NULL, &at, &err);
    }
    if (ww_str_is(c->kind, "civil")) {
        struct ww_civil v = ww_instant_to_civil(at, zone);
        (void)snprintf(got, 40, "%04d-%02d-%02d %02d:%02d:%02d.%06d", v.year % 10000, v.month % 100,
                       v.day % 100, v.hour % 100, v.minute % 100, v.second % 100, v.microsecond % 1000000);
        return status;
    }
    if (ww_str_is(c->kind, "bucket")) {
        at = ww_instant_bucket(at, atoll(extra) * WW_SECOND_US, zone);
        assert_int_equal(ww_instant_bucket(at, atoll(extra) * WW_SECOND_US, zone), at);
    }
    if (status == WW_OK) {
        int len = ww_instant_text(at, got);
        assert_int_equal(len, strlen(got));
    } else {
        (void)snprintf(got, 40, "error");
        assert_int_equal(err.status, WW_BAD_INPUT);
        assert_true(err.message[0] != '\0');
    }
    return status;
}

static void every_line_of_the_case_file_holds(void **state) {
    (void)state;
    FILE *file = fopen(CASE_FILE, "re");
    assert_non_null(file);
    char line[512];
    int cases = 0;
    int wrong = 0;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        struct ww_str rest = ww_str_trim(ww_str_of(line));
        if (rest.len == 0 || rest.ptr[0] == '#') {
            continue;
        }
        struct test_case c = {.kind = next_column(&rest)};
        c.text = next_column(&rest);
        c.zone = next_column(&rest);
        c.expected = next_column(&rest);
        c.extra = next_column(&rest);
        char got[40] = "";
        struct ww_zone *zone = zone_of_case(&c);
        (void)run_case(&c, zone, got);
        ww_zone_close(zone);
        cases++;
        if (!ww_str_is(c.expected, got)) {
            wrong++;
            print_error("line %d: expected %.*s, got %s\n", number, WW_STR_ARG(c.expected), got);
        }
    }
    (void)fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(cases > 100);
}

static void a_zone_name_that_leads_elsewhere_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "../../etc/passwd", "/etc/localtime", "Asia/../UTC", "Asia/Shang hai", "", "Asia/Sh\xc3\xa4nghai"};
    struct ww_zone *zone = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(ww_zone_open(ww_str_of(names[i]), &zone, NULL), WW_BAD_INPUT);
    }
    assert_int_equal(ww_zone_open(WW_STR("Asia"), &zone, NULL), WW_NOT_FOUND);
    assert_int_equal(ww_zone_open(WW_STR("Asia/Nowhere"), &zone, NULL), WW_NOT_FOUND);
    assert_int_equal(ww_zone_open(WW_STR("zone.tab"), &zone, NULL), WW_BAD_INPUT);
    assert_null(zone);
}

/* glibc reads the same files with code of its own. */
static void offsets_are_those_of_the_c_library(void **state) {
    (void)state;
    static const char *const names[] = {"Asia/Shanghai",    "America/New_York",  "Europe/Dublin",
                                        "Australia/Sydney", "America/Sao_Paulo", "Africa/Casablanca",
                                        "Pacific/Apia",     "America/Nuuk",      "Antarctica/Troll"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ww_zone *zone = open_zone(names[i]);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        /* 1930 … 2120 in odd steps of about 31 h */
        for (int64_t s = -1262304000; s < INT64_C(4733510400); s += 111111) {
            time_t t = (time_t)s;
            struct tm tm;
            assert_non_null(localtime_r(&t, &tm));
            if (ww_zone_offset_s(zone, s * WW_SECOND_US) != tm.tm_gmtoff) {
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long)s,
                         ww_zone_offset_s(zone, s * WW_SECOND_US), tm.tm_gmtoff);
            }
        }
        ww_zone_close(zone);
    }
    assert_int_equal(unsetenv("TZ"), 0);
}

static void text_and_civil_time_lead_back_to_the_moment(void **state) {
    (void)state;
    struct ww_zone *zone = open_zone("Asia/Shanghai");
    uint64_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        /* from 1993, when clocks there stopped being changed, to 9998 */
        int64_t at = INT64_C(725846400000000) + (int64_t)((seed >> 8) % UINT64_C(252600000000000000));
        char text[40];
        int64_t back = 0;
        int len = ww_instant_text(at, text);
        assert_int_equal(ww_instant_parse((struct ww_str){text, (size_t)len}, zone, &back, NULL), WW_OK);
        assert_int_equal(back, at);
        struct ww_civil civil = ww_instant_to_civil(at, zone);
        assert_int_equal(ww_civil_to_instant(&civil, zone, &back, NULL), WW_OK);
        assert_int_equal(back, at);
    }
    ww_zone_close(zone);
}

/* The oracle walks second by second backwards to where the local label of the bucket changes. */
static void buckets_tile_time_on_days_when_clocks_change(void **state) {
    (void)state;
    static const char *const names[] = {"America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe"};
    static const int64_t lengths_s[] = {1800, 3600, 10800, 28800, 86400};
    for (size_t z = 0; z < 3; z++) {
        struct ww_zone *zone = open_zone(names[z]);
        for (size_t l = 0; l < 5; l++) {
            int64_t before = WW_INSTANT_NONE;
            /* 2018 in steps of ten minutes */
            for (int64_t s = 1514764800; s < 1546300800; s += 600) {
                int64_t start = ww_instant_bucket(s * WW_SECOND_US, lengths_s[l] * WW_SECOND_US, zone);
                assert_true(start <= s * WW_SECOND_US);
                assert_true(start >= before);
                assert_true(s * WW_SECOND_US - start < (lengths_s[l] + 3600) * WW_SECOND_US);
                assert_int_equal(ww_instant_bucket(start, lengths_s[l] * WW_SECOND_US, zone), start);
                assert_true(before == WW_INSTANT_NONE || start == before ||
                            (start > (s - 600) * WW_SECOND_US && start <= s * WW_SECOND_US));
                before = start;
            }
        }
        ww_zone_close(zone);
    }
}

/* São Paulo's clocks skipped midnight until 2018, Shanghai's of 1986 did not. */
static void a_local_day_begins_where_its_moments_begin(void **state) {
    (void)state;
    const char *const names[] = {"UTC", "Asia/Shanghai", "America/Sao_Paulo", "America/New_York"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct ww_zone *zone;
        assert_int_equal(ww_zone_open(ww_str_of(names[n]), &zone, NULL), WW_OK);
        for (int64_t day = -400; day < 18000; day++) {
            int64_t start = ww_day_start(day, zone);
            assert_int_equal(ww_instant_day(start, zone), day);
            assert_int_equal(ww_instant_day(start - 1, zone), day - 1);
        }
        ww_zone_close(zone);
    }
    assert_int_equal(ww_instant_day(-1, NULL), -1);
    assert_int_equal(ww_day_start(-1, NULL), -WW_DAY_US);
}

static void a_cut_or_changed_text_never_reads_past_its_end(void **state) {
    (void)state;
    static const char whole[] = "2026-11-23T01:02:03.5+08:00";
    for (size_t len = 0; len < sizeof whole; len++) {
        for (int c = 0; c < 256; c++) {
            char *exact = malloc(len + 1); /* its end is the end that the sanitizer guards */
            assert_non_null(exact);
            memcpy(exact, whole, len);
            exact[len] = (char)c;
            int64_t at = 0;
            struct ww_error err;
            enum ww_status status = ww_instant_parse((struct ww_str){exact, len + 1}, NULL, &at, &err);
            assert_true(status == WW_OK || status == WW_BAD_INPUT);
            free(exact);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_case_file_holds),
        cmocka_unit_test(a_zone_name_that_leads_elsewhere_is_refused),
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(text_and_civil_time_lead_back_to_the_moment),
        cmocka_unit_test(buckets_tile_time_on_days_when_clocks_change),
        cmocka_unit_test(a_local_day_begins_where_its_moments_begin),
        cmocka_unit_test(a_cut_or_changed_text_never_reads_past_its_end),
    };
    return cmocka_run_group_tests_name("instant", tests, NULL, NULL);
}
