/* Pulls JSON events out of a buffer, strictly and without allocating.
 *
 * The reader is a small state machine: what may come next follows from `state` and from
 * one bit a depth that says object or array. Feeds spend most of their decoding time here,
 * so strings, which are most of the bytes, are passed over eight at a time: one word holds
 * a byte that matters (quote, backslash, control, or not ASCII) exactly when one of four
 * "has a byte that …" masks is not zero. Those masks may have false bits above their lowest
 * true bit, but never below it, so the lowest bit of their union is always a true find.
 * (The masks are the well-known ones of "Bit Twiddling Hacks", S. E. Anderson.)
 *
 * UTF-8 is checked once a string, and only for strings that are not pure ASCII.
 */
#include "geo/base/json_reader.h"

#include <endian.h>

enum state { STATE_VALUE, STATE_FIRST_KEY, STATE_FIRST_ITEM, STATE_AFTER, STATE_DONE, STATE_BROKEN };

enum { PLAIN = 0, SPECIAL = 1 };

/* 1 for the bytes at which passing over a string must stop: " \ controls and not ASCII. */
static const uint8_t string_class[256] = {
    [0x00 ... 0x1F] = SPECIAL, ['"'] = SPECIAL, ['\\'] = SPECIAL, [0x80 ... 0xFF] = SPECIAL};

