/* Watches: one detector state for each (rule, datastream), and the actions that they cause. */
#include <math.h>
#include <stdlib.h>

#include "geo/base/log.h"
#include "ingest/judge_internal.h"

enum { JUDGE_CEILING = 64 << 20, ACTIONS_CEILING = 48 << 20 };

struct ww_judge *ww_judge_new(void) {
    struct ww_judge *j = ww_must_calloc(1, sizeof *j);
    j->arena = ww_arena_new(JUDGE_CEILING * (size_t)16);
    assert(j->arena);
    ww_buf_init(&j->actions, ACTIONS_CEILING);
    j->group = 1;
    j->mutes = ww_mutes_new();
    events_init(j);
    return j;
}

void ww_judge_free(struct ww_judge *j) {
    if (!j)
        return;
    inherit_end(j);
    ww_mutes_free(j->mutes);
    ww_buf_clear(&j->actions);
    ww_free(j->dirty);
    ww_free(j->limits);
    ww_free(j->rules);
    ww_free(j->compiled);
    ww_free(j->watches);
    ww_free(j->learned);
    ww_free(j->voices);
    ww_free(j->replayed);
    ww_free(j->events);
    ww_free(j->dirty_learned);
    ww_arena_free(j->arena);
    ww_free(j);
}

/* ---- Setting up ---- */

void ww_judge_add_limit(struct ww_judge *j, const struct ww_limit *limit, uint32_t property,
                        struct ww_str standard_no, struct ww_str limit_class, struct ww_str averaging,
                        struct ww_str json) {
    struct limit_row row = {*limit,
                            property,
                            ww_arena_copy(j->arena, standard_no),
                            ww_arena_copy(j->arena, limit_class),
                            ww_arena_copy(j->arena, averaging),
                            ww_arena_copy(j->arena, json)};
    PUSH(j->limits, j->n_limits, j->cap_limits, row);
}

enum ww_status ww_judge_add_rule(struct ww_judge *j, const struct ww_catalog *catalog,
                                 const struct ww_rule_row *rule, const struct ww_zone *zone,
                                 struct ww_error *err) {
    struct rule_row row = {
        .id = rule->id, .version = rule->version, .severity = rule->severity, .zone = zone};
    row.code = ww_arena_copy(j->arena, rule->code);
    row.config_json = ww_arena_copy(j->arena, rule->config);
    const struct ww_rule_kind *kind = ww_rule_kind_find(rule->detector);
    if (kind && kind->engine == WW_ENGINE_LEARNED) {
        row.learns = true;
        enum ww_status parsed = ww_learned_config_parse(j->arena, ww_learned_detector_find(kind->detector),
                                                        row.config_json, &row.learned, err);
        if (parsed == WW_OK) {
            PUSH(j->rules, j->n_rules, j->cap_rules, row);
            ww_mutes_add_rule(j->mutes, row.id, &row.learned.mute);
        }
        return parsed;
    }
    enum ww_status st = ww_rule_config_parse(j->arena, row.config_json, &row.config, err);
    if (st != WW_OK)
        return st;
    row.property = ww_catalog_property(catalog, row.config.property);
    if (row.property == WW_CATALOG_NONE) {
        ww_error_set(err, WW_NOT_FOUND, "the rule names a property that is not there");
        ww_error_at_field(err, WW_STR("property"), row.config.property);
        return WW_NOT_FOUND;
    }
    PUSH(j->rules, j->n_rules, j->cap_rules, row);
    return WW_OK;
}

/* "GB 3095" stands for all editions ("GB 3095-2012", "GB 3095-2026"). */
static bool standard_fits(struct ww_str wanted, struct ww_str standard_no) {
    return ww_str_starts(standard_no, wanted) &&
           (standard_no.len == wanted.len || standard_no.ptr[wanted.len] == '-');
}

static int by_valid_from(const void *a, const void *b) {
    const struct limit_row *const *x = a;
    const struct limit_row *const *y = b;
    int64_t from_x = (*x)->limit.valid_from_us;
    int64_t from_y = (*y)->limit.valid_from_us;
    return from_x < from_y ? -1 : from_x > from_y;
}

