/* A growing byte buffer with a ceiling stated at birth.
 *
 * Appending past the ceiling, or without memory, makes the buffer `failed`: later
 * appends do nothing and ww_buf_status says why, so writers may check once at the end.
 * `data` is always followed by a NUL that `len` does not count (when len > 0).
 *
 *   struct ww_buf out;
 *   ww_buf_init(&out, 64 << 10);
 *   ww_buf_text(&out, "stored=");
 *   ww_buf_printf(&out, "%u", n);
 *   if (ww_buf_status(&out) != WW_OK) …
 *   ww_buf_clear(&out);
 */
#ifndef WW_BASE_BUF_H
#define WW_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "geo/base/status.h"
#include "geo/base/str.h"

struct ww_buf {
    char *data;
    size_t len;
    size_t cap;
    size_t ceiling;
    enum ww_status failed; /* WW_OK, WW_TOO_LARGE or WW_NO_MEMORY */
};

void ww_buf_init(struct ww_buf *buf, size_t ceiling_bytes);
void ww_buf_clear(struct ww_buf *buf); /* frees; the buffer may be used again */
void ww_buf_reset(struct ww_buf *buf); /* empties, keeps the memory */
enum ww_status ww_buf_status(const struct ww_buf *buf) WW_MUST_CHECK;
struct ww_str ww_buf_str(const struct ww_buf *buf);

/* Room for `extra` bytes at data+len, or NULL (then failed). The caller adds to len what it wrote. */
char *ww_buf_reserve(struct ww_buf *buf, size_t extra);
void ww_buf_add(struct ww_buf *buf, const void *bytes, size_t len);
void ww_buf_str_add(struct ww_buf *buf, struct ww_str text);
void ww_buf_text(struct ww_buf *buf, const char *text);
void ww_buf_char(struct ww_buf *buf, char c);
void ww_buf_printf(struct ww_buf *buf, const char *fmt, ...) WW_PRINTF(2, 3);
/* Network byte order, for PostgreSQL's binary COPY and wire formats. */
void ww_buf_be16(struct ww_buf *buf, uint16_t v);
void ww_buf_be32(struct ww_buf *buf, uint32_t v);
void ww_buf_be64(struct ww_buf *buf, uint64_t v);
void ww_buf_be_double(struct ww_buf *buf, double v);

#endif
