/* Fills the tables, and finds where something passed.
 *
 * Worked example: a cloud of height 2 mg/L and sd 1,000 s, readings every 600 s with sd 0.05. Some seven
 * readings lie in it; the best llr is about 7 · (1.2/0.05)² / 2 = 2,000, and half a minute off its middle
 * costs 1: hence fine steps near an event, and cubic interpolation between widths (15 % apart: right to
 * 1e-5 of 2,000, where linear would be wrong by 5).
 *
 * An event is looked for by when a cloud's middle passed. One whose end has not been read yet may be short or
 * long, and so has several middles: such events lie over the same readings, and are one group.
 */
#include "geo/trace/cloud_sums.h"

#include <math.h>
#include <string.h>

#include "geo/base/alloc.h"

static const double SIGNIFICANT = 8; /* llr of a height of 4 standard deviations in one reading */
static const double NEARLY = 0.85;   /* what coarse steps may cost */
static const double KNOT_S = 12 * 3600.0;
static const double TELLING = 15; /* what is less likely by e^-15 than an event's best is left out */

void ww_cloud_shapes_init(struct ww_cloud_shapes *s, const double *duration_s, uint32_t n_durations,
                          double least_sd_s, double most_sd_s) {
    s->duration_s = duration_s;
    s->n_durations = n_durations;
    s->least_sd_s = least_sd_s;
    s->most_sd_s = fmax(most_sd_s, 1.01 * least_sd_s);
    for (int i = 0; i < 2 * WW_PHI_SDS * WW_PHI_PER_SD + 2; i++)
        s->phi[i] = erfc((WW_PHI_SDS - (double)i / WW_PHI_PER_SD) / M_SQRT2) / 2;
}

static double phi(const struct ww_cloud_shapes *s, double z) {
    double at = (z + WW_PHI_SDS) * WW_PHI_PER_SD;
    if (!(at > 0))
        return 0;
    if (at >= 2 * WW_PHI_SDS * WW_PHI_PER_SD)
        return 1;
    int i = (int)at;
    return s->phi[i] + (at - i) * (s->phi[i + 1] - s->phi[i]);
}

/* ---- Filling ---- */

static float *row_of(const struct ww_cloud_grid *g, uint32_t duration, uint32_t width) {
    return g->sum + ((size_t)duration * g->n_widths + width) * 2 * g->n;
}

static enum ww_status make_grid(struct ww_cloud_grid *g, const struct ww_cloud_shapes *s, double from_s,
                                double to_s, uint32_t n, uint32_t n_widths) {
    *g = (struct ww_cloud_grid){.from_s = from_s,
                                .step_s = fmax((to_s - from_s) / (n - 1), 1),
                                .n = n,
                                .n_widths = n_widths,
                                .log_least_sd = log(s->least_sd_s),
                                .log_ratio = log(s->most_sd_s / s->least_sd_s) / (n_widths - 1)};
    g->sum = ww_try_calloc((size_t)s->n_durations * n_widths * 2 * n, sizeof *g->sum);
    return g->sum ? WW_OK : WW_NO_MEMORY;
}

/* What lies beneath: a usual level that wanders as it likes within half a day, by a standard deviation of the
 * readings. Straight lines between knots, fitted with each cloud, drop out of the sums in closed form:
 * A' = A - l' M^-1 y, B' = B - l' M^-1 l, l and y the weighted products of knots with cloud and readings, M
 * that of knots with knots, and what is known of them beforehand. */
enum { MOST_KNOTS = 8 };
struct beneath {
    double from_s, step_s;
    uint32_t n;
    double inverse[MOST_KNOTS][MOST_KNOTS], fitted[MOST_KNOTS]; /* M^-1, M^-1 y */
};

static uint32_t knot_of(const struct beneath *u, double t_s, double *share) {
    double at = fmin(fmax((t_s - u->from_s) / u->step_s, 0), u->n - 1);
    uint32_t k = (uint32_t)fmin(at, u->n - 2);
    *share = at - k;
    return k;
}

/* Gauss and Jordan; M is positive definite. */
static void invert(double m[MOST_KNOTS][MOST_KNOTS], uint32_t n) {
    for (uint32_t k = 0; k < n; k++) {
        double pivot = 1 / m[k][k];
        m[k][k] = 1;
        for (uint32_t j = 0; j < n; j++)
            m[k][j] *= pivot;
        for (uint32_t i = 0; i < n; i++) {
            double times = m[i][k];
            if (i == k)
                continue;
            m[i][k] = 0;
            for (uint32_t j = 0; j < n; j++)
                m[i][j] -= times * m[k][j];
        }
    }
}

