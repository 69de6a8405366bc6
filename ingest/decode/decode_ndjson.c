/* NDJSON: one JSON object a line; a broken line harms no other. Blank lines are passed over. */
#include "ingest/decode/decode_internal.h"

static void decode_line(struct decoder *d, struct ww_str text, uint64_t line) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    struct ww_error err;
    ww_json_reader_init(&r, text);
    ww_record_begin(d, line);
    enum ww_status st = ww_json_next(&r, &ev, &err);
    if (st == WW_OK && ev.type != WW_JSON_OBJECT) {
        d->raw = text;
        ww_decoder_dead(d, WW_STR_NONE, text.ptr + ev.offset, WW_STR_NONE, "the line is not a JSON object");
        return;
    }
    if (st == WW_OK)
        st = ww_json_fields(d, &r, &err);
    if (st == WW_OK)
        st = ww_json_next(&r, &ev, &err); /* only the end may follow */
    if (st == WW_OK) {
        ww_record_map(d, text);
    } else if (st == WW_BAD_INPUT) {
        d->raw = text;
        ww_decoder_dead(d, WW_STR_NONE, text.ptr + err.offset, WW_STR_NONE, "%.150s", err.message);
    } else {
        ww_decoder_too_large(d, err.message);
    }
}

static bool is_blank(struct ww_str text) {
    return ww_str_trim(text).len == 0;
}

void ww_decode_ndjson(struct decoder *d) {
    const char *p = d->body.ptr, *end = p + d->body.len;
    for (uint64_t line = 1; p < end && d->status == WW_OK; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        struct ww_str text = {p, (size_t)(stop - p)};
        if (text.len > 0 && text.ptr[text.len - 1] == '\r')
            text.len--;
        if (!is_blank(text))
            decode_line(d, text, line);
        p = newline ? newline + 1 : end;
    }
}
