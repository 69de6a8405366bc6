/* Packs the bytes of a message that are kept (raw_message.body_zstd).
 *
 *   size_t room = ww_raw_pack_bound(body.len);
 *   char *packed = ww_arena_alloc(arena, room);
 *   size_t n = packed ? ww_raw_pack(body, packed, room) : 0;      0: no memory
 *
 * From any thread: each keeps a context of its own until it ends, because making one costs more than packing
 * the few hundred bytes of a station's frame.
 */
#ifndef WW_INGEST_RAW_PACK_H
#define WW_INGEST_RAW_PACK_H

#include <stdbool.h>

#include "geo/base/str.h"

size_t ww_raw_pack_bound(size_t len);
size_t ww_raw_pack(struct ww_str body, char *room, size_t n_room); /* bytes of one zstd frame; 0: no memory */
/* The bytes again, in the arena; false: no such frame, or more than `most` bytes. */
struct ww_arena;
bool ww_raw_unpack(struct ww_str packed, size_t most, struct ww_arena *arena, struct ww_str *out);

#endif
