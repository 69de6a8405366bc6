/* One score for a row: the channels of one place together, in one number that ranks.
 *
 * Two bands. From 0.5 upwards stand *onsets*: rows in which something begins that the place shows once in
 * WW_ONSET_READINGS readings or more rarely; 0.5 is that rarity, 0.85 ten times it, 0.91 a hundred times. One
 * row of an event stands there, the first; further ones only as they become four times as rare as the last,
 * which is forgotten by half every hundred rows. Below 0.5 stands the *state*: how far the place is outside,
 * falling to half within eight rows of the last distance, so that an event is one stretch: 0.5 (1 - 1 / (1 +
 * ln(1 + sd))). Neither band has a ceiling that a larger value does not come closer to: of two rows the worse
 * one always has the higher score. Nothing is alarmed by it: one column serves those who sort rows by it and
 * those who cut it at a threshold.
 *
 * Several channels: distances count together as the fourth root of the sum of their fourth powers, nearly the
 * largest, but three that agree are a third further than each. So joined they have peaks of their own, and an
 * onset is the rarest of what the place shows and what one channel shows; that so many were looked at is paid
 * for.
 */
#ifndef WW_GEO_DETECT_ROW_SCORE_H
#define WW_GEO_DETECT_ROW_SCORE_H

#include <stddef.h>

#include "geo/detect/novelty.h"

#define WW_ONSET_READINGS 2000

struct ww_row_score {
    float held;       /* sd */
    double announced; /* readings between onsets like the last one, half forgotten every hundred rows */
    struct ww_peaks together[WW_LOOKS];
};

void ww_row_score_init(struct ww_row_score *row);
/* The channels that have a reading in this row; n may be 0. */
double ww_row_score_step(struct ww_row_score *row, const struct ww_novelty_verdict *channels, size_t n);
/* The score of a state, of an onset. */
double ww_score_of_state(double sd);
double ww_score_of_onset(double readings);

#endif
