/* Queries with a reader's eyes: what they see, and that nothing of it stays on the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/base/log.h"
#include "sql/pg.h"
#include "tests/unit/sql/pg_cluster.h"

static struct cluster cluster;

static const struct ww_sql who = {
    "who",
    "SELECT concat_ws(' ', current_user, current_setting('wardwatch.wards', true),"
    " current_setting('wardwatch.account', true), current_setting('wardwatch.account_role', true),"
    " current_setting('transaction_read_only'), $1::text)",
    true};
static const struct ww_sql rows = {"rows", "SELECT count(*) FROM public.seen", true};
static const struct ww_sql hidden = {"hidden", "SELECT count(*) FROM public.hidden", true};
static const struct ww_sql wrong = {"wrong", "SELECT 1 / (SELECT 0)", true};
static const struct ww_sql change = {"change", "INSERT INTO public.seen VALUES (9)", true};

/* A table that shows the wards of the setting, to the role test_reader. */
#define SCHEMA                                                                                               \
    "DO $$ BEGIN CREATE ROLE test_reader NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"        \
    "DROP TABLE IF EXISTS public.seen, public.hidden;"                                                       \
    "CREATE TABLE public.seen (ward int); INSERT INTO public.seen VALUES (1), (2), (2), (3), (NULL);"        \
    "CREATE TABLE public.hidden (ward int);"                                                                 \
    "GRANT SELECT, INSERT ON public.seen TO test_reader;"                                                    \
    "ALTER TABLE public.seen ENABLE ROW LEVEL SECURITY;"                                                     \
    "CREATE POLICY p ON public.seen USING (CASE current_setting('wardwatch.wards', true) WHEN 'all' THEN "   \
    "true"                                                                                                   \
    " ELSE ward = ANY (nullif(current_setting('wardwatch.wards', true), '')::int[]) END)"

struct bench {
    struct event_base *base;
    struct ww_pg *pg;
    int n;
    struct {
        enum ww_status status;
        char text[256];
    } answers[64];
};

static void on_answer(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct bench *b = arg;
    b->answers[b->n].status = status;
    if (status == WW_OK && ww_pg_rows(r) > 0)
        snprintf(b->answers[b->n].text, 256, "%.*s", WW_STR_ARG(ww_pg_str(r, 0, 0)));
    else
        snprintf(b->answers[b->n].text, 256, "%s", err->message);
    b->n++;
}

static struct bench *bench_new(void) {
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->base = event_base_new();
    struct ww_pg_options options = {.conninfo = cluster.conninfo, .on_connect = SCHEMA};
    b->pg = ww_pg_new(b->base, &options, NULL, NULL);
    while (!ww_pg_is_up(b->pg)) {
        if (strstr(ww_pg_last_error(b->pg), "failed"))
            fail_msg("%s", ww_pg_last_error(b->pg));
        event_base_loop(b->base, EVLOOP_ONCE);
    }
    return b;
}

static void bench_free(struct bench *b) {
    ww_pg_free(b->pg);
    event_base_free(b->base);
    free(b);
}

static void ask_as(struct bench *b, struct ww_str wards, const struct ww_sql *sql) {
    struct ww_pg_reader reader = {
        .role = "test_reader", .wards = wards, .account_id = 7, .account_role = "analyst"};
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    if (sql == &who)
        ww_pg_arg_str(&args, WW_STR("x"));
    assert_int_equal(ww_pg_query_as(b->pg, &reader, sql, &args, on_answer, b), WW_OK);
    ww_pg_args_clear(&args);
}

static void ask_self(struct bench *b) {
    assert_int_equal(
        ww_pg_exec(b->pg,
                   "SELECT concat_ws(' ', current_user, coalesce(nullif(current_setting('wardwatch.wards',"
                   " true), ''), 'none'), current_setting('transaction_read_only'))",
                   NULL, on_answer, b),
        WW_OK);
}

static void run(struct bench *b, int n) {
    while (b->n < n)
        event_base_loop(b->base, EVLOOP_ONCE);
}

static void a_reader_is_a_role_with_wards_for_one_statement(void **state) {
    (void)state;
    struct bench *b = bench_new();
    ask_as(b, WW_STR("{1,2}"), &who);
    ask_self(b);
    ask_as(b, WW_STR_NONE, &who);
    ask_self(b);
    run(b, 4);
    assert_string_equal(b->answers[0].text, "test_reader {1,2} 7 analyst on x");
    assert_string_equal(b->answers[1].text, "postgres none off");
    assert_string_equal(b->answers[2].text, "test_reader all 7 analyst on x");
    assert_string_equal(b->answers[3].text, "postgres none off");
    bench_free(b);
}

