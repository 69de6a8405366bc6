/* The PostgreSQL client against a real server that this test starts, stops and mistreats. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "geo/base/arena.h"
#include "geo/base/log.h"
#include "sql/pg.h"
#include "tests/unit/sql/pg_cluster.h"

#define PATIENCE_S 20

static struct cluster cluster;

/* ---- A bench with one loop, one connection and a notebook of answers ---- */

struct answer {
    int id;
    enum ww_status status;
    char sqlstate[8];
    char message[256];
    char tag[32];
    char first[64]; /* row 0, column 0 */
    uint64_t affected;
};

struct bench {
    struct event_base *base;
    struct ww_pg *pg;
    int ups, downs;
    struct answer answers[2048];
    int n;
    char notified[128];
    bool requeue_forever;
};

struct asked {
    struct bench *bench;
    int id;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_state(void *arg, struct ww_pg *pg, bool up) {
    struct bench *b = arg;
    assert_int_equal(ww_pg_is_up(pg), up);
    if (up)
        b->ups++;
    else
        b->downs++;
}

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    struct asked *asked = arg;
    struct bench *b = asked->bench;
    struct answer *a = &b->answers[b->n++];
    memset(a, 0, sizeof *a);
    a->id = asked->id;
    a->status = status;
    snprintf(a->sqlstate, sizeof a->sqlstate, "%.7s", err->field);
    snprintf(a->message, sizeof a->message, "%s", err->message);
    assert_int_equal(status == WW_OK, result != NULL);
    assert_int_equal(status, err->status);
    if (result) {
        snprintf(a->tag, sizeof a->tag, "%.*s", WW_STR_ARG(ww_pg_tag(result)));
        a->affected = ww_pg_affected(result);
        if (ww_pg_rows(result) > 0)
            snprintf(a->first, sizeof a->first, "%.*s", WW_STR_ARG(ww_pg_str(result, 0, 0)));
    }
    free(asked);
}

static struct asked *ask(struct bench *b, int id) {
    struct asked *asked = malloc(sizeof *asked);
    assert_non_null(asked);
    *asked = (struct asked){b, id};
    return asked;
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
}

/* Turns the loop until `cond`; fails the test when that takes too long. */
#define RUN_UNTIL(b, cond)                                                                                   \
    do {                                                                                                     \
        int64_t give_up = now_ms() + PATIENCE_S * 1000;                                                      \
        struct event *wake = event_new((b)->base, -1, EV_PERSIST, on_wake, NULL);                            \
        event_add(wake, &(struct timeval){.tv_sec = 1});                                                     \
        while (!(cond)) {                                                                                    \
            if (now_ms() > give_up)                                                                          \
                fail_msg("waited in vain for %s; last error: %s", #cond, ww_pg_last_error((b)->pg));         \
            event_base_loop((b)->base, EVLOOP_ONCE);                                                         \
        }                                                                                                    \
        event_free(wake);                                                                                    \
    } while (0)

static struct bench *bench_with(struct ww_pg_options options) {
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->base = event_base_new();
    if (!options.conninfo)
        options.conninfo = cluster.conninfo;
    b->pg = ww_pg_new(b->base, &options, on_state, b);
    return b;
}

static struct bench *bench_up(struct ww_pg_options options) {
    struct bench *b = bench_with(options);
    RUN_UNTIL(b, b->ups == 1);
    assert_string_equal(ww_pg_last_error(b->pg), "");
    return b;
}

static void bench_free(struct bench *b) {
    ww_pg_free(b->pg);
    event_base_free(b->base);
    free(b);
}

static enum ww_status exec_id(struct bench *b, int id, const char *sql) {
    struct asked *asked = ask(b, id);
    enum ww_status st = ww_pg_exec(b->pg, sql, NULL, on_answer, asked);
    if (st != WW_OK)
        free(asked);
    return st;
}

/* Runs one statement to its end and gives its answer. */
static struct answer *one(struct bench *b, const char *sql) {
    int before = b->n;
    assert_int_equal(exec_id(b, before, sql), WW_OK);
    RUN_UNTIL(b, b->n == before + 1);
    return &b->answers[before];
}

/* ---- Queries ---- */

static void arguments_and_results_of_every_kind_come_back_as_sent(void **state) {
    (void)state;
    struct ww_pg_sync *s;
    struct ww_error err;
    assert_int_equal(ww_pg_sync_open(cluster.conninfo, PATIENCE_S * 1000, &s, &err), WW_OK);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, WW_STR("区 ' \\ x"));
    ww_pg_arg_i64(&args, INT64_MIN);
    ww_pg_arg_double(&args, 0.1 + 0.2);
    ww_pg_arg_bool(&args, true);
    ww_pg_arg_bytea(&args, (struct ww_str){"\0\xff\x10", 3});
    ww_pg_arg_instant(&args, -1);
    ww_pg_arg_null(&args);
    ww_pg_arg_double(&args, -INFINITY);
    ww_pg_arg_str(&args, WW_STR_NONE);
    const struct ww_pg_result *r;
    assert_int_equal(ww_pg_sync_exec(s,
                                     "SELECT $1::text, $2::bigint, $3::float8, $4::bool, $5::bytea,"
                                     " $6::timestamptz, $7::int, $8::float8, $9::text, 'NaN'::float8",
                                     &args, &r, &err),
                     WW_OK);
    assert_int_equal(ww_pg_rows(r), 1);
    assert_int_equal(ww_pg_columns(r), 10);
    assert_true(ww_str_is(ww_pg_str(r, 0, 0), "区 ' \\ x"));
    assert_true(ww_pg_i64(r, 0, 1) == INT64_MIN);
    assert_true(ww_pg_double(r, 0, 2) == 0.1 + 0.2);
    assert_true(ww_pg_bool(r, 0, 3));
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_str bytes;
    assert_int_equal(ww_pg_bytes(r, 0, 4, arena, &bytes), WW_OK);
    assert_true(ww_str_eq(bytes, (struct ww_str){"\0\xff\x10", 3}));
    ww_arena_free(arena);
    assert_true(ww_str_is(ww_pg_str(r, 0, 5), "1969-12-31 23:59:59.999999+00"));
    assert_true(ww_pg_is_null(r, 0, 6));
    assert_int_equal(ww_pg_i64(r, 0, 6), 0);
    assert_true(isnan(ww_pg_double(r, 0, 6)));
    assert_true(ww_pg_double(r, 0, 7) == -INFINITY);
    assert_false(ww_pg_is_null(r, 0, 8));
    assert_int_equal(ww_pg_str(r, 0, 8).len, 0);
    assert_true(isnan(ww_pg_double(r, 0, 9)));
    assert_true(ww_str_is(ww_pg_tag(r), "SELECT 1"));
    ww_pg_args_clear(&args);
    ww_pg_sync_close(s);
}

