/* What `wardwatch hotspot` works on: its options, the places with their values, their neighbours, the
 * results.
 *
 * cmd_hotspot.c fills the options, hotspot_places.c reads places and values, hotspot_neighbours.c makes the
 * weights, cmd_hotspot.c computes, hotspot_report.c writes.
 */
#ifndef WW_SERVER_HOTSPOT_JOB_H
#define WW_SERVER_HOTSPOT_JOB_H

#include "geo/base/buf.h"
#include "geo/hotspot/contiguity.h"
#include "geo/hotspot/emerging.h"
#include "geo/hotspot/hex.h"
#include "geo/hotspot/hotspot.h"
#include "geo/hotspot/permute.h"
#include "server/attribute_table.h"

struct ww_hotspot_options {
    const char *values, *id, *value, *x, *y, *population, *time, *bin;
    const char *weights, *knn, *band, *contiguity, *hex, *rings, *hex_origin, *snap;
    const char *transform, *of, *statistic, *p, *permutations, *seed, *sides, *fdr, *format, *gwt, *time_lag,
        *time_window;
    bool plane, degrees, row_standardise;
};

enum ww_hotspot_statistic { WW_BY_GSTAR, WW_BY_G, WW_BY_MORAN };
enum ww_hotspot_p { WW_P_AUTO, WW_P_NORMAL, WW_P_DEALT, WW_P_PERMUTATION };
enum ww_hotspot_transform { WW_RATE_NONE, WW_RATE_RAW, WW_RATE_FREEMAN_TUKEY, WW_RATE_EMPIRICAL_BAYES };
enum ww_hotspot_of { WW_OF_ONE, WW_OF_MEAN, WW_OF_SUM, WW_OF_MAX, WW_OF_COUNT };

struct ww_hotspot_job {
    struct ww_hotspot_options o;
    /* what the options say */
    enum ww_hotspot_statistic statistic;
    enum ww_hotspot_p p_by;
    enum ww_hotspot_transform transform;
    enum ww_hotspot_of of;
    enum ww_sides sides;
    double fdr, hex_m;
    uint32_t draws, rings;
    uint64_t seed;

    struct ww_attribute_table table;
    struct ww_arena *arena;
    const char *file; /* that an error is about */
    struct ww_error err;

    /* places, all of them; NAN: without a value */
    uint32_t n, n_bins;
    struct ww_str *name;      /* [n] */
    uint32_t *row;            /* [n] the first row of each */
    struct ww_str *bin;       /* [n_bins] ascending; one, empty, without --time */
    double *value;            /* [n_bins * n] what is looked at */
    double *raw, *population; /* [n_bins * n]; population NULL without one */
    double (*at)[2];          /* [n], NULL: no coordinates */
    bool is_plane;
    struct ww_hex_grid grid; /* with --hex */
    struct ww_hex *hex;      /* [n], NULL without */
    struct ww_polygons *polygons;

    /* neighbours of all places, and how they came */
    struct ww_weights *all_weights;
    const char *neighbours; /* "knn", "band", … */
    bool ids_by_number, third_ignored;

    /* of the places with a value, in their order (one bin) */
    uint32_t m;
    uint32_t *place; /* [m] index of the place */
    struct ww_weights *weights;
    double *x, *gstar, *g, *z, *p, *p_normal, *q;
    struct ww_moran *local, moran, general_g;
    const char *p_taken;
    double skewness;

    /* over time */
    double *cube_z;
    int8_t *cube_side;
    struct ww_emerging_place *emerging;
    struct ww_emerging_options emerging_options;
};

/* Reads the values' file; places, values, coordinates. An error is in job->err, about job->file. */
enum ww_status ww_hotspot_places(struct ww_hotspot_job *job) WW_MUST_CHECK;
enum ww_status ww_hotspot_neighbours(struct ww_hotspot_job *job) WW_MUST_CHECK;
/* "hot", "cold", "high-low", "low-high" or "none" of place k of the m. */
const char *ww_hotspot_class(const struct ww_hotspot_job *job, uint32_t k);
void ww_hotspot_write_json(const struct ww_hotspot_job *job, struct ww_buf *out);
void ww_hotspot_write_csv(const struct ww_hotspot_job *job, struct ww_buf *out);
/* WW_BAD_INPUT when the places have no geometry. */
enum ww_status ww_hotspot_write_geojson(struct ww_hotspot_job *job, struct ww_buf *out) WW_MUST_CHECK;

#endif
