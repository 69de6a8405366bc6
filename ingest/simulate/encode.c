/* The wire forms of the simulated feeds: NDJSON, CSV, JSON, GeoJSON. */
#include "ingest/simulate/encode.h"

#include <stdio.h>

#include "geo/coordinate.h"

#define BODY_CEILING ((size_t)16 << 20)

struct form {
    const char *content_type, *head, *tail;
};

static const struct form *form_of(enum ww_city_class class) {
    static const struct form forms[WW_CITY_N_CLASSES] = {
        {"application/x-ndjson", "", ""},
        {"text/csv", "time,outlet,state,COD,NH3-N,TP,TN,pH,flow\r\n", ""},
        {"application/json", "{\"data\":{\"items\":[", "]}}\n"},
        {"application/geo+json", "{\"type\":\"FeatureCollection\",\"features\":[", "]}\n"},
        {"application/x-ndjson", "", ""},
        {"application/json", "{\"complaints\":[", "]}\n"},
    };
    return &forms[class];
}

const char *ww_encoder_content_type(enum ww_city_class class) {
    return form_of(class)->content_type;
}

void ww_encoder_init(struct ww_encoder *enc, enum ww_city_class class) {
    *enc = (struct ww_encoder){.class = class};
    ww_buf_init(&enc->body, BODY_CEILING);
}

void ww_encoder_clear(struct ww_encoder *enc) {
    ww_buf_clear(&enc->body);
}

void ww_encoder_reset(struct ww_encoder *enc) {
    ww_buf_reset(&enc->body);
    enc->records = 0;
    enc->finished = false;
}

static void begin_record(struct ww_encoder *enc) {
    bool is_array = form_of(enc->class)->tail[0] != '\0';
    ww_buf_text(&enc->body, enc->records == 0 ? form_of(enc->class)->head : is_array ? ",\n" : "");
    enc->records++;
}

static void local_time(struct ww_buf *out, int64_t time_us, const char *separator) {
    struct ww_civil c = ww_instant_to_civil(time_us + 8 * WW_HOUR_US, NULL);
    ww_buf_printf(out, "%04d-%02d-%02d%s%02d:%02d:%02d", c.year, c.month, c.day, separator, c.hour, c.minute,
                  c.second);
}

/* Wide rows have one flag: that of the first value that is not normal. */
static char flag_of_row(const struct ww_tick *tick, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (tick->flag[i] != 'N')
            return tick->flag[i];
    return 'N';
}

static void write_hospital(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                           const struct ww_signal *signals, uint32_t n, const struct ww_tick *tick) {
    for (uint32_t i = 0; i < n; i++) {
        begin_record(enc);
        ww_buf_printf(&enc->body,
                      "{\"station\":\"%s\",\"code\":\"%s\",\"value\":%.*f,\"unit\":\"%s\",\"at\":\"",
                      thing->key, signals[i].property, signals[i].decimals, tick->value[i], signals[i].unit);
        local_time(&enc->body, time_us, "T");
        ww_buf_printf(&enc->body, "+08:00\",\"flag\":\"%c\"}\n", tick->flag[i]);
    }
}

static void write_plant(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                        const struct ww_signal *signals, uint32_t n, const struct ww_tick *tick) {
    begin_record(enc);
    local_time(&enc->body, time_us, " ");
    char flag = flag_of_row(tick, n);
    const char *state = flag == 'N'   ? "ok"
                        : flag == 'C' ? "calibration"
                        : flag == 'M' ? "maintenance"
                                      : "fault";
    ww_buf_printf(&enc->body, ",%s,%s", thing->key, state);
    for (uint32_t i = 0; i < n; i++)
        ww_buf_printf(&enc->body, ",%.*f", signals[i].decimals, tick->value[i]);
    ww_buf_text(&enc->body, "\r\n");
}

