/* Coordinates of layers in the reference system that a client asks for, with the axes in its authority's
 * order.
 *
 * A `ww_crs` is a way from the system that geometry is stored in to another one. Stored coordinates are as
 * PostGIS keeps them: x = longitude or easting, always. Outside, the authority's order counts: CRS84 is
 * longitude, latitude; EPSG:4326 and EPSG:4490 are latitude, longitude; EPSG:4545 is northing, easting;
 * EPSG:3857 and 32648 are easting, northing.
 *
 *   struct ww_crs *crs;
 *   st = ww_crs_open(4490, 4545, &crs, &err);                // from EPSG:4490 to EPSG:4545
 *   ww_crs_forward(crs, xy, n);                              // in place: n pairs, now northing, easting
 *   ww_crs_inverse(crs, xy, n);                              // and back
 *   ww_crs_close(crs);
 *
 * A point that PROJ can't convert becomes a pair of NANs. No network, no grids beyond the installed ones.
 * Opening takes milliseconds: keep them. One thread at a time for each. proj_crs.c implements it.
 */
#ifndef WW_GEO_CRS_H
#define WW_GEO_CRS_H

#include <stddef.h>

#include "geo/base/arena.h"
#include "geo/base/status.h"

#define WW_CRS84 0u /* in place of an EPSG code: WGS 84, longitude first */

struct ww_crs;

/* WW_NOT_FOUND for a code that PROJ does not know, WW_BAD_INPUT for a system that is neither geographic nor
 * projected. */
enum ww_status ww_crs_open(uint32_t from, uint32_t to, struct ww_crs **out,
                           struct ww_error *err) WW_MUST_CHECK;
void ww_crs_close(struct ww_crs *crs); /* NULL is allowed */
void ww_crs_forward(struct ww_crs *crs, double *xy, size_t n);
void ww_crs_inverse(struct ww_crs *crs, double *xy, size_t n);
/* Whether nothing at all is to be done to a coordinate. */
bool ww_crs_is_identity(const struct ww_crs *crs);
/* The same but for the order of the axes. */
bool ww_crs_is_plain(const struct ww_crs *crs);
/* Whether the target has its northing or latitude first. */
bool ww_crs_is_north_first(const struct ww_crs *crs);
bool ww_crs_is_geographic(const struct ww_crs *crs); /* the target, in degrees */
const char *ww_crs_name(const struct ww_crs *crs);   /* of the target: "WGS 84 / UTM zone 48N" */
/* The target as well-known text of the first kind, as GDAL writes it; "" when it has none, or without memory.
 */
struct ww_str ww_crs_wkt(struct ww_crs *crs, struct ww_arena *arena);

#endif
