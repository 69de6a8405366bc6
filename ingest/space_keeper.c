/* When to load, note, look and write: ingest/space_keeper.h has the picture. */
#include "ingest/space_keeper.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/space_internal.h"

enum { TICK_MS = 100, ACTIONS_CEILING = 16 << 20, MOST_NOTES = 1 << 20, RESTS = 4 };
#define LOCK_AGAIN_US (10 * WW_SECOND_US)
#define REFRESH_US    (60 * WW_SECOND_US)   /* of events that other servers hear */
#define STALE_US      (2 * WW_SECOND_US)    /* corrections come in bursts */
#define REST_US       (250 * INT64_C(1000)) /* between two looks, and RESTS times as long as a look took */

int64_t space_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

struct ww_known space_known(const struct space_keeper *k, const struct ww_known *loaded) {
    struct ww_known known = *loaded;
    if (k->noted_message > known.message)
        known.message = k->noted_message;
    return known;
}

struct ww_known space_known_of_load(const struct space_keeper *k) {
    struct ww_known known = k->load_known;
    known.thing = k->load_places.seen.thing;
    known.datastream = k->load_places.seen.datastream;
    return known;
}

/* ---- Statements ---- */

void space_ask(struct space_keeper *k, const char *query, struct ww_pg_args *args, ww_pg_cb cb) {
    k->running = ww_pg_query(k->pg, ww_sql_find(query), args, cb, k) == WW_OK;
    ww_pg_args_clear(args);
}

bool space_answered(struct space_keeper *k, enum ww_status status, const struct ww_error *err) {
    k->running = false;
    if (status == WW_OK)
        return k->path != NULL;
    if (k->path && ww_pg_is_up(k->pg)) {
        ww_log(WW_LOG_WARN, "space=failed reason=\"%s\"", err->message);
        k->step = SPACE_DOWN;
        ww_pg_drop(k->pg);
    }
    return false;
}

static void make_all_stale(struct space_keeper *k) {
    for (uint32_t i = 0; i < k->n_seats; i++)
        k->seats[i]->is_stale = true;
    for (uint32_t i = 0; i < k->n_maps; i++)
        k->maps[i]->is_stale = true;
}

static void on_lock(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct space_keeper *k = arg;
    if (!space_answered(k, status, err))
        return;
    bool got = ww_pg_bool(r, 0, 0);
    k->locked_us = space_now_us();
    if (got && !k->judges) /* another server has moved their alerts until now */
        make_all_stale(k);
    k->judges = got;
    k->wants_orphans = got;
    if (k->step == SPACE_LOCKING)
        k->step = SPACE_READY;
    space_go_on(k);
}

static void on_applied(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct space_keeper *k = arg;
    (void)r;
    bool good = space_answered(k, status, err);
    ww_buf_reset(&k->actions);
    if (!good)
        return;
    k->path->totals.alerts_opened += k->opened;
    k->path->totals.alerts_cleared += k->cleared;
    k->path->totals.muted_by_rain += k->muted[WW_MUTE_RAIN];
    k->path->totals.muted_by_maintenance += k->muted[WW_MUTE_MAINTENANCE];
    space_go_on(k);
}

static void send_actions(struct space_keeper *k) {
    struct ww_pg_args args;
    ww_buf_reset(&k->actions);
    ww_buf_char(&k->actions, '[');
    ww_buf_str_add(&k->actions, ww_buf_str(&k->waiting));
    ww_buf_char(&k->actions, ']');
    k->opened = k->waiting_opened;
    k->cleared = k->waiting_cleared;
    k->waiting_opened = k->waiting_cleared = 0;
    memcpy(k->muted, k->waiting_muted, sizeof k->muted);
    memset(k->waiting_muted, 0, sizeof k->waiting_muted);
    bool whole = ww_buf_status(&k->waiting) == WW_OK && ww_buf_status(&k->actions) == WW_OK;
    ww_buf_clear(&k->waiting);
    if (!whole) { /* what was decided is lost: read what the database has */
        ww_log(WW_LOG_ERROR, "space=actions_lost reason=memory");
        ww_buf_clear(&k->actions);
        make_all_stale(k);
        return;
    }
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&k->actions));
    space_ask(k, "space_apply", &args, on_applied);
}

static void on_orphans(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct space_keeper *k = arg;
    if (!space_answered(k, status, err))
        return;
    k->path->totals.alerts_cleared += (uint64_t)ww_pg_i64(r, 0, 0);
    space_go_on(k);
}