static struct beneath look_beneath(const struct ww_cloud_reading *reading, uint32_t n) {
    double span = fmax(reading[n - 1].t_s - reading[0].t_s, 1), most = 0, y[MOST_KNOTS] = {0};
    struct beneath u = {.from_s = reading[0].t_s};
    u.n = (uint32_t)fmin(ceil(span / KNOT_S) + 1, MOST_KNOTS);
    u.step_s = span / (u.n - 1);
    for (uint32_t i = 0; i < n; i++) {
        double x, w = reading[i].weight;
        uint32_t k = knot_of(&u, reading[i].t_s, &x);
        most = fmax(most, w);
        y[k] += w * reading[i].y * (1 - x);
        y[k + 1] += w * reading[i].y * x;
        u.inverse[k][k] += w * (1 - x) * (1 - x);
        u.inverse[k][k + 1] += w * (1 - x) * x;
        u.inverse[k + 1][k] += w * (1 - x) * x;
        u.inverse[k + 1][k + 1] += w * x * x;
    }
    for (uint32_t k = 0; k < u.n; k++)
        u.inverse[k][k] += fmax(most, 1e-300);
    invert(u.inverse, u.n);
    for (uint32_t k = 0; k < u.n; k++)
        for (uint32_t j = 0; j < u.n; j++)
            u.fitted[k] += u.inverse[k][j] * y[j];
    return u;
}

/* One reading's part of one row: all clouds that it may lie in. */
static void add_to_row(const struct ww_cloud_grid *g, const struct ww_cloud_shapes *s, float *row, double sd,
                       double duration, const struct ww_cloud_reading *r, const struct beneath *u,
                       float (*knots)[MOST_KNOTS]) {
    double reach = duration / 2 + WW_PHI_SDS * sd, half = duration / (2 * sd);
    double low = ceil((r->t_s - reach - g->from_s) / g->step_s);
    double high = floor((r->t_s + reach - g->from_s) / g->step_s);
    if (!(high >= 0) || !(low <= g->n - 1))
        return;
    uint32_t from = (uint32_t)fmax(low, 0), to = (uint32_t)fmin(high, g->n - 1);
    double wy = r->weight * r->y, w = r->weight, x;
    uint32_t k = knot_of(u, r->t_s, &x);
    for (uint32_t i = from; i <= to; i++) {
        double z = (r->t_s - g->from_s - i * g->step_s) / sd, h = phi(s, z + half) - phi(s, z - half);
        row[i] += (float)(wy * h);
        row[g->n + i] += (float)(w * h * h);
        knots[i][k] += (float)(w * h * (1 - x));
        knots[i][k + 1] += (float)(w * h * x);
    }
}

static void take_beneath(const struct ww_cloud_grid *g, float *row, const struct beneath *u,
                         float (*knots)[MOST_KNOTS]) {
    for (uint32_t i = 0; i < g->n; i++) {
        double a = (double)row[i], b = (double)row[g->n + i];
        for (uint32_t k = 0; k < u->n; k++) {
            double part = 0, l = (double)knots[i][k];
            if (!(l > 0))
                continue;
            for (uint32_t j = 0; j < u->n; j++)
                part += u->inverse[k][j] * (double)knots[i][j];
            a -= l * u->fitted[k];
            b -= l * part;
        }
        row[i] = (float)a;
        row[g->n + i] = (float)fmax(b, 0);
        memset(knots[i], 0, sizeof knots[i]);
    }
}

static void fill(struct ww_cloud_grid *g, const struct ww_cloud_shapes *s,
                 const struct ww_cloud_reading *reading, uint32_t n, const struct beneath *u) {
    float knots[WW_CLOUD_COARSE_TIMES][MOST_KNOTS];
    memset(knots, 0, sizeof knots);
    for (uint32_t d = 0; d < s->n_durations; d++)
        for (uint32_t w = 0; w < g->n_widths; w++) {
            double sd = exp(g->log_least_sd + w * g->log_ratio);
            for (uint32_t i = 0; i < n; i++)
                add_to_row(g, s, row_of(g, d, w), sd, s->duration_s[d], &reading[i], u, knots);
            take_beneath(g, row_of(g, d, w), u, knots);
        }
}

/* ---- Asking ---- */

/* Lagrange's cubic through four widths, and the straight line through the two that the width lies between. */
struct between {
    uint32_t first;
    double cubic[4], line[4];
};

