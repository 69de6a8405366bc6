/* Turns the cells of one record into rows: the same for every format.
 *
 * A fault of what the record's values share (time, place, quality, kept fields) makes one dead
 * row, whatever number of values it has, since the dead row keeps all its bytes. A fault of one
 * value or of its series makes one dead row for that value, and the others are taken.
 */
#include "ingest/decode/decode_internal.h"

#include <math.h>
#include <stdio.h>

enum { MAX_WARD = 64, MAX_UNQUOTED = 40, MAX_TIME_TEXT = 128, MAX_INTERVAL_S = 366 * 86400 };

#define LAST_INSTANT_US  INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define FIRST_INSTANT_US INT64_C(-62135596800000000) /* 0001-01-01T00:00:00Z */

void ww_record_begin(struct decoder *d, uint64_t line) {
    memset(d->cells, 0, d->config->n_fields * sizeof *d->cells);
    d->line = line;
    d->twice = NULL;
    d->any_cell = false;
    d->geometry = GEOMETRY_NONE;
    d->shared_state = d->shared_time_state = SHARED_TODO;
}

void ww_record_set(struct decoder *d, uint32_t field, struct cell cell) {
    if (d->cells[field].type != CELL_ABSENT) {
        d->twice = cell.at;
        d->twice_field = field;
        return;
    }
    d->cells[field] = cell;
    d->any_cell = true;
}

/* What a source says. `at` NULL: a constant, or nothing. */
struct reading {
    struct ww_str text;
    const char *at;
    enum cell_type type;
};

/* Decodes escapes on first use. WW_TOO_LARGE through d->status. */
void ww_cell_unescape(struct decoder *d, struct cell *cell) {
    if (!cell->escaped)
        return;
    if (d->is_csv) {
        char *copy = ww_arena_alloc(d->arena, cell->text.len);
        size_t n = 0;
        for (size_t i = 0; copy && i < cell->text.len; i++) {
            copy[n++] = cell->text.ptr[i];
            i += cell->text.ptr[i] == '"';
        }
        if (copy)
            cell->text = (struct ww_str){copy, n};
        else
            ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    } else {
        struct ww_json_event ev = {.type = WW_JSON_STRING, .text = cell->text, .escaped = true};
        if (ww_json_unescape(d->arena, &ev, &cell->text, NULL) != WW_OK)
            ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    }
    cell->escaped = false;
}

static struct reading read_one_source(struct decoder *d, const struct source *source) {
    if (source->kind == SOURCE_NONE)
        return (struct reading){.type = CELL_ABSENT};
    if (source->kind == SOURCE_CONST)
        return (struct reading){.text = source->text, .type = CELL_TEXT};
    if (source->kind == SOURCE_TOPIC) {
        struct ww_str level = d->topic_values[source->field];
        return (struct reading){.text = level, .type = level.ptr ? CELL_TEXT : CELL_ABSENT};
    }
    struct cell *cell = &d->cells[source->field];
    ww_cell_unescape(d, cell);
    return (struct reading){.text = cell->text, .at = cell->at, .type = (enum cell_type)cell->type};
}

static bool is_scalar(const struct reading *r) {
    return r->type == CELL_TEXT || r->type == CELL_NUMBER;
}

/* The first of the source and its alternatives that says something; else what the first one has. */
static struct reading read_source(struct decoder *d, const struct source *source) {
    struct reading first = read_one_source(d, source);
    struct reading r = first;
    while (source->otherwise && (!is_scalar(&r) || r.text.len == 0)) {
        source = source->otherwise;
        r = read_one_source(d, source);
    }
    return is_scalar(&r) || first.type == CELL_ABSENT ? r : first;
}

/* Absent, null, or a text that the feed calls missing. */
static bool is_missing(const struct decoder *d, const struct reading *r) {
    if (r->type == CELL_ABSENT || r->type == CELL_NULL)
        return true;
    if (r->type != CELL_TEXT && r->type != CELL_NUMBER)
        return false;
    for (uint32_t i = 0; i < d->config->n_missing; i++)
        if (ww_str_eq(d->config->missing[i], r->text))
            return true;
    return false;
}

