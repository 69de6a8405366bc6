/* Hot spots kept up as readings come.
 *
 * Kept a place i: its value v_i relative to a fixed level (so that squares do not cancel), and over its
 * neighbours with a value L_i = sum w v, W_i = sum w, S_i = sum w². Kept for all: n, sum v, sum v², and for
 * global Moran, whose rows may be standardised (r_i = 1/W_i, else 1):
 *   Q = sum r v L,  L = sum r L,  P = sum r v W,  S0 = sum r W,   so that with the mean m
 *   sum_ij w_ij (v_i - m)(v_j - m) = Q - m L - m P + m² S0.
 * A change at j takes the share of j and of all rows that hold j out of those four, changes, and puts it
 * back.
 */
#include "geo/hotspot/live.h"

#include <math.h>

#include "geo/base/alloc.h"

struct place {
    double value, lag, sum, sum2;
    double own; /* weight with itself in Gi* when given; 0: the mean of the neighbours' */
    uint32_t neighbours;
    bool has;
};

struct all {
    double sum, squares;
    double q, l, p, s0;
    uint32_t n;
};

struct ww_live {
    const struct ww_weights *weights;
    bool standardised;
    double level;
    bool has_level;
    struct place *place; /* [n] */
    struct all all;
    uint32_t *column_start, *column; /* which rows hold this place … */
    double *column_weight;           /* … and with which weight */
};

/* ---- Building ---- */

static bool build_columns(struct ww_live *g) {
    const struct ww_weights *w = g->weights;
    uint32_t n_pairs = w->start[w->n];
    g->column_start = ww_try_calloc((size_t)w->n + 2, sizeof *g->column_start);
    g->column = ww_try_calloc(n_pairs ? n_pairs : 1, sizeof *g->column);
    g->column_weight = ww_try_calloc(n_pairs ? n_pairs : 1, sizeof *g->column_weight);
    if (!g->column_start || !g->column || !g->column_weight)
        return false;
    for (uint32_t k = 0; k < n_pairs; k++)
        g->column_start[w->index[k] + 2]++;
    for (uint32_t i = 0; i < w->n; i++)
        g->column_start[i + 2] += g->column_start[i + 1];
    for (uint32_t i = 0; i < w->n; i++)
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
            uint32_t at = g->column_start[w->index[k] + 1]++;
            g->column[at] = i;
            g->column_weight[at] = w->weight[k];
        }
    return true;
}

struct ww_live *ww_live_new(const struct ww_weights *w, enum ww_live_rows rows) {
    struct ww_live *g = ww_try_calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->weights = w;
    g->standardised = rows == WW_LIVE_ROWS_STANDARDISED;
    g->place = ww_try_calloc(w->n ? w->n : 1, sizeof *g->place);
    if (!g->place || !build_columns(g)) {
        ww_live_free(g);
        return NULL;
    }
    for (uint32_t i = 0; i < w->n && w->own; i++)
        g->place[i].own = w->own[i];
    return g;
}

void ww_live_free(struct ww_live *g) {
    if (!g)
        return;
    ww_free(g->place);
    ww_free(g->column_start);
    ww_free(g->column);
    ww_free(g->column_weight);
    ww_free(g);
}

/* ---- Changing ---- */

/* Adds (sign 1) or takes out (-1) what row i is of the sums over all. */
static void count_row(struct ww_live *g, uint32_t i, double sign) {
    const struct place *p = &g->place[i];
    if (!p->has || p->neighbours == 0)
        return;
    double r = g->standardised ? sign / p->sum : sign;
    g->all.q += r * p->value * p->lag;
    g->all.l += r * p->lag;
    g->all.p += r * p->value * p->sum;
    g->all.s0 += r * p->sum;
}

static void count_rows_around(struct ww_live *g, uint32_t j, double sign) {
    count_row(g, j, sign);
    for (uint32_t k = g->column_start[j]; k < g->column_start[j + 1]; k++)
        count_row(g, g->column[k], sign);
}

/* j's value changes by `change` in the rows that hold it; `comes` 1, 0 or -1: with, as before, no more. */
static void change_rows(struct ww_live *g, uint32_t j, double change, int comes) {
    for (uint32_t k = g->column_start[j]; k < g->column_start[j + 1]; k++) {
        struct place *p = &g->place[g->column[k]];
        double w = g->column_weight[k];
        p->lag += w * change;
        if (comes == 0)
            continue;
        p->sum += comes * w;
        p->sum2 += comes * w * w;
        p->neighbours += (uint32_t)comes;
        if (p->neighbours == 0) /* exactly, whatever rounding left */
            p->lag = p->sum = p->sum2 = 0;
    }
}

void ww_live_set(struct ww_live *g, uint32_t j, double value) {
    struct place *p = &g->place[j];
    if (!g->has_level) {
        g->level = value;
        g->has_level = true;
    }
    double now = value - g->level, change = p->has ? now - p->value : now;
    count_rows_around(g, j, -1);
    g->all.sum += change;
    g->all.squares += p->has ? change * (p->value + now) : now * now;
    g->all.n += !p->has;
    change_rows(g, j, change, !p->has);
    p->value = now;
    p->has = true;
    count_rows_around(g, j, 1);
}

