/* Neighbours: the weighted median against a plain oracle, and what the verdicts are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "geo/detect/neighbour.h"
#include "tests/unit/detect/random.h"

enum { SITES = 9 };

struct town {
    struct ww_neighbour site[SITES];
    struct ww_voice voice[SITES];
    struct ww_neighbour_verdict v[SITES];
    struct random random;
    double common;
    double broken[SITES]; /* NAN = in order, else what it says */
    double raised[SITES]; /* added */
    int age[SITES];
};

static void start(struct town *t, uint64_t seed) {
    memset(t, 0, sizeof *t);
    t->random = (struct random){seed};
    for (int i = 0; i < SITES; i++) {
        ww_neighbour_init(&t->site[i]);
        ww_voice_init(&t->voice[i]);
        t->broken[i] = NAN;
    }
}

/* One hour: what all have in common wanders, each has its own height, swing and noise. */
static void step(struct town *t) {
    t->common = 0.97 * t->common + random_normal(&t->random);
    for (int i = 0; i < SITES; i++) {
        double x = 50 + 5 * i + (4 + 0.5 * i) * (t->common + t->raised[i]) + 4 * random_normal(&t->random);
        struct ww_votes votes;
        ww_votes_init(&votes);
        if (!isnan(t->broken[i]))
            x = t->broken[i];
        for (int j = 0; j < SITES; j++)
            if (j != i)
                (void)ww_votes_add(&votes, (double)t->voice[j].z, 1, t->age[j]);
        ww_neighbour_step(&t->site[i], x, &votes, &t->v[i]);
        ww_voice_speak(&t->voice[i], &t->site[i], t->v[i].z, 0);
    }
}

static void steps(struct town *t, int n) {
    while (n-- > 0)
        step(t);
}

/* ---- the median ---- */

struct pair {
    double value, weight;
};

static int by_value(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Integer weights: repeat each value, take the plain median. */
static void the_weighted_median_is_that_of_repeated_values(void **state) {
    (void)state;
    struct random r = {1};
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + random_bits(&r) % WW_NEIGHBOURS, m = 0;
        float values[WW_NEIGHBOURS], weights[WW_NEIGHBOURS];
        struct pair all[WW_NEIGHBOURS * 4];
        for (size_t i = 0; i < n; i++) {
            values[i] = (float)rint(random_normal(&r) * 3);
            weights[i] = (float)(1 + random_bits(&r) % 4);
            for (int k = 0; k < (int)weights[i]; k++)
                all[m++] = (struct pair){values[i], 1};
        }
        qsort(all, m, sizeof *all, by_value);
        double plain = m % 2 ? all[m / 2].value : (all[m / 2 - 1].value + all[m / 2].value) / 2;
        assert_near((double)ww_weighted_median(values, weights, n), plain, 1e-12);
    }
}

/* ---- verdicts ---- */

static void when_all_is_in_order_it_says_normal(void **state) {
    (void)state;
    struct town t;
    start(&t, 2);
    steps(&t, 100);
    int other = 0;
    for (int i = 0; i < 3000; i++) {
        step(&t);
        for (int s = 0; s < SITES; s++)
            other += t.v[s].kind == WW_NEIGHBOUR_FAULT || t.v[s].kind == WW_NEIGHBOUR_DEAD;
    }
    assert_true(other < 3000 * SITES / 500);
}

static void one_that_is_off_alone_is_a_fault(void **state) {
    (void)state;
    int fault = 0, blamed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct town t;
        start(&t, seed);
        steps(&t, 1000);
        t.broken[4] = 180;
        bool called = false;
        for (int i = 0; i < 12; i++) {
            step(&t);
            called |= t.v[4].kind == WW_NEIGHBOUR_FAULT;
            blamed += t.v[3].kind == WW_NEIGHBOUR_FAULT || t.v[5].kind == WW_NEIGHBOUR_FAULT;
        }
        fault += called;
    }
    assert_int_equal(fault, 20);
    assert_true(blamed <= 5); /* of 480 */
}

static void a_third_that_is_broken_does_not_make_the_others_suspect(void **state) {
    (void)state;
    int fault = 0, blamed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct town t;
        start(&t, seed);
        steps(&t, 1000);
        t.broken[1] = 200;
        t.broken[4] = -80;
        t.broken[7] = 220;
        steps(&t, 4);
        for (int s = 0; s < SITES; s++) {
            bool called = t.v[s].kind == WW_NEIGHBOUR_FAULT;
            fault += called && s % 3 == 1;
            blamed += called && s % 3 != 1;
        }
    }
    assert_true(fault >= 57); /* 95 % of 60 */
    assert_true(blamed <= 3);
}

static void together_is_an_area_event(void **state) {
    (void)state;
    int area = 0, fault = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct town t;
        start(&t, seed);
        steps(&t, 1000);
        for (int s = 0; s < SITES; s++)
            t.raised[s] = 18;
        steps(&t, 3);
        for (int s = 0; s < SITES; s++) {
            area += t.v[s].kind == WW_NEIGHBOUR_AREA_EVENT;
            fault += t.v[s].kind == WW_NEIGHBOUR_FAULT || t.v[s].kind == WW_NEIGHBOUR_DEAD;
        }
    }
    assert_true(area >= 20 * SITES * 95 / 100);
    assert_true(fault <= 3);
}

static void one_that_does_not_see_what_all_see_is_dead(void **state) {
    (void)state;
    int dead = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct town t;
        start(&t, seed);
        steps(&t, 1000);
        t.common = 0;
        for (int s = 0; s < SITES; s++)
            t.raised[s] = s == 4 ? 0 : 20;
        t.broken[4] = 50 + 5 * 4;
        bool called = false;
        for (int i = 0; i < 6; i++) {
            step(&t);
            called |= t.v[4].kind == WW_NEIGHBOUR_DEAD;
        }
        dead += called;
    }
    assert_true(dead >= 19);
}

