/* Conditional permutation with one shared table of random neighbour sets. */
#include "geo/hotspot/permute.h"

#include <math.h>

#include "geo/base/alloc.h"

/* splitmix64 (Steele, Lea and Flood 2014): small, and the same everywhere. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 … below-1. The bias of the multiplication is below `below`/2^32 and no test here could see it. */
static uint32_t random_below(uint64_t *state, uint32_t below) {
    return (uint32_t)((next_random(state) >> 32) * below >> 32);
}

/* `draws` rows of `width` different numbers below `n`: a shuffle's beginning, gone on from where the last row
 * left it, for a shuffled deck is as good a start. */
static bool fill_table(uint32_t *table, uint32_t draws, uint32_t width, uint32_t n, uint64_t seed) {
    uint32_t *deck = ww_try_calloc(n, sizeof *deck);
    if (!deck)
        return false;
    for (uint32_t i = 0; i < n; i++)
        deck[i] = i;
    for (uint32_t d = 0; d < draws; d++)
        for (uint32_t k = 0; k < width; k++) {
            uint32_t other = k + random_below(&seed, n - k), drawn = deck[other];
            deck[other] = deck[k];
            deck[k] = drawn;
            table[(size_t)d * width + k] = drawn;
        }
    ww_free(deck);
    return true;
}

static uint32_t most_neighbours(const struct ww_weights *w) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->start[i + 1] - w->start[i] > most)
            most = w->start[i + 1] - w->start[i];
    return most;
}

static struct ww_permuted permute_place(const struct ww_weights *w, const double *x, uint32_t i,
                                        const uint32_t *table, uint32_t draws, uint32_t width, double level) {
    uint32_t n = w->start[i + 1] - w->start[i], high = 0, low = 0;
    const double *weight = w->weight + w->start[i];
    double seen = 0, size = 0;
    if (n == 0)
        return (struct ww_permuted){NAN, NAN};
    for (uint32_t k = 0; k < n; k++) {
        double part = weight[k] * (x[w->index[w->start[i] + k]] - level);
        seen += part;
        size += fabs(part);
    }
    double same = 1e-12 * size; /* the same values added in another order */
    for (uint32_t d = 0; d < draws; d++) {
        const uint32_t *row = table + (size_t)d * width;
        double sum = 0;
        for (uint32_t k = 0; k < n; k++)
            sum += weight[k] * (x[row[k] + (row[k] >= i)] - level); /* all numbers but i */
        high += sum >= seen - same;
        low += sum <= seen + same;
    }
    return (struct ww_permuted){(high + 1.0) / (draws + 1.0), (low + 1.0) / (draws + 1.0)};
}

enum ww_status ww_hotspot_permute(const struct ww_weights *w, const double *x, const uint32_t *places,
                                  uint32_t n_places, uint32_t draws, uint64_t seed, struct ww_permuted *out,
                                  struct ww_error *err) {
    uint32_t width = most_neighbours(w);
    double level = 0;
    if (draws < 1 || w->n < 2)
        return ww_error_set(err, WW_BAD_INPUT, "permutation needs a draw and two places");
    if ((size_t)draws * width > ((size_t)1 << 30) / sizeof(uint32_t))
        return ww_error_set(err, WW_TOO_LARGE, "%u draws for up to %u neighbours: take fewer of either",
                            draws, width);
    uint32_t *table = ww_try_calloc((size_t)draws * width + 1, sizeof *table);
    if (!table || !fill_table(table, draws, width, w->n - 1, seed)) {
        ww_free(table);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u draws", draws);
    }
    for (uint32_t i = 0; i < w->n; i++)
        level += x[i] / w->n;
    if (!places)
        n_places = w->n;
    for (uint32_t p = 0; p < n_places; p++)
        out[p] = permute_place(w, x, places ? places[p] : p, table, draws, width, level);
    ww_free(table);
    return WW_OK;
}

double ww_permuted_two_sided(struct ww_permuted p) {
    return isnan(p.high) ? NAN : fmin(1, 2 * fmin(p.high, p.low));
}
