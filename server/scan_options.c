/* Reading the options of `wardwatch scan`: its help is the reference of them all. */
#include "server/scan_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/commands.h"

static const char help[] =
    "usage: wardwatch scan --model stp|poisson|ebp|bernoulli --cas FILE [--geo FILE] [OPTIONS]\n\n"
    "Space-time scan statistic on files, without a database. Prints the clusters, their likelihood ratios, "
    "dates,\n"
    "members and p as JSON. docs/guides/scan.md has worked examples.\n"
    "时空扫描统计（Kulldorff）：读文件，不需要数据库；输出聚集区的成员、日期、对数似然比与 p 值（JSON）。\n\n"
    "Files (no header; white space or a comma between fields; - is standard input)\n"
    "  --cas F           id count [date] [covariate…]\n"
    "  --geo F           id latitude longitude, or id x y [z]\n"
    "  --pop F           id date population [covariate…] (poisson); id [date] expected (ebp)\n"
    "  --ctl F           id count [date] (bernoulli)\n"
    "Models\n"
    "  stp               space-time permutation: cases alone; adjusts for place and for date by itself\n"
    "  poisson           cases in a population; covariates are adjusted for\n"
    "  ebp               expectation-based Poisson: --pop has the expected counts, or they are learned from "
    "the\n"
    "                    intervals before the longest window\n"
    "  bernoulli         cases among cases and controls\n"
    "Time\n"
    "  --prospective     only windows that end with the period; default: any window (retrospective)\n"
    "  --purely-spatial  without time (the default when the cases have no dates)\n"
    "  --purely-temporal all places as one\n"
    "  --start D --end D the period, both days included (default: first to last case). Rows outside are left "
    "out\n"
    "                    and counted. Dates: 1991/12/31, 1991-12-31, 1991/12, 1991, 12/31/1991, 91/12/31\n"
    "  --unit U          year, month, day or number (plain integers); default: as exact as the first case\n"
    "  --unit-length N   units in an interval (default 1); cut from the end of the period backwards\n"
    "  --max-days N      longest window in days; --max-window N in units, or N% of the period (default 50%)\n"
    "  --min-window N    shortest window in units (default 1)\n"
    "  --times T         what .cas and .ctl have third: dates, numbers or none (default: looked at)\n"
    "Zones\n"
    "  --max-radius R    largest circle: 1500 or 1500m (metres), 3km; of a plane: in its own unit\n"
    "  --max-share S     largest share of the population at risk in a zone (default 0.5)\n"
    "  --coordinates C   degrees or plane (default: degrees when all fit into ±90 and ±180; the JSON says "
    "which)\n"
    "  --borders F       connected wards instead of circles; lines \"id neighbour neighbour…\"; needs no "
    "--geo\n"
    "  --connected K     … of at most K wards (default 6, at most 10)\n"
    "  --neighbours F    an order of your own: lines \"id nearest next…\"\n"
    "  --river F         lines \"reach next-reach\" (downstream): all upstream of a reach, and runs "
    "downstream\n"
    "Inference\n"
    "  --replicas N      Monte-Carlo replicas (default 999)\n"
    "  --seed N          of the random numbers (default 20261128); the same input and seed give the same p\n"
    "  --stop-after N    stop once N replicas reached the first cluster (default 0: never)\n"
    "  --min-cases N     least cases in a cluster (default 2)\n"
    "  --clusters N      how many are reported at most (default 20)\n"
    "  --any-window      secondary clusters: any window that shares no place with a better one (default: "
    "only the\n"
    "                    best window of each centre)\n"
    "  --general         replicas by the general form also where the live scan (prospective stp and ebp, up "
    "to 8\n"
    "                    intervals) would do; slower, other random numbers\n"
    "  --every DAYS      between runs, for the recurrence interval of a prospective scan (default: one "
    "interval)\n"
    "Output\n"
    "  --format F        json (default) or geojson;  --geojson FILE writes that file besides\n\n"
    "Limits: files of 256 MiB and 10 million rows, 200,000 ids, 50 million cases, 20,000 intervals, 67 "
    "million\n"
    "cells (places by intervals), 120 million steps of zones. Exit status: 0 done, 1 failed, 2 wrong use.\n";

