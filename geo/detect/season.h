/* What is usual at this hour of a weekday, of a weekend? 48 cells with level and spread.
 *
 * A stay in an hour is a visit. During it the readings that are in order are averaged; when the hour is over
 * the cell moves towards the visit's mean at rate 1/(visits + 1), later 1/20: some weeks of memory, and one
 * odd day changes little. A visit with more outliers than readings in order teaches nothing, but the third
 * such visit in a row does: a changed timetable is accepted after three days (weekends: after the second).
 *
 * A young cell is shrunk to its parents, (n · cell + w · parent) / (n + w): weekday and weekend are each
 * other's parent, then the mean of all. w is the variance within an hour over the variance between hours, at
 * most 4: a series that has a daily course believes its second day, one that has none stays with its mean.
 *
 * How well does the course of the day foretell the next hour at all? `entry_dev` is the mean absolute
 * difference between what was forecast on entering an hour and the hour's mean. In a series that wanders more
 * than it keeps hours it is large, and the forecast by season says so in its band until the hour's own
 * readings have taught it.
 *
 * 380 bytes: levels in 16 bits over the range that this series' hours span, which doubles when it has to (a
 * 32,000th of it is no error); spreads as floats of eight digits, half a part in 256. The hour that goes on
 * is unpacked once, on entering it: readings touch nothing else. Values are relative to the origin of the
 * series.
 */
#ifndef WW_GEO_DETECT_SEASON_H
#define WW_GEO_DETECT_SEASON_H

#include <stdbool.h>
#include <stdint.h>

#define WW_SEASON_CELLS 48
#define WW_SEASON_HOURS 24
#define WW_SEASON_YOUNG 2 /* visits from which a cell is worth a forecast */

struct ww_season {
    /* the visit that goes on */
    float mean_now, odd_mean; /* of its readings in order, of the others */
    float error_sum, local_error_sum;
    uint16_t count, odd_count;
    int8_t cell;      /* -1 before the first */
    bool known;       /* its level is worth a forecast */
    uint16_t entries; /* hours that had a forecast */
    /* what is usual in it, unpacked: level; spread = kept + young · spread of all */
    float level, spread, spread_young, local, local_young;
    float forecast; /* on entering this hour; NAN = none */
    float entry_dev;
    float day_dev; /* between an hour's mean and its cell: how far days differ */
    /* all hours */
    float base, unit; /* level = base + unit · q */
    float mean;       /* of all known cells */
    float shrink;     /* w */
    int16_t levels[WW_SEASON_CELLS];
    uint16_t spreads[WW_SEASON_CELLS];       /* mean absolute error of the forecast by season */
    uint16_t local_spreads[WW_SEASON_HOURS]; /* of the forecast by recent readings, on any day */
    uint8_t visits[WW_SEASON_CELLS]; /* learned, at most 63; times 4, plus the refused ones in a row */
};

void ww_season_init(struct ww_season *season);
/* 0…23 on weekdays, 24…47 on Saturdays and Sundays. `local_us` = moment plus the zone's offset. */
int ww_season_cell(int64_t local_us);
/* Enters the hour that a reading lies in, learning the one that is over. */
void ww_season_enter(struct ww_season *season, int cell);
/* What was forecast for the hour just entered. */
void ww_season_expect(struct ww_season *season, double forecast);
int ww_season_visits(const struct ww_season *season, int cell);
/* False while the cell is too young. */
bool ww_season_level(const struct ww_season *season, int cell, double *level);
/* The cell's spread shrunk to `all`; 0 where nothing is known and all is 0. */
double ww_season_spread(const struct ww_season *season, int cell, double all);
double ww_season_local_spread(const struct ww_season *season, int cell, double all);
/* A reading in order: its value and the absolute errors of both forecasts. */
void ww_season_add(struct ww_season *season, double x, double error, double local_error);
/* An outlier. */
void ww_season_add_odd(struct ww_season *season, double x);

#endif
