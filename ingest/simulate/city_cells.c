/* Voronoi cells of the ward seats inside the outline (GEOS).
 *
 * Distances are compared in a plane where a degree of longitude is shortened by the cosine of the
 * district's latitude. Cells come out of GEOS in no order; a cell is convex, so its centroid
 * lies in it, and the seat nearest to the centroid is the cell's own. Neighbours share their
 * vertices bit for bit, and rounding to 1e-7 degrees (a centimetre) keeps that.
 */
#include <geos_c.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/simulate/city.h"

#define COS_LATITUDE 0.8664 /* cos 29.96° */

struct cells {
    GEOSContextHandle_t geos;
    char message[128];
    GEOSGeometry *outline;
    const GEOSPreparedGeometry *prepared;
    GEOSGeometry **seats;
    GEOSSTRtree *tree;
    GEOSGeometry *diagram;
};

static void keep_message(const char *message, void *user) {
    struct cells *cells = user;
    snprintf(cells->message, sizeof cells->message, "%.100s", message);
}

static enum ww_status geos_failed(struct cells *cells, struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "GEOS could not make the ward cells: %s", cells->message);
}

static GEOSGeometry *make_outline(struct cells *cells, const struct ww_city_ring *ring) {
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(cells->geos, ring->n, 2);
    if (!seq)
        return NULL;
    for (uint32_t i = 0; i < ring->n; i++)
        GEOSCoordSeq_setXY_r(cells->geos, seq, i, ring->points[i].lon_deg * COS_LATITUDE,
                             ring->points[i].lat_deg);
    GEOSGeometry *shell = GEOSGeom_createLinearRing_r(cells->geos, seq);
    return shell ? GEOSGeom_createPolygon_r(cells->geos, shell, NULL, 0) : NULL;
}

/* The diagram of all seats, and a tree to find the seat nearest to a place. */
static enum ww_status draw_diagram(struct cells *cells, struct ww_city *city, struct ww_error *err) {
    enum ww_status st = WW_OK;
    GEOSGeometry *all = NULL;
    GEOSGeometry **copies = ww_must_calloc(city->n_wards, sizeof *copies);
    cells->seats = ww_must_calloc(city->n_wards, sizeof *cells->seats);
    cells->tree = GEOSSTRtree_create_r(cells->geos, 10);
    for (uint32_t i = 0; i < city->n_wards; i++) {
        struct ww_place seat = city->wards[i].seat;
        cells->seats[i] =
            GEOSGeom_createPointFromXY_r(cells->geos, seat.lon_deg * COS_LATITUDE, seat.lat_deg);
        copies[i] = cells->seats[i] ? GEOSGeom_clone_r(cells->geos, cells->seats[i]) : NULL;
        if (!copies[i]) {
            for (uint32_t j = 0; j < i; j++)
                GEOSGeom_destroy_r(cells->geos, copies[j]);
            st = geos_failed(cells, err);
            goto done;
        }
        GEOSGeom_setUserData_r(cells->geos, cells->seats[i], &city->wards[i]);
        GEOSSTRtree_insert_r(cells->geos, cells->tree, cells->seats[i], cells->seats[i]);
    }
    all = GEOSGeom_createCollection_r(cells->geos, GEOS_MULTIPOINT, copies, city->n_wards);
    cells->diagram = all ? GEOSVoronoiDiagram_r(cells->geos, all, cells->outline, 0, 0) : NULL;
    if (!cells->diagram || GEOSGetNumGeometries_r(cells->geos, cells->diagram) != (int)city->n_wards)
        st = geos_failed(cells, err);
done:
    if (all)
        GEOSGeom_destroy_r(cells->geos, all);
    ww_free(copies);
    return st;
}

static double round7(double v) {
    return round(v * 1e7) / 1e7;
}

