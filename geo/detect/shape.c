/* Compares histograms; see shape.h. */
#include "geo/detect/shape.h"

#include <math.h>
#include <string.h>

static const double quantile[WW_SHAPE_BINS - 1] = {0.02, 0.2, 0.5, 0.8, 0.98};
static const double edge_rate = 0.0003; /* of two sd a reading: edges follow within thousands of readings */
static const double floor_share = 0.02; /* added to each bin, or an empty one would be infinitely far */
static const double new_above = 20;     /* 2 n KL */
/* Exponential forgetting with rate a averages as (2 - a) / a readings do. */
static const double effective = 2 * WW_SHAPE_MEMORY - 1;

void ww_shape_init(struct ww_shape *shape) {
    memset(shape, 0, sizeof *shape);
}

static void learn_edges(struct ww_shape *s, double x, double sd) {
    double young = 2.0 / (s->n + 10), rate = young > edge_rate ? young : edge_rate;
    for (int i = 0; i < WW_SHAPE_BINS - 1; i++)
        s->edge[i] += (float)(rate * 2 * sd * ((x > (double)s->edge[i]) - (1 - quantile[i])));
}

static void learn_shares(struct ww_shape *s, double x) {
    int bin = 0;
    while (bin < WW_SHAPE_BINS - 1 && x > (double)s->edge[bin])
        bin++;
    float rate = s->n < WW_SHAPE_MEMORY ? 1.0f / (float)s->n : 1.0f / WW_SHAPE_MEMORY;
    for (int i = 0; i < WW_SHAPE_BINS; i++)
        s->share[i] += rate * ((float)(i == bin) - s->share[i]);
}

static void remember(struct ww_shape *s, const float ln_share[WW_SHAPE_BINS]) {
    if (s->kept == WW_SHAPES)
        memmove(s->known[0], s->known[1], sizeof s->known[0] * --s->kept);
    memcpy(s->known[s->kept++], ln_share, sizeof s->known[0]);
}

double ww_shape_step(struct ww_shape *s, double x, double sd) {
    if (s->n++ == 0)
        for (int i = 0; i < WW_SHAPE_BINS - 1; i++)
            s->edge[i] = (float)x;
    learn_shares(s, x);
    learn_edges(s, x, sd);
    if (s->n <= WW_SHAPE_MEMORY)
        return 0;
    float share[WW_SHAPE_BINS], ln_share[WW_SHAPE_BINS], own = 0, nearest = INFINITY;
    for (int i = 0; i < WW_SHAPE_BINS; i++) {
        share[i] = (s->share[i] + (float)floor_share) / (1 + WW_SHAPE_BINS * (float)floor_share);
        ln_share[i] = logf(share[i]);
        own += share[i] * ln_share[i];
    }
    for (int k = 0; k < s->kept; k++) {
        float cross = 0;
        for (int i = 0; i < WW_SHAPE_BINS; i++)
            cross += share[i] * s->known[k][i];
        nearest = own - cross < nearest ? own - cross : nearest;
    }
    if (s->kept == 0) {
        remember(s, ln_share);
        return 0;
    }
    double apart = nearest > 0 ? 2 * effective * (double)nearest : 0;
    s->new_for = apart > new_above ? (uint16_t)(s->new_for + 1) : 0;
    if (s->new_for >= WW_SHAPE_MEMORY) {
        remember(s, ln_share);
        s->new_for = 0;
    }
    return sqrt(apart);
}
