/* Addresses of pages: joined, with parameters, kept within the origin that the feed names (RFC 3986). */
#ifndef WW_GATEWAY_PULL_URL_H
#define WW_GATEWAY_PULL_URL_H

#include "geo/base/buf.h"

/* `reference` as seen from `base`, into `out` (which it replaces). WW_BAD_INPUT: no address, or not http(s).
 */
enum ww_status ww_pull_url_join(const char *base, struct ww_str reference, struct ww_buf *out,
                                struct ww_error *err) WW_MUST_CHECK;
/* Adds name=value, encoded, behind what the query of the address in `url` has already. */
enum ww_status ww_pull_url_add(struct ww_buf *url, struct ww_str name, struct ww_str value,
                               struct ww_error *err) WW_MUST_CHECK;
/* What is sent to `home` may be sent to `other` too: same scheme, host and port, or the same host with TLS
 * instead of none. */
bool ww_pull_url_is_home(const char *home, const char *other);
bool ww_pull_url_is_tls(const char *url);

#endif
