/* An alert of a scan or of hot spots, computed again: the same look is taken once more.
 *
 * The explanation says when it was taken and up to where things were known (ingest/space/known.h). From what
 * is stored that far the same code makes the same places, counts and values; seed and rule are in it too.
 * Looks that are taken:
 *
 *   scan       when the alert opened; when it was largest; the last that was told
 *   hot spots  since when the ward was hot; when the alert opened
 *
 * Those between are not taken again: they moved nothing that is stored. When an alert cleared isn't computed
 * either: it did because looks found nothing for so long, and of these nothing is kept.
 */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/recompute_internal.h"
#include "ingest/space_places.h"

enum { ACTIONS_CEILING = 16 << 20 };

struct a_look {
    int64_t at_us, day; /* day: of scans */
    int64_t version;    /* of the rule */
    struct ww_known known;
};

struct looks_run {
    struct recompute *of;
    struct ww_space_rules *rules;
    const struct ww_space_rule *rule;
    struct world *world;                             /* zone, wards and properties */
    const struct ww_json_node *explanation, *latest; /* as stored; latest may be NULL */
};

static enum ww_status ask(struct looks_run *c, const char *query, struct ww_pg_args *args,
                          const struct ww_pg_result **r) {
    enum ww_status st = ww_pg_sync_query(c->of->sync, ww_sql_find(query), args, r, c->of->err);
    ww_pg_args_clear(args);
    if (st == WW_OK && !recompute_goes_on(c->of))
        return ww_error_set(c->of->err, WW_BUSY, "cancelled");
    return st;
}

/* ---- Which looks ---- */

static bool read_instant(const struct ww_json_node *of, const char *key, int64_t *at_us) {
    struct ww_str text;
    return ww_json_as_str(ww_json_get(of, key), &text) && ww_instant_parse(text, NULL, at_us, NULL) == WW_OK;
}

/* A look as it is told: {looked_at, known, to} and the rule's version. */
static bool read_look(const struct ww_json_node *told, struct a_look *out) {
    struct ww_str to;
    char text[40];
    int64_t day_us;
    if (!ww_known_read(told, "known", &out->known) || !read_instant(told, "looked_at", &out->at_us))
        return false;
    if (!ww_json_as_i64(ww_json_get(told, "rule_version"), &out->version) &&
        !ww_json_as_i64(ww_json_get(ww_json_get(told, "rule"), "version"), &out->version))
        return false;
    out->day = 0;
    if (!ww_json_as_str(ww_json_get(told, "to"), &to))
        return true;
    int n = snprintf(text, sizeof text, "%.10sT00:00:00Z", to.len < 10 ? "" : to.ptr);
    if (ww_instant_parse((struct ww_str){text, (size_t)n}, NULL, &day_us, NULL) != WW_OK)
        return false;
    out->day = day_us / WW_DAY_US;
    return true;
}

static enum ww_status too_old(struct looks_run *c) {
    return ww_error_set(c->of->err, WW_CONFLICT,
                        "it was raised before explanations said up to where things were known (\"known\")");
}

/* ---- Places ---- */

static enum ww_status read_places(struct looks_run *c, const struct space_moment *when,
                                  struct space_places *p) {
    enum ww_status st = space_places_begin(p, c->rule, c->of->err);
    const char *query = NULL;
    p->when = *when;
    do {
        struct ww_pg_args args;
        const struct ww_pg_result *r;
        ww_pg_args_init(&args);
        query = st == WW_OK ? space_places_ask(p, &args) : NULL;
        if (query)
            st = ask(c, query, &args, &r);
        else
            ww_pg_args_clear(&args);
        if (query && st == WW_OK)
            st = space_places_take(p, r, c->of->err);
    } while (query && st == WW_OK);
    return st == WW_OK ? space_places_finish(p, c->world->catalog->ward_index, c->of->err) : st;
}

static enum ww_status log_actions(struct looks_run *c, struct ww_buf *actions) {
    if (actions->len == 0)
        return WW_OK;
    struct ww_buf list;
    ww_buf_init(&list, ACTIONS_CEILING);
    ww_buf_char(&list, '[');
    ww_buf_str_add(&list, ww_buf_str(actions));
    ww_buf_char(&list, ']');
    ww_buf_reset(actions);
    enum ww_status st = ww_buf_status(&list);
    st = st == WW_OK ? ww_alert_log_apply(c->of->log, ww_buf_str(&list), c->of->err)
                     : ww_error_set(c->of->err, st, "no memory for its alerts");
    ww_buf_clear(&list);
    return st;
}

/* ---- Scans ---- */

static enum ww_status count_events(struct looks_run *c, const struct ww_scan_spots *spots,
                                   const struct space_moment *when, struct ww_scan_watch *watch) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    enum ww_status st = ask(c, space_ask_events(&c->rule->scan, when, &args), &args, &r);
    for (int i = 0; st == WW_OK && i < ww_pg_rows(r); i++) {
        struct space_event event;
        struct ww_known seen;
        int64_t message_id;
        if (space_take_event(r, i, &event, &message_id, &seen) != SPACE_EVENT)
            continue;
        uint32_t spot =
            ww_scan_spots_find(spots, event.thing_id, event.ward_id, event.has_place ? &event.place : NULL);
        c->of->out->readings += (uint64_t)event.n;
        if (spot < WW_SPOT_UNKNOWN && !ww_scan_watch_count(watch, spot, event.day, event.n))
            st = ww_error_set(c->of->err, WW_TOO_LARGE, "it counts too many events at once");
    }
    return st;
}