enum { DEFAULT_SEED = 20261128 };

struct texts {
    const char *model, *start, *end, *unit, *unit_length, *max_days, *max_window, *min_window, *times;
    const char *max_radius, *max_share, *coordinates, *connected, *replicas, *seed, *stop_after, *min_cases;
    const char *clusters, *every, *format;
    bool spatial, temporal;
};

static int wrong(const char *option, const char *value, const char *wants) {
    fprintf(stderr, "wardwatch scan: --%s %s: %s (try --help)\n", option, value, wants);
    return 2;
}

static bool take_u32(const char *option, const char *value, uint32_t least, uint32_t most, uint32_t *out,
                     int *code) {
    uint64_t n;
    if (!value || *code >= 0)
        return false;
    if (!ww_str_to_u64(ww_str_of(value), &n) || n < least || n > most) {
        char wants[64];
        (void)snprintf(wants, sizeof wants, "wants a whole number from %u to %u", least, most);
        *code = wrong(option, value, wants);
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static bool take_double(const char *option, const char *value, double least, double most, double *out,
                        int *code) {
    double x;
    if (!value || *code >= 0)
        return false;
    if (!ww_str_to_double(ww_str_of(value), &x) || !(x > least) || x > most) {
        char wants[80];
        (void)snprintf(wants, sizeof wants, "wants a number above %g, at most %g", least, most);
        *code = wrong(option, value, wants);
        return false;
    }
    *out = x;
    return true;
}

/* One of a list of words; its index. */
static uint32_t take_word(const char *option, const char *value, const char *const *words, uint32_t n,
                          uint32_t otherwise, int *code) {
    if (!value || *code >= 0)
        return otherwise;
    char wants[96] = "wants ";
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(value, words[i]) == 0)
            return i;
        (void)snprintf(wants + strlen(wants), sizeof wants - strlen(wants), "%s%s",
                       i == 0       ? ""
                       : i + 1 == n ? " or "
                                    : ", ",
                       words[i]);
    }
    *code = wrong(option, value, wants);
    return otherwise;
}

static void take_day(const char *option, const char *value, bool number, bool last, bool *given, int64_t *out,
                     int *code) {
    struct ww_scan_date date;
    if (!value || *code >= 0)
        return;
    if (!ww_scan_date_parse(ww_str_of(value), number, &date) || date.short_year) {
        *code = wrong(option, value, number ? "wants a whole number" : "wants a date with a four-digit year");
        return;
    }
    *given = true;
    *out = last ? ww_scan_date_last(&date) : ww_scan_date_first(&date);
}

static void take_radius(const char *value, struct ww_scan_options *o, int *code) {
    o->max_radius = INFINITY;
    if (!value || *code >= 0)
        return;
    struct ww_str number = ww_str_of(value);
    double factor = 1;
    if (number.len > 2 && strcmp(value + number.len - 2, "km") == 0) {
        number.len -= 2;
        factor = 1000;
    } else if (number.len > 1 && value[number.len - 1] == 'm') {
        number.len--;
    }
    o->radius_has_unit = number.len < strlen(value);
    o->radius_given = true;
    if (!ww_str_to_double(number, &o->max_radius) || o->max_radius < 0)
        *code = wrong("max-radius", value, "wants a distance such as 1500, 1500m or 3km");
    o->max_radius *= factor;
}

