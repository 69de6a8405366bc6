/* Replicas of the live scan: two at a time along the chains, climbing a ladder of thresholds.
 *
 * Permutation: given its margins, the dates of the recent cases stay and their places are a sample without
 * replacement of the places of all cases; so only the recent cases are drawn, by the first steps of a shuffle
 * that is taken back afterwards. Expectation: the number of cases is Poisson with everything that is expected
 * as mean, each falls on a place and a day in proportion to what is expected there. Poisson: of all cases the
 * recent ones are a binomial number, each falls on a place by its population and on any day.
 *
 * Expectations that were learned from B days: what a place really expects is then a gamma number around that,
 * and its cases within a window of W days a negative binomial one. Such a number is a Poisson number of
 * bunches, each of a logarithmic number of cases (Quenouille 1949): as quick to draw as plain cases.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/ladder.h"
#include "geo/scan/run.h"
#include "geo/scan/walk.h"

enum { PAIR = 2, WIDTH = PAIR * WW_SCAN_LANES, EXACT_MAXIMA = 10, MOST_EXPECTED = 30000 };

struct ww_scan_judge {
    const struct ww_scan_live *live; /* only what never changes there */
    struct ww_scan_rules rules;
    struct ww_scan_ladder ladder;
    struct ww_scan_cluster *clusters;
    uint32_t n_clusters;
    uint32_t *cluster_rung; /* [n_clusters] */
    uint32_t *total;        /* copies of weights, for exact ratios */
    double *recent_expected;
    uint64_t n_recent[WW_SCAN_LANES];
    double share[WW_SCAN_LANES]; /* of ww_scan_live_share */
    double recent_share;         /* Poisson: of all days, those of the longest window */
    double bunches, again;       /* learned: bunches a case, and q of their sizes; 0: each case is its own */
    double day_share[WW_SCAN_LANES]; /* learned: summed shares of the days so long ago */

    uint16_t *case_place; /* permutation: [C] */
    uint32_t *swapped;    /* [recent cases] */
    struct ww_scan_alias alias;

    uint16_t *count_memory, *count; /* [n_places][WIDTH], aligned for the widest registers … */
    uint16_t *sum;                  /* [WIDTH] … and behind it, of the chain at hand */
    uint16_t days[WW_SCAN_LANES][WW_SCAN_LANES]
        __attribute__((aligned(16))); /* what a case so long ago adds */
    bool drawn;                       /* a pair is under way */
    uint32_t chain;                   /* next of it */
    uint32_t climbed[PAIR];           /* rungs reached */
    bool done[PAIR];
    uint16_t *reached; /* [replicas] rungs that each reached */
    uint32_t n_done, n_reached;
    bool stopped;
    uint64_t n_zones;
};

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the replicas of the scan");
}

void ww_scan_judge_free(struct ww_scan_judge *j) {
    if (!j)
        return;
    ww_scan_ladder_clear(&j->ladder);
    ww_scan_alias_clear(&j->alias);
    ww_free(j->clusters);
    ww_free(j->cluster_rung);
    ww_free(j->total);
    ww_free(j->recent_expected);
    ww_free(j->case_place);
    ww_free(j->swapped);
    ww_free(j->count_memory);
    ww_free(j->reached);
    ww_free(j);
}

/* ---- What is judged ---- */