/* Alerts whose rule is gone are nobody's any more. */
static void clear_orphans(struct space_keeper *k) {
    struct ww_buf list;
    struct ww_pg_args args;
    ww_buf_init(&list, 1 << 12);
    ww_buf_char(&list, '{');
    const struct ww_space_rules *rules = k->path->world->space_rules;
    for (uint32_t i = 0; i < rules->n; i++)
        ww_buf_printf(&list, "%s%d", i ? "," : "", rules->rule[i].id);
    ww_buf_char(&list, '}');
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&list));
    ww_buf_clear(&list);
    k->wants_orphans = false;
    space_ask(k, "space_orphans", &args, on_orphans);
}

/* ---- Looking ---- */

static void free_seat(struct scan_seat *seat) {
    ww_scan_spots_free(seat->spots);
    ww_scan_watch_free(seat->watch);
    ww_free(seat->notes);
    ww_free(seat);
}

static void decide(struct space_keeper *k, struct scan_seat *seat, int64_t now) {
    struct ww_scan_moves moves = ww_scan_pace_decide(&seat->pace, seat->watch, now, &k->waiting);
    k->waiting_opened += moves.opened;
    k->waiting_cleared += moves.cleared;
    for (int r = 0; r < WW_MUTE_REASONS; r++)
        k->waiting_muted[r] += moves.muted[r];
}

static void look(struct ww_job *job) {
    ww_scan_watch_look(((struct scan_seat *)job)->watch);
}

static void on_looked(struct ww_job *job) {
    struct scan_seat *seat = (struct scan_seat *)job;
    struct space_keeper *k = seat->keeper;
    int64_t now = space_now_us();
    seat->is_looking = false;
    ww_scan_pace_looked(&seat->pace, now, REST_US + RESTS * (now - seat->began_us));
    for (struct scan_seat **at = &k->retired; *at; at = &(*at)->next_retired)
        if (*at == seat) {
            *at = seat->next_retired;
            free_seat(seat);
            return;
        }
    const char *trouble = ww_scan_watch_trouble(seat->watch);
    if (trouble[0])
        ww_log(WW_LOG_WARN, "rule=%.*s scan=failed reason=\"%s\"", WW_STR_ARG(seat->rule->code), trouble);
    k->path->totals.looks++;
    if (k->judges && k->step != SPACE_DOWN && !seat->is_stale)
        decide(k, seat, now);
    space_go_on(k);
}

static void begin_look(struct space_keeper *k, struct scan_seat *seat, int64_t now) {
    seat->is_looking = true;
    seat->began_us = now;
    seat->job.work = look;
    seat->job.done = on_looked;
    const struct ww_known known = space_known(k, &seat->known);
    ww_scan_watch_begin(seat->watch, space_day(k, now), &known);
    ww_worker_pool_submit(k->worker, &seat->job);
}

/* ---- What is next ---- */

static void look_at_seats(struct space_keeper *k, int64_t now) {
    for (uint32_t i = 0; i < k->n_seats; i++) {
        struct scan_seat *seat = k->seats[i];
        if (!seat->watch || seat->is_looking || seat->is_stale || seat == k->loading)
            continue;
        enum ww_scan_due due = ww_scan_pace_due(&seat->pace, seat->watch, now, space_day(k, now));
        if (due == WW_SCAN_LOOK)
            begin_look(k, seat, now);
        else if (due == WW_SCAN_DECIDE)
            decide(k, seat, now);
    }
}

static struct scan_seat *next_stale(const struct space_keeper *k, int64_t now) {
    for (uint32_t i = 0; i < k->n_seats; i++)
        if (k->seats[i]->is_stale && !k->seats[i]->is_looking && now >= k->seats[i]->stale_us)
            return k->seats[i];
    return NULL;
}

