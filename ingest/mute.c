/* Rain at gauges and maintenance windows: which of them holds for a signal. */
#include "ingest/mute.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/near.h"

enum { SPELLS = 4, ARENA_CEILING = 16 << 20 };

/* From a wet reading to the end of the last one that was not more than `for_us` after it. */
struct spell {
    int64_t from_us, to_us;
};

/* One rule at one gauge: the newest spells, oldest first. */
struct gauge {
    uint32_t rule, datastream, next;
    uint32_t n;
    struct spell spell[SPELLS];
};

struct muting_rule {
    int32_t id;
    uint32_t first_gauge; /* of the rule, by next_of_rule */
    struct ww_mute_config config;
};

struct ww_mutes {
    struct ww_arena *arena;
    struct ww_mute_window *windows;
    struct muting_rule *rules;
    struct gauge *gauges;
    uint32_t *next_of_rule; /* [cap_gauges] */
    uint32_t n_windows, cap_windows, n_rules, cap_rules, n_gauges, cap_gauges;
};

/* ---- Setting up ---- */

#define PUSH(array, count, cap, value)                                                                       \
    do {                                                                                                     \
        if ((count) == (cap)) {                                                                              \
            (cap) = (cap) ? (cap)*2 : 16;                                                                    \
            (array) = ww_try_realloc((array), (cap) * sizeof *(array));                                      \
            assert(array);                                                                                   \
        }                                                                                                    \
        (array)[(count)++] = (value);                                                                        \
    } while (0)

struct ww_mutes *ww_mutes_new(void) {
    struct ww_mutes *m = ww_must_calloc(1, sizeof *m);
    m->arena = ww_arena_new(ARENA_CEILING);
    assert(m->arena);
    return m;
}

void ww_mutes_free(struct ww_mutes *m) {
    if (!m)
        return;
    ww_arena_free(m->arena);
    ww_free(m->windows);
    ww_free(m->rules);
    ww_free(m->gauges);
    ww_free(m->next_of_rule);
    ww_free(m);
}

void ww_mutes_add_window(struct ww_mutes *m, const struct ww_mute_window *window) {
    PUSH(m->windows, m->n_windows, m->cap_windows, *window);
}

void ww_mutes_add_rule(struct ww_mutes *m, int32_t rule_id, const struct ww_mute_config *config) {
    struct muting_rule rule = {.id = rule_id, .first_gauge = WW_CATALOG_NONE, .config = *config};
    rule.config.property = ww_arena_copy(m->arena, config->property);
    rule.config.feed = ww_arena_copy(m->arena, config->feed);
    rule.config.thing = ww_arena_copy(m->arena, config->thing);
    PUSH(m->rules, m->n_rules, m->cap_rules, rule);
}

static bool is_named(const struct ww_mute_config *c, const struct ww_catalog *catalog, uint32_t thing) {
    uint32_t feed = ww_catalog_feed(catalog, c->feed);
    return feed != WW_CATALOG_NONE && ww_catalog_thing(catalog, catalog->feeds[feed].id, c->thing) == thing;
}

void ww_mutes_attach(struct ww_mutes *m, struct ww_catalog *catalog, uint32_t datastream) {
    struct ww_cat_datastream *ds = &catalog->datastreams[datastream];
    for (uint32_t r = 0; r < m->n_rules; r++) {
        const struct ww_mute_config *c = &m->rules[r].config;
        if (!c->rain || !ww_str_eq(c->property, catalog->properties[ds->property].code) ||
            (c->thing.len > 0 && !is_named(c, catalog, ds->thing)))
            continue;
        struct gauge gauge = {.rule = r, .datastream = datastream, .next = ds->first_gauge};
        ds->first_gauge = m->n_gauges;
        PUSH(m->gauges, m->n_gauges, m->cap_gauges, gauge);
        m->next_of_rule = ww_try_realloc(m->next_of_rule, m->cap_gauges * sizeof *m->next_of_rule);
        assert(m->next_of_rule);
        m->next_of_rule[m->n_gauges - 1] = m->rules[r].first_gauge;
        m->rules[r].first_gauge = m->n_gauges - 1;
    }
}

int64_t ww_mutes_memory(const struct ww_mutes *m, const struct ww_cat_datastream *ds) {
    int64_t most = 0;
    for (uint32_t i = ds->first_gauge; i != WW_CATALOG_NONE; i = m->gauges[i].next) {
        int64_t needed = m->rules[m->gauges[i].rule].config.for_us + WW_MUTE_JUST_US;
        most = needed > most ? needed : most;
    }
    return most;
}

/* ---- Rain ---- */

static void note_wet(struct gauge *g, int64_t from_us, int64_t to_us, int64_t for_us) {
    uint32_t at = g->n;
    for (uint32_t i = 0; i < g->n; i++) {
        struct spell *s = &g->spell[i];
        if (from_us <= s->to_us + for_us && to_us + for_us >= s->from_us) {
            s->from_us = from_us < s->from_us ? from_us : s->from_us;
            s->to_us = to_us > s->to_us ? to_us : s->to_us;
            return;
        }
    }
    while (at > 0 && g->spell[at - 1].from_us > from_us) /* late */
        at--;
    if (g->n == SPELLS) {
        if (at == 0)
            return;
        memmove(g->spell, g->spell + 1, (size_t)--at * sizeof *g->spell);
    } else {
        memmove(g->spell + at + 1, g->spell + at, (g->n - at) * sizeof *g->spell);
        g->n++;
    }
    g->spell[at] = (struct spell){from_us, to_us};
}