void ww_live_forget(struct ww_live *g, uint32_t j) {
    struct place *p = &g->place[j];
    if (!p->has)
        return;
    count_rows_around(g, j, -1);
    g->all.sum -= p->value;
    g->all.squares -= p->value * p->value;
    g->all.n--;
    change_rows(g, j, -p->value, -1);
    p->value = 0;
    p->has = false;
    count_rows_around(g, j, 1);
    if (g->all.n == 0) { /* exactly, whatever rounding left; the next value is the new level */
        g->all = (struct all){0};
        g->has_level = false;
    }
}

/* From the places' values. */
static void count_all(struct ww_live *g) {
    const struct ww_weights *w = g->weights;
    g->all = (struct all){0};
    for (uint32_t i = 0; i < w->n; i++) {
        const struct place *p = &g->place[i];
        if (!p->has)
            continue;
        g->all.n++;
        g->all.sum += p->value;
        g->all.squares += p->value * p->value;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        struct place *p = &g->place[i];
        p->lag = p->sum = p->sum2 = 0;
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
            const struct place *other = &g->place[w->index[k]];
            if (!other->has)
                continue;
            p->lag += w->weight[k] * other->value;
            p->sum += w->weight[k];
            p->sum2 += w->weight[k] * w->weight[k];
        }
        count_row(g, i, 1);
    }
}

void ww_live_recount(struct ww_live *g) {
    double mean = g->all.n > 0 ? g->all.sum / g->all.n : 0;
    g->level += mean;
    for (uint32_t i = 0; i < g->weights->n; i++)
        if (g->place[i].has)
            g->place[i].value -= mean;
    count_all(g);
}

void ww_live_renew(struct ww_live *g, const double *value) {
    double sum = 0;
    for (uint32_t i = 0; i < g->weights->n; i++)
        sum += g->place[i].has ? value[i] : 0;
    g->level = g->all.n > 0 ? sum / g->all.n : 0;
    for (uint32_t i = 0; i < g->weights->n; i++)
        if (g->place[i].has)
            g->place[i].value = value[i] - g->level;
    count_all(g);
}

bool ww_live_has(const struct ww_live *g, uint32_t place) {
    return g->place[place].has;
}

uint32_t ww_live_count(const struct ww_live *g) {
    return g->all.n;
}

/* ---- Asking ---- */

/* What rounding can leave of a sum of squares that is 0. */
static double some_squares(double squares, double of) {
    return squares > 1e-13 * of ? squares : 0;
}

static double over_root(double value, double variance) {
    return variance > 0 ? value / sqrt(variance) : NAN;
}

struct moments {
    double n, mean, squares; /* of all, relative to the level */
};

static struct moments moments_of(const struct ww_live *g) {
    double n = g->all.n, mean = g->all.sum / n;
    return (struct moments){n, mean, some_squares(g->all.squares - n * mean * mean, g->all.squares)};
}

static double gstar_of(const struct place *p, struct moments m) {
    if (!p->has)
        return NAN;
    double own = p->own > 0 ? p->own : p->neighbours > 0 ? p->sum / p->neighbours : 1;
    double sum = p->sum + own, sum2 = p->sum2 + own * own, free_weight = m.n * sum2 - sum * sum;
    return free_weight > 1e-12 * m.n * sum2
               ? over_root(p->lag + own * p->value - sum * m.mean, m.squares / m.n * free_weight / (m.n - 1))
               : NAN;
}

double ww_live_gstar(const struct ww_live *g, uint32_t place) {
    return gstar_of(&g->place[place], moments_of(g));
}

void ww_live_gstar_all(const struct ww_live *g, double *z) {
    struct moments m = moments_of(g);
    for (uint32_t i = 0; i < g->weights->n; i++)
        z[i] = gstar_of(&g->place[i], m);
}

double ww_live_g(const struct ww_live *g, uint32_t place) {
    const struct place *p = &g->place[place];
    double others = (double)g->all.n - 1, mean = (g->all.sum - p->value) / others;
    double squares =
        some_squares(g->all.squares - p->value * p->value - others * mean * mean, g->all.squares);
    double free_weight = others * p->sum2 - p->sum * p->sum;
    if (!p->has || g->all.n < 3 || !(free_weight > 1e-12 * others * p->sum2))
        return NAN;
    return over_root(p->lag - p->sum * mean, squares / others * free_weight / (others - 1));
}

struct ww_moran ww_live_local_moran(const struct ww_live *g, uint32_t place) {
    const struct place *p = &g->place[place];
    struct moments m = moments_of(g);
    struct ww_moran o = {NAN, NAN, NAN, NAN};
    double m2 = m.squares / m.n, z = p->value - m.mean, r = g->standardised ? 1 / p->sum : 1;
    if (!p->has || p->neighbours == 0 || !(m2 > 0))
        return o;
    double sum = r * p->sum, sum2 = r * r * p->sum2;
    o.i = z / m2 * r * (p->lag - p->sum * m.mean);
    if (g->all.n < 3)
        return o;
    o.expected = -z * z * sum / ((m.n - 1) * m2);
    o.variance =
        z / m2 * (z / m2) * m.n / (m.n - 2) * (sum2 - sum * sum / (m.n - 1)) * (m2 - z * z / (m.n - 1));
    if (sum2 * (m.n - 1) - sum * sum > 1e-12 * m.n * sum2)
        o.z = over_root(o.i - o.expected, o.variance);
    return o;
}

double ww_live_moran_i(const struct ww_live *g) {
    struct moments m = moments_of(g);
    double cross = g->all.q - m.mean * (g->all.l + g->all.p) + m.mean * m.mean * g->all.s0;
    return m.squares > 0 && g->all.s0 > 0 ? m.n * cross / (g->all.s0 * m.squares) : NAN;
}
