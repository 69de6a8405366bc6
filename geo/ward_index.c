/* Finds the ward of a place; the half of the ward index that answers.
 *
 * The earth's degrees are laid out on a fixed grid of 2^-23 degree. An index has one coarse
 * grid over its wards, about four cells a ward; a cell that too many border edges cross is
 * split into 4 × 4, and so on. A cell that no edge touches lies wholly in one ward (or
 * none, or several), and the answer is read off its slot. That is where most places end.
 *
 * A cell that edges do touch is a leaf. It knows, for each ward of interest, the ward's
 * edges that touch the cell, and whether the cell's south-west corner lies inside that
 * ward. A place is inside exactly when an even number of these edges lies between it and
 * an inside corner, or an odd number between it and an outside one. So the test costs a
 * handful of edges, however many vertices the ward has.
 *
 * It is exact. Crossings are counted along a way of two axis-parallel pieces, place → bend →
 * corner, by the signs of orientation tests that are never wrong (orient.h). What would be
 * a special case (the way runs through a vertex or along an edge) cannot happen: all points
 * of the way are thought moved by (e, e²) with an infinitely small e, the "simulation of
 * simplicity" of Edelsbrunner and Mücke (1990); each test breaks its tie in that sense. The
 * builder numbers the corners by the same rule, so both halves always agree. Only whether
 * the place itself lies on a border is asked without that: borders belong to the ward.
 *
 *    +--------------+   Place P in a leaf of ward A (inside = its corner C is outside A):
 *    |     \  A     |   P → bend crosses A's edge once, bend → C crosses nothing.
 *    bend - \ - - P |   Odd, and C is outside: P lies in A.
 *    |       \      |
 *    C--------\-----+   After S2's cell-to-edge index, with a grid in place of the sphere's.
 *
 * GEOS prepared polygons under an STR tree do the same job with some 4 kB a ward of this
 * size (170 MB for all wards of the country) and five to ten times the time; tests/bench/
 * ward_lookup_bench.c measures both, and the unit test compares the answers with GEOS.
 */
#include "geo/ward_index.h"

#include "geo/base/alloc.h"
#include "geo/ward_cells.h"

/* What a lookup has found so far. */
struct verdict {
    uint32_t ward; /* number + 1 of the smallest one; 0 = none */
    bool shared;
};

/* The slot of the smallest cell that holds the place, and that cell's corner. */
static uint32_t find_slot(const struct ww_ward_index *index, struct ww_place place, struct ww_place *corner) {
    uint32_t x = ww_cell_units(place.lon_deg);
    uint32_t y = ww_cell_units(place.lat_deg);
    uint32_t shift = index->shift;
    uint32_t slot = index->grid[(size_t)((y >> shift) - index->y0) * index->nx + ((x >> shift) - index->x0)];
    while (WW_SLOT_KIND(slot) == WW_SLOT_NODE) {
        shift -= 2;
        slot = index->nodes[(size_t)WW_SLOT_VALUE(slot) * 16 + (y >> shift & 3) * 4 + (x >> shift & 3)];
    }
    corner->lon_deg = ww_cell_degrees(x >> shift << shift);
    corner->lat_deg = ww_cell_degrees(y >> shift << shift);
    return slot;
}

static bool covers(const struct ww_ward_index *index, const uint32_t *runs, uint32_t n_runs,
                   bool corner_inside, struct ww_place place, struct ww_place corner) {
    bool on_border = false;
    unsigned crossings = corner_inside;
    for (uint32_t i = 0; i < n_runs; i++) {
        const struct ww_place *vertices = index->vertices + WW_RUN_FIRST(runs[i]);
        crossings += ww_cell_crossings(vertices, WW_RUN_COUNT(runs[i]), place, corner, &on_border);
        if (on_border)
            return true;
    }
    return crossings & 1u;
}

static struct verdict ask_leaf(const struct ww_ward_index *index, size_t offset, struct ww_place place,
                               struct ww_place corner, bool want_shared) {
    struct verdict v = {0};
    const uint32_t *word = index->leaves + offset;
    for (;;) {
        uint32_t head = *word++;
        uint32_t n_runs = WW_GROUP_RUNS(head);
        if (n_runs == WW_GROUP_MANY)
            n_runs = *word++;
        if (covers(index, word, n_runs, WW_GROUP_INSIDE(head), place, corner)) {
            v.shared = v.ward != 0;
            if (!v.ward) /* groups come in the order of the codes */
                v.ward = WW_GROUP_WARD(head) + 1;
            if (v.shared || !want_shared)
                return v;
        }
        if (WW_GROUP_LAST(head))
            return v;
        word += n_runs;
    }
}

static struct verdict find_ward(const struct ww_ward_index *index, struct ww_place place, bool want_shared) {
    struct verdict none = {0};
    /* Written so that NAN fails too. */
    if (!(place.lon_deg >= index->west && place.lon_deg <= index->east && place.lat_deg >= index->south &&
          place.lat_deg <= index->north))
        return none;
    place.lon_deg = ww_cell_snap(place.lon_deg);
    place.lat_deg = ww_cell_snap(place.lat_deg);
    struct ww_place corner;
    uint32_t slot = find_slot(index, place, &corner);
    if (WW_SLOT_KIND(slot) == WW_SLOT_PLAIN)
        return (struct verdict){.ward = WW_SLOT_VALUE(slot)};
    return ask_leaf(index, WW_SLOT_VALUE(slot), place, corner, want_shared);
}

uint32_t ww_ward_index_find(const struct ww_ward_index *index, struct ww_place place, bool *shared) {
    struct verdict v = find_ward(index, place, shared != NULL);
    if (fabs(place.lon_deg) == 180) { /* one meridian with two names */
        struct ww_place other = {.lon_deg = -place.lon_deg, .lat_deg = place.lat_deg};
        struct verdict w = find_ward(index, other, shared != NULL);
        v.shared = v.shared || w.shared || (v.ward && w.ward && v.ward != w.ward);
        if (!v.ward || (w.ward && w.ward < v.ward))
            v.ward = w.ward;
    }
    if (shared)
        *shared = v.shared;
    return v.ward ? index->ids[v.ward - 1] : WW_WARD_NONE;
}

size_t ww_ward_index_count(const struct ww_ward_index *index) {
    return index->n_wards;
}

size_t ww_ward_index_bytes(const struct ww_ward_index *index) {
    size_t slots = (size_t)index->nx * index->ny + index->n_nodes * 16 + index->n_leaf_words + index->n_wards;
    return sizeof *index + slots * sizeof(uint32_t) + index->n_vertices * sizeof(struct ww_place);
}

void ww_ward_index_free(struct ww_ward_index *index) {
    if (!index)
        return;
    ww_free(index->grid);
    ww_free(index->nodes);
    ww_free(index->leaves);
    ww_free(index->vertices);
    ww_free(index->ids);
    ww_free(index);
}