static enum ww_status select_clusters(struct ww_scan_judge *j, struct ww_error *err) {
    const struct ww_scan_live *s = j->live;
    uint32_t m = s->config.n_durations;
    struct ww_scan_cluster *best = ww_try_calloc((size_t)s->n_chains + 1, sizeof *best);
    bool *taken = ww_try_calloc((size_t)s->n_places + 1, sizeof *taken);
    j->clusters = ww_try_calloc((size_t)j->rules.max_clusters + 1, sizeof *j->clusters);
    bool good = best && taken && j->clusters;
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->n_chains && good; k++) {
        const struct ww_scan_best *b = &s->best[k];
        uint32_t length = (uint32_t)(s->start[k + 1] - s->start[k]);
        j->n_zones += length >= s->eval_from[k] ? length - s->eval_from[k] + 1 : 0;
        if (b->llr > 0)
            best[n++] = (struct ww_scan_cluster){.chain = s->chain_of[k],
                                                 .length = b->length,
                                                 .time_from = m - b->duration,
                                                 .time_end = m,
                                                 .cases = b->cases,
                                                 .measure = b->measure,
                                                 .llr = b->llr};
    }
    if (good)
        qsort(best, n, sizeof *best, ww_scan_best_first);
    struct ww_scan_totals totals = ww_scan_live_totals(s);
    for (uint32_t k = 0; k < n && good && j->n_clusters < j->rules.max_clusters; k++)
        if (!ww_scan_touches(s->zones, &best[k], taken)) {
            j->clusters[j->n_clusters] = best[k];
            ww_scan_take(s->zones, &totals, &j->clusters[j->n_clusters++], taken);
        }
    ww_free(best);
    ww_free(taken);
    return good ? WW_OK : no_memory(err);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* A quarter apart from 1 to beyond the best, at most to 40, and the clusters themselves. */
static enum ww_status make_ladder(struct ww_scan_judge *j, struct ww_error *err) {
    double top = j->n_clusters > 0 ? fmin(j->clusters[0].llr + 5, 40) : 1;
    uint32_t n_grid = (uint32_t)((top - 1) * 4 + 1), n = 0;
    double *rung = ww_try_calloc((size_t)n_grid + j->n_clusters + 1, sizeof *rung);
    j->cluster_rung = ww_try_calloc((size_t)j->n_clusters + 1, sizeof *j->cluster_rung);
    if (!rung || !j->cluster_rung) {
        ww_free(rung);
        return no_memory(err);
    }
    for (uint32_t i = 0; i < n_grid; i++)
        rung[n++] = 1 + i * 0.25;
    for (uint32_t k = 0; k < j->n_clusters; k++)
        rung[n++] = j->clusters[k].llr;
    qsort(rung, n, sizeof *rung, by_value);
    for (uint32_t k = 0; k < j->n_clusters; k++)
        while (rung[j->cluster_rung[k]] < j->clusters[k].llr)
            j->cluster_rung[k]++;
    uint32_t least = j->live->config.min_cases;
    return ww_scan_ladder_init(&j->ladder, j->live, rung, n, least > 0 ? least : 1, err);
}

static enum ww_status copy_state(struct ww_scan_judge *j, struct ww_error *err) {
    const struct ww_scan_live *s = j->live;
    size_t n = s->n_places;
    memcpy(j->n_recent, s->n_recent, sizeof j->n_recent);
    for (uint32_t d = 0; d < s->config.n_durations; d++)
        j->share[d] = ww_scan_live_share(s, d);
    j->total = ww_try_malloc(n * sizeof *j->total);
    if (!j->total)
        return no_memory(err);
    memcpy(j->total, s->weight, n * sizeof *j->total);
    if (s->expected) {
        j->recent_expected = ww_try_malloc(n * WW_SCAN_LANES * sizeof *j->recent_expected);
        if (!j->recent_expected)
            return no_memory(err);
        memcpy(j->recent_expected, s->recent_expected, n * WW_SCAN_LANES * sizeof *j->recent_expected);
    }
    return WW_OK;
}

static enum ww_status prepare_poisson(struct ww_scan_judge *j, struct ww_error *err) {
    const struct ww_scan_live *s = j->live;
    j->recent_share = (double)s->config.n_durations / s->config.n_days;
    if (j->ladder.totals.cases * j->recent_share > MOST_EXPECTED)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d cases are expected within %u days",
                            MOST_EXPECTED, s->config.n_durations);
    double *weight = ww_try_calloc(s->n_places, sizeof *weight);
    if (!weight)
        return no_memory(err);
    for (uint32_t p = 0; p < s->n_places; p++)
        weight[p] = s->weight[p];
    enum ww_status st = ww_scan_alias_init(&j->alias, weight, s->n_places, err);
    ww_free(weight);
    return st;
}

