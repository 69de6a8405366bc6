/* GeoJSON (RFC 7946), by itself, as a sequence (RFC 8142) and as lines.
 *
 * A feature's text is put together from the binary values at once; names of members are escaped once a
 * request.
 */
#include <math.h>
#include <stdio.h>

#include "geo/instant.h"
#include "server/ogc/format.h"

static void json_text(struct ww_buf *out, struct ww_str text) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_str(&w, text);
}

static void make_keys(struct ogc_run *run) {
    if (run->keys)
        return;
    int n = run->request.n_properties;
    run->keys = ww_arena_calloc(run->call->arena, (size_t)n + 1, sizeof *run->keys);
    for (int i = 0; run->keys && i < n; i++) {
        struct ww_buf key;
        ww_buf_init(&key, 4096);
        ww_buf_text(&key, i ? "," : "");
        json_text(&key, run->call->layer->columns[run->request.properties[i]].name);
        ww_buf_char(&key, ':');
        run->keys[i] = ww_arena_copy(run->call->arena, ww_buf_str(&key));
        ww_buf_clear(&key);
    }
}

static void value(struct ogc_run *run, const struct ww_pg_result *r, int row, int at, struct ww_buf *out) {
    const struct ww_layer_column *column = &run->call->layer->columns[run->query.columns[at]];
    if (ww_pg_is_null(r, row, at)) {
        ww_buf_text(out, "null");
        return;
    }
    switch (column->type) {
    case WW_LAYER_BOOL:
    case WW_LAYER_INT:
        (void)ogc_value_text(run, r, row, at, out);
        break;
    case WW_LAYER_FLOAT:
        if (isfinite(ww_pg_bin_double(r, row, at)))
            (void)ogc_value_text(run, r, row, at, out);
        else
            ww_buf_text(out, "null"); /* JSON has no such number */
        break;
    case WW_LAYER_NUMERIC: {
        size_t start = out->len;
        ww_pg_bin_numeric(r, row, at, out);
        if (out->failed == WW_OK && !(out->data[out->len - 1] >= '0' && out->data[out->len - 1] <= '9')) {
            out->len = start; /* NaN, Infinity */
            ww_buf_text(out, "null");
        }
        break;
    }
    case WW_LAYER_JSON:
        ww_buf_str_add(out, ww_pg_bin_str(r, row, at));
        break;
    case WW_LAYER_TEXT:
        json_text(out, ww_pg_bin_str(r, row, at));
        break;
    default:
        ww_buf_char(out, '"');
        (void)ogc_value_text(run, r, row, at, out);
        ww_buf_char(out, '"');
    }
}

static void feature(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    const struct ww_layer *layer = run->call->layer;
    make_keys(run);
    ww_buf_text(out, "{\"type\":\"Feature\",\"id\":");
    struct ww_str id = ogc_row_id(run, r, row);
    if (layer->n_key == 1 && layer->columns[layer->key[0]].type == WW_LAYER_INT)
        ww_buf_str_add(out, id);
    else
        json_text(out, id);
    ww_buf_text(out, ",\"geometry\":");
    if (ogc_row_geometry(run, r, row))
        ww_geom_geojson(&run->geom, run->decimals, out);
    else
        ww_buf_text(out, "null");
    ww_buf_text(out, ",\"properties\":{");
    for (int i = 0; run->keys && i < run->request.n_properties; i++) {
        ww_buf_str_add(out, run->keys[i]);
        value(run, r, row, run->first_property + i, out);
    }
    ww_buf_char(out, '}');
}

static void link(struct ww_json *w, struct ogc_run *run, const char *rel, const char *type,
                 struct ww_str target, const char *also) {
    struct ww_buf href;
    ww_buf_init(&href, (size_t)64 << 10);
    ww_buf_str_add(&href, run->call->root);
    ww_buf_str_add(&href, target);
    ww_buf_text(&href, also);
    ww_json_object(w);
    ww_json_key(w, "href");
    ww_json_str(w, ww_buf_str(&href));
    ww_json_key(w, "rel");
    ww_json_text(w, rel);
    ww_json_key(w, "type");
    ww_json_text(w, type);
    ww_json_end_object(w);
    ww_buf_clear(&href);
}

