/* Backward tracing: sums of a matched filter, kept a candidate and sensor below it.
 *
 * A cell is (candidate, sensor below); it holds A and B for every release (factor of velocities × duration ×
 * start), not yet divided by the sensor's variance: that is sd² + (model error × the highest residual seen)²,
 * which is known only when the sums are asked for. A late higher reading so needs no second pass.
 */
#include "geo/trace/source.h"

#include <math.h>

#include "geo/base/alloc.h"
#include "geo/trace/source_private.h"

struct cell {
    uint32_t candidate, sensor;
    struct ww_passage passage;
    float *sums; /* [releases][2]: A, B */
};
struct sensor {
    struct ww_source_sensor given;
    double last_s, most; /* time of the last reading; highest residual */
    bool has;
};
struct known {
    uint32_t candidate;
    double from_s, to_s, log_times;
};
/* The normal law by table: 1/256 standard deviations apart and linear between, right to 1e-6. */
enum { PHI_PER_SD = 256, PHI_SDS = 5 };

struct ww_source {
    const struct ww_net *net;
    struct ww_source_options o;
    uint32_t n, n_sensors, n_starts, n_releases, n_cells;
    int64_t steps[WW_SOURCE_DURATIONS], most_steps; /* durations in steps */
    double *phi_at;                                 /* [n_starts + most_steps] scratch of a reading */
    struct ww_source_candidate *candidate;
    struct sensor *sensor;
    struct cell *cell;      /* a sensor after the other */
    uint32_t *first_cell;   /* [n+1] into by_candidate */
    uint32_t *by_candidate; /* cell numbers, a candidate after the other */
    uint32_t *first_sensor; /* [n_sensors+1] into cell */
    float *sums;
    struct known *known;
    uint32_t n_known;
    double factor[WW_SOURCE_FACTORS], log_factor[WW_SOURCE_FACTORS];
    double phi[2 * PHI_SDS * PHI_PER_SD + 2];
};

struct ww_source_options ww_source_usual(double from_s, double to_s) {
    double step = fmax(60, (to_s - from_s) / 288);
    return (struct ww_source_options){.from_s = from_s,
                                      .to_s = to_s,
                                      .step_s = step,
                                      .duration_s = {step, 2 * step, 3 * step, 4 * step, 5 * step, 6 * step,
                                                     7 * step, 8 * step, 10 * step, 12 * step, 24 * step,
                                                     96 * step},
                                      .velocity_sd = 0.12,
                                      .slack = 0.05,
                                      .model_error = 0.05,
                                      .independent_s = 600,
                                      .broken = 0.02,
                                      .how = WW_DISPERSAL_USUAL};
}

/* ---- Building ---- */

static void set_tables(struct ww_source *s) {
    double all = 0;
    for (int f = 0; f < WW_SOURCE_FACTORS; f++) {
        double z = 1.5 * (f - WW_SOURCE_FACTORS / 2) / (WW_SOURCE_FACTORS / 2);
        s->factor[f] = exp(s->o.velocity_sd * z);
        s->log_factor[f] = -z * z / 2;
        all += exp(s->log_factor[f]);
    }
    for (int f = 0; f < WW_SOURCE_FACTORS; f++)
        s->log_factor[f] -= log(all);
    for (int i = 0; i < 2 * PHI_SDS * PHI_PER_SD + 2; i++)
        s->phi[i] = erfc((PHI_SDS - (double)i / PHI_PER_SD) / M_SQRT2) / 2;
}

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

/* Calls for each sensor: which candidates lie above it. */
static enum ww_status find_cells(struct ww_source *s, struct ww_passage *above, bool keep) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->n_sensors; k++) {
        struct ww_spot at = s->sensor[k].given.at;
        s->first_sensor[k] = n;
        ww_net_above(s->net, at, above);
        for (uint32_t c = 0; c < s->n; c++) {
            struct ww_passage p = ww_net_passage(s->net, at, above, s->candidate[c].at);
            if (!(p.share > 0))
                continue;
            if (keep)
                s->cell[n] = (struct cell){c, k, p, s->sums + (size_t)n * s->n_releases * 2};
            n++;
        }
    }
    s->first_sensor[s->n_sensors] = n;
    s->n_cells = n;
    return WW_OK;
}

