/* Wards, hexagons, things or reaches as the places of a scan. */
#include "ingest/space/scan_spots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/map.h"
#include "geo/hotspot/hex.h"
#include "ingest/space/reach_lines.h"

enum { MOST_SPOTS = UINT16_MAX };

struct link {
    uint32_t from;
    struct ww_str to; /* a key of spot_by_id or of spot_by_key */
};

struct ww_scan_spots {
    struct ww_scan_rule rule; /* its texts are not looked at */
    struct ww_arena *arena;
    struct ww_scan_spot *spot;
    uint32_t n, cap;
    struct ww_map *spot_by_id;  /* as text */
    struct ww_map *spot_by_key; /* codes of reaches; 8 bytes of hexagons */
    struct ww_map *thing_by_id; /* → index in `thing` */
    struct ww_place *thing;
    uint32_t n_things, cap_things;
    struct link *link;
    uint32_t n_links, cap_links;
    uint32_t *list_start, *list_item;
    double west, south, east, north; /* of all wards */
    struct ww_hex_grid grid;
    struct ww_reach_lines *reaches;
};

struct ww_scan_spots *ww_scan_spots_new(const struct ww_scan_rule *rule) {
    struct ww_scan_spots *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rule = *rule;
    s->arena = ww_arena_new((size_t)64 << 20);
    s->reaches = ww_reach_lines_new();
    s->spot_by_id = ww_map_new(64);
    s->spot_by_key = ww_map_new(64);
    s->thing_by_id = ww_map_new(64);
    s->west = s->south = INFINITY;
    s->east = s->north = -INFINITY;
    if (!s->arena || !s->reaches) {
        ww_scan_spots_free(s);
        return NULL;
    }
    return s;
}

void ww_scan_spots_free(struct ww_scan_spots *s) {
    if (!s)
        return;
    ww_arena_free(s->arena);
    ww_reach_lines_free(s->reaches);
    ww_map_free(s->spot_by_id);
    ww_map_free(s->spot_by_key);
    ww_map_free(s->thing_by_id);
    ww_free(s->spot);
    ww_free(s->thing);
    ww_free(s->link);
    ww_free(s->list_start);
    ww_free(s->list_item);
    ww_free(s);
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the places of a scan");
}

static struct ww_str id_text(int64_t id, char room[24]) {
    return (struct ww_str){room, (size_t)snprintf(room, 24, "%lld", (long long)id)};
}

static enum ww_status add_spot(struct ww_scan_spots *s, const struct ww_scan_spot *spot,
                               struct ww_error *err) {
    char room[24];
    if (s->n == MOST_SPOTS)
        return ww_error_set(err, WW_TOO_LARGE, "a scan takes at most %d places", MOST_SPOTS);
    if (!ww_grown(&s->spot, s->n, &s->cap, sizeof *s->spot))
        return no_memory(err);
    s->spot[s->n] = *spot;
    s->spot[s->n].key = ww_arena_copy(s->arena, spot->key);
    if (!s->spot[s->n].key.ptr ||
        (spot->id != 0 && ww_map_put(s->spot_by_id, id_text(spot->id, room), s->n) != WW_OK))
        return no_memory(err);
    s->n++;
    return WW_OK;
}

static bool add_link(struct ww_scan_spots *s, uint32_t from, struct ww_str to) {
    struct link link = {from, ww_arena_copy(s->arena, to)};
    if (!link.to.ptr || !ww_grown(&s->link, s->n_links, &s->cap_links, sizeof *s->link))
        return false;
    s->link[s->n_links++] = link;
    return true;
}

enum ww_status ww_scan_spots_add_ward(struct ww_scan_spots *s, const struct ww_scan_ward_row *row,
                                      struct ww_error *err) {
    if (!isnan(row->west)) {
        s->west = fmin(s->west, row->west);
        s->south = fmin(s->south, row->south);
        s->east = fmax(s->east, row->east);
        s->north = fmax(s->north, row->north);
    }
    if (s->rule.places != WW_PLACE_WARD)
        return WW_OK;
    struct ww_scan_spot spot = {row->id, row->code, row->at, (uint32_t)row->id, row->population};
    enum ww_status st = add_spot(s, &spot, err);
    struct ww_str rest = row->touching;
    while (st == WW_OK && rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        if (!add_link(s, s->n - 1, (struct ww_str){rest.ptr, len}))
            st = no_memory(err);
        rest.ptr += len + (comma != NULL);
        rest.len -= len + (comma != NULL);
    }
    return st;
}

