/* Places to spots, spots to tiles, tiles to ranges of Morton keys. */
#include "geo/tile/tile_grid.h"

#include <assert.h>
#include <math.h>

#define SIDE 4294967296.0 /* spots to a side: 2^32 */

static uint32_t whole(double part) {
    const double at = floor(part * SIDE);
    return at <= 0 ? 0 : at >= SIDE - 1 ? UINT32_MAX : (uint32_t)at;
}

struct ww_spot ww_spot_of(struct ww_place place) {
    const double lat_deg = fmin(fmax(place.lat_deg, -WW_TILE_MAX_LAT), WW_TILE_MAX_LAT);
    const double lat = lat_deg * (M_PI / 180);
    assert(isfinite(place.lon_deg) && isfinite(place.lat_deg));
    return (struct ww_spot){whole((place.lon_deg + 180) / 360), whole((1 - asinh(tan(lat)) / M_PI) / 2)};
}

static struct ww_place place_at(double x, double y) {
    return (struct ww_place){x * 360 - 180, atan(sinh(M_PI * (1 - 2 * y))) * (180 / M_PI)};
}

/* The middle of the spot, so that a place and its spot's place lie at most half a spot apart each way. */
struct ww_place ww_spot_place(struct ww_spot spot) {
    return place_at((spot.x + 0.5) / SIDE, (spot.y + 0.5) / SIDE);
}

static enum ww_status parse_number(struct ww_str text, const char *name, uint64_t end, uint64_t *out,
                                   struct ww_error *err) {
    enum ww_status st = WW_OK;
    if (!ww_str_to_u64(text, out))
        st = ww_error_set(err, WW_BAD_INPUT, "a tile is named by three whole numbers: zoom/column/row.mvt");
    else if (*out >= end)
        st = ww_error_set(err, WW_NOT_FOUND, "there is no such tile: %s is 0 to %llu", name,
                          (unsigned long long)end - 1);
    if (st != WW_OK)
        ww_error_at_field(err, ww_str_of(name), text);
    return st;
}

enum ww_status ww_tile_parse(struct ww_str zoom, struct ww_str x, struct ww_str y, int max_zoom,
                             struct ww_tile *out, struct ww_error *err) {
    uint64_t z, column, row;
    if (ww_str_ends(y, WW_STR(".mvt")) || ww_str_ends(y, WW_STR(".pbf")))
        y.len -= 4;
    enum ww_status st = parse_number(zoom, "z", (uint64_t)max_zoom + 1, &z, err);
    if (st == WW_OK)
        st = parse_number(x, "x", UINT64_C(1) << z, &column, err);
    if (st == WW_OK)
        st = parse_number(y, "y", UINT64_C(1) << z, &row, err);
    if (st == WW_OK)
        *out = (struct ww_tile){(uint32_t)column, (uint32_t)row, (uint8_t)z};
    return st;
}

struct ww_tile ww_tile_of(struct ww_spot spot, int zoom) {
    assert(zoom >= 0 && zoom <= WW_TILE_MAX_ZOOM);
    if (zoom == 0) /* a shift by all 32 bits is not defined */
        return (struct ww_tile){0, 0, 0};
    return (struct ww_tile){spot.x >> (32 - zoom), spot.y >> (32 - zoom), (uint8_t)zoom};
}

struct ww_tile ww_tile_above(struct ww_tile tile, int levels) {
    const int up = levels < tile.zoom ? levels : tile.zoom;
    return (struct ww_tile){tile.x >> up, tile.y >> up, (uint8_t)(tile.zoom - up)};
}

void ww_tile_bounds(struct ww_tile tile, double out[4]) {
    const double side = (double)((uint32_t)1 << tile.zoom);
    const struct ww_place north_west = place_at(tile.x / side, tile.y / side);
    const struct ww_place south_east = place_at((tile.x + 1) / side, (tile.y + 1) / side);
    out[0] = north_west.lon_deg, out[1] = south_east.lat_deg;
    out[2] = south_east.lon_deg, out[3] = north_west.lat_deg;
}

/* `wrapped`: what is nearer round the back of the world is told as if it lay there. */
static int32_t units(uint32_t tile, uint32_t spot, int zoom, bool wrapped) {
    const int shift = 20 - zoom; /* a tile's side is 2^(32 - zoom) spots, 4096 units are 2^12 */
    int64_t d = (int64_t)spot - ((int64_t)tile << (32 - zoom));
    if (wrapped && zoom > 0) {
        const int64_t half = (int64_t)1 << 31;
        const int64_t middle = d - ((int64_t)1 << (31 - zoom));
        d -= middle >= half ? 2 * half : middle < -half ? -2 * half : 0;
    }
    d = shift >= 0 ? d >> shift : d * ((int64_t)1 << -shift);
    return d > INT32_MAX ? INT32_MAX : d < INT32_MIN ? INT32_MIN : (int32_t)d;
}

void ww_tile_units(struct ww_tile tile, struct ww_spot spot, int32_t *x, int32_t *y) {
    *x = units(tile.x, spot.x, tile.zoom, true);
    *y = units(tile.y, spot.y, tile.zoom, false);
}

/* Puts a zero between the bits of a number: by halves, quarters, … (Morton 1966). */
static uint64_t spread(uint32_t bits) {
    uint64_t v = bits;
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v << 2) & 0x3333333333333333u;
    return (v | v << 1) & 0x5555555555555555u;
}

uint64_t ww_spot_key(struct ww_spot spot) {
    return spread(spot.y) << 1 | spread(spot.x);
}

/* The other way: every second bit, by halves. */
static uint32_t gather(uint64_t v) {
    v &= 0x5555555555555555u;
    v = (v | v >> 1) & 0x3333333333333333u;
    v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
    v = (v | v >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(v | v >> 16);
}

struct ww_spot ww_spot_of_key(uint64_t key) {
    return (struct ww_spot){gather(key), gather(key >> 1)};
}

void ww_tile_keys(struct ww_tile tile, uint64_t *first, uint64_t *last) {
    const uint64_t number = spread(tile.y) << 1 | spread(tile.x);
    if (tile.zoom == 0) {
        *first = 0, *last = UINT64_MAX;
        return;
    }
    *first = number << (64 - 2 * tile.zoom);
    *last = *first | (UINT64_MAX >> (2 * tile.zoom));
}

/* The tiles of all lower zooms come before: 1 + 4 + 16 + … = (4^zoom - 1) / 3 of them. */
uint64_t ww_tile_number(struct ww_tile tile) {
    const uint64_t before = (((uint64_t)1 << (2 * tile.zoom)) - 1) / 3;
    return before + (spread(tile.y) << 1 | spread(tile.x));
}
