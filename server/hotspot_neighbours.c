/* Who is whose neighbour on the command line: nearest, band, polygons, hexagons or a file. */
#include <math.h>

#include "geo/hotspot/weight_file.h"
#include "server/commands.h"
#include "server/hotspot_job.h"

enum { MAX_FILE = 1 << 30 };

static enum ww_status load_polygons(struct ww_hotspot_job *job) {
    if (job->polygons)
        return WW_OK;
    job->polygons = ww_polygons_new();
    if (!job->polygons)
        return ww_error_set(&job->err, WW_NO_MEMORY, "no memory for polygons");
    for (uint32_t i = 0; i < job->n; i++) {
        struct ww_error err;
        struct ww_str geometry = job->table.rows[job->row[i]].geometry;
        job->file = job->o.values;
        if (geometry.len == 0)
            return ww_attribute_table_refuse(&job->table, job->row[i], UINT32_MAX, &job->err,
                                             "contiguity needs polygons, and it has none");
        enum ww_status st = ww_polygons_add(job->polygons, geometry, &err);
        if (st == WW_BAD_INPUT)
            return ww_attribute_table_refuse(&job->table, job->row[i], UINT32_MAX, &job->err, "%s",
                                             err.message);
        if (st != WW_OK)
            return ww_error_set(&job->err, st, "%s", err.message);
    }
    job->file = NULL;
    return WW_OK;
}

/* Coordinates of all places; polygons give their centres. */
static enum ww_status need_coordinates(struct ww_hotspot_job *job) {
    if (job->at)
        return WW_OK;
    if (!job->table.is_geojson)
        return ww_error_set(
            &job->err, WW_BAD_INPUT,
            "--knn and --band need coordinates of all places: columns lon, lat or x, y (--x, --y)");
    enum ww_status st = load_polygons(job);
    double(*at)[2] = ww_arena_calloc(job->arena, job->n, sizeof *at);
    if (st == WW_OK && !at)
        st = ww_error_set(&job->err, WW_NO_MEMORY, "no memory for the places");
    for (uint32_t i = 0; i < job->n && st == WW_OK; i++)
        st = ww_polygons_centre(job->polygons, i, at[i], &job->err);
    job->at = at;
    return st;
}

static double radius_of(const struct ww_hotspot_job *job) {
    return job->is_plane ? WW_NEAR_PLANE : WW_NEAR_EARTH_M;
}

static bool number_option(struct ww_hotspot_job *job, const char *name, const char *text, double *out) {
    if (ww_str_to_double(ww_str_of(text), out))
        return true;
    (void)ww_error_set(&job->err, WW_BAD_INPUT, "--%s needs a number, not %.40s", name, text);
    return false;
}

/* Nearest places are looked for among those that have a value, so that each has its k. */
static enum ww_status by_distance(struct ww_hotspot_job *job) {
    double number;
    enum ww_status st = need_coordinates(job);
    if (st != WW_OK)
        return st;
    if (!number_option(job, job->o.knn ? "knn" : "band", job->o.knn ? job->o.knn : job->o.band, &number))
        return WW_BAD_INPUT;
    if (job->o.knn && !(number >= 1 && number == floor(number) && number < 1e9))
        return ww_error_set(&job->err, WW_BAD_INPUT, "--knn needs a whole number from 1, not %.40s",
                            job->o.knn);
    job->neighbours = job->o.knn ? "knn" : "band";
    double(*at)[2] = job->at;
    uint32_t m = job->n;
    if (job->n_bins == 1) { /* over time, all places are there */
        at = ww_arena_calloc(job->arena, job->m, sizeof *at);
        m = job->m;
        for (uint32_t k = 0; at && k < m; k++) {
            at[k][0] = job->at[job->place[k]][0];
            at[k][1] = job->at[job->place[k]][1];
        }
        if (!at)
            return ww_error_set(&job->err, WW_NO_MEMORY, "no memory for the places");
    }
    return job->o.knn ? ww_weights_nearest((const double(*)[2])at, m, (uint32_t)number, radius_of(job),
                                           &job->weights, &job->err)
                      : ww_weights_by_distance((const double(*)[2])at, m, number, radius_of(job),
                                               &job->weights, &job->err);
}

