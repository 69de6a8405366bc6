/* A CSV register of stations, and what people say about one, without a database. */
#include "server/station_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/station_body.h"

static void a_register_becomes_rows_with_their_lines(void **state) {
    (void)state;
    struct ww_buf out;
    struct ww_error err;
    uint64_t n;
    ww_buf_init(&out, 1 << 20);
    assert_int_equal(ww_station_file_read(WW_STR("feed,mn,lat,lon,name_zh,enabled\r\n"
                                                 "hj, A1 ,29.5,107,\"two\nlines, \"\"q\"\"\",false\n"
                                                 "\n"
                                                 "hj,A2,,,,\n"),
                                          &out, &n, &err),
                     WW_OK);
    assert_int_equal(n, 2);
    assert_string_equal(out.data,
                        "[{\"mn\":\"A1\",\"line\":2,\"feed\":\"hj\",\"enabled\":false,\"thing\":{\"name_zh\":"
                        "\"two\\nlines, \\\"q\\\"\",\"place\":[107,29.5]}},"
                        "{\"mn\":\"A2\",\"line\":5,\"feed\":\"hj\"}]");
    ww_buf_clear(&out);
}

static void errors_do_not_repeat_a_key_or_a_password(void **state) {
    (void)state;
    static const char *const rows[] = {"A1,hj,SECRET;X,", "A1,hj,,SECRETKEY"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        struct ww_buf out;
        struct ww_error err;
        uint64_t n;
        strcpy(text, "mn,feed,password,sm4_key\n");
        strcat(text, rows[i]);
        ww_buf_init(&out, 1 << 20);
        assert_int_equal(ww_station_file_read(ww_str_of(text), &out, &n, &err), WW_BAD_INPUT);
        assert_int_equal(err.line, 2);
        assert_null(strstr(err.message, "SECRET"));
        assert_null(strstr(err.value, "SECRET"));
        ww_buf_clear(&out);
    }
}

static void fields_keep_their_order_and_numbers_their_digits(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_station_command command;
    struct ww_buf out;
    struct ww_json json;
    struct ww_error err;
    ww_buf_init(&out, 1 << 20);
    ww_json_init(&json, &out);
    assert_int_equal(
        ww_station_command_read(
            arena, WW_STR("{\"fields\":[[\"ReCount\",\"3\"],[\"OverTime\",5]],\"cn\":1000}"), &command, &err),
        WW_OK);
    ww_station_fields_write(&command, &json);
    assert_string_equal(out.data, "[[\"ReCount\",\"3\"],[\"OverTime\",\"5\"]]");
    ww_buf_clear(&out);
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_register_becomes_rows_with_their_lines),
        cmocka_unit_test(errors_do_not_repeat_a_key_or_a_password),
        cmocka_unit_test(fields_keep_their_order_and_numbers_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