static void every_connection_has_our_settings(void **state) {
    (void)state;
    struct bench *b =
        bench_up((struct ww_pg_options){.application = "the test", .statement_timeout_ms = 1234});
    assert_string_equal(one(b, "SHOW client_encoding")->first, "UTF8");
    assert_string_equal(one(b, "SHOW timezone")->first, "UTC");
    assert_string_equal(one(b, "SHOW synchronous_commit")->first, "on");
    assert_string_equal(one(b, "SHOW search_path")->first, "wardwatch,public");
    assert_string_equal(one(b, "SHOW application_name")->first, "the test");
    assert_string_equal(one(b, "SHOW bytea_output")->first, "hex");
    assert_string_equal(one(b, "SHOW statement_timeout")->first, "1234ms");
    assert_string_equal(one(b, "SHOW DateStyle")->first, "ISO, MDY");
    assert_string_equal(one(b, "SHOW extra_float_digits")->first, "3");
    assert_string_equal(one(b, "SHOW jit")->first, "off");
    bench_free(b);
}

static void a_text_argument_with_a_nul_inside_is_refused_before_it_is_sent(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, (struct ww_str){"a\0b", 3});
    assert_int_equal(ww_pg_exec(b->pg, "SELECT $1::text", &args, on_answer, NULL), WW_BAD_INPUT);
    assert_int_equal(ww_pg_queued(b->pg), 0);
    ww_pg_args_clear(&args);
    bench_free(b);
}

