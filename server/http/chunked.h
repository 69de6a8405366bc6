/* Takes the chunked transfer coding (RFC 9112 section 7.1) off a body, without a socket.
 *
 * The payload comes out as views into what was fed in; nothing is copied or allocated.
 *
 *   struct ww_http_chunked c;
 *   ww_http_chunked_init(&c);
 *   while (in.len && (r = ww_http_chunked_feed(&c, in, &used, &data)) == WW_HTTP_MORE) {
 *       take(data);                 // may be empty
 *       in.ptr += used, in.len -= used;
 *   }
 *
 * After WW_HTTP_DONE the bytes from `used` on belong to the next request.
 */
#ifndef WW_SERVER_HTTP_CHUNKED_H
#define WW_SERVER_HTTP_CHUNKED_H

#include "server/http/head_parser.h"

struct ww_http_chunked {
    int state;
    int digits;             /* of this chunk's size */
    uint64_t left;          /* of this chunk's data */
    size_t extension_bytes; /* of all chunks */
    size_t trailer_bytes;
    int trailer_fields;
    const char *refused_why;
};

void ww_http_chunked_init(struct ww_http_chunked *c);
enum ww_http_parse ww_http_chunked_feed(struct ww_http_chunked *c, struct ww_str in, size_t *used,
                                        struct ww_str *data) WW_MUST_CHECK;

#endif
