/* Months of the simulated city through the judge, without a server or a database, scored against its script.
 *
 *   struct judged_city score;
 *   judge_city(seed, days_to_learn, days_to_score, &score);
 *
 * The judge, its rules (ingest/simulate/city_rules.c) and its actions are those of the server; limits are the
 * rows of signal.c, which are the ones in force. Included by one test and one bench.
 *
 * What counts (the script is the truth):
 *   found     an event that should alert has an alert about pollution at its thing, opened or joined between
 * its start and half an hour after its end, or open all along; its delay is from its start false     an alert
 * about pollution at a thing where no such event was from a day and a half before it (daily means) to its
 * clearing fault     a frozen or spiking series that has a sensor alert, or is named as a fault within
 * another alert false fault  a sensor alert, or a lead, at a thing where no fault of any kind was in the day
 * before
 */
#ifndef WW_TEST_JUDGED_CITY_H
#define WW_TEST_JUDGED_CITY_H

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "ingest/judge.h"
#include "ingest/simulate/city_data.h"
#include "ingest/simulate/script.h"

struct judged_city {
    uint64_t seed;
    uint32_t events, found, found_by_learning; /* the second: also, or only, by a detector that learns */
    double median_delay_intervals, median_delay_learning;
    uint32_t faults, faults_called;
    uint32_t alerts, false_alerts, false_faults, leads, joined, raised;
    uint32_t more_than_one; /* alerts about pollution beyond the first of one event, daily means left out */
    double ward_months;
    uint64_t readings;
    double cpu_s;
};

enum { JC_STEP_S = 300, JC_MOST_ALERTS = 100000 };
static const int64_t jc_start_us = INT64_C(1767196800) * WW_SECOND_US; /* 2026-01-01, 0 h in China */

struct jc_alert {
    int32_t rule;
    int64_t datastream, opened_us, cleared_us; /* INT64_MAX: open */
    char category;
    bool learns, daily;
    int64_t learned_us; /* when a detector that learns said so; INT64_MAX never */
    bool names_fault;
    int64_t fault_us;
    char why[120];
};

struct jc_run {
    struct ww_city *city;
    struct ww_script *script;
    struct ww_catalog *catalog;
    struct ww_judge *judge;
    uint32_t *first_series; /* of a thing: index of its first datastream */
    struct jc_alert *alerts;
    uint32_t n_alerts;
    uint64_t readings;
    struct judged_city *score;
};

static double jc_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t jc_property(struct ww_catalog *c, const char *code, const char *unit) {
    uint32_t known = ww_catalog_property(c, ww_str_of(code));
    if (known != WW_CATALOG_NONE)
        return known;
    assert(c->n_properties < 64);
    c->properties[c->n_properties] = (struct ww_cat_property){
        .id = (int32_t)c->n_properties + 1, .code = ww_str_of(code), .unit = ww_str_of(unit)};
    assert(ww_map_put(c->property_by_code, ww_str_of(code), c->n_properties) == WW_OK);
    return c->n_properties++;
}

static bool jc_is_judged(const struct ww_city_thing *thing) {
    return thing->class != WW_CITY_COMPLAINTS;
}

