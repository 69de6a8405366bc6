/* What the files to_sql*.c share. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_SQL_WRITER_H
#define WW_SERVER_CQL2_SQL_WRITER_H

#include "server/cql2/tree.h"

struct ww_cql2_sql {
    const struct ww_cql2_expr *expr;
    const struct ww_cql2_schema *schema;
    struct ww_buf *out;
    struct ww_pg_args *args;
    struct ww_error *err;
    enum ww_status status;
};

/* Any node's SQL, which holds together by itself. */
void ww_cql2_sql_node(struct ww_cql2_sql *w, const struct ww_cql2_node *node);
void ww_cql2_sql_spatial(struct ww_cql2_sql *w, const struct ww_cql2_node *node);
void ww_cql2_sql_geometry(struct ww_cql2_sql *w, const struct ww_cql2_node *node);
void ww_cql2_sql_temporal(struct ww_cql2_sql *w, const struct ww_cql2_node *node);
/* A date or an instant, as an instant if so asked (a date as its first moment in UTC). */
void ww_cql2_sql_time(struct ww_cql2_sql *w, const struct ww_cql2_node *node, bool as_instant);

static inline void ww_cql2_sql_text(struct ww_cql2_sql *w, const char *text) {
    ww_buf_text(w->out, text);
}
void ww_cql2_sql_property(struct ww_cql2_sql *w, const struct ww_cql2_node *node);
/* Room for one more argument? Then the caller adds it, and ww_cql2_sql_last writes "$n". */
bool ww_cql2_sql_can_add(struct ww_cql2_sql *w);
void ww_cql2_sql_last(struct ww_cql2_sql *w, const char *cast);

#endif
