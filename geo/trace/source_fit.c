/* The best release of a candidate, and what each sensor says to it. */
#include <assert.h>
#include <math.h>

#include "geo/trace/source_private.h"

struct ww_source_fit ww_source_fit(const struct ww_source *s, uint32_t candidate) {
    struct ww_source_fit fit = {.llr = 0, .velocity_factor = 1};
    struct source_hypothesis best;
    assert(s->is_made);
    (void)source_evidence(s, candidate, -INFINITY, &best);
    if (!(best.log_likely > -INFINITY))
        return fit;
    fit.release = best.release;
    fit.velocity_factor = best.velocity_factor;
    for (uint32_t i = s->first_below[candidate]; i < s->first_below[candidate + 1]; i++)
        fit.llr += ww_source_reason(s, candidate, &fit, s->below[i].sensor).llr;
    return fit;
}

static const struct source_below *below_of(const struct ww_source *s, uint32_t candidate, uint32_t sensor) {
    for (uint32_t i = s->first_below[candidate]; i < s->first_below[candidate + 1]; i++)
        if (s->below[i].sensor == sensor)
            return &s->below[i];
    return NULL;
}

/* A release against one sensor. */
struct question {
    const struct ww_source *s;
    const struct ww_source_fit *fit;
    struct ww_passage usual;
    double share, tau_s; /* tau_s: with the velocities that fit best */
    uint32_t duration;
};

/* The travel time that suits the sensor best: near the expected one, at a price. */
static double ask_event(const struct question *q, const struct ww_cloud_grid *g, double *tau_s) {
    double a[WW_CLOUD_TIMES], b[WW_CLOUD_TIMES], best = -INFINITY, m = q->fit->release.rate_g_s * q->share;
    double start = q->fit->release.start_s + q->fit->release.duration_s / 2;
    double passes = fmax(g->from_s + g->n * g->step_s / 2 - start, q->usual.tau_s / 4);
    struct ww_passage p = source_passage_in(q->usual, passes);
    double sd = fmax(ww_plume_sd_s(p, q->s->o.how), q->s->shapes.least_sd_s);
    double variance = source_time_variance(q->s, q->usual);
    ww_cloud_grid_row(g, q->duration, sd, a, b);
    for (uint32_t i = 0; i < g->n; i++) {
        double tau = g->from_s + i * g->step_s - start, off = tau - q->tau_s;
        double llr = m * a[i] - m * m * b[i] / 2 - off * off / (2 * variance);
        if (tau > 0 && llr > best) {
            best = llr;
            *tau_s = tau;
        }
    }
    return best;
}

static double ask_silence(const struct question *q, const struct ww_cloud_grid *g) {
    double a, b, m = q->fit->release.rate_g_s * q->share;
    double middle = q->fit->release.start_s + q->fit->release.duration_s / 2 + q->tau_s;
    double sd =
        fmax(ww_plume_sd_s(source_passage_in(q->usual, q->tau_s), q->s->o.how), q->s->shapes.least_sd_s);
    ww_cloud_grid_at(g, q->duration, sd, middle, &a, &b);
    return m * a - m * m * b / 2;
}

struct ww_source_reason ww_source_reason(const struct ww_source *s, uint32_t candidate,
                                         const struct ww_source_fit *fit, uint32_t sensor) {
    const struct source_sensor *k = &s->sensor[sensor];
    const struct source_below *below = below_of(s, candidate, sensor);
    struct ww_source_reason r = {.below = below != NULL, .seen = k->n > 0 ? k->most : NAN};
    if (!below)
        return r;
    struct question q = {s, fit, below->passage, 0, below->passage.tau_s / fit->velocity_factor, 0};
    q.share = below->passage.share * exp(-s->o.how.decay_per_s * below->passage.tau_s) / k->flow_m3s;
    while (q.duration + 1 < WW_SOURCE_DURATIONS && s->duration_s[q.duration] != fit->release.duration_s)
        q.duration++;
    double tau = q.tau_s, best = -INFINITY;
    for (uint32_t e = 0; e < k->sums.n_events; e++) {
        double tau_e = tau, llr = ask_event(&q, &k->sums.event[e], &tau_e) -
                                  source_unrelated(s, sensor, &k->sums.event[e]);
        if (llr > best) {
            best = llr;
            tau = llr > log(s->o.broken) ? tau_e : tau;
        }
    }
    if (k->sums.n_events == 0)
        best = ask_silence(&q, &k->sums.whole);
    r.passage = source_passage_in(below->passage, tau);
    r.arrival = ww_plume_arrival(r.passage, k->flow_m3s, fit->release, s->o.how);
    r.llr = fit->release.rate_g_s > 0 ? fmax(log(s->o.broken), best) : 0;
    return r;
}
