/* Neighbours by distance: the k nearest, or all within a band. */
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/weights_private.h"

static int by_index(const void *pa, const void *pb) {
    const struct ww_near_hit *a = pa, *b = pb;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Appends a row from hits, the place itself left out; `w` must have room. */
static void add_row(struct ww_weights *w, uint32_t of, struct ww_near_hit *hits, uint32_t n, uint32_t most) {
    uint32_t at = w->start[of], kept = 0;
    for (uint32_t i = 0; i < n && kept < most; i++)
        if (hits[i].index != of)
            hits[kept++] = hits[i];
    qsort(hits, kept, sizeof *hits, by_index);
    for (uint32_t i = 0; i < kept; i++) {
        w->index[at + i] = hits[i].index;
        w->weight[at + i] = 1;
    }
    w->start[of + 1] = at + kept;
}

enum ww_status ww_weights_nearest(const double (*at)[2], uint32_t n, uint32_t k, double radius_m,
                                  struct ww_weights **out, struct ww_error *err) {
    if (k < 1 || k >= n)
        return ww_error_set(err, WW_BAD_INPUT, "%u nearest neighbours of %u places: must be from 1 to %u", k,
                            n, n > 0 ? n - 1 : 0);
    if ((size_t)n * k > WW_WEIGHTS_MOST_PAIRS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d pairs of neighbours", WW_WEIGHTS_MOST_PAIRS);
    struct ww_near *near = ww_near_new(at, n, radius_m);
    /* one more than k: the place itself, unless more than k others lie at its very place */
    struct ww_near_hit *hits = ww_try_calloc((size_t)k + 1, sizeof *hits);
    struct ww_weights *w = ww_weights_new(n, (size_t)n * k);
    enum ww_status st = WW_OK;
    if (!near || !hits || !w)
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for %u neighbours of %u places", k, n);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        add_row(w, i, hits, ww_near_nearest(near, at[i], k + 1, hits), k);
    ww_near_free(near);
    ww_free(hits);
    if (st != WW_OK)
        ww_weights_free(w);
    else
        *out = w;
    return st;
}

enum ww_status ww_weights_by_distance(const double (*at)[2], uint32_t n, double metres, double radius_m,
                                      struct ww_weights **out, struct ww_error *err) {
    if (!(metres > 0))
        return ww_error_set(err, WW_BAD_INPUT, "the distance must be above 0");
    struct ww_near *near = ww_near_new(at, n, radius_m);
    struct ww_near_hit *hits = ww_try_calloc(n ? n : 1, sizeof *hits);
    struct ww_weights *w = NULL;
    enum ww_status st = WW_OK;
    size_t n_pairs = 0;
    metres *= 1 + 1e-9;
    if (!near || !hits)
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for %u places", n);
    for (uint32_t i = 0; i < n && st == WW_OK && n_pairs <= WW_WEIGHTS_MOST_PAIRS; i++)
        n_pairs += ww_near_within(near, at[i], metres, hits, 0) - 1;
    if (st == WW_OK && n_pairs > WW_WEIGHTS_MOST_PAIRS)
        st = ww_error_set(err, WW_TOO_LARGE, "more than %d pairs of neighbours: take a shorter distance",
                          WW_WEIGHTS_MOST_PAIRS);
    if (st == WW_OK && !(w = ww_weights_new(n, n_pairs)))
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for %zu pairs of neighbours", n_pairs);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        add_row(w, i, hits, ww_near_within(near, at[i], metres, hits, n), n);
    ww_near_free(near);
    ww_free(hits);
    if (st != WW_OK)
        ww_weights_free(w);
    else
        *out = w;
    return st;
}
