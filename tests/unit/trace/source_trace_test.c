/* Tracing on water and in air: by hand, and by balance of mass. planted_source_test.c plants sources. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/alloc.h"
#include "geo/trace/source.h"
#include "geo/trace/wind.h"

static void near_to(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g is not %.12g", got, want);
}

static double random_01(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}
static double random_normal(uint64_t *seed) {
    return sqrt(-2 * log(random_01(seed))) * cos(2 * M_PI * random_01(seed));
}

/* ---- By hand ---- */

/* 0 ─┐          ┌─ 4 ─┐
 *    2 ─ 3 ─────┤     6      3 splits 30 : 70, 6 joins them again
 * 1 ─┘          └─ 5 ─┘ */
static const struct ww_reach reaches[] = {{1000, 1, 0.5, 0}, {600, 3, 0.5, 0},   {900, 4, 0.5, 2},
                                          {500, 4, 0.25, 0}, {800, 1.2, 0.4, 0}, {900, 2.8, 0.9, 0},
                                          {1000, 4, 0.5, 0}};
static const struct ww_reach_link links[] = {{0, 2, 1},   {1, 2, 1}, {2, 3, 1}, {3, 4, 0.3},
                                             {3, 5, 0.7}, {4, 6, 1}, {5, 6, 1}};

static struct ww_net *small_net(void) {
    struct ww_net *net;
    assert_true(WW_OK == ww_net_new(reaches, 7, links, 7, &net, NULL));
    return net;
}

static void passages_add_up_along_the_water(void **state) {
    (void)state;
    struct ww_net *net = small_net();
    struct ww_passage above[7], below[7];
    struct ww_spot end = {6, 400}, start = {0, 250};
    ww_net_above(net, end, above);
    struct ww_passage p = ww_net_passage(net, end, above, start);
    double a = 2000, b = 1000; /* by reach 4 and by reach 5 */
    near_to(p.share, 1, 1e-12);
    near_to(p.tau_s, 1500 + 1800 + 2000 + 0.3 * a + 0.7 * b + 800, 1e-9);
    near_to(p.variance_s2, 2 * 2 * 900 / 0.125 + 0.3 * 0.7 * (a - b) * (a - b), 1e-6);
    p = ww_net_passage(net, end, above, (struct ww_spot){4, 800});
    near_to(p.share, 1, 1e-12);
    near_to(p.tau_s, 800, 1e-9);
    p = ww_net_passage(net, end, above, (struct ww_spot){6, 100}); /* same reach, above and below */
    near_to(p.tau_s, 600, 1e-9);
    assert_true(ww_net_passage(net, end, above, (struct ww_spot){6, 500}).share == 0);
    ww_net_above(net, (struct ww_spot){4, 0}, above); /* of what splits, its share */
    near_to(ww_net_passage(net, (struct ww_spot){4, 0}, above, start).share, 0.3, 1e-12);
    assert_true(above[5].share == 0 && above[6].share == 0);
    ww_net_below(net, start, below);
    near_to(below[6].tau_s, 1500 + 1800 + 2000 + 0.3 * a + 0.7 * b, 1e-9);
    near_to(below[6].share, 1, 1e-12);
    assert_true(below[1].share == 0);
    ww_net_free(net);
}

static void impossible_water_is_refused(void **state) {
    (void)state;
    struct ww_net *net;
    struct ww_error err;
    const struct ww_reach two[] = {{1, 1, 1, 0}, {1, 1, 1, 0}}, still[] = {{1, 1, 0, 0}};
    const struct ww_reach_link circle[] = {{0, 1, 1}, {1, 0, 1}}, much[] = {{0, 1, 0.7}, {0, 1, 0.6}},
                               lost[] = {{0, 2, 1}}, none[] = {{0, 1, 0}};
    assert_true(WW_BAD_INPUT == ww_net_new(two, 2, circle, 2, &net, &err) && strstr(err.message, "circle"));
    assert_true(WW_BAD_INPUT == ww_net_new(two, 2, much, 2, &net, &err) &&
                strstr(err.message, "more than 1"));
    assert_true(WW_BAD_INPUT == ww_net_new(two, 2, lost, 1, &net, &err));
    assert_true(WW_BAD_INPUT == ww_net_new(two, 2, none, 1, &net, &err));
    assert_true(WW_BAD_INPUT == ww_net_new(still, 1, NULL, 0, &net, &err));
}

