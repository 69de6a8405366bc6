/* A grid of equal hexagons on an equal-area plane.
 *
 * Axial numbers: the centre of (q, r) lies at x = across (q + r/2), y = across r sqrt(3)/2 metres from the
 * origin; its six neighbours are (±1, 0), (0, ±1), (1, -1), (-1, 1). A point's hexagon is found by rounding
 * q, r and s = -q-r and mending the one that was rounded most, so that they still sum to 0.
 * Projection: Snyder, Map Projections: A Working Manual (USGS 1395), equations 3-11, 3-12 and 24-17…24-27.
 */
#include "geo/hotspot/hex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/hotspot/weights_private.h"

static const double A_M = 6378137.0;           /* GRS 80 */
static const double E2 = 0.006694380022903416; /* f (2 - f), f = 1/298.257222101 */
static const double DEGREE = M_PI / 180;

/* ---- Projection ---- */

/* Snyder's q: the area between the equator and a latitude. */
static double area_to(double sin_lat) {
    double e = sqrt(E2), es = e * sin_lat;
    return (1 - E2) * (sin_lat / (1 - es * es) - log((1 - es) / (1 + es)) / (2 * e));
}

struct ww_place ww_hex_origin_near(struct ww_place place) {
    /* + 0 makes -0 a 0 */
    return (struct ww_place){round(place.lon_deg) + 0.0, fmax(-85, fmin(85, round(place.lat_deg))) + 0.0};
}

enum ww_status ww_hex_grid_init(struct ww_hex_grid *g, double across_m, struct ww_place origin,
                                struct ww_error *err) {
    if (!(across_m >= 1 && across_m <= 1e5))
        return ww_error_set(err, WW_BAD_INPUT, "a hexagon's width must be from 1 to 100000 m");
    if (!(fabs(origin.lat_deg) <= 85 && fabs(origin.lon_deg) <= 180))
        return ww_error_set(err, WW_BAD_INPUT, "the hexagons' origin must lie within 180° and 85°");
    double polar = area_to(1), s = sin(origin.lat_deg * DEGREE);
    *g = (struct ww_hex_grid){.across_m = across_m, .origin = origin};
    g->sin_b = area_to(s) / polar;
    g->cos_b = sqrt(1 - g->sin_b * g->sin_b);
    g->radius_m = A_M * sqrt(polar / 2);
    g->stretch = A_M * cos(origin.lat_deg * DEGREE) / sqrt(1 - E2 * s * s) / (g->radius_m * g->cos_b);
    return WW_OK;
}

void ww_hex_project(const struct ww_hex_grid *g, struct ww_place place, double xy[2]) {
    double sin_b = area_to(sin(place.lat_deg * DEGREE)) / area_to(1);
    double cos_b = sqrt(fmax(0, 1 - sin_b * sin_b));
    double east = (place.lon_deg - g->origin.lon_deg) * DEGREE;
    double b = g->radius_m * sqrt(2 / (1 + g->sin_b * sin_b + g->cos_b * cos_b * cos(east)));
    xy[0] = b * g->stretch * cos_b * sin(east);
    xy[1] = b / g->stretch * (g->cos_b * sin_b - g->sin_b * cos_b * cos(east));
}

struct ww_place ww_hex_unproject(const struct ww_hex_grid *g, const double xy[2]) {
    double x = xy[0] / g->stretch, y = xy[1] * g->stretch, rho = hypot(x, y);
    if (rho == 0)
        return g->origin;
    double c = 2 * asin(fmin(1, rho / (2 * g->radius_m)));
    double b = asin(fmax(-1, fmin(1, cos(c) * g->sin_b + y * sin(c) * g->cos_b / rho)));
    double east = atan2(x * sin(c), rho * g->cos_b * cos(c) - y * g->sin_b * sin(c));
    /* the latitude whose area is q: Newton's steps, from the sphere's latitude on (Snyder's series would
     * leave some mm) */
    double area = area_to(1) * sin(b), sin_lat = sin(b);
    for (int step = 0; step < 5; step++) {
        double rest = 1 - E2 * sin_lat * sin_lat;
        sin_lat += (area - area_to(sin_lat)) * rest * rest / (2 * (1 - E2));
    }
    double lat = asin(fmax(-1, fmin(1, sin_lat)));
    double lon = g->origin.lon_deg + east / DEGREE;
    return (struct ww_place){lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon, lat / DEGREE};
}

/* ---- Hexagons ---- */

