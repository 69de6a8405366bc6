/* Rows of thing_health and feed_health, and the actions that move sensor alerts, as JSON. */
#include <assert.h>
#include <math.h>

#include "ingest/health_internal.h"

enum { PAGE_ROWS = 2000, PAGE_CEILING = 16 << 20, MOST_MEMBERS = 50, MEMORY_CEILING = 4096 };
#define REMEMBER_US (300 * WW_SECOND_US)

static const char *const expected_from[] = {NULL, "thing", "datastream", "station", "feed", "learned"};
static const char *const drift_from[] = {NULL, "clock", "phenomenon"};

void health_write_instant(struct ww_json *w, const char *key, int64_t at_us) {
    ww_json_key(w, key);
    char text[40];
    if (at_us == WW_INSTANT_NONE) {
        ww_json_null(w);
        return;
    }
    ww_instant_text(at_us, text);
    ww_json_text(w, text);
}

static void write_int(struct ww_json *w, const char *key, int64_t value) {
    ww_json_key(w, key);
    ww_json_int(w, value);
}

static void write_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

/* Rounded: nobody reads more, and the rows are shorter. NAN is null. */
static void write_rounded(struct ww_json *w, const char *key, double value, double parts) {
    ww_json_key(w, key);
    ww_json_double(w, round(value * parts) / parts);
}

/* ---- Memory: what a restart goes on with ---- */

static void write_ring(struct ww_json *w, const char *key, const float *ring, int size, int count, int at) {
    ww_json_key(w, key);
    ww_json_array(w);
    for (int i = 0; i < count; i++) /* oldest first */
        ww_json_double(w, round((double)ring[(at - count + i + size) % size] * 1000) / 1000);
    ww_json_end_array(w);
}

static void write_memory(struct ww_json *w, const struct ww_health_clock *c) {
    ww_json_key(w, "m");
    ww_json_object(w);
    write_ring(w, "steps", c->step_gaps_s, WW_HEALTH_GAPS, c->n_step_gaps, c->at_step_gap);
    write_ring(w, "bursts", c->burst_gaps_s, WW_HEALTH_GAPS, c->n_burst_gaps, c->at_burst_gap);
    write_int(w, "hour", c->hour);
    ww_json_key(w, "hours"); /* newest first */
    ww_json_array(w);
    int n = WW_HEALTH_HOURS;
    while (n > 0 && c->hours[ww_health_hour_slot(c->hour - n + 1)] == 0)
        n--;
    for (int i = 0; i < n; i++)
        ww_json_int(w, c->hours[ww_health_hour_slot(c->hour - i)]);
    ww_json_end_array(w);
    write_int(w, "first", c->first_time_us);
    write_int(w, "interval", c->interval_s);
    ww_json_key(w, "live");
    ww_json_bool(w, c->is_live);
    write_rounded(w, "lag", (double)c->lag_s, 1000);
    ww_json_end_object(w);
}

static void read_ring(const struct ww_json_node *array, float *ring, uint8_t size, uint8_t *count,
                      uint8_t *at) {
    *count = *at = 0;
    for (const struct ww_json_node *n = array ? array->child : NULL; n && *count < size; n = n->next) {
        double value;
        if (!ww_json_as_double(n, &value))
            return;
        ring[(*count)++] = (float)value;
    }
    *at = (uint8_t)(*count % size);
}

static int64_t int_of(const struct ww_json_node *root, const char *key, int64_t otherwise) {
    int64_t value;
    return ww_json_as_i64(ww_json_get(root, key), &value) ? value : otherwise;
}

static bool read_instant(const struct ww_json_node *root, const char *key, int64_t *out) {
    struct ww_str text;
    return ww_json_as_str(ww_json_get(root, key), &text) && ww_instant_parse(text, NULL, out, NULL) == WW_OK;
}

