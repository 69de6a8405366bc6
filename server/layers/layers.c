/* Keeps the catalogue of layers current: asks for its signature, reads it anew when that has changed, counts
 * the layers.
 *
 *   WAITING ─poll─▶ SIGNATURE ─same─▶ WAITING
 *                       └─changed─▶ COLUMNS ─▶ publish ─▶ EXTENTS (a layer at a time) ─▶ publish ─▶ WAITING
 *
 * A connection of its own, so that a count that takes long holds nobody up, with a short statement timeout.
 * While extents are counted the new layers are served already, with the extents of the snapshot before where
 * there is one.
 */
#include "server/layers/layers.h"

#include <stdio.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "geo/instant.h"
#include "server/layers/internal.h"

#define POLL_S      3
#define RECOUNT_US  (300 * WW_SECOND_US) /* rows come and go without a change of signature */
#define EXTENT_MS   2000
#define MAX_WAITERS 64

enum step { STEP_WAITING, STEP_SIGNATURE, STEP_COLUMNS, STEP_EXTENTS };

struct waiter {
    void (*cb)(void *arg);
    void *arg;
    bool next_time; /* came while a look was under way: the next one is its own */
};

struct ww_layers {
    struct ww_pg *pg;
    struct event *timer;
    enum step step;
    char signature[40]; /* of `set` */
    char seen[40];
    int64_t counted_us;
    struct ww_layer_set *set;      /* published; NULL before the first */
    struct ww_layer_set *building; /* while EXTENTS: the same layers, being counted */
    size_t next_layer;
    unsigned generation;
    struct waiter waiters[MAX_WAITERS];
    size_t n_waiters;
};

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static void look(struct ww_layers *layers);

static void again_in(struct ww_layers *layers, int seconds) {
    const struct timeval wait = {seconds, 0};
    event_add(layers->timer, &wait);
}

/* Those who asked before this look began know now; the others get one of their own. */
static void answer_waiters(struct ww_layers *layers) {
    struct waiter due[MAX_WAITERS];
    size_t n_due = 0;
    size_t n_left = 0;
    for (size_t i = 0; i < layers->n_waiters; i++) {
        if (layers->waiters[i].next_time) {
            layers->waiters[i].next_time = false;
            layers->waiters[n_left++] = layers->waiters[i];
        } else {
            due[n_due++] = layers->waiters[i];
        }
    }
    layers->n_waiters = n_left;
    for (size_t i = 0; i < n_due; i++)
        due[i].cb(due[i].arg);
}

static void rest(struct ww_layers *layers) {
    layers->step = STEP_WAITING;
    answer_waiters(layers);
    again_in(layers, layers->n_waiters ? 0 : POLL_S);
}

static void publish(struct ww_layers *layers, struct ww_layer_set *set) {
    ww_layer_set_hold(set);
    ww_layer_set_drop(layers->set);
    layers->set = set;
}

/* ---- Extents ---- */

static void count_next(struct ww_layers *layers);

static void on_extent(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct ww_layers *layers = arg;
    struct ww_layer *layer = &layers->building->layers[layers->next_layer++];
    if (status == WW_OK)
        ww_layer_extent_take(layer, r, now_us());
    else
        ww_log(WW_LOG_INFO, "layer=%.*s extent=unknown reason=\"%s\"", WW_STR_ARG(layer->id),
               err ? err->message : "");
    count_next(layers);
}

static void finish_extents(struct ww_layers *layers) {
    layers->counted_us = now_us();
    publish(layers, layers->building);
    ww_layer_set_drop(layers->building);
    layers->building = NULL;
    rest(layers);
}

static void count_next(struct ww_layers *layers) {
    if (layers->next_layer == layers->building->n) {
        finish_extents(layers);
        return;
    }
    if (layers->n_waiters > 0) { /* somebody asks for news: that is quicker than what is being counted */
        ww_layer_set_drop(layers->building);
        layers->building = NULL;
        rest(layers);
        return;
    }
    const char *sql = ww_layer_extent_sql(layers->building, &layers->building->layers[layers->next_layer]);
    if (!*sql || ww_pg_exec(layers->pg, sql, NULL, on_extent, layers) != WW_OK) {
        ww_layer_set_drop(
            layers->building); /* the database is away: the old snapshot stays, all is tried again */
        layers->building = NULL;
        layers->signature[0] = '\0';
        rest(layers);
    }
}

static void keep_old_extent(struct ww_layer *to, const struct ww_layer *from) {
    if (!from || from->srid != to->srid)
        return;
    to->counted = from->counted;
    to->has_box = from->has_box;
    memcpy(to->box, from->box, sizeof to->box);
    to->has_times = from->has_times;
    to->time_from = from->time_from;
    to->time_to = from->time_to;
    to->rows = from->rows;
}