static void prepare_bunches(struct ww_scan_judge *j) {
    const struct ww_scan_live *s = j->live;
    uint32_t m = s->config.n_durations;
    double odds = m / s->config.learned_days, all = 0; /* W / B */
    j->again = odds / (1 + odds);
    j->bunches = log1p(odds) / odds;
    for (uint32_t d = 0; d < m; d++) {
        for (uint32_t p = 0; p < s->n_places; p++)
            all += *ww_scan_live_expected(s, p, d);
        j->day_share[d] = all;
    }
    for (uint32_t d = 0; d < m; d++)
        j->day_share[d] = all > 0 ? j->day_share[d] / all : 1;
}

static enum ww_status prepare_draws(struct ww_scan_judge *j, struct ww_error *err) {
    const struct ww_scan_live *s = j->live;
    uint32_t m = s->config.n_durations;
    if (s->config.model == WW_SCAN_PERMUTATION) {
        j->case_place = ww_try_malloc((size_t)s->n_cases * sizeof *j->case_place + 1);
        j->swapped = ww_try_malloc((size_t)s->n_recent[m - 1] * sizeof *j->swapped + 1);
        if (!j->case_place || !j->swapped)
            return no_memory(err);
        size_t at = 0;
        for (uint32_t p = 0; p < s->n_places; p++)
            for (uint32_t n = s->total[p]; n > 0; n--)
                j->case_place[at++] = (uint16_t)p;
        assert(at == s->n_cases);
        return WW_OK;
    }
    if (s->config.model == WW_SCAN_POISSON)
        return prepare_poisson(j, err);
    if (j->ladder.totals.measure > MOST_EXPECTED)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d cases are expected within %u days",
                            MOST_EXPECTED, m);
    if (s->config.learned_days > 0)
        prepare_bunches(j);
    double *weight = ww_try_calloc((size_t)s->n_places * m, sizeof *weight);
    if (!weight)
        return no_memory(err);
    for (uint32_t p = 0; p < s->n_places; p++)
        for (uint32_t d = 0; d < m; d++)
            weight[(size_t)p * m + d] = *ww_scan_live_expected(s, p, d);
    enum ww_status st = WW_OK;
    if (j->ladder.totals.measure > 0)
        st = ww_scan_alias_init(&j->alias, weight, s->n_places * m, err);
    ww_free(weight);
    return st;
}

enum ww_status ww_scan_judge_new(struct ww_scan_live *live, const struct ww_scan_rules *rules,
                                 struct ww_scan_judge **out, struct ww_error *err) {
    struct ww_scan_judge *j = ww_try_calloc(1, sizeof *j);
    *out = NULL;
    if (!j)
        return no_memory(err);
    j->live = live;
    j->rules = *rules;
    ww_scan_live_refresh(live);
    enum ww_status st = rules->replicas <= WW_SCAN_MAX_REPLICAS
                            ? select_clusters(j, err)
                            : ww_error_set(err, WW_TOO_LARGE, "more than %u replicas", WW_SCAN_MAX_REPLICAS);
    if (st == WW_OK)
        st = make_ladder(j, err);
    if (st == WW_OK)
        st = copy_state(j, err);
    if (st == WW_OK)
        st = prepare_draws(j, err);
    if (st == WW_OK) {
        size_t bytes = ((size_t)live->n_places + 1) * WIDTH * sizeof *j->count;
        j->count_memory = ww_try_malloc(bytes + 32);
        j->reached = ww_try_calloc((size_t)rules->replicas + 2, sizeof *j->reached);
        if (!j->count_memory || !j->reached)
            st = no_memory(err);
        else
            j->count = (uint16_t *)(((uintptr_t)j->count_memory + 31) & ~(uintptr_t)31);
        j->sum = j->count + (size_t)live->n_places * WIDTH;
    }
    for (uint32_t ago = 0; ago < WW_SCAN_LANES; ago++)
        for (uint32_t d = ago; d < live->config.n_durations; d++)
            j->days[ago][d] = 1;
    if (st != WW_OK) {
        ww_scan_judge_free(j);
        j = NULL;
    }
    *out = j;
    return st;
}

