/* FlatGeobuf 3.0, as a stream: a header and a flatbuffer a feature, no index, so nothing need be known
 * beforehand.
 *
 * A flatbuffer is tables and vectors that point forward to each other, so it can be written from front to
 * back when the slots are left empty first and filled in when their target is there. Each buffer here begins
 * with its size (which counts for the alignment):
 *
 *   size ┃ → root ┃ vtable: where each field lies in its table ┃ table: ← vtable, fields … ┃ what the fields
 * point to …
 *
 * x is longitude or easting always, whatever the authority's order: readers of this format expect it.
 * Sources: flatgeobuf.org (header.fbs, feature.fbs), the FlatBuffers internals page.
 */
#include "server/ogc/format.h"

enum { MAX_FIELDS = 16 };

/* Little endian, as everything in the format. */
static void put(struct ww_buf *out, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; i++)
        ww_buf_char(out, (char)(v >> (8 * i) & 0xff));
}

static void put_double(struct ww_buf *out, double v) {
    uint64_t bits;
    memcpy(&bits, &v, 8);
    put(out, bits, 8);
}

struct fb {
    struct ww_buf *out;
    size_t start; /* of the size */
};

static size_t here(const struct fb *fb) {
    return fb->out->len - fb->start;
}

/* Zeros until position + ahead is a multiple of `align`. */
static void pad(struct fb *fb, size_t align, size_t ahead) {
    while (fb->out->failed == WW_OK && (here(fb) + ahead) % align != 0)
        ww_buf_char(fb->out, 0);
}

static void patch(struct fb *fb, size_t at, uint32_t v) {
    if (fb->out->failed != WW_OK)
        return;
    for (size_t i = 0; i < 4; i++)
        fb->out->data[fb->start + at + i] = (char)(v >> (8 * i) & 0xff);
}

/* The slot at `at` points to what is written next. */
static void point_here(struct fb *fb, size_t at) {
    patch(fb, at, (uint32_t)(here(fb) - at));
}

static void begin(struct fb *fb, struct ww_buf *out) {
    fb->out = out;
    fb->start = out->len;
    put(out, 0, 4);
    put(out, 0, 4);
}

static void end(struct fb *fb) {
    pad(fb, 8, 0);
    patch(fb, 0, (uint32_t)(here(fb) - 4));
}

/* Widths of fields by their number in the schema; 0: not there. `slots` gets their positions. Returns the
 * table's. */
static size_t table(struct fb *fb, const uint8_t *width, int n, size_t slots[MAX_FIELDS]) {
    uint16_t offset[MAX_FIELDS] = {0};
    uint16_t size = 4;
    for (unsigned w = 8; w >= 1; w /= 2) { /* the table lies so that byte 4 of it is a multiple of eight */
        for (int i = 0; i < n; i++) {
            if (width[i] != w)
                continue;
            offset[i] = size;
            size = (uint16_t)(size + w);
        }
    }
    pad(fb, 2, 0);
    size_t vtable = here(fb);
    put(fb->out, (uint64_t)(4 + 2 * n), 2);
    put(fb->out, size, 2);
    for (int i = 0; i < n; i++)
        put(fb->out, offset[i], 2);
    pad(fb, 8, 4);
    size_t at = here(fb);
    put(fb->out, (uint64_t)(at - vtable), 4);
    for (int i = 4; i < size; i++)
        ww_buf_char(fb->out, 0);
    for (int i = 0; i < n; i++)
        slots[i] = at + offset[i];
    return at;
}

static void set(struct fb *fb, size_t at, uint64_t v, size_t n) {
    for (size_t i = 0; fb->out->failed == WW_OK && i < n; i++)
        fb->out->data[fb->start + at + i] = (char)(v >> (8 * i) & 0xff);
}

static void string(struct fb *fb, size_t slot, struct ww_str text) {
    pad(fb, 4, 0);
    point_here(fb, slot);
    put(fb->out, text.len, 4);
    ww_buf_str_add(fb->out, text);
    ww_buf_char(fb->out, 0);
}

/* ---- Header ---- */

