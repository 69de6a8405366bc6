/* The request head: what is taken, what is refused with which status, in whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/http/head_parser.h"

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct {
    const char *name;
    const char *head;
    int status; /* 0: taken */
} cases[] = {
    {"a plain GET", GET "\r\n", 0},
    {"one empty line before the request", "\r\n" GET "\r\n", 0},
    {"two empty lines before the request", "\r\n\r\n" GET "\r\n", 400},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
    {"HTTP/1.1 without Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
    {"two Hosts", GET "Host: a\r\n\r\n", 400},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    {"a Host list", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"a Host with port", "GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n", 0},
    {"a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", 400},
    {"an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
    {"two equal Content-Lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"two different Content-Lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {"a Content-Length list", POST "Content-Length: 5, 5\r\n\r\n", 400},
    {"a signed Content-Length", POST "Content-Length: +5\r\n\r\n", 400},
    {"a negative Content-Length", POST "Content-Length: -5\r\n\r\n", 400},
    {"a hexadecimal Content-Length", POST "Content-Length: 0x5\r\n\r\n", 400},
    {"an empty Content-Length", POST "Content-Length:\r\n\r\n", 400},
    {"a Content-Length with a space inside", POST "Content-Length: 5 5\r\n\r\n", 400},
    {"a Content-Length of 30 digits", POST "Content-Length: 999999999999999999999999999999\r\n\r\n", 400},
    {"Content-Length beside chunked", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunked beside Content-Length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"chunked", POST "Transfer-Encoding: chunked\r\n\r\n", 0},
    {"Chunked in capitals", POST "TRANSFER-ENCODING: Chunked\r\n\r\n", 0},
    {"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 400},
    {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
    {"chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"identity", POST "Transfer-Encoding: identity\r\n\r\n", 400},
    {"a quoted chunked", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
    {"an empty Transfer-Encoding", POST "Transfer-Encoding:\r\n\r\n", 400},
    {"vertical tab before chunked",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     400},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"a space before the colon", POST "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"a tab before the colon", POST "Content-Length\t: 5\r\n\r\n", 400},
    {"a space before the name", POST " Content-Length: 5\r\n\r\n", 400},
    {"a folded header", GET "A: b\r\n c\r\n\r\n", 400},
    {"a header folded with a tab", GET "A: b\r\n\tc\r\n\r\n", 400},
    {"a header without colon", GET "Abc\r\n\r\n", 400},
    {"an empty header name", GET ": b\r\n\r\n", 400},
    {"a bare LF in the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"a bare LF after a header", "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n", 400},
    {"a bare LF at the end", GET "\n", 400},
    {"a bare CR in a value", GET "A: b\rc\r\n\r\n", 400},
    {"a bare CR at the end", GET "\rX", 400},
    {"a control byte in a value", GET "A: b\x01\r\n\r\n", 400},
    {"DEL in a value", GET "A: b\x7f\r\n\r\n", 400},
    {"a control byte in the target", "GET /\x02 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"UTF-8 in a value", GET "A: \xe5\x8c\xba\r\n\r\n", 0},
    {"UTF-8 bare in the target", "GET /\xe5\x8c\xba HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"no version", "GET /\r\n\r\n", 400},
    {"a long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
    {"a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
    {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"a TLS hello", "\x16\x03\x01\x02", 400},
    {"an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"a lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501},
    {"an endless method", "AAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n", 400},
    {"Expect: 100-continue", POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", 0},
    {"another expectation", POST "Expect: tea\r\n\r\n", 417},
    {"two Authorizations", GET "Authorization: a\r\nAuthorization: b\r\n\r\n", 400},
    {"two Accepts", GET "Accept: a\r\nAccept: b\r\n\r\n", 0},
};

static enum ww_http_parse feed_whole(struct ww_http_head_parser *p, struct ww_str in, size_t *used) {
    ww_http_head_parser_init(p, 16 << 10, 100);
    return ww_http_head_feed(p, in, used);
}

static enum ww_http_parse feed_bytes(struct ww_http_head_parser *p, struct ww_str in, size_t *used) {
    enum ww_http_parse result = WW_HTTP_MORE;
    ww_http_head_parser_init(p, 16 << 10, 100);
    for (*used = 0; *used < in.len && result == WW_HTTP_MORE;) {
        size_t one;
        result = ww_http_head_feed(p, (struct ww_str){in.ptr + *used, 1}, &one);
        *used += one;
    }
    return result;
}

static void each_form_is_taken_or_refused_as_the_table_says(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_str in = ww_str_of(cases[i].head);
        for (int bytewise = 0; bytewise < 2; bytewise++) {
            struct ww_http_head_parser p;
            size_t used;
            enum ww_http_parse got = bytewise ? feed_bytes(&p, in, &used) : feed_whole(&p, in, &used);
            enum ww_http_parse expected = cases[i].status ? WW_HTTP_REFUSED : WW_HTTP_DONE;
            if (got != expected || p.refused_status != cases[i].status ||
                (!cases[i].status && used != in.len)) {
                print_error("%s%s: got %d status %d (%s)\n", cases[i].name, bytewise ? ", byte by byte" : "",
                            got, p.refused_status, p.refused_why ? p.refused_why : "");
                wrong++;
            }
            ww_http_head_parser_clear(&p);
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state) {
    (void)state;
    static const char head[] = "GET /abc HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    for (size_t at = 0; at + 1 < sizeof head; at++) {
        char copy[sizeof head];
        struct ww_http_head_parser p;
        size_t used;
        memcpy(copy, head, sizeof head);
        copy[at] = '\0';
        assert_int_equal(feed_whole(&p, (struct ww_str){copy, sizeof head - 1}, &used), WW_HTTP_REFUSED);
        assert_int_equal(p.refused_status, 400);
        ww_http_head_parser_clear(&p);
    }
}

static void the_views_say_what_was_sent(void **state) {
    (void)state;
    struct ww_http_head_parser p;
    size_t used;
    struct ww_str in = WW_STR("\r\nPOST /a?b=c HTTP/1.1\r\nHost: h:1\r\nX-Note: \t two words \t\r\nEmpty:\r\n"
                              "Content-Length: 12\r\nConnection: foo, Close\r\n\r\nBODY");
    assert_int_equal(feed_bytes(&p, in, &used), WW_HTTP_DONE);
    assert_int_equal(used, in.len - 4);
    assert_int_equal(p.head.method, WW_HTTP_POST);
    assert_true(ww_str_is(p.head.target, "/a?b=c"));
    assert_true(ww_str_is(p.head.host, "h:1"));
    assert_int_equal(p.head.field_count, 5);
    assert_true(ww_str_is(ww_http_head_find(&p.head, WW_STR("x-note"))->value, "two words"));
    assert_int_equal(ww_http_head_find(&p.head, WW_STR("empty"))->value.len, 0);
    assert_int_equal(p.head.content_length, 12);
    assert_false(p.head.keep_alive);
    assert_null(ww_http_head_find(&p.head, WW_STR("Cookie")));
    ww_http_head_parser_clear(&p);
}

static int status_of(struct ww_str in, size_t max_bytes, int max_fields) {
    struct ww_http_head_parser p;
    size_t used;
    ww_http_head_parser_init(&p, max_bytes, max_fields);
    enum ww_http_parse got = ww_http_head_feed(&p, in, &used);
    int status = got == WW_HTTP_REFUSED ? p.refused_status : got == WW_HTTP_DONE ? 0 : -1;
    ww_http_head_parser_clear(&p);
    return status;
}

static void a_head_of_exactly_the_ceiling_is_taken_and_one_byte_more_refused(void **state) {
    (void)state;
    struct ww_str in = WW_STR(GET "A: b\r\n\r\n");
    assert_int_equal(status_of(in, in.len, 100), 0);
    assert_int_equal(status_of(in, in.len - 1, 100), 431);
    assert_int_equal(status_of(in, in.len, 2), 0);
    assert_int_equal(status_of(in, in.len, 1), 431);
}

static void what_follows_a_refusal_stays_refused(void **state) {
    (void)state;
    struct ww_http_head_parser p;
    size_t used;
    assert_int_equal(feed_whole(&p, WW_STR("GET / HTTP/1.1\nHost: a\r\n\r\n"), &used), WW_HTTP_REFUSED);
    assert_int_equal(ww_http_head_feed(&p, WW_STR(GET "\r\n"), &used), WW_HTTP_REFUSED);
    assert_int_equal(used, 0);
    ww_http_head_parser_clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_taken_or_refused_as_the_table_says),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(the_views_say_what_was_sent),
        cmocka_unit_test(a_head_of_exactly_the_ceiling_is_taken_and_one_byte_more_refused),
        cmocka_unit_test(what_follows_a_refusal_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