static void read_memory(struct ww_health_clock *c, struct ww_str json) {
    struct ww_arena *arena = ww_arena_new(64 << 10);
    struct ww_json_node *root;
    struct ww_error err;
    if (arena && json.len < MEMORY_CEILING && ww_json_parse(arena, json, &root, &err) == WW_OK &&
        ww_json_get(root, "hour")) {
        read_ring(ww_json_get(root, "steps"), c->step_gaps_s, WW_HEALTH_GAPS, &c->n_step_gaps,
                  &c->at_step_gap);
        read_ring(ww_json_get(root, "bursts"), c->burst_gaps_s, WW_HEALTH_GAPS, &c->n_burst_gaps,
                  &c->at_burst_gap);
        c->hour = (int32_t)int_of(root, "hour", 0);
        memset(c->hours, 0, sizeof c->hours);
        const struct ww_json_node *hours = ww_json_get(root, "hours");
        int i = 0;
        for (const struct ww_json_node *n = hours ? hours->child : NULL; n && i < WW_HEALTH_HOURS;
             n = n->next, i++) {
            int64_t count;
            if (ww_json_as_i64(n, &count) && count >= 0 && count <= UINT16_MAX)
                c->hours[ww_health_hour_slot(c->hour - i)] = (uint16_t)count;
        }
        c->first_time_us = int_of(root, "first", c->last_time_us);
        c->interval_s = (int32_t)int_of(root, "interval", 0);
        double lag;
        if (ww_json_as_double(ww_json_get(root, "lag"), &lag))
            c->lag_s = (float)lag;
        bool live = false;
        (void)ww_json_as_bool(ww_json_get(root, "live"), &live);
        c->is_live = live;
    }
    ww_arena_free(arena);
}

/* ---- Taking rows ---- */

bool ww_health_take_thing(struct ww_health *h, const struct ww_health_row *row, bool is_ours) {
    uint32_t index = health_find_thing(h, row->id);
    if (index == WW_CATALOG_NONE)
        return false;
    struct health_thing *t = &h->things[index];
    struct ww_health_clock *c = &t->clock;
    bool is_newer = row->last_time_us > c->last_time_us;
    if (is_newer)
        c->last_time_us = row->last_time_us;
    if (row->last_received_us > c->last_received_us)
        c->last_received_us = c->burst_us = row->last_received_us;
    if (is_newer || (is_ours && c->n_step_gaps < 2))
        read_memory(c, row->memory);
    if (is_ours) {
        for (int s = 0; s < WW_HEALTH_STATES; s++)
            if (ww_str_is(row->state, ww_health_state_name((enum ww_health_state)s)))
                t->state = (uint8_t)s;
        t->silent_since_us = row->silent_since_us;
    }
    t->heard = true;
    return true;
}

bool ww_health_take_feed(struct ww_health *h, const struct ww_health_row *row) {
    struct health_feed *f = health_find_feed(h, (int32_t)row->id);
    if (!f)
        return false;
    if (row->last_received_us > f->last_received_us)
        f->last_received_us = row->last_received_us;
    if (row->last_time_us > f->last_time_us)
        f->last_time_us = row->last_time_us;
    return true;
}

void ww_health_seed(struct ww_health *h, int64_t now_us) {
    const struct ww_catalog *c = h->catalog;
    for (uint32_t i = 0; i < c->n_datastreams; i++) {
        const struct ww_cat_datastream *ds = &c->datastreams[i];
        struct ww_health_clock *clock = &h->things[ds->thing].clock;
        if (ds->last_time_us == WW_INSTANT_NONE || clock->hour != 0)
            continue;
        if (ds->last_time_us > clock->last_time_us) {
            clock->last_time_us = ds->last_time_us;
            clock->interval_s = ds->interval_s;
        }
        int64_t heard_us = ds->last_time_us < now_us ? ds->last_time_us : now_us;
        if (heard_us > clock->last_received_us)
            clock->last_received_us = heard_us;
        clock->first_time_us = clock->last_time_us;
        clock->is_live = clock->is_live || now_us - ds->last_time_us < WW_DAY_US;
    }
}

void ww_health_forget_alerts(struct ww_health *h) {
    for (uint32_t i = 0; i < h->n_things; i++)
        h->things[i].open = 0;
    for (uint32_t i = 0; i < h->n_feeds; i++)
        h->feeds[i].open = 0;
    h->n_open = 0;
}

