/* The newest value of each series: noted at every commit, shown when the map is drawn anew.
 *
 * A note costs one look into a table; a series that speaks a thousand times between two flushes is shown
 * once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/log.h"
#include "ingest/catalog.h"
#include "ingest/decode/statistic.h"
#include "ingest/health.h"
#include "ingest/locate.h"
#include "server/tiles/live_internal.h"

#define HIDDEN 200 /* rank of a series that is never shown: a minimum, a count … */

void live_values_clear(struct live_values *values) {
    ww_free(values->series);
    ww_free(values->dirty);
    ww_free(values->by_order);
    ww_id_map_clear(&values->by_datastream);
    ww_id_map_clear(&values->shown);
    *values = (struct live_values){0};
}

/* The value itself before the mean; of both the shortest interval. */
static uint8_t rank_of(struct ww_str statistic, int64_t interval_s) {
    const uint8_t by_interval = interval_s <= 0      ? 0
                                : interval_s <= 60   ? 1
                                : interval_s <= 600  ? 2
                                : interval_s <= 3600 ? 3
                                                     : 4;
    if (statistic.len == 0)
        return by_interval;
    return ww_str_eq(statistic, WW_STR("mean")) ? (uint8_t)(10 + by_interval) : HIDDEN;
}

static void make_dirty(struct live_values *v, uint32_t at) {
    if (v->series[at].is_dirty || v->series[at].rank == HIDDEN)
        return;
    if (!ww_grown(&v->dirty, v->n_dirty, &v->dirty_room, sizeof *v->dirty))
        return; /* shown with its next value */
    v->series[at].is_dirty = true;
    v->dirty[v->n_dirty++] = at;
}

static struct live_series *find_or_add(struct live_values *v, int64_t datastream_id) {
    uint32_t at;
    if (ww_id_map_get(&v->by_datastream, (uint64_t)datastream_id, &at))
        return &v->series[at];
    if (!ww_grown(&v->series, v->n, &v->room, sizeof *v->series) ||
        !ww_grown(&v->by_order, v->n, &v->order_room, sizeof *v->by_order) ||
        ww_id_map_put(&v->by_datastream, (uint64_t)datastream_id, v->n) != WW_OK)
        return NULL;
    /* They come in the order of their ids, those that are registered later too. */
    v->is_in_order = v->n == 0 || (v->is_in_order && v->series[v->by_order[v->n - 1]].id < datastream_id);
    v->by_order[v->n] = v->n;
    v->series[v->n] = (struct live_series){
        .id = datastream_id, .time_us = INT64_MIN, .thing = UINT32_MAX, .label = UINT32_MAX};
    return &v->series[v->n++];
}

static int compare_ids(const void *a, const void *b, void *arg) {
    const struct live_series *series = arg;
    const int64_t x = series[*(const uint32_t *)a].id, y = series[*(const uint32_t *)b].id;
    return (x > y) - (x < y);
}

void live_values_sort(struct live_values *v) {
    if (v->n > 1 && !v->is_in_order)
        qsort_r(v->by_order, v->n, sizeof *v->by_order, compare_ids, v->series);
    v->is_in_order = true;
}

static uint64_t shown_key(const struct live_series *s) {
    return (uint64_t)s->thing_id << 10 | s->column; /* columns are fewer than WW_LIVE_COLUMNS */
}

/* Of the series of one property of a thing only the first by rank is shown. */
static bool is_shown(const struct live_values *v, const struct live_series *s) {
    uint32_t at;
    return ww_id_map_get(&v->shown, shown_key(s), &at) && at == (uint32_t)(s - v->series);
}

static void claim_column(struct live_values *v, const struct live_series *s) {
    uint32_t at;
    if (s->rank == HIDDEN || (ww_id_map_get(&v->shown, shown_key(s), &at) && v->series[at].rank <= s->rank))
        return;
    if (ww_id_map_put(&v->shown, shown_key(s), (uint32_t)(s - v->series)) != WW_OK)
        ww_log(WW_LOG_WARN, "map=series_not_shown reason=\"no memory\" thing=%lld", (long long)s->thing_id);
}

void live_values_take(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    struct live_values *v = &map->values;
    struct live_series *s = find_or_add(v, ww_pg_i64(r, row, 0));
    const int64_t time_us = ww_pg_is_null(r, row, 5) ? INT64_MIN : ww_pg_i64(r, row, 5);
    if (!s)
        return;
    s->thing_id = ww_pg_i64(r, row, 1);
    s->rank = rank_of(ww_pg_str(r, row, 3), ww_pg_i64(r, row, 4));
    s->column =
        s->rank == HIDDEN ? UINT16_MAX : live_column(map->layers[WW_LIVE_THING], ww_pg_str(r, row, 2));
    if (s->column == UINT16_MAX)
        s->rank = HIDDEN;
    claim_column(v, s);
    s->thing = live_thing_find(&map->things, s->thing_id);
    s->label = live_label_take(map, r, row);
    if (time_us < s->time_us && s->noted == map->asks)
        return; /* what was committed meanwhile is newer; else what was newer has been corrected away */
    const double value = ww_pg_double(r, row, 6);
    const char flag = ww_pg_is_null(r, row, 7) ? 0 : ww_pg_str(r, row, 7).ptr[0];
    if (s->revision > 0 && !s->was_missed && s->time_us == time_us && s->flag == flag &&
        memcmp(&s->value, &value, sizeof value) == 0)
        return;
    s->time_us = time_us;
    s->value = value;
    s->flag = flag;
    s->revision = ++map->revision;
    make_dirty(v, (uint32_t)(s - v->series));
}