struct ww_hex ww_hex_of(const struct ww_hex_grid *g, struct ww_place place) {
    double xy[2];
    ww_hex_project(g, place, xy);
    double r = xy[1] / (g->across_m * sqrt(3) / 2), q = xy[0] / g->across_m - r / 2, s = -q - r;
    double rq = round(q), rr = round(r), rs = round(s);
    double dq = fabs(rq - q), dr = fabs(rr - r), ds = fabs(rs - s);
    if (dq > dr && dq > ds)
        rq = -rr - rs;
    else if (dr > ds)
        rr = -rq - rs;
    return (struct ww_hex){(int32_t)rq, (int32_t)rr};
}

static void centre_xy(const struct ww_hex_grid *g, struct ww_hex h, double xy[2]) {
    xy[0] = g->across_m * (h.q + h.r / 2.0);
    xy[1] = g->across_m * (sqrt(3) / 2) * h.r;
}

struct ww_place ww_hex_centre(const struct ww_hex_grid *g, struct ww_hex hex) {
    double xy[2];
    centre_xy(g, hex, xy);
    return ww_hex_unproject(g, xy);
}

void ww_hex_corners(const struct ww_hex_grid *g, struct ww_hex hex, struct ww_place corners[6]) {
    double centre[2];
    centre_xy(g, hex, centre);
    for (int i = 0; i < 6; i++) {
        double angle = (60 * i - 30) * DEGREE, out = g->across_m / sqrt(3);
        double xy[2] = {centre[0] + out * cos(angle), centre[1] + out * sin(angle)};
        corners[i] = ww_hex_unproject(g, xy);
    }
}

void ww_hex_name(const struct ww_hex_grid *g, struct ww_hex hex, char *name, size_t room) {
    snprintf(name, room, "h%.10g_%.10g_%.10g_%d_%d", g->across_m, g->origin.lon_deg, g->origin.lat_deg, hex.q,
             hex.r);
}

int ww_hex_compare(const void *pa, const void *pb) {
    const struct ww_hex *a = pa, *b = pb;
    if (a->r != b->r)
        return a->r < b->r ? -1 : 1;
    return a->q < b->q ? -1 : a->q > b->q;
}

uint32_t ww_hex_steps(struct ww_hex a, struct ww_hex b) {
    int64_t q = (int64_t)a.q - b.q, r = (int64_t)a.r - b.r;
    return (uint32_t)((llabs(q) + llabs(r) + llabs(q + r)) / 2);
}

/* ---- Neighbours ---- */

/* Calls for each of the hexagons that are there, in ascending order; returns how many, writes when `index`.
 */
static uint32_t neighbours_of(const struct ww_hex *hexes, uint32_t n, uint32_t of, int32_t rings,
                              uint32_t *index) {
    uint32_t m = 0;
    for (int32_t dr = -rings; dr <= rings; dr++)
        for (int32_t dq = -rings; dq <= rings; dq++) {
            struct ww_hex want = {hexes[of].q + dq, hexes[of].r + dr};
            if ((dq == 0 && dr == 0) || ww_hex_steps(want, hexes[of]) > (uint32_t)rings)
                continue;
            const struct ww_hex *found = bsearch(&want, hexes, n, sizeof *hexes, ww_hex_compare);
            if (found && index)
                index[m] = (uint32_t)(found - hexes);
            m += found != NULL;
        }
    return m;
}

enum ww_status ww_weights_hexes(const struct ww_hex *hexes, uint32_t n, uint32_t rings,
                                struct ww_weights **out, struct ww_error *err) {
    size_t n_pairs = 0;
    if (rings < 1 || rings > 100)
        return ww_error_set(err, WW_BAD_INPUT, "rings of hexagons must be from 1 to 100");
    for (uint32_t i = 0; i < n; i++)
        n_pairs += neighbours_of(hexes, n, i, (int32_t)rings, NULL);
    if (n_pairs > WW_WEIGHTS_MOST_PAIRS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d pairs of hexagons", WW_WEIGHTS_MOST_PAIRS);
    struct ww_weights *w = ww_weights_new(n, n_pairs);
    if (!w)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u hexagons", n);
    for (uint32_t i = 0; i < n; i++)
        w->start[i + 1] = w->start[i] + neighbours_of(hexes, n, i, (int32_t)rings, w->index + w->start[i]);
    for (size_t k = 0; k < n_pairs; k++)
        w->weight[k] = 1;
    *out = w;
    return WW_OK;
}
