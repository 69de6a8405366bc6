/* The expectation-based normal scan: where do residuals rise together?
 *
 * For readings rather than counts: a residual is what was read less what was expected of that place at that
 * time, with its variance. If all residuals of a window are shifted by one common amount, the likelihood is
 * greatest for the weighted mean m = sum(r/v) / sum(1/v), and the log likelihood ratio against no shift is
 *
 *   (sum r/v)² / (2 sum 1/v)      for m > 0
 *
 * (Neill 2009). Under the null each residual is normal with its own variance; a missing one (NAN) is nowhere.
 * Used as scan.h is: start, step, result, free; zones, windows and rules are those of there, `min_cases` is
 * the least number of residuals, `any_window` is not for here. Of a cluster `cases` are the residuals in it,
 * `measure` is the common shift m, `expected` and `relative_risk` are NAN. No Gumbel tail: it does not fit.
 */
#ifndef WW_SCAN_NORMAL_H
#define WW_SCAN_NORMAL_H

#include "geo/scan/scan.h"

struct ww_scan_residuals {
    uint32_t n_places, n_times; /* the last time is now */
    const double *value;        /* [n_places * n_times], a place's times side by side; NAN: missing */
    const double *variance;     /* likewise, above 0 */
};

struct ww_scan_normal;

enum ww_status ww_scan_normal_start(const struct ww_scan_residuals *residuals,
                                    const struct ww_scan_zones *zones, const struct ww_scan_windows *windows,
                                    const struct ww_scan_rules *rules, struct ww_scan_normal **out,
                                    struct ww_error *err) WW_MUST_CHECK;
bool ww_scan_normal_step(struct ww_scan_normal *run, uint32_t n);
void ww_scan_normal_result(struct ww_scan_normal *run, struct ww_scan_result *out);
void ww_scan_normal_free(struct ww_scan_normal *run); /* NULL is allowed */

#endif
