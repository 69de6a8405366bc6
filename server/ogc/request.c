/* Reads the parameters of a request for features. Whatever is wrong is named: the parameter, the value, what
 * is right. */
#include "server/ogc/request.h"

#include "geo/instant.h"

const char *const ogc_item_params[] = {"limit",      "offset", "after",  "bbox",        "bbox-crs",
                                       "datetime",   "crs",    "filter", "filter-lang", "filter-crs",
                                       "properties", "sortby", NULL};

static const char *const one_params[] = {"crs", "properties", NULL};

static bool param(struct ogc_call *call, const char *name, struct ww_str *out) {
    return ww_http_param(call->req, name, out);
}

static enum ww_status read_limit(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str text;
    uint64_t n;
    out->limit = OGC_LIMIT_DEFAULT;
    if (param(call, "limit", &text)) {
        bool digits = text.len > 0;
        for (size_t i = 0; i < text.len; i++)
            digits = digits && text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!digits || (ww_str_to_u64(text, &n) && n < 1)) {
            ww_error_set(err, WW_BAD_INPUT, "limit must be a whole number from 1 to %d", OGC_LIMIT_MAX);
            ww_error_at_field(err, WW_STR("limit"), text);
            return WW_BAD_INPUT;
        }
        /* More than we give is no mistake: it gets what we give. */
        out->limit = !ww_str_to_u64(text, &n) || n > OGC_LIMIT_MAX ? OGC_LIMIT_MAX : (int)n;
        out->limit_given = true;
    }
    if (param(call, "offset", &text)) {
        if (!ww_str_to_u64(text, &n) || n > 10000000) {
            ww_error_set(err, WW_BAD_INPUT, "offset must be a whole number; better follow the links next");
            ww_error_at_field(err, WW_STR("offset"), text);
            return WW_BAD_INPUT;
        }
        out->offset = (int64_t)n;
    }
    return WW_OK;
}

static enum ww_status read_systems(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str text;
    enum ww_status st = WW_OK;
    out->crs = out->box_crs = out->filter_crs = WW_CRS84;
    if (param(call, "crs", &text))
        st = ogc_crs_read(call->layer, "crs", text, &out->crs, err);
    if (st == WW_OK && param(call, "bbox-crs", &text))
        st = ogc_crs_read(call->layer, "bbox-crs", text, &out->box_crs, err);
    if (st == WW_OK && param(call, "filter-crs", &text))
        st = ogc_crs_read(call->layer, "filter-crs", text, &out->filter_crs, err);
    return st;
}

static enum ww_status read_box(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str text;
    if (!param(call, "bbox", &text))
        return WW_OK;
    struct ww_crs *crs = ogc_crs_get(call->ogc->crs, (uint32_t)call->layer->srid, out->box_crs);
    if (!crs)
        return ww_error_set(err, WW_BAD_INPUT, "the layer can't be converted to that system");
    return ogc_box_read(text, ww_crs_is_north_first(crs), ww_crs_is_geographic(crs), out, err);
}

static enum ww_status no_such_property(struct ogc_call *call, const char *parameter, struct ww_str name,
                                       struct ww_error *err) {
    const char *names[400];
    size_t n = 0;
    for (int i = 0; i < call->layer->n_columns && n < 400; i++)
        names[n++] = call->layer->columns[i].name.ptr;
    const char *nearest = ogc_nearest(name, names, n);
    ww_error_set(err, WW_BAD_INPUT, "%s: the collection has no property \"%.*s\"%s%s%s", parameter,
                 name.len > 60 ? 60 : (int)name.len, name.ptr, nearest ? ": did you mean " : "",
                 nearest ? nearest : "", nearest ? "?" : "");
    ww_error_at_field(err, ww_str_of(parameter), name);
    return WW_BAD_INPUT;
}

static struct ww_str take_element(struct ww_str *rest) {
    const char *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    struct ww_str one = {rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len};
    size_t used = one.len + (comma ? 1 : 0);
    *rest = (struct ww_str){rest->ptr + used, rest->len - used};
    return ww_str_trim(one);
}

static enum ww_status read_properties(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    const struct ww_layer *layer = call->layer;
    bool wanted[400] = {false};
    struct ww_str text;
    bool all = !param(call, "properties", &text);
    while (!all && text.len > 0) {
        struct ww_str name = take_element(&text);
        int at = ww_layer_column_find(layer, name);
        if (at < 0)
            return no_such_property(call, "properties", name, err);
        wanted[at] = true;
    }
    for (int i = 0; i < layer->n_columns; i++)
        if ((all || wanted[i]) && layer->columns[i].type != WW_LAYER_GEOMETRY)
            out->properties[out->n_properties++] = i;
    return WW_OK;
}

