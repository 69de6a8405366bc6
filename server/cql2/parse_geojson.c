/* Reads geometries of the JSON encoding: GeoJSON objects and {"bbox": […]}. Other members of them are passed
 * over. */
#include "server/cql2/json_parser.h"

static bool fail(struct ww_cql2_builder *b, const struct ww_json_node *at, const char *what) {
    return ww_cql2_fail(b, WW_BAD_INPUT, at->offset, "%s", what);
}

/* The numbers of an array, at most `most`; -1 after a failure. */
static int read_numbers(struct ww_cql2_builder *b, const struct ww_json_node *array, double *out, int most,
                        const char *what) {
    int n = 0;
    const struct ww_json_node *e = array->type == WW_JSON_ARRAY ? array->child : NULL;
    for (; e; e = e->next, n++)
        if (n == most || !ww_json_as_double(e, &out[n]))
            break;
        else if (out[n] == 0)
            out[n] = 0; /* no -0 */
    if (array->type == WW_JSON_ARRAY && !e)
        return n;
    fail(b, array, what);
    return -1;
}

static bool read_position(struct ww_cql2_builder *b, const struct ww_json_node *json,
                          struct ww_cql2_shape *shape) {
    static const char what[] = "a position is an array of two or three numbers";
    double axis[3];
    int n = read_numbers(b, json, axis, 3, what);
    if (n < 0)
        return false;
    return n < 2 ? fail(b, json, what) : ww_cql2_shape_add(b, shape, axis, n, json->offset);
}

/* An array of whatever `read` reads; at least one. */
static bool read_list(struct ww_cql2_builder *b, const struct ww_json_node *json, struct ww_cql2_shape *shape,
                      bool (*read)(struct ww_cql2_builder *, const struct ww_json_node *,
                                   struct ww_cql2_shape *)) {
    if (json->type != WW_JSON_ARRAY || !json->child)
        return fail(b, json, "an array that is not empty is expected");
    for (const struct ww_json_node *e = json->child; e; e = e->next)
        if (!read(b, e, shape))
            return false;
    return true;
}

static bool read_ring(struct ww_cql2_builder *b, const struct ww_json_node *json,
                      struct ww_cql2_shape *shape) {
    return read_list(b, json, shape, read_position) && ww_cql2_shape_end_ring(b, shape, json->offset);
}

static bool read_part(struct ww_cql2_builder *b, const struct ww_json_node *json,
                      struct ww_cql2_shape *shape) {
    return read_list(b, json, shape, read_ring) && ww_cql2_shape_end_part(b, shape, json->offset);
}

static struct ww_cql2_shape *read_geometry(struct ww_cql2_builder *b, const struct ww_json_node *object,
                                           bool member);

static bool read_member(struct ww_cql2_builder *b, const struct ww_json_node *json,
                        struct ww_cql2_shape *shape) {
    return ww_cql2_shape_add_member(b, shape, read_geometry(b, json, true), json->offset);
}

static bool read_coordinates(struct ww_cql2_builder *b, const struct ww_json_node *json,
                             struct ww_cql2_shape *shape) {
    switch (shape->kind) {
    case CQL2_POINT:
        return read_position(b, json, shape);
    case CQL2_LINESTRING:
        return read_ring(b, json, shape);
    case CQL2_MULTIPOINT:
        return read_list(b, json, shape, read_position);
    case CQL2_POLYGON:
    case CQL2_MULTILINESTRING:
        return read_list(b, json, shape, read_ring);
    case CQL2_MULTIPOLYGON:
        return read_list(b, json, shape, read_part);
    default:
        return read_list(b, json, shape, read_member);
    }
}

static struct ww_cql2_shape *read_geometry(struct ww_cql2_builder *b, const struct ww_json_node *object,
                                           bool member) {
    enum ww_cql2_shape_kind kind;
    struct ww_str name;
    const struct ww_json_node *type = ww_json_get(object, "type");
    if (!ww_json_as_str(type, &name) || !ww_cql2_shape_kind_find(name, &kind) || kind == CQL2_BBOX ||
        !ww_str_is(name, ww_cql2_shape_kind_name(kind)))
        return ww_cql2_fail(b, WW_BAD_INPUT, type ? type->offset : object->offset,
                            "a GeoJSON geometry is expected");
    const char *inner = kind == CQL2_GEOMETRYCOLLECTION ? "geometries" : "coordinates";
    const struct ww_json_node *json = ww_json_get(object, inner);
    if (!json)
        return ww_cql2_fail(b, WW_BAD_INPUT, object->offset, "the geometry has no %s", inner);
    if (member && kind == CQL2_GEOMETRYCOLLECTION)
        return ww_cql2_fail(b, WW_BAD_INPUT, object->offset,
                            "a GeometryCollection holds points, lines and polygons");
    struct ww_cql2_shape *shape = ww_cql2_shape_new(b, kind, object->offset);
    if (!shape || !read_coordinates(b, json, shape))
        return NULL;
    return shape;
}

struct ww_cql2_node *ww_cql2_read_geojson(struct ww_cql2_builder *b, const struct ww_json_node *object) {
    const struct ww_json_node *bbox = ww_json_get(object, "bbox");
    if (ww_json_get(object, "type"))
        return ww_cql2_new_shape(b, read_geometry(b, object, false), object->offset);
    double numbers[6];
    int n = read_numbers(b, bbox, numbers, 6, "a bbox is an array of four or six numbers");
    struct ww_cql2_shape *shape = n < 0 ? NULL : ww_cql2_shape_of_bbox(b, numbers, n, bbox->offset);
    return ww_cql2_new_shape(b, shape, object->offset);
}
