/* Runs the detectors that learn (geo/detect) over each series that a rule of theirs is about.
 *
 * A *learned watch* is one rule in one series: the detector's state, and k of n of what it says. A reading is
 * a hit (as odd as the rule asks for), calm (in order), or neither (too young to judge, calibration). Enough
 * hits raise a signal, enough calm readings end it; silence does neither. What a signal becomes, an alert or
 * a reason of one, judge_events.c says.
 *
 * By the time of measurement, as with limits: a reading that is not newer than the last of its series is
 * judged by nobody here and teaches nothing, since the state has gone past it; a correction too. Replayed in
 * the order in which they came, the same readings give the same state.
 *
 * How false alarms a sensor-month become a threshold: a baseline says how often a row as odd comes by chance
 * (months, from the series' own past), and rows count that are rarer than one in 1 / rate months. A
 * neighbour's residual has a probability a reading; k of n such by chance are C(n, k) p^k, so p follows.
 */
#include <math.h>
#include <stdlib.h>

#include "ingest/judge_internal.h"

static const double month_s = 30.44 * 86400;
static const double least_neighbour_surprise = 2.3; /* what geo/detect/neighbour.c calls large */
static const double area_past = 40;

enum {
    REPLAY_MOST = 4032,   /* two weeks of five minutes */
    REPLAY_LEAST = 200,   /* of very many series: all are old enough to judge, and no more */
    REPLAY_ALL = 3000000, /* readings that a start reads, all series together */
    MARKS_EVERY = 256     /* readings between looks at flags */
};

/* ---- k of n ---- */

enum move { STAYS, FIRES, GOES_ON, CLEARS };

static int count_of(uint32_t bits, uint8_t n) {
    return __builtin_popcount(bits & ((1u << n) - 1));
}

static enum move step_firing(const struct ww_learned_config *c, struct firing *f, const struct finding *find,
                             int64_t time_us) {
    if (!find->judged)
        return STAYS;
    if (find->hit && count_of(f->hits, c->fire_n) == 0)
        f->hit_since_us = time_us;
    if (find->hit)
        f->calm_since_us = WW_INSTANT_NONE;
    else if (find->calm && f->calm_since_us == WW_INSTANT_NONE)
        f->calm_since_us = time_us;
    f->hits = f->hits << 1 | find->hit;
    f->calms = f->calms << 1 | find->calm;
    if (!f->open && find->hit && count_of(f->hits, c->fire_n) >= c->fire_k &&
        time_us - f->hit_since_us >= c->fire_for_us) {
        f->open = true;
        return FIRES;
    }
    if (f->open && find->calm && count_of(f->calms, c->clear_n) >= c->clear_k &&
        time_us - f->calm_since_us >= c->clear_for_us) {
        f->open = false;
        return CLEARS;
    }
    return f->open && find->hit ? GOES_ON : STAYS;
}

/* ---- Detectors ---- */

static const struct rule_row *rule_of(const struct ww_judge *j, const struct learned_watch *w) {
    return &j->rules[w->rule];
}

static bool flag_counts(const struct ww_learned_config *c, char flag) {
    return flag != '\0' && strchr(c->flags, flag);
}

static void look_baseline(const struct rule_row *rule, struct learned_watch *w,
                          const struct ww_reading *reading, struct finding *f) {
    const struct ww_learned_config *c = &rule->learned;
    const struct ww_baseline_params params = {
        .zone = rule->zone, .accept_us = c->new_normal_us, .accept_readings = 12};
    struct ww_baseline_verdict *v = &f->baseline;
    ww_baseline_step(&params, w->baseline, reading, v);
    f->judged = v->kind == WW_BASELINE_JUDGED;
    f->expected = v->expected;
    f->lower = v->lower;
    f->upper = v->upper;
    f->false_alarms = v->months > 0 ? 1 / v->months : NAN;
    bool lasts = !(v->reasons & (WW_BASELINE_RECENT | WW_BASELINE_SEASON));
    int side = lasts ? v->shift_sign : v->z < 0 ? -1 : 1;
    bool odd = v->months * c->false_alarms_per_month >= 1;
    bool inside = v->observed >= v->lower && v->observed <= v->upper;
    f->hit = f->judged && odd && (!inside || c->small_shifts) && (c->side == 0 || c->side == side);
    f->calm = f->judged && !f->hit && inside;
}

