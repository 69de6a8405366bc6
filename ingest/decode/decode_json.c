/* JSON and GeoJSON documents: an array of records somewhere in one document, or one record.
 *
 * JSON: the array stands at the feed's "records" path, or is the root. GeoJSON: it is
 * "features"; a feature's properties are its fields and its Point is the place. A document
 * without the array that is one object is taken as a single record, which is also how a
 * dead row out of an array comes back.
 */
#include "ingest/decode/decode_internal.h"

typedef enum ww_status (*read_record_fn)(struct decoder *d, struct ww_json_reader *r, struct ww_error *err);

struct document {
    struct decoder *d;
    struct ww_json_reader reader;
    const struct ww_str *path;
    uint32_t n_path;
    read_record_fn read_record;
    void (*map_record)(struct decoder *d, struct ww_str raw);
    uint64_t n_records;
    bool inside; /* the last of them is not read to its end yet */
    size_t rest; /* where the last whole record ended, or the broken one begins */
    bool found;  /* the path led somewhere */
    struct ww_error err;
};

/* The text broke in or after the last record: what follows it is one dead row. */
static void broken_off(struct document *doc) {
    struct decoder *d = doc->d;
    if (d->status != WW_OK)
        return;
    if (doc->err.status != WW_BAD_INPUT) {
        ww_decoder_too_large(d, doc->err.message);
        return;
    }
    if (d->config->strict || !d->recognised) {
        d->status = WW_BAD_INPUT;
        if (d->err)
            *d->err = doc->err;
        return;
    }
    d->line = doc->inside ? doc->n_records : doc->n_records + 1;
    d->raw = (struct ww_str){d->body.ptr + doc->rest, d->body.len - doc->rest};
    ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "line %llu, column %llu: %.100s",
                    (unsigned long long)doc->err.line, (unsigned long long)doc->err.column, doc->err.message);
}

/* After the OBJECT event of a record at `start`. */
static enum ww_status take_record(struct document *doc, size_t start) {
    struct decoder *d = doc->d;
    doc->rest = start;
    doc->inside = true;
    ww_record_begin(d, ++doc->n_records);
    enum ww_status st = doc->read_record(d, &doc->reader, &doc->err);
    if (st != WW_OK)
        return st;
    doc->rest = doc->reader.pos;
    doc->inside = false;
    doc->map_record(d, (struct ww_str){d->body.ptr + start, doc->reader.pos - start});
    return WW_OK;
}

static enum ww_status refuse_record(struct document *doc, const struct ww_json_event *ev) {
    struct decoder *d = doc->d;
    struct ww_str span;
    enum ww_status st = ww_json_skip(&doc->reader, ev, &span, &doc->err);
    if (st != WW_OK)
        return st;
    ww_record_begin(d, ++doc->n_records);
    d->raw = span;
    doc->rest = doc->reader.pos;
    ww_decoder_dead(d, WW_STR_NONE, span.ptr, WW_STR_NONE, "the record is not a JSON object");
    return WW_OK;
}

