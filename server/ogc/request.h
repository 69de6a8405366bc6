/* What a request for features asks: parsed from the address (and, for a search, the body), checked against
 * the layer. */
#ifndef WW_SERVER_OGC_REQUEST_H
#define WW_SERVER_OGC_REQUEST_H

#include "server/ogc/interval.h"
#include "server/ogc/ogc.h"

#define OGC_MAX_SORT   8
#define OGC_MAX_EQUALS 16

struct ogc_sort {
    int column;
    bool descending;
};

struct ogc_equals {
    int column;
    struct ww_str value;
};

struct ogc_request {
    int limit;
    bool limit_given;
    int64_t offset;
    bool has_box;
    int n_boxes;        /* 0: the box is outside the world: nothing lies in it */
    double boxes[2][4]; /* west, south, east, north in bbox-crs, x first; two over the antimeridian */
    uint32_t box_crs;
    bool has_interval;
    struct ogc_interval interval;
    uint32_t crs;
    int properties[400]; /* columns that are wanted, in the layer's order */
    int n_properties;
    struct ogc_sort sort[OGC_MAX_SORT];
    int n_sort;
    struct ogc_equals equals[OGC_MAX_EQUALS];
    int n_equals;
    struct ww_str filter; /* CQL2; ptr NULL: none */
    bool filter_is_json;
    bool filter_is_body; /* of a search */
    uint32_t filter_crs;
    struct ww_str after[OGC_MAX_SORT + WW_LAYER_MAX_KEY]; /* values of the last row; ptr NULL: NULL */
    int n_after;                                          /* 0: from the start */
};

/* False when the call was answered. */
bool ogc_request_read(struct ogc_call *call, struct ogc_request *out);
/* Of one feature: crs and properties only. */
bool ogc_request_read_one(struct ogc_call *call, struct ogc_request *out);

/* filter.c: finds the filter; adds it to the conditions (AND …). */
enum ww_status ogc_filter_find(struct ogc_call *call, struct ogc_request *out,
                               struct ww_error *err) WW_MUST_CHECK;
struct ogc_query;
enum ww_status ogc_filter_sql(struct ogc_call *call, const struct ogc_request *request, struct ogc_query *q,
                              struct ww_error *err) WW_MUST_CHECK;

/* old_cql.c: pure. What GDAL writes, as CQL2. */
enum ww_status ogc_old_cql(struct ww_arena *arena, const struct ww_layer *layer, struct ww_str text,
                           struct ww_str *out) WW_MUST_CHECK;

/* box.c: pure. "1,2,3,4" or six numbers. */
enum ww_status ogc_box_read(struct ww_str text, bool north_first, bool geographic, struct ogc_request *out,
                            struct ww_error *err) WW_MUST_CHECK;

/* after.c: the place in the order where a page ended, as an opaque word. */
enum ww_status ogc_after_read(struct ww_arena *arena, struct ww_str token, int n, struct ww_str *values,
                              struct ww_error *err) WW_MUST_CHECK;
/* Appends the token of `n` values. */
void ogc_after_write(const struct ww_str *values, int n, struct ww_buf *out);

/* id.c: the id of a feature, from the values of its key and back. One value stands for itself; several are
 * joined by "~", in which "~" is written "!1" and "!" is written "!0". */
void ogc_id_write(const struct ww_str *values, int n, struct ww_buf *out);
enum ww_status ogc_id_read(struct ww_arena *arena, struct ww_str id, int n,
                           struct ww_str *values) WW_MUST_CHECK;

/* ---- query.c: SQL ---- */

struct ogc_query {
    struct ww_buf sql;
    struct ww_pg_args args;
    int n_columns; /* of the result: key, sort, properties, geometry */
    int columns[2 * WW_LAYER_MAX_KEY + OGC_MAX_SORT + 400];
    int geom_at;   /* in the result; -1: none */
    bool by_range; /* a small box: query.c */
};

void ogc_query_init(struct ogc_query *query);
void ogc_query_clear(struct ogc_query *query);
/* Appends what the rows must fulfil (AND …): the reader's wards, bbox, datetime, equal properties, filter.
 * The layer is called t. */
enum ww_status ogc_query_conditions(struct ogc_call *call, const struct ogc_request *request,
                                    struct ogc_query *out, struct ww_error *err) WW_MUST_CHECK;
/* SELECT of one row more than the limit, which shows whether there is a next page. `limit` < 0: all. */
enum ww_status ogc_query_items(struct ogc_call *call, const struct ogc_request *request, int64_t limit,
                               struct ogc_query *out, struct ww_error *err) WW_MUST_CHECK;
/* How many match, counted up to `most` + 1. */
enum ww_status ogc_query_count(struct ogc_call *call, const struct ogc_request *request, int64_t most,
                               struct ogc_query *out, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ogc_query_one(struct ogc_call *call, const struct ogc_request *request,
                             const struct ww_str *key, struct ogc_query *out,
                             struct ww_error *err) WW_MUST_CHECK;

#endif