bool ww_health_take_alert(struct ww_health *h, int32_t rule_id, bool is_feed, int64_t subject,
                          int64_t opened_us, uint32_t members, int64_t now_us) {
    uint32_t rule = 0;
    while (rule < h->rules->n && h->rules->rules[rule].id != rule_id)
        rule++;
    uint32_t bit = rule < h->rules->n ? 1u << rule : 0;
    uint32_t index = is_feed ? WW_CATALOG_NONE : health_find_thing(h, subject);
    struct health_feed *f = is_feed ? health_find_feed(h, (int32_t)subject) : NULL;
    bool is_on = f && h->catalog->feeds[f - h->feeds].enabled;
    if (is_on && bit && h->rules->rules[rule].how.detector == WW_SENSOR_SILENCE) {
        f->open |= bit;
        f->opened_us[rule] = opened_us;
        f->members[rule] = members;
        h->n_open++;
        return true;
    }
    if (index != WW_CATALOG_NONE && (h->things[index].rules & bit)) {
        struct health_thing *t = &h->things[index];
        t->open |= bit;
        if (t->silent_since_us == WW_INSTANT_NONE && h->rules->rules[rule].how.detector == WW_SENSOR_SILENCE)
            t->silent_since_us = t->clock.last_received_us;
        h->n_open++;
        return true;
    }
    struct ww_json w;
    health_begin_action(h, &w, "clear", rule_id, is_feed, subject);
    health_write_instant(&w, "at", now_us);
    ww_json_end_object(&w);
    h->cleared++;
    return false;
}

void ww_health_assume(struct ww_health *h, uint32_t feed, const struct ww_json_node *explanation) {
    const struct ww_json_node *spans = ww_json_get(explanation, "not_listening");
    bool others = false;
    (void)ww_json_as_bool(ww_json_get(explanation, "other_servers"), &others);
    ww_health_others(h, others);
    for (const struct ww_json_node *s = spans ? spans->child : NULL; s; s = s->next) {
        int64_t from_us, until_us;
        if (read_instant(s, "from", &from_us) && read_instant(s, "until", &until_us))
            ww_health_deaf(h, from_us, until_us);
    }
    int64_t grace_us;
    if (read_instant(explanation, "counts_from", &grace_us))
        h->feeds[feed].grace_us = grace_us;
}

/* ---- Actions ---- */

void health_begin_action(struct ww_health *h, struct ww_json *w, const char *op, int32_t rule_id,
                         bool is_feed, int64_t subject) {
    if (h->actions.len > 0)
        ww_buf_char(&h->actions, ',');
    h->n_moves++;
    ww_json_init(w, &h->actions);
    ww_json_object(w);
    write_text(w, "op", op);
    write_int(w, "rule", rule_id);
    write_text(w, "kind", is_feed ? "feed" : "thing");
    write_int(w, "subject", subject);
}

static void write_rule(struct ww_json *w, const struct health_rule *rule) {
    ww_json_key(w, "rule");
    ww_json_object(w);
    ww_json_key(w, "code");
    ww_json_str(w, rule->code);
    write_int(w, "version", rule->version);
    ww_json_key(w, "config");
    ww_json_raw(w, rule->config);
    ww_json_end_object(w);
}

/* The part of an explanation that every detector's has: by what, what was allowed, what was seen. */
static void begin_explanation(struct ww_json *w, const struct health_rule *rule, double lower, double upper,
                              double observed) {
    ww_json_key(w, "explanation");
    ww_json_object(w);
    write_text(w, "method", ww_sensor_detector_name(rule->how.detector));
    write_rule(w, rule);
    ww_json_key(w, "expected");
    ww_json_object(w);
    write_rounded(w, "lower", lower, 10);
    write_rounded(w, "upper", upper, 10);
    write_text(w, "unit", "s");
    ww_json_end_object(w);
    ww_json_key(w, "observed");
    ww_json_object(w);
    write_rounded(w, "value", observed, 10);
    write_text(w, "unit", "s");
    ww_json_end_object(w);
}

