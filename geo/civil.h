/* The Gregorian calendar as arithmetic, shared by instant.c, instant_format.c and zone.c.
 *
 * Days are counted from 1970-01-01, negative before. The method shifts the year to begin in March, so that
 * the leap day is its last day, and counts in eras of 400 years (146,097 days), which repeat exactly.
 * Source of the method: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Not a public header.
 */
#ifndef WW_GEO_CIVIL_H
#define WW_GEO_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#include "geo/instant.h"

#define WW_DAY_S 86400
/* 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z in seconds: the range that we accept, the end exclusive. */
#define WW_FIRST_S INT64_C(-62135596800)
#define WW_END_S   INT64_C(253402300800)

static inline int64_t ww_floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static inline int64_t ww_days_of(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = ww_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468; /* 719468 = days from 0000-03-01 to 1970-01-01 */
}

static inline void ww_date_of(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int64_t era = ww_floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static inline bool ww_year_is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int ww_month_days(int year, int month) {
    static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && ww_year_is_leap(year));
}

/* Reads "+08:00", "-0330" or "+08" at *pos and moves on; false (and *pos untouched) when it is none. */
bool ww_offset_read(struct ww_str text, size_t *pos, int32_t *offset_s);

#endif
