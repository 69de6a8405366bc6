/* Rows of weights: from pairs, standardised, cut down to some places. */
#include "geo/hotspot/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/weights_private.h"

struct ww_weights *ww_weights_new(uint32_t n, size_t n_pairs) {
    struct ww_weights *w = ww_try_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->n = n;
    w->start = ww_try_calloc((size_t)n + 1, sizeof *w->start);
    w->index = ww_try_calloc(n_pairs ? n_pairs : 1, sizeof *w->index);
    w->weight = ww_try_calloc(n_pairs ? n_pairs : 1, sizeof *w->weight);
    if (!w->start || !w->index || !w->weight) {
        ww_weights_free(w);
        return NULL;
    }
    return w;
}

void ww_weights_free(struct ww_weights *w) {
    if (!w)
        return;
    ww_free(w->start);
    ww_free(w->index);
    ww_free(w->weight);
    ww_free(w->own);
    ww_free(w);
}

/* ---- From pairs ---- */

struct numbered {
    struct ww_weight_pair pair;
    size_t number;
};

static int by_row(const void *pa, const void *pb) {
    const struct numbered *a = pa, *b = pb;
    if (a->pair.from != b->pair.from)
        return a->pair.from < b->pair.from ? -1 : 1;
    if (a->pair.to != b->pair.to)
        return a->pair.to < b->pair.to ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static enum ww_status refuse(struct ww_error *err, size_t pair, const char *why) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s", why);
    if (err)
        err->offset = pair;
    return WW_BAD_INPUT;
}

static enum ww_status no_memory(struct ww_error *err, size_t n_pairs) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for %zu pairs of neighbours", n_pairs);
}

/* One sorted pair after another. */
static enum ww_status add_pairs(struct ww_weights *w, const struct numbered *sorted, size_t n_pairs,
                                struct ww_error *err) {
    uint32_t kept = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        struct ww_weight_pair p = sorted[i].pair;
        if (i > 0 && sorted[i - 1].pair.from == p.from && sorted[i - 1].pair.to == p.to)
            return refuse(err, sorted[i].number, "a pair of neighbours stands twice");
        if (p.from == p.to) {
            if (!w->own && !(w->own = ww_try_calloc(w->n, sizeof *w->own)))
                return no_memory(err, n_pairs);
            w->own[p.from] = p.weight;
            continue;
        }
        w->start[p.from + 1]++;
        w->index[kept] = p.to;
        w->weight[kept++] = p.weight;
    }
    for (uint32_t i = 0; i < w->n; i++)
        w->start[i + 1] += w->start[i];
    return WW_OK;
}

enum ww_status ww_weights_from_pairs(const struct ww_weight_pair *pairs, size_t n_pairs, uint32_t n,
                                     struct ww_weights **out, struct ww_error *err) {
    if (n_pairs > WW_WEIGHTS_MOST_PAIRS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d pairs of neighbours", WW_WEIGHTS_MOST_PAIRS);
    for (size_t i = 0; i < n_pairs; i++) {
        if (pairs[i].from >= n || pairs[i].to >= n)
            return refuse(err, i, "a neighbour that is no place");
        if (!(pairs[i].weight > 0) || !isfinite(pairs[i].weight))
            return refuse(err, i, "a weight must be above 0");
    }
    struct numbered *sorted = ww_try_calloc(n_pairs ? n_pairs : 1, sizeof *sorted);
    struct ww_weights *w = ww_weights_new(n, n_pairs);
    enum ww_status st = sorted && w ? WW_OK : no_memory(err, n_pairs);
    for (size_t i = 0; i < n_pairs && st == WW_OK; i++)
        sorted[i] = (struct numbered){pairs[i], i};
    if (st == WW_OK) {
        qsort(sorted, n_pairs, sizeof *sorted, by_row);
        st = add_pairs(w, sorted, n_pairs, err);
    }
    ww_free(sorted);
    if (st != WW_OK)
        ww_weights_free(w);
    else
        *out = w;
    return st;
}

/* ---- What is made of them ---- */

void ww_weights_standardise(struct ww_weights *w) {
    for (uint32_t i = 0; i < w->n; i++) {
        double sum = 0;
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++)
            sum += w->weight[k];
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++)
            w->weight[k] /= sum;
        if (w->own && sum > 0)
            w->own[i] /= sum;
    }
}

enum ww_status ww_weights_keep(const struct ww_weights *w, const bool *keep, struct ww_weights **out,
                               struct ww_error *err) {
    uint32_t *number = ww_try_calloc(w->n ? w->n : 1, sizeof *number), n = 0, kept = 0;
    struct ww_weights *less = NULL;
    for (uint32_t i = 0; number && i < w->n; i++)
        number[i] = keep[i] ? n++ : UINT32_MAX;
    if (number)
        less = ww_weights_new(n, w->start[w->n]);
    if (less && w->own)
        less->own = ww_try_calloc(n ? n : 1, sizeof *less->own);
    if (!less || (w->own && !less->own)) {
        ww_free(number);
        ww_weights_free(less);
        return no_memory(err, w->start[w->n]);
    }
    for (uint32_t i = 0; i < w->n; i++) {
        if (!keep[i])
            continue;
        for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++) {
            if (!keep[w->index[k]])
                continue;
            less->index[kept] = number[w->index[k]];
            less->weight[kept++] = w->weight[k];
        }
        less->start[number[i] + 1] = kept;
        if (w->own)
            less->own[number[i]] = w->own[i];
    }
    ww_free(number);
    *out = less;
    return WW_OK;
}

double ww_weights_own(const struct ww_weights *w, uint32_t i) {
    if (w->own && w->own[i] > 0)
        return w->own[i];
    double sum = 0;
    for (uint32_t k = w->start[i]; k < w->start[i + 1]; k++)
        sum += w->weight[k];
    uint32_t n = w->start[i + 1] - w->start[i];
    return n > 0 ? sum / n : 1;
}

double ww_weights_between(const struct ww_weights *w, uint32_t from, uint32_t to) {
    uint32_t low = w->start[from], high = w->start[from + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (w->index[middle] < to)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->start[from + 1] && w->index[low] == to ? w->weight[low] : 0;
}
