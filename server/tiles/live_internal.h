/* What the files of the live map share. */
#ifndef WW_SERVER_LIVE_INTERNAL_H
#define WW_SERVER_LIVE_INTERNAL_H

#include "geo/base/arena.h"
#include "geo/base/id_map.h"
#include "geo/base/map.h"
#include "server/tiles/live_map.h"

/* Texts, each kept once and never taken away. Word 0 is "". */
struct live_words {
    struct ww_arena *arena;
    struct ww_map *by_text;
    struct live_word {
        struct ww_str text, json; /* json: quoted and escaped, as it is written most often */
    } * words;
    uint32_t n, room;
};

/* What there is, whether it has a place or not. */
struct live_thing {
    int64_t id;
    uint64_t revision;
    struct ww_place place;
    int32_t ward; /* 0: none */
    bool has_place, is_gone;
    uint32_t key, name_zh, name_en, class_name, ward_code, feed, site, site_kind; /* words */
};

struct live_things {
    struct live_thing *things;
    uint32_t n, room;
    struct ww_id_map by_id;
};

/* What series of a kind have in common. */
struct live_label {
    uint32_t property, name_zh, name_en, unit, statistic; /* words */
    int32_t interval_s;
};

struct live_labels {
    struct live_label *labels;
    uint32_t n, room;
    struct ww_map *by_key; /* property, statistic, interval */
};

/* The newest reading of one datastream. */
struct live_series {
    int64_t id, thing_id;
    uint64_t revision;
    uint32_t thing, label; /* UINT32_MAX: not known (yet) */
    uint32_t noted;        /* ww_live_map.asks when a commit last told of it */
    char flag;
    int64_t time_us; /* INT64_MIN before the first */
    double value;
    uint16_t column;
    uint8_t rank; /* among the series of one property of a thing the lowest is shown */
    bool is_dirty, has_moved;
    bool was_missed; /* its thing was not there when it was to be shown */
    int32_t ward;    /* of its thing; and where it was taken, when that has no place of its own */
    struct ww_spot spot;
};

struct live_values {
    struct live_series *series;
    uint32_t n, room;
    uint32_t *by_order; /* all series in the order of their datastreams' ids, when is_in_order */
    uint32_t order_room;
    bool is_in_order;
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
    struct event *flush_timer, *refresh_timer, *retry_timer, *health_timer;
    struct live_values values;
    struct live_alerts alerts;
    struct live_words words;
    struct live_things things;
    struct live_labels labels;
    uint64_t revision;     /* counts changes of things and values up */
    uint32_t asks;         /* queries sent: what was committed since the last is not in its answer */
    struct ww_id_map seen; /* ids of the step that is being read */
    uint32_t health_at;    /* the next thing whose health is looked at */
    enum live_step step;
    int64_t after;       /* the last id of the page before */
    int64_t events_seen; /* alert events up to this one are in the layers */
    int64_t events_next;
    bool is_loaded, load_wanted, things_wanted, refresh_wanted, events_wanted, is_asking, is_freed;
};

/* live_words.c */
void live_words_clear(struct live_words *words);
uint32_t live_word(struct live_words *words, struct ww_str text); /* 0 without memory */
bool live_word_find(const struct live_words *words, struct ww_str text, uint32_t *out);
static inline struct ww_str live_word_text(const struct live_words *words, uint32_t word) {
    return word < words->n ? words->words[word].text : WW_STR("");
}
static inline struct ww_str live_word_json(const struct live_words *words, uint32_t word) {
    return word < words->n ? words->words[word].json : WW_STR("\"\"");
}

/* live_things.c */
void live_things_clear(struct live_things *things);
void live_things_take(struct ww_live_map *map, const struct ww_pg_result *r, int row); /* of tiles_things */
void live_things_keep_seen(struct ww_live_map *map); /* those that are not in `seen` are gone */
uint32_t live_thing_find(const struct live_things *things, int64_t id); /* UINT32_MAX: not there */
void live_labels_clear(struct live_labels *labels);
/* Of a row of tiles_latest; UINT32_MAX without memory. */
uint32_t live_label_take(struct ww_live_map *map, const struct ww_pg_result *r, int row);

/* live_values.c */
void live_values_sort(struct live_values *values);
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

/* live_health.c */
void live_health_look(struct ww_live_map *map); /* at some of the things; now and then */

/* A column that must be there; logs when there is no room, and gives UINT16_MAX. */
uint16_t live_column(struct ww_live_layer *layer, struct ww_str name);
/* Sets a value; a row that is not there, or no memory for a text, leaves it as it was. */
void live_set(struct ww_live_layer *layer, int64_t id, const char *column, struct ww_live_value value);

#endif
