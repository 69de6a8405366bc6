/* How many readings a second the legal-limit detector judges. ww_link: ww_geo
 *
 * 20,000 series of one rule each are stepped in turn, as ingest does it, so the states do not stay in the
 * cache. The yardstick, in the same run: summing the same values after touching the same states (a memory
 * walk).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/limit_detector.h"

#define SERIES 20000
#define STEPS  500

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double value_of(int series, int step) {
    return 40 + (double)((series * 7 + step * 13) % 30);
}

static double walk(struct ww_limit_state *states) {
    double start = now_s();
    volatile double sum = 0;
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < SERIES; i++) {
            states[i].bucket_sum += value_of(i, step);
            sum = sum + states[i].bucket_sum;
        }
    }
    return SERIES * (double)STEPS / (now_s() - start);
}

static double judge(const struct ww_limit_rule *rule, struct ww_limit_state *states, unsigned long *fired) {
    for (int i = 0; i < SERIES; i++) {
        ww_limit_state_init(&states[i]);
    }
    double start = now_s();
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < SERIES; i++) {
            struct ww_reading r = {.time_us = INT64_C(1793318400000000) + step * WW_HOUR_US / 12,
                                   .value = value_of(i, step),
                                   .flag = 'N'};
            *fired += ww_limit_step(rule, &states[i], &r, NULL) == WW_LIMIT_FIRED;
        }
    }
    return SERIES * (double)STEPS / (now_s() - start);
}

int main(void) {
    struct ww_zone *zone = NULL;
    struct ww_limit_state *states = calloc(SERIES, sizeof *states);
    if (!states || ww_zone_open(WW_STR("Asia/Shanghai"), &zone, NULL) != WW_OK) {
        return 1;
    }
    const struct ww_limit limits[2] = {
        {.id = 1, .lower = -INFINITY, .upper = 60, .valid_to_us = INT64_MAX, .hour_from = 6, .hour_to = 22},
        {.id = 2, .lower = -INFINITY, .upper = 50, .valid_to_us = INT64_MAX, .hour_from = 22, .hour_to = 6}};
    struct ww_limit all_day = limits[0];
    all_day.hour_to = all_day.hour_from;
    struct ww_limit_rule rule = {.limits = &all_day,
                                 .n_limits = 1,
                                 .fire_k = 2,
                                 .fire_n = 3,
                                 .clear_k = 3,
                                 .clear_n = 3,
                                 .clear_ratio = 1,
                                 .min_coverage = 0.75,
                                 .expected_step_us = WW_HOUR_US / 12,
                                 .valid_flags = "N",
                                 .zone = zone};
    unsigned long fired = 0;
    double plain = walk(states);
    double reading = judge(&rule, states, &fired);
    rule.limits = limits;
    rule.n_limits = 2;
    double by_hours = judge(&rule, states, &fired);
    rule.limits = &all_day;
    rule.n_limits = 1;
    rule.bucket_us = WW_HOUR_US;
    double mean = judge(&rule, states, &fired);
    rule.bucket_us = 0;
    rule.fire_n = rule.clear_n = WW_LIMIT_WINDOW;
    double widest = judge(&rule, states, &fired);
    printf("series=%d steps=%d state_bytes=%zu fired=%lu\n", SERIES, STEPS, sizeof *states, fired);
    printf("memory walk              %6.1f M/s  1.00\n", plain / 1e6);
    printf("each reading, 2 of 3     %6.1f M/s  %.2f\n", reading / 1e6, reading / plain);
    printf("day and night limits     %6.1f M/s  %.2f\n", by_hours / 1e6, by_hours / plain);
    printf("hourly means             %6.1f M/s  %.2f\n", mean / 1e6, mean / plain);
    printf("each reading, 2 of 24    %6.1f M/s  %.2f\n", widest / 1e6, widest / plain);
    ww_zone_close(zone);
    free(states);
    return 0;
}
