/* Where a feed's messages come from: the member "protocol" of its configuration and the section of that name.
 *
 *   "protocol": "http"          default: whoever posts to /ingest/v1/{feed}
 *
 *   "protocol": "hj212", "hj212": {
 *     // frames of an MN that is not in the registry: keep (as dead letters, default), register (the
 *     // station registers itself here) or refuse (the connection is cut)
 *     "unknown": "keep",
 *     // for all its stations
 *     "units": {"w21011": "mg/L"}, "factors": {"a99054": "residual_chlorine"}
 *   }
 *
 *   "protocol": "mqtt", "mqtt": {
 *     // {name}: one level, kept under that name; + and # as in MQTT
 *     "topics": ["city/{thing}/up/{property}", "old/+/data"],
 *     // {thing} must be the account's own name; default false
 *     "own_topics": true
 *   }
 *
 *   "protocol": "mqtt_client", "mqtt_client": {
 *     "url": "mqtts://broker:8883", "client_id": "wardwatch-1", "username": "…", "password": "…",
 *     "version": 5,               // or 4, which is MQTT 3.1.1
 *     "ca_file": "/etc/…", "share": "wardwatch", "qos": 1, "topics": ["city/{thing}/up/{property}"],
 *     "keep_alive_s": 60
 *   }
 *
 *   "protocol": "pull", "pull": {
 *     "url": "https://host/path?x=1", "every_s": 300, "headers": {"X-Key": "…"}, "username": "…",
 *     "password": "…", "timeout_s": 30, "max_bytes": 16777216, "ca_file": "…",
 *     "paging": {"by": "none"}
 *     // or: the body names the next page's URL (SensorThings, whose field is the default); "links" of OGC
 *     // APIs, an array of {"rel","href"}, will do
 *     "paging": {"by": "next", "field": "@iot.nextLink"}
 *     // or: Link: <…>; rel="next"
 *     "paging": {"by": "link"}
 *     // or: until a page is short
 *     "paging": {"by": "page", "param": "page", "first": 1, "size_param": "limit", "size": 100}
 *     "paging": {"by": "offset", "param": "offset", "first": 0, "size_param": "limit", "size": 100}
 *     "paging": {"by": "cursor", "param": "after", "field": "meta.cursor"}
 *     // or: windows up to now, each begun again with an overlap shorter than itself
 *     "paging": {"by": "time", "from": "begin", "to": "end", "format": "iso", "window_s": 3600,
 *                "overlap_s": 600, "start": "2026-01-01T00:00:00Z"}
 *     // a window may have pages of its own: "param": "page", "first": 1, "size_param": "limit", "size": 100
 *   }
 *
 *   Any of them: "max_messages_per_s": 100, "max_values_per_s": 5000      // 0 = no limit; above it senders
 *                                                                         // wait
 *
 * What a message's surroundings say is a source like a field: {"topic":"thing"} is the topic's level of that
 * name, {"received":true} as "time" is when the message came in (for senders without a clock: a repeat is
 * then another reading).
 */
#ifndef WW_INGEST_FEED_SOURCE_H
#define WW_INGEST_FEED_SOURCE_H

#include "geo/base/arena.h"
#include "geo/base/json_reader.h"
#include "geo/base/status.h"

enum ww_protocol {
    WW_PROTOCOL_HTTP,
    WW_PROTOCOL_HJ212,
    WW_PROTOCOL_MQTT,
    WW_PROTOCOL_MQTT_CLIENT,
    WW_PROTOCOL_PULL
};

/* A topic pattern, split at "/". */
enum ww_topic_level_kind { WW_TOPIC_TEXT, WW_TOPIC_NAME, WW_TOPIC_ONE, WW_TOPIC_REST };
struct ww_topic_level {
    enum ww_topic_level_kind kind;
    struct ww_str text; /* the text, or the name */
};
struct ww_topic_pattern {
    struct ww_topic_level *levels;
    uint32_t n_levels;
    struct ww_str filter; /* as MQTT subscribes: names as + */
};
/* WW_BAD_INPUT names the pattern's fault. */
enum ww_status ww_topic_pattern_parse(struct ww_str text, struct ww_arena *arena,
                                      struct ww_topic_pattern *out, struct ww_error *err) WW_MUST_CHECK;
/* `values` (may be NULL): the level of each NAME, in order; at least as many as the pattern has levels. A
 * topic that begins with "$" matches only a pattern that does. */
bool ww_topic_pattern_match(const struct ww_topic_pattern *pattern, struct ww_str topic,
                            struct ww_str *values);

enum ww_unknown_station { WW_UNKNOWN_KEEP, WW_UNKNOWN_REGISTER, WW_UNKNOWN_REFUSE };

struct ww_unit_override { /* "" = not overridden */
    struct ww_str code, unit, property;
};

struct ww_hj212_source {
    enum ww_unknown_station unknown;
    struct ww_unit_override *overrides;
    uint32_t n_overrides;
};

struct ww_mqtt_source { /* of both mqtt and mqtt_client */
    struct ww_topic_pattern *topics;
    uint32_t n_topics;
    bool own_topics;
    /* mqtt_client: */
    struct ww_str host, client_id, username, password, ca_file, share;
    bool has_username, has_password;
    int port, version, qos, keep_alive_s;
    bool tls;
};

enum ww_paging {
    WW_PAGING_NONE,
    WW_PAGING_NEXT,
    WW_PAGING_LINK,
    WW_PAGING_PAGE,
    WW_PAGING_OFFSET,
    WW_PAGING_CURSOR,
    WW_PAGING_TIME
};
struct ww_header_line {
    struct ww_str name, value;
};
struct ww_pull_source {
    struct ww_str url, username, password, ca_file;
    bool has_username;
    struct ww_header_line *headers;
    uint32_t n_headers;
    int every_s, timeout_s;
    size_t max_bytes;
    enum ww_paging paging;
    struct ww_str param, field, size_param, from, to,
        time_format;     /* time_format: iso | epoch | epoch_ms | strptime's */
    int64_t first, size; /* size 0: a window is one page */
    int window_s, overlap_s;
    int64_t start_us; /* WW_INSTANT_NONE = now − window */
};

struct ww_feed_source {
    enum ww_protocol protocol;
    struct ww_hj212_source hj212;
    struct ww_mqtt_source mqtt;
    struct ww_pull_source pull;
    double max_messages_per_s, max_values_per_s; /* 0 = no limit */
};

/* `root`: the feed's whole configuration. What it fills lives in `arena`. The error's field names the member
 * ("pull.every_s"). */
enum ww_status ww_feed_source_parse(const struct ww_json_node *root, struct ww_arena *arena,
                                    struct ww_feed_source *out, struct ww_error *err) WW_MUST_CHECK;
const char *ww_protocol_name(enum ww_protocol protocol);

#endif
