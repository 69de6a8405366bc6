/* What clients ask of layers: formats, languages, boxes, places in an order, ids, GDAL's filters, comments.
 * All pure. Times are tested where the database can answer for them: tests/integration/test_ogc_features.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/ogc/request.h"

static struct ww_arena *arena;

static int make_arena(void **state) {
    (void)state;
    arena = ww_arena_new((size_t)64 << 20);
    return arena ? 0 : -1;
}

static int free_arena(void **state) {
    (void)state;
    ww_arena_free(arena);
    return 0;
}

static void test_the_heaviest_format_wins(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        int format;
        bool plain;
    } cases[] = {
        {"", OGC_GEOJSON, false},
        {"*/*", OGC_GEOJSON, false},
        {"application/json", OGC_GEOJSON, true},
        {"application/geo+json;q=0.1, text/html", OGC_HTML, false},
        {"text/*", OGC_HTML, false},
        {"text/*;q=0.5, text/html;q=0, */*;q=0.1", OGC_CSV, false},
        {"text/html;q=0", -1, false},
        {"application/xml", -1, false},
        {"image/png, */*;q=0", -1, false},
        {",,;q=1,", -1, false},
        {"TEXT/CSV", OGC_CSV, false},
        {"text/csv;header=present;q=0.9", OGC_CSV, false},
        {"text/csv;q=x", -1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool plain;
        print_message("%s\n", cases[i].accept);
        assert_int_equal(ogc_negotiate(ww_str_of(cases[i].accept), ogc_feature_formats, &plain),
                         cases[i].format);
        assert_int_equal(plain, cases[i].plain);
    }
}

static void test_the_heavier_language_wins(void **state) {
    (void)state;
    static const char *const chinese[] = {"zh", "zh-CN,zh;q=0.9,en;q=0.8", "ZH-hans", "en;q=0.1,zh;q=0.2",
                                          "zh,*"};
    static const char *const english[] = {"", "en", "*", "en,zh;q=0.9", "zh;q=0", "zha", "de"};
    for (size_t i = 0; i < sizeof chinese / sizeof *chinese; i++)
        assert_true(ogc_is_chinese(ww_str_of(chinese[i])));
    for (size_t i = 0; i < sizeof english / sizeof *english; i++)
        assert_false(ogc_is_chinese(ww_str_of(english[i])));
}

