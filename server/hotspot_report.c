/* What `wardwatch hotspot` prints: JSON, GeoJSON, CSV. */
#include <math.h>

#include "geo/base/json_writer.h"
#include "server/hotspot_job.h"

const char *ww_hotspot_class(const struct ww_hotspot_job *job, uint32_t k) {
    if (!(job->q[k] <= job->fdr))
        return "none";
    if (job->statistic != WW_BY_MORAN)
        return job->z[k] > 0 ? "hot" : "cold";
    double mean = 0;
    for (uint32_t i = 0; i < job->m; i++)
        mean += job->x[i] / job->m;
    bool high = job->x[k] > mean, among_alike = job->local[k].i > 0;
    return among_alike ? (high ? "hot" : "cold") : (high ? "high-low" : "low-high");
}

static void put(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}
static void put_text(struct ww_json *w, const char *key, const char *value) {
    ww_json_key(w, key);
    ww_json_text(w, value);
}
static void put_int(struct ww_json *w, const char *key, int64_t value) {
    ww_json_key(w, key);
    ww_json_int(w, value);
}

/* An option that is a number already. */
static void put_option(struct ww_json *w, const char *key, const char *text) {
    double value = NAN;
    (void)ww_str_to_double(ww_str_of(text), &value);
    put(w, key, value);
}

static void put_moran(struct ww_json *w, const char *key, const char *what, struct ww_moran m, bool with_p) {
    double p;
    ww_hotspot_p(&m.z, 1, WW_TWO_SIDED, &p);
    ww_json_key(w, key);
    ww_json_object(w);
    put(w, what, m.i);
    put(w, "expected", m.expected);
    put(w, "variance", m.variance);
    put(w, "z", m.z);
    if (with_p)
        put(w, "p", p);
    ww_json_end_object(w);
}

static const char *const statistics[] = {"gstar", "g", "moran"}, *const sides[] = {"two", "hot", "cold"},
                         *const transforms[] = {"none", "rate", "freeman-tukey", "empirical-bayes"};

static void put_method(struct ww_json *w, const struct ww_hotspot_job *job) {
    ww_json_key(w, "method");
    ww_json_object(w);
    put_text(w, "statistic", statistics[job->statistic]);
    put_text(w, "neighbours", job->neighbours);
    if (job->o.knn)
        put_option(w, "k", job->o.knn);
    if (job->o.band)
        put_option(w, "band", job->o.band);
    if (job->o.knn || job->o.band)
        put_text(w, "distances", job->is_plane ? "plane" : "great circles, metres");
    if (job->o.weights) {
        put_text(w, "weights_file_names", job->ids_by_number ? "numbers of the places" : "ids");
        put_text(w, "third_column", job->third_ignored ? "distance: each neighbour counts 1" : "weight");
    }
    if (job->hex) {
        put(w, "hexagon_width_m", job->hex_m);
        put(w, "hexagon_origin_lon", job->grid.origin.lon_deg);
        put(w, "hexagon_origin_lat", job->grid.origin.lat_deg);
        put_int(w, "rings", job->rings);
    }
    put_text(w, "rows", job->o.row_standardise ? "standardised" : "as they are");
    put_text(w, "transform", transforms[job->transform]);
    put_text(w, "sides", sides[job->sides]);
    put(w, "fdr", job->fdr);
    if (job->n_bins == 1) {
        put_text(w, "p", job->p_taken);
        put(w, "skewness", job->skewness);
        if (job->draws > 0) {
            put_int(w, "permutations", job->draws);
            put_int(w, "seed", (int64_t)job->seed);
        }
    }
    ww_json_end_object(w);
}

/* ---- One map ---- */

static void put_place(struct ww_json *w, const struct ww_hotspot_job *job, uint32_t k) {
    uint32_t i = job->place[k];
    ww_json_key(w, "id");
    ww_json_str(w, job->name[i]);
    put(w, "value", job->x[k]);
    if (job->population) {
        put(w, "cases", job->raw[i]);
        put(w, "population", job->population[i]);
    }
    put_int(w, "neighbours", job->weights->start[k + 1] - job->weights->start[k]);
    put(w, "gstar", job->gstar[k]);
    put(w, "g", job->g[k]);
    put_moran(w, "moran", "i", job->local[k], false);
    put(w, "p_normal", job->p_normal[k]);
    put(w, "p", job->p[k]);
    put(w, "q", job->q[k]);
    put_text(w, "class", ww_hotspot_class(job, k));
}

