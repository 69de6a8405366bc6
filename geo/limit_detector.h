/* The legal-limit detector: pure, one series at a time.
 *
 * For one datastream and one rule it watches a window of the last n judged readings (or
 * bucket means), fires when at least `fire_k` of the last `fire_n` exceed the limit that
 * was in force when they were measured, and clears when at least `clear_k` of the last
 * `clear_n` are back within the limit by the clearing margin. Between the two it stays as
 * it is. Silence never clears: without readings nothing happens at all.
 *
 * No clock, no socket, no SQL. State is a plain struct of fixed size, so that replaying
 * the same readings from the start gives the same state (that is how it is rebuilt after a
 * restart). The window is ordered by phenomenon time: a late reading that still falls into
 * it takes its place; an older one is ignored. A reading with the time of one in the
 * window replaces it (a correction); when the correction is not valid any more, it takes the
 * sample out, and the window is one shorter until the next reading. A caller must refuse
 * readings from the future before they come here: one of them would make all others late.
 *
 * What moves the alert is the judged sample itself: it fires only when this sample newly
 * exceeds, and clears only when this sample is newly within; the counts are those of the
 * window after it took its place. So a repeat never moves anything, a correction only when it
 * changes sides, and a sample that is withdrawn neither fires nor clears. Fewer samples than n
 * are enough when k of them are there. When the conditions to fire and to clear hold at once,
 * the side that the sample is on decides.
 *
 * Averages: with bucket_us > 0 valid readings are averaged over local calendar buckets, and
 * a bucket is judged when the first reading of a later bucket arrives. A bucket with less
 * than `min_coverage` of its time covered by valid readings (each covers its own interval,
 * or, when instant, `expected_step_us`) is not judged. A reading belongs wholly to the bucket
 * in which its time lies, and a bucket to the limit in force at its start. A late reading is
 * added while its bucket is the current one, if the 1,440th part of the bucket that it falls
 * into had none yet: that is how repeats are told apart, so a correction within a bucket is
 * not seen. A limit for some hours of the day needs buckets that divide an hour.
 *
 * A value that differs from a limit by less than 1e-12 of it equals it, and what equals a limit does not
 * exceed it: means are sums of binary fractions and come out a hair above what they are.
 *
 * Quality: a reading counts only when its flag is listed in `valid_flags` (by default "N").
 * Source of the rule on flags: HJ 212-2017, table 8.
 *
 * Worked example: fire 2 of 3, clear 2 of 2 below 100 % of limit 60:
 *   50 70 55 66 → fires at the fourth (70 and 66 of the last three); 58 59 → clears at 59.
 */
#ifndef WW_GEO_LIMIT_DETECTOR_H
#define WW_GEO_LIMIT_DETECTOR_H

#include <stdbool.h>

#include "geo/base/status.h"
#include "geo/instant.h"

#define WW_LIMIT_WINDOW 24 /* the largest n of k-of-n */

/* One row of limit_value, in the unit of the property. */
struct ww_limit {
    int64_t id;            /* of the row, for the explanation */
    double lower;          /* readings below exceed; -INFINITY for none */
    double upper;          /* readings above exceed; +INFINITY for none */
    int64_t valid_from_us; /* by the observation's time, inclusive */
    int64_t valid_to_us;   /* exclusive; INT64_MAX for open */
    int16_t hour_from;     /* local hours of the day in which it holds, e.g. 22 → 6 at night; */
    int16_t hour_to;       /* equal = the whole day */
};

struct ww_limit_rule {
    const struct ww_limit *limits; /* at most one may hold at a time; owned by the caller */
    uint32_t n_limits;
    uint8_t fire_k, fire_n; /* 1 ≤ k ≤ n ≤ WW_LIMIT_WINDOW */
    uint8_t clear_k, clear_n;
    double clear_ratio; /* (0, 1]: within means ≤ upper * ratio and ≥ lower / ratio (for negative limits the
                           other way round: always inwards); 1 = the limit itself */
    int64_t bucket_us;          /* 0 = judge each reading */
    double min_coverage;        /* 0 … 1, for buckets */
    int64_t expected_step_us;   /* what an instant reading covers, for buckets */
    char valid_flags[8];        /* e.g. "N" */
    const struct ww_zone *zone; /* for buckets and hours */
};

/* One judged reading or bucket mean. */
struct ww_limit_sample {
    int64_t time_us; /* of the reading, or the bucket's start */
    double value;
    int32_t limit_index; /* into rule->limits */
    bool exceeds;
    bool within; /* back within the clearing margin; never both */
};

#define WW_LIMIT_SEEN_WORDS 23

struct ww_limit_state {
    uint8_t n_window;
    bool open;
    /* the current bucket */
    int64_t bucket_start_us; /* WW_INSTANT_NONE before the first reading */
    int64_t last_time_us;    /* newest judged reading, WW_INSTANT_NONE before the first */
    double bucket_sum;       /* weighted by covered time */
    double bucket_weight_us;
    int64_t dropped_us; /* newest time that the window is past: what is as old or older is ignored */
    uint64_t seen[WW_LIMIT_SEEN_WORDS];             /* which parts of the bucket have readings */
    struct ww_limit_sample window[WW_LIMIT_WINDOW]; /* oldest first; last, see ww_limit_state_size */
};

struct ww_reading {
    int64_t time_us;     /* interval start, or the moment */
    int64_t interval_us; /* 0 = instant */
    double value;        /* in the property's unit; never NAN */
    char flag;           /* quality, 'N' = normal */
};

enum ww_limit_verdict {
    WW_LIMIT_NOTHING,   /* not judged, or judged and nothing to say */
    WW_LIMIT_FIRED,     /* not open → open */
    WW_LIMIT_CONTINUES, /* open, and this sample exceeds again */
    WW_LIMIT_CLEARED    /* open → not open */
};

/* WW_BAD_INPUT with the field that is wrong; WW_CONFLICT when two limits hold at one time. */
enum ww_status ww_limit_rule_check(const struct ww_limit_rule *rule, struct ww_error *err) WW_MUST_CHECK;
/* Bytes that a state of this rule needs: thousands of states are kept, so each is allocated
 * without the part of the window that its rule never fills. */
size_t ww_limit_state_size(const struct ww_limit_rule *rule);
void ww_limit_state_init(struct ww_limit_state *state);
/* Judges one reading. `sample` (may be NULL) receives the sample that was judged when
 * the verdict is not NOTHING. */
enum ww_limit_verdict ww_limit_step(const struct ww_limit_rule *rule, struct ww_limit_state *state,
                                    const struct ww_reading *reading, struct ww_limit_sample *sample);
/* How much of the past rebuilds the state: the last `*readings` (>= 1) readings that count (valid flag,
 * a limit in force), or all of the last `*span_us` before the newest reading, whichever is more, in
 * the order in which they came in. Rebuilt from fewer, the window is the newest part of what it
 * was. `open` is not rebuilt: the caller sets it from the alert that is open, or not. */
void ww_limit_rule_memory(const struct ww_limit_rule *rule, uint32_t *readings, int64_t *span_us);

#endif
