/* Who must be judged together so that some series are judged as they were among all.
 *
 * Signals at one thing or site become one alert, so all series there belong together. A rule that compares
 * series belongs to all of its kind: neighbours hear each other (of one property and class), and whether a
 * series is never marked is seen by all of its rule. That goes on: the neighbours of an added series under
 * another rule too, until nothing is added. Rules that compare series and see none of those asked for are
 * dropped: a part of theirs would only give wrong signals.
 */
#include "ingest/judge_internal.h"

static bool compares_series(const struct rule_row *rule) {
    return rule->learns &&
           (rule->learned.detector == WW_LEARNED_NEIGHBOUR ||
            (rule->learned.detector == WW_LEARNED_QUALITY && (rule->learned.signs & WW_QUALITY_FLAG)));
}

static void add_places(const struct ww_catalog *c, bool *wanted) {
    bool *thing = ww_must_calloc(c->n_things + 1, sizeof *thing);
    struct ww_map *sites = ww_map_new(16);
    uint64_t unused;
    for (uint32_t i = 0; i < c->n_datastreams; i++) {
        if (!wanted[i])
            continue;
        const struct ww_cat_thing *at = &c->things[c->datastreams[i].thing];
        struct ww_str site = {(const char *)&at->site_id, sizeof at->site_id};
        thing[c->datastreams[i].thing] = true;
        if (at->site_id > 0 && ww_map_put(sites, site, 1) != WW_OK)
            assert(0 && "a map of some sites");
    }
    for (uint32_t i = 0; i < c->n_datastreams; i++) {
        const struct ww_cat_thing *at = &c->things[c->datastreams[i].thing];
        struct ww_str site = {(const char *)&at->site_id, sizeof at->site_id};
        wanted[i] = wanted[i] || thing[c->datastreams[i].thing] ||
                    (at->site_id > 0 && ww_map_get(sites, site, &unused));
    }
    ww_map_free(sites);
    ww_free(thing);
}

/* Series of one group are compared with each other. */
static uint32_t group_of(const struct rule_row *rule, const struct ww_catalog *c, uint32_t datastream) {
    const struct ww_cat_datastream *ds = &c->datastreams[datastream];
    return rule->learned.detector == WW_LEARNED_NEIGHBOUR
               ? (uint32_t)ds->property << 16 | c->things[ds->thing].class_index
               : 0;
}

static bool is_one_of(const uint32_t *groups, uint32_t n, uint32_t group) {
    for (uint32_t i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* Completes the groups of one rule that hold something wanted; true: something was added. */
static bool complete(const struct rule_row *rule, const struct ww_catalog *c, bool *wanted) {
    uint32_t *groups = NULL, n = 0, cap = 0;
    bool is_more = false;
    for (uint32_t i = 0; i < c->n_datastreams; i++)
        if (wanted[i] && !is_one_of(groups, n, group_of(rule, c, i)) &&
            ww_rule_scope_holds(&rule->learned.scope, c, &c->datastreams[i]))
            PUSH(groups, n, cap, group_of(rule, c, i));
    for (uint32_t i = 0; i < c->n_datastreams && n > 0; i++)
        if (!wanted[i] && is_one_of(groups, n, group_of(rule, c, i)) &&
            ww_rule_scope_holds(&rule->learned.scope, c, &c->datastreams[i]))
            wanted[i] = is_more = true;
    ww_free(groups);
    return is_more;
}

static bool sees_some(const struct rule_row *rule, const struct ww_catalog *c, const bool *wanted) {
    for (uint32_t i = 0; i < c->n_datastreams; i++)
        if (wanted[i] && ww_rule_scope_holds(&rule->learned.scope, c, &c->datastreams[i]))
            return true;
    return false;
}

void ww_judge_narrow(struct ww_judge *j, const struct ww_catalog *c, bool *wanted) {
    add_places(c, wanted);
    for (uint32_t r = 0; r < j->n_rules; r++)
        j->rules[r].is_off = compares_series(&j->rules[r]) && !sees_some(&j->rules[r], c, wanted);
    bool is_more = true;
    while (is_more) {
        is_more = false;
        for (uint32_t r = 0; r < j->n_rules; r++)
            if (!j->rules[r].is_off && compares_series(&j->rules[r]))
                is_more = complete(&j->rules[r], c, wanted) || is_more;
    }
}
