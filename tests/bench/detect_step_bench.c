/* How many readings a second detectors 1 to 3 judge together. ww_link: ww_detect
 *
 * 10,000 series are stepped in turn at random times, so the states do not stay in the cache: the seasonal
 * baseline, the residual against eight neighbours with their links, the quality checks; each alone and all on
 * every reading. The yardstick, in the same run: summing the values after touching the same states (a memory
 * walk).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/detect/baseline.h"
#include "geo/detect/neighbour.h"
#include "geo/detect/quality.h"
#include "tests/unit/detect/random.h"

enum { SERIES = 10000, STEPS = 100, REPEATS = 5 };

struct series {
    struct ww_baseline baseline;
    struct ww_neighbour neighbour;
    struct ww_quality quality;
    struct ww_links links;
};

_Static_assert(sizeof(struct series) + sizeof(struct ww_voice) <= 1024,
               "detectors 2 and 3 keep at most 1 KB a series");

static struct series *all;
static struct ww_voice *voices; /* of all, side by side */
static double *values;          /* STEPS × SERIES, made before the clock starts */
static uint32_t order[SERIES];

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* one core: what others take does not count */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void begin(void) {
    for (uint32_t i = 0; i < SERIES; i++) {
        ww_baseline_init(&all[i].baseline);
        ww_neighbour_init(&all[i].neighbour);
        ww_quality_init(&all[i].quality);
        ww_voice_init(&voices[i]);
        ww_links_init(&all[i].links);
        for (uint32_t j = 0; j < WW_NEIGHBOURS; j++)
            ww_links_set(&all[i].links, (int)j, (i / 9 * 9 + (i + j + 1) % 9) % SERIES,
                         500 + 100 * (double)j);
    }
}

static unsigned long judge_neighbours(struct series *s, double x, int64_t at) {
    struct ww_votes votes;
    struct ww_neighbour_verdict v;
    struct ww_voice *own = &voices[s - all];
    ww_neighbour_ask(&s->links, voices, at, &votes);
    ww_neighbour_step(&s->neighbour, x, &votes, &v);
    ww_voice_speak(own, &s->neighbour, v.z, at);
    ww_links_learn(&s->links, &votes, (double)own->z);
    return v.kind == WW_NEIGHBOUR_FAULT;
}

/* As the judge does for the rows of a message (ingest/group.c): the states of the next reading are asked for
 * while this one is judged. */
static void fetch(unsigned what, const struct series *s) {
    if (what & 1)
        ww_baseline_fetch(&s->baseline);
    if (what & 2)
        ww_neighbour_fetch(&s->neighbour, &s->links);
    if (what & 4)
        ww_quality_fetch(&s->quality);
}

/* what: 1 baseline, 2 neighbours, 4 quality; 0 the memory walk. Readings a second. */
static double run(unsigned what, unsigned long *told) {
    begin();
    double start = now_s();
    volatile double sum = 0;
    for (int step = 0; step < STEPS; step++) {
        int64_t at = INT64_C(1740960000000000) + step * INT64_C(600000000);
        for (int k = 0; k < SERIES; k++) {
            struct series *s = &all[order[k]];
            fetch(what, &all[order[(k + 1) % SERIES]]);
            struct ww_reading reading = {.time_us = at, .value = values[step * SERIES + k], .flag = 'N'};
            struct ww_baseline_verdict b;
            struct ww_quality_verdict q;
            if (what == 0)
                sum = sum + s->baseline.origin + s->neighbour.level + s->quality.value[4] + reading.value;
            if (what & 1) {
                ww_baseline_step(&ww_baseline_params_default, &s->baseline, &reading, &b);
                *told += b.months >= 1;
            }
            if (what & 2)
                *told += judge_neighbours(s, reading.value, at);
            if (what & 4) {
                ww_quality_step(&ww_quality_params_none, &s->quality, &reading, at, &q);
                *told += q.signs != 0;
            }
        }
    }
    return SERIES * (double)STEPS / (now_s() - start);
}

int main(void) {
    struct random r = {1};
    all = aligned_alloc(64, SERIES * sizeof *all);
    voices = malloc(SERIES * sizeof *voices);
    values = malloc(sizeof *values * SERIES * STEPS);
    if (!all || !voices || !values)
        return 1;
    for (int i = 0; i < SERIES * STEPS; i++)
        values[i] = 50 + 10 * sin(i / SERIES * 0.0436) + random_normal(&r);
    for (uint32_t i = 0; i < SERIES; i++)
        order[i] = i;
    for (uint32_t i = SERIES - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(random_bits(&r) % (i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    unsigned long told = 0;
    double walk = 0;
    for (int again = 0; again < REPEATS; again++)
        walk = fmax(walk, run(0, &told));
    printf(
        "series=%d steps=%d bytes: baseline %zu, neighbour %zu + eight links %zu + voice %zu, quality %zu\n",
        SERIES, STEPS, sizeof(struct ww_baseline), sizeof(struct ww_neighbour), sizeof(struct ww_links),
        sizeof(struct ww_voice), sizeof(struct ww_quality));
    printf("memory walk               %6.2f M/s  1.00\n", walk / 1e6);
    static const struct {
        unsigned what;
        const char *name;
    } rows[] = {{1, "baseline"}, {2, "neighbours"}, {4, "quality"}, {7, "all three"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double rate = 0;
        for (int again = 0; again < REPEATS;
             again++) /* the best: what others take from the machine is not ours */
            rate = fmax(rate, run(rows[i].what, &told));
        printf("%-25s %6.2f M/s  %.2f\n", rows[i].name, rate / 1e6, rate / walk);
    }
    printf("told=%lu\n", told);
    free(values);
    free(voices);
    free(all);
    return 0;
}
