/* Everything that is derived from the database and needed to judge. load.c builds it: the path keeps one and
 * has it replaced whole; back-tests and recomputed alerts build one of their own, for one rule.
 */
#ifndef WW_INGEST_WORLD_H
#define WW_INGEST_WORLD_H

#include "ingest/health.h"
#include "ingest/judge.h"
#include "ingest/rule_kind.h"
#include "ingest/space_rules.h"

struct world {
    struct ww_catalog *catalog;
    struct ww_judge *judge;
    struct ww_health_rules *health_rules;
    struct ww_space_rules *space_rules;
    struct ww_zone *zone;
    bool *judged;      /* of one of the past, [n_datastreams]: those that are judged */
    int64_t record_id; /* of one that judges live: in judge_world */
    uint32_t users;    /* submissions that were decoded with a feed config of this world */
    bool retired;      /* freed when the last user is gone */
};

void world_release(struct world *world);
void world_free(struct world *world); /* NULL is allowed */

/* A world for that rule alone, judged by nobody else, read on `sync`; blocks. WW_BAD_INPUT or WW_NOT_FOUND:
 * the rule's mistake, `err->field` names the member. */
struct ww_pg_sync;
enum ww_status ww_world_read(struct ww_pg_sync *sync, const struct ww_rule_row *rule, struct world **out,
                             struct ww_error *err) WW_MUST_CHECK;

/* A world that judged once, as judge_world tells of it: its rules, and the states that the detectors had when
 * it began. Only what some series need is judged (ww_judge_narrow), and of that only what was known then is
 * attached. The replay of the past is not ended yet, and nothing is open. */
struct ww_world_past {
    const struct ww_rule_row *rules; /* by id */
    uint32_t n_rules;
    int64_t at_us;                                     /* when it began */
    int64_t last_message, last_datastream, last_limit; /* ids that were known */
    uint32_t learned_readings;
    const int64_t *series; /* ids of datastreams */
    uint32_t n_series;
    const struct ww_judge *donor; /* whose learned states went on; NULL: learned from the past */
};
enum ww_status ww_world_read_past(struct ww_pg_sync *sync, const struct ww_world_past *past,
                                  struct world **out, struct ww_error *err) WW_MUST_CHECK;
/* Place of a datastream in its catalog, WW_CATALOG_NONE: none. Only of a world just read: by id they lie in
 * order. */
uint32_t ww_world_datastream(const struct world *world, int64_t id);

#endif