/* Cells stand by sensor; by_candidate lists them by candidate. */
static void order_cells(struct ww_source *s) {
    for (uint32_t i = 0; i < s->n_cells; i++)
        s->first_cell[s->cell[i].candidate + 1]++;
    for (uint32_t c = 0; c < s->n; c++)
        s->first_cell[c + 1] += s->first_cell[c];
    uint32_t *at = s->by_candidate + s->n_cells; /* scratch [n] behind it */
    for (uint32_t i = 0; i < s->n_cells; i++) {
        uint32_t c = s->cell[i].candidate;
        s->by_candidate[s->first_cell[c] + at[c]++] = i;
    }
}

enum ww_status ww_source_new(const struct ww_net *net, const struct ww_source_candidate *candidates,
                             uint32_t n, const struct ww_source_sensor *sensors, uint32_t n_sensors,
                             const struct ww_source_options *options, struct ww_source **out,
                             struct ww_error *err) {
    enum ww_status st = check(net, candidates, n, sensors, n_sensors, options, err);
    if (st != WW_OK)
        return st;
    struct ww_source *s = ww_try_calloc(1, sizeof *s);
    struct ww_passage *above = ww_try_calloc(ww_net_count(net) + (size_t)1, sizeof *above);
    double all = 0;
    if (!s || !above)
        goto no_memory;
    s->net = net;
    s->o = *options;
    s->n = n;
    s->n_sensors = n_sensors;
    s->n_starts = (uint32_t)((options->to_s - options->from_s) / options->step_s) + 1;
    s->n_releases = s->n_starts * WW_SOURCE_DURATIONS * WW_SOURCE_FACTORS;
    set_tables(s);
    for (int d = 0; d < WW_SOURCE_DURATIONS; d++) { /* whole steps: then one table serves all durations */
        s->steps[d] = (int64_t)fmax(1, fmin(1e6, round(options->duration_s[d] / options->step_s)));
        s->o.duration_s[d] = (double)s->steps[d] * options->step_s;
        s->most_steps = s->steps[d] > s->most_steps ? s->steps[d] : s->most_steps;
    }
    s->phi_at = ww_try_calloc(s->n_starts + (size_t)s->most_steps + 1, sizeof *s->phi_at);
    if (!s->phi_at)
        goto no_memory;
    s->candidate = ww_try_calloc(n + (size_t)1, sizeof *s->candidate);
    s->sensor = ww_try_calloc(n_sensors + (size_t)1, sizeof *s->sensor);
    s->first_cell = ww_try_calloc(n + (size_t)1, sizeof *s->first_cell);
    s->first_sensor = ww_try_calloc(n_sensors + (size_t)1, sizeof *s->first_sensor);
    if (!s->candidate || !s->sensor || !s->first_cell || !s->first_sensor)
        goto no_memory;
    for (uint32_t c = 0; c < n; c++)
        all += candidates[c].prior;
    for (uint32_t c = 0; c < n; c++) {
        s->candidate[c] = candidates[c];
        s->candidate[c].prior /= all;
    }
    for (uint32_t k = 0; k < n_sensors; k++)
        s->sensor[k].given = sensors[k];
    st = find_cells(s, above, false);
    if ((double)s->n_cells * s->n_releases * 2 * sizeof(float) > (double)((size_t)1 << 30)) {
        st = ww_error_set(err, WW_TOO_LARGE,
                          "%u candidates above sensors × %u releases: take longer pieces or steps",
                          s->n_cells, s->n_releases);
        goto failed;
    }
    s->sums = ww_try_calloc((size_t)s->n_cells * s->n_releases * 2 + 1, sizeof *s->sums);
    s->cell = ww_try_calloc(s->n_cells + (size_t)1, sizeof *s->cell);
    s->by_candidate = ww_try_calloc((size_t)s->n_cells + n + 1, sizeof *s->by_candidate);
    if (!s->sums || !s->cell || !s->by_candidate)
        goto no_memory;
    st = find_cells(s, above, true);
    order_cells(s);
    ww_free(above);
    *out = s;
    return st;
no_memory:
    st = ww_error_set(err, WW_NO_MEMORY, "no memory for %u candidates and %u sensors", n, n_sensors);
failed:
    ww_free(above);
    ww_source_free(s);
    return st;
}

