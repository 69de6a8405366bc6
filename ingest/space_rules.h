/* The rules about space of one world, parsed; like its catalog replaced whole. */
#ifndef WW_INGEST_SPACE_RULES_H
#define WW_INGEST_SPACE_RULES_H

#include "ingest/catalog.h"
#include "ingest/space/hotspot_rule.h"
#include "ingest/space/scan_rule.h"

/* More enabled ones than these are off, and the log says so. */
#define WW_SPACE_RULES 16

struct ww_space_rule {
    int32_t id, version, severity;
    struct ww_str code, config;
    bool is_map; /* `hotspot` holds, else `scan` */
    struct ww_scan_rule scan;
    struct ww_hotspot_rule hotspot;
};
struct ww_space_rules {
    struct ww_arena *arena;
    struct ww_space_rule rule[WW_SPACE_RULES];
    uint32_t n;
};

struct ww_space_rules *ww_space_rules_new(void);
void ww_space_rules_free(struct ww_space_rules *rules); /* NULL is allowed */
struct ww_rule_row;                                     /* ingest/rule_kind.h */
enum ww_status ww_space_add_rule(struct ww_space_rules *rules, const struct ww_rule_row *row,
                                 struct ww_error *err) WW_MUST_CHECK;

/* Which readings a rule is about. */
struct ww_space_series {
    struct ww_str property_code, feed, thing_class; /* "": any feed, any class */
    uint32_t property;                              /* in the catalog; WW_CATALOG_NONE: none of it */
};
/* Of a scan that counts alerts: none. Texts are the rule's. */
struct ww_space_series ww_space_series_of(const struct ww_space_rule *rule, const struct ww_catalog *catalog);
/* `feed`: the name of the thing's. */
bool ww_space_series_has(const struct ww_space_series *series, const struct ww_catalog *catalog,
                         const struct ww_cat_datastream *datastream, struct ww_str feed);

#endif
