/* Geometry from a database as flat arrays: read from (E)WKB, changed in bulk, walked by writers.
 *
 * All points of a shape lie in one array of pairs, so that a converter of coordinates takes them in one call;
 * what they belong to is a list of nodes in preorder. A polygon with a hole:
 *
 *   nodes  {POLYGON, 2} {RING, 5} {RING, 4}          xy  9 pairs, the outer ring's first
 *
 * `count` is the number of points (POINT, LINE, RING) or of the nodes that follow one level deeper. A writer
 * walks both in step: see ww_geom_geojson and ww_geom_wkt, which are the examples.
 *
 *   struct ww_geom geom;
 *   ww_geom_init(&geom);
 *   st = ww_geom_read(&geom, ewkb, &err);              // again and again: the arrays are kept
 *   ww_crs_forward(crs, geom.xy, geom.n_points);
 *   ww_geom_geojson(&geom, 7, &out);
 *   ww_geom_clear(&geom);
 *
 * WKB: OGC 06-103r4, 8.2; PostGIS' extension of it: flags for Z, M and SRID in the type's upper bits. Both
 * byte orders. M is passed over. Curves and surfaces of triangles are WW_BAD_INPUT: let PostGIS make lines of
 * them (ST_CurveToLine).
 */
#ifndef WW_GEO_GEOM_H
#define WW_GEO_GEOM_H

#include "geo/base/buf.h"

enum ww_geom_type { /* the numbers of WKB; a ring has none */
                    WW_GEOM_RING = 0,
                    WW_GEOM_POINT = 1,
                    WW_GEOM_LINE = 2,
                    WW_GEOM_POLYGON = 3,
                    WW_GEOM_MULTIPOINT = 4,
                    WW_GEOM_MULTILINE = 5,
                    WW_GEOM_MULTIPOLYGON = 6,
                    WW_GEOM_COLLECTION = 7
};

struct ww_geom_node {
    enum ww_geom_type type;
    uint32_t count;
};

struct ww_geom {
    double *xy; /* n_points pairs */
    double *z;  /* n_points, when has_z */
    size_t n_points, points_cap;
    struct ww_geom_node *nodes; /* n_nodes ≥ 1 after a read */
    size_t n_nodes, nodes_cap;
    bool has_z;
    int32_t srid; /* 0: not told */
};

void ww_geom_init(struct ww_geom *shape);
void ww_geom_clear(struct ww_geom *shape);
/* An empty point has count 0. WW_NO_MEMORY, WW_BAD_INPUT; nesting is at most 16 deep. */
enum ww_status ww_geom_read(struct ww_geom *shape, struct ww_str wkb, struct ww_error *err) WW_MUST_CHECK;
/* Whether a coordinate is missing (NAN or infinite), as after a conversion that failed. */
bool ww_geom_has_hole(const struct ww_geom *shape);
/* {min x, min y, max x, max y}; false when it has no points. */
bool ww_geom_box(const struct ww_geom *shape, double box[4]);

/* A GeoJSON geometry with at most `decimals` decimals; an empty point is null. */
void ww_geom_geojson(const struct ww_geom *shape, int decimals, struct ww_buf *out);
/* "POINT (1 2)". */
void ww_geom_wkt(const struct ww_geom *shape, int decimals, struct ww_buf *out);
/* A coordinate: rounded to `decimals` (0 … 15), without needless zeros. */
void ww_geom_number(double v, int decimals, struct ww_buf *out);

#endif
