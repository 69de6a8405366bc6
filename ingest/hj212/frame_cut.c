/* Cuts frames off a connection's buffer.
 *
 *   ##0101QN=…&&1C80␍␊       the announced place: 6 + 101 + 4 bytes after the start stand CR LF
 *
 * Length driven: a ciphertext may hold "##", "&&" and CR LF. When the four CRC digits and the line end stand
 * at the announced place, that is the frame, whatever it holds. Else the true end is looked for, and never
 * beyond the beginning of another frame, so that a length that lies swallows nothing:
 *
 *   1. an earlier line end after "&&" and four digits that are the CRC of all before: the length is too big.
 *      Seen as soon as it is there, because the sender waits for its answer and sends nothing more.
 *   2. no line end at the place: the first of
 *        a line end after four hex digits   → the frame, with WW_HJ212_DEV_LENGTH
 *        another "##dddd"                   → what stands before it is garbage
 *   3. a line end at the place, but a CRC that does not fit, and within the segment another frame, whole and
 *      with a CRC that fits: as 2.
 *
 * What is cut depends on the bytes alone, not on the pieces that they came in (tests/fuzz/hj212_frame_fuzz.c
 * holds that against it). A call looks at no more than the announced bytes and REACH, and only those that a
 * failure makes it look at; each call that does not ask for more consumes.
 */
#include "ingest/hj212/hj212_internal.h"

enum {
    HEAD = 6,        /* "##dddd" */
    TAIL = 6,        /* four hex digits, CR LF */
    SLACK = 64,      /* how far behind the announced place a true end may stand */
    REACH = 1100,    /* a standard frame (6 + 1,024 + 6) and SLACK: here the true end may stand anywhere */
    MOST_BLANKS = 16 /* kept before a frame that has not come yet */
};

struct cutter {
    struct ww_str bytes; /* from the frame's start on */
    bool at_end;
    unsigned announced;
    bool is_hex, is_lower;
    uint16_t stated;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
    return c == '\r' || c == '\n' || c == ' ' || c == '\t' || c == '\0';
}

static int hex_value(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ww_hj212_read_crc(const char *digits, uint16_t *crc, bool *lower) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        int v = hex_value(digits[i]);
        if (v < 0)
            return false;
        if (lower)
            *lower = *lower || digits[i] >= 'a';
        value = value << 4 | (unsigned)v;
    }
    *crc = (uint16_t)value;
    return true;
}

static struct ww_str slice(struct ww_str text, size_t from, size_t to) {
    return (struct ww_str){text.ptr + from, to - from};
}

static bool crc_fits(struct ww_str segment, uint16_t stated) {
    return ww_hj212_crc(segment) == stated || ww_hj212_crc_modbus(segment) == stated;
}

/* "##dddd" at `at`, or, at the end of the bytes, what may become one. */
static bool starts_at(struct ww_str bytes, size_t at) {
    for (size_t i = 0; i < HEAD && at + i < bytes.len; i++)
        if (i < 2 ? bytes.ptr[at + i] != '#' : !is_digit(bytes.ptr[at + i]))
            return false;
    return at < bytes.len;
}

/* The first start in [from, to); `to` when there is none. */
static size_t find_start(struct ww_str bytes, size_t from, size_t to) {
    while (from < to) {
        const char *p = memchr(bytes.ptr + from, '#', to - from);
        if (!p)
            break;
        from = (size_t)(p - bytes.ptr);
        if (starts_at(bytes, from))
            return from;
        from++;
    }
    return to;
}

static unsigned announced_at(struct ww_str bytes, size_t start) {
    unsigned n = 0;
    for (size_t i = 2; i < HEAD; i++)
        n = n * 10 + (unsigned)(bytes.ptr[start + i] - '0');
    return n;
}

/* The next line end in [from, to): `digits` is where its four hex digits stand, `after` what follows it. */
static bool find_line_end(struct ww_str bytes, size_t from, size_t to, size_t *digits, size_t *after) {
    uint16_t crc;
    while (from < to) {
        const char *p = memchr(bytes.ptr + from, '\n', to - from);
        if (!p)
            return false;
        size_t at = (size_t)(p - bytes.ptr);
        size_t end = at > 0 && bytes.ptr[at - 1] == '\r' ? at - 1 : at;
        if (end >= HEAD + 4 && ww_hj212_read_crc(bytes.ptr + end - 4, &crc, NULL)) {
            *digits = end - 4;
            *after = at + 1;
            return true;
        }
        from = at + 1;
    }
    return false;
}

