/* The OpenAPI 3.0 document of the layers, made from the catalogue: what is served is what is described.
 *
 * Places that clients rely on: QGIS reads components.parameters.limit.schema; GDAL looks in the parameters of
 * the path of a collection's items for what it may send, so every collection has paths of its own with all
 * its properties; the conformance suite wants style and explode written out.
 */
#include <stdio.h>

#include "server/ogc/request.h"

static const enum ogc_format api_formats[] = {OGC_OPENAPI, OGC_FORMATS};
static const char *const no_params[] = {NULL};

static void text(struct ww_json *w, const char *key, const char *value) {
    ww_json_key(w, key);
    ww_json_text(w, value);
}

static void ref(struct ww_json *w, const char *where, const char *name) {
    char target[96];
    snprintf(target, sizeof target, "#/components/%s/%s", where, name);
    ww_json_object(w);
    text(w, "$ref", target);
    ww_json_end_object(w);
}

static void begin_param(struct ww_json *w, const char *name, const char *in, const char *about) {
    ww_json_object(w);
    text(w, "name", name);
    text(w, "in", in);
    text(w, "description", about);
    ww_json_key(w, "required");
    ww_json_bool(w, in[0] == 'p');
    text(w, "style", in[0] == 'p' ? "simple" : "form");
    ww_json_key(w, "explode");
    ww_json_bool(w, false);
    ww_json_key(w, "schema");
    ww_json_object(w);
}

