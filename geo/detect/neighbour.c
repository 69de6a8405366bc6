/* Compares a sensor with its neighbours; see neighbour.h. */
#include "geo/detect/neighbour.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "geo/detect/quick_math.h"

enum {
    YOUNG = WW_NEIGHBOUR_YOUNG,
    OWN_MEMORY = 720,
    DIFFERENCE_MEMORY = 72,
    SPREAD_MEMORY = 1000,
    ACCEPT_READINGS = 168
};

static const double sd_of_dev = 1.2533, clip = 3;
static const double large_surprise = 2.3, least_large = 3; /* once in two hundred, and in sd at least this */
static const double raised = 2, at_ease = 1;               /* sd of their own usual */
static const double most_times = 3; /* as far as the neighbours: beyond, it is not what they see */
static const double stale_intervals = 2;
static const double two_sides = 0.30102999566398120;
static const double past = 40; /* excesses that a tail is good for, once it is no longer young */

void ww_neighbour_init(struct ww_neighbour *state) {
    memset(state, 0, sizeof *state);
    state->tail[0] = state->tail[1] = ww_tail_of(1.0, 0.25);
    state->z = NAN;
}

static double clipped(double z, double most) {
    return z > most ? most : z < -most ? -most : z;
}

/* How much weight lies at or below each value, of all against all: no branch to guess wrong, and eight at
 * once. The median is the least value with more than half at or below it; with exactly half, the middle to
 * the next. */
double ww_weighted_median(const double *values, const double *weights, size_t n) {
    double value[WW_NEIGHBOURS], weight[WW_NEIGHBOURS], below[WW_NEIGHBOURS] = {0}, total = 0;
    assert(n >= 1 && n <= WW_NEIGHBOURS);
    for (size_t i = 0; i < WW_NEIGHBOURS; i++) {
        value[i] = i < n ? values[i] : INFINITY;
        weight[i] = i < n ? weights[i] : 0;
        total += weight[i];
    }
    for (size_t j = 0; j < WW_NEIGHBOURS; j++)
        for (size_t i = 0; i < WW_NEIGHBOURS; i++)
            below[i] += value[j] <= value[i] ? weight[j] : 0;
    double half = total / 2, least = INFINITY, at_half = INFINITY;
    for (size_t i = 0; i < WW_NEIGHBOURS; i++) {
        least = below[i] > half && value[i] < least ? value[i] : least;
        at_half = below[i] == half && value[i] < at_half ? value[i] : at_half;
    }
    return isinf(at_half) ? least : (at_half + least) / 2;
}

static size_t count_votes(const struct ww_vote *votes, size_t n, double *median) {
    double z[WW_NEIGHBOURS], weight[WW_NEIGHBOURS];
    size_t m = 0;
    for (size_t i = 0; i < n && m < WW_NEIGHBOURS; i++) {
        if (isnan(votes[i].z) || votes[i].intervals > stale_intervals || !(votes[i].weight > 0))
            continue;
        z[m] = votes[i].z;
        weight[m++] = votes[i].weight;
    }
    *median = m > 0 ? ww_weighted_median(z, weight, m) : NAN;
    return m;
}

static double rate_of(uint32_t n, double memory) {
    return n + 1 < memory ? 1.0 / (n + 1) : 1 / memory;
}

static void learn(float *kept, double value, double rate) {
    *kept += (float)(rate * (value - *kept));
}

/* Own z by what was usual before this reading. */
static double own_z(struct ww_neighbour *s, double x) {
    double sd = sd_of_dev * s->dev;
    return sd > 0 ? (x - s->level) / sd : 0;
}

static void learn_own(struct ww_neighbour *s, double x, double z) {
    double sd = sd_of_dev * s->dev, rate = rate_of(s->n, OWN_MEMORY);
    double bounded = s->n > YOUNG && sd > 0 ? s->level + clipped(z, clip) * sd : x;
    double error = fabs(bounded - s->level);
    learn(&s->level, bounded, rate);
    if (s->n > 0)
        learn(&s->dev, error, rate_of(s->n - 1, OWN_MEMORY));
    s->n++;
}

static int state_of(double median) {
    return fabs(median) < at_ease ? 0 : fabs(median) < raised ? 1 : 2;
}

