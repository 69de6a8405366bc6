/* The prospective scan of a table, by way of the live one: the same answer as scan.h's, tens of times sooner.
 */
#ifndef WW_SCAN_QUICK_H
#define WW_SCAN_QUICK_H

#include "geo/scan/prepare.h"

struct ww_scan_quick;

/* Whether the live scan can do it: permutation without strata or expectation-based, windows of 1 … 8
 * intervals that end now, the secondary clusters of the reference, and within its limits. */
bool ww_scan_quick_fits(const struct ww_scan_table_data *table, const struct ww_scan_windows *windows,
                        const struct ww_scan_rules *rules);
/* Runs it to the end. The result's times are those of the table; it lives until ww_scan_quick_free. */
enum ww_status ww_scan_quick_run(const struct ww_scan_table_data *table, const struct ww_scan_zones *zones,
                                 const struct ww_scan_windows *windows, const struct ww_scan_rules *rules,
                                 struct ww_scan_quick **out, struct ww_scan_result *result,
                                 struct ww_error *err) WW_MUST_CHECK;
void ww_scan_quick_free(struct ww_scan_quick *quick); /* NULL is allowed */

#endif