static void take_window(const struct texts *t, struct ww_scan_options *o, int *code) {
    o->max_window = 0.5;
    o->window_is_share = true;
    if (t->max_window && t->max_days && *code < 0) {
        *code = wrong("max-days", t->max_days, "give it or --max-window, not both");
        return;
    }
    struct ww_str text = ww_str_of(t->max_window);
    double share;
    if (text.len > 1 && text.ptr[text.len - 1] == '%') {
        text.len--;
        if (!ww_str_to_double(text, &share) || !(share > 0) || share > 100)
            *code = wrong("max-window", t->max_window, "wants a share from 0% to 100%");
        o->max_window = share / 100;
        return;
    }
    const char *value = t->max_days ? t->max_days : t->max_window;
    if (take_double(t->max_days ? "max-days" : "max-window", value, 0, 1e6, &o->max_window, code))
        o->window_is_share = false;
}

static int check_files(const struct ww_scan_options *o, const struct texts *t) {
    static const char *const needs[] = {"--model", "--cas"};
    const char *missing = !t->model ? needs[0] : !o->cas ? needs[1] : NULL;
    if (missing) {
        fprintf(stderr, "wardwatch scan: %s is missing (try --help)\n", missing);
        return 2;
    }
    enum ww_scan_model model = o->setup.model;
    int kinds = (o->borders != NULL) + (o->neighbours != NULL) + (o->river != NULL);
    const char *message = NULL;
    if (model == WW_SCAN_BERNOULLI && !o->ctl)
        message = "--model bernoulli needs --ctl";
    else if (model != WW_SCAN_BERNOULLI && o->ctl)
        message = "--ctl belongs to --model bernoulli";
    else if (model == WW_SCAN_POISSON && !o->pop && !t->temporal)
        message = "--model poisson needs --pop (or --purely-temporal)";
    else if (model != WW_SCAN_POISSON && model != WW_SCAN_EXPECTATION && o->pop)
        message = "--pop belongs to --model poisson or ebp";
    else if (model == WW_SCAN_PERMUTATION && (t->spatial || t->temporal))
        message = "--model stp needs both place and time";
    else if (t->spatial && (t->temporal || o->prospective))
        message = "--purely-spatial leaves no time to --purely-temporal or --prospective";
    else if (kinds > 1)
        message = "give one of --borders, --neighbours and --river";
    else if (!o->geo && kinds == 0 && !t->temporal)
        message = "--geo is missing (or --borders, --neighbours, --river, --purely-temporal)";
    if (message)
        fprintf(stderr, "wardwatch scan: %s (try --help)\n", message);
    return message ? 2 : -1;
}

