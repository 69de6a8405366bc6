/* An exceedance at a sensor on the water: sources above it, the stretch they are on, what it will reach
 * below. */
#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/map.h"
#include "ingest/space/trace_internal.h"

enum { MOST_CANDIDATES = 200, MOST_SENSORS = 8, MOST_READINGS = 300, TOP = 10, MOST_BELOW = 60, WALKS = 3 };
#define PIECE_M   250.0
#define WALK_M    4000.0
#define LOOK_BACK (24 * WW_HOUR_US) /* a release may have begun so long before the alert */
#define LOOK_ON   (48 * WW_HOUR_US) /* and gauges below be asked so long after it opened */
#define SLOWEST   0.8               /* of the velocities believed */
#define MEAN_US   (600 * WW_SECOND_US)
#define SHARE     0.5 /* of the prior is the water's own: a source that is in no register */

struct water {
    struct ww_trace_case *c;
    struct ww_net *net;
    struct ww_passage *above; /* [reaches] to the subject */
    struct ww_spot subject;
    struct ww_source_candidate *candidate; /* those above */
    uint32_t *site;                        /* [n] which, UINT32_MAX: a piece of reach */
    uint32_t n;
    struct ww_source *source;
    uint32_t *sensor; /* which of the case's, [n_sensors] */
    uint32_t n_sensors;
    double *probability;
    struct ww_source_summary sum;
};

static double seconds(int64_t us) {
    return (double)us / (double)WW_SECOND_US;
}

static struct ww_spot spot_of(struct ww_reach_spot s) {
    return (struct ww_spot){s.reach, s.at_m};
}

/* ---- The net ---- */

/* Flows that are not said: a cubic metre a second at a spring, and what flows together below. `order`: each
 * reach before those that it flows into. */
static void fill_flows(struct ww_trace_case *c, const uint32_t *order, const struct ww_reach_link *link,
                       uint32_t n_links, struct ww_reach *reach) {
    uint32_t next = 0; /* links stand by `from`, which has one at most */
    uint32_t *link_of = ww_must_calloc(c->n_reaches + (size_t)1, sizeof *link_of);
    double *into = ww_must_calloc(c->n_reaches + (size_t)1, sizeof *into);
    for (uint32_t r = 0; r < c->n_reaches; r++)
        link_of[r] = next < n_links && link[next].from == r ? next++ : UINT32_MAX;
    for (uint32_t i = 0; i < c->n_reaches; i++) {
        uint32_t r = order[i];
        double said = c->reach[r].flow_m3s;
        reach[r].flow_m3s = !isnan(said) ? said : into[r] > 0 ? into[r] : 1;
        if (link_of[r] != UINT32_MAX)
            into[link[link_of[r]].to] += reach[r].flow_m3s;
    }
    ww_free(link_of);
    ww_free(into);
}

static bool make_net(struct water *a) {
    struct ww_trace_case *c = a->c;
    struct ww_map *codes = ww_map_new(c->n_reaches);
    struct ww_reach *reach = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *reach);
    struct ww_reach_link *link = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *link);
    struct ww_net *bare = NULL;
    uint32_t n_links = 0;
    bool good = reach && link;
    for (uint32_t r = 0; r < c->n_reaches && good; r++)
        good = ww_map_put(codes, c->reach[r].code, r) == WW_OK;
    for (uint32_t r = 0; r < c->n_reaches && good; r++) {
        uint64_t to;
        const struct trace_reach *is = &c->reach[r];
        reach[r] = (struct ww_reach){ww_reach_lines_length_m(c->lines, r), 1,
                                     isnan(is->velocity_ms) ? WW_TRACE_VELOCITY_MS : is->velocity_ms,
                                     isnan(is->dispersion_m2s) ? 0 : is->dispersion_m2s};
        if (ww_map_get(codes, is->downstream, &to) && to != r)
            link[n_links++] = (struct ww_reach_link){r, (uint32_t)to, 1};
    }
    ww_map_free(codes);
    if (!good || ww_net_new(reach, c->n_reaches, link, n_links, &bare, NULL) != WW_OK)
        return false;
    fill_flows(c, ww_net_order(bare), link, n_links, reach);
    ww_net_free(bare);
    return ww_net_new(reach, c->n_reaches, link, n_links, &a->net, NULL) == WW_OK;
}

