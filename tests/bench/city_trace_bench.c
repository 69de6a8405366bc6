/* Traces on the simulated city's own river: its reaches, registered sites, gauges and readings.
 * ww_link: ww_simulate ww_space
 *
 *   bench_city_trace [DAYS [SEEDS [WAYS [FIRST]]]]     10 days of seeds 1 to 10, in 4 ways (enum way);
 *                                                      with a FIRST, every miss is told too
 *
 * Each is asked of ww_trace_run as the trace keeper asks it: all things of the property and all sites, three
 * days of readings with flag N, velocities and flows unsaid.
 *
 *   waves         as the script has them: they appear at R01 and run down to R04, from no place. Is
 *                 one of the first three sources of the trace of R03's alert, an hour and a half after
 *                 it opened, above R01? Those of the first ten days.
 *   registered    the script ends a discharge at its outlet. Here those of outlets whose site is on a
 *                 reach with two gauges below run on: the script's time, length and excess, COD as
 *                 CODMn, NH3-N as itself, carried by plume.h with each reach's velocity wrong by up to
 *                 20 %, on top of what the gauges read. Other properties no gauge measures.
 *   unregistered  every third COD discharge of the script, at a place drawn along the water that has
 *                 two gauges below.
 *
 * A case is one cloud alone, so strong that the first gauge below peaks at the script's excess times its
 * limit. The first gauge's alert opens and clears by the city's rule (two of three readings, three of three),
 * and is traced when it clears, as the trace keeper does. What counts is the trace that stands in the end:
 * the keeper makes the trace again until the moment that the trace itself names (`until`: the last gauge
 * below will have seen the last of it, 48 hours after the opening at most), and once more. Beside it, in the
 * middle: half an hour after the peak has passed the second gauge. Only cases without an alert are left out,
 * and counted; no case is left out because its second gauge could not see it: where the cloud stays below
 * three times the gauge's robust noise there, it is counted as `unseen`, and stays in.
 *
 * The denominator: all discharges of the script, of COD and NH3-N, of sites on the water with two gauges
 * below (registered), and every third one of COD, put elsewhere (unregistered). Right is: the true site is
 * one of the first three `sources`; beside it, the true place is in one of the first three `walks` (4 km each
 * at most), which is all that can be asked of an unregistered place, whose pieces are 250 m long.
 *
 * "place" is said rightly when the first source is the true site, or a piece within a kilometre of the true
 * place. Then the same cases again without one thing after the other that makes it hard.
 */
#include <stdlib.h>

#include "geo/base/arena.h"
#include "geo/base/json_reader.h"
#include "tests/support/city_river.h"

enum moment { IN_THE_END, IN_THE_MIDDLE, MOMENTS };
struct count {
    uint32_t cases, no_alert, unseen;
    struct {
        uint32_t place, place_rightly, in_three, site_in_three, walked;
    } at[MOMENTS];
};
static bool tells_misses = false;

static double random_01(uint64_t *seed) {
    *seed += 1;
    return ww_mix_unit(*seed, 77, 1);
}
static double random_in(uint64_t *seed, double low, double high) {
    return low + (high - low) * random_01(seed);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}
static double median(double *value, uint32_t n) {
    qsort(value, n, sizeof *value, by_value);
    return n > 0 ? value[n / 2] : NAN;
}

/* ---- One trace ---- */

struct answer {
    struct ww_buf text; /* that root points into */
    struct ww_arena *arena;
    struct ww_json_node *root;
};

