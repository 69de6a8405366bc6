/* Migrations against a real server: once, twice, two at once, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "geo/base/log.h"
#include "sql/migrate_internal.h"
#include "tests/unit/sql/pg_cluster.h"

static struct cluster cluster;

#define FILE_ROW(version, name, text)                                                                        \
    {                                                                                                        \
        version, name, {                                                                                     \
            text, sizeof(text) - 1                                                                           \
        }                                                                                                    \
    }

static const struct ww_migration good[] = {
    FILE_ROW(1, "0001_first", "CREATE TABLE wardwatch.a (k int); INSERT INTO wardwatch.a VALUES (1);\n"),
    FILE_ROW(2, "0002_second", "ALTER TABLE wardwatch.a ADD COLUMN v int\n"),
    FILE_ROW(3, "0003_third",
             "INSERT INTO wardwatch.a VALUES (2, 2);\nINSERT INTO wardwatch.a VALUES (3, 3);\n"),
};
static const struct ww_migration changed[] = {
    FILE_ROW(1, "0001_first", "CREATE TABLE wardwatch.a (k int); INSERT INTO wardwatch.a VALUES (2);\n"),
    FILE_ROW(2, "0002_second", "ALTER TABLE wardwatch.a ADD COLUMN v int\n"),
    FILE_ROW(3, "0003_third", "SELECT 1"),
};
static const struct ww_migration failing[] = {
    FILE_ROW(1, "0001_first", "CREATE TABLE wardwatch.a (k int); INSERT INTO wardwatch.a VALUES (1);\n"),
    FILE_ROW(2, "0002_broken",
             "CREATE TABLE wardwatch.b (k int);\nINSERT INTO wardwatch.b VALUES (1);\nSELECT 1/0;"),
};

static const struct ww_migration unrecorded[] = {
    FILE_ROW(1, "0001_taken",
             "CREATE TABLE wardwatch.b (k int); INSERT INTO wardwatch.migration (version, name, sha256)"
             " VALUES (1, 'mine', decode(repeat('00', 32), 'hex'));"),
};

struct steps {
    int n;
    int versions[64];
};

static void on_step(void *arg, int version, const char *name) {
    struct steps *steps = arg;
    assert_int_equal(atoi(name), version);
    steps->versions[steps->n++] = version;
}

static struct ww_pg_sync *open_sync(void) {
    struct ww_pg_sync *s;
    struct ww_error err;
    if (ww_pg_sync_open(cluster.conninfo, 20000, &s, &err) != WW_OK)
        fail_msg("%s", err.message);
    return s;
}

static int64_t number(struct ww_pg_sync *s, const char *sql) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (ww_pg_sync_exec(s, sql, NULL, &r, &err) != WW_OK)
        fail_msg("%s: %s", sql, err.message);
    return ww_pg_i64(r, 0, 0);
}

/* An empty database for each test. */
static int empty_database(void **state) {
    struct ww_pg_sync *s = open_sync();
    *state = s;
    return ww_pg_sync_exec(s, "DROP SCHEMA IF EXISTS wardwatch, layers CASCADE; SELECT 1", NULL, NULL,
                           NULL) != WW_OK;
}

static int close_database(void **state) {
    ww_pg_sync_close(*state);
    return 0;
}

static void the_program_s_own_migrations_apply_and_again_is_a_no_op(void **state) {
    struct steps steps = {0};
    struct ww_error err;
    int applied = -1;
    enum ww_status st = ww_migrate(*state, on_step, &steps, &applied, &err);
    if (st != WW_OK)
        fail_msg("%s (line %d)", err.message, (int)err.line);
    assert_int_equal(applied, ww_migrate_version());
    assert_int_equal(steps.n, applied);
    for (int i = 0; i < steps.n; i++)
        assert_int_equal(steps.versions[i], i + 1);
    assert_int_equal(number(*state, "SELECT max(version) FROM wardwatch.migration"), ww_migrate_version());
    assert_int_equal(ww_migrate(*state, on_step, &steps, &applied, &err), WW_OK);
    assert_int_equal(applied, 0);
    assert_int_equal(steps.n, ww_migrate_version());
}