/* ---- Candidates and sensors ---- */

static bool lies_above(const struct water *a, struct ww_spot spot) {
    return ww_net_passage(a->net, a->subject, a->above, spot).share > 0;
}

static bool make_candidates(struct water *a) {
    struct ww_trace_case *c = a->c;
    struct ww_source_site *sites = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *sites);
    uint32_t *which = ww_arena_calloc(c->arena, c->n_sites + (size_t)1, sizeof *which);
    struct ww_source_candidate *all = NULL;
    uint32_t n_sites = 0, n_all = 0;
    double length_m = 0;
    if (!sites || !which)
        return false;
    for (uint32_t i = 0; i < c->n_sites; i++) {
        if (c->site[i].spot.reach == WW_REACH_NONE || !lies_above(a, spot_of(c->site[i].spot)))
            continue;
        which[n_sites] = i;
        sites[n_sites++] = (struct ww_source_site){spot_of(c->site[i].spot), 1};
    }
    for (uint32_t r = 0; r < c->n_reaches; r++)
        if (a->above[r].share > 0 || r == a->subject.reach)
            length_m += ww_reach_lines_length_m(c->lines, r);
    double piece_m = fmax(PIECE_M, length_m / MOST_CANDIDATES);
    if (ww_source_candidates(a->net, sites, n_sites, piece_m, n_sites ? SHARE : 1, &all, &n_all, NULL) !=
        WW_OK)
        return false;
    a->candidate = ww_arena_calloc(c->arena, n_all + (size_t)1, sizeof *a->candidate);
    a->site = ww_arena_calloc(c->arena, n_all + (size_t)1, sizeof *a->site);
    bool good = a->candidate && a->site;
    for (uint32_t i = 0; i < n_all && good; i++) {
        if (!lies_above(a, all[i].at))
            continue;
        a->site[a->n] = i < n_all - n_sites ? UINT32_MAX : which[i - (n_all - n_sites)];
        a->candidate[a->n++] = all[i];
    }
    ww_free(all);
    return good && a->n > 0;
}

/* How far along the water a sensor is from the subject, above it or below; NAN: neither. */
static double away_s(const struct water *a, const struct ww_passage *below, struct ww_spot at) {
    struct ww_passage up = ww_net_passage(a->net, a->subject, a->above, at);
    struct ww_passage down = ww_net_passage_below(a->net, a->subject, below, at);
    return up.share > 0 ? up.tau_s : down.share > 0 ? down.tau_s : NAN;
}

/* The subject first, then those above and below it that are nearest: of a whole city's, few share its water.
 */
static bool make_source(struct water *a) {
    struct ww_trace_case *c = a->c;
    struct ww_source_sensor sensors[MOST_SENSORS];
    double away[MOST_SENSORS];
    struct ww_passage *below = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *below);
    a->sensor = ww_arena_calloc(c->arena, MOST_SENSORS, sizeof *a->sensor);
    if (!a->sensor || !below)
        return false;
    ww_net_below(a->net, a->subject, below);
    for (uint32_t s = 0; s < c->n_sensors; s++) {
        const struct trace_sensor *is = &c->sensor[s];
        double far = s == c->subject ? -1 : NAN;
        if (s != c->subject && !is->is_outlet && is->n_readings > 0 && is->spot.reach != WW_REACH_NONE)
            far = away_s(a, below, spot_of(is->spot));
        uint32_t at = a->n_sensors;
        while (at > 0 && far < away[at - 1])
            at--;
        if (isnan(far) || at == MOST_SENSORS)
            continue;
        a->n_sensors += a->n_sensors < MOST_SENSORS;
        for (uint32_t k = a->n_sensors - 1; k > at; k--) {
            away[k] = away[k - 1];
            a->sensor[k] = a->sensor[k - 1];
        }
        away[at] = far;
        a->sensor[at] = s;
    }
    for (uint32_t k = 0; k < a->n_sensors; k++) {
        const struct trace_sensor *is = &c->sensor[a->sensor[k]];
        sensors[k] = (struct ww_source_sensor){spot_of(is->spot), is->sd};
    }
    struct ww_source_options o =
        ww_source_usual(seconds(c->opened_us - LOOK_BACK), seconds(c->opened_us) + 60);
    return ww_source_new(a->net, a->candidate, a->n, sensors, a->n_sensors, &o, &a->source, NULL) == WW_OK;
}

