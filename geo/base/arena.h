/* An arena: many small allocations, one free.
 *
 * A request, a batch, an evaluation owns one; freeing it drops everything that it
 * holds. The ceiling is stated at birth. One thread at a time.
 *
 *   struct ww_arena *arena = ww_arena_new(16 << 20);
 *   char *name = ww_arena_alloc(arena, 32);   // 16-byte aligned, not zeroed
 *   ww_arena_free(arena);
 */
#ifndef WW_BASE_ARENA_H
#define WW_BASE_ARENA_H

#include <stddef.h>

#include "geo/base/str.h"

struct ww_arena;

struct ww_arena *ww_arena_new(size_t ceiling_bytes); /* NULL when memory is short */
void ww_arena_free(struct ww_arena *arena);          /* NULL is allowed */
/* NULL when the ceiling is reached or memory is short. */
void *ww_arena_alloc(struct ww_arena *arena, size_t size);
void *ww_arena_calloc(struct ww_arena *arena, size_t count, size_t size);
/* Grows an array to at least twice; copies; the old block stays in the arena. NULL as above. */
void *ww_arena_grow(struct ww_arena *arena, void *old, size_t old_size, size_t new_size);
/* Copies with a terminating NUL; `.ptr` is NULL on failure (also for an empty text: then ""). */
struct ww_str ww_arena_copy(struct ww_arena *arena, struct ww_str text);
size_t ww_arena_used(const struct ww_arena *arena);

#endif
