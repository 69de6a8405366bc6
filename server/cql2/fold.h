/* CASEI and ACCENTI of texts in memory: the same as wardwatch.cql2_casefold and cql2_unaccent. Private to
 * server/cql2. */
#ifndef WW_SERVER_CQL2_FOLD_H
#define WW_SERVER_CQL2_FOLD_H

#include "server/cql2/tree.h"

/* Appends; `op` is CQL2_CASEI or CQL2_ACCENTI; text is UTF-8. */
void ww_cql2_fold(enum ww_cql2_op op, struct ww_str text, struct ww_buf *out);

#endif
