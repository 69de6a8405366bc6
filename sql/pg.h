/* PostgreSQL on the event loop: one connection, and a pool of them.
 *
 * The only folder that includes libpq is sql/. A connection is a state machine
 *   DOWN → CONNECTING → PREPARING → IDLE ⇄ BUSY → DOWN
 * that reconnects by itself with back-off (full jitter, 100 ms … 4 s). Commands are
 * queued in order, answered in order, each exactly once, never from inside the call that
 * queues them. Plain queries run in pipeline mode; a COPY drains the pipeline, leaves it,
 * and runs alone. The queue is bounded: full means WW_BUSY, down means WW_UNAVAILABLE.
 *
 *   struct ww_pg *pg = ww_pg_new(base, &options, on_state, arg);
 *   struct ww_pg_args args; ww_pg_args_init(&args);
 *   ww_pg_arg_str(&args, WW_STR("500115001"));
 *   st = ww_pg_query(pg, ww_sql_find("ward_by_code"), &args, on_ward, arg);   // copies args
 *   ww_pg_args_clear(&args);
 *
 * When the connection dies, every queued command is answered WW_UNAVAILABLE, oldest first,
 * before it reconnects: the outcome of a COMMIT that was under way is then unknown.
 * Every command has a deadline (statement_timeout at the server, and ours 5 s above it,
 * which drops the connection: libpq 15 can't cancel without blocking).
 * Callbacks may queue commands and may call ww_pg_free: freeing is deferred to the end
 * of the turn. Results live until the callback returns. One thread.
 */
#ifndef WW_SQL_PG_H
#define WW_SQL_PG_H

#include <event2/event.h>

#include "geo/base/status.h"

/* ---- Named statements: one file each in sql/queries/, embedded at build time ---- */

struct ww_sql {
    const char *name; /* the file's name without .sql */
    const char *text;
    bool prepare; /* prepared at connect unless the file's first line is "-- once" */
};
/* Aborts when there is no such file: a missing query is our mistake. */
const struct ww_sql *ww_sql_find(const char *name);
const struct ww_sql *ww_sql_all(size_t *count);

/* ---- Arguments: $1, $2 … in order, sent as text unless said otherwise ---- */

struct ww_pg_args; /* see pg_args.h for the fields; allocate on the stack */
#include "sql/pg_args.h"

/* ---- Results ---- */

struct ww_pg_result;
int ww_pg_rows(const struct ww_pg_result *r);
int ww_pg_columns(const struct ww_pg_result *r);
bool ww_pg_is_null(const struct ww_pg_result *r, int row, int column);
struct ww_str ww_pg_str(const struct ww_pg_result *r, int row, int column); /* "" for NULL */
int64_t ww_pg_i64(const struct ww_pg_result *r, int row, int column);       /* 0 for NULL; asserts a number */
double ww_pg_double(const struct ww_pg_result *r, int row, int column);     /* NAN for NULL */
bool ww_pg_bool(const struct ww_pg_result *r, int row, int column);
/* "INSERT 0 3", "COMMIT", "ROLLBACK": a COMMIT that answers ROLLBACK did not commit. */
struct ww_str ww_pg_tag(const struct ww_pg_result *r);
uint64_t ww_pg_affected(const struct ww_pg_result *r);
/* For bytea sent as text: decodes "\x…" into the arena. */
struct ww_arena;
enum ww_status ww_pg_bytes(const struct ww_pg_result *r, int row, int column, struct ww_arena *arena,
                           struct ww_str *out) WW_MUST_CHECK;

/* `status`: WW_OK; WW_CONFLICT for unique and exclusion violations; WW_BAD_INPUT for other
 * errors of SQLSTATE class 22 and 23; WW_UNAVAILABLE for connection loss, shutdown, disk full,
 * time-outs, deadlocks and serialization failures; WW_DENIED for 42501; else WW_BAD_INPUT.
 * `err->field` holds the five-character SQLSTATE, or "" when there was no answer; `err->value` the
 * name of the violated constraint, if any.
 * `result` is NULL unless WW_OK. */
typedef void (*ww_pg_cb)(void *arg, enum ww_status status, const struct ww_pg_result *result,
                         const struct ww_error *err);

/* ---- Whose eyes a query reads with ----
 *
 * Row-level security decides what a query gives (sql/migrations/…_visibility.sql). A query that answers
 * somebody outside runs as a reader: in a read-only transaction of its own, with the reader's database role
 * and wards set for this transaction only. All of it travels in one round trip, and whatever happens, the
 * next query on the connection starts as ourselves again.
 *
 *   struct ww_pg_reader reader = {.wards = WW_STR("{3,7}"), .account_id = account->id,
 *                                 .account_role = ww_role_name(account->role)};
 *   st = ww_pg_pool_query_as(pool, &reader, ww_sql_find("api_sites"), &args, on_sites, arg);
 *
 * A zero struct sees all wards: WW_STR_NONE means that. No ward at all is "{}".
 */
#define WW_PG_READER_ROLE "wardwatch_reader"

struct ww_pg_reader {
    const char *role;    /* NULL = WW_PG_READER_ROLE */
    struct ww_str wards; /* ids, "{1,2}"; WW_STR_NONE = all, and rows without a ward */
    int32_t account_id;  /* 0 = nobody is logged in */
    /* "analyst": of the account. Prosecutors, analysts and admins also see feeds, and over all wards
     * stations, messages and dead letters. NULL = nobody's: none of these. */
    const char *account_role;
};

/* ---- One connection ---- */

