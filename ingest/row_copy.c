/* Binary COPY rows of our tables. */
#include "ingest/row_copy.h"

#include "geo/instant.h"

const char ww_copy_observation_sql[] = "COPY wardwatch.observation (datastream_id, phenomenon_time, "
                                       "raw_message_id, foi_id, value, interval_s, ward_id, "
                                       "version, flag, detail) FROM STDIN (FORMAT binary)";
const char ww_copy_stage_sql[] =
    "COPY pg_temp.stage (datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id, "
    "ordinal, flag, detail, repeated) FROM STDIN (FORMAT binary)";
const char ww_copy_foi_sql[] =
    "COPY wardwatch.feature_of_interest (id, ward_id, geom, raw_x, raw_y, source_datum) "
    "FROM STDIN (FORMAT binary)";
const char ww_copy_raw_message_sql[] =
    "COPY wardwatch.raw_message (id, feed_id, received_at, peer, account_id, content_type, sha256, n_bytes, "
    "received, "
    "stored, corrections, duplicates, dead, body_zstd, deviations) FROM STDIN (FORMAT binary)";
const char ww_copy_dead_letter_sql[] =
    "COPY wardwatch.dead_letter (feed_id, raw_message_id, line, col, field, reason, "
    "raw, header, content_type) FROM STDIN (FORMAT binary)";

/* 2000-01-01 in microseconds since 1970. */
#define POSTGRES_EPOCH_US (INT64_C(946684800) * WW_SECOND_US)