static struct between between_widths(const struct ww_cloud_grid *g, double sd_s) {
    double x = fmin(fmax((log(sd_s) - g->log_least_sd) / g->log_ratio, 0), g->n_widths - 1);
    struct between is = {(uint32_t)fmin(fmax(floor(x) - 1, 0), g->n_widths - 4), {0}, {0}};
    double u = x - is.first;
    int low = u < 1 ? 0 : u < 2 ? 1 : 2;
    is.cubic[0] = -(u - 1) * (u - 2) * (u - 3) / 6;
    is.cubic[1] = u * (u - 2) * (u - 3) / 2;
    is.cubic[2] = -u * (u - 1) * (u - 3) / 2;
    is.cubic[3] = u * (u - 1) * (u - 2) / 6;
    is.line[low] = low + 1 - u;
    is.line[low + 1] = u - low;
    return is;
}

static double sum_of(const float *at, size_t apart, const double weight[4]) {
    double sum = 0;
    for (int w = 0; w < 4; w++)
        sum += weight[w] * (double)at[(size_t)w * apart];
    return sum;
}

/* Clouds narrower than the readings are apart fall between them for some widths: a cubic through such B's may
 * come near 0, and would explain anything. The line can't. */
static void at_cell(const float *a_at, const float *b_at, size_t apart, const struct between *is, double *a,
                    double *b) {
    double line = sum_of(b_at, apart, is->line);
    *b = sum_of(b_at, apart, is->cubic);
    bool is_smooth = fabs(*b - line) <= 0.05 * line;
    *a = sum_of(a_at, apart, is_smooth ? is->cubic : is->line);
    *b = is_smooth ? *b : line;
}

void ww_cloud_grid_row(const struct ww_cloud_grid *g, uint32_t duration, double sd_s, double *a, double *b) {
    struct between is = between_widths(g, sd_s);
    const float *row = row_of(g, duration, is.first);
    for (uint32_t i = 0; i < g->n; i++)
        at_cell(row + i, row + g->n + i, 2 * (size_t)g->n, &is, &a[i], &b[i]);
}

void ww_cloud_grid_at(const struct ww_cloud_grid *g, uint32_t duration, double sd_s, double middle_s,
                      double *a, double *b) {
    double at = (middle_s - g->from_s) / g->step_s;
    *a = *b = 0;
    if (g->n < 2 || !(at >= 0) || !(at <= g->n - 1))
        return;
    struct between is = between_widths(g, sd_s);
    uint32_t i = (uint32_t)fmin(at, g->n - 2);
    const float *low = row_of(g, duration, is.first) + i, *high = low + 1;
    double u = at - i, low_a, low_b, high_a, high_b;
    at_cell(low, low + g->n, 2 * (size_t)g->n, &is, &low_a, &low_b);
    at_cell(high, high + g->n, 2 * (size_t)g->n, &is, &high_a, &high_b);
    *a = (1 - u) * low_a + u * high_a;
    *b = (1 - u) * low_b + u * high_b;
}

/* Of two widths, a best one between them may explain more than either. */
static const double BETWEEN_WIDTHS = 20;

double ww_cloud_grid_most(const struct ww_cloud_grid *g, uint32_t duration, double sd_s) {
    double x = fmin(fmax((log(sd_s) - g->log_least_sd) / g->log_ratio, 0), g->n_widths - 1);
    uint32_t i = (uint32_t)fmin(x, g->n_widths - 2);
    const float *most = g->most + (size_t)duration * g->n_widths + i;
    return fmax((double)most[0], (double)most[1]) + BETWEEN_WIDTHS;
}

static enum ww_status note_most(struct ww_cloud_grid *g, uint32_t n_durations) {
    g->most = ww_try_calloc((size_t)n_durations * g->n_widths, sizeof *g->most);
    for (size_t row = 0; g->most && row < (size_t)n_durations * g->n_widths; row++)
        for (uint32_t i = 0; i < g->n; i++) {
            float a = g->sum[row * 2 * g->n + i], b = g->sum[row * 2 * g->n + g->n + i];
            if (a > 0 && b > 0)
                g->most[row] = fmaxf(g->most[row], a * a / (2 * b));
        }
    return g->most ? WW_OK : WW_NO_MEMORY;
}

/* ---- Events ---- */

/* most[n]: what the best of all clouds with that middle explains. */
static double profile(const struct ww_cloud_grid *g, uint32_t n_durations, double *most) {
    double top = 0;
    for (uint32_t i = 0; i < g->n; i++)
        most[i] = 0;
    for (uint32_t d = 0; d < n_durations; d++)
        for (uint32_t w = 0; w < g->n_widths; w++) {
            const float *row = row_of(g, d, w);
            for (uint32_t i = 0; i < g->n; i++) {
                double a = (double)row[i], b = (double)row[g->n + i];
                if (a > 0 && b > 0)
                    most[i] = fmax(most[i], a * a / (2 * b));
            }
        }
    for (uint32_t i = 0; i < g->n; i++)
        top = fmax(top, most[i]);
    return top;
}

