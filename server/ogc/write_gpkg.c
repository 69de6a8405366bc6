/* A layer as a GeoPackage (gpkg.h): rows go into a file, which is sent when it is complete (send_file.c). */
#include <stdio.h>

#include "geo/instant.h"
#include "server/ogc/format.h"
#include "server/ogc/gpkg.h"

#define MAX_FILE_BYTES ((uint64_t)1 << 30)

/* Milliseconds, as the standard has a DATETIME; what PostgreSQL calls infinite has no such text. */
static bool instant(const struct ww_pg_result *r, int row, int at, char out[40], struct ww_str *text) {
    const int64_t us = ww_pg_bin_instant(r, row, at);
    if (us == WW_PG_INSTANT_INFINITY || us == WW_PG_INSTANT_MINUS_INFINITY)
        return false;
    const struct ww_civil c = ww_instant_to_civil(us, NULL);
    const int n = snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour,
                           c.minute, c.second, c.microsecond / 1000);
    *text = (struct ww_str){out, (size_t)n};
    return n > 0 && n < 40;
}

static enum ww_gpkg_type type_of(enum ww_layer_type type) {
    static const enum ww_gpkg_type types[] = {
        [WW_LAYER_BOOL] = WW_GPKG_BOOLEAN,   [WW_LAYER_INT] = WW_GPKG_INTEGER,
        [WW_LAYER_FLOAT] = WW_GPKG_REAL,     [WW_LAYER_NUMERIC] = WW_GPKG_REAL,
        [WW_LAYER_TEXT] = WW_GPKG_TEXT,      [WW_LAYER_INSTANT] = WW_GPKG_DATETIME,
        [WW_LAYER_CIVIL] = WW_GPKG_DATETIME, [WW_LAYER_DATE] = WW_GPKG_DATE,
        [WW_LAYER_JSON] = WW_GPKG_TEXT,      [WW_LAYER_GEOMETRY] = WW_GPKG_TEXT};
    return types[type];
}

static void head(struct ogc_run *run, struct ww_buf *out) {
    const struct ww_layer *layer = run->call->layer;
    const int n = run->request.n_properties;
    struct ww_gpkg_column *columns = ww_arena_calloc(run->call->arena, (size_t)n + 1, sizeof *columns);
    struct ww_gpkg_options options = {.max_bytes = MAX_FILE_BYTES,
                                      .table = layer->id,
                                      .title = ogc_title(run->call, layer),
                                      .about = OGC_SAY(run->call, layer->about_en, layer->about_zh),
                                      .columns = columns,
                                      .n_columns = n};
    (void)out;
    if (!columns)
        return; /* run->gpkg stays NULL: no memory */
    for (int i = 0; i < n; i++) {
        const struct ww_layer_column *column = &layer->columns[run->request.properties[i]];
        columns[i] = (struct ww_gpkg_column){column->name, type_of(column->type)};
    }
    if (layer->geom >= 0) {
        options.geometry = layer->columns[layer->geom].name;
        options.geometry_type = layer->columns[layer->geom].geom_type;
        options.srs = run->request.crs == WW_CRS84 ? 4326 : (int32_t)run->request.crs;
        options.srs_name = ww_str_of(ww_crs_name(run->crs));
        options.srs_wkt = ww_crs_wkt(run->crs, run->call->arena);
    }
    run->gpkg = ww_gpkg_new(&options);
}

static void add_value(struct ogc_run *run, const struct ww_pg_result *r, int row, int i) {
    const int at = run->first_property + i;
    char room[40];
    struct ww_str text;
    switch (run->call->layer->columns[run->query.columns[at]].type) {
    case WW_LAYER_BOOL:
        ww_gpkg_int(run->gpkg, i, ww_pg_bin_bool(r, row, at));
        return;
    case WW_LAYER_INT:
        ww_gpkg_int(run->gpkg, i, ww_pg_bin_i64(r, row, at));
        return;
    case WW_LAYER_FLOAT:
        ww_gpkg_real(run->gpkg, i, ww_pg_bin_double(r, row, at)); /* NAN becomes NULL */
        return;
    case WW_LAYER_NUMERIC: {
        double number;
        ww_buf_reset(&run->text);
        if (ogc_value_text(run, r, row, at, &run->text) && ww_str_to_double(ww_buf_str(&run->text), &number))
            ww_gpkg_real(run->gpkg, i, number);
        return;
    }
    case WW_LAYER_INSTANT:
    case WW_LAYER_CIVIL:
        if (instant(r, row, at, room, &text))
            ww_gpkg_text(run->gpkg, i, text);
        return;
    default:
        ww_buf_reset(&run->text);
        if (ogc_value_text(run, r, row, at, &run->text))
            ww_gpkg_text(run->gpkg, i, ww_buf_str(&run->text));
    }
}

/* The primary key is the layer's own where that is one whole number above 0: then it is the feature's id too.
 */
static int64_t fid_of(const struct ogc_run *run, const struct ww_pg_result *r, int row) {
    const struct ww_layer *layer = run->call->layer;
    const int at = run->request.n_sort;
    if (layer->n_key != 1 || layer->columns[layer->key[0]].type != WW_LAYER_INT || ww_pg_is_null(r, row, at))
        return 0;
    return ww_pg_bin_i64(r, row, at);
}

static void row(struct ogc_run *run, const struct ww_pg_result *r, int n, struct ww_buf *out) {
    (void)out;
    if (!run->gpkg)
        return;
    ww_gpkg_row(run->gpkg, fid_of(run, r, n));
    for (int i = 0; i < run->request.n_properties; i++)
        if (!ww_pg_is_null(r, n, run->first_property + i))
            add_value(run, r, n, i);
    if (ogc_row_geometry(run, r, n))
        ww_gpkg_geometry(run->gpkg, &run->geom, ww_crs_is_north_first(run->crs));
    ww_gpkg_row_end(run->gpkg);
}

static void foot(struct ogc_run *run, struct ww_buf *out) {
    (void)run;
    (void)out;
}

const struct ogc_writer ogc_write_gpkg = {OGC_GPKG, "application/geopackage+sqlite3", head, row, foot, false,
                                          true};
