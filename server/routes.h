/* Routes: one table of rows, from which requests are dispatched, rights are checked and the
 * OpenAPI document is made.
 *
 * ww_routes_on_head and ww_routes_on_request are the handlers given to the HTTP server
 * with the app as argument. on_head finds the row, checks method, rights and query
 * parameters before a byte of the body is read.
 *
 * cmd_serve.c builds the app in this order and frees it in the reverse one:
 *
 *   struct ww_pg_options pool = {.conninfo = db, .on_connect = WW_POOL_ON_CONNECT, .prepare = true, …};
 *   app.pool = ww_pg_pool_new(base, &pool, 4);
 *   app.path = ww_path_new(base, &path_options);
 *   app.accounts = ww_accounts_new(base, app.pool);
 *   app.sse = ww_sse_hub_new(base, &(struct ww_sse_options){.conninfo = db, .accounts = app.accounts});
 *   st = ww_static_load("build/…/web", &app.web, &err);        // or leave it NULL: no page
 *   handlers = {.on_head = ww_routes_on_head, .on_request = ww_routes_on_request, .arg = &app};
 *   st = ww_http_server_open(base, host, port, &limits, &handlers, &app.http, &err);
 *
 * The hub listens to ww_catalog too and reloads the accounts. At shutdown call
 * ww_sse_hub_close(app.sse) before ww_http_server_shutdown: open streams end at once.
 */
#ifndef WW_SERVER_ROUTES_H
#define WW_SERVER_ROUTES_H

#include "server/app.h"

/* For the connections of app.pool. Times leave as UTC; and since most parameters of a list are NULL,
 * a plan made for the values at hand is far better than one for all. */
#define WW_POOL_ON_CONNECT "SET timezone = 'UTC'; SET plan_cache_mode = force_custom_plan"

struct ww_route;
#define WW_PATH_ARGS 5 /* {name} parts that a path may have */

/* What a handler is given. Lives in the request's arena. */
struct ww_route_call {
    struct ww_app *app;
    struct ww_http_request *req;
    const struct ww_route *route;
    const struct ww_account *account;     /* NULL: nobody logged in (public and anonymous reads) */
    struct ww_str path_arg[WW_PATH_ARGS]; /* {name} parts of the path, in order */
};

void ww_routes_on_head(void *app, struct ww_http_request *req);
void ww_routes_on_request(void *app, struct ww_http_request *req);

#endif
