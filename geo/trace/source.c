/* Backward tracing: keeps readings, makes the sensors' sums (cloud_sums.h) at the first question after them,
 * adds up the posterior.
 */
#include "geo/trace/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/trace/source_private.h"

static const double CEILING_BYTES = 1 << 30;

struct ww_source_options ww_source_usual(double from_s, double to_s) {
    double window = to_s - from_s, step = fmax(60, window / 288);
    struct ww_source_options o = {.from_s = from_s,
                                  .to_s = to_s,
                                  .step_s = step,
                                  .velocity_sd = 0.05,
                                  .reach_sd = 0.115,
                                  .model_error = 0.05,
                                  .independent_s = 600,
                                  .broken = 0.02,
                                  .how = WW_DISPERSAL_USUAL};
    for (int d = 0; d < WW_SOURCE_DURATIONS; d++)
        o.duration_s[d] = step * pow(fmax(window / step, 2), d / (WW_SOURCE_DURATIONS - 1.0));
    return o;
}

/* ---- Building ---- */

static enum ww_status check(const struct ww_net *net, const struct ww_source_candidate *c, uint32_t n,
                            const struct ww_source_sensor *k, uint32_t n_sensors,
                            const struct ww_source_options *o, struct ww_error *err) {
    uint32_t reaches = ww_net_count(net);
    for (uint32_t i = 0; i < n; i++)
        if (c[i].at.reach >= reaches || !(c[i].prior > 0))
            return ww_error_set(err, WW_BAD_INPUT,
                                "candidate %u: no such reach, or a prior that is not above 0", i);
    for (uint32_t i = 0; i < n_sensors; i++)
        if (k[i].at.reach >= reaches || !(k[i].sd > 0))
            return ww_error_set(err, WW_BAD_INPUT, "sensor %u: no such reach, or an sd that is not above 0",
                                i);
    if (!(o->to_s > o->from_s) || !(o->step_s > 0) || !(o->independent_s > 0) ||
        (o->to_s - o->from_s) / o->step_s > 1e5)
        return ww_error_set(err, WW_BAD_INPUT,
                            "the window of releases is empty or has more than 100,000 steps");
    return WW_OK;
}

static int nearest_first(const void *pa, const void *pb) {
    const struct source_below *a = pa, *b = pb;
    if (a->passage.tau_s != b->passage.tau_s)
        return a->passage.tau_s < b->passage.tau_s ? -1 : 1;
    return a->sensor < b->sensor ? -1 : a->sensor > b->sensor;
}

/* Which sensors lie below each candidate; between: and below each sensor. Counts, then (keep) keeps. */
static void find_below(struct ww_source *s, struct ww_passage *above, uint32_t *at, bool keep) {
    for (uint32_t k = 0; k < s->n_sensors; k++) {
        struct ww_spot spot = s->sensor[k].given.at;
        ww_net_above(s->net, spot, above);
        for (uint32_t c = 0; c < s->n; c++) {
            struct ww_passage p = ww_net_passage(s->net, spot, above, s->candidate[c].at);
            if (p.share > 0 && keep)
                s->below[s->first_below[c] + at[c]] = (struct source_below){k, p};
            at[c] += p.share > 0;
        }
        for (uint32_t j = 0; j < s->n_sensors && keep; j++) {
            struct ww_passage p = ww_net_passage(s->net, spot, above, s->sensor[j].given.at);
            s->between[(size_t)j * s->n_sensors + k] = j != k && p.share > 0 ? p.squares_s2 : NAN;
        }
    }
}

static enum ww_status order_below(struct ww_source *s, struct ww_error *err) {
    enum ww_status st = WW_OK;
    struct ww_passage *above = ww_try_calloc(ww_net_count(s->net) + (size_t)1, sizeof *above);
    uint32_t *at = ww_try_calloc(s->n + (size_t)1, sizeof *at);
    double bytes;
    if (!above || !at)
        goto no_memory;
    find_below(s, above, at, false);
    for (uint32_t c = 0; c < s->n; c++) {
        s->first_below[c + 1] = s->first_below[c] + at[c];
        at[c] = 0;
    }
    bytes = (double)s->first_below[s->n] * sizeof *s->below +
            (double)s->n_sensors * s->n_sensors * sizeof *s->between +
            (double)s->n_sensors * ww_cloud_sums_bytes(WW_SOURCE_DURATIONS);
    if (bytes > CEILING_BYTES) {
        st = ww_error_set(err, WW_TOO_LARGE, "%u candidates and %u sensors need %.0f MiB: take longer pieces",
                          s->n, s->n_sensors, bytes / (1 << 20));
        goto done;
    }
    s->below = ww_try_calloc(s->first_below[s->n] + (size_t)1, sizeof *s->below);
    s->between = ww_try_calloc((size_t)s->n_sensors * s->n_sensors + 1, sizeof *s->between);
    if (!s->below || !s->between)
        goto no_memory;
    find_below(s, above, at, true);
    for (uint32_t c = 0; c < s->n; c++)
        qsort(s->below + s->first_below[c], at[c], sizeof *s->below, nearest_first);
    goto done;
no_memory:
    st = ww_error_set(err, WW_NO_MEMORY, "no memory for %u candidates and %u sensors", s->n, s->n_sensors);
done:
    ww_free(above);
    ww_free(at);
    return st;
}

