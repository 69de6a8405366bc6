/* Fills a group: locates submissions, decides the way they are stored, judges and encodes them. */
#include <assert.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "ingest/path_internal.h"

/* One submission's rows alone stay below this: 16 MiB bodies of the shortest rows give 50 MB. */
enum { ROWS_CEILING = 512 << 20, SMALL_CEILING = 128 << 20 };

void group_init(struct group *g) {
    memset(g, 0, sizeof *g);
    submissions_init(&g->members);
    ww_buf_init(&g->rows, ROWS_CEILING);
    ww_buf_init(&g->foi, ROWS_CEILING);
    ww_buf_init(&g->messages, ROWS_CEILING);
    ww_buf_init(&g->dead, ROWS_CEILING);
    ww_buf_init(&g->actions, SMALL_CEILING);
}

void group_clear(struct group *g) {
    assert(g->members.count == 0);
    ww_buf_clear(&g->rows);
    ww_buf_clear(&g->foi);
    ww_buf_clear(&g->messages);
    ww_buf_clear(&g->dead);
    ww_buf_clear(&g->actions);
    ww_free(g->months);
    g->months = NULL;
}

void group_requeue(struct group *g) {
    struct submission *s;
    while ((s = g->members.tail)) { /* last first, each in front of its queue: their order is as it was */
        submissions_remove(&g->members, s);
        s->generation = 0;
        s->raw_message_id = 0;
        s->stored = s->corrections = s->duplicates = s->late = 0;
        s->repeated = false;
        s->outcome = NULL;
        path_wait_in_front(s);
    }
}

int64_t id_pool_left(const struct id_pool *pool) {
    return pool->left + (int64_t)pool->n_blocks * ID_BLOCK;
}

int64_t id_pool_take(struct id_pool *pool) {
    if (pool->left == 0) {
        if (pool->n_blocks == 0)
            return 0;
        pool->next = pool->blocks[0]; /* oldest first: ids grow with the order of arrival */
        memmove(pool->blocks, pool->blocks + 1, --pool->n_blocks * sizeof *pool->blocks);
        pool->left = ID_BLOCK;
    }
    pool->left--;
    return pool->next++;
}

/* ---- Fast or slow ---- */

/* Takes the rows' times as known if each is newer than all that is known of its datastream;
 * otherwise changes nothing. */
static bool advance_times(struct ww_catalog *catalog, const struct submission *s) {
    const struct ww_located *l = &s->located;
    uint32_t i = 0;
    int64_t *before = ww_try_malloc((l->n_rows ? l->n_rows : 1) * sizeof *before);
    if (!before)
        return false;
    for (; i < l->n_rows; i++) {
        struct ww_cat_datastream *ds = &catalog->datastreams[l->datastream[i]];
        int64_t time_us = s->batch.time_us[l->row[i]];
        if (time_us <= ds->last_time_us)
            break;
        before[i] = ds->last_time_us;
        ds->last_time_us = time_us;
    }
    bool all = i == l->n_rows;
    if (!all)
        while (i-- > 0)
            catalog->datastreams[l->datastream[i]].last_time_us = before[i];
    ww_free(before);
    return all;
}

/* ---- Partitions ---- */

/* A moment's month, roughly: any 28-day bucket that may touch a month not yet known asks for it. */
static void note_month(struct ww_path *path, struct group *g, int64_t time_us) {
    struct ww_civil civil = ww_instant_to_civil(time_us, NULL);
    int32_t month = civil.year * 12 + civil.month;
    struct ww_str key = {(const char *)&month, sizeof month};
    uint64_t known;
    if (ww_map_get(path->months, key, &known))
        return;
    if (g->n_months == g->cap_months) {
        g->cap_months = g->cap_months ? g->cap_months * 2 : 8;
        g->months = ww_try_realloc(g->months, g->cap_months * sizeof *g->months);
        assert(g->months);
    }
    g->months[g->n_months++] = time_us;
    enum ww_status st = ww_map_put(path->months, key, 1); /* forgotten again if the transaction fails */
    assert(st == WW_OK);
    (void)st;
}