/* Collects the limits of a rule for one limit class; WW_CATALOG_NONE when there are none. */
static uint32_t compile(struct ww_judge *j, uint32_t rule_index, struct ww_str limit_class) {
    for (uint32_t i = 0; i < j->n_compiled; i++)
        if (j->compiled[i].rule == rule_index && ww_str_eq(j->compiled[i].limit_class, limit_class))
            return j->compiled[i].detector.n_limits > 0 ? i : WW_CATALOG_NONE;

    const struct rule_row *rule = &j->rules[rule_index];
    const struct limit_row **found = ww_must_calloc(j->n_limits ? j->n_limits : 1, sizeof *found);
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->n_limits; i++) {
        const struct limit_row *l = &j->limits[i];
        if (l->property == rule->property && ww_str_eq(l->limit_class, limit_class) &&
            ww_str_eq(l->averaging, rule->config.averaging) &&
            standard_fits(rule->config.standard, l->standard_no))
            found[n++] = l;
    }
    qsort(found, n, sizeof *found, by_valid_from);

    struct ww_limit *limits = ww_arena_calloc(j->arena, n, sizeof *limits);
    struct ww_str *json = ww_arena_calloc(j->arena, n, sizeof *json);
    assert(limits && json);
    for (uint32_t i = 0; i < n; i++) {
        limits[i] = found[i]->limit;
        json[i] = found[i]->json;
    }
    ww_free(found);
    const struct ww_rule_config *config = &rule->config;
    struct compiled fresh = {.rule = rule_index,
                             .limit_class = ww_arena_copy(j->arena, limit_class),
                             .limit_json = json,
                             .detector = {.limits = limits,
                                          .n_limits = n,
                                          .fire_k = config->fire_k,
                                          .fire_n = config->fire_n,
                                          .clear_k = config->clear_k,
                                          .clear_n = config->clear_n,
                                          .clear_ratio = config->clear_ratio,
                                          .bucket_us = config->bucket_us,
                                          .min_coverage = config->min_coverage,
                                          .expected_step_us = config->expected_step_us,
                                          .zone = rule->zone}};
    memcpy(fresh.detector.valid_flags, config->flags, sizeof fresh.detector.valid_flags);
    struct ww_error err;
    if (n > 0 && ww_limit_rule_check(&fresh.detector, &err) != WW_OK) {
        ww_log(WW_LOG_ERROR, "rule=%.*s limit_class=%.*s field=%s reason=\"%s\"; it is not judged there",
               WW_STR_ARG(rule->code), WW_STR_ARG(limit_class), err.field, err.message);
        fresh.detector.n_limits = n = 0;
    }
    PUSH(j->compiled, j->n_compiled, j->cap_compiled, fresh);
    return n > 0 ? j->n_compiled - 1 : WW_CATALOG_NONE;
}

void ww_judge_attach(struct ww_judge *j, struct ww_catalog *catalog, uint32_t datastream) {
    struct ww_cat_datastream *ds = &catalog->datastreams[datastream];
    const struct ww_cat_thing *thing = &catalog->things[ds->thing];
    j->catalog = catalog;
    ww_mutes_attach(j->mutes, catalog, datastream);
    for (uint32_t r = 0; r < j->n_rules; r++) {
        const struct rule_row *rule = &j->rules[r];
        if (rule->is_off)
            continue;
        if (rule->learns) {
            if (ww_rule_scope_holds(&rule->learned.scope, catalog, ds))
                learned_attach(j, r, datastream, &ds->first_learned);
            continue;
        }
        if (rule->property != ds->property || rule->config.statistic != ds->statistic ||
            rule->config.interval_s != ds->interval_s)
            continue;
        if (rule->config.thing_class.len > 0 &&
            !ww_str_eq(rule->config.thing_class, catalog->names[thing->class_index]))
            continue;
        struct ww_str limit_class = rule->config.limit_class.len > 0
                                        ? rule->config.limit_class
                                        : catalog->names[thing->limit_class_index];
        uint32_t compiled = compile(j, r, limit_class);
        if (compiled == WW_CATALOG_NONE)
            continue;
        struct watch w = {.datastream_id = ds->id,
                          .datastream = datastream,
                          .compiled = compiled,
                          .next = ds->first_watch,
                          .event = NO_EVENT};
        w.state = ww_arena_alloc(j->arena, ww_limit_state_size(&j->compiled[compiled].detector));
        assert(w.state);
        ww_limit_state_init(w.state);
        ds->first_watch = j->n_watches;
        PUSH(j->watches, j->n_watches, j->cap_watches, w);
    }
}

