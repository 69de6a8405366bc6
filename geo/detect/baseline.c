/* Judges and learns one reading; see baseline.h. */
#include "geo/detect/baseline.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "geo/detect/quick_math.h"

_Static_assert(sizeof(struct ww_baseline) <= 672,
               "with neighbours, links and quality a series keeps at most 1 KB");

const struct ww_baseline_params ww_baseline_params_default = {
    .zone = NULL, .accept_us = 4 * WW_HOUR_US, .accept_readings = 12};

static const float recent_rates[WW_TRACK_RATES] = {1.0f / 64, 1.0f / 16, 1.0f / 4, 0.85f};
static const float rest_rates[WW_TRACK_RATES] = {1.0f / 512, 1.0f / 128, 1.0f / 32, 1.0f / 8};

static const double sd_of_dev = 1.2533;       /* sqrt(pi/2): sd over mean absolute deviation, normal */
static const double month_s = 30.44 * 86400;  /* 365.25 / 12 days */
static const double outside_surprise = 1.301; /* one reading in twenty of its own past counts for runs … */
static const double band_surprise = 2.3;      /* … and one in two hundred is not learned from */
static const double least_band = 3;           /* and in sd at least this */
static const double learn_clip = 3;           /* sd that one reading may teach */
static const double cusum_k = 0.5, cusum_clip = 2, cusum_most = 60;
static const double reason_surprise = 2;
enum { few_visits = 4 };        /* a cell that knows so few days differs from them as days differ */
static const double youth = 20; /* readings: a spread learned from so few is doubted as much as it is large */
static const double two = 0.30102999566398120; /* log10 2: two looks, two sides */

enum { SHORT_RUN = 8, LONG_RUN = 64, MOST_WAIT = 10000, HELD_AFTER = 3, CLOCK_SET_BACK = 24 };

void ww_baseline_init(struct ww_baseline *state) {
    memset(state, 0, sizeof *state);
    ww_season_init(&state->season);
    ww_track_init(&state->recent);
    ww_track_init(&state->rest);
    state->last_us = state->outside_since_us = state->late_us = WW_INSTANT_NONE;
    state->last_season = NAN;
    /* A normal residual: 5 % lie above 1.64 sd; a tail that allows for what real ones do. The CUSUM of
     * independent residuals exceeds 2 in 5 % and has an exponential tail of mean 1/2k. */
    for (int lane = 0; lane < 4; lane++) {
        ww_tails_set(&state->point, lane, ww_tail_of(1.0, 0.25));
        ww_tails_set(&state->course, lane, lane < 2 ? ww_tail_of(2.0, 1.0) : ww_tail_of(1.0, 0.6));
    }
    state->row_tail = ww_tail_of(1.8, 0.6);
}

double ww_baseline_past(uint32_t n, double usual_s) {
    const double a_reading = 1.0 / 80, a_second = 3.0 / 86400;
    double rate = usual_s * a_second < a_reading ? usual_s * a_second : a_reading, k = n * rate;
    return 2 + (k < 200 ? k : 200);
}

double ww_months_of_surprise(double surprise, double usual_s) {
    return usual_s / month_s * ww_quick_exp(2.302585092994046 * (surprise < 250 ? surprise : 250));
}

double ww_score_of_months(double months) {
    return months > 0 ? 1 / (1 + 1 / sqrt(sqrt(months))) : 0;
}

/* ---- one forecast against the reading ---- */

struct look {
    bool there;
    double expected, sd, z;
    double surprise; /* two-sided */
    bool outlier;
};

enum { RECENT = 0, SEASON = 2 }; /* lanes of tails: above; the next one below */

static double sd_of(const struct ww_baseline *state, double dev, const struct ww_track *track,
                    const float rates[WW_TRACK_RATES]) {
    double sd = sd_of_dev * ww_track_dev(track, rates, dev);
    sd = sd > state->resolution ? sd : state->resolution;
    return sd * sqrt(1 + youth / (track->n + 1.0));
}

/* ---- what one reading needs ---- */

