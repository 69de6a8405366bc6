/* Holds the events of the simulated city and lets them act on the readings. */
#include "ingest/simulate/script.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "ingest/simulate/script_internal.h"

#define MINUTE_US (60 * WW_SECOND_US)

static int64_t step_at(const struct ww_script *script, int64_t time_us) {
    return time_us >= script->options.brisk_us ? script->options.brisk_step_us : script->options.step_us;
}

static int64_t round_up(int64_t time_us, int64_t step_us) {
    return (time_us + step_us - 1) / step_us * step_us;
}

bool ww_event_is_active(const struct ww_event *event, int64_t time_us) {
    return time_us >= event->start_us && time_us < event->end_us;
}

/* Up within a sixth of the time, at most eight minutes; held with a ripple; down the same way. */
static double excess_at(const struct ww_script *script, const struct ww_event *event, int64_t time_us) {
    double length = (double)(event->end_us - event->start_us);
    double ramp = fmin(length / 6, 8.0 * (double)MINUTE_US);
    double rise = (double)(time_us - event->start_us) / ramp;
    double fall = (double)(event->end_us - time_us) / ramp;
    double ripple = 1 - 0.06 * ww_mix_unit(script->city->seed, 31 + event->id, (uint64_t)time_us);
    if (event->kind == WW_EVENT_AIR)
        return ripple; /* hourly means have no slopes to show */
    return fmax(0, fmin(1, fmin(rise, fall))) * ripple;
}

/* The value that a signal has under an event, and its flag. */
static double bend(const struct ww_script *script, const struct ww_event *event,
                   const struct ww_signal *signal, int64_t time_us, double normal, char *flag) {
    *flag = 'N';
    switch (event->kind) {
    case WW_EVENT_STUCK:
        return ww_signal_at(signal, script->city->seed, event->thing, event->start_us);
    case WW_EVENT_SPIKE:
        return normal * 6;
    case WW_EVENT_FLAGGED_SPIKE:
        *flag = 'D';
        return normal * 20;
    case WW_EVENT_CALIBRATION: /* the standard solution is far above what flows by */
        *flag = 'C';
        return signal->upper > 0 ? signal->upper * 1.6 : signal->base * 2;
    case WW_EVENT_MAINTENANCE:
        *flag = 'M';
        return 0;
    case WW_EVENT_GAP:
        return normal;
    default:
        return normal + (event->level - normal) * excess_at(script, event, time_us);
    }
}

static bool exceeds(const struct ww_signal *signal, int64_t time_us, double value) {
    double upper = ww_signal_upper_at(signal, time_us);
    return (upper > 0 && value > upper) || (signal->lower > 0 && value < signal->lower);
}

/* Finds the peak, and whether readings in a row exceed: two for k-of-n rules, one for hourly means. */
static bool will_alert(const struct ww_script *script, struct ww_event *event) {
    const struct ww_signal *signals;
    ww_signals_of(&script->city->things[event->thing], &signals);
    const struct ww_signal *signal = &signals[event->signal];
    bool is_air = event->kind == WW_EVENT_AIR;
    int in_a_row = 0, longest = 0;
    int64_t step_us = is_air ? WW_HOUR_US : step_at(script, event->start_us);
    for (int64_t t = round_up(event->start_us, step_us); t < event->end_us; t += step_us) {
        char flag;
        double normal = ww_signal_at(signal, script->city->seed, event->thing, t);
        double value = ww_signal_round(signal, bend(script, event, signal, t, normal, &flag));
        if (event->level < normal ? event->peak == 0 || value < event->peak : value > event->peak)
            event->peak = value;
        in_a_row = exceeds(signal, t, value) ? in_a_row + 1 : 0;
        longest = in_a_row > longest ? in_a_row : longest;
        step_us = is_air ? WW_HOUR_US : step_at(script, t);
    }
    return longest >= (is_air ? 1 : 2);
}