static uint32_t jc_ward_of(const struct ww_city *city, struct ww_place place) {
    uint32_t best = 0;
    double least = INFINITY;
    for (uint32_t i = 0; i < city->n_wards; i++) {
        struct ww_place seat = city->wards[i].seat;
        double d = hypot((seat.lon_deg - place.lon_deg) * 0.866, seat.lat_deg - place.lat_deg);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best + 1; /* cells are those of the nearest seat */
}

static void jc_make_catalog(struct jc_run *run) {
    struct ww_catalog *c = run->catalog = ww_catalog_new(1);
    struct ww_error err;
    c->properties = ww_must_calloc(64, sizeof *c->properties);
    c->feeds = ww_must_calloc(1, sizeof *c->feeds);
    c->n_feeds = 1;
    c->feeds[0] = (struct ww_cat_feed){.id = 1, .name = "city", .enabled = true};
    assert(
        ww_feed_config_parse(WW_STR("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
                             &c->feeds[0].config, &err) == WW_OK);
    run->first_series = ww_must_calloc(run->city->n_things, sizeof *run->first_series);
    for (uint32_t i = 0; i < run->city->n_things; i++) {
        const struct ww_city_thing *from = &run->city->things[i];
        const struct ww_signal *signals;
        uint32_t n = ww_signals_of(from, &signals);
        struct ww_cat_thing thing = {
            .id = 100 + i,
            .feed_id = 1,
            .ward_id = jc_ward_of(run->city, from->place),
            .raw = {from->place.lon_deg, from->place.lat_deg},
            .class_index = ww_catalog_name(c, ww_str_of(ww_city_class_info(from->class)->class_name)),
            .limit_class_index = ww_catalog_name(c, ww_str_of(from->limit_class))};
        uint32_t index = ww_catalog_add_thing(c, ww_str_of(from->key), &thing);
        run->first_series[i] = c->n_datastreams;
        for (uint32_t s = 0; s < n; s++)
            ww_catalog_add_datastream(
                c, &(struct ww_cat_datastream){
                       .id = c->n_datastreams + 1,
                       .thing = index,
                       .property = (uint16_t)jc_property(c, signals[s].property, signals[s].unit)});
    }
}

static bool jc_is_of_class(const struct ww_json_node *config, struct ww_str standard,
                           const struct ww_city_thing *thing) {
    struct ww_str class_name;
    return ww_json_as_str(ww_json_get(config, "thing_class"), &class_name) &&
           ww_str_is(class_name, ww_city_class_info(thing->class)->class_name) &&
           (thing->class != WW_CITY_PLANT ||
            ww_str_is(standard, "GB 18918-2002") == (strcmp(thing->limit_class, "wwtp.1A") == 0));
}

/* A rule's limits: what signal.c says is in force for each kind of thing. */
static void jc_add_limits(struct jc_run *run, const struct city_rule *rule, struct ww_arena *arena) {
    struct ww_json_node *config;
    struct ww_error err;
    struct ww_str property, standard, averaging;
    assert(ww_json_parse(arena, ww_str_of(rule->config), &config, &err) == WW_OK);
    assert(ww_json_as_str(ww_json_get(config, "property"), &property));
    assert(ww_json_as_str(ww_json_get(config, "standard"), &standard));
    assert(ww_json_as_str(ww_json_get(config, "averaging"), &averaging));
    for (uint32_t i = 0; i < run->city->n_things; i++) {
        const struct ww_city_thing *thing = &run->city->things[i];
        const struct ww_signal *signals;
        uint32_t n = ww_signals_of(thing, &signals);
        bool seen = false;
        for (uint32_t k = 0; k < i; k++)
            seen = seen || (run->city->things[k].class == thing->class &&
                            strcmp(run->city->things[k].limit_class, thing->limit_class) == 0);
        for (uint32_t s = 0; s < n && !seen; s++) {
            const struct ww_signal *signal = &signals[s];
            if (!jc_is_of_class(config, standard, thing) || !ww_str_is(property, signal->property) ||
                (signal->upper <= 0 && signal->lower <= 0))
                continue;
            bool is_noise = thing->class == WW_CITY_NOISE;
            for (int night = 0; night <= is_noise; night++) {
                struct ww_limit limit = {.id = 1,
                                         .lower = signal->lower > 0 ? signal->lower : -INFINITY,
                                         .upper = night               ? 50
                                                  : signal->upper > 0 ? signal->upper
                                                                      : INFINITY,
                                         .hour_from = (int16_t)(!is_noise ? 0
                                                                : night   ? 22
                                                                          : 6),
                                         .hour_to = (int16_t)(!is_noise ? 0
                                                              : night   ? 6
                                                                        : 22),
                                         .valid_from_us = INT64_MIN,
                                         .valid_to_us = INT64_MAX};
                ww_judge_add_limit(run->judge, &limit, ww_catalog_property(run->catalog, property), standard,
                                   ww_str_of(thing->limit_class), averaging, WW_STR("{}"));
            }
        }
    }
}

/* A limit rule's config as far as it chooses limits: up to "judge". */
static size_t jc_limit_part(struct ww_str config) {
    const char *judge = strstr(config.ptr, "\"judge\"");
    return judge ? (size_t)(judge - config.ptr) : config.len;
}

static void jc_make_judge(struct jc_run *run, const struct ww_zone *zone, struct ww_arena *arena) {
    run->judge = ww_judge_new();
    struct ww_str done[64 + 1] = {{"", 0}}; /* rules share limits */
    for (uint32_t r = 0; r < city_n_rules && r < 64; r++) {
        struct ww_str key = ww_str_of(city_rules[r].config);
        bool same = city_rules[r].detector != NULL;
        key.len = jc_limit_part(key);
        for (uint32_t k = 0; k < r; k++)
            same = same || ww_str_eq(done[k], key);
        done[r] = key;
        if (!same)
            jc_add_limits(run, &city_rules[r], arena);
    }
    for (uint32_t r = 0; r < city_n_rules; r++) {
        struct ww_error err;
        struct ww_rule_row row = {.id = (int32_t)r,
                                  .version = 1,
                                  .severity = city_rules[r].severity,
                                  .code = ww_str_of(city_rules[r].code),
                                  .detector =
                                      ww_str_of(city_rules[r].detector ? city_rules[r].detector : "limit"),
                                  .config = ww_str_of(city_rules[r].config)};
        if (ww_judge_add_rule(run->judge, run->catalog, &row, zone, &err) != WW_OK) {
            fprintf(stderr, "%s: %s\n", city_rules[r].code, err.message);
            abort();
        }
    }
    for (uint32_t i = 0; i < run->catalog->n_datastreams; i++)
        ww_judge_attach(run->judge, run->catalog, i);
}

/* ---- What the judge says ---- */

static int64_t jc_int(const struct ww_json_node *node, const char *key) {
    int64_t value = -1;
    (void)ww_json_as_i64(ww_json_get(node, key), &value);
    return value;
}

static struct jc_alert *jc_find_open(struct jc_run *run, int64_t rule, int64_t datastream) {
    for (uint32_t i = run->n_alerts; i-- > 0;)
        if (run->alerts[i].cleared_us == INT64_MAX && run->alerts[i].rule == rule &&
            run->alerts[i].datastream == datastream)
            return &run->alerts[i];
    return NULL;
}

static bool jc_is_sensor(const struct ww_json_node *reason) {
    struct ww_str category = WW_STR("");
    (void)ww_json_as_str(ww_json_get(reason, "category"), &category);
    return ww_str_is(category, "sensor");
}

static void jc_open(struct jc_run *run, const struct ww_json_node *a, int64_t now_us) {
    int64_t rule = jc_int(a, "rule"), datastream = jc_int(a, "datastream");
    const struct ww_json_node *takes = ww_json_get(a, "takes");
    struct jc_alert *alert =
        takes ? jc_find_open(run, jc_int(takes, "rule"), jc_int(takes, "datastream")) : NULL;
    struct ww_str category = WW_STR("pollution");
    (void)ww_json_as_str(ww_json_get(a, "category"), &category);
    bool learns = city_rules[rule].detector != NULL;
    run->score->raised += takes != NULL;
    assert(!takes || alert);
    assert(!jc_find_open(run, rule, datastream)); /* what the database's index would refuse */
    if (!alert) {
        assert(run->n_alerts < JC_MOST_ALERTS);
        alert = &run->alerts[run->n_alerts++];
        *alert = (struct jc_alert){.opened_us = now_us,
                                   .cleared_us = INT64_MAX,
                                   .category = category.ptr[0],
                                   .learned_us = learns ? now_us : INT64_MAX,
                                   .fault_us = INT64_MAX};
    }
    alert->rule = (int32_t)rule;
    alert->datastream = datastream;
    alert->learns = learns;
    alert->daily = strstr(city_rules[rule].code, "-day") != NULL;
    const struct ww_json_node *why = ww_json_get(a, "explanation");
    struct ww_str z = WW_STR(""), statistics = WW_STR("");
    if (ww_json_get(why, "z"))
        z = ww_json_get(why, "z")->text;
    if (ww_json_get(why, "statistics"))
        statistics = ww_json_get(why, "statistics")->text;
    snprintf(alert->why, sizeof alert->why, "z %.*s %.*s", WW_STR_ARG(z), WW_STR_ARG(statistics));
    const struct ww_json_node *reasons = ww_json_get(ww_json_get(a, "explanation"), "reasons");
    for (const struct ww_json_node *r = reasons ? reasons->child : NULL; r; r = r->next)
        if (jc_is_sensor(r)) {
            alert->names_fault = true;
            alert->fault_us = now_us;
        }
}

static void jc_take(struct jc_run *run, int64_t now_us) {
    struct ww_buf out;
    uint64_t opened, cleared;
    ww_buf_init(&out, (size_t)64 << 20);
    assert(ww_judge_take_actions(run->judge, &out, &opened, &cleared) == WW_OK);
    if (out.len > 0) {
        struct ww_arena *arena = ww_arena_new((size_t)64 << 20);
        struct ww_json_node *actions;
        struct ww_error err;
        assert(arena && ww_json_parse(arena, ww_buf_str(&out), &actions, &err) == WW_OK);
        for (const struct ww_json_node *a = actions->child; a; a = a->next) {
            struct ww_str op;
            assert(ww_json_as_str(ww_json_get(a, "op"), &op));
            if (ww_str_is(op, "open")) {
                jc_open(run, a, now_us);
                continue;
            }
            struct jc_alert *alert = jc_find_open(run, jc_int(a, "rule"), jc_int(a, "datastream"));
            assert(alert); /* whatever is told of is open */
            if (ww_str_is(op, "clear"))
                alert->cleared_us = now_us;
            if (!ww_str_is(op, "join"))
                continue;
            run->score->joined++;
            if (jc_is_sensor(ww_json_get(a, "reason"))) {
                alert->names_fault = true;
                alert->fault_us = alert->fault_us < now_us ? alert->fault_us : now_us;
            } else if (alert->learned_us == INT64_MAX) {
                alert->learned_us = now_us;
            }
        }
        ww_arena_free(arena);
    }
    ww_buf_clear(&out);
}

/* ---- Time goes by ---- */

static void jc_read(struct jc_run *run, uint32_t i, int64_t now_us) {
    const struct ww_city_thing *thing = &run->city->things[i];
    const int64_t step_us = JC_STEP_S * WW_SECOND_US;
    int64_t interval_us = thing->class == WW_CITY_AIR     ? WW_HOUR_US
                          : thing->class == WW_CITY_NOISE ? step_us
                                                          : 0;
    if (!jc_is_judged(thing) || (thing->class == WW_CITY_AIR && now_us % WW_HOUR_US != 0))
        return;
    struct ww_tick tick;
    const struct ww_signal *signals;
    uint32_t n = ww_signals_of(thing, &signals);
    ww_script_read(run->script, i, now_us - interval_us, &tick);
    for (uint32_t s = 0; s < n && !tick.missing; s++) {
        const struct ww_cat_datastream *ds = &run->catalog->datastreams[run->first_series[i] + s];
        struct ww_reading reading = {.time_us = now_us - interval_us,
                                     .interval_us = interval_us,
                                     .value = tick.value[s],
                                     .flag = tick.flag[s]};
        ww_judge_step(run->judge, ds, &reading, run->catalog->things[ds->thing].ward_id);
        run->readings++;
    }
}

static int64_t jc_step_of(const struct jc_run *run, uint32_t thing) {
    return run->city->things[thing].class == WW_CITY_AIR ? WW_HOUR_US : JC_STEP_S * WW_SECOND_US;
}

static uint32_t jc_thing_of(const struct jc_run *run, int64_t datastream) {
    return run->catalog->datastreams[datastream - 1].thing;
}

/* ---- Scores ---- */

static bool jc_is_told = false; /* prints what is false, for who looks into it */

static int jc_by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double jc_median(double *values, uint32_t n) {
    qsort(values, n, sizeof *values, jc_by_value);
    return n == 0 ? NAN : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool jc_overlaps(const struct jc_alert *a, int64_t from_us, int64_t to_us) {
    return a->opened_us <= to_us && a->cleared_us >= from_us;
}

static void jc_score_event(struct jc_run *run, const struct ww_event *e, double *delays, double *learned) {
    struct judged_city *score = run->score;
    int64_t step_us = jc_step_of(run, e->thing), until_us = e->end_us + WW_HOUR_US / 2 + step_us;
    int64_t first_us = INT64_MAX, first_learned_us = INT64_MAX;
    uint32_t n = 0;
    for (uint32_t i = 0; i < run->n_alerts; i++) {
        const struct jc_alert *a = &run->alerts[i];
        if (a->category != 'p' || jc_thing_of(run, a->datastream) != e->thing ||
            !jc_overlaps(a, e->start_us, until_us))
            continue;
        if (!a->daily) {
            first_us = a->opened_us < first_us ? a->opened_us : first_us;
            n += a->opened_us >= e->start_us;
        }
        first_learned_us = a->learned_us < first_learned_us ? a->learned_us : first_learned_us;
    }
    score->events++;
    /* A reading of an interval is there at its end: no detector can be sooner than that. */
    int64_t here_us = e->start_us + (run->city->things[e->thing].class == WW_CITY_AIR ? WW_HOUR_US : 0);
    if (first_us != INT64_MAX)
        delays[score->found++] = fmax(0, (double)(first_us - here_us) / (double)step_us);
    if (first_learned_us != INT64_MAX)
        learned[score->found_by_learning++] = fmax(0, (double)(first_learned_us - here_us) / (double)step_us);
    score->more_than_one += n > 1 ? n - 1 : 0;
    for (uint32_t i = 0; n > 1 && jc_is_told && i < run->n_alerts; i++) {
        const struct jc_alert *a = &run->alerts[i];
        if (a->category == 'p' && jc_thing_of(run, a->datastream) == e->thing && !a->daily &&
            jc_overlaps(a, e->start_us, until_us))
            printf("  twice: event %u kind %d signal %d; %s %s from %+.0f to %+.0f min of its start, %s\n",
                   e->id, (int)e->kind, e->signal, city_rules[a->rule].code, run->city->things[e->thing].key,
                   (double)(a->opened_us - e->start_us) / 6e7, (double)(a->cleared_us - e->start_us) / 6e7,
                   a->why);
    }
}

static void jc_score_fault(struct jc_run *run, const struct ww_event *e) {
    bool called = false;
    for (uint32_t i = 0; i < run->n_alerts; i++) {
        const struct jc_alert *a = &run->alerts[i];
        int64_t at_us = a->category == 's' ? a->opened_us : a->names_fault ? a->fault_us : INT64_MAX;
        called = called ||
                 (jc_thing_of(run, a->datastream) == e->thing && at_us >= e->start_us &&
                  at_us <= e->end_us + WW_HOUR_US / 2) ||
                 (a->category == 's' && jc_thing_of(run, a->datastream) == e->thing &&
                  jc_overlaps(a, e->start_us, e->end_us));
    }
    run->score->faults++;
    run->score->faults_called += called;
    if (!called && jc_is_told) {
        char at[40];
        ww_instant_text(e->start_us, at);
        printf("  not called: kind %d of %s from %s for %.0f min\n", (int)e->kind,
               run->city->things[e->thing].key, at, (double)(e->end_us - e->start_us) / 6e7);
    }
}

static bool jc_is_explained(const struct jc_run *run, const struct jc_alert *a) {
    for (uint32_t i = 0; i < ww_script_count(run->script); i++) {
        const struct ww_event *e = ww_script_event(run->script, i);
        int64_t before_us = a->daily ? 36 * WW_HOUR_US : WW_HOUR_US;
        bool right_kind = a->category == 'p' ? e->should_alert : true;
        before_us = a->category == 'p' ? before_us : WW_DAY_US;
        if (right_kind && e->thing == jc_thing_of(run, a->datastream) &&
            jc_overlaps(a, e->start_us, e->end_us + before_us))
            return true;
    }
    return false;
}

static void jc_score_alert(struct jc_run *run, const struct jc_alert *a) {
    bool is_false = !jc_is_explained(run, a);
    run->score->alerts += a->category == 'p';
    run->score->leads += a->category == 'l';
    run->score->false_alerts += a->category == 'p' && is_false;
    run->score->false_faults += a->category != 'p' && is_false;
    if (is_false && jc_is_told) {
        char at[40];
        ww_instant_text(a->opened_us, at);
        const struct ww_cat_datastream *ds = &run->catalog->datastreams[a->datastream - 1];
        printf("  false: %s %s %s at %s for %.0f min; %s\n", city_rules[a->rule].code,
               run->city->things[ds->thing].key, run->catalog->properties[ds->property].code.ptr, at,
               a->cleared_us == INT64_MAX ? -1 : (double)(a->cleared_us - a->opened_us) / 6e7, a->why);
    }
}

static void jc_score(struct jc_run *run, int64_t from_us, int64_t to_us) {
    double *delays = ww_must_calloc(ww_script_count(run->script) + 1, sizeof *delays);
    double *learned = ww_must_calloc(ww_script_count(run->script) + 1, sizeof *learned);
    for (uint32_t i = 0; i < ww_script_count(run->script); i++) {
        const struct ww_event *e = ww_script_event(run->script, i);
        if (e->start_us < from_us || e->end_us > to_us - 2 * WW_HOUR_US)
            continue;
        if (e->should_alert)
            jc_score_event(run, e, delays, learned);
        else if (e->kind == WW_EVENT_STUCK || e->kind == WW_EVENT_SPIKE)
            jc_score_fault(run, e);
    }
    for (uint32_t i = 0; i < run->n_alerts; i++)
        if (run->alerts[i].opened_us >= from_us)
            jc_score_alert(run, &run->alerts[i]);
    run->score->median_delay_intervals = jc_median(delays, run->score->found);
    run->score->median_delay_learning = jc_median(learned, run->score->found_by_learning);
    ww_free(delays);
    ww_free(learned);
}

static void judge_city(uint64_t seed, int days_to_learn, int days_to_score, struct judged_city *score) {
    struct jc_run run = {.score = score};
    struct ww_error err;
    struct ww_zone *zone;
    struct ww_arena *arena = ww_arena_new(16 << 20);
    *score = (struct judged_city){.seed = seed};
    assert(arena && ww_zone_open(WW_STR("Asia/Shanghai"), &zone, &err) == WW_OK);
    assert(ww_city_new(&(struct ww_city_options){.seed = seed}, &run.city, &err) == WW_OK);
    int64_t from_us = jc_start_us + days_to_learn * WW_DAY_US, to_us = from_us + days_to_score * WW_DAY_US;
    run.script = ww_script_new(run.city, &(struct ww_script_options){.history_us = jc_start_us,
                                                                     .live_us = to_us + WW_DAY_US,
                                                                     .brisk_us = INT64_MAX,
                                                                     .step_us = JC_STEP_S * WW_SECOND_US,
                                                                     .brisk_step_us = WW_SECOND_US});
    run.alerts = ww_must_calloc(JC_MOST_ALERTS, sizeof *run.alerts);
    jc_make_catalog(&run);
    jc_make_judge(&run, zone, arena);
    double began_s = jc_cpu_s();
    for (int64_t t = jc_start_us; t < to_us; t += JC_STEP_S * WW_SECOND_US) {
        ww_script_advance(run.script, t);
        for (uint32_t i = 0; i < run.city->n_things; i++)
            jc_read(&run, i, t);
        jc_take(&run, t);
    }
    score->cpu_s = jc_cpu_s() - began_s;
    score->readings = run.readings;
    score->ward_months = (double)run.city->n_wards * days_to_score / 30.44;
    jc_score(&run, from_us, to_us);
    ww_judge_free(run.judge);
    ww_catalog_free(run.catalog);
    ww_script_free(run.script);
    ww_city_free(run.city);
    ww_zone_close(zone);
    ww_arena_free(arena);
    ww_free(run.first_series);
    ww_free(run.alerts);
}

#endif