static void dead(struct decoder *d, const char *field, const struct reading *r, const char *reason) {
    int shown = r->text.len > MAX_UNQUOTED ? MAX_UNQUOTED : (int)r->text.len;
    while (shown > 0 && (size_t)shown < r->text.len && ((uint8_t)r->text.ptr[shown] & 0xC0) == 0x80)
        shown--;
    const char *more = (size_t)shown < r->text.len ? "…" : "";
    if (r->text.len > 0)
        ww_decoder_dead(d, ww_str_of(field), r->at, r->text, "\"%.*s%s\" %s", shown, r->text.ptr, more,
                        reason);
    else
        ww_decoder_dead(d, ww_str_of(field), r->at, r->text, "%s %s", field, reason);
}

/* Written like a number, so that it can only be its size that is wrong. */
static bool is_number_text(struct ww_str text) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, text);
    return ww_json_next(&r, &ev, NULL) == WW_OK && ev.type == WW_JSON_NUMBER &&
           ww_json_next(&r, &ev, NULL) == WW_OK;
}

/* Numbers and numeric texts; blanks around them are allowed. */
static bool read_number(const struct reading *r, double *out, const char **fault) {
    if (is_scalar(r)) {
        struct ww_str text = r->type == CELL_TEXT ? ww_str_trim(r->text) : r->text;
        if (ww_str_to_double(text, out))
            return true;
        if (is_number_text(text)) {
            *fault = "is beyond the range of numbers";
            return false;
        }
    }
    *fault = "is not a number";
    return false;
}

/* ---- Time ---- */

static bool check_instant(int64_t us) {
    return us >= FIRST_INSTANT_US && us <= LAST_INSTANT_US;
}

/* Seconds or milliseconds since 1970, with or without decimals. */
static bool parse_epoch(struct ww_str text, int64_t unit_us, int64_t *out) {
    int64_t whole;
    double real;
    text = ww_str_trim(text);
    if (ww_str_to_i64(text, &whole))
        return !__builtin_mul_overflow(whole, unit_us, out) && check_instant(*out);
    if (!ww_str_to_double(text, &real) || fabs(real) > 1e15)
        return false;
    *out = (int64_t)llround(real * (double)unit_us);
    return check_instant(*out);
}

/* Year, month, day, hour, minute, second, in this order, as numbers. */
static bool parse_parts(struct decoder *d, const struct reading *parts, int64_t *out, struct ww_error *err) {
    int64_t n[MAX_TIME_PARTS] = {0, 1, 1, 0, 0, 0};
    for (uint32_t i = 0; i < d->config->n_time_parts; i++) {
        if (!ww_str_to_i64(ww_str_trim(parts[i].text), &n[i]) || n[i] < 0 || n[i] > 9999) {
            (void)ww_error_set(err, WW_BAD_INPUT, "part %u is no whole number", i + 1);
            return false;
        }
    }
    struct ww_civil civil = {.year = (int)n[0],
                             .month = (int)n[1],
                             .day = (int)n[2],
                             .hour = (int)n[3],
                             .minute = (int)n[4],
                             .second = (int)n[5]};
    return ww_civil_to_instant(&civil, d->config->zone, out, err) == WW_OK;
}

static bool parse_time_text(struct decoder *d, struct ww_str text, int64_t *out, struct ww_error *err) {
    const struct ww_feed_config *config = d->config;
    (void)ww_error_set(err, WW_BAD_INPUT, "no number of seconds between the years 1 and 9999");
    switch (config->time_format) {
    case TIME_EPOCH:
        return parse_epoch(text, WW_SECOND_US, out);
    case TIME_EPOCH_MS:
        (void)ww_error_set(err, WW_BAD_INPUT, "no number of milliseconds between the years 1 and 9999");
        return parse_epoch(text, 1000, out);
    case TIME_STRPTIME:
        return ww_instant_parse_format(text, config->time_pattern, config->zone, out, err) == WW_OK;
    default:
        return ww_instant_parse(text, config->zone, out, err) == WW_OK;
    }
}

static void dead_time(struct decoder *d, const struct reading *r, const struct ww_error *err) {
    char reason[128];
    (void)snprintf(reason, sizeof reason, "is not a time: %.100s", err->message);
    dead(d, "time", r, reason);
}

/* Several fields as one text, with one blank between them; none is longer than MAX_TIME_TEXT. */
static struct ww_str join_parts(const struct reading *parts, uint32_t n_parts,
                                char joined[MAX_TIME_PARTS * (MAX_TIME_TEXT + 1)]) {
    size_t n = 0;
    for (uint32_t i = 0; i < n_parts; i++) {
        if (i > 0)
            joined[n++] = ' ';
        memcpy(joined + n, parts[i].text.ptr, parts[i].text.len);
        n += parts[i].text.len;
    }
    return (struct ww_str){joined, n};
}

