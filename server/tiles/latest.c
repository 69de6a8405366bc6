/* Requests for the newest values, and how their answers share the loop: latest.h. */
#include "server/tiles/latest.h"

#include <stdio.h>
#include <sys/queue.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/instant.h"
#include "server/ogc/ogc.h"
#include "server/route_table.h"
#include "server/tiles/latest_rows.h"
#include "server/tiles/tiles.h"
#include "server/tiles/views.h"

#define PIECE_BYTES  ((size_t)512 << 10)
#define WHOLE_BYTES  ((size_t)64 << 10) /* a shorter answer is sent as one */
#define FILTER_BYTES ((size_t)4 << 20)
enum { TURN_US = 4000, STEP_SERIES = 128 };

enum run_state { RUN_WORKS, RUN_WAITS };

struct latest_run {
    TAILQ_ENTRY(latest_run) link; /* of the list that the state names */
    enum run_state state;
    struct ww_latest *latest;
    struct ww_route_call *call;
    struct ww_arena *arena; /* the filter */
    struct latest_query query;
    uint64_t left; /* rows that may still be sent */
    int64_t last;  /* datastream of the last row */
    bool csv, streaming, is_complete, more;
    bool is_writing; /* inside the HTTP layer, which may tell that the peer has gone */
    struct ww_buf out;
    struct ww_json json;
};

TAILQ_HEAD(run_list, latest_run);

struct ww_latest {
    struct ww_live_map *map;
    struct event *turn;
    struct run_list working, waiting;
    int n;
    uint64_t born; /* revisions of another process mean something else */
};

static int64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wake(struct ww_latest *latest) {
    static const struct timeval at_once = {0, 0};
    if (!evtimer_pending(latest->turn, NULL))
        evtimer_add(latest->turn, &at_once);
}

static void enter(struct latest_run *run, enum run_state state) {
    struct ww_latest *latest = run->latest;
    TAILQ_REMOVE(run->state == RUN_WORKS ? &latest->working : &latest->waiting, run, link);
    run->state = state;
    TAILQ_INSERT_TAIL(state == RUN_WORKS ? &latest->working : &latest->waiting, run, link);
    if (state == RUN_WORKS)
        wake(latest);
}

/* Forgets the run, which lives in the request's arena: the request must be answered next. */
static void forget(struct latest_run *run) {
    struct ww_latest *latest = run->latest;
    TAILQ_REMOVE(run->state == RUN_WORKS ? &latest->working : &latest->waiting, run, link);
    latest->n--;
    latest_query_clear(&run->query);
    ww_arena_free(run->arena);
    ww_buf_clear(&run->out);
}

static void cut(struct latest_run *run) {
    struct ww_route_call *call = run->call;
    const bool streaming = run->streaming;
    forget(run);
    if (streaming)
        ww_http_stream_abort(call->req);
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
}

/* ---- Writing ---- */

static void write_foot(struct latest_run *run) {
    char after[24];
    if (run->csv)
        return;
    ww_json_end_array(&run->json);
    ww_json_key(&run->json, "next");
    if (!run->more) {
        ww_json_null(&run->json);
    } else {
        snprintf(after, sizeof after, "%lld", (long long)run->last);
        ww_json_raw(&run->json, WW_STR("")); /* the place of a value */
        ww_call_write_next(run->call, ww_str_of(after), &run->out);
    }
    ww_json_end_object(&run->json);
}

/* A few series more into the buffer. */
static void step(struct latest_run *run) {
    const struct live_series *series;
    int budget = STEP_SERIES;
    for (;;) {
        const enum latest_step found = latest_next(&run->query, &budget, &series);
        if (found == LATEST_PAUSE)
            return;
        run->more = found == LATEST_ROW && run->left == 0;
        if (found == LATEST_END || run->more)
            break;
        run->left--;
        run->last = series->id;
        if (run->csv) {
            latest_write_csv(&run->query, series, &run->out);
            continue;
        }
        ww_json_raw(&run->json, WW_STR("")); /* the place of a value */
        latest_write_json(&run->query, series, &run->out);
    }
    run->is_complete = true;
    write_foot(run);
}