static struct answer trace(const struct river *river, const struct history *h, uint32_t subject,
                           struct life life, uint32_t now, const struct cloud *cloud) {
    const struct ww_city *city = river->city;
    struct ww_trace_case *c =
        ww_trace_case_new(WW_TRACE_WATER, start_us + life.opened * STEP_US, start_us + now * STEP_US);
    struct ww_buf geojson;
    struct answer a = {.arena = ww_arena_new((size_t)64 << 20)};
    assert(c && a.arena);
    if (life.cleared <= now)
        ww_trace_cleared(c, start_us + life.cleared * STEP_US);
    ww_buf_init(&a.text, 16 << 20);
    ww_buf_init(&geojson, 16 << 20);
    for (uint32_t r = 0; r < river->n; r++)
        assert(ww_trace_add_reach(c, ww_str_of(city->waterways[r].code),
                                  ww_str_of(city->waterways[r].downstream), ww_str_of(river->line[r]),
                                  WW_STR("{}"), NULL) == WW_OK);
    for (uint32_t i = 0; i < city->n_sites; i++)
        assert(ww_trace_add_site(c, ww_str_of(city->sites[i].code), ww_str_of(city->sites[i].name_zh),
                                 ww_str_of(city->sites[i].name_en), city->sites[i].place, NULL) == WW_OK);
    for (uint32_t i = 0; i < h->n_series; i++) {
        const struct ww_city_thing *is = &city->things[h->series[i].thing];
        struct ww_trace_thing thing = {.id = h->series[i].thing,
                                       .key = ww_str_of(is->key),
                                       .site = ww_str_of(is->site),
                                       .limit_class = ww_str_of(is->limit_class),
                                       .at = is->place,
                                       .is_subject = h->series[i].thing == subject};
        assert(ww_trace_add_sensor(c, &thing, NULL) == WW_OK);
    }
    for (uint32_t step = now > 864 ? now - 864 : 0; step <= now; step++)
        for (uint32_t i = 0; i < h->n_series; i++) {
            double value = reading(river, h, i, step, cloud);
            if (!isnan(value))
                assert(ww_trace_add_reading(c, h->series[i].thing, start_us + step * STEP_US, value, NULL) ==
                       WW_OK);
        }
    ww_trace_run(c, &a.text, &geojson);
    assert(ww_json_parse(a.arena, ww_buf_str(&a.text), &a.root, NULL) == WW_OK);
    ww_buf_clear(&geojson);
    ww_trace_case_free(c);
    return a;
}

static void free_answer(struct answer *a) {
    ww_buf_clear(&a->text);
    ww_arena_free(a->arena);
}

static struct ww_spot spot_in(const struct river *river, const struct ww_json_node *at) {
    struct ww_str code = WW_STR("");
    struct ww_spot spot = {0, 0};
    (void)!ww_json_as_str(ww_json_get(at, "reach"), &code);
    (void)!ww_json_as_double(ww_json_get(at, "at_m"), &spot.at_m);
    while (spot.reach + 1 < river->n && !ww_str_is(code, river->city->waterways[spot.reach].code))
        spot.reach++;
    return spot;
}

static bool is_site(const struct ww_json_node *source, const char *code) {
    struct ww_str is = WW_STR("");
    return code && ww_json_as_str(ww_json_get(source, "site"), &is) && ww_str_is(is, code);
}

/* ---- Scores ---- */

static void tell_miss(const struct river *river, const struct answer *a, struct ww_spot truth,
                      const char *code, enum moment moment) {
    const struct ww_json_node *sources = ww_json_get(a->root, "sources");
    uint32_t n = 0;
    printf("missed%s: %s on %s at %.0f m:", moment == IN_THE_END ? "" : " in the middle",
           code ? code : "unregistered", river->city->waterways[truth.reach].code, truth.at_m);
    for (const struct ww_json_node *s = sources ? sources->child : NULL; s && n < 5; s = s->next, n++) {
        struct ww_str site = WW_STR("");
        double probability = 0;
        struct ww_spot at = spot_in(river, s);
        (void)!ww_json_as_str(ww_json_get(s, "site"), &site);
        (void)!ww_json_as_double(ww_json_get(s, "probability"), &probability);
        printf(" %.3f %s %.0f %.*s;", probability, river->city->waterways[at.reach].code, at.at_m,
               WW_STR_ARG(site));
    }
    printf("\n");
}

