/* A rule about senders, over the past: health (health.c, health_judge.c) with a simulated clock. Their
 * messages are decoded from the bytes as they came in, noted at the moment at which they were received, and
 * the janitor looks every look_every_us.
 *
 * What the past does not say is when nobody listened: a time in which the server or its database was away
 * looks like silence of all senders. Live, such a time counts for no silence.
 */
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/backtest_internal.h"
#include "ingest/decode/decode.h"
#include "ingest/raw_pack.h"

enum {
    PAGE_ROWS = 100, /* messages; each may have some MB */
    MOST_ROWS = 4000000,
    MESSAGE_CEILING = 512 << 20,
    BODY_CEILING = 64 << 20,
    LIST_CEILING = 1 << 20
};
/* The clockwork's rings hold eight gaps: of a sender that speaks once a day, nine days. */
#define WARM_US       (9 * WW_DAY_US)
#define WARM_EVERY_US (60 * WW_SECOND_US) /* at least, while nobody judges */
/* What PostgreSQL sorts at once, bodies and all. */
#define SLICE_US WW_HOUR_US

struct senders_run {
    struct ww_backtest *bt;
    struct ww_health *health;
    struct ww_buf feeds; /* "{1,2}" */
    int64_t next_look_us;
};

/* ---- Whom the rule watches ---- */

static struct ww_health *make_health(const struct ww_backtest *bt) {
    struct ww_health *health = ww_health_new();
    ww_health_attach(health, bt->world->catalog, bt->world->health_rules);
    return health;
}

void backtest_senders_find(struct ww_backtest *bt) {
    const struct ww_catalog *c = bt->world->catalog;
    struct ww_health *health = make_health(bt);
    for (uint32_t i = 0; i < c->n_datastreams; i++)
        if (ww_health_watches(health, c->datastreams[i].thing))
            backtest_watch(bt, i);
    ww_health_free(health);
}

static void list_feeds(struct senders_run *run) {
    const struct ww_catalog *c = run->bt->world->catalog;
    ww_buf_char(&run->feeds, '{');
    for (uint32_t f = 0; f < c->n_feeds; f++) {
        bool is_watched = false;
        for (uint32_t i = 0; i < c->n_things && !is_watched; i++)
            is_watched = c->things[i].feed_id == c->feeds[f].id && ww_health_watches(run->health, i);
        if (is_watched)
            ww_buf_printf(&run->feeds, "%s%d", run->feeds.len > 1 ? "," : "", c->feeds[f].id);
    }
    ww_buf_char(&run->feeds, '}');
}

/* ---- The clock ---- */

static void look(struct senders_run *run, int64_t now_us) {
    struct ww_backtest *bt = run->bt;
    bool judges = now_us >= bt->time.from_us;
    int64_t every_us = bt->time.look_every_us;
    if (!judges && every_us < WARM_EVERY_US)
        every_us = WARM_EVERY_US;
    bt->progress.clock_us = now_us;
    run->next_look_us = now_us + every_us;
    if (!judges && run->next_look_us > bt->time.from_us)
        run->next_look_us = bt->time.from_us;
    (void)ww_health_sweep(run->health, now_us, UINT32_MAX, judges);
    bt->progress.looks += judges;
    ww_health_take_actions(run->health, &bt->actions);
    if (backtest_log(bt))
        (void)backtest_goes_on(bt);
}

/* That moment not included. */
static bool advance(struct senders_run *run, int64_t until_us) {
    while (run->bt->failed == WW_OK && run->next_look_us < until_us)
        look(run, run->next_look_us);
    return run->bt->failed == WW_OK;
}

/* ---- Messages ---- */

static const struct ww_cat_feed *feed_of(const struct ww_catalog *c, int64_t id, uint32_t *index) {
    for (*index = 0; *index < c->n_feeds; ++*index)
        if (c->feeds[*index].id == id)
            return &c->feeds[*index];
    return NULL;
}

static enum ww_status refuse(struct ww_backtest *bt, const struct ww_cat_feed *feed, const char *why) {
    return ww_error_set(bt->err, WW_CONFLICT,
                        "the messages of feed %s %s: when they came is known, of whom is not", feed->name,
                        why);
}

