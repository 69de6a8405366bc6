/* The clockwork of the simulated city: tick after tick, read all things and post what they say. */
#include "ingest/simulate/simulate.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "ingest/simulate/encode.h"

#define MINUTE_US   (60 * WW_SECOND_US)
#define FULL_BODY   ((size_t)512 << 10)
#define MAX_WAITING 24u /* bodies: what bounds the memory */

struct run {
    const struct ww_simulation *sim;
    struct ww_poster *poster;
    const volatile sig_atomic_t *stop;
    struct ww_script *script;
    struct ww_encoder encoders[WW_CITY_N_CLASSES];
    uint32_t next_truth; /* events before it are written */
    bool *truth_done;
    uint32_t cap_truth;
    uint64_t readings;
    int64_t wall_start_us; /* monotonic, when live_us began */
    int64_t last_report_us;
    uint64_t reported_retries;
    char refusal[256];
};

static void on_answer(void *arg, const struct ww_post_answer *answer) {
    struct run *run = arg;
    if (answer->http_status != 200 && !run->refusal[0])
        snprintf(run->refusal, sizeof run->refusal, "HTTP %d: %.*s", answer->http_status,
                 (int)(answer->text.len < 200 ? answer->text.len : 200),
                 answer->text.ptr ? answer->text.ptr : "");
}

static bool is_over(const struct run *run) {
    return *run->stop || run->refusal[0];
}

/* ---- One tick ---- */

static void flush(struct run *run, enum ww_city_class class) {
    struct ww_encoder *enc = &run->encoders[class];
    if (enc->records == 0)
        return;
    struct ww_str body = ww_encoder_finish(enc);
    if (ww_poster_send(run->poster, class, ww_city_class_info(class)->feed, ww_encoder_content_type(class),
                       body, 0, on_answer, run) != WW_OK)
        snprintf(run->refusal, sizeof run->refusal, "out of memory");
    ww_encoder_reset(enc);
    ww_poster_wait(run->poster, MAX_WAITING, run->stop);
}

/* Air stations report hourly means when the hour is over; a level belongs to the interval before now. */
static void read_thing(struct run *run, uint32_t index, int64_t now_us, int64_t step_us) {
    const struct ww_city_thing *thing = &run->sim->city->things[index];
    int64_t interval_us = thing->class == WW_CITY_AIR     ? WW_HOUR_US
                          : thing->class == WW_CITY_NOISE ? step_us
                                                          : 0;
    if (thing->class == WW_CITY_COMPLAINTS || (thing->class == WW_CITY_AIR && now_us % WW_HOUR_US != 0))
        return;
    struct ww_tick tick;
    ww_script_read(run->script, index, now_us - interval_us, &tick);
    if (tick.missing)
        return;
    const struct ww_signal *signals;
    run->readings += ww_signals_of(thing, &signals);
    ww_encode_tick(&run->encoders[thing->class], thing, now_us - interval_us, interval_us, &tick);
    if (run->encoders[thing->class].body.len >= FULL_BODY)
        flush(run, thing->class);
}

/* People write by day, about six times; where it smells, every two minutes. */
static void complain(struct run *run, int64_t now_us, int64_t step_us) {
    const struct ww_city *city = run->sim->city;
    uint64_t tick = (uint64_t)(now_us / WW_SECOND_US);
    struct ww_place places[16];
    uint32_t n = 0;
    double hours = (double)step_us / (double)WW_HOUR_US;
    double hour = ww_local_hour(now_us);
    if (hour > 7 && hour < 23 && ww_mix_unit(city->seed, 71, tick) < hours * 6 / 16)
        places[n++] = city->wards[ww_mix(city->seed, 72, tick) % city->n_wards].seat;
    for (uint32_t id = 0; id < ww_script_count(run->script) && n < 15; id++) {
        const struct ww_event *event = ww_script_event(run->script, id);
        if (!event->smells || !ww_event_is_active(event, now_us))
            continue;
        uint64_t salt = ww_mix(city->seed, 73 + id, tick);
        if (ww_mix_unit(city->seed, 74, salt) >= fmin(1, hours * 30))
            continue;
        places[n] = city->things[event->thing].place;
        places[n].lon_deg += 0.012 * (ww_mix_unit(city->seed, 75, salt) - 0.5);
        places[n++].lat_deg += 0.012 * (ww_mix_unit(city->seed, 76, salt) - 0.5);
    }
    for (uint32_t i = 0; i < n; i++) {
        /* Each at its own moment of the step, because one hotline has one series of reports. */
        int64_t at_us = now_us - step_us + step_us / (n + 1) * (i + 1);
        ww_encode_complaint(&run->encoders[WW_CITY_COMPLAINTS], at_us, places[i],
                            ww_mix(city->seed, 77 + i, tick),
                            1 + (int)(ww_mix(city->seed, 78 + i, tick) % 5));
        run->readings++;
    }
}

