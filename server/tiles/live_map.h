/* The district as the map shows it now: wards, things with their newest values, open alerts, kept in memory.
 *
 *   database ── wards ▶ things ▶ newest values ▶ open alerts ──▶ layers          at start, and after the
 * world changed commit of this server  ──▶ newest value of its series ──▶ (every 100 ms) layers ──▶
 * on_changes new alert events       ──▶ their alerts are read       ──▶ layers ──▶ on_changes
 *
 * Layers, their columns and ids:
 *   thing  id of the thing; key, name_zh, name_en, class, feed, ward, severity (worst open pollution alert),
 *          health (ingest/health.h; absent: not known yet), ill (1: silent, drifting or late), time (of the
 *          newest value, milliseconds since 1970), flag (of the newest value, unless it is normal), and each
 *          observed property by its code: the value itself where it is sent, else the mean
 *   alert  id of the open alert; severity, category, detector, rule, rule_zh, rule_en, property, ward, thing,
 *          opened, value
 *   ward   id of the ward; code, name_zh, name_en, alerts (open, of pollution), severity (the worst of them)
 *
 * A value that another server of the same database took in is seen when the newest values are read again,
 * once a minute (`refresh_ms`); alerts of all servers are seen at once. One thread (the loop's); the database
 * is never waited for.
 */
#ifndef WW_SERVER_LIVE_MAP_H
#define WW_SERVER_LIVE_MAP_H

#include <event2/event.h>

#include "geo/tile/live_layer.h"
#include "ingest/path.h"
#include "sql/pg.h"

enum ww_live_layer_name { WW_LIVE_THING, WW_LIVE_ALERT, WW_LIVE_WARD, WW_LIVE_LAYERS };

struct ww_live_map;

struct ww_live_map_options {
    struct ww_pg_pool *pool; /* reads with all rights: what a reader sees is decided when a tile is drawn */
    struct ww_path *path;    /* outlives it */
    int refresh_ms;          /* 0 = 60 000 */
    /* Told what changed in a layer, after it changed; may be NULL. */
    void (*on_changes)(void *arg, enum ww_live_layer_name layer, const struct ww_live_change *changes,
                       size_t n);
    void *arg;
};

struct ww_live_map *ww_live_map_new(struct event_base *base, const struct ww_live_map_options *options);
void ww_live_map_free(struct ww_live_map *map);            /* NULL is allowed */
bool ww_live_map_is_loaded(const struct ww_live_map *map); /* once, in whole */
struct ww_live_layer *ww_live_map_layer(const struct ww_live_map *map, enum ww_live_layer_name layer);
/* Alert events were committed: somebody's notification. */
void ww_live_map_alerts_moved(struct ww_live_map *map);

#endif
