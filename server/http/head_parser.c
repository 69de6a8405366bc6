/* The grammar of a request head, as one strict state machine.
 *
 * Every latitude that RFC 9112 grants a recipient is a place where two programs in a row can
 * read the same bytes differently (request smuggling), so none is taken: lines end in CRLF only,
 * single spaces part the request line, no white space stands before a colon, no line is
 * folded, no control byte is let through. The one exception is a single empty line before
 * the request (RFC 9112 section 2.2), which cannot change the framing.
 *
 * Bytes are judged as they come: a client that trickles a bad head is refused at its first
 * bad byte, and an endless one costs no more than `max_bytes` and linear time.
 */
#include "server/http/head_parser.h"

#include "geo/base/alloc.h"

enum {
    START,
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    VERSION_LF,
    LINE,
    NAME,
    VALUE_START,
    VALUE,
    VALUE_LF,
    END_LF,
    DONE,
    REFUSED
};

/* A field as offsets into parser.bytes. */
struct head_span {
    size_t name, name_end, value, value_end;
};

#define MAX_METHOD  16
#define VERSION_LEN 8 /* "HTTP/1.1" */

bool ww_http_is_token_byte(unsigned char c) {
    static const bool token[256] = {
        ['0' ... '9'] = true, ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['!'] = true,  ['#'] = true,
        ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
        ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
        ['`'] = true,         ['|'] = true,         ['~'] = true};
    return token[c];
}

