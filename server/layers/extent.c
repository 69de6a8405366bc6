/* Counts a layer: its rows, the box around them, the first and last time. One query a layer and snapshot. */
#include <math.h>
#include <stdio.h>

#include "geo/base/buf.h"
#include "geo/crs.h"
#include "geo/instant.h"
#include "server/layers/internal.h"

#define LIVE_US WW_DAY_US /* what is that new goes on: its extent in time is open */

static void add_time(struct ww_buf *sql, const char *function, const struct ww_layer_column *column) {
    ww_buf_printf(sql, ", (extract(epoch FROM %s(%.*s)) * 1000000)::bigint", function,
                  WW_STR_ARG(column->sql));
}

const char *ww_layer_extent_sql(struct ww_layer_set *set, const struct ww_layer *layer) {
    struct ww_buf sql;
    ww_buf_init(&sql, (size_t)16 << 10);
    ww_buf_text(&sql, "SELECT count(*)");
    if (layer->geom >= 0) {
        struct ww_str geom = layer->columns[layer->geom].select;
        ww_buf_printf(&sql,
                      ", ST_XMin(ST_Extent(%.*s)), ST_YMin(ST_Extent(%.*s)), ST_XMax(ST_Extent(%.*s)), "
                      "ST_YMax(ST_Extent(%.*s))",
                      WW_STR_ARG(geom), WW_STR_ARG(geom), WW_STR_ARG(geom), WW_STR_ARG(geom));
    } else {
        ww_buf_text(&sql, ", NULL, NULL, NULL, NULL");
    }
    if (layer->time >= 0) {
        add_time(&sql, "min", &layer->columns[layer->time]);
        add_time(&sql, "max", &layer->columns[layer->time_end >= 0 ? layer->time_end : layer->time]);
        if (layer->time_end >= 0) /* an open end is open */
            ww_buf_printf(&sql, ", coalesce(bool_or(%.*s IS NULL), false)",
                          WW_STR_ARG(layer->columns[layer->time_end].sql));
        else
            ww_buf_text(&sql, ", false");
    } else {
        ww_buf_text(&sql, ", NULL, NULL, false");
    }
    ww_buf_printf(&sql, " FROM %.*s t", WW_STR_ARG(layer->relation));
    struct ww_str text = sql.failed == WW_OK ? ww_arena_copy(set->arena, ww_buf_str(&sql)) : WW_STR("");
    ww_buf_clear(&sql);
    return text.ptr ? text.ptr : "";
}

/* The corners alone would miss what bulges: SIDE points on each edge. */
static bool to_crs84(int srid, double box[4]) {
    enum { SIDE = 20 };
    double xy[4 * SIDE * 2];
    struct ww_crs *crs;
    if (ww_crs_open((uint32_t)srid, WW_CRS84, &crs, NULL) != WW_OK)
        return false;
    if (ww_crs_is_identity(crs)) {
        ww_crs_close(crs);
        return true;
    }
    for (int i = 0; i < SIDE; i++) {
        double f = (double)i / SIDE;
        const double points[4][2] = {{box[0] + f * (box[2] - box[0]), box[1]},
                                     {box[2], box[1] + f * (box[3] - box[1])},
                                     {box[2] - f * (box[2] - box[0]), box[3]},
                                     {box[0], box[3] - f * (box[3] - box[1])}};
        memcpy(xy + 8 * (size_t)i, points, sizeof points);
    }
    ww_crs_forward(crs, xy, (size_t)4 * SIDE);
    ww_crs_close(crs);
    double out[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < 4 * SIDE; i++) {
        if (isnan(xy[2 * i]))
            return false;
        out[0] = fmin(out[0], xy[2 * i]), out[2] = fmax(out[2], xy[2 * i]);
        out[1] = fmin(out[1], xy[2 * i + 1]), out[3] = fmax(out[3], xy[2 * i + 1]);
    }
    /* An edge between two of the points may still bulge by the square of their distance. */
    double margin_x = (out[2] - out[0]) / (SIDE * SIDE);
    double margin_y = (out[3] - out[1]) / (SIDE * SIDE);
    box[0] = out[0] - margin_x, box[1] = out[1] - margin_y, box[2] = out[2] + margin_x,
    box[3] = out[3] + margin_y;
    return true;
}

void ww_layer_extent_take(struct ww_layer *layer, const struct ww_pg_result *r, int64_t now_us) {
    layer->counted = true;
    layer->rows = ww_pg_i64(r, 0, 0);
    if (!ww_pg_is_null(r, 0, 1)) {
        for (int i = 0; i < 4; i++)
            layer->box[i] = ww_pg_double(r, 0, 1 + i);
        layer->has_box = to_crs84(layer->srid, layer->box);
        for (int i = 0; i < 4 && layer->has_box; i++)
            layer->has_box = isfinite(layer->box[i]);
    }
    if (ww_pg_is_null(r, 0, 5))
        return;
    layer->has_times = true;
    layer->time_from = ww_pg_i64(r, 0, 5);
    bool open = ww_pg_is_null(r, 0, 6) || ww_pg_bool(r, 0, 7);
    layer->time_to = open ? WW_INSTANT_NONE : ww_pg_i64(r, 0, 6);
    if (!open && layer->columns[layer->time].type == WW_LAYER_DATE)
        layer->time_to += WW_DAY_US - 1;
    if (layer->time_to > now_us - LIVE_US)
        layer->time_to = WW_INSTANT_NONE;
}