void space_go_on(struct space_keeper *k) {
    if (k->running || !k->path || !k->path->world || k->step == SPACE_DOWN || k->step == SPACE_LOADING)
        return;
    int64_t now = space_now_us();
    struct ww_pg_args args;
    struct scan_seat *stale;
    struct hotspot_seat *stale_map;
    if (k->step == SPACE_LOCKING || (!k->judges && now - k->locked_us > LOCK_AGAIN_US)) {
        ww_pg_args_init(&args);
        space_ask(k, "space_lock", &args, on_lock);
        return;
    }
    if (!k->judges)
        return;
    if (k->waiting.len > 0) /* before anything is read: it then has these moves */
        send_actions(k);
    else if (k->wants_orphans)
        clear_orphans(k);
    else if ((stale = next_stale(k, now)))
        space_load_begin(k, stale);
    else if ((stale_map = hotspot_next_stale(k, now)))
        hotspot_load_begin(k, stale_map);
    else if (!hotspot_write(k, now))
        trace_go_on(k, now);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct space_keeper *k = arg;
    if (!k->path->world || !k->judges || k->step == SPACE_DOWN) {
        space_go_on(k);
        return;
    }
    int64_t now = space_now_us();
    if (health_keeper_others(k->path->health) > 0 && now - k->refreshed_us > REFRESH_US) {
        k->refreshed_us = now;
        make_all_stale(k);
    }
    look_at_seats(k, now);
    hotspot_look(k, now);
    space_go_on(k);
}

/* ---- Events ---- */

int64_t space_day(const struct space_keeper *k, int64_t at_us) {
    return ww_instant_day(at_us, k->path->world->zone);
}

void space_make_stale(struct scan_seat *seat, int64_t wait_us) {
    if (!seat->is_stale || wait_us > STALE_US)
        seat->stale_us = space_now_us() + wait_us;
    seat->is_stale = true;
}

void space_count(struct scan_seat *seat, struct ww_scan_watch *watch, const struct ww_scan_spots *spots,
                 const struct space_event *event) {
    uint32_t spot =
        ww_scan_spots_find(spots, event->thing_id, event->ward_id, event->has_place ? &event->place : NULL);
    if (spot == WW_SPOT_UNKNOWN)
        space_make_stale(seat, STALE_US);
    else if (spot == WW_SPOT_NONE)
        seat->unplaced += (uint64_t)event->n;
    else if (!ww_scan_watch_count(watch, spot, event->day, event->n))
        space_make_stale(seat, STALE_US);
}

static void keep_note(struct scan_seat *seat, const struct space_event *event) {
    if (seat->n_notes == seat->cap_notes) {
        uint32_t cap = seat->cap_notes ? seat->cap_notes * 2 : 64;
        struct space_event *grown =
            cap <= MOST_NOTES ? ww_try_realloc(seat->notes, cap * sizeof *grown) : NULL;
        if (!grown) {
            space_make_stale(seat, STALE_US);
            return;
        }
        seat->notes = grown;
        seat->cap_notes = cap;
    }
    seat->notes[seat->n_notes++] = *event;
}

static void note_row(struct scan_seat *seat, const struct submission *s, uint32_t i,
                     const struct ww_own_place *own) {
    const struct space_keeper *k = seat->keeper;
    const struct ww_catalog *c = k->path->world->catalog;
    const struct ww_cat_datastream *ds = &c->datastreams[s->located.datastream[i]];
    enum ww_row_outcome outcome = s->outcome ? (enum ww_row_outcome)s->outcome[i] : WW_ROW_STORED;
    if (!ww_space_series_has(&seat->series, c, ds, s->feed))
        return;
    seat->pace.heard_us = s->received_at_us;
    const struct ww_scan_rule *rule = &seat->rule->scan;
    uint32_t row = s->located.row[i];
    struct space_event event = {.message_id = s->raw_message_id,
                                .thing_id = c->things[ds->thing].id,
                                .day = space_day(k, s->batch.time_us[row]),
                                .ward_id = s->located.ward_id[i],
                                .n = ww_scan_rule_events(rule, s->located.value[i], s->batch.flag[row]),
                                .has_place = own != NULL};
    if (own)
        event.place = own->place;
    if (outcome == WW_ROW_CORRECTED)
        space_make_stale(seat, STALE_US); /* what it was before, or how it was marked, is not known here */
    if (outcome != WW_ROW_STORED || event.n == 0)
        return;
    if (seat == k->loading || !seat->watch)
        keep_note(seat, &event);
    if (seat->watch && !seat->is_stale)
        space_count(seat, seat->watch, seat->spots, &event);
}