/* Whole seconds from a start to an end, -1 when that is no interval. */
static int32_t span_seconds(int64_t start_us, int64_t end_us) {
    if (end_us < start_us || end_us - start_us > MAX_INTERVAL_S * WW_SECOND_US)
        return -1;
    return (int32_t)((end_us - start_us + WW_SECOND_US / 2) / WW_SECOND_US);
}

/* A text, or, as ISO 8601 writes an interval, two of them with a slash between. `span_s`: -1 = no interval.
 */
static bool parse_time(struct decoder *d, struct ww_str text, int64_t *out, int32_t *span_s,
                       struct ww_error *err) {
    const char *slash =
        d->config->time_format == TIME_ISO && text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    *span_s = -1;
    if (!slash)
        return parse_time_text(d, text, out, err);
    struct ww_str start = {text.ptr, (size_t)(slash - text.ptr)};
    struct ww_str end = {slash + 1, text.len - start.len - 1};
    int64_t end_us;
    if (!parse_time_text(d, start, out, err) || !parse_time_text(d, end, &end_us, err))
        return false;
    *span_s = span_seconds(*out, end_us);
    (void)ww_error_set(err, WW_BAD_INPUT, "an interval that ends before it begins, or is longer than a year");
    return *span_s >= 0;
}

static bool map_one_time(struct decoder *d, const struct reading *r, int64_t *out, int32_t *span_s) {
    struct ww_error err;
    if (d->last_time_text.len > 0 && ww_str_eq(d->last_time_text, r->text)) {
        *out = d->last_time_us;
        *span_s = d->last_span_s;
        return true;
    }
    if (!parse_time(d, r->text, out, span_s, &err)) {
        dead_time(d, r, &err);
        return false;
    }
    d->last_time_text = r->text;
    d->last_time_us = *out;
    d->last_span_s = *span_s;
    return true;
}

static bool is_time_reading(struct decoder *d, const struct reading *r) {
    bool there = is_scalar(r) && r->text.len > 0;
    if (!there)
        dead(d, "time", r, r->type == CELL_ABSENT ? "is not there" : "is empty or no text");
    else if (r->text.len > MAX_TIME_TEXT)
        dead(d, "time", r, "is too long for a time");
    return there && r->text.len <= MAX_TIME_TEXT;
}

static bool map_until(struct decoder *d, int64_t start_us, int32_t *span_s) {
    struct reading r = read_source(d, &d->config->time_until);
    struct ww_error err;
    int64_t end_us;
    if (*span_s >= 0 || is_missing(d, &r))
        return true;
    if (!is_time_reading(d, &r))
        return false;
    if (!parse_time_text(d, r.text, &end_us, &err)) {
        dead_time(d, &r, &err);
        return false;
    }
    *span_s = span_seconds(start_us, end_us);
    if (*span_s < 0)
        dead(d, "time", &r, "ends an interval before it begins, or later than a year after");
    return *span_s >= 0;
}

/* `span_s`: the length when the time is an interval, else -1. */
static bool map_time(struct decoder *d, int64_t *out, int32_t *span_s) {
    const struct ww_feed_config *config = d->config;
    *span_s = -1;
    if (config->time_format == TIME_RECEIVED) {
        *out = d->received_at_us;
        return true;
    }
    struct reading parts[MAX_TIME_PARTS];
    for (uint32_t i = 0; i < config->n_time_parts; i++) {
        parts[i] = read_source(d, &config->time_parts[i]);
        if (!is_time_reading(d, &parts[i]))
            return false;
    }
    if (config->n_time_parts == 1)
        return map_one_time(d, &parts[0], out, span_s) && map_until(d, *out, span_s);
    struct ww_error err;
    char joined[MAX_TIME_PARTS * (MAX_TIME_TEXT + 1)];
    bool ok = config->time_format == TIME_PARTS
                  ? parse_parts(d, parts, out, &err)
                  : parse_time_text(d, join_parts(parts, config->n_time_parts, joined), out, &err);
    if (!ok)
        dead_time(d, &parts[0], &err);
    return ok;
}

/* ---- The rest of what a record's rows share ---- */

