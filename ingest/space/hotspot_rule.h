/* The `config` JSON of a hot-spot rule (docs/API.md, "Rules"; docs/guides/live-hotspot.md).
 *
 *   {"property": "pm25", "thing_class": "air_station", "places": "both", "hexagon_m": 1000, "q": 0.05}
 */
#ifndef WW_INGEST_SPACE_HOTSPOT_RULE_H
#define WW_INGEST_SPACE_HOTSPOT_RULE_H

#include <stdbool.h>

#include "geo/base/arena.h"
#include "geo/base/status.h"

enum ww_hotspot_places { WW_HOTSPOT_BOTH, WW_HOTSPOT_WARDS, WW_HOTSPOT_HEXAGONS };

struct ww_hotspot_rule {
    struct ww_str property, feed, thing_class; /* "": any feed, any class */
    char flags[8];
    enum ww_hotspot_places places;
    double hexagon_m, rings; /* neighbours: so many rings around a hexagon */
    double max_age_s;        /* an older value is none */
    double q;                /* false discovery rate */
    double min_places;       /* with a value; fewer say nothing */
    bool alerts;             /* hot places of wards become alerts … */
    double alert_for_s;      /* … when they have been hot for so long */
};

enum ww_status ww_hotspot_rule_parse(struct ww_arena *arena, struct ww_str json, struct ww_hotspot_rule *out,
                                     struct ww_error *err) WW_MUST_CHECK;

#endif
