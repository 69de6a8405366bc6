/* Lists and single objects: runs the row's query and sends what it builds.
 *
 * Every such query runs with the caller's eyes (row-level security) and takes $1 the wards that the reader
 * sees (NULL = all), $2 the key to continue after, $3 how many rows, $4 whether geometry is wanted, and from
 * $5 on the route's own parameters. It gives rows of (key, item as JSON, geometry as GeoJSON[, more]) in the
 * order of the key. The server reads pages of a few hundred rows and sends each before it asks for the next,
 * so a list of 10,000 or a collection of 50,000 features takes no more memory than a page, and the loop turns
 * between pages. A list that fits into its first page goes out as one plain answer.
 */
#include "geo/base/buf.h"
#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "geo/instant.h"
#include "server/base64url.h"
#include "server/route_table.h"

#define PAGE_ROWS     500
#define PAGE_ROWS_RAW 50 /* dead letters carry up to 64 KiB each */
#define GEOJSON_ROWS  50000
#define PAGE_CEILING  ((size_t)128 << 20)
#define PIECE_BYTES   ((size_t)32 << 10) /* of one write to a stream */

struct list_run {
    struct ww_route_call *call;
    const struct ww_sql *sql;
    struct ww_str wards;
    struct ww_str filters[WW_ROUTE_MOST_FILTERS]; /* by the route's own parameters; ptr NULL = not given */
    int n_filters;
    struct ww_str after; /* key of the last row sent; ptr NULL at the start */
    char after_room[96]; /* where it is kept between pages */
    int64_t left;        /* rows that may still be sent */
    int64_t sent_rows;
    bool geojson;
    bool more; /* the query has rows beyond those read */
    bool streaming;
    bool waiting; /* for the reader to drain */
    struct ww_buf out;
    size_t out_at; /* of `out` already written to the stream */
};

static void fetch_page(struct list_run *run);

/* ---- Reading the request ---- */

static bool read_filters(struct list_run *run) {
    struct ww_route_call *call = run->call;
    size_t n_path = 0;
    for (const struct ww_param *p = call->route->params; p->name; p++) {
        struct ww_str value = WW_STR_NONE;
        if (p->in == WW_IN_PATH)
            value = call->path_arg[n_path++];
        else if (p->in == WW_IN_QUERY && !ww_http_param(call->req, p->name, &value))
            value = WW_STR_NONE;
        int64_t instant;
        if (value.ptr && p->type == WW_PARAM_INSTANT &&
            ww_instant_parse(value, NULL, &instant, NULL) == WW_OK) {
            char *text = ww_arena_alloc(ww_http_arena(call->req), 40);
            if (!text)
                return false;
            value = (struct ww_str){text, (size_t)ww_instant_text(instant, text)};
        }
        run->filters[run->n_filters++] = value;
    }
    return true;
}

static bool read_limit(struct list_run *run) {
    struct ww_route_call *call = run->call;
    uint64_t limit = 100, most = call->route->max_limit ? (uint64_t)call->route->max_limit : 1000;
    struct ww_str text;
    if (ww_http_param(call->req, "limit", &text) &&
        (!ww_str_to_u64(text, &limit) || limit < 1 || limit > most)) {
        ww_call_fail(call, WW_BAD_INPUT, "limit", "limit must be from 1 to %d", (int)most);
        return false;
    }
    run->left = (int64_t)limit;
    return true;
}

static bool read_after(struct list_run *run) {
    struct ww_str text;
    if (!ww_http_param(run->call->req, "after", &text))
        return true;
    if (ww_base64url_read(ww_http_arena(run->call->req), text, &run->after) != WW_OK || run->after.len == 0 ||
        run->after.len >= sizeof run->after_room || memchr(run->after.ptr, '\0', run->after.len)) {
        ww_call_fail(run->call, WW_BAD_INPUT, "after", "after is not a key that this server gave");
        return false;
    }
    return true;
}

/* ---- Writing rows ---- */

static void add_item(struct list_run *run, const struct ww_pg_result *r, int row) {
    struct ww_buf *out = &run->out;
    struct ww_str item = ww_pg_str(r, row, 1);
    if (ww_pg_columns(r) < 4 || ww_pg_is_null(r, row, 3)) {
        ww_buf_str_add(out, item);
        return;
    }
    /* More members: before the item's closing brace. */
    ww_buf_add(out, item.ptr, item.len - 1);
    ww_buf_char(out, ',');
    struct ww_str more = ww_pg_str(r, row, 3);
    if (!(run->call->route->flags & WW_ROUTE_RAW)) {
        ww_buf_add(out, more.ptr + 1, more.len - 1);
        return;
    }
    struct ww_arena *arena = ww_arena_new((size_t)1 << 20);
    struct ww_str bytes = WW_STR_NONE;
    if (!arena || ww_pg_bytes(r, row, 3, arena, &bytes) != WW_OK)
        bytes = WW_STR_NONE;
    struct ww_json w;
    ww_buf_text(out, "\"raw\":");
    ww_json_init(&w, out);
    ww_json_str(&w, bytes);
    ww_buf_char(out, '}');
    ww_arena_free(arena);
}

