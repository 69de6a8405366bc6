/* Reads a GeoJSON polygon from outside: checks it, converts it, repairs it, reports it.
 *
 * Two kinds of wrong are kept apart. What is not a polygon at all (a ring that is not closed
 * or has less than four positions, a number out of range) is refused, with the place; we do not
 * guess what was meant. What is a polygon but breaks the rules of simple features (a bow-tie,
 * parts that overlap, a hole that leaves its shell) is repaired by GEOS and said so: real ward
 * files are full of those, and the area before and after lets the user judge.
 *
 * Source: RFC 7946, 3.1.6. Ring orientation is not required, as that section asks of readers.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "geo/coordinate.h"
#include "geo/geos_glue.h"
#include "geo/ward_index.h"

#define SRID_CGCS2000 4490

struct ring_span {
    size_t first; /* in points */
    uint32_t n;
    bool starts_part;
};

struct reading {
    struct ww_json_reader json;
    struct ww_arena *arena;
    struct ww_datum *datum;
    struct ww_error *err;
    bool multi;
    uint32_t part, ring, position; /* being read, from 0 */
    struct ww_place *points;
    size_t n_points, points_cap;
    struct ring_span *rings;
    uint32_t n_rings, rings_cap;
};

enum detail { IN_GEOMETRY, IN_PART, IN_RING, IN_POSITION };

/* "part 1, ring 2, position 3: " and "coordinates[0][1][2]", as deep as known. */
static void write_place(const struct reading *rd, enum detail detail, char *text, size_t text_size,
                        char *path, size_t path_size) {
    int n = 0;
    int m = snprintf(path, path_size, "coordinates");
    const uint32_t numbers[] = {rd->part, rd->ring, rd->position};
    static const char *const words[] = {"part", "ring", "position"};
    text[0] = '\0';
    for (int i = rd->multi ? 0 : 1; i < (int)detail; i++) {
        n += snprintf(text + n, text_size - (size_t)n, "%s%s %u", n ? ", " : "", words[i], numbers[i] + 1);
        m += snprintf(path + m, path_size - (size_t)m, "[%u]", numbers[i]);
    }
    if (n)
        snprintf(text + n, text_size - (size_t)n, ": ");
}

static enum ww_status refuse(struct reading *rd, enum detail detail, size_t offset, const char *fmt, ...)
    WW_PRINTF(4, 5);
static enum ww_status refuse(struct reading *rd, enum detail detail, size_t offset, const char *fmt, ...) {
    char place[80];
    char path[64];
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    write_place(rd, detail, place, sizeof place, path, sizeof path);
    ww_error_set(rd->err, WW_BAD_INPUT, "%s%s", place, what);
    if (rd->err) {
        ww_error_at_field(rd->err, ww_str_of(path), WW_STR_NONE);
        ww_text_place(rd->json.input, offset, &rd->err->line, &rd->err->column);
        rd->err->offset = offset;
    }
    return WW_BAD_INPUT;
}

static enum ww_status no_memory(struct reading *rd) {
    return ww_error_set(rd->err, WW_NO_MEMORY, "the polygon does not fit the memory given to it");
}

/* ---- Coordinates ---- */

static enum ww_status keep_point(struct reading *rd, struct ww_place p) {
    if (rd->n_points == rd->points_cap) {
        size_t cap = rd->points_cap ? rd->points_cap * 2 : 256;
        struct ww_place *grown =
            ww_arena_grow(rd->arena, rd->points, rd->points_cap * sizeof p, cap * sizeof p);
        if (!grown)
            return no_memory(rd);
        rd->points = grown;
        rd->points_cap = cap;
    }
    rd->points[rd->n_points++] = p;
    return WW_OK;
}

/* After its "[": two numbers; further ones (height) are passed over. */
static enum ww_status read_position(struct reading *rd, size_t offset, struct ww_raw_place *raw) {
    double xy[2];
    uint32_t n = 0;
    struct ww_json_event ev;
    for (;; n++) {
        enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY)
            break;
        if (ev.type != WW_JSON_NUMBER)
            return refuse(rd, IN_POSITION, ev.offset, "a position holds numbers only");
        if (n < 2 && !ww_str_to_double(ev.text, &xy[n]))
            return refuse(rd, IN_POSITION, ev.offset, "%.*s is not a finite number",
                          ev.text.len < 40 ? (int)ev.text.len : 40, ev.text.ptr);
    }
    if (n < 2)
        return refuse(rd, IN_POSITION, offset, "a position needs two numbers");
    *raw = (struct ww_raw_place){.x = xy[0], .y = xy[1]};
    return WW_OK;
}

