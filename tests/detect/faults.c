/* Injects faults and area events into a network of sensors and says what the detectors call them.
 *
 *   detect_faults SEED < network      (tests/detect/evaluate.py faults makes it from real stations)
 *
 * Input: "n", then n lines "lon lat", then rows of n values in equal steps of an hour, "nan" where missing.
 * First the record as it is (false alarms), then with faults in a third of the sites, then with area events.
 * In the same run stands the rule of AirGradient's map: equal values for 24 h; or, with three stations within
 * 10 km, itself included, |x - mean| > 30, or |z| > 2 where the mean is 50 or more.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/detect/neighbour.h"
#include "geo/detect/quality.h"
#include "tests/unit/detect/random.h"

enum { MOST_SITES = 64, FIRST = 60 * 24, PERIOD = 21 * 24, KINDS = 6, BLOCKS = MOST_SITES / WW_NEIGHBOURS };

static const char *const kind_names[KINDS] = {"offset", "scale", "stuck", "dead", "bursts", "noise"};

struct network {
    int n, rows;
    double lon[MOST_SITES], lat[MOST_SITES];
    double *value; /* rows × n */
    double spread[MOST_SITES];
};

/* What was called what, in one reading. */
struct call {
    bool fault, area, rule;
    bool alone; /* by its neighbours */
    unsigned signs;
};

static double km_between(const struct network *w, int a, int b) {
    double k = 0.017453292519943295, x = (w->lon[a] - w->lon[b]) * k * cos((w->lat[a] + w->lat[b]) / 2 * k);
    double y = (w->lat[a] - w->lat[b]) * k;
    return 6371 * sqrt(x * x + y * y);
}

