/* The prospective scan of a random city: lists, observed scan, one more case, 999 replicas; on one thread.
 * ww_link: ww_scan
 *
 *   bench_scan [places] [days] [mean cases a place and day]     2000 and 5000 places, 90 days, 0.1 by default
 *
 * Places lie uniformly in a square of 10 km, their weights are log-normal, days of the week differ, counts
 * are Poisson; around one place the last three days hold 2.5 times as much. Circles up to 1.5 km, windows up
 * to 7 days. Beside it, in the same run: the general form of the scan (scan.h), as a plain loop over the same
 * windows, from a tenth of the replicas.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/scan/live.h"
#include "geo/scan/random.h"

enum { DAYS = 7, REPLICAS = 999, SLICE = 500000 };

struct city {
    uint32_t n, days;
    double (*at)[3], *weight;
    uint32_t *count; /* [n][days] */
    uint64_t cases;
};

/* Time of this thread on its core: other work on the machine counts less. */
static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *room(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory)
        exit(1);
    return memory;
}

static const double weekday[7] = {1.1, 1.0, 1.0, 1.05, 1.15, 0.9, 0.8};

static struct city make_city(uint32_t n, uint32_t days, double mean) {
    struct city c = {
        n, days, room(n, sizeof *c.at), room(n, sizeof *c.weight), room((size_t)n * days, sizeof *c.count),
        0};
    struct ww_random rng = ww_random_of(20261128, n);
    for (uint32_t i = 0; i < n; i++) {
        c.at[i][0] = 10000 * ww_random_unit(&rng);
        c.at[i][1] = 10000 * ww_random_unit(&rng);
        c.weight[i] = exp(0.6 * ww_random_normal(&rng) - 0.18);
    }
    for (uint32_t i = 0; i < n; i++) {
        bool planted = hypot(c.at[i][0] - c.at[0][0], c.at[i][1] - c.at[0][1]) < 600;
        for (uint32_t t = 0; t < days; t++) {
            double m = mean * c.weight[i] * weekday[t % 7] * (planted && t + 3 >= days ? 2.5 : 1);
            c.cases += c.count[(size_t)i * days + t] = (uint32_t)ww_random_poisson(&rng, m);
        }
    }
    return c;
}

static struct ww_scan_live *open_live(const struct city *c, const struct ww_scan_zones *zones,
                                      enum ww_scan_model model, double mean) {
    uint32_t *population = room(c->n, sizeof *population);
    for (uint32_t i = 0; i < c->n; i++)
        population[i] = (uint32_t)(1000 * c->weight[i]) + 1;
    struct ww_scan_live_config config = {.model = model,
                                         .n_durations = DAYS,
                                         .n_days = model == WW_SCAN_EXPECTATION ? DAYS : c->days,
                                         .weight = model == WW_SCAN_POISSON ? population : NULL,
                                         .min_cases = 2,
                                         .at = (const double(*)[3])c->at};
    struct ww_scan_live *live;
    struct ww_error err;
    if (ww_scan_live_new(zones, &config, &live, &err) != WW_OK)
        exit(1);
    for (uint32_t i = 0; i < c->n; i++)
        for (uint32_t ago = 0; ago < config.n_days; ago++) {
            uint32_t n = c->count[(size_t)i * c->days + c->days - 1 - ago];
            if (model == WW_SCAN_EXPECTATION)
                ww_scan_live_expect(live, i, ago, mean * c->weight[i] * weekday[(c->days - 1 - ago) % 7]);
            if (n > 0 && ww_scan_live_put(live, i, ago, (int32_t)n, &err) != WW_OK)
                exit(1);
        }
    free(population);
    return live;
}

