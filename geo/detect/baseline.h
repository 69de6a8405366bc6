/* Is this reading usual for its series? The seasonal robust baseline: pure, one series at a time.
 *
 * Two forecasts look at each reading: what the last readings make likely (level_track.h, *recent*), and what
 * is usual at this hour of a weekday or weekend plus how the series stands off it lately (season.h,
 * *season*). Each has its own spread for the hour. Four statistics come of it:
 *
 *   recent   how far from the recent level, in that forecast's own sd; the day's usual change is not held
 * against it season   how far from what is usual at this hour shift    a two-sided CUSUM, k = 0.5: small
 * departures that last run      the binomial event discriminator: so many of the last 8, of the last 64
 * readings outside the band
 *
 * Each is turned into a surprise, -log10 of how often this series itself went as far (tail.h), so that
 * sensors that are often wild must be wilder to alarm. The row's surprise is made of them, calibrated once
 * more, and said in users' terms: `months` between such rows by chance, and a score in 0…1 with 0.5 = once a
 * sensor-month.
 *
 * What it does not do: learn from outliers. A reading outside the band moves no level, no spread, no season;
 * after the third in a row no tail either. When readings have stayed outside for `accept_us` and for
 * `accept_readings`, the level that they hold is accepted as the new normal, and the verdict says so. Missing
 * readings widen the band. One step of the instrument's resolution, which is learned too, is never an
 * outlier.
 *
 * Usable after WW_BASELINE_YOUNG readings; the season joins on the second day. Readings come in order of
 * time; one that is not newer than the last is judged (LATE) but teaches nothing, unless so many follow that
 * the clock must have been set back.
 *
 *   struct ww_baseline state;                     // below 1 KB, no pointers; copy it, or rebuild it by
 * replay ww_baseline_init(&state); ww_baseline_step(&ww_baseline_params_default, &state, &reading, &verdict);
 *
 * The same readings in the same order give the same numbers, bit for bit.
 * Sources: CANARY (US EPA) for learning and time-out; docs/guides/score.md says how the constants were fixed.
 */
#ifndef WW_GEO_DETECT_BASELINE_H
#define WW_GEO_DETECT_BASELINE_H

#include "geo/detect/fetch.h"
#include "geo/detect/level_track.h"
#include "geo/detect/season.h"
#include "geo/detect/tails.h"
#include "geo/limit_detector.h" /* struct ww_reading */

#define WW_BASELINE_YOUNG 24 /* readings before the first verdict */

struct ww_baseline_params {
    const struct ww_zone *zone; /* of hours and weekdays; NULL = UTC */
    int64_t accept_us;          /* a new normal is accepted after this … */
    uint32_t accept_readings;   /* … and so many readings outside */
};

extern const struct ww_baseline_params ww_baseline_params_default; /* UTC, 4 hours, 12 readings */

struct ww_baseline {
    double origin; /* taken off every value, so that floats suffice */
    int64_t last_us;
    int64_t outside_since_us; /* WW_INSTANT_NONE = not outside */
    uint64_t outside;         /* the last 64 readings, newest in bit 0 */
    struct ww_season season;
    struct ww_track recent, rest; /* of values; of what is left without the season */
    struct ww_tails point;        /* recent above, below; season above, below */
    struct ww_tails course;       /* shift up, down; run of 8, of 64 */
    struct ww_tail row_tail;
    float shift[2];
    float last_x;
    float last_season; /* the season's level when the recent track learned last; NAN = unknown */
    float resolution;
    float usual_s; /* between readings */
    uint32_t n;
    uint16_t recent_streak, rest_streak; /* readings outside, less twice those inside */
    uint16_t late;                       /* in a row */
    int64_t late_us;                     /* of the last late one */
};

enum ww_baseline_kind {
    WW_BASELINE_LEARNING, /* too young to judge */
    WW_BASELINE_JUDGED,
    WW_BASELINE_LATE /* not newer than the last: judged, not learned */
};

/* Which statistics are surprised (at least once in a hundred of its own readings). */
enum ww_baseline_reason {
    WW_BASELINE_RECENT = 1,
    WW_BASELINE_SEASON = 2,
    WW_BASELINE_SHIFT = 4,
    WW_BASELINE_RUN = 8
};

struct ww_baseline_verdict {
    enum ww_baseline_kind kind;
    unsigned reasons;
    bool by_season; /* expected, band and z are the season's, not the recent level's */
    bool new_normal;
    double observed, expected, lower,
        upper;       /* the band leaves out one reading in two hundred of its own past */
    double z;        /* in sd of the forecast, signed */
    double surprise; /* -log10 of how often a row of this series is as surprising */
    double months;   /* mean time between rows as surprising as this, by chance; ww_score_of_months */
    double usual_s;
    double season,
        season_dev; /* usual at this hour, without how the series stands to it lately; NAN = not known */
    int outside_of_8, outside_of_64;
    int shift_sign;   /* of the larger CUSUM */
    int64_t since_us; /* readings are outside since; WW_INSTANT_NONE */
};

void ww_baseline_init(struct ww_baseline *state);
/* What a step reads (fetch.h): the season's hours are read once an hour only. */
static inline void ww_baseline_fetch(const struct ww_baseline *state) {
    ww_fetch(state, offsetof(struct ww_baseline, season.levels));
    ww_fetch(&state->recent, sizeof *state - offsetof(struct ww_baseline, recent));
}
void ww_baseline_step(const struct ww_baseline_params *params, struct ww_baseline *state,
                      const struct ww_reading *reading, struct ww_baseline_verdict *verdict);

/* How many excesses a tail of such a past is good for (tail.h): 2 + one each 80 readings (four a thousand are
 * rare, and come in clusters), but not more than three a day, since what goes wrong lasts hours; at most 202.
 */
double ww_baseline_past(uint32_t n, double usual_s);
/* The mean time between rows of that surprise, when one comes each usual_s seconds. */
double ww_months_of_surprise(double surprise, double usual_s);
/* 1 / (1 + months^-¼): 0.5 once a month, 0.64 once in ten months, 0.91 once in 10,000. */
double ww_score_of_months(double months);

#endif