static enum ww_hj212_cut give_garbage(struct ww_str whole, size_t len, size_t *consumed,
                                      struct ww_hj212_frame *frame) {
    *consumed = len;
    *frame = (struct ww_hj212_frame){.whole = slice(whole, 0, len)};
    return WW_HJ212_CUT_GARBAGE;
}

/* The segment ends at `digits`, the frame (with its line end) at `after`. */
static enum ww_hj212_cut give_frame(const struct cutter *c, size_t digits, size_t after, size_t *consumed,
                                    struct ww_hj212_frame *frame) {
    struct ww_str b = c->bytes;
    bool lower = false;
    *frame = (struct ww_hj212_frame){
        .whole = slice(b, 0, after), .segment = slice(b, HEAD, digits), .announced = c->announced};
    frame->crc_is_hex = ww_hj212_read_crc(b.ptr + digits, &frame->stated_crc, &lower);
    if (frame->segment.len != c->announced)
        frame->deviations |= WW_HJ212_DEV_LENGTH;
    if (frame->segment.len > WW_HJ212_STANDARD_SEGMENT)
        frame->deviations |= WW_HJ212_DEV_OVERSIZE;
    if (frame->crc_is_hex && lower)
        frame->deviations |= WW_HJ212_DEV_CRC_CASE;
    if (after != digits + TAIL)
        frame->deviations |= WW_HJ212_DEV_NO_CRLF;
    *consumed = after;
    return WW_HJ212_CUT_FRAME;
}

/* Case 1: a length that is too big. */
static bool find_early_end(const struct cutter *c, size_t *digits, size_t *after) {
    struct ww_str b = c->bytes;
    size_t place = HEAD + (size_t)c->announced + TAIL, to = place - 1;
    to = to < b.len ? to : b.len;
    to = to < REACH ? to : REACH;
    for (size_t from = HEAD; find_line_end(b, from, to, digits, after); from = *after) {
        uint16_t stated = 0;
        if (*after != *digits + TAIL || *digits < HEAD + 2 || memcmp(b.ptr + *digits - 2, "&&", 2) != 0)
            continue;
        if (ww_hj212_read_crc(b.ptr + *digits, &stated, NULL) && crc_fits(slice(b, HEAD, *digits), stated))
            return true;
    }
    return false;
}

/* What stands at the announced place: where the frame ends, or 0 when this is not its place. */
static size_t end_at_place(const struct cutter *c, size_t digits) {
    struct ww_str b = c->bytes;
    size_t at = digits + 4;
    bool closed = digits >= HEAD + 2 && memcmp(b.ptr + digits - 2, "&&", 2) == 0;
    uint16_t stated;
    if (b.len >= at + 2 && b.ptr[at] == '\r' && b.ptr[at + 1] == '\n')
        return at + 2;
    if (!closed || !ww_hj212_read_crc(b.ptr + digits, &stated, NULL))
        return 0;
    /* Two bytes must be enough to tell: more may not be there yet. */
    char first = b.len > at ? b.ptr[at] : '#', second = b.len > at + 1 ? b.ptr[at + 1] : '#';
    if (first == '\n' || (first == '\r' && second == '#'))
        return at + 1;
    return first == '#' && second == '#' ? at : 0;
}

/* Case 3: another frame within the segment, whole and with a CRC that fits. */
static bool holds_a_frame(struct ww_str bytes, size_t end) {
    enum { MOST_TRIED = 8 };
    size_t at = find_start(bytes, HEAD, end);
    for (int i = 0; i < MOST_TRIED && at + HEAD + TAIL <= end; i++) {
        size_t digits = at + HEAD + announced_at(bytes, at);
        uint16_t stated;
        if (digits + TAIL <= end && memcmp(bytes.ptr + digits + 4, "\r\n", 2) == 0 &&
            ww_hj212_read_crc(bytes.ptr + digits, &stated, NULL) &&
            crc_fits(slice(bytes, at + HEAD, digits), stated))
            return true;
        at = find_start(bytes, at + 1, end);
    }
    return false;
}

/* A ciphertext written as "{0xE4,0x3E,…}" is up to six times as long as its plain text, which is announced.
 */
static bool is_ciphertext_as_text(struct ww_str bytes) {
    enum { HEADER = 256 };
    size_t len = bytes.len < HEADER ? bytes.len : HEADER;
    return memmem(bytes.ptr, len, "CP=&&{0", 7) != NULL;
}

