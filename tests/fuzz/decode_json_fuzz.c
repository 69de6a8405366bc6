/* ww_link: ww_decode
 * Any bytes as JSON, at a path or guessed: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

#define COMMON                                                                                               \
    "\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":\"u\",\"time\":\"at\",\"interval_s\":"      \
    "\"len\","                                                                                               \
    "\"quality\":{\"field\":\"q\",\"map\":{\"ok\":\"N\",\"cal\":\"C\"}},\"keep\":[\"note\"],\"records\":"    \
    "\"d.i\",\"mode\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *lenient, *strict;
    if (!lenient) {
        lenient = fuzz_config("{" COMMON "\"lenient\"}");
        strict = fuzz_config("{" COMMON "\"strict\"}");
    }
    fuzz_both(lenient, strict, (size % 2 ? WW_FORMAT_JSON : WW_FORMAT_AUTO), data, size);
    return 0;
}
