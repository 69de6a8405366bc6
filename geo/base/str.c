/* Text views: ASCII comparison, numbers without locale, hashing, UTF-8. */
#include "geo/base/str.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool ww_str_eq_nocase(struct ww_str a, struct ww_str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool ww_str_starts(struct ww_str text, struct ww_str prefix) {
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

bool ww_str_ends(struct ww_str text, struct ww_str suffix) {
    return text.len >= suffix.len &&
           (suffix.len == 0 || memcmp(text.ptr + text.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct ww_str ww_str_trim(struct ww_str text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool ww_str_to_u64(struct ww_str text, uint64_t *out) {
    uint64_t v = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(c - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool ww_str_to_i64(struct ww_str text, int64_t *out) {
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (negative) {
        text.ptr++;
        text.len--;
    }
    uint64_t v;
    if (!ww_str_to_u64(text, &v) || v > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
        return false;
    *out = negative ? (int64_t)(UINT64_C(0) - v) : (int64_t)v;
    return true;
}

/* strtod in the C locale, for what the fast path can't do exactly. */
static bool slow_double(struct ww_str text, double *out) {
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char copy[512]; /* longer numbers carry no more meaning: refused */
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    double v = strtod_l(copy, &end, c_locale);
    if (end != copy + text.len || !isfinite(v))
        return false;
    *out = v;
    return true;
}

/* Clinger's fast path: a mantissa below 2^53 and a power of ten that is exact in a double
 * give a correctly rounded product or quotient. All else goes to strtod. */
bool ww_str_to_double(struct ww_str text, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    uint64_t mantissa = 0;
    int digits = 0;
    int scale = 0;
    const char *start = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++, digits++)
        if (digits < 19)
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    bool any = p > start;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        for (; p < end && *p >= '0' && *p <= '9'; p++, digits++)
            if (digits < 19) {
                mantissa = mantissa * 10 + (uint64_t)(*p - '0');
                scale--;
            }
        any = any || p > fraction;
    }
    if (!any)
        return false;
    bool exponent = p < end && (*p == 'e' || *p == 'E');
    if (exponent) {
        p++;
        bool minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        const char *first = p;
        int e = 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++)
            if (e < 10000)
                e = e * 10 + (*p - '0');
        if (p == first)
            return false;
        scale += minus ? -e : e;
    }
    if (p != end)
        return false;
    if (digits > 19 || mantissa > (UINT64_C(1) << 53) || scale < -22 || scale > 22)
        return slow_double(text, out);
    double v = (double)mantissa;
    v = scale < 0 ? v / powers[-scale] : v * powers[scale];
    *out = negative ? -v : v;
    return true;
}

/* A 64-bit multiply-and-fold hash over 8-byte words. */
static uint64_t fold(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t ww_str_hash(struct ww_str text) {
    uint64_t h = UINT64_C(0x9E3779B97F4A7C15) ^ text.len;
    size_t n = text.len;
    const char *p = text.ptr;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = fold(h ^ word, UINT64_C(0xD6E8FEB86659FD93));
    }
    uint64_t tail = 0;
    if (n > 0)
        memcpy(&tail, p, n);
    return fold(h ^ tail, UINT64_C(0xA0761D6478BD642F));
}

bool ww_str_is_utf8(struct ww_str text) {
    if (text.len == 0)
        return true; /* its pointer may be NULL */
    const unsigned char *p = (const unsigned char *)text.ptr;
    const unsigned char *end = p + text.len;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
        uint32_t code = *p & (0x3Fu >> more);
        if (*p < 0xC2 || *p > 0xF4 || end - p <= more)
            return false;
        for (int i = 1; i <= more; i++) {
            if ((p[i] & 0xC0) != 0x80)
                return false;
            code = code << 6 | (p[i] & 0x3Fu);
        }
        static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
        if (code < smallest[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return false;
        p += more + 1;
    }
    return true;
}
