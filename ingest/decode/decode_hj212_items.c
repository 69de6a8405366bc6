/* The items of an HJ 212 data area, by tables: which suffix is which statistic, which field is which
 * property.
 *
 *   DataTime=…;w01018-SampleTime=…,w01018-Rtd=2.2,w01018-Flag=N,w01018-EFlag=A01
 *     → cod 2.2, flag N, detail {"SampleTime":"…","EFlag":"A01"}
 *   DataTime=…;PolId=w01018,i12001-Info=0;PolId=w21003,i11001-Info=//started; by hand//
 *     → MN/w01018 instrument_state 0; MN/w21003 instrument_log 3632233996, detail {"text":"started; by hand"}
 *
 * Values are numbers. A text (a log, a serial number) is kept in the row's detail, and its value is the
 * CRC-32 of its bytes: another text is another value, so that what was said twice is stored once and what
 * changed is seen to change. A time is kept as seconds since 1970.
 */
#include "ingest/decode/decode_hj212_items.h"

#include <iconv.h>
#include <math.h>
#include <stdio.h>

/* A whole data area, each byte of it escaped. */
enum { MAX_DETAIL = 6 * WW_HJ212_MAX_SEGMENT + 1024 };
typedef const struct ww_hj212_item *item_t;

/* ---- Tables ---- */

enum meaning {
    OF_FACTOR,   /* the factor's own property */
    OF_SUM,      /* what -Cou is of it: a volume or a mass */
    OF_FACILITY, /* a property of the facility that the key names */
    OF_TEXT,     /* a text about the instrument of that factor */
    OF_INFO      /* the key is an information code */
};

static const struct suffix {
    const char *suffix, *statistic, *property;
    enum meaning source;
    bool of_interval;
} suffixes[] = {
    {"Rtd", "", "", OF_FACTOR, false},
    {"Avg", "mean", "", OF_FACTOR, true},
    {"Min", "min", "", OF_FACTOR, true},
    {"Max", "max", "", OF_FACTOR, true},
    {"Cou", "sum", "", OF_SUM, true},
    {"ZsRtd", "ref", "", OF_FACTOR, false},
    {"ZsAvg", "mean.ref", "", OF_FACTOR, true},
    {"ZsMin", "min.ref", "", OF_FACTOR, true},
    {"ZsMax", "max.ref", "", OF_FACTOR, true},
    {"ZsCou", "sum.ref", "", OF_SUM, true},
    {"Data", "", "", OF_FACTOR, true},
    {"DayData", "day", "", OF_FACTOR, true},
    {"NightData", "night", "", OF_FACTOR, true},
    {"RS", "", "facility_state", OF_FACILITY, false},
    {"RT", "", "facility_hours", OF_FACILITY, true},
    {"Info", "", "", OF_INFO, false},
    {"SN", "", "serial_number", OF_TEXT, false},
    /* 2025: an automatic check with a standard (2062) */
    {"SampleRd", "check", "", OF_FACTOR, false},
    {"StandardValue", "check.standard", "", OF_FACTOR, false},
    {"ResultType", "", "check_result", OF_TEXT, false},
    /* 2005: an alarm (2071) */
    {"Ala", "event", "", OF_FACTOR, false},
};

/* Fields without a suffix that are a value. */
static const struct plain_field {
    const char *key, *property, *unit;
    enum ww_hj212_info_kind kind;
} fields[] = {
    {"VaseNo", "sample_bottle", "1", WW_HJ212_INFO_NUMBER},
    {"RestartTime", "logger_restart", "s", WW_HJ212_INFO_TIME},
    {"AlarmEvent", "alarm_event", "1", WW_HJ212_INFO_NUMBER},
};
/* … and those that say something about others, or what was asked for. */
static const char *const about_frame[] = {"InfoId", "BeginTime", "EndTime", "QN", "AlarmTime", "Flag"};

/* Suffixes that say something about the factor's value, and are kept with it. */
static const char *const about_value[] = {"SampleTime", "CompleteTime", "SampleType", "EFlag"};
enum { N_ABOUT = sizeof about_value / sizeof *about_value };

static const struct suffix *find_suffix(struct ww_str text) {
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ww_str_eq_nocase(text, ww_str_of(suffixes[i].suffix)))
            return &suffixes[i];
    return ww_str_eq_nocase(text, WW_STR("td")) ? &suffixes[0] : NULL; /* "LA-td" */
}

