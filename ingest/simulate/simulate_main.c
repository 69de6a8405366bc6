/* The command line of `wardwatch simulate`. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/simulate/load.h"
#include "ingest/simulate/options.h"
#include "ingest/simulate/simulate.h"
#include "ingest/simulate/stations.h"

static const char help[] =
    "wardwatch simulate - a simulated city: readings, faults, discharges, complaints\n"
    "\n"
    "  wardwatch simulate --write-district DIR [--wards N] [--sensors N] [--seed S]\n"
    "      writes the city's files (district.json, wards.geojson, waterways.geojson, sites.geojson,\n"
    "      things.geojson, feeds.json, rules.json), which `wardwatch load` takes.\n"
    "\n"
    "  wardwatch simulate --server URL --token-file FILE [options]\n"
    "      posts readings to /ingest/v1/FEED: three days of history at once, the last two hours at\n"
    "      --speed, then real time. Give the same --seed and --sensors as when the district was written.\n"
    "\n"
    "  wardwatch simulate --load --help      the load generator for benches\n"
    "  wardwatch simulate --protocol hj212|mqtt|http --help    many stations at once\n"
    "\n"
    "The city\n"
    "  --seed S          the same seed gives the same city and the same readings (default 1)\n"
    "  --wards N         19 (default) with their real names, or more with invented ones, up to 100000\n"
    "  --sensors N       measuring points, at least the 33 that are placed by hand, up to 200000\n"
    "\n"
    "Sending\n"
    "  --server URL      default http://127.0.0.1:8080\n"
    "  --token-file FILE its first line is a token that may write the feeds\n"
    "  --speed X         simulated seconds a second while catching up (default 60); max = do not wait.\n"
    "                    Readings never lie in the future: having reached now, the city runs in real time.\n"
    "  --history TIME    how much past to send first (default 3d, with --start 0)\n"
    "  --start TIME      RFC 3339: begin here instead of two hours ago\n"
    "  --for TIME        stop after so much simulated time from the start on (90s, 15m, 2h, 3d)\n"
    "  --step SECONDS    between readings (default 300); --live-step in real time (default 60)\n"
    "  --calm            in real time too only what happens on a normal day, not something every 4 minutes\n"
    "  --truth FILE      what was scripted, one JSON object a line: event, thing, property, start, end,\n"
    "                    peak, should_alert, rules (must fire), may_alert (daily means that may)\n"
    "  --quiet           no progress\n"
    "\n"
    "Exit code: 0 done or stopped by Ctrl-C, 1 failed, 2 wrong usage.\n";

struct settings {
    struct ww_city_options city;
    struct ww_poster_options poster;
    const char *district, *truth;
    int64_t start_us, history_us, for_us, step_us, live_step_us;
    double speed;
    bool calm, quiet;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal_no) {
    (void)signal_no;
    stop_asked = 1;
}

void ww_stop_on_signals(const volatile sig_atomic_t **stop) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    *stop = &stop_asked;
}

enum {
    OPT_DISTRICT = 256,
    OPT_WARDS,
    OPT_SENSORS,
    OPT_SEED,
    OPT_SERVER,
    OPT_TOKEN,
    OPT_SPEED,
    OPT_HISTORY,
    OPT_START,
    OPT_FOR,
    OPT_STEP,
    OPT_LIVE_STEP,
    OPT_CALM,
    OPT_TRUTH,
    OPT_QUIET
};

static const struct option options[] = {
    {"write-district", required_argument, NULL, OPT_DISTRICT},
    {"wards", required_argument, NULL, OPT_WARDS},
    {"sensors", required_argument, NULL, OPT_SENSORS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"server", required_argument, NULL, OPT_SERVER},
    {"token-file", required_argument, NULL, OPT_TOKEN},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"history", required_argument, NULL, OPT_HISTORY},
    {"start", required_argument, NULL, OPT_START},
    {"for", required_argument, NULL, OPT_FOR},
    {"step", required_argument, NULL, OPT_STEP},
    {"live-step", required_argument, NULL, OPT_LIVE_STEP},
    {"calm", no_argument, NULL, OPT_CALM},
    {"truth", required_argument, NULL, OPT_TRUTH},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct settings *s, int option, const char *value) {
    switch (option) {
    case OPT_DISTRICT:
        s->district = value;
        return true;
    case OPT_WARDS:
        return ww_option_u32("wards", value, WW_CITY_WARDS, WW_CITY_MAX_WARDS, &s->city.wards);
    case OPT_SENSORS:
        return ww_option_u32("sensors", value, 0, WW_CITY_MAX_SENSORS, &s->city.sensors);
    case OPT_SEED:
        return ww_option_u64("seed", value, &s->city.seed);
    case OPT_SERVER:
        s->poster.server = value;
        return true;
    case OPT_TOKEN:
        s->poster.token_file = value;
        return true;
    case OPT_SPEED:
        return ww_option_speed("speed", value, &s->speed);
    case OPT_HISTORY:
        return ww_option_duration("history", value, &s->history_us);
    case OPT_START:
        return ww_option_instant("start", value, &s->start_us);
    case OPT_FOR:
        return ww_option_duration("for", value, &s->for_us);
    case OPT_STEP:
        return ww_option_duration("step", value, &s->step_us);
    case OPT_LIVE_STEP:
        return ww_option_duration("live-step", value, &s->live_step_us);
    case OPT_CALM:
        s->calm = true;
        return true;
    case OPT_TRUTH:
        s->truth = value;
        return true;
    case OPT_QUIET:
        s->quiet = true;
        return true;
    default:
        return false;
    }
}

/* Both steps divide an hour, so that hourly means end on a tick. */
static bool check_steps(const struct settings *s) {
    if (s->step_us >= WW_SECOND_US && s->live_step_us >= WW_SECOND_US && WW_HOUR_US % s->step_us == 0 &&
        WW_HOUR_US % s->live_step_us == 0)
        return true;
    fprintf(stderr,
            "wardwatch simulate: --step and --live-step must be whole parts of an hour, e.g. 60, 300, 900\n");
    return false;
}

