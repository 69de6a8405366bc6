/* Reads geometries of the text encoding: well-known text and BBOX( … ). */
#include "server/cql2/text_parser.h"

static bool read_coordinate(struct ww_cql2_parser *p, double *out) {
    bool minus = ww_cql2_is_sign(&p->word, '-');
    if ((minus || ww_cql2_is_sign(&p->word, '+')) && !ww_cql2_step(p))
        return false;
    if (p->word.kind != CQL2_DIGITS)
        return ww_cql2_expected(p, "a number");
    if (!ww_str_to_double(p->word.value, out))
        return ww_cql2_expected(p, "a number that can be kept");
    if (minus)
        *out = 0 - *out; /* no -0 */
    return ww_cql2_step(p);
}

static bool read_position(struct ww_cql2_parser *p, struct ww_cql2_shape *shape) {
    double axis[3];
    size_t place = p->word.place;
    int n = 0;
    do
        if (!read_coordinate(p, &axis[n++]))
            return false;
    while (n < 2 || (n == 2 && !ww_cql2_is_sign(&p->word, ',') && !ww_cql2_is_sign(&p->word, ')')));
    return ww_cql2_shape_add(p->lexer.b, shape, axis, n, place);
}

/* MULTIPOINT has each in parentheses; older texts leave them out. */
static bool read_point_of_many(struct ww_cql2_parser *p, struct ww_cql2_shape *shape) {
    if (!ww_cql2_is_sign(&p->word, '('))
        return read_position(p, shape);
    return ww_cql2_step(p) && read_position(p, shape) && ww_cql2_take_sign(p, ')');
}

/* "( item, item, … )" */
static bool read_list(struct ww_cql2_parser *p, struct ww_cql2_shape *shape,
                      bool (*read)(struct ww_cql2_parser *, struct ww_cql2_shape *)) {
    if (!ww_cql2_take_sign(p, '('))
        return false;
    for (;;) {
        if (!read(p, shape))
            return false;
        if (!ww_cql2_is_sign(&p->word, ','))
            return ww_cql2_take_sign(p, ')');
        if (!ww_cql2_step(p))
            return false;
    }
}

static bool read_ring(struct ww_cql2_parser *p, struct ww_cql2_shape *shape) {
    size_t place = p->word.place;
    return read_list(p, shape, read_position) && ww_cql2_shape_end_ring(p->lexer.b, shape, place);
}

static bool read_part(struct ww_cql2_parser *p, struct ww_cql2_shape *shape) {
    size_t place = p->word.place;
    return read_list(p, shape, read_ring) && ww_cql2_shape_end_part(p->lexer.b, shape, place);
}

static bool read_member(struct ww_cql2_parser *p, struct ww_cql2_shape *shape) {
    enum ww_cql2_shape_kind kind;
    size_t place = p->word.place;
    if (p->word.kind != CQL2_NAME || !ww_cql2_shape_kind_find(p->word.value, &kind))
        return ww_cql2_expected(p, "a geometry");
    if (kind >= CQL2_GEOMETRYCOLLECTION)
        return ww_cql2_expected(p, "a point, a line or a polygon");
    return ww_cql2_step(p) &&
           ww_cql2_shape_add_member(p->lexer.b, shape, ww_cql2_read_shape(p, kind, place), place);
}

static struct ww_cql2_shape *read_bbox(struct ww_cql2_parser *p, size_t place) {
    double numbers[6];
    int n = 0;
    if (!ww_cql2_take_sign(p, '('))
        return NULL;
    do {
        if (n == 6)
            return ww_cql2_expected(p, "\")\"");
        if ((n > 0 && !ww_cql2_step(p)) || !read_coordinate(p, &numbers[n++]))
            return NULL;
    } while (ww_cql2_is_sign(&p->word, ','));
    return ww_cql2_take_sign(p, ')') ? ww_cql2_shape_of_bbox(p->lexer.b, numbers, n, place) : NULL;
}

struct ww_cql2_shape *ww_cql2_read_shape(struct ww_cql2_parser *p, enum ww_cql2_shape_kind kind,
                                         size_t place) {
    if (kind == CQL2_BBOX)
        return read_bbox(p, place);
    bool z = p->word.kind == CQL2_NAME && ww_str_eq_nocase(p->word.value, WW_STR("z"));
    if (z && !ww_cql2_step(p))
        return NULL;
    struct ww_cql2_shape *shape = ww_cql2_shape_new(p->lexer.b, kind, place);
    bool good = shape != NULL;
    switch (kind) {
    case CQL2_POINT:
        good = good && ww_cql2_take_sign(p, '(') && read_position(p, shape) && ww_cql2_take_sign(p, ')');
        break;
    case CQL2_LINESTRING:
        good = good && read_ring(p, shape);
        break;
    case CQL2_MULTIPOINT:
        good = good && read_list(p, shape, read_point_of_many);
        break;
    case CQL2_POLYGON:
    case CQL2_MULTILINESTRING:
        good = good && read_list(p, shape, read_ring);
        break;
    case CQL2_MULTIPOLYGON:
        good = good && read_list(p, shape, read_part);
        break;
    default:
        good = good && read_list(p, shape, read_member);
        break;
    }
    if (good && z && shape->n_axes == 2)
        return ww_cql2_fail(p->lexer.b, WW_BAD_INPUT, place, "after Z positions have three numbers");
    return good ? shape : NULL;
}
