/* The table of detectors. */
#include "ingest/rule_kind.h"

#include "ingest/learned_config.h"
#include "ingest/rule_config.h"
#include "ingest/sensor_rule.h"
#include "ingest/space/hotspot_rule.h"
#include "ingest/space/scan_rule.h"

static const struct ww_rule_facts no_facts = {.feed = {"", 0},
                                              .property = {"", 0},
                                              .standard = {"", 0},
                                              .averaging = {"", 0},
                                              .limit_class = {"", 0},
                                              .properties = {"", 0},
                                              .wards = {"", 0}};

static enum ww_status check_limit(const struct ww_rule_kind *kind, struct ww_arena *arena,
                                  struct ww_str config, struct ww_rule_facts *facts, struct ww_error *err) {
    struct ww_rule_config parsed;
    (void)kind;
    enum ww_status st = ww_rule_config_parse(arena, config, &parsed, err);
    *facts = no_facts;
    if (st == WW_OK) {
        facts->property = parsed.property;
        facts->standard = parsed.standard;
        facts->averaging = parsed.averaging;
        facts->limit_class = parsed.limit_class;
    }
    return st;
}

static enum ww_status check_sender(const struct ww_rule_kind *kind, struct ww_arena *arena,
                                   struct ww_str config, struct ww_rule_facts *facts, struct ww_error *err) {
    struct ww_sensor_rule parsed;
    enum ww_sensor_detector detector = ww_sensor_detector_find(ww_str_of(kind->detector));
    enum ww_status st = ww_sensor_rule_parse(arena, detector, config, &parsed, err);
    *facts = no_facts;
    if (st == WW_OK) {
        facts->feed = parsed.feed;
        facts->property = parsed.property;
    }
    return st;
}

static enum ww_status check_scan(const struct ww_rule_kind *kind, struct ww_arena *arena,
                                 struct ww_str config, struct ww_rule_facts *facts, struct ww_error *err) {
    struct ww_scan_rule parsed;
    (void)kind;
    enum ww_status st = ww_scan_rule_parse(arena, config, &parsed, err);
    *facts = no_facts;
    if (st == WW_OK) {
        facts->feed = parsed.feed;
        facts->property = parsed.property;
    }
    return st;
}

static enum ww_status check_learned(const struct ww_rule_kind *kind, struct ww_arena *arena,
                                    struct ww_str config, struct ww_rule_facts *facts, struct ww_error *err) {
    struct ww_learned_config parsed;
    enum ww_status st =
        ww_learned_config_parse(arena, ww_learned_detector_find(kind->detector), config, &parsed, err);
    *facts = no_facts;
    if (st == WW_OK) {
        facts->property = parsed.scope.property;
        facts->properties = parsed.scope.properties ? parsed.scope.properties->text : WW_STR("");
        facts->wards = parsed.scope.wards ? parsed.scope.wards->text : WW_STR("");
    }
    return st;
}

static enum ww_status check_hotspot(const struct ww_rule_kind *kind, struct ww_arena *arena,
                                    struct ww_str config, struct ww_rule_facts *facts, struct ww_error *err) {
    struct ww_hotspot_rule parsed;
    (void)kind;
    enum ww_status st = ww_hotspot_rule_parse(arena, config, &parsed, err);
    *facts = no_facts;
    if (st == WW_OK) {
        facts->feed = parsed.feed;
        facts->property = parsed.property;
    }
    return st;
}

static const struct ww_rule_kind kinds[] = {
    {"limit", WW_ENGINE_JUDGE, check_limit, false},
    {"silence", WW_ENGINE_HEALTH, check_sender, false},
    {"clock_drift", WW_ENGINE_HEALTH, check_sender, false},
    {"baseline", WW_ENGINE_LEARNED, check_learned, false},
    {"neighbour", WW_ENGINE_LEARNED, check_learned, true},
    {"quality", WW_ENGINE_LEARNED, check_learned, false},
    {"scan", WW_ENGINE_SPACE, check_scan, false},
    {"hotspot", WW_ENGINE_SPACE, check_hotspot, false},
};
static const char words[] = "limit|silence|clock_drift|baseline|neighbour|quality|scan|hotspot";

const struct ww_rule_kind *ww_rule_kind_find(struct ww_str detector) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ww_str_is(detector, kinds[i].detector))
            return &kinds[i];
    return NULL;
}

const char *ww_rule_kind_words(void) {
    return words;
}
