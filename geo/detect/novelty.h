/* How far out is this reading, and is it the onset of something that the series has hardly ever shown?
 *
 * What `wardwatch score` puts in its score column and takes its alarms from (row_alarm.h). Five looks at each
 * reading, each a distance in sd of what that look usually sees in this series:
 *
 *   level       from the level of the last 16 or of the last 64 readings, whichever is further
 *   season      from what is usual at this hour, as the series stands to it lately; absent where no hour is
 * known lasting     the mean of the last 8 from the level of the last 256: small, but it stays shape the
 * histogram of the last readings from all that are known (shape.h) unrest      how much it moves within 32
 * readings, against how much it usually does: also when it stops
 *
 * Levels and spreads learn at most four sd from a reading, so outliers hardly enter, and what stays becomes
 * the new normal by itself: the spread grows until it fits. The spread is that of some thousand readings, or
 * between it and that of the last hundred when those are wilder. It is never below the instrument's
 * resolution, which is learned: one step is one sd at most.
 *
 * Two things come of it. `deviation`: the second largest level distance of the last five readings, so that
 * one wild reading is none; it knows no ceiling. `period`: the rarest of the looks that rose above what goes
 * on already, as the number of readings between such peaks in this series (peaks.h); 0 where nothing rose.
 *
 *   ww_novelty_init(&state);
 *   ww_novelty_step(&state, &(struct ww_novelty_reading){x, season, season_dev, missing}, &verdict);
 *   score = ww_row_score_step(&row, &verdict, 1);                      // row_score.h
 *
 * 1.1 KB, no pointers; the same readings give the same verdicts, bit for bit. docs/guides/score.md says how
 * the constants were fixed.
 */
#ifndef WW_GEO_DETECT_NOVELTY_H
#define WW_GEO_DETECT_NOVELTY_H

#include "geo/detect/peaks.h"
#include "geo/detect/shape.h"

enum ww_look { WW_LOOK_LEVEL, WW_LOOK_SEASON, WW_LOOK_LASTING, WW_LOOK_SHAPE, WW_LOOK_UNREST, WW_LOOKS };

#define WW_NOVELTY_YOUNG 96 /* readings before something can be rare */

/* A level and its spread, both learned from clipped errors. */
struct ww_pace {
    float level, dev, dev_lately; /* mean absolute errors over a long and a short time */
};

struct ww_novelty {
    double origin; /* taken off, so that floats suffice */
    struct ww_pace near[2], season, slow, unrest;
    float last, resolution;
    float lately;   /* mean of the last 8 */
    float movement; /* mean distance from the near level */
    float distance[5];
    uint32_t n, season_n;
    struct ww_peaks peaks[WW_LOOKS];
    struct ww_shape shape;
};

struct ww_novelty_reading {
    double value;
    double season;     /* usual at this hour; NAN = not known */
    double season_dev; /* mean absolute distance from it */
    double missing;    /* readings that should have come before it */
};

struct ww_novelty_verdict {
    double look[WW_LOOKS]; /* in sd */
    double deviation, period;
    bool young;
};

void ww_novelty_init(struct ww_novelty *state);
void ww_novelty_step(struct ww_novelty *state, const struct ww_novelty_reading *reading,
                     struct ww_novelty_verdict *verdict);

#endif
