/* The inner loop of the replicas: two replicas at once along one chain of places. Not a public header.
 *
 * The counts of a place within the last 1 … 8 days are eight 16-bit numbers; sixteen of them are two
 * replicas. Each step of a chain adds sixteen numbers. Sums grow along a chain and so do thresholds, so a
 * block of steps is compared only once: if the sums behind it stay below the thresholds before it, no step in
 * it reaches. There is no logarithm here: live.c's tables say which count reaches which ratio.
 */
#ifndef WW_SCAN_WALK_H
#define WW_SCAN_WALK_H

#include <stdint.h>

struct ww_scan_walk {
    const uint16_t *place;        /* of each step */
    const uint16_t *row;          /* of each step, into the thresholds; never falls along a chain */
    const uint16_t *count;        /* [place][16], 32-byte aligned */
    const uint16_t *threshold[2]; /* [row][8] of either replica, 16-byte aligned; all at most 32767 */
};

/* Walks from step `from` to `to`, adding to sum[16] (32-byte aligned). Returns `to`, or the first step at
 * which a sum reaches its threshold; `sum` then holds that step. */
uint64_t ww_scan_walk(const struct ww_scan_walk *walk, uint64_t from, uint64_t to, uint16_t *sum);

#endif
