/* An alert about a sender, computed again: its messages are decoded from the bytes as they came in, noted as
 * they were then, and looked at at the same moment.
 *
 * What a sender's clock knows of its past is some dozen messages (geo/health_clock.h); so those are enough.
 * How the server listened (deaf spans, other servers) is nowhere but in the alert's explanation, and taken
 * from there.
 */
#include <assert.h>
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "ingest/decode/decode.h"
#include "ingest/raw_pack.h"
#include "ingest/recompute_internal.h"

enum { PAGE_ROWS = 100, MOST_ROWS = 4000000, MESSAGE_CEILING = 512 << 20, BODY_CEILING = 64 << 20 };
#define MOST_MESSAGES 500000u

struct messages_run {
    struct recompute *of;
    struct world *world;
    struct ww_health *health;
    uint32_t feed, thing; /* indexes in the catalog; thing: WW_CATALOG_NONE for alerts of a feed */
    int64_t thing_id;
    int64_t looked_us;
    bool looks; /* after each message, as the janitor did: until the alert opens */
    enum ww_status failed;
};

static enum ww_status refuse(struct messages_run *m, const char *why) {
    return ww_error_set(m->of->err, WW_CONFLICT, "it can't be computed again: %s", why);
}

/* ---- Whose messages ---- */

static enum ww_status find_sender(struct messages_run *m) {
    const struct ww_catalog *c = m->world->catalog;
    int64_t feed_id = m->of->alert.subject;
    m->thing = m->feed = WW_CATALOG_NONE;
    if (ww_str_is(m->of->alert.kind, "thing")) {
        m->thing_id = m->of->alert.subject;
        for (uint32_t i = 0; i < c->n_things; i++)
            if (c->things[i].id == m->thing_id)
                m->thing = i;
        if (m->thing == WW_CATALOG_NONE)
            return refuse(m, "its thing is gone");
        feed_id = c->things[m->thing].feed_id;
    }
    for (uint32_t i = 0; i < c->n_feeds; i++)
        if (c->feeds[i].id == feed_id)
            m->feed = i;
    return m->feed == WW_CATALOG_NONE ? refuse(m, "its feed is gone") : WW_OK;
}

static enum ww_status find_since(struct messages_run *m, int64_t *since_us) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, m->world->catalog->feeds[m->feed].id);
    ww_pg_arg_i64(&args, m->thing_id);
    ww_pg_arg_instant(&args, m->looked_us);
    enum ww_status st = ww_pg_sync_query(m->of->sync, ww_sql_find("recompute_since"), &args, &r, m->of->err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && ww_pg_is_null(r, 0, 0))
        return refuse(m, "no message of it is stored");
    if (st == WW_OK)
        *since_us = ww_pg_i64(r, 0, 0);
    return st;
}

/* ---- One message ---- */

/* As the path does: bytes, batch, rows of the catalog. False: it could not be taken, or must not be. */
static bool read_message(struct messages_run *m, const struct ww_pg_result *r, int i, struct ww_arena *arena,
                         struct ww_batch *batch, struct ww_located *located) {
    const struct ww_cat_feed *feed = &m->world->catalog->feeds[m->feed];
    struct ww_surroundings around = {ww_pg_str(r, i, 1), ww_pg_i64(r, i, 0)};
    struct ww_str packed, body;
    struct ww_buf missing;
    if (ww_pg_is_null(r, i, 2)) {
        m->failed = refuse(m, "the bytes of its messages are not kept");
        return false;
    }
    if (ww_pg_bytes(r, i, 2, arena, &packed) != WW_OK || !ww_raw_unpack(packed, BODY_CEILING, arena, &body)) {
        m->failed = refuse(m, "the bytes of a message can't be read");
        return false;
    }
    if (ww_decode_message(feed->config, &around, body, MOST_ROWS, arena, batch, m->of->err) != WW_OK)
        return false; /* it was one dead letter, of nobody */
    batch->arena = arena;
    ww_buf_init(&missing, 1 << 20);
    enum ww_status st =
        ww_locate(m->world->catalog, feed, batch, body, around.received_at_us, located, &missing, m->of->err);
    ww_buf_clear(&missing);
    return st == WW_OK;
}

static void note_message(struct messages_run *m, const struct ww_pg_result *r, int i) {
    struct ww_arena *arena = ww_arena_new(MESSAGE_CEILING);
    struct ww_batch batch;
    struct ww_located located;
    assert(arena);
    if (read_message(m, r, i, arena, &batch, &located)) {
        struct ww_health_message message = {.feed = m->feed,
                                            .received_us = ww_pg_i64(r, i, 0),
                                            .dead = batch.n_dead,
                                            .batch = &batch,
                                            .located = &located};
        ww_health_note(m->health, &message);
        if (m->looks)
            (void)ww_health_sweep(m->health, message.received_us, UINT32_MAX, false);
    }
    ww_arena_free(arena);
}

