/* Counts events by place and day, and looks for clusters in them. */
#include "ingest/space/scan_watch.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/space/scan_internal.h"

/* As one of so many days is the highest permutation look of a day: tests/bench/scan_rate_bench.c. */
#define PERMUTATION_LOOKS 2.0

enum { SLICE = 2000000, LEAST_SHRINK_DAYS = 7, MOST_SHRINK = 20, DAYS_OF_WEEK = 7 };

/* ---- Life ---- */

void ww_scan_watch_free(struct ww_scan_watch *w) {
    if (!w)
        return;
    ww_scan_watch_forget_alerts(w);
    ww_scan_live_free(w->live);
    ww_scan_zones_free(w->zones);
    ww_map_free(w->spot_by_key);
    ww_free(w->at);
    ww_free(w->weight);
    ww_free(w->count);
    ww_free(w->coming.event);
    ww_free(w->working.event);
    ww_free(w->seen);
    ww_free(w->seen_room);
    ww_arena_free(w->arena);
    ww_free(w);
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the scan");
}

static struct ww_scan_rule copy_rule(struct ww_arena *arena, const struct ww_scan_rule *from) {
    struct ww_scan_rule rule = *from;
    struct ww_str *texts[] = {&rule.property, &rule.feed, &rule.thing_class, &rule.alerts_of,
                              &rule.population};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = ww_arena_copy(arena, *texts[i]);
    return rule;
}

static bool copy_spots(struct ww_scan_watch *w, const struct ww_scan_watch_setup *setup) {
    w->spots = ww_arena_calloc(w->arena, w->n_spots, sizeof *w->spots);
    w->at = ww_try_calloc(w->n_spots, sizeof *w->at);
    if (!w->spots || !w->at)
        return false;
    w->spot_by_key = ww_map_new(w->n_spots);
    for (uint32_t i = 0; i < w->n_spots; i++) {
        w->spots[i] = setup->spots[i];
        w->spots[i].key = ww_arena_copy(w->arena, setup->spots[i].key);
        w->at[i][0] = setup->spots[i].at.lon_deg;
        w->at[i][1] = setup->spots[i].at.lat_deg;
        if (!w->spots[i].key.ptr || ww_map_put(w->spot_by_key, w->spots[i].key, i) != WW_OK)
            return false;
    }
    return true;
}

/* Whole numbers whose sum stays below 2^31. */
static enum ww_status weigh(struct ww_scan_watch *w, struct ww_error *err) {
    double sum = 0;
    for (uint32_t i = 0; i < w->n_spots; i++)
        sum += w->spots[i].population > 0 ? w->spots[i].population : 0;
    if (!(sum > 0))
        return ww_error_set(err, WW_BAD_INPUT, "no place has the property \"%.*s\" above 0",
                            WW_STR_ARG(w->how.population));
    double scale = sum < 1e6 ? 1e3 : sum > 2e9 ? 2e9 / sum : 1;
    w->weight = ww_try_calloc(w->n_spots, sizeof *w->weight);
    if (!w->weight)
        return no_memory(err);
    for (uint32_t i = 0; i < w->n_spots; i++)
        w->weight[i] = w->spots[i].population > 0 ? (uint32_t)lround(w->spots[i].population * scale) : 0;
    return WW_OK;
}

static enum ww_status make_zones(struct ww_scan_watch *w, const struct ww_scan_lists *lists,
                                 struct ww_error *err) {
    struct ww_scan_limits limits = {w->how.max_radius_m, NULL, 0};
    const struct ww_scan_limits none = {INFINITY, NULL, 0};
    switch (w->how.zones) {
    case WW_ZONE_ADJACENT:
        return ww_scan_zones_connected(lists, (uint32_t)w->how.max_places, &none, &w->zones, err);
    case WW_ZONE_RIVER:
        return ww_scan_zones_river(lists, (uint32_t)w->how.max_places, &none, &w->zones, err);
    case WW_ZONE_CIRCLE:
        break;
    }
    for (uint32_t i = 0; i < w->n_spots; i++)
        if (isnan(w->at[i][0]) || isnan(w->at[i][1]))
            return ww_error_set(err, WW_BAD_INPUT, "\"%.*s\" has no place: circles need one",
                                WW_STR_ARG(w->spots[i].key));
    struct ww_scan_places places = {w->n_spots, true, (const double(*)[3])w->at};
    return ww_scan_zones_circles(&places, &limits, &w->zones, err);
}

