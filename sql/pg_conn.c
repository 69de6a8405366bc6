/* Lives one connection: connects, sets up, watches the socket, dies, waits, connects again.
 *
 *   DOWN → CONNECTING → PREPARING → IDLE ⇄ BUSY
 *    ↑________|____________|__________|_____|      pg_fail, then the outermost frame buries
 *
 * Every entry from the event loop is a frame: pg_enter … pg_leave. Whatever goes wrong inside only
 * marks the connection (pg_fail); the outermost frame closes the socket, answers the queue, tells
 * the owner and starts the back-off, so that no code below it finds the ground gone. In the same
 * way ww_pg_free inside a callback marks, and the outermost frame frees.
 *
 * PQsocket may change at every step of PQconnectPoll, even to another socket with the same number;
 * so the events are taken off before each step and put on again after it. They watch a duplicate of
 * the descriptor, because libpq closes its own as soon as it meets the end of the stream, while the
 * event loop still holds the number. Afterwards EV_READ stays
 * on for good, and EV_WRITE is on only while libpq has something that the socket didn't take: the
 * server may be unable to read because it waits for us to read.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/util.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "sql/embed.h"
#include "sql/pg_internal.h"

#define STATEMENT_TIMEOUT_MS 30000
#define QUEUE_MAX            64
#define CONNECT_TIMEOUT_MS   10000 /* PQconnectPoll ignores connect_timeout */
#define DEADLINE_GRACE_MS    5000  /* above statement_timeout: then the server is not answering at all */
#define BACK_OFF_BASE_MS     100
#define BACK_OFF_CAP_MS      4000 /* full speed again soon after it is back; we are a handful of connections */
#define HEALTHY_MS           60000 /* up for so long: the next trouble is a new one */
#define LOG_EVERY_MS         30000 /* while it stays down for the same reason */

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_timer(struct ww_pg *pg, int64_t ms) {
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(pg->timer, &wait);
}

void pg_fail(struct ww_pg *pg, const char *fmt, ...) {
    if (pg->failed)
        return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pg_flatten(pg->last_error, sizeof pg->last_error, text);
    pg->failed = true;
}

/* ---- Events of the socket ---- */

static void on_io(evutil_socket_t fd, short what, void *arg);

static void unwatch(struct ww_pg *pg) {
    event_del(pg->readable);
    event_del(pg->writable);
    pg->wants_write = false;
    if (pg->fd >= 0)
        close(pg->fd);
    pg->fd = -1;
}

static void watch(struct ww_pg *pg, bool read, bool write) {
    pg->fd = fcntl(PQsocket(pg->conn), F_DUPFD_CLOEXEC, 0);
    if (pg->fd < 0) {
        pg_fail(pg, "can't watch the connection: %s", strerror(errno));
        return;
    }
    assert(!event_pending(pg->readable, EV_READ, NULL) && !event_pending(pg->writable, EV_WRITE, NULL));
    event_assign(pg->readable, pg->base, pg->fd, EV_READ | EV_PERSIST, on_io, pg);
    event_assign(pg->writable, pg->base, pg->fd, EV_WRITE | EV_PERSIST, on_io, pg);
    if (read)
        event_add(pg->readable, NULL);
    pg_want_write(pg, write);
}

void pg_want_write(struct ww_pg *pg, bool on) {
    if (on == pg->wants_write)
        return;
    pg->wants_write = on;
    if (on)
        event_add(pg->writable, NULL);
    else
        event_del(pg->writable);
}

void pg_arm_deadline(struct ww_pg *pg) {
    if (pg->in_flight == 0)
        evtimer_del(pg->timer);
    else if (pg->statement_timeout_ms > 0)
        set_timer(pg, (int64_t)pg->statement_timeout_ms + DEADLINE_GRACE_MS);
}

/* ---- Death and freeing ---- */

static void log_death(struct ww_pg *pg, bool was_up) {
    int64_t now = now_ms();
    if (!was_up && strcmp(pg->logged_error, pg->last_error) == 0 && now - pg->logged_at_ms < LOG_EVERY_MS)
        return;
    ww_log(WW_LOG_WARN, "db=down app=%s reason=\"%s\"", pg->application, pg->last_error);
    memcpy(pg->logged_error, pg->last_error, sizeof pg->logged_error);
    pg->logged_at_ms = now;
}

static void close_connection(struct ww_pg *pg) {
    unwatch(pg);
    evtimer_del(pg->timer);
    PQfinish(pg->conn); /* still non-blocking: its farewell can't hold us up */
    pg->conn = NULL;
    pg->state = WW_PG_DOWN;
    for (size_t i = 0; i < embedded_query_count; i++)
        pg->prepared[i] = NOT_PREPARED;
}