/* A state that is little known is shrunk to the calmer one before it. */
static double spread_of(const struct ww_neighbour *s, int state) {
    enum { WEIGHT = 50 };
    double dev = s->bias_dev[0];
    for (int i = 1; i <= state; i++) {
        double own = s->bias_dev[i], n = s->bias_n[i];
        double mixed = (n * own + WEIGHT * dev) / (n + WEIGHT);
        dev = mixed > dev ? mixed : dev;
    }
    return sd_of_dev * dev;
}

static double residual_of(const struct ww_neighbour *s, double difference, double median) {
    double sd = spread_of(s, state_of(median));
    return sd > 0 ? (difference - s->bias) / sd : 0;
}

static void learn_difference(struct ww_neighbour *s, double difference, double median, double residual) {
    int state = state_of(median);
    double sd = spread_of(s, state);
    double bounded = s->compared > YOUNG && sd > 0 ? s->bias + clipped(residual, clip) * sd : difference;
    double error = fabs(bounded - s->bias);
    learn(&s->bias, bounded, rate_of(s->compared, DIFFERENCE_MEMORY));
    if (s->compared > 0)
        learn(&s->bias_dev[state], error, rate_of(s->bias_n[state], SPREAD_MEMORY));
    if (s->bias_n[state] < UINT16_MAX)
        s->bias_n[state]++;
    if (s->compared > YOUNG) {
        double part = ww_tail_part(s->compared), y = ww_quick_ln1p(fabs(residual));
        ww_tail_learn(&s->tail[0], residual > 0 ? y : 0, part);
        ww_tail_learn(&s->tail[1], residual < 0 ? y : 0, part);
    }
    s->compared++;
}

/* Large now and once more in the last three. A sensor that was large twice of eight is still under suspicion:
 * what it says of the area does not count. */
static enum ww_neighbour_kind kind_of(const struct ww_neighbour *s, const struct ww_neighbour_verdict *v) {
    bool large = (s->large & 1u) && __builtin_popcount(s->large & 7u) >= 2;
    bool suspect = __builtin_popcount(s->large) >= 2;
    double own = v->z * v->median > 0 ? fabs(v->z) : 0, median = fabs(v->median);
    if (large && median >= raised && own >= raised && own <= most_times * median)
        return WW_NEIGHBOUR_AREA_EVENT;
    if (large)
        return fabs(v->z) < at_ease && median >= raised ? WW_NEIGHBOUR_DEAD : WW_NEIGHBOUR_FAULT;
    return median >= raised && own >= at_ease && !suspect ? WW_NEIGHBOUR_AREA_EVENT : WW_NEIGHBOUR_NORMAL;
}

void ww_neighbour_step(struct ww_neighbour *s, double x, const struct ww_vote *votes, size_t n,
                       struct ww_neighbour_verdict *v) {
    memset(v, 0, sizeof *v);
    if (s->n == 0)
        s->origin = (float)x;
    x -= s->origin;
    v->z = own_z(s, x);
    v->voters = (int)count_votes(votes, n, &v->median);
    bool young = s->n <= YOUNG || s->compared <= YOUNG;
    bool enough = v->voters >= WW_NEIGHBOUR_LEAST;
    v->kind = !enough ? WW_NEIGHBOUR_NONE : young ? WW_NEIGHBOUR_LEARNING : WW_NEIGHBOUR_NORMAL;
    bool is_large = false;
    if (enough && s->n > YOUNG) {
        double difference = v->z - v->median;
        v->residual = residual_of(s, difference, v->median);
        double surprise = ww_tail_surprise(&s->tail[v->residual < 0], ww_quick_ln1p(fabs(v->residual)), past);
        v->surprise = surprise > two_sides ? surprise - two_sides : 0;
        is_large = !young && v->surprise >= large_surprise && fabs(v->residual) >= least_large;
        s->large = (uint8_t)(s->large << 1 | is_large);
        s->streak = is_large ? s->streak + 1 : s->streak > 2 ? s->streak - 2 : 0;
        if (!young)
            v->kind = kind_of(s, v);
        v->accepted = s->streak >= ACCEPT_READINGS;
        if (v->accepted) {
            s->bias = (float)difference;
            s->streak = 0;
        }
        if (!is_large)
            learn_difference(s, difference, v->median, v->residual);
        else if (s->streak == 1) /* once an excursion */
            ww_tail_step(&s->tail[v->residual < 0], ww_quick_ln1p(fabs(v->residual)), s->compared);
    }
    if (!is_large)
        learn_own(s, x, v->z);
    s->z = (float)v->z;
}