void ww_copy_begin(struct ww_buf *out) {
    ww_buf_add(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void ww_copy_end(struct ww_buf *out) {
    ww_buf_be16(out, UINT16_MAX);
}

/* Fields are written through a cursor into reserved room: this is the hot path. */
static char *put_bytes(char *p, const void *bytes, size_t len) {
    uint32_t length = __builtin_bswap32((uint32_t)len);
    memcpy(p, &length, 4);
    if (len > 0)
        memcpy(p + 4, bytes, len);
    return p + 4 + len;
}

static char *put_null(char *p) {
    memset(p, 0xFF, 4);
    return p + 4;
}

static char *put_i64(char *p, int64_t v) {
    uint64_t big = __builtin_bswap64((uint64_t)v);
    return put_bytes(p, &big, 8);
}

static char *put_i32(char *p, int32_t v) {
    uint32_t big = __builtin_bswap32((uint32_t)v);
    return put_bytes(p, &big, 4);
}

static char *put_i16(char *p, int16_t v) {
    uint16_t big = __builtin_bswap16((uint16_t)v);
    return put_bytes(p, &big, 2);
}

static char *put_double(char *p, double v) {
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_i64(p, bits);
}

static char *put_count(char *p, uint16_t fields) {
    uint16_t big = __builtin_bswap16(fields);
    memcpy(p, &big, 2);
    return p + 2;
}

static char *put_i32_or_null(char *p, uint32_t v) {
    return v ? put_i32(p, (int32_t)v) : put_null(p);
}

static char *put_str(char *p, struct ww_str text) {
    return put_bytes(p, text.ptr, text.len);
}

/* A text column takes nothing but UTF-8 without zero bytes, and one wrong byte would fail the whole COPY:
 * reasons quote what senders wrote and are cut to length, so here each byte that is no part of a character
 * becomes '?'. */
static char *put_text(char *p, struct ww_str text) {
    char *end = put_str(p, text);
    if (ww_str_is_utf8(text) && !(text.len > 0 && memchr(text.ptr, '\0', text.len)))
        return end;
    for (char *at = p + 4; at < end;) {
        size_t n = 1;
        while (n <= 4 && n <= (size_t)(end - at) && !ww_str_is_utf8((struct ww_str){at, n}))
            n++;
        if (*at && n <= 4 && n <= (size_t)(end - at))
            at += n;
        else
            *at++ = '?';
    }
    return end;
}

/* jsonb's binary form: a version byte 1, then the text. */
static char *put_jsonb_or_null(char *p, struct ww_str json) {
    if (json.len == 0)
        return put_null(p);
    uint32_t length = __builtin_bswap32((uint32_t)json.len + 1);
    memcpy(p, &length, 4);
    p[4] = 1;
    memcpy(p + 5, json.ptr, json.len);
    return p + 5 + json.len;
}

enum { OBSERVATION_FIELDS = 10, OBSERVATION_BYTES = 2 + (OBSERVATION_FIELDS + 1) * 12 };

/* A row of the staging table has an ordinal in the version's place, and one field more. */
struct stage_part {
    int32_t ordinal;
    bool repeated;
};

static void put_observation(struct ww_buf *out, const struct ww_copy_observation *row,
                            const struct stage_part *stage) {
    char *p = ww_buf_reserve(out, OBSERVATION_BYTES + row->detail.len + 1);
    if (!p)
        return;
    char *start = p;
    p = put_count(p, stage ? OBSERVATION_FIELDS + 1 : OBSERVATION_FIELDS);
    p = put_i64(p, row->datastream_id);
    p = put_i64(p, row->time_us - POSTGRES_EPOCH_US);
    p = put_i64(p, row->raw_message_id);
    p = row->foi_id ? put_i64(p, row->foi_id) : put_null(p);
    p = put_double(p, row->value);
    p = put_i32(p, row->interval_s);
    p = put_i32_or_null(p, row->ward_id);
    p = stage ? put_i32(p, stage->ordinal) : put_i16(p, 1);
    p = put_bytes(p, &row->flag, 1);
    p = put_jsonb_or_null(p, row->detail);
    if (stage)
        p = put_bytes(p, stage->repeated ? "\1" : "\0", 1);
    out->len += (size_t)(p - start);
}

void ww_copy_observation(struct ww_buf *out, const struct ww_copy_observation *row) {
    put_observation(out, row, NULL);
}

void ww_copy_stage(struct ww_buf *out, const struct ww_copy_observation *row, int32_t ordinal,
                   bool repeated) {
    put_observation(out, row, &(struct stage_part){ordinal, repeated});
}

/* EWKB of a point, big-endian, SRID 4490. */
static char *put_point(char *p, struct ww_place place) {
    char ewkb[25];
    uint32_t type = __builtin_bswap32(UINT32_C(0x20000001));
    uint32_t srid = __builtin_bswap32(4490);
    uint64_t x, y;
    memcpy(&x, &place.lon_deg, 8);
    memcpy(&y, &place.lat_deg, 8);
    x = __builtin_bswap64(x);
    y = __builtin_bswap64(y);
    ewkb[0] = 0;
    memcpy(ewkb + 1, &type, 4);
    memcpy(ewkb + 5, &srid, 4);
    memcpy(ewkb + 9, &x, 8);
    memcpy(ewkb + 17, &y, 8);
    return put_bytes(p, ewkb, sizeof ewkb);
}

void ww_copy_foi(struct ww_buf *out, int64_t id, const struct ww_own_place *own, const char *datum) {
    struct ww_str name = ww_str_of(datum);
    char *p = ww_buf_reserve(out, 128 + name.len);
    if (!p)
        return;
    char *start = p;
    p = put_count(p, 6);
    p = put_i64(p, id);
    p = put_i32_or_null(p, own->ward_id);
    p = put_point(p, own->place);
    p = put_double(p, own->raw.x);
    p = put_double(p, own->raw.y);
    p = put_text(p, name);
    out->len += (size_t)(p - start);
}

void ww_copy_raw_message(struct ww_buf *out, const struct ww_copy_raw_message *row) {
    struct ww_str peer = ww_str_of(row->peer);
    char *p = ww_buf_reserve(out, 256 + peer.len + row->content_type.len + row->body_zstd.len);
    if (!p)
        return;
    char *start = p;
    p = put_count(p, 15);
    p = put_i64(p, row->id);
    p = put_i32(p, row->feed_id);
    p = put_i64(p, row->received_at_us - POSTGRES_EPOCH_US);
    p = put_text(p, peer);
    p = put_i32_or_null(p, (uint32_t)row->account_id);
    p = put_text(p, row->content_type);
    p = put_str(p, row->sha256);
    p = put_i64(p, (int64_t)row->n_bytes);
    p = put_i64(p, row->received);
    p = put_i64(p, row->stored);
    p = put_i64(p, row->corrections);
    p = put_i64(p, row->duplicates);
    p = put_i64(p, row->dead);
    p = row->body_zstd.len > 0 ? put_str(p, row->body_zstd) : put_null(p);
    p = put_i32(p, (int32_t)row->deviations);
    out->len += (size_t)(p - start);
}

void ww_copy_dead_letter(struct ww_buf *out, int32_t feed_id, int64_t raw_message_id,
                         const struct ww_dead_row *row, struct ww_str header, struct ww_str content_type) {
    char *p = ww_buf_reserve(out, 512 + row->raw.len + header.len + content_type.len);
    if (!p)
        return;
    char *start = p;
    p = put_count(p, 9);
    p = put_i32(p, feed_id);
    p = put_i64(p, raw_message_id);
    p = put_i64(p, (int64_t)row->line);
    p = put_i64(p, (int64_t)row->column);
    p = put_text(p, ww_str_of(row->field));
    p = put_text(p, ww_str_of(row->reason));
    p = put_str(p, row->raw);
    p = put_str(p, header);
    p = put_text(p, content_type);
    out->len += (size_t)(p - start);
}
