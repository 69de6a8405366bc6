/* What a measuring point reads at a moment when nothing special happens.
 *
 * A pure function of (seed, thing, property, time): base level, daily and weekly rhythm, the weather
 * of the whole district, slow drift, noise. Any moment can be asked without those before it. Never
 * beyond a legal limit: what exceeds is scripted (script.h).
 */
#ifndef WW_SIMULATE_SIGNAL_H
#define WW_SIMULATE_SIGNAL_H

#include "geo/instant.h"
#include "ingest/simulate/city.h"

#define WW_SIGNAL_MAX 6 /* properties of one thing */

struct ww_signal {
    const char *property; /* code */
    const char *unit;     /* as the feed sends it */
    double base;
    double day;   /* ± by the hour */
    double week;  /* − at weekends */
    double wet;   /* ± by the weather: + when it rains */
    double noise; /* ± from reading to reading */
    double drift; /* ± over days */
    double upper; /* the limits that apply, for choosing peaks; 0 = none */
    double lower;
    int decimals;
};

/* The properties of things of this class and limit class: at most WW_SIGNAL_MAX. */
uint32_t ww_signals_of(const struct ww_city_thing *thing, const struct ww_signal **out);
/* `thing` is its index in the city. */
double ww_signal_at(const struct ww_signal *signal, uint64_t seed, uint32_t thing, int64_t time_us);
/* The lower or upper limit in force at that moment (noise differs by day and night); 0 = none. */
double ww_signal_upper_at(const struct ww_signal *signal, int64_t time_us);
/* How hard it rains in the whole district, 0 … 1. */
double ww_weather_wet(uint64_t seed, int64_t time_us);
/* Hours since local midnight, 0 … 24. Local time is China's, UTC+8 all year. */
double ww_local_hour(int64_t time_us);
/* The reading as it is sent: rounded to the property's decimals. */
double ww_signal_round(const struct ww_signal *signal, double value);

#endif
