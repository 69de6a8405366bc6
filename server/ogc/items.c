/* The features of a collection, a page or all of them, and one feature by its id.
 *
 *   request ─▶ SQL ─▶ stream of rows ─▶ writer ─▶ answer
 *                          ▲                       │ back pressure: the next rows are asked for
 *                          └───────────────────────┘ when the client has taken the last ones
 *
 * While a page of rows is written the database makes the next one. When the client then takes no more, that
 * one page more waits, written; no further one is asked for.
 *
 * A page asks for one row more than its limit: that it is there makes the link `next`. How many match is then
 * counted by a second query, up to COUNT_MOST rows and for half a second; what takes longer is left out of
 * the answer, which is legal and honest. Formats without a place for links (CSV, sequences) say it in
 * headers, so their pages are held whole; without a limit they are the whole layer, streamed. A GeoPackage is
 * made in a file first, and the file is streamed (gpkg.h says why).
 */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "server/ogc/format.h"
#include "server/ogc/gpkg.h"

#define HOLD_BYTES       ((size_t)1 << 20)  /* up to it an answer has a validator */
#define HEADER_BYTES     ((size_t)32 << 20) /* a page whose `next` is a header must be held */
#define COUNT_MOST       50000
#define PAGE_ROWS        1000
#define FILES_MOST       8 /* times their size is what they may take on the disk */
#define FILE_PAGE_ROWS   500
#define FILE_PIECE_BYTES ((size_t)64 << 10)
#define TEXT_CEILING     ((size_t)64 << 20)

struct items {
    struct ogc_run run;
    const struct ogc_writer *writer;
    struct ogc_answer *answer;
    struct ww_pg_stream *rows, *count;
    int64_t limit;                               /* rows that may be sent; -1: all */
    char *last[OGC_MAX_SORT + WW_LAYER_MAX_KEY]; /* of the last row sent, for `next`; NULL: NULL */
    size_t last_len[OGC_MAX_SORT + WW_LAYER_MAX_KEY];
    bool started;
    struct event *turn; /* of a file: the next piece of it, in the next turn of the loop */
    bool has_file;      /* counted in ww_ogc.files */
    bool is_sending;
    bool asked;   /* the next page of rows is on its way */
    bool waiting; /* the client has not taken what is written */
};

static const struct ogc_writer *const writers[] = {
    &ogc_write_geojson, &ogc_write_geojson_seq, &ogc_write_ndjson, &ogc_write_csv,
    &ogc_write_fgb,     &ogc_write_gpkg,        &ogc_write_html};

const struct ogc_writer *ogc_writer_of(enum ogc_format format) {
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        if (writers[i]->format == format)
            return writers[i];
    return NULL;
}

/* Everything but the answer and the call. */
static void clear(struct items *x) {
    if (x->rows)
        ww_pg_stream_cancel(x->rows);
    if (x->count)
        ww_pg_stream_cancel(x->count);
    x->rows = x->count = NULL;
    ww_gpkg_free(x->run.gpkg);
    x->run.gpkg = NULL;
    if (x->turn)
        event_free(x->turn);
    x->turn = NULL;
    if (x->has_file)
        x->run.call->ogc->files--;
    x->has_file = false;
    ogc_query_clear(&x->run.query);
    ww_geom_clear(&x->run.geom);
    ww_buf_clear(&x->run.text);
    for (size_t i = 0; i < sizeof x->last / sizeof *x->last; i++)
        ww_free(x->last[i]);
}

static void fail(struct items *x, const struct ww_error *err) {
    struct ogc_answer *answer = x->answer;
    clear(x);
    ogc_answer_fail(answer, err);
}

static void fail_db(struct items *x, enum ww_status status, const struct ww_error *err) {
    struct ww_error ours;
    bool away = status == WW_UNAVAILABLE || status == WW_BUSY || status == WW_NO_MEMORY;
    bool too_long = err && strcmp(err->field, "57014") == 0;
    if (!away || too_long)
        ww_log(WW_LOG_WARN, "request=%llu layer=%.*s sqlstate=%s reason=\"%s\"",
               (unsigned long long)ww_http_request_id(x->run.call->req), WW_STR_ARG(x->run.call->layer->id),
               err ? err->field : "", err ? err->message : "");
    if (too_long)
        ww_error_set(&ours, WW_UNAVAILABLE,
                     "this took the database too long: ask for less, by bbox, datetime or properties");
    else if (away)
        ww_error_set(&ours, status, "the database does not answer now");
    else if (err && strncmp(err->field, "22", 2) == 0)
        ww_error_set(&ours, WW_BAD_INPUT, "the database refuses a value of this request");
    else
        ww_error_set(&ours, WW_UNAVAILABLE, "this layer can't be read now; the log of the server says why");
    fail(x, &ours);
}

