/* How often does a live scan signal in a city where nothing happens? As often as it says?
 * ww_link: ww_space
 *
 *   bench_scan_rate [days] [looks a day] [stp|poisson|ebp …]     1,500 days, 12 looks, all three
 *
 * 144 places in a square of 6 km, log-normal means of 0.05 events a day on average, Poisson counts without
 * any cluster; circles up to 1.5 km, windows up to 7 days, 90 days remembered. Each day's events come in a
 * random order and are looked at a dozen times, the last time at midnight. Printed: on how many days p of the
 * last look, and of the most extreme look of the day, was at most 1/R, against the days / R that are allowed;
 * with the watch's own corrections (scan_watch.h) and without. The ratio in brackets is 1 when the rate is as
 * stated, below 1 when signals are rarer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/scan/random.h"
#include "ingest/space/scan_watch.h"

enum { SIDE = 12, N = SIDE * SIDE, WARM = 90, N_RATES = 4, MOST_EVENTS = 4000 };
static const double rates[N_RATES] = {10, 30, 100, 365};

struct city {
    struct ww_scan_spot spot[N];
    char key[N][16];
    double mean[N];
};

static void make_city(struct city *c) {
    struct ww_random rng = ww_random_of(1, 0);
    for (uint32_t i = 0; i < N; i++) {
        snprintf(c->key[i], sizeof c->key[i], "p%u", i);
        c->mean[i] = 0.05 * exp(0.6 * ww_random_normal(&rng) - 0.18);
        c->spot[i] = (struct ww_scan_spot){.key = ww_str_of(c->key[i]),
                                           .at = {107 + 0.005 * (i % SIDE), 29 + 0.0045 * (i / SIDE)},
                                           .ward_id = 1,
                                           .population = 1e4 * c->mean[i]};
    }
}

/* A day's events in a random order. */
static uint32_t draw_day(const struct city *c, struct ww_random *rng, uint32_t *event) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < N; i++)
        for (uint64_t k = ww_random_poisson(rng, c->mean[i]); k > 0 && n < MOST_EVENTS; k--)
            event[n++] = i;
    for (uint32_t k = n; k > 1; k--) {
        uint32_t other = ww_random_below(rng, k), swap = event[k - 1];
        event[k - 1] = event[other];
        event[other] = swap;
    }
    return n;
}

static struct ww_scan_watch *open_watch(const struct city *c, const char *model) {
    char config[256];
    struct ww_error err;
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_scan_watch_setup setup = {.rule_id = 1, .spots = c->spot, .n_spots = N, .code = WW_STR("rate")};
    snprintf(config, sizeof config,
             "{\"events\":{\"property\":\"x\"},\"places\":\"thing\",\"zones\":\"circle\",\"model\":\"%s\","
             "\"population\":\"n\",\"max_radius_m\":1500,\"min_cases\":2,\"max_clusters\":1}",
             model);
    setup.config = ww_str_of(config);
    struct ww_scan_watch *w = NULL;
    if (ww_scan_rule_parse(arena, setup.config, &setup.how, &err) != WW_OK ||
        ww_scan_watch_new(&setup, 20000, &w, &err) != WW_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    ww_arena_free(arena);
    return w;
}

struct tally {
    uint32_t last[N_RATES], any[N_RATES], raw_last[N_RATES], raw_any[N_RATES];
};

static void bench(const struct city *c, const char *model, uint32_t days, uint32_t looks) {
    struct ww_scan_watch *w = open_watch(c, model);
    struct ww_random rng = ww_random_of(2, 0);
    struct tally t = {0};
    for (uint32_t d = 0; d < WARM + days; d++) {
        static uint32_t event[MOST_EVENTS];
        uint32_t n = draw_day(c, &rng, event), at = 0;
        double best = 1, best_raw = 1, last = 1, last_raw = 1;
        int64_t today = 20000 + d;
        for (uint32_t k = 1; k <= looks; k++) {
            for (; at < (uint64_t)n * k / looks; at++)
                ww_scan_watch_count(w, event[at], today, 1);
            if (d < WARM)
                continue;
            const struct ww_scan_seen *seen;
            ww_scan_watch_begin(w, today, &(struct ww_known){.message = 1});
            ww_scan_watch_look(w);
            bool some = ww_scan_watch_seen(w, &seen) > 0;
            last = some ? 1 / seen[0].recurrence_days : 1;
            last_raw = some ? seen[0].is.p : 1;
            best = fmin(best, last);
            best_raw = fmin(best_raw, last_raw);
        }
        if (d < WARM) {
            ww_scan_watch_begin(w, today, &(struct ww_known){.message = 1});
            ww_scan_watch_look(w);
            continue;
        }
        for (int r = 0; r < N_RATES; r++) {
            t.last[r] += last <= 1 / rates[r];
            t.any[r] += best <= 1 / rates[r];
            t.raw_last[r] += last_raw <= 1 / rates[r];
            t.raw_any[r] += best_raw <= 1 / rates[r];
        }
    }
    for (int r = 0; r < N_RATES; r++) {
        double allowed = days / rates[r];
        printf("  %-8s R %3.0f days: allowed %5.1f of %u; signals %u (%.2f), by the day's last look %u; "
               "uncorrected %u (%.2f), last %u\n",
               model, rates[r], allowed, days, t.any[r], t.any[r] / allowed, t.last[r], t.raw_any[r],
               t.raw_any[r] / allowed, t.raw_last[r]);
    }
    ww_scan_watch_free(w);
}

int main(int argc, char **argv) {
    static const char *const all[] = {"stp", "poisson", "ebp"};
    static struct city c;
    uint32_t days = argc > 1 ? (uint32_t)atoi(argv[1]) : 1500,
             looks = argc > 2 ? (uint32_t)atoi(argv[2]) : 12;
    make_city(&c);
    printf("%u places, %u days without clusters, %u looks a day\n", N, days, looks);
    for (int i = 3; i < argc; i++)
        bench(&c, argv[i], days, looks);
    for (int i = 0; i < 3 && argc <= 3; i++)
        bench(&c, all[i], days, looks);
    return 0;
}
