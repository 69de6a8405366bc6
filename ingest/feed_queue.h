/* What waits to be stored, by feed: order within a feed, turns between feeds, a share of the room for each.
 *
 * A submission enters at the end of its feed's queue when it is submitted and can leave once it is decoded
 * and in front. Feeds take turns (deficit round robin, Shreedhar & Varghese 1995, counted in rows), so a feed
 * that floods costs the others nothing but a turn. How much a feed may hold shrinks with the room that is
 * left (dynamic thresholds, Choudhury & Hahne 1998): one that floods gets half of the room, two a third each,
 * and so on; there is always room for one more. A feed may have a rate of its own besides.
 *
 * Only the path's files include this. One thread.
 */
#ifndef WW_INGEST_FEED_QUEUE_H
#define WW_INGEST_FEED_QUEUE_H

#include "geo/base/map.h"
#include "ingest/decode/feed_source.h"
#include "ingest/path.h"

struct submission;

struct submission_list {
    struct submission *head, *tail;
    uint32_t count;
};
void submissions_init(struct submission_list *list);
void submissions_add(struct submission_list *list, struct submission *s);
void submissions_add_front(struct submission_list *list, struct submission *s);
void submissions_remove(struct submission_list *list, struct submission *s);
struct submission *submissions_take(struct submission_list *list);

struct feed_queue {
    char name[64];
    struct ww_path_counters totals;
    struct submission_list list; /* decoded ones and such as are being decoded */
    size_t held_bytes;
    int64_t deficit;              /* rows that it may still bring in this turn */
    struct feed_queue *turn_next; /* ring of queues whose head is decoded */
    bool has_turn;
    double message_tokens, value_tokens; /* of its own rate */
    int64_t tokens_at_us;                /* monotonic; 0: never filled */
};

struct feed_queues {
    struct feed_queue **queues; /* in the order of their first message; never removed: their totals go on */
    uint32_t n, cap;
    struct ww_map *by_name;
    struct feed_queue *turn; /* whose turn it is; NULL: nobody's */
    size_t held_bytes, max_bytes;
};
void feed_queues_init(struct feed_queues *queues, size_t max_bytes);
void feed_queues_clear(struct feed_queues *queues); /* lists must be empty */
struct feed_queue *feed_queue_of(struct feed_queues *queues, struct ww_str name);

/* WW_BUSY with the reason: the feed's share of the room is full, or its rate is used up. Takes a message's
 * token. */
enum ww_status feed_queue_admit(struct feed_queues *queues, struct feed_queue *queue, size_t held_bytes,
                                const struct ww_feed_source *source, int64_t now_us,
                                struct ww_error *err) WW_MUST_CHECK;
/* What it brought is known: it counts against the feed's rate. */
void feed_queue_charge(struct feed_queue *queue, uint64_t values);

void feed_queue_hold(struct feed_queues *queues, struct feed_queue *queue, size_t bytes);
void feed_queue_let_go(struct feed_queues *queues, struct feed_queue *queue, size_t bytes);

/* Its head may be decoded now, or other than it was: gives it a turn, or takes it away. */
void feed_queue_changed(struct feed_queues *queues, struct feed_queue *queue);
/* The queue whose decoded head is next; NULL: none. Stays the same until it is told that it brought
 * something. */
struct feed_queue *feed_queues_next(struct feed_queues *queues);
void feed_queue_brought(struct feed_queues *queues, struct feed_queue *queue, uint32_t rows);

#endif
