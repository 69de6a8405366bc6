/* Streams against a real server: their pages, their queue, their ends, and connections that stay clean. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "geo/base/log.h"
#include "sql/pg_stream.h"
#include "tests/unit/sql/pg_cluster.h"

#define PATIENCE_MS 20000

static struct cluster cluster;
static struct ww_pg_sync *sync_pg; /* looks at the server from outside */

/* ---- A bench with a pool and consumers that keep what they are told ---- */

enum appetite { EAGER, ONE_PAGE, CANCELS_FIRST };

struct consumer {
    struct ww_pg_stream *stream;
    enum appetite appetite;
    int pages, rows, most_rows, ends;
    size_t most_bytes;
    int64_t sum; /* of column 0, when it is a number */
    enum ww_status status;
    char message[256], sqlstate[8];
};

struct bench {
    struct event_base *base;
    struct ww_pg_streams *pool;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
}

#define RUN_UNTIL(b, cond)                                                                                   \
    do {                                                                                                     \
        int64_t give_up = now_ms() + PATIENCE_MS;                                                            \
        struct event *wake = event_new((b)->base, -1, EV_PERSIST, on_wake, NULL);                            \
        event_add(wake, &(struct timeval){.tv_usec = 20000});                                                \
        while (!(cond)) {                                                                                    \
            if (now_ms() > give_up)                                                                          \
                fail_msg("waited in vain for %s", #cond);                                                    \
            event_base_loop((b)->base, EVLOOP_ONCE);                                                         \
        }                                                                                                    \
        event_free(wake);                                                                                    \
    } while (0)

static void on_page(void *arg, enum ww_status status, const struct ww_pg_result *page, bool last,
                    const struct ww_error *err) {
    struct consumer *c = arg;
    assert_int_equal(c->ends, 0);
    c->status = status;
    if (status != WW_OK) {
        assert_null(page);
        assert_true(last);
        snprintf(c->message, sizeof c->message, "%s", err->message);
        snprintf(c->sqlstate, sizeof c->sqlstate, "%.7s", err->field);
        c->ends++;
        return;
    }
    int rows = ww_pg_rows(page);
    size_t bytes = 0;
    for (int i = 0; i < rows; i++) {
        if (ww_pg_type(page, 0) == WW_PG_INT)
            c->sum += ww_pg_bin_i64(page, i, 0);
        bytes += ww_pg_bin_str(page, i, ww_pg_columns(page) - 1).len;
    }
    c->pages++;
    c->rows += rows;
    if (rows > c->most_rows)
        c->most_rows = rows;
    if (bytes > c->most_bytes)
        c->most_bytes = bytes;
    if (last)
        c->ends++;
    else if (c->appetite == EAGER)
        ww_pg_stream_next(c->stream);
    else if (c->appetite == CANCELS_FIRST) {
        c->ends++;
        ww_pg_stream_cancel(c->stream);
    }
}

static int64_t number(const char *sql) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (ww_pg_sync_exec(sync_pg, sql, NULL, &r, &err) != WW_OK)
        fail_msg("%s: %s", sql, err.message);
    return ww_pg_i64(r, 0, 0);
}

/* Asks about the backends of the bench that was made last: each has an application_name of its own. */
static char application[32];

static int64_t of_backends(const char *what, const char *condition) {
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT %s FROM pg_stat_activity WHERE application_name = '%s' AND %s", what,
             application, condition);
    return number(sql);
}

static int64_t backends(const char *condition) {
    return of_backends("count(*)", condition);
}

static struct bench bench_up(struct ww_pg_streams_options options) {
    struct bench b = {event_base_new(), NULL};
    static int count;
    snprintf(application, sizeof application, "streams %d", ++count);
    options.conninfo = cluster.conninfo;
    options.application = application;
    b.pool = ww_pg_streams_new(b.base, &options);
    int n = options.connections ? options.connections : 4;
    /* All of them; an extra look at the server for each is fine here. */
    struct bench *bench = &b;
    RUN_UNTIL(bench, backends("state = 'idle'") == n);
    struct consumer c = {.appetite = EAGER};
    for (int i = 0; i < n; i++) { /* idle at the server, and known to be so here */
        struct ww_pg_stream_query q = {
            .reader = {.role = "test_reader"}, .sql = "SELECT 1", .cb = on_page, .arg = &c};
        c = (struct consumer){.appetite = EAGER};
        RUN_UNTIL(bench, ww_pg_stream_open(b.pool, &q, &c.stream) == WW_OK);
        RUN_UNTIL(bench, c.ends == 1);
    }
    return b;
}

