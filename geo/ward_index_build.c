/* Collects wards for an index: reads their WKB, checks it, numbers them by code.
 *
 * The vertices go straight into the array that the index will keep; the builder itself adds
 * only ring and ward rows. Cells are made by ward_cells_build.c.
 */
#include <assert.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/map.h"
#include "geo/geos_glue.h"
#include "geo/ward_cells.h"
#include "geo/ward_index.h"

struct ww_ward_index_builder {
    struct ww_geos *geos;
    struct ww_map *codes;
    struct ww_place *vertices;
    struct ww_ward_ring *rings;
    struct ww_ward_source *wards; /* own their codes */
    size_t n_vertices, vertices_cap;
    size_t n_rings, rings_cap;
    size_t n_wards, wards_cap;
};

struct ww_ward_index_builder *ww_ward_index_builder_new(void) {
    struct ww_ward_index_builder *b = ww_try_calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->codes = ww_map_new(1024);
    b->geos = ww_geos_open();
    if (!b->geos) {
        ww_ward_index_builder_free(b);
        return NULL;
    }
    return b;
}

void ww_ward_index_builder_free(struct ww_ward_index_builder *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->n_wards; i++)
        ww_free((void *)(uintptr_t)b->wards[i].code.ptr);
    ww_free(b->wards);
    ww_free(b->rings);
    ww_free(b->vertices);
    ww_map_free(b->codes);
    ww_geos_close(b->geos);
    ww_free(b);
}

/* Room for `need` items of an array; it grows by half. False without memory. */
static bool reserve(void **array, size_t *cap, size_t need, size_t item_size) {
    if (need <= *cap)
        return true;
    size_t grown_cap = need + need / 2 + 16;
    void *grown = ww_try_realloc(*array, grown_cap * item_size);
    if (!grown)
        return false;
    *array = grown;
    *cap = grown_cap;
    return true;
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the ward index");
}

static enum ww_status check_position(struct ww_place p, struct ww_error *err) {
    if (fabs(p.lon_deg) <= 180 && fabs(p.lat_deg) <= 90)
        return WW_OK;
    return ww_error_set(err, WW_BAD_INPUT, "%.10g, %.10g is no longitude and latitude", p.lon_deg, p.lat_deg);
}

static void widen(struct ww_ward_source *ward, struct ww_place p) {
    ward->west = fmin(ward->west, p.lon_deg);
    ward->east = fmax(ward->east, p.lon_deg);
    ward->south = fmin(ward->south, p.lat_deg);
    ward->north = fmax(ward->north, p.lat_deg);
}

/* Appends one ring to the ward under construction, the row after the last. */
static enum ww_status add_ring(void *user, const struct ww_place *points, uint32_t n, struct ww_error *err) {
    struct ww_ward_index_builder *b = user;
    struct ww_ward_source *ward = &b->wards[b->n_wards];
    if (b->n_vertices + n > WW_MAX_VERTICES)
        return ww_error_set(err, WW_TOO_LARGE, "the wards have more than %u vertices", WW_MAX_VERTICES);
    if (!reserve((void **)&b->vertices, &b->vertices_cap, b->n_vertices + n, sizeof *b->vertices) ||
        !reserve((void **)&b->rings, &b->rings_cap, b->n_rings + 1, sizeof *b->rings))
        return no_memory(err);
    struct ww_place *kept = b->vertices + b->n_vertices;
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        enum ww_status st = check_position(points[i], err);
        if (st != WW_OK)
            return st;
        struct ww_place p = {ww_cell_snap(points[i].lon_deg), ww_cell_snap(points[i].lat_deg)};
        if (n_kept > 0 && p.lon_deg == kept[n_kept - 1].lon_deg && p.lat_deg == kept[n_kept - 1].lat_deg)
            continue; /* an edge of no length has no sides */
        if (n_kept > 0 && fabs(p.lon_deg - kept[n_kept - 1].lon_deg) > 180)
            return ww_error_set(err, WW_BAD_INPUT,
                                "an edge at %.10g, %.10g crosses the antimeridian: cut the ward in two there",
                                p.lon_deg, p.lat_deg);
        kept[n_kept++] = p;
        widen(ward, p);
    }
    if (n_kept < 3)
        return WW_OK; /* a ring without area covers nothing */
    b->rings[b->n_rings++] = (struct ww_ward_ring){.first = (uint32_t)b->n_vertices, .n_edges = n_kept - 1};
    b->n_vertices += n_kept;
    return WW_OK;
}

