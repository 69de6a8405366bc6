/* When things happen in the simulated city: the daily calendar, the opening, the brisk part. */
#include <string.h>

#include "ingest/simulate/script_internal.h"

#define MINUTE_US (60 * WW_SECOND_US)
#define LOCAL_US  (8 * WW_HOUR_US)
#define SLOT_US   (4 * MINUTE_US)

static double draw(const struct ww_script *script, uint64_t what, uint64_t which) {
    return ww_mix_unit(script->city->seed ^ 0x5ca1ab1e, what, which);
}

static int32_t find_signal(const struct ww_script *script, uint32_t thing, const char *property) {
    const struct ww_signal *signals;
    uint32_t n = ww_signals_of(&script->city->things[thing], &signals);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(signals[i].property, property) == 0)
            return (int32_t)i;
    return -1;
}

/* A level `factor` times the limit; dissolved oxygen falls below its limit instead. */
static double level_of(const struct ww_script *script, uint32_t thing, int32_t signal, int64_t time_us,
                       double factor) {
    const struct ww_signal *signals;
    ww_signals_of(&script->city->things[thing], &signals);
    double upper = ww_signal_upper_at(&signals[signal], time_us);
    return upper > 0 ? upper * factor : signals[signal].lower / factor;
}

/* An event that should alert; nothing when this thing has no limit for the property. */
static struct ww_event *add_excess(struct ww_script *script, enum ww_event_kind kind, uint32_t thing,
                                   const char *property, int64_t start_us, int64_t length_us, double factor) {
    int32_t signal = find_signal(script, thing, property);
    if (signal < 0)
        return NULL;
    double level = level_of(script, thing, signal, start_us, factor);
    if (level <= 0)
        return NULL;
    return script_add(script, (struct ww_event){.group = SCRIPT_NEW_GROUP,
                                                .kind = kind,
                                                .thing = thing,
                                                .signal = signal,
                                                .start_us = start_us,
                                                .end_us = start_us + length_us,
                                                .level = level,
                                                .smells = kind == WW_EVENT_DISCHARGE});
}

static void add_fault(struct ww_script *script, enum ww_event_kind kind, uint32_t thing, int32_t signal,
                      int64_t start_us, int64_t length_us) {
    script_add(script, (struct ww_event){.group = SCRIPT_NEW_GROUP,
                                         .kind = kind,
                                         .thing = thing,
                                         .signal = signal,
                                         .start_us = start_us,
                                         .end_us = start_us + length_us});
}

static uint32_t pick(const struct ww_script *script, enum ww_city_class class, uint64_t n) {
    return script->of_class[class][n % script->n_of_class[class]];
}

/* The stations R01 … R04 follow one another down the Longxi; the wave takes `travel_us` between two and
 * loses a tenth. They are the first of their class. */
static void add_river_wave(struct ww_script *script, const char *property, int64_t start_us,
                           int64_t length_us, int64_t travel_us) {
    uint32_t group = SCRIPT_NEW_GROUP;
    double factor = 2.4;
    for (uint32_t i = 0; i < 4; i++, factor *= 0.9, start_us += travel_us) {
        struct ww_event *event = add_excess(script, WW_EVENT_RIVER_WAVE, pick(script, WW_CITY_RIVER, i),
                                            property, start_us, length_us, factor);
        if (event && group == SCRIPT_NEW_GROUP)
            group = event->id;
        else if (event)
            event->group = group;
    }
}

static const char *any_of(const char *const *names, double u) {
    return names[(int)(u * 3)];
}

static const char *const hospital_properties[] = {"cod", "ss", "cod"};
static const char *const plant_properties[] = {"cod", "nh3n", "tp"};
static const char *const river_properties[] = {"nh3n", "tp", "do"};

/* ---- The daily calendar ---- */

static int64_t at(int64_t midnight_us, double hour) {
    return midnight_us + (int64_t)(hour * 60) * MINUTE_US;
}

