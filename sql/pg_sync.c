/* The client for the command line: runs one thing to its end on a loop of its own. */
#include "geo/base/alloc.h"
#include "sql/pg_internal.h"

enum { ASK_MS = 100 };

struct ww_pg_sync {
    struct event_base *base;
    struct ww_pg *pg;
    struct ww_pg_result result; /* of the last call; `pg` may be NULL */
    bool answered;
    enum ww_status status;
    struct ww_error *err;
    bool (*go_on)(void *arg); /* NULL: nobody is asked */
    void *go_on_arg;
    struct event *asking;
    bool is_stopped;
};

static void on_late(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

static void wait_until_up(struct ww_pg_sync *sync, int wait_ms) {
    bool late = false;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    struct event *timer = evtimer_new(sync->base, on_late, &late);
    if (!timer)
        return;
    evtimer_add(timer, &wait);
    while (!late && !ww_pg_is_up(sync->pg))
        event_base_loop(sync->base, EVLOOP_ONCE);
    event_free(timer);
}

enum ww_status ww_pg_sync_open(const char *conninfo, int wait_ms, struct ww_pg_sync **out,
                               struct ww_error *err) {
    *out = NULL;
    char *why = NULL;
    PQconninfoOption *given = PQconninfoParse(conninfo, &why);
    if (!given) {
        char flat[200];
        pg_flatten(flat, sizeof flat, why ? why : "no memory");
        PQfreemem(why);
        return ww_error_set(err, WW_BAD_INPUT, "the connection string is wrong: %s", flat);
    }
    PQconninfoFree(given);
    struct ww_pg_sync *sync = ww_must_calloc(1, sizeof *sync);
    struct ww_pg_options options = {.conninfo = conninfo, .statement_timeout_ms = -1};
    sync->base = event_base_new();
    if (!sync->base) {
        ww_free(sync);
        return ww_error_set(err, WW_NO_MEMORY, "no event loop");
    }
    sync->pg = ww_pg_new(sync->base, &options, NULL, NULL);
    wait_until_up(sync, wait_ms);
    if (!ww_pg_is_up(sync->pg)) {
        ww_error_set(err, WW_UNAVAILABLE, "%s", ww_pg_last_error(sync->pg));
        ww_pg_sync_close(sync);
        return WW_UNAVAILABLE;
    }
    *out = sync;
    return WW_OK;
}

void ww_pg_sync_close(struct ww_pg_sync *sync) {
    if (!sync)
        return;
    ww_pg_free(sync->pg);
    if (sync->asking)
        event_free(sync->asking);
    PQclear(sync->result.pg);
    event_base_free(sync->base);
    ww_free(sync);
}

/* Keeps the result beyond the callback. */
static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    struct ww_pg_sync *sync = arg;
    sync->answered = true;
    sync->status = status;
    if (status != WW_OK && sync->err)
        *sync->err = *err;
    if (result) {
        sync->result = *result;
        *result->kept = true;
    }
}

static void on_ask(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg_sync *sync = arg;
    (void)fd;
    (void)what;
    if (!sync->answered && !sync->is_stopped && !sync->go_on(sync->go_on_arg)) {
        sync->is_stopped = true;
        ww_pg_drop(sync->pg); /* which answers */
    }
}

void ww_pg_sync_wait_while(struct ww_pg_sync *sync, bool (*go_on)(void *arg), void *arg) {
    sync->go_on = go_on;
    sync->go_on_arg = arg;
    if (!sync->asking)
        sync->asking = event_new(sync->base, -1, EV_PERSIST, on_ask, sync);
    const struct timeval every = {0, ASK_MS * 1000};
    if (go_on && sync->asking)
        event_add(sync->asking, &every);
    else if (sync->asking)
        event_del(sync->asking);
}

static void begin(struct ww_pg_sync *sync, struct ww_error *err) {
    PQclear(sync->result.pg);
    sync->result.pg = NULL;
    sync->answered = false;
    sync->err = err;
}

static enum ww_status finish(struct ww_pg_sync *sync, enum ww_status queued,
                             const struct ww_pg_result **result) {
    if (result)
        *result = NULL;
    if (sync->is_stopped)
        return sync->err ? ww_error_set(sync->err, WW_BUSY, "cancelled") : WW_BUSY;
    if (queued != WW_OK)
        return ww_error_set(sync->err, queued, "%s",
                            queued == WW_UNAVAILABLE ? ww_pg_last_error(sync->pg) : ww_status_name(queued));
    while (!sync->answered)
        event_base_loop(sync->base, EVLOOP_ONCE);
    if (sync->is_stopped)
        sync->status = sync->err ? ww_error_set(sync->err, WW_BUSY, "cancelled") : WW_BUSY;
    sync->err = NULL;
    if (result && sync->status == WW_OK)
        *result = &sync->result;
    return sync->status;
}

enum ww_status ww_pg_sync_exec(struct ww_pg_sync *sync, const char *sql, const struct ww_pg_args *args,
                               const struct ww_pg_result **result, struct ww_error *err) {
    begin(sync, err);
    return finish(sync, ww_pg_exec(sync->pg, sql, args, on_answer, sync), result);
}

enum ww_status ww_pg_sync_query(struct ww_pg_sync *sync, const struct ww_sql *sql,
                                const struct ww_pg_args *args, const struct ww_pg_result **result,
                                struct ww_error *err) {
    begin(sync, err);
    return finish(sync, ww_pg_query(sync->pg, sql, args, on_answer, sync), result);
}

enum ww_status ww_pg_sync_copy_in(struct ww_pg_sync *sync, const char *copy_sql, const struct ww_str *parts,
                                  size_t n_parts, struct ww_error *err) {
    begin(sync, err);
    return finish(sync, ww_pg_copy_in(sync->pg, copy_sql, parts, n_parts, on_answer, sync), NULL);
}
