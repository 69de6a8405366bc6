/* ww_link: ww_decode
 * Any bytes as NGSI-LD: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

static const char *const configs[] = {
    /* attributes that are named, one kept */
    "\"format\":\"ngsi-ld\",\"properties\":{\"NO2\":\"no2\",\"t\":\"air_temperature\"},\"keep\":[\"name\"]",
    /* things and flags from the entity */
    "\"format\":\"ngsi-ld\",\"thing\":\"refDevice.object\",\"properties\":{\"NO2\":\"no2\"},\"quality\":{"
    "\"field\":\"q\",\"map\":{\"ok\":\"N\"},\"default\":\"M\"},\"time\":\"dateObserved\"",
    /* under a topic */
    "\"format\":\"ngsi-ld\",\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"city/{thing}/up/"
    "{property}\",\"{thing}/"
    "#\"]},\"thing\":{\"topic\":\"thing\"},\"properties\":{\"NO2\":\"no2\"},\"datum\":\"GCJ-02\"",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_configs(configs, sizeof configs / sizeof *configs, "application/ld+json" FUZZ_TOPIC, data, size);
    return 0;
}
