/* Tables of the catalog and their look-ups. */
#include "ingest/catalog.h"

#include <assert.h>
#include <math.h>

#include "geo/base/alloc.h"

enum { NAMES_CEILING = 512 << 20 };

struct ww_catalog *ww_catalog_new(uint64_t generation) {
    struct ww_catalog *c = ww_must_calloc(1, sizeof *c);
    c->generation = generation;
    c->arena = ww_arena_new(NAMES_CEILING);
    assert(c->arena);
    c->ward_by_code = ww_map_new(64);
    c->property_by_code = ww_map_new(64);
    c->feed_by_name = ww_map_new(16);
    c->name_index = ww_map_new(16);
    c->thing_by_key = ww_map_new(1024);
    c->datastream_by_key = ww_map_new(1024);
    c->stations = ww_hj212_stations_new();
    ww_catalog_name(c, WW_STR(""));
    return c;
}

void ww_catalog_free(struct ww_catalog *c) {
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_feeds; i++)
        ww_feed_config_free(c->feeds[i].config);
    ww_map_free(c->ward_by_code);
    ww_map_free(c->property_by_code);
    ww_map_free(c->feed_by_name);
    ww_map_free(c->name_index);
    ww_map_free(c->thing_by_key);
    ww_map_free(c->datastream_by_key);
    ww_hj212_stations_free(c->stations);
    ww_ward_index_free(c->ward_index);
    ww_free(c->wards);
    ww_free(c->properties);
    ww_free(c->feeds);
    ww_free(c->names);
    ww_free(c->things);
    ww_free(c->datastreams);
    ww_arena_free(c->arena);
    ww_free(c);
}

static uint32_t find(const struct ww_map *map, struct ww_str key) {
    uint64_t value;
    return ww_map_get(map, key, &value) ? (uint32_t)value : WW_CATALOG_NONE;
}

uint32_t ww_catalog_feed(const struct ww_catalog *c, struct ww_str name) {
    return find(c->feed_by_name, name);
}

uint32_t ww_catalog_property(const struct ww_catalog *c, struct ww_str code) {
    return find(c->property_by_code, code);
}

uint32_t ww_catalog_ward_by_code(const struct ww_catalog *c, struct ww_str code) {
    uint64_t id;
    return ww_map_get(c->ward_by_code, code, &id) ? (uint32_t)id : WW_WARD_NONE;
}

bool ww_catalog_place(const struct ww_catalog *c, const struct ww_cat_thing *thing, struct ww_place *out) {
    if (isnan(thing->raw.x) || isnan(thing->raw.y))
        return false;
    for (uint32_t i = 0; i < c->n_feeds; i++)
        if (c->feeds[i].id == thing->feed_id)
            return ww_datum_to_place(ww_feed_config_datum(c->feeds[i].config), thing->raw, out, NULL) ==
                   WW_OK;
    return false;
}

/* A thing's key within its feed: the feed's id in front, so that one map serves all feeds. */
struct thing_key {
    char bytes[4 + 256];
    size_t len;
};

static struct ww_str thing_key(struct thing_key *k, int32_t feed_id, struct ww_str key) {
    size_t n = key.len < sizeof k->bytes - 4 ? key.len : sizeof k->bytes - 4;
    memcpy(k->bytes, &feed_id, 4);
    memcpy(k->bytes + 4, key.ptr, n);
    return (struct ww_str){k->bytes, n + 4};
}

uint32_t ww_catalog_thing(const struct ww_catalog *c, int32_t feed_id, struct ww_str key) {
    struct thing_key k;
    return find(c->thing_by_key, thing_key(&k, feed_id, key));
}

enum { DATASTREAM_KEY = 11 };
static struct ww_str datastream_key(char bytes[DATASTREAM_KEY], const struct ww_cat_datastream *series) {
    memcpy(bytes, &series->thing, 4);
    memcpy(bytes + 4, &series->property, 2);
    memcpy(bytes + 6, &series->statistic, 1);
    memcpy(bytes + 7, &series->interval_s, 4);
    return (struct ww_str){bytes, DATASTREAM_KEY};
}

uint32_t ww_catalog_datastream(const struct ww_catalog *c, const struct ww_cat_datastream *series) {
    char bytes[DATASTREAM_KEY];
    return find(c->datastream_by_key, datastream_key(bytes, series));
}

/* Doubles a table; out of memory here ends the program, as the catalog is ours and not a sender's. */
static void *room_for_one(void *table, uint32_t count, uint32_t *cap, size_t row) {
    if (count < *cap)
        return table;
    uint32_t grown = *cap ? *cap * 2 : 64;
    void *fresh = ww_try_realloc(table, grown * row);
    assert(fresh);
    *cap = grown;
    return fresh;
}

static void put(struct ww_map *map, struct ww_str key, uint64_t value) {
    enum ww_status st = ww_map_put(map, key, value);
    assert(st == WW_OK);
    (void)st;
}

uint32_t ww_catalog_add_thing(struct ww_catalog *c, struct ww_str key, const struct ww_cat_thing *thing) {
    uint32_t known = ww_catalog_thing(c, thing->feed_id, key);
    if (known != WW_CATALOG_NONE)
        return known;
    c->things = room_for_one(c->things, c->n_things, &c->cap_things, sizeof *c->things);
    c->things[c->n_things] = *thing;
    struct thing_key k;
    put(c->thing_by_key, thing_key(&k, thing->feed_id, key), c->n_things);
    return c->n_things++;
}

uint32_t ww_catalog_add_datastream(struct ww_catalog *c, const struct ww_cat_datastream *series) {
    uint32_t known = ww_catalog_datastream(c, series);
    if (known != WW_CATALOG_NONE)
        return known;
    assert(series->thing < c->n_things && series->property < c->n_properties);
    c->datastreams =
        room_for_one(c->datastreams, c->n_datastreams, &c->cap_datastreams, sizeof *c->datastreams);
    struct ww_cat_datastream *fresh = &c->datastreams[c->n_datastreams];
    *fresh = *series;
    fresh->last_time_us = WW_INSTANT_NONE;
    fresh->first_watch = fresh->first_learned = fresh->first_gauge = WW_CATALOG_NONE;
    char bytes[DATASTREAM_KEY];
    put(c->datastream_by_key, datastream_key(bytes, series), c->n_datastreams);
    return c->n_datastreams++;
}

uint16_t ww_catalog_name(struct ww_catalog *c, struct ww_str name) {
    uint32_t known = find(c->name_index, name);
    if (known != WW_CATALOG_NONE)
        return (uint16_t)known;
    assert(c->n_names < UINT16_MAX);
    c->names = room_for_one(c->names, c->n_names, &c->cap_names, sizeof *c->names);
    c->names[c->n_names] = ww_arena_copy(c->arena, name);
    put(c->name_index, name, c->n_names);
    return (uint16_t)c->n_names++;
}
