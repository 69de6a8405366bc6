/* Reads and checks the config of a scan rule. */
#include "ingest/space/scan_rule.h"

#include <math.h>
#include <stddef.h>

#include "geo/scan/live.h"
#include "ingest/space/config_read.h"

static const char *const model_words[] = {[WW_SCAN_POISSON] = "poisson",
                                          [WW_SCAN_BERNOULLI] = "bernoulli",
                                          [WW_SCAN_PERMUTATION] = "stp",
                                          [WW_SCAN_EXPECTATION] = "ebp"};

const char *ww_scan_model_word(enum ww_scan_model model) {
    return model_words[model];
}

const char *ww_scan_place_word(enum ww_scan_place_kind places) {
    static const char *const words[] = {"ward", "hexagon", "thing", "reach"};
    return words[places];
}

const char *ww_scan_zone_word(enum ww_scan_zone_kind zones) {
    static const char *const words[] = {"circle", "adjacent", "river"};
    return words[zones];
}

int32_t ww_scan_rule_events(const struct ww_scan_rule *rule, double value, char flag) {
    if (!strchr(rule->flags, flag))
        return 0;
    if (rule->count == WW_COUNT_VALUES)
        return value > 0 ? (int32_t)fmin(rint(value), 1e9) : 0; /* as the database rounds */
    bool bounded = !isnan(rule->above) || !isnan(rule->below);
    return !bounded || value > rule->above || value < rule->below;
}

/* Words are read into ints first: an enum's size is the compiler's. */
struct words {
    int count, places, zones, model;
    struct ww_str flags;
};

#define AT(member)    offsetof(struct ww_scan_rule, member)
#define WORDS(member) offsetof(struct words, member)

static const struct config_member event_members[] = {
    {"property", CONFIG_TEXT, AT(property), 0, 0, NULL},
    {"feed", CONFIG_TEXT, AT(feed), 0, 0, NULL},
    {"thing_class", CONFIG_TEXT, AT(thing_class), 0, 0, NULL},
    {"rule", CONFIG_TEXT, AT(alerts_of), 0, 0, NULL},
    {"above", CONFIG_NUMBER, AT(above), -1e300, 1e300, NULL},
    {"below", CONFIG_NUMBER, AT(below), -1e300, 1e300, NULL},
};
static const struct config_member event_words[] = {
    {"count", CONFIG_WORD, WORDS(count), 0, 0, "readings|values|alerts"},
    {"flags", CONFIG_TEXT, WORDS(flags), 0, 0, NULL},
};
static const struct config_member members[] = {
    {"hexagon_m", CONFIG_NUMBER, AT(hexagon_m), 50, 20000, NULL},
    {"snap_m", CONFIG_NUMBER, AT(snap_m), 1, 20000, NULL},
    {"max_radius_m", CONFIG_NUMBER, AT(max_radius_m), 1, 1e6, NULL},
    {"max_places", CONFIG_WHOLE, AT(max_places), 1, WW_SCAN_MAX_CONNECTED, NULL},
    {"population", CONFIG_TEXT, AT(population), 0, 0, NULL},
    {"max_days", CONFIG_WHOLE, AT(max_days), 1, WW_SCAN_LANES, NULL},
    {"memory_days", CONFIG_WHOLE, AT(memory_days), 14, 1096, NULL},
    {"min_cases", CONFIG_WHOLE, AT(min_cases), 2, 10000, NULL},
    {"max_clusters", CONFIG_WHOLE, AT(max_clusters), 1, 20, NULL},
    {"replicas", CONFIG_WHOLE, AT(replicas), 99, 99999, NULL},
    {"seed", CONFIG_WHOLE, AT(seed), 0, 9e15, NULL},
    {"recurrence_interval_days", CONFIG_NUMBER, AT(recurrence_days), 2, 36525, NULL},
};
static const struct config_member word_members[] = {
    {"places", CONFIG_WORD, WORDS(places), 0, 0, "ward|hexagon|thing|reach"},
    {"zones", CONFIG_WORD, WORDS(zones), 0, 0, "circle|adjacent|river"},
    {"model", CONFIG_WORD, WORDS(model), 0, 0, "stp|poisson|ebp"},
};
static const struct config_member clear_members[] = {
    {"recurrence_interval_days", CONFIG_NUMBER, AT(clear_recurrence_days), 1, 36525, NULL},
    {"after_h", CONFIG_NUMBER, AT(clear_after_h), 0, 24 * 60, NULL},
};

#define N(table) (sizeof table / sizeof *table)
#define NAMES_OF_MEMBERS                                                                                     \
    "|hexagon_m|snap_m|max_radius_m|max_places|population|max_days|memory_days|min_cases|max_clusters|"      \
    "replicas|seed|recurrence_interval_days|events|clear|mute|"

static enum ww_status read_flags(struct ww_str flags, struct ww_scan_rule *out, struct ww_error *err) {
    if (flags.len >= sizeof out->flags)
        return config_refuse(err, "events.flags", "at most 7 letters");
    for (size_t i = 0; i < flags.len; i++)
        if (flags.ptr[i] < 'A' || flags.ptr[i] > 'Z')
            return config_refuse(err, "events.flags", "must be capital letters, as in \"N\"");
    memcpy(out->flags, flags.ptr, flags.len);
    return WW_OK;
}

