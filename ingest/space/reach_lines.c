/* Reaches as lines: lengths, places along them, the nearest one. */
#include "ingest/space/reach_lines.h"

#include <math.h>

#include "geo/base/alloc.h"
#include "geo/base/arena.h"
#include "geo/base/grown.h"
#include "geo/base/json_reader.h"
#include "geo/near.h"

struct vertex {
    double lon, lat, at_m; /* from the reach's upper end */
};

/* Around a reach, in degrees: most reaches are too far from a place to be measured. */
struct box {
    double west, south, east, north;
};

struct ww_reach_lines {
    struct vertex *vertex;
    uint32_t n_vertices, cap_vertices;
    uint32_t *start; /* [n + 1] */
    struct box *box;
    uint32_t n, cap;
};

struct ww_reach_lines *ww_reach_lines_new(void) {
    return ww_try_calloc(1, sizeof(struct ww_reach_lines));
}

void ww_reach_lines_free(struct ww_reach_lines *l) {
    if (!l)
        return;
    ww_free(l->vertex);
    ww_free(l->start);
    ww_free(l->box);
    ww_free(l);
}

static bool add_vertex(struct ww_reach_lines *l, double lon, double lat) {
    if (!ww_grown(&l->vertex, l->n_vertices, &l->cap_vertices, sizeof *l->vertex))
        return false;
    double at_m = 0;
    if (l->n_vertices > l->start[l->n]) {
        const struct vertex *last = &l->vertex[l->n_vertices - 1];
        double a[2] = {last->lon, last->lat}, b[2] = {lon, lat};
        at_m = last->at_m + ww_near_metres(a, b, WW_NEAR_EARTH_M);
    }
    l->vertex[l->n_vertices++] = (struct vertex){lon, lat, at_m};
    return true;
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the reaches");
}

static bool make_room(struct ww_reach_lines *l) {
    if (l->n + 2 <= l->cap)
        return true;
    uint32_t cap = l->cap ? l->cap * 2 : 64;
    uint32_t *grown = ww_try_realloc(l->start, cap * sizeof *grown);
    if (!grown)
        return false;
    if (!l->cap)
        grown[0] = 0;
    l->start = grown;
    struct box *boxes = ww_try_realloc(l->box, cap * sizeof *boxes);
    if (!boxes)
        return false;
    l->box = boxes;
    l->cap = cap;
    return true;
}

static struct box box_of(const struct ww_reach_lines *l, uint32_t from) {
    struct box box = {180, 90, -180, -90};
    for (uint32_t i = from; i < l->n_vertices; i++) {
        box.west = fmin(box.west, l->vertex[i].lon);
        box.east = fmax(box.east, l->vertex[i].lon);
        box.south = fmin(box.south, l->vertex[i].lat);
        box.north = fmax(box.north, l->vertex[i].lat);
    }
    return box;
}

enum ww_status ww_reach_lines_add(struct ww_reach_lines *l, struct ww_str geojson, struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(geojson.len * 64 + (1 << 16));
    struct ww_json_node *root = NULL;
    struct ww_str type;
    double lon, lat;
    if (!arena || !make_room(l)) {
        ww_arena_free(arena);
        return no_memory(err);
    }
    uint32_t before = l->n_vertices;
    enum ww_status st = ww_json_parse(arena, geojson, &root, err);
    const struct ww_json_node *list = st == WW_OK ? ww_json_get(root, "coordinates") : NULL;
    if (st == WW_OK && (!list || list->type != WW_JSON_ARRAY ||
                        !ww_json_as_str(ww_json_get(root, "type"), &type) || !ww_str_is(type, "LineString")))
        st = ww_error_set(err, WW_BAD_INPUT, "a reach must be a LineString");
    for (const struct ww_json_node *p = st == WW_OK ? list->child : NULL; p && st == WW_OK; p = p->next) {
        if (!p->child || !ww_json_as_double(p->child, &lon) || !ww_json_as_double(p->child->next, &lat))
            st = ww_error_set(err, WW_BAD_INPUT, "a position must be two numbers");
        else if (!add_vertex(l, lon, lat))
            st = no_memory(err);
    }
    if (st == WW_OK && (l->n_vertices < before + 2 || l->vertex[l->n_vertices - 1].at_m <= 0))
        st = ww_error_set(err, WW_BAD_INPUT, "a reach needs two different points");
    ww_arena_free(arena);
    if (st != WW_OK)
        l->n_vertices = before;
    else {
        l->box[l->n] = box_of(l, before);
        l->start[++l->n] = l->n_vertices;
    }
    return st;
}

