/* How long a back-test of a scan rule takes. ww_link: ww_ingest
 *
 *   bench_backtest_scan [PLACES [DAYS]]        2,000 places and 90 days to try it on, after 90 to remember
 *
 * A private cluster is filled with the events of things in a square, one every other day each, received when
 * they happened, and a cluster of 30 in one corner on one day. Two models are tried over the last DAYS,
 * looked at once an hour at most, and one of them every quarter of an hour. The yardstick, in the same run:
 * the query alone, its rows thrown away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "ingest/backtest.h"
#include "sql/migrate.h"
#include "tests/unit/sql/pg_cluster.h"

enum { MEMORY_DAYS = 90 };

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(enum ww_status st, const struct ww_error *err) {
    if (st == WW_OK)
        return;
    fprintf(stderr, "bench_backtest_scan: %s [%s]\n", err->message, err->field);
    exit(1);
}

/* A message a quarter of an hour; the things lie in a square of about 45 a side, 250 m apart. */
static void fill(struct ww_pg_sync *sync, int places, int days) {
    struct ww_error err;
    char sql[4096];
    snprintf(
        sql, sizeof sql,
        "SET search_path = wardwatch, public; SELECT setseed(0.5);"
        "INSERT INTO ward (code, name_zh, geom) VALUES ('880000001', 'w', ST_Multi(ST_MakeEnvelope(107, "
        "29, 107.2, "
        "29.2, 4490)));"
        "INSERT INTO feed (name, config) VALUES ('b', "
        "'{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}');"
        "INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, "
        "corrections, "
        "duplicates, dead)"
        "  SELECT h, 1, '2026-01-01'::timestamptz + h * interval '15 minutes', 'b', sha256('x'), 1, 0, 0, "
        "0, 0, 0 FROM "
        "generate_series(1, %d) h;"
        "INSERT INTO thing (feed_id, key, ward_id, geom) SELECT 1, 't' || i, 1, "
        "ST_SetSRID(ST_MakePoint(107.01 + "
        "0.0025 * (i %% 45), 29.01 + 0.00225 * (i / 45)), 4490) FROM generate_series(0, %d) i;"
        "INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, "
        "observed_property p WHERE "
        "p.code = 'complaint';"
        "SELECT ensure_partition('2026-01-01'::timestamptz + m * interval '1 month') FROM "
        "generate_series(0, 14) m;"
        "INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, "
        "version, flag)"
        "  SELECT d.id, '2026-01-01'::timestamptz + (h - random()) * interval '15 minutes', h, 1, 0, 1, 'N'"
        "  FROM datastream d, generate_series(1, %d) day, LATERAL (SELECT (day - 1) * 96 + 1 + "
        "floor(random() * "
        "96)::int + d.id * 0 AS h) x WHERE random() < 0.5;"
        "INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, "
        "version, flag)"
        "  SELECT d.id, '2026-01-01'::timestamptz + (h - 0.5) * interval '15 minutes' + n * interval '1 "
        "second', h, 1, 0, "
        "1, 'N' FROM (SELECT id FROM datastream ORDER BY id LIMIT 3) d, generate_series(1, 10) n, "
        "(SELECT %d AS h) x;"
        "ANALYZE;",
        (days + MEMORY_DAYS) * 96, places - 1, days + MEMORY_DAYS, (MEMORY_DAYS + days / 2) * 96 + 48);
    must(ww_pg_sync_exec(sync, sql, NULL, NULL, &err), &err);
}

static bool go_on(void *arg, const struct ww_backtest_progress *progress) {
    (void)arg;
    (void)progress;
    return true;
}

