/* The legal-limit detector; geo/limit_detector.h says what it promises.
 *
 * A step is: does the reading count → (with buckets: add it, judge the bucket that it closes) → which limit
 * was in force → put the sample into the window → count. Every function works on the one state that it is
 * given.
 */
#include "geo/limit_detector.h"

#include <assert.h>
#include <math.h>

/* Marks for which parts of the bucket readings were counted: a minute each of a day, 2.5 s of an hour. */
#define BUCKET_SLOTS (WW_LIMIT_SEEN_WORDS * 64)
#define SLOTS_PLAN   1440 /* fewer than BUCKET_SLOTS, so that a day of 24.5 hours fits */

/* ---- limits ---- */

/* With a margin, the limit that readings must keep to clear. Negative limits move inwards too. */
static double clear_upper(const struct ww_limit *limit, double ratio) {
    return limit->upper >= 0 ? limit->upper * ratio : limit->upper / ratio;
}

static double clear_lower(const struct ww_limit *limit, double ratio) {
    return limit->lower >= 0 ? limit->lower / ratio : limit->lower * ratio;
}

static bool hour_is_in(const struct ww_limit *limit, int hour) {
    if (limit->hour_from == limit->hour_to) {
        return true;
    }
    return limit->hour_from < limit->hour_to ? hour >= limit->hour_from && hour < limit->hour_to
                                             : hour >= limit->hour_from || hour < limit->hour_to;
}

static int local_hour(int64_t time_us, const struct ww_zone *zone) {
    int64_t local = time_us + (zone ? ww_zone_offset_s(zone, time_us) * WW_SECOND_US : 0);
    int64_t in_day = local % WW_DAY_US;
    return (int)((in_day < 0 ? in_day + WW_DAY_US : in_day) / WW_HOUR_US);
}

