/* Writes JSON into a buffer; commas and colons place themselves.
 *
 *   struct ww_json w;
 *   ww_json_init(&w, &buf);
 *   ww_json_object(&w);
 *   ww_json_key(&w, "stored"); ww_json_int(&w, 3);
 *   ww_json_end_object(&w);                      // {"stored":3}
 *
 * Depth is limited to 64 (asserted). Text that is not UTF-8 is written with U+FFFD.
 * Doubles are written with the fewest digits that read back the same; NaN and infinity as null.
 */
#ifndef WW_BASE_JSON_WRITER_H
#define WW_BASE_JSON_WRITER_H

#include "geo/base/buf.h"

struct ww_json {
    struct ww_buf *out;
    uint64_t has_item; /* one bit a depth: a comma is due */
    unsigned depth;
    int after_key;
};

void ww_json_init(struct ww_json *w, struct ww_buf *out);
void ww_json_object(struct ww_json *w);
void ww_json_end_object(struct ww_json *w);
void ww_json_array(struct ww_json *w);
void ww_json_end_array(struct ww_json *w);
void ww_json_key(struct ww_json *w, const char *key);
void ww_json_key_str(struct ww_json *w, struct ww_str key);
void ww_json_str(struct ww_json *w, struct ww_str text);
void ww_json_text(struct ww_json *w, const char *text); /* NULL writes null */
void ww_json_int(struct ww_json *w, int64_t v);
void ww_json_double(struct ww_json *w, double v);
void ww_json_bool(struct ww_json *w, int v);
void ww_json_null(struct ww_json *w);
void ww_json_raw(struct ww_json *w, struct ww_str json); /* already JSON, taken as it is */
/* The shortest decimal text that reads back as `v`; returns its length (< 32). */
int ww_double_text(double v, char out[32]);

#endif
