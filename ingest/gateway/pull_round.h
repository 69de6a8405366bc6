/* A round: the pages that are asked for one after another when a feed is due. Pure: no clock, no socket.
 *
 *   ww_pull_round_begin(&round, now_us);
 *   while (ww_pull_round_ask(&round, zone, &err) == WW_OK) {        // round.url is what to ask for
 *       …fetch…
 *       st = ww_pull_round_read(&round, &page, &err);               // round.next is where to go on,
 * round.more …store the page, wait for its COMMIT… ww_pull_round_move(&round); // now, and not before …save
 * round.position… if (!round.more) break;
 *   }
 *
 * A position is a text whose meaning is the paging's: the address of a page (next, link), a page's number or
 * offset, a cursor, the moment up to which windows are stored. "" = from the beginning.
 */
#ifndef WW_GATEWAY_PULL_ROUND_H
#define WW_GATEWAY_PULL_ROUND_H

#include "geo/base/buf.h"
#include "geo/instant.h"
#include "ingest/decode/feed_config.h"

enum { WW_PULL_MAX_PAGES = 10000, WW_PULL_MAX_POSITION = 8192 };

struct ww_pull_round {
    const struct ww_pull_source *source;
    struct ww_buf position; /* what is stored comes before it */
    struct ww_buf next;     /* of the page at hand: where to go on once it is stored */
    struct ww_buf url;      /* of the page at hand */
    bool more;              /* the round goes on after the page at hand */
    bool nothing_to_ask;    /* ww_pull_round_ask: no time has passed since the last window */
    int64_t until_us;       /* windows end here: when the round began */
    int64_t window_to_us;
    int64_t window_page; /* of the window at hand, which a new round begins anew; -1 = its first */
    uint64_t *asked;     /* hashes of the addresses of this round */
    uint32_t n_asked, cap_asked;
};

/* `source` outlives it. */
void ww_pull_round_init(struct ww_pull_round *round, const struct ww_pull_source *source);
void ww_pull_round_clear(struct ww_pull_round *round);
/* Where an earlier process stood. */
void ww_pull_round_set_position(struct ww_pull_round *round, struct ww_str position);
void ww_pull_round_begin(struct ww_pull_round *round, int64_t now_us);
/* Makes `url`. WW_CONFLICT: that page has been asked for in this round already. WW_TOO_LARGE: 10,000 pages.
 */
enum ww_status ww_pull_round_ask(struct ww_pull_round *round, const struct ww_zone *zone,
                                 struct ww_error *err) WW_MUST_CHECK;

struct ww_pull_page {
    const char *url;    /* that answered, after redirects */
    struct ww_str body; /* empty when there is no news: 204, 304 */
    struct ww_str link; /* Link headers */
    enum ww_format format;
    struct ww_str records; /* dotted path, see ww_pull_count_records */
};
/* Makes `next` and `more`. WW_BAD_INPUT: what the page says about the next one can't be followed; the page
 * itself is to be stored all the same, and the position does not move. */
enum ww_status ww_pull_round_read(struct ww_pull_round *round, const struct ww_pull_page *page,
                                  struct ww_error *err) WW_MUST_CHECK;
void ww_pull_round_move(struct ww_pull_round *round);
/* The position leads nowhere any more (the endpoint forgot a cursor): begin again. False when it was no
 * position that the endpoint had given. */
bool ww_pull_round_forget(struct ww_pull_round *round);
/* The next round begins with the address of the page at hand, so that its ETag may be sent along. */
bool ww_pull_round_stays(const struct ww_pull_round *round, const struct ww_zone *zone);

/* A moment as an endpoint wants it: iso, epoch, epoch_ms, or %Y %m %d %H %M %S %f %y %j %s %z in the zone. */
enum ww_status ww_pull_time_text(int64_t instant_us, struct ww_str format, const struct ww_zone *zone,
                                 struct ww_buf *out, struct ww_error *err) WW_MUST_CHECK;

#endif