static void fewer_than_three_fresh_voters_are_no_neighbours(void **state) {
    (void)state;
    struct town t;
    start(&t, 3);
    steps(&t, 1000);
    assert_int_not_equal(t.v[0].kind, WW_NEIGHBOUR_NONE);
    for (int s = 1; s < SITES - 2; s++)
        t.age[s] = 3; /* intervals */
    step(&t);
    assert_int_equal(t.v[0].kind, WW_NEIGHBOUR_NONE);
    assert_int_equal(t.v[0].voters, 2);
}

static void a_difference_that_stays_is_accepted_after_a_week_of_hours(void **state) {
    (void)state;
    struct town t;
    start(&t, 4);
    steps(&t, 1000);
    t.raised[4] = 25;
    int accepted = 0;
    for (int i = 1; i <= 400 && !accepted; i++) {
        step(&t);
        accepted = t.v[4].accepted ? i : 0;
    }
    assert_in_range(accepted, 168, 220);
}

/* Two neighbours 1 km away: the first goes with this sensor, the second does not. */
static void a_link_learns_who_goes_together(void **state) {
    (void)state;
    struct random r = {5};
    struct ww_links links;
    struct ww_votes votes;
    struct ww_voice voices[2];
    ww_links_init(&links);
    for (int i = 0; i < 2; i++) {
        ww_voice_init(&voices[i]);
        ww_links_set(&links, i, (uint32_t)i, 1000);
    }
    for (int i = 0; i < 5000; i++) {
        double z = random_normal(&r);
        voices[0].z = (float)(z + 0.3 * random_normal(&r));
        voices[1].z = (float)random_normal(&r);
        ww_neighbour_ask(&links, voices, 0, &votes);
        ww_links_learn(&links, &votes, z);
    }
    ww_neighbour_ask(&links, voices, 0, &votes);
    assert_true(votes.weight[0] > 4 * votes.weight[1]);
    for (int i = 2; i < WW_NEIGHBOURS; i++)
        assert_false(votes.weight[i] > 0); /* free places have no vote */
    struct ww_links before = links;
    ww_links_learn(&links, &votes, NAN);
    assert_memory_equal(&links, &before, sizeof links);
    votes.z[0] = NAN;
    votes.intervals[1] = 2.5f;
    ww_links_learn(&links, &votes, 3);
    assert_memory_equal(&links, &before, sizeof links);
    ww_links_set(&links, 1, 0, 10000);
    links.correlation[1] = links.correlation[0];
    ww_neighbour_ask(&links, voices, 0, &votes);
    assert_near((double)(votes.weight[0] / votes.weight[1]), 5.5, 1e-5);
}

/* A voice is its sensor's z, and falls silent two of its intervals after its last reading. */
static void a_voice_grows_stale(void **state) {
    (void)state;
    struct random r = {6};
    struct ww_neighbour speaker;
    struct ww_voice voices[3];
    struct ww_links links;
    struct ww_votes votes, none;
    struct ww_neighbour listener;
    struct ww_neighbour_verdict v;
    const int64_t second_us = 1000000;
    int64_t at = INT64_C(1740960000) * second_us;
    ww_neighbour_init(&speaker);
    ww_neighbour_init(&listener);
    ww_votes_init(&none);
    ww_links_init(&links);
    for (int i = 0; i < 3; i++) {
        ww_voice_init(&voices[i]);
        ww_links_set(&links, i, (uint32_t)i, 500);
    }
    ww_neighbour_ask(&links, voices, at, &votes);
    ww_neighbour_step(&listener, 0, &votes, &v);
    assert_int_equal(v.voters, 0); /* nobody has said anything yet */
    for (int i = 0; i < 200; i++, at += 600 * second_us) {
        ww_neighbour_step(&speaker, random_normal(&r), &none, &v);
        for (int k = 0; k < 3; k++)
            ww_voice_speak(&voices[k], &speaker, v.z, at);
        assert_true(i < WW_NEIGHBOUR_YOUNG ? isnan(voices[0].z) : voices[0].z == (float)v.z);
    }
    at -= 600 * second_us;
    assert_near((double)voices[0].usual_s, 600, 1e-3);
    ww_neighbour_ask(&links, voices, at + 1199 * second_us, &votes);
    ww_neighbour_step(&listener, 0, &votes, &v);
    assert_int_equal(v.voters, 3);
    assert_near((double)votes.intervals[0], 1199.0 / 600, 1e-5);
    ww_neighbour_ask(&links, voices, at + 1201 * second_us, &votes);
    ww_neighbour_step(&listener, 0, &votes, &v);
    assert_int_equal(v.voters, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weighted_median_is_that_of_repeated_values),
        cmocka_unit_test(when_all_is_in_order_it_says_normal),
        cmocka_unit_test(one_that_is_off_alone_is_a_fault),
        cmocka_unit_test(a_third_that_is_broken_does_not_make_the_others_suspect),
        cmocka_unit_test(together_is_an_area_event),
        cmocka_unit_test(one_that_does_not_see_what_all_see_is_dead),
        cmocka_unit_test(fewer_than_three_fresh_voters_are_no_neighbours),
        cmocka_unit_test(a_difference_that_stays_is_accepted_after_a_week_of_hours),
        cmocka_unit_test(a_link_learns_who_goes_together),
        cmocka_unit_test(a_voice_grows_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
