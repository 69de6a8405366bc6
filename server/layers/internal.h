/* What the files of server/layers share: a snapshot as it is built. Nobody else includes it. */
#ifndef WW_SERVER_LAYERS_INTERNAL_H
#define WW_SERVER_LAYERS_INTERNAL_H

#include "server/layers/layers.h"
#include "sql/pg.h"

struct ww_layer_set {
    struct ww_arena *arena; /* owns all of it, this struct too */
    int holders;
    char version[48];
    struct ww_layer *layers;
    size_t n;
};

/* catalogue.c: the answer to sql/queries/layers_columns.sql becomes a snapshot with one holder; NULL without
 * memory. Pure but for its log lines about relations that can't be layers. */
struct ww_layer_set *ww_layer_set_build(const struct ww_pg_result *columns, const char *version);
/* The query that counts a layer; "" when there is nothing to count. Lives in the set's arena. */
const char *ww_layer_extent_sql(struct ww_layer_set *set, const struct ww_layer *layer);
void ww_layer_extent_take(struct ww_layer *layer, const struct ww_pg_result *r, int64_t now_us);

#endif
