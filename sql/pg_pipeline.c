/* Sends queued commands, takes their results in order, and answers each exactly once.
 *
 * Pipeline mode, one sync a command: a failed command aborts nothing but itself, and every command
 * has its own slot. For one command libpq returns
 *     result · NULL · PGRES_PIPELINE_SYNC
 * and a command is answered at its SYNC, because only then has its implicit transaction been
 * committed: a deferred constraint speaks between the result and the SYNC. With a preparation
 * carried along there are two results; with a reader, the result of read_as.sql stands before them, and
 * what it sets holds until the SYNC ends the implicit transaction, whatever comes of the statement. COPY and
 * scripts can't be pipelined (libpq refuses both); they wait until the pipeline is empty, leave it, and run
 * alone until PQgetResult says NULL.
 *
 * libpq reads from the socket in order to write (so that two full sockets don't wait for each
 * other); a result may therefore lie in its buffer while the socket is quiet. Whoever sends asks
 * pg_has_result afterwards.
 */
#include <assert.h>

#include "sql/embed.h"
#include "sql/pg_internal.h"

/* Deep enough to hide any round trip, small enough that libpq's buffers stay small. */
#define PIPELINE_DEPTH 64

bool pg_has_result(const struct ww_pg *pg) {
    if (!pg_is_alive(pg) || pg->in_flight == 0)
        return false;
    if (pg->head->kind == COMMAND_COPY && pg->head->phase == COPY_STREAMING)
        return false;
    return !PQisBusy(pg->conn);
}

/* ---- Sending ---- */

static enum preparation *preparation_of(struct ww_pg *pg, const struct ww_sql *sql) {
    if (sql < embedded_queries || sql >= embedded_queries + embedded_query_count)
        return NULL;
    return &pg->prepared[sql - embedded_queries];
}

static int send_named(struct ww_pg *pg, struct command *c) {
    enum preparation *state = preparation_of(pg, c->named);
    if (state && *state == NOT_PREPARED && c->named->prepare) {
        if (!PQsendPrepare(pg->conn, c->named->name, c->named->text, 0, NULL))
            return 0;
        c->prepares = true;
        *state = PREPARATION_SENT;
    }
    /* Until the first preparation is confirmed the others don't rely on it. */
    if (c->prepares || (state && *state == PREPARED))
        return PQsendQueryPrepared(pg->conn, c->named->name, c->n_args, c->values, c->lengths, c->formats,
                                   c->result_format);
    return PQsendQueryParams(pg->conn, c->named->text, c->n_args, NULL, c->values, c->lengths, c->formats,
                             c->result_format);
}

/* Before the statement, in the same implicit transaction. */
static int send_read_as(struct ww_pg *pg, struct command *c) {
    const struct ww_sql *sql = pg_read_as();
    const enum preparation *state = preparation_of(pg, sql);
    const char *const *values = (const char *const *)c->reader;
    c->becoming = true;
    if (state && *state == PREPARED)
        return PQsendQueryPrepared(pg->conn, sql->name, PG_READER_ARGS, values, NULL, NULL, 0);
    return PQsendQueryParams(pg->conn, sql->text, PG_READER_ARGS, NULL, values, NULL, NULL, 0);
}

static int send_piped(struct ww_pg *pg, struct command *c) {
    int sent = 0;
    if (!PQenterPipelineMode(pg->conn)) /* 1 as well when it is on */
        return 0;
    if (c->reader[0] && !send_read_as(pg, c))
        return 0;
    if (c->kind == COMMAND_NAMED)
        sent = send_named(pg, c);
    else if (c->kind == COMMAND_PREPARE)
        sent = PQsendPrepare(pg->conn, c->named->name, c->named->text, 0, NULL);
    else
        sent = PQsendQueryParams(pg->conn, c->text, c->n_args, NULL, c->values, c->lengths, c->formats,
                                 c->result_format);
    return sent && PQpipelineSync(pg->conn);
}

static int send_alone(struct ww_pg *pg, struct command *c) {
    return PQexitPipelineMode(pg->conn) && PQsendQuery(pg->conn, c->text);
}

static bool may_send(const struct ww_pg *pg) {
    if (!pg->unsent || pg->failed || pg->in_flight >= PIPELINE_DEPTH)
        return false;
    return pg->in_flight == 0 || !(pg_is_alone(pg->unsent) || pg_is_alone(pg->head));
}

/* False when libpq can't be told any more. */
static bool flush(struct ww_pg *pg) {
    int left = PQflush(pg->conn);
    if (left < 0)
        pg_fail(pg, "the connection was lost: %s", PQerrorMessage(pg->conn));
    else
        pg_want_write(pg, left == 1);
    return left == 0;
}

void pg_send(struct ww_pg *pg) {
    if (!flush(pg))
        return;
    while (may_send(pg)) {
        struct command *c = pg->unsent;
        if (!(pg_is_alone(c) ? send_alone(pg, c) : send_piped(pg, c))) {
            pg_fail(pg, "a command could not be sent: %s", PQerrorMessage(pg->conn));
            return;
        }
        pg->unsent = c->next;
        if (++pg->in_flight == 1)
            pg_arm_deadline(pg);
        /* Socket full: what waits here is bounded by the queue, what waits in libpq by nothing. */
        if (!flush(pg))
            return;
    }
    struct command *head = pg->head;
    if (pg->in_flight > 0 && head->kind == COMMAND_COPY && head->phase == COPY_STREAMING) {
        pg_copy_push(pg, head);
        if (!pg->failed && head->phase == COPY_ENDED)
            flush(pg);
    }
}

