/* The simulated city is the same for the same seed, and its wards tile the outline. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "geo/base/buf.h"
#include "geo/base/json_reader.h"
#include "ingest/decode/feed_config.h"
#include "ingest/simulate/city.h"
#include "ingest/simulate/city_data.h"
#include "ingest/simulate/signal.h"

static struct ww_city *make(uint32_t wards, uint32_t sensors, uint64_t seed) {
    struct ww_city *city = NULL;
    struct ww_error err;
    enum ww_status st =
        ww_city_new(&(struct ww_city_options){.wards = wards, .sensors = sensors, .seed = seed}, &city, &err);
    if (st != WW_OK)
        fail_msg("%s", err.message);
    return city;
}

static double ring_area(const struct ww_city_ring *ring) {
    double sum = 0;
    for (uint32_t i = 0; i + 1 < ring->n; i++)
        sum += (ring->points[i].lon_deg - 107) * (ring->points[i + 1].lat_deg - 30) -
               (ring->points[i + 1].lon_deg - 107) * (ring->points[i].lat_deg - 30);
    return sum / 2;
}

static bool ring_holds(const struct ww_city_ring *ring, struct ww_place p) {
    bool inside = false;
    for (uint32_t i = 0; i + 1 < ring->n; i++) {
        struct ww_place a = ring->points[i], b = ring->points[i + 1];
        if ((a.lat_deg > p.lat_deg) != (b.lat_deg > p.lat_deg) &&
            p.lon_deg <
                a.lon_deg + (p.lat_deg - a.lat_deg) / (b.lat_deg - a.lat_deg) * (b.lon_deg - a.lon_deg))
            inside = !inside;
    }
    return inside;
}

static bool ward_holds(const struct ww_city_ward *ward, struct ww_place p) {
    for (uint32_t i = 0; i < ward->n_rings; i++)
        if (ring_holds(&ward->rings[i], p))
            return true;
    return false;
}

static void check_tiling(const struct ww_city *city) {
    double sum = 0;
    for (uint32_t i = 0; i < city->n_wards; i++)
        for (uint32_t r = 0; r < city->wards[i].n_rings; r++) {
            double area = ring_area(&city->wards[i].rings[r]);
            assert_true(area > 0);
            sum += area;
        }
    /* 1e-9 square degrees are ten square metres: the rounding to a centimetre. */
    assert_true(fabs(sum - ring_area(&city->outline)) < 1e-7);
}

static void wards_tile_the_outline_without_gap_or_overlap(void **state) {
    (void)state;
    struct ww_city *city = make(0, 0, 1);
    assert_int_equal(city->n_wards, 19);
    check_tiling(city);
    for (uint64_t i = 0; i < 5000; i++) {
        struct ww_place p = {106.86 + 0.6 * ww_mix_unit(9, 1, i), 29.69 + 0.56 * ww_mix_unit(9, 2, i)};
        uint32_t holders = 0, nearest = 0, holder = 0;
        double best = INFINITY;
        for (uint32_t w = 0; w < city->n_wards; w++) {
            struct ww_place s = city->wards[w].seat;
            double d = hypot((s.lon_deg - p.lon_deg) * 0.8664, s.lat_deg - p.lat_deg);
            nearest = d < best ? w : nearest;
            best = d < best ? d : best;
            if (ward_holds(&city->wards[w], p)) {
                holders++;
                holder = w;
            }
        }
        assert_int_equal(holders, ring_holds(&city->outline, p) ? 1 : 0);
        if (holders)
            assert_int_equal(holder, nearest);
    }
    ww_city_free(city);
}

static void every_seat_lies_in_its_own_ward(void **state) {
    (void)state;
    struct ww_city *city = make(500, 0, 3);
    for (uint32_t i = 0; i < city->n_wards; i++)
        for (uint32_t w = 0; w < city->n_wards; w++)
            assert_int_equal(ward_holds(&city->wards[w], city->wards[i].seat), w == i);
    check_tiling(city);
    ww_city_free(city);
}

static void a_city_of_41000_wards_tiles_too(void **state) {
    (void)state;
    struct ww_city *city = make(41000, 20000, 1);
    assert_int_equal(city->n_wards, 41000);
    assert_int_equal(city->n_things, 20000);
    check_tiling(city);
    ww_city_free(city);
}

static void sites_and_things_lie_inside_and_rivers_flow_somewhere(void **state) {
    (void)state;
    struct ww_city *city = make(0, 3000, 5);
    for (uint32_t i = 0; i < city->n_things; i++)
        assert_true(ring_holds(&city->outline, city->things[i].place));
    for (uint32_t i = 0; i < city->n_sites; i++)
        assert_true(ring_holds(&city->outline, city->sites[i].place));
    for (uint32_t i = 0; i < city->n_waterways; i++) {
        const struct ww_city_waterway *reach = &city->waterways[i];
        bool found = reach->downstream[0] == '\0';
        for (uint32_t j = 0; j < city->n_waterways; j++)
            if (strcmp(city->waterways[j].code, reach->downstream) == 0) {
                struct ww_place end = reach->points[reach->n_points - 1],
                                start = city->waterways[j].points[0];
                found = end.lon_deg == start.lon_deg && end.lat_deg == start.lat_deg;
            }
        assert_true(found);
    }
    ww_city_free(city);
}

