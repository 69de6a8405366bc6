/* Hot-spot rules on the loop and in the database: what they know is built from the newest values, kept up by
 * each reading, settled at most once a second on the worker and written where anybody may read it.
 *
 *   places (space_places.h) ▶ newest values ▶ open alerts ▶ done
 *
 * Readings that commit meanwhile go into the new watch at once: the newer time wins, in whichever order they
 * come.
 */
#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/space_internal.h"

enum load_step { LOAD_PLACES, LOAD_VALUES, LOAD_OPEN, LOAD_DONE };
enum { ROWS_CEILING = 64 << 20 };
#define AGAIN_US (60 * WW_SECOND_US)
#define STALE_US (2 * WW_SECOND_US)
#define WRITE_US (2 * WW_SECOND_US)
#define REST_US  WW_SECOND_US /* between two settlings */

static void next_question(struct space_keeper *k);

void hotspot_load_drop(struct space_keeper *k) {
    if (!k->loading_map)
        return;
    space_places_clear(&k->load_places);
    ww_hotspot_watch_free(k->loading_map->next_watch);
    k->loading_map->next_watch = NULL;
    k->loading_map = NULL;
}

void hotspot_seat_free(struct hotspot_seat *seat) {
    ww_hotspot_watch_free(seat->watch);
    ww_hotspot_watch_free(seat->next_watch);
    ww_free(seat);
}

static void give_up(struct space_keeper *k, const struct ww_error *err) {
    struct hotspot_seat *seat = k->loading_map;
    ww_log(WW_LOG_ERROR, "rule=%.*s reason=\"%s\"; it is off", WW_STR_ARG(seat->rule->code), err->message);
    seat->is_stale = true;
    seat->stale_us = space_now_us() + AGAIN_US;
    hotspot_load_drop(k);
    k->step = SPACE_READY;
}

/* ---- Loading ---- */

static enum ww_status take_places(struct space_keeper *k, const struct ww_pg_result *r,
                                  struct ww_error *err) {
    return space_places_take(&k->load_places, r, err);
}

/* Before the values are asked for, so that no reading falls between. */
static enum ww_status make_watch(struct space_keeper *k, struct ww_error *err) {
    const struct ww_catalog *c = k->path->world->catalog;
    enum ww_status st = space_places_finish(&k->load_places, c->ward_index, err);
    return st == WW_OK ? space_places_hotspot(&k->load_places, c, &k->loading_map->next_watch, err) : st;
}

static enum ww_status take_values(struct space_keeper *k, const struct ww_pg_result *r,
                                  struct ww_error *err) {
    (void)err;
    space_take_values(r, k->loading_map->next_watch, &k->load_known);
    k->load_step = LOAD_OPEN;
    return WW_OK;
}

static enum ww_status take_open(struct space_keeper *k, const struct ww_pg_result *r, struct ww_error *err) {
    (void)err;
    for (int i = 0; i < ww_pg_rows(r); i++)
        ww_hotspot_watch_take_open(k->loading_map->next_watch, ww_pg_i64(r, i, 0));
    k->load_step = LOAD_DONE;
    return WW_OK;
}

static void finish(struct space_keeper *k) {
    struct hotspot_seat *seat = k->loading_map;
    ww_hotspot_watch_free(seat->watch);
    seat->watch = seat->next_watch;
    seat->next_watch = NULL;
    seat->known = space_known_of_load(k);
    seat->writes_all = true;
    ww_log(WW_LOG_INFO, "hotspot=loaded rule=%.*s", WW_STR_ARG(seat->rule->code));
    hotspot_load_drop(k);
    k->step = SPACE_READY;
}

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *why) {
    static enum ww_status (*const take[])(struct space_keeper *, const struct ww_pg_result *,
                                          struct ww_error *) = {
        [LOAD_PLACES] = take_places, [LOAD_VALUES] = take_values, [LOAD_OPEN] = take_open};
    struct space_keeper *k = arg;
    if (!space_answered(k, status, why))
        return;
    if (!k->loading_map) { /* the world changed meanwhile */
        space_go_on(k);
        return;
    }
    struct ww_error err;
    if (take[k->load_step](k, r, &err) != WW_OK)
        give_up(k, &err);
    else if (k->load_step == LOAD_DONE)
        finish(k);
    if (k->loading_map)
        next_question(k);
    if (!k->loading_map)
        space_go_on(k);
}

static void next_question(struct space_keeper *k) {
    const struct ww_space_rule *rule = k->loading_map->rule;
    const struct space_moment when = space_moment_now(space_now_us());
    const char *query = NULL;
    struct ww_pg_args args;
    struct ww_error err;
    ww_pg_args_init(&args);
    if (k->load_step == LOAD_PLACES && !(query = space_places_ask(&k->load_places, &args))) {
        if (make_watch(k, &err) != WW_OK) {
            give_up(k, &err);
            ww_pg_args_clear(&args);
            return;
        }
        k->load_step = LOAD_VALUES;
    }
    if (k->load_step == LOAD_VALUES) {
        query = space_ask_values(&rule->hotspot, &when, &args);
    } else if (k->load_step == LOAD_OPEN) {
        query = "space_open_alerts";
        ww_pg_arg_i64(&args, rule->id);
    }
    space_ask(k, query, &args, on_answer);
}

void hotspot_load_begin(struct space_keeper *k, struct hotspot_seat *seat) {
    struct ww_error err;
    k->step = SPACE_LOADING;
    k->loading_map = seat;
    k->load_step = LOAD_PLACES;
    k->load_known = (struct ww_known){0};
    seat->is_stale = false; /* what makes it stale from here on makes it stale again */
    if (space_places_begin(&k->load_places, seat->rule, &err) == WW_OK)
        next_question(k);
    else
        give_up(k, &err);
}