static bool is_one_of(struct ww_str text, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ww_str_eq_nocase(text, ww_str_of(names[i])))
            return true;
    return false;
}

/* ---- What stands beside a value ---- */

static bool is_about(item_t item, item_t value, struct ww_str suffix) {
    return ww_str_eq_nocase(item->suffix, suffix) && ww_str_eq_nocase(item->key, value->key);
}

/* "…;Flag=N" behind a factor's items. */
static bool is_lone_flag(item_t item) {
    return item->suffix.len == 0 && ww_str_eq_nocase(item->key, WW_STR("Flag"));
}

/* The item with that suffix about the value's factor: of its group, else the first elsewhere. */
static item_t beside(const struct hj212_reading *f, item_t value, struct ww_str suffix) {
    item_t items = f->m->items, end = items + f->m->n_items, from = value;
    bool is_flag = ww_str_is(suffix, "Flag");
    while (from > items && from[-1].group == value->group)
        from--;
    for (item_t i = from; i < end && i->group == value->group; i++)
        if (is_about(i, value, suffix) || (is_flag && is_lone_flag(i)))
            return i;
    for (item_t i = items; i < end; i++)
        if (is_about(i, value, suffix))
            return i;
    return NULL;
}

/* The data flag as a letter; 'U' and `unread` for what no edition knows. Digits are air stations' of 2005. */
static char read_flag(const struct hj212_reading *f, item_t value, struct ww_str *unread) {
    static const char of_digits[] = {'C', 'N', 'D', 'N'}; /* calibration, meteorology, abnormal, normal */
    item_t item = f->has_flag ? beside(f, value, WW_STR("Flag")) : NULL;
    struct ww_str text = item ? item->value : WW_STR_NONE;
    if (text.len == 0)
        return 'N';
    char c = text.ptr[0];
    if (text.len == 1 && c >= 'A' && c <= 'Z')
        return c;
    if (text.len == 1 && c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    if (text.len == 1 && c >= '0' && c <= '3')
        return of_digits[c - '0'];
    *unread = text;
    return 'U';
}

struct detail {
    struct ww_arena *arena;
    struct ww_buf out;
    struct ww_json json;
    bool is_open;
};

/* jsonb takes no zero bytes: they become '?'. */
static struct ww_str without_zeros(struct ww_arena *arena, struct ww_str text) {
    if (text.len == 0 || !memchr(text.ptr, '\0', text.len))
        return text;
    char *copy = ww_arena_alloc(arena, text.len);
    if (!copy)
        return WW_STR("");
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i] ? text.ptr[i] : '?';
    return (struct ww_str){copy, text.len};
}

static void add_member(struct detail *d, const char *key, struct ww_str text) {
    if (!d->is_open)
        ww_json_object(&d->json);
    d->is_open = true;
    ww_json_key(&d->json, key);
    ww_json_str(&d->json, without_zeros(d->arena, text));
}

/* `text`: what the value is the CRC-32 or the time of. "" when there is nothing to keep. */
static struct ww_str write_detail(const struct hj212_reading *f, item_t value, struct ww_str unread_flag,
                                  struct ww_str text, bool is_water_mean) {
    static const char *const means[] = {"", "flow_weighted", "arithmetic"};
    struct detail detail = {.arena = f->d->arena};
    if (!f->has_detail && unread_flag.len == 0 && !text.ptr && !is_water_mean)
        return WW_STR_NONE;
    ww_buf_init(&detail.out, MAX_DETAIL);
    ww_json_init(&detail.json, &detail.out);
    for (size_t i = 0; i < N_ABOUT && f->has_detail; i++) {
        item_t item = beside(f, value, ww_str_of(about_value[i]));
        if (item && item->value.len > 0)
            add_member(&detail, about_value[i], item->value);
    }
    if (unread_flag.len > 0)
        add_member(&detail, "Flag", unread_flag);
    if (text.ptr)
        add_member(&detail, "text", text);
    if (is_water_mean)
        add_member(&detail, "mean", ww_str_of(means[f->station->water_mean]));
    if (detail.is_open)
        ww_json_end_object(&detail.json);
    struct ww_str kept = detail.is_open && ww_buf_status(&detail.out) == WW_OK
                             ? ww_arena_copy(f->d->arena, ww_buf_str(&detail.out))
                             : WW_STR_NONE;
    ww_buf_clear(&detail.out);
    return kept;
}

