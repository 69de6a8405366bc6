/* Neighbours of polygons, by GEOS, for those pairs whose boxes meet.
 *
 * Polygons are sorted by their box's left side; each is compared with those that begin before it ends. For
 * the wards of a province that is a few boxes each.
 */
#include "geo/hotspot/contiguity.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/geos_glue.h"

struct box {
    double low[2], high[2];
};
struct polygon {
    struct ww_shape *shape;
    struct box box;
};
struct ww_polygons {
    struct ww_geos *geos;
    struct polygon *polygon;
    uint32_t n, cap;
};

struct ww_polygons *ww_polygons_new(void) {
    struct ww_polygons *set = ww_try_calloc(1, sizeof *set);
    if (set && !(set->geos = ww_geos_open())) {
        ww_free(set);
        return NULL;
    }
    return set;
}

void ww_polygons_free(struct ww_polygons *set) {
    if (!set)
        return;
    for (uint32_t i = 0; i < set->n; i++)
        ww_shape_free(set->geos, set->polygon[i].shape);
    ww_geos_close(set->geos);
    ww_free(set->polygon);
    ww_free(set);
}

uint32_t ww_polygons_count(const struct ww_polygons *set) {
    return set->n;
}

/* ---- Reading ---- */

static enum ww_status refuse(struct ww_error *err, const char *why, struct ww_str value) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s", why);
    ww_error_at_field(err, WW_STR("coordinates"), value);
    return WW_BAD_INPUT;
}

static uint32_t children(const struct ww_json_node *array) {
    uint32_t n = 0;
    for (const struct ww_json_node *c = array ? array->child : NULL; c; c = c->next)
        n++;
    return n;
}

static enum ww_status read_ring(struct ww_arena *arena, const struct ww_json_node *array, bool starts_part,
                                struct ww_ring *ring, struct ww_error *err) {
    uint32_t n = array->type == WW_JSON_ARRAY ? children(array) : 0;
    if (n < 4)
        return refuse(err, "a ring needs at least four positions", WW_STR_NONE);
    struct ww_place *points = ww_arena_calloc(arena, n, sizeof *points);
    if (!points)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a ring of %u positions", n);
    uint32_t at = 0;
    for (const struct ww_json_node *p = array->child; p; p = p->next, at++) {
        const struct ww_json_node *x = p->type == WW_JSON_ARRAY ? p->child : NULL;
        if (!x || !x->next || !ww_json_as_double(x, &points[at].lon_deg) ||
            !ww_json_as_double(x->next, &points[at].lat_deg))
            return refuse(err, "a position needs two numbers", p->text);
    }
    if (points[0].lon_deg != points[n - 1].lon_deg || points[0].lat_deg != points[n - 1].lat_deg)
        return refuse(err, "a ring is not closed", array->child->text);
    *ring = (struct ww_ring){points, n, starts_part};
    return WW_OK;
}

/* The rings of a Polygon (an array of rings) or of each part of a MultiPolygon. */
static enum ww_status read_rings(struct ww_arena *arena, const struct ww_json_node *coordinates, bool multi,
                                 struct ww_ring **out, uint32_t *n_rings, struct ww_error *err) {
    uint32_t n = 0, at = 0;
    if (!coordinates || coordinates->type != WW_JSON_ARRAY || !coordinates->child)
        return refuse(err, "a polygon needs coordinates", WW_STR_NONE);
    for (const struct ww_json_node *c = coordinates->child; c; c = c->next)
        n += multi ? children(c) : 1;
    struct ww_ring *rings = ww_arena_calloc(arena, n ? n : 1, sizeof *rings);
    if (!rings)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u rings", n);
    enum ww_status st = n > 0 ? WW_OK : refuse(err, "a polygon needs a ring", WW_STR_NONE);
    for (const struct ww_json_node *c = coordinates->child; c && st == WW_OK; c = c->next)
        if (!multi) {
            st = read_ring(arena, c, at == 0, &rings[at], err);
            at++;
        } else
            for (const struct ww_json_node *r = c->child; r && st == WW_OK; r = r->next, at++)
                st = read_ring(arena, r, r == c->child, &rings[at], err);
    *out = rings;
    *n_rings = n;
    return st;
}

static struct box box_of(const struct ww_ring *rings, uint32_t n) {
    struct box b = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t i = 0; i < rings[r].n; i++) {
            double xy[2] = {rings[r].points[i].lon_deg, rings[r].points[i].lat_deg};
            for (int a = 0; a < 2; a++) {
                b.low[a] = fmin(b.low[a], xy[a]);
                b.high[a] = fmax(b.high[a], xy[a]);
            }
        }
    return b;
}

static enum ww_status keep_polygon(struct ww_polygons *set, struct polygon polygon, struct ww_error *err) {
    if (set->n == set->cap) {
        uint32_t cap = set->cap ? set->cap * 2 : 64;
        struct polygon *grown = ww_try_realloc(set->polygon, cap * sizeof *grown);
        if (!grown)
            return ww_error_set(err, WW_NO_MEMORY, "no memory for %u polygons", cap);
        set->polygon = grown;
        set->cap = cap;
    }
    set->polygon[set->n++] = polygon;
    return WW_OK;
}

