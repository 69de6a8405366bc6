/* Geometries that are written in filters: kept as written, so that they can be written again. Private to
 * server/cql2.
 *
 * A reader adds positions, then ends each ring (or line) and each part:
 *   POINT, LINESTRING, MULTIPOINT   positions
 *   POLYGON, MULTILINESTRING        positions, ring end, …
 *   MULTIPOLYGON                    positions, ring end, …, part end, …
 *   GEOMETRYCOLLECTION              members
 *   BBOX                            the corners, as two positions
 */
#ifndef WW_SERVER_CQL2_SHAPE_H
#define WW_SERVER_CQL2_SHAPE_H

#include "geo/base/json_writer.h"
#include "server/cql2/tree.h"

/* Numbered as WKB numbers them. */
enum ww_cql2_shape_kind {
    CQL2_POINT = 1,
    CQL2_LINESTRING,
    CQL2_POLYGON,
    CQL2_MULTIPOINT,
    CQL2_MULTILINESTRING,
    CQL2_MULTIPOLYGON,
    CQL2_GEOMETRYCOLLECTION,
    CQL2_BBOX
};

struct ww_cql2_position {
    double axis[3]; /* in the order of the filter's CRS; the third 0 when there is none */
};

struct ww_cql2_shape {
    enum ww_cql2_shape_kind kind;
    int n_axes; /* 2 or 3, the same for all positions; 0 before the first */
    struct ww_cql2_position *positions;
    uint32_t n_positions, cap_positions;
    uint32_t *ring_ends; /* position numbers */
    uint32_t n_rings, cap_rings;
    uint32_t *part_ends; /* ring numbers */
    uint32_t n_parts, cap_parts;
    struct ww_cql2_shape **members;
    uint32_t n_members, cap_members;
};

bool ww_cql2_shape_kind_find(struct ww_str name,
                             enum ww_cql2_shape_kind *out);        /* "point", "MULTIPOLYGON", "bbox" */
const char *ww_cql2_shape_kind_name(enum ww_cql2_shape_kind kind); /* as GeoJSON writes it */

struct ww_cql2_shape *ww_cql2_shape_new(struct ww_cql2_builder *b, enum ww_cql2_shape_kind kind,
                                        size_t place);
bool ww_cql2_shape_add(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, const double *axis, int n_axes,
                       size_t place);
bool ww_cql2_shape_end_ring(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place);
bool ww_cql2_shape_end_part(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place);
bool ww_cql2_shape_add_member(struct ww_cql2_builder *b, struct ww_cql2_shape *shape,
                              struct ww_cql2_shape *member, size_t place);
/* Checks the whole and makes a leaf of it; NULL after a failure. */
struct ww_cql2_node *ww_cql2_new_shape(struct ww_cql2_builder *b, struct ww_cql2_shape *shape, size_t place);
/* The four or six numbers of a BBOX. */
struct ww_cql2_shape *ww_cql2_shape_of_bbox(struct ww_cql2_builder *b, const double *numbers, int n,
                                            size_t place);

/* Shapes whose relations are looked at one by one: the members of a mixed collection, or the shape itself. */
uint32_t ww_cql2_shape_count(const struct ww_cql2_shape *shape);
/* Where positions go on their way into WKB, longitude or easting first; false: nowhere. */
typedef bool (*ww_cql2_move)(void *arg, double *x, double *y);
/* Appends WKB: two axes, longitude or easting first. A BBOX becomes a polygon, across the antimeridian two; a
 * collection of one kind the multi-geometry of that kind. `i` below ww_cql2_shape_count; `move` may be NULL.
 * False when it failed. */
bool ww_cql2_shape_wkb(const struct ww_cql2_shape *shape, uint32_t i, struct ww_cql2_crs crs,
                       ww_cql2_move move, void *arg, struct ww_buf *out);

void ww_cql2_shape_text(const struct ww_cql2_shape *shape, struct ww_buf *out);
void ww_cql2_shape_json(const struct ww_cql2_shape *shape, struct ww_json *out);

#endif
