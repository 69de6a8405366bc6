/* Writes down why: all that somebody else needs to come to the same numbers.
 *
 * Every explanation of a detector that learns has
 *   method, rule {code, version, config}, observed {value, unit, time}, expected {value, lower, upper, unit},
 *   false_alarms_per_month {allowed, expected}, learned {readings, since}, fire {hits, of}, reasons [the
 * first] and what its method has besides. `learned` says from which readings the state came: replayed in the
 * order in which they came, they give the same numbers. A neighbour's vote is named by its datastream's id
 * and holds no value and no name, since it may be in a ward that the reader must not see.
 */
#include <math.h>
#include <stdio.h>

#include "ingest/judge_internal.h"

char explain_category(const struct rule_row *rule) {
    return ww_learned_category(&rule->learned)[0];
}

static void write_number(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    isfinite(value) ? ww_json_double(w, value) : ww_json_null(w);
}

/* Six digits are enough to compare, and are read more easily. */
static void write_rounded(struct ww_json *w, const char *key, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    ww_json_key(w, key);
    isfinite(value) ? ww_json_raw(w, ww_str_of(text)) : ww_json_null(w);
}

static void write_int(struct ww_json *w, const char *key, int64_t value) {
    ww_json_key(w, key);
    ww_json_int(w, value);
}

static void write_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static const struct {
    unsigned bit;
    const char *name;
} signs[] = {{WW_QUALITY_STUCK, "stuck"}, {WW_QUALITY_GAP, "gap"},         {WW_QUALITY_RANGE, "range"},
             {WW_QUALITY_SPIKE, "spike"}, {WW_QUALITY_CLIPPED, "clipped"}, {WW_QUALITY_DIGITS, "digits"},
             {WW_QUALITY_FLAG, "flag"}},
  statistics[] = {{WW_BASELINE_RECENT, "recent"},
                  {WW_BASELINE_SEASON, "season"},
                  {WW_BASELINE_SHIFT, "shift"},
                  {WW_BASELINE_RUN, "run"}};

static void write_signs(struct ww_json *w, unsigned bits) {
    ww_json_key(w, "signs");
    ww_json_array(w);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (bits & signs[i].bit)
            ww_json_text(w, signs[i].name);
    ww_json_end_array(w);
}

static const char *verdict_word(enum ww_neighbour_kind kind) {
    static const char *const words[] = {"learning", "no neighbours", "normal", "area event", "fault", "dead"};
    return words[kind];
}

/* ---- By method ---- */

static void write_baseline(const struct finding *f, struct ww_json *w) {
    const struct ww_baseline_verdict *v = &f->baseline;
    write_text(w, "basis", v->by_season ? "season" : "recent");
    write_rounded(w, "z", v->z);
    write_rounded(w, "surprise", v->surprise);
    write_rounded(w, "months", v->months);
    ww_json_key(w, "statistics");
    ww_json_array(w);
    for (size_t i = 0; i < sizeof statistics / sizeof *statistics; i++)
        if (v->reasons & statistics[i].bit)
            ww_json_text(w, statistics[i].name);
    ww_json_end_array(w);
    write_int(w, "outside_of_8", v->outside_of_8);
    write_int(w, "outside_of_64", v->outside_of_64);
    ww_json_key(w, "since");
    if (v->since_us == WW_INSTANT_NONE)
        ww_json_null(w);
    else {
        char text[40];
        ww_instant_text(v->since_us, text);
        ww_json_text(w, text);
    }
    write_rounded(w, "interval_s", v->usual_s);
    /* The threshold that independent residuals would need for a row a month so rare; the series' own tail is
     * what was used. */
    write_rounded(w, "cusum_h",
                  v->usual_s > 0 ? ww_cusum_threshold(0.5, v->months * 30.44 * 86400 / v->usual_s) : NAN);
}