static void note_months(struct ww_path *path, struct group *g, const struct submission *s) {
    int64_t day = INT64_MIN; /* months are looked up once a run of rows of the same day */
    for (uint32_t i = 0; i < s->located.n_rows; i++) {
        int64_t time_us = s->batch.time_us[s->located.row[i]];
        int64_t its_day = time_us / WW_DAY_US;
        if (its_day == day)
            continue;
        day = its_day;
        note_month(path, g, time_us);
    }
}

/* ---- Encoding ---- */

static void encode_rows(struct ww_path *path, struct group *g, struct submission *s) {
    const struct ww_located *l = &s->located;
    const struct ww_batch *b = &s->batch;
    const struct ww_catalog *catalog = path->world->catalog;
    uint32_t own = 0;
    for (uint32_t i = 0; i < l->n_rows; i++) {
        uint32_t row = l->row[i];
        int64_t foi_id = 0;
        if (own < l->n_own && l->own[own].row == i) {
            foi_id = id_pool_take(&path->foi_ids);
            const struct ww_feed_config *config = catalog->feeds[ww_catalog_feed(catalog, s->feed)].config;
            ww_copy_foi(&g->foi, foi_id, &l->own[own++], ww_datum_name(ww_feed_config_datum(config)));
            g->n_foi++;
        }
        struct ww_copy_observation out = {.datastream_id = catalog->datastreams[l->datastream[i]].id,
                                          .time_us = b->time_us[row],
                                          .raw_message_id = s->raw_message_id,
                                          .foi_id = foi_id,
                                          .value = l->value[i],
                                          .interval_s = b->interval_s[row],
                                          .ward_id = l->ward_id[i],
                                          .flag = b->flag[row],
                                          .detail = b->detail ? b->detail[row] : WW_STR_NONE};
        if (g->slow)
            ww_copy_stage(&g->rows, &out, (int32_t)(s->first_ordinal + i), s->repeated);
        else
            ww_copy_observation(&g->rows, &out);
    }
}

static void expect_row(const struct ww_path *path, const struct submission *s, uint32_t i) {
    ww_judge_expect(path->world->judge, &path->world->catalog->datastreams[s->located.datastream[i]]);
}

static struct ww_reading reading_of(const struct submission *s, uint32_t i) {
    uint32_t row = s->located.row[i];
    return (struct ww_reading){.time_us = s->batch.time_us[row],
                               .interval_us = s->batch.interval_s[row] * WW_SECOND_US,
                               .value = s->located.value[i],
                               .flag = s->batch.flag[row]};
}

static void judge_row(struct ww_path *path, const struct submission *s, uint32_t i) {
    const struct ww_cat_datastream *ds = &path->world->catalog->datastreams[s->located.datastream[i]];
    struct ww_reading reading = reading_of(s, i);
    if (ww_judge_watches(ds))
        ww_judge_step(path->world->judge, ds, &reading, s->located.ward_id[i]);
}

static void hear_rain(struct ww_path *path, const struct submission *s, uint32_t i) {
    const struct ww_cat_datastream *ds = &path->world->catalog->datastreams[s->located.datastream[i]];
    struct ww_reading reading = reading_of(s, i);
    ww_judge_hear_rain(path->world->judge, ds, &reading);
}

/* ---- The order in which a message's rows are judged ---- */

struct ordered_row {
    int64_t time_us, datastream_id;
    int32_t interval_s;
    uint32_t index; /* into the located rows */
};

