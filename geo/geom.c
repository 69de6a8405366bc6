/* Reads (E)WKB into flat arrays, writes GeoJSON and WKT. See geom.h. */
#include "geo/geom.h"

#include <assert.h>
#include <math.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"

enum { MAX_NESTING = 16 };

void ww_geom_init(struct ww_geom *shape) {
    memset(shape, 0, sizeof *shape);
}

void ww_geom_clear(struct ww_geom *shape) {
    ww_free(shape->xy);
    ww_free(shape->z);
    ww_free(shape->nodes);
    memset(shape, 0, sizeof *shape);
}

/* ---- Reading ---- */

struct reader {
    const unsigned char *at;
    size_t left;
    bool little; /* byte order of the part that is being read */
    bool has_z, has_m;
};

static bool take_u32(struct reader *r, uint32_t *out) {
    if (r->left < 4)
        return false;
    const unsigned char *b = r->at;
    *out = r->little ? (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24
                     : (uint32_t)b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[0] << 24;
    r->at += 4;
    r->left -= 4;
    return true;
}

/* The caller has looked that eight bytes are there. */
static double take_double(struct reader *r) {
    uint64_t bits;
    memcpy(&bits, r->at, 8);
    bool machine_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    if (r->little != machine_is_little)
        bits = __builtin_bswap64(bits);
    r->at += 8;
    r->left -= 8;
    double v;
    memcpy(&v, &bits, 8);
    return v;
}

static bool room_for_points(struct ww_geom *s, size_t more) {
    size_t wanted = s->n_points + more;
    if (wanted <= s->points_cap && (!s->has_z || s->z))
        return true;
    size_t cap = wanted > 2 * s->points_cap ? wanted : 2 * s->points_cap;
    cap = cap < 64 ? 64 : cap;
    double *xy = ww_try_realloc(s->xy, cap * 2 * sizeof *xy);
    if (!xy)
        return false;
    s->xy = xy;
    double *z = ww_try_realloc(s->z, cap * sizeof *z);
    if (!z)
        return false;
    s->z = z;
    s->points_cap = cap;
    return true;
}

static bool add_node(struct ww_geom *s, enum ww_geom_type type, uint32_t count) {
    if (s->n_nodes == s->nodes_cap) {
        size_t cap = s->nodes_cap ? 2 * s->nodes_cap : 16;
        struct ww_geom_node *nodes = ww_try_realloc(s->nodes, cap * sizeof *nodes);
        if (!nodes)
            return false;
        s->nodes = nodes;
        s->nodes_cap = cap;
    }
    s->nodes[s->n_nodes++] = (struct ww_geom_node){type, count};
    return true;
}

static enum ww_status cut_short(struct ww_error *err) {
    return ww_error_set(err, WW_BAD_INPUT, "the geometry ends too early");
}

/* A node of `count` points. The number is an outsider's: it is checked against the bytes that are there. */
static enum ww_status take_points(struct ww_geom *s, struct reader *r, enum ww_geom_type type, uint32_t count,
                                  struct ww_error *err) {
    size_t size = 8 * (2u + r->has_z + r->has_m);
    if (count > r->left / size)
        return cut_short(err);
    if (!room_for_points(s, count))
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    size_t first = s->n_points;
    for (uint32_t i = 0; i < count; i++) {
        s->xy[2 * s->n_points] = take_double(r);
        s->xy[2 * s->n_points + 1] = take_double(r);
        s->z[s->n_points] = r->has_z ? take_double(r) : NAN;
        if (r->has_m)
            (void)take_double(r);
        s->n_points++;
    }
    /* POINT EMPTY is a point of NANs. */
    if (type == WW_GEOM_POINT && isnan(s->xy[2 * first]) && isnan(s->xy[2 * first + 1])) {
        s->n_points = first;
        count = 0;
    }
    return add_node(s, type, count) ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
}

static enum ww_status take_rings(struct ww_geom *s, struct reader *r, struct ww_error *err) {
    uint32_t n_rings;
    if (!take_u32(r, &n_rings) || n_rings > r->left / 4)
        return cut_short(err);
    if (!add_node(s, WW_GEOM_POLYGON, n_rings))
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    for (uint32_t i = 0; i < n_rings; i++) {
        uint32_t n;
        if (!take_u32(r, &n))
            return cut_short(err);
        enum ww_status st = take_points(s, r, WW_GEOM_RING, n, err);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

/* Byte order, type with its flags, SRID. Also the ISO way of saying Z and M: 1000, 2000, 3000 above the type.
 */
static enum ww_status take_head(struct ww_geom *s, struct reader *r, uint32_t *type, struct ww_error *err) {
    uint32_t word;
    if (r->left < 5)
        return cut_short(err);
    r->little = *r->at == 1;
    r->at++;
    r->left--;
    if (!take_u32(r, &word))
        return cut_short(err);
    uint32_t plain = word & 0x1fffffffu;
    r->has_z = (word & 0x80000000u) != 0 || (plain / 1000) % 2 == 1;
    r->has_m = (word & 0x40000000u) != 0 || plain / 1000 >= 2;
    *type = plain % 1000;
    uint32_t srid;
    if (word & 0x20000000u) {
        if (!take_u32(r, &srid))
            return cut_short(err);
        s->srid = (int32_t)srid;
    }
    s->has_z = s->has_z || r->has_z;
    return WW_OK;
}

static enum ww_status take_geometry(struct ww_geom *s, struct reader *r, int depth, struct ww_error *err) {
    uint32_t type = 0;
    uint32_t n = 1;
    if (depth == MAX_NESTING)
        return ww_error_set(err, WW_BAD_INPUT, "a geometry nested more than %d deep", MAX_NESTING);
    enum ww_status st = take_head(s, r, &type, err);
    if (st != WW_OK)
        return st;
    if (type < WW_GEOM_POINT || type > WW_GEOM_COLLECTION)
        return ww_error_set(err, WW_BAD_INPUT, "geometry of the unknown type %u", type);
    if (type == WW_GEOM_POLYGON)
        return take_rings(s, r, err);
    if (type != WW_GEOM_POINT && !take_u32(r, &n))
        return cut_short(err);
    if (type == WW_GEOM_POINT || type == WW_GEOM_LINE)
        return take_points(s, r, (enum ww_geom_type)type, n, err);
    if (n > r->left / 5)
        return cut_short(err);
    if (!add_node(s, (enum ww_geom_type)type, n))
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        st = take_geometry(s, r, depth + 1, err);
    return st;
}

enum ww_status ww_geom_read(struct ww_geom *shape, struct ww_str wkb, struct ww_error *err) {
    struct reader r = {.at = (const unsigned char *)wkb.ptr, .left = wkb.len};
    shape->n_points = 0;
    shape->n_nodes = 0;
    shape->has_z = false;
    shape->srid = 0;
    enum ww_status st = take_geometry(shape, &r, 0, err);
    if (st == WW_OK && r.left > 0)
        st = ww_error_set(err, WW_BAD_INPUT, "%zu bytes behind the end of a geometry", r.left);
    return st;
}

bool ww_geom_has_hole(const struct ww_geom *shape) {
    for (size_t i = 0; i < 2 * shape->n_points; i++)
        if (!isfinite(shape->xy[i]))
            return true;
    return false;
}

bool ww_geom_box(const struct ww_geom *shape, double box[4]) {
    if (shape->n_points == 0)
        return false;
    box[0] = box[2] = shape->xy[0];
    box[1] = box[3] = shape->xy[1];
    for (size_t i = 1; i < shape->n_points; i++) {
        double x = shape->xy[2 * i];
        double y = shape->xy[2 * i + 1];
        box[0] = fmin(box[0], x), box[2] = fmax(box[2], x);
        box[1] = fmin(box[1], y), box[3] = fmax(box[3], y);
    }
    return true;
}

/* ---- Writing ---- */

/* Scaled to a whole number where that is exact enough (below 2^53), which is far quicker than printf. */
void ww_geom_number(double v, int decimals, struct ww_buf *out) {
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    assert(decimals >= 0 && decimals <= 15);
    double scaled = fabs(v) * powers[decimals];
    char text[40];
    if (!(scaled < 9007199254740992.0)) {
        ww_buf_add(out, text, (size_t)ww_double_text(v, text));
        return;
    }
    uint64_t whole = (uint64_t)(scaled + 0.5);
    int left = decimals;
    while (left > 0 && whole % 10 == 0) {
        whole /= 10;
        left--;
    }
    char *end = text + sizeof text;
    char *at = end;
    bool negative = v < 0 && whole > 0;
    for (int digits = 0; whole > 0 || digits <= left; digits++) {
        if (left > 0 && digits == left)
            *--at = '.';
        *--at = (char)('0' + whole % 10);
        whole /= 10;
    }
    if (negative)
        *--at = '-';
    ww_buf_add(out, at, (size_t)(end - at));
}

/* Walks nodes and points in step. */
struct walk {
    const struct ww_geom *shape;
    size_t node, point;
    int decimals;
    struct ww_buf *out;
};

static void json_point(struct walk *w) {
    const struct ww_geom *s = w->shape;
    ww_buf_char(w->out, '[');
    ww_geom_number(s->xy[2 * w->point], w->decimals, w->out);
    ww_buf_char(w->out, ',');
    ww_geom_number(s->xy[2 * w->point + 1], w->decimals, w->out);
    if (s->has_z && isfinite(s->z[w->point])) {
        ww_buf_char(w->out, ',');
        ww_geom_number(s->z[w->point], 3, w->out); /* millimetres */
    }
    ww_buf_char(w->out, ']');
    w->point++;
}

static void json_coordinates(struct walk *w) {
    const struct ww_geom_node node = w->shape->nodes[w->node++];
    if (node.type == WW_GEOM_POINT) {
        if (node.count > 0)
            json_point(w);
        else
            ww_buf_text(w->out, "[]");
        return;
    }
    ww_buf_char(w->out, '[');
    for (uint32_t i = 0; i < node.count; i++) {
        if (i > 0)
            ww_buf_char(w->out, ',');
        if (node.type == WW_GEOM_LINE || node.type == WW_GEOM_RING)
            json_point(w);
        else
            json_coordinates(w);
    }
    ww_buf_char(w->out, ']');
}

static const char *const json_names[] = {
    "",           "Point",           "LineString",   "Polygon",
    "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};

static void json_geometry(struct walk *w) {
    const struct ww_geom_node node = w->shape->nodes[w->node];
    if (node.type == WW_GEOM_POINT && node.count == 0) {
        w->node++;
        ww_buf_text(w->out, "null");
        return;
    }
    ww_buf_text(w->out, "{\"type\":\"");
    ww_buf_text(w->out, json_names[node.type]);
    if (node.type != WW_GEOM_COLLECTION) {
        ww_buf_text(w->out, "\",\"coordinates\":");
        json_coordinates(w);
    } else {
        w->node++;
        ww_buf_text(w->out, "\",\"geometries\":[");
        for (uint32_t i = 0; i < node.count; i++) {
            if (i > 0)
                ww_buf_char(w->out, ',');
            json_geometry(w);
        }
        ww_buf_char(w->out, ']');
    }
    ww_buf_char(w->out, '}');
}

void ww_geom_geojson(const struct ww_geom *shape, int decimals, struct ww_buf *out) {
    struct walk w = {.shape = shape, .decimals = decimals, .out = out};
    json_geometry(&w);
}

static const char *const wkt_names[] = {
    "",           "POINT",           "LINESTRING",   "POLYGON",
    "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};

static void wkt_point(struct walk *w) {
    const struct ww_geom *s = w->shape;
    ww_geom_number(s->xy[2 * w->point], w->decimals, w->out);
    ww_buf_char(w->out, ' ');
    ww_geom_number(s->xy[2 * w->point + 1], w->decimals, w->out);
    if (s->has_z) {
        ww_buf_char(w->out, ' ');
        ww_geom_number(isfinite(s->z[w->point]) ? s->z[w->point] : 0, 3, w->out);
    }
    w->point++;
}

static void wkt_geometry(struct walk *w, bool named) {
    const struct ww_geom_node node = w->shape->nodes[w->node++];
    if (named) {
        ww_buf_text(w->out, wkt_names[node.type]);
        ww_buf_text(w->out, w->shape->has_z ? " Z " : " ");
    }
    if (node.count == 0) {
        ww_buf_text(w->out, "EMPTY");
        return;
    }
    ww_buf_char(w->out, '(');
    for (uint32_t i = 0; i < node.count; i++) {
        if (i > 0)
            ww_buf_text(w->out, ", ");
        if (node.type == WW_GEOM_POINT || node.type == WW_GEOM_LINE || node.type == WW_GEOM_RING)
            wkt_point(w);
        else
            wkt_geometry(w, node.type == WW_GEOM_COLLECTION);
    }
    ww_buf_char(w->out, ')');
}

void ww_geom_wkt(const struct ww_geom *shape, int decimals, struct ww_buf *out) {
    struct walk w = {.shape = shape, .decimals = decimals, .out = out};
    wkt_geometry(&w, true);
}
