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
static const float stale_intervals = 2, link_memory = WW_LINK_MEMORY, link_clip = 3;
static const double two_sides = 0.30102999566398120;
static const double past = 40; /* excesses that a tail is good for, once it is no longer young */

void ww_neighbour_init(struct ww_neighbour *state) {
    memset(state, 0, sizeof *state);
    state->tail[0] = state->tail[1] = ww_tail_of(1.0, 0.25);
}

static double clipped(double z, double most) {
    return z > most ? most : z < -most ? -most : z;
}

/* ---- who is asked ---- */

void ww_voice_init(struct ww_voice *voice) {
    *voice = (struct ww_voice){.z = NAN};
}

void ww_voice_speak(struct ww_voice *voice, const struct ww_neighbour *state, double z, int64_t time_us) {
    if (voice->last_us != 0) {
        float dt = (float)(time_us - voice->last_us) * 1e-6f, usual = voice->usual_s;
        usual = usual > 0 ? usual : dt;
        voice->usual_s = usual + ((dt < 2 * usual ? dt : 2 * usual) - usual) / 64;
    }
    voice->last_us = time_us;
    voice->z = state->n > YOUNG ? (float)z : NAN;
}

void ww_links_init(struct ww_links *links) {
    memset(links, 0, sizeof *links);
    for (int i = 0; i < WW_NEIGHBOURS; i++)
        links->correlation[i] = NAN;
}

void ww_links_set(struct ww_links *links, int place, uint32_t index, double distance_m) {
    links->index[place] = index;
    links->distance_m[place] = (float)distance_m;
    links->correlation[place] = 0.5f;
}

void ww_links_copy(struct ww_links *links, int place, const struct ww_links *from, int from_place) {
    links->index[place] = from->index[from_place];
    links->distance_m[place] = from->distance_m[from_place];
    links->correlation[place] = from->correlation[from_place];
}

static ww_four clipped_four(ww_four x, float most) {
    return ww_four_larger(ww_four_lower(x, ww_four_all(most)), ww_four_all(-most));
}

void ww_links_learn(struct ww_links *links, const struct ww_votes *votes, double own_z) {
    ww_four own = clipped_four(ww_four_all((float)own_z), link_clip);
    if (isnan(own_z))
        return;
    for (int i = 0; i < WW_NEIGHBOURS; i += 4) {
        ww_four z = ww_four_load(votes->z + i), correlation = ww_four_load(links->correlation + i);
        ww_four together = clipped_four(own * clipped_four(z, link_clip), 1);
        ww_four moved = correlation + (together - correlation) / link_memory;
        ww_four_is counts = (z == z) & (ww_four_load(votes->intervals + i) <= stale_intervals);
        ww_four_store(links->correlation + i, ww_four_where(counts, moved, correlation));
    }
}

void ww_neighbour_ask(const struct ww_links *links, const struct ww_voice *voices, int64_t time_us,
                      struct ww_votes *votes) {
    float age_us[WW_NEIGHBOURS], usual_s[WW_NEIGHBOURS];
    for (int i = 0; i < WW_NEIGHBOURS; i++) {
        const struct ww_voice *voice = &voices[links->index[i]];
        votes->z[i] = voice->z;
        age_us[i] = (float)(time_us - voice->last_us);
        usual_s[i] = voice->usual_s;
    }
    for (int i = 0; i < WW_NEIGHBOURS; i += 4) {
        ww_four correlation = ww_four_load(links->correlation + i), usual = ww_four_load(usual_s + i);
        ww_four together = ww_four_where(correlation < 0.1f, ww_four_all(0.1f), correlation);
        ww_four weight = 1000 * together * together / (1000 + ww_four_load(links->distance_m + i));
        ww_four intervals = ww_four_abs(ww_four_load(age_us + i)) * 1e-6f / usual;
        ww_four_store(votes->weight + i, weight);
        ww_four_store(votes->intervals + i, ww_four_where(usual > 0, intervals, ww_four_all(0)));
    }
}

void ww_votes_init(struct ww_votes *votes) {
    memset(votes, 0, sizeof *votes);
    for (int i = 0; i < WW_NEIGHBOURS; i++)
        votes->z[i] = NAN;
}

