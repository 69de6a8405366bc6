/* How well one candidate explains all sensors: the sum over releases and travel times.
 *
 * The nearest sensor that saw it is the anchor: its readings tell to a minute when the cloud's middle passed.
 * What they hardly tell is how long it had been on its way, tau. So tau runs over its prior, and with it
 * everything else is fixed: the release began at middle - duration/2 - tau, and a cloud on its way for tau
 * has spread by so much, which the readings know. Every other sensor is expected at a time that follows from
 * tau: errors of velocities are partly common to all reaches and partly each reach's own, so two travel
 * times with covariance C tell of each other by regression,
 *
 *   E[tau_k | tau_j] = usual_k + C/V_j (tau_j - usual_j),   V[tau_k | tau_j] = V_k - C²/V_j,
 *   V = (common usual)² + own² squares,   C = common² usual_j usual_k + own² squares of the reaches shared,
 *
 * and the difference of two arrivals that were both seen is weighed by what is left: velocities that would
 * have to be wrong by 40 % between two sensors speak against a place, a slow reach above both does not.
 * The sum over the moments of passing is taken numerically, that over the strength in closed form (a normal
 * law around m = sum A / sum B, prior uniform in its logarithm).
 *
 * A sensor may be broken: each factor is broken + (1 - broken) · likelihood. For the anchor that means that
 * the next one that saw it takes its part, at the price of `broken`.
 *
 * When something is asked about (ww_source_about) its sensor is the anchor, and the cloud lies over that
 * moment. Then what another sensor saw has another cause unless the candidate explains it nearly as well as
 * any cloud could: else a strong event elsewhere (rain, a wave) would choose the candidate.
 */
#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/trace/source_private.h"

enum { MOST_BELOW = 64, NODES = 17, SILENT_NODES = 5 };
enum { MOST_CELLS = WW_CLOUD_EVENTS * WW_CLOUD_TIMES + SILENT_NODES };
static const double NODE_STEP = 0.35; /* standard deviations of tau */
static const double NEGLIGIBLE = 25;
static const double MOST_OF_OTHERS = 15; /* what explaining an event that may be unrelated is worth */

/* A sensor below, as one hypothesis sees it. */
struct term {
    uint32_t sensor, n_cells;
    const struct ww_cloud_sums *sums;
    struct ww_passage usual;
    double variance_s2, share; /* share: of the release's rate that arrives as concentration, by time */
    bool saw, joins;           /* joins: it agrees with the rest, and says how strong it was */
    double middle_s, a, b;     /* of its most likely cell */
    double cell_a[MOST_CELLS], cell_b[MOST_CELLS], log_weight[MOST_CELLS];
};
struct source_score {
    const struct ww_source *s;
    uint32_t candidate, n, anchor;
    double top, sum; /* sum of exp(x - top) */
    double floor, others_most;
    bool is_asked;
    double start_s, duration_s;
    struct source_hypothesis best;
    struct term term[MOST_BELOW];
};

static double cloud_sd(const struct source_score *q, struct ww_passage p) {
    return fmax(ww_plume_sd_s(p, q->s->o.how), q->s->shapes.least_sd_s);
}

/* ---- One sensor ---- */

static void clear_cells(struct term *t) {
    t->n_cells = 0;
    t->joins = false;
    t->a = t->b = 0;
}

/* When a cloud's middle should pass: a normal law, or (variance INFINITY) any time of the window; and not
 * without lying over `over_s` (NAN: anywhere). unrelated: what another cause of the event is worth. */
struct expected {
    double middle_s, variance_s2, window_s, over_s, half_s, unrelated;
};

