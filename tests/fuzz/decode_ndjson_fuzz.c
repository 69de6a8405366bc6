/* ww_link: ww_decode
 * Any bytes as NDJSON: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

#define COMMON                                                                                               \
    "\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":\"u\",\"time\":\"at\",\"interval_s\":"      \
    "\"len\","                                                                                               \
    "\"quality\":{\"field\":\"q\",\"map\":{\"ok\":\"N\",\"cal\":\"C\"}},\"keep\":[\"note\",\"l\"],"          \
    "\"place\":{\"x\":\"l.c.0\",\"y\":\"l.c.1\"},\"mode\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *lenient, *strict;
    if (!lenient) {
        lenient = fuzz_config("{" COMMON "\"lenient\"}");
        strict = fuzz_config("{" COMMON "\"strict\"}");
    }
    fuzz_both(lenient, strict, WW_FORMAT_NDJSON, data, size);
    return 0;
}
