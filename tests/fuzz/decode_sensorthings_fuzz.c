/* ww_link: ww_decode
 * Any bytes as SensorThings: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

static const char *const configs[] = {
    /* names that mean properties */
    "\"format\":\"sensorthings\",\"properties\":{\"a\":\"no2\"},\"keep\":[\"parameters\"]",
    /* things by name, flags, intervals */
    "\"format\":\"sensorthings\",\"thing\":\"Datastream.Thing.name\",\"properties\":{\"Nitrogen "
    "dioxide\":\"no2\"},\"quality\":{\"field\":\"resultQuality\",\"map\":{\"good\":\"N\"},\"default\":\"M\"},"
    "\"series_interval\":true",
    /* under a topic */
    ("\"format\":\"sensorthings\",\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"city/{thing}/up/"
     "{property}\",\"{thing}/#\"]},\"thing\":{\"topic\":\"thing\"},\"property\":{\"topic\":\"property\"}"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_configs(configs, sizeof configs / sizeof *configs, "application/json" FUZZ_TOPIC, data, size);
    return 0;
}
