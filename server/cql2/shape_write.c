/* Writes geometries of filters: WKB for PostGIS and GEOS, WKT and GeoJSON as CQL2 has them. */
#include "server/cql2/shape.h"

/* ---- WKB ---- */

struct wkb {
    struct ww_buf *out;
    bool swap;
    ww_cql2_move move; /* may be NULL */
    void *arg;
    bool failed;
};

static void put_u32(struct ww_buf *out, uint32_t v) {
    ww_buf_be32(out, __builtin_bswap32(v)); /* little endian */
}

static void put_double(struct ww_buf *out, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    ww_buf_be64(out, __builtin_bswap64(bits));
}

static void put_head(struct wkb *w, enum ww_cql2_shape_kind kind) {
    ww_buf_char(w->out, 1);
    put_u32(w->out, (uint32_t)kind);
}

static void put_counted(struct wkb *w, enum ww_cql2_shape_kind kind, uint32_t n) {
    put_head(w, kind);
    put_u32(w->out, n);
}

static void put_xy(struct wkb *w, const struct ww_cql2_position *p) {
    double x = p->axis[w->swap], y = p->axis[!w->swap];
    if (w->move && !w->move(w->arg, &x, &y))
        w->failed = true;
    put_double(w->out, x);
    put_double(w->out, y);
}

static void put_positions(struct wkb *w, const struct ww_cql2_position *p, uint32_t n) {
    put_u32(w->out, n);
    for (uint32_t i = 0; i < n; i++)
        put_xy(w, p + i);
}

static void put_ring(struct wkb *w, const struct ww_cql2_shape *s, uint32_t ring) {
    uint32_t first = ring ? s->ring_ends[ring - 1] : 0;
    put_positions(w, s->positions + first, s->ring_ends[ring] - first);
}

static void put_rings(struct wkb *w, const struct ww_cql2_shape *s, uint32_t first, uint32_t end) {
    put_counted(w, CQL2_POLYGON, end - first);
    for (uint32_t r = first; r < end; r++)
        put_ring(w, s, r);
}

/* The simple geometries that a shape consists of, without the head of a multi-geometry. */
static void put_parts(struct wkb *w, const struct ww_cql2_shape *s) {
    switch (s->kind) {
    case CQL2_POINT:
    case CQL2_MULTIPOINT:
        for (uint32_t i = 0; i < s->n_positions; i++) {
            put_head(w, CQL2_POINT);
            put_xy(w, s->positions + i);
        }
        break;
    case CQL2_LINESTRING:
    case CQL2_MULTILINESTRING:
        for (uint32_t r = 0; r < s->n_rings; r++) {
            put_head(w, CQL2_LINESTRING);
            put_ring(w, s, r);
        }
        break;
    case CQL2_POLYGON:
        put_rings(w, s, 0, s->n_rings);
        break;
    default:
        for (uint32_t p = 0; p < s->n_parts; p++)
            put_rings(w, s, p ? s->part_ends[p - 1] : 0, s->part_ends[p]);
    }
}

static uint32_t count_parts(const struct ww_cql2_shape *s) {
    switch (s->kind) {
    case CQL2_POINT:
    case CQL2_MULTIPOINT:
        return s->n_positions;
    case CQL2_LINESTRING:
    case CQL2_MULTILINESTRING:
        return s->n_rings;
    case CQL2_MULTIPOLYGON:
        return s->n_parts;
    default:
        return 1;
    }
}

static enum ww_cql2_shape_kind multi_of(enum ww_cql2_shape_kind kind) {
    return kind < CQL2_MULTIPOINT ? kind + (CQL2_MULTIPOINT - CQL2_POINT) : kind;
}

/* A box without width or height is a line or a point: as a polygon it would have no inside. */
static void put_box(struct wkb *w, double west, double south, double east, double north) {
    struct ww_cql2_position p[5] = {
        {{west, south, 0}}, {{east, south, 0}}, {{east, north, 0}}, {{west, north, 0}}, {{west, south, 0}}};
    bool swap = w->swap;
    w->swap = false; /* these are in order */
    if (west == east && south == north) {
        put_head(w, CQL2_POINT);
        put_xy(w, p);
    } else if (west == east || south == north) {
        p[1] = p[2];
        put_head(w, CQL2_LINESTRING);
        put_positions(w, p, 2);
    } else {
        put_counted(w, CQL2_POLYGON, 1);
        put_positions(w, p, 5);
    }
    w->swap = swap;
}