static void errors_become_statuses_by_their_sqlstate(void **state) {
    (void)state;
    static const struct {
        const char *sql, *sqlstate;
        enum ww_status status;
    } rows[] = {
        {"SELECT nonsense", "42703", WW_BAD_INPUT},
        {"SELECT 1/0", "22012", WW_BAD_INPUT},
        {"INSERT INTO pg_temp.u VALUES (1)", "23505", WW_CONFLICT},
        {"INSERT INTO pg_temp.u VALUES (NULL)", "23502", WW_BAD_INPUT},
        {"DO $$ BEGIN RAISE insufficient_privilege; END $$", "42501", WW_DENIED},
        {"DO $$ BEGIN RAISE deadlock_detected; END $$", "40P01", WW_UNAVAILABLE},
        {"DO $$ BEGIN RAISE serialization_failure; END $$", "40001", WW_UNAVAILABLE},
        {"DO $$ BEGIN RAISE disk_full; END $$", "53100", WW_UNAVAILABLE},
        {"DO $$ BEGIN RAISE exclusion_violation; END $$", "23P01", WW_CONFLICT},
        {"DO $$ BEGIN RAISE lock_not_available; END $$", "55P03", WW_UNAVAILABLE},
    };
    struct bench *b = bench_up((struct ww_pg_options){
        .on_connect = "CREATE TEMP TABLE u (k int PRIMARY KEY); INSERT INTO u VALUES (1)"});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answer *a = one(b, rows[i].sql);
        assert_string_equal(a->sqlstate, rows[i].sqlstate);
        assert_int_equal(a->status, rows[i].status);
        assert_true(a->message[0] != '\0');
    }
    assert_string_equal(one(b, "SELECT 'still up'")->first, "still up");
    assert_int_equal(b->ups, 1);
    bench_free(b);
}

static void a_deferred_constraint_that_fails_at_the_sync_fails_its_own_command(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){
        .on_connect = "CREATE TEMP TABLE d (k int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);"
                      "INSERT INTO d VALUES (1)"});
    assert_int_equal(exec_id(b, 0, "INSERT INTO d VALUES (1)"), WW_OK);
    assert_int_equal(exec_id(b, 1, "INSERT INTO d VALUES (2)"), WW_OK);
    assert_int_equal(exec_id(b, 2, "SELECT count(*) FROM d"), WW_OK);
    RUN_UNTIL(b, b->n == 3);
    assert_int_equal(b->answers[0].status, WW_CONFLICT);
    assert_int_equal(b->answers[1].status, WW_OK);
    assert_string_equal(b->answers[2].first, "2");
    bench_free(b);
}

static void a_thousand_queries_are_answered_in_order_although_some_fail(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.queue_max = 1000});
    char sql[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(sql, sizeof sql, i % 7 == 3 ? "SELECT %d / 0" : "SELECT %d", i);
        assert_int_equal(exec_id(b, i, sql), WW_OK);
    }
    assert_int_equal(b->n, 0); /* never answered inside the call */
    assert_int_equal(ww_pg_queued(b->pg), 1000);
    assert_int_equal(exec_id(b, 1000, "SELECT 1"), WW_BUSY);
    RUN_UNTIL(b, b->n == 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(b->answers[i].id, i);
        assert_int_equal(b->answers[i].status, i % 7 == 3 ? WW_BAD_INPUT : WW_OK);
        snprintf(sql, sizeof sql, "%d", i);
        if (i % 7 != 3)
            assert_string_equal(b->answers[i].first, sql);
    }
    assert_int_equal(ww_pg_queued(b->pg), 0);
    assert_int_equal(exec_id(b, 1001, "SELECT 1"), WW_OK);
    RUN_UNTIL(b, b->n == 1001);
    bench_free(b);
}

static void on_big(void *arg, enum ww_status status, const struct ww_pg_result *r,
                   const struct ww_error *err) {
    (void)err;
    assert_int_equal(status, WW_OK);
    assert_int_equal(ww_pg_rows(r), 20000);
    assert_int_equal(ww_pg_str(r, 19999, 1).len, 1000);
    (*(int *)arg)++;
}

static void big_results_and_big_arguments_in_both_directions_at_once_do_not_block(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    size_t size = (size_t)8 << 20;
    char *text = malloc(size);
    memset(text, 'x', size);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, (struct ww_str){text, size});
    int big = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ww_pg_exec(b->pg, "SELECT n, repeat('y', 1000) FROM generate_series(1, 20000) n",
                                    NULL, on_big, &big),
                         WW_OK);
        assert_int_equal(ww_pg_exec(b->pg, "SELECT length($1::text)", &args, on_answer, ask(b, i)), WW_OK);
    }
    ww_pg_args_clear(&args);
    free(text);
    RUN_UNTIL(b, b->n == 4 && big == 4);
    assert_string_equal(b->answers[3].first, "8388608");
    bench_free(b);
}

static void a_script_runs_alone_between_pipelined_commands(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    exec_id(b, 0, "CREATE TEMP TABLE t (k int)");
    exec_id(b, 1, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); SELECT count(*) FROM t");
    exec_id(b, 2, "INSERT INTO t VALUES (3)");
    exec_id(b, 3, "INSERT INTO t VALUES (4); SELECT 1/0");
    exec_id(b, 4, "SELECT count(*) FROM t");
    exec_id(b, 5, "");
    RUN_UNTIL(b, b->n == 6);
    assert_string_equal(b->answers[1].first, "2");
    assert_int_equal(b->answers[2].status, WW_OK);
    assert_string_equal(b->answers[3].sqlstate, "22012");
    assert_string_equal(b->answers[4].first, "3");
    assert_int_equal(b->answers[5].status, WW_OK);
    bench_free(b);
}

