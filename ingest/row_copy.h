/* Encodes rows for PostgreSQL's COPY … (FORMAT binary).
 *
 * Format (PostgreSQL manual, "COPY, Binary Format"): a header of 19 bytes, then for each row
 * an int16 count of fields and each field as int32 length + bytes (-1 = NULL), then int16 -1.
 * Times are microseconds since 2000-01-01. The writers here know the columns of our tables;
 * each has its COPY statement beside it.
 */
#ifndef WW_INGEST_ROW_COPY_H
#define WW_INGEST_ROW_COPY_H

#include "geo/base/buf.h"
#include "ingest/locate.h"

extern const char ww_copy_observation_sql[];
extern const char ww_copy_stage_sql[];
extern const char ww_copy_foi_sql[];
extern const char ww_copy_raw_message_sql[];
extern const char ww_copy_dead_letter_sql[];

void ww_copy_begin(struct ww_buf *out);
void ww_copy_end(struct ww_buf *out);

/* One row of observation; `foi_id` 0 = NULL, `ward_id` 0 = NULL, `detail` len 0 = NULL. */
struct ww_copy_observation {
    int64_t datastream_id, time_us, raw_message_id, foi_id;
    double value;
    int32_t interval_s;
    uint32_t ward_id;
    char flag;
    struct ww_str detail;
};
void ww_copy_observation(struct ww_buf *out, const struct ww_copy_observation *row);
/* The same into the staging table, with the row's ordinal within the transaction, and whether its
 * message was committed before. */
void ww_copy_stage(struct ww_buf *out, const struct ww_copy_observation *row, int32_t ordinal, bool repeated);

void ww_copy_foi(struct ww_buf *out, int64_t id, const struct ww_own_place *own, const char *datum);

struct ww_copy_raw_message {
    int64_t id, received_at_us, received, stored, corrections, duplicates, dead;
    int32_t feed_id, account_id; /* account 0 = NULL */
    const char *peer;
    struct ww_str content_type, sha256, body_zstd; /* body_zstd len 0 = NULL */
    uint64_t n_bytes;
    uint32_t deviations;
};
void ww_copy_raw_message(struct ww_buf *out, const struct ww_copy_raw_message *row);
void ww_copy_dead_letter(struct ww_buf *out, int32_t feed_id, int64_t raw_message_id,
                         const struct ww_dead_row *row, struct ww_str header, struct ww_str content_type);

#endif
