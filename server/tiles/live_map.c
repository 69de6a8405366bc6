/* When what is read, and what follows from a commit: live_map.h has the picture. */
#include "server/tiles/live_map.h"

#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "server/tiles/live_internal.h"

#define MAX_THINGS 1000000
#define MAX_ALERTS 200000
#define MAX_WARDS  100000
#define WKB_BYTES  ((size_t)256 << 20)
enum {
    PAGE = 5000,
    ALERT_PAGE = 1000,
    WARD_PAGE = 500,
    FLUSH_MS = 100,
    HEALTH_MS = 500,
    REFRESH_MS = 60000,
    RETRY_MS = 2000
};

static void ask(struct ww_live_map *map);

static void arm(struct event *timer, int ms) {
    const struct timeval after = {ms / 1000, ms % 1000 * 1000};
    if (!evtimer_pending(timer, NULL))
        evtimer_add(timer, &after);
}

uint16_t live_column(struct ww_live_layer *layer, struct ww_str name) {
    const uint16_t column = ww_live_layer_column(layer, name);
    if (column == UINT16_MAX)
        ww_log(WW_LOG_WARN, "map=column_not_shown column=%.*s reason=\"more than %d\"", WW_STR_ARG(name),
               WW_LIVE_COLUMNS);
    return column;
}

void live_set(struct ww_live_layer *layer, int64_t id, const char *column, struct ww_live_value value) {
    const uint16_t at = live_column(layer, ww_str_of(column));
    if (at == UINT16_MAX)
        return;
    if (ww_live_layer_set(layer, (uint64_t)id, at, value) == WW_NO_MEMORY)
        ww_log(WW_LOG_WARN, "map=value_not_shown reason=\"no memory\"");
}

static void live_text(struct ww_live_layer *layer, int64_t id, const char *column, struct ww_str text) {
    live_set(layer, id, column,
             text.len ? ww_live_text(text) : (struct ww_live_value){.type = WW_LIVE_NOTHING});
}

static void note_seen(struct ww_live_map *map, int64_t id) {
    if (ww_id_map_put(&map->seen, (uint64_t)id, 1) != WW_OK)
        ww_log(WW_LOG_WARN, "map=not_complete reason=\"no memory\"");
}

static bool was_seen(void *arg, uint64_t id) {
    const struct ww_live_map *map = arg;
    uint32_t unused;
    return ww_id_map_get(&map->seen, id, &unused);
}

/* ---- What was read ---- */

static void take_ward(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    struct ww_live_layer *layer = map->layers[WW_LIVE_WARD];
    const int64_t id = ww_pg_i64(r, row, 0);
    struct ww_arena *arena = ww_arena_new(WKB_BYTES);
    struct ww_map_shape *shape = NULL;
    struct ww_error err = {0};
    struct ww_str wkb;
    enum ww_status st = arena ? ww_pg_bytes(r, row, 4, arena, &wkb) : WW_NO_MEMORY;
    note_seen(map, id);
    if (st == WW_OK)
        st = ww_map_shape_from_wkb(wkb, &shape, &err);
    if (st == WW_OK)
        st = ww_live_layer_shape(layer, (uint64_t)id, (int32_t)id, shape);
    ww_arena_free(arena);
    if (st != WW_OK) {
        ww_log(WW_LOG_WARN, "map=ward_not_shown ward=%.*s reason=\"%s\"", WW_STR_ARG(ww_pg_str(r, row, 1)),
               err.message[0] ? err.message : ww_status_name(st));
        return;
    }
    live_text(layer, id, "code", ww_pg_str(r, row, 1));
    live_text(layer, id, "name_zh", ww_pg_str(r, row, 2));
    live_text(layer, id, "name_en", ww_pg_str(r, row, 3));
    live_alerts_show_ward(map, (int32_t)id);
}