/* ---- COPY ---- */

static const char binary_head[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

/* Rows (bigint, double) in PostgreSQL's binary format. */
static void make_rows(struct ww_buf *out, int64_t n) {
    ww_buf_init(out, (size_t)64 << 20);
    for (int64_t i = 0; i < n; i++) {
        ww_buf_be16(out, 2);
        ww_buf_be32(out, 8);
        ww_buf_be64(out, (uint64_t)i);
        ww_buf_be32(out, 8);
        ww_buf_be_double(out, (double)i / 2);
    }
    assert_int_equal(ww_buf_status(out), WW_OK);
}

static void a_million_rows_are_copied_within_a_transaction_queued_at_once(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    struct ww_buf rows;
    make_rows(&rows, 1000000);
    struct ww_str parts[] = {
        {binary_head, sizeof binary_head}, WW_STR_NONE, ww_buf_str(&rows), {"\xff\xff", 2}};
    exec_id(b, 0, "CREATE TEMP TABLE m (k bigint, v double precision)");
    exec_id(b, 1, "BEGIN");
    assert_int_equal(
        ww_pg_copy_in(b->pg, "COPY m FROM STDIN (FORMAT binary)", parts, 4, on_answer, ask(b, 2)), WW_OK);
    exec_id(b, 3, "INSERT INTO m VALUES (-1, -1)");
    exec_id(b, 4, "COMMIT");
    exec_id(b, 5, "SELECT count(*) || ' ' || sum(k) || ' ' || sum(v) FROM m");
    RUN_UNTIL(b, b->n == 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(b->answers[i].id, i);
    assert_int_equal(b->answers[2].affected, 1000000);
    assert_string_equal(b->answers[4].tag, "COMMIT");
    assert_string_equal(b->answers[5].first, "1000001 499999499999 249999749999");
    ww_buf_clear(&rows);
    bench_free(b);
}

static void a_copy_that_fails_makes_the_rest_of_its_transaction_fail_and_nothing_else(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.on_connect = "CREATE TEMP TABLE f (k int)"});
    struct ww_buf text;
    ww_buf_init(&text, (size_t)16 << 20);
    for (int i = 0; i < 1000000; i++)
        ww_buf_text(&text, i == 1000 ? "no number\n" : "1\n");
    struct ww_str part = ww_buf_str(&text);
    exec_id(b, 0, "BEGIN");
    assert_int_equal(ww_pg_copy_in(b->pg, "COPY f FROM STDIN", &part, 1, on_answer, ask(b, 1)), WW_OK);
    exec_id(b, 2, "INSERT INTO f VALUES (2)");
    exec_id(b, 3, "COMMIT");
    exec_id(b, 4, "SELECT count(*) FROM f");
    RUN_UNTIL(b, b->n == 5);
    assert_string_equal(b->answers[1].sqlstate, "22P02");
    assert_int_equal(b->answers[1].status, WW_BAD_INPUT);
    assert_string_equal(b->answers[2].sqlstate, "25P02");
    assert_string_equal(b->answers[3].tag, "ROLLBACK");
    assert_string_equal(b->answers[4].first, "0");
    assert_int_equal(b->ups, 1);
    ww_buf_clear(&text);
    bench_free(b);
}

static void a_copy_that_is_none_is_refused_and_a_copy_by_exec_too(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    struct ww_str part = WW_STR("1\n");
    assert_int_equal(ww_pg_copy_in(b->pg, "SELECT 1", &part, 1, on_answer, ask(b, 0)), WW_OK);
    assert_int_equal(ww_pg_copy_in(b->pg, "COPY nowhere FROM STDIN", &part, 1, on_answer, ask(b, 1)), WW_OK);
    exec_id(b, 2, "SELECT 7");
    RUN_UNTIL(b, b->n == 3);
    assert_int_equal(b->answers[0].status, WW_BAD_INPUT);
    assert_string_equal(b->answers[1].sqlstate, "42P01");
    assert_string_equal(b->answers[2].first, "7");
    exec_id(b, 3, "COPY (SELECT 1) TO STDOUT");
    exec_id(b, 4, "SELECT 8");
    RUN_UNTIL(b, b->n == 5 && b->ups == 2);
    assert_int_equal(b->answers[3].status, WW_BAD_INPUT);
    assert_int_equal(b->answers[4].status, WW_UNAVAILABLE);
    bench_free(b);
}