static void bench_down(struct bench *b) {
    ww_pg_streams_free(b->pool);
    event_base_free(b->base);
    int64_t give_up = now_ms() + PATIENCE_MS;
    while (backends("true") > 0)
        assert_true(now_ms() < give_up);
}

static enum ww_status open_as(struct bench *b, struct consumer *c, int32_t account, struct ww_str wards,
                              const char *sql) {
    struct ww_pg_stream_query q = {.reader = {.role = "test_reader", .wards = wards, .account_id = account},
                                   .sql = sql,
                                   .cb = on_page,
                                   .arg = c};
    return ww_pg_stream_open(b->pool, &q, &c->stream);
}

static enum ww_status open_sql(struct bench *b, struct consumer *c, const char *sql) {
    return open_as(b, c, 1, WW_STR("{}"), sql);
}

/* The pool is as good as new: every connection free, clean and ourselves. */
static void assert_clean(struct bench *b) {
    struct ww_pg_streams_counters n;
    RUN_UNTIL(b, backends("state <> 'idle'") == 0);
    ww_pg_streams_get_counters(b->pool, &n);
    assert_int_equal(n.open, 0);
    assert_int_equal(n.waiting, 0);
    struct consumer c = {.appetite = EAGER};
    assert_int_equal(open_as(b, &c, 1, WW_STR_NONE, "SELECT count(*) FROM public.seen"), WW_OK);
    RUN_UNTIL(b, c.ends == 1);
    assert_int_equal(c.status, WW_OK);
    assert_int_equal(c.sum, 5);
}

/* ---- Pages ---- */

struct typed {
    struct ww_pg_stream *stream;
    bool done;
};

static void assert_numeric(const struct ww_pg_result *r, int column, const char *text) {
    struct ww_buf out;
    ww_buf_init(&out, 1024);
    ww_pg_bin_numeric(r, 0, column, &out);
    assert_int_equal(ww_pg_type(r, column), WW_PG_NUMERIC);
    assert_string_equal(out.data, text);
    ww_buf_clear(&out);
}