static void move_thing(struct ww_live_map *map, uint32_t at, struct ww_place place) {
    if (at == UINT32_MAX)
        return;
    struct live_thing *thing = &map->things.things[at];
    thing->place = place;
    thing->has_place = true;
    thing->revision = ++map->revision;
}

void live_values_note(struct ww_live_map *map, const struct ww_stored_rows *rows) {
    struct live_values *v = &map->values;
    const struct ww_located *l = rows->located;
    uint32_t own = 0, at;
    for (uint32_t i = 0; i < l->n_rows; i++) {
        const struct ww_cat_datastream *d = &rows->catalog->datastreams[l->datastream[i]];
        const int64_t time_us = rows->batch->time_us[l->row[i]];
        const bool has_own = own < l->n_own && l->own[own].row == i;
        const struct ww_own_place *place = has_own ? &l->own[own++] : NULL;
        if (rows->outcome && rows->outcome[i] == WW_ROW_DUPLICATE)
            continue;
        if (!ww_id_map_get(&v->by_datastream, (uint64_t)d->id, &at)) {
            v->has_unknown = true;
            continue; /* it will be read with its thing */
        }
        const struct ww_cat_thing *thing = &rows->catalog->things[d->thing];
        struct live_series *s = &v->series[at];
        if (time_us < s->time_us)
            continue;
        s->noted = map->asks;
        s->revision = ++map->revision;
        if (thing->ward_id != 0 && l->ward_id[i] != thing->ward_id) {
            /* Who sees the thing need not see what it measured in another ward; nor what was shown, when that
             * is where it was measured after all. */
            if (time_us == s->time_us) {
                s->time_us = INT64_MIN;
                v->has_unknown = true;
            }
            continue;
        }
        s->time_us = time_us;
        s->value = l->value[i];
        s->flag = rows->batch->flag[l->row[i]];
        if (place && isnan(thing->raw.x)) {
            s->has_moved = true; /* it has no place of its own: it is where it last measured */
            s->spot = ww_spot_of(place->place);
            s->ward = (int32_t)thing->ward_id;
            move_thing(map, s->thing, place->place);
        }
        make_dirty(v, at);
    }
}

/* What the newest value is marked with, unless it is normal: of several at one time, the one that is not. */
static void show_flag(struct ww_live_map *map, const struct live_series *s, bool is_newer) {
    const struct ww_str flag = {&s->flag, 1};
    if (s->flag != 'N' && s->flag != 0)
        live_set(map->layers[WW_LIVE_THING], s->thing_id, "flag", ww_live_text(flag));
    else if (is_newer)
        live_set(map->layers[WW_LIVE_THING], s->thing_id, "flag",
                 (struct ww_live_value){.type = WW_LIVE_NOTHING});
}

static void show(struct ww_live_map *map, struct live_series *s) {
    struct ww_live_layer *layer = map->layers[WW_LIVE_THING];
    const uint64_t id = (uint64_t)s->thing_id;
    if (s->has_moved && !ww_live_layer_has(layer, id))
        map->values.has_unknown = true; /* it was read before it had been anywhere: read it again */
    else if (s->has_moved && ww_live_layer_place(layer, id, s->ward, s->spot) != WW_OK)
        ww_log(WW_LOG_WARN, "map=thing_not_moved thing=%lld", (long long)s->thing_id);
    s->has_moved = false;
    if (s->time_us == INT64_MIN || !is_shown(&map->values, s))
        return;
    if (ww_live_layer_set(layer, id, s->column, ww_live_number(s->value)) == WW_NOT_FOUND) {
        /* A thing that is nowhere; or that registered itself after the things were read and before the series
         * were. Once they are read again, which of the two is known. */
        map->values.has_unknown |= !s->was_missed;
        s->was_missed = true;
        return;
    }
    s->was_missed = false;
    const uint16_t time = live_column(layer, WW_STR("time"));
    const struct ww_live_value was = ww_live_layer_get(layer, id, time);
    const bool is_newer = was.type != WW_LIVE_INTEGER || was.integer < s->time_us / 1000;
    if (is_newer)
        live_set(layer, s->thing_id, "time", ww_live_integer(s->time_us / 1000));
    if (is_newer || was.integer == s->time_us / 1000)
        show_flag(map, s, is_newer);
}

void live_values_flush(struct ww_live_map *map) {
    struct live_values *v = &map->values;
    for (uint32_t i = 0; i < v->n_dirty; i++) {
        struct live_series *s = &v->series[v->dirty[i]];
        s->is_dirty = false;
        show(map, s);
    }
    v->n_dirty = 0;
}