static enum ww_status add_geometry(struct ww_polygons *set, struct ww_arena *arena, struct ww_str text,
                                   struct ww_error *err) {
    struct ww_json_node *root;
    struct ww_str type = WW_STR_NONE;
    struct ww_ring *rings = NULL;
    uint32_t n_rings = 0;
    char reason[128];
    struct polygon polygon = {0};
    enum ww_status st = ww_json_parse(arena, text, &root, err);
    if (st != WW_OK)
        return st;
    bool typed = ww_json_as_str(ww_json_get(root, "type"), &type);
    bool multi = ww_str_is(type, "MultiPolygon");
    if (!typed || (!multi && !ww_str_is(type, "Polygon"))) {
        st = ww_error_set(err, WW_BAD_INPUT, "contiguity needs a Polygon or MultiPolygon");
        ww_error_at_field(err, WW_STR("type"), type);
        return st;
    }
    st = read_rings(arena, ww_json_get(root, "coordinates"), multi, &rings, &n_rings, err);
    if (st == WW_OK)
        st = ww_shape_from_rings(set->geos, rings, n_rings, &polygon.shape, err);
    if (st == WW_OK)
        st = ww_shape_repair(set->geos, &polygon.shape, reason, err);
    if (st == WW_OK) {
        polygon.box = box_of(rings, n_rings);
        st = keep_polygon(set, polygon, err);
    }
    if (st != WW_OK)
        ww_shape_free(set->geos, polygon.shape);
    return st;
}

enum ww_status ww_polygons_add(struct ww_polygons *set, struct ww_str geometry, struct ww_error *err) {
    /* a node of the tree is below 100 bytes and stands for at least 2 of the text */
    struct ww_arena *arena = ww_arena_new(geometry.len * 64 + (1 << 16));
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a polygon");
    enum ww_status st = add_geometry(set, arena, geometry, err);
    ww_arena_free(arena);
    return st;
}

enum ww_status ww_polygons_centre(const struct ww_polygons *set, uint32_t i, double xy[2],
                                  struct ww_error *err) {
    struct ww_place centre = {0, 0};
    enum ww_status st = ww_shape_centre(set->geos, set->polygon[i].shape, &centre, err);
    xy[0] = centre.lon_deg;
    xy[1] = centre.lat_deg;
    return st;
}

double ww_polygons_snap(const struct ww_polygons *set) {
    struct box all = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
    for (uint32_t i = 0; i < set->n; i++)
        for (int a = 0; a < 2; a++) {
            all.low[a] = fmin(all.low[a], set->polygon[i].box.low[a]);
            all.high[a] = fmax(all.high[a], set->polygon[i].box.high[a]);
        }
    return set->n > 0 ? 1e-8 * fmax(all.high[0] - all.low[0], all.high[1] - all.low[1]) : 0;
}

/* ---- Comparing ---- */

struct by_left {
    double left;
    uint32_t index;
};

static int compare_left(const void *pa, const void *pb) {
    const struct by_left *a = pa, *b = pb;
    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

struct pairs {
    struct ww_weight_pair *pair;
    size_t n, cap;
};

static enum ww_status keep_pair(struct pairs *pairs, uint32_t a, uint32_t b, struct ww_error *err) {
    if (pairs->n + 2 > pairs->cap) {
        size_t cap = pairs->cap ? pairs->cap * 2 : 256;
        struct ww_weight_pair *grown = ww_try_realloc(pairs->pair, cap * sizeof *grown);
        if (!grown)
            return ww_error_set(err, WW_NO_MEMORY, "no memory for %zu pairs of polygons", cap);
        pairs->pair = grown;
        pairs->cap = cap;
    }
    pairs->pair[pairs->n++] = (struct ww_weight_pair){a, b, 1};
    pairs->pair[pairs->n++] = (struct ww_weight_pair){b, a, 1};
    return WW_OK;
}

static enum ww_status compare(const struct ww_polygons *set, uint32_t a, uint32_t b, enum ww_contiguity kind,
                              double snap, struct pairs *pairs, struct ww_error *err) {
    const struct polygon *pa = &set->polygon[a], *pb = &set->polygon[b];
    bool meet;
    double length;
    if (pa->box.low[1] > pb->box.high[1] + snap || pb->box.low[1] > pa->box.high[1] + snap)
        return WW_OK;
    enum ww_status st = ww_shape_border(set->geos, pa->shape, pb->shape, snap, &meet, &length, err);
    if (st == WW_OK && meet && (kind == WW_QUEEN || length > 8 * snap))
        st = keep_pair(pairs, a, b, err);
    return st;
}

enum ww_status ww_polygons_weights(const struct ww_polygons *set, enum ww_contiguity kind, double snap,
                                   struct ww_weights **out, struct ww_error *err) {
    struct pairs pairs = {NULL, 0, 0};
    struct by_left *order = ww_try_calloc(set->n ? set->n : 1, sizeof *order);
    enum ww_status st = order ? WW_OK : ww_error_set(err, WW_NO_MEMORY, "no memory for %u polygons", set->n);
    for (uint32_t i = 0; i < set->n && st == WW_OK; i++)
        order[i] = (struct by_left){set->polygon[i].box.low[0], i};
    if (st == WW_OK)
        qsort(order, set->n, sizeof *order, compare_left);
    for (uint32_t i = 0; i < set->n && st == WW_OK; i++)
        for (uint32_t j = i + 1; j < set->n && st == WW_OK; j++) {
            if (order[j].left > set->polygon[order[i].index].box.high[0] + snap)
                break;
            st = compare(set, order[i].index, order[j].index, kind, snap, &pairs, err);
        }
    if (st == WW_OK)
        st = ww_weights_from_pairs(pairs.pair, pairs.n, set->n, out, err);
    ww_free(pairs.pair);
    ww_free(order);
    return st;
}