/* ---- Readings ---- */

static void note_row(struct hotspot_seat *seat, const struct ww_catalog *c, const struct submission *s,
                     uint32_t i, const struct ww_own_place *own) {
    const struct ww_cat_datastream *ds = &c->datastreams[s->located.datastream[i]];
    uint32_t row = s->located.row[i];
    bool is_stored = !s->outcome || s->outcome[i] != WW_ROW_DUPLICATE;
    if (!ww_space_series_has(&seat->series, c, ds, s->feed) || !is_stored ||
        !strchr(seat->rule->hotspot.flags, s->batch.flag[row]))
        return;
    struct ww_hotspot_watch *both[] = {seat->watch, seat->next_watch};
    for (int n = 0; n < 2; n++)
        if (both[n] &&
            !ww_hotspot_watch_set(both[n], c->things[ds->thing].id, s->located.ward_id[i],
                                  own ? &own->place : NULL, s->batch.time_us[row], s->located.value[i]) &&
            !seat->is_stale) {
            seat->is_stale = true; /* a thing that has registered itself */
            seat->stale_us = space_now_us() + STALE_US;
        }
}

void hotspot_note(struct space_keeper *k, const struct submission *s) {
    const struct ww_catalog *c = k->path->world->catalog;
    for (uint32_t r = 0; r < k->n_maps; r++) {
        uint32_t own = 0;
        for (uint32_t i = 0; i < s->located.n_rows && k->maps[r]->series.property != WW_CATALOG_NONE; i++) {
            bool has_own = own < s->located.n_own && s->located.own[own].row == i;
            note_row(k->maps[r], c, s, i, has_own ? &s->located.own[own] : NULL);
            own += has_own;
        }
    }
}

/* ---- Settling ---- */

static void settle(struct ww_job *job) {
    ww_hotspot_watch_settle(((struct hotspot_seat *)job)->watch);
}

static void on_settled(struct ww_job *job) {
    struct hotspot_seat *seat = (struct hotspot_seat *)job;
    struct space_keeper *k = seat->keeper;
    seat->is_settling = false;
    if (seat->is_retired) {
        hotspot_seat_free(seat);
        k->n_retired_maps--;
        return;
    }
    int64_t now = space_now_us();
    ww_hotspot_watch_end(seat->watch);
    seat->has_news = true;
    if (k->judges && k->step != SPACE_DOWN && !seat->is_stale) {
        struct ww_hotspot_moves moves = ww_hotspot_watch_decide(seat->watch, now, &k->waiting);
        k->waiting_opened += moves.opened;
        k->waiting_cleared += moves.cleared;
    }
    space_go_on(k);
}

void hotspot_look(struct space_keeper *k, int64_t now) {
    for (uint32_t i = 0; i < k->n_maps; i++) {
        struct hotspot_seat *seat = k->maps[i];
        if (!seat->watch || seat->is_settling || seat == k->loading_map ||
            now < ww_hotspot_watch_due_us(seat->watch, REST_US))
            continue;
        seat->is_settling = true;
        seat->job.work = settle;
        seat->job.done = on_settled;
        const struct ww_known known = space_known(k, &seat->known);
        ww_hotspot_watch_begin(seat->watch, now, &known);
        ww_worker_pool_submit(k->worker, &seat->job);
    }
}

struct hotspot_seat *hotspot_next_stale(const struct space_keeper *k, int64_t now) {
    for (uint32_t i = 0; i < k->n_maps; i++)
        if (k->maps[i]->is_stale && !k->maps[i]->is_settling && now >= k->maps[i]->stale_us)
            return k->maps[i];
    return NULL;
}

/* ---- Writing ---- */

static void on_written(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct space_keeper *k = arg;
    (void)r;
    if (space_answered(k, status, err))
        space_go_on(k);
}

bool hotspot_write(struct space_keeper *k, int64_t now) {
    for (uint32_t i = 0; i < k->n_maps; i++) {
        struct hotspot_seat *seat = k->maps[i];
        if (!seat->has_news || seat->is_settling || now - seat->written_us < WRITE_US)
            continue;
        struct ww_buf rows;
        struct ww_pg_args args;
        ww_buf_init(&rows, ROWS_CEILING);
        bool all = seat->writes_all;
        bool some = ww_hotspot_watch_write(seat->watch, all, &rows) || all;
        seat->has_news = false;
        seat->writes_all = false;
        seat->written_us = now;
        if (some && ww_buf_status(&rows) == WW_OK) {
            ww_pg_args_init(&args);
            ww_pg_arg_i64(&args, seat->rule->id);
            ww_pg_arg_str(&args, ww_buf_str(&rows));
            ww_pg_arg_bool(&args, all);
            space_ask(k, "hotspot_write", &args, on_written);
        }
        ww_buf_clear(&rows);
        if (some)
            return true;
    }
    return false;
}

/* ---- Worlds ---- */

void hotspot_drop_seats(struct space_keeper *k) {
    hotspot_load_drop(k);
    for (uint32_t i = 0; i < k->n_maps; i++) {
        if (k->maps[i]->is_settling && k->worker) {
            k->maps[i]->is_retired = true; /* frees itself when it comes from the worker */
            k->n_retired_maps++;
        } else {
            hotspot_seat_free(k->maps[i]);
        }
    }
    k->n_maps = 0;
}

void hotspot_add_seat(struct space_keeper *k, const struct ww_space_rule *rule) {
    struct hotspot_seat *seat = ww_must_calloc(1, sizeof *seat);
    seat->keeper = k;
    seat->rule = rule;
    seat->is_stale = true;
    seat->series = ww_space_series_of(rule, k->path->world->catalog);
    k->maps[k->n_maps++] = seat;
}
