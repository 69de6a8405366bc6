/* Signals that rain or maintenance explain: recorded, and told to nobody (ingest/mute.h).
 *
 * A muted signal is an action `mute` for signal_apply (sql/migrations/0017_mute.sql) with the explanation
 * that its alert would have had; `unmute` says how it ended: over while it was muted, or raised afterwards.
 */
#include "ingest/judge_internal.h"

static struct ww_mute find(const struct ww_judge *j, const struct learned_watch *w, int64_t at_us,
                           uint32_t ward, int64_t just_us) {
    const struct ww_mute_subject subject = {.rule_id = j->rules[w->rule].id,
                                            .datastream = &j->catalog->datastreams[w->datastream],
                                            .ward_id = ward};
    return ww_mutes_find(j->mutes, j->catalog, &subject, at_us, just_us);
}

static void begin(struct ww_judge *j, const struct learned_watch *w, const char *op, int64_t at_us,
                  struct ww_json *json) {
    const struct figures figures = {.count = w->figures.count,
                                    .peak = w->figures.peak,
                                    .last = w->figures.last,
                                    .peak_at_us = w->figures.peak_at_us,
                                    .last_at_us = w->figures.last_at_us};
    judge_begin_action(j, op, j->rules[w->rule].id, j->catalog->datastreams[w->datastream].id, &figures,
                       json);
    judge_instant(json, "at", at_us);
}

bool mute_holds(struct ww_judge *j, struct learned_watch *w, const struct finding *f, int64_t at_us,
                uint32_t ward) {
    struct ww_mute mute = find(j, w, at_us, ward, 0);
    if (mute.reason == WW_MUTE_NONE)
        return false;
    bool goes_on = w->muted;
    if (!goes_on) {
        w->muted = true;
        w->ward = ward;
        w->figures = (struct figures){.count = 0};
    }
    learned_note_hit(w, f);
    if (goes_on)
        return true;
    j->muted[mute.reason]++;
    j->n_mutes++;
    if (judge_is_full(j))
        return true;
    struct ww_json json;
    begin(j, w, "mute", at_us, &json);
    ww_json_key(&json, "version");
    ww_json_int(&json, j->rules[w->rule].version);
    judge_write_ward(ward, &json);
    ww_json_key(&json, "muted");
    ww_json_object(&json);
    ww_mute_write(&mute, &json);
    ww_json_end_object(&json);
    explain_finding(j, w, f, &json);
    ww_json_end_object(&json);
    return true;
}

void mute_end(struct ww_judge *j, struct learned_watch *w, int64_t at_us, bool raised) {
    w->muted = false;
    j->n_mutes++;
    if (judge_is_full(j))
        return;
    struct ww_json json;
    begin(j, w, "unmute", at_us, &json);
    ww_json_key(&json, "raised");
    ww_json_bool(&json, raised);
    ww_json_end_object(&json);
}

void mute_explain(const struct ww_judge *j, const struct learned_watch *w, int64_t at_us,
                  struct ww_json *json) {
    struct ww_mute before = find(j, w, at_us, w->ward, WW_MUTE_JUST_US);
    if (before.reason == WW_MUTE_NONE || before.until_us > at_us)
        return;
    ww_json_key(json, "muted_until");
    ww_json_object(json);
    ww_mute_write(&before, json);
    ww_json_end_object(json);
}
