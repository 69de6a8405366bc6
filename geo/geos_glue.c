/* Reads, repairs and writes polygons with GEOS; the only file of geo/ that includes geos_c.h.
 *
 * Always the reentrant _r API: one context each, no global state. GEOS reports by calling
 * back with a text and returning NULL; the text is kept until the call that failed is
 * turned into a ww_error.
 *
 * Repairing uses the "structure" method (GEOS 3.10): every ring is made valid by itself,
 * shells are united, holes are cut out. So the overlap of two parts of a ward stays in the
 * ward; the older "linework" method would turn it into a hole. Lines and points that
 * remain of collapsed parts are dropped: a ward is an area.
 */
#include "geo/geos_glue.h"

#include <geos_c.h>
#include <stdio.h>

#include "geo/base/alloc.h"

struct ww_geos {
    GEOSContextHandle_t handle;
    GEOSWKBReader *reader;
    char message[160];
    struct ww_place *points; /* scratch for one ring */
    uint32_t points_cap;
};

static const GEOSGeometry *geometry_of(const struct ww_shape *shape) {
    return (const GEOSGeometry *)shape;
}

static struct ww_shape *shape_of(GEOSGeometry *geometry) {
    return (struct ww_shape *)geometry;
}

static void keep_message(const char *message, void *user) {
    struct ww_geos *geos = user;
    snprintf(geos->message, sizeof geos->message, "%s", message);
}

struct ww_geos *ww_geos_open(void) {
    struct ww_geos *geos = ww_try_calloc(1, sizeof *geos);
    if (!geos)
        return NULL;
    geos->handle = GEOS_init_r();
    if (geos->handle)
        geos->reader = GEOSWKBReader_create_r(geos->handle);
    if (!geos->reader) {
        ww_geos_close(geos);
        return NULL;
    }
    GEOSContext_setErrorMessageHandler_r(geos->handle, keep_message, geos);
    return geos;
}

void ww_geos_close(struct ww_geos *geos) {
    if (!geos)
        return;
    if (geos->reader)
        GEOSWKBReader_destroy_r(geos->handle, geos->reader);
    if (geos->handle)
        GEOS_finish_r(geos->handle);
    ww_free(geos->points);
    ww_free(geos);
}

static enum ww_status geos_failed(struct ww_geos *geos, const char *what, struct ww_error *err) {
    return ww_error_set(err, WW_BAD_INPUT, "%s: %s", what,
                        geos->message[0] ? geos->message : "GEOS gave no reason");
}

void ww_shape_free(struct ww_geos *geos, struct ww_shape *shape) {
    if (shape)
        GEOSGeom_destroy_r(geos->handle, (GEOSGeometry *)shape);
}

/* The type stands in the first five bytes. Looking before GEOS does keeps deeply nested
 * collections, which it would read by recursion, away from the stack. */
static bool is_polygonal_wkb(const unsigned char *wkb, size_t len) {
    if (len < 5 || wkb[0] > 1)
        return false;
    uint32_t type = wkb[0] ? wkb[1] | (uint32_t)wkb[2] << 8 : wkb[4] | (uint32_t)wkb[3] << 8;
    return type % 1000 == 3 || type % 1000 == 6;
}

enum ww_status ww_shape_from_wkb(struct ww_geos *geos, const void *wkb, size_t wkb_len, struct ww_shape **out,
                                 struct ww_error *err) {
    *out = NULL;
    if (!is_polygonal_wkb(wkb, wkb_len))
        return ww_error_set(err, WW_BAD_INPUT, "not the WKB of a polygon or multipolygon");
    return ww_geometry_from_wkb(geos, wkb, wkb_len, out, err);
}

enum ww_status ww_geometry_from_wkb(struct ww_geos *geos, const void *wkb, size_t wkb_len,
                                    struct ww_shape **out, struct ww_error *err) {
    *out = NULL;
    geos->message[0] = '\0';
    GEOSGeometry *g = GEOSWKBReader_read_r(geos->handle, geos->reader, wkb, wkb_len);
    if (!g)
        return geos_failed(geos, "broken WKB", err);
    *out = shape_of(g);
    return WW_OK;
}