/* The value at the end of the path: an array of records, or one. */
static enum ww_status take_records(struct document *doc, const struct ww_json_event *at) {
    struct ww_json_event ev = *at;
    doc->found = true;
    if (ev.type == WW_JSON_OBJECT)
        return take_record(doc, ev.offset);
    if (ev.type != WW_JSON_ARRAY)
        return refuse_record(doc, &ev);
    while (doc->d->status == WW_OK) {
        enum ww_status st = ww_json_next(&doc->reader, &ev, &doc->err);
        if (st != WW_OK || ev.type == WW_JSON_END_ARRAY)
            return st;
        st = ev.type == WW_JSON_OBJECT ? take_record(doc, ev.offset) : refuse_record(doc, &ev);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

/* After an OBJECT event: goes down the path from step `step` on and passes over all else. */
static enum ww_status walk(struct document *doc, uint32_t step) {
    while (doc->d->status == WW_OK) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&doc->reader, &ev, &doc->err);
        if (st != WW_OK || ev.type == WW_JSON_END_OBJECT)
            return st;
        if (!ww_str_eq(ev.text, doc->path[step])) {
            st = ww_json_skip(&doc->reader, &ev, NULL, &doc->err);
        } else {
            st = ww_json_next(&doc->reader, &ev, &doc->err);
            if (st == WW_OK && step + 1 == doc->n_path)
                st = take_records(doc, &ev);
            else if (st == WW_OK && ev.type == WW_JSON_OBJECT)
                st = walk(doc, step + 1);
            else if (st == WW_OK)
                st = ww_json_skip(&doc->reader, &ev, NULL, &doc->err);
        }
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

static enum ww_status read_to_end(struct document *doc) {
    struct ww_json_event ev = {.type = WW_JSON_NULL};
    enum ww_status st = WW_OK;
    while (st == WW_OK && ev.type != WW_JSON_END && doc->d->status == WW_OK)
        st = ww_json_next(&doc->reader, &ev, &doc->err);
    return st;
}

/* The path led nowhere: the root object itself is the record, if it holds anything wanted. */
static enum ww_status take_root(struct document *doc, const struct ww_json_reader *inside, size_t start) {
    struct decoder *d = doc->d;
    doc->reader = *inside;
    ww_record_begin(d, ++doc->n_records);
    enum ww_status st = doc->read_record(d, &doc->reader, &doc->err);
    if (st != WW_OK)
        return st;
    if (!d->any_cell && d->geometry == GEOMETRY_NONE && doc->map_record == ww_record_map) {
        const struct ww_str last = doc->path[doc->n_path - 1];
        d->status = ww_error_set(d->err, WW_BAD_INPUT, "the document has no records at \"%.*s\"",
                                 (int)(last.len > 64 ? 64 : last.len), last.ptr);
        return WW_OK;
    }
    doc->rest = doc->reader.pos;
    doc->map_record(d, (struct ww_str){d->body.ptr + start, doc->reader.pos - start});
    return WW_OK;
}

static void decode_document(struct document *doc) {
    struct decoder *d = doc->d;
    struct ww_json_event ev;
    d->in_array = true;
    ww_json_reader_init(&doc->reader, d->body);
    enum ww_status st = ww_json_next(&doc->reader, &ev, &doc->err);
    if (st == WW_OK && ev.type != WW_JSON_ARRAY && ev.type != WW_JSON_OBJECT) {
        d->status = ww_error_set(d->err, WW_BAD_INPUT, "the document is neither an object nor an array");
        return;
    }
    const struct ww_json_reader inside = doc->reader;
    if (st == WW_OK)
        st = ev.type == WW_JSON_OBJECT && doc->n_path > 0 ? walk(doc, 0) : take_records(doc, &ev);
    if (st == WW_OK && !doc->found)
        st = take_root(doc, &inside, ev.offset);
    if (st == WW_OK)
        st = read_to_end(doc);
    if (st != WW_OK)
        broken_off(doc);
}

void ww_decode_json(struct decoder *d) {
    struct document doc = {.d = d,
                           .path = d->config->records,
                           .n_path = d->config->n_records,
                           .read_record = ww_json_fields,
                           .map_record = ww_record_map};
    decode_document(&doc);
}

/* After the OBJECT event of a record: passes over it. */
static enum ww_status pass_record(struct decoder *d, struct ww_json_reader *r, struct ww_error *err) {
    const struct ww_json_event ev = {.type = WW_JSON_OBJECT};
    (void)d;
    return ww_json_skip(r, &ev, NULL, err);
}

void ww_decode_records(struct decoder *d, const struct ww_str *path, uint32_t n_path,
                       void (*map)(struct decoder *d, struct ww_str raw)) {
    struct document doc = {
        .d = d, .path = path, .n_path = n_path, .read_record = pass_record, .map_record = map};
    decode_document(&doc);
}

/* ---- GeoJSON (RFC 7946) ---- */

/* After the ARRAY event of "coordinates": the first two numbers; `*n` is 0 when they are none. */
static enum ww_status read_position(struct ww_json_reader *r, double xy[2], unsigned *n,
                                    struct ww_error *err) {
    bool good = true;
    *n = 0;
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(r, &ev, err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY) {
            *n = good ? *n : 0;
            return WW_OK;
        }
        if (ev.type != WW_JSON_NUMBER || (*n < 2 && !ww_str_to_double(ev.text, &xy[*n])))
            good = false;
        else if (*n < 2)
            ++*n;
        if ((st = ww_json_skip(r, &ev, NULL, err)) != WW_OK)
            return st;
    }
}

enum ww_status ww_json_geometry(struct decoder *d, struct ww_json_reader *r, struct ww_error *err) {
    bool is_point = false;
    unsigned n = 0;
    double xy[2] = {0, 0};
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(r, &ev, err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_OBJECT)
            break;
        struct ww_str key = ev.text;
        if ((st = ww_json_next(r, &ev, err)) != WW_OK)
            return st;
        if (ww_str_is(key, "type") && ev.type == WW_JSON_STRING)
            is_point = ww_str_is(ev.text, "Point");
        if (ww_str_is(key, "coordinates") && ev.type == WW_JSON_ARRAY)
            st = read_position(r, xy, &n, err);
        else
            st = ww_json_skip(r, &ev, NULL, err);
        if (st != WW_OK)
            return st;
    }
    d->geometry = !is_point ? GEOMETRY_OTHER : n < 2 ? GEOMETRY_BROKEN : GEOMETRY_POINT;
    d->point = (struct ww_raw_place){.x = xy[0], .y = xy[1]};
    return WW_OK;
}

/* After the OBJECT event of a Feature. */
static enum ww_status read_feature(struct decoder *d, struct ww_json_reader *r, struct ww_error *err) {
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(r, &ev, err);
        if (st != WW_OK || ev.type == WW_JSON_END_OBJECT)
            return st;
        struct ww_str key = ev.text;
        if ((st = ww_json_next(r, &ev, err)) != WW_OK)
            return st;
        bool is_geometry = ww_str_is(key, "geometry");
        if (ev.type == WW_JSON_OBJECT && ww_str_is(key, "properties"))
            st = ww_json_fields(d, r, err);
        else if (ev.type == WW_JSON_OBJECT && is_geometry)
            st = ww_json_geometry(d, r, err);
        else
            st = ww_json_skip(r, &ev, NULL, err);
        if (is_geometry && ev.type != WW_JSON_OBJECT && ev.type != WW_JSON_NULL)
            d->geometry = GEOMETRY_BROKEN;
        if (st != WW_OK)
            return st;
    }
}

void ww_decode_geojson(struct decoder *d) {
    static const struct ww_str features = {"features", 8};
    struct document doc = {
        .d = d, .path = &features, .n_path = 1, .read_record = read_feature, .map_record = ww_record_map};
    decode_document(&doc);
}
