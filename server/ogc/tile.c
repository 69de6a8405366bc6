/* Vector tiles of any layer of the database, by PostGIS, and the documents of OGC API Tiles about them.
 *
 * The tile shows what the reader may see and the filter, datetime and properties of the request let through:
 * the same conditions as of items (query.c). What is live is drawn from memory instead (server/tiles). OGC
 * names a tile by row, then column; map libraries the other way round.
 *
 *   OGC 20-057 (OGC API - Tiles - Part 1), OGC 17-083r4 (WebMercatorQuad)
 */
#include "server/http/body_coding.h"
#include "server/ogc/request.h"
#include "server/tiles/tiles.h"

#define TILE_BYTES ((size_t)32 << 20)
#define TILE_ROWS  200000 /* of one tile; a tile with more is refused: ask for a deeper zoom or filter */
#define MATRIX_SET "WebMercatorQuad"

static const enum ogc_format json_only[] = {OGC_JSON, OGC_HTML, OGC_FORMATS};
static const enum ogc_format any_format[] = {OGC_JSON, OGC_FORMATS};
static const char *const no_params[] = {NULL};

/* ---- The tile ---- */

struct tile_run {
    struct ogc_call *call;
    struct ogc_request request;
    struct ogc_query query;
    struct ww_pg_stream *stream;
    struct ww_tile tile;
};

static enum ww_status write_query(struct tile_run *run, struct ww_error *err) {
    struct ogc_query *q = &run->query;
    const struct ww_layer *layer = run->call->layer;
    const struct ww_layer_column *geom = &layer->columns[layer->geom];
    const bool has_id = layer->n_key == 1 && layer->columns[layer->key[0]].type == WW_LAYER_INT;
    int z, id = -1;
    ww_pg_arg_str(&q->args, layer->id);
    ww_pg_arg_i64(&q->args, run->tile.zoom);
    z = q->args.count;
    ww_pg_arg_i64(&q->args, run->tile.x);
    ww_pg_arg_i64(&q->args, run->tile.y);
    ww_buf_printf(&q->sql, "SELECT count(*)::int8, ST_AsMVT(q, $1::text, %d, '~geom'%s) FROM (SELECT ",
                  WW_MVT_EXTENT, has_id ? ", '~id'" : "");
    if (has_id) {
        id = layer->key[0];
        ww_buf_printf(&q->sql, "%.*s AS \"~id\", ", WW_STR_ARG(layer->columns[id].sql));
    }
    for (int i = 0; i < run->request.n_properties; i++)
        ww_buf_printf(&q->sql, "%.*s, ", WW_STR_ARG(layer->columns[run->request.properties[i]].sql));
    ww_buf_printf(&q->sql,
                  "ST_AsMVTGeom(ST_Transform(%.*s, 3857), ST_TileEnvelope($%d::int, $%d::int, $%d::int), %d, "
                  "64, true) AS \"~geom\" "
                  "FROM %.*s t WHERE %.*s && ST_Transform(ST_TileEnvelope($%d::int, $%d::int, $%d::int, "
                  "margin => 64.0 / %d), %d)",
                  WW_STR_ARG(geom->sql), z, z + 1, z + 2, WW_MVT_EXTENT, WW_STR_ARG(layer->relation),
                  WW_STR_ARG(geom->sql), z, z + 1, z + 2, WW_MVT_EXTENT, layer->srid);
    const enum ww_status st = ogc_query_conditions(run->call, &run->request, q, err);
    ww_buf_printf(&q->sql, " LIMIT %d) q WHERE q.\"~geom\" IS NOT NULL", TILE_ROWS + 1);
    if (st == WW_OK && (ww_buf_status(&q->sql) != WW_OK || ww_buf_status(&q->args.bytes) != WW_OK))
        return ww_error_set(err, WW_BAD_INPUT, "the request asks for too much at once");
    return st;
}

static void clear(struct tile_run *run) {
    ww_http_on_gone(run->call->req, NULL, NULL);
    ogc_query_clear(&run->query);
}

static void fail_run(struct tile_run *run, enum ww_status status, const char *message) {
    clear(run);
    ogc_fail(run->call, status, "", "%s", message);
}

static void answer_tile(struct tile_run *run, struct ww_str plain) {
    struct ww_http_request *req = run->call->req;
    const bool takes_gzip = ww_http_accepts_gzip(ww_http_header(req, "Accept-Encoding"));
    struct ww_buf packed;
    enum ww_status st;
    ww_buf_init(&packed, TILE_BYTES);
    st = plain.len ? ww_http_gzip(plain, &packed) : WW_OK;
    if (st != WW_OK) {
        fail_run(run, st, "the tile does not fit");
    } else {
        const uint64_t hash = ww_str_hash(plain);
        clear(run);
        ogc_end(run->call);
        ww_tile_answer(req, ww_buf_str(&packed), takes_gzip ? WW_STR_NONE : plain, hash);
    }
    ww_buf_clear(&packed);
}

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                    const struct ww_error *err) {
    struct tile_run *run = arg;
    struct ww_pg_stream *stream = run->stream;
    run->stream = NULL;
    if (status != WW_OK) {
        const bool too_long = err && strcmp(err->field, "57014") == 0;
        fail_run(run, WW_UNAVAILABLE,
                 too_long ? "this tile took the database too long: ask for a deeper zoom, or filter"
                          : "the database does not answer now");
        return;
    }
    if (!last)
        ww_pg_stream_cancel(stream); /* it has one row */
    if (ww_pg_rows(page) == 0 || ww_pg_bin_i64(page, 0, 0) == 0)
        answer_tile(run, WW_STR_NONE);
    else if (ww_pg_bin_i64(page, 0, 0) > TILE_ROWS)
        fail_run(run, WW_TOO_LARGE,
                 "more features lie in this tile than one tile can show: ask for a deeper zoom, or filter");
    else
        answer_tile(run, ww_pg_bin_str(page, 0, 1));
}

