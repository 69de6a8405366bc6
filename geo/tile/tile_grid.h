/* The grid of map tiles: places on the square world map, and which tile they lie in.
 *
 * Web Mercator (EPSG:3857) cut into 2^zoom × 2^zoom tiles, x from 180° west to the east, y from 85.0511°
 * north to the south: the scheme "XYZ" of map libraries, WebMercatorQuad of OGC 17-083r4. A *spot* is a place
 * on that map in whole numbers, 2^32 to a side (9 mm at the equator): exact to compare, and its tile at any
 * zoom is a shift.
 *
 *   struct ww_spot spot = ww_spot_of(place);
 *   struct ww_tile tile = ww_tile_of(spot, 14);
 *
 * A spot's *key* interleaves the bits of y and x (Morton order), so that what lies in one tile, at any zoom,
 * is one range of keys: ww_tile_keys. Pure; nothing is allocated.
 */
#ifndef WW_GEO_TILE_GRID_H
#define WW_GEO_TILE_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "geo/base/status.h"
#include "geo/place.h"

#define WW_TILE_MAX_ZOOM 22
#define WW_TILE_MAX_LAT  85.051128779806592 /* atan(sinh(pi)): where the square ends */

struct ww_spot {
    uint32_t x, y;
};
struct ww_tile {
    uint32_t x, y;
    uint8_t zoom;
};

/* Places beyond the square's ends in latitude come to lie on its edge. The place must be finite. */
struct ww_spot ww_spot_of(struct ww_place place);
struct ww_place ww_spot_place(struct ww_spot spot);

/* As paths write it: zoom "14" (at most `max_zoom`), x "13040", y "6789", "6789.mvt" or "6789.pbf".
 * WW_BAD_INPUT: no whole number; WW_NOT_FOUND: no such tile; the error's field is "z", "x" or "y". */
enum ww_status ww_tile_parse(struct ww_str zoom, struct ww_str x, struct ww_str y, int max_zoom,
                             struct ww_tile *out, struct ww_error *err) WW_MUST_CHECK;
struct ww_tile ww_tile_of(struct ww_spot spot, int zoom);
/* The one that holds it, `levels` up (or the world's). */
struct ww_tile ww_tile_above(struct ww_tile tile, int levels);
/* West, south, east, north in degrees. */
void ww_tile_bounds(struct ww_tile tile, double out[4]);

/* Where a spot lies in a tile, in 4096ths of its side from the north-west corner, to the east and south;
 * outside it is below 0 or above 4095. East of the antimeridian and west of it are neighbours. */
void ww_tile_units(struct ww_tile tile, struct ww_spot spot, int32_t *x, int32_t *y);

uint64_t ww_spot_key(struct ww_spot spot);
struct ww_spot ww_spot_of_key(uint64_t key);
/* Keys of a tile: from *first to *last, both within. */
void ww_tile_keys(struct ww_tile tile, uint64_t *first, uint64_t *last);
/* One number for a tile of any zoom, for tables: no two tiles share it. */
uint64_t ww_tile_number(struct ww_tile tile);

#endif
