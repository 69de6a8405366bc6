/* Air and odour: which source lies upwind of those who notice, and downwind of none who don't?
 *
 * Pure. The frame is that of source.h with the wind instead of water: in every hour a source's share at a
 * sensor is h = exp(-(angle between the wind and the way from source to sensor)² / (2 s²)) · (1 +
 * distance/d0)^-1.5, s being the wind's own spread in that hour, not below 15°. Residuals y of all hours and
 * sensors are summed to A = sum h y and B = sum h² a source and sensor; silent sensors downwind count against
 * a source. Calm hours say nothing about direction and are left out. Places are metres east and north of any
 * one point.
 *
 * Beside it the conditional probability function, the picture people know: of the hours with wind from a
 * sector, in which share was the level exceeded?
 */
#ifndef WW_GEO_TRACE_WIND_H
#define WW_GEO_TRACE_WIND_H

#include "geo/base/status.h"

struct ww_wind {
    double from_deg; /* where it comes from, clockwise from north */
    double speed_ms;
    double spread_deg; /* standard deviation of its direction in that hour; NAN: not measured */
};
struct ww_wind_options {
    double calm_ms;          /* 0.5 */
    double least_spread_deg; /* 15 */
    double near_m;           /* d0: 200 */
    double model_error;      /* 0.25, as in source.h */
    double broken;           /* 0.02, as in source.h */
};
#define WW_WIND_USUAL ((struct ww_wind_options){0.5, 15, 200, 0.25, 0.02})

struct ww_air_spot {
    double east_m, north_m;
};
struct ww_air_source {
    struct ww_air_spot at;
    double prior; /* above 0; scaled to a sum of 1 */
};
struct ww_air_sensor {
    struct ww_air_spot at;
    double sd; /* of its residuals when nothing happens, above 0 */
};

/* 0 in calm hours. */
double ww_wind_share(struct ww_air_spot source, struct ww_air_spot sensor, struct ww_wind wind,
                     const struct ww_wind_options *options);
/* The direction's standard deviation over some hours (Yamartino 1984), calm ones left out; NAN: none. */
double ww_wind_spread_deg(const struct ww_wind *hours, uint32_t n, double calm_ms);

struct ww_air;
struct ww_air *ww_air_new(const struct ww_air_source *sources, uint32_t n,
                          const struct ww_air_sensor *sensors, uint32_t n_sensors,
                          struct ww_wind_options options); /* NULL: no memory */
void ww_air_free(struct ww_air *air);                      /* NULL is allowed */
/* One hour of one sensor: O(sources). */
void ww_air_add(struct ww_air *air, uint32_t sensor, struct ww_wind wind, double residual);
/* probability[n], sums to 1; llr[n] (may be NULL) against "nothing". */
void ww_air_posterior(const struct ww_air *air, double *probability, double *llr);

enum { WW_CPF_SECTORS = 16 };
struct ww_cpf {
    uint32_t hours[WW_CPF_SECTORS], exceeded[WW_CPF_SECTORS], calm;
};
/* Sector 0 is centred on north, 4 on east. */
uint32_t ww_cpf_sector(double from_deg);
void ww_cpf_add(struct ww_cpf *cpf, struct ww_wind wind, double calm_ms, bool exceeded);
double ww_cpf_of(const struct ww_cpf *cpf, uint32_t sector); /* NAN: no hour */

#endif
