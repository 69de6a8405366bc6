/* ww_link: ww_decode
 * Decodes the same readings as NDJSON, CSV and GeoJSON and prints MB/s and values/s, as a ratio
 * to the least that any decoder must do: finding the line ends with memchr and reading one
 * number a line with strtod. One core, best of five.
 *
 *   bench_decode [ROWS]        default 200000; 500 things, 4 properties, a new time every 20 rows
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/buf.h"
#include "ingest/decode/decode.h"

enum { ROUNDS = 5 };

static const char *const properties[] = {"cod", "nh3_n", "ph", "pm2_5"};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void time_text(char out[40], long i) {
    ww_instant_text(INT64_C(1795395723) * WW_SECOND_US + i / 20 * WW_SECOND_US, out);
}

static void write_body(enum ww_format format, long rows, struct ww_buf *out) {
    if (format == WW_FORMAT_CSV)
        ww_buf_text(out, "thing,property,time,value\n");
    if (format == WW_FORMAT_GEOJSON)
        ww_buf_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    for (long i = 0; i < rows; i++) {
        char at[40];
        const char *property = properties[i % 4];
        double value = (double)(i * 7919 % 10000) / 10;
        time_text(at, i);
        if (format == WW_FORMAT_CSV)
            ww_buf_printf(out, "WS-%05ld,%s,%s,%.1f\n", i % 500, property, at, value);
        else if (format == WW_FORMAT_NDJSON)
            ww_buf_printf(out,
                          "{\"thing\":\"WS-%05ld\",\"property\":\"%s\",\"time\":\"%s\",\"value\":%.1f}\n",
                          i % 500, property, at, value);
        else
            ww_buf_printf(
                out,
                "%s\n{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[107.%04ld,29.8%"
                "03ld]},"
                "\"properties\":{\"thing\":\"WS-%05ld\",\"property\":\"%s\",\"time\":\"%s\",\"value\":%.1f}}",
                i ? "," : "", i % 10000, i % 1000, i % 500, property, at, value);
    }
    if (format == WW_FORMAT_GEOJSON)
        ww_buf_text(out, "\n]}");
}

/* The floor: line ends and one number a line. */
static double floor_s(struct ww_str body) {
    double best = 1e9, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        const char *p = body.ptr, *end = p + body.len;
        while (p < end) {
            const char *newline = memchr(p, '\n', (size_t)(end - p));
            const char *stop = newline ? newline : end;
            const char *number = stop;
            while (number > p && (number[-1] < '0' || number[-1] > '9'))
                number--;
            while (number > p && number[-1] != ':' && number[-1] != ',')
                number--;
            sum += strtod(number, NULL);
            p = newline ? newline + 1 : end;
        }
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    return sum < 0 ? 0 : best;
}

static double decode_s(const struct ww_feed_config *config, enum ww_format format, struct ww_str body,
                       long rows) {
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        struct ww_arena *arena = ww_arena_new((size_t)1 << 30);
        struct ww_batch batch;
        struct ww_error err;
        double start = now_s();
        enum ww_status st = ww_decode(config, format, body, UINT32_MAX, arena, &batch, &err);
        double took = now_s() - start;
        best = took < best ? took : best;
        if (st != WW_OK || batch.n_rows != (uint32_t)rows) {
            (void)fprintf(stderr, "decode failed: %s\n", st == WW_OK ? "rows are missing" : err.message);
            exit(1);
        }
        ww_arena_free(arena);
    }
    return best;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        enum ww_format format;
    } formats[] = {{"ndjson", WW_FORMAT_NDJSON}, {"csv", WW_FORMAT_CSV}, {"geojson", WW_FORMAT_GEOJSON}};
    long rows = argc > 1 ? strtol(argv[1], NULL, 10) : 200000;
    struct ww_feed_config *config;
    struct ww_error err;
    if (ww_feed_config_parse(
            WW_STR("{\"thing\":\"thing\",\"property\":\"property\",\"value\":\"value\",\"time\":\"time\"}"),
            &config, &err) != WW_OK) {
        (void)fprintf(stderr, "config: %s\n", err.message);
        return 1;
    }
    printf("rows=%ld\n", rows);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct ww_buf body;
        ww_buf_init(&body, (size_t)1 << 30);
        write_body(formats[i].format, rows, &body);
        double least = floor_s(ww_buf_str(&body));
        double took = decode_s(config, formats[i].format, ww_buf_str(&body), rows);
        printf("%-8s %6.0f MB/s  %5.2f million values/s  ratio to memchr+strtod %.2f\n", formats[i].name,
               (double)body.len / took / 1e6, (double)rows / took / 1e6, least / took);
        ww_buf_clear(&body);
    }
    ww_feed_config_free(config);
    return 0;
}
