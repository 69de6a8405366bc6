/* ww_link: ww_decode
 * Any bytes as GeoJSON: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

static const char *const configs[] = {
    /* a row a value, with units, intervals, flags and places */
    "\"format\":\"geojson\",\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":\"u\",\"time\":"
    "\"at\",\"interval_s\":\"len\",\"quality\":{\"field\":\"q\",\"map\":{\"ok\":\"N\",\"cal\":\"C\"}},"
    "\"keep\":[\"note\"]",
    /* several values a feature, in another datum */
    "\"format\":\"geojson\",\"thing\":\"t\",\"time\":\"at\",\"datum\":\"GCJ-02\",\"values\":[{\"field\":"
    "\"v\",\"property\":\"pm2_5\",\"unit\":\"ug/"
    "m3\"},{\"field\":\"w\",\"property\":\"no2\",\"statistic\":\"mean\"}]",
    /* under a topic, when it came */
    "\"format\":\"geojson\",\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"city/{thing}/up/"
    "{property}\",\"{thing}/"
    "#\"]},\"thing\":{\"topic\":\"thing\"},\"property\":{\"topic\":\"property\"},\"value\":\"v\",\"time\":{"
    "\"received\":true}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_configs(configs, sizeof configs / sizeof *configs, "application/geo+json" FUZZ_TOPIC, data, size);
    return 0;
}
