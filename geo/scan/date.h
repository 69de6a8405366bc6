/* Dates of the scan's files, as exact as they are written: a day, a month, a year, or a plain number. */
#ifndef WW_SCAN_DATE_H
#define WW_SCAN_DATE_H

#include <stdbool.h>

#include "geo/base/str.h"

/* In which steps time is counted. NONE: without time; NUMBER: the files' times are plain integers. */
enum ww_scan_unit { WW_SCAN_NONE, WW_SCAN_YEAR, WW_SCAN_MONTH, WW_SCAN_DAY, WW_SCAN_NUMBER };

struct ww_scan_date {
    int64_t number; /* of NUMBER */
    int16_t year;   /* 0: no date at all */
    int8_t month;   /* 0: only the year is known */
    int8_t day;     /* 0: only year and month are known */
    bool is_number;
    bool short_year; /* two digits: see ww_scan_date_settle */
};

/* "1991/12/31", "1991-12-31", "1991/12", "1991", "12/31/1991", "12/1991", "91/12/31", "91". With `number`:
 * any integer. False: it is none of these, or no day of the calendar. */
bool ww_scan_date_parse(struct ww_str text, bool number, struct ww_scan_date *out);
/* Gives a two-digit year its century: of the years that end so, the nearest to first…last (the earlier of two
 * equally near). With first > last no period is known: 70…99 are 19xx, 00…69 are 20xx. */
void ww_scan_date_settle(struct ww_scan_date *date, int first, int last);

/* Day numbers count from 1970-01-01; of a NUMBER they are the number itself. The first and the last day that
 * the date covers, and its middle as the field counts it: 1 July of a year, the 15th of a month. */
int64_t ww_scan_date_first(const struct ww_scan_date *date);
int64_t ww_scan_date_last(const struct ww_scan_date *date);
int64_t ww_scan_date_middle(const struct ww_scan_date *date);
/* How exact it is: YEAR, MONTH, DAY, NUMBER or NONE. */
enum ww_scan_unit ww_scan_date_unit(const struct ww_scan_date *date);

/* The day `steps` units before `day` (months and years by the calendar, on the last day of a shorter month).
 */
int64_t ww_scan_day_back(int64_t day, enum ww_scan_unit unit, int64_t steps);
/* "1991-12-31", or the number; returns the length. */
int ww_scan_day_text(int64_t day, enum ww_scan_unit unit, char out[24]);

#endif
