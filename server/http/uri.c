/* Reads a request target: form, percent-decoding, dot segments, query parameters.
 *
 * Decoding happens once. What could mean one thing to a proxy before us and another to us is refused
 * rather than tidied: dot segments (also spelt %2e), NUL and other control bytes, text that is not
 * UTF-8, half a percent triplet, a parameter given twice, an absolute target for another host.
 */
#include "server/http/uri.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes into the arena, NUL-terminated. `plus` is what "+" stands for. */
static enum ww_status decode_text(struct ww_arena *arena, struct ww_str in, char plus, struct ww_str *out,
                                  struct ww_error *err) {
    char *to = ww_arena_alloc(arena, in.len + 1);
    if (!to)
        return ww_error_set(err, WW_NO_MEMORY, "the server is short of memory");
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '+')
            c = plus;
        if (c == '%') {
            int high = i + 2 < in.len ? hex_value(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_value(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ww_error_set(err, WW_BAD_INPUT,
                                    "a %% in the target is not followed by two hex digits");
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0')
            return ww_error_set(err, WW_BAD_INPUT, "the target holds a NUL byte");
        to[len++] = c;
    }
    to[len] = '\0';
    *out = (struct ww_str){to, len};
    if (!ww_str_is_utf8(*out))
        return ww_error_set(err, WW_BAD_INPUT, "the target is not UTF-8");
    return WW_OK;
}

static enum ww_status check_path(struct ww_str path, struct ww_error *err) {
    size_t segment = 1; /* start of the current one, after the leading slash */
    for (size_t i = 1; i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '/') {
            struct ww_str s = {path.ptr + segment, i - segment};
            if (ww_str_is(s, ".") || ww_str_is(s, ".."))
                return ww_error_set(err, WW_BAD_INPUT, "the path holds a dot segment");
            segment = i + 1;
        } else if ((unsigned char)path.ptr[i] < 0x20 || path.ptr[i] == 0x7f) {
            return ww_error_set(err, WW_BAD_INPUT, "the path holds a control byte");
        }
    }
    return WW_OK;
}

static enum ww_status add_param(struct ww_arena *arena, struct ww_str piece, struct ww_http_uri *out,
                                struct ww_error *err) {
    if (out->param_count == WW_HTTP_MAX_PARAMS)
        return ww_error_set(err, WW_BAD_INPUT, "more than %d parameters", WW_HTTP_MAX_PARAMS);
    const char *equals = memchr(piece.ptr, '=', piece.len);
    struct ww_str name = {piece.ptr, equals ? (size_t)(equals - piece.ptr) : piece.len};
    struct ww_str value = WW_STR("");
    if (equals)
        value = (struct ww_str){equals + 1, piece.len - name.len - 1};
    struct ww_http_query_param *param = &out->params[out->param_count];
    enum ww_status st = decode_text(arena, name, ' ', &param->name, err);
    if (st == WW_OK)
        st = decode_text(arena, value, ' ', &param->value, err);
    if (st != WW_OK)
        return st;
    for (int i = 0; i < out->param_count; i++) {
        if (!ww_str_eq(out->params[i].name, param->name))
            continue;
        if (ww_str_eq(out->params[i].value,
                      param->value)) /* says the same again: clients that follow links do */
            return WW_OK;
        ww_error_set(err, WW_BAD_INPUT, "a parameter is given twice");
        ww_error_at_field(err, param->name, param->value);
        return WW_BAD_INPUT;
    }
    out->param_count++;
    return WW_OK;
}

static enum ww_status parse_query(struct ww_arena *arena, struct ww_str query, struct ww_http_uri *out,
                                  struct ww_error *err) {
    size_t pieces = 1;
    for (size_t i = 0; i < query.len; i++)
        pieces += query.ptr[i] == '&';
    if (pieces > WW_HTTP_MAX_PARAMS)
        pieces = WW_HTTP_MAX_PARAMS;
    out->params = ww_arena_calloc(arena, pieces, sizeof *out->params);
    if (!out->params)
        return ww_error_set(err, WW_NO_MEMORY, "the server is short of memory");
    size_t start = 0;
    for (size_t i = 0; i <= query.len; i++) {
        if (i < query.len && query.ptr[i] != '&')
            continue;
        if (i > start) {
            enum ww_status st = add_param(arena, (struct ww_str){query.ptr + start, i - start}, out, err);
            if (st != WW_OK)
                return st;
        }
        start = i + 1;
    }
    return WW_OK;
}

/* Leaves "/path?query" of an absolute target whose authority is the Host header's. */
static enum ww_status strip_authority(struct ww_str *target, struct ww_str host, struct ww_error *err) {
    static const size_t scheme_len = sizeof "http://" - 1;
    if (target->len < scheme_len ||
        !ww_str_eq_nocase((struct ww_str){target->ptr, scheme_len}, WW_STR("http://")))
        return ww_error_set(err, WW_BAD_INPUT, "the target does not begin with /");
    struct ww_str rest = {target->ptr + scheme_len, target->len - scheme_len};
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    if (!end || !ww_str_eq_nocase((struct ww_str){rest.ptr, end}, host))
        return ww_error_set(err, WW_BAD_INPUT, "the target names another host than the Host header");
    *target = (struct ww_str){rest.ptr + end, rest.len - end};
    if (target->len == 0)
        *target = WW_STR("/");
    else if (target->ptr[0] == '?')
        return ww_error_set(err, WW_BAD_INPUT, "the target has no path");
    return WW_OK;
}

enum ww_status ww_http_uri_parse(struct ww_arena *arena, struct ww_str target, struct ww_str host,
                                 struct ww_http_uri *out, struct ww_error *err) {
    memset(out, 0, sizeof *out);
    if (memchr(target.ptr, '#', target.len))
        return ww_error_set(err, WW_BAD_INPUT, "the target holds a fragment");
    if (target.ptr[0] != '/') {
        enum ww_status st = strip_authority(&target, host, err);
        if (st != WW_OK)
            return st;
    }
    const char *mark = memchr(target.ptr, '?', target.len);
    struct ww_str path = {target.ptr, mark ? (size_t)(mark - target.ptr) : target.len};
    enum ww_status st = decode_text(arena, path, '+', &out->path, err);
    if (st == WW_OK)
        st = check_path(out->path, err);
    if (st == WW_OK && mark)
        st = parse_query(arena, (struct ww_str){mark + 1, target.len - path.len - 1}, out, err);
    return st;
}
