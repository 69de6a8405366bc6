/* Chooses the decoder of a body's format, and finishes the batch. */
#include "ingest/decode/decode.h"

#include "ingest/decode/decode_internal.h"

static const struct {
    const char *name;
    enum ww_format format;
} types[] = {{"application/x-ndjson", WW_FORMAT_NDJSON},
             {"application/json", WW_FORMAT_JSON},
             {"application/geo+json", WW_FORMAT_GEOJSON},
             {"text/csv", WW_FORMAT_CSV},
             {"text/plain", WW_FORMAT_TEXT},
             {"application/ld+json", WW_FORMAT_NGSI_LD},
             {"application/hj212", WW_FORMAT_HJ212}};

enum ww_format ww_format_of_content_type(struct ww_str content_type) {
    const char *semicolon = content_type.len ? memchr(content_type.ptr, ';', content_type.len) : NULL;
    if (semicolon)
        content_type.len = (size_t)(semicolon - content_type.ptr);
    content_type = ww_str_trim(content_type);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (ww_str_eq_nocase(content_type, ww_str_of(types[i].name)))
            return types[i].format;
    return WW_FORMAT_AUTO;
}

struct ww_str ww_format_content_type(enum ww_format format) {
    if (format == WW_FORMAT_SENSORTHINGS)
        return WW_STR("application/json");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].format == format)
            return ww_str_of(types[i].name);
    return WW_STR("application/octet-stream");
}

/* A body that begins with a brace: a GeoJSON document names itself early; two objects in a
 * row are NDJSON, and so is a first line that breaks off; the rest is one JSON object. */
static enum ww_format guess_object(struct ww_str body) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    struct ww_error err;
    ww_json_reader_init(&r, body);
    enum ww_status st = ww_json_next(&r, &ev, &err);
    while (st == WW_OK) {
        st = ww_json_next(&r, &ev, &err);
        if (st != WW_OK || ev.type == WW_JSON_END_OBJECT)
            break;
        if (ww_str_is(ev.text, "features"))
            return WW_FORMAT_GEOJSON;
        bool is_type = ww_str_is(ev.text, "type");
        st = ww_json_next(&r, &ev, &err);
        if (st == WW_OK && is_type && ev.type == WW_JSON_STRING &&
            (ww_str_is(ev.text, "FeatureCollection") || ww_str_is(ev.text, "Feature")))
            return WW_FORMAT_GEOJSON;
        if (st == WW_OK)
            st = ww_json_skip(&r, &ev, NULL, &err);
    }
    if (st != WW_OK)
        return err.line > 1 ? WW_FORMAT_JSON : WW_FORMAT_NDJSON;
    struct ww_str rest = ww_str_trim((struct ww_str){body.ptr + r.pos, body.len - r.pos});
    return rest.len > 0 ? WW_FORMAT_NDJSON : WW_FORMAT_JSON;
}

static enum ww_format guess_format(const struct ww_feed_config *config, struct ww_str body) {
    double number;
    body = ww_str_trim(body);
    if (!config->wide && ww_str_to_double(body, &number))
        return WW_FORMAT_TEXT;
    if (body.len == 0 || (body.ptr[0] != '{' && body.ptr[0] != '['))
        return WW_FORMAT_CSV;
    if (body.ptr[0] == '[' || config->n_records > 0)
        return WW_FORMAT_JSON;
    return guess_object(body);
}

/* Several formats are all sent as application/json or text/plain: only the feed knows which it is. */
static enum ww_format choose_format(const struct ww_feed_config *config, enum ww_format format,
                                    struct ww_str body) {
    if (config->source.protocol == WW_PROTOCOL_HJ212)
        return WW_FORMAT_HJ212;
    if (config->format >= WW_FORMAT_TEXT)
        return config->format;
    /* text/plain says nothing about what is in it, and ld+json is NGSI-LD only where a feed maps that. */
    bool is_geojson = config->format == WW_FORMAT_GEOJSON && format == WW_FORMAT_JSON;
    if (format == WW_FORMAT_AUTO || format >= WW_FORMAT_TEXT || is_geojson)
        format = config->format;
    return format == WW_FORMAT_AUTO ? guess_format(config, body) : format;
}

