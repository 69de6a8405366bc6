/* The path's queue and life cycle: submissions in, receipts out. */
#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/decode.h"
#include "ingest/path_internal.h"
#include "ingest/raw_pack.h"

enum {
    DEFAULT_WAITING_BYTES = 256 << 20,
    DEFAULT_GROUP_ROWS = 20000, /* 2 MB of COPY: some 80 ms of PostgreSQL's time */
    BATCH_CEILING = 192 << 20,  /* arena of one submission: 16 MiB of the shortest rows fit */
    MAX_ROWS = 500000,
    RELOAD_DELAY_MS = 200, /* several changes at once make one reload */
    FIRST_DEAD_ROWS = 100
};

/* ---- Answering ---- */

static void count_receipt(struct ww_path_counters *c, const struct submission *s, uint64_t received,
                          uint64_t dead) {
    c->messages++;
    c->stored += s->stored;
    c->corrections += s->corrections;
    c->duplicates += s->duplicates;
    c->late += s->late;
    c->outside_wards += s->located.n_outside;
    c->dead += dead;
    c->in_flight -= received;
}

static void free_submission(struct submission *s) {
    world_release(s->world);
    feed_queue_let_go(&s->path->queues, s->queue, s->held_bytes);
    ww_arena_free(s->arena);
    ww_free(s);
}

static void tell_stored(const struct ww_path *path, const struct submission *s) {
    const struct ww_stored_rows rows = {path->world->catalog, &s->batch, &s->located, s->outcome};
    for (const struct ww_path_listener *l = path->listeners; l; l = l->next)
        if (l->on_stored && s->located.n_rows > 0)
            l->on_stored(l->arg, &rows);
}

void path_answer(struct submission *s, enum ww_status status, const struct ww_error *err) {
    struct ww_path *path = s->path;
    struct feed_queue *feed = s->queue;
    uint64_t received = s->batch.n_received;
    if (status == WW_OK) {
        uint64_t dead = s->repeated ? 0 : s->batch.n_dead;
        count_receipt(&path->totals, s, received, dead);
        count_receipt(&feed->totals, s, received, dead);
        struct ww_receipt receipt = {.raw_message_id = s->raw_message_id,
                                     .received = received,
                                     .stored = s->stored,
                                     .corrections = s->corrections,
                                     .duplicates = s->duplicates,
                                     .dead = dead,
                                     .dead_rows = s->batch.dead,
                                     .n_dead_rows = dead < FIRST_DEAD_ROWS ? dead : FIRST_DEAD_ROWS};
        health_keeper_note(path->health, s);
        space_keeper_note(path->space, s);
        tell_stored(path, s);
        s->cb(s->arg, WW_OK, &receipt, NULL);
    } else {
        path->totals.refused += received;
        path->totals.in_flight -= received;
        feed->totals.refused += received;
        feed->totals.in_flight -= received;
        s->cb(s->arg, status, NULL, err);
    }
    free_submission(s);
}

static void unqueue(struct submission *s) {
    struct ww_path *path = s->path;
    submissions_remove(&s->queue->list, s);
    path->waiting -= s->is_decoded;
    feed_queue_changed(&path->queues, s->queue);
}

void path_wait_in_front(struct submission *s) {
    submissions_add_front(&s->queue->list, s);
    s->path->waiting++;
    feed_queue_changed(&s->path->queues, s->queue);
}

/* Everything, so that nothing overtakes what stood before it and comes again: a correction must stay behind
 * what it corrects. What is still being decoded is answered when it comes from its worker. */
void path_fail_all(struct ww_path *path, const struct ww_error *err) {
    path->n_failed_all++;
    group_requeue(&path->open);
    for (uint32_t i = 0; i < path->queues.n; i++) {
        struct submission *next;
        for (struct submission *s = path->queues.queues[i]->list.head; s; s = next) {
            next = s->next;
            if (!s->is_decoded)
                continue;
            unqueue(s);
            path_answer(s, err->status, err);
        }
    }
    group_clear(&path->open);
    group_init(&path->open);
}

