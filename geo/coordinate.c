/* Converts coordinates of the datums that feeds send: WGS 84, CGCS2000, GCJ-02, BD-09, EPSG.
 *
 * GCJ-02 moves a WGS 84 point by some 500 m: two sums of a polynomial and sines of the
 * distance in degrees from 105 E, 35 N give an offset in metres, and the ellipsoid of
 * Krassowsky (a = 6378245) turns that into degrees. BD-09 turns and stretches GCJ-02 a
 * little in polar coordinates and adds a constant. There is no official text; these are the
 * constants of all public implementations (googollee/eviltransform, wandergis/coordtransform,
 * hujiulong/gcoord), and tests/data/coordinate.cases holds their vectors.
 *
 * The way back has no closed form. The usual short-cut, subtracting the offset of the target
 * itself, is wrong by up to 5 m in China. The offset changes by less than 1 % over its own
 * length, so p ← p − (f(p) − target) gains two digits a round and is exact in under ten.
 *
 * The published implementations leave points outside a box around China as they are. Here
 * such points are refused instead: a formula that is switched off at a line tears the map.
 */
#include "geo/coordinate.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/proj_glue.h"

enum datum_kind { DATUM_PLAIN, DATUM_GCJ02, DATUM_BD09, DATUM_EPSG };

struct ww_datum {
    enum datum_kind kind;
    char name[16];
    struct ww_proj *proj; /* DATUM_EPSG only; owned */
};

/* Names without hyphen, underscore and blank; EPSG codes that mean the same without PROJ. */
static const struct {
    const char *key;
    const char *name;
    enum datum_kind kind;
} datum_names[] = {
    {"WGS84", "WGS84", DATUM_PLAIN},       {"EPSG:4326", "WGS84", DATUM_PLAIN},
    {"CRS84", "WGS84", DATUM_PLAIN},       {"OGC:CRS84", "WGS84", DATUM_PLAIN},
    {"CGCS2000", "CGCS2000", DATUM_PLAIN}, {"EPSG:4490", "CGCS2000", DATUM_PLAIN},
    {"GCJ02", "GCJ-02", DATUM_GCJ02},      {"BD09", "BD-09", DATUM_BD09},
};

/* China with a generous margin (its own box is 73.5-135.1 E, 3.8-53.6 N). */
static const double china_west = 70, china_east = 140, china_south = 0, china_north = 57;

static const double deg = M_PI / 180;

/* ---- The formulas ---- */

static struct ww_place gcj02_offset(struct ww_place p) {
    const double a = 6378245.0;
    const double e2 = 0.00669342162296594323;
    double x = p.lon_deg - 105;
    double y = p.lat_deg - 35;
    double both = 20 * sin(6 * M_PI * x) + 20 * sin(2 * M_PI * x);
    double north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x));
    north_m += (both + 20 * sin(M_PI * y) + 40 * sin(M_PI * y / 3) + 160 * sin(M_PI * y / 12) +
                320 * sin(M_PI * y / 30)) *
               2 / 3;
    double east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x));
    east_m += (both + 20 * sin(M_PI * x) + 40 * sin(M_PI * x / 3) + 150 * sin(M_PI * x / 12) +
               300 * sin(M_PI * x / 30)) *
              2 / 3;
    double sin_lat = sin(p.lat_deg * deg);
    double m = 1 - e2 * sin_lat * sin_lat;
    double meridian_radius_m = a * (1 - e2) / (m * sqrt(m));
    double parallel_radius_m = a / sqrt(m) * cos(p.lat_deg * deg);
    return (struct ww_place){.lon_deg = east_m / (parallel_radius_m * deg),
                             .lat_deg = north_m / (meridian_radius_m * deg)};
}

struct ww_place ww_wgs84_to_gcj02(struct ww_place wgs84) {
    struct ww_place offset = gcj02_offset(wgs84);
    return (struct ww_place){.lon_deg = wgs84.lon_deg + offset.lon_deg,
                             .lat_deg = wgs84.lat_deg + offset.lat_deg};
}

