/* Runs streams: each on a line, which is one connection and what goes on there.
 *
 *   FREE ──open──▶ FETCHING ⇄ RESTING ──▶ ENDING ──▶ FREE
 *                     │ cancel               ▲
 *                     └──▶ CANCELLING ───────┘      the page under way and the request to cancel are waited
 * for
 *
 * Opening is one round trip: BEGIN, read_as.sql, DECLARE and the first FETCH go out together, each with its
 * own answer. The first error is the stream's error; those behind it only say that the transaction is
 * aborted. ENDING is the ROLLBACK (there is nothing to commit); a line whose ROLLBACK fails drops its
 * connection, and has a new one when it is up again.
 *
 * How many rows the next page may have is learned from the last: as many as fit into page_bytes, at most four
 * times as many as before. So a page of large polygons is short, and one of readings long.
 */
#include "sql/pg_stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "sql/pg_internal.h"

#define SQL_CEILING     ((size_t)256 << 10)
#define FIRST_ROWS      128
#define CANCEL_GRACE_MS 10000 /* a page that does not end by then is ended with its connection */

enum line_state { LINE_FREE, LINE_FETCHING, LINE_RESTING, LINE_CANCELLING, LINE_ENDING };

/* Owned by the pool; its stream is the consumer's handle. */
struct line {
    struct pg_cancel_job job; /* first: `done` finds the line by it */
    struct ww_pg_streams *pool;
    struct ww_pg *pg;
    struct event *timer; /* RESTING: asks for nothing; CANCELLING: does not stop */
    enum line_state state;
    struct ww_pg_stream *stream; /* NULL when FREE, CANCELLING, ENDING */
    bool request_out;            /* a request to cancel is on its way */
    struct ww_error err;         /* the first of the commands under way */
    int64_t until_ms;            /* its stream may live */
    int asked_rows;              /* by the FETCH under way */
};

/* Owned by the pool until its end; in the queue, or on a line. */
struct ww_pg_stream {
    struct ww_pg_stream *next; /* in the queue */
    struct ww_pg_streams *pool;
    struct line *line;  /* NULL while it waits */
    int64_t give_up_ms; /* waiting */
    char *declare;      /* SQL */
    struct ww_pg_args args;
    char *role, *wards, *account_role; /* of the reader */
    int32_t account_id;
    int page_rows, rows;
    size_t page_bytes;
    ww_pg_stream_cb cb;
    void *arg;
};

