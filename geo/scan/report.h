/* What a scan found, as JSON and as GeoJSON: numbers, members, dates, and all that is needed to repeat it. */
#ifndef WW_SCAN_REPORT_H
#define WW_SCAN_REPORT_H

#include "geo/base/buf.h"
#include "geo/scan/prepare.h"

struct ww_scan_report {
    const struct ww_scan_input *input;
    const struct ww_scan_table_data *table;
    const struct ww_scan_zones *zones;
    const struct ww_scan_result *result;
    const struct ww_scan_setup *setup;
    const struct ww_scan_rules *rules;
    const struct ww_scan_windows *windows;
    const char *zone_kind; /* "circles", "connected sets", … */
    const char *form;      /* "general", or "live": other random numbers come of the same seed */
    double max_radius;     /* INFINITY: none */
    double max_share;
};

/* One object: "method", "input", "result", "clusters". */
void ww_scan_report_json(const struct ww_scan_report *report, struct ww_buf *out);
/* A FeatureCollection: for each cluster its circle (when it has one) and its members as points. Coordinates
 * of a plane are written as they are; the collection then says so in "coordinates": "plane". */
void ww_scan_report_geojson(const struct ww_scan_report *report, struct ww_buf *out);

#endif
