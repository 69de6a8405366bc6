/* Moments as microseconds since 1970-01-01T00:00:00Z; reading and writing them.
 *
 * Microseconds because that is PostgreSQL's own resolution. Range 0001-01-01 … 9999-12-31.
 */
#ifndef WW_GEO_INSTANT_H
#define WW_GEO_INSTANT_H

#include "geo/base/status.h"

#define WW_SECOND_US    INT64_C(1000000)
#define WW_HOUR_US      (3600 * WW_SECOND_US)
#define WW_DAY_US       (86400 * WW_SECOND_US)
#define WW_INSTANT_NONE INT64_MIN

struct ww_civil { /* proleptic Gregorian */
    int year, month, day, hour, minute, second, microsecond;
};

/* A time zone: "UTC", "+08:00", "-0330" or an IANA name ("Asia/Shanghai"), which is read
 * from the system's zone files. Read only after opening. */
struct ww_zone;
enum ww_status ww_zone_open(struct ww_str name, struct ww_zone **out, struct ww_error *err) WW_MUST_CHECK;
void ww_zone_close(struct ww_zone *zone); /* NULL is allowed */
/* Seconds east of UTC at that moment. */
int32_t ww_zone_offset_s(const struct ww_zone *zone, int64_t instant_us);

/* WW_BAD_INPUT when a field is out of range (30 February, 24:00, second 60). A civil time that a zone skips
 * moves forward by the gap; one that happens twice is the first. zone NULL = UTC. */
enum ww_status ww_civil_to_instant(const struct ww_civil *civil, const struct ww_zone *zone, int64_t *out,
                                   struct ww_error *err) WW_MUST_CHECK;
struct ww_civil ww_instant_to_civil(int64_t instant_us, const struct ww_zone *zone);

/* ISO 8601 / RFC 3339 as feeds write it: "2026-11-23T01:02:03.5+08:00", "…Z", blank for T,
 * date only, no seconds, "20261123010203" and with milliseconds "20261123010203123" (HJ 212).
 * Without an offset the zone counts. Digits after the sixth of a fraction are cut off. */
enum ww_status ww_instant_parse(struct ww_str text, const struct ww_zone *zone, int64_t *out,
                                struct ww_error *err) WW_MUST_CHECK;
/* By a strptime-like format of %Y %y %m %d %H %M %S %f %z %s %b %p %I and literal text. */
enum ww_status ww_instant_parse_format(struct ww_str text, const char *format, const struct ww_zone *zone,
                                       int64_t *out, struct ww_error *err) WW_MUST_CHECK;
/* "2026-11-23T01:02:03.500000Z" without needless zeros; returns the length (< 40). */
int ww_instant_text(int64_t instant_us, char out[40]);
/* The start of the local hour/day/… bucket of `length_us` (a divisor or multiple of a day)
 * that the moment lies in. More than a day counts from Monday 1970-01-05, so that seven days
 * are weeks. When clocks are set back, a repeated hour is a bucket of its own; longer buckets
 * of that day are longer or shorter by the change. */
int64_t ww_instant_bucket(int64_t instant_us, int64_t length_us, const struct ww_zone *zone);
/* The local day that the moment lies in, in days since 1970-01-01; and the moment at which a day begins. */
int64_t ww_instant_day(int64_t instant_us, const struct ww_zone *zone);
int64_t ww_day_start(int64_t day, const struct ww_zone *zone);

#endif
