/* What parse_json.c and parse_geojson.c share. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_JSON_PARSER_H
#define WW_SERVER_CQL2_JSON_PARSER_H

#include "geo/base/json_reader.h"
#include "server/cql2/shape.h"

/* Lengthens the JSON pointer by a member or an element; give the result to ww_cql2_ascend. A pointer that
 * grows too long is cut. */
size_t ww_cql2_descend(struct ww_cql2_builder *b, const char *member);
size_t ww_cql2_descend_to(struct ww_cql2_builder *b, size_t element);
void ww_cql2_ascend(struct ww_cql2_builder *b, size_t before);

/* An object with "type" or "bbox". */
struct ww_cql2_node *ww_cql2_read_geojson(struct ww_cql2_builder *b, const struct ww_json_node *object);

#endif
