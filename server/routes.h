/* Routes: one table of rows, from which requests are dispatched, rights are checked and the
 * OpenAPI document is made.
 *
 * ww_routes_on_head and ww_routes_on_request are the handlers given to the HTTP server
 * with the app as argument. on_head finds the row, checks method, rights and query
 * parameters before a byte of the body is read.
 */
#ifndef WW_SERVER_ROUTES_H
#define WW_SERVER_ROUTES_H

#include "server/app.h"

struct ww_route_call;

/* What a handler is given. Lives in the request's arena. */
struct ww_route_call {
    struct ww_app *app;
    struct ww_http_request *req;
    const struct ww_route *route;
    const struct ww_account *account; /* NULL: nobody logged in (public and anonymous reads) */
    struct ww_str path_arg[2];        /* {name} parts of the path, in order */
};

void ww_routes_on_head(void *app, struct ww_http_request *req);
void ww_routes_on_request(void *app, struct ww_http_request *req);

#endif
