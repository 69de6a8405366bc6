/* The tables of the simulated city; see city_data.c. Nobody outside this folder looks here. */
#ifndef WW_SIMULATE_CITY_DATA_H
#define WW_SIMULATE_CITY_DATA_H

#include "ingest/simulate/city.h"

struct city_seat {
    const char *code, *name_zh, *name_en;
    struct ww_place seat;
    bool ours;
};

struct city_point {
    enum ww_city_class class;
    const char *key, *name_zh, *name_en, *limit_class, *site;
    struct ww_place place;
};

struct city_rule {
    const char *code, *name_zh, *name_en;
    int severity;
    const char *config;   /* JSON */
    const char *detector; /* NULL: limit */
};

struct city_feed {
    const char *name, *title, *config; /* JSON */
};

extern const struct ww_place city_outline[];
extern const uint32_t city_n_outline;
extern const struct city_seat city_seats[WW_CITY_WARDS];
extern const struct ww_city_waterway city_waterways[];
extern const uint32_t city_n_waterways;
extern const struct ww_city_site city_sites[];
extern const uint32_t city_n_sites;
extern const struct city_point city_points[];
extern const uint32_t city_n_points;
extern const struct city_rule city_rules[]; /* city_rules.c */
extern const uint32_t city_n_rules;
extern const struct city_feed city_feeds[]; /* city_feeds.c */
extern const uint32_t city_n_feeds;

#endif
