/* One sender's clockwork: is it still there, how late are its values, how many of them came, is its clock
 * right?
 *
 * Knows the sender's own rhythm from what it did, and says numbers; what is too long or too much is decided
 * by rules (ingest/health.h). Pure: no clock, no socket, no SQL; the caller says what time it is. A plain
 * struct of fixed size; noting a reading is O(1) and touches nothing else.
 *
 * Step. The gaps between successive phenomenon times: the last eight are kept, and the step is their median
 * when at least five are known and three quarters of them lie within a tenth (or 2 s) of it. So a gap, a
 * backlog or a doubled reading changes nothing, and what comes by chance (complaints, events) has no step:
 * nothing is expected of it. Of eight gaps of a Poisson process, six lie within a tenth of their median once
 * in 400,000 times.
 *
 * Rhythm. A sender of hourly values that sends them once a day is not silent for 23 hours. The gaps between
 * its messages are kept too, where messages that follow sooner than half a step (a burst, a backlog) count as
 * one. The rhythm is the longer of step and median of these.
 *
 * Completeness. Readings of the newest 24 hours, counted in hours of phenomenon time: each new newest time
 * counts once however many properties it has, and each late time once where it has the same length as the
 * newest (an hour's mean that arrives between minutes counts nothing). Divided by what the step lets expect
 * of the part of the 24 hours since the first reading, up to one step ago; an hour never counts for more than
 * it can hold.
 *
 * Clock. Offsets of the sender's clock against ours: the median of the last five, taken at least `spacing`
 * apart and only when they agree: a backlog looks like a slow clock too, but its offset runs towards zero.
 *
 * Worked example: readings of 10:00, 10:05, 10:10, 10:15, 10:20, 10:25 arrive as they are taken → step 300 s,
 * rhythm 300 s; at 10:40 nothing has come for 15 minutes, and completeness is 6/7: seven were due (the last
 * of 10:30; that of 10:35 may still come).
 */
#ifndef WW_GEO_HEALTH_CLOCK_H
#define WW_GEO_HEALTH_CLOCK_H

#include <stdbool.h>

#include "geo/instant.h"

#define WW_HEALTH_GAPS    8
#define WW_HEALTH_OFFSETS 5
#define WW_HEALTH_HOURS   24

enum ww_drift_from { WW_DRIFT_NONE, WW_DRIFT_CLOCK, WW_DRIFT_PHENOMENON };

struct ww_health_clock {
    int64_t last_received_us; /* WW_INSTANT_NONE: never */
    int64_t last_time_us;     /* newest phenomenon time; WW_INSTANT_NONE: none was taken yet */
    int64_t first_time_us;    /* oldest phenomenon time that completeness counts from */
    int64_t burst_us;         /* when the last burst of messages began */
    int64_t late_time_us;     /* the last late time that was counted */
    int64_t offset_at_us;     /* when the last offset was taken */
    int32_t interval_s;       /* of the newest reading */
    int32_t hour;             /* the newest that is counted, since 1970 */
    float lag_s;              /* from the end of what was measured to its arrival, smoothed; NAN: unknown */
    float half_step_s;        /* what ww_health_clock_learn found, halved; 0: no step */
    float step_gaps_s[WW_HEALTH_GAPS], burst_gaps_s[WW_HEALTH_GAPS];
    float offsets_s[WW_HEALTH_OFFSETS];
    uint16_t hours[WW_HEALTH_HOURS]; /* readings, by hour % 24 */
    uint8_t n_step_gaps, at_step_gap, n_burst_gaps, at_burst_gap, n_offsets, at_offset;
    uint8_t drift_from;
    bool is_live; /* some value was less than a day old when it came: not only an archive that was loaded */
};

void ww_health_clock_init(struct ww_health_clock *clock);

/* A message came that speaks of it, taken or not. */
void ww_health_note_message(struct ww_health_clock *clock, int64_t received_us);
/* A reading was stored; the message that brought it is noted before. */
void ww_health_note_reading(struct ww_health_clock *clock, int64_t received_us, int64_t time_us,
                            int32_t interval_s);
/* Its clock was `offset_us` ahead of ours (negative: behind) when a message came; counts when `spacing_us`
 * have gone by since the last that did. */
void ww_health_note_offset(struct ww_health_clock *clock, int64_t received_us, int64_t offset_us,
                           int64_t spacing_us, enum ww_drift_from from);

/* Looks at the gaps; not for every reading. False: it has no step (*step_s is 0). */
bool ww_health_clock_learn(struct ww_health_clock *clock, float *step_s);
/* How often messages come from it when `step_s` lies between its values: at least that. 0 without a step. */
float ww_health_rhythm_s(const struct ww_health_clock *clock, float step_s);
/* 0 … 1; NAN before a step has gone by. */
float ww_health_completeness(const struct ww_health_clock *clock, float step_s, int64_t now_us);
/* False: not known, or the offsets differ by more than `spread_s`. */
bool ww_health_drift(const struct ww_health_clock *clock, float spread_s, float *drift_s);
/* Where `hours` counts that hour. */
unsigned ww_health_hour_slot(int32_t hour);
/* The end of the newest reading; WW_INSTANT_NONE before the first. */
int64_t ww_health_newest_end_us(const struct ww_health_clock *clock);

#endif