static void the_same_statement_gives_each_reader_his_own_rows(void **state) {
    (void)state;
    struct bench *b = bench_new();
    static const struct {
        const char *wards, *count;
    } cases[] = {{"{2}", "2"}, {"{1,3}", "2"}, {"{}", "0"}, {NULL, "5"}, {"{4}", "0"}, {"{1,2,3}", "4"}};
    int n = (int)(sizeof cases / sizeof *cases);
    for (int i = 0; i < 2 * n; i++) /* all in the pipeline at once */
        ask_as(b, ww_str_of(cases[i % n].wards), &rows);
    run(b, 2 * n);
    for (int i = 0; i < 2 * n; i++)
        assert_string_equal(b->answers[i].text, cases[i % n].count);
    bench_free(b);
}

static void the_embedded_statement_becomes_prepared_and_stays_right(void **state) {
    (void)state;
    struct bench *b = bench_new();
    /* read_as is prepared here by its own first use as a query; afterwards readers go through the prepared
     * one. */
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, WW_STR("test_reader"));
    ww_pg_arg_str(&args, WW_STR("{1}"));
    ww_pg_arg_str(&args, WW_STR("1"));
    ww_pg_arg_str(&args, WW_STR(""));
    assert_int_equal(ww_pg_query(b->pg, ww_sql_find("read_as"), &args, on_answer, b), WW_OK);
    ww_pg_args_clear(&args);
    run(b, 1);
    ask_as(b, WW_STR("{2}"), &rows);
    ask_self(b);
    run(b, 3);
    assert_string_equal(b->answers[1].text, "2");
    assert_string_equal(b->answers[2].text, "postgres none off");
    /* Somebody forgets it: the connection is renewed, as for any statement. */
    assert_int_equal(ww_pg_exec(b->pg, "DEALLOCATE ALL", NULL, on_answer, b), WW_OK);
    ask_as(b, WW_STR("{2}"), &rows);
    run(b, 5);
    assert_int_equal(b->answers[4].status, WW_UNAVAILABLE);
    assert_string_equal(b->answers[4].text, "the prepared statement read_as is out of date");
    bench_free(b);
}

static void an_error_leaves_the_connection_as_it_was(void **state) {
    (void)state;
    struct bench *b = bench_new();
    ask_as(b, WW_STR("{1}"), &wrong);
    ask_self(b);
    ask_as(b, WW_STR("{1}"), &hidden);
    ask_self(b);
    ask_as(b, WW_STR("{1}"), &change);
    ask_self(b);
    ask_as(b, WW_STR("no array"), &rows);
    ask_self(b);
    ask_as(b, WW_STR("{2}"), &rows);
    run(b, 9);
    assert_int_equal(b->answers[0].status, WW_BAD_INPUT);
    assert_string_equal(b->answers[0].text, "division by zero");
    assert_int_equal(b->answers[2].status, WW_DENIED);
    assert_string_equal(b->answers[2].text, "permission denied for table hidden");
    assert_string_equal(b->answers[4].text, "cannot execute INSERT in a read-only transaction");
    assert_int_equal(b->answers[6].status, WW_BAD_INPUT);
    for (int i = 1; i < 8; i += 2)
        assert_string_equal(b->answers[i].text, "postgres none off");
    assert_string_equal(b->answers[8].text, "2");
    bench_free(b);
}

static void a_role_that_is_not_there_is_our_trouble_and_names_it(void **state) {
    (void)state;
    struct bench *b = bench_new();
    struct ww_pg_reader reader = {.role = "nobody_such", .wards = WW_STR("{1}")};
    assert_int_equal(ww_pg_query_as(b->pg, &reader, &rows, NULL, on_answer, b), WW_OK);
    /* Named statements of the table: the preparation behind the refusal is not taken for made. */
    assert_int_equal(ww_pg_query_as(b->pg, &reader, ww_sql_find("read_as"), NULL, on_answer, b), WW_OK);
    ask_as(b, WW_STR("{2}"), &rows);
    ask_self(b);
    run(b, 4);
    assert_int_equal(b->answers[0].status, WW_UNAVAILABLE);
    assert_string_equal(b->answers[0].text, "can't read as nobody_such: role \"nobody_such\" does not exist");
    assert_int_equal(b->answers[1].status, WW_UNAVAILABLE);
    assert_string_equal(b->answers[2].text, "2");
    assert_string_equal(b->answers[3].text, "postgres none off");
    bench_free(b);
}

static int start_cluster(void **state) {
    (void)state;
    ww_log_set_level(WW_LOG_ERROR);
    return cluster_start(&cluster, "reader");
}

static int remove_cluster(void **state) {
    (void)state;
    return cluster_do(&cluster, "remove");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_is_a_role_with_wards_for_one_statement),
        cmocka_unit_test(the_same_statement_gives_each_reader_his_own_rows),
        cmocka_unit_test(the_embedded_statement_becomes_prepared_and_stays_right),
        cmocka_unit_test(an_error_leaves_the_connection_as_it_was),
        cmocka_unit_test(a_role_that_is_not_there_is_our_trouble_and_names_it),
    };
    return cmocka_run_group_tests(tests, start_cluster, remove_cluster);
}