/* p a reading, in -log10, at which k of the last n happen by chance once in 1 / rate months. */
static double surprise_wanted(const struct ww_learned_config *c, double usual_s) {
    double ways = 1;
    for (int i = 0; i < c->fire_k; i++)
        ways = ways * (c->fire_n - i) / (i + 1);
    double readings = month_s / (usual_s > 0 ? usual_s : 3600);
    double wanted = log10(readings * ways / c->false_alarms_per_month) / c->fire_k;
    return wanted > least_neighbour_surprise ? wanted : least_neighbour_surprise;
}

static double false_alarms_of(const struct ww_learned_config *c, double surprise, double usual_s) {
    double ways = 1;
    for (int i = 0; i < c->fire_k; i++)
        ways = ways * (c->fire_n - i) / (i + 1);
    return month_s / (usual_s > 0 ? usual_s : 3600) * ways * pow(10, -surprise * c->fire_k);
}

static void note_votes(const struct neighbour_watch *own, const struct ww_votes *votes, struct finding *f) {
    f->neighbour.n_votes = (int)own->n_links;
    for (uint32_t k = 0; k < own->n_links; k++) {
        f->neighbour.votes[k].watch = own->links.index[k];
        f->neighbour.votes[k].distance_m = own->links.distance_m[k];
        f->neighbour.votes[k].weight = votes->weight[k];
        f->neighbour.votes[k].z = votes->z[k];
        f->neighbour.votes[k].intervals = votes->intervals[k];
    }
}

/* How far this one and its neighbours are off their usual in the same direction. */
static double together_of(const struct ww_neighbour_verdict *v) {
    return v->z * v->median > 0 ? log1p(fmin(fabs(v->z), fabs(v->median))) : 0;
}

static void look_neighbour(struct ww_judge *j, struct learned_watch *w, const struct ww_reading *reading,
                           struct finding *f) {
    const struct ww_learned_config *c = &rule_of(j, w)->learned;
    struct neighbour_watch *own = w->neighbour;
    struct ww_voice *voice = &j->voices[w - j->learned];
    struct ww_votes votes;
    struct ww_neighbour_verdict *v = &f->neighbour.verdict;
    ww_neighbour_ask(&own->links, j->voices, reading->time_us, &votes);
    note_votes(own, &votes, f);
    const struct ww_neighbour before = own->state;
    ww_neighbour_step(&own->state, reading->value, &votes, v);
    ww_voice_speak(voice, &own->state, v->z, reading->time_us);
    ww_links_learn(&own->links, &votes, (double)voice->z);
    f->judged = v->kind >= WW_NEIGHBOUR_NORMAL;
    if (!f->judged)
        return;
    double sd = 1.2533 * (double)before.dev, off = v->z - v->median - (double)before.bias;
    double band = v->residual != 0 ? 3 * fabs(off / v->residual) * sd : NAN;
    f->expected = (double)before.origin + (double)before.level + sd * (v->median + (double)before.bias);
    f->lower = f->expected - band;
    f->upper = f->expected + band;
    double together = together_of(v), usual_s = (double)voice->usual_s;
    f->neighbour.area_surprise = ww_tail_surprise(&own->area_tail, together, area_past);
    double surprise = c->area ? f->neighbour.area_surprise : v->surprise;
    double wanted = surprise_wanted(c, usual_s);
    bool is_fault = v->kind == WW_NEIGHBOUR_FAULT || v->kind == WW_NEIGHBOUR_DEAD;
    int side = (c->area ? v->median : v->residual) < 0 ? -1 : 1;
    f->hit = (c->area ? v->kind == WW_NEIGHBOUR_AREA_EVENT : is_fault) && surprise >= wanted &&
             (c->side == 0 || c->side == side);
    f->calm = !f->hit && v->kind == WW_NEIGHBOUR_NORMAL && surprise < wanted;
    f->false_alarms = false_alarms_of(c, surprise, usual_s);
    if (!f->hit)
        ww_tail_step(&own->area_tail, together, own->n_area++);
}

