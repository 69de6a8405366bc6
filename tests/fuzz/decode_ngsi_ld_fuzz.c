/* ww_link: ww_decode
 * Any bytes as NGSI-LD: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

#define COMMON                                                                                               \
    "\"format\":\"ngsi-ld\",\"properties\":{\"NO2\":\"no2\",\"t\":\"air_temperature\"},\"keep\":[\"name\"]," \
    "\"mode\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *lenient, *strict;
    if (!lenient) {
        lenient = fuzz_config("{" COMMON "\"lenient\"}");
        strict = fuzz_config("{" COMMON "\"strict\"}");
    }
    fuzz_both(lenient, strict, WW_FORMAT_NGSI_LD, data, size);
    return 0;
}
