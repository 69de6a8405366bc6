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
 * What a sensor tells its neighbours, its *voice*, lies apart from its state: the voices of a city side by
 * side, so that to ask eight neighbours touches none of their states.
 *
 *   ww_neighbour_init(&state); ww_voice_init(&voices[own]); ww_links_init(&links);
 *   ww_neighbour_ask(&links, voices, time_us, &votes);        // or ww_votes_add, one by one
 *   ww_neighbour_step(&state, x, &votes, &verdict);
 *   ww_voice_speak(&voices[own], &state, verdict.z, time_us);
 *   ww_links_learn(&links, &votes, (double)voices[own].z);
 *
 * 64 bytes a sensor, 96 for its links, 16 for its voice. Pure; the same readings give the same verdicts.
 */
#ifndef WW_GEO_DETECT_NEIGHBOUR_H
#define WW_GEO_DETECT_NEIGHBOUR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/detect/fetch.h"
#include "geo/detect/four.h"
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

/* What neighbours hear of a sensor. */
struct ww_voice {
    int64_t last_us; /* of its newest reading; 0 before the first */
    float usual_s;   /* between readings; 0 = not known */
    float z;         /* of the newest; NAN: too young to vote */
};

/* Of at most eight neighbours, side by side. One that has no z, no weight above 0, or whose reading is older
 * than two of its intervals does not count. */
struct ww_votes {
    float z[WW_NEIGHBOURS];
    float weight[WW_NEIGHBOURS];
    float intervals[WW_NEIGHBOURS]; /* age of the reading in the neighbour's usual intervals */
};

/* What a sensor remembers of its neighbours. Places that are free have index 0 and correlation NAN. */
struct ww_links {
    uint32_t index[WW_NEIGHBOURS]; /* into the voices */
    float distance_m[WW_NEIGHBOURS];
    float correlation[WW_NEIGHBOURS]; /* of z, clipped at 3; starts at 0.5 */
};

struct ww_neighbour {                    /* one line of a cache */
    float origin, level, dev;            /* own usual */
    float bias;                          /* of the difference to the neighbours */
    float bias_dev[WW_NEIGHBOUR_STATES]; /* its spread while neighbours are at ease, in between, raised */
    struct ww_tail tail[2];              /* of the residual, above and below */
    uint16_t bias_n[WW_NEIGHBOUR_STATES];
    uint16_t n, compared; /* readings; those with enough voters; both stop at the most that fits */
    uint8_t streak;       /* large in a row */
    uint8_t large;        /* the last eight, newest in bit 0 */
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
void ww_voice_init(struct ww_voice *voice);
/* After each step of its sensor; `z` as its verdict says. */
void ww_voice_speak(struct ww_voice *voice, const struct ww_neighbour *state, double z, int64_t time_us);

void ww_links_init(struct ww_links *links);
void ww_links_set(struct ww_links *links, int place, uint32_t index, double distance_m);
/* The other's link with all that it knows. */
void ww_links_copy(struct ww_links *links, int place, const struct ww_links *from, int from_place);
/* Both have a new reading: learns how they hang together, where the vote is no older than two intervals. */
void ww_links_learn(struct ww_links *links, const struct ww_votes *votes, double own_z);

/* The vote of each link, in its place. */
void ww_neighbour_ask(const struct ww_links *links, const struct ww_voice *voices, int64_t time_us,
                      struct ww_votes *votes);
void ww_votes_init(struct ww_votes *votes); /* none */
/* One that counts takes the next free place; false: it does not count, or there are eight. */
bool ww_votes_add(struct ww_votes *votes, double z, double weight, double intervals);

void ww_neighbour_step(struct ww_neighbour *state, double x, const struct ww_votes *votes,
                       struct ww_neighbour_verdict *verdict);

static inline void ww_neighbour_fetch(const struct ww_neighbour *state, const struct ww_links *links) {
    ww_fetch(state, sizeof *state);
    ww_fetch(links, sizeof *links);
}
/* The value at which half of the weight is reached; a plain weighted median. 1 <= n <= WW_NEIGHBOURS. */
float ww_weighted_median(const float *values, const float *weights, size_t n);

#endif