/* ---- Rows ---- */

static void kill_item(const struct hj212_reading *f, item_t item, const char *why) {
    char name[64];
    snprintf(name, sizeof name, "%.*s%s%.*s", (int)(item->key.len < 30 ? item->key.len : 30), item->key.ptr,
             item->suffix.len ? "-" : "", (int)(item->suffix.len < 20 ? item->suffix.len : 20),
             item->suffix.ptr ? item->suffix.ptr : "");
    ww_decoder_dead(f->d, ww_str_of(name), NULL, item->value, "%s: %s \"%.*s\"", name, why,
                    (int)(item->value.len < 40 ? item->value.len : 40),
                    item->value.ptr ? item->value.ptr : "");
}

/* "MN", or "MN/part". */
static struct ww_str thing_of(const struct hj212_reading *f, struct ww_str part) {
    char text[160];
    if (part.len == 0)
        return f->m->mn;
    snprintf(text, sizeof text, "%.*s/%.*s", WW_STR_ARG(f->m->mn), WW_STR_ARG(part));
    return ww_arena_copy(f->d->arena, ww_str_of(text));
}

struct what {
    struct ww_str part, property, unit, statistic;
    int32_t interval_s;
    struct ww_str text; /* goes into the detail when its ptr is not NULL */
    bool is_water_mean;
};

static void add(const struct hj212_reading *f, item_t item, const struct what *w, double value) {
    struct ww_str unread = WW_STR_NONE;
    const char *fault_field, *fault;
    struct ww_series_name name = {.thing = thing_of(f, w->part),
                                  .property = w->property,
                                  .unit = w->unit,
                                  .statistic = w->statistic,
                                  .interval_s = w->interval_s};
    if (!f->has_time) {
        kill_item(f, item, "its DataTime can't be read; value");
        return;
    }
    uint32_t series = ww_decoder_series(f->d, &name, &fault_field, &fault);
    if (series == UINT32_MAX) {
        kill_item(f, item, fault);
        return;
    }
    struct row row = {.series = series,
                      .time_us = f->time_us,
                      .interval_s = w->interval_s,
                      .value = value,
                      .flag = read_flag(f, item, &unread),
                      .place = {NAN, NAN}};
    row.detail = write_detail(f, item, unread, w->text, w->is_water_mean);
    ww_decoder_add_row(f->d, &row);
}

/* CRC-32 as in zlib, PNG and Ethernet. */
static double crc32_of(struct ww_str text) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (unsigned char)text.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

/* Without the pair of "//" around a log's text. */
static struct ww_str bare(struct ww_str text) {
    if (text.len >= 4 && memcmp(text.ptr, "//", 2) == 0 && memcmp(text.ptr + text.len - 2, "//", 2) == 0)
        return (struct ww_str){text.ptr + 2, text.len - 4};
    return text;
}

static void read_number(const struct hj212_reading *f, item_t item, const struct what *w) {
    double value;
    if (ww_str_to_double(item->value, &value) && isfinite(value))
        add(f, item, w, value);
    else
        kill_item(f, item, "is no number:");
}

/* Chinese of old loggers is GBK, which GB 18030 includes. */
static struct ww_str as_utf8(struct ww_arena *arena, struct ww_str text) {
    size_t room = 4 * text.len + 1, in_left = text.len, out_left = room - 1;
    char *out = ww_str_is_utf8(text) ? NULL : ww_arena_alloc(arena, room), *to = out;
    char *from = (char *)(uintptr_t)text.ptr; /* iconv does not write there */
    iconv_t converter = out ? iconv_open("UTF-8", "GB18030") : (iconv_t)-1;
    if (converter == (iconv_t)-1)
        return text;
    size_t done = iconv(converter, &from, &in_left, &to, &out_left);
    iconv_close(converter);
    return done == (size_t)-1 ? text : (struct ww_str){out, (size_t)(to - out)};
}

static void read_text(const struct hj212_reading *f, item_t item, struct what *w) {
    struct ww_str text = bare(item->value);
    w->text = as_utf8(f->d->arena, text);
    add(f, item, w, crc32_of(w->text));
}

