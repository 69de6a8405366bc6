/* Counts by place and day, and the best window of each chain, kept up to date as events arrive. */
#include "geo/scan/live_state.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the live scan");
}

/* ---- An order in which neighbours stand together ---- */

struct keyed {
    uint64_t key;
    uint32_t index;
};

static int by_key(const void *left, const void *right) {
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The bits of x and y in turn (Morton 1966). */
static uint64_t interleave(uint32_t x, uint32_t y) {
    uint64_t out = 0;
    for (int bit = 0; bit < 16; bit++)
        out |= (uint64_t)(x >> bit & 1) << (2 * bit) | (uint64_t)(y >> bit & 1) << (2 * bit + 1);
    return out;
}

static void key_places(const double (*at)[3], uint32_t n, struct keyed *keyed) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (uint32_t i = 0; at && i < n; i++)
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], at[i][k]);
            high[k] = fmax(high[k], at[i][k]);
        }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t cell[2] = {0, 0};
        for (int k = 0; at && k < 2; k++)
            if (high[k] > low[k])
                cell[k] = (uint32_t)((at[i][k] - low[k]) / (high[k] - low[k]) * 65535);
        keyed[i] = (struct keyed){interleave(cell[0], cell[1]), i};
    }
    qsort(keyed, n, sizeof *keyed, by_key);
}

static bool order_all(struct ww_scan_live *s) {
    const struct ww_scan_zones *zones = s->zones;
    uint32_t most = s->n_places > s->n_chains ? s->n_places : s->n_chains;
    struct keyed *keyed = ww_try_calloc((size_t)most + 1, sizeof *keyed);
    if (!keyed)
        return false;
    key_places(s->config.at, s->n_places, keyed);
    for (uint32_t i = 0; i < s->n_places; i++)
        s->place_at[keyed[i].index] = (uint16_t)i;
    for (uint32_t k = 0; k < s->n_chains; k++)
        keyed[k] = (struct keyed){s->place_at[zones->centre[k]], k};
    qsort(keyed, s->n_chains, sizeof *keyed, by_key);
    uint64_t at = 0;
    for (uint32_t k = 0; k < s->n_chains; k++) {
        uint32_t from = keyed[k].index;
        s->chain_of[k] = from;
        s->eval_from[k] = zones->eval_from[from];
        for (uint64_t i = zones->start[from]; i < zones->start[from + 1]; i++)
            s->step_place[at++] = s->place_at[zones->place[i]];
        s->start[k + 1] = at;
    }
    ww_free(keyed);
    return true;
}

static bool index_holders(struct ww_scan_live *s) {
    uint64_t *fill = ww_try_calloc((size_t)s->n_places + 1, sizeof *fill);
    if (!fill)
        return false;
    for (uint64_t i = 0; i < s->n_steps; i++)
        s->holder_start[s->step_place[i] + 1]++;
    for (uint32_t p = 0; p < s->n_places; p++) {
        s->holder_start[p + 1] += s->holder_start[p];
        fill[p] = s->holder_start[p];
    }
    for (uint32_t k = 0; k < s->n_chains; k++)
        for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++)
            s->holder[fill[s->step_place[i]]++] = k;
    ww_free(fill);
    return true;
}

/* ---- Life ---- */

void ww_scan_live_free(struct ww_scan_live *s) {
    if (!s)
        return;
    ww_free(s->place_at);
    ww_free(s->chain_of);
    ww_free(s->start);
    ww_free(s->eval_from);
    ww_free(s->step_place);
    ww_free(s->holder_start);
    ww_free(s->holder);
    ww_free(s->ring);
    ww_free(s->expected);
    if (s->weight != s->total)
        ww_free(s->weight);
    ww_free(s->total);
    ww_free(s->recent);
    ww_free(s->recent_expected);
    ww_free(s->roughly_expected);
    ww_free(s->best);
    ww_free(s);
}

