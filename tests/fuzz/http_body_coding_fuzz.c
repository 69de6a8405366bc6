/* gzip and zstd bodies under any bytes. ww_link: ww_http
 *
 * The first byte chooses the coding. Whole and piecewise decoding must agree in outcome and, when
 * good, in text; the ceiling must hold in any case.
 */
#include <stdlib.h>

#include "server/http/body_coding.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

enum { CEILING = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ww_status decode(enum ww_http_coding coding, struct ww_str in, size_t step, struct ww_buf *out) {
    struct ww_http_decoder *d = ww_http_decoder_new(coding);
    enum ww_status st = WW_OK;
    ww_buf_init(out, CEILING);
    for (size_t at = 0; at < in.len && st == WW_OK; at += step) {
        size_t len = in.len - at < step ? in.len - at : step;
        st = ww_http_decoder_feed(d, (struct ww_str){in.ptr + at, len}, out, NULL);
    }
    if (st == WW_OK)
        st = ww_http_decoder_end(d, NULL);
    ww_http_decoder_free(d);
    MUST(out->len <= CEILING);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    enum ww_http_coding coding = data[0] & 1 ? WW_HTTP_GZIP : WW_HTTP_ZSTD;
    struct ww_str in = {(const char *)data + 1, size - 1};
    struct ww_buf whole, pieces;
    enum ww_status a = decode(coding, in, in.len ? in.len : 1, &whole);
    enum ww_status b = decode(coding, in, 3, &pieces);
    MUST((a == WW_OK) == (b == WW_OK));
    if (a == WW_OK)
        MUST(whole.len == pieces.len && (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
    ww_buf_clear(&whole);
    ww_buf_clear(&pieces);
    return 0;
}
