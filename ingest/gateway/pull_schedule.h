/* When a pulled feed is fetched next: pure, so that it can be tested without a clock.
 *
 * A feed is due at the moments of a grid: every `every_s` seconds, shifted by a hash of its name, so that a
 * thousand feeds of five minutes don't all fire on the minute, and the same feed fires at the same moments
 * after a restart. A fetch that ends late takes the grid's next moment: nothing queues up.
 */
#ifndef WW_GATEWAY_PULL_SCHEDULE_H
#define WW_GATEWAY_PULL_SCHEDULE_H

#include "geo/base/str.h"

/* The first moment of the feed's grid after `now_us`. */
int64_t ww_pull_next_us(struct ww_str feed, int every_s, int64_t now_us);
/* When a feed that has just become known begins: soon when it missed a moment since `last_us` (0 = never),
 * spread over at most `spread_s` seconds; else at the grid's next moment. */
int64_t ww_pull_first_us(struct ww_str feed, int every_s, int64_t last_us, int64_t now_us, int spread_s);
/* How long to wait after the n-th failure in a row (from 1): doubles from min(every_s, 10 s) up to every_s or
 * 15 minutes, whichever is more; a hash of feed and n takes off up to a half, so that feeds of one broken
 * server come back apart. */
int64_t ww_pull_backoff_us(struct ww_str feed, int every_s, uint32_t failures);
/* Retry-After (RFC 9110, 10.2.3): seconds, or a date. -1 when it is neither; at most a day. */
int64_t ww_pull_retry_after_us(struct ww_str value, int64_t now_us);

#endif
