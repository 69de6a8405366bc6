/* The simulated city's river as the tracer sees it, what its gauges read, and a cloud on top of that.
 *
 *   lay_river(&river, city);
 *   begin_history(&h, city, "nh3n", n_steps);
 *   read_history(&h, city, script, step);               // each step in its turn
 *   find_ways(&river, &h, &cloud);                      // after cloud.truth and cloud.source
 *   value = reading(&river, &h, series, step, &cloud);  // NAN: missing, or its flag is not N
 *
 * Flows that nobody states are as the tracer fills them in: 1 at a spring, below it what flows together.
 * Included by one bench.
 */
#ifndef WW_TEST_CITY_RIVER_H
#define WW_TEST_CITY_RIVER_H

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/trace/plume.h"
#include "ingest/simulate/script.h"
#include "ingest/space/reach_lines.h"
#include "ingest/space/trace_case.h"

enum { MOST_REACHES = 16, MOST_GAUGES = 8, MOST_SERIES = 64, WARM_DAYS = 4, TAIL_DAYS = 4 };
#define STEP_US (300 * WW_SECOND_US)
static const int64_t start_us = INT64_C(1767196800) * WW_SECOND_US; /* 2026-01-01, 0 h in China */

struct river { /* the city's, as the tracer believes it */
    const struct ww_city *city;
    struct ww_reach_lines *lines;
    struct ww_reach reach[MOST_REACHES];
    struct ww_reach_link link[MOST_REACHES];
    char line[MOST_REACHES][1024];
    uint32_t n, n_links;
    struct ww_net *net;
};
struct series { /* of one thing and property; NAN: missing, or its flag is not N */
    uint32_t thing;
    double *value;
};
/* How a case is read: all that the city does to the tracer; then each way leaves out one more: what makes
 * gauges unsteady, long discharges. SERVED_SHORT: only the last. */
enum way { AS_SERVED, STEADY, SHORT, SERVED_SHORT, WAYS };
struct history {
    enum way way;
    const char *property;
    struct series *series;
    uint32_t n_series, n_steps;
};
struct cloud {
    struct ww_net *truth;
    struct ww_spot source;
    struct ww_release release;
    struct ww_dispersal how;
    struct ww_passage way[MOST_SERIES]; /* to each series' gauge; share 0: it passes by none */
    double flow_m3s[MOST_SERIES];
};
struct gauge {
    uint32_t thing;
    struct ww_spot at;
    double tau_s; /* from the source, as truth has it */
};
/* ---- The river ---- */

static double flow_of(const struct river *river, uint32_t r) {
    double sum = 0;
    for (uint32_t i = 0; i < river->n_links; i++)
        sum += river->link[i].to == r ? flow_of(river, river->link[i].from) : 0;
    return sum > 0 ? sum : 1;
}

static void lay_river(struct river *river, const struct ww_city *city) {
    *river = (struct river){.city = city, .lines = ww_reach_lines_new(), .n = city->n_waterways};
    assert(city->n_waterways <= MOST_REACHES);
    for (uint32_t r = 0; r < river->n; r++) {
        const struct ww_city_waterway *from = &city->waterways[r];
        char *line = river->line[r];
        int n = snprintf(line, sizeof river->line[r], "{\"type\":\"LineString\",\"coordinates\":[");
        for (uint32_t p = 0; p < from->n_points; p++)
            n += snprintf(line + n, sizeof river->line[r] - (size_t)n, "%s[%.6f,%.6f]", p ? "," : "",
                          from->points[p].lon_deg, from->points[p].lat_deg);
        snprintf(line + n, sizeof river->line[r] - (size_t)n, "]}");
        assert(ww_reach_lines_add(river->lines, ww_str_of(line), NULL) == WW_OK);
        for (uint32_t to = 0; to < river->n; to++)
            if (strcmp(from->downstream, city->waterways[to].code) == 0)
                river->link[river->n_links++] = (struct ww_reach_link){r, to, 1};
    }
    for (uint32_t r = 0; r < river->n; r++)
        river->reach[r] = (struct ww_reach){ww_reach_lines_length_m(river->lines, r), flow_of(river, r),
                                            WW_TRACE_VELOCITY_MS, 0};
    assert(ww_net_new(river->reach, river->n, river->link, river->n_links, &river->net, NULL) == WW_OK);
}

static void free_river(struct river *river) {
    ww_net_free(river->net);
    ww_reach_lines_free(river->lines);
}

static bool find_spot(const struct river *river, struct ww_place place, struct ww_spot *out) {
    struct ww_reach_spot at = ww_reach_lines_find(river->lines, place, WW_TRACE_SNAP_M);
    *out = (struct ww_spot){at.reach, at.at_m};
    return at.reach != WW_REACH_NONE;
}

static struct ww_passage passage(const struct ww_net *net, struct ww_spot from, struct ww_spot to) {
    struct ww_passage above[MOST_REACHES];
    ww_net_above(net, to, above);
    return ww_net_passage(net, to, above, from);
}

static bool is_above(const struct ww_net *net, struct ww_spot a, struct ww_spot b) {
    b.at_m += 1; /* the answer's metres are rounded */
    return passage(net, a, b).share > 0;
}