struct ww_place ww_gcj02_to_bd09(struct ww_place gcj02) {
    const double k = 3000 * deg;
    double x = gcj02.lon_deg;
    double y = gcj02.lat_deg;
    double radius = hypot(x, y) + 0.00002 * sin(k * y);
    double angle = atan2(y, x) + 0.000003 * cos(k * x);
    return (struct ww_place){.lon_deg = radius * cos(angle) + 0.0065, .lat_deg = radius * sin(angle) + 0.006};
}

/* The p with forward(p) = target. Rounds are limited because far outside China the offset
 * may change faster than itself. */
static struct ww_place invert(struct ww_place (*forward)(struct ww_place), struct ww_place target) {
    const double step_limit_deg = 1e-12;
    struct ww_place p = target;
    for (int round = 0; round < 30; round++) {
        struct ww_place image = forward(p);
        double step_lon = image.lon_deg - target.lon_deg;
        double step_lat = image.lat_deg - target.lat_deg;
        p.lon_deg -= step_lon;
        p.lat_deg -= step_lat;
        if (fabs(step_lon) < step_limit_deg && fabs(step_lat) < step_limit_deg)
            break;
    }
    return p;
}

struct ww_place ww_gcj02_to_wgs84(struct ww_place gcj02) {
    return invert(ww_wgs84_to_gcj02, gcj02);
}

struct ww_place ww_bd09_to_gcj02(struct ww_place bd09) {
    return invert(ww_gcj02_to_bd09, bd09);
}

/* ---- Names ---- */

