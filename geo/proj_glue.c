/* Converts between EPSG systems and EPSG:4490 with PROJ; the only file that includes proj.h.
 *
 * The authority's axis order (EPSG:4490 is lat, lon; EPSG:4545 is northing, easting) ends
 * here: proj_normalize_for_visualization makes it x = longitude or easting for all.
 *
 * A coordinate with its numbers swapped, or of another zone, may project to some point far
 * away instead of failing. So the way there is walked back, and a result that does not
 * return to within a metre (1e-5 degrees) is refused; so is one that lies more than
 * AREA_MARGIN_DEG outside the area for which the authority registered the system. The margin
 * is one 3-degree zone: data are often kept in the zone of a neighbour.
 */
#include "geo/proj_glue.h"

#include <math.h>
#include <proj.h>
#include <stdio.h>

#include "geo/base/alloc.h"

#define AREA_MARGIN_DEG 3

struct ww_proj {
    PJ_CONTEXT *context;
    PJ *pipeline;
    uint32_t epsg;
    bool geographic;
    double west, south, east, north; /* area of use and margin; the world when unknown */
};

static void read_area(struct ww_proj *proj, const PJ *crs) {
    proj->west = -180, proj->south = -90, proj->east = 180, proj->north = 90;
    double west = 0;
    double south = 0;
    double east = 0;
    double north = 0;
    if (!proj_get_area_of_use(proj->context, crs, &west, &south, &east, &north, NULL) || west < -180)
        return; /* PROJ says -1000 for "unknown" */
    proj->south = south - AREA_MARGIN_DEG;
    proj->north = north + AREA_MARGIN_DEG;
    if (west <= east) { /* else it crosses the antimeridian: any longitude */
        proj->west = west - AREA_MARGIN_DEG;
        proj->east = east + AREA_MARGIN_DEG;
    }
}

static bool in_area(const struct ww_proj *proj, double lon, double lat) {
    return lon >= proj->west && lon <= proj->east && lat >= proj->south && lat <= proj->north;
}

static enum ww_status check_type(PJ_TYPE type, struct ww_proj *proj, struct ww_error *err) {
    proj->geographic = type == PJ_TYPE_GEOGRAPHIC_2D_CRS || type == PJ_TYPE_GEOGRAPHIC_3D_CRS;
    if (proj->geographic || type == PJ_TYPE_PROJECTED_CRS)
        return WW_OK;
    return ww_error_set(err, WW_BAD_INPUT, "EPSG:%u is neither a geographic nor a projected reference system",
                        proj->epsg);
}

enum ww_status ww_proj_open(uint32_t epsg, struct ww_proj **out, struct ww_error *err) {
    enum ww_status st = WW_OK;
    PJ *crs = NULL;
    PJ *raw = NULL;
    char name[32];
    snprintf(name, sizeof name, "EPSG:%u", epsg);

    struct ww_proj *proj = ww_try_calloc(1, sizeof *proj);
    if (!proj || !(proj->context = proj_context_create())) {
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for a coordinate converter");
        goto done;
    }
    proj->epsg = epsg;
    proj_log_level(proj->context, PJ_LOG_NONE);
    proj_context_set_enable_network(proj->context, 0);
    crs = proj_create(proj->context, name);
    if (!crs) {
        st = ww_error_set(err, WW_NOT_FOUND, "PROJ knows no reference system %s", name);
        goto done;
    }
    st = check_type(proj_get_type(crs), proj, err);
    if (st != WW_OK)
        goto done;
    read_area(proj, crs);
    raw = proj_create_crs_to_crs(proj->context, name, "EPSG:4490", NULL);
    proj->pipeline = raw ? proj_normalize_for_visualization(proj->context, raw) : NULL;
    if (!proj->pipeline)
        st = ww_error_set(err, WW_NOT_FOUND, "PROJ has no way from %s to EPSG:4490", name);
done:
    proj_destroy(raw);
    proj_destroy(crs);
    if (st != WW_OK) {
        ww_proj_close(proj);
        proj = NULL;
    }
    *out = proj;
    return st;
}

void ww_proj_close(struct ww_proj *proj) {
    if (!proj)
        return;
    proj_destroy(proj->pipeline);
    if (proj->context)
        proj_context_destroy(proj->context);
    ww_free(proj);
}

bool ww_proj_is_geographic(const struct ww_proj *proj) {
    return proj->geographic;
}

static enum ww_status refuse(const struct ww_proj *proj, double x, double y, const char *why,
                             struct ww_error *err) {
    return ww_error_set(err, WW_BAD_INPUT, "%.10g, %.10g cannot be converted with EPSG:%u: %s", x, y,
                        proj->epsg, why);
}

/* One conversion there and, as proof, back. Degrees that differ by a whole turn are equal. */
static enum ww_status convert(struct ww_proj *proj, PJ_DIRECTION there, PJ_COORD in, bool degrees,
                              PJ_COORD *out, struct ww_error *err) {
    PJ_DIRECTION home = there == PJ_FWD ? PJ_INV : PJ_FWD;
    proj_errno_reset(proj->pipeline);
    *out = proj_trans(proj->pipeline, there, in);
    if (!isfinite(out->xy.x) || !isfinite(out->xy.y)) {
        int code = proj_errno(proj->pipeline);
        const char *why = code ? proj_context_errno_string(proj->context, code) : "no result";
        return refuse(proj, in.xy.x, in.xy.y, why, err);
    }
    PJ_COORD again = proj_trans(proj->pipeline, home, *out);
    double tolerance = degrees ? 1e-5 : 1.0;
    double off_x = degrees ? remainder(again.xy.x - in.xy.x, 360) : again.xy.x - in.xy.x;
    if (!(fabs(off_x) <= tolerance && fabs(again.xy.y - in.xy.y) <= tolerance))
        return refuse(proj, in.xy.x, in.xy.y, "it lies outside the system's range", err);
    return WW_OK;
}

enum ww_status ww_proj_to_place(struct ww_proj *proj, struct ww_raw_place raw, struct ww_place *out,
                                struct ww_error *err) {
    PJ_COORD result;
    PJ_COORD in = proj_coord(raw.x, raw.y, 0, 0);
    enum ww_status st = convert(proj, PJ_FWD, in, proj->geographic, &result, err);
    if (st == WW_OK && !in_area(proj, result.xy.x, result.xy.y))
        return refuse(proj, raw.x, raw.y, "it lies far outside the system's area of use", err);
    if (st == WW_OK)
        *out = (struct ww_place){.lon_deg = result.xy.x, .lat_deg = result.xy.y};
    return st;
}

enum ww_status ww_proj_from_place(struct ww_proj *proj, struct ww_place place, struct ww_raw_place *out,
                                  struct ww_error *err) {
    PJ_COORD result;
    PJ_COORD in = proj_coord(place.lon_deg, place.lat_deg, 0, 0);
    enum ww_status st = convert(proj, PJ_INV, in, true, &result, err);
    if (st == WW_OK)
        *out = (struct ww_raw_place){.x = result.xy.x, .y = result.xy.y};
    return st;
}
