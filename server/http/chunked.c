/* The chunked transfer coding, as strict as the head: CRLF only, hex digits only.
 *
 * A chunk is  SIZE [;extension] CRLF data CRLF ; size 0 ends the data, then come trailers and an
 * empty line:   4 CRLF wiki CRLF 0 CRLF CRLF   is "wiki". Extensions mean nothing to us and trailers are
 * dropped, but both are read strictly and cost their sender something: together they may not exceed a few
 * KiB.
 */
#include "server/http/chunked.h"

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_LINE,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    REFUSED
};

#define MAX_DIGITS          8 /* 4 GiB a chunk: far above any body ceiling, far below overflow */
#define MAX_EXTENSION_BYTES 1024
#define MAX_TRAILER_BYTES   4096
#define MAX_TRAILER_FIELDS  20

void ww_http_chunked_init(struct ww_http_chunked *c) {
    memset(c, 0, sizeof *c);
    c->state = SIZE;
}

static enum ww_http_parse refuse(struct ww_http_chunked *c, const char *why) {
    c->state = REFUSED;
    c->refused_why = why;
    return WW_HTTP_REFUSED;
}

static int hex_digit(unsigned char b) {
    if (b >= '0' && b <= '9')
        return b - '0';
    if (b >= 'a' && b <= 'f')
        return b - 'a' + 10;
    if (b >= 'A' && b <= 'F')
        return b - 'A' + 10;
    return -1;
}

static enum ww_http_parse size_byte(struct ww_http_chunked *c, unsigned char b) {
    int digit = hex_digit(b);
    if (digit >= 0) {
        if (++c->digits > MAX_DIGITS)
            return refuse(c, "a chunk size has too many digits");
        c->left = c->left << 4 | (unsigned)digit;
    } else if (c->digits == 0) {
        return refuse(c, "a chunk size is not a hexadecimal number");
    } else if (b == '\r') {
        c->state = SIZE_LF;
    } else if (b == ';') {
        c->state = EXTENSION;
    } else {
        return refuse(c, "a chunk size is followed by something else than CRLF");
    }
    return WW_HTTP_MORE;
}

static enum ww_http_parse frame_byte(struct ww_http_chunked *c, unsigned char b) {
    switch (c->state) {
    case SIZE:
        return size_byte(c, b);
    case EXTENSION:
        if (b == '\r')
            c->state = SIZE_LF;
        else if (!ww_http_is_value_byte(b))
            return refuse(c, "a chunk extension holds a control byte");
        else if (++c->extension_bytes > MAX_EXTENSION_BYTES)
            return refuse(c, "the chunk extensions are too long");
        return WW_HTTP_MORE;
    case SIZE_LF:
        if (b != '\n')
            return refuse(c, "a chunk size is not ended by CRLF");
        c->state = c->left ? DATA : TRAILER_LINE;
        return WW_HTTP_MORE;
    case DATA_CR:
        if (b != '\r')
            return refuse(c, "a chunk is longer than its size says");
        c->state = DATA_LF;
        return WW_HTTP_MORE;
    default: /* DATA_LF */
        if (b != '\n')
            return refuse(c, "a chunk is not ended by CRLF");
        c->state = SIZE;
        c->digits = 0;
        c->left = 0;
        return WW_HTTP_MORE;
    }
}

static enum ww_http_parse trailer_byte(struct ww_http_chunked *c, unsigned char b) {
    if (++c->trailer_bytes > MAX_TRAILER_BYTES)
        return refuse(c, "the trailers are too long");
    switch (c->state) {
    case TRAILER_LINE:
        if (b == '\r') {
            c->state = END_LF;
            return WW_HTTP_MORE;
        }
        if (++c->trailer_fields > MAX_TRAILER_FIELDS)
            return refuse(c, "there are too many trailers");
        c->state = TRAILER_NAME;
        return ww_http_is_token_byte(b) ? WW_HTTP_MORE : refuse(c, "a trailer's name is malformed");
    case TRAILER_NAME:
        if (b == ':')
            c->state = TRAILER_VALUE;
        else if (!ww_http_is_token_byte(b))
            return refuse(c, "a trailer's name is malformed");
        return WW_HTTP_MORE;
    case TRAILER_VALUE:
        if (b == '\r')
            c->state = TRAILER_LF;
        else if (!ww_http_is_value_byte(b))
            return refuse(c, "a trailer's value holds a control byte");
        return WW_HTTP_MORE;
    case TRAILER_LF:
        if (b != '\n')
            return refuse(c, "a trailer is not ended by CRLF");
        c->state = TRAILER_LINE;
        return WW_HTTP_MORE;
    default: /* END_LF */
        if (b != '\n')
            return refuse(c, "the trailers are not ended by CRLF");
        c->state = DONE;
        return WW_HTTP_DONE;
    }
}

enum ww_http_parse ww_http_chunked_feed(struct ww_http_chunked *c, struct ww_str in, size_t *used,
                                        struct ww_str *data) {
    *data = WW_STR_NONE;
    *used = 0;
    if (c->state == DONE)
        return WW_HTTP_DONE;
    if (c->state == REFUSED)
        return WW_HTTP_REFUSED;
    for (size_t i = 0; i < in.len; i++) {
        if (c->state == DATA) {
            size_t len = in.len - i < c->left ? in.len - i : (size_t)c->left;
            *data = (struct ww_str){in.ptr + i, len};
            *used = i + len;
            c->left -= len;
            if (c->left == 0)
                c->state = DATA_CR;
            return WW_HTTP_MORE;
        }
        unsigned char b = (unsigned char)in.ptr[i];
        *used = i + 1;
        enum ww_http_parse result = c->state < TRAILER_LINE ? frame_byte(c, b) : trailer_byte(c, b);
        if (result != WW_HTTP_MORE)
            return result;
    }
    return WW_HTTP_MORE;
}