void space_keeper_note(struct space_keeper *k, const struct submission *s) {
    if (s->raw_message_id > k->noted_message)
        k->noted_message = s->raw_message_id;
    if (!k->path->world || s->generation != k->path->world->catalog->generation || k->step == SPACE_DOWN)
        return;
    hotspot_note(k, s);
    for (uint32_t r = 0; r < k->n_seats; r++) {
        struct scan_seat *seat = k->seats[r];
        if (seat->rule->scan.count == WW_COUNT_ALERTS)
            seat->pace.heard_us = s->received_at_us;
        if (seat->series.property == WW_CATALOG_NONE)
            continue;
        uint32_t own = 0;
        for (uint32_t i = 0; i < s->located.n_rows; i++) {
            bool has_own = own < s->located.n_own && s->located.own[own].row == i;
            note_row(seat, s, i, has_own ? &s->located.own[own] : NULL);
            own += has_own;
        }
    }
}

void space_keeper_alerts_moved(struct space_keeper *k) {
    for (uint32_t i = 0; i < k->n_seats; i++)
        if (k->seats[i]->rule->scan.count == WW_COUNT_ALERTS)
            space_make_stale(k->seats[i], STALE_US);
}

/* ---- Worlds ---- */

static void drop_seats(struct space_keeper *k) {
    space_load_drop(k);
    hotspot_drop_seats(k);
    for (uint32_t i = 0; i < k->n_seats; i++) {
        struct scan_seat *seat = k->seats[i];
        if (!seat->is_looking) {
            free_seat(seat);
            continue;
        }
        seat->next_retired = k->retired;
        k->retired = seat;
    }
    k->n_seats = 0;
}

void space_keeper_world_changed(struct space_keeper *k) {
    const struct ww_space_rules *rules = k->path->world->space_rules;
    drop_seats(k);
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct ww_space_rule *rule = &rules->rule[i];
        if (rule->is_map) {
            hotspot_add_seat(k, rule);
            continue;
        }
        struct scan_seat *seat = ww_must_calloc(1, sizeof *seat);
        seat->keeper = k;
        seat->rule = rule;
        seat->is_stale = true;
        seat->series = ww_space_series_of(rule, k->path->world->catalog);
        k->seats[k->n_seats++] = seat;
    }
    k->wants_orphans = k->judges;
    if (k->step == SPACE_LOADING)
        k->step = SPACE_READY;
    space_go_on(k);
}

/* ---- Life ---- */

static void on_pg_state(void *arg, struct ww_pg *pg, bool up) {
    (void)pg;
    struct space_keeper *k = arg;
    if (!k->path)
        return;
    k->judges = false; /* the lock goes with the connection */
    k->running = false;
    k->step = up ? SPACE_LOCKING : SPACE_DOWN;
    space_load_drop(k);
    hotspot_load_drop(k);
    trace_forget(k);
    ww_buf_clear(&k->waiting); /* decided anew from what the database has */
    k->waiting_opened = k->waiting_cleared = 0;
    make_all_stale(k);
    space_go_on(k);
}

struct space_keeper *space_keeper_new(struct ww_path *path, const char *conninfo) {
    struct space_keeper *k = ww_must_calloc(1, sizeof *k);
    k->path = path;
    ww_buf_init(&k->actions, ACTIONS_CEILING);
    ww_buf_init(&k->waiting, ACTIONS_CEILING);
    struct ww_pg_options options = {
        .conninfo = conninfo, .application = "wardwatch space", .statement_timeout_ms = 120000};
    k->worker = ww_worker_pool_new(path->base, 1);
    k->trace = trace_new(k);
    k->pg = ww_pg_new(path->base, &options, on_pg_state, k);
    k->tick = event_new(path->base, -1, EV_PERSIST, on_tick, k);
    assert(k->tick);
    const struct timeval every = {0, TICK_MS * 1000};
    event_add(k->tick, &every);
    return k;
}

void space_keeper_stop(struct space_keeper *k) {
    k->step = SPACE_DOWN;
    event_del(k->tick);
    ww_worker_pool_free(k->worker); /* waits; `done` is not called any more */
    k->worker = NULL;
    trace_stop(k);
    for (uint32_t i = 0; i < k->n_seats; i++)
        k->seats[i]->is_looking = false;
    for (uint32_t i = 0; i < k->n_maps; i++)
        k->maps[i]->is_settling = false;
    k->path = NULL; /* answers that come now change nothing */
    ww_pg_free(k->pg);
}

void space_keeper_free(struct space_keeper *k) {
    event_free(k->tick);
    drop_seats(k);
    trace_free(k);
    while (k->retired) {
        struct scan_seat *next = k->retired->next_retired;
        free_seat(k->retired);
        k->retired = next;
    }
    ww_buf_clear(&k->actions);
    ww_buf_clear(&k->waiting);
    ww_free(k);
}