static bool copy_ring(struct cells *cells, struct ww_city *city, const GEOSGeometry *polygon,
                      struct ww_city_ring *ring) {
    const GEOSGeometry *shell = GEOSGetExteriorRing_r(cells->geos, polygon);
    const GEOSCoordSequence *seq = shell ? GEOSGeom_getCoordSeq_r(cells->geos, shell) : NULL;
    unsigned n = 0;
    if (!seq || !GEOSCoordSeq_getSize_r(cells->geos, seq, &n))
        return false;
    ring->points = ww_arena_calloc(city->arena, n, sizeof *ring->points);
    if (!ring->points)
        return false;
    char ccw = 1;
    if (!GEOSCoordSeq_isCCW_r(cells->geos, seq, &ccw))
        return false;
    for (unsigned i = 0; i < n; i++) {
        double x, y;
        GEOSCoordSeq_getXY_r(cells->geos, seq, ccw ? i : n - 1 - i, &x, &y);
        ring->points[i] = (struct ww_place){round7(x / COS_LATITUDE), round7(y)};
    }
    ring->n = n;
    return true;
}

static bool keep_cell(struct cells *cells, struct ww_city *city, const GEOSGeometry *cell) {
    bool done = false;
    GEOSGeometry *cut = NULL;
    GEOSGeometry *centroid = GEOSGetCentroid_r(cells->geos, cell);
    const GEOSGeometry *nearest = centroid ? GEOSSTRtree_nearest_r(cells->geos, cells->tree, centroid) : NULL;
    struct ww_city_ward *ward = nearest ? GEOSGeom_getUserData_r(cells->geos, nearest) : NULL;
    if (!ward || ward->rings)
        goto out;
    bool inside = GEOSPreparedContainsProperly_r(cells->geos, cells->prepared, cell) == 1;
    cut =
        inside ? GEOSGeom_clone_r(cells->geos, cell) : GEOSIntersection_r(cells->geos, cell, cells->outline);
    int parts = cut ? GEOSGetNumGeometries_r(cells->geos, cut) : 0;
    if (parts < 1)
        goto out;
    ward->rings = ww_arena_calloc(city->arena, (size_t)parts, sizeof *ward->rings);
    if (!ward->rings)
        goto out;
    for (int i = 0; i < parts; i++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(cells->geos, cut, i);
        if (GEOSGeomTypeId_r(cells->geos, part) != GEOS_POLYGON)
            continue; /* where the cell only touches the outline */
        if (!copy_ring(cells, city, part, &ward->rings[ward->n_rings++]))
            goto out;
    }
    done = ward->n_rings > 0;
out:
    if (cut)
        GEOSGeom_destroy_r(cells->geos, cut);
    if (centroid)
        GEOSGeom_destroy_r(cells->geos, centroid);
    return done;
}

static void drop_cells(struct cells *cells, uint32_t n_wards) {
    if (cells->diagram)
        GEOSGeom_destroy_r(cells->geos, cells->diagram);
    if (cells->tree)
        GEOSSTRtree_destroy_r(cells->geos, cells->tree);
    for (uint32_t i = 0; cells->seats && i < n_wards; i++)
        if (cells->seats[i])
            GEOSGeom_destroy_r(cells->geos, cells->seats[i]);
    ww_free(cells->seats);
    if (cells->prepared)
        GEOSPreparedGeom_destroy_r(cells->geos, cells->prepared);
    if (cells->outline)
        GEOSGeom_destroy_r(cells->geos, cells->outline);
    GEOS_finish_r(cells->geos);
}

enum ww_status ww_city_make_cells(struct ww_city *city, struct ww_error *err) {
    struct cells cells = {.geos = GEOS_init_r(), .message = "out of memory"};
    if (!cells.geos)
        return ww_error_set(err, WW_NO_MEMORY, "GEOS did not start");
    GEOSContext_setErrorMessageHandler_r(cells.geos, keep_message, &cells);
    cells.outline = make_outline(&cells, &city->outline);
    cells.prepared = cells.outline ? GEOSPrepare_r(cells.geos, cells.outline) : NULL;
    enum ww_status st = cells.prepared ? draw_diagram(&cells, city, err) : geos_failed(&cells, err);
    for (uint32_t i = 0; st == WW_OK && i < city->n_wards; i++)
        if (!keep_cell(&cells, city, GEOSGetGeometryN_r(cells.geos, cells.diagram, (int)i)))
            st = geos_failed(&cells, err);
    drop_cells(&cells, city->n_wards);
    return st;
}
