/* Queues by feed: lists, admission, turns. */
#include "ingest/feed_queue.h"

#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/instant.h"
#include "ingest/path_internal.h"

enum {
    QUANTUM_ROWS = 2000, /* a tenth of a group */
    MESSAGE_COST = 8     /* in rows: what a message costs whatever it holds */
};

/* ---- Lists ---- */

void submissions_init(struct submission_list *list) {
    *list = (struct submission_list){NULL, NULL, 0};
}

void submissions_add(struct submission_list *list, struct submission *s) {
    s->next = NULL;
    s->before = list->tail;
    if (list->tail)
        list->tail->next = s;
    else
        list->head = s;
    list->tail = s;
    list->count++;
}

void submissions_add_front(struct submission_list *list, struct submission *s) {
    s->before = NULL;
    s->next = list->head;
    if (list->head)
        list->head->before = s;
    else
        list->tail = s;
    list->head = s;
    list->count++;
}

void submissions_remove(struct submission_list *list, struct submission *s) {
    assert(list->count > 0);
    if (s->before)
        s->before->next = s->next;
    else
        list->head = s->next;
    if (s->next)
        s->next->before = s->before;
    else
        list->tail = s->before;
    s->next = s->before = NULL;
    list->count--;
}

struct submission *submissions_take(struct submission_list *list) {
    struct submission *s = list->head;
    if (s)
        submissions_remove(list, s);
    return s;
}

/* ---- Queues ---- */

void feed_queues_init(struct feed_queues *q, size_t max_bytes) {
    memset(q, 0, sizeof *q);
    q->by_name = ww_map_new(16);
    q->max_bytes = max_bytes;
}

void feed_queues_clear(struct feed_queues *q) {
    for (uint32_t i = 0; i < q->n; i++) {
        assert(q->queues[i]->list.count == 0);
        ww_free(q->queues[i]);
    }
    ww_free(q->queues);
    ww_map_free(q->by_name);
}

struct feed_queue *feed_queue_of(struct feed_queues *q, struct ww_str name) {
    uint64_t index;
    if (ww_map_get(q->by_name, name, &index))
        return q->queues[index];
    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 16;
        q->queues = ww_try_realloc(q->queues, q->cap * sizeof *q->queues);
        assert(q->queues);
    }
    struct feed_queue *fresh = ww_must_calloc(1, sizeof *fresh);
    snprintf(fresh->name, sizeof fresh->name, "%.*s", WW_STR_ARG(name));
    submissions_init(&fresh->list);
    enum ww_status st = ww_map_put(q->by_name, name, q->n);
    assert(st == WW_OK);
    (void)st;
    q->queues[q->n++] = fresh;
    return fresh;
}

/* ---- Admission ---- */

static double filled(double tokens, double rate, double seconds) {
    double full = rate > 1 ? rate : 1; /* a second's worth may come at once */
    tokens += rate * seconds;
    return tokens < full ? tokens : full;
}

static void fill_tokens(struct feed_queue *queue, const struct ww_feed_source *source, int64_t now_us) {
    double seconds = queue->tokens_at_us ? (double)(now_us - queue->tokens_at_us) / (double)WW_SECOND_US : 1;
    queue->message_tokens = filled(queue->message_tokens, source->max_messages_per_s, seconds);
    queue->value_tokens = filled(queue->value_tokens, source->max_values_per_s, seconds);
    queue->tokens_at_us = now_us;
}

enum ww_status feed_queue_admit(struct feed_queues *q, struct feed_queue *queue, size_t held_bytes,
                                const struct ww_feed_source *source, int64_t now_us, struct ww_error *err) {
    size_t room = q->held_bytes < q->max_bytes ? q->max_bytes - q->held_bytes : 0;
    bool first = queue->held_bytes == 0;
    if (held_bytes > room || (!first && queue->held_bytes + held_bytes > room))
        return ww_error_set(err, WW_BUSY,
                            "too much of this feed is waiting to be stored; send it again later");
    if (source->max_messages_per_s == 0 && source->max_values_per_s == 0)
        return WW_OK;
    fill_tokens(queue, source, now_us);
    if ((source->max_messages_per_s > 0 && queue->message_tokens < 1) ||
        (source->max_values_per_s > 0 && queue->value_tokens <= 0))
        return ww_error_set(err, WW_BUSY,
                            "the feed sends more than its configured rate; send it again later");
    queue->message_tokens -= 1;
    return WW_OK;
}

void feed_queue_charge(struct feed_queue *queue, uint64_t values) {
    queue->value_tokens -= (double)values;
}

void feed_queue_hold(struct feed_queues *q, struct feed_queue *queue, size_t bytes) {
    queue->held_bytes += bytes;
    q->held_bytes += bytes;
}

void feed_queue_let_go(struct feed_queues *q, struct feed_queue *queue, size_t bytes) {
    assert(queue->held_bytes >= bytes && q->held_bytes >= bytes);
    queue->held_bytes -= bytes;
    q->held_bytes -= bytes;
}

/* ---- Turns ---- */

static void join_ring(struct feed_queues *q, struct feed_queue *queue) {
    queue->has_turn = true;
    queue->deficit = QUANTUM_ROWS;
    if (!q->turn) {
        queue->turn_next = queue;
        q->turn = queue;
        return;
    }
    /* Last: just before the one whose turn it is. */
    struct feed_queue *last = q->turn;
    while (last->turn_next != q->turn)
        last = last->turn_next;
    queue->turn_next = q->turn;
    last->turn_next = queue;
}

static void leave_ring(struct feed_queues *q, struct feed_queue *queue) {
    struct feed_queue *before = queue;
    while (before->turn_next != queue)
        before = before->turn_next;
    before->turn_next = queue->turn_next;
    if (q->turn == queue)
        q->turn = queue->turn_next == queue ? NULL : queue->turn_next;
    queue->turn_next = NULL;
    queue->has_turn = false;
}

void feed_queue_changed(struct feed_queues *q, struct feed_queue *queue) {
    bool ready = queue->list.head && queue->list.head->is_decoded;
    if (ready && !queue->has_turn)
        join_ring(q, queue);
    else if (!ready && queue->has_turn)
        leave_ring(q, queue);
}

struct feed_queue *feed_queues_next(struct feed_queues *q) {
    while (q->turn && q->turn->deficit <= 0) {
        q->turn->deficit += QUANTUM_ROWS;
        q->turn = q->turn->turn_next;
    }
    return q->turn;
}

void feed_queue_brought(struct feed_queues *q, struct feed_queue *queue, uint32_t rows) {
    queue->deficit -= (int64_t)rows + MESSAGE_COST;
    feed_queue_changed(q, queue);
}
