/* Writes a group in one transaction, and fetches what a group needs before it.
 *
 * Fast:  BEGIN · partitions? · COPY foi? · COPY observation · COPY raw_message · COPY dead_letter? · ledger
 *        · alert_apply? · COMMIT, all queued at once.
 * Slow:  which messages are repeats? · BEGIN · partitions? · COPY stage · stage_store tells which rows are
 *        new · then judge them, and the rest as above.
 *
 * The COMMIT's answer alone decides: tag COMMIT = acknowledged; tag ROLLBACK = a statement had
 * failed; no answer = in doubt, and nobody is told that it was stored.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/statistic.h"
#include "ingest/path_internal.h"

enum { MAX_ATTEMPTS = 3 };

static void note_failure(struct group *g, enum ww_status status, const struct ww_error *err) {
    if (status == WW_OK || g->failed != WW_OK)
        return;
    g->failed = status;
    g->err = *err;
    g->err.status = status;
}

/* Every statement but the deciding ones. */
static void on_statement(void *arg, enum ww_status status, const struct ww_pg_result *result,
                         const struct ww_error *err) {
    (void)result;
    struct ww_path *path = arg;
    note_failure(&path->writing, status, err);
}

/* ---- After COMMIT ---- */

static void finish_ok(struct ww_path *path) {
    struct group *g = &path->writing;
    path->totals.commits++;
    health_keeper_committed(path->health);
    path->totals.fast_commits += !g->slow;
    path->totals.alerts_opened += g->opened;
    path->totals.alerts_cleared += g->cleared;
    path->totals.muted_by_rain += g->muted[WW_MUTE_RAIN];
    path->totals.muted_by_maintenance += g->muted[WW_MUTE_MAINTENANCE];
    if (g->opened + g->cleared > 0)
        space_keeper_alerts_moved(path->space);
    struct submission_list done = g->members;
    submissions_init(&g->members);
    group_clear(g);
    group_init(g);
    path_set_state(path, WRITER_IDLE, "");
    path_go_on(path); /* the database has work while thousands are answered */
    struct submission *s;
    while ((s = submissions_take(&done)))
        path_answer(s, WW_OK, NULL);
    path_kick(path);
}

/* One message of the group is to blame: alone, it is told so. Of what PostgreSQL refuses only data (22),
 * constraints (23), limits of a row (54) and what our functions raise (P0) can be a message's fault: a table
 * that is gone or broken, a bug of ours, are not, and what was sent must not become a dead letter for them.
 */
static bool blames_a_message(const struct ww_error *err) {
    static const char *const classes[] = {"22", "23", "54", "P0"};
    if (err->status == WW_TOO_LARGE)
        return true;
    for (size_t i = 0; err->status == WW_BAD_INPUT && i < sizeof classes / sizeof *classes; i++)
        if (strncmp(err->field, classes[i], 2) == 0)
            return true;
    return false;
}

static bool is_ours_to_retry(const struct ww_error *err) {
    return err->status == WW_CONFLICT || blames_a_message(err);
}

/* True: not once more, the senders must be told. */
static bool is_tried_enough(const struct group *g) {
    if (!is_ours_to_retry(&g->err))
        return true;
    for (const struct submission *s = g->members.head; s; s = s->next)
        if (s->attempts >= MAX_ATTEMPTS)
            return true;
    return false;
}

/* The transaction did not happen, or nobody knows. What was judged is wrong now: build the state
 * again from the database. A refused group is tried once more, each submission alone, so that
 * one bad message never takes others with it; when the world is down the senders are told, of all that waits.
 */
static void finish_failed(struct ww_path *path) {
    struct group *g = &path->writing;
    struct ww_error err = g->err;
    path->totals.failed_commits++;
    ww_log(WW_LOG_WARN, "commit=failed messages=%u rows=%u status=%s reason=\"%s\"", g->members.count,
           g->n_rows, ww_status_name(err.status), err.message);
    ww_map_free(path->months);
    path->months = ww_map_new(64);

    bool hopeless = blames_a_message(&err) && g->members.count == 1;
    for (struct submission *s = g->members.head; s; s = s->next) {
        s->attempts++;
        s->is_suspect = blames_a_message(&err);
    }
    bool enough = !hopeless && is_tried_enough(g);
    struct submission *refused = hopeless ? submissions_take(&g->members) : NULL;
    group_requeue(&path->open);
    group_requeue(g);
    group_clear(g);
    group_init(g);
    group_clear(&path->open);
    group_init(&path->open);
    if (refused)
        path_refuse(refused, &err);
    if (enough) {
        err.status = WW_UNAVAILABLE; /* whatever it was: no sender is to blame */
        path_fail_all(path, &err);
        ww_pg_drop(path->pg); /* and again with its back-off: a full disk must not keep us busy */
    } else if (ww_pg_is_up(path->pg)) {
        load_start(path, false);
    }
}

