/* Builds a scan rule's watch from the database: its places, its events, its open alerts.
 *
 *   places (space_places.h) ▶ events ▶ open alerts ▶ done
 *
 * Events that are committed while they are read are kept, and counted afterwards unless the snapshot held
 * their message: the query names the messages of the last minutes that it saw.
 */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/space_internal.h"

enum load_step { LOAD_PLACES, LOAD_EVENTS, LOAD_OPEN, LOAD_DONE };
#define AGAIN_US                                                                                             \
    (60 * WW_SECOND_US) /* what can't be scanned is tried again: somebody may enter what lacks               \
                         */

static void next_question(struct space_keeper *k);

void space_load_drop(struct space_keeper *k) {
    if (!k->loading)
        return;
    space_places_clear(&k->load_places);
    ww_scan_watch_free(k->load_watch);
    ww_map_free(k->load_messages);
    k->load_messages = NULL;
    k->loading->n_notes = 0;
    k->loading = NULL;
    k->load_watch = NULL;
}

/* The rule can't be watched: it is off until something changes. */
static void give_up(struct space_keeper *k, const struct ww_error *err) {
    ww_log(WW_LOG_ERROR, "rule=%.*s reason=\"%s\"; it is off", WW_STR_ARG(k->loading->rule->code),
           err->message);
    space_make_stale(k->loading, AGAIN_US);
    space_load_drop(k);
    k->step = SPACE_READY;
}

static enum ww_status take_places(struct space_keeper *k, const struct ww_pg_result *r,
                                  struct ww_error *err) {
    return space_places_take(&k->load_places, r, err);
}

/* The judge hears the rain; it lives on the loop, as decisions do. */
static struct ww_mute is_muted(void *arg, const struct ww_mute_subject *subject, int64_t at_us,
                               int64_t just_us) {
    const struct space_keeper *k = arg;
    const struct world *world = k->path->world;
    return ww_mutes_find(ww_judge_mutes(world->judge), world->catalog, subject, at_us, just_us);
}

/* ---- Events ---- */

static struct ww_str message_key(int64_t id, char room[24]) {
    return (struct ww_str){room, (size_t)snprintf(room, 24, "%lld", (long long)id)};
}

static enum ww_status take_events(struct space_keeper *k, const struct ww_pg_result *r,
                                  struct ww_error *err) {
    struct scan_seat *seat = k->loading;
    enum ww_status st = space_places_finish(&k->load_places, k->path->world->catalog->ward_index, err);
    if (st == WW_OK)
        st = space_places_scan(&k->load_places, space_day(k, space_now_us()), &k->load_watch, err);
    if (st != WW_OK)
        return st;
    ww_scan_watch_set_gate(k->load_watch, is_muted, k);
    char room[24];
    k->load_messages = ww_map_new(256);
    seat->unplaced = 0;
    for (int i = 0; i < ww_pg_rows(r) && st == WW_OK; i++) {
        struct space_event event;
        int64_t message_id;
        switch (space_take_event(r, i, &event, &message_id, &k->load_known)) {
        case SPACE_EVENT:
            space_count(seat, k->load_watch, k->load_places.spots[0], &event);
            break;
        case SPACE_MESSAGE:
            st = ww_map_put(k->load_messages, message_key(message_id, room), 1);
            break;
        case SPACE_NEWEST:
            break;
        }
    }
    if (st != WW_OK)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the events of a scan");
    k->load_step = LOAD_OPEN;
    return WW_OK;
}

static enum ww_status take_open(struct space_keeper *k, const struct ww_pg_result *r, struct ww_error *err) {
    (void)err;
    for (int i = 0; i < ww_pg_rows(r); i++)
        if (ww_pg_bool(r, i, 4))
            ww_scan_watch_take_muted(k->load_watch, ww_pg_i64(r, i, 0));
        else
            ww_scan_watch_take_open(k->load_watch, ww_pg_i64(r, i, 0), ww_pg_i64(r, i, 1),
                                    ww_pg_double(r, i, 2), ww_pg_str(r, i, 3), ww_pg_str(r, i, 5));
    k->load_step = LOAD_DONE;
    return WW_OK;
}

/* What was committed until now and was not in the snapshot. */
static void count_notes(struct space_keeper *k) {
    struct scan_seat *seat = k->loading;
    char room[24];
    uint64_t unused;
    for (uint32_t i = 0; i < seat->n_notes; i++)
        if (!k->load_messages ||
            !ww_map_get(k->load_messages, message_key(seat->notes[i].message_id, room), &unused))
            space_count(seat, k->load_watch, k->load_places.spots[0], &seat->notes[i]);
}

static void finish(struct space_keeper *k) {
    struct scan_seat *seat = k->loading;
    uint32_t n;
    struct ww_scan_lists lists;
    count_notes(k);
    ww_scan_spots_free(seat->spots);
    ww_scan_watch_free(seat->watch);
    seat->spots = k->load_places.spots[0];
    seat->watch = k->load_watch;
    seat->known = space_known_of_load(k);
    seat->pace.next_look_us = 0;
    k->load_places.spots[0] = NULL;
    k->load_watch = NULL;
    ww_scan_spots_list(seat->spots, &n, &lists);
    ww_log(WW_LOG_INFO, "scan=loaded rule=%.*s places=%u open_alerts=%u unplaced=%llu",
           WW_STR_ARG(seat->rule->code), n, ww_scan_watch_open_count(seat->watch),
           (unsigned long long)seat->unplaced);
    space_load_drop(k);
    k->step = SPACE_READY;
}

/* ---- The chain ---- */

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *why) {
    static enum ww_status (*const take[])(struct space_keeper *, const struct ww_pg_result *,
                                          struct ww_error *) = {
        [LOAD_PLACES] = take_places, [LOAD_EVENTS] = take_events, [LOAD_OPEN] = take_open};
    struct space_keeper *k = arg;
    if (!space_answered(k, status, why))
        return;
    if (!k->loading) { /* the world changed meanwhile */
        space_go_on(k);
        return;
    }
    struct ww_error err;
    if (take[k->load_step](k, r, &err) != WW_OK)
        give_up(k, &err);
    else if (k->load_step == LOAD_DONE)
        finish(k);
    if (k->loading)
        next_question(k);
    else
        space_go_on(k);
}

static void next_question(struct space_keeper *k) {
    const struct ww_space_rule *rule = k->loading->rule;
    const struct space_moment when = space_moment_now(space_now_us());
    const char *query = NULL;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    if (k->load_step == LOAD_PLACES && !(query = space_places_ask(&k->load_places, &args)))
        k->load_step = LOAD_EVENTS;
    if (k->load_step == LOAD_EVENTS) {
        query = space_ask_events(&rule->scan, &when, &args);
    } else if (k->load_step == LOAD_OPEN) {
        query = "space_open_alerts";
        ww_pg_arg_i64(&args, rule->id);
    }
    space_ask(k, query, &args, on_answer);
}

void space_load_begin(struct space_keeper *k, struct scan_seat *seat) {
    struct ww_error err;
    k->step = SPACE_LOADING;
    k->loading = seat;
    k->load_step = LOAD_PLACES;
    k->load_known = (struct ww_known){0};
    seat->n_notes = 0;
    seat->is_stale = false; /* what makes it stale from here on makes it stale again */
    if (space_places_begin(&k->load_places, seat->rule, &err) == WW_OK)
        next_question(k);
    else
        give_up(k, &err);
}