uint32_t ww_reach_lines_count(const struct ww_reach_lines *l) {
    return l->n;
}

double ww_reach_lines_length_m(const struct ww_reach_lines *l, uint32_t reach) {
    return l->vertex[l->start[reach + 1] - 1].at_m;
}

static struct ww_place between(const struct vertex *a, const struct vertex *b, double at_m) {
    double share = b->at_m > a->at_m ? (at_m - a->at_m) / (b->at_m - a->at_m) : 0;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return (struct ww_place){a->lon + share * (b->lon - a->lon), a->lat + share * (b->lat - a->lat)};
}

struct ww_place ww_reach_lines_place(const struct ww_reach_lines *l, uint32_t reach, double at_m) {
    uint32_t i = l->start[reach] + 1, last = l->start[reach + 1] - 1;
    while (i < last && l->vertex[i].at_m < at_m)
        i++;
    return between(&l->vertex[i - 1], &l->vertex[i], at_m);
}

struct ww_reach_spot ww_reach_lines_find(const struct ww_reach_lines *l, struct ww_place place,
                                         double most_m) {
    struct ww_reach_spot best = {WW_REACH_NONE, 0, most_m};
    double north = WW_NEAR_EARTH_M * M_PI / 180, east = north * cos(place.lat_deg * M_PI / 180);
    double high = most_m / north * 1.01,
           wide = most_m / fmax(east, 1) * 1.01; /* in degrees, rather too much */
    for (uint32_t r = 0; r < l->n; r++) {
        const struct box *box = &l->box[r];
        if (place.lon_deg < box->west - wide || place.lon_deg > box->east + wide ||
            place.lat_deg < box->south - high || place.lat_deg > box->north + high)
            continue;
        for (uint32_t i = l->start[r] + 1; i < l->start[r + 1]; i++) {
            const struct vertex *a = &l->vertex[i - 1], *b = &l->vertex[i];
            double ax = (a->lon - place.lon_deg) * east, ay = (a->lat - place.lat_deg) * north;
            double dx = (b->lon - a->lon) * east, dy = (b->lat - a->lat) * north;
            double square = dx * dx + dy * dy;
            double share = square > 0 ? -(ax * dx + ay * dy) / square : 0;
            share = share < 0 ? 0 : share > 1 ? 1 : share;
            double off_m = hypot(ax + share * dx, ay + share * dy);
            if (off_m < best.off_m || (best.reach == WW_REACH_NONE && off_m <= most_m))
                best = (struct ww_reach_spot){r, a->at_m + share * (b->at_m - a->at_m), off_m};
        }
    }
    return best;
}

static void write_place(struct ww_buf *out, struct ww_place at, bool first) {
    ww_buf_printf(out, "%s[%.6f,%.6f]", first ? "" : ",", at.lon_deg, at.lat_deg);
}

void ww_reach_lines_write(const struct ww_reach_lines *l, uint32_t reach, double from_m, double to_m,
                          struct ww_buf *out) {
    ww_buf_char(out, '[');
    write_place(out, ww_reach_lines_place(l, reach, from_m), true);
    for (uint32_t i = l->start[reach]; i < l->start[reach + 1]; i++)
        if (l->vertex[i].at_m > from_m && l->vertex[i].at_m < to_m)
            write_place(out, (struct ww_place){l->vertex[i].lon, l->vertex[i].lat}, false);
    write_place(out, ww_reach_lines_place(l, reach, to_m), false);
    ww_buf_char(out, ']');
}
