/* Which series are wanted, and how each is written. Pure but for the live map that they are read from.
 *
 *   st = latest_query_read(map, view, params, arena, &query, &err);        // params: views of the request
 *   uint64_t tag = latest_tag(&query, limit);
 *   while (latest_next(&query, &series, &tested)) latest_write_json(&query, series, &out);
 *   latest_query_clear(&query);
 *
 * A query holds no rows: it goes on behind the datastream that it gave last, and gives each as it is then.
 */
#ifndef WW_SERVER_LATEST_ROWS_H
#define WW_SERVER_LATEST_ROWS_H

#include "geo/base/json_writer.h"
#include "server/cql2/cql2.h"
#include "server/tiles/live_internal.h"

/* As the request has them; ptr NULL: not given. */
struct latest_params {
    struct ww_str ward, class_name, property, feed, site_kind, bbox, filter;
    int64_t since_us; /* INT64_MIN: not given */
    int64_t after;    /* id of a datastream; 0: from the start */
};

struct latest_query {
    struct ww_live_map *map;
    struct ww_live_view view; /* whose wards outlive it */
    struct latest_params params;
    uint32_t ward, class_name, property, feed, site_kind; /* words */
    bool is_empty;                                        /* one of the words is nowhere */
    bool has_box;
    int n_boxes;
    double boxes[2][4]; /* west, south, east, north; two over the antimeridian */
    struct ww_cql2_evaluator *filter;
    int64_t after; /* the last that was given */
};

/* WW_BAD_INPUT names the parameter, and the place in it. `arena` keeps the filter; `view` and the texts must
 * last. */
enum ww_status latest_query_read(struct ww_live_map *map, struct ww_live_view view,
                                 const struct latest_params *params, struct ww_arena *arena,
                                 struct latest_query *out, struct ww_error *err) WW_MUST_CHECK;
void latest_query_clear(struct latest_query *query);

/* Changes when anything does that an answer of at most `limit` rows from here on could show. Looks at each
 * series. */
uint64_t latest_tag(const struct latest_query *query, uint64_t limit);

enum latest_step { LATEST_ROW, LATEST_END, LATEST_PAUSE };
/* The next that is wanted; LATEST_PAUSE when `*budget` series have been asked without finding one (counts
 * down). */
enum latest_step latest_next(struct latest_query *query, int *budget, const struct live_series **out);

void latest_write_json(const struct latest_query *query, const struct live_series *series,
                       struct ww_buf *out);
void latest_write_csv_head(struct ww_buf *out);
void latest_write_csv(const struct latest_query *query, const struct live_series *series, struct ww_buf *out);

#endif