struct ww_pg;
enum ww_pg_state { WW_PG_DOWN, WW_PG_CONNECTING, WW_PG_PREPARING, WW_PG_IDLE, WW_PG_BUSY };
typedef void (*ww_pg_state_cb)(void *arg, struct ww_pg *pg, bool up);
typedef void (*ww_pg_notify_cb)(void *arg, struct ww_str channel, struct ww_str payload);

struct ww_pg_options {
    const char *conninfo;     /* URI or key=value; copied */
    const char *application;  /* application_name; copied */
    int statement_timeout_ms; /* 0 = 30 000; negative = none */
    int queue_max;            /* commands waiting or under way; 0 = 64 */
    bool prepare;             /* prepare the named statements at connect; else on first use */
    const char *
        on_connect; /* SQL run after connecting (SET …, CREATE TEMP TABLE …, LISTEN …); copied; may be NULL */
    ww_pg_notify_cb on_notify; /* may be NULL */
    void *notify_arg;
};

/* Starts connecting. `on_state` (may be NULL) is called at every change between usable and not. */
struct ww_pg *ww_pg_new(struct event_base *base, const struct ww_pg_options *options, ww_pg_state_cb on_state,
                        void *arg);
/* Answers what is queued with WW_UNAVAILABLE, then frees at the end of the turn. */
void ww_pg_free(struct ww_pg *pg);
bool ww_pg_is_up(const struct ww_pg *pg);
int ww_pg_queued(const struct ww_pg *pg);
/* Why it is down, for logs and /readyz; "" when up. */
const char *ww_pg_last_error(const struct ww_pg *pg);

/* `args` may be NULL. WW_UNAVAILABLE when down, WW_BUSY when the queue is full: then the
 * callback is not called. */
enum ww_status ww_pg_query(struct ww_pg *pg, const struct ww_sql *sql, const struct ww_pg_args *args,
                           ww_pg_cb cb, void *arg) WW_MUST_CHECK;
/* The same with the reader's eyes; copied. A role that can't be taken on is WW_UNAVAILABLE. */
enum ww_status ww_pg_query_as(struct ww_pg *pg, const struct ww_pg_reader *reader, const struct ww_sql *sql,
                              const struct ww_pg_args *args, ww_pg_cb cb, void *arg) WW_MUST_CHECK;
/* Plain SQL text, for BEGIN, COMMIT, migrations, LISTEN. Several statements are allowed only without args. */
enum ww_status ww_pg_exec(struct ww_pg *pg, const char *sql, const struct ww_pg_args *args, ww_pg_cb cb,
                          void *arg) WW_MUST_CHECK;
/* Sends `parts` one after another through COPY … FROM STDIN, 64 KiB at a time as the socket takes
 * them. The parts must stay until the callback. */
enum ww_status ww_pg_copy_in(struct ww_pg *pg, const char *copy_sql, const struct ww_str *parts,
                             size_t n_parts, ww_pg_cb cb, void *arg) WW_MUST_CHECK;
/* Drops the connection now; it reconnects. Queued commands are answered WW_UNAVAILABLE. */
void ww_pg_drop(struct ww_pg *pg);

/* ---- A pool: for requests that need one statement each ---- */

struct ww_pg_pool;
/* `size` connections; each request goes to the up connection with the shortest queue. */
struct ww_pg_pool *ww_pg_pool_new(struct event_base *base, const struct ww_pg_options *options, int size);
void ww_pg_pool_free(struct ww_pg_pool *pool);
bool ww_pg_pool_is_up(const struct ww_pg_pool *pool);
enum ww_status ww_pg_pool_query(struct ww_pg_pool *pool, const struct ww_sql *sql,
                                const struct ww_pg_args *args, ww_pg_cb cb, void *arg) WW_MUST_CHECK;

enum ww_status ww_pg_pool_query_as(struct ww_pg_pool *pool, const struct ww_pg_reader *reader,
                                   const struct ww_sql *sql, const struct ww_pg_args *args, ww_pg_cb cb,
                                   void *arg) WW_MUST_CHECK;

/* ---- For the command line: runs one thing to its end on a private loop ---- */

struct ww_pg_sync;
/* Connects, waiting at most `wait_ms`; the error says what to do ("can't reach …: …"). */
enum ww_status ww_pg_sync_open(const char *conninfo, int wait_ms, struct ww_pg_sync **out,
                               struct ww_error *err) WW_MUST_CHECK;
void ww_pg_sync_close(struct ww_pg_sync *sync);
/* While a statement runs, `go_on` is asked some times a second; false drops the connection, for good:
 * WW_BUSY, "cancelled". NULL: nobody is asked. */
void ww_pg_sync_wait_while(struct ww_pg_sync *sync, bool (*go_on)(void *arg), void *arg);
/* `result` (may be NULL) lives until the next call on `sync`. */
enum ww_status ww_pg_sync_exec(struct ww_pg_sync *sync, const char *sql, const struct ww_pg_args *args,
                               const struct ww_pg_result **result, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_pg_sync_query(struct ww_pg_sync *sync, const struct ww_sql *sql,
                                const struct ww_pg_args *args, const struct ww_pg_result **result,
                                struct ww_error *err) WW_MUST_CHECK;
/* Runs a query of any size through a cursor, inside the transaction that is open: `each` is given a page at a
 * time and says whether to go on. It must not use `sync`. */
typedef bool (*ww_pg_page_cb)(void *arg, const struct ww_pg_result *page);
enum ww_status ww_pg_sync_each(struct ww_pg_sync *sync, const struct ww_sql *sql,
                               const struct ww_pg_args *args, int page_rows, ww_pg_page_cb each, void *arg,
                               struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_pg_sync_copy_in(struct ww_pg_sync *sync, const char *copy_sql, const struct ww_str *parts,
                                  size_t n_parts, struct ww_error *err) WW_MUST_CHECK;

#endif
