/* Builds a batch: columns that grow, the dictionary of series, dead rows with their places. */
#include "ingest/decode/decode_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "ingest/decode/statistic.h"

enum { MAX_THING = 128, MAX_PROPERTY = 64, MAX_UNIT = 64 };
enum { SMALLEST_ROWS = 16, SMALLEST_SERIES = 16, BYTES_A_ROW = 64 };

void ww_decoder_too_large(struct decoder *d, const char *what) {
    if (d->status == WW_OK)
        d->status = ww_error_set(d->err, WW_TOO_LARGE, "%s", what);
}

static void arena_full(struct decoder *d) {
    ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
}

static bool add_series_table(struct decoder *d, uint32_t slots) {
    uint32_t *table = ww_arena_calloc(d->arena, slots, sizeof *table);
    uint32_t *hashes = table ? ww_arena_calloc(d->arena, slots, sizeof *hashes) : NULL;
    if (!hashes)
        return false;
    for (uint32_t i = 0; d->series_table && i <= d->series_mask; i++) {
        if (d->series_table[i] == 0)
            continue;
        uint32_t at = d->series_hash[i] & (slots - 1);
        while (table[at] != 0)
            at = (at + 1) & (slots - 1);
        table[at] = d->series_table[i];
        hashes[at] = d->series_hash[i];
    }
    d->series_table = table;
    d->series_hash = hashes;
    d->series_mask = slots - 1;
    return true;
}

enum ww_status ww_decoder_init(struct decoder *d) {
    d->batch->arena = d->arena;
    d->batch->sender_time_us = WW_INSTANT_NONE;
    d->cells = ww_arena_calloc(d->arena, d->config->n_fields + 1, sizeof *d->cells);
    if (!d->cells || !add_series_table(d, 2 * SMALLEST_SERIES))
        arena_full(d);
    ww_buf_init(&d->scratch, 1 << 20);
    return d->status;
}

static bool grow_column(struct decoder *d, void *column, size_t item, uint32_t old, uint32_t fresh) {
    void *data;
    memcpy(&data, column, sizeof data);
    data = ww_arena_grow(d->arena, data, old * item, fresh * item);
    if (data)
        memcpy(column, &data, sizeof data);
    return data != NULL;
}

static bool grow_rows(struct decoder *d) {
    struct ww_batch *b = d->batch;
    uint32_t old = d->row_capacity;
    uint64_t wanted = old ? (uint64_t)old * 2 : d->body.len / BYTES_A_ROW;
    if (wanted < SMALLEST_ROWS)
        wanted = SMALLEST_ROWS;
    if (wanted > d->max_rows)
        wanted = d->max_rows;
    uint32_t fresh = (uint32_t)wanted;
    d->row_capacity = fresh;
    return grow_column(d, &b->series_of, sizeof *b->series_of, old, fresh) &&
           grow_column(d, &b->time_us, sizeof *b->time_us, old, fresh) &&
           grow_column(d, &b->interval_s, sizeof *b->interval_s, old, fresh) &&
           grow_column(d, &b->value, sizeof *b->value, old, fresh) &&
           grow_column(d, &b->flag, sizeof *b->flag, old, fresh) &&
           grow_column(d, &b->line, sizeof *b->line, old, fresh) &&
           grow_column(d, &b->raw_at, sizeof *b->raw_at, old, fresh) &&
           grow_column(d, &b->raw_len, sizeof *b->raw_len, old, fresh) &&
           (!b->place || grow_column(d, &b->place, sizeof *b->place, old, fresh)) &&
           (!b->ward_code || grow_column(d, &b->ward_code, sizeof *b->ward_code, old, fresh)) &&
           (!b->detail || grow_column(d, &b->detail, sizeof *b->detail, old, fresh));
}