static void look_quality(struct ww_judge *j, struct learned_watch *w, const struct ww_reading *reading,
                         struct finding *f) {
    struct rule_row *rule = &j->rules[w->rule];
    struct quality_watch *own = w->quality;
    struct ww_quality_verdict *v = &f->quality;
    const struct ww_quality_params params = {rule->learned.least, rule->learned.most, own->limit};
    bool is_marked = reading->flag != 'N' && reading->flag != '\0';
    uint32_t n_before = own->state.n;
    ww_quality_step(&params, &own->state, reading, WW_INSTANT_NONE, v);
    rule->n_seen++;
    rule->n_marked += is_marked;
    if (w->n % MARKS_EVERY == 0) {
        double marked = (double)rule->n_marked - own->state.marked;
        double others = (double)rule->n_seen - own->state.n - own->state.marked;
        own->never_marked = others > 0 && ww_quality_never_marked(&own->state, marked / others);
    }
    if (own->never_marked && own->state.marked == 0)
        v->signs |= WW_QUALITY_FLAG;
    v->signs &= rule->learned.signs;
    f->judged = !is_marked && n_before >= 10;
    f->hit = f->judged && v->signs;
    f->calm = f->judged && !v->signs;
    if (v->signs & WW_QUALITY_SPIKE) {
        f->observed = v->spike_value;
        f->at_us = v->spike_time_us;
    }
    if (v->signs & WW_QUALITY_RANGE) {
        f->lower = params.least;
        f->upper = params.most;
    }
}

static bool look_at(struct ww_judge *j, struct learned_watch *w, const struct ww_reading *reading,
                    struct finding *f) {
    const struct rule_row *rule = rule_of(j, w);
    bool is_quality = rule->learned.detector == WW_LEARNED_QUALITY;
    if (w->n > 0 && reading->time_us <= w->firing.last_us)
        return false; /* late, or a correction */
    if (!is_quality && !flag_counts(&rule->learned, reading->flag))
        return false;
    *f = (struct finding){.at_us = reading->time_us,
                          .observed = reading->value,
                          .expected = NAN,
                          .lower = NAN,
                          .upper = NAN,
                          .false_alarms = NAN};
    if (w->n == 0)
        w->since_us = reading->time_us;
    w->n++;
    w->firing.last_us = reading->time_us;
    if (is_quality)
        look_quality(j, w, reading, f);
    else if (rule->learned.detector == WW_LEARNED_NEIGHBOUR)
        look_neighbour(j, w, reading, f);
    else
        look_baseline(rule, w, reading, f);
    return true;
}

/* ---- Setting up ---- */

/* The limit that readings might be kept just below: that of the thing's class, the lowest if there are
 * several. */
static double limit_at(const struct ww_judge *j, const struct rule_row *rule,
                       const struct ww_cat_datastream *ds) {
    double limit = rule->learned.limit;
    struct ww_str limit_class = j->catalog->names[j->catalog->things[ds->thing].limit_class_index];
    for (uint32_t i = 0; isnan(rule->learned.limit) && i < j->n_limits; i++) {
        const struct limit_row *row = &j->limits[i];
        if (row->property == ds->property && ww_str_eq(row->limit_class, limit_class) &&
            isfinite(row->limit.upper) && !(row->limit.upper >= limit))
            limit = row->limit.upper;
    }
    return limit;
}

void learned_attach(struct ww_judge *j, uint32_t rule_index, uint32_t datastream, uint32_t *first) {
    const struct rule_row *rule = &j->rules[rule_index];
    struct learned_watch w = {.rule = rule_index,
                              .datastream = datastream,
                              .next = *first,
                              .event = NO_EVENT,
                              .firing = {.calm_since_us = WW_INSTANT_NONE}};
    switch (rule->learned.detector) {
    case WW_LEARNED_BASELINE:
        w.baseline = ww_arena_calloc(j->arena, 1, sizeof *w.baseline);
        assert(w.baseline);
        ww_baseline_init(w.baseline);
        break;
    case WW_LEARNED_NEIGHBOUR:
        w.neighbour = ww_arena_calloc(j->arena, 1, sizeof *w.neighbour);
        assert(w.neighbour);
        ww_neighbour_init(&w.neighbour->state);
        ww_links_init(&w.neighbour->links);
        w.neighbour->area_tail = ww_tail_of(0.7, 0.2);
        j->neighbours_stale = true;
        break;
    case WW_LEARNED_QUALITY:
        w.quality = ww_arena_calloc(j->arena, 1, sizeof *w.quality);
        assert(w.quality);
        ww_quality_init(&w.quality->state);
        w.quality->limit = limit_at(j, rule, &j->catalog->datastreams[datastream]);
        break;
    }
    *first = j->n_learned;
    PUSH(j->learned, j->n_learned, j->cap_learned, w);
    struct ww_voice voice;
    ww_voice_init(&voice);
    PUSH(j->voices, j->n_voices, j->cap_voices, voice);
    inherit_state(j, *first);
}

/* ---- Rebuilding ---- */

