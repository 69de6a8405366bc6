/* OGC API - Features over the layers of the database (server/layers): what the files of this folder share.
 *
 * A request becomes a `struct ogc_call` (begin.c): who asks, which layer of which snapshot, which format and
 * language. Documents (landing.c, collections.c, schema.c, api.c) are written whole and sent by ogc_send.
 * Features (items.c) are asked for by request.c, turned into SQL by query.c, and written row by row by one of
 * the writers of format.h while they arrive.
 *
 *   Part 1  OGC 17-069r4   core, GeoJSON, HTML, OpenAPI 3.0
 *   Part 2  OGC 18-058r1   reference systems by reference
 *   Part 3  OGC 19-079r2   queryables, filter (the language itself is server/cql2)
 *
 * What clients really send is in the tests (tests/integration/test_ogc_*.py).
 */
#ifndef WW_SERVER_OGC_H
#define WW_SERVER_OGC_H

#include "geo/base/json_writer.h"
#include "geo/crs.h"
#include "server/layers/layers.h"
#include "server/route_table.h"
#include "sql/pg_stream.h"

/* ---- What outlives requests ---- */

struct ww_ogc;
/* `app` must have its base by then. */
struct ww_ogc *ww_ogc_new(struct ww_app *app, const char *conninfo);
void ww_ogc_free(struct ww_ogc *ogc);

struct ww_ogc {
    struct ww_layers *layers;
    struct ww_pg_streams *rows;   /* features */
    struct ww_pg_streams *counts; /* numberMatched: short statements only */
    struct ogc_crs_cache *crs;
    int files; /* being made or sent */
};

/* ---- Formats, languages ---- */

enum ogc_format {
    OGC_JSON,
    OGC_HTML,
    OGC_GEOJSON,
    OGC_GEOJSON_SEQ,
    OGC_NDJSON,
    OGC_CSV,
    OGC_FGB,
    OGC_GPKG,
    OGC_SCHEMA,  /* application/schema+json */
    OGC_OPENAPI, /* application/vnd.oai.openapi+json;version=3.0 */
    OGC_FORMATS
};

/* negotiate.c */
const char *ogc_media_type(enum ogc_format format);
/* The value of `f` that means it. */
const char *ogc_format_name(enum ogc_format format);
/* Offered formats in the order of preference; OGC_FORMATS ends the list. -1: none is acceptable. `plain_json`
 * is set when application/json was asked for where the format has a media type of its own: the answer is then
 * called so too. */
int ogc_negotiate(struct ww_str accept, const enum ogc_format *offered, bool *plain_json);
bool ogc_is_chinese(struct ww_str accept_language);

/* ---- One request ---- */

struct ogc_call {
    struct ww_route_call *route;
    struct ww_http_request *req;
    struct ww_ogc *ogc;
    struct ww_layer_set *set; /* held */
    const struct ww_layer *layer;
    struct ww_arena *arena;
    enum ogc_format format;
    bool plain_json; /* call it application/json */
    bool zh;
    struct ww_str root;  /* "http://host/ogc" */
    struct ww_str wards; /* as ww_call_wards */
    const char *content_type;
};

/* begin.c. `needs_layer`: the path names one; an unknown one is looked for in the database before 404.
 * `allowed`: the parameters beside f and lang, NULL-terminated; NULL = the handler checks them itself. `then`
 * is called when all is well; else the request has been answered. */
void ogc_begin(struct ww_route_call *call, bool needs_layer, const enum ogc_format *offered,
               const char *const *allowed, void (*then)(struct ogc_call *call));
/* Lets the snapshot go: before the answer, which frees `call` itself. */
void ogc_end(struct ogc_call *call);
struct ww_pg_reader ogc_reader(const struct ogc_call *call);
bool ogc_may_see(const struct ogc_call *call, const struct ww_layer *layer);
/* ogc_end, then an error: 400 for WW_BAD_INPUT … */
void ogc_fail(struct ogc_call *call, enum ww_status status, const char *field, const char *fmt, ...)
    WW_PRINTF(4, 5);
