/* The `config` JSON of rules about the senders themselves, detectors "silence" and "clock_drift"
 * (docs/API.md, "Rules").
 */
#ifndef WW_INGEST_SENSOR_RULE_H
#define WW_INGEST_SENSOR_RULE_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

enum ww_sensor_detector { WW_SENSOR_NONE, WW_SENSOR_SILENCE, WW_SENSOR_CLOCK_DRIFT };

/* WW_SENSOR_NONE: another kind of rule. */
enum ww_sensor_detector ww_sensor_detector_find(struct ww_str name);
const char *ww_sensor_detector_name(enum ww_sensor_detector detector);

struct ww_sensor_rule {
    enum ww_sensor_detector detector;
    struct ww_str feed, thing_class, property; /* "" = all */
    /* silence: longer than both. */
    double multiple; /* of the sender's rhythm; 0 = whatever its rhythm, known or not */
    double after_s;
    /* So many that fall silent together are one alert of their feed. */
    double feed_share; /* of those that the rule watches there; more than 1: never */
    int feed_least;
    /* clock_drift */
    double limit_s;     /* either way */
    double for_s;       /* at least so long */
    double clear_ratio; /* within limit_s times this it is right again */
};

/* Texts live in the arena. The error's field names the member. */
enum ww_status ww_sensor_rule_parse(struct ww_arena *arena, enum ww_sensor_detector detector,
                                    struct ww_str json, struct ww_sensor_rule *out,
                                    struct ww_error *err) WW_MUST_CHECK;

#endif