static void take_thing(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    static const struct {
        const char *column;
        int from;
    } texts[] = {{"key", 1}, {"name_zh", 2}, {"name_en", 3}, {"class", 4}, {"ward", 6}, {"feed", 9}};
    struct ww_live_layer *layer = map->layers[WW_LIVE_THING];
    const int64_t id = ww_pg_i64(r, row, 0);
    live_things_take(map, r, row);
    note_seen(map, id);
    if (ww_pg_is_null(r, row, 7) || ww_pg_is_null(r, row, 8)) {
        ww_live_layer_drop(layer, (uint64_t)id); /* nowhere (any more) */
        return;
    }
    const struct ww_place place = {ww_pg_double(r, row, 7), ww_pg_double(r, row, 8)};
    const enum ww_status st =
        ww_live_layer_place(layer, (uint64_t)id, (int32_t)ww_pg_i64(r, row, 5), ww_spot_of(place));
    if (st != WW_OK) {
        ww_log(WW_LOG_WARN, "map=thing_not_shown thing=%lld reason=%s", (long long)id, ww_status_name(st));
        return;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        live_text(layer, id, texts[i].column, ww_pg_str(r, row, texts[i].from));
    live_alerts_show_thing(map, id);
}

/* ---- Asking, one page at a time ---- */

static void begin(struct ww_live_map *map, enum live_step step) {
    map->step = step;
    map->after = 0;
    if (step == LIVE_WARDS || step == LIVE_THINGS || step == LIVE_ALERTS)
        ww_id_map_clear(&map->seen);
}

/* The step's last page was taken. */
static void end_step(struct ww_live_map *map) {
    switch (map->step) {
    case LIVE_WARDS:
        ww_live_layer_keep_only(map->layers[WW_LIVE_WARD], was_seen, map);
        begin(map, LIVE_THINGS);
        break;
    case LIVE_THINGS:
        ww_live_layer_keep_only(map->layers[WW_LIVE_THING], was_seen, map);
        live_things_keep_seen(map);
        begin(map, LIVE_LATEST);
        break;
    case LIVE_LATEST:
        begin(map, LIVE_ALERTS);
        break;
    case LIVE_ALERTS:
        live_alerts_keep_seen(map);
        map->events_seen = map->events_next;
        if (!map->is_loaded)
            ww_log(WW_LOG_INFO, "map=loaded things=%zu wards=%zu alerts=%zu",
                   ww_live_layer_rows(map->layers[WW_LIVE_THING]),
                   ww_live_layer_rows(map->layers[WW_LIVE_WARD]),
                   ww_live_layer_rows(map->layers[WW_LIVE_ALERT]));
        map->is_loaded = true;
        map->step = LIVE_IDLE;
        break;
    case LIVE_EVENTS:
        map->events_seen = map->events_next;
        map->step = LIVE_IDLE;
        break;
    case LIVE_IDLE:
        break;
    }
}

static int page_size(enum live_step step) {
    return step == LIVE_WARDS ? WARD_PAGE : step == LIVE_ALERTS || step == LIVE_EVENTS ? ALERT_PAGE : PAGE;
}

static void take_page(struct ww_live_map *map, const struct ww_pg_result *r) {
    const int n = ww_pg_rows(r);
    for (int row = 0; row < n; row++) {
        switch (map->step) {
        case LIVE_WARDS:
            take_ward(map, r, row);
            break;
        case LIVE_THINGS:
            take_thing(map, r, row);
            break;
        case LIVE_LATEST:
            live_values_take(map, r, row);
            break;
        default:
            if (map->after == 0 && row == 0)
                map->events_next = ww_pg_i64(r, row, 17);
            note_seen(map, ww_pg_i64(r, row, 0));
            live_alerts_take(map, r, row);
        }
    }
    if (n > 0)
        map->after = ww_pg_i64(r, n - 1, 0);
    if (n < page_size(map->step))
        end_step(map);
}

static void free_now(struct ww_live_map *map);

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct ww_live_map *map = arg;
    map->is_asking = false;
    if (map->is_freed) {
        free_now(map);
        return;
    }
    if (status != WW_OK) {
        ww_log(WW_LOG_WARN, "map=not_read reason=\"%s\"", err->message);
        map->load_wanted |= map->step != LIVE_EVENTS;
        map->events_wanted |= map->step == LIVE_EVENTS;
        map->step = LIVE_IDLE;
        arm(map->retry_timer, RETRY_MS);
        return;
    }
    take_page(map, r);
    arm(map->flush_timer, FLUSH_MS);
    ask(map);
}

static void choose(struct ww_live_map *map) {
    if (map->load_wanted) {
        map->load_wanted = map->things_wanted = map->events_wanted = map->refresh_wanted = false;
        begin(map, LIVE_WARDS);
    } else if (map->events_wanted && map->is_loaded) {
        map->events_wanted = false;
        begin(map, LIVE_EVENTS);
        map->events_next = map->events_seen;
    } else if (map->things_wanted) {
        map->things_wanted = map->refresh_wanted = false;
        begin(map, LIVE_THINGS);
    } else if (map->refresh_wanted) {
        map->refresh_wanted = false;
        begin(map, LIVE_LATEST);
    }
}

/* Asks for the next page of what is under way, or begins what is wanted. */
static void ask(struct ww_live_map *map) {
    static const char *const queries[] = {NULL,           "tiles_wards",  "tiles_things",
                                          "tiles_latest", "tiles_alerts", "tiles_alerts"};
    struct ww_pg_args args;
    if (map->is_asking || evtimer_pending(map->retry_timer, NULL))
        return;
    if (map->step == LIVE_IDLE)
        choose(map);
    if (map->step == LIVE_IDLE)
        return;
    map->asks++;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, map->after);
    ww_pg_arg_i64(&args, page_size(map->step));
    if (map->step == LIVE_ALERTS)
        ww_pg_arg_null(&args);
    if (map->step == LIVE_EVENTS)
        ww_pg_arg_i64(&args, map->events_seen);
    map->is_asking =
        ww_pg_pool_query(map->options.pool, ww_sql_find(queries[map->step]), &args, on_page, map) == WW_OK;
    ww_pg_args_clear(&args);
    if (map->is_asking)
        return;
    map->load_wanted |= map->step != LIVE_EVENTS;
    map->events_wanted |= map->step == LIVE_EVENTS;
    map->step = LIVE_IDLE;
    arm(map->retry_timer, RETRY_MS); /* the pool is down or full */
}

