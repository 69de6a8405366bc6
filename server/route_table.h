/* What a row of the route table says, and the handlers that rows point at.
 *
 * A row is all there is to a route: how it is matched, who may use it, which parameters it
 * takes, what it runs, how it reads in the OpenAPI document. Adding one is adding a row.
 */
#ifndef WW_SERVER_ROUTE_TABLE_H
#define WW_SERVER_ROUTE_TABLE_H

#include "server/accounts.h"
#include "server/routes.h"

enum ww_param_type {
    WW_PARAM_TEXT,    /* at most 256 bytes */
    WW_PARAM_ID,      /* a whole number from 0 */
    WW_PARAM_INSTANT, /* RFC 3339; UTC when it has no offset */
    WW_PARAM_WORD,    /* one of `words` */
    WW_PARAM_FILTER,  /* text of any length that a head can hold: a filter in CQL2 */
    WW_PARAM_WIDTH,   /* an ISO 8601 duration of one unit: PT15M, P1D */
    WW_PARAM_ZONE     /* a name of the zones' table: Asia/Shanghai, UTC */
};

enum ww_param_in {
    WW_IN_QUERY,
    WW_IN_PATH,   /* the next {name} of the path */
    WW_IN_NOTHING /* a parameter of the query file that this route leaves NULL */
};

struct ww_param {
    const char *name; /* NULL ends a list */
    enum ww_param_type type;
    enum ww_param_in in;
    bool required;
    const char *words; /* "open|cleared" */
    const char *about_en;
    const char *about_zh;
};

/* So many of its own parameters a list or an object may have. */
enum { WW_ROUTE_MOST_FILTERS = 16 };

/* Bits of `roles` and `flags`. */
#define WW_MAY(role)       (1u << (role))
#define WW_ROUTE_PUBLIC    1u  /* no token asked for or looked at, except by the handler itself */
#define WW_ROUTE_ANONYMOUS 2u  /* nobody may read it too, when the server was started so */
#define WW_ROUTE_ALL_WARDS 4u  /* what it shows has no ward: only for accounts over all wards */
#define WW_ROUTE_LIST      8u  /* takes limit and after, answers {"items","next"} */
#define WW_ROUTE_GEOJSON   16u /* takes format=geojson */
#define WW_ROUTE_RAW       32u /* the query's fourth column is bytes: the member "raw" */
#define WW_ROUTE_EVENTS    64u /* answers text/event-stream */
#define WW_ROUTE_OGC                                                                                         \
    128u /* checks its own parameters, answers OPTIONS, may be cached with a check, takes Basic */
#define WW_ROUTE_CHECKED 256u /* its answer has an ETag: may be cached with a check */
#define WW_ROUTE_CSV     512u /* takes format=csv */

struct ww_route {
    enum ww_http_method method;
    const char *path; /* "/api/v1/alerts/{id}" */
    unsigned roles, flags;
    const struct ww_param *params; /* in the order of the query's $5, $6 … */
    void (*handle)(struct ww_route_call *call);
    const char *query;      /* file in sql/queries/ */
    const char *query_desc; /* for order=desc; then `order` is a parameter */
    size_t max_body;        /* 0 = no body */
    int max_limit;          /* of `limit`; 0 = 1 000 */
    const char *tag, *summary_en, *summary_zh;
};

const struct ww_route *ww_route_table(size_t *count);
/* The n-th parameter of a route: its own, then those that its flags bring (limit, after, format, order). NULL
 * at the end. */
const struct ww_param *ww_route_param(const struct ww_route *route, size_t n);

struct ww_route_match {
    const struct ww_route *route;         /* NULL: none */
    unsigned allowed;                     /* bits 1 << method of rows with this path; 0 = no such path */
    struct ww_str path_arg[WW_PATH_ARGS]; /* views of the path */
};
/* HEAD finds the row of GET. */
struct ww_route_match ww_route_find(enum ww_http_method method, struct ww_str path);
/* "GET, HEAD, PUT"; `out` takes at most 64 bytes. */
void ww_route_allow_text(unsigned allowed, char out[64]);
/* Checks one value by its parameter's type. */
enum ww_status ww_param_check(const struct ww_param *param, struct ww_str value,
                              struct ww_error *err) WW_MUST_CHECK;

/* ---- For handlers ---- */

/* Answers with the HTTP status that fits `status`. */
void ww_call_fail(struct ww_route_call *call, enum ww_status status, const char *field, const char *fmt, ...)
    WW_PRINTF(4, 5);
/* The same with an error at hand; database errors are told without the database's own words. */
void ww_call_fail_db(struct ww_route_call *call, enum ww_status status, const struct ww_error *err);
void ww_call_answer_json(struct ww_route_call *call, int status, struct ww_str json);
/* The wards that the caller sees as "{1,2}", in the call's arena; WW_STR_NONE = all. */
struct ww_str ww_call_wards(struct ww_route_call *call);
/* Whose eyes the call's queries read with: the caller's wards and role; nobody's sees all wards, where nobody
 * may come in. */
