/* The list of collections, and one of them. */
#include <stdio.h>

#include "geo/instant.h"
#include "server/ogc/ogc.h"

static const char *const no_params[] = {NULL};

static void time_or_null(struct ww_json *w, int64_t instant) {
    char text[40];
    if (instant == WW_INSTANT_NONE)
        ww_json_null(w);
    else
        ww_json_str(w, (struct ww_str){text, (size_t)ww_instant_text(instant, text)});
}

static void extent(const struct ww_layer *layer, struct ww_json *w) {
    static const double world[4] = {-180, -90, 180, 90};
    const double *box = layer->has_box ? layer->box : world; /* not counted: nothing lies outside */
    if (layer->geom < 0 && layer->time < 0)
        return;
    ww_json_key(w, "extent");
    ww_json_object(w);
    if (layer->geom >= 0) {
        ww_json_key(w, "spatial");
        ww_json_object(w);
        ww_json_key(w, "bbox");
        ww_json_array(w);
        ww_json_array(w);
        for (int i = 0; i < 4; i++)
            ww_json_double(w, box[i]);
        ww_json_end_array(w);
        ww_json_end_array(w);
        ww_json_key(w, "crs");
        ww_json_text(w, "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
        ww_json_end_object(w);
    }
    if (layer->time >= 0) {
        ww_json_key(w, "temporal");
        ww_json_object(w);
        ww_json_key(w, "interval");
        ww_json_array(w);
        ww_json_array(w);
        time_or_null(w, layer->has_times ? layer->time_from : WW_INSTANT_NONE);
        time_or_null(w, layer->has_times ? layer->time_to : WW_INSTANT_NONE);
        ww_json_end_array(w);
        ww_json_end_array(w);
        ww_json_key(w, "trs");
        ww_json_text(w, "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian");
        ww_json_end_object(w);
    }
    ww_json_end_object(w);
}

static void systems(const struct ww_layer *layer, struct ww_json *w) {
    uint32_t offered[OGC_CRS_MAX];
    char uri[80];
    if (layer->geom < 0)
        return;
    int n = ogc_crs_offered(layer, offered);
    ww_json_key(w, "crs");
    ww_json_array(w);
    for (int i = 0; i < n; i++) {
        ogc_crs_uri(offered[i], uri);
        ww_json_text(w, uri);
    }
    ww_json_end_array(w);
    ogc_crs_uri((uint32_t)layer->srid, uri);
    ww_json_key(w, "storageCrs");
    ww_json_text(w, uri);
}

static void links(struct ogc_call *call, const struct ww_layer *layer, struct ww_json *w) {
    struct ww_str id = ogc_percent_copy(call->arena, layer->id);
    const char *path = id.ptr;
    ogc_link(call, w, "self", "application/json", OGC_SAY(call, "This collection", "本图层"),
             "/collections/%s", path);
    ogc_link(call, w, "alternate", "text/html", OGC_SAY(call, "As a page", "网页"), "/collections/%s?f=html",
             path);
    for (size_t i = 0; ogc_feature_formats[i] != OGC_FORMATS; i++) {
        enum ogc_format format = ogc_feature_formats[i];
        ogc_link(call, w, "items", ogc_media_type(format), OGC_SAY(call, "The features", "要素"),
                 format == OGC_GEOJSON ? "/collections/%s/items" : "/collections/%s/items?f=%s", path,
                 ogc_format_name(format));
    }
    ogc_link(call, w, "http://www.opengis.net/def/rel/ogc/1.0/queryables", "application/schema+json",
             OGC_SAY(call, "What filters may name", "可查询属性"), "/collections/%s/queryables", path);
    ogc_link(call, w, "http://www.opengis.net/def/rel/ogc/1.0/schema", "application/schema+json",
             OGC_SAY(call, "Schema of the properties", "属性结构"), "/collections/%s/schema", path);
    /* GDAL 3.6 looks for the one spelling, everybody else for the other. */
    ogc_link(call, w, "describedby", "application/schema+json",
             OGC_SAY(call, "Schema of a feature", "要素结构"), "/collections/%s/schema?of=feature", path);
    ogc_link(call, w, "describedBy", "application/schema+json",
             OGC_SAY(call, "Schema of a feature", "要素结构"), "/collections/%s/schema?of=feature", path);
    if (layer->geom >= 0)
        ogc_link(call, w, "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", "application/json",
                 OGC_SAY(call, "Vector tiles", "矢量瓦片"), "/collections/%s/tiles", path);
    ogc_link(call, w, "root", "application/json", OGC_SAY(call, "Landing page", "首页"), "%s", "");
}

void ogc_collection_json(struct ogc_call *call, const struct ww_layer *layer, struct ww_json *w) {
    struct ww_str about = call->zh ? layer->about_zh : layer->about_en;
    ww_json_object(w);
    ww_json_key(w, "id");
    ww_json_str(w, layer->id);
    ww_json_key(w, "title");
    ww_json_str(w, ogc_title(call, layer));
    ww_json_key(w, "description");
    ww_json_str(w, about);
    ww_json_key(w, "itemType");
    ww_json_text(w, "feature");
    /* QGIS takes it for the number of features: only where every row is this reader's, and counted. */
    if (layer->counted && layer->rows >= 0 && !call->wards.ptr) {
        ww_json_key(w, "itemCount");
        ww_json_int(w, layer->rows);
    }
    extent(layer, w);
    systems(layer, w);
    ww_json_key(w, "links");
    ww_json_array(w);
    links(call, layer, w);
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void collections(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)16 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "title");
    ww_json_text(&w, OGC_SAY(call, "Layers", "图层"));
    ww_json_key(&w, "links");
    ww_json_array(&w);
    ogc_self_links(call, &w, ogc_document_formats, "/collections");
    ww_json_end_array(&w);
    ww_json_key(&w, "collections");
    ww_json_array(&w);
    for (size_t i = 0; i < ww_layer_count(call->set); i++) {
        const struct ww_layer *layer = ww_layer_at(call->set, i);
        if (ogc_may_see(call, layer))
            ogc_collection_json(call, layer, &w);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_collections(struct ww_route_call *call) {
    ogc_begin(call, false, ogc_document_formats, no_params, collections);
}

static void collection(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ogc_collection_json(call, call->layer, &w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_collection(struct ww_route_call *call) {
    ogc_begin(call, true, ogc_document_formats, no_params, collection);
}
