/* The script is fixed by its seed, its truth agrees with the readings, and faults raise nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/decode/decode.h"
#include "ingest/simulate/city_data.h"
#include "ingest/simulate/encode.h"

#define MINUTE_US (60 * WW_SECOND_US)
#define LIVE_US   (INT64_C(1795000800) * WW_SECOND_US)

static const struct ww_script_options demo = {
    .history_us = LIVE_US - 3 * WW_DAY_US,
    .live_us = LIVE_US,
    .brisk_us = LIVE_US + 2 * WW_HOUR_US,
    .step_us = 5 * MINUTE_US,
    .brisk_step_us = MINUTE_US,
};

static struct ww_city *make_city(uint64_t seed) {
    struct ww_city *city = NULL;
    struct ww_error err;
    assert_int_equal(ww_city_new(&(struct ww_city_options){.seed = seed}, &city, &err), WW_OK);
    return city;
}

static int64_t step_at(int64_t t) {
    return t >= demo.brisk_us ? demo.brisk_step_us : demo.step_us;
}

static struct ww_buf truth_of(uint64_t seed, int64_t until_us) {
    struct ww_city *city = make_city(seed);
    struct ww_script *script = ww_script_new(city, &demo);
    struct ww_buf out;
    ww_buf_init(&out, 1 << 24);
    for (int64_t t = demo.history_us; t < until_us; t += step_at(t))
        ww_script_advance(script, t);
    for (uint32_t i = 0; i < ww_script_count(script); i++)
        ww_event_truth(script, ww_script_event(script, i), until_us, &out);
    ww_script_free(script);
    ww_city_free(city);
    return out;
}

static void the_same_seed_scripts_the_same_events(void **state) {
    (void)state;
    struct ww_buf a = truth_of(4, demo.brisk_us), b = truth_of(4, demo.brisk_us),
                  c = truth_of(5, demo.brisk_us);
    assert_true(a.len > 1000);
    assert_true(ww_str_eq(ww_buf_str(&a), ww_buf_str(&b)));
    assert_false(ww_str_eq(ww_buf_str(&a), ww_buf_str(&c)));
    ww_buf_clear(&a);
    ww_buf_clear(&b);
    ww_buf_clear(&c);
}

/* Watches every limited series with k-of-n as city_rules.c has it, in plain code. */
struct watch {
    int beyond[3]; /* the last three judged readings */
    int n;
};

static bool watch_step(struct watch *watch, bool beyond, int need) {
    watch->beyond[watch->n++ % 3] = beyond;
    return beyond && watch->beyond[0] + watch->beyond[1] + watch->beyond[2] >= need;
}

/* The scripted event that explains an alert, or -1. */
static int64_t find_cause(const struct ww_script *script, uint32_t thing, uint32_t signal, int64_t t) {
    for (uint32_t i = 0; i < ww_script_count(script); i++) {
        const struct ww_event *e = ww_script_event(script, i);
        if (e->should_alert && e->thing == thing && e->signal == (int32_t)signal && ww_event_is_active(e, t))
            return i;
    }
    return -1;
}

static void what_alerts_was_scripted_and_what_was_scripted_alerts(void **state) {
    (void)state;
    struct ww_city *city = make_city(1);
    struct ww_script *script = ww_script_new(city, &demo);
    static struct watch watches[64][WW_SIGNAL_MAX];
    static bool seen[4096];
    static double peaks[4096];
    int64_t end_us = demo.brisk_us + 2 * WW_HOUR_US, first_live_us = 0;
    memset(watches, 0, sizeof watches);
    memset(seen, 0, sizeof seen);
    memset(peaks, 0, sizeof peaks);
    for (int64_t t = demo.history_us; t < end_us; t += step_at(t)) {
        ww_script_advance(script, t);
        for (uint32_t i = 0; i < city->n_things; i++) {
            bool is_air = city->things[i].class == WW_CITY_AIR;
            const struct ww_signal *signals;
            uint32_t n = ww_signals_of(&city->things[i], &signals);
            struct ww_tick tick;
            if (is_air && t % WW_HOUR_US != 0)
                continue;
            ww_script_read(script, i, t, &tick);
            for (uint32_t s = 0; s < n && !tick.missing; s++) {
                double upper = ww_signal_upper_at(&signals[s], t);
                bool beyond = (upper > 0 && tick.value[s] > upper) || tick.value[s] < signals[s].lower;
                if (tick.flag[s] != 'N' || !watch_step(&watches[i][s], beyond, is_air ? 1 : 2))
                    continue;
                int64_t cause = find_cause(script, i, s, t);
                if (cause < 0)
                    fail_msg("%s %s alerts without a cause", city->things[i].key, signals[s].property);
                bool lower = tick.value[s] < signals[s].lower;
                if (!seen[cause] || (lower ? tick.value[s] < peaks[cause] : tick.value[s] > peaks[cause]))
                    peaks[cause] = tick.value[s];
                seen[cause] = true;
                if (t >= LIVE_US && first_live_us == 0)
                    first_live_us = t;
            }
        }
    }
    uint32_t alerts = 0, quiet = 0, brisk = 0;
    for (uint32_t i = 0; i < ww_script_count(script); i++) {
        const struct ww_event *e = ww_script_event(script, i);
        if (e->end_us > end_us)
            continue;
        assert_int_equal(seen[i], e->should_alert);
        if (e->should_alert)
            assert_true(peaks[i] == e->peak);
        alerts += e->should_alert;
        quiet += !e->should_alert;
        brisk += e->should_alert && e->start_us >= demo.brisk_us;
    }
    assert_true(alerts > 20 && quiet > 20);
    assert_true(brisk >= 20); /* two hours in real time: a new alert about every five minutes */
    assert_true(first_live_us > LIVE_US && first_live_us <= LIVE_US + 40 * MINUTE_US);
    ww_script_free(script);
    ww_city_free(city);
}