static void end_param(struct ww_json *w) {
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void words(struct ww_json *w, const char *const *list, const char *standard) {
    text(w, "type", "string");
    ww_json_key(w, "enum");
    ww_json_array(w);
    for (; *list; list++)
        ww_json_text(w, *list);
    ww_json_end_array(w);
    if (standard)
        text(w, "default", standard);
}

static void number(struct ww_json *w, const char *key, int v) {
    ww_json_key(w, key);
    ww_json_int(w, v);
}

static void shared_params(struct ogc_call *call, struct ww_json *w) {
    static const char *const item_formats[] = {"geojson", "json",       "html", "geojsonseq", "ndjson",
                                               "csv",     "flatgeobuf", "gpkg", NULL};
    static const char *const document_formats[] = {"json", "html", NULL};
    static const char *const languages[] = {"en", "zh", NULL};
    ww_json_key(w, "parameters");
    ww_json_object(w);
    ww_json_key(w, "limit");
    begin_param(w, "limit", "query", OGC_SAY(call, "At most so many features", "最多返回要素数"));
    text(w, "type", "integer");
    number(w, "minimum", 1);
    number(w, "maximum", OGC_LIMIT_MAX);
    number(w, "default", OGC_LIMIT_DEFAULT);
    end_param(w);
    ww_json_key(w, "offset");
    begin_param(w, "offset", "query",
                OGC_SAY(call, "Leaves out the first ones; the links next are quicker and surer",
                        "跳过前若干条；建议使用 next 链接"));
    text(w, "type", "integer");
    number(w, "minimum", 0);
    number(w, "default", 0);
    end_param(w);
    ww_json_key(w, "bbox");
    begin_param(w, "bbox", "query",
                OGC_SAY(call,
                        "Features that touch the box: west,south,east,north in the axis order of bbox-crs",
                        "与矩形相交的要素：西,南,东,北（坐标轴顺序按 bbox-crs）"));
    text(w, "type", "array");
    number(w, "minItems", 4);
    number(w, "maxItems", 6);
    ww_json_key(w, "items");
    ww_json_object(w);
    text(w, "type", "number");
    ww_json_end_object(w);
    end_param(w);
    ww_json_key(w, "datetime");
    begin_param(w, "datetime", "query",
                OGC_SAY(call, "A moment, a day, or an interval A/B, A/.., ../B (RFC 3339)",
                        "时刻、日期或时间段 A/B、A/..、../B（RFC 3339）"));
    text(w, "type", "string");
    end_param(w);
    static const char *const languages_of_filters[] = {"cql2-text", "cql2-json", "cql-text", NULL};
    ww_json_key(w, "filter");
    begin_param(w, "filter", "query",
                OGC_SAY(call, "A condition in CQL2 over the queryables", "CQL2 过滤条件"));
    text(w, "type", "string");
    end_param(w);
    ww_json_key(w, "filter-lang");
    begin_param(w, "filter-lang", "query", OGC_SAY(call, "Encoding of filter", "过滤条件的编码"));
    words(w, languages_of_filters, "cql2-text");
    end_param(w);
    static const char *const systems[][3] = {
        {"filter-crs", "Reference system of the geometries in filter", "filter 中几何的坐标参考系"},
        {"crs", "Reference system of the answer, one of the collection's", "结果的坐标参考系"},
        {"bbox-crs", "Reference system of bbox", "bbox 的坐标参考系"},
    };
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        ww_json_key(w, systems[i][0]);
        begin_param(w, systems[i][0], "query", OGC_SAY(call, systems[i][1], systems[i][2]));
        text(w, "type", "string");
        text(w, "format", "uri");
        text(w, "default", "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
        end_param(w);
    }
    static const char *const lists[][3] = {
        {"properties", "Only these properties, with commas", "只返回这些属性（逗号分隔）"},
        {"sortby", "Order: properties with commas, - before one that descends",
         "排序：属性（逗号分隔），降序前加 -"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        ww_json_key(w, lists[i][0]);
        begin_param(w, lists[i][0], "query", OGC_SAY(call, lists[i][1], lists[i][2]));
        text(w, "type", "array");
        ww_json_key(w, "items");
        ww_json_object(w);
        text(w, "type", "string");
        ww_json_end_object(w);
        end_param(w);
    }
    ww_json_key(w, "after");
    begin_param(w, "after", "query", OGC_SAY(call, "From a link next", "取自 next 链接"));
    text(w, "type", "string");
    end_param(w);
    ww_json_key(w, "f");
    begin_param(w, "f", "query", OGC_SAY(call, "Format, in place of the header Accept", "返回格式"));
    words(w, item_formats, NULL);
    end_param(w);
    ww_json_key(w, "fDocument");
    begin_param(w, "f", "query", OGC_SAY(call, "Format, in place of the header Accept", "返回格式"));
    words(w, document_formats, NULL);
    end_param(w);
    ww_json_key(w, "lang");
    begin_param(w, "lang", "query",
                OGC_SAY(call, "Language, in place of the header Accept-Language", "语言"));
    words(w, languages, NULL);
    end_param(w);
    ww_json_key(w, "featureId");
    begin_param(w, "featureId", "path", OGC_SAY(call, "Id of the feature", "要素标识"));
    text(w, "type", "string");
    end_param(w);
    ww_json_end_object(w);
}

static void media(struct ww_json *w, const char *type, const char *kind) {
    ww_json_key(w, type);
    ww_json_object(w);
    ww_json_key(w, "schema");
    ww_json_object(w);
    text(w, "type", kind);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void response(struct ww_json *w, const char *name, const char *about, const char *const *types) {
    ww_json_key(w, name);
    ww_json_object(w);
    text(w, "description", about);
    ww_json_key(w, "content");
    ww_json_object(w);
    for (; *types; types++)
        media(w, *types,
              strstr(*types, "json") && !strstr(*types, "seq") && !strstr(*types, "ndjson") ? "object"
                                                                                            : "string");
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void responses(struct ww_json *w) {
    static const char *const document[] = {"application/json", "text/html", NULL};
    static const char *const schema[] = {"application/schema+json", "application/json", "text/html", NULL};
    static const char *const one[] = {"application/geo+json", "text/html", NULL};
    static const char *const error[] = {"application/json", NULL};
    const char *features[8];
    size_t n = 0;
    for (size_t i = 0; ogc_feature_formats[i] != OGC_FORMATS; i++)
        features[n++] = ogc_media_type(ogc_feature_formats[i]);
    features[n] = NULL;
    ww_json_key(w, "responses");
    ww_json_object(w);
    response(w, "Document", "The document", document);
    response(w, "Schema", "A JSON Schema", schema);
    response(w, "Features", "Features", features);
    response(w, "Feature", "One feature", one);
    response(w, "Error", "A mistake, or not now", error);
    ww_json_end_object(w);
}

static void end_get(struct ww_json *w, const char *answer) {
    ww_json_key(w, "responses");
    ww_json_object(w);
    ww_json_key(w, "200");
    ref(w, "responses", answer);
    ww_json_key(w, "default");
    ref(w, "responses", "Error");
    ww_json_end_object(w);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void begin_get(struct ww_json *w, struct ww_str path, const char *what, struct ww_str id,
                      const char *summary) {
    char operation[200];
    snprintf(operation, sizeof operation, "%s%s%.*s", what, id.len ? "." : "", WW_STR_ARG(id));
    ww_json_key_str(w, path);
    ww_json_object(w);
    ww_json_key(w, "get");
    ww_json_object(w);
    text(w, "operationId", operation);
    text(w, "summary", summary);
    ww_json_key(w, "parameters");
    ww_json_array(w);
}

static void plain_path(struct ww_json *w, const char *path, const char *what, const char *summary) {
    begin_get(w, ww_str_of(path), what, WW_STR(""), summary);
    ref(w, "parameters", "fDocument");
    ref(w, "parameters", "lang");
    ww_json_end_array(w);
    end_get(w, "Document");
}

static void property_params(struct ogc_call *call, const struct ww_layer *layer, struct ww_json *w) {
    static const struct {
        const char *type, *format;
    } kinds[] = {
        [WW_LAYER_BOOL] = {"boolean", NULL},        [WW_LAYER_INT] = {"integer", NULL},
        [WW_LAYER_FLOAT] = {"number", NULL},        [WW_LAYER_NUMERIC] = {"number", NULL},
        [WW_LAYER_TEXT] = {"string", NULL},         [WW_LAYER_INSTANT] = {"string", "date-time"},
        [WW_LAYER_CIVIL] = {"string", "date-time"}, [WW_LAYER_DATE] = {"string", "date"},
    };
    for (int i = 0; i < layer->n_columns; i++) {
        const struct ww_layer_column *column = &layer->columns[i];
        struct ww_str title = call->zh ? column->title_zh : column->title_en;
        bool taken = false; /* a parameter of ours goes by that name */
        for (const char *const *p = ogc_item_params; *p; p++)
            taken = taken || ww_str_is(column->name, *p);
        if (taken || column->type == WW_LAYER_JSON || column->type == WW_LAYER_GEOMETRY ||
            ww_str_is(column->name, "f") || ww_str_is(column->name, "lang"))
            continue;
        begin_param(w, column->name.ptr, "query", title.len ? title.ptr : column->name.ptr);
        text(w, "type", kinds[column->type].type);
        if (kinds[column->type].format)
            text(w, "format", kinds[column->type].format);
        end_param(w);
    }
}

static void layer_paths(struct ogc_call *call, const struct ww_layer *layer, struct ww_json *w) {
    char path[600];
    struct ww_str id = ogc_percent_copy(call->arena, layer->id);
    const char *title = ogc_title(call, layer).ptr;
    int n = snprintf(path, sizeof path, "/collections/%.400s", id.ptr);
    begin_get(w, ww_str_of(path), "describe", layer->id, title);
    ref(w, "parameters", "fDocument");
    ref(w, "parameters", "lang");
    ww_json_end_array(w);
    end_get(w, "Document");
    snprintf(path + n, sizeof path - (size_t)n, "/queryables");
    begin_get(w, ww_str_of(path), "queryables", layer->id, title);
    ref(w, "parameters", "lang");
    ww_json_end_array(w);
    end_get(w, "Schema");
    snprintf(path + n, sizeof path - (size_t)n, "/schema");
    begin_get(w, ww_str_of(path), "schema", layer->id, title);
    ref(w, "parameters", "lang");
    ww_json_end_array(w);
    end_get(w, "Schema");
    snprintf(path + n, sizeof path - (size_t)n, "/items");
    begin_get(w, ww_str_of(path), "items", layer->id, title);
    for (const char *const *p = ogc_item_params; *p; p++)
        ref(w, "parameters", *p);
    ref(w, "parameters", "f");
    ref(w, "parameters", "lang");
    property_params(call, layer, w);
    ww_json_end_array(w);
    end_get(w, "Features");
    snprintf(path + n, sizeof path - (size_t)n, "/items/{featureId}");
    begin_get(w, ww_str_of(path), "feature", layer->id, title);
    ref(w, "parameters", "featureId");
    ref(w, "parameters", "crs");
    ref(w, "parameters", "properties");
    ref(w, "parameters", "f");
    ref(w, "parameters", "lang");
    ww_json_end_array(w);
    end_get(w, "Feature");
}

static void api(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)32 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    text(&w, "openapi", "3.0.3");
    ww_json_key(&w, "info");
    ww_json_object(&w);
    text(&w, "title", OGC_SAY(call, "Layers of the district", "辖区图层服务"));
    text(&w, "description",
         OGC_SAY(call, "OGC API - Features over every layer that the account may see",
                 "以 OGC API - Features 提供账号可见的全部图层"));
    text(&w, "version", WW_VERSION);
    ww_json_end_object(&w);
    ww_json_key(&w, "servers");
    ww_json_array(&w);
    ww_json_object(&w);
    ww_json_key(&w, "url");
    ww_json_str(&w, call->root);
    ww_json_end_object(&w);
    ww_json_end_array(&w);
    ww_json_key(&w, "paths");
    ww_json_object(&w);
    plain_path(&w, "/", "landing", OGC_SAY(call, "Landing page", "首页"));
    plain_path(&w, "/conformance", "conformance", OGC_SAY(call, "Conformance classes", "符合性声明"));
    plain_path(&w, "/collections", "collections", OGC_SAY(call, "The collections", "图层列表"));
    for (size_t i = 0; i < ww_layer_count(call->set); i++)
        if (ogc_may_see(call, ww_layer_at(call->set, i)))
            layer_paths(call, ww_layer_at(call->set, i), &w);
    ww_json_end_object(&w);
    ww_json_key(&w, "components");
    ww_json_object(&w);
    shared_params(call, &w);
    responses(&w);
    ww_json_end_object(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_api(struct ww_route_call *call) {
    ogc_begin(call, false, api_formats, no_params, api);
}
