/* Sources of air pollution and odour from the wind of each hour; see trace_forward.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "geo/base/map.h"
#include "geo/trace/wind.h"
#include "server/commands.h"
#include "server/trace_forward.h"

enum { MAX_FILE = 1 << 30, HOUR_S = 3600 };

struct place {
    struct ww_str id;
    double lon, lat, weight, usual, sd;
    struct ww_air_spot at;
    double exceeds_above; /* of a sensor: a fifth of its readings */
    double *value;        /* of a sensor, sorted */
    uint32_t n_values;
};
struct air_input {
    struct ww_arena *arena;
    struct ww_attribute_table points, readings, wind;
    struct place *source, *sensor;
    uint32_t n_sources, n_sensors;
    struct ww_map *sensors, *hours;
    struct ww_wind *winds; /* a row of the wind file */
    const char **file;
};

static enum ww_status load(struct air_input *in, const char *path, struct ww_attribute_table *table,
                           struct ww_error *err) {
    struct ww_buf text;
    *in->file = path;
    enum ww_status st = ww_read_file(path, MAX_FILE, &text, err);
    if (st == WW_OK)
        st = ww_attribute_table_read(ww_buf_str(&text), table, err);
    ww_buf_clear(&text);
    return st;
}

static enum ww_status number_or(const struct ww_attribute_table *t, uint32_t row, const char *name,
                                double otherwise, double *out, struct ww_error *err) {
    uint32_t column = ww_attribute_table_find(t, name);
    *out = NAN;
    enum ww_status st = column == UINT32_MAX ? WW_OK : ww_attribute_table_number(t, row, column, out, err);
    if (st == WW_OK && isnan(*out))
        *out = otherwise;
    return st;
}

static enum ww_status read_place(const struct ww_attribute_table *t, uint32_t row, struct place *p,
                                 struct ww_error *err) {
    double xy[2];
    enum ww_status st = number_or(t, row, "lon", NAN, &p->lon, err);
    if (st == WW_OK)
        st = number_or(t, row, "lat", NAN, &p->lat, err);
    if (st == WW_OK)
        st = number_or(t, row, "weight", 1, &p->weight, err);
    if (st == WW_OK)
        st = number_or(t, row, "usual", NAN, &p->usual, err);
    if (st == WW_OK)
        st = number_or(t, row, "sd", NAN, &p->sd, err);
    if (st != WW_OK)
        return st;
    if (isnan(p->lon) && ww_attribute_table_point(t, row, xy)) {
        p->lon = xy[0];
        p->lat = xy[1];
    }
    if (!(fabs(p->lon) <= 180) || !(fabs(p->lat) < 90) || !(p->weight > 0) || p->sd <= 0)
        return ww_attribute_table_refuse(t, row, UINT32_MAX, err,
                                         "a point needs lon and lat in degrees; weight and sd are above 0");
    return WW_OK;
}

static enum ww_status read_places(struct air_input *in, struct ww_error *err) {
    const struct ww_attribute_table *t = &in->points;
    uint32_t id, kind;
    enum ww_status st = ww_attribute_table_column(t, "id", &id, err);
    if (st == WW_OK)
        st = ww_attribute_table_column(t, "kind", &kind, err);
    if (st != WW_OK)
        return st;
    in->source = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *in->source);
    in->sensor = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *in->sensor);
    if (!in->source || !in->sensor)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u points", t->n_rows);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        struct ww_str what = ww_attribute_table_cell(t, r, kind);
        bool is_sensor = ww_str_is(what, "sensor");
        if (!is_sensor && !ww_str_is(what, "site") && !ww_str_is(what, "outfall"))
            return ww_attribute_table_refuse(t, r, kind, err, "kind is sensor, site or outfall");
        struct place *p = is_sensor ? &in->sensor[in->n_sensors] : &in->source[in->n_sources];
        p->id = ww_attribute_table_cell(t, r, id);
        st = read_place(t, r, p, err);
        if (st == WW_OK && is_sensor)
            st = ww_map_put(in->sensors, p->id, in->n_sensors++);
        else if (st == WW_OK)
            in->n_sources++;
    }
    if (st == WW_OK && (in->n_sources == 0 || in->n_sensors == 0))
        st = ww_error_set(err, WW_BAD_INPUT, "sites and sensors are needed, one of each at least");
    return st;
}

/* Metres east and north of the first sensor: the plane is flat enough for a city. */
static void project(const struct air_input *in, struct place *p) {
    const double metre_deg = M_PI / 180 * 6371008.8;
    const struct place *origin = &in->sensor[0];
    p->at.east_m = (p->lon - origin->lon) * metre_deg * cos(origin->lat * M_PI / 180);
    p->at.north_m = (p->lat - origin->lat) * metre_deg;
}

