/* One zstd frame a message, with the context of the calling thread. */
#include "ingest/raw_pack.h"

#include <pthread.h>
#include <zstd.h>

#include "geo/base/arena.h"

enum { LEVEL = 1 }; /* the loop's workers decode besides; higher levels gain a tenth of the size */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void free_context(void *context) {
    ZSTD_freeCCtx(context);
}

static void make_key(void) {
    has_key = pthread_key_create(&key, free_context) == 0;
}

static ZSTD_CCtx *context_of_thread(void) {
    pthread_once(&once, make_key);
    ZSTD_CCtx *context = has_key ? pthread_getspecific(key) : NULL;
    if (context || !has_key)
        return context;
    context = ZSTD_createCCtx();
    if (context && pthread_setspecific(key, context) != 0) {
        ZSTD_freeCCtx(context);
        return NULL;
    }
    return context;
}

size_t ww_raw_pack_bound(size_t len) {
    return ZSTD_compressBound(len);
}

size_t ww_raw_pack(struct ww_str body, char *room, size_t n_room) {
    ZSTD_CCtx *context = context_of_thread();
    size_t n = context ? ZSTD_compressCCtx(context, room, n_room, body.ptr, body.len, LEVEL) : 0;
    return ZSTD_isError(n) ? 0 : n;
}

bool ww_raw_unpack(struct ww_str packed, size_t most, struct ww_arena *arena, struct ww_str *out) {
    unsigned long long size = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > most)
        return false;
    char *room = ww_arena_alloc(arena, (size_t)size + 1);
    if (!room || ZSTD_isError(ZSTD_decompress(room, (size_t)size, packed.ptr, packed.len)))
        return false;
    *out = (struct ww_str){room, (size_t)size};
    return true;
}
