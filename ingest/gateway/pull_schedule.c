/* Moments of fetching: the grid, the first one, back-off, Retry-After. */
#include "ingest/gateway/pull_schedule.h"

#include <curl/curl.h>

#include "geo/instant.h"

enum { FIRST_BACKOFF_S = 10, LONG_BACKOFF_S = 900, MAX_DOUBLINGS = 20, MAX_DATE = 64 };

/* 0 … range − 1, the same for the same name and salt. */
static int64_t spread(struct ww_str feed, uint64_t salt, int64_t range) {
    uint64_t mixed[2] = {ww_str_hash(feed), salt};
    return (int64_t)(ww_str_hash((struct ww_str){(const char *)mixed, sizeof mixed}) % (uint64_t)range);
}

static int64_t floor_to_grid(struct ww_str feed, int64_t period_us, int64_t at_us) {
    int64_t phase = spread(feed, 0, period_us);
    int64_t beyond = (at_us - phase) % period_us;
    return at_us - (beyond < 0 ? beyond + period_us : beyond);
}

int64_t ww_pull_next_us(struct ww_str feed, int every_s, int64_t now_us) {
    int64_t period_us = every_s * WW_SECOND_US;
    return floor_to_grid(feed, period_us, now_us) + period_us;
}

int64_t ww_pull_first_us(struct ww_str feed, int every_s, int64_t last_us, int64_t now_us, int spread_s) {
    int64_t period_us = every_s * WW_SECOND_US;
    /* A last time from the future is a clock that was set back: no reason to wait for it. */
    if (last_us > 0 && last_us <= now_us && last_us >= floor_to_grid(feed, period_us, now_us))
        return ww_pull_next_us(feed, every_s, now_us);
    int64_t range_us = (spread_s < every_s ? spread_s : every_s) * WW_SECOND_US;
    return now_us + (range_us > 0 ? spread(feed, 1, range_us) : 0);
}

int64_t ww_pull_backoff_us(struct ww_str feed, int every_s, uint32_t failures) {
    int64_t delay_us = (every_s < FIRST_BACKOFF_S ? every_s : FIRST_BACKOFF_S) * WW_SECOND_US;
    int64_t most_us = (every_s > LONG_BACKOFF_S ? every_s : LONG_BACKOFF_S) * WW_SECOND_US;
    for (uint32_t i = 1; i < failures && i < MAX_DOUBLINGS && delay_us < most_us; i++)
        delay_us *= 2;
    if (delay_us > most_us)
        delay_us = most_us;
    return delay_us - spread(feed, failures, delay_us / 2);
}

int64_t ww_pull_retry_after_us(struct ww_str value, int64_t now_us) {
    uint64_t seconds;
    char date[MAX_DATE];
    value = ww_str_trim(value);
    if (ww_str_to_u64(value, &seconds))
        return seconds < 86400 ? (int64_t)seconds * WW_SECOND_US : WW_DAY_US;
    if (value.len == 0 || value.len >= sizeof date || memchr(value.ptr, '\0', value.len))
        return -1;
    memcpy(date, value.ptr, value.len);
    date[value.len] = '\0';
    time_t at = curl_getdate(date, NULL);
    int64_t now_s = now_us / WW_SECOND_US;
    if (at < 0)
        return -1;
    if (at >= now_s + 86400) /* also years that no one meant: they don't fit microseconds */
        return WW_DAY_US;
    return at > now_s ? at * WW_SECOND_US - now_us : 0;
}
