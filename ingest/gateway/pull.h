/* Feeds that are fetched: HTTP(S) endpoints polled on a schedule, one runner a feed with "protocol": "pull".
 *
 * libcurl's multi interface on our loop. ETag and If-Modified-Since, cursor, page and time-window paging,
 * SensorThings nextLink; a page is handed to the path and the cursor moves on only after its COMMIT (table
 * pull_state). Back-off with jitter after failures; pauses while the path takes nothing. A late or corrected
 * record that comes again is a new version by the path's own rules.
 */
#ifndef WW_GATEWAY_PULL_H
#define WW_GATEWAY_PULL_H

#include "ingest/gateway/inlet.h"

struct ww_pull;
/* `pool`: for pull_state; outlives it. */
struct ww_pull *ww_pull_new(struct event_base *base, struct ww_intake *intake, struct ww_pg_pool *pool);
void ww_pull_stop(struct ww_pull *pull); /* fetches no more */
void ww_pull_free(struct ww_pull *pull);

struct ww_pull_feed_state {
    char feed[64];
    bool fetching;
    int64_t last_ok_us, next_us; /* 0 = never, none */
    uint64_t fetches, not_modified, pages, bytes, failures;
    char last_error[160];
};
void ww_pull_each(const struct ww_pull *pull, void (*each)(void *arg, const struct ww_pull_feed_state *state),
                  void *arg);

#endif