static void add_daily_excess(struct ww_script *script, int64_t day, int64_t midnight_us, uint64_t round) {
    uint64_t n = (uint64_t)day * 1009 + round;
    double u = draw(script, 1, n), v = draw(script, 2, n);
    add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_HOSPITAL, n * 7),
               any_of(hospital_properties, v), at(midnight_us, 22.5 + 2 * u),
               (int64_t)((2 + 2 * v) * (double)WW_HOUR_US), 1.5 + 1.2 * u);
    add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, n * 3), any_of(plant_properties, u),
               at(midnight_us, 9 + 5 * v), (int64_t)((1.5 + 2 * u) * (double)WW_HOUR_US), 1.4 + 1.1 * v);
    add_excess(script, WW_EVENT_NOISE, pick(script, WW_CITY_NOISE, n * 3), "noise_leq",
               at(midnight_us, 22.5 + v), 90 * MINUTE_US, 1.3 + 0.1 * u);
    if (day % 3 == 0)
        add_excess(script, WW_EVENT_AIR, pick(script, WW_CITY_AIR, n + 1), "so2", at(midnight_us, 13),
                   2 * WW_HOUR_US, 1.2 + 0.4 * u);
    if (day % 3 == 1) /* long enough to move the daily mean */
        add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, 3), "nh3n", at(midnight_us, 8),
                   12 * WW_HOUR_US, 2.6);
}

static void add_daily_faults(struct ww_script *script, int64_t day, int64_t midnight_us, uint64_t round) {
    uint64_t n = (uint64_t)day * 1009 + round;
    double u = draw(script, 3, n), v = draw(script, 4, n);
    int64_t step_us = script->options.step_us;
    /* A spike is one reading: it starts where a reading is. */
    int64_t afternoon_us = (midnight_us + 15 * WW_HOUR_US + step_us - 1) / step_us * step_us;
    add_fault(script, WW_EVENT_CALIBRATION, pick(script, WW_CITY_HOSPITAL, n + 1), -1,
              at(midnight_us, 10 + u), 25 * MINUTE_US);
    add_fault(script, WW_EVENT_CALIBRATION, pick(script, WW_CITY_PLANT, n + 2), -1, at(midnight_us, 16.5 + v),
              25 * MINUTE_US);
    add_fault(script, WW_EVENT_MAINTENANCE, pick(script, WW_CITY_RIVER, n + 4), -1, at(midnight_us, 14 + u),
              90 * MINUTE_US);
    add_fault(script, WW_EVENT_STUCK, pick(script, WW_CITY_NOISE, n + 5), 0, at(midnight_us, 1 + 2 * v),
              3 * WW_HOUR_US);
    add_fault(script, WW_EVENT_SPIKE, pick(script, WW_CITY_HOSPITAL, n + 3), 0, afternoon_us, step_us);
    add_fault(script, WW_EVENT_FLAGGED_SPIKE, pick(script, WW_CITY_HOSPITAL, n + 5), 0, afternoon_us,
              step_us);
    add_fault(script, WW_EVENT_GAP, pick(script, WW_CITY_NOISE, n + 6), -1, at(midnight_us, 12 + 4 * u),
              (int64_t)((1 + 3 * v) * (double)WW_HOUR_US));
}

/* Large cities have more of everything. */
static void add_day(struct ww_script *script, int64_t day) {
    int64_t midnight_us = day * WW_DAY_US - LOCAL_US;
    uint64_t rounds = 1 + script->city->n_things / 400;
    for (uint64_t round = 0; round < rounds; round++) {
        add_daily_excess(script, day, midnight_us, round);
        add_daily_faults(script, day, midnight_us, round);
    }
    if (day % 2 == 0)
        add_river_wave(script, any_of(river_properties, draw(script, 5, (uint64_t)day)), at(midnight_us, 4),
                       3 * WW_HOUR_US, WW_HOUR_US);
}

/* ---- The opening ---- */

