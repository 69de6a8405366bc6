/* Big results, a page at a time, as fast as their reader takes them.
 *
 * A stream is one SELECT that runs as a reader (pg.h) through a cursor, on a connection that it has for
 * itself until its end. Its rows come in binary format (pg_binary.h), a page for each time that the consumer
 * asks: nothing is read ahead, so a slow consumer costs one page of memory and an idle connection, never a
 * growing buffer.
 *
 *   static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
 *                       const struct ww_error *err) {
 *       struct export *x = arg;
 *       if (status != WW_OK) { fail(x, status, err); return; }    // the stream is gone
 *       for (int row = 0; row < ww_pg_rows(page); row++) write_feature(x, page, row);
 *       if (last) { finish(x); return; }                          // so it is here
 *       if (has_room(x)) ww_pg_stream_next(x->stream);            // else later, from on_drain
 *   }
 *   struct ww_pg_stream_query q = {.reader = reader, .sql = text, .args = &args, .cb = on_page, .arg = x};
 *   st = ww_pg_stream_open(app->streams, &q, &x->stream);         // WW_BUSY: 503 with Retry-After
 *   …
 *   ww_pg_stream_cancel(x->stream);                               // on_gone: the client hung up
 *
 * There are as many connections as the pool was made with; when all are taken a stream waits its turn, in a
 * bounded queue (full: WW_BUSY), for a bounded time (over: its callback gets WW_BUSY). One account has at
 * most `max_per_account` of the connections, so that one download can't take all of them.
 *
 * Every page is bounded by statement_timeout, a consumer that does not ask for the next page by
 * `rest_max_ms`, and the whole by `life_max_ms`, because an open transaction keeps PostgreSQL from cleaning
 * up. Cancelling stops the query on the server: a request to cancel is sent by a thread, and the connection
 * is used again only when that has been acted upon. One thread; callbacks never come from inside a call.
 */
#ifndef WW_SQL_PG_STREAM_H
#define WW_SQL_PG_STREAM_H

#include "sql/pg_binary.h"

struct ww_pg_streams; /* the pool */
struct ww_pg_stream;

struct ww_pg_streams_options {
    const char *conninfo;    /* copied */
    const char *application; /* application_name; copied; NULL = "wardwatch streams" */
    int connections;         /* 0 = 4 */
    int max_per_account; /* of the connections; 0 = all but one; nobody (account 0) counts as one account */
    int queue_max;       /* waiting for a connection; 0 = 64 */
    int wait_max_ms;     /* … at most so long; 0 = 10 000 */
    int statement_timeout_ms; /* of a page; 0 = 30 000 */
    int rest_max_ms;          /* between a page and the asking for the next; 0 = 60 000 */
    int life_max_ms;          /* of a stream with a connection; 0 = 600 000 */
};

struct ww_pg_streams *ww_pg_streams_new(struct event_base *base, const struct ww_pg_streams_options *options);
/* Ends open streams: their callbacks get WW_UNAVAILABLE. Not from inside a stream's callback. */
void ww_pg_streams_free(struct ww_pg_streams *streams);

/* `page` (NULL unless WW_OK) lives until the callback returns; it may have no rows. After `last`, or a status
 * other than WW_OK, the stream is gone. Statuses and `err` as in pg.h. */
typedef void (*ww_pg_stream_cb)(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                                const struct ww_error *err);

struct ww_pg_stream_query {
    struct ww_pg_reader reader;    /* copied */
    const char *sql;               /* one SELECT, with $1, $2 …; copied, at most 256 KiB */
    const struct ww_pg_args *args; /* copied; may be NULL */
    int page_rows;                 /* at most; 0 = 1 000 */
    size_t page_bytes;             /* what a page should not exceed by much; 0 = 256 KiB */
    ww_pg_stream_cb cb;
    void *arg;
};

/* The first page comes by itself. WW_BUSY when the queue is full, WW_UNAVAILABLE when no connection is up;
 * then there is no stream, and no callback. */
enum ww_status ww_pg_stream_open(struct ww_pg_streams *streams, const struct ww_pg_stream_query *query,
                                 struct ww_pg_stream **out) WW_MUST_CHECK;
/* Asks for the next page, once for each page got; also from inside the callback. */
void ww_pg_stream_next(struct ww_pg_stream *stream);
/* Ends it, wherever it is; no callback comes any more. Also from inside the callback, before the end. */
void ww_pg_stream_cancel(struct ww_pg_stream *stream);

struct ww_pg_streams_counters {
    int open, waiting;                                /* now */
    uint64_t opened, pages, rows, refused, cancelled; /* ever */
};
void ww_pg_streams_get_counters(const struct ww_pg_streams *streams, struct ww_pg_streams_counters *out);

#endif