static void names_of_wards_and_things_are_unique(void **state) {
    (void)state;
    struct ww_city *city = make(300, 300, 5);
    for (uint32_t i = 0; i < 300; i++)
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(city->wards[i].code, city->wards[j].code);
            assert_string_not_equal(city->things[i].key, city->things[j].key);
        }
    ww_city_free(city);
}

static void read_all(const char *dir, const char *name, struct ww_buf *out) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        ww_buf_add(out, chunk, n);
    fclose(file);
    remove(path);
}

static const char *const files[] = {"district.json",  "wards.geojson", "waterways.geojson", "sites.geojson",
                                    "things.geojson", "feeds.json",    "rules.json"};

static void the_same_seed_writes_the_same_files_and_another_does_not(void **state) {
    (void)state;
    char dirs[3][32];
    for (int i = 0; i < 3; i++) {
        struct ww_error err;
        struct ww_city *city = make(60, 90, i < 2 ? 7 : 8);
        snprintf(dirs[i], sizeof dirs[i], "/tmp/ww_city_XXXXXX");
        assert_non_null(mkdtemp(dirs[i]));
        assert_int_equal(ww_city_write(city, dirs[i], &err), WW_OK);
        ww_city_free(city);
    }
    bool other_differs = false;
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        struct ww_buf text[3];
        struct ww_json_node *root;
        struct ww_error err;
        for (int i = 0; i < 3; i++) {
            ww_buf_init(&text[i], 1 << 24);
            read_all(dirs[i], files[f], &text[i]);
        }
        assert_true(ww_str_eq(ww_buf_str(&text[0]), ww_buf_str(&text[1])));
        other_differs |= !ww_str_eq(ww_buf_str(&text[0]), ww_buf_str(&text[2]));
        struct ww_arena *arena = ww_arena_new(1 << 24);
        assert_int_equal(ww_json_parse(arena, ww_buf_str(&text[0]), &root, &err), WW_OK);
        ww_arena_free(arena);
        for (int i = 0; i < 3; i++)
            ww_buf_clear(&text[i]);
    }
    assert_true(other_differs);
    for (int i = 0; i < 3; i++)
        remove(dirs[i]);
}

static void too_few_and_too_many_wards_are_refused(void **state) {
    (void)state;
    struct ww_city *city = NULL;
    struct ww_error err;
    assert_int_equal(ww_city_new(&(struct ww_city_options){.wards = 18}, &city, &err), WW_BAD_INPUT);
    assert_int_equal(ww_city_new(&(struct ww_city_options){.wards = 100001}, &city, &err), WW_BAD_INPUT);
    assert_int_equal(ww_city_new(&(struct ww_city_options){.sensors = 200001}, &city, &err), WW_BAD_INPUT);
    assert_null(city);
}

static void every_feed_config_can_be_read(void **state) {
    (void)state;
    for (uint32_t i = 0; i < city_n_feeds; i++) {
        struct ww_feed_config *config = NULL;
        struct ww_error err;
        if (ww_feed_config_parse(ww_str_of(city_feeds[i].config), &config, &err) != WW_OK)
            fail_msg("%s: %s (%s)", city_feeds[i].name, err.message, err.field);
        ww_feed_config_free(config);
    }
}

static void undisturbed_readings_never_break_a_limit(void **state) {
    (void)state;
    struct ww_city *city = make(0, 0, 1);
    int64_t start = 1700000000 * WW_SECOND_US;
    for (uint32_t i = 0; i < city->n_things; i++) {
        const struct ww_signal *signals;
        uint32_t n = ww_signals_of(&city->things[i], &signals);
        for (uint32_t s = 0; s < n; s++)
            for (int64_t t = start; t < start + 30 * WW_DAY_US; t += 1200 * WW_SECOND_US) {
                double v = ww_signal_round(&signals[s], ww_signal_at(&signals[s], city->seed, i, t));
                double upper = ww_signal_upper_at(&signals[s], t);
                if ((upper > 0 && v >= upper) || v < signals[s].lower)
                    fail_msg("%s %s is %g", city->things[i].key, signals[s].property, v);
            }
    }
    ww_city_free(city);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wards_tile_the_outline_without_gap_or_overlap),
        cmocka_unit_test(every_seat_lies_in_its_own_ward),
        cmocka_unit_test(a_city_of_41000_wards_tiles_too),
        cmocka_unit_test(sites_and_things_lie_inside_and_rivers_flow_somewhere),
        cmocka_unit_test(names_of_wards_and_things_are_unique),
        cmocka_unit_test(the_same_seed_writes_the_same_files_and_another_does_not),
        cmocka_unit_test(too_few_and_too_many_wards_are_refused),
        cmocka_unit_test(every_feed_config_can_be_read),
        cmocka_unit_test(undisturbed_readings_never_break_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
