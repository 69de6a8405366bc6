/* The detectors that a rule may name: what each one's alerts are, who runs it, how its config is checked.
 *
 * One row a detector. Whatever takes rules in from outside (the API, `wardwatch load rules`) and whatever
 * reads them from the database (load.c) asks this table and knows no detector by itself:
 *
 *   const struct ww_rule_kind *kind = ww_rule_kind_find(WW_STR("baseline"));      // NULL: no such detector
 *   struct ww_rule_facts facts;
 *   st = kind->check(kind, arena, config, &facts, &err);  // err.field names the member that is wrong
 *   …ask the database whether what `facts` names is there (sql/queries/api_rule_facts.sql)…
 *
 * Another detector is another row here, its config's check in a file of its own, and its name in the
 * constraint rule_detector_check (a migration). Pure.
 */
#ifndef WW_INGEST_RULE_KIND_H
#define WW_INGEST_RULE_KIND_H

#include <stdbool.h>

#include "geo/base/arena.h"
#include "geo/base/status.h"

/* A row of `rule`, or a draft of one. */
struct ww_rule_row {
    int32_t id, version;
    int severity;
    struct ww_str code, detector;
    struct ww_str config; /* JSON, as docs/API.md describes it */
};

enum ww_rule_engine {
    WW_ENGINE_JUDGE,   /* ingest/judge.h: reading by reading, against limits … */
    WW_ENGINE_LEARNED, /* … and the same by detectors that learn (ingest/judge_learned.c) */
    WW_ENGINE_HEALTH,  /* ingest/health.h: by the clock */
    WW_ENGINE_SPACE    /* ingest/space_keeper.h: many places at once */
};

/* What a config refers to, all of which must be there. "" = it names none. */
struct ww_rule_facts {
    struct ww_str feed, property;
    struct ww_str standard, averaging, limit_class; /* with a standard: limits of it must be there */
    struct ww_str properties, wards;                /* JSON arrays of codes */
};

struct ww_rule_kind {
    const char *detector;
    enum ww_rule_engine engine;
    /* The facts live in the arena. */
    enum ww_status (*check)(const struct ww_rule_kind *kind, struct ww_arena *arena, struct ww_str config,
                            struct ww_rule_facts *facts, struct ww_error *err);
    bool compares_series; /* to each other: the past must come in the order of all, not series by series */
};

const struct ww_rule_kind *ww_rule_kind_find(struct ww_str detector);
/* "limit|silence|…": all of them, for messages. */
const char *ww_rule_kind_words(void);

#endif