/* Case 2: the length is no help. */
static enum ww_hj212_cut mend(const struct cutter *c, size_t *consumed, struct ww_hj212_frame *frame) {
    struct ww_str b = c->bytes;
    size_t reach = HEAD + (size_t)c->announced + TAIL + SLACK;
    if (is_ciphertext_as_text(b) || reach > WW_HJ212_MAX_FRAME)
        reach = WW_HJ212_MAX_FRAME;
    if (reach < REACH)
        reach = REACH;
    bool all_there = c->at_end || b.len >= reach;
    struct ww_str seen = slice(b, 0, b.len < reach ? b.len : reach);
    size_t digits, after, next = find_start(b, HEAD, seen.len);
    if (find_line_end(seen, HEAD, seen.len, &digits, &after) && after <= next)
        return give_frame(c, digits, after, consumed, frame);
    if (next < seen.len && next + HEAD <= b.len)
        return give_garbage(b, next, consumed, frame);
    if (!all_there)
        return WW_HJ212_CUT_MORE;
    uint16_t crc;
    if (c->at_end && b.len <= reach && b.len >= HEAD + TAIL && memcmp(b.ptr + b.len - 6, "&&", 2) == 0 &&
        ww_hj212_read_crc(b.ptr + b.len - 4, &crc, NULL))
        return give_frame(c, b.len - 4, b.len, consumed, frame);
    return give_garbage(b, next, consumed, frame);
}

static enum ww_hj212_cut cut_at_start(const struct cutter *c, size_t *consumed,
                                      struct ww_hj212_frame *frame) {
    struct ww_str b = c->bytes;
    size_t digits, after;
    if (find_early_end(c, &digits, &after))
        return give_frame(c, digits, after, consumed, frame);
    digits = HEAD + (size_t)c->announced;
    if (b.len < digits + TAIL && !c->at_end)
        return WW_HJ212_CUT_MORE;
    size_t end = b.len >= digits + 4 ? end_at_place(c, digits) : 0;
    uint16_t stated;
    bool fits = end > 0 && ww_hj212_read_crc(b.ptr + digits, &stated, NULL) &&
                crc_fits(slice(b, HEAD, digits), stated);
    if (end > 0 && (fits || !holds_a_frame(b, end)))
        return give_frame(c, digits, end, consumed, frame);
    return mend(c, consumed, frame);
}

/* Before any start: blanks are passed over, all else is held until a line or REACH is full. */
static enum ww_hj212_cut cut_before_start(struct ww_str bytes, size_t blanks, size_t start, bool at_end,
                                          size_t *consumed, struct ww_hj212_frame *frame) {
    if (start == bytes.len && !at_end && bytes.len < REACH) {
        bool only_blanks = blanks == bytes.len;
        if (only_blanks ? blanks <= MOST_BLANKS : bytes.ptr[bytes.len - 1] != '\n')
            return WW_HJ212_CUT_MORE;
    }
    if (start < bytes.len && start + HEAD > bytes.len && !at_end && bytes.len < REACH)
        return WW_HJ212_CUT_MORE;
    return give_garbage(bytes, start, consumed, frame);
}

enum ww_hj212_cut ww_hj212_next(struct ww_str bytes, bool at_end, size_t *consumed,
                                struct ww_hj212_frame *frame) {
    *consumed = 0;
    *frame = (struct ww_hj212_frame){0};
    if (bytes.len == 0)
        return WW_HJ212_CUT_MORE;
    size_t blanks = 0;
    while (blanks < bytes.len && blanks <= MOST_BLANKS && is_blank(bytes.ptr[blanks]))
        blanks++;
    size_t start = find_start(bytes, 0, bytes.len);
    if (start > blanks || blanks > MOST_BLANKS || start == bytes.len)
        return cut_before_start(bytes, blanks, start, at_end, consumed, frame);
    struct cutter c = {.bytes = slice(bytes, start, bytes.len), .at_end = at_end};
    enum ww_hj212_cut cut = WW_HJ212_CUT_MORE;
    if (c.bytes.len >= HEAD) {
        c.announced = announced_at(bytes, start);
        cut = cut_at_start(&c, consumed, frame);
    }
    if (cut == WW_HJ212_CUT_MORE && (at_end || bytes.len >= WW_HJ212_MAX_FRAME))
        /* Blanks that take the room of the longest frame go first; a bare "##12" at the end is no frame. */
        return give_garbage(bytes, start > 0 ? start : bytes.len, consumed, frame);
    if (cut != WW_HJ212_CUT_MORE)
        *consumed += start;
    return cut;
}
