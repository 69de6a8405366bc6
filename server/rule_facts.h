/* Asks the database whether what a rule's config refers to is there (sql/queries/api_rule_facts.sql): a rule
 * about an unknown property, or about limits that nobody entered, would be silent for ever.
 */
#ifndef WW_SERVER_RULE_FACTS_H
#define WW_SERVER_RULE_FACTS_H

#include "ingest/rule_kind.h"
#include "sql/pg.h"

void ww_rule_facts_ask(const struct ww_rule_facts *facts, struct ww_pg_args *args);
/* WW_NOT_FOUND when something is missing; the error's field is "config.member". */
enum ww_status ww_rule_facts_check(const struct ww_rule_facts *facts, const struct ww_pg_result *result,
                                   struct ww_error *err) WW_MUST_CHECK;

#endif
