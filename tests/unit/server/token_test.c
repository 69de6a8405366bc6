/* Tokens and what an account may: form, hash, wards, feeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/accounts.h"

static void test_a_token_is_256_bits_and_never_the_same(void **state) {
    char first[WW_TOKEN_TEXT], second[WW_TOKEN_TEXT];
    unsigned char hash[32], other[32];
    (void)state;
    ww_token_make(first, hash);
    ww_token_make(second, other);
    assert_int_equal(strlen(first), 3 + 43); /* 32 bytes are 42.7 letters */
    assert_memory_equal(first, "ww_", 3);
    assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 46);
    assert_string_not_equal(first, second);
    assert_memory_not_equal(hash, other, sizeof hash);
}

static void test_the_hash_is_the_sha256_of_the_whole_text(void **state) {
    char text[WW_TOKEN_TEXT];
    unsigned char made[32], again[32];
    /* SHA-256("abc"), FIPS 180-4 */
    static const unsigned char abc[4] = {0xba, 0x78, 0x16, 0xbf};
    (void)state;
    ww_token_make(text, made);
    ww_token_hash(ww_str_of(text), again);
    assert_memory_equal(made, again, sizeof made);
    ww_token_hash(WW_STR("abc"), again);
    assert_memory_equal(again, abc, sizeof abc);
}

static void test_an_account_sees_its_wards_and_no_other(void **state) {
    int32_t wards[] = {2, 5, 9};
    struct ww_account account = {.role = WW_ROLE_VIEWER, .ward_ids = wards, .n_wards = 3};
    (void)state;
    for (int32_t ward = -1; ward < 12; ward++)
        assert_int_equal(ww_account_sees_ward(&account, ward), ward == 2 || ward == 5 || ward == 9);
    struct ww_account nowhere = {.role = WW_ROLE_ADMIN};
    assert_false(ww_account_sees_ward(&nowhere, 2));
    struct ww_account all = {.role = WW_ROLE_VIEWER, .all_wards = true};
    assert_true(ww_account_sees_ward(&all, 7));
    assert_true(ww_account_sees_ward(&all, 0));
}

static void test_only_feed_accounts_and_administrators_write(void **state) {
    char air[] = "air", water[] = "water";
    char *names[] = {air, water};
    struct ww_account some = {.role = WW_ROLE_FEED, .feed_names = names, .n_feeds = 2};
    struct ww_account none = {.role = WW_ROLE_FEED, .feed_names = names, .n_feeds = 0};
    struct ww_account any = {.role = WW_ROLE_FEED};
    struct ww_account admin = {.role = WW_ROLE_ADMIN};
    struct ww_account analyst = {.role = WW_ROLE_ANALYST, .all_wards = true};
    (void)state;
    assert_true(ww_account_may_feed(&some, WW_STR("water")));
    assert_false(ww_account_may_feed(&some, WW_STR("wat")));
    assert_false(ww_account_may_feed(&none, WW_STR("air")));
    assert_true(ww_account_may_feed(&any, WW_STR("noise")));
    assert_true(ww_account_may_feed(&admin, WW_STR("noise")));
    assert_false(ww_account_may_feed(&analyst, WW_STR("air")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_is_256_bits_and_never_the_same),
        cmocka_unit_test(test_the_hash_is_the_sha256_of_the_whole_text),
        cmocka_unit_test(test_an_account_sees_its_wards_and_no_other),
        cmocka_unit_test(test_only_feed_accounts_and_administrators_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
