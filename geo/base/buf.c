/* The growing buffer: doubles until its ceiling, then fails and stays failed. */
#include "geo/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/alloc.h"

void ww_buf_init(struct ww_buf *buf, size_t ceiling_bytes) {
    memset(buf, 0, sizeof *buf);
    buf->ceiling = ceiling_bytes;
}

void ww_buf_clear(struct ww_buf *buf) {
    ww_free(buf->data);
    ww_buf_init(buf, buf->ceiling);
}

void ww_buf_reset(struct ww_buf *buf) {
    buf->len = 0;
    buf->failed = WW_OK;
}

enum ww_status ww_buf_status(const struct ww_buf *buf) {
    return buf->failed;
}

struct ww_str ww_buf_str(const struct ww_buf *buf) {
    return (struct ww_str){buf->data, buf->len};
}

char *ww_buf_reserve(struct ww_buf *buf, size_t extra) {
    if (buf->failed)
        return NULL;
    if (extra > buf->ceiling - buf->len) {
        buf->failed = WW_TOO_LARGE;
        return NULL;
    }
    size_t need = buf->len + extra + 1; /* one for the NUL */
    if (need > buf->cap) {
        size_t cap = buf->cap < 256 ? 256 : buf->cap * 2;
        if (cap > buf->ceiling + 1)
            cap = buf->ceiling + 1;
        if (cap < need)
            cap = need;
        char *data = ww_try_realloc(buf->data, cap);
        if (!data) {
            buf->failed = WW_NO_MEMORY;
            return NULL;
        }
        buf->data = data;
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void ww_buf_add(struct ww_buf *buf, const void *bytes, size_t len) {
    char *to = ww_buf_reserve(buf, len);
    if (!to)
        return;
    if (len > 0)
        memcpy(to, bytes, len);
    to[len] = '\0';
    buf->len += len;
}

void ww_buf_str_add(struct ww_buf *buf, struct ww_str text) {
    ww_buf_add(buf, text.ptr, text.len);
}

void ww_buf_text(struct ww_buf *buf, const char *text) {
    ww_buf_add(buf, text, strlen(text));
}

void ww_buf_char(struct ww_buf *buf, char c) {
    ww_buf_add(buf, &c, 1);
}

void ww_buf_printf(struct ww_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, args);
    if (n >= 0 && (size_t)n < sizeof small) {
        ww_buf_add(buf, small, (size_t)n);
    } else if (n >= 0) {
        char *to = ww_buf_reserve(buf, (size_t)n);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            buf->len += (size_t)n;
        }
    }
    va_end(again);
    va_end(args);
}

void ww_buf_be16(struct ww_buf *buf, uint16_t v) {
    v = __builtin_bswap16(v);
    ww_buf_add(buf, &v, sizeof v);
}

void ww_buf_be32(struct ww_buf *buf, uint32_t v) {
    v = __builtin_bswap32(v);
    ww_buf_add(buf, &v, sizeof v);
}

void ww_buf_be64(struct ww_buf *buf, uint64_t v) {
    v = __builtin_bswap64(v);
    ww_buf_add(buf, &v, sizeof v);
}

void ww_buf_be_double(struct ww_buf *buf, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    ww_buf_be64(buf, bits);
}