/* ---- From rings ---- */

static GEOSGeometry *make_ring(struct ww_geos *geos, const struct ww_ring *ring) {
    const double *xy = &ring->points[0].lon_deg;
    GEOSCoordSequence *seq = GEOSCoordSeq_copyFromBuffer_r(geos->handle, xy, ring->n, 0, 0);
    return seq ? GEOSGeom_createLinearRing_r(geos->handle, seq) : NULL;
}

/* One part: the shell and the holes that follow it; `*used` says how many rings that was. */
static GEOSGeometry *make_part(struct ww_geos *geos, const struct ww_ring *rings, uint32_t n_rings,
                               uint32_t *used) {
    uint32_t n_holes = 0;
    while (1 + n_holes < n_rings && !rings[1 + n_holes].starts_part)
        n_holes++;
    *used = 1 + n_holes;
    GEOSGeometry **holes = ww_try_calloc(n_holes + 1, sizeof *holes);
    GEOSGeometry *shell = holes ? make_ring(geos, &rings[0]) : NULL;
    uint32_t made = 0;
    while (shell && made < n_holes && (holes[made] = make_ring(geos, &rings[1 + made])))
        made++;
    GEOSGeometry *part = NULL;
    if (shell && made == n_holes) /* takes the rings, also when it fails */
        part = GEOSGeom_createPolygon_r(geos->handle, shell, holes, n_holes);
    else {
        while (made > 0)
            GEOSGeom_destroy_r(geos->handle, holes[--made]);
        if (shell)
            GEOSGeom_destroy_r(geos->handle, shell);
    }
    ww_free(holes);
    return part;
}

static GEOSGeometry *collect_parts(struct ww_geos *geos, GEOSGeometry **parts, uint32_t n) {
    return GEOSGeom_createCollection_r(geos->handle, GEOS_MULTIPOLYGON, parts, n);
}

enum ww_status ww_shape_from_rings(struct ww_geos *geos, const struct ww_ring *rings, uint32_t n_rings,
                                   struct ww_shape **out, struct ww_error *err) {
    *out = NULL;
    geos->message[0] = '\0';
    GEOSGeometry **parts = ww_try_calloc(n_rings + 1, sizeof *parts);
    if (!parts)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a polygon of %u rings", n_rings);
    GEOSGeometry *g = NULL;
    uint32_t n = 0;
    uint32_t used = 0;
    uint32_t at = 0;
    for (; at < n_rings; at += used) {
        parts[n] = make_part(geos, rings + at, n_rings - at, &used);
        if (!parts[n])
            break;
        n++;
    }
    if (at == n_rings)
        g = collect_parts(geos, parts, n); /* takes the parts */
    else
        while (n > 0)
            GEOSGeom_destroy_r(geos->handle, parts[--n]);
    ww_free(parts);
    if (!g)
        return geos_failed(geos, "the rings make no polygon", err);
    *out = shape_of(g);
    return WW_OK;
}

/* ---- Repairing ---- */

/* Copies the polygons of a valid result, at any depth of nesting that GEOS returns (two). */
static bool gather_polygons(struct ww_geos *geos, const GEOSGeometry *g, GEOSGeometry **parts, uint32_t cap,
                            uint32_t *n) {
    int type = GEOSGeomTypeId_r(geos->handle, g);
    if (type == GEOS_POLYGON) {
        if (GEOSisEmpty_r(geos->handle, g) == 1)
            return true;
        if (*n == cap)
            return false;
        parts[*n] = GEOSGeom_clone_r(geos->handle, g);
        return parts[*n] && ++*n;
    }
    if (type != GEOS_MULTIPOLYGON && type != GEOS_GEOMETRYCOLLECTION)
        return true;
    int members = GEOSGetNumGeometries_r(geos->handle, g);
    for (int i = 0; i < members; i++)
        if (!gather_polygons(geos, GEOSGetGeometryN_r(geos->handle, g, i), parts, cap, n))
            return false;
    return true;
}