/* ---- Mistreatment ---- */

static void kill_backend_of(const char *application) {
    struct ww_pg_sync *s;
    struct ww_error err;
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '%s'",
             application);
    assert_int_equal(ww_pg_sync_open(cluster.conninfo, PATIENCE_S * 1000, &s, &err), WW_OK);
    const struct ww_pg_result *r;
    assert_int_equal(ww_pg_sync_exec(s, sql, NULL, &r, &err), WW_OK);
    assert_int_equal(ww_pg_rows(r), 1);
    ww_pg_sync_close(s);
}

static void a_backend_killed_in_mid_query_answers_all_once_and_comes_back(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.application = "victim"});
    exec_id(b, 0, "SELECT pg_sleep(60)");
    for (int i = 1; i < 10; i++)
        exec_id(b, i, "SELECT 1");
    event_base_loop(b->base, EVLOOP_NONBLOCK);
    kill_backend_of("victim");
    RUN_UNTIL(b, b->ups == 2);
    assert_int_equal(b->n, 10);
    assert_int_equal(b->downs, 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(b->answers[i].id, i);
        assert_int_equal(b->answers[i].status, WW_UNAVAILABLE);
    }
    assert_string_equal(b->answers[0].sqlstate, "57P01");
    assert_string_equal(b->answers[1].sqlstate, "");
    assert_string_equal(one(b, "SELECT 'back'")->first, "back");
    bench_free(b);
}

static void a_backend_killed_in_mid_copy_answers_all_once_and_comes_back(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.application = "victim"});
    struct ww_buf rows;
    make_rows(&rows, 1000000);
    struct ww_str parts[] = {{binary_head, sizeof binary_head}, ww_buf_str(&rows), ww_buf_str(&rows)};
    exec_id(b, 0, "CREATE TEMP TABLE m (k bigint, v double precision)");
    assert_int_equal(
        ww_pg_copy_in(b->pg, "COPY m FROM STDIN (FORMAT binary)", parts, 3, on_answer, ask(b, 1)), WW_OK);
    exec_id(b, 2, "SELECT 1");
    RUN_UNTIL(b, b->n == 1);
    for (int i = 0; i < 5; i++)
        event_base_loop(b->base, EVLOOP_ONCE);
    assert_int_equal(b->n, 1);
    kill_backend_of("victim");
    RUN_UNTIL(b, b->ups == 2);
    assert_int_equal(b->n, 3);
    assert_int_equal(b->answers[1].status, WW_UNAVAILABLE);
    assert_int_equal(b->answers[2].status, WW_UNAVAILABLE);
    assert_string_equal(one(b, "SELECT 'back'")->first, "back");
    ww_buf_clear(&rows);
    bench_free(b);
}

static void an_idle_connection_notices_its_death_by_itself(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.application = "victim"});
    kill_backend_of("victim");
    RUN_UNTIL(b, b->ups == 2);
    assert_int_equal(b->downs, 1);
    bench_free(b);
}

static void a_stopped_server_means_unavailable_and_a_started_one_means_up(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    assert_int_equal(cluster_do(&cluster, "stop"), 0);
    RUN_UNTIL(b, b->downs == 1);
    assert_int_equal(exec_id(b, 0, "SELECT 1"), WW_UNAVAILABLE);
    RUN_UNTIL(b, strstr(ww_pg_last_error(b->pg), "can't reach PostgreSQL: connection to server on socket"));
    assert_int_equal(b->n, 0);
    assert_int_equal(cluster_do(&cluster, "start"), 0);
    RUN_UNTIL(b, b->ups == 2);
    assert_string_equal(one(b, "SELECT 'back'")->first, "back");
    bench_free(b);
}

static void a_server_killed_like_by_a_power_cut_is_found_again(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    exec_id(b, 0, "SELECT pg_sleep(60)");
    event_base_loop(b->base, EVLOOP_NONBLOCK);
    assert_int_equal(cluster_do(&cluster, "kill"), 0);
    RUN_UNTIL(b, b->downs == 1);
    assert_int_equal(b->n, 1);
    assert_int_equal(b->answers[0].status, WW_UNAVAILABLE);
    assert_int_equal(cluster_do(&cluster, "start"), 0);
    RUN_UNTIL(b, b->ups == 2);
    bench_free(b);
}

static void statement_timeout_ends_a_statement_and_keeps_the_connection(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.statement_timeout_ms = 50});
    exec_id(b, 0, "SELECT pg_sleep(60)");
    exec_id(b, 1, "SELECT 5");
    RUN_UNTIL(b, b->n == 2);
    assert_string_equal(b->answers[0].sqlstate, "57014");
    assert_int_equal(b->answers[0].status, WW_UNAVAILABLE);
    assert_string_equal(b->answers[1].first, "5");
    assert_int_equal(b->downs, 0);
    bench_free(b);
}

