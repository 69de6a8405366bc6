/* gzip and zstd bodies: round trips, pieces, members, bombs, cuts; what Accept-Encoding says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zstd.h>

#include "server/http/body_coding.h"

enum { TEXT_LEN = 300000 };

static struct ww_str make_text(void) {
    char *text = malloc(TEXT_LEN);
    uint32_t x = 1;
    for (size_t i = 0; i < TEXT_LEN; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)('a' + (x >> 28));
    }
    return (struct ww_str){text, TEXT_LEN};
}

static void encode(enum ww_http_coding coding, struct ww_str text, struct ww_buf *out) {
    if (coding == WW_HTTP_GZIP) {
        assert_int_equal(ww_http_gzip(text, out), WW_OK);
        return;
    }
    size_t bound = ZSTD_compressBound(text.len);
    char *to = ww_buf_reserve(out, bound);
    size_t len = ZSTD_compress(to, bound, text.ptr, text.len, 3);
    assert_false(ZSTD_isError(len));
    out->len += len;
}

static enum ww_status decode(enum ww_http_coding coding, struct ww_str wire, size_t piece,
                             struct ww_buf *out) {
    struct ww_http_decoder *d = ww_http_decoder_new(coding);
    enum ww_status st = WW_OK;
    for (size_t at = 0; at < wire.len && st == WW_OK; at += piece) {
        size_t len = wire.len - at < piece ? wire.len - at : piece;
        st = ww_http_decoder_feed(d, (struct ww_str){wire.ptr + at, len}, out, NULL);
    }
    if (st == WW_OK)
        st = ww_http_decoder_end(d, NULL);
    ww_http_decoder_free(d);
    return st;
}

static void two_members_come_out_as_one_text_in_pieces_of_any_size(void **state) {
    (void)state;
    struct ww_str text = make_text();
    for (int coding = WW_HTTP_GZIP; coding <= WW_HTTP_ZSTD; coding++) {
        static const size_t pieces[] = {1, 7, 4096, 1 << 20};
        struct ww_buf wire;
        ww_buf_init(&wire, 1 << 20);
        encode((enum ww_http_coding)coding, text, &wire);
        encode((enum ww_http_coding)coding, text, &wire);
        for (size_t i = 0; i < 4; i++) {
            struct ww_buf out;
            ww_buf_init(&out, 2 * TEXT_LEN); /* exactly full */
            assert_int_equal(decode((enum ww_http_coding)coding, ww_buf_str(&wire), pieces[i], &out), WW_OK);
            assert_int_equal(out.len, 2 * TEXT_LEN);
            assert_memory_equal(out.data, text.ptr, TEXT_LEN);
            assert_memory_equal(out.data + TEXT_LEN, text.ptr, TEXT_LEN);
            ww_buf_clear(&out);
        }
        ww_buf_clear(&wire);
    }
    free((char *)(uintptr_t)text.ptr);
}

static void one_byte_over_the_ceiling_is_too_large(void **state) {
    (void)state;
    struct ww_str text = make_text();
    for (int coding = WW_HTTP_GZIP; coding <= WW_HTTP_ZSTD; coding++) {
        struct ww_buf wire, out;
        ww_buf_init(&wire, 1 << 20);
        ww_buf_init(&out, TEXT_LEN - 1);
        encode((enum ww_http_coding)coding, text, &wire);
        assert_int_equal(decode((enum ww_http_coding)coding, ww_buf_str(&wire), 1 << 20, &out), WW_TOO_LARGE);
        assert_in_range(out.cap, 0, TEXT_LEN);
        ww_buf_clear(&wire);
        ww_buf_clear(&out);
    }
    free((char *)(uintptr_t)text.ptr);
}

static void a_body_cut_short_or_followed_by_junk_is_bad(void **state) {
    (void)state;
    for (int coding = WW_HTTP_GZIP; coding <= WW_HTTP_ZSTD; coding++) {
        struct ww_buf wire, out;
        ww_buf_init(&wire, 1 << 20);
        encode((enum ww_http_coding)coding, WW_STR("hello, hello, hello"), &wire);
        for (size_t len = 1; len < wire.len; len++) {
            ww_buf_init(&out, 1000);
            assert_int_equal(decode((enum ww_http_coding)coding, (struct ww_str){wire.data, len}, 1000, &out),
                             WW_BAD_INPUT);
            ww_buf_clear(&out);
        }
        ww_buf_text(&wire, "junk");
        ww_buf_init(&out, 1000);
        assert_int_equal(decode((enum ww_http_coding)coding, ww_buf_str(&wire), 1000, &out), WW_BAD_INPUT);
        ww_buf_clear(&out);
        ww_buf_clear(&wire);
    }
}

