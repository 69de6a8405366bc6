/* ww_link: ww_decode
 * Any content type (the first line) and body: a value under a topic, with the promises of batch.h. */
#include "tests/fuzz/decode_fuzz.h"

#define COMMON                                                                                               \
    "\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"a/{t}/{p}\",\"{p}/#\"]},\"format\":\"text\","             \
    "\"thing\":{\"topic\":\"t\"},\"property\":{\"topic\":\"p\"},\"time\":{\"received\":true},\"mode\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *lenient, *strict;
    if (!lenient) {
        lenient = fuzz_config("{" COMMON "\"lenient\"}");
        strict = fuzz_config("{" COMMON "\"strict\"}");
    }
    const uint8_t *cut = size > 0 ? memchr(data, '\n', size) : NULL;
    if (!cut)
        return 0;
    struct ww_surroundings around = {{(const char *)data, (size_t)(cut - data)}, INT64_C(1700000000000000)};
    struct ww_str body = {(const char *)cut + 1, size - (size_t)(cut - data) - 1};
    for (int i = 0; i < 2; i++) {
        struct ww_arena *arena = ww_arena_new(FUZZ_ARENA);
        struct ww_batch batch;
        struct ww_error err;
        enum ww_status st =
            ww_decode_message(i ? strict : lenient, &around, body, FUZZ_MAX_ROWS, arena, &batch, &err);
        if (st == WW_OK)
            check_batch(&batch, body, i == 1);
        else
            assert(st == WW_BAD_INPUT && err.message[0] != '\0');
        ww_arena_free(arena);
    }
    return 0;
}
