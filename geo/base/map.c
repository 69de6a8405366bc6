/* Open addressing with linear probing; keys live in one growing pool, slots hold offsets. */
#include "geo/base/map.h"

#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/buf.h"

struct slot {
    uint64_t hash; /* 0 = free; a real hash of 0 is stored as 1 */
    uint64_t value;
    size_t key_at; /* into the pool */
    size_t key_len;
};

struct ww_map {
    struct slot *slots;
    size_t mask; /* slots - 1, slots a power of two */
    size_t count;
    struct ww_buf pool;
};

struct ww_map *ww_map_new(size_t expected) {
    size_t slots = 16;
    while (slots < expected * 2)
        slots *= 2;
    struct ww_map *map = ww_must_calloc(1, sizeof *map);
    map->slots = ww_must_calloc(slots, sizeof *map->slots);
    map->mask = slots - 1;
    ww_buf_init(&map->pool, SIZE_MAX / 4);
    return map;
}

void ww_map_free(struct ww_map *map) {
    if (!map)
        return;
    ww_buf_clear(&map->pool);
    ww_free(map->slots);
    ww_free(map);
}

static uint64_t hash_of(struct ww_str key) {
    uint64_t h = ww_str_hash(key);
    return h ? h : 1;
}

/* The slot of that key, or the free one where it would go. */
static struct slot *find_slot(const struct ww_map *map, uint64_t hash, struct ww_str key) {
    for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
        struct slot *s = &map->slots[i];
        if (s->hash == 0)
            return s;
        if (s->hash == hash && s->key_len == key.len &&
            (key.len == 0 || memcmp(map->pool.data + s->key_at, key.ptr, key.len) == 0))
            return s;
    }
}

static enum ww_status grow(struct ww_map *map) {
    size_t slots = (map->mask + 1) * 2;
    struct slot *fresh = ww_try_calloc(slots, sizeof *fresh);
    if (!fresh)
        return WW_NO_MEMORY;
    for (size_t i = 0; i <= map->mask; i++) {
        const struct slot *old = &map->slots[i];
        if (old->hash == 0)
            continue;
        size_t at = old->hash & (slots - 1);
        while (fresh[at].hash != 0)
            at = (at + 1) & (slots - 1);
        fresh[at] = *old;
    }
    ww_free(map->slots);
    map->slots = fresh;
    map->mask = slots - 1;
    return WW_OK;
}

enum ww_status ww_map_put(struct ww_map *map, struct ww_str key, uint64_t value) {
    uint64_t hash = hash_of(key);
    struct slot *s = find_slot(map, hash, key);
    if (s->hash != 0) {
        s->value = value;
        return WW_OK;
    }
    if ((map->count + 1) * 4 > (map->mask + 1) * 3) {
        if (grow(map) != WW_OK)
            return WW_NO_MEMORY;
        s = find_slot(map, hash, key);
    }
    size_t at = map->pool.len;
    ww_buf_str_add(&map->pool, key);
    if (ww_buf_status(&map->pool) != WW_OK)
        return WW_NO_MEMORY;
    *s = (struct slot){hash, value, at, key.len};
    map->count++;
    return WW_OK;
}

bool ww_map_get(const struct ww_map *map, struct ww_str key, uint64_t *value) {
    const struct slot *s = find_slot(map, hash_of(key), key);
    if (s->hash == 0)
        return false;
    *value = s->value;
    return true;
}

size_t ww_map_count(const struct ww_map *map) {
    return map->count;
}
