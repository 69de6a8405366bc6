/* The running server: what routes, streams and the ingest path share.
 *
 * Made once by cmd_serve.c, passed to every route as its argument. One thread: everything
 * happens on the event loop.
 */
#ifndef WW_SERVER_APP_H
#define WW_SERVER_APP_H

#include <event2/event.h>

#include "geo/base/status.h"
#include "server/http/http.h"
#include "sql/pg.h"

struct ww_path;      /* ingest/path.h: decode → locate → judge → commit */
struct ww_accounts;  /* server/accounts.h: tokens and who they belong to */
struct ww_sse_hub;   /* server/sse_hub.h */
struct ww_static;    /* server/static_files.h */
struct ww_doors;     /* server/device_doors.h */
struct ww_backtests; /* server/backtests.h */
struct ww_ogc;       /* server/ogc/ogc.h: layers under /ogc/ */
struct ww_tiles;     /* server/tiles/tiles.h */

struct ww_app {
    struct event_base *base;
    struct ww_pg_pool *pool; /* for requests that read */
    struct ww_http_server *http;
    struct ww_path *path;
    struct ww_accounts *accounts;
    struct ww_sse_hub *sse;
    struct ww_static *web;
    struct ww_doors *doors; /* for devices */
    struct ww_backtests *backtests;
    struct ww_ogc *ogc;
    struct ww_tiles *tiles; /* vector tiles of what is live */
    bool anonymous_read;
    int64_t started_us;
};

#endif