static enum ww_status by_polygons(struct ww_hotspot_job *job) {
    bool rook = strcmp(job->o.contiguity, "rook") == 0;
    double snap;
    if (!rook && strcmp(job->o.contiguity, "queen") != 0)
        return ww_error_set(&job->err, WW_BAD_INPUT, "--contiguity is queen or rook, not %.40s",
                            job->o.contiguity);
    enum ww_status st = load_polygons(job);
    if (st != WW_OK)
        return st;
    snap = ww_polygons_snap(job->polygons);
    if (job->o.snap && !number_option(job, "snap", job->o.snap, &snap))
        return WW_BAD_INPUT;
    if (!(snap >= 0))
        return ww_error_set(&job->err, WW_BAD_INPUT, "--snap can't be below 0");
    job->neighbours = rook ? "rook" : "queen";
    return ww_polygons_weights(job->polygons, rook ? WW_ROOK : WW_QUEEN, snap, &job->all_weights, &job->err);
}

/* ---- Files ---- */

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* In a .gwt the third number may be the distance, as GeoDa writes it: then it is no weight. It is when it
 * equals the distance of all pairs, in metres, kilometres or the numbers' own plane. */
static bool third_is_distance(const struct ww_hotspot_job *job, const struct ww_weight_file *f) {
    double unit = 0;
    for (size_t k = 0; k < f->n && job->at; k++) {
        double d = ww_near_metres(job->at[f->pairs[k].from], job->at[f->pairs[k].to], radius_of(job));
        if (!(d > 0))
            continue;
        if (unit == 0)
            unit = f->pairs[k].weight / d;
        if (fabs(f->pairs[k].weight - unit * d) > 0.01 * unit * d)
            return false;
    }
    return unit > 0;
}

static enum ww_status by_file(struct ww_hotspot_job *job) {
    const char *path = job->o.weights;
    struct ww_buf text;
    struct ww_weight_file file;
    enum ww_weight_format format = ends_with(path, ".gal")                              ? WW_WEIGHTS_GAL
                                   : ends_with(path, ".gwt") || ends_with(path, ".kwt") ? WW_WEIGHTS_GWT
                                                                                        : WW_WEIGHTS_CSV;
    if (job->o.gwt && strcmp(job->o.gwt, "weight") != 0 && strcmp(job->o.gwt, "distance") != 0)
        return ww_error_set(&job->err, WW_BAD_INPUT, "--gwt is weight or distance, not %.40s", job->o.gwt);
    job->file = path;
    enum ww_status st = ww_read_file(path, MAX_FILE, &text, &job->err);
    struct ww_map *ids = ww_map_new(job->n);
    for (uint32_t i = 0; i < job->n && st == WW_OK; i++)
        st = ww_map_put(ids, job->name[i], i);
    if (st == WW_OK)
        st = ww_weight_file_read(ww_buf_str(&text), format, ids, job->n, &file, &job->err);
    ww_buf_clear(&text);
    ww_map_free(ids);
    if (st != WW_OK)
        return st;
    bool varies = false;
    for (size_t k = 1; k < file.n; k++)
        varies |= file.pairs[k].weight != file.pairs[0].weight;
    job->ids_by_number = file.by_number;
    job->third_ignored = job->o.gwt ? strcmp(job->o.gwt, "distance") == 0
                                    : format == WW_WEIGHTS_GWT && varies && third_is_distance(job, &file);
    for (size_t k = 0; k < file.n && job->third_ignored; k++)
        file.pairs[k].weight = 1;
    job->neighbours = "file";
    st = ww_weight_file_weights(&file, job->n, &job->all_weights, &job->err);
    ww_weight_file_clear(&file);
    if (st == WW_OK)
        job->file = NULL;
    return st;
}

/* ---- All of it ---- */

enum ww_status ww_hotspot_neighbours(struct ww_hotspot_job *job) {
    const struct ww_hotspot_options *o = &job->o;
    enum ww_status st;
    if (o->knn || o->band)
        st = by_distance(job);
    else if (o->contiguity)
        st = by_polygons(job);
    else if (o->weights)
        st = by_file(job);
    else {
        job->neighbours = "hexagon rings";
        st = ww_weights_hexes(job->hex, job->n, job->rings, &job->all_weights, &job->err);
    }
    if (st != WW_OK || job->weights)
        return st;
    bool *keep = ww_arena_calloc(job->arena, job->n, sizeof *keep);
    if (!keep)
        return ww_error_set(&job->err, WW_NO_MEMORY, "no memory for the places");
    for (uint32_t i = 0; i < job->n; i++)
        keep[i] = job->n_bins > 1 || !isnan(job->value[i]);
    return ww_weights_keep(job->all_weights, keep, &job->weights, &job->err);
}
