/* HTTP GETs on the event loop: libcurl's multi interface, driven by libevent.
 *
 *   struct ww_fetch *fetch;
 *   st = ww_fetch_start(fetcher, &request, on_answer, on_hungry, arg, &fetch, &err);
 *   …on_answer(arg, &answer)              // once, from the loop, never from inside ww_fetch_start; `fetch`
 * is gone then
 *
 * Nothing blocks: names are resolved in libcurl's own threads, and no signal is used. What bounds it: fetches
 * at once, bytes of an answer (request.max_bytes, decompressed), bytes of headers, and the answers' bytes in
 * all: an answer that grows beyond a megabyte waits, unread, until it can have its max_bytes out of the
 * common room. Redirects are followed here, not by libcurl: http and https only, from https only to https, at
 * most five, and on another server without the feed's headers and password. Only TLS certificates that check
 * out are accepted.
 */
#ifndef WW_GATEWAY_PULL_FETCH_H
#define WW_GATEWAY_PULL_FETCH_H

#include <event2/event.h>

#include "geo/base/status.h"
#include "ingest/decode/feed_source.h"

struct ww_fetcher;
struct ww_fetch;

struct ww_fetcher *ww_fetcher_new(struct event_base *base);
void ww_fetcher_free(struct ww_fetcher *fetcher); /* NULL is allowed; its fetches end without an answer */
bool ww_fetcher_is_full(const struct ww_fetcher *fetcher);

struct ww_fetch_request {
    const struct ww_pull_source *source; /* headers, password, limits; outlives the fetch */
    const char *url;
    struct ww_str etag, last_modified; /* to be sent along; "" = ask unconditionally */
};
struct ww_fetch_answer {
    enum ww_status
        status; /* WW_OK: a whole answer, whatever its code. WW_TOO_LARGE, WW_UNAVAILABLE, WW_BAD_INPUT */
    const char *reason; /* unless WW_OK; names no address, header or password */
    long code;          /* 200 … */
    const char *url;    /* that answered in the end */
    struct ww_str body; /* of 200 and 203 only */
    struct ww_str content_type, etag, last_modified, link, retry_after;
};
/* The answer's texts live until the callback returns. */
typedef void (*ww_fetch_cb)(void *arg, const struct ww_fetch_answer *answer);
/* Asked before bytes of the body are taken; false: read no further until ww_fetch_resume. The clock of
 * source->timeout_s stands still meanwhile. */
typedef bool (*ww_fetch_may_read)(void *arg);

enum ww_status ww_fetch_start(struct ww_fetcher *fetcher, const struct ww_fetch_request *request,
                              ww_fetch_cb cb, ww_fetch_may_read may_read, void *arg, struct ww_fetch **out,
                              struct ww_error *err) WW_MUST_CHECK;
void ww_fetch_resume(struct ww_fetch *fetch);
void ww_fetch_cancel(struct ww_fetch *fetch); /* no callback; not from inside one of its own */

#endif