bool ww_http_is_value_byte(unsigned char c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

void ww_http_head_parser_init(struct ww_http_head_parser *p, size_t max_bytes, int max_fields) {
    memset(p, 0, sizeof *p);
    p->max_bytes = max_bytes;
    p->max_fields = max_fields;
    p->state = START;
}

void ww_http_head_parser_clear(struct ww_http_head_parser *p) {
    ww_free(p->bytes);
    ww_free(p->spans);
    ww_free(p->fields);
    ww_http_head_parser_init(p, p->max_bytes, p->max_fields);
}

static enum ww_http_parse refuse(struct ww_http_head_parser *p, int status, const char *why) {
    p->state = REFUSED;
    p->refused_status = status;
    p->refused_why = why;
    return WW_HTTP_REFUSED;
}

static bool keep_byte(struct ww_http_head_parser *p, char c) {
    if (p->len == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 1024;
        char *bytes = ww_try_realloc(p->bytes, cap);
        if (!bytes)
            return false;
        p->bytes = bytes;
        p->cap = cap;
    }
    p->bytes[p->len++] = c;
    return true;
}

static struct head_span *add_span(struct ww_http_head_parser *p) {
    if (p->span_count == p->span_cap) {
        int cap = p->span_cap ? p->span_cap * 2 : 16;
        struct head_span *spans = ww_try_realloc(p->spans, (size_t)cap * sizeof *spans);
        if (!spans)
            return NULL;
        p->spans = spans;
        p->span_cap = cap;
    }
    struct head_span *span = &p->spans[p->span_count++];
    memset(span, 0, sizeof *span);
    return span;
}

static void end_value(struct ww_http_head_parser *p, size_t end) {
    struct head_span *span = &p->spans[p->span_count - 1];
    while (end > span->value && (p->bytes[end - 1] == ' ' || p->bytes[end - 1] == '\t'))
        end--;
    span->value_end = end;
}

static struct ww_str view(const struct ww_http_head_parser *p, size_t from, size_t to) {
    return (struct ww_str){p->bytes + from, to - from};
}

/* The head is complete and will not move any more: offsets become views, meaning is checked. */
static enum ww_http_parse finish(struct ww_http_head_parser *p) {
    struct ww_http_head *head = &p->head;
    if (p->span_count) {
        p->fields = ww_try_calloc((size_t)p->span_count, sizeof *p->fields);
        if (!p->fields)
            return refuse(p, 503, "the server is short of memory");
    }
    for (int i = 0; i < p->span_count; i++) {
        const struct head_span *span = &p->spans[i];
        p->fields[i].name = view(p, span->name, span->name_end);
        p->fields[i].value = view(p, span->value, span->value_end);
    }
    ww_free(p->spans);
    p->spans = NULL;
    p->span_cap = 0;
    size_t start = p->bytes[0] == '\r' ? 2 : 0;
    head->method_text = view(p, start, p->method_end);
    head->target = view(p, p->target_start, p->target_end);
    head->version = view(p, p->version_start, p->version_start + VERSION_LEN);
    head->fields = p->fields;
    head->field_count = p->span_count;
    const char *why = NULL;
    int status = ww_http_head_check(head, &why);
    if (status)
        return refuse(p, status, why);
    p->state = DONE;
    return WW_HTTP_DONE;
}

static enum ww_http_parse request_line_byte(struct ww_http_head_parser *p, unsigned char c) {
    size_t at = p->len - 1; /* where this byte was kept */
    switch (p->state) {
    case START:
        if (c == '\r' && at == 0) {
            p->state = START_LF;
            return WW_HTTP_MORE;
        }
        if (!ww_http_is_token_byte(c))
            return refuse(p, 400, "the request does not begin with a method");
        p->mark = at;
        p->state = METHOD;
        return WW_HTTP_MORE;
    case START_LF:
        if (c != '\n')
            return refuse(p, 400, "a CR without LF");
        p->state = START;
        return WW_HTTP_MORE;
    case METHOD:
        if (c == ' ') {
            p->method_end = at;
            p->target_start = at + 1;
            p->state = TARGET;
        } else if (!ww_http_is_token_byte(c) || at - p->mark >= MAX_METHOD) {
            return refuse(p, 400, "the method is not a short token");
        }
        return WW_HTTP_MORE;
    case TARGET:
        if (c == ' ') {
            if (at == p->target_start)
                return refuse(p, 400, "the request target is empty");
            p->target_end = at;
            p->version_start = at + 1;
            p->state = VERSION;
        } else if (c <= 0x20 || c >= 0x7f) {
            return refuse(p, 400, "the request line is not METHOD TARGET HTTP/1.1 CRLF in visible ASCII");
        }
        return WW_HTTP_MORE;
    case VERSION:
        if (c == '\r') {
            if (at - p->version_start != VERSION_LEN)
                return refuse(p, 400, "the HTTP version is malformed");
            p->state = VERSION_LF;
        } else if (c <= 0x20 || c >= 0x7f || at - p->version_start >= VERSION_LEN) {
            return refuse(p, 400, "the HTTP version is malformed");
        }
        return WW_HTTP_MORE;
    default: /* VERSION_LF */
        if (c != '\n')
            return refuse(p, 400, "a CR without LF");
        p->state = LINE;
        return WW_HTTP_MORE;
    }
}

static enum ww_http_parse field_byte(struct ww_http_head_parser *p, unsigned char c) {
    size_t at = p->len - 1;
    struct head_span *span;
    switch (p->state) {
    case LINE:
        if (c == '\r') {
            p->state = END_LF;
            return WW_HTTP_MORE;
        }
        if (c == ' ' || c == '\t')
            return refuse(p, 400, "a header is folded over two lines");
        if (!ww_http_is_token_byte(c))
            return refuse(p, 400, "a header name holds a byte that is not allowed");
        if (p->span_count >= p->max_fields)
            return refuse(p, 431, "too many headers");
        span = add_span(p);
        if (!span)
            return refuse(p, 503, "the server is short of memory");
        span->name = at;
        p->state = NAME;
        return WW_HTTP_MORE;
    case NAME:
        if (c == ':') {
            p->spans[p->span_count - 1].name_end = at;
            p->spans[p->span_count - 1].value = at + 1;
            p->state = VALUE_START;
        } else if (!ww_http_is_token_byte(c)) {
            return refuse(p, 400,
                          c == ' ' || c == '\t' ? "white space before the colon of a header"
                                                : "a header name holds a byte that is not allowed");
        }
        return WW_HTTP_MORE;
    case VALUE_START:
        if (c == ' ' || c == '\t') {
            p->spans[p->span_count - 1].value = at + 1;
            return WW_HTTP_MORE;
        }
        p->state = VALUE;
        __attribute__((fallthrough));
    case VALUE:
        if (c == '\r') {
            end_value(p, at);
            p->state = VALUE_LF;
        } else if (c == '\n') {
            return refuse(p, 400, "a line ends in LF without CR");
        } else if (!ww_http_is_value_byte(c)) {
            return refuse(p, 400, "a header value holds a control byte");
        }
        return WW_HTTP_MORE;
    case VALUE_LF:
        if (c != '\n')
            return refuse(p, 400, "a CR without LF");
        p->state = LINE;
        return WW_HTTP_MORE;
    default: /* END_LF */
        if (c != '\n')
            return refuse(p, 400, "a CR without LF");
        return finish(p);
    }
}

enum ww_http_parse ww_http_head_feed(struct ww_http_head_parser *p, struct ww_str in, size_t *used) {
    *used = 0;
    if (p->state == DONE)
        return WW_HTTP_DONE;
    if (p->state == REFUSED)
        return WW_HTTP_REFUSED;
    for (size_t i = 0; i < in.len; i++) {
        *used = i + 1;
        if (p->len >= p->max_bytes)
            return refuse(p, 431, "the head of the request is too long");
        if (!keep_byte(p, in.ptr[i]))
            return refuse(p, 503, "the server is short of memory");
        unsigned char c = (unsigned char)in.ptr[i];
        enum ww_http_parse result = p->state <= VERSION_LF ? request_line_byte(p, c) : field_byte(p, c);
        if (result != WW_HTTP_MORE)
            return result;
    }
    return WW_HTTP_MORE;
}