void ogc_fail_error(struct ogc_call *call, const struct ww_error *err);
/* "did you mean …": the known name that is nearest to a wrong one, NULL when none is near. */
const char *ogc_nearest(struct ww_str wrong, const char *const *names, size_t n);
/* Refuses an unknown parameter. True when it answered. */
bool ogc_refuse_unknown(struct ogc_call *call, struct ww_str name, const char *const *fixed,
                        bool with_properties);

/* send.c: a whole document, with validator (304), Vary and language. Ends the call; `body` is copied. HTML is
 * made from JSON documents (html.c). */
void ogc_send(struct ogc_call *call, int status, struct ww_str body);
void ogc_send_document(struct ogc_call *call, struct ww_buf *json); /* as JSON or HTML; clears the buffer */
void ogc_add_headers(struct ogc_call *call);
/* A weak validator of bytes, "W/\"…\"". */
void ogc_etag(struct ww_str body, const char *also, char out[48]);

/* words.c: "English" or "中文". */
#define OGC_SAY(call, en, zh_text) ((call)->zh ? (zh_text) : (en))

/* ---- Links ---- */

/* links.c. `path` is appended to the root; the query is given ready. */
void ogc_link(struct ogc_call *call, struct ww_json *w, const char *rel, const char *type, const char *title,
              const char *fmt, ...) WW_PRINTF(6, 7);
/* self and alternates of a resource in all its formats: `path` without query. */
void ogc_self_links(struct ogc_call *call, struct ww_json *w, const enum ogc_format *offered,
                    const char *path);
/* Percent-encodes what is not unreserved (RFC 3986). */
void ogc_percent(struct ww_buf *out, struct ww_str text);
struct ww_str ogc_percent_copy(struct ww_arena *arena, struct ww_str text);

/* ---- Reference systems ---- */

struct ogc_crs_cache;
struct ogc_crs_cache *ogc_crs_cache_new(void);
void ogc_crs_cache_free(struct ogc_crs_cache *cache);
/* crs_list.c. A converter from a layer's system; lives as long as the cache. NULL when PROJ has none. */
struct ww_crs *ogc_crs_get(struct ogc_crs_cache *cache, uint32_t from, uint32_t to);

#define OGC_CRS_MAX 10
/* The systems that a layer is offered in: CRS84 first; EPSG codes. Returns how many. */
int ogc_crs_offered(const struct ww_layer *layer, uint32_t out[OGC_CRS_MAX]);
void ogc_crs_uri(uint32_t code, char out[80]);
/* From a URI (http, urn, or [EPSG:4326]); WW_BAD_INPUT for what is not offered. */
enum ww_status ogc_crs_read(const struct ww_layer *layer, const char *parameter, struct ww_str uri,
                            uint32_t *out, struct ww_error *err) WW_MUST_CHECK;

/* ---- html.c ---- */

void ogc_html_head(struct ogc_call *call, struct ww_buf *out, struct ww_str title);
void ogc_html_foot(struct ww_buf *out);
void ogc_html_text(struct ww_buf *out, struct ww_str text);
/* The page of a JSON document. */
enum ww_status ogc_html_document(struct ogc_call *call, struct ww_str json, struct ww_buf *out) WW_MUST_CHECK;
const char *ogc_html_csp(void);

/* ---- Texts of layers ---- */

static inline struct ww_str ogc_title(const struct ogc_call *call, const struct ww_layer *layer) {
    return call->zh ? layer->title_zh : layer->title_en;
}

/* The collection as an object: collections.c. */
void ogc_collection_json(struct ogc_call *call, const struct ww_layer *layer, struct ww_json *w);

#define OGC_LIMIT_DEFAULT 100
#define OGC_LIMIT_MAX     10000
/* What follows a small page: a client that took the default of ten (GDAL before 3.7) would ask a hundred
 * times for what fits into one answer. A limit from OGC_LIMIT_KEPT on is meant as it is. */
#define OGC_LIMIT_NEXT 1000
#define OGC_LIMIT_KEPT 100

extern const enum ogc_format ogc_document_formats[]; /* JSON, HTML */
extern const enum ogc_format ogc_feature_formats[];  /* of items */
extern const char *const ogc_item_params[];          /* fixed parameters of items; NULL ends */

#endif