static void read_time(const struct hj212_reading *f, item_t item, struct what *w) {
    int64_t at;
    struct ww_error err;
    w->text = item->value;
    if (ww_hj212_time(item->value, f->station->zone, &at, &err) == WW_OK)
        add(f, item, w, (double)(at / WW_SECOND_US));
    else
        kill_item(f, item, "is no time of fourteen digits:");
}

static void read_as(const struct hj212_reading *f, item_t item, enum ww_hj212_info_kind kind,
                    struct what *w) {
    if (kind == WW_HJ212_INFO_TEXT)
        read_text(f, item, w);
    else if (kind == WW_HJ212_INFO_TIME)
        read_time(f, item, w);
    else
        read_number(f, item, w);
}

/* ---- Factors ---- */

struct named { /* of the two kinds of overrides */
    struct ww_str code, unit, property;
};

static bool names(struct ww_str code, struct ww_str factor, bool is_sum) {
    if (!is_sum)
        return ww_str_eq_nocase(code, factor);
    return code.len == factor.len + 4 && ww_str_eq_nocase((struct ww_str){code.ptr, factor.len}, factor) &&
           ww_str_eq_nocase((struct ww_str){code.ptr + factor.len, 4}, WW_STR("-Cou"));
}

static void override(const struct named *o, struct ww_str factor, bool is_sum, struct ww_str *property,
                     struct ww_str *unit, bool *is_assumed) {
    if (!names(o->code, factor, is_sum))
        return;
    if (o->unit.len > 0) {
        *unit = o->unit;
        *is_assumed = false;
    }
    if (o->property.len > 0 && !ww_str_eq(o->property, *property)) {
        *property = o->property;
        if (o->unit.len == 0)
            *unit = WW_STR(""); /* the property's own */
    }
}

/* "01018" of a water station is w01018 (a misprint of the standard's own example). */
static const struct ww_hj212_factor *find_factor(const struct ww_hj212_message *m, struct ww_str code) {
    const struct ww_hj212_factor *known = ww_hj212_factor(code);
    return known ? known : ww_hj212_factor_without_letter(m->st, code);
}

void hj212_read_factor(const struct hj212_reading *f, struct ww_str code, bool is_sum,
                       struct ww_str *property, struct ww_str *unit, bool *is_assumed) {
    const struct ww_hj212_factor *known = find_factor(f->m, code);
    const struct ww_hj212_source *feed = &f->d->config->source.hj212;
    bool is_ambient = known && *known->ambient_unit && ww_str_is(f->m->st, "22"), assumed = false;
    *property = *unit = WW_STR("");
    if (known) {
        *property = ww_str_of(is_sum ? known->sum_property : known->property);
        *unit = ww_str_of(is_sum ? known->sum_unit : is_ambient ? known->ambient_unit : known->unit);
        assumed = *known->sum_property != '\0'; /* pH, noise and the like are sent in one unit only */
    }
    for (uint32_t i = 0; i < feed->n_overrides; i++) {
        const struct ww_unit_override *o = &feed->overrides[i];
        override(&(struct named){o->code, o->unit, o->property}, code, is_sum, property, unit, &assumed);
    }
    for (uint32_t i = 0; i < f->station->n_overrides; i++) {
        const struct ww_hj212_override *o = &f->station->overrides[i];
        override(&(struct named){o->code, o->unit, o->property}, code, is_sum, property, unit, &assumed);
    }
    if (is_assumed)
        *is_assumed = assumed;
}

static const char *statistic_of(const struct hj212_reading *f, const struct suffix *suffix) {
    bool is_value = suffix->source == OF_FACTOR &&
                    (*suffix->statistic == '\0' || ww_str_is(WW_STR("mean"), suffix->statistic));
    if (is_value && f->m->command == 2013)
        return "raw";
    return is_value && f->m->command == 2052 ? "event" : suffix->statistic;
}

