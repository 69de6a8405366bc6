/* The tail of a sum drawn from given values without putting back, by a double saddlepoint.
 *
 * Let each value d_i be taken or not, by coins of probability f = k/n; the draw is that game, given that k
 * were taken. Its cumulant function K(s, t) = sum log(1 - f + f exp(s + t d_i)) is a plain sum. With the s, t
 * at which K_s = k and K_t = x (exponential tilting that makes x the mean), w = sign(t) sqrt(2 (s k + t x -
 * K)),   u = t sqrt((K_ss K_tt - K_st²) / (n f (1-f))), P(sum >= x) = 1 - Phi(w) + phi(w) (1/u - 1/w)
 * (Skovgaard 1987; for samples without replacement Robinson 1982). K - s k - t x is convex and smallest
 * there: Newton's steps, shortened while they do not lower it. Values on a lattice (counts) get the usual
 * half step towards the mean. x at the very end of what can be drawn, where no tilting reaches it, has its p
 * by counting: the share of draws that hold the k largest values. Lower tails are upper tails of the values
 * with their sign turned.
 */
#include "geo/hotspot/tail.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"

struct ww_deal {
    uint32_t n;
    double mean, scale; /* scale: standard deviation, or 1 when all are equal */
    double *d;          /* [n] (value - mean) / scale */
    double *sorted;     /* [n] of d, ascending */
    double step;        /* of the lattice that the values lie on, in d; 0: none */
};

/* ---- Building ---- */

static int by_value(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? -1 : a > b;
}

/* The greatest common step of whole numbers; 0 when a value is none, or is too large to tell. */
static double lattice_step(const double *values, uint32_t n) {
    uint64_t step = 0;
    for (uint32_t i = 0; i < n; i++) {
        double off = values[i] - values[0];
        if (off != floor(off) || fabs(off) > 1e9)
            return 0;
        for (uint64_t a = (uint64_t)fabs(off); a != 0;) {
            uint64_t rest = step % a;
            step = a;
            a = rest;
        }
    }
    return (double)step;
}