static bool is_busy(const struct ww_script *script, const struct ww_event *event) {
    int64_t apart_us = event->start_us >= script->options.brisk_us ? 8 * MINUTE_US : WW_HOUR_US;
    for (uint32_t i = script->n_events; i-- > script->first_recent;) {
        const struct ww_event *other = &script->events[i];
        if (other->thing == event->thing && event->start_us < other->end_us + apart_us &&
            other->start_us < event->end_us + apart_us)
            return true;
    }
    return false;
}

struct ww_event *script_add(struct ww_script *script, struct ww_event event) {
    bool should = event.kind <= WW_EVENT_AIR;
    if (event.start_us < script->window_from_us || event.end_us > script->window_to_us ||
        is_busy(script, &event))
        return NULL;
    event.peak = 0;
    event.id = script->n_events;
    if (should && !will_alert(script, &event))
        return NULL;
    if (script->n_events == script->cap_events) {
        uint32_t cap = script->cap_events ? script->cap_events * 2 : 64;
        struct ww_event *grown = ww_try_realloc(script->events, cap * sizeof *grown);
        if (!grown)
            return NULL;
        script->events = grown;
        script->cap_events = cap;
    }
    event.group = event.group == SCRIPT_NEW_GROUP ? event.id : event.group;
    event.should_alert = should;
    script->events[script->n_events] = event;
    return &script->events[script->n_events++];
}

struct ww_script *ww_script_new(const struct ww_city *city, const struct ww_script_options *options) {
    struct ww_script *script = ww_must_calloc(1, sizeof *script);
    script->city = city;
    script->options = *options;
    script->next_day = (options->history_us + 8 * WW_HOUR_US) / WW_DAY_US - 1;
    for (uint32_t i = 0; i < city->n_things; i++)
        script->n_of_class[city->things[i].class]++;
    for (int c = 0; c < WW_CITY_N_CLASSES; c++)
        script->of_class[c] = ww_must_calloc(script->n_of_class[c] + 1, sizeof(uint32_t));
    uint32_t filled[WW_CITY_N_CLASSES] = {0};
    for (uint32_t i = 0; i < city->n_things; i++)
        script->of_class[city->things[i].class][filled[city->things[i].class]++] = i;
    return script;
}

void ww_script_free(struct ww_script *script) {
    if (!script)
        return;
    for (int c = 0; c < WW_CITY_N_CLASSES; c++)
        ww_free(script->of_class[c]);
    ww_free(script->events);
    ww_free(script->active);
    ww_free(script);
}

void ww_script_advance(struct ww_script *script, int64_t time_us) {
    script_schedule(script, time_us + WW_HOUR_US);
    while (script->first_recent < script->n_events &&
           script->events[script->first_recent].end_us < time_us - 2 * WW_DAY_US)
        script->first_recent++;
    if (script->cap_active < script->n_events - script->first_recent) {
        ww_free(script->active);
        script->cap_active = 2 * (script->n_events - script->first_recent);
        script->active = ww_must_calloc(script->cap_active, sizeof *script->active);
    }
    script->n_active = 0;
    for (uint32_t i = script->first_recent; i < script->n_events; i++)
        if (script->events[i].start_us <= time_us && script->events[i].end_us > time_us - WW_HOUR_US)
            script->active[script->n_active++] = i;
}

void ww_script_read(const struct ww_script *script, uint32_t thing, int64_t time_us, struct ww_tick *out) {
    const struct ww_signal *signals;
    uint32_t n = ww_signals_of(&script->city->things[thing], &signals);
    memset(out, 0, sizeof *out);
    for (uint32_t s = 0; s < n; s++) {
        double value = ww_signal_at(&signals[s], script->city->seed, thing, time_us);
        out->flag[s] = 'N';
        for (uint32_t i = 0; i < script->n_active; i++) {
            const struct ww_event *event = &script->events[script->active[i]];
            if (event->thing != thing || (event->signal >= 0 && (uint32_t)event->signal != s) ||
                !ww_event_is_active(event, time_us))
                continue;
            value = bend(script, event, &signals[s], time_us, value, &out->flag[s]);
            out->missing = event->kind == WW_EVENT_GAP;
        }
        out->value[s] = ww_signal_round(&signals[s], value);
    }
}

