/* Reads the parameter bbox (Part 1, 7.15.3; Part 2, bbox-crs). Pure.
 *
 * Four numbers, or six with heights, which are not looked at: the layers are flat. The numbers stand in the
 * axis order of their system. In degrees west may be greater than east: then the box crosses the antimeridian
 * and is two boxes. What lies beyond the world is cut off; a box that lies wholly beyond it is no mistake but
 * holds nothing (a program without axis order sends longitude for latitude).
 */
#include <math.h>

#include "server/ogc/request.h"

static enum ww_status bad(struct ww_str text, const char *why, struct ww_error *err) {
    ww_error_set(err, WW_BAD_INPUT, "bbox %s; it is four numbers, or six, with commas: west,south,east,north",
                 why);
    ww_error_at_field(err, WW_STR("bbox"), text);
    return WW_BAD_INPUT;
}

/* How many numbers; 0 when one of them is none, 7 when there are more than six. */
static int read_numbers(struct ww_str text, double out[6]) {
    int n = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ',')
            continue;
        struct ww_str one = ww_str_trim((struct ww_str){text.ptr + start, i - start});
        if (one.len && one.ptr[0] == '+')
            one = (struct ww_str){one.ptr + 1, one.len - 1};
        if (n == 6)
            return 7;
        if (!ww_str_to_double(one, &out[n++]))
            return 0;
        start = i + 1;
    }
    return n;
}

static void add_box(struct ogc_request *out, double west, double south, double east, double north) {
    double *box = out->boxes[out->n_boxes++];
    box[0] = west;
    box[1] = south;
    box[2] = east;
    box[3] = north;
}

/* Longitudes may be written beyond ±180 by who crosses the antimeridian the other way. */
static void add_degrees(struct ogc_request *out, double west, double south, double east, double north) {
    south = fmax(south, -90);
    north = fmin(north, 90);
    if (south > north)
        return;
    if (west <= east && (east < -540 || west > 540))
        return;
    if (west <= east && east - west >= 360) {
        add_box(out, -180, south, 180, north);
        return;
    }
    if (west <= east && (west > 180 || east < -180)) { /* wholly on another turn */
        double turn = west > 180 ? -360 : 360;
        west += turn;
        east += turn;
    }
    if (west > east) { /* over the antimeridian */
        if (west <= 180)
            add_box(out, fmax(west, -180), south, 180, north);
        if (east >= -180)
            add_box(out, -180, south, fmin(east, 180), north);
    } else if (east > 180) {
        add_box(out, west, south, 180, north);
        add_box(out, -180, south, east - 360, north);
    } else if (west < -180) {
        add_box(out, west + 360, south, 180, north);
        add_box(out, -180, south, east, north);
    } else {
        add_box(out, west, south, east, north);
    }
}

enum ww_status ogc_box_read(struct ww_str text, bool north_first, bool geographic, struct ogc_request *out,
                            struct ww_error *err) {
    double v[6];
    int n = read_numbers(text, v);
    if (n != 4 && n != 6)
        return bad(text, n == 0 ? "holds something that is no number" : "has another number of numbers", err);
    int half = n / 2;
    double west = v[0];
    double south = v[1];
    double east = v[half];
    double north = v[half + 1];
    if (north_first) {
        west = v[1];
        south = v[0];
        east = v[half + 1];
        north = v[half];
    }
    if (south > north)
        return bad(text, "has its south above its north", err);
    if (n == 6 && v[2] > v[5])
        return bad(text, "has its lower height above its upper one", err);
    if (!geographic && west > east)
        return bad(text, "has its west east of its east", err);
    out->has_box = true;
    out->n_boxes = 0;
    if (geographic)
        add_degrees(out, west, south, east, north);
    else
        add_box(out, west, south, east, north);
    return WW_OK;
}