static void write_river(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                        const struct ww_signal *signals, uint32_t n, const struct ww_tick *tick) {
    static const char *const names[] = {"ph", "do", "codmn", "nh3n", "tp", "level"};
    begin_record(enc);
    ww_buf_printf(&enc->body, "{\"section\":\"%s\",\"t\":%lld,\"flag\":\"%c\"", thing->key,
                  (long long)(time_us / WW_SECOND_US), flag_of_row(tick, n));
    for (uint32_t i = 0; i < n; i++)
        ww_buf_printf(&enc->body, ",\"%s\":%.*f", names[i], signals[i].decimals, tick->value[i]);
    ww_buf_char(&enc->body, '}');
}

static void write_air(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                      const struct ww_signal *signals, uint32_t n, const struct ww_tick *tick) {
    static const char *const names[] = {"pm25", "pm10", "so2", "no2", "co", "o3"};
    struct ww_place gcj = ww_wgs84_to_gcj02(thing->place);
    begin_record(enc);
    ww_buf_printf(&enc->body,
                  "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[%.6f,%.6f]},"
                  "\"properties\":{\"station\":\"%s\",\"hour\":\"",
                  gcj.lon_deg, gcj.lat_deg, thing->key);
    local_time(&enc->body, time_us, "T");
    ww_buf_printf(&enc->body, "+08:00\",\"flag\":\"%c\"", flag_of_row(tick, n));
    for (uint32_t i = 0; i < n; i++)
        ww_buf_printf(&enc->body, ",\"%s\":%.*f", names[i], signals[i].decimals, tick->value[i]);
    ww_buf_text(&enc->body, "}}");
}

static void write_noise(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                        int64_t interval_us, const struct ww_tick *tick) {
    begin_record(enc);
    ww_buf_printf(&enc->body,
                  "{\"meter\":\"%s\",\"from\":%lld,\"seconds\":%lld,\"leq\":%.1f,\"flag\":\"%c\"}\n",
                  thing->key, (long long)(time_us / 1000), (long long)(interval_us / WW_SECOND_US),
                  tick->value[0], tick->flag[0]);
}

void ww_encode_tick(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                    int64_t interval_us, const struct ww_tick *tick) {
    const struct ww_signal *signals;
    uint32_t n = ww_signals_of(thing, &signals);
    switch (enc->class) {
    case WW_CITY_HOSPITAL:
        write_hospital(enc, thing, time_us, signals, n, tick);
        break;
    case WW_CITY_PLANT:
        write_plant(enc, thing, time_us, signals, n, tick);
        break;
    case WW_CITY_RIVER:
        write_river(enc, thing, time_us, signals, n, tick);
        break;
    case WW_CITY_AIR:
        write_air(enc, thing, time_us, signals, n, tick);
        break;
    default:
        write_noise(enc, thing, time_us, interval_us, tick);
    }
}

void ww_encode_complaint(struct ww_encoder *enc, int64_t time_us, struct ww_place place, uint64_t number,
                         int strength) {
    static const char *const texts[] = {"河边有刺鼻气味", "空气中有化工味", "下水道返臭", "排口水发黑发臭",
                                        "夜里臭味很重"};
    struct ww_place bd = ww_gcj02_to_bd09(ww_wgs84_to_gcj02(place));
    begin_record(enc);
    ww_buf_printf(&enc->body, "{\"number\":\"SIM-%06llu\",\"at\":\"", (unsigned long long)(number % 1000000));
    local_time(&enc->body, time_us, "T");
    ww_buf_printf(&enc->body, ".%03d+08:00\",\"strength\":%d,\"x\":%.6f,\"y\":%.6f,\"text\":\"%s（模拟）\"}",
                  (int)(time_us % WW_SECOND_US / 1000), strength, bd.lon_deg, bd.lat_deg,
                  texts[number % (sizeof texts / sizeof texts[0])]);
}

struct ww_str ww_encoder_finish(struct ww_encoder *enc) {
    if (enc->records > 0 && !enc->finished)
        ww_buf_text(&enc->body, form_of(enc->class)->tail);
    enc->finished = true;
    return ww_buf_str(&enc->body);
}
