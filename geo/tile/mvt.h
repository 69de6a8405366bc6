/* Writes a vector tile (Mapbox Vector Tile 2.1): layers of features with ids, tags and whole-number geometry.
 *
 * One writer is used for tile after tile; it keeps its memory. Keys are named once a layer, text values are
 * kept once a layer, whatever number of features has them. Coordinates are tile units: 0 to WW_MVT_EXTENT
 * from the north-west corner to the east and to the south; a margin around it is allowed. Cursor arithmetic
 * and winding are ours: give positions.
 *
 *   struct ww_mvt *mvt = ww_mvt_new();
 *   ww_mvt_layer(mvt, WW_STR("thing"));
 *   uint32_t name = ww_mvt_key(mvt, WW_STR("name"));
 *   ww_mvt_feature(mvt, 17, WW_MVT_POINT);
 *   ww_mvt_tag_text(mvt, name, WW_STR("H01"));
 *   ww_mvt_position(mvt, 2048, 100);
 *   ww_mvt_feature_end(mvt);
 *   ww_mvt_layer_end(mvt, &out);             // appends the layer; an empty one adds nothing
 *   ww_mvt_free(mvt);
 *
 * A line is ww_mvt_position … then ww_mvt_line_end; a ring likewise with ww_mvt_ring_end(mvt, outer): it is
 * closed by itself, turned the way the specification wants, and left out when it has no area. A feature
 * without geometry is left out. Memory runs short: the feature is dropped and ww_mvt_layer_end says
 * WW_NO_MEMORY. One thread a writer.
 *
 * Source: Mapbox Vector Tile Specification 2.1, chapters 4.1 to 4.4.
 */
#ifndef WW_GEO_TILE_MVT_H
#define WW_GEO_TILE_MVT_H

#include <stdbool.h>

#include "geo/base/buf.h"

#define WW_MVT_EXTENT 4096

enum ww_mvt_type { WW_MVT_POINT = 1, WW_MVT_LINE = 2, WW_MVT_POLYGON = 3 };

struct ww_mvt;

struct ww_mvt *ww_mvt_new(void); /* NULL: no memory */
void ww_mvt_free(struct ww_mvt *mvt);

void ww_mvt_layer(struct ww_mvt *mvt, struct ww_str name);
uint32_t ww_mvt_key(struct ww_mvt *mvt, struct ww_str name); /* each name once a layer */
enum ww_status ww_mvt_layer_end(struct ww_mvt *mvt, struct ww_buf *out) WW_MUST_CHECK;

void ww_mvt_feature(struct ww_mvt *mvt, uint64_t id, enum ww_mvt_type type);
/* For callers that know their texts apart: adds a value without looking for it and gives its number, which
 * ww_mvt_tag gives to as many features as have it. */
uint32_t ww_mvt_new_text(struct ww_mvt *mvt, struct ww_str text);
void ww_mvt_tag(struct ww_mvt *mvt, uint32_t key, uint32_t value);
/* The value is looked for and added. A text must live until the layer's end. Numbers with a fraction are not
 * looked for: hardly two are equal. */
void ww_mvt_tag_text(struct ww_mvt *mvt, uint32_t key, struct ww_str text);
void ww_mvt_tag_i64(struct ww_mvt *mvt, uint32_t key, int64_t value);
void ww_mvt_tag_double(struct ww_mvt *mvt, uint32_t key, double value);
void ww_mvt_tag_bool(struct ww_mvt *mvt, uint32_t key, bool value);
void ww_mvt_position(struct ww_mvt *mvt, int32_t x, int32_t y);
void ww_mvt_line_end(struct ww_mvt *mvt);
/* Whether it was drawn: false when it has no area. */
bool ww_mvt_ring_end(struct ww_mvt *mvt, bool outer);
/* Whether it came into the layer. */
bool ww_mvt_feature_end(struct ww_mvt *mvt);

#endif
