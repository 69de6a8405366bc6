/* Time zones: fixed offsets, and IANA zones read from the system's zone files.
 *
 * A zone file (RFC 8536, "TZif") is a list of moments at which the offset changes, first in a block with
 * 32-bit times, then (version 2 and later) in a second block with 64-bit ones, and ends with one line in
 * POSIX TZ notation that goes on after the last listed change:
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3    UTC+1 (POSIX counts west); summer time from the last (5) Sunday (0) of
 * March, 02:00 local, to the last Sunday of October, 03:00 local
 *
 * glibc's own functions are not used because they know one zone a process, set by an environment variable.
 */
#include "geo/instant.h"

#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/civil.h"

#define ZONE_FOLDER     "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX   64
#define ZONE_FILE_BYTES (1 << 20) /* the largest real one has about 4 KB */

/* One of the two days of a year on which a POSIX rule changes the clocks. */
struct rule_day {
    enum { MONTH_WEEK_DAY, JULIAN_NO_LEAP, JULIAN } form;
    int month, week, day;
    int32_t second; /* local time of the day; may lie outside it */
};

struct ww_zone {
    /* offset_s[i] holds from at_s[i] on; before the first, offset `before_s`. */
    int64_t *at_s;
    int32_t *offset_s;
    size_t count;
    int32_t before_s;
    /* After the last change. */
    bool has_rule, has_summer;
    int32_t standard_s, summer_s;
    struct rule_day summer_begin, summer_end;
};

/* ---- the POSIX line ---- */

struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *c, char wanted) {
    if (c->p < c->end && *c->p == wanted) {
        c->p++;
        return true;
    }
    return false;
}

static bool take_number(struct cursor *c, int max, int *out) {
    const char *start = c->p;
    int value = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - start < 4) {
        value = value * 10 + (*c->p++ - '0');
    }
    *out = value;
    return c->p > start && value <= max;
}

/* "CST" or "<+08>"; the text itself is not needed. */
static bool take_name(struct cursor *c) {
    const char *start = c->p;
    if (take(c, '<')) {
        while (c->p < c->end && *c->p != '>') {
            c->p++;
        }
        return take(c, '>');
    }
    while (c->p < c->end && ((*c->p >= 'A' && *c->p <= 'Z') || (*c->p >= 'a' && *c->p <= 'z'))) {
        c->p++;
    }
    return c->p - start >= 3;
}

/* "[+-]hh[:mm[:ss]]" in seconds; hours up to 167 as RFC 8536 allows for rule times. */
static bool take_time(struct cursor *c, int32_t *out) {
    bool negative = take(c, '-');
    if (!negative) {
        (void)take(c, '+');
    }
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_number(c, 167, &hour)) {
        return false;
    }
    if (take(c, ':') && !take_number(c, 59, &minute)) {
        return false;
    }
    if (take(c, ':') && !take_number(c, 59, &second)) {
        return false;
    }
    *out = (negative ? -1 : 1) * (hour * 3600 + minute * 60 + second);
    return true;
}

static bool take_rule_day(struct cursor *c, struct rule_day *rule) {
    if (!take(c, ',')) {
        return false;
    }
    if (take(c, 'M')) {
        rule->form = MONTH_WEEK_DAY;
        if (!take_number(c, 12, &rule->month) || rule->month < 1 || !take(c, '.') ||
            !take_number(c, 5, &rule->week) || rule->week < 1 || !take(c, '.') ||
            !take_number(c, 6, &rule->day)) {
            return false;
        }
    } else {
        rule->form = take(c, 'J') ? JULIAN_NO_LEAP : JULIAN;
        if (!take_number(c, 365, &rule->day)) {
            return false;
        }
    }
    rule->second = 2 * 3600;
    return !take(c, '/') || take_time(c, &rule->second);
}

static bool read_posix_line(struct ww_zone *zone, struct cursor c) {
    int32_t west = 0;
    if (!take_name(&c) || !take_time(&c, &west)) {
        return false;
    }
    zone->standard_s = -west;
    zone->has_rule = true;
    if (c.p == c.end) {
        return true;
    }
    zone->has_summer = true;
    zone->summer_s = zone->standard_s + 3600;
    if (!take_name(&c)) {
        return false;
    }
    if (c.p < c.end && *c.p != ',') {
        if (!take_time(&c, &west)) {
            return false;
        }
        zone->summer_s = -west;
    }
    return take_rule_day(&c, &zone->summer_begin) && take_rule_day(&c, &zone->summer_end) && c.p == c.end;
}

