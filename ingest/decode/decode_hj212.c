/* Decodes one HJ 212 frame: every value of its data area becomes a row or a dead row.
 *
 *   DataTime=20160801080000;w01018-Avg=40.1,w01018-Max=44.0,w01018-Flag=N
 *
 * gives two series of the thing with key MN: cod, mean of 3,600 s, and cod, max of 3,600 s, both at 08:00
 * local time, the start of the interval (HJ 212-2017, Table 4). Which suffix means which statistic is a table
 * below.
 */
#include "geo/base/arena.h"
#include "ingest/decode/decode_internal.h"
#include "ingest/hj212/hj212.h"
#include "ingest/hj212/stations.h"

#include <math.h>
#include <stdio.h>

enum { MAX_DETAIL = 2048 };

/* Suffixes that carry a value. */
static const struct suffix {
    const char *suffix, *statistic, *property; /* property "": the factor's */
    bool of_interval;
} suffixes[] = {
    {"Rtd", "", "", false},
    {"Avg", "mean", "", true},
    {"Min", "min", "", true},
    {"Max", "max", "", true},
    {"Cou", "sum", "", true},
    {"ZsRtd", "ref", "", false},
    {"ZsAvg", "mean.ref", "", true},
    {"ZsMin", "min.ref", "", true},
    {"ZsMax", "max.ref", "", true},
    {"Data", "", "", true},
    {"DayData", "day", "", true},
    {"NightData", "night", "", true},
    {"RS", "", "facility_state", false},
    {"RT", "", "facility_hours", true},
};
/* Suffixes that say something about the factor's other items. */
static const char *const about[] = {"Flag", "EFlag", "SampleTime"};

struct frame_reading {
    struct decoder *d;
    const struct ww_hj212_station *station;
    const struct ww_hj212_message *m;
    const struct ww_hj212_command *command;
    int64_t time_us;
    int32_t interval_s;
};

static const struct suffix *find_suffix(struct ww_str text) {
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ww_str_eq_nocase(text, ww_str_of(suffixes[i].suffix)))
            return &suffixes[i];
    return NULL;
}

static bool is_about(struct ww_str suffix) {
    for (size_t i = 0; i < sizeof about / sizeof *about; i++)
        if (ww_str_eq_nocase(suffix, ww_str_of(about[i])))
            return true;
    return false;
}

/* ---- What the registry says of a factor: the station's word, then the feed's, then the standard's ---- */

static void read_factor(const struct frame_reading *f, struct ww_str code, struct ww_str *property,
                        struct ww_str *unit) {
    const struct ww_hj212_factor *known = ww_hj212_factor(code);
    *property = known ? ww_str_of(known->property) : WW_STR("");
    *unit = known ? ww_str_of(known->unit) : WW_STR("");
    const struct ww_hj212_source *feed = &f->d->config->source.hj212;
    for (uint32_t i = 0; i < feed->n_overrides; i++)
        if (ww_str_eq_nocase(feed->overrides[i].code, code)) {
            *unit = feed->overrides[i].unit.len ? feed->overrides[i].unit : *unit;
            *property = feed->overrides[i].property.len ? feed->overrides[i].property : *property;
        }
    for (uint32_t i = 0; i < f->station->n_overrides; i++)
        if (ww_str_eq_nocase(f->station->overrides[i].code, code)) {
            *unit = f->station->overrides[i].unit.len ? f->station->overrides[i].unit : *unit;
            *property = f->station->overrides[i].property.len ? f->station->overrides[i].property : *property;
        }
}

/* The item with that suffix which stands with the value: in its group, of its factor. */
static const struct ww_hj212_item *beside(const struct frame_reading *f, const struct ww_hj212_item *value,
                                          const char *suffix) {
    for (uint32_t i = 0; i < f->m->n_items; i++) {
        const struct ww_hj212_item *item = &f->m->items[i];
        if (ww_str_eq_nocase(item->key, value->key) && ww_str_eq_nocase(item->suffix, ww_str_of(suffix)))
            return item;
    }
    return NULL;
}