static enum ww_status convert_position(struct reading *rd, size_t offset, struct ww_raw_place raw) {
    struct ww_place p;
    struct ww_error inner;
    enum ww_status st = ww_datum_to_place(rd->datum, raw, &p, &inner);
    if (st == WW_BAD_INPUT)
        return refuse(rd, IN_POSITION, offset, "%.140s", inner.message);
    if (st != WW_OK)
        return ww_error_set(rd->err, st, "%s", inner.message);
    const struct ww_place *last = rd->position ? &rd->points[rd->n_points - 1] : &p;
    if (fabs(p.lon_deg - last->lon_deg) > 180)
        return refuse(rd, IN_POSITION, offset,
                      "the edge to it crosses the antimeridian: cut the polygon in two there");
    return keep_point(rd, p);
}

static enum ww_status keep_ring(struct reading *rd, size_t first) {
    if (rd->n_rings == rd->rings_cap) {
        uint32_t cap = rd->rings_cap ? rd->rings_cap * 2 : 16;
        struct ring_span *grown =
            ww_arena_grow(rd->arena, rd->rings, rd->rings_cap * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return no_memory(rd);
        rd->rings = grown;
        rd->rings_cap = cap;
    }
    rd->rings[rd->n_rings++] = (struct ring_span){
        .first = first, .n = (uint32_t)(rd->n_points - first), .starts_part = rd->ring == 0};
    return WW_OK;
}

/* After its "[". */
static enum ww_status read_ring(struct reading *rd, size_t offset) {
    const size_t first_point = rd->n_points;
    struct ww_raw_place first = {0};
    struct ww_raw_place last = {0};
    for (rd->position = 0;; rd->position++) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY)
            break;
        if (ev.type != WW_JSON_ARRAY)
            return refuse(rd, IN_POSITION, ev.offset, "a position is an array of numbers");
        st = read_position(rd, ev.offset, &last);
        if (st == WW_OK)
            st = convert_position(rd, ev.offset, last);
        if (st != WW_OK)
            return st;
        if (rd->position == 0)
            first = last;
    }
    if (rd->position < 4)
        return refuse(rd, IN_RING, offset, "a ring needs at least four positions and has %u", rd->position);
    if (first.x != last.x || first.y != last.y)
        return refuse(rd, IN_RING, offset,
                      "it is not closed: it begins at %.10g, %.10g and ends at %.10g, %.10g", first.x,
                      first.y, last.x, last.y);
    return keep_ring(rd, first_point);
}

/* After its "[": the rings of one part. */
static enum ww_status read_part(struct reading *rd, size_t offset) {
    for (rd->ring = 0;; rd->ring++) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY)
            break;
        if (ev.type != WW_JSON_ARRAY)
            return refuse(rd, IN_RING, ev.offset, "a ring is an array of positions");
        st = read_ring(rd, ev.offset);
        if (st != WW_OK)
            return st;
    }
    return rd->ring ? WW_OK : refuse(rd, IN_PART, offset, "a polygon needs a ring");
}

static enum ww_status read_coordinates(struct reading *rd) {
    struct ww_json_event ev;
    enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
    if (st != WW_OK)
        return st;
    if (ev.type != WW_JSON_ARRAY)
        return refuse(rd, IN_GEOMETRY, ev.offset, "coordinates is an array");
    if (!rd->multi)
        return read_part(rd, ev.offset);
    const size_t offset = ev.offset;
    for (rd->part = 0;; rd->part++) {
        st = ww_json_next(&rd->json, &ev, rd->err);
        if (st != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY)
            break;
        if (ev.type != WW_JSON_ARRAY)
            return refuse(rd, IN_PART, ev.offset, "a part is an array of rings");
        st = read_part(rd, ev.offset);
        if (st != WW_OK)
            return st;
    }
    return rd->part ? WW_OK : refuse(rd, IN_GEOMETRY, offset, "a multipolygon needs a part");
}

/* ---- The geometry object ---- */