/* ---- Drawing ---- */

static inline void add_case(struct ww_scan_judge *j, uint32_t half, uint32_t place, uint32_t days_ago) {
    typedef uint16_t lanes __attribute__((vector_size(16)));
    lanes *at = (lanes *)(void *)(j->count + (size_t)place * WIDTH + half * WW_SCAN_LANES);
    *at += *(const lanes *)(const void *)j->days[days_ago];
}

static void draw_permutation(struct ww_scan_judge *j, uint32_t half, struct ww_random *rng) {
    uint32_t n = 0, all = (uint32_t)j->ladder.totals.cases;
    for (uint32_t ago = 0; ago < j->ladder.n_durations; ago++)
        for (; n < j->n_recent[ago]; n++) { /* n_recent holds the days before too */
            uint32_t other = n + ww_random_below(rng, all - n);
            uint16_t place = j->case_place[other];
            j->case_place[other] = j->case_place[n];
            j->case_place[n] = place;
            j->swapped[n] = other;
            add_case(j, half, place, ago);
        }
    while (n-- > 0) {
        uint16_t place = j->case_place[n];
        j->case_place[n] = j->case_place[j->swapped[n]];
        j->case_place[j->swapped[n]] = place;
    }
}

/* 1, 2, … with chances that go by q^k / k. */
static uint32_t draw_logarithmic(struct ww_random *rng, double q) {
    double u = ww_random_unit(rng), p = -q / log1p(-q);
    uint32_t k = 1;
    for (; u >= p && k < 1000; k++) {
        u -= p;
        p *= q * k / (k + 1);
    }
    return k;
}

static void draw_bunches(struct ww_scan_judge *j, uint32_t half, struct ww_random *rng) {
    uint64_t n = j->alias.n > 0 ? ww_random_poisson(rng, j->ladder.totals.measure * j->bunches) : 0;
    uint64_t room = WW_SCAN_MAX_RECENT;
    for (; n > 0 && room > 0; n--) {
        uint32_t cell = ww_scan_alias_draw(&j->alias, rng), ago = cell % j->ladder.n_durations;
        for (uint32_t k = draw_logarithmic(rng, j->again); k > 0 && room > 0; k--, room--) {
            add_case(j, half, cell / j->ladder.n_durations, ago);
            double u = ww_random_unit(rng);
            for (ago = 0; ago + 1 < j->ladder.n_durations && u >= j->day_share[ago];)
                ago++;
        }
    }
}

static void draw_expectation(struct ww_scan_judge *j, uint32_t half, struct ww_random *rng) {
    if (j->again > 0) {
        draw_bunches(j, half, rng);
        return;
    }

    uint64_t n = j->alias.n > 0 ? ww_random_poisson(rng, j->ladder.totals.measure) : 0;
    for (n = n < WW_SCAN_MAX_RECENT ? n : WW_SCAN_MAX_RECENT; n > 0; n--) {
        uint32_t cell = ww_scan_alias_draw(&j->alias, rng);
        add_case(j, half, cell / j->ladder.n_durations, cell % j->ladder.n_durations);
    }
}

/* How many of n tries succeed: from one success to the next the failures are geometric. */
static uint32_t draw_binomial(struct ww_random *rng, double n, double p) {
    if (p >= 1)
        return (uint32_t)n;
    double scale = 1 / log1p(-p);
    uint32_t hits = 0;
    for (double at = 0;; hits++) {
        at += floor(log(1 - ww_random_unit(rng)) * scale) + 1;
        if (at > n)
            return hits;
    }
}

