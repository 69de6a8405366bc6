/* What the files of the live map share. */
#ifndef WW_SERVER_LIVE_INTERNAL_H
#define WW_SERVER_LIVE_INTERNAL_H

#include "geo/base/id_map.h"
#include "server/tiles/live_map.h"

/* The newest reading of one datastream. */
struct live_series {
    int64_t thing_id;
    int64_t time_us; /* INT64_MIN before the first */
    double value;
    uint16_t column;
    uint8_t rank; /* among the series of one property of a thing the lowest is shown */
    bool is_dirty, has_moved;
    int32_t ward; /* of its thing; and where it was taken, when that has no place of its own */
    struct ww_spot spot;
};

struct live_values {
    struct live_series *series;
    uint32_t n, room;
    struct ww_id_map by_datastream;
    struct ww_id_map shown; /* thing and column → the series that is shown there */
    uint32_t *dirty;
    uint32_t n_dirty, dirty_room;
    bool has_unknown; /* of a datastream that was registered since the last load */
};

/* Open pollution alerts by severity, of a thing or a ward. */
struct live_tally {
    uint32_t open[5];
};

struct live_alert {
    int64_t id, thing_id;
    int32_t ward_id;
    uint8_t severity; /* 0: does not count (sensor, lead) */
};

struct live_alerts {
    struct live_alert *alerts; /* open ones, in no order */
    uint32_t n, room;
    struct ww_id_map by_id;
    struct live_tally *tallies;
    uint32_t n_tallies, tally_room;
    struct ww_id_map of_thing, of_ward;
};

enum live_step { LIVE_IDLE, LIVE_WARDS, LIVE_THINGS, LIVE_LATEST, LIVE_ALERTS, LIVE_EVENTS };

struct ww_live_map {
    struct ww_live_map_options options;
    struct ww_live_layer *layers[WW_LIVE_LAYERS];
    struct ww_path_listener listener;
    struct event *flush_timer, *refresh_timer, *retry_timer;
    struct live_values values;
    struct live_alerts alerts;
    struct ww_id_map seen; /* ids of the step that is being read */
    enum live_step step;
    int64_t after;       /* the last id of the page before */
    int64_t events_seen; /* alert events up to this one are in the layers */
    int64_t events_next;
    bool is_loaded, load_wanted, things_wanted, refresh_wanted, events_wanted, is_asking, is_freed;
};

/* live_values.c */
void live_values_clear(struct live_values *values);
void live_values_take(struct ww_live_map *map, const struct ww_pg_result *r, int row); /* of tiles_latest */
void live_values_note(struct ww_live_map *map, const struct ww_stored_rows *rows);
void live_values_flush(struct ww_live_map *map); /* into the layer */

/* live_alerts.c */
void live_alerts_clear(struct live_alerts *alerts);
void live_alerts_take(struct ww_live_map *map, const struct ww_pg_result *r, int row); /* of tiles_alerts */
void live_alerts_keep_seen(struct ww_live_map *map); /* drops those that are not in `seen` */
void live_alerts_show_thing(struct ww_live_map *map, int64_t thing_id); /* its severity, when it has come */
void live_alerts_show_ward(struct ww_live_map *map, int32_t ward_id);

/* A column that must be there; logs when there is no room, and gives UINT16_MAX. */
uint16_t live_column(struct ww_live_layer *layer, struct ww_str name);
/* Sets a value; a row that is not there, or no memory for a text, leaves it as it was. */
void live_set(struct ww_live_layer *layer, int64_t id, const char *column, struct ww_live_value value);
bool live_make_room(void *array, uint32_t used, uint32_t *room, size_t size);

#endif