struct ww_pg_streams {
    struct pg_canceller *canceller;
    struct event *turn;       /* looks at the queue, outside of callers' calls */
    struct event *queue_time; /* the head of the queue gives up */
    struct ww_pg_stream *waiting;
    struct ww_pg_streams_options options;
    struct ww_pg_streams_counters counters;
    bool closed;
    int n_lines;
    struct line lines[];
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_timer(struct event *timer, int64_t ms) {
    if (ms < 0)
        ms = 0;
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(timer, &wait);
}

static void look_at_queue(struct ww_pg_streams *pool) {
    if (!pool->closed && pool->waiting)
        event_active(pool->turn, EV_TIMEOUT, 0);
}

/* ---- Streams ---- */

static void free_stream(struct ww_pg_stream *stream) {
    ww_pg_args_clear(&stream->args);
    ww_free(stream->declare);
    ww_free(stream->role);
    ww_free(stream->wards);
    ww_free(stream->account_role);
    ww_free(stream);
}

static char *copy_text(struct ww_str text) {
    char *copy = ww_try_malloc(text.len + 1);
    if (copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

static enum ww_status copy_args(struct ww_pg_args *to, const struct ww_pg_args *from) {
    ww_pg_args_init(to);
    if (!from)
        return WW_OK;
    if (ww_buf_status(&from->bytes) != WW_OK)
        return ww_buf_status(&from->bytes);
    ww_buf_add(&to->bytes, from->bytes.data, from->bytes.len);
    to->count = from->count;
    memcpy(to->start, from->start, sizeof to->start);
    memcpy(to->length, from->length, sizeof to->length);
    memcpy(to->binary, from->binary, sizeof to->binary);
    return ww_buf_status(&to->bytes);
}

static char *make_declare(const char *sql) {
    struct ww_buf text;
    ww_buf_init(&text, SQL_CEILING);
    ww_buf_printf(&text, "DECLARE ww_stream NO SCROLL CURSOR FOR\n%s", sql);
    if (ww_buf_status(&text) == WW_OK)
        return text.data;
    ww_buf_clear(&text);
    return NULL;
}

static enum ww_status new_stream(struct ww_pg_streams *pool, const struct ww_pg_stream_query *query,
                                 struct ww_pg_stream **out) {
    struct ww_pg_stream *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return WW_NO_MEMORY;
    enum ww_status st = copy_args(&s->args, query->args);
    const struct ww_pg_reader *reader = &query->reader;
    s->pool = pool;
    s->declare = strlen(query->sql) < SQL_CEILING - 64 ? make_declare(query->sql) : NULL;
    s->role = copy_text(ww_str_of(reader->role ? reader->role : WW_PG_READER_ROLE));
    s->wards = copy_text(reader->wards.ptr ? reader->wards : WW_STR("all"));
    s->account_role = copy_text(ww_str_of(reader->account_role ? reader->account_role : ""));
    if (st == WW_OK && (!s->declare || !s->role || !s->wards || !s->account_role))
        st = s->declare ? WW_NO_MEMORY : WW_TOO_LARGE;
    if (st != WW_OK) {
        free_stream(s);
        return st;
    }
    s->account_id = reader->account_id;
    s->page_rows = query->page_rows > 0 ? query->page_rows : 1000;
    s->page_bytes = query->page_bytes > 0 ? query->page_bytes : (size_t)256 << 10;
    s->rows = s->page_rows < FIRST_ROWS ? s->page_rows : FIRST_ROWS;
    s->cb = query->cb;
    s->arg = query->arg;
    *out = s;
    return WW_OK;
}

/* Tells the consumer and frees. */
static void end_stream(struct ww_pg_stream *stream, const struct ww_error *err) {
    stream->cb(stream->arg, err->status, NULL, true, err);
    free_stream(stream);
}

/* ---- The end of a stream on its line ---- */

static void become_free(struct line *line) {
    line->state = LINE_FREE;
    look_at_queue(line->pool);
}

static void on_ended(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct line *line = arg;
    (void)r;
    (void)err;
    if (line->pool->closed)
        return;
    if (status != WW_OK)
        ww_pg_drop(line->pg);
    become_free(line);
}

/* Takes the stream off the line and ends the transaction. */
static void let_go(struct line *line) {
    line->stream = NULL;
    line->state = LINE_ENDING;
    evtimer_del(line->timer);
    if (ww_pg_exec(line->pg, "ROLLBACK", NULL, on_ended, line) != WW_OK)
        become_free(line); /* the connection is gone, and the transaction with it */
}

static void fail_stream(struct line *line, const struct ww_error *err) {
    struct ww_error why = *err;
    struct ww_pg_stream *stream = line->stream;
    let_go(line);
    end_stream(stream, &why);
}

static void end_when_cancelled(struct line *line, bool page_is_out) {
    if (!page_is_out && !line->request_out)
        let_go(line);
}

static void on_requested(struct pg_cancel_job *job) {
    struct line *line = (struct line *)job;
    line->request_out = false;
    if (line->state == LINE_CANCELLING)
        end_when_cancelled(line, line->asked_rows > 0);
}

/* ---- Pages ---- */

static void on_opened(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct line *line = arg;
    (void)r;
    if (status != WW_OK && line->err.status == WW_OK)
        line->err = *err;
}

/* What the server refuses here is no fault of the query. */
static void on_reader(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct line *line = arg;
    (void)r;
    if (status == WW_OK || line->err.status != WW_OK)
        return;
    ww_error_set(&line->err, WW_UNAVAILABLE, "can't read as the reader: %.200s", err->message);
    ww_error_at_field(&line->err, ww_str_of(err->field), WW_STR_NONE);
}

/* For the next page. */
static void learn_rows(struct ww_pg_stream *stream, const struct ww_pg_result *page) {
    size_t bytes = PQresultMemorySize(page->pg) + 1, got = (size_t)ww_pg_rows(page);
    size_t fit = got * stream->page_bytes / bytes;
    size_t most = (size_t)stream->rows * 4;
    if (fit > most)
        fit = most;
    if (fit > (size_t)stream->page_rows)
        fit = (size_t)stream->page_rows;
    stream->rows = fit > 0 ? (int)fit : 1;
}

static void deliver(struct line *line, const struct ww_pg_result *page, int asked) {
    struct ww_pg_stream *stream = line->stream;
    bool last = ww_pg_rows(page) < asked;
    struct ww_error none = {.status = WW_OK};
    line->pool->counters.pages++;
    line->pool->counters.rows += (uint64_t)ww_pg_rows(page);
    if (last) {
        let_go(line);
        stream->cb(stream->arg, WW_OK, page, true, &none);
        free_stream(stream);
        return;
    }
    learn_rows(stream, page);
    line->state = LINE_RESTING;
    int64_t left = line->until_ms - now_ms(), rest = line->pool->options.rest_max_ms;
    set_timer(line->timer, left < rest ? left : rest);
    stream->cb(stream->arg, WW_OK, page, false, &none); /* may ask for more, or cancel */
}

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *page,
                    const struct ww_error *err) {
    struct line *line = arg;
    int asked = line->asked_rows;
    line->asked_rows = 0;
    if (line->pool->closed)
        return;
    if (line->state == LINE_CANCELLING) {
        end_when_cancelled(line, false);
        return;
    }
    assert(line->state == LINE_FETCHING);
    if (status != WW_OK && line->err.status == WW_OK)
        line->err = *err;
    if (line->err.status != WW_OK)
        fail_stream(line, &line->err);
    else
        deliver(line, page, asked);
}

static enum ww_status fetch(struct line *line) {
    char sql[64];
    snprintf(sql, sizeof sql, "FETCH %d FROM ww_stream", line->stream->rows);
    line->state = LINE_FETCHING;
    evtimer_del(line->timer);
    line->asked_rows = line->stream->rows;
    enum ww_status st = pg_exec_single(line->pg, sql, NULL, 1, on_page, line);
    if (st != WW_OK)
        line->asked_rows = 0;
    return st;
}

/* The transaction waits for its consumer; our own timer ends it sooner. Full speed to the last row is what
 * counts, not to the first tenth, as PostgreSQL would have it for cursors. */
static enum ww_status begin(struct line *line) {
    struct ww_pg_stream *stream = line->stream;
    char settings[256];
    snprintf(settings, sizeof settings,
             "SELECT set_config('idle_in_transaction_session_timeout', '%d', true),"
             " set_config('cursor_tuple_fraction', '1', true)",
             line->pool->options.rest_max_ms + 2 * CANCEL_GRACE_MS);
    struct ww_pg_args as;
    ww_pg_args_init(&as);
    ww_pg_arg_str(&as, ww_str_of(stream->role));
    ww_pg_arg_str(&as, ww_str_of(stream->wards));
    ww_pg_arg_i64(&as, stream->account_id);
    ww_pg_arg_str(&as, ww_str_of(stream->account_role));
    enum ww_status st = ww_pg_exec(line->pg, "BEGIN", NULL, on_opened, line);
    if (st == WW_OK)
        st = ww_pg_exec(line->pg, settings, NULL, on_opened, line);
    if (st == WW_OK)
        st = ww_pg_query(line->pg, pg_read_as(), &as, on_reader, line);
    ww_pg_args_clear(&as);
    if (st == WW_OK)
        st = pg_exec_single(line->pg, stream->declare, &stream->args, 0, on_opened, line);
    return st == WW_OK ? fetch(line) : st;
}

/* On a free line. When it can't be sent, the stream stays the caller's, off the line. */
static enum ww_status start(struct line *line, struct ww_pg_stream *stream) {
    assert(line->state == LINE_FREE);
    line->stream = stream;
    stream->line = line;
    line->err = (struct ww_error){.status = WW_OK};
    line->until_ms = now_ms() + line->pool->options.life_max_ms;
    enum ww_status st = begin(line);
    if (st == WW_OK) {
        line->pool->counters.opened++;
        return WW_OK;
    }
    stream->line = NULL;
    let_go(line);
    return st;
}

static void on_line_timer(evutil_socket_t fd, short what, void *arg) {
    struct line *line = arg;
    (void)fd;
    (void)what;
    if (line->state == LINE_CANCELLING) {
        ww_pg_drop(line->pg);
        return;
    }
    if (line->state != LINE_RESTING)
        return;
    struct ww_error err;
    bool old = now_ms() >= line->until_ms;
    ww_error_set(&err, WW_UNAVAILABLE, "the answer was %s for %d s", old ? "under way" : "not taken",
                 (old ? line->pool->options.life_max_ms : line->pool->options.rest_max_ms) / 1000);
    fail_stream(line, &err);
}

/* ---- The queue ---- */

static bool account_has_room(const struct ww_pg_streams *pool, int32_t account_id) {
    int n = 0;
    for (int i = 0; i < pool->n_lines; i++)
        n += pool->lines[i].stream && pool->lines[i].stream->account_id == account_id;
    return n < pool->options.max_per_account;
}

static struct line *free_line(struct ww_pg_streams *pool) {
    for (int i = 0; i < pool->n_lines; i++)
        if (pool->lines[i].state == LINE_FREE && ww_pg_is_up(pool->lines[i].pg))
            return &pool->lines[i];
    return NULL;
}

static bool any_is_up(const struct ww_pg_streams *pool) {
    for (int i = 0; i < pool->n_lines; i++)
        if (ww_pg_is_up(pool->lines[i].pg))
            return true;
    return false;
}

static void arm_queue_time(struct ww_pg_streams *pool) {
    if (pool->waiting)
        set_timer(pool->queue_time, pool->waiting->give_up_ms - now_ms());
    else
        evtimer_del(pool->queue_time);
}

static void enqueue(struct ww_pg_stream *stream) {
    struct ww_pg_streams *pool = stream->pool;
    struct ww_pg_stream **at = &pool->waiting;
    while (*at)
        at = &(*at)->next;
    *at = stream;
    pool->counters.waiting++;
    stream->give_up_ms = now_ms() + pool->options.wait_max_ms;
    arm_queue_time(pool);
}

static void unqueue(struct ww_pg_stream *stream) {
    struct ww_pg_streams *pool = stream->pool;
    struct ww_pg_stream **at = &pool->waiting;
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    stream->next = NULL;
    pool->counters.waiting--;
    arm_queue_time(pool);
}

/* Starts what can be started. A consumer that is told of an error may change the queue: then it is looked at
 * anew. */
static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg_streams *pool = arg;
    (void)fd;
    (void)what;
    struct line *line;
    struct ww_pg_stream *stream = pool->waiting;
    while (stream && (line = free_line(pool))) {
        struct ww_pg_stream *next = stream->next;
        if (account_has_room(pool, stream->account_id)) {
            struct ww_error err;
            unqueue(stream);
            enum ww_status st = start(line, stream);
            if (st != WW_OK) {
                ww_error_set(&err, st, "%s", ww_status_name(st));
                end_stream(stream, &err);
                look_at_queue(pool);
                return;
            }
        }
        stream = next;
    }
}

static void on_queue_time(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg_streams *pool = arg;
    struct ww_pg_stream *stream = pool->waiting;
    (void)fd;
    (void)what;
    if (stream && stream->give_up_ms <= now_ms()) {
        struct ww_error err;
        unqueue(stream);
        pool->counters.refused++;
        ww_error_set(&err, WW_BUSY, "all connections for big answers are taken");
        end_stream(stream, &err);
        return; /* the timer is armed for the next */
    }
    arm_queue_time(pool);
}

/* ---- The pool ---- */

static void on_state(void *arg, struct ww_pg *pg, bool up) {
    struct line *line = arg;
    (void)pg;
    /* At rest nothing is under way whose answer would tell that the transaction is lost. */
    if (!up && !line->pool->closed && line->state == LINE_RESTING) {
        struct ww_error err;
        ww_error_set(&err, WW_UNAVAILABLE, "%s", ww_pg_last_error(line->pg));
        fail_stream(line, &err);
    }
    if (up)
        look_at_queue(line->pool);
}

static int or_default(int given, int otherwise) {
    return given > 0 ? given : otherwise;
}

struct ww_pg_streams *ww_pg_streams_new(struct event_base *base,
                                        const struct ww_pg_streams_options *options) {
    int n = or_default(options->connections, 4);
    struct ww_pg_streams *pool = ww_must_calloc(1, sizeof *pool + (size_t)n * sizeof(struct line));
    pool->options = *options;
    pool->options.max_per_account = or_default(options->max_per_account, n > 1 ? n - 1 : 1);
    pool->options.queue_max = or_default(options->queue_max, 64);
    pool->options.wait_max_ms = or_default(options->wait_max_ms, 10000);
    pool->options.rest_max_ms = or_default(options->rest_max_ms, 60000);
    pool->options.life_max_ms = or_default(options->life_max_ms, 600000);
    pool->canceller = pg_canceller_new(base);
    pool->turn = event_new(base, -1, EV_PERSIST, on_turn, pool);
    pool->queue_time = evtimer_new(base, on_queue_time, pool);
    if (!pool->turn || !pool->queue_time)
        abort();
    struct ww_pg_options pg = {
        .conninfo = options->conninfo,
        .application = options->application ? options->application : "wardwatch streams",
        .statement_timeout_ms = options->statement_timeout_ms,
    };
    pool->n_lines = n;
    for (int i = 0; i < n; i++) {
        struct line *line = &pool->lines[i];
        line->pool = pool;
        line->job.done = on_requested;
        line->timer = evtimer_new(base, on_line_timer, line);
        if (!line->timer)
            abort();
        line->pg = ww_pg_new(base, &pg, on_state, line);
    }
    pool->options.conninfo = pool->options.application = NULL; /* the connections have their copies */
    return pool;
}

void ww_pg_streams_free(struct ww_pg_streams *pool) {
    if (!pool)
        return;
    struct ww_error err;
    ww_error_set(&err, WW_UNAVAILABLE, "the connection is closed");
    pool->closed = true;
    for (int i = 0; i < pool->n_lines; i++)
        ww_pg_free(pool->lines[i].pg);
    for (int i = 0; i < pool->n_lines; i++) {
        struct ww_pg_stream *stream = pool->lines[i].stream;
        pool->lines[i].stream = NULL;
        if (stream)
            end_stream(stream, &err);
        event_free(pool->lines[i].timer);
    }
    while (pool->waiting) {
        struct ww_pg_stream *stream = pool->waiting;
        unqueue(stream);
        end_stream(stream, &err);
    }
    pg_canceller_free(pool->canceller);
    event_free(pool->turn);
    event_free(pool->queue_time);
    ww_free(pool);
}

enum ww_status ww_pg_stream_open(struct ww_pg_streams *pool, const struct ww_pg_stream_query *query,
                                 struct ww_pg_stream **out) {
    *out = NULL;
    if (pool->closed || !any_is_up(pool))
        return WW_UNAVAILABLE;
    struct line *line = account_has_room(pool, query->reader.account_id) ? free_line(pool) : NULL;
    if (!line && pool->counters.waiting >= pool->options.queue_max) {
        pool->counters.refused++;
        return WW_BUSY;
    }
    struct ww_pg_stream *stream;
    enum ww_status st = new_stream(pool, query, &stream);
    if (st != WW_OK)
        return st;
    if (!line)
        enqueue(stream);
    else if ((st = start(line, stream)) != WW_OK) {
        free_stream(stream);
        return st;
    }
    *out = stream;
    return WW_OK;
}

void ww_pg_stream_next(struct ww_pg_stream *stream) {
    struct line *line = stream->line;
    assert(line && line->state == LINE_RESTING);
    if (now_ms() >= line->until_ms || fetch(line) != WW_OK) {
        /* The end is told in a turn of its own, by the timer. */
        line->state = LINE_RESTING;
        line->until_ms = 0;
        set_timer(line->timer, 0);
    }
}

void ww_pg_stream_cancel(struct ww_pg_stream *stream) {
    struct ww_pg_streams *pool = stream->pool;
    struct line *line = stream->line;
    pool->counters.cancelled++;
    if (!line) {
        unqueue(stream);
    } else if (line->state == LINE_RESTING) {
        let_go(line);
    } else if (line->state == LINE_FETCHING) {
        line->stream = NULL;
        line->state = LINE_CANCELLING;
        line->request_out = true;
        line->job.cancel = line->pg && ww_pg_is_up(line->pg) ? PQgetCancel(line->pg->conn) : NULL;
        set_timer(line->timer, CANCEL_GRACE_MS);
        pg_canceller_submit(pool->canceller, &line->job);
    }
    free_stream(stream);
}

void ww_pg_streams_get_counters(const struct ww_pg_streams *pool, struct ww_pg_streams_counters *out) {
    *out = pool->counters;
    out->open = 0;
    for (int i = 0; i < pool->n_lines; i++)
        out->open += pool->lines[i].stream != NULL;
}
