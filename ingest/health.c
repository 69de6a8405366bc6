/* What is known of every thing and feed: rules, attaching to a catalog, and noting what was committed. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/health_internal.h"

enum { RULES_MEMORY = 1 << 20, ACTIONS_CEILING = 48 << 20 };

/* ---- Rules ---- */

struct ww_health_rules *ww_health_rules_new(void) {
    struct ww_health_rules *rules = ww_must_calloc(1, sizeof *rules);
    rules->arena = ww_arena_new(RULES_MEMORY);
    assert(rules->arena);
    return rules;
}

void ww_health_rules_free(struct ww_health_rules *rules) {
    if (!rules)
        return;
    ww_arena_free(rules->arena);
    ww_free(rules);
}

enum ww_status ww_health_add_rule(struct ww_health_rules *rules, enum ww_sensor_detector detector, int32_t id,
                                  int32_t version, int severity, struct ww_str code, struct ww_str config,
                                  struct ww_error *err) {
    if (rules->n == WW_HEALTH_RULES)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d rules about senders", WW_HEALTH_RULES);
    struct health_rule *r = &rules->rules[rules->n];
    *r = (struct health_rule){.id = id, .version = version, .severity = severity};
    r->code = ww_arena_copy(rules->arena, code);
    r->config = ww_arena_copy(rules->arena, config);
    if (!r->code.ptr || !r->config.ptr)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for rules about senders");
    enum ww_status st = ww_sensor_rule_parse(rules->arena, detector, r->config, &r->how, err);
    if (st == WW_OK)
        rules->n++;
    return st;
}

uint32_t ww_health_rule_count(const struct ww_health_rules *rules) {
    return rules->n;
}

/* ---- Life ---- */

struct ww_health *ww_health_new(void) {
    struct ww_health *h = ww_must_calloc(1, sizeof *h);
    h->due = ww_must_calloc(MOST_DUE, sizeof *h->due);
    h->queue = ww_must_calloc(MOST_QUEUED, sizeof *h->queue);
    ww_buf_init(&h->actions, ACTIONS_CEILING);
    return h;
}

void ww_health_free(struct ww_health *h) {
    if (!h)
        return;
    ww_map_free(h->thing_by_id);
    ww_buf_clear(&h->actions);
    ww_free(h->things);
    ww_free(h->feeds);
    ww_free(h->due);
    ww_free(h->queue);
    ww_free(h);
}

/* ---- Attaching ---- */

static struct ww_str id_key(const int64_t *id) {
    return (struct ww_str){(const char *)id, sizeof *id};
}

uint32_t health_find_thing(const struct ww_health *h, int64_t id) {
    uint64_t index;
    return h->thing_by_id && ww_map_get(h->thing_by_id, id_key(&id), &index) ? (uint32_t)index
                                                                             : WW_CATALOG_NONE;
}

struct health_feed *health_find_feed(const struct ww_health *h, int32_t id) {
    for (uint32_t i = 0; i < h->n_feeds; i++)
        if (h->feeds[i].id == id)
            return &h->feeds[i];
    return NULL;
}

static bool fits(const struct ww_str wanted, struct ww_str is) {
    return wanted.len == 0 || ww_str_eq(wanted, is);
}

/* Of what is switched off, or could not be read, nobody expects a word. */
static bool is_expected(const struct ww_health *h, const struct health_thing *t) {
    return t->feed < h->n_feeds && h->catalog->feeds[t->feed].enabled;
}

static uint32_t rules_of_thing(const struct ww_health *h, const struct ww_cat_thing *thing, uint32_t feed) {
    uint32_t mask = 0;
    for (uint32_t r = 0; r < h->rules->n; r++) {
        const struct ww_sensor_rule *how = &h->rules->rules[r].how;
        if (how->property.len == 0 && fits(how->feed, ww_str_of(h->feeds[feed].name)) &&
            fits(how->thing_class, h->catalog->names[thing->class_index]))
            mask |= 1u << r;
    }
    return mask;
}

/* Rules about a property watch what has a datastream of it. */
static void add_rules_of_datastreams(struct ww_health *h) {
    const struct ww_catalog *c = h->catalog;
    for (uint32_t r = 0; r < h->rules->n; r++) {
        const struct ww_sensor_rule *how = &h->rules->rules[r].how;
        uint32_t property = how->property.len > 0 ? ww_catalog_property(c, how->property) : WW_CATALOG_NONE;
        for (uint32_t i = 0; property != WW_CATALOG_NONE && i < c->n_datastreams; i++) {
            if (c->datastreams[i].property != property)
                continue;
            struct health_thing *t = &h->things[c->datastreams[i].thing];
            if (is_expected(h, t) && fits(how->feed, ww_str_of(h->feeds[t->feed].name)) &&
                fits(how->thing_class, c->names[c->things[c->datastreams[i].thing].class_index]))
                t->rules |= 1u << r;
        }
    }
}

