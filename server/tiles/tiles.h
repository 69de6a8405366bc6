/* Vector tiles: what the map shows now, as /tiles/{layer}/{z}/{x}/{y}.mvt, and who is told when a tile
 * changed.
 *
 *   request ──▶ cache? ──▶ 304, or the packed bytes
 *                └─ no ──▶ live layer drawn as the reader's wards allow ──▶ packed, kept, sent
 *   layer changed ──▶ exactly the tiles that show it leave the cache ──▶ event `tiles` on
 * /api/v1/events?tiles=1
 *
 * The event's data is {"layer":"thing","tiles":["14/13057/6789",…]}: tiles of any zoom; what lies in one,
 * above it or below it is to be fetched again. A reader is told only of changes in wards that it sees. The
 * ETag is a hash of the tile's bytes. One thread (the loop's): a tile takes some ten microseconds to draw,
 * the whole district's a few milliseconds.
 */
#ifndef WW_SERVER_TILES_H
#define WW_SERVER_TILES_H

#include "server/app.h"
#include "server/tiles/live_map.h"
#include "server/tiles/tile_cache.h"

#define WW_TILES_MAX_ZOOM 16 /* a unit is 15 cm there; clients enlarge it further */

struct ww_tiles;

struct ww_tiles_options {
    struct ww_pg_pool *pool;
    struct ww_path *path;   /* outlives it */
    struct ww_sse_hub *sse; /* outlives it */
    size_t max_cache_bytes; /* 0 = 64 MiB */
};

struct ww_tiles *ww_tiles_new(struct event_base *base, const struct ww_tiles_options *options);
void ww_tiles_free(struct ww_tiles *tiles); /* NULL is allowed */

struct ww_latest; /* latest.h */
struct ww_latest *ww_tiles_latest(const struct ww_tiles *tiles);

#define WW_TILE_TYPE "application/vnd.mapbox-vector-tile"
/* Answers with a tile: 304 when the client has it (`hash` is of the plain bytes), 204 when it is empty, else
 * `packed` (gzip), or `plain` for a client that does not take gzip (WW_STR_NONE: it does). */
void ww_tile_answer(struct ww_http_request *req, struct ww_str packed, struct ww_str plain, uint64_t hash);

struct ww_tiles_counters {
    struct ww_tile_cache_counters cache;
    uint64_t drawn, news;
    size_t rows[WW_LIVE_LAYERS], layer_bytes;
};
void ww_tiles_get_counters(const struct ww_tiles *tiles, struct ww_tiles_counters *out);

#endif
