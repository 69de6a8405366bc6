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
    uint32_t users; /* submissions that were decoded with a feed config of this world */
    bool retired;   /* freed when the last user is gone */
};

void world_release(struct world *world);
void world_free(struct world *world); /* NULL is allowed */

/* A world for that rule alone, judged by nobody else, read on `sync`; blocks. WW_BAD_INPUT or WW_NOT_FOUND:
 * the rule's mistake, `err->field` names the member. */
struct ww_pg_sync;
enum ww_status ww_world_read(struct ww_pg_sync *sync, const struct ww_rule_row *rule, struct world **out,
                             struct ww_error *err) WW_MUST_CHECK;

#endif