/* Clouds between the nearest and the farthest candidate. */
static void set_shapes(struct ww_source *s) {
    double least = s->o.step_s / 4, most = s->o.step_s;
    for (uint32_t i = 0; i < s->first_below[s->n]; i++) {
        struct ww_passage slow = source_passage_in(s->below[i].passage, 1.5 * s->below[i].passage.tau_s);
        most = fmax(most, ww_plume_sd_s(slow, s->o.how));
    }
    ww_cloud_shapes_init(&s->shapes, s->duration_s, WW_SOURCE_DURATIONS, least, most);
}

enum ww_status ww_source_new(const struct ww_net *net, const struct ww_source_candidate *candidates,
                             uint32_t n, const struct ww_source_sensor *sensors, uint32_t n_sensors,
                             const struct ww_source_options *options, struct ww_source **out,
                             struct ww_error *err) {
    enum ww_status st = check(net, candidates, n, sensors, n_sensors, options, err);
    if (st != WW_OK)
        return st;
    struct ww_source *s = ww_try_calloc(1, sizeof *s);
    double all = 0;
    if (s) {
        s->net = net;
        s->o = *options;
        s->candidate = ww_try_calloc(n + (size_t)1, sizeof *s->candidate);
        s->sensor = ww_try_calloc(n_sensors + (size_t)1, sizeof *s->sensor);
        s->first_below = ww_try_calloc(n + (size_t)1, sizeof *s->first_below);
        s->room = source_score_new();
    }
    if (!s || !s->candidate || !s->sensor || !s->first_below || !s->room) {
        ww_source_free(s);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u candidates and %u sensors", n, n_sensors);
    }
    s->n = n;
    s->n_sensors = n_sensors;
    s->about = UINT32_MAX;
    for (uint32_t c = 0; c < n; c++)
        all += candidates[c].prior;
    for (uint32_t c = 0; c < n; c++) {
        s->candidate[c] = candidates[c];
        s->candidate[c].prior /= all;
    }
    for (uint32_t k = 0; k < n_sensors; k++) {
        s->sensor[k].given = sensors[k];
        s->sensor[k].flow_m3s = ww_net_reach(net, sensors[k].at.reach)->flow_m3s;
    }
    st = order_below(s, err);
    if (st != WW_OK) {
        ww_source_free(s);
        return st;
    }
    set_shapes(s);
    *out = s;
    return WW_OK;
}

void ww_source_free(struct ww_source *s) {
    if (!s)
        return;
    for (uint32_t k = 0; k < s->n_sensors; k++) {
        ww_free(s->sensor[k].reading);
        ww_cloud_sums_clear(&s->sensor[k].sums);
    }
    ww_free(s->candidate);
    ww_free(s->sensor);
    ww_free(s->first_below);
    ww_free(s->below);
    ww_free(s->between);
    ww_free(s->known);
    ww_free(s->room);
    ww_free(s);
}

/* ---- Readings ---- */

void ww_source_add(struct ww_source *s, uint32_t sensor, double t_s, double residual) {
    struct source_sensor *k = &s->sensor[sensor];
    if (k->n == k->cap) {
        uint32_t cap = k->cap ? 2 * k->cap : 64;
        struct ww_cloud_reading *grown = ww_try_realloc(k->reading, cap * sizeof *grown);
        if (!grown) {
            s->is_short = true;
            return;
        }
        k->reading = grown;
        k->cap = cap;
    }
    double since = k->n > 0 ? fabs(t_s - k->reading[k->n - 1].t_s) / s->o.independent_s : 1;
    double model = s->o.model_error * fmax(0, residual);
    double weight = fmin(1, since) / (k->given.sd * k->given.sd + model * model);
    k->most = k->n > 0 ? fmax(k->most, residual) : residual;
    k->reading[k->n++] = (struct ww_cloud_reading){t_s, residual, weight};
    s->is_made = false;
}

void ww_source_about(struct ww_source *s, uint32_t sensor, double at_s) {
    s->about = sensor;
    s->about_s = at_s;
}

