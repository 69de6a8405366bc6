/* What becomes of the alerts after a look, and how they are explained.
 *
 * A cluster that is rare enough opens an alert about the ward where most of its cases are. While any cluster
 * that shares a place with it stays above the clear condition, it is the same alert, wherever the cluster's
 * edge and its main ward have moved to; when the numbers change, so does what the alert says. It clears when
 * no such cluster was seen for the time that the rule says, and events have been heard of since: silence
 * clears nothing.
 *
 * A cluster that rain or maintenance explains is muted (ingest/mute.h): recorded, by ward, and told when it
 * is there still after that.
 */
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/civil.h"
#include "ingest/space/scan_internal.h"

enum { MOST_MEMBERS = 200, MOST_SECONDARY = 10 };

/* ---- Open alerts ---- */

void ww_scan_watch_forget_alerts(struct ww_scan_watch *w) {
    while (w->n_open > 0)
        ww_free(w->open[--w->n_open].member);
}

uint32_t ww_scan_watch_open_count(const struct ww_scan_watch *w) {
    return w->n_open;
}

bool ww_scan_watch_has_pending(const struct ww_scan_watch *w) {
    return w->n_open + w->n_muted > 0;
}

static struct scan_open *add_open(struct ww_scan_watch *w, int64_t ward, int64_t now_us) {
    if (w->n_open == SCAN_MOST_OPEN)
        return NULL;
    struct scan_open *o = &w->open[w->n_open];
    *o = (struct scan_open){.ward = ward, .held_us = now_us, .peak_us = WW_INSTANT_NONE};
    o->member = ww_try_calloc(w->n_spots, sizeof *o->member);
    if (!o->member)
        return NULL;
    w->n_open++;
    return o;
}

/* "2026-05-01" */
static bool read_day(struct ww_str text, int64_t *day) {
    int64_t at_us;
    char room[40];
    int n = snprintf(room, sizeof room, "%.*sT00:00:00Z", (int)(text.len < 10 ? text.len : 10), text.ptr);
    bool good = ww_instant_parse((struct ww_str){room, (size_t)n}, NULL, &at_us, NULL) == WW_OK;
    if (good)
        *day = at_us / WW_DAY_US;
    return good;
}

void ww_scan_watch_take_open(struct ww_scan_watch *w, int64_t ward, int64_t last_us, double peak,
                             struct ww_str members, struct ww_str peak_look) {
    struct scan_open *o = add_open(w, ward, last_us);
    struct ww_arena *arena = o ? ww_arena_new((members.len + peak_look.len) * 64 + (1 << 16)) : NULL;
    struct ww_json_node *list = NULL, *look = NULL;
    uint64_t spot;
    struct ww_str key, day;
    if (!o)
        return;
    o->peak = peak;
    if (arena && members.len > 0 && ww_json_parse(arena, members, &list, NULL) == WW_OK)
        for (const struct ww_json_node *node = list->child; node; node = node->next)
            if (ww_json_as_str(ww_json_get(node, "key"), &key) && ww_map_get(w->spot_by_key, key, &spot))
                o->member[spot] = true;
    if (arena && peak_look.len > 0 && ww_json_parse(arena, peak_look, &look, NULL) == WW_OK &&
        ww_known_read(look, "known", &o->peak_known) &&
        ww_json_as_str(ww_json_get(look, "looked_at"), &key) &&
        ww_json_as_str(ww_json_get(look, "to"), &day) && read_day(day, &o->peak_day) &&
        (ww_json_as_i64(ww_json_get(look, "rule_version"), &o->peak_version) ||
         ww_json_as_i64(ww_json_get(ww_json_get(look, "rule"), "version"), &o->peak_version)) &&
        ww_instant_parse(key, NULL, &o->peak_us, NULL) != WW_OK)
        o->peak_us = WW_INSTANT_NONE;
    ww_arena_free(arena);
}

