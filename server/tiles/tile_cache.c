/* A hash of tiles, in each slot the tile's views one behind another, all on one list from last used to
 * longest unused. */
#include "server/tiles/tile_cache.h"

#include <assert.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/id_map.h"

#define NONE     UINT32_MAX
#define OVERHEAD ((size_t)96) /* of an entry, its slot and what malloc takes */

struct entry {
    struct ww_cached_tile tile;
    struct ww_tile_key key;
    uint32_t next_view;    /* of the same tile; of a free entry the next free one */
    uint32_t newer, older; /* by use */
    bool used;
};

struct ww_tile_cache {
    struct ww_id_map by_tile; /* → the first view's entry */
    struct entry *entries;
    uint32_t n_entries, room, first_free;
    uint32_t newest, oldest;
    size_t max_bytes;
    struct ww_tile_cache_counters counters;
};

struct ww_tile_cache *ww_tile_cache_new(size_t max_bytes) {
    struct ww_tile_cache *c = ww_must_calloc(1, sizeof *c);
    c->max_bytes = max_bytes;
    c->first_free = c->newest = c->oldest = NONE;
    return c;
}

void ww_tile_cache_free(struct ww_tile_cache *cache) {
    if (!cache)
        return;
    ww_tile_cache_clear(cache);
    ww_free(cache->entries);
    ww_free(cache);
}

static uint64_t id_of(uint16_t layer, struct ww_tile tile) {
    assert(layer < 1024);
    return (uint64_t)layer << 48 | ww_tile_number(tile); /* at most 2^46 tiles down to zoom 22 */
}

static uint32_t find(const struct ww_tile_cache *c, struct ww_tile_key key) {
    uint32_t at;
    if (!ww_id_map_get(&c->by_tile, id_of(key.layer, key.tile), &at))
        return NONE;
    while (at != NONE && c->entries[at].key.view != key.view)
        at = c->entries[at].next_view;
    return at;
}

/* ---- By use ---- */

static void unlink_use(struct ww_tile_cache *c, uint32_t at) {
    struct entry *e = &c->entries[at];
    *(e->newer == NONE ? &c->newest : &c->entries[e->newer].older) = e->older;
    *(e->older == NONE ? &c->oldest : &c->entries[e->older].newer) = e->newer;
}

static void link_newest(struct ww_tile_cache *c, uint32_t at) {
    struct entry *e = &c->entries[at];
    e->newer = NONE;
    e->older = c->newest;
    *(c->newest == NONE ? &c->oldest : &c->entries[c->newest].newer) = at;
    c->newest = at;
}

const struct ww_cached_tile *ww_tile_cache_get(struct ww_tile_cache *cache, struct ww_tile_key key) {
    const uint32_t at = find(cache, key);
    if (at == NONE) {
        cache->counters.misses++;
        return NULL;
    }
    cache->counters.hits++;
    if (cache->newest != at) {
        unlink_use(cache, at);
        link_newest(cache, at);
    }
    return &cache->entries[at].tile;
}

/* ---- Coming and going ---- */

static void unlink_view(struct ww_tile_cache *c, uint32_t at) {
    const struct entry *e = &c->entries[at];
    const uint64_t id = id_of(e->key.layer, e->key.tile);
    uint32_t first = NONE;
    bool is_there = ww_id_map_get(&c->by_tile, id, &first);
    assert(is_there);
    if (first != at) {
        uint32_t before = first;
        while (c->entries[before].next_view != at)
            before = c->entries[before].next_view;
        c->entries[before].next_view = e->next_view;
    } else if (e->next_view == NONE) {
        ww_id_map_remove(&c->by_tile, id);
    } else {
        const enum ww_status st = ww_id_map_put(&c->by_tile, id, e->next_view);
        assert(st == WW_OK); /* a key that is there needs no memory */
    }
}

