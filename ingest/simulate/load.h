/* The load generator of the benches: `wardwatch simulate --load`.
 *
 * Prebuilt requests, in which only fixed-width digits change, over plain non-blocking sockets, so that it
 * takes little of the processor that the server under test needs. Each connection owns a range of series
 * and posts one body after another; row i of a body is series from + (cursor + i) % count at the time
 * start + (cursor + i) / count * step, so every series strictly goes forward. A body that was not
 * acknowledged goes again, the same bytes.
 */
#ifndef WW_SIMULATE_LOAD_H
#define WW_SIMULATE_LOAD_H

#include <signal.h>
#include <stdio.h>

#include "geo/base/status.h"

struct ww_load {
    const char *server, *token_file, *feed;
    uint32_t connections, batch_rows, series;
    double rows_per_s; /* 0 = as fast as it goes */
    int64_t run_us;
    int64_t start_ms, step_ms; /* of the readings' times */
    uint32_t exceed_every;     /* each so many bodies of a connection the first row is 999; 0 = never */
    bool with_place;
    FILE *ack_log; /* may be NULL */
};

struct ww_load_result {
    uint64_t acked_bodies, acked_rows, stored, duplicates, dead, retries, reconnects;
    double seconds;                    /* from the first request to the last answer */
    double p50_ms, p99_ms, longest_ms; /* from the first byte sent to the answer */
};

/* WW_DENIED when the server refuses a body for good. */
enum ww_status ww_load_run(const struct ww_load *load, const volatile sig_atomic_t *stop,
                           struct ww_load_result *out, struct ww_error *err) WW_MUST_CHECK;

int ww_load_main(int argc, char **argv); /* the command line */

#endif