/* Members of ours: those with which it opened, and those that were told last. */
static void list_members(const struct looks_run *c, struct ww_buf *out) {
    const struct ww_json_node *of[] = {c->explanation, c->latest};
    ww_buf_char(out, '[');
    for (int i = 0; i < 2; i++)
        for (const struct ww_json_node *m =
                 of[i] && ww_json_get(of[i], "members") ? ww_json_get(of[i], "members")->child : NULL;
             m; m = m->next) {
            if (out->len > 1)
                ww_buf_char(out, ',');
            ww_buf_str_add(out, m->text);
        }
    ww_buf_char(out, ']');
}

/* What the look before told of the largest: its own, when the alert is as it opened. */
static struct ww_str told_peak(struct looks_run *c, const struct ww_logged_alert *alert) {
    struct ww_json_node *latest;
    const struct ww_json_node *peak;
    if (alert->latest.len > 0 && ww_json_parse(c->of->arena, alert->latest, &latest, NULL) == WW_OK &&
        (peak = ww_json_get(latest, "peak")))
        return peak->text;
    return alert->explanation;
}

static enum ww_status take_open(struct looks_run *c, const struct a_look *look, struct ww_scan_watch *watch) {
    const struct ww_logged_alert *own = recompute_find(c->of);
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_buf members;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, c->rule->id);
    ww_pg_arg_instant(&args, look->at_us);
    ww_pg_arg_i64(&args, c->of->alert.id);
    enum ww_status st = ask(c, "recompute_space_open", &args, &r);
    if (st != WW_OK)
        return st;
    ww_buf_init(&members, ACTIONS_CEILING);
    list_members(c, &members);
    if (own)
        ww_scan_watch_take_open(watch, own->subject, own->last_us, own->peak, ww_buf_str(&members),
                                told_peak(c, own));
    for (int i = 0; i < ww_pg_rows(r); i++)
        ww_scan_watch_take_open(watch, ww_pg_i64(r, i, 0), ww_pg_i64(r, i, 1), ww_pg_double(r, i, 2),
                                ww_pg_str(r, i, 3), WW_STR(""));
    ww_buf_clear(&members);
    return WW_OK;
}

static enum ww_status scan_with(struct looks_run *c, const struct a_look *look, struct space_places *places,
                                struct ww_scan_watch **watch, struct ww_buf *actions) {
    struct space_moment when = {look->at_us, look->at_us, look->known};
    while (ww_instant_day(when.now_us, c->world->zone) > look->day) /* told after midnight */
        when.now_us -= WW_HOUR_US;
    enum ww_status st = read_places(c, &when, places);
    if (st == WW_OK)
        st = space_places_scan(places, look->day, watch, c->of->err);
    if (st == WW_OK)
        st = count_events(c, places->spots[0], &when, *watch);
    if (st == WW_OK)
        st = take_open(c, look, *watch);
    if (st != WW_OK)
        return st;
    ww_scan_watch_begin(*watch, look->day, &look->known);
    ww_scan_watch_look(*watch);
    if (ww_scan_watch_trouble(*watch)[0])
        return ww_error_set(c->of->err, WW_CONFLICT, "the scan fails: %s", ww_scan_watch_trouble(*watch));
    (void)ww_scan_watch_decide(*watch, look->at_us, false, actions);
    return log_actions(c, actions);
}

/* The rule as it was at that look. */
static enum ww_status take_rule(struct looks_run *c, int64_t version) {
    struct ww_rule_row row = c->of->rule;
    enum ww_status st = WW_OK;
    if (c->rule && c->rule->version == version)
        return st;
    if (row.version != version)
        st = recompute_rule(c->of, (int32_t)version, &row);
    if (st != WW_OK)
        return st;
    ww_space_rules_free(c->rules);
    c->rules = ww_space_rules_new();
    c->rule = &c->rules->rule[0];
    c->of->out->last_version = (int32_t)version;
    return ww_space_add_rule(c->rules, &row, c->of->err);
}

static enum ww_status scan_again(struct looks_run *c, const struct a_look *look) {
    enum ww_status st = take_rule(c, look->version);
    if (st != WW_OK)
        return st;
    struct ww_scan_watch *watch = NULL;
    struct ww_buf actions;
    struct space_places places = {0};
    ww_buf_init(&actions, ACTIONS_CEILING);
    st = scan_with(c, look, &places, &watch, &actions);
    ww_buf_clear(&actions);
    ww_scan_watch_free(watch);
    space_places_clear(&places);
    return st;
}

