/* Posts request bodies to a wardwatch server: several at once, each lane in order, again until taken.
 *
 * A lane holds what must stay in order: of one lane at most one body is on its way, and the next waits
 * until the server acknowledged it. A body that the server could not take (429, 5xx, connection lost, no
 * answer in time) goes again, the same bytes, after a pause that grows from 0.1 s to 10 s with jitter,
 * or as long as Retry-After says. Any other answer than 200 is final: the body is refused. One thread.
 *
 *   struct ww_poster *poster;
 *   st = ww_poster_new(&options, &poster, &err);
 *   ww_poster_send(poster, 0, "air", "text/csv", body, 0, on_answer, arg); // copies the body
 *   ww_poster_wait(poster, 0, &stop);                                      // until nothing waits
 *   ww_poster_free(poster);
 */
#ifndef WW_SIMULATE_POST_H
#define WW_SIMULATE_POST_H

#include <signal.h>

#include "geo/base/buf.h"
#include "geo/base/status.h"

#define WW_POSTER_LANES 64

struct ww_poster_options {
    const char *server;     /* "http://127.0.0.1:8080", with or without a slash at the end */
    const char *token_file; /* its first line is the token; NULL = none */
    int in_flight;          /* at most; 0 = 4 */
};

/* What the server said to one body. */
struct ww_post_answer {
    int http_status;
    struct ww_str text; /* of the answer */
    uint64_t received, stored, corrections, duplicates, dead;
    uint64_t mark; /* as given to send */
};
typedef void (*ww_post_cb)(void *arg, const struct ww_post_answer *answer);

struct ww_post_totals {
    uint64_t bodies, received, stored, corrections, duplicates, dead;
    uint64_t refused; /* bodies with a final answer that is not 200 */
    uint64_t retries;
    char last_problem[200]; /* why the last body was refused or sent again */
};

struct ww_poster;
/* WW_BAD_INPUT when the token file cannot be read. */
enum ww_status ww_poster_new(const struct ww_poster_options *options, struct ww_poster **out,
                             struct ww_error *err) WW_MUST_CHECK;
void ww_poster_free(struct ww_poster *poster); /* NULL is allowed; drops what waits */
enum ww_status ww_poster_send(struct ww_poster *poster, unsigned lane, const char *feed,
                              const char *content_type, struct ww_str body, uint64_t mark, ww_post_cb cb,
                              void *arg) WW_MUST_CHECK;
/* Works until at most `bodies` wait or are on their way, or *stop (may be NULL) is not 0. */
void ww_poster_wait(struct ww_poster *poster, unsigned bodies, const volatile sig_atomic_t *stop);
/* Works for that long, or until *stop. */
void ww_poster_work(struct ww_poster *poster, int64_t ms, const volatile sig_atomic_t *stop);
unsigned ww_poster_pending(const struct ww_poster *poster);
const struct ww_post_totals *ww_poster_totals(const struct ww_poster *poster);

/* One GET, e.g. of "/api/v1/feeds/air"; WW_OK only for 200. */
enum ww_status ww_poster_get(struct ww_poster *poster, const char *path, struct ww_buf *out,
                             struct ww_error *err) WW_MUST_CHECK;
int64_t ww_clock_us(void);     /* wall clock, since 1970 */
int64_t ww_monotonic_us(void); /* for durations */

#endif