/* What the feed states of it counts; else the span of the time, if that is an interval. */
static bool map_interval(struct decoder *d, int32_t span_s, int32_t *out) {
    *out = d->config->interval_s == 0 && span_s > 0 ? span_s : d->config->interval_s;
    struct reading r = read_source(d, &d->config->interval);
    if (is_missing(d, &r))
        return true;
    double v;
    const char *fault;
    if (!read_number(&r, &v, &fault) || v < 0 || v > MAX_INTERVAL_S || v != floor(v)) {
        dead(d, "interval_s", &r, "is not whole seconds from 0 to a year");
        return false;
    }
    *out = (int32_t)v;
    return true;
}

static bool map_point(struct decoder *d, struct ww_raw_place *out) {
    if (d->geometry == GEOMETRY_POINT) {
        *out = d->point;
    } else if (d->geometry != GEOMETRY_NONE) {
        ww_decoder_dead(d, WW_STR("place"), NULL, WW_STR_NONE,
                        d->geometry == GEOMETRY_OTHER ? "the geometry is not a Point"
                                                      : "the geometry has no two coordinates");
        return false;
    }
    return true;
}

static bool map_place(struct decoder *d, struct ww_raw_place *out) {
    const struct ww_feed_config *config = d->config;
    *out = (struct ww_raw_place){NAN, NAN};
    if (config->ward.kind != SOURCE_NONE)
        return true;
    if (config->place_x.kind == SOURCE_NONE)
        return map_point(d, out);
    struct reading x = read_source(d, &config->place_x), y = read_source(d, &config->place_y);
    bool no_x = is_missing(d, &x), no_y = is_missing(d, &y);
    if (config->place_is_usual && !is_scalar(&x))
        no_x = no_y = true; /* a feature that is no Point: the reading is where the thing is */
    if (no_x && no_y)
        return true;
    const char *fault = "is missing";
    struct ww_raw_place place;
    if (no_x || !read_number(&x, &place.x, &fault)) {
        dead(d, "place.x", &x, fault);
        return false;
    }
    if (no_y || !read_number(&y, &place.y, &fault)) {
        dead(d, "place.y", &y, fault);
        return false;
    }
    *out = place;
    return true;
}

static bool map_ward(struct decoder *d, struct ww_str *out) {
    *out = WW_STR_NONE;
    struct reading r = read_source(d, &d->config->ward);
    if (is_missing(d, &r))
        return true;
    const char *fault = !is_scalar(&r)                                    ? "is not a ward code"
                        : r.text.len > MAX_WARD                           ? "is too long for a ward code"
                        : r.text.len && memchr(r.text.ptr, 0, r.text.len) ? "holds a zero byte"
                        : !ww_str_is_utf8(r.text)                         ? "is not UTF-8"
                                                                          : NULL;
    if (fault) {
        dead(d, "place.ward", &r, fault);
        return false;
    }
    *out = r.text;
    return true;
}

static bool map_flag(struct decoder *d, char *out) {
    const struct ww_feed_config *config = d->config;
    *out = config->default_flag ? config->default_flag : 'N';
    struct reading r = read_source(d, &config->quality);
    if (r.type == CELL_ABSENT || r.type == CELL_NULL || r.text.len == 0)
        return true;
    if (r.type == CELL_CONTAINER && r.text.len == 2) /* {} and [] say nothing */
        return true;
    for (uint32_t i = 0; i < config->n_flags; i++) {
        if (ww_str_eq(config->flags[i].text, r.text)) {
            *out = config->flags[i].flag;
            return true;
        }
    }
    char c = r.text.ptr[0];
    bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (config->n_flags == 0 && r.text.len == 1 && letter) {
        *out = c;
        return true;
    }
    /* Without a stated default an unknown mark must not pass for "normal". */
    if (config->default_flag)
        return true;
    dead(d, "quality", &r, "is a quality mark that the feed does not know");
    return false;
}

static bool write_kept(struct decoder *d, struct ww_json *w, uint32_t field) {
    struct source source = {.kind = SOURCE_FIELD, .field = field};
    struct reading r = read_source(d, &source);
    if (r.type == CELL_ABSENT || r.type == CELL_NULL || (d->is_csv && r.text.len == 0))
        return true;
    if (d->is_csv && !ww_str_is_utf8(r.text)) {
        dead(d, "keep", &r, "is not UTF-8");
        return false;
    }
    ww_json_key_str(w, d->config->fields[field].name);
    if (r.type != CELL_TEXT) {
        if (ww_json_clean(d->arena, r.text, w) != WW_OK)
            ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
        return d->status == WW_OK;
    }
    if (r.text.len > 0 && memchr(r.text.ptr, '\0', r.text.len)) {
        dead(d, "keep", &r, "holds a zero byte");
        return false;
    }
    ww_json_str(w, r.text);
    return true;
}

