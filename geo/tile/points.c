/* Rows sorted by Morton key, with a tail of what moved since. */
#include "geo/tile/points.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"

#define NOWHERE  UINT32_MAX    /* the row of a point that moved away or was dropped */
#define TAIL_MAX ((size_t)512) /* searching it costs about a microsecond */
/* A margin is searched in the ring of tiles this many zooms deeper: 36 of them, each an eighth of a side. */
#define RING_LEVELS 3
#define RING_SIDE   (1 << RING_LEVELS)

struct ww_points {
    struct ww_point *sorted, *tail; /* the tail follows the sorted part in one block */
    size_t n_sorted, n_tail, room, n_live;
    uint32_t *slot; /* of each row, NOWHERE when it is not there */
    struct ww_spot *spot;
    size_t rows;
    struct ww_point *found;
    size_t n_found, found_room;
};

struct ww_points *ww_points_new(void) {
    return ww_try_calloc(1, sizeof(struct ww_points));
}

void ww_points_free(struct ww_points *points) {
    if (!points)
        return;
    ww_free(points->sorted);
    ww_free(points->slot);
    ww_free(points->spot);
    ww_free(points->found);
    ww_free(points);
}

static int by_key(const void *a, const void *b) {
    const struct ww_point *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->row > y->row) - (x->row < y->row);
}

/* Sorts the tail in and throws away what is dead. */
static void merge(struct ww_points *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n_sorted + p->n_tail; i++)
        if (p->sorted[i].row != NOWHERE)
            p->sorted[n++] = p->sorted[i];
    qsort(p->sorted, n, sizeof(*p->sorted), by_key);
    for (size_t i = 0; i < n; i++)
        p->slot[p->sorted[i].row] = (uint32_t)i;
    p->n_sorted = n;
    p->n_tail = 0;
    p->tail = p->sorted + n;
}

static bool make_rows(struct ww_points *p, uint32_t row) {
    size_t rows = p->rows ? p->rows : 256;
    uint32_t *slot;
    struct ww_spot *spot;
    while (rows <= row)
        rows *= 2;
    if (rows == p->rows)
        return true;
    if (!(slot = ww_try_realloc(p->slot, rows * sizeof(*slot))))
        return false;
    p->slot = slot;
    if (!(spot = ww_try_realloc(p->spot, rows * sizeof(*spot))))
        return false;
    p->spot = spot;
    memset(slot + p->rows, 0xff, (rows - p->rows) * sizeof(*slot));
    p->rows = rows;
    return true;
}

static bool make_entry(struct ww_points *p) {
    const size_t used = p->n_sorted + p->n_tail;
    size_t room = p->room ? p->room * 2 : 256;
    struct ww_point *sorted;
    if (used < p->room)
        return true;
    if (!(sorted = ww_try_realloc(p->sorted, room * sizeof(*sorted))))
        return false;
    p->sorted = sorted;
    p->tail = sorted + p->n_sorted;
    p->room = room;
    return true;
}

void ww_points_drop(struct ww_points *points, uint32_t row) {
    if (!ww_points_has(points, row))
        return;
    points->sorted[points->slot[row]].row = NOWHERE;
    points->slot[row] = NOWHERE;
    points->n_live--;
}

enum ww_status ww_points_put(struct ww_points *points, uint32_t row, struct ww_spot spot) {
    assert(row != NOWHERE);
    if (ww_points_has(points, row) && points->spot[row].x == spot.x && points->spot[row].y == spot.y)
        return WW_OK;
    if (!make_rows(points, row) || !make_entry(points))
        return WW_NO_MEMORY;
    ww_points_drop(points, row);
    points->tail[points->n_tail] = (struct ww_point){ww_spot_key(spot), row};
    points->slot[row] = (uint32_t)(points->n_sorted + points->n_tail++);
    points->spot[row] = spot;
    points->n_live++;
    return WW_OK;
}

bool ww_points_has(const struct ww_points *points, uint32_t row) {
    return row < points->rows && points->slot[row] != NOWHERE;
}

