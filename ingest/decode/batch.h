/* A batch: what one request or message said, in columns.
 *
 * Made by decode, placed by locate, judged and committed by the path in ingest/. Rows name
 * their series (thing, property, unit) by an index into a small dictionary, so that names
 * are looked up once a batch and not once a row. Every pointer lives in `arena`, or
 * views the request's body, which must outlive the batch.
 */
#ifndef WW_INGEST_BATCH_H
#define WW_INGEST_BATCH_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/place.h"

struct ww_series_name {
    struct ww_str thing;    /* the sender's own key for the thing, 1 … 128 bytes of UTF-8 */
    struct ww_str property; /* code of the observed property, 1 … 64 bytes */
    struct ww_str unit;     /* as sent; "" = the property's own */
    /* Series of one property that a sender keeps apart, each a datastream of its own: */
    struct ww_str statistic; /* "" = the value itself; mean, min, max, sum …; at most 32 bytes */
    int32_t interval_s;      /* 0 = the length is no part of what the series is */
};

/* One input row that could not be taken. */
struct ww_dead_row {
    uint64_t line;   /* from 1: the line in line formats, the record in arrays */
    uint64_t column; /* byte column in the line, or 0 */
    char field[48];  /* mapping target or source field, "" if the row itself is broken */
    char reason[160];
    struct ww_str raw; /* the row's bytes (views the body) */
};

struct ww_batch {
    struct ww_arena *arena;
    struct ww_series_name *series;
    uint32_t n_series;

    uint32_t n_rows;
    uint32_t *series_of; /* [n_rows] */
    int64_t *time_us;    /* phenomenon time: the moment, or the interval's start */
    int32_t *interval_s; /* 0 = instant */
    double *value;       /* in the unit of its series; finite */
    char *flag;          /* quality, 'N' = normal */
    uint64_t *line;
    uint32_t *raw_at;           /* where the row's record begins in the body … */
    uint32_t *raw_len;          /* … and its length: kept when the row turns out dead later */
    struct ww_raw_place *place; /* NULL when no row has one; x = NAN for rows without */
    struct ww_str *ward_code;   /* NULL when no row is placed by ward; len 0 for rows without */
    struct ww_str *detail;      /* NULL when no row has one; JSON object with the kept fields */

    int64_t sender_time_us; /* the sender's clock when it sent, WW_INSTANT_NONE = unknown (HJ 212: QN) */

    uint32_t deviations; /* HJ 212: enum ww_hj212_deviation of its frame */

    struct ww_dead_row *dead;
    uint32_t n_dead;
    uint64_t n_received; /* values: n_rows + dead rows */
};

#endif
