/* From WKB to spots, from spots to what a tile shows. */
#include "geo/tile/shape.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "geo/base/alloc.h"

enum { LINE_STRING = 2, POLYGON = 3, MULTI_LINE_STRING = 5, MULTI_POLYGON = 6 };
#define MAX_PARTS 1000000u
#define FINE_ZOOM 14 /* from here on nothing is made coarser */
#define COARSE    4  /* units: half a pixel of a tile drawn at 512 */

struct part {
    uint32_t first, count; /* vertices; a ring's last, equal to its first, is left out */
    bool outer;
};

struct ww_map_shape {
    enum ww_mvt_type type;
    struct ww_spot *spots;
    struct part *parts;
    size_t n_spots, spots_room, n_parts, parts_room;
    uint32_t west, east, north, south;
};

/* ---- Reading ---- */

struct reader {
    struct ww_str in;
    size_t at;
    bool little;
    int dimensions;
    struct ww_map_shape *shape;
    struct ww_error *err;
};

static enum ww_status broken(struct reader *r, const char *what) {
    const enum ww_status st = ww_error_set(r->err, WW_BAD_INPUT, "geometry: %s at byte %zu", what, r->at);
    if (r->err)
        r->err->offset = r->at;
    return st;
}

static bool take(struct reader *r, size_t n, unsigned char *out) {
    if (r->in.len - r->at < n)
        return false;
    memcpy(out, r->in.ptr + r->at, n);
    r->at += n;
    return true;
}

static bool take_u32(struct reader *r, uint32_t *out) {
    unsigned char b[4];
    if (!take(r, sizeof(b), b))
        return false;
    *out = r->little ? b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24
                     : b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[0] << 24;
    return true;
}

static bool take_double(struct reader *r, double *out) {
    unsigned char b[8];
    uint64_t bits = 0;
    if (!take(r, sizeof(b), b))
        return false;
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)b[i] << (8 * (r->little ? i : 7 - i));
    memcpy(out, &bits, sizeof(bits));
    return true;
}

/* Byte order and type, of EWKB (flags in the high bits) or ISO WKB (thousands). */
static enum ww_status take_head(struct reader *r, uint32_t *type) {
    unsigned char order;
    uint32_t raw, srid, base;
    if (!take(r, 1, &order) || order > 1)
        return broken(r, "no byte order");
    r->little = order == 1;
    if (!take_u32(r, &raw))
        return broken(r, "cut short");
    if ((raw & 0x20000000u) && !take_u32(r, &srid))
        return broken(r, "cut short");
    base = raw & 0x0fffffffu;
    r->dimensions = 2 + ((raw & 0x80000000u) != 0) + ((raw & 0x40000000u) != 0);
    if (base >= 1000 && base < 4000)
        r->dimensions += base / 1000 == 3 ? 2 : 1;
    *type = base % 1000;
    return WW_OK;
}

static bool add_spot(struct ww_map_shape *s, struct ww_spot spot) {
    if (s->n_spots == s->spots_room) {
        const size_t room = s->spots_room ? s->spots_room * 2 : 64;
        struct ww_spot *spots = ww_try_realloc(s->spots, room * sizeof(*spots));
        if (!spots)
            return false;
        s->spots = spots, s->spots_room = room;
    }
    s->spots[s->n_spots++] = spot;
    return true;
}

static bool add_part(struct ww_map_shape *s, struct part part) {
    if (s->n_parts == s->parts_room) {
        const size_t room = s->parts_room ? s->parts_room * 2 : 4;
        struct part *parts = ww_try_realloc(s->parts, room * sizeof(*parts));
        if (!parts)
            return false;
        s->parts = parts, s->parts_room = room;
    }
    s->parts[s->n_parts++] = part;
    return true;
}

static void widen(struct ww_map_shape *s, struct ww_spot spot) {
    s->west = spot.x < s->west ? spot.x : s->west;
    s->east = spot.x > s->east ? spot.x : s->east;
    s->north = spot.y < s->north ? spot.y : s->north;
    s->south = spot.y > s->south ? spot.y : s->south;
}

