/* The command line of `wardwatch simulate --load`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/json_writer.h"
#include "geo/instant.h"
#include "ingest/simulate/load.h"
#include "ingest/simulate/load_row.h"
#include "ingest/simulate/options.h"
#include "ingest/simulate/post.h"

static const char help[] =
    "wardwatch simulate --load - the load generator for benches\n"
    "\n"
    "  wardwatch simulate --load --print-feed [--place]            the feed's config, for `wardwatch feed "
    "add`\n"
    "  wardwatch simulate --load --things FILE --series N          its things, for `wardwatch load things`\n"
    "  wardwatch simulate --load --server URL --token-file FILE [options]\n"
    "\n"
    "  --connections C    default 4; each has its own series and one body on its way\n"
    "  --rate R|max       rows a second, default max\n"
    "  --batch-rows B     of a body, default 1000\n"
    "  --series N         datastreams in all, default 1000; keys L000000 …\n"
    "  --seconds S        default 10\n"
    "  --feed NAME        default load\n"
    "  --start TIME       of the first readings, default a day ago\n"
    "  --step-ms MS       between two readings of a series, default 1000\n"
    "  --exceed-every K   each K-th body of a connection, its first row is 999.00 instead of 100 to 199.99\n"
    "  --place            rows carry coordinates\n"
    "  --ack-log FILE     a line for each acknowledged body: row i is series series_from + (cursor + i) %\n"
    "                     series_count at start_ms + (cursor + i) / series_count * step_ms\n"
    "\n"
    "Prints one JSON object: acked_rows, seconds, rows_per_s, p50_ms p99_ms longest_ms (first byte sent to\n"
    "answer). What is not acknowledged is sent again, the same bytes, also after the server was killed.\n"
    "Exit code: 0 done, 1 failed or something not acknowledged, 2 wrong usage.\n";

enum {
    OPT_SERVER = 256,
    OPT_TOKEN,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_BATCH,
    OPT_SERIES,
    OPT_SECONDS,
    OPT_FEED,
    OPT_START,
    OPT_STEP,
    OPT_EXCEED,
    OPT_PLACE,
    OPT_ACK_LOG,
    OPT_PRINT_FEED,
    OPT_THINGS
};

static const struct option options[] = {
    {"server", required_argument, NULL, OPT_SERVER},
    {"token-file", required_argument, NULL, OPT_TOKEN},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"batch-rows", required_argument, NULL, OPT_BATCH},
    {"series", required_argument, NULL, OPT_SERIES},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"feed", required_argument, NULL, OPT_FEED},
    {"start", required_argument, NULL, OPT_START},
    {"step-ms", required_argument, NULL, OPT_STEP},
    {"exceed-every", required_argument, NULL, OPT_EXCEED},
    {"place", no_argument, NULL, OPT_PLACE},
    {"ack-log", required_argument, NULL, OPT_ACK_LOG},
    {"print-feed", no_argument, NULL, OPT_PRINT_FEED},
    {"things", required_argument, NULL, OPT_THINGS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct settings {
    struct ww_load load;
    const char *ack_log, *things;
    int64_t start_us;
    uint32_t step_ms;
    bool print_feed;
};

static bool take_option(struct settings *s, int option, const char *value) {
    switch (option) {
    case OPT_SERVER:
        s->load.server = value;
        return true;
    case OPT_TOKEN:
        s->load.token_file = value;
        return true;
    case OPT_CONNECTIONS:
        return ww_option_u32("connections", value, 1, 1000, &s->load.connections);
    case OPT_RATE:
        return ww_option_speed("rate", value, &s->load.rows_per_s);
    case OPT_BATCH:
        return ww_option_u32("batch-rows", value, 1, 150000, &s->load.batch_rows);
    case OPT_SERIES:
        return ww_option_u32("series", value, 1, 1000000, &s->load.series);
    case OPT_SECONDS:
        return ww_option_duration("seconds", value, &s->load.run_us);
    case OPT_FEED:
        s->load.feed = value;
        return true;
    case OPT_START:
        return ww_option_instant("start", value, &s->start_us);
    case OPT_STEP:
        return ww_option_u32("step-ms", value, 1, 86400000, &s->step_ms);
    case OPT_EXCEED:
        return ww_option_u32("exceed-every", value, 0, 1000000, &s->load.exceed_every);
    case OPT_PLACE:
        s->load.with_place = true;
        return true;
    case OPT_ACK_LOG:
        s->ack_log = value;
        return true;
    case OPT_PRINT_FEED:
        s->print_feed = true;
        return true;
    case OPT_THINGS:
        s->things = value;
        return true;
    default:
        return false;
    }
}

static int print_feed(const struct settings *s) {
    printf("{\"format\":\"ndjson\",\"thing\":\"s\",\"property\":{\"const\":\"cod\"},\"value\":\"v\","
           "\"unit\":{\"const\":\"mg/"
           "L\"},\"time\":{\"field\":\"t\",\"format\":\"epoch_ms\"},%s\"register\":true,"
           "\"thing_class\":\"hospital_outlet\",\"keep_raw\":false}\n",
           s->load.with_place ? "\"place\":{\"x\":\"x\",\"y\":\"y\"}," : "");
    return 0;
}

static int write_things(const struct settings *s) {
    FILE *file = fopen(s->things, "w");
    if (!file) {
        fprintf(stderr, "wardwatch simulate: cannot write %s: %s\n", s->things, strerror(errno));
        return 1;
    }
    fputs("{\"type\":\"FeatureCollection\",\"features\":[", file);
    for (uint32_t i = 0; i < s->load.series; i++) {
        struct ww_place place = ww_load_place(i);
        fprintf(
            file,
            "%s\n{\"type\":\"Feature\",\"properties\":{\"feed\":\"%s\",\"key\":\"L%06u\",\"name_zh\":\"负载%"
            "u\","
            "\"name_en\":\"Load %u\",\"class\":\"hospital_outlet\",\"limit_class\":\"medical.pretreatment\","
            "\"datastreams\":[{\"property\":\"cod\"}],\"synthetic\":true},\"geometry\":{\"type\":\"Point\","
            "\"coordinates\":[%.6f,%.6f]}}",
            i ? "," : "", s->load.feed, i, i, i, place.lon_deg, place.lat_deg);
    }
    fputs("]}\n", file);
    return fclose(file) == 0 ? 0 : 1;
}

static void print_result(const struct ww_load_result *r) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, 4096);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    const struct {
        const char *key;
        double value;
    } members[] = {{"acked_rows", (double)r->acked_rows},
                   {"acked_bodies", (double)r->acked_bodies},
                   {"stored", (double)r->stored},
                   {"duplicates", (double)r->duplicates},
                   {"dead", (double)r->dead},
                   {"retries", (double)r->retries},
                   {"reconnects", (double)r->reconnects},
                   {"seconds", r->seconds},
                   {"rows_per_s", r->seconds > 0 ? (double)r->acked_rows / r->seconds : 0},
                   {"p50_ms", r->p50_ms},
                   {"p99_ms", r->p99_ms},
                   {"longest_ms", r->longest_ms}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        ww_json_key(&w, members[i].key);
        ww_json_double(&w, members[i].value);
    }
    ww_json_end_object(&w);
    printf("%.*s\n", WW_STR_ARG(ww_buf_str(&out)));
    ww_buf_clear(&out);
}

static int run_load(struct settings *s) {
    struct ww_load_result result = {0};
    struct ww_error err;
    const volatile sig_atomic_t *stop;
    int64_t start_us = s->start_us != WW_INSTANT_NONE ? s->start_us : ww_clock_us() - WW_DAY_US;
    s->load.start_ms = start_us / 1000000 * 1000;
    s->load.step_ms = s->step_ms;
    if (s->ack_log && !(s->load.ack_log = fopen(s->ack_log, "w"))) {
        fprintf(stderr, "wardwatch simulate: cannot write %s: %s\n", s->ack_log, strerror(errno));
        return 1;
    }
    ww_stop_on_signals(&stop);
    enum ww_status st = ww_load_run(&s->load, stop, &result, &err);
    if (s->load.ack_log)
        fclose(s->load.ack_log);
    if (st != WW_OK)
        fprintf(stderr, "wardwatch simulate: %s\n", err.message);
    print_result(&result);
    return st == WW_OK && result.acked_rows > 0 ? 0 : 1;
}

int ww_load_main(int argc, char **argv) {
    struct settings s = {
        .load = {.server = "http://127.0.0.1:8080",
                 .feed = "load",
                 .connections = 4,
                 .batch_rows = 1000,
                 .series = 1000,
                 .run_us = 10 * WW_SECOND_US},
        .start_us = WW_INSTANT_NONE,
        .step_ms = 1000,
    };
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (!take_option(&s, option, optarg)) {
            fprintf(stderr, "wardwatch simulate --load --help says more\n");
            return 2;
        }
    }
    if (optind < argc || s.load.series < s.load.connections) {
        fprintf(stderr, "wardwatch simulate: %s\n",
                optind < argc ? "there is a word too many" : "--series must not be below --connections");
        return 2;
    }
    if (s.print_feed)
        return print_feed(&s);
    return s.things ? write_things(&s) : run_load(&s);
}
