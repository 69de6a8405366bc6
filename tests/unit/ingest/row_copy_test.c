/* Rows for COPY: decoded again field by field, and texts that PostgreSQL would refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "geo/instant.h"
#include "ingest/row_copy.h"

struct fields {
    int count;
    struct ww_str field[20];
    bool is_null[20];
};

static uint32_t be32(const char *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}

static int64_t be64(struct ww_str field) {
    uint64_t v;
    assert_int_equal(field.len, 8);
    memcpy(&v, field.ptr, 8);
    return (int64_t)__builtin_bswap64(v);
}

/* The one row of a COPY stream, from its header to its end mark. */
static struct fields read_row(struct ww_buf *out) {
    struct fields f = {0};
    ww_copy_end(out);
    assert_int_equal(ww_buf_status(out), WW_OK);
    assert_memory_equal(out->data, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    const char *p = out->data + 19;
    f.count = (unsigned char)p[1];
    p += 2;
    for (int i = 0; i < f.count; i++) {
        uint32_t len = be32(p);
        p += 4;
        f.is_null[i] = len == UINT32_MAX;
        f.field[i] = (struct ww_str){p, f.is_null[i] ? 0 : len};
        p += f.field[i].len;
    }
    assert_ptr_equal(p + 2, out->data + out->len);
    assert_memory_equal(p, "\377\377", 2);
    return f;
}

static const int64_t noon_us = (INT64_C(946684800) + 12 * 3600) * WW_SECOND_US; /* 2000-01-01T12:00:00Z */

static void an_observation_is_read_again_as_it_was(void **state) {
    (void)state;
    struct ww_buf out;
    ww_buf_init(&out, 1 << 16);
    ww_copy_begin(&out);
    struct ww_copy_observation row = {.datastream_id = 5,
                                      .time_us = noon_us,
                                      .raw_message_id = 1 << 20,
                                      .value = -2.5,
                                      .interval_s = 3600,
                                      .ward_id = 9,
                                      .flag = 'C',
                                      .detail = WW_STR("{\"a\":1}")};
    ww_copy_observation(&out, &row);
    struct fields f = read_row(&out);
    assert_int_equal(f.count, 10);
    assert_int_equal(be64(f.field[0]), 5);
    assert_int_equal(be64(f.field[1]), 12 * 3600 * WW_SECOND_US);
    assert_int_equal(be64(f.field[2]), 1 << 20);
    assert_true(f.is_null[3]);
    double value;
    int64_t bits = be64(f.field[4]);
    memcpy(&value, &bits, 8);
    assert_true(value == -2.5);
    assert_int_equal(be32(f.field[5].ptr), 3600);
    assert_int_equal(be32(f.field[6].ptr), 9);
    assert_int_equal(f.field[7].len, 2); /* version 1 */
    assert_memory_equal(f.field[7].ptr, "\0\1", 2);
    assert_true(ww_str_is(f.field[8], "C"));
    assert_true(ww_str_is(f.field[9], "\1{\"a\":1}"));
    ww_buf_clear(&out);
}

static void a_staged_row_carries_its_ordinal_and_what_is_missing_is_null(void **state) {
    (void)state;
    struct ww_buf out;
    ww_buf_init(&out, 1 << 16);
    ww_copy_begin(&out);
    struct ww_copy_observation row = {.datastream_id = 5, .time_us = 0, .foi_id = 77, .flag = 'N'};
    ww_copy_stage(&out, &row, 4, true);
    struct fields f = read_row(&out);
    assert_int_equal(be64(f.field[3]), 77);
    assert_true(f.is_null[6] && f.is_null[9]);
    assert_int_equal(be32(f.field[7].ptr), 4);
    ww_buf_clear(&out);
}

/* What the reason of a dead letter becomes in the database. */
static void check_reason(const char *reason, const char *wanted) {
    struct ww_buf out;
    ww_buf_init(&out, 1 << 16);
    ww_copy_begin(&out);
    struct ww_dead_row row = {.line = 3, .column = 4, .raw = WW_STR("\377\0raw")};
    strcpy(row.field, "thing");
    strcpy(row.reason, reason);
    ww_copy_dead_letter(&out, 1, 2, &row, WW_STR("h\377"), WW_STR("text/csv; x=\377"));
    struct fields f = read_row(&out);
    assert_int_equal(f.count, 9);
    assert_int_equal(be64(f.field[2]), 3);
    assert_int_equal(be64(f.field[3]), 4);
    assert_true(ww_str_is(f.field[4], "thing"));
    assert_true(ww_str_is_utf8(f.field[5]));
    assert_true(ww_str_is(f.field[5], wanted));
    assert_true(ww_str_eq(f.field[6], WW_STR("\377\0raw"))); /* bytea: as it was */
    assert_true(ww_str_eq(f.field[7], WW_STR("h\377")));
    assert_true(ww_str_is(f.field[8], "text/csv; x=?"));
    ww_buf_clear(&out);
}

static void a_text_cut_inside_a_character_cannot_fail_the_copy(void **state) {
    (void)state;
    check_reason("unknown thing \"街\"", "unknown thing \"街\"");
    check_reason("unknown thing \"街\xE9\x95", "unknown thing \"街??");
    check_reason("unit \"\xE9\" is unknown, 镇", "unit \"?\" is unknown, 镇");
    check_reason("\xED\xA0\x80\xC0\xAF\xF5", "??????"); /* a surrogate, an overlong form, beyond Unicode */
    check_reason("", "");
}

static void a_zero_byte_in_a_content_type_cannot_fail_the_copy(void **state) {
    (void)state;
    struct ww_buf out;
    ww_buf_init(&out, 1 << 16);
    ww_copy_begin(&out);
    struct ww_copy_raw_message row = {.id = 1,
                                      .feed_id = 2,
                                      .peer = "10.0.0.1",
                                      .content_type = WW_STR("a\0b"),
                                      .sha256 = WW_STR("\0\1"),
                                      .received = 3,
                                      .stored = 1,
                                      .duplicates = 1,
                                      .dead = 1,
                                      .deviations = 0x10004};
    ww_copy_raw_message(&out, &row);
    struct fields f = read_row(&out);
    assert_int_equal(f.count, 15);
    assert_true(f.is_null[4] && f.is_null[13]);
    assert_true(ww_str_eq(f.field[14], WW_STR("\0\1\0\4")));
    assert_true(ww_str_is(f.field[5], "a?b"));
    assert_true(ww_str_eq(f.field[6], WW_STR("\0\1")));
    ww_buf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_observation_is_read_again_as_it_was),
        cmocka_unit_test(a_staged_row_carries_its_ordinal_and_what_is_missing_is_null),
        cmocka_unit_test(a_text_cut_inside_a_character_cannot_fail_the_copy),
        cmocka_unit_test(a_zero_byte_in_a_content_type_cannot_fail_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