uint32_t ww_script_count(const struct ww_script *script) {
    return script->n_events;
}

const struct ww_event *ww_script_event(const struct ww_script *script, uint32_t id) {
    return id < script->n_events ? &script->events[id] : NULL;
}

/* ---- The truth file ---- */

static const char *kind_name(enum ww_event_kind kind) {
    static const char *const names[] = {"discharge", "river_wave",    "noise",       "air",         "stuck",
                                        "spike",     "flagged_spike", "calibration", "maintenance", "gap"};
    return names[kind];
}

/* The codes of city_rules.c for a property of a thing: "hospital-cod-now". */
static void write_rule(struct ww_json *w, const struct ww_city_thing *thing, const char *property,
                       const char *suffix) {
    static const char *const stems[] = {"hospital", "plant", "river", "air", "noise", ""};
    const char *stem = strcmp(thing->limit_class, "wwtp.1A") == 0 ? "wwtp" : stems[thing->class];
    char code[64];
    if (thing->class == WW_CITY_NOISE)
        snprintf(code, sizeof code, "noise-leq");
    else
        snprintf(code, sizeof code, "%s-%s%s", stem, property, suffix);
    ww_json_text(w, code);
}

static void write_time(struct ww_json *w, const char *key, int64_t time_us) {
    char text[40];
    int n = ww_instant_text(time_us, text);
    ww_json_key(w, key);
    ww_json_str(w, (struct ww_str){text, (size_t)n});
}

static void write_rules(struct ww_json *w, const struct ww_event *event, const struct ww_city_thing *thing,
                        const char *property) {
    bool is_water = thing->class == WW_CITY_HOSPITAL || thing->class == WW_CITY_PLANT;
    ww_json_key(w, "rules");
    ww_json_array(w);
    if (event->should_alert)
        write_rule(w, thing, property, is_water ? "-now" : event->kind == WW_EVENT_AIR ? "-hour" : "");
    ww_json_end_array(w);
    ww_json_key(w, "may_alert");
    ww_json_array(w);
    if (event->should_alert && is_water)
        write_rule(w, thing, property, "-day");
    ww_json_end_array(w);
}

void ww_event_truth(const struct ww_script *script, const struct ww_event *event, int64_t until_us,
                    struct ww_buf *out) {
    const struct ww_city_thing *thing = &script->city->things[event->thing];
    const struct ww_signal *signals;
    ww_signals_of(thing, &signals);
    const char *property = event->signal >= 0 ? signals[event->signal].property : NULL;
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    ww_json_key(&w, "event");
    ww_json_int(&w, event->id);
    ww_json_key(&w, "group");
    ww_json_int(&w, event->group);
    ww_json_key(&w, "kind");
    ww_json_text(&w, kind_name(event->kind));
    ww_json_key(&w, "feed");
    ww_json_text(&w, ww_city_class_info(thing->class)->feed);
    ww_json_key(&w, "thing");
    ww_json_text(&w, thing->key);
    ww_json_key(&w, "property");
    ww_json_text(&w, property);
    write_time(&w, "start", event->start_us);
    write_time(&w, "end", event->end_us);
    ww_json_key(&w, "peak");
    event->should_alert ? ww_json_double(&w, event->peak) : ww_json_null(&w);
    ww_json_key(&w, "should_alert");
    ww_json_bool(&w, event->should_alert);
    write_rules(&w, event, thing, property);
    ww_json_key(&w, "finished"); /* false: the run ended in the middle of it */
    ww_json_bool(&w, event->end_us <= until_us);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}
