/* What the files of a GeoPackage share. */
#ifndef WW_SERVER_OGC_GPKG_INTERNAL_H
#define WW_SERVER_OGC_GPKG_INTERNAL_H

#include "server/ogc/gpkg.h"

/* gpkg_geom.c: appends the blob; widens `extent` (min x, min y, max x, max y). */
void gpkg_geometry_write(const struct ww_geom *geom, bool swap, int32_t srs, double extent[4],
                         struct ww_buf *out);

#endif