static double mass_through(struct ww_passage p, double flow, struct ww_release r, struct ww_dispersal how) {
    double mass = 0, sd = ww_plume_sd_s(p, how), to = r.start_s + p.tau_s + r.duration_s + 8 * sd;
    for (double t = r.start_s; t < to; t += 5)
        mass += ww_plume_at(p, flow, r, how, t + 2.5) * flow * 5;
    return mass;
}

static void mass_is_kept_at_confluences_and_splits(void **state) {
    (void)state;
    struct ww_net *net = small_net();
    struct ww_passage below[7];
    struct ww_release r = {0, 1800, 5};
    ww_net_below(net, (struct ww_spot){0, 0}, below);
    double released = 1800 * 5;
    near_to(mass_through(below[2], reaches[2].flow_m3s, r, WW_DISPERSAL_USUAL), released, 1e-3 * released);
    near_to(mass_through(below[4], reaches[4].flow_m3s, r, WW_DISPERSAL_USUAL), 0.3 * released,
            1e-3 * released);
    near_to(mass_through(below[6], reaches[6].flow_m3s, r, WW_DISPERSAL_USUAL), released, 1e-3 * released);
    /* a long discharge below a confluence has the mixed concentration: (1 · 5/1 + 3 · 0) / 4 */
    struct ww_release steady = {0, 1e7, 5};
    near_to(ww_plume_at(below[2], reaches[2].flow_m3s, steady, WW_DISPERSAL_USUAL, 5e6),
            (1 * 5.0 + 3 * 0) / 4, 1e-9);
    struct ww_dispersal decays = WW_DISPERSAL_USUAL;
    decays.decay_per_s = 1e-4;
    near_to(ww_plume_at(below[2], 4, steady, decays, 5e6), 1.25 * exp(-1e-4 * 2000), 1e-9);
    struct ww_arrival a = ww_plume_arrival(below[3], 4, r, WW_DISPERSAL_USUAL);
    near_to(a.front_s, 0.89 * 3800, 1e-9);
    near_to(a.peak_s, 3800 + 900, 1e-9);
    near_to(a.rear_s, 3800 + 1800 + 2 * 0.055 * 3800, 1e-9);
    ww_net_free(net);
}

static void velocity_follows_jobson(void **state) {
    (void)state;
    /* Q = Qa = 10, Da = 1e9 m², S = 0.001: D' = 1e9^1.25 · 3.1316 / 10 = 5.5688e10 */
    double d = pow(1e9, 1.25) * 3.131557 / 10;
    near_to(ww_velocity_jobson_ms(10, 10, 1e9, 0.001),
            0.094 + 0.0143 * pow(d, 0.919) * pow(0.001, 0.159) * 1e-8, 1e-5);
    assert_true(ww_velocity_jobson_ms(20, 10, 1e9, 0.001) > ww_velocity_jobson_ms(10, 10, 1e9, 0.001));
}

/* ---- One sensor ---- */