static bool make_room(struct ww_scan_live *s) {
    size_t places = s->n_places, chains = s->n_chains, steps = (size_t)s->n_steps;
    s->place_at = ww_try_calloc(places, sizeof *s->place_at);
    s->chain_of = ww_try_calloc(chains + 1, sizeof *s->chain_of);
    s->start = ww_try_calloc(chains + 1, sizeof *s->start);
    s->eval_from = ww_try_calloc(chains + 1, sizeof *s->eval_from);
    s->step_place = ww_try_calloc(steps + 1, sizeof *s->step_place);
    s->holder_start = ww_try_calloc(places + 1, sizeof *s->holder_start);
    s->holder = ww_try_calloc(steps + 1, sizeof *s->holder);
    s->ring = ww_try_calloc(places * s->config.n_days, sizeof *s->ring);
    s->total = ww_try_calloc(places, sizeof *s->total);
    s->recent = ww_try_calloc(places, sizeof *s->recent);
    s->best = ww_try_calloc(chains + 1, sizeof *s->best);
    bool expects = s->config.model == WW_SCAN_EXPECTATION;
    if (expects) {
        s->expected = ww_try_calloc(places * s->config.n_durations, sizeof *s->expected);
        s->recent_expected = ww_try_calloc(places * WW_SCAN_LANES, sizeof *s->recent_expected);
        s->roughly_expected = ww_try_calloc(places * WW_SCAN_LANES, sizeof *s->roughly_expected);
    }
    s->weight = s->config.model == WW_SCAN_POISSON ? ww_try_calloc(places, sizeof *s->weight) : s->total;
    return s->place_at && s->chain_of && s->start && s->eval_from && s->step_place && s->holder_start &&
           s->holder && s->ring && s->total && s->weight && s->recent && s->best &&
           (!expects || (s->expected && s->recent_expected && s->roughly_expected));
}

static enum ww_status check(const struct ww_scan_zones *zones, const struct ww_scan_live_config *c,
                            struct ww_error *err) {
    assert(c->model != WW_SCAN_BERNOULLI && (c->weight != NULL) == (c->model == WW_SCAN_POISSON));
    if (zones->n_places < 1 || zones->n_places > UINT16_MAX)
        return ww_error_set(err, WW_TOO_LARGE, "a live scan has from 1 to %d places", UINT16_MAX);
    if (c->n_durations < 1 || c->n_durations > WW_SCAN_LANES || c->n_days < c->n_durations ||
        c->n_days > 4000)
        return ww_error_set(err, WW_BAD_INPUT,
                            "windows of up to %u days in %u days: at most %d in at most 4000", c->n_durations,
                            c->n_days, WW_SCAN_LANES);
    return WW_OK;
}

static bool weigh(struct ww_scan_live *s) {
    for (uint32_t i = 0; i < s->n_places; i++) {
        s->weight[s->place_at[i]] = s->config.weight[i];
        s->weight_sum += s->config.weight[i];
    }
    return s->weight_sum > 0 && s->weight_sum <= UINT32_MAX;
}

enum ww_status ww_scan_live_new(const struct ww_scan_zones *zones, const struct ww_scan_live_config *config,
                                struct ww_scan_live **out, struct ww_error *err) {
    *out = NULL;
    enum ww_status st = check(zones, config, err);
    if (st != WW_OK)
        return st;
    struct ww_scan_live *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return no_memory(err);
    s->zones = zones;
    s->config = *config;
    s->n_places = zones->n_places;
    s->n_chains = zones->n_chains;
    s->n_steps = zones->start[zones->n_chains];
    if (!make_room(s) || !order_all(s) || !index_holders(s)) {
        ww_scan_live_free(s);
        return no_memory(err);
    }
    if (config->weight && !weigh(s)) {
        ww_scan_live_free(s);
        return ww_error_set(err, WW_BAD_INPUT,
                            "the places' populations must sum to more than 0 and less than 2^32");
    }
    s->config.at = NULL; /* the caller's; not needed any more */
    s->config.weight = NULL;
    *out = s;
    return WW_OK;
}

