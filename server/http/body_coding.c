/* gzip (RFC 1952) through zlib and zstd (RFC 8878) through libzstd, both as bounded streams.
 *
 * Both formats allow several members (frames) one after another; a decoder is therefore "between
 * members" or inside one, and only the first is a good place to end. Output is produced in steps
 * of at most STEP bytes, so that a few wire bytes never make a large allocation at once.
 */
#include "server/http/body_coding.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>

#include "geo/base/alloc.h"
#include "server/http/head_parser.h"

#define STEP ((size_t)64 << 10)
/* Above this size the fastest gzip level is used: the loop must not stand still. */
#define FAST_ABOVE ((size_t)64 << 10)

#define MAGIC_LEN      4
#define FRAME_HEAD_MAX 18 /* magic 4, descriptor 1, window 1, dictionary 4, content size 8 */

struct ww_http_decoder {
    enum ww_http_coding coding;
    bool between; /* members */
    z_stream z;
    ZSTD_DStream *zstd;
    /* The frame that is being read: its first bytes, and what it has decoded to so far. */
    unsigned char frame_head[FRAME_HEAD_MAX];
    size_t frame_head_len;
    uint64_t frame_made;
};

enum ww_http_coding ww_http_coding_of(struct ww_str value) {
    if (value.len == 0 || ww_str_eq_nocase(value, WW_STR("identity")))
        return WW_HTTP_IDENTITY;
    if (ww_str_eq_nocase(value, WW_STR("gzip")) || ww_str_eq_nocase(value, WW_STR("x-gzip")))
        return WW_HTTP_GZIP;
    if (ww_str_eq_nocase(value, WW_STR("zstd")))
        return WW_HTTP_ZSTD;
    return WW_HTTP_CODING_UNKNOWN;
}

struct ww_http_decoder *ww_http_decoder_new(enum ww_http_coding coding) {
    struct ww_http_decoder *d = ww_try_calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->coding = coding;
    d->between = true;
    if (coding == WW_HTTP_GZIP) {
        if (inflateInit2(&d->z, 15 + 16) == Z_OK) /* 15: largest window; 16: gzip only */
            return d;
    } else if (coding == WW_HTTP_ZSTD) {
        d->zstd = ZSTD_createDStream();
        if (d->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, 23)))
            return d;
    }
    ww_http_decoder_free(d);
    return NULL;
}

void ww_http_decoder_free(struct ww_http_decoder *d) {
    if (!d)
        return;
    if (d->coding == WW_HTTP_GZIP)
        inflateEnd(&d->z);
    ZSTD_freeDStream(d->zstd);
    ww_free(d);
}

/* Room to decode into: the body's own, or, when that is full, one byte that must stay unused. */
static enum ww_status find_room(struct ww_buf *out, char *spare, char **to, size_t *room,
                                struct ww_error *err) {
    size_t left = out->ceiling - out->len;
    if (left == 0) {
        *to = spare;
        *room = 1;
        return WW_OK;
    }
    *room = left < STEP ? left : STEP;
    *to = ww_buf_reserve(out, *room);
    if (!*to)
        return ww_error_set(err, WW_NO_MEMORY, "the server is short of memory");
    return WW_OK;
}

static enum ww_status took_room(struct ww_buf *out, const char *to, const char *spare, size_t made,
                                struct ww_error *err) {
    if (to == spare && made)
        return ww_error_set(err, WW_TOO_LARGE, "the body decodes to more than %zu bytes", out->ceiling);
    out->len += made;
    return WW_OK;
}

static enum ww_status feed_gzip(struct ww_http_decoder *d, struct ww_str in, struct ww_buf *out,
                                struct ww_error *err) {
    union {
        const char *in;
        Bytef *z;
    } cast = {.in = in.ptr}; /* zlib's next_in is not const, though it is only read */
    d->z.next_in = cast.z;
    d->z.avail_in = (uInt)in.len;
    bool full; /* zlib may hold more output than there was room for */
    do {
        char spare, *to;
        size_t room;
        if (d->between && d->z.avail_in == 0)
            return WW_OK;
        enum ww_status st = find_room(out, &spare, &to, &room, err);
        if (st != WW_OK)
            return st;
        d->z.next_out = (Bytef *)to;
        d->z.avail_out = (uInt)room;
        d->between = false;
        int rc = inflate(&d->z, Z_NO_FLUSH);
        full = d->z.avail_out == 0;
        st = took_room(out, to, &spare, room - d->z.avail_out, err);
        if (st != WW_OK)
            return st;
        if (rc == Z_STREAM_END) {
            d->between = true;
            rc = inflateReset(&d->z);
        }
        if (rc == Z_MEM_ERROR)
            return ww_error_set(err, WW_NO_MEMORY, "the server is short of memory");
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return ww_error_set(err, WW_BAD_INPUT, "the body is not valid gzip");
    } while (d->z.avail_in || full);
    return WW_OK;
}