static void add_opening(struct ww_script *script) {
    int64_t t = script->options.live_us;
    int64_t step_us = script->options.step_us;
    add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_HOSPITAL, 0), "cod", t + 20 * MINUTE_US,
               55 * MINUTE_US, 2.4);
    add_fault(script, WW_EVENT_CALIBRATION, pick(script, WW_CITY_HOSPITAL, 1), -1, t + 30 * MINUTE_US,
              25 * MINUTE_US);
    add_river_wave(script, "nh3n", t + 35 * MINUTE_US, 45 * MINUTE_US, 20 * MINUTE_US);
    add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, 0), "cod", t + 50 * MINUTE_US,
               45 * MINUTE_US, 1.9);
    add_fault(script, WW_EVENT_SPIKE, pick(script, WW_CITY_HOSPITAL, 2), 0,
              (t + 65 * MINUTE_US + step_us - 1) / step_us * step_us, step_us);
    add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, 3), "tp", t + 75 * MINUTE_US,
               30 * MINUTE_US, 1.8);
    add_excess(script, WW_EVENT_NOISE, pick(script, WW_CITY_NOISE, 0), "noise_leq", t + 85 * MINUTE_US,
               30 * MINUTE_US, 1.3);
    add_fault(script, WW_EVENT_GAP, pick(script, WW_CITY_NOISE, 3), -1, t + 90 * MINUTE_US, 20 * MINUTE_US);
}

/* ---- The brisk part ---- */

static void add_slot(struct ww_script *script, int64_t slot) {
    int64_t t = script->options.brisk_us + slot * SLOT_US;
    int64_t length_us = 8 * MINUTE_US;
    uint64_t n = (uint64_t)slot;
    double u = draw(script, 6, n);
    switch (slot % 8) {
    case 0:
        add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_HOSPITAL, n / 8 + 3), "cod", t, length_us,
                   1.5 + u);
        break;
    case 1:
        add_excess(script, WW_EVENT_NOISE, pick(script, WW_CITY_NOISE, n / 8 + 1), "noise_leq", t, length_us,
                   1.3);
        break;
    case 2:
        add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, n / 8), plant_properties[n % 2], t,
                   length_us, 1.4 + u);
        break;
    case 3:
        add_fault(script, WW_EVENT_CALIBRATION, pick(script, WW_CITY_HOSPITAL, n / 8 + 5), -1, t, length_us);
        break;
    case 4:
        add_river_wave(script, n % 16 < 8 ? "tp" : "nh3n", t, length_us, 3 * MINUTE_US);
        break;
    case 5:
        add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_PLANT, 3 + n / 8), "cod", t, length_us,
                   1.4 + u);
        break;
    case 6:
        add_fault(script, WW_EVENT_SPIKE, pick(script, WW_CITY_HOSPITAL, n / 8 + 1), 0, t,
                  script->options.brisk_step_us);
        break;
    default:
        add_excess(script, WW_EVENT_DISCHARGE, pick(script, WW_CITY_HOSPITAL, n / 8), "ss", t, length_us,
                   1.5 + u);
        break;
    }
}

/* Days are added whole, each twice over two windows: before the opening, and after it. */
static void add_day_in_windows(struct ww_script *script, int64_t day) {
    const struct ww_script_options *o = &script->options;
    script->window_from_us = o->history_us;
    script->window_to_us = o->live_us;
    add_day(script, day);
    script->window_from_us = o->live_us + 3 * WW_HOUR_US;
    script->window_to_us = o->brisk_us;
    add_day(script, day);
}

void script_schedule(struct ww_script *script, int64_t until_us) {
    /* The opening comes first, so that nothing takes its actors away. */
    script->window_from_us = script->options.history_us;
    script->window_to_us = INT64_MAX;
    if (!script->opened)
        add_opening(script);
    script->opened = true;
    int64_t last_day = (until_us + LOCAL_US) / WW_DAY_US;
    for (; script->next_day <= last_day; script->next_day++)
        add_day_in_windows(script, script->next_day);
    if (until_us < script->options.brisk_us)
        return;
    script->window_to_us = INT64_MAX;
    script->window_from_us = script->options.brisk_us;
    for (; script->options.brisk_us + script->next_slot * SLOT_US <= until_us; script->next_slot++)
        add_slot(script, script->next_slot);
}
