/* Inside of feed health: health.c holds and notes, health_judge.c looks and decides, health_rows.c reads and
 * writes rows. Only they include this.
 */
#ifndef WW_INGEST_HEALTH_INTERNAL_H
#define WW_INGEST_HEALTH_INTERNAL_H

#include "geo/base/json_writer.h"
#include "geo/health_clock.h"
#include "ingest/health.h"

enum expected_from { FROM_NOTHING, FROM_THING, FROM_DATASTREAM, FROM_STATION, FROM_FEED, FROM_LEARNED };

struct health_rule {
    int32_t id, version, severity;
    struct ww_str code, config;
    struct ww_sensor_rule how;
};

struct ww_health_rules {
    struct ww_arena *arena;
    struct health_rule rules[WW_HEALTH_RULES]; /* a bit each in masks */
    uint32_t n;
};

struct health_thing {
    struct ww_health_clock clock;
    int64_t id;
    int64_t silent_since_us, drift_since_us;        /* WW_INSTANT_NONE: not */
    int64_t written_us, remembered_us;              /* its row; its row's memory */
    uint32_t stored, duplicates, corrections, dead; /* since the row was written */
    uint32_t feed;                                  /* index in the catalog */
    uint32_t rules, open;                           /* masks: watch it; have an open alert */
    float configured_s, expected_s, completeness;   /* 0 = none; NAN = unknown */
    float spacing_s;                                /* between offsets of its clock */
    uint8_t configured_from, expected_from, remembered_from, state;
    bool heard;  /* since the last look */
    bool dirty;  /* its row lags behind … */
    bool urgent; /* … in what people wait for */
    bool is_queued;
};

/* A rule's look at one feed, gathered over a pass. */
struct health_tally {
    uint32_t watched, suspect, overdue;
};

struct health_feed {
    int32_t id;
    char name[64];
    int64_t last_received_us, last_time_us, silent_since_us;
    int64_t grace_us; /* silence of its things counts from here */
    int64_t written_us;
    uint64_t stored, duplicates, corrections, dead;
    uint32_t open; /* mask: rules with an open alert of the feed */
    int64_t opened_us[WW_HEALTH_RULES];
    uint32_t members[WW_HEALTH_RULES]; /* silent when it opened */
    struct health_tally tally[WW_HEALTH_RULES];
    uint32_t things[WW_HEALTH_STATES], n_lag, n_complete; /* gathered over a pass … */
    double lag_sum, complete_sum;
    float worst_drift_s, least_expected_s;
    uint32_t shown[WW_HEALTH_STATES]; /* … and as of the last whole one */
    float lag_s, completeness, drift_s, expected_s;
    uint8_t state;
    bool dirty, urgent;
};

/* Due in this pass; decided at its end, when it is known how many others are. */
struct health_due {
    uint32_t thing, rule;
    float allowed, value;
    int64_t looked_us;
};

#define HEALTH_MOST_SPACING_S 10.0f /* between two offsets of a clock */
enum { DEAF_SPANS = 16, MOST_DUE = 20000, MOST_QUEUED = 20000, MOST_MOVES = 2000 };

struct ww_health {
    const struct ww_catalog *catalog;
    const struct ww_health_rules *rules;
    struct health_thing *things; /* by the catalog's index */
    uint32_t n_things, cap_things;
    struct ww_map *thing_by_id;
    struct health_feed *feeds;
    uint32_t n_feeds;

    struct {
        int64_t from_us, until_us;
    } deaf[DEAF_SPANS]; /* newest last */
    uint32_t n_deaf;
    bool has_others, judges;

    uint32_t at; /* the next thing to look at */
    struct health_due *due;
    uint32_t n_due;
    uint32_t *queue; /* things whose rows are to be written */
    uint32_t n_queued;

    struct ww_buf actions; /* objects with commas between */
    uint32_t n_moves;
    uint64_t opened, cleared;
    uint32_t n_open;
};

/* health.c */
/* How much of the time from `since_us` to now we listened. */
int64_t health_heard_us(const struct ww_health *h, int64_t since_us, int64_t now_us);
void health_queue(struct ww_health *h, uint32_t thing);
uint32_t health_find_thing(const struct ww_health *h, int64_t id);           /* WW_CATALOG_NONE */
struct health_feed *health_find_feed(const struct ww_health *h, int32_t id); /* NULL */

/* health_rows.c */
void health_begin_action(struct ww_health *h, struct ww_json *w, const char *op, int32_t rule_id,
                         bool is_feed, int64_t subject);
void health_open_thing(struct ww_health *h, const struct health_due *due, int64_t now_us);
void health_clear_thing(struct ww_health *h, struct health_thing *t, uint32_t rule, double last,
                        int64_t now_us);
void health_open_feed(struct ww_health *h, struct health_feed *f, uint32_t rule,
                      const struct health_due *first, int64_t now_us);
void health_clear_feed(struct ww_health *h, struct health_feed *f, uint32_t rule, int64_t now_us);
void health_write_instant(struct ww_json *w, const char *key, int64_t at_us); /* null for none */

#endif