static uint32_t feed_index(const struct ww_catalog *c, int32_t id) {
    for (uint32_t i = 0; i < c->n_feeds; i++)
        if (c->feeds[i].id == id)
            return i;
    return WW_CATALOG_NONE;
}

static void init_thing(struct health_thing *t, const struct ww_cat_thing *thing) {
    memset(t, 0, sizeof *t);
    ww_health_clock_init(&t->clock);
    t->id = thing->id;
    t->silent_since_us = t->drift_since_us = WW_INSTANT_NONE;
    t->expected_s = 0;
    t->completeness = NAN;
    t->spacing_s = HEALTH_MOST_SPACING_S;
}

/* What the operator says is expected of it: the nearest word counts. */
static void configure_thing(struct ww_health *h, uint32_t index) {
    const struct ww_cat_thing *thing = &h->catalog->things[index];
    struct health_thing *t = &h->things[index];
    uint32_t feed = feed_index(h->catalog, thing->feed_id);
    t->feed = feed == WW_CATALOG_NONE ? h->n_feeds : feed;
    t->configured_s = (float)thing->expected_step_s;
    t->configured_from = thing->expected_step_s == 0        ? FROM_NOTHING
                         : thing->expected_is_of_datastream ? FROM_DATASTREAM
                                                            : FROM_THING;
    int32_t of_feed =
        feed == WW_CATALOG_NONE ? 0 : ww_feed_config_expected_step_s(h->catalog->feeds[feed].config);
    if (t->configured_s == 0 && of_feed > 0) {
        t->configured_s = (float)of_feed;
        t->configured_from = FROM_FEED;
    }
    t->rules = is_expected(h, t) ? rules_of_thing(h, thing, feed) : 0;
    t->heard = true; /* to be looked at anew */
}

/* The shortest interval that a station's record names. */
static int32_t step_of_station(const struct ww_hj212_station *s) {
    int32_t step = s->n_expects == 0 ? (s->set_rtd_interval      ? s->rtd_interval_s
                                        : s->set_minute_interval ? s->minute_interval_s
                                                                 : 0)
                                     : 0;
    for (uint32_t i = 0; i < s->n_expects; i++) {
        int32_t its = s->expects[i] == 2011   ? s->rtd_interval_s
                      : s->expects[i] == 2051 ? s->minute_interval_s
                      : s->expects[i] == 2061 ? 3600
                      : s->expects[i] == 2031 ? 86400
                                              : 0;
        if (its > 0 && (step == 0 || its < step))
            step = its;
    }
    return step;
}

static void configure_stations(struct ww_health *h) {
    const struct ww_hj212_stations *stations = h->catalog->stations;
    for (uint32_t i = 0; i < ww_hj212_station_count(stations); i++) {
        const struct ww_hj212_station *s = ww_hj212_station_at(stations, i);
        int32_t step = step_of_station(s);
        uint32_t index = ww_catalog_thing(h->catalog, s->feed_id, s->mn);
        if (index == WW_CATALOG_NONE)
            continue;
        struct health_thing *t = &h->things[index];
        if (step > 0 && (t->configured_from == FROM_NOTHING || t->configured_from == FROM_FEED)) {
            t->configured_s = (float)step;
            t->configured_from = FROM_STATION;
        }
        if (!s->enabled)
            t->rules = 0; /* nobody expects it to speak */
    }
}

static void attach_feeds(struct ww_health *h) {
    struct health_feed *old = h->feeds;
    uint32_t n_old = h->n_feeds;
    h->n_feeds = h->catalog->n_feeds;
    h->feeds =
        ww_must_calloc(h->n_feeds + 1, sizeof *h->feeds); /* one more: for things of feeds that are off */
    for (uint32_t i = 0; i < h->n_feeds; i++) {
        struct health_feed *f = &h->feeds[i];
        const struct ww_cat_feed *feed = &h->catalog->feeds[i];
        *f = (struct health_feed){.last_received_us = WW_INSTANT_NONE,
                                  .last_time_us = WW_INSTANT_NONE,
                                  .silent_since_us = WW_INSTANT_NONE,
                                  .grace_us = WW_INSTANT_NONE,
                                  .lag_s = NAN,
                                  .completeness = NAN,
                                  .drift_s = NAN};
        for (uint32_t k = 0; k < n_old; k++)
            if (old[k].id == feed->id)
                *f = old[k];
        f->id = feed->id;
        snprintf(f->name, sizeof f->name, "%s", feed->name);
    }
    ww_free(old);
}