static void add_feature(struct list_run *run, const struct ww_pg_result *r, int row) {
    struct ww_buf *out = &run->out;
    ww_buf_text(out, "{\"type\":\"Feature\",\"id\":");
    ww_buf_str_add(out, ww_pg_str(r, row, 0));
    ww_buf_text(out, ",\"geometry\":");
    ww_buf_str_add(out, ww_pg_is_null(r, row, 2) ? WW_STR("null") : ww_pg_str(r, row, 2));
    ww_buf_text(out, ",\"properties\":");
    add_item(run, r, row);
    ww_buf_char(out, '}');
}

static void add_percent_encoded(struct ww_buf *out, struct ww_str text, const char *plain) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(plain, c))
            ww_buf_char(out, c);
        else
            ww_buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

void ww_call_write_next(struct ww_route_call *call, struct ww_str after, struct ww_buf *out) {
    struct ww_http_request *req = call->req;
    struct ww_str name, value;
    char mark = '?';
    ww_buf_char(out, '"');
    add_percent_encoded(out, ww_http_path(req), "-._~/");
    for (int i = 0; ww_http_param_at(req, i, &name, &value); i++) {
        if (ww_str_is(name, "after"))
            continue;
        ww_buf_printf(out, "%c%.*s=", mark, WW_STR_ARG(name)); /* a known parameter: plain letters */
        add_percent_encoded(out, value, "-._~");
        mark = '&';
    }
    ww_buf_printf(out, "%cafter=%.*s\"", mark, WW_STR_ARG(after));
}

/* "next": the same request with another `after`. */
static void add_next(struct list_run *run) {
    char key[WW_BASE64URL_ROOM(sizeof run->after_room)];
    ww_base64url_write(run->after.ptr, run->after.len, key);
    ww_call_write_next(run->call, ww_str_of(key), &run->out);
}

static void add_foot(struct list_run *run) {
    if (run->geojson) {
        ww_buf_printf(&run->out, "],\"truncated\":%s}", run->more ? "true" : "false");
        return;
    }
    ww_buf_text(&run->out, "],\"next\":");
    if (run->more)
        add_next(run);
    else
        ww_buf_text(&run->out, "null");
    ww_buf_char(&run->out, '}');
}

/* ---- Sending ---- */

static void finish(struct list_run *run, bool whole) {
    struct ww_http_request *req = run->call->req;
    ww_buf_clear(&run->out);
    if (whole)
        ww_http_stream_end(req);
    else
        ww_http_stream_abort(req);
}

static void pump(struct list_run *run);

static void on_drain(void *arg) {
    struct list_run *run = arg;
    if (run->waiting) {
        run->waiting = false;
        pump(run);
    }
}

/* While a query is under way its callback finds out by itself that the reader has gone. */
static void on_gone(void *arg) {
    struct list_run *run = arg;
    if (run->waiting) {
        run->waiting = false;
        finish(run, false);
    }
}

static void pump(struct list_run *run) {
    while (run->out_at < run->out.len) {
        size_t left = run->out.len - run->out_at;
        struct ww_str piece = {run->out.data + run->out_at, left < PIECE_BYTES ? left : PIECE_BYTES};
        enum ww_status st = ww_http_stream_write(run->call->req, piece);
        if (st == WW_BUSY) {
            run->waiting = true;
            ww_http_on_drain(run->call->req, on_drain, run);
            return;
        }
        if (st != WW_OK) {
            finish(run, false);
            return;
        }
        run->out_at += piece.len;
    }
    ww_buf_reset(&run->out);
    run->out_at = 0;
    if (run->more && run->left > 0)
        fetch_page(run);
    else
        finish(run, true);
}

static const char *content_type(const struct list_run *run) {
    return run->geojson ? "application/geo+json" : "application/json";
}

static void fail(struct list_run *run, enum ww_status status, const struct ww_error *err) {
    if (run->streaming) {
        ww_log(WW_LOG_WARN, "request=%llu list=cut reason=\"%s\"",
               (unsigned long long)ww_http_request_id(run->call->req),
               err ? err->message : "database is away");
        finish(run, false);
        return;
    }
    ww_buf_clear(&run->out);
    ww_call_fail_db(run->call, status, err);
}

