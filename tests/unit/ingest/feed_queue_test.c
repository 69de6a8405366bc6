/* Turns, shares and rates of feeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "geo/base/alloc.h"
#include "ingest/path_internal.h"

enum { MIB = 1 << 20 };

static const struct ww_feed_source no_rate;

static struct submission *decoded(struct feed_queues *q, struct feed_queue *queue) {
    struct submission *s = ww_must_calloc(1, sizeof *s);
    s->is_decoded = true;
    s->queue = queue;
    submissions_add(&queue->list, s);
    feed_queue_changed(q, queue);
    return s;
}

/* Takes the next one off; its queue's index among `names`. */
static char take(struct feed_queues *q, uint32_t rows) {
    struct feed_queue *queue = feed_queues_next(q);
    if (!queue)
        return '-';
    ww_free(submissions_take(&queue->list));
    feed_queue_brought(q, queue, rows);
    return queue->name[0];
}

static void feeds_take_turns_by_the_rows_that_they_bring(void **state) {
    (void)state;
    struct feed_queues q;
    feed_queues_init(&q, 256 * MIB);
    struct feed_queue *flood = feed_queue_of(&q, WW_STR("flood")), *calm = feed_queue_of(&q, WW_STR("calm"));
    for (int i = 0; i < 100; i++)
        decoded(&q, flood);
    for (int i = 0; i < 3; i++)
        decoded(&q, calm);
    /* 1,000 rows a message: the flood gets two or three, then it is the other's turn. */
    int calm_after = 0, taken = 0;
    for (int calm_seen = 0; calm_seen < 3; taken++) {
        char whose = take(&q, 1000);
        calm_seen += whose == 'c';
        calm_after = taken;
    }
    assert_in_range(calm_after, 3, 12);
    while (take(&q, 1000) != '-')
        continue;
    feed_queues_clear(&q);
}

static void a_feed_keeps_its_order_and_waits_for_what_is_being_decoded(void **state) {
    (void)state;
    struct feed_queues q;
    feed_queues_init(&q, 256 * MIB);
    struct feed_queue *feed = feed_queue_of(&q, WW_STR("f"));
    struct submission *first = decoded(&q, feed), *second = decoded(&q, feed);
    first->is_decoded = false;
    feed_queue_changed(&q, feed);
    assert_null(feed_queues_next(&q));
    first->is_decoded = true;
    feed_queue_changed(&q, feed);
    assert_ptr_equal(feed_queues_next(&q)->list.head, first);
    submissions_remove(&feed->list, second);
    submissions_add_front(&feed->list, second);
    assert_ptr_equal(feed_queues_next(&q)->list.head, second);
    assert_int_equal(feed->list.count, 2);
    assert_int_equal(take(&q, 1), 'f');
    assert_int_equal(take(&q, 1), 'f');
    assert_int_equal(take(&q, 1), '-');
    feed_queues_clear(&q);
}

static size_t fill(struct feed_queues *q, struct feed_queue *queue) {
    struct ww_error err;
    while (feed_queue_admit(q, queue, MIB, &no_rate, 1, &err) == WW_OK)
        feed_queue_hold(q, queue, MIB);
    return queue->held_bytes;
}

static void floods_leave_room_for_one_more_feed(void **state) {
    (void)state;
    struct feed_queues q;
    feed_queues_init(&q, 96 * MIB);
    struct feed_queue *feeds[3] = {feed_queue_of(&q, WW_STR("a")), feed_queue_of(&q, WW_STR("b")),
                                   feed_queue_of(&q, WW_STR("c"))};
    size_t alone = fill(&q, feeds[0]);
    assert_in_range(alone, 47 * MIB, 49 * MIB);
    size_t second = fill(&q, feeds[1]);
    assert_in_range(second, 23 * MIB, 25 * MIB);
    assert_true(fill(&q, feeds[2]) >= 11 * MIB);
    assert_true(q.held_bytes < q.max_bytes);
    for (int i = 0; i < 3; i++)
        feed_queue_let_go(&q, feeds[i], feeds[i]->held_bytes);
    assert_int_equal(q.held_bytes, 0);
    feed_queues_clear(&q);
}

static void a_rate_is_kept_and_refills(void **state) {
    (void)state;
    struct feed_queues q;
    struct ww_error err;
    feed_queues_init(&q, MIB);
    struct feed_queue *feed = feed_queue_of(&q, WW_STR("slow"));
    struct ww_feed_source source = {.max_messages_per_s = 5, .max_values_per_s = 100};
    int64_t now = 1000000;
    for (int i = 0; i < 5; i++)
        assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_OK);
    assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_BUSY);
    now += 200000;
    assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_OK);
    assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_BUSY);
    now += 1000000;
    feed_queue_charge(feed, 250); /* what came is more than a second's worth: it is paid back first */
    assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_BUSY);
    now += 2000000;
    assert_int_equal(feed_queue_admit(&q, feed, 1, &source, now, &err), WW_OK);
    feed_queues_clear(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feeds_take_turns_by_the_rows_that_they_bring),
        cmocka_unit_test(a_feed_keeps_its_order_and_waits_for_what_is_being_decoded),
        cmocka_unit_test(floods_leave_room_for_one_more_feed),
        cmocka_unit_test(a_rate_is_kept_and_refills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