/* Full jitter: anything from nothing to the bound, so that many clients don't come back at once. */
static void retry_later(struct ww_pg *pg) {
    int64_t bound = BACK_OFF_CAP_MS;
    if (pg->attempts < 16 && (int64_t)BACK_OFF_BASE_MS << pg->attempts < bound)
        bound = (int64_t)BACK_OFF_BASE_MS << pg->attempts;
    pg->attempts++;
    uint32_t random;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    set_timer(pg, (int64_t)(random % (uint64_t)(bound + 1)));
}

static void bury(struct ww_pg *pg) {
    bool was_up = pg->state == WW_PG_IDLE || pg->state == WW_PG_BUSY;
    if (was_up && now_ms() - pg->up_since_ms >= HEALTHY_MS)
        pg->attempts = 0;
    close_connection(pg);
    log_death(pg, was_up);
    pg_answer_all(pg);
    if (was_up && !pg->closed && pg->on_state)
        pg->on_state(pg->state_arg, pg, false);
    if (!pg->closed) {
        pg->failed = false;
        retry_later(pg);
    }
}

static void destroy(struct ww_pg *pg) {
    close_connection(pg);
    event_free(pg->readable);
    event_free(pg->writable);
    event_free(pg->timer);
    event_free(pg->turn);
    ww_free(pg->conninfo);
    ww_free(pg->application);
    ww_free(pg->on_connect);
    ww_free(pg->prepared);
    ww_free(pg);
}

void pg_enter(struct ww_pg *pg) {
    pg->depth++;
}

void pg_leave(struct ww_pg *pg) {
    assert(pg->depth > 0);
    if (pg->depth == 1 && pg->failed && !pg->closed)
        bury(pg);
    if (--pg->depth == 0 && pg->closed)
        destroy(pg);
}

void ww_pg_free(struct ww_pg *pg) {
    if (!pg || pg->closed)
        return;
    pg->closed = true;
    pg_enter(pg);
    pg_answer_all(pg);
    pg_leave(pg);
}

void ww_pg_drop(struct ww_pg *pg) {
    if (!pg_is_alive(pg))
        return;
    pg_fail(pg, "the connection was dropped");
    if (pg->depth == 0)
        event_active(pg->turn, EV_TIMEOUT, 0);
}

/* ---- Connecting ---- */

struct parameters {
    const char *keywords[64];
    const char *values[64];
    int count;
};

/* `force` replaces what the connection string says. */
static void set_parameter(struct parameters *p, const char *keyword, const char *value, bool force) {
    int i = 0;
    while (i < p->count && strcmp(p->keywords[i], keyword) != 0)
        i++;
    if (i < p->count && !force)
        return;
    assert(i < 63);
    p->keywords[i] = keyword;
    p->values[i] = value;
    if (i == p->count)
        p->count++;
}

static const char *given_value(const struct parameters *p, const char *keyword) {
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->keywords[i], keyword) == 0)
            return p->values[i];
    return "";
}

/* Settings travel in the start-up packet: no round trip, and RESET ALL comes back to them. No JIT: our
 * statements touch few rows; over many partitions the planner thinks otherwise, and compiles for seconds.
 *
 * A peer that is gone without a word is noticed within some ten seconds, at both ends: PostgreSQL's backend
 * holds its transaction's locks until it knows, and the next world waits for them (writers_end). */
#define DEAD_PEER_IDLE_S     "5"
#define DEAD_PEER_INTERVAL_S "2"
#define DEAD_PEER_COUNT      "3"
#define DEAD_PEER_UNACKED_MS "10000"

static void connect_with(struct ww_pg *pg, const PQconninfoOption *given) {
    struct parameters p = {.count = 0};
    for (const PQconninfoOption *o = given; o->keyword; o++)
        if (o->val)
            set_parameter(&p, o->keyword, o->val, true);
    char settings[2048];
    int n = snprintf(settings, sizeof settings,
                     "-c tcp_keepalives_idle=" DEAD_PEER_IDLE_S
                     " -c tcp_keepalives_interval=" DEAD_PEER_INTERVAL_S
                     " -c tcp_keepalives_count=" DEAD_PEER_COUNT " -c tcp_user_timeout=" DEAD_PEER_UNACKED_MS
                     " %s -c timezone=UTC -c synchronous_commit=on -c search_path=wardwatch,public -c jit=off"
                     " -c bytea_output=hex -c DateStyle=ISO -c extra_float_digits=3 -c statement_timeout=%d"
                     " -c idle_in_transaction_session_timeout=%d",
                     given_value(&p, "options"), pg->statement_timeout_ms, pg->statement_timeout_ms);
    if (n < 0 || (size_t)n >= sizeof settings) {
        pg_fail(pg, "the connection string's options are too long");
        return;
    }
    set_parameter(&p, "options", settings, true);
    set_parameter(&p, "client_encoding", "UTF8", true);
    set_parameter(&p, "application_name", pg->application, true);
    set_parameter(&p, "keepalives_idle", DEAD_PEER_IDLE_S, false);
    set_parameter(&p, "keepalives_interval", DEAD_PEER_INTERVAL_S, false);
    set_parameter(&p, "keepalives_count", DEAD_PEER_COUNT, false);
    set_parameter(&p, "tcp_user_timeout", DEAD_PEER_UNACKED_MS, false);
    pg->conn = PQconnectStartParams(p.keywords, p.values, 0);
}

