/* Inside of a scan watch: scan_watch.c counts and looks, scan_alert.c decides and explains. Only they include
 * this. */
#ifndef WW_INGEST_SPACE_SCAN_INTERNAL_H
#define WW_INGEST_SPACE_SCAN_INTERNAL_H

#include "geo/base/map.h"
#include "geo/scan/live.h"
#include "ingest/space/scan_watch.h"

enum { SCAN_MOST_OPEN = 64, SCAN_MOST_WAITING = 1 << 20 };

struct scan_event {
    int64_t day;
    uint32_t spot;
    int32_t n;
};
struct scan_events {
    struct scan_event *event;
    uint32_t n, room;
};

/* An alert that is open. */
struct scan_open {
    int64_t ward;    /* its subject */
    bool *member;    /* [n_spots] */
    double peak;     /* cases; when and with what they were seen: */
    int64_t peak_us; /* WW_INSTANT_NONE: not told */
    int64_t peak_day, peak_version;
    struct ww_known peak_known;
    int64_t held_us;            /* the last look at which it still held */
    double cases, from, length; /* what was told of it last */
};

struct ww_scan_watch {
    struct ww_arena *arena;
    int32_t rule_id, version, severity;
    struct ww_str code, config;
    struct ww_scan_rule how;
    struct ww_scan_spot *spots;
    uint32_t n_spots;
    struct ww_map *spot_by_key;
    double (*at)[3];
    uint32_t *weight; /* Poisson */
    struct ww_scan_zones *zones;

    uint32_t n_days; /* remembered */
    int64_t today, begun;
    struct ww_known known; /* at the look */
    uint32_t *count;       /* [n_days][n_spots], a ring by day */
    struct scan_events coming, working;
    bool overflowed;

    struct ww_scan_live *live; /* NULL: to be built anew */
    struct ww_scan_seen *seen; /* [how.max_clusters] */
    uint32_t *seen_room;       /* members and cases of all of them */
    size_t seen_cap;
    uint32_t n_seen;
    struct ww_scan_result result; /* but for its clusters */
    double looks, learned_days;
    bool has_looked, has_absorbed; /* events since the last look */
    bool (*stop)(void *arg);       /* NULL: nobody asks */
    void *stop_arg;
    char trouble[256];

    struct scan_open open[SCAN_MOST_OPEN];
    uint32_t n_open;

    ww_scan_gate gate;
    void *gate_arg;
    int64_t muted[SCAN_MOST_OPEN]; /* wards whose cluster is told to nobody */
    uint32_t n_muted;
};

static inline uint32_t *scan_cell(const struct ww_scan_watch *w, uint32_t spot, int64_t day) {
    return &w->count[(size_t)(day % w->n_days) * w->n_spots + spot];
}

#endif