static const char *type_of(const struct latest_run *run) {
    return run->csv ? "text/csv; charset=utf-8; header=present" : "application/json";
}

static void on_drain(void *arg) {
    struct latest_run *run = arg;
    if (run->state == RUN_WAITS)
        enter(run, RUN_WORKS);
}

static void on_gone(void *arg) {
    struct latest_run *run = arg;
    if (!run->is_writing)
        cut(run);
}

static void answer_whole(struct latest_run *run) {
    struct ww_route_call *call = run->call;
    const char *type = type_of(run);
    struct ww_buf out = run->out;
    ww_buf_init(&run->out, 0);
    forget(run);
    ww_http_respond(call->req, 200, type, ww_buf_str(&out));
    ww_buf_clear(&out);
}

/* Gives the buffer away, when it is worth it. */
static void hand_over(struct latest_run *run) {
    struct ww_http_request *req = run->call->req;
    if (ww_buf_status(&run->out) != WW_OK) {
        cut(run);
        return;
    }
    if (run->is_complete && !run->streaming && run->out.len <= WHOLE_BYTES) {
        answer_whole(run);
        return;
    }
    if (!run->streaming) {
        run->streaming = true;
        ww_http_on_gone(req, on_gone, run);
        ww_http_on_drain(req, on_drain, run);
        ww_http_stream_begin(req, 200, type_of(run));
    }
    run->is_writing = true;
    const enum ww_status st = ww_http_stream_write(req, ww_buf_str(&run->out));
    run->is_writing = false;
    if (st == WW_BUSY) {
        enter(run, RUN_WAITS);
        return;
    }
    if (st != WW_OK) {
        cut(run);
        return;
    }
    ww_buf_reset(&run->out);
    if (run->is_complete) {
        forget(run);
        ww_http_stream_end(req);
    }
}

/* Each answer in turn, until the turn of the loop is used up. */
static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_latest *latest = arg;
    const int64_t until = clock_us() + TURN_US;
    struct latest_run *run;
    (void)fd;
    (void)what;
    while ((run = TAILQ_FIRST(&latest->working))) {
        while (!run->is_complete && run->out.len < PIECE_BYTES && clock_us() < until)
            step(run);
        if (run->is_complete || run->out.len >= PIECE_BYTES)
            hand_over(run);
        if (clock_us() >= until)
            break;
    }
    if ((run = TAILQ_FIRST(&latest->working))) {
        enter(run, RUN_WORKS); /* behind the others */
        wake(latest);
    }
}

/* ---- Requests ---- */

static struct ww_str param(struct ww_route_call *call, const char *name) {
    struct ww_str value;
    return ww_http_param(call->req, name, &value) ? value : WW_STR_NONE;
}

static bool read_numbers(struct ww_route_call *call, struct latest_params *params, uint64_t *limit) {
    struct ww_str text = param(call, "limit");
    uint64_t after = 0;
    *limit = 100;
    if (text.ptr &&
        (!ww_str_to_u64(text, limit) || *limit < 1 || *limit > (uint64_t)call->route->max_limit)) {
        ww_call_fail(call, WW_BAD_INPUT, "limit", "limit must be from 1 to %d", call->route->max_limit);
        return false;
    }
    text = param(call, "after");
    if (text.ptr && (!ww_str_to_u64(text, &after) || after > INT64_MAX)) {
        ww_call_fail(call, WW_BAD_INPUT, "after", "after must be the id of a datastream");
        return false;
    }
    params->after = (int64_t)after;
    params->since_us = INT64_MIN;
    text = param(call, "since");
    return !text.ptr ||
           ww_instant_parse(text, NULL, &params->since_us, NULL) == WW_OK; /* checked by the table */
}

static struct latest_run *new_run(struct ww_latest *latest, struct ww_route_call *call) {
    struct latest_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    struct ww_arena *arena = run ? ww_arena_new(FILTER_BYTES) : NULL;
    if (!arena) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    run->latest = latest;
    run->call = call;
    run->arena = arena;
    ww_buf_init(&run->out, 4 * PIECE_BYTES);
    run->state = RUN_WORKS;
    TAILQ_INSERT_TAIL(&latest->working, run, link);
    latest->n++;
    return run;
}