static void backtest(const char *conninfo, const char *model, const struct ww_backtest_time *time) {
    char config[400];
    snprintf(config, sizeof config,
             "{\"events\":{\"property\":\"complaint\"},\"places\":\"thing\",\"model\":\"%s\",\"max_radius_"
             "m\":1500,"
             "\"max_days\":7,\"memory_days\":%d,\"recurrence_interval_days\":365}",
             model, MEMORY_DAYS);
    struct ww_rule_row rule = {
        .severity = 2, .code = WW_STR("bench"), .detector = WW_STR("scan"), .config = ww_str_of(config)};
    struct ww_backtest *bt;
    struct ww_error err;
    struct rusage used;
    uint32_t alerts;
    double began = now_s(), cpu = cpu_s();
    must(ww_backtest_open(conninfo, &rule, &bt, &err), &err);
    must(ww_backtest_run(bt, time, go_on, NULL, &err), &err);
    double took = now_s() - began, worked = cpu_s() - cpu;
    const struct ww_backtest_progress *p = ww_backtest_progress(bt);
    (void)ww_alert_log_all(ww_backtest_alerts(bt), &alerts);
    getrusage(RUSAGE_SELF, &used);
    printf("%s every %lld s: %llu readings, %llu looks, %.1f s (CPU time of this program %.1f s, %.0f ms a "
           "look), %u "
           "alerts, at most %ld MiB\n",
           model, (long long)(time->look_every_us / WW_SECOND_US), (unsigned long long)p->readings,
           (unsigned long long)p->looks, took, worked, 1000 * worked / (double)p->looks, alerts,
           used.ru_maxrss / 1024);
    fflush(stdout);
    ww_backtest_close(bt);
}

static bool throw_away(void *arg, const struct ww_pg_result *page) {
    *(uint64_t *)arg += (uint64_t)ww_pg_rows(page);
    return true;
}

static void query_alone(struct ww_pg_sync *sync, const struct ww_backtest_time *time) {
    struct ww_pg_args args;
    struct ww_error err;
    uint64_t rows = 0;
    const struct ww_pg_result *r;
    must(ww_pg_sync_exec(sync, "BEGIN READ ONLY", NULL, NULL, &err), &err);
    must(ww_pg_sync_exec(sync, "SELECT array_agg(id)::text FROM wardwatch.datastream", NULL, &r, &err), &err);
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_pg_str(r, 0, 0));
    ww_pg_arg_instant(&args, time->from_us - MEMORY_DAYS * WW_DAY_US);
    ww_pg_arg_instant(&args, time->to_us);
    ww_pg_arg_bool(&args, false);
    double began = now_s();
    must(ww_pg_sync_each(sync, ww_sql_find("backtest_events"), &args, 10000, throw_away, &rows, &err), &err);
    printf("the query alone: %llu rows, %.1f s\n", (unsigned long long)rows, now_s() - began);
    ww_pg_args_clear(&args);
    must(ww_pg_sync_exec(sync, "COMMIT", NULL, NULL, &err), &err);
}

int main(int argc, char **argv) {
    int places = argc > 1 ? atoi(argv[1]) : 2000, days = argc > 2 ? atoi(argv[2]) : 90;
    struct cluster cluster;
    struct ww_pg_sync *sync;
    struct ww_error err;
    struct ww_backtest_time time = {0};
    int applied;
    if (cluster_start(&cluster, "backtest_scan") != 0 || places < 10 || days < 2)
        return 1;
    must(ww_pg_sync_open(cluster.conninfo, 30000, &sync, &err), &err);
    must(ww_migrate(sync, NULL, NULL, &applied, &err), &err);
    fill(sync, places, days);
    must(ww_instant_parse(WW_STR("2026-01-01"), NULL, &time.from_us, &err), &err);
    time.from_us += MEMORY_DAYS * WW_DAY_US;
    time.to_us = time.from_us + days * WW_DAY_US;
    printf("%d places, %d days after %d\n", places, days, MEMORY_DAYS);
    query_alone(sync, &time);
    time.look_every_us = WW_HOUR_US;
    for (int m = 0; m < 2; m++)
        backtest(cluster.conninfo, m == 0 ? "stp" : "ebp", &time);
    time.look_every_us = 900 * WW_SECOND_US;
    backtest(cluster.conninfo, "stp", &time);
    ww_pg_sync_close(sync);
    return cluster_do(&cluster, "remove");
}
