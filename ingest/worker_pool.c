/* Threads that take jobs from one list and hand them back to the loop through an eventfd. */
#include "ingest/worker_pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "geo/base/alloc.h"

struct list {
    struct ww_job *head;
    struct ww_job **tail;
};

struct ww_worker_pool {
    pthread_mutex_t lock; /* guards waiting, finished, stopping */
    pthread_cond_t work_there;
    struct list waiting, finished;
    bool stopping;
    int n_threads;
    pthread_t *threads;
    int wake_fd;
    struct event *wake;
};

static void list_init(struct list *l) {
    l->head = NULL;
    l->tail = &l->head;
}

static void list_add(struct list *l, struct ww_job *job) {
    job->next = NULL;
    *l->tail = job;
    l->tail = &job->next;
}

static struct ww_job *list_take_all(struct list *l) {
    struct ww_job *head = l->head;
    list_init(l);
    return head;
}

static void *run_thread(void *arg) {
    struct ww_worker_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    while (true) {
        while (!pool->waiting.head && !pool->stopping)
            pthread_cond_wait(&pool->work_there, &pool->lock);
        if (pool->stopping)
            break;
        struct ww_job *job = pool->waiting.head;
        pool->waiting.head = job->next;
        if (!pool->waiting.head)
            pool->waiting.tail = &pool->waiting.head;
        pthread_mutex_unlock(&pool->lock);
        job->work(job);
        pthread_mutex_lock(&pool->lock);
        bool is_first = !pool->finished.head; /* else the loop has been told and has not come yet */
        list_add(&pool->finished, job);
        uint64_t one = 1;
        if (is_first && write(pool->wake_fd, &one, sizeof one) < 0)
            assert(errno == EAGAIN); /* it is awake already */
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct ww_worker_pool *pool = arg;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    pthread_mutex_lock(&pool->lock);
    struct ww_job *job = list_take_all(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
    while (job) {
        struct ww_job *next = job->next;
        job->done(job);
        job = next;
    }
}

struct ww_worker_pool *ww_worker_pool_new(struct event_base *base, int threads) {
    struct ww_worker_pool *pool = ww_must_calloc(1, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_there, NULL);
    list_init(&pool->waiting);
    list_init(&pool->finished);
    pool->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(pool->wake_fd >= 0);
    pool->wake = event_new(base, pool->wake_fd, EV_READ | EV_PERSIST, on_wake, pool);
    assert(pool->wake);
    event_add(pool->wake, NULL);
    pool->threads = ww_must_calloc((size_t)threads, sizeof *pool->threads);
    sigset_t all, old; /* signals belong to the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    for (; pool->n_threads < threads; pool->n_threads++) {
        int failed = pthread_create(&pool->threads[pool->n_threads], NULL, run_thread, pool);
        assert(!failed);
        (void)failed;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pool;
}

void ww_worker_pool_free(struct ww_worker_pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work_there);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    event_free(pool->wake);
    close(pool->wake_fd);
    pthread_cond_destroy(&pool->work_there);
    pthread_mutex_destroy(&pool->lock);
    ww_free(pool->threads);
    ww_free(pool);
}

void ww_worker_pool_submit(struct ww_worker_pool *pool, struct ww_job *job) {
    pthread_mutex_lock(&pool->lock);
    list_add(&pool->waiting, job);
    pthread_cond_signal(&pool->work_there);
    pthread_mutex_unlock(&pool->lock);
}