static void on_typed(void *arg, enum ww_status status, const struct ww_pg_result *r, bool last,
                     const struct ww_error *err) {
    struct typed *t = arg;
    if (status != WW_OK)
        fail_msg("%s", err->message);
    assert_true(last);
    assert_int_equal(ww_pg_rows(r), 2);
    t->done = true;
    assert_int_equal(ww_pg_bin_i64(r, 0, 0), -2);
    assert_int_equal(ww_pg_bin_i64(r, 0, 1), INT32_MIN);
    assert_true(ww_pg_bin_i64(r, 0, 2) == INT64_MAX);
    assert_true(ww_pg_bin_double(r, 0, 3) == 1.5);
    assert_true(ww_pg_bin_double(r, 0, 4) == 0.1 + 0.2);
    assert_true(ww_pg_bin_bool(r, 0, 5));
    assert_true(ww_str_is(ww_pg_bin_str(r, 0, 6), "区 x"));
    assert_true(ww_pg_bin_instant(r, 0, 7) == INT64_C(-1));
    assert_true(ww_pg_bin_instant(r, 0, 8) == WW_PG_INSTANT_INFINITY);
    assert_int_equal(ww_pg_bin_day(r, 0, 9), 19723); /* 2024-01-01 */
    assert_true(ww_str_eq(ww_pg_bin_str(r, 0, 10), (struct ww_str){"\0\xff", 2}));
    assert_true(ww_str_is(ww_pg_bin_str(r, 0, 11), "{\"a\":1}"));
    assert_true(ww_str_is(ww_pg_bin_str(r, 0, 12), "{\"a\": 1}"));
    assert_numeric(r, 13, "-1234567.890");
    assert_numeric(r, 14, "0.00001000");
    assert_numeric(r, 15, "100000000");
    assert_numeric(r, 16, "NaN");
    assert_numeric(r, 17, "0");
    assert_true(ww_pg_bin_double(r, 0, 13) == -1234567.89);
    assert_true(ww_pg_bin_double(r, 0, 14) == 0.00001);
    assert_true(ww_pg_bin_double(r, 0, 1) == (double)INT32_MIN);
    assert_true(ww_pg_bin_i64(r, 0, 18) == 4294967295);
    assert_int_equal(ww_pg_type(r, 19), WW_PG_OTHER);
    assert_true(ww_str_is(ww_pg_name(r, 20), "the_name"));
    assert_true(ww_str_is(ww_pg_bin_str(r, 0, 20), "41"));
    static const enum ww_pg_type types[] = {
        WW_PG_INT,     WW_PG_INT,     WW_PG_INT,  WW_PG_FLOAT, WW_PG_FLOAT, WW_PG_BOOL, WW_PG_TEXT,
        WW_PG_INSTANT, WW_PG_INSTANT, WW_PG_DATE, WW_PG_BYTES, WW_PG_JSON,  WW_PG_JSON};
    for (int i = 0; i < 13; i++)
        assert_int_equal(ww_pg_type(r, i), types[i]);
    for (int i = 0; i < 20; i++)
        assert_true(ww_pg_is_null(r, 1, i));
    assert_int_equal(ww_pg_bin_i64(r, 1, 0), 0);
    assert_true(isnan(ww_pg_bin_double(r, 1, 3)));
    assert_true(isnan(ww_pg_bin_double(r, 1, 13)));
    assert_false(ww_pg_bin_bool(r, 1, 5));
    assert_int_equal(ww_pg_bin_str(r, 1, 12).len, 0);
    assert_true(ww_pg_bin_instant(r, 1, 7) == INT64_MIN);
    assert_int_equal(ww_pg_bin_day(r, 1, 9), INT32_MIN);
}

static void values_of_every_type_come_as_they_are(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    struct typed t = {0};
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, 41);
    struct ww_pg_stream_query q = {
        .reader = {.role = "test_reader"},
        .sql =
            "SELECT (-2)::int2, (-2147483648)::int4, 9223372036854775807::int8, 1.5::float4,"
            " 0.1::float8 + 0.2::float8, true, '区 x'::text, timestamptz '1969-12-31 23:59:59.999999+00',"
            " timestamptz 'infinity', date '2024-01-01', '\\x00ff'::bytea, '{\"a\":1}'::json,"
            " '{\"a\":1}'::jsonb, -1234567.890::numeric, 0.00001000::numeric, 100000000::numeric,"
            " 'NaN'::numeric, 0::numeric, 4294967295::oid, int4range(1, 2), $1::bigint::text AS the_name "
            "UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
            " NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''",
        .args = &args,
        .cb = on_typed,
        .arg = &t};
    assert_int_equal(ww_pg_stream_open(b.pool, &q, &t.stream), WW_OK);
    assert_false(t.done);
    ww_pg_args_clear(&args);
    RUN_UNTIL(&b, t.done);
    bench_down(&b);
}

static void a_hundred_thousand_rows_come_in_pages_of_at_most_what_was_asked(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    struct consumer c = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &c, "SELECT n FROM generate_series(1, 100000) n"), WW_OK);
    RUN_UNTIL(&b, c.ends == 1);
    assert_int_equal(c.rows, 100000);
    assert_true(c.sum == INT64_C(5000050000));
    assert_int_equal(c.most_rows, 1000);
    assert_true(c.pages <= 105);
    /* No rows is a page too, with its columns. */
    struct consumer none = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &none, "SELECT n FROM generate_series(1, 0) n"), WW_OK);
    RUN_UNTIL(&b, none.ends == 1);
    assert_int_equal(none.pages, 1);
    /* A last page that is just full is followed by an empty one. */
    struct consumer full = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &full, "SELECT n FROM generate_series(1, 128) n"), WW_OK);
    RUN_UNTIL(&b, full.ends == 1);
    assert_int_equal(full.pages, 2);
    bench_down(&b);
}