/* ---- Rebuilding ---- */

bool ww_judge_memory(const struct ww_judge *j, const struct ww_cat_datastream *ds, uint32_t *readings,
                     int64_t *span_us, char flags[16]) {
    *readings = 0;
    *span_us = 0;
    flags[0] = '\0';
    for (uint32_t i = ds->first_watch; i != WW_CATALOG_NONE; i = j->watches[i].next) {
        const struct ww_limit_rule *rule = &j->compiled[j->watches[i].compiled].detector;
        uint32_t n;
        int64_t span;
        ww_limit_rule_memory(rule, &n, &span);
        if (rule->bucket_us > 0 && span / rule->expected_step_us > n) /* where there are gaps, further back */
            n = (uint32_t)(span / rule->expected_step_us);
        *readings = n > *readings ? n : *readings;
        *span_us = span > *span_us ? span : *span_us;
        for (const char *f = rule->valid_flags; *f; f++) {
            size_t known = strlen(flags);
            if (strchr(flags, *f) || known == 15)
                continue;
            flags[known] = *f;
            flags[known + 1] = '\0';
        }
    }
    if (ds->first_learned != WW_CATALOG_NONE) {
        uint32_t n = learned_memory(j, ds);
        *readings = n > *readings ? n : *readings;
        if (!strchr(flags, 'N') && strlen(flags) < 15)
            strcat(flags, "N");
    }
    int64_t rain_us = ww_mutes_memory(j->mutes, ds);
    if (rain_us > 0) {
        *readings = *readings > 0 ? *readings : 1;
        *span_us = rain_us > *span_us ? rain_us : *span_us;
        if (!strchr(flags, 'N') && strlen(flags) < 15)
            strcat(flags, "N");
    }
    return ds->first_watch != WW_CATALOG_NONE || *readings > 0;
}

void ww_judge_replay(struct ww_judge *j, const struct ww_cat_datastream *ds, const struct ww_reading *reading,
                     int64_t cut_us) {
    for (uint32_t i = ds->first_watch; i != WW_CATALOG_NONE; i = j->watches[i].next) {
        const struct ww_limit_rule *rule = &j->compiled[j->watches[i].compiled].detector;
        bool is_cut = cut_us != WW_INSTANT_NONE && rule->bucket_us > 0 &&
                      ww_instant_bucket(reading->time_us, rule->bucket_us, rule->zone) ==
                          ww_instant_bucket(cut_us, rule->bucket_us, rule->zone);
        if (!is_cut)
            (void)ww_limit_step(rule, j->watches[i].state, reading, NULL);
    }
    ww_mutes_step(j->mutes, ds, reading);
    learned_step(j, ds, reading, WW_WARD_NONE, true);
}

void ww_judge_end_replay(struct ww_judge *j) {
    for (uint32_t i = 0; i < j->n_watches; i++)
        j->watches[i].state->open = false;
    learned_end_replay(j);
    j->n_open = 0;
}

bool ww_judge_set_open(struct ww_judge *j, const struct ww_cat_datastream *ds, int32_t rule_id,
                       int64_t exceed_count, double peak_value, int64_t peak_at_us,
                       int64_t last_exceeded_at_us) {
    const struct figures figures = {.count = exceed_count,
                                    .peak = peak_value,
                                    .peak_at_us = peak_at_us,
                                    .last_at_us = last_exceeded_at_us};
    for (uint32_t i = ds->first_watch; i != WW_CATALOG_NONE; i = j->watches[i].next) {
        struct watch *w = &j->watches[i];
        if (j->rules[j->compiled[w->compiled].rule].id != rule_id)
            continue;
        j->n_open += !w->state->open;
        w->state->open = true;
        w->figures = figures;
        if (w->event == NO_EVENT)
            w->event = events_open(j, true, i, w->datastream, j->catalog->things[ds->thing].ward_id, 'p');
        return true;
    }
    return learned_set_open(j, ds, rule_id, &figures);
}

/* ---- Judging ---- */

void judge_instant(struct ww_json *json, const char *key, int64_t at_us) {
    char text[40];
    ww_instant_text(at_us, text);
    ww_json_key(json, key);
    ww_json_text(json, text);
}

