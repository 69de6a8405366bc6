/* Says in words why an alert was raised: which rule, what was seen and what was allowed, from which readings.
 *
 * Reads the alert as `GET /api/v1/alerts/{id}` shows it, of whichever detector. What every explanation has
 * (rule, expected or limit, observed, window, reasons) has sentences of its own; every other member is told
 * by its name from one table, or, unknown, by the name that it has. So another detector needs no code here,
 * at most rows of the table.
 */
#ifndef WW_SERVER_EXPLAIN_WORDS_H
#define WW_SERVER_EXPLAIN_WORDS_H

#include <stdbool.h>

#include "geo/base/buf.h"
#include "geo/base/json_reader.h"
#include "geo/instant.h"

/* Lines of text, each ended by a line feed. Times are told in `zone` (NULL = UTC). */
void ww_explain_words(const struct ww_json_node *alert, const struct ww_zone *zone, bool is_zh,
                      struct ww_buf *out);

#endif