static void test_boxes_are_cut_at_the_world(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool north_first, geographic;
        int n; /* -1: refused */
        double boxes[2][4];
    } cases[] = {
        {"1,2,3,4", false, true, 1, {{1, 2, 3, 4}}},
        {"1,2,3,4", true, true, 1, {{2, 1, 4, 3}}},
        {"1,2,-9,3,4,9", false, true, 1, {{1, 2, 3, 4}}},
        {"1,2,9,3,4,-9", false, true, -1, {{0}}},
        {" 1 , +2,3e0,4.0", false, true, 1, {{1, 2, 3, 4}}},
        {"177,-1,-177,1", false, true, 2, {{177, -1, 180, 1}, {-180, -1, -177, 1}}},
        {"-1,177,1,-177", true, true, 2, {{177, -1, 180, 1}, {-180, -1, -177, 1}}},
        {"177,-1,-177,1", false, false, -1, {{0}}},
        {"170,-1,190,1", false, true, 2, {{170, -1, 180, 1}, {-180, -1, -170, 1}}},
        {"-190,-1,-170,1", false, true, 2, {{170, -1, 180, 1}, {-180, -1, -170, 1}}},
        {"190,-1,200,1", false, true, 1, {{-170, -1, -160, 1}}},
        {"-200,-100,200,100", false, true, 1, {{-180, -90, 180, 90}}},
        {"0,95,1,96", false, true, 0, {{0}}},
        {"107,29,107,29", false, true, 1, {{107, 29, 107, 29}}},
        {"3.5e7,3e6,3.6e7,4e6", false, false, 1, {{3.5e7, 3e6, 3.6e7, 4e6}}},
        {"1,5,3,4", false, true, -1, {{0}}},
        {"1,2,3", false, true, -1, {{0}}},
        {"1,2,3,4,5,6,7", false, true, -1, {{0}}},
        {"1,2,3,", false, true, -1, {{0}}},
        {"1,2,3,NaN", false, true, -1, {{0}}},
        {"1,2,3,1e999", false, true, -1, {{0}}},
        {"", false, true, -1, {{0}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct ogc_request request;
        memset(&request, 0, sizeof request);
        print_message("%s\n", cases[i].text);
        enum ww_status st =
            ogc_box_read(ww_str_of(cases[i].text), cases[i].north_first, cases[i].geographic, &request, NULL);
        assert_int_equal(st, cases[i].n < 0 ? WW_BAD_INPUT : WW_OK);
        if (cases[i].n < 0)
            continue;
        assert_int_equal(request.n_boxes, cases[i].n);
        assert_memory_equal(request.boxes, cases[i].boxes, sizeof(double) * 4 * (size_t)cases[i].n);
    }
}

static void test_a_place_in_the_order_comes_back_as_it_was(void **state) {
    (void)state;
    const struct ww_str values[4] = {WW_STR("a\"b"), WW_STR_NONE, WW_STR(""), WW_STR("\xe7\xab\x99")};
    struct ww_str back[4];
    struct ww_buf out;
    ww_buf_init(&out, 4096);
    ogc_after_write(values, 4, &out);
    assert_int_equal(ogc_after_read(arena, ww_buf_str(&out), 4, back, NULL), WW_OK);
    for (int i = 0; i < 4; i++) {
        assert_true(ww_str_eq(values[i], back[i]));
        assert_int_equal(values[i].ptr == NULL, back[i].ptr == NULL);
    }
    assert_int_equal(ogc_after_read(arena, ww_buf_str(&out), 3, back, NULL), WW_BAD_INPUT);
    assert_int_equal(ogc_after_read(arena, ww_buf_str(&out), 5, back, NULL), WW_BAD_INPUT);
    assert_int_equal(ogc_after_read(arena, WW_STR("bm9wZQ"), 1, back, NULL), WW_BAD_INPUT); /* nope */
    assert_int_equal(ogc_after_read(arena, WW_STR("WzFd"), 1, back, NULL), WW_BAD_INPUT);   /* [1] */
    assert_int_equal(ogc_after_read(arena, WW_STR("WyJcdTAwMDAiXQ"), 1, back, NULL),
                     WW_BAD_INPUT); /* ["\u0000"] */
    ww_buf_clear(&out);
}

static void test_ids_of_several_values_come_back(void **state) {
    (void)state;
    static const struct {
        struct ww_str values[3];
        const char *id;
    } cases[] = {{{WW_STR("1"), WW_STR("2026-06-01T00:00:00Z"), WW_STR("0")}, "1~2026-06-01T00:00:00Z~0"},
                 {{WW_STR("a~"), WW_STR("!b"), WW_STR("")}, "a!1~!0b~"},
                 {{WW_STR("!1"), WW_STR("~~"), WW_STR("!!0")}, "!01~!1!1~!0!00"}};
    struct ww_str back[3];
    struct ww_buf out;
    ww_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ww_buf_reset(&out);
        ogc_id_write(cases[i].values, 3, &out);
        assert_string_equal(out.data, cases[i].id);
        assert_int_equal(ogc_id_read(arena, ww_buf_str(&out), 3, back), WW_OK);
        for (int j = 0; j < 3; j++)
            assert_true(ww_str_eq(back[j], cases[i].values[j]));
    }
    static const char *const wrong[] = {"", "1", "1~2", "1~2~3~4", "1~2~!", "1~2~!2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(ogc_id_read(arena, ww_str_of(wrong[i]), 3, back), WW_NOT_FOUND);
    ww_buf_clear(&out);
}

static void test_the_filters_of_gdal_are_put_into_cql2(void **state) {
    (void)state;
    static const struct ww_layer_column columns[] = {{.name = WW_STR("at"), .type = WW_LAYER_INSTANT},
                                                     {.name = WW_STR("day"), .type = WW_LAYER_DATE},
                                                     {.name = WW_STR("name"), .type = WW_LAYER_TEXT}};
    static const struct ww_layer layer = {.columns = columns, .n_columns = 3};
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"(at >= '2026-01-01T05:00:00Z') AND (at <= '2026-01-01T09:00:00Z')",
         "(at >= TIMESTAMP('2026-01-01T05:00:00Z')) AND (at <= TIMESTAMP('2026-01-01T09:00:00Z'))"},
        {"at = '2026-01-01T05:00:00'", "at = TIMESTAMP('2026-01-01T05:00:00Z')"},
        {"at > '2026-01-01T'", "at > DATE('2026-01-01')"},
        {"'2026-01-01T05:00:00+08:00' < \"at\"", "TIMESTAMP('2026-01-01T05:00:00+08:00') < \"at\""},
        {"day = '2026-01-01T00:00:00Z'", "day = DATE('2026-01-01')"},
        {"name = '2026-01-01T05:00:00Z'", "name = '2026-01-01T05:00:00Z'"},
        {"at = 'soon'", "at = 'soon'"},
        {"name ILIKE 'a%' OR name = 'x''y'", "CASEI(name) LIKE CASEI('a%') OR name = 'x''y'"},
        {"name = 'at >= ''2026-01-01T'' '", "name = 'at >= ''2026-01-01T'' '"},
        {"'open", "'open"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_str out;
        assert_int_equal(ogc_old_cql(arena, &layer, ww_str_of(cases[i].from), &out), WW_OK);
        assert_int_equal(out.len, strlen(cases[i].to));
        assert_memory_equal(out.ptr, cases[i].to, out.len);
    }
}