/* The columns that most batches lack come into being with the first row that needs them. */
static bool add_rare_columns(struct decoder *d, const struct row *row) {
    struct ww_batch *b = d->batch;
    if (!b->place && !isnan(row->place.x)) {
        b->place = ww_arena_alloc(d->arena, d->row_capacity * sizeof *b->place);
        for (uint32_t i = 0; b->place && i < b->n_rows; i++)
            b->place[i] = (struct ww_raw_place){NAN, NAN};
        if (!b->place)
            return false;
    }
    if (!b->ward_code && row->ward.len > 0) {
        b->ward_code = ww_arena_calloc(d->arena, d->row_capacity, sizeof *b->ward_code);
        if (!b->ward_code)
            return false;
    }
    if (!b->detail && row->detail.len > 0) {
        b->detail = ww_arena_calloc(d->arena, d->row_capacity, sizeof *b->detail);
        if (!b->detail)
            return false;
    }
    return true;
}

static bool has_room(struct decoder *d) {
    if (d->status != WW_OK)
        return false;
    if (d->batch->n_rows + d->batch->n_dead < d->max_rows)
        return true;
    if (d->status == WW_OK)
        d->status = ww_error_set(d->err, WW_TOO_LARGE, "the request has more than %u values", d->max_rows);
    return false;
}

void ww_decoder_add_row(struct decoder *d, const struct row *row) {
    struct ww_batch *b = d->batch;
    if (!has_room(d))
        return;
    if ((b->n_rows == d->row_capacity && !grow_rows(d)) || !add_rare_columns(d, row)) {
        arena_full(d);
        return;
    }
    uint32_t i = b->n_rows++;
    b->series_of[i] = row->series;
    b->time_us[i] = row->time_us;
    b->interval_s[i] = row->interval_s;
    b->value[i] = row->value;
    b->flag[i] = row->flag;
    b->line[i] = d->line;
    b->raw_at[i] = (uint32_t)(d->raw.ptr - d->body.ptr);
    b->raw_len[i] = (uint32_t)d->raw.len;
    if (b->place)
        b->place[i] = row->place;
    if (b->ward_code)
        b->ward_code[i] = row->ward;
    if (b->detail)
        b->detail[i] = row->detail;
}

/* Line and column of a place in the body, counted on from the record's own first line. */
static void find_place(const struct decoder *d, const char *at, uint64_t *line, uint64_t *column) {
    *line = d->line;
    *column = 0;
    if (d->in_array && !at)
        at = d->raw.ptr;
    if (!at)
        return;
    if (d->in_array) {
        if (!d->config->strict)
            return; /* dead rows of arrays are numbered by record */
        ww_text_place(d->body, (size_t)(at - d->body.ptr), line, column);
        return;
    }
    struct ww_str record = {d->raw.ptr, (size_t)(at - d->raw.ptr)};
    ww_text_place(record, record.len, line, column);
    *line += d->line - 1;
}

static void copy_cut(char *to, size_t room, struct ww_str from) {
    size_t n = from.len < room - 1 ? from.len : room - 1;
    while (n > 0 && n < from.len && ((uint8_t)from.ptr[n] & 0xC0) == 0x80)
        n--;
    if (n > 0)
        memcpy(to, from.ptr, n);
    to[n] = '\0';
}

/* Reasons go into the database as text: no control characters, nothing but UTF-8. */
static void make_printable(char *text) {
    bool utf8 = ww_str_is_utf8(ww_str_of(text));
    for (char *p = text; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7F || (!utf8 && (uint8_t)*p >= 0x80))
            *p = '?';
}

static struct ww_dead_row *add_dead(struct decoder *d) {
    struct ww_batch *b = d->batch;
    if (!has_room(d))
        return NULL;
    if (b->n_dead == d->dead_capacity) {
        uint32_t fresh = d->dead_capacity ? d->dead_capacity * 2 : 4;
        if (!grow_column(d, &b->dead, sizeof *b->dead, b->n_dead, fresh)) {
            arena_full(d);
            return NULL;
        }
        d->dead_capacity = fresh;
    }
    return &b->dead[b->n_dead++];
}

