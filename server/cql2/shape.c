/* Builds geometries of filters and checks what can be checked without looking at how lines run: numbers of
 * positions, closed rings, corners in their order. Whether a polygon crosses itself is left to who computes
 * with it. */
#include "server/cql2/shape.h"

#include <math.h>

static const char *const kinds[] = {[CQL2_POINT] = "Point",
                                    [CQL2_LINESTRING] = "LineString",
                                    [CQL2_POLYGON] = "Polygon",
                                    [CQL2_MULTIPOINT] = "MultiPoint",
                                    [CQL2_MULTILINESTRING] = "MultiLineString",
                                    [CQL2_MULTIPOLYGON] = "MultiPolygon",
                                    [CQL2_GEOMETRYCOLLECTION] = "GeometryCollection",
                                    [CQL2_BBOX] = "BBox"};

bool ww_cql2_shape_kind_find(struct ww_str name, enum ww_cql2_shape_kind *out) {
    for (int k = CQL2_POINT; k <= CQL2_BBOX; k++)
        if (ww_str_eq_nocase(name, ww_str_of(kinds[k]))) {
            *out = (enum ww_cql2_shape_kind)k;
            return true;
        }
    return false;
}

const char *ww_cql2_shape_kind_name(enum ww_cql2_shape_kind kind) {
    return kinds[kind];
}

struct ww_cql2_shape *ww_cql2_shape_new(struct ww_cql2_builder *b, enum ww_cql2_shape_kind kind,
                                        size_t place) {
    if (b->status != WW_OK)
        return NULL;
    struct ww_cql2_shape *shape = ww_arena_calloc(b->arena, 1, sizeof *shape);
    (void)place;
    if (!shape)
        return ww_cql2_no_memory(b);
    shape->kind = kind;
    return shape;
}

/* Room for one more of `size` bytes in an array that holds n. */
static void *room(struct ww_cql2_builder *b, void *array, uint32_t n, uint32_t *cap, size_t size) {
    if (n < *cap)
        return array;
    uint32_t more = *cap ? *cap * 2 : 8;
    void *grown = ww_arena_grow(b->arena, array, n * size, more * size);
    if (!grown)
        return ww_cql2_no_memory(b);
    *cap = more;
    return grown;
}

bool ww_cql2_shape_add(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, const double *axis, int n_axes,
                       size_t place) {
    if (shape->n_axes != 0 && shape->n_axes != n_axes)
        return ww_cql2_fail(b, WW_BAD_INPUT, place,
                            "all positions of a geometry have two numbers, or all have three");
    if (++b->n_vertices > WW_CQL2_MAX_VERTICES)
        return ww_cql2_fail(b, WW_TOO_LARGE, place,
                            "the geometries of a filter have at most %d positions in all",
                            WW_CQL2_MAX_VERTICES);
    struct ww_cql2_position *grown =
        room(b, shape->positions, shape->n_positions, &shape->cap_positions, sizeof *grown);
    if (!grown)
        return false;
    shape->n_axes = n_axes;
    shape->positions = grown;
    shape->positions[shape->n_positions++] =
        (struct ww_cql2_position){{axis[0], axis[1], n_axes == 3 ? axis[2] : 0}};
    return true;
}

static bool is_line(enum ww_cql2_shape_kind kind) {
    return kind == CQL2_LINESTRING || kind == CQL2_MULTILINESTRING;
}

bool ww_cql2_shape_end_ring(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place) {
    uint32_t first = shape->n_rings ? shape->ring_ends[shape->n_rings - 1] : 0,
             n = shape->n_positions - first;
    if (is_line(shape->kind) && n < 2)
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "a line has at least two positions");
    if (!is_line(shape->kind)) {
        if (n < 4)
            return ww_cql2_fail(b, WW_BAD_INPUT, place, "a ring has at least four positions, and this one %u",
                                n);
        const double *begin = shape->positions[first].axis, *end = shape->positions[first + n - 1].axis;
        if (begin[0] != end[0] || begin[1] != end[1])
            return ww_cql2_fail(b, WW_BAD_INPUT, place,
                                "a ring ends where it begins: this one at %.10g %.10g, not %.10g %.10g",
                                begin[0], begin[1], end[0], end[1]);
    }
    uint32_t *grown = room(b, shape->ring_ends, shape->n_rings, &shape->cap_rings, sizeof *grown);
    if (!grown)
        return false;
    shape->ring_ends = grown;
    shape->ring_ends[shape->n_rings++] = shape->n_positions;
    return true;
}

bool ww_cql2_shape_end_part(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place) {
    uint32_t first = shape->n_parts ? shape->part_ends[shape->n_parts - 1] : 0;
    if (shape->n_rings == first)
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "a polygon has a ring");
    uint32_t *grown = room(b, shape->part_ends, shape->n_parts, &shape->cap_parts, sizeof *grown);
    if (!grown)
        return false;
    shape->part_ends = grown;
    shape->part_ends[shape->n_parts++] = shape->n_rings;
    return true;
}

bool ww_cql2_shape_add_member(struct ww_cql2_builder *b, struct ww_cql2_shape *shape,
                              struct ww_cql2_shape *member, size_t place) {
    if (!member)
        return false;
    if (member->kind >= CQL2_GEOMETRYCOLLECTION)
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "a GEOMETRYCOLLECTION holds points, lines and polygons");
    struct ww_cql2_shape **grown =
        room(b, shape->members, shape->n_members, &shape->cap_members, sizeof(struct ww_cql2_shape *));
    if (!grown)
        return false;
    shape->members = grown;
    shape->members[shape->n_members++] = member;
    return true;
}

struct ww_cql2_node *ww_cql2_new_shape(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place) {
    if (!shape)
        return NULL;
    struct ww_cql2_node *node = ww_cql2_new_leaf(b, CQL2_SHAPE, WW_CQL2_GEOMETRY, place);
    if (node)
        node->shape = shape;
    return node;
}

/* ---- Boxes ---- */

/* Systems in degrees that come up here; the number of an EPSG code does not tell (4491 … 4554 are in metres).
 */
static bool is_geographic(int srid) {
    static const int known[] = {4326, 4490, 4979, 4480, 4258, 4269, 4214, 4610, 4555};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == srid)
            return true;
    return false;
}

struct ww_cql2_shape *ww_cql2_shape_of_bbox(struct ww_cql2_builder *b, const double *numbers, int n,
                                            size_t place) {
    if (n != 4 && n != 6)
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "a BBOX has four numbers, or six, not %d", n);
    struct ww_cql2_shape *shape = ww_cql2_shape_new(b, CQL2_BBOX, place);
    const double *low = numbers, *high = numbers + n / 2;
    if (!shape || !ww_cql2_shape_add(b, shape, low, n / 2, place) ||
        !ww_cql2_shape_add(b, shape, high, n / 2, place))
        return NULL;
    int x = b->crs.lat_first ? 1 : 0, y = 1 - x;
    if (low[y] > high[y] || (n == 6 && low[2] > high[2]))
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "the lower corner of a BBOX comes first");
    if (low[x] > high[x] && !is_geographic(b->crs.srid))
        return ww_cql2_fail(
            b, WW_BAD_INPUT, place,
            "the western corner of a BBOX comes first (only in degrees may it cross the antimeridian)");
    return shape;
}