static void pages_of_large_rows_are_short(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    struct consumer c = {.appetite = EAGER};
    /* The first page can't know; afterwards 100 kB rows come two or three at a time, then small ones more and
     * more. */
    assert_int_equal(open_sql(&b, &c,
                              "SELECT n, CASE WHEN n <= 400 THEN repeat('x', 100000) ELSE 'x' END"
                              " FROM generate_series(1, 20000) n"),
                     WW_OK);
    RUN_UNTIL(&b, c.pages == 1);
    assert_int_equal(c.most_rows, 128);
    c.most_bytes = 0;
    RUN_UNTIL(&b, c.ends == 1);
    assert_int_equal(c.rows, 20000);
    assert_true(c.most_bytes <= 300000);
    assert_int_equal(c.most_rows, 1000);
    bench_down(&b);
}

static void nothing_is_read_before_it_is_asked_for(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    struct consumer c = {.appetite = ONE_PAGE};
    assert_int_equal(open_sql(&b, &c, "SELECT n FROM generate_series(1, 1000000) n"), WW_OK);
    RUN_UNTIL(&b, c.pages == 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(backends("state = 'idle in transaction'"), 1);
        event_base_loop(b.base, EVLOOP_NONBLOCK);
        assert_int_equal(c.pages, 1);
    }
    ww_pg_stream_next(c.stream);
    assert_int_equal(c.pages, 1); /* not from inside the call */
    RUN_UNTIL(&b, c.pages == 2);
    ww_pg_stream_cancel(c.stream);
    assert_clean(&b);
    bench_down(&b);
}

static void a_stream_reads_with_its_reader_s_eyes_and_changes_nothing(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 2});
    static const struct {
        const char *wards;
        int rows;
    } cases[] = {{"{2}", 2}, {"{1,3}", 2}, {"{}", 0}, {NULL, 5}};
    for (int i = 0; i < 4; i++) {
        struct consumer c = {.appetite = EAGER};
        assert_int_equal(open_as(&b, &c, 1, ww_str_of(cases[i].wards), "SELECT ward FROM public.seen"),
                         WW_OK);
        RUN_UNTIL(&b, c.ends == 1);
        assert_int_equal(c.rows, cases[i].rows);
    }
    struct consumer writes = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &writes, "SELECT nextval('public.counter')"), WW_OK);
    RUN_UNTIL(&b, writes.ends == 1);
    assert_string_equal(writes.message, "cannot execute nextval() in a read-only transaction");
    assert_clean(&b);
    bench_down(&b);
}

/* ---- Errors ---- */

static void errors_end_the_stream_with_their_own_words(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1, .statement_timeout_ms = 300});
    static const struct {
        const char *sql, *sqlstate;
        enum ww_status status;
        int rows;
    } cases[] = {
        {"SELECT nonsense", "42703", WW_BAD_INPUT, 0},
        {"SELECT * FROM public.hidden", "42501", WW_DENIED, 0},
        {"SELECT 1; SELECT 2", "42601", WW_BAD_INPUT, 0},
        {"SELECT 1 / (500 - n) FROM generate_series(1, 1000) n", "22012", WW_BAD_INPUT, 128},
        {"SELECT pg_sleep(60)", "57014", WW_UNAVAILABLE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct consumer c = {.appetite = EAGER};
        assert_int_equal(open_sql(&b, &c, cases[i].sql), WW_OK);
        RUN_UNTIL(&b, c.ends == 1);
        assert_int_equal(c.status, cases[i].status);
        assert_string_equal(c.sqlstate, cases[i].sqlstate);
        assert_int_equal(c.rows, cases[i].rows);
    }
    struct consumer c = {.appetite = EAGER};
    struct ww_pg_stream_query q = {
        .reader = {.role = "nobody_such"}, .sql = "SELECT 1", .cb = on_page, .arg = &c};
    assert_int_equal(ww_pg_stream_open(b.pool, &q, &c.stream), WW_OK);
    RUN_UNTIL(&b, c.ends == 1);
    assert_int_equal(c.status, WW_UNAVAILABLE);
    assert_string_equal(c.message, "can't read as the reader: role \"nobody_such\" does not exist");
    assert_clean(&b);
    bench_down(&b);
}