/* ---- Columns ---- */

static void on_columns(void *arg, enum ww_status status, const struct ww_pg_result *r,
                       const struct ww_error *err) {
    struct ww_layers *layers = arg;
    char version[48];
    struct ww_layer_set *first = NULL;
    if (status == WW_OK) {
        snprintf(version, sizeof version, "%.30s.%u", layers->seen, ++layers->generation);
        first = ww_layer_set_build(r, version);
        snprintf(version, sizeof version, "%.30s.%u", layers->seen, ++layers->generation);
        layers->building = ww_layer_set_build(r, version);
    } else {
        ww_log(WW_LOG_WARN, "layers=unknown reason=\"%s\"", err ? err->message : "");
    }
    if (!first || !layers->building) {
        ww_layer_set_drop(first);
        ww_layer_set_drop(layers->building);
        layers->building = NULL;
        rest(layers);
        return;
    }
    for (size_t i = 0; i < first->n && layers->set; i++)
        keep_old_extent(&first->layers[i], ww_layer_find(layers->set, first->layers[i].id));
    bool changed = strcmp(layers->signature, layers->seen) != 0;
    if (changed) {
        ww_log(WW_LOG_INFO, "layers=%zu", first->n);
        publish(layers, first);
        memcpy(layers->signature, layers->seen, sizeof layers->signature);
        answer_waiters(layers);
    }
    ww_layer_set_drop(first);
    layers->step = STEP_EXTENTS;
    layers->next_layer = 0;
    count_next(layers);
}

/* ---- Looking ---- */

static void on_signature(void *arg, enum ww_status status, const struct ww_pg_result *r,
                         const struct ww_error *err) {
    struct ww_layers *layers = arg;
    (void)err;
    if (status != WW_OK) {
        rest(layers);
        return;
    }
    snprintf(layers->seen, sizeof layers->seen, "%.*s", WW_STR_ARG(ww_pg_str(r, 0, 0)));
    bool same = strcmp(layers->seen, layers->signature) == 0;
    if (same)
        answer_waiters(layers);
    if (same && now_us() - layers->counted_us < RECOUNT_US) {
        rest(layers);
        return;
    }
    layers->step = STEP_COLUMNS;
    if (ww_pg_query(layers->pg, ww_sql_find("layers_columns"), NULL, on_columns, layers) != WW_OK)
        rest(layers);
}

static void look(struct ww_layers *layers) {
    layers->step = STEP_SIGNATURE;
    if (ww_pg_query(layers->pg, ww_sql_find("layers_signature"), NULL, on_signature, layers) != WW_OK)
        rest(layers);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    look(arg);
}

static void on_state(void *arg, struct ww_pg *pg, bool up) {
    struct ww_layers *layers = arg;
    (void)pg;
    if (up && layers->step == STEP_WAITING)
        again_in(layers, 0);
}

struct ww_layers *ww_layers_new(struct event_base *base, const char *conninfo) {
    struct ww_layers *layers = ww_must_calloc(1, sizeof *layers);
    layers->timer = evtimer_new(base, on_timer, layers);
    const struct ww_pg_options options = {.conninfo = conninfo,
                                          .application = "wardwatch layers",
                                          .statement_timeout_ms = EXTENT_MS,
                                          .on_connect = "SET timezone = 'UTC'"};
    layers->pg = ww_pg_new(base, &options, on_state, layers);
    return layers;
}

/* The connection answers what is queued: callbacks must find the rest still there. */
void ww_layers_free(struct ww_layers *layers) {
    if (!layers)
        return;
    layers->n_waiters = 0;
    ww_pg_free(layers->pg);
    event_free(layers->timer);
    ww_layer_set_drop(layers->building);
    ww_layer_set_drop(layers->set);
    ww_free(layers);
}

struct ww_layer_set *ww_layers_get(struct ww_layers *layers) {
    if (layers->set)
        ww_layer_set_hold(layers->set);
    return layers->set;
}

enum ww_status ww_layers_refresh(struct ww_layers *layers, void (*cb)(void *arg), void *arg) {
    if (layers->n_waiters == MAX_WAITERS)
        return WW_BUSY;
    if (!ww_pg_is_up(layers->pg))
        return WW_UNAVAILABLE;
    layers->waiters[layers->n_waiters++] = (struct waiter){cb, arg, layers->step != STEP_WAITING};
    if (layers->step == STEP_WAITING)
        again_in(layers, 0);
    return WW_OK;
}
