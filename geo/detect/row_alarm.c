/* Decides on alarms by the score; see row_alarm.h. */
#include "geo/detect/row_alarm.h"

#include <math.h>

#include "geo/detect/baseline.h"

static const double month_s = 30.44 * 86400, signs = 2, held_surprise = 3;

/* Before there is a past: one row in twenty is 1.7 sd out, one in two hundred 3.3. */
void ww_row_alarm_init(struct ww_row_alarm *alarm) {
    *alarm = (struct ww_row_alarm){.far = ww_tail_of(1.0, 0.2)};
}

/* An excursion teaches once, by its peak: what counts is how often the place goes far, not how long. */
static void learn_far(struct ww_row_alarm *alarm, double y, double surprise) {
    alarm->n++;
    if (surprise > held_surprise)
        alarm->streak++;
    else
        alarm->streak = alarm->streak > 2 ? alarm->streak - 2 : 0;
    if (alarm->streak > 0) {
        alarm->peak = y > (double)alarm->peak ? (float)y : alarm->peak;
        return;
    }
    if (alarm->peak > 0)
        ww_tail_step(&alarm->far, (double)alarm->peak, alarm->n);
    alarm->peak = 0;
    ww_tail_step(&alarm->far, y, alarm->n);
}

double ww_row_alarm_step(struct ww_row_alarm *alarm, const struct ww_row_score *row, double score,
                         double usual_s, bool learn) {
    double y = log1p((double)row->held);
    double surprise = ww_tail_surprise(&alarm->far, y, ww_baseline_past(alarm->n, usual_s));
    double far = ww_months_of_surprise(surprise, usual_s) / signs;
    double fresh = score >= 0.5 ? row->announced * usual_s / month_s / WW_ALARM_ONSET : 0;
    if (learn)
        learn_far(alarm, y, surprise);
    return far > fresh ? far : fresh;
}
