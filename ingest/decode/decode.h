/* Turns the bytes of one request into a batch.
 *
 * Pure: no clock, no socket, no SQL. In a strict feed the first bad row makes the whole
 * request WW_BAD_INPUT, with line, column and field in `err`. In a lenient feed bad rows
 * become dead rows; a body that breaks off in the middle gives what was good before, and the
 * rest as one dead row. WW_BAD_INPUT in a lenient feed means that not one row was
 * recognised (wrong format, no CSV header, empty body is fine: zero rows).
 * WW_TOO_LARGE when the body has more than `max_rows` values, or the arena is full.
 */
#ifndef WW_INGEST_DECODE_H
#define WW_INGEST_DECODE_H

#include "geo/base/buf.h"
#include "ingest/decode/batch.h"
#include "ingest/decode/feed_config.h"

/* By Content-Type: application/x-ndjson, application/json, application/geo+json, text/csv, text/plain,
 * application/ld+json, application/hj212 (parameters ignored). AUTO when none fits. Only a hint: a
 * feed whose format is text, sensorthings or ngsi-ld, or whose protocol is hj212, reads every body so, and
 * text/plain, application/ld+json and application/hj212 mean no more than AUTO to the other feeds. */
enum ww_format ww_format_of_content_type(struct ww_str content_type);

/* `format` AUTO: the feed's own, else a guess from the first bytes. `body` must outlive the
 * batch; all else lives in `arena`. `out` is filled on WW_OK only. Without surroundings: no topic, received
 * in 1970. */
enum ww_status ww_decode(const struct ww_feed_config *config, enum ww_format format, struct ww_str body,
                         uint32_t max_rows, struct ww_arena *arena, struct ww_batch *out,
                         struct ww_error *err) WW_MUST_CHECK;

/* What stands around a body. */
struct ww_surroundings {
    struct ww_str content_type; /* as it came: chooses the format; its parameter topic (percent-encoded) is
                                   the MQTT topic */
    int64_t received_at_us;
};
/* The same with surroundings, which must outlive the batch too. */
enum ww_status ww_decode_message(const struct ww_feed_config *config, const struct ww_surroundings *around,
                                 struct ww_str body, uint32_t max_rows, struct ww_arena *arena,
                                 struct ww_batch *out, struct ww_error *err) WW_MUST_CHECK;
/* "application/json; topic=…": what a message from MQTT is kept with. */
enum ww_status ww_content_type_with_topic(struct ww_str type, struct ww_str topic,
                                          struct ww_buf *out) WW_MUST_CHECK;

#endif
