/* Looks at a reading in five ways; see novelty.h. */
#include "geo/detect/novelty.h"

#include <math.h>
#include <string.h>

enum { CLIP_FROM = 24, LEVEL_FROM = 48, KEPT = 5 };

static const double sd_of_dev = 1.2533; /* sqrt(pi/2): sd over mean absolute deviation, normal */
static const double clip = 4;           /* sd that one reading may teach */
static const double lately_memory = 8, movement_memory = 32;

/* Readings that a pace remembers: its level, its spread, its spread of late. */
struct memory {
    double level, dev, dev_lately;
};
static const struct memory near_memory[2] = {{16, 256, 128}, {64, 1024, 128}};
static const struct memory season_memory = {256, 1000, 128}, slow_memory = {256, 1024, 512},
                           unrest_memory = {512, 2048, 512};
static const double least_unrest = 0.05; /* of its logarithm: five per cent is no change */
static const double resolution_moves =
    0.3; /* of the resolution: movement that even a still series is given */

void ww_novelty_init(struct ww_novelty *state) {
    memset(state, 0, sizeof *state);
}

static double sd_of(const struct ww_pace *p, double least) {
    double dev = p->dev, lately = sqrt((double)p->dev * (double)p->dev_lately);
    double sd = sd_of_dev * (lately > dev ? lately : dev);
    return sd > least ? sd : least;
}

static double rate_of(double memory, uint32_t n) {
    return n + 1 < memory ? 1.0 / (n + 1) : 1 / memory;
}

/* How far is x from the level, in sd? Then learns it. A level that was not fed for `missing` readings may
 * have gone on without us: its forecast error grows as that of exponential smoothing does. */
static double look(struct ww_pace *p, const struct memory *m, double x, double least_sd, double missing,
                   uint32_t n) {
    double error = x - (double)p->level, sd = sd_of(p, least_sd), most = clip * sd;
    double bounded = n <= CLIP_FROM || !(sd > 0) || fabs(error) <= most ? error : copysign(most, error);
    double size = fabs(bounded);
    p->level += (float)(rate_of(m->level, n) * bounded);
    p->dev += (float)(rate_of(m->dev, n) * (size - (double)p->dev));
    p->dev_lately += (float)(rate_of(m->dev_lately, n) * (size - (double)p->dev_lately));
    if (!(sd > 0))
        return 0;
    return fabs(error) / (missing > 0 ? sd * sqrt(1 + missing / (m->level * m->level)) : sd);
}

/* The value that one change in ten stays below, by steps in logarithms. */
static void learn_resolution(struct ww_novelty *s, double x) {
    double change = fabs((double)((float)x - s->last));
    s->last = (float)x;
    if (!(change > 0))
        return;
    if (!(s->resolution > 0)) {
        s->resolution = (float)change;
        return;
    }
    double step = s->n < 33 ? 1.0 / s->n : 0.03;
    s->resolution *= (float)(change < 0.999 * (double)s->resolution ? 1 - 0.9 * step : 1 + 0.1 * step);
    if (change < (double)s->resolution && change > 0.99 * (double)s->resolution)
        s->resolution = (float)change;
}

static double look_at_season(struct ww_novelty *s, const struct ww_novelty_reading *r) {
    if (isnan(r->season))
        return 0;
    double rest = r->value - r->season, own = sd_of(&s->season, (double)s->resolution);
    double hours = sd_of_dev * r->season_dev, wider = hours > own ? sqrt(hours / own) : 1;
    if (s->season_n == 0)
        s->season.level = (float)rest;
    double z = look(&s->season, &season_memory, rest, (double)s->resolution, r->missing, s->season_n);
    return s->season_n++ > CLIP_FROM && own > 0 ? z / wider : 0;
}

static double look_at_unrest(struct ww_novelty *s, double from_level) {
    s->movement += (float)(rate_of(movement_memory, s->n) * (fabs(from_level) - (double)s->movement));
    double y = log((double)s->movement + resolution_moves * (double)s->resolution + 1e-12);
    if (s->n == 1)
        s->unrest.level = (float)y;
    return look(&s->unrest, &unrest_memory, y, least_unrest, 0, s->n);
}

/* The second largest of the last five. */
static double steady_distance(struct ww_novelty *s, double distance) {
    float most = 0, second = 0;
    memmove(s->distance + 1, s->distance, (KEPT - 1) * sizeof *s->distance);
    s->distance[0] = (float)distance;
    for (int i = 0; i < KEPT; i++) {
        if (s->distance[i] > most) {
            second = most;
            most = s->distance[i];
        } else if (s->distance[i] > second) {
            second = s->distance[i];
        }
    }
    return (double)second;
}

static void begin(struct ww_novelty *s, double value) {
    s->origin = value;
    s->n = 1;
}

static void look_at_all(struct ww_novelty *s, const struct ww_novelty_reading *r, double y[WW_LOOKS]) {
    double x = r->value - s->origin;
    learn_resolution(s, x);
    double least = (double)s->resolution;
    for (int i = 0; i < 2; i++) {
        double z = look(&s->near[i], &near_memory[i], x, least, r->missing, s->n);
        y[WW_LOOK_LEVEL] = z > y[WW_LOOK_LEVEL] ? z : y[WW_LOOK_LEVEL];
    }
    y[WW_LOOK_SEASON] = look_at_season(s, r);
    s->lately += (float)(rate_of(lately_memory, s->n) * (x - (double)s->lately));
    y[WW_LOOK_LASTING] =
        look(&s->slow, &slow_memory, (double)s->lately, least / sqrt(lately_memory), r->missing, s->n);
    y[WW_LOOK_UNREST] = look_at_unrest(s, x - (double)s->near[0].level);
    y[WW_LOOK_SHAPE] = ww_shape_step(&s->shape, x, sd_of(&s->slow, least));
}

void ww_novelty_step(struct ww_novelty *s, const struct ww_novelty_reading *reading,
                     struct ww_novelty_verdict *v) {
    memset(v, 0, sizeof *v);
    v->young = true;
    if (s->n == 0) {
        begin(s, reading->value);
        return;
    }
    look_at_all(s, reading, v->look);
    s->n++;
    for (int i = 0; i < WW_LOOKS; i++) {
        double period =
            ww_peaks_rises(&s->peaks[i], v->look[i]) ? ww_peaks_period(&s->peaks[i], v->look[i]) : 0;
        v->period = period > v->period ? period : v->period;
        if (s->n > CLIP_FROM && (i != WW_LOOK_SEASON || s->season_n > CLIP_FROM))
            ww_peaks_step(&s->peaks[i], v->look[i]);
    }
    v->young = s->n <= WW_NOVELTY_YOUNG;
    v->period = v->young ? 0 : v->period;
    v->deviation = steady_distance(s, s->n < LEVEL_FROM ? 0 : v->look[WW_LOOK_LEVEL]);
}
