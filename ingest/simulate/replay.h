/* `wardwatch replay`: sends a file of any size to a feed, as fast as the server takes it or by its own times.
 */
#ifndef WW_SIMULATE_REPLAY_H
#define WW_SIMULATE_REPLAY_H

#include <signal.h>

#include "ingest/simulate/post.h"
#include "ingest/simulate/split.h"

struct ww_feed_config;

struct ww_replay {
    const char *feed;
    const char *content_type; /* NULL: by the splitter's form */
    size_t batch_bytes;
    unsigned lanes;                      /* 1 keeps the order */
    double speed;                        /* recorded seconds a second; 0 = as fast as it goes */
    const struct ww_feed_config *config; /* needed to know a record's time; NULL when speed is 0 */
    bool quiet;
};

struct ww_replay_result {
    uint64_t records, bodies_refused;
    double seconds;
};

/* WW_DENIED when the server will not take anything more (token, feed name); bodies refused for what they
 * hold are counted and the rest goes on. Totals are the poster's. */
enum ww_status ww_replay_run(const struct ww_replay *replay, struct ww_splitter *split,
                             struct ww_poster *poster, const volatile sig_atomic_t *stop,
                             struct ww_replay_result *out, struct ww_error *err) WW_MUST_CHECK;

/* The command. Exit codes: 0 done, 1 failed or something was refused, 2 wrong usage. */
int ww_replay_main(int argc, char **argv);

#endif