void judge_write_rule(const struct rule_row *rule, struct ww_json *json) {
    ww_json_key(json, "rule");
    ww_json_object(json);
    ww_json_key(json, "code");
    ww_json_str(json, rule->code);
    ww_json_key(json, "version");
    ww_json_int(json, rule->version);
    ww_json_key(json, "config");
    ww_json_raw(json, rule->config_json);
    ww_json_end_object(json);
}

void judge_write_ward(uint32_t ward_id, struct ww_json *json) {
    ww_json_key(json, "ward");
    if (ward_id == WW_WARD_NONE)
        ww_json_null(json);
    else
        ww_json_int(json, ward_id);
}

/* The exceedance as the first of the reasons of an event that others see too. */
static void write_limit_reason(const struct rule_row *rule, int64_t datastream_id,
                               const struct ww_limit *limit, const struct ww_limit_sample *fired,
                               struct ww_json *json) {
    ww_json_object(json);
    ww_json_key(json, "detector");
    ww_json_text(json, "limit");
    ww_json_key(json, "rule");
    ww_json_str(json, rule->code);
    ww_json_key(json, "datastream");
    ww_json_int(json, datastream_id);
    judge_instant(json, "at", fired->time_us);
    ww_json_key(json, "observed");
    ww_json_double(json, fired->value);
    ww_json_key(json, "lower");
    isfinite(limit->lower) ? ww_json_double(json, limit->lower) : ww_json_null(json);
    ww_json_key(json, "upper");
    isfinite(limit->upper) ? ww_json_double(json, limit->upper) : ww_json_null(json);
    ww_json_end_object(json);
}

/* A broken sensor beside it: said, so that people look there first, and nothing else. */
static void write_fault_reason(const struct ww_judge *j, uint32_t event, struct ww_json *json) {
    const struct learned_watch *fault = &j->learned[j->events[event].owner];
    ww_json_object(json);
    ww_json_key(json, "detector");
    ww_json_text(json, ww_learned_detector_name(j->rules[fault->rule].learned.detector));
    ww_json_key(json, "rule");
    ww_json_str(json, j->rules[fault->rule].code);
    ww_json_key(json, "datastream");
    ww_json_int(json, j->catalog->datastreams[fault->datastream].id);
    ww_json_key(json, "category");
    ww_json_text(json, "sensor");
    judge_instant(json, "at", fault->figures.last_at_us);
    ww_json_key(json, "explains");
    ww_json_bool(json, true);
    ww_json_end_object(json);
}

/* What was exceeded, and by what: enough for somebody else to compute it again. */
static void write_explanation(const struct ww_judge *j, const struct watch *w,
                              const struct ww_limit_sample *fired, bool has_others, uint32_t fault,
                              struct ww_json *json) {
    const struct compiled *c = &j->compiled[w->compiled];
    const struct rule_row *rule = &j->rules[c->rule];
    ww_json_key(json, "explanation");
    ww_json_object(json);
    ww_json_key(json, "method");
    ww_json_text(json, "limit, k of n");
    judge_write_rule(rule, json);
    ww_json_key(json, "judged");
    ww_json_text(json, c->detector.bucket_us > 0 ? "mean" : "reading");
    ww_json_key(json, "limit");
    ww_json_raw(json, c->limit_json[fired->limit_index]);
    ww_json_key(json, "window");
    ww_json_array(json);
    for (int i = 0; i < w->state->n_window; i++) {
        const struct ww_limit_sample *s = &w->state->window[i];
        ww_json_object(json);
        judge_instant(json, "time", s->time_us);
        ww_json_key(json, "value");
        ww_json_double(json, s->value);
        ww_json_key(json, "exceeds");
        ww_json_bool(json, s->exceeds);
        ww_json_key(json, "limit_id");
        ww_json_int(json, s->limit_index >= 0 ? c->detector.limits[s->limit_index].id : 0);
        ww_json_end_object(json);
    }
    ww_json_end_array(json);
    if (has_others || fault != NO_EVENT) {
        ww_json_key(json, "reasons");
        ww_json_array(json);
        write_limit_reason(rule, w->datastream_id, &c->detector.limits[fired->limit_index], fired, json);
        if (fault != NO_EVENT)
            write_fault_reason(j, fault, json);
        ww_json_end_array(json);
    }
    ww_json_end_object(json);
}