void ww_mutes_step(struct ww_mutes *m, const struct ww_cat_datastream *ds, const struct ww_reading *reading) {
    for (uint32_t i = ds->first_gauge; i != WW_CATALOG_NONE; i = m->gauges[i].next) {
        const struct ww_mute_config *c = &m->rules[m->gauges[i].rule].config;
        if ((reading->flag == 'N' || reading->flag == '\0') && reading->value > c->above)
            note_wet(&m->gauges[i], reading->time_us, reading->time_us + reading->interval_us, c->for_us);
    }
}

/* Until when the gauge was wet at that moment, or was at most `just_us` before; else WW_INSTANT_NONE. */
static int64_t wet_until(const struct gauge *g, int64_t for_us, int64_t at_us, int64_t just_us) {
    for (uint32_t i = g->n; i-- > 0;) {
        int64_t until_us = g->spell[i].to_us + for_us;
        if (g->spell[i].from_us < at_us && at_us - just_us <= until_us)
            return until_us;
    }
    return WW_INSTANT_NONE;
}

static bool is_near(const struct ww_mute_config *c, const struct ww_catalog *catalog, uint32_t datastream,
                    const struct ww_mute_subject *s) {
    const struct ww_cat_thing *thing = &catalog->things[catalog->datastreams[datastream].thing];
    struct ww_place gauge;
    if (c->thing.len > 0)
        return true;
    if (!(c->within_m > 0))
        return s->ward_id != WW_WARD_NONE && thing->ward_id == s->ward_id;
    if (!s->has_place || !ww_catalog_place(catalog, thing, &gauge))
        return false;
    const double a[2] = {s->place.lon_deg, s->place.lat_deg}, b[2] = {gauge.lon_deg, gauge.lat_deg};
    return ww_near_metres(a, b, WW_NEAR_EARTH_M) <= c->within_m;
}

static void find_rain(const struct ww_mutes *m, const struct muting_rule *rule,
                      const struct ww_catalog *catalog, const struct ww_mute_subject *s, int64_t at_us,
                      int64_t just_us, struct ww_mute *out) {
    for (uint32_t i = rule->first_gauge; i != WW_CATALOG_NONE; i = m->next_of_rule[i]) {
        int64_t until_us = wet_until(&m->gauges[i], rule->config.for_us, at_us, just_us);
        if (until_us == WW_INSTANT_NONE || (out->reason != WW_MUTE_NONE && until_us <= out->until_us) ||
            !is_near(&rule->config, catalog, m->gauges[i].datastream, s))
            continue;
        *out = (struct ww_mute){.reason = WW_MUTE_RAIN,
                                .until_us = until_us,
                                .datastream = catalog->datastreams[m->gauges[i].datastream].id};
    }
}

/* ---- Windows ---- */

static bool is_of(const struct ww_mute_window *w, const struct ww_catalog *catalog,
                  const struct ww_mute_subject *s) {
    if (w->ward_id != 0)
        return w->ward_id == s->ward_id;
    if (!s->datastream)
        return false;
    const struct ww_cat_thing *thing = &catalog->things[s->datastream->thing];
    if (w->site_id != 0)
        return w->site_id == thing->site_id;
    return w->thing_id == thing->id && (w->property < 0 || w->property == s->datastream->property);
}

static void find_window(const struct ww_mutes *m, const struct ww_catalog *catalog,
                        const struct ww_mute_subject *s, int64_t at_us, int64_t just_us,
                        struct ww_mute *out) {
    for (uint32_t i = 0; i < m->n_windows; i++) {
        const struct ww_mute_window *w = &m->windows[i];
        if (at_us < w->from_us || at_us - just_us >= w->to_us || w->from_us >= w->to_us ||
            (out->reason != WW_MUTE_NONE && w->to_us <= out->until_us) || !is_of(w, catalog, s))
            continue;
        *out = (struct ww_mute){.reason = WW_MUTE_MAINTENANCE, .until_us = w->to_us, .window = w->id};
    }
}

/* ---- Either ---- */

struct ww_mute ww_mutes_find(const struct ww_mutes *m, const struct ww_catalog *catalog,
                             const struct ww_mute_subject *subject, int64_t at_us, int64_t just_us) {
    struct ww_mute found = {WW_MUTE_NONE, 0, 0, 0};
    struct ww_mute_subject s = *subject;
    if (s.datastream)
        s.has_place = ww_catalog_place(catalog, &catalog->things[s.datastream->thing], &s.place);
    for (uint32_t r = 0; r < m->n_rules; r++) {
        const struct muting_rule *rule = &m->rules[r];
        if (rule->id != s.rule_id)
            continue;
        if (rule->config.maintenance)
            find_window(m, catalog, &s, at_us, just_us, &found);
        if (rule->config.rain && found.reason == WW_MUTE_NONE) /* what somebody announced says more */
            find_rain(m, rule, catalog, &s, at_us, just_us, &found);
        break;
    }
    return found;
}
