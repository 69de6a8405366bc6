/* Finds gaps in what stations sent, batch after batch, and queues requests for them. */
#include "ingest/gateway/hj212_gaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"

enum { ROUND_S = 600, POLL_S = 5, BATCH = 50, MAX_MN = 32, MNS_CEILING = 1 << 20 };
/* A round that takes longer goes on where it stopped with the next one: other queries come first. */
enum { MAX_ROUND_S = 120 };

enum step { STEP_IDLE, STEP_DUE, STEP_FIND, STEP_SETTLE, STEP_ASK };

struct ww_hj212_gaps {
    struct event *timer;
    struct ww_pg_pool *pool;
    enum step step;
    bool freed;             /* while a query is under way; its answer frees */
    bool round_wanted;      /* over all stations */
    bool is_round;          /* what is under way */
    double round_at;        /* when the last one began */
    bool knows_events;      /* last_event is set */
    int64_t last_event;     /* of station_event */
    char after[MAX_MN + 1]; /* last MN looked at */
    char go_on[MAX_MN + 1]; /* where a round that took too long stopped */
    struct ww_buf mns;      /* "{…}": the stations of this look, when it is no round */
    struct ww_hj212_gaps_counters counters;
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void free_gaps(struct ww_hj212_gaps *g) {
    event_free(g->timer);
    ww_buf_clear(&g->mns);
    ww_free(g);
}

static void arg_mns(struct ww_pg_args *args, const struct ww_hj212_gaps *g) {
    if (g->is_round)
        ww_pg_arg_null(args);
    else
        ww_pg_arg_str(args, ww_buf_str(&g->mns));
}

static void end_look(struct ww_hj212_gaps *g) {
    if (g->is_round && g->step != STEP_DUE)
        g->counters.last_round_s = seconds() - g->round_at;
    g->step = STEP_IDLE;
    g->is_round = false;
}

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err);

static void run(struct ww_hj212_gaps *g, enum step step, const char *query, struct ww_pg_args *args) {
    g->step = step;
    enum ww_status st = ww_pg_pool_query(g->pool, ww_sql_find(query), args, on_answer, g);
    ww_pg_args_clear(args);
    if (st != WW_OK)
        end_look(g); /* the database is away: the timer comes again */
}

static void find(struct ww_hj212_gaps *g) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(g->after));
    ww_pg_arg_i64(&args, BATCH);
    arg_mns(&args, g);
    run(g, STEP_FIND, "station_gaps_find", &args);
}

static void settle_or_ask(struct ww_hj212_gaps *g, enum step step, const char *query) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    arg_mns(&args, g);
    run(g, step, query, &args);
}

static void ask_what_is_due(struct ww_hj212_gaps *g) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    if (g->knows_events)
        ww_pg_arg_i64(&args, g->last_event);
    else
        ww_pg_arg_null(&args);
    run(g, STEP_DUE, "station_gaps_due", &args);
}

static void begin_round(struct ww_hj212_gaps *g) {
    g->round_wanted = false;
    g->is_round = true;
    g->round_at = seconds();
    g->counters.rounds++;
    memcpy(g->after, g->go_on, sizeof g->after);
    find(g);
}

static void on_due(struct ww_hj212_gaps *g, const struct ww_pg_result *r) {
    g->last_event = ww_pg_i64(r, 0, 0);
    g->knows_events = true;
    ww_buf_reset(&g->mns);
    ww_buf_str_add(&g->mns, ww_pg_str(r, 0, 1));
    if (ww_buf_status(&g->mns) != WW_OK || g->mns.len == 0) {
        end_look(g);
        return;
    }
    g->after[0] = '\0';
    find(g);
}

static void on_found(struct ww_hj212_gaps *g, const struct ww_pg_result *r) {
    struct ww_str last = ww_pg_str(r, 0, 0);
    g->counters.found += (uint64_t)ww_pg_i64(r, 0, 2);
    g->counters.filled += (uint64_t)ww_pg_i64(r, 0, 3);
    snprintf(g->after, sizeof g->after, "%.*s", WW_STR_ARG(last));
    bool more = ww_pg_i64(r, 0, 1) == BATCH;
    bool late = g->is_round && seconds() - g->round_at > MAX_ROUND_S;
    if (more && !late) {
        find(g);
        return;
    }
    if (g->is_round)
        snprintf(g->go_on, sizeof g->go_on, "%s", more ? g->after : "");
    settle_or_ask(g, STEP_SETTLE, "station_gaps_settle");
}

static void on_asked(struct ww_hj212_gaps *g, const struct ww_pg_result *r) {
    uint64_t asked = (uint64_t)ww_pg_i64(r, 0, 0);
    g->counters.asked += asked;
    bool is_round = g->is_round;
    end_look(g);
    if (is_round)
        ww_log(WW_LOG_DEBUG, "hj212_gaps=round asked=%" PRIu64 " seconds=%.2f", asked,
               g->counters.last_round_s);
}

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct ww_hj212_gaps *g = arg;
    if (g->freed) {
        free_gaps(g);
        return;
    }
    if (status != WW_OK) {
        if (status != WW_UNAVAILABLE)
            ww_log(WW_LOG_ERROR, "hj212_gaps=failed step=%d reason=\"%s\"", (int)g->step, err->message);
        end_look(g);
        return;
    }
    switch (g->step) {
    case STEP_DUE:
        on_due(g, r);
        break;
    case STEP_FIND:
        on_found(g, r);
        break;
    case STEP_SETTLE:
        settle_or_ask(g, STEP_ASK, "station_gaps_ask");
        break;
    case STEP_ASK:
        on_asked(g, r);
        break;
    case STEP_IDLE:
        break;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_hj212_gaps *g = arg;
    if (g->step != STEP_IDLE || !ww_pg_pool_is_up(g->pool))
        return;
    if (g->round_wanted || seconds() - g->round_at >= ROUND_S)
        begin_round(g);
    else
        ask_what_is_due(g);
}

struct ww_hj212_gaps *ww_hj212_gaps_new(struct event_base *base, struct ww_pg_pool *pool) {
    struct ww_hj212_gaps *g = ww_must_calloc(1, sizeof *g);
    g->pool = pool;
    ww_buf_init(&g->mns, MNS_CEILING);
    g->round_wanted = true;
    g->timer = event_new(base, -1, EV_PERSIST, on_timer, g);
    const struct timeval every = {POLL_S, 0};
    event_add(g->timer, &every);
    return g;
}

void ww_hj212_gaps_free(struct ww_hj212_gaps *g) {
    if (!g)
        return;
    event_del(g->timer);
    g->freed = true;
    if (g->step == STEP_IDLE)
        free_gaps(g);
}

void ww_hj212_gaps_look(struct ww_hj212_gaps *g) {
    g->round_wanted = true;
    event_active(g->timer, EV_TIMEOUT, 0);
}

void ww_hj212_gaps_get_counters(const struct ww_hj212_gaps *g, struct ww_hj212_gaps_counters *out) {
    *out = g->counters;
}