static void one_sensor_tells_a_stretch_and_where_to_sample(void **state) {
    (void)state;
    /* One river of six reaches of 2 km, a sensor at its end, no site known. */
    struct ww_reach r[6];
    struct ww_reach_link l[5];
    struct ww_net *net;
    struct ww_source *s;
    struct ww_source_candidate *c;
    uint32_t n;
    struct ww_source_summary sum;
    uint64_t seed = 3;
    for (uint32_t i = 0; i < 6; i++) {
        r[i] = (struct ww_reach){2000, 2, 0.5, 0};
        if (i < 5)
            l[i] = (struct ww_reach_link){i, i + 1, 1};
    }
    assert_true(WW_OK == ww_net_new(r, 6, l, 5, &net, NULL));
    assert_true(WW_OK == ww_source_candidates(net, NULL, 0, 250, 1, &c, &n, NULL));
    assert_true(n == 48);
    struct ww_source_sensor sensor = {{5, 2000}, 0.05};
    struct ww_source_options o = ww_source_usual(0, 86400);
    double *probability = ww_must_calloc(n, sizeof *probability);
    assert_true(WW_OK == ww_source_new(net, c, n, &sensor, 1, &o, &s, NULL));
    assert_true(WW_OK == ww_source_posterior(s, probability));
    for (uint32_t i = 0; i < n; i++)
        near_to(probability[i], 1.0 / n, 1e-9); /* nothing seen: the priors */
    assert_true(WW_OK == ww_source_summary(s, probability, &sum));
    assert_true(sum.verdict == WW_SOURCE_NOTHING);
    struct ww_passage above[6];
    ww_net_above(net, sensor.at, above);
    struct ww_passage p = ww_net_passage(net, sensor.at, above, (struct ww_spot){2, 1000});
    struct ww_release release = {20000, 3600, 4};
    for (double t = 0; t < 86400; t += 300)
        ww_source_add(s, 0, t,
                      ww_plume_at(p, 2, release, WW_DISPERSAL_USUAL, t) + 0.05 * random_normal(&seed));
    assert_true(WW_OK == ww_source_posterior(s, probability));
    assert_true(WW_OK == ww_source_summary(s, probability, &sum));
    double all = 0, most = 0, upper = 0;
    for (uint32_t i = 0; i < n; i++) {
        all += probability[i];
        most = fmax(most, probability[i]);
        upper += i <= sum.sample.reach * 8 + (uint32_t)(sum.sample.at_m / 250) ? probability[i] : 0;
    }
    near_to(all, 1, 1e-9);
    assert_true(sum.verdict == WW_SOURCE_STRETCH && sum.saw == 1);
    assert_true(most < 0.2);                /* no point is claimed */
    assert_true(sum.stretch_m >= 2000);     /* kilometres fit */
    near_to(sum.sample_above, upper, 1e-9); /* the sample parts what lies above from what lies below … */
    assert_true(fabs(sum.sample_above - 0.5) < 0.1); /* … about in halves */
    ww_source_free(s);
    ww_free(probability);
    ww_free(c);
    ww_net_free(net);
}

/* ---- Silence, knowledge, order ---- */

/* Two arms of 3 km meet; a site on each; a sensor at the end and, maybe, one on arm 0. */
struct fork {
    struct ww_net *net;
    struct ww_source *s;
};

static struct fork make_fork(uint32_t n_sensors) {
    const struct ww_reach r[] = {{3000, 1, 0.5, 0}, {3000, 1, 0.5, 0}, {2000, 2, 0.5, 0}};
    const struct ww_reach_link l[] = {{0, 2, 1}, {1, 2, 1}};
    const struct ww_source_candidate c[] = {{{0, 1000}, 1, 0}, {{1, 1000}, 1, 0}};
    const struct ww_source_sensor k[] = {{{2, 2000}, 0.05}, {{0, 2500}, 0.05}};
    struct ww_source_options o = ww_source_usual(0, 43200);
    struct fork f;
    assert_true(WW_OK == ww_net_new(r, 3, l, 2, &f.net, NULL));
    assert_true(WW_OK == ww_source_new(f.net, c, 2, k, n_sensors, &o, &f.s, NULL));
    return f;
}

static void add_cloud(struct fork *f, uint32_t arm) {
    struct ww_passage above[3];
    ww_net_above(f->net, (struct ww_spot){2, 2000}, above);
    struct ww_passage p =
        ww_net_passage(f->net, (struct ww_spot){2, 2000}, above, (struct ww_spot){arm, 1000});
    for (double t = 0; t < 43200; t += 300)
        ww_source_add(f->s, 0, t,
                      ww_plume_at(p, 2, (struct ww_release){10000, 3600, 4}, WW_DISPERSAL_USUAL, t));
}