static void put_bbox(struct wkb *w, const struct ww_cql2_shape *s) {
    const double *low = s->positions[0].axis, *high = s->positions[1].axis;
    double west = low[w->swap], south = low[!w->swap], east = high[w->swap], north = high[!w->swap];
    if (west <= east || west >= 180 || east <= -180) {
        put_box(w, west <= east || west < 180 ? west : -180, south, west <= east || west >= 180 ? east : 180,
                north);
        return;
    }
    put_counted(w, south == north ? CQL2_MULTILINESTRING : CQL2_MULTIPOLYGON, 2);
    put_box(w, west, south, 180, north);
    put_box(w, -180, south, east, north);
}

static bool is_of_one_kind(const struct ww_cql2_shape *s) {
    for (uint32_t i = 1; i < s->n_members; i++)
        if (multi_of(s->members[i]->kind) != multi_of(s->members[0]->kind))
            return false;
    return true;
}

uint32_t ww_cql2_shape_count(const struct ww_cql2_shape *shape) {
    return shape->kind == CQL2_GEOMETRYCOLLECTION && !is_of_one_kind(shape) ? shape->n_members : 1;
}

static void put_shape(struct wkb *w, const struct ww_cql2_shape *shape) {
    uint32_t n = 0;
    if (shape->kind == CQL2_BBOX)
        put_bbox(w, shape);
    else if (shape->kind == CQL2_GEOMETRYCOLLECTION) {
        for (uint32_t m = 0; m < shape->n_members; m++)
            n += count_parts(shape->members[m]);
        put_counted(w, multi_of(shape->members[0]->kind), n);
        for (uint32_t m = 0; m < shape->n_members; m++)
            put_parts(w, shape->members[m]);
    } else {
        if (shape->kind >= CQL2_MULTIPOINT)
            put_counted(w, shape->kind, count_parts(shape));
        put_parts(w, shape);
    }
}

bool ww_cql2_shape_wkb(const struct ww_cql2_shape *shape, uint32_t i, struct ww_cql2_crs crs,
                       ww_cql2_move move, void *arg, struct ww_buf *out) {
    struct wkb w = {.out = out, .swap = crs.lat_first, .move = move, .arg = arg};
    put_shape(&w, ww_cql2_shape_count(shape) == 1 ? shape : shape->members[i]);
    return !w.failed && ww_buf_status(out) == WW_OK;
}

/* ---- Text ---- */

static void text_position(const struct ww_cql2_shape *s, uint32_t i, struct ww_buf *out) {
    char digits[32];
    for (int a = 0; a < s->n_axes; a++) {
        if (a)
            ww_buf_char(out, ' ');
        ww_buf_add(out, digits, (size_t)ww_double_text(s->positions[i].axis[a], digits));
    }
}

static void text_positions(const struct ww_cql2_shape *s, uint32_t first, uint32_t end, const char *open,
                           const char *close, struct ww_buf *out) {
    ww_buf_char(out, '(');
    for (uint32_t i = first; i < end; i++) {
        if (i > first)
            ww_buf_text(out, ", ");
        ww_buf_text(out, open);
        text_position(s, i, out);
        ww_buf_text(out, close);
    }
    ww_buf_char(out, ')');
}

static void text_rings(const struct ww_cql2_shape *s, uint32_t first, uint32_t end, struct ww_buf *out) {
    ww_buf_char(out, '(');
    for (uint32_t r = first; r < end; r++) {
        if (r > first)
            ww_buf_text(out, ", ");
        text_positions(s, r ? s->ring_ends[r - 1] : 0, s->ring_ends[r], "", "", out);
    }
    ww_buf_char(out, ')');
}

static void text_box(const struct ww_cql2_shape *s, struct ww_buf *out) {
    char digits[32];
    ww_buf_char(out, '(');
    for (int k = 0; k < 2 * s->n_axes; k++) {
        if (k)
            ww_buf_text(out, ", ");
        double v = s->positions[k / s->n_axes].axis[k % s->n_axes];
        ww_buf_add(out, digits, (size_t)ww_double_text(v, digits));
    }
    ww_buf_char(out, ')');
}

