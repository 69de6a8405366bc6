/* Neighbours of polygons: those that share a border (rook) or at least a corner (queen).
 *
 * Pure. Wards drawn by different hands overlap or leave slivers: borders closer than `snap` count as one. Two
 * borders count as shared when more than a corner is (8 snap, for two corners that snap touch that long).
 * Polygons may be in degrees or in metres, in any one plane.
 *
 *   struct ww_polygons *set = ww_polygons_new();
 *   st = ww_polygons_add(set, geometry_text, &err);                 // each in its turn; GeoJSON
 *   st = ww_polygons_weights(set, WW_QUEEN, snap, &w, &err);
 *   ww_polygons_free(set);
 */
#ifndef WW_GEO_HOTSPOT_CONTIGUITY_H
#define WW_GEO_HOTSPOT_CONTIGUITY_H

#include "geo/hotspot/weights.h"
#include "geo/place.h"

struct ww_polygons;
enum ww_contiguity { WW_QUEEN, WW_ROOK };

struct ww_polygons *ww_polygons_new(void); /* NULL: no memory */
void ww_polygons_free(struct ww_polygons *set);
/* Takes a GeoJSON Polygon or MultiPolygon of finite numbers; an invalid one is repaired. WW_BAD_INPUT says
 * what is wrong, `field` where ("coordinates"). */
enum ww_status ww_polygons_add(struct ww_polygons *set, struct ww_str geometry,
                               struct ww_error *err) WW_MUST_CHECK;
uint32_t ww_polygons_count(const struct ww_polygons *set);
/* The centre of the area, in the polygon's own numbers. */
enum ww_status ww_polygons_centre(const struct ww_polygons *set, uint32_t i, double xy[2],
                                  struct ww_error *err) WW_MUST_CHECK;
/* A part in 10^8 of the longer side of all: rounding of a file's numbers, and no more. */
double ww_polygons_snap(const struct ww_polygons *set);
/* Weight 1 each. */
enum ww_status ww_polygons_weights(const struct ww_polygons *set, enum ww_contiguity kind, double snap,
                                   struct ww_weights **out, struct ww_error *err) WW_MUST_CHECK;

#endif