void ww_decoder_dead(struct decoder *d, struct ww_str field, const char *at, struct ww_str value,
                     const char *fmt, ...) {
    if (d->status != WW_OK)
        return;
    char reason[160], name[48], shown[64];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    copy_cut(reason, sizeof reason, (struct ww_str){reason, strlen(reason)});
    copy_cut(name, sizeof name, field);
    copy_cut(shown, sizeof shown, value);
    make_printable(reason);
    make_printable(name);
    make_printable(shown);
    uint64_t line, column;
    find_place(d, at, &line, &column);
    if (d->config->strict) {
        d->status = ww_error_set(d->err, WW_BAD_INPUT, "%s", reason);
        ww_error_at_field(d->err, ww_str_of(name), ww_str_of(shown));
        if (d->err) {
            d->err->line = line;
            d->err->column = column;
            d->err->offset = (uint64_t)((at ? at : d->raw.ptr) - d->body.ptr);
        }
        return;
    }
    struct ww_dead_row *dead = add_dead(d);
    if (!dead)
        return;
    dead->line = line;
    dead->column = column;
    memcpy(dead->field, name, sizeof dead->field);
    memcpy(dead->reason, reason, sizeof dead->reason);
    dead->raw = d->raw;
}

static const char *find_text_fault(struct ww_str text, size_t longest) {
    if (text.len > longest)
        return "is too long";
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return "holds a zero byte";
    if (!ww_str_is_utf8(text))
        return "is not UTF-8";
    return NULL;
}

static const char *find_series_fault(const struct ww_series_name *name, const char **field) {
    *field = "thing";
    if (name->thing.len == 0)
        return "is empty";
    const char *fault = find_text_fault(name->thing, MAX_THING);
    if (fault)
        return fault;
    *field = "property";
    if (name->property.len == 0)
        return "is empty";
    fault = find_text_fault(name->property, MAX_PROPERTY);
    if (fault)
        return fault;
    *field = "unit";
    fault = find_text_fault(name->unit, MAX_UNIT);
    if (fault)
        return fault;
    *field = "statistic";
    return ww_statistic_find(name->statistic) == WW_STATISTIC_UNKNOWN
               ? "is not a statistic that is known here"
               : NULL;
}

static uint32_t hash_series(const struct ww_series_name *name) {
    uint64_t h = ww_str_hash(name->thing) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ ww_str_hash(name->property)) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ ww_str_hash(name->unit)) * UINT64_C(0x9E3779B97F4A7C15);
    if (name->statistic.len > 0 || name->interval_s != 0)
        h = (h ^ ww_str_hash(name->statistic) ^ (uint32_t)name->interval_s) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(h >> 32);
}

static uint32_t add_series(struct decoder *d, const struct ww_series_name *name, uint32_t hash, uint32_t at) {
    struct ww_batch *b = d->batch;
    if (b->n_series == d->series_capacity) {
        uint32_t fresh = d->series_capacity ? d->series_capacity * 2 : SMALLEST_SERIES;
        if (!grow_column(d, &b->series, sizeof *b->series, b->n_series, fresh)) {
            arena_full(d);
            return UINT32_MAX;
        }
        d->series_capacity = fresh;
    }
    b->series[b->n_series] = *name;
    d->series_table[at] = ++b->n_series;
    d->series_hash[at] = hash;
    if (b->n_series > d->series_mask / 2 && !add_series_table(d, (d->series_mask + 1) * 2)) {
        arena_full(d);
        return UINT32_MAX;
    }
    return b->n_series - 1;
}

uint32_t ww_decoder_series(struct decoder *d, const struct ww_series_name *name, const char **fault_field,
                           const char **fault) {
    uint32_t hash = hash_series(name), at = hash & d->series_mask;
    for (; d->series_table[at] != 0; at = (at + 1) & d->series_mask) {
        const struct ww_series_name *there = &d->batch->series[d->series_table[at] - 1];
        if (d->series_hash[at] == hash && ww_str_eq(there->thing, name->thing) &&
            ww_str_eq(there->property, name->property) && ww_str_eq(there->unit, name->unit) &&
            ww_str_eq(there->statistic, name->statistic) && there->interval_s == name->interval_s)
            return d->series_table[at] - 1;
    }
    /* Names are checked once: whatever equals a name that is there has passed. */
    *fault = find_series_fault(name, fault_field);
    return *fault ? UINT32_MAX : add_series(d, name, hash, at);
}