static void a_silent_sensor_speaks_against_what_lies_above_it(void **state) {
    (void)state;
    double p[2];
    struct fork f = make_fork(2);
    add_cloud(&f, 1);
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    near_to(p[0], 0.5, 1e-6); /* the end alone can't tell the arms apart */
    for (double t = 0; t < 43200; t += 300)
        ww_source_add(f.s, 1, t, 0);
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    assert_true(p[1] > 0.95);
    assert_true(p[0] > 0.001); /* that sensor may be broken: no veto */
    struct ww_source_fit fit = ww_source_fit(f.s, 0);
    struct ww_source_reason r = ww_source_reason(f.s, 0, &fit, 1);
    assert_true(r.below && r.llr < -3 && r.arrival.peak_g_m3 > 0.5 && r.seen == 0);
    fit = ww_source_fit(f.s, 1);
    near_to(fit.release.rate_g_s, 4, 0.14 * 4); /* of the lengths that are tried, none is nearer for sure … */
    near_to(fit.release.rate_g_s * fit.release.duration_s, 4 * 3600, 1440); /* … but its mass is known */
    near_to(fit.release.start_s, 10000, 1800);
    r = ww_source_reason(f.s, 1, &fit, 0);
    assert_true(r.below && r.llr > 5);
    assert_true(!ww_source_reason(f.s, 1, &fit, 1).below);
    ww_source_free(f.s);
    ww_net_free(f.net);
}

static void what_another_sensor_saw_of_something_else_does_not_decide(void **state) {
    (void)state;
    double p[2];
    struct ww_source_summary sum;
    struct fork f = make_fork(2);
    add_cloud(&f, 1);
    /* A hundred times as much passes the sensor on the other arm, hours later, and is not seen at the end. */
    for (double t = 0; t < 43200; t += 300)
        ww_source_add(f.s, 1, t, t > 30000 && t < 36000 ? 100 * sin((t - 30000) / 6000 * M_PI) : 0);
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    assert_true(p[0] > 0.95); /* unasked: the one that explains most */
    ww_source_about(f.s, 0, 20000);
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    assert_true(p[1] > 0.95); /* asked: where what passed the end came from */
    assert_true(WW_OK == ww_source_summary(f.s, p, &sum));
    assert_true(sum.saw == 1 && sum.best == 1);
    ww_source_about(f.s, 0, 40000); /* nothing passed it then: as if unasked */
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    assert_true(p[0] > 0.95);
    ww_source_free(f.s);
    ww_net_free(f.net);
}

static void no_length_of_discharge_is_far_from_one_that_is_tried(void **state) {
    (void)state;
    static const double window_s[] = {60, 100, 3600, 43200, 86400, 1e6};
    for (size_t i = 0; i < sizeof window_s / sizeof *window_s; i++) {
        struct ww_source_options o = ww_source_usual(5e5, 5e5 + window_s[i]);
        near_to(o.duration_s[0], o.step_s, 1e-6);
        near_to(o.duration_s[WW_SOURCE_DURATIONS - 1], fmax(window_s[i], 2 * o.step_s), 1e-4);
        for (int d = 1; d < WW_SOURCE_DURATIONS; d++) { /* half way between two, as a share */
            double ratio = o.duration_s[d] / o.duration_s[d - 1];
            assert_true(ratio > 1 && sqrt(ratio) < 1.14);
        }
    }
}

static void a_known_discharge_weighs(void **state) {
    (void)state;
    double p[2];
    struct fork f = make_fork(1);
    add_cloud(&f, 1);
    assert_true(WW_OK == ww_source_known(f.s, 0, 9000, 15000, 20));
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    assert_true(p[0] > 0.9);
    ww_source_free(f.s);
    ww_net_free(f.net);
    f = make_fork(1);
    add_cloud(&f, 1);
    assert_true(WW_OK == ww_source_known(f.s, 0, 40000, 41000, 20)); /* at another time: of no help */
    assert_true(WW_OK == ww_source_posterior(f.s, p));
    near_to(p[0], 0.5, 0.05);
    ww_source_free(f.s);
    ww_net_free(f.net);
}