bool judge_is_full(const struct ww_judge *j) {
    return j->opened + j->cleared + j->n_mutes > WW_JUDGE_MOST_MOVES;
}

void judge_begin_action(struct ww_judge *j, const char *op, int32_t rule_id, int64_t datastream_id,
                        const struct figures *f, struct ww_json *json) {
    if (j->actions.len > 0)
        ww_buf_char(&j->actions, ',');
    ww_json_init(json, &j->actions);
    ww_json_object(json);
    ww_json_key(json, "op");
    ww_json_text(json, op);
    ww_json_key(json, "rule");
    ww_json_int(json, rule_id);
    ww_json_key(json, "datastream");
    ww_json_int(json, datastream_id);
    ww_json_key(json, "count");
    ww_json_int(json, f->count);
    ww_json_key(json, "last");
    ww_json_double(json, f->last);
    ww_json_key(json, "peak");
    ww_json_double(json, f->peak);
    judge_instant(json, "peak_at", f->peak_at_us);
    judge_instant(json, "last_at", f->last_at_us);
}

static void begin_action(struct ww_judge *j, const struct watch *w, const char *op, struct ww_json *json) {
    judge_begin_action(j, op, j->rules[j->compiled[w->compiled].rule].id, w->datastream_id, &w->figures,
                       json);
}

/* Further beyond the limit than before, on the side where it was passed. */
static bool is_worse(const struct ww_limit *limit, double value, double than) {
    return value < limit->lower ? value < than : value > than;
}

static void note_exceedance(struct watch *w, const struct ww_limit *limits, const struct ww_limit_sample *s) {
    if (w->figures.count == 0 || is_worse(&limits[s->limit_index], s->value, w->figures.peak)) {
        w->figures.peak = s->value;
        w->figures.peak_at_us = s->time_us;
    }
    w->figures.count++;
    w->figures.last = s->value;
    w->figures.last_at_us = s->time_us;
}

/* The alert of a detector that learns becomes this exceedance's; without one the exceedance has its own. */
static void take_event(struct ww_judge *j, struct watch *w, uint32_t raised, uint32_t ward_id) {
    uint32_t index = (uint32_t)(w - j->watches);
    if (raised == NO_EVENT) {
        w->event = events_open(j, true, index, w->datastream, ward_id, 'p');
        return;
    }
    struct event *e = &j->events[raised];
    j->learned[e->owner].figures.dirty = false;
    events_join(j, raised, e->owner);
    e->by_limit = true;
    e->owner = index;
    e->datastream = w->datastream;
    w->event = raised;
}

static void open_alert(struct ww_judge *j, struct watch *w, const struct ww_limit_sample *fired,
                       uint32_t ward_id) {
    const struct compiled *c = &j->compiled[w->compiled];
    const struct rule_row *rule = &j->rules[c->rule];
    w->figures.count = 0;
    for (int i = 0; i < w->state->n_window; i++)
        if (w->state->window[i].exceeds)
            note_exceedance(w, c->detector.limits, &w->state->window[i]);
    w->figures.dirty = false;
    w->figures.open_number = (uint32_t)++j->opened;
    w->figures.open_group = j->group;
    uint32_t raised = events_to_raise(j, w->datastream, ward_id), fault = events_fault_at(j, w->datastream);
    const struct learned_watch *taken = raised == NO_EVENT ? NULL : &j->learned[j->events[raised].owner];
    j->n_open += raised == NO_EVENT;
    take_event(j, w, raised, ward_id);
    if (judge_is_full(j))
        return;
    struct ww_json json;
    begin_action(j, w, "open", &json);
    if (taken) {
        ww_json_key(&json, "takes");
        ww_json_object(&json);
        ww_json_key(&json, "rule");
        ww_json_int(&json, j->rules[taken->rule].id);
        ww_json_key(&json, "datastream");
        ww_json_int(&json, j->catalog->datastreams[taken->datastream].id);
        ww_json_end_object(&json);
    }
    ww_json_key(&json, "number");
    ww_json_int(&json, w->figures.open_number);
    ww_json_key(&json, "version");
    ww_json_int(&json, rule->version);
    ww_json_key(&json, "severity");
    ww_json_int(&json, rule->severity);
    judge_write_ward(ward_id, &json);
    ww_json_key(&json, "limit");
    ww_json_int(&json, c->detector.limits[fired->limit_index].id);
    judge_instant(&json, "at", fired->time_us);
    write_explanation(j, w, fired, taken != NULL, fault, &json);
    ww_json_end_object(&json);
}

