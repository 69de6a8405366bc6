/* Loads a world for one rule on a connection of its own. */
#include "ingest/load_internal.h"

enum ww_status ww_world_read(struct ww_pg_sync *sync, const struct ww_rule_row *rule, struct world **out,
                             struct ww_error *err) {
    *out = NULL;
    struct loader *l = loader_new(1, rule);
    enum ww_status st = WW_OK;
    while (st == WW_OK) {
        struct ww_pg_args args;
        const struct ww_pg_result *r;
        ww_pg_args_init(&args);
        const char *query = loader_ask(l, &args);
        if (query)
            st = ww_pg_sync_query(sync, ww_sql_find(query), &args, &r, err);
        ww_pg_args_clear(&args);
        if (!query)
            break;
        if (st == WW_OK)
            loader_take(l, r);
    }
    if (st == WW_OK && l->failed != WW_OK) {
        *err = l->err;
        st = l->failed;
    }
    if (st == WW_OK) {
        *out = l->world;
        l->world = NULL;
    }
    loader_free(l);
    return st;
}
