/* Lines and areas on the tile map: read once, drawn into any tile.
 *
 * A shape keeps its vertices as spots. Drawing takes what touches the tile and its margin, cuts it there, and
 * makes it coarser as the map gets smaller: vertices snap to a grid of half a pixel and those that fall
 * together or on a straight line go. Snapping looks at one vertex at a time, so that neighbours that share a
 * border still share it: no gaps and no overlaps between wards, which simplifying each by itself would make.
 *
 *   st = ww_map_shape_from_wkb(wkb, len, &shape, &err);
 *   ww_mvt_feature(mvt, id, ww_map_shape_type(shape));
 *   ww_map_shape_draw(shape, tile, 64, mvt);
 *   ww_mvt_feature_end(mvt);                       // false: nothing of it is in this tile
 *
 * Areas are cut by Sutherland and Hodgman's method (1974): parts of one ring may stay joined along the
 * margin, where nobody sees them. Pure; drawing allocates scratch only.
 */
#ifndef WW_GEO_TILE_SHAPE_H
#define WW_GEO_TILE_SHAPE_H

#include "geo/tile/mvt.h"
#include "geo/tile/tile_grid.h"

struct ww_map_shape;

/* WKB or EWKB of a (multi)linestring or (multi)polygon, longitude and latitude in degrees; a third and fourth
 * coordinate are passed over. WW_BAD_INPUT says at which byte (`err->offset`). An empty geometry is a shape
 * that draws nothing. */
enum ww_status ww_map_shape_from_wkb(struct ww_str wkb, struct ww_map_shape **out,
                                     struct ww_error *err) WW_MUST_CHECK;
void ww_map_shape_free(struct ww_map_shape *shape); /* NULL is allowed */
enum ww_mvt_type ww_map_shape_type(const struct ww_map_shape *shape);
size_t ww_map_shape_vertices(const struct ww_map_shape *shape);
bool ww_map_shape_equal(const struct ww_map_shape *a, const struct ww_map_shape *b);
/* Whether anything of its box lies in the tile or its margin (4096ths of the side). */
bool ww_map_shape_touches(const struct ww_map_shape *shape, struct ww_tile tile, int32_t margin);
/* The corners of its box; of an empty one north-west lies south-east of south-east. */
void ww_map_shape_box(const struct ww_map_shape *shape, struct ww_spot *north_west,
                      struct ww_spot *south_east);
/* The smallest tile (of at most `max_zoom`) that holds it all: what a change of it changes lies above and
 * below. */
struct ww_tile ww_map_shape_tile(const struct ww_map_shape *shape, int max_zoom);
void ww_map_shape_draw(const struct ww_map_shape *shape, struct ww_tile tile, int32_t margin,
                       struct ww_mvt *mvt);

#endif
