/* Reads the parameter datetime. See interval.h. */
#include "server/ogc/interval.h"

#include <stdio.h>

#include "geo/civil.h"

static enum ww_status bad(struct ww_str text, const char *why, struct ww_error *err) {
    ww_error_set(
        err, WW_BAD_INPUT,
        "datetime %s; it is a time such as 2026-11-23T01:02:03Z, a date, or two of them with a slash", why);
    ww_error_at_field(err, WW_STR("datetime"), text);
    return WW_BAD_INPUT;
}

static bool is_open(struct ww_str text) {
    return text.len == 0 || ww_str_is(text, "..");
}

static bool are_digits(struct ww_str text, size_t at, size_t n) {
    if (at + n > text.len)
        return false;
    for (size_t i = at; i < at + n; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

static bool is_date(struct ww_str text) {
    return text.len == 10 && are_digits(text, 0, 4) && text.ptr[4] == '-' && are_digits(text, 5, 2) &&
           text.ptr[7] == '-' && are_digits(text, 8, 2);
}

/* One end: first and last microsecond of what it names (a day has many). */
static bool read_moment(struct ww_str text, int64_t *first, int64_t *last) {
    char copy[48];
    if (text.len < 10 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    struct ww_str t = {copy, text.len};
    if (t.len == 11 && (copy[10] == 'T' || copy[10] == 't'))
        t.len = 10;
    if (!is_date((struct ww_str){copy, 10}))
        return false;
    if (memcmp(copy, "0000", 4) == 0) { /* before all that can be kept */
        *first = *last = INT64_MIN;
        return true;
    }
    if (t.len == 10) {
        if (ww_instant_parse(t, NULL, first, NULL) != WW_OK)
            return false;
        *last = *first + WW_DAY_US - 1;
        return true;
    }
    if (copy[10] == 't' || copy[10] == ' ')
        copy[10] = 'T';
    if (copy[t.len - 1] == 'z')
        copy[t.len - 1] = 'Z';
    if (t.len > 16 && copy[t.len - 6] == ' ' && copy[t.len - 3] == ':')
        copy[t.len - 6] = '+';
    if (copy[10] != 'T' || ww_instant_parse(t, NULL, first, NULL) != WW_OK)
        return false;
    *last = *first;
    return true;
}

struct duration {
    int64_t months, us;
};

/* ISO 8601: P3Y6M4DT12H30M5S, P2W. Whole numbers. */
static bool read_duration(struct ww_str text, struct duration *out) {
    bool in_time = false;
    bool any = false;
    size_t i = 1;
    *out = (struct duration){0, 0};
    if (text.len < 3 || (text.ptr[0] != 'P' && text.ptr[0] != 'p'))
        return false;
    while (i < text.len) {
        if (!in_time && (text.ptr[i] == 'T' || text.ptr[i] == 't')) {
            in_time = true;
            i++;
            continue;
        }
        int64_t n = 0;
        size_t digits = 0;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && digits < 7) {
            n = 10 * n + (text.ptr[i++] - '0');
            digits++;
        }
        if (digits == 0 || i == text.len)
            return false;
        char unit = text.ptr[i++];
        if (!in_time && (unit == 'Y' || unit == 'y'))
            out->months += 12 * n;
        else if (!in_time && (unit == 'M' || unit == 'm'))
            out->months += n;
        else if (!in_time && (unit == 'W' || unit == 'w'))
            out->us += n * 7 * WW_DAY_US;
        else if (!in_time && (unit == 'D' || unit == 'd'))
            out->us += n * WW_DAY_US;
        else if (in_time && (unit == 'H' || unit == 'h'))
            out->us += n * WW_HOUR_US;
        else if (in_time && (unit == 'M' || unit == 'm'))
            out->us += n * 60 * WW_SECOND_US;
        else if (in_time && (unit == 'S' || unit == 's'))
            out->us += n * WW_SECOND_US;
        else
            return false;
        any = true;
    }
    return any;
}

/* Months keep the day of the month, or take the last one that there is. */
static bool add_duration(int64_t from, struct duration d, int sign, int64_t *out) {
    struct ww_civil c = ww_instant_to_civil(from, NULL);
    int64_t months = (int64_t)c.year * 12 + c.month - 1 + sign * d.months;
    c.year = (int)(months / 12);
    c.month = (int)(months % 12) + 1;
    if (c.year < 1 || c.year > 9999)
        return false;
    int last = ww_month_days(c.year, c.month);
    c.day = c.day > last ? last : c.day;
    if (ww_civil_to_instant(&c, NULL, out, NULL) != WW_OK)
        return false;
    *out += sign * d.us;
    return true;
}

static bool is_duration(struct ww_str text) {
    return text.len > 0 && (text.ptr[0] == 'P' || text.ptr[0] == 'p');
}

enum ww_status ogc_interval_read(struct ww_str text, struct ogc_interval *out, struct ww_error *err) {
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    int64_t other;
    *out = (struct ogc_interval){INT64_MIN, INT64_MAX};
    if (!slash)
        return read_moment(text, &out->from, &out->to) ? WW_OK : bad(text, "is no time", err);
    struct ww_str a = {text.ptr, (size_t)(slash - text.ptr)};
    struct ww_str b = {slash + 1, text.len - a.len - 1};
    struct duration duration;
    if (b.len && memchr(b.ptr, '/', b.len))
        return bad(text, "has more than two ends", err);
    if (is_duration(a) && is_duration(b))
        return bad(text, "has two durations", err);
    bool good = is_duration(a) || is_open(a) || read_moment(a, &out->from, &other);
    good = good && (is_duration(b) || is_open(b) || read_moment(b, &other, &out->to));
    if (!good)
        return bad(text, "has an end that is no time", err);
    if (is_duration(a))
        good = !is_open(b) && read_duration(a, &duration) && read_moment(b, &other, &out->to) &&
               add_duration(other, duration, -1, &out->from);
    if (is_duration(b))
        good = !is_open(a) && read_duration(b, &duration) && add_duration(out->from, duration, 1, &out->to);
    if (!good)
        return bad(text, "has a duration that can't be counted", err);
    if (out->from > out->to)
        return bad(text, "ends before it begins", err);
    return WW_OK;
}