static uint8_t column_type(const struct ww_layer_column *column) {
    static const uint8_t types[] = {
        [WW_LAYER_BOOL] = 2,  [WW_LAYER_INT] = 7,      [WW_LAYER_FLOAT] = 10, [WW_LAYER_NUMERIC] = 10,
        [WW_LAYER_TEXT] = 11, [WW_LAYER_INSTANT] = 13, [WW_LAYER_CIVIL] = 13, [WW_LAYER_DATE] = 13,
        [WW_LAYER_JSON] = 12, [WW_LAYER_GEOMETRY] = 0};
    return types[column->type];
}

static uint8_t geometry_type(const struct ww_layer *layer) {
    static const char *const names[] = {
        "",           "Point",           "LineString",   "Polygon",
        "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};
    for (uint8_t i = 1; layer->geom >= 0 && i < sizeof names / sizeof *names; i++)
        if (ww_str_eq_nocase(layer->columns[layer->geom].geom_type, ww_str_of(names[i])))
            return i;
    return 0; /* each geometry says its own */
}

static void add_columns(struct ogc_run *run, struct fb *fb, size_t slot) {
    static const uint8_t widths[2] = {4, 1}; /* name, type */
    const struct ww_layer *layer = run->call->layer;
    int n = run->request.n_properties;
    size_t slots[MAX_FIELDS];
    pad(fb, 4, 0);
    point_here(fb, slot);
    put(fb->out, (uint64_t)n, 4);
    size_t first = here(fb);
    for (int i = 0; i < n; i++)
        put(fb->out, 0, 4);
    for (int i = 0; i < n; i++) {
        const struct ww_layer_column *column = &layer->columns[run->request.properties[i]];
        size_t at = table(fb, widths, 2, slots);
        patch(fb, first + 4 * (size_t)i, (uint32_t)(at - first - 4 * (size_t)i));
        set(fb, slots[1], column_type(column), 1);
        string(fb, slots[0], column->name);
    }
}

static void add_crs(struct ogc_run *run, struct fb *fb, size_t slot) {
    static const uint8_t widths[2] = {4, 4}; /* org, code */
    size_t slots[MAX_FIELDS];
    size_t at = table(fb, widths, 2, slots);
    patch(fb, slot, (uint32_t)(at - slot));
    set(fb, slots[1], run->request.crs == WW_CRS84 ? 4326 : run->request.crs, 4);
    string(fb, slots[0], WW_STR("EPSG"));
}

static void head(struct ogc_run *run, struct ww_buf *out) {
    /* name, envelope, geometry_type, has_z, has_m, has_t, has_tm, columns, features_count, index_node_size,
     * crs, title */
    const bool has_crs = run->call->layer->geom >= 0;
    const uint8_t widths[12] = {4, 0, 1, 0, 0, 0, 0, 4, 0, 2, has_crs ? 4 : 0, 4};
    size_t slots[MAX_FIELDS];
    struct fb fb;
    static const char magic[8] = {'f', 'g', 'b', 3, 'f', 'g', 'b', 0};
    ww_buf_add(out, magic, sizeof magic);
    begin(&fb, out);
    size_t at = table(&fb, widths, 12, slots);
    patch(&fb, 4, (uint32_t)(at - 4));
    set(&fb, slots[2], geometry_type(run->call->layer), 1);
    set(&fb, slots[9], 0, 2); /* no index */
    string(&fb, slots[0], run->call->layer->id);
    string(&fb, slots[11], ogc_title(run->call, run->call->layer));
    if (has_crs)
        add_crs(run, &fb, slots[10]);
    add_columns(run, &fb, slots[7]);
    end(&fb);
}

/* ---- Features ---- */

struct walk {
    const struct ww_geom *geom;
    size_t node, point;
    bool swap;
};

static void add_points(struct fb *fb, size_t slot, const struct walk *w, size_t first, size_t n) {
    pad(fb, 8, 4);
    point_here(fb, slot);
    put(fb->out, 2 * n, 4);
    for (size_t i = first; i < first + n; i++) {
        put_double(fb->out, w->geom->xy[2 * i + (w->swap ? 1 : 0)]);
        put_double(fb->out, w->geom->xy[2 * i + (w->swap ? 0 : 1)]);
    }
}

/* Nodes below the one at w->node that hold points, passed over; their ends go to `ends` when there are
 * several. */
static void add_flat(struct fb *fb, const size_t slots[MAX_FIELDS], struct walk *w,
                     const struct ww_geom_node *node, bool with_ends) {
    size_t first = w->point;
    size_t n = 0;
    bool by_itself = node->type == WW_GEOM_POINT || node->type == WW_GEOM_LINE;
    if (by_itself) {
        n = node->count;
    } else {
        if (with_ends) {
            pad(fb, 4, 0);
            point_here(fb, slots[0]);
            put(fb->out, node->count, 4);
        }
        for (uint32_t i = 0; i < node->count; i++) {
            n += w->geom->nodes[w->node++].count;
            if (with_ends)
                put(fb->out, n, 4);
        }
    }
    w->point += n;
    add_points(fb, slots[1], w, first, n);
}

static size_t add_geometry(struct fb *fb, struct walk *w) {
    const struct ww_geom_node node = w->geom->nodes[w->node++];
    bool nested = node.type == WW_GEOM_MULTIPOLYGON || node.type == WW_GEOM_COLLECTION;
    bool with_ends = (node.type == WW_GEOM_POLYGON || node.type == WW_GEOM_MULTILINE) && node.count > 1;
    /* ends, xy, z, m, t, tm, type, parts */
    const uint8_t widths[8] = {with_ends ? 4 : 0, nested ? 0 : 4, 0, 0, 0, 0, 1, nested ? 4 : 0};
    size_t slots[MAX_FIELDS];
    size_t at = table(fb, widths, 8, slots);
    set(fb, slots[6], (uint64_t)node.type, 1);
    if (!nested) {
        add_flat(fb, slots, w, &node, with_ends);
        return at;
    }
    pad(fb, 4, 0);
    point_here(fb, slots[7]);
    put(fb->out, node.count, 4);
    size_t first = here(fb);
    for (uint32_t i = 0; i < node.count; i++)
        put(fb->out, 0, 4);
    for (uint32_t i = 0; i < node.count; i++) {
        size_t slot = first + 4 * (size_t)i;
        size_t part = add_geometry(fb, w);
        patch(fb, slot, (uint32_t)(part - slot));
    }
    return at;
}

static void add_value(struct ogc_run *run, const struct ww_pg_result *r, int row, int at,
                      struct ww_buf *out) {
    double number;
    const struct ww_layer_column *column = &run->call->layer->columns[run->query.columns[at]];
    switch (column->type) {
    case WW_LAYER_BOOL:
        put(out, ww_pg_bin_bool(r, row, at), 1);
        return;
    case WW_LAYER_INT:
        put(out, (uint64_t)ww_pg_bin_i64(r, row, at), 8);
        return;
    case WW_LAYER_FLOAT:
    case WW_LAYER_NUMERIC:
        number = ww_pg_bin_double(r, row, at);
        put_double(out, number);
        return;
    default:
        ww_buf_reset(&run->text);
        (void)ogc_value_text(run, r, row, at, &run->text);
        put(out, run->text.len, 4);
        ww_buf_str_add(out, ww_buf_str(&run->text));
    }
}

static void row(struct ogc_run *run, const struct ww_pg_result *r, int n, struct ww_buf *out) {
    bool there = ogc_row_geometry(run, r, n);
    const uint8_t widths[2] = {there ? 4 : 0, 4}; /* geometry, properties */
    size_t slots[MAX_FIELDS];
    struct fb fb;
    begin(&fb, out);
    size_t at = table(&fb, widths, 2, slots);
    patch(&fb, 4, (uint32_t)(at - 4));
    pad(&fb, 4, 0);
    point_here(&fb, slots[1]);
    size_t size_at = here(&fb);
    put(out, 0, 4);
    for (int i = 0; i < run->request.n_properties; i++) {
        int column = run->first_property + i;
        if (ww_pg_is_null(r, n, column))
            continue;
        put(out, (uint64_t)i, 2);
        add_value(run, r, n, column, out);
    }
    patch(&fb, size_at, (uint32_t)(here(&fb) - size_at - 4));
    if (there) {
        struct walk w = {.geom = &run->geom, .swap = ww_crs_is_north_first(run->crs)};
        size_t geometry = add_geometry(&fb, &w);
        patch(&fb, slots[0], (uint32_t)(geometry - slots[0]));
    }
    end(&fb);
}

static void foot(struct ogc_run *run, struct ww_buf *out) {
    (void)run;
    (void)out;
}

const struct ogc_writer ogc_write_fgb = {OGC_FGB, "application/flatgeobuf", head, row, foot, false, true};
