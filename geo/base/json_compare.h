/* Compares two JSON values, whatever the order of members and however numbers are written.
 *
 * Calls `each` for every leaf that differs or that only one side has, with its path ("limit.upper",
 * "window[2].value") and both values as JSON text ("" where there is none). Numbers are equal when they are
 * the same double.
 */
#ifndef WW_BASE_JSON_COMPARE_H
#define WW_BASE_JSON_COMPARE_H

#include "geo/base/json_reader.h"

typedef void (*ww_json_difference_cb)(void *arg, const char *path, struct ww_str a, struct ww_str b);
/* Returns how many leaves were compared, those that differ included. */
uint32_t ww_json_compare(const struct ww_json_node *a, const struct ww_json_node *b,
                         ww_json_difference_cb each, void *arg);

#endif
