/* When does a signal not count, though it is there? While it rains, and while somebody works on the sensor.
 *
 * Rain washes out sewers and carries streets into rivers: what detectors that learn, and scans, see then is
 * true and means little. An announced maintenance makes readings odd that tell of nothing but the mechanic. A
 * rule says so in its config:
 *
 *   "mute": {"rain": {"property": "rain", "above": 0.2, "hours": 6, "within_m": 3000}, "maintenance": true}
 *
 * A signal that is muted raises no alert; it is recorded with the reason, counted and shown (muted_signal,
 * /api/v1/muted). When the reason ends and the signal still goes on, its alert is raised then. An alert that
 * was open before goes on. Limits that the law names know no muting.
 *
 * Rain is readings as any other: a gauge is wet after a reading above `above` until `hours` from its end on.
 * Which gauges count: the one named by `feed` and `thing`, else those within `within_m` of the sensor (of the
 * cluster's centre), else those of the same ward. A gauge that is silent mutes nothing.
 *
 * A maintenance window is a row of maintenance_window: of a thing, of one property of it, of a site or of a
 * ward, [from, to). It counts from when it was recorded on: what was told before stays told, and whoever
 * judges the past gets what was got live. Without the member, `maintenance` is true, but for leads: a window
 * must not be the way to hide made-up readings.
 *
 * Pure: state is a function of the readings and windows told. Owned by the judge; one thread.
 */
#ifndef WW_INGEST_MUTE_H
#define WW_INGEST_MUTE_H

#include "geo/limit_detector.h"
#include "ingest/catalog.h"
#include "ingest/space/mute_config.h"

struct ww_mute_window {
    int64_t id;
    int64_t thing_id; /* 0 = not of a thing */
    int32_t property; /* index in the catalog; -1: all of the thing */
    int64_t site_id;
    uint32_t ward_id;
    int64_t from_us, to_us; /* from when it counted, until when */
};

struct ww_mutes;
struct ww_mutes *ww_mutes_new(void);
void ww_mutes_free(struct ww_mutes *mutes); /* NULL is allowed */
void ww_mutes_add_window(struct ww_mutes *mutes, const struct ww_mute_window *window);
/* A rule whose signals may be muted. Copies what it keeps. */
void ww_mutes_add_rule(struct ww_mutes *mutes, int32_t rule_id, const struct ww_mute_config *config);
/* Finds the rules that a gauge is asked for by; sets its first_gauge. */
void ww_mutes_attach(struct ww_mutes *mutes, struct ww_catalog *catalog, uint32_t datastream);
/* How far back a gauge's readings are needed; 0: it is none. */
int64_t ww_mutes_memory(const struct ww_mutes *mutes, const struct ww_cat_datastream *datastream);
/* A reading of a gauge, replayed or live. */
void ww_mutes_step(struct ww_mutes *mutes, const struct ww_cat_datastream *datastream,
                   const struct ww_reading *reading);

/* The reason that holds at that moment; with `just_us` one that held until at most so long before. */
struct ww_mute ww_mutes_find(const struct ww_mutes *mutes, const struct ww_catalog *catalog,
                             const struct ww_mute_subject *subject, int64_t at_us, int64_t just_us);

#endif
