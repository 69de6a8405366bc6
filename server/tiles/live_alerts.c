/* Open alerts on the map, and how many and how severe they are at each thing and in each ward. */
#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/log.h"
#include "server/tiles/live_internal.h"

#define NONE UINT32_MAX

void live_alerts_clear(struct live_alerts *alerts) {
    ww_free(alerts->alerts);
    ww_free(alerts->tallies);
    ww_id_map_clear(&alerts->by_id);
    ww_id_map_clear(&alerts->of_thing);
    ww_id_map_clear(&alerts->of_ward);
    *alerts = (struct live_alerts){0};
}

static struct live_tally *tally_of(struct live_alerts *a, struct ww_id_map *of, int64_t id, bool add) {
    uint32_t at;
    if (ww_id_map_get(of, (uint64_t)id, &at))
        return &a->tallies[at];
    if (!add || !ww_grown(&a->tallies, a->n_tallies, &a->tally_room, sizeof *a->tallies) ||
        ww_id_map_put(of, (uint64_t)id, a->n_tallies) != WW_OK)
        return NULL;
    a->tallies[a->n_tallies] = (struct live_tally){{0}};
    return &a->tallies[a->n_tallies++];
}

static int64_t worst_of(const struct live_tally *tally) {
    for (int64_t severity = 4; tally && severity > 0; severity--)
        if (tally->open[severity] > 0)
            return severity;
    return 0;
}

static int64_t count_of(const struct live_tally *tally) {
    int64_t n = 0;
    for (int severity = 1; tally && severity <= 4; severity++)
        n += tally->open[severity];
    return n;
}

/* Alerts of a thing are counted by ward: who sees the thing need not see those of another ward. */
static int64_t thing_key(int64_t thing_id, int32_t ward_id) {
    return (int64_t)((uint64_t)thing_id << 24 | ((uint32_t)ward_id & 0xffffff));
}

void live_alerts_show_thing(struct ww_live_map *map, int64_t thing_id) {
    struct ww_live_layer *layer = map->layers[WW_LIVE_THING];
    const int64_t key = thing_key(thing_id, ww_live_layer_ward(layer, (uint64_t)thing_id));
    const struct live_tally *tally = tally_of(&map->alerts, &map->alerts.of_thing, key, false);
    live_set(map->layers[WW_LIVE_THING], thing_id, "severity", ww_live_integer(worst_of(tally)));
}

void live_alerts_show_ward(struct ww_live_map *map, int32_t ward_id) {
    const struct live_tally *tally = tally_of(&map->alerts, &map->alerts.of_ward, ward_id, false);
    live_set(map->layers[WW_LIVE_WARD], ward_id, "severity", ww_live_integer(worst_of(tally)));
    live_set(map->layers[WW_LIVE_WARD], ward_id, "alerts", ww_live_integer(count_of(tally)));
}

/* Counts an alert in or out, and shows what that makes of its thing and ward. */
static void count(struct ww_live_map *map, const struct live_alert *alert, bool in) {
    struct live_alerts *a = &map->alerts;
    if (alert->severity == 0)
        return;
    for (int which = 0; which < 2; which++) {
        const int64_t id = which             ? alert->ward_id
                           : alert->thing_id ? thing_key(alert->thing_id, alert->ward_id)
                                             : 0;
        struct live_tally *tally = id ? tally_of(a, which ? &a->of_ward : &a->of_thing, id, in) : NULL;
        if (tally)
            tally->open[alert->severity] += in ? 1 : (uint32_t)-1;
    }
    live_alerts_show_thing(map, alert->thing_id);
    live_alerts_show_ward(map, alert->ward_id);
}

