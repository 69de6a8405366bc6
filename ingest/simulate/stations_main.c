/* The command line of `wardwatch simulate --protocol`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "geo/instant.h"
#include "ingest/simulate/options.h"
#include "ingest/simulate/post.h"
#include "ingest/simulate/stations.h"

static const char help[] =
    "wardwatch simulate --protocol hj212|mqtt|http - many stations at once, each on its own connection\n"
    "\n"
    "  wardwatch simulate --protocol hj212 --to HOST:PORT [options]\n"
    "  wardwatch simulate --protocol mqtt  --to HOST:PORT --account NAME --token-file FILE [options]\n"
    "  wardwatch simulate --protocol http  --to HOST:PORT --feed NAME --token-file FILE [options]\n"
    "\n"
    "  --stations N       default 2000; their names are PREFIX000000 …\n"
    "  --prefix TEXT      default SIM\n"
    "  --factors K        values of a message, default 10, at most 20\n"
    "  --every SECONDS    between two messages of a station; default 0: as fast as they are acknowledged\n"
    "  --window W         messages of a station on their way, default 1\n"
    "  --messages M       of each station, then it ends; default: no end\n"
    "  --for TIME         ends after so much time (90s, 15m, 2h)\n"
    "  --start TIME       of the first values, default a day ago; --step SECONDS between them, default 60\n"
    "  --feed NAME        http: the feed; mqtt: topics are NAME/STATION; default sim\n"
    "  --qos 1|2          mqtt, default 1\n"
    "  --no-answer        hj212: asks for no 9014; mqtt: QoS 0\n"
    "  --idle             connects, sends one message, then only keeps the connection\n"
    "  --stalled N        besides: connections that begin a message and stop\n"
    "  --dripping N       besides: connections that send a byte a second\n"
    "  --ack-log FILE     \"STATION MESSAGE\" a line when it is acknowledged\n"
    "  --print-feed       the feed's config for `wardwatch feed add`, and nothing else\n"
    "\n"
    "Stations that register themselves need a feed whose config says so. Prints one JSON object at the end:\n"
    "sent, acknowledged, values, values_per_s, p50_ms p99_ms longest_ms (sending to acknowledgement).\n"
    "What is not acknowledged is sent again after a reconnect. Ctrl-C ends.\n"
    "Exit code: 0 done, 1 failed or nothing was acknowledged, 2 wrong usage.\n";

enum {
    OPT_PROTOCOL = 256,
    OPT_TO,
    OPT_STATIONS,
    OPT_PREFIX,
    OPT_FACTORS,
    OPT_EVERY,
    OPT_WINDOW,
    OPT_MESSAGES,
    OPT_FOR,
    OPT_START,
    OPT_STEP,
    OPT_FEED,
    OPT_ACCOUNT,
    OPT_TOKEN,
    OPT_QOS,
    OPT_NO_ANSWER,
    OPT_IDLE,
    OPT_STALLED,
    OPT_DRIPPING,
    OPT_ACK_LOG,
    OPT_PRINT_FEED
};

static const struct option options[] = {{"protocol", required_argument, NULL, OPT_PROTOCOL},
                                        {"to", required_argument, NULL, OPT_TO},
                                        {"stations", required_argument, NULL, OPT_STATIONS},
                                        {"prefix", required_argument, NULL, OPT_PREFIX},
                                        {"factors", required_argument, NULL, OPT_FACTORS},
                                        {"every", required_argument, NULL, OPT_EVERY},
                                        {"window", required_argument, NULL, OPT_WINDOW},
                                        {"messages", required_argument, NULL, OPT_MESSAGES},
                                        {"for", required_argument, NULL, OPT_FOR},
                                        {"start", required_argument, NULL, OPT_START},
                                        {"step", required_argument, NULL, OPT_STEP},
                                        {"feed", required_argument, NULL, OPT_FEED},
                                        {"account", required_argument, NULL, OPT_ACCOUNT},
                                        {"token-file", required_argument, NULL, OPT_TOKEN},
                                        {"qos", required_argument, NULL, OPT_QOS},
                                        {"no-answer", no_argument, NULL, OPT_NO_ANSWER},
                                        {"idle", no_argument, NULL, OPT_IDLE},
                                        {"stalled", required_argument, NULL, OPT_STALLED},
                                        {"dripping", required_argument, NULL, OPT_DRIPPING},
                                        {"ack-log", required_argument, NULL, OPT_ACK_LOG},
                                        {"print-feed", no_argument, NULL, OPT_PRINT_FEED},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

struct settings {
    struct ww_station_options run;
    const char *to, *token_file, *ack_log;
    char host[128], token[256];
    int64_t every_us;
    bool print_feed;
};

static bool take_option(struct settings *s, int option, const char *value) {
    uint32_t qos;
    switch (option) {
    case OPT_PROTOCOL:
        s->run.protocol = value;
        return true;
    case OPT_TO:
        s->to = value;
        return true;
    case OPT_STATIONS:
        return ww_option_u32("stations", value, 0, 100000, &s->run.stations);
    case OPT_PREFIX:
        s->run.prefix = value;
        return true;
    case OPT_FACTORS:
        return ww_option_u32("factors", value, 1, 20, &s->run.factors);
    case OPT_EVERY:
        return ww_option_duration("every", value, &s->every_us);
    case OPT_WINDOW:
        return ww_option_u32("window", value, 1, 1000, &s->run.window);
    case OPT_MESSAGES:
        return ww_option_u64("messages", value, &s->run.messages);
    case OPT_FOR:
        return ww_option_duration("for", value, &s->run.run_us);
    case OPT_START:
        return ww_option_instant("start", value, &s->run.start_us);
    case OPT_STEP:
        return ww_option_duration("step", value, &s->run.step_us);
    case OPT_FEED:
        s->run.feed = value;
        return true;
    case OPT_ACCOUNT:
        s->run.account = value;
        return true;
    case OPT_TOKEN:
        s->token_file = value;
        return true;
    case OPT_QOS:
        if (!ww_option_u32("qos", value, 1, 2, &qos))
            return false;
        s->run.qos = (int)qos;
        return true;
    case OPT_NO_ANSWER:
        s->run.no_answer = true;
        return true;
    case OPT_IDLE:
        s->run.idle = true;
        return true;
    case OPT_STALLED:
        return ww_option_u32("stalled", value, 0, 100000, &s->run.stalled);
    case OPT_DRIPPING:
        return ww_option_u32("dripping", value, 0, 100000, &s->run.dripping);
    case OPT_ACK_LOG:
        s->ack_log = value;
        return true;
    case OPT_PRINT_FEED:
        s->print_feed = true;
        return true;
    default:
        return false;
    }
}

/* What the server must be told of these stations. */
static int print_feed(const struct settings *s) {
    static const char rows[] =
        "\"format\":\"ndjson\",\"thing\":\"thing\",\"property\":\"property\",\"value\":\"value\","
        "\"unit\":\"unit\",\"time\":{\"field\":\"time\",\"format\":\"epoch_ms\"},";
    if (strcmp(s->run.protocol, "hj212") == 0)
        puts("{\"protocol\":\"hj212\",\"hj212\":{\"unknown\":\"register\"},\"register\":true,\"time_zone\":"
             "\"Asia/Shanghai\"}");
    else if (strcmp(s->run.protocol, "mqtt") == 0)
        printf("{\"protocol\":\"mqtt\",\"mqtt\":{\"topics\":[\"%s/{station}\"]},%s\"register\":true}\n",
               s->run.feed, rows);
    else
        printf("{%s\"register\":true}\n", rows);
    return 0;
}

