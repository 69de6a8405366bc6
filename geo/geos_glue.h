/* What geo/ needs of GEOS, and nothing more; geos_glue.c alone includes geos_c.h.
 *
 * A ww_geos is one GEOS context with its last error text; one thread at a time. Shapes
 * belong to the caller and are freed with the context that made them.
 */
#ifndef WW_GEO_GEOS_GLUE_H
#define WW_GEO_GEOS_GLUE_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/place.h"

struct ww_geos;
struct ww_shape; /* a GEOS geometry; but for the last section always a Polygon or a MultiPolygon */

/* A closed ring; `starts_part`: it is a shell, the following ones are its holes. */
struct ww_ring {
    const struct ww_place *points;
    uint32_t n;
    bool starts_part;
};

struct ww_geos *ww_geos_open(void);       /* NULL when memory is short */
void ww_geos_close(struct ww_geos *geos); /* NULL is allowed */

/* WW_BAD_INPUT for broken WKB and for any other type of geometry. */
enum ww_status ww_shape_from_wkb(struct ww_geos *geos, const void *wkb, size_t wkb_len, struct ww_shape **out,
                                 struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_shape_from_rings(struct ww_geos *geos, const struct ww_ring *rings, uint32_t n_rings,
                                   struct ww_shape **out, struct ww_error *err) WW_MUST_CHECK;
void ww_shape_free(struct ww_geos *geos, struct ww_shape *shape); /* NULL is allowed */

/* Replaces an invalid shape by a valid one. `reason` is "" when it was valid already.
 * WW_BAD_INPUT when nothing with an area remains. */
enum ww_status ww_shape_repair(struct ww_geos *geos, struct ww_shape **shape, char reason[128],
                               struct ww_error *err) WW_MUST_CHECK;
double ww_shape_area_deg2(struct ww_geos *geos, const struct ww_shape *shape);
uint32_t ww_shape_parts(struct ww_geos *geos, const struct ww_shape *shape);

/* The centre of its area. */
enum ww_status ww_shape_centre(struct ww_geos *geos, const struct ww_shape *shape, struct ww_place *out,
                               struct ww_error *err) WW_MUST_CHECK;
/* Do two shapes come within `snap` of each other, in units of their coordinates, and how long is the border
 * that they share? Of two that meet in a corner the length is 0 without snap, at most 8 snap with it. */
enum ww_status ww_shape_border(struct ww_geos *geos, const struct ww_shape *a, const struct ww_shape *b,
                               double snap, bool *meet, double *length, struct ww_error *err) WW_MUST_CHECK;

/* Calls `each` for every ring, shells and holes alike; stops at its first error. */
typedef enum ww_status ww_ring_fn(void *user, const struct ww_place *points, uint32_t n,
                                  struct ww_error *err);
enum ww_status ww_shape_each_ring(struct ww_geos *geos, const struct ww_shape *shape, ww_ring_fn *each,
                                  void *user, struct ww_error *err) WW_MUST_CHECK;

/* EWKB, little endian, always a MultiPolygon, in the arena. */
enum ww_status ww_shape_to_ewkb(struct ww_geos *geos, const struct ww_shape *shape, int srid,
                                struct ww_arena *arena, struct ww_str *out,
                                struct ww_error *err) WW_MUST_CHECK;

/* ---- Any geometries: how do two lie to each other? ---- */

enum ww_relation {
    WW_CONTAINS,
    WW_CROSSES,
    WW_DISJOINT,
    WW_EQUALS,
    WW_INTERSECTS,
    WW_OVERLAPS,
    WW_TOUCHES,
    WW_WITHIN
};

/* WKB of any type, from a source that nests no collections deeply (GEOS reads them by recursion). */
enum ww_status ww_geometry_from_wkb(struct ww_geos *geos, const void *wkb, size_t wkb_len,
                                    struct ww_shape **out, struct ww_error *err) WW_MUST_CHECK;
struct ww_shape *ww_geometry_from_place(struct ww_geos *geos,
                                        struct ww_place place); /* NULL when memory is short */

/* A geometry that is compared many times: indexed at the first. Free it before `shape`, which it keeps. */
struct ww_prepared;
struct ww_prepared *ww_prepared_new(struct ww_geos *geos, const struct ww_shape *shape);
void ww_prepared_free(struct ww_geos *geos, struct ww_prepared *prepared); /* NULL is allowed */

/* Is `a` (contains, crosses …) `b`? Of collections GEOS knows only whether they meet. */
enum ww_status ww_shape_relate(struct ww_geos *geos, const struct ww_shape *a, enum ww_relation relation,
                               const struct ww_shape *b, bool *out, struct ww_error *err) WW_MUST_CHECK;
/* The same with `a` prepared; not WW_EQUALS. */
enum ww_status ww_prepared_relate(struct ww_geos *geos, const struct ww_prepared *a,
                                  enum ww_relation relation, const struct ww_shape *b, bool *out,
                                  struct ww_error *err) WW_MUST_CHECK;

#endif