static void a_server_that_does_not_answer_is_dropped_at_our_own_deadline(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.statement_timeout_ms = 100});
    /* The statement switches the server's own timeout off. */
    exec_id(b, 0, "SET statement_timeout = 0");
    exec_id(b, 1, "SELECT pg_sleep(60)");
    int64_t began = now_ms();
    RUN_UNTIL(b, b->ups == 2);
    assert_true(now_ms() - began >= 5000);
    assert_int_equal(b->answers[1].status, WW_UNAVAILABLE);
    assert_non_null(strstr(b->answers[1].message, "no answer within 5100 ms"));
    bench_free(b);
}

static void a_dropped_connection_answers_its_queue_later_and_comes_back(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    exec_id(b, 0, "SELECT 1");
    exec_id(b, 1, "SELECT 2");
    ww_pg_drop(b->pg);
    assert_int_equal(b->n, 0);
    assert_false(ww_pg_is_up(b->pg));
    assert_int_equal(exec_id(b, 2, "SELECT 3"), WW_UNAVAILABLE);
    RUN_UNTIL(b, b->ups == 2);
    assert_int_equal(b->n, 2);
    assert_int_equal(b->answers[0].status, WW_UNAVAILABLE);
    assert_int_equal(b->answers[1].id, 1);
    bench_free(b);
}

/* ---- Freeing and queueing inside callbacks ---- */

struct chain {
    struct ww_pg *pg;
    struct event_base *base;
    int answers, unavailable, left;
};

static void on_chain_free(void *arg, enum ww_status status, const struct ww_pg_result *result,
                          const struct ww_error *err) {
    struct chain *c = arg;
    (void)err;
    c->answers++;
    c->unavailable += status == WW_UNAVAILABLE;
    if (status == WW_OK && c->pg) {
        struct ww_pg *pg = c->pg;
        c->pg = NULL;
        ww_pg_free(pg);
        assert_int_equal(ww_pg_i64(result, 0, 0), 1); /* the result lives until we return */
    }
}

static void a_connection_may_be_freed_inside_its_own_callback(void **state) {
    (void)state;
    struct event_base *base = event_base_new();
    struct ww_pg_options options = {.conninfo = cluster.conninfo};
    struct chain c = {.base = base};
    c.pg = ww_pg_new(base, &options, NULL, NULL);
    while (!ww_pg_is_up(c.pg))
        event_base_loop(base, EVLOOP_ONCE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ww_pg_exec(c.pg, "SELECT 1", NULL, on_chain_free, &c), WW_OK);
    while (c.pg)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(c.answers, 5);
    assert_int_equal(c.unavailable, 4);
    event_base_free(base);
}

static void on_chain_more(void *arg, enum ww_status status, const struct ww_pg_result *result,
                          const struct ww_error *err) {
    struct chain *c = arg;
    (void)result;
    (void)err;
    assert_int_equal(status, WW_OK);
    c->answers++;
    if (c->left-- > 0)
        assert_int_equal(ww_pg_exec(c->pg, "SELECT 1", NULL, on_chain_more, c), WW_OK);
}

static void a_callback_may_queue_the_next_command(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){.queue_max = 1});
    struct chain c = {.pg = b->pg, .left = 100};
    assert_int_equal(ww_pg_exec(b->pg, "SELECT 1", NULL, on_chain_more, &c), WW_OK);
    RUN_UNTIL(b, c.answers == 101);
    bench_free(b);
}

static void a_connection_freed_with_a_full_queue_answers_it_before_it_returns(void **state) {
    (void)state;
    struct bench *b = bench_up((struct ww_pg_options){0});
    for (int i = 0; i < 5; i++)
        exec_id(b, i, "SELECT pg_sleep(60)");
    ww_pg_free(b->pg);
    assert_int_equal(b->n, 5);
    assert_int_equal(b->answers[4].status, WW_UNAVAILABLE);
    assert_int_equal(b->downs, 0);
    event_base_free(b->base);
    free(b);
}

static void a_connection_may_be_freed_before_it_ever_connected(void **state) {
    (void)state;
    bench_free(bench_with((struct ww_pg_options){0}));
    struct bench *b = bench_with((struct ww_pg_options){0});
    event_base_loop(b->base, EVLOOP_ONCE);
    bench_free(b);
}

/* ---- Notify, prepared statements, pool, sync ---- */