void ww_source_free(struct ww_source *s) {
    if (!s)
        return;
    ww_free(s->candidate);
    ww_free(s->sensor);
    ww_free(s->cell);
    ww_free(s->first_cell);
    ww_free(s->by_candidate);
    ww_free(s->first_sensor);
    ww_free(s->sums);
    ww_free(s->known);
    ww_free(s->phi_at);
    ww_free(s);
}

/* ---- Readings ---- */

/* The passage with another velocity: all times over the factor. */
static struct ww_passage at_factor(struct ww_passage p, double factor) {
    return (struct ww_passage){p.share, p.tau_s / factor, p.variance_s2 / (factor * factor)};
}

/* How the passage smears what we predict; no sharper than the steps looked at. */
static double smear_s(const struct ww_source *s, struct ww_passage p) {
    return ww_plume_sd_s(p, s->o.how) + s->o.step_s / 4;
}

static double phi(const struct ww_source *s, double z) {
    double at = (z + PHI_SDS) * PHI_PER_SD;
    if (!(at > 0))
        return 0;
    if (at >= 2 * PHI_SDS * PHI_PER_SD)
        return 1;
    int i = (int)at;
    return s->phi[i] + (at - i) * (s->phi[i + 1] - s->phi[i]);
}

static float *sums_of(const struct ww_source *s, const struct cell *cell, int factor, int duration) {
    return cell->sums + ((size_t)factor * WW_SOURCE_DURATIONS + (size_t)duration) * s->n_starts * 2;
}

/* P_j = Phi((t - start_j - tau) / sd) for all starts that this cell's sums can ask for: 1 long before the
 * cloud, 0 after it. A release of d steps has left Phi_j - Phi_(j+d) of itself at the sensor. */
static void fill_phi(struct ww_source *s, double t_s, struct ww_passage p, double sd, int64_t *low,
                     int64_t *high) {
    double here = (t_s - p.tau_s - s->o.from_s) / s->o.step_s, wide = 4 * sd / s->o.step_s;
    int64_t n = (int64_t)s->n_starts + s->most_steps;
    *low = (int64_t)fmax(0, fmin((double)n, floor(here - wide)));
    *high = (int64_t)fmax(-1, fmin((double)n - 1, ceil(here + wide)));
    int64_t from = *low > s->most_steps ? *low - s->most_steps : 0;
    int64_t to = *high + s->most_steps < n ? *high + s->most_steps : n - 1;
    for (int64_t j = from; j <= to; j++)
        s->phi_at[j] = j < *low ? 1 : j > *high ? 0 : phi(s, (here - (double)j) * s->o.step_s / sd);
}

static void add_to_cell(struct ww_source *s, struct cell *cell, double t_s, double y, double weight) {
    double flow = ww_net_reach(s->net, s->sensor[cell->sensor].given.at.reach)->flow_m3s;
    for (int f = 0; f < WW_SOURCE_FACTORS; f++) {
        struct ww_passage p = at_factor(cell->passage, s->factor[f]);
        double sd = smear_s(s, p), gain = p.share * exp(-s->o.how.decay_per_s * p.tau_s) / flow;
        int64_t low, high;
        fill_phi(s, t_s, p, sd, &low, &high);
        for (int d = 0; d < WW_SOURCE_DURATIONS; d++) {
            float *sums = sums_of(s, cell, f, d);
            int64_t steps = s->steps[d], from = low > steps ? low - steps : 0;
            int64_t to = high < s->n_starts ? high : (int64_t)s->n_starts - 1;
            const double *here = s->phi_at, *later = s->phi_at + steps;
            for (int64_t i = from; i <= to; i++) {
                double h = gain * (here[i] - later[i]);
                sums[2 * i] += (float)(weight * h * y);
                sums[2 * i + 1] += (float)(weight * h * h);
            }
        }
    }
}

void ww_source_add(struct ww_source *s, uint32_t sensor, double t_s, double residual) {
    struct sensor *k = &s->sensor[sensor];
    double weight = k->has ? fmin(1, fabs(t_s - k->last_s) / s->o.independent_s) : 1;
    k->most = k->has ? fmax(k->most, residual) : residual;
    k->has = true;
    k->last_s = t_s;
    for (uint32_t i = s->first_sensor[sensor]; i < s->first_sensor[sensor + 1]; i++)
        add_to_cell(s, &s->cell[i], t_s, residual, weight);
}