static void on_gone(void *arg) {
    struct tile_run *run = arg;
    if (run->stream)
        ww_pg_stream_cancel(run->stream);
    run->stream = NULL;
    fail_run(run, WW_UNAVAILABLE, "the client hung up");
}

/* False when the call was answered. */
static bool find_tile(struct ogc_call *call, struct ww_tile *tile) {
    const struct ww_str *arg = call->route->path_arg;
    const bool is_ogc = arg[4].len > 0; /* …/tiles/{set}/{zoom}/{row}/{column} */
    struct ww_error err;
    if (is_ogc && !ww_str_is(arg[1], MATRIX_SET)) {
        ogc_fail(call, WW_NOT_FOUND, "tileMatrixSetId",
                 "there is no tile matrix set %.*s: there is " MATRIX_SET, WW_STR_ARG(arg[1]));
        return false;
    }
    if (ww_tile_parse(arg[is_ogc ? 2 : 1], arg[is_ogc ? 4 : 2], arg[3], WW_TILE_MAX_ZOOM, tile, &err) !=
        WW_OK) {
        ogc_fail_error(call, &err);
        return false;
    }
    if (call->layer->geom < 0) {
        ogc_fail(call, WW_NOT_FOUND, "layer", "this layer has no geometry, so it has no tiles");
        return false;
    }
    return true;
}

static void tile(struct ogc_call *call) {
    struct tile_run *run;
    struct ww_error err;
    struct ww_tile which;
    enum ww_status st;
    if (!find_tile(call, &which))
        return;
    if (!(run = ww_arena_calloc(call->arena, 1, sizeof *run))) {
        ogc_fail(call, WW_NO_MEMORY, "", "no memory for this tile");
        return;
    }
    run->call = call;
    run->tile = which;
    if (!ogc_request_read(call, &run->request))
        return;
    ogc_query_init(&run->query);
    if ((st = write_query(run, &err)) != WW_OK) {
        ogc_query_clear(&run->query);
        ogc_fail_error(call, &err);
        return;
    }
    const struct ww_pg_stream_query query = {.reader = ogc_reader(call),
                                             .sql = run->query.sql.data,
                                             .args = &run->query.args,
                                             .page_rows = 2,
                                             .cb = on_page,
                                             .arg = run};
    if ((st = ww_pg_stream_open(call->ogc->rows, &query, &run->stream)) != WW_OK) {
        ogc_query_clear(&run->query);
        ogc_fail(call, st, "", "the database has no room for another reader now");
        return;
    }
    ww_http_on_gone(call->req, on_gone, run);
}

void ww_handle_table_tile(struct ww_route_call *call) {
    ogc_begin(call, true, any_format, NULL, tile);
}

/* ---- Documents ---- */

static void link_to(struct ogc_call *call, struct ww_json *w, const char *rel, const char *type,
                    const char *more) {
    struct ww_str id = ogc_percent_copy(call->arena, call->layer->id);
    ogc_link(call, w, rel, type, OGC_SAY(call, "Vector tiles", "矢量瓦片"), "/collections/%s/tiles%s", id.ptr,
             more);
}

/* A link whose address is a template; ogc_link would encode nothing of it, but has no member for that. */
static void template_link(struct ogc_call *call, struct ww_json *w) {
    struct ww_str id = ogc_percent_copy(call->arena, call->layer->id);
    struct ww_buf href;
    ww_buf_init(&href, 4096);
    ww_buf_printf(&href, "%.*s/collections/%.*s/tiles/" MATRIX_SET "/{tileMatrix}/{tileRow}/{tileCol}",
                  WW_STR_ARG(call->root), WW_STR_ARG(id));
    ww_json_object(w);
    ww_json_key(w, "rel");
    ww_json_text(w, "item");
    ww_json_key(w, "type");
    ww_json_text(w, WW_TILE_TYPE);
    ww_json_key(w, "templated");
    ww_json_bool(w, true);
    ww_json_key(w, "href");
    ww_json_str(w, ww_buf_str(&href));
    ww_json_end_object(w);
    ww_buf_clear(&href);
}