/* The message becomes one dead row: all of its bytes, and why. */
static enum ww_status give_up_rows(struct submission *s, const struct ww_error *err) {
    struct ww_dead_row *dead = ww_arena_calloc(s->arena, 1, sizeof *dead);
    if (!dead)
        return WW_NO_MEMORY;
    dead->line = err->line ? err->line : 1;
    dead->column = err->column;
    snprintf(dead->field, sizeof dead->field, "%.47s", err->field);
    snprintf(dead->reason, sizeof dead->reason, "%.159s", err->message);
    dead->raw = s->body;
    s->batch = (struct ww_batch){.arena = s->arena, .dead = dead, .n_dead = 1, .n_received = 1};
    s->n_dead_decoded = 1;
    s->csv_header = WW_STR_NONE;
    s->is_given_up = true;
    return WW_OK;
}

void path_refuse(struct submission *s, const struct ww_error *err) {
    struct ww_path *path = s->path;
    uint64_t before = s->batch.n_received;
    if (!s->must_keep || s->is_given_up || give_up_rows(s, err) != WW_OK) {
        path_answer(s, err->status, err);
        return;
    }
    struct ww_path_counters *both[] = {&path->totals, &s->queue->totals};
    for (int i = 0; i < 2; i++) {
        both[i]->refused += before;
        both[i]->received++;
        both[i]->in_flight += 1 - before;
    }
    s->generation = 0;
    s->raw_message_id = 0;
    s->stored = s->corrections = s->duplicates = s->late = 0;
    s->repeated = false;
    s->outcome = NULL;
    s->attempts = 0;
    path_wait_in_front(s);
}

void path_refuse_preparing(struct ww_path *path, const struct ww_error *err) {
    struct submission *s = path->preparing ? path->preparing->list.head : NULL;
    path->prepares_alone = path->prepares_others;
    if (!s || !s->is_decoded || path->prepares_others)
        return;
    unqueue(s);
    path_refuse(s, err);
}

/* ---- Submitting ---- */

/* The header line that a dead CSV row needs to be read again. */
static struct ww_str csv_header(struct ww_str content_type, struct ww_str body) {
    enum ww_format format = ww_format_of_content_type(content_type);
    struct ww_str start = ww_str_trim(body);
    bool looks_json = start.len > 0 && (start.ptr[0] == '{' || start.ptr[0] == '[');
    bool may_be_csv = format == WW_FORMAT_AUTO || format == WW_FORMAT_TEXT; /* text/plain */
    if (format != WW_FORMAT_CSV && (!may_be_csv || looks_json))
        return WW_STR_NONE;
    const char *end = body.len > 0 ? memchr(body.ptr, '\n', body.len) : NULL;
    return end ? (struct ww_str){body.ptr, (size_t)(end - body.ptr) + 1} : WW_STR_NONE;
}

static void compress_body(struct submission *s) {
    size_t bound = ww_raw_pack_bound(s->body.len);
    char *room = ww_arena_alloc(s->arena, bound);
    size_t n = room ? ww_raw_pack(s->body, room, bound) : 0;
    if (n == 0)
        s->status =
            ww_error_set(&s->err, WW_NO_MEMORY, "the request needs more memory than one request may take");
    else
        s->body_zstd = (struct ww_str){room, n};
}

/* On a worker thread: all that needs no shared state. */
static void decode_submission(struct ww_job *job) {
    struct submission *s = (struct submission *)job;
    struct ww_surroundings around = {s->content_type, s->received_at_us};
    s->status = ww_decode_message(s->config, &around, s->body, MAX_ROWS, s->arena, &s->batch, &s->err);
    if (s->status != WW_OK && s->must_keep)
        s->status = give_up_rows(s, &s->err);
    if (s->status != WW_OK)
        return;
    s->batch.arena = s->arena;
    s->n_dead_decoded = s->batch.n_dead;
    s->csv_header = csv_header(s->content_type, s->body);
    SHA256((const unsigned char *)s->body.ptr, s->body.len, s->sha256);
    if (ww_feed_config_keeps_raw(s->config))
        compress_body(s);
}

static void count_arrival(struct submission *s) {
    struct ww_path_counters *both[] = {&s->path->totals, &s->queue->totals};
    for (int i = 0; i < 2; i++) {
        both[i]->received += s->batch.n_received;
        both[i]->in_flight += s->batch.n_received;
    }
    feed_queue_charge(s->queue, s->batch.n_received);
}