static void bench_live(const struct city *c, const struct ww_scan_zones *zones, enum ww_scan_model model,
                       double mean) {
    struct ww_scan_live *live = open_live(c, zones, model, mean);
    double begun = now_s();
    ww_scan_live_refresh(live);
    double observed = now_s() - begun;
    struct ww_scan_rules rules = {
        .replicas = REPLICAS, .max_clusters = 10, .seed = 7, .gumbel_below = 1, .days_between_runs = 1};
    struct ww_scan_judge *judge;
    struct ww_scan_result result;
    begun = now_s();
    if (ww_scan_judge_new(live, &rules, &judge, NULL) != WW_OK)
        exit(1);
    double prepared = now_s() - begun, slice = 0;
    for (bool done = false; !done;) {
        double from = now_s();
        done = ww_scan_judge_step(judge, SLICE);
        slice = fmax(slice, now_s() - from);
    }
    double judged = now_s() - begun;
    ww_scan_judge_result(judge, &result);
    struct ww_random rng = ww_random_of(1, 1);
    enum { ADDS = 2000 };
    double most = 0, sum = 0;
    uint32_t place = 0;
    for (int i = 0; i < ADDS; i++) { /* one comes, and is taken back, so that the city stays as it is */
        place = i % 2 == 0 ? ww_random_below(&rng, c->n) : place;
        begun = now_s();
        if (ww_scan_live_add(live, place, 0, i % 2 == 0 ? 1 : -1, NULL) != WW_OK)
            exit(1);
        double took = now_s() - begun;
        sum += took;
        most = took > most ? took : most;
    }
    printf("  %-11s observed %.1f ms; a case %.3f ms (most %.3f); %d replicas %.3f s, of it prepared %.3f, "
           "slices <= %.2f ms; best LLR %.6f p %.4f\n",
           model == WW_SCAN_PERMUTATION   ? "permutation"
           : model == WW_SCAN_EXPECTATION ? "expectation"
                                          : "poisson",
           observed * 1e3, sum / ADDS * 1e3, most * 1e3, REPLICAS, judged, prepared, slice * 1e3,
           result.clusters[0].llr, result.clusters[0].p);
    ww_scan_judge_free(judge);
    ww_scan_live_free(live);
}

static void bench_general(const struct city *c, const struct ww_scan_zones *zones) {
    uint32_t T = DAYS + 1, before = c->days - DAYS;
    uint32_t *count = room((size_t)c->n * T, sizeof *count), *place = room(c->cases, sizeof *place);
    uint32_t *time_of = room(c->cases, sizeof *time_of), n = 0;
    double *measure = room((size_t)c->n * T, sizeof *measure), of_time[DAYS + 1] = {0};
    for (uint32_t i = 0; i < c->n; i++)
        for (uint32_t t = 0; t < c->days; t++) {
            uint32_t slot = t < before ? 0 : t - before + 1, k = c->count[(size_t)i * c->days + t];
            count[(size_t)i * T + slot] += k;
            of_time[slot] += k;
            for (; k > 0; k--, n++) {
                place[n] = i;
                time_of[n] = slot;
            }
        }
    for (uint32_t i = 0; i < c->n; i++) {
        double own = 0;
        for (uint32_t t = 0; t < T; t++)
            own += count[(size_t)i * T + t];
        for (uint32_t t = 0; t < T; t++)
            measure[(size_t)i * T + t] = own * of_time[t] / (double)c->cases;
    }
    struct ww_scan_data data = {WW_SCAN_PERMUTATION, c->n, T, count, measure, place, time_of, &n, 1};
    struct ww_scan_windows windows = {1, DAYS, true};
    struct ww_scan_rules rules = {.min_cases = 2, .replicas = REPLICAS / 10, .max_clusters = 10, .seed = 7};
    struct ww_scan_run *run;
    struct ww_scan_result result;
    if (ww_scan_start(&data, zones, &windows, &rules, &run, NULL) != WW_OK)
        exit(1);
    double begun = now_s();
    while (!ww_scan_step(run, 1))
        continue;
    double took = (now_s() - begun) * 10;
    ww_scan_result(run, &result);
    printf("  general     %d replicas %.2f s (from %u); best LLR %.6f\n", REPLICAS, took, rules.replicas,
           result.clusters[0].llr);
    ww_scan_free(run);
    free(count);
    free(place);
    free(time_of);
    free(measure);
}

static void bench(uint32_t n, uint32_t days, double mean) {
    struct city c = make_city(n, days, mean);
    struct ww_scan_places places = {n, false, (const double(*)[3])c.at};
    struct ww_scan_limits limits = {1500, NULL, 0};
    struct ww_scan_zones *zones;
    double begun = now_s();
    if (ww_scan_zones_circles(&places, &limits, &zones, NULL) != WW_OK)
        exit(1);
    printf("%u places, %u days, %llu cases: %llu zones, made in %.3f s\n", n, days,
           (unsigned long long)c.cases, (unsigned long long)zones->start[n], now_s() - begun);
    bench_live(&c, zones, WW_SCAN_PERMUTATION, mean);
    bench_live(&c, zones, WW_SCAN_EXPECTATION, mean);
    bench_live(&c, zones, WW_SCAN_POISSON, mean);
    bench_general(&c, zones);
    ww_scan_zones_free(zones);
    free(c.at);
    free(c.weight);
    free(c.count);
}

int main(int argc, char **argv) {
    uint32_t days = argc > 2 ? (uint32_t)atoi(argv[2]) : 90;
    double mean = argc > 3 ? atof(argv[3]) : 0.1;
    if (argc > 1) {
        bench((uint32_t)atoi(argv[1]), days, mean);
        return 0;
    }
    bench(2000, days, mean);
    bench(5000, days, mean);
    return 0;
}
