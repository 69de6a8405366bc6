/* Rings of gaps and offsets, hours of counts. */
#include "geo/health_clock.h"

#include <math.h>
#include <string.h>

enum { LEARN_FROM = 5 /* gaps */ };
#define TOLERANCE       0.1f
#define LEAST_TOLERANCE 2.0f
#define LIVE_US         WW_DAY_US
#define SMOOTHING       0.125f

void ww_health_clock_init(struct ww_health_clock *c) {
    memset(c, 0, sizeof *c);
    c->last_received_us = c->last_time_us = c->first_time_us = WW_INSTANT_NONE;
    c->burst_us = c->late_time_us = c->offset_at_us = WW_INSTANT_NONE;
    c->lag_s = NAN;
}

static float seconds(int64_t us) {
    return (float)((double)us / (double)WW_SECOND_US);
}

static void push(float *ring, uint8_t size, uint8_t *count, uint8_t *at, float value) {
    ring[*at] = value;
    *at = (uint8_t)(*at + 1 == size ? 0 : *at + 1);
    *count = (uint8_t)(*count < size ? *count + 1 : size);
}

/* ---- Noting ---- */

void ww_health_note_message(struct ww_health_clock *c, int64_t received_us) {
    if (c->last_received_us == WW_INSTANT_NONE || received_us > c->last_received_us)
        c->last_received_us = received_us;
    if (c->burst_us == WW_INSTANT_NONE) {
        c->burst_us = received_us;
        return;
    }
    float gap_s = seconds(received_us - c->burst_us);
    if (gap_s <= c->half_step_s)
        return;
    push(c->burst_gaps_s, WW_HEALTH_GAPS, &c->n_burst_gaps, &c->at_burst_gap, gap_s);
    c->burst_us = received_us;
}

static int32_t hour_of(int64_t time_us) {
    int64_t hour = time_us / WW_HOUR_US;
    return (int32_t)(time_us < hour * WW_HOUR_US ? hour - 1 : hour);
}

unsigned ww_health_hour_slot(int32_t hour) {
    return (unsigned)((hour % WW_HEALTH_HOURS + WW_HEALTH_HOURS) % WW_HEALTH_HOURS);
}

static void count_hour(struct ww_health_clock *c, int64_t time_us, bool is_first) {
    int32_t hour = hour_of(time_us);
    if (is_first || hour - c->hour >= WW_HEALTH_HOURS) {
        memset(c->hours, 0, sizeof c->hours);
        c->hour = hour;
    }
    for (; c->hour < hour; c->hour++)
        c->hours[ww_health_hour_slot(c->hour + 1)] = 0;
    if (c->hour - hour >= WW_HEALTH_HOURS)
        return; /* too old to count */
    uint16_t *count = &c->hours[ww_health_hour_slot(hour)];
    *count = (uint16_t)(*count + (*count < UINT16_MAX));
}

static void note_newest(struct ww_health_clock *c, int64_t received_us, int64_t time_us, int32_t interval_s) {
    bool is_first = c->last_time_us == WW_INSTANT_NONE;
    if (is_first)
        c->first_time_us = time_us;
    else
        push(c->step_gaps_s, WW_HEALTH_GAPS, &c->n_step_gaps, &c->at_step_gap,
             seconds(time_us - c->last_time_us));
    c->last_time_us = time_us;
    c->interval_s = interval_s;
    int64_t lag_us = received_us - time_us - interval_s * WW_SECOND_US;
    c->lag_s = isnan(c->lag_s) ? seconds(lag_us) : c->lag_s + SMOOTHING * (seconds(lag_us) - c->lag_s);
    c->is_live = c->is_live || lag_us < LIVE_US;
    count_hour(c, time_us, is_first);
}

void ww_health_note_reading(struct ww_health_clock *c, int64_t received_us, int64_t time_us,
                            int32_t interval_s) {
    if (c->last_time_us == WW_INSTANT_NONE || time_us > c->last_time_us) {
        note_newest(c, received_us, time_us, interval_s);
    } else if (time_us != c->last_time_us && time_us != c->late_time_us && interval_s == c->interval_s) {
        c->late_time_us = time_us;
        if (time_us < c->first_time_us)
            c->first_time_us = time_us;
        count_hour(c, time_us, false);
    }
}