static void on_notify(void *arg, struct ww_str channel, struct ww_str payload) {
    snprintf(arg, 128, "%.*s=%.*s", WW_STR_ARG(channel), WW_STR_ARG(payload));
}

static void notifications_arrive_on_a_listening_connection(void **state) {
    (void)state;
    char heard[128] = "";
    struct bench *b = bench_up(
        (struct ww_pg_options){.on_connect = "LISTEN ww_test", .on_notify = on_notify, .notify_arg = heard});
    struct bench *other = bench_up((struct ww_pg_options){0});
    assert_int_equal(one(other, "NOTIFY ww_test, 'hello'")->status, WW_OK);
    RUN_UNTIL(b, heard[0]);
    assert_string_equal(heard, "ww_test=hello");
    bench_free(other);
    bench_free(b);
}

static void a_statement_that_can_not_be_prepared_keeps_the_connection_down_and_says_which(void **state) {
    (void)state;
    size_t n;
    const struct ww_sql *all = ww_sql_all(&n);
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any = any || all[i].prepare;
    if (!any)
        skip();
    struct bench *b = bench_with((struct ww_pg_options){.prepare = true}); /* there is no schema */
    RUN_UNTIL(b, strncmp(ww_pg_last_error(b->pg), "preparing ", 10) == 0);
    assert_non_null(strstr(ww_pg_last_error(b->pg), "wardwatch migrate"));
    assert_int_equal(b->ups, 0);
    bench_free(b);
}

static void wrong_set_up_sql_keeps_the_connection_down_and_says_why(void **state) {
    (void)state;
    struct bench *b = bench_with((struct ww_pg_options){.on_connect = "SELECT 1; SELECT 1/0"});
    RUN_UNTIL(b, strcmp(ww_pg_last_error(b->pg), "the set-up SQL failed: division by zero") == 0);
    assert_int_equal(b->ups, 0);
    bench_free(b);
}

static void statements_outside_the_table_run_without_preparation(void **state) {
    (void)state;
    static const struct ww_sql sql = {"own", "SELECT $1::int + 1", true};
    struct bench *b = bench_up((struct ww_pg_options){0});
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, 41);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ww_pg_query(b->pg, &sql, &args, on_answer, ask(b, i)), WW_OK);
    ww_pg_args_clear(&args);
    RUN_UNTIL(b, b->n == 3);
    assert_string_equal(b->answers[2].first, "42");
    bench_free(b);
}

static void a_pool_spreads_over_its_connections(void **state) {
    (void)state;
    static const struct ww_sql sql = {"own", "SELECT pg_backend_pid()", true};
    struct bench *b = bench_up((struct ww_pg_options){0});
    struct ww_pg_options options = {.conninfo = cluster.conninfo, .application = "pool", .queue_max = 1};
    struct ww_pg_pool *pool = ww_pg_pool_new(b->base, &options, 3);
    assert_int_equal(ww_pg_pool_query(pool, &sql, NULL, on_answer, NULL), WW_UNAVAILABLE);
    const char *count =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool' AND state = 'idle'";
    while (strcmp(one(b, count)->first, "3") != 0 && b->n < 2000)
        ;
    event_base_loop(b->base, EVLOOP_NONBLOCK);
    b->n = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ww_pg_pool_query(pool, &sql, NULL, on_answer, ask(b, i)), WW_OK);
    assert_int_equal(ww_pg_pool_query(pool, &sql, NULL, on_answer, NULL), WW_BUSY);
    RUN_UNTIL(b, b->n == 3);
    assert_string_not_equal(b->answers[0].first, b->answers[1].first);
    assert_string_not_equal(b->answers[1].first, b->answers[2].first);
    assert_true(ww_pg_pool_is_up(pool));
    ww_pg_pool_free(pool);
    bench_free(b);
}

static void the_sync_client_runs_scripts_copies_and_says_what_went_wrong(void **state) {
    (void)state;
    struct ww_pg_sync *s;
    struct ww_error err;
    const struct ww_pg_result *r;
    assert_int_equal(ww_pg_sync_open(cluster.conninfo, PATIENCE_S * 1000, &s, &err), WW_OK);
    assert_int_equal(ww_pg_sync_exec(s, "CREATE TEMP TABLE c (k int); SELECT 'x;y'", NULL, &r, &err), WW_OK);
    assert_true(ww_str_is(ww_pg_str(r, 0, 0), "x;y"));
    struct ww_str parts[] = {WW_STR("1\n2"), WW_STR("\n3\n")};
    assert_int_equal(ww_pg_sync_copy_in(s, "COPY c FROM STDIN", parts, 2, &err), WW_OK);
    assert_int_equal(ww_pg_sync_exec(s, "SELECT count(*) FROM c", NULL, &r, &err), WW_OK);
    assert_int_equal(ww_pg_i64(r, 0, 0), 3);
    assert_int_equal(ww_pg_sync_exec(s, "SELECT 1;\nSELECT '区',\n oops", NULL, &r, &err), WW_BAD_INPUT);
    assert_null(r);
    assert_string_equal(err.field, "42703");
    assert_int_equal(err.line, 3);
    ww_pg_sync_close(s);
}