static enum ww_status read_events(const struct ww_json_node *events, struct words *words,
                                  struct ww_scan_rule *out, struct ww_error *err) {
    if (!events)
        return config_refuse(err, "events", "is missing");
    enum ww_status st =
        config_read(events, "events", "|count|flags|", event_members, N(event_members), out, err);
    if (st == WW_OK)
        st = config_read(events, "events", "|property|feed|thing_class|rule|above|below|", event_words,
                         N(event_words), words, err);
    if (st == WW_OK)
        st = read_flags(words->flags, out, err);
    if (st != WW_OK)
        return st;
    out->count = (enum ww_scan_count)words->count;
    if (out->count == WW_COUNT_ALERTS && out->alerts_of.len == 0)
        return config_refuse(err, "events.rule", "must name the rule whose alerts are counted");
    if (out->count != WW_COUNT_ALERTS && out->alerts_of.len > 0)
        return config_refuse(err, "events.rule", "goes with \"count\": \"alerts\" only");
    if (out->count != WW_COUNT_ALERTS && out->property.len == 0)
        return config_refuse(err, "events.property", "is missing");
    if (out->count != WW_COUNT_READINGS && (!isnan(out->above) || !isnan(out->below)))
        return config_refuse(err, isnan(out->above) ? "events.below" : "events.above",
                             "goes with \"count\": \"readings\" only");
    return WW_OK;
}

/* What fits together. */
static enum ww_status check(const struct ww_json_node *root, struct ww_scan_rule *r, struct ww_error *err) {
    static const enum ww_scan_zone_kind usual[] = {WW_ZONE_ADJACENT, WW_ZONE_CIRCLE, WW_ZONE_CIRCLE,
                                                   WW_ZONE_RIVER};
    if (!ww_json_get(root, "zones"))
        r->zones = usual[r->places];
    if (r->zones == WW_ZONE_ADJACENT && r->places != WW_PLACE_WARD)
        return config_refuse(err, "zones", "adjacent goes with places ward");
    if ((r->zones == WW_ZONE_RIVER) != (r->places == WW_PLACE_REACH))
        return config_refuse(err, "zones", "river and places reach go together");
    if (r->model == WW_SCAN_POISSON && r->population.len == 0)
        return config_refuse(err, "population", "must name the property that holds it: model poisson");
    if (r->model == WW_SCAN_POISSON && r->places != WW_PLACE_WARD && r->places != WW_PLACE_THING)
        return config_refuse(err, "model", "poisson goes with places ward or thing, which have a population");
    if (r->memory_days < 2 * r->max_days)
        return config_refuse(err, "memory_days", "must be at least twice max_days");
    if (r->clear_recurrence_days > r->recurrence_days)
        return config_refuse(err, "clear.recurrence_interval_days",
                             "must not be more than recurrence_interval_days");
    return WW_OK;
}

enum ww_status ww_scan_rule_parse(struct ww_arena *arena, struct ww_str json, struct ww_scan_rule *out,
                                  struct ww_error *err) {
    static const enum ww_scan_model models[] = {WW_SCAN_PERMUTATION, WW_SCAN_POISSON, WW_SCAN_EXPECTATION};
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    struct words words = {.flags = WW_STR("N")};
    *out = (struct ww_scan_rule){.property = WW_STR(""),
                                 .feed = WW_STR(""),
                                 .thing_class = WW_STR(""),
                                 .alerts_of = WW_STR(""),
                                 .population = WW_STR(""),
                                 .above = NAN,
                                 .below = NAN,
                                 .hexagon_m = 500,
                                 .snap_m = 500,
                                 .max_radius_m = 3000,
                                 .max_places = 6,
                                 .max_days = 7,
                                 .memory_days = 90,
                                 .min_cases = 3,
                                 .max_clusters = 5,
                                 .replicas = 999,
                                 .seed = 1,
                                 .recurrence_days = 365,
                                 .clear_recurrence_days = NAN,
                                 .clear_after_h = 24};
    const struct ww_json_node *clear = ww_json_get(root, "clear"), *mute = ww_json_get(root, "mute");
    ww_mute_config_init(&out->mute, true);
    st = config_read(root, "", "|events|clear|mute|places|zones|model|", members, N(members), out, err);
    if (st == WW_OK)
        st = config_read(root, "", NAMES_OF_MEMBERS, word_members, N(word_members), &words, err);
    if (st == WW_OK)
        st = read_events(ww_json_get(root, "events"), &words, out, err);
    if (st == WW_OK && clear)
        st = config_read(clear, "clear", "", clear_members, N(clear_members), out, err);
    if (st == WW_OK && mute)
        st = ww_mute_config_read(mute, &out->mute, err);
    if (st != WW_OK)
        return st;
    out->places = (enum ww_scan_place_kind)words.places;
    out->zones = (enum ww_scan_zone_kind)words.zones;
    out->model = models[words.model];
    if (isnan(out->clear_recurrence_days)) /* half-way on the scale on which such numbers live */
        out->clear_recurrence_days = sqrt(out->recurrence_days);
    return check(root, out, err);
}
