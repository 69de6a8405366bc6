/* What the answer of a pulled endpoint says about the pages after it: pure, from bytes of outside.
 *
 *   struct ww_buf next;                                        // {"value":[…],"@iot.nextLink":"…?$skip=100"}
 *   st = ww_pull_member(body, WW_STR("@iot.nextLink"), &next, &err);      // "" when there is none
 */
#ifndef WW_GATEWAY_PULL_PAGE_H
#define WW_GATEWAY_PULL_PAGE_H

#include "geo/base/buf.h"
#include "ingest/decode/feed_config.h"

/* The text of the string or number at a dotted path, appended to `out`; nothing when it is absent, null, or
 * neither. Of an array of links, [{"rel":"self","href":"…"},{"rel":"next","href":"…"}] (OGC APIs, STAC), the
 * "href" of the first next. A member whose own name holds dots comes before a path of several. WW_BAD_INPUT:
 * no JSON up to there, or a text with control characters. */
enum ww_status ww_pull_member(struct ww_str json, struct ww_str path, struct ww_buf *out,
                              struct ww_error *err) WW_MUST_CHECK;
/* The target of the first link with rel="next" in a Link header (RFC 8288; several headers joined by commas);
 * a view. False: there is none. */
bool ww_pull_link_next(struct ww_str header, struct ww_str *target);
/* How many records a page holds, for endpoints that are asked for pages until one is short. `records` is the
 * dotted path of a JSON array, "" = the root, or the usual member of its format. -1 = it can't be told. */
int64_t ww_pull_count_records(enum ww_format format, struct ww_str records, struct ww_str body);

#endif