static void every_prepared_statement_fits_the_migrated_schema(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate(*state, NULL, NULL, &applied, &err), WW_OK);
    struct event_base *base = event_base_new();
    struct ww_pg_options options = {.conninfo = cluster.conninfo, .prepare = true};
    struct ww_pg *pg = ww_pg_new(base, &options, NULL, NULL);
    while (!ww_pg_is_up(pg)) {
        event_base_loop(base, EVLOOP_ONCE);
        if (strncmp(ww_pg_last_error(pg), "preparing", 9) == 0)
            fail_msg("%s", ww_pg_last_error(pg));
    }
    ww_pg_free(pg);
    event_base_free(base);
}

struct outcome {
    int n;
    enum ww_status status;
};

static void on_outcome(void *arg, enum ww_status status, const struct ww_pg_result *result,
                       const struct ww_error *err) {
    struct outcome *outcome = arg;
    (void)result;
    (void)err;
    outcome->n++;
    outcome->status = status;
}

static int64_t count_prepared(struct ww_pg_sync *s) {
    return number(s, "SELECT count(*) FROM pg_prepared_statements WHERE name = 'catalog_district'");
}

static void a_named_statement_is_prepared_on_first_use_when_not_at_connect(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate(*state, NULL, NULL, &applied, &err), WW_OK);
    assert_int_equal(count_prepared(*state), 0);
    for (int i = 0; i < 2; i++) {
        if (ww_pg_sync_query(*state, ww_sql_find("catalog_district"), NULL, NULL, &err) != WW_OK)
            fail_msg("%s", err.message);
        assert_int_equal(count_prepared(*state), 1);
    }
    /* It is used, not only made: without it the query fails. */
    assert_int_equal(ww_pg_sync_exec(*state, "DEALLOCATE ALL", NULL, NULL, &err), WW_OK);
    assert_int_equal(ww_pg_sync_query(*state, ww_sql_find("catalog_district"), NULL, NULL, &err),
                     WW_UNAVAILABLE);
    assert_string_equal(err.message, "the prepared statement catalog_district is out of date");
}

static void a_forgotten_prepared_statement_renews_the_connection(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate(*state, NULL, NULL, &applied, &err), WW_OK);
    struct event_base *base = event_base_new();
    struct ww_pg_options options = {.conninfo = cluster.conninfo, .prepare = true};
    struct ww_pg *pg = ww_pg_new(base, &options, NULL, NULL);
    static const enum ww_status expected[] = {WW_OK, WW_UNAVAILABLE, WW_OK};
    for (int i = 0; i < 3; i++) {
        while (!ww_pg_is_up(pg))
            event_base_loop(base, EVLOOP_ONCE);
        struct outcome forgot = {0};
        struct outcome asked = {0};
        if (i == 1)
            assert_int_equal(ww_pg_exec(pg, "DEALLOCATE ALL", NULL, on_outcome, &forgot), WW_OK);
        assert_int_equal(ww_pg_query(pg, ww_sql_find("catalog_district"), NULL, on_outcome, &asked), WW_OK);
        while (asked.n == 0)
            event_base_loop(base, EVLOOP_ONCE);
        assert_int_equal(asked.status, expected[i]);
    }
    ww_pg_free(pg);
    event_base_free(base);
}

static void files_apply_in_order_each_once(void **state) {
    struct steps steps = {0};
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, good, 2, on_step, &steps, &applied, &err), WW_OK);
    assert_int_equal(applied, 2);
    assert_int_equal(ww_migrate_from(*state, good, 3, on_step, &steps, &applied, &err), WW_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(steps.versions[2], 3);
    assert_int_equal(number(*state, "SELECT sum(k) FROM wardwatch.a"), 6);
}

static void two_processes_at_once_both_succeed_and_apply_once(void **state) {
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct ww_error err;
            struct ww_pg_sync *s;
            int applied = 0;
            if (ww_pg_sync_open(cluster.conninfo, 20000, &s, &err) != WW_OK ||
                ww_migrate_from(s, good, 3, NULL, NULL, &applied, &err) != WW_OK)
                _exit(100);
            _exit(applied);
        }
    }
    int total = 0;
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        total += WEXITSTATUS(status);
    }
    assert_int_equal(total, 3);
    assert_int_equal(number(*state, "SELECT sum(k) FROM wardwatch.a"), 6);
}