enum ww_status ww_source_known(struct ww_source *s, uint32_t candidate, double from_s, double to_s,
                               double times) {
    struct known *grown = ww_try_realloc(s->known, (s->n_known + (size_t)1) * sizeof *grown);
    if (!grown)
        return WW_NO_MEMORY;
    s->known = grown;
    s->known[s->n_known++] = (struct known){candidate, from_s, to_s, log(times)};
    return WW_OK;
}

/* ---- Scores ---- */

static double variance_of(const struct ww_source *s, uint32_t sensor) {
    const struct sensor *k = &s->sensor[sensor];
    double model = s->o.model_error * fmax(0, k->most);
    return k->given.sd * k->given.sd + model * model;
}

static bool saw(const struct ww_source *s, uint32_t sensor) {
    const struct sensor *k = &s->sensor[sensor];
    return k->has && k->most > 4 * k->given.sd;
}

/* What a sensor says to a release: its sums over its variance, after the shift of time that suits it best. */
struct opinion {
    double a, b, price; /* price: of the shift, in log-likelihood */
};

static struct opinion opinion_of(const struct ww_source *s, const struct cell *cell, int f, int d,
                                 uint32_t start) {
    const float *sums = sums_of(s, cell, f, d);
    double v = variance_of(s, cell->sensor), best = -INFINITY;
    struct opinion o = {(double)sums[2 * start] / v, (double)sums[2 * start + 1] / v, 0};
    double error = s->o.slack * cell->passage.tau_s / s->factor[f] / s->o.step_s; /* in steps */
    int64_t most = saw(s, cell->sensor) ? (int64_t)ceil(2 * error) : 0;
    for (int64_t shift = -most; shift <= most && most > 0; shift++) {
        int64_t at = (int64_t)start + shift;
        if (at < 0 || at >= s->n_starts || !(sums[2 * at] > 0))
            continue;
        double a = (double)sums[2 * at] / v, b = (double)sums[2 * at + 1] / v, z = (double)shift / error;
        if (a * a / (2 * b) - z * z / 2 > best) {
            best = a * a / (2 * b) - z * z / 2;
            o = (struct opinion){a, b, z * z / 2};
        }
    }
    return o;
}

struct score {
    double llr, strength;
};
enum { MOST_BELOW = 64 }; /* sensors below one place; farther ones are not asked */

/* All sensors below the candidate, for one release: twice, with the strength that all agree on, and with that
 * of those who saw it, the others being broken. */
static struct score score_release(const struct ww_source *s, uint32_t candidate, int f, int d,
                                  uint32_t start) {
    struct opinion o[MOST_BELOW];
    double a = 0, b = 0, seen_a = 0, seen_b = 0, floor_llr = log(s->o.broken);
    uint32_t from = s->first_cell[candidate], n = s->first_cell[candidate + 1] - from;
    n = n < MOST_BELOW ? n : MOST_BELOW;
    for (uint32_t i = 0; i < n; i++) {
        const struct cell *cell = &s->cell[s->by_candidate[from + i]];
        o[i] = opinion_of(s, cell, f, d, start);
        a += o[i].a;
        b += o[i].b;
        if (saw(s, cell->sensor)) {
            seen_a += o[i].a;
            seen_b += o[i].b;
        }
    }
    struct score best = {0, 0};
    const double strengths[] = {b > 0 ? a / b : 0, seen_b > 0 ? seen_a / seen_b : 0};
    for (int way = 0; way < 2; way++) {
        double m = strengths[way], llr = 0;
        for (uint32_t i = 0; i < n && m > 0; i++)
            llr += fmax(floor_llr, m * o[i].a - m * m * o[i].b / 2 - o[i].price);
        if (llr > best.llr)
            best = (struct score){llr, m};
    }
    return best;
}

static double log_known(const struct ww_source *s, uint32_t candidate, double start_s, double duration_s) {
    double log_times = 0;
    for (uint32_t i = 0; i < s->n_known; i++) {
        const struct known *k = &s->known[i];
        if (k->candidate == candidate && start_s < k->to_s && start_s + duration_s > k->from_s)
            log_times += k->log_times;
    }
    return log_times;
}

