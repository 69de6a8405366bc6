/* Reading the field's dates, and stepping through the calendar. */
#include "geo/scan/date.h"

#include <stdio.h>

#include "geo/civil.h"

enum { MOST_NUMBER = 1000000000 };

static bool all_digits(struct ww_str part) {
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] < '0' || part.ptr[i] > '9')
            return false;
    return part.len > 0 && part.len <= 4;
}

static int number_of(struct ww_str part) {
    int n = 0;
    for (size_t i = 0; i < part.len; i++)
        n = 10 * n + (part.ptr[i] - '0');
    return n;
}

static bool fill(struct ww_scan_date *out, struct ww_str year, int month, int day) {
    if (year.len != 4 && year.len != 2)
        return false;
    *out = (struct ww_scan_date){.year = (int16_t)number_of(year),
                                 .month = (int8_t)month,
                                 .day = (int8_t)day,
                                 .short_year = year.len == 2};
    if ((year.len == 4 && out->year < 1000) || month < 0 || month > 12 || day < 0)
        return false;
    /* 29 February of a short year waits for its century */
    int year_for_length = out->short_year ? 2000 : out->year;
    return day == 0 || day <= ww_month_days(year_for_length, month);
}

bool ww_scan_date_parse(struct ww_str text, bool number, struct ww_scan_date *out) {
    if (number) {
        *out = (struct ww_scan_date){.is_number = true};
        return ww_str_to_i64(text, &out->number) && out->number >= -MOST_NUMBER && out->number <= MOST_NUMBER;
    }
    struct ww_str part[3];
    int n = 0;
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '-')
            continue;
        if (n == 3)
            return false;
        part[n] = (struct ww_str){text.ptr + from, i - from};
        if (!all_digits(part[n++]))
            return false;
        from = i + 1;
    }
    /* A month or day that is written but 0 must not pass for one that is not written. */
    bool year_last = n > 1 && part[n - 1].len == 4 && part[0].len <= 2;
    struct ww_str year = year_last ? part[n - 1] : part[0];
    int month = n == 1 ? 0 : number_of(part[year_last ? 0 : 1]);
    int day = n < 3 ? 0 : number_of(part[year_last ? 1 : 2]);
    if ((n > 1 && month == 0) || (n > 2 && day == 0))
        return false;
    return fill(out, year, month, day);
}

void ww_scan_date_settle(struct ww_scan_date *date, int first, int last) {
    if (!date->short_year)
        return;
    int best = date->year + (date->year >= 70 ? 1900 : 2000);
    if (first <= last) {
        int least = 0;
        for (int year = date->year + 1000; year < 10000; year += 100) {
            int off = year < first ? first - year : year > last ? year - last : 0;
            if (year == date->year + 1000 || off < least) {
                least = off;
                best = year;
            }
        }
    }
    date->year = (int16_t)best;
    date->short_year = false;
    if (date->day > 0 && date->day > ww_month_days(best, date->month))
        date->day = (int8_t)ww_month_days(best, date->month);
}

int64_t ww_scan_date_first(const struct ww_scan_date *d) {
    return d->is_number
               ? d->number
               : ww_days_of(d->year, d->month ? (unsigned)d->month : 1, d->day ? (unsigned)d->day : 1);
}

int64_t ww_scan_date_last(const struct ww_scan_date *d) {
    if (d->is_number || d->day)
        return ww_scan_date_first(d);
    unsigned month = d->month ? (unsigned)d->month : 12;
    return ww_days_of(d->year, month, (unsigned)ww_month_days(d->year, (int)month));
}

int64_t ww_scan_date_middle(const struct ww_scan_date *d) {
    if (d->is_number || d->day)
        return ww_scan_date_first(d);
    return d->month ? ww_days_of(d->year, (unsigned)d->month, 15) : ww_days_of(d->year, 7, 1);
}

enum ww_scan_unit ww_scan_date_unit(const struct ww_scan_date *d) {
    if (d->is_number)
        return WW_SCAN_NUMBER;
    return d->day ? WW_SCAN_DAY : d->month ? WW_SCAN_MONTH : d->year ? WW_SCAN_YEAR : WW_SCAN_NONE;
}

int64_t ww_scan_day_back(int64_t day, enum ww_scan_unit unit, int64_t steps) {
    if (unit == WW_SCAN_DAY || unit == WW_SCAN_NUMBER)
        return day - steps;
    int year, month, of_month;
    ww_date_of(day, &year, &month, &of_month);
    int64_t months = (int64_t)year * 12 + month - 1 - steps * (unit == WW_SCAN_YEAR ? 12 : 1);
    int64_t to_year = ww_floor_div(months, 12);
    int to_month = (int)(months - to_year * 12) + 1;
    int most = ww_month_days((int)to_year, to_month);
    return ww_days_of(to_year, (unsigned)to_month, (unsigned)(of_month < most ? of_month : most));
}

int ww_scan_day_text(int64_t day, enum ww_scan_unit unit, char out[24]) {
    if (unit == WW_SCAN_NUMBER)
        return snprintf(out, 24, "%lld", (long long)day);
    int year, month, of_month;
    ww_date_of(day, &year, &month, &of_month);
    return snprintf(out, 24, "%04d-%02d-%02d", year % 10000, month, of_month);
}
