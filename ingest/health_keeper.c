/* Feed health on the loop: when to listen, look, write and read.
 *
 *   DOWN ─ connected ─▶ LOCKING ▶ things ▶ feeds ▶ alerts ▶ READY ─┬ a page of rows and actions
 *                                                                  ├ others' news, every ten seconds while
 * there are others └ the lock again, every ten seconds until it is ours
 *
 * One statement at a time. A page whose end is unknown is sent again with its number, which the database
 * remembers, so that nothing is counted twice. After a change of the world, and after a page that failed, the
 * open alerts are read again before the next look.
 */
#include "ingest/health_keeper.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/path_internal.h"

enum { TICK_MS = 250, THINGS_A_TICK = 5000, LOAD_PAGE = 5000 };
#define STUCK_US   (10 * WW_SECOND_US) /* without a commit while something waits: as good as down */
#define PAUSE_US   (5 * WW_SECOND_US)  /* between two ticks: the process stood still */
#define AGAIN_US   (10 * WW_SECOND_US)
#define RELOADS_US (60 * WW_SECOND_US)

enum keeper_step { DOWN, LOCKING, READING_THINGS, READING_FEEDS, READING_ALERTS, READY };

struct health_keeper {
    struct ww_path *path;
    struct ww_health *health;
    struct ww_pg *pg;
    struct event *tick;
    enum keeper_step step;
    bool running;    /* a statement is under way */
    bool has_rows;   /* thing_health was read once */
    bool has_alerts; /* open alerts are those of the database */
    bool judges;     /* the lock is ours */
    bool page_kept;  /* not yet known to be written */
    bool was_deaf;
    int64_t after; /* paging */
    int64_t others;
    int64_t ticked_us, progress_us, locked_us, news_us, news_since_us, reloaded_us;
    int64_t seq;
    struct ww_health_page page;
    char server_id[33];
};

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static void go_on(struct health_keeper *k);

/* ---- Statements ---- */

static void ask(struct health_keeper *k, const char *query, struct ww_pg_args *args, ww_pg_cb cb) {
    k->running = ww_pg_query(k->pg, ww_sql_find(query), args, cb, k) == WW_OK;
    ww_pg_args_clear(args);
}

/* True: goes on with the result. Else the connection begins anew: nothing here works by halves. */
static bool answered(struct health_keeper *k, enum ww_status status, const struct ww_error *err) {
    k->running = false;
    if (status == WW_OK)
        return k->path != NULL;
    if (k->path && ww_pg_is_up(k->pg)) {
        ww_log(WW_LOG_WARN, "health=failed reason=\"%s\"", err->message);
        k->step = DOWN;
        ww_pg_drop(k->pg);
    }
    return false;
}

static int64_t instant(const struct ww_pg_result *r, int row, int column) {
    return ww_pg_is_null(r, row, column) ? WW_INSTANT_NONE : ww_pg_i64(r, row, column);
}

static struct ww_health_row read_row(const struct ww_pg_result *r, int i) {
    return (struct ww_health_row){.id = ww_pg_i64(r, i, 0),
                                  .state = ww_pg_str(r, i, 1),
                                  .silent_since_us = instant(r, i, 2),
                                  .last_received_us = instant(r, i, 3),
                                  .last_time_us = instant(r, i, 4),
                                  .memory = ww_pg_columns(r) > 5 ? ww_pg_str(r, i, 5) : WW_STR("")};
}

static void on_things(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct health_keeper *k = arg;
    if (!answered(k, status, err))
        return;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        struct ww_health_row row = read_row(r, i);
        k->after = row.id;
        (void)ww_health_take_thing(k->health, &row, true);
    }
    if (n < LOAD_PAGE) {
        ww_health_seed(k->health, now_us());
        k->step = READING_FEEDS;
    }
    go_on(k);
}

static void on_feeds(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct health_keeper *k = arg;
    if (!answered(k, status, err))
        return;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_health_row row = read_row(r, i);
        (void)ww_health_take_feed(k->health, &row);
    }
    k->has_rows = true;
    k->step = READING_ALERTS;
    k->after = 0;
    go_on(k);
}

static void on_alerts(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct health_keeper *k = arg;
    if (!answered(k, status, err))
        return;
    if (k->step != READING_ALERTS) { /* the world changed meanwhile */
        go_on(k);
        return;
    }
    int n = ww_pg_rows(r);
    for (int i = 0; i < n; i++) {
        k->after = ww_pg_i64(r, i, 0);
        if (!ww_health_take_alert(k->health, (int32_t)ww_pg_i64(r, i, 1), ww_pg_bool(r, i, 2),
                                  ww_pg_i64(r, i, 3), ww_pg_i64(r, i, 4), (uint32_t)ww_pg_i64(r, i, 5),
                                  now_us()))
            ww_log(WW_LOG_INFO, "alert=%lld is cleared: its rule watches its sender no longer",
                   (long long)k->after);
    }
    if (n < LOAD_PAGE) {
        k->has_alerts = true;
        k->step = READY;
    }
    go_on(k);
}

