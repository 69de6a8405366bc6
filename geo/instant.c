/* Reads and writes moments, and finds the local calendar bucket that a moment lies in.
 *
 * The reader runs once for every observation that comes in, so it is a hand-written pass over the bytes
 * without copies. It accepts the extended and the basic form of ISO 8601 in one walk: after the four digits
 * of the year, a '-' means extended; digits mean basic (HJ 212's "20261123010203" is the basic form without
 * T).
 */
#include "geo/instant.h"

#include <string.h>

#include "geo/civil.h"

/* ---- civil time ---- */

static int64_t offset_at(const struct ww_zone *zone, int64_t second) {
    return zone ? ww_zone_offset_s(zone, second * WW_SECOND_US) : 0;
}

/* The first moment at which the zone's clocks show `local`; where they skip it, the offset before counts. */
static int64_t second_of_local(int64_t local, const struct ww_zone *zone) {
    if (!zone) {
        return local;
    }
    /* Offsets are under 16 h, so a day to either side is surely before and after. */
    int64_t before = offset_at(zone, local - WW_DAY_S);
    int64_t after = offset_at(zone, local + WW_DAY_S);
    if (before == after || offset_at(zone, local - before) == before) {
        return local - before;
    }
    return offset_at(zone, local - after) == after ? local - after : local - before;
}

static enum ww_status check_civil(const struct ww_civil *c, struct ww_error *err) {
    if (c->year < 1 || c->year > 9999) {
        return ww_error_set(err, WW_BAD_INPUT, "the year %d is outside 1 to 9999", c->year);
    }
    if (c->month < 1 || c->month > 12) {
        return ww_error_set(err, WW_BAD_INPUT, "there is no month %d", c->month);
    }
    if (c->day < 1 || c->day > ww_month_days(c->year, c->month)) {
        return ww_error_set(err, WW_BAD_INPUT, "there is no day %d in %04d-%02d", c->day, c->year, c->month);
    }
    if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 59 ||
        c->microsecond < 0 || c->microsecond > 999999) {
        return ww_error_set(err, WW_BAD_INPUT, "there is no time of day %d:%02d:%02d", c->hour, c->minute,
                            c->second);
    }
    return WW_OK;
}

static int64_t local_second_of(const struct ww_civil *c) {
    return ww_days_of(c->year, (unsigned)c->month, (unsigned)c->day) * WW_DAY_S + INT64_C(3600) * c->hour +
           INT64_C(60) * c->minute + c->second;
}

static enum ww_status finish(int64_t second, int microsecond, int64_t *out, struct ww_error *err) {
    if (second < WW_FIRST_S || second >= WW_END_S) {
        return ww_error_set(err, WW_BAD_INPUT, "the time is outside the years 1 to 9999");
    }
    *out = second * WW_SECOND_US + microsecond;
    return WW_OK;
}

enum ww_status ww_civil_to_instant(const struct ww_civil *civil, const struct ww_zone *zone, int64_t *out,
                                   struct ww_error *err) {
    enum ww_status status = check_civil(civil, err);
    if (status != WW_OK) {
        return status;
    }
    return finish(second_of_local(local_second_of(civil), zone), civil->microsecond, out, err);
}

struct ww_civil ww_instant_to_civil(int64_t instant_us, const struct ww_zone *zone) {
    int64_t second = ww_floor_div(instant_us, WW_SECOND_US);
    struct ww_civil c = {.microsecond = (int)(instant_us - second * WW_SECOND_US)};
    int64_t local = second + offset_at(zone, second);
    int64_t days = ww_floor_div(local, WW_DAY_S);
    int rest = (int)(local - days * WW_DAY_S);
    ww_date_of(days, &c.year, &c.month, &c.day);
    c.hour = rest / 3600;
    c.minute = rest / 60 % 60;
    c.second = rest % 60;
    return c;
}

/* ---- reading ---- */

static bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* `count` digits at *pos; false when one is missing. */
static bool read_digits(struct ww_str text, size_t *pos, int count, int *out) {
    if (text.len - *pos < (size_t)count) {
        return false;
    }
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = text.ptr[*pos + (size_t)i];
        if (!is_digit(c)) {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *pos += (size_t)count;
    *out = value;
    return true;
}

static bool at(struct ww_str text, size_t pos, char c) {
    return pos < text.len && text.ptr[pos] == c;
}

static bool at_digit(struct ww_str text, size_t pos) {
    return pos < text.len && is_digit(text.ptr[pos]);
}

bool ww_offset_read(struct ww_str text, size_t *pos, int32_t *offset_s) {
    size_t p = *pos;
    if (!at(text, p, '+') && !at(text, p, '-')) {
        return false;
    }
    bool west = text.ptr[p++] == '-';
    int hours = 0;
    int minutes = 0;
    if (!read_digits(text, &p, 2, &hours)) {
        return false;
    }
    if (at(text, p, ':') || at_digit(text, p)) {
        p += at(text, p, ':');
        if (!read_digits(text, &p, 2, &minutes)) {
            return false;
        }
    }
    /* PostgreSQL's range; the widest offset in use is +14:00. */
    if (hours > 15 || minutes > 59) {
        return false;
    }
    *pos = p;
    *offset_s = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* Any number of digits; those after the sixth are cut off. */
static bool read_fraction(struct ww_str text, size_t *pos, int *microsecond) {
    if (!at_digit(text, *pos)) {
        return false;
    }
    int scale = 100000;
    for (*microsecond = 0; at_digit(text, *pos); ++*pos, scale /= 10) {
        *microsecond += (text.ptr[*pos] - '0') * scale;
    }
    return true;
}

static bool read_date(struct ww_str text, size_t *pos, struct ww_civil *c) {
    if (!read_digits(text, pos, 4, &c->year)) {
        return false;
    }
    bool extended = at(text, *pos, '-');
    *pos += extended;
    if (!read_digits(text, pos, 2, &c->month) || (extended && !at(text, *pos, '-'))) {
        return false;
    }
    *pos += extended;
    return read_digits(text, pos, 2, &c->day);
}

/* After the date: "T01:02[:03[.5]]" or "010203[123]". Nothing is a time too: midnight. */
static bool read_time(struct ww_str text, size_t *pos, struct ww_civil *c) {
    size_t p = *pos;
    bool marked = at(text, p, 'T') || at(text, p, 't') || at(text, p, ' ');
    p += marked;
    if (!at_digit(text, p)) {
        /* "2026-11-23 +08:00" is a date with an offset, "2026-11-23T" is cut off. */
        return !marked || text.ptr[*pos] == ' ';
    }
    if (!read_digits(text, &p, 2, &c->hour)) {
        return false;
    }
    bool extended = at(text, p, ':');
    p += extended;
    if (!read_digits(text, &p, 2, &c->minute)) {
        return false;
    }
    if (extended ? at(text, p, ':') : at_digit(text, p)) {
        p += extended;
        if (!read_digits(text, &p, 2, &c->second)) {
            return false;
        }
        bool fraction = at(text, p, '.') || at(text, p, ',');
        p += fraction;
        /* HJ 212's QN is the basic form with three more digits for milliseconds. */
        if (fraction || (!extended && at_digit(text, p))) {
            if (!read_fraction(text, &p, &c->microsecond)) {
                return false;
            }
        }
    }
    *pos = p;
    return true;
}

enum ww_status ww_instant_parse(struct ww_str text, const struct ww_zone *zone, int64_t *out,
                                struct ww_error *err) {
    struct ww_civil c = {0};
    size_t pos = 0;
    if (!read_date(text, &pos, &c) || !read_time(text, &pos, &c)) {
        goto unreadable;
    }
    bool has_offset = false;
    int32_t offset_s = 0;
    if (pos < text.len) {
        pos += at(text, pos, ' ');
        if (at(text, pos, 'Z') || at(text, pos, 'z')) {
            pos++;
        } else if (!ww_offset_read(text, &pos, &offset_s)) {
            goto unreadable;
        }
        has_offset = true;
        if (pos != text.len) {
            goto unreadable;
        }
    }
    if (check_civil(&c, err) != WW_OK) {
        return WW_BAD_INPUT;
    }
    int64_t local = local_second_of(&c);
    return finish(has_offset ? local - offset_s : second_of_local(local, zone), c.microsecond, out, err);

unreadable:
    return ww_error_set(err, WW_BAD_INPUT, "not a date and time like 2026-11-23T01:02:03+08:00: \"%.*s\"",
                        (int)(text.len > 40 ? 40 : text.len), text.ptr ? text.ptr : "");
}

/* ---- writing ---- */

static char *put_digits(char *p, int value, int count) {
    for (int i = count - 1; i >= 0; i--, value /= 10) {
        p[i] = (char)('0' + value % 10);
    }
    return p + count;
}

int ww_instant_text(int64_t instant_us, char out[40]) {
    struct ww_civil c = ww_instant_to_civil(instant_us, NULL);
    char *p = put_digits(out, c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    if (c.microsecond) {
        *p++ = '.';
        p = put_digits(p, c.microsecond, 6);
        while (p[-1] == '0') {
            p--;
        }
    }
    *p++ = 'Z';
    *p = '\0';
    return (int)(p - out);
}

/* ---- buckets ---- */

/* The local time, in microseconds as if it were UTC, at which the bucket of `local_us` begins. */
static int64_t local_bucket(int64_t local_us, int64_t length_us) {
    /* 1970-01-05 was a Monday: seven days are weeks that begin on Mondays. */
    int64_t origin = length_us > WW_DAY_US ? 4 * WW_DAY_US : 0;
    return ww_floor_div(local_us - origin, length_us) * length_us + origin;
}

/* The first moment in (low, high] at which the zone's clocks show `local_us` or later. */
static int64_t first_showing(int64_t local_us, const struct ww_zone *zone, int64_t low, int64_t high) {
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (middle + ww_zone_offset_s(zone, middle) * WW_SECOND_US >= local_us) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

int64_t ww_instant_bucket(int64_t instant_us, int64_t length_us, const struct ww_zone *zone) {
    int64_t offset = zone ? ww_zone_offset_s(zone, instant_us) : 0;
    int64_t local = instant_us + offset * WW_SECOND_US;
    int64_t begin = local_bucket(local, length_us);
    int64_t start = begin - offset * WW_SECOND_US;
    if (!zone || ww_zone_offset_s(zone, start) == offset) {
        return start;
    }
    /* The clocks were changed inside the bucket. */
    int64_t second = second_of_local(ww_floor_div(begin, WW_SECOND_US), zone);
    start = second * WW_SECOND_US + begin - ww_floor_div(begin, WW_SECOND_US) * WW_SECOND_US;
    if (start + ww_zone_offset_s(zone, start) * WW_SECOND_US == begin) {
        return start;
    }
    /* Its first local moment was skipped: the bucket begins when the clocks jumped over it. */
    return first_showing(begin, zone, start - WW_DAY_US, start);
}

int64_t ww_instant_day(int64_t instant_us, const struct ww_zone *zone) {
    return ww_floor_div(instant_us + (zone ? ww_zone_offset_s(zone, instant_us) : 0) * WW_SECOND_US,
                        WW_DAY_US);
}

int64_t ww_day_start(int64_t day, const struct ww_zone *zone) {
    int64_t second = second_of_local(day * (WW_DAY_US / WW_SECOND_US), zone);
    return second * WW_SECOND_US;
}