static enum ww_status take_path(struct reader *r, bool is_ring, bool outer) {
    struct ww_map_shape *s = r->shape;
    const size_t first = s->n_spots;
    uint32_t n;
    if (!take_u32(r, &n))
        return broken(r, "cut short");
    if (n > (r->in.len - r->at) / (8 * (size_t)r->dimensions))
        return broken(r, "more vertices than bytes");
    for (uint32_t i = 0; i < n; i++) {
        double at[4] = {0};
        struct ww_spot spot;
        for (int d = 0; d < r->dimensions; d++)
            if (!take_double(r, &at[d]))
                return broken(r, "cut short");
        if (!isfinite(at[0]) || !isfinite(at[1]))
            return broken(r, "a number that is not finite");
        spot = ww_spot_of((struct ww_place){at[0], at[1]});
        if (is_ring && i > 0 && i == n - 1 && spot.x == s->spots[first].x && spot.y == s->spots[first].y)
            break;
        if (!add_spot(s, spot))
            return ww_error_set(r->err, WW_NO_MEMORY, "no memory for a geometry");
        widen(s, spot);
    }
    if (s->n_spots == first)
        return WW_OK;
    if (s->n_parts >= MAX_PARTS)
        return broken(r, "too many parts");
    if (!add_part(s, (struct part){(uint32_t)first, (uint32_t)(s->n_spots - first), outer}))
        return ww_error_set(r->err, WW_NO_MEMORY, "no memory for a geometry");
    return WW_OK;
}

static enum ww_status take_polygon(struct reader *r) {
    uint32_t rings;
    enum ww_status st = WW_OK;
    if (!take_u32(r, &rings))
        return broken(r, "cut short");
    for (uint32_t i = 0; i < rings && st == WW_OK; i++)
        st = take_path(r, true, i == 0);
    return st;
}

static enum ww_status take_many(struct reader *r, uint32_t each) {
    uint32_t n, type = 0;
    enum ww_status st = WW_OK;
    if (!take_u32(r, &n))
        return broken(r, "cut short");
    for (uint32_t i = 0; i < n && st == WW_OK; i++) {
        if ((st = take_head(r, &type)) != WW_OK)
            return st;
        if (type != each)
            return broken(r, "a part of another type");
        st = each == POLYGON ? take_polygon(r) : take_path(r, false, false);
    }
    return st;
}

static enum ww_status take_shape(struct reader *r) {
    uint32_t type = 0;
    const enum ww_status st = take_head(r, &type);
    if (st != WW_OK)
        return st;
    r->shape->type = type == POLYGON || type == MULTI_POLYGON ? WW_MVT_POLYGON : WW_MVT_LINE;
    switch (type) {
    case LINE_STRING:
        return take_path(r, false, false);
    case POLYGON:
        return take_polygon(r);
    case MULTI_LINE_STRING:
        return take_many(r, LINE_STRING);
    case MULTI_POLYGON:
        return take_many(r, POLYGON);
    default:
        return broken(r, "neither lines nor areas");
    }
}

enum ww_status ww_map_shape_from_wkb(struct ww_str wkb, struct ww_map_shape **out, struct ww_error *err) {
    struct ww_map_shape *shape = ww_try_calloc(1, sizeof(*shape));
    struct reader r = {.in = wkb, .shape = shape, .err = err};
    enum ww_status st;
    *out = NULL;
    if (!shape)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    shape->west = shape->north = UINT32_MAX;
    st = take_shape(&r);
    if (st == WW_OK)
        *out = shape;
    else
        ww_map_shape_free(shape);
    return st;
}

void ww_map_shape_free(struct ww_map_shape *shape) {
    if (!shape)
        return;
    ww_free(shape->spots);
    ww_free(shape->parts);
    ww_free(shape);
}

enum ww_mvt_type ww_map_shape_type(const struct ww_map_shape *shape) {
    return shape->type;
}

size_t ww_map_shape_vertices(const struct ww_map_shape *shape) {
    return shape->n_spots;
}

bool ww_map_shape_equal(const struct ww_map_shape *a, const struct ww_map_shape *b) {
    if (a->type != b->type || a->n_spots != b->n_spots || a->n_parts != b->n_parts)
        return false;
    for (size_t i = 0; i < a->n_parts; i++)
        if (a->parts[i].first != b->parts[i].first || a->parts[i].outer != b->parts[i].outer)
            return false;
    return a->n_spots == 0 || memcmp(a->spots, b->spots, a->n_spots * sizeof *a->spots) == 0;
}