/* A lenient body of which nothing was of the right form is refused with its first fault. */
static void refuse_unrecognised(struct decoder *d) {
    const struct ww_batch *b = d->batch;
    if (d->status != WW_OK || d->recognised || b->n_dead == 0)
        return;
    const struct ww_dead_row *first = &b->dead[0];
    d->status = ww_error_set(d->err, WW_BAD_INPUT, "%s", first->reason);
    if (!d->err)
        return;
    d->err->offset = (uint64_t)(first->raw.ptr - d->body.ptr);
    if (d->in_array) {
        ww_text_place(d->body, d->err->offset, &d->err->line, &d->err->column);
    } else {
        d->err->line = first->line;
        d->err->column = first->column;
    }
}

static void decode_as(struct decoder *d, enum ww_format format) {
    switch (format) {
    case WW_FORMAT_NDJSON:
        ww_decode_ndjson(d);
        break;
    case WW_FORMAT_JSON:
        ww_decode_json(d);
        break;
    case WW_FORMAT_GEOJSON:
        ww_decode_geojson(d);
        break;
    case WW_FORMAT_CSV:
        ww_decode_csv(d);
        break;
    case WW_FORMAT_TEXT:
        ww_decode_text(d);
        break;
    case WW_FORMAT_SENSORTHINGS:
        ww_decode_sensorthings(d);
        break;
    case WW_FORMAT_NGSI_LD:
        ww_decode_ngsi_ld(d);
        break;
    case WW_FORMAT_HJ212:
        ww_decode_hj212(d);
        break;
    case WW_FORMAT_AUTO:
        break;
    }
}

static enum ww_status decode(const struct ww_feed_config *config, enum ww_format format,
                             const struct ww_surroundings *around, struct ww_str body, uint32_t max_rows,
                             struct ww_arena *arena, struct ww_batch *out, struct ww_error *err) {
    struct ww_batch batch = {0};
    if (body.len >= 3 && memcmp(body.ptr, "\xEF\xBB\xBF", 3) == 0)
        body = (struct ww_str){body.ptr + 3, body.len - 3};
    struct decoder d = {.config = config,
                        .body = body,
                        .content_type = around->content_type,
                        .received_at_us = around->received_at_us,
                        .max_rows = max_rows,
                        .batch = &batch,
                        .arena = arena,
                        .err = err};
    enum ww_status st = ww_decoder_init(&d);
    if (st == WW_OK)
        st = ww_decoder_read_topic(&d, around->content_type);
    if (st != WW_OK)
        return st;
    if (ww_str_trim(body).len > 0) /* an empty body is fine: zero rows */
        decode_as(&d, choose_format(config, format, body));
    refuse_unrecognised(&d);
    ww_buf_clear(&d.scratch);
    if (d.status != WW_OK)
        return d.status;
    batch.n_received = (uint64_t)batch.n_rows + batch.n_dead;
    *out = batch;
    return WW_OK;
}

enum ww_status ww_decode(const struct ww_feed_config *config, enum ww_format format, struct ww_str body,
                         uint32_t max_rows, struct ww_arena *arena, struct ww_batch *out,
                         struct ww_error *err) {
    const struct ww_surroundings none = {.content_type = WW_STR_NONE};
    return decode(config, format, &none, body, max_rows, arena, out, err);
}

enum ww_status ww_decode_message(const struct ww_feed_config *config, const struct ww_surroundings *around,
                                 struct ww_str body, uint32_t max_rows, struct ww_arena *arena,
                                 struct ww_batch *out, struct ww_error *err) {
    return decode(config, ww_format_of_content_type(around->content_type), around, body, max_rows, arena, out,
                  err);
}