static enum ww_status hour_of(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                              const struct ww_zone *zone, char key[24], struct ww_error *err) {
    int64_t us;
    struct ww_error inner;
    if (ww_instant_parse(ww_attribute_table_cell(t, row, column), zone, &us, &inner) != WW_OK)
        return ww_attribute_table_refuse(t, row, column, err, "%.120s", inner.message);
    (void)snprintf(key, 24, "%lld", (long long)floor((double)us / 1e6 / HOUR_S));
    return WW_OK;
}

static enum ww_status read_wind(struct air_input *in, const struct ww_zone *zone, struct ww_error *err) {
    const struct ww_attribute_table *t = &in->wind;
    uint32_t time;
    enum ww_status st = ww_attribute_table_column(t, "time", &time, err);
    in->winds = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *in->winds);
    if (st == WW_OK && !in->winds)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u hours", t->n_rows);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        char key[24];
        struct ww_wind *w = &in->winds[r];
        st = hour_of(t, r, time, zone, key, err);
        if (st == WW_OK)
            st = number_or(t, r, "from_deg", NAN, &w->from_deg, err);
        if (st == WW_OK)
            st = number_or(t, r, "speed_ms", NAN, &w->speed_ms, err);
        if (st == WW_OK)
            st = number_or(t, r, "spread_deg", NAN, &w->spread_deg, err);
        if (st == WW_OK && !isnan(w->speed_ms) && !(w->speed_ms >= 0 && fabs(w->from_deg) <= 360))
            return ww_attribute_table_refuse(t, r, UINT32_MAX, err,
                                             "wind needs from_deg up to 360 and speed_ms not below 0");
        if (st == WW_OK && !isnan(w->speed_ms))
            st = ww_map_put(in->hours, ww_str_of(key), r);
    }
    return st;
}

static int by_value(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? -1 : a > b;
}

/* Usual: the median; its spread: that of what lies below. */
static enum ww_status learn_usual(struct air_input *in, const uint32_t *sensor, const double *value,
                                  uint32_t n, struct ww_error *err) {
    for (uint32_t k = 0; k < in->n_sensors; k++) {
        struct place *p = &in->sensor[k];
        p->value = ww_arena_calloc(in->arena, n + (size_t)1, sizeof *p->value);
        if (!p->value)
            return ww_error_set(err, WW_NO_MEMORY, "no memory for %u readings", n);
        for (uint32_t i = 0; i < n; i++)
            if (sensor[i] == k)
                p->value[p->n_values++] = value[i];
        qsort(p->value, p->n_values, sizeof *p->value, by_value);
        double median = p->n_values > 0 ? p->value[p->n_values / 2] : 0;
        double low = p->n_values > 0 ? p->value[p->n_values * 4 / 25] : 0; /* 16 %: one sd below */
        p->exceeds_above = p->n_values > 0 ? p->value[p->n_values * 4 / 5] : 0;
        p->usual = isnan(p->usual) ? median : p->usual;
        if (isnan(p->sd))
            p->sd = fmax(median - low, fabs(median) > 0 ? 0.02 * fabs(median) : 0.01);
    }
    return WW_OK;
}

static void add_readings(struct air_input *in, struct ww_air *air, struct ww_cpf *cpf, const uint32_t *sensor,
                         const uint32_t *wind, const double *value, uint32_t n, uint32_t *used) {
    const struct ww_wind_options o = WW_WIND_USUAL;
    *used = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (wind[i] == UINT32_MAX)
            continue;
        const struct place *p = &in->sensor[sensor[i]];
        ww_air_add(air, sensor[i], in->winds[wind[i]], value[i] - p->usual);
        ww_cpf_add(&cpf[sensor[i]], in->winds[wind[i]], o.calm_ms, value[i] > p->exceeds_above);
        ++*used;
    }
}

static void put(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}

