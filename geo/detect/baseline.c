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
    for (int side = 0; side < 2; side++) {
        state->recent_tail[side] = state->season_tail[side] = ww_tail_of(1.0, 0.25);
        state->shift_tail[side] = ww_tail_of(2.0, 1.0);
        state->run_tail[side] = ww_tail_of(1.0, 0.6);
    }
    state->row_tail = ww_tail_of(1.8, 0.6);
}

double ww_baseline_past(uint32_t n, double usual_s) {
    double by_readings = n / 80.0, by_days = 3 * n * usual_s / 86400;
    double k = by_readings < by_days ? by_readings : by_days;
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
    double expected, sd, z, y;
    double surprise; /* two-sided */
    bool outlier;
};

static double y_of(double z) {
    return ww_quick_ln1p(fabs(z));
}

/* The z whose surprise on its side is that of the band: ww_tail_value, for a surprise beyond the rare. */
static double band_z(const struct ww_tail *tail, double k) {
    const double beyond = (band_surprise + two - 2.3010299956639813) * 2.302585092994046; /* in nepers */
    double y = (double)tail->rare + k * (double)tail->beta * (ww_quick_exp(beyond / k) - 1);
    double z = ww_quick_exp(y) - 1;
    return z > least_band ? z : least_band;
}

static void look_at(struct look *look, const struct ww_tail tails[2], double error, double k) {
    look->there = true;
    look->z = look->sd > 0 ? error / look->sd : 0;
    look->y = y_of(look->z);
    look->surprise = fmax(0, ww_tail_surprise(&tails[look->z < 0], look->y, k) - two);
    look->outlier = fabs(look->z) > least_band && look->surprise > band_surprise;
}

static void learn_tails(struct ww_tail tails[2], const struct look *look, uint32_t n) {
    double part = ww_tail_part(n);
    ww_tail_learn(&tails[0], look->z > 0 ? look->y : 0, part);
    ww_tail_learn(&tails[1], look->z < 0 ? look->y : 0, part);
}

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
    struct look recent, rest;
    double shift[2];
    uint64_t outside;
    double shift_surprise, run_surprise;
};

static void look_recent(const struct ww_baseline *state, struct step *s) {
    const struct ww_track *track = &state->recent;
    double level = ww_track_level(track), error = s->x - level;
    s->usual_change = s->has_season && !isnan(state->last_season) ? s->season - state->last_season : 0;
    s->took_change = fabs(error - s->usual_change) < fabs(error);
    if (s->took_change)
        error -= s->usual_change;
    s->recent.expected = s->x - error;
    s->recent.sd =
        sd_of(state, ww_season_local_spread(&state->season, s->cell, track->dev), track, recent_rates);
    look_at(&s->recent, state->recent_tail, error, s->k);
}

static void look_season(const struct ww_baseline *state, struct step *s) {
    if (!s->has_season || state->rest.n < WW_BASELINE_YOUNG)
        return;
    s->rest.expected = s->season + ww_track_level(&state->rest);
    s->rest.sd =
        sd_of(state, ww_season_spread(&state->season, s->cell, state->rest.dev), &state->rest, rest_rates);
    look_at(&s->rest, state->season_tail, s->x - s->rest.expected, s->k);
}

/* A change to what is usual at this hour is no event, when to stay would have been one: the season is sharp
 * enough to tell the two apart. Then the recent level is wrong, not the reading. */
static void explain_by_season(const struct ww_baseline *state, struct step *s) {
    if (!s->rest.there || !s->recent.outlier || s->rest.outlier)
        return;
    double stayed = ww_track_level(&state->recent) - s->rest.expected;
    const struct ww_tail *tail = &state->season_tail[stayed < 0];
    if (fabs(stayed) <= s->rest.sd * band_z(tail, s->k))
        return;
    s->explained = true;
    s->recent = s->rest;
}

static double cusum(double sum, double z) {
    double clipped = z > cusum_clip ? cusum_clip : z;
    double next = sum + clipped - cusum_k;
    return next < 0 ? 0 : next > cusum_most ? cusum_most : next;
}

static int count_bits(uint64_t bits) {
    return __builtin_popcountll(bits);
}

/* ww_binomial_surprise(8, r, 0.05) and (64, r, 0.05): looked up, or they would be most of the work. */
static const double short_run_y[SHORT_RUN + 1] = {0.0,         0.47291225,  1.242265094,
                                                  2.237455126, 3.429747426, 4.812341601,
                                                  6.397050278, 8.223548534, 10.408239965};
