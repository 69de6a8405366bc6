/* A hash map from byte strings to 64-bit values (open addressing, linear probing).
 *
 * Keys are copied into memory that the map owns. Values are plain uint64_t: an index or
 * an id, never a pointer that somebody must free. No removal: maps here are rebuilt whole.
 *
 *   struct ww_map *map = ww_map_new(1000);
 *   ww_map_put(map, WW_STR("WS-1"), 7);
 *   uint64_t id; if (ww_map_get(map, key, &id)) …
 */
#ifndef WW_BASE_MAP_H
#define WW_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "geo/base/status.h"
#include "geo/base/str.h"

struct ww_map;

struct ww_map *ww_map_new(size_t expected); /* aborts when memory is short */
void ww_map_free(struct ww_map *map);       /* NULL is allowed */
/* Adds or replaces. WW_NO_MEMORY leaves the map as it was. */
enum ww_status ww_map_put(struct ww_map *map, struct ww_str key, uint64_t value) WW_MUST_CHECK;
bool ww_map_get(const struct ww_map *map, struct ww_str key, uint64_t *value);
size_t ww_map_count(const struct ww_map *map);

#endif