/* An event's truth is written when it is over, so that the file says what was really sent. */
static void write_truth(struct run *run, int64_t now_us, bool at_end) {
    if (!run->sim->truth)
        return;
    uint32_t n = ww_script_count(run->script);
    if (n > run->cap_truth) {
        bool *grown = ww_must_calloc(2 * n, sizeof *grown);
        if (run->truth_done)
            memcpy(grown, run->truth_done, run->cap_truth * sizeof *grown);
        ww_free(run->truth_done);
        run->truth_done = grown;
        run->cap_truth = 2 * n;
    }
    struct ww_buf out;
    ww_buf_init(&out, (size_t)64 << 20);
    for (uint32_t id = run->next_truth; id < n; id++) {
        const struct ww_event *event = ww_script_event(run->script, id);
        if (run->truth_done[id] || event->start_us >= now_us || (!at_end && event->end_us > now_us))
            continue;
        ww_event_truth(run->script, event, now_us, &out);
        run->truth_done[id] = true;
    }
    while (run->next_truth < n && run->truth_done[run->next_truth])
        run->next_truth++;
    if (out.len > 0) {
        fwrite(out.data, 1, out.len, run->sim->truth);
        fflush(run->sim->truth);
    }
    ww_buf_clear(&out);
}

static void tick(struct run *run, int64_t now_us, int64_t step_us) {
    /* Intervals end now, so what was going on when they began counts too. */
    ww_script_advance(run->script, now_us);
    for (uint32_t i = 0; i < run->sim->city->n_things && !is_over(run); i++)
        read_thing(run, i, now_us, step_us);
    complain(run, now_us, step_us);
    if (now_us >= run->sim->script.live_us)
        for (int class = 0; class < WW_CITY_N_CLASSES; class ++)
            flush(run, (enum ww_city_class) class);
    write_truth(run, now_us, false);
}

/* ---- Time ---- */

/* When the simulated moment may happen, in monotonic time: at --speed, but never before it is past. */
static int64_t wait_for_us(const struct run *run, int64_t sim_us) {
    const struct ww_simulation *sim = run->sim;
    int64_t future_us = sim_us - ww_clock_us();
    int64_t pace_us = 0;
    if (sim->speed > 0 && sim_us > sim->script.live_us)
        pace_us = run->wall_start_us + (int64_t)((double)(sim_us - sim->script.live_us) / sim->speed) -
                  ww_monotonic_us();
    return future_us > pace_us ? future_us : pace_us;
}

static void report(struct run *run, int64_t sim_us, bool last) {
    int64_t now_us = ww_monotonic_us();
    bool terminal = isatty(STDERR_FILENO);
    if (run->sim->quiet || (!last && now_us - run->last_report_us < (terminal ? 1 : 30) * WW_SECOND_US))
        return;
    run->last_report_us = now_us;
    const struct ww_post_totals *t = ww_poster_totals(run->poster);
    char at[40];
    ww_instant_text(sim_us - sim_us % WW_SECOND_US, at);
    fprintf(stderr,
            "%ssimulated until %s: readings=%llu stored=%llu duplicates=%llu dead=%llu retries=%llu%s%s%s",
            terminal ? "\r\033[K" : "", at, (unsigned long long)run->readings, (unsigned long long)t->stored,
            (unsigned long long)t->duplicates, (unsigned long long)t->dead, (unsigned long long)t->retries,
            t->retries > run->reported_retries ? " last problem: " : "",
            t->retries > run->reported_retries ? t->last_problem : "", terminal && !last ? "" : "\n");
    run->reported_retries = t->retries;
    fflush(stderr);
}

static int64_t live_through(struct run *run) {
    const struct ww_script_options *o = &run->sim->script;
    int64_t t = (o->history_us + o->step_us - 1) / o->step_us * o->step_us;
    bool live = false;
    while (t < run->sim->end_us && !is_over(run)) {
        if (!live && t >= o->live_us) {
            ww_poster_wait(run->poster, 0, run->stop);
            run->wall_start_us = ww_monotonic_us();
            live = true;
        }
        for (int64_t left_us = wait_for_us(run, t); left_us > 0 && !is_over(run);
             left_us = wait_for_us(run, t)) {
            ww_poster_work(run->poster, left_us < WW_SECOND_US ? left_us / 1000 + 1 : 1000, run->stop);
            report(run, t, false);
        }
        if (is_over(run))
            break;
        int64_t step_us = t >= o->brisk_us ? o->brisk_step_us : o->step_us;
        tick(run, t, step_us);
        report(run, t, false);
        t += step_us;
    }
    return t;
}

enum ww_status ww_simulation_run(const struct ww_simulation *simulation, struct ww_poster *poster,
                                 const volatile sig_atomic_t *stop, struct ww_error *err) {
    struct run run = {.sim = simulation, .poster = poster, .stop = stop};
    run.script = ww_script_new(simulation->city, &simulation->script);
    for (int class = 0; class < WW_CITY_N_CLASSES; class ++)
        ww_encoder_init(&run.encoders[class], (enum ww_city_class) class);
    int64_t until_us = live_through(&run);
    for (int class = 0; class < WW_CITY_N_CLASSES && !is_over(&run); class ++)
        flush(&run, (enum ww_city_class) class);
    if (!is_over(&run))
        ww_poster_wait(poster, 0, stop);
    write_truth(&run, until_us, true);
    report(&run, until_us, true);
    for (int class = 0; class < WW_CITY_N_CLASSES; class ++)
        ww_encoder_clear(&run.encoders[class]);
    ww_script_free(run.script);
    ww_free(run.truth_done);
    if (run.refusal[0])
        return ww_error_set(err, WW_DENIED, "the server refused the readings: %s", run.refusal);
    return WW_OK;
}