static void forget(struct ww_tile_cache *c, uint32_t at) {
    struct entry *e = &c->entries[at];
    unlink_view(c, at);
    unlink_use(c, at);
    c->counters.bytes -= e->tile.packed.len + OVERHEAD;
    c->counters.tiles--;
    ww_free((char *)(uintptr_t)e->tile.packed.ptr);
    *e = (struct entry){.next_view = c->first_free};
    c->first_free = at;
}

static uint32_t take_entry(struct ww_tile_cache *c) {
    const uint32_t at = c->first_free;
    if (at != NONE) {
        c->first_free = c->entries[at].next_view;
        return at;
    }
    if (c->n_entries == c->room) {
        const uint32_t room = c->room ? c->room * 2 : 256;
        struct entry *entries = ww_try_realloc(c->entries, room * sizeof *entries);
        if (!entries)
            return NONE;
        c->entries = entries;
        c->room = room;
    }
    c->entries[c->n_entries] = (struct entry){0};
    return c->n_entries++;
}

static void give_back(struct ww_tile_cache *c, uint32_t at) {
    c->entries[at] = (struct entry){.next_view = c->first_free};
    c->first_free = at;
}

void ww_tile_cache_put(struct ww_tile_cache *cache, struct ww_tile_key key, struct ww_str packed,
                       uint64_t hash) {
    const size_t bytes = packed.len + OVERHEAD;
    uint32_t at = find(cache, key), first = NONE;
    char *copy;
    if (at != NONE)
        forget(cache, at);
    if (bytes > cache->max_bytes)
        return;
    while (cache->counters.bytes + bytes > cache->max_bytes) {
        forget(cache, cache->oldest);
        cache->counters.evicted++;
    }
    if (!(copy = ww_try_malloc(packed.len ? packed.len : 1)))
        return;
    if ((at = take_entry(cache)) == NONE) {
        ww_free(copy);
        return;
    }
    (void)ww_id_map_get(&cache->by_tile, id_of(key.layer, key.tile), &first);
    if (ww_id_map_put(&cache->by_tile, id_of(key.layer, key.tile), at) != WW_OK) {
        ww_free(copy);
        give_back(cache, at);
        return;
    }
    if (packed.len)
        memcpy(copy, packed.ptr, packed.len);
    cache->entries[at] =
        (struct entry){.tile = {{copy, packed.len}, hash}, .key = key, .next_view = first, .used = true};
    link_newest(cache, at);
    cache->counters.bytes += bytes;
    cache->counters.tiles++;
}

size_t ww_tile_cache_drop(struct ww_tile_cache *cache, uint16_t layer, struct ww_tile tile,
                          bool (*sees)(void *arg, uint16_t view), void *arg) {
    uint32_t at, next;
    size_t n = 0;
    if (!ww_id_map_get(&cache->by_tile, id_of(layer, tile), &at))
        return 0;
    for (; at != NONE; at = next) {
        next = cache->entries[at].next_view;
        if (sees && !sees(arg, cache->entries[at].key.view))
            continue;
        forget(cache, at);
        n++;
    }
    cache->counters.dropped += n;
    return n;
}

size_t ww_tile_cache_drop_where(struct ww_tile_cache *cache, uint16_t layer,
                                bool (*covers)(void *arg, struct ww_tile tile),
                                bool (*sees)(void *arg, uint16_t view), void *arg) {
    size_t n = 0;
    for (uint32_t at = 0; at < cache->n_entries; at++) {
        const struct entry *e = &cache->entries[at];
        if (!e->used || e->key.layer != layer || !covers(arg, e->key.tile) ||
            (sees && !sees(arg, e->key.view)))
            continue;
        forget(cache, at);
        n++;
    }
    cache->counters.dropped += n;
    return n;
}

void ww_tile_cache_clear(struct ww_tile_cache *cache) {
    while (cache->newest != NONE) {
        forget(cache, cache->newest);
        cache->counters.dropped++;
    }
    ww_id_map_clear(&cache->by_tile);
}

void ww_tile_cache_get_counters(const struct ww_tile_cache *cache, struct ww_tile_cache_counters *out) {
    *out = cache->counters;
}
