/* Sets of sub-packets: whole, incomplete, repeated, too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/gateway/hj212_packets.h"

struct lost {
    int n;
    struct ww_hj212_lost_set last;
    char time[32];
};

static void on_lost(void *arg, const struct ww_hj212_lost_set *set) {
    struct lost *lost = arg;
    lost->n++;
    lost->last = *set;
    memcpy(lost->time, set->data_time.ptr, set->data_time.len);
    lost->time[set->data_time.len] = '\0';
}

static struct ww_hj212_packet packet(const char *mn, const char *time, unsigned pnum, unsigned pno) {
    return (struct ww_hj212_packet){.mn = ww_str_of(mn),
                                    .st = WW_STR("32"),
                                    .data_time = ww_str_of(time),
                                    .cn = 2061,
                                    .pnum = pnum,
                                    .pno = pno};
}

static enum ww_hj212_set_event add(struct ww_hj212_packets *packets, struct ww_hj212_packet p, int64_t now,
                                   struct lost *lost) {
    return ww_hj212_packets_add(packets, &p, now, on_lost, lost);
}

static void a_set_is_complete_with_its_last_packet_in_any_order(void **state) {
    (void)state;
    struct lost lost = {0};
    struct ww_hj212_packets *packets = ww_hj212_packets_new(100, 1000);
    assert_int_equal(add(packets, packet("A", "1", 3, 3), 0, &lost), WW_HJ212_SET_OPEN);
    assert_int_equal(add(packets, packet("B", "1", 3, 1), 0, &lost), WW_HJ212_SET_OPEN);
    assert_int_equal(add(packets, packet("A", "2", 3, 1), 0, &lost), WW_HJ212_SET_OPEN);
    assert_int_equal(add(packets, packet("A", "1", 3, 1), 0, &lost), WW_HJ212_SET_OPEN);
    assert_int_equal(add(packets, packet("A", "1", 3, 1), 0, &lost), WW_HJ212_SET_AGAIN);
    assert_int_equal(add(packets, packet("A", "1", 3, 2), 0, &lost), WW_HJ212_SET_COMPLETE);
    /* Repeats of a set that is whole begin no other one. */
    assert_int_equal(add(packets, packet("A", "1", 3, 2), 500, &lost), WW_HJ212_SET_AGAIN);
    assert_int_equal(ww_hj212_packets_count(packets), 3);
    ww_hj212_packets_expire(packets, 1000, on_lost, &lost);
    assert_int_equal(lost.n, 2);
    ww_hj212_packets_expire(packets, 1500, on_lost, &lost);
    assert_int_equal(lost.n, 2);
    assert_int_equal(ww_hj212_packets_count(packets), 0);
    ww_hj212_packets_free(packets);
}

static void an_incomplete_set_says_what_is_missing(void **state) {
    (void)state;
    struct lost lost = {0};
    struct ww_hj212_packets *packets = ww_hj212_packets_new(100, 1000);
    for (unsigned pno = 1; pno <= 9999; pno++)
        if (pno != 17 && pno != 9998)
            add(packets, packet("A", "20260801080000", 9999, pno), pno / 100, &lost);
    ww_hj212_packets_expire(packets, 1098, on_lost, &lost);
    assert_int_equal(lost.n, 0);
    ww_hj212_packets_expire(packets, 1099, on_lost, &lost);
    assert_int_equal(lost.n, 1);
    assert_int_equal(lost.last.first_missing, 17);
    assert_int_equal(lost.last.came, 9997);
    assert_int_equal(lost.last.pnum, 9999);
    assert_string_equal(lost.time, "20260801080000");
    ww_hj212_packets_free(packets);
}

static void the_oldest_set_gives_way_when_there_are_too_many(void **state) {
    (void)state;
    struct lost lost = {0};
    struct ww_hj212_packets *packets = ww_hj212_packets_new(2, 1000);
    add(packets, packet("A", "1", 2, 1), 1, &lost);
    add(packets, packet("A", "2", 2, 1), 2, &lost);
    add(packets, packet("A", "1", 2, 1), 3, &lost); /* a repeat makes it younger */
    add(packets, packet("A", "3", 2, 1), 4, &lost);
    assert_int_equal(ww_hj212_packets_count(packets), 2);
    assert_int_equal(lost.n, 1);
    assert_string_equal(lost.time, "2");
    ww_hj212_packets_free(packets);
}

static void a_packet_without_a_time_has_that_of_the_youngest_set_that_lacks_it(void **state) {
    (void)state;
    struct lost lost = {0};
    struct ww_hj212_packets *packets = ww_hj212_packets_new(100, 1000);
    struct ww_hj212_packet second = packet("A", "", 2, 2), first = packet("A", "", 2, 1);
    assert_true(ww_str_is(ww_hj212_packets_time_of(packets, &second), ""));
    add(packets, packet("A", "1", 2, 1), 0, &lost);
    add(packets, packet("B", "9", 2, 1), 0, &lost);
    add(packets, packet("A", "2", 2, 1), 0, &lost);
    assert_true(ww_str_is(ww_hj212_packets_time_of(packets, &second), "2"));
    add(packets, packet("A", "2", 2, 2), 0, &lost);
    assert_true(ww_str_is(ww_hj212_packets_time_of(packets, &second), "1"));
    add(packets, packet("A", "1", 2, 2), 0, &lost);
    /* A repeat: both have it, the youngest is meant. */
    assert_true(ww_str_is(ww_hj212_packets_time_of(packets, &second), "2"));
    assert_true(ww_str_is(ww_hj212_packets_time_of(packets, &first), "2"));
    ww_hj212_packets_free(packets);
}

static void texts_longer_than_any_edition_s_do_no_harm(void **state) {
    (void)state;
    char mn[3000];
    struct lost lost = {0};
    struct ww_hj212_packets *packets = ww_hj212_packets_new(100, 1000);
    memset(mn, 'M', sizeof mn);
    struct ww_hj212_packet p = {
        .mn = {mn, sizeof mn}, .st = {mn, 100}, .data_time = {mn, 900}, .pnum = 2, .pno = 1};
    assert_int_equal(add(packets, p, 0, &lost), WW_HJ212_SET_OPEN);
    p.pno = 2;
    assert_int_equal(add(packets, p, 0, &lost), WW_HJ212_SET_COMPLETE);
    ww_hj212_packets_free(packets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_complete_with_its_last_packet_in_any_order),
        cmocka_unit_test(an_incomplete_set_says_what_is_missing),
        cmocka_unit_test(the_oldest_set_gives_way_when_there_are_too_many),
        cmocka_unit_test(a_packet_without_a_time_has_that_of_the_youngest_set_that_lacks_it),
        cmocka_unit_test(texts_longer_than_any_edition_s_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
