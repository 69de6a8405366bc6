/* Backward: which place, and which release, explains what the sensors saw, and what others did not see?
 *
 * Pure; one thread at a time. Candidates are sites at their outfalls and pieces of reaches (for what nobody
 * has registered), each with a prior. For every candidate the likelihood of all readings is summed over when
 * a release began, how long it took, how strong it was, and how long its water was on the way: what
 * velocities say is wrong by an error common to all and by each reach's own. plume.h says how the cloud has
 * spread by then: that tells near sources from far ones where two sensors, one below the other, see the same
 * difference of arrivals from all of them. Sensors that should have seen it and stayed silent speak against a
 * candidate; no sensor by more than the chance that it is broken, so that a dead one has no veto.
 *
 *   st = ww_source_new(net, candidates, n, sensors, k, &options, &trace, &err);
 *   ww_source_add(trace, sensor, t_s, reading - usual);               // each reading, in its time's order
 *   st = ww_source_posterior(trace, probability);                      // [n], sums to 1
 *   st = ww_source_summary(trace, probability, &summary);              // one place, a stretch, or nothing
 *   st = ww_source_stretches(trace, probability, 4000, stretch, 3, &n, number_of);   // where to walk first
 *
 * With one sensor, distance, time and strength cannot be told apart (two on the path are needed for one
 * source; Water Science and Technology 90(3), 2024, 951): the summary then says "stretch", and where the next
 * grab sample halves it. Work: of the sensors' sums, a second per 100,000 readings; of the posterior, some
 * tenths of a millisecond a candidate.
 */
#ifndef WW_GEO_TRACE_SOURCE_H
#define WW_GEO_TRACE_SOURCE_H

#include "geo/trace/plume.h"

struct ww_source_candidate {
    struct ww_spot at;
    double prior;    /* above 0; scaled to a sum of 1 */
    double length_m; /* of the piece of reach around `at`; 0: a site */
};
struct ww_source_sensor {
    struct ww_spot at;
    double sd; /* of its residuals when nothing happens, above 0 */
};
enum { WW_SOURCE_DURATIONS = 24 };
struct ww_source_options {
    double from_s, to_s, step_s;            /* releases that begin in between */
    double duration_s[WW_SOURCE_DURATIONS]; /* that are tried, shortest first */
    double velocity_sd;                     /* of the common error of all velocities, in shares: 0.05 */
    double reach_sd;      /* of each reach's own, in shares: 0.115, which is any value up to 20 % */
    double model_error;   /* of predicted concentrations, in shares of what was seen: 0.05 */
    double independent_s; /* readings closer in time count for less: 600 */
    double broken;        /* chance that a silent sensor is: 0.02 */
    struct ww_dispersal how;
};
/* Of a window; steps of a 288th of it, at least a minute. Lengths from a step to the window, each as many
 * times the one before: 1.28 times at most, so that none is further than 13 % from one that is tried. A hole
 * among them is filled by a place further up, whose cloud is smoother. */
struct ww_source_options ww_source_usual(double from_s, double to_s);

struct ww_source;
/* The net is borrowed. WW_TOO_LARGE above 1 GiB. */
enum ww_status ww_source_new(const struct ww_net *net, const struct ww_source_candidate *candidates,
                             uint32_t n, const struct ww_source_sensor *sensors, uint32_t n_sensors,
                             const struct ww_source_options *options, struct ww_source **out,
                             struct ww_error *err) WW_MUST_CHECK;
void ww_source_free(struct ww_source *source); /* NULL is allowed */
void ww_source_add(struct ww_source *source, uint32_t sensor, double t_s, double residual);
/* What is asked about: whatever passed this sensor at that moment. A candidate must explain that; what else
 * was seen, there or elsewhere, may have had other causes. Unasked: all that was seen, and by whichever. */
void ww_source_about(struct ww_source *source, uint32_t sensor, double at_s);
/* A discharge that is known: releases of this candidate that overlap with it are `times` as likely
 * beforehand. */
enum ww_status ww_source_known(struct ww_source *source, uint32_t candidate, double from_s, double to_s,
                               double times) WW_MUST_CHECK;

/* probability[n]. Without any reading above its usual level: the priors. */
enum ww_status ww_source_posterior(struct ww_source *source, double *probability) WW_MUST_CHECK;

/* After the posterior: the best release of a candidate, and what each sensor says to it. */
struct ww_source_fit {
    struct ww_release release;
    double velocity_factor; /* velocities that fit best, in shares of those given */
    double llr;             /* log-likelihood against "nothing" */
};
struct ww_source_fit ww_source_fit(const struct ww_source *source, uint32_t candidate);
struct ww_source_reason {
    bool below;                /* does the sensor lie below at all? */
    struct ww_passage passage; /* with the velocities that fit best */
    struct ww_arrival arrival; /* predicted */
    double seen, llr;          /* highest residual; this sensor's part of llr */
};
struct ww_source_reason ww_source_reason(const struct ww_source *source, uint32_t candidate,
                                         const struct ww_source_fit *fit, uint32_t sensor);

enum ww_source_verdict {
    WW_SOURCE_NOTHING, /* no sensor saw anything that any candidate explains */
    WW_SOURCE_STRETCH, /* several places fit: the stretch with 90 % */
    WW_SOURCE_PLACE    /* two sensors at least, and one place with its surroundings holds 80 % */
};
struct ww_source_summary {
    enum ww_source_verdict verdict;
    uint32_t saw;       /* sensors that saw it: highest residual above 4 sd, and the best candidate says so */
    uint32_t best;      /* candidate */
    uint32_t n_stretch; /* candidates that together hold 90 %, from the most probable on */
    double stretch_m;   /* length of their pieces */
    struct ww_spot sample; /* where to take the next grab sample … */
    double sample_above;   /* … and the probability that the source lies above it */
};
enum ww_status ww_source_summary(const struct ww_source *source, const double *probability,
                                 struct ww_source_summary *out) WW_MUST_CHECK;

/* Where to walk: neighbouring candidates joined to stretches of at most most_m of water, across the borders
 * of reaches, the most probable place first. out[room]; number_of[candidates]: the stretch that each belongs
 * to, UINT32_MAX: none. */
struct ww_source_stretch {
    struct ww_spot upper, lower; /* its ends; the same spot: a site where no piece of water is a candidate */
    double length_m, probability;
};
enum ww_status ww_source_stretches(const struct ww_source *source, const double *probability, double most_m,
                                   struct ww_source_stretch *out, uint32_t room, uint32_t *n,
                                   uint32_t *number_of) WW_MUST_CHECK;

/* Pieces of all reaches, at most step_m long, sharing `share` of the prior by length; then the sites, sharing
 * the rest by their weights. WW_BAD_INPUT names a site outside its reach. `out` is the caller's to ww_free.
 */
struct ww_source_site {
    struct ww_spot at;
    double weight;
};
enum ww_status ww_source_candidates(const struct ww_net *net, const struct ww_source_site *sites,
                                    uint32_t n_sites, double step_m, double share,
                                    struct ww_source_candidate **out, uint32_t *n,
                                    struct ww_error *err) WW_MUST_CHECK;

#endif
