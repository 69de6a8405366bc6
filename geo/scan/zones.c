/* Chains of places: growing them, circles around places, and orders that the caller gives. */
#include "geo/scan/zones.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"

/* ---- Growing ---- */

struct grown { /* what a builder keeps behind the public struct */
    struct ww_scan_zones zones;
    uint64_t room_steps;
    uint32_t room_chains;
};

struct ww_scan_zones *ww_scan_zones_new(uint32_t n_places, bool with_reach) {
    struct grown *g = ww_try_calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->zones.n_places = n_places;
    g->room_chains = n_places < 16 ? 16 : n_places;
    g->room_steps = 1024;
    g->zones.start = ww_try_calloc((size_t)g->room_chains + 1, sizeof *g->zones.start);
    g->zones.eval_from = ww_try_calloc(g->room_chains, sizeof *g->zones.eval_from);
    g->zones.centre = ww_try_calloc(g->room_chains, sizeof *g->zones.centre);
    g->zones.place = ww_try_malloc(g->room_steps * sizeof *g->zones.place);
    if (with_reach)
        g->zones.reach_m = ww_try_malloc(g->room_steps * sizeof *g->zones.reach_m);
    if (!g->zones.start || !g->zones.eval_from || !g->zones.centre || !g->zones.place ||
        (with_reach && !g->zones.reach_m)) {
        ww_scan_zones_free(&g->zones);
        return NULL;
    }
    return &g->zones;
}

void ww_scan_zones_free(struct ww_scan_zones *zones) {
    if (!zones)
        return;
    ww_free(zones->start);
    ww_free(zones->place);
    ww_free(zones->reach_m);
    ww_free(zones->eval_from);
    ww_free(zones->centre);
    ww_free(zones);
}

static bool grow(void *array, size_t room, size_t size) {
    void **slot = array;
    void *bigger = room <= SIZE_MAX / size ? ww_try_realloc(*slot, room * size) : NULL;
    if (bigger)
        *slot = bigger;
    return bigger != NULL;
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the zones");
}

enum ww_status ww_scan_zones_open(struct ww_scan_zones *zones, uint32_t centre, uint32_t eval_from,
                                  struct ww_error *err) {
    struct grown *g = (struct grown *)zones;
    if (zones->n_chains == g->room_chains) {
        uint32_t room = g->room_chains + g->room_chains / 2;
        if (room >= (UINT32_C(1) << 28))
            return ww_error_set(err, WW_TOO_LARGE, "more than 268 million chains of places");
        if (!grow(&zones->start, (size_t)room + 1, sizeof *zones->start) ||
            !grow(&zones->eval_from, room, sizeof *zones->eval_from) ||
            !grow(&zones->centre, room, sizeof *zones->centre))
            return no_memory(err);
        g->room_chains = room;
    }
    uint32_t k = zones->n_chains++;
    zones->centre[k] = centre;
    zones->eval_from[k] = eval_from;
    zones->start[k + 1] = zones->start[k];
    return WW_OK;
}

enum ww_status ww_scan_zones_step(struct ww_scan_zones *zones, uint32_t place, double reach_m,
                                  struct ww_error *err) {
    struct grown *g = (struct grown *)zones;
    uint64_t n = zones->start[zones->n_chains];
    if (n == WW_SCAN_MAX_STEPS)
        return ww_error_set(err, WW_TOO_LARGE,
                            "the zones have more than %llu steps; a smaller greatest radius makes fewer",
                            (unsigned long long)WW_SCAN_MAX_STEPS);
    if (n == g->room_steps) {
        uint64_t room = 2 * g->room_steps;
        if (!grow(&zones->place, room, sizeof *zones->place) ||
            (zones->reach_m && !grow(&zones->reach_m, room, sizeof *zones->reach_m)))
            return no_memory(err);
        g->room_steps = room;
    }
    zones->place[n] = place;
    if (zones->reach_m)
        zones->reach_m[n] = (float)reach_m;
    zones->start[zones->n_chains] = n + 1;
    return WW_OK;
}

/* ---- Circles ---- */

struct point {
    double at[3]; /* of the plane, or of the unit sphere */
    uint32_t index;
};

struct hit {
    double squared; /* distance, of the plane or of the chord */
    uint32_t order; /* among all points by coordinates: breaks ties */
};

static struct point point_of(const struct ww_scan_places *places, uint32_t i) {
    const double *a = places->at[i];
    struct point p = {.at = {a[0], a[1], a[2]}, .index = i};
    if (places->degrees) {
        double lon = a[0] * (M_PI / 180), lat = a[1] * (M_PI / 180);
        p.at[0] = cos(lat) * cos(lon);
        p.at[1] = cos(lat) * sin(lon);
        p.at[2] = sin(lat);
    }
    return p;
}

static double squared(const struct point *a, const struct point *b) {
    double x = a->at[0] - b->at[0], y = a->at[1] - b->at[1], z = a->at[2] - b->at[2];
    return x * x + y * y + z * z;
}

static double metres(bool degrees, double squared_distance) {
    double d = sqrt(squared_distance);
    return degrees ? 2 * WW_SCAN_EARTH_M * asin(d < 2 ? d / 2 : 1) : d;
}

