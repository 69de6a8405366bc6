/* When a scan rule is looked at, and when it is decided about its alerts: the same on the loop and in a past
 * that is played again.
 *
 *   struct ww_scan_pace pace = {0};
 *   switch (ww_scan_pace_due(&pace, watch, now_us, today)) {
 *   case WW_SCAN_LOOK:                              // events came, or a day began
 *       ww_scan_watch_begin(watch, today); ww_scan_watch_look(watch);
 *       ww_scan_pace_looked(&pace, now_us, rest_us);
 *       moves = ww_scan_pace_decide(&pace, watch, now_us, actions);
 *   case WW_SCAN_DECIDE:                            // an alert may have been quiet for long enough
 *       moves = ww_scan_pace_decide(&pace, watch, now_us, actions);
 *   case WW_SCAN_NOTHING: …
 *   }
 *
 * Pure: the caller has the clock.
 */
#ifndef WW_INGEST_SPACE_SCAN_PACE_H
#define WW_INGEST_SPACE_SCAN_PACE_H

#include "geo/instant.h"
#include "ingest/space/scan_watch.h"

struct ww_scan_pace {
    int64_t next_look_us; /* not before then */
    int64_t decided_us;
    int64_t heard_us; /* from somebody whose events count; the caller sets it */
};

enum ww_scan_due { WW_SCAN_NOTHING, WW_SCAN_LOOK, WW_SCAN_DECIDE };
enum ww_scan_due ww_scan_pace_due(const struct ww_scan_pace *pace, const struct ww_scan_watch *watch,
                                  int64_t now_us, int64_t today);
/* When that will be, if nothing comes meanwhile; `tomorrow_us`: when the day after `today` begins. */
int64_t ww_scan_pace_next_us(const struct ww_scan_pace *pace, const struct ww_scan_watch *watch,
                             int64_t today, int64_t tomorrow_us);

/* A look is over; the next may begin `rest_us` later. */
void ww_scan_pace_looked(struct ww_scan_pace *pace, int64_t now_us, int64_t rest_us);
struct ww_scan_moves ww_scan_pace_decide(struct ww_scan_pace *pace, struct ww_scan_watch *watch,
                                         int64_t now_us, struct ww_buf *actions);

#endif
