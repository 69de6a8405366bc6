/* Values of a row as texts, ids, geometry: what the writers share. */
#include <stdio.h>

#include "geo/instant.h"
#include "server/ogc/format.h"

static void civil_text(int64_t instant, struct ww_buf *out) {
    char text[40];
    size_t n = (size_t)ww_instant_text(instant, text);
    ww_buf_add(out, text, n > 0 && text[n - 1] == 'Z' ? n - 1 : n);
}

static void instant_text(int64_t instant, struct ww_buf *out) {
    char text[40];
    if (instant == WW_PG_INSTANT_INFINITY)
        ww_buf_text(out, "infinity");
    else if (instant == WW_PG_INSTANT_MINUS_INFINITY)
        ww_buf_text(out, "-infinity");
    else
        ww_buf_add(out, text, (size_t)ww_instant_text(instant, text));
}

static void date_text(int32_t day, struct ww_buf *out) {
    char text[40];
    int64_t instant = (int64_t)day * WW_DAY_US;
    int n = ww_instant_text(instant, text);
    ww_buf_add(out, text, n >= 10 ? 10 : (size_t)n);
}

bool ogc_value_text(const struct ogc_run *run, const struct ww_pg_result *r, int row, int at,
                    struct ww_buf *out) {
    char number[32];
    const struct ww_layer_column *column = &run->call->layer->columns[run->query.columns[at]];
    if (ww_pg_is_null(r, row, at))
        return false;
    switch (column->type) {
    case WW_LAYER_BOOL:
        ww_buf_text(out, ww_pg_bin_bool(r, row, at) ? "true" : "false");
        break;
    case WW_LAYER_INT:
        ww_buf_printf(out, "%lld", (long long)ww_pg_bin_i64(r, row, at));
        break;
    case WW_LAYER_FLOAT: {
        double v = ww_pg_bin_double(r, row, at);
        if (v != v)
            ww_buf_text(out, "NaN");
        else if (v - v != 0)
            ww_buf_text(out, v > 0 ? "Infinity" : "-Infinity");
        else
            ww_buf_add(out, number, (size_t)ww_double_text(v, number));
        break;
    }
    case WW_LAYER_NUMERIC:
        ww_pg_bin_numeric(r, row, at, out);
        break;
    case WW_LAYER_INSTANT:
        instant_text(ww_pg_bin_instant(r, row, at), out);
        break;
    case WW_LAYER_CIVIL:
        civil_text(ww_pg_bin_instant(r, row, at), out);
        break;
    case WW_LAYER_DATE:
        date_text(ww_pg_bin_day(r, row, at), out);
        break;
    default:
        ww_buf_str_add(out, ww_pg_bin_str(r, row, at));
    }
    return true;
}

struct ww_str ogc_row_id(struct ogc_run *run, const struct ww_pg_result *r, int row) {
    struct ww_str values[WW_LAYER_MAX_KEY];
    int n = run->call->layer->n_key;
    int first = run->request.n_sort;
    struct ww_buf *text = &run->text;
    ww_buf_reset(text);
    if (n == 1) {
        (void)ogc_value_text(run, r, row, first, text);
        return ww_buf_str(text);
    }
    size_t ends[WW_LAYER_MAX_KEY];
    for (int i = 0; i < n; i++) {
        (void)ogc_value_text(run, r, row, first + i, text);
        ends[i] = text->len;
    }
    size_t start = 0;
    size_t parts_len = text->len;
    struct ww_buf id;
    ww_buf_init(&id, (size_t)64 << 10);
    for (int i = 0; i < n; i++) {
        values[i] = (struct ww_str){text->data + start, ends[i] - start};
        start = ends[i];
    }
    ogc_id_write(values, n, &id);
    ww_buf_str_add(text, ww_buf_str(&id));
    ww_buf_clear(&id);
    return (struct ww_str){text->data + parts_len, text->len - parts_len};
}

bool ogc_row_geometry(struct ogc_run *run, const struct ww_pg_result *r, int row) {
    int at = run->query.geom_at;
    if (at < 0 || ww_pg_is_null(r, row, at))
        return false;
    if (ww_geom_read(&run->geom, ww_pg_bin_str(r, row, at), NULL) != WW_OK)
        return false; /* a kind that GeoJSON has no name for */
    ww_crs_forward(run->crs, run->geom.xy, run->geom.n_points);
    return !ww_geom_has_hole(&run->geom);
}