/* The view in memory of our own: accounts are read again at any time. */
static bool copy_view(struct latest_run *run, struct ww_live_view *view) {
    *view = ww_view_of_account(run->call->account);
    const size_t size = view->n_wards * sizeof *view->wards;
    int32_t *copy = ww_arena_alloc(run->arena, size + 1);
    if (!copy)
        return false;
    if (size)
        memcpy(copy, view->wards, size);
    view->wards = copy;
    return true;
}

static bool is_not_modified(struct latest_run *run) {
    struct ww_http_request *req = run->call->req;
    struct ww_str target = ww_http_target(req);
    char etag[48];
    snprintf(etag, sizeof etag, "W/\"%016llx%08x\"",
             (unsigned long long)(latest_tag(&run->query, run->left) ^ run->latest->born),
             (unsigned)ww_str_hash(target));
    ww_http_add_header(req, "ETag", etag);
    ww_http_add_header(req, "Vary", "Accept-Encoding, Authorization, Cookie");
    return ww_http_has_etag(req, etag);
}

static void begin(struct latest_run *run) {
    if (run->csv) {
        latest_write_csv_head(&run->out);
    } else {
        ww_json_init(&run->json, &run->out);
        ww_json_object(&run->json);
        ww_json_key(&run->json, "items");
        ww_json_array(&run->json);
    }
    wake(run->latest);
}

void ww_handle_latest(struct ww_route_call *call) {
    struct ww_latest *latest = ww_tiles_latest(call->app->tiles);
    struct latest_params params = {.ward = param(call, "ward"),
                                   .class_name = param(call, "class"),
                                   .property = param(call, "property"),
                                   .feed = param(call, "feed"),
                                   .site_kind = param(call, "site_kind"),
                                   .bbox = param(call, "bbox"),
                                   .filter = param(call, "filter")};
    struct ww_error err;
    uint64_t limit;
    struct latest_run *run;
    if (!read_numbers(call, &params, &limit))
        return;
    if (!ww_live_map_is_loaded(latest->map)) {
        ww_call_fail(call, WW_UNAVAILABLE, "", "the newest values are being loaded");
        return;
    }
    if (latest->n >= LATEST_MOST) {
        ww_call_fail(call, WW_BUSY, "", "%d such answers are under way", LATEST_MOST);
        return;
    }
    if (!(run = new_run(latest, call)))
        return;
    run->left = limit;
    run->csv = ww_str_is(param(call, "format"), "csv");
    struct ww_live_view view;
    const enum ww_status st =
        copy_view(run, &view) ? latest_query_read(latest->map, view, &params, run->arena, &run->query, &err)
                              : ww_error_set(&err, WW_NO_MEMORY, "no memory for this request");
    if (st != WW_OK) {
        forget(run);
        ww_http_respond_error(call->req, ww_http_status_of(st), &err);
    } else if (is_not_modified(run)) {
        forget(run);
        ww_http_respond(call->req, 304, NULL, WW_STR_NONE);
    } else {
        begin(run);
    }
}

/* ---- Life ---- */

struct ww_latest *ww_latest_new(struct event_base *base, struct ww_live_map *map) {
    struct ww_latest *latest = ww_must_calloc(1, sizeof *latest);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    latest->born = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) * UINT64_C(0x9e3779b97f4a7c15);
    latest->map = map;
    TAILQ_INIT(&latest->working);
    TAILQ_INIT(&latest->waiting);
    latest->turn = evtimer_new(base, on_turn, latest);
    return latest;
}

void ww_latest_free(struct ww_latest *latest) {
    struct latest_run *run;
    if (!latest)
        return;
    while ((run = TAILQ_FIRST(&latest->working)) || (run = TAILQ_FIRST(&latest->waiting)))
        cut(run);
    event_free(latest->turn);
    ww_free(latest);
}