/* ---- The best window of a chain ---- */

/* c ln(c/b) + b - c is the limit of the other ratio for cases without end. */
#define WITHOUT_END 1e15

/* Eight windows at once, as two halves of four. */
typedef uint16_t four16 __attribute__((vector_size(8)));
typedef int32_t four32 __attribute__((vector_size(16)));
typedef float fourf __attribute__((vector_size(16)));

/* What is known of the zone at hand, for windows of 1 … 8 days. */
struct zone {
    four32 count[2];
    double measure[WW_SCAN_LANES];
};

static inline void add_counts(struct zone *z, const uint16_t *recent) {
    const four16 *half = (const four16 *)(const void *)recent;
    z->count[0] += __builtin_convertvector(half[0], four32);
    z->count[1] += __builtin_convertvector(half[1], four32);
}

/* True when a ratio of c cases where m are expected cannot exceed best: both its parts lie below their
 * parabolas, (c-m)²/2 * (1/m + 1/(C-c)). Spares most logarithms. */
static inline bool cannot_exceed(double c, double m, double out, double best) {
    double excess = c - m;
    return excess * excess * (out + m) <= 2 * best * m * out;
}

/* Whether any of the windows might: the same in floats, with a margin for their rounding. */
static inline bool worth_a_look(const struct zone *z, const fourf *measure, float all, double best,
                                int32_t min_cases) {
    typedef int64_t words __attribute__((vector_size(16)));
    float limit = (float)(2 * best * (1 - 1e-3));
    words hit = {0, 0};
    for (int half = 0; half < 2; half++) {
        fourf c = __builtin_convertvector(z->count[half], fourf), m = measure[half], excess = c - m,
              out = all - c;
        hit |= (words)((z->count[half] >= min_cases) & (excess > -0.001f * m) &
                       (excess * excess * (out + m) >= m * out * limit));
    }
    return (hit[0] | hit[1]) != 0;
}

static void look(const struct ww_scan_live *s, const struct ww_scan_totals *all, const struct zone *z,
                 uint32_t length, struct ww_scan_best *best) {
    double out_of = s->expected ? WITHOUT_END : all->cases;
    for (uint32_t d = 0; d < s->config.n_durations; d++) {
        uint32_t n = (uint32_t)z->count[d / 4][d % 4];
        double c = n, m = z->measure[d];
        if (c <= m || m <= 0 || n < s->config.min_cases || cannot_exceed(c, m, out_of - c, best->llr))
            continue;
        double llr = ww_scan_llr(all, c, m);
        if (llr > best->llr)
            *best = (struct ww_scan_best){llr, m, n, length, d + 1};
    }
}

/* Permutation and Poisson. */
static void walk_permutation(struct ww_scan_live *s, uint32_t k) {
    const struct ww_scan_totals all = {s->config.model, (double)s->n_cases, (double)s->n_cases};
    struct ww_scan_best best = {0};
    struct zone z = {0};
    double share[WW_SCAN_LANES] = {0};
    fourf share_f[2] = {{0}, {0}};
    uint64_t weight = 0;
    int32_t min_cases = (int32_t)s->config.min_cases;
    for (uint32_t d = 0; d < s->config.n_durations; d++) {
        share[d] = ww_scan_live_share(s, d);
        share_f[d / 4][d % 4] = (float)share[d];
    }
    for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++) {
        uint16_t place = s->step_place[i];
        uint32_t length = (uint32_t)(i - s->start[k]) + 1;
        weight += s->weight[place];
        add_counts(&z, s->recent[place]);
        fourf measure[2] = {(float)weight * share_f[0], (float)weight * share_f[1]};
        if (length < s->eval_from[k] || !worth_a_look(&z, measure, (float)all.cases, best.llr, min_cases))
            continue;
        for (uint32_t d = 0; d < WW_SCAN_LANES; d++)
            z.measure[d] = (double)weight * share[d];
        look(s, &all, &z, length, &best);
    }
    s->best[k] = best;
    s->steps += s->start[k + 1] - s->start[k];
}

