/* The data area of an HJ 212 upload, item by item. */
#ifndef WW_DECODE_HJ212_ITEMS_H
#define WW_DECODE_HJ212_ITEMS_H

#include "ingest/decode/decode_internal.h"
#include "ingest/hj212/stations.h"

/* A frame that is being read. */
struct hj212_reading {
    struct decoder *d;
    const struct ww_hj212_station *station;
    const struct ww_hj212_message *m;
    int32_t interval_s; /* of means, minima, maxima and sums */
    int64_t time_us;    /* of the items at hand */
    bool has_time;      /* false: their DataTime can't be read */
    struct ww_str part; /* of the items at hand: the last PolId; "" = the data logger's own */
    /* Whether any item has that suffix: most frames have few of them. */
    bool has_flag, has_detail;
};

/* Every item becomes a row, a dead row, or part of another's row. */
void hj212_read_items(struct hj212_reading *f);
/* A factor's property and unit as the station's record says, then the feed, then the standard's table.
 * `is_sum`: of its -Cou, whose overrides are named CODE-Cou. `is_assumed` (may be NULL): the unit is the
 * usual one of a factor that is sent in several. */
void hj212_read_factor(const struct hj212_reading *f, struct ww_str code, bool is_sum,
                       struct ww_str *property, struct ww_str *unit, bool *is_assumed);

#endif
