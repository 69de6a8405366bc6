/* Checks of one series; see quality.h. */
#include "geo/detect/quality.h"

#include <math.h>
#include <string.h>

#include "geo/detect/quick_math.h"

const struct ww_quality_params ww_quality_params_none = {NAN, NAN, NAN};

static const double ln_millionth = -13.815510557964274;
static const double spike_sds = 6, spike_surprise = 4, gap_intervals = 3, zero_is_usual = 0.01;
static const double near_limit = 0.02; /* of the limit: how wide "just below" and "just above" are */
static const double clipped_z = 5, digits_chi2 = 46, drift_s = 2;
enum {
    YOUNG = 100,
    LEAST_RUN = 6,
    YOUNG_RUN = 12,
    LEAST_CLIPPED = 30,
    LEAST_DIGITS = 300,
    MOST_DIGITS = 20000,
    DRIFT_DAYS = 5,
    SPIKE_PAST = 40,
    DIGITS_EVERY = 32 /* readings between looks at the digits */
};

void ww_quality_init(struct ww_quality *state) {
    memset(state, 0, sizeof *state);
    state->day = INT32_MIN;
    state->spike_tail = ww_tail_of(1.0, 0.25);
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* ---- stuck ---- */

static bool zero_is_normal(const struct ww_quality *s) {
    return s->zeros > zero_is_usual * s->n;
}

/* Repeats of zero are left out where zero is usual: they tell nothing of how the instrument repeats itself.
 */
static void step_run(struct ww_quality *s, double x, struct ww_quality_verdict *v) {
    bool same = s->n > 0 && x == s->value[4];
    double rate = (s->repeats + 1.0) / (s->n + 2.0);
    if (!same) {
        bool counts = !s->stuck && !(s->value[4] == 0 && zero_is_normal(s));
        /* Of a young series it is not known whether it was stuck: then a long run counts as a short one. */
        uint32_t run = s->n < YOUNG && s->run > YOUNG_RUN ? YOUNG_RUN : s->run;
        if (counts && run > s->longest)
            s->longest = run;
        s->run = 0;
        s->stuck = false;
    }
    s->run++;
    v->run = s->run;
    v->run_allowed = LEAST_RUN; /* the logarithm only when it matters */
    if (s->run > LEAST_RUN)
        v->run_allowed = larger(LEAST_RUN, larger(ln_millionth / log(rate), 2.0 * s->longest));
    bool stuck = s->n >= YOUNG && s->run > v->run_allowed && !(x == 0 && zero_is_normal(s));
    s->stuck |= stuck;
    if (stuck)
        v->signs |= WW_QUALITY_STUCK;
    else
        s->repeats += same && !(x == 0 && zero_is_normal(s));
    /* A zero that goes on from the first zero ever is what a dead sensor sends: it does not make zero usual.
     */
    s->zeros += x == 0 && (s->run <= LEAST_RUN || s->n < YOUNG || zero_is_normal(s));
}

/* ---- gap ---- */

static void step_gap(struct ww_quality *s, int64_t time_us, struct ww_quality_verdict *v) {
    if (s->n == 0)
        return;
    double dt = (double)(time_us - s->time_us[1]) / (double)WW_SECOND_US;
    v->silence_s = dt;
    v->usual_s = s->usual_s;
    if (s->usual_s == 0)
        s->usual_s = (float)dt;
    if (s->n >= 10 && dt > gap_intervals * s->usual_s)
        v->signs |= WW_QUALITY_GAP;
    double rate = larger(1.0 / 64, 1.0 / s->n), bounded = dt < 2 * s->usual_s ? dt : 2 * s->usual_s;
    s->usual_s += (float)(rate * (bounded - s->usual_s));
}

bool ww_quality_silence(const struct ww_quality *s, int64_t now_us, double *silence_s) {
    double dt = s->n > 0 ? (double)(now_us - s->time_us[1]) / (double)WW_SECOND_US : 0;
    if (silence_s)
        *silence_s = dt;
    return s->n >= 10 && dt > gap_intervals * s->usual_s;
}

/* ---- spike ---- */

static double lower(double a, double b) {
    return a < b ? a : b;
}

/* Without branches: the median is what is left when the least of two pairs' lower and the most of their upper
 * go. */
static double median_of_five(const double v[5]) {
    double low = larger(lower(v[0], v[1]), lower(v[2], v[3])),
           high = lower(larger(v[0], v[1]), larger(v[2], v[3]));
    return larger(lower(low, high), lower(larger(low, high), v[4]));
}

/* The middle one of five: two before and two after it are on the other side. */
static void step_spike(struct ww_quality *s, int64_t middle_us, struct ww_quality_verdict *v) {
    if (s->n < 5)
        return;
    double median = median_of_five(s->value), off = s->value[2] - median;
    double sd = larger(1.2533 * s->spread, s->resolution);
    v->spike_value = s->value[2];
    v->spike_time_us = middle_us;
    v->spike_sd = sd > 0 ? off / sd : 0;
    bool ends_back =
        fabs(s->value[4] - median) <= spike_sds * sd && fabs(s->value[0] - median) <= spike_sds * sd;
    double y = ww_quick_ln1p(fabs(v->spike_sd));
    bool rare = ww_tail_surprise(&s->spike_tail, y, SPIKE_PAST) >= spike_surprise;
    if (s->n >= YOUNG && fabs(v->spike_sd) > spike_sds && ends_back && rare)
        v->signs |= WW_QUALITY_SPIKE;
    ww_tail_step(&s->spike_tail, y, s->n);
    double rate = larger(1.0 / 256, 1.0 / (s->n - 3.0));
    double bounded = sd > 0 && s->n > 20 && fabs(off) > 4 * sd ? 4 * sd : fabs(off);
    s->spread += (float)(rate * (bounded - s->spread));
}

/* ---- resolution, digits ---- */

static void learn_resolution(struct ww_quality *s, double x) {
    double change = fabs(x - s->value[4]);
    if (s->n == 0 || !(change > 1e-9 * fabs(x)))
        return;
    if (s->resolution == 0 || change < 0.999 * s->resolution)
        s->resolution = (float)change;
}

static void halve_digits(struct ww_quality *s) {
    s->digits = 0;
    for (int i = 0; i < 10; i++)
        s->digits = (uint16_t)(s->digits + (s->digit[i] /= 2));
}

static double chi2_of(const struct ww_quality *s) {
    double usual = s->digits / 10.0, chi2 = 0;
    for (int i = 0; i < 10; i++)
        chi2 += (s->digit[i] - usual) * (s->digit[i] - usual) / usual;
    return chi2;
}

static void step_digits(struct ww_quality *s, double x, struct ww_quality_verdict *v) {
    s->low = s->n == 0 || x < s->low ? (float)x : s->low + (float)((x - s->low) / 10000);
    s->high = s->n == 0 || x > s->high ? (float)x : s->high + (float)((x - s->high) / 10000);
    /* Below twenty steps of spread the last digit follows the value; beyond a million there is no last digit.
     */
    if (!(s->resolution > 0) || s->high - s->low < 50 * s->resolution || fabs(x) > 1e6 * s->resolution ||
        1.2533 * s->spread < 2 * s->resolution)
        return;
    s->digit[(long)(fabs(x / s->resolution) + 0.5) % 10]++; /* at most a million steps, above */
    s->digits++;
    if (s->digits >= LEAST_DIGITS && s->digits % DIGITS_EVERY == 0)
        s->digits_chi2 = (float)chi2_of(s);
    v->digits_chi2 = s->digits_chi2;
    if (s->digits_chi2 > digits_chi2)
        v->signs |= WW_QUALITY_DIGITS;
    if (s->digits >= MOST_DIGITS)
        halve_digits(s);
}

/* ---- the limit ---- */

static void step_limit(const struct ww_quality_params *p, struct ww_quality *s, double x,
                       struct ww_quality_verdict *v) {
    if (isnan(p->limit) || p->limit == 0)
        return;
    double step = near_limit * fabs(p->limit), under = p->limit - x;
    if (under < 0 && under >= -step)
        s->above++;
    else if (under >= 0 && under < step)
        s->below++;
    else if (under >= step && under < 2 * step)
        s->further++;
    double a = s->below, b = s->above;
    v->clipped_z = a + b > 0 ? (a - b) / sqrt(a + b) : 0;
    if (a >= LEAST_CLIPPED && v->clipped_z > clipped_z && a > 4 * b && a > 2 * (double)s->further)
        v->signs |= WW_QUALITY_CLIPPED;
}

/* ---- clock and flags ---- */

static void end_day(struct ww_quality *s) {
    if (s->days > 0) {
        double walk = s->least_delay_s - s->last_delay_s;
        s->drift_s_a_day +=
            (float)((walk - s->drift_s_a_day) / (s->days < DRIFT_DAYS ? s->days : DRIFT_DAYS));
    }
    s->last_delay_s = s->least_delay_s;
    if (s->days < UINT16_MAX)
        s->days++;
}

static void step_clock(struct ww_quality *s, int64_t time_us, int64_t arrival_us,
                       struct ww_quality_verdict *v) {
    if (arrival_us == WW_INSTANT_NONE)
        return;
    int32_t day = (int32_t)(arrival_us / WW_DAY_US);
    float delay = (float)((double)(arrival_us - time_us) / (double)WW_SECOND_US);
    if (day != s->day) {
        if (s->day != INT32_MIN)
            end_day(s);
        s->day = day;
        s->least_delay_s = delay;
    }
    s->least_delay_s = delay < s->least_delay_s ? delay : s->least_delay_s;
    v->drift_s_a_day = s->drift_s_a_day;
    if (s->days > DRIFT_DAYS && fabs(s->drift_s_a_day) > drift_s)
        v->signs |= WW_QUALITY_CLOCK;
}

bool ww_quality_never_marked(const struct ww_quality *s, double share) {
    return share > 0 && share < 1 && s->marked == 0 && s->n * log1p(-share) < ln_millionth;
}

/* ---- the step ---- */

void ww_quality_step(const struct ww_quality_params *p, struct ww_quality *s,
                     const struct ww_reading *reading, int64_t arrival_us, struct ww_quality_verdict *v) {
    double x = reading->value;
    memset(v, 0, sizeof *v);
    if (s->n > 0 && reading->time_us <= s->time_us[1])
        return; /* repeats and late ones tell nothing of the order of values */
    step_clock(s, reading->time_us, arrival_us, v);
    if (reading->flag != 'N' && reading->flag != '\0') {
        s->marked++;
        return;
    }
    if (x < p->least || x > p->most)
        v->signs |= WW_QUALITY_RANGE;
    step_gap(s, reading->time_us, v);
    learn_resolution(s, x);
    step_run(s, x, v);
    memmove(s->value, s->value + 1, 4 * sizeof *s->value);
    s->value[4] = x;
    int64_t middle_us = s->time_us[0];
    s->time_us[0] = s->time_us[1];
    s->time_us[1] = reading->time_us;
    s->n++;
    step_spike(s, middle_us, v);
    step_digits(s, x, v);
    step_limit(p, s, x, v);
}
