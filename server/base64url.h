/* Base64 with the URL's alphabet and no padding (RFC 4648, section 5): tokens and cursors. */
#ifndef WW_SERVER_BASE64URL_H
#define WW_SERVER_BASE64URL_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

/* Room for the text of n bytes, with its NUL. */
#define WW_BASE64URL_ROOM(n) (((n) + 2) / 3 * 4 + 1)

/* Writes text and NUL; returns the length. */
size_t ww_base64url_write(const void *bytes, size_t len, char *out);
/* WW_BAD_INPUT for anything but what ww_base64url_write writes, WW_NO_MEMORY when the arena is full. */
enum ww_status ww_base64url_read(struct ww_arena *arena, struct ww_str text,
                                 struct ww_str *out) WW_MUST_CHECK;

#endif