static bool map_detail(struct decoder *d, struct ww_str *out) {
    *out = WW_STR_NONE;
    if (d->config->n_keep == 0)
        return true;
    struct ww_json w;
    ww_buf_reset(&d->scratch);
    ww_json_init(&w, &d->scratch);
    ww_json_object(&w);
    for (uint32_t i = 0; i < d->config->n_keep; i++)
        if (!write_kept(d, &w, d->config->keep[i]))
            return false;
    ww_json_end_object(&w);
    if (ww_buf_status(&d->scratch) != WW_OK) {
        enum ww_status st = ww_buf_status(&d->scratch);
        ww_buf_clear(&d->scratch);
        if (st == WW_TOO_LARGE)
            ww_decoder_dead(d, WW_STR("keep"), NULL, WW_STR_NONE, "the kept fields are longer than 1 MiB");
        else
            ww_decoder_too_large(d, "there is no memory for the kept fields");
        return false;
    }
    if (d->scratch.len <= 2)
        return true;
    *out = ww_arena_copy(d->arena, ww_buf_str(&d->scratch));
    if (!out->ptr)
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    return out->ptr != NULL;
}

/* ---- Values ---- */

/* A unit may be absent: "" means the property's own; and so may a statistic. */
static bool map_name(struct decoder *d, const struct source *source, const char *field, struct ww_str *out) {
    struct reading r = read_source(d, source);
    bool nothing = r.type == CELL_ABSENT || r.type == CELL_NULL;
    if (nothing)
        r.text = WW_STR_NONE;
    *out = r.text;
    if (is_scalar(&r) || (nothing && (strcmp(field, "unit") == 0 || strcmp(field, "statistic") == 0)))
        return true;
    dead(d, field, &r, nothing ? "is not there" : "is not a text");
    return false;
}

static struct ww_str our_property(const struct ww_feed_config *config, struct ww_str text) {
    for (uint32_t i = 0; i < config->n_properties; i++)
        if (ww_str_eq(config->properties[i].text, text))
            return config->properties[i].code;
    return text;
}

static const char *series_place(const struct decoder *d, const struct value_source *v, const char *field) {
    const struct source *s = *field == 't'   ? &v->thing
                             : *field == 'p' ? &v->property
                             : *field == 'u' ? &v->unit
                                             : &v->statistic;
    return s->kind == SOURCE_FIELD ? d->cells[s->field].at : NULL;
}

/* Its unit, and its part of the thing. */
static bool add_instance(struct decoder *d, const struct instance *instance, struct ww_series_name *name) {
    if (instance->unit.type == CELL_TEXT && instance->unit.text.len > 0)
        name->unit = instance->unit.text;
    if (instance->part.len == 0)
        return true;
    size_t len = name->thing.len + 1 + instance->part.len;
    char *room = ww_arena_alloc(d->arena, len);
    if (!room) {
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
        return false;
    }
    if (name->thing.len > 0)
        memcpy(room, name->thing.ptr, name->thing.len);
    room[name->thing.len] = '/';
    memcpy(room + name->thing.len + 1, instance->part.ptr, instance->part.len);
    name->thing = (struct ww_str){room, len};
    return true;
}

static bool map_series(struct decoder *d, const struct value_source *v, int32_t interval_s,
                       const struct instance *instance, uint32_t *out) {
    struct ww_series_name name = {.interval_s = d->config->series_interval ? interval_s : 0};
    if (!map_name(d, &v->thing, "thing", &name.thing) ||
        !map_name(d, &v->property, "property", &name.property) ||
        !map_name(d, &v->unit, "unit", &name.unit) ||
        !map_name(d, &v->statistic, "statistic", &name.statistic) || d->status != WW_OK)
        return false;
    if (v->property.kind != SOURCE_CONST)
        name.property = our_property(d->config, name.property);
    if (instance && !add_instance(d, instance, &name))
        return false;
    const char *field = "", *fault = NULL;
    *out = ww_decoder_series(d, &name, &field, &fault);
    if (*out != UINT32_MAX)
        return true;
    if (fault) {
        struct reading r = {.text = *field == 't'   ? name.thing
                                    : *field == 'p' ? name.property
                                    : *field == 'u' ? name.unit
                                                    : name.statistic,
                            .at = series_place(d, v, field)};
        dead(d, field, &r, fault);
    }
    return false;
}