static void keep_key(struct list_run *run, struct ww_str key) {
    size_t len = key.len < sizeof run->after_room ? key.len : sizeof run->after_room - 1;
    memcpy(run->after_room, key.ptr, len);
    run->after = (struct ww_str){run->after_room, len};
}

static int page_rows(const struct list_run *run) {
    int most = run->call->route->flags & WW_ROUTE_RAW ? PAGE_ROWS_RAW : PAGE_ROWS;
    return run->left < most ? (int)run->left : most;
}

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct list_run *run = arg;
    if (status != WW_OK) {
        fail(run, status, err);
        return;
    }
    int rows = ww_pg_rows(r), most = page_rows(run);
    run->more = rows > most;
    int n = run->more ? most : rows;
    for (int i = 0; i < n; i++) {
        if (run->sent_rows++ > 0)
            ww_buf_char(&run->out, ',');
        if (run->geojson)
            add_feature(run, r, i);
        else
            add_item(run, r, i);
    }
    run->left -= n;
    if (n > 0)
        keep_key(run, ww_pg_str(r, n - 1, 0));
    bool last = !run->more || run->left == 0;
    if (last)
        add_foot(run);
    if (ww_buf_status(&run->out) != WW_OK) {
        fail(run, WW_NO_MEMORY, err);
        return;
    }
    if (!run->streaming && (last || ww_http_method(run->call->req) == WW_HTTP_HEAD)) {
        struct ww_buf out = run->out; /* the answer frees the arena that `run` lives in */
        ww_http_respond(run->call->req, 200, content_type(run), ww_buf_str(&out));
        ww_buf_clear(&out);
        return;
    }
    if (!run->streaming) {
        run->streaming = true;
        ww_http_on_gone(run->call->req, on_gone, run);
        ww_http_stream_begin(run->call->req, 200, content_type(run));
    }
    pump(run);
}

static enum ww_status query(struct list_run *run, int64_t rows, ww_pg_cb cb) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, run->wards);
    ww_call_arg(&args, run->after);
    ww_pg_arg_i64(&args, rows);
    ww_pg_arg_bool(&args, run->geojson);
    for (int i = 0; i < run->n_filters; i++)
        ww_call_arg(&args, run->filters[i]);
    enum ww_status st = ww_call_query(run->call, run->sql, &args, cb, run);
    ww_pg_args_clear(&args);
    return st;
}

/* One row more than wanted tells whether there is a next page. */
static void fetch_page(struct list_run *run) {
    enum ww_status st = query(run, page_rows(run) + 1, on_page);
    if (st != WW_OK)
        fail(run, st, NULL);
}

static struct list_run *new_run(struct ww_route_call *call) {
    struct list_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    if (run) {
        run->call = call;
        run->wards = ww_call_wards(call);
        ww_buf_init(&run->out, PAGE_CEILING);
    }
    if (!run || !read_filters(run)) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    return run;
}

void ww_handle_list(struct ww_route_call *call) {
    struct list_run *run = new_run(call);
    struct ww_str text;
    if (!run || !read_limit(run) || !read_after(run))
        return;
    run->geojson = (call->route->flags & WW_ROUTE_GEOJSON) && ww_http_param(call->req, "format", &text) &&
                   ww_str_is(text, "geojson");
    bool desc =
        call->route->query_desc && ww_http_param(call->req, "order", &text) && ww_str_is(text, "desc");
    run->sql = ww_sql_find(desc ? call->route->query_desc : call->route->query);
    if (run->geojson) {
        run->left = GEOJSON_ROWS;
        run->after = WW_STR_NONE;
    }
    ww_buf_text(&run->out, run->geojson ? "{\"type\":\"FeatureCollection\",\"features\":[" : "{\"items\":[");
    fetch_page(run);
}

/* ---- One object ---- */

static void on_object(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct list_run *run = arg;
    struct ww_route_call *call = run->call;
    if (status != WW_OK) {
        fail(run, status, err);
        return;
    }
    if (ww_pg_rows(r) == 0) {
        ww_call_fail(call, WW_NOT_FOUND, "", "there is no such thing, or it is not yours to see");
        return;
    }
    add_item(run, r, 0);
    struct ww_buf out = run->out;
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

void ww_handle_object(struct ww_route_call *call) {
    struct list_run *run = new_run(call);
    if (!run)
        return;
    run->sql = ww_sql_find(call->route->query);
    enum ww_status st = query(run, 1, on_object);
    if (st != WW_OK)
        fail(run, st, NULL);
}