static void clear_alert(struct ww_judge *j, struct watch *w, const struct ww_limit_sample *s) {
    w->figures.last = s->value;
    w->figures.dirty = false;
    j->cleared++;
    j->n_open--;
    if (w->event != NO_EVENT)
        events_close(j, w->event);
    w->event = NO_EVENT;
    if (judge_is_full(j))
        return;
    struct ww_json json;
    begin_action(j, w, "clear", &json);
    judge_instant(&json, "at", s->time_us);
    if (w->figures.open_group == j->group) { /* both in one transaction: the alert is written once, closed */
        ww_json_key(&json, "of");
        ww_json_int(&json, w->figures.open_number);
    }
    ww_json_end_object(&json);
}

void ww_judge_expect(const struct ww_judge *j, const struct ww_cat_datastream *ds) {
    learned_expect(j, ds);
}

void ww_judge_step(struct ww_judge *j, const struct ww_cat_datastream *ds, const struct ww_reading *reading,
                   uint32_t ward_id) {
    for (uint32_t i = ds->first_watch; i != WW_CATALOG_NONE; i = j->watches[i].next) {
        struct watch *w = &j->watches[i];
        const struct compiled *c = &j->compiled[w->compiled];
        struct ww_limit_sample sample;
        switch (ww_limit_step(&c->detector, w->state, reading, &sample)) {
        case WW_LIMIT_NOTHING:
            break;
        case WW_LIMIT_FIRED:
            open_alert(j, w, &sample, ward_id);
            break;
        case WW_LIMIT_CONTINUES:
            note_exceedance(w, c->detector.limits, &sample);
            if (!w->figures.dirty) {
                w->figures.dirty = true;
                PUSH(j->dirty, j->n_dirty, j->cap_dirty, i);
            }
            break;
        case WW_LIMIT_CLEARED:
            clear_alert(j, w, &sample);
            break;
        }
    }
    learned_step(j, ds, reading, ward_id, false);
}

static void write_updates(struct ww_judge *j) {
    for (uint32_t i = 0; i < j->n_dirty; i++) {
        struct watch *w = &j->watches[j->dirty[i]];
        if (!w->figures.dirty) /* cleared since, or told twice */
            continue;
        struct ww_json json;
        begin_action(j, w, "update", &json);
        ww_json_end_object(&json);
        w->figures.dirty = false;
    }
    j->n_dirty = 0;
    learned_write_updates(j);
}

enum ww_status ww_judge_take_actions(struct ww_judge *j, struct ww_buf *out, uint64_t *opened,
                                     uint64_t *cleared) {
    bool too_many = judge_is_full(j);
    write_updates(j);
    *opened = j->opened;
    *cleared = j->cleared;
    j->opened = j->cleared = j->n_mutes = 0;
    j->group++;
    enum ww_status st = too_many ? WW_TOO_LARGE : ww_buf_status(&j->actions);
    if (st == WW_OK && j->actions.len > 0) {
        ww_buf_char(out, '[');
        ww_buf_str_add(out, ww_buf_str(&j->actions));
        ww_buf_char(out, ']');
        st = ww_buf_status(out);
    }
    ww_buf_reset(&j->actions);
    return st;
}

bool ww_judge_compares_series(const struct ww_judge *j) {
    return j->n_learned > 0; /* signals of one event, too, become one alert by who comes first */
}

struct ww_mutes *ww_judge_mutes(struct ww_judge *j) {
    return j->mutes;
}

void ww_judge_take_muted(struct ww_judge *j, uint64_t muted[WW_MUTE_REASONS]) {
    memcpy(muted, j->muted, sizeof j->muted);
    memset(j->muted, 0, sizeof j->muted);
}

uint32_t ww_judge_rule_count(const struct ww_judge *j) {
    return j->n_rules;
}

uint32_t ww_judge_open_count(const struct ww_judge *j) {
    return j->n_open;
}
