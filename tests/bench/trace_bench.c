/* Time and memory of one live trace on large waters: a case is collected as the keeper does, then run.
 * ww_link: ww_space
 *
 *   bench_trace [REACHES [SENSORS [SITES]]]
 *
 * A tree of reaches of a kilometre in rows that flow into a column; the subject is at its outlet, so that
 * all of it lies above; three days of readings every ten minutes of as many sensors as 200,000 readings
 * allow.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "ingest/space/trace_case.h"

static const int64_t now_us = INT64_C(1800000000) * WW_SECOND_US;
enum { READINGS_A_SENSOR = 432, ROW = 141, MOST_READINGS = 200000 };

static double cpu_s(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum ww_status st, const char *what) {
    if (st == WW_OK)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

/* A chain in each row, rows flow into the first column: long ways, and confluences everywhere on it. */
static struct ww_place place_of(uint32_t r) {
    return (struct ww_place){107 + 0.01 * (r % ROW), 29 + 0.01 * (r / ROW)};
}

static void add_reach(struct ww_trace_case *c, uint32_t r) {
    char code[24], into[24] = "", line[160];
    struct ww_place from = place_of(r), to = from;
    uint32_t next = r % ROW ? r - 1 : r >= ROW ? r - ROW : r;
    if (r > 0) {
        snprintf(into, sizeof into, "r%u", next);
        to = place_of(next);
    } else
        to.lat_deg -= 0.01;
    snprintf(code, sizeof code, "r%u", r);
    snprintf(line, sizeof line, "{\"type\":\"LineString\",\"coordinates\":[[%.4f,%.4f],[%.4f,%.4f]]}",
             from.lon_deg, from.lat_deg, to.lon_deg, to.lat_deg);
    must(ww_trace_add_reach(c, ww_str_of(code), ww_str_of(into), ww_str_of(line),
                            WW_STR("{\"velocity_ms\":0.5}"), NULL),
         "a reach");
}

static void add_readings(struct ww_trace_case *c, uint32_t n_sensors) {
    uint32_t n = 0;
    for (int64_t i = READINGS_A_SENSOR; i > 0; i--)
        for (uint32_t k = 0; k < n_sensors && n < MOST_READINGS; k++, n++) {
            bool high = (k == 0 && i < 18) || (k == 1 && i > 3 && i < 24);
            must(ww_trace_add_reading(c, k + 1, now_us - i * 600 * WW_SECOND_US,
                                      (high ? 60 : 20) + (double)((i * 7 + k) % 5), NULL),
                 "a reading");
        }
}

int main(int argc, char **argv) {
    uint32_t reaches = argc > 1 ? (uint32_t)atoi(argv[1]) : 2000;
    uint32_t sensors = argc > 2 ? (uint32_t)atoi(argv[2]) : 200,
             sites = argc > 3 ? (uint32_t)atoi(argv[3]) : 2000;
    struct ww_trace_case *c = ww_trace_case_new(WW_TRACE_WATER, now_us - WW_HOUR_US, now_us);
    struct ww_buf trace, geojson;
    struct rusage use;
    ww_buf_init(&trace, 16 << 20);
    ww_buf_init(&geojson, 16 << 20);
    double begun = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t r = 0; r < reaches; r++)
        add_reach(c, r);
    double with_reaches = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < sites; i++) {
        char code[24];
        struct ww_place at = place_of((uint32_t)((uint64_t)i * reaches / sites));
        snprintf(code, sizeof code, "s%u", i);
        must(ww_trace_add_site(c, ww_str_of(code), ww_str_of(code), ww_str_of(code), at, NULL), "a site");
    }
    for (uint32_t k = 0; k < sensors; k++) {
        char key[24];
        snprintf(key, sizeof key, "k%u", k);
        struct ww_trace_thing thing = {
            .id = k + 1, .key = ww_str_of(key), .at = place_of(k == 0 ? 0 : k * 2), .is_subject = k == 0};
        must(ww_trace_add_sensor(c, &thing, NULL), "a sensor");
    }
    add_readings(c, sensors);
    double collected = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    ww_trace_run(c, &trace, &geojson);
    double done = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    getrusage(RUSAGE_SELF, &use);
    printf("%u reaches, %u sensors, %u sites: collected in %.2f s (reaches %.2f), traced in %.2f s of CPU; "
           "%.0f MiB; "
           "answer %zu and %zu KiB\n%.160s\n",
           reaches, sensors, sites, collected - begun, with_reaches - begun, done - collected,
           (double)use.ru_maxrss / 1024, ww_buf_str(&trace).len >> 10, ww_buf_str(&geojson).len >> 10,
           ww_buf_status(&trace) == WW_OK ? ww_buf_str(&trace).ptr : "the answer did not fit");
    ww_buf_clear(&trace);
    ww_buf_clear(&geojson);
    ww_trace_case_free(c);
    return 0;
}
