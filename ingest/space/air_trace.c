/* An exceedance of air or odour: which site lies upwind of those who notice, and downwind of none who don't?
 */
#include <math.h>

#include "geo/base/alloc.h"
#include "geo/near.h"
#include "ingest/space/trace_internal.h"

enum { TOP = 10 };
#define REACH_M 15000.0 /* sites and sensors so far around are looked at */

static struct ww_air_spot spot_of(struct ww_place at, struct ww_place origin) {
    double north = WW_NEAR_EARTH_M * M_PI / 180;
    return (struct ww_air_spot){(at.lon_deg - origin.lon_deg) * north * cos(origin.lat_deg * M_PI / 180),
                                (at.lat_deg - origin.lat_deg) * north};
}

static bool is_near(struct ww_air_spot s) {
    return hypot(s.east_m, s.north_m) <= REACH_M;
}

static const struct trace_wind *wind_at(const struct ww_trace_case *c, int64_t time_us) {
    for (uint32_t i = 0; i < c->n_winds; i++)
        if (time_us >= c->wind[i].hour_us && time_us < c->wind[i].hour_us + WW_HOUR_US)
            return &c->wind[i];
    return NULL;
}

/* An hour's mean of each sensor, with that hour's wind. */
static uint32_t add_hours(const struct ww_trace_case *c, struct ww_air *air, const uint32_t *number) {
    uint32_t hours = 0;
    for (uint32_t s = 0; s < c->n_sensors; s++) {
        const struct trace_reading *r = c->reading + c->sensor[s].first_reading,
                                   *end = r + c->sensor[s].n_readings;
        while (r < end && number[s] != UINT32_MAX) {
            const struct trace_wind *wind = wind_at(c, r->time_us);
            double sum = 0, n = 0;
            for (; r < end && wind_at(c, r->time_us) == wind; r++, n++)
                sum += r->value;
            if (wind) {
                ww_air_add(air, number[s], wind->is, sum / n - c->sensor[s].usual);
                hours++;
            }
        }
    }
    return hours;
}

static void put_site(struct ww_json *w, const struct trace_site *site, double probability, double llr) {
    trace_put_text(w, "kind", "site");
    trace_put_str(w, "site", site->code);
    trace_put_str(w, "name_zh", site->name_zh);
    trace_put_str(w, "name_en", site->name_en);
    trace_put_place(w, site->at);
    trace_put_number(w, "probability", probability);
    trace_put_number(w, "llr", llr);
}

void trace_air(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson) {
    struct ww_place origin = c->sensor[c->subject].at;
    struct ww_air_source *source = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *source);
    struct ww_air_sensor *sensor = ww_arena_calloc(c->arena, c->n_sensors + (size_t)1, sizeof *sensor);
    uint32_t *site = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *site);
    uint32_t *number = ww_arena_calloc(c->arena, c->n_sensors + (size_t)1, sizeof *number);
    double *p = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *p);
    double *llr = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *llr);
    uint32_t n = 0, n_sensors = 0;
    bool good = source && sensor && site && number && p && llr;
    for (uint32_t i = 0; i < c->n_sites && good; i++) {
        struct ww_air_spot at = spot_of(c->site[i].at, origin);
        if (!is_near(at))
            continue;
        site[n] = i;
        source[n++] = (struct ww_air_source){at, 1};
    }
    for (uint32_t s = 0; s < c->n_sensors && good; s++) {
        struct ww_air_spot at = spot_of(c->sensor[s].at, origin);
        number[s] = is_near(at) && c->sensor[s].n_readings > 0 ? n_sensors : UINT32_MAX;
        if (number[s] != UINT32_MAX)
            sensor[n_sensors++] = (struct ww_air_sensor){at, c->sensor[s].sd};
    }
    struct ww_air *air = good && n > 0 ? ww_air_new(source, n, sensor, n_sensors, WW_WIND_USUAL) : NULL;
    if (!air || add_hours(c, air, number) == 0) {
        trace_put_text(w, "verdict", "nothing");
        ww_air_free(air);
        return;
    }
    ww_air_posterior(air, p, llr);
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = p[i] > p[best] ? i : best;
    trace_put_text(w, "verdict",
                   llr[best] <= 0                    ? "nothing"
                   : n_sensors > 1 && p[best] >= 0.8 ? "place"
                                                     : "several");
    ww_json_key(w, "sensors");
    ww_json_int(w, n_sensors);
    ww_json_key(w, "hours_of_wind");
    ww_json_int(w, c->n_winds);
    ww_json_key(w, "sources");
    ww_json_array(w);
    for (uint32_t k = 0; k < n && k < TOP; k++) {
        struct ww_json j;
        best = UINT32_MAX;
        for (uint32_t i = 0; i < n; i++)
            if (p[i] >= 0 && (best == UINT32_MAX || p[i] > p[best]))
                best = i;
        ww_json_object(w);
        put_site(w, &c->site[site[best]], p[best], llr[best]);
        ww_json_end_object(w);
        trace_point_feature(c, &j, geojson, c->site[site[best]].at, "source");
        put_site(&j, &c->site[site[best]], p[best], llr[best]);
        trace_end_feature(&j);
        p[best] = -1; /* told */
    }
    ww_json_end_array(w);
    ww_air_free(air);
}
