/* The chunked coding under any bytes in any pieces. ww_link: ww_http
 *
 * Whole, piecewise and a plain recursive-free oracle must agree: the oracle finds each size line with memchr
 * and knows nothing of states. It is asked only about bodies without extensions and trailers.
 */
#include <stdlib.h>

#include "server/http/chunked.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum ww_http_parse result;
    size_t used, len;
    char *payload;
};

static struct outcome decode(struct ww_str in, size_t step) {
    struct ww_http_chunked c;
    struct outcome o = {WW_HTTP_MORE, 0, 0, malloc(in.len + 1)};
    ww_http_chunked_init(&c);
    while (o.used < in.len && o.result == WW_HTTP_MORE) {
        size_t used, len = in.len - o.used < step ? in.len - o.used : step;
        struct ww_str out;
        o.result = ww_http_chunked_feed(&c, (struct ww_str){in.ptr + o.used, len}, &used, &out);
        MUST(used > 0 && used <= len && out.len <= used);
        if (out.len)
            memcpy(o.payload + o.len, out.ptr, out.len);
        o.len += out.len;
        o.used += used;
    }
    return o;
}

/* True when `in` begins with a complete plain body; then its payload and length are given. */
static bool oracle(struct ww_str in, struct outcome *o) {
    size_t at = 0;
    *o = (struct outcome){WW_HTTP_DONE, 0, 0, malloc(in.len + 1)};
    for (;;) {
        size_t digits = 0;
        unsigned long long n = 0;
        while (at + digits < in.len && digits < 9 && in.ptr[at + digits] &&
               strchr("0123456789abcdefABCDEF", in.ptr[at + digits]))
            digits++;
        if (digits < 1 || digits > 8)
            return false;
        char text[9] = {0};
        memcpy(text, in.ptr + at, digits);
        n = strtoull(text, NULL, 16);
        at += digits;
        if (in.len - at < 2 || memcmp(in.ptr + at, "\r\n", 2) != 0)
            return false;
        at += 2;
        if (in.len - at < n + 2 || memcmp(in.ptr + at + n, "\r\n", 2) != 0)
            return false;
        memcpy(o->payload + o->len, in.ptr + at, n);
        o->len += n;
        at += n + 2;
        if (n == 0) {
            o->used = at;
            return true;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_str in = {(const char *)data, size};
    struct outcome plain, whole = decode(in, size ? size : 1);
    for (size_t step = 1; step <= 4; step += 3) {
        struct outcome pieces = decode(in, step);
        MUST(pieces.result == whole.result && pieces.used == whole.used && pieces.len == whole.len);
        MUST(memcmp(pieces.payload, whole.payload, whole.len) == 0);
        free(pieces.payload);
    }
    if (oracle(in, &plain)) {
        MUST(whole.result == WW_HTTP_DONE && whole.used == plain.used && whole.len == plain.len);
        MUST(memcmp(plain.payload, whole.payload, whole.len) == 0);
    } else if (whole.result == WW_HTTP_DONE) {
        /* Taken though not plain: then it has an extension or a trailer. */
        MUST(memchr(in.ptr, ';', whole.used) || memchr(in.ptr, ':', whole.used));
    }
    free(plain.payload);
    free(whole.payload);
    return 0;
}