static void write_opening(struct ww_json *w, const struct health_rule *rule, double value, int64_t count,
                          int64_t now_us) {
    write_int(w, "version", rule->version);
    write_int(w, "severity", rule->severity);
    write_text(w, "category", "sensor");
    write_text(w, "detector", ww_sensor_detector_name(rule->how.detector));
    write_text(w, "property", ww_sensor_detector_name(rule->how.detector)); /* called alike */
    write_int(w, "count", count);
    write_rounded(w, "last", value, 10);
    write_rounded(w, "peak", value, 10);
    health_write_instant(w, "at", now_us);
    health_write_instant(w, "last_at", now_us);
    health_write_instant(w, "peak_at", now_us);
}

/* What the number depends on besides what was received: when it was looked at, and how we listened. Spans of
 * a silence in which we were deaf do not count for it, nor does the time before `counts_from`. */
static void write_listening(const struct ww_health *h, struct ww_json *w, int64_t looked_us, int64_t since_us,
                            int64_t grace_us) {
    health_write_instant(w, "looked_at", looked_us);
    if (grace_us != WW_INSTANT_NONE && grace_us > since_us)
        health_write_instant(w, "counts_from", grace_us);
    if (h->has_others) {
        ww_json_key(w, "other_servers");
        ww_json_bool(w, true);
    }
    bool any = false;
    for (uint32_t i = 0; i < h->n_deaf; i++) {
        if (h->deaf[i].until_us <= since_us)
            continue;
        if (!any) {
            ww_json_key(w, "not_listening");
            ww_json_array(w);
        }
        any = true;
        ww_json_object(w);
        health_write_instant(w, "from", h->deaf[i].from_us);
        health_write_instant(w, "until", h->deaf[i].until_us);
        ww_json_end_object(w);
    }
    if (any)
        ww_json_end_array(w);
}

void health_open_thing(struct ww_health *h, const struct health_due *due, int64_t now_us) {
    struct health_thing *t = &h->things[due->thing];
    const struct health_rule *rule = &h->rules->rules[due->rule];
    bool is_silence = rule->how.detector == WW_SENSOR_SILENCE;
    uint32_t ward_id = h->catalog->things[due->thing].ward_id;
    struct ww_json json, *w = &json;
    health_begin_action(h, w, "open", rule->id, false, t->id);
    double missed = is_silence && t->expected_s > 0 ? floor((double)(due->value / t->expected_s)) : 1;
    write_opening(w, rule, (double)due->value, (int64_t)missed, now_us);
    ww_json_key(w, "ward");
    if (ward_id == WW_WARD_NONE)
        ww_json_null(w);
    else
        ww_json_int(w, ward_id);
    begin_explanation(w, rule, is_silence ? NAN : -(double)due->allowed, (double)due->allowed,
                      (double)due->value);
    health_write_instant(w, "last_received_at", t->clock.last_received_us);
    health_write_instant(w, "last_phenomenon_at", t->clock.last_time_us);
    write_listening(h, w, due->looked_us, t->clock.last_received_us, h->feeds[t->feed].grace_us);
    write_rounded(w, "expected_s", t->expected_s > 0 ? (double)t->expected_s : NAN, 10);
    write_text(w, "expected_from", expected_from[t->expected_from]);
    if (is_silence)
        write_rounded(w, "rhythm_s", (double)fmaxf(ww_health_rhythm_s(&t->clock, t->expected_s), 0), 10);
    else
        write_text(w, "drift_from", drift_from[t->clock.drift_from]);
    if (!is_silence)
        write_ring(w, "offsets_s", t->clock.offsets_s, WW_HEALTH_OFFSETS, t->clock.n_offsets,
                   t->clock.at_offset);
    ww_json_end_object(w);
    ww_json_end_object(w);
    t->open |= 1u << due->rule;
    t->urgent = true;
    h->opened++;
    h->n_open++;
}