static struct ww_str write_detail(const struct frame_reading *f, const struct ww_hj212_item *sample_time,
                                  const struct ww_hj212_item *eflag) {
    if (!sample_time && !eflag)
        return WW_STR_NONE;
    struct ww_buf text;
    struct ww_json json;
    ww_buf_init(&text, MAX_DETAIL);
    ww_json_init(&json, &text);
    ww_json_object(&json);
    if (sample_time) {
        ww_json_key(&json, "SampleTime");
        ww_json_str(&json, sample_time->value);
    }
    if (eflag) {
        ww_json_key(&json, "EFlag");
        ww_json_str(&json, eflag->value);
    }
    ww_json_end_object(&json);
    struct ww_str kept =
        ww_buf_status(&text) == WW_OK ? ww_arena_copy(f->d->arena, ww_buf_str(&text)) : WW_STR_NONE;
    ww_buf_clear(&text);
    return kept;
}

/* ---- One item ---- */

static void kill_item(const struct frame_reading *f, const struct ww_hj212_item *item, const char *why) {
    char name[64];
    snprintf(name, sizeof name, "%.*s%s%.*s", (int)(item->key.len < 30 ? item->key.len : 30), item->key.ptr,
             item->suffix.len ? "-" : "", (int)(item->suffix.len < 20 ? item->suffix.len : 20),
             item->suffix.ptr);
    ww_decoder_dead(f->d, ww_str_of(name), NULL, item->value, "%s: %s \"%.*s\"", name, why,
                    (int)(item->value.len < 40 ? item->value.len : 40),
                    item->value.ptr ? item->value.ptr : "");
}

static struct ww_str thing_of(const struct frame_reading *f, const struct suffix *suffix,
                              struct ww_str part) {
    if (!*suffix->property)
        return f->m->mn;
    char text[128];
    snprintf(text, sizeof text, "%.*s/%.*s", WW_STR_ARG(f->m->mn), WW_STR_ARG(part));
    return ww_arena_copy(f->d->arena, ww_str_of(text));
}

static void read_value(const struct frame_reading *f, const struct ww_hj212_item *item,
                       const struct suffix *suffix) {
    struct ww_str property = ww_str_of(suffix->property), unit = WW_STR("");
    double value;
    if (!*suffix->property)
        read_factor(f, item->key, &property, &unit);
    if (property.len == 0) {
        kill_item(f, item,
                  "unknown factor; name its property in the station's or the feed's \"factors\"; value");
        return;
    }
    if (!ww_str_to_double(item->value, &value) || !isfinite(value)) {
        kill_item(f, item, "is no number:");
        return;
    }
    const struct ww_hj212_item *flag = beside(f, item, "Flag");
    struct ww_series_name name = {.thing = thing_of(f, suffix, item->key),
                                  .property = property,
                                  .unit = unit,
                                  .statistic = ww_str_of(suffix->statistic),
                                  .interval_s = suffix->of_interval ? f->interval_s : 0};
    const char *fault_field, *fault;
    uint32_t series = ww_decoder_series(f->d, &name, &fault_field, &fault);
    if (series == UINT32_MAX) {
        kill_item(f, item, fault);
        return;
    }
    struct row row = {.series = series,
                      .time_us = f->time_us,
                      .interval_s = suffix->of_interval ? f->interval_s : 0,
                      .value = value,
                      .flag = flag && flag->value.len == 1 && flag->value.ptr[0] >= 'A' &&
                                      flag->value.ptr[0] <= 'Z'
                                  ? flag->value.ptr[0]
                                  : 'N',
                      .place = {NAN, NAN},
                      .detail = write_detail(f, beside(f, item, "SampleTime"), beside(f, item, "EFlag"))};
    ww_decoder_add_row(f->d, &row);
}

static void read_items(const struct frame_reading *f) {
    for (uint32_t i = 0; i < f->m->n_items && f->d->status == WW_OK; i++) {
        const struct ww_hj212_item *item = &f->m->items[i];
        const struct suffix *suffix = find_suffix(item->suffix);
        if (item->suffix.len == 0 || is_about(item->suffix) || item->value.len == 0)
            continue; /* DataTime and the like; an empty value says that there is none */
        if (suffix)
            read_value(f, item, suffix);
        else
            kill_item(f, item, "this kind of value is not known:");
    }
}