enum ww_status ww_scan_spots_add_thing(struct ww_scan_spots *s, int64_t id, struct ww_str key,
                                       struct ww_place at, uint32_t ward_id, double population,
                                       struct ww_error *err) {
    char room[24];
    if (!ww_grown(&s->thing, s->n_things, &s->cap_things, sizeof *s->thing) ||
        ww_map_put(s->thing_by_id, id_text(id, room), s->n_things) != WW_OK)
        return no_memory(err);
    s->thing[s->n_things++] = at;
    if (s->rule.places != WW_PLACE_THING || isnan(at.lon_deg))
        return WW_OK;
    struct ww_scan_spot spot = {id, key, at, ward_id, population};
    return add_spot(s, &spot, err);
}

enum ww_status ww_scan_spots_add_reach(struct ww_scan_spots *s, int64_t id, struct ww_str code,
                                       struct ww_str downstream, struct ww_str geojson,
                                       struct ww_error *err) {
    enum ww_status st = ww_reach_lines_add(s->reaches, geojson, err);
    if (st != WW_OK)
        return st;
    uint32_t reach = ww_reach_lines_count(s->reaches) - 1;
    double half_m = ww_reach_lines_length_m(s->reaches, reach) / 2;
    struct ww_scan_spot spot = {id, code, ww_reach_lines_place(s->reaches, reach, half_m), 0, NAN};
    st = add_spot(s, &spot, err);
    if (st == WW_OK && (ww_map_put(s->spot_by_key, code, reach) != WW_OK ||
                        (downstream.len > 0 && !add_link(s, reach, downstream))))
        st = no_memory(err);
    return st;
}

/* ---- Hexagons ---- */

static struct ww_str hex_key(const struct ww_hex *h) {
    return (struct ww_str){(const char *)h, sizeof *h};
}

/* The ward of its centre, else of the first corner that has one; WW_WARD_NONE: none. */
static uint32_t ward_of(const struct ww_scan_spots *s, const struct ww_ward_index *wards, struct ww_hex h) {
    struct ww_place corner[6];
    uint32_t ward = ww_ward_index_find(wards, ww_hex_centre(&s->grid, h), NULL);
    ww_hex_corners(&s->grid, h, corner);
    for (int i = 0; i < 6 && ward == WW_WARD_NONE; i++)
        ward = ww_ward_index_find(wards, corner[i], NULL);
    return ward;
}

static enum ww_status add_hexagon(struct ww_scan_spots *s, const struct ww_ward_index *wards, struct ww_hex h,
                                  struct ww_error *err) {
    uint32_t ward = ward_of(s, wards, h);
    if (ward == WW_WARD_NONE)
        return WW_OK;
    char name[64];
    ww_hex_name(&s->grid, h, name, sizeof name);
    struct ww_scan_spot spot = {0, ww_str_of(name), ww_hex_centre(&s->grid, h), ward, NAN};
    enum ww_status st = add_spot(s, &spot, err);
    if (st == WW_OK && ww_map_put(s->spot_by_key, hex_key(&h), s->n - 1) != WW_OK)
        st = no_memory(err);
    return st;
}

/* All whose centre or a corner lies in a ward. Rows of hexagons go from west to east. */
static enum ww_status cover(struct ww_scan_spots *s, const struct ww_ward_index *wards,
                            struct ww_error *err) {
    if (!(s->west <= s->east))
        return ww_error_set(err, WW_BAD_INPUT,
                            "no ward has a polygon: there is nothing to lay hexagons over");
    struct ww_place middle = {(s->west + s->east) / 2, (s->south + s->north) / 2};
    enum ww_status st = ww_hex_grid_init(&s->grid, s->rule.hexagon_m, ww_hex_origin_near(middle), err);
    if (st != WW_OK)
        return st;
    struct ww_hex corner[4] = {ww_hex_of(&s->grid, (struct ww_place){s->west, s->south}),
                               ww_hex_of(&s->grid, (struct ww_place){s->east, s->south}),
                               ww_hex_of(&s->grid, (struct ww_place){s->west, s->north}),
                               ww_hex_of(&s->grid, (struct ww_place){s->east, s->north})};
    int32_t low_q = INT32_MAX, high_q = INT32_MIN, low_r = INT32_MAX, high_r = INT32_MIN;
    for (int i = 0; i < 4; i++) {
        low_q = corner[i].q < low_q ? corner[i].q : low_q;
        high_q = corner[i].q > high_q ? corner[i].q : high_q;
        low_r = corner[i].r < low_r ? corner[i].r : low_r;
        high_r = corner[i].r > high_r ? corner[i].r : high_r;
    }
    if ((int64_t)(high_q - low_q + 3) * (high_r - low_r + 3) > 8 * (int64_t)MOST_SPOTS)
        return ww_error_set(err, WW_TOO_LARGE, "hexagons of %g m are too many for this district",
                            s->rule.hexagon_m);
    for (int32_t r = low_r - 1; r <= high_r + 1; r++)
        for (int32_t q = low_q - 1; q <= high_q + 1 && st == WW_OK; q++)
            st = add_hexagon(s, wards, (struct ww_hex){q, r}, err);
    return st;
}