/* Sums what the chain expects up to step `to`, from where it was left. */
static uint64_t sum_exactly(const struct ww_scan_live *s, struct zone *z, uint64_t from, uint64_t to) {
    for (; from <= to; from++) {
        const double *expected = s->recent_expected + (size_t)s->step_place[from] * WW_SCAN_LANES;
        for (uint32_t d = 0; d < WW_SCAN_LANES; d++)
            z->measure[d] += expected[d];
    }
    return from;
}

/* Walks in floats, and sums doubles only where there is something to look at. */
static void walk_expectation(struct ww_scan_live *s, uint32_t k) {
    const struct ww_scan_totals all = {WW_SCAN_EXPECTATION, 0, 0};
    struct ww_scan_best best = {0};
    struct zone z = {0};
    fourf measure[2] = {{0}, {0}};
    int32_t min_cases = (int32_t)s->config.min_cases;
    uint64_t summed = s->start[k];
    for (uint64_t i = s->start[k]; i < s->start[k + 1]; i++) {
        uint16_t place = s->step_place[i];
        uint32_t length = (uint32_t)(i - s->start[k]) + 1;
        const fourf *roughly =
            (const fourf *)(const void *)(s->roughly_expected + (size_t)place * WW_SCAN_LANES);
        add_counts(&z, s->recent[place]);
        measure[0] += roughly[0];
        measure[1] += roughly[1];
        if (length < s->eval_from[k] || !worth_a_look(&z, measure, (float)WITHOUT_END, best.llr, min_cases))
            continue;
        summed = sum_exactly(s, &z, summed, i);
        look(s, &all, &z, length, &best);
    }
    s->best[k] = best;
    s->steps += s->start[k + 1] - s->start[k];
}

static void walk(struct ww_scan_live *s, uint32_t chain) {
    if (s->expected)
        walk_expectation(s, chain);
    else
        walk_permutation(s, chain);
}

void ww_scan_live_refresh(struct ww_scan_live *s) {
    for (uint32_t k = 0; k < s->n_chains; k++)
        walk(s, k);
}

static void walk_holders(struct ww_scan_live *s, uint32_t place) {
    for (uint64_t i = s->holder_start[place]; i < s->holder_start[place + 1]; i++)
        walk(s, s->holder[i]);
}

double ww_scan_live_best(const struct ww_scan_live *s) {
    double best = 0;
    for (uint32_t k = 0; k < s->n_chains; k++)
        best = fmax(best, s->best[k].llr);
    return best;
}

uint64_t ww_scan_live_steps(const struct ww_scan_live *s) {
    return s->steps;
}

/* ---- Events, days, expectations ---- */

static bool counts(const struct ww_scan_live *s, uint32_t place, uint32_t days_ago) {
    return !s->expected || (days_ago<s->config.n_durations && * ww_scan_live_expected(s, place, days_ago)> 0);
}

/* Adds n (may be negative, in the arithmetic of unsigned numbers) to everything that holds the cell. */
static void spread(struct ww_scan_live *s, uint32_t place, uint32_t days_ago, int32_t n) {
    if (!counts(s, place, days_ago))
        return;
    s->n_cases += (uint64_t)(int64_t)n;
    s->total[place] += (uint32_t)n;
    for (uint32_t d = days_ago; d < s->config.n_durations; d++) {
        s->recent[place][d] = (uint16_t)(s->recent[place][d] + n);
        s->n_recent[d] += (uint64_t)(int64_t)n;
    }
}

