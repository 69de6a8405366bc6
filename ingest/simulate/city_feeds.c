/* How the simulated city's systems send: each feed has another form, as real feeds have.
 *
 * The configs say how to read what encode.c writes; ingest/decode/feed_config.h explains the members.
 */
#include "ingest/simulate/city_data.h"

const struct city_feed city_feeds[] = {
    {"hospital-water", "Hospital waste water: NDJSON, one value a line",
     "{\"format\":\"ndjson\",\"thing\":\"station\",\"property\":\"code\",\"value\":\"value\",\"unit\":"
     "\"unit\","
     "\"time\":{\"field\":\"at\",\"format\":\"iso\"},\"time_zone\":\"Asia/Shanghai\","
     "\"quality\":{\"field\":\"flag\",\"default\":\"N\"},\"thing_class\":\"hospital_outlet\"}"},
    {"plant-water", "Plant waste water: CSV, all values of an outlet in one row, local time",
     "{\"format\":\"csv\",\"thing\":\"outlet\","
     "\"time\":{\"field\":\"time\",\"format\":\"%Y-%m-%d %H:%M:%S\"},\"time_zone\":\"Asia/Shanghai\","
     "\"quality\":{\"field\":\"state\",\"map\":{\"ok\":\"N\",\"calibration\":\"C\",\"maintenance\":\"M\","
     "\"fault\":\"D\"},\"default\":\"N\"},\"missing\":[\"\",\"-\"],"
     "\"values\":[{\"field\":\"COD\",\"property\":\"cod\",\"unit\":\"mg/L\"},"
     "{\"field\":\"NH3-N\",\"property\":\"nh3n\",\"unit\":\"mg/L\"},"
     "{\"field\":\"TP\",\"property\":\"tp\",\"unit\":\"mg/"
     "L\"},{\"field\":\"TN\",\"property\":\"tn\",\"unit\":\"mg/L\"},"
     "{\"field\":\"pH\",\"property\":\"ph\"},{\"field\":\"flow\",\"property\":\"flow\",\"unit\":\"m3/h\"}],"
     "\"thing_class\":\"plant_outlet\"}"},
    {"river", "River stations: JSON, an array inside, seconds since 1970",
     "{\"format\":\"json\",\"records\":\"data.items\",\"thing\":\"section\","
     "\"time\":{\"field\":\"t\",\"format\":\"epoch\"},\"quality\":{\"field\":\"flag\",\"default\":\"N\"},"
     "\"values\":[{\"field\":\"ph\",\"property\":\"ph\"},{\"field\":\"do\",\"property\":\"do\",\"unit\":\"mg/"
     "L\"},"
     "{\"field\":\"codmn\",\"property\":\"codmn\",\"unit\":\"mg/L\"},"
     "{\"field\":\"nh3n\",\"property\":\"nh3n\",\"unit\":\"mg/"
     "L\"},{\"field\":\"tp\",\"property\":\"tp\",\"unit\":\"mg/L\"},"
     "{\"field\":\"level\",\"property\":\"water_level\",\"unit\":\"m\"}],\"thing_class\":\"river_station\"}"},
    {"air", "Air stations: GeoJSON in GCJ-02, hourly means",
     "{\"format\":\"geojson\",\"datum\":\"GCJ-02\",\"thing\":\"station\","
     "\"time\":{\"field\":\"hour\",\"format\":\"iso\"},\"interval_s\":3600,"
     "\"quality\":{\"field\":\"flag\",\"default\":\"N\"},"
     "\"values\":[{\"field\":\"pm25\",\"property\":\"pm2_5\",\"unit\":\"ug/m3\"},"
     "{\"field\":\"pm10\",\"property\":\"pm10\",\"unit\":\"ug/"
     "m3\"},{\"field\":\"so2\",\"property\":\"so2\",\"unit\":\"ug/m3\"},"
     "{\"field\":\"no2\",\"property\":\"no2\",\"unit\":\"ug/"
     "m3\"},{\"field\":\"co\",\"property\":\"co\",\"unit\":\"mg/m3\"},"
     "{\"field\":\"o3\",\"property\":\"o3\",\"unit\":\"ug/m3\"}],\"thing_class\":\"air_station\"}"},
    {"noise", "Noise meters: NDJSON, equivalent levels with their own interval",
     "{\"format\":\"ndjson\",\"thing\":\"meter\",\"property\":{\"const\":\"noise_leq\"},\"value\":\"leq\","
     "\"unit\":{\"const\":\"dB(A)\"},\"time\":{\"field\":\"from\",\"format\":\"epoch_ms\"},\"interval_s\":"
     "\"seconds\","
     "\"quality\":{\"field\":\"flag\",\"default\":\"N\"},\"thing_class\":\"noise_meter\"}"},
    {"complaints", "Complaints: JSON in BD-09, each at its own place",
     "{\"format\":\"json\",\"records\":\"complaints\",\"datum\":\"BD-09\",\"thing\":{\"const\":\"12345\"},"
     "\"property\":{\"const\":\"odour_complaint\"},\"value\":\"strength\","
     "\"time\":{\"field\":\"at\",\"format\":\"iso\"},\"time_zone\":\"Asia/Shanghai\","
     "\"place\":{\"x\":\"x\",\"y\":\"y\"},\"keep\":[\"number\",\"text\"],\"thing_class\":\"complaints\"}"},
};
const uint32_t city_n_feeds = sizeof city_feeds / sizeof city_feeds[0];