static GEOSGeometry *keep_polygons(struct ww_geos *geos, const GEOSGeometry *g) {
    int points = GEOSGetNumCoordinates_r(geos->handle, g);
    uint32_t cap = points > 0 ? (uint32_t)points / 4 + 1 : 1; /* a polygon has at least four */
    GEOSGeometry **parts = ww_try_calloc(cap, sizeof *parts);
    GEOSGeometry *kept = NULL;
    uint32_t n = 0;
    if (parts && gather_polygons(geos, g, parts, cap, &n) && n > 0)
        kept = collect_parts(geos, parts, n);
    else
        while (n > 0)
            GEOSGeom_destroy_r(geos->handle, parts[--n]);
    ww_free(parts);
    return kept;
}

/* "Self-intersection at 107.1, 29.8" */
static void write_reason(struct ww_geos *geos, char *reason, const GEOSGeometry *where, char out[128]) {
    double lon = 0;
    double lat = 0;
    if (where && GEOSGeomGetX_r(geos->handle, where, &lon) == 1 &&
        GEOSGeomGetY_r(geos->handle, where, &lat) == 1)
        snprintf(out, 128, "%.80s at %.8g, %.8g", reason ? reason : "invalid", lon, lat);
    else
        snprintf(out, 128, "%.80s", reason ? reason : "invalid");
}

enum ww_status ww_shape_repair(struct ww_geos *geos, struct ww_shape **shape, char reason[128],
                               struct ww_error *err) {
    reason[0] = '\0';
    geos->message[0] = '\0';
    char *why = NULL;
    GEOSGeometry *where = NULL;
    const GEOSGeometry *before = geometry_of(*shape);
    char valid = GEOSisValidDetail_r(geos->handle, before, 0, &why, &where);
    if (valid == 0)
        write_reason(geos, why, where, reason);
    GEOSFree_r(geos->handle, why);
    GEOSGeom_destroy_r(geos->handle, where);
    if (valid == 1)
        return WW_OK;
    if (valid != 0)
        return geos_failed(geos, "cannot check the polygon", err);

    GEOSGeometry *kept = NULL;
    GEOSMakeValidParams *params = GEOSMakeValidParams_create_r(geos->handle);
    GEOSGeometry *made = NULL;
    if (params && GEOSMakeValidParams_setMethod_r(geos->handle, params, GEOS_MAKE_VALID_STRUCTURE))
        made = GEOSMakeValidWithParams_r(geos->handle, before, params);
    if (made)
        kept = keep_polygons(geos, made);
    GEOSGeom_destroy_r(geos->handle, made);
    GEOSMakeValidParams_destroy_r(geos->handle, params);
    if (!kept)
        return ww_error_set(err, WW_BAD_INPUT, "nothing with an area remains of the invalid polygon (%s)",
                            reason);
    ww_shape_free(geos, *shape);
    *shape = shape_of(kept);
    return WW_OK;
}

double ww_shape_area_deg2(struct ww_geos *geos, const struct ww_shape *shape) {
    double area = 0;
    return GEOSArea_r(geos->handle, geometry_of(shape), &area) == 1 ? area : 0;
}

uint32_t ww_shape_parts(struct ww_geos *geos, const struct ww_shape *shape) {
    int n = GEOSGetNumGeometries_r(geos->handle, geometry_of(shape));
    return n > 0 ? (uint32_t)n : 0;
}

enum ww_status ww_shape_centre(struct ww_geos *geos, const struct ww_shape *shape, struct ww_place *out,
                               struct ww_error *err) {
    geos->message[0] = '\0';
    GEOSGeometry *centre = GEOSGetCentroid_r(geos->handle, geometry_of(shape));
    bool good = centre && GEOSGeomGetX_r(geos->handle, centre, &out->lon_deg) == 1 &&
                GEOSGeomGetY_r(geos->handle, centre, &out->lat_deg) == 1;
    GEOSGeom_destroy_r(geos->handle, centre);
    return good ? WW_OK : geos_failed(geos, "the polygon has no centre", err);
}

/* ---- Two shapes ---- */