static void on_gone(void *arg) {
    struct items *x = arg;
    struct ww_error err;
    ww_error_set(&err, WW_UNAVAILABLE, "the client hung up");
    fail(x, &err);
}

/* ---- The end of a page ---- */

static void keep_last(struct items *x, const struct ww_pg_result *r, int row) {
    struct ogc_run *run = &x->run;
    int n = run->request.n_sort + run->call->layer->n_key;
    for (int i = 0; i < n; i++) {
        ww_free(x->last[i]);
        x->last[i] = NULL;
        ww_buf_reset(&run->text);
        if (!ogc_value_text(run, r, row, i, &run->text))
            continue;
        x->last_len[i] = run->text.len;
        x->last[i] = ww_try_malloc(run->text.len + 1);
        if (x->last[i] && run->text.len)
            memcpy(x->last[i], run->text.data, run->text.len);
    }
}

/* The same request behind the last row: everything repeated but where it starts. */
static void make_next(struct items *x) {
    struct ogc_run *run = &x->run;
    struct ogc_call *call = run->call;
    struct ww_str values[OGC_MAX_SORT + WW_LAYER_MAX_KEY];
    int n = run->request.n_sort + call->layer->n_key;
    struct ww_str name;
    struct ww_str value;
    struct ww_buf out;
    int limit = run->request.limit < OGC_LIMIT_KEPT || !run->request.limit_given ? OGC_LIMIT_NEXT
                                                                                 : run->request.limit;
    for (int i = 0; i < n; i++)
        values[i] = x->last[i] ? (struct ww_str){x->last[i], x->last_len[i]} : WW_STR_NONE;
    ww_buf_init(&out, (size_t)16 << 10);
    ww_buf_text(&out, "/collections/");
    ogc_percent(&out, call->layer->id);
    ww_buf_printf(&out, "/items?limit=%d", limit);
    for (int i = 0; ww_http_param_at(call->req, i, &name, &value); i++) {
        bool of_body = run->request.filter_is_body && ww_str_is(name, "filter-lang");
        if (of_body || ww_str_is(name, "limit") || ww_str_is(name, "offset") || ww_str_is(name, "after"))
            continue;
        ww_buf_char(&out, '&');
        ogc_percent(&out, name);
        ww_buf_char(&out, '=');
        ogc_percent(&out, value);
    }
    if (run->request.filter_is_body) {
        ww_buf_text(&out, "&filter-lang=cql2-json&filter=");
        ogc_percent(&out, run->request.filter);
    }
    ww_buf_text(&out, "&after=");
    ogc_after_write(values, n, &out);
    if (out.failed == WW_OK)
        run->next = ww_arena_copy(call->arena, ww_buf_str(&out));
    ww_buf_clear(&out);
}

static void add_next_headers(struct items *x) {
    struct ogc_run *run = &x->run;
    char number[32];
    if (run->matched >= 0) {
        snprintf(number, sizeof number, "%lld", (long long)run->matched);
        ww_http_add_header(run->call->req, "OGC-NumberMatched", number);
    }
    snprintf(number, sizeof number, "%lld", (long long)run->returned);
    ww_http_add_header(run->call->req, "OGC-NumberReturned", number);
    if (!run->next.len)
        return;
    struct ww_buf link;
    ww_buf_init(&link, (size_t)32 << 10);
    ww_buf_printf(&link, "<%.*s%.*s>; rel=\"next\"; type=\"%s\"", WW_STR_ARG(run->call->root),
                  WW_STR_ARG(run->next), ogc_media_type(run->call->format));
    if (link.failed == WW_OK)
        ww_http_add_header(run->call->req, "Link", link.data);
    ww_buf_clear(&link);
}