static void close_alert(struct ww_live_map *map, int64_t id) {
    struct live_alerts *a = &map->alerts;
    uint32_t at;
    ww_live_layer_drop(map->layers[WW_LIVE_ALERT], (uint64_t)id);
    if (!ww_id_map_get(&a->by_id, (uint64_t)id, &at))
        return;
    count(map, &a->alerts[at], false);
    ww_id_map_remove(&a->by_id, (uint64_t)id);
    a->alerts[at] = a->alerts[--a->n]; /* the last one takes its place */
    if (at < a->n && ww_id_map_put(&a->by_id, (uint64_t)a->alerts[at].id, at) != WW_OK)
        ww_log(WW_LOG_ERROR, "map=alert_lost id=%lld",
               (long long)a->alerts[at].id); /* an id that is there needs no memory */
}

/* Columns of tiles_alerts. */
enum {
    ID,
    STATE,
    SEVERITY,
    CATEGORY,
    DETECTOR,
    RULE,
    RULE_ZH,
    RULE_EN,
    PROPERTY,
    WARD_ID,
    WARD,
    THING_ID,
    THING,
    OPENED,
    VALUE,
    LON,
    LAT
};

static void show(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    static const struct {
        const char *column;
        int from;
    } texts[] = {{"category", CATEGORY}, {"detector", DETECTOR}, {"rule", RULE}, {"rule_zh", RULE_ZH},
                 {"rule_en", RULE_EN},   {"property", PROPERTY}, {"ward", WARD}, {"thing", THING}};
    struct ww_live_layer *layer = map->layers[WW_LIVE_ALERT];
    const int64_t id = ww_pg_i64(r, row, ID);
    const struct ww_place place = {ww_pg_double(r, row, LON), ww_pg_double(r, row, LAT)};
    if (ww_pg_is_null(r, row, LON))
        return; /* nowhere: it is in the list, not on the map */
    if (ww_live_layer_place(layer, (uint64_t)id, (int32_t)ww_pg_i64(r, row, WARD_ID), ww_spot_of(place)) !=
        WW_OK) {
        ww_log(WW_LOG_WARN, "map=alert_not_shown reason=\"too many\"");
        return;
    }
    live_set(layer, id, "severity", ww_live_integer(ww_pg_i64(r, row, SEVERITY)));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (ww_pg_str(r, row, texts[i].from).len)
            live_set(layer, id, texts[i].column, ww_live_text(ww_pg_str(r, row, texts[i].from)));
    live_set(layer, id, "opened", ww_live_integer(ww_pg_i64(r, row, OPENED)));
    live_set(layer, id, "value", ww_live_number(ww_pg_double(r, row, VALUE)));
}

void live_alerts_take(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    struct live_alerts *a = &map->alerts;
    struct live_alert alert = {.id = ww_pg_i64(r, row, ID),
                               .thing_id = ww_pg_i64(r, row, THING_ID),
                               .ward_id = (int32_t)ww_pg_i64(r, row, WARD_ID)};
    uint32_t at;
    if (!ww_str_eq(ww_pg_str(r, row, STATE), WW_STR("open"))) {
        close_alert(map, alert.id);
        return;
    }
    const int64_t severity = ww_pg_i64(r, row, SEVERITY);
    if (ww_str_eq(ww_pg_str(r, row, CATEGORY), WW_STR("pollution")) && severity >= 1 && severity <= 4)
        alert.severity = (uint8_t)severity;
    show(map, r, row);
    if (ww_id_map_get(&a->by_id, (uint64_t)alert.id, &at)) {
        count(map, &a->alerts[at], false);
    } else if (ww_grown(&a->alerts, a->n, &a->room, sizeof *a->alerts) &&
               ww_id_map_put(&a->by_id, (uint64_t)alert.id, a->n) == WW_OK) {
        at = a->n++;
    } else {
        ww_log(WW_LOG_WARN, "map=alert_not_counted reason=\"no memory\"");
        return;
    }
    a->alerts[at] = alert;
    count(map, &alert, true);
}

void live_alerts_keep_seen(struct ww_live_map *map) {
    struct live_alerts *a = &map->alerts;
    uint32_t unused;
    for (uint32_t i = a->n; i > 0; i--) /* backwards: what takes a closed one's place was looked at */
        if (!ww_id_map_get(&map->seen, (uint64_t)a->alerts[i - 1].id, &unused))
            close_alert(map, a->alerts[i - 1].id);
}