static struct scan_open *find_open(struct ww_scan_watch *w, const struct ww_scan_seen *s) {
    for (uint32_t k = 0; k < w->n_open; k++)
        for (uint32_t i = 0; i < s->is.length; i++)
            if (w->open[k].member[s->spot[i]])
                return &w->open[k];
    for (uint32_t k = 0; k < w->n_open; k++) /* a second cluster of one ward is the same alert */
        if (w->open[k].ward == s->ward_id)
            return &w->open[k];
    return NULL;
}

/* ---- Writing ---- */

static void put_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void put_int(struct ww_json *w, const char *key, int64_t n) {
    ww_json_key(w, key);
    ww_json_int(w, n);
}

static void put_number(struct ww_json *w, const char *key, double x) {
    ww_json_key(w, key);
    ww_json_double(w, x);
}

static void put_instant(struct ww_json *w, const char *key, int64_t at_us) {
    char text[40];
    ww_instant_text(at_us, text);
    put_text(w, key, text);
}

static void put_day(struct ww_json *w, const char *key, int64_t day) {
    int year, month, of_month;
    char text[40];
    ww_date_of(day, &year, &month, &of_month);
    snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, of_month);
    put_text(w, key, text);
}

static double rounded(double x, double unit) {
    return isfinite(x) ? round(x / unit) * unit : x;
}

/* A share or a chance, to four digits that matter. */
static double short_number(double x) {
    if (!isfinite(x) || x == 0)
        return x;
    double unit = pow(10, floor(log10(fabs(x))) - 3);
    return round(x / unit) * unit;
}

static void put_figures(const struct ww_scan_watch *w, struct ww_json *j, const struct ww_scan_seen *s) {
    put_day(j, "from", s->first_day);
    put_day(j, "to", s->last_day);
    put_number(j, "cases", s->is.cases);
    put_number(j, "expected_cases", rounded(s->is.expected, 1e-4));
    put_number(j, "relative_risk", rounded(s->is.relative_risk, 1e-3));
    put_number(j, "llr", rounded(s->is.llr, 1e-6));
    put_number(j, "p", short_number(s->is.p));
    put_number(j, "p_rank", short_number(s->is.p_rank));
    put_number(j, "p_gumbel", short_number(s->is.p_gumbel));
    put_number(j, "recurrence_interval_days", short_number(s->recurrence_days));
    if (w->zones->reach_m && s->is.length > 0) {
        uint64_t start = w->zones->start[s->is.chain];
        const struct ww_scan_spot *centre = &w->spots[w->zones->centre[s->is.chain]];
        ww_json_key(j, "centre");
        ww_json_array(j);
        ww_json_double(j, rounded(centre->at.lon_deg, 1e-7));
        ww_json_double(j, rounded(centre->at.lat_deg, 1e-7));
        ww_json_end_array(j);
        put_number(j, "radius_m", rounded((double)w->zones->reach_m[start + s->is.length - 1], 0.1));
    }
}

static void put_members(const struct ww_scan_watch *w, struct ww_json *j, const struct ww_scan_seen *s,
                        uint32_t most) {
    put_int(j, "n_members", s->is.length);
    ww_json_key(j, "members");
    ww_json_array(j);
    for (uint32_t i = 0; i < s->is.length && i < most; i++) {
        const struct ww_scan_spot *spot = &w->spots[s->spot[i]];
        ww_json_object(j);
        ww_json_key(j, "key");
        ww_json_str(j, spot->key);
        put_int(j, "cases", s->cases[i]);
        if (!isnan(spot->at.lon_deg)) {
            put_number(j, "lon", rounded(spot->at.lon_deg, 1e-6));
            put_number(j, "lat", rounded(spot->at.lat_deg, 1e-6));
        }
        ww_json_end_object(j);
    }
    ww_json_end_array(j);
}

static void put_level(struct ww_json *j, const char *key, const char *of, double x) {
    ww_json_key(j, key);
    ww_json_object(j);
    if (strcmp(of, "upper") == 0)
        put_number(j, "lower", NAN);
    put_number(j, of, x);
    put_text(j, "unit", "1");
    ww_json_end_object(j);
}