static void on_notice(void *arg, const PGresult *notice) {
    struct ww_pg *pg = arg;
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    ww_log(WW_LOG_DEBUG, "db=notice app=%s text=\"%s\"", pg->application, text ? text : "");
}

static void start_connecting(struct ww_pg *pg) {
    char *why = NULL;
    PQconninfoOption *given = PQconninfoParse(pg->conninfo, &why);
    if (!given) {
        pg_fail(pg, "the connection string is wrong: %s", why ? why : "no memory");
        PQfreemem(why);
        return;
    }
    connect_with(pg, given);
    PQconninfoFree(given);
    if (pg->failed)
        return;
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_fail(pg, "can't reach PostgreSQL: %s", pg->conn ? PQerrorMessage(pg->conn) : "no memory");
        return;
    }
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    pg->state = WW_PG_CONNECTING;
    set_timer(pg, CONNECT_TIMEOUT_MS);
    watch(pg, false, true);
}

/* ---- Setting up ---- */

static void go_up(struct ww_pg *pg) {
    pg->state = WW_PG_IDLE;
    pg->last_error[0] = '\0';
    pg->up_since_ms = now_ms();
    ww_log(pg->logged_error[0] ? WW_LOG_INFO : WW_LOG_DEBUG, "db=up app=%s", pg->application);
    pg->logged_error[0] = '\0';
    if (pg->on_state)
        pg->on_state(pg->state_arg, pg, true);
}

void pg_setup_answered(struct ww_pg *pg, const struct command *c, const struct ww_error *err) {
    if (!pg_is_alive(pg))
        return;
    if (err->status == WW_OK) {
        if (c->kind == COMMAND_PREPARE)
            pg->prepared[c->named - embedded_queries] = PREPARED;
        if (--pg->setup_left == 0)
            go_up(pg);
        return;
    }
    /* Class 42: a table or column that isn't there. */
    const char *hint = strncmp(err->field, "42", 2) == 0 || strcmp(err->field, "3F000") == 0
                           ? " (is the schema up to date? run: wardwatch migrate)"
                           : "";
    pg_fail(pg, "%s%s failed: %s%s", c->named ? "preparing " : "the set-up SQL",
            c->named ? c->named->name : "", err->message, hint);
}

static bool push_setup(struct ww_pg *pg, enum command_kind kind, const char *text, const struct ww_sql *sql) {
    struct command *c = pg_command_new(text, NULL, NULL, 0);
    if (!c) {
        pg_fail(pg, "no memory");
        return false;
    }
    c->kind = kind;
    c->setup = true;
    c->named = sql;
    pg->setup_left++;
    pg_push(pg, c);
    return true;
}

/* The owner's SQL first: the statements may be about its temporary tables. */
static void start_setup(struct ww_pg *pg) {
    pg->state = WW_PG_PREPARING;
    pg->setup_left = 0;
    evtimer_del(pg->timer);
    if (PQsetnonblocking(pg->conn, 1) != 0) {
        pg_fail(pg, "can't make the connection non-blocking: %s", PQerrorMessage(pg->conn));
        return;
    }
    watch(pg, true, false);
    if (pg->failed)
        return;
    if (pg->on_connect && !push_setup(pg, COMMAND_SCRIPT, pg->on_connect, NULL))
        return;
    for (size_t i = 0; pg->prepare && i < embedded_query_count; i++)
        if (embedded_queries[i].prepare && !push_setup(pg, COMMAND_PREPARE, NULL, &embedded_queries[i]))
            return;
    if (pg->setup_left == 0)
        go_up(pg);
}

