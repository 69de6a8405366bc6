/* Where will the next reading be? A level that follows its series as fast as the series deserves.
 *
 * Four exponentially weighted levels with four rates run side by side; the one whose past forecasts were best
 * is believed. That is how a steady series gets a steady level and a wandering one a level that wanders.
 *
 * How far may a reading lie from it? A level with rate a that has not learned for h readings (they were
 * missing, or outliers, from which nothing is learned) has a forecast error of s sqrt(1 + h a²): the band
 * widens in silence, fast for a wandering series, hardly for a steady one (exponential smoothing as a
 * state-space model; Hyndman et al. 2008, class ETS(A,N,N)).
 *
 * Doubt that comes from outside, such as how well the course of the day foretells the next hour, widens the
 * band too, until readings have been learned.
 *
 * A fifth level, the shadow, follows everything, outliers too. When a new normal is accepted, it is what the
 * others become. 60 bytes; values are floats relative to an origin that the caller takes off first.
 */
#ifndef WW_GEO_DETECT_LEVEL_TRACK_H
#define WW_GEO_DETECT_LEVEL_TRACK_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define WW_TRACK_RATES 4

struct ww_track {
    float level[WW_TRACK_RATES];
    float error[WW_TRACK_RATES]; /* mean absolute error of each */
    float shadow, shadow_error;
    float before;            /* the level before the last new normal; NAN = none */
    float dev;               /* mean absolute error of the one believed; its sd is 1.2533 times that */
    uint32_t n;              /* readings learned */
    float waiting;           /* readings since it learned last */
    float doubt;             /* mean absolute error that came from outside and that learning takes away */
    uint16_t since_accepted; /* readings learned since the last new normal */
    uint8_t best;
};

/* The forecast. */
static inline double ww_track_level(const struct ww_track *track) {
    return (double)track->level[track->best];
}
/* The forecast's mean absolute error, given that right after learning (`dev`): dev sqrt(1 + h a²), and the
 * doubt. */
static inline double ww_track_dev(const struct ww_track *track, const float rates[WW_TRACK_RATES],
                                  double dev) {
    double a = (double)rates[track->best], doubt = (double)track->doubt;
    if (track->waiting == 0 && track->doubt == 0)
        return dev;
    return sqrt(dev * dev * (1 + (double)track->waiting * a * a) + doubt * doubt);
}
/* What it follows may have jumped by so much, such as from one hour to the next. */
void ww_track_doubt(struct ww_track *track, double dev);
/* Readings that were due and did not come. */
static inline void ww_track_wait(struct ww_track *track, double readings) {
    track->waiting += (float)readings;
}
/* Learns x, whose error is clipped at `clip`. */
void ww_track_learn(struct ww_track *track, const float rates[WW_TRACK_RATES], double x, double clip);
/* An outlier: only the shadow sees it. */
void ww_track_pass_over(struct ww_track *track, double x);
/* The new normal: the shadow's level, and its spread where that is wider. The old one is remembered … */
void ww_track_accept(struct ww_track *track);
/* … so that a reading within `reach` of it brings it back; false: it is not there. */
bool ww_track_return(struct ww_track *track, double x, double reach);
void ww_track_init(struct ww_track *track);

#endif
