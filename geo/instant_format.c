/* Reads moments by a strptime-like format, for feeds whose times are not ISO 8601.
 *
 * Locale-free, unlike strptime: months are English. Numbers may have fewer digits than their width (as in
 * "3/7/2026 9:05"), except %Y, which has four. White space in the format stands for any amount of it, also
 * none.
 */
#include "geo/instant.h"

#include "geo/civil.h"

struct fields {
    struct ww_civil civil;
    int64_t epoch_s;
    int32_t offset_s;
    bool has_epoch, has_offset, has_year, has_pm, is_pm;
};

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t skip_space(struct ww_str text, size_t pos) {
    while (pos < text.len && is_space(text.ptr[pos])) {
        pos++;
    }
    return pos;
}

static bool read_number(struct ww_str text, size_t *pos, int min_digits, int max_digits, int *out) {
    int digits = 0;
    int value = 0;
    size_t p = *pos;
    while (digits < max_digits && p < text.len && text.ptr[p] >= '0' && text.ptr[p] <= '9') {
        value = value * 10 + (text.ptr[p++] - '0');
        digits++;
    }
    *pos = p;
    *out = value;
    return digits >= min_digits;
}

static bool read_microsecond(struct ww_str text, size_t *pos, int *out) {
    size_t start = *pos;
    int scale = 100000;
    *out = 0;
    for (; *pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9'; ++*pos, scale /= 10) {
        *out += (text.ptr[*pos] - '0') * scale;
    }
    return *pos > start;
}

static bool read_epoch(struct ww_str text, size_t *pos, int64_t *out) {
    size_t end = *pos;
    end += end < text.len && text.ptr[end] == '-';
    while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9') {
        end++;
    }
    struct ww_str number = {text.ptr + *pos, end - *pos};
    *pos = end;
    return ww_str_to_i64(number, out);
}

static bool read_month_name(struct ww_str text, size_t *pos, int *out) {
    static const char *const names[12] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};
    for (int i = 0; i < 12; i++) {
        struct ww_str whole = ww_str_of(names[i]);
        struct ww_str rest = {text.ptr + *pos, text.len - *pos};
        size_t len = rest.len < whole.len ? rest.len : whole.len;
        if (!ww_str_eq_nocase((struct ww_str){rest.ptr, len}, whole)) {
            len = 3;
        }
        if (rest.len >= 3 &&
            ww_str_eq_nocase((struct ww_str){rest.ptr, len}, (struct ww_str){whole.ptr, len})) {
            *pos += len;
            *out = i + 1;
            return true;
        }
    }
    return false;
}

static bool read_half_day(struct ww_str text, size_t *pos, struct fields *f) {
    if (text.len - *pos < 2) {
        return false;
    }
    struct ww_str word = {text.ptr + *pos, 2};
    f->has_pm = true;
    f->is_pm = ww_str_eq_nocase(word, WW_STR("PM"));
    *pos += 2;
    return f->is_pm || ww_str_eq_nocase(word, WW_STR("AM"));
}

static bool read_zone(struct ww_str text, size_t *pos, struct fields *f) {
    f->has_offset = true;
    if (*pos < text.len && (text.ptr[*pos] == 'Z' || text.ptr[*pos] == 'z')) {
        ++*pos;
        return true;
    }
    return ww_offset_read(text, pos, &f->offset_s);
}

static bool read_short_year(struct ww_str text, size_t *pos, struct fields *f) {
    f->has_year = true;
    if (!read_number(text, pos, 2, 2, &f->civil.year)) {
        return false;
    }
    f->civil.year += f->civil.year < 69 ? 2000 : 1900; /* as POSIX strptime */
    return true;
}

static bool read_conversion(char conversion, struct ww_str text, size_t *pos, struct fields *f) {
    switch (conversion) {
    case 'Y':
        f->has_year = true;
        return read_number(text, pos, 4, 4, &f->civil.year);
    case 'y':
        return read_short_year(text, pos, f);
    case 'm':
        return read_number(text, pos, 1, 2, &f->civil.month);
    case 'b':
        return read_month_name(text, pos, &f->civil.month);
    case 'd':
        return read_number(text, pos, 1, 2, &f->civil.day);
    case 'H':
    case 'I':
        return read_number(text, pos, 1, 2, &f->civil.hour);
    case 'M':
        return read_number(text, pos, 1, 2, &f->civil.minute);
    case 'S':
        return read_number(text, pos, 1, 2, &f->civil.second);
    case 'f':
        return read_microsecond(text, pos, &f->civil.microsecond);
    case 'z':
        return read_zone(text, pos, f);
    case 'p':
        return read_half_day(text, pos, f);
    case 's':
        f->has_epoch = true;
        return read_epoch(text, pos, &f->epoch_s);
    case '%':
        return *pos < text.len && text.ptr[(*pos)++] == '%';
    default:
        return false;
    }
}

static bool read_fields(struct ww_str text, const char *format, struct fields *f) {
    size_t pos = 0;
    for (const char *p = format; *p; p++) {
        if (is_space(*p)) {
            pos = skip_space(text, pos);
        } else if (*p == '%' && p[1]) {
            if (!read_conversion(*++p, text, &pos, f)) {
                return false;
            }
        } else if (pos >= text.len || text.ptr[pos++] != *p) {
            return false;
        }
    }
    return pos == text.len;
}

enum ww_status ww_instant_parse_format(struct ww_str text, const char *format, const struct ww_zone *zone,
                                       int64_t *out, struct ww_error *err) {
    struct fields f = {.civil = {.month = 1, .day = 1}};
    if (!read_fields(text, format, &f)) {
        return ww_error_set(err, WW_BAD_INPUT, "\"%.*s\" does not follow the time format \"%.60s\"",
                            (int)(text.len > 40 ? 40 : text.len), text.ptr ? text.ptr : "", format);
    }
    if (f.has_epoch) {
        if (f.epoch_s < WW_FIRST_S || f.epoch_s >= WW_END_S) {
            return ww_error_set(err, WW_BAD_INPUT, "the time is outside the years 1 to 9999");
        }
        *out = f.epoch_s * WW_SECOND_US + f.civil.microsecond;
        return WW_OK;
    }
    if (!f.has_year) {
        return ww_error_set(err, WW_BAD_INPUT, "the time format \"%.60s\" has no year", format);
    }
    if (f.has_pm) {
        if (f.civil.hour < 1 || f.civil.hour > 12) {
            return ww_error_set(err, WW_BAD_INPUT, "there is no hour %d before or after noon", f.civil.hour);
        }
        f.civil.hour = f.civil.hour % 12 + (f.is_pm ? 12 : 0);
    }
    enum ww_status status = ww_civil_to_instant(&f.civil, f.has_offset ? NULL : zone, out, err);
    if (status != WW_OK || !f.has_offset) {
        return status;
    }
    *out -= f.offset_s * WW_SECOND_US;
    if (*out < WW_FIRST_S * WW_SECOND_US || *out >= WW_END_S * WW_SECOND_US) {
        return ww_error_set(err, WW_BAD_INPUT, "the time is outside the years 1 to 9999");
    }
    return WW_OK;
}