/* The local second, as if it were UTC, at which the rule changes the clocks in that year. */
static int64_t rule_second(const struct rule_day *rule, int year) {
    int64_t day = ww_days_of(year, 1, 1);
    switch (rule->form) {
    case JULIAN_NO_LEAP:
        /* 1 … 365; 29 February is never counted. */
        day += rule->day - 1 + (ww_year_is_leap(year) && rule->day >= 60);
        break;
    case JULIAN:
        day += rule->day;
        break;
    case MONTH_WEEK_DAY: {
        int64_t first = ww_days_of(year, (unsigned)rule->month, 1);
        int64_t weekday = ww_floor_div(first + 4, 7) * -7 + first + 4; /* 1970-01-01 was a Thursday */
        int64_t in_month = (rule->day - weekday + 7) % 7 + INT64_C(7) * (rule->week - 1);
        if (in_month >= ww_month_days(year, rule->month)) {
            in_month -= 7; /* week 5 means the last */
        }
        day = first + in_month;
        break;
    }
    }
    return day * WW_DAY_S + rule->second;
}

static int32_t offset_by_rule(const struct ww_zone *zone, int64_t second) {
    if (!zone->has_summer) {
        return zone->standard_s;
    }
    int year = 0;
    int month = 0;
    int day = 0;
    ww_date_of(ww_floor_div(second + zone->standard_s, WW_DAY_S), &year, &month, &day);
    int64_t begin = rule_second(&zone->summer_begin, year) - zone->standard_s;
    int64_t end = rule_second(&zone->summer_end, year) - zone->summer_s;
    bool summer = begin < end ? second >= begin && second < end : second >= begin || second < end;
    return summer ? zone->summer_s : zone->standard_s;
}

/* ---- the file ---- */

static int64_t read_be(const unsigned char *p, unsigned bytes) {
    uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return (int64_t)value;
}

struct tzif_head {
    char version;
    size_t n_is_ut, n_is_standard, n_leap, n_change, n_type, n_char;
};

#define TZIF_HEAD_BYTES 44

static bool read_head(const unsigned char *p, size_t len, struct tzif_head *head) {
    if (len < TZIF_HEAD_BYTES || memcmp(p, "TZif", 4) != 0) {
        return false;
    }
    size_t *counts[6] = {&head->n_is_ut,  &head->n_is_standard, &head->n_leap,
                         &head->n_change, &head->n_type,        &head->n_char};
    head->version = (char)p[4];
    for (unsigned i = 0; i < 6; i++) {
        int64_t count = read_be(p + 20 + (size_t)i * 4, 4);
        if (count < 0 || count > ZONE_FILE_BYTES) {
            return false;
        }
        *counts[i] = (size_t)count;
    }
    return head->n_type > 0;
}

static size_t block_bytes(const struct tzif_head *h, size_t time_bytes) {
    return h->n_change * (time_bytes + 1) + h->n_type * 6 + h->n_char + h->n_leap * (time_bytes + 4) +
           h->n_is_standard + h->n_is_ut;
}

static enum ww_status read_changes(struct ww_zone *zone, const unsigned char *p, const struct tzif_head *h,
                                   unsigned time_bytes) {
    const unsigned char *type_of = p + h->n_change * time_bytes;
    const unsigned char *types = type_of + h->n_change;
    zone->at_s = ww_try_calloc(h->n_change + 1, sizeof *zone->at_s);
    zone->offset_s = ww_try_calloc(h->n_change + 1, sizeof *zone->offset_s);
    if (!zone->at_s || !zone->offset_s) {
        return WW_NO_MEMORY;
    }
    zone->count = h->n_change;
    zone->before_s = (int32_t)read_be(types, 4);
    for (size_t i = 0; i < h->n_change; i++) {
        zone->at_s[i] = read_be(p + i * time_bytes, time_bytes);
        if (type_of[i] >= h->n_type || (i > 0 && zone->at_s[i] <= zone->at_s[i - 1])) {
            return WW_BAD_INPUT;
        }
        zone->offset_s[i] = (int32_t)read_be(types + (size_t)type_of[i] * 6, 4);
    }
    return WW_OK;
}

