/* The geometry of a GeoPackage: its header (12-128r18, 2.1.3, table 6), then WKB (ISO 13249-3: Z adds 1000 to
 * a type).
 *
 *   "GP"  version 0  flags  srs_id  [minx maxx miny maxy]  01 type …
 *
 * Flags, from bit 0: little endian; three bits of which envelope (0 none, 1 the four numbers above); bit 4
 * empty. A point has no envelope: it would say the same again. An empty point is a pair of NANs.
 */
#include "server/ogc/gpkg_internal.h"

#include <math.h>

struct walk {
    const struct ww_geom *geom;
    size_t node, point;
    bool swap;
};

static void put32(struct ww_buf *out, uint32_t v) {
    for (int i = 0; i < 4; i++)
        ww_buf_char(out, (char)(v >> (8 * i) & 0xff));
}

static void put_double(struct ww_buf *out, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put32(out, (uint32_t)bits);
    put32(out, (uint32_t)(bits >> 32));
}

static void put_points(struct ww_buf *out, struct walk *w, uint32_t n) {
    for (uint32_t i = 0; i < n; i++, w->point++) {
        put_double(out, w->geom->xy[2 * w->point + (w->swap ? 1 : 0)]);
        put_double(out, w->geom->xy[2 * w->point + (w->swap ? 0 : 1)]);
        if (w->geom->has_z)
            put_double(out, w->geom->z[w->point]);
    }
}

/* Nesting is at most 16 deep (geo/geom.h). */
static void put_node(struct ww_buf *out, struct walk *w) {
    const struct ww_geom_node node = w->geom->nodes[w->node++];
    if (node.type == WW_GEOM_RING) {
        put32(out, node.count);
        put_points(out, w, node.count);
        return;
    }
    ww_buf_char(out, 1);
    put32(out, (uint32_t)node.type + (w->geom->has_z ? 1000 : 0));
    if (node.type == WW_GEOM_POINT) {
        put_points(out, w, node.count);
        for (int i = 0; node.count == 0 && i < (w->geom->has_z ? 3 : 2); i++)
            put_double(out, NAN);
        return;
    }
    put32(out, node.count);
    if (node.type == WW_GEOM_LINE) {
        put_points(out, w, node.count);
        return;
    }
    for (uint32_t i = 0; i < node.count; i++)
        put_node(out, w);
}

void gpkg_geometry_write(const struct ww_geom *geom, bool swap, int32_t srs, double extent[4],
                         struct ww_buf *out) {
    double box[4];
    const bool filled = ww_geom_box(geom, box);
    const bool has_envelope = filled && geom->nodes[0].type != WW_GEOM_POINT;
    if (swap && filled) {
        const double y[2] = {box[0], box[2]};
        box[0] = box[1], box[2] = box[3];
        box[1] = y[0], box[3] = y[1];
    }
    ww_buf_add(out, "GP\0", 3);
    ww_buf_char(out, (char)(1 | (has_envelope ? 2 : 0) | (filled ? 0 : 16)));
    put32(out, (uint32_t)srs);
    if (has_envelope) {
        put_double(out, box[0]);
        put_double(out, box[2]);
        put_double(out, box[1]);
        put_double(out, box[3]);
    }
    struct walk w = {.geom = geom, .swap = swap};
    put_node(out, &w);
    if (!filled)
        return;
    extent[0] = fmin(extent[0], box[0]);
    extent[1] = fmin(extent[1], box[1]);
    extent[2] = fmax(extent[2], box[2]);
    extent[3] = fmax(extent[3], box[3]);
}