/* ---- Lists ---- */

static int by_from(const void *left, const void *right) {
    const struct link *a = left, *b = right;
    return a->from < b->from ? -1 : a->from > b->from;
}

static enum ww_status make_lists(struct ww_scan_spots *s, struct ww_error *err) {
    const struct ww_map *ids = s->rule.places == WW_PLACE_REACH ? s->spot_by_key : s->spot_by_id;
    s->list_start = ww_try_calloc((size_t)s->n + 1, sizeof *s->list_start);
    s->list_item = ww_try_calloc((size_t)s->n_links + 1, sizeof *s->list_item);
    if (!s->list_start || !s->list_item)
        return no_memory(err);
    if (s->n_links > 0)
        qsort(s->link, s->n_links, sizeof *s->link, by_from);
    uint32_t n = 0, k = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        s->list_start[i] = n;
        for (; k < s->n_links && s->link[k].from == i; k++) {
            uint64_t to;
            if (ww_map_get(ids, s->link[k].to, &to) && to != i)
                s->list_item[n++] = (uint32_t)to;
        }
    }
    s->list_start[s->n] = n;
    return WW_OK;
}

enum ww_status ww_scan_spots_finish(struct ww_scan_spots *s, const struct ww_ward_index *wards,
                                    struct ww_error *err) {
    enum ww_status st = WW_OK;
    if (s->rule.places == WW_PLACE_HEXAGON)
        st = cover(s, wards, err);
    if (s->rule.places == WW_PLACE_REACH)
        for (uint32_t i = 0; i < s->n; i++)
            s->spot[i].ward_id = ww_ward_index_find(wards, s->spot[i].at, NULL);
    if (st == WW_OK)
        st = make_lists(s, err);
    return st;
}

const struct ww_scan_spot *ww_scan_spots_list(const struct ww_scan_spots *s, uint32_t *n,
                                              struct ww_scan_lists *lists) {
    *n = s->n;
    *lists = (struct ww_scan_lists){s->n, s->list_start, s->list_item};
    return s->spot;
}

/* ---- Events ---- */

static uint32_t by_id(const struct ww_scan_spots *s, int64_t id, uint32_t otherwise) {
    char room[24];
    uint64_t found;
    return ww_map_get(s->spot_by_id, id_text(id, room), &found) ? (uint32_t)found : otherwise;
}

uint32_t ww_scan_spots_find(const struct ww_scan_spots *s, int64_t thing_id, uint32_t ward_id,
                            const struct ww_place *place) {
    char room[24];
    uint64_t found;
    if (s->rule.places == WW_PLACE_WARD)
        return by_id(s, ward_id, WW_SPOT_NONE);
    bool is_known = ww_map_get(s->thing_by_id, id_text(thing_id, room), &found);
    if (s->rule.places == WW_PLACE_THING)
        return is_known ? by_id(s, thing_id, WW_SPOT_NONE) : WW_SPOT_UNKNOWN;
    if (!place && !is_known)
        return WW_SPOT_UNKNOWN;
    struct ww_place at = place ? *place : s->thing[found];
    if (isnan(at.lon_deg))
        return WW_SPOT_NONE;
    if (s->rule.places == WW_PLACE_REACH) {
        uint32_t reach = ww_reach_lines_find(s->reaches, at, s->rule.snap_m).reach;
        return reach == WW_REACH_NONE ? WW_SPOT_NONE : reach;
    }
    struct ww_hex h = ww_hex_of(&s->grid, at);
    return ww_map_get(s->spot_by_key, hex_key(&h), &found) ? (uint32_t)found : WW_SPOT_NONE;
}

/* ---- Of hexagons ---- */

enum ww_status ww_scan_spots_rings(const struct ww_scan_spots *s, uint32_t rings, struct ww_weights **out,
                                   struct ww_error *err) {
    struct ww_hex *hexes = ww_try_calloc((size_t)s->n + 1, sizeof *hexes);
    if (!hexes)
        return no_memory(err);
    for (uint32_t i = 0; i < s->n; i++) /* they were laid row by row, which is the order that is asked for */
        hexes[i] = ww_hex_of(&s->grid, s->spot[i].at);
    enum ww_status st = ww_weights_hexes(hexes, s->n, rings, out, err);
    ww_free(hexes);
    return st;
}

void ww_scan_spots_corners(const struct ww_scan_spots *s, uint32_t spot, struct ww_place corners[6]) {
    ww_hex_corners(&s->grid, ww_hex_of(&s->grid, s->spot[spot].at), corners);
}
