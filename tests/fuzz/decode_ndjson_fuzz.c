/* ww_link: ww_decode
 * Any bytes as NDJSON: the decoder must keep batch.h's promises, strict and lenient. */
#include "tests/fuzz/decode_fuzz.h"

static const char *const configs[] = {
    /* a row a value, with units, intervals, flags and places */
    "\"format\":\"ndjson\",\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":\"u\",\"time\":\"at\","
    "\"interval_s\":\"len\",\"quality\":{\"field\":\"q\",\"map\":{\"ok\":\"N\",\"cal\":\"C\"}},\"keep\":["
    "\"note\",\"l\"],\"place\":{\"x\":\"l.c.0\",\"y\":\"l.c.1\"}",
    /* a row of values, each with its statistic, local time in parts, constants */
    "\"format\":\"ndjson\",\"thing\":{\"const\":\"W17\"},\"time\":{\"fields\":[\"year\",\"month\",\"day\","
    "\"hour\"]},\"time_zone\":\"Asia/"
    "Shanghai\",\"missing\":[\"\",\"-\",\"-999\"],\"datum\":\"BD-09\",\"place\":{\"x\":\"x\",\"y\":\"y\"},"
    "\"values\":[{\"field\":\"v\",\"property\":\"cod\",\"unit\":\"mg/"
    "L\"},{\"field\":\"w.0\",\"property\":\"cod\",\"unit\":\"mg/"
    "L\",\"statistic\":\"max\"},{\"field\":\"z\",\"property\":\"nh3n\",\"thing\":\"other\",\"statistic\":"
    "\"p95\"}],\"keep\":[\"note\"]",
    /* under a topic whose levels are fields, by ward, times as numbers, lengths as series */
    "\"format\":\"ndjson\",\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"city/{thing}/up/"
    "{property}\",\"{thing}/"
    "#\"]},\"thing\":{\"topic\":\"thing\"},\"property\":{\"topic\":\"property\"},\"value\":\"v\",\"unit\":{"
    "\"const\":\"mg/"
    "L\"},\"statistic\":\"s\",\"time\":{\"field\":\"at\",\"format\":\"epoch_ms\"},\"interval_s\":\"len\","
    "\"series_interval\":true,\"place\":{\"ward\":\"ward\"},\"quality\":{\"field\":\"q\",\"map\":{\"0\":"
    "\"N\",\"1\":\"D\"},\"default\":\"M\"}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_configs(configs, sizeof configs / sizeof *configs, "application/x-ndjson" FUZZ_TOPIC, data, size);
    return 0;
}