/* ---- Air ---- */

static void wind_points_to_its_source(void **state) {
    (void)state;
    const struct ww_air_source source[] = {{{0, 0}, 1}, {{3000, 0}, 1}, {{0, 4000}, 1}, {{-2500, 1500}, 1}};
    const struct ww_air_sensor sensor[] = {{{1000, 1000}, 0.05}, {{-1000, 2500}, 0.05}, {{500, -1500}, 0.05}};
    struct ww_wind_options o = WW_WIND_USUAL;
    int found = 0;
    uint64_t seed = 6;
    for (uint32_t truth = 0; truth < 4; truth++)
        for (int round = 0; round < 10; round++) {
            struct ww_air *air = ww_air_new(source, 4, sensor, 3, o);
            double p[4], llr[4];
            for (int hour = 0; hour < 72; hour++) {
                struct ww_wind wind = {360 * random_01(&seed), hour % 9 == 0 ? 0.2 : 2, NAN};
                for (uint32_t k = 0; k < 3; k++)
                    ww_air_add(air, k, wind,
                               8 * ww_wind_share(source[truth].at, sensor[k].at, wind, &o) +
                                   0.05 * random_normal(&seed));
            }
            ww_air_posterior(air, p, llr);
            near_to(p[0] + p[1] + p[2] + p[3], 1, 1e-9);
            found += p[truth] > 0.5;
            ww_air_free(air);
        }
    assert_true(found >= 38);
}

static void shares_follow_the_angle(void **state) {
    (void)state;
    struct ww_wind_options o = WW_WIND_USUAL;
    struct ww_air_spot here = {0, 0}, east = {1000, 0};
    struct ww_wind from_east = {90, 3, NAN}, from_west = {270, 3, NAN}, calm = {90, 0.3, NAN},
                   wide = {120, 3, 30};
    near_to(ww_wind_share(east, here, from_east, &o), pow(6, -1.5), 1e-12);
    assert_true(ww_wind_share(east, here, from_west, &o) < 1e-20);
    assert_true(ww_wind_share(east, here, calm, &o) == 0);
    near_to(ww_wind_share(east, here, wide, &o), exp(-0.5) * pow(6, -1.5), 1e-12);
    const struct ww_wind turning[] = {{350, 2, NAN}, {10, 2, NAN}, {180, 0.1, NAN}};
    near_to(ww_wind_spread_deg(turning, 3, 0.5), 10, 0.1);
    assert_true(isnan(ww_wind_spread_deg(turning + 2, 1, 0.5)));
    struct ww_cpf cpf = {0};
    assert_true(ww_cpf_sector(0) == 0 && ww_cpf_sector(355) == 0 && ww_cpf_sector(90) == 4 &&
                ww_cpf_sector(-90) == 12);
    ww_cpf_add(&cpf, from_east, 0.5, true);
    ww_cpf_add(&cpf, from_east, 0.5, false);
    ww_cpf_add(&cpf, calm, 0.5, true);
    near_to(ww_cpf_of(&cpf, 4), 0.5, 0);
    assert_true(cpf.calm == 1 && isnan(ww_cpf_of(&cpf, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passages_add_up_along_the_water),
        cmocka_unit_test(impossible_water_is_refused),
        cmocka_unit_test(mass_is_kept_at_confluences_and_splits),
        cmocka_unit_test(velocity_follows_jobson),
        cmocka_unit_test(one_sensor_tells_a_stretch_and_where_to_sample),
        cmocka_unit_test(a_silent_sensor_speaks_against_what_lies_above_it),
        cmocka_unit_test(what_another_sensor_saw_of_something_else_does_not_decide),
        cmocka_unit_test(no_length_of_discharge_is_far_from_one_that_is_tried),
        cmocka_unit_test(a_known_discharge_weighs),
        cmocka_unit_test(wind_points_to_its_source),
        cmocka_unit_test(shares_follow_the_angle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
