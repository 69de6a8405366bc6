/* A small district for the tests of judge and locate: two wards side by side, COD in mg/L and noise in dB(A),
 * feed 7 with the outfalls "a" (limit class "strict", in the first ward) and "b" (class ""). Include after
 * cmocka.h. */
#ifndef WW_TEST_MADE_UP_CATALOG_H
#define WW_TEST_MADE_UP_CATALOG_H

#include <math.h>

#include "geo/base/alloc.h"
#include "ingest/catalog.h"

enum { FIRST_WARD = 11, SECOND_WARD = 12, FEED_ID = 7, COD = 0, NOISE = 1 };

/* A square of 0.1 degrees from (107 + step * 0.1, 29), as WKB. */
static void add_square(struct ww_ward_index_builder *builder, uint32_t id, struct ww_str code, double west) {
    const double corners[5][2] = {{0, 0}, {0.1, 0}, {0.1, 0.1}, {0, 0.1}, {0, 0}};
    struct ww_buf wkb;
    struct ww_error err;
    ww_buf_init(&wkb, 1000);
    ww_buf_char(&wkb, 0); /* big-endian */
    ww_buf_be32(&wkb, 3); /* polygon */
    ww_buf_be32(&wkb, 1);
    ww_buf_be32(&wkb, 5);
    for (int i = 0; i < 5; i++) {
        ww_buf_be_double(&wkb, west + corners[i][0]);
        ww_buf_be_double(&wkb, 29 + corners[i][1]);
    }
    assert_int_equal(ww_ward_index_add_wkb(builder, id, code, wkb.data, wkb.len, &err), WW_OK);
    ww_buf_clear(&wkb);
}

static void add_wards(struct ww_catalog *c) {
    struct ww_ward_index_builder *builder = ww_ward_index_builder_new();
    struct ww_error err;
    add_square(builder, FIRST_WARD, WW_STR("500115001"), 107);
    add_square(builder, SECOND_WARD, WW_STR("500115002"), 107.1);
    assert_int_equal(ww_ward_index_build(builder, &c->ward_index, &err), WW_OK);
    assert_int_equal(ww_map_put(c->ward_by_code, WW_STR("500115001"), FIRST_WARD), WW_OK);
    assert_int_equal(ww_map_put(c->ward_by_code, WW_STR("500115002"), SECOND_WARD), WW_OK);
}

static struct ww_catalog *made_up_catalog(const char *feed_config) {
    struct ww_catalog *c = ww_catalog_new(1);
    struct ww_error err;
    add_wards(c);
    c->n_properties = 2;
    c->properties = ww_must_calloc(2, sizeof *c->properties);
    c->properties[COD] = (struct ww_cat_property){.id = 1, .code = WW_STR("cod"), .unit = WW_STR("mg/L")};
    c->properties[NOISE] =
        (struct ww_cat_property){.id = 2, .code = WW_STR("noise_leq"), .unit = WW_STR("dB(A)")};
    for (uint32_t i = 0; i < c->n_properties; i++)
        assert_int_equal(ww_map_put(c->property_by_code, c->properties[i].code, i), WW_OK);
    c->n_feeds = 1;
    c->feeds = ww_must_calloc(1, sizeof *c->feeds);
    c->feeds[0] = (struct ww_cat_feed){.id = FEED_ID, .name = "water", .enabled = true};
    assert_int_equal(ww_feed_config_parse(ww_str_of(feed_config), &c->feeds[0].config, &err), WW_OK);
    assert_int_equal(ww_map_put(c->feed_by_name, WW_STR("water"), 0), WW_OK);
    struct ww_cat_thing a = {.id = 100,
                             .ward_id = FIRST_WARD,
                             .raw = {107.05, 29.05},
                             .class_index = ww_catalog_name(c, WW_STR("outfall")),
                             .limit_class_index = ww_catalog_name(c, WW_STR("strict")),
                             .feed_id = FEED_ID};
    struct ww_cat_thing b = {.id = 101, .raw = {NAN, NAN}, .class_index = a.class_index, .feed_id = FEED_ID};
    uint32_t thing_a = ww_catalog_add_thing(c, WW_STR("a"), &a);
    uint32_t thing_b = ww_catalog_add_thing(c, WW_STR("b"), &b);
    ww_catalog_add_datastream(c, &(struct ww_cat_datastream){.id = 1000, .thing = thing_a, .property = COD});
    ww_catalog_add_datastream(c, &(struct ww_cat_datastream){.id = 1001, .thing = thing_b, .property = COD});
    return c;
}

#endif
