/* ww_link: ww_decode
 * Any bytes as SensorThings: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

#define COMMON                                                                                               \
    "\"format\":\"sensorthings\",\"properties\":{\"a\":\"no2\"},\"keep\":[\"parameters\"],\"mode\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *lenient, *strict;
    if (!lenient) {
        lenient = fuzz_config("{" COMMON "\"lenient\"}");
        strict = fuzz_config("{" COMMON "\"strict\"}");
    }
    fuzz_both(lenient, strict, WW_FORMAT_SENSORTHINGS, data, size);
    return 0;
}