static struct ww_mute ask_gate(const struct ww_scan_watch *w, const struct ww_scan_seen *s, int64_t at_us,
                               int64_t just_us) {
    const struct ww_scan_spot *centre = &w->spots[w->zones->centre[s->is.chain]];
    const struct ww_mute_subject subject = {.rule_id = w->rule_id,
                                            .ward_id = s->ward_id,
                                            .place = centre->at,
                                            .has_place = !isnan(centre->at.lon_deg)};
    return w->gate ? w->gate(w->gate_arg, &subject, at_us, just_us)
                   : (struct ww_mute){.reason = WW_MUTE_NONE};
}

/* What muted clusters there until just before. */
static void put_muted_until(const struct ww_scan_watch *w, struct ww_json *j, const struct ww_scan_seen *s,
                            int64_t now_us) {
    struct ww_mute before = ask_gate(w, s, now_us, WW_MUTE_JUST_US);
    if (before.reason == WW_MUTE_NONE || before.until_us > now_us)
        return;
    ww_json_key(j, "muted_until");
    ww_json_object(j);
    ww_mute_write(&before, j);
    ww_json_end_object(j);
}

/* The look at which it was largest, which may be an earlier one. */
static void put_peak(struct ww_json *j, const struct scan_open *o) {
    if (o->peak_us == WW_INSTANT_NONE)
        return;
    ww_json_key(j, "peak");
    ww_json_object(j);
    put_number(j, "cases", o->peak);
    put_int(j, "rule_version", o->peak_version);
    put_day(j, "to", o->peak_day);
    put_instant(j, "looked_at", o->peak_us);
    ww_known_write(j, "known", &o->peak_known);
    ww_json_end_object(j);
}

/* `o`: of an alert that goes on. */
static void explain(const struct ww_scan_watch *w, struct ww_json *j, const struct ww_scan_seen *s,
                    const struct scan_open *o, int64_t now_us) {
    ww_json_object(j);
    put_text(j, "method", "scan");
    ww_json_key(j, "rule");
    ww_json_object(j);
    ww_json_key(j, "code");
    ww_json_str(j, w->code);
    put_int(j, "version", w->version);
    ww_json_key(j, "config");
    ww_json_raw(j, w->config);
    ww_json_end_object(j);
    put_level(j, "expected", "upper", rounded(s->is.expected, 1e-4));
    put_level(j, "observed", "value", s->is.cases);
    put_text(j, "model", ww_scan_model_word(w->how.model));
    put_text(j, "places", ww_scan_place_word(w->how.places));
    put_text(j, "zones", ww_scan_zone_word(w->how.zones));
    put_instant(j, "looked_at", now_us);
    ww_known_write(j, "known", &w->known);
    put_int(j, "seed", (int64_t)w->how.seed);
    put_int(j, "replicas", w->result.replicas);
    put_number(j, "total_cases", w->result.totals.cases);
    put_int(j, "n_places", w->n_spots);
    put_int(j, "n_zones", (int64_t)w->result.n_zones);
    put_number(j, "looks_a_day_count_as", w->looks);
    if (w->learned_days > 0)
        put_number(j, "learned_from_days", w->learned_days);
    put_muted_until(w, j, s, now_us);
    put_figures(w, j, s);
    if (o)
        put_peak(j, o);
    put_members(w, j, s, MOST_MEMBERS);
    ww_json_key(j, "secondary");
    ww_json_array(j);
    for (uint32_t k = 0; k < w->n_seen && k < MOST_SECONDARY; k++) {
        if (&w->seen[k] == s)
            continue;
        ww_json_object(j);
        put_figures(w, j, &w->seen[k]);
        put_members(w, j, &w->seen[k], 20);
        ww_json_end_object(j);
    }
    ww_json_end_array(j);
    ww_json_end_object(j);
}

