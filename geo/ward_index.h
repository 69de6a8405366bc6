/* Which ward does this place lie in?
 *
 * Built once from polygons, then read only; a new set of wards is a new index. Fast path: a
 * grid whose cells lie wholly in one ward (or in none) answers at once; border cells hold
 * the few edges that cross them and are decided exactly (ward_index.c says how; the answers
 * are those of GEOS `covers`). Borders belong to the ward: a place on a common border, or in
 * an overlap, belongs to the ward with the smallest code (compared as bytes), and `shared`
 * is set. Lookups allocate nothing and change nothing: any number of threads.
 *
 *   struct ww_ward_index_builder *b = ww_ward_index_builder_new();
 *   st = ww_ward_index_add_wkb(b, 1, WW_STR("500115001"), wkb, wkb_len, &err);
 *   st = ww_ward_index_build(b, &index, &err);   // frees the builder, on error too
 *   uint32_t ward = ww_ward_index_find(index, place, NULL);
 *   ww_ward_index_free(index);
 */
#ifndef WW_GEO_WARD_INDEX_H
#define WW_GEO_WARD_INDEX_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/place.h"

#define WW_WARD_NONE 0u

struct ww_ward_index;
struct ww_ward_index_builder;

struct ww_ward_index_builder *ww_ward_index_builder_new(void); /* NULL when memory is short */
void ww_ward_index_builder_free(struct ww_ward_index_builder *builder);
/* `id` is the caller's (not 0); WKB or EWKB of a (multi)polygon, lon/lat degrees, valid.
 * WW_CONFLICT for a code that was added before; WW_BAD_INPUT for broken WKB, a number that is
 * not finite or out of range, or an edge that crosses the antimeridian (RFC 7946, 3.1.9: cut
 * the ward in two there). After an error the builder is as it was before. */
enum ww_status ww_ward_index_add_wkb(struct ww_ward_index_builder *builder, uint32_t id, struct ww_str code,
                                     const void *wkb, size_t wkb_len, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_ward_index_build(struct ww_ward_index_builder *builder, struct ww_ward_index **out,
                                   struct ww_error *err) WW_MUST_CHECK;
void ww_ward_index_free(struct ww_ward_index *index);
/* WW_WARD_NONE outside all wards, and for numbers that are no place (NAN, latitude 91).
 * Longitudes 180 and -180 are the same. `shared` (may be NULL): more than one ward covers it. */
uint32_t ww_ward_index_find(const struct ww_ward_index *index, struct ww_place place, bool *shared);
size_t ww_ward_index_count(const struct ww_ward_index *index);
size_t ww_ward_index_bytes(const struct ww_ward_index *index); /* memory held, roughly */

/* ---- Polygons on their way in (`wardwatch load wards`) ---- */

/* What reading one polygon found. */
struct ww_polygon_report {
    bool repaired;    /* it was invalid and has been made valid */
    char reason[128]; /* GEOS's reason and place, "" when valid */
    double area_before_deg2;
    double area_after_deg2;
    uint32_t parts;
    uint32_t vertices;
};

struct ww_datum;
/* Reads one GeoJSON geometry object (Polygon or MultiPolygon), converts each vertex from
 * `datum`, repairs it when invalid, and returns EWKB (SRID 4490, always MultiPolygon) in
 * the arena. WW_BAD_INPUT names the ring and position ("part 1, ring 2, position 3: …", all
 * from 1; `field` is their path from 0, "coordinates[0][1][2]") and where in the text it is. */
enum ww_status ww_polygon_from_geojson(struct ww_arena *arena, struct ww_str geojson, struct ww_datum *datum,
                                       struct ww_str *ewkb, struct ww_polygon_report *report,
                                       struct ww_error *err) WW_MUST_CHECK;

#endif