/* A piece of the file; the next when the client has taken this one, and others have had their turn. */
static void send_piece(evutil_socket_t fd, short what, void *arg) {
    static const struct timeval at_once = {0, 0};
    struct items *x = arg;
    struct ogc_answer *answer = x->answer;
    struct ww_buf *out = ogc_answer_buf(answer);
    char *room = ww_buf_reserve(out, FILE_PIECE_BYTES);
    const int64_t n = room ? ww_gpkg_read(x->run.gpkg, room, FILE_PIECE_BYTES) : -1;
    struct ww_error err;
    (void)fd;
    (void)what;
    if (n < 0) {
        ww_error_set(&err, WW_UNAVAILABLE, "the GeoPackage can't be read back");
        fail(x, &err);
        return;
    }
    if (n == 0) {
        clear(x);
        ogc_answer_finish(answer);
        return;
    }
    out->len += (size_t)n;
    switch (ogc_answer_push(answer)) {
    case OGC_GONE:
        on_gone(x);
        break;
    case OGC_GO_ON:
        evtimer_add(x->turn, &at_once);
        break;
    case OGC_WAIT: /* on_room goes on */
        break;
    }
}

static void send_file(struct items *x) {
    struct ogc_run *run = &x->run;
    struct ww_error err;
    enum ww_status st = run->gpkg ? ww_gpkg_finish(run->gpkg, &err)
                                  : ww_error_set(&err, WW_NO_MEMORY, "no memory for this request");
    x->turn = evtimer_new(run->call->route->app->base, send_piece, x);
    if (st == WW_OK && !x->turn)
        st = ww_error_set(&err, WW_NO_MEMORY, "no memory for this request");
    if (st != WW_OK) {
        fail(x, &err);
        return;
    }
    add_next_headers(x);
    ww_http_add_header(run->call->req, "Content-Disposition", "attachment; filename=\"layer.gpkg\"");
    x->is_sending = true;
    send_piece(-1, 0, x);
}

static void finish(struct items *x) {
    struct ogc_answer *answer = x->answer;
    if (x->run.has_next && !x->run.next.len) {
        struct ww_error err;
        ww_error_set(
            &err, WW_TOO_LARGE,
            "the address of the next page would be too long: ask for a shorter filter or a greater limit");
        fail(x, &err);
        return;
    }
    if (x->writer->format == OGC_GPKG) {
        send_file(x);
        return;
    }
    x->writer->foot(&x->run, ogc_answer_buf(answer));
    if (!ogc_answer_is_streaming(answer) && !x->writer->tells_next && !x->run.one)
        add_next_headers(x);
    clear(x);
    ogc_answer_finish(answer);
}

static void on_count(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                     const struct ww_error *err) {
    struct items *x = arg;
    (void)err;
    if (status == WW_OK && page && ww_pg_rows(page) == 1) {
        int64_t n = ww_pg_bin_i64(page, 0, 0);
        x->run.matched = n <= COUNT_MOST ? n : -1;
    }
    if (status == WW_OK && !last) {
        ww_pg_stream_next(x->count);
        return;
    }
    x->count = NULL;
    finish(x);
}

static void count(struct items *x) {
    struct ogc_run *run = &x->run;
    struct ogc_query query;
    struct ww_error err;
    ogc_query_init(&query);
    enum ww_status st = ogc_query_count(run->call, &run->request, COUNT_MOST, &query, &err);
    if (st == WW_OK) {
        struct ww_pg_stream_query q = {.reader = ogc_reader(run->call),
                                       .sql = query.sql.data,
                                       .args = &query.args,
                                       .cb = on_count,
                                       .arg = x};
        st = ww_pg_stream_open(run->call->ogc->counts, &q, &x->count);
    }
    ogc_query_clear(&query);
    if (st != WW_OK) {
        x->count = NULL;
        finish(x);
    }
}

static void end_of_rows(struct items *x) {
    struct ogc_run *run = &x->run;
    if (run->has_next)
        make_next(x);
    bool first = run->request.n_after == 0;
    bool streamed_all = x->limit < 0;
    if (first && !run->has_next && (run->returned > 0 || run->request.offset == 0))
        run->matched = run->request.offset + run->returned; /* seen to its end */
    else if (first && !streamed_all) {
        count(x);
        return;
    }
    finish(x);
}

/* ---- Rows ---- */

static void ask_next(struct items *x) {
    x->asked = true;
    ww_pg_stream_next(x->rows);
}

static void on_room(void *arg) {
    struct items *x = arg;
    x->waiting = false;
    if (x->is_sending)
        send_piece(-1, 0, x);
    else if (!x->rows)
        end_of_rows(x);
    else if (!x->asked)
        ask_next(x);
}

static void begin_answer(struct items *x) {
    if (x->started)
        return;
    x->started = true;
    x->writer->head(&x->run, ogc_answer_buf(x->answer));
}

