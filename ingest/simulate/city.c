/* Puts the simulated city together from its tables and adds wards and measuring points to any number. */
#include "ingest/simulate/city.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/simulate/city_data.h"

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014) over the mixed arguments. */
uint64_t ww_mix(uint64_t seed, uint64_t a, uint64_t b) {
    uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + a;
    for (int round = 0; round < 2; round++) {
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z = (z ^ (z >> 31)) + (round == 0 ? b * UINT64_C(0xD1B54A32D192ED03) : 0);
    }
    return z;
}

double ww_mix_unit(uint64_t seed, uint64_t a, uint64_t b) {
    return (double)(ww_mix(seed, a, b) >> 11) * 0x1p-53;
}

/* Even-odd rule; the border does not matter to those who ask. */
static bool outline_holds(struct ww_place p) {
    bool inside = false;
    for (uint32_t i = 0, j = city_n_outline - 1; i < city_n_outline; j = i++) {
        struct ww_place a = city_outline[i], b = city_outline[j];
        if ((a.lat_deg > p.lat_deg) == (b.lat_deg > p.lat_deg))
            continue;
        double lon = a.lon_deg + (p.lat_deg - a.lat_deg) / (b.lat_deg - a.lat_deg) * (b.lon_deg - a.lon_deg);
        if (p.lon_deg < lon)
            inside = !inside;
    }
    return inside;
}

static bool near_a_named_seat(struct ww_place p, double distance_deg) {
    for (uint32_t i = 0; i < WW_CITY_WARDS; i++)
        if (hypot(p.lon_deg - city_seats[i].seat.lon_deg, p.lat_deg - city_seats[i].seat.lat_deg) <
            distance_deg)
            return true;
    return false;
}

/* Point i of the R2 sequence (Roberts 2018: steps 1/g and 1/g² with g³ = g + 1): spreads evenly,
 * never closer than about half the mean distance, for any number of points. */
static struct ww_place spread_point(uint64_t seed, uint64_t i) {
    double u = fmod(ww_mix_unit(seed, 1, 1) + 0.7548776662466927 * (double)i, 1.0);
    double v = fmod(ww_mix_unit(seed, 1, 2) + 0.5698402909980532 * (double)i, 1.0);
    return (struct ww_place){106.86 + u * (107.455 - 106.86), 29.69 + v * (30.245 - 29.69)};
}

static void name_wards(struct ww_city *city) {
    for (uint32_t i = 0; i < WW_CITY_WARDS; i++) {
        const struct city_seat *from = &city_seats[i];
        struct ww_city_ward *ward = &city->wards[i];
        snprintf(ward->code, sizeof ward->code, "%s", from->code);
        snprintf(ward->name_zh, sizeof ward->name_zh, "%s", from->name_zh);
        snprintf(ward->name_en, sizeof ward->name_en, "%s", from->name_en);
        ward->seat = from->seat;
        ward->seat_is_ours = from->ours;
    }
    /* The bounding box is about twice the outline's area. */
    double spacing_deg = sqrt(0.17 / city->n_wards);
    uint64_t next = 0;
    for (uint32_t i = WW_CITY_WARDS; i < city->n_wards; i++) {
        struct ww_city_ward *ward = &city->wards[i];
        do
            ward->seat = spread_point(city->seed, next++);
        while (!outline_holds(ward->seat) || near_a_named_seat(ward->seat, spacing_deg / 4));
        snprintf(ward->code, sizeof ward->code, "S%08u", i + 1);
        snprintf(ward->name_zh, sizeof ward->name_zh, "模拟村镇%u", i + 1);
        snprintf(ward->name_en, sizeof ward->name_en, "Simulated Ward %u", i + 1);
        ward->seat_is_ours = true;
    }
}

static void place_point(struct ww_city *city, uint32_t i) {
    const struct city_point *from = &city_points[i];
    struct ww_city_thing *thing = &city->things[i];
    thing->class = from->class;
    snprintf(thing->key, sizeof thing->key, "%s", from->key);
    snprintf(thing->name_zh, sizeof thing->name_zh, "%s", from->name_zh);
    snprintf(thing->name_en, sizeof thing->name_en, "%s", from->name_en);
    thing->limit_class = from->limit_class;
    thing->site = from->site;
    thing->place = from->place;
}

