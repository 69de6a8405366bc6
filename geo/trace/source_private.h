/* Inside of source.h: source.c keeps, source_score.c weighs one candidate, summary.c draws conclusions. */
#ifndef WW_GEO_TRACE_SOURCE_PRIVATE_H
#define WW_GEO_TRACE_SOURCE_PRIVATE_H

#include "geo/trace/cloud_sums.h"
#include "geo/trace/source.h"

struct source_sensor {
    struct ww_source_sensor given;
    double flow_m3s, most; /* most: highest residual */
    struct ww_cloud_reading *reading;
    uint32_t n, cap;
    struct ww_cloud_sums sums;
};
/* A sensor below a candidate. */
struct source_below {
    uint32_t sensor;
    struct ww_passage passage;
};
struct source_known {
    uint32_t candidate;
    double from_s, to_s, log_times;
};
struct ww_source {
    const struct ww_net *net;
    struct ww_source_options o;
    uint32_t n, n_sensors, n_known;
    struct ww_source_candidate *candidate;
    struct source_sensor *sensor;
    struct source_below *below; /* a candidate after the other, nearest sensor first */
    uint32_t *first_below;      /* [n+1] into below */
    double *between;            /* [above][below] squares_s2 of the way from sensor to sensor; NAN: none */
    struct source_known *known;
    double duration_s[WW_SOURCE_DURATIONS]; /* that are asked: of the options, then those that fit, finely */
    struct ww_cloud_shapes shapes;
    struct source_score *room;
    uint32_t about; /* sensor; UINT32_MAX: none */
    double about_s;
    bool is_made;  /* the sensors' sums */
    bool is_short; /* a reading could not be kept */
};

bool source_saw(const struct ww_source *s, uint32_t sensor);
/* Is something asked about, and did its sensor see it? */
bool source_is_asked(const struct ww_source *s);
/* The log-likelihood that a sensor's event had another cause. */
double source_unrelated(const struct ww_source *s, uint32_t sensor, const struct ww_cloud_grid *event);
/* The passage, if it takes so long. */
struct ww_passage source_passage_in(struct ww_passage usual, double tau_s);
/* Variance of a travel time that is `usual` by the velocities given. */
double source_time_variance(const struct ww_source *s, struct ww_passage usual);

struct source_hypothesis {
    double log_likely; /* -INFINITY: none explains anything */
    struct ww_release release;
    double velocity_factor;
};
/* Room to work in, some hundred KiB. */
struct source_score;
struct source_score *source_score_new(void); /* NULL: no memory; ww_free it */
/* Log of the sum over all releases and travel times, against "nothing"; -INFINITY when no sensor below saw
 * anything. `best` may be NULL. What is far below `floor` need not be told exactly. */
double source_evidence(const struct ww_source *s, uint32_t candidate, double floor,
                       struct source_hypothesis *best);

#endif
