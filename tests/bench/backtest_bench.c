/* How many readings a second a back-test judges. ww_link: ww_ingest
 *
 *   bench_backtest [DATASTREAMS [READINGS]]        200 and 5,000 each: a million
 *
 * A private cluster is filled with minute values of one property; a limit rule and a baseline are tried over
 * all of them. The yardstick, in the same run: the same query through the same cursor, its rows fetched and
 * thrown away; and a plain SELECT of the same rows without any order, through a cursor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ingest/backtest.h"
#include "sql/migrate.h"
#include "tests/unit/sql/pg_cluster.h"

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(enum ww_status st, const struct ww_error *err) {
    if (st == WW_OK)
        return;
    fprintf(stderr, "bench_backtest: %s [%s]\n", err->message, err->field);
    exit(1);
}

static void fill(struct ww_pg_sync *sync, int datastreams, int readings) {
    struct ww_error err;
    char sql[4096];
    snprintf(
        sql, sizeof sql,
        "SET search_path = wardwatch, public;"
        "INSERT INTO feed (name, config) VALUES ('b', '{}');"
        "INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, "
        "corrections, duplicates, dead)"
        "  SELECT i, 1, now(), 'b', sha256('x'), 1, 0, 0, 0, 0, 0 FROM generate_series(1, %d) i;"
        "INSERT INTO thing (feed_id, key, limit_class) SELECT 1, 't' || i, 'c' FROM generate_series(1, %d) i;"
        "INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p "
        "WHERE p.code = 'cod';"
        "INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, "
        "status, source)"
        "  SELECT id, 'B 1', 'c', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'b' FROM observed_property "
        "WHERE code = 'cod';"
        "SELECT ensure_partition('2026-05-01'); SELECT ensure_partition('2026-06-01');"
        "INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, "
        "version, flag)"
        "  SELECT d.id, '2026-05-01'::timestamptz + i * interval '1 min', i, 30 + 10 * sin(i / 500.0) + 5 * "
        "random()"
        "         + CASE WHEN (i + d.id * 37) %% 1500 < 5 THEN 40 ELSE 0 END, 0, 1, 'N'"
        "  FROM generate_series(1, %d) i, datastream d;"
        "ANALYZE observation;",
        readings, datastreams, readings);
    must(ww_pg_sync_exec(sync, sql, NULL, NULL, &err), &err);
}

static bool go_on(void *arg, const struct ww_backtest_progress *progress) {
    (void)arg;
    (void)progress;
    return true;
}

static double backtest(const char *conninfo, const char *detector, const char *config, int64_t from_us,
                       int64_t to_us) {
    struct ww_rule_row rule = {
        .severity = 2, .code = WW_STR("bench"), .detector = ww_str_of(detector), .config = ww_str_of(config)};
    struct ww_backtest *bt;
    struct ww_error err;
    uint32_t alerts;
    double began = now_s();
    must(ww_backtest_open(conninfo, &rule, &bt, &err), &err);
    must(ww_backtest_run(bt, &(struct ww_backtest_time){.from_us = from_us, .to_us = to_us}, go_on, NULL,
                         &err),
         &err);
    double took = now_s() - began;
    (void)ww_alert_log_all(ww_backtest_alerts(bt), &alerts);
    printf("%-9s %8llu readings  %6.2f s  %9.0f readings/s  %u alerts\n", detector,
           (unsigned long long)ww_backtest_progress(bt)->readings, took,
           (double)ww_backtest_progress(bt)->readings / took, alerts);
    ww_backtest_close(bt);
    return took;
}

static bool throw_away(void *arg, const struct ww_pg_result *page) {
    *(uint64_t *)arg += (uint64_t)ww_pg_rows(page);
    return true;
}

static double plain_cursor(struct ww_pg_sync *sync, const char *text, const char *name) {
    struct ww_sql sql = {.name = name, .text = text};
    struct ww_error err;
    uint64_t rows = 0;
    must(ww_pg_sync_exec(sync, "BEGIN READ ONLY", NULL, NULL, &err), &err);
    double began = now_s();
    must(ww_pg_sync_each(sync, &sql, NULL, 10000, throw_away, &rows, &err), &err);
    double took = now_s() - began;
    must(ww_pg_sync_exec(sync, "COMMIT", NULL, NULL, &err), &err);
    printf("%-9s %8llu rows      %6.2f s  %9.0f rows/s\n", name, (unsigned long long)rows, took,
           (double)rows / took);
    return took;
}

int main(int argc, char **argv) {
    int datastreams = argc > 1 ? atoi(argv[1]) : 200, readings = argc > 2 ? atoi(argv[2]) : 5000;
    struct cluster cluster;
    struct ww_pg_sync *sync;
    struct ww_error err;
    int64_t from_us, to_us;
    int applied;
    if (cluster_start(&cluster, "backtest") != 0 || datastreams < 1 || readings < 1)
        return 1;
    must(ww_pg_sync_open(cluster.conninfo, 30000, &sync, &err), &err);
    must(ww_migrate(sync, NULL, NULL, &applied, &err), &err);
    fill(sync, datastreams, readings);
    must(ww_instant_parse(WW_STR("2026-05-01"), NULL, &from_us, &err), &err);
    must(ww_instant_parse(WW_STR("2027-01-01"), NULL, &to_us, &err), &err);
    printf("%d datastreams, %d minute values each\n", datastreams, readings);
    for (int round = 0; round < 3; round++) {
        double plain =
            plain_cursor(sync,
                         "SELECT datastream_id, phenomenon_time, interval_s, value, flag, ward_id, "
                         "raw_message_id FROM wardwatch.observation",
                         "plain");
        double sorted =
            plain_cursor(sync,
                         "SELECT datastream_id, phenomenon_time, interval_s, value, flag, ward_id FROM "
                         "wardwatch.observation ORDER BY datastream_id, raw_message_id",
                         "sorted");
        double limit =
            backtest(cluster.conninfo, "limit",
                     "{\"property\":\"cod\",\"standard\":\"B 1\",\"averaging\":\"instant\",\"fire\":[2,3],"
                     "\"clear\":[3,3]}",
                     from_us, to_us);
        double baseline =
            backtest(cluster.conninfo, "baseline",
                     "{\"property\":\"cod\",\"side\":\"up\",\"false_alarms_per_month\":0.1}", from_us, to_us);
        printf("ratio to the plain cursor: limit %.2f, baseline %.2f; to the sorted one: %.2f, %.2f\n",
               plain / limit, plain / baseline, sorted / limit, sorted / baseline);
    }
    ww_pg_sync_close(sync);
    return cluster_do(&cluster, "remove");
}
