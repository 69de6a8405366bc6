/* A rule that is tried out: from JSON that may leave out what only matters once it is live.
 *
 *   {"detector":"limit", "severity":2, "config":{…}}       code, name_zh, name_en, enabled may be there
 *
 * Mistakes name the member, as `POST /api/v1/rules` does: "config.fire".
 */
#ifndef WW_SERVER_RULE_DRAFT_H
#define WW_SERVER_RULE_DRAFT_H

#include "ingest/world.h"
#include "server/change_body.h"

/* Texts live in the arena. `detector` is "limit" and `severity` 2 when left out. */
enum ww_status ww_rule_draft_read(struct ww_arena *arena, const struct ww_json_node *object,
                                  struct ww_rule_row *out, struct ww_error *err) WW_MUST_CHECK;
/* Whether what its config refers to is there (server/rule_facts.h). WW_NOT_FOUND: `err->field` is
 * "config.member". */
enum ww_status ww_rule_row_check(struct ww_pg_sync *sync, struct ww_arena *arena,
                                 const struct ww_rule_row *rule, struct ww_error *err) WW_MUST_CHECK;
/* A rule of the database, by its code; texts live in the arena. WW_NOT_FOUND. */
enum ww_status ww_rule_by_code(struct ww_pg_sync *sync, struct ww_arena *arena, struct ww_str code,
                               struct ww_rule_row *out, struct ww_error *err) WW_MUST_CHECK;

#endif
