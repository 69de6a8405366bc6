/* The inside of a ward index, shared by the half that builds it and the half that asks it.
 *
 * See ward_index.c for the method. Everything here is private to ward_index*.c.
 */
#ifndef WW_GEO_WARD_CELLS_H
#define WW_GEO_WARD_CELLS_H

#include <math.h>

#include "geo/orient.h"
#include "geo/ward_index.h"

/* Positions on the grid: q = (degrees + 256) * 2^23, so that 180 degrees still fit 32 bits
 * and every cell corner is exactly a double again. One unit is about 1.3 cm. */
#define WW_CELL_SCALE     8388608.0
#define WW_CELL_MIN_SHIFT 6 /* cells are never split below 2^6 units, about 0.8 m */

/* A slot of the grid or of a node: two bits of kind, thirty of value. */
enum ww_slot_kind {
    WW_SLOT_PLAIN = 0, /* value: 0 = in no ward, else wholly in ward value-1 */
    WW_SLOT_NODE = 1,  /* value: number of the node, sixteen slots, row by row */
    WW_SLOT_LEAF = 2   /* value: offset of its first group in `leaves` */
};
#define WW_SLOT(kind, value) ((uint32_t)(kind) << 30 | (uint32_t)(value))
#define WW_SLOT_KIND(slot)   ((slot) >> 30)
#define WW_SLOT_VALUE(slot)  ((slot)&0x3fffffffu)

/* A group of a leaf: one ward and its edges there. First word: ward number, number of runs
 * (WW_GROUP_MANY: the number is the next word), is the corner inside, is it the last group.
 * Each run is one word: first edge, count - 1. Edge i leads from vertex i to vertex i+1. */
#define WW_GROUP_MANY 511u
#define WW_GROUP(ward, runs, inside, last)                                                                   \
    ((ward) << 11 | (runs) << 2 | (uint32_t)(inside) << 1 | (uint32_t)(last))
#define WW_GROUP_WARD(word)   ((word) >> 11)
#define WW_GROUP_RUNS(word)   ((word) >> 2 & WW_GROUP_MANY)
#define WW_GROUP_INSIDE(word) ((word) >> 1 & 1u)
#define WW_GROUP_LAST(word)   ((word)&1u)
#define WW_MAX_WARDS          (1u << 21)
#define WW_RUN_MAX            64u
#define WW_RUN(first, count)  ((first) << 6 | ((count)-1))
#define WW_RUN_FIRST(word)    ((word) >> 6)
#define WW_RUN_COUNT(word)    (((word)&63u) + 1)
#define WW_MAX_VERTICES       (1u << 26)

struct ww_ward_index {
    double west, south, east, north; /* the box of all wards */
    uint32_t shift;                  /* a grid cell is 2^shift units wide and high */
    uint32_t x0, y0;                 /* of the grid, in cells */
    uint32_t nx, ny;
    uint32_t *grid;   /* nx * ny slots, row by row */
    uint32_t *nodes;  /* sixteen slots each */
    uint32_t *leaves; /* groups */
    size_t n_nodes;
    size_t n_leaf_words;
    struct ww_place *vertices;
    size_t n_vertices;
    uint32_t *ids; /* of the caller, by ward number; numbered in the order of their codes */
    uint32_t n_wards;
};

static inline uint32_t ww_cell_units(double degrees) {
    return (uint32_t)((degrees + 256) * WW_CELL_SCALE);
}

static inline double ww_cell_degrees(uint32_t units) {
    return (double)units / WW_CELL_SCALE - 256; /* exact: 32 bits and 9 bits fit 53 */
}

/* Numbers too small for the exact orientation test count as 0: 1e-100 degrees is nothing. */
static inline double ww_cell_snap(double degrees) {
    return fabs(degrees) < 1e-100 ? 0 : degrees;
}

/* Is the place on an edge that does not cross its parallel from south to north? Then the edge
 * runs along the parallel, or has its northern end there. */
static inline bool ww_cell_on_top(struct ww_place a, struct ww_place b, struct ww_place place) {
    const bool at_a = a.lat_deg == place.lat_deg;
    const bool at_b = b.lat_deg == place.lat_deg;
    if (at_a && at_b)
        return fmin(a.lon_deg, b.lon_deg) <= place.lon_deg && place.lon_deg <= fmax(a.lon_deg, b.lon_deg);
    return (at_a && a.lon_deg == place.lon_deg) || (at_b && b.lon_deg == place.lon_deg);
}

/* Counts, as 0 or 1, how often edges vertices[0 … count] cross the way from `place` west or
 * east to the corner's meridian and then along it to `corner`. Both ends are nudged by
 * (e, e²), so they lie on no edge and touch no vertex. Sets *on_border (may be NULL) when
 * `place` itself, not nudged, lies on an edge; the count means nothing then. */
static inline unsigned ww_cell_crossings(const struct ww_place *vertices, uint32_t count,
                                         struct ww_place place, struct ww_place corner, bool *on_border) {
    const struct ww_place bend = {.lon_deg = corner.lon_deg, .lat_deg = place.lat_deg};
    const double west = place.lon_deg < corner.lon_deg ? place.lon_deg : corner.lon_deg;
    const double east = place.lon_deg < corner.lon_deg ? corner.lon_deg : place.lon_deg;
    unsigned crossings = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ww_place a = vertices[i];
        const struct ww_place b = vertices[i + 1];
        const bool a_north = a.lat_deg > place.lat_deg;
        const bool b_north = b.lat_deg > place.lat_deg;
        const bool a_east = a.lon_deg > corner.lon_deg;
        const bool b_east = b.lon_deg > corner.lon_deg;
        if (a_north == b_north) {
            if (on_border && !a_north && ww_cell_on_top(a, b, place)) {
                *on_border = true;
                return 0;
            }
        } else if (!(a.lon_deg > east && b.lon_deg > east) && !(a.lon_deg < west && b.lon_deg < west)) {
            const int side = on_border ? ww_orient(a, b, place) : ww_orient_nudged(a, b, place);
            if (side == 0) {
                *on_border = true;
                return 0;
            }
            crossings += side != ww_orient_nudged(a, b, bend);
        }
        if (a_east != b_east && (a_north != (a.lat_deg > corner.lat_deg) ||
                                 b_north != (b.lat_deg > corner.lat_deg) || a_north != b_north))
            crossings += ww_orient_nudged(a, b, bend) != ww_orient_nudged(a, b, corner);
    }
    return crossings & 1u;
}

/* ---- For the builder: the wards as they were added ---- */

struct ww_ward_ring { /* edges first … first + n_edges - 1 */
    uint32_t first;
    uint32_t n_edges;
};

struct ww_ward_source {
    uint32_t id;
    uint32_t first_ring, n_rings;
    double west, south, east, north;
    struct ww_str code;
};

/* Fills grid, nodes and leaves of an index that has its vertices, ids and box already;
 * `wards` in the order of their numbers. WW_TOO_LARGE when wards overlap so heavily that the cells
 * would not fit. On an error the caller frees the index. */
enum ww_status ww_ward_cells_build(struct ww_ward_index *index, const struct ww_ward_source *wards,
                                   const struct ww_ward_ring *rings, struct ww_error *err) WW_MUST_CHECK;

#endif
