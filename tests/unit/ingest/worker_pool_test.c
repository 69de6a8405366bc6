/* The worker pool: every job is worked on once and comes back on the loop; freeing drops what has not begun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <pthread.h>

#include "ingest/worker_pool.h"

enum { JOBS = 2000 };

static struct {
    struct event_base *base;
    pthread_t loop;
    int done;
} run;

struct job {
    struct ww_job job;
    int worked, done;
};

static void work(struct ww_job *job) {
    struct job *j = (struct job *)job;
    assert(!pthread_equal(pthread_self(), run.loop));
    j->worked++;
}

static void done(struct ww_job *job) {
    struct job *j = (struct job *)job;
    assert_true(pthread_equal(pthread_self(), run.loop));
    assert_int_equal(j->worked, 1);
    j->done++;
    if (++run.done == JOBS)
        event_base_loopbreak(run.base);
}

static void every_job_is_done_once_on_the_loop(void **state) {
    (void)state;
    static struct job jobs[JOBS];
    run.base = event_base_new();
    run.loop = pthread_self();
    struct ww_worker_pool *pool = ww_worker_pool_new(run.base, 3);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].job.work = work;
        jobs[i].job.done = done;
        ww_worker_pool_submit(pool, &jobs[i].job);
    }
    const struct timeval deadline = {60, 0};
    event_base_loopexit(run.base, &deadline);
    event_base_dispatch(run.base);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(jobs[i].done, 1);
    ww_worker_pool_free(pool);
    event_base_free(run.base);
}

static void freeing_waits_for_running_work_and_drops_the_rest(void **state) {
    (void)state;
    static struct job jobs[JOBS];
    run.base = event_base_new();
    run.loop = pthread_self();
    struct ww_worker_pool *pool = ww_worker_pool_new(run.base, 1);
    for (int i = 0; i < JOBS; i++) {
        jobs[i].job.work = work;
        jobs[i].job.done = done;
        ww_worker_pool_submit(pool, &jobs[i].job);
    }
    ww_worker_pool_free(pool);
    for (int i = 0; i < JOBS; i++) {
        assert_true(jobs[i].worked <= 1);
        assert_int_equal(jobs[i].done, 0);
    }
    event_base_free(run.base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_once_on_the_loop),
        cmocka_unit_test(freeing_waits_for_running_work_and_drops_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