/* The address that was asked for, below the root; for alternates without f. */
static struct ww_str asked(struct ogc_run *run, bool without_f, bool *has_query) {
    struct ww_http_request *req = run->call->req;
    struct ww_str path = ww_http_path(req);
    struct ww_str name;
    struct ww_str value_text;
    struct ww_buf out;
    ww_buf_init(&out, (size_t)64 << 10);
    for (size_t i = sizeof "/ogc" - 1; i < path.len; i++) {
        if (path.ptr[i] == '/')
            ww_buf_char(&out, '/');
        else
            ogc_percent(&out, (struct ww_str){path.ptr + i, 1});
    }
    *has_query = false;
    for (int i = 0; ww_http_param_at(req, i, &name, &value_text); i++) {
        if (without_f && ww_str_is(name, "f"))
            continue;
        ww_buf_char(&out, *has_query ? '&' : '?');
        ogc_percent(&out, name);
        ww_buf_char(&out, '=');
        ogc_percent(&out, value_text);
        *has_query = true;
    }
    struct ww_str copy = ww_arena_copy(run->call->arena, ww_buf_str(&out));
    ww_buf_clear(&out);
    return copy.ptr ? copy : WW_STR("");
}

static void links(struct ogc_run *run, struct ww_buf *out) {
    struct ww_json w;
    bool has_query;
    char also[32];
    struct ww_str collection =
        ww_arena_copy(run->call->arena, ogc_percent_copy(run->call->arena, run->call->layer->id));
    char path[600];
    ww_json_init(&w, out);
    ww_json_array(&w);
    struct ww_str self = asked(run, false, &has_query);
    link(&w, run, "self", ogc_media_type(OGC_GEOJSON), self, "");
    struct ww_str plain = asked(run, true, &has_query);
    for (size_t i = 1; ogc_feature_formats[i] != OGC_FORMATS; i++) {
        if (run->one && ogc_feature_formats[i] != OGC_HTML)
            continue;
        snprintf(also, sizeof also, "%cf=%s", has_query ? '&' : '?', ogc_format_name(ogc_feature_formats[i]));
        link(&w, run, "alternate", ogc_media_type(ogc_feature_formats[i]), plain, also);
    }
    snprintf(path, sizeof path, "/collections/%s", collection.ptr ? collection.ptr : "");
    link(&w, run, "collection", "application/json", ww_str_of(path), "");
    if (run->next.len)
        link(&w, run, "next", ogc_media_type(OGC_GEOJSON), run->next, "");
    ww_json_end_array(&w);
}

static void collection_head(struct ogc_run *run, struct ww_buf *out) {
    (void)run;
    ww_buf_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
}

static void collection_row(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    ww_buf_text(out, run->returned ? ",\n" : "\n");
    feature(run, r, row, out);
    ww_buf_char(out, '}');
}

static void collection_foot(struct ogc_run *run, struct ww_buf *out) {
    ww_buf_printf(out, "\n],\"numberReturned\":%lld", (long long)run->returned);
    if (run->matched >= 0)
        ww_buf_printf(out, ",\"numberMatched\":%lld", (long long)run->matched);
    ww_buf_text(out, ",\"links\":");
    links(run, out);
    ww_buf_text(out, "}\n");
}

static void one_row(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    feature(run, r, row, out);
    ww_buf_text(out, ",\"links\":");
    links(run, out);
    ww_buf_text(out, "}\n");
}

static void geojson_head(struct ogc_run *run, struct ww_buf *out) {
    if (!run->one)
        collection_head(run, out);
}

static void geojson_row(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    if (run->one)
        one_row(run, r, row, out);
    else
        collection_row(run, r, row, out);
}

static void geojson_foot(struct ogc_run *run, struct ww_buf *out) {
    if (!run->one)
        collection_foot(run, out);
}

const struct ogc_writer ogc_write_geojson = {
    OGC_GEOJSON, "application/geo+json", geojson_head, geojson_row, geojson_foot, true, false};

static void nothing(struct ogc_run *run, struct ww_buf *out) {
    (void)run;
    (void)out;
}

static void line_row(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    feature(run, r, row, out);
    ww_buf_text(out, "}\n");
}

static void seq_row(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    ww_buf_char(out, '\x1e');
    line_row(run, r, row, out);
}

const struct ogc_writer ogc_write_geojson_seq = {
    OGC_GEOJSON_SEQ, "application/geo+json-seq", nothing, seq_row, nothing, false, true};
const struct ogc_writer ogc_write_ndjson = {
    OGC_NDJSON, "application/x-ndjson", nothing, line_row, nothing, false, true};
