/* Which series does a rule look at? The scope members of a rule's config:
 *
 *   {"property":"cod", "properties":["cod","nh3n"], "thing_class":"hospital_outlet",
 * "limit_class":"medical.discharge", "wards":["500115001"],
 * "polygon":[[107.0,29.8],[107.1,29.8],[107.1,29.9]], "statistic":"mean", "interval_s":3600}
 *
 * All may be left out and all that are there must hold. Without statistic and interval_s: the values
 * themselves, as with limits. `polygon` is one ring in CGCS2000 degrees, closed or not; a thing without a
 * place is not in it. Pure. Used by the detectors that learn; limit rules have their own, older members.
 */
#ifndef WW_INGEST_RULE_SCOPE_H
#define WW_INGEST_RULE_SCOPE_H

#include "geo/base/json_reader.h"
#include "geo/place.h"
#include "ingest/catalog.h"

#define WW_SCOPE_MOST_POINTS 1000

/* Texts live in the arena of the parsed config. */
struct ww_rule_scope {
    struct ww_str property, thing_class, limit_class; /* "" = any */
    const struct ww_json_node *properties, *wards;    /* arrays of codes; NULL = all */
    struct ww_place *ring;
    uint32_t n_ring;    /* 0 = everywhere */
    uint8_t statistic;  /* 0 and … */
    int32_t interval_s; /* … 0: the values themselves */
};

void ww_rule_scope_init(struct ww_rule_scope *scope);
/* WW_NOT_FOUND: the node is no member of a scope. WW_BAD_INPUT: it is one, and wrong; the error's field says
 * which. */
enum ww_status ww_rule_scope_take(struct ww_rule_scope *scope, struct ww_arena *arena,
                                  const struct ww_json_node *member, struct ww_error *err) WW_MUST_CHECK;
bool ww_rule_scope_holds(const struct ww_rule_scope *scope, const struct ww_catalog *catalog,
                         const struct ww_cat_datastream *datastream);

#endif