static void draw_poisson(struct ww_scan_judge *j, uint32_t half, struct ww_random *rng) {
    uint32_t n = draw_binomial(rng, j->ladder.totals.cases, j->recent_share);
    for (n = n < WW_SCAN_MAX_RECENT ? n : WW_SCAN_MAX_RECENT; n > 0; n--) {
        uint32_t place = ww_scan_alias_draw(&j->alias, rng);
        add_case(j, half, place, ww_random_below(rng, j->ladder.n_durations));
    }
}

static void draw_pair(struct ww_scan_judge *j) {
    memset(j->count, 0, (size_t)j->live->n_places * WIDTH * sizeof *j->count);
    for (uint32_t half = 0; half < PAIR; half++) {
        struct ww_random rng = ww_random_of(j->rules.seed, j->n_done + half);
        if (j->ladder.totals.model == WW_SCAN_PERMUTATION)
            draw_permutation(j, half, &rng);
        else if (j->ladder.totals.model == WW_SCAN_POISSON)
            draw_poisson(j, half, &rng);
        else
            draw_expectation(j, half, &rng);
        j->climbed[half] = 0;
        j->done[half] = j->n_done + half >= j->rules.replicas;
    }
    j->chain = 0;
    j->drawn = true;
}

/* ---- Climbing ---- */

/* What a zone expects in the last d+1 days, summed along its chain. */
static double measure_at(const struct ww_scan_judge *j, uint32_t chain, uint64_t step, uint32_t d) {
    const struct ww_scan_live *s = j->live;
    if (j->ladder.exact)
        return j->ladder.least[j->ladder.row[step]][d];
    double sum = 0;
    for (uint64_t i = s->start[chain]; i <= step; i++)
        sum += j->recent_expected ? j->recent_expected[(size_t)s->step_place[i] * WW_SCAN_LANES + d]
                                  : (double)j->total[s->step_place[i]];
    return j->recent_expected ? sum : sum * j->share[d];
}

static void climb(struct ww_scan_judge *j, uint32_t half, uint32_t chain, uint64_t step) {
    const struct ww_scan_ladder *l = &j->ladder;
    for (uint32_t d = 0; d < l->n_durations; d++) {
        uint16_t c = j->sum[half * WW_SCAN_LANES + d];
        if (c < ww_scan_ladder_table(l, j->climbed[half])[(size_t)l->row[step] * WW_SCAN_LANES + d])
            continue;
        double llr = ww_scan_llr(&l->totals, c, measure_at(j, chain, step, d));
        while (j->climbed[half] < l->n_rungs && ww_scan_reaches(llr, l->rung[j->climbed[half]]))
            j->climbed[half]++;
    }
    if (j->n_clusters > 0 && j->climbed[half] > j->cluster_rung[0] && j->n_reached >= EXACT_MAXIMA)
        j->done[half] = true; /* it has beaten them all: how far does not matter any more */
}

static void add_step(struct ww_scan_judge *j, uint64_t step) {
    const uint16_t *count = j->count + (size_t)j->live->step_place[step] * WIDTH;
    for (uint32_t i = 0; i < WIDTH; i++)
        j->sum[i] = (uint16_t)(j->sum[i] + count[i]);
}

static void aim(const struct ww_scan_judge *j, struct ww_scan_walk *walk) {
    for (uint32_t half = 0; half < PAIR; half++)
        walk->threshold[half] =
            ww_scan_ladder_table(&j->ladder, j->done[half] ? j->ladder.n_rungs : j->climbed[half]);
}