static void changed_bytes_are_refused_and_change_nothing(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, good, 2, NULL, NULL, &applied, &err), WW_OK);
    assert_int_equal(ww_migrate_from(*state, changed, 3, NULL, NULL, &applied, &err), WW_CONFLICT);
    assert_string_equal(err.message,
                        "migration 0001_first was applied with other bytes than this program has");
    assert_int_equal(number(*state, "SELECT count(*) FROM wardwatch.migration"), 2);
}

static void a_newer_database_is_refused(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, good, 3, NULL, NULL, &applied, &err), WW_OK);
    assert_int_equal(ww_migrate_from(*state, good, 2, NULL, NULL, &applied, &err), WW_CONFLICT);
    assert_string_equal(err.message, "the database is newer than this program: it has migration 0003_third, "
                                     "we know 2; use the newer wardwatch");
    /* The lock was let go. */
    assert_int_equal(number(*state, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
}

static void a_database_with_a_gap_is_refused(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, good, 3, NULL, NULL, &applied, &err), WW_OK);
    number(*state, "DELETE FROM wardwatch.migration WHERE version = 2 RETURNING 1");
    assert_int_equal(ww_migrate_from(*state, good, 3, NULL, NULL, &applied, &err), WW_CONFLICT);
    assert_string_equal(err.message, "the database has migration 0003_third but not 0002_second before it");
}

static void a_failing_migration_leaves_nothing_behind_and_says_where(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, failing, 2, NULL, NULL, &applied, &err), WW_BAD_INPUT);
    assert_int_equal(applied, 1);
    assert_string_equal(err.message, "migration 0002_broken failed: division by zero");
    assert_string_equal(err.field, "22012");
    assert_int_equal(number(*state, "SELECT count(*) FROM wardwatch.migration"), 1);
    assert_int_equal(
        number(*state, "SELECT count(*) FROM pg_tables WHERE schemaname = 'wardwatch' AND tablename = 'b'"),
        0);
    /* And the right file applies afterwards. */
    assert_int_equal(ww_migrate_from(*state, good, 3, NULL, NULL, &applied, &err), WW_OK);
    assert_int_equal(applied, 2);
}

static void a_migration_that_can_not_be_recorded_leaves_nothing_behind(void **state) {
    struct ww_error err;
    int applied;
    assert_int_equal(ww_migrate_from(*state, unrecorded, 1, NULL, NULL, &applied, &err), WW_CONFLICT);
    assert_string_equal(err.value, "migration_pkey");
    assert_int_equal(number(*state, "SELECT count(*) FROM wardwatch.migration"), 0);
    assert_int_equal(
        number(*state, "SELECT count(*) FROM pg_tables WHERE schemaname = 'wardwatch' AND tablename = 'b'"),
        0);
}

static int start_cluster(void **state) {
    (void)state;
    ww_log_set_level(WW_LOG_ERROR);
    return cluster_start(&cluster, "migrate");
}

static int remove_cluster(void **state) {
    (void)state;
    return cluster_do(&cluster, "remove");
}

#define ON_EMPTY_DATABASE(test) cmocka_unit_test_setup_teardown(test, empty_database, close_database)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_EMPTY_DATABASE(the_program_s_own_migrations_apply_and_again_is_a_no_op),
        ON_EMPTY_DATABASE(every_prepared_statement_fits_the_migrated_schema),
        ON_EMPTY_DATABASE(a_named_statement_is_prepared_on_first_use_when_not_at_connect),
        ON_EMPTY_DATABASE(a_forgotten_prepared_statement_renews_the_connection),
        ON_EMPTY_DATABASE(files_apply_in_order_each_once),
        ON_EMPTY_DATABASE(two_processes_at_once_both_succeed_and_apply_once),
        ON_EMPTY_DATABASE(changed_bytes_are_refused_and_change_nothing),
        ON_EMPTY_DATABASE(a_newer_database_is_refused),
        ON_EMPTY_DATABASE(a_database_with_a_gap_is_refused),
        ON_EMPTY_DATABASE(a_failing_migration_leaves_nothing_behind_and_says_where),
        ON_EMPTY_DATABASE(a_migration_that_can_not_be_recorded_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, start_cluster, remove_cluster);
}
