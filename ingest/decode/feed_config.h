/* How one feed's fields become observations: the `config` JSON of a feed, parsed.
 *
 * Every "source" is {"field":"name"} (a CSV column, a JSON member, dotted for nested ones:
 * "location.coordinates.0"), {"const":"text"}, or {"topic":"name"} (that level of an MQTT message's topic,
 * see feed_source.h); a bare string is short for {"field":…}.
 * In GeoJSON, fields name properties, and the geometry's point is the place by itself.
 * Inside "values" it is the other way round: there a bare "thing", "property", "unit" or "statistic" is
 * the text itself.
 *
 *   {
 *     "protocol": "http",              // http | hj212 | mqtt | mqtt_client | pull, with a section of that
 *                                      // name, and the rates: feed_source.h. hj212 takes only that section
 *                                      // and the members from "time_zone" on: the standard says the rest
 *     "max_messages_per_s": 0, "max_values_per_s": 0,
 *     "format": "csv",                 // csv | ndjson | json | geojson | text | auto (by Content-Type);
 *                                      // text: the whole body is the value
 *     "records": "data.items",         // json: where the array is; default: the root
 *     "thing": "station",
 *     "property": "code",              // long form: one value a row …
 *     "value": "reading",
 *     "unit": {"const":"mg/L"},
 *     "statistic": {"const":"mean"},   // what a series holds of its property: statistic.c; default "", the
 * value "values": [                      // … or wide form: several value fields a row
 *       {"field":"PM2.5","property":"pm2_5","unit":"ug/m3"},
 *       {"field":"AVALON_H2S","property":"h2s","unit":"ppm","thing":"feed_1","statistic":"max"}
 *     ],
 *     "time": {"field":"at","format":"iso"},   // iso | epoch | epoch_ms | strptime format;
 *                                              // {"fields":["year","month","day","hour"]}: numbers
 *                                              // in this order; with a format: joined by blanks;
 *                                              // {"received":true}: when the message came in, for senders
 *                                              // without a clock (a repeat is then another reading)
 *     "interval_s": 3600,              // number, or a source; default 0 = instant
 *     "series_interval": true,         // values of different lengths are series of their own; default false
 *     "place": {"x":"lon","y":"lat"},  // or {"ward":"zipcode"}: placed by ward code only
 *     "quality": {"field":"flag","map":{"ok":"N","cal":"C"},"default":"N"},
 *     "keep": ["description"],         // fields kept in observation.detail
 *     "missing": ["","NA","NULL"],     // value texts that mean "no value": not received at all;
 *                                  // these three by default, and JSON null always
 *     "time_zone": "Asia/Shanghai",    // for times without an offset; default UTC (hj212: +08:00)
 *     "datum": "WGS84",                // see geo/coordinate.h; default WGS84
 *     "mode": "lenient",               // lenient (default): good rows stored, bad ones kept as dead letters
 *                                      // strict: one bad row refuses the whole request
 *     "register": true,                // unknown things register themselves; default false
 *     "thing_class": "hospital",       // site class given to things that register themselves
 *     "keep_raw": true,                // keep the request's bytes in raw_message; default true
 *     "expected_step_s": 300           // how often each of its things sends; default: learned
 * (docs/guides/health.md)
 *   }
 */
#ifndef WW_INGEST_FEED_CONFIG_H
#define WW_INGEST_FEED_CONFIG_H

#include "geo/base/arena.h"
#include "geo/base/status.h"
#include "geo/coordinate.h"
#include "geo/instant.h"
#include "ingest/decode/feed_source.h"

enum ww_format {
    WW_FORMAT_AUTO,
    WW_FORMAT_NDJSON,
    WW_FORMAT_JSON,
    WW_FORMAT_GEOJSON,
    WW_FORMAT_CSV,
    WW_FORMAT_TEXT,         /* the whole body is one value */
    WW_FORMAT_SENSORTHINGS, /* OGC SensorThings 1.1: observations, with their datastreams expanded or not */
    WW_FORMAT_NGSI_LD,      /* entities, normalised or key-values */
    WW_FORMAT_HJ212         /* one frame */
};
struct ww_hj212_stations; /* ingest/hj212/stations.h */

struct ww_feed_config; /* fields in feed_config_internal.h: only ingest/decode looks inside */

/* Parses and checks; the error's field names the member ("time.format"). The config owns
 * its memory, a datum and a zone. */
enum ww_status ww_feed_config_parse(struct ww_str json, struct ww_feed_config **out,
                                    struct ww_error *err) WW_MUST_CHECK;
void ww_feed_config_free(struct ww_feed_config *config);

bool ww_feed_config_is_strict(const struct ww_feed_config *config);
bool ww_feed_config_registers(const struct ww_feed_config *config);
bool ww_feed_config_keeps_raw(const struct ww_feed_config *config);
int32_t ww_feed_config_expected_step_s(const struct ww_feed_config *config);   /* 0 = not given */
struct ww_str ww_feed_config_thing_class(const struct ww_feed_config *config); /* "" = none */
struct ww_datum *ww_feed_config_datum(const struct ww_feed_config *config);
const struct ww_zone *ww_feed_config_zone(const struct ww_feed_config *config);
const struct ww_feed_source *ww_feed_config_source(const struct ww_feed_config *config); /* never NULL */
/* Of the feed's own format, for messages that come without one (MQTT); never empty. */
struct ww_str ww_feed_config_content_type(const struct ww_feed_config *config);
struct ww_str ww_format_content_type(enum ww_format format);
enum ww_format ww_feed_config_format(const struct ww_feed_config *config);
struct ww_str ww_feed_config_records(const struct ww_feed_config *config); /* dotted path; "" = the root */
/* The registry that HJ 212 frames of this feed are read with; outlives the config. `feed_id`: the feed's, so
 * that a station of another feed counts as unknown here. */
void ww_feed_config_set_stations(struct ww_feed_config *config, const struct ww_hj212_stations *stations,
                                 int32_t feed_id);

#endif