static enum ww_status make(struct ww_scan_watch *w, const struct ww_scan_watch_setup *setup,
                           struct ww_error *err) {
    w->how = copy_rule(w->arena, &setup->how);
    w->code = ww_arena_copy(w->arena, setup->code);
    w->config = ww_arena_copy(w->arena, setup->config);
    w->count = ww_try_calloc((size_t)w->n_days * w->n_spots, sizeof *w->count);
    w->seen = ww_try_calloc((size_t)w->how.max_clusters, sizeof *w->seen);
    if (!w->code.ptr || !w->config.ptr || !w->count || !w->seen || !copy_spots(w, setup))
        return no_memory(err);
    enum ww_status st = w->how.model == WW_SCAN_POISSON ? weigh(w, err) : WW_OK;
    if (st == WW_OK)
        st = make_zones(w, &setup->lists, err);
    for (uint32_t i = 0; i < w->n_spots; i++) /* for speed only: anywhere will do */
        for (int k = 0; k < 2; k++)
            w->at[i][k] = isnan(w->at[i][k]) ? 0 : w->at[i][k];
    return st;
}

enum ww_status ww_scan_watch_new(const struct ww_scan_watch_setup *setup, int64_t today,
                                 struct ww_scan_watch **out, struct ww_error *err) {
    *out = NULL;
    if (setup->n_spots == 0 || setup->n_spots > UINT16_MAX)
        return ww_error_set(err, setup->n_spots ? WW_TOO_LARGE : WW_BAD_INPUT,
                            "there are %u places; a scan takes from 1 to %d", setup->n_spots, UINT16_MAX);
    struct ww_scan_watch *w = ww_try_calloc(1, sizeof *w);
    if (!w)
        return no_memory(err);
    w->arena = ww_arena_new((size_t)64 << 20);
    w->rule_id = setup->rule_id;
    w->version = setup->version;
    w->severity = setup->severity;
    w->n_spots = setup->n_spots;
    w->n_days = (uint32_t)setup->how.memory_days;
    w->today = w->begun = today;
    w->looks = setup->how.model == WW_SCAN_PERMUTATION ? PERMUTATION_LOOKS : 1;
    enum ww_status st = w->arena ? make(w, setup, err) : no_memory(err);
    if (st != WW_OK) {
        ww_scan_watch_free(w);
        w = NULL;
    }
    *out = w;
    return st;
}

/* ---- Events ---- */

bool ww_scan_watch_count(struct ww_scan_watch *w, uint32_t spot, int64_t day, int32_t n) {
    struct scan_events *to = &w->coming;
    if (day + w->n_days <= w->begun)
        return true;
    if (to->n > 0 && to->event[to->n - 1].spot == spot && to->event[to->n - 1].day == day) {
        to->event[to->n - 1].n += n;
        return true;
    }
    if (to->n == to->room) {
        uint32_t room = to->room ? to->room * 2 : 256;
        struct scan_event *grown =
            room <= SCAN_MOST_WAITING ? ww_try_realloc(to->event, room * sizeof *grown) : NULL;
        if (!grown) {
            w->overflowed = true;
            return false;
        }
        to->event = grown;
        to->room = room;
    }
    to->event[to->n++] = (struct scan_event){day, spot, n};
    return true;
}

bool ww_scan_watch_is_due(const struct ww_scan_watch *w, int64_t today) {
    return w->coming.n > 0 || w->has_absorbed || today > w->begun || !w->has_looked;
}

void ww_scan_watch_begin(struct ww_scan_watch *w, int64_t today, const struct ww_known *known) {
    w->known = *known;
    struct scan_events empty = w->working;
    w->working = w->coming;
    w->coming = empty;
    w->coming.n = 0;
    if (today > w->begun)
        w->begun = today;
}

/* ---- The state, from the counts ---- */

static double learned_weekday(const struct ww_scan_watch *w, int64_t weekday, double all, double of_day) {
    uint32_t past = w->n_days - (uint32_t)w->how.max_days, days = 0;
    if (past < 4 * DAYS_OF_WEEK || all <= 0)
        return 1;
    for (uint32_t ago = (uint32_t)w->how.max_days; ago < w->n_days; ago++)
        days += (w->today - ago) % DAYS_OF_WEEK == weekday;
    return of_day / days / (all / past);
}

static double own_past(const struct ww_scan_watch *w, uint32_t spot) {
    double own = 0;
    for (uint32_t ago = (uint32_t)w->how.max_days; ago < w->n_days; ago++)
        own += *scan_cell(w, spot, w->today - ago);
    return own;
}

/* How alike are the places? Their means are taken as gamma numbers, whose spread is what the counts vary
 * beyond Poisson (empirical Bayes by moments): knowing the others is worth so many days of the place itself.
 */