static void a_consumer_that_rests_too_long_is_told_and_let_go(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1, .rest_max_ms = 100});
    struct consumer c = {.appetite = ONE_PAGE};
    assert_int_equal(open_sql(&b, &c, "SELECT n FROM generate_series(1, 1000000) n"), WW_OK);
    RUN_UNTIL(&b, c.ends == 1);
    assert_int_equal(c.status, WW_UNAVAILABLE);
    assert_non_null(strstr(c.message, "not taken"));
    assert_clean(&b);
    bench_down(&b);
}

static void a_stream_does_not_live_longer_than_it_may(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1, .life_max_ms = 200});
    struct consumer c = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &c, "SELECT generate_series(1, 1000000000)"), WW_OK);
    RUN_UNTIL(&b, c.ends == 1);
    assert_int_equal(c.status, WW_UNAVAILABLE);
    assert_non_null(strstr(c.message, "under way"));
    assert_clean(&b);
    bench_down(&b);
}

static void a_killed_backend_ends_its_stream_once_and_the_pool_comes_back(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 2});
    struct consumer busy = {.appetite = EAGER}, resting = {.appetite = ONE_PAGE};
    assert_int_equal(open_as(&b, &busy, 1, WW_STR("{}"), "SELECT pg_sleep(60)"), WW_OK);
    assert_int_equal(open_as(&b, &resting, 2, WW_STR("{}"), "SELECT n FROM generate_series(1, 100000) n"),
                     WW_OK);
    RUN_UNTIL(&b, resting.pages == 1);
    assert_int_equal(of_backends("count(pg_terminate_backend(pid, 5000))", "true"), 2);
    RUN_UNTIL(&b, busy.ends == 1 && resting.ends == 1);
    assert_int_equal(busy.status, WW_UNAVAILABLE);
    assert_int_equal(resting.status, WW_UNAVAILABLE);
    RUN_UNTIL(&b, backends("true") == 2);
    struct consumer c = {.appetite = EAGER};
    RUN_UNTIL(&b, open_sql(&b, &c, "SELECT 1") == WW_OK);
    RUN_UNTIL(&b, c.ends == 1);
    assert_clean(&b);
    bench_down(&b);
}

/* ---- Cancelling ---- */

static void cancelling_stops_the_query_on_the_server_and_keeps_the_connection(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    int64_t pid = of_backends("min(pid)", "true");
    for (int i = 0; i < 5; i++) {
        struct consumer c = {.appetite = EAGER};
        assert_int_equal(open_sql(&b, &c, "SELECT pg_sleep(60)"), WW_OK);
        RUN_UNTIL(&b, backends("state = 'active' AND query LIKE 'FETCH%'") == 1);
        ww_pg_stream_cancel(c.stream);
        assert_clean(&b);
        assert_int_equal(c.ends, 0);
    }
    assert_int_equal(of_backends("min(pid)", "true"), pid);
    bench_down(&b);
}

static void a_stream_may_be_cancelled_inside_its_callback_and_while_it_waits(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1});
    struct consumer first = {.appetite = CANCELS_FIRST}, waits = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &first, "SELECT n FROM generate_series(1, 100000) n"), WW_OK);
    assert_int_equal(open_sql(&b, &waits, "SELECT 1"), WW_OK);
    ww_pg_stream_cancel(waits.stream);
    RUN_UNTIL(&b, first.ends == 1);
    assert_clean(&b);
    assert_int_equal(waits.ends, 0);
    bench_down(&b);
}

/* A request to cancel that came late would hit the next stream on the connection. */
static void cancelling_at_any_moment_never_hits_another_stream(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 2, .queue_max = 100});
    uint64_t random = 1;
    for (int round = 0; round < 150; round++) {
        struct consumer c[3] = {{.appetite = EAGER}, {.appetite = EAGER}, {.appetite = EAGER}};
        for (int i = 0; i < 3; i++)
            assert_int_equal(open_as(&b, &c[i], i, WW_STR("{}"), "SELECT n FROM generate_series(1, 3000) n"),
                             WW_OK);
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (int turns = (int)(random >> 60); turns > 0; turns--)
            event_base_loop(b.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        int victim = (int)(random >> 40 & 1);
        if (c[victim].ends == 0) {
            ww_pg_stream_cancel(c[victim].stream);
            c[victim].ends = 1;
        }
        RUN_UNTIL(&b, c[0].ends && c[1].ends && c[2].ends);
        for (int i = 0; i < 3; i++) {
            if (c[i].status != WW_OK)
                fail_msg("round %d: %s", round, c[i].message);
            if (i != victim)
                assert_int_equal(c[i].rows, 3000);
        }
    }
    assert_clean(&b);
    bench_down(&b);
}

