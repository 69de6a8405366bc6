/* From names to rows: which datastream, which ward, in which unit?
 *
 * Takes a decoded batch and a catalog. Rows that can't be taken (unknown thing or property, a
 * unit that does not fit, a place that is none, a time in the future) become dead rows of the
 * batch; things and datastreams that are missing in a feed that registers are listed, and the
 * batch is located again once they are there. Pure but for the arena.
 */
#ifndef WW_INGEST_LOCATE_H
#define WW_INGEST_LOCATE_H

#include "geo/base/buf.h"
#include "geo/unit.h"
#include "ingest/catalog.h"
#include "ingest/decode/batch.h"

/* A reading taken somewhere else than where its thing stands. */
struct ww_own_place {
    uint32_t row;
    uint32_t ward_id;
    struct ww_place place;
    struct ww_raw_place raw;
};

/* A known thing some of whose rows turned out dead. */
struct ww_dead_thing {
    uint32_t thing;
    uint32_t n_rows;
    int64_t time_us; /* that the last of them gave, as it may be in the future */
};

/* The batch's rows that can be taken, in the batch's order. All in the batch's arena. */
struct ww_located {
    uint32_t n_rows;
    uint32_t *row;        /* [n_rows] into the batch's columns */
    uint32_t *datastream; /* index in the catalog */
    uint32_t *ward_id;    /* 0 = outside all wards */
    double *value;        /* in the property's unit */
    struct ww_own_place *own;
    uint32_t n_own;
    uint32_t n_outside; /* rows in no ward */
    struct ww_dead_thing *dead_things;
    uint32_t n_dead_things;
};

/* WW_NOT_FOUND: something must be registered first; `missing` holds the JSON array for
 * sql/queries/register_things.sql. WW_NO_MEMORY: arena full. `body` is what the batch was decoded from. */
enum ww_status ww_locate(const struct ww_catalog *catalog, const struct ww_cat_feed *feed,
                         struct ww_batch *batch, struct ww_str body, int64_t now_us, struct ww_located *out,
                         struct ww_buf *missing, struct ww_error *err) WW_MUST_CHECK;

#endif