static double days_of_others(const struct ww_scan_watch *w) {
    double past = w->n_days - w->how.max_days, sum = 0, squares = 0;
    for (uint32_t p = 0; p < w->n_spots; p++) {
        double own = own_past(w, p);
        sum += own;
        squares += own * own;
    }
    double mean = sum / w->n_spots, beyond = squares / w->n_spots - mean * mean - mean;
    double most = MOST_SHRINK * past;
    return beyond * most > mean * past ? fmax(mean * past / beyond, LEAST_SHRINK_DAYS) : most;
}

/* A place's own mean over the days before the longest window, drawn towards that of all, times the weekday's
 * share. */
static void learn(struct ww_scan_watch *w, double others) {
    uint32_t judged = (uint32_t)w->how.max_days, past = w->n_days - judged;
    double all = 0, of_day[DAYS_OF_WEEK] = {0}, factor[DAYS_OF_WEEK];
    for (uint32_t ago = judged; ago < w->n_days; ago++)
        for (uint32_t p = 0; p < w->n_spots; p++) {
            double n = *scan_cell(w, p, w->today - ago);
            all += n;
            of_day[(w->today - ago) % DAYS_OF_WEEK] += n;
        }
    for (int64_t d = 0; d < DAYS_OF_WEEK; d++)
        factor[d] = learned_weekday(w, d, all, of_day[d]);
    double mean = all / ((double)w->n_spots * past);
    for (uint32_t p = 0; p < w->n_spots; p++) {
        double base = (own_past(w, p) + others * mean) / (past + others);
        for (uint32_t ago = 0; ago < judged; ago++)
            ww_scan_live_expect(w->live, p, ago, base * factor[(w->today - ago) % DAYS_OF_WEEK]);
    }
}

static enum ww_status build(struct ww_scan_watch *w, struct ww_error *err) {
    uint32_t judged = (uint32_t)w->how.max_days;
    bool expects = w->how.model == WW_SCAN_EXPECTATION;
    double others = expects ? days_of_others(w) : 0;
    w->learned_days = expects ? w->n_days - judged + others : 0;
    struct ww_scan_live_config config = {.model = w->how.model,
                                         .n_durations = judged,
                                         .n_days = expects ? judged : w->n_days,
                                         .min_cases = (uint32_t)w->how.min_cases,
                                         .at = (const double(*)[3])w->at,
                                         .weight = w->weight,
                                         .learned_days = w->learned_days};
    enum ww_status st = ww_scan_live_new(w->zones, &config, &w->live, err);
    if (st == WW_OK && expects)
        learn(w, others);
    for (uint32_t ago = 0; ago < config.n_days && st == WW_OK; ago++)
        for (uint32_t p = 0; p < w->n_spots && st == WW_OK; p++) {
            uint32_t n = *scan_cell(w, p, w->today - ago);
            if (n > 0)
                st = ww_scan_live_put(w->live, p, ago, (int32_t)n, err);
        }
    return st;
}

static void forget_days(struct ww_scan_watch *w) {
    for (; w->today < w->begun; w->today++) {
        memset(scan_cell(w, 0, w->today + 1), 0, w->n_spots * sizeof *w->count);
        ww_scan_live_free(w->live);
        w->live = NULL;
    }
}

static enum ww_status take_events(struct ww_scan_watch *w, struct ww_error *err) {
    enum ww_status st = WW_OK;
    uint32_t live_days = w->how.model == WW_SCAN_EXPECTATION ? (uint32_t)w->how.max_days : w->n_days;
    for (uint32_t i = 0; i < w->working.n; i++) {
        const struct scan_event *e = &w->working.event[i];
        int64_t day = e->day > w->today ? w->today : e->day, ago = w->today - day;
        if (ago >= w->n_days)
            continue;
        uint32_t *cell = scan_cell(w, e->spot, day);
        int64_t after = (int64_t)*cell + e->n;
        int32_t n = (int32_t)((after < 0 ? 0 : after) - (int64_t)*cell);
        *cell = (uint32_t)(*cell + (uint32_t)n);
        if (w->live && st == WW_OK && n != 0 && ago < live_days)
            st = ww_scan_live_put(w->live, e->spot, (uint32_t)ago, n, err);
        if (w->live && ago >= live_days) { /* what is expected has changed */
            ww_scan_live_free(w->live);
            w->live = NULL;
        }
    }
    w->working.n = 0;
    return st;
}

/* ---- Looking ---- */

static uint32_t main_ward(const struct ww_scan_watch *w, const struct ww_scan_seen *seen) {
    uint32_t best = 0, most = 0;
    for (uint32_t i = 0; i < seen->is.length; i++) {
        uint32_t ward = w->spots[seen->spot[i]].ward_id, sum = 0;
        for (uint32_t k = 0; k < seen->is.length; k++)
            sum += w->spots[seen->spot[k]].ward_id == ward ? seen->cases[k] : 0;
        if (ward != 0 && (sum > most || (sum == most && (best == 0 || ward < best)))) {
            most = sum;
            best = ward;
        }
    }
    return best;
}