void health_clear_thing(struct ww_health *h, struct health_thing *t, uint32_t rule, double last,
                        int64_t now_us) {
    struct ww_json w;
    health_begin_action(h, &w, "clear", h->rules->rules[rule].id, false, t->id);
    write_rounded(&w, "last", last, 10);
    if (h->rules->rules[rule].how.detector == WW_SENSOR_SILENCE) {
        write_rounded(&w, "peak", last, 10); /* it ended then, and was never longer */
        health_write_instant(&w, "peak_at", now_us);
        health_write_instant(&w, "last_at", now_us);
    }
    health_write_instant(&w, "at", now_us);
    ww_json_end_object(&w);
    t->open &= ~(1u << rule);
    h->cleared++;
    h->n_open--;
}

void health_open_feed(struct ww_health *h, struct health_feed *f, uint32_t rule,
                      const struct health_due *first, int64_t now_us) {
    const struct health_rule *r = &h->rules->rules[rule];
    const struct health_tally *tally = &f->tally[rule];
    struct ww_json json, *w = &json;
    double value = (double)first->value;
    health_begin_action(h, w, "open", r->id, true, f->id);
    write_opening(w, r, value, tally->suspect, now_us);
    ww_json_key(w, "ward");
    ww_json_null(w);
    begin_explanation(w, r, NAN, (double)first->allowed, value);
    health_write_instant(w, "last_received_at", f->last_received_us);
    write_listening(h, w, first->looked_us, WW_INSTANT_NONE, f->grace_us);
    write_int(w, "watched", tally->watched);
    write_int(w, "suspect", tally->suspect);
    write_int(w, "overdue", tally->overdue);
    ww_json_key(w, "members"); /* the first of those that are overdue, by id */
    ww_json_array(w);
    int listed = 0;
    for (uint32_t i = 0; i < h->n_due && listed < MOST_MEMBERS; i++) {
        const struct health_due *due = &h->due[i];
        if (due->rule != rule || &h->feeds[h->things[due->thing].feed] != f)
            continue;
        ww_json_int(w, h->things[due->thing].id);
        listed++;
    }
    ww_json_end_array(w);
    ww_json_end_object(w);
    ww_json_end_object(w);
    f->open |= 1u << rule;
    f->opened_us[rule] = now_us;
    f->members[rule] = tally->suspect;
    f->urgent = true;
    h->opened++;
    h->n_open++;
}

void health_clear_feed(struct ww_health *h, struct health_feed *f, uint32_t rule, int64_t now_us) {
    struct ww_json w;
    health_begin_action(h, &w, "clear", h->rules->rules[rule].id, true, f->id);
    health_write_instant(&w, "at", now_us);
    health_write_instant(&w, "last_at", now_us);
    ww_json_end_object(&w);
    f->open &= ~(1u << rule);
    f->urgent = true;
    h->cleared++;
    h->n_open--;
}

/* ---- Pages ---- */

static void write_common(struct ww_json *w, bool judges, enum ww_health_state state, int64_t silent_since_us,
                         int64_t last_received_us, int64_t last_time_us) {
    if (judges) {
        write_text(w, "st", ww_health_state_name(state));
        health_write_instant(w, "si", silent_since_us);
    }
    health_write_instant(w, "lr", last_received_us);
    health_write_instant(w, "lp", last_time_us);
}

static void write_thing(struct ww_health *h, struct ww_json *w, struct health_thing *t, int64_t now_us) {
    const struct ww_health_clock *c = &t->clock;
    float drift;
    bool has_drift = ww_health_drift(c, INFINITY, &drift);
    t->completeness = ww_health_completeness(c, t->expected_s, now_us);
    ww_json_object(w);
    write_int(w, "id", t->id);
    write_common(w, h->judges, (enum ww_health_state)t->state, t->silent_since_us, c->last_received_us,
                 c->last_time_us);
    write_rounded(w, "la", (double)c->lag_s, 10);
    write_rounded(w, "ex", t->expected_s > 0 ? (double)t->expected_s : NAN, 10);
    write_text(w, "ef", expected_from[t->expected_from]);
    write_rounded(w, "co", (double)t->completeness, 1000);
    write_rounded(w, "dr", has_drift ? (double)drift : NAN, 10);
    write_text(w, "df", has_drift ? drift_from[c->drift_from] : NULL);
    write_int(w, "s", t->stored);
    write_int(w, "d", t->duplicates);
    write_int(w, "c", t->corrections);
    write_int(w, "x", t->dead);
    if (now_us - t->remembered_us > REMEMBER_US || t->remembered_from != t->expected_from) {
        write_memory(w, c);
        t->remembered_us = now_us;
        t->remembered_from = t->expected_from;
    }
    ww_json_end_object(w);
    t->stored = t->duplicates = t->corrections = t->dead = 0;
    t->written_us = now_us;
    t->dirty = t->urgent = t->is_queued = false;
}

