/* Several channels of one place at one moment, judged together.
 *
 * A spill moves chlorine, redox and conductivity at once; noise moves one at a time. Two statistics of the
 * channels' surprises (-log10 p of each, calibrated by itself): together  their sum, each at most
 * WW_JOINT_CAP: Fisher's method. Channels that agree outweigh one that shouts. alone     the largest. How
 * these are distributed when nothing happens depends on how the channels hang together, so it is learned from
 * the place's own past (tail.h). The rarer of the two counts, and that two were looked at is paid for. 32
 * bytes. Pure.
 */
#ifndef WW_GEO_DETECT_JOINT_H
#define WW_GEO_DETECT_JOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "geo/detect/tail.h"

#define WW_JOINT_CAP 5.0

struct ww_joint {
    struct ww_tail together, alone;
    float sum_peak, most_peak; /* of the excursion that goes on */
    uint32_t n;
    uint32_t streak; /* rows that were rarer than once in a thousand, less twice the others */
};

void ww_joint_init(struct ww_joint *joint);
/* `surprise` of the channels that have a verdict (NAN: none). `learn` false leaves the state alone (late
 * rows). Returns -log10 of how often a row of this place is as surprising. */
double ww_joint_step(struct ww_joint *joint, const double *surprise, size_t n, double usual_s, bool learn);

#endif
