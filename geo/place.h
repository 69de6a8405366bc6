/* A place: longitude and latitude in degrees, by name, so that their order cannot be swapped. */
#ifndef WW_GEO_PLACE_H
#define WW_GEO_PLACE_H

#include <stdbool.h>

/* EPSG:4490 (CGCS2000), taken as equal to WGS 84: docs/decisions/ says why. */
struct ww_place {
    double lon_deg; /* -180 … 180 */
    double lat_deg; /* -90 … 90 */
};

/* A coordinate as received, in the order of its own fields and not yet converted. */
struct ww_raw_place {
    double x; /* longitude, or easting in metres; NAN when the row has no place */
    double y; /* latitude, or northing in metres */
};

#endif