static void count_classes(const struct ww_hotspot_job *job, uint32_t *hot, uint32_t *cold) {
    *hot = *cold = 0;
    for (uint32_t k = 0; k < job->m; k++) {
        const char *class = ww_hotspot_class(job, k);
        *hot += strcmp(class, "hot") == 0;
        *cold += strcmp(class, "cold") == 0;
    }
}

static void put_summary(struct ww_json *w, const struct ww_hotspot_job *job) {
    uint32_t hot, cold, alone = 0;
    count_classes(job, &hot, &cold);
    for (uint32_t k = 0; k < job->m; k++)
        alone += job->weights->start[k] == job->weights->start[k + 1];
    put_int(w, "n", job->m);
    put_int(w, "without_value", job->n - job->m);
    put_int(w, "without_neighbours", alone);
    put(w, "mean_neighbours", job->m > 0 ? (double)job->weights->start[job->m] / job->m : 0);
    ww_json_key(w, "global");
    ww_json_object(w);
    put_moran(w, "moran", "i", job->moran, true);
    put_moran(w, "general_g", "g", job->general_g, true);
    ww_json_end_object(w);
    put_int(w, "hot", hot);
    put_int(w, "cold", cold);
}

/* ---- Over time ---- */

static void put_series(struct ww_json *w, const struct ww_hotspot_job *job, uint32_t i) {
    const struct ww_emerging_place *e = &job->emerging[i];
    uint32_t last = (job->n_bins - 1) * job->n + i;
    ww_json_key(w, "id");
    ww_json_str(w, job->name[i]);
    put_text(w, "class", ww_emerging_name(e->class));
    put_text(w, "side", e->side > 0 ? "hot" : e->side < 0 ? "cold" : "none");
    put(w, "gstar", job->cube_z[last]);
    put_int(w, "hot_bins", e->hot_bins);
    put_int(w, "cold_bins", e->cold_bins);
    put(w, "trend_s", e->trend.s);
    put(w, "trend_z", e->trend.z);
    put(w, "trend_p", e->trend.p);
    put(w, "trend_tau", e->trend.tau);
}

static void put_bins(struct ww_json *w, const struct ww_hotspot_job *job, uint32_t i) {
    ww_json_key(w, "series");
    ww_json_array(w);
    for (uint32_t b = 0; b < job->n_bins; b++)
        ww_json_double(w, job->cube_z[(size_t)b * job->n + i]);
    ww_json_end_array(w);
}

void ww_hotspot_write_json(const struct ww_hotspot_job *job, struct ww_buf *out) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    put_method(&w, job);
    if (job->n_bins > 1) {
        put_int(&w, "n", job->n);
        put_int(&w, "time_lag", job->emerging_options.lag);
        put_text(&w, "time_window", job->emerging_options.whole_cube ? "cube" : "bin");
        ww_json_key(&w, "bins");
        ww_json_array(&w);
        for (uint32_t b = 0; b < job->n_bins; b++)
            ww_json_str(&w, job->bin[b]);
        ww_json_end_array(&w);
    } else
        put_summary(&w, job);
    ww_json_key(&w, "places");
    ww_json_array(&w);
    for (uint32_t k = 0; k < job->m; k++) {
        ww_json_object(&w);
        if (job->n_bins > 1) {
            put_series(&w, job, k);
            put_bins(&w, job, k);
        } else
            put_place(&w, job, k);
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}

/* ---- GeoJSON ---- */

static void put_position(struct ww_json *w, double x, double y) {
    ww_json_array(w);
    ww_json_double(w, round(x * 1e9) / 1e9);
    ww_json_double(w, round(y * 1e9) / 1e9);
    ww_json_end_array(w);
}

