/* Removal moves later entries of the run back over the gap (Knuth 6.4, algorithm R), so no mark is left
 * behind. */
#include "geo/base/id_map.h"

#include "geo/base/alloc.h"

struct ww_id_slot {
    uint64_t id;
    uint32_t value;
    uint32_t used;
};

static size_t home(const struct ww_id_map *map, uint64_t id) {
    const uint64_t h = id * 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ h >> 32) & (map->size - 1);
}

void ww_id_map_clear(struct ww_id_map *map) {
    ww_free(map->slots);
    *map = (struct ww_id_map){0};
}

/* The slot of that id, or the free one where it would go. */
static size_t find_slot(const struct ww_id_map *map, uint64_t id) {
    size_t at = home(map, id);
    while (map->slots[at].used && map->slots[at].id != id)
        at = (at + 1) & (map->size - 1);
    return at;
}

static bool grow(struct ww_id_map *map) {
    struct ww_id_map larger = {.size = map->size ? map->size * 2 : 64, .count = map->count};
    larger.slots = ww_try_calloc(larger.size, sizeof(*larger.slots));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < map->size; i++)
        if (map->slots[i].used)
            larger.slots[find_slot(&larger, map->slots[i].id)] = map->slots[i];
    ww_free(map->slots);
    *map = larger;
    return true;
}

enum ww_status ww_id_map_put(struct ww_id_map *map, uint64_t id, uint32_t value) {
    size_t at;
    if ((map->count + 1) * 4 > map->size * 3 && !grow(map))
        return WW_NO_MEMORY;
    at = find_slot(map, id);
    map->count += !map->slots[at].used;
    map->slots[at] = (struct ww_id_slot){id, value, 1};
    return WW_OK;
}

bool ww_id_map_get(const struct ww_id_map *map, uint64_t id, uint32_t *value) {
    size_t at;
    if (map->count == 0)
        return false;
    at = find_slot(map, id);
    if (map->slots[at].used)
        *value = map->slots[at].value;
    return map->slots[at].used;
}

void ww_id_map_remove(struct ww_id_map *map, uint64_t id) {
    size_t gap, at;
    const size_t mask = map->size - 1;
    if (map->count == 0)
        return;
    gap = find_slot(map, id);
    if (!map->slots[gap].used)
        return;
    map->count--;
    for (at = (gap + 1) & mask; map->slots[at].used; at = (at + 1) & mask) {
        const size_t wish = home(map, map->slots[at].id);
        if (((at - wish) & mask) < ((at - gap) & mask))
            continue; /* its home lies behind the gap: it may not move before it */
        map->slots[gap] = map->slots[at];
        gap = at;
    }
    map->slots[gap].used = 0;
}