static bool squeeze_name(struct ww_str name, char *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '-' || c == '_' || c == ' ')
            continue;
        if (n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static enum ww_status open_named(struct ww_datum *datum, struct ww_str key, struct ww_error *err) {
    for (size_t i = 0; i < sizeof datum_names / sizeof *datum_names; i++) {
        if (!ww_str_eq_nocase(key, ww_str_of(datum_names[i].key)))
            continue;
        datum->kind = datum_names[i].kind;
        snprintf(datum->name, sizeof datum->name, "%s", datum_names[i].name);
        return WW_OK;
    }
    uint64_t epsg = 0;
    struct ww_str prefix = {key.ptr, key.len < 5 ? key.len : 5};
    struct ww_str digits = {key.ptr + prefix.len, key.len - prefix.len};
    if (!ww_str_eq_nocase(prefix, WW_STR("EPSG:")) || !ww_str_to_u64(digits, &epsg) || epsg == 0 ||
        epsg > 999999)
        return ww_error_set(err, WW_NOT_FOUND,
                            "no such datum: use WGS84, CGCS2000, GCJ-02, BD-09 or EPSG:number");
    datum->kind = DATUM_EPSG;
    snprintf(datum->name, sizeof datum->name, "EPSG:%u", (unsigned)epsg);
    return ww_proj_open((uint32_t)epsg, &datum->proj, err);
}

enum ww_status ww_datum_open(struct ww_str name, struct ww_datum **out, struct ww_error *err) {
    *out = NULL;
    struct ww_datum *datum = ww_try_calloc(1, sizeof *datum);
    if (!datum)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a datum");
    char key[32];
    enum ww_status st = WW_OK;
    if (squeeze_name(ww_str_trim(name), key, sizeof key))
        st = open_named(datum, ww_str_of(key), err);
    else
        st = ww_error_set(err, WW_NOT_FOUND, "no such datum: the name is too long");
    if (st != WW_OK) {
        if (err)
            ww_error_at_field(err, WW_STR("datum"), name);
        ww_datum_close(datum);
        return st;
    }
    *out = datum;
    return WW_OK;
}

void ww_datum_close(struct ww_datum *datum) {
    if (!datum)
        return;
    ww_proj_close(datum->proj);
    ww_free(datum);
}

const char *ww_datum_name(const struct ww_datum *datum) {
    return datum->name;
}

/* ---- Converting ---- */

static enum ww_status check_range(const char *what, const char *field, double v, double low, double high,
                                  struct ww_error *err) {
    if (v >= low && v <= high)
        return WW_OK;
    enum ww_status st =
        isfinite(v) ? ww_error_set(err, WW_BAD_INPUT, "%s %.10g is outside %g … %g", what, v, low, high)
                    : ww_error_set(err, WW_BAD_INPUT, "%s is not a finite number", what);
    char text[32];
    snprintf(text, sizeof text, "%.10g", v);
    if (err)
        ww_error_at_field(err, ww_str_of(field), ww_str_of(text));
    return st;
}

static enum ww_status check_lon_lat(double lon, double lat, struct ww_error *err) {
    enum ww_status st = check_range("longitude", "lon", lon, -180, 180, err);
    return st == WW_OK ? check_range("latitude", "lat", lat, -90, 90, err) : st;
}

static enum ww_status check_china(const struct ww_datum *datum, double lon, double lat,
                                  struct ww_error *err) {
    enum ww_status st = check_lon_lat(lon, lat, err);
    if (st != WW_OK || (lon >= china_west && lon <= china_east && lat >= china_south && lat <= china_north))
        return st;
    st = ww_error_set(err, WW_BAD_INPUT, "%.10g, %.10g is outside China, where %s is not defined", lon, lat,
                      datum->name);
    if (err)
        ww_error_at_field(err, WW_STR("lon"), WW_STR_NONE);
    return st;
}

static enum ww_status check_finite(double x, double y, struct ww_error *err) {
    enum ww_status st = check_range("easting", "x", x, -1e9, 1e9, err);
    return st == WW_OK ? check_range("northing", "y", y, -1e9, 1e9, err) : st;
}

enum ww_status ww_datum_to_place(struct ww_datum *datum, struct ww_raw_place raw, struct ww_place *out,
                                 struct ww_error *err) {
    struct ww_place p = {.lon_deg = raw.x, .lat_deg = raw.y};
    enum ww_status st = WW_OK;
    switch (datum->kind) {
    case DATUM_PLAIN:
        st = check_lon_lat(raw.x, raw.y, err);
        break;
    case DATUM_GCJ02:
        st = check_china(datum, raw.x, raw.y, err);
        if (st == WW_OK)
            p = ww_gcj02_to_wgs84(p);
        break;
    case DATUM_BD09:
        st = check_china(datum, raw.x, raw.y, err);
        if (st == WW_OK)
            p = ww_gcj02_to_wgs84(ww_bd09_to_gcj02(p));
        break;
    case DATUM_EPSG:
        st = ww_proj_is_geographic(datum->proj) ? check_lon_lat(raw.x, raw.y, err)
                                                : check_finite(raw.x, raw.y, err);
        if (st == WW_OK)
            st = ww_proj_to_place(datum->proj, raw, &p, err);
        if (st == WW_OK)
            st = check_lon_lat(p.lon_deg, p.lat_deg, err);
        break;
    }
    if (st == WW_OK)
        *out = p;
    return st;
}

enum ww_status ww_datum_from_place(struct ww_datum *datum, struct ww_place place, struct ww_raw_place *out,
                                   struct ww_error *err) {
    bool china = datum->kind == DATUM_GCJ02 || datum->kind == DATUM_BD09;
    enum ww_status st = china ? check_china(datum, place.lon_deg, place.lat_deg, err)
                              : check_lon_lat(place.lon_deg, place.lat_deg, err);
    if (st != WW_OK)
        return st;
    if (datum->kind == DATUM_EPSG)
        return ww_proj_from_place(datum->proj, place, out, err);
    if (china)
        place = ww_wgs84_to_gcj02(place);
    if (datum->kind == DATUM_BD09)
        place = ww_gcj02_to_bd09(place);
    *out = (struct ww_raw_place){.x = place.lon_deg, .y = place.lat_deg};
    return WW_OK;
}
