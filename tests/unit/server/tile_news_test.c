/* What readers are told of changed tiles: those that they see, each once, never too many. */
#include "server/tiles/tile_news.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int32_t mine[] = {2};
static const struct ww_live_view all = {.all = true}, ward_2 = {.wards = mine, .n_wards = 1};

static struct ww_live_change point(double lon, double lat, int32_t ward) {
    const struct ww_spot spot = ww_spot_of((struct ww_place){lon, lat});
    return (struct ww_live_change){spot, spot, ward, true};
}

static const char *told(const struct ww_live_change *changes, size_t n, const struct ww_live_view *view) {
    static char text[1 << 16];
    struct tile_news *news = tile_news_new();
    struct ww_buf out;
    ww_buf_init(&out, sizeof text - 1);
    tile_news_write(news, WW_STR("thing"), changes, n, view, &out);
    assert_int_equal(ww_buf_status(&out), WW_OK);
    memcpy(text, out.data ? out.data : "", out.len);
    text[out.len] = '\0';
    ww_buf_clear(&out);
    tile_news_free(news);
    return text;
}

static void each_tile_is_told_once_to_those_who_see_it(void **state) {
    const struct ww_live_change changes[] = {point(107.03, 29.03, 1), point(107.03, 29.03, 2),
                                             point(107.031, 29.03, 1), point(107.13, 29.03, 2)};
    (void)state;
    assert_string_equal(told(changes, 4, &all),
                        "event: tiles\ndata: {\"layer\":\"thing\",\"tiles\":[\"14/13063/6810\","
                        "\"14/13067/6810\"]}\n\n");
    assert_string_equal(told(changes, 1, &ward_2), "");
    assert_string_equal(told(changes + 3, 1, &ward_2),
                        "event: tiles\ndata: {\"layer\":\"thing\",\"tiles\":[\"14/13067/6810\"]}\n\n");
}

static void many_tiles_are_told_as_fewer_larger_ones(void **state) {
    static struct ww_live_change changes[5000];
    int tiles = 0;
    (void)state;
    for (int i = 0; i < 5000; i++)
        changes[i] = point(100 + i % 100 * 0.05, 20 + i / 100 * 0.05, 1);
    const char *text = told(changes, 5000, &all);
    for (const char *at = text; (at = strchr(at, '/')); at++)
        tiles++;
    assert_true(tiles / 2 <= TILE_NEWS_MOST && tiles / 2 > 20);
    assert_null(strstr(text, "\"14/"));
}

static void an_area_is_told_by_at_most_four_tiles_that_cover_it(void **state) {
    struct ww_live_change area = {ww_spot_of((struct ww_place){106.9, 30.1}),
                                  ww_spot_of((struct ww_place){107.3, 29.7}), 2, false};
    int slashes = 0;
    (void)state;
    const char *text = told(&area, 1, &ward_2);
    for (const char *at = text; (at = strchr(at, '/')); at++)
        slashes++;
    assert_true(slashes / 2 >= 1 && slashes / 2 <= 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tile_is_told_once_to_those_who_see_it),
        cmocka_unit_test(many_tiles_are_told_as_fewer_larger_ones),
        cmocka_unit_test(an_area_is_told_by_at_most_four_tiles_that_cover_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