static void on_decoded(struct ww_job *job) {
    struct submission *s = (struct submission *)job;
    struct ww_path *path = s->path;
    path->decoding--;
    s->config = NULL;
    if (s->status != WW_OK) {
        unqueue(s);
        s->batch.n_received = 0;
        path_answer(s, s->status, &s->err);
    } else {
        count_arrival(s);
        if (path->state == WRITER_DOWN || s->n_failed_before != path->n_failed_all) {
            struct ww_error err;
            ww_error_set(&err, WW_UNAVAILABLE, "not ready: %s",
                         path->state == WRITER_DOWN ? path->why_not_ready
                                                    : "what came before was not stored");
            unqueue(s);
            path_answer(s, WW_UNAVAILABLE, &err);
        } else {
            s->is_decoded = true;
            path->waiting++;
            feed_queue_changed(&path->queues, s->queue);
        }
    }
    path_kick(path);
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static struct submission *new_submission(struct ww_path *path, const struct ww_submission *in) {
    struct ww_arena *arena = ww_arena_new(BATCH_CEILING);
    struct submission *s = ww_try_calloc(1, sizeof *s);
    if (!arena || !s) {
        ww_arena_free(arena);
        ww_free(s);
        return NULL;
    }
    s->path = path;
    s->arena = arena;
    s->feed = ww_arena_copy(arena, in->feed);
    s->content_type = ww_arena_copy(arena, ww_str_is_utf8(in->content_type) ? in->content_type : WW_STR(""));
    s->peer = ww_arena_copy(arena, ww_str_of(in->peer)).ptr;
    s->body = in->body;
    s->account_id = in->account_id;
    s->must_keep = in->must_keep;
    s->received_at_us = now_us();
    return s;
}

enum ww_status ww_path_submit(struct ww_path *path, const struct ww_submission *in, ww_path_cb cb, void *arg,
                              struct ww_error *err) {
    if (!ww_path_is_ready(path) || path->draining)
        return ww_error_set(err, WW_UNAVAILABLE, "not ready: %s",
                            path->draining ? "shutting down" : ww_path_why_not_ready(path));
    const struct ww_catalog *catalog = path->world->catalog;
    uint32_t feed = ww_catalog_feed(catalog, in->feed);
    if (feed == WW_CATALOG_NONE) {
        ww_error_set(err, WW_NOT_FOUND, "there is no feed \"%.*s\"", WW_STR_ARG(in->feed));
        return WW_NOT_FOUND;
    }
    if (!catalog->feeds[feed].enabled)
        return ww_error_set(err, WW_DENIED, "the feed \"%.*s\" is switched off", WW_STR_ARG(in->feed));
    /* A decoded batch takes about three times its body. */
    size_t held = in->body.len * 4 + 4096;
    struct feed_queue *queue = feed_queue_of(&path->queues, in->feed);
    enum ww_status st = feed_queue_admit(
        &path->queues, queue, held, ww_feed_config_source(catalog->feeds[feed].config), monotonic_us(), err);
    if (st != WW_OK)
        return st;
    struct submission *s = new_submission(path, in);
    if (!s)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    s->cb = cb;
    s->arg = arg;
    s->held_bytes = held;
    s->queue = queue;
    s->n_failed_before = path->n_failed_all;
    feed_queue_hold(&path->queues, queue, held);
    submissions_add(&queue->list, s);
    path->decoding++;
    s->world = path->world;
    s->world->users++;
    s->config = catalog->feeds[feed].config;
    s->job.work = decode_submission;
    s->job.done = on_decoded;
    ww_worker_pool_submit(path->workers, &s->job);
    return WW_OK;
}

/* ---- Going on ---- */

static bool group_is_full(const struct ww_path *path, const struct group *g) {
    return g->n_rows >= path->max_group_rows || (g->members.head && g->members.head->is_suspect);
}

/* Some milliseconds of the loop's time. */
enum { GATHER_MESSAGES = 500, GATHER_ROWS = 20000, GATHER_BYTES = 1 << 20 };

/* What others that wait lack is asked for together with what the next one lacks: a thousand stations that
 * speak for the first time would otherwise cost a statement and a transaction each, and everybody would wait
 * for them. */
static void gather_missing(struct ww_path *path, const struct submission *next, struct ww_buf *missing) {
    uint64_t generation = path->world->catalog->generation;
    uint32_t messages = 0, rows = 0;
    struct ww_buf one;
    ww_buf_init(&one, 32 << 20);
    path->prepares_others = false;
    for (uint32_t i = 0; i < path->queues.n; i++)
        for (struct submission *s = path->queues.queues[i]->list.head; s; s = s->next) {
            if (s == next || !s->is_decoded || s->is_suspect || s->generation == generation)
                continue;
            rows += s->batch.n_rows;
            if (++messages > GATHER_MESSAGES || rows > GATHER_ROWS || missing->len > GATHER_BYTES)
                goto done;
            if (group_locate(path, s, &one) != TAKE_NEEDS_THINGS)
                continue;
            missing->len--; /* its bracket */
            ww_buf_char(missing, ',');
            ww_buf_add(missing, one.data + 1, one.len - 1);
            path->prepares_others = true;
        }
done:
    ww_buf_clear(&one);
}

static void prepare(struct ww_path *path, struct feed_queue *queue, enum take_result wants,
                    struct ww_buf *missing) {
    if (path->state != WRITER_IDLE || path->open.members.count > 0)
        return;
    path->preparing = queue;
    path->prepares_others = false;
    if (wants == TAKE_NEEDS_THINGS) {
        if (!path->prepares_alone && !queue->list.head->is_suspect)
            gather_missing(path, queue->list.head, missing);
        path->prepares_alone = false;
        store_register(path, missing);
    } else if (wants == TAKE_NEEDS_IDS)
        store_fetch_ids(path, 20, 20 + queue->list.head->located.n_own / ID_BLOCK);
}

/* Moves waiting submissions into the open group, feeds in turn, as far as they fit together. */
static void fill_open_group(struct ww_path *path) {
    struct feed_queue *queue;
    while (!group_is_full(path, &path->open) && (queue = feed_queues_next(&path->queues))) {
        struct submission *s = queue->list.head;
        if (s->is_suspect && path->open.members.count > 0)
            return;
        struct ww_buf missing;
        ww_buf_init(&missing, 32 << 20);
        enum take_result took = group_take(path, &path->open, s, &missing);
        if (took == TAKE_OK) {
            unqueue(s);
            submissions_add(&path->open.members, s);
            feed_queue_brought(&path->queues, queue, s->located.n_rows);
        } else if (took == TAKE_REFUSED) {
            unqueue(s);
            struct ww_error err = s->err;
            path_refuse(s, &err);
        } else {
            prepare(path, queue, took, &missing);
        }
        ww_buf_clear(&missing);
        if (took != TAKE_OK && took != TAKE_REFUSED)
            return;
    }
}

static void check_idle(struct ww_path *path) {
    if (!path->draining || !path->on_idle || path->decoding > 0 || path->waiting > 0 ||
        path->open.members.count > 0 || path->writing.members.count > 0)
        return;
    void (*on_idle)(void *) = path->on_idle;
    path->on_idle = NULL;
    on_idle(path->on_idle_arg);
}

void path_go_on(struct ww_path *path) {
    if (path->state == WRITER_IDLE && path->reload_wanted && path->open.members.count == 0) {
        path->reload_wanted = false;
        load_start(path, true);
        return;
    }
    /* While a slow group is written its verdicts are still to come: judge nothing after it before. */
    bool may_fill = path->state == WRITER_IDLE || (path->state == WRITER_WRITING && !path->writing.slow);
    if (may_fill && path->world && !path->reload_wanted)
        fill_open_group(path);
    if (path->state == WRITER_IDLE && path->open.members.count > 0) {
        path->writing = path->open;
        group_init(&path->open);
        store_group(path);
    }
}

void path_kick(struct ww_path *path) {
    path_go_on(path);
    check_idle(path);
}

void path_tell(struct ww_path *path) {
    const struct timeval now = {0, 0};
    evtimer_add(path->tell_soon, &now);
}

static void on_tell(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_path *path = arg;
    struct ww_path_listener *next;
    for (struct ww_path_listener *l = path->listeners; l; l = next) {
        next = l->next; /* it may unlisten itself */
        if (l->on_change)
            l->on_change(l->arg);
    }
}

void ww_path_listen(struct ww_path *path, struct ww_path_listener *listener) {
    listener->next = path->listeners;
    path->listeners = listener;
}

void ww_path_unlisten(struct ww_path *path, struct ww_path_listener *listener) {
    struct ww_path_listener **at = &path->listeners;
    while (*at && *at != listener)
        at = &(*at)->next;
    if (*at)
        *at = listener->next;
}

void path_set_state(struct ww_path *path, enum writer_state state, const char *why) {
    if ((state == WRITER_DOWN) != (path->state == WRITER_DOWN))
        path_tell(path);
    path->state = state;
    if (why)
        snprintf(path->why_not_ready, sizeof path->why_not_ready, "%s", why);
}

static void on_kick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    path_kick(arg);
}

