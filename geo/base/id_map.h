/* A hash map from 64-bit ids to 32-bit numbers, with removal (open addressing, linear probing).
 *
 *   struct ww_id_map map = {0};                    // an empty one owns nothing
 *   st = ww_id_map_put(&map, 17, 3);
 *   uint32_t row; if (ww_id_map_get(&map, 17, &row)) …
 *   ww_id_map_clear(&map);
 */
#ifndef WW_BASE_ID_MAP_H
#define WW_BASE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/base/status.h"

struct ww_id_map {
    struct ww_id_slot *slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

void ww_id_map_clear(struct ww_id_map *map); /* frees; it may be used again */
/* Adds or replaces. WW_NO_MEMORY leaves the map as it was. */
enum ww_status ww_id_map_put(struct ww_id_map *map, uint64_t id, uint32_t value) WW_MUST_CHECK;
bool ww_id_map_get(const struct ww_id_map *map, uint64_t id, uint32_t *value);
void ww_id_map_remove(struct ww_id_map *map, uint64_t id); /* one that is not there is no fault */

#endif
