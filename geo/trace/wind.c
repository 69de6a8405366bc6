/* Sources of air pollution and odour by the wind of each hour. */
#include "geo/trace/wind.h"

#include <math.h>

#include "geo/base/alloc.h"

static const double DEGREE = M_PI / 180;

double ww_wind_share(struct ww_air_spot source, struct ww_air_spot sensor, struct ww_wind wind,
                     const struct ww_wind_options *o) {
    double east = source.east_m - sensor.east_m, north = source.north_m - sensor.north_m;
    double metres = hypot(east, north);
    if (!(wind.speed_ms >= o->calm_ms) || isnan(wind.from_deg))
        return 0;
    double spread = fmax(isnan(wind.spread_deg) ? 0 : wind.spread_deg, o->least_spread_deg);
    /* looking from the sensor: towards the source, and to where the wind comes from */
    double off = metres > 0 ? remainder(atan2(east, north) / DEGREE - wind.from_deg, 360) : 0;
    return exp(-off * off / (2 * spread * spread)) * pow(1 + metres / o->near_m, -1.5);
}

double ww_wind_spread_deg(const struct ww_wind *hours, uint32_t n, double calm_ms) {
    double s = 0, c = 0, used = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(hours[i].speed_ms >= calm_ms) || isnan(hours[i].from_deg))
            continue;
        s += sin(hours[i].from_deg * DEGREE);
        c += cos(hours[i].from_deg * DEGREE);
        used++;
    }
    if (used == 0)
        return NAN;
    double e = sqrt(fmax(0, 1 - (s * s + c * c) / (used * used)));
    return asin(fmin(1, e)) * (1 + (2 / sqrt(3) - 1) * e * e * e) / DEGREE;
}

struct sums {
    double a, b;
};
struct ww_air {
    uint32_t n, n_sensors;
    struct ww_air_source *source;
    struct ww_air_sensor *sensor;
    double *most;      /* [n_sensors] highest residual */
    struct sums *sums; /* [n * n_sensors] */
    struct ww_wind_options o;
};

struct ww_air *ww_air_new(const struct ww_air_source *sources, uint32_t n,
                          const struct ww_air_sensor *sensors, uint32_t n_sensors,
                          struct ww_wind_options options) {
    struct ww_air *air = ww_try_calloc(1, sizeof *air);
    double all = 0;
    if (!air)
        return NULL;
    air->n = n;
    air->n_sensors = n_sensors;
    air->o = options;
    air->source = ww_try_calloc(n + (size_t)1, sizeof *air->source);
    air->sensor = ww_try_calloc(n_sensors + (size_t)1, sizeof *air->sensor);
    air->most = ww_try_calloc(n_sensors + (size_t)1, sizeof *air->most);
    air->sums = ww_try_calloc((size_t)n * n_sensors + 1, sizeof *air->sums);
    if (!air->source || !air->sensor || !air->most || !air->sums) {
        ww_air_free(air);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        all += sources[i].prior;
    for (uint32_t i = 0; i < n; i++) {
        air->source[i] = sources[i];
        air->source[i].prior /= all;
    }
    for (uint32_t k = 0; k < n_sensors; k++)
        air->sensor[k] = sensors[k];
    return air;
}

void ww_air_free(struct ww_air *air) {
    if (!air)
        return;
    ww_free(air->source);
    ww_free(air->sensor);
    ww_free(air->most);
    ww_free(air->sums);
    ww_free(air);
}

void ww_air_add(struct ww_air *air, uint32_t sensor, struct ww_wind wind, double residual) {
    air->most[sensor] = fmax(air->most[sensor], residual);
    for (uint32_t i = 0; i < air->n; i++) {
        double h = ww_wind_share(air->source[i].at, air->sensor[sensor].at, wind, &air->o);
        struct sums *s = &air->sums[(size_t)i * air->n_sensors + sensor];
        s->a += h * residual;
        s->b += h * h;
    }
}

static double llr_of(const struct ww_air *air, uint32_t source) {
    const struct sums *s = air->sums + (size_t)source * air->n_sensors;
    double a = 0, b = 0, llr = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t k = 0; k < air->n_sensors; k++) {
            double model = air->o.model_error * air->most[k];
            double v = air->sensor[k].sd * air->sensor[k].sd + model * model, m = b > 0 ? a / b : 0;
            if (pass == 0) {
                a += s[k].a / v;
                b += s[k].b / v;
            } else if (m > 0)
                llr += fmax(log(air->o.broken), m * s[k].a / v - m * m * s[k].b / (2 * v));
        }
    return fmax(0, llr);
}

void ww_air_posterior(const struct ww_air *air, double *probability, double *llr) {
    double most = -INFINITY, all = 0;
    for (uint32_t i = 0; i < air->n; i++) {
        double l = llr_of(air, i);
        if (llr)
            llr[i] = l;
        probability[i] = l + log(air->source[i].prior);
        most = fmax(most, probability[i]);
    }
    for (uint32_t i = 0; i < air->n; i++)
        all += probability[i] = exp(probability[i] - most);
    for (uint32_t i = 0; i < air->n; i++)
        probability[i] /= all;
}

/* ---- The picture ---- */

uint32_t ww_cpf_sector(double from_deg) {
    double turned = fmod(from_deg + 180.0 / WW_CPF_SECTORS, 360);
    return (uint32_t)((turned < 0 ? turned + 360 : turned) / 360 * WW_CPF_SECTORS) % WW_CPF_SECTORS;
}

void ww_cpf_add(struct ww_cpf *cpf, struct ww_wind wind, double calm_ms, bool exceeded) {
    if (!(wind.speed_ms >= calm_ms) || isnan(wind.from_deg)) {
        cpf->calm++;
        return;
    }
    uint32_t sector = ww_cpf_sector(wind.from_deg);
    cpf->hours[sector]++;
    cpf->exceeded[sector] += exceeded;
}

double ww_cpf_of(const struct ww_cpf *cpf, uint32_t sector) {
    return cpf->hours[sector] > 0 ? (double)cpf->exceeded[sector] / cpf->hours[sector] : NAN;
}
