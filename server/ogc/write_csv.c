/* CSV (RFC 4180) with a head: fid, the properties, then the place: two columns of a layer of points in
 * degrees (lon, lat, or x, y in another system), else WKT in a column that GDAL and QGIS know by its name. */
#include "geo/base/csv.h"
#include "server/ogc/format.h"

static bool are_points(const struct ogc_run *run) {
    const struct ww_layer *layer = run->call->layer;
    return layer->geom >= 0 && ww_str_eq_nocase(layer->columns[layer->geom].geom_type, WW_STR("Point"));
}

static void head(struct ogc_run *run, struct ww_buf *out) {
    const struct ww_layer *layer = run->call->layer;
    ww_buf_text(out, "fid");
    for (int i = 0; i < run->request.n_properties; i++) {
        ww_buf_char(out, ',');
        ww_csv_cell(out, layer->columns[run->request.properties[i]].name);
    }
    if (are_points(run))
        ww_buf_text(out, ww_crs_is_geographic(run->crs) ? ",lon,lat" : ",x,y");
    else if (layer->geom >= 0)
        ww_buf_text(out, ",WKT");
    ww_buf_text(out, "\r\n");
}

static void row(struct ogc_run *run, const struct ww_pg_result *r, int n, struct ww_buf *out) {
    ww_csv_cell(out, ogc_row_id(run, r, n));
    for (int i = 0; i < run->request.n_properties; i++) {
        ww_buf_char(out, ',');
        ww_buf_reset(&run->text);
        if (ogc_value_text(run, r, n, run->first_property + i, &run->text))
            ww_csv_cell(out, ww_buf_str(&run->text));
    }
    bool points = are_points(run);
    bool there = ogc_row_geometry(run, r, n);
    if (points) {
        bool swap = there && ww_crs_is_north_first(run->crs); /* the columns are named: x is always first */
        there = there && run->geom.n_points == 1;
        ww_buf_char(out, ',');
        if (there)
            ww_geom_number(run->geom.xy[swap ? 1 : 0], run->decimals, out);
        ww_buf_char(out, ',');
        if (there)
            ww_geom_number(run->geom.xy[swap ? 0 : 1], run->decimals, out);
    } else if (run->call->layer->geom >= 0) {
        ww_buf_char(out, ',');
        ww_buf_reset(&run->text);
        if (there)
            ww_geom_wkt(&run->geom, run->decimals, &run->text);
        ww_csv_cell(out, ww_buf_str(&run->text));
    }
    ww_buf_text(out, "\r\n");
}

static void foot(struct ogc_run *run, struct ww_buf *out) {
    (void)run;
    (void)out;
}

const struct ogc_writer ogc_write_csv = {
    OGC_CSV, "text/csv; charset=utf-8; header=present", head, row, foot, false, true};