static void tileset_members(struct ogc_call *call, struct ww_json *w, bool whole) {
    const struct ww_layer *layer = call->layer;
    ww_json_key(w, "title");
    ww_json_str(w, ogc_title(call, layer));
    ww_json_key(w, "dataType");
    ww_json_text(w, "vector");
    ww_json_key(w, "crs");
    ww_json_text(w, "http://www.opengis.net/def/crs/EPSG/0/3857");
    ww_json_key(w, "tileMatrixSetURI");
    ww_json_text(w, "http://www.opengis.net/def/tilematrixset/OGC/1.0/" MATRIX_SET);
    if (whole && layer->has_box) {
        ww_json_key(w, "boundingBox");
        ww_json_object(w);
        ww_json_key(w, "lowerLeft");
        ww_json_array(w);
        ww_json_double(w, layer->box[0]);
        ww_json_double(w, layer->box[1]);
        ww_json_end_array(w);
        ww_json_key(w, "upperRight");
        ww_json_array(w);
        ww_json_double(w, layer->box[2]);
        ww_json_double(w, layer->box[3]);
        ww_json_end_array(w);
        ww_json_key(w, "crs");
        ww_json_text(w, "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
        ww_json_end_object(w);
    }
    ww_json_key(w, "links");
    ww_json_array(w);
    link_to(call, w, "self", "application/json", "/" MATRIX_SET);
    template_link(call, w);
    ww_json_end_array(w);
}

static bool has_tiles(struct ogc_call *call) {
    if (call->layer->geom >= 0)
        return true;
    ogc_fail(call, WW_NOT_FOUND, "layer", "this layer has no geometry, so it has no tiles");
    return false;
}

static void tilesets(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    if (!has_tiles(call))
        return;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "links");
    ww_json_array(&w);
    link_to(call, &w, "self", "application/json", "");
    ww_json_end_array(&w);
    ww_json_key(&w, "tilesets");
    ww_json_array(&w);
    ww_json_object(&w);
    tileset_members(call, &w, false);
    ww_json_end_object(&w);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_tilesets(struct ww_route_call *call) {
    ogc_begin(call, true, json_only, no_params, tilesets);
}

static void tileset(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    if (!has_tiles(call))
        return;
    if (!ww_str_is(call->route->path_arg[1], MATRIX_SET)) {
        ogc_fail(call, WW_NOT_FOUND, "tileMatrixSetId",
                 "there is no such tile matrix set: there is " MATRIX_SET);
        return;
    }
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    tileset_members(call, &w, true);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_tileset(struct ww_route_call *call) {
    ogc_begin(call, true, json_only, no_params, tileset);
}

/* ---- TileJSON 3.0.0 of a layer that is not live ---- */

static const char *field_type(enum ww_layer_type type) {
    switch (type) {
    case WW_LAYER_INT:
    case WW_LAYER_FLOAT:
    case WW_LAYER_NUMERIC:
        return "Number";
    case WW_LAYER_BOOL:
        return "Boolean";
    default:
        return "String";
    }
}

static void tilejson(struct ogc_call *call) {
    const struct ww_layer *layer = call->layer;
    struct ww_str id = ogc_percent_copy(call->arena, layer->id);
    struct ww_buf out, url;
    struct ww_json w;
    if (!has_tiles(call))
        return;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_buf_init(&url, 4096); /* the root ends with /ogc; these tiles lie beside it */
    ww_buf_printf(&url, "%.*s/tiles/%.*s/{z}/{x}/{y}.mvt", (int)call->root.len - 4, call->root.ptr,
                  WW_STR_ARG(id));
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "tilejson");
    ww_json_text(&w, "3.0.0");
    ww_json_key(&w, "name");
    ww_json_str(&w, ogc_title(call, layer));
    ww_json_key(&w, "scheme");
    ww_json_text(&w, "xyz");
    ww_json_key(&w, "tiles");
    ww_json_array(&w);
    ww_json_str(&w, ww_buf_str(&url));
    ww_json_end_array(&w);
    ww_json_key(&w, "minzoom");
    ww_json_int(&w, 0);
    ww_json_key(&w, "maxzoom");
    ww_json_int(&w, WW_TILES_MAX_ZOOM);
    if (layer->has_box) {
        ww_json_key(&w, "bounds");
        ww_json_array(&w);
        for (int i = 0; i < 4; i++)
            ww_json_double(&w, layer->box[i]);
        ww_json_end_array(&w);
    }
    ww_json_key(&w, "vector_layers");
    ww_json_array(&w);
    ww_json_object(&w);
    ww_json_key(&w, "id");
    ww_json_str(&w, layer->id);
    ww_json_key(&w, "fields");
    ww_json_object(&w);
    for (int i = 0; i < layer->n_columns; i++)
        if (i != layer->geom) {
            ww_json_key_str(&w, layer->columns[i].name);
            ww_json_text(&w, field_type(layer->columns[i].type));
        }
    ww_json_end_object(&w);
    ww_json_end_object(&w);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
    ww_buf_clear(&url);
}

void ww_handle_table_tilejson(struct ww_route_call *call) {
    ogc_begin(call, true, any_format, no_params, tilejson);
}
