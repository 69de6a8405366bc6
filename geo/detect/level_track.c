/* Runs levels of several rates side by side; see level_track.h. */
#include "geo/detect/level_track.h"

#include <math.h>
#include <string.h>

#include "geo/detect/four.h"

_Static_assert(WW_TRACK_RATES == 4, "levels and errors are taken four at once");

/* Errors are remembered over some 250 readings, the shadow over some eight. */
static const double error_rate = 1.0 / 256, shadow_rate = 1.0 / 8;
/* Another rate is believed only when it was better by this, or the forecast would jump to and fro. */
enum { forget_after = 500 }; /* readings: an old normal is not for ever */
static const double better_by = 0.97;

void ww_track_init(struct ww_track *track) {
    memset(track, 0, sizeof *track);
    track->before = NAN;
}

void ww_track_doubt(struct ww_track *track, double dev) {
    track->doubt = (float)dev;
}

/* 1/(n + 1) while that is more; the division only then. */
static double rate_of(double rate, uint32_t n) {
    double count = (double)n + 1;
    return count * rate < 1 ? 1 / count : rate;
}

static double clipped(double e, double clip) {
    return e > clip ? clip : e < -clip ? -clip : e;
}

static void follow(struct ww_track *track, double x) {
    double e = x - track->shadow;
    track->shadow += (float)(rate_of(shadow_rate, track->n) * e);
    track->shadow_error += (float)(rate_of(shadow_rate / 4, track->n) * (fabs(e) - track->shadow_error));
}

static uint8_t choose(const struct ww_track *track) {
    uint8_t best = track->best;
    float below = (float)better_by * track->error[best];
    if (!ww_four_any(ww_four_load(track->error) < below))
        return best;
    for (uint8_t i = 0; i < WW_TRACK_RATES; i++) {
        if (track->error[i] < below) {
            best = i;
            below = (float)better_by * track->error[i];
        }
    }
    return best;
}

void ww_track_learn(struct ww_track *track, const float rates[WW_TRACK_RATES], double x, double clip) {
    if (track->n == 0) {
        for (int i = 0; i < WW_TRACK_RATES; i++)
            track->level[i] = (float)x;
        track->shadow = (float)x;
        track->n = 1;
        return;
    }
    double r = rate_of(error_rate, track->n - 1);
    double own = clipped(x - track->level[track->best], clip);
    track->dev += (float)(r * (fabs(own) - track->dev));
    ww_four most = ww_four_all((float)clip), level = ww_four_load(track->level),
            error = ww_four_load(track->error);
    ww_four rate = ww_four_larger(ww_four_load(rates), ww_four_all(1 / ((float)track->n + 1)));
    ww_four e = (float)x - level;
    e = ww_four_larger(ww_four_lower(e, most), -most);
    ww_four_store(track->error, error + (float)r * (ww_four_abs(e) - error));
    ww_four_store(track->level, level + rate * e);
    follow(track, x);
    track->waiting = 0;
    track->doubt *= 1 - rates[track->best];
    track->n++;
    if (track->since_accepted < UINT16_MAX)
        track->since_accepted++;
    track->best = choose(track);
}

void ww_track_pass_over(struct ww_track *track, double x) {
    follow(track, x);
    track->waiting += 1;
}

bool ww_track_return(struct ww_track *track, double x, double reach) {
    if (isnan(track->before) || !(fabs(x - track->before) <= reach))
        return false;
    if (track->since_accepted > forget_after) {
        track->before = NAN;
        return false;
    }
    float now = (float)ww_track_level(track);
    for (int i = 0; i < WW_TRACK_RATES; i++)
        track->level[i] = track->before;
    track->before = now; /* if that was but a spike, the next reading goes back */
    return true;
}

void ww_track_accept(struct ww_track *track) {
    track->before = (float)ww_track_level(track);
    track->since_accepted = 0;
    for (int i = 0; i < WW_TRACK_RATES; i++)
        track->level[i] = track->shadow;
    if (track->shadow_error > track->dev)
        track->dev = track->shadow_error;
    track->waiting = 0;
}