struct step {
    double x; /* without the origin */
    int cell;
    double k; /* of its tails: how much past there is */
    bool has_season;
    double season;       /* its level */
    double usual_change; /* of the season since the recent track learned last */
    bool took_change;    /* the reading followed it */
    bool explained;      /* the recent level is left for what is usual at this hour */
    double reach;        /* of its bands: excess in betas */
    struct look recent, rest;
    ww_four point, course; /* what the tails are asked for and learn */
    double shift[2];
    uint64_t outside;
    int outside_of_8, outside_of_64;
    double shift_surprise, run_surprise;
};

/* z as a tail takes it: on its side ln(1 + |z|), on the other nothing. */
static void put_y(ww_four *point, int lane, const struct look *look) {
    float y = (float)ww_quick_ln1p(fabs(look->z));
    (*point)[lane] = look->z < 0 ? 0 : y;
    (*point)[lane + 1] = look->z < 0 ? y : 0;
}

static void judge_look(struct look *look, double up, double down) {
    double surprise = (up > down ? up : down) - two;
    look->surprise = surprise > 0 ? surprise : 0;
    look->outlier = fabs(look->z) > least_band && look->surprise > band_surprise;
}

static void look_recent(const struct ww_baseline *state, struct step *s) {
    const struct ww_track *track = &state->recent;
    double level = ww_track_level(track), error = s->x - level;
    s->usual_change = s->has_season && !isnan(state->last_season) ? s->season - state->last_season : 0;
    s->took_change = fabs(error - s->usual_change) < fabs(error);
    if (s->took_change)
        error -= s->usual_change;
    s->recent.there = true;
    s->recent.expected = s->x - error;
    s->recent.sd =
        sd_of(state, ww_season_local_spread(&state->season, s->cell, track->dev), track, recent_rates);
    s->recent.z = s->recent.sd > 0 ? error / s->recent.sd : 0;
    put_y(&s->point, RECENT, &s->recent);
}

static void look_season(const struct ww_baseline *state, struct step *s) {
    if (!s->has_season || state->rest.n < WW_BASELINE_YOUNG)
        return;
    s->rest.there = true;
    s->rest.expected = s->season + ww_track_level(&state->rest);
    s->rest.sd =
        sd_of(state, ww_season_spread(&state->season, s->cell, state->rest.dev), &state->rest, rest_rates);
    s->rest.z = s->rest.sd > 0 ? (s->x - s->rest.expected) / s->rest.sd : 0;
    put_y(&s->point, SEASON, &s->rest);
}

static void look(const struct ww_baseline *state, struct step *s) {
    s->point = ww_four_all(0);
    s->rest.there = false;
    s->rest.z = 0;
    look_recent(state, s);
    look_season(state, s);
    ww_four surprise = ww_tails_surprise(&state->point, s->point, s->k);
    judge_look(&s->recent, (double)surprise[RECENT], (double)surprise[RECENT + 1]);
    judge_look(&s->rest, (double)surprise[SEASON], (double)surprise[SEASON + 1]);
}

/* How far the band reaches beyond what is rare, in betas: that of all tails with so much past, as
 * ww_tail_value has it for a surprise beyond the rare. */
static double band_reach(double k) {
    const double beyond = (band_surprise + two - 2.3010299956639813) * 2.302585092994046; /* in nepers */
    return k * (ww_quick_exp(beyond / k) - 1);
}

/* The z whose surprise on its side is that of the band. */
static double band_z(const struct ww_tails *tails, int lane, double reach) {
    double z = ww_quick_exp((double)tails->rare[lane] + reach * (double)tails->beta[lane]) - 1;
    return z > least_band ? z : least_band;
}

/* A change to what is usual at this hour is no event, when to stay would have been one: the season is sharp
 * enough to tell the two apart. Then the recent level is wrong, not the reading. */
