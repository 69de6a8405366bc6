/* The command line of `wardwatch replay`. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/json_reader.h"
#include "ingest/decode/decode.h"
#include "ingest/simulate/options.h"
#include "ingest/simulate/replay.h"

static const char help[] =
    "wardwatch replay - send a file to a feed\n"
    "\n"
    "  wardwatch replay FILE --feed NAME [--server URL] [--token-file FILE] [options]\n"
    "\n"
    "FILE is CSV, NDJSON, GeoJSON or a JSON array, plain or gzipped; - is standard input. It is cut at\n"
    "record borders into requests; a CSV header goes in front of each. What the server cannot take now is\n"
    "sent again; sending a file twice stores nothing twice.\n"
    "\n"
    "  --feed NAME           the feed, whose config says how to read the records\n"
    "  --server URL          default http://127.0.0.1:8080\n"
    "  --token-file FILE     its first line is a token that may write the feed\n"
    "  --speed X             pace by the records' own times: X recorded seconds a second. Needs a token\n"
    "                        that may read /api/v1/feeds/NAME too (admin, prosecutor, analyst);\n"
    "                        give it with --read-token-file when it is another one\n"
    "  --read-token-file FILE\n"
    "  --content-type TYPE   instead of the one that fits the file\n"
    "  --batch-bytes N       of a request, default 1048576, at most 16777216\n"
    "  --unordered           several requests at once, so that rows may come out of order\n"
    "  --in-flight N         how many at once with --unordered, default 4\n"
    "  --quiet               no progress\n"
    "\n"
    "Prints one line at the end: records, stored, corrections, duplicates, dead, refused.\n"
    "Exit code: 0 done, 1 failed or a request was refused, 2 wrong usage.\n";

enum {
    OPT_FEED = 256,
    OPT_SERVER,
    OPT_TOKEN,
    OPT_READ_TOKEN,
    OPT_SPEED,
    OPT_TYPE,
    OPT_BATCH,
    OPT_IN_FLIGHT,
    OPT_UNORDERED,
    OPT_QUIET
};

static const struct option options[] = {
    {"feed", required_argument, NULL, OPT_FEED},
    {"server", required_argument, NULL, OPT_SERVER},
    {"token-file", required_argument, NULL, OPT_TOKEN},
    {"read-token-file", required_argument, NULL, OPT_READ_TOKEN},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"content-type", required_argument, NULL, OPT_TYPE},
    {"batch-bytes", required_argument, NULL, OPT_BATCH},
    {"in-flight", required_argument, NULL, OPT_IN_FLIGHT},
    {"unordered", no_argument, NULL, OPT_UNORDERED},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct settings {
    struct ww_replay replay;
    struct ww_poster_options poster;
    const char *file, *read_token_file;
    uint32_t batch_bytes, in_flight;
    bool unordered;
};

static bool take_option(struct settings *s, int option, const char *value) {
    switch (option) {
    case OPT_FEED:
        s->replay.feed = value;
        return true;
    case OPT_SERVER:
        s->poster.server = value;
        return true;
    case OPT_TOKEN:
        s->poster.token_file = value;
        return true;
    case OPT_READ_TOKEN:
        s->read_token_file = value;
        return true;
    case OPT_SPEED:
        return ww_option_speed("speed", value, &s->replay.speed);
    case OPT_TYPE:
        s->replay.content_type = value;
        return true;
    case OPT_BATCH:
        return ww_option_u32("batch-bytes", value, 1, 16 << 20, &s->batch_bytes);
    case OPT_IN_FLIGHT:
        return ww_option_u32("in-flight", value, 1, WW_POSTER_LANES, &s->in_flight);
    case OPT_UNORDERED:
        s->unordered = true;
        return true;
    case OPT_QUIET:
        s->replay.quiet = true;
        return true;
    default:
        return false;
    }
}

/* The feed's config as the server has it. */
static enum ww_status fetch_config(const struct settings *s, struct ww_feed_config **out,
                                   struct ww_error *err) {
    struct ww_poster_options options_of_reader = s->poster;
    struct ww_poster *reader = NULL;
    struct ww_arena *arena = ww_arena_new((size_t)16 << 20);
    struct ww_json_node *root = NULL;
    struct ww_buf answer;
    char path[256];
    if (s->read_token_file)
        options_of_reader.token_file = s->read_token_file;
    options_of_reader.in_flight = 1;
    ww_buf_init(&answer, (size_t)4 << 20);
    snprintf(path, sizeof path, "/api/v1/feeds/%s", s->replay.feed);
    enum ww_status st = ww_poster_new(&options_of_reader, &reader, err);
    if (st == WW_OK)
        st = ww_poster_get(reader, path, &answer, err);
    if (st == WW_OK)
        st = arena ? ww_json_parse(arena, ww_buf_str(&answer), &root, err)
                   : ww_error_set(err, WW_NO_MEMORY, "out of memory");
    if (st == WW_OK) {
        const struct ww_json_node *config = ww_json_get(root, "config");
        st = config ? ww_feed_config_parse(config->text, out, err)
                    : ww_error_set(err, WW_BAD_INPUT, "the server's answer about the feed has no config");
    }
    ww_buf_clear(&answer);
    ww_arena_free(arena);
    ww_poster_free(reader);
    return st;
}