/* `code`: the true site; NULL: none, then a piece of water within 250 m of the true place counts. */
static void score(const struct river *river, const struct answer *a, struct ww_spot truth, const char *code,
                  enum moment moment, struct count *count) {
    const struct ww_json_node *sources = ww_json_get(a->root, "sources"),
                              *walks = ww_json_get(a->root, "walks");
    struct ww_str verdict = WW_STR("");
    uint32_t rank = 0, sites = 0;
    bool three = false, site_three = false, walked = false, near = false;
    (void)!ww_json_as_str(ww_json_get(a->root, "verdict"), &verdict);
    for (const struct ww_json_node *s = sources ? sources->child : NULL; s; s = s->next, rank++) {
        struct ww_spot at = spot_in(river, s);
        double off_m = at.reach == truth.reach ? fabs(at.at_m - truth.at_m) : INFINITY;
        bool right = code ? is_site(s, code) : off_m <= 250;
        near = near || (rank == 0 && (right || off_m <= 1000));
        three = three || (right && rank < 3);
        site_three = site_three || (code && right && sites < 3);
        sites += ww_json_get(s, "site") != NULL;
    }
    for (const struct ww_json_node *w = walks ? walks->child : NULL; w; w = w->next)
        walked = walked || (is_above(river->net, spot_in(river, ww_json_get(w, "from")), truth) &&
                            is_above(river->net, truth, spot_in(river, ww_json_get(w, "to"))));
    count->at[moment].place += ww_str_is(verdict, "place");
    count->at[moment].place_rightly += ww_str_is(verdict, "place") && near;
    count->at[moment].in_three += three;
    count->at[moment].site_in_three += site_three;
    count->at[moment].walked += walked;
    if (tells_misses && !(code ? three : walked))
        tell_miss(river, a, truth, code, moment);
}

/* The step at which the keeper makes no more traces. */
static uint32_t last_step(const struct answer *a, uint32_t otherwise) {
    struct ww_str until = WW_STR("");
    int64_t at_us;
    if (!ww_json_as_str(ww_json_get(a->root, "until"), &until) ||
        ww_instant_parse(until, NULL, &at_us, NULL) != WW_OK || at_us < start_us)
        return otherwise;
    return (uint32_t)((at_us - start_us) / STEP_US) + 1;
}

static void trace_case(const struct river *river, const struct history *h, uint32_t thing, uint32_t from,
                       uint32_t middle, const struct cloud *cloud, const char *code, struct count *count) {
    struct life life = alert_life(river, h, thing, cloud, from, h->n_steps - 1);
    count->cases++;
    if (life.opened == UINT32_MAX) {
        count->no_alert++;
        return;
    }
    assert(life.cleared < h->n_steps); /* TAIL_DAYS is enough */
    struct answer when_cleared = trace(river, h, thing, life, life.cleared, cloud);
    uint32_t last = last_step(&when_cleared, life.cleared);
    const uint32_t step[MOMENTS] = {last, middle < last ? middle : last};
    free_answer(&when_cleared);
    assert(last < h->n_steps);
    for (enum moment m = 0; m < MOMENTS; m++) {
        struct answer a = trace(river, h, thing, life, step[m], cloud);
        score(river, &a, cloud->source, code, m, count);
        free_answer(&a);
    }
}

/* Does the cloud stay within a gauge's noise (three robust standard deviations of the day before)? */
static bool is_unseen(const struct river *river, const struct history *h, uint32_t thing, uint32_t from,
                      const struct cloud *cloud) {
    double value[288], middle, most = 0;
    uint32_t n = 0, k = 0;
    while (k + 1 < h->n_series && h->series[k].thing != thing)
        k++;
    for (uint32_t step = from - 288; step < from; step++) {
        double x = reading(river, h, k, step, NULL);
        if (!isnan(x))
            value[n++] = x;
    }
    middle = median(value, n);
    for (uint32_t i = 0; i < n; i++)
        value[i] = fabs(value[i] - middle);
    for (uint32_t step = from; step < h->n_steps; step++)
        most = fmax(most, ww_plume_at(cloud->way[k], cloud->flow_m3s[k], cloud->release, cloud->how,
                                      (double)(start_us + step * STEP_US) / 1e6));
    return most < 3 * 1.4826 * median(value, n);
}

