/* Zones: the sets of places that a scan looks at, as chains.
 *
 * A chain is a sequence of places; each of its prefixes from the `eval_from`-th place on is a zone. A circle
 * that grows is one chain; a set that is no prefix of another is a chain that is judged at its end only.
 * Zones are made once and stay the same from run to run, so that repeated runs can be compared.
 *
 *   struct ww_scan_zones *zones;
 *   st = ww_scan_zones_circles(&places, &limits, &zones, &err);
 *   for (uint64_t i = zones->start[k]; i < zones->start[k + 1]; i++) … zones->place[i] …
 *   ww_scan_zones_free(zones);
 *
 * Distances: in a plane, or along great circles of a sphere of radius 6,367 km, which is that of the field's
 * reference program. Of equally distant places the one with the lesser first coordinate comes first, then
 * the second, the third (for degrees: x, y, z of the sphere), then the lower index: the reference's order.
 */
#ifndef WW_SCAN_ZONES_H
#define WW_SCAN_ZONES_H

#include <stdbool.h>

#include "geo/base/status.h"

#define WW_SCAN_EARTH_M       6367000.0
#define WW_SCAN_MAX_STEPS     UINT64_C(120000000) /* of all chains together: 480 MB */
#define WW_SCAN_MAX_CONNECTED 10                  /* the k of connected sets */

struct ww_scan_zones {
    uint32_t n_chains;
    uint32_t n_places;
    uint64_t *start;     /* [n_chains + 1] into place and reach_m */
    uint32_t *place;     /* [start[n_chains]] */
    float *reach_m;      /* distance from the centre; NULL when the chains are no circles */
    uint32_t *eval_from; /* [n_chains] length of the shortest prefix that is a zone, from 1 */
    uint32_t *centre;    /* [n_chains] */
};

struct ww_scan_places {
    uint32_t n;
    bool degrees;          /* at = {longitude, latitude, 0}; else {x, y, z} of a plane or space */
    const double (*at)[3]; /* [n] */
};

struct ww_scan_limits {
    double max_radius_m;  /* of a plane: in its unit; INFINITY for none */
    const double *weight; /* [n_places]; NULL: no cap */
    double max_weight;    /* the first place that makes a chain heavier ends it */
};

/* A chain for each place: itself, then the nearest, one by one. */
enum ww_status ww_scan_zones_circles(const struct ww_scan_places *places, const struct ww_scan_limits *limits,
                                     struct ww_scan_zones **out, struct ww_error *err) WW_MUST_CHECK;

/* Lists of places in compressed form: of place i, item[start[i] … start[i+1]-1]. */
struct ww_scan_lists {
    uint32_t n;
    const uint32_t *start; /* [n + 1] */
    const uint32_t *item;
};

/* Chains as the caller orders them: place i itself, then its list. */
enum ww_status ww_scan_zones_given(const struct ww_scan_lists *order, const struct ww_scan_limits *limits,
                                   struct ww_scan_zones **out, struct ww_error *err) WW_MUST_CHECK;
/* All connected sets of at most `k` places around each (k <= WW_SCAN_MAX_CONNECTED), each set once: those
 * that hold the centre and lie inside the centre and its k-1 nearest by number of borders crossed (of equally
 * near ones the lower index). `touching` need not be symmetric: it is taken both ways. */
enum ww_status ww_scan_zones_connected(const struct ww_scan_lists *touching, uint32_t k,
                                       const struct ww_scan_limits *limits, struct ww_scan_zones **out,
                                       struct ww_error *err) WW_MUST_CHECK;
/* Along a river whose reach i flows into the reaches of its list: everything upstream of a reach, and the
 * runs downstream from each (at most `max_run` reaches; where a river parts, one run along each arm). */
enum ww_status ww_scan_zones_river(const struct ww_scan_lists *into, uint32_t max_run,
                                   const struct ww_scan_limits *limits, struct ww_scan_zones **out,
                                   struct ww_error *err) WW_MUST_CHECK;
void ww_scan_zones_free(struct ww_scan_zones *zones); /* NULL is allowed */

/* Metres between two places (a plane: its unit). */
double ww_scan_distance(const struct ww_scan_places *places, uint32_t a, uint32_t b);

/* ---- For builders ---- */

struct ww_scan_zones *ww_scan_zones_new(uint32_t n_places, bool with_reach); /* NULL: no memory */
/* Opens the next chain; then steps are added to it. */
enum ww_status ww_scan_zones_open(struct ww_scan_zones *zones, uint32_t centre, uint32_t eval_from,
                                  struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_scan_zones_step(struct ww_scan_zones *zones, uint32_t place, double reach_m,
                                  struct ww_error *err) WW_MUST_CHECK;

#endif
