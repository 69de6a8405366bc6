/* Sends cancel requests from a thread, one after another: libpq 15's PQcancel connects and waits.
 *
 * PQcancel returns when the postmaster has closed the request's connection, that is, when the signal has been
 * sent. Only then is the job done: whoever sent something new on the connection before would see that
 * cancelled instead. A thread that hangs in a dead network holds up later requests, nothing else; each is
 * also bounded by statement_timeout.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "sql/pg_internal.h"

/* What the thread needs; outlives the canceller when the thread hangs. */
struct shared {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work_there;
    struct pg_cancel_job *waiting, *finished;
    bool stopping;
    bool working; /* in PQcancel, without the lock */
    int wake_fd;
};

struct pg_canceller {
    struct shared *shared;
    struct event *wake;
    pthread_t thread;
};

static void append(struct pg_cancel_job **list, struct pg_cancel_job *job) {
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

static void free_shared(struct shared *s) {
    close(s->wake_fd);
    pthread_cond_destroy(&s->work_there);
    pthread_mutex_destroy(&s->lock);
    ww_free(s);
}

static void request(PGcancel *cancel) {
    char why[256] = "";
    if (cancel && !PQcancel(cancel, why, sizeof why)) {
        char flat[256];
        pg_flatten(flat, sizeof flat, why);
        ww_log(WW_LOG_WARN, "db=cancel_not_sent reason=\"%s\"", flat);
    }
    PQfreeCancel(cancel);
}

static void *run_thread(void *arg) {
    struct shared *s = arg;
    pthread_mutex_lock(&s->lock);
    while (true) {
        while (!s->waiting && !s->stopping)
            pthread_cond_wait(&s->work_there, &s->lock);
        if (s->stopping)
            break;
        struct pg_cancel_job *job = s->waiting;
        PGcancel *cancel = job->cancel;
        s->waiting = job->next;
        s->working = true;
        pthread_mutex_unlock(&s->lock);
        request(cancel);
        pthread_mutex_lock(&s->lock);
        s->working = false;
        if (s->stopping) { /* nobody waits for us any more, and the job may be gone */
            pthread_mutex_unlock(&s->lock);
            free_shared(s);
            return NULL;
        }
        append(&s->finished, job);
        uint64_t one = 1;
        if (write(s->wake_fd, &one, sizeof one) < 0)
            assert(errno == EAGAIN);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    struct pg_canceller *canceller = arg;
    (void)what;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    pthread_mutex_lock(&canceller->shared->lock);
    struct pg_cancel_job *job = canceller->shared->finished;
    canceller->shared->finished = NULL;
    pthread_mutex_unlock(&canceller->shared->lock);
    while (job) {
        struct pg_cancel_job *next = job->next;
        job->done(job);
        job = next;
    }
}

struct pg_canceller *pg_canceller_new(struct event_base *base) {
    struct pg_canceller *canceller = ww_must_calloc(1, sizeof *canceller);
    struct shared *s = canceller->shared = ww_must_calloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work_there, NULL);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(s->wake_fd >= 0);
    canceller->wake = event_new(base, s->wake_fd, EV_READ | EV_PERSIST, on_wake, canceller);
    assert(canceller->wake);
    event_add(canceller->wake, NULL);
    sigset_t all, old; /* signals belong to the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = pthread_create(&canceller->thread, NULL, run_thread, s);
    assert(!failed);
    (void)failed;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return canceller;
}

void pg_canceller_free(struct pg_canceller *canceller) {
    struct shared *s = canceller->shared;
    event_free(canceller->wake);
    pthread_mutex_lock(&s->lock);
    for (struct pg_cancel_job *job = s->waiting; job; job = job->next)
        PQfreeCancel(job->cancel);
    s->waiting = NULL;
    s->stopping = true;
    bool working = s->working;
    pthread_cond_signal(&s->work_there);
    pthread_mutex_unlock(&s->lock);
    if (working) {
        pthread_detach(canceller->thread); /* it frees what it shares when PQcancel lets it go */
    } else {
        pthread_join(canceller->thread, NULL);
        free_shared(s);
    }
    ww_free(canceller);
}

void pg_canceller_submit(struct pg_canceller *canceller, struct pg_cancel_job *job) {
    struct shared *s = canceller->shared;
    pthread_mutex_lock(&s->lock);
    append(&s->waiting, job);
    pthread_cond_signal(&s->work_there);
    pthread_mutex_unlock(&s->lock);
}
