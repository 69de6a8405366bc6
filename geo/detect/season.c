/* Learns the course of days and weekends; see season.h. */
#include "geo/detect/season.h"

#include <math.h>
#include <string.h>

enum {
    HOURS = 24,
    MOST_VISITS = 20,
    COUNTED_VISITS = 63,
    MOST_ENTRIES = 240,
    REFUSALS_WEEKDAY = 3,
    REFUSALS_WEEKEND = 4,
    US_AN_HOUR_E6 = 3600
};

static const double most_shrink = 4, least_shrink = 0.05;

void ww_season_init(struct ww_season *season) {
    memset(season, 0, sizeof *season);
    season->cell = -1;
    season->forecast = NAN;
    season->shrink = (float)most_shrink;
}

int ww_season_cell(int64_t local_us) {
    const int64_t hour_us = INT64_C(1000000) * US_AN_HOUR_E6, day_us = HOURS * hour_us;
    int64_t day = local_us / day_us - (local_us % day_us < 0);
    int hour = (int)((local_us - day * day_us) / hour_us);
    int64_t weekday = (day + 3) % 7; /* 1970-01-01 was a Thursday; Monday = 0 */
    if (weekday < 0)
        weekday += 7;
    return weekday >= 5 ? HOURS + hour : hour;
}

static int visits_of(const struct ww_season *s, int cell) {
    return s->visits[cell] >> 2;
}

static int twin_of(int cell) {
    return cell >= HOURS ? cell - HOURS : cell + HOURS;
}

static double mean_level(const struct ww_season *s) {
    double sum = 0;
    int n = 0;
    for (int i = 0; i < WW_SEASON_CELLS; i++) {
        if (visits_of(s, i) > 0) {
            sum += s->level[i];
            n++;
        }
    }
    return n > 0 ? sum / n : 0;
}

/* Within over between, from the cells that are known. */
static float shrink_of(const struct ww_season *s) {
    double between = 0, within = 0;
    int n = 0;
    for (int i = 0; i < WW_SEASON_CELLS; i++) {
        if (visits_of(s, i) > 0) {
            double d = s->level[i] - s->mean, sd = 1.2533 * s->spread[i];
            between += d * d;
            within += sd * sd;
            n++;
        }
    }
    if (n < HOURS / 2 || !(between > 0))
        return (float)most_shrink;
    double w = within / between;
    return (float)(w > most_shrink ? most_shrink : w < least_shrink ? least_shrink : w);
}

static void learn(float *kept, double value, double rate) {
    *kept += (float)(rate * (value - *kept));
}

/* An event teaches little: at most six times what is usual. */
static double bounded(const struct ww_season *s, double dev, double usual) {
    return s->entries > HOURS && dev > 6 * usual ? 6 * usual : dev;
}

static void take_day(struct ww_season *s, double dev) {
    learn(&s->day_dev, bounded(s, dev, s->day_dev), 1.0 / (s->entries > 0 ? s->entries : 1));
}

static void take_entry(struct ww_season *s) {
    if (isnan(s->forecast) || s->odd_count > s->count)
        return;
    double error = fabs(s->sum / s->count - s->forecast);
    if (s->entries < MOST_ENTRIES)
        s->entries++;
    learn(&s->entry_dev, bounded(s, error, s->entry_dev), 1.0 / s->entries);
}

static void take_visit(struct ww_season *s) {
    int cell = s->cell;
    bool odd = s->odd_count > s->count;
    int enough = cell >= HOURS ? REFUSALS_WEEKEND : REFUSALS_WEEKDAY;
    int visits = visits_of(s, cell), refused = (s->visits[cell] & 3) + 1;
    if (odd && refused < enough) {
        s->visits[cell]++;
        return;
    }
    double mean = odd ? s->odd_sum / s->odd_count : s->sum / s->count;
    double rate = 1.0 / (visits < MOST_VISITS ? visits + 1 : MOST_VISITS);
    if (odd) { /* the new timetable */
        s->level[cell] = (float)mean;
    } else {
        if (visits > 0)
            take_day(s, fabs(mean - s->level[cell]));
        learn(&s->level[cell], mean, rate);
        learn(&s->spread[cell], s->error_sum / (float)s->count, rate);
        learn(&s->local_spread[cell], s->local_error_sum / (float)s->count, rate);
    }
    s->visits[cell] = (uint8_t)((visits < COUNTED_VISITS ? visits + 1 : COUNTED_VISITS) << 2);
    s->mean = (float)mean_level(s);
    s->shrink = shrink_of(s);
}

void ww_season_enter(struct ww_season *season, int cell) {
    if (cell == season->cell)
        return;
    if (season->cell >= 0 && season->count + season->odd_count > 0) {
        take_entry(season);
        take_visit(season);
    }
    season->forecast = NAN;
    season->cell = (int8_t)cell;
    season->sum = season->odd_sum = 0;
    season->error_sum = season->local_error_sum = 0;
    season->count = season->odd_count = 0;
}

int ww_season_visits(const struct ww_season *season, int cell) {
    return visits_of(season, cell);
}

void ww_season_expect(struct ww_season *season, double forecast) {
    season->forecast = (float)forecast;
}

bool ww_season_level(const struct ww_season *season, int cell, double *level) {
    double n = visits_of(season, cell), m = visits_of(season, twin_of(cell)), w = season->shrink;
    if (n + m < WW_SEASON_YOUNG)
        return false;
    double parent = 0;
    if (n < COUNTED_VISITS) { /* later the parents weigh next to nothing */
        parent = (m * season->level[twin_of(cell)] + w * season->mean) / (m + w);
    }
    *level = n < COUNTED_VISITS ? (n * season->level[cell] + w * parent) / (n + w) : season->level[cell];
    return true;
}

static double shrunk(double n, double own, double all) {
    enum { WEIGHT = 4 };
    return (n * own + WEIGHT * all) / (n + WEIGHT);
}

double ww_season_spread(const struct ww_season *season, int cell, double all) {
    return shrunk(visits_of(season, cell), season->spread[cell], all);
}

double ww_season_local_spread(const struct ww_season *season, int cell, double all) {
    return shrunk(visits_of(season, cell), season->local_spread[cell], all);
}

void ww_season_add(struct ww_season *season, double x, double error, double local_error) {
    season->sum += x;
    season->error_sum += (float)error;
    season->local_error_sum += (float)local_error;
    season->count++;
}

void ww_season_add_odd(struct ww_season *season, double x) {
    season->odd_sum += x;
    season->odd_count++;
}