enum ww_status ww_source_posterior(struct ww_source *s, double *probability) {
    double most = -INFINITY, all = 0;
    double *log_sum = ww_try_calloc(s->n + (size_t)1, sizeof *log_sum);
    if (!log_sum)
        return WW_NO_MEMORY;
    for (uint32_t c = 0; c < s->n; c++) {
        double sum = 0, top = 0; /* sum of exp(x - top) */
        for (int f = 0; f < WW_SOURCE_FACTORS; f++)
            for (int d = 0; d < WW_SOURCE_DURATIONS; d++)
                for (uint32_t i = 0; i < s->n_starts; i++) {
                    double x = score_release(s, c, f, d, i).llr + s->log_factor[f] +
                               log_known(s, c, s->o.from_s + i * s->o.step_s, s->o.duration_s[d]);
                    if (x > top) {
                        sum *= exp(top - x);
                        top = x;
                    }
                    sum += exp(x - top);
                }
        log_sum[c] = top + log(sum) + log(s->candidate[c].prior);
        most = fmax(most, log_sum[c]);
    }
    for (uint32_t c = 0; c < s->n; c++)
        all += probability[c] = exp(log_sum[c] - most);
    for (uint32_t c = 0; c < s->n; c++)
        probability[c] /= all;
    ww_free(log_sum);
    return WW_OK;
}

struct ww_source_fit ww_source_fit(const struct ww_source *s, uint32_t candidate) {
    struct ww_source_fit fit = {.llr = 0, .velocity_factor = 1};
    double best = 0;
    for (int f = 0; f < WW_SOURCE_FACTORS; f++)
        for (int d = 0; d < WW_SOURCE_DURATIONS; d++)
            for (uint32_t i = 0; i < s->n_starts; i++) {
                struct score score = score_release(s, candidate, f, d, i);
                if (score.llr + s->log_factor[f] - s->log_factor[WW_SOURCE_FACTORS / 2] <= best)
                    continue;
                best = score.llr + s->log_factor[f] - s->log_factor[WW_SOURCE_FACTORS / 2];
                fit.llr = score.llr;
                fit.velocity_factor = s->factor[f];
                fit.release =
                    (struct ww_release){s->o.from_s + i * s->o.step_s, s->o.duration_s[d], score.strength};
            }
    return fit;
}

static const struct cell *cell_of(const struct ww_source *s, uint32_t candidate, uint32_t sensor) {
    for (uint32_t i = s->first_cell[candidate]; i < s->first_cell[candidate + 1]; i++)
        if (s->cell[s->by_candidate[i]].sensor == sensor)
            return &s->cell[s->by_candidate[i]];
    return NULL;
}

struct ww_source_reason ww_source_reason(const struct ww_source *s, uint32_t candidate,
                                         const struct ww_source_fit *fit, uint32_t sensor) {
    struct ww_source_reason r = {.below = false,
                                 .seen = s->sensor[sensor].has ? s->sensor[sensor].most : NAN};
    const struct cell *cell = cell_of(s, candidate, sensor);
    if (!cell)
        return r;
    r.below = true;
    r.passage = at_factor(cell->passage, fit->velocity_factor);
    double flow = ww_net_reach(s->net, s->sensor[sensor].given.at.reach)->flow_m3s;
    r.arrival = ww_plume_arrival(r.passage, flow, fit->release, s->o.how);
    int f = 0, d = 0;
    while (f + 1 < WW_SOURCE_FACTORS && s->factor[f] != fit->velocity_factor)
        f++;
    while (d + 1 < WW_SOURCE_DURATIONS && s->o.duration_s[d] != fit->release.duration_s)
        d++;
    double start = round((fit->release.start_s - s->o.from_s) / s->o.step_s);
    if (!(fit->llr > 0) || !(start >= 0 && start < s->n_starts))
        return r;
    struct opinion o = opinion_of(s, cell, f, d, (uint32_t)start);
    double m = fit->release.rate_g_s;
    r.llr = fmax(log(s->o.broken), m * o.a - m * m * o.b / 2 - o.price);
    return r;
}

struct ww_source_view ww_source_view(const struct ww_source *s) {
    struct ww_source_view v = {s->net, s->candidate, s->n, 0};
    for (uint32_t k = 0; k < s->n_sensors; k++)
        v.saw += s->sensor[k].has && s->sensor[k].most > 4 * s->sensor[k].given.sd;
    return v;
}
