/* Content codings: gzip and zstd bodies in, gzip answers out.
 *
 * A decoder writes into a ww_buf whose ceiling is the body's: a bomb ends there with WW_TOO_LARGE
 * and never holds more than the ceiling plus the coding's own window (zstd: at most 8 MiB,
 * RFC 9659).
 *
 *   struct ww_http_decoder *d = ww_http_decoder_new(WW_HTTP_GZIP);
 *   st = ww_http_decoder_feed(d, bytes, &body, &err);   // any number of pieces
 *   st = ww_http_decoder_end(d, &err);                  // WW_BAD_INPUT when cut short
 *   ww_http_decoder_free(d);
 */
#ifndef WW_SERVER_HTTP_BODY_CODING_H
#define WW_SERVER_HTTP_BODY_CODING_H

#include "geo/base/buf.h"

enum ww_http_coding { WW_HTTP_IDENTITY, WW_HTTP_GZIP, WW_HTTP_ZSTD, WW_HTTP_CODING_UNKNOWN };

/* Of a Content-Encoding value; "" is identity, lists are unknown. */
enum ww_http_coding ww_http_coding_of(struct ww_str value);

struct ww_http_decoder;

struct ww_http_decoder *ww_http_decoder_new(enum ww_http_coding coding); /* NULL: no memory */
void ww_http_decoder_free(struct ww_http_decoder *d);                    /* NULL is allowed */
enum ww_status ww_http_decoder_feed(struct ww_http_decoder *d, struct ww_str in, struct ww_buf *out,
                                    struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_http_decoder_end(const struct ww_http_decoder *d, struct ww_error *err) WW_MUST_CHECK;

/* One gzip member of `in`, appended to `out`. */
enum ww_status ww_http_gzip(struct ww_str in, struct ww_buf *out) WW_MUST_CHECK;

/* A gzip member that is made while it is sent: each feed appends what is ready by then; the last one ends it.
 */
struct ww_http_encoder;
struct ww_http_encoder *ww_http_encoder_new(void);    /* NULL: no memory */
void ww_http_encoder_free(struct ww_http_encoder *e); /* NULL is allowed */
enum ww_status ww_http_encoder_feed(struct ww_http_encoder *e, struct ww_str in, bool last,
                                    struct ww_buf *out) WW_MUST_CHECK;
/* An Accept-Encoding value accepts gzip (named with q > 0, or "*" with q > 0 and gzip not named). */
bool ww_http_accepts_gzip(struct ww_str accept_encoding);

#endif
