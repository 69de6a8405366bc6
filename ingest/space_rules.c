/* Keeps the parsed rules about space. */
#include "ingest/space_rules.h"

#include <assert.h>

#include "geo/base/alloc.h"
#include "ingest/rule_kind.h"

enum { RULES_CEILING = 16 << 20 };

struct ww_space_rules *ww_space_rules_new(void) {
    struct ww_space_rules *rules = ww_must_calloc(1, sizeof *rules);
    rules->arena = ww_arena_new(RULES_CEILING);
    assert(rules->arena);
    return rules;
}

void ww_space_rules_free(struct ww_space_rules *rules) {
    if (!rules)
        return;
    ww_arena_free(rules->arena);
    ww_free(rules);
}

enum ww_status ww_space_add_rule(struct ww_space_rules *rules, const struct ww_rule_row *row,
                                 struct ww_error *err) {
    if (rules->n == WW_SPACE_RULES)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d rules about space", WW_SPACE_RULES);
    struct ww_space_rule *rule = &rules->rule[rules->n];
    *rule = (struct ww_space_rule){.id = row->id,
                                   .version = row->version,
                                   .severity = row->severity,
                                   .code = ww_arena_copy(rules->arena, row->code),
                                   .config = ww_arena_copy(rules->arena, row->config)};
    if (!rule->code.ptr || !rule->config.ptr)
        return ww_error_set(err, WW_NO_MEMORY, "the rules need too much memory");
    rule->is_map = ww_str_is(row->detector, "hotspot");
    enum ww_status st = rule->is_map ? ww_hotspot_rule_parse(rules->arena, rule->config, &rule->hotspot, err)
                                     : ww_scan_rule_parse(rules->arena, rule->config, &rule->scan, err);
    if (st == WW_OK)
        rules->n++;
    return st;
}

struct ww_space_series ww_space_series_of(const struct ww_space_rule *rule,
                                          const struct ww_catalog *catalog) {
    struct ww_space_series series = {
        .property_code = rule->is_map ? rule->hotspot.property : rule->scan.property,
        .feed = rule->is_map ? rule->hotspot.feed : rule->scan.feed,
        .thing_class = rule->is_map ? rule->hotspot.thing_class : rule->scan.thing_class};
    bool counts_alerts = !rule->is_map && rule->scan.count == WW_COUNT_ALERTS;
    series.property = counts_alerts ? WW_CATALOG_NONE : ww_catalog_property(catalog, series.property_code);
    return series;
}

bool ww_space_series_has(const struct ww_space_series *series, const struct ww_catalog *catalog,
                         const struct ww_cat_datastream *datastream, struct ww_str feed) {
    return datastream->property == series->property && datastream->statistic == 0 &&
           (series->feed.len == 0 || ww_str_eq(series->feed, feed)) &&
           (series->thing_class.len == 0 ||
            ww_str_eq(series->thing_class, catalog->names[catalog->things[datastream->thing].class_index]));
}
