/* What the files of the PostgreSQL client share; nobody outside sql/ includes this.
 *
 *   pg_conn.c      life of the connection: connect, set up, events, death, back-off
 *   pg_command.c   makes commands and puts them on the queue
 *   pg_pipeline.c  sends commands, takes their results, answers them
 *   pg_copy.c      the streaming part of COPY
 *   pg_reader.c    commands that run as a reader: role and wards set for one transaction
 *   pg_stream.c    big results through cursors, on connections of their own
 *   pg_cancel.c    a thread that sends cancel requests, because libpq 15 blocks in them
 *
 * The queue is one list: head … (in_flight of them are sent) … unsent … tail.
 */
#ifndef WW_SQL_PG_INTERNAL_H
#define WW_SQL_PG_INTERNAL_H

#include <libpq-fe.h>

#include "sql/pg.h"

struct ww_pg_result {
    PGresult *pg;
    bool *kept; /* set when the callback takes `pg` over */
};

enum command_kind {
    COMMAND_NAMED,   /* one of sql/queries/; pipeline */
    COMMAND_TEXT,    /* one statement; pipeline */
    COMMAND_PREPARE, /* set-up only; pipeline */
    COMMAND_SCRIPT,  /* several statements, simple protocol; alone */
    COMMAND_COPY     /* alone */
};

enum copy_phase { COPY_ASKED, COPY_STREAMING, COPY_ENDED };

enum { PG_READER_ARGS = 4 }; /* database role, wards, account, its role */

/* Owned by the queue; the arrays and texts lie behind it in the same allocation. */
struct command {
    struct command *next;
    enum command_kind kind;
    bool setup;                 /* ours, from the time before the connection was usable */
    bool prepares;              /* carries the first preparation of `named` along */
    const struct ww_sql *named; /* NAMED and PREPARE */
    const char *text;
    int n_args;
    const char *values[WW_PG_ARGS_MAX];
    int lengths[WW_PG_ARGS_MAX];
    int formats[WW_PG_ARGS_MAX];
    int result_format; /* 0 text, 1 binary */
    ww_pg_cb cb;
    void *arg;
    /* The reader whose rights it runs with: arguments of read_as.sql in one allocation at [0]; NULL = ours.
     */
    char *reader[PG_READER_ARGS];
    bool becoming; /* the answer to read_as.sql has not come yet */
    /* What came back so far. */
    PGresult *result;
    PGresult *refusal;  /* the first error */
    const char *misuse; /* our own word where PostgreSQL has none */
    bool had_null;      /* the last PQgetResult said NULL */
    /* COPY */
    enum copy_phase phase;
    const struct ww_str *parts;
    size_t n_parts, part, offset;
};

enum preparation { NOT_PREPARED, PREPARATION_SENT, PREPARED };

struct ww_pg {
    struct event_base *base;
    char *conninfo, *application, *on_connect;
    int statement_timeout_ms; /* 0 = none */
    int queue_max;
    bool prepare;
    ww_pg_notify_cb on_notify;
    void *notify_arg;
    ww_pg_state_cb on_state;
    void *state_arg;

    enum ww_pg_state state;
    PGconn *conn;
    int fd;                            /* our own duplicate of PQsocket, or -1 */
    struct event *readable, *writable; /* of fd; re-assigned only while not pending */
    struct event *timer;               /* DOWN: retry; CONNECTING: gives up; else the head's deadline */
    struct event *turn;                /* work that must not happen inside a caller's call */
    bool wants_write;

    struct command *head, *tail, *unsent;
    int queued, in_flight;
    int setup_left;
    enum preparation *prepared; /* one a row of ww_sql_all */

    int depth;   /* how many of our frames are on the stack: nothing is freed before it is 0 */
    bool failed; /* the connection is to be buried by the outermost frame */
    bool closed; /* ww_pg_free was called */
    char last_error[256];
    char logged_error[256];
    int64_t logged_at_ms, up_since_ms;
    int attempts;
};

/* pg_conn.c */
void pg_enter(struct ww_pg *pg);
void pg_leave(struct ww_pg *pg); /* may bury, may free `pg` */
/* Says why the connection is to die; the outermost frame buries it. The first reason counts. */
void pg_fail(struct ww_pg *pg, const char *fmt, ...) WW_PRINTF(2, 3);
void pg_want_write(struct ww_pg *pg, bool on);
/* The timer for the command at the head, which has just got there. */
void pg_arm_deadline(struct ww_pg *pg);
void pg_setup_answered(struct ww_pg *pg, const struct command *c, const struct ww_error *err);
static inline bool pg_is_alive(const struct ww_pg *pg) {
    return !pg->closed && !pg->failed && pg->conn;
}

/* pg_command.c */
struct command *pg_command_new(const char *text, const struct ww_pg_args *args, const struct ww_str *parts,
                               size_t n_parts);
void pg_command_free(struct command *c);
void pg_push(struct ww_pg *pg, struct command *c);
enum ww_status pg_may_queue(const struct ww_pg *pg, const struct ww_pg_args *args);
enum ww_status pg_queue(struct ww_pg *pg, struct command *c); /* takes over `c`; NULL: memory was short */
static inline bool pg_is_alone(const struct command *c) {
    return c->kind == COMMAND_SCRIPT || c->kind == COMMAND_COPY;
}

/* pg_pipeline.c */
void pg_send(struct ww_pg *pg);             /* never calls out */
void pg_drain(struct ww_pg *pg);            /* calls out */
bool pg_has_result(const struct ww_pg *pg); /* without waiting */
void pg_answer_all(struct ww_pg *pg);       /* the connection is gone */

/* pg_copy.c */
void pg_copy_push(struct ww_pg *pg, struct command *c);

/* pg_reader.c */
const struct ww_sql *pg_read_as(void);
/* One statement and no more, whatever the text: the server refuses a second one. */
enum ww_status pg_exec_single(struct ww_pg *pg, const char *sql, const struct ww_pg_args *args,
                              int result_format, ww_pg_cb cb, void *arg) WW_MUST_CHECK;

/* pg_cancel.c: one cancel request at a time, on a thread. */
struct pg_canceller;
struct pg_cancel_job {
    struct pg_cancel_job *next;
    PGcancel *cancel; /* freed by the canceller */
    void (*done)(
        struct pg_cancel_job *job); /* on the loop: the request has been acted upon, or can't be sent */
};
struct pg_canceller *pg_canceller_new(struct event_base *base);
/* Jobs that are not done yet are dropped: `done` is not called for them. */
void pg_canceller_free(struct pg_canceller *canceller);
void pg_canceller_submit(struct pg_canceller *canceller, struct pg_cancel_job *job);

/* pg_error.c */
enum ww_status pg_status_of(const char *sqlstate);
enum ww_status pg_error_from(const PGresult *refusal, const char *text, struct ww_error *err);
/* One line: blanks of all kinds become one space. */
void pg_flatten(char *out, size_t room, const char *text);

#endif
