/* The parameter datetime (Part 1, 7.15.4), and whatever clients make of it. Pure.
 *
 *   2018-02-12T23:20:50Z          a moment
 *   2018-02-12                    the whole day, UTC
 *   A/B  A/..  ../B  A/  /B  ../..  two ends, both included; open ones
 *   2018-02-12/P2D  P1M/2018-02-12   a start or end with a duration
 *   2024-01-01T                   GDAL 3.6 writes a date so
 *   0000-01-01T00:00:00Z/B        QGIS' way to write an open start
 *   2018-02-12T23:20:50 08:00     a plus sign that was not percent-encoded
 */
#ifndef WW_SERVER_OGC_INTERVAL_H
#define WW_SERVER_OGC_INTERVAL_H

#include "geo/base/status.h"

struct ogc_interval {
    int64_t from, to; /* microseconds, both included; INT64_MIN and INT64_MAX: open */
};

enum ww_status ogc_interval_read(struct ww_str text, struct ogc_interval *out,
                                 struct ww_error *err) WW_MUST_CHECK;

#endif