/* ---- The connections ---- */

static void on_pg_state(void *arg, struct ww_pg *pg, bool up) {
    struct ww_path *path = arg;
    if (up) {
        load_start(path, false);
        return;
    }
    struct ww_error err;
    ww_error_set(&err, WW_UNAVAILABLE, "the database is not there: %s", ww_pg_last_error(pg));
    load_stop(path);
    path_set_state(path, WRITER_DOWN, err.message);
    path_fail_all(path, &err);
    path_kick(path); /* a drain may have waited for these */
}

static void reload_soon(struct ww_path *path) {
    if (evtimer_pending(path->reload_timer, NULL))
        return;
    const struct timeval delay = {0, RELOAD_DELAY_MS * 1000};
    evtimer_add(path->reload_timer, &delay);
}

/* What was notified while nobody listened is lost: look at everything again that has been looked at before.
 */
static void on_listener_state(void *arg, struct ww_pg *pg, bool up) {
    (void)pg;
    struct ww_path *path = arg;
    if (up && (path->world || path->loader))
        reload_soon(path);
}

static void on_notify(void *arg, struct ww_str channel, struct ww_str payload) {
    static const char *const tables[] = {
        "ward",  "feed",       "observed_property", "limit_value",        "rule",           "setting", "site",
        "thing", "datastream", "station",           "maintenance_window", "maintenance_end"};
    (void)channel;
    struct ww_path *path = arg;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (ww_str_is(payload, tables[i]))
            reload_soon(path);
    }
}