static void on_commit(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    struct ww_path *path = arg;
    struct group *g = &path->writing;
    note_failure(g, status, err);
    if (g->failed == WW_OK && !ww_str_is(ww_pg_tag(result), "COMMIT")) {
        struct ww_error rolled;
        ww_error_set(&rolled, WW_UNAVAILABLE, "the transaction was rolled back");
        note_failure(g, WW_UNAVAILABLE, &rolled);
    }
    if (g->failed == WW_OK)
        finish_ok(path);
    else
        finish_failed(path);
}

/* ---- Queueing statements ---- */

/* A statement that can't even be queued breaks the connection off: on_commit hears of it. */
static void queue(struct ww_path *path, enum ww_status st) {
    if (st == WW_OK)
        return;
    struct ww_error err;
    ww_error_set(&err, WW_UNAVAILABLE, "the database connection takes no statement: %s", ww_status_name(st));
    note_failure(&path->writing, WW_UNAVAILABLE, &err);
}

static void queue_copy(struct ww_path *path, const char *sql, struct ww_buf *rows, struct ww_str *part) {
    enum ww_status full = ww_buf_status(rows);
    if (full != WW_OK) {
        queue(path, full);
        return;
    }
    *part = ww_buf_str(rows);
    queue(path, ww_pg_copy_in(path->pg, sql, part, 1, on_statement, path));
}

static void queue_begin(struct ww_path *path) {
    queue(path, ww_pg_exec(path->pg, "BEGIN", NULL, on_statement, path));
    queue(path, ww_pg_query(path->pg, ww_sql_find("writer_begins"), NULL, on_statement, path));
}

static void queue_partitions(struct ww_path *path) {
    struct group *g = &path->writing;
    if (g->n_months == 0)
        return;
    struct ww_buf list;
    ww_buf_init(&list, 1 << 20);
    for (uint32_t i = 0; i < g->n_months; i++) {
        char text[40];
        ww_instant_text(g->months[i], text);
        ww_buf_printf(&list, "%c\"%s\"", i ? ',' : '{', text);
    }
    ww_buf_char(&list, '}');
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&list));
    queue(path, ww_pg_query(path->pg, ww_sql_find("partitions"), &args, on_statement, path));
    ww_pg_args_clear(&args);
    ww_buf_clear(&list);
}

static void queue_ledger(struct ww_path *path) {
    struct group *g = &path->writing;
    struct ww_buf list;
    ww_buf_init(&list, 8 << 20);
    for (const struct submission *s = g->members.head; s; s = s->next)
        ww_buf_printf(&list, "%c%lld", s == g->members.head ? '{' : ',', (long long)s->raw_message_id);
    ww_buf_char(&list, '}');
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&list));
    queue(path, ww_pg_query(path->pg, ww_sql_find("ledger_messages"), &args, on_statement, path));
    ww_pg_args_clear(&args);
    ww_buf_clear(&list);
}

static void queue_alerts(struct ww_path *path) {
    struct group *g = &path->writing;
    enum ww_status st = ww_judge_take_actions(path->world->judge, &g->actions, &g->opened, &g->cleared);
    ww_judge_take_muted(path->world->judge, g->muted);
    if (st != WW_OK) {
        struct ww_error err;
        ww_error_set(&err, st,
                     "the message moves more alerts than one transaction may (%d): send it in smaller parts",
                     WW_JUDGE_MOST_MOVES);
        note_failure(g, st, &err);
        return;
    }
    if (g->actions.len == 0)
        return;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&g->actions));
    queue(path, ww_pg_query(path->pg, ww_sql_find("alert_apply"), &args, on_statement, path));
    ww_pg_args_clear(&args);
}

