/* Features as a page: a table, each row with a link to its feature; one feature as names and values. */
#include "server/ogc/format.h"

static void head(struct ogc_run *run, struct ww_buf *out) {
    const struct ww_layer *layer = run->call->layer;
    struct ww_str title = ogc_title(run->call, layer);
    ogc_html_head(run->call, out, title);
    if (run->one)
        return;
    ww_buf_text(out, "<table><thead><tr><th>id</th>");
    for (int i = 0; i < run->request.n_properties; i++) {
        const struct ww_layer_column *column = &layer->columns[run->request.properties[i]];
        struct ww_str name = run->call->zh ? column->title_zh : column->title_en;
        ww_buf_text(out, "<th>");
        ogc_html_text(out, name.len ? name : column->name);
        ww_buf_text(out, "</th>");
    }
    ww_buf_text(out, "</tr></thead><tbody>");
}

static void value(struct ogc_run *run, const struct ww_pg_result *r, int row, int at, struct ww_buf *out) {
    ww_buf_reset(&run->text);
    if (ogc_value_text(run, r, row, at, &run->text))
        ogc_html_text(out, ww_buf_str(&run->text));
}

static void one(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out) {
    const struct ww_layer *layer = run->call->layer;
    ww_buf_text(out, "<dl><dt>id</dt><dd>");
    ogc_html_text(out, ogc_row_id(run, r, row));
    ww_buf_text(out, "</dd>");
    for (int i = 0; i < run->request.n_properties; i++) {
        const struct ww_layer_column *column = &layer->columns[run->request.properties[i]];
        struct ww_str name = run->call->zh ? column->title_zh : column->title_en;
        ww_buf_text(out, "<dt>");
        ogc_html_text(out, name.len ? name : column->name);
        ww_buf_text(out, "</dt><dd>");
        value(run, r, row, run->first_property + i, out);
        ww_buf_text(out, "</dd>");
    }
    if (ogc_row_geometry(run, r, row)) {
        ww_buf_reset(&run->text);
        ww_geom_wkt(&run->geom, run->decimals, &run->text);
        ww_buf_printf(out, "<dt>%s</dt><dd>", OGC_SAY(run->call, "Geometry", "几何"));
        ogc_html_text(out, ww_buf_str(&run->text));
        ww_buf_text(out, "</dd>");
    }
    ww_buf_text(out, "</dl>");
}

static void row(struct ogc_run *run, const struct ww_pg_result *r, int n, struct ww_buf *out) {
    if (run->one) {
        one(run, r, n, out);
        return;
    }
    struct ww_str id = ogc_row_id(run, r, n);
    ww_buf_text(out, "<tr><td><a href=\"");
    ogc_html_text(out, run->call->root);
    ww_buf_text(out, "/collections/");
    ogc_percent(out, run->call->layer->id);
    ww_buf_text(out, "/items/");
    ogc_percent(out, id);
    ww_buf_text(out, "?f=html\">");
    ogc_html_text(out, id);
    ww_buf_text(out, "</a></td>");
    for (int i = 0; i < run->request.n_properties; i++) {
        ww_buf_text(out, "<td>");
        value(run, r, n, run->first_property + i, out);
        ww_buf_text(out, "</td>");
    }
    ww_buf_text(out, "</tr>\n");
}

static void foot(struct ogc_run *run, struct ww_buf *out) {
    if (!run->one) {
        ww_buf_text(out, "</tbody></table><p>");
        ww_buf_printf(out, OGC_SAY(run->call, "%lld shown", "显示 %lld 条"), (long long)run->returned);
        if (run->matched >= 0)
            ww_buf_printf(out, OGC_SAY(run->call, " of %lld", "，共 %lld 条"), (long long)run->matched);
        if (run->next.len) {
            ww_buf_text(out, " · <a href=\"");
            ogc_html_text(out, run->call->root);
            ogc_html_text(out, run->next);
            ww_buf_printf(out, "\">%s</a>", OGC_SAY(run->call, "next", "下一页"));
        }
        ww_buf_text(out, "</p>");
    }
    ogc_html_foot(out);
}

const struct ogc_writer ogc_write_html = {OGC_HTML, "text/html; charset=utf-8", head, row, foot, true, false};
