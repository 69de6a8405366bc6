/* Is this row worth an alarm? The score's own two signs, said as false alarms a month.
 *
 *   far     the distance that the score holds (row_score.h, in sd) against how far this place itself goes: a
 *           tail (tail.h) of ln(1 + sd). An excursion teaches once, by its peak
 *   new     an onset, by the readings between onsets as rare
 *
 * Two signs are looked at, so each may give half of the false alarms that are allowed; and on real series
 * onsets come more often than a power law of their eight highest peaks says, so an onset must be
 * WW_ALARM_ONSET times as rare as the month's. What lasts is one alarm as long as it stays as far.
 *
 *   ww_row_alarm_init(&alarm);
 *   score = ww_row_score_step(&row, channels, n);
 *   months = ww_row_alarm_step(&alarm, &row, score, usual_s, n > 0);
 *   is_alarm = months * false_alarms_a_month >= 1;
 *
 * 28 bytes. Pure; the same readings give the same alarms. How its constants were fixed: docs/guides/score.md.
 */
#ifndef WW_GEO_DETECT_ROW_ALARM_H
#define WW_GEO_DETECT_ROW_ALARM_H

#include <stdbool.h>

#include "geo/detect/row_score.h"
#include "geo/detect/tail.h"

#define WW_ALARM_ONSET 6

struct ww_row_alarm {
    struct ww_tail far;
    float peak; /* of the excursion that goes on */
    uint32_t n;
    uint32_t streak; /* rows that were rarer than once in a thousand, less twice the others */
};

void ww_row_alarm_init(struct ww_row_alarm *alarm);
/* After ww_row_score_step. The mean time, in months, between alarms like this one by chance; 0 = none.
 * `learn` false leaves the state alone (rows that are late, or without a value). */
double ww_row_alarm_step(struct ww_row_alarm *alarm, const struct ww_row_score *row, double score,
                         double usual_s, bool learn);

#endif
