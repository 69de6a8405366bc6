/* The station registry: which monitors may speak HJ 212 to us, and how each is to be read.
 *
 * Built whole from the table `station` when the world is loaded (ingest/load.c) and never changed after;
 * looked up by MN. Not one thread's: workers that decode read it while the loop reads it too.
 *
 * `config` of a row, all members optional:
 *   {
 *     "crc_mode": "standard",         // standard | modbus | ignore
 *     "mode": "lenient",              // lenient | strict
 *     "version": 2017,                // else by Flag (ST 21 with Flag 9 is "surface water 2017", not 2025)
 *     "time_zone": "Asia/Shanghai",
 *     "water_mean": "flow_weighted",  // or arithmetic: how its water means are made (HJ 212-2017 D.1.2,
 * D.1.3);
 *                                     // kept with each of them
 *     "minute_interval_min": 10,      // of 2051, and expected
 *     "rtd_interval_s": 60,           // of 2011, expected
 *     "expects": [2011, 2061, 2031],  // uploads whose absence is a gap; default: what has been seen
 *     "units": {"w01018": "mg/L", "a34004": "ug/m3"},
 *                                                       // "w01018-Cou": of the sum in an interval
 *     "factors": {"a99054": "residual_chlorine"},  // factor → observed property, before the standard's table
 *     "addresses": ["10.1.0.0/16", "fd00::1"],     // that may speak for this MN; default: any
 *     "over_time_s": 10, "re_count": 3,
 *     "set_clock": true,              // 1012 on connect, on 1013, and when the clock is off by more than
 *     "clock_tolerance_s": 60,
 *     "on_connect": {"over_time": true, "rtd_interval": true, "minute_interval": true,
 *                    "realtime": false, "facility": false},   // default: what this record names is set,
 *                                                             // nothing else of the device is touched
 *     "history": true                 // gaps are asked for again
 *   }
 */
#ifndef WW_HJ212_STATIONS_H
#define WW_HJ212_STATIONS_H

#include "geo/instant.h"
#include "ingest/hj212/hj212.h"

struct ww_hj212_override {              /* of one factor */
    struct ww_str code, unit, property; /* "" = not overridden */
};

struct ww_hj212_network {
    int family; /* AF_INET, AF_INET6 */
    unsigned char address[16];
    int prefix;
};

enum ww_hj212_water_mean {
    WW_HJ212_WATER_MEAN_UNKNOWN,
    WW_HJ212_WATER_MEAN_FLOW_WEIGHTED,
    WW_HJ212_WATER_MEAN_ARITHMETIC
};

struct ww_hj212_station {
    struct ww_str mn;
    int32_t feed_id;
    bool enabled;
    struct ww_str password;      /* "" = any */
    struct ww_hj212_reading how; /* sm4 keys point into the station */
    unsigned char sm4_key[16], sm4_previous[16];
    const struct ww_zone *zone; /* of the registry; never NULL */
    enum ww_hj212_water_mean water_mean;
    int32_t minute_interval_s, rtd_interval_s;
    int expects[8];
    uint32_t n_expects;
    struct ww_hj212_override *overrides;
    uint32_t n_overrides;
    struct ww_hj212_network *networks;
    uint32_t n_networks;
    int over_time_s, re_count, clock_tolerance_s;
    bool set_clock, history;
    bool set_over_time, set_rtd_interval, set_minute_interval, set_realtime, set_facility;
};

struct ww_hj212_stations;
struct ww_hj212_stations *ww_hj212_stations_new(void);
void ww_hj212_stations_free(struct ww_hj212_stations *stations); /* NULL is allowed */
/* Keys: 16 bytes, or len 0. The error's field names the member of config. Copies. A second row of one MN is
 * WW_CONFLICT. */
enum ww_status ww_hj212_stations_add(struct ww_hj212_stations *stations, struct ww_str mn, int32_t feed_id,
                                     bool enabled, struct ww_str password, struct ww_str sm4_key,
                                     struct ww_str sm4_previous, struct ww_str config,
                                     struct ww_error *err) WW_MUST_CHECK;
/* NULL = unknown. */
const struct ww_hj212_station *ww_hj212_station_find(const struct ww_hj212_stations *stations,
                                                     struct ww_str mn);
uint32_t ww_hj212_station_count(const struct ww_hj212_stations *stations);
const struct ww_hj212_station *ww_hj212_station_at(const struct ww_hj212_stations *stations, uint32_t index);
/* Whether `peer` (text, IPv4 or IPv6; v4-mapped counts as IPv4) may speak for it. */
bool ww_hj212_station_allows(const struct ww_hj212_station *station, const char *peer);
/* Checks a config alone, for the API and the command line. */
enum ww_status ww_hj212_station_check(struct ww_str config, struct ww_error *err) WW_MUST_CHECK;

/* What is assumed of a station that is not in the registry: lenient, either CRC, Asia/Shanghai; nothing is
 * asked of it. */
const struct ww_hj212_station *ww_hj212_station_unknown(const struct ww_hj212_stations *stations);

#endif