static bool take_page(void *arg, const struct ww_pg_result *r) {
    struct messages_run *m = arg;
    int n = ww_pg_rows(r);
    for (int i = 0; i < n && m->failed == WW_OK; i++)
        note_message(m, r, i);
    m->of->out->readings += (uint64_t)n;
    if (m->failed == WW_OK && m->of->out->readings > MOST_MESSAGES)
        m->failed = refuse(m, "more than 500000 messages would have to be decoded");
    return m->failed == WW_OK;
}

static enum ww_status note_messages(struct messages_run *m, int64_t from_us, int64_t to_us) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, m->world->catalog->feeds[m->feed].id);
    ww_pg_arg_instant(&args, from_us);
    ww_pg_arg_instant(&args, to_us);
    enum ww_status st = ww_pg_sync_each(m->of->sync, ww_sql_find("recompute_messages"), &args, PAGE_ROWS,
                                        take_page, m, m->of->err);
    ww_pg_args_clear(&args);
    return m->failed != WW_OK ? m->failed : st;
}

/* ---- Looking ---- */

static enum ww_status tell_open(struct messages_run *m) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, m->of->alert.rule_id);
    ww_pg_arg_i64(&args, m->of->alert.id);
    ww_pg_arg_instant(&args, m->of->alert.opened_us);
    enum ww_status st =
        ww_pg_sync_query(m->of->sync, ww_sql_find("recompute_open_senders"), &args, &r, m->of->err);
    ww_pg_args_clear(&args);
    for (int i = 0; st == WW_OK && i < ww_pg_rows(r); i++)
        (void)ww_health_take_alert(m->health, m->of->alert.rule_id, ww_pg_bool(r, i, 0), ww_pg_i64(r, i, 1),
                                   ww_pg_i64(r, i, 2), (uint32_t)ww_pg_i64(r, i, 3), m->of->alert.opened_us);
    return st;
}

static enum ww_status log_actions(struct messages_run *m, int64_t now_us) {
    struct ww_health_page page;
    (void)ww_health_write_page(m->health, now_us, &page);
    enum ww_status st = ww_alert_log_apply(m->of->log, ww_buf_str(&page.actions), m->of->err);
    ww_buf_clear(&page.things);
    ww_buf_clear(&page.feeds);
    ww_buf_clear(&page.actions);
    return st;
}

/* The look that found it. A district of many things is looked at a part at a time: the thing then was looked
 * at a moment before the end of the pass, when it was decided. */
static enum ww_status look(struct messages_run *m) {
    uint32_t n = m->world->catalog->n_things, first = m->thing == WW_CATALOG_NONE ? n : m->thing + 1;
    int64_t at_us = m->of->alert.opened_us;
    if (m->looked_us != at_us && first < n)
        (void)ww_health_sweep(m->health, m->looked_us, first, true);
    (void)ww_health_sweep(m->health, at_us, UINT32_MAX, true);
    return log_actions(m, at_us);
}

/* ---- The whole ---- */

static enum ww_status begin(struct messages_run *m, int64_t *since_us) {
    struct ww_json_node *explanation;
    struct ww_str looked_at;
    enum ww_status st = ww_world_read(m->of->sync, &m->of->rule, &m->world, m->of->err);
    if (st == WW_OK)
        st = find_sender(m);
    if (st == WW_OK)
        st = ww_json_parse(m->of->arena, m->of->alert.explanation, &explanation, m->of->err);
    if (st != WW_OK)
        return st;
    if (!ww_json_as_str(ww_json_get(explanation, "looked_at"), &looked_at) ||
        ww_instant_parse(looked_at, NULL, &m->looked_us, NULL) != WW_OK)
        m->looked_us = m->of->alert.opened_us;
    m->health = ww_health_new();
    ww_health_attach(m->health, m->world->catalog, m->world->health_rules);
    ww_health_assume(m->health, m->feed, explanation);
    return find_since(m, since_us);
}

enum ww_status recompute_by_messages(struct recompute *of) {
    struct messages_run m = {.of = of, .looks = true};
    const struct stored_alert *alert = &of->alert;
    int64_t since_us = 0;
    of->out->first_version = of->out->last_version = of->rule.version;
    enum ww_status st = begin(&m, &since_us);
    if (st == WW_OK)
        st = note_messages(&m, since_us, m.looked_us);
    if (st == WW_OK)
        st = tell_open(&m);
    if (st == WW_OK)
        st = look(&m);
    m.looks = false;
    if (st == WW_OK && alert->cleared_us != WW_INSTANT_NONE)
        st = note_messages(&m, m.looked_us + 1, alert->cleared_us);
    if (st == WW_OK && alert->cleared_us != WW_INSTANT_NONE) {
        (void)ww_health_sweep(m.health, alert->cleared_us, UINT32_MAX, true);
        st = log_actions(&m, alert->cleared_us);
    }
    ww_health_free(m.health);
    world_free(m.world);
    return st;
}