static void walk_chain(struct ww_scan_judge *j, uint32_t chain) {
    const struct ww_scan_live *s = j->live;
    uint64_t i = s->start[chain], end = s->start[chain + 1], judged = i + s->eval_from[chain] - 1;
    struct ww_scan_walk walk = {.place = s->step_place, .row = j->ladder.row, .count = j->count};
    memset(j->sum, 0, WIDTH * sizeof *j->sum);
    for (; i < judged && i < end; i++)
        add_step(j, i);
    aim(j, &walk);
    for (; (i = ww_scan_walk(&walk, i, end, j->sum)) < end; i++) {
        for (uint32_t half = 0; half < PAIR; half++)
            if (!j->done[half])
                climb(j, half, chain, i);
        aim(j, &walk);
    }
}

/* In the order of replicas, so that a stop does not depend on pairs. */
static void book_pair(struct ww_scan_judge *j) {
    for (uint32_t half = 0; half < PAIR && j->n_done < j->rules.replicas && !j->stopped; half++) {
        j->reached[j->n_done++] = (uint16_t)j->climbed[half];
        j->n_reached += j->n_clusters > 0 && j->climbed[half] > j->cluster_rung[0];
        j->stopped = j->rules.stop_after > 0 && j->n_reached >= j->rules.stop_after;
    }
    j->drawn = false;
}

bool ww_scan_judge_step(struct ww_scan_judge *j, uint64_t steps) {
    const struct ww_scan_live *s = j->live;
    uint64_t walked = 0;
    while (walked < steps && !j->stopped && j->n_done < j->rules.replicas) {
        if (!j->drawn) {
            draw_pair(j);
            walked += s->n_places;
        }
        while (j->chain < s->n_chains && walked < steps && !(j->done[0] && j->done[1])) {
            walk_chain(j, j->chain);
            walked += PAIR * (s->start[j->chain + 1] - s->start[j->chain]);
            j->chain++;
        }
        if (j->chain == s->n_chains || (j->done[0] && j->done[1]))
            book_pair(j);
    }
    return j->stopped || j->n_done == j->rules.replicas;
}

/* ---- What it says ---- */

/* A replica's maximum, known to the rungs it stands between. */
static double maximum_of(const struct ww_scan_judge *j, uint32_t climbed) {
    const double *rung = j->ladder.rung;
    uint32_t n = j->ladder.n_rungs;
    if (climbed == 0)
        return rung[0] - 0.125;
    return climbed < n ? (rung[climbed - 1] + rung[climbed]) / 2 : rung[n - 1] + 0.125;
}

void ww_scan_judge_result(struct ww_scan_judge *j, struct ww_scan_result *out) {
    *out = (struct ww_scan_result){.clusters = j->clusters,
                                   .n_clusters = j->n_clusters,
                                   .replicas = j->n_done,
                                   .totals = j->ladder.totals,
                                   .n_zones = j->n_zones,
                                   .n_windows = j->n_zones * j->ladder.n_durations};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < j->n_done; i++)
        sum += maximum_of(j, j->reached[i]);
    double mean = j->n_done > 0 ? sum / j->n_done : NAN;
    for (uint32_t i = 0; i < j->n_done; i++)
        squares += (maximum_of(j, j->reached[i]) - mean) * (maximum_of(j, j->reached[i]) - mean);
    double sd = j->n_done > 1 ? sqrt(squares / (j->n_done - 1)) : NAN;
    bool whole = j->n_reached < EXACT_MAXIMA; /* no maximum was cut off */
    out->null_mean = whole ? mean : NAN;
    out->null_sd = whole ? sd : NAN;
    for (uint32_t k = 0; k < j->n_clusters; k++) {
        struct ww_scan_cluster *c = &j->clusters[k];
        c->reached = 0;
        for (uint32_t i = 0; i < j->n_done; i++)
            c->reached += j->reached[i] > j->cluster_rung[k];
        ww_scan_infer(c, &j->rules, j->n_done, j->stopped, out->null_mean, out->null_sd);
    }
}