enum ww_status ww_scan_live_put(struct ww_scan_live *s, uint32_t place, uint32_t days_ago, int32_t n,
                                struct ww_error *err) {
    assert(place < s->n_places);
    uint32_t ours = s->place_at[place], m = s->config.n_durations;
    if (days_ago >= s->config.n_days)
        return ww_error_set(err, WW_NOT_FOUND, "%u days ago: only %u days are remembered", days_ago,
                            s->config.n_days);
    uint32_t *cell = ww_scan_live_cell(s, ours, days_ago);
    int64_t after = (int64_t)*cell + n;
    if (after < 0)
        return ww_error_set(err, WW_BAD_INPUT, "%d cases can't be taken from %u", -n, *cell);
    if (n > 0 && ((days_ago < m && s->n_recent[m - 1] + (uint64_t)n > WW_SCAN_MAX_RECENT) ||
                  s->n_cases + (uint64_t)n > WW_SCAN_MAX_CASES))
        return ww_error_set(err, WW_TOO_LARGE, "more than %d cases within %u days", WW_SCAN_MAX_RECENT, m);
    *cell = (uint32_t)after;
    spread(s, ours, days_ago, n);
    return WW_OK;
}

enum ww_status ww_scan_live_add(struct ww_scan_live *s, uint32_t place, uint32_t days_ago, int32_t n,
                                struct ww_error *err) {
    enum ww_status st = ww_scan_live_put(s, place, days_ago, n, err);
    if (st == WW_OK)
        walk_holders(s, s->place_at[place]);
    return st;
}

static void sum_expected(struct ww_scan_live *s, uint32_t place) {
    double sum = 0;
    for (uint32_t d = 0; d < s->config.n_durations; d++) {
        size_t at = (size_t)place * WW_SCAN_LANES + d;
        s->recent_expected[at] = sum += *ww_scan_live_expected(s, place, d);
        s->roughly_expected[at] = (float)sum;
    }
}

void ww_scan_live_expect(struct ww_scan_live *s, uint32_t place, uint32_t days_ago, double expected) {
    assert(s->expected && place < s->n_places && days_ago < s->config.n_durations && expected >= 0);
    uint32_t ours = s->place_at[place];
    int32_t n = (int32_t)*ww_scan_live_cell(s, ours, days_ago);
    spread(s, ours, days_ago, -n); /* a cell comes in or goes out with its cases */
    *ww_scan_live_expected(s, ours, days_ago) = expected;
    spread(s, ours, days_ago, n);
    sum_expected(s, ours);
}

void ww_scan_live_day(struct ww_scan_live *s, const double *expected) {
    uint32_t m = s->config.n_durations, oldest = s->config.n_days - 1;
    assert((expected != NULL) == (s->expected != NULL));
    for (uint32_t p = 0; p < s->n_places; p++)
        spread(s, p, oldest, -(int32_t)*ww_scan_live_cell(s, p, oldest));
    s->today = (s->today + 1) % s->config.n_days;
    memset(&s->ring[(size_t)s->today * s->n_places], 0, s->n_places * sizeof *s->ring);
    if (s->expected && s->config.n_days > m) /* the day that leaves the windows; else it has left above */
        for (uint32_t p = 0; p < s->n_places; p++) {
            if (*ww_scan_live_expected(s, p, m - 1) > 0) {
                uint32_t n = *ww_scan_live_cell(s, p, m);
                s->n_cases -= n;
                s->total[p] -= n;
            }
        }
    if (s->expected) {
        s->today_expected = (s->today_expected + 1) % m;
        for (uint32_t p = 0; p < s->n_places; p++)
            *ww_scan_live_expected(s, s->place_at[p], 0) = expected[p];
    }
    /* windows shift: count the recent days anew */
    memset(s->recent, 0, s->n_places * sizeof *s->recent);
    memset(s->n_recent, 0, sizeof s->n_recent);
    for (uint32_t p = 0; p < s->n_places; p++) {
        for (uint32_t d = 0; d < m; d++) {
            uint32_t n = counts(s, p, d) ? *ww_scan_live_cell(s, p, d) : 0;
            for (uint32_t to = d; to < m; to++) {
                s->recent[p][to] = (uint16_t)(s->recent[p][to] + n);
                s->n_recent[to] += n;
            }
        }
        if (s->expected)
            sum_expected(s, p);
    }
    ww_scan_live_refresh(s);
}