/* Of a sensor's readings since the first release could have come: means of ten minutes, or of more where
 * there are too many. */
static void add_readings(struct water *a) {
    struct ww_trace_case *c = a->c;
    int64_t from_us = c->opened_us - LOOK_BACK;
    for (uint32_t k = 0; k < a->n_sensors; k++) {
        const struct trace_sensor *sensor = &c->sensor[a->sensor[k]];
        const struct trace_reading *r = c->reading + sensor->first_reading, *end = r + sensor->n_readings;
        while (r < end && r->time_us < from_us)
            r++;
        int64_t mean_us = r < end ? (end[-1].time_us - r->time_us) / MOST_READINGS : 0;
        mean_us = mean_us > MEAN_US ? mean_us : MEAN_US;
        while (r < end) {
            const struct trace_reading *first = r;
            double t_s = 0, value = 0, n = 0;
            for (; r < end && r->time_us < first->time_us + mean_us; r++, n++) {
                t_s += seconds(r->time_us - first->time_us);
                value += r->value;
            }
            ww_source_add(a->source, k, seconds(first->time_us) + t_s / n, value / n - sensor->usual);
        }
    }
}

/* ---- What it says ---- */

static struct ww_place place_at(const struct water *a, struct ww_spot spot) {
    return ww_reach_lines_place(a->c->lines, spot.reach, spot.at_m);
}

static void put_spot(const struct water *a, struct ww_json *w, struct ww_spot spot) {
    trace_put_str(w, "reach", a->c->reach[spot.reach].code);
    trace_put_number(w, "at_m", round(spot.at_m));
    trace_put_place(w, place_at(a, spot));
}

static void put_source(const struct water *a, struct ww_json *w, uint32_t i) {
    bool is_site = a->site[i] != UINT32_MAX;
    trace_put_text(w, "kind", is_site ? "site" : "reach");
    if (is_site) {
        trace_put_str(w, "site", a->c->site[a->site[i]].code);
        trace_put_str(w, "name_zh", a->c->site[a->site[i]].name_zh);
        trace_put_str(w, "name_en", a->c->site[a->site[i]].name_en);
    }
    put_spot(a, w, a->candidate[i].at);
    trace_put_number(w, "probability", a->probability[i]);
    struct ww_source_fit fit = ww_source_fit(a->source, i);
    if (fit.llr > 0)
        trace_put_time(w, "released_at", (int64_t)(fit.release.start_s * 1e6));
}

struct ranked {
    double probability;
    uint32_t candidate;
};

static int more_probable(const void *pa, const void *pb) {
    const struct ranked *a = pa, *b = pb;
    if (a->probability != b->probability)
        return a->probability > b->probability ? -1 : 1;
    return a->candidate < b->candidate ? -1 : a->candidate > b->candidate;
}

/* The most probable first. */
static uint32_t *rank(const struct water *a) {
    struct ranked *all = ww_arena_calloc(a->c->arena, a->n, sizeof *all);
    uint32_t *order = ww_arena_calloc(a->c->arena, a->n, sizeof *order);
    for (uint32_t i = 0; all && order && i < a->n; i++)
        all[i] = (struct ranked){a->probability[i], i};
    if (!all || !order)
        return NULL;
    qsort(all, a->n, sizeof *all, more_probable);
    for (uint32_t i = 0; i < a->n; i++)
        order[i] = all[i].candidate;
    return order;
}

