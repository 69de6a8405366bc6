/* Writes JSON into a buffer, placing commas and colons, escaping text, shortening doubles.
 *
 * The shortest text of a double: most readings are whole numbers or have a few decimals,
 * so first look for the smallest k for which m = round(v * 10^k) below 10^15 gives back
 * m / 10^k == v. m and 10^k are exact doubles then, and one division is correctly rounded, so
 * reading "m with k decimals" gives v again. Everything else tries 15, 16 and 17 digits;
 * 17 always suffice for IEEE 754 binary64.
 */
#include "geo/base/json_writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DEPTH       64
#define SMALLEST_NORMAL 2.2250738585072014e-308 /* below, fewer digits than 15 may be exact */

void ww_json_init(struct ww_json *w, struct ww_buf *out) {
    *w = (struct ww_json){.out = out};
}

static uint64_t depth_bit(const struct ww_json *w) {
    return UINT64_C(1) << (w->depth - 1);
}

/* Before every value and key: a comma when one is due. */
static void before_item(struct ww_json *w) {
    if (w->after_key) {
        w->after_key = 0;
        return;
    }
    if (w->depth == 0)
        return;
    if (w->has_item & depth_bit(w))
        ww_buf_char(w->out, ',');
    w->has_item |= depth_bit(w);
}

static void open_container(struct ww_json *w, char c) {
    before_item(w);
    assert(w->depth < MAX_DEPTH);
    w->depth++;
    w->has_item &= ~depth_bit(w);
    ww_buf_char(w->out, c);
}

static void close_container(struct ww_json *w, char c) {
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    ww_buf_char(w->out, c);
}

void ww_json_object(struct ww_json *w) {
    open_container(w, '{');
}

void ww_json_end_object(struct ww_json *w) {
    close_container(w, '}');
}

void ww_json_array(struct ww_json *w) {
    open_container(w, '[');
}

void ww_json_end_array(struct ww_json *w) {
    close_container(w, ']');
}

/* Length of the well-formed UTF-8 character at `p`, or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_length(const uint8_t *p, size_t left) {
    uint8_t a = p[0], low = 0x80, high = 0xBF;
    size_t n;
    if (a >= 0xC2 && a <= 0xDF) {
        n = 2;
    } else if (a >= 0xE0 && a <= 0xEF) {
        n = 3;
        if (a == 0xE0)
            low = 0xA0;
        if (a == 0xED)
            high = 0x9F;
    } else if (a >= 0xF0 && a <= 0xF4) {
        n = 4;
        if (a == 0xF0)
            low = 0x90;
        if (a == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return n;
}

static void write_escape(struct ww_buf *out, uint8_t c) {
    static const char short_form[256] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    if (short_form[c]) {
        char two[2] = {'\\', short_form[c]};
        ww_buf_add(out, two, sizeof two);
    } else {
        char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        ww_buf_add(out, six, sizeof six);
    }
}

static void write_string(struct ww_buf *out, struct ww_str text) {
    ww_buf_char(out, '"');
    size_t done = 0, i = 0; /* bytes before `done` are written */
    while (i < text.len) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t length = c < 0x80 ? 0 : utf8_length((const uint8_t *)text.ptr + i, text.len - i);
        if (length > 0) {
            i += length;
            continue;
        }
        ww_buf_add(out, text.ptr + done, i - done);
        if (c < 0x80)
            write_escape(out, c);
        else
            ww_buf_add(out, "\xEF\xBF\xBD", 3);
        done = ++i;
    }
    if (done < text.len)
        ww_buf_add(out, text.ptr + done, text.len - done);
    ww_buf_char(out, '"');
}

void ww_json_key_str(struct ww_json *w, struct ww_str key) {
    assert(w->depth > 0 && !w->after_key);
    before_item(w);
    write_string(w->out, key);
    ww_buf_char(w->out, ':');
    w->after_key = 1;
}

void ww_json_key(struct ww_json *w, const char *key) {
    ww_json_key_str(w, ww_str_of(key));
}

void ww_json_str(struct ww_json *w, struct ww_str text) {
    before_item(w);
    write_string(w->out, text);
}

void ww_json_text(struct ww_json *w, const char *text) {
    if (text)
        ww_json_str(w, ww_str_of(text));
    else
        ww_json_null(w);
}

void ww_json_int(struct ww_json *w, int64_t v) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)v);
    before_item(w);
    ww_buf_add(w->out, text, (size_t)len);
}

void ww_json_double(struct ww_json *w, double v) {
    if (!isfinite(v)) {
        ww_json_null(w);
        return;
    }
    char text[32];
    int len = ww_double_text(v, text);
    before_item(w);
    ww_buf_add(w->out, text, (size_t)len);
}

void ww_json_bool(struct ww_json *w, int v) {
    ww_json_raw(w, v ? WW_STR("true") : WW_STR("false"));
}

void ww_json_null(struct ww_json *w) {
    ww_json_raw(w, WW_STR("null"));
}

void ww_json_raw(struct ww_json *w, struct ww_str json) {
    before_item(w);
    ww_buf_add(w->out, json.ptr, json.len);
}

/* `m` with the point before its last `decimals` digits. */
static int write_decimal(uint64_t m, int decimals, bool negative, char out[32]) {
    char digits[24];
    int n = 0;
    while (m > 0 || n <= decimals) {
        digits[n++] = (char)('0' + m % 10);
        m /= 10;
    }
    int len = 0;
    if (negative)
        out[len++] = '-';
    while (n > 0) {
        out[len++] = digits[--n];
        if (n == decimals && n > 0)
            out[len++] = '.';
    }
    out[len] = '\0';
    return len;
}

/* "1e+300" → "1e300", "1e-07" → "1e-7". */
static int tidy_exponent(char *text) {
    char *e = strchr(text, 'e');
    if (!e)
        return (int)strlen(text);
    char *from = e + 1, *to = e + 1;
    if (*from == '-')
        *to++ = '-';
    from++;
    while (*from == '0')
        from++;
    while ((*to = *from++) != '\0')
        to++;
    return (int)(to - text);
}

int ww_double_text(double v, char out[32]) {
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    static const double whole_limit = 1e15;
    double size = fabs(v);
    bool negative = signbit(v) != 0;
    if (size == 0 || (size >= 1e-4 && size < whole_limit)) {
        for (int k = 0; k < (int)(sizeof power / sizeof *power); k++) {
            double m = nearbyint(size * power[k]);
            if (m >= whole_limit)
                break;
            if (m / power[k] == size)
                return write_decimal((uint64_t)m, k, negative, out);
        }
    }
    for (int digits = size < SMALLEST_NORMAL ? 1 : 15; digits <= 17; digits++) {
        (void)snprintf(out, 32, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return isfinite(v) ? tidy_exponent(out) : (int)strlen(out);
}