static void explain_by_season(const struct ww_baseline *state, struct step *s) {
    if (!s->rest.there || !s->recent.outlier || s->rest.outlier)
        return;
    double stayed = ww_track_level(&state->recent) - s->rest.expected;
    if (fabs(stayed) <= s->rest.sd * band_z(&state->point, SEASON + (stayed < 0), s->reach))
        return;
    s->explained = true;
    s->recent = s->rest;
    s->point[RECENT] = s->point[SEASON];
    s->point[RECENT + 1] = s->point[SEASON + 1];
}

static double cusum(double sum, double z) {
    double clipped = z > cusum_clip ? cusum_clip : z;
    double next = sum + clipped - cusum_k;
    return next < 0 ? 0 : next > cusum_most ? cusum_most : next;
}

/* By halves, quarters…: a processor that has no instruction for it is asked nothing. */
static int count_bits(uint64_t bits) {
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* ww_binomial_surprise(8, r, 0.05) and (64, r, 0.05): looked up, or they would be most of the work. */
static const float short_run_y[SHORT_RUN + 1] = {0.0f,         0.47291225f,  1.242265094f,
                                                 2.237455126f, 3.429747426f, 4.812341601f,
                                                 6.397050278f, 8.223548534f, 10.408239965f};
static const float long_run_y[LONG_RUN + 1] = {
    0.0f,          0.016610154f,  0.077752809f,  0.203061129f,  0.3994728f,    0.666264723f,  0.999578978f,
    1.394728514f,  1.8471418f,    2.352685099f,  2.907731031f,  3.509132707f,  4.154168449f,  4.840482489f,
    5.566030706f,  6.329033958f,  7.127939004f,  7.961386161f,  8.828182662f,  9.7272807f,    10.657759325f,
    11.618809466f, 12.609721532f, 13.629875112f, 14.678730423f, 15.755821215f, 16.860748899f, 17.993177722f,
    19.152830844f, 20.339487196f, 21.552979048f, 22.793190215f, 24.060054842f, 25.353556766f, 26.673729412f,
    28.020656237f, 29.39447174f,  30.795363057f, 32.223572195f, 33.679398977f, 35.163204775f, 36.675417175f,
    38.216535706f, 39.787138859f, 41.387892657f, 43.019561117f, 44.683019087f, 46.379268053f, 48.109455757f,
    49.874900761f, 51.677123538f, 53.517886311f, 55.399244899f, 57.323617341f, 59.293876623f, 61.313478987f,
    63.386646648f, 65.518637061f, 67.716156824f, 69.988032468f, 72.346374423f, 74.808791505f, 77.403196364f,
    80.180629144f, 83.265919722f};

static double larger(double a, double b) {
    return a > b ? a : b;
}

static float larger_of(float a, float b) {
    return a > b ? a : b;
}

/* The sum of what the reading itself says and of what it says with those before it. */
static double surprise_of(const struct ww_baseline *state, struct step *s) {
    double z = s->rest.there ? s->rest.z : s->recent.z;
    bool outlier = s->rest.there ? s->rest.outlier : s->recent.outlier;
    for (int side = 0; side < 2; side++) /* small departures: large ones speak for themselves */
        s->shift[side] = outlier ? state->shift[side] : cusum(state->shift[side], side == 0 ? z : -z);
    double point =
        s->rest.there ? larger(0, larger(s->recent.surprise, s->rest.surprise) - two) : s->recent.surprise;
    s->outside = state->outside << 1 | (point >= outside_surprise);
    s->outside_of_8 = count_bits(s->outside & ((1u << SHORT_RUN) - 1));
    s->outside_of_64 = count_bits(s->outside);
    s->course = (ww_four){(float)s->shift[0], (float)s->shift[1], short_run_y[s->outside_of_8],
                          long_run_y[s->outside_of_64]};
    ww_four surprise = ww_tails_surprise(&state->course, s->course, s->k);
    s->shift_surprise = larger(0, (double)larger_of(surprise[0], surprise[1]) - two);
    /* What is in order again for the short run is over for the long one too. */
    s->run_surprise = s->outside_of_8 == 0 ? 0 : larger(0, (double)larger_of(surprise[2], surprise[3]) - two);
    return point + larger(s->shift_surprise, s->run_surprise);
}

/* Two looks: at everything together, and at what goes on for long, which a quiet reading can't make up for.
 */
static double row_surprise(const struct ww_baseline *state, const struct step *s, double sum) {
    double together = ww_tail_surprise(&state->row_tail, sum, s->k);
    double lasting = larger(s->run_surprise, s->shift_surprise);
    return larger(0, larger(together, lasting) - two);
}

static void tell(const struct ww_baseline *state, const struct step *s, struct ww_baseline_verdict *v) {
    v->by_season = s->rest.there && s->rest.surprise > s->recent.surprise;
    const struct look *look = v->by_season ? &s->rest : &s->recent;
    int lane = v->by_season ? SEASON : RECENT;
    v->expected = state->origin + look->expected;
    v->upper = v->expected + look->sd * band_z(&state->point, lane, s->reach);
    v->lower = v->expected - look->sd * band_z(&state->point, lane + 1, s->reach);
    v->z = look->z;
    v->reasons = (s->recent.surprise >= reason_surprise ? WW_BASELINE_RECENT : 0) |
                 (s->rest.surprise >= reason_surprise ? WW_BASELINE_SEASON : 0) |
                 (s->shift_surprise >= reason_surprise ? WW_BASELINE_SHIFT : 0) |
                 (s->run_surprise >= reason_surprise ? WW_BASELINE_RUN : 0);
    v->outside_of_8 = s->outside_of_8;
    v->outside_of_64 = s->outside_of_64;
    v->shift_sign = s->shift[0] >= s->shift[1] ? 1 : -1;
    v->since_us = state->outside_since_us;
    v->usual_s = state->usual_s;
}

/* ---- learning ---- */

static void learn_resolution(struct ww_baseline *state, double x) {
    double change = fabs((float)x - state->last_x); /* floats both, or rounding would be a change */
    state->last_x = (float)x;
    if (!(change > 0))
        return;
    if (state->resolution == 0) {
        state->resolution = (float)change;
        return;
    }
    /* The value that one change in ten stays below, by steps in logarithms. */
    double step = state->n < 33 ? 1.0 / (state->n + 1.0) : 0.03;
    state->resolution *= (float)(change < 0.999 * state->resolution ? 1 - 0.9 * step : 1 + 0.1 * step);
    if (change < state->resolution && change > 0.99 * state->resolution)
        state->resolution = (float)change;
}

/* How often it reports, and how many reports are missing before this one. */
static double missing_before(struct ww_baseline *state, int64_t time_us) {
    double dt = (double)(time_us - state->last_us) / (double)WW_SECOND_US;
    if (state->usual_s == 0)
        state->usual_s = (float)dt;
    double ratio = dt / state->usual_s;
    double rate = state->n < 63 ? 1.0 / (state->n + 1.0) : 1.0 / 64;
    double bounded = ratio > 2 ? 2 : ratio;
    state->usual_s *= (float)(1 + rate * (bounded - 1));
    return ratio > MOST_WAIT ? MOST_WAIT : ratio > 1.5 ? ratio - 1 : 0;
}

static uint16_t streak_after(uint16_t streak, bool outlier) {
    if (outlier)
        return streak < UINT16_MAX ? (uint16_t)(streak + 1) : streak;
    return streak > 2 ? (uint16_t)(streak - 2) : 0;
}

static void shift_levels(struct ww_track *track, double by) {
    for (int i = 0; i < WW_TRACK_RATES; i++)
        track->level[i] += (float)by;
    track->shadow += (float)by;
}

static double clip_of(const struct ww_track *track, double sd) {
    return track->n < WW_BASELINE_YOUNG || sd <= 0 ? INFINITY : learn_clip * sd;
}

static void learn_levels(struct ww_baseline *state, const struct step *s) {
    bool young = state->recent.n < WW_BASELINE_YOUNG;
    bool recent_odd = s->recent.outlier && !young;
    if (s->explained) {
        shift_levels(&state->recent, s->x - ww_track_level(&state->recent));
        state->last_season = (float)s->season;
    } else if (recent_odd) {
        ww_track_pass_over(&state->recent, s->x);
    } else {
        if (s->took_change)
            shift_levels(&state->recent, s->usual_change);
        ww_track_learn(&state->recent, recent_rates, s->x, clip_of(&state->recent, s->recent.sd));
        state->last_season = s->has_season ? (float)s->season : NAN;
    }
    bool rest_odd = s->rest.there && s->rest.outlier;
    if (s->has_season) {
        double rest = s->x - s->season;
        if (rest_odd)
            ww_track_pass_over(&state->rest, rest);
        else
            ww_track_learn(&state->rest, rest_rates, rest, clip_of(&state->rest, s->rest.sd));
    }
    if (s->rest.there ? rest_odd : recent_odd) {
        ww_season_add_odd(&state->season, s->x);
    } else {
        double local = fabs(s->recent.z) * s->recent.sd;
        double error = s->rest.there ? fabs(s->rest.z) * s->rest.sd : local;
        double local_clip = clip_of(&state->recent, s->recent.sd);
        double clip = s->rest.there ? clip_of(&state->rest, s->rest.sd) : local_clip;
        ww_season_add(&state->season, s->x, error < clip ? error : clip,
                      local < local_clip ? local : local_clip);
    }
    state->recent_streak = streak_after(state->recent_streak, recent_odd);
    state->rest_streak = streak_after(state->rest_streak, rest_odd);
}

/* An excursion teaches the tails once, by its first reading: what counts is how often the series leaves its
 * band, not how long it stays outside. */
static void learn_tails_of(struct ww_baseline *state, const struct step *s, double surprise) {
    if (state->recent_streak > HELD_AFTER || state->rest_streak > HELD_AFTER)
        return;
    double part = ww_tail_part(state->n);
    float recent = (float)part, season = s->rest.there ? (float)ww_tail_part(state->rest.n) : 0;
    ww_tails_learn(&state->point, s->point, (ww_four){recent, recent, season, season});
    ww_tails_learn(&state->course, s->course, ww_four_all(recent));
    ww_tail_learn(&state->row_tail, surprise, part);
}

/* Outside for long enough? Then what it is now becomes usual. */
static bool accept_new_normal(const struct ww_baseline_params *params, struct ww_baseline *state,
                              int64_t time_us) {
    bool outside = state->recent_streak > 0 || state->rest_streak > 0;
    if (!outside)
        state->outside_since_us = WW_INSTANT_NONE;
    else if (state->outside_since_us == WW_INSTANT_NONE)
        state->outside_since_us = time_us;
    if (!outside || time_us - state->outside_since_us < params->accept_us)
        return false;
    bool recent = state->recent_streak >= params->accept_readings;
    bool rest = state->rest_streak >= params->accept_readings;
    if (recent)
        ww_track_accept(&state->recent);
    if (rest)
        ww_track_accept(&state->rest);
    if (recent || rest) {
        state->recent_streak = recent ? 0 : state->recent_streak;
        state->rest_streak = rest ? 0 : state->rest_streak;
        state->shift[0] = state->shift[1] = 0;
        state->outside = 0;
        if (state->recent_streak == 0 && state->rest_streak == 0)
            state->outside_since_us = WW_INSTANT_NONE;
    }
    return recent || rest;
}

/* ---- the step ---- */

/* Late, unless so many came late, in order among themselves, that the clock was set back. */
static bool is_late(struct ww_baseline *state, int64_t time_us) {
    if (time_us > state->last_us) {
        state->late = 0;
        return false;
    }
    state->late = time_us > state->late_us || state->late == 0 ? (uint16_t)(state->late + 1) : 1;
    state->late_us = time_us;
    if (state->late < CLOCK_SET_BACK)
        return true;
    state->last_us = time_us - (int64_t)(state->usual_s * (double)WW_SECOND_US);
    state->late = 0;
    return false;
}

static int cell_of(const struct ww_baseline_params *params, int64_t time_us) {
    int64_t offset_us = params->zone ? ww_zone_offset_s(params->zone, time_us) * WW_SECOND_US : 0;
    return ww_season_cell(time_us + offset_us);
}

static void enter_hour(struct ww_baseline *state, int cell) {
    double level;
    if (cell == state->season.cell)
        return;
    bool other_days = (state->season.cell >= 0 && (cell >= 24) != (state->season.cell >= 24)) ||
                      ww_season_visits(&state->season, cell) < few_visits;
    ww_season_enter(&state->season, cell);
    if (state->rest.n >= WW_BASELINE_YOUNG && ww_season_level(&state->season, cell, &level)) {
        ww_season_expect(&state->season, level + ww_track_level(&state->rest));
        /* The spread holds a part of it already: all of it where an hour has one or two readings. */
        double spread = ww_season_spread(&state->season, cell, state->rest.dev);
        double entry = other_days ? state->season.day_dev : state->season.entry_dev;
        ww_track_doubt(&state->rest, entry > spread ? sqrt(entry * entry - spread * spread) : 0);
    }
}

static void return_one(const struct ww_baseline *state, struct ww_track *track,
                       const float rates[WW_TRACK_RATES], double x) {
    if (isnan(track->before))
        return;
    double reach = least_band * sd_of(state, track->dev, track, rates);
    if (fabs(x - ww_track_level(track)) > reach)
        (void)ww_track_return(track, x, reach);
}

/* After a new normal was accepted, the old one is no outlier. */
static void return_to_old(struct ww_baseline *state, const struct step *s) {
    return_one(state, &state->recent, recent_rates, s->x);
    if (s->has_season)
        return_one(state, &state->rest, rest_rates, s->x - s->season);
}

static void begin(struct ww_baseline *state, const struct ww_reading *reading) {
    state->origin = reading->value;
    state->last_us = reading->time_us;
}

void ww_baseline_step(const struct ww_baseline_params *params, struct ww_baseline *state,
                      const struct ww_reading *reading, struct ww_baseline_verdict *v) {
    assert(isfinite(reading->value));
    memset(v, 0, sizeof *v);
    v->observed = v->expected = v->lower = v->upper = reading->value;
    v->since_us = WW_INSTANT_NONE;
    bool first = state->n == 0;
    if (first)
        begin(state, reading);
    bool late = !first && is_late(state, reading->time_us);
    struct step s; /* large: what is not set here is set before it is read */
    s.x = reading->value - state->origin;
    s.cell = cell_of(params, reading->time_us);
    s.k = ww_baseline_past(state->n, state->usual_s);
    s.reach = band_reach(s.k);
    s.explained = false;
    if (!late) {
        double missing = first ? 0 : missing_before(state, reading->time_us);
        ww_track_wait(&state->recent, missing);
        ww_track_wait(&state->rest, missing);
        learn_resolution(state, s.x);
        enter_hour(state, s.cell);
    }
    s.has_season = ww_season_level(&state->season, s.cell, &s.season);
    if (!late)
        return_to_old(state, &s);
    look(state, &s);
    explain_by_season(state, &s);
    v->season = s.has_season ? state->origin + s.season : NAN;
    v->season_dev = s.has_season ? ww_season_spread(&state->season, s.cell, state->rest.dev) : 0;
    double surprise = surprise_of(state, &s);
    v->kind = late ? WW_BASELINE_LATE : WW_BASELINE_LEARNING;
    if (state->n >= WW_BASELINE_YOUNG) {
        if (!late)
            v->kind = WW_BASELINE_JUDGED;
        v->surprise = row_surprise(state, &s, surprise);
        v->months = ww_months_of_surprise(v->surprise, state->usual_s);
        tell(state, &s, v);
    }
    if (late)
        return;
    learn_levels(state, &s);
    if (state->n >= WW_BASELINE_YOUNG) {
        learn_tails_of(state, &s, surprise);
        memcpy(state->shift, (float[2]){(float)s.shift[0], (float)s.shift[1]}, sizeof state->shift);
        state->outside = s.outside;
        v->new_normal = accept_new_normal(params, state, reading->time_us);
        v->since_us = state->outside_since_us;
    }
    state->last_us = reading->time_us;
    state->n++;
}
