/* Base64url: the vectors of RFC 4648, every length back and forth, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/base64url.h"

static struct ww_arena *arena;

static int open_arena(void **state) {
    (void)state;
    arena = ww_arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int close_arena(void **state) {
    (void)state;
    ww_arena_free(arena);
    return 0;
}

static void test_the_vectors_of_the_rfc_are_met(void **state) {
    static const char *const vectors[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[32];
        size_t len = ww_base64url_write(vectors[i][0], strlen(vectors[i][0]), text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(len, strlen(vectors[i][1]));
    }
    char text[8];
    ww_base64url_write("\xfb\xff\xfe", 3, text);
    assert_string_equal(text, "-__-");
}

static void test_every_length_comes_back_as_it_went(void **state) {
    unsigned char bytes[100];
    char text[WW_BASE64URL_ROOM(sizeof bytes)];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct ww_str back;
        size_t n = ww_base64url_write(bytes, len, text);
        assert_true(n < WW_BASE64URL_ROOM(len));
        assert_int_equal(ww_base64url_read(arena, (struct ww_str){text, n}, &back), WW_OK);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.ptr, bytes, len);
    }
}

static void test_what_we_never_write_is_refused(void **state) {
    static const char *const bad[] = {"A",    "AAAAA", "Zg==", "Zm 9",      "Zm+v",
                                      "Zm/v", "Zh",    "Zm9",  "\xc3\xa4zz"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ww_str back;
        assert_int_equal(ww_base64url_read(arena, ww_str_of(bad[i]), &back), WW_BAD_INPUT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_vectors_of_the_rfc_are_met),
        cmocka_unit_test(test_every_length_comes_back_as_it_went),
        cmocka_unit_test(test_what_we_never_write_is_refused),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