/* Of an event's cells. Gives back the best llr of its cells and `best`. */
static double add_event(struct term *t, const struct ww_cloud_grid *g, uint32_t d, double sd,
                        struct expected when, double best) {
    double *a = t->cell_a + t->n_cells, *b = t->cell_b + t->n_cells, *weight = t->log_weight + t->n_cells;
    double law_s = isinf(when.variance_s2) ? when.window_s : sqrt(2 * M_PI * when.variance_s2);
    double scale = log(g->step_s / law_s) - when.unrelated;
    double reach_s = when.half_s + 2 * sd;
    ww_cloud_grid_row(g, d, sd, a, b);
    for (uint32_t i = 0; i < g->n; i++) {
        double middle = g->from_s + i * g->step_s, off = middle - when.middle_s;
        a[i] *= t->share;
        b[i] = fmax(0, b[i] * t->share * t->share);
        weight[i] = scale - off * off / (2 * when.variance_s2);
        if (fabs(when.over_s - middle) > reach_s)
            weight[i] = -INFINITY;
        double llr = a[i] > 0 && b[i] > 0 ? a[i] * a[i] / (2 * b[i]) + weight[i] : -INFINITY;
        if (llr > best) {
            best = llr;
            t->middle_s = middle;
            t->a = a[i];
            t->b = b[i];
        }
    }
    t->n_cells += g->n;
    return best;
}

/* A cloud at mean ± sd that it did not see. */
static void add_silence(struct term *t, uint32_t d, double sd, double mean, double variance) {
    static const double weight[SILENT_NODES] = {0.0545, 0.2442, 0.4026, 0.2442, 0.0545};
    for (int i = 0; i < SILENT_NODES; i++) {
        double a, b, at = mean + (i - SILENT_NODES / 2) * sqrt(variance);
        bool is_event = false;
        for (uint32_t e = 0; e < t->sums->n_events; e++)
            is_event = is_event || (at >= t->sums->event[e].from_top_s && at <= t->sums->event[e].to_top_s);
        if (is_event)
            continue;
        ww_cloud_grid_at(&t->sums->whole, d, sd, at, &a, &b);
        t->cell_a[t->n_cells] = a * t->share;
        t->cell_b[t->n_cells] = b * t->share * t->share;
        t->log_weight[t->n_cells++] = log(weight[i]);
    }
    if (t->saw)
        return;
    t->middle_s = mean;
    t->a = t->cell_a[SILENT_NODES / 2];
    t->b = t->cell_b[SILENT_NODES / 2];
}

/* log of the sum over its cells for a strength. */
static double log_likely(const struct term *t, double m) {
    double top = -INFINITY, sum = 0, x[MOST_CELLS];
    for (uint32_t i = 0; i < t->n_cells; i++) {
        x[i] = m * t->cell_a[i] - m * m * t->cell_b[i] / 2 + t->log_weight[i];
        top = fmax(top, x[i]);
    }
    for (uint32_t i = 0; i < t->n_cells; i++)
        sum += x[i] > top - NEGLIGIBLE ? exp(x[i] - top) : 0;
    return t->n_cells > 0 ? top + log(sum) : 0;
}

static double with_broken(const struct ww_source *s, double log_likely) {
    double high = fmax(log_likely, 0); /* log(broken + (1 - broken) e^x) */
    return high + log(s->o.broken * exp(-high) + (1 - s->o.broken) * exp(log_likely - high));
}

/* ---- One hypothesis ---- */

/* The sensor whose passing tells most of this one's: the nearest above it that saw it, else the anchor. */
static const struct term *reference_of(const struct source_score *q, uint32_t k) {
    const struct term *found = &q->term[q->anchor];
    for (uint32_t j = 0; j < k; j++)
        if (q->term[j].joins && q->term[j].saw &&
            !isnan(q->s->between[(size_t)q->term[j].sensor * q->s->n_sensors + q->term[k].sensor]))
            found = &q->term[j];
    return found;
}

static double shared_squares(const struct ww_source *s, const struct term *x, const struct term *y) {
    double way = s->between[(size_t)x->sensor * s->n_sensors + y->sensor];
    if (isnan(way))
        way = s->between[(size_t)y->sensor * s->n_sensors + x->sensor];
    return isnan(way) ? 0 : fmax(0, (x->usual.squares_s2 + y->usual.squares_s2 - way) / 2);
}