static int by_time(const void *a, const void *b) {
    const struct ordered_row *x = a;
    const struct ordered_row *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    if (x->interval_s != y->interval_s)
        return x->interval_s < y->interval_s ? -1 : 1;
    if (x->datastream_id != y->datastream_id)
        return x->datastream_id < y->datastream_id ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct ordered_row ordered_row(const struct ww_path *path, const struct submission *s, uint32_t i) {
    uint32_t row = s->located.row[i];
    return (struct ordered_row){s->batch.time_us[row],
                                path->world->catalog->datastreams[s->located.datastream[i]].id,
                                s->batch.interval_s[row], i};
}

/* A new message's rows are in the order of their times series by series; of all together only where somebody
 * asks: what is stored holds no other order, and computing an alert again must find the one that was. */
static void judge_new(struct ww_path *path, const struct submission *s) {
    uint32_t n = s->located.n_rows;
    if (n < 2 || !ww_judge_compares_series(path->world->judge)) {
        for (uint32_t i = 0; i < n; i++) {
            if (i + 1 < n)
                expect_row(path, s, i + 1);
            judge_row(path, s, i);
        }
        return;
    }
    struct ordered_row *rows = ww_must_calloc(n, sizeof *rows);
    bool is_sorted = true;
    for (uint32_t i = 0; i < n; i++) {
        rows[i] = ordered_row(path, s, i);
        is_sorted = is_sorted && (i == 0 || by_time(&rows[i - 1], &rows[i]) < 0);
    }
    if (!is_sorted)
        qsort(rows, n, sizeof *rows, by_time);
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 < n)
            expect_row(path, s, rows[i + 1].index);
        judge_row(path, s, rows[i].index);
    }
    ww_free(rows);
}

void group_encode_messages(struct group *g) {
    ww_copy_begin(&g->messages);
    ww_copy_begin(&g->dead);
    for (struct submission *s = g->members.head; s; s = s->next) {
        uint32_t n_dead = s->repeated ? 0 : s->batch.n_dead;
        struct ww_copy_raw_message message = {.id = s->raw_message_id,
                                              .feed_id = s->feed_id,
                                              .account_id = s->account_id,
                                              .received_at_us = s->received_at_us,
                                              .peer = s->peer,
                                              .content_type = s->content_type,
                                              .sha256 = {(const char *)s->sha256, sizeof s->sha256},
                                              .n_bytes = s->body.len,
                                              .received = (int64_t)s->batch.n_received,
                                              .stored = (int64_t)s->stored,
                                              .corrections = (int64_t)s->corrections,
                                              .duplicates = (int64_t)s->duplicates,
                                              .dead = n_dead,
                                              .deviations = s->batch.deviations,
                                              /* a repeat's bytes are there already, with the first */
                                              .body_zstd = s->repeated ? WW_STR_NONE : s->body_zstd};
        ww_copy_raw_message(&g->messages, &message);
        for (uint32_t i = 0; i < n_dead; i++)
            ww_copy_dead_letter(&g->dead, s->feed_id, s->raw_message_id, &s->batch.dead[i], s->csv_header,
                                s->content_type);
        g->n_dead += n_dead;
    }
    ww_copy_end(&g->messages);
    ww_copy_end(&g->dead);
}

/* ---- Taking ---- */

enum take_result group_locate(struct ww_path *path, struct submission *s, struct ww_buf *missing) {
    const struct ww_catalog *catalog = path->world->catalog;
    uint32_t feed = ww_catalog_feed(catalog, s->feed);
    if (feed == WW_CATALOG_NONE) {
        ww_error_set(&s->err, WW_NOT_FOUND, "there is no feed \"%.*s\" any more", WW_STR_ARG(s->feed));
        return TAKE_REFUSED;
    }
    s->feed_id = catalog->feeds[feed].id;
    if (s->is_given_up) {
        memset(&s->located, 0, sizeof s->located);
        s->generation = catalog->generation;
        return TAKE_OK;
    }
    s->batch.n_dead = s->n_dead_decoded;
    enum ww_status st = ww_locate(catalog, &catalog->feeds[feed], &s->batch, s->body, s->received_at_us,
                                  &s->located, missing, &s->err);
    if (st == WW_NOT_FOUND)
        return TAKE_NEEDS_THINGS;
    if (st != WW_OK)
        return TAKE_REFUSED;
    if (s->batch.n_dead > s->n_dead_decoded && ww_feed_config_is_strict(catalog->feeds[feed].config)) {
        const struct ww_dead_row *dead = &s->batch.dead[s->n_dead_decoded];
        ww_error_set(&s->err, WW_BAD_INPUT, "%s", dead->reason);
        ww_error_at_field(&s->err, ww_str_of(dead->field), WW_STR_NONE);
        s->err.line = dead->line;
        s->err.column = dead->column;
        return TAKE_REFUSED;
    }
    s->generation = catalog->generation;
    return TAKE_OK;
}