static void write_neighbour(const struct ww_judge *j, const struct finding *f, struct ww_json *w) {
    const struct ww_neighbour_verdict *v = &f->neighbour.verdict;
    write_text(w, "verdict", verdict_word(v->kind));
    write_rounded(w, "z", v->z);
    write_rounded(w, "neighbours_z", v->median);
    write_rounded(w, "residual", v->residual);
    write_rounded(w, "p", pow(10, -v->surprise));
    write_rounded(w, "p_together", pow(10, -f->neighbour.area_surprise));
    write_int(w, "voters", v->voters);
    ww_json_key(w, "members");
    ww_json_array(w);
    for (int i = 0; i < f->neighbour.n_votes; i++) {
        const struct learned_watch *other = &j->learned[f->neighbour.votes[i].watch];
        ww_json_object(w);
        write_int(w, "datastream", j->catalog->datastreams[other->datastream].id);
        write_rounded(w, "distance_m", round((double)f->neighbour.votes[i].distance_m));
        write_rounded(w, "weight", (double)f->neighbour.votes[i].weight);
        write_rounded(w, "z", (double)f->neighbour.votes[i].z);
        write_rounded(w, "age_intervals", (double)f->neighbour.votes[i].intervals);
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

static void write_quality(const struct learned_watch *watch, const struct finding *f, struct ww_json *w) {
    const struct ww_quality_verdict *v = &f->quality;
    const struct ww_quality *s = &watch->quality->state;
    write_signs(w, v->signs);
    if (v->signs & WW_QUALITY_STUCK) {
        write_int(w, "run", v->run);
        write_rounded(w, "run_allowed", v->run_allowed);
    }
    if (v->signs & WW_QUALITY_GAP) {
        write_rounded(w, "silence_s", v->silence_s);
        write_rounded(w, "interval_s", v->usual_s);
    }
    if (v->signs & WW_QUALITY_SPIKE)
        write_rounded(w, "spike_sd", v->spike_sd);
    if (v->signs & WW_QUALITY_CLIPPED) {
        write_rounded(w, "clipped_z", v->clipped_z);
        write_number(w, "limit", watch->quality->limit);
        write_int(w, "just_above", (int64_t)s->above);
        write_int(w, "just_below", (int64_t)s->below);
        write_int(w, "further_below", (int64_t)s->further);
    }
    if (v->signs & WW_QUALITY_DIGITS) {
        write_rounded(w, "digits_chi2", v->digits_chi2);
        ww_json_key(w, "digits");
        ww_json_array(w);
        for (int i = 0; i < 10; i++)
            ww_json_int(w, s->digit[i]);
        ww_json_end_array(w);
    }
    if (v->signs & WW_QUALITY_FLAG)
        write_int(w, "readings_without_a_mark", s->n);
}

/* ---- The whole ---- */

static const char *method_of(const struct rule_row *rule) {
    switch (rule->learned.detector) {
    case WW_LEARNED_BASELINE:
        return "seasonal robust baseline, k of n";
    case WW_LEARNED_NEIGHBOUR:
        return rule->learned.area ? "neighbours raised together, k of n" : "neighbour residual, k of n";
    default:
        return rule->learned.signs & WW_QUALITY_LEADS ? "readings that look made up" : "quality of readings";
    }
}

static void write_band(struct ww_json *w, const struct finding *f, struct ww_str unit) {
    ww_json_key(w, "observed");
    ww_json_object(w);
    write_number(w, "value", f->observed);
    ww_json_key(w, "unit");
    ww_json_str(w, unit);
    judge_instant(w, "time", f->at_us);
    ww_json_end_object(w);
    ww_json_key(w, "expected");
    ww_json_object(w);
    write_rounded(w, "value", f->expected);
    write_rounded(w, "lower", f->lower);
    write_rounded(w, "upper", f->upper);
    ww_json_key(w, "unit");
    ww_json_str(w, unit);
    ww_json_end_object(w);
}

static struct ww_str unit_of(const struct ww_judge *j, const struct learned_watch *watch) {
    return j->catalog->properties[j->catalog->datastreams[watch->datastream].property].unit;
}

void explain_finding(const struct ww_judge *j, const struct learned_watch *watch, const struct finding *f,
                     struct ww_json *w) {
    const struct rule_row *rule = &j->rules[watch->rule];
    ww_json_key(w, "explanation");
    ww_json_object(w);
    write_text(w, "method", method_of(rule));
    if (rule->learned.detector == WW_LEARNED_QUALITY && (rule->learned.signs & WW_QUALITY_LEADS))
        write_text(w, "kind", "tampering");
    judge_write_rule(rule, w);
    write_band(w, f, unit_of(j, watch));
    if (rule->learned.detector != WW_LEARNED_QUALITY) {
        ww_json_key(w, "false_alarms_per_month");
        ww_json_object(w);
        write_number(w, "allowed", rule->learned.false_alarms_per_month);
        write_rounded(w, "expected", f->false_alarms);
        ww_json_end_object(w);
    }
    ww_json_key(w, "learned");
    ww_json_object(w);
    write_int(w, "readings", watch->n);
    judge_instant(w, "since", watch->since_us);
    ww_json_end_object(w);
    ww_json_key(w, "fire");
    ww_json_object(w);
    write_int(w, "hits", __builtin_popcount(watch->firing.hits & ((1u << rule->learned.fire_n) - 1)));
    write_int(w, "of", rule->learned.fire_n);
    ww_json_end_object(w);
    mute_explain(j, watch, watch->firing.last_us, w);
    if (rule->learned.detector == WW_LEARNED_BASELINE)
        write_baseline(f, w);
    else if (rule->learned.detector == WW_LEARNED_NEIGHBOUR)
        write_neighbour(j, f, w);
    else
        write_quality(watch, f, w);
    ww_json_key(w, "reasons");
    ww_json_array(w);
    explain_reason(j, watch, f, NULL, w);
    ww_json_end_array(w);
    ww_json_end_object(w);
}

void explain_reason(const struct ww_judge *j, const struct learned_watch *watch, const struct finding *f,
                    const char *key, struct ww_json *w) {
    const struct rule_row *rule = &j->rules[watch->rule];
    const struct ww_cat_datastream *ds = &j->catalog->datastreams[watch->datastream];
    const struct event *e = watch->event == NO_EVENT ? NULL : &j->events[watch->event];
    if (key)
        ww_json_key(w, key);
    ww_json_object(w);
    write_text(w, "detector", ww_learned_detector_name(rule->learned.detector));
    ww_json_key(w, "rule");
    ww_json_str(w, rule->code);
    write_int(w, "version", rule->version);
    write_text(w, "category", ww_learned_category(&rule->learned));
    write_int(w, "datastream", ds->id);
    ww_json_key(w, "property");
    ww_json_str(w, j->catalog->properties[ds->property].code);
    judge_instant(w, "at", f->at_us);
    write_band(w, f, unit_of(j, watch));
    if (rule->learned.detector != WW_LEARNED_QUALITY)
        write_rounded(w, "false_alarms_per_month", f->false_alarms);
    if (rule->learned.detector == WW_LEARNED_NEIGHBOUR)
        write_text(w, "verdict", verdict_word(f->neighbour.verdict.kind));
    if (rule->learned.detector == WW_LEARNED_QUALITY)
        write_signs(w, f->quality.signs);
    if (e && e->category == 'p' && explain_category(rule) == 's') {
        ww_json_key(w, "explains");
        ww_json_bool(w, true);
    }
    ww_json_end_object(w);
}
