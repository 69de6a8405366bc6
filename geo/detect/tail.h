/* How surprising is this? A series' own past answers.
 *
 * Real residuals are neither normal nor independent, so a threshold from a textbook gives another number of
 * false alarms than it promises. A `ww_tail` learns, in three floats, the upper tail of one statistic y >= 0
 * from the series itself: the value that one reading in twenty exceeds, the one that one in two hundred
 * exceeds, and the mean excess beta above that. In between -log10 P is a straight line; beyond, the tail is
 * exponential with a rate that is itself known from the past only, which makes the forecast a Lomax (Pareto
 * II) distribution:
 *
 *     P(Y > rare + e) = 0.005 (1 + e / (k beta))^-k       -> 0.005 exp(-e / beta) as k grows
 *
 * k, the caller's, counts the excesses that taught beta: a young series can't claim that something happens
 * once in ten years. For sums (CUSUM, counts of a binomial in -log10 p) an exponential tail is the asymptotic
 * form; for a residual z use y = ln(1 + z), which makes it a power law: series that are often wild must be
 * wilder to surprise.
 *
 * An excess counts at most twice beta (and the mean is corrected for that), so that events teach little, and
 * callers leave out what they hold for an event. Before there is a past, the tail is the one given at the
 * start, which counts as much as 400 readings. Pure: no clock; the same steps give the same tail.
 */
#ifndef WW_GEO_DETECT_TAIL_H
#define WW_GEO_DETECT_TAIL_H

#include <stdint.h>

#define WW_TAIL_P    0.05 /* lies above `usual` */
#define WW_TAIL_RARE 0.005

struct ww_tail {
    float usual, rare;
    float beta;
};

/* One that exceeds `usual` in 5 %, exponential beyond. */
struct ww_tail ww_tail_of(double usual, double beta);
/* An excess teaches at most twice beta: what the mean loses by it, 1 - e^-2 stays, is made good, or events
 * that are one in seven of the rare readings would raise beta, and with it their own clip, for ever. At two,
 * a third may be events.
 *
 * How much one reading teaches after n others: 1 / (400 + n), at most 20,000 of them count. */
static inline double ww_tail_part(uint32_t n) {
    return 1.0 / (400 + (n < 20000 ? n : 20000));
}
/* Learns y. Robbins and Monro: the best step for a quantile is 1/(n f), and an exponential tail has f =
 * P/beta. */
static inline void ww_tail_learn(struct ww_tail *tail, double y, double part) {
    double beta = (double)tail->beta, rare = (double)tail->rare, usual = (double)tail->usual;
    const double most = 2, clipped_mean = 0.8646647167633873;
    usual += beta * part * (y > usual ? 1 / WW_TAIL_P - 1 : -1);
    double step = beta * part;
    if (y > rare) {
        double excess = y - rare < most * beta ? y - rare : most * beta;
        beta += (excess / clipped_mean - beta) / (WW_TAIL_RARE / part + 1);
        rare += step * (1 / WW_TAIL_RARE - 1);
    } else {
        rare -= step;
    }
    tail->usual = (float)(usual > 0.05 ? usual : 0.05);
    tail->rare = (float)(rare > (double)tail->usual + 0.05 ? rare : (double)tail->usual + 0.05);
    tail->beta = (float)(beta > 0.02 ? beta : 0.02);
}
/* `n` = readings that the series had before this one. */
static inline void ww_tail_step(struct ww_tail *tail, double y, uint32_t n) {
    ww_tail_learn(tail, y, ww_tail_part(n));
}
double ww_tail_far_surprise(const struct ww_tail *tail, double y, double k);
/* -log10 P(Y > y): 2 = once in a hundred readings. */
static inline double ww_tail_surprise(const struct ww_tail *tail, double y, double k) {
    if (y > (double)tail->rare)
        return ww_tail_far_surprise(tail, y, k);
    const double at_usual = 1.3010299956639813; /* -log10 of 0.05; 0.005 is one further */
    if (y > (double)tail->usual)
        return at_usual + (y - (double)tail->usual) / (double)(tail->rare - tail->usual);
    return y > 0 ? at_usual * y / (double)tail->usual : 0;
}
/* The y whose surprise is that. */
double ww_tail_value(const struct ww_tail *tail, double surprise, double k);

/* -log10 P(Binomial(n, p) >= r): the event discriminator of CANARY, turned to the tail that matters. r = 0
 * gives 0, as P = 1. n <= 64. */
double ww_binomial_surprise(int n, int r, double p);

/* The mean number of readings between false alarms of a two-sided CUSUM with reference k and threshold h on
 * independent standard normal residuals: Siegmund's formula with b = h + 1.166. The table from which a
 * threshold starts before the series has a past. */
double ww_cusum_arl(double k, double h);
/* The h that gives that mean run length, at least 0. */
double ww_cusum_threshold(double k, double arl);

#endif