static enum ww_status scans(struct looks_run *c) {
    struct a_look opening, last, peak;
    if (!read_look(c->explanation, &opening))
        return too_old(c);
    enum ww_status st = scan_again(c, &opening);
    if (st != WW_OK || !c->latest || !recompute_find(c->of))
        return st;
    if (!read_look(c->latest, &last))
        return too_old(c);
    if (read_look(ww_json_get(c->latest, "peak"), &peak) && peak.at_us > opening.at_us &&
        peak.at_us < last.at_us)
        st = scan_again(c, &peak);
    return st == WW_OK ? scan_again(c, &last) : st;
}

/* ---- Hot spots ---- */

static enum ww_status look_at_map(struct looks_run *c, const struct a_look *look, int64_t things_at_us,
                                  struct ww_hotspot_watch *watch) {
    const struct space_moment when = {look->at_us, things_at_us, look->known};
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_known seen;
    ww_pg_args_init(&args);
    enum ww_status st = ask(c, space_ask_values(&c->rule->hotspot, &when, &args), &args, &r);
    if (st != WW_OK)
        return st;
    c->of->out->readings += (uint64_t)ww_pg_rows(r) - 1;
    space_take_values(r, watch, &seen);
    ww_hotspot_watch_begin(watch, look->at_us, &look->known);
    ww_hotspot_watch_settle(watch);
    ww_hotspot_watch_end(watch);
    return WW_OK;
}

static enum ww_status make_map(struct looks_run *c, const struct a_look *look,
                               struct ww_hotspot_watch **out) {
    const struct space_moment when = {look->at_us, look->at_us, look->known};
    struct space_places places = {0};
    enum ww_status st = read_places(c, &when, &places);
    if (st == WW_OK)
        st = space_places_hotspot(&places, c->world->catalog, out, c->of->err);
    space_places_clear(&places);
    return st;
}

static enum ww_status hotspots(struct looks_run *c) {
    struct a_look opening, since = {0};
    struct ww_hotspot_watch *watch = NULL;
    struct ww_buf actions;
    if (!read_look(c->explanation, &opening) || !ww_known_read(c->explanation, "known_since", &since.known) ||
        !read_instant(c->explanation, "hot_since", &since.at_us))
        return too_old(c);
    enum ww_status st = make_map(c, &opening, &watch);
    if (st == WW_OK && since.at_us < opening.at_us)
        st = look_at_map(c, &since, opening.at_us, watch);
    if (st == WW_OK)
        st = look_at_map(c, &opening, opening.at_us, watch);
    if (st == WW_OK) {
        ww_buf_init(&actions, ACTIONS_CEILING);
        (void)ww_hotspot_watch_decide(watch, c->of->alert.opened_us, &actions);
        st = log_actions(c, &actions);
        ww_buf_clear(&actions);
    }
    ww_hotspot_watch_free(watch);
    return st;
}

/* ---- The whole ---- */

/* What muted a cluster until it was told is taken as it is told: the text without that member. */
static struct ww_str without_muting(struct ww_arena *arena, struct ww_str text,
                                    const struct ww_json_node *of) {
    const struct ww_json_node *muted = of ? ww_json_get(of, "muted_until") : NULL;
    char *rest = muted ? ww_arena_alloc(arena, text.len) : NULL;
    if (!rest)
        return text;
    const char *from = muted->text.ptr, *to = muted->text.ptr + muted->text.len, *end = text.ptr + text.len;
    while (from > text.ptr && *from != ',' && *from != '{')
        from--;
    if (from == muted->text.ptr) /* its own brace */
        for (from--; from > text.ptr && *from != ',' && *from != '{';)
            from--;
    if (*from == '{')
        for (from++; to < end && *to != ','; to++)
            continue;
    to += *from != ',' && to < end && *to == ',';
    size_t before = (size_t)(from - text.ptr), after = (size_t)(end - to);
    memcpy(rest, text.ptr, before);
    memcpy(rest + before, to, after);
    return (struct ww_str){rest, before + after};
}

static enum ww_status begin(struct looks_run *c) {
    struct recompute *of = c->of;
    const struct ww_world_past past = {.at_us = of->alert.opened_us};
    struct ww_json_node *explanation = NULL, *latest = NULL;
    enum ww_status st = take_rule(c, of->rule.version);
    if (st == WW_OK)
        st = ww_json_parse(of->arena, of->alert.explanation, &explanation, of->err);
    if (st == WW_OK && of->alert.latest.len > 0)
        st = ww_json_parse(of->arena, of->alert.latest, &latest, of->err);
    if (st == WW_OK)
        st = ww_world_read_past(of->sync, &past, &c->world, of->err);
    c->explanation = explanation;
    c->latest = latest;
    if (st == WW_OK) {
        of->alert.explanation = without_muting(of->arena, of->alert.explanation, explanation);
        of->alert.latest = without_muting(of->arena, of->alert.latest, latest);
    }
    return st;
}

enum ww_status recompute_by_looks(struct recompute *of) {
    struct looks_run run = {.of = of};
    of->out->first_version = of->out->last_version = of->alert.rule_version;
    enum ww_status st = begin(&run);
    if (st == WW_OK)
        st = run.rule->is_map ? hotspots(&run) : scans(&run);
    world_free(run.world);
    ww_space_rules_free(run.rules);
    return st;
}