struct ww_spot ww_points_spot(const struct ww_points *points, uint32_t row) {
    assert(ww_points_has(points, row));
    return points->spot[row];
}

size_t ww_points_count(const struct ww_points *points) {
    return points->n_live;
}

/* ---- Searching ---- */

/* The first sorted entry whose key is not below. */
static size_t lower_bound(const struct ww_points *p, uint64_t key) {
    size_t from = 0, n = p->n_sorted;
    while (n > 0) {
        const size_t half = n / 2;
        if (p->sorted[from + half].key < key)
            from += half + 1, n -= half + 1;
        else
            n = half;
    }
    return from;
}

static bool find(struct ww_points *p, struct ww_point e) {
    if (p->n_found == p->found_room) {
        const size_t room = p->found_room ? p->found_room * 2 : 1024;
        struct ww_point *found = ww_try_realloc(p->found, room * sizeof(*found));
        if (!found)
            return false;
        p->found = found;
        p->found_room = room;
    }
    p->found[p->n_found++] = e;
    return true;
}

static bool is_within(const struct ww_points *p, struct ww_tile tile, int32_t margin, uint32_t row) {
    int32_t x, y;
    ww_tile_units(tile, p->spot[row], &x, &y);
    return x >= -margin && y >= -margin && x < 4096 + margin && y < 4096 + margin;
}

/* Of a tile in whole, or of a tile of the ring: there only what is near enough to `around`. */
static bool find_in(struct ww_points *p, struct ww_tile tile, const struct ww_tile *around, int32_t margin) {
    uint64_t first, last;
    ww_tile_keys(tile, &first, &last);
    for (size_t i = lower_bound(p, first); i < p->n_sorted && p->sorted[i].key <= last; i++)
        if (p->sorted[i].row != NOWHERE && (!around || is_within(p, *around, margin, p->sorted[i].row)) &&
            !find(p, p->sorted[i]))
            return false;
    return true;
}

static bool find_in_ring(struct ww_points *p, struct ww_tile tile, int32_t margin) {
    const int zoom = tile.zoom + RING_LEVELS;
    const int64_t side = (int64_t)1 << zoom, west = (int64_t)tile.x * RING_SIDE,
                  north = (int64_t)tile.y * RING_SIDE;
    for (int64_t y = north - 1; y <= north + RING_SIDE; y++) {
        const bool is_edge = y < north || y >= north + RING_SIDE;
        if (y < 0 || y >= side)
            continue;
        for (int64_t x = west - 1; x <= west + RING_SIDE; x += is_edge ? 1 : RING_SIDE + 1) {
            const struct ww_tile cell = {(uint32_t)((x + side) % side), (uint32_t)y, (uint8_t)zoom};
            if (!find_in(p, cell, &tile, margin))
                return false;
        }
    }
    return true;
}

static bool find_in_tail(struct ww_points *p, struct ww_tile tile, int32_t margin) {
    for (size_t i = 0; i < p->n_tail; i++)
        if (p->tail[i].row != NOWHERE && is_within(p, tile, margin, p->tail[i].row) && !find(p, p->tail[i]))
            return false;
    return true;
}

size_t ww_points_in(struct ww_points *points, struct ww_tile tile, int32_t margin,
                    const struct ww_point **out) {
    assert(margin >= 0 && margin <= 4096 / RING_SIDE);
    if (tile.zoom == 0)
        margin = 0; /* the world has no outside */
    points->n_found = 0;
    *out = NULL;
    if (points->n_tail > TAIL_MAX)
        merge(points);
    if (!find_in(points, tile, NULL, 0))
        return 0;
    if (margin > 0 && !find_in_ring(points, tile, margin))
        return 0;
    const size_t n_in_order = points->n_found;
    if (!find_in_tail(points, tile, margin))
        return 0;
    if (points->n_found > n_in_order)
        qsort(points->found, points->n_found, sizeof(*points->found), by_key);
    *out = points->found;
    return points->n_found;
}