static enum ww_status read_sort(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str text;
    if (!param(call, "sortby", &text))
        return WW_OK;
    while (text.len > 0) {
        struct ww_str name = take_element(&text);
        bool descending = name.len && name.ptr[0] == '-';
        if (name.len && (name.ptr[0] == '-' || name.ptr[0] == '+'))
            name = (struct ww_str){name.ptr + 1, name.len - 1};
        name = ww_str_trim(name); /* a plus sign that was not percent-encoded has become a blank */
        int at = ww_layer_column_find(call->layer, name);
        if (at < 0)
            return no_such_property(call, "sortby", name, err);
        enum ww_layer_type type = call->layer->columns[at].type;
        if (type == WW_LAYER_JSON || type == WW_LAYER_GEOMETRY || out->n_sort == OGC_MAX_SORT) {
            ww_error_set(err, WW_BAD_INPUT, "sortby takes at most %d properties that have an order",
                         OGC_MAX_SORT);
            ww_error_at_field(err, WW_STR("sortby"), name);
            return WW_BAD_INPUT;
        }
        out->sort[out->n_sort++] = (struct ogc_sort){at, descending};
    }
    return WW_OK;
}

/* A value for a property, as PostgreSQL will read it. Checked here, so that the mistake can be named. */
static enum ww_status check_value(const struct ww_layer_column *column, struct ww_str value,
                                  struct ww_error *err) {
    int64_t whole;
    double number;
    const char *wanted = NULL;
    if (value.len && memchr(value.ptr, '\0', value.len))
        wanted = "text without NUL";
    else if (column->type == WW_LAYER_INT && !ww_str_to_i64(value, &whole))
        wanted = "a whole number";
    else if ((column->type == WW_LAYER_FLOAT || column->type == WW_LAYER_NUMERIC) &&
             !ww_str_to_double(value, &number))
        wanted = "a number";
    else if (column->type == WW_LAYER_BOOL && !ww_str_is(value, "true") && !ww_str_is(value, "false"))
        wanted = "true or false";
    else if ((column->type == WW_LAYER_INSTANT || column->type == WW_LAYER_CIVIL ||
              column->type == WW_LAYER_DATE) &&
             ww_instant_parse(value, NULL, &whole, NULL) != WW_OK)
        wanted = "a time such as 2026-11-23T01:02:03Z";
    else if (column->type == WW_LAYER_JSON || column->type == WW_LAYER_GEOMETRY)
        wanted = "another parameter: it can't be compared";
    if (!wanted)
        return WW_OK;
    ww_error_set(err, WW_BAD_INPUT, "%s takes %s", column->name.ptr, wanted);
    ww_error_at_field(err, column->name, value);
    return WW_BAD_INPUT;
}

static bool is_fixed(struct ww_str name) {
    for (const char *const *p = ogc_item_params; *p; p++)
        if (ww_str_is(name, *p))
            return true;
    return ww_str_is(name, "f") || ww_str_is(name, "lang");
}

static enum ww_status read_equals(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str name;
    struct ww_str value;
    for (int i = 0; ww_http_param_at(call->req, i, &name, &value); i++) {
        if (is_fixed(name))
            continue;
        int at = ww_layer_column_find(call->layer, name);
        enum ww_status st = check_value(&call->layer->columns[at], value, err);
        if (st == WW_OK && out->n_equals == OGC_MAX_EQUALS)
            st = ww_error_set(err, WW_BAD_INPUT, "more than %d properties are compared", OGC_MAX_EQUALS);
        if (st != WW_OK)
            return st;
        out->equals[out->n_equals++] = (struct ogc_equals){at, value};
    }
    return WW_OK;
}

static enum ww_status read_after(struct ogc_call *call, struct ogc_request *out, struct ww_error *err) {
    struct ww_str token;
    if (!param(call, "after", &token))
        return WW_OK;
    out->n_after = out->n_sort + call->layer->n_key;
    return ogc_after_read(call->arena, token, out->n_after, out->after, err);
}

static bool refuse_unknown(struct ogc_call *call, const char *const *fixed, bool with_properties) {
    struct ww_str name;
    struct ww_str value;
    for (int i = 0; ww_http_param_at(call->req, i, &name, &value); i++)
        if (ogc_refuse_unknown(call, name, fixed, with_properties))
            return true;
    return false;
}

bool ogc_request_read(struct ogc_call *call, struct ogc_request *out) {
    struct ww_error err;
    struct ww_str text;
    memset(out, 0, sizeof *out);
    if (refuse_unknown(call, ogc_item_params, true))
        return false;
    enum ww_status st = read_limit(call, out, &err);
    if (st == WW_OK)
        st = read_systems(call, out, &err);
    if (st == WW_OK)
        st = read_box(call, out, &err);
    if (st == WW_OK && param(call, "datetime", &text)) {
        st = ogc_interval_read(text, &out->interval, &err);
        out->has_interval = true;
    }
    if (st == WW_OK)
        st = read_properties(call, out, &err);
    if (st == WW_OK)
        st = read_sort(call, out, &err);
    if (st == WW_OK)
        st = read_equals(call, out, &err);
    if (st == WW_OK)
        st = ogc_filter_find(call, out, &err);
    if (st == WW_OK)
        st = read_after(call, out, &err);
    if (st != WW_OK)
        ogc_fail_error(call, &err);
    return st == WW_OK;
}

bool ogc_request_read_one(struct ogc_call *call, struct ogc_request *out) {
    struct ww_error err;
    memset(out, 0, sizeof *out);
    if (refuse_unknown(call, one_params, false))
        return false;
    enum ww_status st = read_systems(call, out, &err);
    if (st == WW_OK)
        st = read_properties(call, out, &err);
    if (st != WW_OK)
        ogc_fail_error(call, &err);
    return st == WW_OK;
}