static bool read_token(struct settings *s) {
    FILE *file = fopen(s->token_file, "r");
    bool read = file && fgets(s->token, sizeof s->token, file);
    if (file)
        fclose(file);
    if (!read) {
        fprintf(stderr, "wardwatch simulate: can't read a token from %s\n", s->token_file);
        return false;
    }
    s->token[strcspn(s->token, "\r\n")] = '\0';
    s->run.token = s->token;
    return true;
}

static bool split_to(struct settings *s) {
    const char *colon = s->to ? strrchr(s->to, ':') : NULL;
    size_t len = colon ? (size_t)(colon - s->to) : 0;
    s->run.port = colon ? atoi(colon + 1) : 0;
    if (len == 0 || len >= sizeof s->host || s->run.port <= 0 || s->run.port > 65535) {
        fprintf(stderr, "wardwatch simulate: --to must be HOST:PORT\n");
        return false;
    }
    memcpy(s->host, s->to, len);
    s->host[len] = '\0';
    s->run.host = s->host;
    return true;
}

static bool is_complete(struct settings *s) {
    bool hj212 = strcmp(s->run.protocol, "hj212") == 0, mqtt = strcmp(s->run.protocol, "mqtt") == 0;
    if (!split_to(s) || (s->token_file && !read_token(s)))
        return false;
    if ((!hj212 && !s->run.token) || (mqtt && !s->run.account)) {
        fprintf(stderr, "wardwatch simulate: %s needs %s--token-file\n", s->run.protocol,
                mqtt ? "--account and " : "");
        return false;
    }
    if (!hj212 && !mqtt && s->run.window > 1) {
        fprintf(stderr, "wardwatch simulate: http has one request on its way; leave --window out\n");
        return false;
    }
    return true;
}