/* As the path does: bytes, batch, rows of the catalog. False: it could not be taken, or `failed` is set. */
static bool read_message(struct ww_backtest *bt, const struct ww_pg_result *r, int i,
                         const struct ww_cat_feed *feed, struct ww_surroundings *around,
                         struct ww_batch *batch, struct ww_located *located) {
    struct ww_arena *arena = batch->arena;
    struct ww_str packed, body;
    struct ww_buf missing;
    struct ww_error ignored;
    if (ww_pg_is_null(r, i, 3)) {
        bt->failed = refuse(bt, feed, "are not kept (keep_raw)");
        return false;
    }
    if (ww_pg_bytes(r, i, 3, arena, &packed) != WW_OK || !ww_raw_unpack(packed, BODY_CEILING, arena, &body)) {
        bt->failed = refuse(bt, feed, "can't be unpacked");
        return false;
    }
    if (ww_decode_message(feed->config, around, body, MOST_ROWS, arena, batch, &ignored) != WW_OK)
        return false; /* it was one dead letter, of nobody */
    batch->arena = arena;
    ww_buf_init(&missing, 1 << 20);
    enum ww_status st =
        ww_locate(bt->world->catalog, feed, batch, body, around->received_at_us, located, &missing, &ignored);
    ww_buf_clear(&missing);
    return st == WW_OK;
}

static void note(struct senders_run *run, const struct ww_pg_result *r, int i, int64_t at_us) {
    struct ww_backtest *bt = run->bt;
    struct ww_surroundings around = {ww_pg_str(r, i, 2), at_us};
    struct ww_located located;
    struct ww_health_message message = {.received_us = at_us, .located = &located};
    const struct ww_cat_feed *feed = feed_of(bt->world->catalog, ww_pg_i64(r, i, 1), &message.feed);
    struct ww_batch batch = {.arena = ww_arena_new(MESSAGE_CEILING)};
    struct ww_arena *arena = batch.arena;
    assert(feed && arena);
    if (read_message(bt, r, i, feed, &around, &batch, &located)) {
        /* A repeat says that its sender is there, and nothing of its step. */
        uint8_t *all_known = ww_pg_bool(r, i, 4) ? ww_arena_calloc(arena, located.n_rows + 1, 1) : NULL;
        static_assert(WW_ROW_DUPLICATE == 0, "what calloc gives");
        message.batch = &batch;
        message.dead = batch.n_dead;
        message.outcome = all_known;
        ww_health_note(run->health, &message);
        bt->progress.readings += located.n_rows;
    }
    ww_arena_free(arena);
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct senders_run *run = arg;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n && run->bt->failed == WW_OK; i++) {
        int64_t at_us = backtest_instant(r, i, 0);
        if (run->next_look_us == WW_INSTANT_NONE) /* the first: nobody was heard before */
            run->next_look_us = at_us < run->bt->time.from_us ? at_us : run->bt->time.from_us;
        if (advance(run, at_us))
            note(run, r, i, at_us);
    }
    return backtest_goes_on(run->bt);
}

static enum ww_status play(struct senders_run *run, int64_t from_us, int64_t to_us) {
    struct ww_backtest *bt = run->bt;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&run->feeds));
    ww_pg_arg_instant(&args, from_us);
    ww_pg_arg_instant(&args, to_us);
    enum ww_status st = ww_pg_sync_each(bt->sync, ww_sql_find("backtest_messages"), &args, PAGE_ROWS,
                                        take_page, run, bt->err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && run->next_look_us != WW_INSTANT_NONE)
        (void)advance(run, to_us);
    return bt->failed != WW_OK ? bt->failed : st;
}

enum ww_status backtest_senders_run(struct ww_backtest *bt) {
    if (bt->time.by_phenomenon) {
        ww_error_set(
            bt->err, WW_BAD_INPUT,
            "clock phenomenon is not for rules about senders: how late messages come is what they judge");
        ww_error_at_field(bt->err, WW_STR("clock"), WW_STR("phenomenon"));
        return WW_BAD_INPUT;
    }
    struct senders_run run = {.bt = bt, .health = make_health(bt), .next_look_us = WW_INSTANT_NONE};
    bt->progress.clock_us = bt->time.from_us - WARM_US;
    ww_buf_init(&run.feeds, LIST_CEILING);
    list_feeds(&run);
    enum ww_status st = ww_buf_status(&run.feeds);
    int64_t from_us = bt->time.from_us - WARM_US;
    for (; st == WW_OK && from_us < bt->time.to_us; from_us += SLICE_US) {
        int64_t end_us = from_us + SLICE_US < bt->time.to_us ? from_us + SLICE_US : bt->time.to_us;
        st = play(&run, from_us, end_us);
    }
    ww_buf_clear(&run.feeds);
    ww_health_free(run.health);
    return st;
}
