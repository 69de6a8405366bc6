/* Learns the course of days and weekends; see season.h. */
#include "geo/detect/season.h"

#include <math.h>
#include <string.h>

enum {
    HOURS = WW_SEASON_HOURS,
    MOST_VISITS = 20,
    COUNTED_VISITS = 63,
    MOST_ENTRIES = 240,
    REFUSALS_WEEKDAY = 3,
    REFUSALS_WEEKEND = 4,
    US_AN_HOUR_E6 = 3600,
    FIRST_RANGE = 4096 /* units that the first difference between hours is given; eight times that fit */
};

static const double most_shrink = 4, least_shrink = 0.05;

/* ---- numbers in 16 bits ---- */

/* The upper half of a float whose sign is known: eight bits of exponent, eight of mantissa, rounded. */
static uint16_t pack_spread(float spread) {
    uint32_t bits;
    memcpy(&bits, &spread, sizeof bits);
    bits += 1u << 14;
    return (uint16_t)(bits >> 15);
}

static float unpack_spread(uint16_t packed) {
    uint32_t bits = (uint32_t)packed << 15;
    float spread;
    memcpy(&spread, &bits, sizeof spread);
    return spread;
}

static float level_of(const struct ww_season *s, int cell) {
    return s->base + s->unit * (float)s->levels[cell];
}

/* Doubles the range until the level fits; what was kept is halved, a unit at most lost. */
static void set_level(struct ww_season *s, int cell, float level) {
    if (isnan(s->base))
        s->base = level; /* the first */
    float above = level - s->base;
    if (!(s->unit > 0))
        s->unit = fabsf(above) / FIRST_RANGE;
    while (s->unit > 0 && fabsf(above) > s->unit * INT16_MAX) {
        s->unit *= 2;
        for (int i = 0; i < WW_SEASON_CELLS; i++)
            s->levels[i] = (int16_t)(s->levels[i] / 2);
    }
    s->levels[cell] = s->unit > 0 ? (int16_t)lrintf(above / s->unit) : 0;
}