static void put_line(struct water *a, struct ww_buf *geojson, uint32_t reach, double from_m, double to_m,
                     const char *role, double probability) {
    struct ww_buf line;
    struct ww_json w;
    ww_buf_init(&line, 4 << 20);
    ww_reach_lines_write(a->c->lines, reach, from_m, to_m, &line);
    if (ww_buf_status(&line) == WW_OK) {
        trace_begin_feature(a->c, &w, geojson, "LineString", ww_buf_str(&line), role);
        trace_put_str(&w, "reach", a->c->reach[reach].code);
        if (!isnan(probability))
            trace_put_number(&w, "probability", probability);
        trace_end_feature(&w);
    }
    ww_buf_clear(&line);
}

static void put_stretch(struct water *a, struct ww_json *w, struct ww_buf *geojson, const uint32_t *order) {
    ww_json_key(w, "stretch");
    ww_json_array(w);
    for (uint32_t k = 0; k < a->sum.n_stretch && k < a->n; k++) {
        const struct ww_source_candidate *piece = &a->candidate[order[k]];
        if (piece->length_m <= 0)
            continue;
        double from_m = fmax(piece->at.at_m - piece->length_m / 2, 0),
               to_m = fmin(piece->at.at_m + piece->length_m / 2,
                           ww_reach_lines_length_m(a->c->lines, piece->at.reach));
        ww_json_object(w);
        trace_put_str(w, "reach", a->c->reach[piece->at.reach].code);
        trace_put_number(w, "from_m", round(from_m));
        trace_put_number(w, "to_m", round(to_m));
        ww_json_end_object(w);
        put_line(a, geojson, piece->at.reach, from_m, to_m, "stretch", a->probability[order[k]]);
    }
    ww_json_end_array(w);
}

static void put_end(const struct water *a, struct ww_json *w, const char *key, struct ww_spot spot) {
    ww_json_key(w, key);
    ww_json_object(w);
    put_spot(a, w, spot);
    ww_json_end_object(w);
}

/* Where to walk first: stretches of water with their ends, across borders of reaches, and the sites on them.
 */