struct ww_deal *ww_deal_new(const double *values, uint32_t n) {
    struct ww_deal *deal = ww_try_calloc(1, sizeof *deal);
    double squares = 0;
    if (!deal)
        return NULL;
    deal->n = n;
    deal->d = ww_try_calloc(n ? n : 1, sizeof *deal->d);
    deal->sorted = ww_try_calloc(n ? n : 1, sizeof *deal->sorted);
    if (!deal->d || !deal->sorted) {
        ww_deal_free(deal);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        deal->mean += values[i] / n;
    for (uint32_t i = 0; i < n; i++)
        squares += (values[i] - deal->mean) * (values[i] - deal->mean);
    deal->scale = squares > 0 ? sqrt(squares / n) : 1;
    for (uint32_t i = 0; i < n; i++)
        deal->sorted[i] = deal->d[i] = (values[i] - deal->mean) / deal->scale;
    qsort(deal->sorted, n, sizeof *deal->sorted, by_value);
    deal->step = lattice_step(values, n) / deal->scale;
    return deal;
}

void ww_deal_free(struct ww_deal *deal) {
    if (!deal)
        return;
    ww_free(deal->d);
    ww_free(deal->sorted);
    ww_free(deal);
}

/* ---- The saddlepoint ---- */

struct draw {
    const struct ww_deal *deal;
    uint32_t without;
    double sign;    /* of the values: -1 turns a lower tail into an upper one */
    double n, k, f; /* how many there are, are drawn, and the share */
};
struct cumulants {
    double s, t, ss, st, tt; /* derivatives of K */
};

/* Logarithm of the odds that a coin falls on "taken", for value i. */
static double log_odds(const struct draw *w, uint32_t i, double s, double t) {
    return s + log(w->f / (1 - w->f)) + t * w->sign * w->deal->d[i];
}

static struct cumulants cumulants_at(const struct draw *w, double s, double t) {
    struct cumulants c = {0};
    double odds = w->f / (1 - w->f) * exp(s), along = t * w->sign;
    for (uint32_t i = 0; i < w->deal->n; i++) {
        double d = w->deal->d[i], p = 1 / (1 + 1 / (odds * exp(along * d))), v = p * (1 - p);
        if (i == w->without)
            continue;
        c.s += p;
        c.t += p * d;
        c.ss += v;
        c.st += v * d;
        c.tt += v * d * d;
    }
    c.t *= w->sign;
    c.st *= w->sign;
    return c;
}

static double cumulant(const struct draw *w, double s, double t) {
    double k = w->n * log(1 - w->f);
    for (uint32_t i = 0; i < w->deal->n; i++) {
        double e = i == w->without ? -INFINITY : log_odds(w, i, s, t);
        k += e > 0 ? e + log1p(exp(-e)) : log1p(exp(e));
    }
    return k;
}

/* Newton's step, and how far off it thinks we are (its decrement, in squared standard deviations). */
static double newton(const struct draw *w, const struct cumulants *c, double x, double *ds, double *dt) {
    double gs = c->s - w->k, gt = c->t - x, det = c->ss * c->tt - c->st * c->st;
    if (!(det > 0))
        return INFINITY;
    *ds = (c->st * gt - c->tt * gs) / det;
    *dt = (c->st * gs - c->ss * gt) / det;
    return -(gs * *ds + gt * *dt);
}

/* 1 - Phi(w) + phi(w) (1/u - 1/w). */
static double lugannani_rice(double w, double u) {
    double tail = erfc(w / M_SQRT2) / 2, density = exp(-w * w / 2) / sqrt(2 * M_PI);
    return fmax(0, fmin(1, tail + density * (1 / u - 1 / w)));
}

/* P(sum >= x) for x not below the mean. */
static double saddlepoint(const struct draw *w, double x) {
    struct cumulants c = cumulants_at(w, 0, 0), there;
    double s = 0, t = 0, ds = 0, dt = 0, more_s, more_t;
    double variance = c.tt - c.st * c.st / c.ss, from_mean = x - c.t;
    double off = newton(w, &c, x, &ds, &dt);
    for (int step = 0; step < 60 && off > 1e-12; step++) {
        double share = 1, off_there;
        for (;; share /= 2) {
            there = cumulants_at(w, s + share * ds, t + share * dt);
            off_there = newton(w, &there, x, &more_s, &more_t);
            if (off_there < off || share < 1e-6)
                break;
        }
        if (!(off_there < off))
            break;
        s += share * ds;
        t += share * dt;
        c = there;
        off = off_there;
        ds = more_s;
        dt = more_t;
    }
    double u = t * sqrt(fmax(0, c.ss * c.tt - c.st * c.st) / (w->n * w->f * (1 - w->f)));
    double tail = sqrt(fmax(0, 2 * (s * w->k + t * x - cumulant(w, s, t))));
    if (!(tail > 0.01) || !(u > 0)) /* at the mean 1/u and 1/w grow without bound and cancel */
        return erfc(from_mean / sqrt(2 * variance)) / 2;
    return lugannani_rice(tail, u);
}

/* ---- Ends ---- */

static double log_choose(double n, double k) {
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* The largest sum that can be drawn, and the share of draws that have it. */
static double end_of(const struct draw *w, double *share) {
    const struct ww_deal *deal = w->deal;
    double sum = 0, last = 0, taken = 0, last_taken = 0, last_there = 0;
    bool passed = w->without == UINT32_MAX; /* the one that can't be drawn, once */
    for (uint32_t i = 0; i < deal->n; i++) {
        double d = deal->sorted[w->sign > 0 ? deal->n - 1 - i : i];
        if (!passed && d == deal->d[w->without]) {
            passed = true;
            continue;
        }
        if (taken >= w->k && d != last)
            break;
        if (taken == 0 || d != last)
            last_taken = last_there = 0;
        last = d;
        last_there++;
        if (taken < w->k) {
            last_taken++;
            taken++;
            sum += d;
        }
    }
    *share = exp(log_choose(last_there, last_taken) - log_choose(w->n, w->k));
    return w->sign * sum;
}

/* P(sign * sum >= x), in d. */
static double upper(const struct draw *w, double x, double mean) {
    double share, end = end_of(w, &share), step = w->deal->step, same = 1e-9 * (w->k + fabs(end));
    if (end - mean <= same)
        return NAN; /* all are equal */
    if (x > end + same)
        return 0;
    if (x >= end - same)
        return share;
    if (x - step / 2 >= mean)
        return fmax(share, saddlepoint(w, x - step / 2));
    struct draw other = *w; /* what is left of 1: at most x, or one step less on a lattice */
    other.sign = -w->sign;
    double other_share, other_end = end_of(&other, &other_share);
    if (-x + step > other_end + same)
        return 1;
    return 1 - fmax(other_share, saddlepoint(&other, -x + step / 2));
}

static double deal_tail(const struct ww_deal *deal, uint32_t without, uint32_t k, double sum, double sign) {
    struct draw w = {.deal = deal, .without = without, .sign = sign, .k = k, .n = deal->n};
    double total = 0;
    if (without != UINT32_MAX) {
        w.n--;
        total = -deal->d[without]; /* all of d sum to 0 */
    }
    if (k == 0 || k >= w.n)
        return NAN;
    w.f = w.k / w.n;
    return upper(&w, sign * (sum - k * deal->mean) / deal->scale, sign * w.k * total / w.n);
}

double ww_deal_upper(const struct ww_deal *deal, uint32_t without, uint32_t k, double sum) {
    return deal_tail(deal, without, k, sum, 1);
}

double ww_deal_lower(const struct ww_deal *deal, uint32_t without, uint32_t k, double sum) {
    return deal_tail(deal, without, k, sum, -1);
}

/* ---- Of places ---- */

/* Is each weight of the row, and the own one when it counts, the same? Writes it. */
static bool is_even(const struct ww_weights *w, uint32_t i, bool with_own, double *weight) {
    uint32_t from = w->start[i], to = w->start[i + 1];
    *weight = from < to ? w->weight[from] : ww_weights_own(w, i);
    for (uint32_t k = from; k < to; k++)
        if (fabs(w->weight[k] - *weight) > 1e-12 * *weight)
            return false;
    return !with_own || fabs(ww_weights_own(w, i) - *weight) <= 1e-12 * *weight;
}

static void p_of_rows(const struct ww_deal *deal, const struct ww_weights *w, bool with_own, const double *z,
                      const double *skewness, enum ww_sides sides, double *p) {
    ww_hotspot_p(z, w->n, sides, p);
    for (uint32_t i = 0; i < w->n; i++) {
        double weight, sum = 0, tail;
        uint32_t k = w->start[i + 1] - w->start[i] + with_own, without = with_own ? UINT32_MAX : i;
        /* two-sided, only the tail on z's own side can be the smaller one */
        bool high = sides == WW_TWO_SIDED ? z[i] > 0 : sides == WW_HOT_SIDE;
        if (!(fabs(z[i]) >= 1.5))
            continue;
        if (is_even(w, i, with_own, &weight)) {
            for (uint32_t j = w->start[i]; j < w->start[i + 1]; j++)
                sum += deal->d[w->index[j]];
            sum = (sum + with_own * deal->d[i]) * deal->scale + k * deal->mean;
            tail = high ? ww_deal_upper(deal, without, k, sum) : ww_deal_lower(deal, without, k, sum);
        } else
            tail = high ? ww_pearson3_upper(z[i], skewness[i]) : ww_pearson3_upper(-z[i], -skewness[i]);
        p[i] = sides == WW_TWO_SIDED ? fmin(1, 2 * tail) : tail;
    }
}

enum ww_status ww_deal_p_gstar(const struct ww_deal *deal, const struct ww_weights *w, enum ww_sides sides,
                               double *p) {
    double *scratch = ww_try_calloc(2 * (size_t)w->n + 1, sizeof *scratch);
    if (!scratch)
        return WW_NO_MEMORY;
    ww_hotspot_gstar(w, deal->d, scratch);
    ww_hotspot_gstar_skewness(w, deal->d, scratch + w->n);
    p_of_rows(deal, w, true, scratch, scratch + w->n, sides, p);
    ww_free(scratch);
    return WW_OK;
}

enum ww_status ww_deal_p_g(const struct ww_deal *deal, const struct ww_weights *w, enum ww_sides sides,
                           double *p) {
    double *scratch = ww_try_calloc(2 * (size_t)w->n + 1, sizeof *scratch);
    if (!scratch)
        return WW_NO_MEMORY;
    ww_hotspot_g(w, deal->d, scratch);
    ww_hotspot_gstar_skewness(w, deal->d,
                              scratch + w->n); /* nearly that of Gi, for rows of uneven weights alone */
    p_of_rows(deal, w, false, scratch, scratch + w->n, sides, p);
    ww_free(scratch);
    return WW_OK;
}

enum ww_status ww_deal_skewness(const struct ww_deal *deal, const struct ww_weights *w, double *largest) {
    double *skewness = ww_try_calloc(w->n ? w->n : 1, sizeof *skewness);
    *largest = 0;
    if (!skewness)
        return WW_NO_MEMORY;
    ww_hotspot_gstar_skewness(w, deal->d, skewness);
    for (uint32_t i = 0; i < w->n; i++)
        *largest = fmax(*largest, fabs(skewness[i])); /* fmax passes NaN over */
    ww_free(skewness);
    return WW_OK;
}