static const uint8_t is_space[256] = {[' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1};

static const uint8_t is_digit[256] = {['0' ... '9'] = 1};

static const uint8_t is_hex[256] = {['0' ... '9'] = 1, ['a' ... 'f'] = 1, ['A' ... 'F'] = 1};

/* What may follow a backslash; 2 = four hex digits come next. */
static const uint8_t is_escape[256] = {
    ['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1, ['u'] = 2};

void ww_text_place(struct ww_str input, size_t offset, uint64_t *line, uint64_t *column) {
    if (offset > input.len)
        offset = input.len;
    uint64_t n = 1;
    size_t start = 0;
    while (start < offset) {
        const char *newline = memchr(input.ptr + start, '\n', offset - start);
        if (!newline)
            break;
        n++;
        start = (size_t)(newline - input.ptr) + 1;
    }
    *line = n;
    *column = offset - start + 1;
}

static enum ww_status fail(struct ww_json_reader *r, size_t offset, struct ww_error *err,
                           const char *message) {
    r->state = STATE_BROKEN;
    r->pos = offset;
    if (err) {
        (void)ww_error_set(err, WW_BAD_INPUT, "%s", message);
        ww_text_place(r->input, offset, &err->line, &err->column);
        err->offset = offset;
    }
    return WW_BAD_INPUT;
}

static enum ww_status fail_expected(struct ww_json_reader *r, struct ww_error *err, const char *message) {
    if (r->pos >= r->input.len)
        return fail(r, r->input.len, err, "the JSON text breaks off");
    return fail(r, r->pos, err, message);
}

void ww_json_reader_init(struct ww_json_reader *r, struct ww_str input) {
    *r = (struct ww_json_reader){.input = input, .state = STATE_VALUE};
}

static inline void skip_space(struct ww_json_reader *r) {
    const char *p = r->input.ptr;
    size_t pos = r->pos, len = r->input.len;
    while (pos < len && is_space[(uint8_t)p[pos]])
        pos++;
    r->pos = pos;
}

static inline uint64_t load_le64(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return le64toh(w);
}

/* The first byte from `p` on that string_class marks, or `end`. */
static inline const char *find_special(const char *p, const char *end) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t w = load_le64(p);
        uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
        uint64_t found = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | w;
        found &= highs;
        if (found)
            return p + (__builtin_ctzll(found) >> 3);
        p += 8;
    }
    while (p < end && !string_class[(uint8_t)*p])
        p++;
    return p;
}

/* Checks the escape whose backslash is at `p`; NULL when it is none, else its end. */
static const char *pass_escape(const char *p, const char *end) {
    if (end - p < 2)
        return NULL;
    uint8_t kind = is_escape[(uint8_t)p[1]];
    if (kind == 1)
        return p + 2;
    if (kind == 0 || end - p < 6)
        return NULL;
    for (int i = 2; i < 6; i++)
        if (!is_hex[(uint8_t)p[i]])
            return NULL;
    return p + 6;
}

/* At the opening quote. Fills text, escaped and offset of `ev`, ends after the closing one. */
static enum ww_status read_string(struct ww_json_reader *r, struct ww_json_event *ev, struct ww_error *err) {
    const char *base = r->input.ptr, *end = base + r->input.len;
    const char *start = base + r->pos + 1, *p = start;
    bool ascii = true, escaped = false;
    for (;;) {
        p = find_special(p, end);
        if (p == end)
            return fail(r, r->input.len, err, "the JSON text breaks off inside a string");
        if (*p == '"')
            break;
        if (*p == '\\') {
            escaped = true;
            const char *after = pass_escape(p, end);
            if (!after)
                return fail(r, (size_t)(p - base), err, "a string has an escape that JSON does not know");
            p = after;
        } else if ((uint8_t)*p < 0x20) {
            return fail(r, (size_t)(p - base), err, "a string has a control character that is not escaped");
        } else {
            ascii = false;
            while (p < end && (uint8_t)*p >= 0x80)
                p++;
        }
    }
    ev->text = (struct ww_str){start, (size_t)(p - start)};
    ev->escaped = escaped;
    ev->offset = r->pos;
    if (!ascii && !ww_str_is_utf8(ev->text))
        return fail(r, r->pos, err, "a string is not UTF-8");
    r->pos = (size_t)(p - base) + 1;
    return WW_OK;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? from `p`; its end, or NULL with *bad at the fault. */
static const char *pass_number(const char *p, const char *end, const char **bad) {
    if (p < end && *p == '-')
        p++;
    *bad = p;
    if (p == end || !is_digit[(uint8_t)*p])
        return NULL;
    if (*p++ != '0')
        while (p < end && is_digit[(uint8_t)*p])
            p++;
    if (p < end && *p == '.') {
        *bad = ++p;
        if (p == end || !is_digit[(uint8_t)*p])
            return NULL;
        while (p < end && is_digit[(uint8_t)*p])
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        *bad = p;
        if (p == end || !is_digit[(uint8_t)*p])
            return NULL;
        while (p < end && is_digit[(uint8_t)*p])
            p++;
    }
    return p;
}

static inline void value_is_complete(struct ww_json_reader *r) {
    r->state = r->depth == 0 ? STATE_DONE : STATE_AFTER;
}

static inline void set_token(struct ww_json_reader *r, struct ww_json_event *ev, enum ww_json_type type,
                             size_t len) {
    ev->type = type;
    ev->text = (struct ww_str){r->input.ptr + r->pos, len};
    ev->escaped = false;
    ev->offset = r->pos;
    r->pos += len;
}

static enum ww_status read_number(struct ww_json_reader *r, struct ww_json_event *ev, struct ww_error *err) {
    const char *start = r->input.ptr + r->pos, *bad = NULL;
    const char *after = pass_number(start, r->input.ptr + r->input.len, &bad);
    if (!after) {
        r->pos = (size_t)(bad - r->input.ptr);
        return fail_expected(r, err, "a number lacks a digit here");
    }
    set_token(r, ev, WW_JSON_NUMBER, (size_t)(after - start));
    /* "01" and "1x" would otherwise be blamed on a missing comma. */
    if (r->pos < r->input.len && (is_digit[(uint8_t)*after] || *after == '.'))
        return fail(r, ev->offset, err, "a number is not written as JSON wants it");
    value_is_complete(r);
    return WW_OK;
}

static enum ww_status read_word(struct ww_json_reader *r, struct ww_json_event *ev, const char *word,
                                size_t len, enum ww_json_type type, struct ww_error *err) {
    if (r->input.len - r->pos < len || memcmp(r->input.ptr + r->pos, word, len) != 0)
        return fail(r, r->pos, err, "expected a JSON value");
    set_token(r, ev, type, len);
    value_is_complete(r);
    return WW_OK;
}

static enum ww_status open_container(struct ww_json_reader *r, struct ww_json_event *ev, bool object,
                                     struct ww_error *err) {
    if (r->depth == WW_JSON_MAX_DEPTH)
        return fail(r, r->pos, err, "the JSON text is nested too deeply");
    set_token(r, ev, object ? WW_JSON_OBJECT : WW_JSON_ARRAY, 1);
    uint64_t bit = UINT64_C(1) << r->depth;
    r->is_object = object ? r->is_object | bit : r->is_object & ~bit;
    r->depth++;
    r->state = object ? STATE_FIRST_KEY : STATE_FIRST_ITEM;
    return WW_OK;
}

static inline bool in_object(const struct ww_json_reader *r) {
    return (r->is_object >> (r->depth - 1)) & 1;
}

static enum ww_status close_container(struct ww_json_reader *r, struct ww_json_event *ev) {
    set_token(r, ev, in_object(r) ? WW_JSON_END_OBJECT : WW_JSON_END_ARRAY, 1);
    r->depth--;
    value_is_complete(r);
    return WW_OK;
}

static enum ww_status read_value(struct ww_json_reader *r, struct ww_json_event *ev, struct ww_error *err) {
    if (r->pos >= r->input.len)
        return fail_expected(r, err, "expected a JSON value");
    switch (r->input.ptr[r->pos]) {
    case '"': {
        enum ww_status st = read_string(r, ev, err);
        if (st != WW_OK)
            return st;
        ev->type = WW_JSON_STRING;
        value_is_complete(r);
        return WW_OK;
    }
    case '{':
        return open_container(r, ev, true, err);
    case '[':
        return open_container(r, ev, false, err);
    case 't':
        return read_word(r, ev, "true", 4, WW_JSON_TRUE, err);
    case 'f':
        return read_word(r, ev, "false", 5, WW_JSON_FALSE, err);
    case 'n':
        return read_word(r, ev, "null", 4, WW_JSON_NULL, err);
    case '-':
    case '0' ... '9':
        return read_number(r, ev, err);
    default:
        return fail(r, r->pos, err, "expected a JSON value");
    }
}

/* A key and its colon, so that the value comes next. */
static enum ww_status read_key(struct ww_json_reader *r, struct ww_json_event *ev, struct ww_error *err) {
    if (r->pos >= r->input.len || r->input.ptr[r->pos] != '"')
        return fail_expected(r, err, "expected a key in quotes");
    enum ww_status st = read_string(r, ev, err);
    if (st != WW_OK)
        return st;
    ev->type = WW_JSON_KEY;
    skip_space(r);
    if (r->pos >= r->input.len || r->input.ptr[r->pos] != ':')
        return fail_expected(r, err, "expected a colon after the key");
    r->pos++;
    r->state = STATE_VALUE;
    return WW_OK;
}

static enum ww_status read_after_value(struct ww_json_reader *r, struct ww_json_event *ev,
                                       struct ww_error *err) {
    bool object = in_object(r);
    char c = r->pos < r->input.len ? r->input.ptr[r->pos] : '\0';
    if (c == ',') {
        r->pos++;
        skip_space(r);
        return object ? read_key(r, ev, err) : read_value(r, ev, err);
    }
    if (c == (object ? '}' : ']'))
        return close_container(r, ev);
    return fail_expected(
        r, err, object ? "expected a comma or a closing brace" : "expected a comma or a closing bracket");
}

enum ww_status ww_json_next(struct ww_json_reader *r, struct ww_json_event *ev, struct ww_error *err) {
    if (r->state == STATE_BROKEN)
        return fail(r, r->pos, err, "the JSON text is broken");
    skip_space(r);
    bool more = r->pos < r->input.len;
    switch (r->state) {
    case STATE_VALUE:
        return read_value(r, ev, err);
    case STATE_FIRST_KEY:
        if (more && r->input.ptr[r->pos] == '}')
            return close_container(r, ev);
        return read_key(r, ev, err);
    case STATE_FIRST_ITEM:
        if (more && r->input.ptr[r->pos] == ']')
            return close_container(r, ev);
        return read_value(r, ev, err);
    case STATE_AFTER:
        return read_after_value(r, ev, err);
    default:
        if (more)
            return fail(r, r->pos, err, "more text follows the JSON value");
        set_token(r, ev, WW_JSON_END, 0);
        return WW_OK;
    }
}

/* The bytes of a token as they stand in the input, quotes included. */
static struct ww_str token_bytes(const struct ww_json_reader *r, const struct ww_json_event *ev) {
    size_t quotes = ev->type == WW_JSON_STRING || ev->type == WW_JSON_KEY ? 2 : 0;
    return (struct ww_str){r->input.ptr + ev->offset, ev->text.len + quotes};
}

enum ww_status ww_json_skip(struct ww_json_reader *r, const struct ww_json_event *ev, struct ww_str *span,
                            struct ww_error *err) {
    struct ww_json_event at = *ev;
    if (at.type == WW_JSON_KEY) {
        enum ww_status st = ww_json_next(r, &at, err);
        if (st != WW_OK)
            return st;
    }
    if (span)
        *span = token_bytes(r, &at);
    if (at.type != WW_JSON_OBJECT && at.type != WW_JSON_ARRAY)
        return WW_OK;
    size_t start = at.offset;
    unsigned outside = r->depth - 1;
    while (r->depth > outside) {
        enum ww_status st = ww_json_next(r, &at, err);
        if (st != WW_OK)
            return st;
    }
    if (span)
        *span = (struct ww_str){r->input.ptr + start, r->pos - start};
    return WW_OK;
}

static uint32_t hex4(const char *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (uint8_t)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* At "\uXXXX": writes its character, taking a second half with it; returns where to go on. */
static const char *unescape_unicode(const char *p, const char *end, char **out) {
    uint32_t c = hex4(p + 2);
    p += 6;
    if (c >= 0xD800 && c < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = hex4(p + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            p += 6;
        }
    }
    if (c >= 0xD800 && c < 0xE000)
        c = 0xFFFD;
    *out = put_utf8(*out, c);
    return p;
}

enum ww_status ww_json_unescape(struct ww_arena *arena, const struct ww_json_event *ev, struct ww_str *out,
                                struct ww_error *err) {
    if (!ev->escaped) {
        *out = ev->text;
        return WW_OK;
    }
    static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    char *text = ww_arena_alloc(arena, ev->text.len); /* no escape is shorter than what it means */
    if (!text)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a JSON string of %zu bytes", ev->text.len);
    const char *p = ev->text.ptr, *end = p + ev->text.len;
    char *to = text;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
        } else if (p[1] == 'u') {
            p = unescape_unicode(p, end, &to);
        } else {
            *to++ = plain[(uint8_t)p[1]];
            p += 2;
        }
    }
    *out = (struct ww_str){text, (size_t)(to - text)};
    return WW_OK;
}