static void write_feed(struct ww_health *h, struct ww_json *w, struct health_feed *f, int64_t now_us) {
    ww_json_object(w);
    write_int(w, "id", f->id);
    write_common(w, h->judges, (enum ww_health_state)f->state, f->silent_since_us, f->last_received_us,
                 f->last_time_us);
    write_rounded(w, "la", (double)f->lag_s, 10);
    write_rounded(w, "ex", (double)f->expected_s, 10);
    write_rounded(w, "co", (double)f->completeness, 1000);
    write_int(w, "s", (int64_t)f->stored);
    write_int(w, "d", (int64_t)f->duplicates);
    write_int(w, "c", (int64_t)f->corrections);
    write_int(w, "x", (int64_t)f->dead);
    ww_json_end_object(w);
    f->stored = f->duplicates = f->corrections = f->dead = 0;
    f->written_us = now_us;
    f->dirty = f->urgent = false;
}

static void write_things(struct ww_health *h, struct ww_health_page *page, int64_t now_us) {
    struct ww_json w;
    uint32_t n = h->n_queued < PAGE_ROWS ? h->n_queued : PAGE_ROWS;
    ww_json_init(&w, &page->things);
    ww_json_array(&w);
    for (uint32_t i = 0; i < n; i++)
        write_thing(h, &w, &h->things[h->queue[i]], now_us);
    ww_json_end_array(&w);
    memmove(h->queue, h->queue + n, (h->n_queued - n) * sizeof *h->queue);
    h->n_queued -= n;
    page->n_things = n;
}

#define FEED_WRITE_US (5 * WW_SECOND_US)

static void write_feeds(struct ww_health *h, struct ww_health_page *page, int64_t now_us) {
    struct ww_json w;
    ww_json_init(&w, &page->feeds);
    ww_json_array(&w);
    for (uint32_t i = 0; i < h->n_feeds; i++) {
        struct health_feed *f = &h->feeds[i];
        if (!f->urgent && !(f->dirty && now_us - f->written_us > FEED_WRITE_US))
            continue;
        write_feed(h, &w, f, now_us);
        page->n_feeds++;
    }
    ww_json_end_array(&w);
}

static void begin_moves(struct ww_health *h) {
    h->n_moves = 0;
    h->opened = h->cleared = 0;
}

void ww_health_take_actions(struct ww_health *h, struct ww_buf *out) {
    if (h->actions.len > 0 && out->len > 0)
        ww_buf_char(out, ',');
    ww_buf_str_add(out, ww_buf_str(&h->actions));
    ww_buf_reset(&h->actions);
    begin_moves(h);
}

bool ww_health_write_page(struct ww_health *h, int64_t now_us, struct ww_health_page *page) {
    ww_buf_init(&page->things, PAGE_CEILING);
    ww_buf_init(&page->feeds, PAGE_CEILING);
    ww_buf_init(&page->actions, h->actions.ceiling);
    page->n_things = page->n_feeds = 0;
    write_things(h, page, now_us);
    write_feeds(h, page, now_us);
    if (h->actions.len > 0) {
        ww_buf_char(&page->actions, '[');
        ww_buf_str_add(&page->actions, ww_buf_str(&h->actions));
        ww_buf_char(&page->actions, ']');
        ww_buf_reset(&h->actions);
    }
    page->opened = h->opened;
    page->cleared = h->cleared;
    begin_moves(h);
    return page->n_things > 0 || page->n_feeds > 0 || page->actions.len > 0;
}