static void note_top(struct ww_cloud_grid *g, const struct ww_cloud_shapes *s) {
    g->top_llr = 0;
    for (uint32_t d = 0; d < s->n_durations; d++)
        for (uint32_t w = 0; w < g->n_widths; w++)
            for (uint32_t i = 0; i < g->n; i++) {
                double a = (double)row_of(g, d, w)[i], b = (double)row_of(g, d, w)[g->n + i];
                double reach = s->duration_s[d] / 2 + 2 * exp(g->log_least_sd + w * g->log_ratio);
                if (!(a > 0 && b > 0 && a * a / (2 * b) > g->top_llr))
                    continue;
                g->top_llr = a * a / (2 * b);
                g->from_top_s = g->from_s + i * g->step_s - reach;
                g->to_top_s = g->from_s + i * g->step_s + reach;
            }
}

/* A cloud whose end is not seen yet may last for long: then its middle is hours away from that of a short
 * one. */
static void join_group(struct ww_cloud_sums *sums, uint32_t e) {
    struct ww_cloud_grid *is = &sums->event[e];
    is->group = e;
    for (uint32_t i = 0; i < e; i++) {
        const struct ww_cloud_grid *other = &sums->event[i];
        double both = fmin(is->to_top_s, other->to_top_s) - fmax(is->from_top_s, other->from_top_s);
        double shorter = fmin(is->to_top_s - is->from_top_s, other->to_top_s - other->from_top_s);
        if (both > shorter / 2) {
            is->group = other->group;
            break;
        }
    }
    for (uint32_t i = 0; i < e; i++)
        if (sums->event[i].group == is->group)
            sums->event[i].top_llr = is->top_llr = fmax(is->top_llr, sums->event[i].top_llr);
}

/* Fine steps over what is within TELLING of the best between two moments. */
static enum ww_status make_event(const struct ww_cloud_shapes *s, const struct ww_cloud_reading *reading,
                                 uint32_t n, const struct beneath *u, double from_s, double to_s,
                                 struct ww_cloud_grid *out) {
    double most[2 * WW_CLOUD_TIMES];
    struct ww_cloud_grid look;
    for (int turn = 0; turn < 2; turn++) { /* what was left of the first is looked at twice as sharply */
        if (make_grid(&look, s, from_s, to_s, 2 * WW_CLOUD_TIMES, WW_CLOUD_WIDTHS) != WW_OK)
            return WW_NO_MEMORY;
        fill(&look, s, reading, n, u);
        double top = profile(&look, s->n_durations, most);
        uint32_t low = 0, high = look.n - 1;
        while (low < high && most[low] < top - TELLING)
            low++;
        while (high > low && most[high] < top - TELLING)
            high--;
        from_s = look.from_s + look.step_s * (low > 0 ? low - 1 : 0);
        to_s = look.from_s + look.step_s * (high + 1 < look.n ? high + 1 : high);
        bool is_sharp = high - low >= WW_CLOUD_TIMES / 4;
        ww_free(look.sum);
        if (is_sharp)
            break;
    }
    if (make_grid(out, s, from_s, to_s, WW_CLOUD_TIMES, WW_CLOUD_WIDTHS) != WW_OK)
        return WW_NO_MEMORY;
    fill(out, s, reading, n, u);
    note_top(out, s);
    return note_most(out, s->n_durations);
}

/* Takes the highest peak's cells out of the profile: downhill, until it is nothing or rises again. */
static void take_out(double *most, uint32_t n, uint32_t peak) {
    for (int way = -1; way <= 1; way += 2) {
        double lowest = most[peak];
        for (int64_t i = (int64_t)peak + way; i >= 0 && i < n; i += way) {
            if (most[i] < SIGNIFICANT / 2 || most[i] > lowest + SIGNIFICANT)
                break;
            lowest = fmin(lowest, most[i]);
            most[i] = 0;
        }
    }
    most[peak] = 0;
}