static void a_zstd_window_above_eight_mebibytes_is_bad(void **state) {
    (void)state;
    /* Magic, descriptor without single segment, window descriptor exponent 14 (16 MiB), last raw block of 0.
     */
    static const char wide[] = "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00";
    static const char narrow[] = "\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00"; /* 8 MiB */
    struct ww_buf out;
    ww_buf_init(&out, 1000);
    assert_int_equal(decode(WW_HTTP_ZSTD, (struct ww_str){wide, 9}, 9, &out), WW_BAD_INPUT);
    assert_int_equal(decode(WW_HTTP_ZSTD, (struct ww_str){narrow, 9}, 9, &out), WW_OK);
    ww_buf_clear(&out);
}

static void a_zstd_frame_with_a_false_content_size_is_bad_in_any_pieces(void **state) {
    (void)state;
    /* States 258 bytes, holds none. */
    static const char lying[] = "\x28\xb5\x2f\xfd\x40\x40\x02\x00\x01\x00\x00";
    for (size_t piece = 1; piece <= 11; piece++) {
        struct ww_buf out;
        ww_buf_init(&out, 1000);
        assert_int_equal(decode(WW_HTTP_ZSTD, (struct ww_str){lying, 11}, piece, &out), WW_BAD_INPUT);
        ww_buf_clear(&out);
    }
}

static void zstd_formats_from_before_the_standard_are_bad(void **state) {
    (void)state;
    static const char old[] = "\x25\xb5\x2f\xfd\x01\xe3\x00\x90";
    for (size_t piece = 1; piece <= 8; piece++) {
        struct ww_buf out;
        ww_buf_init(&out, 1000);
        assert_int_equal(decode(WW_HTTP_ZSTD, (struct ww_str){old, 8}, piece, &out), WW_BAD_INPUT);
        assert_int_equal(out.len, 0);
        ww_buf_clear(&out);
    }
}

static void accept_encoding_is_read_with_its_weights(void **state) {
    (void)state;
    assert_true(ww_http_accepts_gzip(WW_STR("gzip")));
    assert_true(ww_http_accepts_gzip(WW_STR("deflate, GZIP;q=0.5, br")));
    assert_true(ww_http_accepts_gzip(WW_STR("br;q=1, *;q=0.1")));
    assert_false(ww_http_accepts_gzip(WW_STR("")));
    assert_false(ww_http_accepts_gzip(WW_STR("br, deflate")));
    assert_false(ww_http_accepts_gzip(WW_STR("gzip;q=0, *")));
    assert_false(ww_http_accepts_gzip(WW_STR("gzip; q=0.000")));
    assert_false(ww_http_accepts_gzip(WW_STR("*;q=0")));
    assert_false(ww_http_accepts_gzip(WW_STR("gzippy")));
}

static void content_encodings_are_known_by_name_only(void **state) {
    (void)state;
    assert_int_equal(ww_http_coding_of(WW_STR("")), WW_HTTP_IDENTITY);
    assert_int_equal(ww_http_coding_of(WW_STR("X-Gzip")), WW_HTTP_GZIP);
    assert_int_equal(ww_http_coding_of(WW_STR("zstd")), WW_HTTP_ZSTD);
    assert_int_equal(ww_http_coding_of(WW_STR("gzip, gzip")), WW_HTTP_CODING_UNKNOWN);
    assert_int_equal(ww_http_coding_of(WW_STR("br")), WW_HTTP_CODING_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_members_come_out_as_one_text_in_pieces_of_any_size),
        cmocka_unit_test(one_byte_over_the_ceiling_is_too_large),
        cmocka_unit_test(a_body_cut_short_or_followed_by_junk_is_bad),
        cmocka_unit_test(a_zstd_window_above_eight_mebibytes_is_bad),
        cmocka_unit_test(a_zstd_frame_with_a_false_content_size_is_bad_in_any_pieces),
        cmocka_unit_test(zstd_formats_from_before_the_standard_are_bad),
        cmocka_unit_test(accept_encoding_is_read_with_its_weights),
        cmocka_unit_test(content_encodings_are_known_by_name_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
