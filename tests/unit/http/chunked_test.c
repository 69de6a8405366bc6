/* The chunked coding: payload, strictness, bounds, in whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/base/buf.h"
#include "server/http/chunked.h"

static const struct {
    const char *name, *wire;
    const char *payload; /* NULL: refused */
} cases[] = {
    {"an empty body", "0\r\n\r\n", ""},
    {"two chunks", "4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n", "wikipedia"},
    {"hex digits of both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
    {"leading zeros", "0004\r\nwiki\r\n000\r\n\r\n", "wiki"},
    {"an extension", "4;a=b;c=\"d e\"\r\nwiki\r\n0;last\r\n\r\n", "wiki"},
    {"trailers", "4\r\nwiki\r\n0\r\nA: b\r\nC:\r\n\r\n", "wiki"},
    {"a payload of CRLFs", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
    {"a hex prefix", "0x4\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a sign", "+4\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a minus", "-4\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a space before the size", " 4\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a space after the size", "4 \r\nwiki\r\n0\r\n\r\n", NULL},
    {"a space before an extension", "4 ;a\r\nwiki\r\n0\r\n\r\n", NULL},
    {"no size", "\r\nwiki\r\n0\r\n\r\n", NULL},
    {"only an extension", ";a\r\n\r\n", NULL},
    {"junk after the size", "4g\r\nwiki\r\n0\r\n\r\n", NULL},
    {"nine digits", "000000004\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a size that would wrap", "10000000000000004\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a bare LF after the size", "4\nwiki\r\n0\r\n\r\n", NULL},
    {"a bare LF after the data", "4\r\nwiki\n0\r\n\r\n", NULL},
    {"a bare CR after the size", "4\rwiki\r\n0\r\n\r\n", NULL},
    {"a bare LF in an extension", "4;a\nwiki\r\n0\r\n\r\n", NULL},
    {"a bare CR in an extension", "4;a\rb\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a size that is too small", "3\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a size that is too large", "5\r\nwiki\r\n0\r\n\r\n", NULL},
    {"a bare LF at the end", "0\r\n\n", NULL},
    {"a trailer with a space before the colon", "0\r\nA : b\r\n\r\n", NULL},
    {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", NULL},
    {"a trailer that ends in LF", "0\r\nA: b\n\r\n", NULL},
    {"a trailer with a control byte", "0\r\nA: \x01\r\n\r\n", NULL},
};

static enum ww_http_parse decode(struct ww_str in, size_t piece_len, struct ww_buf *out, size_t *total) {
    struct ww_http_chunked c;
    enum ww_http_parse result = WW_HTTP_MORE;
    ww_http_chunked_init(&c);
    *total = 0;
    while (*total < in.len && result == WW_HTTP_MORE) {
        size_t used, len = in.len - *total < piece_len ? in.len - *total : piece_len;
        struct ww_str data;
        result = ww_http_chunked_feed(&c, (struct ww_str){in.ptr + *total, len}, &used, &data);
        ww_buf_str_add(out, data);
        *total += used;
    }
    return result;
}

static void each_form_is_decoded_or_refused_as_the_table_says(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 1; piece < 100; piece += 7) {
            struct ww_buf out;
            size_t used;
            ww_buf_init(&out, 1000);
            struct ww_str wire = ww_str_of(cases[i].wire);
            enum ww_http_parse got = decode(wire, piece, &out, &used);
            bool good = got == (cases[i].payload ? WW_HTTP_DONE : WW_HTTP_REFUSED);
            if (good && cases[i].payload)
                good = used == wire.len && ww_str_is(ww_buf_str(&out), cases[i].payload);
            if (!good) {
                print_error("%s in pieces of %zu: %d\n", cases[i].name, piece, got);
                wrong++;
            }
            ww_buf_clear(&out);
        }
    }
    assert_int_equal(wrong, 0);
}

static void bytes_after_the_end_are_left_for_the_next_request(void **state) {
    (void)state;
    struct ww_buf out;
    size_t used;
    ww_buf_init(&out, 1000);
    assert_int_equal(decode(WW_STR("1\r\nx\r\n0\r\n\r\nGET /"), 1000, &out, &used), WW_HTTP_DONE);
    assert_int_equal(used, 11);
    ww_buf_clear(&out);
}

/* `start`, then `unit` repeated `times`: still asking for more? */
static enum ww_http_parse repeat(const char *start, const char *unit, int times) {
    struct ww_buf wire, out;
    size_t used;
    ww_buf_init(&wire, 1 << 20);
    ww_buf_init(&out, 1 << 20);
    ww_buf_text(&wire, start);
    for (int i = 0; i < times; i++)
        ww_buf_text(&wire, unit);
    enum ww_http_parse got = decode(ww_buf_str(&wire), 4096, &out, &used);
    ww_buf_clear(&wire);
    ww_buf_clear(&out);
    return got;
}

static void extensions_and_trailers_are_bounded_over_the_whole_body(void **state) {
    (void)state;
    assert_int_equal(repeat("1;", "e", 1024), WW_HTTP_MORE);
    assert_int_equal(repeat("1;", "e", 1025), WW_HTTP_REFUSED);
    assert_int_equal(repeat("", "1;ee\r\nx\r\n", 300), WW_HTTP_MORE);
    assert_int_equal(repeat("", "1;ee\r\nx\r\n", 600), WW_HTTP_REFUSED);
    assert_int_equal(repeat("0\r\n", "A: b\r\n", 20), WW_HTTP_MORE);
    assert_int_equal(repeat("0\r\n", "A: b\r\n", 21), WW_HTTP_REFUSED);
    assert_int_equal(repeat("0\r\nA:", "b", 4096 - 2), WW_HTTP_MORE);
    assert_int_equal(repeat("0\r\nA:", "b", 4096 - 1), WW_HTTP_REFUSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_decoded_or_refused_as_the_table_says),
        cmocka_unit_test(bytes_after_the_end_are_left_for_the_next_request),
        cmocka_unit_test(extensions_and_trailers_are_bounded_over_the_whole_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
