/* Judges channels together; see joint.h. */
#include "geo/detect/joint.h"

#include <math.h>

#include "geo/detect/baseline.h"

enum { HELD_SURPRISE = 3 };

static const double two_looks = 0.30102999566398120; /* log10 2 */

void ww_joint_init(struct ww_joint *joint) {
    *joint = (struct ww_joint){.together = ww_tail_of(3.0, 1.0), .alone = ww_tail_of(1.8, 0.6)};
}

/* As in baseline.c: an excursion teaches once, by its peak. */
static void learn_row(struct ww_joint *joint, double sum, double most, double rarer) {
    if (rarer > HELD_SURPRISE)
        joint->streak++;
    else
        joint->streak = joint->streak > 2 ? joint->streak - 2 : 0;
    joint->n++;
    if (joint->streak > 0) {
        joint->sum_peak = (float)fmax(joint->sum_peak, sum);
        joint->most_peak = (float)fmax(joint->most_peak, most);
        return;
    }
    if (joint->sum_peak > 0) {
        ww_tail_step(&joint->together, joint->sum_peak, joint->n);
        ww_tail_step(&joint->alone, joint->most_peak, joint->n);
    }
    joint->sum_peak = joint->most_peak = 0;
    ww_tail_step(&joint->together, sum, joint->n);
    ww_tail_step(&joint->alone, most, joint->n);
}

double ww_joint_step(struct ww_joint *joint, const double *surprise, size_t n, double usual_s, bool learn) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(surprise[i]))
            continue;
        sum += surprise[i] < WW_JOINT_CAP ? surprise[i] : WW_JOINT_CAP;
        most = surprise[i] > most ? surprise[i] : most;
    }
    double k = ww_baseline_past(joint->n, usual_s);
    double together = ww_tail_surprise(&joint->together, sum, k);
    double alone = ww_tail_surprise(&joint->alone, most, k);
    double rarer = fmax(0, fmax(together, alone) - two_looks);
    if (learn)
        learn_row(joint, sum, most, rarer);
    return rarer;
}
