/* Patterns of LIKE. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_LIKE_H
#define WW_SERVER_CQL2_LIKE_H

#include "server/cql2/tree.h"

/* Appends the pattern that a LIKE's second argument stands for: CASEI() and ACCENTI() around it fold its
 * letters, and leave wildcards and escapes what they are. */
void ww_cql2_pattern_write(const struct ww_cql2_node *pattern, struct ww_buf *out);
/* Does the whole text match? `%` any characters, `_` one, `\` takes the next as itself. */
bool ww_cql2_like(struct ww_str text, struct ww_str pattern);

#endif
