/* A fault of this sensor, or an event in the area? The neighbours know.
 *
 * Each sensor keeps its own slow level and spread, so that a reading becomes z: how far it stands from its
 * own usual, in its own measure. The *residual* is z minus the weighted median of the neighbours' z (itself
 * left out), minus the usual difference, over the usual spread of that difference: sites differ in how they
 * swing, and that is learned. Weights fall with distance, 1 / (1 + d / 1 km), and with past correlation. A
 * median of neighbours bears up to half their weight being broken, and the suspect never votes on itself.
 *
 *   own residual   neighbours    verdict
 *   small          at ease       normal
 *   small          raised        area event: one for the area
 *   large          at ease       fault: alone (or a source that only it sees: other channels, wind and
 * upstream tell) large, itself at ease, neighbours raised: dead: it does not see what they see large, raised
 * further than raised neighbours: area event, it being nearest to it
 *   -              fewer than three voters: no neighbours, which is not "normal"
 *
 * A neighbour whose reading is older than two of its intervals does not vote. "Large" is rarer than once in a
 * thousand of the residual's own past (tail.h) in at least two of the last three readings; spikes of one
 * reading are quality.h's. What is large is not learned, unless it stays for `accept_readings`: then sites
 * have changed, and the verdict says so.
 *
 *   ww_neighbour_init(&state);
 *   voters[i] = (struct ww_vote){ww_neighbour_z(&of_neighbour), weight, age_s / usual_s};
 *   ww_neighbour_step(&state, x, voters, n, &verdict);
 *
 * 96 bytes a sensor and 12 a link. Pure; the same readings give the same verdicts.
 */
#ifndef WW_GEO_DETECT_NEIGHBOUR_H
#define WW_GEO_DETECT_NEIGHBOUR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/detect/tail.h"

#define WW_NEIGHBOURS       8 /* more do not vote */
#define WW_NEIGHBOUR_LEAST  3
#define WW_LINK_MEMORY      512
#define WW_NEIGHBOUR_YOUNG  72 /* readings before it votes */
#define WW_NEIGHBOUR_STATES 3

enum ww_neighbour_kind {
    WW_NEIGHBOUR_LEARNING,
    WW_NEIGHBOUR_NONE, /* too few voters */
    WW_NEIGHBOUR_NORMAL,
    WW_NEIGHBOUR_AREA_EVENT,
    WW_NEIGHBOUR_FAULT,
    WW_NEIGHBOUR_DEAD
};

struct ww_vote {
    double z;         /* of the neighbour, ww_neighbour_z; NAN = it has none yet */
    double weight;    /* above 0 */
    double intervals; /* age of its reading in its usual intervals */
};

/* What a sensor remembers of one of its neighbours. */
struct ww_neighbour_link {
    uint32_t index; /* the caller's */
    float distance_m;
    float correlation; /* of z, clipped at 3; starts at 0.5 */
};

struct ww_neighbour {
    float origin, level, dev;            /* own usual */
    float bias;                          /* of the difference to the neighbours */
    float bias_dev[WW_NEIGHBOUR_STATES]; /* its spread while neighbours are at ease, in between, raised */
    uint16_t bias_n[WW_NEIGHBOUR_STATES];
    struct ww_tail tail[2]; /* of the residual, above and below */
    float z;                /* of the newest reading */
    uint32_t n, compared;   /* readings; those with enough voters */
    uint32_t streak;        /* large in a row */
    uint8_t large;          /* the last eight, newest in bit 0 */
};

struct ww_neighbour_verdict {
    enum ww_neighbour_kind kind;
    double z;        /* own */
    double median;   /* the neighbours' z */
    double residual; /* in sd of the usual difference */
    double surprise; /* -log10 of how often it is as large */
    int voters;
    bool accepted; /* the difference has stayed: it is usual from now on */
};

void ww_neighbour_init(struct ww_neighbour *state);
/* z of the newest reading; NAN while the sensor is too young to vote. */
static inline double ww_neighbour_z(const struct ww_neighbour *state) {
    return state->n > WW_NEIGHBOUR_YOUNG ? (double)state->z : (double)NAN;
}
static inline double ww_neighbour_weight(const struct ww_neighbour_link *link) {
    double together = link->correlation > 0.1f ? (double)link->correlation : 0.1;
    return 1000 * together * together / (1000 + (double)link->distance_m);
}
/* Both have a new reading: learns how they hang together. */
static inline void ww_neighbour_link_learn(struct ww_neighbour_link *link, double own_z, double its_z) {
    double a = own_z > 3    ? 3
               : own_z < -3 ? -3
                            : own_z,
           b = its_z > 3    ? 3
               : its_z < -3 ? -3
                            : its_z,
           c = a * b;
    if (!isnan(c)) /* neither is young */
        link->correlation += (float)(((c > 1    ? 1
                                       : c < -1 ? -1
                                                : c) -
                                      (double)link->correlation) /
                                     WW_LINK_MEMORY);
}
/* A reading and the votes on it; `n` may be 0. Only the first WW_NEIGHBOURS votes that count do. */
void ww_neighbour_step(struct ww_neighbour *state, double x, const struct ww_vote *votes, size_t n,
                       struct ww_neighbour_verdict *verdict);
/* The value at which half of the weight is reached; a plain weighted median. n >= 1. */
double ww_weighted_median(const double *values, const double *weights, size_t n);

#endif