static void index_thing(struct ww_health *h, uint32_t i) {
    enum ww_status st = ww_map_put(h->thing_by_id, id_key(&h->things[i].id), i);
    assert(st == WW_OK);
    (void)st;
}

void ww_health_attach(struct ww_health *h, const struct ww_catalog *catalog,
                      const struct ww_health_rules *rules) {
    struct health_thing *old = h->things;
    struct ww_map *old_by_id = h->thing_by_id;
    h->catalog = catalog;
    h->rules = rules;
    attach_feeds(h);
    h->n_things = catalog->n_things;
    h->cap_things = h->n_things + 64;
    h->things = ww_must_calloc(h->cap_things, sizeof *h->things);
    h->thing_by_id = ww_map_new(h->cap_things);
    for (uint32_t i = 0; i < h->n_things; i++) {
        struct health_thing *t = &h->things[i];
        uint64_t before;
        if (old_by_id && ww_map_get(old_by_id, id_key(&catalog->things[i].id), &before))
            *t = old[before];
        else
            init_thing(t, &catalog->things[i]);
        t->is_queued = false;
        configure_thing(h, i);
        index_thing(h, i);
    }
    add_rules_of_datastreams(h);
    configure_stations(h);
    ww_free(old);
    ww_map_free(old_by_id);
    h->n_queued = h->n_due = h->at = 0;
    for (uint32_t i = 0; i < h->n_feeds; i++)
        memset(h->feeds[i].tally, 0, sizeof h->feeds[i].tally);
    ww_health_forget_alerts(h);
}

void ww_health_grow(struct ww_health *h) {
    const struct ww_catalog *c = h->catalog;
    if (c->n_things > h->cap_things) {
        h->cap_things = c->n_things * 2;
        h->things = ww_try_realloc(h->things, h->cap_things * sizeof *h->things);
        assert(h->things);
    }
    for (; h->n_things < c->n_things; h->n_things++) {
        init_thing(&h->things[h->n_things], &c->things[h->n_things]);
        configure_thing(h, h->n_things);
        index_thing(h, h->n_things);
    }
    add_rules_of_datastreams(h);
    configure_stations(h);
}

bool ww_health_watches(const struct ww_health *h, uint32_t thing) {
    return h->things[thing].rules != 0;
}

/* ---- Noting what was committed ---- */

static void note_clock(struct health_thing *t, int64_t received_us, int64_t sender_us, int64_t time_us) {
    int64_t spacing_us = (int64_t)(t->spacing_s * (float)WW_SECOND_US);
    if (sender_us != WW_INSTANT_NONE)
        ww_health_note_offset(&t->clock, received_us, sender_us - received_us, spacing_us, WW_DRIFT_CLOCK);
    else if (t->clock.drift_from == WW_DRIFT_PHENOMENON || time_us > received_us)
        ww_health_note_offset(&t->clock, received_us, time_us > received_us ? time_us - received_us : 0,
                              spacing_us, WW_DRIFT_PHENOMENON);
}

static struct health_thing *begin_thing(struct ww_health *h, uint32_t index,
                                        const struct ww_health_message *m, int64_t time_us) {
    struct health_thing *t = &h->things[index];
    if (t->clock.last_received_us != m->received_us) { /* else: it has been, by a row before */
        ww_health_note_message(&t->clock, m->received_us);
        note_clock(t, m->received_us, m->batch->sender_time_us, time_us);
    }
    t->heard = t->dirty = true;
    return t;
}

static void note_dead_things(struct ww_health *h, const struct ww_health_message *m) {
    for (uint32_t i = 0; i < m->located->n_dead_things; i++) {
        const struct ww_dead_thing *dead = &m->located->dead_things[i];
        struct health_thing *t = begin_thing(h, dead->thing, m, dead->time_us);
        t->dead += dead->n_rows;
    }
}

