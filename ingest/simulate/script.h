/* What happens in the simulated city: discharges, waves down the river, noise, faults, calibrations.
 *
 * Three parts, all fixed by seed and times: the daily calendar (nights, working hours) for the past and
 * for long runs; an opening, so that somebody who has just started the demo sees a true alert within
 * two minutes; and a brisk part with something new every four minutes, for who watches in real
 * time. Events on one thing never overlap. What should raise an alert, and what must not, is known
 * when it is scheduled: ww_event_truth writes it as one line of JSON.
 *
 *   struct ww_script *script = ww_script_new(city, &options);
 *   ww_script_advance(script, t);            // t only grows
 *   ww_script_read(script, thing, t, &tick); // the readings of one thing at t
 *   ww_script_free(script);
 */
#ifndef WW_SIMULATE_SCRIPT_H
#define WW_SIMULATE_SCRIPT_H

#include "geo/base/buf.h"
#include "ingest/simulate/signal.h"

struct ww_script_options {
    int64_t history_us;    /* calendar from here … */
    int64_t live_us;       /* … to here, where the opening starts (equal: no history) */
    int64_t brisk_us;      /* where the brisk part starts; INT64_MAX: never, the calendar goes on */
    int64_t step_us;       /* between readings before brisk_us */
    int64_t brisk_step_us; /* and from then on */
};

enum ww_event_kind {
    WW_EVENT_DISCHARGE, /* these four should alert */
    WW_EVENT_RIVER_WAVE,
    WW_EVENT_NOISE,
    WW_EVENT_AIR,
    WW_EVENT_STUCK, /* from here on they must not */
    WW_EVENT_SPIKE,
    WW_EVENT_FLAGGED_SPIKE,
    WW_EVENT_CALIBRATION,
    WW_EVENT_MAINTENANCE,
    WW_EVENT_GAP
};

struct ww_event {
    uint32_t id;
    uint32_t group; /* id of the first event of the same cause */
    enum ww_event_kind kind;
    uint32_t thing;           /* index into the city's things */
    int32_t signal;           /* index into its signals, -1 = all */
    int64_t start_us, end_us; /* end is exclusive */
    double level;             /* aimed at */
    double peak;              /* of the readings that are sent */
    bool should_alert;
    bool smells; /* people complain */
};

/* The readings of one thing at one moment. */
struct ww_tick {
    double value[WW_SIGNAL_MAX];
    char flag[WW_SIGNAL_MAX];
    bool missing; /* nothing arrives */
};

struct ww_script;
struct ww_script *ww_script_new(const struct ww_city *city, const struct ww_script_options *options);
void ww_script_free(struct ww_script *script); /* NULL is allowed */
/* Schedules ahead as far as needed and finds what is going on in the hour before time_us: the
 * moments that may be read until the next call. */
void ww_script_advance(struct ww_script *script, int64_t time_us);
void ww_script_read(const struct ww_script *script, uint32_t thing, int64_t time_us, struct ww_tick *out);

/* Everything scheduled so far, by id. */
uint32_t ww_script_count(const struct ww_script *script);
const struct ww_event *ww_script_event(const struct ww_script *script, uint32_t id);
bool ww_event_is_active(const struct ww_event *event, int64_t time_us);
/* Appends {"event","kind","thing",…,"should_alert","rules",…} and a line feed. */
void ww_event_truth(const struct ww_script *script, const struct ww_event *event, int64_t until_us,
                    struct ww_buf *out);

#endif
