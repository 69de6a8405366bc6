/* Which of the best windows are reported: best first, and no place in two of them. */
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/scan/run.h"

int ww_scan_best_first(const void *left, const void *right) {
    const struct ww_scan_cluster *a = left, *b = right;
    if (a->llr != b->llr)
        return a->llr > b->llr ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return a->chain < b->chain ? -1 : a->chain > b->chain;
}

bool ww_scan_touches(const struct ww_scan_zones *zones, const struct ww_scan_cluster *cluster,
                     const bool *taken) {
    uint64_t first = zones->start[cluster->chain];
    for (uint64_t i = first; i < first + cluster->length; i++)
        if (taken[zones->place[i]])
            return true;
    return false;
}

void ww_scan_take(const struct ww_scan_zones *zones, const struct ww_scan_totals *totals,
                  struct ww_scan_cluster *cluster, bool *taken) {
    uint64_t first = zones->start[cluster->chain];
    for (uint64_t i = first; i < first + cluster->length; i++)
        taken[zones->place[i]] = true;
    cluster->expected = ww_scan_expected(totals, cluster->measure);
    cluster->relative_risk = ww_scan_relative_risk(totals, cluster->cases, cluster->measure);
}