static enum ww_status add_shape(struct ww_ward_index_builder *b, uint32_t id, struct ww_str code,
                                const struct ww_shape *shape, struct ww_error *err) {
    struct ww_ward_source *ward = &b->wards[b->n_wards];
    *ward = (struct ww_ward_source){
        .id = id, .first_ring = (uint32_t)b->n_rings, .west = 180, .south = 90, .east = -180, .north = -90};
    enum ww_status st = ww_shape_each_ring(b->geos, shape, add_ring, b, err);
    if (st != WW_OK)
        return st;
    ward->n_rings = (uint32_t)b->n_rings - ward->first_ring;
    if (ward->n_rings == 0)
        return ww_error_set(err, WW_BAD_INPUT, "the polygon is empty");
    char *copy = ww_try_malloc(code.len + 1);
    if (!copy || ww_map_put(b->codes, code, id) != WW_OK) {
        ww_free(copy);
        return no_memory(err);
    }
    memcpy(copy, code.ptr, code.len);
    ward->code = (struct ww_str){copy, code.len};
    b->n_wards++;
    return WW_OK;
}

enum ww_status ww_ward_index_add_wkb(struct ww_ward_index_builder *b, uint32_t id, struct ww_str code,
                                     const void *wkb, size_t wkb_len, struct ww_error *err) {
    assert(id != WW_WARD_NONE);
    const size_t n_vertices = b->n_vertices;
    const size_t n_rings = b->n_rings;
    struct ww_shape *shape = NULL;
    uint64_t known = 0;
    enum ww_status st = WW_OK;
    if (code.len == 0)
        st = ww_error_set(err, WW_BAD_INPUT, "a ward needs a code");
    else if (ww_map_get(b->codes, code, &known))
        st = ww_error_set(err, WW_CONFLICT, "two wards have the same code");
    else if (b->n_wards + 1 >= WW_MAX_WARDS)
        st = ww_error_set(err, WW_TOO_LARGE, "more than %u wards", WW_MAX_WARDS - 1);
    else if (!reserve((void **)&b->wards, &b->wards_cap, b->n_wards + 1, sizeof *b->wards))
        st = no_memory(err);
    if (st == WW_OK)
        st = ww_shape_from_wkb(b->geos, wkb, wkb_len, &shape, err);
    if (st == WW_OK)
        st = add_shape(b, id, code, shape, err);
    ww_shape_free(b->geos, shape);
    if (st != WW_OK) {
        b->n_vertices = n_vertices;
        b->n_rings = n_rings;
        if (err)
            ww_error_at_field(err, WW_STR("code"), code);
    }
    return st;
}

static int compare_codes(const void *a, const void *b) {
    struct ww_str x = ((const struct ww_ward_source *)a)->code;
    struct ww_str y = ((const struct ww_ward_source *)b)->code;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* The box of all wards and their numbers' ids; the index takes the vertices. */
static bool fill_index(struct ww_ward_index *index, struct ww_ward_index_builder *b) {
    index->ids = ww_try_calloc(b->n_wards + 1, sizeof *index->ids);
    if (!index->ids)
        return false;
    index->west = index->south = INFINITY;
    index->east = index->north = -INFINITY;
    for (size_t i = 0; i < b->n_wards; i++) {
        const struct ww_ward_source *ward = &b->wards[i];
        index->ids[i] = ward->id;
        index->west = fmin(index->west, ward->west);
        index->east = fmax(index->east, ward->east);
        index->south = fmin(index->south, ward->south);
        index->north = fmax(index->north, ward->north);
    }
    index->n_wards = (uint32_t)b->n_wards;
    index->vertices = b->vertices;
    index->n_vertices = b->n_vertices;
    b->vertices = NULL;
    if (index->n_vertices > 0) {
        struct ww_place *fitted = ww_try_realloc(index->vertices, index->n_vertices * sizeof *fitted);
        if (fitted)
            index->vertices = fitted;
    }
    return true;
}

enum ww_status ww_ward_index_build(struct ww_ward_index_builder *b, struct ww_ward_index **out,
                                   struct ww_error *err) {
    *out = NULL;
    enum ww_status st = WW_OK;
    struct ww_ward_index *index = ww_try_calloc(1, sizeof *index);
    if (b->n_wards > 0)
        qsort(b->wards, b->n_wards, sizeof *b->wards, compare_codes);
    if (!index || !fill_index(index, b))
        st = no_memory(err);
    else if (index->n_wards > 0)
        st = ww_ward_cells_build(index, b->wards, b->rings, err);
    ww_ward_index_builder_free(b);
    if (st != WW_OK) {
        ww_ward_index_free(index);
        return st;
    }
    *out = index;
    return WW_OK;
}
