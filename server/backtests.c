/* Threads that run back-tests, and what is known of each. */
#include "server/backtests.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "server/backtest_job.h"

enum { SLOTS = WW_BACKTESTS_RUNNING + WW_BACKTESTS_KEPT, ARENA_CEILING = 16 << 20 };

enum state { RUNNING, DONE, FAILED, CANCELLED };
static const char *const state_names[] = {"running", "done", "failed", "cancelled"};

struct job {
    struct ww_backtests *shop;
    int64_t id; /* 0: the slot is free */
    char account[64];
    int64_t created_us;
    struct ww_arena *arena;
    struct ww_backtest_request request;
    pthread_t thread;
    bool is_joined;

    /* guarded by the shop's lock */
    enum state state;
    bool is_cancelled;
    struct ww_backtest_progress progress;
    struct ww_buf report;
    struct ww_error err;
};

struct ww_backtests {
    char *conninfo;
    pthread_mutex_t lock;
    struct job jobs[SLOTS];
    int64_t last_id;
};

struct ww_backtests *ww_backtests_new(const char *conninfo) {
    struct ww_backtests *shop = ww_must_calloc(1, sizeof *shop);
    shop->conninfo = ww_must_strdup(conninfo);
    pthread_mutex_init(&shop->lock, NULL);
    return shop;
}

static void join(struct job *job) {
    if (job->id == 0 || job->is_joined)
        return;
    pthread_join(job->thread, NULL);
    job->is_joined = true;
}

static void forget(struct job *job) {
    join(job);
    ww_buf_clear(&job->report);
    ww_arena_free(job->arena);
    memset(job, 0, sizeof *job);
}

void ww_backtests_free(struct ww_backtests *shop) {
    if (!shop)
        return;
    pthread_mutex_lock(&shop->lock);
    for (int i = 0; i < SLOTS; i++)
        shop->jobs[i].is_cancelled = true;
    pthread_mutex_unlock(&shop->lock);
    for (int i = 0; i < SLOTS; i++)
        if (shop->jobs[i].id != 0)
            forget(&shop->jobs[i]);
    pthread_mutex_destroy(&shop->lock);
    ww_free(shop->conninfo);
    ww_free(shop);
}

/* ---- On its thread ---- */

static bool note_progress(void *arg, const struct ww_backtest_progress *progress) {
    struct job *job = arg;
    pthread_mutex_lock(&job->shop->lock);
    job->progress = *progress;
    bool go_on = !job->is_cancelled;
    pthread_mutex_unlock(&job->shop->lock);
    return go_on;
}

static void *run(void *arg) {
    struct job *job = arg;
    struct ww_buf report;
    struct ww_error err = {.status = WW_OK};
    ww_buf_init(&report, WW_BACKTEST_REPORT_CEILING);
    enum ww_status st =
        ww_backtest_report(job->shop->conninfo, &job->request, note_progress, job, &report, &err);
    pthread_mutex_lock(&job->shop->lock);
    job->state = job->is_cancelled ? CANCELLED : st == WW_OK ? DONE : FAILED;
    job->err = err;
    if (job->state == DONE) {
        job->report = report;
        ww_buf_init(&report, 0);
    }
    ww_log(WW_LOG_INFO, "backtest=%lld account=%s state=%s readings=%llu", (long long)job->id, job->account,
           state_names[job->state], (unsigned long long)job->progress.readings);
    pthread_mutex_unlock(&job->shop->lock);
    ww_buf_clear(&report);
    return NULL;
}

/* ---- On the loop ---- */

static struct job *find(struct ww_backtests *shop, int64_t id) {
    for (int i = 0; i < SLOTS; i++)
        if (id > 0 && shop->jobs[i].id == id)
            return &shop->jobs[i];
    return NULL;
}

