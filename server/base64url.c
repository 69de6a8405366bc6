/* Base64 with the URL's alphabet: 3 bytes are 4 letters of 6 bits each. */
#include "server/base64url.h"

static const char letters[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t ww_base64url_write(const void *bytes, size_t len, char *out) {
    const unsigned char *in = bytes;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        for (size_t k = 0; k <= left; k++)
            out[n++] = letters[group >> (18 - 6 * k) & 63];
    }
    out[n] = '\0';
    return n;
}

static int letter_value(char c) {
    const char *at = c ? memchr(letters, c, 64) : NULL;
    return at ? (int)(at - letters) : -1;
}

enum ww_status ww_base64url_read(struct ww_arena *arena, struct ww_str text, struct ww_str *out) {
    if (text.len % 4 == 1)
        return WW_BAD_INPUT;
    char *bytes = ww_arena_alloc(arena, text.len / 4 * 3 + 3);
    if (!bytes)
        return WW_NO_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t left = text.len - i < 4 ? text.len - i : 4;
        uint32_t group = 0;
        for (size_t k = 0; k < left; k++) {
            int value = letter_value(text.ptr[i + k]);
            if (value < 0)
                return WW_BAD_INPUT;
            group |= (uint32_t)value << (18 - 6 * k);
        }
        /* Bits that stand for nothing must be 0, so that each value has one text only. */
        if ((left == 2 && (group & 0xffff)) || (left == 3 && (group & 0xff)))
            return WW_BAD_INPUT;
        for (size_t k = 0; k + 1 < left; k++)
            bytes[n++] = (char)(group >> (16 - 8 * k) & 0xff);
    }
    *out = (struct ww_str){bytes, n};
    return WW_OK;
}
