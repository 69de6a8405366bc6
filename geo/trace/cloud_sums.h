/* What one sensor's readings say to a cloud that passes it: sums of a matched filter.
 *
 * A cloud is known to a sensor by three numbers: when its middle passes, how far it has spread (standard
 * deviation), how long it was discharged. With its shape h(t) of height 1, readings y above their usual level
 * and variances v, a cloud of height c explains c A - c² B / 2 of log-likelihood against "nothing", A = sum h
 * y/v, B = sum h²/v. Where it was discharged does not matter to these sums: one table serves all candidates.
 *
 * Two resolutions. `whole` covers all readings coarsely: what a cloud that nobody saw would have cost. Each
 * event (where some cloud explains much) has a fine grid, since a height of 40 standard deviations tells the
 * passing of the middle to half a minute. Pure; the sums are made at once by ww_cloud_sums_make.
 */
#ifndef WW_GEO_TRACE_CLOUD_SUMS_H
#define WW_GEO_TRACE_CLOUD_SUMS_H

#include "geo/base/status.h"

enum {
    WW_CLOUD_WIDTHS = 32,
    WW_CLOUD_COARSE_WIDTHS = 8,
    WW_CLOUD_TIMES = 40,
    WW_CLOUD_COARSE_TIMES = 512,
    WW_CLOUD_EVENTS = 4,
};

struct ww_cloud_reading {
    double t_s, y, weight; /* weight: 1/v; less where readings are too close to say something new */
};
/* The standard normal law by table: 1/256 apart and linear between, right to 1e-6. */
enum { WW_PHI_PER_SD = 256, WW_PHI_SDS = 5 };
struct ww_cloud_shapes {
    const double *duration_s;
    uint32_t n_durations;
    double least_sd_s, most_sd_s; /* of clouds asked for */
    double phi[2 * WW_PHI_SDS * WW_PHI_PER_SD + 2];
};
void ww_cloud_shapes_init(struct ww_cloud_shapes *shapes, const double *duration_s, uint32_t n_durations,
                          double least_sd_s, double most_sd_s);

/* Middles at from_s + i · step_s. */
struct ww_cloud_grid {
    double from_s, step_s;
    uint32_t n, n_widths;
    double log_least_sd, log_ratio; /* widths are so far apart in logarithm */
    float *sum;                     /* [durations][n_widths][2][n]: A's, then B's */
    float *most;                    /* [durations][n_widths] llr of the best middle; NULL: not an event */
    double from_top_s, to_top_s; /* of an event: what its best cloud lies over, two standard deviations … */
    double top_llr;              /* … and explains: the best of its group */
    uint32_t group;              /* events that lie over the same readings are one, told in several ways */
};
struct ww_cloud_sums {
    struct ww_cloud_grid whole; /* n 0: no readings */
    struct ww_cloud_grid event[WW_CLOUD_EVENTS];
    uint32_t n_events; /* the strongest first; 0 unless wanted */
    double most_llr;   /* that any cloud explains */
};

/* Of readings in the order of time. Events are looked for when `saw`. */
enum ww_status ww_cloud_sums_make(const struct ww_cloud_shapes *shapes,
                                  const struct ww_cloud_reading *reading, uint32_t n, bool saw,
                                  struct ww_cloud_sums *out) WW_MUST_CHECK;
/* Widens [first, last] by the durations that explain nearly as much as any of what lay over a moment (NAN: at
 * any time). Coarse. */
enum ww_status ww_cloud_durations(const struct ww_cloud_shapes *shapes,
                                  const struct ww_cloud_reading *reading, uint32_t n, double over_s,
                                  uint32_t *first, uint32_t *last) WW_MUST_CHECK;
double ww_cloud_sums_bytes(uint32_t n_durations); /* at most, of one sensor */
void ww_cloud_sums_clear(struct ww_cloud_sums *sums);

/* a[grid->n], b[grid->n]: for every middle, of one duration (its number) and standard deviation. */
void ww_cloud_grid_row(const struct ww_cloud_grid *grid, uint32_t duration, double sd_s, double *a,
                       double *b);
/* About the most that an event's row can explain; rather too much. */
double ww_cloud_grid_most(const struct ww_cloud_grid *grid, uint32_t duration, double sd_s);
/* At any middle; 0 outside. */
void ww_cloud_grid_at(const struct ww_cloud_grid *grid, uint32_t duration, double sd_s, double middle_s,
                      double *a, double *b);

#endif
