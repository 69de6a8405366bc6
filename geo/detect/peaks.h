/* How rare is it that a statistic rises so high? The series' own highest peaks answer.
 *
 * A statistic y >= 0 that stays high for an hour has risen once, so what is counted are peaks: a peak goes on
 * until y has stayed below half of it for WW_PEAK_QUIET readings. The eight highest are kept. Above the
 * lowest of them the tail is a power law whose exponent comes from their logarithms (Hill's estimate, with a
 * prior: half as often at 1.26 times the height) and is itself uncertain, which makes it a Lomax in log y:
 *
 *     readings between peaks as high as y  =  n / m · (1 + ln(y / lowest) / (k beta))^k
 *
 * n readings, m peaks kept, k = m - 1 and the prior's four. There is no ceiling: of two peaks the higher one
 * is always the rarer, however violent the past was. So that an event does not hide the next one, a peak
 * teaches at most one and a half times the highest before it.
 *
 *   ww_peaks_init(&peaks);
 *   if (ww_peaks_rises(&peaks, y)) readings = ww_peaks_period(&peaks, y);      // before it is learned
 *   ww_peaks_step(&peaks, y);
 *
 * 48 bytes; pure; the same steps give the same answers. Source: Hill 1975 (exponent), peaks over threshold.
 */
#ifndef WW_GEO_DETECT_PEAKS_H
#define WW_GEO_DETECT_PEAKS_H

#include <stdbool.h>
#include <stdint.h>

#define WW_PEAKS      8
#define WW_PEAK_QUIET 32

struct ww_peaks {
    float highest[WW_PEAKS]; /* falling */
    float now;               /* the peak that goes on; 0 = none yet */
    uint32_t n;              /* readings */
    uint16_t quiet;          /* readings below half of it */
    uint16_t kept;
};

void ww_peaks_init(struct ww_peaks *peaks);
/* Is y higher than what goes on already? */
bool ww_peaks_rises(const struct ww_peaks *peaks, double y);
/* The mean number of readings between peaks as high; 0 while fewer than two are known. */
double ww_peaks_period(const struct ww_peaks *peaks, double y);
void ww_peaks_step(struct ww_peaks *peaks, double y);

#endif
