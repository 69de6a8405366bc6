/* The `config` JSON of rules with the detectors that learn: "baseline", "neighbour", "quality" (docs/API.md,
 * "Rules"; docs/guides/detectors.md teaches them). Scope members are those of ingest/rule_scope.h.
 *
 *   baseline
 * {"property":"cod","false_alarms_per_month":0.05,"side":"up","fire":[2,3],"clear":[6,6],"new_normal_h":24}
 *   neighbour  {"property":"pm2_5","verdict":"fault","false_alarms_per_month":0.05}
 *   quality    {"signs":["stuck","spike"],"least":0,"most":500}
 */
#ifndef WW_INGEST_LEARNED_CONFIG_H
#define WW_INGEST_LEARNED_CONFIG_H

#include "ingest/mute.h"
#include "ingest/rule_scope.h"

enum ww_learned_detector { WW_LEARNED_BASELINE, WW_LEARNED_NEIGHBOUR, WW_LEARNED_QUALITY };
#define WW_LEARNED_WINDOW 24 /* the largest n of k-of-n */

struct ww_learned_config {
    enum ww_learned_detector detector;
    struct ww_rule_scope scope;
    double false_alarms_per_month; /* of a sensor; baseline and neighbour … */
    int side;                      /* … which look 1 above, -1 below what is usual, 0 either way */
    uint8_t fire_k, fire_n, clear_k, clear_n;
    int64_t fire_for_us, clear_for_us; /* and for at least so long */
    char flags[8];                     /* of readings that count; quality sees all */
    struct ww_mute_config mute;        /* what it keeps silent for: "mute" (ingest/mute.h) */
    /* baseline */
    bool small_shifts;     /* readings inside the band count too, when they have been off for long */
    int64_t new_normal_us; /* what stays outside for so long becomes usual */
    /* neighbour */
    bool area; /* looks for what several see; else for what one alone says */
    /* quality */
    unsigned signs;            /* enum ww_quality_sign; leads or faults, never both */
    double least, most, limit; /* NAN = unknown; limit: that of the thing's limit class */
};

/* Texts live in the arena. The error's field names the member. */
enum ww_status ww_learned_config_parse(struct ww_arena *arena, enum ww_learned_detector detector,
                                       struct ww_str json, struct ww_learned_config *out,
                                       struct ww_error *err) WW_MUST_CHECK;
/* "pollution", "sensor" or "lead": what its alerts are. */
const char *ww_learned_category(const struct ww_learned_config *config);
/* Of a name that is one of theirs. */
enum ww_learned_detector ww_learned_detector_find(const char *name);
const char *ww_learned_detector_name(enum ww_learned_detector detector);

#endif