static void read_factor_value(const struct hj212_reading *f, item_t item, const struct suffix *suffix) {
    bool is_assumed, is_sum = suffix->source == OF_SUM;
    struct what w = {.statistic = ww_str_of(statistic_of(f, suffix)),
                     .interval_s = suffix->of_interval ? f->interval_s : 0};
    hj212_read_factor(f, item->key, is_sum, &w.property, &w.unit, &is_assumed);
    if (w.property.len == 0) {
        kill_item(
            f, item,
            is_sum && find_factor(f->m, item->key)
                ? "there is no sum of this factor; name one as CODE-Cou in \"factors\"; value"
                : "unknown factor; name its property in the station's or the feed's \"factors\"; value");
        return;
    }
    if (is_assumed)
        f->d->batch->deviations |= WW_HJ212_DEV_ASSUMED_UNIT;
    w.is_water_mean = f->station->water_mean != WW_HJ212_WATER_MEAN_UNKNOWN &&
                      ww_str_is(w.statistic, "mean") && (item->key.ptr[0] | 0x20) == 'w';
    read_number(f, item, &w);
}

/* ---- Information ---- */

/* A number in the code tells parts apart ("i33311", "i33312"): each is a thing of its own. */
static void read_info(const struct hj212_reading *f, item_t item, struct ww_str code, struct ww_str part) {
    const struct ww_hj212_info *info = ww_hj212_info(code);
    struct what w = {.part = part};
    if (!info) {
        hj212_read_factor(f, code, false, &w.property, &w.unit, NULL);
        if (w.property.len == 0)
            kill_item(f, item, "unknown information; name its property in \"factors\"; value");
        else
            read_number(f, item, &w);
        return;
    }
    w.property = ww_str_of(info->property);
    w.unit = ww_str_of(info->unit);
    if (info->of_logger)
        w.part = WW_STR("");
    else if (info->code[5] == 'x')
        w.part = code;
    read_as(f, item, info->kind, &w);
}

/* ---- One item ---- */

static void read_suffixed(const struct hj212_reading *f, item_t item) {
    const struct suffix *suffix = find_suffix(item->suffix);
    struct what w = {0};
    if (!suffix) {
        if (ww_hj212_info(item->suffix)) /* "w01018-i13007=…" of 2013 */
            read_info(f, item, item->suffix, item->key);
        else
            kill_item(f, item, "this kind of value is not known:");
        return;
    }
    switch (suffix->source) {
    case OF_FACTOR:
    case OF_SUM:
        read_factor_value(f, item, suffix);
        return;
    case OF_INFO:
        read_info(f, item, item->key, f->part);
        return;
    case OF_FACILITY:
    case OF_TEXT:
        w = (struct what){.part = item->key,
                          .property = ww_str_of(suffix->property),
                          .statistic = ww_str_of(suffix->statistic),
                          .interval_s = suffix->of_interval ? f->interval_s : 0};
        if (suffix->source == OF_TEXT)
            read_text(f, item, &w);
        else
            read_number(f, item, &w);
        return;
    }
}

static void read_field(struct hj212_reading *f, item_t item) {
    if (ww_str_eq_nocase(item->key, WW_STR("DataTime"))) {
        f->has_time = ww_hj212_time(item->value, f->station->zone, &f->time_us, NULL) == WW_OK;
        return;
    }
    if (ww_str_eq_nocase(item->key, WW_STR("PolId"))) {
        f->part = item->value;
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!ww_str_eq_nocase(item->key, ww_str_of(fields[i].key)))
            continue;
        struct what w = {.property = ww_str_of(fields[i].property), .unit = ww_str_of(fields[i].unit)};
        if (item->value.len > 0)
            read_as(f, item, fields[i].kind, &w);
        return;
    }
    if (!is_one_of(item->key, about_frame, sizeof about_frame / sizeof *about_frame))
        kill_item(f, item, "this field is not known:");
}

void hj212_read_items(struct hj212_reading *f) {
    const struct ww_hj212_message *m = f->m;
    for (uint32_t i = 0; i < m->n_items; i++) {
        struct ww_str name = m->items[i].suffix.len > 0 ? m->items[i].suffix : m->items[i].key;
        f->has_flag = f->has_flag || ww_str_eq_nocase(name, WW_STR("Flag"));
        f->has_detail = f->has_detail || is_one_of(name, about_value, N_ABOUT);
    }
    for (uint32_t i = 0; i < m->n_items && f->d->status == WW_OK; i++) {
        item_t item = &m->items[i];
        if (item->suffix.len == 0)
            read_field(f, item);
        else if (item->value.len > 0 && !ww_str_eq_nocase(item->suffix, WW_STR("Flag")) &&
                 !is_one_of(item->suffix, about_value, N_ABOUT))
            read_suffixed(f, item); /* an empty value says that there is none */
    }
}
