/* The parameters filter, filter-lang and filter-crs (Part 3), and the body of a search: CQL2 over a layer's
 * columns.
 *
 * cql-text is what GDAL 3.6 calls the language; what it writes is CQL2 too. A filter that begins with a brace
 * is JSON, unless filter-lang says otherwise.
 */
#include "server/cql2/cql2.h"
#include "server/ogc/request.h"

static bool is_json_text(struct ww_str text) {
    text = ww_str_trim(text);
    return text.len > 0 && text.ptr[0] == '{';
}

enum ww_status ogc_filter_find(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str lang;
    struct ww_str body = ww_http_method(call->req) == WW_HTTP_POST ? ww_http_body(call->req) : WW_STR_NONE;
    bool in_address = ww_http_param(call->req, "filter", &out->filter);
    if (!in_address)
        out->filter = WW_STR_NONE;
    if (in_address && body.len) {
        ww_error_set(err, WW_BAD_INPUT, "a filter is given twice: in the address and as the body");
        return WW_BAD_INPUT;
    }
    if (body.len) {
        out->filter = body;
        out->filter_is_json = out->filter_is_body = true;
    } else {
        out->filter_is_json = is_json_text(out->filter);
    }
    if (!ww_http_param(call->req, "filter-lang", &lang))
        return WW_OK;
    bool text = ww_str_is(lang, "cql2-text") || ww_str_is(lang, "cql-text");
    bool json = ww_str_is(lang, "cql2-json") || ww_str_is(lang, "cql-json");
    if (!text && !json) {
        ww_error_set(err, WW_BAD_INPUT, "filter-lang must be cql2-text or cql2-json");
        ww_error_at_field(err, WW_STR("filter-lang"), lang);
        return WW_BAD_INPUT;
    }
    if (!out->filter_is_body)
        out->filter_is_json = json;
    if (ww_str_is(lang, "cql-text") && in_address &&
        ogc_old_cql(call->arena, call->layer, out->filter, &out->filter) != WW_OK)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for this filter");
    return WW_OK;
}

static struct ww_str concatenate(struct ww_arena *arena, const char *before, struct ww_str text,
                                 const char *after) {
    size_t a = strlen(before);
    size_t b = strlen(after);
    char *room = ww_arena_alloc(arena, a + text.len + b + 1);
    if (!room)
        return WW_STR_NONE;
    memcpy(room, before, a);
    memcpy(room + a, text.ptr, text.len);
    memcpy(room + a + text.len, after, b + 1);
    return (struct ww_str){room, a + text.len + b};
}

/* False for a column that no filter may name. */
static bool property_of(struct ogc_call *call, int index, struct ww_cql2_property *out) {
    const struct ww_layer_column *c = &call->layer->columns[index];
    out->name = c->name;
    out->sql = c->sql;
    switch (c->type) {
    case WW_LAYER_BOOL:
        out->type = WW_CQL2_BOOLEAN;
        return true;
    case WW_LAYER_INT:
        out->type = WW_CQL2_INTEGER;
        return true;
    case WW_LAYER_FLOAT:
    case WW_LAYER_NUMERIC:
        out->type = WW_CQL2_NUMBER;
        return true;
    case WW_LAYER_TEXT:
        out->type = WW_CQL2_TEXT;
        out->sql = c->select;
        return true;
    case WW_LAYER_INSTANT:
        out->type = WW_CQL2_INSTANT;
        return true;
    case WW_LAYER_CIVIL:
        out->type = WW_CQL2_INSTANT;
        out->sql = concatenate(call->arena, "(", c->sql, " AT TIME ZONE 'UTC')");
        return out->sql.ptr != NULL;
    case WW_LAYER_DATE:
        out->type = WW_CQL2_DATE;
        return true;
    case WW_LAYER_GEOMETRY:
        out->type = WW_CQL2_GEOMETRY;
        out->sql = c->select;
        return index == call->layer->geom;
    case WW_LAYER_JSON:
        out->type = WW_CQL2_ARRAY;
        out->sql = c->select;
        return c->is_array;
    }
    return false;
}

enum ww_status ogc_filter_sql(struct ogc_call *call, const struct ogc_request *request, struct ogc_query *q,
                              struct ww_error *err) {
    const struct ww_layer *layer = call->layer;
    if (!request->filter.ptr)
        return WW_OK;
    struct ww_cql2_property *properties =
        ww_arena_calloc(call->arena, (size_t)layer->n_columns, sizeof *properties);
    struct ww_crs *crs = ogc_crs_get(call->ogc->crs, (uint32_t)layer->srid, request->filter_crs);
    if (!properties || !crs)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for this filter");
    size_t n = 0;
    for (int i = 0; i < layer->n_columns; i++)
        n += property_of(call, i, &properties[n]);
    const struct ww_cql2_schema schema = {properties, n, layer->srid};
    const struct ww_cql2_crs system = {request->filter_crs == WW_CRS84 ? 4326 : (int)request->filter_crs,
                                       ww_crs_is_north_first(crs)};
    struct ww_cql2_expr *expr = NULL;
    enum ww_status st = request->filter_is_json
                            ? ww_cql2_parse_json(request->filter, &schema, system, call->arena, &expr, err)
                            : ww_cql2_parse_text(request->filter, &schema, system, call->arena, &expr, err);
    if (st == WW_OK) {
        ww_buf_text(&q->sql, " AND ");
        st = ww_cql2_to_sql(expr, &schema, &q->sql, &q->args, err);
    }
    if (st == WW_TOO_LARGE)
        err->status = st = WW_BAD_INPUT; /* more than a filter may be is a bad filter */
    return st;
}