static enum ww_status read_tzif(struct ww_zone *zone, const unsigned char *p, size_t len) {
    struct tzif_head head;
    unsigned time_bytes = 4;
    if (!read_head(p, len, &head)) {
        return WW_BAD_INPUT;
    }
    p += TZIF_HEAD_BYTES;
    len -= TZIF_HEAD_BYTES;
    if (head.version >= '2') {
        size_t skip = block_bytes(&head, 4);
        if (len < skip || !read_head(p + skip, len - skip, &head)) {
            return WW_BAD_INPUT;
        }
        p += skip + TZIF_HEAD_BYTES;
        len -= skip + TZIF_HEAD_BYTES;
        time_bytes = 8;
    }
    size_t body = block_bytes(&head, time_bytes);
    if (len < body) {
        return WW_BAD_INPUT;
    }
    enum ww_status status = read_changes(zone, p, &head, time_bytes);
    if (status != WW_OK || time_bytes == 4) {
        return status;
    }
    /* "\n" line "\n"; an empty line means that nothing is known about later times. */
    p += body;
    len -= body;
    if (len < 2 || p[0] != '\n' || p[len - 1] != '\n') {
        return WW_BAD_INPUT;
    }
    struct cursor line = {(const char *)p + 1, (const char *)p + len - 1};
    return line.p == line.end || read_posix_line(zone, line) ? WW_OK : WW_BAD_INPUT;
}

/* Letters, digits and "_+-/", no "..", no leading "/": nothing that leads out of the folder. */
static bool is_zone_name(struct ww_str name) {
    if (name.len == 0 || name.len > ZONE_NAME_MAX || name.ptr[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '+' && c != '-' && c != '/') {
            return false;
        }
    }
    return true;
}

static enum ww_status load_zone(struct ww_zone *zone, struct ww_str name, struct ww_error *err) {
    char path[sizeof ZONE_FOLDER + ZONE_NAME_MAX];
    enum ww_status status = WW_OK;
    FILE *file = NULL;
    unsigned char *bytes = NULL;
    size_t len = 0;

    (void)snprintf(path, sizeof path, ZONE_FOLDER "%.*s", WW_STR_ARG(name));
    file = fopen(path, "rbe");
    if (!file) {
        return ww_error_set(err, WW_NOT_FOUND, "there is no time zone \"%.*s\"", WW_STR_ARG(name));
    }
    bytes = ww_try_malloc(ZONE_FILE_BYTES);
    if (!bytes) {
        status = ww_error_set(err, WW_NO_MEMORY, "no memory for a time zone");
        goto done;
    }
    len = fread(bytes, 1, ZONE_FILE_BYTES, file);
    if (len == 0) { /* a folder, such as "Asia" */
        status = ww_error_set(err, WW_NOT_FOUND, "there is no time zone \"%.*s\"", WW_STR_ARG(name));
        goto done;
    }
    status = read_tzif(zone, bytes, len);
    if (status != WW_OK) {
        (void)ww_error_set(err, status, "the system's file of the time zone \"%.*s\" cannot be read",
                           WW_STR_ARG(name));
    }
done:
    ww_free(bytes);
    (void)fclose(file);
    return status;
}

enum ww_status ww_zone_open(struct ww_str name, struct ww_zone **out, struct ww_error *err) {
    enum ww_status status = WW_OK;
    size_t pos = 0;
    int32_t fixed_s = 0;
    struct ww_zone *zone = ww_try_calloc(1, sizeof *zone);
    if (!zone) {
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a time zone");
    }
    if (ww_str_is(name, "UTC") || ww_str_is(name, "Z") ||
        (ww_offset_read(name, &pos, &fixed_s) && pos == name.len)) {
        zone->has_rule = true;
        zone->standard_s = fixed_s;
    } else if (!is_zone_name(name)) {
        status = ww_error_set(err, WW_BAD_INPUT, "not the name of a time zone: \"%.*s\"",
                              (int)(name.len > 40 ? 40 : name.len), name.ptr ? name.ptr : "");
    } else {
        status = load_zone(zone, name, err);
    }
    if (status != WW_OK) {
        ww_zone_close(zone);
        return status;
    }
    *out = zone;
    return WW_OK;
}

void ww_zone_close(struct ww_zone *zone) {
    if (zone) {
        ww_free(zone->at_s);
        ww_free(zone->offset_s);
        ww_free(zone);
    }
}

int32_t ww_zone_offset_s(const struct ww_zone *zone, int64_t instant_us) {
    int64_t second = ww_floor_div(instant_us, WW_SECOND_US);
    if (zone->count == 0) {
        return zone->has_rule ? offset_by_rule(zone, second) : zone->before_s;
    }
    if (second >= zone->at_s[zone->count - 1]) {
        return zone->has_rule ? offset_by_rule(zone, second) : zone->offset_s[zone->count - 1];
    }
    if (second < zone->at_s[0]) {
        return zone->before_s;
    }
    size_t low = 0; /* at_s[low] <= second < at_s[high] */
    size_t high = zone->count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->at_s[middle] <= second) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return zone->offset_s[low];
}