static void run_case(const struct river *river, struct history *h, const struct ww_event *event,
                     struct ww_spot source, const char *code, uint32_t ways, uint64_t *seed,
                     struct count *count) {
    struct ww_reach truth[MOST_REACHES];
    struct gauge gauge[MOST_GAUGES];
    const struct ww_signal *outlet;
    int32_t index;
    struct cloud cloud = {.source = source, .how = WW_DISPERSAL_USUAL};
    for (uint32_t r = 0; r < river->n; r++) {
        truth[r] = river->reach[r];
        truth[r].velocity_ms *= random_in(seed, 0.8, 1.2);
    }
    assert(ww_net_new(truth, river->n, river->link, river->n_links, &cloud.truth, NULL) == WW_OK);
    uint32_t n = gauges_below(river, cloud.truth, source, gauge);
    assert(n >= 2);
    const struct ww_signal *first = signal_of(river->city, gauge[0].thing, h->property, &index);
    ww_signals_of(&river->city->things[event->thing], &outlet);
    double factor = event->level / outlet[event->signal].upper;
    cloud.release = (struct ww_release){(double)event->start_us / 1e6,
                                        (double)(event->end_us - event->start_us) / 1e6, 1};
    find_ways(river, h, &cloud);
    for (h->way = AS_SERVED; h->way < ways; h->way++) {
        struct ww_arrival when[2];
        if (h->way >= SHORT) /* as planted_source_test.c has them */
            cloud.release.duration_s = 600 + 1800 * ww_mix_unit(river->city->seed, 55, event->id);
        cloud.release.rate_g_s = 1;
        for (uint32_t k = 0; k < 2; k++)
            when[k] = ww_plume_arrival(passage(cloud.truth, source, gauge[k].at),
                                       river->reach[gauge[k].at.reach].flow_m3s, cloud.release, cloud.how);
        cloud.release.rate_g_s = (factor * first->upper - first->base) / when[0].peak_g_m3;
        uint32_t from = (uint32_t)((event->start_us - start_us) / STEP_US),
                 middle = (uint32_t)((when[1].peak_s - (double)start_us / 1e6) / 300) + 6;
        count[h->way].unseen += is_unseen(river, h, gauge[1].thing, from, &cloud);
        trace_case(river, h, gauge[0].thing, from, middle, &cloud, code, &count[h->way]);
    }
    h->way = AS_SERVED;
    ww_net_free(cloud.truth);
}

/* ---- A city ---- */

struct tally {
    uint32_t discharges, on_water, two_below, carried, waves, waves_above, waves_nothing;
    struct count cod[WAYS], nh3n[WAYS], unregistered[WAYS];
};

/* Where a thing's discharge meets the water; NULL: nowhere within reach of its site. */
static const char *outlet_site(const struct river *river, uint32_t thing, struct ww_spot *spot) {
    const struct ww_city *city = river->city;
    for (uint32_t i = 0; i < city->n_sites; i++)
        if (strcmp(city->sites[i].code, city->things[thing].site) == 0)
            return find_spot(river, city->sites[i].place, spot) ? city->sites[i].code : NULL;
    return NULL;
}

/* By length, along water with two gauges below. */
static struct ww_spot draw_place(const struct river *river, uint64_t *seed) {
    struct gauge gauge[MOST_GAUGES];
    double all_m = 0;
    for (uint32_t r = 0; r < river->n; r++)
        all_m += river->reach[r].length_m;
    for (;;) {
        double at_m = random_01(seed) * all_m;
        struct ww_spot spot = {0, 0};
        while (spot.reach + 1 < river->n && at_m > river->reach[spot.reach].length_m)
            at_m -= river->reach[spot.reach++].length_m;
        spot.at_m = at_m;
        if (gauges_below(river, river->net, spot, gauge) >= 2)
            return spot;
    }
}

