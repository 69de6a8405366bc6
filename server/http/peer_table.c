/* A chained hash table of addresses that are connected now; an entry goes with its last connection. */
#include "server/http/peer_table.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/str.h"

enum { BUCKETS = 4096 };

struct peer {
    struct peer *next;
    struct ww_peer_key key;
    int count;
};

struct ww_peer_table {
    struct peer *buckets[BUCKETS];
};

struct ww_peer_table *ww_peer_table_new(void) {
    return ww_must_calloc(1, sizeof(struct ww_peer_table));
}

void ww_peer_table_free(struct ww_peer_table *table) {
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct peer *p = table->buckets[i]; p;) {
            struct peer *next = p->next;
            ww_free(p);
            p = next;
        }
    }
    ww_free(table);
}

void ww_peer_key_of(const struct sockaddr *address, struct ww_peer_key *key, char *text) {
    memset(key, 0, sizeof *key);
    text[0] = '\0';
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            memcpy(key->bytes, v6.sin6_addr.s6_addr + 12, 4);
            inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, INET6_ADDRSTRLEN);
            return;
        }
        key->v6 = true;
        memcpy(key->bytes, v6.sin6_addr.s6_addr, 8);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, INET6_ADDRSTRLEN);
    } else if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(key->bytes, &v4.sin_addr, 4);
        inet_ntop(AF_INET, &v4.sin_addr, text, INET6_ADDRSTRLEN);
    }
}

static bool same_key(const struct ww_peer_key *a, const struct ww_peer_key *b) {
    return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static size_t bucket_of(const struct ww_peer_key *key) {
    return ww_str_hash((struct ww_str){(const char *)key->bytes, sizeof key->bytes}) % BUCKETS;
}

int ww_peer_table_count(const struct ww_peer_table *table, const struct ww_peer_key *key) {
    for (const struct peer *p = table->buckets[bucket_of(key)]; p; p = p->next)
        if (same_key(&p->key, key))
            return p->count;
    return 0;
}

bool ww_peer_table_add(struct ww_peer_table *table, const struct ww_peer_key *key) {
    struct peer **bucket = &table->buckets[bucket_of(key)];
    for (struct peer *p = *bucket; p; p = p->next) {
        if (same_key(&p->key, key)) {
            p->count++;
            return true;
        }
    }
    struct peer *p = ww_try_calloc(1, sizeof *p);
    if (!p)
        return false;
    p->key = *key;
    p->count = 1;
    p->next = *bucket;
    *bucket = p;
    return true;
}

void ww_peer_table_remove(struct ww_peer_table *table, const struct ww_peer_key *key) {
    for (struct peer **at = &table->buckets[bucket_of(key)]; *at; at = &(*at)->next) {
        struct peer *p = *at;
        if (!same_key(&p->key, key))
            continue;
        if (--p->count == 0) {
            *at = p->next;
            ww_free(p);
        }
        return;
    }
    assert(0 && "a connection's address is always in the table");
}
