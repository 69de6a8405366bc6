/* The `config` JSON of a rule with detector "limit", parsed (docs/API.md, "Rules"). */
#ifndef WW_INGEST_RULE_CONFIG_H
#define WW_INGEST_RULE_CONFIG_H

#include "geo/base/arena.h"
#include "geo/limit_detector.h"

struct ww_rule_config {
    struct ww_str property;
    struct ww_str thing_class; /* "" = all things with the property */
    struct ww_str limit_class; /* "" = the thing's own */
    struct ww_str standard;
    struct ww_str averaging;
    uint8_t statistic;  /* the series that are judged: of this statistic … */
    int32_t interval_s; /* … and this interval; 0 and 0: the values themselves */
    uint8_t fire_k, fire_n, clear_k, clear_n;
    double clear_ratio, min_coverage;
    int64_t bucket_us; /* 0: judges every reading */
    int64_t expected_step_us;
    char flags[8];
};

/* Texts live in the arena. The error's field names the member. */
enum ww_status ww_rule_config_parse(struct ww_arena *arena, struct ww_str json, struct ww_rule_config *out,
                                    struct ww_error *err) WW_MUST_CHECK;

#endif
