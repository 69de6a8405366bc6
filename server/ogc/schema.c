/* Queryables (Part 3) and schemas (Part 5 draft; and the form that GDAL reads) of a collection, as JSON
 * Schema 2020-12.
 *
 *   /queryables             what filters may name
 *   /schema                 the properties of a feature, by themselves
 *   /schema?of=feature      the whole GeoJSON feature: GDAL takes types from properties.properties
 */
#include <stdio.h>

#include "server/ogc/ogc.h"

static const enum ogc_format schema_formats[] = {OGC_SCHEMA, OGC_HTML, OGC_FORMATS};
static const char *const no_params[] = {NULL};
static const char *const schema_params[] = {"of", NULL};

static const struct {
    const char *type, *format;
} kinds[] = {
    [WW_LAYER_BOOL] = {"boolean", NULL},        [WW_LAYER_INT] = {"integer", NULL},
    [WW_LAYER_FLOAT] = {"number", NULL},        [WW_LAYER_NUMERIC] = {"number", NULL},
    [WW_LAYER_TEXT] = {"string", NULL},         [WW_LAYER_INSTANT] = {"string", "date-time"},
    [WW_LAYER_CIVIL] = {"string", "date-time"}, [WW_LAYER_DATE] = {"string", "date"},
    [WW_LAYER_JSON] = {"object", NULL},         [WW_LAYER_GEOMETRY] = {NULL, NULL},
};

static void geometry_property(struct ww_json *w, struct ww_str type) {
    char text[96];
    char format[64];
    bool any = ww_str_eq_nocase(type, WW_STR("Geometry"));
    snprintf(text, sizeof text, "https://geojson.org/schema/%.*s.json", any ? 8 : (int)type.len,
             any ? "Geometry" : type.ptr);
    snprintf(format, sizeof format, "geometry-%.*s", any ? 3 : (int)type.len, any ? "any" : type.ptr);
    for (char *c = format; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    ww_json_key(w, "$ref");
    ww_json_text(w, text);
    ww_json_key(w, "format");
    ww_json_text(w, format);
    ww_json_key(w, "x-ogc-role");
    ww_json_text(w, "primary-geometry");
}

static void property(struct ogc_call *call, struct ww_json *w, int index) {
    const struct ww_layer *layer = call->layer;
    const struct ww_layer_column *column = &layer->columns[index];
    struct ww_str title = call->zh ? column->title_zh : column->title_en;
    ww_json_key_str(w, column->name);
    ww_json_object(w);
    ww_json_key(w, "title");
    ww_json_str(w, title.len ? title : column->name);
    if (column->type == WW_LAYER_GEOMETRY)
        geometry_property(w, column->geom_type);
    if (column->is_array) {
        ww_json_key(w, "type");
        ww_json_text(w, "array");
    } else if (column->type != WW_LAYER_JSON && kinds[column->type].type) { /* of JSON: any type */
        ww_json_key(w, "type");
        ww_json_text(w, kinds[column->type].type);
    }
    if (kinds[column->type].format) {
        ww_json_key(w, "format");
        ww_json_text(w, kinds[column->type].format);
    }
    const char *role = layer->n_key == 1 && layer->key[0] == index   ? "id"
                       : layer->time_end < 0 && layer->time == index ? "primary-instant"
                       : layer->time == index                        ? "primary-interval-start"
                       : layer->time_end == index                    ? "primary-interval-end"
                                                                     : NULL;
    if (role) {
        ww_json_key(w, "x-ogc-role");
        ww_json_text(w, role);
    }
    ww_json_end_object(w);
}

static void begin(struct ogc_call *call, struct ww_json *w, const char *what, const char *query) {
    char id[1024];
    struct ww_str path = ogc_percent_copy(call->arena, call->layer->id);
    snprintf(id, sizeof id, "%.*s/collections/%s/%s%s", WW_STR_ARG(call->root), path.ptr, what, query);
    ww_json_object(w);
    ww_json_key(w, "$schema");
    ww_json_text(w, "https://json-schema.org/draft/2020-12/schema");
    ww_json_key(w, "$id");
    ww_json_text(w, id);
    ww_json_key(w, "title");
    ww_json_str(w, ogc_title(call, call->layer));
    ww_json_key(w, "type");
    ww_json_text(w, "object");
    ww_json_key(w, "properties");
    ww_json_object(w);
}

static void queryables(struct ogc_call *call) {
    const struct ww_layer *layer = call->layer;
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)4 << 20);
    ww_json_init(&w, &out);
    begin(call, &w, "queryables", "");
    for (int i = 0; i < layer->n_columns; i++) {
        bool other_geometry = layer->columns[i].type == WW_LAYER_GEOMETRY && i != layer->geom;
        bool is_array = layer->columns[i].is_array;
        if ((layer->columns[i].type != WW_LAYER_JSON || is_array) && !other_geometry)
            property(call, &w, i);
    }
    ww_json_end_object(&w);
    ww_json_key(&w, "additionalProperties");
    ww_json_bool(&w, false);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_queryables(struct ww_route_call *call) {
    ogc_begin(call, true, schema_formats, no_params, queryables);
}

static void properties(struct ogc_call *call, struct ww_json *w) {
    const struct ww_layer *layer = call->layer;
    for (int i = 0; i < layer->n_columns; i++)
        if (layer->columns[i].type != WW_LAYER_GEOMETRY)
            property(call, w, i);
}

static void schema(struct ogc_call *call) {
    const struct ww_layer *layer = call->layer;
    struct ww_str of = WW_STR("properties");
    struct ww_buf out;
    struct ww_json w;
    (void)ww_http_param(call->req, "of", &of);
    bool feature = ww_str_is(of, "feature");
    if (!feature && !ww_str_is(of, "properties")) {
        ogc_fail(call, WW_BAD_INPUT, "of", "of must be properties or feature");
        return;
    }
    ww_buf_init(&out, (size_t)4 << 20);
    ww_json_init(&w, &out);
    begin(call, &w, "schema", feature ? "?of=feature" : "");
    if (feature) {
        ww_json_key(&w, "type");
        ww_json_object(&w);
        ww_json_key(&w, "type");
        ww_json_text(&w, "string");
        ww_json_key(&w, "enum");
        ww_json_array(&w);
        ww_json_text(&w, "Feature");
        ww_json_end_array(&w);
        ww_json_end_object(&w);
        if (layer->geom >= 0) {
            ww_json_key(&w, "geometry");
            ww_json_object(&w);
            geometry_property(&w, layer->columns[layer->geom].geom_type);
            ww_json_end_object(&w);
        }
        ww_json_key(&w, "properties");
        ww_json_object(&w);
        ww_json_key(&w, "type");
        ww_json_text(&w, "object");
        ww_json_key(&w, "properties");
        ww_json_object(&w);
        properties(call, &w);
        ww_json_end_object(&w);
        ww_json_end_object(&w);
    } else {
        properties(call, &w);
        if (layer->geom >= 0)
            property(call, &w, layer->geom);
    }
    ww_json_end_object(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_schema(struct ww_route_call *call) {
    ogc_begin(call, true, schema_formats, schema_params, schema);
}