static void on_reload_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_path *path = arg;
    path->reload_wanted = true;
    path_kick(path);
}

/* Partitions are made ahead, so that the first reading of a month waits for nothing. */
static void on_partition_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_path *path = arg;
    ww_map_free(path->months); /* an operator may have dropped some: look again */
    path->months = ww_map_new(64);
    if (ww_pg_is_up(path->listener) && ww_pg_exec(path->listener,
                                                  "SELECT wardwatch.ensure_partition(now() + "
                                                  "make_interval(months => m)) FROM generate_series(0, 3) m",
                                                  NULL, NULL, NULL) != WW_OK)
        ww_log(WW_LOG_WARN, "partitions=skipped reason=busy");
}

/* ---- Life ---- */

struct ww_path *ww_path_new(struct event_base *base, const struct ww_path_options *options) {
    struct ww_path *path = ww_must_calloc(1, sizeof *path);
    path->base = base;
    feed_queues_init(&path->queues,
                     options->max_waiting_bytes ? options->max_waiting_bytes : DEFAULT_WAITING_BYTES);
    path->max_group_rows = options->max_group_rows ? (uint32_t)options->max_group_rows : DEFAULT_GROUP_ROWS;
    path->months = ww_map_new(64);
    group_init(&path->open);
    group_init(&path->writing);
    path_set_state(path, WRITER_DOWN, "connecting to the database");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    path->workers = ww_worker_pool_new(base, cores > 4 ? 4 : cores > 1 ? (int)cores - 1 : 1);
    path->reload_timer = evtimer_new(base, on_reload_timer, path);
    path->kick_soon = evtimer_new(base, on_kick, path);
    path->tell_soon = evtimer_new(base, on_tell, path);
    path->partition_timer = event_new(base, -1, EV_PERSIST, on_partition_timer, path);
    assert(path->reload_timer && path->kick_soon && path->tell_soon && path->partition_timer);
    const struct timeval daily = {86400, 0};
    event_add(path->partition_timer, &daily);
    struct ww_pg_options pg = {
        .conninfo = options->conninfo,
        .application = "wardwatch writer",
        .statement_timeout_ms = 120000,
        .on_connect = "CREATE TEMP TABLE IF NOT EXISTS stage (ordinal integer PRIMARY KEY, "
                      "datastream_id bigint, phenomenon_time timestamptz, raw_message_id bigint, "
                      "foi_id bigint, value float8, interval_s integer, ward_id integer, "
                      "flag \"char\", detail jsonb, repeated boolean) ON COMMIT DELETE ROWS"};
    struct ww_pg_options listen = {.conninfo = options->conninfo,
                                   .application = "wardwatch catalog",
                                   .on_connect = "LISTEN ww_catalog",
                                   .on_notify = on_notify,
                                   .notify_arg = path};
    path->health = health_keeper_new(path, options->conninfo);
    path->space = space_keeper_new(path, options->conninfo);
    path->listener =
        ww_pg_new(base, &listen, on_listener_state, path); /* before what it tells about is read */
    path->pg = ww_pg_new(base, &pg, on_pg_state, path);
    return path;
}