/* Noise meters and outlets are many in a real city, air stations few. */
static enum ww_city_class class_of_added(uint64_t draw) {
    static const enum ww_city_class deck[] = {
        WW_CITY_HOSPITAL, WW_CITY_HOSPITAL, WW_CITY_PLANT, WW_CITY_PLANT, WW_CITY_RIVER,
        WW_CITY_AIR,      WW_CITY_NOISE,    WW_CITY_NOISE, WW_CITY_NOISE, WW_CITY_NOISE,
    };
    return deck[draw % (sizeof deck / sizeof deck[0])];
}

static void add_point(struct ww_city *city, uint32_t i) {
    struct ww_city_thing *thing = &city->things[i];
    thing->class = class_of_added(ww_mix(city->seed, 2, i));
    const struct ww_city_class_info *info = ww_city_class_info(thing->class);
    const struct ww_city_ward *ward = &city->wards[ww_mix(city->seed, 3, i) % city->n_wards];
    snprintf(thing->key, sizeof thing->key, "%c%06u", info->prefix, i + 1);
    snprintf(thing->name_zh, sizeof thing->name_zh, "模拟%s%u", info->name_zh, i + 1);
    snprintf(thing->name_en, sizeof thing->name_en, "Simulated %s %u", info->name_en, i + 1);
    thing->limit_class = info->limit_class;
    thing->site = "";
    /* A quarter of the mean distance from the seat: mostly still in the seat's own cell. */
    double reach_deg = 0.25 * sqrt(0.17 / city->n_wards);
    do {
        thing->place.lon_deg = ward->seat.lon_deg + reach_deg * (2 * ww_mix_unit(city->seed, 4, i) - 1);
        thing->place.lat_deg = ward->seat.lat_deg + reach_deg * (2 * ww_mix_unit(city->seed, 5, i) - 1);
        reach_deg /= 2;
    } while (!outline_holds(thing->place));
}

static enum ww_status fill_city(struct ww_city *city, uint32_t n_wards, uint32_t n_things,
                                struct ww_error *err) {
    city->n_wards = n_wards;
    city->n_things = n_things;
    city->wards = ww_arena_calloc(city->arena, n_wards, sizeof *city->wards);
    city->things = ww_arena_calloc(city->arena, n_things, sizeof *city->things);
    city->outline.points = ww_arena_calloc(city->arena, city_n_outline + 1, sizeof *city->outline.points);
    if (!city->wards || !city->things || !city->outline.points)
        return ww_error_set(err, WW_NO_MEMORY, "the simulated city does not fit into memory");
    city->outline.n = city_n_outline + 1;
    for (uint32_t i = 0; i < city->outline.n; i++)
        city->outline.points[i] = city_outline[i % city_n_outline];
    city->sites = city_sites;
    city->n_sites = city_n_sites;
    city->waterways = city_waterways;
    city->n_waterways = city_n_waterways;
    name_wards(city);
    for (uint32_t i = 0; i < n_things; i++)
        i < city_n_points ? place_point(city, i) : add_point(city, i);
    return ww_city_make_cells(city, err);
}

enum ww_status ww_city_new(const struct ww_city_options *options, struct ww_city **out,
                           struct ww_error *err) {
    uint32_t n_wards = options->wards ? options->wards : WW_CITY_WARDS;
    uint32_t n_things = options->sensors < city_n_points ? city_n_points : options->sensors;
    if (n_wards < WW_CITY_WARDS || n_wards > WW_CITY_MAX_WARDS)
        return ww_error_set(err, WW_BAD_INPUT, "a city has %u to %u wards, not %u", WW_CITY_WARDS,
                            WW_CITY_MAX_WARDS, n_wards);
    if (n_things > WW_CITY_MAX_SENSORS)
        return ww_error_set(err, WW_BAD_INPUT, "a city has at most %u sensors, not %u", WW_CITY_MAX_SENSORS,
                            n_things);
    struct ww_city *city = ww_must_calloc(1, sizeof *city);
    city->arena = ww_arena_new((size_t)1 << 30);
    city->seed = options->seed;
    enum ww_status st = city->arena ? fill_city(city, n_wards, n_things, err)
                                    : ww_error_set(err, WW_NO_MEMORY, "no memory for the simulated city");
    if (st != WW_OK) {
        ww_city_free(city);
        return st;
    }
    *out = city;
    return WW_OK;
}

void ww_city_free(struct ww_city *city) {
    if (!city)
        return;
    ww_arena_free(city->arena);
    ww_free(city);
}