static int write_district(const struct settings *s, const struct ww_city *city) {
    struct ww_error err;
    if (ww_city_write(city, s->district, &err) != WW_OK) {
        fprintf(stderr, "wardwatch simulate: %s\n", err.message);
        return 1;
    }
    if (!s->quiet)
        fprintf(stderr, "%s: wards=%u sites=%u waterways=%u things=%u, all synthetic\n", s->district,
                city->n_wards, city->n_sites, city->n_waterways, city->n_things);
    return 0;
}

/* Two hours pass in two minutes of the default speed; the brisk part begins when they are over. */
static void plan(const struct settings *s, struct ww_simulation *sim) {
    int64_t now_us = ww_clock_us();
    int64_t step_us = s->step_us;
    int64_t lead_us = s->speed == 0 || s->speed > 1 ? 2 * WW_HOUR_US : 0;
    int64_t live_us = s->start_us != WW_INSTANT_NONE ? s->start_us : now_us - lead_us;
    int64_t history_us = s->history_us >= 0               ? s->history_us
                         : s->start_us != WW_INSTANT_NONE ? 0
                                                          : 3 * WW_DAY_US;
    live_us -= live_us % step_us;
    sim->script.live_us = live_us;
    sim->script.history_us = live_us - history_us;
    sim->script.step_us = step_us;
    sim->script.brisk_step_us = s->live_step_us;
    bool reaches_now = s->start_us == WW_INSTANT_NONE;
    sim->script.brisk_us = reaches_now && !s->calm ? (now_us / step_us + 1) * step_us : INT64_MAX;
    sim->end_us = s->for_us > 0 ? live_us + s->for_us : INT64_MAX;
    sim->speed = s->speed;
    sim->quiet = s->quiet;
}

static int run_city(const struct settings *s, const struct ww_city *city) {
    struct ww_simulation sim = {.city = city};
    struct ww_poster *poster = NULL;
    const volatile sig_atomic_t *stop;
    struct ww_error err;
    int code = 1;
    plan(s, &sim);
    if (s->truth && !(sim.truth = fopen(s->truth, "w"))) {
        fprintf(stderr, "wardwatch simulate: cannot write %s: %s\n", s->truth, strerror(errno));
        return 1;
    }
    ww_stop_on_signals(&stop);
    if (ww_poster_new(&s->poster, &poster, &err) == WW_OK &&
        ww_simulation_run(&sim, poster, stop, &err) == WW_OK)
        code = 0;
    else
        fprintf(stderr, "wardwatch simulate: %s\n", err.message);
    ww_poster_free(poster);
    if (sim.truth)
        fclose(sim.truth);
    return code;
}

int ww_simulate_main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--load") == 0)
        return ww_load_main(argc - 1, argv + 1);
    if (argc > 1 && strncmp(argv[1], "--protocol", 10) == 0)
        return ww_stations_main(argc, argv);
    struct settings s = {.city.seed = 1,
                         .poster = {.server = "http://127.0.0.1:8080", .in_flight = WW_CITY_N_CLASSES},
                         .start_us = WW_INSTANT_NONE,
                         .history_us = -1,
                         .step_us = 300 * WW_SECOND_US,
                         .live_step_us = 60 * WW_SECOND_US,
                         .speed = 60};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (!take_option(&s, option, optarg)) {
            fprintf(stderr, "wardwatch simulate --help says more\n");
            return 2;
        }
    }
    if (optind < argc || (!s.district && !s.poster.token_file)) {
        fprintf(stderr,
                optind < argc
                    ? "wardwatch simulate: what is \"%s\"?\n"
                    : "wardwatch simulate: needs --write-district DIR, or --server URL --token-file FILE%s\n",
                optind < argc ? argv[optind] : "");
        return 2;
    }
    if (!check_steps(&s))
        return 2;
    struct ww_city *city = NULL;
    struct ww_error err;
    if (ww_city_new(&s.city, &city, &err) != WW_OK) {
        fprintf(stderr, "wardwatch simulate: %s\n", err.message);
        return 1;
    }
    int code = s.district ? write_district(&s, city) : run_city(&s, city);
    ww_city_free(city);
    return code;
}
