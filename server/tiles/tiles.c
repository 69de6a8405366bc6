/* Requests for tiles and TileJSON, and what a change of a layer makes of the cache. */
#include "server/tiles/tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "server/http/body_coding.h"
#include "server/route_table.h"
#include "server/sse_hub.h"
#include "server/tiles/latest.h"
#include "server/tiles/tile_news.h"
#include "server/tiles/views.h"

#define CACHE_BYTES ((size_t)64 << 20)
#define TILE_BYTES  ((size_t)32 << 20)

struct ww_tiles {
    struct ww_live_map *map;
    struct ww_latest *latest;
    struct ww_tile_cache *cache;
    struct ww_views *views;
    struct ww_mvt *mvt;
    struct tile_news *news;
    struct ww_buf drawn, packed;
    z_stream zip;
    struct ww_sse_hub *sse;
    struct ww_tiles_counters counters;
};

/* ---- Changes ---- */

struct change_view {
    const struct ww_tiles *tiles;
    const struct ww_live_change *change;
};

static bool view_sees(void *arg, uint16_t view) {
    const struct change_view *c = arg;
    return ww_live_view_sees(ww_views_at(c->tiles->views, view), c->change->ward);
}

/* Whether a box on the map reaches into a tile, or into the margin that its shapes are drawn in. */
static bool box_covers(void *arg, struct ww_tile tile) {
    const struct ww_live_change *c = ((const struct change_view *)arg)->change;
    const uint32_t side = tile.zoom == 0 ? UINT32_MAX : (uint32_t)1 << (32 - tile.zoom);
    const int64_t margin = ((int64_t)side * WW_LIVE_SHAPE_MARGIN) / WW_MVT_EXTENT + 1;
    const int64_t west = (int64_t)tile.x * side - margin, north = (int64_t)tile.y * side - margin;
    const int64_t east = west + side + 2 * margin, south = north + side + 2 * margin;
    return c->north_west.x <= east && c->south_east.x >= west && c->north_west.y <= south &&
           c->south_east.y >= north;
}

static void drop_point(struct ww_tiles *t, uint16_t layer, struct change_view *c) {
    for (int zoom = 0; zoom <= WW_TILES_MAX_ZOOM; zoom++)
        ww_tile_cache_drop(t->cache, layer, ww_tile_of(c->change->north_west, zoom), view_sees, c);
}

static void on_changes(void *arg, enum ww_live_layer_name layer, const struct ww_live_change *changes,
                       size_t n) {
    struct ww_tiles *t = arg;
    struct ww_tile_cache_counters cache;
    ww_tile_cache_get_counters(t->cache, &cache);
    for (size_t i = 0; i < n && cache.tiles > 0; i++) {
        struct change_view c = {t, &changes[i]};
        if (changes[i].is_point)
            drop_point(t, (uint16_t)layer, &c);
        else
            ww_tile_cache_drop_where(t->cache, (uint16_t)layer, box_covers, view_sees, &c);
    }
    tile_news_tell(t->news, t->sse, ww_live_layer_name(ww_live_map_layer(t->map, layer)), changes, n);
    t->counters.news++;
}

static void on_alert_events(void *arg) {
    struct ww_tiles *t = arg;
    ww_live_map_alerts_moved(t->map);
}

/* ---- Drawing ---- */

static enum ww_status pack(struct ww_tiles *t) {
    size_t room;
    char *out;
    ww_buf_reset(&t->packed);
    if (t->drawn.len == 0)
        return WW_OK;
    if (deflateReset(&t->zip) != Z_OK) /* before deflateBound, which is wrong for a stream that has ended */
        return WW_NO_MEMORY;
    room = deflateBound(&t->zip, t->drawn.len);
    if (!(out = ww_buf_reserve(&t->packed, room)))
        return WW_NO_MEMORY;
    t->zip.next_in = (Bytef *)t->drawn.data;
    t->zip.avail_in = (uInt)t->drawn.len;
    t->zip.next_out = (Bytef *)out;
    t->zip.avail_out = (uInt)room;
    if (deflate(&t->zip, Z_FINISH) != Z_STREAM_END)
        return WW_NO_MEMORY;
    t->packed.len += t->zip.total_out;
    return WW_OK;
}

static enum ww_status draw(struct ww_tiles *t, enum ww_live_layer_name layer, struct ww_tile tile,
                           const struct ww_live_view *view, uint64_t *hash) {
    enum ww_status st;
    ww_buf_reset(&t->drawn);
    st = ww_live_layer_draw(ww_live_map_layer(t->map, layer), tile, view, t->mvt, &t->drawn);
    if (st == WW_OK)
        st = pack(t);
    *hash = ww_str_hash(ww_buf_str(&t->drawn));
    t->counters.drawn++;
    return st;
}