/* Messages, dead letters, ledger, alerts, COMMIT: the same for both ways. */
static void queue_rest(struct ww_path *path) {
    struct group *g = &path->writing;
    group_encode_messages(g);
    queue_copy(path, ww_copy_raw_message_sql, &g->messages, &g->parts[2]);
    if (g->n_dead > 0)
        queue_copy(path, ww_copy_dead_letter_sql, &g->dead, &g->parts[3]);
    queue_ledger(path);
    queue_alerts(path);
    /* A statement that could not be queued must not be missing from what is committed. */
    const char *end = g->failed == WW_OK ? "COMMIT" : "ROLLBACK";
    enum ww_status st = ww_pg_exec(path->pg, end, NULL, on_commit, path);
    if (st == WW_OK)
        return;
    queue(path, st);
    ww_pg_drop(path->pg); /* what was queued must not be committed by the next group's COMMIT */
    finish_failed(path);  /* on_commit will not come */
}

static void queue_foi(struct ww_path *path) {
    struct group *g = &path->writing;
    ww_copy_end(&g->foi);
    if (g->n_foi > 0)
        queue_copy(path, ww_copy_foi_sql, &g->foi, &g->parts[0]);
}

static void store_fast(struct ww_path *path) {
    struct group *g = &path->writing;
    queue_begin(path);
    queue_partitions(path);
    queue_foi(path);
    ww_copy_end(&g->rows);
    queue_copy(path, ww_copy_observation_sql, &g->rows, &g->parts[1]);
    queue_rest(path);
}

/* ---- The slow way ---- */

static void on_staged(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    struct ww_path *path = arg;
    note_failure(&path->writing, status, err);
    if (status == WW_OK)
        group_judge_stored(path, &path->writing, result);
    queue_rest(path);
}

static void on_repeats_known(void *arg, enum ww_status status, const struct ww_pg_result *result,
                             const struct ww_error *err) {
    struct ww_path *path = arg;
    struct group *g = &path->writing;
    note_failure(g, status, err);
    if (status != WW_OK) {
        finish_failed(path);
        return;
    }
    struct ww_map *known = ww_map_new((size_t)ww_pg_rows(result) + g->members.count);
    char key[80];
    for (int i = 0; i < ww_pg_rows(result); i++) {
        int n = snprintf(key, sizeof key, "%lld %.*s", (long long)ww_pg_i64(result, i, 0),
                         WW_STR_ARG(ww_pg_str(result, i, 1)));
        if (ww_map_put(known, (struct ww_str){key, (size_t)n}, 1) != WW_OK)
            abort();
    }
    for (struct submission *s = g->members.head; s; s = s->next) {
        int n = snprintf(key, sizeof key, "%d ", s->feed_id);
        for (size_t i = 0; i < sizeof s->sha256; i++)
            n += snprintf(key + n, sizeof key - (size_t)n, "%02x", s->sha256[i]);
        struct ww_str its_key = {key, (size_t)n};
        uint64_t value;
        s->repeated = ww_map_get(known, its_key, &value);
        if (ww_map_put(known, its_key, 1) != WW_OK) /* the same again in this group is a repeat too */
            abort();
    }
    ww_map_free(known);
    group_encode_slow(path, g);
    queue_begin(path);
    queue_partitions(path);
    queue_foi(path);
    ww_copy_end(&g->rows);
    queue_copy(path, ww_copy_stage_sql, &g->rows, &g->parts[1]);
    if (ww_pg_query(path->pg, ww_sql_find("stage_store"), NULL, on_staged, path) != WW_OK) {
        queue(path, WW_BUSY);
        queue_rest(path);
    }
}

static void store_slow(struct ww_path *path) {
    struct group *g = &path->writing;
    struct ww_buf list;
    ww_buf_init(&list, 8 << 20);
    for (const struct submission *s = g->members.head; s; s = s->next) {
        ww_buf_char(&list, s == g->members.head ? '{' : ',');
        for (size_t i = 0; i < sizeof s->sha256; i++)
            ww_buf_printf(&list, "%02x", s->sha256[i]);
    }
    ww_buf_char(&list, '}');
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&list));
    enum ww_status st = ww_pg_query(path->pg, ww_sql_find("messages_known"), &args, on_repeats_known, path);
    ww_pg_args_clear(&args);
    ww_buf_clear(&list);
    if (st != WW_OK) {
        queue(path, st);
        finish_failed(path);
    }
}