static enum ww_status read_type(struct reading *rd) {
    struct ww_json_event ev;
    enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
    if (st != WW_OK)
        return st;
    rd->multi = ev.type == WW_JSON_STRING && ww_str_is(ev.text, "MultiPolygon");
    if (rd->multi || (ev.type == WW_JSON_STRING && ww_str_is(ev.text, "Polygon")))
        return WW_OK;
    st = refuse(rd, IN_GEOMETRY, ev.offset, "the geometry is a %.*s, not a Polygon or MultiPolygon",
                ev.text.len < 40 ? (int)ev.text.len : 40, ev.text.ptr);
    if (rd->err)
        ww_error_at_field(rd->err, WW_STR("type"), ev.text);
    return st;
}

/* Reads the members in whatever order they come; coordinates last, when the type is known. */
static enum ww_status read_geometry(struct reading *rd) {
    struct ww_json_event ev;
    struct ww_json_reader at_coordinates = {0};
    bool has_type = false;
    bool has_coordinates = false;
    enum ww_status st = ww_json_next(&rd->json, &ev, rd->err);
    if (st == WW_OK && ev.type != WW_JSON_OBJECT)
        return refuse(rd, IN_GEOMETRY, ev.offset, "a GeoJSON geometry is an object");
    while (st == WW_OK && (st = ww_json_next(&rd->json, &ev, rd->err)) == WW_OK && ev.type == WW_JSON_KEY) {
        if (ww_str_is(ev.text, "type")) {
            has_type = true;
            st = read_type(rd);
            continue;
        }
        if (ww_str_is(ev.text, "coordinates")) {
            has_coordinates = true;
            at_coordinates = rd->json;
        }
        st = ww_json_skip(&rd->json, &ev, NULL, rd->err);
    }
    if (st == WW_OK)
        st = ww_json_next(&rd->json, &ev, rd->err); /* nothing may follow the object */
    if (st != WW_OK)
        return st;
    if (!has_type || !has_coordinates)
        return refuse(rd, IN_GEOMETRY, 0, "the geometry has no %s", has_type ? "coordinates" : "type");
    rd->json = at_coordinates;
    return read_coordinates(rd);
}

static enum ww_status count_vertices(void *user, const struct ww_place *points, uint32_t n,
                                     struct ww_error *err) {
    (void)points;
    (void)err;
    *(uint32_t *)user += n;
    return WW_OK;
}

static enum ww_status make_shape(struct reading *rd, struct ww_geos *geos, struct ww_shape **shape) {
    struct ww_ring *rings = ww_arena_alloc(rd->arena, rd->n_rings * sizeof *rings);
    if (!rings)
        return no_memory(rd);
    for (uint32_t i = 0; i < rd->n_rings; i++)
        rings[i] = (struct ww_ring){.points = rd->points + rd->rings[i].first,
                                    .n = rd->rings[i].n,
                                    .starts_part = rd->rings[i].starts_part};
    return ww_shape_from_rings(geos, rings, rd->n_rings, shape, rd->err);
}

enum ww_status ww_polygon_from_geojson(struct ww_arena *arena, struct ww_str geojson, struct ww_datum *datum,
                                       struct ww_str *ewkb, struct ww_polygon_report *report,
                                       struct ww_error *err) {
    struct reading rd = {.arena = arena, .datum = datum, .err = err};
    struct ww_geos *geos = NULL;
    struct ww_shape *shape = NULL;
    *ewkb = WW_STR_NONE;
    *report = (struct ww_polygon_report){.repaired = false};
    ww_json_reader_init(&rd.json, geojson);
    enum ww_status st = read_geometry(&rd);
    if (st != WW_OK)
        return st;
    geos = ww_geos_open();
    st = geos ? make_shape(&rd, geos, &shape) : no_memory(&rd);
    if (st != WW_OK)
        goto done;
    report->area_before_deg2 = ww_shape_area_deg2(geos, shape);
    st = ww_shape_repair(geos, &shape, report->reason, err);
    if (st != WW_OK)
        goto done;
    report->repaired = report->reason[0] != '\0';
    report->area_after_deg2 = ww_shape_area_deg2(geos, shape);
    report->parts = ww_shape_parts(geos, shape);
    st = ww_shape_each_ring(geos, shape, count_vertices, &report->vertices, err);
    if (st == WW_OK)
        st = ww_shape_to_ewkb(geos, shape, SRID_CGCS2000, arena, ewkb, err);
done:
    if (geos)
        ww_shape_free(geos, shape);
    ww_geos_close(geos);
    return st;
}