static void on_rows(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                    const struct ww_error *err) {
    struct items *x = arg;
    struct ogc_run *run = &x->run;
    if (status != WW_OK) {
        x->rows = NULL;
        fail_db(x, status, err);
        return;
    }
    x->asked = false;
    begin_answer(x);
    if (!last && !x->waiting)
        ask_next(x);
    int rows = ww_pg_rows(page);
    for (int i = 0; i < rows; i++) {
        if (x->limit >= 0 && run->returned == x->limit) {
            run->has_next = true;
            break;
        }
        x->writer->row(run, page, i, ogc_answer_buf(x->answer));
        run->returned++;
        if (x->limit >= 0 && run->returned == x->limit)
            keep_last(x, page, i);
    }
    if (last)
        x->rows = NULL;
    struct ww_error ours;
    if (run->gpkg && ww_gpkg_status(run->gpkg, &ours) != WW_OK) { /* too large already: no need of the rest */
        fail(x, &ours);
        return;
    }
    enum ogc_flow flow = ogc_answer_push(x->answer);
    if (flow == OGC_GO_ON && ogc_answer_is_streaming(x->answer) &&
        ww_http_method(run->call->req) == WW_HTTP_HEAD) {
        struct ogc_answer *answer = x->answer;
        clear(x);
        ogc_answer_finish(answer);
        return;
    }
    if (flow == OGC_GONE) {
        on_gone(x);
        return;
    }
    x->waiting = flow == OGC_WAIT;
    if (x->waiting)
        return; /* on_room goes on */
    if (last)
        end_of_rows(x);
    else if (!x->asked)
        ask_next(x);
}

static void run_items(struct items *x) {
    struct ogc_run *run = &x->run;
    struct ww_error err;
    enum ww_status st = ogc_query_items(run->call, &run->request, x->limit, &run->query, &err);
    if (st != WW_OK) {
        fail(x, &err);
        return;
    }
    struct ww_pg_stream_query q = {.reader = ogc_reader(run->call),
                                   .sql = run->query.sql.data,
                                   .args = &run->query.args,
                                   .page_rows = x->has_file ? FILE_PAGE_ROWS : PAGE_ROWS,
                                   .cb = on_rows,
                                   .arg = x};
    st = ww_pg_stream_open(run->call->ogc->rows, &q, &x->rows);
    if (st != WW_OK) {
        x->rows = NULL;
        fail_db(x, st, NULL);
    }
}

/* ---- Beginning ---- */

