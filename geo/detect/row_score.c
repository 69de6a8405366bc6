/* Joins channels and says one number; see row_score.h. */
#include "geo/detect/row_score.h"

#include <math.h>
#include <string.h>

static const double hold = 0.917004;   /* 2^(-1/8) */
static const double forget = 0.993092; /* 2^(-1/100) */
static const double rarer_by = 4;      /* before the same event is announced again */

void ww_row_score_init(struct ww_row_score *row) {
    memset(row, 0, sizeof *row);
}

double ww_score_of_state(double sd) {
    return 0.5 * (1 - 1 / (1 + log1p(sd)));
}

double ww_score_of_onset(double readings) {
    return 1 - 0.5 / (1 + log(readings / WW_ONSET_READINGS));
}

static double fourth(double y) {
    return y * y * y * y;
}

/* Readings between onsets as rare as the one in this row; 0: none. */
static double period_of(struct ww_row_score *row, const struct ww_novelty_verdict *channels, size_t n) {
    double rarest = 0;
    for (size_t i = 0; i < n; i++)
        rarest = channels[i].period > rarest ? channels[i].period : rarest;
    if (n < 2)
        return rarest;
    double alone = rarest / (double)n, together = 0;
    bool young = true;
    for (size_t i = 0; i < n; i++)
        young &= channels[i].young;
    for (int k = 0; k < WW_LOOKS; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += fourth(channels[i].look[k]);
        double y = sqrt(sqrt(sum));
        if (!young && ww_peaks_rises(&row->together[k], y)) {
            double period = ww_peaks_period(&row->together[k], y);
            together = period > together ? period : together;
        }
        ww_peaks_step(&row->together[k], y);
    }
    return (alone > together ? alone : together) / 2; /* two looks */
}

double ww_row_score_step(struct ww_row_score *row, const struct ww_novelty_verdict *channels, size_t n) {
    double sum = 0, period = period_of(row, channels, n);
    for (size_t i = 0; i < n; i++)
        sum += fourth(channels[i].deviation);
    double now = sqrt(sqrt(sum)), before = hold * (double)row->held;
    row->held = (float)(now > before ? now : before);
    row->announced *= forget;
    if (period >= WW_ONSET_READINGS && period > rarer_by * row->announced) {
        row->announced = period;
        return ww_score_of_onset(period);
    }
    return ww_score_of_state((double)row->held);
}