static const double long_run_y[LONG_RUN + 1] = {
    0.0,          0.016610154,  0.077752809,  0.203061129,  0.3994728,    0.666264723,  0.999578978,
    1.394728514,  1.8471418,    2.352685099,  2.907731031,  3.509132707,  4.154168449,  4.840482489,
    5.566030706,  6.329033958,  7.127939004,  7.961386161,  8.828182662,  9.7272807,    10.657759325,
    11.618809466, 12.609721532, 13.629875112, 14.678730423, 15.755821215, 16.860748899, 17.993177722,
    19.152830844, 20.339487196, 21.552979048, 22.793190215, 24.060054842, 25.353556766, 26.673729412,
    28.020656237, 29.39447174,  30.795363057, 32.223572195, 33.679398977, 35.163204775, 36.675417175,
    38.216535706, 39.787138859, 41.387892657, 43.019561117, 44.683019087, 46.379268053, 48.109455757,
    49.874900761, 51.677123538, 53.517886311, 55.399244899, 57.323617341, 59.293876623, 61.313478987,
    63.386646648, 65.518637061, 67.716156824, 69.988032468, 72.346374423, 74.808791505, 77.403196364,
    80.180629144, 83.265919722};

static double short_run(uint64_t outside) {
    return short_run_y[count_bits(outside & ((1u << SHORT_RUN) - 1))];
}

static double long_run(uint64_t outside) {
    return long_run_y[count_bits(outside)];
}

static double larger(double a, double b) {
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
    double up = ww_tail_surprise(&state->shift_tail[0], s->shift[0], s->k);
    double down = ww_tail_surprise(&state->shift_tail[1], s->shift[1], s->k);
    s->shift_surprise = larger(0, larger(up, down) - two);
    double few = ww_tail_surprise(&state->run_tail[0], short_run(s->outside), s->k);
    double many = ww_tail_surprise(&state->run_tail[1], long_run(s->outside), s->k);
    /* What is in order again for the short run is over for the long one too. */
    bool over = (s->outside & ((1u << SHORT_RUN) - 1)) == 0;
    s->run_surprise = over ? 0 : larger(0, larger(few, many) - two);
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
    const struct ww_tail *tails = v->by_season ? state->season_tail : state->recent_tail;
    v->expected = state->origin + look->expected;
    v->upper = v->expected + look->sd * band_z(&tails[0], s->k);
    v->lower = v->expected - look->sd * band_z(&tails[1], s->k);
    v->z = look->z;
    v->reasons = (s->recent.surprise >= reason_surprise ? WW_BASELINE_RECENT : 0) |
                 (s->rest.surprise >= reason_surprise ? WW_BASELINE_SEASON : 0) |
                 (s->shift_surprise >= reason_surprise ? WW_BASELINE_SHIFT : 0) |
                 (s->run_surprise >= reason_surprise ? WW_BASELINE_RUN : 0);
    v->outside_of_8 = count_bits(s->outside & 0xff);
    v->outside_of_64 = count_bits(s->outside);
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
    double step = larger(0.03, 1.0 / (state->n + 1.0));
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
    double rate = larger(1.0 / 64, 1.0 / (state->n + 1.0));
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
    learn_tails(state->recent_tail, &s->recent, state->n);
    if (s->rest.there)
        learn_tails(state->season_tail, &s->rest, state->rest.n);
    double part = ww_tail_part(state->n);
    for (int side = 0; side < 2; side++)
        ww_tail_learn(&state->shift_tail[side], s->shift[side], part);
    ww_tail_learn(&state->run_tail[0], short_run(s->outside), part);
    ww_tail_learn(&state->run_tail[1], long_run(s->outside), part);
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

/* A server's states seldom lie in the cache: asks for all that a step reads at once, instead of waiting for
 * one line after the other. The season's hours are read once an hour only. */
static void fetch(const struct ww_baseline *state) {
    const char *hot = (const char *)&state->recent, *end = (const char *)(state + 1);
    __builtin_prefetch(&state->season);
    for (const char *line = hot; line < end; line += 64)
        __builtin_prefetch(line);
}

void ww_baseline_step(const struct ww_baseline_params *params, struct ww_baseline *state,
                      const struct ww_reading *reading, struct ww_baseline_verdict *v) {
    assert(isfinite(reading->value));
    fetch(state);
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
    s.explained = s.rest.there = s.rest.outlier = false;
    s.rest.surprise = 0;
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
    look_recent(state, &s);
    look_season(state, &s);
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
        v->score = ww_score_of_months(v->months);
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