static void begin_action(const struct ww_scan_watch *w, struct ww_buf *out, struct ww_json *j, const char *op,
                         int64_t ward) {
    if (out->len > 0)
        ww_buf_char(out, ',');
    ww_json_init(j, out);
    ww_json_object(j);
    put_text(j, "op", op);
    put_int(j, "rule", w->rule_id);
    put_text(j, "kind", "ward");
    put_int(j, "subject", ward);
}

static void put_counts(struct ww_json *j, const struct ww_scan_seen *s, double peak, int64_t now_us) {
    put_int(j, "count", (int64_t)s->is.cases);
    put_number(j, "last", s->is.cases);
    put_number(j, "peak", peak);
    put_instant(j, "last_at", now_us);
}

/* ---- Deciding ---- */

static void open_alert(struct ww_scan_watch *w, struct scan_open *o, const struct ww_scan_seen *s,
                       int64_t now_us, struct ww_buf *actions) {
    struct ww_json j;
    begin_action(w, actions, &j, "open", o->ward);
    put_int(&j, "version", w->version);
    put_int(&j, "severity", w->severity);
    put_text(&j, "category", "pollution");
    put_text(&j, "detector", "scan");
    put_text(&j, "property", "event_cluster");
    ww_json_key(&j, "ward");
    if (o->ward == 0)
        ww_json_null(&j);
    else
        ww_json_int(&j, o->ward);
    put_instant(&j, "at", now_us);
    put_counts(&j, s, s->is.cases, now_us);
    put_instant(&j, "peak_at", now_us);
    ww_json_key(&j, "explanation");
    explain(w, &j, s, NULL, now_us);
    ww_json_end_object(&j);
}

/* ---- Muted ones ---- */

void ww_scan_watch_set_gate(struct ww_scan_watch *w, ww_scan_gate gate, void *arg) {
    w->gate = gate;
    w->gate_arg = arg;
}

void ww_scan_watch_take_muted(struct ww_scan_watch *w, int64_t ward) {
    if (w->n_muted < SCAN_MOST_OPEN)
        w->muted[w->n_muted++] = ward;
}

static uint32_t find_muted(const struct ww_scan_watch *w, int64_t ward) {
    uint32_t k = 0;
    while (k < w->n_muted && w->muted[k] != ward)
        k++;
    return k;
}

/* True: it is muted; the first time that is recorded. */
static bool mute_cluster(struct ww_scan_watch *w, const struct ww_scan_seen *s, int64_t now_us,
                         struct ww_buf *actions, struct ww_scan_moves *moves) {
    struct ww_json j;
    struct ww_mute mute = ask_gate(w, s, now_us, 0);
    if (mute.reason == WW_MUTE_NONE)
        return false;
    if (find_muted(w, s->ward_id) < w->n_muted)
        return true;
    ww_scan_watch_take_muted(w, s->ward_id);
    moves->muted[mute.reason]++;
    begin_action(w, actions, &j, "mute", s->ward_id);
    put_int(&j, "version", w->version);
    ww_json_key(&j, "ward");
    if (s->ward_id == 0)
        ww_json_null(&j);
    else
        ww_json_int(&j, s->ward_id);
    put_instant(&j, "at", now_us);
    put_counts(&j, s, s->is.cases, now_us);
    ww_json_key(&j, "muted");
    ww_json_object(&j);
    ww_mute_write(&mute, &j);
    ww_json_end_object(&j);
    ww_json_key(&j, "explanation");
    explain(w, &j, s, NULL, now_us);
    ww_json_end_object(&j);
    return true;
}

static void unmute(struct ww_scan_watch *w, uint32_t k, bool raised, int64_t now_us, struct ww_buf *actions) {
    struct ww_json j;
    begin_action(w, actions, &j, "unmute", w->muted[k]);
    put_instant(&j, "at", now_us);
    ww_json_key(&j, "raised");
    ww_json_bool(&j, raised);
    ww_json_end_object(&j);
    w->muted[k] = w->muted[--w->n_muted];
}