/* The index of the limit in force, or -1. */
static int32_t find_limit(const struct ww_limit_rule *rule, int64_t time_us) {
    int hour = -1; /* looked up once, and only when a limit asks */
    for (uint32_t i = 0; i < rule->n_limits; i++) {
        const struct ww_limit *limit = &rule->limits[i];
        if (time_us < limit->valid_from_us || time_us >= limit->valid_to_us) {
            continue;
        }
        if (limit->hour_from != limit->hour_to && hour < 0) {
            hour = local_hour(time_us, rule->zone);
        }
        if (hour_is_in(limit, hour)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool flag_is_valid(const struct ww_limit_rule *rule, char flag) {
    for (size_t i = 0; i < sizeof rule->valid_flags && rule->valid_flags[i]; i++) {
        if (rule->valid_flags[i] == flag) {
            return true;
        }
    }
    return false;
}

/* ---- checking a rule ---- */

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s: %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status check_limit(const struct ww_limit_rule *rule, const struct ww_limit *limit,
                                  struct ww_error *err) {
    if (isnan(limit->lower) || isnan(limit->upper) || limit->lower == INFINITY || limit->upper == -INFINITY ||
        (isinf(limit->lower) && isinf(limit->upper))) {
        return refuse(err, "limits", "a limit needs a lower or an upper bound");
    }
    if (limit->lower > limit->upper) {
        return refuse(err, "limits", "the lower bound is above the upper one");
    }
    if (clear_lower(limit, rule->clear_ratio) > clear_upper(limit, rule->clear_ratio)) {
        return refuse(err, "clear_ratio",
                      "no value would lie within both bounds by this margin: it never clears");
    }
    if (limit->valid_from_us >= limit->valid_to_us) {
        return refuse(err, "limits", "a limit ends before it begins");
    }
    if (limit->hour_from < 0 || limit->hour_from > 23 || limit->hour_to < 0 || limit->hour_to > 24) {
        return refuse(err, "limits", "hours are 0 to 23");
    }
    if (limit->hour_from != limit->hour_to && rule->bucket_us > 0 && WW_HOUR_US % rule->bucket_us != 0) {
        return refuse(err, "bucket", "a limit for some hours needs means over an hour or a part of it");
    }
    return WW_OK;
}

static bool limits_overlap(const struct ww_limit *a, const struct ww_limit *b) {
    if (a->valid_from_us >= b->valid_to_us || b->valid_from_us >= a->valid_to_us) {
        return false;
    }
    for (int hour = 0; hour < 24; hour++) {
        if (hour_is_in(a, hour) && hour_is_in(b, hour)) {
            return true;
        }
    }
    return false;
}

static enum ww_status check_limits(const struct ww_limit_rule *rule, struct ww_error *err) {
    if (rule->n_limits == 0 || !rule->limits) {
        return refuse(err, "limits", "a rule needs a limit");
    }
    for (uint32_t i = 0; i < rule->n_limits; i++) {
        enum ww_status status = check_limit(rule, &rule->limits[i], err);
        if (status != WW_OK) {
            return status;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (limits_overlap(&rule->limits[i], &rule->limits[j])) {
                (void)ww_error_set(err, WW_CONFLICT, "the limits %lld and %lld hold at the same time",
                                   (long long)rule->limits[j].id, (long long)rule->limits[i].id);
                ww_error_at_field(err, WW_STR("limits"), WW_STR_NONE);
                return WW_CONFLICT;
            }
        }
    }
    return WW_OK;
}

enum ww_status ww_limit_rule_check(const struct ww_limit_rule *rule, struct ww_error *err) {
    if (rule->fire_k < 1 || rule->fire_k > rule->fire_n || rule->fire_n > WW_LIMIT_WINDOW) {
        return refuse(err, "fire", "k of n needs 1 <= k <= n <= 24");
    }
    if (rule->clear_k < 1 || rule->clear_k > rule->clear_n || rule->clear_n > WW_LIMIT_WINDOW) {
        return refuse(err, "clear", "k of n needs 1 <= k <= n <= 24");
    }
    if (!(rule->clear_ratio > 0 && rule->clear_ratio <= 1)) {
        return refuse(err, "clear_ratio", "must be above 0 and at most 1");
    }
    if (rule->bucket_us < 0 || (rule->bucket_us > 0 && rule->bucket_us < WW_SECOND_US) ||
        (rule->bucket_us > 0 && WW_DAY_US % rule->bucket_us != 0 && rule->bucket_us % WW_DAY_US != 0)) {
        return refuse(err, "bucket", "must divide a day or be whole days");
    }
    if (rule->bucket_us > 0 && !(rule->min_coverage >= 0 && rule->min_coverage <= 1)) {
        return refuse(err, "min_coverage", "must be 0 to 1");
    }
    if (rule->bucket_us > 0 && rule->expected_step_us <= 0) {
        return refuse(err, "expected_step", "means need the time that one reading covers");
    }
    if (!rule->valid_flags[0]) {
        return refuse(err, "valid_flags", "no reading would ever count");
    }
    return check_limits(rule, err);
}

/* ---- the window ---- */

void ww_limit_state_init(struct ww_limit_state *state) {
    memset(state, 0, offsetof(struct ww_limit_state, window));
    state->bucket_start_us = WW_INSTANT_NONE;
    state->last_time_us = WW_INSTANT_NONE;
    state->dropped_us = WW_INSTANT_NONE;
}

static unsigned window_size(const struct ww_limit_rule *rule) {
    return rule->fire_n > rule->clear_n ? rule->fire_n : rule->clear_n;
}

size_t ww_limit_state_size(const struct ww_limit_rule *rule) {
    return offsetof(struct ww_limit_state, window) + window_size(rule) * sizeof(struct ww_limit_sample);
}

static void remove_sample(struct ww_limit_state *state, unsigned at) {
    state->n_window--;
    memmove(&state->window[at], &state->window[at + 1], (state->n_window - at) * sizeof state->window[0]);
}

/* How many samples of the window are older than that time. */
static unsigned samples_before(const struct ww_limit_state *state, int64_t time_us) {
    unsigned at = state->n_window;
    while (at > 0 && state->window[at - 1].time_us >= time_us) {
        at--;
    }
    return at;
}

static bool holds_time(const struct ww_limit_state *state, unsigned at, int64_t time_us) {
    return at < state->n_window && state->window[at].time_us == time_us;
}

/* What a sample newly says. A correction that changes no mark must not move the alert again. */
struct news {
    bool any, exceeds, within;
};

static struct news put_sample(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                              const struct ww_limit_sample *sample) {
    unsigned at = samples_before(state, sample->time_us);
    struct news news = {true, sample->exceeds, sample->within};
    if (holds_time(state, at, sample->time_us)) {
        struct ww_limit_sample *old = &state->window[at];
        news.any = old->value != sample->value;
        news.exceeds = sample->exceeds && !old->exceeds;
        news.within = sample->within && !old->within;
        *old = *sample;
        return news;
    }
    if (sample->time_us <= state->dropped_us) {
        return (struct news){false, false, false}; /* belongs before the window */
    }
    if (state->n_window == window_size(rule)) {
        if (at == 0) {
            state->dropped_us = sample->time_us;
            return (struct news){false, false, false};
        }
        state->dropped_us = state->window[0].time_us;
        remove_sample(state, 0);
        at--;
    }
    memmove(&state->window[at + 1], &state->window[at], (state->n_window - at) * sizeof state->window[0]);
    state->window[at] = *sample;
    state->n_window++;
    return news;
}

static unsigned count_exceeding(const struct ww_limit_state *state, unsigned last_n) {
    unsigned count = 0;
    unsigned first = state->n_window > last_n ? state->n_window - last_n : 0;
    for (unsigned i = first; i < state->n_window; i++) {
        count += state->window[i].exceeds;
    }
    return count;
}

static unsigned count_within(const struct ww_limit_state *state, unsigned last_n) {
    unsigned count = 0;
    unsigned first = state->n_window > last_n ? state->n_window - last_n : 0;
    for (unsigned i = first; i < state->n_window; i++) {
        count += state->window[i].within;
    }
    return count;
}

/* Means are sums in binary fractions: a mean that equals the limit may come out some 1e-15 above it. What
 * differs by less than this part of the limit equals it. */
#define EQUAL_PART 1e-12

static bool is_above(double value, double bound) {
    return value - bound > EQUAL_PART * fabs(bound);
}

static enum ww_limit_verdict judge(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                                   int64_t time_us, double value, struct ww_limit_sample *out) {
    int32_t index = find_limit(rule, time_us);
    if (index < 0) {
        return WW_LIMIT_NOTHING;
    }
    const struct ww_limit *limit = &rule->limits[index];
    struct ww_limit_sample sample = {
        .time_us = time_us,
        .value = value,
        .limit_index = index,
        .exceeds = is_above(limit->lower, value) || is_above(value, limit->upper),
        .within = !is_above(clear_lower(limit, rule->clear_ratio), value) &&
                  !is_above(value, clear_upper(limit, rule->clear_ratio)),
    };
    enum ww_limit_verdict verdict = WW_LIMIT_NOTHING;
    struct news news = put_sample(rule, state, &sample);
    if (!state->open && news.exceeds && count_exceeding(state, rule->fire_n) >= rule->fire_k) {
        state->open = true;
        verdict = WW_LIMIT_FIRED;
    } else if (state->open && news.within && count_within(state, rule->clear_n) >= rule->clear_k) {
        state->open = false;
        verdict = WW_LIMIT_CLEARED;
    } else if (state->open && news.any && sample.exceeds) {
        verdict = WW_LIMIT_CONTINUES;
    }
    if (out && verdict != WW_LIMIT_NOTHING) {
        *out = sample;
    }
    return verdict;
}

/* ---- buckets ---- */

static enum ww_limit_verdict close_bucket(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                                          struct ww_limit_sample *out) {
    int64_t start = state->bucket_start_us;
    /* The true length: a day on which clocks change has 23 or 25 hours. */
    int64_t probe = start + rule->bucket_us + rule->bucket_us / 2;
    int64_t length = ww_instant_bucket(probe, rule->bucket_us, rule->zone) - start;
    if (length <= 0) {
        length = rule->bucket_us;
    }
    if (state->bucket_weight_us < rule->min_coverage * (double)length) {
        return WW_LIMIT_NOTHING;
    }
    return judge(rule, state, start, state->bucket_sum / state->bucket_weight_us, out);
}

static void begin_bucket(struct ww_limit_state *state, int64_t start_us) {
    state->bucket_start_us = start_us;
    state->bucket_sum = 0;
    state->bucket_weight_us = 0;
    memset(state->seen, 0, sizeof state->seen);
}

/* Adds a reading that is surely new: newer than all before, or in a part of the bucket that had none. */
static void add_to_bucket(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                          const struct ww_reading *reading) {
    int64_t slot_us = rule->bucket_us / SLOTS_PLAN;
    int64_t slot = (reading->time_us - state->bucket_start_us) / slot_us;
    slot = slot < BUCKET_SLOTS ? slot : BUCKET_SLOTS - 1;
    uint64_t mark = UINT64_C(1) << (slot % 64);
    uint64_t *word = &state->seen[slot / 64];
    if (reading->time_us <= state->last_time_us && (*word & mark)) {
        return;
    }
    *word |= mark;
    double weight = (double)(reading->interval_us > 0 ? reading->interval_us : rule->expected_step_us);
    state->bucket_sum += reading->value * weight;
    state->bucket_weight_us += weight;
}

static enum ww_limit_verdict step_bucket(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                                         const struct ww_reading *reading, struct ww_limit_sample *out) {
    enum ww_limit_verdict verdict = WW_LIMIT_NOTHING;
    int64_t start = ww_instant_bucket(reading->time_us, rule->bucket_us, rule->zone);
    if (start < state->bucket_start_us) {
        return WW_LIMIT_NOTHING;
    }
    if (start > state->bucket_start_us) {
        if (state->bucket_start_us != WW_INSTANT_NONE) {
            verdict = close_bucket(rule, state, out);
        }
        begin_bucket(state, start);
    }
    add_to_bucket(rule, state, reading);
    return verdict;
}

/* ---- the steps ---- */

/* A reading that was valid and is so no longer, such as one marked as a calibration later, leaves the window.
 */
static void withdraw(struct ww_limit_state *state, int64_t time_us) {
    unsigned at = samples_before(state, time_us);
    if (holds_time(state, at, time_us)) {
        remove_sample(state, at);
    }
}

enum ww_limit_verdict ww_limit_step(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                                    const struct ww_reading *reading, struct ww_limit_sample *sample) {
    assert(!isnan(reading->value));
    if (!flag_is_valid(rule, reading->flag)) {
        if (rule->bucket_us == 0) {
            withdraw(state, reading->time_us);
        }
        return WW_LIMIT_NOTHING;
    }
    enum ww_limit_verdict verdict = rule->bucket_us > 0
                                        ? step_bucket(rule, state, reading, sample)
                                        : judge(rule, state, reading->time_us, reading->value, sample);
    if (reading->time_us > state->last_time_us) {
        state->last_time_us = reading->time_us;
    }
    return verdict;
}

void ww_limit_rule_memory(const struct ww_limit_rule *rule, uint32_t *readings, int64_t *span_us) {
    if (rule->bucket_us == 0) {
        *readings = window_size(rule);
        *span_us = 0;
        return;
    }
    /* The window, the bucket that is filling, and one that the span's start cuts, back from the newest
     * reading. */
    *readings = 1;
    *span_us = ((int64_t)window_size(rule) + 2) * rule->bucket_us;
}
