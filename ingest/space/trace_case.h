/* Where did it come from, where will it go? One exceedance, with all that is needed to answer.
 *
 *   struct ww_trace_case *c = ww_trace_case_new(kind, opened_us, now_us);
 *   st = ww_trace_add_reach(c, …);  ww_trace_add_site(c, …);  ww_trace_add_sensor(c, …, is_subject);
 *   ww_trace_add_reading(c, thing_id, time_us, value);  ww_trace_add_wind(c, …);
 *   ww_trace_run(c, &trace, &geojson);            // on a worker: up to some seconds
 *   ww_trace_case_free(c);
 *
 * Pure. Water (water_trace.c): candidates above the sensor, pieces of reaches and sites within
 * WW_TRACE_SNAP_M of one, ranked by what all gauges of the property in the water saw and did not see
 * (geo/trace/source.h). A meter of a site's own discharge is none of them: it says what is let into the
 * water, not what flows there. When such a meter is the subject, its site is the source, and only what lies
 * below is worked out. Air (air_trace.c): sites around, ranked by the hours' wind (geo/trace/wind.h). A
 * sensor's usual level is the median of its readings here; bring some days of them.
 */
#ifndef WW_INGEST_SPACE_TRACE_CASE_H
#define WW_INGEST_SPACE_TRACE_CASE_H

#include "geo/base/buf.h"
#include "geo/instant.h"
#include "geo/place.h"

#define WW_TRACE_SNAP_M      300.0 /* so near to a reach a site or sensor is on it */
#define WW_TRACE_VELOCITY_MS 0.3   /* of a reach whose properties say none */

enum ww_trace_kind { WW_TRACE_WATER, WW_TRACE_AIR };

struct ww_trace_case;
struct ww_trace_case *ww_trace_case_new(enum ww_trace_kind kind, int64_t opened_us,
                                        int64_t now_us); /* NULL: no memory */
void ww_trace_case_free(struct ww_trace_case *c);        /* NULL is allowed */
/* The alert is not open any more. On water its trace says `until` when gauges below may still see what
 * passed: so long it is worth making again. */
void ww_trace_cleared(struct ww_trace_case *c, int64_t cleared_us);

/* `properties`: the reach's own, as JSON: velocity_ms, flow_m3s, dispersion_m2s. */
enum ww_status ww_trace_add_reach(struct ww_trace_case *c, struct ww_str code, struct ww_str downstream,
                                  struct ww_str geojson, struct ww_str properties,
                                  struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_trace_add_site(struct ww_trace_case *c, struct ww_str code, struct ww_str name_zh,
                                 struct ww_str name_en, struct ww_place at,
                                 struct ww_error *err) WW_MUST_CHECK;
struct ww_trace_thing {
    int64_t id;
    struct ww_str key, site, limit_class; /* site: its code; "": of none */
    struct ww_place at;
    bool is_subject;
};
/* Of a site, or judged by a limit of waste water; what is judged as a river or lake is in it, whosever it is.
 */
bool ww_trace_is_outlet(struct ww_str site, struct ww_str limit_class);
enum ww_status ww_trace_add_sensor(struct ww_trace_case *c, const struct ww_trace_thing *thing,
                                   struct ww_error *err) WW_MUST_CHECK;
/* In the order of time. Of unknown things: passed over. */
enum ww_status ww_trace_add_reading(struct ww_trace_case *c, int64_t thing_id, int64_t time_us, double value,
                                    struct ww_error *err) WW_MUST_CHECK;
/* An hour's wind: where it comes from. `spread_deg` NAN: not measured. */
enum ww_status ww_trace_add_wind(struct ww_trace_case *c, int64_t hour_us, double from_deg, double speed_ms,
                                 double spread_deg, struct ww_error *err) WW_MUST_CHECK;

/* `trace`: an object for the explanation; `geojson`: a FeatureCollection. Both are always whole. */
void ww_trace_run(struct ww_trace_case *c, struct ww_buf *trace, struct ww_buf *geojson);

#endif