/* ---- The frame ---- */

static void refuse(struct decoder *d, const char *field, const struct ww_error *err) {
    ww_decoder_dead(d, ww_str_of(*err->field ? err->field : field), NULL, WW_STR_NONE, "%s", err->message);
}

static const struct ww_hj212_station *station_of(const struct decoder *d, struct ww_str mn) {
    const struct ww_hj212_stations *all = d->config->stations;
    const struct ww_hj212_station *station = all ? ww_hj212_station_find(all, mn) : NULL;
    return station && station->enabled && station->feed_id == d->config->feed_id ? station : NULL;
}

static int32_t interval_of(const struct frame_reading *f) {
    int32_t usual = f->command ? f->command->interval_s : 0;
    return f->m->command == 2051 && f->station->minute_interval_s > 0 ? f->station->minute_interval_s : usual;
}

static void decode_message(struct decoder *d, const struct ww_hj212_station *station,
                           const struct ww_hj212_message *m) {
    struct frame_reading f = {.d = d, .station = station, .m = m, .command = ww_hj212_command(m->command)};
    const struct ww_hj212_item *item = ww_hj212_find(m, "DataTime", "");
    /* A sub-packet may leave it to its set: the gateway knows. */
    struct ww_str time = item ? item->value : ww_content_type_parameter(d->content_type, WW_STR("data-time"));
    struct ww_error err;
    d->batch->sender_time_us = ww_hj212_qn_time(m->qn, station->zone);
    if (!f.command) {
        ww_decoder_dead(d, WW_STR("CN"), NULL, m->cn, "the command %d is unknown", m->command);
        return;
    }
    if (m->n_items == 0)
        return; /* a heartbeat */
    f.interval_s = interval_of(&f);
    if (!time.ptr)
        ww_decoder_dead(d, WW_STR("DataTime"), NULL, WW_STR_NONE, "there is no DataTime");
    else if (ww_hj212_time(time, station->zone, &f.time_us, &err) != WW_OK)
        refuse(d, "DataTime", &err);
    else
        read_items(&f);
}

void ww_decode_hj212(struct decoder *d) {
    struct ww_hj212_frame frame;
    struct ww_hj212_message m = {0};
    struct ww_error err;
    size_t consumed;
    d->recognised = true; /* whatever a device sent is kept, if only as a dead letter */
    d->line = 1;
    d->raw = d->body;
    if (ww_hj212_next(d->body, true, &consumed, &frame) != WW_HJ212_CUT_FRAME) {
        ww_decoder_dead(d, WW_STR("frame"), NULL, WW_STR_NONE, "%zu bytes that are no frame", d->body.len);
        return;
    }
    const struct ww_hj212_station *unknown = ww_hj212_station_unknown(d->config->stations);
    enum ww_status st = ww_hj212_parse(&frame, &(struct ww_hj212_reading){.crc_mode = WW_HJ212_CRC_IGNORE},
                                       d->arena, &m, &err);
    const struct ww_hj212_station *station = m.mn.len ? station_of(d, m.mn) : NULL;
    if (!station && d->config->source.hj212.unknown != WW_UNKNOWN_REGISTER) {
        ww_decoder_dead(d, WW_STR("MN"), NULL, m.mn, "the station \"%.*s\" is not in the registry",
                        WW_STR_ARG(m.mn));
        return;
    }
    station = station ? station : unknown;
    st = ww_hj212_parse(&frame, &station->how, d->arena, &m, &err);
    if (st != WW_OK)
        refuse(d, "frame", &err);
    else if (station->password.len > 0 && !ww_str_eq(station->password, m.pw))
        ww_decoder_dead(d, WW_STR("PW"), NULL, WW_STR_NONE, "the PW is not that of the station");
    else
        decode_message(d, station, &m);
}
