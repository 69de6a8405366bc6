/* How things are as senders, on the map: a state of each, and how many in a cluster need somebody.
 *
 * The path knows the states (ingest/health.h); they are looked at a few thousand a time, so that a district
 * of a million things does not hold up the loop. A look that finds no news costs a search in two tables. */
#include "ingest/health.h"
#include "server/tiles/live_internal.h"

enum { LOOK = 5000 };

static void show(void *arg, int64_t thing_id, enum ww_health_state state) {
    struct ww_live_map *map = arg;
    struct ww_live_layer *layer = map->layers[WW_LIVE_THING];
    const bool is_ill = state == WW_HEALTH_SILENT || state == WW_HEALTH_DRIFTING || state == WW_HEALTH_LATE;
    if (!ww_live_layer_has(layer, (uint64_t)thing_id))
        return; /* a thing that is nowhere */
    live_set(layer, thing_id, "health", ww_live_text(ww_str_of(ww_health_state_name(state))));
    live_set(layer, thing_id, "ill",
             is_ill ? ww_live_integer(1) : (struct ww_live_value){.type = WW_LIVE_NOTHING});
}

void live_health_look(struct ww_live_map *map) {
    const struct ww_health *health = ww_path_health(map->options.path);
    if (health && map->is_loaded)
        map->health_at = ww_health_each_thing(health, map->health_at, LOOK, show, map);
}