/* Gauges below a spot, the nearest first. */
static uint32_t gauges_below(const struct river *river, const struct ww_net *net, struct ww_spot from,
                             struct gauge out[MOST_GAUGES]) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < river->city->n_things && n < MOST_GAUGES; i++) {
        struct gauge g = {.thing = i};
        if (river->city->things[i].class != WW_CITY_RIVER ||
            !find_spot(river, river->city->things[i].place, &g.at))
            continue;
        struct ww_passage way = passage(net, from, g.at);
        if (!(way.share > 0))
            continue;
        g.tau_s = way.tau_s;
        uint32_t at = n++;
        for (; at > 0 && out[at - 1].tau_s > g.tau_s; at--)
            out[at] = out[at - 1];
        out[at] = g;
    }
    return n;
}

/* ---- What is read ---- */

/* NULL: it does not measure this. */
static const struct ww_signal *signal_of(const struct ww_city *city, uint32_t thing, const char *property,
                                         int32_t *index) {
    const struct ww_signal *all;
    uint32_t n = ww_signals_of(&city->things[thing], &all);
    for (uint32_t s = 0; s < n; s++)
        if (strcmp(all[s].property, property) == 0) {
            *index = (int32_t)s;
            return &all[s];
        }
    return NULL;
}

static void begin_history(struct history *h, const struct ww_city *city, const char *property,
                          uint32_t n_steps) {
    int32_t index;
    *h = (struct history){.property = property, .n_steps = n_steps};
    h->series = ww_must_calloc(city->n_things, sizeof *h->series);
    for (uint32_t i = 0; i < city->n_things; i++)
        if (signal_of(city, i, property, &index))
            h->series[h->n_series++] = (struct series){i, ww_must_calloc(n_steps, sizeof(double))};
}

static void read_history(struct history *h, const struct ww_city *city, const struct ww_script *script,
                         uint32_t step) {
    for (uint32_t i = 0; i < h->n_series; i++) {
        struct ww_tick tick;
        int32_t s = 0;
        (void)signal_of(city, h->series[i].thing, h->property, &s);
        ww_script_read(script, h->series[i].thing, start_us + step * STEP_US, &tick);
        h->series[i].value[step] = tick.missing || tick.flag[s] != 'N' ? NAN : tick.value[s];
    }
}

static void free_history(struct history *h) {
    for (uint32_t i = 0; i < h->n_series; i++)
        ww_free(h->series[i].value);
    ww_free(h->series);
}

static void find_ways(const struct river *river, const struct history *h, struct cloud *cloud) {
    struct ww_spot at;
    assert(h->n_series <= MOST_SERIES);
    for (uint32_t k = 0; k < h->n_series; k++) {
        const struct ww_city_thing *thing = &river->city->things[h->series[k].thing];
        if (thing->class != WW_CITY_RIVER || !find_spot(river, thing->place, &at))
            continue;
        cloud->way[k] = passage(cloud->truth, cloud->source, at);
        cloud->flow_m3s[k] = river->reach[at.reach].flow_m3s;
    }
}

/* With the cloud on top, as it is sent. */
static double reading(const struct river *river, const struct history *h, uint32_t k, uint32_t step,
                      const struct cloud *cloud) {
    int32_t index;
    double value = h->series[k].value[step];
    if ((h->way == STEADY || h->way == SHORT) && !isnan(value)) { /* neither rain nor drift nor waves */
        const struct ww_signal *is = signal_of(river->city, h->series[k].thing, h->property, &index);
        value = is->base + is->noise * (2 * ww_mix_unit(river->city->seed, 91 + k, step) - 1);
    }
    if (!cloud || isnan(value) || !(cloud->way[k].share > 0))
        return value;
    value += ww_plume_at(cloud->way[k], cloud->flow_m3s[k], cloud->release, cloud->how,
                         (double)(start_us + step * STEP_US) / 1e6);
    return ww_signal_round(signal_of(river->city, h->series[k].thing, h->property, &index), value);
}

/* The first alert by the city's rule: two of three above open it, three of three not above clear it.
 * UINT32_MAX: never, up to `until`. */
struct life {
    uint32_t opened, cleared;
};
static struct life alert_life(const struct river *river, const struct history *h, uint32_t thing,
                              const struct cloud *cloud, uint32_t from, uint32_t until) {
    struct life life = {UINT32_MAX, UINT32_MAX};
    int32_t index;
    uint32_t above = 0, k = 0;
    double upper = signal_of(river->city, thing, h->property, &index)->upper;
    while (k + 1 < h->n_series && h->series[k].thing != thing)
        k++;
    for (uint32_t step = from, n = 0; step <= until && life.cleared == UINT32_MAX; step++) {
        double value = reading(river, h, k, step, cloud);
        if (isnan(value))
            continue;
        above = (above << 1 | (value > upper)) & 7;
        n++;
        if (life.opened == UINT32_MAX && (above & 1) + (above >> 1 & 1) + (above >> 2) >= 2)
            life.opened = step;
        else if (life.opened != UINT32_MAX && n >= 3 && above == 0)
            life.cleared = step;
    }
    return life;
}

#endif