void ww_cql2_shape_text(const struct ww_cql2_shape *s, struct ww_buf *out) {
    for (const char *c = ww_cql2_shape_kind_name(s->kind); *c; c++)
        ww_buf_char(out, *c >= 'a' ? (char)(*c - 'a' + 'A') : *c);
    if (s->n_axes == 3 && s->kind != CQL2_BBOX)
        ww_buf_text(out, " Z");
    switch (s->kind) {
    case CQL2_POINT:
    case CQL2_LINESTRING:
        text_positions(s, 0, s->n_positions, "", "", out);
        break;
    case CQL2_MULTIPOINT:
        text_positions(s, 0, s->n_positions, "(", ")", out);
        break;
    case CQL2_POLYGON:
    case CQL2_MULTILINESTRING:
        text_rings(s, 0, s->n_rings, out);
        break;
    case CQL2_BBOX:
        text_box(s, out);
        break;
    default:
        ww_buf_char(out, '(');
        for (uint32_t p = 0; p < s->n_parts + s->n_members; p++) {
            if (p)
                ww_buf_text(out, ", ");
            if (s->kind == CQL2_GEOMETRYCOLLECTION)
                ww_cql2_shape_text(s->members[p], out);
            else
                text_rings(s, p ? s->part_ends[p - 1] : 0, s->part_ends[p], out);
        }
        ww_buf_char(out, ')');
    }
}

/* ---- GeoJSON ---- */

static void json_position(const struct ww_cql2_shape *s, uint32_t i, struct ww_json *out) {
    ww_json_array(out);
    for (int a = 0; a < s->n_axes; a++)
        ww_json_double(out, s->positions[i].axis[a]);
    ww_json_end_array(out);
}

static void json_positions(const struct ww_cql2_shape *s, uint32_t first, uint32_t end, struct ww_json *out) {
    ww_json_array(out);
    for (uint32_t i = first; i < end; i++)
        json_position(s, i, out);
    ww_json_end_array(out);
}

static void json_rings(const struct ww_cql2_shape *s, uint32_t first, uint32_t end, struct ww_json *out) {
    ww_json_array(out);
    for (uint32_t r = first; r < end; r++)
        json_positions(s, r ? s->ring_ends[r - 1] : 0, s->ring_ends[r], out);
    ww_json_end_array(out);
}

static void json_coordinates(const struct ww_cql2_shape *s, struct ww_json *out) {
    switch (s->kind) {
    case CQL2_POINT:
        json_position(s, 0, out);
        break;
    case CQL2_LINESTRING:
    case CQL2_MULTIPOINT:
        json_positions(s, 0, s->n_positions, out);
        break;
    case CQL2_POLYGON:
    case CQL2_MULTILINESTRING:
        json_rings(s, 0, s->n_rings, out);
        break;
    default:
        ww_json_array(out);
        for (uint32_t p = 0; p < s->n_parts; p++)
            json_rings(s, p ? s->part_ends[p - 1] : 0, s->part_ends[p], out);
        ww_json_end_array(out);
    }
}

void ww_cql2_shape_json(const struct ww_cql2_shape *s, struct ww_json *out) {
    ww_json_object(out);
    if (s->kind == CQL2_BBOX) {
        ww_json_key(out, "bbox");
        ww_json_array(out);
        for (int k = 0; k < 2 * s->n_axes; k++)
            ww_json_double(out, s->positions[k / s->n_axes].axis[k % s->n_axes]);
        ww_json_end_array(out);
        ww_json_end_object(out);
        return;
    }
    ww_json_key(out, "type");
    ww_json_text(out, ww_cql2_shape_kind_name(s->kind));
    if (s->kind == CQL2_GEOMETRYCOLLECTION) {
        ww_json_key(out, "geometries");
        ww_json_array(out);
        for (uint32_t i = 0; i < s->n_members; i++)
            ww_cql2_shape_json(s->members[i], out);
        ww_json_end_array(out);
    } else {
        ww_json_key(out, "coordinates");
        json_coordinates(s, out);
    }
    ww_json_end_object(out);
}