static void put_walks(const struct water *a, struct ww_json *w) {
    struct ww_source_stretch walk[WALKS];
    uint32_t n = 0, *number_of = ww_arena_calloc(a->c->arena, a->n + (size_t)1, sizeof *number_of);
    if (!number_of ||
        ww_source_stretches(a->source, a->probability, WALK_M, walk, WALKS, &n, number_of) != WW_OK)
        n = 0;
    ww_json_key(w, "walks");
    ww_json_array(w);
    for (uint32_t i = 0; i < n; i++) {
        ww_json_object(w);
        put_end(a, w, "from", walk[i].upper);
        put_end(a, w, "to", walk[i].lower);
        trace_put_number(w, "length_m", round(walk[i].length_m));
        trace_put_number(w, "probability", walk[i].probability);
        ww_json_key(w, "sites");
        ww_json_array(w);
        for (uint32_t c = 0; c < a->n; c++)
            if (number_of[c] == i && a->site[c] != UINT32_MAX)
                ww_json_str(w, a->c->site[a->site[c]].code);
        ww_json_end_array(w);
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

/* A site's own meter stands where the site is: that is no place below it. */
static bool is_own_site(const struct trace_sensor *subject, const struct trace_site *site) {
    return subject->is_outlet && subject->site.len > 0 && ww_str_eq(site->code, subject->site);
}

/* What passed the subject: as if it had begun when the alert opened. */
static struct ww_release release_here(const struct ww_trace_case *c) {
    return (struct ww_release){seconds(c->opened_us), fmax(seconds(c->ended_us - c->opened_us), 60), 1};
}

/* When the last gauge below will have seen the last of it, by the slowest velocities: so long a trace gets
 * better.
 */
static void put_until(struct water *a, struct ww_json *w) {
    struct ww_trace_case *c = a->c;
    struct ww_passage *below = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *below);
    double until_s = -INFINITY;
    if (!below)
        return;
    ww_net_below(a->net, a->subject, below);
    for (uint32_t k = 1; k < a->n_sensors; k++) {
        struct ww_spot at = spot_of(c->sensor[a->sensor[k]].spot);
        struct ww_passage way = ww_net_passage_below(a->net, a->subject, below, at);
        if (!(way.share > 0))
            continue;
        way.tau_s /= SLOWEST;
        until_s = fmax(until_s, ww_plume_arrival(way, 1, release_here(c), WW_DISPERSAL_USUAL).rear_s);
    }
    if (isfinite(until_s))
        trace_put_time(w, "until",
                       (int64_t)(fmin(until_s, seconds(c->opened_us + LOOK_ON)) * (double)WW_SECOND_US));
}

/* What lies below the sensor, and when it will be there. */
static void put_below(struct water *a, struct ww_json *w, struct ww_buf *geojson) {
    struct ww_trace_case *c = a->c;
    struct ww_passage *below = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *below);
    struct ww_release release = release_here(c);
    uint32_t listed = 0;
    ww_json_key(w, "downstream");
    ww_json_array(w);
    if (below)
        ww_net_below(a->net, a->subject, below);
    for (uint32_t kind = 0; kind < 2 && below; kind++)
        for (uint32_t i = 0; i < (kind ? c->n_sensors : c->n_sites) && listed < MOST_BELOW; i++) {
            struct ww_reach_spot at = kind ? c->sensor[i].spot : c->site[i].spot;
            bool passed_over = kind ? i == c->subject || c->sensor[i].is_outlet
                                    : is_own_site(&c->sensor[c->subject], &c->site[i]);
            if (at.reach == WW_REACH_NONE || passed_over)
                continue;
            struct ww_passage way = ww_net_passage_below(a->net, a->subject, below, spot_of(at));
            if (!(way.share > 0))
                continue;
            struct ww_arrival when =
                ww_plume_arrival(way, ww_net_reach(a->net, at.reach)->flow_m3s, release, WW_DISPERSAL_USUAL);
            listed++;
            ww_json_object(w);
            trace_put_str(w, kind ? "thing" : "site", kind ? c->sensor[i].key : c->site[i].code);
            put_spot(a, w, spot_of(at));
            trace_put_time(w, "front_at", (int64_t)(when.front_s * 1e6));
            trace_put_time(w, "peak_at", (int64_t)(when.peak_s * 1e6));
            trace_put_time(w, "rear_at", (int64_t)(when.rear_s * 1e6));
            ww_json_end_object(w);
        }
    ww_json_end_array(w);
    for (uint32_t r = 0; r < c->n_reaches && below; r++)
        if (below[r].share > 0 || r == a->subject.reach)
            put_line(a, geojson, r, r == a->subject.reach ? a->subject.at_m : 0,
                     ww_reach_lines_length_m(c->lines, r), "downstream", NAN);
}

static void say(struct water *a, struct ww_json *w, struct ww_buf *geojson) {
    static const char *const verdicts[] = {"nothing", "stretch", "place"};
    struct ww_json j;
    const uint32_t *order = rank(a);
    if (!order)
        return;
    trace_put_text(w, "verdict", verdicts[a->sum.verdict]);
    ww_json_key(w, "sensors");
    ww_json_int(w, a->n_sensors);
    ww_json_key(w, "sensors_that_saw_it");
    ww_json_int(w, a->sum.saw);
    ww_json_key(w, "sources");
    ww_json_array(w);
    for (uint32_t k = 0; k < a->n && k < TOP; k++) {
        ww_json_object(w);
        put_source(a, w, order[k]);
        ww_json_end_object(w);
        trace_point_feature(a->c, &j, geojson, place_at(a, a->candidate[order[k]].at), "source");
        put_source(a, &j, order[k]);
        trace_end_feature(&j);
    }
    ww_json_end_array(w);
    put_until(a, w);
    put_walks(a, w);
    trace_put_number(w, "stretch_m", round(a->sum.stretch_m));
    put_stretch(a, w, geojson, order);
    if (a->sum.verdict == WW_SOURCE_STRETCH) {
        ww_json_key(w, "next_sample");
        ww_json_object(w);
        put_spot(a, w, a->sum.sample);
        trace_put_number(w, "probability_above", a->sum.sample_above);
        ww_json_end_object(w);
        trace_point_feature(a->c, &j, geojson, place_at(a, a->sum.sample), "next_sample");
        trace_put_number(&j, "probability_above", a->sum.sample_above);
        trace_end_feature(&j);
    }
}