double ww_scan_distance(const struct ww_scan_places *places, uint32_t a, uint32_t b) {
    struct point p = point_of(places, a), q = point_of(places, b);
    return metres(places->degrees, squared(&p, &q));
}

static int by_coordinates(const void *left, const void *right) {
    const struct point *a = left, *b = right;
    for (int i = 0; i < 3; i++)
        if (a->at[i] != b->at[i])
            return a->at[i] < b->at[i] ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_distance(const void *left, const void *right) {
    const struct hit *a = left, *b = right;
    if (a->squared != b->squared)
        return a->squared < b->squared ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Points are sorted by their first coordinate: no point further along it than the radius can be within. */
static uint32_t hits_of(const struct point *points, uint32_t n, uint32_t of, double reach, struct hit *hits) {
    uint32_t n_hits = 0;
    double most = reach * reach;
    for (uint32_t j = of + 1; j-- > 0 && points[of].at[0] - points[j].at[0] <= reach;) {
        double d = squared(&points[of], &points[j]);
        if (d <= most)
            hits[n_hits++] = (struct hit){d, j};
    }
    for (uint32_t j = of + 1; j < n && points[j].at[0] - points[of].at[0] <= reach; j++) {
        double d = squared(&points[of], &points[j]);
        if (d <= most)
            hits[n_hits++] = (struct hit){d, j};
    }
    qsort(hits, n_hits, sizeof *hits, by_distance);
    return n_hits;
}

static enum ww_status add_circles(struct ww_scan_zones *zones, const struct ww_scan_places *places,
                                  const struct ww_scan_limits *limits, const struct point *points,
                                  const uint32_t *order_of, struct hit *hits, struct ww_error *err) {
    /* A hair wider than asked: what counts is the distance in metres below. */
    double radius = limits->max_radius_m, reach = radius * (1 + 1e-9);
    if (places->degrees) {
        double half = radius / (2 * WW_SCAN_EARTH_M);
        reach = half < M_PI / 2 ? 2 * sin(half) * (1 + 1e-9) : INFINITY;
    }
    enum ww_status st = WW_OK;
    for (uint32_t centre = 0; centre < places->n && st == WW_OK; centre++) {
        uint32_t n_hits = hits_of(points, places->n, order_of[centre], reach, hits);
        double weight = 0;
        st = ww_scan_zones_open(zones, centre, 1, err);
        for (uint32_t i = 0; i < n_hits && st == WW_OK; i++) {
            uint32_t place = points[hits[i].order].index;
            double at = metres(places->degrees, hits[i].squared);
            if (limits->weight)
                weight += limits->weight[place];
            if (at > radius || (limits->weight && weight > limits->max_weight))
                break;
            st = ww_scan_zones_step(zones, place, at, err);
        }
    }
    return st;
}

enum ww_status ww_scan_zones_circles(const struct ww_scan_places *places, const struct ww_scan_limits *limits,
                                     struct ww_scan_zones **out, struct ww_error *err) {
    uint32_t n = places->n;
    struct ww_scan_zones *zones = ww_scan_zones_new(n, true);
    struct point *points = ww_try_calloc((size_t)n + 1, sizeof *points);
    uint32_t *order_of = ww_try_calloc((size_t)n + 1, sizeof *order_of);
    struct hit *hits = ww_try_calloc((size_t)n + 1, sizeof *hits);
    enum ww_status st = zones && points && order_of && hits ? WW_OK : no_memory(err);
    if (st == WW_OK) {
        for (uint32_t i = 0; i < n; i++)
            points[i] = point_of(places, i);
        qsort(points, n, sizeof *points, by_coordinates);
        for (uint32_t i = 0; i < n; i++)
            order_of[points[i].index] = i;
        st = add_circles(zones, places, limits, points, order_of, hits, err);
    }
    ww_free(points);
    ww_free(order_of);
    ww_free(hits);
    if (st != WW_OK) {
        ww_scan_zones_free(zones);
        zones = NULL;
    }
    *out = zones;
    return st;
}

/* ---- Orders that the caller gives ---- */

enum ww_status ww_scan_zones_given(const struct ww_scan_lists *order, const struct ww_scan_limits *limits,
                                   struct ww_scan_zones **out, struct ww_error *err) {
    struct ww_scan_zones *zones = ww_scan_zones_new(order->n, false);
    enum ww_status st = zones ? WW_OK : no_memory(err);
    for (uint32_t centre = 0; centre < order->n && st == WW_OK; centre++) {
        double weight = 0;
        st = ww_scan_zones_open(zones, centre, 1, err);
        for (uint32_t i = 0; i <= order->start[centre + 1] - order->start[centre] && st == WW_OK; i++) {
            uint32_t place = i == 0 ? centre : order->item[order->start[centre] + i - 1];
            assert(place < order->n);
            if (limits->weight && (weight += limits->weight[place]) > limits->max_weight)
                break;
            st = ww_scan_zones_step(zones, place, 0, err);
        }
    }
    if (st != WW_OK) {
        ww_scan_zones_free(zones);
        zones = NULL;
    }
    *out = zones;
    return st;
}
