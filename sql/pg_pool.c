/* A few connections that share one-statement requests: each goes to the shortest queue. */
#include <assert.h>

#include "geo/base/alloc.h"
#include "sql/pg.h"

struct ww_pg_pool {
    int size;
    struct ww_pg *connections[];
};

struct ww_pg_pool *ww_pg_pool_new(struct event_base *base, const struct ww_pg_options *options, int size) {
    assert(size > 0);
    struct ww_pg_pool *pool = ww_must_calloc(1, sizeof *pool + (size_t)size * sizeof(struct ww_pg *));
    pool->size = size;
    for (int i = 0; i < size; i++)
        pool->connections[i] = ww_pg_new(base, options, NULL, NULL);
    return pool;
}

/* The queues' callbacks may ask the pool for more: it says WW_UNAVAILABLE, and must still be there. */
void ww_pg_pool_free(struct ww_pg_pool *pool) {
    if (!pool)
        return;
    while (pool->size > 0)
        ww_pg_free(pool->connections[--pool->size]);
    ww_free(pool);
}

/* NULL when all are down. */
static struct ww_pg *choose(const struct ww_pg_pool *pool) {
    struct ww_pg *best = NULL;
    for (int i = 0; i < pool->size; i++) {
        struct ww_pg *pg = pool->connections[i];
        if (ww_pg_is_up(pg) && (!best || ww_pg_queued(pg) < ww_pg_queued(best)))
            best = pg;
    }
    return best;
}

bool ww_pg_pool_is_up(const struct ww_pg_pool *pool) {
    return choose(pool) != NULL;
}

enum ww_status ww_pg_pool_query(struct ww_pg_pool *pool, const struct ww_sql *sql,
                                const struct ww_pg_args *args, ww_pg_cb cb, void *arg) {
    struct ww_pg *pg = choose(pool);
    return pg ? ww_pg_query(pg, sql, args, cb, arg) : WW_UNAVAILABLE;
}

enum ww_status ww_pg_pool_query_as(struct ww_pg_pool *pool, const struct ww_pg_reader *reader,
                                   const struct ww_sql *sql, const struct ww_pg_args *args, ww_pg_cb cb,
                                   void *arg) {
    struct ww_pg *pg = choose(pool);
    return pg ? ww_pg_query_as(pg, reader, sql, args, cb, arg) : WW_UNAVAILABLE;
}