/* libzstd checks a frame's stated content size only when it gets the whole frame at once; we always
 * do, so that the outcome does not depend on how the bytes arrived. */
static bool frame_is_true(const struct ww_http_decoder *d) {
    unsigned long long stated = ZSTD_getFrameContentSize(d->frame_head, d->frame_head_len);
    return stated == ZSTD_CONTENTSIZE_UNKNOWN || stated == d->frame_made;
}

static void keep_frame_head(struct ww_http_decoder *d, const char *bytes, size_t len) {
    size_t room = FRAME_HEAD_MAX - d->frame_head_len;
    size_t keep = len < room ? len : room;
    memcpy(d->frame_head + d->frame_head_len, bytes, keep);
    d->frame_head_len += keep;
}

/* A frame of RFC 8878 or a skippable one. libzstd may also read its formats from before the
 * standard: more code that an outsider could reach, and nobody sends them. */
static bool magic_is_known(const unsigned char *m) {
    bool standard = m[0] == 0x28 && m[1] == 0xb5 && m[2] == 0x2f && m[3] == 0xfd;
    bool skippable = (m[0] & 0xf0) == 0x50 && m[1] == 0x2a && m[2] == 0x4d && m[3] == 0x18;
    return standard || skippable;
}

/* Decodes up to the end of the frame or of the input; *used says how far it came. */
static enum ww_status run_zstd(struct ww_http_decoder *d, struct ww_str in, size_t *used, struct ww_buf *out,
                               struct ww_error *err) {
    ZSTD_inBuffer input = {in.ptr, in.len, 0};
    bool full;
    do {
        char spare, *to;
        size_t room;
        enum ww_status st = find_room(out, &spare, &to, &room, err);
        if (st != WW_OK)
            return st;
        ZSTD_outBuffer output = {to, room, 0};
        size_t rc = ZSTD_decompressStream(d->zstd, &output, &input);
        if (ZSTD_isError(rc))
            return ww_error_set(err, WW_BAD_INPUT,
                                "the body is not valid zstd with a window of at most 8 MiB");
        full = output.pos == output.size;
        st = took_room(out, to, &spare, output.pos, err);
        if (st != WW_OK)
            return st;
        d->frame_made += output.pos;
        d->between = rc == 0;
    } while (!d->between && (input.pos < input.size || full));
    *used = input.pos;
    return WW_OK;
}

static enum ww_status feed_zstd(struct ww_http_decoder *d, struct ww_str in, struct ww_buf *out,
                                struct ww_error *err) {
    while (in.len > 0) {
        size_t used;
        enum ww_status st = WW_OK;
        if (d->between) {
            d->between = false;
            d->frame_head_len = 0;
            d->frame_made = 0;
        }
        if (d->frame_head_len < MAGIC_LEN) {
            used = 1;
            keep_frame_head(d, in.ptr, used);
            if (d->frame_head_len == MAGIC_LEN) {
                size_t magic_used;
                if (!magic_is_known(d->frame_head))
                    return ww_error_set(err, WW_BAD_INPUT, "the body is not zstd");
                st = run_zstd(d, (struct ww_str){(const char *)d->frame_head, MAGIC_LEN}, &magic_used, out,
                              err);
            }
        } else {
            st = run_zstd(d, in, &used, out, err);
            if (st == WW_OK)
                keep_frame_head(d, in.ptr, used);
            if (st == WW_OK && d->between && !frame_is_true(d))
                return ww_error_set(err, WW_BAD_INPUT, "a zstd frame does not have the size that it states");
        }
        if (st != WW_OK)
            return st;
        in = (struct ww_str){in.ptr + used, in.len - used};
    }
    return WW_OK;
}

