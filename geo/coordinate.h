/* Converts coordinates of the datums that feeds really send into our own (EPSG:4490).
 *
 * Datums are named as users write them: "WGS84", "CGCS2000", "GCJ-02", "BD-09" (case and
 * hyphen do not matter) or "EPSG:n" for any reference system that PROJ knows, geographic or
 * projected. Raw coordinates always come as x = longitude or easting, y = latitude or
 * northing, whatever the authority's axis order says. See docs/decisions/ for the
 * equality of WGS 84 and CGCS2000. One thread at a time for each converter.
 *
 * GCJ-02 and BD-09: formulas as used by all public implementations, a = 6378245,
 * e2 = 0.00669342162296594323; the inverse is iterated until the step is below 1e-12 degrees.
 *
 *   struct ww_datum *datum;
 *   st = ww_datum_open(WW_STR("GCJ-02"), &datum, &err);
 *   st = ww_datum_to_place(datum, (struct ww_raw_place){107.08446, 29.84753}, &place, &err);
 *   ww_datum_close(datum);
 */
#ifndef WW_GEO_COORDINATE_H
#define WW_GEO_COORDINATE_H

#include "geo/base/status.h"
#include "geo/place.h"

struct ww_datum;

enum ww_status ww_datum_open(struct ww_str name, struct ww_datum **out, struct ww_error *err) WW_MUST_CHECK;
void ww_datum_close(struct ww_datum *datum); /* NULL is allowed */
/* The canonical name: "WGS84", "CGCS2000", "GCJ-02", "BD-09", "EPSG:4545". */
const char *ww_datum_name(const struct ww_datum *datum);
/* WW_BAD_INPUT when a number is not finite, outside its range, or PROJ refuses it. */
enum ww_status ww_datum_to_place(struct ww_datum *datum, struct ww_raw_place raw, struct ww_place *out,
                                 struct ww_error *err) WW_MUST_CHECK;
/* The other way, for exports and tests. */
enum ww_status ww_datum_from_place(struct ww_datum *datum, struct ww_place place, struct ww_raw_place *out,
                                   struct ww_error *err) WW_MUST_CHECK;

/* The bare formulas, WGS 84 ↔ GCJ-02 ↔ BD-09; finite input, no range check. */
struct ww_place ww_wgs84_to_gcj02(struct ww_place wgs84);
struct ww_place ww_gcj02_to_wgs84(struct ww_place gcj02); /* iterated, < 1e-8 m */
struct ww_place ww_gcj02_to_bd09(struct ww_place gcj02);
struct ww_place ww_bd09_to_gcj02(struct ww_place bd09); /* iterated, < 1e-8 m */

#endif