static bool read_network(struct network *w) {
    if (scanf("%d", &w->n) != 1 || w->n < 4 || w->n > MOST_SITES)
        return false;
    for (int i = 0; i < w->n; i++)
        if (scanf("%lf %lf", &w->lon[i], &w->lat[i]) != 2)
            return false;
    int room = 0;
    double x;
    for (int at = 0; scanf("%lf", &x) == 1; at++) {
        if (at == room) {
            room = room ? 2 * room : 1 << 16;
            w->value = realloc(w->value, (size_t)room * sizeof *w->value);
            if (!w->value)
                return false;
        }
        w->value[at] = x;
        w->rows = (at + 1) / w->n;
    }
    return w->rows > 2 * FIRST;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure_spreads(struct network *w) {
    double *v = malloc((size_t)w->rows * sizeof *v);
    for (int s = 0; v && s < w->n; s++) {
        int m = 0;
        for (int r = 0; r < w->rows; r++)
            if (!isnan(w->value[r * w->n + s]))
                v[m++] = w->value[r * w->n + s];
        qsort(v, (size_t)m, sizeof *v, by_value);
        w->spread[s] = m ? (v[m * 3 / 4] - v[m / 4]) / 1.349 : 1;
    }
    free(v);
}

/* ---- what each says ---- */

static bool rule_says(const struct network *w, const double *now, int site, int equal) {
    double sum = 0, sum2 = 0;
    int n = 0;
    for (int j = 0; j < w->n; j++) {
        if (!isnan(now[j]) && km_between(w, site, j) <= 10) {
            sum += now[j];
            sum2 += now[j] * now[j];
            n++;
        }
    }
    if (equal >= 24)
        return true;
    if (n < 3)
        return false;
    double mean = sum / n, sd = sqrt(fmax(0, sum2 / n - mean * mean) * n / (n - 1.0));
    return mean < 50 ? fabs(now[site] - mean) > 30 : sd > 0 && fabs(now[site] - mean) > 2 * sd;
}

static void judge(const struct network *w, const double *values, struct call *calls) {
    static struct ww_neighbour state[MOST_SITES];
    static struct ww_quality quality[MOST_SITES];
    static struct ww_links link[MOST_SITES][BLOCKS]; /* to all others, eight by eight */
    static struct ww_voice voice[MOST_SITES];        /* z only: ages are counted in rows */
    int age[MOST_SITES], equal[MOST_SITES];
    double last[MOST_SITES];
    struct ww_quality_params bounds = {.least = 0, .most = 2000, .limit = NAN};
    for (int i = 0; i < w->n; i++) {
        ww_neighbour_init(&state[i]);
        ww_quality_init(&quality[i]);
        age[i] = 1000;
        equal[i] = 0;
        last[i] = NAN;
        ww_voice_init(&voice[i]);
        for (int b = 0; b < BLOCKS; b++)
            ww_links_init(&link[i][b]);
        for (int j = 0; j < w->n; j++)
            if (j != i)
                ww_links_set(&link[i][j / WW_NEIGHBOURS], j % WW_NEIGHBOURS, (uint32_t)j,
                             1000 * km_between(w, i, j));
    }
    for (int r = 0; r < w->rows; r++) {
        const double *now = &values[r * w->n];
        for (int i = 0; i < w->n; i++) {
            if (isnan(now[i])) {
                age[i]++;
                continue;
            }
            struct ww_votes votes, asked[BLOCKS];
            ww_votes_init(&votes);
            for (int b = 0; b < BLOCKS; b++)
                ww_neighbour_ask(&link[i][b], voice, 0, &asked[b]);
            for (int j = 0; j < w->n; j++) {
                struct ww_votes *block = &asked[j / WW_NEIGHBOURS];
                int at = j % WW_NEIGHBOURS;
                (void)ww_votes_add(&votes, (double)block->z[at], (double)block->weight[at], age[j]);
                block->intervals[at] = age[j] <= 1 ? 0 : INFINITY; /* learned from when both have reported */
            }
            struct ww_neighbour_verdict v;
            struct ww_quality_verdict q;
            struct ww_reading reading = {.time_us = r * WW_HOUR_US, .value = now[i], .flag = 'N'};
            ww_neighbour_step(&state[i], now[i], &votes, &v);
            ww_quality_step(&bounds, &quality[i], &reading, WW_INSTANT_NONE, &q);
            ww_voice_speak(&voice[i], &state[i], v.z, 0);
            for (int b = 0; b < BLOCKS; b++)
                ww_links_learn(&link[i][b], &asked[b], (double)voice[i].z);
            equal[i] = now[i] == last[i] ? equal[i] + 1 : 0;
            last[i] = now[i];
            age[i] = 0;
            struct call *c = &calls[r * w->n + i];
            c->fault = v.kind == WW_NEIGHBOUR_FAULT || v.kind == WW_NEIGHBOUR_DEAD ||
                       (q.signs & (WW_QUALITY_STUCK | WW_QUALITY_RANGE | WW_QUALITY_SPIKE));
            c->alone = v.kind == WW_NEIGHBOUR_FAULT || v.kind == WW_NEIGHBOUR_DEAD;
            c->signs = q.signs;
            c->area = v.kind == WW_NEIGHBOUR_AREA_EVENT;
            c->rule = rule_says(w, now, i, equal[i]);
        }
    }
}

/* ---- what is planted ---- */

static double broken(int kind, double x, double spread, double held, struct random *r) {
    switch (kind) {
    case 0:
        return x + 4 * spread;
    case 1:
        return 3 * x + 10;
    case 2:
        return held;
    case 3:
        return 0;
    case 4:
        return random_unit(r) < 0.3 ? x + spread * (5 + 10 * random_unit(r)) : x;
    default:
        return fmax(0, x + 3 * spread * random_normal(r));
    }
}

/* Area events that are in the record without the fault are no misnomer. */
static void score_faults(const struct network *w, double *v, const struct call *clean, struct call *calls,
                         uint64_t seed) {
    struct random r = {seed};
    int kind[1024], site[1024], from[1024], to[1024], n = 0;
    for (int at = FIRST; at + 5 * 24 < w->rows && n + w->n < 1024; at += PERIOD) {
        for (int i = 0; i < w->n / 3; i++, n++) { /* a third of the sites, each once a period */
            site[n] = (int)((random_bits(&r) % 3) + 3 * (uint64_t)i);
            kind[n] = (int)(random_bits(&r) % KINDS);
            from[n] = at + (int)(random_bits(&r) % 200);
            to[n] = from[n] + 24 + (int)(random_bits(&r) % 48);
            double held = v[from[n] * w->n + site[n]];
            for (int row = from[n]; row < to[n] && row < w->rows; row++) {
                double *x = &v[row * w->n + site[n]];
                if (!isnan(*x))
                    *x = broken(kind[n], *x, w->spread[site[n]], isnan(held) ? 50 : held, &r);
            }
        }
    }
    judge(w, v, calls);
    int found[KINDS] = {0}, named[KINDS] = {0}, all[KINDS] = {0}, rule[KINDS] = {0}, planted_rows = 0,
        hit = 0, rule_hit = 0;
    for (int e = 0; e < n; e++) {
        int fault = 0, area = 0, by_rule = 0;
        for (int row = from[e]; row < to[e] && row < w->rows; row++) {
            struct call c = calls[row * w->n + site[e]];
            fault += c.fault;
            area += c.area && !clean[row * w->n + site[e]].area;
            by_rule += c.rule;
            planted_rows++;
        }
        hit += fault;
        rule_hit += by_rule;
        all[kind[e]]++;
        found[kind[e]] += fault + area > 0;
        named[kind[e]] += fault > 0 && fault >= area;
        rule[kind[e]] += by_rule > 0;
    }
    int sum[4] = {0};
    for (int k = 0; k < KINDS; k++) {
        printf("  %-7s planted %3d found %3d called fault %3d; rule found %3d\n", kind_names[k], all[k],
               found[k], named[k], rule[k]);
        sum[0] += all[k];
        sum[1] += found[k];
        sum[2] += named[k];
        sum[3] += rule[k];
    }
    printf("faults planted=%d found=%d called_fault=%d share_of_found=%.3f share_of_planted=%.3f "
           "rule_found=%d\n",
           sum[0], sum[1], sum[2], (double)sum[2] / (sum[1] ? sum[1] : 1),
           (double)sum[2] / (sum[0] ? sum[0] : 1), sum[3]);
    int false_rows = 0, false_rule = 0;
    for (int row = FIRST; row < w->rows; row++) {
        for (int s = 0; s < w->n; s++) {
            bool planted = false;
            for (int e = 0; e < n; e++)
                planted |= site[e] == s && row >= from[e] && row < to[e] + 6;
            false_rows += !planted && calls[row * w->n + s].fault;
            false_rule += !planted && calls[row * w->n + s].rule;
        }
    }
    double p = (double)hit / (hit + false_rows), q = (double)hit / planted_rows;
    double rp = (double)rule_hit / (rule_hit + false_rule), rq = (double)rule_hit / planted_rows;
    printf("readings: recall %.3f precision %.3f F1 %.3f; rule: recall %.3f precision %.3f F1 %.3f\n", q, p,
           2 * p * q / (p + q), rq, rp, 2 * rp * rq / (rp + rq));
}

static void score_areas(const struct network *w, double *v, struct call *calls, uint64_t seed) {
    struct random r = {seed};
    int planted = 0, named = 0, wrong = 0;
    int at[512], centre[512], n = 0;
    for (int row = FIRST; row + 48 < w->rows && n < 512; row += 7 * 24, n++) {
        at[n] = row + (int)(random_bits(&r) % 100);
        centre[n] = (int)(random_bits(&r) % (uint64_t)w->n);
        for (int h = 0; h < 12 && at[n] + h < w->rows; h++)
            for (int s = 0; s < w->n; s++)
                v[(at[n] + h) * w->n + s] +=
                    6 * w->spread[s] * fmin(1, h / 3.0) * exp(-pow(km_between(w, s, centre[n]) / 30, 2));
    }
    judge(w, v, calls);
    for (int e = 0; e < n; e++) {
        for (int s = 0; s < w->n; s++) {
            if (km_between(w, s, centre[e]) > 20)
                continue;
            int fault = 0, area = 0;
            for (int h = 0; h < 12 && at[e] + h < w->rows; h++) {
                fault += calls[(at[e] + h) * w->n + s].fault;
                area += calls[(at[e] + h) * w->n + s].area;
            }
            planted++;
            named += area > fault;
            wrong += fault > area;
        }
    }
    printf("area events: sensors in them %d, called area event %d (%.3f), called fault %d (%.3f)\n", planted,
           named, (double)named / planted, wrong, (double)wrong / planted);
}

static void score_clean(const struct network *w, struct call *calls) {
    int starts = 0, rows = 0, alone = 0, stuck = 0, spike = 0;
    judge(w, w->value, calls);
    for (int s = 0; s < w->n; s++) {
        int quiet = 1000;
        for (int r = FIRST; r < w->rows; r++) {
            bool fault = calls[r * w->n + s].fault;
            struct call c = calls[r * w->n + s];
            starts += fault && quiet >= 6;
            alone += c.alone;
            stuck += (c.signs & WW_QUALITY_STUCK) != 0;
            spike += (c.signs & WW_QUALITY_SPIKE) != 0;
            quiet = fault ? 0 : quiet + 1;
            rows++;
        }
    }
    printf("clean: fault episodes %d in %.1f sensor-weeks; readings alone %d, stuck %d, spikes %d\n", starts,
           rows / 168.0, alone, stuck, spike);
}

int main(int argc, char **argv) {
    static struct network w;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (!read_network(&w)) {
        fputs("detect_faults: no network on standard input\n", stderr);
        return 1;
    }
    measure_spreads(&w);
    size_t size = (size_t)w.rows * (size_t)w.n;
    struct call *calls = calloc(size, sizeof *calls), *clean = calloc(size, sizeof *clean);
    double *copy = malloc(size * sizeof *copy);
    if (!calls || !clean || !copy)
        return 1;
    score_clean(&w, clean);
    memcpy(copy, w.value, size * sizeof *copy);
    score_faults(&w, copy, clean, calls, seed);
    memcpy(copy, w.value, size * sizeof *copy);
    memset(calls, 0, size * sizeof *calls);
    score_areas(&w, copy, calls, seed);
    free(copy);
    free(calls);
    free(clean);
    free(w.value);
    return 0;
}
