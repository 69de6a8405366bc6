/* The `config` JSON of a scan rule: which events, in which places, how clusters are sought and when one is
 * told (docs/API.md, "Rules"; docs/guides/live-scan.md).
 *
 *   {"events": {"property": "complaint"}, "places": "hexagon", "hexagon_m": 500,
 *    "model": "stp", "max_radius_m": 2000, "max_days": 7, "recurrence_interval_days": 365}
 */
#ifndef WW_INGEST_SPACE_SCAN_RULE_H
#define WW_INGEST_SPACE_SCAN_RULE_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/scan/statistic.h"
#include "ingest/space/mute_config.h"

enum ww_scan_count {
    WW_COUNT_READINGS, /* each reading is an event (beyond `above` or `below`, where given) */
    WW_COUNT_VALUES,   /* a reading's value is a number of events */
    WW_COUNT_ALERTS    /* each opening of an alert of another rule */
};
enum ww_scan_place_kind { WW_PLACE_WARD, WW_PLACE_HEXAGON, WW_PLACE_THING, WW_PLACE_REACH };
enum ww_scan_zone_kind { WW_ZONE_CIRCLE, WW_ZONE_ADJACENT, WW_ZONE_RIVER };

struct ww_scan_rule {
    enum ww_scan_count count;
    struct ww_str property, feed, thing_class; /* "": any feed, any class */
    struct ww_str alerts_of;                   /* code of that rule */
    double above, below;                       /* NAN: no such bound */
    char flags[8];

    enum ww_scan_place_kind places;
    double hexagon_m;
    double snap_m; /* an event so far from a reach is still on it */
    enum ww_scan_zone_kind zones;
    double max_radius_m;
    double max_places; /* of an adjacent set, or of a run downstream */

    enum ww_scan_model model;
    struct ww_str population; /* Poisson: the property of wards or things that holds it */
    double max_days, memory_days;
    double min_cases, max_clusters, replicas, seed;

    double recurrence_days; /* told when chance makes such a cluster no more often */
    double clear_recurrence_days, clear_after_h;
    struct ww_mute_config mute; /* what it keeps silent for */
};

/* Texts live in the arena. The error's field names the member. */
enum ww_status ww_scan_rule_parse(struct ww_arena *arena, struct ww_str json, struct ww_scan_rule *out,
                                  struct ww_error *err) WW_MUST_CHECK;

/* How many events a reading is. */
int32_t ww_scan_rule_events(const struct ww_scan_rule *rule, double value, char flag);

const char *ww_scan_model_word(enum ww_scan_model model);       /* "stp", "poisson", "ebp" */
const char *ww_scan_place_word(enum ww_scan_place_kind places); /* "ward", … */
const char *ww_scan_zone_word(enum ww_scan_zone_kind zones);    /* "circle", … */

#endif
