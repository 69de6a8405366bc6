/* Reads the JSON encoding: {"op": …, "args": […]}, {"property": …}, {"date": …}, {"timestamp": …},
 * {"interval": […]}, GeoJSON geometries, {"bbox": […]}, arrays, texts, numbers, true and false.
 *
 * The reader of JSON has bounded the depth (64), so that recursion here is bounded too.
 */
#include "server/cql2/json_parser.h"

/* ---- Values ---- */

static struct ww_cql2_node *read_value(struct ww_cql2_builder *b, const struct ww_json_node *json);

/* Appends the values of a JSON array. */
static bool read_elements(struct ww_cql2_builder *b, const struct ww_json_node *array,
                          struct ww_cql2_list *list) {
    for (const struct ww_json_node *e = array->child; e; e = e->next) {
        if (list->n == WW_CQL2_MAX_LIST + 1)
            return ww_cql2_fail(b, WW_TOO_LARGE, e->offset, "a list has at most %d values", WW_CQL2_MAX_LIST);
        if (!ww_cql2_list_add(b, list, read_value(b, e)))
            return false;
    }
    return true;
}

static struct ww_cql2_node *read_array(struct ww_cql2_builder *b, const struct ww_json_node *array) {
    struct ww_cql2_list list = {0};
    if (!read_elements(b, array, &list))
        return NULL;
    if (list.n > WW_CQL2_MAX_LIST)
        return ww_cql2_fail(b, WW_TOO_LARGE, array->offset, "an array has at most %d elements",
                            WW_CQL2_MAX_LIST);
    return ww_cql2_new_op(b, CQL2_ARRAY, list.nodes, list.n, array->offset);
}

static struct ww_cql2_node *read_time(struct ww_cql2_builder *b, const struct ww_json_node *value,
                                      bool date) {
    struct ww_str text;
    if (!ww_json_as_str(value, &text))
        return ww_cql2_fail(b, WW_BAD_INPUT, value->offset, "a text is expected");
    struct ww_cql2_node *node =
        date ? ww_cql2_new_date(b, text, value->offset) : ww_cql2_new_timestamp(b, text, value->offset);
    return node;
}

static struct ww_cql2_node *read_interval(struct ww_cql2_builder *b, const struct ww_json_node *object,
                                          const struct ww_json_node *array) {
    struct ww_cql2_node *bounds[2] = {NULL, NULL};
    const struct ww_json_node *e = array->type == WW_JSON_ARRAY ? array->child : NULL;
    if (!e || !e->next || e->next->next)
        return ww_cql2_fail(b, WW_BAD_INPUT, array->offset,
                            "an interval is an array of its begin and its end");
    for (size_t i = 0; i < 2; i++, e = e->next) {
        struct ww_str text;
        bounds[i] = ww_json_as_str(e, &text) ? ww_cql2_new_bound(b, text, e->offset) : read_value(b, e);
        if (!bounds[i])
            return NULL;
    }
    struct ww_cql2_node *node = ww_cql2_new_op2(b, CQL2_INTERVAL, bounds[0], bounds[1], object->offset);
    return node;
}

/* ---- Operators ---- */

/* The arguments of IN: the value, and a list of values. */
static bool read_in(struct ww_cql2_builder *b, const struct ww_json_node *args, struct ww_cql2_list *list) {
    const struct ww_json_node *value = args->child, *values = value ? value->next : NULL;
    if (!values || values->next || values->type != WW_JSON_ARRAY || !values->child)
        return ww_cql2_fail(b, WW_BAD_INPUT, args->offset,
                            "\"in\" takes a value and an array of values, at least one");
    if (!ww_cql2_list_add(b, list, read_value(b, value)))
        return false;
    if (!read_elements(b, values, list))
        return false;
    return true;
}