static void trace_wave(const struct river *river, const struct history *h, const struct ww_event *event,
                       struct tally *tally) {
    struct ww_spot r01;
    uint32_t top = 0, rank = 0;
    bool right = false;
    while (strcmp(river->city->things[top].key, "R01") != 0)
        top++;
    if (strcmp(river->city->things[event->thing].key, "R03") != 0 ||
        !find_spot(river, river->city->things[top].place, &r01))
        return;
    uint32_t opened = (uint32_t)((event->start_us - start_us) / STEP_US) + 2;
    struct answer a = trace(river, h, event->thing, (struct life){opened, UINT32_MAX}, opened + 18, NULL);
    const struct ww_json_node *sources = ww_json_get(a.root, "sources");
    for (const struct ww_json_node *s = sources ? sources->child : NULL; s && rank < 3; s = s->next, rank++)
        right = right || is_above(river->net, spot_in(river, s), r01);
    tally->waves++;
    tally->waves_above += right;
    tally->waves_nothing += sources == NULL;
    free_answer(&a);
}

static void run_city(uint64_t seed, uint32_t days, uint32_t n_ways, struct tally *tally) {
    struct ww_city *city;
    struct river river;
    struct history codmn, nh3n, tp;
    uint32_t n_steps = (days + WARM_DAYS + TAIL_DAYS) * 288;
    uint64_t draws = ww_mix(seed, 20261128, days);
    int64_t from_us = start_us + WARM_DAYS * WW_DAY_US, to_us = from_us + days * WW_DAY_US;
    assert(ww_city_new(&(struct ww_city_options){.seed = seed}, &city, NULL) == WW_OK);
    lay_river(&river, city);
    struct ww_script *script =
        ww_script_new(city, &(struct ww_script_options){.history_us = start_us,
                                                        .live_us = start_us + (n_steps + 288) * STEP_US,
                                                        .brisk_us = INT64_MAX,
                                                        .step_us = STEP_US,
                                                        .brisk_step_us = WW_SECOND_US});
    begin_history(&codmn, city, "codmn", n_steps);
    begin_history(&nh3n, city, "nh3n", n_steps);
    begin_history(&tp, city, "tp", n_steps);
    for (uint32_t step = 0; step < n_steps; step++) {
        ww_script_advance(script, start_us + step * STEP_US);
        read_history(&codmn, city, script, step);
        read_history(&nh3n, city, script, step);
        read_history(&tp, city, script, step);
    }
    for (uint32_t i = 0; i < ww_script_count(script); i++) {
        const struct ww_event *event = ww_script_event(script, i);
        const struct ww_signal *all;
        struct gauge gauge[MOST_GAUGES];
        struct ww_spot spot;
        if (event->start_us < from_us || event->start_us >= to_us || event->signal < 0)
            continue;
        ww_signals_of(&city->things[event->thing], &all);
        const char *property = all[event->signal].property;
        if (event->kind == WW_EVENT_RIVER_WAVE && strcmp(property, "do") != 0 &&
            event->start_us < from_us + 10 * WW_DAY_US)
            trace_wave(&river, strcmp(property, "tp") == 0 ? &tp : &nh3n, event, tally);
        if (event->kind != WW_EVENT_DISCHARGE)
            continue;
        bool is_cod = strcmp(property, "cod") == 0, is_nh3n = strcmp(property, "nh3n") == 0;
        const char *site = outlet_site(&river, event->thing, &spot);
        bool two = site && gauges_below(&river, river.net, spot, gauge) >= 2;
        tally->discharges++;
        tally->on_water += site != NULL;
        tally->two_below += two;
        if (two && (is_cod || is_nh3n)) {
            tally->carried++;
            run_case(&river, is_cod ? &codmn : &nh3n, event, spot, site, n_ways, &draws,
                     is_cod ? tally->cod : tally->nh3n);
        }
        if (is_cod && i % 3 == 0)
            run_case(&river, &codmn, event, draw_place(&river, &draws), NULL, n_ways, &draws,
                     tally->unregistered);
    }
    free_history(&codmn);
    free_history(&nh3n);
    free_history(&tp);
    ww_script_free(script);
    free_river(&river);
    ww_city_free(city);
}

static double percent(uint32_t part, uint32_t whole) {
    return whole ? 100.0 * part / whole : NAN;
}