static int read_texts(const struct texts *t, struct ww_scan_options *o) {
    static const char *const models[] = {"poisson", "bernoulli", "stp", "ebp"};
    static const char *const units[] = {"none", "year", "month", "day", "number"};
    static const char *const times[] = {"auto", "none", "dates", "numbers"};
    static const char *const coordinates[] = {"auto", "degrees", "plane"};
    static const char *const formats[] = {"json", "geojson"};
    int code = -1;
    o->setup.model = (enum ww_scan_model)take_word("model", t->model, models, 4, 0, &code);
    o->setup.unit = (enum ww_scan_unit)take_word("unit", t->unit, units, 5, WW_SCAN_NONE, &code);
    o->times = (enum ww_scan_times)take_word("times", t->times, times, 4, WW_SCAN_TIMES_AUTO, &code);
    o->coordinates =
        (enum ww_scan_coordinates)take_word("coordinates", t->coordinates, coordinates, 3, 0, &code);
    o->as_geojson = take_word("format", t->format, formats, 2, 0, &code) == 1;
    o->setup.temporal = t->temporal;
    o->purely_spatial = t->spatial || (t->unit && o->setup.unit == WW_SCAN_NONE);
    o->unit_given = t->unit && o->setup.unit != WW_SCAN_NONE;
    o->setup.unit_length = 1;
    (void)take_u32("unit-length", t->unit_length, 1, 100000, &o->setup.unit_length, &code);
    bool number = o->setup.unit == WW_SCAN_NUMBER || o->times == WW_SCAN_TIMES_NUMBERS;
    take_day("start", t->start, number, false, &o->setup.has_start, &o->setup.start_day, &code);
    take_day("end", t->end, number, true, &o->setup.has_end, &o->setup.end_day, &code);
    take_window(t, o, &code);
    take_radius(t->max_radius, o, &code);
    o->max_share = 0.5;
    (void)take_double("max-share", t->max_share, 0, 1, &o->max_share, &code);
    o->min_window = 1;
    (void)take_u32("min-window", t->min_window, 1, 1000000, &o->min_window, &code);
    o->connected = 6;
    (void)take_u32("connected", t->connected, 1, WW_SCAN_MAX_CONNECTED, &o->connected, &code);
    o->rules.replicas = 999;
    (void)take_u32("replicas", t->replicas, 0, WW_SCAN_MAX_REPLICAS, &o->rules.replicas, &code);
    (void)take_u32("stop-after", t->stop_after, 0, WW_SCAN_MAX_REPLICAS, &o->rules.stop_after, &code);
    o->rules.min_cases = 2;
    (void)take_u32("min-cases", t->min_cases, 1, 1000000, &o->rules.min_cases, &code);
    o->rules.max_clusters = 20;
    (void)take_u32("clusters", t->clusters, 1, 10000, &o->rules.max_clusters, &code);
    (void)take_double("every", t->every, 0, 1e6, &o->every_days, &code);
    o->rules.gumbel_below = 10;
    o->rules.seed = DEFAULT_SEED;
    if (t->seed && code < 0 && !ww_str_to_u64(ww_str_of(t->seed), &o->rules.seed))
        code = wrong("seed", t->seed, "wants a whole number");
    return code;
}

int ww_scan_options_take(int argc, char **argv, struct ww_scan_options *o) {
    struct texts t = {0};
    *o = (struct ww_scan_options){0};
    const struct ww_option options[] = {{"model", &t.model, NULL},
                                        {"geo", &o->geo, NULL},
                                        {"cas", &o->cas, NULL},
                                        {"ctl", &o->ctl, NULL},
                                        {"pop", &o->pop, NULL},
                                        {"borders", &o->borders, NULL},
                                        {"neighbours", &o->neighbours, NULL},
                                        {"river", &o->river, NULL},
                                        {"geojson", &o->geojson, NULL},
                                        {"format", &t.format, NULL},
                                        {"prospective", NULL, &o->prospective},
                                        {"purely-spatial", NULL, &t.spatial},
                                        {"purely-temporal", NULL, &t.temporal},
                                        {"general", NULL, &o->general},
                                        {"any-window", NULL, &o->rules.any_window},
                                        {"start", &t.start, NULL},
                                        {"end", &t.end, NULL},
                                        {"unit", &t.unit, NULL},
                                        {"unit-length", &t.unit_length, NULL},
                                        {"max-days", &t.max_days, NULL},
                                        {"max-window", &t.max_window, NULL},
                                        {"min-window", &t.min_window, NULL},
                                        {"times", &t.times, NULL},
                                        {"max-radius", &t.max_radius, NULL},
                                        {"max-share", &t.max_share, NULL},
                                        {"coordinates", &t.coordinates, NULL},
                                        {"connected", &t.connected, NULL},
                                        {"replicas", &t.replicas, NULL},
                                        {"seed", &t.seed, NULL},
                                        {"stop-after", &t.stop_after, NULL},
                                        {"min-cases", &t.min_cases, NULL},
                                        {"clusters", &t.clusters, NULL},
                                        {"every", &t.every, NULL},
                                        {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code < 0 && rest > 0) {
        fprintf(stderr, "wardwatch scan: what is %s? (try --help)\n", argv[1]);
        code = 2;
    }
    if (code < 0)
        code = read_texts(&t, o);
    return code < 0 ? check_files(o, &t) : code;
}
