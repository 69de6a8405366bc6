/* Our copy_in on the event loop against blocking libpq, with the same bytes in the same run.
 * ww_link: ww_sql
 *
 *   bench_copy CONNINFO [ROWS]      e.g. bench_copy "$(tests/support/pg_cluster.sh start /tmp/bench)"
 *
 * The table is temporary (so the WAL is not what is measured); rows are (bigint, double) in binary. Also
 * prints the median round trip of SELECT 1 both ways. Each figure is the best of five, taken in turns.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/buf.h"
#include "sql/pg.h"

#define TABLE_SQL "CREATE TEMP TABLE bench (k bigint, v double precision)"
#define COPY_SQL  "COPY bench FROM STDIN (FORMAT binary)"
#define CHUNK     ((size_t)64 * 1024)
#define TURNS     5
#define TRIPS     2001

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "bench_copy: %s\n", what);
    exit(1);
}

static void make_rows(struct ww_buf *out, int64_t n) {
    ww_buf_init(out, (size_t)1 << 31);
    ww_buf_add(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (int64_t i = 0; i < n; i++) {
        ww_buf_be16(out, 2);
        ww_buf_be32(out, 8);
        ww_buf_be64(out, (uint64_t)i);
        ww_buf_be32(out, 8);
        ww_buf_be_double(out, (double)i);
    }
    ww_buf_be16(out, 0xFFFF);
    if (ww_buf_status(out) != WW_OK)
        die("no memory");
}

/* ---- Blocking libpq ---- */

static void run_blocking(PGconn *conn, const char *sql) {
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) == PGRES_FATAL_ERROR)
        die(PQerrorMessage(conn));
    PQclear(res);
}

static double copy_blocking(PGconn *conn, struct ww_str bytes) {
    run_blocking(conn, "TRUNCATE bench");
    double began = now_s();
    run_blocking(conn, COPY_SQL);
    for (size_t at = 0; at < bytes.len; at += CHUNK)
        if (PQputCopyData(conn, bytes.ptr + at, (int)(bytes.len - at < CHUNK ? bytes.len - at : CHUNK)) != 1)
            die(PQerrorMessage(conn));
    if (PQputCopyEnd(conn, NULL) != 1)
        die(PQerrorMessage(conn));
    PGresult *res;
    while ((res = PQgetResult(conn))) {
        if (PQresultStatus(res) != PGRES_COMMAND_OK)
            die(PQerrorMessage(conn));
        PQclear(res);
    }
    return now_s() - began;
}

/* ---- Ours ---- */

static double copy_ours(struct ww_pg_sync *sync, struct ww_str bytes) {
    struct ww_error err;
    if (ww_pg_sync_exec(sync, "TRUNCATE bench", NULL, NULL, &err) != WW_OK)
        die(err.message);
    double began = now_s();
    if (ww_pg_sync_copy_in(sync, COPY_SQL, &bytes, 1, &err) != WW_OK)
        die(err.message);
    return now_s() - began;
}

/* ---- Round trips ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void trips(PGconn *conn, struct ww_pg_sync *sync) {
    static double blocking[TRIPS];
    static double ours[TRIPS];
    for (int i = 0; i < TRIPS; i++) {
        double began = now_s();
        PQclear(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
        blocking[i] = now_s() - began;
        began = now_s();
        if (ww_pg_sync_exec(sync, "SELECT 1", NULL, NULL, NULL) != WW_OK)
            die("SELECT 1 failed");
        ours[i] = now_s() - began;
    }
    qsort(blocking, TRIPS, sizeof *blocking, compare);
    qsort(ours, TRIPS, sizeof *ours, compare);
    printf("SELECT 1, median: libpq blocking %.1f us, ours %.1f us, ratio %.2f\n", blocking[TRIPS / 2] * 1e6,
           ours[TRIPS / 2] * 1e6, ours[TRIPS / 2] / blocking[TRIPS / 2]);
}

int main(int argc, char **argv) {
    if (argc < 2)
        die("usage: bench_copy CONNINFO [ROWS]");
    int64_t n = argc > 2 ? atoll(argv[2]) : 5000000;
    struct ww_buf rows;
    make_rows(&rows, n);
    PGconn *conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK)
        die(PQerrorMessage(conn));
    struct ww_pg_sync *sync;
    struct ww_error err;
    if (ww_pg_sync_open(argv[1], 5000, &sync, &err) != WW_OK ||
        ww_pg_sync_exec(sync, TABLE_SQL, NULL, NULL, &err) != WW_OK)
        die(err.message);
    run_blocking(conn, TABLE_SQL);

    double blocking = 1e9;
    double ours = 1e9;
    for (int i = 0; i < TURNS; i++) {
        double a = copy_blocking(conn, ww_buf_str(&rows));
        double b = copy_ours(sync, ww_buf_str(&rows));
        blocking = a < blocking ? a : blocking;
        ours = b < ours ? b : ours;
    }
    double mb = (double)rows.len / 1e6;
    printf("COPY of %lld rows, %.0f MB: libpq blocking %.0f MB/s, ours %.0f MB/s, ratio %.2f\n", (long long)n,
           mb, mb / blocking, mb / ours, blocking / ours);
    trips(conn, sync);
    ww_pg_sync_close(sync);
    PQfinish(conn);
    ww_buf_clear(&rows);
    return 0;
}