static void begin_rows(struct group *g) {
    ww_copy_begin(&g->rows);
    ww_copy_begin(&g->foi);
}

enum take_result group_take(struct ww_path *path, struct group *g, struct submission *s,
                            struct ww_buf *missing) {
    if (s->generation != path->world->catalog->generation) {
        enum take_result located = group_locate(path, s, missing);
        if (located != TAKE_OK)
            return located;
    }
    if (id_pool_left(&path->message_ids) == 0 || id_pool_left(&path->foi_ids) < s->located.n_own)
        return TAKE_NEEDS_IDS;
    /* A group is all fast or all slow, so that judging keeps the order of arrival. A message
     * without a row to store may be a repeat: only the slow way finds out. */
    if (g->members.count == 0 || !g->slow) {
        bool fast = s->located.n_rows > 0 && advance_times(path->world->catalog, s);
        if (!fast && (g->members.count > 0 || path->state != WRITER_IDLE))
            return TAKE_LATER; /* slow verdicts come late: begin only when nothing else is under way */
        g->slow = !fast;
    }
    s->raw_message_id = id_pool_take(&path->message_ids);
    note_months(path, g, s);
    g->n_rows += s->located.n_rows;
    if (!g->slow) {
        if (g->members.count == 0)
            begin_rows(g);
        encode_rows(path, g, s);
        s->stored = s->located.n_rows;
        for (uint32_t i = 0; i < s->located.n_rows; i++)
            hear_rain(path, s, i);
        judge_new(path, s);
    }
    return TAKE_OK;
}

void group_encode_slow(struct ww_path *path, struct group *g) {
    uint32_t ordinal = 0;
    begin_rows(g);
    for (struct submission *s = g->members.head; s; s = s->next) {
        s->first_ordinal = ordinal;
        s->duplicates = s->repeated ? s->batch.n_dead : 0; /* its dead rows are kept already */
        encode_rows(path, g, s);
        ordinal += s->located.n_rows;
    }
}

/* ---- After the staging table has spoken ---- */

/* A message's rows are judged in the order of their times, as a rebuild replays them. */
static void judge_in_time_order(struct ww_path *path, struct submission *s, struct ordered_row *rows,
                                uint32_t n) {
    qsort(rows, n, sizeof *rows, by_time);
    for (uint32_t i = 0; i < n; i++)
        hear_rain(path, s, rows[i].index);
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 < n)
            expect_row(path, s, rows[i + 1].index);
        struct ww_cat_datastream *ds =
            &path->world->catalog->datastreams[s->located.datastream[rows[i].index]];
        if (rows[i].time_us > ds->last_time_us)
            ds->last_time_us = rows[i].time_us;
        else
            s->late++;
        judge_row(path, s, rows[i].index);
    }
}

/* `not_plain`: ordinal, stored, version of the rows that are duplicates or corrections, by ordinal. */
void group_judge_stored(struct ww_path *path, struct group *g, const struct ww_pg_result *not_plain) {
    int next = 0;
    int n = ww_pg_rows(not_plain);
    struct ordered_row *rows = ww_must_calloc(g->n_rows, sizeof *rows);
    for (struct submission *s = g->members.head; s; s = s->next) {
        uint32_t n_stored = 0;
        s->outcome = ww_arena_alloc(s->arena, s->located.n_rows);
        for (uint32_t i = 0; i < s->located.n_rows; i++) {
            enum ww_row_outcome outcome = WW_ROW_STORED;
            if (next < n && ww_pg_i64(not_plain, next, 0) == (int64_t)s->first_ordinal + i) {
                outcome = ww_pg_bool(not_plain, next, 1) ? WW_ROW_CORRECTED : WW_ROW_DUPLICATE;
                s->corrections += outcome == WW_ROW_CORRECTED;
                next++;
            }
            if (s->outcome) /* without memory for it, health takes all for new */
                s->outcome[i] = (uint8_t)outcome;
            bool stored = outcome != WW_ROW_DUPLICATE;
            if (stored)
                rows[n_stored++] = ordered_row(path, s, i);
            else
                s->duplicates++;
        }
        s->stored = n_stored;
        judge_in_time_order(path, s, rows, n_stored);
    }
    ww_free(rows);
}
