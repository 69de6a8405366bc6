/* The JSON writer: commas, escapes, and doubles that read back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"

static void commas_and_colons_place_themselves(void **state) {
    (void)state;
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, 4096);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "stored");
    ww_json_int(&w, -3);
    ww_json_key(&w, "list");
    ww_json_array(&w);
    ww_json_array(&w);
    ww_json_end_array(&w);
    ww_json_bool(&w, 1);
    ww_json_null(&w);
    ww_json_text(&w, NULL);
    ww_json_object(&w);
    ww_json_end_object(&w);
    ww_json_end_array(&w);
    ww_json_key_str(&w, WW_STR("d"));
    ww_json_double(&w, 0.1);
    ww_json_key(&w, "raw");
    ww_json_raw(&w, WW_STR("[1]"));
    ww_json_key(&w, "min");
    ww_json_int(&w, INT64_MIN);
    ww_json_key(&w, "nan");
    ww_json_double(&w, NAN);
    ww_json_end_object(&w);
    assert_int_equal(ww_buf_status(&out), WW_OK);
    assert_string_equal(out.data, "{\"stored\":-3,\"list\":[[],true,null,null,{}],\"d\":0.1,\"raw\":[1],"
                                  "\"min\":-9223372036854775808,\"nan\":null}");
    ww_buf_clear(&out);
}

static void text_is_escaped_and_made_utf8(void **state) {
    (void)state;
    static const struct {
        struct ww_str text;
        const char *json;
    } cases[] = {{{"a\"\\\n\t\x01/", 7}, "\"a\\\"\\\\\\n\\t\\u0001/\""},
                 {{"\0", 1}, "\"\\u0000\""},
                 {{"长寿", 6}, "\"长寿\""},
                 {{"\xFFok\xC3", 4}, "\"\xEF\xBF\xBDok\xEF\xBF\xBD\""},
                 {{"\xED\xA0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
                 {{NULL, 0}, "\"\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_buf out;
        struct ww_json w;
        ww_buf_init(&out, 4096);
        ww_json_init(&w, &out);
        ww_json_str(&w, cases[i].text);
        assert_string_equal(out.data, cases[i].json);
        ww_buf_clear(&out);
    }
}

static void doubles_have_the_fewest_digits(void **state) {
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-41.7, "-41.7"},
                 {0.1, "0.1"},
                 {100, "100"},
                 {107.08446, "107.08446"},
                 {0.0001, "0.0001"},
                 {0.05, "0.05"},
                 {1e14, "100000000000000"},
                 {1e22, "1e22"},
                 {1.5e-7, "1.5e-7"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1.0 / 3, "0.3333333333333333"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e308"},
                 {9007199254740993.0, "9007199254740992"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        int len = ww_double_text(cases[i].v, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, (int)strlen(cases[i].text));
    }
}

static void every_double_reads_back_the_same_and_is_json(void **state) {
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double v;
        if (i % 2)
            v = (double)(int64_t)(seed >> 30) / pow(10, (int)(seed % 12));
        else
            memcpy(&v, &seed, sizeof v);
        if (!isfinite(v))
            continue;
        char text[32];
        int len = ww_double_text(v, text);
        struct ww_json_reader r;
        struct ww_json_event ev;
        ww_json_reader_init(&r, (struct ww_str){text, (size_t)len});
        if (len >= 32 || strtod(text, NULL) != v || ww_json_next(&r, &ev, NULL) != WW_OK ||
            ww_json_next(&r, &ev, NULL) != WW_OK)
            fail_msg("%.17g was written as %s", v, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_place_themselves),
        cmocka_unit_test(text_is_escaped_and_made_utf8),
        cmocka_unit_test(doubles_have_the_fewest_digits),
        cmocka_unit_test(every_double_reads_back_the_same_and_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
