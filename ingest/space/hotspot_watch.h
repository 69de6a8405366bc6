/* One hot-spot rule, live: the newest value of each thing, their means by ward and by hexagon, Gi* and local
 * Moran of these kept up reading by reading, and which places are hot.
 *
 *   st = ww_hotspot_watch_new(&setup, &watch, &err);
 *   ww_hotspot_watch_set(watch, thing_id, ward_id, place, time_us, value);   // each reading: O(neighbours)
 *   if (now_us >= ww_hotspot_watch_due_us(watch, rest_us)) {
 *       ww_hotspot_watch_begin(watch, now_us, &known);   // on the loop: z of all places, as they stand
 *       ww_hotspot_watch_settle(watch);           // on a worker: p and q over the whole map
 *       ww_hotspot_watch_end(watch);              // on the loop: classes, and since when
 *       ww_hotspot_watch_write(watch, rows);      // what changed
 *       ww_hotspot_watch_decide(watch, now_us, actions);
 *   }
 *
 * Pure. Between begin and end only `set` may be called. A place's value is the mean of its things' newest
 * values that are no older than the rule says; a place without one is out of the map. q compares all places
 * of a kind (wards; hexagons) by Benjamini and Hochberg; p is the normal law's where the map is hardly
 * skewed, else that of dealing the map's own values (geo/hotspot/tail.h).
 */
#ifndef WW_INGEST_SPACE_HOTSPOT_WATCH_H
#define WW_INGEST_SPACE_HOTSPOT_WATCH_H

#include "geo/base/json_writer.h"
#include "geo/instant.h"
#include "ingest/space/hotspot_rule.h"
#include "ingest/space/known.h"
#include "ingest/space/scan_spots.h"

struct ww_hotspot_setup {
    int32_t rule_id, version, severity;
    struct ww_str code, config, property_unit;
    struct ww_hotspot_rule how;
    struct ww_scan_spots *wards, *hexagons; /* finished, or NULL; pass to the watch */
};

struct ww_hotspot_watch;
/* Takes wards and hexagons over, on error too. */
enum ww_status ww_hotspot_watch_new(const struct ww_hotspot_setup *setup, struct ww_hotspot_watch **out,
                                    struct ww_error *err) WW_MUST_CHECK;
void ww_hotspot_watch_free(struct ww_hotspot_watch *watch); /* NULL is allowed */

/* False: the thing is not known here yet. An older time than the newest changes nothing. */
bool ww_hotspot_watch_set(struct ww_hotspot_watch *watch, int64_t thing_id, uint32_t ward_id,
                          const struct ww_place *place, int64_t time_us, double value);
/* From when on the map is to be settled again, `rest_us` (at least) after it was last: because of readings,
 * or because values grow old by themselves. */
int64_t ww_hotspot_watch_due_us(const struct ww_hotspot_watch *watch, int64_t rest_us);
/* `known`: up to where what was set is all; an explanation says it. The same values give the same map to the
 * last bit, in whichever order they were set. */
void ww_hotspot_watch_begin(struct ww_hotspot_watch *watch, int64_t now_us, const struct ww_known *known);
void ww_hotspot_watch_settle(struct ww_hotspot_watch *watch);
void ww_hotspot_watch_end(struct ww_hotspot_watch *watch);
/* A JSON array for sql/queries/hotspot_write.sql; false: nothing changed. `all`: every place. */
bool ww_hotspot_watch_write(struct ww_hotspot_watch *watch, bool all, struct ww_buf *rows);

struct ww_hotspot_moves {
    uint32_t opened, cleared;
};
/* Actions as for alert_apply; none unless the rule asks for alerts. */
struct ww_hotspot_moves ww_hotspot_watch_decide(struct ww_hotspot_watch *watch, int64_t now_us,
                                                struct ww_buf *actions);
/* An alert that is open in the database, by its ward. */
void ww_hotspot_watch_take_open(struct ww_hotspot_watch *watch, int64_t ward);

/* ---- For tests ---- */

enum ww_hotspot_class { WW_CLASS_NONE, WW_CLASS_HOT, WW_CLASS_COLD };
enum ww_moran_class {
    WW_MORAN_NONE,
    WW_MORAN_HIGH_HIGH,
    WW_MORAN_LOW_LOW,
    WW_MORAN_HIGH_LOW,
    WW_MORAN_LOW_HIGH
};
struct ww_hotspot_place {
    double value; /* NAN: none */
    uint32_t n_things;
    double z, p, q, moran_z, moran_p, moran_q;
    enum ww_hotspot_class class;
    enum ww_moran_class moran;
};
/* Of the n-th place, as settled last. */
struct ww_hotspot_place ww_hotspot_watch_place(const struct ww_hotspot_watch *watch, bool hexagon,
                                               uint32_t n);

#endif