/* ---- What makes it look ---- */

static void on_retry(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    ask(arg);
}

static void on_refresh(evutil_socket_t fd, short what, void *arg) {
    struct ww_live_map *map = arg;
    (void)fd;
    (void)what;
    map->refresh_wanted = true;
    ask(map);
    arm(map->refresh_timer, map->options.refresh_ms);
}

static void on_flush(evutil_socket_t fd, short what, void *arg) {
    struct ww_live_map *map = arg;
    (void)fd;
    (void)what;
    live_values_flush(map);
    for (int i = 0; i < WW_LIVE_LAYERS; i++) {
        const struct ww_live_change *changes;
        const size_t n = ww_live_layer_changes(map->layers[i], &changes);
        if (n > 0 && map->options.on_changes)
            map->options.on_changes(map->options.arg, (enum ww_live_layer_name)i, changes, n);
    }
    if (map->values.has_unknown) {
        map->values.has_unknown = false;
        map->things_wanted = true;
        arm(map->retry_timer, RETRY_MS); /* things that register themselves come in crowds */
    }
}

static void on_health(evutil_socket_t fd, short what, void *arg) {
    struct ww_live_map *map = arg;
    (void)fd;
    (void)what;
    live_health_look(map);
    arm(map->flush_timer, FLUSH_MS);
    arm(map->health_timer, HEALTH_MS);
}

static void on_stored(void *arg, const struct ww_stored_rows *rows) {
    struct ww_live_map *map = arg;
    live_values_note(map, rows);
    if (map->values.n_dirty > 0 || map->values.has_unknown)
        arm(map->flush_timer, FLUSH_MS);
}

static void on_world(void *arg) {
    struct ww_live_map *map = arg;
    map->load_wanted = true;
    ask(map);
}

void ww_live_map_alerts_moved(struct ww_live_map *map) {
    map->events_wanted = true;
    ask(map);
}

/* ---- Life ---- */

struct ww_live_map *ww_live_map_new(struct event_base *base, const struct ww_live_map_options *options) {
    static const struct {
        const char *name;
        uint32_t max_rows;
        int cluster_below;
        const char *sum;
    } layers[WW_LIVE_LAYERS] = {
        {"thing", MAX_THINGS, 11, "ill"}, {"alert", MAX_ALERTS, 11, ""}, {"ward", MAX_WARDS, 0, ""}};
    struct ww_live_map *map = ww_must_calloc(1, sizeof *map);
    map->options = *options;
    if (map->options.refresh_ms == 0)
        map->options.refresh_ms = REFRESH_MS;
    for (int i = 0; i < WW_LIVE_LAYERS; i++) {
        map->layers[i] = ww_live_layer_new(&(struct ww_live_options){.name = ww_str_of(layers[i].name),
                                                                     .max_rows = layers[i].max_rows,
                                                                     .cluster_below = layers[i].cluster_below,
                                                                     .state = WW_STR("severity"),
                                                                     .sum = ww_str_of(layers[i].sum)});
        if (!map->layers[i])
            abort(); /* at start */
    }
    map->flush_timer = evtimer_new(base, on_flush, map);
    map->refresh_timer = evtimer_new(base, on_refresh, map);
    map->retry_timer = evtimer_new(base, on_retry, map);
    map->health_timer = evtimer_new(base, on_health, map);
    map->listener = (struct ww_path_listener){.on_change = on_world, .on_stored = on_stored, .arg = map};
    ww_path_listen(options->path, &map->listener);
    map->load_wanted = true;
    arm(map->retry_timer, 1); /* the pool is connecting */
    arm(map->refresh_timer, map->options.refresh_ms);
    arm(map->health_timer, HEALTH_MS);
    return map;
}

static void free_now(struct ww_live_map *map) {
    for (int i = 0; i < WW_LIVE_LAYERS; i++)
        ww_live_layer_free(map->layers[i]);
    live_values_clear(&map->values);
    live_alerts_clear(&map->alerts);
    live_things_clear(&map->things);
    live_labels_clear(&map->labels);
    live_words_clear(&map->words);
    ww_id_map_clear(&map->seen);
    ww_free(map);
}

void ww_live_map_free(struct ww_live_map *map) {
    if (!map)
        return;
    ww_path_unlisten(map->options.path, &map->listener);
    event_free(map->flush_timer);
    event_free(map->refresh_timer);
    event_free(map->retry_timer);
    event_free(map->health_timer);
    map->is_freed = true;
    if (!map->is_asking)
        free_now(map); /* else when the pool answers, as it does before it goes */
}

bool ww_live_map_is_loaded(const struct ww_live_map *map) {
    return map->is_loaded;
}

struct ww_live_layer *ww_live_map_layer(const struct ww_live_map *map, enum ww_live_layer_name layer) {
    return map->layers[layer];
}
