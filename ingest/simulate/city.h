/* The simulated city: wards, waterways, sites and measuring points of a made-up district.
 *
 * Names, codes and seats are those of Changshou (长寿区); everything else is invented: the
 * outline is drawn by hand, the ward cells are Voronoi cells of the seats inside it, sites and
 * measuring points never existed. All of it is marked synthetic. Pure: the same options give the
 * same city, byte for byte; no clock, no network.
 *
 *   struct ww_city *city;
 *   st = ww_city_new(&(struct ww_city_options){.seed = 1}, &city, &err);
 *   st = ww_city_write(city, "var/district", &err);
 *   ww_city_free(city);
 */
#ifndef WW_SIMULATE_CITY_H
#define WW_SIMULATE_CITY_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/place.h"

#define WW_CITY_WARDS       19u
#define WW_CITY_MAX_WARDS   100000u
#define WW_CITY_MAX_SENSORS 200000u

struct ww_city_options {
    uint32_t wards;   /* 0 or 19: the real names; more: invented wards are added between them */
    uint32_t sensors; /* measuring points; 0 or less than the hand-placed ones: those */
    uint64_t seed;
};

/* Closed: the first point is repeated at the end; counter-clockwise. */
struct ww_city_ring {
    struct ww_place *points;
    uint32_t n;
};

struct ww_city_ward {
    char code[16];
    char name_zh[48];
    char name_en[48];
    struct ww_place seat;
    bool seat_is_ours;          /* invented, not from GeoNames */
    struct ww_city_ring *rings; /* shells; a cell cut by the outline may have several */
    uint32_t n_rings;
};

struct ww_city_site {
    const char *code, *name_zh, *name_en, *kind, *limit_class;
    struct ww_place place;
};

struct ww_city_waterway {
    const char *code, *name_zh, *name_en, *downstream; /* downstream "" = leaves the district */
    const struct ww_place *points;                     /* in flow direction */
    uint32_t n_points;
};

enum ww_city_class {
    WW_CITY_HOSPITAL,
    WW_CITY_PLANT,
    WW_CITY_RIVER,
    WW_CITY_AIR,
    WW_CITY_NOISE,
    WW_CITY_COMPLAINTS,
    WW_CITY_N_CLASSES
};

/* A measuring point. */
struct ww_city_thing {
    enum ww_city_class class;
    char key[16];
    char name_zh[64];
    char name_en[64];
    const char *limit_class;
    const char *site; /* code, or "" */
    struct ww_place place;
};

struct ww_city {
    struct ww_arena *arena;
    uint64_t seed;
    struct ww_city_ring outline;
    struct ww_city_ward *wards;
    uint32_t n_wards;
    const struct ww_city_site *sites;
    uint32_t n_sites;
    const struct ww_city_waterway *waterways;
    uint32_t n_waterways;
    struct ww_city_thing *things;
    uint32_t n_things;
};

/* What all things of a class share. */
struct ww_city_class_info {
    const char *feed;
    const char *class_name; /* of the thing, as rules name it */
    const char *name_zh, *name_en;
    const char *limit_class; /* of things that are added for --sensors */
    char prefix;             /* of their keys */
};
const struct ww_city_class_info *ww_city_class_info(enum ww_city_class class);

/* WW_BAD_INPUT when a number is out of range. */
enum ww_status ww_city_new(const struct ww_city_options *options, struct ww_city **out,
                           struct ww_error *err) WW_MUST_CHECK;
void ww_city_free(struct ww_city *city); /* NULL is allowed */

/* Writes district.json, wards.geojson, waterways.geojson, sites.geojson, things.geojson,
 * feeds.json and rules.json into `dir`, which is made when missing. */
enum ww_status ww_city_write(const struct ww_city *city, const char *dir, struct ww_error *err) WW_MUST_CHECK;

/* Cells of all seats inside the outline: fills rings and n_rings of every ward (city_cells.c). */
enum ww_status ww_city_make_cells(struct ww_city *city, struct ww_error *err) WW_MUST_CHECK;

/* A well mixed number of its arguments: all the randomness of the simulation. */
uint64_t ww_mix(uint64_t seed, uint64_t a, uint64_t b);
/* The same as a number in [0, 1). */
double ww_mix_unit(uint64_t seed, uint64_t a, uint64_t b);

#endif
