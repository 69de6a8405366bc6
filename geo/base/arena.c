/* Bump allocation in blocks that double up to 1 MiB; a big request gets a block of its own. */
#include "geo/base/arena.h"

#include <assert.h>
#include <string.h>

#include "geo/base/alloc.h"

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct block {
    struct block *next;
    size_t size; /* usable bytes behind this header */
    size_t used;
    size_t pad; /* keeps the bytes behind the header 16-byte aligned */
};
_Static_assert(sizeof(struct block) % ALIGN == 0, "blocks must keep allocations aligned");

struct ww_arena {
    struct block *head; /* the block that is being filled */
    size_t ceiling;
    size_t used;
    size_t next_block;
};

struct ww_arena *ww_arena_new(size_t ceiling_bytes) {
    struct ww_arena *arena = ww_try_calloc(1, sizeof *arena);
    if (arena) {
        arena->ceiling = ceiling_bytes;
        arena->next_block = FIRST_BLOCK;
    }
    return arena;
}

void ww_arena_free(struct ww_arena *arena) {
    if (!arena)
        return;
    for (struct block *b = arena->head; b;) {
        struct block *next = b->next;
        ww_free(b);
        b = next;
    }
    ww_free(arena);
}

static struct block *add_block(struct ww_arena *arena, size_t need) {
    size_t size = arena->next_block;
    bool oversized = need > size / 4 && need > FIRST_BLOCK;
    if (need > size || oversized)
        size = need;
    struct block *b = ww_try_malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->used = 0;
    if (oversized && arena->head) { /* keep filling the current block afterwards */
        b->next = arena->head->next;
        arena->head->next = b;
        return b;
    }
    b->next = arena->head;
    arena->head = b;
    if (arena->next_block < LARGEST_BLOCK)
        arena->next_block *= 2;
    return b;
}

void *ww_arena_alloc(struct ww_arena *arena, size_t size) {
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (need > arena->ceiling - arena->used)
        return NULL;
    struct block *b = arena->head;
    if (!b || b->size - b->used < need)
        b = add_block(arena, need);
    if (!b)
        return NULL;
    void *memory = (char *)(b + 1) + b->used;
    b->used += need;
    arena->used += need;
    return memory;
}

void *ww_arena_calloc(struct ww_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *memory = ww_arena_alloc(arena, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *ww_arena_grow(struct ww_arena *arena, void *old, size_t old_size, size_t new_size) {
    assert(new_size >= old_size);
    void *memory = ww_arena_alloc(arena, new_size);
    if (memory && old_size > 0)
        memcpy(memory, old, old_size);
    return memory;
}

struct ww_str ww_arena_copy(struct ww_arena *arena, struct ww_str text) {
    char *copy = text.len < SIZE_MAX ? ww_arena_alloc(arena, text.len + 1) : NULL;
    if (!copy)
        return WW_STR_NONE;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return (struct ww_str){copy, text.len};
}

size_t ww_arena_used(const struct ww_arena *arena) {
    return arena->used;
}
