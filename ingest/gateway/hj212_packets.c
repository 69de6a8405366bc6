/* Sets of sub-packets, found by hash, aged in the order of their last packet. */
#include "ingest/gateway/hj212_packets.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "geo/base/alloc.h"

enum { BUCKETS = 1024, MAX_ID = 64, MAX_PACKETS = 9999 };

struct set {
    TAILQ_ENTRY(set) age; /* oldest first */
    LIST_ENTRY(set) in_bucket;
    int64_t last_ms;
    int cn;
    unsigned pnum, came;
    size_t mn_len, st_len, time_len;
    char mn[MAX_ID], st[8], time[24];
    unsigned char seen[]; /* one bit a packet */
};
TAILQ_HEAD(set_ages, set);
LIST_HEAD(set_bucket, set);

struct ww_hj212_packets {
    uint32_t max_sets, count;
    int64_t timeout_ms;
    struct set_ages ages;
    struct set_bucket
        buckets[BUCKETS]; /* by MN, ST, CN, PNUM: sets that differ in DataTime alone share one */
};

static struct ww_str cut(struct ww_str text, size_t most) {
    if (text.len > most)
        text.len = most;
    return text;
}

static struct ww_str mn_of(const struct set *s) {
    return (struct ww_str){s->mn, s->mn_len};
}

static struct ww_str st_of(const struct set *s) {
    return (struct ww_str){s->st, s->st_len};
}

static struct ww_str time_of(const struct set *s) {
    return (struct ww_str){s->time, s->time_len};
}

/* Texts as they are kept: longer ones are no MN, ST or DataTime of any edition. */
static struct ww_hj212_packet as_kept(const struct ww_hj212_packet *packet) {
    struct ww_hj212_packet p = *packet;
    p.mn = cut(p.mn, sizeof((struct set *)0)->mn);
    p.st = cut(p.st, sizeof((struct set *)0)->st);
    p.data_time = cut(p.data_time, 14);
    return p;
}

static unsigned bucket_of(const struct ww_hj212_packet *p) {
    uint64_t h = ww_str_hash(p->mn) ^ ww_str_hash(p->st) * 31 ^ (uint64_t)p->cn * 1009 ^ p->pnum;
    return (unsigned)(h % BUCKETS);
}

static bool is_of(const struct set *s, const struct ww_hj212_packet *p) {
    return s->cn == p->cn && s->pnum == p->pnum && ww_str_eq(mn_of(s), p->mn) && ww_str_eq(st_of(s), p->st);
}

static bool has(const struct set *s, unsigned pno) {
    return s->seen[(pno - 1) / 8] >> ((pno - 1) % 8) & 1;
}

static void drop(struct ww_hj212_packets *packets, struct set *s) {
    TAILQ_REMOVE(&packets->ages, s, age);
    LIST_REMOVE(s, in_bucket);
    packets->count--;
    ww_free(s);
}

static void close_set(struct ww_hj212_packets *packets, struct set *s, ww_hj212_lost_cb on_lost, void *arg) {
    if (s->came < s->pnum && on_lost) {
        unsigned missing = 1;
        while (has(s, missing))
            missing++;
        on_lost(arg, &(struct ww_hj212_lost_set){.mn = mn_of(s),
                                                 .st = st_of(s),
                                                 .data_time = time_of(s),
                                                 .cn = s->cn,
                                                 .pnum = s->pnum,
                                                 .came = s->came,
                                                 .first_missing = missing});
    }
    drop(packets, s);
}

static size_t put(char *to, struct ww_str text) {
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    return text.len;
}

static struct set *begin_set(struct ww_hj212_packets *packets, const struct ww_hj212_packet *p) {
    struct set *s = ww_try_calloc(1, sizeof *s + (p->pnum + 7) / 8);
    if (!s)
        return NULL;
    s->cn = p->cn;
    s->pnum = p->pnum;
    s->mn_len = put(s->mn, p->mn);
    s->st_len = put(s->st, p->st);
    s->time_len = put(s->time, p->data_time);
    LIST_INSERT_HEAD(&packets->buckets[bucket_of(p)], s, in_bucket);
    TAILQ_INSERT_TAIL(&packets->ages, s, age);
    packets->count++;
    return s;
}

static struct set *find(const struct ww_hj212_packets *packets, const struct ww_hj212_packet *p) {
    struct set *s;
    LIST_FOREACH(s, &packets->buckets[bucket_of(p)], in_bucket)
    if (is_of(s, p) && ww_str_eq(time_of(s), p->data_time))
        return s;
    return NULL;
}

enum ww_hj212_set_event ww_hj212_packets_add(struct ww_hj212_packets *packets,
                                             const struct ww_hj212_packet *packet, int64_t now_ms,
                                             ww_hj212_lost_cb on_lost, void *arg) {
    assert(packet->pno >= 1 && packet->pno <= packet->pnum && packet->pnum <= MAX_PACKETS);
    struct ww_hj212_packet p = as_kept(packet);
    struct set *s = find(packets, &p);
    if (!s) {
        if (packets->count >= packets->max_sets)
            close_set(packets, TAILQ_FIRST(&packets->ages), on_lost, arg);
        s = begin_set(packets, &p);
        if (!s)
            return WW_HJ212_SET_OPEN; /* no memory: this set is not followed */
    } else {
        TAILQ_REMOVE(&packets->ages, s, age);
        TAILQ_INSERT_TAIL(&packets->ages, s, age);
    }
    s->last_ms = now_ms;
    if (has(s, p.pno))
        return WW_HJ212_SET_AGAIN;
    s->seen[(p.pno - 1) / 8] |= (unsigned char)(1u << ((p.pno - 1) % 8));
    s->came++;
    return s->came == s->pnum ? WW_HJ212_SET_COMPLETE : WW_HJ212_SET_OPEN;
}

struct ww_str ww_hj212_packets_time_of(const struct ww_hj212_packets *packets,
                                       const struct ww_hj212_packet *packet) {
    struct ww_hj212_packet p = as_kept(packet);
    struct set *s, *again = NULL; /* the youngest stands first in its bucket */
    LIST_FOREACH(s, &packets->buckets[bucket_of(&p)], in_bucket) {
        if (!is_of(s, &p) || s->time_len == 0)
            continue;
        if (!has(s, p.pno))
            return time_of(s);
        again = again ? again : s;
    }
    return again ? time_of(again) : WW_STR_NONE;
}

void ww_hj212_packets_expire(struct ww_hj212_packets *packets, int64_t now_ms, ww_hj212_lost_cb on_lost,
                             void *arg) {
    struct set *s;
    while ((s = TAILQ_FIRST(&packets->ages)) && now_ms - s->last_ms >= packets->timeout_ms)
        close_set(packets, s, on_lost, arg);
}

uint32_t ww_hj212_packets_count(const struct ww_hj212_packets *packets) {
    return packets->count;
}

struct ww_hj212_packets *ww_hj212_packets_new(uint32_t max_sets, int64_t timeout_ms) {
    assert(max_sets > 0);
    struct ww_hj212_packets *packets = ww_must_calloc(1, sizeof *packets);
    packets->max_sets = max_sets;
    packets->timeout_ms = timeout_ms;
    TAILQ_INIT(&packets->ages);
    return packets;
}

void ww_hj212_packets_free(struct ww_hj212_packets *packets) {
    if (!packets)
        return;
    struct set *s;
    while ((s = TAILQ_FIRST(&packets->ages)))
        drop(packets, s);
    ww_free(packets);
}
