/* Rhythm, weather, drift and noise of the simulated readings.
 *
 * Slow randomness is value noise: hashed numbers at fixed knots in time, joined by a smooth curve.
 * So it needs no memory and has a bound: |noise| ≤ 1, and with the tables below
 * base + day + wet + noise + drift stays within the limit of the same row.
 */
#include "ingest/simulate/signal.h"

#include <math.h>
#include <string.h>

#define LOCAL_US (8 * WW_HOUR_US)

/* property unit base day week wet noise drift upper lower decimals */
static const struct ww_signal pretreatment[] = {
    {"cod", "mg/L", 140, 35, 15, 5, 12, 15, 250, 0, 1},
    {"nh3n", "mg/L", 18, 4, 2, 0, 1.5, 2, 0, 0, 2},
    {"ss", "mg/L", 32, 7, 3, 2, 4, 4, 60, 0, 1},
    {"ph", "", 7.4, 0.2, 0, -0.1, 0.15, 0.2, 9, 6, 2},
    {"residual_chlorine", "mg/L", 4.6, 0.6, 0, 0, 0.4, 0.5, 8, 2, 2},
    {"flow", "m3/h", 14, 7, 2, 0, 1, 1, 0, 0, 2},
};
static const struct ww_signal discharge[] = {
    {"cod", "mg/L", 34, 8, 3, 1, 4, 4, 60, 0, 1},
    {"nh3n", "mg/L", 7, 2, 0.5, 0, 0.8, 1, 15, 0, 2},
    {"ss", "mg/L", 10, 2, 1, 1, 1.5, 1.5, 20, 0, 1},
    {"ph", "", 7.3, 0.2, 0, -0.1, 0.15, 0.2, 9, 6, 2},
    {"residual_chlorine", "mg/L", 0.25, 0.05, 0, 0, 0.04, 0.05, 0.5, 0, 3},
    {"flow", "m3/h", 6, 3, 1, 0, 0.5, 0.5, 0, 0, 2},
};
static const struct ww_signal industry[] = {
    {"cod", "mg/L", 58, 12, 8, 2, 6, 6, 100, 0, 1},
    {"nh3n", "mg/L", 7.5, 1.5, 1, 0, 0.9, 1, 15, 0, 2},
    {"tp", "mg/L", 0.28, 0.05, 0.02, 0, 0.03, 0.03, 0, 0, 3},
    {"tn", "mg/L", 16, 3, 1, 0, 1.2, 1.5, 0, 0, 2},
    {"ph", "", 7.6, 0.2, 0, -0.1, 0.2, 0.25, 9, 6, 2},
    {"flow", "m3/h", 85, 25, 20, 0, 5, 5, 0, 0, 1},
};
static const struct ww_signal wastewater[] = {
    {"cod", "mg/L", 27, 5, 1, 3, 3, 3, 50, 0, 1},
    {"nh3n", "mg/L", 1.8, 0.6, 0.1, 0.3, 0.3, 0.4, 5, 0, 2},
    {"tp", "mg/L", 0.24, 0.05, 0, 0.03, 0.03, 0.04, 0.5, 0, 3},
    {"tn", "mg/L", 9.5, 1.2, 0.2, 0.5, 0.6, 0.8, 15, 0, 2},
    {"ph", "", 7.2, 0.1, 0, -0.1, 0.1, 0.15, 9, 6, 2},
    {"flow", "m3/h", 820, 240, 30, 180, 25, 30, 0, 0, 1},
};
static const struct ww_signal river[] = {
    {"ph", "", 7.8, 0.15, 0, -0.1, 0.05, 0.1, 9, 6, 2},
    {"do", "mg/L", 7.6, 0.6, 0, 0.2, 0.15, 0.3, 0, 5, 2},
    {"codmn", "mg/L", 3.4, 0.2, 0, 0.7, 0.2, 0.4, 6, 0, 2},
    {"nh3n", "mg/L", 0.42, 0.05, 0, 0.1, 0.04, 0.08, 1, 0, 3},
    {"tp", "mg/L", 0.1, 0.008, 0, 0.03, 0.008, 0.015, 0.2, 0, 3},
    {"water_level", "m", 2.4, 0.05, 0, 0.9, 0.01, 0.2, 0, 0, 2},
};
static const struct ww_signal lake[] = {
    {"ph", "", 8.0, 0.2, 0, -0.1, 0.05, 0.1, 9, 6, 2},
    {"do", "mg/L", 8.2, 0.8, 0, 0, 0.15, 0.3, 0, 5, 2},
    {"codmn", "mg/L", 3.0, 0.2, 0, 0.3, 0.2, 0.3, 6, 0, 2},
    {"nh3n", "mg/L", 0.2, 0.03, 0, 0.03, 0.02, 0.04, 1, 0, 3},
    {"tp", "mg/L", 0.03, 0.002, 0, 0.004, 0.002, 0.004, 0.05, 0, 3},
    {"water_level", "m", 12.4, 0.02, 0, 0.3, 0.01, 0.2, 0, 0, 2},
};
static const struct ww_signal air[] = {
    {"pm2_5", "ug/m3", 30, 5, 2, -9, 4, 9, 60, 0, 0},
    {"pm10", "ug/m3", 55, 10, 4, -18, 7, 14, 120, 0, 0},
    {"so2", "ug/m3", 9, 2, 1, -2, 2, 2, 500, 0, 0},
    {"no2", "ug/m3", 26, 9, 4, -4, 4, 5, 200, 0, 0},
    {"co", "mg/m3", 0.7, 0.15, 0.05, -0.1, 0.1, 0.1, 10, 0, 2},
    {"o3", "ug/m3", 70, 48, -4, -20, 8, 15, 200, 0, 0},
};
/* 60 dB by day, 50 at night: the night is quieter by `day` twice. */
static const struct ww_signal noise[] = {{"noise_leq", "dB(A)", 47.5, 6, 1.5, 0.5, 2, 1, 60, 0, 1}};
static const struct ww_signal complaints[] = {{"odour_complaint", "1", 2, 0, 0, 0, 0, 0, 0, 0, 0}};