static void put_hexagon(struct ww_json *w, const struct ww_hotspot_job *job, uint32_t i) {
    struct ww_place corners[6];
    ww_hex_corners(&job->grid, job->hex[i], corners);
    ww_json_object(w);
    put_text(w, "type", "Polygon");
    ww_json_key(w, "coordinates");
    ww_json_array(w);
    ww_json_array(w);
    for (int c = 0; c <= 6; c++)
        put_position(w, corners[c % 6].lon_deg, corners[c % 6].lat_deg);
    ww_json_end_array(w);
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void put_geometry(struct ww_json *w, const struct ww_hotspot_job *job, uint32_t i) {
    struct ww_str geometry = job->table.rows[job->row[i]].geometry;
    ww_json_key(w, "geometry");
    if (job->hex)
        put_hexagon(w, job, i);
    else if (geometry.len > 0)
        ww_json_raw(w, geometry);
    else {
        ww_json_object(w);
        put_text(w, "type", "Point");
        ww_json_key(w, "coordinates");
        put_position(w, job->at[i][0], job->at[i][1]);
        ww_json_end_object(w);
    }
}

enum ww_status ww_hotspot_write_geojson(struct ww_hotspot_job *job, struct ww_buf *out) {
    struct ww_json w;
    if (!job->table.is_geojson && !job->at)
        return ww_error_set(&job->err, WW_BAD_INPUT,
                            "GeoJSON needs coordinates of all places: columns lon, lat");
    ww_json_init(&w, out);
    ww_json_object(&w);
    put_text(&w, "type", "FeatureCollection");
    put_method(&w, job);
    ww_json_key(&w, "features");
    ww_json_array(&w);
    for (uint32_t k = 0; k < job->m; k++) {
        ww_json_object(&w);
        put_text(&w, "type", "Feature");
        ww_json_key(&w, "properties");
        ww_json_object(&w);
        if (job->n_bins > 1)
            put_series(&w, job, k);
        else
            put_place(&w, job, k);
        ww_json_end_object(&w);
        put_geometry(&w, job, job->n_bins > 1 ? k : job->place[k]);
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
    return WW_OK;
}

/* ---- CSV ---- */

static void put_cell(struct ww_buf *out, struct ww_str text) {
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++)
        quoted |= text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\n' || text.ptr[i] == '\r';
    if (quoted)
        ww_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            ww_buf_char(out, '"');
        ww_buf_char(out, text.ptr[i]);
    }
    if (quoted)
        ww_buf_char(out, '"');
}

static void put_number(struct ww_buf *out, double value) {
    char text[32];
    ww_buf_char(out, ',');
    if (isfinite(value)) {
        ww_double_text(value, text);
        ww_buf_text(out, text);
    }
}

void ww_hotspot_write_csv(const struct ww_hotspot_job *job, struct ww_buf *out) {
    bool time = job->n_bins > 1;
    ww_buf_text(out, time ? "id,class,side,gstar,hot_bins,cold_bins,trend_z,trend_p\n"
                          : "id,class,value,neighbours,gstar,g,moran_i,moran_z,p_normal,p,q\n");
    for (uint32_t k = 0; k < job->m; k++) {
        put_cell(out, job->name[time ? k : job->place[k]]);
        if (time) {
            const struct ww_emerging_place *e = &job->emerging[k];
            ww_buf_printf(out, ",%s,%s", ww_emerging_name(e->class),
                          e->side > 0   ? "hot"
                          : e->side < 0 ? "cold"
                                        : "none");
            put_number(out, job->cube_z[(size_t)(job->n_bins - 1) * job->n + k]);
            ww_buf_printf(out, ",%u,%u", e->hot_bins, e->cold_bins);
            put_number(out, e->trend.z);
            put_number(out, e->trend.p);
        } else {
            ww_buf_printf(out, ",%s", ww_hotspot_class(job, k));
            put_number(out, job->x[k]);
            ww_buf_printf(out, ",%u", job->weights->start[k + 1] - job->weights->start[k]);
            const double numbers[] = {job->gstar[k],    job->g[k], job->local[k].i, job->local[k].z,
                                      job->p_normal[k], job->p[k], job->q[k]};
            for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
                put_number(out, numbers[i]);
        }
        ww_buf_char(out, '\n');
    }
}