static void say(const char *name, const struct count *c) {
    static const char *const moments[] = {"in the end", "half an hour after the second gauge's peak"};
    uint32_t traced = c->cases - c->no_alert;
    if (c->cases == 0)
        return;
    printf("%s: %u cases, %u without an alert, %u within the second gauge's noise\n", name, c->cases,
           c->no_alert, c->unseen);
    for (enum moment m = 0; m < MOMENTS && traced > 0; m++)
        printf(
            "  %s: among the first three sources %u (%.1f %%), among the first three sites %u; in one of the "
            "first three stretches %u (%.1f %%); called a place %u times, rightly %u\n",
            moments[m], c->at[m].in_three, percent(c->at[m].in_three, traced), c->at[m].site_in_three,
            c->at[m].walked, percent(c->at[m].walked, traced), c->at[m].place, c->at[m].place_rightly);
}

static void list_places(void) {
    struct ww_city *city;
    struct river river;
    struct gauge gauge[MOST_GAUGES];
    struct ww_spot spot;
    assert(ww_city_new(&(struct ww_city_options){.seed = 1}, &city, NULL) == WW_OK);
    lay_river(&river, city);
    for (uint32_t i = 0; i < city->n_sites; i++)
        if (find_spot(&river, city->sites[i].place, &spot)) {
            uint32_t n = gauges_below(&river, river.net, spot, gauge);
            printf("%s on %s at %.0f m; gauges below:", city->sites[i].code, city->waterways[spot.reach].code,
                   spot.at_m);
            for (uint32_t k = 0; k < n; k++)
                printf(" %s (%.1f km)", city->things[gauge[k].thing].key,
                       gauge[k].tau_s * WW_TRACE_VELOCITY_MS / 1000);
            printf("\n");
        }
    free_river(&river);
    ww_city_free(city);
}

static void say_all(const struct tally *all, uint32_t n_ways) {
    printf("%u traces of scripted waves at R03: one of the first three sources above R01 in %u (%.1f %%), "
           "nothing said in %u\n",
           all->waves, all->waves_above, percent(all->waves_above, all->waves), all->waves_nothing);
    for (uint32_t way = 0; way < n_ways; way++) {
        static const char *const ways[] = {
            "as the server traces:", "steady gauges (no rain, drift or waves: noise and gaps):",
            "and discharges of 10 to 40 minutes:", "as the server traces, discharges of 10 to 40 minutes:"};
        printf("%s\n", ways[way]);
        say("  registered sites, COD", &all->cod[way]);
        say("  registered sites, NH3-N", &all->nh3n[way]);
        say("  unregistered places", &all->unregistered[way]);
    }
}

static uint32_t three_of(const struct tally *t) {
    return t->cod[0].at[IN_THE_END].in_three + t->nh3n[0].at[IN_THE_END].in_three;
}

int main(int argc, char **argv) {
    uint32_t days = argc > 1 ? (uint32_t)atoi(argv[1]) : 10, seeds = argc > 2 ? (uint32_t)atoi(argv[2]) : 10;
    uint32_t n_ways = argc > 3 ? (uint32_t)atoi(argv[3]) : WAYS;
    uint64_t first = argc > 4 ? (uint64_t)atoi(argv[4]) : 1;
    n_ways = n_ways < WAYS ? n_ways : WAYS;
    tells_misses = argc > 4;
    struct tally all = {0};
    list_places();
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct tally before = all;
        run_city(seed, days, n_ways, &all);
        printf(
            "seed %2d: %u discharges, %u at sites on the water, %u with two gauges below, %u of what gauges "
            "measure; three sources %u of %u, unregistered stretches %u of %u\n",
            (int)seed, all.discharges - before.discharges, all.on_water - before.on_water,
            all.two_below - before.two_below, all.carried - before.carried,
            three_of(&all) - three_of(&before),
            all.cod[0].cases + all.nh3n[0].cases - before.cod[0].cases - before.nh3n[0].cases,
            all.unregistered[0].at[0].walked - before.unregistered[0].at[0].walked,
            all.unregistered[0].cases - before.unregistered[0].cases);
        fflush(stdout);
    }
    say_all(&all, n_ways);
    return 0;
}