void ww_tile_answer(struct ww_http_request *req, struct ww_str packed, struct ww_str plain, uint64_t hash) {
    char etag[24];
    snprintf(etag, sizeof etag, "\"%016llx\"", (unsigned long long)hash);
    ww_http_add_header(req, "ETag", etag);
    ww_http_add_header(req, "Vary", "Accept-Encoding, Authorization, Cookie");
    if (ww_http_has_etag(req, etag)) {
        ww_http_respond(req, 304, NULL, WW_STR_NONE);
    } else if (packed.len == 0) {
        ww_http_respond(req, 204, NULL, WW_STR_NONE);
    } else if (plain.ptr) {
        ww_http_respond(req, 200, WW_TILE_TYPE, plain);
    } else {
        ww_http_add_header(req, "Content-Encoding", "gzip");
        ww_http_respond(req, 200, WW_TILE_TYPE, packed);
    }
}

/* ---- Requests ---- */

static bool layer_by_name(const struct ww_tiles *t, struct ww_str name, enum ww_live_layer_name *out) {
    for (int i = 0; i < WW_LIVE_LAYERS; i++)
        if (ww_str_eq(ww_live_layer_name(ww_live_map_layer(t->map, (enum ww_live_layer_name)i)), name)) {
            *out = (enum ww_live_layer_name)i;
            return true;
        }
    return false;
}

/* The layer and tile that the path names; answers and says false when there is none. */
static bool find_tile(struct ww_route_call *call, enum ww_live_layer_name *layer, struct ww_tile *tile) {
    const struct ww_tiles *t = call->app->tiles;
    struct ww_error err;
    if (!layer_by_name(t, call->path_arg[0], layer)) {
        ww_handle_table_tile(call);
        return false;
    }
    if (ww_tile_parse(call->path_arg[1], call->path_arg[2], call->path_arg[3], WW_TILES_MAX_ZOOM, tile,
                      &err) == WW_OK)
        return true;
    ww_http_respond_error(call->req, 0, &err);
    return false;
}

void ww_handle_tile(struct ww_route_call *call) {
    struct ww_tiles *t = call->app->tiles;
    enum ww_live_layer_name layer;
    struct ww_tile tile;
    struct ww_http_request *req = call->req;
    struct ww_str name, value;
    if (ww_http_param_at(req, 0, &name, &value)) {
        ww_handle_table_tile(call); /* a filter, a time: the database knows */
        return;
    }
    if (!find_tile(call, &layer, &tile))
        return;
    if (!ww_live_map_is_loaded(t->map)) {
        ww_call_fail(call, WW_UNAVAILABLE, "", "the map is being loaded");
        return;
    }
    const struct ww_live_view view = ww_view_of_account(call->account);
    const struct ww_tile_key key = {tile, (uint16_t)layer, ww_views_of(t->views, call->account)};
    const bool takes_gzip = ww_http_accepts_gzip(ww_http_header(req, "Accept-Encoding"));
    const struct ww_cached_tile *kept = key.view == WW_VIEW_NONE ? NULL : ww_tile_cache_get(t->cache, key);
    uint64_t hash;
    if (kept && (takes_gzip || kept->packed.len == 0)) {
        ww_tile_answer(req, kept->packed, WW_STR_NONE, kept->hash);
        return;
    }
    const enum ww_status st = draw(t, layer, tile, &view, &hash);
    if (st != WW_OK) {
        ww_call_fail(call, st, "", "the tile could not be drawn");
        return;
    }
    if (!kept && key.view != WW_VIEW_NONE)
        ww_tile_cache_put(t->cache, key, ww_buf_str(&t->packed), hash);
    ww_tile_answer(req, ww_buf_str(&t->packed), takes_gzip ? WW_STR_NONE : ww_buf_str(&t->drawn), hash);
}

/* ---- TileJSON 3.0.0 ---- */

static void write_fields(struct ww_json *w, const struct ww_live_layer *layer) {
    ww_json_key(w, "fields");
    ww_json_object(w);
    for (uint16_t i = 0; i < ww_live_layer_columns(layer); i++) {
        const enum ww_live_type type = ww_live_layer_column_type(layer, i);
        ww_json_key_str(w, ww_live_layer_column_name(layer, i));
        ww_json_text(w, type == WW_LIVE_INTEGER || type == WW_LIVE_NUMBER ? "Number"
                        : type == WW_LIVE_BOOL                            ? "Boolean"
                                                                          : "String");
    }
    ww_json_key(w, "count");
    ww_json_text(w, "Number");
    ww_json_end_object(w);
}

static struct ww_str tile_url(struct ww_http_request *req, struct ww_str layer) {
    struct ww_str origin = ww_http_origin(req);
    char text[400];
    int n =
        snprintf(text, sizeof text, "%.*s/tiles/%.*s/{z}/{x}/{y}.mvt", WW_STR_ARG(origin), WW_STR_ARG(layer));
    return ww_arena_copy(ww_http_arena(req), (struct ww_str){text, (size_t)n});
}

