/* From probabilities to what a person does next: one place, a stretch, and where to take the next sample. */
#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/trace/source_private.h"

struct view {
    const struct ww_net *net;
    const struct ww_source_candidate *candidate;
    uint32_t n, saw;
};
static struct view view_of(const struct ww_source *s) {
    struct view v = {s->net, s->candidate, s->n, 0};
    for (uint32_t k = 0; k < s->n_sensors; k++)
        v.saw += source_saw(s, k);
    return v;
}

/* Places for the next sample that are compared: each asks all reaches and candidates. */
enum { MOST_SAMPLES = 200 };

struct ranked {
    double probability;
    uint32_t candidate;
};

static int more_probable(const void *pa, const void *pb) {
    const struct ranked *a = pa, *b = pb;
    if (a->probability != b->probability)
        return a->probability > b->probability ? -1 : 1;
    return a->candidate < b->candidate ? -1 : a->candidate > b->candidate;
}

/* How much lies above a spot, itself included. */
static double probability_above(const struct view *v, const double *probability, struct ww_spot spot,
                                struct ww_passage *above) {
    double sum = 0;
    ww_net_above(v->net, spot, above);
    for (uint32_t c = 0; c < v->n; c++)
        if (ww_net_passage(v->net, spot, above, v->candidate[c].at).share > 0)
            sum += probability[c];
    return sum;
}

/* The same place, or the next piece of its reach. */
static bool is_beside(const struct view *v, uint32_t a, uint32_t b) {
    const struct ww_source_candidate *x = &v->candidate[a], *y = &v->candidate[b];
    return a == b || (x->at.reach == y->at.reach &&
                      fabs(x->at.at_m - y->at.at_m) <= fmax(x->length_m, y->length_m) * 1.01);
}

/* Sensors whose event is the best candidate's. */
static uint32_t saw_it(const struct ww_source *s, uint32_t best) {
    struct ww_source_fit fit = ww_source_fit(s, best);
    uint32_t saw = 0;
    for (uint32_t k = 0; k < s->n_sensors; k++)
        saw += source_saw(s, k) && ww_source_reason(s, best, &fit, k).llr > 0;
    return saw;
}

enum ww_status ww_source_summary(const struct ww_source *source, const double *probability,
                                 struct ww_source_summary *out) {
    struct view v = view_of(source);
    struct ranked *order = ww_try_calloc(v.n + (size_t)1, sizeof *order);
    struct ww_passage *above = ww_try_calloc(ww_net_count(v.net) + (size_t)1, sizeof *above);
    *out = (struct ww_source_summary){.saw = v.saw};
    if (!order || !above || v.n == 0) {
        ww_free(order);
        ww_free(above);
        return v.n == 0 ? WW_OK : WW_NO_MEMORY;
    }
    for (uint32_t c = 0; c < v.n; c++)
        order[c] = (struct ranked){probability[c], c};
    qsort(order, v.n, sizeof *order, more_probable);
    out->best = order[0].candidate;
    double held = 0, beside = 0, nearest_half = 2;
    for (uint32_t i = 0; i < v.n; i++)
        beside += is_beside(&v, out->best, i) ? probability[i] : 0;
    for (uint32_t i = 0; i < v.n && held < 0.9; i++) {
        held += order[i].probability;
        out->n_stretch++;
        out->stretch_m += v.candidate[order[i].candidate].length_m;
    }
    for (uint32_t i = 0; i < out->n_stretch; i += out->n_stretch / MOST_SAMPLES + 1) {
        struct ww_spot spot = v.candidate[order[i].candidate].at;
        double p = probability_above(&v, probability, spot, above);
        if (fabs(p - 0.5) < nearest_half) {
            nearest_half = fabs(p - 0.5);
            out->sample = spot;
            out->sample_above = p;
        }
    }
    if (source_is_asked(source))
        out->saw = v.saw = saw_it(source, out->best);
    if (v.saw == 0 || !(ww_source_fit(source, out->best).llr > 3))
        out->verdict = WW_SOURCE_NOTHING;
    else
        out->verdict = v.saw >= 2 && beside >= 0.8 ? WW_SOURCE_PLACE : WW_SOURCE_STRETCH;
    ww_free(order);
    ww_free(above);
    return WW_OK;
}

/* ---- Candidates ---- */

enum ww_status ww_source_candidates(const struct ww_net *net, const struct ww_source_site *sites,
                                    uint32_t n_sites, double step_m, double share,
                                    struct ww_source_candidate **out, uint32_t *n, struct ww_error *err) {
    double metres = 0, weights = 0, pieces = 0;
    if (!(step_m > 0) || !(share > 0 && share <= 1))
        return ww_error_set(err, WW_BAD_INPUT, "pieces need a length, and a share of the prior above 0");
    for (uint32_t r = 0; r < ww_net_count(net); r++) {
        metres += ww_net_reach(net, r)->length_m;
        pieces += ceil(ww_net_reach(net, r)->length_m / step_m);
    }
    if (pieces > 1e6)
        return ww_error_set(err, WW_TOO_LARGE, "%.0f pieces of reaches: take longer ones", pieces);
    for (uint32_t i = 0; i < n_sites; i++) {
        if (sites[i].at.reach >= ww_net_count(net) || !(sites[i].at.at_m >= 0) ||
            sites[i].at.at_m > ww_net_reach(net, sites[i].at.reach)->length_m * (1 + 1e-9) ||
            !(sites[i].weight > 0)) {
            (void)ww_error_set(err, WW_BAD_INPUT,
                               "site %u: not on its reach, or a weight that is not above 0", i);
            return WW_BAD_INPUT;
        }
        weights += sites[i].weight;
    }
    struct ww_source_candidate *c = ww_try_calloc((size_t)pieces + n_sites + 1, sizeof *c);
    if (!c)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %.0f candidates", pieces);
    *n = 0;
    if (n_sites == 0)
        share = 1;
    for (uint32_t r = 0; r < ww_net_count(net); r++) {
        double length = ww_net_reach(net, r)->length_m, k = ceil(length / step_m);
        for (uint32_t i = 0; i < k; i++)
            c[(*n)++] = (struct ww_source_candidate){
                {r, (i + 0.5) * length / k}, share * length / k / metres, length / k};
    }
    for (uint32_t i = 0; i < n_sites; i++)
        c[(*n)++] = (struct ww_source_candidate){sites[i].at,
                                                 fmax(1e-12, (1 - share) * sites[i].weight / weights), 0};
    *out = c;
    return WW_OK;
}