void store_group(struct ww_path *path) {
    path_set_state(path, WRITER_WRITING, NULL);
    if (path->writing.slow)
        store_slow(path);
    else
        store_fast(path);
}

/* ---- Before a group: things that register themselves, ids ---- */

static int32_t to_property_index(const struct ww_catalog *catalog, int64_t property_id) {
    for (uint32_t i = 0; i < catalog->n_properties; i++)
        if (catalog->properties[i].id == property_id)
            return (int32_t)i;
    return -1;
}

static void on_registered(void *arg, enum ww_status status, const struct ww_pg_result *r,
                          const struct ww_error *err) {
    struct ww_path *path = arg;
    if (status == WW_UNAVAILABLE && !ww_pg_is_up(path->pg))
        return; /* on_pg_state has told everybody */
    path_set_state(path, WRITER_IDLE, "");
    if (status != WW_OK) {
        ww_log(WW_LOG_WARN, "register=failed reason=\"%s\"", err->message);
        struct ww_error told = *err;
        if (blames_a_message(err)) {
            path_refuse_preparing(path, &told);
        } else {
            told.status = WW_UNAVAILABLE;
            path_fail_all(path, &told);
        }
    }
    struct ww_catalog *catalog = path->world->catalog;
    for (int i = 0; status == WW_OK && i < ww_pg_rows(r); i++) {
        int32_t property = to_property_index(catalog, ww_pg_i64(r, i, 8));
        if (property < 0)
            continue;
        struct ww_cat_thing thing = {.id = ww_pg_i64(r, i, 2),
                                     .feed_id = (int32_t)ww_pg_i64(r, i, 0),
                                     .class_index = ww_catalog_name(catalog, ww_pg_str(r, i, 3)),
                                     .limit_class_index = ww_catalog_name(catalog, ww_pg_str(r, i, 4)),
                                     .ward_id = (uint32_t)ww_pg_i64(r, i, 5),
                                     .raw = {ww_pg_double(r, i, 6), ww_pg_double(r, i, 7)}};
        uint32_t before = catalog->n_datastreams;
        struct ww_cat_datastream series = {.id = ww_pg_i64(r, i, 9),
                                           .thing = ww_catalog_add_thing(catalog, ww_pg_str(r, i, 1), &thing),
                                           .property = (uint16_t)property,
                                           .statistic = ww_statistic_find(ww_pg_str(r, i, 10)),
                                           .interval_s = (int32_t)ww_pg_i64(r, i, 11)};
        if (series.statistic == WW_STATISTIC_UNKNOWN)
            continue;
        uint32_t ds = ww_catalog_add_datastream(catalog, &series);
        if (catalog->n_datastreams > before)
            ww_judge_attach(path->world->judge, catalog, ds);
    }
    health_keeper_grew(path->health);
    path_kick(path);
}

void store_register(struct ww_path *path, struct ww_buf *missing) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(missing));
    if (ww_pg_query(path->pg, ww_sql_find("register_things"), &args, on_registered, path) == WW_OK)
        path_set_state(path, WRITER_PREPARING, NULL);
    ww_pg_args_clear(&args);
}

static void on_ids(void *arg, enum ww_status status, const struct ww_pg_result *r,
                   const struct ww_error *err) {
    struct ww_path *path = arg;
    if (status != WW_OK) {
        ww_log(WW_LOG_WARN, "ids=failed reason=\"%s\"", err->message);
        if (ww_pg_is_up(path->pg))
            ww_pg_drop(path->pg); /* nothing works without ids: begin again */
        return;
    }
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct id_pool *pool = ww_pg_i64(r, i, 0) == 0 ? &path->message_ids : &path->foi_ids;
        if (pool->n_blocks < sizeof pool->blocks / sizeof *pool->blocks)
            pool->blocks[pool->n_blocks++] = ww_pg_i64(r, i, 1);
    }
    path_set_state(path, WRITER_IDLE, "");
    path_kick(path);
}

void store_fetch_ids(struct ww_path *path, uint32_t message_blocks, uint32_t foi_blocks) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, message_blocks);
    ww_pg_arg_i64(&args, foi_blocks);
    if (ww_pg_query(path->pg, ww_sql_find("id_blocks"), &args, on_ids, path) == WW_OK)
        path_set_state(path, WRITER_PREPARING, NULL);
    ww_pg_args_clear(&args);
}