void ww_health_note_offset(struct ww_health_clock *c, int64_t received_us, int64_t offset_us,
                           int64_t spacing_us, enum ww_drift_from from) {
    if (c->offset_at_us != WW_INSTANT_NONE && received_us - c->offset_at_us < spacing_us)
        return;
    if (c->drift_from != from)
        c->n_offsets = c->at_offset = 0;
    c->drift_from = (uint8_t)from;
    c->offset_at_us = received_us;
    push(c->offsets_s, WW_HEALTH_OFFSETS, &c->n_offsets, &c->at_offset, seconds(offset_us));
}

/* ---- Asking ---- */

static void sort(float *values, int n) {
    for (int i = 1; i < n; i++) {
        float v = values[i];
        int k = i;
        for (; k > 0 && values[k - 1] > v; k--)
            values[k] = values[k - 1];
        values[k] = v;
    }
}

/* The lower one of two in the middle. */
static float median(const float *ring, int n) {
    float sorted[WW_HEALTH_GAPS];
    memcpy(sorted, ring, (size_t)n * sizeof *sorted);
    sort(sorted, n);
    return sorted[(n - 1) / 2];
}

bool ww_health_clock_learn(struct ww_health_clock *c, float *step_s) {
    *step_s = 0;
    c->half_step_s = 0;
    if (c->n_step_gaps < LEARN_FROM)
        return false;
    float middle = median(c->step_gaps_s, c->n_step_gaps);
    float tolerance = fmaxf(middle * TOLERANCE, fminf(LEAST_TOLERANCE, middle / 2));
    int near = 0;
    for (int i = 0; i < c->n_step_gaps; i++)
        near += fabsf(c->step_gaps_s[i] - middle) <= tolerance;
    if (near * 4 < c->n_step_gaps * 3)
        return false;
    *step_s = middle;
    c->half_step_s = middle / 2;
    return true;
}

float ww_health_rhythm_s(const struct ww_health_clock *c, float step_s) {
    if (step_s <= 0 || c->n_burst_gaps < 3) /* what comes by chance has no rhythm either */
        return step_s;
    return fmaxf(step_s, median(c->burst_gaps_s, c->n_burst_gaps));
}

float ww_health_completeness(const struct ww_health_clock *c, float step_s, int64_t now_us) {
    if (c->last_time_us == WW_INSTANT_NONE || step_s <= 0)
        return NAN;
    int64_t until_us = now_us - (int64_t)((double)step_s * (double)WW_SECOND_US);
    int32_t last = hour_of(now_us);
    double expected = 0, there = 0;
    for (int32_t hour = last - WW_HEALTH_HOURS + 1; hour <= last; hour++) {
        int64_t from_us = hour * WW_HOUR_US, to_us = from_us + WW_HOUR_US;
        from_us = from_us > c->first_time_us ? from_us : c->first_time_us;
        to_us = to_us < until_us ? to_us : until_us;
        double due = to_us > from_us ? (double)(to_us - from_us) / (double)WW_SECOND_US / (double)step_s : 0;
        bool is_kept = hour <= c->hour && c->hour - hour < WW_HEALTH_HOURS;
        double count = is_kept ? c->hours[ww_health_hour_slot(hour)] : 0;
        double most = fmax(3600.0 / (double)step_s, 1);
        expected += due;
        there += fmin(count, most);
    }
    if (expected <= 0)
        return NAN;
    return (float)fmin(there / expected, 1);
}

bool ww_health_drift(const struct ww_health_clock *c, float spread_s, float *drift_s) {
    *drift_s = 0;
    if (c->n_offsets < WW_HEALTH_OFFSETS)
        return false;
    float sorted[WW_HEALTH_OFFSETS];
    memcpy(sorted, c->offsets_s, sizeof sorted);
    sort(sorted, WW_HEALTH_OFFSETS);
    *drift_s = sorted[WW_HEALTH_OFFSETS / 2];
    /* One that lies apart is an accident, on either side. */
    float spread =
        fminf(sorted[WW_HEALTH_OFFSETS - 2] - sorted[0], sorted[WW_HEALTH_OFFSETS - 1] - sorted[1]);
    return spread <= spread_s;
}

int64_t ww_health_newest_end_us(const struct ww_health_clock *c) {
    return c->last_time_us == WW_INSTANT_NONE ? WW_INSTANT_NONE
                                              : c->last_time_us + c->interval_s * WW_SECOND_US;
}