static int run(struct settings *s) {
    const volatile sig_atomic_t *stop;
    struct ww_station_result r;
    struct ww_error err;
    if (s->ack_log && !(s->run.ack_log = fopen(s->ack_log, "w"))) {
        fprintf(stderr, "wardwatch simulate: cannot write %s: %s\n", s->ack_log, strerror(errno));
        return 1;
    }
    ww_stop_on_signals(&stop);
    signal(SIGPIPE, SIG_IGN);
    enum ww_status st = ww_stations_run(&s->run, stop, &r, &err);
    if (s->run.ack_log)
        fclose(s->run.ack_log);
    if (st != WW_OK) {
        fprintf(stderr, "wardwatch simulate: %s\n", err.message);
        return 1;
    }
    printf("{\"protocol\":\"%s\",\"stations\":%u,\"connected\":%u,\"sent\":%llu,\"again\":%llu,"
           "\"acknowledged\":%llu,"
           "\"values\":%llu,\"seconds\":%.3f,\"values_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"longest_ms\":%.3f,\"reconnects\":%llu,\"refused\":%llu,\"asked\":%llu}\n",
           s->run.protocol, s->run.stations, r.connected, (unsigned long long)r.sent,
           (unsigned long long)r.again, (unsigned long long)r.acknowledged,
           (unsigned long long)r.values_acknowledged, r.seconds,
           r.seconds > 0 ? (double)r.values_acknowledged / r.seconds : 0, r.p50_ms, r.p99_ms, r.longest_ms,
           (unsigned long long)r.reconnects, (unsigned long long)r.refused, (unsigned long long)r.asked);
    return r.acknowledged > 0 || s->run.stations == 0 ? 0 : 1;
}

int ww_stations_main(int argc, char **argv) {
    struct settings s = {.run = {.protocol = "",
                                 .stations = 2000,
                                 .factors = 10,
                                 .window = 1,
                                 .start_us = ww_clock_us() - WW_DAY_US,
                                 .step_us = 60 * WW_SECOND_US,
                                 .prefix = "SIM",
                                 .feed = "sim",
                                 .qos = 1}};
    s.run.start_us -= s.run.start_us % (60 * WW_SECOND_US);
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (!take_option(&s, option, optarg)) {
            fprintf(stderr, "wardwatch simulate --protocol hj212 --help says more\n");
            return 2;
        }
    }
    s.run.every_s = (double)s.every_us / (double)WW_SECOND_US;
    if (optind < argc) {
        fprintf(stderr, "wardwatch simulate: what is \"%s\"?\n", argv[optind]);
        return 2;
    }
    if (s.print_feed)
        return print_feed(&s);
    return is_complete(&s) ? run(&s) : 2;
}