static void a_wrong_connection_string_is_refused_in_one_sentence(void **state) {
    (void)state;
    struct ww_pg_sync *s;
    struct ww_error err;
    assert_int_equal(ww_pg_sync_open("host=/nowhere", 300, &s, &err), WW_UNAVAILABLE);
    assert_null(s);
    assert_non_null(strstr(err.message, "can't reach PostgreSQL: connection to server on socket"));
    assert_null(strchr(err.message, '\n'));
    assert_int_equal(ww_pg_sync_open("no equals sign", 300, &s, &err), WW_BAD_INPUT);
    assert_non_null(strstr(err.message, "the connection string is wrong: "));
    char other[320];
    snprintf(other, sizeof other, "postgresql://postgres@/nosuch?host=%s", cluster.dir);
    assert_int_equal(ww_pg_sync_open(other, 300, &s, &err), WW_UNAVAILABLE);
    assert_non_null(strstr(err.message, "database \"nosuch\" does not exist"));
}

static int start_cluster(void **state) {
    (void)state;
    ww_log_set_level(WW_LOG_ERROR);
    return cluster_start(&cluster, "pg");
}

static int remove_cluster(void **state) {
    (void)state;
    return cluster_do(&cluster, "remove");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_results_of_every_kind_come_back_as_sent),
        cmocka_unit_test(every_connection_has_our_settings),
        cmocka_unit_test(a_text_argument_with_a_nul_inside_is_refused_before_it_is_sent),
        cmocka_unit_test(errors_become_statuses_by_their_sqlstate),
        cmocka_unit_test(a_deferred_constraint_that_fails_at_the_sync_fails_its_own_command),
        cmocka_unit_test(a_thousand_queries_are_answered_in_order_although_some_fail),
        cmocka_unit_test(big_results_and_big_arguments_in_both_directions_at_once_do_not_block),
        cmocka_unit_test(a_script_runs_alone_between_pipelined_commands),
        cmocka_unit_test(a_million_rows_are_copied_within_a_transaction_queued_at_once),
        cmocka_unit_test(a_copy_that_fails_makes_the_rest_of_its_transaction_fail_and_nothing_else),
        cmocka_unit_test(a_copy_that_is_none_is_refused_and_a_copy_by_exec_too),
        cmocka_unit_test(a_backend_killed_in_mid_query_answers_all_once_and_comes_back),
        cmocka_unit_test(a_backend_killed_in_mid_copy_answers_all_once_and_comes_back),
        cmocka_unit_test(an_idle_connection_notices_its_death_by_itself),
        cmocka_unit_test(a_stopped_server_means_unavailable_and_a_started_one_means_up),
        cmocka_unit_test(a_server_killed_like_by_a_power_cut_is_found_again),
        cmocka_unit_test(statement_timeout_ends_a_statement_and_keeps_the_connection),
        cmocka_unit_test(a_server_that_does_not_answer_is_dropped_at_our_own_deadline),
        cmocka_unit_test(a_dropped_connection_answers_its_queue_later_and_comes_back),
        cmocka_unit_test(a_connection_may_be_freed_inside_its_own_callback),
        cmocka_unit_test(a_callback_may_queue_the_next_command),
        cmocka_unit_test(a_connection_freed_with_a_full_queue_answers_it_before_it_returns),
        cmocka_unit_test(a_connection_may_be_freed_before_it_ever_connected),
        cmocka_unit_test(notifications_arrive_on_a_listening_connection),
        cmocka_unit_test(a_statement_that_can_not_be_prepared_keeps_the_connection_down_and_says_which),
        cmocka_unit_test(wrong_set_up_sql_keeps_the_connection_down_and_says_why),
        cmocka_unit_test(statements_outside_the_table_run_without_preparation),
        cmocka_unit_test(a_pool_spreads_over_its_connections),
        cmocka_unit_test(the_sync_client_runs_scripts_copies_and_says_what_went_wrong),
        cmocka_unit_test(a_wrong_connection_string_is_refused_in_one_sentence),
    };
    return cmocka_run_group_tests(tests, start_cluster, remove_cluster);
}