static void on_lock(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct health_keeper *k = arg;
    if (!answered(k, status, err))
        return;
    bool got = ww_pg_bool(r, 0, 0);
    if (got && !k->judges)
        ww_log(WW_LOG_INFO, "health=judge");
    if (k->step == LOCKING && !k->has_rows) /* since the last server wrote, nobody listened */
        ww_health_deaf(k->health, ww_pg_is_null(r, 0, 1) ? 0 : ww_pg_i64(r, 0, 1), now_us());
    bool read_alerts = got && !k->judges;
    k->judges = got;
    k->locked_us = now_us();
    k->after = 0;
    if (k->step == LOCKING)
        k->step = k->has_rows ? READING_ALERTS : READING_THINGS;
    else if (k->step == READY && read_alerts)
        k->step = READING_ALERTS;
    if (k->step == READING_ALERTS)
        ww_health_forget_alerts(k->health);
    go_on(k);
}

/* ---- Pages ---- */

static void clear_page(struct health_keeper *k) {
    ww_buf_clear(&k->page.things);
    ww_buf_clear(&k->page.feeds);
    ww_buf_clear(&k->page.actions);
    k->page_kept = false;
}

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct health_keeper *k = arg;
    bool lost = status == WW_UNAVAILABLE || status == WW_BUSY || status == WW_CONFLICT;
    if (status != WW_OK &&
        !lost) { /* it will never be taken: its counts are lost, its alerts are judged anew */
        ww_log(WW_LOG_ERROR, "health=page_refused reason=\"%s\"", err->message);
        clear_page(k);
    }
    if (!answered(k, status, err))
        return;
    k->others = ww_pg_i64(r, 0, 1);
    ww_health_others(k->health, k->others);
    k->path->totals.alerts_opened += k->page.opened;
    k->path->totals.alerts_cleared += k->page.cleared;
    clear_page(k);
    go_on(k);
}

static void send_page(struct health_keeper *k) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(k->server_id));
    ww_pg_arg_i64(&args, k->seq);
    ww_pg_arg_str(&args, ww_buf_str(&k->page.things));
    ww_pg_arg_str(&args, ww_buf_str(&k->page.feeds));
    if (k->page.actions.len > 0)
        ww_pg_arg_str(&args, ww_buf_str(&k->page.actions));
    else
        ww_pg_arg_null(&args);
    ask(k, "health_flush", &args, on_page);
}

static bool make_page(struct health_keeper *k, int64_t now) {
    if (!ww_health_write_page(k->health, now, &k->page)) {
        clear_page(k);
        return false;
    }
    if (ww_buf_status(&k->page.things) != WW_OK || ww_buf_status(&k->page.feeds) != WW_OK ||
        ww_buf_status(&k->page.actions) != WW_OK) {
        ww_log(WW_LOG_ERROR, "health=page_lost reason=memory");
        clear_page(k);
        k->has_alerts = false;
        k->step = READING_ALERTS;
        return false;
    }
    k->page_kept = true;
    k->seq++;
    return true;
}

/* ---- News of other servers ---- */

static void on_news(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct health_keeper *k = arg;
    if (!answered(k, status, err))
        return;
    bool unknown = false;
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_health_row row = read_row(r, i);
        unknown = !ww_health_take_thing(k->health, &row, false) || unknown;
    }
    if (unknown && now_us() - k->reloaded_us > RELOADS_US) { /* it registered itself there */
        k->reloaded_us = now_us();
        k->path->reload_wanted = true;
        path_kick(k->path);
    }
    go_on(k);
}

static void ask_news(struct health_keeper *k, int64_t now) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(k->server_id));
    ww_pg_arg_i64(&args, k->news_since_us ? k->news_since_us : now - RELOADS_US);
    k->news_since_us = now - AGAIN_US; /* clocks of two servers and a transaction's length apart */
    k->news_us = now;
    ask(k, "health_news", &args, on_news);
}

/* ---- What is next ---- */

static void ask_after(struct health_keeper *k, const char *query, ww_pg_cb cb) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, k->after);
    ask(k, query, &args, cb);
}

static void ask_plain(struct health_keeper *k, const char *query, ww_pg_cb cb) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ask(k, query, &args, cb);
}

