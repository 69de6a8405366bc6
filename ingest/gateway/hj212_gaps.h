/* Finds what HJ 212 stations should have sent and did not, and has it asked for again.
 *
 * What is missing is judged by what is stored, never by what this process saw: four queries
 * (sql/queries/station_gaps_*.sql) find missing intervals, settle requests that have ended, and queue the
 * next `history` command of each connected station; the gateway runs it. Every ten minutes all stations, a
 * few hundred at a time; between the rounds, within seconds, those that connected or restarted
 * (station_event) and those whose request has ended. Any number of servers may do this on one database: an
 * advisory lock lets one look at a time, and what is decided is decided in the database.
 *
 *   struct ww_hj212_gaps *gaps = ww_hj212_gaps_new(base, pool);   // begins by itself
 *   ww_hj212_gaps_look(gaps);                                     // a whole round now
 *   ww_hj212_gaps_free(gaps);                                     // before the pool goes
 *
 * One thread. While the database is away nothing happens.
 */
#ifndef WW_GATEWAY_HJ212_GAPS_H
#define WW_GATEWAY_HJ212_GAPS_H

#include "sql/pg.h"

struct ww_hj212_gaps;
/* `pool` outlives it. */
struct ww_hj212_gaps *ww_hj212_gaps_new(struct event_base *base, struct ww_pg_pool *pool);
/* Answers that are still under way are not heard any more. NULL is allowed. */
void ww_hj212_gaps_free(struct ww_hj212_gaps *gaps);
/* A round over all stations as soon as the one under way has ended. */
void ww_hj212_gaps_look(struct ww_hj212_gaps *gaps);

struct ww_hj212_gaps_counters {
    uint64_t rounds, found, filled, asked; /* windows */
    double last_round_s;                   /* how long the last round over all stations took */
};
void ww_hj212_gaps_get_counters(const struct ww_hj212_gaps *gaps, struct ww_hj212_gaps_counters *out);

#endif
