/* Does the sensor report what it measures? Checks of one series, each with a probability, not a taste.
 *
 *   stuck    equal values for longer than this series ever repeats by chance: run > ln(1e-6) / ln(its own
 * rate of repeats), and twice its longest run so far. Zeros are no sign where zero is usual: dry weather,
 * nights gap      a silence of more than three usual intervals (told by the reading after it, or by
 * ww_quality_silence) range    outside what the instrument can read spike    one or two readings more than 6
 * sd from the median of five, and back: told two readings later. What stays longer is an event, not a spike
 *   clock    the smallest delay of each day between phenomenon and arrival walks by more than 2 s a day
 * and, where it looks like tampering, a lead of its own kind:
 *   clipped  readings pile up just below the limit: more than four times those just above it, more than twice
 * those one step further below, z = (a - b) / sqrt(a + b) above 5. A plant that is run close to its permit
 * has a smooth edge and is not flagged digits   last digits are not uniform: chi² of 9 degrees above 46 (p =
 * 1e-6), where values vary over enough digits flag     never a mark of calibration or maintenance where
 * neighbours have them: (1 - their rate)^n below 1e-6
 *
 * Life: ww_quality_init; ww_quality_step for each reading in order of time. Below 256 bytes, no pointers.
 * Pure.
 */
#ifndef WW_GEO_DETECT_QUALITY_H
#define WW_GEO_DETECT_QUALITY_H

#include "geo/detect/fetch.h"
#include "geo/detect/tail.h"
#include "geo/limit_detector.h" /* struct ww_reading */

struct ww_quality_params {
    double least, most; /* the instrument's range; NAN = unknown */
    double limit;       /* the legal limit above which it would exceed; NAN = none */
};

extern const struct ww_quality_params ww_quality_params_none;

enum ww_quality_sign {
    WW_QUALITY_STUCK = 1,
    WW_QUALITY_GAP = 2,
    WW_QUALITY_RANGE = 4,
    WW_QUALITY_SPIKE = 8, /* of the reading two before this one */
    WW_QUALITY_CLOCK = 16,
    WW_QUALITY_CLIPPED = 32, /* leads */
    WW_QUALITY_DIGITS = 64,
    WW_QUALITY_FLAG = 128
};
#define WW_QUALITY_LEADS (WW_QUALITY_CLIPPED | WW_QUALITY_DIGITS | WW_QUALITY_FLAG)

struct ww_quality {
    double value[5];    /* the last five, newest last */
    int64_t time_us[2]; /* of the last two */
    uint32_t n, run, longest, zeros, repeats;
    float usual_s, spread, resolution;
    struct ww_tail spike_tail;
    float low, high;             /* of values, slowly forgotten */
    float above, below, further; /* readings just above, just below the limit, and below those */
    uint16_t digit[10], digits;  /* how often each, all */
    float digits_chi2;
    uint32_t marked; /* readings with a flag other than N */
    int32_t day;
    float least_delay_s, last_delay_s, drift_s_a_day;
    uint16_t days;
    bool stuck; /* the run that goes on was told of, and teaches nothing */
};

struct ww_quality_verdict {
    unsigned signs;
    uint32_t run;       /* equal values */
    double run_allowed; /* from which it is stuck; worked out from the seventh on */
    double silence_s;   /* before this reading */
    double usual_s;
    double spike_sd; /* of the reading two before */
    double spike_value;
    int64_t spike_time_us;
    double clipped_z;
    double digits_chi2;
    double drift_s_a_day;
};

void ww_quality_init(struct ww_quality *state);
/* `arrival_us` = when it came in; WW_INSTANT_NONE when that is not known (replay of files). */
static inline void ww_quality_fetch(const struct ww_quality *state) {
    ww_fetch(state, sizeof *state);
}
void ww_quality_step(const struct ww_quality_params *params, struct ww_quality *state,
                     const struct ww_reading *reading, int64_t arrival_us,
                     struct ww_quality_verdict *verdict);
/* Nothing has come until `now_us`: is that a gap? *silence_s may be NULL. */
bool ww_quality_silence(const struct ww_quality *state, int64_t now_us, double *silence_s);
/* Is it too good to be true that nothing was ever marked, when neighbours mark this share of their readings?
 */
bool ww_quality_never_marked(const struct ww_quality *state, double share_of_neighbours);

#endif
