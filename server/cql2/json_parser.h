/* What parse_json.c and parse_geojson.c share. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_JSON_PARSER_H
#define WW_SERVER_CQL2_JSON_PARSER_H

#include "server/cql2/shape.h"

/* An object with "type" or "bbox". */
struct ww_cql2_node *ww_cql2_read_geojson(struct ww_cql2_builder *b, const struct ww_json_node *object);

#endif
