/* The landing page and the list of conformance classes. */
#include "server/ogc/ogc.h"

static const char *const no_params[] = {NULL};

/* What is true of this server; docs/API.md says the same in words. QGIS sends filters on when the first four
 * of Part 3 and CQL2 are there; basic-spatial-operators is the name that its older versions look for. */
static const char *const classes[] = {
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
};

static void landing(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "title");
    ww_json_text(&w, OGC_SAY(call, "Layers of the district", "辖区图层服务"));
    ww_json_key(&w, "description");
    ww_json_text(&w, OGC_SAY(call,
                             "Wards, sites, waterways, things with their latest values, observations, alerts "
                             "and their history",
                             "街镇、监管对象、水系、设备及最新读数、观测数据、风险预警及其历史"));
    ww_json_key(&w, "links");
    ww_json_array(&w);
    ogc_self_links(call, &w, ogc_document_formats, "");
    ogc_link(call, &w, "service-desc", ogc_media_type(OGC_OPENAPI),
             OGC_SAY(call, "The interface (OpenAPI 3.0)", "接口定义（OpenAPI 3.0）"), "/api");
    ogc_link(call, &w, "conformance", "application/json", OGC_SAY(call, "Conformance classes", "符合性声明"),
             "/conformance");
    ogc_link(call, &w, "http://www.opengis.net/def/rel/ogc/1.0/conformance", "application/json",
             OGC_SAY(call, "Conformance classes", "符合性声明"), "/conformance");
    ogc_link(call, &w, "data", "application/json", OGC_SAY(call, "The collections", "图层列表"),
             "/collections");
    ogc_link(call, &w, "http://www.opengis.net/def/rel/ogc/1.0/data", "application/json",
             OGC_SAY(call, "The collections", "图层列表"), "/collections");
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_landing(struct ww_route_call *call) {
    ogc_begin(call, false, ogc_document_formats, no_params, landing);
}

static void conformance(struct ogc_call *call) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    ww_json_key(&w, "title");
    ww_json_text(&w, OGC_SAY(call, "Conformance classes", "符合性声明"));
    ww_json_key(&w, "links");
    ww_json_array(&w);
    ogc_self_links(call, &w, ogc_document_formats, "/conformance");
    ww_json_end_array(&w);
    ww_json_key(&w, "conformsTo");
    ww_json_array(&w);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        ww_json_text(&w, classes[i]);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ogc_send_document(call, &out);
}

void ww_handle_ogc_conformance(struct ww_route_call *call) {
    ogc_begin(call, false, ogc_document_formats, no_params, conformance);
}
