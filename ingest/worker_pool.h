/* A few threads for pure work that takes longer than a turn of the loop may.
 *
 * `work` runs on a thread and touches only what `job` owns; `done` runs on the loop
 * afterwards, in the order of completion. The queue is as long as the caller lets it grow:
 * bound what you submit.
 */
#ifndef WW_INGEST_WORKER_POOL_H
#define WW_INGEST_WORKER_POOL_H

#include <event2/event.h>

struct ww_worker_pool;

struct ww_job {
    void (*work)(struct ww_job *job);
    void (*done)(struct ww_job *job);
    struct ww_job *next; /* the pool's */
};

struct ww_worker_pool *ww_worker_pool_new(struct event_base *base, int threads);
/* Waits for running work; jobs that have not begun are dropped without `done`. */
void ww_worker_pool_free(struct ww_worker_pool *pool);
/* The job must stay until `done`. */
void ww_worker_pool_submit(struct ww_worker_pool *pool, struct ww_job *job);

#endif
