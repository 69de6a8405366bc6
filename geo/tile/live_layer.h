/* What the map shows now: a table of rows in memory, each with a place or a shape, drawn into any tile at
 * once.
 *
 * A row has an id of its own, the ward that it belongs to (who may see it), and values by column; a row need
 * not have a value in each column. Texts are kept once a layer. What changed since the last look is told as
 * boxes on the map, so that exactly the tiles that show it can be drawn again.
 *
 *   struct ww_live_layer *layer = ww_live_layer_new(&(struct ww_live_options){.name = WW_STR("thing"),
 * .max_rows = 1000000, .cluster_below = 11, .state = WW_STR("severity")}); uint16_t cod =
 * ww_live_layer_column(layer, WW_STR("cod")); st = ww_live_layer_place(layer, 17, ward_id,
 * ww_spot_of(place)); st = ww_live_layer_set(layer, 17, cod, ww_live_number(589.8)); n =
 * ww_live_layer_changes(layer, &changes);            // told once st = ww_live_layer_draw(layer, tile, &view,
 * mvt, &out); ww_live_layer_free(layer);
 *
 * Below the zoom `cluster_below` points that lie in one square of a sixteenth of the tile's side become one
 * feature with their middle, `count`, the highest value of the column `state` (the worst state wins the
 * colour), and the sum of the column `sum` unless it is 0. A reader's view decides which rows count at all,
 * so that a cluster never tells of another's ward. Points have no margin: map libraries draw a point in the
 * one tile that holds it. One thread.
 */
#ifndef WW_GEO_TILE_LIVE_LAYER_H
#define WW_GEO_TILE_LIVE_LAYER_H

#include "geo/tile/shape.h"

#define WW_LIVE_COLUMNS      512
#define WW_LIVE_SHAPE_MARGIN 64 /* units of a tile that lines and areas reach beyond it */

struct ww_live_layer;

struct ww_live_options {
    struct ww_str name;  /* of the layer in the tile; copied */
    uint32_t max_rows;   /* more are refused */
    int cluster_below;   /* a zoom; 0: points never fall together */
    struct ww_str state; /* column whose highest value a cluster shows; "" = none */
    struct ww_str sum;   /* column of whole numbers that a cluster adds up; "" = none */
};

enum ww_live_type { WW_LIVE_NOTHING, WW_LIVE_TEXT, WW_LIVE_INTEGER, WW_LIVE_NUMBER, WW_LIVE_BOOL };
struct ww_live_value {
    enum ww_live_type type;
    union {
        struct ww_str text;
        int64_t integer;
        double number;
        bool truth;
    };
};
static inline struct ww_live_value ww_live_text(struct ww_str v) {
    return (struct ww_live_value){.type = WW_LIVE_TEXT, .text = v};
}
static inline struct ww_live_value ww_live_integer(int64_t v) {
    return (struct ww_live_value){.type = WW_LIVE_INTEGER, .integer = v};
}
static inline struct ww_live_value ww_live_number(double v) {
    return (struct ww_live_value){.type = WW_LIVE_NUMBER, .number = v};
}
static inline struct ww_live_value ww_live_bool(bool v) {
    return (struct ww_live_value){.type = WW_LIVE_BOOL, .truth = v};
}

/* Which rows a reader sees. */
struct ww_live_view {
    bool all;
    const int32_t *wards; /* ascending */
    size_t n_wards;
};

bool ww_live_view_sees(const struct ww_live_view *view, int32_t ward);
bool ww_live_view_eq(const struct ww_live_view *a, const struct ww_live_view *b);

/* A box on the map, edges within, and whose it is. */
struct ww_live_change {
    struct ww_spot north_west, south_east;
    int32_t ward;
    bool is_point;
};

struct ww_live_layer *ww_live_layer_new(const struct ww_live_options *options); /* NULL: no memory */
void ww_live_layer_free(struct ww_live_layer *layer);
struct ww_str ww_live_layer_name(const struct ww_live_layer *layer);
size_t ww_live_layer_rows(const struct ww_live_layer *layer);
size_t ww_live_layer_bytes(const struct ww_live_layer *layer); /* memory held, roughly */

/* Finds the column or adds it; UINT16_MAX when there are WW_LIVE_COLUMNS or memory is short. */
uint16_t ww_live_layer_column(struct ww_live_layer *layer, struct ww_str name);
uint16_t ww_live_layer_columns(const struct ww_live_layer *layer);
struct ww_str ww_live_layer_column_name(const struct ww_live_layer *layer, uint16_t column);
enum ww_live_type ww_live_layer_column_type(const struct ww_live_layer *layer,
                                            uint16_t column); /* of its last value */

/* Adds a row, or moves it. WW_TOO_LARGE: there are max_rows. */
enum ww_status ww_live_layer_place(struct ww_live_layer *layer, uint64_t id, int32_t ward,
                                   struct ww_spot spot) WW_MUST_CHECK;
/* The same with a shape, which the layer owns from now on, on an error too. The shape that is there is no
 * change. */
enum ww_status ww_live_layer_shape(struct ww_live_layer *layer, uint64_t id, int32_t ward,
                                   struct ww_map_shape *shape) WW_MUST_CHECK;
bool ww_live_layer_has(const struct ww_live_layer *layer, uint64_t id);
int32_t ww_live_layer_ward(const struct ww_live_layer *layer, uint64_t id); /* 0: no such row */
/* A value of type WW_LIVE_NOTHING takes it away. WW_NOT_FOUND: no such row. The value that is there already
 * is no change. */
enum ww_status ww_live_layer_set(struct ww_live_layer *layer, uint64_t id, uint16_t column,
                                 struct ww_live_value value) WW_MUST_CHECK;
struct ww_live_value ww_live_layer_get(const struct ww_live_layer *layer, uint64_t id, uint16_t column);
void ww_live_layer_drop(struct ww_live_layer *layer, uint64_t id);
/* Drops every row that `keep` says no to. */
void ww_live_layer_keep_only(struct ww_live_layer *layer, bool (*keep)(void *arg, uint64_t id), void *arg);

/* West, south, east, north in degrees of all rows; false when there is none. Looks at each. */
bool ww_live_layer_bounds(const struct ww_live_layer *layer, double out[4]);

/* What changed since the last call. Valid until the layer is touched again. */
size_t ww_live_layer_changes(struct ww_live_layer *layer, const struct ww_live_change **changes);

/* Appends the layer as a view sees it; nothing when there is nothing in the tile. */
enum ww_status ww_live_layer_draw(struct ww_live_layer *layer, struct ww_tile tile,
                                  const struct ww_live_view *view, struct ww_mvt *mvt,
                                  struct ww_buf *out) WW_MUST_CHECK;

#endif