static const char *value_field_name(const struct decoder *d, const struct value_source *v, char name[48]) {
    if (!d->config->wide)
        return "value";
    struct ww_str field = d->config->fields[v->value.field].name;
    (void)snprintf(name, 48, "%.*s", (int)(field.len > 47 ? 47 : field.len), field.ptr);
    return name;
}

static void map_value(struct decoder *d, const struct value_source *v, const struct reading *r,
                      const struct instance *instance, struct row *row) {
    const char *fault;
    char name[48];
    if (!read_number(r, &row->value, &fault))
        dead(d, value_field_name(d, v, name), r, fault);
    else if (map_series(d, v, row->interval_s, instance, &row->series))
        ww_decoder_add_row(d, row);
}

static bool map_when(struct decoder *d, struct row *row) {
    int32_t span_s;
    return map_time(d, &row->time_us, &span_s) && map_interval(d, span_s, &row->interval_s);
}

static bool map_what_else(struct decoder *d, struct row *row) {
    return map_place(d, &row->place) && map_ward(d, &row->ward) && map_flag(d, &row->flag) &&
           map_detail(d, &row->detail);
}

static bool map_shared(struct decoder *d, struct row *row) {
    return map_when(d, row) && map_what_else(d, row);
}

void ww_record_map(struct decoder *d, struct ww_str raw) {
    const struct ww_feed_config *config = d->config;
    d->raw = raw;
    d->recognised = true;
    if (d->twice) {
        ww_decoder_dead(d, config->fields[d->twice_field].name, d->twice, WW_STR_NONE,
                        "the field is there twice");
        return;
    }
    struct row row;
    bool shared_done = false;
    for (uint32_t i = 0; i < config->n_values && d->status == WW_OK; i++) {
        struct reading r = read_source(d, &config->values[i].value);
        if (r.type == CELL_ABSENT && !config->wide) {
            dead(d, "value", &r, "is not there");
            return;
        }
        if (is_missing(d, &r))
            continue;
        /* Not before there is a value: a record whose values are all missing says nothing. */
        if (!shared_done && (!map_shared(d, &row) || d->status != WW_OK))
            return;
        shared_done = true;
        map_value(d, &config->values[i], &r, NULL, &row);
    }
}

/* ---- Values that bring their own time and unit ---- */

static bool map_instance_when(struct decoder *d, const struct instance *instance, struct row *row) {
    struct reading r = {
        .text = instance->time.text, .at = instance->time.at, .type = (enum cell_type)instance->time.type};
    int32_t span_s;
    if (r.type != CELL_ABSENT && r.type != CELL_NULL)
        return is_time_reading(d, &r) && map_one_time(d, &r, &row->time_us, &span_s) &&
               map_interval(d, span_s, &row->interval_s);
    if (d->shared_time_state == SHARED_TODO)
        d->shared_time_state = map_when(d, d->shared) ? SHARED_GOOD : SHARED_DEAD;
    row->time_us = d->shared->time_us;
    row->interval_s = d->shared->interval_s;
    return d->shared_time_state == SHARED_GOOD;
}

void ww_record_map_instance(struct decoder *d, uint32_t index, struct instance *instance) {
    if (!d->shared && !(d->shared = ww_arena_calloc(d->arena, 1, sizeof *d->shared))) {
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
        return;
    }
    ww_cell_unescape(d, &instance->value);
    ww_cell_unescape(d, &instance->time);
    ww_cell_unescape(d, &instance->unit);
    struct reading r = {
        .text = instance->value.text, .at = instance->value.at, .type = (enum cell_type)instance->value.type};
    if (is_missing(d, &r) || d->status != WW_OK || d->shared_state == SHARED_DEAD)
        return;
    if (d->shared_state == SHARED_TODO)
        d->shared_state = map_what_else(d, d->shared) ? SHARED_GOOD : SHARED_DEAD;
    struct row row = *d->shared;
    if (d->shared_state == SHARED_GOOD && map_instance_when(d, instance, &row) && d->status == WW_OK)
        map_value(d, &d->config->values[index], &r, instance, &row);
}