uint32_t learned_memory(const struct ww_judge *j, const struct ww_cat_datastream *ds) {
    bool needs_past = false;
    for (uint32_t i = ds->first_learned; i != WW_CATALOG_NONE; i = j->learned[i].next)
        needs_past = needs_past || !j->learned[i].inherited;
    return needs_past ? ww_judge_learned_memory(j) : 0;
}

void ww_judge_set_learned_memory(struct ww_judge *j, uint32_t readings) {
    j->learned_memory = readings;
}

uint32_t ww_judge_learned_memory(const struct ww_judge *j) {
    if (j->learned_memory > 0)
        return j->learned_memory;
    uint32_t each = REPLAY_ALL / (j->n_learned ? j->n_learned : 1);
    return each > REPLAY_MOST ? REPLAY_MOST : each < REPLAY_LEAST ? REPLAY_LEAST : each;
}

static int by_time(const void *a, const void *b) {
    const struct replayed *x = a;
    const struct replayed *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Series are replayed one after the other; neighbours must hear each other at the same time. */
static void keep_for_later(struct ww_judge *j, uint32_t watch, const struct ww_reading *reading) {
    struct replayed r = {reading->time_us, reading->value, watch, j->n_replayed};
    if (flag_counts(&j->rules[j->learned[watch].rule].learned, reading->flag))
        PUSH(j->replayed, j->n_replayed, j->cap_replayed, r);
}

static void replay_neighbours(struct ww_judge *j) {
    qsort(j->replayed, j->n_replayed, sizeof *j->replayed, by_time);
    for (uint32_t i = 0; i < j->n_replayed; i++) {
        struct learned_watch *w = &j->learned[j->replayed[i].watch];
        struct ww_reading reading = {.time_us = j->replayed[i].time_us,
                                     .value = j->replayed[i].value,
                                     .flag = rule_of(j, w)->learned.flags[0]};
        struct finding f;
        if (look_at(j, w, &reading, &f))
            (void)step_firing(&rule_of(j, w)->learned, &w->firing, &f, reading.time_us);
    }
    ww_free(j->replayed);
    j->replayed = NULL;
    j->n_replayed = j->cap_replayed = 0;
}

void learned_end_replay(struct ww_judge *j) {
    inherit_end(j);
    if (j->neighbours_stale)
        neighbours_find(j);
    if (j->n_replayed > 0)
        replay_neighbours(j);
    for (uint32_t i = 0; i < j->n_learned; i++)
        j->learned[i].firing.open = j->learned[i].muted; /* open alerts are told next */
}

bool ww_judge_set_muted(struct ww_judge *j, const struct ww_cat_datastream *ds, int32_t rule_id,
                        int64_t count, double peak_value) {
    for (uint32_t i = ds->first_learned; i != WW_CATALOG_NONE; i = j->learned[i].next)
        if (rule_of(j, &j->learned[i])->id == rule_id) {
            if (j->learned[i].muted) /* inherited, and it knows more */
                return true;
            j->learned[i].firing.open = j->learned[i].muted = true;
            j->learned[i].figures = (struct figures){.count = count, .peak = peak_value, .last = peak_value};
            return true;
        }
    return false;
}

bool learned_set_open(struct ww_judge *j, const struct ww_cat_datastream *ds, int32_t rule_id,
                      const struct figures *figures) {
    for (uint32_t i = ds->first_learned; i != WW_CATALOG_NONE; i = j->learned[i].next) {
        struct learned_watch *w = &j->learned[i];
        if (rule_of(j, w)->id != rule_id)
            continue;
        j->n_open += !w->firing.open;
        w->firing.open = true;
        w->figures = *figures;
        w->ward = j->catalog->things[ds->thing].ward_id;
        if (w->event == NO_EVENT)
            w->event = events_open(j, false, i, w->datastream, w->ward, explain_category(rule_of(j, w)));
        return true;
    }
    return false;
}

/* ---- Signals ---- */

void learned_note_hit(struct learned_watch *w, const struct finding *f) {
    double off = isnan(f->expected) ? fabs(f->observed) : fabs(f->observed - f->expected);
    if (w->figures.count == 0 || off >= w->peak_off) {
        w->peak_off = off;
        w->figures.peak = f->observed;
        w->figures.peak_at_us = f->at_us;
    }
    w->figures.count++;
    w->figures.last = f->observed;
    w->figures.last_at_us = f->at_us;
}

static void open_own(struct ww_judge *j, struct learned_watch *w, const struct finding *f) {
    const struct rule_row *rule = rule_of(j, w);
    const struct ww_cat_datastream *ds = &j->catalog->datastreams[w->datastream];
    uint32_t index = (uint32_t)(w - j->learned);
    w->figures.open_number = (uint32_t)++j->opened;
    w->figures.open_group = j->group;
    w->figures.dirty = false;
    j->n_open++;
    w->event = events_open(j, false, index, w->datastream, w->ward, explain_category(rule));
    if (judge_is_full(j))
        return;
    struct ww_json json;
    judge_begin_action(j, "open", rule->id, ds->id, &w->figures, &json);
    ww_json_key(&json, "number");
    ww_json_int(&json, w->figures.open_number);
    ww_json_key(&json, "version");
    ww_json_int(&json, rule->version);
    ww_json_key(&json, "severity");
    ww_json_int(&json, rule->severity);
    judge_write_ward(w->ward, &json);
    ww_json_key(&json, "category");
    ww_json_text(&json, ww_learned_category(&rule->learned));
    ww_json_key(&json, "detector");
    ww_json_text(&json, ww_learned_detector_name(rule->learned.detector));
    ww_json_key(&json, "property");
    ww_json_str(&json, j->catalog->properties[ds->property].code);
    judge_instant(&json, "at", f->at_us);
    explain_finding(j, w, f, &json);
    ww_json_end_object(&json);
}

/* Whose alert the event's is: rule and datastream, and the number of its opening when that was in this group.
 */
static const struct figures *owner_of(const struct ww_judge *j, const struct event *e, int32_t *rule_id,
                                      int64_t *datastream_id) {
    *datastream_id = j->catalog->datastreams[e->datastream].id;
    if (e->by_limit) {
        const struct watch *w = &j->watches[e->owner];
        *rule_id = j->rules[j->compiled[w->compiled].rule].id;
        return &w->figures;
    }
    *rule_id = j->rules[j->learned[e->owner].rule].id;
    return &j->learned[e->owner].figures;
}

static void join_event(struct ww_judge *j, struct learned_watch *w, uint32_t event, const struct finding *f) {
    struct event *e = &j->events[event];
    int32_t rule_id;
    int64_t datastream_id;
    const struct figures *figures = owner_of(j, e, &rule_id, &datastream_id);
    events_join(j, event, (uint32_t)(w - j->learned));
    e->n_active += explain_category(rule_of(j, w)) == e->category;
    if (judge_is_full(j))
        return;
    j->opened++; /* an event is written for it: it counts as a move */
    struct ww_json json;
    judge_begin_action(j, "join", rule_id, datastream_id, figures, &json);
    if (figures->open_group == j->group) {
        ww_json_key(&json, "of");
        ww_json_int(&json, figures->open_number);
    }
    judge_instant(&json, "at", f->at_us);
    explain_reason(j, w, f, "reason", &json);
    ww_json_end_object(&json);
}

static void signal_fires(struct ww_judge *j, struct learned_watch *w, const struct finding *f,
                         uint32_t ward) {
    if (w->event != NO_EVENT) { /* its event goes on because of others */
        j->events[w->event].n_active++;
        learned_note_hit(w, f);
        return;
    }
    w->ward = ward;
    w->figures = (struct figures){.count = 0};
    w->peak_off = 0;
    learned_note_hit(w, f);
    w->figures.count = count_of(w->firing.hits, rule_of(j, w)->learned.fire_n); /* those before it too */
    uint32_t event = events_of_signal(j, w, explain_category(rule_of(j, w)));
    if (event == NO_EVENT)
        open_own(j, w, f);
    else
        join_event(j, w, event, f);
}

/* What is muted is told when the reason is over, if it still goes on then. */
static void signal_may_fire(struct ww_judge *j, struct learned_watch *w, const struct finding *f,
                            int64_t at_us, uint32_t ward) {
    if (w->event == NO_EVENT && mute_holds(j, w, f, at_us, ward))
        return;
    if (w->muted)
        mute_end(j, w, at_us, true);
    signal_fires(j, w, f, ward);
}

static void signal_goes_on(struct ww_judge *j, struct learned_watch *w, const struct finding *f) {
    learned_note_hit(w, f);
    const struct event *e = w->event == NO_EVENT ? NULL : &j->events[w->event];
    if (!e || e->by_limit || e->owner != (uint32_t)(w - j->learned) || w->figures.dirty)
        return;
    w->figures.dirty = true;
    PUSH(j->dirty_learned, j->n_dirty_learned, j->cap_dirty_learned, e->owner);
}

static void clear_own(struct ww_judge *j, uint32_t event, const struct finding *f) {
    const struct event *e = &j->events[event];
    struct learned_watch *owner = &j->learned[e->owner];
    owner->figures.last = e->datastream == owner->datastream ? f->observed : owner->figures.last;
    owner->figures.dirty = false;
    j->cleared++;
    j->n_open--;
    if (!judge_is_full(j)) {
        struct ww_json json;
        judge_begin_action(j, "clear", rule_of(j, owner)->id, j->catalog->datastreams[e->datastream].id,
                           &owner->figures, &json);
        judge_instant(&json, "at", f->at_us);
        if (owner->figures.open_group == j->group) {
            ww_json_key(&json, "of");
            ww_json_int(&json, owner->figures.open_number);
        }
        ww_json_end_object(&json);
    }
    events_close(j, event);
}

static void signal_clears(struct ww_judge *j, struct learned_watch *w, const struct finding *f) {
    if (w->event == NO_EVENT)
        return;
    struct event *e = &j->events[w->event];
    bool counts = explain_category(rule_of(j, w)) == e->category;
    bool is_owner = !e->by_limit && e->owner == (uint32_t)(w - j->learned);
    if (counts && e->n_active > 0)
        e->n_active--;
    if (!e->by_limit && e->n_active == 0)
        clear_own(j, w->event, f);
    else if (!is_owner)
        events_leave(j, (uint32_t)(w - j->learned));
}

void learned_event_over(struct ww_judge *j, uint32_t event) {
    const struct event *e = &j->events[event];
    if (!e->by_limit)
        j->learned[e->owner].event = NO_EVENT;
    for (uint32_t i = e->first_joined; i != NO_EVENT; i = j->learned[i].next_joined) {
        struct learned_watch *w = &j->learned[i];
        w->event = NO_EVENT;
        if (explain_category(rule_of(j, w)) != e->category)
            w->firing.open =
                false; /* a sensor that is still broken tells so by itself, with its next reading */
    }
}

void learned_expect(const struct ww_judge *j, const struct ww_cat_datastream *ds) {
    for (uint32_t i = ds->first_learned; i != WW_CATALOG_NONE; i = j->learned[i].next) {
        const struct learned_watch *w = &j->learned[i];
        switch (rule_of(j, w)->learned.detector) {
        case WW_LEARNED_BASELINE:
            ww_baseline_fetch(w->baseline);
            break;
        case WW_LEARNED_NEIGHBOUR:
            ww_neighbour_fetch(&w->neighbour->state, &w->neighbour->links);
            break;
        case WW_LEARNED_QUALITY:
            ww_quality_fetch(&w->quality->state);
            break;
        }
    }
}

void learned_step(struct ww_judge *j, const struct ww_cat_datastream *ds, const struct ww_reading *reading,
                  uint32_t ward_id, bool is_replay) {
    if (ds->first_learned != WW_CATALOG_NONE && j->neighbours_stale && !is_replay)
        neighbours_find(j);
    for (uint32_t i = ds->first_learned; i != WW_CATALOG_NONE; i = j->learned[i].next) {
        struct learned_watch *w = &j->learned[i];
        const struct ww_learned_config *c = &rule_of(j, w)->learned;
        struct finding f;
        if (is_replay && w->inherited)
            continue;
        if (is_replay && c->detector == WW_LEARNED_NEIGHBOUR) {
            keep_for_later(j, i, reading);
            continue;
        }
        if (!look_at(j, w, reading, &f))
            continue;
        enum move move = step_firing(c, &w->firing, &f, reading->time_us);
        if (is_replay || move == STAYS)
            continue;
        if (w->muted && move == CLEARS)
            mute_end(j, w, reading->time_us, false);
        else if (w->muted || move == FIRES)
            signal_may_fire(j, w, &f, reading->time_us, ward_id);
        else if (move == GOES_ON)
            signal_goes_on(j, w, &f);
        else
            signal_clears(j, w, &f);
    }
}

void learned_write_updates(struct ww_judge *j) {
    for (uint32_t i = 0; i < j->n_dirty_learned; i++) {
        struct learned_watch *w = &j->learned[j->dirty_learned[i]];
        if (!w->figures.dirty)
            continue;
        struct ww_json json;
        judge_begin_action(j, "update", rule_of(j, w)->id, j->catalog->datastreams[w->datastream].id,
                           &w->figures, &json);
        ww_json_end_object(&json);
        w->figures.dirty = false;
    }
    j->n_dirty_learned = 0;
}
