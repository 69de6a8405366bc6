/* Reads and checks the config of a hot-spot rule. */
#include "ingest/space/hotspot_rule.h"

#include <stddef.h>

#include "ingest/space/config_read.h"

#define AT(member) offsetof(struct ww_hotspot_rule, member)

static const struct config_member members[] = {
    {"property", CONFIG_TEXT, AT(property), 0, 0, NULL},
    {"feed", CONFIG_TEXT, AT(feed), 0, 0, NULL},
    {"thing_class", CONFIG_TEXT, AT(thing_class), 0, 0, NULL},
    {"hexagon_m", CONFIG_NUMBER, AT(hexagon_m), 50, 20000, NULL},
    {"rings", CONFIG_WHOLE, AT(rings), 1, 10, NULL},
    {"max_age_s", CONFIG_NUMBER, AT(max_age_s), 1, 31622400, NULL},
    {"q", CONFIG_NUMBER, AT(q), 1e-6, 0.5, NULL},
    {"min_places", CONFIG_WHOLE, AT(min_places), 4, 1000, NULL},
};
static const struct config_member alert_members[] = {
    {"for_s", CONFIG_NUMBER, AT(alert_for_s), 0, 31622400, NULL},
};

struct words {
    int places;
    struct ww_str flags;
};
static const struct config_member word_members[] = {
    {"places", CONFIG_WORD, offsetof(struct words, places), 0, 0, "both|ward|hexagon"},
    {"flags", CONFIG_TEXT, offsetof(struct words, flags), 0, 0, NULL},
};

#define N(table) (sizeof table / sizeof *table)

enum ww_status ww_hotspot_rule_parse(struct ww_arena *arena, struct ww_str json, struct ww_hotspot_rule *out,
                                     struct ww_error *err) {
    struct ww_json_node *root;
    struct words words = {WW_HOTSPOT_BOTH, WW_STR("N")};
    *out = (struct ww_hotspot_rule){.property = WW_STR(""),
                                    .feed = WW_STR(""),
                                    .thing_class = WW_STR(""),
                                    .hexagon_m = 1000,
                                    .rings = 2,
                                    .max_age_s = 10800,
                                    .q = 0.05,
                                    .min_places = 8,
                                    .alert_for_s = 600};
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st == WW_OK)
        st = config_read(root, "", "|places|flags|alert|", members, N(members), out, err);
    if (st == WW_OK)
        st = config_read(root, "", "|property|feed|thing_class|hexagon_m|rings|max_age_s|q|min_places|alert|",
                         word_members, N(word_members), &words, err);
    const struct ww_json_node *alert = st == WW_OK ? ww_json_get(root, "alert") : NULL;
    if (alert)
        st = config_read(alert, "alert", "", alert_members, N(alert_members), out, err);
    if (st != WW_OK)
        return st;
    out->alerts = alert != NULL;
    out->places = (enum ww_hotspot_places)words.places;
    if (out->property.len == 0)
        return config_refuse(err, "property", "is missing");
    if (words.flags.len >= sizeof out->flags)
        return config_refuse(err, "flags", "at most 7 letters");
    if (out->alerts && out->places == WW_HOTSPOT_HEXAGONS)
        return config_refuse(err, "alert", "goes with places ward or both: alerts are about wards");
    memcpy(out->flags, words.flags.ptr, words.flags.len);
    return WW_OK;
}