/* ---- Where it lies ---- */

/* Shapes do not go round the back of the world (RFC 7946, 3.1.9 cuts them there), so no wrapping. */
static int64_t units_from(uint32_t tile, uint32_t spot, int zoom) {
    const int64_t d = (int64_t)spot - ((int64_t)tile << (32 - zoom));
    return zoom <= 20 ? d >> (20 - zoom) : d * ((int64_t)1 << (zoom - 20));
}

bool ww_map_shape_touches(const struct ww_map_shape *shape, struct ww_tile tile, int32_t margin) {
    if (shape->n_parts == 0)
        return false;
    return units_from(tile.x, shape->east, tile.zoom) >= -margin &&
           units_from(tile.x, shape->west, tile.zoom) <= WW_MVT_EXTENT + margin &&
           units_from(tile.y, shape->south, tile.zoom) >= -margin &&
           units_from(tile.y, shape->north, tile.zoom) <= WW_MVT_EXTENT + margin;
}

void ww_map_shape_box(const struct ww_map_shape *shape, struct ww_spot *north_west,
                      struct ww_spot *south_east) {
    *north_west = (struct ww_spot){shape->west, shape->north};
    *south_east = (struct ww_spot){shape->east, shape->south};
}

struct ww_tile ww_map_shape_tile(const struct ww_map_shape *shape, int max_zoom) {
    const struct ww_spot a = {shape->west, shape->north}, b = {shape->east, shape->south};
    int zoom = shape->n_parts ? max_zoom : 0;
    while (zoom > 0) {
        const struct ww_tile p = ww_tile_of(a, zoom), q = ww_tile_of(b, zoom);
        if (p.x == q.x && p.y == q.y)
            break;
        zoom--;
    }
    return ww_tile_of(shape->n_parts ? a : (struct ww_spot){0, 0}, zoom);
}

/* ---- Drawing ---- */

struct vertex {
    int64_t x, y; /* units; far outside before cutting */
};

struct path {
    struct vertex *at;
    size_t n, room;
};

static bool path_add(struct path *path, struct vertex v) {
    if (path->n == path->room) {
        const size_t room = path->room ? path->room * 2 : 128;
        struct vertex *at = ww_try_realloc(path->at, room * sizeof(*at));
        if (!at)
            return false;
        path->at = at, path->room = room;
    }
    path->at[path->n++] = v;
    return true;
}

/* Round to the nearest multiple, halves up: the same for every shape that has this vertex. */
static int64_t snap(int64_t v, int64_t grid) {
    const int64_t half = v + grid / 2;
    return half - ((half % grid) + grid) % grid;
}

static bool is_straight(struct vertex a, struct vertex b, struct vertex c) {
    const int64_t x1 = b.x - a.x, y1 = b.y - a.y, x2 = c.x - b.x, y2 = c.y - b.y;
    return (__int128)x1 * y2 == (__int128)x2 * y1 && (__int128)x1 * x2 + (__int128)y1 * y2 >= 0;
}

static bool snap_part(const struct ww_map_shape *s, const struct part *part, struct ww_tile tile,
                      struct path *out) {
    const int64_t grid = tile.zoom >= FINE_ZOOM ? 1 : COARSE;
    out->n = 0;
    for (uint32_t i = 0; i < part->count; i++) {
        const struct ww_spot spot = s->spots[part->first + i];
        const struct vertex v = {snap(units_from(tile.x, spot.x, tile.zoom), grid),
                                 snap(units_from(tile.y, spot.y, tile.zoom), grid)};
        if (out->n > 0 && out->at[out->n - 1].x == v.x && out->at[out->n - 1].y == v.y)
            continue;
        if (out->n > 1 && is_straight(out->at[out->n - 2], out->at[out->n - 1], v))
            out->n--;
        if (!path_add(out, v))
            return false;
    }
    return true;
}

/* The four sides of the box, one at a time: 0 west, 1 east, 2 north, 3 south. */
struct box {
    int64_t low, high;
};

static bool is_inside(struct vertex v, int side, struct box box) {
    switch (side) {
    case 0:
        return v.x >= box.low;
    case 1:
        return v.x <= box.high;
    case 2:
        return v.y >= box.low;
    default:
        return v.y <= box.high;
    }
}