void ww_season_init(struct ww_season *season) {
    memset(season, 0, sizeof *season);
    season->cell = -1;
    season->forecast = season->base = NAN;
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

/* Within hours over between hours. */
static float shrink_of(int n, double between, double within) {
    if (n < HOURS / 2 || !(between > 0))
        return (float)most_shrink;
    double w = within / between;
    return (float)(w > most_shrink ? most_shrink : w < least_shrink ? least_shrink : w);
}

/* What all hours say together. Cells that no visit has taught hold zeros, so sums need not leave them out; in
 * whole numbers they are exact, and taken several at once. */
static void take_all(struct ww_season *s) {
    enum { SUMS = 4 };
    int32_t n = 0, sum = 0;
    int64_t squares = 0;
    double within[SUMS] = {0};
    for (int i = 0; i < WW_SEASON_CELLS; i++) {
        int32_t q = s->levels[i];
        n += s->visits[i] >= 1 << 2;
        sum += q;
        squares += q * q;
    }
    for (int i = 0; i < WW_SEASON_CELLS; i += SUMS) {
        for (int k = 0; k < SUMS; k++) {
            double spread = (double)unpack_spread(s->spreads[i + k]);
            within[k] += spread * spread;
        }
    }
    s->mean = n > 0 ? (float)((double)s->base + (double)s->unit * sum / n) : 0;
    double unit = (double)s->unit, about_mean = n > 0 ? (double)squares - (double)sum * sum / n : 0;
    double between = unit * unit * about_mean;
    s->shrink = shrink_of(n, between, 1.2533 * 1.2533 * (within[0] + within[1] + within[2] + within[3]));
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
    double error = fabs((double)(s->mean_now - s->forecast));
    if (s->entries < MOST_ENTRIES)
        s->entries++;
    learn(&s->entry_dev, bounded(s, error, s->entry_dev), 1.0 / s->entries);
}

static void learn_spread(uint16_t *kept, float value, double rate) {
    float spread = unpack_spread(*kept);
    learn(&spread, (double)value, rate);
    *kept = pack_spread(spread > 0 ? spread : 0);
}

static double visit_rate(int visits) {
    return 1.0 / (visits < MOST_VISITS ? visits + 1 : MOST_VISITS);
}

static int visits_of_hour(const struct ww_season *s, int cell) {
    return visits_of(s, cell) + visits_of(s, twin_of(cell));
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
    if (odd) { /* the new timetable */
        set_level(s, cell, s->odd_mean);
    } else {
        float level = visits > 0 ? level_of(s, cell) : s->mean_now;
        if (visits > 0)
            take_day(s, fabs((double)(s->mean_now - level)));
        learn(&level, (double)s->mean_now, visit_rate(visits));
        set_level(s, cell, level);
        learn_spread(&s->spreads[cell], s->error_sum / s->count, visit_rate(visits));
        learn_spread(&s->local_spreads[cell % HOURS], s->local_error_sum / s->count,
                     visit_rate(visits_of_hour(s, cell)));
    }
    s->visits[cell] = (uint8_t)((visits < COUNTED_VISITS ? visits + 1 : COUNTED_VISITS) << 2);
    take_all(s);
}

static bool find_level(const struct ww_season *s, int cell, double *level) {
    double n = visits_of(s, cell), m = visits_of(s, twin_of(cell)), w = s->shrink,
           own = (double)level_of(s, cell);
    if (n + m < WW_SEASON_YOUNG)
        return false;
    double parent = (m * (double)level_of(s, twin_of(cell)) + w * s->mean) / (m + w);
    *level = n < COUNTED_VISITS ? (n * own + w * parent) / (n + w)
                                : own; /* later the parents weigh next to nothing */
    return true;
}

/* spread = kept + young · all: shrunk to all as by four visits. */
static void find_spread(int visits, uint16_t packed, float *kept, float *young) {
    enum { WEIGHT = 4 };
    float n = (float)visits;
    *kept = n * unpack_spread(packed) / (n + WEIGHT);
    *young = WEIGHT / (n + WEIGHT);
}

static void unpack(struct ww_season *s) {
    int cell = s->cell;
    double level = 0;
    s->known = find_level(s, cell, &level);
    s->level = (float)level;
    find_spread(visits_of(s, cell), s->spreads[cell], &s->spread, &s->spread_young);
    find_spread(visits_of_hour(s, cell), s->local_spreads[cell % HOURS], &s->local, &s->local_young);
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
    season->mean_now = season->odd_mean = 0;
    season->error_sum = season->local_error_sum = 0;
    season->count = season->odd_count = 0;
    unpack(season);
}

int ww_season_visits(const struct ww_season *season, int cell) {
    return visits_of(season, cell);
}

void ww_season_expect(struct ww_season *season, double forecast) {
    season->forecast = (float)forecast;
}

bool ww_season_level(const struct ww_season *season, int cell, double *level) {
    if (cell != season->cell)
        return find_level(season, cell, level);
    *level = (double)season->level;
    return season->known;
}

double ww_season_spread(const struct ww_season *season, int cell, double all) {
    float kept = season->spread, young = season->spread_young;
    if (cell != season->cell)
        find_spread(visits_of(season, cell), season->spreads[cell], &kept, &young);
    return (double)kept + (double)young * all;
}

double ww_season_local_spread(const struct ww_season *season, int cell, double all) {
    float kept = season->local, young = season->local_young;
    if (cell != season->cell)
        find_spread(visits_of_hour(season, cell), season->local_spreads[cell % HOURS], &kept, &young);
    return (double)kept + (double)young * all;
}

/* A mean that moves loses less in a float than a sum that grows. */
static void average(float *mean, uint16_t *count, double x) {
    if (*count < UINT16_MAX)
        ++*count;
    *mean += (float)((x - (double)*mean) / *count);
}

void ww_season_add(struct ww_season *season, double x, double error, double local_error) {
    if (season->count < UINT16_MAX) {
        season->error_sum += (float)error;
        season->local_error_sum += (float)local_error;
    }
    average(&season->mean_now, &season->count, x);
}

void ww_season_add_odd(struct ww_season *season, double x) {
    average(&season->odd_mean, &season->odd_count, x);
}
