/* The options of `wardwatch scan`, read and checked. */
#ifndef WW_SERVER_SCAN_OPTIONS_H
#define WW_SERVER_SCAN_OPTIONS_H

#include "geo/scan/prepare.h"

struct ww_scan_options {
    /* files; NULL when not given */
    const char *geo, *cas, *ctl, *pop;
    const char *borders, *neighbours, *river; /* at most one */
    const char *geojson;                      /* where the GeoJSON goes besides */
    bool as_geojson;                          /* standard output gets GeoJSON instead of JSON */

    struct ww_scan_setup setup; /* unit NONE and no wish for time: to be taken from the files */
    bool wants_time, purely_spatial, prospective;
    bool unit_given;
    enum ww_scan_times times;
    enum ww_scan_coordinates coordinates;

    double max_radius; /* INFINITY: none */
    bool radius_has_unit, radius_given;
    double max_share;  /* of the population, 0 … 1 */
    double max_window; /* in units of time, or … */
    bool window_is_share;
    uint32_t min_window;
    uint32_t connected; /* most wards in a connected set */
    struct ww_scan_rules rules;
    bool general;      /* not by way of the live scan, though it could */
    double every_days; /* between runs; 0: one interval */
};

/* -1: go on; else the exit code (help was printed, or one line said what is wrong). */
int ww_scan_options_take(int argc, char **argv, struct ww_scan_options *out);

#endif