/* Rounded to the nearest, and the same whichever way the edge runs. */
static int64_t between(int64_t from, int64_t to, int64_t part, int64_t whole) {
    const __int128 twice = (__int128)(to - from) * part * 2 + whole;
    __int128 q = twice / (2 * (__int128)whole);
    if (twice % (2 * (__int128)whole) < 0)
        q--;
    return from + (int64_t)q;
}

static struct vertex crossing(struct vertex a, struct vertex b, int side, struct box box) {
    const int64_t at = side % 2 == 0 ? box.low : box.high;
    if (side < 2) {
        if (a.x > b.x) {
            const struct vertex swap = a;
            a = b, b = swap;
        }
        return (struct vertex){at, between(a.y, b.y, at - a.x, b.x - a.x)};
    }
    if (a.y > b.y) {
        const struct vertex swap = a;
        a = b, b = swap;
    }
    return (struct vertex){between(a.x, b.x, at - a.y, b.y - a.y), at};
}

/* Cuts at one side; of a ring the last vertex joins the first. */
static bool cut(const struct path *in, int side, struct box box, struct path *out) {
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct vertex v = in->at[i], before = in->at[i ? i - 1 : in->n - 1];
        const bool here = is_inside(v, side, box), there = is_inside(before, side, box);
        if (here != there && !path_add(out, crossing(before, v, side, box)))
            return false;
        if (here && !path_add(out, v))
            return false;
    }
    return true;
}

static bool draw_ring(struct path *ring, struct path *scratch, struct box box, bool outer,
                      struct ww_mvt *mvt) {
    struct path *from = ring, *to = scratch;
    for (int side = 0; side < 4 && from->n > 0; side++) {
        struct path *swap = from;
        if (!cut(from, side, box, to))
            return false;
        from = to, to = swap;
    }
    for (size_t i = 0; i < from->n; i++)
        ww_mvt_position(mvt, (int32_t)from->at[i].x, (int32_t)from->at[i].y);
    return ww_mvt_ring_end(mvt, outer);
}

/* One edge against the box (Liang and Barsky's idea, by the four crossings): what of it is inside. */
static bool cut_edge(struct vertex *a, struct vertex *b, struct box box) {
    for (int side = 0; side < 4; side++) {
        const bool here = is_inside(*a, side, box), there = is_inside(*b, side, box);
        if (!here && !there)
            return false;
        if (here != there)
            *(here ? b : a) = crossing(*a, *b, side, box);
    }
    return true;
}

static void draw_line(const struct path *line, struct box box, struct ww_mvt *mvt) {
    for (size_t i = 1; i < line->n; i++) {
        struct vertex a = line->at[i - 1], b = line->at[i];
        const struct vertex end = b;
        if (!cut_edge(&a, &b, box)) {
            ww_mvt_line_end(mvt);
            continue;
        }
        if (a.x != line->at[i - 1].x || a.y != line->at[i - 1].y)
            ww_mvt_line_end(mvt); /* it comes in here */
        ww_mvt_position(mvt, (int32_t)a.x, (int32_t)a.y);
        ww_mvt_position(mvt, (int32_t)b.x, (int32_t)b.y);
        if (b.x != end.x || b.y != end.y)
            ww_mvt_line_end(mvt); /* and leaves here */
    }
    ww_mvt_line_end(mvt);
}

/* A hole whose outer ring fell together must not stand alone: it would be filled. */
void ww_map_shape_draw(const struct ww_map_shape *shape, struct ww_tile tile, int32_t margin,
                       struct ww_mvt *mvt) {
    const struct box box = {-margin, WW_MVT_EXTENT + margin};
    struct path path = {0}, scratch = {0};
    bool has_outer = false;
    if (!ww_map_shape_touches(shape, tile, margin))
        return;
    for (size_t i = 0; i < shape->n_parts; i++) {
        const struct part *part = &shape->parts[i];
        if (!snap_part(shape, part, tile, &path))
            break;
        if (shape->type == WW_MVT_LINE) {
            draw_line(&path, box, mvt);
            continue;
        }
        if (!part->outer && !has_outer)
            continue;
        const bool drawn = draw_ring(&path, &scratch, box, part->outer, mvt);
        if (part->outer)
            has_outer = drawn;
    }
    ww_free(path.at);
    ww_free(scratch.at);
}