enum ww_status ww_http_decoder_feed(struct ww_http_decoder *d, struct ww_str in, struct ww_buf *out,
                                    struct ww_error *err) {
    while (in.len) { /* zlib counts in unsigned int */
        struct ww_str part = {in.ptr, in.len < INT_MAX ? in.len : INT_MAX};
        enum ww_status st =
            d->coding == WW_HTTP_GZIP ? feed_gzip(d, part, out, err) : feed_zstd(d, part, out, err);
        if (st != WW_OK)
            return st;
        in = (struct ww_str){in.ptr + part.len, in.len - part.len};
    }
    return WW_OK;
}

enum ww_status ww_http_decoder_end(const struct ww_http_decoder *d, struct ww_error *err) {
    if (!d->between)
        return ww_error_set(err, WW_BAD_INPUT, "the compressed body is cut short");
    return WW_OK;
}

enum ww_status ww_http_gzip(struct ww_str in, struct ww_buf *out) {
    z_stream z = {0};
    if (in.len > UINT_MAX / 2)
        return WW_TOO_LARGE;
    int level = in.len > FAST_ABOVE ? Z_BEST_SPEED : Z_DEFAULT_COMPRESSION;
    if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return WW_NO_MEMORY;
    enum ww_status st = WW_NO_MEMORY;
    size_t bound = deflateBound(&z, in.len);
    char *to = ww_buf_reserve(out, bound);
    if (to) {
        union {
            const char *in;
            Bytef *z;
        } cast = {.in = in.ptr};
        z.next_in = cast.z;
        z.avail_in = (uInt)in.len;
        z.next_out = (Bytef *)to;
        z.avail_out = (uInt)bound;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
            out->len += bound - z.avail_out;
            st = WW_OK;
        }
    }
    deflateEnd(&z);
    return st;
}

struct ww_http_encoder {
    z_stream z;
};

/* Quick: a stream is long, and what it saves is on the wire, not on the processor. */
struct ww_http_encoder *ww_http_encoder_new(void) {
    struct ww_http_encoder *e = ww_try_calloc(1, sizeof *e);
    if (e && deflateInit2(&e->z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        ww_free(e);
        e = NULL;
    }
    return e;
}

void ww_http_encoder_free(struct ww_http_encoder *e) {
    if (e)
        deflateEnd(&e->z);
    ww_free(e);
}

enum ww_status ww_http_encoder_feed(struct ww_http_encoder *e, struct ww_str in, bool last,
                                    struct ww_buf *out) {
    enum { ROOM = 32 << 10 };
    union {
        const char *in;
        Bytef *z;
    } cast = {.in = in.ptr};
    if (in.len > UINT_MAX / 2)
        return WW_TOO_LARGE;
    e->z.next_in = cast.z;
    e->z.avail_in = (uInt)in.len;
    int code = Z_OK;
    do {
        char *to = ww_buf_reserve(out, ROOM);
        if (!to)
            return WW_NO_MEMORY;
        e->z.next_out = (Bytef *)to;
        e->z.avail_out = ROOM;
        code = deflate(&e->z, last ? Z_FINISH : Z_NO_FLUSH);
        out->len += ROOM - e->z.avail_out;
    } while (code == Z_OK && (e->z.avail_out == 0 || (last && code != Z_STREAM_END)));
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR ? WW_OK : WW_NO_MEMORY;
}

static bool is_zero_weight(struct ww_str item) {
    const char *q = memmem(item.ptr, item.len, ";", 1);
    if (!q)
        return false;
    struct ww_str weight = ww_str_trim((struct ww_str){q + 1, item.len - (size_t)(q + 1 - item.ptr)});
    double v;
    if (weight.len < 3 || (weight.ptr[0] | 0x20) != 'q' || weight.ptr[1] != '=' ||
        !ww_str_to_double((struct ww_str){weight.ptr + 2, weight.len - 2}, &v))
        return true; /* what cannot be read is not taken for a yes */
    return v <= 0;
}

bool ww_http_accepts_gzip(struct ww_str list) {
    bool any = false;
    struct ww_str item;
    while (ww_http_list_next(&list, &item)) {
        const char *semi = memchr(item.ptr, ';', item.len);
        struct ww_str name =
            ww_str_trim((struct ww_str){item.ptr, semi ? (size_t)(semi - item.ptr) : item.len});
        if (ww_str_eq_nocase(name, WW_STR("gzip")) || ww_str_eq_nocase(name, WW_STR("x-gzip")))
            return !is_zero_weight(item);
        if (ww_str_is(name, "*"))
            any = !is_zero_weight(item);
    }
    return any;
}