/* A free slot, else that of the oldest that has ended; NULL: as many as may are running. */
static struct job *find_slot(struct ww_backtests *shop) {
    struct job *slot = NULL;
    int running = 0;
    pthread_mutex_lock(&shop->lock);
    for (int i = 0; i < SLOTS; i++) {
        struct job *job = &shop->jobs[i];
        bool is_running = job->id != 0 && job->state == RUNNING;
        running += is_running;
        if (!is_running && (!slot || job->id < slot->id))
            slot = job;
    }
    pthread_mutex_unlock(&shop->lock);
    return running < WW_BACKTESTS_RUNNING ? slot : NULL;
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

/* Signals are the loop's. */
static int start_thread(struct job *job) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&job->thread, NULL, run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum ww_status ww_backtests_start(struct ww_backtests *shop, struct ww_str body, const char *account,
                                  int64_t *id, struct ww_error *err) {
    struct job *job = find_slot(shop);
    if (!job)
        return ww_error_set(err, WW_BUSY, "%d back-tests are running already", WW_BACKTESTS_RUNNING);
    if (job->id != 0)
        forget(job);
    struct ww_arena *arena = ww_arena_new(ARENA_CEILING);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory");
    struct ww_str copy = ww_arena_copy(arena, body);
    enum ww_status st = copy.ptr ? ww_backtest_request_read(arena, copy, &job->request, err)
                                 : ww_error_set(err, WW_NO_MEMORY, "no memory");
    if (st != WW_OK) {
        ww_arena_free(arena);
        return st;
    }
    job->shop = shop;
    job->arena = arena;
    job->id = *id = ++shop->last_id;
    job->created_us = now_us();
    snprintf(job->account, sizeof job->account, "%s", account);
    ww_buf_init(&job->report, WW_BACKTEST_REPORT_CEILING);
    job->progress.clock_us = WW_INSTANT_NONE;
    if (start_thread(job) != 0) {
        job->is_joined = true; /* there is none */
        forget(job);
        return ww_error_set(err, WW_BUSY, "no thread for a back-test");
    }
    return WW_OK;
}

/* ---- Showing; with the lock held ---- */

static void write_instant(struct ww_json *w, const char *key, int64_t at_us) {
    char text[40];
    ww_instant_text(at_us, text);
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void write_progress(const struct ww_backtest_progress *p, struct ww_json *w) {
    ww_json_key(w, "progress");
    ww_json_object(w);
    ww_json_key(w, "readings");
    ww_json_int(w, (int64_t)p->readings);
    ww_json_key(w, "datastreams_done");
    ww_json_int(w, p->done);
    ww_json_key(w, "datastreams");
    ww_json_int(w, p->watched);
    ww_json_key(w, "looks");
    ww_json_int(w, (int64_t)p->looks);
    if (p->clock_us == WW_INSTANT_NONE) {
        ww_json_key(w, "clock");
        ww_json_null(w);
    } else {
        write_instant(w, "clock", p->clock_us);
    }
    ww_json_end_object(w);
}

static void write_error(const struct job *job, struct ww_json *w) {
    ww_json_key(w, "error");
    if (job->state != FAILED) {
        ww_json_null(w);
        return;
    }
    ww_json_object(w);
    ww_json_key(w, "code");
    ww_json_text(w, ww_status_name(job->err.status));
    ww_json_key(w, "message");
    ww_json_text(w, job->err.message);
    ww_json_key(w, "field");
    ww_json_text(w, job->err.field);
    ww_json_end_object(w);
}

static void write_job(const struct job *job, bool with_report, struct ww_json *w) {
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)job->id);
    ww_json_object(w);
    ww_json_key(w, "id");
    ww_json_text(w, id);
    ww_json_key(w, "state");
    ww_json_text(w, state_names[job->state]);
    ww_json_key(w, "requested_by");
    ww_json_text(w, job->account);
    write_instant(w, "created_at", job->created_us);
    ww_json_key(w, "rule");
    if (job->request.code.len > 0)
        ww_json_str(w, job->request.code);
    else
        ww_json_null(w);
    write_instant(w, "from", job->request.time.from_us);
    write_instant(w, "to", job->request.time.to_us);
    write_progress(&job->progress, w);
    write_error(job, w);
    if (with_report) {
        ww_json_key(w, "result");
        if (job->state == DONE)
            ww_json_raw(w, ww_buf_str(&job->report));
        else
            ww_json_null(w);
    }
    ww_json_end_object(w);
}

bool ww_backtests_show(struct ww_backtests *shop, int64_t id, bool with_report, struct ww_buf *out) {
    const struct job *job = find(shop, id);
    if (!job)
        return false;
    struct ww_json w;
    ww_json_init(&w, out);
    pthread_mutex_lock(&shop->lock);
    write_job(job, with_report, &w);
    pthread_mutex_unlock(&shop->lock);
    return true;
}

void ww_backtests_list(struct ww_backtests *shop, struct ww_buf *out) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    ww_json_key(&w, "items");
    ww_json_array(&w);
    pthread_mutex_lock(&shop->lock);
    for (int64_t id = shop->last_id; id > 0 && id > shop->last_id - 4 * SLOTS; id--) {
        const struct job *job = find(shop, id);
        if (job)
            write_job(job, false, &w);
    }
    pthread_mutex_unlock(&shop->lock);
    ww_json_end_array(&w);
    ww_json_key(&w, "next");
    ww_json_null(&w);
    ww_json_end_object(&w);
}

bool ww_backtests_cancel(struct ww_backtests *shop, int64_t id) {
    struct job *job = find(shop, id);
    if (!job)
        return false;
    pthread_mutex_lock(&shop->lock);
    bool is_running = job->state == RUNNING;
    job->is_cancelled = job->is_cancelled || is_running;
    pthread_mutex_unlock(&shop->lock);
    if (!is_running)
        forget(job);
    return true;
}