static void go_on(struct health_keeper *k) {
    if (k->running || !k->path || !k->path->world || k->step == DOWN)
        return;
    int64_t now = now_us();
    if (k->page_kept && k->step == READING_ALERTS && k->after == 0) {
        send_page(k); /* what is in doubt first: the alerts that are read then have its moves */
        return;
    }
    switch (k->step) {
    case DOWN:
        break;
    case LOCKING:
        ask_plain(k, "health_lock", on_lock);
        break;
    case READING_THINGS:
        ask_after(k, "health_things", on_things);
        break;
    case READING_FEEDS:
        ask_plain(k, "health_feeds", on_feeds);
        break;
    case READING_ALERTS:
        ask_after(k, "health_open_alerts", on_alerts);
        break;
    case READY:
        if (!k->judges && now - k->locked_us > AGAIN_US)
            ask_plain(k, "health_lock", on_lock);
        else if (k->others > 0 && now - k->news_us > AGAIN_US)
            ask_news(k, now);
        else if (k->page_kept || make_page(k, now))
            send_page(k);
        break;
    }
}

/* Whether what is sent to us gets committed now. */
static bool is_deaf(struct health_keeper *k, int64_t now) {
    const struct ww_path *path = k->path;
    if (path->waiting == 0 && path->decoding == 0 && path->open.members.count == 0 &&
        path->writing.members.count == 0)
        k->progress_us = now;
    return !ww_path_is_ready(path) || now - k->progress_us > STUCK_US || now - k->ticked_us > PAUSE_US;
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct health_keeper *k = arg;
    int64_t now = now_us();
    bool deaf = is_deaf(k, now);
    if (deaf) {
        int64_t since = k->progress_us < k->ticked_us ? k->progress_us : k->ticked_us;
        ww_health_deaf(k->health, since, now);
        k->was_deaf = true;
    }
    k->ticked_us = now;
    if (k->step != READY || !k->path->world || k->running)
        return;
    if (!deaf && !k->page_kept)
        (void)ww_health_sweep(k->health, now, THINGS_A_TICK, k->judges && k->has_alerts);
    go_on(k);
}

/* ---- Told by the path ---- */

void health_keeper_world_changed(struct health_keeper *k) {
    ww_health_attach(k->health, k->path->world->catalog, k->path->world->health_rules);
    k->has_alerts = false;
    if (k->step == READING_ALERTS || k->step == READY) {
        k->step = READING_ALERTS;
        k->after = 0;
    }
    go_on(k);
}

void health_keeper_grew(struct health_keeper *k) {
    ww_health_grow(k->health);
}

void health_keeper_committed(struct health_keeper *k) {
    k->progress_us = now_us();
}

void health_keeper_note(struct health_keeper *k, const struct submission *s) {
    const struct ww_catalog *catalog = k->path->world->catalog;
    if (s->generation != catalog->generation)
        return;
    struct ww_health_message m = {.feed = ww_catalog_feed(catalog, s->feed),
                                  .received_us = s->received_at_us,
                                  .dead = s->repeated ? 0 : s->batch.n_dead,
                                  .batch = &s->batch,
                                  .located = &s->located,
                                  .outcome = s->outcome};
    if (m.feed != WW_CATALOG_NONE)
        ww_health_note(k->health, &m);
}

/* ---- Life ---- */

static void on_pg_state(void *arg, struct ww_pg *pg, bool up) {
    (void)pg;
    struct health_keeper *k = arg;
    k->judges = false; /* the lock goes with the connection */
    k->has_alerts = false;
    k->running = false;
    k->step = up ? LOCKING : DOWN;
    k->after = 0;
    go_on(k);
}

struct health_keeper *health_keeper_new(struct ww_path *path, const char *conninfo) {
    struct health_keeper *k = ww_must_calloc(1, sizeof *k);
    unsigned char random[16];
    k->path = path;
    k->health = ww_health_new();
    if (RAND_bytes(random, sizeof random) != 1)
        assert(0 && "OpenSSL has random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(k->server_id + 2 * i, 3, "%02x", random[i]);
    k->ticked_us = k->progress_us = now_us();
    struct ww_pg_options options = {
        .conninfo = conninfo, .application = "wardwatch health", .statement_timeout_ms = 60000};
    k->pg = ww_pg_new(path->base, &options, on_pg_state, k);
    k->tick = event_new(path->base, -1, EV_PERSIST, on_tick, k);
    assert(k->tick);
    const struct timeval every = {0, TICK_MS * 1000};
    event_add(k->tick, &every);
    return k;
}

void health_keeper_stop(struct health_keeper *k) {
    k->step = DOWN;
    event_del(k->tick);
    struct ww_path *path = k->path;
    k->path = NULL; /* answers that come now change nothing */
    ww_pg_free(k->pg);
    k->path = path;
}

void health_keeper_free(struct health_keeper *k) {
    event_free(k->tick);
    if (k->page_kept)
        clear_page(k);
    ww_health_free(k->health);
    ww_free(k);
}

int64_t health_keeper_others(const struct health_keeper *k) {
    return k->others;
}

const struct ww_health *health_keeper_health(const struct health_keeper *k) {
    return k->health;
}