static enum ww_status find_events(const struct ww_cloud_shapes *s, const struct ww_cloud_reading *reading,
                                  uint32_t n, const struct beneath *u, struct ww_cloud_sums *out) {
    double most[WW_CLOUD_COARSE_TIMES];
    const struct ww_cloud_grid *g = &out->whole;
    enum ww_status st = WW_OK;
    (void)profile(g, s->n_durations, most);
    while (out->n_events < WW_CLOUD_EVENTS && st == WW_OK) {
        uint32_t peak = 0, low, high;
        for (uint32_t i = 1; i < g->n; i++)
            peak = most[i] > most[peak] ? i : peak;
        if (!(most[peak] >= SIGNIFICANT))
            break;
        low = high = peak;
        while (low > 0 && most[low - 1] > most[peak] - TELLING && most[low - 1] > 0)
            low--;
        while (high + 1 < g->n && most[high + 1] > most[peak] - TELLING && most[high + 1] > 0)
            high++;
        st = make_event(s, reading, n, u, g->from_s + (low - 2.0) * g->step_s,
                        g->from_s + (high + 2.0) * g->step_s, &out->event[out->n_events]);
        if (st == WW_OK) {
            out->most_llr = fmax(out->most_llr, out->event[out->n_events].top_llr);
            join_group(out, out->n_events++);
        }
        take_out(most, g->n, peak);
    }
    return st;
}

static enum ww_status make_whole(const struct ww_cloud_shapes *s, const struct ww_cloud_reading *reading,
                                 uint32_t n, const struct beneath *u, struct ww_cloud_grid *out) {
    double margin = 3 * s->most_sd_s;
    enum ww_status st = make_grid(out, s, reading[0].t_s - margin, reading[n - 1].t_s + margin,
                                  WW_CLOUD_COARSE_TIMES, WW_CLOUD_COARSE_WIDTHS);
    if (st == WW_OK)
        fill(out, s, reading, n, u);
    return st;
}

/* The best llr of a row's clouds over a moment. */
static double row_most(const struct ww_cloud_grid *g, uint32_t d, uint32_t w, double reach_s, double over_s) {
    const float *row = row_of(g, d, w);
    double most = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        double a = (double)row[i], b = (double)row[g->n + i];
        if (a > 0 && b > 0 && !(fabs(g->from_s + i * g->step_s - over_s) > reach_s))
            most = fmax(most, a * a / (2 * b));
    }
    return most;
}

enum ww_status ww_cloud_durations(const struct ww_cloud_shapes *s, const struct ww_cloud_reading *reading,
                                  uint32_t n, double over_s, uint32_t *first, uint32_t *last) {
    struct ww_cloud_grid g;
    double top = 0, *most;
    if (n == 0)
        return WW_OK;
    most = ww_try_calloc(s->n_durations, sizeof *most);
    const struct beneath u = look_beneath(reading, n);
    if (!most || make_whole(s, reading, n, &u, &g) != WW_OK) {
        ww_free(most);
        return WW_NO_MEMORY;
    }
    for (uint32_t d = 0; d < s->n_durations; d++) {
        for (uint32_t w = 0; w < g.n_widths; w++) {
            double sd = exp(g.log_least_sd + w * g.log_ratio);
            most[d] = fmax(most[d], row_most(&g, d, w, s->duration_s[d] / 2 + 2 * sd, over_s));
        }
        top = fmax(top, most[d]);
    }
    for (uint32_t d = 0; d < s->n_durations && top > 0; d++)
        if (most[d] >= NEARLY * top - TELLING) {
            *first = d < *first ? d : *first;
            *last = d > *last ? d : *last;
        }
    ww_free(g.sum);
    ww_free(most);
    return WW_OK;
}

enum ww_status ww_cloud_sums_make(const struct ww_cloud_shapes *s, const struct ww_cloud_reading *reading,
                                  uint32_t n, bool saw, struct ww_cloud_sums *out) {
    *out = (struct ww_cloud_sums){.n_events = 0};
    if (n == 0)
        return WW_OK;
    const struct beneath u = look_beneath(reading, n);
    enum ww_status st = make_whole(s, reading, n, &u, &out->whole);
    if (st == WW_OK && saw)
        st = find_events(s, reading, n, &u, out);
    if (st != WW_OK)
        ww_cloud_sums_clear(out);
    return st;
}

void ww_cloud_sums_clear(struct ww_cloud_sums *sums) {
    ww_free(sums->whole.sum);
    for (uint32_t i = 0; i < WW_CLOUD_EVENTS; i++) {
        ww_free(sums->event[i].sum);
        ww_free(sums->event[i].most);
    }
    *sums = (struct ww_cloud_sums){.n_events = 0};
}

double ww_cloud_sums_bytes(uint32_t n_durations) {
    double coarse = (double)WW_CLOUD_COARSE_TIMES * WW_CLOUD_COARSE_WIDTHS;
    double fine = (double)WW_CLOUD_EVENTS * WW_CLOUD_TIMES * WW_CLOUD_WIDTHS;
    return (coarse + fine) * n_durations * 2 * sizeof(float);
}