static enum ww_split_form form_of_type(const char *type) {
    switch (ww_format_of_content_type(ww_str_of(type ? type : ""))) {
    case WW_FORMAT_CSV:
        return WW_SPLIT_CSV;
    case WW_FORMAT_NDJSON:
        return WW_SPLIT_NDJSON;
    case WW_FORMAT_GEOJSON:
        return WW_SPLIT_GEOJSON;
    case WW_FORMAT_JSON:
        return WW_SPLIT_JSON;
    default:
        return WW_SPLIT_AUTO;
    }
}

static int replay_file(struct settings *s) {
    struct ww_feed_config *config = NULL;
    struct ww_splitter *split = NULL;
    struct ww_poster *poster = NULL;
    struct ww_replay_result result = {0};
    struct ww_error err = {0};
    const volatile sig_atomic_t *stop;
    ww_stop_on_signals(&stop);
    enum ww_status st = ww_splitter_open(s->file, form_of_type(s->replay.content_type), &split, &err);
    if (st == WW_OK && s->replay.speed > 0)
        st = fetch_config(s, &config, &err);
    if (st == WW_OK)
        st = ww_poster_new(&s->poster, &poster, &err);
    if (st == WW_OK) {
        s->replay.config = config;
        st = ww_replay_run(&s->replay, split, poster, stop, &result, &err);
        const struct ww_post_totals *t = ww_poster_totals(poster);
        printf("replayed %s: records=%llu bodies=%llu received=%llu stored=%llu corrections=%llu "
               "duplicates=%llu "
               "dead=%llu refused_bodies=%llu retries=%llu seconds=%.2f rate=%.0f/s%s\n",
               s->file, (unsigned long long)result.records, (unsigned long long)t->bodies,
               (unsigned long long)t->received, (unsigned long long)t->stored,
               (unsigned long long)t->corrections, (unsigned long long)t->duplicates,
               (unsigned long long)t->dead, (unsigned long long)t->refused, (unsigned long long)t->retries,
               result.seconds, result.seconds > 0 ? (double)t->received / result.seconds : 0,
               *stop ? " (stopped)" : "");
    }
    if (st != WW_OK)
        fprintf(stderr, "wardwatch replay: %s\n", err.message);
    ww_poster_free(poster);
    ww_splitter_close(split);
    ww_feed_config_free(config);
    return st == WW_OK && result.bodies_refused == 0 && !*stop ? 0 : 1;
}

int ww_replay_main(int argc, char **argv) {
    struct settings s = {.poster.server = "http://127.0.0.1:8080", .batch_bytes = 1 << 20};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (!take_option(&s, option, optarg)) {
            fprintf(stderr, "wardwatch replay --help says more\n");
            return 2;
        }
    }
    if (optind + 1 != argc || !s.replay.feed) {
        fprintf(stderr, "wardwatch replay: needs one FILE and --feed NAME; --help says more\n");
        return 2;
    }
    if (s.in_flight > 1 && !s.unordered) {
        fprintf(
            stderr,
            "wardwatch replay: --in-flight above 1 may change the order of rows: add --unordered if that is "
            "all right\n");
        return 2;
    }
    s.file = argv[optind];
    s.replay.batch_bytes = s.batch_bytes;
    s.replay.lanes = !s.unordered ? 1 : s.in_flight ? s.in_flight : 4;
    s.poster.in_flight = (int)s.replay.lanes;
    return replay_file(&s);
}