/* TileJSON 3.0.0. Bounds are those of the wards that there are: the district. */
static void write_tilejson(struct ww_json *w, struct ww_tiles *t, struct ww_http_request *req,
                           enum ww_live_layer_name name) {
    const struct ww_live_layer *layer = ww_live_map_layer(t->map, name);
    double bounds[4];
    ww_json_object(w);
    ww_json_key(w, "tilejson");
    ww_json_text(w, "3.0.0");
    ww_json_key(w, "name");
    ww_json_str(w, ww_live_layer_name(layer));
    ww_json_key(w, "scheme");
    ww_json_text(w, "xyz");
    ww_json_key(w, "tiles");
    ww_json_array(w);
    ww_json_str(w, tile_url(req, ww_live_layer_name(layer)));
    ww_json_end_array(w);
    ww_json_key(w, "minzoom");
    ww_json_int(w, 0);
    ww_json_key(w, "maxzoom");
    ww_json_int(w, WW_TILES_MAX_ZOOM);
    if (ww_live_layer_bounds(ww_live_map_layer(t->map, WW_LIVE_WARD), bounds)) {
        ww_json_key(w, "bounds");
        ww_json_array(w);
        for (int i = 0; i < 4; i++)
            ww_json_double(w, bounds[i]);
        ww_json_end_array(w);
    }
    ww_json_key(w, "vector_layers");
    ww_json_array(w);
    ww_json_object(w);
    ww_json_key(w, "id");
    ww_json_str(w, ww_live_layer_name(layer));
    write_fields(w, layer);
    ww_json_end_object(w);
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void answer_tilejson(struct ww_route_call *call, struct ww_str name) {
    enum ww_live_layer_name layer;
    struct ww_buf out;
    struct ww_json w;
    if (!layer_by_name(call->app->tiles, name, &layer)) {
        call->path_arg[0] = name;
        ww_handle_table_tilejson(call);
        return;
    }
    ww_buf_init(&out, 1 << 20);
    ww_json_init(&w, &out);
    write_tilejson(&w, call->app->tiles, call->req, layer);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else
        ww_call_fail(call, ww_buf_status(&out), "", "the description does not fit");
    ww_buf_clear(&out);
}

void ww_handle_tilejson(struct ww_route_call *call) {
    struct ww_str name = call->path_arg[0];
    if (ww_str_ends(name, WW_STR(".json")))
        name.len -= 5;
    answer_tilejson(call, name);
}

/* ---- Life ---- */

struct ww_tiles *ww_tiles_new(struct event_base *base, const struct ww_tiles_options *options) {
    struct ww_tiles *t = ww_must_calloc(1, sizeof *t);
    t->sse = options->sse;
    t->cache = ww_tile_cache_new(options->max_cache_bytes ? options->max_cache_bytes : CACHE_BYTES);
    t->views = ww_views_new();
    t->news = tile_news_new();
    t->mvt = ww_mvt_new();
    if (!t->mvt || deflateInit2(&t->zip, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* at start */
    ww_buf_init(&t->drawn, TILE_BYTES);
    ww_buf_init(&t->packed, TILE_BYTES);
    t->map = ww_live_map_new(
        base, &(struct ww_live_map_options){
                  .pool = options->pool, .path = options->path, .on_changes = on_changes, .arg = t});
    t->latest = ww_latest_new(base, t->map);
    ww_sse_hub_on_events(options->sse, on_alert_events, t);
    return t;
}

void ww_tiles_free(struct ww_tiles *t) {
    if (!t)
        return;
    ww_sse_hub_on_events(t->sse, NULL, NULL);
    ww_latest_free(t->latest);
    ww_live_map_free(t->map);
    ww_tile_cache_free(t->cache);
    ww_views_free(t->views);
    tile_news_free(t->news);
    ww_mvt_free(t->mvt);
    ww_buf_clear(&t->drawn);
    ww_buf_clear(&t->packed);
    deflateEnd(&t->zip);
    ww_free(t);
}

struct ww_latest *ww_tiles_latest(const struct ww_tiles *t) {
    return t->latest;
}

void ww_tiles_get_counters(const struct ww_tiles *t, struct ww_tiles_counters *out) {
    *out = t->counters;
    ww_tile_cache_get_counters(t->cache, &out->cache);
    for (int i = 0; i < WW_LIVE_LAYERS; i++) {
        out->rows[i] = ww_live_layer_rows(ww_live_map_layer(t->map, (enum ww_live_layer_name)i));
        out->layer_bytes += ww_live_layer_bytes(ww_live_map_layer(t->map, (enum ww_live_layer_name)i));
    }
}
