/* What there is and how its series are called: the words beside the newest values (latest.h). The map's own
 * layer has only things that stand somewhere. */
#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/log.h"
#include "server/tiles/live_internal.h"

#define NONE UINT32_MAX

void live_things_clear(struct live_things *things) {
    ww_free(things->things);
    ww_id_map_clear(&things->by_id);
    *things = (struct live_things){0};
}

uint32_t live_thing_find(const struct live_things *things, int64_t id) {
    uint32_t at;
    return ww_id_map_get(&things->by_id, (uint64_t)id, &at) ? at : NONE;
}

static bool is_same(const struct live_thing *a, const struct live_thing *b) {
    return a->ward == b->ward && a->has_place == b->has_place && a->is_gone == b->is_gone &&
           a->key == b->key &&
           (!a->has_place ||
            (a->place.lon_deg == b->place.lon_deg && a->place.lat_deg == b->place.lat_deg)) &&
           a->name_zh == b->name_zh && a->name_en == b->name_en && a->class_name == b->class_name &&
           a->ward_code == b->ward_code && a->feed == b->feed && a->site == b->site &&
           a->site_kind == b->site_kind;
}

static struct live_thing *find_or_add(struct live_things *t, int64_t id) {
    uint32_t at = live_thing_find(t, id);
    if (at != NONE)
        return &t->things[at];
    if (!ww_grown(&t->things, t->n, &t->room, sizeof *t->things) ||
        ww_id_map_put(&t->by_id, (uint64_t)id, t->n) != WW_OK)
        return NULL;
    t->things[t->n] = (struct live_thing){.id = id};
    return &t->things[t->n++];
}

void live_things_take(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    struct live_words *w = &map->words;
    struct live_thing *thing = find_or_add(&map->things, ww_pg_i64(r, row, 0));
    if (!thing) {
        ww_log(WW_LOG_WARN, "map=thing_not_kept reason=\"no memory\"");
        return;
    }
    struct live_thing now = {
        .id = thing->id,
        .ward = (int32_t)ww_pg_i64(r, row, 5),
        .has_place = !ww_pg_is_null(r, row, 7) && !ww_pg_is_null(r, row, 8),
        .key = live_word(w, ww_pg_str(r, row, 1)),
        .name_zh = live_word(w, ww_pg_str(r, row, 2)),
        .name_en = live_word(w, ww_pg_str(r, row, 3)),
        .class_name = live_word(w, ww_pg_str(r, row, 4)),
        .ward_code = live_word(w, ww_pg_str(r, row, 6)),
        .feed = live_word(w, ww_pg_str(r, row, 9)),
        .site = live_word(w, ww_pg_str(r, row, 10)),
        .site_kind = live_word(w, ww_pg_str(r, row, 11)),
    };
    if (now.has_place)
        now.place = (struct ww_place){ww_pg_double(r, row, 7), ww_pg_double(r, row, 8)};
    if (thing->revision > 0 && is_same(thing, &now))
        return;
    now.revision = ++map->revision;
    *thing = now;
}

void live_things_keep_seen(struct ww_live_map *map) {
    uint32_t unused;
    for (uint32_t i = 0; i < map->things.n; i++) {
        struct live_thing *thing = &map->things.things[i];
        if (thing->is_gone || ww_id_map_get(&map->seen, (uint64_t)thing->id, &unused))
            continue;
        thing->is_gone = true;
        thing->revision = ++map->revision;
    }
}

/* ---- Labels ---- */

void live_labels_clear(struct live_labels *labels) {
    ww_free(labels->labels);
    ww_map_free(labels->by_key);
    *labels = (struct live_labels){0};
}

uint32_t live_label_take(struct ww_live_map *map, const struct ww_pg_result *r, int row) {
    struct live_labels *l = &map->labels;
    const struct live_label now = {
        .property = live_word(&map->words, ww_pg_str(r, row, 2)),
        .statistic = live_word(&map->words, ww_pg_str(r, row, 3)),
        .interval_s = (int32_t)ww_pg_i64(r, row, 4),
        .unit = live_word(&map->words, ww_pg_str(r, row, 8)),
        .name_zh = live_word(&map->words, ww_pg_str(r, row, 9)),
        .name_en = live_word(&map->words, ww_pg_str(r, row, 10)),
    };
    const uint32_t key[3] = {now.property, now.statistic, (uint32_t)now.interval_s};
    const struct ww_str key_text = {(const char *)key, sizeof key};
    uint64_t at;
    if (!l->by_key)
        l->by_key = ww_map_new(64);
    if (!ww_map_get(l->by_key, key_text, &at)) {
        if (!ww_grown(&l->labels, l->n, &l->room, sizeof *l->labels) ||
            ww_map_put(l->by_key, key_text, l->n) != WW_OK)
            return NONE;
        at = l->n++;
    }
    l->labels[at] = now;
    return (uint32_t)at;
}