static void step_connect(struct ww_pg *pg) {
    unwatch(pg);
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        watch(pg, true, false);
        break;
    case PGRES_POLLING_WRITING:
        watch(pg, false, true);
        break;
    case PGRES_POLLING_OK:
        start_setup(pg);
        break;
    default:
        pg_fail(pg, "can't reach PostgreSQL: %s", PQerrorMessage(pg->conn));
    }
}

/* ---- What the event loop calls ---- */

static void deliver_notifies(struct ww_pg *pg) {
    PGnotify *n;
    while (pg_is_alive(pg) && (n = PQnotifies(pg->conn))) {
        if (pg->on_notify)
            pg->on_notify(pg->notify_arg, ww_str_of(n->relname), ww_str_of(n->extra));
        PQfreemem(n);
    }
}

/* Takes what came, sends what waits; again while sending brought in more. */
static void work(struct ww_pg *pg) {
    do {
        pg_drain(pg);
        deliver_notifies(pg);
        if (pg_is_alive(pg))
            pg_send(pg);
    } while (pg_has_result(pg));
}

static void on_io(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg *pg = arg;
    (void)fd;
    /* The other event of this pass may have brought the connection to its end. */
    if (!pg->conn)
        return;
    pg_enter(pg);
    if (pg->state == WW_PG_CONNECTING)
        step_connect(pg);
    bool lost = false;
    if (pg_is_alive(pg) && pg->state != WW_PG_CONNECTING) {
        lost = what & EV_READ && !PQconsumeInput(pg->conn);
        /* What was read before the end still counts: a COMMIT may be among it. */
        if (lost)
            pg_drain(pg);
        else
            work(pg);
    }
    if (lost && pg_is_alive(pg))
        pg_fail(pg, "the connection was lost: %s", PQerrorMessage(pg->conn));
    pg_leave(pg);
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg *pg = arg;
    (void)fd;
    (void)what;
    pg_enter(pg);
    if (pg_is_alive(pg))
        work(pg);
    pg_leave(pg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct ww_pg *pg = arg;
    (void)fd;
    (void)what;
    pg_enter(pg);
    if (pg->state == WW_PG_DOWN)
        start_connecting(pg);
    else if (pg->state == WW_PG_CONNECTING)
        pg_fail(pg, "can't reach PostgreSQL: no answer within %d s", CONNECT_TIMEOUT_MS / 1000);
    else
        pg_fail(pg, "no answer within %d ms", pg->statement_timeout_ms + DEADLINE_GRACE_MS);
    pg_leave(pg);
}

/* ---- Making one, asking one ---- */

static struct event *must_event(struct ww_pg *pg, event_callback_fn fn) {
    struct event *e = event_new(pg->base, -1, EV_PERSIST, fn, pg);
    if (!e)
        abort();
    return e;
}

struct ww_pg *ww_pg_new(struct event_base *base, const struct ww_pg_options *options, ww_pg_state_cb on_state,
                        void *arg) {
    struct ww_pg *pg = ww_must_calloc(1, sizeof *pg);
    pg->base = base;
    pg->fd = -1;
    pg->conninfo = ww_must_strdup(options->conninfo ? options->conninfo : "");
    pg->application = ww_must_strdup(options->application ? options->application : "wardwatch");
    pg->on_connect = options->on_connect ? ww_must_strdup(options->on_connect) : NULL;
    int timeout = options->statement_timeout_ms;
    pg->statement_timeout_ms = timeout == 0 ? STATEMENT_TIMEOUT_MS : timeout > 0 ? timeout : 0;
    pg->queue_max = options->queue_max > 0 ? options->queue_max : QUEUE_MAX;
    pg->prepare = options->prepare;
    pg->on_notify = options->on_notify;
    pg->notify_arg = options->notify_arg;
    pg->on_state = on_state;
    pg->state_arg = arg;
    pg->prepared = ww_must_calloc(embedded_query_count + 1, sizeof *pg->prepared);
    pg->readable = must_event(pg, on_io);
    pg->writable = must_event(pg, on_io);
    pg->timer = evtimer_new(base, on_timer, pg);
    if (!pg->timer)
        abort();
    pg->turn = must_event(pg, on_turn);
    pg_flatten(pg->last_error, sizeof pg->last_error, "not connected yet");
    set_timer(pg, 0);
    return pg;
}

bool ww_pg_is_up(const struct ww_pg *pg) {
    return pg_is_alive(pg) && (pg->state == WW_PG_IDLE || pg->state == WW_PG_BUSY);
}

int ww_pg_queued(const struct ww_pg *pg) {
    return ww_pg_is_up(pg) ? pg->queued : 0;
}

const char *ww_pg_last_error(const struct ww_pg *pg) {
    return pg->last_error;
}