static void expect(const struct source_score *q, uint32_t k, double *tau_s, double *variance) {
    const struct ww_source_options *o = &q->s->o;
    const struct term *t = &q->term[k], *from = reference_of(q, k);
    double tau = from->middle_s - q->duration_s / 2 - q->start_s;
    double c = o->velocity_sd * o->velocity_sd * t->usual.tau_s * from->usual.tau_s +
               o->reach_sd * o->reach_sd * shared_squares(q->s, t, from);
    *tau_s = fmax(t->usual.tau_s + c / from->variance_s2 * (tau - from->usual.tau_s), t->usual.tau_s / 4);
    /* no better than the table's steps, and a hundredth of the way between */
    double least = fabs(t->usual.tau_s - from->usual.tau_s) / 100 + q->s->o.step_s / 8;
    /* nor than half of what lies between two nodes of the sum over tau, or all of it would fall between them
     */
    double node = NODE_STEP * sqrt(q->term[q->anchor].variance_s2) * fabs(1 - c / from->variance_s2);
    *variance = fmax(t->variance_s2 - c * c / from->variance_s2, 0) + least * least + node * node / 4;
}

static void ask_sensor(struct source_score *q, uint32_t k, uint32_t d) {
    struct term *t = &q->term[k];
    double tau, variance, best = -INFINITY, half = q->duration_s / 2;
    clear_cells(t);
    if (k < q->anchor && t->saw && !q->is_asked) /* it would be the anchor if it were not broken */
        return;
    expect(q, k, &tau, &variance);
    if (!t->saw) {
        add_silence(t, d, cloud_sd(q, source_passage_in(t->usual, tau)), q->start_s + half + tau, variance);
        return;
    }
    for (uint32_t e = 0; e < t->sums->n_events; e++) {
        const struct ww_cloud_grid *g = &t->sums->event[e];
        double passes = g->from_s + g->n * g->step_s / 2 - half - q->start_s;
        passes = fmin(fmax(passes, tau - 4 * sqrt(variance)), tau + 4 * sqrt(variance));
        double sd = cloud_sd(q, source_passage_in(t->usual, fmax(passes, t->usual.tau_s / 4)));
        best = add_event(t, g, d, sd,
                         (struct expected){q->start_s + half + tau, variance, 0, NAN, half,
                                           source_unrelated(q->s, t->sensor, g)},
                         best);
    }
    t->joins = best > log(q->s->o.broken);
    if (q->is_asked)
        add_silence(t, d, cloud_sd(q, source_passage_in(t->usual, tau)), q->start_s + half + tau, variance);
}

/* All sensors, for a strength. */
static double total(const struct source_score *q, double m) {
    double sum = 0;
    for (uint32_t k = 0; k < q->n; k++) {
        const struct term *t = &q->term[k];
        if (k == q->anchor)
            sum += log_likely(t, m);
        else if (t->n_cells > 0)
            sum += with_broken(q->s, log_likely(t, m));
        else if (t->saw)
            sum += log(q->s->o.broken);
    }
    return sum;
}

static double log_known(const struct source_score *q) {
    double log_times = 0;
    for (uint32_t i = 0; i < q->s->n_known; i++) {
        const struct source_known *k = &q->s->known[i];
        if (k->candidate == q->candidate && q->start_s < k->to_s && q->start_s + q->duration_s > k->from_s)
            log_times += k->log_times;
    }
    return log_times;
}

static void keep(struct source_score *q, double x, double m, double tau) {
    if (x > q->top) {
        q->sum *= exp(q->top - x);
        q->top = x;
        const struct term *t = &q->term[q->anchor];
        q->best = (struct source_hypothesis){x, {q->start_s, q->duration_s, m}, t->usual.tau_s / tau};
    }
    q->sum += exp(x - q->top);
}

/* The strength that all agree on, and that of those who saw it (the silent being broken): the likelier. */
static void weigh(struct source_score *q, double log_prior, double tau) {
    double a = 0, b = 0, all_a = 0, all_b = 0, best = -INFINITY, m = 0;
    for (uint32_t k = 0; k < q->n; k++) {
        const struct term *t = &q->term[k];
        a += t->joins ? t->a : 0;
        b += t->joins ? t->b : 0;
        all_a += t->joins || !t->saw ? t->a : 0;
        all_b += t->joins || !t->saw ? t->b : 0;
    }
    const double strength[] = {a / b, all_a / all_b};
    for (int i = 0; i < (all_b > b ? 2 : 1); i++) {
        if (!(strength[i] > 0))
            continue;
        double x = total(q, strength[i]);
        if (x > best) {
            best = x;
            m = strength[i];
        }
    }
    if (m > 0)
        keep(q, best + log_prior + log(sqrt(2 * M_PI / b) / m) + log_known(q), m, tau);
}

