/* Keeps the highest peaks; see peaks.h. */
#include "geo/detect/peaks.h"

#include <math.h>
#include <string.h>

enum { BOUNDED_FROM = 4, FEWEST = 2 };

static const double goes_on = 0.5;                 /* of its peak */
static const double most_taught = 1.5;             /* times the highest before */
static const double prior = 4, prior_exponent = 3; /* counts as so many peaks; half as often at 2^(1/3) */

void ww_peaks_init(struct ww_peaks *peaks) {
    memset(peaks, 0, sizeof *peaks);
}

bool ww_peaks_rises(const struct ww_peaks *peaks, double y) {
    return y > (double)peaks->now;
}

double ww_peaks_period(const struct ww_peaks *peaks, double y) {
    if (peaks->kept < FEWEST)
        return 0;
    double lowest = peaks->highest[peaks->kept - 1], each = (double)peaks->n / peaks->kept, sum = 0;
    if (y <= lowest)
        return each * (y / lowest) * (y / lowest);
    for (int i = 0; i + 1 < peaks->kept; i++)
        sum += log(peaks->highest[i] / lowest);
    double k = peaks->kept - 1 + prior, beta = (sum + prior / prior_exponent) / k;
    return each * exp(k * log1p(log(y / lowest) / (k * beta)));
}

static void keep(struct ww_peaks *peaks, float y) {
    if (peaks->kept >= BOUNDED_FROM && y > (float)most_taught * peaks->highest[0])
        y = (float)most_taught * peaks->highest[0];
    if (peaks->kept == WW_PEAKS && y <= peaks->highest[WW_PEAKS - 1])
        return;
    if (peaks->kept < WW_PEAKS)
        peaks->kept++;
    int at = peaks->kept - 1;
    for (; at > 0 && peaks->highest[at - 1] < y; at--)
        peaks->highest[at] = peaks->highest[at - 1];
    peaks->highest[at] = y;
}

void ww_peaks_step(struct ww_peaks *peaks, double y) {
    peaks->n++;
    if (y > (double)peaks->now)
        peaks->now = (float)y;
    peaks->quiet = y > goes_on * peaks->now ? 0 : (uint16_t)(peaks->quiet + 1);
    if (peaks->quiet < WW_PEAK_QUIET)
        return;
    if (peaks->now > 0)
        keep(peaks, peaks->now);
    peaks->now = 0;
    peaks->quiet = 0;
}
