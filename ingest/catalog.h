/* What the path knows of the district: wards, properties, feeds, things, datastreams.
 *
 * Loaded whole from the database at start and after every change that is notified; then a new
 * catalog replaces the old one. Only things and datastreams grow in between, when unknown
 * things register themselves. Rows are addressed by index (uint32_t) inside one catalog;
 * indexes of an old catalog mean nothing in a new one (`generation` tells them apart).
 * Owned by the path. One thread.
 */
#ifndef WW_INGEST_CATALOG_H
#define WW_INGEST_CATALOG_H

#include "geo/base/arena.h"
#include "geo/base/map.h"
#include "geo/ward_index.h"
#include "ingest/decode/feed_config.h"
#include "ingest/hj212/stations.h"

#define WW_CATALOG_NONE UINT32_MAX

struct ww_cat_ward {
    uint32_t id; /* of the database; also the id in the ward index */
    struct ww_str code;
};

struct ww_cat_property {
    int32_t id;
    struct ww_str code;
    struct ww_str unit;
    double molar_mass_g_mol; /* 0 = none */
};

struct ww_cat_feed {
    int32_t id;
    char name[64];
    struct ww_feed_config *config; /* shared with batches that are being decoded: counted */
    bool enabled;
};

struct ww_cat_thing {
    int64_t id;
    uint32_t ward_id;        /* 0 = none */
    struct ww_raw_place raw; /* x NAN when the thing has no place of its own */
    uint16_t class_index;    /* into names */
    uint16_t limit_class_index;
    int32_t feed_id;
    int32_t expected_step_s; /* as configured; 0 = not */
    bool expected_is_of_datastream;
    int64_t site_id; /* 0 = none */
};

struct ww_cat_datastream {
    int64_t id;
    int64_t last_time_us; /* newest that is known; WW_INSTANT_NONE before the first */
    uint32_t thing;
    uint16_t property;
    uint8_t statistic;      /* ingest/decode/statistic.h; 0 = the value itself */
    int32_t interval_s;     /* of the series; 0 = each reading says its own */
    uint32_t first_watch;   /* judge's list of limit rules that watch it; WW_CATALOG_NONE = none */
    uint32_t first_learned; /* and of rules whose detectors learn */
    uint32_t first_gauge;   /* of rules that ask it whether it rains (ingest/mute.h) */
};

struct ww_catalog {
    uint64_t generation;
    struct ww_arena *arena; /* names */

    struct ww_cat_ward *wards;
    uint32_t n_wards;
    struct ww_map *ward_by_code; /* → id */
    struct ww_ward_index *ward_index;

    struct ww_cat_property *properties;
    uint32_t n_properties;
    struct ww_map *property_by_code;

    struct ww_cat_feed *feeds;
    uint32_t n_feeds;
    struct ww_map *feed_by_name;

    struct ww_str *names; /* classes and limit classes, interned; 0 is "" */
    uint32_t n_names, cap_names;
    struct ww_map *name_index;

    struct ww_cat_thing *things;
    uint32_t n_things, cap_things;
    struct ww_map *thing_by_key; /* feed id (4 bytes) + key */

    struct ww_hj212_stations *stations; /* owned; never NULL */

    struct ww_cat_datastream *datastreams;
    uint32_t n_datastreams, cap_datastreams;
    struct ww_map
        *datastream_by_key; /* thing index (4 bytes) + property (2) + statistic (1) + interval (4) */
};

struct ww_catalog *ww_catalog_new(uint64_t generation);
void ww_catalog_free(struct ww_catalog *catalog); /* NULL is allowed */

/* Each returns the row's index, or WW_CATALOG_NONE. */
uint32_t ww_catalog_feed(const struct ww_catalog *catalog, struct ww_str name);
uint32_t ww_catalog_property(const struct ww_catalog *catalog, struct ww_str code);
uint32_t ww_catalog_thing(const struct ww_catalog *catalog, int32_t feed_id, struct ww_str key);
/* By thing, property, statistic and interval_s of `series`. */
uint32_t ww_catalog_datastream(const struct ww_catalog *catalog, const struct ww_cat_datastream *series);
/* The ward's id, 0 when unknown. */
uint32_t ww_catalog_ward_by_code(const struct ww_catalog *catalog, struct ww_str code);

/* Where the thing is, in our own datum; false when it has no place, or one that can't be converted. */
bool ww_catalog_place(const struct ww_catalog *catalog, const struct ww_cat_thing *thing,
                      struct ww_place *out);

/* Adds a row, or returns the one that is there. */
uint32_t ww_catalog_add_thing(struct ww_catalog *catalog, struct ww_str key,
                              const struct ww_cat_thing *thing);
/* `series`: id, thing, property, statistic, interval_s. */
uint32_t ww_catalog_add_datastream(struct ww_catalog *catalog, const struct ww_cat_datastream *series);
/* The index of a class name, adding it. */
uint16_t ww_catalog_name(struct ww_catalog *catalog, struct ww_str name);

#endif