/* Those that are not there any more. */
static void end_muted(struct ww_scan_watch *w, int64_t now_us, struct ww_buf *actions) {
    for (uint32_t k = w->n_muted; k-- > 0;) {
        bool goes_on = false;
        for (uint32_t i = 0; i < w->n_seen; i++)
            goes_on = goes_on || (w->seen[i].ward_id == w->muted[k] &&
                                  w->seen[i].recurrence_days >= w->how.clear_recurrence_days);
        if (!goes_on)
            unmute(w, k, false, now_us, actions);
    }
}

static void update_alert(struct ww_scan_watch *w, struct scan_open *o, const struct ww_scan_seen *s,
                         int64_t now_us, struct ww_buf *actions) {
    struct ww_json j;
    begin_action(w, actions, &j, "update", o->ward);
    put_counts(&j, s, o->peak, now_us);
    if (s->is.cases >= o->peak)
        put_instant(&j, "peak_at", now_us);
    ww_json_key(&j, "latest");
    explain(w, &j, s, o, now_us);
    ww_json_end_object(&j);
}

static void clear_alert(struct ww_scan_watch *w, uint32_t k, int64_t now_us, struct ww_buf *actions) {
    struct ww_json j;
    begin_action(w, actions, &j, "clear", w->open[k].ward);
    put_instant(&j, "at", now_us);
    ww_json_end_object(&j);
    ww_free(w->open[k].member);
    w->open[k] = w->open[--w->n_open];
}

/* What was told of it is not what is seen now. */
static bool has_news(const struct scan_open *o, const struct ww_scan_seen *s) {
    return o->cases != s->is.cases || o->from != (double)s->first_day || o->length != s->is.length;
}

static void note_told(const struct ww_scan_watch *w, struct scan_open *o, const struct ww_scan_seen *s,
                      int64_t now_us) {
    for (uint32_t i = 0; i < s->is.length; i++)
        o->member[s->spot[i]] = true;
    o->cases = s->is.cases;
    o->from = (double)s->first_day;
    o->length = s->is.length;
    if (o->peak > s->is.cases)
        return;
    o->peak = s->is.cases;
    o->peak_us = now_us;
    o->peak_day = s->last_day;
    o->peak_version = w->version;
    o->peak_known = w->known;
}

struct ww_scan_moves ww_scan_watch_decide(struct ww_scan_watch *w, int64_t now_us, bool heard,
                                          struct ww_buf *actions) {
    struct ww_scan_moves moves = {.opened = 0};
    bool held[SCAN_MOST_OPEN] = {false};
    for (uint32_t k = 0; k < w->n_seen; k++) {
        const struct ww_scan_seen *s = &w->seen[k];
        struct scan_open *o = find_open(w, s);
        bool is_new = !o && s->recurrence_days >= w->how.recurrence_days;
        if (s->recurrence_days < w->how.clear_recurrence_days || (!o && !is_new))
            continue;
        if (is_new && (mute_cluster(w, s, now_us, actions, &moves) || !(o = add_open(w, s->ward_id, now_us))))
            continue;
        bool first = !held[o - w->open]; /* the best of those that are this alert speaks for it */
        bool news = first && has_news(o, s);
        note_told(w, o, s, now_us);
        held[o - w->open] = true;
        o->held_us = now_us;
        uint32_t muted = find_muted(w, s->ward_id);
        if (is_new && muted < w->n_muted)
            unmute(w, muted, true, now_us, actions);
        if (is_new)
            open_alert(w, o, s, now_us, actions);
        else if (news)
            update_alert(w, o, s, now_us, actions);
        moves.opened += is_new;
        moves.updated += !is_new && news;
    }
    if (heard && !w->trouble[0])
        end_muted(w, now_us, actions);
    for (uint32_t k = w->n_open; k-- > 0;) {
        double quiet_h = (double)(now_us - w->open[k].held_us) / (double)WW_HOUR_US;
        if (held[k] || w->trouble[0] || !heard || quiet_h < w->how.clear_after_h)
            continue;
        clear_alert(w, k, now_us, actions);
        moves.cleared++;
    }
    return moves;
}
