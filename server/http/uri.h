/* Turns a request target into a path and parameters that the application may trust. */
#ifndef WW_SERVER_HTTP_URI_H
#define WW_SERVER_HTTP_URI_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

#define WW_HTTP_MAX_PARAMS 100

struct ww_http_query_param {
    struct ww_str name, value;
};

struct ww_http_uri {
    struct ww_str path; /* decoded, NUL-terminated */
    struct ww_http_query_param *params;
    int param_count;
};

/* Accepts origin-form ("/a?b") and absolute-form ("http://HOST/a?b", HOST as in the Host header). */
enum ww_status ww_http_uri_parse(struct ww_arena *arena, struct ww_str target, struct ww_str host,
                                 struct ww_http_uri *out, struct ww_error *err) WW_MUST_CHECK;

#endif