/* ---- The queue ---- */

static void what_finds_no_connection_waits_its_turn_in_a_bounded_queue(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1, .queue_max = 2});
    struct consumer c[4] = {
        {.appetite = ONE_PAGE}, {.appetite = EAGER}, {.appetite = EAGER}, {.appetite = EAGER}};
    assert_int_equal(open_sql(&b, &c[0], "SELECT n FROM generate_series(1, 100000) n"), WW_OK);
    RUN_UNTIL(&b, c[0].pages == 1);
    assert_int_equal(open_sql(&b, &c[1], "SELECT 11"), WW_OK);
    assert_int_equal(open_sql(&b, &c[2], "SELECT 12"), WW_OK);
    assert_int_equal(open_sql(&b, &c[3], "SELECT 13"), WW_BUSY);
    assert_int_equal(c[1].ends, 0);
    struct ww_pg_streams_counters n;
    ww_pg_streams_get_counters(b.pool, &n);
    assert_int_equal(n.open, 1);
    assert_int_equal(n.waiting, 2);
    assert_int_equal(n.refused, 1);
    ww_pg_stream_cancel(c[0].stream);
    RUN_UNTIL(&b, c[1].ends == 1);
    RUN_UNTIL(&b, c[2].ends == 1);
    assert_int_equal(c[1].sum, 11);
    assert_int_equal(c[2].sum, 12);
    assert_clean(&b);
    bench_down(&b);
}

static void who_waits_too_long_is_told_busy(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 1, .wait_max_ms = 50});
    struct consumer first = {.appetite = ONE_PAGE}, waits = {.appetite = EAGER};
    assert_int_equal(open_sql(&b, &first, "SELECT n FROM generate_series(1, 100000) n"), WW_OK);
    assert_int_equal(open_sql(&b, &waits, "SELECT 1"), WW_OK);
    RUN_UNTIL(&b, waits.ends == 1);
    assert_int_equal(waits.status, WW_BUSY);
    ww_pg_stream_cancel(first.stream);
    assert_clean(&b);
    bench_down(&b);
}

static void one_account_does_not_take_all_connections(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 3, .max_per_account = 2});
    struct consumer greedy[3] = {{.appetite = ONE_PAGE}, {.appetite = ONE_PAGE}, {.appetite = EAGER}};
    struct consumer other = {.appetite = EAGER};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            open_as(&b, &greedy[i], 5, WW_STR("{}"), "SELECT n FROM generate_series(1, 100000) n"), WW_OK);
    assert_int_equal(open_as(&b, &other, 6, WW_STR("{}"), "SELECT 1"), WW_OK);
    RUN_UNTIL(&b, other.ends == 1 && greedy[0].pages == 1 && greedy[1].pages == 1);
    assert_int_equal(greedy[2].pages, 0);
    ww_pg_stream_cancel(greedy[0].stream);
    RUN_UNTIL(&b, greedy[2].ends == 1);
    assert_int_equal(greedy[2].rows, 100000);
    ww_pg_stream_cancel(greedy[1].stream);
    assert_clean(&b);
    bench_down(&b);
}

/* ---- The pool's own end ---- */

static void a_pool_that_is_freed_answers_all_its_streams(void **state) {
    (void)state;
    struct bench b = bench_up((struct ww_pg_streams_options){.connections = 2});
    struct consumer c[4] = {
        {.appetite = ONE_PAGE}, {.appetite = EAGER}, {.appetite = EAGER}, {.appetite = EAGER}};
    assert_int_equal(open_as(&b, &c[0], 1, WW_STR("{}"), "SELECT n FROM generate_series(1, 100000) n"),
                     WW_OK);
    RUN_UNTIL(&b, c[0].pages == 1);
    assert_int_equal(open_as(&b, &c[1], 2, WW_STR("{}"), "SELECT pg_sleep(60)"), WW_OK);
    assert_int_equal(open_as(&b, &c[2], 3, WW_STR("{}"), "SELECT 1"), WW_OK);
    RUN_UNTIL(&b, backends("state = 'active' AND query LIKE 'FETCH%'") == 1);
    ww_pg_stream_cancel(c[1].stream);
    ww_pg_streams_free(b.pool);
    assert_int_equal(c[0].ends, 1);
    assert_int_equal(c[1].ends, 0);
    assert_int_equal(c[2].ends, 1);
    assert_int_equal(c[2].status, WW_UNAVAILABLE);
    event_base_free(b.base);
    of_backends("count(pg_terminate_backend(pid, 5000))", "true"); /* the sleeper, when the request was
                                                                          dropped */
}

