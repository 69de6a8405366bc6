/* Reads a GeoJSON FeatureCollection feature by feature, for `wardwatch load`. */
#ifndef WW_SERVER_GEOJSON_FILE_H
#define WW_SERVER_GEOJSON_FILE_H

#include "geo/base/json_reader.h"

struct ww_feature {
    uint64_t number;                       /* from 1 */
    const struct ww_json_node *properties; /* an object, or NULL */
    struct ww_str geometry;                /* the geometry's JSON text; len 0 when null */
};

/* Calls `each` for every feature; stops at its first error. The feature and `arena`, which it may
 * use, live for that call. Errors name line and column, or the feature's number. */
enum ww_status ww_geojson_each(struct ww_str text,
                               enum ww_status (*each)(void *arg, const struct ww_feature *feature,
                                                      struct ww_arena *arena, struct ww_error *err),
                               void *arg, struct ww_error *err) WW_MUST_CHECK;

#endif
