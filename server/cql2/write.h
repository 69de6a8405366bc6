/* What the writers share. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_WRITE_H
#define WW_SERVER_CQL2_WRITE_H

#include "server/cql2/tree.h"

/* A date, an instant or ".." as filters write it; returns the length. */
int ww_cql2_time_text(const struct ww_cql2_node *node, char out[40]);

#endif
