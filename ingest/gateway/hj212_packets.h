/* Sets of sub-packets: which packets of a long upload have come, and which sets stay incomplete.
 *
 * Each packet is stored and answered alone (a device may wait for 9014 of one before it sends the next); here
 * is only followed whether a set became whole. A set is (MN, ST, CN, DataTime, PNUM), because each packet has
 * a QN of its own. A set that is whole is remembered until its time is over, so that a repeated packet does
 * not begin another one. Pure: no clock, no socket. Bounded: `max_sets` in all, the oldest gives way.
 *
 *   struct ww_hj212_packets *packets = ww_hj212_packets_new(1000, 30000);
 *   enum ww_hj212_set_event e = ww_hj212_packets_add(packets, &packet, now_ms, on_incomplete, arg);
 *   ww_hj212_packets_expire(packets, now_ms, on_incomplete, arg);   // now and then
 */
#ifndef WW_GATEWAY_HJ212_PACKETS_H
#define WW_GATEWAY_HJ212_PACKETS_H

#include "geo/base/status.h"

struct ww_hj212_packets;
struct ww_hj212_packet {
    struct ww_str mn, st, data_time; /* data_time may be empty: see below */
    int cn;
    unsigned pnum, pno; /* 1 ≤ pno ≤ pnum ≤ 9,999 */
};
enum ww_hj212_set_event { WW_HJ212_SET_OPEN, WW_HJ212_SET_COMPLETE, WW_HJ212_SET_AGAIN };

/* A set that ended without all its packets. */
struct ww_hj212_lost_set {
    struct ww_str mn, st, data_time;
    int cn;
    unsigned pnum, came;
    unsigned first_missing; /* PNO */
};
typedef void (*ww_hj212_lost_cb)(void *arg, const struct ww_hj212_lost_set *set);

struct ww_hj212_packets *ww_hj212_packets_new(uint32_t max_sets, int64_t timeout_ms);
void ww_hj212_packets_free(struct ww_hj212_packets *packets);

/* COMPLETE: this packet was the last that was missing. AGAIN: it had come before. May close older sets. */
enum ww_hj212_set_event ww_hj212_packets_add(struct ww_hj212_packets *packets,
                                             const struct ww_hj212_packet *packet, int64_t now_ms,
                                             ww_hj212_lost_cb on_lost, void *arg);
/* The DataTime of the youngest set that lacks this packet, else of the youngest that has it, "" when there is
 * none: for packets that say none themselves. Valid until the next call that changes the sets. */
struct ww_str ww_hj212_packets_time_of(const struct ww_hj212_packets *packets,
                                       const struct ww_hj212_packet *packet);
/* Closes sets to which nothing came for the time-out. */
void ww_hj212_packets_expire(struct ww_hj212_packets *packets, int64_t now_ms, ww_hj212_lost_cb on_lost,
                             void *arg);
uint32_t ww_hj212_packets_count(const struct ww_hj212_packets *packets);

#endif
