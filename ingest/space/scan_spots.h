/* The places that a scan rule counts events at, and which of them an event belongs to.
 *
 *   struct ww_scan_spots *spots = ww_scan_spots_new(&rule);
 *   st = ww_scan_spots_add_ward(spots, …);          // every ward, whatever the rule's places are
 *   st = ww_scan_spots_add_thing(spots, …);         // but for wards: every thing that the rule watches
 *   st = ww_scan_spots_add_reach(spots, …);         // for reaches: every reach
 *   st = ww_scan_spots_finish(spots, ward_index, &err);
 *   setup.spots = ww_scan_spots_list(spots, &setup.n_spots, &setup.lists);
 *   uint32_t spot = ww_scan_spots_find(spots, thing_id, ward_id, place);
 *
 * Pure; after finish read only.
 */
#ifndef WW_INGEST_SPACE_SCAN_SPOTS_H
#define WW_INGEST_SPACE_SCAN_SPOTS_H

#include "geo/hotspot/weights.h"
#include "geo/ward_index.h"
#include "ingest/space/scan_watch.h"

#define WW_SPOT_NONE    UINT32_MAX       /* the event is nowhere that counts */
#define WW_SPOT_UNKNOWN (UINT32_MAX - 1) /* the thing is not known here yet */

struct ww_scan_spots;
struct ww_scan_spots *ww_scan_spots_new(const struct ww_scan_rule *rule); /* copied; NULL: no memory */
void ww_scan_spots_free(struct ww_scan_spots *spots);                     /* NULL is allowed */

struct ww_scan_ward_row {
    int64_t id;
    struct ww_str code;
    struct ww_place at;              /* NAN: none */
    double west, south, east, north; /* NAN: no polygon */
    double population;               /* NAN: none */
    struct ww_str touching;          /* ids with commas between */
};
enum ww_status ww_scan_spots_add_ward(struct ww_scan_spots *spots, const struct ww_scan_ward_row *row,
                                      struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_scan_spots_add_thing(struct ww_scan_spots *spots, int64_t id, struct ww_str key,
                                       struct ww_place at, uint32_t ward_id, double population,
                                       struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_scan_spots_add_reach(struct ww_scan_spots *spots, int64_t id, struct ww_str code,
                                       struct ww_str downstream, struct ww_str geojson,
                                       struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_scan_spots_finish(struct ww_scan_spots *spots, const struct ww_ward_index *wards,
                                    struct ww_error *err) WW_MUST_CHECK;

const struct ww_scan_spot *ww_scan_spots_list(const struct ww_scan_spots *spots, uint32_t *n,
                                              struct ww_scan_lists *lists);
/* Of hexagons: those at most `rings` steps apart; the corners of one. */
enum ww_status ww_scan_spots_rings(const struct ww_scan_spots *spots, uint32_t rings, struct ww_weights **out,
                                   struct ww_error *err) WW_MUST_CHECK;
void ww_scan_spots_corners(const struct ww_scan_spots *spots, uint32_t spot, struct ww_place corners[6]);
/* `place`: where the reading was taken when that is not where its thing stands; NULL: there. */
uint32_t ww_scan_spots_find(const struct ww_scan_spots *spots, int64_t thing_id, uint32_t ward_id,
                            const struct ww_place *place);

#endif
