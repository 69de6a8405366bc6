/* `wardwatch simulate`: lets the simulated city live and posts what it measures.
 *
 * Three days of history go out as fast as the server takes them, then the last two hours pass at --speed,
 * and from there on the city runs in real time. Readings never lie in the future.
 */
#ifndef WW_SIMULATE_SIMULATE_H
#define WW_SIMULATE_SIMULATE_H

#include <signal.h>
#include <stdio.h>

#include "ingest/simulate/post.h"
#include "ingest/simulate/script.h"

/* Everything times: microseconds since 1970. */
struct ww_simulation {
    const struct ww_city *city;
    struct ww_script_options script; /* says where history, opening and brisk part are */
    int64_t end_us;                  /* INT64_MAX: until stopped */
    double speed;                    /* simulated seconds a second from live_us on; 0 = no waiting */
    FILE *truth;                     /* may be NULL */
    bool quiet;
};

/* Runs to the end or until *stop; the first refused body ends it with WW_DENIED. The caller owns the poster.
 */
enum ww_status ww_simulation_run(const struct ww_simulation *simulation, struct ww_poster *poster,
                                 const volatile sig_atomic_t *stop, struct ww_error *err) WW_MUST_CHECK;

/* The commands. Exit codes: 0 done, 1 failed, 2 wrong usage. */
int ww_simulate_main(int argc, char **argv);

#endif