enum ww_status ww_source_known(struct ww_source *s, uint32_t candidate, double from_s, double to_s,
                               double times) {
    struct source_known *grown = ww_try_realloc(s->known, (s->n_known + (size_t)1) * sizeof *grown);
    if (!grown)
        return WW_NO_MEMORY;
    s->known = grown;
    s->known[s->n_known++] = (struct source_known){candidate, from_s, to_s, log(times)};
    return WW_OK;
}

/* ---- Answers ---- */

bool source_saw(const struct ww_source *s, uint32_t sensor) {
    const struct source_sensor *k = &s->sensor[sensor];
    return k->n > 0 && k->most > 4 * k->given.sd;
}

static bool source_covers(const struct ww_source *s, const struct ww_cloud_grid *event) {
    return s->about_s >= event->from_top_s && s->about_s <= event->to_top_s;
}

bool source_is_asked(const struct ww_source *s) {
    if (s->about == UINT32_MAX)
        return false;
    const struct ww_cloud_sums *sums = &s->sensor[s->about].sums;
    for (uint32_t e = 0; e < sums->n_events; e++)
        if (source_covers(s, &sums->event[e]))
            return true;
    return false;
}

/* Any cloud may come at any time, as strong, long and smooth as it likes: the price of so much freedom. */
static const double FREEDOM = 10;

double source_unrelated(const struct ww_source *s, uint32_t sensor, const struct ww_cloud_grid *event) {
    return source_is_asked(s) && sensor != s->about ? fmax(0, event->top_llr - FREEDOM) : 0;
}

struct ww_passage source_passage_in(struct ww_passage usual, double tau_s) {
    double slower = usual.tau_s > 0 ? tau_s / usual.tau_s : 1;
    return (struct ww_passage){usual.share, tau_s, usual.variance_s2 * slower * slower * slower,
                               usual.squares_s2 * slower * slower};
}

double source_time_variance(const struct ww_source *s, struct ww_passage usual) {
    double common = s->o.velocity_sd * usual.tau_s, least = s->o.step_s / 8;
    return common * common + s->o.reach_sd * s->o.reach_sd * usual.squares_s2 + least * least;
}

static enum ww_status make_sums_of(struct ww_source *s, uint32_t sensor) {
    struct source_sensor *k = &s->sensor[sensor];
    ww_cloud_sums_clear(&k->sums);
    return ww_cloud_sums_make(&s->shapes, k->reading, k->n, source_saw(s, sensor), &k->sums);
}

/* A coarse look with the lengths given, at what is asked about or at all; then as many lengths again, finely,
 * between the shortest and the longest that fit. */
static enum ww_status refine_lengths(struct ww_source *s) {
    uint32_t first = WW_SOURCE_DURATIONS, last = 0;
    memcpy(s->duration_s, s->o.duration_s, sizeof s->duration_s);
    for (uint32_t i = 0; i < s->n_sensors; i++) {
        const struct source_sensor *k = &s->sensor[i];
        bool is_asked = s->about < s->n_sensors;
        if (is_asked ? i != s->about : !source_saw(s, i))
            continue;
        enum ww_status st =
            ww_cloud_durations(&s->shapes, k->reading, k->n, is_asked ? s->about_s : NAN, &first, &last);
        if (st != WW_OK)
            return st;
    }
    if (first > last)
        return WW_OK;
    double low = s->o.duration_s[first > 0 ? first - 1 : 0];
    double high = s->o.duration_s[last + 1 < WW_SOURCE_DURATIONS ? last + 1 : last];
    for (int d = 0; d < WW_SOURCE_DURATIONS; d++)
        s->duration_s[d] = low * pow(high / low, d / (WW_SOURCE_DURATIONS - 1.0));
    return WW_OK;
}

static enum ww_status make_sums(struct ww_source *s) {
    enum ww_status st = s->is_made ? WW_OK : refine_lengths(s);
    for (uint32_t i = 0; i < s->n_sensors && !s->is_made && st == WW_OK; i++)
        st = make_sums_of(s, i);
    s->is_made = st == WW_OK;
    return st;
}

enum ww_status ww_source_posterior(struct ww_source *s, double *probability) {
    double most = -INFINITY, all = 0;
    enum ww_status st = s->is_short ? WW_NO_MEMORY : make_sums(s);
    for (uint32_t c = 0; c < s->n && st == WW_OK; c++) {
        double prior = log(s->candidate[c].prior), x = source_evidence(s, c, most - prior, NULL);
        double high = fmax(x, 0); /* what was seen may have been nothing: log(1 + e^x) */
        probability[c] = high + log(exp(-high) + exp(x - high)) + prior;
        most = fmax(most, probability[c]);
    }
    if (st != WW_OK)
        return st;
    for (uint32_t c = 0; c < s->n; c++)
        all += probability[c] = exp(probability[c] - most);
    for (uint32_t c = 0; c < s->n; c++)
        probability[c] /= all;
    return WW_OK;
}