enum ww_status ww_shape_border(struct ww_geos *geos, const struct ww_shape *a, const struct ww_shape *b,
                               double snap, bool *meet, double *length, struct ww_error *err) {
    *length = 0;
    geos->message[0] = '\0';
    char within = GEOSDistanceWithin_r(geos->handle, geometry_of(a), geometry_of(b), snap);
    *meet = within == 1;
    if (within > 1)
        return geos_failed(geos, "cannot compare two polygons", err);
    if (!*meet)
        return WW_OK;
    GEOSGeometry *line = GEOSBoundary_r(geos->handle, geometry_of(a)), *wide = NULL, *shared = NULL;
    if (line && snap > 0) { /* quarter circles of one segment: no longer than snap sqrt(2) outside */
        wide = GEOSBuffer_r(geos->handle, geometry_of(b), snap, 1);
        shared = wide ? GEOSIntersection_r(geos->handle, line, wide) : NULL;
    } else if (line)
        shared = GEOSIntersection_r(geos->handle, line, geometry_of(b));
    bool good = shared && GEOSLength_r(geos->handle, shared, length) == 1;
    GEOSGeom_destroy_r(geos->handle, line);
    GEOSGeom_destroy_r(geos->handle, wide);
    GEOSGeom_destroy_r(geos->handle, shared);
    return good ? WW_OK : geos_failed(geos, "cannot compare two polygons", err);
}

/* ---- Reading rings ---- */

static enum ww_status read_ring(struct ww_geos *geos, const GEOSGeometry *ring, ww_ring_fn *each, void *user,
                                struct ww_error *err) {
    unsigned n = 0;
    const GEOSCoordSequence *seq = GEOSGeom_getCoordSeq_r(geos->handle, ring);
    if (!seq || !GEOSCoordSeq_getSize_r(geos->handle, seq, &n))
        return geos_failed(geos, "cannot read a ring", err);
    if (n > geos->points_cap) {
        struct ww_place *grown = ww_try_realloc(geos->points, n * sizeof *grown);
        if (!grown)
            return ww_error_set(err, WW_NO_MEMORY, "no memory for a ring of %u positions", n);
        geos->points = grown;
        geos->points_cap = n;
    }
    if (n > 0 && !GEOSCoordSeq_copyToBuffer_r(geos->handle, seq, &geos->points[0].lon_deg, 0, 0))
        return geos_failed(geos, "cannot read a ring", err);
    return each(user, geos->points, n, err);
}

enum ww_status ww_shape_each_ring(struct ww_geos *geos, const struct ww_shape *shape, ww_ring_fn *each,
                                  void *user, struct ww_error *err) {
    enum ww_status st = WW_OK;
    int parts = GEOSGetNumGeometries_r(geos->handle, geometry_of(shape));
    for (int i = 0; st == WW_OK && i < parts; i++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(geos->handle, geometry_of(shape), i);
        if (GEOSisEmpty_r(geos->handle, part) != 0)
            continue;
        st = read_ring(geos, GEOSGetExteriorRing_r(geos->handle, part), each, user, err);
        int holes = GEOSGetNumInteriorRings_r(geos->handle, part);
        for (int h = 0; st == WW_OK && h < holes; h++)
            st = read_ring(geos, GEOSGetInteriorRingN_r(geos->handle, part, h), each, user, err);
    }
    return st;
}

/* ---- Writing ---- */

static GEOSGeometry *as_multipolygon(struct ww_geos *geos, const GEOSGeometry *g) {
    GEOSGeometry *copy = GEOSGeom_clone_r(geos->handle, g);
    if (!copy || GEOSGeomTypeId_r(geos->handle, copy) == GEOS_MULTIPOLYGON)
        return copy;
    return collect_parts(geos, &copy, 1);
}