bool ww_votes_add(struct ww_votes *votes, double z, double weight, double intervals) {
    int i = 0;
    if (isnan(z) || !(weight > 0) || intervals > (double)stale_intervals)
        return false;
    while (i < WW_NEIGHBOURS && !isnan(votes->z[i]))
        i++;
    if (i == WW_NEIGHBOURS)
        return false;
    votes->z[i] = (float)z;
    votes->weight[i] = (float)weight;
    votes->intervals[i] = (float)intervals;
    return true;
}

/* ---- the median ---- */

/* How much weight lies at or below each value, of all against all: no branch to guess wrong, and four at
 * once. The median is the least value with more than half at or below it; with exactly half, the middle to
 * the next. Values without weight are INFINITY. */
static float median_of_eight(const float value[WW_NEIGHBOURS], const float weight[WW_NEIGHBOURS]) {
    ww_four low = ww_four_load(value), high = ww_four_load(value + 4), none = ww_four_all(INFINITY);
    ww_four below_low = ww_four_all(0), below_high = ww_four_all(0);
    float total = 0;
    for (int j = 0; j < WW_NEIGHBOURS; j++) {
        ww_four v = ww_four_all(value[j]), w = ww_four_all(weight[j]);
        below_low += ww_four_where(v <= low, w, ww_four_all(0));
        below_high += ww_four_where(v <= high, w, ww_four_all(0));
        total += weight[j];
    }
    float half = total / 2;
    ww_four least = ww_four_lower(ww_four_where(below_low > half, low, none),
                                  ww_four_where(below_high > half, high, none));
    ww_four middle = ww_four_lower(ww_four_where(below_low == half, low, none),
                                   ww_four_where(below_high == half, high, none));
    float next = INFINITY, at_half = INFINITY;
    for (int i = 0; i < 4; i++) {
        next = least[i] < next ? least[i] : next;
        at_half = middle[i] < at_half ? middle[i] : at_half;
    }
    return isinf(at_half) ? next : (at_half + next) / 2;
}

float ww_weighted_median(const float *values, const float *weights, size_t n) {
    float value[WW_NEIGHBOURS], weight[WW_NEIGHBOURS];
    assert(n >= 1 && n <= WW_NEIGHBOURS);
    for (size_t i = 0; i < WW_NEIGHBOURS; i++) {
        value[i] = i < n ? values[i] : INFINITY;
        weight[i] = i < n ? weights[i] : 0;
    }
    return median_of_eight(value, weight);
}

/* How many count; their median. */
static int count_votes(const struct ww_votes *votes, double *median) {
    float value[WW_NEIGHBOURS], weight[WW_NEIGHBOURS];
    ww_four_is voters = {0};
    for (int i = 0; i < WW_NEIGHBOURS; i += 4) {
        ww_four z = ww_four_load(votes->z + i), w = ww_four_load(votes->weight + i);
        ww_four_is counts =
            (z == z) & (w > 0) & (ww_four_load(votes->intervals + i) <= ww_four_all(stale_intervals));
        ww_four_store(value + i, ww_four_where(counts, z, ww_four_all(INFINITY)));
        ww_four_store(weight + i, ww_four_where(counts, w, ww_four_all(0)));
        voters -= counts;
    }
    int n = voters[0] + voters[1] + voters[2] + voters[3];
    *median = n > 0 ? (double)median_of_eight(value, weight) : (double)NAN;
    return n;
}

/* ---- what is usual ---- */

static void count(uint16_t *n) {
    if (*n < UINT16_MAX)
        ++*n;
}

static double rate_of(uint16_t n, double memory) {
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
        learn(&s->dev, error, rate_of((uint16_t)(s->n - 1), OWN_MEMORY));
    count(&s->n);
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
    count(&s->bias_n[state]);
    if (s->compared > YOUNG) {
        double part = ww_tail_part(s->compared), y = ww_quick_ln1p(fabs(residual));
        ww_tail_learn(&s->tail[0], residual > 0 ? y : 0, part);
        ww_tail_learn(&s->tail[1], residual < 0 ? y : 0, part);
    }
    count(&s->compared);
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

void ww_neighbour_step(struct ww_neighbour *s, double x, const struct ww_votes *votes,
                       struct ww_neighbour_verdict *v) {
    memset(v, 0, sizeof *v);
    if (s->n == 0)
        s->origin = (float)x;
    x -= s->origin;
    v->z = own_z(s, x);
    v->voters = count_votes(votes, &v->median);
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
        s->streak = (uint8_t)(is_large        ? s->streak + 1
                              : s->streak > 2 ? s->streak - 2
                                              : 0); /* at most ACCEPT_READINGS */
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
}
