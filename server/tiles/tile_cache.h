/* Finished tiles, packed, until something in them changes.
 *
 * A tile is kept for each visibility class that asked for it (server/tiles/views.h): what one ward's reader
 * was sent is never sent to another's. The least lately used go when the room is used up. Nothing here
 * expires by time: who changes a layer drops the tiles that show the change.
 *
 *   struct ww_tile_cache *cache = ww_tile_cache_new(64 << 20);
 *   const struct ww_cached_tile *t = ww_tile_cache_get(cache, key);
 *   if (!t) ww_tile_cache_put(cache, key, packed, hash);
 *   ww_tile_cache_drop(cache, layer, tile, sees, arg);
 *
 * One thread.
 */
#ifndef WW_SERVER_TILE_CACHE_H
#define WW_SERVER_TILE_CACHE_H

#include "geo/base/str.h"
#include "geo/tile/tile_grid.h"

struct ww_tile_key {
    struct ww_tile tile;
    uint16_t layer; /* below 1,024 */
    uint16_t view;
};

struct ww_cached_tile {
    struct ww_str packed; /* gzip; empty: nothing is in the tile */
    uint64_t hash;        /* of the bytes before packing: what the ETag is made of */
};

struct ww_tile_cache_counters {
    uint64_t hits, misses, dropped, evicted;
    size_t tiles, bytes;
};

struct ww_tile_cache;

struct ww_tile_cache *ww_tile_cache_new(size_t max_bytes); /* aborts when memory is short */
void ww_tile_cache_free(struct ww_tile_cache *cache);
/* NULL: not there. Valid until the next put or drop. */
const struct ww_cached_tile *ww_tile_cache_get(struct ww_tile_cache *cache, struct ww_tile_key key);
/* Copies. Without memory, or when it alone is larger than the room, it is not kept, which is no fault. */
void ww_tile_cache_put(struct ww_tile_cache *cache, struct ww_tile_key key, struct ww_str packed,
                       uint64_t hash);
/* Drops a layer's tile for each view that `sees` says yes to (NULL: all). Returns how many were dropped. */
size_t ww_tile_cache_drop(struct ww_tile_cache *cache, uint16_t layer, struct ww_tile tile,
                          bool (*sees)(void *arg, uint16_t view), void *arg);
/* The same for each tile of a layer that `covers` says yes to: for changes as large as a ward. */
size_t ww_tile_cache_drop_where(struct ww_tile_cache *cache, uint16_t layer,
                                bool (*covers)(void *arg, struct ww_tile tile),
                                bool (*sees)(void *arg, uint16_t view), void *arg);
void ww_tile_cache_clear(struct ww_tile_cache *cache);
void ww_tile_cache_get_counters(const struct ww_tile_cache *cache, struct ww_tile_cache_counters *out);

#endif