static void without_a_server_nothing_is_opened(void **state) {
    (void)state;
    struct event_base *base = event_base_new();
    struct ww_pg_streams_options options = {.conninfo = "host=/nowhere-such"};
    struct ww_pg_streams *pool = ww_pg_streams_new(base, &options);
    struct consumer c = {.appetite = EAGER};
    struct ww_pg_stream_query q = {.sql = "SELECT 1", .cb = on_page, .arg = &c};
    assert_int_equal(ww_pg_stream_open(pool, &q, &c.stream), WW_UNAVAILABLE);
    event_base_loop(base, EVLOOP_ONCE);
    ww_pg_streams_free(pool);
    event_base_free(base);
}

static int start_cluster(void **state) {
    (void)state;
    ww_log_set_level(WW_LOG_ERROR);
    if (cluster_start(&cluster, "stream") != 0)
        return 1;
    struct ww_error err;
    if (ww_pg_sync_open(cluster.conninfo, PATIENCE_MS, &sync_pg, &err) != WW_OK)
        return 1;
    return ww_pg_sync_exec(
               sync_pg,
               "CREATE ROLE test_reader NOLOGIN; CREATE TABLE public.seen (ward int);"
               "INSERT INTO public.seen VALUES (1), (2), (2), (3), (NULL);"
               "CREATE TABLE public.hidden (ward int); CREATE SEQUENCE public.counter;"
               "GRANT SELECT ON public.seen TO test_reader; GRANT ALL ON public.counter TO test_reader;"
               "ALTER TABLE public.seen ENABLE ROW LEVEL SECURITY;"
               "CREATE POLICY p ON public.seen USING (CASE current_setting('wardwatch.wards', true)"
               " WHEN 'all' THEN true"
               " ELSE ward = ANY (nullif(current_setting('wardwatch.wards', true), '')::int[]) END)",
               NULL, NULL, &err) != WW_OK;
}

static int remove_cluster(void **state) {
    (void)state;
    ww_pg_sync_close(sync_pg);
    return cluster_do(&cluster, "remove");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_come_as_they_are),
        cmocka_unit_test(a_hundred_thousand_rows_come_in_pages_of_at_most_what_was_asked),
        cmocka_unit_test(pages_of_large_rows_are_short),
        cmocka_unit_test(nothing_is_read_before_it_is_asked_for),
        cmocka_unit_test(a_stream_reads_with_its_reader_s_eyes_and_changes_nothing),
        cmocka_unit_test(errors_end_the_stream_with_their_own_words),
        cmocka_unit_test(a_consumer_that_rests_too_long_is_told_and_let_go),
        cmocka_unit_test(a_stream_does_not_live_longer_than_it_may),
        cmocka_unit_test(a_killed_backend_ends_its_stream_once_and_the_pool_comes_back),
        cmocka_unit_test(cancelling_stops_the_query_on_the_server_and_keeps_the_connection),
        cmocka_unit_test(a_stream_may_be_cancelled_inside_its_callback_and_while_it_waits),
        cmocka_unit_test(cancelling_at_any_moment_never_hits_another_stream),
        cmocka_unit_test(what_finds_no_connection_waits_its_turn_in_a_bounded_queue),
        cmocka_unit_test(who_waits_too_long_is_told_busy),
        cmocka_unit_test(one_account_does_not_take_all_connections),
        cmocka_unit_test(a_pool_that_is_freed_answers_all_its_streams),
        cmocka_unit_test(without_a_server_nothing_is_opened),
    };
    return cmocka_run_group_tests(tests, start_cluster, remove_cluster);
}