static void assert_text(struct ww_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void test_comments_give_titles_and_options(void **state) {
    (void)state;
    struct ww_layer_comment c;
    assert_int_equal(
        ww_layer_comment_read(arena,
                              WW_STR("Wells / 水井\nOf the water company.\n自来水公司的\nSince 1990\n"
                                     "wardwatch: key=id,n time=a/b ward=w public anonymous odd"),
                              &c),
        WW_OK);
    assert_text(c.title_en, "Wells");
    assert_text(c.title_zh, "水井");
    assert_text(c.about_en, "Of the water company. Since 1990");
    assert_text(c.about_zh, "自来水公司的");
    assert_text(c.key, "id,n");
    assert_text(c.time, "a/b");
    assert_text(c.ward, "w");
    assert_true(c.open && c.anonymous);
    assert_text(c.unknown, "odd");
    assert_int_equal(ww_layer_comment_read(arena, WW_STR("水井 / Wells"), &c), WW_OK);
    assert_text(c.title_en, "Wells");
    assert_text(c.title_zh, "水井");
    assert_int_equal(ww_layer_comment_read(arena, WW_STR("水井"), &c), WW_OK);
    assert_text(c.title_en, "水井");
    assert_int_equal(ww_layer_comment_read(arena, WW_STR("wardwatch: public"), &c), WW_OK);
    assert_true(c.open && c.title_en.len == 0);
    assert_int_equal(ww_layer_comment_read(arena, WW_STR(""), &c), WW_OK);
    assert_true(!c.open && c.title_en.len == 0 && c.about_zh.len == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_heaviest_format_wins),
        cmocka_unit_test(test_the_heavier_language_wins),
        cmocka_unit_test(test_boxes_are_cut_at_the_world),
        cmocka_unit_test(test_a_place_in_the_order_comes_back_as_it_was),
        cmocka_unit_test(test_ids_of_several_values_come_back),
        cmocka_unit_test(test_the_filters_of_gdal_are_put_into_cql2),
        cmocka_unit_test(test_comments_give_titles_and_options),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