/* The subject is a site's own meter: what it measures comes from there, and no gauge is needed to say so. */
static void put_outlet(const struct water *a, struct ww_json *w) {
    const struct trace_sensor *meter = &a->c->sensor[a->c->subject];
    const struct trace_site *site = NULL;
    for (uint32_t i = 0; i < a->c->n_sites && !site; i++)
        if (is_own_site(meter, &a->c->site[i]))
            site = &a->c->site[i];
    trace_put_text(w, "kind", site ? "site" : "reach");
    if (site) {
        trace_put_str(w, "site", site->code);
        trace_put_str(w, "name_zh", site->name_zh);
        trace_put_str(w, "name_en", site->name_en);
    }
    put_spot(a, w, a->subject);
    trace_put_number(w, "probability", 1);
    trace_put_time(w, "released_at", a->c->opened_us);
}

static void say_outlet(struct water *a, struct ww_json *w, struct ww_buf *geojson) {
    struct ww_json j;
    trace_put_text(w, "verdict", "place");
    ww_json_key(w, "own_outlet");
    ww_json_bool(w, true);
    ww_json_key(w, "sensors");
    ww_json_int(w, 1);
    ww_json_key(w, "sensors_that_saw_it");
    ww_json_int(w, 1);
    ww_json_key(w, "sources");
    ww_json_array(w);
    ww_json_object(w);
    put_outlet(a, w);
    ww_json_end_object(w);
    ww_json_end_array(w);
    trace_point_feature(a->c, &j, geojson, place_at(a, a->subject), "source");
    put_outlet(a, &j);
    trace_end_feature(&j);
}

static bool find_source(struct water *a) {
    const struct ww_trace_case *c = a->c;
    if (!make_candidates(a) || !make_source(a))
        return false;
    add_readings(a);
    ww_source_about(a->source, 0, seconds(c->opened_us)); /* the subject stands first */
    a->probability = ww_arena_calloc(a->c->arena, a->n, sizeof *a->probability);
    return a->probability && ww_source_posterior(a->source, a->probability) == WW_OK &&
           ww_source_summary(a->source, a->probability, &a->sum) == WW_OK;
}

void trace_water(struct ww_trace_case *c, struct ww_json *w, struct ww_buf *geojson) {
    struct water a = {.c = c};
    for (uint32_t s = 0; s < c->n_sensors; s++)
        c->sensor[s].spot = ww_reach_lines_find(c->lines, c->sensor[s].at, WW_TRACE_SNAP_M);
    for (uint32_t i = 0; i < c->n_sites; i++)
        c->site[i].spot = ww_reach_lines_find(c->lines, c->site[i].at, WW_TRACE_SNAP_M);
    bool on_water = c->n_reaches > 0 && c->sensor[c->subject].spot.reach != WW_REACH_NONE;
    a.above = ww_arena_calloc(c->arena, c->n_reaches + (size_t)1, sizeof *a.above);
    if (!on_water || !a.above || !make_net(&a)) {
        trace_put_text(w, "verdict", "nothing");
        return;
    }
    a.subject = spot_of(c->sensor[c->subject].spot);
    ww_net_above(a.net, a.subject, a.above);
    trace_put_number(w, "usual_velocity_ms", WW_TRACE_VELOCITY_MS);
    if (c->sensor[c->subject].is_outlet)
        say_outlet(&a, w, geojson);
    else if (find_source(&a))
        say(&a, w, geojson);
    else
        trace_put_text(w, "verdict", "nothing");
    put_below(&a, w, geojson);
    ww_source_free(a.source);
    ww_net_free(a.net);
}