/* ---- Answering ---- */

static enum ww_status outcome_of(const struct ww_pg *pg, const struct command *c, struct ww_error *err) {
    const char *text = c->named ? c->named->text : c->text;
    memset(err, 0, sizeof *err);
    if (c->refusal && c->becoming) {
        struct ww_error why = {.status = WW_OK};
        pg_error_from(c->refusal, NULL, &why);
        ww_error_set(err, WW_UNAVAILABLE, "can't read as %s: %.200s", c->reader[0], why.message);
        ww_error_at_field(err, ww_str_of(why.field), WW_STR_NONE);
        return err->status;
    }
    if (c->refusal)
        return pg_error_from(c->refusal, text, err);
    if (c->misuse)
        return ww_error_set(err, WW_BAD_INPUT, "%s", c->misuse);
    if (pg->failed || pg->closed)
        return ww_error_set(err, WW_UNAVAILABLE, "%s",
                            pg->closed ? "the connection is closed" : pg->last_error);
    return WW_OK;
}

/* Takes the head off the queue and tells its owner. */
static void answer_head(struct ww_pg *pg) {
    struct command *c = pg->head;
    struct ww_error err;
    enum ww_status status = outcome_of(pg, c, &err);
    bool kept = false;
    struct ww_pg_result result = {c->result, &kept};

    if (pg->unsent == c)
        pg->unsent = c->next;
    else
        pg->in_flight--;
    pg->head = c->next;
    if (!pg->head)
        pg->tail = NULL;
    pg->queued--;
    if (pg->queued == 0 && pg->state == WW_PG_BUSY)
        pg->state = WW_PG_IDLE;
    if (pg_is_alive(pg))
        pg_arm_deadline(pg);
    if (c->setup)
        pg_setup_answered(pg, c, &err);
    else if (c->cb)
        c->cb(c->arg, status, status == WW_OK ? &result : NULL, &err);
    if (kept)
        c->result = NULL;
    pg_command_free(c);
}

void pg_answer_all(struct ww_pg *pg) {
    while (pg->head)
        answer_head(pg);
}

/* ---- Taking results ---- */

/* A migration changed a table under a prepared statement (0A000, "cached plan must not change result
 * type"), or somebody deallocated it (26000). */
static bool is_out_of_date(const struct command *c, const PGresult *res) {
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return (c->kind == COMMAND_NAMED || c->becoming) && sqlstate &&
           (strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "26000") == 0);
}

static void take_refusal(struct ww_pg *pg, struct command *c, PGresult *res) {
    if (c->prepares && !c->result)
        *preparation_of(pg, c->named) = NOT_PREPARED;
    if (is_out_of_date(c, res)) {
        PQclear(res);
        pg_fail(pg, "the prepared statement %s is out of date",
                c->becoming ? pg_read_as()->name : c->named->name);
        return; /* answered WW_UNAVAILABLE: the next connection prepares anew */
    }
    if (c->refusal)
        PQclear(res);
    else
        c->refusal = res;
    if (PQstatus(pg->conn) == CONNECTION_BAD)
        pg_fail(pg, "the connection was lost: %s", PQerrorMessage(pg->conn));
}

static void take_good(struct ww_pg *pg, struct command *c, PGresult *res) {
    if (c->becoming) {
        c->becoming = false;
        PQclear(res);
        return;
    }
    if (c->prepares && !c->result)
        *preparation_of(pg, c->named) = PREPARED;
    if (c->kind == COMMAND_COPY && c->phase == COPY_ASKED)
        c->misuse = "this is no COPY … FROM STDIN";
    PQclear(c->result);
    c->result = res;
}

static void take_copy_start(struct ww_pg *pg, struct command *c, ExecStatusType status) {
    if (c->kind == COMMAND_COPY && c->phase == COPY_ASKED && status == PGRES_COPY_IN) {
        c->phase = COPY_STREAMING;
        return;
    }
    c->misuse = "COPY from or to the client is for ww_pg_copy_in only, and only FROM STDIN";
    pg_fail(pg, "%s", c->misuse);
}

/* NULL ends a command that runs alone; in the pipeline it stands between result and SYNC. Two in a
 * row mean that libpq waits for nothing while we do. */
static bool take_null(struct ww_pg *pg, struct command *c) {
    if (pg_is_alone(c))
        return true;
    if (c->had_null)
        pg_fail(pg, "lost step with the server");
    c->had_null = true;
    return false;
}

/* True when the head is complete. */
static bool take(struct ww_pg *pg, struct command *c, PGresult *res) {
    if (!res)
        return take_null(pg, c);
    c->had_null = false;
    ExecStatusType status = PQresultStatus(res);
    switch (status) {
    case PGRES_PIPELINE_SYNC:
        PQclear(res);
        return true;
    case PGRES_EMPTY_QUERY:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        take_good(pg, c, res);
        return false;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        PQclear(res);
        take_copy_start(pg, c, status);
        return false;
    case PGRES_PIPELINE_ABORTED: /* not executed, because its own preparation failed: that has the reason */
        PQclear(res);
        return false;
    default:
        take_refusal(pg, c, res);
        return false;
    }
}

void pg_drain(struct ww_pg *pg) {
    while (pg_has_result(pg)) {
        struct command *c = pg->head;
        if (take(pg, c, PQgetResult(pg->conn)) && !pg->failed)
            answer_head(pg);
    }
}
