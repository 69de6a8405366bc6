/* Loads a world of the past, or for one rule, on a connection of its own. */
#include "ingest/load_internal.h"

static enum ww_status read_world(struct ww_pg_sync *sync, struct loader *l, struct world **out,
                                 struct ww_error *err) {
    *out = NULL;
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

enum ww_status ww_world_read(struct ww_pg_sync *sync, const struct ww_rule_row *rule, struct world **out,
                             struct ww_error *err) {
    return read_world(sync, loader_new(1, rule, NULL), out, err);
}

enum ww_status ww_world_read_past(struct ww_pg_sync *sync, const struct ww_world_past *past,
                                  struct world **out, struct ww_error *err) {
    return read_world(sync, loader_new(1, NULL, past), out, err);
}

uint32_t ww_world_datastream(const struct world *world, int64_t id) {
    const struct ww_catalog *c = world->catalog;
    uint32_t low = 0, high = c->n_datastreams;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (c->datastreams[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n_datastreams && c->datastreams[low].id == id ? low : WW_CATALOG_NONE;
}