struct ww_pg_reader ww_call_reader(struct ww_route_call *call);
/* A read for the caller, with his eyes: the only way from a route to a row. Writes go through
 * ww_pg_pool_query. */
enum ww_status ww_call_query(struct ww_route_call *call, const struct ww_sql *sql,
                             const struct ww_pg_args *args, ww_pg_cb cb, void *arg) WW_MUST_CHECK;
/* Appends "/the/same/request?…&after=AFTER" as a JSON string; `after` must be plain letters. */
void ww_call_write_next(struct ww_route_call *call, struct ww_str after, struct ww_buf *out);
/* Adds text, or NULL when its pointer is NULL. */
void ww_call_arg(struct ww_pg_args *args, struct ww_str text);
/* The token that came with the request, from the header or the cookie. */
bool ww_request_token(const struct ww_http_request *req, struct ww_str *token, bool *from_cookie);
/* Whether a changing request comes from a page of this server (Origin or Sec-Fetch-Site). */
bool ww_request_is_same_origin(const struct ww_http_request *req);

void ww_handle_list(struct ww_route_call *call);   /* route_list.c */
void ww_handle_object(struct ww_route_call *call); /* one row of the same query, or 404 */
void ww_handle_events(struct ww_route_call *call);
void ww_handle_alert_explanation(struct ww_route_call *call);
void ww_handle_alert_act(struct ww_route_call *call); /* named by the end of the path */
void ww_handle_silence_create(struct ww_route_call *call);
void ww_handle_silence_end(struct ww_route_call *call);
void ww_handle_maintenance_create(struct ww_route_call *call);
void ww_handle_maintenance_end(struct ww_route_call *call);
void ww_handle_backtest_start(struct ww_route_call *call);
void ww_handle_backtest_list(struct ww_route_call *call);
void ww_handle_backtest_show(struct ww_route_call *call);
void ww_handle_backtest_cancel(struct ww_route_call *call);
void ww_handle_latest(struct ww_route_call *call);  /* tiles/latest.c */
void ww_handle_buckets(struct ww_route_call *call); /* route_series.c */
void ww_handle_chart(struct ww_route_call *call);
void ww_handle_tile(struct ww_route_call *call); /* tiles/ */
void ww_handle_tilejson(struct ww_route_call *call);
void ww_handle_table_tile(struct ww_route_call *call); /* ogc/tile.c */
void ww_handle_table_tilejson(struct ww_route_call *call);
void ww_handle_ogc_tilesets(struct ww_route_call *call);
void ww_handle_ogc_tileset(struct ww_route_call *call);
void ww_handle_openapi(struct ww_route_call *call);
void ww_handle_session_open(struct ww_route_call *call);
void ww_handle_session_show(struct ww_route_call *call);
void ww_handle_session_close(struct ww_route_call *call);
void ww_handle_ingest(struct ww_route_call *call);
void ww_handle_dead_letter_resubmit(struct ww_route_call *call);
void ww_handle_dead_letter_discard(struct ww_route_call *call);
void ww_handle_feed_create(struct ww_route_call *call);
void ww_handle_feed_replace(struct ww_route_call *call);
void ww_handle_rule_create(struct ww_route_call *call);
void ww_handle_rule_replace(struct ww_route_call *call);
void ww_handle_limit_create(struct ww_route_call *call);
void ww_handle_station_create(struct ww_route_call *call);
void ww_handle_station_replace(struct ww_route_call *call);
void ww_handle_station_command_create(struct ww_route_call *call);
void ww_handle_station_command_cancel(struct ww_route_call *call);
void ww_handle_ogc_landing(struct ww_route_call *call); /* server/ogc/ */
void ww_handle_ogc_conformance(struct ww_route_call *call);
void ww_handle_ogc_api(struct ww_route_call *call);
void ww_handle_ogc_collections(struct ww_route_call *call);
void ww_handle_ogc_collection(struct ww_route_call *call);
void ww_handle_ogc_queryables(struct ww_route_call *call);
void ww_handle_ogc_schema(struct ww_route_call *call);
void ww_handle_ogc_items(struct ww_route_call *call);
void ww_handle_ogc_search(struct ww_route_call *call);
void ww_handle_ogc_feature(struct ww_route_call *call);
void ww_handle_healthz(struct ww_route_call *call);
void ww_handle_readyz(struct ww_route_call *call);
void ww_handle_metrics(struct ww_route_call *call);

/* The OpenAPI 3.0 document of a table. */
void ww_openapi_write(const struct ww_route *routes, size_t count, struct ww_buf *out);

#endif