static struct ww_cql2_node *read_op(struct ww_cql2_builder *b, const struct ww_json_node *object) {
    const struct ww_json_node *name = ww_json_get(object, "op"), *args = ww_json_get(object, "args");
    struct ww_cql2_list list = {0};
    enum ww_cql2_op op;
    struct ww_str text;
    if (!ww_json_as_str(name, &text))
        return ww_cql2_fail(b, WW_BAD_INPUT, name->offset, "\"op\" is a text");
    if (!ww_cql2_op_find(text, &op))
        return ww_cql2_fail(b, WW_BAD_INPUT, name->offset, "there is no operator or function %.*s",
                            text.len > 80 ? 80 : (int)text.len, text.ptr);
    if (!args || args->type != WW_JSON_ARRAY)
        return ww_cql2_fail(b, WW_BAD_INPUT, object->offset, "an operator has \"args\", an array");
    if (!(op == CQL2_IN ? read_in(b, args, &list) : read_elements(b, args, &list)))
        return NULL;
    return ww_cql2_new_op(b, op, list.nodes, list.n, object->offset);
}

static struct ww_cql2_node *read_object(struct ww_cql2_builder *b, const struct ww_json_node *object) {
    const struct ww_json_node *member;
    struct ww_str text;
    if (ww_json_get(object, "op"))
        return read_op(b, object);
    if ((member = ww_json_get(object, "property"))) {
        if (!ww_json_as_str(member, &text))
            return ww_cql2_fail(b, WW_BAD_INPUT, member->offset, "\"property\" is a text");
        return ww_cql2_new_property(b, text, object->offset);
    }
    if ((member = ww_json_get(object, "date")))
        return read_time(b, member, true);
    if ((member = ww_json_get(object, "timestamp")))
        return read_time(b, member, false);
    if ((member = ww_json_get(object, "interval")))
        return read_interval(b, object, member);
    if (ww_json_get(object, "type") || ww_json_get(object, "bbox"))
        return ww_cql2_read_geojson(b, object);
    return ww_cql2_fail(
        b, WW_BAD_INPUT, object->offset,
        "an object has \"op\", \"property\", \"date\", \"timestamp\", \"interval\", \"bbox\" or \"type\"");
}

static struct ww_cql2_node *read_value(struct ww_cql2_builder *b, const struct ww_json_node *json) {
    switch (json->type) {
    case WW_JSON_OBJECT:
        return read_object(b, json);
    case WW_JSON_ARRAY:
        return read_array(b, json);
    case WW_JSON_STRING:
        return ww_cql2_new_text(b, json->text, json->offset);
    case WW_JSON_NUMBER:
        return ww_cql2_new_number(b, json->text, false, json->offset);
    case WW_JSON_TRUE:
    case WW_JSON_FALSE:
        return ww_cql2_new_boolean(b, json->type == WW_JSON_TRUE, json->offset);
    default:
        return ww_cql2_fail(b, WW_BAD_INPUT, json->offset,
                            "null is no value; the operator \"isNull\" asks for it");
    }
}

enum ww_status ww_cql2_parse_json(struct ww_str json, const struct ww_cql2_schema *schema,
                                  struct ww_cql2_crs crs, struct ww_arena *arena, struct ww_cql2_expr **out,
                                  struct ww_error *err) {
    struct ww_cql2_builder b = {.arena = arena, .schema = schema, .crs = crs, .input = json, .err = err};
    struct ww_json_node *root = NULL;
    *out = NULL;
    if (json.len > WW_CQL2_MAX_BYTES) {
        ww_cql2_fail(&b, WW_TOO_LARGE, 0, "a filter has at most %d bytes", WW_CQL2_MAX_BYTES);
        return b.status;
    }
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st == WW_NO_MEMORY)
        ww_cql2_no_memory(&b);
    else if (st != WW_OK)
        return st;
    b.json = root;
    return ww_cql2_finish(&b, root && b.status == WW_OK ? read_value(&b, root) : NULL, out);
}