static bool keep_seen(struct ww_scan_watch *w, const struct ww_scan_result *r) {
    size_t need = 0, at = 0;
    for (uint32_t k = 0; k < r->n_clusters; k++)
        need += 2 * (size_t)r->clusters[k].length;
    if (need > w->seen_cap) {
        uint32_t *grown = ww_try_realloc(w->seen_room, need * sizeof *grown);
        if (!grown)
            return false;
        w->seen_room = grown;
        w->seen_cap = need;
    }
    w->result = *r;
    w->result.clusters = NULL;
    w->n_seen = r->n_clusters;
    for (uint32_t k = 0; k < r->n_clusters; k++) {
        struct ww_scan_seen *s = &w->seen[k];
        uint32_t *spot = w->seen_room + at, *cases = spot + r->clusters[k].length;
        *s = (struct ww_scan_seen){.is = r->clusters[k], .spot = spot, .cases = cases, .last_day = w->today};
        s->first_day = w->today - (s->is.time_end - s->is.time_from) + 1;
        for (uint32_t i = 0; i < s->is.length; i++) {
            spot[i] = w->zones->place[w->zones->start[s->is.chain] + i];
            cases[i] = 0;
            for (int64_t day = s->first_day; day <= s->last_day; day++)
                cases[i] += *scan_cell(w, spot[i], day);
        }
        at += 2 * (size_t)s->is.length;
        s->ward_id = main_ward(w, s);
        s->recurrence_days = fmin(1 / (s->is.p * w->looks), WW_SCAN_MOST_RECURRENCE_DAYS);
    }
    return true;
}

static enum ww_status look(struct ww_scan_watch *w, struct ww_error *err) {
    forget_days(w);
    enum ww_status st = take_events(w, err);
    if (st == WW_OK && !w->live)
        st = build(w, err);
    if (st != WW_OK)
        return st;
    struct ww_scan_rules rules = {.min_cases = (uint32_t)w->how.min_cases,
                                  .max_clusters = (uint32_t)w->how.max_clusters,
                                  .replicas = (uint32_t)w->how.replicas,
                                  .stop_after = 50,
                                  .gumbel_below = 10,
                                  .seed = (uint64_t)w->how.seed,
                                  .days_between_runs = 1};
    struct ww_scan_judge *judge;
    st = ww_scan_judge_new(w->live, &rules, &judge, err);
    if (st != WW_OK)
        return st;
    bool is_stopped = false;
    while (!is_stopped && !ww_scan_judge_step(judge, SLICE))
        is_stopped = w->stop && w->stop(w->stop_arg);
    struct ww_scan_result result;
    if (is_stopped) {
        st = ww_error_set(err, WW_BUSY, "stopped");
    } else {
        ww_scan_judge_result(judge, &result);
        st = keep_seen(w, &result) ? WW_OK : no_memory(err);
    }
    ww_scan_judge_free(judge);
    return st;
}

void ww_scan_watch_stop_when(struct ww_scan_watch *w, bool (*stop)(void *arg), void *arg) {
    w->stop = stop;
    w->stop_arg = arg;
}

void ww_scan_watch_absorb(struct ww_scan_watch *w, int64_t today) {
    struct ww_error err;
    bool is_new_day = today > w->begun;
    ww_scan_watch_begin(w, today, &w->known);
    w->has_absorbed = w->has_absorbed || w->working.n > 0 || is_new_day;
    forget_days(w);
    if (take_events(w, &err) != WW_OK) { /* as after a look that failed */
        ww_scan_live_free(w->live);
        w->live = NULL;
    }
}

void ww_scan_watch_look(struct ww_scan_watch *w) {
    struct ww_error err;
    w->n_seen = 0;
    w->has_looked = true;
    w->has_absorbed = false;
    w->trouble[0] = '\0';
    if (look(w, &err) != WW_OK) { /* the counts are right: build it anew from them next time */
        snprintf(w->trouble, sizeof w->trouble, "%s", err.message);
        ww_scan_live_free(w->live);
        w->live = NULL;
        w->n_seen = 0;
    }
}

const char *ww_scan_watch_trouble(const struct ww_scan_watch *w) {
    return w->trouble;
}

uint32_t ww_scan_watch_seen(const struct ww_scan_watch *w, const struct ww_scan_seen **out) {
    *out = w->seen;
    return w->n_seen;
}