static void drop_undecoded(struct ww_path *path) {
    for (uint32_t i = 0; i < path->queues.n; i++) {
        struct submission *s;
        while ((s = submissions_take(&path->queues.queues[i]->list)))
            free_submission(s);
    }
}

void ww_path_free(struct ww_path *path) {
    if (!path)
        return;
    ww_worker_pool_free(path->workers);
    load_stop(path);
    health_keeper_stop(path->health);
    space_keeper_stop(path->space);
    ww_pg_free(path->listener);
    ww_pg_free(path->pg); /* what is being written is answered by this */
    struct ww_error err;
    ww_error_set(&err, WW_UNAVAILABLE, "the server is stopping");
    path_fail_all(path, &err);
    drop_undecoded(path);
    health_keeper_free(path->health);
    space_keeper_free(path->space);
    world_free(path->world);
    event_free(path->reload_timer);
    event_free(path->kick_soon);
    event_free(path->tell_soon);
    event_free(path->partition_timer);
    group_clear(&path->open);
    group_clear(&path->writing);
    ww_map_free(path->months);
    feed_queues_clear(&path->queues);
    ww_free(path);
}

bool ww_path_is_ready(const struct ww_path *path) {
    return path->world != NULL && path->state != WRITER_DOWN;
}

const struct ww_catalog *ww_path_catalog(const struct ww_path *path) {
    return path->world ? path->world->catalog : NULL;
}

const char *ww_path_why_not_ready(const struct ww_path *path) {
    return ww_path_is_ready(path) ? "" : path->why_not_ready;
}

void ww_path_drain(struct ww_path *path, void (*on_idle)(void *arg), void *arg) {
    path->draining = true;
    path->on_idle = on_idle;
    path->on_idle_arg = arg;
    const struct timeval now = {0, 0};
    evtimer_add(path->kick_soon, &now);
}

void ww_path_get_counters(const struct ww_path *path, struct ww_path_counters *out) {
    *out = path->totals;
    out->waiting_bytes = path->queues.held_bytes;
    if (!path->world)
        return;
    out->things = path->world->catalog->n_things;
    out->datastreams = path->world->catalog->n_datastreams;
    out->wards = path->world->catalog->n_wards;
    out->rules = ww_judge_rule_count(path->world->judge) + ww_health_rule_count(path->world->health_rules) +
                 path->world->space_rules->n;
    out->open_alerts = ww_judge_open_count(path->world->judge);
}

const struct ww_health *ww_path_health(const struct ww_path *path) {
    return path->world ? health_keeper_health(path->health) : NULL;
}

void ww_path_each_feed(const struct ww_path *path,
                       void (*each)(void *arg, const char *feed, const struct ww_path_counters *counters),
                       void *arg) {
    for (uint32_t i = 0; i < path->queues.n; i++)
        each(arg, path->queues.queues[i]->name, &path->queues.queues[i]->totals);
}