/* One travel time to the anchor, one event there, one duration. */
static void suppose(struct source_score *q, const struct ww_cloud_grid *event, double tau, uint32_t d,
                    double log_prior) {
    const struct ww_source_options *o = &q->s->o;
    struct term *t = &q->term[q->anchor];
    const struct expected any = {
        0, INFINITY, o->to_s - o->from_s, q->is_asked ? q->s->about_s : NAN, q->s->duration_s[d] / 2, 0};
    double sd = cloud_sd(q, source_passage_in(t->usual, tau)), enough = fmax(q->top, q->floor) - NEGLIGIBLE;
    double first = event->from_s - q->s->duration_s[d] / 2 - tau, last = first + event->n * event->step_s;
    if (last < o->from_s || first > o->to_s ||
        !(ww_cloud_grid_most(event, d, sd) + q->others_most + log_prior > enough))
        return;
    clear_cells(t);
    double most = add_event(t, event, d, sd, any, -INFINITY);
    if (!(most + q->others_most + log_prior > enough))
        return;
    q->duration_s = q->s->duration_s[d];
    q->start_s = t->middle_s - q->duration_s / 2 - tau;
    if (q->start_s < o->from_s || q->start_s > o->to_s)
        return;
    t->joins = true;
    for (uint32_t k = 0; k < q->n; k++)
        if (k != q->anchor)
            ask_sensor(q, k, d);
    weigh(q, log_prior, tau);
}

static void anchor_at(struct source_score *q, uint32_t anchor, double log_broken) {
    const struct term *t = &q->term[anchor];
    double sd = sqrt(t->variance_s2);
    q->anchor = anchor;
    q->others_most = 0;
    for (uint32_t k = q->is_asked ? 0 : anchor + 1; k < q->n; k++)
        if (k != anchor && q->term[k].saw)
            q->others_most +=
                q->is_asked ? fmin(MOST_OF_OTHERS, q->term[k].sums->most_llr) : q->term[k].sums->most_llr;
    for (uint32_t e = 0; e < t->sums->n_events; e++)
        for (int node = 0; node < NODES; node++) {
            double z = (node - NODES / 2) * NODE_STEP, tau = t->usual.tau_s + z * sd;
            double log_prior = log(NODE_STEP / sqrt(2 * M_PI)) - z * z / 2 + log_broken;
            for (uint32_t d = 0; d < WW_SOURCE_DURATIONS && tau >= t->usual.tau_s / 4; d++)
                suppose(q, &t->sums->event[e], tau, d, log_prior);
        }
}

/* ---- One candidate ---- */

double source_evidence(const struct ww_source *s, uint32_t candidate, double floor,
                       struct source_hypothesis *best) {
    struct source_score *q = s->room;
    uint32_t from = s->first_below[candidate], seen = 0;
    uint32_t n = s->first_below[candidate + 1] - from;
    q->s = s;
    q->candidate = candidate;
    q->n = n < MOST_BELOW ? n : MOST_BELOW;
    q->top = q->best.log_likely = -INFINITY;
    q->sum = 0;
    q->floor = floor;
    for (uint32_t k = 0; k < q->n; k++) {
        const struct source_below *below = &s->below[from + k];
        const struct source_sensor *sensor = &s->sensor[below->sensor];
        struct term *t = &q->term[k];
        t->sensor = below->sensor;
        t->sums = &sensor->sums;
        t->usual = below->passage;
        t->variance_s2 = source_time_variance(s, below->passage);
        t->share =
            below->passage.share * exp(-s->o.how.decay_per_s * below->passage.tau_s) / sensor->flow_m3s;
        t->saw = sensor->sums.n_events > 0;
    }
    q->is_asked = source_is_asked(s);
    for (uint32_t k = 0; k < q->n; k++)
        if (q->is_asked ? q->term[k].sensor == s->about : q->term[k].saw)
            anchor_at(q, k, seen++ * log(s->o.broken));
    if (best)
        *best = q->best;
    return q->sum > 0 ? q->top + log(q->sum) : -INFINITY;
}

struct source_score *source_score_new(void) {
    return ww_try_calloc(1, sizeof(struct source_score));
}