/* 8 decimals of a degree are a millimetre; of a metre, a tenth of one. */
static struct items *begin_run(struct ogc_call *call, const struct ogc_request *request) {
    struct items *x = ww_arena_calloc(call->arena, 1, sizeof *x);
    if (!x) {
        ogc_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    struct ogc_run *run = &x->run;
    const struct ww_layer *layer = call->layer;
    run->call = call;
    run->request = *request;
    run->matched = -1;
    run->first_property = request->n_sort + layer->n_key;
    ogc_query_init(&run->query);
    ww_geom_init(&run->geom);
    ww_buf_init(&run->text, TEXT_CEILING);
    x->writer = ogc_writer_of(call->format);
    if (layer->geom >= 0) {
        run->crs = ogc_crs_get(call->ogc->crs, (uint32_t)layer->srid, request->crs);
        if (!run->crs) {
            ogc_fail(call, WW_BAD_INPUT, "crs", "the layer can't be converted to that system");
            return NULL;
        }
        run->decimals = ww_crs_is_geographic(run->crs) ? 8 : 4;
    }
    return x;
}

static bool open_answer(struct items *x) {
    struct ogc_call *call = x->run.call;
    char header[96];
    char uri[80];
    const char *type = call->plain_json ? "application/json" : x->writer->content_type;
    bool holds = !x->writer->tells_next && x->limit >= 0 && x->writer->format != OGC_GPKG;
    x->answer = ogc_answer_new(call, type, holds ? HEADER_BYTES : HOLD_BYTES);
    if (!x->answer) {
        clear(x);
        ogc_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return false;
    }
    ogc_answer_on(x->answer, on_room, on_gone, x);
    if (call->layer->geom >= 0) {
        struct ww_str asked;
        if (ww_http_param(call->req, "crs", &asked) && asked.len < sizeof uri &&
            ww_str_starts(asked, WW_STR("http")))
            snprintf(uri, sizeof uri, "%.*s", WW_STR_ARG(asked)); /* the same text as was asked for */
        else
            ogc_crs_uri(x->run.request.crs, uri);
        snprintf(header, sizeof header, "<%s>", uri);
        ww_http_add_header(call->req, "Content-Crs", header);
    }
    return true;
}

static void items(struct ogc_call *call) {
    struct ogc_request request;
    if (!ogc_request_read(call, &request))
        return;
    if (call->format == OGC_GPKG && call->ogc->files >= FILES_MOST) {
        ogc_fail(call, WW_BUSY, "", "%d GeoPackages are being made or sent", FILES_MOST);
        return;
    }
    struct items *x = begin_run(call, &request);
    if (!x)
        return;
    x->has_file = call->format == OGC_GPKG;
    call->ogc->files += x->has_file;
    x->limit = x->writer->has_all && !request.limit_given && request.n_after == 0 && request.offset == 0
                   ? -1
                   : request.limit;
    if (open_answer(x))
        run_items(x);
}

void ww_handle_ogc_items(struct ww_route_call *call) {
    ogc_begin(call, true, ogc_feature_formats, NULL, items);
}

/* A search: the same with the filter as the body, which changes nothing; OWSLib sends its filters so. */
void ww_handle_ogc_search(struct ww_route_call *call) {
    static const char *const types[] = {"application/json", "application/query-cql-json",
                                        "application/cql2+json"};
    struct ww_str type = ww_http_header(call->req, "Content-Type");
    const char *semicolon = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    if (semicolon)
        type.len = (size_t)(semicolon - type.ptr);
    bool known = ww_http_body(call->req).len == 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known = known || ww_str_eq_nocase(ww_str_trim(type), ww_str_of(types[i]));
    if (!known) {
        struct ww_error err;
        ww_error_set(&err, WW_BAD_INPUT,
                     "a search takes a CQL2 filter as application/json; features can't be added here");
        ww_http_respond_error(call->req, 415, &err);
        return;
    }
    ww_handle_ogc_items(call);
}

/* ---- One feature ---- */

static const enum ogc_format one_formats[] = {OGC_GEOJSON, OGC_HTML, OGC_FORMATS};

static void not_there(struct items *x) {
    struct ww_error err;
    ww_error_set(&err, WW_NOT_FOUND, "there is no such feature, or it is not yours to see");
    fail(x, &err);
}

static void on_one(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                   const struct ww_error *err) {
    struct items *x = arg;
    if (status != WW_OK) {
        x->rows = NULL;
        if (status == WW_BAD_INPUT && err && strncmp(err->field, "22", 2) == 0)
            not_there(x); /* an id that can't be one */
        else
            fail_db(x, status, err);
        return;
    }
    if (ww_pg_rows(page) > 0 && x->run.returned == 0) {
        begin_answer(x);
        x->writer->row(&x->run, page, 0, ogc_answer_buf(x->answer));
        x->run.returned = 1;
    }
    if (!last) {
        ww_pg_stream_next(x->rows);
        return;
    }
    x->rows = NULL;
    if (x->run.returned == 0)
        not_there(x);
    else
        finish(x);
}

static void one(struct ogc_call *call) {
    struct ogc_request request;
    struct ww_str key[WW_LAYER_MAX_KEY];
    struct ww_error err;
    if (!ogc_request_read_one(call, &request))
        return;
    struct items *x = begin_run(call, &request);
    if (!x)
        return;
    x->run.one = true;
    x->limit = 1;
    if (!open_answer(x))
        return;
    if (ogc_id_read(call->arena, call->route->path_arg[1], call->layer->n_key, key) != WW_OK) {
        not_there(x);
        return;
    }
    enum ww_status st = ogc_query_one(call, &request, key, &x->run.query, &err);
    if (st != WW_OK) {
        fail(x, &err);
        return;
    }
    struct ww_pg_stream_query q = {.reader = ogc_reader(call),
                                   .sql = x->run.query.sql.data,
                                   .args = &x->run.query.args,
                                   .cb = on_one,
                                   .arg = x};
    st = ww_pg_stream_open(call->ogc->rows, &q, &x->rows);
    if (st != WW_OK) {
        x->rows = NULL;
        fail_db(x, st, NULL);
    }
}

void ww_handle_ogc_feature(struct ww_route_call *call) {
    ogc_begin(call, true, one_formats, NULL, one);
}