static void put_cpf(struct ww_json *w, const struct place *p, const struct ww_cpf *cpf) {
    ww_json_object(w);
    ww_json_key(w, "sensor");
    ww_json_str(w, p->id);
    put(w, "usual", p->usual);
    put(w, "exceeds_above", p->exceeds_above);
    put(w, "calm_hours", cpf->calm);
    ww_json_key(w, "sectors"); /* from north clockwise, 22.5 degrees each */
    ww_json_array(w);
    for (uint32_t s = 0; s < WW_CPF_SECTORS; s++)
        ww_json_double(w, ww_cpf_of(cpf, s));
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void write_answer(const struct air_input *in, const struct ww_cpf *cpf, const double *probability,
                         const double *llr, uint32_t used, struct ww_buf *out) {
    struct ww_json w;
    bool *done = ww_must_calloc(in->n_sources + (size_t)1, sizeof *done);
    ww_json_init(&w, out);
    ww_json_object(&w);
    put(&w, "readings_with_wind", used);
    ww_json_key(&w, "candidates");
    ww_json_array(&w);
    for (uint32_t i = 0; i < in->n_sources; i++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < in->n_sources; c++)
            if (!done[c] && (best == UINT32_MAX || probability[c] > probability[best]))
                best = c;
        done[best] = true;
        ww_json_object(&w);
        ww_json_key(&w, "id");
        ww_json_str(&w, in->source[best].id);
        put(&w, "lon", in->source[best].lon);
        put(&w, "lat", in->source[best].lat);
        put(&w, "probability", probability[best]);
        put(&w, "log_likelihood", llr[best]);
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    ww_json_key(&w, "conditional_probability");
    ww_json_array(&w);
    for (uint32_t k = 0; k < in->n_sensors; k++)
        put_cpf(&w, &in->sensor[k], &cpf[k]);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
    ww_free(done);
}

static enum ww_status judge(struct air_input *in, const struct ww_zone *zone, struct ww_buf *out,
                            struct ww_error *err) {
    const struct ww_attribute_table *t = &in->readings;
    uint32_t column[3], n = 0, used = 0;
    const char *const names[3] = {"sensor", "time", "value"};
    enum ww_status st = WW_OK;
    for (int i = 0; i < 3 && st == WW_OK; i++)
        st = ww_attribute_table_column(t, names[i], &column[i], err);
    uint32_t *sensor = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *sensor);
    uint32_t *wind = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *wind);
    double *value = ww_arena_calloc(in->arena, t->n_rows + (size_t)1, sizeof *value);
    double *probability = ww_arena_calloc(in->arena, in->n_sources, sizeof *probability);
    double *llr = ww_arena_calloc(in->arena, in->n_sources, sizeof *llr);
    struct ww_cpf *cpf = ww_arena_calloc(in->arena, in->n_sensors, sizeof *cpf);
    struct ww_air_source *sources = ww_arena_calloc(in->arena, in->n_sources, sizeof *sources);
    struct ww_air_sensor *sensors = ww_arena_calloc(in->arena, in->n_sensors, sizeof *sensors);
    if (!sensor || !wind || !value || !probability || !llr || !cpf || !sources || !sensors)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u readings", t->n_rows);
    for (uint32_t r = 0; r < t->n_rows && st == WW_OK; r++) {
        char key[24];
        uint64_t k, at;
        if (!ww_map_get(in->sensors, ww_attribute_table_cell(t, r, column[0]), &k))
            return ww_attribute_table_refuse(t, r, column[0], err, "no such sensor among the points");
        st = hour_of(t, r, column[1], zone, key, err);
        if (st == WW_OK)
            st = ww_attribute_table_number(t, r, column[2], &value[n], err);
        if (st != WW_OK || isnan(value[n]))
            continue;
        sensor[n] = (uint32_t)k;
        wind[n++] = ww_map_get(in->hours, ww_str_of(key), &at) ? (uint32_t)at : UINT32_MAX;
    }
    if (st == WW_OK)
        st = learn_usual(in, sensor, value, n, err);
    if (st != WW_OK)
        return st;
    for (uint32_t i = 0; i < in->n_sources; i++) {
        project(in, &in->source[i]);
        sources[i] = (struct ww_air_source){in->source[i].at, in->source[i].weight};
    }
    for (uint32_t k = 0; k < in->n_sensors; k++) {
        project(in, &in->sensor[k]);
        sensors[k] = (struct ww_air_sensor){in->sensor[k].at, in->sensor[k].sd};
    }
    struct ww_air *air = ww_air_new(sources, in->n_sources, sensors, in->n_sensors, WW_WIND_USUAL);
    if (!air)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u sources", in->n_sources);
    add_readings(in, air, cpf, sensor, wind, value, n, &used);
    ww_air_posterior(air, probability, llr);
    ww_air_free(air);
    if (used == 0)
        return ww_error_set(err, WW_BAD_INPUT, "no reading lies in an hour whose wind is known");
    write_answer(in, cpf, probability, llr, used, out);
    return st;
}

enum ww_status ww_trace_wind(const char *points, const char *readings, const char *wind,
                             const struct ww_zone *zone, struct ww_buf *out, const char **file,
                             struct ww_error *err) {
    struct air_input in = {.arena = ww_arena_new((size_t)1 << 34), .file = file};
    if (!in.arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory");
    in.sensors = ww_map_new(64);
    in.hours = ww_map_new(4096);
    enum ww_status st = load(&in, points, &in.points, err);
    if (st == WW_OK)
        st = read_places(&in, err);
    if (st == WW_OK)
        st = load(&in, wind, &in.wind, err);
    if (st == WW_OK)
        st = read_wind(&in, zone, err);
    if (st == WW_OK)
        st = load(&in, readings, &in.readings, err);
    if (st == WW_OK)
        st = judge(&in, zone, out, err);
    struct ww_attribute_table *tables[] = {&in.points, &in.readings, &in.wind};
    for (size_t i = 0; i < 3; i++)
        if (tables[i]->arena)
            ww_attribute_table_clear(tables[i]);
    ww_map_free(in.sensors);
    ww_map_free(in.hours);
    ww_arena_free(in.arena);
    return st;
}