static void a_long_calm_run_goes_on_by_the_calendar(void **state) {
    (void)state;
    struct ww_city *city = make_city(2);
    struct ww_script_options calm = demo;
    calm.history_us = calm.live_us;
    calm.brisk_us = INT64_MAX;
    struct ww_script *script = ww_script_new(city, &calm);
    for (int64_t t = LIVE_US; t < LIVE_US + 10 * WW_DAY_US; t += calm.step_us)
        ww_script_advance(script, t);
    uint32_t late = 0;
    for (uint32_t i = 0; i < ww_script_count(script); i++)
        late += ww_script_event(script, i)->start_us > LIVE_US + 8 * WW_DAY_US;
    assert_true(late >= 8);
    ww_script_free(script);
    ww_city_free(city);
}

/* What the encoder writes is read back by the feed's own config as the same values. */
static void every_feed_is_decoded_as_it_was_simulated(void **state) {
    (void)state;
    struct ww_city *city = make_city(1);
    struct ww_script *script = ww_script_new(city, &demo);
    int64_t t = LIVE_US;
    ww_script_advance(script, t);
    for (int class = 0; class < WW_CITY_COMPLAINTS; class ++) {
        struct ww_encoder enc;
        struct ww_feed_config *config;
        struct ww_batch batch;
        struct ww_error err;
        struct ww_tick ticks[64];
        uint32_t expected = 0;
        ww_encoder_init(&enc, (enum ww_city_class) class);
        for (uint32_t i = 0; i < city->n_things; i++) {
            const struct ww_signal *signals;
            if (city->things[i].class != (enum ww_city_class) class)
                continue;
            ww_script_read(script, i, t, &ticks[i]);
            ww_encode_tick(&enc, &city->things[i], t, WW_HOUR_US, &ticks[i]);
            expected += ww_signals_of(&city->things[i], &signals);
        }
        assert_int_equal(ww_feed_config_parse(ww_str_of(city_feeds[class].config), &config, &err), WW_OK);
        assert_string_equal(city_feeds[class].name, ww_city_class_info((enum ww_city_class) class)->feed);
        struct ww_arena *arena = ww_arena_new(1 << 24);
        enum ww_format format =
            ww_format_of_content_type(ww_str_of(ww_encoder_content_type((enum ww_city_class) class)));
        if (ww_decode(config, format, ww_encoder_finish(&enc), 10000, arena, &batch, &err) != WW_OK)
            fail_msg("%s: %s", city_feeds[class].name, err.message);
        if (batch.n_dead > 0)
            fail_msg("%s: %s: %s", city_feeds[class].name, batch.dead[0].field, batch.dead[0].reason);
        assert_int_equal(batch.n_rows, expected);
        for (uint32_t r = 0; r < batch.n_rows; r++) {
            const struct ww_series_name *name = &batch.series[batch.series_of[r]];
            bool found = false;
            for (uint32_t i = 0; i < city->n_things; i++) {
                const struct ww_signal *signals;
                uint32_t n = ww_signals_of(&city->things[i], &signals);
                for (uint32_t s = 0; s < n && ww_str_is(name->thing, city->things[i].key); s++)
                    if (ww_str_is(name->property, signals[s].property)) {
                        assert_true(batch.value[r] == ticks[i].value[s]);
                        found = true;
                    }
            }
            assert_true(found);
            assert_int_equal(batch.time_us[r], t);
        }
        ww_arena_free(arena);
        ww_feed_config_free(config);
        ww_encoder_clear(&enc);
    }
    ww_script_free(script);
    ww_city_free(city);
}

static void complaints_are_decoded_with_place_and_text(void **state) {
    (void)state;
    struct ww_encoder enc;
    struct ww_feed_config *config;
    struct ww_batch batch;
    struct ww_error err;
    struct ww_place place = {107.1, 29.9}, back;
    ww_encoder_init(&enc, WW_CITY_COMPLAINTS);
    ww_encode_complaint(&enc, LIVE_US + 1500, place, 12, 3);
    ww_encode_complaint(&enc, LIVE_US + 2000000, place, 13, 5);
    assert_int_equal(ww_feed_config_parse(ww_str_of(city_feeds[WW_CITY_COMPLAINTS].config), &config, &err),
                     WW_OK);
    struct ww_arena *arena = ww_arena_new(1 << 24);
    assert_int_equal(ww_decode(config, WW_FORMAT_JSON, ww_encoder_finish(&enc), 100, arena, &batch, &err),
                     WW_OK);
    assert_int_equal(batch.n_rows, 2);
    assert_int_equal(batch.n_dead, 0);
    assert_true(batch.value[0] == 3 && batch.value[1] == 5);
    assert_int_equal(batch.time_us[0], LIVE_US + 1000);
    assert_int_equal(ww_datum_to_place(ww_feed_config_datum(config), batch.place[0], &back, &err), WW_OK);
    assert_float_equal(back.lon_deg, place.lon_deg, 2e-6);
    assert_float_equal(back.lat_deg, place.lat_deg, 2e-6);
    assert_true(batch.detail && batch.detail[0].len > 0);
    ww_arena_free(arena);
    ww_feed_config_free(config);
    ww_encoder_clear(&enc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_scripts_the_same_events),
        cmocka_unit_test(what_alerts_was_scripted_and_what_was_scripted_alerts),
        cmocka_unit_test(a_long_calm_run_goes_on_by_the_calendar),
        cmocka_unit_test(every_feed_is_decoded_as_it_was_simulated),
        cmocka_unit_test(complaints_are_decoded_with_place_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