void ww_health_note(struct ww_health *h, const struct ww_health_message *m) {
    struct health_feed *f = &h->feeds[m->feed];
    const struct ww_located *l = m->located;
    const struct ww_cat_datastream *datastreams = h->catalog->datastreams;
    int64_t newest_us = f->last_time_us;
    for (uint32_t i = 0; i < l->n_rows; i++) {
        int64_t time_us = m->batch->time_us[l->row[i]];
        struct health_thing *t = begin_thing(h, datastreams[l->datastream[i]].thing, m, time_us);
        enum ww_row_outcome outcome = m->outcome ? (enum ww_row_outcome)m->outcome[i] : WW_ROW_STORED;
        newest_us = time_us > newest_us ? time_us : newest_us;
        if (outcome == WW_ROW_DUPLICATE) {
            t->duplicates++;
            f->duplicates++;
            continue;
        }
        t->stored++;
        f->stored++;
        if (outcome == WW_ROW_CORRECTED) {
            t->corrections++;
            f->corrections++;
        } else {
            ww_health_note_reading(&t->clock, m->received_us, time_us, m->batch->interval_s[l->row[i]]);
        }
    }
    note_dead_things(h, m);
    f->dead += m->dead;
    f->last_time_us = newest_us;
    if (f->last_received_us == WW_INSTANT_NONE || m->received_us > f->last_received_us)
        f->last_received_us = m->received_us;
    f->dirty = true;
}

/* ---- Listening ---- */

void ww_health_deaf(struct ww_health *h, int64_t from_us, int64_t until_us) {
    if (until_us <= from_us)
        return;
    if (h->n_deaf > 0 && from_us <= h->deaf[h->n_deaf - 1].until_us) { /* goes on */
        int64_t *until = &h->deaf[h->n_deaf - 1].until_us;
        *until = until_us > *until ? until_us : *until;
        return;
    }
    if (h->n_deaf == DEAF_SPANS) { /* the oldest two become one: rather too patient than too hasty */
        h->deaf[1].from_us = h->deaf[0].from_us;
        memmove(h->deaf, h->deaf + 1, (DEAF_SPANS - 1) * sizeof *h->deaf);
        h->n_deaf--;
    }
    h->deaf[h->n_deaf].from_us = from_us;
    h->deaf[h->n_deaf++].until_us = until_us;
}

int64_t health_heard_us(const struct ww_health *h, int64_t since_us, int64_t now_us) {
    int64_t heard = now_us - since_us;
    for (uint32_t i = h->n_deaf; i-- > 0 && h->deaf[i].until_us > since_us;) {
        int64_t from = h->deaf[i].from_us > since_us ? h->deaf[i].from_us : since_us;
        int64_t until = h->deaf[i].until_us < now_us ? h->deaf[i].until_us : now_us;
        heard -= until > from ? until - from : 0;
    }
    return heard;
}

void ww_health_others(struct ww_health *h, int64_t others) {
    h->has_others = others > 0;
}

void health_queue(struct ww_health *h, uint32_t thing) {
    struct health_thing *t = &h->things[thing];
    if (t->is_queued || h->n_queued == MOST_QUEUED)
        return; /* the next pass comes by */
    t->is_queued = true;
    h->queue[h->n_queued++] = thing;
}

/* ---- For /metrics and the map ---- */

const char *ww_health_state_name(enum ww_health_state state) {
    static const char *const names[] = {"unknown", "ok", "late", "drifting", "silent"};
    return names[state];
}

void ww_health_each_feed(const struct ww_health *h,
                         void (*each)(void *arg, const struct ww_feed_health *feed), void *arg) {
    for (uint32_t i = 0; i < h->n_feeds; i++) {
        const struct health_feed *f = &h->feeds[i];
        struct ww_feed_health view = {.name = f->name,
                                      .state = (enum ww_health_state)f->state,
                                      .last_received_us = f->last_received_us,
                                      .last_time_us = f->last_time_us,
                                      .lag_s = f->lag_s,
                                      .completeness = f->completeness,
                                      .worst_drift_s = f->drift_s};
        memcpy(view.things, f->shown, sizeof view.things);
        each(arg, &view);
    }
}

uint32_t ww_health_each_thing(const struct ww_health *h, uint32_t from, uint32_t most,
                              void (*each)(void *arg, int64_t thing_id, enum ww_health_state state),
                              void *arg) {
    uint32_t i = from;
    for (; i < h->n_things && i - from < most; i++)
        each(arg, h->things[i].id, (enum ww_health_state)h->things[i].state);
    return i < h->n_things ? i : 0;
}

uint32_t ww_health_open_count(const struct ww_health *h) {
    return h->n_open;
}
