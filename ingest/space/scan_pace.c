/* The pace of one scan rule. */
#include "ingest/space/scan_pace.h"

#define DECIDE_US (10 * WW_SECOND_US) /* whether an alert has been quiet for long enough */
#define HEARD_US  (24 * WW_HOUR_US)   /* who sent something so long ago is not silent */

enum ww_scan_due ww_scan_pace_due(const struct ww_scan_pace *pace, const struct ww_scan_watch *watch,
                                  int64_t now_us, int64_t today) {
    if (ww_scan_watch_is_due(watch, today) && now_us >= pace->next_look_us)
        return WW_SCAN_LOOK;
    if (ww_scan_watch_has_pending(watch) && now_us - pace->decided_us >= DECIDE_US)
        return WW_SCAN_DECIDE;
    return WW_SCAN_NOTHING;
}

int64_t ww_scan_pace_next_us(const struct ww_scan_pace *pace, const struct ww_scan_watch *watch,
                             int64_t today, int64_t tomorrow_us) {
    int64_t look_us = pace->next_look_us;
    if (!ww_scan_watch_is_due(watch, today) && tomorrow_us > look_us)
        look_us = tomorrow_us;
    if (ww_scan_watch_has_pending(watch) && pace->decided_us + DECIDE_US < look_us)
        return pace->decided_us + DECIDE_US;
    return look_us;
}

void ww_scan_pace_looked(struct ww_scan_pace *pace, int64_t now_us, int64_t rest_us) {
    pace->next_look_us = now_us + rest_us;
}

struct ww_scan_moves ww_scan_pace_decide(struct ww_scan_pace *pace, struct ww_scan_watch *watch,
                                         int64_t now_us, struct ww_buf *actions) {
    pace->decided_us = now_us;
    return ww_scan_watch_decide(watch, now_us, now_us - pace->heard_us < HEARD_US, actions);
}