enum ww_status ww_shape_to_ewkb(struct ww_geos *geos, const struct ww_shape *shape, int srid,
                                struct ww_arena *arena, struct ww_str *out, struct ww_error *err) {
    *out = WW_STR_NONE;
    geos->message[0] = '\0';
    size_t size = 0;
    unsigned char *wkb = NULL;
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(geos->handle);
    GEOSGeometry *multi = writer ? as_multipolygon(geos, geometry_of(shape)) : NULL;
    if (multi) {
        GEOSSetSRID_r(geos->handle, multi, srid);
        GEOSWKBWriter_setIncludeSRID_r(geos->handle, writer, 1);
        GEOSWKBWriter_setByteOrder_r(geos->handle, writer, GEOS_WKB_NDR);
        GEOSWKBWriter_setOutputDimension_r(geos->handle, writer, 2);
        wkb = GEOSWKBWriter_write_r(geos->handle, writer, multi, &size);
    }
    enum ww_status st = WW_OK;
    if (!wkb)
        st = geos_failed(geos, "cannot write the polygon", err);
    else {
        *out = ww_arena_copy(arena, (struct ww_str){(const char *)wkb, size});
        if (!out->ptr)
            st = ww_error_set(err, WW_NO_MEMORY, "no memory for a polygon of %zu bytes", size);
    }
    GEOSFree_r(geos->handle, wkb);
    GEOSGeom_destroy_r(geos->handle, multi);
    if (writer)
        GEOSWKBWriter_destroy_r(geos->handle, writer);
    return st;
}

/* ---- Relations of any geometries ---- */

struct ww_shape *ww_geometry_from_place(struct ww_geos *geos, struct ww_place place) {
    GEOSGeometry *point = GEOSGeom_createPointFromXY_r(geos->handle, place.lon_deg, place.lat_deg);
    return point ? shape_of(point) : NULL;
}

struct ww_prepared *ww_prepared_new(struct ww_geos *geos, const struct ww_shape *shape) {
    /* An opaque type of GEOS that it gives out as const, and takes back so. */
    return (struct ww_prepared *)(uintptr_t)GEOSPrepare_r(geos->handle, geometry_of(shape));
}

void ww_prepared_free(struct ww_geos *geos, struct ww_prepared *prepared) {
    if (prepared)
        GEOSPreparedGeom_destroy_r(geos->handle, (const GEOSPreparedGeometry *)prepared);
}

/* GEOS answers 0, 1, or 2 after an exception. */
static enum ww_status take_answer(struct ww_geos *geos, char answer, bool *out, struct ww_error *err) {
    *out = answer == 1;
    return answer <= 1 ? WW_OK : geos_failed(geos, "cannot compare two geometries", err);
}

enum ww_status ww_shape_relate(struct ww_geos *geos, const struct ww_shape *a, enum ww_relation relation,
                               const struct ww_shape *b, bool *out, struct ww_error *err) {
    static char (*const ask[])(GEOSContextHandle_t, const GEOSGeometry *, const GEOSGeometry *) = {
        [WW_CONTAINS] = GEOSContains_r, [WW_CROSSES] = GEOSCrosses_r,       [WW_DISJOINT] = GEOSDisjoint_r,
        [WW_EQUALS] = GEOSEquals_r,     [WW_INTERSECTS] = GEOSIntersects_r, [WW_OVERLAPS] = GEOSOverlaps_r,
        [WW_TOUCHES] = GEOSTouches_r,   [WW_WITHIN] = GEOSWithin_r};
    geos->message[0] = '\0';
    return take_answer(geos, ask[relation](geos->handle, geometry_of(a), geometry_of(b)), out, err);
}

enum ww_status ww_prepared_relate(struct ww_geos *geos, const struct ww_prepared *a,
                                  enum ww_relation relation, const struct ww_shape *b, bool *out,
                                  struct ww_error *err) {
    static char (*const ask[])(GEOSContextHandle_t, const GEOSPreparedGeometry *, const GEOSGeometry *) = {
        [WW_CONTAINS] = GEOSPreparedContains_r, [WW_CROSSES] = GEOSPreparedCrosses_r,
        [WW_DISJOINT] = GEOSPreparedDisjoint_r, [WW_INTERSECTS] = GEOSPreparedIntersects_r,
        [WW_OVERLAPS] = GEOSPreparedOverlaps_r, [WW_TOUCHES] = GEOSPreparedTouches_r,
        [WW_WITHIN] = GEOSPreparedWithin_r};
    geos->message[0] = '\0';
    return take_answer(geos, ask[relation](geos->handle, (const GEOSPreparedGeometry *)a, geometry_of(b)),
                       out, err);
}