#define TABLE(rows) (*out = rows, (uint32_t)(sizeof rows / sizeof rows[0]))

uint32_t ww_signals_of(const struct ww_city_thing *thing, const struct ww_signal **out) {
    switch (thing->class) {
    case WW_CITY_HOSPITAL:
        return strcmp(thing->limit_class, "medical.pretreatment") == 0 ? TABLE(pretreatment)
                                                                       : TABLE(discharge);
    case WW_CITY_PLANT:
        return strcmp(thing->limit_class, "wwtp.1A") == 0 ? TABLE(wastewater) : TABLE(industry);
    case WW_CITY_RIVER:
        return strcmp(thing->limit_class, "lake_water.III") == 0 ? TABLE(lake) : TABLE(river);
    case WW_CITY_AIR:
        return TABLE(air);
    case WW_CITY_NOISE:
        return TABLE(noise);
    default:
        return TABLE(complaints);
    }
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* -1 … 1, with a new direction every `knot_us`. */
static double slow_noise(uint64_t seed, uint64_t salt, int64_t time_us, int64_t knot_us) {
    int64_t knot = floor_div(time_us, knot_us);
    double t = (double)(time_us - knot * knot_us) / (double)knot_us;
    double a = 2 * ww_mix_unit(seed, salt, (uint64_t)knot) - 1;
    double b = 2 * ww_mix_unit(seed, salt, (uint64_t)knot + 1) - 1;
    return a + (b - a) * t * t * (3 - 2 * t);
}

double ww_local_hour(int64_t time_us) {
    int64_t local = time_us + LOCAL_US;
    return (double)(local - floor_div(local, WW_DAY_US) * WW_DAY_US) / (double)WW_HOUR_US;
}

/* 1970-01-01 was a Thursday. */
static bool is_weekend(int64_t time_us) {
    int64_t day = (floor_div(time_us + LOCAL_US, WW_DAY_US) + 3) % 7;
    return day == 5 || day == 6;
}

double ww_weather_wet(uint64_t seed, int64_t time_us) {
    double front = slow_noise(seed, 11, time_us, 18 * WW_HOUR_US);
    double shower = slow_noise(seed, 12, time_us, 3 * WW_HOUR_US);
    double wet = 1.2 * front + 0.4 * shower - 0.4;
    return wet < 0 ? 0 : wet > 1 ? 1 : wet;
}

/* -1 … 1: people and works are busy from morning to evening, ozone follows the sun. */
static double rhythm(const struct ww_signal *signal, double hour) {
    if (strcmp(signal->property, "o3") == 0 || strcmp(signal->property, "do") == 0)
        return cos((hour - 15) / 12 * M_PI);
    if (signal->property == noise[0].property) {
        /* Loud 8 to 20 h, quiet 22 to 6 h; the slopes end before the limit changes. */
        if (hour >= 8 && hour < 20)
            return 1;
        if (hour >= 20 && hour < 21.9)
            return 1 - 2 * (hour - 20) / 1.9;
        return hour >= 6 && hour < 8 ? -1 + (hour - 6) : -1;
    }
    return 0.65 * cos((hour - 14) / 12 * M_PI) + 0.35 * cos((hour - 9) / 6 * M_PI);
}

double ww_signal_at(const struct ww_signal *signal, uint64_t seed, uint32_t thing, int64_t time_us) {
    uint64_t own = ww_mix(seed, ww_str_hash(ww_str_of(signal->property)), thing);
    double value = signal->base + signal->day * rhythm(signal, ww_local_hour(time_us));
    value -= is_weekend(time_us) ? signal->week : 0;
    value += signal->wet * ww_weather_wet(seed, time_us);
    value += signal->drift * slow_noise(own, 1, time_us, 40 * WW_HOUR_US);
    value += signal->noise * 0.6 * slow_noise(own, 2, time_us, WW_HOUR_US / 2);
    value += signal->noise * 0.4 * (2 * ww_mix_unit(own, 3, (uint64_t)time_us) - 1);
    return value > 0 ? value : 0;
}

double ww_signal_upper_at(const struct ww_signal *signal, int64_t time_us) {
    double hour = ww_local_hour(time_us);
    if (signal->property == noise[0].property && (hour < 6 || hour >= 22))
        return 50;
    return signal->upper;
}

double ww_signal_round(const struct ww_signal *signal, double value) {
    static const double tens[] = {1, 10, 100, 1000};
    return round(value * tens[signal->decimals]) / tens[signal->decimals];
}
