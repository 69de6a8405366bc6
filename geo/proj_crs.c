/* Reference systems of layers with PROJ: batches of points, the authority's axis order. See crs.h.
 *
 * proj_normalize_for_visualization puts x first in both systems, as PostGIS has it; whether the target's
 * authority has it the other way round is seen by comparing the first axis of the system before and after
 * that. The swap is then ours.
 */
#include "geo/crs.h"

#include <math.h>
#include <proj.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/alloc.h"

struct ww_crs {
    PJ_CONTEXT *context;
    PJ *pipeline; /* x first on both sides; NULL: none is needed */
    bool north_first, geographic;
    char name[96];
    uint32_t code; /* of the target */
};

/* The direction of the first axis: "east", "north", …; "" when PROJ does not say. */
static void first_axis(PJ_CONTEXT *context, const PJ *crs, char out[16]) {
    const char *direction = NULL;
    PJ *system = proj_crs_get_coordinate_system(context, crs);
    out[0] = '\0';
    if (system && proj_cs_get_axis_info(context, system, 0, NULL, NULL, &direction, NULL, NULL, NULL, NULL) &&
        direction)
        snprintf(out, 16, "%s", direction);
    proj_destroy(system);
}

static enum ww_status describe(struct ww_crs *crs, const PJ *target, const char *name, struct ww_error *err) {
    PJ_TYPE type = proj_get_type(target);
    crs->geographic = type == PJ_TYPE_GEOGRAPHIC_2D_CRS || type == PJ_TYPE_GEOGRAPHIC_3D_CRS;
    if (!crs->geographic && type != PJ_TYPE_PROJECTED_CRS)
        return ww_error_set(err, WW_BAD_INPUT, "%s is neither a geographic nor a projected reference system",
                            name);
    snprintf(crs->name, sizeof crs->name, "%s", proj_get_name(target) ? proj_get_name(target) : name);
    char before[16];
    char after[16];
    PJ *normal = proj_normalize_for_visualization(crs->context, target);
    first_axis(crs->context, target, before);
    first_axis(crs->context, normal ? normal : target, after);
    proj_destroy(normal);
    crs->north_first = strcmp(before, after) != 0;
    return WW_OK;
}

/* A pipeline that leaves the corners of China as they are, to the last bit, changes nothing. */
static bool changes_nothing(PJ *pipeline) {
    static const double probes[3][2] = {{73.5, 18.25}, {104.0625, 53.5}, {135.03125, 30.015625}};
    for (size_t i = 0; i < 3; i++) {
        PJ_COORD out = proj_trans(pipeline, PJ_FWD, proj_coord(probes[i][0], probes[i][1], 0, 0));
        if (!(out.xy.x == probes[i][0] && out.xy.y == probes[i][1]))
            return false;
    }
    return true;
}

static void system_name(uint32_t code, char out[24]) {
    if (code == WW_CRS84)
        snprintf(out, 24, "OGC:CRS84");
    else
        snprintf(out, 24, "EPSG:%u", code);
}

enum ww_status ww_crs_open(uint32_t from, uint32_t to, struct ww_crs **out, struct ww_error *err) {
    enum ww_status st = WW_OK;
    PJ *source = NULL;
    PJ *target = NULL;
    PJ *raw = NULL;
    char names[2][24];
    system_name(from, names[0]);
    system_name(to, names[1]);
    struct ww_crs *crs = ww_try_calloc(1, sizeof *crs);
    if (!crs || !(crs->context = proj_context_create())) {
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for a coordinate converter");
        goto done;
    }
    proj_log_level(crs->context, PJ_LOG_NONE);
    proj_context_set_enable_network(crs->context, 0);
    source = proj_create(crs->context, names[0]);
    target = proj_create(crs->context, names[1]);
    if (!source || !target) {
        st = ww_error_set(err, WW_NOT_FOUND, "PROJ knows no reference system %s", names[target ? 0 : 1]);
        goto done;
    }
    crs->code = to;
    st = describe(crs, target, names[1], err);
    if (st != WW_OK || from == to)
        goto done;
    raw = proj_create_crs_to_crs_from_pj(crs->context, source, target, NULL, NULL);
    crs->pipeline = raw ? proj_normalize_for_visualization(crs->context, raw) : NULL;
    if (!crs->pipeline) {
        st = ww_error_set(err, WW_NOT_FOUND, "PROJ has no way from %s to %s", names[0], names[1]);
        goto done;
    }
    if (changes_nothing(crs->pipeline)) {
        proj_destroy(crs->pipeline);
        crs->pipeline = NULL;
    }
done:
    proj_destroy(raw);
    proj_destroy(source);
    proj_destroy(target);
    if (st != WW_OK) {
        ww_crs_close(crs);
        crs = NULL;
    }
    *out = crs;
    return st;
}

void ww_crs_close(struct ww_crs *crs) {
    if (!crs)
        return;
    proj_destroy(crs->pipeline);
    if (crs->context)
        proj_context_destroy(crs->context);
    ww_free(crs);
}

static void swap_pairs(double *xy, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double x = xy[2 * i];
        xy[2 * i] = xy[2 * i + 1];
        xy[2 * i + 1] = x;
    }
}

static void run(struct ww_crs *crs, PJ_DIRECTION direction, double *xy, size_t n) {
    if (!crs->pipeline)
        return;
    proj_errno_reset(crs->pipeline);
    proj_trans_generic(crs->pipeline, direction, xy, 2 * sizeof *xy, n, xy + 1, 2 * sizeof *xy, n, NULL, 0, 0,
                       NULL, 0, 0);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1]))
            xy[2 * i] = xy[2 * i + 1] = NAN;
}

void ww_crs_forward(struct ww_crs *crs, double *xy, size_t n) {
    run(crs, PJ_FWD, xy, n);
    if (crs->north_first)
        swap_pairs(xy, n);
}

void ww_crs_inverse(struct ww_crs *crs, double *xy, size_t n) {
    if (crs->north_first)
        swap_pairs(xy, n);
    run(crs, PJ_INV, xy, n);
}

bool ww_crs_is_identity(const struct ww_crs *crs) {
    return !crs->pipeline && !crs->north_first;
}

bool ww_crs_is_plain(const struct ww_crs *crs) {
    return !crs->pipeline;
}

bool ww_crs_is_north_first(const struct ww_crs *crs) {
    return crs->north_first;
}

bool ww_crs_is_geographic(const struct ww_crs *crs) {
    return crs->geographic;
}

const char *ww_crs_name(const struct ww_crs *crs) {
    return crs->name;
}

struct ww_str ww_crs_wkt(struct ww_crs *crs, struct ww_arena *arena) {
    static const char *const options[] = {"MULTILINE=NO", NULL};
    char name[24];
    system_name(crs->code == WW_CRS84 ? 4326 : crs->code, name);
    PJ *system = proj_create(crs->context, name);
    const char *wkt = system ? proj_as_wkt(crs->context, system, PJ_WKT1_GDAL, options) : NULL;
    const struct ww_str out = wkt ? ww_arena_copy(arena, ww_str_of(wkt)) : WW_STR_NONE;
    proj_destroy(system);
    return out.ptr ? out : WW_STR("");
}
